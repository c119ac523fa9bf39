#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""leaks.py KCORE TRACE DUMP

Looks for addresses of the kernel in a recording. KCORE is the begin of the guest's /proc/kcore,
whose program headers say where it has its text, its modules, its memory, and its areas for vmalloc
and for struct page. TRACE is the binary file, whose chunks are taken apart here, without dmaseq;
DUMP is what `dmaseq dump` makes of it.

In the decompressed chunks: every eight bytes that are a number in one of the places, but for those so
large that chance would find them; and every hexadecimal or decimal number in strings. DEFS and EVENTS
hold columns of numbers (docs/trace-format.md): there each number is looked at, as it is and read as zigzag,
and no eight bytes, which would be parts of several: where arm64 has 52 bits of address, memory
begins at fff0000000000000, and two zeros before a number that begins with f0 ff are not rare enough. They are
differences, so that the last 4 GiB say nothing there: -18 M is no address of a module. Numbers in bits
are times. The dump has all of them as they are meant. In the dump: every
number in the kernel's half of the address space at all, but the last 64 KiB of it, where small
negative numbers are. In the file as it is, padding that is not 0.

Prints what was found, a line each; exit status 1 when something was. 2: the file is not what it
should be.
"""
import re
import struct
import sys
import zlib

from kcore import segments

SYNC = 0xD5C45AC3
DEFS, EVENTS = 2, 3
KERNEL_HALF = 0xFF00 << 48  # amd64 with five levels; four, and arm64, have less
BY_CHANCE = 1 << 38  # of 2**64: once in 60 million random numbers
LAST = (1 << 64) - (64 << 10)
DIFFERENCE = (1 << 64) - (4 << 30)


def die(what):
    print("leaks.py:", what, file=sys.stderr)
    sys.exit(2)


def chunks(data):
    """The payloads, decompressed; and complaints about padding."""
    at = struct.unpack_from("<I", data, 8)[0]
    while at < len(data):
        if at + 24 > len(data):
            return  # cut off
        sync, kind, flags, length, raw = struct.unpack_from("<IHHII", data, at)
        if sync != SYNC:
            die(f"no chunk at {at}")
        stored = data[at + 24:at + 24 + length]
        end = (at + 24 + length + 7) // 8 * 8
        if any(data[at + 24 + length:end]):
            print(f"padding that is not 0 in the chunk at {at}")
        if flags & 2:
            size = struct.unpack_from("<I", stored)[0]
            stored = zlib.decompress(stored[4:4 + size]) + stored[4 + size:]
        if len(stored) != raw:
            die(f"the chunk at {at} has {len(stored)} bytes, {raw} said")
        yield at, kind, stored
        at = end


def is_place(value, places):
    return any(begin <= value < end for begin, end in places)


def numbers(text):
    for m in re.finditer(rb"(?:0x)?([0-9a-fA-F]{8,16})(?![0-9a-fA-F])", text):
        yield m.group(), int(m.group(1), 16)
    for m in re.finditer(rb"-?[0-9]{10,20}", text):
        yield m.group(), int(m.group()) % (1 << 64)


def varint(raw, at):
    value = shift = 0
    while at < len(raw) and shift < 70:
        value |= (raw[at] & 0x7F) << shift
        at += 1
        if raw[at - 1] < 0x80:
            return value, at
        shift += 7
    die(f"no varint at {at}")


def column(raw, at):
    """The numbers of a column that has bytes of its own, and where it ends."""
    head, at = varint(raw, at)
    length, mode = head >> 2, head & 3
    if mode == 2:  # in bits, at the end of the payload
        return [], at
    values, end = [], at + length
    while at < end:
        value, at = varint(raw, at)
        values.append(value)
    if at != end:
        die(f"a column ends at {at}, not {end}")
    return values, end


def columns(raw):
    """All numbers of a DEFS or EVENTS payload."""
    _, at = varint(raw, 0)
    for _ in range(3):  # tasks, steps, keys
        values, at = column(raw, at)
        yield from values
    kinds, at = varint(raw, at)
    for _ in range(kinds):
        _, at = varint(raw, at)
        n, at = varint(raw, at)
        for _ in range(n):
            values, at = column(raw, at)
            yield from values


def candidates(kind, raw):
    """What may be an address in a payload: the number, and where it was."""
    if kind in (DEFS, EVENTS):
        for number in columns(raw):
            for value in number, number >> 1 ^ -(number & 1) % (1 << 64):
                if value < DIFFERENCE:
                    yield value, "a column"
    else:
        for i in range(len(raw) - 7):
            yield struct.unpack_from("<Q", raw, i)[0], i


def in_trace(data, places):
    found = []
    small = [(begin, end) for begin, end in places if end - begin <= BY_CHANCE]
    for at, kind, raw in chunks(data):
        for value, where in candidates(kind, raw):
            if is_place(value, small):
                found.append(f"chunk of type {kind} at {at}: {value:#x} at {where}")
        for word, value in numbers(raw):
            if is_place(value, places):
                found.append(f"chunk of type {kind} at {at}: {word.decode()}")
    return found


def in_dump(text, places):
    found = []
    for line in text.splitlines():
        # the process's own words: flags, and above them a descriptor, which is -1 (not supported, or none)
        line = re.sub(rb" sync=0xffffffff0000000[0-7]\b", b"", line)
        for word, value in numbers(line):
            if KERNEL_HALF <= value < LAST or is_place(value, places):
                found.append("dump: " + word.decode() + " in: " + line.decode(errors="replace"))
    return found


def main():
    places = [(begin, end) for begin, end, _ in segments(sys.argv[1])]
    if not places:
        die("no places")
    with open(sys.argv[2], "rb") as f:
        data = f.read()
    if data[:8] != b"\x8dDSQ\r\n\x1a\n":
        die("no trace")
    with open(sys.argv[3], "rb") as f:
        dump = f.read()
    found = in_trace(data, places) + in_dump(dump, places)
    for line in found[:20]:
        print(line[:300])
    if len(found) > 20:
        print(len(found) - 20, "more")
    sys.exit(1 if found else 0)


main()
