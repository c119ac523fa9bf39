#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh KERNEL
#
# Builds the lab module for KERNEL of kernels.list (amd64) and prints the path of
# dqlab.ko, in the cache, named after what the sources say; beside it is dqlab-run, static.

set -eu
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

[ $# -eq 1 ] || die "usage: build.sh KERNEL"
kernel_line "$1"
src=$VM_DIR/lab
headers=$("$VM_DIR/fetch-headers.sh" "$1")
release=$(basename "$headers")
dir=$CACHE/lab/${release#linux-headers-}-$(cat "$src/dqlab.c" "$src/dqlab-run.c" "$src/Kbuild" | sha256sum | cut -c 1-16)
if [ ! -e "$dir/dqlab.ko" ]; then
	tmp=$dir.$$
	trap 'rm -rf "$tmp"' EXIT
	mkdir -p "$tmp"
	cp "$src/dqlab.c" "$src/Kbuild" "$tmp"
	need make x86_64-linux-gnu-gcc
	# The compiler of bookworm instead of each kernel's own; an option of a newer one
	# is switched off by the name of its test.  BTF of the module would need pahole and
	# the kernel's image, and is not used.
	if ! make -C "$headers" M="$tmp" CC=x86_64-linux-gnu-gcc CONFIG_DEBUG_INFO_BTF_MODULES= \
		CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT= modules >"$tmp/log" 2>&1; then
		grep -E 'error|Error' "$tmp/log" >&2 || cat "$tmp/log" >&2
		die "the lab module does not compile for $1."
	fi
	x86_64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -static \
		-o "$tmp/dqlab-run" "$src/dqlab-run.c" || die "dqlab-run does not compile."
	rm -rf "$dir"
	mv "$tmp" "$dir"
	trap - EXIT
fi
printf '%s\n' "$dir/dqlab.ko"
