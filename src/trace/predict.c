/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * predict.c - see predict.h. Touches only the heap.
 */
#include "predict.h"

static void plan_context(struct dq_plan *plan, const struct dq_field *f, struct dq_place place)
{
	if (f->type == DQ_F_STR) {
		plan->str[plan->nstr++] = place;
	} else if (f->type == DQ_F_U32 || f->type == DQ_F_I32) {
		plan->ctx32[plan->n32++] = place;
		memset((char *)plan->mask + place.off, 0xff, 4);
	} else {
		plan->ctx64[plan->n64++] = place;
		memset((char *)plan->mask + place.off, 0xff, 8);
	}
}

static void plan_field(struct dq_plan *plan, const struct dq_kind_desc *k, uint8_t col)
{
	const struct dq_field *f = &k->f[col];
	struct dq_place place = { (uint16_t)(f->off - DQ_BODY_OFF), col, true,
				  f->type == DQ_F_I32 };

	if ((int)col == k->depth)
		plan->depth = place;
	if (k->depth >= 0 && !strcmp(f->name, "buf"))
		plan->object = place;
	switch ((enum dq_coding)f->coding) {
	case DQ_C_KEY:
		plan->key = place;
		break;
	case DQ_C_TASK:
		plan->task = place;
		break;
	case DQ_C_CONTEXT:
		plan_context(plan, f, place);
		break;
	case DQ_C_CPU:
		plan->cpu = place;
		break;
	case DQ_C_START:
		plan->start = place;
		break;
	case DQ_C_END:
	case DQ_C_DUR:
		plan->end = place;
		plan->end_is_dur = f->coding == DQ_C_DUR;
		break;
	case DQ_C_SEQ:
		plan->seq = place;
		break;
	case DQ_C_SYS:
		plan->sys = place;
		break;
	}
}

void dq_predict_init(struct dq_predict *p)
{
	p->plan[DQ_SYS].is_sys = true;
	for (int k = 1; k < DQ_KIND_MAX; k++) {
		for (uint8_t col = 0; col < dq_kinds[k].n; col++)
			plan_field(&p->plan[k], &dq_kinds[k], col);
	}
	dq_predict_reset(p, true);
}

void dq_predict_reset(struct dq_predict *p, bool objects)
{
	p->gen++;
	p->changes++;
	p->objects = objects;
	p->task = p->last_start = p->last_end = 0;
}

void dq_predict_free(struct dq_predict *p)
{
	for (int k = 0; k < DQ_KIND_MAX; k++) {
		free(p->ctx[k]);
		free(p->situations[k]);
	}
}

int dq_predict_alloc(struct dq_predict *p, enum dq_kind kind)
{
	size_t slots = p->plan[kind].key.used ? DQ_NCONTEXTS : 1;
	struct dq_context *ctx = calloc(slots, sizeof(*ctx));
	struct dq_situation *situations = calloc(slots, sizeof(*situations));

	if (!ctx || !situations) {
		free(ctx);
		free(situations);
		return -ENOMEM;
	}
	p->ctx[kind] = ctx;
	p->situations[kind] = situations;
	return 0;
}

/* All numbers 0, all strings "". */
void dq_context_clear(struct dq_context *c, const struct dq_plan *plan)
{
	memset(c, 0, sizeof(*c));
	c->start_scale = c->end_scale = DQ_RICE_START;
	for (int i = 0; i < plan->nstr; i++)
		dq_store_str((char *)c->image, plan->str[i], "");
}

/* A context that another situation or object has had, or none in this payload. */
void dq_predict_start_ctx(struct dq_predict *p, enum dq_kind kind, size_t at, size_t slot, uint64_t tag)
{
	struct dq_context *c = &p->ctx[kind][slot];
	struct dq_situation *s = &p->situations[kind][at];

	p->changes++;
	if (s->gen != p->gen)
		dq_context_clear(c, &p->plan[kind]);
	else if (s->last != slot)
		*c = p->ctx[kind][s->last];
	s->gen = c->gen = p->gen;
	c->tag = tag;
}
