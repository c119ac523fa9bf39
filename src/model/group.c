/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group.c - what the calls of one syscall mean together.
 *
 * Nesting, frames that are one operation, failures, phases; the sums of each buffer;
 * the calls that are kept. Works on one group at a time, in the order in which groups
 * end. May use src/trace and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

const char *dq_phase_key(enum dq_phase ph)
{
	static const char *const keys[DQ_PH_MAX] = {
		[DQ_PH_NONE] = "none",	       [DQ_PH_EXPORT] = "export",
		[DQ_PH_FD] = "fd",	       [DQ_PH_LOOKUP] = "lookup",
		[DQ_PH_PASS] = "pass",
		[DQ_PH_ATTACH] = "attach",     [DQ_PH_DMA_BEGIN] = "dma-begin",
		[DQ_PH_DMA_END] = "dma-end",   [DQ_PH_CPU_BEGIN] = "cpu-begin",
		[DQ_PH_CPU_END] = "cpu-end",   [DQ_PH_VMAP] = "vmap",
		[DQ_PH_VUNMAP] = "vunmap",     [DQ_PH_MMAP] = "mmap",
		[DQ_PH_MOVE] = "move",	       [DQ_PH_NAME] = "name",
		[DQ_PH_FENCE] = "fence",       [DQ_PH_DETACH] = "detach",
		[DQ_PH_PUT] = "put",	       [DQ_PH_CLOSE] = "close",
		[DQ_PH_RELEASE] = "release",
	};

	return ph < DQ_PH_MAX ? keys[ph] : "none";
}

/* ---- one operation, several frames ---- */

const uint8_t dq_op_class[HOOK_MAX] = {
	[HOOK_DYNAMIC_ATTACH] = HOOK_ATTACH, [HOOK_MAP_UNLOCKED] = HOOK_MAP,
	[HOOK_UNMAP_UNLOCKED] = HOOK_UNMAP, [HOOK_VMAP_UNLOCKED] = HOOK_VMAP,
	[HOOK_VUNMAP_UNLOCKED] = HOOK_VUNMAP, [HOOK_FD_INSTALL_API] = HOOK_FD,
	[HOOK_FD_INSTALL] = HOOK_FD, [HOOK_FILP_FLUSH] = HOOK_FILP_CLOSE,
};

static enum hook_kind kind_of(const struct dq_call *c)
{
	const struct dq_hook_info *h = dq_hook_at(c->hook);

	return h ? h->kind : KIND_API;
}

/* No step of the protocol: what is kept track of, and what a call spends its time on. */
static bool is_bookkeeping(const struct dq_call *c)
{
	return c->hook == HOOK_FENCE_WAIT || c->hook == HOOK_DO_DUP2 ||
	       c->hook == HOOK_VM_AREA_DUP || c->hook == HOOK_VM_AREA_FREE ||
	       c->hook == HOOK_VM_AREA_FREE_DIRECT;
}

/* late: the syscall that the call says it is in had already returned */
static void flag_one(const struct dq_model *m, struct dq_mcall *v, struct dq_mcall *c, bool late)
{
	const struct dq_mcall *p = c->parent >= 0 ? &v[c->parent] : NULL;

	/* the first of the two steps of a release; the second one counts */
	if (c->c.hook == HOOK_FILE_RELEASE || (p && dq_is_wrapped(&c->c, &p->c)))
		c->flags |= DQ_MC_WRAPPED;
	else if (p && kind_of(&c->c) == KIND_API && kind_of(&p->c) == KIND_API)
		c->flags |= DQ_MC_INTERNAL;
	if (is_bookkeeping(&c->c))
		c->flags |= DQ_MC_BOOK;
	if (dq_call_failed(&c->c)) {
		c->flags |= DQ_MC_FAILED;
		if (!p || !(p->flags & DQ_MC_FAILED))
			c->flags |= DQ_MC_FAILED_FIRST;
	}
	if ((!c->c.sys || late) && (c->c.hook == HOOK_FILE_RELEASE || c->c.hook == HOOK_RELEASE)) {
		const struct dq_task *t = dq_model_task(m, c->c.task);

		c->flags |= t && (t->flags & DQ_TASK_KTHREAD) ? DQ_MC_DEFERRED : DQ_MC_TASKWORK;
	}
}

/* ---- phases ---- */

static enum dq_phase ioctl_phase(const struct dq_call *c)
{
	if (((c->a[0] >> 8) & 0xff) != 'b')
		return DQ_PH_NONE;
	switch (c->a[0] & 0xff) {
	case 0:
		return c->a[1] != UINT64_MAX && (c->a[1] & 4) ? DQ_PH_CPU_END : DQ_PH_CPU_BEGIN;
	case 1:
		return DQ_PH_NAME;
	case 2:
	case 3:
		return DQ_PH_FENCE;
	default:
		return DQ_PH_NONE;
	}
}

static enum dq_phase hook_phase(const struct dq_call *c)
{
	static const uint8_t ph[HOOK_MAX] = {
		[HOOK_EXPORT] = DQ_PH_EXPORT, [HOOK_FD] = DQ_PH_FD,
		[HOOK_FD_INSTALL_API] = DQ_PH_FD, [HOOK_FD_INSTALL] = DQ_PH_FD,
		[HOOK_GET] = DQ_PH_LOOKUP, [HOOK_PUT] = DQ_PH_NONE,
		[HOOK_ATTACH] = DQ_PH_ATTACH, [HOOK_DYNAMIC_ATTACH] = DQ_PH_ATTACH,
		[HOOK_OPS_ATTACH] = DQ_PH_ATTACH,
		[HOOK_DETACH] = DQ_PH_DETACH, [HOOK_OPS_DETACH] = DQ_PH_DETACH,
		[HOOK_PIN] = DQ_PH_DMA_BEGIN, [HOOK_OPS_PIN] = DQ_PH_DMA_BEGIN,
		[HOOK_MAP] = DQ_PH_DMA_BEGIN, [HOOK_MAP_UNLOCKED] = DQ_PH_DMA_BEGIN,
		[HOOK_OPS_MAP] = DQ_PH_DMA_BEGIN,
		[HOOK_UNPIN] = DQ_PH_DMA_END, [HOOK_OPS_UNPIN] = DQ_PH_DMA_END,
		[HOOK_UNMAP] = DQ_PH_DMA_END, [HOOK_UNMAP_UNLOCKED] = DQ_PH_DMA_END,
		[HOOK_OPS_UNMAP] = DQ_PH_DMA_END,
		[HOOK_MOVE_NOTIFY] = DQ_PH_MOVE, [HOOK_INVALIDATE] = DQ_PH_MOVE,
		[HOOK_BEGIN_CPU] = DQ_PH_CPU_BEGIN, [HOOK_BEGIN_CPU_PARTIAL] = DQ_PH_CPU_BEGIN,
		[HOOK_OPS_BEGIN_CPU] = DQ_PH_CPU_BEGIN,
		[HOOK_OPS_BEGIN_CPU_PARTIAL] = DQ_PH_CPU_BEGIN,
		[HOOK_END_CPU] = DQ_PH_CPU_END, [HOOK_END_CPU_PARTIAL] = DQ_PH_CPU_END,
		[HOOK_OPS_END_CPU] = DQ_PH_CPU_END, [HOOK_OPS_END_CPU_PARTIAL] = DQ_PH_CPU_END,
		[HOOK_MMAP] = DQ_PH_MMAP, [HOOK_MMAP_FILE] = DQ_PH_MMAP,
		[HOOK_OPS_MMAP] = DQ_PH_MMAP,
		[HOOK_VMAP] = DQ_PH_VMAP, [HOOK_VMAP_UNLOCKED] = DQ_PH_VMAP,
		[HOOK_OPS_VMAP] = DQ_PH_VMAP, [HOOK_KMAP] = DQ_PH_VMAP,
		[HOOK_VUNMAP] = DQ_PH_VUNMAP, [HOOK_VUNMAP_UNLOCKED] = DQ_PH_VUNMAP,
		[HOOK_OPS_VUNMAP] = DQ_PH_VUNMAP, [HOOK_KUNMAP] = DQ_PH_VUNMAP,
		[HOOK_POLL] = DQ_PH_FENCE, [HOOK_POLL_CB] = DQ_PH_FENCE,
		[HOOK_DO_DUP2] = DQ_PH_FD, [HOOK_SCM_SEND] = DQ_PH_PASS,
		[HOOK_BINDER_SEND] = DQ_PH_PASS,
		[HOOK_FILP_FLUSH] = DQ_PH_CLOSE, [HOOK_FILP_CLOSE] = DQ_PH_CLOSE,
		[HOOK_FILE_RELEASE] = DQ_PH_RELEASE, [HOOK_RELEASE] = DQ_PH_RELEASE,
		[HOOK_OPS_RELEASE] = DQ_PH_RELEASE,
	};

	if (c->hook == HOOK_IOCTL)
		return ioctl_phase(c);
	return c->hook < HOOK_MAX ? ph[c->hook] : DQ_PH_NONE;
}

/* A dropped reference is part of what it is dropped after, or else before. */
static enum dq_phase put_phase(const struct dq_mcall *v, size_t n, size_t i)
{
	for (size_t k = i; k-- > 0;)
		if (v[k].parent < 0 && v[k].c.buf == v[i].c.buf && v[k].phase &&
		    v[k].phase != DQ_PH_FD && v[k].phase != DQ_PH_CLOSE &&
		    v[k].phase != DQ_PH_PUT)
			return v[k].phase;
	for (size_t k = i + 1; k < n; k++)
		if (v[k].parent < 0 && v[k].c.buf == v[i].c.buf && v[k].c.hook != HOOK_PUT)
			return hook_phase(&v[k].c);
	return DQ_PH_PUT;
}

/* A look-up is the begin of an attach or a vmap that follows. */
static enum dq_phase get_phase(const struct dq_mcall *v, size_t n, size_t i)
{
	for (size_t k = i + 1; k < n; k++) {
		enum dq_phase ph = hook_phase(&v[k].c);

		if (v[k].c.buf == v[i].c.buf && (ph == DQ_PH_ATTACH || ph == DQ_PH_VMAP))
			return ph;
	}
	return DQ_PH_LOOKUP;
}

/* dup2 and dup3 onto a descriptor of the buffer show as its closing only. */
static bool is_dup(const struct dq_sys *sys)
{
	return sys && *sys->name == 'd' && (!strcmp(sys->name, "dup2") || !strcmp(sys->name, "dup3"));
}

static void set_phases(struct dq_mcall *v, size_t n, const struct dq_sys *sys)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].parent >= 0 && v[v[i].parent].phase)
			v[i].phase = v[v[i].parent].phase;
		else if (v[i].c.hook == HOOK_PUT)
			v[i].phase = put_phase(v, n, i);
		else if (v[i].c.hook == HOOK_GET)
			v[i].phase = get_phase(v, n, i);
		else
			v[i].phase = hook_phase(&v[i].c);
		if (v[i].phase == DQ_PH_CLOSE && is_dup(sys))
			v[i].phase = DQ_PH_FD;
	}
}

/* ---- sums of a buffer ---- */

static int add_life(struct dq_model *m, struct dq_mbuf *b, const struct dq_mcall *c,
		    const struct dq_sys *sys)
{
	struct dq_matt *att = m->forget && c->c.hook == HOOK_DETACH ? dq_matt(m, c->c.att) : NULL;

	if (att)
		att->gone = true;
	if (c->c.hook == HOOK_EXPORT && !(c->flags & DQ_MC_FAILED)) {
		b->exported = true;
		b->maker = c->c.task;
		if (!m->no_who)
			dq_who_exporter(m, b, sys);
	}
	if (c->c.hook == HOOK_RELEASE && !(c->c.flags & DQ_CALL_OPEN)) {
		bool again = b->released;

		b->released = true;
		b->died = dq_call_end(&c->c);
		return again ? 0 : dq_forget_dying(m, b);
	}
	return 0;
}

/* Calls that never reach the exporter say nothing about its callbacks. */
static bool may_call_back(const struct dq_call *c)
{
	return kind_of(c) != KIND_VFS && c->hook != HOOK_EXPORT && c->hook != HOOK_FD &&
	       c->hook != HOOK_FD_INSTALL_API && c->hook != HOOK_GET && c->hook != HOOK_PUT &&
	       c->hook != HOOK_FILE_RELEASE && c->hook != HOOK_POLL;
}

static void add_counts(struct dq_model *m, struct dq_mbuf *b, const struct dq_mcall *c)
{
	bool counts = !(c->flags & DQ_MC_UNCOUNTED);

	/* what only keeps track is none of the buffer's calls, open or failed */
	if (c->flags & DQ_MC_BOOK)
		return;
	if (counts)
		m->calls++;
	if (c->c.flags & DQ_CALL_IRQ)
		m->irq_calls++;
	if (!b && m->gone.bufs && c->c.buf && c->c.buf <= m->max_buf) {
		m->gone.calls += counts;
		m->gone.errors += !!(c->flags & DQ_MC_FAILED_FIRST);
		return;
	}
	if (!b) {
		m->calls_nobuf += counts;
		m->errors_nobuf += !!(c->flags & DQ_MC_FAILED_FIRST);
		return;
	}
	b->calls += counts;
	b->errors += !!(c->flags & DQ_MC_FAILED_FIRST);
	if (counts && (c->c.fatal || c->c.flags & (DQ_CALL_OPEN | DQ_CALL_MISSED))) {
		b->open += !!(c->c.flags & DQ_CALL_OPEN);
		b->missed += c->c.flags & DQ_CALL_MISSED && !c->c.fatal;
		b->fatal += c->c.fatal;
	}
	b->phases |= 1u << c->phase;
	if (may_call_back(&c->c) && (!b->first_use || c->c.t0 < b->first_use))
		b->first_use = c->c.t0;
}

static int account(struct dq_model *m, struct dq_mcall *v, size_t n, const struct dq_sys *sys)
{
	bool any_failed = false;
	struct dq_mbuf *first_buf;
	uint32_t first = 0;

	for (size_t i = 0; i < n; i++) {
		struct dq_mbuf *b = v[i].c.buf ? dq_mbuf(m, v[i].c.buf) : NULL;
		int ret;

		if (b) {
			ret = add_life(m, b, &v[i], sys);
			if (!ret && !m->no_who && kind_of(&v[i].c) == KIND_API && v[i].parent < 0)
				ret = dq_who(m, b, &v[i], sys);
			if (ret)
				return ret;
			if (!first)
				first = v[i].c.buf;
		}
		add_counts(m, b, &v[i]);
		any_failed |= !!(v[i].flags & DQ_MC_FAILED);
	}
	/* the syscall failed although all its calls went well */
	first_buf = sys && sys->ret < 0 && !any_failed ? dq_mbuf(m, first) : NULL;
	if (first_buf && !(sys->flags & (DQ_SYS_OPEN | DQ_SYS_MISSED)))
		first_buf->errors++;
	return 0;
}

/* ---- the group ---- */

static int by_seq(const void *pa, const void *pb)
{
	const struct dq_mcall *a = pa, *b = pb;

	if (a->c.seq != b->c.seq)
		return a->c.seq < b->c.seq ? -1 : 1;
	return a->c.depth < b->c.depth ? -1 : a->c.depth > b->c.depth;
}

/* Most groups are a few calls, and nearly in order. */
static void sort_by_seq(struct dq_mcall *v, size_t n)
{
	struct dq_mcall tmp;

	if (n > 16) {
		qsort(v, n, sizeof(*v), by_seq);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		size_t k = i;

		while (k && by_seq(&v[i], &v[k - 1]) < 0)
			k--;
		if (k == i)
			continue;
		tmp = v[i];
		memmove(&v[k + 1], &v[k], (i - k) * sizeof(*v));
		v[k] = tmp;
	}
}

/* A call's parent is the last one before it that is less deep and had not ended. */
static void nest(struct dq_mcall *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int32_t p = (int32_t)i - 1;

		while (p >= 0 && v[p].c.depth >= v[i].c.depth)
			p = v[p].parent;
		/* the callers between them may be lost, then this is not its child */
		while (p >= 0 && v[p].c.dur && dq_call_end(&v[p].c) < v[i].c.t0)
			p = v[p].parent;
		v[i].parent = p;
	}
}

static bool wanted(const struct dq_model *m, uint32_t buf)
{
	return buf && dq_is_kept(m, buf);
}

/* Copies the wanted calls of a group behind the kept ones; parents move along. */
static int keep(struct dq_model *m, const struct dq_group *g, const struct dq_mcall *v, size_t n)
{
	struct dq_group *kept = NULL;
	int32_t *moved = malloc(n * sizeof(*moved));

	if (!moved)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct dq_mcall *row;
		int32_t p = v[i].parent;

		/* for the children of one that is left out */
		moved[i] = p >= 0 ? moved[p] : -1;
		if (!wanted(m, v[i].c.buf))
			continue;
		if (!kept) {
			kept = DQ_PUSH(m->groups, m->ngroups, m->cap_groups);
			if (!kept)
				goto nomem;
			*kept = *g;
			kept->first = m->ncalls_v;
			kept->n = 0;
		}
		row = DQ_PUSH(m->calls_v, m->ncalls_v, m->cap_calls_v);
		if (!row)
			goto nomem;
		*row = v[i];
		row->parent = moved[i];
		moved[i] = (int32_t)kept->n++;
	}
	free(moved);
	return 0;
nomem:
	free(moved);
	return -ENOMEM;
}

/* Is one of them of a kept buffer? */
static bool is_wanted(const struct dq_model *m, const struct dq_mcall *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].c.buf && (!i || v[i].c.buf != v[i - 1].c.buf) && dq_is_kept(m, v[i].c.buf))
			return true;
	return false;
}

/* A group that somebody sees, or that is kept. */
static int hand_on(struct dq_model *m, uint32_t task, const struct dq_sys *sys, struct dq_mcall *v, size_t n,
		   bool kept)
{
	struct dq_group g = { .task = task, .has_sys = !!sys, .n = n, .t0 = v[0].c.t0 };
	int ret = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t end = dq_call_end(&v[i].c);

		g.t1 = end > g.t1 ? end : g.t1;
	}
	if (sys) {
		g.sys = *sys;
		if (sys->t1 > g.t1)
			g.t1 = sys->t1;
	}
	if (m->on_group)
		ret = m->on_group(m->on_group_ctx, &g, v);
	if (ret || !kept)
		return ret;
	dq_limit_calls(m);
	return keep(m, &g, v, n);
}

int dq_group_flush(struct dq_model *m, uint32_t task, struct dq_pending *p,
		   const struct dq_sys *sys)
{
	bool late = p->sys && p->sys == p->done, kept;
	struct dq_mcall *v = p->v;
	size_t n = p->n;
	int ret;

	p->n = 0;
	if (n > INT32_MAX)
		return -EOVERFLOW;
	if (m->only_kept && !is_wanted(m, v, n))
		return 0;
	sort_by_seq(v, n);
	nest(v, n);
	for (size_t i = 0; i < n; i++) {
		/* a wait is for the buffer of the call that waits */
		if (v[i].c.hook == HOOK_FENCE_WAIT && !v[i].c.buf && v[i].parent >= 0)
			v[i].c.buf = v[v[i].parent].c.buf;
		flag_one(m, v, &v[i], late);
	}
	set_phases(v, n, sys);
	ret = m->places ? dq_places_group(m, p, v, n) : 0;
	if (!ret)
		ret = account(m, v, n, sys);
	kept = m->keep_all || dq_map_len(m->keep);
	if (ret || (!kept && !m->on_group))
		return ret;
	return hand_on(m, task, sys, v, n, kept);
}
