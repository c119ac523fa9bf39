// SPDX-License-Identifier: BSD-2-Clause
/*
 * collect.c - wire records to trace items.
 *
 * Here kernel addresses end: objects become small numbers, return addresses
 * become function names. The order of the ring is kept; a thing is defined when it
 * is first needed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "impl.h"

_Static_assert(WIRE_F_OPEN == DQ_CALL_OPEN && WIRE_F_MISSED == DQ_CALL_MISSED &&
		       WIRE_F_IRQ == DQ_CALL_IRQ && WIRE_F_EXITING == DQ_CALL_EXITING &&
		       WIRE_F_FAULT == DQ_CALL_FAULT,
	       "flags pass through");
_Static_assert(WIRE_SYS_OPEN == DQ_SYS_OPEN && WIRE_SYS_COMPAT == DQ_SYS_COMPAT &&
		       WIRE_SYS_MISSED == DQ_SYS_MISSED,
	       "flags pass through");

struct dq_collect {
	struct dq_live *l;
	struct dq_map *tasks;	/* tid -> id */
	struct dq_map *bufs;	/* token -> id */
	struct dq_map *atts;	/* token -> id */
	struct dq_map *sgts;	/* address -> id << 1 | dead */
	struct dq_map *devs;	/* rdev | kind << 32 -> id */
	struct dq_map *modules;	/* rdev -> index of modnames + 1 */
	struct dq_map *callers;	/* return address -> id of names */
	struct dq_strtab *names;
	uint32_t ntasks, nbufs, natts, nsgts, ndevs;
	uint64_t calls, lost, missed_returns;
	int err;
};

int collect_new(struct dq_collect **ret_c, struct dq_live *l)
{
	struct dq_collect *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->l = l;
	c->tasks = dq_map_new();
	c->bufs = dq_map_new();
	c->atts = dq_map_new();
	c->sgts = dq_map_new();
	c->devs = dq_map_new();
	c->modules = dq_map_new();
	c->callers = dq_map_new();
	c->names = dq_strtab_new();
	if (!c->tasks || !c->bufs || !c->atts || !c->sgts || !c->devs || !c->modules ||
	    !c->callers || !c->names) {
		collect_free(&c);
		return -ENOMEM;
	}
	*ret_c = c;
	return 0;
}

void collect_free(struct dq_collect **cp)
{
	struct dq_collect *c = *cp;

	if (!c)
		return;
	dq_map_free(c->tasks);
	dq_map_free(c->bufs);
	dq_map_free(c->atts);
	dq_map_free(c->sgts);
	dq_map_free(c->devs);
	dq_map_free(c->modules);
	dq_map_free(c->callers);
	dq_strtab_free(c->names);
	free(c);
	*cp = NULL;
}

int collect_error(const struct dq_collect *c)
{
	return c->err;
}

void collect_stats(const struct dq_collect *c, struct dq_live_stats *st)
{
	st->calls = c->calls;
	st->buffers = c->nbufs;
	st->lost = c->lost;
	st->missed_returns = c->missed_returns;
}

int collect_put(struct dq_collect *c, const struct dq_item *item)
{
	int err;

	if (c->err)
		return c->err;
	err = c->l->sink.put(c->l->sink.ctx, item);
	if (err)
		c->err = err;
	return err;
}

static void keep(struct dq_collect *c, struct dq_map *m, uint64_t key, uint64_t val)
{
	int err = dq_map_put(m, key, val);

	if (err && !c->err)
		c->err = err;
}

/* ---- definitions ------------------------------------------------------------------ */

static uint32_t put_task(struct dq_collect *c, uint32_t id, const struct wire_task *w)
{
	struct dq_item it = { .kind = DQ_TASK };
	char comm[WIRE_COMM + 1], process[WIRE_COMM + 1];

	snprintf(comm, sizeof(comm), "%.*s", WIRE_COMM, w->comm);
	snprintf(process, sizeof(process), "%.*s", WIRE_COMM, w->process);
	it.task.id = id;
	it.task.tid = w->tid;
	it.task.tgid = w->tgid;
	it.task.flags = w->flags & WIRE_TASK_KTHREAD ? DQ_TASK_KTHREAD : 0;
	it.task.comm = comm;
	it.task.process = process;
	collect_put(c, &it);
	return id;
}

static void on_task(struct dq_collect *c, const struct wire_task *w)
{
	uint64_t id;

	if (!dq_map_get(c->tasks, w->tid, &id) || w->flags & WIRE_TASK_NEW) {
		id = ++c->ntasks;
		keep(c, c->tasks, w->tid, id);
	}
	put_task(c, id, w);
}

/* The announcement can be lost when the ring is full. */
static uint32_t task_id(struct dq_collect *c, uint32_t tid)
{
	struct wire_task w = { .tid = tid };
	uint64_t id;

	if (dq_map_get(c->tasks, tid, &id))
		return id;
	id = ++c->ntasks;
	keep(c, c->tasks, tid, id);
	return put_task(c, id, &w);
}

void collect_ops(struct dq_collect *c, const struct ops_table *t)
{
	struct dq_item it = { .kind = DQ_OPS };

	it.ops.id = t->id;
	it.ops.t = t->t;
	it.ops.exporter = t->exporter;
	it.ops.module = t->module;
	it.ops.has = t->has;
	it.ops.armed = t->armed;
	collect_put(c, &it);
}

static uint32_t tell_ops(struct dq_collect *c, uint64_t ptr)
{
	struct ops_table *t = ops_find(c->l, ptr);

	if (!t)
		return 0;
	if (!t->told) {
		t->told = true;
		collect_ops(c, t);
	}
	return t->id;
}

static void on_buf(struct dq_collect *c, const struct wire_buf *w)
{
	struct dq_item it = { .kind = DQ_BUF };
	uint64_t id;

	if (!dq_map_get(c->bufs, w->buf, &id)) {
		id = ++c->nbufs;
		keep(c, c->bufs, w->buf, id);
	}
	it.buf.id = id;
	it.buf.flags = w->flags & WIRE_BUF_PREEXISTING ? DQ_BUF_PREEXISTING : 0;
	it.buf.t = w->t;
	it.buf.ino = w->ino;
	it.buf.size = w->size;
	it.buf.exp_name = w->exp_name;
	it.buf.owner = w->owner;
	it.buf.name = w->name;
	it.buf.ops = tell_ops(c, w->ops);
	it.buf.raw = c->l->opts.raw_addresses ? w->ptr : 0;
	collect_put(c, &it);
}

static uint32_t buf_id(struct dq_collect *c, uint64_t token)
{
	struct dq_item it = { .kind = DQ_BUF };
	uint64_t id;

	if (!token)
		return 0;
	if (dq_map_get(c->bufs, token, &id))
		return id;
	/* its announcement was lost: nothing is known but that it is one and the same */
	id = ++c->nbufs;
	keep(c, c->bufs, token, id);
	it.buf.id = id;
	it.buf.flags = DQ_BUF_PREEXISTING;
	it.buf.exp_name = it.buf.owner = it.buf.name = "";
	collect_put(c, &it);
	return id;
}

static void on_att(struct dq_collect *c, const struct wire_att *w)
{
	struct dq_item it = { .kind = DQ_ATT };
	uint64_t id;

	if (!dq_map_get(c->atts, w->att, &id)) {
		id = ++c->natts;
		keep(c, c->atts, w->att, id);
	}
	it.att.id = id;
	it.att.buf = buf_id(c, w->buf);
	it.att.flags = (w->flags & WIRE_ATT_DYNAMIC ? DQ_ATT_DYNAMIC : 0) |
		       (w->flags & WIRE_ATT_PREEXISTING ? DQ_ATT_PREEXISTING : 0);
	it.att.t = w->t;
	it.att.dev = w->dev;
	it.att.driver = w->driver;
	it.att.bus = w->bus;
	it.att.raw = c->l->opts.raw_addresses ? w->ptr : 0;
	collect_put(c, &it);
}

static uint32_t att_id(struct dq_collect *c, uint64_t token, uint32_t buf)
{
	struct dq_item it = { .kind = DQ_ATT };
	uint64_t id;

	if (!token)
		return 0;
	if (dq_map_get(c->atts, token, &id))
		return id;
	id = ++c->natts;
	keep(c, c->atts, token, id);
	it.att.id = id;
	it.att.buf = buf;
	it.att.flags = DQ_ATT_PREEXISTING;
	it.att.dev = it.att.driver = it.att.bus = "";
	collect_put(c, &it);
	return id;
}

static void on_dev(struct dq_collect *c, const struct wire_dev *w)
{
	uint32_t id = dq_strtab_intern(c->names, w->module, strnlen(w->module, WIRE_STR), NULL);

	if (id != UINT32_MAX)
		keep(c, c->modules, w->rdev, id);
}

static const char *file_kind(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
		return "chr";
	case S_IFBLK:
		return "blk";
	case S_IFSOCK:
		return "sock";
	case S_IFIFO:
		return "pipe";
	case S_IFREG:
		return "reg";
	case S_IFDIR:
		return "dir";
	case 0:
		return "anon";
	}
	return "other";
}

static uint32_t dev_id(struct dq_collect *c, uint32_t rdev, uint32_t mode)
{
	uint64_t key = (uint64_t)(mode & S_IFMT) << 32 | rdev, id, module;
	struct dq_item it = { .kind = DQ_DEV };
	struct device_names n = { "", "", "" };

	if (!mode)
		return 0;
	if (dq_map_get(c->devs, key, &id))
		return id;
	id = ++c->ndevs;
	keep(c, c->devs, key, id);
	if (S_ISCHR(mode) || S_ISBLK(mode)) {
		const char *mod = dq_map_get(c->modules, rdev, &module) ?
					  dq_strtab_get(c->names, module) :
					  "";

		name_device(rdev, S_ISBLK(mode), mod, &n);
		it.dev.major = rdev >> 20;
		it.dev.minor = rdev & 0xfffff;
	}
	it.dev.id = id;
	it.dev.kind = file_kind(mode);
	it.dev.path = n.path;
	it.dev.driver = n.driver;
	it.dev.subsystem = n.subsystem;
	collect_put(c, &it);
	return id;
}

/* ---- events ------------------------------------------------------------------------- */

static bool is_map(uint32_t hook)
{
	return hook == HOOK_MAP || hook == HOOK_MAP_UNLOCKED || hook == HOOK_OPS_MAP;
}

/*
 * A number for an sg_table. The exporter's map makes one, so a known address there is a new table;
 * the core's map returns the table that the exporter made, or one that it had cached.
 */
static uint32_t sgt_id(struct dq_collect *c, const struct wire_call *w)
{
	uint64_t v = 0;
	bool known = dq_map_get(c->sgts, w->sgt, &v);

	if (!w->sgt || (is_map(w->hook) && w->flags & (WIRE_F_OPEN | WIRE_F_MISSED)))
		return 0;
	if (!known || w->hook == HOOK_OPS_MAP || (v & 1 && is_map(w->hook)))
		v = (uint64_t)++c->nsgts << 1;
	if (w->hook == HOOK_OPS_UNMAP)
		v |= 1;
	keep(c, c->sgts, w->sgt, v);
	return v >> 1;
}

static const char *caller_name(struct dq_collect *c, uint64_t addr)
{
	char name[160];
	uint64_t id;

	if (!addr)
		return "";
	if (!dq_map_get(c->callers, addr, &id)) {
		/* the return address may be the first byte after a call that never returns */
		if (dq_ksyms_is_trampoline(c->l->ksyms, addr) /* somebody else's return probe */
		    || !dq_ksyms_name(c->l->ksyms, addr - 1, name, sizeof(name)))
			name[0] = '\0';
		id = dq_strtab_intern(c->names, name, strlen(name), NULL);
		if (id == UINT32_MAX)
			return "";
		keep(c, c->callers, addr, id);
	}
	return dq_strtab_get(c->names, id);
}

static void put_call(struct dq_collect *c, const struct wire_call *w)
{
	struct dq_item it = { .kind = DQ_CALL };
	struct dq_call *d = &it.call;

	d->task = task_id(c, w->tid);
	d->buf = buf_id(c, w->buf);
	d->att = att_id(c, w->att, d->buf);
	d->hook = w->hook;
	d->flags = w->flags;
	d->cpu = w->cpu;
	d->t0 = w->t0;
	d->dur = w->t1 - w->t0;
	d->seq = w->seq;
	d->depth = w->depth;
	d->sys = w->sys;
	d->sgt = sgt_id(c, w);
	memcpy(d->a, w->a, sizeof(d->a));
	d->ret = w->ret;
	d->caller = caller_name(c, w->caller);
	collect_put(c, &it);
	c->calls++;
}

static void put_sys(struct dq_collect *c, const struct wire_sys *w)
{
	struct dq_item it = { .kind = DQ_SYS };
	struct dq_sys *d = &it.sys;
	unsigned int pointers;

	d->task = task_id(c, w->tid);
	d->buf = buf_id(c, w->buf);
	d->dev = w->buf ? 0 : dev_id(c, w->rdev, w->mode);
	d->sys = w->sys;
	d->flags = w->flags;
	d->t0 = w->t0;
	d->t1 = w->t1;
	d->nr = w->nr;
	d->name = name_of_syscall(w->nr, w->flags & WIRE_SYS_COMPAT);
	d->fd = w->fd;
	d->ret = w->ret;
	pointers = syscall_pointer_args(d->name);
	for (int i = 0; i < 3; i++)
		d->a[i] = pointers & 1U << i ? 0 : w->a[i];
	/* an address that comes back is as private as one that goes in */
	if (w->ret > 0 && (!strcmp(d->name, "mmap") || !strcmp(d->name, "mremap")))
		d->ret = 0;
	collect_put(c, &it);
}

static void put_name(struct dq_collect *c, const struct wire_named *w)
{
	struct dq_item it = { .kind = DQ_NAME };

	it.name.t = w->t;
	it.name.buf = buf_id(c, w->buf);
	it.name.name = w->name;
	collect_put(c, &it);
}

void collect_loss(struct dq_collect *c, const struct wire_loss *w)
{
	static const char *const source[LOSS_MAX] = { "ring", "inflight", "depth", "inflight",
						      "return" };
	struct dq_item it = { .kind = DQ_LOSS };

	if (w->source >= LOSS_MAX || !w->count)
		return;
	it.loss.source = source[w->source];
	it.loss.cpu = w->cpu;
	it.loss.count = w->count;
	it.loss.t0 = w->t0;
	it.loss.t1 = w->t1;
	if (w->source == LOSS_RETURN)
		c->missed_returns += w->count;
	else
		c->lost += w->count;
	collect_put(c, &it);
}

static void on_module(struct dq_collect *c, const struct wire_module *w)
{
	/* what was at an address may be something else now */
	dq_map_free(c->callers);
	c->callers = dq_map_new();
	if (!c->callers && !c->err)
		c->err = -ENOMEM;
	ops_module(c->l, w);
}

int collect_record(struct dq_collect *c, const void *data, size_t size)
{
	const uint16_t *kind = data;

	/* Both ends are ours, but a short record would be read beyond its end. */
#define RECORD(KIND, type, fn)                                                                     \
	case KIND:                                                                                 \
		if (size >= sizeof(struct type))                                                   \
			fn(c, data);                                                               \
		break
	if (size < sizeof(*kind))
		return 0;
	switch (*kind) {
		RECORD(WIRE_CALL, wire_call, put_call);
		RECORD(WIRE_SYS, wire_sys, put_sys);
		RECORD(WIRE_TASK, wire_task, on_task);
		RECORD(WIRE_BUF, wire_buf, on_buf);
		RECORD(WIRE_ATT, wire_att, on_att);
		RECORD(WIRE_NAMED, wire_named, put_name);
		RECORD(WIRE_DEV, wire_dev, on_dev);
		RECORD(WIRE_LOSS, wire_loss, collect_loss);
	case WIRE_OPS:
		if (size >= sizeof(struct wire_ops))
			ops_met(c->l, data);
		break;
	case WIRE_MODULE:
		if (size >= sizeof(struct wire_module))
			on_module(c, data);
		break;
	}
#undef RECORD
	return 0;
}

/* Calls that had not returned when the recording ended. Callees first, as in the stream. */
void collect_in_flight(struct dq_collect *c, const struct task_state *st, uint64_t now)
{
	uint32_t depth = st->depth < WIRE_DEPTH ? st->depth : WIRE_DEPTH;

	while (depth--) {
		const struct frame *f = &st->frames[depth];
		struct wire_call w = {
			.kind = WIRE_CALL, .hook = f->hook, .flags = f->flags | WIRE_F_OPEN,
			.depth = f->depth, .t0 = f->t0, .t1 = now, .tid = st->tid, .seq = f->seq,
			.sys = f->sys, .cpu = f->cpu, .buf = f->buf, .att = f->att, .sgt = f->sgt,
			.a = { f->a[0], f->a[1], f->a[2] }, .caller = f->caller,
		};

		if (f->record)
			put_call(c, &w);
	}
	if (st->sys_active && st->ctx.recorded) {
		struct wire_sys s = st->ctx;

		s.flags |= WIRE_SYS_OPEN;
		s.t1 = now;
		put_sys(c, &s);
	}
}
