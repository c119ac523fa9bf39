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

	if (col == k->depth)
		plan->depth = place;
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
	for (int k = 1; k < DQ_KIND_MAX; k++) {
		for (uint8_t col = 0; col < dq_kinds[k].n; col++)
			plan_field(&p->plan[k], &dq_kinds[k], col);
	}
	dq_predict_reset(p);
}

void dq_predict_reset(struct dq_predict *p)
{
	p->gen++;
	p->task = p->last_start = p->last_end = 0;
}

void dq_predict_free(struct dq_predict *p)
{
	for (int k = 0; k < DQ_KIND_MAX; k++)
		free(p->ctx[k]);
}

int dq_predict_alloc(struct dq_predict *p, enum dq_kind kind)
{
	size_t slots = p->plan[kind].key.used ? DQ_NCONTEXTS : 1;

	p->ctx[kind] = calloc(slots, sizeof(struct dq_context));
	return p->ctx[kind] ? 0 : -ENOMEM;
}

/* All numbers 0, all strings "". */
void dq_context_clear(struct dq_context *c, const struct dq_plan *plan)
{
	memset(c, 0, sizeof(*c));
	c->start_scale = c->end_scale = DQ_RICE_START;
	for (int i = 0; i < plan->nstr; i++)
		dq_store_str((char *)c->image, plan->str[i], "");
}
