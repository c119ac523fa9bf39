#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
make_bombs.py DIR: traces that are small and say that they are huge, for test_bombs.sh. Written after
docs/trace-format.md, with the right checksums: a reader meets them behind every check of bytes.
"""
import os
import struct
import sys
import zlib

STRINGS, DEFS, EVENTS = 1, 2, 3
CRITICAL, ZLIB, MARKS, OBJECTS = 1, 2, 4, 8
BUF, CALL = 5, 7
RAW_MAX = 16 << 20
ITEMS_MAX = 1 << 20


def table():
    t = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        t.append(n)
    return t


TABLE = table()


def crc32c(data):
    c = 0xFFFFFFFF
    for b in data:
        c = c >> 8 ^ TABLE[(c ^ b) & 0xFF]
    return c ^ 0xFFFFFFFF


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def header():
    h = b"\x8dDSQ\r\n\x1a\n" + struct.pack("<IHHII16sQQI", 64, 1, 1, 0, 0, b"", 1, 1, 0)
    return h + struct.pack("<I", crc32c(h))


class Trace:
    def __init__(self):
        self.out, self.seq = header(), 0

    def chunk(self, kind, payload, flags=0, stored=None, raw=None):
        """stored, raw: what the header says, where that is not so"""
        stored = len(payload) if stored is None else stored
        raw = len(payload) if raw is None else raw
        head = struct.pack("<IHHIII", 0xD5C45AC3, kind, flags, stored, raw, self.seq)
        body = payload + b"\0" * (-len(payload) % 8)
        self.seq += 1
        self.out += head + struct.pack("<I", crc32c(head + body)) + body

    def packed(self, kind, payload, flags=0, raw=None):
        z = zlib.compress(payload, 9)
        self.chunk(kind, struct.pack("<I", len(z)) + z, flags | ZLIB, raw=len(payload) if raw is None else raw)


def column(data, mode=0):
    return varint(len(data) * 4 + mode) + data


def rows(n, kind=CALL, columns=(), explicit=8):
    """n rows of a kind, whose first ones say so, and the rest: as before"""
    steps = b"".join(varint(0) + varint(kind) for _ in range(explicit))
    keys = column(b"\2" * explicit)
    body = varint(n) + column(b"") + column(steps, 1) + keys
    return body + varint(1) + varint(kind) + varint(len(columns)) + b"".join(columns)


def names(first, count, strings):
    return varint(first) + varint(count) + b"".join(varint(len(s)) + s for s in strings)


def bombs():
    big = 1 << 62
    for what, payload in (
        ("strings-count", varint(1) + varint(big)),
        ("strings-first", names(big, 1, [b"x"])),
        ("string-length", varint(1) + varint(1) + varint(big)),
    ):
        t = Trace()
        t.chunk(STRINGS, payload)
        yield what, t
    for what, payload in (
        ("rows", varint(big)),
        ("rows-2-32", rows((1 << 32) + 1)),
        ("rows-one-more", rows(ITEMS_MAX + 1)),
        ("column-length", varint(8) + varint(big)),
        ("kinds", varint(8) + column(b"") + column(b"\0\7") + column(b"\2") + varint(big)),
        ("columns", varint(8) + column(b"") + column(b"\0\7") + column(b"\2") + varint(1) + varint(7) + varint(big)),
        ("kind-number", varint(8) + column(b"") + column(varint(0) + varint(big)) + column(b"\2") + varint(0)),
        ("sparse-run", varint(8) + column(varint(big) + b"\7", 1) + column(b"") + column(b"") + varint(0)),
    ):
        t = Trace()
        t.chunk(EVENTS, payload, OBJECTS)
        yield what, t
    for what, stored, raw in (("stored", 0xFFFFFFFF, 0xFFFFFFFF), ("raw", None, 0xFFFFFFFF), ("raw-16m", None, RAW_MAX)):
        t = Trace()
        t.chunk(EVENTS, b"\0" * 64, OBJECTS, stored, raw)
        yield what, t
    # deflate: more than is said, less than is said, as much as is possible, and often
    t = Trace()
    t.packed(STRINGS, b"\0" * (64 << 20), raw=RAW_MAX)
    yield "inflates-64m", t
    t = Trace()
    t.packed(STRINGS, b"\0" * (64 << 20), raw=64 << 20)
    yield "says-64m", t
    t = Trace()
    t.packed(STRINGS, b"\0" * 1000, raw=RAW_MAX)
    yield "inflates-too-little", t
    t = Trace()
    for i in range(40):
        t.packed(EVENTS, b"\0" * RAW_MAX, OBJECTS)
    yield "zeros-40-times", t
    t = Trace()
    for i in range(24):
        long = (b"%04d" % i) * 1024
        t.packed(STRINGS, names(1 + i * 3900, 3900, [b"%06d" % n + long[6:] for n in range(3900)]))
    yield "strings-370m", t
    # a million items in forty bytes, and again
    t = Trace()
    t.chunk(DEFS, rows(1, BUF, [column(varint(2))], 1), OBJECTS)
    for i in range(4):
        t.chunk(EVENTS, rows(ITEMS_MAX, CALL, [column(b"")] * 9 + [column(b"\0\2\0\2", 1)]), OBJECTS)
    yield "calls-4m", t
    t = Trace()
    t.packed(DEFS, rows(ITEMS_MAX, BUF, [column(b"\2" * ITEMS_MAX)]), OBJECTS)
    yield "buffers-1m", t


def main(out):
    for what, t in bombs():
        with open(os.path.join(out, what + ".dmaseq"), "wb") as f:
            f.write(t.out)


main(*sys.argv[1:])
