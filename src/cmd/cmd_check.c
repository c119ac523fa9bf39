/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_check.c - dmaseq check: does everybody keep to the rules of DMA-BUF?
 *
 * One pass over the trace; src/model judges, the check_*.c files beside this one show it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_check.h"
#include "cmd/cmd_common.h"
#include "util/util.h"

enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_JUNIT, FORMAT_SARIF };

struct check_opts {
	int format;
	const char *explain;
	struct dq_strs rules;
	const char *suppress;
	int fail_on;
	bool strict;
};

#define OFF(m) offsetof(struct check_opts, m)
static const struct dq_opt opts[] = {
	{ "format", 'f', "FORMAT", DQ_OPT_ENUM, OFF(format), NULL,
	  "text (default), json, junit or sarif", "text json junit sarif", false },
	{ "rules", 0, "LIST", DQ_OPT_STRS, OFF(rules), NULL,
	  "which rules, how severe: all=off,map-again,driver=error", NULL, false },
	{ "suppress", 0, "FILE", DQ_OPT_STR, OFF(suppress), NULL,
	  "findings to live with: RULE [KEY=PATTERN]... : REASON", NULL, false },
	{ "fail-on", 0, "SEVERITY", DQ_OPT_ENUM, OFF(fail_on), NULL,
	  "exit status 1 from this severity on (default warning)", "note hint warning error never",
	  false },
	{ "explain", 0, "RULE", DQ_OPT_STR, OFF(explain), NULL,
	  "what a rule means, and stop; all: the list of rules", NULL, false },
	{ "strict", 0, NULL, DQ_OPT_FLAG, OFF(strict), NULL,
	  "exit status 3 when the trace is incomplete", NULL, false },
	{ .name = NULL },
};

static int explain(const char *id)
{
	const struct dq_rule *r = dq_rule_by_id(id);

	if (!strcmp(id, "all")) {
		check_print_rules();
		return DQ_EXIT_OK;
	}
	if (!r)
		return dq_usage_error(&dq_cmd_check,
				      "there is no rule '%s' (--explain=all lists them)", id);
	check_print_rule(r);
	return DQ_EXIT_OK;
}

static int select_rules(const struct check_opts *o, enum dq_severity sev[DQ_RULE_MAX])
{
	const char *bad = "";

	for (size_t i = 0; i < DQ_RULE_MAX; i++)
		sev[i] = dq_rules[i].severity;
	for (size_t i = 0; i < o->rules.n; i++)
		if (check_rules_select(sev, o->rules.v[i], &bad))
			return dq_usage_error(&dq_cmd_check,
					      "--rules: '%s' is no rule, class or severity "
					      "(--explain=all lists them)",
					      bad);
	return 0;
}

/* ---- judging ---- */

static int judge(struct dq_check *k, struct dq_reader *r)
{
	const struct dq_reader_state *st = dq_reader_state(r);
	struct dq_item item;
	int ret;

	while ((ret = dq_reader_next(r, &item)) > 0) {
		ret = dq_check_put(k, &item);
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	if (st->bad_chunks || st->lost_chunks || st->skipped_bytes)
		dq_check_damaged(k);
	return dq_check_finish(k);
}

static bool fails(const struct check_view *v, int fail_on)
{
	/* the choices of the option are the severities from note on */
	enum dq_severity least = fail_on < 0 ? DQ_SEV_WARNING : (enum dq_severity)(fail_on + DQ_SEV_NOTE);

	for (size_t i = 0; i < v->n; i++)
		if (!v->by[i] && v->f[i].severity >= least)
			return true;
	return false;
}

static void print(const struct check_view *v, int format)
{
	if (format == FORMAT_JSON)
		check_print_json(v);
	else if (format == FORMAT_SARIF)
		check_print_sarif(v);
	else if (format == FORMAT_JUNIT)
		check_print_junit(v);
	else
		check_print_text(v);
}

static int show(const struct check_opts *o, const struct dq_check *k, struct check_suppressions *sup,
		const enum dq_severity *sev, const struct dq_reader *r)
{
	const struct dq_reader_state *st = dq_reader_state(r);
	struct check_view v = { .k = k, .severity = sev, .path = dq_reader_path(r),
				.incomplete = dq_cmd_incomplete(st),
				.cut = st->no_end || st->truncated };
	int status;

	v.f = dq_check_findings(k, &v.n);
	v.doubtful = dq_check_doubtful(k);
	v.by = calloc(v.n ? v.n : 1, sizeof(struct check_suppression *));
	if (!v.by) {
		dq_err("out of memory");
		return DQ_EXIT_FAIL;
	}
	for (size_t i = 0; i < v.n; i++) {
		v.by[i] = check_suppressed(sup, &v.f[i]);
		v.nsuppressed += !!v.by[i];
	}
	print(&v, o->format);
	status = fails(&v, o->fail_on) ? DQ_EXIT_FOUND : DQ_EXIT_OK;
	free(v.by);
	return status;
}

static void report_unused(const struct check_suppressions *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].used)
			dq_warn("%s: line %u suppresses nothing (%s)", path, s->v[i].line,
				s->v[i].rule->id);
}

static int check(const struct check_opts *o, struct check_suppressions *sup,
		 const enum dq_severity *sev, const char *path)
{
	struct dq_reader *r = NULL;
	struct dq_check *k = NULL;
	int err, status = DQ_EXIT_FAIL, incomplete;

	if (dq_cmd_open(path, &r))
		return DQ_EXIT_FAIL;
	err = dq_check_new(&k, sev);
	if (!err)
		err = judge(k, r);
	if (err)
		dq_cmd_read_error(r, err);
	else
		status = show(o, k, sup, sev, r);
	dq_check_free(&k);
	incomplete = dq_cmd_close(&r, o->strict);
	return status ? status : incomplete;
}

static int run(void *vo, int argc, char **argv)
{
	const struct check_opts *o = vo;
	struct check_suppressions sup = { 0 };
	enum dq_severity sev[DQ_RULE_MAX];
	int status;

	if (o->explain)
		return explain(o->explain);
	if (!argc)
		return dq_usage_error(&dq_cmd_check, "missing operand: FILE");
	status = select_rules(o, sev);
	if (status)
		return status;
	if (o->suppress && check_suppressions_load(&sup, o->suppress))
		status = DQ_EXIT_FAIL;
	else
		status = check(o, &sup, sev, argv[0]);
	if (o->suppress && status != DQ_EXIT_FAIL)
		report_unused(&sup, o->suppress);
	check_suppressions_free(&sup);
	return status;
}

const struct dq_cmd dq_cmd_check = {
	.name = "check",
	.summary = "tell who breaks the rules of DMA-BUF, and what costs time",
	.args = "FILE",
	.opts = opts,
	.opts_size = sizeof(struct check_opts),
	.min_args = 0,
	.max_args = 1,
	.examples = "  dmaseq check camera.dmaseq\n"
		    "  dmaseq check --explain detach-while-mapped\n"
		    "  dmaseq check --rules all=off,driver --fail-on error camera.dmaseq\n"
		    "  dmaseq check -f sarif camera.dmaseq > camera.sarif\n",
	.run = run,
};
