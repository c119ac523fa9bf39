#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh ARCH [OUT]
#
# Compiles dqload, static, for ARCH (amd64, arm64) and prints where it is: OUT,
# or a place in the cache that is renewed when a source is newer.  CC_ARCH
# (CC_AMD64, CC_ARM64) names another compiler.

set -eu
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

[ $# -ge 1 ] || die "usage: build.sh ARCH [OUT]"
arch=$1
out=${2:-$CACHE/workloads/$arch/dqload}
src=$VM_DIR/workloads

case $arch in
amd64) cc=${CC_AMD64:-x86_64-linux-gnu-gcc} ;;
arm64) cc=${CC_ARM64:-aarch64-linux-gnu-gcc} ;;
*) die "no compiler is known for architecture $arch." ;;
esac

if [ ! -x "$out" ] || [ -n "$(find "$src" -newer "$out" -type f)" ]; then
	need "$cc"
	mkdir -p "$(dirname "$out")"
	# Made aside and moved: another run may be executing the old one.
	"$cc" -std=gnu11 -Wall -Wextra -Werror -O2 -static -pthread \
		-o "$out.$$" "$src"/*.c ||
		die "dqload does not compile for $arch."
	mv "$out.$$" "$out"
fi
printf '%s\n' "$out"
