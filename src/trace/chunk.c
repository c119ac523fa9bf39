/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chunk.c - see chunk.h. A chunk counts only when its checksum is right; behind a
 * damaged one the next is looked for by its sync word. Touches only the heap.
 */
#define ZLIB_CONST
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "chunk.h"

/* Deflate cannot do better than 1032 to 1: a greater raw length is a lie. */
#define DEFLATE_MAX 1032u

const char *dq_chunk_name(uint16_t type)
{
	switch (type) {
	case DQ_CHUNK_STRINGS:
		return "STRINGS";
	case DQ_CHUNK_DEFS:
		return "DEFS";
	case DQ_CHUNK_EVENTS:
		return "EVENTS";
	}
	return NULL;
}

/* Everything but the checksum itself, padding included. */
static uint32_t chunk_crc(const uint8_t *chunk, uint32_t len)
{
	uint32_t crc = dq_crc32c(0, chunk, DQ_CHUNK_HEADER - 4);

	return dq_crc32c(crc, chunk + DQ_CHUNK_HEADER, dq_pad8(len));
}

void dq_chunk_seal(uint8_t *chunk, uint16_t type, uint16_t flags, uint32_t len, uint32_t raw_len,
		   uint32_t seq)
{
	dq_put32(chunk, DQ_CHUNK_SYNC);
	dq_put16(chunk + 4, type);
	dq_put16(chunk + 6, flags);
	dq_put32(chunk + 8, len);
	dq_put32(chunk + 12, raw_len);
	dq_put32(chunk + 16, seq);
	dq_put32(chunk + 20, chunk_crc(chunk, len));
}

/* Lengths that no writer makes. */
static bool absurd(const struct dq_chunk *c)
{
	if (c->raw_len > DQ_RAW_MAX || c->len > DQ_RAW_MAX)
		return true;
	if (c->flags & DQ_CHUNK_ZLIB)
		return c->raw_len > (uint64_t)c->len * DEFLATE_MAX;
	return c->raw_len != c->len;
}

static bool sync_at(const struct dq_input *in, size_t at)
{
	return in->avail >= at + 4 && dq_le32(in->p + at) == DQ_CHUNK_SYNC;
}

/* Offset in the window of the next sync word at or after from; where there is none in what
 * is at hand, of the first byte that may still become one. sync_at() tells which. */
static size_t find_sync(struct dq_input *in, size_t from)
{
	const uint8_t *hit;

	while (dq_input_want(in, from + 4) >= from + 4) {
		hit = memchr(in->p + from, DQ_CHUNK_SYNC & 0xff, in->avail - from - 3);
		from = hit ? (size_t)(hit - in->p) : in->avail - 3;
		if (!hit && !in->eof)
			return from;
		if (hit && sync_at(in, from))
			return from;
		from++;
	}
	return in->avail;
}

/* Do the bytes at hand, fewer than a header, look like the start of one? */
static bool sync_prefix(const struct dq_input *in)
{
	uint8_t sync[4];

	dq_put32(sync, DQ_CHUNK_SYNC);
	return !memcmp(in->p, sync, in->avail < 4 ? in->avail : 4);
}

static void parse_header(const uint8_t *p, struct dq_chunk *c)
{
	c->type = dq_le16(p + 4);
	c->flags = dq_le16(p + 6);
	c->len = dq_le32(p + 8);
	c->raw_len = dq_le32(p + 12);
	c->seq = dq_le32(p + 16);
	c->data = p + DQ_CHUNK_HEADER;
}

/* A piece of n bytes that is no good. */
static int give_bad(struct dq_scan *s, struct dq_chunk *c, size_t n, const char *problem)
{
	s->skip = n;
	c->problem = problem;
	return 1;
}

/* Bytes before the next sync word. */
static int give_garbage(struct dq_scan *s, struct dq_chunk *c)
{
	size_t n = find_sync(s->in, 1);

	c->len = (uint32_t)n;
	s->st->skipped_bytes += n;
	return give_bad(s, c, n, "not a chunk");
}

/* The file ends inside this chunk, or seems to because its length is damaged. */
static int give_cut(struct dq_scan *s, struct dq_chunk *c)
{
	size_t n = find_sync(s->in, 4);

	if (sync_at(s->in, n)) {
		s->st->bad_chunks++;
		return give_bad(s, c, n, "damaged header");
	}
	s->st->truncated = true;
	return give_bad(s, c, s->in->avail, "cut off");
}

static int give_damaged(struct dq_scan *s, struct dq_chunk *c, size_t total, const char *problem)
{
	struct dq_input *in = s->in;

	s->st->bad_chunks++;
	s->wasted += total;
	/* When another chunk follows where this one says that it ends, or the file ends there,
	 * the length was right. Otherwise look inside, but not for ever: see struct dq_scan. */
	dq_input_want(in, total + 4);
	if (!sync_at(in, total) && in->avail != total &&
	    s->wasted <= 4 * (in->offset + in->avail) + (64u << 20))
		total = find_sync(in, 4);
	return give_bad(s, c, total, problem);
}

int dq_scan_next(struct dq_scan *s, struct dq_chunk *c)
{
	struct dq_input *in = s->in;
	size_t total, have;

	dq_input_skip(in, s->skip);
	s->skip = 0;
	*c = (struct dq_chunk){ .offset = in->offset };
	have = dq_input_want(in, DQ_CHUNK_HEADER);
	if (!have)
		return 0;
	if (!sync_prefix(in))
		return give_garbage(s, c);
	if (have < DQ_CHUNK_HEADER)
		return give_cut(s, c);
	parse_header(in->p, c);
	if (absurd(c)) {
		s->st->bad_chunks++;
		return give_bad(s, c, find_sync(in, 4), "absurd length");
	}
	total = DQ_CHUNK_HEADER + dq_pad8(c->len);
	if (dq_input_want(in, total) < total)
		return give_cut(s, c);
	c->data = in->p + DQ_CHUNK_HEADER;
	if (dq_le32(in->p + 20) != chunk_crc(in->p, c->len))
		return give_damaged(s, c, total, "checksum is wrong");
	if (c->seq < s->next_seq) {
		s->st->bad_chunks++;
		return give_bad(s, c, total, "number is out of order");
	}
	s->st->lost_chunks += c->seq - s->next_seq;
	s->next_seq = (uint64_t)c->seq + 1;
	s->skip = total;
	return 1;
}

/* Makes room for a payload that is written past dq_sb. */
static int claim(struct dq_sb *out, size_t len)
{
	char *p;

	if (out->cap > len)
		return 0;
	p = realloc(out->s, len + 1);
	if (!p)
		return -ENOMEM;
	out->s = p;
	out->cap = len + 1;
	return 0;
}

int dq_chunk_payload(const struct dq_chunk *c, struct dq_sb *out)
{
	uLongf raw = c->raw_len;
	uint32_t zlen, rest;
	int err;

	dq_sb_reset(out);
	if (!(c->flags & DQ_CHUNK_ZLIB)) {
		dq_sb_put(out, c->data, c->len);
		return out->err;
	}
	/* a length, a zlib stream of that length, and what is appended to its content */
	if (c->len < 4)
		return -EINVAL;
	zlen = dq_le32(c->data);
	if (zlen > c->len - 4)
		return -EINVAL;
	rest = c->len - 4 - zlen;
	if (rest > c->raw_len)
		return -EINVAL;
	err = claim(out, c->raw_len);
	if (err)
		return err;
	raw -= rest;
	if (uncompress((Bytef *)out->s, &raw, c->data + 4, zlen) != Z_OK ||
	    raw != c->raw_len - rest)
		return -EINVAL;
	memcpy(out->s + raw, c->data + 4 + zlen, rest);
	out->len = c->raw_len;
	out->s[out->len] = '\0';
	return 0;
}
