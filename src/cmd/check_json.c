/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_json.c - findings for programs: JSON of our own (its schema is in docs/check.md) and
 * SARIF 2.1.0, which code hosts and editors read. Strings that others chose are escaped as
 * in all JSON of dmaseq.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_check.h"
#include "cmd/cmd_list.h"

static void str(const char *key, const char *value)
{
	printf("\"%s\": ", key);
	dq_list_json_str(value);
}

static void num(const char *key, uint64_t n)
{
	printf("\"%s\": %" PRIu64, key, n);
}

static void print_text(const struct check_view *v, const struct dq_proof *p)
{
	struct dq_sb sb = { 0 };

	check_put_proof(&sb, v, p);
	dq_list_json_str(dq_sb_str(&sb));
	dq_sb_free(&sb);
}

/* ---- JSON ---- */

static void json_proof(const struct check_view *v, const struct dq_proof *p)
{
	static const char *const kinds[] = { "call", "syscall", "exit", "exec", "end" };
	const struct dq_task *t = dq_check_task(v->k, p->task);

	printf("{\"kind\": \"%s\", ", kinds[p->kind]);
	if (p->kind == DQ_PROOF_CALL)
		printf("\"call\": %" PRIu64 ", \"seq\": %u, ", p->n, p->c.seq);
	num("t_ns", dq_check_time(v->k, p->t));
	if (p->kind == DQ_PROOF_CALL)
		printf(", \"dur_ns\": %" PRIu64, p->c.dur);
	printf(", \"tid\": %u, ", t ? t->tid : 0);
	str("task", t ? t->comm : "");
	fputs(", ", stdout);
	str("role", p->role);
	fputs(", \"what\": ", stdout);
	print_text(v, p);
	if (p->kind == DQ_PROOF_CALL) {
		fputs(", ", stdout);
		str("caller", p->c.caller);
		if (p->c.stack) {
			fputs(", ", stdout);
			str("stack", dq_check_stack(v->k, p->c.stack));
		}
	}
	putchar('}');
}

static void json_who(const struct dq_finding *f)
{
	if (f->has_buf) {
		printf(",\n     \"buffer\": {\"id\": %u, \"inode\": %" PRIu64 ", \"size\": %" PRIu64 ", ",
		       f->buf.id, f->buf.ino, f->buf.size);
		str("name", f->buf.name);
		fputs(", ", stdout);
		str("exporter", f->exporter);
		putchar('}');
	} else {
		fputs(",\n     \"buffer\": null", stdout);
	}
	if (f->has_att) {
		fputs(", \"device\": {", stdout);
		str("name", f->att.dev);
		fputs(", ", stdout);
		str("driver", f->att.driver);
		putchar('}');
	} else {
		fputs(", \"device\": null", stdout);
	}
	if (f->task) {
		printf(", \"process\": {\"pid\": %u, ", f->tgid);
		str("name", f->process);
		putchar('}');
	} else {
		fputs(", \"process\": null", stdout);
	}
}

static void json_finding(const struct check_view *v, size_t i)
{
	const struct dq_finding *f = &v->f[i];
	const struct dq_rule *r = &dq_rules[f->rule];

	printf("    {\"number\": %zu, \"rule\": \"%s\", \"severity\": \"%s\", \"class\": \"%s\", "
	       "\"confidence\": \"%s\",\n     ",
	       i + 1, r->id, dq_severity_name(f->severity), dq_rule_class_key(r->class),
	       dq_confidence_name(f->confidence));
	str("title", r->title);
	fputs(", ", stdout);
	str("what", f->what);
	fputs(", ", stdout);
	str("doubt", f->doubt);
	json_who(f);
	fputs(",\n     \"evidence\": [", stdout);
	for (size_t n = 0; n < f->nproof; n++) {
		fputs(n ? ",\n       " : "\n       ", stdout);
		json_proof(v, &f->proof[n]);
	}
	printf("],\n     \"count\": %" PRIu64 ", \"buffers\": %" PRIu64 ", \"sample_buffers\": [",
	       f->count, f->bufs);
	for (size_t n = 0; n < f->nsamples; n++)
		printf("%s%u", n ? ", " : "", f->samples[n]);
	fputs("], ", stdout);
	num("first_ns", dq_check_time(v->k, f->first));
	fputs(", ", stdout);
	num("last_ns", dq_check_time(v->k, f->last));
	printf(", \"times\": %" PRIu64 ", \"cost_ns\": %" PRIu64 ", \"saved_ns\": %" PRIu64
	       ", \"suppressed\": ",
	       f->times, f->cost, f->saved);
	if (v->by[i])
		dq_list_json_str(v->by[i]->reason);
	else
		fputs("null", stdout);
	putchar('}');
}

static void json_rule(const struct check_view *v, size_t r)
{
	const struct dq_rule_sum *s = dq_check_sum(v->k, r);

	printf("    {\"id\": \"%s\", \"severity\": \"%s\", \"class\": \"%s\", \"judged\": %" PRIu64
	       ", \"found\": %" PRIu64 ", \"untold\": %" PRIu64
	       ", \"undecided\": {\"lost\": %" PRIu64 ", \"before\": %" PRIu64
	       ", \"callbacks\": %" PRIu64 ", \"end\": %" PRIu64
	       ", \"look\": %" PRIu64 "}}",
	       dq_rules[r].id, dq_severity_name(v->severity[r]), dq_rule_class_key(dq_rules[r].class),
	       s->looked, s->found, s->untold, s->undecided[DQ_UND_LOST], s->undecided[DQ_UND_PAST],
	       s->undecided[DQ_UND_CALLBACKS], s->undecided[DQ_UND_END], s->undecided[DQ_UND_LOOK]);
}

void check_print_json(const struct check_view *v)
{
	fputs("{\n  \"schema\": \"dmaseq-check-1\", ", stdout);
	str("trace", v->path);
	fputs(", ", stdout);
	str("kernel", dq_check_meta(v->k, "kernel.release"));
	fputs(", ", stdout);
	str("arch", dq_check_meta(v->k, "arch"));
	fputs(", ", stdout);
	str("rung", dq_check_meta(v->k, "rung"));
	printf(",\n  \"calls\": %" PRIu64 ", \"buffers\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"missed\": %" PRIu64 ", \"buffers_in_doubt\": %" PRIu64 ", \"incomplete\": %s,\n  \"findings\": [",
	       dq_check_calls(v->k), dq_check_bufs(v->k), dq_check_lost(v->k), dq_check_missed(v->k), v->doubtful,
	       v->incomplete ? "true" : "false");
	for (size_t i = 0; i < v->n; i++) {
		fputs(i ? ",\n" : "\n", stdout);
		json_finding(v, i);
	}
	fputs(v->n ? "\n  ],\n  \"rules\": [\n" : "],\n  \"rules\": [\n", stdout);
	for (size_t r = 0; r < DQ_RULE_MAX; r++) {
		json_rule(v, r);
		fputs(r + 1 < DQ_RULE_MAX ? ",\n" : "\n", stdout);
	}
	fputs("  ]\n}\n", stdout);
}

/* ---- SARIF ---- */

static const char *sarif_level(enum dq_severity s)
{
	switch (s) {
	case DQ_SEV_ERROR:
		return "error";
	case DQ_SEV_WARNING:
		return "warning";
	case DQ_SEV_HINT:
	case DQ_SEV_NOTE:
		return "note";
	default:
		return "none";
	}
}

static void text_object(const char *key, const char *text)
{
	printf("\"%s\": {", key);
	str("text", text);
	putchar('}');
}

static void sarif_rule(size_t r)
{
	const struct dq_rule *x = &dq_rules[r];

	printf("          {\"id\": \"%s\", ", x->id);
	text_object("shortDescription", x->title);
	fputs(", ", stdout);
	text_object("fullDescription", x->explain);
	fputs(", ", stdout);
	text_object("help", x->cite);
	printf(", \"defaultConfiguration\": {\"level\": \"%s\", \"enabled\": %s}, \"properties\": "
	       "{\"tags\": [\"%s\"]}}",
	       sarif_level(x->severity ? x->severity : DQ_SEV_NOTE), x->severity ? "true" : "false",
	       dq_rule_class_key(x->class));
}

/* The sentence of a result: what, on which buffer, by whom. */
static void sarif_message(const struct dq_finding *f)
{
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "%s: %s", dq_rules[f->rule].title, f->what);
	if (f->has_buf)
		dq_sb_printf(&sb, "; buffer %u of %s", f->buf.id, f->exporter);
	if (f->has_att && *f->att.dev)
		dq_sb_printf(&sb, ", device %s", f->att.dev);
	if (f->task)
		dq_sb_printf(&sb, ", process %s (%u)", f->process, f->tgid);
	if (f->count > 1)
		dq_sb_printf(&sb, ", %" PRIu64 " times", f->count);
	dq_sb_printf(&sb, " (%s)", dq_confidence_name(f->confidence));
	text_object("message", dq_sb_str(&sb));
	dq_sb_free(&sb);
}

static void sarif_location(const struct check_view *v, const struct dq_proof *p)
{
	struct dq_sb sb = { 0 };

	if (p->kind == DQ_PROOF_CALL)
		dq_sb_printf(&sb, "call %" PRIu64 ": ", p->n);
	check_put_proof(&sb, v, p);
	dq_sb_printf(&sb, ": %s", p->role);
	fputs("{\"physicalLocation\": {\"artifactLocation\": {\"index\": 0}}, \"logicalLocations\": [{",
	      stdout);
	str("name", p->kind == DQ_PROOF_CALL && *p->c.caller ? p->c.caller : "user space");
	fputs(", \"kind\": \"function\"}], ", stdout);
	text_object("message", dq_sb_str(&sb));
	putchar('}');
	dq_sb_free(&sb);
}

static void sarif_flow(const struct check_view *v, const struct dq_finding *f)
{
	fputs(",\n         \"codeFlows\": [{\"threadFlows\": [{\"locations\": [", stdout);
	for (size_t n = 0; n < f->nproof; n++) {
		printf("%s\n           {\"executionOrder\": %zu, \"location\": ", n ? "," : "", n + 1);
		sarif_location(v, &f->proof[n]);
		putchar('}');
	}
	fputs("]}]}]", stdout);
}

static void sarif_result(const struct check_view *v, size_t i)
{
	const struct dq_finding *f = &v->f[i];

	printf("        {\"ruleId\": \"%s\", \"ruleIndex\": %u, \"level\": \"%s\", ",
	       dq_rules[f->rule].id, (unsigned int)f->rule, sarif_level(f->severity));
	sarif_message(f);
	fputs(",\n         \"locations\": [", stdout);
	if (f->nproof)
		sarif_location(v, &f->proof[f->nproof - 1]);
	fputs("]", stdout);
	if (f->nproof)
		sarif_flow(v, f);
	printf(", \"occurrenceCount\": %" PRIu64, f->count);
	if (v->by[i]) {
		fputs(", \"suppressions\": [{\"kind\": \"external\", ", stdout);
		str("justification", v->by[i]->reason);
		fputs("}]", stdout);
	}
	putchar('}');
}

void check_print_sarif(const struct check_view *v)
{
	fputs("{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n"
	      "  \"version\": \"2.1.0\",\n  \"runs\": [\n    {\"tool\": {\"driver\": {\"name\": "
	      "\"dmaseq\", ",
	      stdout);
	str("version", dq_version);
	fputs(", \"rules\": [\n", stdout);
	for (size_t r = 0; r < DQ_RULE_MAX; r++) {
		sarif_rule(r);
		fputs(r + 1 < DQ_RULE_MAX ? ",\n" : "\n", stdout);
	}
	fputs("        ]}},\n      \"artifacts\": [{\"location\": {", stdout);
	text_object("description", v->path);
	fputs("}}],\n      \"results\": [", stdout);
	for (size_t i = 0; i < v->n; i++) {
		fputs(i ? ",\n" : "\n", stdout);
		sarif_result(v, i);
	}
	printf("%s],\n      \"invocations\": [{\"executionSuccessful\": true, "
	       "\"toolExecutionNotifications\": [",
	       v->n ? "\n      " : "");
	if (v->incomplete)
		fputs("{\"level\": \"warning\", \"message\": {\"text\": \"the trace is incomplete\"}}",
		      stdout);
	fputs("]}]\n    }\n  ]\n}\n", stdout);
}
