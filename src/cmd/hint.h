/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hint.h - why the system refused, found by looking: the second half of a sentence,
 * ": ENOENT: there is no directory /tmp/no. Try: mkdir -p /tmp/no/such".
 */
#ifndef DQ_HINT_H
#define DQ_HINT_H

#include "util/util.h"

/* Why the file path could not be created (err: errno or its negative). */
void dq_why_not_create(struct dq_sb *sb, const char *path, int err);

/* Why execvp() could not run the command. */
void dq_why_not_run(struct dq_sb *sb, const char *cmd, int err);

/* Why no more could be written to the file path. */
void dq_why_not_write(struct dq_sb *sb, const char *path, int err);

#endif /* DQ_HINT_H */
