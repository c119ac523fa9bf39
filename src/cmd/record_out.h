/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_out.h - the file that a recording goes to: opened before anything is armed,
 * emptied when there is something to write, and ended with the truth when it cannot
 * take all of it. Says on stderr what goes wrong.
 *
 *	record_out_open -> record_out_begin -> record_out_put ... -> record_out_close
 */
#ifndef DQ_RECORD_OUT_H
#define DQ_RECORD_OUT_H

#include "../trace/anon.h"
#include "../trace/trace.h"
#include "record_file.h"

struct record_out {
	const char *path;
	struct record_file file; /* fd -1: not open */
	bool discard;		/* what was written is no recording: leave nothing */
	struct dq_anon *anon;	/* makes the head as well one without names; NULL. Set after opening */
	struct dq_writer *w;	/* NULL: nothing was written yet */
	int err;		/* the first error of the writer */
	uint64_t calls, events;	/* that were put; not all of them got into the file after an error */
	struct dq_item *after;	/* what an end needs, of what was put after the error: their */
	size_t nafter, cap_after; /* strings must stay until record_out_close() */
	uint64_t bytes;		/* of the closed file */
	uint64_t missing;	/* calls that are not in the closed file */
};

/* "-" is stdout. 0, or -errno after saying why. */
int record_out_open(struct record_out *o, const char *path, bool force);
/* The same for a file that is open already; o was closed. */
void record_out_reopen(struct record_out *o, const char *path, const struct record_file *file);
/* A pipe or a socket: a process may be reading it now. */
bool record_out_is_live(const struct record_out *o);
/* Writes the head, with the time at which the recording began. 0, or -errno after saying why. */
struct record_clock {
	uint64_t mono, real;
};
struct record_clock record_clock_now(void);
int record_out_begin(struct record_out *o, const struct record_clock *at);
/* A sink in front of the writer. Its put and flush return 0 even after an error of the writer, so
 * that what does not get into the file is counted; look at .err. */
struct dq_sink record_out_sink(struct record_out *o);
/*
 * Ends the file and closes it. After an error it says what happened, and ends a regular file, when
 * there is room for that, with how much is missing. A file that nothing was written to, and that
 * was not there before, is removed. 0 or the error.
 */
int record_out_close(struct record_out *o);

#endif /* DQ_RECORD_OUT_H */
