#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_disturb.sh KERNEL
#
# Two recorders at once, on two rungs (guest/disturb.sh): each has all of the
# work, and both have the same of it, call by call. One that is killed: the work
# goes on, and nothing of it is left in the kernel, which has nothing to complain
# about (run.sh looks).
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"
dir=$RESULTS/disturb-$kernel
rm -rf "$dir"

if ! guest "$kernel" "$dir" --smp 1 -- "$VM_DIR/guest/disturb.sh"; then
	bad "the guest $kernel failed"
	finish
fi
cd "$dir/cases" || exit 1

for work in long sync attach buffers fds routes alone through; do
	[ "$(cat $work.status)" = 0 ] || bad "the work ended with $(cat $work.status): $(tail -n 3 $work.out)"
done
[ "$(cat first.status)" = 0 ] || bad "the first recorder ended with $(cat first.status): $(cat first.err)"
[ "$(cat second.status)" = 0 ] || bad "the second recorder ended with $(cat second.status): $(cat second.err)"
[ "$(cat killed.status)" = 137 ] || bad "the killed recorder ended with $(cat killed.status)"

for name in first second; do
	dmaseq dump --strict $name.dmaseq >$name.txt || bad "$name: the trace is not complete"
	dmaseq dump --validate $name.dmaseq >$name.validated 2>&1 || bad "$name: $(cat $name.validated)"
done

# calls FILE: of each process of the work, its calls and contexts in their order,
# without what is each recorder's own: times, processors, numbers given in the order
# of first sight; and without callers, which the return probes of the one may hide
# from the other (the return address is then theirs).
calls()
{
	awk '
		function value(key)
		{
			return match($0, " " key "=[^ ]*") ? substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2) : ""
		}
		$1 == "task" { tgid[value("id")] = value("tgid") }
		$1 == "call" || $1 == "sys" {
			pid = tgid[value("task")]
			seq = value("seq")
			gsub(/ (t|end|dur|cpu|seq|sys|task|buf|att|sgt|table|vma|orig|dev|key)=[^ ]*/, "")
			sub(/ caller=".*"/, "")
			print pid, (seq == "" ? "-" : seq), $0
		}' "$1"
}

# Processes of the stories that ran while both were there.
for name in first second; do
	calls $name.txt | sort -s -k1,1n >$name.calls
done
# those that the second has, and that did not begin before it
cut -d' ' -f1 second.calls | uniq >second.pids
long=$(awk '{ print $1; exit }' first.calls)
grep -vx "$long" second.pids >both.pids
for name in first second; do
	awk 'NR == FNR { want[$1] = 1; next } $1 in want' both.pids $name.calls |
		sort -s -k1,1n -k2,2n >$name.both
done
say "$(wc -l <first.both) records of $(wc -l <both.pids) processes on two rungs"
[ "$(wc -l <first.both)" -gt 400 ] || bad "hardly anything was recorded by both"
cmp -s first.both second.both || {
	bad "the two recorders have not seen the same (- first, + second):"
	diff -u first.both second.both | head -n 40
}

# Work that only the first could see, and what was before the second came.
[ "$(grep -c 'dma_buf_begin_cpu_access' first.txt)" -gt 2046 ] || bad "the first recorder has not all of the work"
dmaseq list killed.dmaseq >killed.list 2>/dev/null || bad "the trace of the killed one cannot be read"
grep -q 'cut off' killed.list || bad "list does not say that the killed one is cut off"
finish
