/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chunk.h - finding the chunks of a file, also of a damaged one. Internal to the trace
 * room.
 */
#ifndef DQ_CHUNK_H
#define DQ_CHUNK_H

#include "format.h"
#include "input.h"
#include "trace.h"
#include "util/util.h"

/* What was found at some place of the file. */
struct dq_chunk {
	uint64_t offset;
	uint16_t type, flags;
	uint32_t len, raw_len, seq;
	const char *problem;	/* NULL: sound, as far as the checksum tells */
	const uint8_t *data;	/* stored payload; valid until the next dq_scan_next() */
};

struct dq_scan {
	struct dq_input *in;
	struct dq_reader_state *st; /* counts damage here */
	uint64_t next_seq;	/* the least that the next chunk may have */
	uint64_t wasted;	/* bytes checked in vain: bounds the work on a hostile file */
	size_t skip;		/* of the chunk given out last */
};

/* 1 and the next chunk or piece of garbage (then it has a problem), or 0 at the end. */
int dq_scan_next(struct dq_scan *s, struct dq_chunk *c);

/* Decompresses (or copies) the payload into out. 0, -EINVAL when it is not what the header
 * says, -ENOMEM. */
int dq_chunk_payload(const struct dq_chunk *c, struct dq_sb *out);

/* Writes the header of a chunk whose payload (with padding to 8) stands behind it. */
void dq_chunk_seal(uint8_t *chunk, uint16_t type, uint16_t flags, uint32_t len, uint32_t raw_len,
		   uint32_t seq);

static inline size_t dq_pad8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

const char *dq_chunk_name(uint16_t type); /* NULL: unknown */

#endif /* DQ_CHUNK_H */
