/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture.c - chart sources into pictures, by the real Msc-generator.
 *
 * Starts msc-gen from PATH, without a shell: the source goes into its stdin, the
 * picture comes out of its stdout. Its exit status says nothing (it is 0 for syntax
 * errors), so what counts is: nothing on stderr, and a picture. The private, empty HOME of
 * child.c keeps a user's chart library out of the result. Knows nothing of stories.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "render/child.h"
#include "render/render.h"

#define PNG_MAX 32767	/* pixels, by cairo */

struct wish {
	const char *format, *scale; /* scale: an option more, or NULL */
};

/* In the child: become msc-gen. Only returns when that fails. */
static int become_msc_gen(void *ctx, const char *dir)
{
	const struct wish *w = ctx;
	const char *argv[] = { "msc-gen", "-q", "--nopaths", "--nocopyright", "-S", "signalling",
			       "-T", w->format, "-o", "-", "-", w->scale, NULL };

	(void)dir;
	execvp(argv[0], (char *const *)argv);
	return errno == EACCES || errno == ENOTDIR ? ENOENT : errno;
}

/* The first complaint, without the name of the input in front. */
static int complain(const struct dq_sb *said, char **ret_err)
{
	static const char big[] = "too big output image (";
	const char *s = dq_sb_str(said), *size = strstr(s, big);
	struct dq_sb sb = {0};
	unsigned int w, h;

	size = size && sscanf(size + strlen(big), "%ux%u", &w, &h) == 2 ? size : NULL;
	if (size)
		dq_sb_printf(&sb, "the chart is too large for a PNG, it would be %u x %u pixels: at most "
				  "%d each way are possible; take .svg or .pdf, or a smaller "
				  "--max-arrows and so more pages", w, h, PNG_MAX);
	else
		dq_sb_puts(&sb, "msc-gen could not draw the chart: ");
	if (!size && *s)
		dq_sb_visible(&sb, s, strcspn(s, "\n"), 300);
	else if (!size)
		dq_sb_puts(&sb, "it gave no picture and said nothing");
	if (!sb.err)
		*ret_err = sb.s;
	else
		dq_sb_free(&sb);
	return -EIO;
}

/* -EFAULT: it crashed. */
static int draw(struct dq_sb *out, struct wish *w, const char *source, size_t len, char **why)
{
	struct dq_child child = { .name = "msc-gen", .run = become_msc_gen, .ctx = w, .execs = true };
	struct dq_sb said = { 0 };
	int ret = dq_child_run(&child, source, len, out, &said, why);

	if (!ret && (said.len || !out->len))
		ret = complain(&said, why);
	dq_sb_free(&said);
	return ret;
}

/*
 * Msc-generator 8.1 to 8.6 dies of some lines of some charts as PNG (an assertion of cairo about an
 * empty clip); the same chart 1 % larger is drawn.
 */
int dq_picture_msc(struct dq_sb *out, const char *format, const char *source, size_t len,
		   char **ret_err)
{
	static const char *const scales[] = { NULL, "-s=1.01", "-s=0.99" };
	char *why = NULL;
	int ret = -EFAULT;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(scales) && ret == -EFAULT; i++) {
		struct wish w = { format, scales[i] };

		if (i && strcmp(format, "png"))
			break;
		free(why);
		why = NULL;
		dq_sb_free(out);
		ret = draw(out, &w, source, len, &why);
	}
	if (!ret && !strcmp(format, "svg"))
		ret = dq_svg_slim(out);
	if (ret_err)
		*ret_err = why;
	else
		free(why);
	return ret;
}
