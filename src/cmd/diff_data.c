/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_data.c - what changed, for programs: JSON and JUnit XML. docs/dmaseq-diff.1.scd has the
 * schema of the first.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/cmd_common.h"
#include "cmd/side.h"

static const uint32_t bits[] = { DQ_D_ADDED, DQ_D_REMOVED, DQ_D_MOVED, DQ_D_CHANGED, DQ_D_COUNT,
				 DQ_D_TIME, DQ_D_RENAMED, DQ_D_SIZE, DQ_D_NAME, DQ_D_SHAPE,
				 DQ_D_GAINED, DQ_D_LOST };

/* ---- JSON ---- */

static void key_str(struct dq_sb *sb, const char *key, const char *s)
{
	dq_sb_printf(sb, ", \"%s\": ", key);
	if (s)
		dq_sb_json(sb, s);
	else
		dq_sb_puts(sb, "null");
}

static void verdicts(struct dq_sb *sb, uint32_t v)
{
	const char *sep = "";

	dq_sb_puts(sb, "\"verdicts\": [");
	for (size_t i = 0; i < DQ_ARRAY_SIZE(bits); i++)
		if (v & bits[i]) {
			dq_sb_printf(sb, "%s\"%s\"", sep, dq_verdict_name(bits[i]));
			sep = ", ";
		}
	dq_sb_putc(sb, ']');
}

static void numbers(struct dq_sb *sb, const uint64_t *n)
{
	dq_sb_puts(sb, "\"differences\": {");
	for (size_t i = 0; i < DQ_ARRAY_SIZE(bits); i++)
		dq_sb_printf(sb, "%s\"%s\": %" PRIu64, i ? ", " : "", dq_verdict_name(bits[i]),
			     n[dq_verdict_bit(bits[i])]);
	dq_sb_putc(sb, '}');
}

static void excuse(struct dq_sb *sb, const struct dq_diff *d, int rule)
{
	if (rule >= 0)
		key_str(sb, "ignored", d->o.rules->v[rule].reason);
}

static void range(struct dq_sb *sb, const char *key, uint64_t min, uint64_t max)
{
	if (max)
		dq_sb_printf(sb, ", \"%s\": [%" PRIu64 ", %" PRIu64 "]", key, min, max);
}

static void span(struct dq_sb *sb, const struct dq_span *s)
{
	dq_sb_printf(sb, ", \"base_median_ns\": %" PRIu64 ", \"new_median_ns\": %" PRIu64
		     ", \"z\": %.3g", s->a, s->b, s->z);
}

static void nodes(struct dq_sb *sb, const struct dq_diff *d, const struct dq_unode *v, size_t n);

static void node(struct dq_sb *sb, const struct dq_diff *d, const struct dq_unode *u)
{
	dq_sb_putc(sb, '{');
	verdicts(sb, u->verdict);
	if (u->deviates) {
		dq_sb_puts(sb, ", \"odd_rounds\": true");
	} else {
		key_str(sb, "base", u->a ? u->a->text : NULL);
		key_str(sb, "new", u->b ? u->b->text : NULL);
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): one of the two is there */
		if ((u->a ? u->a : u->b)->kind == DQ_NODE_LOOP)
			dq_sb_puts(sb, ", \"loop\": true");
	}
	range(sb, "base_rounds", u->a_min, u->a_max);
	range(sb, "new_rounds", u->b_min, u->b_max);
	if (u->moved)
		dq_sb_printf(sb, ", \"move\": %u", u->moved);
	if (u->verdict & DQ_D_TIME)
		span(sb, &u->time);
	if (u->blind)
		dq_sb_puts(sb, ", \"callbacks_not_compared\": true");
	excuse(sb, d, u->rule);
	if (u->nkids) {
		dq_sb_puts(sb, ", \"steps\": ");
		nodes(sb, d, u->kids, u->nkids);
	}
	dq_sb_putc(sb, '}');
}

static void nodes(struct dq_sb *sb, const struct dq_diff *d, const struct dq_unode *v, size_t n)
{
	dq_sb_putc(sb, '[');
	for (size_t i = 0; i < n; i++) {
		dq_sb_puts(sb, i ? ", " : "");
		node(sb, d, &v[i]);
	}
	dq_sb_putc(sb, ']');
}

static void phases(struct dq_sb *sb, const struct dq_pair *p)
{
	const char *sep = "";

	dq_sb_puts(sb, ", \"phases\": [");
	for (size_t i = 0; i < DQ_PH_MAX; i++) {
		if (!p->phases[i].differs)
			continue;
		dq_sb_printf(sb, "%s{\"phase\": \"%s\"", sep, dq_phase_key((enum dq_phase)i));
		span(sb, &p->phases[i]);
		dq_sb_putc(sb, '}');
		sep = ", ";
	}
	dq_sb_putc(sb, ']');
}

static void pair(struct dq_sb *sb, const struct dq_diff *d, const struct dq_pair *p)
{
	dq_sb_puts(sb, "    {");
	verdicts(sb, p->verdict);
	key_str(sb, "base", p->a ? p->a->name : NULL);
	key_str(sb, "new", p->b ? p->b->name : NULL);
	dq_sb_printf(sb, ", \"base_buffers\": %zu, \"new_buffers\": %zu, \"same_life\": %s",
		     p->a && p->a->nbufs ? p->na : 0, p->b && p->b->nbufs ? p->nb : 0,
		     p->same ? "true" : "false");
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): one of the two is there */
	key_str(sb, "exporter", (p->a ? p->a : p->b)->exporter);
	key_str(sb, "process", (p->a ? p->a : p->b)->process);
	dq_sb_puts(sb, ", \"kernel\": [");
	for (size_t i = 0, any = 0; i < dq_nkernel_rules; i++)
		if (p->kernel >> i & 1)
			dq_sb_printf(sb, "%s\"%s\"", any++ ? ", " : "", dq_kernel_rules[i].key);
	dq_sb_printf(sb, "], \"minimal\": %s, ", p->rough ? "false" : "true");
	numbers(sb, p->n);
	phases(sb, p);
	excuse(sb, d, p->rule);
	dq_sb_puts(sb, ",\n     \"tracks\": [");
	for (size_t i = 0; i < p->ntracks; i++) {
		const struct dq_utrack *t = &p->tracks[i];

		dq_sb_printf(sb, "%s\n      {\"kind\": \"%s\", ", i ? "," : "",
			     dq_track_key(t->kind));
		verdicts(sb, t->verdict);
		key_str(sb, "base", t->role_a);
		key_str(sb, "new", t->role_b);
		excuse(sb, d, t->rule);
		dq_sb_puts(sb, ", \"steps\": ");
		nodes(sb, d, t->v, t->n);
		dq_sb_putc(sb, '}');
	}
	dq_sb_puts(sb, "]}");
}

static void side(struct dq_sb *sb, const char *key, const char *file, const struct dq_side *s,
		 uint64_t bufs, uint64_t alive)
{
	dq_sb_printf(sb, "  \"%s\": {\"file\": ", key);
	dq_sb_json(sb, file);
	key_str(sb, "kernel", s->kernel);
	key_str(sb, "arch", s->arch);
	dq_sb_printf(sb, ", \"baseline\": %s, \"buffers\": %" PRIu64 ", \"not_released\": %" PRIu64
		     ", \"lost\": %" PRIu64 ", \"complete\": %s},\n",
		     s->is_baseline ? "true" : "false", bufs, alive, s->lost,
		     s->cut || s->lost ? "false" : "true");
}

static void findings(struct dq_sb *sb, const struct dq_diff *d)
{
	dq_sb_puts(sb, "  \"findings\": ");
	if (!d->a->found.known || !d->b->found.known) {
		dq_sb_puts(sb, "null,\n");
		return;
	}
	dq_sb_putc(sb, '[');
	for (size_t i = 0; i < d->nfound; i++) {
		const struct dq_ufound *f = &d->found[i];

		dq_sb_puts(sb, i ? ",\n    {" : "\n    {");
		verdicts(sb, f->verdict);
		key_str(sb, "finding", (f->a ? f->a : f->b)->text);
		dq_sb_printf(sb, ", \"counts\": %s", f->weak || f->rule >= 0 ? "false" : "true");
		excuse(sb, d, f->rule);
		dq_sb_putc(sb, '}');
	}
	dq_sb_puts(sb, d->nfound ? "\n  ],\n" : "],\n");
}

static void held(struct dq_sb *sb, const struct dq_diff *d)
{
	dq_sb_puts(sb, "  \"held\": [");
	for (size_t i = 0; i < d->nheld; i++) {
		dq_sb_puts(sb, i ? ", {\"by\": " : "{\"by\": ");
		dq_sb_json(sb, d->held[i].text);
		dq_sb_printf(sb, ", \"base_buffers\": %" PRIu64 ", \"new_buffers\": %" PRIu64 "}",
			     d->held[i].a, d->held[i].b);
	}
	dq_sb_puts(sb, "],\n");
}

void dq_diff_json(struct dq_sb *sb, const struct dq_report *r)
{
	const struct dq_diff *d = r->d;

	dq_sb_puts(sb, "{\n  \"schema\": \"dmaseq-diff 1\",\n");
	side(sb, "base", r->a, d->a, d->a_bufs, d->a_alive);
	side(sb, "new", r->b, d->b, d->b_bufs, d->b_alive);
	dq_sb_printf(sb, "  \"differs\": %s, \"steps\": %" PRIu64 ", \"ignored\": %" PRIu64
		     ", \"minimal\": %s,\n  ",
		     dq_diff_differs(d) ? "true" : "false", d->steps, d->ignored,
		     d->rough ? "false" : "true");
	numbers(sb, d->n);
	dq_sb_puts(sb, ",\n  \"renamed\": [");
	for (size_t i = 0; i < d->nrenames; i++) {
		dq_sb_printf(sb, "%s{\"from\": ", i ? ", " : "");
		dq_sb_json(sb, d->renames[i].from);
		key_str(sb, "to", d->renames[i].to);
		dq_sb_putc(sb, '}');
	}
	dq_sb_puts(sb, "],\n  \"unused_rules\": [");
	for (size_t i = 0, any = 0; d->o.rules && i < d->o.rules->n; i++)
		if (!d->o.rules->v[i].used)
			dq_sb_printf(sb, "%s%zu", any++ ? ", " : "", d->o.rules->v[i].line);
	dq_sb_puts(sb, "],\n");
	findings(sb, d);
	held(sb, d);
	dq_sb_puts(sb, "  \"shapes\": [");
	for (size_t i = 0; i < d->npairs; i++) {
		dq_sb_puts(sb, i ? ",\n" : "\n");
		pair(sb, d, &d->pairs[i]);
	}
	dq_sb_puts(sb, d->npairs ? "\n  ]\n}\n" : "]\n}\n");
}

/* ---- JUnit ---- */

static void xml(struct dq_sb *sb, const char *s)
{
	for (size_t len = strlen(s), i = 0, adv; i < len; i += adv) {
		int32_t c = dq_utf8_next(s + i, len - i, &adv);

		if (c == '<')
			dq_sb_puts(sb, "&lt;");
		else if (c == '>')
			dq_sb_puts(sb, "&gt;");
		else if (c == '&')
			dq_sb_puts(sb, "&amp;");
		else if (c == '"')
			dq_sb_puts(sb, "&quot;");
		else if (c < 0 || (c != '\n' && !dq_utf8_printable((uint32_t)c)))
			dq_sb_puts(sb, "\xef\xbf\xbd");
		else
			dq_sb_put(sb, s + i, adv);
	}
}

static void testcase(struct dq_sb *sb, const struct dq_report *r, const struct dq_pair *p)
{
	const struct dq_shape *s = p->a ? p->a : p->b;
	struct dq_report plain = *r;
	struct dq_sb text = { 0 };

	plain.color = false;
	dq_sb_printf(sb, "  <testcase classname=\"dmaseq.shape\" name=\"%s", s->name);
	if (*s->exporter) {
		dq_sb_putc(sb, ' ');
		xml(sb, s->exporter);
		dq_sb_puts(sb, *s->process ? " by " : "");
		xml(sb, s->process);
	}
	if (!dq_pair_differs(p)) {
		dq_sb_puts(sb, "\"/>\n");
		return;
	}
	dq_diff_pair_text(&text, &plain, p);
	dq_sb_puts(sb, "\">\n    <failure message=\"");
	dq_diff_numbers(sb, p->n);
	dq_sb_puts(sb, "\">");
	xml(sb, dq_sb_str(&text));
	dq_sb_puts(sb, "</failure>\n  </testcase>\n");
	sb->err = text.err ? text.err : sb->err;
	dq_sb_free(&text);
}

/* What check finds is one test case, for it may be about several shapes. */
static void findings_case(struct dq_sb *sb, const struct dq_diff *d, bool bad)
{
	dq_sb_puts(sb, "  <testcase classname=\"dmaseq.findings\" name=\"findings\"");
	if (!bad) {
		dq_sb_puts(sb, "/>\n");
		return;
	}
	dq_sb_puts(sb, ">\n    <failure message=\"");
	dq_sb_printf(sb, "%" PRIu64 " gained, %" PRIu64 " lost\">", d->n[dq_verdict_bit(DQ_D_GAINED)],
		     d->n[dq_verdict_bit(DQ_D_LOST)]);
	for (size_t i = 0; i < d->nfound; i++) {
		const struct dq_ufound *f = &d->found[i];

		if (f->weak || f->rule >= 0)
			continue;
		dq_sb_puts(sb, f->a ? "- " : "+ ");
		xml(sb, (f->a ? f->a : f->b)->text);
		dq_sb_putc(sb, '\n');
	}
	dq_sb_puts(sb, "</failure>\n  </testcase>\n");
}

void dq_diff_junit(struct dq_sb *sb, const struct dq_report *r)
{
	bool known = r->d->a->found.known && r->d->b->found.known;
	bool found = r->d->n[dq_verdict_bit(DQ_D_GAINED)] || r->d->n[dq_verdict_bit(DQ_D_LOST)];
	size_t bad = found;

	for (size_t i = 0; i < r->d->npairs; i++)
		bad += dq_pair_differs(&r->d->pairs[i]);
	dq_sb_printf(sb, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			 "<testsuite name=\"dmaseq diff\" tests=\"%zu\" failures=\"%zu\">\n",
		     r->d->npairs + known, bad);
	for (size_t i = 0; i < r->d->npairs; i++)
		testcase(sb, r, &r->d->pairs[i]);
	if (known)
		findings_case(sb, r->d, found);
	dq_sb_puts(sb, "</testsuite>\n");
}
