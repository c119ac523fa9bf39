#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_keep.sh KERNEL
#
# Flight recorders (guest/keep.sh): what is kept is the end of what an ordinary
# recorder saw at the same time, is valid by itself, and knows what was alive when it
# begins. What they say is expected/keep.txt; UPDATE_GOLDEN=1 writes it anew.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"
dir=$RESULTS/keep-$kernel
want=$VM_DIR/expected/keep.txt
rm -rf "$dir"

if ! guest "$kernel" "$dir" --smp 1 -- "$VM_DIR/guest/keep.sh"; then
	bad "the guest $kernel failed"
	finish
fi
cd "$dir/cases" || exit 1

vague()
{
	sed -E -e 's/[0-9]+ calls?, [0-9]+ buffers?/N calls, N buffers/' \
		-e 's/[0-9]+ calls?, after/N calls, after/' \
		-e 's/the last [0-9]+ of [0-9]+ calls/the last N of N calls/' \
		-e 's/\([0-9]+ buffers?, [0-9]+ fds?, [0-9]+ mappings?\)/(N buffers, N fds, N mappings)/' \
		-e 's/[0-9.]+ (ns|us|ms|s|min)\b/TIME/g' \
		-e 's/[0-9.]+ (B|kB|MB)\b/SIZE/g'
}

text()
{
	dmaseq dump "$1" 2>/dev/null
}

{
	for case in full size time fits error both noerror stdout; do
		echo "== $case: status $(cat $case.status)"
		cat $case.err
		text $case.dmaseq | sed -n 's/^end .*reason=/trace: ended by /p' | sed -E 's/ calls=.*//'
		text $case.dmaseq | sed -n 's/^meta \(keep\.[a-z]*\) value=\(.*\)/trace: \1 \2/p' |
			sed -E 's/(from|forgotten) .*/\1 N/'
	done
} | vague >got
[ -z "${UPDATE_GOLDEN:-}" ] || cp got "$want"
diff -u "$want" got || bad "what flight recorders say on $kernel (- expected, + got)"
[ ! -s log ] || bad "$(cat log)"

for trace in *.dmaseq size.dmaseq.2; do
	dmaseq dump --validate "$trace" >said 2>&1 || bad "$trace is not valid: $(cat said)"
	dmaseq list "$trace" >/dev/null 2>said || bad "$trace cannot be listed: $(cat said)"
	[ "$trace" = stdout.dmaseq ] ||	# it is empty
		dmaseq diagram "$trace" >/dev/null 2>said || bad "$trace cannot be drawn: $(cat said)"
done
[ "$(cat size.dmaseq.1)" = "something dear" ] || bad "an existing file was overwritten"

# hooks TRACE: what was called, in the order of the ends
hooks()
{
	text "$1" | sed -n 's/^call \([^ ]*\) .*/\1/p'
}

# The kept part is the end of all: recorded by somebody else, call by call.
hooks full.dmaseq >full.hooks
hooks size.dmaseq >size.hooks
n=$(wc -l <size.hooks)
say "$n of $(wc -l <full.hooks) calls were kept"
[ "$n" -gt 5000 ] || bad "hardly anything was kept"
[ "$n" -lt "$(wc -l <full.hooks)" ] || bad "nothing was forgotten"
tail -n "$n" full.hooks | cmp - size.hooks || bad "what was kept is not the end of what there was"
# What SIGUSR1 wrote is somewhere in it, and earlier.
hooks size.dmaseq.2 >part.hooks
text size.dmaseq.2 | grep -q '^meta keep.open value="1"' || bad "the part does not say that it goes on"
[ "$(wc -l <part.hooks)" -gt 5000 ] || bad "hardly anything was in the part"
size=$(stat -c %s size.dmaseq)
[ "$size" -le 65536 ] || bad "64K were asked for, the file has $size bytes"

# Buffers from before are known, with their holders: those that the workload accounts for.
text size.dmaseq >size.txt
while read -r buf fds; do
	grep -Eq "^buf id=$buf .*flags=PREEXISTING .*name=\"[a-z]+-0\"" size.txt ||
		bad "buffer $buf is not known as one from before"
	for fd in ${fds//,/ }; do
		grep -q "^hold FD .*snap=1 buf=$buf .*fd=$fd$" size.txt || bad "nobody holds buffer $buf as fd $fd"
	done
done < <(sed -n 's/^holds buf=\([0-9]*\) .* fds=\([0-9,]*\) .*/\1 \2/p' hold.account)
[ "$(grep -c '^holds ' hold.account)" -gt 1 ] || bad "the workload held nothing"
grep -q '^snap .*what=BEGIN.*COMPLETE' size.txt || bad "the snapshot of the begin is not complete"

# A second of endless work, not two.
text time.dmaseq | awk '
	/^call / {
		for (i = 3; i <= NF; i++)
			if ($i ~ /^t=/) {
				t = substr($i, 3) + 0
				if (!first) first = t
			}
		last = t
	}
	END { printf "the kept second has %.2f s\n", last - first; exit !(last - first > 0.9 && last - first < 1.5) }
' || bad "the last second was asked for"

# The failed call and its system call are the last thing of their task.
text error.dmaseq >error.txt
grep -q '^call .*ret=-E' error.txt || bad "the failed call is not in the trace"
first=$(grep -m 1 '^call .*ret=-E' error.txt)
task=$(sed 's/.* task=\([0-9]*\).*/\1/' <<<"$first")
sys=$(sed 's/.* sys=\([0-9]*\).*/\1/' <<<"$first")
grep -q "^sys .* task=$task sys=$sys\b" error.txt || bad "its system call is not in the trace: $first"
finish
