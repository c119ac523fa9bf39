/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_gv.c - Graphviz source into pictures, by Graphviz's own libraries, in a process of their
 * own: a graph that they cannot bear ends that one.
 *
 * In a build without them (GRAPHVIZ=OFF, or a static one) it only says so. Knows
 * nothing of buffers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "render/child.h"
#include "render/graph.h"

#ifdef DQ_GRAPHVIZ
#include <graphviz/gvc.h>

/* It comes in pieces: "Error: ", the text, ... */
static int complain(char *text)
{
	return write(STDERR_FILENO, text, strlen(text)) < 0 ? errno : 0;
}

struct job {
	const char *format, *dot;
};

static int write_all(const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0 && errno != EINTR)
			return errno;
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* In the child. Nothing is given back: it ends. */
static int draw(void *ctx, const char *dir)
{
	const struct job *job = ctx;
	char *data = NULL;
	unsigned int len = 0;
	GVC_t *gvc;
	graph_t *g;

	(void)dir;
	agseterrf(complain);
	agseterr(AGWARN);
	gvc = gvContext();
	g = gvc ? agmemread(job->dot) : NULL;
	if (!g || gvLayout(gvc, g, "dot") || gvRenderData(gvc, g, job->format, &data, &len))
		return 0;
	return data ? write_all(data, len) : 0;
}

int dq_graph_draw(struct dq_sb *out, const char *format, const char *dot, char **ret_err)
{
	struct job job = {format, dot};
	struct dq_child child = {.name = "Graphviz", .run = draw, .ctx = &job};
	struct dq_sb said = {0}, sb = {0};
	int ret;

	ret = dq_child_run(&child, "", 0, out, &said, ret_err);
	if (!ret && (said.len || !out->len)) {
		dq_sb_puts(&sb, "Graphviz could not draw the graph: ");
		if (said.len)
			dq_sb_visible(&sb, said.s, strcspn(said.s, "\n"), 300);
		else
			dq_sb_puts(&sb, "it gave no picture and said nothing");
		*ret_err = sb.s;
		ret = -EIO;
	}
	dq_sb_free(&said);
	return ret;
}

bool dq_graph_can_draw(void)
{
	return true;
}

#else

int dq_graph_draw(struct dq_sb *out, const char *format, const char *dot, char **ret_err)
{
	(void)out;
	(void)format;
	(void)dot;
	*ret_err = NULL;
	return -ENOSYS;
}

bool dq_graph_can_draw(void)
{
	return false;
}

#endif
