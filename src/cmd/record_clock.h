/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_clock.h - notices that the machine was suspended or its date was set while it is
 * being recorded. The times of a trace are CLOCK_MONOTONIC, which neither shows.
 */
#ifndef DQ_RECORD_CLOCK_H
#define DQ_RECORD_CLOCK_H

#include "../trace/trace.h"

struct record_jumps {
	struct dq_clock last;	/* all 0: not looked yet */
	int (*read)(struct dq_clock *c, uint64_t *ret_blur); /* NULL: the clocks of this machine */
};

/* What is less than that is the clocks being read one after the other, and NTP. */
#define RECORD_SLEPT_LEAST 20000000ULL	 /* ns */
#define RECORD_SET_LEAST   100000000ULL

/* To be called about once a second: when a clock has jumped since the last call, puts how they were
 * then and how they are now. 0 or the sink's error. */
int record_jumps_look(struct record_jumps *j, const struct dq_sink *to);

#endif /* DQ_RECORD_CLOCK_H */
