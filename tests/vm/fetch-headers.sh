#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# fetch-headers.sh NAME
#
# Makes sure that what a module for the kernel NAME of kernels.list is built with is
# in the cache (Debian's linux-headers, common and kbuild packages of the very release
# that is there), and prints the directory for `make -C`.  Nothing is installed, and
# with the packages in the cache no network is needed.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# The paths that the packages' makefiles name are those of an installed system.
settle()
{
	local tree=$1 final=$2 file
	for file in $(grep -rlI --include=Makefile --include='*.kbuild*' /usr/ "$tree/usr/src" || :); do
		sed -i "s|/usr/src/|$final/usr/src/|g; s|/usr/lib/linux-kbuild|$final/usr/lib/linux-kbuild|g" "$file"
	done
}

# make_runnable TREE DIR PACKAGE: Debian's newest kernels bring tools that were linked with a newer libc than this
# machine may have.  They get the libraries that they were linked with, and a script
# in their place that starts them with these.
make_runnable()
{
	local tree=$1 final=$2 tool tools=() libs=$1/libs loader
	while IFS= read -r tool; do
		if ldd "$tool" 2>&1 | grep -q 'not found'; then
			tools+=("$tool")
		fi
	done <<LIST
$(find "$tree/usr" -type f -perm -100 -exec sh -c 'head -c 4 "$1" | grep -q ELF' _ {} \; -print)
LIST
	[ ${#tools[@]} -gt 0 ] || return 0
	# shellcheck disable=SC2046 # a list of names
	apt_fetch "$tree/libs-deb" $(tool_libraries "$3")
	unpack_all "$tree/libs-deb" "$libs"
	rm -rf "$tree/libs-deb"
	loader=$(cd "$libs" && find . -name 'ld-linux*' | head -n 1)
	[ -n "$loader" ] || die "the libraries of kbuild's tools hold no loader."
	for tool in "${tools[@]}"; do
		mv "$tool" "$tool.elf"
		cat >"$tool" <<-SCRIPT
			#!/bin/sh
			exec "$final/libs/$loader" --library-path "$final/libs/usr/lib/x86_64-linux-gnu:$final/libs/lib/x86_64-linux-gnu" "$final${tool#"$tree"}.elf" "\$@"
		SCRIPT
		chmod +x "$tool"
	done
}

# tool_libraries PACKAGE: what kbuild's tools are linked with, and what that is linked with.
tool_libraries()
{
	local dep
	for dep in $(apt_depends "$1"); do
		case $dep in
		lib* | zlib*)
			printf '%s\n' "$dep"
			apt_depends "$dep" | grep -E '^(lib|zlib)' || :
			;;
		esac
	done | sort -u
}

# The packages that make up the headers of RELEASE.
parts()
{
	local dep
	printf 'linux-headers-%s\n' "$1"
	for dep in $(apt_depends "linux-headers-$1"); do
		case $dep in
		linux-headers-*-common | linux-kbuild-*) printf '%s\n' "$dep" ;;
		esac
	done
}

[ $# -eq 1 ] || die "usage: fetch-headers.sh NAME (one of: $(kernel_names | tr '\n' ' '))"
kernel_line "$1"
release=$(cat "$("$VM_DIR/fetch-kernel.sh" "$1")/release")
dir=$CACHE/headers/$release
headers=$dir/usr/src/linux-headers-$release
if [ ! -e "$dir/complete" ]; then
	cache_lock
fi
if [ ! -e "$dir/complete" ]; then
	apt_open "$K_ARCH" "$K_SUITES"
	packages=$(parts "$release")
	case $packages in
	*-common*) ;;
	*) die "the archive has no linux-headers-$release any more; remove $CACHE/kernels/$1 to get its successor." ;;
	esac
	progress "fetching linux-headers-$release"
	tmp=$CACHE/headers/.$release.$$
	trap 'rm -rf "$tmp"' EXIT
	rm -rf "$tmp"
	mkdir -p "$tmp/deb"
	# shellcheck disable=SC2086 # a list of names
	apt_fetch "$tmp/deb" $packages
	unpack_all "$tmp/deb" "$tmp/tree"
	make_runnable "$tmp/tree" "$dir" "$(printf '%s\n' "$packages" | grep kbuild)"
	settle "$tmp/tree" "$dir"
	: >"$tmp/tree/complete"
	rm -rf "$dir"
	mv "$tmp/tree" "$dir"
	cache_unlock
fi
printf '%s\n' "$headers"
