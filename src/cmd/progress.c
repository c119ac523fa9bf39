/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * progress.c - see progress.h. Touches nothing.
 */
#include <inttypes.h>

#include "cmd/progress.h"

#define PATIENCE 1000000000u	/* ns without a word */
#define PERIOD	  200000000u

static void put_count(struct dq_sb *sb, uint64_t n)
{
	if (n < 1000000)
		dq_sb_printf(sb, "%" PRIu64, n);
	else
		dq_sb_printf(sb, "%" PRIu64 ".%u million", n / 1000000,
			     (unsigned int)(n % 1000000 / 100000));
}

void dq_progress_tick(struct dq_progress *p, struct dq_sb *sb, uint64_t now, uint64_t bytes,
		      uint64_t calls)
{
	char size[16];

	if (now - p->began < PATIENCE || (p->said && now - p->said < PERIOD))
		return;
	p->said = now;
	dq_sb_puts(sb, "\r\033[Kdmaseq: ");
	if (p->total)
		dq_sb_printf(sb, "%u %%, ",
			     bytes < p->total ? (unsigned int)(bytes / (p->total / 100 + 1)) : 99);
	else
		dq_sb_printf(sb, "%s, ", dq_fmt_size(size, bytes));
	put_count(sb, calls);
	dq_sb_puts(sb, " calls");
}

void dq_progress_end(struct dq_progress *p, struct dq_sb *sb)
{
	if (p->said)
		dq_sb_puts(sb, "\r\033[K");
	p->said = 0;
}
