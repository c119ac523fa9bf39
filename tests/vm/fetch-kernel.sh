#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# fetch-kernel.sh NAME|all
#
# Makes sure that the kernel NAME of kernels.list is in the cache, and prints
# the directory that has it:
#
#	vmlinuz          what QEMU boots
#	config           its configuration
#	release          what uname -r will say
#	package          package name and version it came from
#	modules/         NN-name.ko, uncompressed, in an order in which insmod
#	                 succeeds
#
# Nothing is installed.  With the kernel in the cache no network is needed;
# to get a newer one, remove its directory.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Bumped when the directory's layout changes.
LAYOUT=1

# tree_modules TREE RELEASE OUT: copies what GUEST_MODULES needs, in loading
# order.  modprobe on the host resolves it, told about TREE only.
tree_modules()
{
	local tree=$1 release=$2 out=$3 module line file name n=10

	PATH=$PATH:/usr/sbin:/sbin
	need depmod modprobe
	# modprobe -d knows lib/modules only; packages have moved to usr/lib.
	if [ ! -e "$tree/lib/modules" ]; then
		mkdir -p "$tree/lib"
		ln -s ../usr/lib/modules "$tree/lib/modules"
	fi
	depmod -b "$tree" "$release"
	mkdir -p "$out"
	for module in $GUEST_MODULES; do
		while read -r line file; do
			[ "$line" = insmod ] || continue # builtin
			name=$(basename "$file")
			name=${name%.xz}
			name=${name%.zst}
			if compgen -G "$out/*-$name" >/dev/null; then
				continue
			fi
			case $file in
			*.xz) xz -dc "$file" >"$out/$n-$name" ;;
			*.zst) zstd -qdc "$file" >"$out/$n-$name" ;;
			*) cp "$file" "$out/$n-$name" ;;
			esac
			n=$((n + 1))
		done <<EOF
$(modprobe -C /dev/null -d "$tree" -S "$release" --show-depends "$module" 2>/dev/null || :)
EOF
	done
}

# have DIR MADE: prints DIR when it is there and was made in this way.
have()
{
	[ "$(cat "$1/made-with" 2>/dev/null)" = "$2" ] || return 1
	printf '%s\n' "$1"
}

fetch()
{
	local name=$1 dir tmp package version image release dep extra
	local made="layout $LAYOUT modules $GUEST_MODULES"

	kernel_line "$name"
	dir=$CACHE/kernels/$name
	# Once before the lock, which another run may hold for minutes, and once
	# with it, since that run may have fetched this very kernel.
	if have "$dir" "$made"; then
		return
	fi
	cache_lock
	if have "$dir" "$made"; then
		cache_unlock
		return
	fi
	apt_open "$K_ARCH" "$K_SUITES"
	read -r package version <<EOF
$(apt_newest "$K_PATTERN")
EOF
	[ -n "$package" ] ||
		die "no package of $K_SUITES ($K_ARCH) matches $K_PATTERN."
	# One kernel may be split over several packages: the image proper, its
	# modules, and a base with the configuration.
	extra=
	for dep in $(apt_depends "$package"); do
		case $dep in
		linux-binary-*|linux-modules-*|linux-base-[0-9]*) extra="$extra $dep" ;;
		esac
	done
	progress "fetching $package $version"
	tmp=$CACHE/kernels/.$name.$$
	# shellcheck disable=SC2064 # expand now
	trap "rm -rf '$tmp'" EXIT
	rm -rf "$tmp"
	mkdir -p "$tmp/deb" "$tmp/tree" "$tmp/new"
	# shellcheck disable=SC2086 # a list of names
	apt_fetch "$tmp/deb" "$package" $extra
	progress "unpacking $package"
	unpack_all "$tmp/deb" "$tmp/tree"

	image=$(find "$tmp/tree" \( -path '*/boot/vmlinuz-*' -o -path '*/lib/modules/*/vmlinuz' \) -type f | head -n 1)
	[ -n "$image" ] || die "$package holds no kernel image."
	release=$(find "$tmp/tree/lib/modules" "$tmp/tree/usr/lib/modules" \
		-mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | head -n 1)
	[ -n "$release" ] || die "$package holds no modules."
	cp "$image" "$tmp/new/vmlinuz"
	find "$tmp/tree" \( -path '*/boot/config-*' -o -path '*/lib/modules/*/config' \) -type f \
		-exec cp {} "$tmp/new/config" \;
	tree_modules "$tmp/tree" "$release" "$tmp/new/modules"
	printf '%s\n' "$release" >"$tmp/new/release"
	printf '%s %s\n' "$package" "$version" >"$tmp/new/package"
	printf '%s\n' "$made" >"$tmp/new/made-with"
	rm -rf "$dir"
	mv "$tmp/new" "$dir"
	rm -rf "$tmp"
	trap - EXIT
	cache_unlock
	printf '%s\n' "$dir"
}

[ $# -eq 1 ] || die "usage: fetch-kernel.sh NAME|all (one of: $(kernel_names | tr '\n' ' '))"
if [ "$1" = all ]; then
	for name in $(kernel_names); do
		"$0" "$name"
	done
else
	fetch "$1"
fi
