#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# calibrate.sh
#
# What dmaseq makes of a kernel without BTF.  A kernel that has it is asked what
# it says to that, and then it is hidden: two recorders look at one workload,
# one that sees BTF and one that does not.  Leaves in the share:
#
#	doctor.out, .err, .status	doctor --btf none
#	blind.dmaseq, seeing.dmaseq	(the second only where there is BTF)
#	file.dmaseq, file.err		with --btf FILE, and BTF hidden
#	wrong.err, wrong.status		with the BTF of something else
#	record.status, workload.out

set -u
btf=/sys/kernel/btf/vmlinux
cd /host || exit 1

dmaseq doctor --btf none -v >doctor.out 2>doctor.err
echo $? >doctor.status
if [ ! -e $btf ]; then
	dmaseq record --attach kprobe -o blind.dmaseq -- dqload device-dma >workload.out 2>record.err
	echo $? >record.status
	dmaseq record --btf /bin/wrong.btf -o wrong.dmaseq -- true 2>wrong.err
	echo $? >wrong.status
	exit 0
fi

cp $btf /tmp/vmlinux.btf
mkdir /tmp/empty
# the outer one is ready before it starts the inner one, which sees BTF again
mount --bind /tmp/empty /sys/kernel/btf || exit 1
dmaseq record --attach kprobe -o blind.dmaseq -- sh -c '
	umount /sys/kernel/btf &&
	dmaseq record --attach kprobe -o seeing.dmaseq -- dqload device-dma' \
	>workload.out 2>record.err
echo $? >record.status

mount --bind /tmp/empty /sys/kernel/btf || exit 1
dmaseq record --btf /tmp/vmlinux.btf -o file.dmaseq -- dqload device-dma >/dev/null 2>file.err
echo $? >file.status
dmaseq record --btf /bin/wrong.btf -o wrong.dmaseq -- true 2>wrong.err
echo $? >wrong.status
umount /sys/kernel/btf
