#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_holders.sh KERNEL [RUNG...]
#
# `list --holders` against the workloads' own accounts (guest/holders.sh), at
# every moment that there is an account of, and at the end against a look of the
# recorder's too. Buffers that were there before the recorder must be known with
# their names, sizes and holders.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
shift
[ $# -gt 0 ] || set -- default kprobe
guest_means "$kernel"
dir=$RESULTS/holders-$kernel
holders=$BUILD/tests/vm/holders
rm -rf "$dir"

if ! guest "$kernel" "$dir" -- "$VM_DIR/guest/holders.sh" "$@"; then
	bad "the guest $kernel failed"
	finish
fi

# compared STORY ACCOUNT AT: AT a time, or nothing for the end
compared()
{
	local at=()
	[ -z "$3" ] || at=(--at "$3s")
	if ! dmaseq list --holders "${at[@]}" -f json trace.dmaseq >at.json 2>at.err; then
		bad "$rung: $1: $2: list --holders --at $3: $(cat at.err)"
		return
	fi
	"$holders" "$1.account" "$2" list.json at.json "$counted" >at.said 2>&1 || {
		bad "$rung: $1: not what the workload says:"
		sed 's/^/    /' at.said
	}
	n=$((n + 1))
}

# story NAME: every account of it; of those that paused, the last was true to the
# end. What was before is known when the recorder has looked.
story()
{
	local begun t at last=
	ran "$kernel" "$rung: $1" "$1" "$1.status" "$1.out" || return
	[ "$(cat "$1.status")" = 0 ] || return
	while read -r _ begun t; do
		at=$(awk -v t="${t#t=}" -v base="$base" -v looked="$looked" -v end="$end" \
			'BEGIN { if (t > end) print "later"; else printf "%.9f\n", (t > looked ? t : looked) - base }')
		if [ "$at" != later ]; then
			compared "$1" "$begun" "$at"
			last=$begun
		fi
	done < <(grep '^account ' "$1.account")
	[ -n "$last" ] || bad "$rung: $1 has no account"
	compared "$1" "$last" ''
}

# Each buffer of `hold` has a name that says where it comes from.
preexisting()
{
	local want
	want=$(sed -n 's/^account before.*/1/p' hold.account)
	[ "$want" = 1 ] || bad "$rung: hold has no account of before"
	awk '/"id":/ && /"preexisting": true/ {
			match($0, /"name": "[^"]*"/); name = substr($0, RSTART + 9, RLENGTH - 10)
			match($0, /"size": [0-9]+/); size = substr($0, RSTART + 8, RLENGTH - 8)
			match($0, /"exporter": "[^"]*"/); exporter = substr($0, RSTART + 13, RLENGTH - 14)
			print name, exporter, size
		}' list.json | sort >preexisting
	awk -v rung="$rung" '{
			split($1, part, "-")
			want = part[1] == "heap" ? "system" : part[1]
			if ($2 != want || $3 != 2097152) { print rung ": pre-existing: " $0; bad = 1 }
		}
		END { exit bad || NR < 2 }' preexisting ||
		bad "$rung: of the buffers that were there before: $(cat preexisting)"
	say "$rung: known from before: $(cut -d' ' -f1 preexisting | tr '\n' ' ')"
}

for rung; do
	cd "$dir/$rung" || exit 1
	n=0
	[ "$(cat record.status)" = 0 ] || bad "$rung: record ended with $(cat record.status)"
	grep -q '^dmaseq: holders: what is left agrees with a look at the end' record.err ||
		bad "$rung: the look at the end: $(cat record.err)"
	dmaseq dump --strict trace.dmaseq >trace.txt || bad "$rung: the trace is not complete"
	dmaseq dump --validate trace.dmaseq >validated 2>&1 || bad "$rung: dump --validate: $(cat validated)"
	dmaseq list -f json trace.dmaseq >list.json 2>/dev/null
	# times are told from here
	base=$(sed -n 's/^clock mono=\([0-9.]*\).*/\1/p' trace.txt | head -n 1)
	looked=$(sed -n 's/^snap .*what=BEGIN .* end=\([0-9.]*\).*/\1/p' trace.txt | head -n 1)
	# before 5.12 nothing tells mappings, nor references of all files
	counted=uncounted
	! grep -q '^snap .*what=BEGIN .*sources="[^"]*\(task_vma\|procfs\)' trace.txt || counted=counted
	end=$(sed -n 's/^end t=\([0-9.]*\) .*/\1/p' trace.txt)
	for story in hold routes leak binder poll kworker; do
		story $story
	done
	preexisting
	say "$rung: $n accounts compared"
	[ $n -ge 50 ] || bad "$rung: only $n accounts"
done
finish
