#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mkinitramfs.sh NAME OUT [FILE[:PATH]...]
#
# Makes OUT, a small initramfs for the guest NAME of kernels.list: a static
# busybox, the guest's modules, the workloads (dqload, dqbinder, dqexec) and
# ftrace-count.sh in /bin, and every FILE given, at PATH or else in /bin.
# guest/init is /init.  Nothing in it depends on the day it is made: same
# inputs, same bytes.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -ge 2 ] || die "usage: mkinitramfs.sh NAME OUT [FILE[:PATH]...]"
name=$1
out=$2
shift 2
need cpio gzip

kernel_line "$name"
kernel=$("$VM_DIR/fetch-kernel.sh" "$name")
busybox=$(busybox_static "$K_ARCH")
workloads=$("$VM_DIR/workloads/build.sh" "$K_ARCH")

root=$(mktemp -d)
trap 'rm -rf "$root" "$out.new"' EXIT
mkdir -p "$root"/{bin,proc,sys,dev,tmp,host,modules,root,run}
cp "$busybox" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
cp "$VM_DIR/guest/init" "$root/init"
cp "$VM_DIR/ftrace-count.sh" "$root/bin/ftrace-count.sh"
cp "$workloads/dqload" "$workloads/dqbinder" "$workloads/dqexec" "$root/bin/"
if compgen -G "$kernel/modules/*.ko" >/dev/null; then
	cp "$kernel"/modules/*.ko "$root/modules/"
fi
for file; do
	case $file in
	*:*)
		path=${file#*:}
		file=${file%%:*}
		;;
	*)
		path=bin/$(basename "$file")
		;;
	esac
	[ -r "$file" ] || die "$file cannot be read."
	mkdir -p "$root/$(dirname "$path")"
	cp "$file" "$root/$path"
done
chmod -R u+rwX,go+rX "$root"
chmod +x "$root/init" "$root"/bin/*
find "$root" -exec touch -h -d @0 {} +
(
	cd "$root"
	find . -print0 | LC_ALL=C sort -z |
		cpio --quiet -0 -o -H newc --reproducible -R 0:0
) | gzip -n -1 >"$out.new"
mv "$out.new" "$out"
