/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest.h - calls of the dma-buf protocol, made on purpose on whatever this machine
 * has, for doctor to see whether the probes notice.
 */
#ifndef DQ_SELFTEST_H
#define DQ_SELFTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "../../bpf/hooks.h"

struct selftest {
	struct {
		char what[24];		/* "udmabuf", "/dev/video0" */
		char text[136];		/* what was done with it */
	} lines[16];
	unsigned int nlines;
	uint8_t must[HOOK_MAX];		/* this hook's function was called for sure */
};

/*
 * In a child process, because a recorder's own calls are never recorded. `meanwhile` is called
 * again and again until the child is done. 0 or -errno; -ETIME: something hung and was killed.
 */
int selftest_run(struct selftest *ret_st, void (*meanwhile)(void *ctx), void *ctx);

#endif /* DQ_SELFTEST_H */
