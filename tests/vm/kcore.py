# SPDX-License-Identifier: BSD-2-Clause
"""Where a kernel has what: the program headers of the begin of its /proc/kcore, for leaks.py and reads.py."""
import struct


def segments(path):
    """begin, end, whether it has a physical address: of each place, of kernels of 64 and of 32 bits.

    ValueError: the file is no such thing.
    """
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] != b"\x7fELF" or len(data) < 64:
        raise ValueError(f"{path} is no ELF file")
    wide = data[4] == 2
    (at,) = struct.unpack_from("<Q", data, 32) if wide else struct.unpack_from("<I", data, 28)
    size, n = struct.unpack_from("<HH", data, 54 if wide else 42)
    for i in range(n):
        values = struct.unpack_from("<IIQQQQQQ" if wide else "<IIIIIIII", data, at + i * size)
        if wide:
            kind, _, _, begin, physical, _, length, _ = values
        else:
            kind, _, begin, physical, _, length, _, _ = values
        if kind == 1:  # PT_LOAD
            yield begin, begin + length, physical != (1 << (64 if wide else 32)) - 1
