#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_record.sh KERNEL
#
# Boots the guest once and makes there all of the recordings that other tests
# look at (test_counts.sh, test_doctor.sh, test_charts.sh, test_sequence.sh, test_kernels.sh,
# test_leaks.sh):
# the stories of dqload on the rungs that kernels.list has for it, watched by
# ftrace.  Left in RESULTS/KERNEL.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"

rest=sync,attach,buffers,errors,fds,fence,v4l2-drm,poll,leak,routes
# arming costs seconds, so stories share recordings; but the charts are of one
plan=default:device-dma
if runs "$kernel" across; then
	plan+=' default:across'
fi
plan+=" default:$rest"
for rung in $(rungs_of "$kernel"); do
	plan+=" $rung:device-dma,$rest"
done
plan+=' default:cpu-access'

out=$RESULTS/$kernel
rm -rf "$out"
mkdir -p "$out"
# shellcheck disable=SC2086 # words
printf '%s\n' $plan >"$out/plan"
# Probes come and go while other processors work: see run.sh about --smp. It is
# the int3 of amd64 that QEMU keeps. On arm a second processor costs a third more time, so
# one guest of each width has it.
smp=1
case $kernel in
6.12-arm64 | *-armhf) smp=2 ;;
esac
# 5.10 warns of what `errors` makes virtio-gpu do: it maps without a DMA mask.
# shellcheck disable=SC2086 # words
guest "$kernel" "$out" --smp $smp --expect 'WARNING: .* at kernel/dma/mapping\.c' -- \
	"$VM_DIR/guest/counts.sh" $plan || bad "the guest $kernel failed"
finish
