/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * progress.h - a line on a terminal that says how far a command is, once it has taken a second.
 *
 * What it says depends on nothing but what it is told: the clock is the caller's.
 */
#ifndef DQ_PROGRESS_H
#define DQ_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/util.h"

struct dq_progress {
	uint64_t began, said;	/* ns; said 0: nothing is on the line */
	uint64_t total;		/* bytes; 0: not known, as of a pipe */
};

/* Appends to sb what is to be written to the terminal at the time `now`, when `bytes` of it are read
 * and `calls` were in them; often nothing. */
void dq_progress_tick(struct dq_progress *p, struct dq_sb *sb, uint64_t now, uint64_t bytes,
		      uint64_t calls);
/* Appends what takes the line away. */
void dq_progress_end(struct dq_progress *p, struct dq_sb *sb);

#endif /* DQ_PROGRESS_H */
