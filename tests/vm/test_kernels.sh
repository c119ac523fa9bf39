#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_kernels.sh KERNEL...
#
# One program (dqload across) on each of these kernels, recorded by test_record.sh: compared,
# each with each, it is the same protocol on another kernel, by the equivalences that diff
# names. --strict-kernel makes differences of them.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"

# trace KERNEL STORY
trace()
{
	printf '%s\n' "$RESULTS/$1/default.$2/trace.dmaseq"
}

# compare BASE NEW STORY RULE...: these equivalences and no others
compare()
{
	local base new story=$3 want got status
	base=$(trace "$1" "$story")
	new=$(trace "$2" "$story")
	want=$1' -> '$2' '$story': '$(shift 3; printf '%s\n' "$@" | sort | xargs)
	dmaseq diff --strict "$base" "$new" >"$RESULTS/kernels.said" 2>&1
	status=$?
	got=$1' -> '$2' '$story': '$(sed -n '/^Other kernel:/,/^$/s/^  \([a-z-]*\): .*/\1/p' "$RESULTS/kernels.said" | sort | xargs)
	say "$got"
	if [ $status != 0 ] || [ "$got" != "$want" ]; then
		bad "diff ends with $status and needs other equivalences than $want"
		cat "$RESULTS/kernels.said"
		return
	fi
	grep -q '^ same protocol, other kernel; ' "$RESULTS/kernels.said" || bad "it is not said that the kernel is another one"
	dmaseq diff --strict --strict-kernel "$base" "$new" >"$RESULTS/kernels.said" 2>&1
	status=$?
	[ $status = 1 ] || { bad "with --strict-kernel it ends with $status"; cat "$RESULTS/kernels.said"; }
}

for kernel; do
	[ -s "$(trace "$kernel" across)" ] || { bad "there is no recording of $kernel"; finish; }
done
compare 6.1-amd64 6.12-amd64 across unlocked fd-install close
compare 6.12-amd64 7.2-amd64 across import-map sgt-cache
compare 6.1-amd64 7.2-amd64 across unlocked fd-install close import-map sgt-cache
compare 7.2-amd64 6.1-amd64 across unlocked fd-install close import-map sgt-cache
compare 6.12-amd64 7.2-amd64 device-dma fd-install

# On another board a PCI device has another address, and that is all.
dmaseq diff --strict "$(trace 6.12-amd64 across)" "$(trace 6.12-arm64 across)" >"$RESULTS/kernels.said" 2>&1
status=$?
if [ $status != 1 ] || ! grep -q '^ 1 of 6 buffers differs: 4 renamed; ' "$RESULTS/kernels.said" ||
	! grep -q ' is now called .* in 4 steps$' "$RESULTS/kernels.said"; then
	bad "amd64 -> arm64: diff ends with $status"
	cat "$RESULTS/kernels.said"
fi
finish
