/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_forget.c - what the intake lets go: sums stay true, memory does not grow, and what was
 * asked for is still there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/model.h"

struct loaded {
	struct dq_sb text;
	struct dq_reader *r;
	struct dq_model *m;
};

/* Buffer n is exported, attached to and released; every 100th has a map that fails. */
static void put_life(struct dq_sb *sb, unsigned int n)
{
	unsigned int seq = n * 10, ms = n * 10;

	dq_sb_printf(sb, "buf %u t=%u.%03u size=4096 exp_name=\"heap\"\n", n, 1 + ms / 1000, ms % 1000);
	dq_sb_printf(sb, "call dma_buf_export t=%u.%03u dur=1000 task=1 seq=%u buf=%u\n", 1 + ms / 1000,
		     ms % 1000, seq, n);
	dq_sb_printf(sb, "att %u t=%u.%03u buf=%u dev=\"cam.0\" driver=\"cam\"\n", n, 1 + ms / 1000,
		     ms % 1000 + 1, n);
	dq_sb_printf(sb, "call dma_buf_attach t=%u.%03u dur=1000 task=1 seq=%u buf=%u att=%u\n",
		     1 + ms / 1000, ms % 1000 + 1, seq + 1, n, n);
	if (n % 100 == 0)
		dq_sb_printf(sb, "call dma_buf_map_attachment t=%u.%03u dur=9 task=1 seq=%u buf=%u att=%u ret=-ENOMEM\n",
			     1 + ms / 1000, ms % 1000 + 2, seq + 2, n, n);
	dq_sb_printf(sb, "call dma_buf_detach t=%u.%03u dur=1000 task=1 seq=%u buf=%u att=%u\n",
		     1 + ms / 1000, ms % 1000 + 3, seq + 3, n, n);
	dq_sb_printf(sb, "name t=%u.%03u buf=%u name=\"frame %u\"\n", 1 + ms / 1000, ms % 1000 + 4, n,
		     n);
	if (n % 1000 != 7)	/* some live on */
		dq_sb_printf(sb, "call dma_buf_release t=%u.%03u dur=1000 task=1 seq=%u buf=%u\n",
			     1 + ms / 1000, ms % 1000 + 5, seq + 4, n);
}

static struct loaded open_lives(unsigned int n, enum dq_keep keep)
{
	struct loaded l = { 0 };

	dq_sb_puts(&l.text, "dmaseq-text 1\ntask 1 tid=1 tgid=1 comm=\"app\" process=\"app\"\n");
	for (unsigned int i = 1; i <= n; i++)
		put_life(&l.text, i);
	assert_int_equal(dq_reader_open_mem(&l.r, l.text.s, l.text.len, NULL), 0);
	assert_int_equal(dq_model_new(&l.m, keep), 0);
	return l;
}

static void unload(struct loaded *l)
{
	dq_model_free(&l->m);
	dq_reader_free(&l->r);
	dq_sb_free(&l->text);
}

static void assert_sums(const struct dq_model *m, unsigned int bufs, unsigned int errors)
{
	uint64_t calls = m->gone.calls, errs = m->gone.errors;

	for (size_t i = 0; i < m->nbufs; i++) {
		calls += m->bufs[i].calls;
		errs += m->bufs[i].errors;
		assert_ptr_equal(dq_model_buf(m, m->bufs[i].b.id), &m->bufs[i]);
		assert_true(!i || m->bufs[i].b.id > m->bufs[i - 1].b.id);
	}
	assert_int_equal(m->nbufs + m->gone.bufs, bufs);
	assert_int_equal(calls, m->calls);
	assert_int_equal(errs, errors);
	assert_int_equal(m->calls_nobuf, 0);
}

static void test_forget(void **state)
{
	struct loaded l = open_lives(5000, DQ_KEEP_NONE);

	assert_int_equal(dq_model_forget(l.m, 20, NULL, NULL), 0);
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_sums(l.m, 5000, 50);
	/* 20 of the first, 20 with errors, and those that live */
	assert_int_equal(l.m->nbufs, 20 + 20 + 5);
	assert_int_equal(l.m->gone.errors, 30);
	assert_string_equal(l.m->bufs[0].name, "frame 1");
	assert_non_null(dq_model_buf(l.m, 4007));
	assert_null(dq_model_buf(l.m, 4008));
	assert_true(l.m->cap_bufs < 1000);
	assert_true(l.m->natts < 2000);
	assert_int_equal(l.m->nnames, 0);
	unload(&l);
}

static bool is_3210(const struct dq_mbuf *b, void *ctx)
{
	*(size_t *)ctx += 1;
	return !strcmp(b->name, "frame 3210");
}

static void test_wanted(void **state)
{
	struct loaded l = open_lives(5000, DQ_KEEP_NONE);
	size_t asked = 0;

	assert_int_equal(dq_model_forget(l.m, 0, is_3210, &asked), 0);
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_sums(l.m, 5000, 50);
	assert_int_equal(l.m->nbufs, 1 + 5);
	assert_int_equal(asked, 4995);
	assert_non_null(dq_model_buf(l.m, 3210));
	unload(&l);
}

/* What is kept stays, with its attachments and names. */
static void test_kept(void **state)
{
	struct loaded l = open_lives(5000, DQ_KEEP_SOME);

	assert_int_equal(dq_model_keep(l.m, 1234), 0);
	assert_int_equal(dq_model_forget(l.m, 0, NULL, NULL), 0);
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_sums(l.m, 5000, 50);
	assert_int_equal(l.m->ncalls_v, 4);
	assert_int_equal(l.m->nnames, 1);
	assert_non_null(dq_model_att(l.m, 1234));
	assert_string_equal(dq_model_att(l.m, 1234)->importer, "cam");
	unload(&l);
}

static void test_same_without(void **state)
{
	struct loaded l = open_lives(3000, DQ_KEEP_NONE);

	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_sums(l.m, 3000, 30);
	assert_int_equal(l.m->nbufs, 3000);
	assert_int_equal(l.m->nnames, 3000);
	unload(&l);
}

/* Of too many calls the first and the last are left, and the others counted. */
static void test_limit(void **state)
{
	struct loaded l = open_lives(2000, DQ_KEEP_ALL);
	const struct dq_model *m = l.m;

	dq_model_limit(l.m, 100);
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_true(m->ncalls_v >= 100 && m->ncalls_v < 210);
	assert_int_equal(m->ncalls_v + m->skipped.calls, m->calls);
	assert_int_equal(m->calls_v[0].c.buf, 1);
	assert_int_equal(m->calls_v[m->ncalls_v - 1].c.buf, 2000);
	for (size_t i = 0; i < m->ngroups; i++) {
		assert_int_equal(m->calls_v[m->groups[i].first].c.t0, m->groups[i].t0);
		assert_true(m->groups[i].t1 < m->skipped.from || m->groups[i].t0 > m->skipped.to);
	}
	unload(&l);
}

/* A chart says where they are missing, and no loop goes on over them. */
static void test_limit_is_told(void **state)
{
	struct loaded l = open_lives(2000, DQ_KEEP_ALL);
	const struct dq_story_opts o = { .detail = DQ_DETAIL_API, .fold = true, .to = UINT64_MAX };
	uint32_t bufs[2000];
	struct dq_story *s;
	struct dq_sb sb = { 0 };
	size_t cuts = 0, at = 0;

	for (uint32_t i = 0; i < 2000; i++)
		bufs[i] = i + 1;
	dq_model_limit(l.m, 100);
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_int_equal(dq_story_new(&s, l.m, bufs, 2000, &o), 0);
	for (size_t i = 0; i < s->nunits; i++)
		if (s->units[i].left_out) {
			cuts++;
			at = i;
		}
	assert_int_equal(cuts, 1);
	assert_true(at > 0 && s->units[at - 1].t1 <= l.m->skipped.from);
	assert_true(s->units[at].t0 >= l.m->skipped.to);
	assert_true(s->nloops > 0);
	for (size_t i = 0; i < s->nloops; i++)
		assert_true(s->loops[i].first > at || s->loops[i].first + s->loops[i].n <= at);
	assert_true(dq_model_put_skipped(l.m, &sb));
	assert_non_null(strstr(dq_sb_str(&sb), " are left out"));
	dq_sb_free(&sb);
	dq_story_free(&s);
	unload(&l);
}

static const struct dq_chapter *chapter_of(const struct dq_story *s, size_t unit)
{
	for (size_t i = 0; i < s->nchapters; i++)
		if (s->chapters[i].first <= unit && unit < s->chapters[i].first + s->chapters[i].n)
			return &s->chapters[i];
	return NULL;
}

/* What is not to be drawn goes first, and is not missing. */
static void test_window(void **state)
{
	struct loaded all = open_lives(2000, DQ_KEEP_ALL), l = open_lives(2000, DQ_KEEP_ALL);
	uint64_t from, to;
	size_t n = 0, kept = 0;

	assert_int_equal(dq_model_load(all.m, all.r), 0);
	from = all.m->groups[all.m->ngroups / 2].t0 - all.m->t_first;
	to = all.m->groups[all.m->ngroups / 2 + 30].t1 - all.m->t_first;
	dq_model_limit(l.m, 200);
	dq_model_window(l.m, from, to);
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_int_equal(l.m->skipped.calls, 0);
	assert_true(l.m->ncalls_v < 2 * 200);
	for (size_t i = 0; i < all.m->ngroups; i++)
		n += all.m->groups[i].t1 >= from + all.m->t_first &&
		     all.m->groups[i].t0 <= to + all.m->t_first;
	for (size_t i = 0; i < l.m->ngroups; i++) {
		const struct dq_group *g = &l.m->groups[i];

		kept += g->t1 >= from + l.m->t_first && g->t0 <= to + l.m->t_first;
		assert_int_equal(l.m->calls_v[g->first].c.t0, g->t0);
	}
	assert_true(n >= 31);
	assert_int_equal(kept, n);
	unload(&all);
	unload(&l);
}

/* Told apart, a buffer is a chapter; the long ones are cut, and no loop goes over the end of one. */
static void test_apart(void **state)
{
	struct loaded l = open_lives(40, DQ_KEEP_ALL);
	const struct dq_story_opts o = { .detail = DQ_DETAIL_APP, .fold = true, .to = UINT64_MAX,
					 .max_steps = 90, .apart = true };
	uint32_t bufs[40];
	struct dq_story *s;
	size_t steps = 0, end = 0;

	for (uint32_t i = 0; i < 40; i++)
		bufs[i] = 40 - i;	/* in the order that is asked for */
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_int_equal(dq_story_new(&s, l.m, bufs, 40, &o), 0);
	assert_int_equal(s->nchapters, 40);
	assert_int_equal(s->npages, 1);
	for (size_t i = 0; i < 40; i++) {
		const struct dq_chapter *c = &s->chapters[i];

		assert_int_equal(c->buf, 40 - i);
		assert_int_equal(c->first, end);
		assert_true(c->n > 0);
		assert_ptr_equal(chapter_of(s, c->first), c);
		for (size_t u = c->first; u < c->first + c->n; u++)
			for (size_t k = 0; k < s->units[u].n; k++)
				assert_int_equal(s->steps[s->units[u].first + k].buf, c->buf);
		end += c->n;
		steps += c->steps;
	}
	assert_int_equal(end, s->nunits);
	assert_true(steps <= 90);
	for (size_t i = 0; i < s->nloops; i++)
		assert_ptr_equal(chapter_of(s, s->loops[i].first),
				 chapter_of(s, s->loops[i].first + s->loops[i].n - 1));
	dq_story_free(&s);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_same_without),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_is_told),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
