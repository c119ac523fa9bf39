/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * codec.h - items to and from the payload of a DEFS or EVENTS chunk: one column of
 * variable-length integers per field, holding differences from what can be predicted.
 * A payload decodes without any other chunk (but for the strings it refers to).
 */
#ifndef DQ_CODEC_H
#define DQ_CODEC_H

#include "fields.h"
#include "format.h"
#include "util/util.h"

/* ---- variable-length integers ---- */

/* At most 10 bytes; returns how many. */
static inline size_t dq_varint_put(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

/* 0 and the value, or -EINVAL at the end of data or when it does not fit 64 bits. */
int dq_varint_get(const uint8_t **p, const uint8_t *end, uint64_t *ret);
void dq_sb_varint(struct dq_sb *sb, uint64_t v);

static inline uint64_t dq_zigzag(uint64_t diff)
{
	return diff << 1 ^ (0 - (diff >> 63));
}

static inline uint64_t dq_unzigzag(uint64_t z)
{
	return z >> 1 ^ (0 - (z & 1));
}

/* ---- encoding ---- */

/* Gives a string its number, and a copy of it that stays. 0 or -ENOMEM. */
typedef int dq_intern_fn(void *ctx, const char *s, uint32_t *ret_id, const char **ret_copy);

struct dq_enc;
struct dq_enc *dq_enc_new(dq_intern_fn *intern, void *ctx); /* NULL: no memory */
void dq_enc_free(struct dq_enc *e);
int dq_enc_put(struct dq_enc *e, const struct dq_item *item);	/* 0 or -ENOMEM */
/* All items of it at once: gives the same bytes, less than DQ_ENC_REPEAT. False, and nothing was done: it
 * is not known how, there are more than `most` bytes already, or there are nearly too many items. */
#define DQ_ENC_REPEAT 256
bool dq_enc_repeat(struct dq_enc *e, const struct dq_repeat *r, size_t most);
/* Before and after putting them one by one: that is how it is known the next time, if nothing of them is
 * unexpected. */
void dq_enc_learn(struct dq_enc *e, const struct dq_repeat *r);
void dq_enc_learnt(struct dq_enc *e, const struct dq_repeat *r);
int dq_enc_fact(struct dq_enc *e);		/* "here the next fact of the DEFS chunk before" */
size_t dq_enc_size(const struct dq_enc *e);	/* bytes, roughly, before compression */
size_t dq_enc_items(const struct dq_enc *e);	/* items and fact marks */
/* Appends the payload to out and starts over. Returns how many bytes at its end are noise, not
 * worth compressing. */
size_t dq_enc_finish(struct dq_enc *e, struct dq_sb *out);

/* ---- decoding ---- */

/* String ids to strings. */
struct dq_strings {
	const char **v;		/* NULL: lost */
	size_t n, cap;
};

struct dq_dec;
struct dq_dec *dq_dec_new(void); /* NULL: no memory */
void dq_dec_free(struct dq_dec *d);
/* The payload must stay until the decoder has been drained. objects: the chunk has DQ_CHUNK_OBJECTS;
 * what the encoder makes has it. 0 or -EINVAL. */
int dq_dec_open(struct dq_dec *d, const uint8_t *payload, size_t len, bool objects);
enum dq_dec_result { DQ_DEC_END = 0, DQ_DEC_ITEM = 1, DQ_DEC_FACT = 2 };
/* Or -EINVAL: the payload is nonsense from here on; or -ENOMEM. */
int dq_dec_next(struct dq_dec *d, const struct dq_strings *strs, struct dq_item *item);

#endif /* DQ_CODEC_H */
