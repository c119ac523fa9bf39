/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_record_clock.c - jumps of clocks, with clocks that are made up: what is recorded of them,
 * and that nothing is while they merely run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/record_clock.h"

#define MS  1000000ULL
#define S   1000000000ULL
#define DAY (86400 * S)

static struct dq_clock clocks;
static uint64_t blur;
static bool none;

static int read_made_up(struct dq_clock *c, uint64_t *ret_blur)
{
	*c = clocks;
	*ret_blur = blur;
	return none ? -1 : 0;
}

static struct dq_clock seen[64];
static size_t nseen;

static int see(void *ctx, const struct dq_item *item)
{
	(void)ctx;
	assert_int_equal(item->kind, DQ_CLOCK);
	seen[nseen++] = item->clock;
	return 0;
}

static int refuse(void *ctx, const struct dq_item *item)
{
	(void)ctx;
	(void)item;
	return -28;
}

static const struct dq_sink sink = { .put = see };
static struct record_jumps jumps;

static int set_up(void **state)
{
	(void)state;
	clocks = (struct dq_clock){ .mono = 100 * S, .real = 20000 * DAY, .boot = 150 * S };
	jumps = (struct record_jumps){ .read = read_made_up };
	blur = 1000;
	none = false;
	nseen = 0;
	return record_jumps_look(&jumps, &sink);
}

/* A second of all clocks, of which some jump. Returns how many items were put. */
static size_t second(int64_t slept, int64_t set)
{
	size_t before = nseen;

	clocks.mono += S;
	clocks.boot += S + (uint64_t)slept;
	clocks.real += S + (uint64_t)slept + (uint64_t)set;
	assert_int_equal(record_jumps_look(&jumps, &sink), 0);
	return nseen - before;
}

static void nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(second(0, i % 2 ? 500000 : 400000), 0); /* NTP: 450 ppm */
	assert_int_equal(second(5 * MS, 0), 0);
	assert_int_equal(second(0, 99 * MS), 0);
}

static void suspended(void **state)
{
	(void)state;
	assert_int_equal(second(0, 0), 0);
	assert_int_equal(second(3600 * S, 0), 2);
	assert_int_equal(seen[0].mono, 101 * S);
	assert_int_equal(seen[1].mono, 102 * S);
	assert_int_equal(seen[1].boot - seen[0].boot, 3601 * S);
	assert_int_equal(second(0, 0), 0);
	assert_int_equal(second(25 * MS, 0), 2);
}

static void set(void **state)
{
	(void)state;
	assert_int_equal(second(0, 3600 * S), 2);
	assert_int_equal(seen[1].real - seen[0].real, 3601 * S);
	assert_int_equal(second(0, -(int64_t)(20000 * DAY)), 2); /* to 1970 */
	assert_int_equal(second(S, -150 * (int64_t)MS), 2);	 /* the RTC was wrong */
	assert_int_equal(second(0, 0), 0);
}

/* Clocks that could not be read well are looked at again later, and lose nothing. */
static void not_now(void **state)
{
	(void)state;
	blur = 50 * MS;
	assert_int_equal(second(7 * S, 0), 0);
	none = true;
	blur = 0;
	assert_int_equal(second(0, 0), 0);
	none = false;
	assert_int_equal(second(0, 0), 2);
	assert_int_equal(seen[1].boot - seen[0].boot, 10 * S);
	clocks.boot += S;
	assert_int_equal(record_jumps_look(&jumps, &(struct dq_sink){ .put = refuse }), -28);
}

/* The real ones run. */
static void real(void **state)
{
	struct record_jumps j = { .read = NULL };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(record_jumps_look(&j, &sink), 0);
	assert_int_equal(nseen, 0);
	assert_true(j.last.mono && j.last.boot >= j.last.mono && j.last.real);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing, set_up), cmocka_unit_test_setup(suspended, set_up),
		cmocka_unit_test_setup(set, set_up),	 cmocka_unit_test_setup(not_now, set_up),
		cmocka_unit_test_setup(real, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
