#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh ARCH [DIR]
#
# Compiles dqload, dqbinder and dqexec, static, for ARCH (amd64, arm64, armhf) and
# prints the directory that they are in: DIR, or a place in the cache that is named
# after what the sources say, since several trees share a cache.  CC_AMD64, CC_ARM64
# and CC_ARMHF name another compiler.

set -eu
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

[ $# -ge 1 ] || die "usage: build.sh ARCH [DIR]"
arch=$1
src=$VM_DIR/workloads
dir=${2:-$CACHE/workloads/$arch-$(cat "$src"/* | sha256sum | cut -c 1-16)}

case $arch in
amd64) cc=${CC_AMD64:-x86_64-linux-gnu-gcc} ;;
arm64) cc=${CC_ARM64:-aarch64-linux-gnu-gcc} ;;
armhf) cc=${CC_ARMHF:-arm-linux-gnueabihf-gcc} ;;
*) die "no compiler is known for architecture $arch." ;;
esac

# program NAME SOURCE...: made aside and moved, another run may be executing
# the old one.
program()
{
	local out=$dir/$1
	shift
	if [ -x "$out" ] && [ -z "$(find "$src" -newer "$out" -type f)" ]; then
		return
	fi
	need "$cc"
	mkdir -p "$dir"
	"$cc" -std=gnu11 -Wall -Wextra -Werror -O2 -static -pthread -o "$out.$$" "$@" ||
		die "$(basename "$out") does not compile for $arch."
	mv "$out.$$" "$out"
}

program dqload "$src"/{dqload,fences,routes,threads,agent,account,abi}.c
program dqbinder "$src"/{dqbinder,account,abi}.c
program dqexec "$src/dqexec.c"
printf '%s\n' "$dir"
