#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_rights.sh KERNEL
#
# The table of capabilities in docs/SECURITY.md: what guest/rights.sh tried with which of them, how
# it ended, and which hooks there were, is expected/rights.KERNEL.txt. UPDATE_GOLDEN=1 writes it anew.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"
dir=$RESULTS/rights-$kernel
want=$VM_DIR/expected/rights.$kernel.txt
rm -rf "$dir"

# probes come and go: see run.sh about --smp
if ! guest "$kernel" "$dir" --smp 1 -- "$VM_DIR/guest/rights.sh" "$kernel"; then
	bad "the guest $kernel failed"
	finish
fi
cd "$dir/cases" || exit 1
release=$(release_pattern "$kernel")

# What a trace has: calls, callbacks among them, and what it says of hooks that could not be had.
hooks()
{
	dmaseq dump "$1" 2>/dev/null | awk '
		/^hook / && /rung="tracepoint"/ { points++ }
		/^hook / && !/rung=/ && !/state="(absent|not met|not needed: [a-z_]*)"/ {
			sub(/ id=[0-9]+/, "")
			if (!said[$0]++) print "trace: " $0
		}
		/^call ops->/ { ops++; next }
		/^call / { calls++ }
		END {
			print "trace: " calls + 0 " calls, " ops + 0 " callbacks, " (points ? "" : "no ") "tracepoints"
		}'
}

for case in enough kprobe no-bpf no-perfmon no-syslog no-resource no-admin tracepoints only-search paranoid-2; do
	[ -e $case.status ] || continue
	echo "== $case: status $(cat $case.status)"
	sed -E -e "s/$release/RELEASE/g" -e 's/[0-9.]+ (ns|us|ms|s)\b/TIME/g' -e 's/[0-9.]+ (B|kB|MB)\b/SIZE/g' \
		-e 's/\([0-9]+ buffers?, [0-9]+ fds?, [0-9]+ mappings?\)/(N buffers, N fds, N mappings)/' $case.err
	[ ! -e $case.dmaseq ] || hooks $case.dmaseq
done >got
[ -z "${UPDATE_GOLDEN:-}" ] || cp got "$want"
diff -u "$want" got || bad "rights on $kernel (- expected, + got)"
finish
