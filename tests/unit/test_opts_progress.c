/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_opts_progress.c - the line that says how far a command is, with a clock of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/progress.h"

#define MS 1000000u

static void assert_says(struct dq_progress *p, uint64_t ms, uint64_t bytes, uint64_t calls,
			const char *text)
{
	struct dq_sb sb = { 0 };

	dq_progress_tick(p, &sb, ms * MS, bytes, calls);
	assert_string_equal(dq_sb_str(&sb), text);
	dq_sb_free(&sb);
}

static void assert_ends(struct dq_progress *p, const char *text)
{
	struct dq_sb sb = { 0 };

	dq_progress_end(p, &sb);
	assert_string_equal(dq_sb_str(&sb), text);
	dq_sb_free(&sb);
}

static void test_file(void **state)
{
	struct dq_progress p = { .began = 5000ull * MS, .total = 1000000 };

	assert_says(&p, 5000, 0, 0, "");
	assert_says(&p, 5999, 100000, 50000, "");
	assert_says(&p, 6000, 250000, 125000, "\r\033[Kdmaseq: 24 %, 125000 calls");
	assert_says(&p, 6100, 300000, 150000, "");
	assert_says(&p, 6200, 600000, 2650000, "\r\033[Kdmaseq: 59 %, 2.6 million calls");
	/* a file that grows is never done */
	assert_says(&p, 7000, 5000000, 2650000, "\r\033[Kdmaseq: 99 %, 2.6 million calls");
	assert_ends(&p, "\r\033[K");
	assert_ends(&p, "");
}

static void test_pipe(void **state)
{
	struct dq_progress p = { .began = 0 };

	assert_says(&p, 1500, 8300000, 1000, "\r\033[Kdmaseq: 8.3 MB, 1000 calls");
	assert_ends(&p, "\r\033[K");
}

/* What takes less than a second leaves no trace. */
static void test_short(void **state)
{
	struct dq_progress p = { .began = 0, .total = 10 };

	assert_says(&p, 900, 10, 5, "");
	assert_ends(&p, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
