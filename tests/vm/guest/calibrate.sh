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
#	kernel.kcore, vmallocinfo, reads.txt	where the kernel has what, and what was read of it
#	record.status, workload.out

set -u
btf=/sys/kernel/btf/vmlinux
cd /host || exit 1

# reads COMMAND...: the addresses that bpf_probe_read_kernel() reads meanwhile
reads()
{
	trace=/sys/kernel/tracing
	case $(uname -m) in
	x86_64) regs='src=%si n=%dx' ;;
	aarch64) regs='src=%x1 n=%x2' ;;
	*) regs='src=%r1 n=%r2' ;;
	esac
	head -c 8192 /proc/kcore >kernel.kcore
	echo 1 >/proc/sys/kernel/kptr_restrict # 0 hashes addresses in vmallocinfo
	cat /proc/vmallocinfo >vmallocinfo
	echo "p:peeked copy_from_kernel_nofault $regs" >$trace/kprobe_events
	echo 16384 >$trace/buffer_size_kb
	echo 1 >$trace/events/kprobes/peeked/enable
	"$@"
	echo $? >doctor.status
	echo 0 >$trace/events/kprobes/peeked/enable
	cat $trace/trace >reads.txt
	echo >$trace/kprobe_events
	cat /proc/vmallocinfo >>vmallocinfo
	echo 0 >/proc/sys/kernel/kptr_restrict
}

reads dmaseq doctor --btf none -vv >doctor.out 2>doctor.err
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
