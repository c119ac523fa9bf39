#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""reads.py KCORE VMALLOCINFO READS

Was everything that was read the kernel's memory, and no device's? KCORE is the begin of the guest's
/proc/kcore (it may be missing on 32 bits), VMALLOCINFO its /proc/vmallocinfo before and after, READS an
ftrace of copy_from_kernel_nofault() with "src=0x... n=0x...".

A read must lie in memory that is mapped one to one or in the kernel's image (the program headers of KCORE
that have a physical address), or in an area of VMALLOCINFO that ioremap() did not make: a stack, a module.
What is in none of them may be read only where no devices are: there is nothing, and the kernel knows how
to tell. Between the first and the last device something may have been a moment ago.

Prints how many reads there were of which kind; and what was read and is no such place, with exit status 1.
2: the files are not what they should be.
"""
import collections
import os
import re
import sys

from kcore import segments

PAGE_OFFSET = 0xC0000000  # Debian's armhf


def die(what):
    print("reads.py:", what, file=sys.stderr)
    sys.exit(2)


def areas(path):
    """begin, end, what: of each area; the gap behind it, which is its, is not readable"""
    with open(path, encoding="ascii", errors="replace") as f:
        for line in f:
            m = re.match(r"0x([0-9a-f]+)-0x([0-9a-f]+)\s+\d+ (.*)", line)
            if m:
                yield int(m[1], 16), int(m[2], 16), m[3]


def is_device(what):
    return re.search(r"\bioremap\b", what) or ("phys=" in what and " vmap" not in what)


def kind_of(addr, memory, mapped, devices):
    if any(begin <= addr < end for begin, end in memory):
        return "memory"
    for begin, end, what in mapped:
        if begin <= addr < end:
            return "DEVICE" if is_device(what) else "mapped"
    return "AMONG DEVICES" if devices[0] <= addr < devices[1] else "nothing"


def main():
    mapped = list(areas(sys.argv[2]))
    if os.path.getsize(sys.argv[1]):
        memory = [(begin, end) for begin, end, physical in segments(sys.argv[1]) if physical]
    else:  # from PAGE_OFFSET up to the first of the areas above it; modules are below
        memory = [(PAGE_OFFSET, min(begin for begin, _, _ in mapped if begin >= PAGE_OFFSET))]
    devices = [(begin, end) for begin, end, what in mapped if is_device(what)]
    if not memory or not devices:
        die("no memory, or no device: addresses are hidden?")
    devices = min(begin for begin, _ in devices), max(end for _, end in devices)
    n = collections.Counter()
    bad = []
    with open(sys.argv[3], encoding="ascii", errors="replace") as f:
        for line in f:
            m = re.search(r"src=0x([0-9a-f]+) n=0x([0-9a-f]+)", line)
            if not m:
                continue
            kind = kind_of(int(m[1], 16), memory, mapped, devices)
            n[kind] += 1
            if kind.isupper():
                bad.append(f"{kind}: {line.strip()}")
    print(", ".join(f"{n[k]} {k}" for k in sorted(n)))
    for line in bad[:20]:
        print(line)
    sys.exit(1 if bad or n["memory"] < 500 else 0)


main()
