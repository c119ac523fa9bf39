#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_modules.sh KERNEL
#
# A module is unloaded and loaded again under a recording (guest/modules.sh): its
# table must be told as gone, its second life as another table, and all of its
# callbacks be in the trace but those of the first round of a second life whose
# table has no name.  The kernel must have nothing to say about it.  One processor
# (see run.sh).
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/modules.$kernel
guest_means "$kernel"

rm -rf "$dir"
guest "$kernel" "$dir" --smp 1 -- "$VM_DIR/guest/modules.sh" || {
	bad "the guest $kernel failed"
	finish
}
dmaseq dump --strict "$dir/modules.dmaseq" >"$dir/modules.txt" || bad "the trace is not complete"
dmaseq dump --validate "$dir/modules.dmaseq" >"$dir/validated" || { bad "dump --validate:"; cat "$dir/validated"; }

# Of each life: its buffers, and each callback's calls.
awk '
function field(name) {
	return match($0, " " name "=[0-9]+") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : 0
}
/^ops / && /module="videobuf2_dma_contig"/ {
	id = field("id")
	if ($0 !~ / armed=/) print "life", life[id], "gone"
	else life[id] = ++n
}
/^buf / && (field("ops") in life) { l = of[field("id")] = life[field("ops")]; bufs[l]++ }
/^call ops->/ { calls[of[field("buf")], $2]++ }
END {
	for (l = 1; l <= n; l++) {
		printf "life %d: %d buffers\n", l, bufs[l]
		split("attach map_dma_buf unmap_dma_buf detach release", callback, " ")
		for (i = 1; i <= 5; i++)
			printf "life %d: %s %d\n", l, callback[i], calls[l, "ops->" callback[i]]
	}
}' "$dir/modules.txt" >"$dir/lives"
cat "$dir/lives"

# want LIFE LEAST MOST: of each callback, once for each buffer
want()
{
	local callback n
	for callback in attach map_dma_buf unmap_dma_buf detach release; do
		n=$(sed -n "s/^life $1: $callback //p" "$dir/lives")
		if [ "${n:-0}" -lt "$2" ] || [ "${n:-0}" -gt "$3" ]; then
			bad "life $1: ${n:-no} times $callback, $2 to $3 expected"
		fi
	done
}

named=$(cat "$dir/modules.named")
[ "$(grep -c gone "$dir/lives")" = 1 ] || bad "the first life's end is not in the trace"
grep -qx 'life 1: 6 buffers' "$dir/lives" || bad "not 6 buffers in the first life"
grep -qx 'life 2: 8 buffers' "$dir/lives" || bad "not 8 buffers in the second life"
if [ "$named" = yes ]; then
	want 1 6 6
	want 2 8 8
else
	want 1 4 6
	want 2 6 8
fi
finish
