#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# sysroot.sh ARCH DIR
#
# Makes DIR a sysroot of Debian bookworm ARCH with the libraries that dmaseq
# links (libbpf, libelf, zlib, libc), headers and static archives included.
# Nothing is installed and nothing of ARCH is run, so any machine with the
# cross compiler can make a board's binary:
#
#	tests/vm/sysroot.sh arm64 build/sysroot-arm64
#	aarch64-linux-gnu-gcc --sysroot=build/sysroot-arm64 -static-pie ... -lbpf -lelf -lz
#
# The layout is Debian's own:
#
#	DIR/usr/include                    libbpf (bpf/), libelf, zlib, libc, kernel
#	DIR/usr/include/TRIPLET            asm/, bits/, ... of ARCH
#	DIR/usr/lib/TRIPLET                lib*.a, lib*.so, crt*.o, rcrt1.o, pkgconfig/
#	DIR/lib -> usr/lib                 the loader, for a dynamic link
#
# For a CMake toolchain file: CMAKE_SYSROOT = DIR, CMAKE_LIBRARY_ARCHITECTURE =
# TRIPLET (aarch64-linux-gnu), CMAKE_FIND_ROOT_PATH_MODE_{LIBRARY,INCLUDE,
# PACKAGE} = ONLY; for pkg-config: PKG_CONFIG_SYSROOT_DIR = DIR and
# PKG_CONFIG_LIBDIR = DIR/usr/lib/TRIPLET/pkgconfig.
#
# Doing it twice is free: DIR/.dmaseq-sysroot remembers what it was made of.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SUITE=bookworm
# libgcc.a and crtbegin*.o come with the cross compiler.
PACKAGES='libc6 libc6-dev libcrypt1 libcrypt-dev linux-libc-dev libgcc-s1
	libbpf1 libbpf-dev libelf1 libelf-dev zlib1g zlib1g-dev'

[ $# -eq 2 ] || die "usage: sysroot.sh ARCH DIR"
arch=$1
dir=$2
made="$SUITE $arch $(tr -s '[:space:]' ' ' <<<"$PACKAGES")"
if [ "$(head -n 1 "$dir/.dmaseq-sysroot" 2>/dev/null)" = "$made" ]; then
	exit 0
fi
if [ -e "$dir" ] && [ ! -e "$dir/.dmaseq-sysroot" ] && [ -n "$(ls -A "$dir")" ]; then
	die "$dir exists and is not a sysroot of mine; remove it or name another."
fi

debs=$CACHE/sysroot/$arch
cache_lock
if [ "$(cat "$debs/made-with" 2>/dev/null)" != "$made" ]; then
	apt_open "$arch" "$SUITE"
	progress "fetching the libraries of $SUITE ($arch)"
	rm -rf "$debs"
	# shellcheck disable=SC2086 # a list of names
	apt_fetch "$debs" $PACKAGES
	printf '%s\n' "$made" >"$debs/made-with"
fi
rm -rf "$dir"
mkdir -p "$dir/usr/lib"
# bookworm's packages still ship some files under /lib; one directory for both
# keeps the compiler's search short and the loader's path valid.
unpack_all "$debs" "$dir"
if [ -d "$dir/lib" ] && [ ! -L "$dir/lib" ]; then
	cp -a "$dir/lib/." "$dir/usr/lib/"
	rm -rf "${dir:?}/lib"
	ln -s usr/lib "$dir/lib"
fi
relink "$dir"
rm -rf "${dir:?}/usr/share" "${dir:?}/etc"
{
	printf '%s\n' "$made"
	for deb in "$debs"/*.deb; do
		# shellcheck disable=SC2016 # dpkg's own variables
		dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb"
	done
} >"$dir/.dmaseq-sysroot"
cache_unlock
