/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_fold.c - folding: pools of buffers, loops in loops, rounds that differ; and
 * of whatever is generated, that a folded story stands for exactly all of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

#define NBUFS 6

/* A trace in the making: one call every millisecond, each lasting a little longer. */
struct gen {
	struct dq_sb sb;
	unsigned int n;
	uint32_t seed;
};

static void gen_begin(struct gen *g)
{
	*g = (struct gen){ .seed = 1 };
	dq_sb_puts(&g->sb, "dmaseq-text 1\nmeta key=\"arch\" value=\"x86_64\"\n"
			   "clock mono=0s real=0s\n"
			   "task 1 tid=1 tgid=1 comm=\"c\" process=\"c\"\n"
			   "ops 1 t=0s exporter=\"e\" module=\"e\" has=vmap armed=vmap\n");
	for (int b = 1; b <= NBUFS; b++)
		dq_sb_printf(&g->sb, "buf %d t=0s ino=%d size=4096 exp_name=\"e\" ops=1\n", b, b);
}

static uint32_t gen_random(struct gen *g, uint32_t below)
{
	g->seed = g->seed * 1664525 + 1013904223;
	return (g->seed >> 8) % below;
}

/* One call, as a letter: a unit of the story. */
static void gen_call(struct gen *g, char what, int buf)
{
	static const char *const names[] = { "dma_buf_vmap", "dma_buf_vunmap",
					     "dma_buf_begin_cpu_access", "dma_buf_end_cpu_access",
					     "dma_buf_put" };

	g->n++;
	dq_sb_printf(&g->sb, "call %s t=0.%06us dur=%u task=1 seq=%u buf=%d caller=\"f [m]\"\n",
		     names[what - 'A'], g->n, 100 + g->n, g->n, buf);
}

static void gen_calls(struct gen *g, const char *what, int buf)
{
	for (; *what; what++)
		gen_call(g, *what, buf);
}

struct told {
	struct dq_reader *r;
	struct dq_model *m;
	struct dq_story *s;
};

static struct told tell(struct gen *g, bool fold)
{
	const struct dq_story_opts o = { .detail = DQ_DETAIL_API, .via = true, .fold = fold,
					 .to = UINT64_MAX };
	const uint32_t bufs[NBUFS] = { 1, 2, 3, 4, 5, 6 };
	struct told t = { 0 };
	char *err = NULL;

	if (dq_reader_open_mem(&t.r, g->sb.s, g->sb.len, &err))
		fail_msg("%s", err ? err : "no reader");
	assert_int_equal(dq_model_new(&t.m, DQ_KEEP_ALL), 0);
	assert_int_equal(dq_model_load(t.m, t.r), 0);
	assert_int_equal(dq_story_new(&t.s, t.m, bufs, NBUFS, &o), 0);
	return t;
}

static void untell(struct told *t)
{
	dq_story_free(&t->s);
	dq_model_free(&t->m);
	dq_reader_free(&t->r);
}

/* A unit stands for as many as it says, and these are all. */
static void check_whole(const struct dq_story *s, const struct gen *g)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->nunits; i++)
		n += s->units[i].times;
	assert_int_equal(n, g->n);
	assert_int_equal(s->shown, g->n);
	assert_int_equal(s->folded, g->n - s->nunits);
}

static void check_loop(const struct dq_story *s, size_t i, size_t first, size_t n, uint32_t min,
		       uint32_t max)
{
	assert_true(i < s->nloops);
	assert_int_equal(s->loops[i].first, first);
	assert_int_equal(s->loops[i].n, n);
	assert_int_equal(s->loops[i].rounds_min, min);
	assert_int_equal(s->loops[i].rounds_max, max);
}

/* Four buffers take turns: one cycle is drawn. */
static void test_pool(void **state)
{
	struct gen g;
	struct told t;

	gen_begin(&g);
	for (int i = 0; i < 40; i++)
		gen_calls(&g, "AB", 1 + i % 4);
	t = tell(&g, true);
	assert_int_equal(t.s->nloops, 1);
	check_loop(t.s, 0, 0, 2, 40, 40);
	assert_int_equal(t.s->loops[0].nbufs, 4);
	assert_int_equal(t.s->loops[0].first_buf, 1);
	assert_int_equal(t.s->loops[0].last_buf, 4);
	assert_int_equal(t.s->loops[0].period, 2000);
	/* calls 1, 3 ... 79 last 101, 103 ... 179 ns */
	assert_int_equal(t.s->steps[1].dmin, 101);
	assert_int_equal(t.s->steps[1].dmed, 141);
	assert_int_equal(t.s->steps[1].dmax, 179);
	check_whole(t.s, &g);
	untell(&t);
	dq_sb_free(&g.sb);
}

/* In a round each buffer has its part: parts that change within a round are no repeat. */
static void test_no_pool(void **state)
{
	struct gen g;
	struct told t;

	gen_begin(&g);
	for (int i = 0; i < 6; i++) {
		gen_call(&g, 'A', 1);
		gen_call(&g, 'B', i % 2 ? 1 : 2);
	}
	t = tell(&g, true);
	/* A1 B2 A1 B1 comes three times; A1 B2 alone does not come twice in a row */
	assert_int_equal(t.s->nloops, 1);
	check_loop(t.s, 0, 0, 4, 3, 3);
	check_whole(t.s, &g);
	untell(&t);
	dq_sb_free(&g.sb);
}

/* Loops in a loop, and the inner one does not always run as often. */
static void test_nested(void **state)
{
	struct gen g;
	struct told t;

	gen_begin(&g);
	gen_call(&g, 'E', 1);
	for (int i = 0; i < 10; i++) {
		gen_call(&g, 'A', 1);
		for (int k = 0; k < 3 + i % 3; k++)
			gen_calls(&g, "CD", 2 + k % 2);
		gen_call(&g, 'B', 1);
	}
	t = tell(&g, true);
	assert_int_equal(t.s->nunits, 5);
	assert_int_equal(t.s->nloops, 2);
	check_loop(t.s, 0, 1, 4, 10, 10);
	check_loop(t.s, 1, 2, 2, 3, 5);
	assert_int_equal(t.s->units[2].times, 39);
	assert_int_equal(t.s->loops[1].nbufs, 2);
	check_whole(t.s, &g);
	untell(&t);
	dq_sb_free(&g.sb);
}

static const char *accessor(const struct dq_story *s, size_t unit)
{
	bool user;
	const struct dq_lane *l = dq_story_access(s, &s->units[unit], &user);

	assert_false(user);
	return l ? l->name : "nobody";
}

/* Who looks at a buffer until a unit ends that: in a loop it has to be so in each round. */
static void test_access(void **state)
{
	struct gen g;
	struct told t;

	/* begun in the same round */
	gen_begin(&g);
	for (int i = 0; i < 4; i++)
		gen_calls(&g, "AEB", 1);
	t = tell(&g, true);
	check_loop(t.s, 0, 0, 3, 4, 4);
	assert_string_equal(accessor(t.s, 2), "m");
	untell(&t);
	dq_sb_free(&g.sb);

	/* begun once before: true of the first round alone */
	gen_begin(&g);
	gen_call(&g, 'A', 1);
	for (int i = 0; i < 4; i++)
		gen_calls(&g, "EB", 1);
	t = tell(&g, true);
	check_loop(t.s, 0, 1, 2, 4, 4);
	assert_string_equal(accessor(t.s, 2), "nobody");
	untell(&t);
	t = tell(&g, false);
	assert_string_equal(accessor(t.s, 2), "m");
	assert_string_equal(accessor(t.s, 4), "nobody");
	untell(&t);
	dq_sb_free(&g.sb);

	/* of another buffer, or of another kind, is not ended; two are ended by two */
	gen_begin(&g);
	gen_calls(&g, "AA", 1);
	gen_call(&g, 'B', 2);
	gen_calls(&g, "DBEB", 1);
	t = tell(&g, false);
	assert_string_equal(accessor(t.s, 2), "nobody");
	assert_string_equal(accessor(t.s, 3), "nobody");
	assert_string_equal(accessor(t.s, 4), "m");
	assert_string_equal(accessor(t.s, 6), "nobody");	/* it was told */
	untell(&t);
	dq_sb_free(&g.sb);
}

/* A round that differs is drawn in full, where it happened. */
static void test_deviation(void **state)
{
	struct gen g;
	struct told t;

	gen_begin(&g);
	for (int i = 0; i < 120; i++)
		gen_calls(&g, i == 60 ? "AEB" : "AB", 1);
	t = tell(&g, true);
	assert_int_equal(t.s->nloops, 2);
	check_loop(t.s, 0, 0, 2, 60, 60);
	check_loop(t.s, 1, 5, 2, 59, 59);
	assert_int_equal(t.s->units[3].times, 1);
	assert_string_equal(t.s->steps[t.s->units[3].first].text, "dma_buf_put(#1)");
	check_whole(t.s, &g);
	untell(&t);
	dq_sb_free(&g.sb);
}

/* Cycles of random length over random pools in random nests, with odd calls in between. */
static void generate(struct gen *g, uint32_t seed, unsigned int *odd)
{
	static const char *const bodies[] = { "A", "AB", "CD", "ACDB", "ABCD" };

	gen_begin(g);
	g->seed = seed;
	*odd = 0;
	for (uint32_t part = 0; part < 1 + gen_random(g, 4); part++) {
		const char *outer = bodies[gen_random(g, 5)], *inner = bodies[gen_random(g, 5)];
		uint32_t pool = 1 + gen_random(g, NBUFS), rounds = gen_random(g, 12);
		uint32_t nest = gen_random(g, 6);

		for (uint32_t r = 0; r < rounds; r++) {
			gen_calls(g, outer, 1 + (int)(r % pool));
			for (uint32_t k = 0; k < nest; k++)
				gen_calls(g, inner, 1 + (int)(r % pool));
			if (!gen_random(g, 9)) {
				gen_call(g, 'E', 1);
				(*odd)++;
			}
		}
	}
}

static unsigned int drawn_puts(const struct dq_story *s)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->nunits; i++)
		if (!strncmp(s->steps[s->units[i].first].text, "dma_buf_put", 11))
			n += (unsigned int)s->units[i].times;
	return n;
}

static void test_generated(void **state)
{
	for (uint32_t seed = 1; seed <= 200; seed++) {
		unsigned int odd;
		struct gen g;
		struct told t;

		generate(&g, seed, &odd);
		t = tell(&g, true);
		check_whole(t.s, &g);
		assert_int_equal(drawn_puts(t.s), odd);
		for (size_t i = 1; i < t.s->nloops; i++) {
			const struct dq_loop *a = &t.s->loops[i - 1], *b = &t.s->loops[i];

			/* one after the other, or one in the other */
			assert_true(b->first >= a->first + a->n ||
				    b->first + b->n <= a->first + a->n);
		}
		untell(&t);
		t = tell(&g, false);
		assert_int_equal(t.s->nunits, g.n);
		assert_int_equal(t.s->nloops, 0);
		untell(&t);
		dq_sb_free(&g.sb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),	  cmocka_unit_test(test_no_pool),
		cmocka_unit_test(test_nested),	  cmocka_unit_test(test_deviation),
		cmocka_unit_test(test_access),	  cmocka_unit_test(test_generated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
