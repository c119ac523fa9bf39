/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_dump.c - `dmaseq dump`: the text form of a trace, its anatomy, whether it keeps
 * the rules, and back from text to the binary form. Touches stdout and the file of -o.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_common.h"
#include "copy.h"
#include "trace/format.h"
#include "trace/validate.h"
#include "util/util.h"

struct dump_opts {
	bool validate;
	bool chunks;
	bool strict;
	const char *out;
};

/* --validate says no more than this; the rest is counted. */
#define PROBLEMS_SHOWN 50

/* ---- text ---- */

static int dump_text(struct dq_reader *r)
{
	struct dq_item item;
	int rc;

	dq_cmd_streams(r);
	/* a full disk is main's to report, from stdout's state */
	if (dq_text_print_head(stdout, dq_reader_state(r)))
		return DQ_EXIT_OK;
	while ((rc = dq_cmd_next(r, &item)) > 0) {
		if (item.kind == DQ_CALL && item.call.fatal &&
		    fputs("# the task died in the next call: it has no return that could be missed\n", stdout) < 0)
			return DQ_EXIT_OK;
		if (dq_text_print(stdout, &item))
			return DQ_EXIT_OK;
	}
	return rc < 0 ? DQ_EXIT_FAIL : DQ_EXIT_OK;
}

/* ---- --chunks ---- */

static void print_chunk(const struct dq_chunk_info *c, void *ctx)
{
	char type[16];
	(void)ctx;

	if (c->name)
		snprintf(type, sizeof(type), "%s", c->name);
	else
		snprintf(type, sizeof(type), c->problem ? "-" : "type %u", c->type);
	printf("%12" PRIu64 " %7" PRIu32 " %-10s %9" PRIu32 " %9" PRIu32 " %9" PRIu64 "  %s\n",
	       c->offset, c->seq, type, c->len, c->raw_len, c->items,
	       c->problem ? c->problem
	       : c->name  ? "ok"
			  : "unknown, skipped");
}

static int dump_chunks(struct dq_reader *r)
{
	const struct dq_reader_state *st = dq_reader_state(r);
	struct dq_item item;
	int rc;

	if (st->text) {
		dq_err("%s: the text form has no chunks", dq_reader_path(r));
		return DQ_EXIT_FAIL;
	}
	dq_cmd_streams(r);
	printf("format %u.%u\n%12s %7s %-10s %9s %9s %9s  %s\n", st->major, st->minor, "offset",
	       "seq", "type", "stored", "raw", "items", "state");
	dq_reader_on_chunk(r, print_chunk, NULL);
	while ((rc = dq_cmd_next(r, &item)) > 0)
		;
	return rc < 0 ? DQ_EXIT_FAIL : DQ_EXIT_OK;
}

/* ---- --validate ---- */

static void print_problem(const char *text, void *ctx)
{
	struct dq_sb sb = {0};
	uint64_t *shown = ctx;

	if (++*shown > PROBLEMS_SHOWN)
		return;
	dq_sb_visible(&sb, text, strlen(text), 0);
	puts(dq_sb_str(&sb));
	dq_sb_free(&sb);
}

static void print_chunk_problem(const struct dq_chunk_info *c, void *ctx)
{
	char text[128];

	if (!c->problem)
		return;
	snprintf(text, sizeof(text), "offset %" PRIu64 ": %s", c->offset, c->problem);
	print_problem(text, ctx);
}

static void print_verdict(const struct dq_reader_state *st, uint64_t problems, uint64_t shown)
{
	char size[16];

	if (shown > PROBLEMS_SHOWN)
		printf("... and %" PRIu64 " more\n", shown - PROBLEMS_SHOWN);
	if (problems) {
		printf("%" PRIu64 " problem%s\n", problems, problems == 1 ? "" : "s");
		return;
	}
	if (st->text)
		printf("valid: text form %u", st->major);
	else
		printf("valid: format %u.%u, %" PRIu64 " chunks", st->major, st->minor, st->chunks);
	printf(", %" PRIu64 " items, %" PRIu64 " calls, %s\n", st->items, st->calls,
	       dq_fmt_size(size, st->bytes));
}

static int dump_validate(struct dq_reader *r)
{
	const struct dq_reader_state *st = dq_reader_state(r);
	struct dq_validator *v = NULL;
	struct dq_item item;
	uint64_t shown = 0, problems = 0;
	int rc;

	rc = dq_validator_new(&v, print_problem, &shown);
	dq_reader_on_chunk(r, print_chunk_problem, &shown);
	while (!rc && (rc = dq_cmd_next(r, &item)) > 0)
		rc = dq_validator_item(v, &item);
	if (!rc)
		rc = dq_validator_end(v, st);
	if (rc == -ENOMEM)
		dq_err("out of memory");
	if (v)
		problems = dq_validator_problems(v);
	dq_validator_free(&v);
	if (rc < 0)
		return DQ_EXIT_FAIL;
	print_verdict(st, problems, shown);
	return problems ? DQ_EXIT_FOUND : DQ_EXIT_OK;
}

/* ---- the command ---- */

static int run(void *vopts, int argc, char **argv)
{
	const struct dump_opts *o = vopts;
	struct dq_reader *r;
	int status, incomplete;

	(void)argc;
	if (o->validate + o->chunks + (o->out != NULL) > 1)
		return dq_usage_error(&dq_cmd_dump,
				      "--validate, --chunks and --output exclude one another");
	if (dq_cmd_open(argv[0], &r))
		return DQ_EXIT_FAIL;
	if (o->validate)
		status = dump_validate(r);
	else if (o->chunks)
		status = dump_chunks(r);
	else if (o->out)
		status = dq_copy_trace(r, o->out, argv[0], NULL);
	else
		status = dump_text(r);
	incomplete = dq_cmd_close(&r, o->strict);
	return status == DQ_EXIT_OK ? incomplete : status;
}

static const struct dq_opt opts[] = {
	{.name = "validate",
	 .type = DQ_OPT_FLAG,
	 .off = offsetof(struct dump_opts, validate),
	 .help = "check every chunk and every rule of the format; status 1 when one is broken"},
	{.name = "chunks",
	 .type = DQ_OPT_FLAG,
	 .off = offsetof(struct dump_opts, chunks),
	 .help = "list the chunks of the file: offset, number, type, sizes, items"},
	{.name = "output",
	 .letter = 'o',
	 .arg = "FILE",
	 .type = DQ_OPT_STR,
	 .off = offsetof(struct dump_opts, out),
	 .help = "write the binary form to FILE (- for standard output), from text or binary"},
	{.name = "strict",
	 .type = DQ_OPT_FLAG,
	 .off = offsetof(struct dump_opts, strict),
	 .help = "status 3 when the trace is cut off, damaged or has losses"},
	{.name = NULL},
};

const struct dq_cmd dq_cmd_dump = {
	.name = "dump",
	.summary = "show a trace as text, its anatomy, or whether it is valid",
	.about = "Prints the text form of a trace: one line per item, which can be edited and read "
		 "by every command in place of the binary file. What a damaged file still has is "
		 "shown, and what is missing is said.",
	.args = "FILE",
	.opts = opts,
	.opts_size = sizeof(struct dump_opts),
	.min_args = 1,
	.max_args = 1,
	.examples = "# What is in a trace\ndmaseq dump camera.dmaseq\n"
		    "# Is it whole?\ndmaseq dump --validate camera.dmaseq\n"
		    "# Assemble a trace that was written or edited by hand\n"
		    "dmaseq dump -o test.dmaseq test.txt\n",
	.run = run,
};
