/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fatal.h - calls that their task died in. What is seen of one looks like a call whose return was
 * missed, and a recorder counts it as that; but nothing came that could have been missed.
 *
 * A recorder gives a call up when its system call ends. If the task has exited before and the call
 * is older than that, then the system call has not ended either: the task died in it. That is not
 * known of a call outside of a system call, whose end may have been missed long before.
 */
#ifndef DQ_FATAL_H
#define DQ_FATAL_H

#include "trace.h"

#define DQ_FATAL_EXITED 256	/* that are remembered: their last calls come soon */

/* All zero at first; there is nothing to free. To be told of all items in their order. */
struct dq_fatal {
	struct dq_fatal_exited {
		uint32_t task;
		uint32_t sys;	/* the system call that it died in; 0: none as far as is known */
		uint64_t t;
	} exited[DQ_FATAL_EXITED];
	size_t n;		/* ever; the last DQ_FATAL_EXITED of them are there */
};

void dq_fatal_exit(struct dq_fatal *f, const struct dq_taskev *e);

/* What the two below ask, of those that look like it. */
bool dq_fatal_find(struct dq_fatal *f, const struct dq_call *c);
bool dq_fatal_find_sys(struct dq_fatal *f, const struct dq_sys *s);

/* Did the task die in this one? */
static inline bool dq_fatal_call(struct dq_fatal *f, const struct dq_call *c)
{
	return c->flags & DQ_CALL_MISSED && dq_fatal_find(f, c);
}

static inline bool dq_fatal_sys(struct dq_fatal *f, const struct dq_sys *s)
{
	return s->flags & DQ_SYS_MISSED && dq_fatal_find_sys(f, s);
}

#endif /* DQ_FATAL_H */
