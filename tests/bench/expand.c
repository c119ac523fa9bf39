// SPDX-License-Identifier: BSD-2-Clause
/*
 * expand: a long trace out of a short one, for measuring what reads it.
 *
 * A recording is cut into a head (facts before the first buffer), lives (from the first
 * export to the last release) and a tail. The lives are written again and again, each time
 * with new times, numbers and identities, until there are --calls calls: buffers are
 * exported, used and released, as in the recording. With --steady N the steady part of each life
 * (the longest stretch in which nothing comes or goes) runs N times. So every number that is
 * noise in the recording is as noisy here, and the result keeps the rules that
 * `dmaseq dump --validate` checks.
 *
 * Parts are cut only where no task is inside of a call or a system call. Touches the two files;
 * memory is that of the recording. No clock, no random number: same input, same output.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/fields.h"
#include "trace/trace.h"
#include "util/util.h"

/* What a part of the recording takes of each numbering, so that its next run can go on behind. */
struct counts {
	uint64_t seq, sys;
};

struct part {
	size_t first, end;	/* items */
	uint64_t t0, t1;
};

struct ids {
	uint32_t buf, att, sgt, vma;
};

struct expand {
	struct dq_item *v;
	size_t n, cap;
	struct part head, begin, steady, finish, tail;
	struct ids per_life;	/* how many of each a life has: the largest number */
	size_t ntasks;		/* largest id + 1 */
	/* while writing */
	struct dq_writer *w;
	struct ids add;
	uint64_t t_add, ino_add;
	struct counts *task_add;
	uint64_t hits[256];
	uint64_t calls;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "expand: %s%s%s\n", what, err ? ": " : "", err ? strerror(-err) : "");
	exit(1);
}

/* ---- reading ---- */

static void load(struct expand *x, const char *path, struct dq_writer_opts *wo)
{
	struct dq_reader *r;
	struct dq_item item, *row;
	char *why = NULL;
	int rc = dq_reader_open(&r, path, &why);

	if (rc)
		die(why ? why : path, 0);
	while ((rc = dq_reader_next(r, &item)) > 0) {
		row = DQ_PUSH(x->v, x->n, x->cap);
		if (!row || dq_item_copy(row, &item))
			die("out of memory", 0);
	}
	if (rc < 0)
		die(dq_reader_error(r), 0);
	memcpy(wo->boot_id, dq_reader_state(r)->boot_id, sizeof(wo->boot_id));
	wo->mono = dq_reader_state(r)->mono;
	wo->real = dq_reader_state(r)->real;
	dq_reader_free(&r);
}

static void see_id(uint32_t *most, uint32_t id)
{
	*most = id > *most ? id : *most;
}

static void see_ids(struct expand *x)
{
	struct ids *m = &x->per_life;

	x->ntasks = 1;
	for (size_t i = 0; i < x->n; i++) {
		const struct dq_item *it = &x->v[i];

		if (it->kind == DQ_BUF)
			see_id(&m->buf, it->buf.id);
		if (it->kind == DQ_ATT)
			see_id(&m->att, it->att.id);
		if (it->kind == DQ_TASK && it->task.id >= x->ntasks)
			x->ntasks = it->task.id + 1;
		if (it->kind != DQ_CALL)
			continue;
		see_id(&m->sgt, it->call.sgt);
		see_id(&m->vma, it->call.vma);
		if (it->call.task >= x->ntasks)
			x->ntasks = it->call.task + 1;
	}
}

/* ---- cutting ---- */

static uint64_t end_of(const struct dq_item *it)
{
	switch (it->kind) {
	case DQ_CALL:
		return it->call.t0 + it->call.dur;
	case DQ_SYS:
		return it->sys.t1;
	case DQ_TASKEV:
		return it->taskev.t;
	default:
		return 0;
	}
}

static uint64_t start_of(const struct dq_item *it)
{
	switch (it->kind) {
	case DQ_CALL:
		return it->call.t0;
	case DQ_SYS:
		return it->sys.t0;
	default:
		return end_of(it);
	}
}

/* Something comes or goes: no steady part goes over it. */
static bool changes(const struct dq_item *it)
{
	switch (it->kind) {
	case DQ_SYS:
	case DQ_CLOCK:
		return false;
	case DQ_CALL:
		switch (it->call.hook) {
		case HOOK_EXPORT:
		case HOOK_FD:
		case HOOK_FD_INSTALL:
		case HOOK_ATTACH:
		case HOOK_DYNAMIC_ATTACH:
		case HOOK_DETACH:
		case HOOK_MMAP_FILE:
		case HOOK_MMAP:
		case HOOK_VM_AREA_DUP:
		case HOOK_VM_AREA_FREE:
		case HOOK_VM_AREA_FREE_DIRECT:
		case HOOK_FILP_CLOSE:
		case HOOK_FILP_FLUSH:
		case HOOK_DO_DUP2:
		case HOOK_SCM_SEND:
		case HOOK_BINDER_SEND:
		case HOOK_FILE_RELEASE:
		case HOOK_RELEASE:
			return true;
		default:
			return it->call.sgt;	/* a number that is given once */
		}
	default:
		return true;
	}
}

/* quiet[i]: no task is inside of anything before item i. */
static bool *find_quiet(const struct expand *x)
{
	bool *quiet = calloc(x->n + 1, sizeof(*quiet)), *in = calloc(x->ntasks, sizeof(*in));
	size_t inside = 0;

	if (!quiet || !in)
		die("out of memory", 0);
	for (size_t i = 0; i < x->n; i++) {
		const struct dq_item *it = &x->v[i];
		uint32_t task = 0;
		bool now = false;

		quiet[i] = !inside;
		if (it->kind == DQ_SYS) {
			task = it->sys.task;
		} else if (it->kind == DQ_CALL) {
			task = it->call.task;
			now = it->call.sys || it->call.depth;
		} else {
			continue;
		}
		inside += (size_t)now - (size_t)in[task];
		in[task] = now;
	}
	quiet[x->n] = !inside;
	free(in);
	return quiet;
}

static void times(const struct expand *x, struct part *p)
{
	p->t0 = UINT64_MAX;
	for (size_t i = p->first; i < p->end; i++) {
		uint64_t t0 = start_of(&x->v[i]), t1 = end_of(&x->v[i]);

		if (t0 && t0 < p->t0)
			p->t0 = t0;
		if (t1 > p->t1)
			p->t1 = t1;
	}
	if (p->t0 == UINT64_MAX)
		p->t0 = p->t1;
}

/* Do the calls after item i start after all before it have ended? Then the part may be repeated. */
static bool apart(const struct expand *x, size_t i, uint64_t t1)
{
	for (size_t k = i; k < x->n && k < i + 16; k++)
		if (start_of(&x->v[k]) && start_of(&x->v[k]) < t1)
			return false;
	return true;
}

static size_t first_buffer(const struct expand *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].kind == DQ_BUF && !(x->v[i].buf.flags & DQ_BUF_PREEXISTING))
			return i;
	die("there is no buffer whose export was recorded", 0);
	return 0;
}

/* Behind the last event. A task that is still inside of something never comes out of it. */
static size_t last_event(const struct expand *x)
{
	size_t i = x->n;

	while (i && x->v[i - 1].kind != DQ_SYS && x->v[i - 1].kind != DQ_CALL &&
	       x->v[i - 1].kind != DQ_TASKEV)
		i--;
	return i;
}

/* The longest stretch between two quiet places in which nothing changes. */
static struct part longest(const struct expand *x, const bool *quiet, size_t first, size_t end)
{
	struct part best = { first, first, 0, 0 };
	size_t begin = first, q = first;

	for (size_t i = first; i <= end; i++) {
		if (i < end && !changes(&x->v[i])) {
			if (quiet[i])
				q = i;
			continue;
		}
		if (i == end || quiet[i])
			q = i;
		if (q > begin && q - begin > best.end - best.first)
			best = (struct part){ begin, q, 0, 0 };
		for (begin = i + 1; begin < end && !quiet[begin]; begin++)
			;
		q = begin;
		i = begin > i ? begin - 1 : i;
	}
	return best;
}

static void cut(struct expand *x)
{
	bool *quiet = find_quiet(x);
	size_t first = first_buffer(x), end = last_event(x);

	while (first && !quiet[first])
		first--;
	x->head = (struct part){ .end = first };
	x->steady = longest(x, quiet, first, end);
	x->begin = (struct part){ first, x->steady.first, 0, 0 };
	x->finish = (struct part){ x->steady.end, end, 0, 0 };
	x->tail = (struct part){ end, x->n, 0, 0 };
	times(x, &x->begin);
	times(x, &x->steady);
	times(x, &x->finish);
	if (x->steady.end > x->steady.first && !apart(x, x->steady.end, x->steady.t1))
		die("the steady part overlaps what follows it", 0);
	free(quiet);
}

/* ---- writing ---- */

static void shift(uint32_t *id, uint32_t add)
{
	if (*id)
		*id += add;
}

static void rename_call(struct expand *x, struct dq_call *c)
{
	const struct counts *add = &x->task_add[c->task];

	c->t0 += x->t_add;
	c->seq += (uint32_t)add->seq;
	shift(&c->sys, (uint32_t)add->sys);
	shift(&c->buf, x->add.buf);
	shift(&c->att, x->add.att);
	shift(&c->sgt, x->add.sgt);
	shift(&c->vma, x->add.vma);
	if (c->hook < DQ_ARRAY_SIZE(x->hits))
		x->hits[c->hook]++;
	x->calls++;
}

/* An item of a life, as it is the next time. false: it was said once and for all. */
static bool rename_item(struct expand *x, struct dq_item *it, bool again)
{
	switch (it->kind) {
	case DQ_CALL:
		rename_call(x, &it->call);
		return true;
	case DQ_SYS:
		it->sys.t0 += x->t_add;
		it->sys.t1 += x->t_add;
		shift(&it->sys.sys, (uint32_t)x->task_add[it->sys.task].sys);
		shift(&it->sys.buf, x->add.buf);
		return true;
	case DQ_BUF:
		shift(&it->buf.id, x->add.buf);
		it->buf.t += x->t_add;
		it->buf.ino += x->ino_add;
		return true;
	case DQ_ATT:
		shift(&it->att.id, x->add.att);
		shift(&it->att.buf, x->add.buf);
		it->att.t += x->t_add;
		return true;
	case DQ_NAME:
		it->name.t += x->t_add;
		shift(&it->name.buf, x->add.buf);
		return true;
	case DQ_TASKEV:
		it->taskev.t += x->t_add;
		return true;
	default:
		return !again;
	}
}

static void put(struct expand *x, const struct dq_item *it)
{
	int err = dq_writer_put(x->w, it);

	if (err)
		die("cannot write", err);
}

/* The numbers of its calls and system calls go on from one run of a part to the next. */
static void count_part(const struct expand *x, const struct part *p, struct counts *per, int sign)
{
	for (size_t i = p->first; i < p->end; i++) {
		const struct dq_item *it = &x->v[i];

		if (it->kind == DQ_CALL)
			per[it->call.task].seq += (uint64_t)(int64_t)sign;
		if (it->kind == DQ_SYS)
			per[it->sys.task].sys += (uint64_t)(int64_t)sign;
	}
}

static void run_part(struct expand *x, const struct part *p, bool again)
{
	for (size_t i = p->first; i < p->end; i++) {
		struct dq_item it = x->v[i];

		if (rename_item(x, &it, again))
			put(x, &it);
	}
}

/* Runs it once more: the same buffers, later. */
static void repeat_steady(struct expand *x)
{
	count_part(x, &x->steady, x->task_add, 1);
	x->t_add += x->steady.t1 - x->steady.t0 + 1000;
	run_part(x, &x->steady, true);
}

static void run_life(struct expand *x, uint64_t steady, uint64_t calls, bool again)
{
	run_part(x, &x->begin, again);
	run_part(x, &x->steady, again);
	for (uint64_t i = 1; i < steady && x->calls < calls; i++)
		repeat_steady(x);
	run_part(x, &x->finish, again);
	/* for the next one */
	count_part(x, &x->begin, x->task_add, 1);
	count_part(x, &x->steady, x->task_add, 1);
	count_part(x, &x->finish, x->task_add, 1);
	x->add.buf += x->per_life.buf;
	x->add.att += x->per_life.att;
	x->add.sgt += x->per_life.sgt;
	x->add.vma += x->per_life.vma;
	x->ino_add += x->per_life.buf;
	x->t_add += x->finish.t1 - x->begin.t0 + 1000000;
}

static void write_tail(struct expand *x, uint64_t t_add)
{
	for (size_t i = x->tail.first; i < x->tail.end; i++) {
		struct dq_item it = x->v[i];

		if (it.kind == DQ_HOOK && it.hook.hits && it.hook.id < DQ_ARRAY_SIZE(x->hits))
			it.hook.hits = x->hits[it.hook.id];
		if (it.kind == DQ_CLOCK) {
			it.clock.mono += t_add;
			it.clock.real += t_add;
		}
		if (it.kind == DQ_END) {
			it.end.t += t_add;
			it.end.calls = x->calls;
		}
		put(x, &it);
	}
}

static void expand(struct expand *x, uint64_t calls, uint64_t steady)
{
	uint64_t t_add = 0;

	x->task_add = calloc(x->ntasks, sizeof(*x->task_add));
	if (!x->task_add)
		die("out of memory", 0);
	for (size_t i = x->head.first; i < x->head.end; i++) {
		if (x->v[i].kind == DQ_CALL)
			x->calls++;
		put(x, &x->v[i]);
	}
	for (bool again = false; x->calls < calls; again = true) {
		run_life(x, steady, calls, again);
		t_add = x->t_add - (x->finish.t1 - x->begin.t0 + 1000000);
	}
	write_tail(x, t_add);
}

static uint64_t number(const char *s)
{
	uint64_t n;

	if (dq_parse_uint(s, &n) || !n)
		die("a number from 1 is needed", 0);
	return n;
}

int main(int argc, char **argv)
{
	struct expand x = { 0 };
	struct dq_writer_opts wo = { 0 };
	uint64_t calls = 0, steady = 1;
	int fd, err, i;

	for (i = 1; i + 1 < argc && argv[i][0] == '-' && argv[i][1]; i += 2) {
		if (!strcmp(argv[i], "--calls"))
			calls = number(argv[i + 1]);
		else if (!strcmp(argv[i], "--steady"))
			steady = number(argv[i + 1]);
		else
			break;
	}
	if (argc - i != 2 || !calls) {
		fprintf(stderr, "usage: expand --calls N [--steady N] RECORDING OUT\n");
		return 2;
	}
	load(&x, argv[i], &wo);
	see_ids(&x);
	cut(&x);
	fd = open(argv[i + 1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		die(argv[i + 1], -errno);
	err = dq_writer_new(&x.w, fd, &wo);
	if (err)
		die("cannot write", err);
	expand(&x, calls, steady);
	err = dq_writer_close(&x.w);
	if (err || close(fd))
		die("cannot write", err ? err : -errno);
	fprintf(stderr, "expand: %" PRIu64 " calls, %" PRIu32 " buffers; the steady part has %zu of %zu items\n",
		x.calls, x.add.buf, x.steady.end - x.steady.first, x.finish.end - x.begin.first);
	for (size_t k = 0; k < x.n; k++)
		dq_item_clear(&x.v[k]);
	free(x.v);
	free(x.task_add);
	return 0;
}
