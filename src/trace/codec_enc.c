/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * codec_enc.c - items to a payload; see codec.h. All arithmetic is modulo 2^64: every
 * value round-trips. Touches only the heap.
 */
#include "predict.h"

void dq_sb_varint(struct dq_sb *sb, uint64_t v)
{
	uint8_t b[10];

	dq_sb_put(sb, b, dq_varint_put(b, v));
}

/* See enum dq_column_mode. */
struct column {
	uint8_t *p;
	size_t len, cap;
	uint32_t next;		/* sparse: the row behind the last value */
	unsigned int nbits;	/* bits: how many of acc are not in p yet, less than 32 */
	uint64_t acc;
};

struct dq_enc {
	struct dq_predict pred;
	dq_intern_fn *intern;
	void *intern_ctx;
	struct column tasks, steps, keys;
	struct column cols[DQ_KIND_MAX][DQ_MAX_FIELDS];
	uint32_t rows[DQ_KIND_MAX];
	uint32_t items;
	size_t bytes;
};

/* Times always differ. */
static bool is_bits(const struct dq_field *f)
{
	return f->coding == DQ_C_START || f->coding == DQ_C_END || f->coding == DQ_C_DUR;
}

struct dq_enc *dq_enc_new(dq_intern_fn *intern, void *ctx)
{
	struct dq_enc *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->intern = intern;
	e->intern_ctx = ctx;
	dq_predict_init(&e->pred);
	return e;
}

void dq_enc_free(struct dq_enc *e)
{
	if (!e)
		return;
	dq_predict_free(&e->pred);
	for (int k = 0; k < DQ_KIND_MAX; k++) {
		for (int f = 0; f < DQ_MAX_FIELDS; f++)
			free(e->cols[k][f].p);
	}
	free(e->tasks.p);
	free(e->steps.p);
	free(e->keys.p);
	free(e);
}

/* Room for two more numbers, or for as many bits. */
static inline int col_room(struct column *c)
{
	uint8_t *p;

	if (c->cap - c->len >= 20)
		return 0;
	p = dq_grow(c->p, &c->cap, c->len + 20, 1);
	if (!p)
		return -ENOMEM;
	c->p = p;
	return 0;
}

/* n <= 32 bits, least significant first. There is room. */
static inline void put_bits(struct dq_enc *e, struct column *c, uint64_t bits, unsigned int n)
{
	c->acc |= bits << c->nbits;
	c->nbits += n;
	if (c->nbits >= 32) {
		dq_put32(c->p + c->len, (uint32_t)c->acc);
		c->acc >>= 32;
		c->nbits -= 32;
		c->len += 4;
		e->bytes += 4;
	}
}

/* A number that is out of all proportion. */
static void put_escape(struct dq_enc *e, struct column *c, uint64_t z)
{
	unsigned int n = 64 - (unsigned int)__builtin_clzll(z | 1);

	put_bits(e, c, 0, DQ_RICE_ESCAPE);
	put_bits(e, c, n - 1, 6);
	put_bits(e, c, z & UINT32_MAX, n < 32 ? n : 32);
	if (n > 32)
		put_bits(e, c, z >> 32, n - 32);
}

static inline int put_rice(struct dq_enc *e, struct column *c, uint64_t z, uint16_t *scale)
{
	unsigned int k = *scale / 8, n = k;
	uint64_t q = z >> k;

	if (col_room(c))
		return -ENOMEM;
	if (q >= DQ_RICE_ESCAPE) {
		q = DQ_RICE_ESCAPE;
		put_escape(e, c, z);
	} else if (q + 1 + k <= 32) {
		z = (z & ((1ull << k) - 1)) << 1 | 1;
		put_bits(e, c, z << q, (unsigned int)q + 1 + k);
	} else {
		put_bits(e, c, 1ull << q, (unsigned int)q + 1);
		z &= (1ull << k) - 1;
		if (k > 32) {
			put_bits(e, c, z & UINT32_MAX, 32);
			z >>= 32;
			n -= 32;
		}
		put_bits(e, c, z, n);
	}
	*scale = dq_rice_scale(*scale, (unsigned int)q);
	return 0;
}

static inline int put_dense(struct dq_enc *e, struct column *c, uint64_t v)
{
	size_t n;

	if (col_room(c))
		return -ENOMEM;
	n = dq_varint_put(c->p + c->len, v);
	c->len += n;
	e->bytes += n;
	return 0;
}

static int put_sparse(struct dq_enc *e, struct column *c, uint32_t row, uint64_t v)
{
	size_t n;

	if (col_room(c))
		return -ENOMEM;
	n = dq_varint_put(c->p + c->len, row - c->next);
	n += dq_varint_put(c->p + c->len + n, v);
	c->len += n;
	c->next = row + 1;
	e->bytes += n;
	return 0;
}

/* In the row of its kind that is being put. */
static int put_field(struct dq_enc *e, enum dq_kind kind, uint8_t col, uint64_t z)
{
	return put_sparse(e, &e->cols[kind][col], e->rows[kind], z);
}

int dq_enc_fact(struct dq_enc *e)
{
	return put_sparse(e, &e->steps, e->items++, DQ_STEP_MARK);
}

/* Is a number of the context different? One answer for all, because mostly it is no. */
static inline bool differs(const struct dq_plan *plan, const char *body,
			   const struct dq_context *ctx)
{
	uint64_t w[DQ_BODY_WORDS], x = 0;

	w[DQ_BODY_WORDS - 1] = 0;	/* where a word is not whole on 32-bit machines */
	memcpy(w, body, DQ_BODY_SIZE);
	for (size_t i = 0; i < DQ_BODY_WORDS; i++)
		x |= (w[i] ^ ctx->image[i]) & plan->mask[i];
	return x != 0;
}

/* Those that are, and the context follows. */
static int put_context(struct dq_enc *e, enum dq_kind kind, const char *body,
		       struct dq_context *ctx)
{
	const struct dq_plan *plan = &e->pred.plan[kind];
	char *image = (char *)ctx->image;
	struct dq_place p;
	uint64_t v, old;
	int i;

	for (i = 0; i < plan->n32; i++) {
		p = plan->ctx32[i];
		v = dq_load32(body, p);
		old = dq_load32(image, p);
		if (v == old)
			continue;
		dq_store32(image, p, (uint32_t)v);
		v = dq_extend((uint32_t)v, p) - dq_extend((uint32_t)old, p);
		if (put_field(e, kind, p.col, dq_zigzag(v)))
			return -ENOMEM;
	}
	for (i = 0; i < plan->n64; i++) {
		p = plan->ctx64[i];
		v = dq_load64(body, p);
		old = dq_load64(image, p);
		if (v == old)
			continue;
		dq_store64(image, p, v);
		if (put_field(e, kind, p.col, dq_zigzag(v - old)))
			return -ENOMEM;
	}
	return 0;
}

/* Strings are compared with those of the context before they are looked up. */
static inline int put_strings(struct dq_enc *e, enum dq_kind kind, const char *body,
			      struct dq_context *ctx)
{
	const struct dq_plan *plan = &e->pred.plan[kind];
	char *image = (char *)ctx->image;
	const char *s, *old, *copy;
	uint32_t id;

	for (int i = 0; i < plan->nstr; i++) {
		s = dq_load_str(body, plan->str[i]);
		old = dq_load_str(image, plan->str[i]);
		if (!s)
			s = "";
		if (*s == *old && (!*s || !strcmp(s, old)))
			continue;
		if (e->intern(e->intern_ctx, s, &id, &copy) ||
		    put_field(e, kind, plan->str[i].col, dq_zigzag(id - ctx->strid[i])))
			return -ENOMEM;
		ctx->strid[i] = id;
		dq_store_str(image, plan->str[i], copy);
	}
	return 0;
}

/* A value that a register predicts, and how much it differed the last time. */
static inline uint64_t tell(uint64_t v, uint64_t base, uint64_t *diff)
{
	uint64_t d = v - base, z = dq_zigzag(d - *diff);

	*diff = d;
	return z;
}

static inline int put_times(struct dq_enc *e, enum dq_kind kind, const char *body,
			    struct dq_context *ctx, struct dq_regs *r, uint64_t depth)
{
	const struct dq_plan *plan = &e->pred.plan[kind];
	uint64_t start = 0, end, base;
	int err = 0;

	if (plan->start.used) {
		start = dq_load64(body, plan->start);
		err = put_rice(e, &e->cols[kind][plan->start.col],
			       tell(start, dq_predict_start(&e->pred, plan, r, depth), &ctx->start),
			       &ctx->start_scale);
		r->start = start;
	}
	if (plan->end.used && !err) {
		end = dq_load64(body, plan->end) + (plan->end_is_dur ? start : 0);
		base = dq_predict_end(&e->pred, plan, r, depth, start);
		err = put_rice(e, &e->cols[kind][plan->end.col], tell(end, base, &ctx->end),
			       &ctx->end_scale);
		r->end = end;
	}
	return err;
}

/* A small number that a register predicts. */
static inline int put_reg(struct dq_enc *e, enum dq_kind kind, const char *body,
			  struct dq_place p, uint64_t *reg, uint64_t *diff)
{
	uint64_t v, z;

	if (!p.used)
		return 0;
	v = dq_load32(body, p);
	z = tell(v, *reg, diff);
	*reg = v;
	return z ? put_field(e, kind, p.col, z) : 0;
}

/* Which task, kind and key: nothing, when that is what came the last time. */
static inline int put_step(struct dq_enc *e, const char *body, enum dq_kind kind,
			   uint64_t key, struct dq_regs **ret_r)
{
	const struct dq_plan *plan = &e->pred.plan[kind];
	uint64_t task = plan->task.used ? dq_load32(body, plan->task) : e->pred.task, diff;
	struct dq_step *step;
	int err = 0;

	if (task != e->pred.task) {
		diff = task - e->pred.task;
		e->pred.task = task;
		err = put_sparse(e, &e->tasks, e->items, dq_zigzag(diff));
	}
	*ret_r = dq_predict_regs(&e->pred);
	step = dq_predict_step(&e->pred, *ret_r);
	if ((step->kind != kind || step->key != key) && !err) {
		step->kind = kind;
		step->key = key;
		err = put_sparse(e, &e->steps, e->items, kind);
		if (!err)
			err = put_dense(e, &e->keys, dq_zigzag(key));
	}
	return err;
}

/* ---- the way of an item of which nothing but the times is unexpected ----
 *
 * It gives the same bytes as the general way below, at a third of its price. These few lines are
 * what a steady loop costs, so they name the fields of a call and of a system call instead of
 * going through the plan; a unit test changes each field alone, lest one be forgotten here.
 */

static inline bool same_call(const struct dq_call *a, const struct dq_call *b)
{
	return !((a->depth ^ b->depth) | (a->flags ^ b->flags) | (a->buf ^ b->buf) |
		 (a->att ^ b->att) | (a->sgt ^ b->sgt) | (a->table ^ b->table) | (a->vma ^ b->vma) |
		 (a->stack ^ b->stack)) &&
	       !((a->a[0] ^ b->a[0]) | (a->a[1] ^ b->a[1]) | (a->a[2] ^ b->a[2]) |
		 (uint64_t)(a->ret ^ b->ret));
}

static inline bool same_sys(const struct dq_sys *a, const struct dq_sys *b)
{
	return !((a->flags ^ b->flags) | (uint32_t)(a->fd ^ b->fd) | (a->dev ^ b->dev) |
		 (a->buf ^ b->buf)) &&
	       !((a->a[0] ^ b->a[0]) | (a->a[1] ^ b->a[1]) | (a->a[2] ^ b->a[2]) |
		 (uint64_t)(a->ret ^ b->ret));
}

static inline bool same_str(const char *a, const char *b)
{
	return a && *a == *b && (!*a || !strcmp(a, b));
}

/* The context of what is expected next, when that is this. Touches nothing that the decoder would
 * not touch for this item, whatever it is. */
static inline struct dq_context *expected(struct dq_enc *e, enum dq_kind kind, uint64_t task,
					  uint64_t key, struct dq_regs **ret_r)
{
	struct dq_predict *p = &e->pred;
	const struct dq_step *step;

	if (task != p->task)
		return NULL;
	*ret_r = dq_predict_regs(p);
	step = dq_predict_step(p, *ret_r);
	if (step->kind != kind || step->key != key)
		return NULL;
	return dq_predict_ctx(p, kind, key, *ret_r);
}

/* The times; from here on it cannot fail. */
static inline void put_expected(struct dq_enc *e, enum dq_kind kind, uint64_t key,
				struct dq_context *ctx, struct dq_regs *r, struct column *cols,
				uint64_t depth, uint64_t start, uint64_t end)
{
	const struct dq_plan *plan = &e->pred.plan[kind];
	uint64_t base = dq_predict_start(&e->pred, plan, r, depth);

	put_rice(e, &cols[0], tell(start, base, &ctx->start), &ctx->start_scale);
	base = dq_predict_end(&e->pred, plan, r, depth, start);
	put_rice(e, &cols[1], tell(end, base, &ctx->end), &ctx->end_scale);
	r->start = start;
	r->end = end;
	dq_predict_stepped(r, kind, key);
	e->items++;
	e->rows[kind]++;
}

static bool has_room(const struct column *cols)
{
	return cols[0].cap - cols[0].len >= 20 && cols[1].cap - cols[1].len >= 20;
}

static bool put_expected_call(struct dq_enc *e, const struct dq_call *c)
{
	struct column *cols = &e->cols[DQ_CALL][DQ_CALL_START_COL];
	const struct dq_call *old;
	struct dq_context *ctx;
	struct dq_regs *r;

	ctx = expected(e, DQ_CALL, c->task, c->hook, &r);
	if (!ctx || !has_room(cols))
		return false;
	old = (const struct dq_call *)ctx->image;
	if (!same_call(c, old) || !same_str(c->caller, old->caller) || c->cpu != r->cpu ||
	    c->seq - r->seq != ctx->seq || c->sys - r->sys != ctx->sys)
		return false;
	put_expected(e, DQ_CALL, c->hook, ctx, r, cols, c->depth, c->t0, c->t0 + c->dur);
	r->seq = c->seq;
	r->sys = c->sys;
	r->object = c->buf;
	dq_predict_done(&e->pred, &e->pred.plan[DQ_CALL], r, c->depth, c->sys);
	return true;
}

static bool put_expected_sys(struct dq_enc *e, const struct dq_sys *s)
{
	struct column *cols = &e->cols[DQ_SYS][DQ_SYS_START_COL];
	uint64_t key = (uint64_t)(int64_t)s->nr;
	const struct dq_sys *old;
	struct dq_context *ctx;
	struct dq_regs *r;

	ctx = expected(e, DQ_SYS, s->task, key, &r);
	if (!ctx || !has_room(cols))
		return false;
	old = (const struct dq_sys *)ctx->image;
	if (!same_sys(s, old) || !same_str(s->name, old->name) || s->sys - r->sys != ctx->sys)
		return false;
	put_expected(e, DQ_SYS, key, ctx, r, cols, 0, s->t0, s->t1);
	r->sys = s->sys;
	dq_predict_done(&e->pred, &e->pred.plan[DQ_SYS], r, 0, false);
	return true;
}

/* ---- any item ---- */

static int put_any(struct dq_enc *e, const struct dq_item *item)
{
	enum dq_kind kind = item->kind;
	const struct dq_plan *plan = &e->pred.plan[kind];
	const char *body = dq_body(item);
	uint64_t key = plan->key.used ? dq_extend(dq_load32(body, plan->key), plan->key) : 0;
	uint64_t depth = plan->depth.used ? dq_load32(body, plan->depth) : 0, none = 0;
	struct dq_context *ctx;
	struct dq_regs *r;

	if (put_step(e, body, kind, key, &r))
		return -ENOMEM;
	ctx = dq_predict_ctx(&e->pred, kind, key, r);
	if (!ctx || (differs(plan, body, ctx) && put_context(e, kind, body, ctx)) ||
	    put_strings(e, kind, body, ctx) || put_times(e, kind, body, ctx, r, depth) ||
	    put_reg(e, kind, body, plan->cpu, &r->cpu, &none) ||
	    put_reg(e, kind, body, plan->seq, &r->seq, &ctx->seq) ||
	    put_reg(e, kind, body, plan->sys, &r->sys, &ctx->sys))
		return -ENOMEM;
	if (plan->object.used)
		r->object = dq_load32(body, plan->object);
	dq_predict_stepped(r, kind, key);
	dq_predict_done(&e->pred, plan, r, depth,
			plan->depth.used && dq_load32(body, plan->sys));
	e->items++;
	e->rows[kind]++;
	return 0;
}

int dq_enc_put(struct dq_enc *e, const struct dq_item *item)
{
	if ((item->kind == DQ_CALL && put_expected_call(e, &item->call)) ||
	    (item->kind == DQ_SYS && put_expected_sys(e, &item->sys)))
		return 0;
	return put_any(e, item);
}

size_t dq_enc_size(const struct dq_enc *e)
{
	return e->bytes;
}

size_t dq_enc_items(const struct dq_enc *e)
{
	return e->items;
}

/* The header of a column, and the column where it does not go behind all others. */
static void col_finish(struct column *c, enum dq_column_mode mode, struct dq_sb *out)
{
	for (; mode == DQ_COL_BITS && c->nbits; c->nbits -= c->nbits < 8 ? c->nbits : 8) {
		c->p[c->len++] = (uint8_t)c->acc;
		c->acc >>= 8;
	}
	dq_sb_varint(out, c->len << 2 | mode);
	if (mode == DQ_COL_BITS)
		return;
	dq_sb_put(out, c->p, c->len);
	c->len = 0;
	c->next = 0;
}

static size_t bits_finish(struct column *c, struct dq_sb *out)
{
	size_t len = c->len;

	dq_sb_put(out, c->p, len);
	c->len = 0;
	return len;
}

size_t dq_enc_finish(struct dq_enc *e, struct dq_sb *out)
{
	unsigned int kinds = 0, k;
	size_t noise = 0;
	int f;

	for (k = 0; k < DQ_KIND_MAX; k++)
		kinds += e->rows[k] > 0;
	dq_sb_varint(out, e->items);
	col_finish(&e->tasks, DQ_COL_SPARSE, out);
	col_finish(&e->steps, DQ_COL_SPARSE, out);
	col_finish(&e->keys, DQ_COL_DENSE, out);
	dq_sb_varint(out, kinds);
	for (k = 0; k < DQ_KIND_MAX; k++) {
		if (!e->rows[k])
			continue;
		dq_sb_varint(out, k);
		dq_sb_varint(out, dq_kinds[k].n);
		for (f = 0; f < dq_kinds[k].n; f++)
			col_finish(&e->cols[k][f],
				   is_bits(&dq_kinds[k].f[f]) ? DQ_COL_BITS : DQ_COL_SPARSE, out);
	}
	for (k = 0; k < DQ_KIND_MAX; k++) {
		for (f = 0; e->rows[k] && f < dq_kinds[k].n; f++) {
			if (is_bits(&dq_kinds[k].f[f]))
				noise += bits_finish(&e->cols[k][f], out);
		}
		e->rows[k] = 0;
	}
	e->items = 0;
	e->bytes = 0;
	dq_predict_reset(&e->pred, true);
	return noise;
}
