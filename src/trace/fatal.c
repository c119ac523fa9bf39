// SPDX-License-Identifier: BSD-2-Clause
/*
 * fatal.c - see fatal.h.
 */
#include "fatal.h"

static struct dq_fatal_exited *exited(struct dq_fatal *f, uint32_t task)
{
	for (size_t i = 0; i < f->n && i < DQ_FATAL_EXITED; i++)
		if (f->exited[i].task == task)
			return &f->exited[i];
	return NULL;
}

void dq_fatal_exit(struct dq_fatal *f, const struct dq_taskev *e)
{
	if (e->what == DQ_TASKEV_EXIT)
		f->exited[f->n++ % DQ_FATAL_EXITED] = (struct dq_fatal_exited){ .task = e->task, .t = e->t };
}

bool dq_fatal_find(struct dq_fatal *f, const struct dq_call *c)
{
	struct dq_fatal_exited *e = c->sys ? exited(f, c->task) : NULL;

	if (!e || c->t0 > e->t || (e->sys && e->sys != c->sys))
		return false;
	e->sys = c->sys;
	return true;
}

bool dq_fatal_find_sys(struct dq_fatal *f, const struct dq_sys *s)
{
	const struct dq_fatal_exited *e = exited(f, s->task);

	return e && s->sys && e->sys == s->sys;
}
