/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_diff.c - the limits of a comparison, when durations differ, and what is a finding
 * that came. What diff says of recordings is tests/diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/diff.h"

static void parse(struct dq_side *s, const char *text, size_t len)
{
	char *why = NULL;

	assert_int_equal(dq_baseline_parse(s, text, len, &why), 0);
	free(why);
}

/* shapes of so many steps each, whose names begin with word; every step is another. */
static void make(struct dq_side *s, unsigned int shapes, unsigned int steps, const char *word)
{
	struct dq_sb sb = { 0 };

	dq_sb_puts(&sb, DQ_BASELINE_MAGIC "\n");
	for (unsigned int i = 0; i < shapes; i++) {
		dq_sb_puts(&sb, "shape x\n  buffers 1\n  exporter system\n  size 4096\n  thread app\n");
		for (unsigned int k = 0; k < steps; k++)
			dq_sb_printf(&sb, "    %s%u-%u\n", word, i, k);
	}
	parse(s, sb.s, sb.len);
	dq_sb_free(&sb);
}

#define WORK 100000

static struct dq_diff *compare(const struct dq_side *a, const struct dq_side *b)
{
	const struct dq_diff_opts o = { .counts = DQ_COUNTS_TOLERANT, .work = WORK };
	struct dq_diff *d = NULL;

	assert_int_equal(dq_diff_new(&d, a, b, &o), 0);
	return d;
}

static void check_limits(unsigned int shapes, unsigned int steps, bool rough)
{
	struct dq_side a, b;
	struct dq_diff *d;

	make(&a, shapes, steps, "old");
	make(&b, shapes, steps, "new");
	d = compare(&a, &b);
	assert_true(dq_diff_differs(d));
	assert_int_equal(d->rough, rough);
	assert_true(d->work <= WORK);
	/* nothing is left out: all that was there is gone, and all that is there is new */
	assert_int_equal(d->n[dq_verdict_bit(DQ_D_SHAPE)], 2ULL * shapes);
	assert_int_equal(d->steps, 2ULL * shapes * steps);
	dq_diff_free(&d);
	dq_side_free(&a);
	dq_side_free(&b);
}

/* Nothing in common: what is too much is not tried, and it is said. */
static void test_limits(void **state)
{
	(void)state;
	check_limits(3, 20, false);
	check_limits(1, 200, false);
	check_limits(1, 1100, true);	/* more cells than DQ_DIFF_CELLS */
	check_limits(5, 100, true);	/* more of them together than the limit of work */
	check_limits(60, 2, true);	/* more combinations than DQ_DIFF_PAIRS */
}

/* The rough way finds what is the same, too. */
static void test_rough_is_true(void **state)
{
	struct dq_side a, b;
	struct dq_diff *d;

	(void)state;
	make(&a, 1, 5000, "step");
	make(&b, 1, 5000, "step");
	free(b.shapes.v[0].life.tracks[0].v[2000].text);
	b.shapes.v[0].life.tracks[0].v[2000].text = strdup("other");
	dq_node_hash(&b.shapes.v[0].life.tracks[0].v[2000]);
	assert_int_equal(dq_life_settle(&b.shapes.v[0].life), 0);
	d = compare(&a, &b);
	assert_false(d->rough);	/* the same at the begin and the end costs nothing */
	assert_int_equal(d->n[dq_verdict_bit(DQ_D_ADDED)], 1);
	assert_int_equal(d->n[dq_verdict_bit(DQ_D_REMOVED)], 1);
	dq_diff_free(&d);
	dq_side_free(&a);
	dq_side_free(&b);
}

/* One step of one track; durations from lo on, n of them, ns apart. */
static void timed(struct dq_side *s, uint64_t lo, uint64_t apart, unsigned int n)
{
	static const char text[] = DQ_BASELINE_MAGIC "\nshape x\n  buffers 1\n  exporter system\n"
						     "  size 4096\n  thread app\n"
						     "    repeat 100\n      vivid: dma_buf_get\n";
	struct dq_node *node;

	parse(s, text, strlen(text));
	s->has_times = true;
	node = &s->shapes.v[0].life.tracks[0].v[0];
	node->phase = DQ_PH_LOOKUP;
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(dq_times_add(&node->times, lo + i * apart), 0);
}

static void check_time(uint64_t lo_a, uint64_t lo_b, uint64_t apart, unsigned int n, unsigned int percent,
		       bool differs)
{
	const struct dq_diff_opts o = { .counts = DQ_COUNTS_TOLERANT, .timing = percent };
	struct dq_side a, b;
	struct dq_diff *d = NULL;

	timed(&a, lo_a, apart, n);
	timed(&b, lo_b, apart, n);
	assert_int_equal(dq_diff_new(&d, &a, &b, &o), 0);
	assert_int_equal(d->n[dq_verdict_bit(DQ_D_TIME)], differs);
	assert_int_equal(d->nphases, differs);
	assert_int_equal(d->pairs[0].phases[DQ_PH_LOOKUP].differs, differs);
	assert_int_equal(dq_diff_slower(d), differs);
	assert_false(dq_diff_differs(d));	/* never, as it is not asked for */
	dq_diff_free(&d);
	dq_side_free(&a);
	dq_side_free(&b);
}

/* Only what is sure and large enough. */
static void test_times(void **state)
{
	(void)state;
	check_time(1000, 2000, 10, 50, 20, true);
	check_time(2000, 1000, 10, 50, 20, true);
	check_time(1000, 2000, 10, 50, 0, false);	/* not asked for */
	check_time(1000, 2000, 10, 50, 200, false);	/* not large enough */
	check_time(1000, 1100, 10, 50, 20, false);
	check_time(1000, 2000, 10, 7, 20, false);	/* too few */
	check_time(1000, 1300, 400, 20, 5, false);	/* scattered: it may be chance */
}

static void found(struct dq_side *s, const char *lines)
{
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, DQ_BASELINE_MAGIC "\nfindings\n%sshape x\n  buffers 1\n  exporter system\n"
					    "  size 4096\n  thread app\n    a\n", lines);
	parse(s, sb.s, sb.len);
	dq_sb_free(&sb);
}

static void check_found(const char *old, const char *new, unsigned int gained, unsigned int lost, unsigned int all)
{
	struct dq_side a, b;
	struct dq_diff *d;

	found(&a, old);
	found(&b, new);
	d = compare(&a, &b);
	assert_int_equal(d->n[dq_verdict_bit(DQ_D_GAINED)], gained);
	assert_int_equal(d->n[dq_verdict_bit(DQ_D_LOST)], lost);
	assert_int_equal(d->nfound, all);
	assert_int_equal(dq_diff_differs(d), gained || lost);
	dq_diff_free(&d);
	/* where something was lost it may only not have been seen */
	a.lost = 1;
	d = compare(&a, &b);
	assert_false(dq_diff_differs(d));
	assert_int_equal(d->nfound, all);
	dq_diff_free(&d);
	dq_side_free(&a);
	dq_side_free(&b);
}

static void test_findings(void **state)
{
	(void)state;
	check_found("", "", 0, 0, 0);
	check_found("", "  error map-again: exporter x\n", 1, 0, 1);
	check_found("  error map-again: exporter x\n", "", 0, 1, 1);
	check_found("  error map-again: exporter x\n", "  error map-again: exporter x\n", 0, 0, 0);
	check_found("  error map-again: exporter x\n", "  error map-again: exporter y\n", 1, 1, 2);
	/* told, but in no exit status: a hint, a note, what chance decides */
	check_found("", "  hint attach-per-frame: exporter x\n", 0, 0, 1);
	check_found("", "  note call-failed: exporter x\n", 0, 0, 1);
	check_found("", "  warning map-during-cpu-access: exporter x\n", 0, 0, 1);
	/* a rule of another version */
	check_found("", "  error never-heard-of: exporter x\n", 1, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_rough_is_true),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
