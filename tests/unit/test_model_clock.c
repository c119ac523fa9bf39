/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_clock.c - what is said of the clocks of a trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "model/model.h"
#include "util/util.h"

#define MS 1000000ULL
#define S  1000000000ULL

/* Seconds of the three clocks; the first is the begin of the trace. */
static void says(const char *want, size_t n, const double (*c)[3])
{
	struct dq_model m = { .t_first = (uint64_t)(c[0][0] * 1e9) };
	struct dq_sb sb = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct dq_clock clock = { (uint64_t)(c[i][0] * 1e9), (uint64_t)(c[i][1] * 1e9),
					  (uint64_t)(c[i][2] * 1e9) };

		assert_int_equal(dq_model_clock(&m, &clock), 0);
	}
	assert_int_equal(dq_model_put_jumps(&m, &sb), want != NULL);
	assert_string_equal(dq_sb_str(&sb), want ? want : "");
	dq_sb_free(&sb);
	free(m.jumps);
}

#define SAYS(want, ...)                                                                            \
	do {                                                                                       \
		const double c_[][3] = { __VA_ARGS__ };                                            \
		says(want, sizeof(c_) / sizeof(*c_), c_);                                          \
	} while (0)

static void test_jumps(void **state)
{
	(void)state;
	SAYS(NULL, { 10, 1000, 20 });
	SAYS(NULL, { 10, 1000, 20 }, { 11, 1001, 21 });
	/* a week of a clock that NTP makes slower */
	SAYS(NULL, { 10, 1000, 20 }, { 604810, 605500, 604820 });
	/* traces of before: nothing is known */
	SAYS(NULL, { 10, 1000, 0 }, { 11, 5000, 0 });
	SAYS(NULL, { 10, 1000, 0 }, { 11, 5000, 21 });
	SAYS("the machine was suspended for 3600 s at 2 s, which no time here counts", { 10, 1000, 20 },
	     { 11, 1001, 21 }, { 12, 4602, 3622 }, { 13, 4603, 3623 });
	SAYS("the date was set forward by 500 s at 1 s", { 10, 1000, 20 }, { 11, 1501, 21 });
	SAYS("the date was set back by 500 s at 1 s", { 10, 1000, 20 }, { 11, 501, 21 });
	SAYS("the machine was suspended for 2 s at 1 s, which no time here counts; the date was set back by 4 s at 1 s; "
	     "the date was set forward by 1 s at 2 s",
	     { 10, 1000, 20 }, { 11, 999, 23 }, { 12, 1001, 24 });
	SAYS("the date was set forward by 1 s at 1 s; the date was set forward by 1 s at 2 s; "
	     "the date was set forward by 1 s at 3 s; and 2 more jumps of clocks",
	     { 10, 1000, 20 }, { 11, 1002, 21 }, { 12, 1004, 22 }, { 13, 1006, 23 }, { 14, 1008, 24 },
	     { 15, 1010, 25 });
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_jumps) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
