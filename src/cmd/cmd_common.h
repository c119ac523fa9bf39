/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_common.h - opening a trace and reporting what state it is in: the same
 * sentences from every command. Messages go to stderr through dq_err and dq_warn.
 *
 *	err = dq_cmd_open(argv[0], &r);
 *	if (err)
 *		return DQ_EXIT_FAIL;
 *	while ((err = dq_cmd_next(r, &item)) > 0)
 *		...;
 *	if (err < 0)	(it has been said)
 *		status = DQ_EXIT_FAIL
 *	...
 *	incomplete = dq_cmd_close(&r, opts->strict);
 *	return status ? status : incomplete;
 */
#ifndef DQ_CMD_COMMON_H
#define DQ_CMD_COMMON_H

#include <stdbool.h>

#include "../trace/trace.h"

/* "1 chunk", "2 chunks" */
static inline const char *dq_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/*
 * Opens a trace ("-": standard input). 0, or -errno after saying why not. Where stderr is a terminal,
 * reading says how far it is when it takes more than a second; one trace at a time.
 */
int dq_cmd_open(const char *path, struct dq_reader **ret_r);
int dq_cmd_open_fd(int fd, const char *path, struct dq_reader **ret_r);	/* takes fd */
/* For a command that writes to stdout while it reads: what it has written is there before it waits for
 * more, and it says nothing where that is a terminal. */
void dq_cmd_streams(struct dq_reader *r);

/* A trace that is read more than once: spool.c. new says what is wrong. */
struct dq_spool {
	const char *path;
	int fd;			/* -1: path can be opened again */
};
int dq_spool_new(struct dq_spool *s, const char *path);
int dq_spool_open(const struct dq_spool *s, struct dq_reader **ret_r);
void dq_spool_free(struct dq_spool *s);

/* dq_reader_next(), but says what is wrong. 1, 0 at the end, -errno. */
int dq_cmd_next(struct dq_reader *r, struct dq_item *item);

/* For a model that called dq_reader_next() itself: says why it returned err (< 0). */
void dq_cmd_read_error(const struct dq_reader *r, int err);

/* Is anything missing from what was read: damage, no end, recorded losses? */
bool dq_cmd_incomplete(const struct dq_reader_state *st);

/*
 * Says what is missing from the trace, one sentence each, and frees the reader (*r may be
 * NULL: nothing happens). Returns DQ_EXIT_INCOMPLETE when something is missing and strict
 * is set, else DQ_EXIT_OK.
 */
int dq_cmd_close(struct dq_reader **r, bool strict);

/* When an item happened; 0: it holds for all of the trace. */
uint64_t dq_cmd_item_time(const struct dq_item *item);

struct dq_sb;
/* Two file names as words of a command that a message proposes. NULL: none, after a failure. */
void dq_cmd_words(struct dq_sb *sb, const char *a, const char *b);

/* For output that must have arrived before something else is said: flushes stdout and says when
 * that fails. DQ_EXIT_OK or DQ_EXIT_FAIL. */
int dq_cmd_flush_stdout(void);

#endif /* DQ_CMD_COMMON_H */
