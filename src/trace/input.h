/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.h - bytes of a descriptor or of memory, looked at through a window that grows
 * as needed. Never seeks. Internal to the trace room.
 */
#ifndef DQ_INPUT_H
#define DQ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dq_input {
	int fd;			/* -1: memory */
	const uint8_t *p;	/* the window: what was read and not yet skipped */
	size_t avail;
	uint64_t offset;	/* of the window in the file */
	bool eof;
	int err;		/* of read(2); then eof is set too */
	uint8_t *buf;		/* owned; NULL for memory */
	size_t cap;
	void (*wait_fn)(void *ctx); /* NULL: nobody wants to know. Called when a read would wait */
	void *wait_ctx;
};

void dq_input_fd(struct dq_input *in, int fd); /* takes fd */
void dq_input_mem(struct dq_input *in, const void *data, size_t len); /* data must stay */
void dq_input_close(struct dq_input *in);
/* Reads until the window has need bytes or the file ends; returns how many it has. */
size_t dq_input_want(struct dq_input *in, size_t need);
void dq_input_skip(struct dq_input *in, size_t n); /* n <= avail */

#endif /* DQ_INPUT_H */
