/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_anonymize.c - `dmaseq anonymize`: a trace that tells the same story without the names. What
 * is replaced is src/trace/anon.c's business. Touches stdout and the file of -o.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_common.h"
#include "copy.h"
#include "util/util.h"

struct anonymize_opts {
	const char *out;
	struct dq_strs keep;
	bool strict;
};

/* 0: one of them is no such word, which *ret_bad points to */
static bool parse_keep(const struct dq_strs *list, unsigned int *keep, const char **ret_bad)
{
	for (size_t i = 0; i < list->n; i++) {
		for (const char *s = list->v[i]; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL) {
			unsigned int bit = dq_anon_keep_by_name(s, strcspn(s, ","));

			if (!bit) {
				*ret_bad = s;
				return false;
			}
			*keep |= bit;
		}
	}
	return true;
}

static int run(void *vopts, int argc, char **argv)
{
	const struct anonymize_opts *o = vopts;
	const char *bad, *out = o->out ? o->out : "-";
	struct dq_anon *anon;
	struct dq_reader *r;
	unsigned int keep = 0;
	int status, incomplete;

	(void)argc;
	if (!parse_keep(&o->keep, &keep, &bad))
		return dq_usage_error(&dq_cmd_anonymize,
				      "--keep: '%.*s' is none of processes, drivers, devices, buffers, "
				      "functions, ids, time",
				      (int)strcspn(bad, ","), bad);
	if (!strcmp(out, "-") && isatty(STDOUT_FILENO))
		return dq_usage_error(&dq_cmd_anonymize,
				      "a trace is no text for a terminal: give -o FILE");
	if (dq_cmd_open(argv[0], &r))
		return DQ_EXIT_FAIL;
	if (dq_anon_new(&anon, keep)) {
		dq_err("out of memory");
		dq_cmd_close(&r, false);
		return DQ_EXIT_FAIL;
	}
	status = dq_copy_trace(r, out, argv[0], anon);
	dq_anon_free(&anon);
	incomplete = dq_cmd_close(&r, o->strict);
	return status == DQ_EXIT_OK ? incomplete : status;
}

static const struct dq_opt opts[] = {
	{.name = "output",
	 .letter = 'o',
	 .arg = "FILE",
	 .type = DQ_OPT_STR,
	 .off = offsetof(struct anonymize_opts, out),
	 .help = "write the trace to FILE (- for standard output, which is the default)"},
	{.name = "keep",
	 .arg = "WHAT",
	 .type = DQ_OPT_STRS,
	 .off = offsetof(struct anonymize_opts, keep),
	 .help = "leave these as they are: processes, drivers, devices, buffers, functions, ids, "
		 "time; a list with commas"},
	{.name = "strict",
	 .type = DQ_OPT_FLAG,
	 .off = offsetof(struct anonymize_opts, strict),
	 .help = "status 3 when the trace is cut off, damaged or has losses"},
	{.name = NULL},
};

const struct dq_cmd dq_cmd_anonymize = {
	.name = "anonymize",
	.summary = "copy a trace without the names in it, for sharing",
	.about = "Writes a trace that tells the same story, in which the names of processes, buffers, "
		 "devices and of drivers that are not in the mainline kernel are replaced (processA, "
		 "driverB), each by the same word everywhere, and pids, inode numbers, the boot id, "
		 "the command line and the date too.",
	.args = "FILE",
	.opts = opts,
	.opts_size = sizeof(struct anonymize_opts),
	.min_args = 1,
	.max_args = 1,
	.examples = "# For a bug report\ndmaseq anonymize -o share.dmaseq camera.dmaseq\n"
		    "# Look at what is left\ndmaseq dump share.dmaseq\n",
	.run = run,
};
