/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_baseline.c - dmaseq baseline: the shapes of a recording as text to be kept in git.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_common.h"
#include "cmd/side.h"

struct baseline_opts {
	const char *out;
	const char *update;
	bool strict;
};

static const struct dq_opt opts[] = {
	{ "output", 'o', "OUT", DQ_OPT_STR, offsetof(struct baseline_opts, out), NULL,
	  "write to this file and not to the standard output", NULL, false },
	{ "update", 0, "BASELINE", DQ_OPT_STR, offsetof(struct baseline_opts, update), NULL,
	  "merge into this baseline: what did not change and all comments stay", NULL, false },
	{ "strict", 0, NULL, DQ_OPT_FLAG, offsetof(struct baseline_opts, strict), NULL,
	  "write nothing and exit with 3 when the trace is incomplete", NULL, false },
	{ .name = NULL },
};

/* Which block of the old baseline each shape is, or came from. */
static void trace_back(const struct dq_diff *d, int *keep, int *from)
{
	for (size_t i = 0; i < d->npairs; i++) {
		const struct dq_pair *p = &d->pairs[i];
		size_t k;

		if (!p->a || !p->b)
			continue;
		k = (size_t)(p->b - d->b->shapes.v);
		if (from[k] >= 0 && !p->same)
			continue;
		from[k] = (int)(p->a - d->a->shapes.v);
		keep[k] = p->same && !dq_pair_differs(p) ? from[k] : -1;
	}
}

static int merge(struct dq_sb *sb, const struct dq_side *s, struct dq_side *old)
{
	const struct dq_diff_opts o = { .counts = DQ_COUNTS_TOLERANT, .strict_kernel = true };
	int *keep = malloc((s->shapes.n + 1) * sizeof(*keep));
	int *from = malloc((s->shapes.n + 1) * sizeof(*from));
	struct dq_diff *d = NULL;
	int err = keep && from ? dq_diff_new(&d, old, s, &o) : -ENOMEM;

	for (size_t i = 0; i < s->shapes.n && !err; i++)
		keep[i] = from[i] = -1;
	if (!err) {
		trace_back(d, keep, from);
		err = dq_baseline_print(sb, s, old, keep, from);
	}
	dq_diff_free(&d);
	free(keep);
	free(from);
	return err;
}

static int load_old(struct dq_side *old, const char *path)
{
	int incomplete, err = dq_side_load(old, path, false, &incomplete);

	if (!err && !old->is_baseline) {
		dq_err("%s: is a recording, and no baseline", path);
		err = -EINVAL;
	}
	return err;
}

static int run(void *vo, int argc, char **argv)
{
	const struct baseline_opts *o = vo;
	struct dq_side s = { 0 }, old = { 0 };
	struct dq_sb sb = { 0 };
	int incomplete, err;

	(void)argc;
	err = dq_side_load(&s, argv[0], o->strict, &incomplete);
	if (!err && o->update)
		err = load_old(&old, o->update);
	if (!err && !incomplete) {
		err = o->update ? merge(&sb, &s, &old) : dq_baseline_print(&sb, &s, NULL, NULL, NULL);
		if (err)
			dq_err("the baseline could not be made: %s", strerror(-err));
		else
			err = dq_write_out(o->out ? o->out : o->update, sb.s, sb.len);
	}
	dq_sb_free(&sb);
	dq_side_free(&s);
	dq_side_free(&old);
	return err ? DQ_EXIT_FAIL : incomplete;
}

const struct dq_cmd dq_cmd_baseline = {
	.name = "baseline",
	.summary = "write the shapes of a trace as text, to compare with later",
	.args = "FILE",
	.opts = opts,
	.opts_size = sizeof(struct baseline_opts),
	.min_args = 1,
	.max_args = 1,
	.examples = "  dmaseq baseline camera.dmaseq -o camera.baseline\n"
		    "  dmaseq baseline --update camera.baseline today.dmaseq\n",
	.run = run,
};
