/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_life.c - canonical lives: folding, what makes no difference and what does,
 * the histogram of durations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/life.h"

/* ---- folding: each letter is a step ---- */

static void put_letters(struct dq_sb *sb, const struct dq_node *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t min = dq_rounds_min(&v[i].rounds);

		if (v[i].kind == DQ_NODE_LOOP) {
			dq_sb_putc(sb, '(');
			put_letters(sb, v[i].kids, v[i].nkids);
			dq_sb_putc(sb, ')');
		} else {
			dq_sb_puts(sb, v[i].text);
		}
		if (v[i].rounds.max > 1 || min > 1)
			dq_sb_printf(sb, "%llu", (unsigned long long)min);
		if (v[i].rounds.max != min)
			dq_sb_printf(sb, "-%llu", (unsigned long long)v[i].rounds.max);
	}
}

static void assert_folds(const char *in, const char *out)
{
	struct dq_node *v = NULL;
	size_t n = 0, cap = 0;
	struct dq_sb sb = { 0 };

	for (; *in; in++) {
		struct dq_node one = { .kind = DQ_NODE_CALL, .text = strndup(in, 1) };

		dq_rounds_set(&one.rounds, UINT64_MAX, 1);
		assert_int_equal(dq_times_add(&one.times, 100), 0);
		dq_node_hash(&one);
		assert_int_equal(dq_node_push(&v, &n, &cap, &one), 0);
	}
	put_letters(&sb, v, n);
	assert_string_equal(dq_sb_str(&sb), out);
	dq_sb_free(&sb);
	for (size_t i = 0; i < n; i++)
		dq_node_free(&v[i]);
	free(v);
}

static void test_fold(void **state)
{
	assert_folds("abc", "abc");
	assert_folds("aaab", "a3b");
	assert_folds("abab", "(ab)2");
	assert_folds("xababaaby", "x(a1-2b)3y");
	assert_folds("xababaacy", "x(ab)2a2cy");
	assert_folds("abcabcabcd", "(abc)3d");
	/* loops in loops, with as many rounds as it happens */
	assert_folds("xaabxaaabxab", "(xa1-3b)3");
	assert_folds("xababyxabababyxababyz", "(x(ab)2-3y)3z");
	/* the last step of a round may come more often */
	assert_folds("babaababaaa", "(ba1-3)4");
	assert_folds("babababaaa", "(ba1-3)4");
	/* a round that was begun and not ended stays what it is */
	assert_folds("ababa", "(ab)2a");
}

static void test_fold_counts(void **state)
{
	struct dq_node *v = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < 3000; i++) {
		struct dq_node one = { .kind = DQ_NODE_CALL, .text = strdup(i % 3 ? "b" : "a") };

		dq_rounds_set(&one.rounds, UINT64_MAX, 1);
		assert_int_equal(dq_times_add(&one.times, i), 0);
		dq_node_hash(&one);
		assert_int_equal(dq_node_push(&v, &n, &cap, &one), 0);
	}
	assert_int_equal(n, 1);
	assert_int_equal(v[0].rounds.max, 1000);
	assert_int_equal(v[0].nkids, 2);
	assert_int_equal(v[0].kids[0].times.n, 1000);
	assert_int_equal(v[0].kids[1].times.n, 2000);
	assert_int_equal(v[0].kids[1].rounds.sum, 2000);
	assert_int_equal(v[0].kids[1].rounds.places, 1000);
	assert_int_equal(v[0].kids[0].times.max, 2997);
	dq_node_free(&v[0]);
	free(v);
}

/* ---- durations ---- */

static void test_times(void **state)
{
	struct dq_times t = { 0 }, u = { 0 };

	assert_int_equal(dq_times_quantile(&t, 500), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		assert_int_equal(dq_times_add(&t, i * 1000), 0);
	assert_in_range(dq_times_quantile(&t, 500), 480000, 520000);
	assert_in_range(dq_times_quantile(&t, 900), 870000, 930000);
	assert_int_equal(dq_times_quantile(&t, 0), 1000);
	assert_int_equal(dq_times_quantile(&t, 1000), 1000000);
	assert_int_equal(dq_times_add(&u, UINT64_MAX), 0);
	assert_int_equal(dq_times_merge(&t, &u), 0);
	assert_int_equal(t.n, 1001);
	assert_true(t.max == UINT64_MAX);
	assert_true(dq_times_quantile(&t, 1000) == UINT64_MAX);
	/* bins follow each other without holes */
	for (unsigned int i = 0; i < 480; i++)
		assert_true(dq_bin_begin(i) < dq_bin_begin(i + 1));
	dq_times_free(&t);
	dq_times_free(&u);
}

static void test_parts(void **state)
{
	static const struct { const char *s; size_t op, ret; } t[] = {
		{ "close", 5, 5 }, { "close = -EBADF", 5, 5 },
		{ "vivid: map(A, B) = -ENOMEM", 10, 16 },
		{ "\"a = (b\": put", 13, 13 }, { "\"a\\\" = \": put(x)", 13, 16 },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(t); i++) {
		size_t op, ret;

		dq_node_parts(t[i].s, &op, &ret);
		assert_int_equal(op, t[i].op);
		assert_int_equal(ret, t[i].ret);
	}
}

/* ---- lives of traces ---- */

struct loaded {
	struct dq_reader *r;
	struct dq_model *m;
	struct dq_shapes s;
};

static struct loaded load(const char *text)
{
	struct loaded l = { 0 };
	struct dq_lives *ls;
	struct dq_sb sb = { 0 };
	char *err = NULL;

	dq_sb_printf(&sb, "dmaseq-text 1\nmeta key=\"arch\" value=\"x86_64\"\n"
		     "task 1 tid=10 tgid=10 comm=\"app\"\ntask 2 tid=11 tgid=10 comm=\"app\"\n"
		     "task 3 tid=30 tgid=30 flags=KTHREAD comm=\"kworker/0:1-ev\"\n"
		     "task 4 tid=31 tgid=31 flags=KTHREAD comm=\"kworker/u8:2\"\n%s", text);
	if (dq_reader_open_mem(&l.r, sb.s, sb.len, &err))
		fail_msg("%s", err ? err : "no reader");
	assert_int_equal(dq_model_new(&l.m, DQ_KEEP_NONE), 0);
	assert_int_equal(dq_lives_new(&ls, l.m), 0);
	if (dq_model_load(l.m, l.r))
		fail_msg("%s", dq_reader_error(l.r));
	assert_int_equal(dq_lives_shapes(ls, &l.s), 0);
	dq_lives_free(&ls);
	dq_sb_free(&sb);
	return l;
}

static void unload(struct loaded *l)
{
	dq_shapes_free(&l->s);
	dq_model_free(&l->m);
	dq_reader_free(&l->r);
}

#define BUF(id) "buf " #id " t=1s ino=" #id " size=4096 exp_name=\"sys\"\n"
#define VMAP(buf, task, t, seq) "call dma_buf_vmap buf=" #buf " task=" #task " t=" #t " seq=" #seq \
	" dur=5 caller=\"x [drv]\"\n"
#define VUNMAP(buf, task, t, seq) "call dma_buf_vunmap buf=" #buf " task=" #task " t=" #t \
	" seq=" #seq " dur=5 caller=\"x [drv]\"\n"
#define PUT(buf, task, t, seq) "call dma_buf_put buf=" #buf " task=" #task " t=" #t " seq=" #seq \
	" caller=\"x [drv]\"\n"

/* Two threads meet in two orders: one shape. */
static void test_interleaved(void **state)
{
	struct loaded l = load(BUF(1) BUF(2)
			       VMAP(1, 1, 1s, 1) PUT(1, 2, 2s, 1) VUNMAP(1, 1, 3s, 2)
			       PUT(2, 2, 4s, 2) VMAP(2, 1, 5s, 3) VUNMAP(2, 1, 6s, 4));

	assert_int_equal(l.s.n, 1);
	assert_int_equal(l.s.v[0].nbufs, 2);
	assert_int_equal(l.s.v[0].life.ntracks, 3);	/* two threads, and who holds it */
	unload(&l);
}

/* One thread does the same in another order: two shapes. */
static void test_order(void **state)
{
	struct loaded l = load(BUF(1) BUF(2) VMAP(1, 1, 1s, 1) PUT(1, 1, 2s, 2)
			       PUT(2, 1, 3s, 3) VMAP(2, 1, 4s, 4));

	assert_int_equal(l.s.n, 2);
	assert_string_not_equal(l.s.v[0].name, l.s.v[1].name);
	assert_ptr_equal(dq_shape_of(&l.s, 2), &l.s.v[1]);
	assert_null(dq_shape_of(&l.s, 3));
	unload(&l);
}

/* Which kworker it was is chance, and threads that did the same are counted. */
static void test_roles(void **state)
{
	struct loaded l = load(BUF(1) BUF(2) VMAP(1, 3, 1s, 1) VUNMAP(1, 4, 2s, 1)
			       VMAP(2, 4, 3s, 2) VUNMAP(2, 4, 4s, 3));

	assert_int_equal(l.s.n, 1);
	assert_string_equal(l.s.v[0].life.tracks[0].role, "kworker");
	unload(&l);
	l = load(BUF(1) PUT(1, 1, 1s, 1) PUT(1, 2, 2s, 1));
	assert_int_equal(l.s.v[0].life.ntracks, 2);
	assert_int_equal(l.s.v[0].life.tracks[0].threads_max, 2);
	unload(&l);
}

/* How often makes no difference, whether it failed does. */
static void test_counts_and_errors(void **state)
{
	struct loaded l = load(BUF(1) BUF(2) BUF(3) VMAP(1, 1, 1s, 1)
			       VMAP(2, 1, 2s, 2) VMAP(2, 1, 3s, 3)
			       "call dma_buf_vmap buf=3 task=1 t=4s seq=4 ret=-ENOMEM caller=\"x [drv]\"\n");

	assert_int_equal(l.s.n, 2);
	assert_int_equal(l.s.v[0].nbufs, 2);
	assert_int_equal(l.s.v[0].life.tracks[0].v[0].rounds.max, 2);
	assert_int_equal(dq_rounds_min(&l.s.v[0].life.tracks[0].v[0].rounds), 1);
	assert_string_equal(l.s.v[1].life.tracks[0].v[0].text, "drv: dma_buf_vmap = -ENOMEM");
	unload(&l);
}

static bool has_step(const struct loaded *l, const char *text)
{
	const struct dq_life *life = &l->s.v[0].life;

	for (size_t i = 0; i < life->ntracks; i++)
		for (size_t k = 0; k < life->tracks[i].n; k++)
			if (!strcmp(life->tracks[i].v[k].text, text))
				return true;
	return false;
}

/* What the order of two actors does to an attachment is said by the step. */
static void test_attachment_state(void **state)
{
#define ATT "att 1 t=1s buf=1 dev=\"d0\" driver=\"drv\"\n" \
	"call dma_buf_attach buf=1 att=1 task=1 t=1s dur=1 seq=1 caller=\"x [drv]\"\n"
#define MAP(t, seq) "call dma_buf_map_attachment buf=1 att=1 sgt=1 dir=TO_DEVICE task=1 t=" #t \
	" seq=" #seq " dur=1 ret=1 caller=\"x [drv]\"\n"
#define DETACH(task, t, seq) "call dma_buf_detach buf=1 att=1 task=" #task " t=" #t " seq=" #seq \
	" dur=1 caller=\"x [drv]\"\n"
	struct loaded l = load(BUF(1) ATT MAP(2s, 2) DETACH(2, 3s, 1));

	assert_true(has_step(&l, "drv: dma_buf_detach(d0) while mapped"));
	unload(&l);
	l = load(BUF(1) ATT DETACH(2, 2s, 1) MAP(3s, 2));
	assert_true(has_step(&l, "drv: dma_buf_detach(d0)"));
	unload(&l);
}

/* Callbacks that were not being recorded are not known: that is no other shape. */
static void test_dark(void **state)
{
	struct loaded l = load(
		"ops 1 t=2s exporter=\"sys\" module=\"m\" has=vmap armed=vmap\n"
		"buf 1 t=1s ino=1 size=4096 exp_name=\"sys\" ops=1\n"
		"buf 2 t=1s ino=2 size=4096 exp_name=\"sys\" ops=1\n"
		VMAP(1, 1, 1s, 1)
		"call ops->vmap buf=2 task=1 t=3s seq=3 depth=1 dur=1\n" VMAP(2, 1, 3s, 2));

	assert_int_equal(l.s.n, 1);
	assert_int_equal(l.s.v[0].nbufs, 2);
	assert_int_equal(l.s.v[0].dark_bufs, 1);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_fold_counts),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_counts_and_errors),
		cmocka_unit_test(test_attachment_state),
		cmocka_unit_test(test_dark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
