/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_clock.c - see record_clock.h. Only reads clocks.
 */
#include <stdlib.h>
#include <time.h>

#include "record_clock.h"

#define TRIES 5

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	return clock_gettime(id, &ts) ? 0 : (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* All three as near together as can be had; *ret_blur: in how long a time they were read. */
static int read_clocks(struct dq_clock *c, uint64_t *ret_blur)
{
	*ret_blur = UINT64_MAX;
	for (int i = 0; i < TRIES; i++) {
		struct dq_clock now = { .mono = clock_ns(CLOCK_MONOTONIC), .real = clock_ns(CLOCK_REALTIME),
					.boot = clock_ns(CLOCK_BOOTTIME) };
		uint64_t blur = clock_ns(CLOCK_MONOTONIC) - now.mono;

		if (blur < *ret_blur) {
			*ret_blur = blur;
			*c = now;
		}
	}
	return c->boot ? 0 : -1;
}

static int put(const struct dq_sink *to, const struct dq_clock *c)
{
	struct dq_item it = { .kind = DQ_CLOCK, .clock = *c };

	return to->put(to->ctx, &it);
}

int record_jumps_look(struct record_jumps *j, const struct dq_sink *to)
{
	struct dq_clock now = { 0 }, was = j->last;
	int64_t slept, set;
	uint64_t blur = 0;
	int err;

	if ((j->read ? j->read : read_clocks)(&now, &blur) || blur > RECORD_SLEPT_LEAST / 2)
		return 0; /* next time */
	j->last = now;
	if (!was.mono)
		return 0;
	slept = (int64_t)((now.boot - now.mono) - (was.boot - was.mono));
	set = (int64_t)((now.real - now.boot) - (was.real - was.boot));
	if (slept < (int64_t)RECORD_SLEPT_LEAST && llabs(set) < (int64_t)RECORD_SET_LEAST)
		return 0;
	err = put(to, &was);
	return err ? err : put(to, &now);
}
