/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_trace_keep.c - the flight recorder: what it keeps is the end of what it was
 * given, valid by itself, and its memory does not grow.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "trace/fields.h"
#include "trace/keep.h"
#include "trace/trace.h"
#include "trace/validate.h"
#include "util/util.h"

#define MS 1000000ULL

/* ---- a machine whose buffers come and go ---- */

enum { TASKS = 3 };

struct machine {
	struct dq_sink to;
	uint64_t t;
	uint32_t seq[TASKS + 1], sys[TASKS + 1];
	uint32_t bufs, atts, tasks;	/* ids given */
	uint64_t calls, events;
	int err;
};

static void put(struct machine *m, const struct dq_item *item)
{
	if (!m->err)
		m->err = m->to.put(m->to.ctx, item);
	m->calls += item->kind == DQ_CALL;
	m->events += item->kind == DQ_CALL || item->kind == DQ_SYS || item->kind == DQ_NAME ||
		     item->kind == DQ_TASKEV;
}

static void put_task(struct machine *m, uint32_t id, uint32_t tid, const char *comm)
{
	struct dq_item it = { .kind = DQ_TASK, .task = { .id = id, .tid = tid, .tgid = tid,
							 .comm = comm, .process = comm } };

	if (id > m->tasks)
		m->tasks = id;
	put(m, &it);
}

static void begin(struct machine *m, struct dq_sink to)
{
	struct dq_item meta = { .kind = DQ_META, .meta = { "tool", "test" } };
	struct dq_item clock = { .kind = DQ_CLOCK, .clock = { 1, 2 } };
	struct dq_item hook = { .kind = DQ_HOOK, .hook = { .id = HOOK_PUT, .name = "dma_buf_put" } };
	struct dq_item dev = { .kind = DQ_DEV, .dev = { .id = 1, .kind = "chr", .path = "/dev/a" } };
	struct dq_item ops = { .kind = DQ_OPS, .ops = { .id = 1, .exporter = "drm" } };

	*m = (struct machine){ .to = to, .t = 1000 * MS };
	put(m, &meta);
	put(m, &clock);
	put(m, &hook);
	for (uint32_t i = 1; i <= TASKS; i++)
		put_task(m, i, 100 + i, "cam");
	put(m, &dev);
	put(m, &ops);
}

/* An outermost call with one inside of it, which is written first. */
static void put_calls(struct machine *m, uint32_t task, enum hook_id outer, enum hook_id inner,
		      uint32_t buf, uint32_t att)
{
	struct dq_item it = { .kind = DQ_CALL, .call = { .task = task, .buf = buf, .att = att,
							 .caller = "f [m]" } };
	uint32_t first = m->seq[task] + 1;

	it.call.sys = m->sys[task] + 1;
	it.call.hook = inner;
	it.call.depth = 1;
	it.call.seq = first + 1;
	it.call.t0 = m->t + 10;
	it.call.dur = 100;
	put(m, &it);
	it.call.hook = outer;
	it.call.depth = 0;
	it.call.seq = first;
	it.call.t0 = m->t;
	it.call.dur = 200;
	put(m, &it);
	m->seq[task] += 2;
	m->t += 1000;
}

static void put_sys(struct machine *m, uint32_t task, uint32_t buf)
{
	struct dq_item it = { .kind = DQ_SYS, .sys = { .task = task, .name = "ioctl", .fd = 5,
						       .dev = buf ? 0 : 1, .buf = buf, .nr = 16 } };

	it.sys.sys = ++m->sys[task];
	it.sys.t0 = m->t - 1000;
	it.sys.t1 = m->t;
	put(m, &it);
	m->t += 1000;
}

static uint32_t put_buf(struct machine *m)
{
	struct dq_item it = { .kind = DQ_BUF, .buf = { .id = ++m->bufs, .ops = 1, .size = 4096,
						       .exp_name = "drm", .name = "first" } };

	it.buf.t = m->t;
	it.buf.ino = it.buf.id;
	put(m, &it);
	return it.buf.id;
}

static void put_name(struct machine *m, uint32_t buf)
{
	struct dq_item it = { .kind = DQ_NAME, .name = { .buf = buf, .t = m->t } };
	char name[32];

	snprintf(name, sizeof(name), "frame %u", buf);
	it.name.name = name;
	put(m, &it);
}

/* A buffer's life in three system calls. */
static void a_life(struct machine *m, uint32_t task)
{
	uint32_t buf = put_buf(m);
	struct dq_item att = { .kind = DQ_ATT, .att = { .id = ++m->atts, .buf = buf, .t = m->t } };

	put_calls(m, task, HOOK_EXPORT, HOOK_FD, buf, 0);
	put_sys(m, task, 0);
	put_name(m, buf);
	put(m, &att);
	put_calls(m, task, HOOK_ATTACH, HOOK_OPS_ATTACH, buf, att.att.id);
	put_calls(m, task, HOOK_DETACH, HOOK_OPS_DETACH, buf, att.att.id);
	put_sys(m, task, buf);
	put_calls(m, task, HOOK_RELEASE, HOOK_OPS_RELEASE, buf, 0);
	put_sys(m, task, buf);
}

/* ---- a sink that remembers, and looks whether it is a valid trace ---- */

struct seen {
	struct dq_item *v;
	size_t n, cap;
	struct dq_validator *val;
};

static void complain(const char *text, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "not valid: %s\n", text);
}

static int see(void *ctx, const struct dq_item *item)
{
	struct seen *s = ctx;
	struct dq_item *it = DQ_PUSH(s->v, s->n, s->cap);

	assert_non_null(it);
	if (s->val)
		assert_int_equal(dq_validator_item(s->val, item), 0);
	return dq_item_copy(it, item);
}

static int no_flush(void *ctx)
{
	(void)ctx;
	return 0;
}

static struct dq_sink sink_of(struct seen *s)
{
	return (struct dq_sink){ .put = see, .flush = no_flush, .ctx = s };
}

static void forget(struct seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		dq_item_clear(&s->v[i]);
	free(s->v);
	dq_validator_free(&s->val);
	*s = (struct seen){ 0 };
}

/* What the keeper writes, which has to be valid. */
static struct seen written(struct dq_keeper *k, uint64_t now, bool goes_on)
{
	struct seen s = { 0 };
	struct dq_sink to = sink_of(&s);
	struct dq_reader_state st = { 0 };

	assert_int_equal(dq_validator_new(&s.val, complain, NULL), 0);
	assert_int_equal(dq_keeper_write(k, &to, now, "test", goes_on), 0);
	assert_int_equal(dq_validator_end(s.val, &st), 0);
	assert_int_equal(dq_validator_problems(s.val), 0);
	assert_int_equal(s.v[s.n - 1].kind, DQ_END);
	return s;
}

static bool is_event(const struct dq_item *it)
{
	return it->kind == DQ_CALL || it->kind == DQ_SYS || it->kind == DQ_NAME ||
	       it->kind == DQ_TASKEV || it->kind == DQ_LOSS;
}

static bool same(const struct dq_item *a, const struct dq_item *b)
{
	const struct dq_kind_desc *k = &dq_kinds[a->kind];

	if (a->kind != b->kind)
		return false;
	for (const struct dq_field *f = k->f; f < k->f + k->n; f++)
		if (f->type == DQ_F_STR ? strcmp(*dq_field_str(a, f), *dq_field_str(b, f)) != 0 :
					  dq_field_get(a, f) != dq_field_get(b, f))
			return false;
	return true;
}

/* The events of part are the last events of all; returns how many. */
static size_t assert_tail(const struct seen *all, const struct seen *part)
{
	size_t i = all->n, j = part->n, n = 0;

	while (j--) {
		if (!is_event(&part->v[j]))
			continue;
		do
			assert_true(i-- > 0);
		while (!is_event(&all->v[i]));
		assert_true(same(&all->v[i], &part->v[j]));
		n++;
	}
	return n;
}

static const struct dq_item *find(const struct seen *s, enum dq_kind kind, uint32_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == kind && dq_item_id(&s->v[i]) == id)
			return &s->v[i];
	return NULL;
}

static const char *meta(const struct seen *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == DQ_META && !strcmp(s->v[i].meta.key, key))
			return s->v[i].meta.value;
	return NULL;
}

/* One sink in front of two. */
struct both {
	struct dq_sink a, b;
};

static int put_both(void *ctx, const struct dq_item *item)
{
	struct both *d = ctx;
	int err = d->a.put(d->a.ctx, item);

	return err ? err : d->b.put(d->b.ctx, item);
}

struct setting {
	struct dq_keeper *k;
	struct seen all;
	struct both both;
	struct machine m;
};

static void set_up(struct setting *s, const struct dq_keep_opts *o)
{
	*s = (struct setting){ 0 };
	assert_int_equal(dq_keeper_new(&s->k, o), 0);
	s->both = (struct both){ .a = sink_of(&s->all), .b = dq_keeper_sink(s->k) };
	begin(&s->m, (struct dq_sink){ .put = put_both, .flush = no_flush, .ctx = &s->both });
}

static void tear_down(struct setting *s)
{
	assert_int_equal(s->m.err, 0);
	forget(&s->all);
	dq_keeper_free(&s->k);
	assert_null(s->k);
}

/* ---- tests ---- */

/* What fits is not changed at all. */
static void test_all(void **state)
{
	struct dq_item end = { .kind = DQ_END, .end = { .reason = "ignored", .t = 5 } };
	struct dq_keep_opts o = { 0 };
	struct dq_keep_stats st;
	struct setting s;
	struct seen w;

	set_up(&s, &o);
	for (int i = 0; i < 50; i++)
		a_life(&s.m, 1 + i % TASKS);
	assert_int_equal(dq_keeper_put(s.k, &end), 0);
	for (int twice = 0; twice < 2; twice++) {
		w = written(s.k, s.m.t, false);
		assert_int_equal(w.n, s.all.n + 1);
		for (size_t i = 0; i < s.all.n; i++)
			assert_true(same(&w.v[i], &s.all.v[i]));
		assert_int_equal(w.v[w.n - 1].end.calls, s.m.calls);
		assert_string_equal(w.v[w.n - 1].end.reason, "test");
		assert_int_equal(w.v[w.n - 1].end.t, 5);
		forget(&w);
	}
	dq_keeper_stats(s.k, &st);
	assert_int_equal(st.calls, s.m.calls);
	assert_int_equal(st.forgotten, 0);
	assert_int_equal(st.from, 0);
	tear_down(&s);
}

/* At any time, the end of what there was; and never more memory than allowed. */
static void test_size(void **state)
{
	struct dq_keep_opts o = { .bytes = 64 << 10 };
	struct dq_keep_stats st;
	struct setting s;
	struct seen w;
	size_t n = 0;

	set_up(&s, &o);
	for (int i = 0; i < 3000; i++) {
		a_life(&s.m, 1 + i % TASKS);
		dq_keeper_stats(s.k, &st);
		assert_in_range(st.bytes, 1, (64 << 10) + (32 << 10));
		assert_int_equal(st.calls + st.forgotten, s.m.calls);
		if (i % 700 != 699)
			continue;
		w = written(s.k, s.m.t, false);
		n = assert_tail(&s.all, &w);
		assert_in_range(n, 1000, s.m.events / 2);
		assert_non_null(meta(&w, "keep.from"));
		assert_non_null(meta(&w, "tool"));
		assert_non_null(find(&w, DQ_HOOK, HOOK_PUT));
		assert_null(find(&w, DQ_BUF, 1));
		forget(&w);
	}
	assert_true(n > 0);
	tear_down(&s);
}

/* The last so many ms, when nothing happens either. */
static void test_time(void **state)
{
	struct dq_keep_opts o = { .ns = 4 * MS };
	struct dq_keep_stats st;
	struct setting s;
	struct seen w;
	uint64_t oldest = UINT64_MAX;

	set_up(&s, &o);
	for (int i = 0; i < 3000; i++)
		a_life(&s.m, 1 + i % TASKS);
	w = written(s.k, s.m.t, false);
	assert_tail(&s.all, &w);
	for (size_t i = 0; i < w.n; i++)
		if (w.v[i].kind == DQ_CALL && w.v[i].call.t0 < oldest)
			oldest = w.v[i].call.t0;
	assert_in_range(oldest, s.m.t - 5 * MS, s.m.t - 4 * MS);
	dq_keeper_stats(s.k, &st);
	assert_in_range(st.from, s.m.t - 5 * MS, s.m.t - 4 * MS);
	assert_false(st.too_small);
	forget(&w);
	w = written(s.k, s.m.t + 100 * MS, false);
	assert_int_equal(assert_tail(&s.all, &w), 0);
	forget(&w);
	tear_down(&s);
}

/* The memory does not suffice for the time. */
static void test_too_small(void **state)
{
	struct dq_keep_opts o = { .ns = 1000000 * MS, .bytes = 64 << 10 };
	struct dq_keep_stats st;
	struct setting s;

	set_up(&s, &o);
	for (int i = 0; i < 3000; i++)
		a_life(&s.m, 1);
	dq_keeper_stats(s.k, &st);
	assert_true(st.too_small);
	tear_down(&s);
}

/* Makes the keeper forget what was before. */
static void much_later(struct machine *m)
{
	for (int i = 0; i < 3000; i++)
		a_life(m, 2);
}

/* What is alive is there, with its last name; what is gone is not. */
static void test_alive(void **state)
{
	struct dq_item exec = { .kind = DQ_TASKEV, .taskev = { .what = DQ_TASKEV_EXEC, .task = 3 } };
	struct dq_keep_opts o = { .bytes = 64 << 10 };
	struct dq_item att = { .kind = DQ_ATT, .att = { .dev = "vivid.0" } };
	uint32_t buf, gone;
	struct setting s;
	struct seen w;

	set_up(&s, &o);
	gone = s.m.bufs + 1;
	a_life(&s.m, 3);
	buf = put_buf(&s.m);
	put_calls(&s.m, 3, HOOK_EXPORT, HOOK_FD, buf, 0);
	att.att.id = ++s.m.atts;
	att.att.buf = buf;
	put(&s.m, &att);
	put_calls(&s.m, 3, HOOK_ATTACH, HOOK_OPS_ATTACH, buf, att.att.id);
	put_sys(&s.m, 3, 0);
	put_name(&s.m, buf);
	exec.taskev.t = s.m.t;
	put(&s.m, &exec);
	put_task(&s.m, 3, 103, "other");
	much_later(&s.m);

	w = written(s.k, s.m.t, false);
	assert_null(find(&w, DQ_BUF, gone));
	assert_null(find(&w, DQ_TASK, 1)); /* it lives, but nobody speaks of it */
	assert_int_equal(find(&w, DQ_BUF, buf)->buf.flags, DQ_BUF_PREEXISTING);
	assert_string_equal(find(&w, DQ_BUF, buf)->buf.name, "frame 2");
	assert_string_equal(find(&w, DQ_ATT, att.att.id)->att.dev, "vivid.0");
	assert_int_equal(find(&w, DQ_ATT, att.att.id)->att.flags, DQ_ATT_PREEXISTING);
	forget(&w);

	/* when it is used again, its task is still known, by its new name */
	put_calls(&s.m, 3, HOOK_DETACH, HOOK_OPS_DETACH, buf, att.att.id);
	put_calls(&s.m, 3, HOOK_RELEASE, HOOK_OPS_RELEASE, buf, 0);
	put_sys(&s.m, 3, buf);
	w = written(s.k, s.m.t, false);
	assert_string_equal(find(&w, DQ_TASK, 3)->task.comm, "other");
	assert_non_null(find(&w, DQ_BUF, buf));
	forget(&w);
	much_later(&s.m);
	w = written(s.k, s.m.t, false);
	assert_null(find(&w, DQ_BUF, buf));
	assert_null(find(&w, DQ_ATT, att.att.id));
	forget(&w);
	tear_down(&s);
}

/* Tasks come and go: by their exit, or because another one has their tid. */
static void test_tasks(void **state)
{
	struct dq_keep_opts o = { .bytes = 64 << 10 };
	struct dq_item exit = { .kind = DQ_TASKEV, .taskev = { .what = DQ_TASKEV_EXIT } };
	struct dq_keep_stats st;
	struct setting s;
	struct seen w;

	set_up(&s, &o);
	for (int i = 0; i < 20000; i++) {
		uint32_t id = s.m.tasks + 1;

		put_task(&s.m, id, i % 2 ? 200 : 1000 + (uint32_t)i, "worker");
		a_life(&s.m, 1);
		exit.taskev.task = id;
		exit.taskev.t = s.m.t;
		if (i % 2 == 0)
			put(&s.m, &exit);
	}
	dq_keeper_stats(s.k, &st);
	assert_in_range(st.bytes, 1, (64 << 10) + (64 << 10));
	w = written(s.k, s.m.t, false);
	forget(&w);
	tear_down(&s);
}

/* Written in the middle of a system call, with a call that has not returned. */
static void test_open(void **state)
{
	struct dq_item inner = { .kind = DQ_CALL, .call = { .hook = HOOK_OPS_MAP, .task = 1,
							    .depth = 1, .dur = 5 } };
	struct dq_keep_opts o = { .bytes = 64 << 10 };
	struct setting s;
	struct seen w;

	set_up(&s, &o);
	much_later(&s.m);
	a_life(&s.m, 1);
	inner.call.seq = s.m.seq[1] + 2;
	inner.call.sys = s.m.sys[1] + 1;
	inner.call.t0 = s.m.t;
	put(&s.m, &inner);
	w = written(s.k, s.m.t, true);
	assert_string_equal(meta(&w, "keep.open"), "1");
	assert_tail(&s.all, &w);
	forget(&w);
	/* it goes on where it was */
	inner.call.depth = 0;
	inner.call.hook = HOOK_MAP;
	inner.call.seq--;
	inner.call.t0--;
	inner.call.dur = 10;
	put(&s.m, &inner);
	s.m.seq[1] += 2;
	put_sys(&s.m, 1, 0);
	w = written(s.k, s.m.t, false);
	assert_null(meta(&w, "keep.open"));
	forget(&w);
	tear_down(&s);
}

/* Losses that are in the window count, those before it are said. */
static void test_losses(void **state)
{
	struct dq_item loss = { .kind = DQ_LOSS, .loss = { .source = "ring", .cpu = -1, .count = 7 } };
	struct dq_keep_opts o = { .bytes = 64 << 10 };
	struct setting s;
	struct seen w;

	set_up(&s, &o);
	put(&s.m, &loss);
	much_later(&s.m);
	w = written(s.k, s.m.t, false);
	assert_string_equal(meta(&w, "keep.lost"), "7");
	assert_int_equal(w.v[w.n - 1].end.lost, 0);
	forget(&w);
	put(&s.m, &loss);
	w = written(s.k, s.m.t, false);
	assert_int_equal(w.v[w.n - 1].end.lost, 7);
	forget(&w);
	tear_down(&s);
}

/* Events whose definitions never came: something is put in their place. */
static void test_undefined(void **state)
{
	struct dq_keep_opts o = { .bytes = 64 << 10 };
	struct setting s;
	struct seen w;

	set_up(&s, &o);
	much_later(&s.m);
	put_calls(&s.m, 2, HOOK_ATTACH, HOOK_OPS_ATTACH, 999999, 888888);
	put_sys(&s.m, 2, 999999);
	w = (struct seen){ 0 };
	struct dq_sink to = sink_of(&w);

	assert_int_equal(dq_keeper_write(s.k, &to, s.m.t, "test", false), 0);
	assert_int_equal(find(&w, DQ_BUF, 999999)->buf.flags, DQ_BUF_PREEXISTING);
	assert_int_equal(find(&w, DQ_ATT, 888888)->att.flags, DQ_ATT_PREEXISTING);
	forget(&w);
	tear_down(&s);
}

/* ---- who is told what is forgotten, and says what holds ---- */

struct holder {
	uint32_t buf;
	uint64_t calls;
};

static void forgotten(void *ctx, const struct dq_item *item)
{
	struct holder *h = ctx;

	h->calls += item->kind == DQ_CALL;
}

static int put_holds(void *ctx, const struct dq_sink *to)
{
	struct holder *h = ctx;
	struct dq_item snap = { .kind = DQ_SNAP, .snap = { .id = 1, .what = DQ_SNAP_BEGIN } };
	struct dq_item hold = { .kind = DQ_HOLD, .hold = { .snap = 1, .what = DQ_HOLD_FD, .fd = 5,
							   .task = 3, .buf = h->buf, .n = 1 } };
	int err = to->put(to->ctx, &snap);

	return err ? err : to->put(to->ctx, &hold);
}

static void test_begin(void **state)
{
	struct holder h = { 0 };
	struct dq_keep_opts o = { .bytes = 64 << 10, .forget = forgotten, .begin = put_holds,
				  .ctx = &h };
	struct dq_keep_stats st;
	struct setting s;
	struct seen w;

	set_up(&s, &o);
	h.buf = put_buf(&s.m);
	w = written(s.k, s.m.t, false);
	assert_null(find(&w, DQ_SNAP, 1)); /* nothing was forgotten */
	forget(&w);
	much_later(&s.m);
	w = written(s.k, s.m.t, false);
	assert_non_null(find(&w, DQ_SNAP, 1));
	assert_non_null(find(&w, DQ_TASK, 3)); /* the hold needs it */
	dq_keeper_stats(s.k, &st);
	assert_true(h.calls > 0);
	assert_int_equal(h.calls, st.forgotten);
	forget(&w);
	tear_down(&s);
}

/* Through a file. */
static void test_file(void **state)
{
	struct dq_keep_opts o = { .bytes = 64 << 10 };
	char path[] = "/tmp/dq-keep-XXXXXX";
	struct dq_writer_opts wo = { 0 };
	struct dq_writer *writer;
	struct dq_reader *r;
	struct dq_item item;
	struct setting s;
	struct seen w;
	struct dq_sink to;
	size_t i = 0;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	set_up(&s, &o);
	much_later(&s.m);
	w = written(s.k, s.m.t, false);
	assert_int_equal(dq_writer_new(&writer, fd, &wo), 0);
	to = dq_writer_sink(writer);
	assert_int_equal(dq_keeper_write(s.k, &to, s.m.t, "test", false), 0);
	assert_int_equal(dq_writer_close(&writer), 0);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(dq_reader_open_fd(&r, fd, "file", NULL), 0);
	while (dq_reader_next(r, &item) > 0)
		assert_true(same(&item, &w.v[i++]));
	assert_int_equal(i, w.n);
	assert_false(dq_reader_state(r)->no_end);
	dq_reader_free(&r);
	forget(&w);
	tear_down(&s);
}

/* A sink that has had enough: the error comes back, and the keeper is as before. */
static int refuse(void *ctx, const struct dq_item *item)
{
	int *left = ctx;

	(void)item;
	return (*left)-- > 0 ? 0 : -ENOSPC;
}

static void test_sink_error(void **state)
{
	struct dq_keep_opts o = { .bytes = 64 << 10 };
	struct setting s;
	struct seen w;

	set_up(&s, &o);
	much_later(&s.m);
	for (int n = 0; n < 2000; n += 199) {
		int left = n;
		struct dq_sink to = { .put = refuse, .flush = no_flush, .ctx = &left };

		assert_int_equal(dq_keeper_write(s.k, &to, s.m.t, "test", false), -ENOSPC);
	}
	w = written(s.k, s.m.t, false);
	assert_true(assert_tail(&s.all, &w) > 1000);
	forget(&w);
	tear_down(&s);
}

/* One file after the other, with an end wherever it can be. */
struct parts {
	struct dq_keeper *k;
	struct dq_part *p;
	struct seen one, all;	/* this file; the events of all of them */
	size_t items, every, files;
	uint64_t t, calls;
};

static void end_part(struct parts *ps)
{
	struct dq_reader_state st = { 0 };

	assert_int_equal(dq_validator_end(ps->one.val, &st), 0);
	assert_int_equal(dq_validator_problems(ps->one.val), 0);
	assert_int_equal(ps->one.v[ps->one.n - 1].kind, DQ_END);
	ps->calls += ps->one.v[ps->one.n - 1].end.calls;
	for (size_t i = 0; i < ps->one.n; i++)
		if (is_event(&ps->one.v[i]))
			see(&ps->all, &ps->one.v[i]);
	forget(&ps->one);
	ps->files++;
}

static void begin_part(struct parts *ps)
{
	struct dq_sink to = sink_of(&ps->one);

	assert_int_equal(dq_validator_new(&ps->one.val, complain, NULL), 0);
	assert_int_equal(dq_keeper_part(ps->k, &to, &ps->p), 0);
}

static int put_parts(void *ctx, const struct dq_item *item)
{
	struct parts *ps = ctx;

	assert_int_equal(dq_part_put(ps->p, item), 0);
	if (++ps->items % ps->every || !dq_part_may_end(ps->p))
		return 0;
	assert_int_equal(dq_part_end(&ps->p, ps->items, "next"), 0);
	end_part(ps);
	begin_part(ps);
	return 0;
}

static void test_parts(void **state)
{
	(void)state;
	for (size_t every = 1; every < 60; every += every < 20 ? 1 : 7) {
		struct dq_keep_opts o = { 0 };
		struct dq_item end = { .kind = DQ_END, .end = { .reason = "done", .t = 5, .calls = 999 } };
		struct parts ps = { .every = every };
		struct both both;
		struct machine m;
		struct seen all = { 0 };

		assert_int_equal(dq_keeper_new(&ps.k, &o), 0);
		begin_part(&ps);
		both = (struct both){ .a = sink_of(&all),
				      .b = { .put = put_parts, .flush = no_flush, .ctx = &ps } };
		begin(&m, (struct dq_sink){ .put = put_both, .flush = no_flush, .ctx = &both });
		for (int i = 0; i < 12; i++)
			a_life(&m, 1 + i % TASKS);
		assert_int_equal(m.err, 0);
		assert_int_equal(dq_part_put(ps.p, &end), 0);
		dq_part_free(&ps.p);
		assert_string_equal(ps.one.v[ps.one.n - 1].end.reason, "done");
		end_part(&ps);
		assert_true(ps.files >= 12 * 10 / every);
		/* nothing twice, nothing missing, in order */
		assert_int_equal(ps.calls, m.calls);
		assert_int_equal(assert_tail(&all, &ps.all), m.events);
		forget(&all);
		forget(&ps.all);
		dq_keeper_free(&ps.k);
	}
}

/* A file that goes on: what is there already, and what is said of it. */
static void test_part_head(void **state)
{
	struct dq_item snap = { .kind = DQ_SNAP, .snap = { .id = 1, .what = DQ_SNAP_BEGIN, .t0 = 5 } };
	struct dq_item loss = { .kind = DQ_LOSS, .loss = { .source = "ring", .count = 3, .cpu = -1 } };
	struct dq_keep_opts o = { 0 };
	struct parts ps = { .every = 1u << 30 };
	struct dq_sink to = { .put = put_parts, .flush = no_flush, .ctx = &ps };
	struct dq_item buf = { .kind = DQ_BUF, .buf = { .id = 99, .t = 7, .exp_name = "drm" } };
	struct machine m;
	char calls[24];

	(void)state;
	assert_int_equal(dq_keeper_new(&ps.k, &o), 0);
	begin_part(&ps);
	begin(&m, to);
	a_life(&m, 1);
	put(&m, &loss);
	put(&m, &snap);
	assert_false(dq_part_may_end(ps.p));
	snap.snap.t1 = 6;
	put(&m, &snap);
	assert_true(dq_part_may_end(ps.p));
	put(&m, &buf);
	assert_null(meta(&ps.one, "keep.from"));
	assert_int_equal(dq_part_end(&ps.p, 1, "next"), 0);
	assert_string_equal(meta(&ps.one, "keep.open"), "1");
	assert_int_equal(ps.one.v[ps.one.n - 1].end.lost, 3);
	end_part(&ps);
	begin_part(&ps);
	snprintf(calls, sizeof(calls), "%" PRIu64, m.calls);
	assert_string_equal(meta(&ps.one, "keep.forgotten"), calls);
	assert_string_equal(meta(&ps.one, "keep.lost"), "3");
	assert_string_equal(meta(&ps.one, "tool"), "test");
	assert_non_null(find(&ps.one, DQ_BUF, 99));
	assert_true(find(&ps.one, DQ_BUF, 99)->buf.flags & DQ_BUF_PREEXISTING);
	assert_null(find(&ps.one, DQ_BUF, 1)); /* released, and nothing speaks of it */
	assert_null(find(&ps.one, DQ_TASK, 2)); /* comes when it is spoken of */
	put_calls(&m, 2, HOOK_FD, HOOK_FD, 99, 0);
	assert_non_null(find(&ps.one, DQ_TASK, 2));
	dq_part_free(&ps.p);
	forget(&ps.one);
	forget(&ps.all);
	dq_keeper_free(&ps.k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),	   cmocka_unit_test(test_size),
		cmocka_unit_test(test_time),	   cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_alive),	   cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_open),	   cmocka_unit_test(test_losses),
		cmocka_unit_test(test_undefined),  cmocka_unit_test(test_begin),
		cmocka_unit_test(test_file),	   cmocka_unit_test(test_sink_error),
		cmocka_unit_test(test_parts),	   cmocka_unit_test(test_part_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
