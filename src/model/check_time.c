/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_time.c - what costs time without being wrong: the same thing done again and again where
 * once would do, work that nobody needs, waiting. Each hint says what it cost and what of that
 * could be saved, as measured; the recording's own cost is in it.
 */
#include <errno.h>
#include <string.h>

#include "model/check_int.h"

#define CB(hook) (UINT64_C(1) << ((hook) - 64))
#define WAIT_MIN UINT64_C(1000000)	/* ns: shorter waits are not told */

static struct chk_dev *device(struct dq_check *k, const struct chk_att *a)
{
	struct chk_buf *b = a->b;
	struct chk_dev *d;

	for (size_t i = 0; i < b->ndevs; i++)
		if (!strcmp(b->devs[i].dev, a->a.dev) && !strcmp(b->devs[i].driver, a->a.driver))
			return &b->devs[i];
	d = DQ_PUSH(b->devs, b->ndevs, b->cap_devs);
	if (!d) {
		k->err = -ENOMEM;
		return NULL;
	}
	d->dev = a->a.dev;
	d->driver = a->a.driver;
	return d;
}

static void note(struct dq_proof *first, struct dq_proof *last, const struct chk_call *c)
{
	*last = chk_proof(c, "and here for the last time");
	if (!first->role)
		*first = chk_proof(c, "here for the first time");
}

/* n times, and once would have done: what n - 1 of them cost. */
static uint64_t all_but_one(uint64_t time, uint64_t n)
{
	return n ? time / n * (n - 1) : 0;
}

static void on_map(struct dq_check *k, const struct chk_group *g, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "mapped here");
	struct dq_finding f;

	/* a cached mapping costs nothing: only those count for which the exporter is asked */
	for (size_t i = 0; i < g->n && &g->v[i] < c; i++)
		if (g->v[i].c.hook == HOOK_OPS_MAP && g->v[i].c.att == c->c.att) {
			a->nmapped++;
			a->map_time += c->c.dur;
			note(&a->first_map, &a->many_last, c);
			break;
		}
	if (c->c.a[0] || !chk_on(k, DQ_RULE_MAP_BIDIRECTIONAL))
		return;
	f = chk_find(DQ_RULE_MAP_BIDIRECTIONAL, a->b, a, c->c.task, "mapped in both directions");
	f.confidence = DQ_CONF_UNPROVEN;
	f.doubt = "whether the device does both cannot be seen";
	chk_add(&f, &p, NULL);
	chk_tell(k, &f, c->c.t0);
}

static void on_att(struct dq_check *k, const struct chk_group *g, struct chk_att *a, const struct chk_call *c)
{
	struct chk_dev *d;

	switch (c->c.hook) {
	case HOOK_ATTACH:
	case HOOK_DYNAMIC_ATTACH:
		d = c->c.ret < 0 ? NULL : device(k, a);
		if (!d)
			return;
		d->attached++;
		d->time += c->c.dur;
		note(&d->first, &d->last, c);
		return;
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
		if (c->c.ret >= 0)
			on_map(k, g, a, c);
		return;
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
		a->map_time += a->nmapped ? c->c.dur : 0;
		return;
	default:
		return;
	}
}

static void on_wait(struct dq_check *k, const struct chk_group *g, struct chk_buf *b, const struct chk_call *c)
{
	const struct chk_call *who = c->parent >= 0 ? chk_outer(g, &g->v[c->parent]) : c;

	if (c->c.dur < WAIT_MIN) {
		chk_looked(k, DQ_RULE_FENCE_WAIT);
		return;
	}
	b->waits++;
	b->wait_time += c->c.dur;
	if (c->c.dur > b->wait_max) {
		b->wait_max = c->c.dur;
		b->worst_wait = chk_proof(who, "the longest wait was in this call");
	}
}

void chk_time_call(struct dq_check *k, const struct chk_group *g, const struct chk_call *c)
{
	struct chk_att *a = chk_att(k, c->c.att);
	struct chk_buf *b = chk_buf(k, c->c.buf);

	if (a && chk_api(c))
		on_att(k, g, a, c);
	if (!b)
		return;
	if (c->c.hook == HOOK_FENCE_WAIT)
		on_wait(k, g, b, c);
	if (c->c.hook == HOOK_OPS_VMAP && !(c->flags & CHK_FAILED)) {
		b->vmap_cbs++;
		b->vmap_time += c->c.dur;
		note(&b->first_vmap, &b->last_vmap, chk_outer(g, c->parent >= 0 ? &g->v[c->parent] : c));
	}
	if (c->c.hook == HOOK_OPS_VUNMAP)
		b->vmap_time += c->c.dur;
	if (c->c.hook == HOOK_IOCTL && c->c.ret == 0 && ((c->c.a[0] >> 8) & 0xff) == 'b' &&
	    !(c->c.a[0] & 0xff)) {
		b->syncs++;
		b->sync_time += c->c.dur;
		note(&b->first_sync, &b->last_sync, c);
	}
}

/* ---- sums ---- */

/* An attachment is gone, detached or with its buffer. */
void chk_time_att(struct dq_check *k, struct chk_att *a)
{
	struct dq_finding f;

	for (size_t i = 0; i < a->b->ndevs; i++)
		if (!strcmp(a->b->devs[i].dev, a->a.dev) && !strcmp(a->b->devs[i].driver, a->a.driver)) {
			a->b->devs[i].detached++;
			a->b->devs[i].time += a->detach_time;
		}
	if (a->nmapped < CHK_OFTEN) {
		if (chk_lit(k, a->b, CB(HOOK_OPS_MAP), a->a.t))
			chk_looked(k, DQ_RULE_MAP_PER_FRAME);
		else
			chk_undecided(k, DQ_RULE_MAP_PER_FRAME, DQ_UND_CALLBACKS);
		return;
	}
	f = chk_find(DQ_RULE_MAP_PER_FRAME, a->b, a, a->first_map.task,
		     "mapped and unmapped on the same attachment again and again");
	f.times = a->nmapped;
	f.cost = a->map_time;
	f.saved = all_but_one(a->map_time, a->nmapped);
	chk_add(&f, &a->first_map, NULL);
	chk_add(&f, &a->many_last, NULL);
	chk_tell(k, &f, a->a.t);
}

static void judge_device(struct dq_check *k, struct chk_buf *b, const struct chk_dev *d)
{
	struct dq_finding f;

	/* queues of several slots attach several times; only what was detached was for nothing */
	if (d->detached < CHK_OFTEN || d->attached < CHK_OFTEN) {
		chk_looked(k, DQ_RULE_ATTACH_PER_FRAME);
		return;
	}
	f = chk_find(DQ_RULE_ATTACH_PER_FRAME, b, NULL, d->first.task,
		     "attached and detached again and again");
	f.has_att = true;
	f.att = (struct dq_att){ .buf = b->id, .dev = d->dev, .driver = d->driver, .bus = "" };
	f.times = d->attached;
	f.cost = d->time;
	f.saved = all_but_one(d->time, d->attached);
	chk_add(&f, &d->first, NULL);
	chk_add(&f, &d->last, NULL);
	chk_tell(k, &f, b->b.t);
}

static void judge_syncs(struct dq_check *k, struct chk_buf *b)
{
	struct dq_finding f;

	if (!b->syncs || !b->plain)
		return;
	if (!b->whole) {
		chk_undecided(k, DQ_RULE_SYNC_UNNEEDED, DQ_UND_PAST);
		return;
	}
	if (b->had_att || b->got > 0 || b->had_vmap || b->syncs < 2 * CHK_OFTEN) {
		chk_looked(k, DQ_RULE_SYNC_UNNEEDED);
		return;
	}
	f = chk_find(DQ_RULE_SYNC_UNNEEDED, b, NULL, b->first_sync.task,
		     "no device was attached in the buffer's whole life");
	f.times = b->syncs;
	f.cost = f.saved = b->sync_time;
	chk_add(&f, &b->first_sync, NULL);
	chk_add(&f, &b->last_sync, NULL);
	chk_tell(k, &f, b->b.t);
}

static void judge_vmaps(struct dq_check *k, struct chk_buf *b)
{
	struct dq_finding f;

	if (!b->had_vmap)
		return;
	if (b->vmap_cbs < CHK_OFTEN) {
		if (chk_lit(k, b, CB(HOOK_OPS_VMAP), b->vmap.t))
			chk_looked(k, DQ_RULE_VMAP_PER_FRAME);
		else
			chk_undecided(k, DQ_RULE_VMAP_PER_FRAME, DQ_UND_CALLBACKS);
		return;
	}
	f = chk_find(DQ_RULE_VMAP_PER_FRAME, b, NULL, b->first_vmap.task,
		     "the exporter mapped it again and again");
	f.times = b->vmap_cbs;
	f.cost = b->vmap_time;
	f.saved = all_but_one(b->vmap_time, b->vmap_cbs);
	chk_add(&f, &b->first_vmap, NULL);
	chk_add(&f, &b->last_vmap, NULL);
	chk_tell(k, &f, b->b.t);
}

void chk_time_buf(struct dq_check *k, struct chk_buf *b)
{
	struct dq_finding f;

	for (size_t i = 0; i < b->ndevs; i++)
		judge_device(k, b, &b->devs[i]);
	judge_syncs(k, b);
	judge_vmaps(k, b);
	if (!b->waits)
		return;
	f = chk_find(DQ_RULE_FENCE_WAIT, b, NULL, b->worst_wait.task, "the buffer's fences were waited for");
	f.times = b->waits;
	f.cost = b->wait_time;
	chk_add(&f, &b->worst_wait, NULL);
	chk_tell(k, &f, b->b.t);
}
