/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * codec_dec.c - a payload to items; see codec.h. The payload is a stranger's. Touches
 * only the heap.
 */
#include "predict.h"

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

/* No row has this number. */
#define NEVER UINT64_MAX

struct cursor {
	const uint8_t *p, *end;
	uint64_t next;		/* the row of the value at p; NEVER: zeros from here on */
	enum dq_column_mode mode;
	unsigned int nbits;	/* bits: how many are in acc */
	uint64_t acc;
};

/* A field of the context that changes somewhere in this payload. */
struct change {
	struct dq_place place;
	uint8_t width;		/* 4, 8; 0: a string, and .str is its number among them */
	uint8_t str;
};

struct dq_dec {
	struct dq_predict pred;
	struct cursor tasks, steps, keys;
	struct cursor cols[DQ_KIND_MAX][DQ_MAX_FIELDS];
	uint64_t rows[DQ_KIND_MAX];
	uint64_t due[DQ_KIND_MAX];	/* the first row in which a field of the context changes */
	struct change changes[DQ_KIND_MAX][DQ_MAX_FIELDS];
	uint8_t nchanges[DQ_KIND_MAX];
	uint64_t row, nrows, nkeys;
	size_t tail;		/* while cutting: length of the bit columns so far */
};

struct dq_dec *dq_dec_new(void)
{
	struct dq_dec *d = calloc(1, sizeof(*d));

	if (d)
		dq_predict_init(&d->pred);
	return d;
}

void dq_dec_free(struct dq_dec *d)
{
	if (!d)
		return;
	dq_predict_free(&d->pred);
	free(d);
}

static inline int get_varint(struct cursor *c, uint64_t *ret)
{
	/* most have one byte */
	if (c->p != c->end && *c->p < 0x80) {
		*ret = *c->p++;
		return 0;
	}
	return dq_varint_get(&c->p, c->end, ret);
}

/* Of a sparse column: the zeros before the next value, or all that are left. */
static int get_gap(struct cursor *c, uint64_t row)
{
	uint64_t gap;

	if (c->p == c->end) {
		c->next = NEVER;
		return 0;
	}
	if (get_varint(c, &gap) || gap > DQ_ITEMS_MAX)
		return -EINVAL;
	c->next = row + gap;
	return 0;
}

/* A column: its length and mode, and that many bytes, here or in the tail. */
static int cut_column(struct dq_dec *d, const uint8_t **p, const uint8_t *end, struct cursor *c)
{
	uint64_t head, len;

	if (dq_varint_get(p, end, &head) || (head & 3) > DQ_COL_BITS)
		return -EINVAL;
	len = head >> 2;
	if (len > (uint64_t)(end - *p))
		return -EINVAL;
	*c = (struct cursor){ .mode = (enum dq_column_mode)(head & 3) };
	c->next = len ? 0 : NEVER;
	if (c->mode == DQ_COL_BITS) {
		/* end - tail is where it ends, when all are known: see place_tail() */
		d->tail += len;
		c->p = end - len;
		c->end = end;
		c->acc = d->tail;
		return d->tail > (size_t)(end - *p) ? -EINVAL : 0;
	}
	c->p = *p;
	c->end = *p += len;
	return c->mode == DQ_COL_SPARSE ? get_gap(c, 0) : 0;
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
		if (cut_column(d, p, end,
			       known && i < dq_kinds[kind].n ? &d->cols[kind][i] : &dummy))
			return -EINVAL;
	}
	return 0;
}

/* The bit columns stand at the end of the payload, in their order. acc was how far the column's
 * end is from the start of the tail. */
static void place_tail(struct dq_dec *d, const uint8_t *tail)
{
	for (int k = 0; k < DQ_KIND_MAX; k++) {
		for (int f = 0; f < DQ_MAX_FIELDS; f++) {
			struct cursor *c = &d->cols[k][f];
			size_t len = (size_t)(c->end - c->p);

			if (c->mode != DQ_COL_BITS)
				continue;
			c->end = tail + c->acc;
			c->p = c->end - len;
			c->acc = 0;
		}
	}
}

static void list_changes(struct dq_dec *d, enum dq_kind kind, const struct dq_place *places, int n,
			 uint8_t width)
{
	for (int i = 0; i < n; i++) {
		if (d->cols[kind][places[i].col].next != NEVER)
			d->changes[kind][d->nchanges[kind]++] =
				(struct change){ places[i], width, (uint8_t)i };
	}
}

/* In most payloads few fields change that are not predicted: only those are looked at, row by row. */
static void find_changes(struct dq_dec *d)
{
	for (int k = 1; k < DQ_KIND_MAX; k++) {
		const struct dq_plan *plan = &d->pred.plan[k];

		d->nchanges[k] = 0;
		list_changes(d, (enum dq_kind)k, plan->ctx32, plan->n32, 4);
		list_changes(d, (enum dq_kind)k, plan->ctx64, plan->n64, 8);
		list_changes(d, (enum dq_kind)k, plan->str, plan->nstr, 0);
	}
}

int dq_dec_open(struct dq_dec *d, const uint8_t *payload, size_t len, bool objects)
{
	const uint8_t *p = payload, *end = payload + len;
	uint64_t kinds;

	dq_predict_reset(&d->pred, objects);
	for (int k = 0; k < DQ_KIND_MAX; k++) {
		for (int f = 0; f < DQ_MAX_FIELDS; f++)
			d->cols[k][f] = (struct cursor){ .next = NEVER };
		d->rows[k] = d->due[k] = 0;
	}
	d->row = d->nkeys = 0;
	d->tail = 0;
	if (dq_varint_get(&p, end, &d->nrows) || d->nrows > DQ_ITEMS_MAX ||
	    cut_column(d, &p, end, &d->tasks) || cut_column(d, &p, end, &d->steps) ||
	    cut_column(d, &p, end, &d->keys) || d->tail || dq_varint_get(&p, end, &kinds))
		return -EINVAL;
	for (; kinds; kinds--) {
		if (cut_kind(d, &p, end))
			return -EINVAL;
	}
	if (d->tail != (size_t)(end - p))
		return -EINVAL;
	place_tail(d, p);
	find_changes(d);
	return 0;
}

/* At least 32 bits in acc, or all that are left. */
static inline void fill_bits(struct cursor *c)
{
	while (c->nbits < 32 && c->p != c->end) {
		if (c->end - c->p >= 4) {
			c->acc |= (uint64_t)dq_le32(c->p) << c->nbits;
			c->nbits += 32;
			c->p += 4;
		} else {
			c->acc |= (uint64_t)*c->p++ << c->nbits;
			c->nbits += 8;
		}
	}
}

/* n <= 32 bits. */
static inline int get_bits(struct cursor *c, unsigned int n, uint64_t *ret)
{
	if (c->nbits < n) {
		fill_bits(c);
		if (c->nbits < n)
			return -EINVAL;
	}
	*ret = c->acc & ((1ull << n) - 1);
	c->acc >>= n;
	c->nbits -= n;
	return 0;
}

/* n <= 64 bits. */
static inline int get_long(struct cursor *c, unsigned int n, uint64_t *ret)
{
	uint64_t high = 0;

	if (n <= 32)
		return get_bits(c, n, ret);
	if (get_bits(c, 32, ret) || get_bits(c, n - 32, &high))
		return -EINVAL;
	*ret |= high << 32;
	return 0;
}

static inline int get_rice(struct cursor *c, uint16_t *scale, uint64_t *ret)
{
	unsigned int k = *scale / 8, q;
	uint64_t v;

	if (c->next == NEVER) {
		*ret = 0;
		return 0;
	}
	fill_bits(c);
	q = c->acc ? (unsigned int)__builtin_ctzll(c->acc) : 64;
	if (q >= DQ_RICE_ESCAPE) {
		q = DQ_RICE_ESCAPE;
		if (get_bits(c, q, &v) || get_bits(c, 6, &v) ||
		    get_long(c, (unsigned int)v + 1, ret))
			return -EINVAL;
	} else {
		if (get_bits(c, q + 1, &v) || get_long(c, k, &v))
			return -EINVAL;
		*ret = (uint64_t)q << k | v;
	}
	*scale = dq_rice_scale(*scale, q);
	return 0;
}

/* The value of a column in a row; rows are asked for in order. */
static inline int col_get(struct cursor *c, uint64_t row, uint64_t *ret)
{
	if (row != c->next) {
		*ret = 0;
		return 0;
	}
	if (c->mode == DQ_COL_BITS || get_varint(c, ret))
		return -EINVAL;
	if (c->mode == DQ_COL_SPARSE)
		return get_gap(c, row + 1);
	c->next++;
	return 0;
}

static int get_string(const struct dq_strings *strs, uint64_t id, const char **ret)
{
	if (id > UINT32_MAX)
		return -EINVAL;
	*ret = id < strs->n ? strs->v[id] : NULL;
	if (!*ret)
		*ret = id ? "?" : "";
	return 0;
}

/* A field of the context that differs in this row. */
static inline int get_change(struct dq_context *ctx, const struct change *ch, uint64_t diff,
			     const struct dq_strings *strs)
{
	char *image = (char *)ctx->image;
	uint64_t v;
	const char *s;

	if (ch->width == 4) {
		v = dq_extend(dq_load32(image, ch->place), ch->place) + diff;
		if (v != dq_extend((uint32_t)v, ch->place))
			return -EINVAL;
		dq_store32(image, ch->place, (uint32_t)v);
	} else if (ch->width == 8) {
		dq_store64(image, ch->place, dq_load64(image, ch->place) + diff);
	} else {
		v = ctx->strid[ch->str] + diff;
		if (get_string(strs, v, &s))
			return -EINVAL;
		ctx->strid[ch->str] = v;
		dq_store_str(image, ch->place, s);
	}
	return 0;
}

/* The fields of the context that differ in this row, and when that is the case again. */
static int get_context(struct dq_dec *d, enum dq_kind kind, struct dq_context *ctx,
		       const struct dq_strings *strs, uint64_t row)
{
	const struct change *ch = d->changes[kind], *end = ch + d->nchanges[kind];
	uint64_t due = NEVER, z;

	for (; ch < end; ch++) {
		struct cursor *c = &d->cols[kind][ch->place.col];

		if (c->next == row) {
			if (col_get(c, row, &z) ||
			    (z && get_change(ctx, ch, dq_unzigzag(z), strs)))
				return -EINVAL;
		}
		due = c->next < due ? c->next : due;
	}
	d->due[kind] = due;
	return 0;
}

/* The value of a column that a register predicts. */
static inline int get_told(struct cursor *c, uint64_t row, uint64_t base, uint64_t *diff,
			   uint64_t *ret)
{
	uint64_t z;

	if (col_get(c, row, &z))
		return -EINVAL;
	*diff += dq_unzigzag(z);
	*ret = base + *diff;
	return 0;
}

/* The same of a column that may be in bits. */
static inline int get_time(struct cursor *c, uint64_t row, uint64_t base, uint64_t *diff,
			   uint16_t *scale, uint64_t *ret)
{
	uint64_t z;

	if (c->mode != DQ_COL_BITS)
		return get_told(c, row, base, diff, ret);
	if (get_rice(c, scale, &z))
		return -EINVAL;
	*diff += dq_unzigzag(z);
	*ret = base + *diff;
	return 0;
}

static inline int get_times(struct dq_dec *d, enum dq_kind kind, char *body,
			    struct dq_context *ctx, struct dq_regs *r, uint64_t row, uint64_t depth)
{
	const struct dq_plan *plan = &d->pred.plan[kind];
	struct cursor *cols = d->cols[kind];

	if (plan->start.used) {
		if (get_time(&cols[plan->start.col], row,
			     dq_predict_start(&d->pred, plan, r, depth), &ctx->start,
			     &ctx->start_scale, &r->start))
			return -EINVAL;
		dq_store64(body, plan->start, r->start);
	}
	if (plan->end.used) {
		if (get_time(&cols[plan->end.col], row,
			     dq_predict_end(&d->pred, plan, r, depth, r->start), &ctx->end,
			     &ctx->end_scale, &r->end))
			return -EINVAL;
		dq_store64(body, plan->end, plan->end_is_dur ? r->end - r->start : r->end);
	}
	return 0;
}

/* A small number that a register predicts. */
static inline int get_reg(struct cursor *cols, char *body, struct dq_place p, uint64_t row,
			  uint64_t *reg, uint64_t *diff)
{
	if (!p.used)
		return 0;
	if (get_told(&cols[p.col], row, *reg, diff, reg) || *reg > UINT32_MAX)
		return -EINVAL;
	dq_store32(body, p, (uint32_t)*reg);
	return 0;
}

static int get_row(struct dq_dec *d, enum dq_kind kind, uint64_t key, struct dq_regs *r,
		   const struct dq_strings *strs, struct dq_item *item)
{
	const struct dq_plan *plan = &d->pred.plan[kind];
	struct dq_context *ctx = dq_predict_ctx(&d->pred, kind, key, r);
	struct cursor *cols = d->cols[kind];
	uint64_t row = d->rows[kind]++, none = 0, depth;
	char *body = dq_body(item);

	if (!ctx)
		return -ENOMEM;
	if (key != dq_extend((uint32_t)key, plan->key) || d->pred.task > UINT32_MAX)
		return -EINVAL;
	if (row >= d->due[kind] && get_context(d, kind, ctx, strs, row))
		return -EINVAL;
	item->kind = kind;
	memcpy(body, ctx->image, DQ_BODY_SIZE);
	if (plan->task.used)
		dq_store32(body, plan->task, (uint32_t)d->pred.task);
	if (plan->key.used)
		dq_store32(body, plan->key, (uint32_t)key);
	depth = plan->depth.used ? dq_load32(body, plan->depth) : 0;
	if (get_times(d, kind, body, ctx, r, row, depth) ||
	    get_reg(cols, body, plan->cpu, row, &r->cpu, &none) ||
	    get_reg(cols, body, plan->seq, row, &r->seq, &ctx->seq) ||
	    get_reg(cols, body, plan->sys, row, &r->sys, &ctx->sys))
		return -EINVAL;
	if (plan->object.used)
		r->object = dq_load32(body, plan->object);
	dq_predict_stepped(r, kind, key);
	dq_predict_done(&d->pred, plan, r, depth, plan->depth.used && r->sys);
	return DQ_DEC_ITEM;
}

/* Which task, kind and key are next. 1, 0 for the mark of a fact, -EINVAL. */
static int get_step(struct dq_dec *d, struct dq_regs **ret_r, uint64_t *kind, uint64_t *key)
{
	uint64_t row = d->row++, task, z;
	struct dq_step *step;

	if (col_get(&d->tasks, row, &task) || col_get(&d->steps, row, kind))
		return -EINVAL;
	if (*kind == DQ_STEP_MARK)
		return 0;
	d->pred.task += dq_unzigzag(task);
	*ret_r = dq_predict_regs(&d->pred);
	step = dq_predict_step(&d->pred, *ret_r);
	if (*kind) {
		if (*kind > UINT32_MAX || col_get(&d->keys, d->nkeys++, &z))
			return -EINVAL;
		step->kind = (uint32_t)*kind;
		step->key = dq_unzigzag(z);
	}
	*kind = step->kind;
	*key = step->key;
	if (!*kind)
		return -EINVAL;
	return 1;
}

int dq_dec_next(struct dq_dec *d, const struct dq_strings *strs, struct dq_item *item)
{
	uint64_t kind, key;
	struct dq_regs *r;
	int rc;

	while (d->row < d->nrows) {
		rc = get_step(d, &r, &kind, &key);
		if (rc <= 0)
			return rc ? rc : DQ_DEC_FACT;
		if (kind < DQ_KIND_MAX)
			return get_row(d, (enum dq_kind)kind, key, r, strs, item);
		dq_predict_stepped(r, (uint32_t)kind, key);
		/* a kind of a newer writer: its columns were stepped over */
	}
	return DQ_DEC_END;
}
