/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.h - programs and libraries that draw, kept at a distance: in a process of their own that
 * has nothing but three pipes, a directory of its own for HOME and TMPDIR that is removed with all
 * that is in it, and limits of time, memory and output. What they do wrong is a sentence.
 */
#ifndef DQ_RENDER_CHILD_H
#define DQ_RENDER_CHILD_H

#include <stdbool.h>

#include "util/util.h"

struct dq_child {
	const char *name; /* for sentences: "msc-gen" */
	/* In the child, with stdin, stdout and stderr being pipes. dir: the private directory.
	 * Returns an errno, when it could not even begin, or 0. */
	int (*run)(void *ctx, const char *dir);
	void *ctx;
	bool execs; /* run becomes another program, and returns only when that fails */
};

/* What the environment variable DMASEQ_RENDER_LIMIT changes: seconds, of processor and of wall
 * clock, after which it is killed. */
#define DQ_CHILD_SECONDS 300
#define DQ_CHILD_MEMORY	 (4ull << 30)	/* address space */
#define DQ_CHILD_OUTPUT	 (256ull << 20) /* of stdout, and of a file */

/*
 * Feeds in to its stdin; out gets its stdout, said the begin of its stderr. 0: it ended by itself
 * (its status says nothing: msc-gen's is always 0); -errno of run or of starting it; a sentence
 * in *ret_err (malloc'ed) with -EFAULT: it crashed; with -EIO: it took too long or too much.
 */
int dq_child_run(const struct dq_child *c, const char *in, size_t len, struct dq_sb *out,
		 struct dq_sb *said, char **ret_err);

#endif /* DQ_RENDER_CHILD_H */
