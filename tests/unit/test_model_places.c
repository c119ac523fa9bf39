/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_places.c - a second reading that steps over chunks finds the same of the buffers that it
 * is about as one that reads all: for each buffer and some pairs of them, of a recording of many
 * stories, in a file of many small chunks.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "model/model.h"

#define MAX_DEAD 1000

/* The recording, in chunks of few events. */
static int small_chunks(void)
{
	struct dq_writer_opts wo = { .mono = 1, .real = 1, .chunk_bytes = 200 };
	int fd = memfd_create("chunks", MFD_CLOEXEC);
	struct dq_reader *r;
	struct dq_writer *w;
	struct dq_item item;
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/bench/mixed.dmaseq", DQ_SOURCE_DIR);
	assert_true(fd >= 0);
	assert_int_equal(dq_reader_open(&r, path, NULL), 0);
	assert_int_equal(dq_writer_new(&w, fd, &wo), 0);
	while (dq_reader_next(r, &item) > 0)
		assert_int_equal(dq_writer_put(w, &item), 0);
	assert_int_equal(dq_writer_close(&w), 0);
	dq_reader_free(&r);
	return fd;
}

static struct dq_reader *open_again(int fd)
{
	struct dq_reader *r;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(dq_reader_open(&r, path, NULL), 0);
	return r;
}

enum way { ALL, ONLY_KEPT, STEPPED };

struct reading {
	struct dq_reader *r;
	struct dq_model *m;
	struct dq_places *p;
};

static struct reading read_about(int fd, const uint32_t *bufs, size_t n, enum way way, struct dq_places *p)
{
	struct reading x = { .r = open_again(fd), .p = p };

	assert_int_equal(dq_model_new(&x.m, n ? DQ_KEEP_SOME : DQ_KEEP_NONE), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(dq_model_keep(x.m, bufs[i]), 0);
	assert_int_equal(dq_model_forget(x.m, MAX_DEAD, NULL, NULL), 0);
	if (!n)
		assert_int_equal(dq_model_note_places(x.m), 0);
	else if (way != ALL)
		dq_model_only_kept(x.m, way == STEPPED ? p : NULL, x.r);
	assert_int_equal(dq_model_load(x.m, x.r), 0);
	return x;
}

static void done(struct reading *x)
{
	dq_model_free(&x->m);
	dq_reader_free(&x->r);
	dq_places_free(&x->p);
}

static void same_calls(const struct dq_model *a, const struct dq_model *b)
{
	assert_int_equal(a->ncalls_v, b->ncalls_v);
	for (size_t i = 0; i < a->ncalls_v; i++) {
		const struct dq_mcall *x = &a->calls_v[i], *y = &b->calls_v[i];

		assert_int_equal(x->c.task, y->c.task);
		assert_int_equal(x->c.seq, y->c.seq);
		assert_int_equal(x->c.hook, y->c.hook);
		assert_int_equal(x->c.buf, y->c.buf);
		assert_int_equal(x->c.t0, y->c.t0);
		assert_int_equal(x->parent, y->parent);
		assert_int_equal(x->flags, y->flags);
		assert_int_equal(x->phase, y->phase);
		assert_string_equal(x->who, y->who);
		assert_string_equal(x->whodev, y->whodev);
	}
	assert_int_equal(a->ngroups, b->ngroups);
	for (size_t i = 0; i < a->ngroups; i++) {
		const struct dq_group *x = &a->groups[i], *y = &b->groups[i];

		assert_int_equal(x->t0, y->t0);
		assert_int_equal(x->t1, y->t1);
		assert_int_equal(x->first, y->first);
		assert_int_equal(x->n, y->n);
		assert_int_equal(x->has_sys, y->has_sys);
		assert_int_equal(x->sys.sys, y->sys.sys);
		assert_int_equal(x->sys.ret, y->sys.ret);
	}
}

static void same_transfers(const struct dq_model *a, const struct dq_model *b)
{
	assert_int_equal(a->ntransfers, b->ntransfers);
	for (size_t i = 0; i < a->ntransfers; i++) {
		const struct dq_transfer *x = &a->transfers[i], *y = &b->transfers[i];

		assert_int_equal(x->way, y->way);
		assert_int_equal(x->from, y->from);
		assert_int_equal(x->to, y->to);
		assert_int_equal(x->from_fd, y->from_fd);
		assert_int_equal(x->to_fd, y->to_fd);
		assert_int_equal(x->n, y->n);
		assert_int_equal(x->t, y->t);
		assert_int_equal(x->exact, y->exact);
	}
}

static void same_buffer(const struct dq_mbuf *x, const struct dq_mbuf *y)
{
	assert_non_null(x);
	assert_non_null(y);
	assert_string_equal(x->name, y->name);
	assert_string_equal(x->exporter, y->exporter);
	assert_int_equal(x->calls, y->calls);
	assert_int_equal(x->errors, y->errors);
	assert_int_equal(x->phases, y->phases);
	assert_int_equal(x->born, y->born);
	assert_int_equal(x->died, y->died);
	assert_int_equal(x->maker, y->maker);
	assert_int_equal(x->client, y->client);
	assert_int_equal(x->first_use, y->first_use);
	assert_int_equal(x->dark_until, y->dark_until);
	assert_int_equal(x->lost, y->lost);
	assert_int_equal(x->nimporters, y->nimporters);
	for (size_t i = 0; i < x->nimporters; i++)
		assert_string_equal(x->importers[i], y->importers[i]);
}

static void same(const struct dq_model *a, const struct dq_model *b, const uint32_t *bufs, size_t n)
{
	same_calls(a, b);
	same_transfers(a, b);
	for (size_t i = 0; i < n; i++)
		same_buffer(dq_model_buf(a, bufs[i]), dq_model_buf(b, bufs[i]));
	assert_int_equal(a->t_first, b->t_first);
	assert_int_equal(a->t_last, b->t_last);
	assert_int_equal(a->nholds, b->nholds);
	assert_int_equal(a->nlosses, b->nlosses);
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->missed, b->missed);
	assert_int_equal(a->njumps, b->njumps);
	assert_int_equal(a->ntasks, b->ntasks);
	assert_int_equal(a->has_end, b->has_end);
	assert_int_equal(a->final.id, b->final.id);
}

/* How many calls and system calls the stepping reader did not have to give. */
static uint64_t compare(int fd, const uint32_t *bufs, size_t n)
{
	struct reading first = read_about(fd, NULL, 0, ALL, NULL);
	struct dq_places *p = dq_model_take_places(first.m, bufs, n);
	struct reading all = read_about(fd, bufs, n, ALL, NULL);
	struct reading kept = read_about(fd, bufs, n, ONLY_KEPT, NULL);
	struct reading stepped = read_about(fd, bufs, n, STEPPED, p);
	uint64_t spared = dq_reader_state(all.r)->items - dq_reader_state(stepped.r)->items;

	assert_non_null(p);
	assert_true(all.m->ncalls_v > 0);
	same(all.m, kept.m, bufs, n);
	same(all.m, stepped.m, bufs, n);
	assert_int_equal(stepped.m->nbufs, n);
	done(&first);
	done(&all);
	done(&kept);
	done(&stepped);
	return spared;
}

static void test_each(void **state)
{
	int fd = small_chunks();
	struct reading first = read_about(fd, NULL, 0, ALL, NULL);
	uint64_t items = dq_reader_state(first.r)->items, spared = 0, best = 0;
	size_t n = first.m->nbufs, i;
	(void)state;

	assert_true(n > 20);
	assert_true(dq_reader_state(first.r)->part > 100);
	for (i = 0; i < n; i++) {
		const uint32_t two[] = { first.m->bufs[i].b.id, first.m->bufs[(i + 7) % n].b.id };

		spared = compare(fd, two, i % 4 ? 1 : 2);
		best = spared > best ? spared : best;
	}
	assert_true(best > items / 2);
	done(&first);
	close(fd);
}

/* Of very many, which are the same one here, all between them is read. */
static void test_many(void **state)
{
	int fd = small_chunks();
	struct reading first = read_about(fd, NULL, 0, ALL, NULL);
	struct reading all, stepped;
	uint32_t ids[100];
	(void)state;

	for (size_t i = 0; i < 100; i++)
		ids[i] = first.m->bufs[i % 3].b.id;
	all = read_about(fd, ids, 100, ALL, NULL);
	stepped = read_about(fd, ids, 100, STEPPED, dq_model_take_places(first.m, ids, 100));
	assert_non_null(stepped.p);
	same(all.m, stepped.m, ids, 100);
	assert_true(dq_reader_state(stepped.r)->items < dq_reader_state(all.r)->items);
	done(&all);
	done(&stepped);
	done(&first);
	close(fd);
}

/* A buffer that nobody knows may be anywhere. */
static void test_unknown(void **state)
{
	int fd = small_chunks();
	struct reading first = read_about(fd, NULL, 0, ALL, NULL);
	const uint32_t ids[] = { first.m->bufs[0].b.id, 999999 };
	(void)state;

	assert_null(dq_model_take_places(first.m, ids, 2));
	assert_null(dq_model_take_places(first.m, ids, 1)); /* taken */
	done(&first);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
