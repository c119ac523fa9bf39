/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_find.c - what check finds on each side, and what of it came or went; who holds buffers at
 * the end, and what of that changed.
 *
 * A finding is known by its rule and by who did it to what, in words that another run gives again;
 * not by numbers and not by how often. Some rules are broken by chance of the moment, whatever the
 * program does: those are told, and count for nothing. May use src/trace and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/check.h"
#include "model/diff.h"

/* Whether it is found depends on who was first, or on how long something took. */
static bool by_chance(enum dq_rule_id rule)
{
	return rule == DQ_RULE_MAP_DURING_CPU_ACCESS || rule == DQ_RULE_SYNC_INTERRUPTED ||
	       rule == DQ_RULE_GROWS || dq_rules[rule].class == DQ_CLASS_SPEED;
}

void dq_found_free(struct dq_founds *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].text);
	free(f->v);
	*f = (struct dq_founds){ 0 };
}

struct dq_found *dq_found_add(struct dq_founds *f, const char *text)
{
	struct dq_found *row = DQ_PUSH(f->v, f->n, f->cap);

	if (!row)
		return NULL;
	row->text = strdup(text);
	if (!row->text) {
		f->n--;
		return NULL;
	}
	return row;
}

/* ---- from a recording ---- */

static void put_key(struct dq_sb *sb, const char *what, const char *name)
{
	if (!name || !*name)
		return;
	dq_sb_printf(sb, "%s%s ", strchr(dq_sb_str(sb), ':') ? ", " : ": ", what);
	dq_life_word(sb, name);
}

static int add_finding(struct dq_founds *to, const struct dq_finding *f)
{
	struct dq_sb sb = { 0 };
	struct dq_found *row = NULL;
	int ret;

	dq_sb_printf(&sb, "%s %s", dq_severity_name(f->severity), dq_rules[f->rule].id);
	put_key(&sb, "exporter", f->exporter);
	put_key(&sb, "device", f->has_att ? f->att.dev : "");
	put_key(&sb, "process", f->process);
	for (size_t i = 0; i < to->n && !row && !sb.err; i++)
		if (!strcmp(to->v[i].text, dq_sb_str(&sb)))
			row = &to->v[i];
	if (!row && !sb.err)
		row = dq_found_add(to, dq_sb_str(&sb));
	ret = sb.err ? sb.err : row ? 0 : -ENOMEM;
	dq_sb_free(&sb);
	if (!ret) {
		row->rule = &dq_rules[f->rule];
		row->weak = f->severity < DQ_SEV_WARNING || by_chance(f->rule);
		row->count += f->count;
	}
	return ret;
}

static int by_text(const void *pa, const void *pb)
{
	return strcmp(((const struct dq_found *)pa)->text, ((const struct dq_found *)pb)->text);
}

int dq_found_of(struct dq_founds *to, const struct dq_check *c)
{
	size_t n;
	const struct dq_finding *v = dq_check_findings(c, &n);
	int ret = 0;

	to->known = true;
	for (size_t i = 0; i < n && !ret; i++)
		ret = add_finding(to, &v[i]);
	if (to->n)
		qsort(to->v, to->n, sizeof(*to->v), by_text);
	return ret;
}

/* ---- from a baseline ---- */

int dq_found_parse(struct dq_founds *to, const char *line)
{
	const char *id = strchr(line, ' ');
	struct dq_found *row;
	struct dq_sb sb = { 0 };
	int severity;

	if (!id)
		return -EINVAL;
	dq_sb_put(&sb, line, (size_t)(id - line));
	severity = dq_severity_by_name(dq_sb_str(&sb));
	dq_sb_free(&sb);
	if (severity < DQ_SEV_NOTE)
		return -EINVAL;
	dq_sb_put(&sb, id + 1, strcspn(id + 1, ":"));
	row = dq_found_add(to, line);
	if (row) {
		row->rule = dq_rule_by_id(dq_sb_str(&sb));
		/* a rule of another version of this program is as good as any */
		row->weak = severity < DQ_SEV_WARNING ||
			    (row->rule && by_chance((enum dq_rule_id)(row->rule - dq_rules)));
	}
	dq_sb_free(&sb);
	return row ? 0 : -ENOMEM;
}

/* ---- both ---- */

static const struct dq_found *find(const struct dq_founds *f, const char *text)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->v[i].text, text))
			return &f->v[i];
	return NULL;
}

static int add_change(struct dq_diff *d, const struct dq_found *a, const struct dq_found *b)
{
	struct dq_ufound *row = DQ_PUSH(d->found, d->nfound, d->cap_found);
	const struct dq_found *any = a ? a : b;

	if (!row)
		return -ENOMEM;
	*row = (struct dq_ufound){ .a = a, .b = b, .verdict = a ? DQ_D_LOST : DQ_D_GAINED, .rule = -1 };
	/* where something is missing it may only not have been seen */
	row->weak = any->weak || d->a->lost || d->a->cut || d->b->lost || d->b->cut;
	row->rule = dq_ignores_find(d->o.rules, row->verdict, any->text, NULL);
	if (row->rule >= 0)
		d->ignored++;
	else if (!row->weak)
		d->n[dq_verdict_bit(row->verdict)]++;
	return 0;
}

int dq_diff_findings(struct dq_diff *d)
{
	const struct dq_founds *a = &d->a->found, *b = &d->b->found;
	int ret = 0;

	if (!a->known || !b->known)
		return 0;
	for (size_t i = 0; i < b->n && !ret; i++)
		if (!find(a, b->v[i].text))
			ret = add_change(d, NULL, &b->v[i]);
	for (size_t i = 0; i < a->n && !ret; i++)
		if (!find(b, a->v[i].text))
			ret = add_change(d, &a->v[i], NULL);
	return ret;
}

/* ---- who holds what at the end ---- */

static struct dq_held *held_row(struct dq_diff *d, const char *text)
{
	struct dq_held *row;

	for (size_t i = 0; i < d->nheld; i++)
		if (!strcmp(d->held[i].text, text))
			return &d->held[i];
	row = DQ_PUSH(d->held, d->nheld, d->cap_held);
	if (row)
		row->text = text;
	return row;
}

static int sum_held(struct dq_diff *d, const struct dq_side *s, bool is_a)
{
	for (size_t i = 0; i < s->shapes.n; i++)
		for (size_t k = 0; k < s->shapes.v[i].life.ntracks; k++) {
			const struct dq_track *t = &s->shapes.v[i].life.tracks[k];

			for (size_t n = 0; t->kind == DQ_TRACK_HELD && n < t->n; n++) {
				/* a loop has no text: somebody edited a baseline */
				struct dq_held *h = t->v[n].text ? held_row(d, t->v[n].text) : NULL;

				if (!t->v[n].text)
					continue;
				if (!h)
					return -ENOMEM;
				*(is_a ? &h->a : &h->b) += s->shapes.v[i].nbufs;
			}
		}
	return 0;
}

int dq_diff_held(struct dq_diff *d)
{
	int ret = sum_held(d, d->a, true);

	return ret ? ret : sum_held(d, d->b, false);
}
