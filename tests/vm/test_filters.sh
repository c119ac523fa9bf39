#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_filters.sh KERNEL
#
# Each filter of record against a recorder of everything that watched the same work
# (guest/filters.sh): it has the buffers that it must have and no other; of each, all
# calls from the first that it has on; and where the filter is about what a buffer is,
# all calls.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"
dir=$RESULTS/filters-$kernel
rm -rf "$dir"

if ! guest "$kernel" "$dir" --smp 1 -- "$VM_DIR/guest/filters.sh"; then
	bad "the guest $kernel failed"
	finish
fi
cd "$dir/cases" || exit 1

for work in hold attach sync fence errors binder; do
	[ "$(cat $work.status)" = 0 ] || bad "$work ended with $(cat $work.status): $(tail -n 3 $work.out)"
done

# calls NAME: "INODE CALL" in the order in which they ended, of each call on a buffer;
# without what each recorder numbers, times or cannot know of what was before it. How
# deep a call is depends on whether the one around it is recorded.
calls()
{
	awk '
		function value(key)
		{
			return match($0, " " key "=[^ ]*") ? substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2) : ""
		}
		$1 == "task" { tid[value("id")] = value("tid") }
		$1 == "buf" { ino[value("id")] = value("ino") }
		$1 == "call" && value("buf") {
			ret = $0 ~ / ret=/ ? " ret=" value("ret") : ""
			print ino[value("buf")], tid[value("task")], $2 ret
		}' "$1.txt"
}

# tails: whether one.filter is what one.everything has at its end, of each task for itself: the
# recorders look at different times, so calls of two tasks at the same time change places.
tails()
{
	local tid n m
	while read -r tid; do
		grep "^[^ ]* $tid " one.filter >task.filter
		n=$(wc -l <task.filter)
		grep "^[^ ]* $tid " one.everything | tail -n "$n" | cmp -s - task.filter || return
	done < <(cut -d' ' -f2 one.everything one.filter | sort -u)
	# What a task is missing is of before the first that there is, give or take one call each.
	read -r _ tid _ <one.filter
	n=$(grep -c "^[^ ]* $tid " one.filter)
	m=$(tac one.everything | awk -v tid="$tid" -v n="$n" '$2 == tid && !--n { print NR; exit }')
	n=$((m - $(wc -l <one.filter)))
	m=$(cut -d' ' -f2 one.everything | sort -u | wc -l)
	[ "${n#-}" -lt "$m" ]
}

# has INODES NAME WHOLE: WHOLE is yes where all calls of a buffer must be there.
has()
{
	local want=$1 name=$2 whole=$3 ino n m
	[ -s "$want" ] || bad "$name: no buffer fits, so nothing is proven"
	cut -d' ' -f1 "$name.calls" | sort -u >"$name.got"
	cmp -s "$want" "$name.got" || {
		bad "$name: not the buffers that it must have (- expected, + got):"
		diff -u "$want" "$name.got" | tail -n +3
	}
	while read -r ino; do
		grep "^$ino " everything.calls >one.everything
		grep "^$ino " "$name.calls" >one.filter
		n=$(wc -l <one.filter)
		m=$(wc -l <one.everything)
		tails || {
			bad "$name: other calls of inode $ino (- everything, + $name):"
			diff -u one.everything one.filter | tail -n +3 | head -n 20
		}
		[ "$whole" != yes ] || [ "$n" = "$m" ] || bad "$name: $n of $m calls of inode $ino"
	done < <(comm -12 "$want" "$name.got")
	say "$name: $(wc -l <"$name.got") buffers, $(wc -l <"$name.calls") calls of $(wc -l <everything.calls)"
}

# buffers CONDITION: the inodes of everything for which it holds, in awk
buffers()
{
	awk -v exporter="$(cat exporter)" -v inode="$(cat inode)" '
		function value(key)
		{
			return match($0, " " key "=[^ ]*") ? substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2) : ""
		}
		function is(name) { return value("exp_name") == "\"" name "\"" || value("owner") == "\"" name "\"" }
		$1 == "buf" { ino[value("id")] = value("ino") }
		$1 == "buf" && ('"${1:-0}"') { print value("ino") }
		$1 == "att" && ('"${2:-0}"') { print ino[value("buf")] }' everything.txt | sort -u
}

for name in everything pid comm exporter device inode minsize both; do
	[ "$(cat $name.status)" = 0 ] || bad "$name: record ended with $(cat $name.status): $(cat $name.err)"
	dmaseq dump --strict $name.dmaseq >$name.txt || bad "$name: the trace is not complete"
	dmaseq dump --validate $name.dmaseq >$name.validated 2>&1 || bad "$name: $(cat $name.validated)"
	calls $name >$name.calls
done

buffers 'is(exporter)' >exporter.want
buffers 'value("ino") == inode' >inode.want
buffers 'value("size") + 0 >= 1048576' >minsize.want
buffers 'is("vgem") && value("size") + 0 >= 1048576' >both.want
buffers '' 'value("driver") == "\"vivid\""' >device.want
# what tasks of these processes did, by the one that saw all
awk 'NR == FNR { mine[$1] = 1; next } $2 in mine { print $1 }' pids everything.calls | sort -u >pid.want
sed -n 's/^task .* tid=\([0-9]*\) .*comm="dqclient".*/\1/p' everything.txt >comm.pids
awk 'NR == FNR { mine[$1] = 1; next } $2 in mine { print $1 }' comm.pids everything.calls | sort -u >comm.want

has exporter.want exporter yes
has inode.want inode yes
has minsize.want minsize yes
has both.want both yes
has device.want device no
has pid.want pid no
has comm.want comm no

# Each of them leaves something out that is there.
for name in exporter inode minsize both device pid comm; do
	[ "$(wc -l <$name.got)" -lt "$(cut -d' ' -f1 everything.calls | sort -u | wc -l)" ] ||
		bad "$name: has everything"
done
finish
