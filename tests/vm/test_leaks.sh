#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_leaks.sh KERNEL
#
# No address of the kernel is in any recording of test_record.sh, neither in the chunks
# nor in their dump (leaks.py); and where --raw-addresses asked for them, they are found:
# the search can fail.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/$kernel
means python3
rm -rf "$dir/leaks"
mkdir -p "$dir/leaks"

# looked NAME TRACE: sets $found to what was found
looked()
{
	local status=0
	dmaseq dump "$2" >"$dir/leaks/$1.txt" 2>/dev/null
	[ -s "$dir/leaks/$1.txt" ] || bad "$1 cannot be read"
	found=$(python3 -B "$VM_DIR/leaks.py" "$dir/kernel.kcore" "$2" "$dir/leaks/$1.txt") || status=$?
	# python ends with 1, too, when it does not understand
	[ $status = 0 ] || { [ $status = 1 ] && [ -n "$found" ]; } || bad "$1 cannot be searched"
}

n=0
for trace in "$dir"/*/trace.dmaseq "$dir/sequence.dmaseq" "$dir/stacks.dmaseq"; do
	name=$(basename "$(dirname "$trace")").$(basename "$trace")
	looked "$name" "$trace"
	[ -z "$found" ] || bad "addresses in $name: $found"
	left=$(grep -m 1 -E '^sys (close|dup) .* a[12]=' "$dir/leaks/$name.txt") &&
		bad "$name tells what registers held that the call does not look at: $left"
	n=$((n + 1))
done
say "$n recordings"
grep -q '^stack ' "$dir/leaks/"*.stacks.dmaseq.txt || bad "there are no stacks in stacks.dmaseq"

looked raw "$dir/raw.dmaseq"
buffers=$(grep -c '^buf .* raw=0x' "$dir/leaks/raw.txt")
[ "$buffers" -gt 0 ] || bad "no address is in the recording with --raw-addresses"
[ "$(grep -c ' raw=0x' <<<"$found")" -ge "$buffers" ] || bad "$buffers addresses, of which were found: $found"
finish
