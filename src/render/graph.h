/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.h - drawing who shares what with whom.
 *
 * graph.c writes Graphviz source, graph_gv.c makes pictures of it with Graphviz's own
 * libraries where they were there when dmaseq was built.
 */
#ifndef DQ_GRAPH_H
#define DQ_GRAPH_H

#include "model/share.h"

struct dq_graph_opts {
	const struct dq_reader_state *state;
	const bool *want;	/* by index in dq_model.bufs: draw it; NULL: all */
	bool group;		/* buffers that are used alike are one node */
	bool alive_only;	/* as of a time: what is gone, or not yet there, is not drawn */
	uint64_t now;		/* time of the trace that is shown */
};

/* Graphviz source. 0 or -ENOMEM. */
int dq_graph_dot(struct dq_sb *out, const struct dq_share *s, const struct dq_graph_opts *o);

/* Text for a quoted string of Graphviz's language, whatever the bytes are. At most max code
 * points (0: all). */
void dq_dot_escape(struct dq_sb *sb, const char *s, size_t max);

/* Was dmaseq built with Graphviz's libraries? */
bool dq_graph_can_draw(void);
/* A picture of such source: format is "svg", "png" or "pdf". 0, or -errno and a sentence in
 * *ret_err (malloc'ed); -ENOSYS where dq_graph_can_draw() is false. */
int dq_graph_draw(struct dq_sb *out, const char *format, const char *dot, char **ret_err);

#endif /* DQ_GRAPH_H */
