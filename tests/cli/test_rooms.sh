#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The rooms of the source: nobody includes a header of a room to the right, only
# the commands talk to stdout or end the program. docs/architecture.md says why.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# room: what it may include headers of, besides its own
declare -A may=(
	[bpf]=''
	[src/util]=''
	[src/trace]='bpf src/util'
	[src/model]='bpf src/util src/trace'
	[src/render]='bpf src/util src/trace src/model'
	[src/check]='bpf src/util src/trace src/model'
	[src/diff]='bpf src/util src/trace src/model'
	[src/export]='bpf src/util src/trace src/model'
	[src/live]='bpf src/util src/trace'
	[src/cmd]='bpf src/util src/trace src/model src/render src/check src/diff src/export src/live'
)

# The tracepoints of dma-buf that came with 7.0 read buffers that may be gone in some of those
# kernels: nothing enables them.
check "no tracepoint of dma_buf is used" \
	bash -c "! grep -rnE '\"dma_buf\", *\"dma_buf_|tp(_btf)?/dma_buf/|(raw_)?tracepoint/dma_buf|dma_buf:dma_buf' '$TOP/bpf' '$TOP/src'"

# header FILE NAME: where the compiler finds it, relative to the top
header()
{
	local dir
	for dir in "$(dirname "$1")" src bpf; do
		if [ -e "$TOP/$dir/$2" ]; then
			realpath --relative-to="$TOP" "$TOP/$dir/$2"
			return
		fi
	done
}

# includes ROOM: prints what is wrong with its #includes
includes()
{
	local room=$1 file name found other
	while IFS=: read -r file name; do
		found=$(header "$file" "$name")
		[ -n "$found" ] || continue	# a system header, or generated
		other=$(dirname "$found")
		[[ $other == "$room" || " ${may[$room]} " == *" $other "* ]] && continue
		echo "$file includes $found: $room may use '${may[$room]}'"
	done < <(cd "$TOP" && grep -Eo '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*"' -r "$room" \
		--include='*.[ch]' | sed 's/:.*"\(.*\)"$/:\1/')
}

# Of bpf/, user space may see the contract and nothing else.
kernel_side()
{
	(cd "$TOP" && grep -En '#[[:space:]]*include.*"([^"]*/)?[a-z_]*\.h"' -r src --include='*.[ch]' |
		grep -E 'bpf/' | grep -Ev '"[./]*(bpf/)(hooks|wire)\.h"')
}

# code FILE: without comments
code()
{
	gcc -fpreprocessed -dD -E -P "$1" 2>/dev/null
}

# talks ROOM: uses of stdout, or ways out of the program
talks()
{
	local file
	while IFS= read -r file; do
		code "$TOP/$file" | grep -Eo '\b(printf|puts|putchar|vprintf|exit|abort|err|errx)[[:space:]]*\(|\bstdout\b' |
			sed "s|^|$file: |"
	done < <(cd "$TOP" && find "$1" -name '*.c' ! -name '*.bpf.c')
}

nothing()
{
	local out
	out=$("$@")
	[ -z "$out" ] || { echo "$out"; return 1; }
}

for room in "${!may[@]}"; do
	[ -d "$TOP/$room" ] || continue
	check "$room includes what it may" nothing includes "$room"
	[ "$room" = src/cmd ] || [ "$room" = bpf ] ||
		check "$room neither prints nor exits" nothing talks "$room"
done
for dir in "$TOP"/src/*/; do
	room=src/$(basename "$dir")
	check "$room is a known room" test "${may[$room]+known}" = known
done
check "src/ includes only hooks.h and wire.h of bpf/" nothing kernel_side
summary
