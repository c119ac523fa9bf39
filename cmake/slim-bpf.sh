#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# slim-bpf.sh OBJCOPY IN OUT
#
# A BPF object without what only its readers want: the labels of branches, and in .BTF.ext which
# line of the source an instruction is of (a third of the object; it also costs memory of whoever
# loads it). Types, relocations and the names of functions stay.
set -eu
objcopy=$1 in=$2 out=$3
ext=$out.ext

# u32 AT: of the file $ext
u32()
{
	od -An -tu4 -j "$1" -N 4 "$ext" | tr -d ' '
}

"$objcopy" --dump-section ".BTF.ext=$ext" "$in" "$out"
[ "$(od -An -tx2 -N 2 "$ext" | tr -d " ")" = eb9f ]
# struct btf_ext_header: magic, version, flags, hdr_len, then offset and length of the functions,
# of the lines, of the relocations; offsets are from the header's end
hdr=$(u32 4) off=$(u32 16) len=$(u32 20)
dd if=/dev/zero of="$ext" bs=4 seek=5 count=1 conv=notrunc 2>/dev/null
dd if=/dev/zero of="$ext" bs=1 seek=$((hdr + off)) count="$len" conv=notrunc 2>/dev/null
"$objcopy" --wildcard --strip-symbol='LBB*' --update-section ".BTF.ext=$ext" "$in" "$out"
rm "$ext"
