/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_marks.c - findings as marks for a story: what is said at the arrow that they concern.
 *
 * The call that a finding is about says what it is; those that lead to it say what they have to
 * do with it. May use src/trace and src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/check.h"
#include "model/internal.h"

#define FINDINGS_MAX 200	/* in a chart; the worst come first */

void dq_finding_cost(struct dq_sb *sb, const struct dq_finding *f)
{
	const char *what = f->rule == DQ_RULE_GROWS ? "descriptor" :
			   f->rule == DQ_RULE_REFERENCE_UNEXPLAINED ? "reference" : "time";
	char buf[24];

	if (f->times)
		dq_sb_printf(sb, "%" PRIu64 " %s%s", f->times, what, f->times == 1 ? "" : "s");
	if (f->cost)
		dq_sb_printf(sb, "%s%s in all", f->times ? ", " : "", dq_fmt_dur(buf, f->cost));
	if (f->saved)
		dq_sb_printf(sb, ", %s of it could be saved", dq_fmt_dur(buf, f->saved));
}

static int keep(struct dq_marks *ms, struct dq_sb *sb, const char **ret)
{
	uint32_t id = sb->err ? UINT32_MAX : dq_strtab_intern(ms->strs, dq_sb_str(sb), sb->len, NULL);

	*ret = id == UINT32_MAX ? "" : dq_strtab_get(ms->strs, id);
	dq_sb_free(sb);
	return id == UINT32_MAX ? -ENOMEM : 0;
}

/* "error: detach-while-mapped", "detached with one mapping left (likely); 3 of this kind" */
static int say(struct dq_marks *ms, struct dq_mark *m, const struct dq_finding *f)
{
	struct dq_sb head = { 0 }, text = { 0 }, cost = { 0 };
	int ret;

	dq_sb_printf(&head, "%s: %s", dq_severity_name(f->severity), dq_rules[f->rule].id);
	dq_sb_puts(&text, f->what);
	if (f->confidence != DQ_CONF_CERTAIN)
		dq_sb_printf(&text, " (%s)", dq_confidence_name(f->confidence));
	dq_finding_cost(&cost, f);
	if (cost.len)
		dq_sb_printf(&text, ": %s", dq_sb_str(&cost));
	if (f->count > 1)
		dq_sb_printf(&text, "; %" PRIu64 " of this kind", f->count);
	dq_sb_free(&cost);
	ret = keep(ms, &head, &m->head);
	return keep(ms, &text, &m->text) ? -ENOMEM : ret;
}

static bool has_place(const struct dq_proof *p)
{
	return p->kind == DQ_PROOF_CALL || p->kind == DQ_PROOF_SYS;
}

static struct dq_mark of_proof(const struct dq_finding *f, uint32_t number, const struct dq_proof *p)
{
	static const enum dq_mark_weight weight[DQ_SEV_MAX] = {
		[DQ_SEV_HINT] = DQ_MARK_HINT, [DQ_SEV_WARNING] = DQ_MARK_WARNING,
		[DQ_SEV_ERROR] = DQ_MARK_ERROR,
	};
	struct dq_mark m = { .number = number, .weight = weight[f->severity], .task = p->task,
			     .loose = f->count > 1 || dq_rules[f->rule].class == DQ_CLASS_SPEED,
			     .buf = f->has_buf ? f->buf.id : 0, .t = p->t, .head = "",
			     .text = p->role ? p->role : "" };

	if (p->kind == DQ_PROOF_SYS)
		m.sys = p->s.sys;
	if (p->kind != DQ_PROOF_CALL)
		return m;
	m.seq = p->c.seq;
	m.sys = p->c.sys;
	m.buf = p->c.buf ? p->c.buf : m.buf;
	m.att = p->c.att;
	m.at_result = dq_call_failed(&p->c);
	return m;
}

/* brief: only what it is. */
static int add_finding(struct dq_marks *ms, const struct dq_finding *f, uint32_t number, bool brief)
{
	size_t last = f->nproof;
	struct dq_mark *row;

	while (last && !has_place(&f->proof[last - 1]))
		last--;
	for (size_t i = 0; i + 1 < last && !brief; i++) {
		if (!has_place(&f->proof[i]))
			continue;
		row = DQ_PUSH(ms->v, ms->n, ms->cap);
		if (!row)
			return -ENOMEM;
		*row = of_proof(f, number, &f->proof[i]);
	}
	row = DQ_PUSH(ms->v, ms->n, ms->cap);
	if (!row)
		return -ENOMEM;
	*row = of_proof(f, number, last ? &f->proof[last - 1] :
					  &(struct dq_proof){ .kind = DQ_PROOF_END, .t = f->last });
	row->main = true;
	return say(ms, row, f);
}

/* The same was found on other buffers, whose charts can only say so. */
static int add_others(struct dq_marks *ms, const struct dq_finding *f, uint32_t number)
{
	for (size_t i = 0; i < f->nsamples; i++) {
		struct dq_sb text = { 0 };
		struct dq_mark *row, first = ms->v[ms->n - 1];

		if (f->samples[i] == f->buf.id)
			continue;
		row = DQ_PUSH(ms->v, ms->n, ms->cap);
		if (!row)
			return -ENOMEM;
		*row = (struct dq_mark){ .number = number, .weight = first.weight, .main = true,
					 .buf = f->samples[i], .shown_by = f->buf.id, .t = f->first,
					 .head = first.head };
		dq_sb_printf(&text, "here, too, and in the chart of buffer %u: %s", f->buf.id, f->what);
		if (keep(ms, &text, &row->text))
			return -ENOMEM;
	}
	return 0;
}

int dq_check_marks(const struct dq_check *k, enum dq_severity least, size_t number, struct dq_marks *ms)
{
	size_t n, told = 0;
	const struct dq_finding *f = dq_check_findings(k, &n);
	int ret = 0;

	ms->strs = dq_strtab_new();
	if (!ms->strs)
		return -ENOMEM;
	for (size_t i = 0; i < n && told < FINDINGS_MAX && !ret; i++) {
		if (number ? i + 1 != number : f[i].severity < least || !f[i].has_buf)
			continue;
		/* where something begins and ends again and again is for whoever asks for it */
		ret = add_finding(ms, &f[i], (uint32_t)i + 1,
				  !number && dq_rules[f[i].rule].class == DQ_CLASS_SPEED);
		if (!ret && !number)
			ret = add_others(ms, &f[i], (uint32_t)i + 1);
		told++;
	}
	return ret;
}

void dq_marks_free(struct dq_marks *ms)
{
	dq_strtab_free(ms->strs);
	free(ms->v);
	*ms = (struct dq_marks){ 0 };
}
