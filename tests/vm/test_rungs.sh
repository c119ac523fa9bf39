#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_rungs.sh KERNEL
#
# The recordings that test_record.sh made of the same stories on different rungs say the
# same: each task's calls, system calls and births in their order, with arguments,
# results, callers and what the trace knows of the objects. What goes before they are
# compared is in normal() below; what a rung cannot know is in expected/rungs.txt.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
out=$RESULTS/$kernel/rungs
rm -rf "$out"
mkdir -p "$out"

# in_order DUMP...: "dump, task's first time, task, time, rank, line", sorted. Several
# dumps are one after the other, as if one recording had all of their work. Who ends the
# mappings of a process that exits, itself or whoever reads of it in /proc at that moment,
# is a race of those two: of these calls only the number is compared.
in_order()
{
	awk '
		$1 == "call" && $2 ~ /vm_area_free$/ { freed += pass == 2; next }
		$1 == "sys" && $2 ~ /^(exit_group|read)$/ { next }
		END { printf "%d\t0\t0\t0\t0\tfreed %d\n", n + 1, freed }
		function field(name)
		{
			return match($0, " " name "=[^ ]*") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : ""
		}
		function put(key, task, t, rank)
		{
			printf "%d\t%s\t%d\t%s\t%d\t%s\n", n, key, task, t, rank, $0
		}
		FNR == 1 { n++ }
		# of calls and system calls the times of the first of each task, in a first run
		pass == 1 {
			if ($1 !~ /^(call|sys)$/)
				next
			task = field("task")
			t = field("t")
			if (!((n, task) in first) || t + 0 < first[n, task] + 0)
				first[n, task] = t
			next
		}
		$1 ~ /^(buf|att|dev)$/ { put(0, 0, 0, 0) }
		$1 == "task" { put(0, 0, 0, 0) }
		$1 == "sys" { put(first[n, field("task")], field("task"), field("t"), 0) }
		$1 == "call" { put(first[n, field("task")], field("task"), field("t"), field("seq")) }
		$1 == "taskev" && (n, field("task")) in first { put(first[n, field("task")], field("task"), field("t"), 1000000) }
	' pass=1 "$@" n=0 pass=2 "$@" | sort -t "$(printf '\t')" -k1,1n -k2,2n -k3,3n -k4,4n -k5,5n
}

# normal SKIP DUMP...: without times, processors, what is the machine's of that moment
# (pids, inodes, pointers among the arguments of system calls) and the field SKIP;
# objects are numbered in the order in which calls show them.
normal()
{
	local skip=$1
	shift
	in_order "$@" | awk -F '\t' -v skip="$skip" '
		function fields(line,  n)
		{
			n = 0
			while (match(line, / [a-z_0-9]+=("([^"\\]|\\.)*"|[^ ]*)/)) {
				value[++n] = substr(line, RSTART + 1, RLENGTH - 1)
				line = substr(line, RSTART + RLENGTH)
				name[n] = value[n]
				sub(/=.*/, "", name[n])
				sub(/^[^=]*=/, "", value[n])
			}
			return n
		}
		# Of an object: over all dumps, but descriptors'"'"' tables are each task'"'"'s (their
		# addresses are used again), and a device is what is known of it.
		function number(kind, id,  key, what)
		{
			what = known[dump, kind, id]
			key = kind == "table" ? at SUBSEP id : kind == "dev" ? what : dump SUBSEP id
			if (!((kind, key) in numbers)) {
				numbers[kind, key] = kind == "table" ? ++tables[at] : ++last[kind]
				if (what != "")
					print "    " kind "=" numbers[kind, key] show(what)
			}
			return numbers[kind, key]
		}
		# what is said of it, without what is this recording'"'"'s own
		function said(line, what,  n, i, text)
		{
			n = fields(line)
			text = ""
			for (i = 1; i <= n; i++)
				if (!(name[i] in own) && !(name[i] in skipped) && !(name[i] == "ret" && what in births))
					text = text " " name[i] "=" (name[i] in given && value[i] ~ /^[0-9]+$/ ? "#" given[name[i]] " " value[i] "#" : value[i])
			return text
		}
		# in how many pieces memory lies is its own affair
		function pieces(text)
		{
			if (text ~ /(map_attachment|map_dma_buf)/)
				sub(/ ret=[0-9]+/, " ret=some", text)
			return text
		}
		function show(text,  ref, before, behind)
		{
			while (match(text, /#[a-z]+ [0-9]+#/)) {
				before = substr(text, 1, RSTART - 1)
				behind = substr(text, RSTART + RLENGTH)
				split(substr(text, RSTART + 1, RLENGTH - 2), ref, " ")
				text = before number(ref[1], ref[2]) behind
			}
			return text
		}
		BEGIN {
			n = split("t end dur cpu seq sys task other id ino a0 a1 a2 a3 a4 a5 pid tid tgid ops key cookie", w, " ")
			for (i = 1; i <= n; i++) own[w[i]] = 1
			n = split("buf att sgt dev table vma", w, " ")
			for (i = 1; i <= n; i++) given[w[i]] = w[i]
			# they return a pid
			births["clone"] = births["clone3"] = births["fork"] = births["vfork"] = births["wait4"] = 1
			given["from"] = "table"
			given["orig"] = "vma"
			skipped[skip] = 1
		}
		{
			dump = $1
			split($6, word, " ")
			kind = word[1]
			if (kind == "freed")
				$0 = $6
		}
		kind ~ /^(buf|att|dev|task)$/ {
			n = fields($6)
			for (i = 1; i <= n; i++) if (name[i] == "id") id = value[i]
			known[dump, kind, id] = said($6, kind)
			next
		}
		kind == "freed" {
			print
			next
		}
		$1 SUBSEP $3 != at {
			at = $1 SUBSEP $3
			print "task" known[dump, "task", $3] ":"
		}
		{ print "  " pieces(show(kind " " word[2] said($6, word[2]))) }'
}

# unknown RUNG: the field of which it, or the default, knows less on this kernel
unknown()
{
	awk -v kernel="$kernel" -v rung="$1" '$1 == kernel && $2 == rung { print $3 }' "$VM_DIR/expected/rungs.txt"
}

# dumps RUNG: the text forms of its recordings, in the order of the stories
dumps()
{
	local rung stories
	while IFS=: read -r rung stories; do
		# those two are recorded by default only
		[[ $stories != cpu-access && $stories != across ]] || continue
		if [ "$rung" = "$1" ]; then
			dmaseq dump "$RESULTS/$kernel/$rung.${stories//,/+}/trace.dmaseq" >"$out/$rung.$stories.txt"
			printf '%s\n' "$out/$rung.$stories.txt"
		fi
	done <"$RESULTS/$kernel/plan"
}

# compared RUNG SKIP: whether they are the same without the field SKIP
compared()
{
	normal "$2" "${ours[@]}" >"$out/default"
	normal "$2" "${theirs[@]}" >"$out/$1"
	cmp -s "$out/default" "$out/$1"
}

# lost DUMP...: events that these say are missing. On a kernel that preempts, programs of fentry
# lose some now and then (docs/kernel-support.md), of all files' closes most.
lost()
{
	awk '/^loss / && match($0, / count=[0-9]+/) { n += substr($0, RSTART + 7, RLENGTH - 7) } END { print n + 0 }' "$@"
}

# other_than_lost RUNG: a line at most is missing for each event that was lost, and differs for
# the system call around it
other_than_lost()
{
	local differ lost
	differ=$(diff "$out/default" "$out/$1" | grep -c '^[<>]')
	lost=$(lost "${ours[@]}" "${theirs[@]}")
	[ "$differ" -gt $((2 * lost)) ] && return
	say "$1: $differ lines differ, $lost events are lost"
	return 1
}

mapfile -t ours < <(dumps default)
for rung in $(rungs_of "$kernel"); do
	mapfile -t theirs < <(dumps "$rung")
	skip=$(unknown "$rung")
	if [ -n "$skip" ] && compared "$rung" ''; then
		bad "$rung: is the same, but expected/rungs.txt says that $skip is not"
	fi
	if ! compared "$rung" "$skip" && other_than_lost "$rung"; then
		bad "$rung: not the same (- default, + $rung):"
		diff -u "$out/default" "$out/$rung" | head -n 60
	fi
	n=$(grep -c '^  call ' "$out/$rung")
	[ "$n" -gt 500 ] || bad "$rung: only $n calls"
	say "$rung: $n calls${skip:+, without $skip}"
done
finish
