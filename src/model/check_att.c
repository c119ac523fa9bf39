/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_att.c - judges attachments: attach, map, pin, and what the exporter's callbacks make of
 * it. Only what drivers call themselves counts; what the core does inside of a call (a
 * rollback, a cached mapping that detach unmaps) is its own business and only pairs callbacks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/check_int.h"

#define CB(hook) (UINT64_C(1) << ((hook) - 64))

/* ---- the end of an attachment ---- */

void chk_att_free(struct dq_check *k, struct chk_att *a, const struct dq_proof *detach)
{
	struct chk_buf *b = a->b;

	if (detach) {
		size_t i = k->ndead_atts++ % CHK_RING;

		k->dead_atts[i].att = a->id;
		k->dead_atts[i].p = *detach;
	}
	b->mapped -= a->nmaps < b->mapped ? a->nmaps : b->mapped;
	for (size_t i = 0; i < b->natts; i++)
		if (b->atts[i] == a) {
			memmove(&b->atts[i], &b->atts[i + 1],
				(b->natts - i - 1) * sizeof(struct chk_att *));
			b->natts--;
			break;
		}
	chk_drop_att(k, a);
	free(a->maps);
	free(a);
}

/* The first pair of callbacks that does not match, or NULL. An exporter may have only one of two. */
static const char *unpaired(const struct chk_att *a, uint64_t has)
{
	const uint64_t attach = CB(HOOK_OPS_ATTACH) | CB(HOOK_OPS_DETACH);
	const uint64_t map = CB(HOOK_OPS_MAP) | CB(HOOK_OPS_UNMAP);
	const uint64_t pin = CB(HOOK_OPS_PIN) | CB(HOOK_OPS_UNPIN);

	if ((has & attach) == attach && a->cb_attach != a->cb_detach)
		return "the exporter's attach and detach were not called equally often for this "
		       "attachment";
	if ((has & map) == map && a->cb_map != a->cb_unmap)
		return "the exporter's map_dma_buf and unmap_dma_buf were not called equally often for "
		       "this attachment";
	if ((has & pin) == pin && a->cb_pin != a->cb_unpin)
		return "the exporter's pin and unpin were not called equally often for this attachment";
	return NULL;
}

static void judge_callbacks(struct dq_check *k, struct chk_att *a, const struct dq_proof *detach)
{
	const uint64_t all = CB(HOOK_OPS_ATTACH) | CB(HOOK_OPS_DETACH) | CB(HOOK_OPS_MAP) |
			     CB(HOOK_OPS_UNMAP) | CB(HOOK_OPS_PIN) | CB(HOOK_OPS_UNPIN);
	const char *what = unpaired(a, chk_has(k, a->b));
	struct dq_finding f;

	if (!a->whole) {
		chk_undecided(k, DQ_RULE_CALLBACK_UNPAIRED, DQ_UND_PAST);
		return;
	}
	if (!chk_lit(k, a->b, all, a->attach.t)) {
		chk_undecided(k, DQ_RULE_CALLBACK_UNPAIRED, DQ_UND_CALLBACKS);
		return;
	}
	if (!what) {
		chk_looked(k, DQ_RULE_CALLBACK_UNPAIRED);
		return;
	}
	f = chk_find(DQ_RULE_CALLBACK_UNPAIRED, a->b, a, detach->task, what);
	chk_add(&f, &a->attach, "attached here");
	chk_add(&f, detach, "detached here, and the counts differ");
	chk_tell(k, &f, a->attach.t);
}

static bool judge_left(struct dq_check *k, struct chk_att *a, const struct dq_proof *detach)
{
	struct dq_finding f;

	if (a->nmaps) {
		f = chk_find(DQ_RULE_DETACH_WHILE_MAPPED, a->b, a, detach->task,
			     a->nmaps == 1 ? "detached with one mapping left" :
					     "detached with several mappings left");
		for (size_t i = 0; i < a->nmaps && i < DQ_PROOFS - 1; i++)
			chk_add(&f, &a->maps[i].p, "mapped here, and never unmapped");
		chk_add(&f, detach, "detached here");
		chk_tell(k, &f, a->maps[0].p.t);
	} else {
		chk_looked(k, DQ_RULE_DETACH_WHILE_MAPPED);
	}
	if (a->pins) {
		f = chk_find(DQ_RULE_PIN_LEFT, a->b, a, detach->task,
			     "detached with more pins than unpins");
		chk_add(&f, &a->pin, "pinned here");
		chk_add(&f, detach, "detached here");
		chk_tell(k, &f, a->pin.t);
	} else if (a->pin.role) {
		chk_looked(k, DQ_RULE_PIN_LEFT);
	}
	return a->nmaps || a->pins;
}

static void on_detach(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "detached here");
	struct dq_finding f;

	if (c->c.buf && c->c.buf != a->b->id) {
		f = chk_find(DQ_RULE_DETACH_OTHER_BUFFER, chk_buf(k, c->c.buf), a, c->c.task,
			     "the attachment belongs to another buffer");
		chk_add(&f, &a->attach, "attached here, to its own buffer");
		chk_add(&f, &p, "detached here, from this buffer");
		chk_tell(k, &f, a->a.t);
		a->astray = true;
		return;
	}
	chk_looked(k, DQ_RULE_DETACH_OTHER_BUFFER);
	/* what is left explains that callbacks do not match */
	if (!judge_left(k, a, &p) && !a->wrong)
		judge_callbacks(k, a, &p);
	chk_looked(k, DQ_RULE_ATTACHMENT_LEAK);
	a->detach_time = c->c.dur;
	chk_time_att(k, a);
	for (size_t i = 0; i < a->b->ndevs; i++)
		if (!strcmp(a->b->devs[i].dev, a->a.dev) && !strcmp(a->b->devs[i].driver, a->a.driver))
			a->b->devs[i].gone = p;
	chk_att_free(k, a, &p);
}

/* A refusal that no other rule explains. */
static void judge_call_failed(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "refused here");
	struct dq_finding f;

	if (!(c->flags & CHK_FAILED)) {
		chk_looked(k, DQ_RULE_CALL_FAILED);
		return;
	}
	f = chk_find(DQ_RULE_CALL_FAILED, chk_buf(k, c->c.buf), a, c->c.task, "the call returned an error");
	chk_add(&f, &p, NULL);
	chk_tell(k, &f, c->c.t0);
}

/* ---- map ---- */

/* Did the exporter map inside of this call? */
static bool exporter_mapped(const struct chk_group *g, const struct chk_call *c)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].c.hook == HOOK_OPS_MAP && g->v[i].c.att == c->c.att &&
		    !(g->v[i].flags & CHK_FAILED) && g->v[i].c.seq > c->c.seq &&
		    &g->v[i] < c)
			return true;
	return false;
}

static void judge_again(struct dq_check *k, const struct chk_group *g, struct chk_att *a,
			const struct chk_call *c, const struct dq_proof *p)
{
	struct dq_finding f;

	if (!a->nmaps) {
		chk_looked(k, DQ_RULE_MAP_AGAIN);
		return;
	}
	if (!chk_lit(k, a->b, CB(HOOK_OPS_MAP), a->a.t)) {
		chk_undecided(k, DQ_RULE_MAP_AGAIN, DQ_UND_CALLBACKS);
		return;
	}
	if (!exporter_mapped(g, c)) {
		chk_looked(k, DQ_RULE_MAP_AGAIN);
		return;
	}
	f = chk_find(DQ_RULE_MAP_AGAIN, a->b, a, c->c.task, "mapped while it was mapped");
	f.confidence = DQ_CONF_LIKELY;
	f.doubt = "an exporter that keeps several mappings of an attachment apart is right to allow it";
	chk_add(&f, &a->maps[a->nmaps - 1].p, "mapped here, and not unmapped");
	chk_add(&f, p, "mapped here again, by the exporter");
	chk_tell(k, &f, a->maps[0].p.t);
	a->wrong = true;
}

/* -EBUSY is the core's answer when the cached mapping has another direction. */
static bool judge_busy(struct dq_check *k, struct chk_att *a, const struct chk_call *c,
		       const struct dq_proof *p)
{
	struct dq_finding f;
	struct chk_map *other = NULL;

	for (size_t i = 0; i < a->nmaps; i++)
		if (a->maps[i].dir != c->c.a[0] && a->maps[i].dir != 0)
			other = &a->maps[i];
	if (!other && a->last_map.role && a->last_map.c.a[0] != c->c.a[0] && a->last_map.c.a[0] != 0) {
		f = chk_find(DQ_RULE_MAP_DIRECTION_CONFLICT, a->b, a, c->c.task,
			     "EBUSY: the first mapping had another direction");
		chk_add(&f, &a->last_map, "mapped in one direction");
	} else if (other) {
		f = chk_find(DQ_RULE_MAP_DIRECTION_CONFLICT, a->b, a, c->c.task,
			     "EBUSY: it is mapped in another direction");
		chk_add(&f, &other->p, "mapped in one direction");
	} else {
		return false;
	}
	chk_add(&f, p, "and here in another");
	chk_tell(k, &f, a->a.t);
	return true;
}

static void judge_direction(struct dq_check *k, struct chk_att *a, const struct chk_call *c,
			    const struct dq_proof *p)
{
	struct dq_finding f;

	if (c->c.a[0] >= 3) {
		f = chk_find(DQ_RULE_MAP_DIRECTION_NONE, a->b, a, c->c.task,
			     c->c.a[0] == 3 ? "the direction is DMA_NONE" :
					      "the direction is no direction");
		chk_add(&f, p, "mapped so");
		chk_tell(k, &f, c->c.t0);
	} else {
		chk_looked(k, DQ_RULE_MAP_DIRECTION_NONE);
	}
}

static void on_map(struct dq_check *k, const struct chk_group *g, struct chk_att *a,
		   const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "mapped here");
	struct chk_map *m;

	judge_direction(k, a, c, &p);
	if (c->c.ret < 0) {
		a->map_failed = p;
		if (c->c.ret != -EBUSY || !judge_busy(k, a, c, &p))
			judge_call_failed(k, a, c);
		return;
	}
	chk_looked(k, DQ_RULE_CALL_FAILED);
	chk_looked(k, DQ_RULE_MAP_DIRECTION_CONFLICT);
	judge_again(k, g, a, c, &p);
	chk_cpu_device(k, a, c);
	m = DQ_PUSH(a->maps, a->nmaps, a->cap_maps);
	if (!m) {
		k->err = -ENOMEM;
		return;
	}
	m->sgt = c->c.sgt;
	m->dir = c->c.a[0];
	m->p = p;
	a->last_map = p;
	a->b->mapped++;
}

/* ---- unmap ---- */

static const struct dq_proof *unmapped_before(const struct chk_att *a, uint32_t sgt)
{
	for (size_t i = 0; sgt && i < a->ngone && i < DQ_ARRAY_SIZE(a->gone); i++)
		if (a->gone[i] == sgt)
			return &a->gone_p[i];
	return NULL;
}

static void judge_unmap(struct dq_check *k, struct chk_att *a, const struct dq_proof *p)
{
	const struct dq_proof *before = unmapped_before(a, p->c.sgt);
	struct dq_finding f;

	if (before) {
		f = chk_find(DQ_RULE_DOUBLE_UNMAP, a->b, a, p->task, "the same mapping, twice");
		chk_add(&f, before, "unmapped here");
		chk_add(&f, p, "and here again");
		chk_tell(k, &f, before->t);
		a->wrong = true;
		return;
	}
	if (!a->whole) {
		chk_undecided(k, DQ_RULE_UNMAP_WITHOUT_MAP, DQ_UND_PAST);
		return;
	}
	f = chk_find(DQ_RULE_UNMAP_WITHOUT_MAP, a->b, a, p->task,
		     a->nmaps ? "another table than what is mapped" : "nothing was mapped");
	chk_add(&f, &a->attach, "attached here");
	chk_add(&f, &a->map_failed, "could not be mapped here");
	chk_add(&f, p, "unmapped here");
	chk_tell(k, &f, a->attach.t);
	a->wrong = true;
}

static void drop_map(struct chk_att *a, size_t i, const struct dq_proof *p)
{
	size_t slot = a->ngone++ % DQ_ARRAY_SIZE(a->gone);

	a->gone[slot] = a->maps[i].sgt;
	a->gone_p[slot] = *p;
	memmove(&a->maps[i], &a->maps[i + 1], (a->nmaps - i - 1) * sizeof(*a->maps));
	a->nmaps--;
	a->b->mapped -= !!a->b->mapped;
}

static void on_unmap(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "unmapped here");
	size_t i = a->nmaps;
	struct dq_finding f;

	while (i-- > 0)
		if (!c->c.sgt || !a->maps[i].sgt || a->maps[i].sgt == c->c.sgt)
			break;
	if (i >= a->nmaps) {
		judge_unmap(k, a, &p);
		return;
	}
	chk_looked(k, DQ_RULE_UNMAP_WITHOUT_MAP);
	chk_looked(k, DQ_RULE_DOUBLE_UNMAP);
	if (a->maps[i].dir != c->c.a[0]) {
		f = chk_find(DQ_RULE_UNMAP_DIRECTION, a->b, a, c->c.task,
			     "map and unmap have different directions");
		chk_add(&f, &a->maps[i].p, "mapped here");
		chk_add(&f, &p, "unmapped here");
		chk_tell(k, &f, a->maps[i].p.t);
	} else {
		chk_looked(k, DQ_RULE_UNMAP_DIRECTION);
	}
	if (a->maps[i].told)
		chk_looked(k, DQ_RULE_MOVE_IGNORED);
	drop_map(a, i, &p);
}

/* ---- pin, move ---- */

static void on_pin(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "pinned here");
	struct dq_finding f;

	if (a->a.flags & DQ_ATT_PREEXISTING) {
		chk_undecided(k, DQ_RULE_PIN_NOT_DYNAMIC, DQ_UND_PAST);
	} else if (!(a->a.flags & DQ_ATT_DYNAMIC)) {
		f = chk_find(DQ_RULE_PIN_NOT_DYNAMIC, a->b, a, c->c.task,
			     "the attachment has no importer operations");
		chk_add(&f, &a->attach, "attached here");
		chk_add(&f, &p, "pinned here");
		chk_tell(k, &f, a->a.t);
	} else {
		chk_looked(k, DQ_RULE_PIN_NOT_DYNAMIC);
	}
	if (c->c.ret < 0)
		return;
	a->pins++;
	a->pin = p;
}

static void on_unpin(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "unpinned here");
	struct dq_finding f;

	if (a->pins) {
		a->pins--;
		chk_looked(k, DQ_RULE_UNPIN_WITHOUT_PIN);
		return;
	}
	if (!a->whole) {
		chk_undecided(k, DQ_RULE_UNPIN_WITHOUT_PIN, DQ_UND_PAST);
		return;
	}
	f = chk_find(DQ_RULE_UNPIN_WITHOUT_PIN, a->b, a, c->c.task, "unpinned without a pin");
	chk_add(&f, &a->attach, "attached here");
	chk_add(&f, &a->pin, "pinned here last");
	chk_add(&f, &p, "unpinned here, once too often");
	chk_tell(k, &f, a->attach.t);
	a->wrong = true;
}

static void on_notice(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "told here that it moves");
	struct dq_finding f;

	for (size_t i = 0; i < a->nmaps; i++) {
		struct chk_map *m = &a->maps[i];

		if (m->told) {
			f = chk_find(DQ_RULE_MOVE_IGNORED, a->b, a, c->c.task,
				     "a mapping outlived two moves of the buffer");
			f.confidence = DQ_CONF_LIKELY;
			f.doubt = "the device may not have used the old mapping any more";
			chk_add(&f, &m->p, "mapped here");
			chk_add(&f, &m->notice, "told here that it moves");
			chk_add(&f, &p, "told again, and still mapped");
			chk_tell(k, &f, m->p.t);
		}
		m->told = true;
		m->notice = p;
	}
}

/* ---- callbacks ---- */

static void count_callback(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	if (c->flags & CHK_FAILED) {
		if (c->c.hook == HOOK_OPS_ATTACH)
			chk_att_free(k, a, NULL);
		return;
	}
	switch (c->c.hook) {
	case HOOK_OPS_ATTACH:
		a->cb_attach++;
		break;
	case HOOK_OPS_DETACH:
		a->cb_detach++;
		break;
	case HOOK_OPS_MAP:
		a->cb_map++;
		break;
	case HOOK_OPS_UNMAP:
		a->cb_unmap++;
		break;
	case HOOK_OPS_PIN:
		a->cb_pin++;
		break;
	case HOOK_OPS_UNPIN:
		a->cb_unpin++;
		break;
	default:
		break;
	}
}

/* ---- all ---- */

/* An attachment that is not alive. */
static void judge_dead(struct dq_check *k, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "used here");
	struct dq_finding f;

	for (size_t i = k->ndead_atts < CHK_RING ? k->ndead_atts : CHK_RING; i-- > 0;) {
		if (k->dead_atts[i].att != c->c.att)
			continue;
		f = chk_find(DQ_RULE_USE_AFTER_DETACH, chk_buf(k, c->c.buf), NULL, c->c.task,
			     c->c.hook == HOOK_DETACH ? "detached twice" : "used after its end");
		chk_add(&f, &k->dead_atts[i].p, "detached here");
		chk_add(&f, &p, c->c.hook == HOOK_DETACH ? "and here again" : "used here");
		chk_tell(k, &f, k->dead_atts[i].p.t);
		return;
	}
	chk_undecided(k, DQ_RULE_USE_AFTER_DETACH, DQ_UND_PAST);
}

/* The last detach of the same device from the same buffer, if it is not attached by now; NULL. What
 * the recorder meets under the address of an attachment that was freed is a new one for it. */
static const struct dq_proof *detached_before(const struct chk_att *a)
{
	const struct chk_buf *b = a->b;

	for (size_t i = 0; i < b->natts; i++)
		if (b->atts[i] != a && b->atts[i]->whole && !strcmp(b->atts[i]->a.dev, a->a.dev))
			return NULL;
	for (size_t i = 0; i < b->ndevs; i++)
		if (b->devs[i].gone.role && !strcmp(b->devs[i].dev, a->a.dev) &&
		    !strcmp(b->devs[i].driver, a->a.driver))
			return &b->devs[i].gone;
	return NULL;
}

/* One that the recorder met before anybody attached it, on a buffer whose whole life it saw. */
static void judge_unknown(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "used here");
	const struct dq_proof *gone;
	struct dq_finding f;

	if (a->whole) {
		chk_looked(k, DQ_RULE_MAP_WITHOUT_ATTACH);
		return;
	}
	if (a->wrong)
		return;
	if (!a->b->whole || !(a->a.flags & DQ_ATT_PREEXISTING) || k->by_device) {
		chk_undecided(k, DQ_RULE_MAP_WITHOUT_ATTACH, DQ_UND_PAST);
		return;
	}
	a->wrong = true;
	gone = detached_before(a);
	if (gone) {
		f = chk_find(DQ_RULE_USE_AFTER_DETACH, a->b, a, c->c.task,
			     c->c.hook == HOOK_DETACH ? "detached twice" : "used after its end");
		f.confidence = DQ_CONF_LIKELY;
		f.doubt = "it may be an attachment that nobody made";
		chk_add(&f, gone, "the device was detached here");
		chk_add(&f, &p, c->c.hook == HOOK_DETACH ? "and here again" : "used here");
		chk_tell(k, &f, a->b->export.t);
		return;
	}
	f = chk_find(DQ_RULE_MAP_WITHOUT_ATTACH, a->b, a, c->c.task, "nobody made this attachment");
	chk_add(&f, &a->b->export, "the buffer was exported here");
	chk_add(&f, &p, "the attachment is used here");
	chk_tell(k, &f, a->b->export.t);
}

static bool is_attach(const struct chk_call *c)
{
	return c->c.hook == HOOK_ATTACH || c->c.hook == HOOK_DYNAMIC_ATTACH;
}

static void on_attach(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	judge_call_failed(k, a, c);
	if (!a)
		return;
	if (c->c.ret < 0) {
		chk_att_free(k, a, NULL);
		return;
	}
	a->whole = true;
	a->attach = chk_proof(c, "attached here");
	a->b->had_att = true;
	for (size_t i = 0; chk_on(k, DQ_RULE_ATTACHED_TWICE) && i < a->b->natts; i++) {
		const struct chk_att *o = a->b->atts[i];
		struct dq_finding f;

		if (o == a || strcmp(o->a.dev, a->a.dev))
			continue;
		f = chk_find(DQ_RULE_ATTACHED_TWICE, a->b, a, c->c.task, "attached twice at a time");
		chk_add(&f, &o->attach, "attached here");
		chk_add(&f, &a->attach, "and here");
		chk_tell(k, &f, a->a.t);
		break;
	}
}

static void api_call(struct dq_check *k, const struct chk_group *g, struct chk_att *a,
		     const struct chk_call *c)
{
	switch (c->c.hook) {
	case HOOK_DETACH:
		on_detach(k, a, c);
		break;
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
		on_map(k, g, a, c);
		break;
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
		on_unmap(k, a, c);
		break;
	case HOOK_PIN:
		judge_call_failed(k, a, c);
		on_pin(k, a, c);
		break;
	case HOOK_UNPIN:
		on_unpin(k, a, c);
		break;
	default:
		break;
	}
}

void chk_att_call(struct dq_check *k, const struct chk_group *g, const struct chk_call *c)
{
	const struct dq_hook_info *h = dq_hook_info(c->c.hook);
	struct chk_att *a = chk_att(k, c->c.att);

	if (is_attach(c)) {
		if (chk_api(c))
			on_attach(k, a, c);
		return;
	}
	if (!c->c.att || !h || h->kind == KIND_VFS)
		return;
	if (!a) {
		if (chk_api(c))
			judge_dead(k, c);
		return;
	}
	if (h->kind == KIND_OPS) {
		count_callback(k, a, c);
	} else if (h->kind == KIND_IMPOPS) {
		on_notice(k, a, c);
	} else if (c->c.hook == HOOK_DETACH && c->flags & CHK_INTERNAL) {
		chk_att_free(k, a, NULL);	/* a rollback */
	} else if (chk_api(c)) {
		judge_unknown(k, a, c);
		api_call(k, g, a, c);
	}
}

/* ---- the end of a buffer, of the trace ---- */

static void tell_suspect(struct dq_check *k, struct chk_att *a, const struct dq_proof *end,
			 const char *role)
{
	struct dq_finding f = chk_find(DQ_RULE_ATTACHMENT_LEAK, a->b, a, a->attach.task,
				       a->map_failed.role ? "the map failed, and nobody detached" :
							    "the import failed, and nobody detached");

	chk_add(&f, &a->attach, "attached here");
	chk_add(&f, &a->map_failed, "could not be mapped here");
	chk_add(&f, &a->failed, "and the system call failed");
	if (end)
		chk_add(&f, end, role);
	else
		f.confidence = DQ_CONF_LIKELY;
	if (!end)
		f.doubt = "the driver may keep it for another try";
	chk_tell(k, &f, a->attach.t);
}

void chk_att_release(struct dq_check *k, struct chk_buf *b, const struct dq_proof *release)
{
	struct dq_finding f;

	if (!b->natts && b->had_att)
		chk_looked(k, DQ_RULE_RELEASE_ATTACHED);
	for (size_t i = 0; i < b->natts; i++) {
		struct chk_att *a = b->atts[i];

		if (a->suspect) {
			tell_suspect(k, a, release, "released here, still attached");
			continue;
		}
		/* nobody made it, or the kernel decides what the wrong detach did */
		if ((a->wrong && !a->whole) || a->astray)
			continue;
		f = chk_find(DQ_RULE_RELEASE_ATTACHED, b, a, release->task, "it was still attached");
		chk_add(&f, &a->attach, "attached here");
		if (a->nmaps)
			chk_add(&f, &a->maps[a->nmaps - 1].p, "mapped here, and not unmapped");
		chk_add(&f, release, "released here");
		chk_tell(k, &f, a->a.t);
	}
}

void chk_att_end(struct dq_check *k, struct chk_buf *b)
{
	for (size_t i = 0; i < b->natts; i++) {
		struct chk_att *a = b->atts[i];

		if (a->suspect) {
			tell_suspect(k, a, NULL, NULL);
			continue;
		}
		if (a->nmaps)
			chk_undecided(k, DQ_RULE_DETACH_WHILE_MAPPED, DQ_UND_END);
		if (a->pins)
			chk_undecided(k, DQ_RULE_PIN_LEFT, DQ_UND_END);
		chk_undecided(k, DQ_RULE_CALLBACK_UNPAIRED, DQ_UND_END);
		chk_undecided(k, DQ_RULE_RELEASE_ATTACHED, DQ_UND_END);
	}
}
