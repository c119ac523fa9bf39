/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_trace.c - the file: round trips, damage, other versions, hostile numbers, the
 * text form, and that tables, structs and documentation say the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "trace/chunk.h"
#include "trace/codec.h"
#include "trace/fields.h"
#include "trace/format.h"
#include "trace/trace.h"
#include "trace/validate.h"
#include "util/util.h"

/* ---- random numbers and items ---- */

static uint64_t rnd_state = 88172645463325252u;
static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

/* Small, large, extreme. */
static uint64_t rnd_value(void)
{
	static const uint64_t edges[] = { 0, 1, UINT64_MAX, INT64_MAX, 1ull << 63, UINT32_MAX,
					  INT32_MAX, 1ull << 31, 0x7f, 0x80, 0x40086200, 4 };

	switch (rnd() % 4) {
	case 0:
		return edges[rnd() % DQ_ARRAY_SIZE(edges)];
	case 1:
		return rnd() % 8;
	case 2:
		return 0 - rnd() % 4096;
	default:
		return rnd() >> (rnd() % 64);
	}
}

/* A string that lives until free_strings(). */
static char **strings;
static size_t nstrings, capstrings;

static const char *rnd_string(void)
{
	static const char *const usual[] = { "", "drm", "vivid.0", "vb2_dc_map [x]", "a b", "\"",
					     "\xff\xfe", "\u202e", "=", "#", "t=1" };
	size_t len, i;
	char **s;

	if (rnd() % 4)
		return usual[rnd() % DQ_ARRAY_SIZE(usual)];
	if (nstrings && rnd() % 2)
		return strings[rnd() % nstrings];
	len = rnd() % 50 ? rnd() % 20 : DQ_STR_MAX;
	s = DQ_PUSH(strings, nstrings, capstrings);
	*s = malloc(len + 1);
	assert_non_null(*s);
	for (i = 0; i < len; i++)
		(*s)[i] = (char)(rnd() % 255 + 1);
	(*s)[len] = '\0';
	return *s;
}

static void free_strings(void)
{
	while (nstrings)
		free(strings[--nstrings]);
	free(strings);
	strings = NULL;
	capstrings = 0;
}

static void rnd_item(struct dq_item *item)
{
	enum dq_kind kind = (enum dq_kind)(1 + rnd() % (DQ_KIND_MAX - 1));
	const struct dq_kind_desc *k = &dq_kinds[kind];
	uint64_t v;

	memset(item, 0, sizeof(*item));
	item->kind = kind;
	for (const struct dq_field *f = k->f; f < k->f + k->n; f++) {
		if (f->type == DQ_F_STR) {
			*dq_field_str(item, f) = rnd_string();
			continue;
		}
		v = rnd_value();
		/* hooks that are known, most of the time */
		if (f->show == DQ_S_HOOK && rnd() % 8)
			v %= HOOK_MAX;
		if (f->type == DQ_F_U32)
			v = (uint32_t)v;
		else if (f->type == DQ_F_I32)
			v = (uint64_t)(int64_t)(int32_t)v;
		assert_int_equal(dq_field_set(item, f, v), 0);
	}
}

static bool same_item(const struct dq_item *a, const struct dq_item *b)
{
	const struct dq_kind_desc *k = &dq_kinds[a->kind];

	if (a->kind != b->kind)
		return false;
	for (const struct dq_field *f = k->f; f < k->f + k->n; f++) {
		if (f->type == DQ_F_STR ? strcmp(*dq_field_str(a, f), *dq_field_str(b, f)) != 0 :
					  dq_field_get(a, f) != dq_field_get(b, f))
			return false;
	}
	return true;
}

static void assert_same_item(const struct dq_item *a, const struct dq_item *b)
{
	if (same_item(a, b))
		return;
	dq_text_print(stderr, a);
	dq_text_print(stderr, b);
	fail_msg("items differ");
}

/* ---- files in memory ---- */

struct file {
	uint8_t *p;
	size_t len;
};

static int temp_fd(void)
{
	char path[] = "/tmp/dq-test-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/* What was written to fd, which is closed. */
static struct file slurp(int fd)
{
	struct file f = { NULL, (size_t)lseek(fd, 0, SEEK_END) };

	f.p = malloc(f.len + 1);
	assert_non_null(f.p);
	assert_int_equal(pread(fd, f.p, f.len, 0), f.len);
	close(fd);
	return f;
}

static struct file write_items(const struct dq_item *items, size_t n, size_t chunk_bytes,
			       bool flushes)
{
	struct dq_writer_opts opts = { .mono = 1000, .real = 2000, .chunk_bytes = chunk_bytes,
				       .boot_id = { 1, 2, 3 }, .level = (int)(rnd() % 3) - 1 };
	struct dq_writer *w;
	int fd = temp_fd();

	assert_int_equal(dq_writer_new(&w, fd, &opts), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(dq_writer_put(w, &items[i]), 0);
		if (flushes && rnd() % 50 == 0)
			assert_int_equal(dq_writer_flush(w), 0);
	}
	assert_int_equal(dq_writer_flush(w), 0);
	assert_int_equal(dq_writer_bytes(w), lseek(fd, 0, SEEK_CUR));
	assert_int_equal(dq_writer_close(&w), 0);
	assert_null(w);
	return slurp(fd);
}

static struct dq_reader *open_mem(const void *p, size_t len)
{
	struct dq_reader *r;
	char *err = NULL;

	if (dq_reader_open_mem(&r, p, len, &err))
		fail_msg("%s", err);
	return r;
}

/* How many items can be read; with want, they are its first. state may be NULL. */
static size_t read_all(const void *p, size_t len, const struct dq_item *want, size_t nwant,
		       struct dq_reader_state *state)
{
	struct dq_reader *r = open_mem(p, len);
	struct dq_item item;
	size_t n = 0;
	int rc;

	while ((rc = dq_reader_next(r, &item)) > 0) {
		if (want) {
			assert_true(n < nwant);
			assert_same_item(&item, &want[n]);
		}
		n++;
	}
	assert_int_equal(rc, 0);
	assert_true(dq_reader_state(r)->at_end);
	assert_int_equal(dq_reader_state(r)->items, n);
	if (state)
		*state = *dq_reader_state(r);
	dq_reader_free(&r);
	assert_null(r);
	return n;
}

static void assert_whole(const struct dq_reader_state *st)
{
	assert_int_equal(st->bad_chunks, 0);
	assert_int_equal(st->lost_chunks, 0);
	assert_int_equal(st->skipped_chunks, 0);
	assert_int_equal(st->skipped_bytes, 0);
	assert_false(st->truncated);
}

/* Assembles a text trace; the strings are the parser's. */
static size_t parse_text(struct dq_text_parser *p, const char *text, struct dq_item *items,
			 size_t max)
{
	char *err = NULL;
	const char *nl;
	size_t n = 0;
	int rc;

	for (; *text; text = nl + 1) {
		nl = strchr(text, '\n');
		assert_non_null(nl);
		assert_true(n < max);
		rc = dq_text_parse_line(p, text, (size_t)(nl - text), &items[n], &err);
		if (rc < 0)
			fail_msg("%s", err);
		n += (size_t)rc;
	}
	return n;
}

/* ---- round trips ---- */

static void test_binary_round_trip(void **state)
{
	enum { N = 3000 };
	static struct dq_item items[N];
	static const size_t chunk_bytes[] = { 0, 1, 300, 5000, SIZE_MAX };
	struct dq_reader_state st;
	struct file f;

	for (size_t round = 0; round < 10; round++) {
		for (size_t i = 0; i < N; i++)
			rnd_item(&items[i]);
		f = write_items(items, N, chunk_bytes[round % 5], round & 1);
		assert_int_equal(read_all(f.p, f.len, items, N, &st), N);
		assert_whole(&st);
		assert_int_equal(st.bytes, f.len);
		assert_int_equal(st.mono, 1000);
		assert_int_equal(st.real, 2000);
		assert_int_equal(st.boot_id[2], 3);
		free(f.p);
		free_strings();
	}
}

static void test_text_round_trip(void **state)
{
	struct dq_text_parser *p;
	struct dq_item item, back;
	char *line = NULL, *err;
	size_t size = 0;
	FILE *out;

	assert_int_equal(dq_text_parser_new(&p), 0);
	for (int i = 0; i < 30000; i++) {
		rnd_item(&item);
		out = open_memstream(&line, &size);
		assert_non_null(out);
		assert_int_equal(dq_text_print(out, &item), 0);
		fclose(out);
		assert_ptr_equal(memchr(line, '\n', size), line + size - 1);
		err = NULL;
		if (dq_text_parse_line(p, line, size, &back, &err) != 1)
			fail_msg("%s: %s", line, err);
		assert_same_item(&item, &back);
		free(line);
		line = NULL;
	}
	dq_text_parser_free(&p);
	assert_null(p);
	free_strings();
}

/* Items that repeat go a shorter way through the encoder. Each field in turn differs once, after
 * the others have become what is expected. */
static void test_every_field(void **state)
{
	static const enum dq_kind kinds[] = { DQ_CALL, DQ_SYS, DQ_NAME };
	static struct dq_item items[20 * 8];
	struct file f;
	size_t n;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(kinds); i++) {
		const struct dq_kind_desc *k = &dq_kinds[kinds[i]];

		n = 0;
		for (const struct dq_field *field = k->f; field < k->f + k->n; field++) {
			for (int repeat = 0; repeat < 8; repeat++, n++) {
				memset(&items[n], 0, sizeof(items[n]));
				items[n].kind = kinds[i];
				for (const struct dq_field *g = k->f; g < k->f + k->n; g++) {
					if (g->type == DQ_F_STR)
						*dq_field_str(&items[n], g) = "same";
				}
				if (repeat != 6)
					continue;
				if (field->type == DQ_F_STR)
					*dq_field_str(&items[n], field) = "other";
				else
					assert_int_equal(dq_field_set(&items[n], field, 1), 0);
			}
		}
		f = write_items(items, n, 0, false);
		assert_int_equal(read_all(f.p, f.len, items, n, NULL), n);
		free(f.p);
	}
}

/* ---- what repeats itself ---- */

/* What a task does again and again: some calls, each inside of the one behind it, and their system
 * call. */
static void begin_loop(struct dq_repeat *r)
{
	struct dq_sys *s;

	r->n = 2 + (uint32_t)rnd() % (DQ_REPEAT_MAX - 1);
	for (uint32_t i = 0; i < r->n; i++) {
		struct dq_item *it = &r->item[i];

		memset(it, 0, sizeof(*it));
		if (i == r->n - 1)
			break;
		it->kind = DQ_CALL;
		it->call.hook = 1 + rnd() % 40;
		/* 259 has the registers of 3 */
		it->call.task = i ? it[-1].call.task : (uint32_t[]){ 1, 3, 259 }[rnd() % 3];
		it->call.buf = i ? it[-1].call.buf : 1;
		it->call.a[0] = rnd() % 3;
		it->call.caller = "";
		it->call.depth = r->n - 2 - i;
	}
	r->item[r->n - 1].kind = DQ_SYS;
	s = &r->item[r->n - 1].sys;
	s->task = r->item[0].call.task;
	s->buf = r->item[0].call.buf;
	s->nr = 16;
	s->name = "ioctl";
}

/* A new one, or like another one but on another buffer, or processor. */
static void begin_some_loop(struct dq_repeat *r, const struct dq_repeat *like, uint32_t *id)
{
	if (rnd() % 3 == 0 || !like->n) {
		begin_loop(r);
	} else {
		uint32_t buf = 1 + rnd() % 3, cpu = rnd() % 2, one = rnd() % 8;

		*r = *like;
		for (uint32_t i = 0; i < r->n - 1; i++) {
			r->item[i].call.buf = buf;
			r->item[i].call.cpu = i == one ? 1 - cpu : cpu;
		}
		r->item[r->n - 1].sys.buf = buf;
	}
	r->id = ++*id;
}

/* The next time; now and then far from what is expected. */
static void go_round(struct dq_repeat *r, uint64_t *now)
{
	static uint32_t seqs[260], syss[260]; /* of the tasks */
	uint32_t calls = r->n - 1, *seq = &seqs[r->item[0].call.task], *sys = &syss[r->item[0].call.task];
	struct dq_sys *s = &r->item[calls].sys;

	*now += rnd() % 50 ? 500 + rnd() % 16 : rnd() >> (20 + rnd() % 40);
	*sys += rnd() % 60 ? 1 : 7;
	s->sys = rnd() % 100 ? *sys : 0;
	s->t0 = *now;
	for (uint32_t i = calls; i--;) {
		struct dq_call *c = &r->item[i].call;

		c->t0 = *now += rnd() % 16;
		c->seq = ++*seq;
		c->sys = s->sys;
	}
	*seq += DQ_REPEAT_MAX - calls; /* so that it grows by as much with each loop */
	for (uint32_t i = 0; i < calls; i++) {
		*now += rnd() % 50 ? 80 + rnd() % 16 : rnd() >> 30;
		r->item[i].call.dur = *now - r->item[i].call.t0;
	}
	s->t1 = *now += rnd() % 16;
	*seq += rnd() % 60 ? 0 : 2;
}

struct two_writers {
	struct dq_sink each, repeats;
};

static void put_both_ways(struct two_writers *two, const struct dq_repeat *r)
{
	uint32_t i;

	for (i = 0; i < r->n; i++)
		assert_int_equal(two->each.put(two->each.ctx, &r->item[i]), 0);
	assert_int_equal(dq_sink_repeat(&two->repeats, r), 0);
}

/* A part of a loop, or anything. */
static void put_other(struct two_writers *two, const struct dq_repeat *r)
{
	struct dq_item item = r->item[rnd() % r->n];

	if (rnd() % 2)
		rnd_item(&item);
	assert_int_equal(two->each.put(two->each.ctx, &item), 0);
	assert_int_equal(two->repeats.put(two->repeats.ctx, &item), 0);
}

/* A short way gives the same bytes as the long one. */
static void test_repeat(void **state)
{
	enum { LOOPS = 6, ROUNDS = 20000 };
	static const size_t chunk_bytes[] = { 0, 300, 3000, SIZE_MAX };
	struct dq_repeat loops[LOOPS] = { 0 };
	struct dq_writer *a, *b;
	uint32_t id = 0;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(chunk_bytes); i++) {
		struct dq_writer_opts opts = { .chunk_bytes = chunk_bytes[i] };
		int fd_a = temp_fd(), fd_b = temp_fd();
		struct dq_written sum_a, sum_b;
		struct two_writers two;
		uint64_t now = 1000;
		struct file fa, fb;

		assert_int_equal(dq_writer_new(&a, fd_a, &opts), 0);
		assert_int_equal(dq_writer_new(&b, fd_b, &opts), 0);
		two = (struct two_writers){ dq_writer_sink(a), dq_writer_sink(b) };
		for (int n = 0; n < ROUNDS; n++) {
			struct dq_repeat *r = &loops[rnd() % LOOPS];

			if (n % 100 == 0)
				begin_some_loop(r, &loops[rnd() % LOOPS], &id);
			/* in turn, as START and END are, or in any order */
			if (n / 50 % 2)
				r = &loops[n % 2];
			if (!r->n)
				continue;
			if (rnd() % 100 == 0)
				put_other(&two, r);
			go_round(r, &now);
			put_both_ways(&two, r);
		}
		assert_int_equal(dq_writer_flush(a) || dq_writer_flush(b), 0);
		dq_writer_written(a, &sum_a);
		dq_writer_written(b, &sum_b);
		assert_memory_equal(&sum_a, &sum_b, sizeof(sum_a));
		assert_int_equal(dq_writer_close(&a) || dq_writer_close(&b), 0);
		fa = slurp(fd_a);
		fb = slurp(fd_b);
		assert_int_equal(fa.len, fb.len);
		assert_memory_equal(fa.p, fb.p, fa.len);
		free(fa.p);
		free(fb.p);
		free_strings();
	}
}

static int put_count(void *ctx, const struct dq_item *item)
{
	*(unsigned int *)ctx += item->kind == DQ_CALL ? 1 : 100;
	return 0;
}

static int repeat_count(void *ctx, const struct dq_repeat *r)
{
	*(unsigned int *)ctx += 10000;
	return 0;
}

/* What promises nothing, as when a call fails, goes item by item. */
static void test_repeat_or_put(void **state)
{
	unsigned int n = 0;
	struct dq_sink sink = { .put = put_count, .ctx = &n };
	struct dq_repeat r = { .id = 1 };

	begin_loop(&r);
	assert_int_equal(dq_sink_repeat(&sink, &r), 0);
	assert_int_equal(n, 100 + r.n - 1);
	sink.repeat = repeat_count;
	assert_int_equal(dq_sink_repeat(&sink, &r), 0);
	assert_int_equal(n, 10100 + r.n - 1);
	r.id = 0;
	assert_int_equal(dq_sink_repeat(&sink, &r), 0);
	assert_int_equal(n, 10200 + 2 * (r.n - 1));
}

/* Long strings are cut, NULL is "", a kind that is none is refused. */
static void test_writer_strings(void **state)
{
	static char big[DQ_STR_MAX + 100];
	struct dq_item item = { .kind = DQ_META, .meta = { .key = big, .value = NULL } };
	struct dq_writer_opts opts = { 0 };
	struct dq_writer *w;
	struct dq_reader *r;
	struct file f;
	int fd = temp_fd();

	memset(big, 'x', sizeof(big) - 1);
	assert_int_equal(dq_writer_new(&w, fd, &opts), 0);
	assert_int_equal(dq_writer_put(w, &item), 0);
	item.kind = DQ_KIND_MAX;
	assert_int_equal(dq_writer_put(w, &item), -EINVAL);
	item.kind = 0;
	assert_int_equal(dq_writer_put(w, &item), -EINVAL);
	assert_int_equal(dq_writer_close(&w), 0);
	f = slurp(fd);
	r = open_mem(f.p, f.len);
	assert_int_equal(dq_reader_next(r, &item), 1);
	assert_int_equal(strlen(item.meta.key), DQ_STR_MAX);
	assert_string_equal(item.meta.value, "");
	assert_int_equal(dq_reader_next(r, &item), 0);
	assert_int_equal(dq_reader_next(r, &item), 0);
	dq_reader_free(&r);
	free(f.p);
}

/* Through a pipe, a few bytes at a time. */
static void test_pipe(void **state)
{
	enum { N = 2000 };
	static struct dq_item items[N];
	struct dq_reader *r;
	struct dq_item item;
	struct file f;
	size_t n = 0;
	int fds[2];
	pid_t pid;

	for (size_t i = 0; i < N; i++)
		rnd_item(&items[i]);
	f = write_items(items, N, 2000, false);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		for (size_t i = 0, step; i < f.len; i += step) {
			step = 1 + rnd() % 700;
			if (step > f.len - i)
				step = f.len - i;
			if (write(fds[1], f.p + i, step) != (ssize_t)step)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(dq_reader_open_fd(&r, fds[0], "pipe", NULL), 0);
	assert_string_equal(dq_reader_path(r), "pipe");
	for (; dq_reader_next(r, &item) > 0; n++)
		assert_same_item(&item, &items[n]);
	assert_int_equal(n, N);
	assert_whole(dq_reader_state(r));
	dq_reader_free(&r);
	waitpid(pid, NULL, 0);
	free(f.p);
	free_strings();
}

/* A disk that is full, a reader that goes away: the error stays. */
static void test_write_errors(void **state)
{
	struct dq_item item = { .kind = DQ_META, .meta = { .key = "key", .value = "value" } };
	struct dq_writer_opts opts = { 0 };
	struct dq_writer *w = NULL;
	int fd = open("/dev/full", O_WRONLY), fds[2];

	if (fd >= 0) {
		assert_int_equal(dq_writer_new(&w, fd, &opts), -ENOSPC);
		assert_null(w);
		close(fd);
	}
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dq_writer_new(&w, fds[1], &opts), 0);
	close(fds[0]);
	assert_int_equal(dq_writer_put(w, &item), 0);
	assert_int_equal(dq_writer_flush(w), -EPIPE);
	assert_int_equal(dq_writer_put(w, &item), -EPIPE);
	assert_int_equal(dq_writer_flush(w), -EPIPE);
	assert_int_equal(dq_writer_close(&w), -EPIPE);
	close(fds[1]);
}

/* A call with a name that no other has, so that chunks have strings. */
static void put_distinct(struct dq_writer *w, uint64_t i, int *ret_err)
{
	struct dq_item item = { .kind = DQ_CALL, .call = { .hook = HOOK_PUT, .task = 1, .buf = 1,
							   .t0 = i * 1000, .dur = 10,
							   .seq = (uint32_t)i } };
	char name[32];

	snprintf(name, sizeof(name), "caller_%" PRIu64, i * 7919);
	item.call.caller = name;
	*ret_err = dq_writer_put(w, &item);
}

/* A file that cannot grow is cut back to its last whole chunk and ended there. */
static void test_take_back(void **state)
{
	struct dq_item end = { .kind = DQ_END, .end = { .t = 1, .reason = "the disk is full" } };
	struct dq_item loss = { .kind = DQ_LOSS, .loss = { .source = "disk", .cpu = -1 } };
	struct dq_writer_opts opts = { .chunk_bytes = 500 };
	struct rlimit limit, was;
	struct dq_reader_state st;
	struct dq_written there;
	struct dq_writer *w;
	struct file f;
	uint64_t i;
	int err = 0, fd = temp_fd();

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	limit = (struct rlimit){ .rlim_cur = 4000, .rlim_max = was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(dq_writer_new(&w, fd, &opts), 0);
	for (i = 0; !err && i < 10000; i++)
		put_distinct(w, i + 1, &err);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(lseek(fd, 0, SEEK_END), 4000);
	dq_writer_written(w, &there);
	assert_in_range(there.calls, 1, i - 1);
	assert_in_range(there.bytes, 3000, 3999);
	assert_int_equal(there.events, there.calls);
	assert_int_equal(there.last_t, there.calls * 1000 + 10);
	assert_int_equal(there.lost, 0);

	assert_int_equal(dq_writer_take_back(w), 0);
	loss.loss.count = i - there.calls;
	assert_int_equal(dq_writer_put(w, &loss), 0);
	assert_int_equal(dq_writer_put(w, &end), 0);
	assert_int_equal(dq_writer_close(&w), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	f = slurp(fd);
	assert_int_equal(read_all(f.p, f.len, NULL, 0, &st), there.calls + 2);
	assert_whole(&st);
	assert_false(st.no_end);
	assert_int_equal(st.calls, there.calls);
	assert_int_equal(st.lost_events, i - there.calls);
	free(f.p);
}

/* ---- a small trace of the usual kind ---- */

static const char small_text[] =
	"meta tool value=\"dmaseq\"\n"
	"clock mono=1.0 real=1700000000\n"
	"hook dma_buf_put id=5 symbol=\"dma_buf_put\" rung=\"fentry\" state=\"attached\"\n"
	"task id=1 tid=100 tgid=100 comm=\"cam\" process=\"cam\"\n"
	"ops id=1 t=1.1 exporter=\"drm\" module=\"vgem\" has=map_dma_buf|release armed=map_dma_buf\n"
	"buf id=1 t=1.2 ino=5 size=4096 exp_name=\"drm\" ops=1\n"
	"call dma_buf_export t=1.2 dur=100 task=1 seq=1 sys=1 buf=1 size=4096\n"
	"att id=1 t=1.3 buf=1 dev=\"vivid.0\"\n"
	"call dma_buf_attach t=1.3 dur=100 task=1 seq=2 sys=1 buf=1 att=1\n"
	"sys ioctl task=1 sys=1 t=1.2 end=1.31 nr=16 fd=5\n"
	"name t=1.4 buf=1 name=\"frame\"\n"
	"taskev EXEC t=1.5 task=1\n"
	"loss ring count=3 from=1.5 to=1.6\n"
	"end t=2 reason=\"SIGINT\" calls=2 lost=3\n";
enum { SMALL = 14 };

struct small {
	struct dq_text_parser *p;
	struct dq_item items[SMALL];
	struct file f;
};

/* One chunk of each type. */
static void small_new(struct small *s, size_t chunk_bytes)
{
	assert_int_equal(dq_text_parser_new(&s->p), 0);
	assert_int_equal(parse_text(s->p, small_text, s->items, SMALL), SMALL);
	s->f = write_items(s->items, SMALL, chunk_bytes, false);
}

static void small_free(struct small *s)
{
	free(s->f.p);
	dq_text_parser_free(&s->p);
}

static void test_state(void **state)
{
	struct dq_reader_state st;
	struct small s;

	small_new(&s, 0);
	assert_int_equal(read_all(s.f.p, s.f.len, s.items, SMALL, &st), SMALL);
	assert_whole(&st);
	assert_false(st.no_end);
	assert_false(st.text);
	assert_int_equal(st.chunks, 3);
	assert_int_equal(st.calls, 2);
	assert_int_equal(st.losses, 1);
	assert_int_equal(st.lost_events, 3);
	assert_true(st.last_t == 2000000000);
	assert_int_equal(st.major, DQ_FORMAT_MAJOR);
	small_free(&s);
}

/* ---- damage ---- */

/* Reads what may be anything. False: refused. */
static bool read_any(const void *p, size_t len, size_t *n, struct dq_reader_state *st)
{
	struct dq_reader *r;
	struct dq_item item;
	char *err = NULL;
	int rc;

	*n = 0;
	memset(st, 0, sizeof(*st));
	if (dq_reader_open_mem(&r, p, len, &err)) {
		assert_non_null(err);
		assert_true(*err != '\0');
		free(err);
		return false;
	}
	while ((rc = dq_reader_next(r, &item)) > 0)
		++*n;
	*st = *dq_reader_state(r);
	assert_true(rc == 0 || *dq_reader_error(r));
	dq_reader_free(&r);
	return rc == 0;
}

static void test_every_truncation(void **state)
{
	struct dq_reader_state st;
	struct small s;
	uint8_t *copy;
	size_t n;

	for (size_t bytes = 0; bytes < 2; bytes++) {
		small_new(&s, bytes ? 1 : 0);
		for (size_t len = 0; len < s.f.len; len++) {
			/* a block of that very size, so that the sanitizer sees one byte too many */
			copy = malloc(len + 1);
			memcpy(copy + 1, s.f.p, len);
			if (read_any(copy + 1, len, &n, &st)) {
				assert_true(st.no_end || st.truncated);
				assert_int_equal(st.bad_chunks, 0);
				assert_int_equal(st.skipped_bytes, 0);
				assert_int_equal(st.lost_chunks, 0);
				assert_int_equal(st.bytes, len);
			} else {
				assert_true(len < DQ_HEADER_SIZE);
			}
			free(copy);
		}
		small_free(&s);
	}
}

/* Every byte of the file counts: no change of one goes unseen. */
static void test_every_flip(void **state)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff, 0x20 };
	struct dq_reader_state st;
	struct small s;
	size_t n;

	for (size_t bytes = 0; bytes < 2; bytes++) {
		small_new(&s, bytes ? 1 : 0);
		for (size_t i = 0; i < s.f.len * DQ_ARRAY_SIZE(flips); i++) {
			uint8_t *p = &s.f.p[i / DQ_ARRAY_SIZE(flips)];

			*p ^= flips[i % DQ_ARRAY_SIZE(flips)];
			if (read_any(s.f.p, s.f.len, &n, &st)) {
				assert_true(p - s.f.p >= DQ_HEADER_SIZE);
				assert_true(st.bad_chunks || st.skipped_bytes || st.truncated);
			}
			*p ^= flips[i % DQ_ARRAY_SIZE(flips)];
		}
		small_free(&s);
	}
}

/* Many bytes at once, and pieces cut out, doubled, moved. */
static void test_random_damage(void **state)
{
	struct dq_reader_state st;
	struct small s;
	uint8_t *copy;
	size_t n, a, b, len;

	small_new(&s, 1);
	copy = malloc(s.f.len * 2);
	for (int i = 0; i < 20000; i++) {
		memcpy(copy, s.f.p, s.f.len);
		len = s.f.len;
		for (size_t k = rnd() % 8; k; k--)
			copy[rnd() % len] = (uint8_t)rnd();
		a = DQ_HEADER_SIZE + rnd() % (len - DQ_HEADER_SIZE);
		b = a + rnd() % (len - a);
		switch (rnd() % 4) {
		case 0:
			memmove(copy + a, copy + b, len - b);
			len -= b - a;
			break;
		case 1:
			memmove(copy + b, copy + a, len - a);
			len += b - a;
			break;
		case 2:
			memset(copy + a, 0, b - a);
			break;
		}
		read_any(copy, len, &n, &st);
	}
	free(copy);
	small_free(&s);
}

/* The place and length of chunk i. */
static uint8_t *chunk_at(const struct file *f, size_t i, size_t *len)
{
	uint8_t *p = f->p + DQ_HEADER_SIZE;

	for (;; i--, p += *len) {
		assert_true(p < f->p + f->len);
		*len = DQ_CHUNK_HEADER + dq_pad8(dq_le32(p + 8));
		if (!i)
			return p;
	}
}

static void drop_chunk(struct file *f, size_t i)
{
	size_t len;
	uint8_t *p = chunk_at(f, i, &len);

	memmove(p, p + len, (size_t)(f->p + f->len - p) - len);
	f->len -= len;
}

/* Whatever chunk is lost, the others keep their meaning. */
static void test_lost_chunk(void **state)
{
	struct dq_reader_state st;
	struct dq_reader *r;
	struct dq_item item;
	struct small s;
	size_t n;

	/* the definitions: events remain, in order */
	small_new(&s, 0);
	drop_chunk(&s.f, 1);
	assert_true(read_any(s.f.p, s.f.len, &n, &st));
	assert_int_equal(n, 6);
	assert_int_equal(st.lost_chunks, 1);
	assert_false(st.no_end);
	small_free(&s);
	/* the events: definitions remain */
	small_new(&s, 0);
	drop_chunk(&s.f, 2);
	assert_true(read_any(s.f.p, s.f.len, &n, &st));
	assert_int_equal(n, 8);
	assert_int_equal(st.lost_chunks, 0); /* nothing came after it */
	assert_true(st.no_end);
	small_free(&s);
	/* the strings: their names are unknown, "" stays "" */
	small_new(&s, 0);
	drop_chunk(&s.f, 0);
	r = open_mem(s.f.p, s.f.len);
	for (n = 0; dq_reader_next(r, &item) > 0; n++) {
		assert_int_equal(item.kind, s.items[n].kind);
		if (item.kind == DQ_BUF) {
			assert_string_equal(item.buf.exp_name, "?");
			assert_string_equal(item.buf.name, "");
			assert_int_equal(item.buf.size, 4096);
		}
	}
	assert_int_equal(n, SMALL);
	assert_int_equal(dq_reader_state(r)->lost_chunks, 1);
	dq_reader_free(&r);
	small_free(&s);
}

/* A damaged length must not hide the chunks behind it. */
static void test_damaged_length(void **state)
{
	struct dq_reader_state st;
	struct small s;
	size_t n, len;
	uint8_t *p;

	small_new(&s, 0);
	p = chunk_at(&s.f, 0, &len);
	dq_put32(p + 8, 1u << 20);
	assert_true(read_any(s.f.p, s.f.len, &n, &st));
	assert_int_equal(n, SMALL);
	assert_int_equal(st.bad_chunks, 1);
	assert_int_equal(st.lost_chunks, 1);
	assert_false(st.truncated);
	dq_put32(p + 8, 0xfffffff0);
	assert_true(read_any(s.f.p, s.f.len, &n, &st));
	assert_int_equal(n, SMALL);
	assert_int_equal(st.bad_chunks, 1);
	small_free(&s);
}

static void test_garbage_between(void **state)
{
	static const char junk[] = "\xc3\x5a\xc4 and so on, not a chunk";
	struct dq_reader_state st;
	struct small s;
	struct file g;
	size_t n, len, at;

	small_new(&s, 0);
	at = (size_t)(chunk_at(&s.f, 1, &len) - s.f.p);
	g.len = s.f.len + sizeof(junk);
	g.p = malloc(g.len);
	memcpy(g.p, s.f.p, at);
	memcpy(g.p + at, junk, sizeof(junk));
	memcpy(g.p + at + sizeof(junk), s.f.p + at, s.f.len - at);
	assert_int_equal(read_all(g.p, g.len, s.items, SMALL, &st), SMALL);
	assert_int_equal(st.skipped_bytes, sizeof(junk));
	assert_int_equal(st.bad_chunks, 0);
	/* and at the end */
	memcpy(g.p, s.f.p, s.f.len);
	memcpy(g.p + s.f.len, junk, sizeof(junk));
	for (len = 4; len <= sizeof(junk); len++) {
		assert_int_equal(read_all(g.p, s.f.len + len, s.items, SMALL, &st), SMALL);
		assert_int_equal(st.skipped_bytes, len);
	}
	free(g.p);
	/* the same file twice: the second one's numbers are old, its header is garbage */
	g.len = 2 * s.f.len;
	g.p = malloc(g.len);
	memcpy(g.p, s.f.p, s.f.len);
	memcpy(g.p + s.f.len, s.f.p, s.f.len);
	assert_true(read_any(g.p, g.len, &n, &st));
	assert_int_equal(n, SMALL);
	assert_int_equal(st.skipped_bytes, DQ_HEADER_SIZE);
	assert_int_equal(st.bad_chunks, 3);
	free(g.p);
	small_free(&s);
}

/* ---- files made by hand ---- */

static void put_header(struct dq_sb *sb, uint32_t size, unsigned int major, unsigned int minor,
		       uint32_t compat, uint32_t incompat)
{
	uint8_t h[DQ_HEADER_MAX + 8] = DQ_MAGIC;

	dq_put32(h + 8, size);
	dq_put16(h + 12, (uint16_t)major);
	dq_put16(h + 14, (uint16_t)minor);
	dq_put32(h + 16, compat);
	dq_put32(h + 20, incompat);
	dq_put32(h + 60, dq_crc32c(0, h, 60));
	dq_sb_put(sb, h, size < sizeof(h) ? size : sizeof(h));
}

static void put_chunk(struct dq_sb *sb, unsigned int type, unsigned int flags, uint32_t seq,
		      uint32_t raw_len, const void *payload, size_t len)
{
	static const uint8_t zeros[DQ_CHUNK_HEADER];
	size_t at = sb->len;

	dq_sb_put(sb, zeros, DQ_CHUNK_HEADER);
	dq_sb_put(sb, payload, len);
	dq_sb_put(sb, zeros, dq_pad8(len) - len);
	dq_chunk_seal((uint8_t *)sb->s + at, (uint16_t)type, (uint16_t)flags, (uint32_t)len,
		      raw_len, seq);
}

static void check_open(const void *p, size_t len, const char *want)
{
	struct dq_reader *r;
	char *err = NULL;

	assert_int_not_equal(dq_reader_open_mem(&r, p, len, &err), 0);
	assert_string_equal(err, want);
	free(err);
}

static void test_other_versions(void **state)
{
	struct dq_sb sb = { 0 };
	struct dq_reader *r;
	struct dq_item item;

	/* a newer minor version, flags that do not matter, a longer header */
	put_header(&sb, 96, 1, 7, 0xffff, 0);
	r = open_mem(sb.s, sb.len);
	assert_int_equal(dq_reader_next(r, &item), 0);
	assert_whole(dq_reader_state(r));
	assert_int_equal(dq_reader_state(r)->minor, 7);
	dq_reader_free(&r);
	dq_sb_reset(&sb);
	put_header(&sb, 64, 2, 0, 0, 0);
	check_open(sb.s, sb.len, "written by a newer dmaseq (format 2.0; this one reads 1.x)");
	dq_sb_reset(&sb);
	put_header(&sb, 64, 1, 3, 0, 0x4);
	check_open(sb.s, sb.len,
		   "written by a newer dmaseq (format 1.3 with features 0x4; this one reads 1.1)");
	dq_sb_reset(&sb);
	put_header(&sb, 64, 0, 3, 0, 0);
	check_open(sb.s, sb.len, "format 0.3 was never released");
	dq_sb_reset(&sb);
	put_header(&sb, 8000, 1, 0, 0, 0);
	check_open(sb.s, sb.len, "the file header is damaged (its length is 8000)");
	dq_sb_reset(&sb);
	put_header(&sb, 96, 1, 0, 0, 0);
	check_open(sb.s, 80, "cut off inside the file header (80 of 96 bytes)");
	check_open(sb.s, 3, "cut off inside the file header (3 of 64 bytes)");
	sb.s[30] ^= 1;
	check_open(sb.s, sb.len, "the file header is damaged (its checksum is wrong)");
	dq_sb_free(&sb);
}

static void test_unknown_chunks(void **state)
{
	struct dq_sb sb = { 0 };
	struct dq_reader *r;
	struct dq_item item;

	put_header(&sb, 64, 1, 2, 0, 0);
	put_chunk(&sb, 77, 0, 0, 5, "hello", 5);
	put_chunk(&sb, DQ_CHUNK_DEFS, 0x8000, 1, 5, "hello", 5); /* known type, unknown flag */
	r = open_mem(sb.s, sb.len);
	assert_int_equal(dq_reader_next(r, &item), 0);
	assert_int_equal(dq_reader_state(r)->skipped_chunks, 2);
	assert_int_equal(dq_reader_state(r)->bad_chunks, 0);
	assert_int_equal(dq_reader_state(r)->lost_chunks, 0);
	dq_reader_free(&r);
	put_chunk(&sb, 78, DQ_CHUNK_CRITICAL, 2, 5, "hello", 5);
	r = open_mem(sb.s, sb.len);
	assert_int_equal(dq_reader_next(r, &item), -EPROTONOSUPPORT);
	assert_string_equal(dq_reader_error(r),
			    "written by a newer dmaseq (format 1.2 with chunks of type 78; this one reads 1.1)");
	assert_int_equal(dq_reader_next(r, &item), -EPROTONOSUPPORT);
	dq_reader_free(&r);
	dq_sb_free(&sb);
}

static void put_column(struct dq_sb *sb, enum dq_column_mode mode, const char *bytes, size_t len)
{
	dq_sb_varint(sb, len << 2 | mode);
	if (mode != DQ_COL_BITS)
		dq_sb_put(sb, bytes, len);
}

/* Tasks, steps and keys of a payload whose items are all said. */
static void put_steps(struct dq_sb *sb, const char *kinds, size_t n)
{
	dq_sb_varint(sb, n);
	put_column(sb, DQ_COL_SPARSE, "", 0);
	put_column(sb, DQ_COL_DENSE, kinds, n);
	put_column(sb, DQ_COL_SPARSE, "", 0);
}

/* What version 1.1 may write: a kind that we do not know, columns that we do not know; what an
 * earlier one wrote: fewer columns; and modes that this writer does not use for a field. */
static void test_other_columns(void **state)
{
	struct dq_sb sb = { 0 }, pl = { 0 };
	struct dq_reader *r;
	struct dq_item item;

	put_steps(&pl, "\x0c\x63\x0d\x0c", 4);	/* clock, 99, end, clock */
	dq_sb_varint(&pl, 3);
	dq_sb_varint(&pl, DQ_CLOCK);
	dq_sb_varint(&pl, 4);
	put_column(&pl, DQ_COL_DENSE, "\x14\x02", 2);	/* start 10; the difference grows by 1 */
	put_column(&pl, DQ_COL_SPARSE, "\x01\x06", 2);	/* 0, 3 */
	put_column(&pl, DQ_COL_DENSE, "\x80\x80\x01xyz", 6);	/* newer */
	put_column(&pl, DQ_COL_BITS, "", 3);		/* newer */
	dq_sb_varint(&pl, 99);
	dq_sb_varint(&pl, 2);
	put_column(&pl, DQ_COL_DENSE, "\xff", 1);
	put_column(&pl, DQ_COL_BITS, "", 1);
	dq_sb_varint(&pl, DQ_END);
	dq_sb_varint(&pl, 1);				/* older: the time only */
	put_column(&pl, DQ_COL_BITS, "", 2);
	/* the tail: two columns of others, and -2 as zigzag 3 with k = 8: 1, 00000011 */
	dq_sb_put(&pl, "abcd\x07\x00", 6);
	put_header(&sb, 64, 1, 1, 0, 0);
	put_chunk(&sb, DQ_CHUNK_DEFS, 1, 0, (uint32_t)pl.len, pl.s, pl.len);
	r = open_mem(sb.s, sb.len);
	assert_int_equal(dq_reader_next(r, &item), 1);
	assert_int_equal(item.kind, DQ_CLOCK);
	assert_int_equal(item.clock.mono, 10);
	assert_int_equal(item.clock.real, 0);
	assert_int_equal(dq_reader_next(r, &item), 1);
	assert_int_equal(item.kind, DQ_END);
	assert_int_equal(item.end.t, 8);
	assert_string_equal(item.end.reason, "");
	assert_int_equal(dq_reader_next(r, &item), 1);
	assert_int_equal(item.kind, DQ_CLOCK);
	assert_int_equal(item.clock.mono, 8 + 10 + 1);
	assert_int_equal(item.clock.real, 3);
	assert_int_equal(dq_reader_next(r, &item), 0);
	assert_whole(dq_reader_state(r));
	dq_reader_free(&r);
	dq_sb_free(&pl);
	dq_sb_free(&sb);
}

/* Content that lies, in chunks whose checksum is right. */
static void check_bad_payload(unsigned int type, const char *payload, size_t len)
{
	struct dq_reader_state st;
	struct dq_sb sb = { 0 };
	size_t n;

	put_header(&sb, 64, 1, 0, 0, 0);
	put_chunk(&sb, type, 1, 0, (uint32_t)len, payload, len);
	assert_true(read_any(sb.s, sb.len, &n, &st));
	assert_int_equal(st.bad_chunks, 1);
	assert_true(n <= 1);
	dq_sb_free(&sb);
}

static void test_lying_payloads(void **state)
{
	check_bad_payload(DQ_CHUNK_STRINGS, "", 0);
	check_bad_payload(DQ_CHUNK_STRINGS, "\x01\x02\x01x", 4);	/* two, one there */
	check_bad_payload(DQ_CHUNK_STRINGS, "\x00\x01\x01x", 4);	/* id 0 is "" */
	check_bad_payload(DQ_CHUNK_STRINGS, "\x01\x01\x02x\0", 5);	/* a NUL */
	check_bad_payload(DQ_CHUNK_STRINGS, "\xff\xff\xff\xff\x0f\x01\x01x", 8); /* id 2^32-1 */
	check_bad_payload(DQ_CHUNK_STRINGS, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01x", 13);
	check_bad_payload(DQ_CHUNK_STRINGS, "\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 13);
	check_bad_payload(DQ_CHUNK_STRINGS, "\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02x", 13);
	check_bad_payload(DQ_CHUNK_DEFS, "", 0);
	check_bad_payload(DQ_CHUNK_DEFS, "\x01", 1);
	/* number of rows, tasks, steps, keys, number of kinds; 2^32-1 items */
	check_bad_payload(DQ_CHUNK_DEFS, "\xff\xff\xff\xff\x0f\x01\x04\x0c\x01\x00", 10);
	check_bad_payload(DQ_CHUNK_DEFS, "\x02\x01\x04\x0c\x01\x00", 6);	/* a step is missing */
	check_bad_payload(DQ_CHUNK_DEFS, "\x01\x01\x01\x01\x00", 5);		/* nothing is expected */
	check_bad_payload(DQ_CHUNK_DEFS, "\x01\x01\x14\x0c\x01\x00", 6);	/* column too long */
	check_bad_payload(DQ_CHUNK_DEFS, "\x01\x01\x07\x0c\x01\x00", 6);	/* mode 3 */
	check_bad_payload(DQ_CHUNK_DEFS, "\x01\x01\x04\x0c\x01\x00x", 7);	/* something behind it */
	check_bad_payload(DQ_CHUNK_DEFS, "\x01\x01\x04\x0c\x01\x01\x0c", 7); /* no columns there */
	check_bad_payload(DQ_CHUNK_DEFS,					/* open varint */
			  "\x01\x01\x04\x0c\x01\x01\x0c\x02\x04\x80\x01", 11);
	check_bad_payload(DQ_CHUNK_DEFS,					/* bits not there */
			  "\x01\x01\x04\x0c\x01\x01\x0c\x01\x06", 9);
	check_bad_payload(DQ_CHUNK_DEFS,					/* bits end too early */
			  "\x01\x01\x04\x0c\x01\x01\x0c\x01\x06\x01", 10);
	/* a task of 2^32 */
	check_bad_payload(DQ_CHUNK_EVENTS,
			  "\x01\x19\x00\x80\x80\x80\x80\x20\x04\x0e\x01\x00", 12);
	/* zlib that is none */
	{
		struct dq_reader_state st;
		struct dq_sb sb = { 0 };
		size_t n;

		put_header(&sb, 64, 1, 0, 0, 0);
		put_chunk(&sb, DQ_CHUNK_DEFS, 3, 0, 100, "not zlib", 8);
		assert_true(read_any(sb.s, sb.len, &n, &st));
		assert_int_equal(st.bad_chunks, 1);
		dq_sb_free(&sb);
	}
}

/* A file must not buy more memory or time than it is long. */
static void test_bombs(void **state)
{
	struct dq_reader_state st;
	struct dq_sb sb = { 0 }, pl = { 0 };
	size_t n;

	/* lengths that cannot be */
	put_header(&sb, 64, 1, 0, 0, 0);
	put_chunk(&sb, DQ_CHUNK_EVENTS, 3, 0, 0xffffffff, "x", 1);
	put_chunk(&sb, DQ_CHUNK_EVENTS, 3, 1, DQ_RAW_MAX, "x", 1);
	put_chunk(&sb, DQ_CHUNK_EVENTS, 1, 2, 2, "x", 1);
	assert_true(read_any(sb.s, sb.len, &n, &st));
	assert_int_equal(st.bad_chunks, 3);
	/* a million items of nothing: one byte of tag each when not compressed, so allowed, but
	 * not more than that in a chunk */
	dq_sb_reset(&sb);
	put_header(&sb, 64, 1, 0, 0, 0);
	dq_sb_varint(&pl, DQ_ITEMS_MAX + 1);
	dq_sb_puts(&pl, "\x01\x05\x01");
	dq_sb_varint(&pl, 0);
	put_chunk(&sb, DQ_CHUNK_EVENTS, 1, 0, (uint32_t)pl.len, pl.s, pl.len);
	assert_true(read_any(sb.s, sb.len, &n, &st));
	assert_int_equal(st.bad_chunks, 1);
	/* every four bytes the start of a chunk that claims the rest of the file: checking each
	 * of them would take minutes */
	dq_sb_reset(&sb);
	put_header(&sb, 64, 1, 0, 0, 0);
	dq_sb_reset(&pl);
	for (size_t i = 0; i < 4u << 20; i += DQ_CHUNK_HEADER) {
		uint8_t h[DQ_CHUNK_HEADER] = { 0 };
		uint32_t len = (uint32_t)((4u << 20) - i) / 2 & ~7u;

		dq_put32(h, DQ_CHUNK_SYNC);
		dq_put16(h + 4, DQ_CHUNK_EVENTS);
		dq_put32(h + 8, len);
		dq_put32(h + 12, len);
		dq_sb_put(&sb, h, sizeof(h));
	}
	assert_true(read_any(sb.s, sb.len, &n, &st));
	assert_int_equal(n, 0);
	assert_true(st.bad_chunks > 0);
	dq_sb_free(&pl);
	dq_sb_free(&sb);
}

static void test_foreign_files(void **state)
{
	static const struct {
		const char *p;
		size_t len;
		const char *want;
	} cases[] = {
		{ "", 0, "empty file" },
		{ "\x7f" "ELF\x02\x01", 6, "not a dmaseq trace (an ELF file?)" },
		{ "\x1f\x8b\x08", 3, "not a dmaseq trace (gzip-compressed data?)" },
		{ "\x28\xb5\x2f\xfd ", 5, "not a dmaseq trace (zstd-compressed data?)" },
		{ "\xfd" "7zXZ\0", 6, "not a dmaseq trace (xz-compressed data?)" },
		{ "PERFILE2h", 9, "not a dmaseq trace (a perf.data file?)" },
		{ "\x17\x08\x44tracing6", 11,
		  "not a dmaseq trace (a trace.dat file of trace-cmd?)" },
		{ "# tracer: nop\n", 14, "not a dmaseq trace (the text of an ftrace buffer?)" },
		{ "int main(void)\n", 15, "not a dmaseq trace (a text file?)" },
		{ "\0\1\2\3", 4, "not a dmaseq trace" },
		{ "\x8d" "DSQ\n\x1a\n", 7,
		  "damaged by a transfer as text (the line ends were changed)" },
		{ "dmaseq-text 2\n", 14,
		  "written by a newer dmaseq (text form 2; this one reads 1)" },
		{ "dmaseq-text x\n", 14, "line 1: bad version 'x' of the text form" },
		{ "dmaseq-text 1 foo=1\n", 20, "line 1: unknown field 'foo' of the first line" },
		{ "dmaseq-text 1 mono=x\n", 21, "line 1: bad value 'x' of field 'mono'" },
		{ "dmaseq-text 1 boot_id=12\n", 25, "line 1: bad value '12' of field 'boot_id'" },
	};
	char *err = NULL;
	struct dq_reader *r;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(cases); i++)
		check_open(cases[i].p, cases[i].len, cases[i].want);
	assert_int_equal(dq_reader_open(&r, "/nonexistent/x", &err), -ENOENT);
	assert_string_equal(err, "no such file");
	free(err);
	assert_int_equal(dq_reader_open(&r, "/", &err), -EISDIR);
	assert_string_equal(err, "is a directory");
	free(err);
	assert_int_equal(dq_reader_open(&r, "/", NULL), -EISDIR);
}

/* ---- the text form ---- */

static void test_text_errors(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "foo", "line 2: unknown kind 'foo'" },
		{ "call", "line 2: call without a hook" },
		{ "call t=1", "line 2: call without a hook" },
		{ "call dma_buf_foo", "line 2: unknown hook 'dma_buf_foo'" },
		{ "call hook:x", "line 2: unknown hook 'hook:x'" },
		{ "call hook:4294967296", "line 2: unknown hook 'hook:4294967296'" },
		{ "call dma_buf_put foo=1", "line 2: unknown field 'foo' of call" },
		{ "call dma_buf_put dir=NONE", "line 2: dma_buf_put has no argument 'dir'" },
		{ "call dma_buf_put t=1 t=1", "line 2: field 't' is given twice" },
		{ "call dma_buf_fd fd=1", "line 2: dma_buf_fd has no argument 'fd'" },
		{ "call dma_buf_fd a0=5 flags=0", "line 2: field 'flags' is given twice" },
		{ "call dma_buf_put t=x", "line 2: bad value 'x' of field 't'" },
		{ "call dma_buf_put t=", "line 2: bad value '' of field 't'" },
		{ "call dma_buf_put t=-1", "line 2: bad value '-1' of field 't'" },
		{ "call dma_buf_put t=0.0000000001",
		  "line 2: bad value '0.0000000001' of field 't'" },
		{ "call dma_buf_put dur=1.5", "line 2: bad value '1.5' of field 'dur'" },
		{ "call dma_buf_put task=-1", "line 2: bad value '-1' of field 'task'" },
		{ "call dma_buf_put task=4294967296",
		  "line 2: bad value '4294967296' of field 'task'" },
		{ "call dma_buf_put ret=-EFOO", "line 2: bad value '-EFOO' of field 'ret'" },
		{ "call dma_buf_put ret=ENOMEM", "line 2: bad value 'ENOMEM' of field 'ret'" },
		{ "call dma_buf_put state=OPEN|FOO",
		  "line 2: bad value 'OPEN|FOO' of field 'state'" },
		{ "call dma_buf_put state=OPEN|", "line 2: bad value 'OPEN|' of field 'state'" },
		{ "call dma_buf_map_attachment dir=UP", "line 2: bad value 'UP' of field 'dir'" },
		{ "call dma_buf_put caller=\"x", "line 2: bad string in field 'caller'" },
		{ "call dma_buf_put caller=\"\\q\"", "line 2: bad string in field 'caller'" },
		{ "call dma_buf_put caller=\"x\"y",
		  "line 2: something follows the string in field 'caller'" },
		{ "call dma_buf_put caller=\"\\x00\"", "line 2: field 'caller' contains a NUL" },
		{ "call dma_buf_put 17", "line 2: '17' is not NAME=VALUE" },
		{ "call dma_buf_put =17", "line 2: a '=' without a name" },
		{ "buf id=1 id=1", "line 2: field 'id' is given twice" },
		{ "buf 1 id=1", "line 2: field 'id' is given twice" },
		{ "taskev FOO", "line 2: bad value 'FOO' of field 'what'" },
		{ "sys ioctl nr=2147483648", "line 2: bad value '2147483648' of field 'nr'" },
	};
	struct dq_text_parser *p;
	struct dq_item item;
	char *err;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(cases); i++) {
		err = NULL;
		assert_int_equal(dq_text_parser_new(&p), 0);
		assert_int_equal(dq_text_parse_line(p, "# x", 3, &item, &err), 0);
		assert_int_equal(dq_text_parse_line(p, cases[i].line, strlen(cases[i].line), &item,
						    &err),
				 -EINVAL);
		assert_string_equal(err, cases[i].want);
		free(err);
		dq_text_parser_free(&p);
	}
}

/* What people may write, and what dump makes of it. */
static void test_text_canonical(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "call dma_buf_map_attachment ret=3 caller=vb2 sgt=1 t=1.000213 dur=38us task=1 dir=2",
		  "call dma_buf_map_attachment t=1.000213000 dur=38000 task=1 sgt=1 dir=FROM_DEVICE ret=3 caller=\"vb2\"\n" },
		{ "call dma_buf_map_attachment",
		  "call dma_buf_map_attachment dir=BIDIRECTIONAL\n" },
		{ "\t call  hook=dma_buf_put\tt=1s  # and a comment\r\n",
		  "call dma_buf_put t=1.000000000\n" },
		{ "call hook:5", "call dma_buf_put\n" },
		{ "call hook:0 a0=-1", "call hook:0 a0=0xffffffffffffffff\n" },
		{ "call dma_buf_ioctl cmd=0x40086200 sync=5",
		  "call dma_buf_ioctl cmd=DMA_BUF_IOCTL_SYNC sync=END|READ\n" },
		{ "call dma_buf_ioctl cmd=DMA_BUF_IOCTL_SYNC sync=START|RW",
		  "call dma_buf_ioctl cmd=DMA_BUF_IOCTL_SYNC sync=START|RW\n" },
		{ "call dma_buf_ioctl cmd=1 sync=3", "call dma_buf_ioctl cmd=0x1 sync=0x3\n" },
		{ "call dma_buf_fd flags=O_RDWR|O_CLOEXEC ret=-EMFILE",
		  "call dma_buf_fd flags=O_CLOEXEC|O_RDWR ret=-EMFILE\n" },
		{ "call dma_buf_fd flags=3", "call dma_buf_fd flags=0x3\n" },
		{ "call dma_buf_get fd=-1 ret=-9", "call dma_buf_get fd=-1 ret=-EBADF\n" },
		{ "call dma_buf_get", "call dma_buf_get fd=0\n" },
		{ "call dma_buf_mmap_internal prot=READ|SHARED len=0x1000",
		  "call dma_buf_mmap_internal len=4096 prot=READ|SHARED\n" },
		{ "sys close fd=3 t=1 end=2", "sys close t=1.000000000 end=2.000000000 fd=3\n" },
		{ "sys name=\"a b\"", "sys name=\"a b\"\n" },
		{ "sys fd=0", "sys fd=0\n" },
		{ "task 1 flags=KTHREAD", "task id=1 flags=KTHREAD\n" },
		{ "ops 1 has=attach|64|release", NULL },
		{ "ops 1 has=attach|release armed=0x8000000000000000",
		  "ops id=1 has=attach|release armed=0x8000000000000000\n" },
		{ "loss ring cpu=0 hook=dma_buf_put", "loss ring hook=dma_buf_put cpu=0\n" },
		{ "loss ring hook=hook:200", "loss ring hook=hook:200\n" },
		{ "meta arch value=x86_64", "meta arch value=\"x86_64\"\n" },
		{ "taskev 9 t=1", "taskev 9 t=1.000000000\n" },
		{ "end t=1 reason=\"disk full\"", "end t=1.000000000 reason=\"disk full\"\n" },
	};
	struct dq_text_parser *p;
	struct dq_item item;
	char *line = NULL;
	size_t size;
	FILE *out;
	int rc;

	assert_int_equal(dq_text_parser_new(&p), 0);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(cases); i++) {
		rc = dq_text_parse_line(p, cases[i].in, strlen(cases[i].in), &item, NULL);
		assert_int_equal(rc, cases[i].out ? 1 : -EINVAL);
		if (rc < 0)
			continue;
		out = open_memstream(&line, &size);
		assert_int_equal(dq_text_print(out, &item), 0);
		fclose(out);
		assert_string_equal(line, cases[i].out);
		free(line);
		line = NULL;
	}
	dq_text_parser_free(&p);
}

static void test_text_reader(void **state)
{
	static const char head[] = "dmaseq-text 1 boot_id=000102030405060708090a0b0c0d0e0f "
				   "mono=1.000000000 real=2.000000005\n";
	struct dq_reader_state st;
	struct dq_reader *r;
	struct dq_item item;
	char *back = NULL;
	size_t size;
	struct small s;
	FILE *out;
	struct dq_sb sb = { 0 };

	small_new(&s, 0);
	dq_sb_puts(&sb, head);
	dq_sb_puts(&sb, small_text);
	assert_int_equal(read_all(sb.s, sb.len, s.items, SMALL, &st), SMALL);
	assert_true(st.text);
	assert_false(st.no_end);
	assert_int_equal(st.mono, 1000000000);
	assert_int_equal(st.boot_id[15], 15);
	assert_int_equal(st.bytes, sb.len);
	out = open_memstream(&back, &size);
	assert_int_equal(dq_text_print_head(out, &st), 0);
	fclose(out);
	assert_string_equal(back, head);
	free(back);
	/* the last line need not end */
	assert_int_equal(read_all(sb.s, sb.len - 1, s.items, SMALL, &st), SMALL);
	dq_sb_puts(&sb, "oops\n");
	r = open_mem(sb.s, sb.len);
	while (dq_reader_next(r, &item) > 0)
		;
	assert_int_equal(dq_reader_next(r, &item), -EINVAL);
	assert_string_equal(dq_reader_error(r), "line 16: unknown kind 'oops'");
	dq_reader_free(&r);
	dq_sb_free(&sb);
	small_free(&s);
}

/* ---- chunks, rules ---- */

static void count_chunk(const struct dq_chunk_info *c, void *ctx)
{
	struct dq_chunk_info *sum = ctx;

	assert_true(c->seq >= sum->seq);
	assert_non_null(c->name);
	sum->seq = c->seq + 1;
	sum->items += c->type == DQ_CHUNK_STRINGS ? 0 : c->items;
	sum->len += DQ_CHUNK_HEADER + (uint32_t)dq_pad8(c->len);
	assert_true(c->offset + DQ_CHUNK_HEADER + dq_pad8(c->len) == DQ_HEADER_SIZE + sum->len);
}

static void test_on_chunk(void **state)
{
	struct dq_chunk_info sum = { 0 };
	struct dq_reader *r;
	struct dq_item item;
	struct small s;

	small_new(&s, 1);
	r = open_mem(s.f.p, s.f.len);
	dq_reader_on_chunk(r, count_chunk, &sum);
	while (dq_reader_next(r, &item) > 0)
		;
	assert_int_equal(sum.items, SMALL);
	assert_int_equal(sum.len, s.f.len - DQ_HEADER_SIZE);
	assert_int_equal(sum.seq, dq_reader_state(r)->chunks);
	dq_reader_free(&r);
	small_free(&s);
}

static void note_problem(const char *text, void *ctx)
{
	dq_sb_printf(ctx, "%s\n", text);
}

/* The problems of a text trace, one a line. */
static void check_rules(const char *text, const char *want)
{
	struct dq_sb sb = { 0 }, found = { 0 };
	struct dq_validator *v;
	struct dq_reader *r;
	struct dq_item item;

	dq_sb_puts(&sb, "dmaseq-text 1\n");
	dq_sb_puts(&sb, text);
	r = open_mem(sb.s, sb.len);
	assert_int_equal(dq_validator_new(&v, note_problem, &found), 0);
	while (dq_reader_next(r, &item) > 0)
		assert_int_equal(dq_validator_item(v, &item), 0);
	assert_string_equal(dq_reader_error(r), "");
	assert_int_equal(dq_validator_end(v, dq_reader_state(r)), 0);
	assert_string_equal(dq_sb_str(&found), want);
	dq_validator_free(&v);
	dq_reader_free(&r);
	dq_sb_free(&found);
	dq_sb_free(&sb);
}

static void test_rules(void **state)
{
	check_rules(small_text, "");
	check_rules("end t=1\n", "");
	check_rules("", "the last item is not an end\n");
	check_rules("end t=1\nmeta a value=1\n",
		    "item 2: meta after the end\nthe last item is not an end\n");
	check_rules("buf id=1\nbuf id=1\nend t=1\n", "item 2: buf 1 is defined twice\n");
	check_rules("buf\nend t=1\n", "item 1: buf with id 0\n");
	check_rules("task 1\ntask 1 comm=x\nend t=1\n", "");
	check_rules("att id=1 buf=3\natt id=2 buf=3\nend t=1\n",
		    "item 1: att uses buf 3, which is not defined before it\n");
	check_rules("task 1\ncall dma_buf_put task=1 seq=1 buf=2\nend t=1 calls=1\n",
		    "item 2: call uses buf 2, which is not defined before it\n");
	check_rules("task 1\ncall hook:120 task=1 seq=1\nend t=1 calls=1\n",
		    "item 2: call of hook 120, which is not defined before it\n");
	check_rules("task 1\nhook x id=120\ncall hook:120 task=1 seq=1\nend t=1 calls=1\n", "");
	/* callees first */
	check_rules("task 1\ncall dma_buf_put task=1 seq=2 depth=1\ncall dma_buf_put task=1 seq=1\n"
		    "call dma_buf_put task=1 seq=3\nend t=1 calls=3\n", "");
	check_rules("task 1\ncall dma_buf_put task=1 seq=2\ncall dma_buf_put task=1 seq=1\nend t=1 calls=2\n",
		    "item 3: seq 1 of task 1 at depth 0 is not above 2\n");
	check_rules("task 1\ncall dma_buf_put task=1 seq=3\nend t=1 calls=1\n",
		    "task 1: 2 of its 3 calls are missing\n");
	/* a filter leaves calls out, but not those of the command alone */
	check_rules("meta filter value=inode=1\ntask 1\ncall dma_buf_put task=1 seq=3\nend t=1 calls=1\n", "");
	check_rules("meta filter value=command\ntask 1\ncall dma_buf_put task=1 seq=3\nend t=1 calls=1\n",
		    "task 1: 2 of its 3 calls are missing\n");
	check_rules("task 1\ncall dma_buf_put task=1 seq=3\nloss ring count=2\nend t=1 calls=1 lost=2\n",
		    "");
	check_rules("task 1\ncall dma_buf_put task=1 seq=1 sys=1\nend t=1 calls=1\n",
		    "task 1: sys 1, which calls name, is missing\n");
	check_rules("task 1\nsys close task=1 sys=1\ncall dma_buf_put task=1 seq=1 sys=1\nend t=1 calls=1\n",
		    "item 3: call in sys 1 of task 1, which ended before it\n");
	check_rules("task 1\nsys close task=1 sys=1 t=2 end=1\nsys close task=1 sys=1\nend t=1\n",
		    "item 2: sys ends before it starts\nitem 3: sys 1 of task 1 is not above 1\n");
	check_rules("loss ring count=2\nend t=1 calls=1 lost=3\n",
		    "the end says 1 calls, there are 0\n"
		    "the end says 3 lost events, the losses say 2\n");
}

/* The last part of a recording, and one that was written while it went on. */
static void test_rules_kept(void **state)
{
#define CALL(seq, depth) "call dma_buf_put task=1 seq=" #seq " depth=" #depth "\n"
#define KEPT "task 1\nmeta keep.from value=1\n"
#define OPEN "task 1\nmeta keep.open value=1\n"
	/* 6 was forgotten, which was inside of 5; from then on all is there */
	check_rules(KEPT CALL(7, 1) CALL(5, 0) CALL(9, 1) CALL(8, 0) "end t=1 calls=4\n", "");
	check_rules(KEPT CALL(5, 0) CALL(8, 0) "end t=1 calls=2\n", "");
	check_rules(KEPT CALL(5, 0) CALL(8, 0) CALL(10, 0) "end t=1 calls=3\n",
		    "task 1: 1 of its 3 calls are missing\n");
	check_rules(KEPT CALL(5, 0) CALL(8, 0) CALL(11, 1) CALL(9, 0) "end t=1 calls=4\n",
		    "task 1: 1 of its 4 calls are missing\n");
	/* 3 has not returned, so its task is in the middle of something */
	check_rules(OPEN CALL(2, 1) CALL(1, 0) CALL(4, 1) "end t=1 calls=3\n", "");
	check_rules(OPEN CALL(1, 0) CALL(3, 0) CALL(5, 1) "end t=1 calls=3\n",
		    "task 1: 1 of its 3 calls are missing\n");
	check_rules(OPEN "call dma_buf_put task=1 seq=1 sys=1\nend t=1 calls=1\n", "");
	check_rules(KEPT "call dma_buf_put task=1 seq=1 sys=1\nend t=1 calls=1\n",
		    "task 1: sys 1, which calls name, is missing\n");
#undef CALL
#undef KEPT
#undef OPEN
}

/* ---- tables ---- */

static void test_hook_table(void **state)
{
	const struct dq_hook_info *h;

	for (uint32_t id = 0; id < 2 * HOOK_MAX; id++) {
		h = dq_hook_info(id);
		if (!h)
			continue;
		assert_int_equal(h->id, id);
		assert_ptr_equal(dq_hook_by_name(h->name), h);
	}
	assert_null(dq_hook_info(0));
	assert_null(dq_hook_info(HOOK_MAX));
	assert_null(dq_hook_info(UINT32_MAX));
	assert_null(dq_hook_by_name(""));
	assert_int_equal(dq_hook_info(HOOK_EXPORT)->ret, RET_BUF);
	assert_int_equal(dq_hook_info(HOOK_OPS_MAP)->arg[0], ARG_DIR);
}

static char *read_source(const char *name)
{
	struct dq_sb path = { 0 };
	struct file f;
	int fd;

	dq_sb_printf(&path, "%s/%s", DQ_SOURCE_DIR, name);
	fd = open(dq_sb_str(&path), O_RDONLY);
	if (fd < 0)
		fail_msg("%s: %s", dq_sb_str(&path), strerror(errno));
	dq_sb_free(&path);
	f = slurp(fd);
	f.p[f.len] = '\0';
	return (char *)f.p;
}

/* Removes comments: what remains between { and } are declarations. */
static void strip_comments(char *s)
{
	char *end;

	while ((s = strstr(s, "/*"))) {
		end = strstr(s, "*/");
		assert_non_null(end);
		memset(s, ' ', (size_t)(end + 2 - s));
	}
}

/* How many values a struct of trace.h has: one per declarator, an array's length per array. */
static unsigned int count_members(const char *header, const char *kind)
{
	struct dq_sb start = { 0 };
	unsigned int n = 0;
	const char *p, *end;

	dq_sb_printf(&start, "\nstruct dq_%s {", kind);
	p = strstr(header, dq_sb_str(&start));
	assert_non_null(p);
	end = strstr(p, "\n};");
	assert_non_null(end);
	for (; p < end; p++) {
		n += *p == ';' || *p == ',';
		if (*p == '[')
			n += (unsigned int)strtoul(p + 1, NULL, 10) - 1;
	}
	dq_sb_free(&start);
	return n;
}

static void check_coding(const struct dq_kind_desc *k, const struct dq_field *f)
{
	bool is32 = f->type == DQ_F_U32 || f->type == DQ_F_I32;

	switch ((enum dq_coding)f->coding) {
	case DQ_C_TASK:
	case DQ_C_CPU:
	case DQ_C_SEQ:
	case DQ_C_SYS:
		assert_int_equal(f->type, DQ_F_U32);
		break;
	case DQ_C_KEY:
		assert_true(is32);
		break;
	case DQ_C_START:
	case DQ_C_END:
	case DQ_C_DUR:
		assert_int_equal(f->type, DQ_F_U64);
		break;
	case DQ_C_CONTEXT:
		assert_true(k->depth < 0 || &k->f[k->depth] != f || f->type == DQ_F_U32);
		return;
	}
	/* one of each in a kind */
	for (const struct dq_field *g = k->f; g < f; g++)
		assert_int_not_equal(f->coding, g->coding);
}

/* What the reader finds out by itself: .fatal */
static int found_by_reader(int kind)
{
	return kind == DQ_CALL || kind == DQ_SYS;
}

/* Nothing else that a struct can say is forgotten by the file. */
static void test_fields_cover_structs(void **state)
{
	char *header = read_source("src/trace/trace.h");

	strip_comments(header);
	for (int kind = 1; kind < DQ_KIND_MAX; kind++) {
		const struct dq_kind_desc *k = &dq_kinds[kind];

		assert_non_null(k->name);
		assert_int_equal(k->n + found_by_reader(kind), count_members(header, k->name));
		for (int i = 0; i < k->n; i++) {
			for (int j = 0; j < i; j++) {
				assert_int_not_equal(k->f[i].off, k->f[j].off);
				assert_string_not_equal(k->f[i].name, k->f[j].name);
			}
			/* what the codec takes for granted */
			check_coding(k, &k->f[i]);
			assert_true(!k->f[i].lead || i == 0);
			assert_true(k->f[i].show != DQ_S_FLAGS || k->f[i].names);
		}
	}
	free(header);
}

/* docs/trace-format.md has a row "| 3 | task | u32 | PLAIN |" for every field. */
static void test_fields_in_docs(void **state)
{
	static const char *const types[] = { "u32", "i32", "u64", "i64", "string" };
	static const char *const codings[] = { "TASK", "KEY", "CONTEXT", "CPU", "START",
					       "END",  "DUR", "SEQ",	 "SYS" };
	char *doc = read_source("docs/trace-format.md");
	struct dq_sb row = { 0 };
	const char *at, *next;

	for (int kind = 1; kind < DQ_KIND_MAX; kind++) {
		const struct dq_kind_desc *k = &dq_kinds[kind];

		dq_sb_reset(&row);
		dq_sb_printf(&row, "\n### %d `%s`", kind, k->name);
		at = strstr(doc, dq_sb_str(&row));
		if (!at)
			fail_msg("docs/trace-format.md has no section%s", dq_sb_str(&row));
		next = strstr(at + 1, "\n##");
		for (int i = 0; i < k->n; i++) {
			dq_sb_reset(&row);
			dq_sb_printf(&row, "\n| %d | `%s` | %s | %s |", i, k->f[i].name,
				     types[k->f[i].type], codings[k->f[i].coding]);
			at = strstr(at, dq_sb_str(&row));
			if (!at || (next && at > next))
				fail_msg("docs/trace-format.md: %s lacks%s", k->name,
					 dq_sb_str(&row));
		}
		dq_sb_reset(&row);
		dq_sb_printf(&row, "\n| %d | `", k->n);
		assert_true(!strstr(at, dq_sb_str(&row)) ||
			    (next && strstr(at, dq_sb_str(&row)) > next));
	}
	dq_sb_free(&row);
	free(doc);
}

/* ---- the price of a call ---- */

/* A duration with the noise of a quiet machine: a few dozen ns, now and then an interrupt. */
static uint64_t noisy(uint64_t base, uint64_t noise)
{
	return base + rnd() % noise + rnd() % noise + (rnd() % 200 ? 0 : rnd() % 20000);
}

static void put_call(struct dq_writer *w, enum hook_id hook, uint32_t seq, uint32_t depth,
		     uint32_t sys, uint64_t t0, uint64_t dur, uint64_t a0, uint64_t a1)
{
	struct dq_item i = { .kind = DQ_CALL };

	i.call = (struct dq_call){ .hook = hook, .task = 1, .cpu = 1, .t0 = t0, .dur = dur,
				   .seq = seq, .depth = depth, .sys = sys, .buf = 1,
				   .a = { a0, a1, 0 }, .caller = "" };
	assert_int_equal(dq_writer_put(w, &i), 0);
}

/* One DMA_BUF_IOCTL_SYNC: three nested calls in a system call. Returns when it ends. */
static uint64_t put_sync(struct dq_writer *w, uint32_t n, uint64_t t)
{
	bool end = n & 1;
	uint64_t begin = t + noisy(300, 40), ops = begin + noisy(250, 30);
	uint64_t ops_dur = noisy(1500, 100), begin_dur = ops_dur + (ops - begin) + noisy(200, 30);
	uint64_t dur = begin_dur + (begin - t) + noisy(220, 30);
	struct dq_item i = { .kind = DQ_SYS };

	put_call(w, end ? HOOK_OPS_END_CPU : HOOK_OPS_BEGIN_CPU, 3 * n + 3, 2, n + 1, ops, ops_dur,
		 2, 0);
	put_call(w, end ? HOOK_END_CPU : HOOK_BEGIN_CPU, 3 * n + 2, 1, n + 1, begin, begin_dur, 2,
		 0);
	put_call(w, HOOK_IOCTL, 3 * n + 1, 0, n + 1, t, dur, 0x40086200, end ? 5 : 1);
	i.sys = (struct dq_sys){ .task = 1, .sys = n + 1, .t0 = t, .t1 = t + dur + noisy(150, 20),
				 .nr = 16, .name = "ioctl", .a = { 5, 0x40086200, 0 }, .fd = 5,
				 .buf = 1 };
	assert_int_equal(dq_writer_put(w, &i), 0);
	return i.sys.t1;
}

static void test_bytes_per_call(void **state)
{
	enum { N = 50000 };
	struct dq_writer_opts opts = { 0 };
	struct dq_writer *w;
	uint64_t t = 18000000000000;
	double per_call;
	int fd = temp_fd();

	assert_int_equal(dq_writer_new(&w, fd, &opts), 0);
	for (uint32_t n = 0; n < N; n++)
		t = put_sync(w, n, t) + noisy(900, 100);
	assert_int_equal(dq_writer_flush(w), 0);
	per_call = (double)dq_writer_bytes(w) / (3.0 * N);
	print_message("%.2f bytes per call of a steady SYNC loop\n", per_call);
	assert_true(per_call <= 3.0);
	assert_int_equal(dq_writer_close(&w), 0);
	close(fd);
}

/* A frame of a camera: a buffer is queued, by the one of nbufs whose turn it is. */
static uint64_t put_frame(struct dq_writer *w, uint32_t n, uint64_t t, uint32_t nbufs)
{
	struct dq_item it = { .kind = DQ_CALL };
	uint64_t begin = t + noisy(33000, 400);

	it.call = (struct dq_call){ .hook = HOOK_GET, .task = 1, .seq = 2 * n + 1, .sys = n + 1,
				    .buf = 1 + n % nbufs, .t0 = begin, .dur = noisy(700, 80),
				    .a = { 5 + n % nbufs }, .caller = "__prepare_dmabuf [videobuf2_common]" };
	assert_int_equal(dq_writer_put(w, &it), 0);
	t = it.call.t0 + it.call.dur;
	it.call.hook = HOOK_PUT;
	it.call.seq++;
	it.call.a[0] = 0;
	it.call.t0 = t + noisy(200, 40);
	it.call.dur = 0;
	assert_int_equal(dq_writer_put(w, &it), 0);
	t = it.call.t0 + noisy(300, 50);
	it = (struct dq_item){ .kind = DQ_SYS };
	it.sys = (struct dq_sys){ .task = 1, .sys = n + 1, .t0 = begin, .t1 = t, .nr = 16, .name = "ioctl",
				  .a = { 4, 0xc058560f }, .fd = 4, .dev = 2 };
	assert_int_equal(dq_writer_put(w, &it), 0);
	return t;
}

static uint64_t bytes_of_stream(uint32_t nbufs)
{
	enum { N = 20000 };
	struct dq_writer_opts opts = { 0 };
	struct dq_writer *w;
	uint64_t t = 18000000000000, bytes;
	int fd = temp_fd();

	assert_int_equal(dq_writer_new(&w, fd, &opts), 0);
	for (uint32_t n = 0; n < N; n++)
		t = put_frame(w, n, t, nbufs);
	assert_int_equal(dq_writer_flush(w), 0);
	bytes = dq_writer_bytes(w);
	print_message("%.2f bytes per call of a stream of %u buffers\n", (double)bytes / (2.0 * N), nbufs);
	assert_int_equal(dq_writer_close(&w), 0);
	close(fd);
	return bytes;
}

/* Buffers that take turns cost no more than one that is always the same. */
static void test_turns(void **state)
{
	uint64_t one = bytes_of_stream(1);

	assert_true(one <= 3 * 40000);
	assert_true(bytes_of_stream(4) <= one + one / 50);
	assert_true(bytes_of_stream(32) <= one + one / 10);
}

/* ---- released formats ---- */

/* The same trace, as a version wrote it. */
static void read_released(const char *version)
{
	struct dq_sb path = { 0 };
	struct dq_reader *a, *b;
	struct dq_item ia, ib;
	int rc;

	dq_sb_printf(&path, "%s/tests/golden/trace/%s.dmaseq", DQ_SOURCE_DIR, version);
	assert_int_equal(dq_reader_open(&a, dq_sb_str(&path), NULL), 0);
	dq_sb_reset(&path);
	dq_sb_printf(&path, "%s/tests/golden/trace/v1.txt", DQ_SOURCE_DIR);
	assert_int_equal(dq_reader_open(&b, dq_sb_str(&path), NULL), 0);
	while ((rc = dq_reader_next(a, &ia)) > 0) {
		assert_int_equal(dq_reader_next(b, &ib), 1);
		assert_same_item(&ia, &ib);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(dq_reader_next(b, &ib), 0);
	assert_whole(dq_reader_state(a));
	assert_memory_equal(dq_reader_state(a)->boot_id, dq_reader_state(b)->boot_id, 16);
	assert_true(dq_reader_state(a)->mono == dq_reader_state(b)->mono);
	assert_true(dq_reader_state(a)->real == dq_reader_state(b)->real);
	dq_reader_free(&a);
	dq_reader_free(&b);
	dq_sb_free(&path);
}

static void test_released(void **state)
{
	read_released("v1");
	read_released("v1.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binary_round_trip),
		cmocka_unit_test(test_text_round_trip),
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_repeat),
		cmocka_unit_test(test_repeat_or_put),
		cmocka_unit_test(test_writer_strings),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_write_errors),
		cmocka_unit_test(test_take_back),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_flip),
		cmocka_unit_test(test_random_damage),
		cmocka_unit_test(test_lost_chunk),
		cmocka_unit_test(test_damaged_length),
		cmocka_unit_test(test_garbage_between),
		cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_unknown_chunks),
		cmocka_unit_test(test_other_columns),
		cmocka_unit_test(test_lying_payloads),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_text_errors),
		cmocka_unit_test(test_text_canonical),
		cmocka_unit_test(test_text_reader),
		cmocka_unit_test(test_on_chunk),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_kept),
		cmocka_unit_test(test_hook_table),
		cmocka_unit_test(test_fields_cover_structs),
		cmocka_unit_test(test_fields_in_docs),
		cmocka_unit_test(test_bytes_per_call),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
