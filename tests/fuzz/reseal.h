/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reseal.h - for what changes bytes of a trace: behind the checksums, where a reader would look no
 * further, there is more to find. For the programs of this folder.
 */
#ifndef DQ_FUZZ_RESEAL_H
#define DQ_FUZZ_RESEAL_H

#include "trace/chunk.h"

/* Makes the checksums right, as far as the lengths can be believed. */
static void reseal(uint8_t *p, size_t size)
{
	size_t at = DQ_HEADER_SIZE, stored;
	uint32_t seq = 0;

	if (size < DQ_HEADER_SIZE)
		return;
	dq_put32(p + 60, dq_crc32c(0, p, 60));
	while (size - at >= DQ_CHUNK_HEADER) {
		stored = dq_le32(p + at + 8);
		if (stored > size - at - DQ_CHUNK_HEADER ||
		    dq_pad8(stored) > size - at - DQ_CHUNK_HEADER)
			return;
		dq_chunk_seal(p + at, dq_le16(p + at + 4), dq_le16(p + at + 6), (uint32_t)stored,
			      dq_le32(p + at + 12), seq++);
		at += DQ_CHUNK_HEADER + dq_pad8(stored);
	}
}

#endif /* DQ_FUZZ_RESEAL_H */
