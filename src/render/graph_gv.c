/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_gv.c - Graphviz source into pictures, by Graphviz's own libraries.
 *
 * In a build without them (GRAPHVIZ=OFF, or a static one) it only says so. Knows
 * nothing of buffers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "render/graph.h"

#ifdef DQ_GRAPHVIZ
#include <graphviz/gvc.h>

#ifdef __SANITIZE_ADDRESS__
/* Graphviz and the libraries below keep what they allocated, some of it in threads of their own. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\nleak:libpango\nleak:libcairo\nleak:libglib\nleak:libgvc\n"
	       "leak:libcgraph\n";
}

const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif

static char said[300];	/* Graphviz's first complaint */

static int complain(char *text)
{
	size_t n = strcspn(text, "\n");

	/* it comes in pieces: "Error: ", the text, ... */
	if (strlen(said) + n < sizeof(said))
		strncat(said, text, n);
	return 0;
}

static int draw(struct dq_sb *out, const char *format, const char *dot)
{
	GVC_t *gvc = gvContext();
	graph_t *g = gvc ? agmemread(dot) : NULL;
	char *data = NULL;
	unsigned int len = 0;
	int ret = -EIO;

	if (g && !gvLayout(gvc, g, "dot")) {
		if (!gvRenderData(gvc, g, format, &data, &len) && data && len) {
			dq_sb_put(out, data, len);
			ret = out->err;
		}
		gvFreeRenderData(data);
		gvFreeLayout(gvc, g);
	}
	if (g)
		agclose(g);
	if (gvc)
		gvFreeContext(gvc);
	return ret;
}

int dq_graph_draw(struct dq_sb *out, const char *format, const char *dot, char **ret_err)
{
	struct dq_sb sb = { 0 };
	int ret;

	*ret_err = NULL;
	said[0] = '\0';
	agseterrf(complain);
	agseterr(AGWARN);
	ret = draw(out, format, dot);
	if (!ret && !said[0])
		return 0;
	dq_sb_puts(&sb, "Graphviz could not draw the graph: ");
	dq_sb_visible(&sb, *said ? said : "it gave no picture and said nothing",
		      *said ? strlen(said) : 36, 0);
	*ret_err = sb.s;
	return ret ? ret : -EIO;
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
