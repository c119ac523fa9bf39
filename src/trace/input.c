/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.c - see input.h. Touches the descriptor it was given and the heap.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

#define STEP 65536u

void dq_input_fd(struct dq_input *in, int fd)
{
	*in = (struct dq_input){ .fd = fd };
}

void dq_input_mem(struct dq_input *in, const void *data, size_t len)
{
	*in = (struct dq_input){ .fd = -1, .p = data, .avail = len, .eof = true };
}

void dq_input_close(struct dq_input *in)
{
	if (in->fd >= 0)
		close(in->fd);
	free(in->buf);
	*in = (struct dq_input){ .fd = -1, .eof = true };
}

/* Room for one more read. The buffer grows with what really came, not with what a length
 * field promises. */
static int make_room(struct dq_input *in)
{
	size_t used = in->p ? (size_t)(in->p - in->buf) : 0, cap;
	uint8_t *buf;

	if (in->cap - used - in->avail >= STEP / 2)
		return 0;
	if (used) {
		memmove(in->buf, in->p, in->avail);
		in->p = in->buf;
	}
	if (in->cap - in->avail >= STEP / 2)
		return 0;
	cap = in->cap ? in->cap * 2 : 2 * STEP;
	buf = realloc(in->buf, cap);
	if (!buf)
		return -ENOMEM;
	in->buf = buf;
	in->p = buf;
	in->cap = cap;
	return 0;
}

/* Who writes a trace into a pipe as it happens has written no more yet. */
static void tell_wait(struct dq_input *in)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };

	if (in->wait_fn && !poll(&p, 1, 0))
		in->wait_fn(in->wait_ctx);
}

size_t dq_input_want(struct dq_input *in, size_t need)
{
	ssize_t n;
	size_t end;

	while (in->avail < need && !in->eof) {
		in->err = make_room(in);
		if (in->err) {
			in->eof = true;
			break;
		}
		tell_wait(in);
		end = (size_t)(in->p - in->buf) + in->avail;
		n = read(in->fd, in->buf + end, in->cap - end);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			in->err = -errno;
		if (n <= 0)
			in->eof = true;
		else
			in->avail += (size_t)n;
	}
	return in->avail;
}

void dq_input_skip(struct dq_input *in, size_t n)
{
	in->p += n;
	in->avail -= n;
	in->offset += n;
}
