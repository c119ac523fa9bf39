/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * codec.c - see codec.h. The prediction is the same code for both directions, so that
 * they cannot disagree. All arithmetic is modulo 2^64: every value round-trips.
 * Touches only the heap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

int dq_varint_get(const uint8_t **pp, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *p = *pp;
	uint64_t v = 0;
	unsigned int shift;

	for (shift = 0; p != end && shift < 64; shift += 7) {
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (*p++ < 0x80) {
			if (shift == 63 && p[-1] > 1)
				return -EINVAL;
			*pp = p;
			*ret = v;
			return 0;
		}
	}
	return -EINVAL;
}

void dq_sb_varint(struct dq_sb *sb, uint64_t v)
{
	uint8_t b[10];

	dq_sb_put(sb, b, dq_varint_put(b, v));
}

/* ---- what can be predicted ---- */

#define NREGS	  256
#define NCONTEXTS 1024

/* What the last item of a task said. Tasks share a set when their ids are equal modulo
 * NREGS; that costs bytes, not truth. */
struct regs {
	uint64_t start, end, cpu, seq, sys, depth;
	uint32_t gen;
};

struct predictor {
	uint32_t gen;		/* of the current payload: older registers and contexts are void */
	uint64_t last_start, last_end;
	struct regs regs[NREGS];
	uint64_t *ctx[DQ_KIND_MAX];	/* contexts of a kind, made when first needed */
	uint32_t *ctx_gen[DQ_KIND_MAX];
};

static void pred_reset(struct predictor *p)
{
	p->gen++;
	p->last_start = p->last_end = 0;
}

static void pred_free(struct predictor *p)
{
	for (int k = 0; k < DQ_KIND_MAX; k++) {
		free(p->ctx[k]);
		free(p->ctx_gen[k]);
	}
}

/* A task that is new in this payload starts at the time of the last item. */
static struct regs *pred_regs(struct predictor *p, uint64_t task)
{
	struct regs *r = &p->regs[task % NREGS];

	if (r->gen != p->gen) {
		*r = (struct regs){ .gen = p->gen };
		r->start = p->last_start;
		r->end = p->last_end;
	}
	return r;
}

static int pred_alloc(struct predictor *p, enum dq_kind kind, const struct dq_kind_desc *k)
{
	size_t slots = k->key < 0 ? 1 : NCONTEXTS;

	if (!p->ctx[kind])
		p->ctx[kind] = calloc(slots * k->n, sizeof(uint64_t));
	if (!p->ctx_gen[kind])
		p->ctx_gen[kind] = calloc(slots, sizeof(uint32_t));
	return p->ctx[kind] && p->ctx_gen[kind] ? 0 : -ENOMEM;
}

/* The last item of the same kind, task and key (hook or system call). */
static uint64_t *pred_ctx(struct predictor *p, enum dq_kind kind, const struct dq_kind_desc *k,
			  uint64_t task, uint64_t key)
{
	size_t slot = k->key < 0 ? 0 : (task * 97 + key) % NCONTEXTS;
	uint64_t *ctx;

	if ((!p->ctx[kind] || !p->ctx_gen[kind]) && pred_alloc(p, kind, k))
		return NULL;
	ctx = p->ctx[kind] + slot * k->n;
	if (p->ctx_gen[kind][slot] != p->gen) {
		memset(ctx, 0, k->n * sizeof(*ctx));
		p->ctx_gen[kind][slot] = p->gen;
	}
	return ctx;
}

/* What the coding of a field builds on: *old is replaced by the field's value (start + duration
 * for DUR), base is what the value is told from, and *diff, if any, the difference that it had
 * the last time. */
struct basis {
	uint64_t base;
	uint64_t *old, *diff;
};

static inline struct basis pred_basis(struct regs *r, uint64_t *ctx, enum dq_coding c,
				      bool fresh)
{
	switch (c) {
	case DQ_C_CONTEXT:
		return (struct basis){ *ctx, ctx, NULL };
	case DQ_C_CPU:
		return (struct basis){ r->cpu, &r->cpu, NULL };
	case DQ_C_START:
		/* Items come when they end. A caller started shortly before the call that is
		 * before it here; any other call starts after the end of that. */
		return (struct basis){ fresh ? r->end : r->start, &r->start, ctx };
	case DQ_C_END:
	case DQ_C_DUR:
		return (struct basis){ r->end, &r->end, ctx };
	case DQ_C_SEQ:
		return (struct basis){ r->seq, &r->seq, ctx };
	case DQ_C_SYS:
		return (struct basis){ r->sys, &r->sys, ctx };
	case DQ_C_PLAIN:
		break;
	}
	return (struct basis){ 0, NULL, NULL };
}

static void pred_done(struct predictor *p, struct regs *r, uint64_t depth)
{
	r->depth = depth;
	p->last_start = r->start;
	p->last_end = r->end;
}

/* ---- encoding ---- */

/* Leading zeros are only counted: a column that never gets anything else is not stored. */
struct column {
	uint8_t *p;
	size_t len, cap;
	size_t zeros;
};

struct dq_enc {
	struct predictor pred;
	struct column tags;
	struct column cols[DQ_KIND_MAX][DQ_MAX_FIELDS];
	uint32_t rows[DQ_KIND_MAX];
	size_t items, bytes;
};

struct dq_enc *dq_enc_new(void)
{
	struct dq_enc *e = calloc(1, sizeof(*e));

	if (e)
		pred_reset(&e->pred);
	return e;
}

void dq_enc_free(struct dq_enc *e)
{
	if (!e)
		return;
	pred_free(&e->pred);
	for (int k = 0; k < DQ_KIND_MAX; k++) {
		for (int f = 0; f < DQ_MAX_FIELDS; f++)
			free(e->cols[k][f].p);
	}
	free(e->tags.p);
	free(e);
}

static int col_put(struct dq_enc *e, struct column *c, uint64_t v)
{
	size_t before = c->len;
	uint8_t *p;

	if (!v && !c->len) {
		c->zeros++;
		return 0;
	}
	if (c->cap - c->len < c->zeros + 10) {
		p = dq_grow(c->p, &c->cap, c->len + c->zeros + 10, 1);
		if (!p)
			return -ENOMEM;
		c->p = p;
	}
	if (c->zeros) {
		memset(c->p, 0, c->zeros);
		c->len = c->zeros;
		c->zeros = 0;
	}
	c->len += dq_varint_put(c->p + c->len, v);
	e->bytes += c->len - before;
	return 0;
}

int dq_enc_fact(struct dq_enc *e)
{
	e->items++;
	return col_put(e, &e->tags, 0);
}

int dq_enc_put(struct dq_enc *e, const struct dq_item *item, const uint32_t *strids)
{
	const struct dq_kind_desc *k = &dq_kinds[item->kind];
	uint64_t task = k->task < 0 ? 0 : dq_field_get(item, &k->f[k->task]);
	uint64_t key = k->key < 0 ? 0 : dq_field_get(item, &k->f[k->key]);
	struct regs *r = pred_regs(&e->pred, task);
	uint64_t *ctx = pred_ctx(&e->pred, item->kind, k, task, key);
	uint64_t v, out, start = 0, depth = 0;
	struct basis b;
	int err;

	if (!ctx)
		return -ENOMEM;
	if (k->depth >= 0)
		depth = dq_field_get(item, &k->f[k->depth]);
	err = col_put(e, &e->tags, item->kind);
	for (int i = 0; i < k->n && !err; i++) {
		const struct dq_field *f = &k->f[i];

		v = f->type == DQ_F_STR ? strids[i] : dq_field_get(item, f);
		if (f->coding == DQ_C_START)
			start = v;
		else if (f->coding == DQ_C_DUR)
			v += start;
		out = v;
		if (f->coding != DQ_C_PLAIN) {
			b = pred_basis(r, &ctx[i], f->coding, k->depth >= 0 && depth >= r->depth);
			out = dq_zigzag(v - b.base - (b.diff ? *b.diff : 0));
			if (b.diff)
				*b.diff = v - b.base;
			*b.old = v;
		}
		err = col_put(e, &e->cols[item->kind][i], out);
	}
	pred_done(&e->pred, r, depth);
	e->items++;
	e->rows[item->kind]++;
	return err;
}

size_t dq_enc_size(const struct dq_enc *e)
{
	return e->bytes;
}

size_t dq_enc_items(const struct dq_enc *e)
{
	return e->items;
}

static void col_finish(struct column *c, struct dq_sb *out)
{
	dq_sb_varint(out, c->len);
	dq_sb_put(out, c->p, c->len);
	c->len = 0;
	c->zeros = 0;
}

void dq_enc_finish(struct dq_enc *e, struct dq_sb *out)
{
	unsigned int kinds = 0;

	for (int k = 0; k < DQ_KIND_MAX; k++)
		kinds += e->rows[k] > 0;
	dq_sb_varint(out, e->items);
	col_finish(&e->tags, out);
	dq_sb_varint(out, kinds);
	for (unsigned int k = 0; k < DQ_KIND_MAX; k++) {
		if (!e->rows[k])
			continue;
		dq_sb_varint(out, k);
		dq_sb_varint(out, dq_kinds[k].n);
		for (int f = 0; f < dq_kinds[k].n; f++)
			col_finish(&e->cols[k][f], out);
		e->rows[k] = 0;
	}
	e->items = e->bytes = 0;
	pred_reset(&e->pred);
}

/* ---- decoding ---- */

struct cursor {
	const uint8_t *p, *end;	/* p == NULL: all zero */
};

struct dq_dec {
	struct predictor pred;
	struct cursor tags;
	struct cursor cols[DQ_KIND_MAX][DQ_MAX_FIELDS];
	uint64_t left;
};

struct dq_dec *dq_dec_new(void)
{
	return calloc(1, sizeof(struct dq_dec));
}

void dq_dec_free(struct dq_dec *d)
{
	if (!d)
		return;
	pred_free(&d->pred);
	free(d);
}

/* A column: its length and that many bytes. */
static int cut_column(const uint8_t **p, const uint8_t *end, struct cursor *c)
{
	uint64_t len;

	if (dq_varint_get(p, end, &len) || len > (uint64_t)(end - *p))
		return -EINVAL;
	c->p = len ? *p : NULL;
	c->end = *p + len;
	*p += len;
	return 0;
}

/* The columns of one kind. Kinds and columns that we do not know are stepped over; columns
 * that the writer did not know stay all zero. */
static int cut_kind(struct dq_dec *d, const uint8_t **p, const uint8_t *end)
{
	uint64_t kind, ncols, i;
	struct cursor dummy;
	bool known;

	if (dq_varint_get(p, end, &kind) || dq_varint_get(p, end, &ncols))
		return -EINVAL;
	known = kind > 0 && kind < DQ_KIND_MAX;
	for (i = 0; i < ncols; i++) {
		if (cut_column(p, end,
			       known && i < dq_kinds[kind].n ? &d->cols[kind][i] : &dummy))
			return -EINVAL;
	}
	return 0;
}

int dq_dec_open(struct dq_dec *d, const uint8_t *payload, size_t len)
{
	const uint8_t *p = payload, *end = payload + len;
	uint64_t kinds;

	pred_reset(&d->pred);
	memset(d->cols, 0, sizeof(d->cols));
	if (dq_varint_get(&p, end, &d->left) || d->left > DQ_ITEMS_MAX ||
	    cut_column(&p, end, &d->tags) || dq_varint_get(&p, end, &kinds))
		return -EINVAL;
	for (; kinds; kinds--) {
		if (cut_kind(d, &p, end))
			return -EINVAL;
	}
	return 0;
}

static inline int col_get(struct cursor *c, uint64_t *ret)
{
	if (!c->p) {
		*ret = 0;
		return 0;
	}
	/* most values have one byte */
	if (c->p != c->end && *c->p < 0x80) {
		*ret = *c->p++;
		return 0;
	}
	return dq_varint_get(&c->p, c->end, ret);
}

/* A field of a row before the row is read: the keys choose the prediction and are PLAIN. */
static uint64_t peek(const struct cursor *c)
{
	struct cursor copy = *c;
	uint64_t v;

	return col_get(&copy, &v) ? 0 : v;
}

static int set_str(struct dq_item *item, const struct dq_field *f, const struct dq_strings *strs,
		   uint64_t id)
{
	const char *s = id < strs->n ? strs->v[id] : NULL;

	if (id > UINT32_MAX)
		return -EINVAL;
	if (!id)
		s = "";
	*dq_field_str(item, f) = s ? s : "?";
	return 0;
}

static int get_row(struct dq_dec *d, enum dq_kind kind, const struct dq_strings *strs,
		   struct dq_item *item)
{
	const struct dq_kind_desc *k = &dq_kinds[kind];
	struct cursor *cols = d->cols[kind];
	uint64_t task = k->task < 0 ? 0 : peek(&cols[k->task]);
	uint64_t key = k->key < 0 ? 0 : peek(&cols[k->key]);
	struct regs *r = pred_regs(&d->pred, task);
	uint64_t *ctx = pred_ctx(&d->pred, kind, k, task, key);
	uint64_t v, start = 0, depth = 0;
	struct basis b;

	if (!ctx)
		return -ENOMEM;
	item->kind = kind;
	for (int i = 0; i < k->n; i++) {
		const struct dq_field *f = &k->f[i];

		if (col_get(&cols[i], &v))
			return -EINVAL;
		if (f->coding != DQ_C_PLAIN) {
			b = pred_basis(r, &ctx[i], f->coding, k->depth >= 0 && depth >= r->depth);
			v = b.base + dq_unzigzag(v) + (b.diff ? *b.diff : 0);
			if (b.diff)
				*b.diff = v - b.base;
			*b.old = v;
		}
		if (f->coding == DQ_C_START)
			start = v;
		else if (f->coding == DQ_C_DUR)
			v -= start;
		else if (i == k->depth)
			depth = v;
		if (f->type == DQ_F_STR ? set_str(item, f, strs, v) : dq_field_set(item, f, v))
			return -EINVAL;
	}
	pred_done(&d->pred, r, depth);
	return DQ_DEC_ITEM;
}

int dq_dec_next(struct dq_dec *d, const struct dq_strings *strs, struct dq_item *item)
{
	uint64_t tag;

	while (d->left) {
		if (col_get(&d->tags, &tag))
			return -EINVAL;
		d->left--;
		if (tag == 0)
			return DQ_DEC_FACT;
		if (tag < DQ_KIND_MAX)
			return get_row(d, (enum dq_kind)tag, strs, item);
		/* a kind of a newer writer: its columns were stepped over */
	}
	return DQ_DEC_END;
}
