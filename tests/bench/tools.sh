#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tools.sh DIR
#
# Puts the tracers that dmaseq is compared with into DIR: Debian's trace-cmd and
# bpftrace, with the libraries that they need and the loader, so that a guest can
# run them from a directory (one in its memory: a library of LLVM is read in small pieces):
#
#	/lib64/ld-linux-x86-64.so.2 -> DIR/ld.so
#	LD_LIBRARY_PATH=DIR/lib DIR/bin/bpftrace ...
#
# Nothing is installed. The packages stay in the cache.

set -eu
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

SUITE=bookworm
TOOLS='trace-cmd bpftrace'

[ $# -eq 1 ] || die "usage: tools.sh DIR"
dir=$1

# closure NAME...: the names, and of everything that they depend on
closure()
{
	local todo=("$@") name seen=' '
	while [ ${#todo[@]} -gt 0 ]; do
		name=${todo[0]}
		todo=("${todo[@]:1}")
		case $seen in *" $name "*) continue ;; esac
		seen+="$name "
		# virtual packages and those of the installer's sort have no libraries
		apt-cache show --no-all-versions "$name" >/dev/null 2>&1 || continue
		printf '%s\n' "$name"
		# shellcheck disable=SC2207 # words
		todo+=($(apt_depends "$name" | grep -E '^(lib|zlib)' || :))
	done
}

cache=$CACHE/bench-tools/$SUITE
cache_lock
if [ ! -e "$cache/done" ]; then
	rm -rf "$cache"
	apt_open amd64 "$SUITE"
	progress "fetching $TOOLS and their libraries"
	# shellcheck disable=SC2046,SC2086 # lists of names
	apt_fetch "$cache/deb" $(closure $TOOLS)
	unpack_all "$cache/deb" "$cache/tree"
	relink "$cache/tree"
	rm -rf "$cache/deb"
	: >"$cache/done"
fi
cache_unlock

# needed FILE: the libraries that it names
needed()
{
	readelf -dW "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# put_libraries FILE: what it needs, by the names by which the loader looks for it
put_libraries()
{
	local name from
	for name in $(needed "$1"); do
		[ ! -e "$dir/lib/$name" ] || continue
		from=$(find "$cache/tree" -path '*/x86_64-linux-gnu/*' -name "$name" ! -type d -print -quit)
		case $name in ld-linux*) continue ;; esac
		[ -n "$from" ] || die "$(basename "$1") needs $name, and no package has it."
		cp -L "$from" "$dir/lib/$name"
		put_libraries "$dir/lib/$name"
	done
}

need readelf
mkdir -p "$dir/bin" "$dir/lib"
for tool in $TOOLS; do
	cp -L "$cache/tree/usr/bin/$tool" "$dir/bin/"
	put_libraries "$dir/bin/$tool"
done
cp -L "$cache"/tree/lib*/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$dir/ld.so" 2>/dev/null ||
	cp -L "$cache"/tree/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$dir/ld.so"
