/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holders.c - who keeps a buffer alive: the intake, and everything but descriptors.
 *
 * Descriptors and how they travel are hold_fd.c, snapshots are hold_look.c. Calls are
 * taken as they come; what only a syscall's arguments decide waits for its item in the
 * task's hold_run. May use src/trace and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"
#include "model/holders_int.h"

int dq_holders_new(struct dq_holders **ret_h)
{
	struct dq_holders *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->ix_buf = dq_map_new();
	h->slots = dq_map_new();
	h->ix_table = dq_map_new();
	h->has = dq_map_new();
	h->procs = dq_map_new();
	h->traced = dq_map_new();
	h->ix_task = dq_map_new();
	h->ix_run = dq_map_new();
	h->socks = dq_map_new();
	h->strs = dq_strtab_new();
	if (!h->ix_buf || !h->slots || !h->ix_table || !h->has || !h->procs || !h->traced || !h->ix_task ||
	    !h->ix_run || !h->socks || !h->strs) {
		dq_holders_free(&h);
		return -ENOMEM;
	}
	*ret_h = h;
	return 0;
}

static void free_buf(struct dq_hold_buf *b)
{
	for (size_t i = 0; i < b->nfds; i++)
		free(b->fds[i].fd);
	free(b->fds);
	free(b->maps);
	free(b->atts);
	free(b->vmaps);
	free(b->flights);
	free(b);
}

void dq_holders_free(struct dq_holders **ph)
{
	struct dq_holders *h = *ph;

	if (!h)
		return;
	for (size_t i = 0; i < h->nbufs; i++)
		free_buf(h->bufs[i]);
	for (size_t i = 0; i < h->nruns; i++)
		free(h->runs[i].todo);
	dq_map_free(h->ix_buf);
	dq_map_free(h->slots);
	dq_map_free(h->ix_table);
	dq_map_free(h->has);
	dq_map_free(h->procs);
	dq_map_free(h->traced);
	dq_map_free(h->ix_task);
	dq_map_free(h->ix_run);
	dq_map_free(h->socks);
	dq_strtab_free(h->strs);
	free(h->bufs);
	free(h->tasks);
	free(h->runs);
	free(h->extra);
	for (size_t i = 0; i < h->ntables; i++)
		free(h->tables[i].users);
	free(h->tables);
	free(h);
	*ph = NULL;
}

void dq_holders_on_transfer(struct dq_holders *h,
			    void (*fn)(const struct dq_transfer *t, void *ctx), void *ctx)
{
	h->on_transfer = fn;
	h->ctx = ctx;
}

void dq_holders_only_keys(struct dq_holders *h)
{
	h->only_keys = true;
}

/* ---- look-ups ---- */

static struct dq_hold_buf *find_buf(const struct dq_holders *h, uint32_t id)
{
	uint64_t i;

	return id && dq_map_get(h->ix_buf, id, &i) ? h->bufs[i] : NULL;
}

struct dq_hold_buf *hold_find_buf(struct dq_holders *h, uint32_t id)
{
	struct dq_hold_buf *b = find_buf(h, id);

	if (b) {
		h->last_buf = id;
		h->last = b;
	}
	return b;
}

const struct dq_hold_buf *dq_holders_get(const struct dq_holders *h, uint32_t buf)
{
	return find_buf(h, buf);
}

size_t dq_holders_alive(const struct dq_holders *h)
{
	return h->nbufs;
}

static struct hold_task *task_row(const struct dq_holders *h, uint32_t id)
{
	uint64_t i;

	return dq_map_get(h->ix_task, id, &i) ? &h->tasks[i] : NULL;
}

const struct hold_task *hold_task(const struct dq_holders *h, uint32_t id)
{
	uint64_t i;

	return dq_map_get(h->ix_task, id, &i) ? &h->tasks[i] : NULL;
}

uint64_t dq_hold_refs(const struct dq_hold_buf *b)
{
	uint64_t n = b->nmaps + b->nflights;

	for (size_t i = 0; i < b->nfds; i++)
		n += b->fds[i].n;
	return n;
}

static const char *intern(struct dq_holders *h, const char *s)
{
	uint32_t id = s ? dq_strtab_intern(h->strs, s, strlen(s), NULL) : 0;

	return id == UINT32_MAX ? NULL : dq_strtab_get(h->strs, id);
}

/* ---- what a task does at the moment ---- */

static struct hold_run *find_run(struct dq_holders *h, uint32_t task)
{
	uint64_t i;

	if (h->last_run < h->nruns && h->runs[h->last_run].task == task)
		return &h->runs[h->last_run];
	if (!dq_map_get(h->ix_run, task, &i))
		return NULL;
	h->last_run = i;
	return &h->runs[i];
}

struct hold_run *hold_run_now(struct dq_holders *h, uint32_t task)
{
	struct hold_run *r = h->nruns > !!h->idle ? find_run(h, task) : NULL;

	return r && r->live ? r : NULL;
}

static void drop_run(struct dq_holders *h, uint32_t task)
{
	uint64_t i;

	if (!dq_map_get(h->ix_run, task, &i))
		return;
	free(h->runs[i].todo);
	h->runs[i] = h->runs[--h->nruns];
	dq_map_del(h->ix_run, task);
	/* replacing needs no memory */
	if (i < h->nruns)
		dq_map_put(h->ix_run, h->runs[i].task, i);
}

/* The last one that ended is kept: a task goes from one syscall to the next, and a next task takes its
 * room. */
static void end_run(struct dq_holders *h, uint32_t task)
{
	struct hold_run *r = hold_run_now(h, task);

	if (!r)
		return;
	r->live = false;
	if (h->idle)
		drop_run(h, (uint32_t)(h->idle - 1));
	h->idle = task + 1ull;
}

/* A row for the task, which has none: that of one that has ended, or a new one. */
static struct hold_run *new_run(struct dq_holders *h, uint32_t task)
{
	struct hold_run *r = h->idle ? find_run(h, (uint32_t)(h->idle - 1)) : NULL;

	if (dq_map_put(h->ix_run, task, r ? (uint64_t)(r - h->runs) : h->nruns))
		return NULL;
	if (r) {
		dq_map_del(h->ix_run, r->task);
		return r;
	}
	r = DQ_PUSH(h->runs, h->nruns, h->cap_runs);
	if (!r)
		dq_map_del(h->ix_run, task);
	return r;
}

/* The task's syscall; another one than before has ended unseen. NULL: no memory. */
struct hold_run *hold_run(struct dq_holders *h, uint32_t task, uint32_t sys)
{
	struct hold_run *r = find_run(h, task);

	if (r && r->live && r->sys == sys)
		return r;
	if (!r)
		r = new_run(h, task);
	if (!r)
		return NULL;
	if (!r->live)
		h->idle = 0;
	*r = (struct hold_run){ .task = task, .sys = sys, .live = true, .todo = r->todo, .cap = r->cap };
	h->last_run = (size_t)(r - h->runs);
	return r;
}

struct hold_todo *hold_todo(struct dq_holders *h, const struct dq_call *c, enum hold_todo_what what)
{
	struct hold_run *r = hold_run(h, c->task, c->sys);
	struct hold_todo *d = r ? DQ_PUSH(r->todo, r->n, r->cap) : NULL;

	if (!d)
		return NULL;
	d->what = what;
	d->buf = c->buf;
	d->table = c->table;
	d->fd = -1;
	d->seq = c->seq;
	d->t = c->t0;
	return d;
}

/* The classes of calls that have wrappers. */
static uint32_t class_of(uint32_t hook)
{
	switch (hook) {
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
		return 1;
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
		return 2;
	case HOOK_VMAP:
	case HOOK_VMAP_UNLOCKED:
		return 3;
	case HOOK_VUNMAP:
	case HOOK_VUNMAP_UNLOCKED:
		return 4;
	default:
		return 0;
	}
}

/* Is c the wrapper of an operation that was counted already? The inner one of two comes first. */
static bool counted_already(struct dq_holders *h, const struct dq_call *c)
{
	uint32_t k = class_of(c->hook), obj = c->att ? c->att : c->buf;
	struct hold_run *r;
	bool again;

	if (!k || (!c->depth && !c->sys && !hold_run_now(h, c->task)))
		return false;
	r = hold_run(h, c->task, c->sys);
	if (!r)
		return false;
	again = c->hook != r->last_class[k] && r->last_obj[k] == obj && c->seq < r->last_seq[k];
	r->last_class[k] = c->hook;
	r->last_seq[k] = c->seq;
	r->last_obj[k] = obj;
	return again;
}

/* ---- facts ---- */

static int put_task(struct dq_holders *h, const struct dq_task *t)
{
	const char *name = *t->process ? t->process : t->comm;
	uint32_t s = dq_strtab_intern(h->strs, name, strlen(name), NULL);
	struct hold_task *row;
	uint64_t i;

	if (s == UINT32_MAX)
		return -ENOMEM;
	if (dq_map_get(h->ix_task, t->id, &i)) {
		row = &h->tasks[i];
	} else {
		if (dq_map_put(h->ix_task, t->id, h->ntasks))
			return -ENOMEM;
		row = DQ_PUSH(h->tasks, h->ntasks, h->cap_tasks);
		if (!row)
			return -ENOMEM;
	}
	*row = (struct hold_task){ t->id, t->tid, t->tgid, s, false };
	h->last_traced = 0; /* it may be another process now */
	return 0;
}

static void forget_task(struct dq_holders *h, uint32_t id)
{
	uint64_t i;

	if (!dq_map_get(h->ix_task, id, &i))
		return;
	h->tasks[i] = h->tasks[--h->ntasks];
	dq_map_del(h->ix_task, id);
	if (i < h->ntasks)
		dq_map_put(h->ix_task, h->tasks[i].id, i);
}

static int put_buf(struct dq_holders *h, const struct dq_buf *l)
{
	struct dq_hold_buf *b, **row;

	if (!l->id || hold_buf(h, l->id))
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b || dq_map_put(h->ix_buf, l->id, h->nbufs)) {
		free(b);
		return -ENOMEM;
	}
	row = DQ_PUSH(h->bufs, h->nbufs, h->cap_bufs);
	if (!row) {
		dq_map_del(h->ix_buf, l->id);
		free(b);
		return -ENOMEM;
	}
	*row = b;
	b->buf = l->id;
	b->born = l->t;
	b->before = l->flags & DQ_BUF_PREEXISTING;
	/* one that turns up after the first look had no holder that it could find */
	if (b->before && !h->looked)
		b->doubt = DQ_DOUBT_PAST;
	if (l->id > h->max_buf)
		h->max_buf = l->id;
	return 0;
}

static void release(struct dq_holders *h, uint32_t id, uint64_t t)
{
	uint64_t i;
	struct dq_hold_buf *b;

	if (!dq_map_get(h->ix_buf, id, &i))
		return;
	b = h->bufs[i];
	hold_drop_fds(h, b);
	h->last_buf = 0;
	free_buf(b);
	h->bufs[i] = h->bufs[--h->nbufs];
	dq_map_del(h->ix_buf, id);
	if (i < h->nbufs)
		dq_map_put(h->ix_buf, h->bufs[i]->buf, i);
	h->dead[h->ndead++ % HOLD_DIED] = (struct hold_dead){ id, t };
}

/* ---- attachments ---- */

static struct dq_hold_att *find_att(struct dq_hold_buf *b, uint32_t att)
{
	for (size_t i = 0; att && i < b->natts; i++)
		if (b->atts[i].att == att)
			return &b->atts[i];
	return NULL;
}

static int put_att(struct dq_holders *h, const struct dq_att *l)
{
	struct dq_hold_buf *b = hold_buf(h, l->buf);
	struct dq_hold_att *a;

	if (!b || !l->id || find_att(b, l->id))
		return 0;
	a = DQ_PUSH(b->atts, b->natts, b->cap_atts);
	if (!a)
		return -ENOMEM;
	a->att = l->id;
	a->t = l->t;
	a->before = a->made = l->flags & DQ_ATT_PREEXISTING;
	a->dev = intern(h, l->dev);
	a->driver = intern(h, l->driver);
	return a->dev && a->driver ? 0 : -ENOMEM;
}

static void drop_att(struct dq_hold_buf *b, uint32_t att)
{
	struct dq_hold_att *a = find_att(b, att);

	if (!a)
		return;
	memmove(a, a + 1, (size_t)(b->atts + b->natts - a - 1) * sizeof(*a));
	b->natts--;
}

static void att_call(struct dq_hold_buf *b, const struct dq_call *c)
{
	struct dq_hold_att *a = find_att(b, c->att);

	if (!a)
		return;
	switch (c->hook) {
	case HOOK_OPS_ATTACH:
		if (c->ret < 0)
			drop_att(b, c->att);
		return;
	case HOOK_DETACH:
		drop_att(b, c->att);
		return;
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
		a->mapped += c->ret >= 0;
		break;
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
		a->mapped -= !!a->mapped;
		break;
	case HOOK_ATTACH:
	case HOOK_DYNAMIC_ATTACH:
		if (c->ret < 0) {
			drop_att(b, c->att);
			return;
		}
		if (!a->made)
			a->t = dq_call_end(c);
		break;
	default:	/* its callbacks run while the attaching call is under way */
		return;
	}
	a->made = true;
}

/* ---- kernel mappings ---- */

static int vmap_call(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	bool begin = c->hook == HOOK_VMAP || c->hook == HOOK_VMAP_UNLOCKED;
	const char *caller = intern(h, c->caller);
	struct dq_hold_vmap *v = NULL;

	if (!caller)
		return -ENOMEM;
	if (begin) {
		if (c->ret || c->flags & DQ_CALL_NULL)
			return 0;
		v = DQ_PUSH(b->vmaps, b->nvmaps, b->cap_vmaps);
		if (!v)
			return -ENOMEM;
		*v = (struct dq_hold_vmap){ .n = 1, .t = dq_call_end(c), .task = c->task,
					    .caller = caller };
		return 0;
	}
	/* it does not say which: the last one of the same task, or else the last */
	if (b->nvmaps)
		v = &b->vmaps[b->nvmaps - 1];
	for (size_t i = 0; i < b->nvmaps; i++)
		if (b->vmaps[i].task == c->task)
			v = &b->vmaps[i];
	if (v) {
		memmove(v, v + 1, (size_t)(b->vmaps + b->nvmaps - v - 1) * sizeof(*v));
		b->nvmaps--;
	}
	return 0;
}

/* Only the outermost frame knows who called. */
static int set_caller(struct dq_holders *h, struct dq_hold_vmap *v, const struct dq_call *c)
{
	const char *caller = intern(h, c->caller);

	if (v->task == c->task && caller)
		v->caller = caller;
	return caller ? 0 : -ENOMEM;
}

/* ---- mappings of processes ---- */

int hold_map_add(struct dq_hold_buf *b, uint32_t vma, uint32_t task, uint64_t t)
{
	struct dq_hold_map *row;

	for (size_t i = 0; vma && i < b->nmaps; i++)
		if (b->maps[i].vma == vma)
			return 0;
	row = DQ_PUSH(b->maps, b->nmaps, b->cap_maps);
	if (!row)
		return -ENOMEM;
	*row = (struct dq_hold_map){ .vma = vma, .task = task, .t = t };
	b->changed = t > b->changed ? t : b->changed;
	return 0;
}

static struct dq_hold_map *find_map(struct dq_hold_buf *b, uint32_t vma)
{
	for (size_t i = 0; vma && i < b->nmaps; i++)
		if (b->maps[i].vma == vma)
			return &b->maps[i];
	return NULL;
}

static void drop_map(struct dq_hold_buf *b, struct dq_hold_map *m, uint64_t t)
{
	memmove(m, m + 1, (size_t)(b->maps + b->nmaps - m - 1) * sizeof(*m));
	b->nmaps--;
	b->changed = t > b->changed ? t : b->changed;
}

/* vm_area_dup: a mapping is split, moved or, as it turns out with the FORK, inherited. */
static int map_copy(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	struct hold_todo *d;

	if (!c->vma)
		return 0;
	d = c->sys ? hold_todo(h, c, TODO_VMA) : NULL;
	if (c->sys && !d)
		return -ENOMEM;
	if (d)
		d->vma = c->vma;
	return hold_map_add(b, c->vma, c->task, c->t0);
}

static int map_call(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	struct dq_hold_map *m;

	switch (c->hook) {
	case HOOK_MMAP_FILE:
	case HOOK_MMAP:
		if (c->ret < 0 || c->flags & DQ_CALL_UNHELD)
			return 0;
		if (c->vma)
			return hold_map_add(b, c->vma, c->task, dq_call_end(c));
		if (c->hook == HOOK_MMAP_FILE)
			b->doubt |= DQ_DOUBT_OLD;
		return 0;
	case HOOK_VM_AREA_DUP:
		return map_copy(h, b, c);
	default:
		m = find_map(b, c->vma);
		if (m)
			drop_map(b, m, c->t0);
		return 0;
	}
}

/* Mappings without a number end with the address space: by exec, or the process's exit. */
static void drop_unnumbered(struct dq_holders *h, uint32_t task, uint64_t t)
{
	const struct hold_task *me = hold_task(h, task), *other;

	for (size_t i = 0; me && i < h->nbufs; i++) {
		struct dq_hold_buf *b = h->bufs[i];

		for (size_t k = b->nmaps; k-- > 0;) {
			other = hold_task(h, b->maps[k].task);
			if (!b->maps[k].vma && other && other->tgid == me->tgid)
				drop_map(b, &b->maps[k], t);
		}
	}
}

/* The copies of mappings that the task just made were for its child. */
static void hand_over_maps(struct dq_holders *h, const struct dq_taskev *e)
{
	struct hold_run *r = hold_run_now(h, e->task);

	for (size_t k = 0; r && k < r->n; k++) {
		struct hold_todo *d = &r->todo[k];
		struct dq_hold_buf *b = d->what == TODO_VMA ? hold_buf(h, d->buf) : NULL;
		struct dq_hold_map *m = b ? find_map(b, d->vma) : NULL;

		if (m)
			m->task = e->other;
		if (d->what == TODO_VMA)
			d->vma = 0;
	}
}

/* ---- calls ---- */

static bool is_vfs(const struct dq_call *c)
{
	const struct dq_hook_info *i = dq_hook_at(c->hook);

	return i && i->kind == KIND_VFS;
}

static int one_call(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	switch (c->hook) {
	case HOOK_RELEASE:
		release(h, c->buf, dq_call_end(c));
		return 0;
	case HOOK_MMAP_FILE:
	case HOOK_MMAP:
	case HOOK_VM_AREA_FREE:
	case HOOK_VM_AREA_FREE_DIRECT:
	case HOOK_VM_AREA_DUP:
		return map_call(h, b, c);
	case HOOK_VMAP:
	case HOOK_VMAP_UNLOCKED:
	case HOOK_VUNMAP:
	case HOOK_VUNMAP_UNLOCKED:
		return vmap_call(h, b, c);
	case HOOK_FD:
	case HOOK_FD_INSTALL:
	case HOOK_FILP_CLOSE:
	case HOOK_FILP_FLUSH:
	case HOOK_DO_DUP2:
	case HOOK_SCM_SEND:
	case HOOK_BINDER_SEND:
		return hold_fd_call(h, b, c);
	default:
		if (c->att)
			att_call(b, c);
		return 0;
	}
}

/* Calls whose result decides who holds the buffer. */
static bool matters(uint32_t hook)
{
	switch (hook) {
	case 0:
	case HOOK_EXPORT:
	case HOOK_ATTACH:
	case HOOK_DYNAMIC_ATTACH:
	case HOOK_DETACH:
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
	case HOOK_MMAP:
	case HOOK_MMAP_FILE:
	case HOOK_VMAP:
	case HOOK_VMAP_UNLOCKED:
	case HOOK_VUNMAP:
	case HOOK_VUNMAP_UNLOCKED:
	case HOOK_RELEASE:
	case HOOK_FD_INSTALL:
	case HOOK_FILP_CLOSE:
	case HOOK_FILP_FLUSH:
	case HOOK_DO_DUP2:
	case HOOK_SCM_SEND:
	case HOOK_BINDER_SEND:
	case HOOK_VM_AREA_DUP:
	case HOOK_VM_AREA_FREE:
	case HOOK_VM_AREA_FREE_DIRECT:
		return true;
	default:
		return !dq_hook_at(hook);
	}
}

/* Most calls take nothing and give nothing back, and their task is known. */
static inline bool holds_nothing(const struct dq_holders *h, const struct dq_call *c)
{
	static const bool nothing[HOOK_MAX] = {
		[HOOK_GET] = true, [HOOK_PUT] = true, [HOOK_IOCTL] = true, [HOOK_POLL] = true,
		[HOOK_BEGIN_CPU] = true, [HOOK_END_CPU] = true, [HOOK_FENCE_WAIT] = true,
		[HOOK_FILE_RELEASE] = true, [HOOK_OPS_BEGIN_CPU] = true, [HOOK_OPS_END_CPU] = true,
		[HOOK_OPS_MAP] = true, [HOOK_OPS_UNMAP] = true, [HOOK_OPS_PIN] = true,
		[HOOK_OPS_UNPIN] = true, [HOOK_OPS_DETACH] = true, [HOOK_OPS_MMAP] = true,
		[HOOK_OPS_VMAP] = true, [HOOK_OPS_VUNMAP] = true, [HOOK_OPS_RELEASE] = true,
	};

	return c->hook < HOOK_MAX && nothing[c->hook] && c->sys && !c->table &&
	       c->task == h->last_traced;
}

/* Its process makes calls that are recorded. */
static int note_traced(struct dq_holders *h, const struct dq_call *c)
{
	struct hold_task *t = task_row(h, c->task);

	if (!t || c->flags & DQ_CALL_IRQ)
		return 0;
	if (!t->traced && dq_map_put(h->traced, t->tgid, 1))
		return -ENOMEM;
	t->traced = true;
	h->last_traced = c->task;
	return 0;
}

/* Not inline, that the many that hold nothing need not save registers. */
static __attribute__((noinline)) int put_call(struct dq_holders *h, const struct dq_call *c)
{
	struct dq_hold_buf *b = hold_buf(h, c->buf);
	int ret = c->task == h->last_traced ? 0 : note_traced(h, c);

	if (ret)
		return ret;
	/* one that exits has left its table already */
	if (c->table && !(c->flags & (DQ_CALL_IRQ | DQ_CALL_EXITING)) &&
	    !(c->task == h->sure_task && c->table == h->sure_table))
		ret = hold_table(h, c->table, c->task, c->t0);
	if (ret || !b || (c->flags & DQ_CALL_OPEN))
		return ret;
	if (c->flags & DQ_CALL_MISSED && !is_vfs(c)) {
		if (matters(c->hook)) {
			b->doubt |= c->fatal ? DQ_DOUBT_FATAL : DQ_DOUBT_LOST;
			b->lost += !c->fatal;
		}
		return 0;
	}
	if (!counted_already(h, c))
		ret = one_call(h, b, c);
	else if (c->hook == HOOK_VMAP_UNLOCKED && b->nvmaps && *c->caller)
		ret = set_caller(h, &b->vmaps[b->nvmaps - 1], c);
	/* outside of a syscall the outermost call ends what its task was doing */
	if (!c->sys && !c->depth)
		end_run(h, c->task);
	return ret;
}

static int put_sys(struct dq_holders *h, const struct dq_sys *s)
{
	struct hold_run *r = hold_run_now(h, s->task);

	hold_fd_sys(h, s, r);
	if (r)
		end_run(h, s->task);
	return 0;
}

/* ---- tasks ---- */

static void exits(struct dq_holders *h, const struct dq_taskev *e)
{
	const struct hold_task *t = hold_task(h, e->task);
	size_t i;

	if (t && t->tid == t->tgid) {
		drop_unnumbered(h, e->task, e->t);
		dq_map_del(h->procs, t->tgid);
	}
	hold_leave(h, e->task);
	/* its last calls are still to come: it is forgotten when many others have exited */
	i = h->nexited++ % HOLD_EXITED;
	if (h->exited[i])
		forget_task(h, h->exited[i]);
	h->exited[i] = e->task;
}

static int put_taskev(struct dq_holders *h, const struct dq_taskev *e)
{
	const struct hold_task *t = hold_task(h, e->task);

	if (t && dq_map_put(h->traced, t->tgid, 1))
		return -ENOMEM;
	switch (e->what) {
	case DQ_TASKEV_FORK:
		hand_over_maps(h, e);
		return hold_fork(h, e);
	case DQ_TASKEV_EXEC:
		drop_unnumbered(h, e->task, e->t);
		return hold_exec(h, e);
	case DQ_TASKEV_EXIT:
		exits(h, e);
		return 0;
	default:
		return 0;
	}
}

/* ---- losses ---- */

static void lose(struct dq_holders *h, uint64_t events, uint64_t until)
{
	for (size_t i = 0; i < h->nbufs; i++) {
		struct dq_hold_buf *b = h->bufs[i];

		if (until && b->born > until)
			continue;
		b->doubt |= DQ_DOUBT_LOST;
		b->lost = b->lost > UINT64_MAX - events ? UINT64_MAX : b->lost + events;
	}
}

uint64_t dq_holders_moves(const struct dq_holders *h)
{
	return h->moves;
}

void dq_holders_damaged(struct dq_holders *h, uint64_t events)
{
	lose(h, events, 0);
}

/* ---- all ---- */

static void see(struct dq_holders *h, uint64_t t)
{
	h->now = t > h->now ? t : h->now;
}

static __attribute__((noinline)) int put_other(struct dq_holders *h, const struct dq_item *item)
{
	switch (item->kind) {
	case DQ_META:
		h->filtered |= !strcmp(item->meta.key, "filter") && *item->meta.value;
		return 0;
	case DQ_TASK:
		return put_task(h, &item->task);
	case DQ_DEV:
		if (!strcmp(item->dev.kind, "sock"))
			return dq_map_put(h->socks, item->dev.id, 1);
		dq_map_del(h->socks, item->dev.id);
		return 0;
	case DQ_BUF:
		return put_buf(h, &item->buf);
	case DQ_ATT:
		return put_att(h, &item->att);
	case DQ_LOSS:
		/* a call whose return was missed tells by itself which buffer is in doubt */
		if (matters(item->loss.hook) && item->loss.count && !dq_loss_is_return(&item->loss))
			lose(h, item->loss.count, item->loss.t1);
		return 0;
	case DQ_TASKEV:
		see(h, item->taskev.t);
		return put_taskev(h, &item->taskev);
	case DQ_SNAP:
		return hold_snap(h, &item->snap);
	case DQ_HOLD:
		return hold_hold(h, &item->hold);
	default:
		return 0;
	}
}

static int put_only_key(struct dq_holders *h, const struct dq_call *c)
{
	struct dq_hold_buf *b = hold_buf(h, c->buf);
	bool missed = c->flags & DQ_CALL_MISSED && !is_vfs(c);

	if (!b || missed || c->flags & DQ_CALL_OPEN)
		return 0;
	if (c->hook == HOOK_RELEASE || (c->hook != HOOK_FD_INSTALL && c->a[1]))
		return one_call(h, b, c);
	if (c->hook == HOOK_FD_INSTALL)
		hold_arrive_by_key(h, b, c);
	return 0;
}

static __attribute__((noinline)) int put_only_keys(struct dq_holders *h, const struct dq_item *item)
{
	if (!dq_holders_is_key(item))
		return 0;
	return item->kind == DQ_BUF ? put_buf(h, &item->buf) : put_only_key(h, &item->call);
}

int dq_holders_put(struct dq_holders *h, const struct dq_item *item)
{
	if (h->only_keys)
		return put_only_keys(h, item);
	if (item->kind == DQ_SYS)
		return put_sys(h, &item->sys);
	if (item->kind != DQ_CALL)
		return put_other(h, item);
	see(h, dq_call_end(&item->call));
	return holds_nothing(h, &item->call) ? 0 : put_call(h, &item->call);
}

static __attribute__((noinline)) int repeat_first(struct dq_holders *h, const struct dq_repeat *r)
{
	const struct dq_item *sys = &r->item[r->n - 1];
	bool nothing = !sys->sys.a[2];
	int err = 0;

	for (uint32_t i = 0; i < r->n && !err; i++) {
		nothing = nothing && (&r->item[i] == sys || holds_nothing(h, &r->item[i].call));
		err = dq_holders_put(h, &r->item[i]);
	}
	h->repeated[r->id % DQ_ARRAY_SIZE(h->repeated)] = nothing ? r->id : 0;
	return err;
}

/* Who holds nothing once holds nothing again, as long as its task stays the one that is known best. A
 * system call of which something follows (see hold_fd_sys()) fails, or has flags as third argument. */
int dq_holders_repeat(struct dq_holders *h, const struct dq_repeat *r)
{
	const struct dq_item *sys = &r->item[r->n - 1];

	if (!r->id || h->repeated[r->id % DQ_ARRAY_SIZE(h->repeated)] != r->id ||
	    sys->sys.task != h->last_traced)
		return repeat_first(h, r);
	see(h, dq_call_end(&sys[-1].call)); /* the others were inside of it */
	return h->nruns ? put_sys(h, &sys->sys) : 0;
}
