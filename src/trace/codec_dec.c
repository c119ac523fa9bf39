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
	const uint8_t *pairs;	/* sparse: p is below as long as there are two bytes; else NULL */
	uint64_t next;		/* the row of the value at p; NEVER: zeros from here on */
	enum dq_column_mode mode;
	unsigned int nbits;	/* bits: how many are in acc */
	uint64_t acc;
};

/* What a value of a column is a difference of. */
enum of {
	OF_NOTHING,		/* told elsewhere: times, the task, the key */
	OF_U32, OF_I32, OF_64, OF_STR, /* fields of the context */
	OF_CPU,			/* a register */
	OF_SEQ, OF_SYS,		/* the difference from a register */
};

struct target {
	uint8_t of;		/* enum of */
	uint8_t str;		/* strings: its number among them */
	uint16_t off;		/* in the body */
};

/* Which columns say something in a row, of the block of so many rows that is being read. In most
 * rows few do, and nobody has to look at the others. */
#define BLOCK 64
struct agenda {
	uint32_t said[BLOCK];	/* a bit for each column */
};

struct dq_dec {
	struct dq_predict pred;
	struct cursor tasks, steps, keys;
	struct cursor cols[DQ_KIND_MAX][DQ_MAX_FIELDS];
	uint64_t rows[DQ_KIND_MAX];
	struct agenda agenda[DQ_KIND_MAX];
	bool in_bits[DQ_KIND_MAX];	/* calls and system calls of which both times are in bits */
	struct target targets[DQ_KIND_MAX][DQ_MAX_FIELDS];
	uint64_t row, nrows, nkeys;
	size_t tail;		/* while cutting: length of the bit columns so far */
};

static void set_targets(struct target *to, const struct dq_place *places, int n, enum of of)
{
	for (int i = 0; i < n; i++)
		if (places[i].used)
			to[places[i].col] = (struct target){
				.of = (uint8_t)(places[i].is_signed ? OF_I32 : of),
				.str = (uint8_t)i, .off = places[i].off };
}

struct dq_dec *dq_dec_new(void)
{
	struct dq_dec *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	dq_predict_init(&d->pred);
	for (int k = 1; k < DQ_KIND_MAX; k++) {
		const struct dq_plan *plan = &d->pred.plan[k];

		set_targets(d->targets[k], plan->ctx32, plan->n32, OF_U32);
		set_targets(d->targets[k], plan->ctx64, plan->n64, OF_64);
		set_targets(d->targets[k], plan->str, plan->nstr, OF_STR);
		set_targets(d->targets[k], &plan->cpu, 1, OF_CPU);
		set_targets(d->targets[k], &plan->seq, 1, OF_SEQ);
		set_targets(d->targets[k], &plan->sys, 1, OF_SYS);
	}
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
	/* most have one byte, and of the others most two */
	if (c->p != c->end && *c->p < 0x80) {
		*ret = *c->p++;
		return 0;
	}
	if (c->end - c->p >= 2 && c->p[1] < 0x80) {
		*ret = (*c->p & 0x7fu) | (uint64_t)c->p[1] << 7;
		c->p += 2;
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
	c->pairs = c->mode == DQ_COL_SPARSE && len ? c->end - 1 : NULL;
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

/* The agenda of the block that begins with this row. */
static void plan_block(struct dq_dec *d, enum dq_kind kind, uint64_t row)
{
	for (unsigned int i = 0; i < DQ_MAX_FIELDS; i++) {
		uint64_t next = d->cols[kind][i].next;

		if (next - row < BLOCK && d->targets[kind][i].of)
			d->agenda[kind].said[next - row] |= 1u << i;
	}
}

/* Two columns, and a value in each row. */
static bool in_bits(const struct cursor *times)
{
	return times[0].mode == DQ_COL_BITS && times[0].next != NEVER &&
	       times[1].mode == DQ_COL_BITS && times[1].next != NEVER;
}

int dq_dec_open(struct dq_dec *d, const uint8_t *payload, size_t len, bool objects)
{
	const uint8_t *p = payload, *end = payload + len;
	uint64_t kinds;

	dq_predict_reset(&d->pred, objects);
	for (int k = 0; k < DQ_KIND_MAX; k++) {
		for (int f = 0; f < DQ_MAX_FIELDS; f++)
			d->cols[k][f] = (struct cursor){ .next = NEVER };
		d->rows[k] = 0;
		d->agenda[k] = (struct agenda){ 0 };
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
	d->in_bits[DQ_CALL] = objects && in_bits(&d->cols[DQ_CALL][DQ_CALL_START_COL]);
	d->in_bits[DQ_SYS] = objects && in_bits(&d->cols[DQ_SYS][DQ_SYS_START_COL]);
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

/* A column says `diff` in this row. */
static inline int take_value(struct dq_context *ctx, struct dq_regs *r, const struct target *to,
			     uint64_t diff, const struct dq_strings *strs)
{
	char *at = (char *)ctx->image + to->off;
	const char *s;
	uint64_t v;
	uint32_t v32;

	if (to->of == OF_U32 || to->of == OF_I32) {
		memcpy(&v32, at, sizeof(v32));
		v = (to->of == OF_U32 ? v32 : (uint64_t)(int64_t)(int32_t)v32) + diff;
		v32 = (uint32_t)v;
		memcpy(at, &v32, sizeof(v32));
		return v == (to->of == OF_U32 ? v32 : (uint64_t)(int64_t)(int32_t)v32) ? 0 : -EINVAL;
	}
	if (to->of == OF_64) {
		memcpy(&v, at, sizeof(v));
		v += diff;
		memcpy(at, &v, sizeof(v));
		return 0;
	}
	if (to->of == OF_STR) {
		v = ctx->strid[to->str] + diff;
		if (get_string(strs, v, &s))
			return -EINVAL;
		ctx->strid[to->str] = v;
		memcpy(at, &s, sizeof(s));
		return 0;
	}
	*(to->of == OF_CPU ? &r->cpu : to->of == OF_SEQ ? &ctx->seq : &ctx->sys) += diff;
	return 0;
}

/* The value of a column that has one in this row. Most values and gaps have one byte each. */
static inline int next_value(struct cursor *c, uint64_t row, uint64_t *ret)
{
	if (c->p < c->pairs) {
		unsigned int pair = c->p[0] | (unsigned int)c->p[1] << 8;

		if (!(pair & 0x8080)) {
			*ret = pair & 0xff;
			c->next = row + 1 + (pair >> 8);
			c->p += 2;
			return 0;
		}
	}
	return col_get(c, row, ret);
}

/* What the columns of `said`, at least one, say in this row, and where they say something next. */
static int take_values(struct dq_dec *d, enum dq_kind kind, uint32_t said, struct dq_context *ctx,
		       struct dq_regs *r, const struct dq_strings *strs, uint64_t row)
{
	const struct target *targets = d->targets[kind];
	uint32_t *agenda = d->agenda[kind].said;
	struct cursor *cols = d->cols[kind];

	do {
		unsigned int i = (unsigned int)__builtin_ctz(said);
		uint64_t z;

		if (next_value(&cols[i], row, &z) ||
		    take_value(ctx, r, &targets[i], dq_unzigzag(z), strs))
			return -EINVAL;
		if ((cols[i].next ^ row) < BLOCK) /* in the same block */
			agenda[cols[i].next % BLOCK] |= 1u << i;
	} while (said &= said - 1);
	return 0;
}

/* The columns that say something in the next row of this kind. */
static inline uint32_t next_row(struct dq_dec *d, enum dq_kind kind, uint64_t *ret_row)
{
	uint64_t row = d->rows[kind]++;
	uint32_t *said = &d->agenda[kind].said[row % BLOCK], was;

	if (row % BLOCK == 0)
		plan_block(d, kind, row);
	was = *said;
	*said = 0;
	*ret_row = row;
	return was;
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

static inline int store_reg(char *body, struct dq_place p, uint64_t reg)
{
	if (!p.used)
		return 0;
	dq_store32(body, p, (uint32_t)reg);
	return reg > UINT32_MAX ? -EINVAL : 0;
}

static int get_row(struct dq_dec *d, enum dq_kind kind, uint64_t key, struct dq_regs *r,
		   const struct dq_strings *strs, struct dq_item *item)
{
	const struct dq_plan *plan = &d->pred.plan[kind];
	struct dq_context *ctx = dq_predict_ctx(&d->pred, kind, key, r);
	uint64_t row, depth;
	uint32_t said = next_row(d, kind, &row);
	char *body = dq_body(item);

	if (!ctx)
		return -ENOMEM;
	if (key != dq_extend((uint32_t)key, plan->key) || d->pred.task > UINT32_MAX)
		return -EINVAL;
	if (said && take_values(d, kind, said, ctx, r, strs, row))
		return -EINVAL;
	item->kind = kind;
	memcpy(body, ctx->image, DQ_BODY_SIZE);
	if (plan->task.used)
		dq_store32(body, plan->task, (uint32_t)d->pred.task);
	if (plan->key.used)
		dq_store32(body, plan->key, (uint32_t)key);
	depth = plan->depth.used ? dq_load32(body, plan->depth) : 0;
	r->seq += plan->seq.used ? ctx->seq : 0;
	r->sys += plan->sys.used ? ctx->sys : 0;
	if (get_times(d, kind, body, ctx, r, row, depth) || store_reg(body, plan->cpu, r->cpu) ||
	    store_reg(body, plan->seq, r->seq) || store_reg(body, plan->sys, r->sys))
		return -EINVAL;
	if (plan->object.used)
		r->object = dq_load32(body, plan->object);
	dq_predict_stepped(r, kind, key);
	dq_predict_done(&d->pred, plan, r, depth, plan->depth.used && r->sys);
	return DQ_DEC_ITEM;
}

/* ---- the way of calls and system calls whose times are in bits ----
 *
 * It gives the same as get_row(), at a third of its price: all but the shortest payloads go this way.
 */

/* The next number of a column in bits, as a difference; far from the column's end eight bytes are
 * looked at at once. What is in acc above nbits are the bits that follow, so it may be filled again. */
static inline int get_diff(struct cursor *c, uint16_t *scale, uint64_t *diff)
{
	unsigned int k = *scale / 8, q, n;
	uint64_t z;

	if (c->end - c->p >= 8) {
		c->acc |= dq_load_le64(c->p) << c->nbits;
		c->p += (63 - c->nbits) >> 3;
		c->nbits |= 56;
		q = (unsigned int)__builtin_ctzll(c->acc | 1ull << 63);
		n = q + 1 + k;
		if (q < DQ_RICE_ESCAPE && n <= 56) {
			z = (uint64_t)q << k | (c->acc >> (q + 1) & ((1ull << k) - 1));
			c->acc >>= n;
			c->nbits -= n;
			*scale = dq_rice_scale(*scale, q);
			*diff += dq_unzigzag(z);
			return 0;
		}
	}
	if (get_rice(c, scale, &z))
		return -EINVAL;
	*diff += dq_unzigzag(z);
	return 0;
}

static int get_call(struct dq_dec *d, uint64_t key, struct dq_regs *r, const struct dq_strings *strs,
		    struct dq_item *item)
{
	struct dq_context *ctx = dq_predict_ctx_fast(&d->pred, DQ_CALL, key, r);
	struct cursor *times = &d->cols[DQ_CALL][DQ_CALL_START_COL];
	struct dq_call *c = &item->call;
	uint64_t row;
	uint32_t said = next_row(d, DQ_CALL, &row);
	bool caller;

	if (!ctx)
		return -ENOMEM;
	if (said && take_values(d, DQ_CALL, said, ctx, r, strs, row))
		return -EINVAL;
	item->kind = DQ_CALL;
	memcpy(c, ctx->image, sizeof(*c));
	caller = c->depth < r->depth;
	if (get_diff(&times[0], &ctx->start_scale, &ctx->start) ||
	    get_diff(&times[1], &ctx->end_scale, &ctx->end))
		return -EINVAL;
	r->start = (caller ? r->start : r->end) + ctx->start;
	r->end = (caller ? r->end : r->start) + ctx->end;
	r->seq += ctx->seq;
	r->sys += ctx->sys;
	if ((r->seq | r->sys | r->cpu | key | d->pred.task) > UINT32_MAX)
		return -EINVAL;
	c->t0 = r->start;
	c->dur = r->end - r->start;
	c->hook = (uint32_t)key;
	c->task = (uint32_t)d->pred.task;
	c->cpu = (uint32_t)r->cpu;
	c->seq = (uint32_t)r->seq;
	c->sys = (uint32_t)r->sys;
	r->object = c->buf;
	if (c->sys && (!r->first || r->start < r->first))
		r->first = r->start;
	r->depth = c->depth;
	dq_predict_stepped(r, DQ_CALL, key);
	d->pred.last_start = r->start;
	d->pred.last_end = r->end;
	return DQ_DEC_ITEM;
}

static int get_sys(struct dq_dec *d, uint64_t key, struct dq_regs *r, const struct dq_strings *strs,
		   struct dq_item *item)
{
	struct dq_context *ctx = dq_predict_ctx_fast(&d->pred, DQ_SYS, key, r);
	struct cursor *times = &d->cols[DQ_SYS][DQ_SYS_START_COL];
	struct dq_sys *s = &item->sys;
	uint64_t end = r->end, row;
	uint32_t said = next_row(d, DQ_SYS, &row);

	if (!ctx)
		return -ENOMEM;
	if (said && take_values(d, DQ_SYS, said, ctx, r, strs, row))
		return -EINVAL;
	item->kind = DQ_SYS;
	memcpy(s, ctx->image, sizeof(*s));
	if (get_diff(&times[0], &ctx->start_scale, &ctx->start) ||
	    get_diff(&times[1], &ctx->end_scale, &ctx->end))
		return -EINVAL;
	r->start = (r->first ? r->first : r->start) + ctx->start;
	r->end = end + ctx->end;
	r->sys += ctx->sys;
	if ((r->sys | d->pred.task) > UINT32_MAX || key != (uint64_t)(int64_t)(int32_t)key)
		return -EINVAL;
	s->t0 = r->start;
	s->t1 = r->end;
	s->nr = (int32_t)key;
	s->task = (uint32_t)d->pred.task;
	s->sys = (uint32_t)r->sys;
	r->first = 0;
	r->depth = 0;
	dq_predict_stepped(r, DQ_SYS, key);
	d->pred.last_start = r->start;
	d->pred.last_end = r->end;
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
		if (kind == DQ_CALL && d->in_bits[DQ_CALL])
			return get_call(d, key, r, strs, item);
		if (kind == DQ_SYS && d->in_bits[DQ_SYS])
			return get_sys(d, key, r, strs, item);
		if (kind < DQ_KIND_MAX)
			return get_row(d, (enum dq_kind)kind, key, r, strs, item);
		dq_predict_stepped(r, (uint32_t)kind, key);
		/* a kind of a newer writer: its columns were stepped over */
	}
	return DQ_DEC_END;
}
