/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * format.h - the constants of the binary file. Described in docs/trace-format.md;
 * every number here is on disks: never change one.
 */
#ifndef DQ_FORMAT_H
#define DQ_FORMAT_H

#include <stdint.h>

#define DQ_FORMAT_MAJOR 1
#define DQ_FORMAT_MINOR 1
#define DQ_TEXT_VERSION 1

/* As in PNG: not text, not 7 bit, notices CR LF translation in both directions. */
#define DQ_MAGIC	"\x8d" "DSQ\r\n\x1a\n"
#define DQ_MAGIC_LEN	8
#define DQ_TEXT_MAGIC	"dmaseq-text "
#define DQ_HEADER_SIZE	64
#define DQ_HEADER_MAX	4096

#define DQ_CHUNK_SYNC	  0xd5c45ac3u /* bytes c3 5a c4 d5: neither text nor valid UTF-8 */
#define DQ_CHUNK_HEADER	  24
#define DQ_CHUNK_CRITICAL 0x1
#define DQ_CHUNK_ZLIB	  0x2
#define DQ_CHUNK_MARKS	  0x4 /* EVENTS: has marks for the facts of the DEFS chunk before it */
#define DQ_CHUNK_OBJECTS  0x8 /* DEFS, EVENTS: a context also knows the buffer of the last call */
#define DQ_CHUNK_KNOWN	  (DQ_CHUNK_CRITICAL | DQ_CHUNK_ZLIB | DQ_CHUNK_MARKS | DQ_CHUNK_OBJECTS)

enum dq_chunk_type {
	DQ_CHUNK_STRINGS = 1,
	DQ_CHUNK_DEFS = 2,
	DQ_CHUNK_EVENTS = 3,
};

/* How a column of a DEFS or EVENTS payload is stored: the low two bits of its header. */
enum dq_column_mode {
	DQ_COL_DENSE = 0,	/* a varint for each row */
	DQ_COL_SPARSE = 1,	/* for each value that is not 0: zeros before it, and the value */
	DQ_COL_BITS = 2,	/* a Rice code for each row, behind all other columns */
};

/* Limits that a reader sets, so that a short file cannot ask for much. */
#define DQ_RAW_MAX    (16u << 20)	/* payload of a chunk after decompression */
#define DQ_ITEMS_MAX  (1u << 20)	/* items of a chunk */
#define DQ_STRTOTAL_MAX (256u << 20)	/* bytes of all strings */
#define DQ_FACTS_FREE	(1u << 16)	/* facts beyond one for each byte of the file */

static inline uint16_t dq_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t dq_le32(const uint8_t *p)
{
	return dq_le16(p) | (uint32_t)dq_le16(p + 2) << 16;
}

static inline uint64_t dq_le64(const uint8_t *p)
{
	return dq_le32(p) | (uint64_t)dq_le32(p + 4) << 32;
}

/* The same from eight bytes that are there, in one instruction where the machine can. */
static inline uint64_t dq_load_le64(const uint8_t *p)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
#else
	return dq_le64(p);
#endif
}

static inline void dq_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void dq_put32(uint8_t *p, uint32_t v)
{
	dq_put16(p, (uint16_t)v);
	dq_put16(p + 2, (uint16_t)(v >> 16));
}

static inline void dq_put64(uint8_t *p, uint64_t v)
{
	dq_put32(p, (uint32_t)v);
	dq_put32(p + 4, (uint32_t)(v >> 32));
}

#endif /* DQ_FORMAT_H */
