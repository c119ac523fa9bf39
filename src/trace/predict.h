/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * predict.h - what the encoder and the decoder of a payload both know at a row: the
 * same code for both directions, so that they cannot disagree. Internal to codec_*.c.
 *
 * The price of a call is paid by the recorded machine, so the tables of fields.c are
 * sorted once into plans by what is to be done with a field; in a steady loop nothing
 * but the times differs from what is predicted.
 */
#ifndef DQ_PREDICT_H
#define DQ_PREDICT_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

#define DQ_NREGS     256
#define DQ_NCONTEXTS 1024
#define DQ_NSTEPS    1024	/* 10 bits of a hash */
#define DQ_MAX_STRS  6

/* Values of the steps column: 0, as expected; a kind; or here stands a fact of the DEFS chunk. */
#define DQ_STEP_MARK 255

/* The struct of any kind: what follows the kind in struct dq_item. */
#define DQ_BODY_OFF  offsetof(struct dq_item, meta)
#define DQ_BODY_SIZE (sizeof(struct dq_item) - DQ_BODY_OFF)
#define DQ_BODY_WORDS ((DQ_BODY_SIZE + 7) / 8)

/* A field: where it is in the struct, and its column. */
struct dq_place {
	uint16_t off;
	uint8_t col;
	bool used;
	bool is_signed;
};

/* A kind's table, sorted by what is done with a field. */
struct dq_plan {
	bool end_is_dur;		/* end is told as a duration from start */
	bool is_sys;
	uint8_t n32, n64, nstr;
	struct dq_place ctx32[DQ_MAX_FIELDS];	/* CONTEXT numbers of 32 bits */
	struct dq_place ctx64[DQ_MAX_FIELDS];	/* and of 64 */
	struct dq_place str[DQ_MAX_STRS];	/* CONTEXT strings */
	uint64_t mask[DQ_BODY_WORDS];	/* all of ctx32 and ctx64, to compare them at once */
	struct dq_place task, key, depth, object, cpu, seq, sys;	/* 32 bits */
	struct dq_place start, end;				/* 64 bits */
};

/* What the last item of a task said. Tasks share a set when their ids are equal modulo
 * DQ_NREGS; that costs bytes, not truth. */
struct dq_regs {
	uint64_t start, end, cpu, seq, sys, depth;
	uint64_t first;		/* least start of the calls in its system call; 0: none yet */
	uint32_t history;	/* its last four items, a byte each */
	uint32_t object;	/* the buffer of its last call */
	uint32_t gen;
};

/* What came the last time after the same four items. */
struct dq_step {
	uint32_t kind;		/* 0: not known */
	uint32_t gen;
	uint64_t key;
};

/* What the last item in the same situation said, and after a call of the same buffer: where several
 * buffers take turns, the next one is known by the last. */
struct dq_context {
	uint64_t image[DQ_BODY_WORDS];	/* its struct; only CONTEXT fields are up to date */
	uint64_t start, end, seq, sys;	/* differences from the registers */
	uint16_t start_scale, end_scale; /* of what is left of them: see dq_rice_scale() */
	uint64_t strid[DQ_MAX_STRS];
	uint64_t tag;		/* the situation and the object */
	uint32_t gen;
};

/* Task, kind, key and the item before. */
struct dq_situation {
	uint32_t gen;
	uint32_t last;		/* its last context: where one that is new to it starts from */
};

struct dq_predict {
	uint32_t gen;		/* of the current payload: older registers and contexts are void */
	uint64_t changes;	/* of steps and contexts, but for what is known of times */
	uint64_t task;		/* the current one */
	uint64_t last_start, last_end;
	struct dq_regs regs[DQ_NREGS];
	struct dq_step steps[DQ_NSTEPS];
	struct dq_plan plan[DQ_KIND_MAX];
	struct dq_context *ctx[DQ_KIND_MAX];	/* of a kind, made when first needed */
	struct dq_situation *situations[DQ_KIND_MAX];
	bool objects;		/* the payload knows objects (format 1.1) */
};

void dq_predict_init(struct dq_predict *p);
void dq_predict_reset(struct dq_predict *p, bool objects);
void dq_predict_free(struct dq_predict *p);
int dq_predict_alloc(struct dq_predict *p, enum dq_kind kind);
void dq_context_clear(struct dq_context *c, const struct dq_plan *plan);
void dq_predict_start_ctx(struct dq_predict *p, enum dq_kind kind, size_t at, size_t slot, uint64_t tag);

static inline char *dq_body(const struct dq_item *item)
{
	return (char *)item + DQ_BODY_OFF;
}

static inline uint64_t dq_load64(const char *body, struct dq_place p)
{
	uint64_t v;

	memcpy(&v, body + p.off, sizeof(v));
	return v;
}

static inline void dq_store64(char *body, struct dq_place p, uint64_t v)
{
	memcpy(body + p.off, &v, sizeof(v));
}

static inline uint32_t dq_load32(const char *body, struct dq_place p)
{
	uint32_t v;

	memcpy(&v, body + p.off, sizeof(v));
	return v;
}

static inline void dq_store32(char *body, struct dq_place p, uint32_t v)
{
	memcpy(body + p.off, &v, sizeof(v));
}

/* As the file has it. */
static inline uint64_t dq_extend(uint32_t v, struct dq_place p)
{
	return p.is_signed ? (uint64_t)(int64_t)(int32_t)v : v;
}

static inline const char *dq_load_str(const char *body, struct dq_place p)
{
	const char *s;

	memcpy(&s, body + p.off, sizeof(s));
	return s;
}

static inline void dq_store_str(char *body, struct dq_place p, const char *s)
{
	memcpy(body + p.off, &s, sizeof(s));
}

/* A task that is new in this payload starts at the time of the last item. */
static inline struct dq_regs *dq_predict_regs(struct dq_predict *p)
{
	struct dq_regs *r = &p->regs[p->task % DQ_NREGS];

	if (r->gen != p->gen) {
		*r = (struct dq_regs){ .gen = p->gen };
		r->start = p->last_start;
		r->end = p->last_end;
	}
	return r;
}

/* What is expected to come next in the current task. */
static inline struct dq_step *dq_predict_step(struct dq_predict *p, const struct dq_regs *r)
{
	uint32_t at = r->history * 0x9e3779b1u + (uint32_t)p->task * 97;
	struct dq_step *s = &p->steps[at >> 22];

	if (s->gen != p->gen)
		*s = (struct dq_step){ .gen = p->gen };
	return s;
}

/* It came. Items of a kind that this build does not know take part. */
static inline void dq_predict_stepped(struct dq_regs *r, uint32_t kind, uint64_t key)
{
	r->history = r->history << 8 | ((kind * 37 + (uint32_t)key) & 0xff);
}

/* Before dq_predict_stepped(): what came before it, the byte of the last item, is part of the
 * situation. NULL: no memory. */
static inline struct dq_context *dq_predict_ctx(struct dq_predict *p, enum dq_kind kind,
						uint64_t key, const struct dq_regs *r)
{
	uint64_t n = p->task * 97 + key + (r->history & 0xff) * 389, tag = 0;
	size_t at = p->plan[kind].key.used ? n % DQ_NCONTEXTS : 0, slot = at;
	struct dq_context *c;

	if (!p->ctx[kind] && dq_predict_alloc(p, kind))
		return NULL;
	if (p->objects && p->plan[kind].key.used) {
		slot = (at + (size_t)r->object * 613) % DQ_NCONTEXTS;
		tag = (uint64_t)r->object << 32 | at;
	}
	c = &p->ctx[kind][slot];
	if (c->gen != p->gen || c->tag != tag)
		dq_predict_start_ctx(p, kind, at, slot, tag);
	p->situations[kind][at].last = (uint32_t)slot;
	return c;
}

/* The same of a call or a system call in a payload that knows objects. */
static inline struct dq_context *dq_predict_ctx_fast(struct dq_predict *p, enum dq_kind kind,
						     uint64_t key, const struct dq_regs *r)
{
	size_t at = (p->task * 97 + key + (r->history & 0xff) * 389) % DQ_NCONTEXTS;
	size_t slot = (at + (size_t)r->object * 613) % DQ_NCONTEXTS;
	struct dq_context *c = p->ctx[kind] ? p->ctx[kind] + slot : NULL;

	if (!c || c->gen != p->gen || c->tag != ((uint64_t)r->object << 32 | at))
		return dq_predict_ctx(p, kind, key, r);
	p->situations[kind][at].last = (uint32_t)slot;
	return c;
}

/* Items come when they end: a caller started shortly before the call that is before it here, any
 * other call starts after the end of that. */
static inline bool dq_is_caller(const struct dq_plan *plan, const struct dq_regs *r, uint64_t depth)
{
	return !plan->depth.used || depth < r->depth;
}

/* What a start time is told from. A system call starts with its first call. */
static inline uint64_t dq_predict_start(const struct dq_predict *p, const struct dq_plan *plan,
					const struct dq_regs *r, uint64_t depth)
{
	if (p->objects && plan->is_sys && r->first)
		return r->first;
	return dq_is_caller(plan, r, depth) ? r->start : r->end;
}

/* What an end is told from: how long a call without calls takes has nothing to do with those before
 * it. start: its own. */
static inline uint64_t dq_predict_end(const struct dq_predict *p, const struct dq_plan *plan,
				      const struct dq_regs *r, uint64_t depth, uint64_t start)
{
	return p->objects && !dq_is_caller(plan, r, depth) ? start : r->end;
}

/* ---- numbers in bits ----
 *
 * Times are noise around what is predicted. A number z is written as z >> k zero bits, a one, and
 * the k low bits of z, k following the size of the noise. DQ_RICE_ESCAPE zeros mean that it is far
 * larger: 6 bits with its length less one, and the number follow.
 */
#define DQ_RICE_ESCAPE 20
#define DQ_RICE_START  64	/* scale of a new context */
#define DQ_RICE_MAX    (56 * 8)

/* The next scale, after a number whose quotient z >> k, at most DQ_RICE_ESCAPE, was q; k is
 * scale / 8. It settles where some 55 % of the quotients are 0. */
static inline uint16_t dq_rice_scale(uint16_t scale, unsigned int q)
{
	if (q == 0)
		return scale ? scale - 1 : 0;
	if (q == 1)
		return scale;
	scale = (uint16_t)(scale + q);
	return scale > DQ_RICE_MAX ? DQ_RICE_MAX : scale;
}

/* in_sys: it is a call inside of a system call. */
static inline void dq_predict_done(struct dq_predict *p, const struct dq_plan *plan,
				   struct dq_regs *r, uint64_t depth, bool in_sys)
{
	if (plan->is_sys)
		r->first = 0;
	else if (in_sys && plan->depth.used && (!r->first || r->start < r->first))
		r->first = r->start;
	r->depth = depth;
	p->last_start = r->start;
	p->last_end = r->end;
}

#endif /* DQ_PREDICT_H */
