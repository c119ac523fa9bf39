#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_record.sh KERNEL
#
# Boots the guest once and makes there all of the recordings that other tests
# look at (test_counts.sh, test_doctor.sh, test_charts.sh): each story of dqload
# on each rung, watched by ftrace.  Left in RESULTS/KERNEL.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"

rest=sync,attach,buffers,errors,fds,fence,v4l2-drm,poll,leak,routes
case $kernel in
6.12-amd64)
	# a recording for each story, where everything is to be had
	plan='default:device-dma default:sync default:attach default:buffers
		default:errors default:fds default:fence
		default:v4l2-drm,poll,leak,routes'
	;;
*)
	# arming costs seconds, so the stories share recordings
	plan="default:device-dma default:$rest"
	;;
esac
# fprobe is configured in this one only
rungs='kprobe fentry'
[ "$kernel" != 6.12-amd64 ] || rungs='kprobe multi fentry'
for rung in $rungs; do
	plan+=" $rung:device-dma,$rest $rung:cpu-access"
done
plan+=' default:cpu-access'

out=$RESULTS/$kernel
rm -rf "$out"
mkdir -p "$out"
# shellcheck disable=SC2086 # words
printf '%s\n' $plan >"$out/plan"
# shellcheck disable=SC2086 # words
guest "$kernel" "$out" --timeout 1700 -- "$VM_DIR/guest/counts.sh" $plan || bad "the guest $kernel failed"
finish
