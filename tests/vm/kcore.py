# SPDX-License-Identifier: BSD-2-Clause
"""Where a kernel of 64 bits has what: the program headers of the begin of its /proc/kcore, for leaks.py and
reads.py. Debian's armhf has no /proc/kcore."""
import struct
import sys


def segments(path):
    """begin, end, whether it has a physical address: of each place.

    Ends the program with status 2 when the file is no such thing.
    """
    with open(path, "rb") as f:
        data = f.read()
    if data[:5] != b"\x7fELF\x02" or len(data) < 64:
        print(f"kcore.py: {path} is no ELF file of 64 bits", file=sys.stderr)
        sys.exit(2)
    at, size, n = struct.unpack_from("<Q", data, 32) + struct.unpack_from("<HH", data, 54)
    for i in range(n):
        kind, _, _, begin, physical, _, length, _ = struct.unpack_from("<IIQQQQQQ", data, at + i * size)
        if kind == 1:  # PT_LOAD
            yield begin, begin + length, physical != (1 << 64) - 1
