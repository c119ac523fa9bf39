/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_check.c - what the checker lets go: tasks that have exited, but for those that something
 * it may still tell of is about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "model/check.h"

#define MANY 12000		/* processes, more than twice as many as are kept without a look */

struct checked {
	struct dq_sb text;
	struct dq_reader *r;
	struct dq_check *k;
};

/* Task 2 exports a buffer and exits; many others come and go. */
static void put_trace(struct dq_sb *sb, bool released)
{
	dq_sb_puts(sb, "dmaseq-text 1\n"
		       "task 1 tid=1 tgid=1 comm=\"init\" process=\"init\"\n"
		       "task 2 tid=2 tgid=2 comm=\"owner\" process=\"owner\"\n"
		       "buf 1 t=1s size=4096 exp_name=\"system\"\n"
		       "call dma_buf_export t=1s dur=1000 task=2 seq=1 buf=1 size=4096\n"
		       "call fd_install t=1.01s task=2 seq=2 buf=1 fd=3 table=1\n");
	if (released)
		dq_sb_puts(sb, "call filp_close t=1.155s task=2 seq=5 buf=1 a0=4 table=1\n"
			       "call dma_buf_release t=1.16s dur=1000 task=2 seq=6 buf=1\n");
	dq_sb_puts(sb, "taskev EXIT t=1.2s task=2 table=1\n");
	for (unsigned int i = 3; i < 3 + MANY; i++) {
		unsigned int s = 2 + i / 1000, ms = i % 1000;

		dq_sb_printf(sb, "task %u tid=%u tgid=%u comm=\"worker\" process=\"worker\"\n", i, i, i);
		dq_sb_printf(sb, "taskev FORK t=%u.%03u task=1 other=%u\n", s, ms, i);
		dq_sb_printf(sb, "call dma_buf_get t=%u.%03u dur=100 task=%u seq=1 fd=9 ret=-EBADF\n", s,
			     ms, i);
		dq_sb_printf(sb, "taskev EXIT t=%u.%03u task=%u\n", s, ms, i);
	}
}

static struct checked check(bool released)
{
	enum dq_severity sev[DQ_RULE_MAX];
	struct checked c = { 0 };
	struct dq_item item;
	int rc;

	for (size_t i = 0; i < DQ_RULE_MAX; i++)
		sev[i] = dq_rules[i].severity;
	put_trace(&c.text, released);
	assert_int_equal(dq_reader_open_mem(&c.r, c.text.s, c.text.len, NULL), 0);
	assert_int_equal(dq_check_new(&c.k, sev), 0);
	while ((rc = dq_reader_next(c.r, &item)) > 0)
		assert_int_equal(dq_check_put(c.k, &item), 0);
	assert_int_equal(rc, 0);
	assert_int_equal(dq_check_finish(c.k), 0);
	return c;
}

static void done(struct checked *c)
{
	dq_check_free(&c->k);
	dq_reader_free(&c->r);
	dq_sb_free(&c->text);
}

static size_t known(const struct dq_check *k)
{
	size_t n = 0;

	for (uint32_t i = 1; i < 3 + MANY; i++)
		n += dq_check_task(k, i) != NULL;
	return n;
}

static void test_forgotten(void **state)
{
	struct checked c = check(false);
	const struct dq_finding *f;
	size_t n;
	(void)state;

	assert_true(known(c.k) < MANY / 2 + 1024);
	assert_null(dq_check_task(c.k, 1000));
	assert_non_null(dq_check_task(c.k, 1));		/* has not exited */
	assert_non_null(dq_check_task(c.k, 2));		/* its buffer is there */
	assert_non_null(dq_check_task(c.k, 2 + MANY));	/* has exited a moment ago */
	f = dq_check_findings(c.k, &n);
	assert_int_equal(n, 1);
	assert_int_equal(f->count, MANY);
	assert_string_equal(f->process, "worker");
	assert_non_null(dq_check_task(c.k, f->proof[0].task)); /* the finding names it */
	done(&c);
}

static void test_released(void **state)
{
	struct checked c = check(true);
	(void)state;

	assert_null(dq_check_task(c.k, 2));
	done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
