/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer.c - items to the binary file. Definitions and other facts are collected in one
 * DEFS chunk, calls and other events in the EVENTS chunk behind it, which has a mark
 * wherever a fact stood between two events: so the order of puts is kept, and a damaged
 * EVENTS chunk takes no definition with it. New strings go in a STRINGS chunk before
 * both. The three leave in one write loop.
 *
 * Touches the descriptor it was given and the heap. Seeks only to take back the part of a
 * chunk that a full disk left.
 */
#define ZLIB_CONST
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "chunk.h"
#include "codec.h"

#define CHUNK_BYTES (64u << 10)
/* Payloads below this are not worth a deflate block. */
#define ZLIB_LEAST 64

/* How far the file is, or would be. */
struct mark {
	struct dq_written sum;
	uint32_t seq, first_str;
};

struct dq_writer {
	int fd;
	int err;		/* the first error; nothing is written after it */
	int level;
	size_t chunk_bytes;
	uint64_t bytes;		/* written */
	uint32_t seq;
	struct dq_written sum;	/* with the items that are not yet written */
	struct mark whole;	/* the last whole chunk */
	struct dq_strtab *strs;
	uint32_t str_base;	/* what its numbers are above those of strs */
	uint32_t first_str, nstrs; /* not yet written */
	struct dq_sb new_strs;
	struct dq_enc *defs, *events;
	size_t most;		/* with no more in events than this a struct dq_repeat does not end the chunk */
	bool have_events;	/* events holds more than marks of facts */
	struct dq_sb payload, out;
	z_stream z;
	bool z_ready;
};

static int write_all(struct dq_writer *w, const char *p, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(w->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
		w->bytes += (uint64_t)n;
	}
	return 0;
}

static int write_header(struct dq_writer *w, const struct dq_writer_opts *opts)
{
	uint8_t h[DQ_HEADER_SIZE] = DQ_MAGIC;

	dq_put32(h + 8, DQ_HEADER_SIZE);
	dq_put16(h + 12, DQ_FORMAT_MAJOR);
	dq_put16(h + 14, DQ_FORMAT_MINOR);
	memcpy(h + 24, opts->boot_id, 16);
	dq_put64(h + 40, opts->mono);
	dq_put64(h + 48, opts->real);
	dq_put32(h + 60, dq_crc32c(0, h, 60));
	return write_all(w, (const char *)h, sizeof(h));
}

static void writer_free(struct dq_writer *w)
{
	dq_strtab_free(w->strs);
	dq_sb_free(&w->new_strs);
	dq_sb_free(&w->payload);
	dq_sb_free(&w->out);
	dq_enc_free(w->defs);
	dq_enc_free(w->events);
	if (w->z_ready)
		deflateEnd(&w->z);
	free(w);
}

/* The id of a string; new ones are queued for the next STRINGS chunk. */
static int intern(void *ctx, const char *s, uint32_t *ret_id, const char **ret_copy)
{
	struct dq_writer *w = ctx;
	size_t len = strnlen(s, DQ_STR_MAX);
	bool is_new;
	uint32_t id = dq_strtab_intern(w->strs, s, len, &is_new);

	if (id == UINT32_MAX)
		return -ENOMEM;
	if (is_new) {
		dq_sb_varint(&w->new_strs, len);
		dq_sb_put(&w->new_strs, s, len);
		w->nstrs++;
	}
	*ret_id = id ? id + w->str_base : 0;
	*ret_copy = dq_strtab_get(w->strs, id);
	return w->new_strs.err;
}

/* What was written until now is whole. */
static void set_mark(struct dq_writer *w)
{
	w->sum.bytes = w->bytes;
	w->whole = (struct mark){ .sum = w->sum, .seq = w->seq, .first_str = w->first_str };
}

static int writer_init(struct dq_writer *w, const struct dq_writer_opts *opts)
{
	int err;

	w->strs = dq_strtab_new();
	w->defs = dq_enc_new(intern, w);
	w->events = dq_enc_new(intern, w);
	if (!w->strs || !w->defs || !w->events)
		return -ENOMEM;
	w->level = opts->level ? opts->level : 1;
	if (opts->level >= 0) {
		if (deflateInit(&w->z, w->level) != Z_OK)
			return -ENOMEM;
		w->z_ready = true;
	}
	w->chunk_bytes = opts->chunk_bytes ? opts->chunk_bytes : CHUNK_BYTES;
	/* half of what a reader accepts: one more item always fits */
	if (w->chunk_bytes > DQ_RAW_MAX / 2)
		w->chunk_bytes = DQ_RAW_MAX / 2;
	w->first_str = 1;
	err = write_header(w, opts);
	set_mark(w);
	return err;
}

int dq_writer_new(struct dq_writer **ret_w, int fd, const struct dq_writer_opts *opts)
{
	struct dq_writer *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->fd = fd;
	err = writer_init(w, opts);
	if (err) {
		writer_free(w);
		return err;
	}
	*ret_w = w;
	return 0;
}

/* Appends the payload to out, deflated but for its last noise bytes, if that is smaller; returns
 * the stored length or 0. */
static size_t put_deflated(struct dq_writer *w, size_t noise)
{
	size_t at = w->out.len, plain = w->payload.len - noise, len;
	static const uint8_t zlen[4];

	if (!w->z_ready || plain < ZLIB_LEAST)
		return 0;
	/* claims the room, to be filled by deflate: the result must be smaller */
	dq_sb_put(&w->out, zlen, sizeof(zlen));
	dq_sb_put(&w->out, w->payload.s, plain - sizeof(zlen) - 1);
	if (w->out.err)
		return 0;
	deflateReset(&w->z);
	w->z.next_in = (const Bytef *)w->payload.s;
	w->z.avail_in = (uInt)plain;
	w->z.next_out = (Bytef *)w->out.s + at + sizeof(zlen);
	w->z.avail_out = (uInt)(w->out.len - at - sizeof(zlen));
	if (deflate(&w->z, Z_FINISH) != Z_STREAM_END) {
		w->out.len = at;
		return 0;
	}
	len = w->out.len - at - sizeof(zlen) - w->z.avail_out;
	dq_put32((uint8_t *)w->out.s + at, (uint32_t)len);
	w->out.len = at + sizeof(zlen) + len;
	dq_sb_put(&w->out, w->payload.s + plain, noise);
	return sizeof(zlen) + len + noise;
}

/* Appends the payload to out as a chunk, packed unless it were less than `least` then. */
static void put_chunk(struct dq_writer *w, enum dq_chunk_type type, uint16_t flags, size_t noise,
		      size_t least)
{
	static const char zeros[DQ_CHUNK_HEADER];
	size_t at = w->out.len, len;

	flags |= DQ_CHUNK_CRITICAL;
	dq_sb_put(&w->out, zeros, DQ_CHUNK_HEADER);
	len = put_deflated(w, noise);
	if (len && len >= least) {
		flags |= DQ_CHUNK_ZLIB;
	} else {
		w->out.len = w->out.err ? w->out.len : at + DQ_CHUNK_HEADER;
		len = w->payload.len;
		dq_sb_put(&w->out, w->payload.s, len);
	}
	dq_sb_put(&w->out, zeros, dq_pad8(len) - len);
	if (!w->out.err)
		dq_chunk_seal((uint8_t *)w->out.s + at, type, flags, (uint32_t)len,
			      (uint32_t)w->payload.len, w->seq++);
	dq_sb_reset(&w->payload);
}

static void put_strings(struct dq_writer *w)
{
	dq_sb_varint(&w->payload, w->first_str);
	dq_sb_varint(&w->payload, w->nstrs);
	dq_sb_put(&w->payload, dq_sb_str(&w->new_strs), w->new_strs.len);
	w->first_str += w->nstrs;
	w->nstrs = 0;
	dq_sb_reset(&w->new_strs);
	put_chunk(w, DQ_CHUNK_STRINGS, 0, 0, 0);
}

int dq_writer_flush(struct dq_writer *w)
{
	uint16_t marks = 0;
	size_t noise, facts;

	if (w->err)
		return w->err;
	dq_sb_reset(&w->out);
	if (w->nstrs)
		put_strings(w);
	facts = dq_enc_items(w->defs);
	if (facts) {
		noise = dq_enc_finish(w->defs, &w->payload);
		put_chunk(w, DQ_CHUNK_DEFS, DQ_CHUNK_OBJECTS, noise, facts);
		marks = DQ_CHUNK_MARKS;
	}
	noise = dq_enc_finish(w->events, &w->payload);
	if (w->have_events)
		put_chunk(w, DQ_CHUNK_EVENTS, marks | DQ_CHUNK_OBJECTS, noise, 0);
	else	/* marks alone: the order is that of the DEFS chunk */
		dq_sb_reset(&w->payload);
	w->have_events = false;
	if (w->payload.err || w->out.err)
		w->err = -ENOMEM;
	else
		w->err = write_all(w, dq_sb_str(&w->out), w->out.len);
	if (!w->err)
		set_mark(w);
	return w->err;
}

static int put_item(struct dq_writer *w, const struct dq_item *item, const struct dq_kind_desc *k)
{
	int err;

	if (!k->fact) {
		w->have_events = true;
		return dq_enc_put(w->events, item);
	}
	err = dq_enc_fact(w->events);
	return err ? err : dq_enc_put(w->defs, item);
}

static void count(struct dq_written *sum, const struct dq_item *item, const struct dq_kind_desc *k)
{
	uint64_t t = 0;

	sum->events += !k->fact;
	if (item->kind == DQ_CALL) {
		sum->calls++;
		t = item->call.t0 + item->call.dur;
	} else if (item->kind == DQ_SYS) {
		t = item->sys.t1;
	} else if (item->kind == DQ_LOSS) {
		sum->lost += item->loss.count;
	}
	if (t > sum->last_t)
		sum->last_t = t;
}

int dq_writer_put(struct dq_writer *w, const struct dq_item *item)
{
	size_t others;

	if (w->err)
		return w->err;
	if ((unsigned int)item->kind >= DQ_KIND_MAX || !dq_kinds[item->kind].name)
		return -EINVAL;
	w->err = put_item(w, item, &dq_kinds[item->kind]);
	if (w->err)
		return w->err;
	count(&w->sum, item, &dq_kinds[item->kind]);
	others = dq_enc_size(w->defs) + w->new_strs.len;
	w->most = others + DQ_ENC_REPEAT < w->chunk_bytes ? w->chunk_bytes - others - DQ_ENC_REPEAT : 0;
	if (dq_enc_size(w->events) + others < w->chunk_bytes &&
	    dq_enc_items(w->events) < DQ_ITEMS_MAX / 2)
		return 0;
	return dq_writer_flush(w);
}

int dq_writer_close(struct dq_writer **pw)
{
	struct dq_writer *w = *pw;
	int err;

	if (!w)
		return 0;
	*pw = NULL;
	err = dq_writer_flush(w);
	writer_free(w);
	return err;
}

uint64_t dq_writer_bytes(const struct dq_writer *w)
{
	return w->bytes;
}

void dq_writer_written(const struct dq_writer *w, struct dq_written *ret)
{
	*ret = w->whole.sum;
}

/* Encoders and strings as if nothing had been put since the last whole chunk. */
static int start_over(struct dq_writer *w)
{
	dq_strtab_free(w->strs);
	dq_enc_free(w->defs);
	dq_enc_free(w->events);
	w->strs = dq_strtab_new();
	w->defs = dq_enc_new(intern, w);
	w->events = dq_enc_new(intern, w);
	w->have_events = false;
	w->nstrs = 0;
	dq_sb_free(&w->new_strs);
	dq_sb_free(&w->payload);
	dq_sb_free(&w->out);
	return w->strs && w->defs && w->events ? 0 : -ENOMEM;
}

int dq_writer_take_back(struct dq_writer *w)
{
	if (ftruncate(w->fd, (off_t)w->whole.sum.bytes) ||
	    lseek(w->fd, (off_t)w->whole.sum.bytes, SEEK_SET) < 0)
		return -errno;
	w->bytes = w->whole.sum.bytes;
	w->sum = w->whole.sum;
	w->seq = w->whole.seq;
	w->first_str = w->whole.first_str;
	w->str_base = w->first_str - 1;
	w->err = start_over(w);
	return w->err;
}

int dq_sink_put_each(const struct dq_sink *s, const struct dq_repeat *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->n && !err; i++)
		err = s->put(s->ctx, &r->item[i]);
	return err;
}

/* Not inline, for the sake of the other way. */
static __attribute__((noinline)) int put_each(struct dq_writer *w, const struct dq_repeat *r)
{
	int err = w->err;

	if (!err)
		dq_enc_learn(w->events, r);
	for (uint32_t i = 0; i < r->n && !err; i++)
		err = dq_writer_put(w, &r->item[i]);
	if (!err)
		dq_enc_learnt(w->events, r);
	return err;
}

int dq_writer_repeat(struct dq_writer *w, const struct dq_repeat *r)
{
	const struct dq_sys *last = &r->item[r->n - 1].sys;

	if (w->err || !r->id || !dq_enc_repeat(w->events, r, w->most))
		return put_each(w, r);
	w->have_events = true;
	w->sum.calls += r->n - 1;
	w->sum.events += r->n;
	if (last->t1 > w->sum.last_t) /* it ends after its calls */
		w->sum.last_t = last->t1;
	return 0;
}

static int sink_repeat(void *ctx, const struct dq_repeat *r)
{
	return dq_writer_repeat(ctx, r);
}

static int sink_put(void *ctx, const struct dq_item *item)
{
	return dq_writer_put(ctx, item);
}

static int sink_flush(void *ctx)
{
	return dq_writer_flush(ctx);
}

struct dq_sink dq_writer_sink(struct dq_writer *w)
{
	return (struct dq_sink){ .put = sink_put, .flush = sink_flush, .ctx = w, .repeat = sink_repeat };
}
