/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_forget.c - tasks that have exited and that nothing the checker still knows is about: they are
 * let go, so that its memory does not grow with the number of processes that a trace has seen.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/check_int.h"

#define TASKS_LEAST 4096	/* fewer are not worth a look */
#define EXITED	    1024	/* so many others exit before the last calls of one cannot come any more */

/* What a finding may still be made of names its tasks. */
static int mark(struct dq_map *set, const struct dq_proof *p)
{
	return p->role && p->task ? dq_map_put(set, p->task, 1) : 0;
}

#define MARK(x) (ret = ret ? ret : mark(set, &(x)))

static int mark_att(struct dq_map *set, const struct chk_att *a)
{
	int ret = 0;

	MARK(a->attach);
	MARK(a->pin);
	MARK(a->failed);
	MARK(a->map_failed);
	MARK(a->first_map);
	MARK(a->many_last);
	MARK(a->last_map);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(a->gone_p); i++)
		MARK(a->gone_p[i]);
	for (size_t i = 0; i < a->nmaps; i++) {
		MARK(a->maps[i].p);
		MARK(a->maps[i].notice);
	}
	return ret;
}

static int mark_user_side(struct dq_map *set, const struct chk_buf *b)
{
	int ret = 0;

	for (size_t i = 0; i < b->nses; i++)
		MARK(b->ses[i].p);
	for (size_t i = 0; i < b->nvmas && !ret; i++) {
		MARK(b->vmas[i].p);
		MARK(b->vmas[i].device);
		ret = ret ? ret : dq_map_put(set, b->vmas[i].task, 1);
	}
	for (size_t i = 0; i < b->nusers && !ret; i++)
		ret = dq_map_put(set, b->users[i].task, 1);
	return ret;
}

static int mark_buf(struct dq_map *set, const struct chk_buf *b)
{
	int ret = mark_user_side(set, b);

	MARK(b->export);
	MARK(b->vmap);
	if (b->suspect) {
		MARK(b->suspect->fd_fail);
		MARK(b->suspect->ref_get);
		MARK(b->suspect->ref_sys);
		MARK(b->suspect->fail_sys);
	}
	MARK(b->first_sync);
	MARK(b->last_sync);
	MARK(b->first_vmap);
	MARK(b->last_vmap);
	MARK(b->worst_wait);
	for (size_t i = 0; i < b->ndevs; i++) {
		MARK(b->devs[i].first);
		MARK(b->devs[i].last);
		MARK(b->devs[i].gone);
	}
	for (size_t i = 0; i < b->natts && !ret; i++)
		ret = mark_att(set, b->atts[i]);
	return ret;
}

static int mark_found(struct dq_map *set, const struct dq_finding *f)
{
	int ret = dq_map_put(set, f->task, 1);

	for (size_t i = 0; i < f->nproof; i++)
		MARK(f->proof[i]);
	return ret;
}

static int mark_all(struct dq_map *set, const struct dq_check *k)
{
	int ret = 0;

	for (size_t i = 0; i < k->nbufs && !ret; i++)
		ret = mark_buf(set, k->bufs[i]);
	for (size_t i = 0; i < k->nfound && !ret; i++)
		ret = mark_found(set, &k->found[i].f);
	for (size_t i = 0; i < k->ndead_atts && i < CHK_RING; i++)
		MARK(k->dead_atts[i].p);
	for (size_t i = 0; i < k->ntables && !ret; i++) {
		MARK(k->tables[i].first);
		MARK(k->tables[i].last);
		MARK(k->tables[i].full);
		ret = ret ? ret : dq_map_put(set, k->tables[i].task, 1);
	}
	return ret;
}

static bool stays(const struct dq_check *k, const struct dq_map *set, const struct chk_task *t)
{
	return !t->exit || k->nexits - t->exit < EXITED || t->nwait || t->ndeeds ||
	       dq_map_get(set, t->t.id, NULL);
}

static void sweep(struct dq_check *k, const struct dq_map *set)
{
	size_t n = 0;

	for (size_t i = 0; i < k->ntasks; i++) {
		struct chk_task *t = &k->tasks[i];

		if (!stays(k, set, t)) {
			dq_map_del(k->ix_task, t->t.id);
			free(t->wait);
			free(t->deeds);
			continue;
		}
		k->tasks[n] = *t;
		dq_map_put(k->ix_task, t->t.id, n++); /* replaces: needs no memory */
	}
	k->ntasks = n;
	k->last_task = 0;
}

void chk_exited(struct dq_check *k, uint32_t task)
{
	struct chk_task *t = chk_task(k, task);
	struct dq_map *set;

	if (!t)
		return;
	t->exit = ++k->nexits;
	if (k->ntasks < k->tasks_most || k->ntasks < TASKS_LEAST)
		return;
	set = dq_map_new();
	if (!set || mark_all(set, k))
		k->err = -ENOMEM;
	else
		sweep(k, set);
	dq_map_free(set);
	k->tasks_most = k->ntasks * 2;
}
