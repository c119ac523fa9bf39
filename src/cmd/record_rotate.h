/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_rotate.h - a recording in files of a bounded size (--rotate): FILE is the one
 * that is being written, FILE.1 the one before, FILE.2 ... older ones, as logrotate has it,
 * and the oldest goes. Each is a trace by itself, and no call is in none or in two of them.
 *
 * The next file is made as FILE.next, so that the one that is full can still take an end
 * when there is none to be had.
 */
#ifndef DQ_RECORD_ROTATE_H
#define DQ_RECORD_ROTATE_H

#include "../trace/keep.h"
#include "record_out.h"

struct record_rotate_opts {
	uint64_t size;		/* a file is not larger, but for definitions that are larger themselves */
	unsigned int files;	/* kept, with FILE: 2 at least */
	bool force;		/* files of an earlier recording go */
	int (*begin)(void *ctx, const struct dq_sink *to); /* as in struct dq_keep_opts */
	void *ctx;
};

struct record_rotate {
	struct record_out *out;	/* FILE; becomes the next one */
	struct dq_keeper *keeper;
	struct dq_part *part;
	struct dq_sink to;	/* of out */
	uint64_t size;
	uint64_t head;		/* bytes of this file when its head was written */
	unsigned int files;	/* kept, with FILE */
	unsigned int older;	/* that are there of this recording */
	uint64_t ended;		/* files that are full, those that are gone as well */
	uint64_t calls, bytes;	/* in them */
	int err;
};

#define RECORD_ROTATE_LEAST (256U << 10)

/* out was opened; it has to be begun before the first put. 0, or -errno after saying why: a file is
 * in the way. */
int record_rotate_init(struct record_rotate *r, struct record_out *out,
		       const struct record_rotate_opts *ro);
struct dq_sink record_rotate_sink(struct record_rotate *r);
void record_rotate_done(struct record_rotate *r);

#endif /* DQ_RECORD_ROTATE_H */
