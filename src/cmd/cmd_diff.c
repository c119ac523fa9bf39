/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_diff.c - dmaseq diff: what changed in the lives of buffers between two recordings.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_common.h"
#include "cmd/side.h"
#include "render/render.h"

enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_JUNIT, FORMAT_MSC };

struct diff_opts {
	int format;
	const char *out;
	int counts;
	bool strict_kernel;
	const char *timing;
	bool timing_status;
	const char *ignore;
	bool full;
	bool beside;
	bool strict;
};

#define OFF(m) offsetof(struct diff_opts, m)
static const struct dq_opt opts[] = {
	{ "format", 'f', "FORMAT", DQ_OPT_ENUM, OFF(format), NULL,
	  "text, json, junit, or msc: a chart of both sides", "text json junit msc", false },
	{ "output", 'o', "OUT", DQ_OPT_STR, OFF(out), NULL,
	  "write to this file; x.svg, x.png, x.pdf: a picture, x.signalling: its source", NULL, false },
	{ "full", 0, NULL, DQ_OPT_FLAG, OFF(full), NULL,
	  "show equal steps, too", NULL, false },
	{ "side-by-side", 0, NULL, DQ_OPT_FLAG, OFF(beside), NULL,
	  "a chart with BASE at the left and NEW at the right", NULL, false },
	{ "counts", 0, "HOW", DQ_OPT_ENUM, OFF(counts), "What is a difference",
	  "how often loops ran: exact, tolerant (default) or ignore", "exact tolerant ignore", false },
	{ "strict-kernel", 0, NULL, DQ_OPT_FLAG, OFF(strict_kernel), "What is a difference",
	  "what kernels are known to do differently is a difference", NULL, false },
	{ "timing", 0, "PERCENT", DQ_OPT_STR, OFF(timing), "What is a difference",
	  "show steps whose durations differ by at least this much, for sure", NULL, false },
	{ "timing-status", 0, NULL, DQ_OPT_FLAG, OFF(timing_status), "What is a difference",
	  "exit status 1 for durations, too", NULL, false },
	{ "ignore", 0, "FILE", DQ_OPT_STR, OFF(ignore), "What is a difference",
	  "rules for differences that are known, with their reasons", NULL, false },
	{ "strict", 0, NULL, DQ_OPT_FLAG, OFF(strict), NULL,
	  "exit status 3 when a trace is incomplete", NULL, false },
	{ .name = NULL },
};

/* "20%" or "20"; 0: it is neither */
static unsigned int percent(const char *s)
{
	char *end;
	unsigned long n;

	if (*s < '0' || *s > '9')
		return 0;
	errno = 0;
	n = strtoul(s, &end, 10);
	if (*end == '%')
		end++;
	return *end || errno || n > 100000 ? 0 : (unsigned int)n;
}

static int load_rules(struct dq_ignores *r, const char *path)
{
	struct dq_sb sb = { 0 };
	char *why = NULL;
	int err = dq_read_all(path, &sb);

	if (!err) {
		err = dq_ignores_parse(r, dq_sb_str(&sb), sb.len, &why);
		if (err)
			dq_err("%s: %s", path, why ? why : strerror(-err));
	}
	free(why);
	dq_sb_free(&sb);
	return err;
}

/* What cannot be compared is said, where somebody waits for it. */
static void warn_times(const struct dq_side *a, const struct dq_side *b, unsigned int timing)
{
	if (timing && (!a->has_times || !b->has_times))
		dq_warn("durations are not compared: a baseline has none");
}

static const char *extension(const char *path)
{
	const char *dot = path ? strrchr(path, '.') : NULL;

	return dot && !strchr(dot, '/') ? dot + 1 : "";
}

static bool is_picture(const char *path)
{
	const char *ext = extension(path);

	return !strcmp(ext, "svg") || !strcmp(ext, "png") || !strcmp(ext, "pdf");
}

/* Without msc-gen the source goes beside the picture that was wanted. */
static int source_instead(const char *path, const struct dq_sb *src)
{
	struct dq_sb name = { 0 }, words = { 0 };
	int err;

	dq_sb_put(&name, path, strlen(path) - strlen(extension(path)));
	dq_sb_puts(&name, dq_renderer_msc.ext);
	err = name.err ? name.err : dq_write_out(name.s, src->s, src->len);
	dq_cmd_words(&words, path, name.s);
	if (!err)
		dq_err("there is no msc-gen here (Debian: msc-generator-nox); the source is in %s, "
		       "to render it: msc-gen -T %s -o %s", name.s, extension(path),
		       dq_sb_str(&words));
	dq_sb_free(&words);
	dq_sb_free(&name);
	return err ? err : -ENOENT;
}

static int write_picture(const char *path, const struct dq_sb *src)
{
	struct dq_sb pic = { 0 };
	char *why = NULL;
	int err = dq_picture_msc(&pic, extension(path), src->s, src->len, &why);

	if (err == -ENOENT)
		err = source_instead(path, src);
	else if (err)
		dq_err("%s", why ? why : strerror(-err));
	else
		err = dq_write_out(path, pic.s, pic.len);
	free(why);
	dq_sb_free(&pic);
	return err;
}

static bool is_chart(const struct diff_opts *o)
{
	return o->format == FORMAT_MSC || is_picture(o->out) ||
	       !strcmp(extension(o->out), dq_renderer_msc.ext);
}

static int report(const struct dq_diff *d, const struct diff_opts *o, char **argv)
{
	const struct dq_report r = { .d = d, .a = argv[0], .b = argv[1], .full = o->full,
				     .color = dq_common.color && !o->out };
	struct dq_sb sb = { 0 };
	int err;

	if (is_chart(o))
		sb.err = dq_diff_msc(&sb, d, r.a, r.b, o->beside);
	else if (o->format == FORMAT_JSON)
		dq_diff_json(&sb, &r);
	else if (o->format == FORMAT_JUNIT)
		dq_diff_junit(&sb, &r);
	else
		dq_diff_text(&sb, &r);
	err = sb.err;
	if (err)
		dq_err("the report could not be made: %s", strerror(-err));
	else
		err = is_picture(o->out) ? write_picture(o->out, &sb) :
					   dq_write_out(o->out, sb.s, sb.len);
	dq_sb_free(&sb);
	return err;
}

static int compare(const struct dq_side *a, const struct dq_side *b, const struct diff_opts *o,
		   struct dq_ignores *rules, char **argv)
{
	const struct dq_diff_opts dopts = {
		.counts = o->counts < 0 ? DQ_COUNTS_TOLERANT : (enum dq_counts)o->counts,
		.strict_kernel = o->strict_kernel,
		.timing = o->timing ? percent(o->timing) : 0,
		.rules = o->ignore ? rules : NULL,
	};
	struct dq_diff *d = NULL;
	int err = dq_diff_new(&d, a, b, &dopts), status = DQ_EXIT_FAIL;

	warn_times(a, b, dopts.timing);
	if (err)
		dq_err("cannot compare: %s", strerror(-err));
	else if (!report(d, o, argv))
		status = dq_diff_differs(d) ||
				 (o->timing_status && dq_diff_slower(d)) ?
				 DQ_EXIT_FOUND : DQ_EXIT_OK;
	dq_diff_free(&d);
	return status;
}

static int run(void *vo, int argc, char **argv)
{
	const struct diff_opts *o = vo;
	struct dq_side a = { 0 }, b = { 0 };
	struct dq_ignores rules = { 0 };
	int ia = 0, ib = 0, err = 0, status = DQ_EXIT_FAIL;

	(void)argc;
	if (o->timing && !percent(o->timing))
		return dq_usage_error(&dq_cmd_diff, "--timing needs a percentage, like 20%%");
	if (!strcmp(argv[0], "-") && !strcmp(argv[1], "-"))
		return dq_usage_error(&dq_cmd_diff, "only one side can be the standard input");
	if (is_picture(o->out) && o->format >= 0 && o->format != FORMAT_MSC)
		return dq_usage_error(&dq_cmd_diff, "'%s' is a picture; -f msc makes those", o->out);
	if (o->beside && !is_chart(o))
		return dq_usage_error(&dq_cmd_diff, "--side-by-side is for charts: -f msc, or -o x.svg");
	if (o->ignore)
		err = load_rules(&rules, o->ignore);
	if (!err)
		err = dq_side_load(&a, argv[0], o->strict, &ia);
	if (!err)
		err = dq_side_load(&b, argv[1], o->strict, &ib);
	if (!err)
		status = compare(&a, &b, o, &rules, argv);
	dq_side_free(&a);
	dq_side_free(&b);
	dq_ignores_free(&rules);
	if (status == DQ_EXIT_FAIL)
		return status;
	return ia ? ia : ib ? ib : status;
}

const struct dq_cmd dq_cmd_diff = {
	.name = "diff",
	.summary = "show what changed between two traces or baselines",
	.args = "BASE NEW",
	.opts = opts,
	.opts_size = sizeof(struct diff_opts),
	.min_args = 2,
	.max_args = 2,
	.examples = "  dmaseq diff good.dmaseq bad.dmaseq\n"
		    "  dmaseq diff camera.baseline today.dmaseq -f junit -o diff.xml\n"
		    "  dmaseq diff good.dmaseq bad.dmaseq -o diff.svg\n"
		    "  dmaseq diff good.dmaseq bad.dmaseq -o diff.png --side-by-side\n"
		    "  git show HEAD~5:camera.baseline | dmaseq diff - camera.baseline\n",
	.run = run,
};
