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
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "impl.h"
#include "unpack.h"
#include "dmaseq_bpf.skel.h"

_Static_assert(WIRE_F_OPEN == DQ_CALL_OPEN && WIRE_F_MISSED == DQ_CALL_MISSED &&
		       WIRE_F_IRQ == DQ_CALL_IRQ && WIRE_F_EXITING == DQ_CALL_EXITING &&
		       WIRE_F_FAULT == DQ_CALL_FAULT && WIRE_F_UNHELD == DQ_CALL_UNHELD &&
		       WIRE_F_NULL == DQ_CALL_NULL,
	       "flags pass through");
_Static_assert(SYNC_CALLS < DQ_REPEAT_MAX, "and the system call");
_Static_assert(WIRE_SYS_OPEN == DQ_SYS_OPEN && WIRE_SYS_COMPAT == DQ_SYS_COMPAT &&
		       WIRE_SYS_MISSED == DQ_SYS_MISSED,
	       "flags pass through");
_Static_assert((int)TASKEV_FORK == DQ_TASKEV_FORK && (int)TASKEV_EXEC == DQ_TASKEV_EXEC &&
		       (int)TASKEV_EXIT == DQ_TASKEV_EXIT && (int)HOLD_FD == DQ_HOLD_FD &&
		       (int)HOLD_MAP == DQ_HOLD_MAP && (int)HOLD_REFS == DQ_HOLD_REFS,
	       "numbers pass through");

/* What the kernel calls a thing -> our number of it. */
enum number_of {
	TASKS,		/* tid -> id */
	BUFS,		/* token -> id */
	ATTS,		/* token -> id */
	SGTS,		/* address -> id << 1 | dead */
	DEVS,		/* rdev | kind << 32 -> id */
	MODULES,	/* rdev -> index of names */
	CALLERS,	/* return address -> index of names */
	TABLES,		/* address of a files_struct -> number */
	VMAS,		/* address of a vm_area_struct -> number */
	TIMELINES,	/* context -> id */
	STACKS,		/* number in the map of stacks -> id */
	TGIDS,		/* tid -> tgid */
	INODES,		/* inode number -> token */
	INODE_OF,	/* token -> inode number */
	PROCS,		/* tid that was found in /proc and has not come by itself -> 1 */
	NMAPS
};

/* So many of a kind end before the first of them is forgotten: what had begun before it ended ends after
 * it. A token never names another thing; a tid does, and then it has another id. */
#define ENDED 1024
struct ended {
	struct { uint64_t key; uint32_t id; } v[ENDED];
	size_t n;
};

/* The last of some kinds of SYNC that come again and again: see put_sync(). */
#define SYNC_WAYS 16
struct sync_way {
	struct wire_sync like;
	uint64_t numbers;	/* of struct dq_collect, then */
	struct dq_repeat items;
};

struct dq_collect {
	struct dq_live *l;
	struct dq_map *map[NMAPS];
	uint32_t last[NMAPS];	/* the highest number given */
	struct { uint64_t key; uint32_t id; } latest[BUFS + 1]; /* of TASKS and BUFS: the last asked for */
	struct { int32_t nr; bool compat; const char *name; unsigned int private; } call; /* the last */
	struct sync_way ways[SYNC_WAYS];
	uint32_t nways;		/* ids given */
	uint64_t numbers;	/* grows when a task or a buffer gets a number or loses it */
	struct dq_strtab *names;
	struct ended atts, bufs, tasks; /* that is why memory does not grow with the recording */
	struct wire_hold *holds; /* found for buffers that have not turned up in the trace */
	size_t nholds, cap_holds;
	struct proc_found *looked; /* the buffers among them that only /proc knows */
	size_t nlooked, cap_looked;
	struct dq_snap snap;	/* the one that is being made; id 0: none */
	bool procfs;		/* snapshots are made with it */
	uint64_t calls, lost, missed_returns;
	int err;
};

int collect_new(struct dq_collect **ret_c, struct dq_live *l)
{
	struct dq_collect *c = calloc(1, sizeof(*c));
	bool ok = c != NULL;

	for (int i = 0; ok && i < NMAPS; i++)
		ok = (c->map[i] = dq_map_new()) != NULL;
	if (ok)
		ok = (c->names = dq_strtab_new()) != NULL;
	if (!ok) {
		collect_free(&c);
		return -ENOMEM;
	}
	c->l = l;
	*ret_c = c;
	return 0;
}

void collect_free(struct dq_collect **cp)
{
	struct dq_collect *c = *cp;

	if (!c)
		return;
	for (int i = 0; i < NMAPS; i++)
		dq_map_free(c->map[i]);
	dq_strtab_free(c->names);
	free(c->holds);
	free(c->looked);
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
	st->buffers = c->last[BUFS];
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

static void numbers_change(struct dq_collect *c, enum number_of what)
{
	c->latest[what].id = 0;
	c->numbers++;
}

static void keep(struct dq_collect *c, enum number_of what, uint64_t key, uint64_t val)
{
	int err = dq_map_put(c->map[what], key, val);

	if (what <= BUFS)
		numbers_change(c, what);
	if (err && !c->err)
		c->err = err;
}

static uint32_t new_number(struct dq_collect *c, enum number_of what, uint64_t key)
{
	uint32_t id = ++c->last[what];

	keep(c, what, key, id);
	return id;
}

/* False: it is new, and has a number now. */
static inline bool number(struct dq_collect *c, enum number_of what, uint64_t key, uint32_t *ret_id)
{
	uint64_t id;
	bool known = dq_map_get(c->map[what], key, &id);

	*ret_id = known ? (uint32_t)id : new_number(c, what, key);
	return known;
}

/* The number of a task or a buffer that has one; most often it is that of the record before. 0: none. */
static inline uint32_t known(struct dq_collect *c, enum number_of what, uint64_t key)
{
	uint64_t id;

	if (c->latest[what].key != key || !c->latest[what].id) {
		if (!dq_map_get(c->map[what], key, &id))
			return 0;
		c->latest[what].key = key;
		c->latest[what].id = (uint32_t)id;
	}
	return c->latest[what].id;
}

/* ---- what has ended ---- */

/* Notes that it has ended. True: *ret_old ended long ago, and nothing will be said of it any more. */
static bool has_ended(struct dq_collect *c, struct ended *e, enum number_of what, uint64_t key, uint64_t *ret_old)
{
	size_t i = e->n++ % ENDED;
	uint64_t id, old = e->v[i].key;
	bool same = e->n > ENDED && dq_map_get(c->map[what], old, &id) && id == e->v[i].id;

	e->v[i].key = key;
	e->v[i].id = dq_map_get(c->map[what], key, &id) ? (uint32_t)id : 0;
	*ret_old = old;
	return same;
}

static void forget(struct dq_collect *c, enum number_of what, uint64_t key)
{
	dq_map_del(c->map[what], key);
	if (what <= BUFS)
		numbers_change(c, what);
}

static void end_att(struct dq_collect *c, uint64_t token)
{
	uint64_t old;

	if (has_ended(c, &c->atts, ATTS, token, &old))
		forget(c, ATTS, old);
}

static void end_buf(struct dq_collect *c, uint64_t token)
{
	uint64_t old, ino, latest;

	if (!has_ended(c, &c->bufs, BUFS, token, &old))
		return;
	forget(c, BUFS, old);
	if (!dq_map_get(c->map[INODE_OF], old, &ino))
		return;
	forget(c, INODE_OF, old);
	if (dq_map_get(c->map[INODES], ino, &latest) && latest == old)
		forget(c, INODES, ino);
}

static void end_task(struct dq_collect *c, uint64_t tid)
{
	uint64_t old;

	if (!has_ended(c, &c->tasks, TASKS, tid, &old))
		return;
	forget(c, TASKS, old);
	forget(c, TGIDS, old);
	forget(c, PROCS, old);
}

/* A call that ends the life of what it is about. */
static void note_end(struct dq_collect *c, const struct wire_call *w)
{
	if (w->flags & WIRE_F_OPEN)
		return;
	if (w->hook == HOOK_DETACH && w->att)
		end_att(c, w->att);
	else if (w->hook == HOOK_RELEASE && w->buf)
		end_buf(c, w->buf);
}

static void put_holds_of(struct dq_collect *c, uint64_t token, uint64_t now);
static void put_looked_of(struct dq_collect *c, uint64_t ino, uint64_t token);
static void put_looked(struct dq_collect *c);
static bool is_looked(struct dq_collect *c, const struct wire_buf *w);

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
	uint32_t id;

	if (number(c, TASKS, w->tid, &id) && w->flags & WIRE_TASK_NEW &&
	    !dq_map_del(c->map[PROCS], w->tid))
		id = new_number(c, TASKS, w->tid);
	keep(c, TGIDS, w->tid, w->tgid);
	put_task(c, id, w);
}

/* The announcement can be lost when the ring is full. */
static uint32_t put_unknown_task(struct dq_collect *c, uint32_t id, uint32_t tid)
{
	struct wire_task w = { .tid = tid };

	return put_task(c, id, &w);
}

static uint32_t task_id(struct dq_collect *c, uint32_t tid)
{
	uint32_t id = known(c, TASKS, tid);

	return id ? id : put_unknown_task(c, new_number(c, TASKS, tid), tid);
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

	/* Two processors may announce it at the same time, or a call of it came when there was no room
	 * for the announcement: an id is defined once, and the first sight counts. */
	if (is_looked(c, w) || number(c, BUFS, w->buf, &it.buf.id))
		return;
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
	put_holds_of(c, w->buf, w->buf);
	put_looked_of(c, w->ino, w->buf);
}

/* Its announcement was lost: nothing is known but that it is one and the same. */
static uint32_t put_unknown_buf(struct dq_collect *c, uint32_t id)
{
	struct dq_item it = { .kind = DQ_BUF };

	it.buf.id = id;
	it.buf.flags = DQ_BUF_PREEXISTING;
	it.buf.exp_name = it.buf.owner = it.buf.name = "";
	collect_put(c, &it);
	return id;
}

static uint32_t buf_id(struct dq_collect *c, uint64_t token)
{
	uint32_t id = token ? known(c, BUFS, token) : 0;

	return id || !token ? id : put_unknown_buf(c, new_number(c, BUFS, token));
}

/* The number of a descriptor table. A freed files_struct is empty, so it does no harm that its
 * address may turn up as another process's table with the same number. */
static uint32_t table_id(struct dq_collect *c, uint64_t addr)
{
	uint32_t id = 0;

	if (addr)
		number(c, TABLES, addr, &id);
	return id;
}

static uint32_t vma_id(struct dq_collect *c, uint64_t addr)
{
	uint32_t id;

	number(c, VMAS, addr, &id);
	return id;
}

/* Numbers for what only /proc knows, see procfs.c. */
#define LOOKED(ino)	  (1ULL << 63 | (ino))	/* instead of a token: those are small */
#define TABLE_OF(tgid)	  ((uint64_t)(tgid) << 1 | 1) /* instead of an address: those are even */

/* The table of a task that /proc knows by its process: now it has an address. */
static uint32_t table_of(struct dq_collect *c, uint64_t addr, uint32_t tid)
{
	uint64_t tgid, id;

	if (!addr || !c->procfs || !dq_map_get(c->map[TGIDS], tid, &tgid))
		return table_id(c, addr);
	if (dq_map_get(c->map[TABLES], addr, &id))
		keep(c, TABLES, TABLE_OF(tgid), id);
	else if (dq_map_get(c->map[TABLES], TABLE_OF(tgid), &id))
		keep(c, TABLES, addr, id);
	else
		keep(c, TABLES, TABLE_OF(tgid), table_id(c, addr));
	return table_id(c, addr);
}

/* ---- what a snapshot finds ---------------------------------------------------------- */

static void put_hold(struct dq_collect *c, const struct wire_hold *w)
{
	struct dq_item it = { .kind = DQ_HOLD };

	it.hold.t = w->t;
	it.hold.snap = c->snap.id;
	it.hold.what = w->what;
	it.hold.buf = buf_id(c, w->buf);
	it.hold.task = w->tid ? task_id(c, w->tid) : 0;
	it.hold.table = table_id(c, w->table);
	it.hold.fd = w->fd;
	it.hold.vma = w->vma ? vma_id(c, w->vma) : 0;
	it.hold.n = w->n;
	collect_put(c, &it);
	c->snap.fds += w->what == HOLD_FD;
	c->snap.maps += w->what == HOLD_MAP;
}

/* A buffer that the filters do not let pass may do so later: then its past is of interest. */
static void on_hold(struct dq_collect *c, const struct wire_hold *w)
{
	struct wire_hold *kept;

	if (dq_map_get(c->map[BUFS], w->buf, NULL)) {
		put_hold(c, w);
		return;
	}
	kept = DQ_PUSH(c->holds, c->nholds, c->cap_holds);
	if (kept)
		*kept = *w;
	else if (!c->err)
		c->err = -ENOMEM;
}

/* Of a buffer that was known by one token, and is in the trace by another one now. */
static void put_holds_of(struct dq_collect *c, uint64_t token, uint64_t now)
{
	size_t left = 0;

	for (size_t i = 0; i < c->nholds; i++) {
		if (c->holds[i].buf != token) {
			c->holds[left++] = c->holds[i];
			continue;
		}
		c->holds[i].buf = now;
		put_hold(c, &c->holds[i]);
	}
	c->nholds = left;
}

/* ---- what only /proc knows: see procfs.c ---- */

/* A buffer of /proc has turned up in the stream. */
static void put_looked_of(struct dq_collect *c, uint64_t ino, uint64_t token)
{
	keep(c, INODES, ino, token);
	keep(c, INODE_OF, token, ino);
	for (size_t i = 0; i < c->nlooked; i++) {
		if (c->looked[i].ino != ino)
			continue;
		c->looked[i] = c->looked[--c->nlooked];
		put_holds_of(c, LOOKED(ino), token);
		return;
	}
}

static bool is_filtered(const struct dq_live_opts *o)
{
	return o->by_task || o->npids || o->comm || o->exporter || o->device || o->inode ||
	       o->min_size;
}

/* A buffer of /proc that is in the trace already, and is met by the probes now. */
static bool is_looked(struct dq_collect *c, const struct wire_buf *w)
{
	uint64_t token, id;

	if (!(w->flags & WIRE_BUF_PREEXISTING) || !dq_map_get(c->map[INODES], w->ino, &token) ||
	    token != LOOKED(w->ino) || !dq_map_get(c->map[BUFS], token, &id))
		return false;
	keep(c, BUFS, w->buf, id);
	keep(c, INODES, w->ino, w->buf);
	return true;
}

/* Those that did not: nothing happened to them, but they were there. */
static void put_looked(struct dq_collect *c)
{
	while (c->nlooked && !is_filtered(&c->l->opts)) {
		struct proc_found p = c->looked[--c->nlooked];
		struct dq_item it = { .kind = DQ_BUF };

		number(c, BUFS, LOOKED(p.ino), &it.buf.id);
		it.buf.flags = DQ_BUF_PREEXISTING;
		it.buf.t = c->snap.t0;
		it.buf.ino = p.ino;
		it.buf.size = p.size;
		it.buf.exp_name = p.exp_name;
		it.buf.name = p.name;
		it.buf.owner = "";
		collect_put(c, &it);
		keep(c, INODES, p.ino, LOOKED(p.ino));
		put_holds_of(c, LOOKED(p.ino), LOOKED(p.ino));
	}
	c->nlooked = 0;
}

/* What it hands on to its children is of interest. */
static void watch_process(struct dq_collect *c, uint32_t tgid)
{
	uint32_t one = 1;

	bpf_map__update_elem(c->l->skel->maps.procs, &tgid, sizeof(tgid), &one, sizeof(one), BPF_ANY);
}

/* Threads and processes may share a table. A process that /proc showed before has the same one? */
static bool share_table(struct dq_collect *c, uint32_t tgid)
{
	uint64_t id;

	if (dq_map_get(c->map[TABLES], TABLE_OF(tgid), NULL))
		return true;
	for (size_t i = 0; i < c->nholds; i++) {
		const struct wire_hold *w = &c->holds[i];

		if (w->table & 1 && w->tid != tgid &&
		    dq_map_get(c->map[TABLES], TABLE_OF(w->tid), &id) &&
		    !syscall(SYS_kcmp, tgid, w->tid, KCMP_FILES, 0, 0)) {
			keep(c, TABLES, TABLE_OF(tgid), id);
			return true;
		}
	}
	return false;
}

static void introduce(struct dq_collect *c, const struct proc_found *p)
{
	struct wire_task w = { .kind = WIRE_TASK, .tid = p->pid, .tgid = p->pid };

	if (dq_map_get(c->map[TASKS], p->pid, NULL))
		return;
	memcpy(w.comm, p->comm, sizeof(w.comm));
	memcpy(w.process, p->comm, sizeof(w.process));
	on_task(c, &w);
	keep(c, PROCS, p->pid, 1);
	watch_process(c, p->pid);
}

static void remember(struct dq_collect *c, const struct proc_found *p)
{
	struct proc_found *row;

	for (size_t i = 0; i < c->nlooked; i++) {
		if (c->looked[i].ino != p->ino)
			continue;
		if (!c->looked[i].size) /* a mapping says less than a descriptor */
			c->looked[i] = *p;
		return;
	}
	row = DQ_PUSH(c->looked, c->nlooked, c->cap_looked);
	if (row)
		*row = *p;
	else if (!c->err)
		c->err = -ENOMEM;
}

void collect_found(struct dq_collect *c, const struct proc_found *p)
{
	struct wire_hold w = { .kind = WIRE_HOLD, .what = p->what, .tid = p->pid, .fd = p->fd,
			       .t = now_ns(), .n = 1 };

	uint64_t token;

	c->procfs = true;
	introduce(c, p);
	if (p->what == HOLD_FD) {
		w.table = TABLE_OF(p->pid);
		if (!share_table(c, p->pid))
			table_id(c, w.table);
	}
	if (dq_map_get(c->map[INODES], p->ino, &token)) {
		w.buf = token;
	} else {
		if (c->snap.what == DQ_SNAP_FINAL && is_filtered(&c->l->opts))
			return;
		w.buf = LOOKED(p->ino);
		remember(c, p);
	}
	on_hold(c, &w);
}


void collect_refs(struct dq_collect *c, uint64_t token, uint64_t n)
{
	struct wire_hold w = { .kind = WIRE_HOLD, .what = HOLD_REFS, .fd = -1, .t = now_ns(),
			       .buf = token, .n = n };

	if (!dq_map_get(c->map[BUFS], token, NULL))
		return;
	put_hold(c, &w);
	c->snap.bufs++;
}

void collect_snap_begin(struct dq_collect *c, enum dq_snap_when when, const char *sources)
{
	struct dq_item it = { .kind = DQ_SNAP };

	put_looked(c);
	c->nholds = 0; /* the buffers of the others did not turn up */
	c->snap = (struct dq_snap){ .id = c->snap.id + 1, .what = when, .t0 = now_ns(),
				    .sources = sources };
	it.snap = c->snap;
	collect_put(c, &it);
}

void collect_snap_end(struct dq_collect *c, uint32_t flags, uint64_t differ)
{
	struct dq_item it = { .kind = DQ_SNAP };

	if (c->snap.what == DQ_SNAP_FINAL)
		put_looked(c);
	c->snap.flags |= flags;
	c->snap.t1 = now_ns();
	c->snap.differ = differ;
	it.snap = c->snap;
	collect_put(c, &it);
	c->snap.sources = ""; /* the caller's */
}

static void on_taskev(struct dq_collect *c, const struct wire_taskev *w)
{
	struct dq_item it = { .kind = DQ_TASKEV };

	put_looked(c); /* what a child inherits must have been told */

	it.taskev.t = w->t;
	it.taskev.what = w->what;
	it.taskev.task = task_id(c, w->tid);
	it.taskev.other = w->other ? task_id(c, w->other) : 0;
	it.taskev.from = table_of(c, w->from, w->tid);
	/* a new process has a new table, whoever had one at this address before */
	if (w->what == TASKEV_FORK && w->table && w->table != w->from) {
		it.taskev.table = new_number(c, TABLES, w->table);
		table_of(c, w->table, w->other);
	} else {
		it.taskev.table = table_of(c, w->table, w->tid);
	}
	collect_put(c, &it);
	if (w->what == TASKEV_EXIT)
		end_task(c, w->tid);
}

static void on_att(struct dq_collect *c, const struct wire_att *w)
{
	struct dq_item it = { .kind = DQ_ATT };

	if (number(c, ATTS, w->att, &it.att.id)) /* see on_buf() */
		return;
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

static uint32_t put_unknown_att(struct dq_collect *c, uint32_t id, uint32_t buf)
{
	struct dq_item it = { .kind = DQ_ATT };

	it.att.id = id;
	it.att.buf = buf;
	it.att.flags = DQ_ATT_PREEXISTING;
	it.att.dev = it.att.driver = it.att.bus = "";
	collect_put(c, &it);
	return id;
}

static uint32_t att_id(struct dq_collect *c, uint64_t token, uint32_t buf)
{
	uint32_t id;

	if (!token)
		return 0;
	return number(c, ATTS, token, &id) ? id : put_unknown_att(c, id, buf);
}

static void on_dev(struct dq_collect *c, const struct wire_dev *w)
{
	uint32_t id = dq_strtab_intern(c->names, w->module, strnlen(w->module, WIRE_STR), NULL);

	if (id != UINT32_MAX)
		keep(c, MODULES, w->rdev, id);
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
	uint64_t key = (uint64_t)(mode & S_IFMT) << 32 | rdev, module;
	struct dq_item it = { .kind = DQ_DEV };
	struct device_names n = { "", "", "" };

	if (!mode || number(c, DEVS, key, &it.dev.id))
		return mode ? it.dev.id : 0;
	if (S_ISCHR(mode) || S_ISBLK(mode)) {
		const char *mod = dq_map_get(c->map[MODULES], rdev, &module) ?
					  dq_strtab_get(c->names, module) :
					  "";

		name_device(rdev, S_ISBLK(mode), mod, &n);
		it.dev.major = rdev >> 20;
		it.dev.minor = rdev & 0xfffff;
	}
	it.dev.kind = file_kind(mode);
	it.dev.path = n.path;
	it.dev.driver = n.driver;
	it.dev.subsystem = n.subsystem;
	collect_put(c, &it);
	return it.dev.id;
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
	bool known = dq_map_get(c->map[SGTS], w->sgt, &v);

	if (!w->sgt || (is_map(w->hook) && w->flags & (WIRE_F_OPEN | WIRE_F_MISSED)))
		return 0;
	if (!known || w->hook == HOOK_OPS_MAP || (v & 1 && is_map(w->hook)))
		v = (uint64_t)++c->last[SGTS] << 1;
	if (w->hook == HOOK_OPS_UNMAP)
		v |= 1;
	keep(c, SGTS, w->sgt, v);
	return v >> 1;
}

/* Its announcement is lost when the ring is full, and is never made when a filter does not let the
 * call pass that waits. */
static uint32_t timeline_id(struct dq_collect *c, uint64_t context)
{
	struct dq_item it = { .kind = DQ_TIMELINE };

	if (number(c, TIMELINES, context, &it.timeline.id))
		return it.timeline.id;
	it.timeline.context = context;
	it.timeline.driver = it.timeline.name = "";
	collect_put(c, &it);
	return it.timeline.id;
}

static void on_timeline(struct dq_collect *c, const struct wire_timeline *w)
{
	struct dq_item it = { .kind = DQ_TIMELINE };

	if (number(c, TIMELINES, w->context, &it.timeline.id))
		return;
	it.timeline.context = w->context;
	it.timeline.driver = w->driver;
	it.timeline.name = w->name;
	collect_put(c, &it);
}

/* What the address in w->sgt is depends on the hook; see struct wire_call. */
static void put_object(struct dq_collect *c, const struct wire_call *w, struct dq_call *d)
{
	switch (w->hook) {
	case HOOK_FD_INSTALL:
	case HOOK_DO_DUP2:
	case HOOK_FILP_FLUSH:
	case HOOK_FILP_CLOSE:
	case HOOK_SCM_SEND:
	case HOOK_BINDER_SEND:
		d->table = table_of(c, w->sgt, w->tid);
		break;
	case HOOK_MMAP_FILE:
	case HOOK_MMAP:
		if (!w->ret && !(w->flags & (WIRE_F_OPEN | WIRE_F_MISSED | WIRE_F_UNHELD)))
			d->vma = new_number(c, VMAS, w->sgt);
		break;
	case HOOK_VM_AREA_DUP:
		d->a[0] = vma_id(c, w->a[0]);
		d->vma = new_number(c, VMAS, w->sgt);
		break;
	case HOOK_VM_AREA_FREE:
	case HOOK_VM_AREA_FREE_DIRECT:
		d->vma = vma_id(c, w->sgt);
		dq_map_del(c->map[VMAS], w->sgt);
		break;
	case HOOK_FENCE_WAIT:
		d->a[0] = timeline_id(c, w->a[0]);
		break;
	default:
		d->sgt = sgt_id(c, w);
	}
}

static const char *caller_name(struct dq_collect *c, uint64_t addr)
{
	char name[160];
	uint64_t id;

	if (!addr)
		return "";
	if (!dq_map_get(c->map[CALLERS], addr, &id)) {
		if (dq_ksyms_is_trampoline(c->l->ksyms, addr)) /* somebody else's return probe */
			snprintf(name, sizeof(name), "%s", DQ_CALLER_HIDDEN);
		/* the return address may be the first byte after a call that never returns */
		else if (!dq_ksyms_name(c->l->ksyms, addr - 1, name, sizeof(name)))
			name[0] = '\0';
		id = dq_strtab_intern(c->names, name, strlen(name), NULL);
		if (id == UINT32_MAX)
			return "";
		keep(c, CALLERS, addr, id);
	}
	return dq_strtab_get(c->names, id);
}

/* The frames of a stack, from the probed function outwards: inside of it, and with fentry, are the
 * probe's own. */
static void stack_frames(struct dq_collect *c, const uint64_t *ip, uint32_t hook, struct dq_sb *sb)
{
	uint64_t base = c->l->plan[hook].addr;
	char name[160];
	int first = 0;

	for (int i = 0; base && i < WIRE_STACK && ip[i]; i++) {
		if (dq_ksyms_start(c->l->ksyms, ip[i]) == base) {
			first = i;
			break;
		}
	}
	for (int i = first; i < WIRE_STACK && ip[i]; i++) {
		/* a return address may be the first byte after a call that never returns */
		if (!dq_ksyms_name(c->l->ksyms, i ? ip[i] - 1 : ip[i], name, sizeof(name)))
			snprintf(name, sizeof(name), "?");
		dq_sb_printf(sb, "%s%s", sb->len ? "\n" : "", name);
	}
}

static uint32_t stack_id(struct dq_collect *c, const struct wire_call *w)
{
	struct dq_item it = { .kind = DQ_STACK };
	struct dq_sb sb = { 0 };
	uint64_t ip[WIRE_STACK] = { 0 };
	uint32_t key = w->stack - 1;

	if (!w->stack || number(c, STACKS, key, &it.stack.id))
		return w->stack ? it.stack.id : 0;
	bpf_map__lookup_elem(c->l->skel->maps.stacks, &key, sizeof(key), ip, sizeof(ip), 0);
	stack_frames(c, ip, w->hook, &sb);
	it.stack.frames = dq_sb_str(&sb);
	collect_put(c, &it);
	dq_sb_free(&sb);
	return it.stack.id;
}

/* Every field of a call is set: no need to clear it before. */
static void make_call(struct dq_collect *c, const struct wire_call *w, struct dq_item *it)
{
	struct dq_call *d = &it->call;

	it->kind = DQ_CALL;
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
	memcpy(d->a, w->a, sizeof(d->a));
	d->sgt = d->table = d->vma = 0;
	if (w->sgt || w->hook == HOOK_FENCE_WAIT)
		put_object(c, w, d);
	d->ret = w->ret;
	d->caller = caller_name(c, w->caller);
	d->stack = w->stack ? stack_id(c, w) : 0;
}

static void put_call(struct dq_collect *c, const struct wire_call *w)
{
	struct dq_item it;

	make_call(c, w, &it);
	collect_put(c, &it);
	c->calls++;
	if (w->hook == HOOK_DETACH || w->hook == HOOK_RELEASE)
		note_end(c, w);
}

/* Most often it is the same as before. */
static inline void know_syscall(struct dq_collect *c, int32_t nr, bool compat)
{
	if (c->call.name && c->call.nr == nr && c->call.compat == compat)
		return;
	c->call.nr = nr;
	c->call.compat = compat;
	c->call.name = name_of_syscall(nr, compat);
	c->call.private = syscall_private_args(c->call.name);
}

static void make_sys(struct dq_collect *c, const struct wire_sys *w, struct dq_item *it)
{
	struct dq_sys *d = &it->sys;

	*it = (struct dq_item){ .kind = DQ_SYS };
	know_syscall(c, w->nr, w->flags & WIRE_SYS_COMPAT);
	d->task = task_id(c, w->tid);
	d->buf = buf_id(c, w->buf);
	d->dev = w->buf ? 0 : dev_id(c, w->rdev, w->mode);
	d->sys = w->sys;
	d->flags = w->flags;
	d->t0 = w->t0;
	d->t1 = w->t1;
	d->nr = w->nr;
	d->name = c->call.name;
	d->fd = w->fd;
	d->ret = w->ret;
	for (int i = 0; i < 3; i++)
		d->a[i] = c->call.private & 1U << i ? 0 : w->a[i];
	/* an address that comes back is as private as one that goes in */
	if (w->ret > 0 && (!strcmp(d->name, "mmap") || !strcmp(d->name, "mremap")))
		d->ret = 0;
}

static void put_sys(struct dq_collect *c, const struct wire_sys *w)
{
	struct dq_item it;

	make_sys(c, w, &it);
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
	dq_map_free(c->map[CALLERS]);
	c->map[CALLERS] = dq_map_new();
	if (!c->map[CALLERS] && !c->err)
		c->err = -ENOMEM;
	ops_module(c->l, w);
}

static void put_small(struct dq_collect *c, const struct wire_small *s)
{
	struct wire_call w = {
		.kind = WIRE_CALL, .hook = s->hook, .flags = s->flags, .depth = s->depth_a1 >> 4,
		.t0 = s->t0, .t1 = s->t0 + s->dur, .tid = s->tid, .seq = s->seq, .sys = s->sys,
		.cpu = s->cpu, .buf = s->buf, .a = { s->a0, s->depth_a1 & 15 }, .ret = s->ret,
	};

	put_call(c, &w);
}

static void put_small_sys(struct dq_collect *c, const struct wire_small_sys *s)
{
	struct wire_sys w = {
		.kind = WIRE_SYS, .flags = s->flags, .tid = s->tid, .sys = s->sys, .nr = s->nr,
		.t0 = s->t0, .t1 = s->t0 + s->dur, .a = { s->a[0], s->a[1], s->a[2] },
		.ret = s->ret, .buf = s->buf, .fd = s->fd,
	};

	put_sys(c, &w);
}

/*
 * ---- SYNC ----
 *
 * What comes most often is nearly always like the one before: then the items are there, and only times
 * and numbers are set anew; and so it is handed on (struct dq_repeat).
 */

/* Its items: the calls, the innermost first, and the system call. */
static void make_sync(struct dq_collect *c, const struct wire_sync *s, struct dq_repeat *r)
{
	struct wire_call w = {
		.kind = WIRE_CALL, .tid = s->tid, .sys = s->sys, .buf = s->buf, .ret = s->ret,
	};
	struct wire_sys sys = {
		.kind = WIRE_SYS, .tid = s->tid, .sys = s->sys, .nr = SYS_ioctl, .t0 = s->t0,
		.t1 = s->t0 + s->dur, .a = { s->fd, IOCTL_SYNC }, .ret = s->ret, .buf = s->buf,
		.fd = s->fd,
	};

	r->n = 0;
	for (uint32_t i = s->n; i--;) {
		const struct sync_call *k = &s->call[i];

		w.hook = k->hook;
		w.depth = i;
		w.t0 = s->t0 + k->begin;
		w.t1 = s->t0 + k->end;
		w.seq = s->seq + i;
		w.cpu = k->cpu;
		w.a[0] = i ? k->a0 : IOCTL_SYNC;
		w.a[1] = i ? 0 : s->a1;
		make_call(c, &w, &r->item[r->n++]);
	}
	make_sys(c, &sys, &r->item[r->n++]);
}

static void set_anew(const struct wire_sync *s, struct dq_repeat *r)
{
	struct dq_sys *sys = &r->item[r->n - 1].sys;
	struct dq_item *it = r->item;

	for (uint32_t i = s->n; i--; it++) {
		it->call.t0 = s->t0 + s->call[i].begin;
		it->call.dur = s->call[i].end - s->call[i].begin;
		it->call.seq = s->seq + i;
		it->call.sys = s->sys;
	}
	sys->t0 = s->t0;
	sys->t1 = s->t0 + s->dur;
	sys->sys = s->sys;
}

static inline bool is_like(const struct wire_sync *a, const struct wire_sync *b)
{
	if (memcmp(a, b, offsetof(struct wire_sync, t0)))
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (memcmp(&a->call[i].cpu, &b->call[i].cpu, 4)) /* and the hook and a0 */
			return false;
	return true;
}

/* What is rare next to what is not: not inline, or else that pays for the stack that this needs. */
#define RARE __attribute__((noinline))

static RARE void new_way(struct dq_collect *c, const struct wire_sync *s, struct sync_way *y)
{
	make_sync(c, s, &y->items);
	y->like = *s;
	y->items.id = s->ret < 0 ? 0 : ++c->nways ?: ++c->nways;
	y->numbers = c->numbers;
}

static void put_sync(struct dq_collect *c, const struct wire_sync *s)
{
	struct sync_way *y = &c->ways[(s->a1 + s->tid + s->buf * 4) % SYNC_WAYS];

	if (!s->n || s->n > SYNC_CALLS)
		return;
	if (y->numbers == c->numbers && is_like(&y->like, s))
		set_anew(s, &y->items);
	else
		new_way(c, s, y);
	c->calls += s->n;
	if (!c->err)
		c->err = dq_sink_repeat(&c->l->sink, &y->items);
}

/* Small records, one behind the other. */
static void put_smalls(struct dq_collect *c, const char *data, size_t size)
{
	while (size >= sizeof(struct wire_small)) {
		const struct wire_small *s = (const void *)data;
		size_t n = sizeof(*s);

		if (s->kind == WIRE_SMALL_SYS) {
			n = sizeof(struct wire_small_sys);
			if (size < n)
				return;
			put_small_sys(c, (const void *)data);
		} else {
			put_small(c, s);
		}
		data += n;
		size -= n;
	}
}

static RARE void put_record(struct dq_collect *c, const void *data, size_t size)
{
	const uint16_t *kind = data;

	/* Both ends are ours, but a short record would be read beyond its end. */
#define RECORD(KIND, type, fn)                                                                     \
	case KIND:                                                                                 \
		if (size >= sizeof(struct type))                                                   \
			fn(c, data);                                                               \
		break
	switch (*kind) {
		RECORD(WIRE_CALL, wire_call, put_call);
		RECORD(WIRE_SYS, wire_sys, put_sys);
		RECORD(WIRE_TASK, wire_task, on_task);
		RECORD(WIRE_BUF, wire_buf, on_buf);
		RECORD(WIRE_ATT, wire_att, on_att);
		RECORD(WIRE_NAMED, wire_named, put_name);
		RECORD(WIRE_DEV, wire_dev, on_dev);
		RECORD(WIRE_LOSS, wire_loss, collect_loss);
		RECORD(WIRE_TASKEV, wire_taskev, on_taskev);
		RECORD(WIRE_HOLD, wire_hold, on_hold);
		RECORD(WIRE_TIMELINE, wire_timeline, on_timeline);
	case WIRE_SMALL:
	case WIRE_SMALL_SYS:
		put_smalls(c, data, size);
		break;
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
}

int collect_record(struct dq_collect *c, const void *data, size_t size)
{
	const uint16_t *kind = data;

	if (size >= sizeof(struct wire_sync) && *kind == WIRE_SYNC)
		put_sync(c, data);
	else if (size >= sizeof(*kind))
		put_record(c, data, size);
	return 0;
}

static void put_frame(struct dq_collect *c, const struct task_state *st, const struct frame *f,
		      uint64_t t1, int64_t ret)
{
	struct wire_call w = {
		.kind = WIRE_CALL, .hook = f->hook, .flags = f->flags, .depth = f->depth, .t0 = f->t0,
		.t1 = t1, .tid = st->tid, .seq = f->seq, .sys = f->sys, .cpu = f->cpu, .buf = f->buf,
		.att = f->att, .sgt = f->sgt, .a = { f->a[0], f->a[1], f->a[2] }, .ret = ret,
		.caller = f->caller,
	};

	put_call(c, &w);
}

/* As unfold() of the probes does it: what is held of a SYNC becomes frames; what has returned is told. */
static void unfold(struct dq_collect *c, struct task_state *st)
{
	for (uint32_t i = st->nsync < SYNC_CALLS ? st->nsync : SYNC_CALLS; i--;) {
		const struct sync_frame *s = &st->sync[i];
		struct frame *f = &st->frames[i];

		*f = (struct frame){
			.t0 = s->t0, .buf = st->ctx.buf,
			.a = { i ? s->a0 : IOCTL_SYNC, i ? 0 : st->sync_a1 },
			.seq = s->seq, .sys = st->ctx.sys, .cpu = s->cpu, .hook = s->hook,
			.depth = i, .record = 1,
		};
		if (i >= st->depth)
			put_frame(c, st, f, s->t1, (int32_t)s->ret);
	}
	st->ctx.fd = (int32_t)st->ctx.a[0];
	st->nsync = 0;
}

/* Calls that had not returned when the recording ended. Callees first, as in the stream. */
void collect_in_flight(struct dq_collect *c, struct task_state *st, uint64_t now)
{
	uint32_t depth = st->depth < WIRE_DEPTH ? st->depth : WIRE_DEPTH;

	if (st->nsync)
		unfold(c, st);
	put_smalls(c, (const char *)st->out, st->out_len < WIRE_OUT ? st->out_len : WIRE_OUT);
	while (depth--) {
		struct frame *f = &st->frames[depth];

		f->flags |= WIRE_F_OPEN;
		if (f->record)
			put_frame(c, st, f, now, 0);
	}
	if (st->sys_active && st->ctx.recorded) {
		struct wire_sys s = st->ctx;

		s.flags |= WIRE_SYS_OPEN;
		s.t1 = now;
		put_sys(c, &s);
	}
}
