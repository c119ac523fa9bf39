/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * validate.c - see validate.h. Touches only the heap.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "util/util.h"
#include "validate.h"

/* Nesting deeper than this is not followed (the recorder's limit is far below). */
#define DEPTH_MAX 64

/* What is remembered of a thread. Calls come when they end, so the numbers of their entries
 * rise only among those of the same depth. */
struct task_rules {
	uint32_t id;
	uint32_t last_sys;	/* of a SYS item */
	uint32_t open_sys;	/* the largest that a call named */
	/* The entries that must all be there: their numbers, and how many there are. With keep.from not
	 * those of and inside the first outermost call, with keep.open not those behind the last one. */
	uint32_t min_seq, max_seq;	/* 0: none yet */
	uint64_t calls;
	uint32_t due_max;	/* the same up to the last outermost call */
	uint64_t due_calls;
	bool whole;		/* an outermost call came */
	uint32_t last_seq[DEPTH_MAX];
};

struct dq_validator {
	void (*say)(const char *text, void *ctx);
	void *ctx;
	uint64_t problems;
	struct dq_map *defined[DQ_KIND_MAX];	/* ids; of TASK: index into tasks */
	struct task_rules *tasks;
	size_t ntasks, cap_tasks;
	uint64_t item;			/* number of the item at hand, from 1 */
	uint64_t calls, lost, clocks;
	bool kept, open;		/* metas keep.from and keep.open */
	bool filtered;			/* meta filter: calls on some buffers were left out */
	bool had_end;
	uint64_t end_calls, end_lost;
	int err;
};

static void problem(struct dq_validator *v, const char *fmt, ...) DQ_PRINTF(2, 3);
static void problem(struct dq_validator *v, const char *fmt, ...)
{
	struct dq_sb sb = { 0 };
	va_list ap;

	v->problems++;
	va_start(ap, fmt);
	dq_sb_vprintf(&sb, fmt, ap);
	va_end(ap);
	v->say(dq_sb_str(&sb), v->ctx);
	dq_sb_free(&sb);
}

int dq_validator_new(struct dq_validator **ret_v, void (*say)(const char *text, void *ctx),
		     void *ctx)
{
	struct dq_validator *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->say = say;
	v->ctx = ctx;
	for (int k = 0; k < DQ_KIND_MAX; k++) {
		v->defined[k] = dq_map_new();
		if (!v->defined[k])
			v->err = -ENOMEM;
	}
	if (v->err) {
		dq_validator_free(&v);
		return -ENOMEM;
	}
	*ret_v = v;
	return 0;
}

void dq_validator_free(struct dq_validator **pv)
{
	struct dq_validator *v = *pv;

	if (!v)
		return;
	*pv = NULL;
	for (int k = 0; k < DQ_KIND_MAX; k++)
		dq_map_free(v->defined[k]);
	free(v->tasks);
	free(v);
}

/* An id gets its meaning. Tasks, ops tables, hooks and snapshots may be said again. */
static void define(struct dq_validator *v, enum dq_kind kind, uint32_t id)
{
	bool again = kind == DQ_TASK || kind == DQ_OPS || kind == DQ_HOOK || kind == DQ_SNAP;
	struct task_rules *t;

	if (!id)
		problem(v, "item %" PRIu64 ": %s with id 0", v->item, dq_kinds[kind].name);
	if (dq_map_get(v->defined[kind], id, NULL)) {
		if (!again)
			problem(v, "item %" PRIu64 ": %s %u is defined twice", v->item,
				dq_kinds[kind].name, id);
		return;
	}
	if (kind == DQ_TASK) {
		t = DQ_PUSH(v->tasks, v->ntasks, v->cap_tasks);
		if (!t) {
			v->err = -ENOMEM;
			return;
		}
		t->id = id;
	}
	if (dq_map_put(v->defined[kind], id, v->ntasks - 1))
		v->err = -ENOMEM;
}

/* An id is used. Said once per id: it is defined then, as far as we are concerned. */
static void use(struct dq_validator *v, enum dq_kind user, enum dq_kind kind, uint32_t id)
{
	if (!id || dq_map_get(v->defined[kind], id, NULL))
		return;
	problem(v, "item %" PRIu64 ": %s uses %s %u, which is not defined before it", v->item,
		dq_kinds[user].name, dq_kinds[kind].name, id);
	define(v, kind, id);
}

static struct task_rules *task_of(struct dq_validator *v, uint32_t id)
{
	uint64_t i;

	return dq_map_get(v->defined[DQ_TASK], id, &i) && i < v->ntasks ? &v->tasks[i] : NULL;
}

static void check_seq(struct dq_validator *v, struct task_rules *t, const struct dq_call *c)
{
	uint32_t *last;

	if (!v->kept || t->whole) {
		t->calls++;
		if (!t->min_seq || c->seq < t->min_seq)
			t->min_seq = c->seq;
		if (c->seq > t->max_seq)
			t->max_seq = c->seq;
	}
	if (!c->depth) {
		t->whole = true;
		t->due_max = t->max_seq;
		t->due_calls = t->calls;
	}
	if (!c->seq)
		problem(v, "item %" PRIu64 ": call without a seq", v->item);
	if (c->depth >= DEPTH_MAX)
		return;
	last = &t->last_seq[c->depth];
	if (c->seq <= *last)
		problem(v, "item %" PRIu64 ": seq %u of task %u at depth %u is not above %u",
			v->item, c->seq, c->task, c->depth, *last);
	*last = c->seq;
	/* callees come before their caller and were entered after it */
	if (c->depth + 1 < DEPTH_MAX && t->last_seq[c->depth + 1] == c->seq)
		problem(v, "item %" PRIu64 ": seq %u of task %u is used twice", v->item, c->seq,
			c->task);
}

/* A final release runs as task work, after the return of the syscall that dropped the last
 * reference, and still belongs to it. */
static bool may_follow_its_sys(const struct dq_call *c)
{
	return c->hook == HOOK_FILE_RELEASE || c->hook == HOOK_RELEASE ||
	       c->hook == HOOK_OPS_RELEASE;
}

static void check_call(struct dq_validator *v, const struct dq_call *c)
{
	struct task_rules *t;

	v->calls++;
	if (!dq_hook_info(c->hook) && !dq_map_get(v->defined[DQ_HOOK], c->hook, NULL)) {
		problem(v, "item %" PRIu64 ": call of hook %u, which is not defined before it",
			v->item, c->hook);
		define(v, DQ_HOOK, c->hook);
	}
	if (!c->task)
		problem(v, "item %" PRIu64 ": call without a task", v->item);
	use(v, DQ_CALL, DQ_TASK, c->task);
	use(v, DQ_CALL, DQ_BUF, c->buf);
	use(v, DQ_CALL, DQ_ATT, c->att);
	use(v, DQ_CALL, DQ_STACK, c->stack);
	if (c->hook == HOOK_FENCE_WAIT)
		use(v, DQ_CALL, DQ_TIMELINE, (uint32_t)c->a[0]);
	t = task_of(v, c->task);
	if (!t)
		return;
	check_seq(v, t, c);
	if (c->sys && c->sys <= t->last_sys && !may_follow_its_sys(c))
		problem(v, "item %" PRIu64 ": call in sys %u of task %u, which ended before it",
			v->item, c->sys, c->task);
	if (c->sys > t->open_sys)
		t->open_sys = c->sys;
}

static void check_sys(struct dq_validator *v, const struct dq_sys *s)
{
	struct task_rules *t;

	use(v, DQ_SYS, DQ_TASK, s->task);
	use(v, DQ_SYS, DQ_DEV, s->dev);
	use(v, DQ_SYS, DQ_BUF, s->buf);
	t = task_of(v, s->task);
	if (!s->task || !s->sys)
		problem(v, "item %" PRIu64 ": sys without a task and number", v->item);
	if (s->t1 < s->t0)
		problem(v, "item %" PRIu64 ": sys ends before it starts", v->item);
	if (!t)
		return;
	if (s->sys <= t->last_sys)
		problem(v, "item %" PRIu64 ": sys %u of task %u is not above %u", v->item, s->sys,
			s->task, t->last_sys);
	t->last_sys = s->sys;
}

static void check_end(struct dq_validator *v, const struct dq_end *e)
{
	v->had_end = true;
	v->end_calls = e->calls;
	v->end_lost = e->lost;
}

int dq_validator_item(struct dq_validator *v, const struct dq_item *item)
{
	v->item++;
	if (v->had_end) {
		problem(v, "item %" PRIu64 ": %s after the end", v->item,
			dq_kinds[item->kind].name);
		v->had_end = false;
	}
	switch (item->kind) {
	case DQ_HOOK:
		define(v, DQ_HOOK, item->hook.id);
		break;
	case DQ_TASK:
		define(v, DQ_TASK, item->task.id);
		break;
	case DQ_DEV:
		define(v, DQ_DEV, item->dev.id);
		break;
	case DQ_OPS:
		define(v, DQ_OPS, item->ops.id);
		break;
	case DQ_BUF:
		use(v, DQ_BUF, DQ_OPS, item->buf.ops);
		define(v, DQ_BUF, item->buf.id);
		break;
	case DQ_ATT:
		use(v, DQ_ATT, DQ_BUF, item->att.buf);
		define(v, DQ_ATT, item->att.id);
		break;
	case DQ_CALL:
		check_call(v, &item->call);
		break;
	case DQ_SYS:
		check_sys(v, &item->sys);
		break;
	case DQ_NAME:
		use(v, DQ_NAME, DQ_BUF, item->name.buf);
		break;
	case DQ_TASKEV:
		use(v, DQ_TASKEV, DQ_TASK, item->taskev.task);
		use(v, DQ_TASKEV, DQ_TASK, item->taskev.other);
		break;
	case DQ_SNAP:
		define(v, DQ_SNAP, item->snap.id);
		break;
	case DQ_HOLD:
		use(v, DQ_HOLD, DQ_SNAP, item->hold.snap);
		use(v, DQ_HOLD, DQ_BUF, item->hold.buf);
		use(v, DQ_HOLD, DQ_TASK, item->hold.task);
		break;
	case DQ_STACK:
		define(v, DQ_STACK, item->stack.id);
		break;
	case DQ_TIMELINE:
		define(v, DQ_TIMELINE, item->timeline.id);
		break;
	case DQ_LOSS:
		v->lost += item->loss.count;
		break;
	case DQ_END:
		check_end(v, &item->end);
		break;
	case DQ_META:
		v->kept |= !strcmp(item->meta.key, "keep.from");
		v->open |= !strcmp(item->meta.key, "keep.open");
		/* a command's calls are recorded all */
		v->filtered |= !strcmp(item->meta.key, "filter") && strcmp(item->meta.value, "command");
		break;
	case DQ_CLOCK:
	case DQ_KIND_MAX:
		break;
	}
	return v->err;
}

static void check_tasks(struct dq_validator *v)
{
	for (size_t i = 0; i < v->ntasks; i++) {
		const struct task_rules *t = &v->tasks[i];
		uint64_t calls = v->open ? t->due_calls : t->calls;
		uint64_t due = v->open ? t->due_max : t->max_seq;

		if (v->kept && t->min_seq && due)
			due -= t->min_seq - 1;
		/* what was lost while recording leaves holes, and says so */
		if (!v->lost && !v->filtered && due > calls)
			problem(v, "task %u: %" PRIu64 " of its %" PRIu64 " calls are missing", t->id,
				due - calls, due);
		if (!v->lost && !v->open && t->open_sys > t->last_sys)
			problem(v, "task %u: sys %u, which calls name, is missing", t->id,
				t->open_sys);
	}
}

int dq_validator_end(struct dq_validator *v, const struct dq_reader_state *st)
{
	if (st->bad_chunks)
		problem(v, "%" PRIu64 " damaged chunk%s", st->bad_chunks,
			st->bad_chunks == 1 ? "" : "s");
	if (st->lost_chunks)
		problem(v, "%" PRIu64 " number%s missing among the chunks", st->lost_chunks,
			st->lost_chunks == 1 ? "" : "s");
	if (st->skipped_bytes)
		problem(v, "%" PRIu64 " bytes of garbage between chunks", st->skipped_bytes);
	if (st->truncated)
		problem(v, "the file ends inside a chunk");
	if (st->no_end)
		problem(v, "the last item is not an end");
	check_tasks(v);
	if (v->had_end && v->end_calls != v->calls)
		problem(v, "the end says %" PRIu64 " calls, there are %" PRIu64, v->end_calls,
			v->calls);
	if (v->had_end && v->end_lost != v->lost)
		problem(v, "the end says %" PRIu64 " lost events, the losses say %" PRIu64,
			v->end_lost, v->lost);
	return v->err;
}

uint64_t dq_validator_problems(const struct dq_validator *v)
{
	return v->problems;
}
