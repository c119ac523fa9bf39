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

/* How a struct dq_repeat is told as long as pred.changes stays, when the registers are as they were. */
struct way {
	uint32_t id;		/* 0: none */
	uint32_t history, object, depth; /* registers before it */
	uint32_t history_after;
	uint64_t changes;
	struct way_step {
		struct dq_context *ctx;
		struct dq_situation *situation;
		uint32_t last;	/* of the situation: its context's number */
	} step[DQ_REPEAT_MAX];
};

#define WAYS 16

struct dq_enc {
	struct dq_predict pred;
	struct way ways[WAYS];
	struct way learn;	/* that is being found out; id 0: none */
	uint32_t nlearn;	/* its steps so far */
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

/* Two numbers, or as many bits. */
#define ROOM 20

static inline int col_room(struct column *c, size_t n)
{
	uint8_t *p;

	if (c->cap - c->len >= n)
		return 0;
	p = dq_grow(c->p, &c->cap, c->len + n, 1);
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

	if (col_room(c, ROOM))
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

	if (col_room(c, ROOM))
		return -ENOMEM;
	n = dq_varint_put(c->p + c->len, v);
	c->len += n;
	e->bytes += n;
	return 0;
}

static int put_sparse(struct dq_enc *e, struct column *c, uint32_t row, uint64_t v)
{
	size_t n;

	if (col_room(c, ROOM))
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
	return dq_predict_ctx_fast(p, kind, key, *ret_r);
}

/* A number of which most take few bits, in a column that has room: what put_rice() does. */
static inline void put_diff(struct dq_enc *e, struct column *c, uint64_t z, uint16_t *scale)
{
	unsigned int k = *scale / 8, n;
	uint64_t q = z >> k;

	n = (unsigned int)q + 1 + k;
	if (q >= DQ_RICE_ESCAPE || n > 32) {
		put_rice(e, c, z, scale);
		return;
	}
	put_bits(e, c, ((z - (q << k)) << 1 | 1) << q, n);
	*scale = dq_rice_scale(*scale, (unsigned int)q);
}

/* The times, told from their bases (dq_predict_start() and dq_predict_end() say which), and what
 * follows; from here on it cannot fail. */
static inline void put_expected(struct dq_enc *e, enum dq_kind kind, uint64_t key,
				struct dq_context *ctx, struct dq_regs *r, struct column *cols,
				uint64_t start, uint64_t start_base, uint64_t end,
				uint64_t end_base)
{
	put_diff(e, &cols[0], tell(start, start_base, &ctx->start), &ctx->start_scale);
	put_diff(e, &cols[1], tell(end, end_base, &ctx->end), &ctx->end_scale);
	r->start = e->pred.last_start = start;
	r->end = e->pred.last_end = end;
	dq_predict_stepped(r, kind, key);
	e->items++;
	e->rows[kind]++;
}

static bool has_room(const struct column *cols)
{
	return cols[0].cap - cols[0].len >= ROOM && cols[1].cap - cols[1].len >= ROOM;
}

/* These return the context, NULL: it is not what is expected. */
static struct dq_context *put_expected_call(struct dq_enc *e, const struct dq_call *c)
{
	struct column *cols = &e->cols[DQ_CALL][DQ_CALL_START_COL];
	const struct dq_call *old;
	struct dq_context *ctx;
	struct dq_regs *r;
	bool caller;

	ctx = expected(e, DQ_CALL, c->task, c->hook, &r);
	if (!ctx || !has_room(cols))
		return NULL;
	old = (const struct dq_call *)ctx->image;
	if (!same_call(c, old) || !same_str(c->caller, old->caller) || c->cpu != r->cpu ||
	    c->seq - r->seq != ctx->seq || c->sys - r->sys != ctx->sys)
		return NULL;
	caller = c->depth < r->depth;
	put_expected(e, DQ_CALL, c->hook, ctx, r, cols, c->t0, caller ? r->start : r->end,
		     c->t0 + c->dur, caller ? r->end : c->t0);
	r->seq = c->seq;
	r->sys = c->sys;
	r->object = c->buf;
	r->depth = c->depth;
	if (c->sys && (!r->first || c->t0 < r->first))
		r->first = c->t0;
	return ctx;
}

static struct dq_context *put_expected_sys(struct dq_enc *e, const struct dq_sys *s)
{
	struct column *cols = &e->cols[DQ_SYS][DQ_SYS_START_COL];
	uint64_t key = (uint64_t)(int64_t)s->nr;
	const struct dq_sys *old;
	struct dq_context *ctx;
	struct dq_regs *r;

	ctx = expected(e, DQ_SYS, s->task, key, &r);
	if (!ctx || !has_room(cols))
		return NULL;
	old = (const struct dq_sys *)ctx->image;
	if (!same_sys(s, old) || !same_str(s->name, old->name) || s->sys - r->sys != ctx->sys)
		return NULL;
	put_expected(e, DQ_SYS, key, ctx, r, cols, s->t0, r->first ? r->first : r->start, s->t1,
		     r->end);
	r->sys = s->sys;
	r->first = 0;
	r->depth = 0;
	return ctx;
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

	e->pred.changes++;
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

static struct dq_context *put_expected_item(struct dq_enc *e, const struct dq_item *item)
{
	if (item->kind == DQ_CALL)
		return put_expected_call(e, &item->call);
	return item->kind == DQ_SYS ? put_expected_sys(e, &item->sys) : NULL;
}

/* Part of what is to be repeated. */
static void learn_step(struct dq_enc *e, const struct dq_item *item, struct dq_context *ctx)
{
	struct dq_predict *p = &e->pred;
	struct way_step *s;

	if (e->nlearn == DQ_REPEAT_MAX)
		return;
	s = &e->learn.step[e->nlearn++];
	s->ctx = ctx;
	s->last = (uint32_t)(ctx - p->ctx[item->kind]);
	s->situation = &p->situations[item->kind][ctx->tag % DQ_NCONTEXTS];
}

int dq_enc_put(struct dq_enc *e, const struct dq_item *item)
{
	struct dq_context *ctx = put_expected_item(e, item);

	if (!ctx)
		return put_any(e, item);
	if (e->learn.id)
		learn_step(e, item, ctx);
	return 0;
}

/* ---- the way of a system call with its calls that was expected before, all of it ----
 *
 * What was looked up then is still right when nothing has changed since, and the registers that decide
 * what is looked up are the same. What is left are the times.
 */

/* For all numbers of a way in these two columns: one takes less than 12 bytes. */
static inline bool make_room(struct column *cols)
{
	return !col_room(&cols[0], ROOM * DQ_REPEAT_MAX) && !col_room(&cols[1], ROOM * DQ_REPEAT_MAX);
}

static struct dq_regs *open_way(struct dq_enc *e, const struct way *w, const struct dq_repeat *rep)
{
	struct dq_regs *r = &e->pred.regs[e->pred.task % DQ_NREGS];
	const struct dq_call *first = &rep->item[0].call;

	/* the task is the current one and the processor that of its registers: both become others by
	 * put_any() only, which is a change */
	if (w->id != rep->id || w->changes != e->pred.changes || r->history != w->history ||
	    r->object != w->object || r->depth != w->depth ||
	    first->seq - r->seq != w->step[0].ctx->seq || first->sys - r->sys != w->step[0].ctx->sys)
		return NULL;
	if (!make_room(&e->cols[DQ_CALL][DQ_CALL_START_COL]) ||
	    !make_room(&e->cols[DQ_SYS][DQ_SYS_START_COL]))
		return NULL;
	return r;
}

static inline void put_step_times(struct dq_enc *e, const struct way_step *w, struct column *cols,
				  uint64_t start, uint64_t start_base, uint64_t end, uint64_t end_base)
{
	struct dq_context *ctx = w->ctx;

	put_diff(e, &cols[0], tell(start, start_base, &ctx->start), &ctx->start_scale);
	put_diff(e, &cols[1], tell(end, end_base, &ctx->end), &ctx->end_scale);
	w->situation->last = w->last;
}

static void put_way(struct dq_enc *e, const struct way *w, const struct dq_repeat *rep,
		    struct dq_regs *r)
{
	uint64_t start = r->start, end = r->end, depth = r->depth, first = r->first, done;
	const struct dq_item *it = rep->item, *last = it + rep->n - 1;
	const struct way_step *step = w->step;
	const struct dq_sys *s = &last->sys;

	for (; it < last; it++, step++) {
		const struct dq_call *c = &it->call;
		bool caller = c->depth < depth;

		done = c->t0 + c->dur;
		put_step_times(e, step, &e->cols[DQ_CALL][DQ_CALL_START_COL], c->t0,
			       caller ? start : end, done, caller ? end : c->t0);
		start = c->t0;
		end = done;
		depth = c->depth;
		if (c->sys && (!first || start < first))
			first = start;
	}
	put_step_times(e, step, &e->cols[DQ_SYS][DQ_SYS_START_COL], s->t0, first ? first : start,
		       s->t1, end);
	r->start = e->pred.last_start = s->t0;
	r->end = e->pred.last_end = s->t1;
	r->seq = last[-1].call.seq;
	r->sys = s->sys;
	r->object = s->buf;
	r->first = 0;
	r->depth = 0;
	r->history = w->history_after;
	e->items += rep->n;
	e->rows[DQ_CALL] += rep->n - 1;
	e->rows[DQ_SYS]++;
}

bool dq_enc_repeat(struct dq_enc *e, const struct dq_repeat *rep, size_t most)
{
	struct way *w = &e->ways[rep->id % WAYS];
	struct dq_regs *r = open_way(e, w, rep);

	if (!r || e->bytes > most || e->items > DQ_ITEMS_MAX / 2 - 2 * DQ_REPEAT_MAX)
		return false;
	put_way(e, w, rep, r);
	return true;
}

void dq_enc_learn(struct dq_enc *e, const struct dq_repeat *rep)
{
	struct dq_predict *p = &e->pred;
	const struct dq_regs *r;

	e->nlearn = 0;
	if (!rep->id || rep->item[0].call.task != p->task)
		return;
	r = dq_predict_regs(p); /* as the first of them does */
	e->learn = (struct way){ .id = rep->id, .changes = p->changes, .history = r->history,
				 .object = r->object, .depth = (uint32_t)r->depth };
}

void dq_enc_learnt(struct dq_enc *e, const struct dq_repeat *rep)
{
	struct way *w = &e->learn;

	if (w->id && e->nlearn == rep->n && w->changes == e->pred.changes) {
		w->history_after = e->pred.regs[e->pred.task % DQ_NREGS].history;
		e->ways[w->id % WAYS] = *w;
	}
	w->id = 0;
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
