#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_suspend.sh KERNEL
#
# A recording over a suspend of the machine (guest/suspend.sh): both clocks before and after are in
# the trace, list says for how long, and what was recorded on either side is there.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"
dir=$RESULTS/suspend-$kernel
rm -rf "$dir"
guest "$kernel" "$dir" --smp 1 --append early=/lib/suspend.sh \
	--file "$VM_DIR/guest/suspend.sh:/lib/suspend.sh" -- "$VM_DIR/guest/suspend.sh" ||
	bad "the guest $kernel failed"
cd "$dir/cases" || exit 1
trace=suspend.dmaseq
grep -q '^suspend: done$' early.log || bad "it did not suspend: $(cat early.log)"
[ "$(cat suspend.status)" = 0 ] || bad "the recorder ended with $(cat suspend.status): $(cat suspend.err)"
dmaseq dump --validate $trace >validated 2>&1 || bad "$(cat validated)"
dmaseq list $trace >list 2>&1 || bad "list: $(cat list)"
grep -Eq '^the machine was suspended for [0-9.]+ s at [0-9.]+ s, which no time here counts$' list ||
	bad "list does not say it: $(cat list)"

# What CLOCK_BOOTTIME is ahead, before and after, in seconds. pm_test waits for five by counting
# loops, and the clock that goes on counts whole seconds of the host: three were seen, and 28.
dmaseq dump $trace >text
slept=$(sed -n 's/^clock mono=\([0-9.]*\) .*boot=\([0-9.]*\).*/\1 \2/p' text |
	awk '{ ahead = $2 - $1 } NR == 1 || ahead < least { least = ahead } NR == 1 || ahead > most { most = ahead }
		END { printf "%d\n", most - least }')
[ "${slept:-0}" -ge 1 ] || bad "the clocks say that it slept for $slept s"
n=$(grep -c '^call dma_buf_begin_cpu_access ' text)
[ "$n" -eq 58 ] || bad "$n calls of 58"
say "$kernel: $(grep suspended list)"
finish
