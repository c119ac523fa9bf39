/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.c - which process and which device used which buffer.
 *
 * A call is the process's in whose context it ran, and the importer's whose driver made
 * it. Failures are counted once, like those of the model's summaries.
 * May use src/trace and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/share.h"

#define NONE UINT32_MAX
#define KTHREAD (1ULL << 62)	/* in a process's key: a task, not a process */
#define STRAY	(1ULL << 63)	/* ... of which nothing but its id is known */

/* ---- tables ---- */

static uint64_t pair(uint32_t buf, uint32_t other)
{
	return (uint64_t)buf << 32 | other;
}

static uint32_t proc_of(struct dq_share *s, uint32_t task)
{
	const struct dq_task *t = dq_model_task(s->m, task);
	bool kthread = t && t->flags & DQ_TASK_KTHREAD;
	uint64_t key = kthread ? KTHREAD | task : t && t->tgid ? t->tgid : STRAY | task, i;
	struct dq_share_proc *row;

	if (dq_map_get(s->ix_proc, key, &i))
		return (uint32_t)i;
	row = DQ_PUSH(s->procs, s->nprocs, s->cap_procs);
	if (!row || dq_map_put(s->ix_proc, key, s->nprocs - 1)) {
		s->err = -ENOMEM;
		return NONE;
	}
	*row = (struct dq_share_proc){ .key = key, .task = task, .kthread = kthread };
	return (uint32_t)s->nprocs - 1;
}

static uint32_t dev_of(struct dq_share *s, const char *who, const char *dev)
{
	struct dq_share_dev *row;

	for (size_t i = 0; i < s->ndevs; i++)
		if (!strcmp(s->devs[i].who, who) && !strcmp(s->devs[i].dev, dev))
			return (uint32_t)i;
	row = DQ_PUSH(s->devs, s->ndevs, s->cap_devs);
	if (!row) {
		s->err = -ENOMEM;
		return NONE;
	}
	*row = (struct dq_share_dev){ who, dev };
	return (uint32_t)s->ndevs - 1;
}

/* NULL: no memory. */
static struct dq_share_use *use_of(struct dq_share *s, uint32_t buf, uint32_t task)
{
	uint32_t proc = proc_of(s, task);
	struct dq_share_use *row;
	uint64_t i;

	if (proc == NONE)
		return NULL;
	if (dq_map_get(s->ix_use, pair(buf, proc), &i))
		return &s->uses[i];
	row = DQ_PUSH(s->uses, s->nuses, s->cap_uses);
	if (!row || dq_map_put(s->ix_use, pair(buf, proc), s->nuses - 1)) {
		s->err = -ENOMEM;
		return NULL;
	}
	*row = (struct dq_share_use){ .buf = buf, .proc = proc, .fd = -1 };
	return row;
}

static struct dq_share_imp *imp_of(struct dq_share *s, uint32_t buf, const char *who,
				   const char *name)
{
	uint32_t dev = dev_of(s, who, name);
	struct dq_share_imp *row;
	uint64_t i;

	if (dev == NONE)
		return NULL;
	if (dq_map_get(s->ix_imp, pair(buf, dev), &i))
		return &s->imps[i];
	row = DQ_PUSH(s->imps, s->nimps, s->cap_imps);
	if (!row || dq_map_put(s->ix_imp, pair(buf, dev), s->nimps - 1)) {
		s->err = -ENOMEM;
		return NULL;
	}
	*row = (struct dq_share_imp){ .buf = buf, .dev = dev };
	return row;
}

/* ---- calls ---- */

static void failed(struct dq_fails *f, int64_t ret)
{
	int32_t err = ret < 0 && ret >= -4095 ? (int32_t)ret : 0;

	if (f->n && f->err != err)
		f->mixed = true;
	if (!f->n)
		f->err = err;
	f->n++;
}

static void add_use(struct dq_share *s, const struct dq_mcall *c)
{
	struct dq_share_use *u;

	/* in the context of somebody who has nothing to do with it */
	if (c->c.flags & DQ_CALL_IRQ || c->flags & DQ_MC_DEFERRED)
		return;
	u = use_of(s, c->c.buf, c->c.task);
	if (!u)
		return;
	u->calls += !(c->flags & DQ_MC_UNCOUNTED);
	u->made |= c->c.hook == HOOK_EXPORT && !(c->flags & DQ_MC_FAILED);
	if (c->flags & DQ_MC_FAILED_FIRST)
		failed(&u->fails, c->c.ret);
}

/* v[i]: which driver made it, "" when nobody did; the outermost call around it says so. */
static const char *maker(const struct dq_mcall *v, size_t i)
{
	while (v[i].parent >= 0)
		i = (size_t)v[i].parent;
	return v[i].flags & DQ_MC_EXPORTER ? "" : v[i].who;
}

static void add_imp(struct dq_share *s, const struct dq_mcall *v, size_t i)
{
	const struct dq_matt *att = dq_model_att(s->m, v[i].c.att);
	const char *who = att && *att->importer ? att->importer : maker(v, i);
	const struct dq_hook_info *h = dq_hook_info(v[i].c.hook);
	/* the callback behind a call is the core's */
	bool counts = !(v[i].flags & DQ_MC_UNCOUNTED) && h && h->kind == KIND_API;
	bool ok = !(v[i].flags & DQ_MC_FAILED);
	struct dq_share_imp *imp;

	if (!*who)
		return;
	imp = imp_of(s, v[i].c.buf, who, att ? att->a.dev : "");
	if (!imp)
		return;
	imp->calls += counts;
	imp->maps += counts && ok && v[i].phase == DQ_PH_DMA_BEGIN && v[i].c.att;
	imp->vmaps += counts && ok && v[i].phase == DQ_PH_VMAP;
	if (v[i].flags & DQ_MC_FAILED_FIRST)
		failed(&imp->fails, v[i].c.ret);
}

static int on_group(void *ctx, const struct dq_group *g, const struct dq_mcall *v)
{
	struct dq_share *s = ctx;
	bool any_failed = false;
	uint32_t first = 0;

	for (size_t i = 0; i < g->n && !s->err; i++) {
		any_failed |= !!(v[i].flags & DQ_MC_FAILED);
		/* what only keeps track of descriptors is nobody's use */
		if (!v[i].c.buf || v[i].flags & DQ_MC_BOOK)
			continue;
		first = first ? first : v[i].c.buf;
		add_use(s, &v[i]);
		add_imp(s, v, i);
	}
	/* the syscall failed although all its calls went well */
	if (first && g->has_sys && !any_failed && g->sys.ret < 0 &&
	    !(g->sys.flags & (DQ_SYS_OPEN | DQ_SYS_MISSED))) {
		struct dq_share_use *u = use_of(s, first, g->task);

		if (u)
			failed(&u->fails, g->sys.ret);
	}
	return s->err;
}

static void on_transfer(void *ctx, const struct dq_transfer *t)
{
	struct dq_share *s = ctx;
	struct dq_share_use *u = use_of(s, t->buf, t->to);
	uint32_t from = proc_of(s, t->from);

	if (!u || from == NONE || from == u->proc || u->way)
		return;
	u->way = t->way;
	u->from = from;
	u->guess = !t->exact;
}

/* ---- the end ---- */

static void add_fds(struct dq_share *s, uint32_t buf, const struct dq_hold_fds *f)
{
	uint32_t tasks[16];
	size_t n = dq_holders_users(s->m->holders, f->table, tasks, DQ_ARRAY_SIZE(tasks));

	if (!n) {
		tasks[0] = f->task;
		n = 1;
	}
	for (size_t i = 0; i < n && i < DQ_ARRAY_SIZE(tasks); i++) {
		struct dq_share_use *u = use_of(s, buf, tasks[i]);

		if (!u)
			return;
		u->nfds += f->n;
		if (f->nfd && f->n >= f->nfd && (u->fd < 0 || f->fd[0].fd < u->fd))
			u->fd = f->fd[0].fd;
	}
}

static void add_holders(struct dq_share *s, const struct dq_hold_buf *b)
{
	for (size_t i = 0; i < b->nfds; i++)
		add_fds(s, b->buf, &b->fds[i]);
	for (size_t i = 0; i < b->nmaps; i++) {
		struct dq_share_use *u = use_of(s, b->buf, b->maps[i].task);

		if (u)
			u->nmaps++;
	}
	for (size_t i = 0; i < b->natts; i++) {
		const struct dq_hold_att *a = &b->atts[i];
		const struct dq_matt *att = dq_model_att(s->m, a->att);
		struct dq_share_imp *imp;

		if (!a->made)
			continue;
		imp = imp_of(s, b->buf, att && *att->importer ? att->importer :
			     *a->driver ? a->driver : "unknown importer", att ? att->a.dev : a->dev);
		if (!imp)
			return;
		imp->attached++;
		imp->mapped += a->mapped;
	}
}

/* A driver without a device that is also there with one, and with no second one; else itself. */
static uint32_t named(const struct dq_share *s, uint32_t dev)
{
	uint32_t found = NONE;

	if (*s->devs[dev].dev)
		return dev;
	for (uint32_t i = 0; i < s->ndevs; i++) {
		if (i == dev || strcmp(s->devs[i].who, s->devs[dev].who))
			continue;
		if (found != NONE)
			return dev;
		found = i;
	}
	return found == NONE ? dev : found;
}

static void merge(struct dq_share_imp *to, const struct dq_share_imp *from)
{
	to->calls += from->calls;
	to->maps += from->maps;
	to->vmaps += from->vmaps;
	to->attached += from->attached;
	to->mapped += from->mapped;
	if (!from->fails.n)
		return;
	to->fails.mixed |= from->fails.mixed || (to->fails.n && to->fails.err != from->fails.err);
	to->fails.err = to->fails.n ? to->fails.err : from->fails.err;
	to->fails.n += from->fails.n;
}

/* A vmap says which driver made it, an attachment also for which device: mostly the same one. */
static void name_devices(struct dq_share *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nimps; i++) {
		struct dq_share_imp *imp = &s->imps[i];
		uint32_t dev = named(s, imp->dev);
		uint64_t k;

		if (dev != imp->dev && dq_map_get(s->ix_imp, pair(imp->buf, dev), &k)) {
			merge(&s->imps[k], imp);
			imp->buf = 0;	/* is told there */
			continue;
		}
		imp->dev = dev;
	}
	for (size_t i = 0; i < s->nimps; i++)
		if (s->imps[i].buf)
			s->imps[n++] = s->imps[i];
	s->nimps = n;
}

int dq_share_finish(struct dq_share *s)
{
	for (size_t i = 0; i < s->m->nbufs && !s->err; i++) {
		const struct dq_hold_buf *b = dq_holders_get(s->m->holders, s->m->bufs[i].b.id);

		if (b)
			add_holders(s, b);
	}
	if (!s->err)
		name_devices(s);
	return s->err;
}

/* ---- begin and end ---- */

int dq_share_attach(struct dq_share **ret_s, struct dq_model *m)
{
	struct dq_share *s = calloc(1, sizeof(*s));

	*ret_s = s;
	if (!s)
		return -ENOMEM;
	s->m = m;
	s->ix_proc = dq_map_new();
	s->ix_use = dq_map_new();
	s->ix_imp = dq_map_new();
	if (!s->ix_proc || !s->ix_use || !s->ix_imp) {
		dq_share_free(ret_s);
		return -ENOMEM;
	}
	m->on_group = on_group;
	m->on_transfer = on_transfer;
	m->on_group_ctx = s;
	return 0;
}

void dq_share_free(struct dq_share **ps)
{
	struct dq_share *s = *ps;

	if (!s)
		return;
	dq_map_free(s->ix_proc);
	dq_map_free(s->ix_use);
	dq_map_free(s->ix_imp);
	free(s->procs);
	free(s->devs);
	free(s->uses);
	free(s->imps);
	free(s);
	*ps = NULL;
}
