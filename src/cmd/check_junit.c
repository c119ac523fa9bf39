/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_junit.c - findings as a JUnit report: a test case for each rule that was judged, so that a
 * CI shows which rules hold, which found something, and which could not be judged.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_check.h"
#include "cmd/cmd_common.h"

/* Text for XML. What XML cannot hold, not even escaped, is made visible. */
static void xml(const char *s)
{
	struct dq_sb sb = { 0 };

	dq_sb_visible(&sb, s, strlen(s), 0);
	for (const char *p = dq_sb_str(&sb); *p; p++) {
		switch (*p) {
		case '&':
			fputs("&amp;", stdout);
			break;
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '"':
			fputs("&quot;", stdout);
			break;
		default:
			putchar(*p);
		}
	}
	dq_sb_free(&sb);
}

static void line(const struct check_view *v, const struct dq_finding *f)
{
	for (size_t n = 0; n < f->nproof; n++) {
		struct dq_sb sb = { 0 };

		if (f->proof[n].kind == DQ_PROOF_CALL)
			dq_sb_printf(&sb, "call %" PRIu64 ": ", f->proof[n].n);
		check_put_proof(&sb, v, &f->proof[n]);
		dq_sb_printf(&sb, ": %s", f->proof[n].role);
		xml(dq_sb_str(&sb));
		putchar('\n');
		dq_sb_free(&sb);
	}
}

static void finding(const struct check_view *v, size_t i, const char *element)
{
	const struct dq_finding *f = &v->f[i];

	printf("      <%s type=\"%s\" message=\"", element, dq_severity_name(f->severity));
	xml(f->what);
	fputs("\">", stdout);
	if (f->has_buf) {
		printf("buffer %u, exporter ", f->buf.id);
		xml(f->exporter);
		putchar('\n');
	}
	if (f->has_att) {
		fputs("device ", stdout);
		xml(f->att.dev);
		putchar('\n');
	}
	if (f->task) {
		fputs("process ", stdout);
		xml(f->process);
		printf(" (%u)\n", f->tgid);
	}
	line(v, f);
	printf("%" PRIu64 " time%s, %s</%s>\n", f->count, dq_plural(f->count),
	       dq_confidence_name(f->confidence), element);
}

/* Notes and hints do not fail a test: they are in its output. */
static bool is_failure(const struct check_view *v, size_t i)
{
	return !v->by[i] && v->f[i].severity >= DQ_SEV_WARNING;
}

static size_t failures(const struct check_view *v, size_t r)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		n += v->f[i].rule == r && is_failure(v, i);
	return n;
}

static bool is_skipped(const struct check_view *v, size_t r)
{
	return !dq_check_sum(v->k, r)->looked;
}

static void others(const struct check_view *v, size_t r)
{
	bool open = false;

	for (size_t i = 0; i < v->n; i++) {
		if (v->f[i].rule != r || is_failure(v, i))
			continue;
		if (!open)
			fputs("      <system-out>", stdout);
		open = true;
		fputs(v->by[i] ? "suppressed (" : dq_severity_name(v->f[i].severity), stdout);
		if (v->by[i]) {
			xml(v->by[i]->reason);
			putchar(')');
		}
		fputs(": ", stdout);
		xml(v->f[i].what);
		putchar('\n');
		line(v, &v->f[i]);
	}
	if (open)
		fputs("</system-out>\n", stdout);
}

static void testcase(const struct check_view *v, size_t r)
{
	printf("    <testcase classname=\"dmaseq.%s\" name=\"%s\">\n",
	       dq_rule_class_key(dq_rules[r].class), dq_rules[r].id);
	if (is_skipped(v, r))
		fputs("      <skipped message=\"nothing that could be judged\"/>\n", stdout);
	for (size_t i = 0; i < v->n; i++)
		if (v->f[i].rule == r && is_failure(v, i))
			finding(v, i, "failure");
	others(v, r);
	fputs("    </testcase>\n", stdout);
}

void check_print_junit(const struct check_view *v)
{
	size_t tests = 0, failed = 0, skipped = 0;

	for (size_t r = 0; r < DQ_RULE_MAX; r++) {
		if (!v->severity[r])
			continue;
		tests++;
		failed += failures(v, r) > 0;
		skipped += is_skipped(v, r);
	}
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"", stdout);
	xml(v->path);
	printf("\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n", tests, failed, skipped);
	for (size_t r = 0; r < DQ_RULE_MAX; r++)
		if (v->severity[r])
			testcase(v, r);
	fputs("  </testsuite>\n</testsuites>\n", stdout);
}
