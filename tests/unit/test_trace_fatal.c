/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_trace_fatal.c - calls that a task died in, and those that only look so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trace/fatal.h"

static struct dq_fatal f;

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	return 0;
}

static void task_event(uint32_t task, uint64_t t, int what)
{
	struct dq_taskev e = { .t = t, .task = task, .what = what };

	dq_fatal_exit(&f, &e);
}

static bool call(uint32_t task, uint32_t sys, uint64_t t0, unsigned int flags)
{
	struct dq_call c = { .task = task, .sys = sys, .t0 = t0, .flags = flags };

	return dq_fatal_call(&f, &c);
}

static bool sys(uint32_t task, uint32_t number, unsigned int flags)
{
	struct dq_sys s = { .task = task, .sys = number, .flags = flags };

	return dq_fatal_sys(&f, &s);
}

static void test_died_in_it(void **state)
{
	(void)state;
	task_event(1, 100, DQ_TASKEV_EXIT);
	assert_true(call(1, 7, 90, DQ_CALL_MISSED));
	/* the one around it is of the same system call, which did not end either */
	assert_true(call(1, 7, 80, DQ_CALL_MISSED));
	assert_true(sys(1, 7, DQ_SYS_MISSED));
	assert_false(sys(1, 7, 0));
	/* a task dies once */
	assert_false(call(1, 6, 70, DQ_CALL_MISSED));
	assert_false(sys(1, 6, DQ_SYS_MISSED));
}

static void test_only_missed(void **state)
{
	(void)state;
	assert_false(call(1, 7, 90, DQ_CALL_MISSED)); /* it lives */
	task_event(1, 100, DQ_TASKEV_FORK);
	assert_false(call(1, 7, 90, DQ_CALL_MISSED));
	task_event(1, 100, DQ_TASKEV_EXIT);
	assert_false(call(1, 7, 90, 0));	      /* it returned */
	assert_false(call(1, 0, 90, DQ_CALL_MISSED)); /* in no system call: nobody knows */
	assert_false(call(1, 7, 101, DQ_CALL_MISSED)); /* another of this number */
	assert_false(call(2, 7, 90, DQ_CALL_MISSED));
	assert_false(sys(1, 7, DQ_SYS_MISSED)); /* none of its calls is such */
}

/* Those that exited long ago are forgotten, the last are not. */
static void test_many_exits(void **state)
{
	(void)state;
	for (uint32_t task = 1; task <= DQ_FATAL_EXITED + 1; task++)
		task_event(task, 100, DQ_TASKEV_EXIT);
	assert_false(call(1, 7, 90, DQ_CALL_MISSED));
	assert_true(call(2, 7, 90, DQ_CALL_MISSED));
	assert_true(call(DQ_FATAL_EXITED + 1, 7, 90, DQ_CALL_MISSED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_died_in_it, set_up),
		cmocka_unit_test_setup(test_only_missed, set_up),
		cmocka_unit_test_setup(test_many_exits, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
