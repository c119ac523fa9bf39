#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# soak.sh KERNEL [SECONDS]
#
# Recordings for SECONDS of the guest's time (default 3600) while modules, processes,
# memory and processors come and go (guest/soak.sh). Nothing may be left behind in the
# kernel, which must not have complained (run.sh looks). For a run of an hour call it by
# hand; the vm ring has a short one.
#
# Two processors in one thread of QEMU: see run.sh about --smp.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
seconds=${2:-3600}
guest_means "$kernel"
means bpftool ldd
dir=$RESULTS/soak-$kernel
rm -rf "$dir"

# This machine's bpftool and its libraries, where the guest is of the same architecture.
files=()
if [ "$(arch_of "$kernel")" = "$(dpkg --print-architecture)" ]; then
	bpftool=$(command -v bpftool)
	files=(--file "$bpftool:bin/bpftool")
	while read -r library; do
		files+=(--file "$library:${library#/}")
	done < <(ldd "$bpftool" | grep -o '/[^ ]*')
fi
# Several times what it should take, on a machine that does nothing else.
guest "$kernel" "$dir" --one-thread --smp 2 --timeout $((seconds * 4 + 1700)) "${files[@]}" \
	-- "$VM_DIR/guest/soak.sh" "$seconds" || bad "the soak of $kernel"
[ -s "$dir/cases/figures" ] || bad "it did not get to its end"
finish
