/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * side.h - what diff and baseline share: reading a recording or a baseline, and the reports of
 * diff. Reports go into a dq_sb; only cmd_diff.c prints.
 */
#ifndef DQ_CMD_SIDE_H
#define DQ_CMD_SIDE_H

#include "model/diff.h"

/*
 * Reads a recording (either form) or a baseline, whichever it is; "-" and pipes too. 0 or -errno
 * after saying why. *ret_incomplete: DQ_EXIT_INCOMPLETE when data is missing and strict is set.
 */
int dq_side_load(struct dq_side *s, const char *path, bool strict, int *ret_incomplete);
/* The whole of a file. 0, or -errno after saying why. */
int dq_read_all(const char *path, struct dq_sb *sb);
/* Writes a file, or to stdout for NULL and "-". 0, or -errno after saying why. */
int dq_write_out(const char *path, const char *data, size_t len);

struct dq_report {
	const struct dq_diff *d;
	const char *a, *b;	/* what the sides are called */
	bool color;
	bool full;		/* no stretch of equal steps is left out */
};
void dq_diff_text(struct dq_sb *sb, const struct dq_report *r);
void dq_diff_pair_text(struct dq_sb *sb, const struct dq_report *r, const struct dq_pair *p);
void dq_diff_numbers(struct dq_sb *sb, const uint64_t *n); /* "1 added, 2 removed"; n: by bit */
void dq_diff_json(struct dq_sb *sb, const struct dq_report *r);
void dq_diff_junit(struct dq_sb *sb, const struct dq_report *r);

#endif /* DQ_CMD_SIDE_H */
