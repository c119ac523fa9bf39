/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tell.c - a story in the order in which it is told.
 *
 * What the renderers of plain text, PlantUML and Mermaid have in common: where a
 * chapter begins and what it is called, what a gap says, how long an attachment was
 * mapped, what stands at the foot. Knows no output language; texts are unescaped.
 * (The templates of Msc-generator decide such things for themselves: msc.c.)
 * May use src/model and src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/tell.h"

#define LOOPS_MAX 16	/* in each other: more than src/model makes */
#define NAME_POINTS 40	/* of a name in a sentence */

/* A mapping whose begin was told. */
struct mapping {
	uint32_t att;
	uint64_t t0;
	bool done;
};

struct tale {
	const struct dq_render_input *in;
	const struct dq_story *s;
	const struct dq_teller *t;
	void *ctx;
	char *title;		/* of the open chapter; NULL: none */
	unsigned int sections;
	const struct dq_chapter *chapter; /* of an overview; NULL: there are none */
	size_t open[LOOPS_MAX], loops; /* that we are in */
	size_t pos;		/* steps that have been told or passed over */
	uint64_t last_t;
	struct mapping *maps;
	size_t nmaps, cap_maps;
	/* what the next gap says */
	const char *uses_who;
	int err;
};

static void took(struct tale *e, struct dq_sb *sb)
{
	e->err = sb->err ? sb->err : e->err;
	dq_sb_free(sb);
}

static void put_dur(struct dq_sb *sb, uint64_t ns)
{
	char buf[32];

	dq_sb_puts(sb, dq_fmt_dur(buf, ns));
}

/* A name of others, not longer than is useful. */
static void put_name(struct dq_sb *sb, const char *name)
{
	size_t len = strlen(name), n = 0, adv;

	for (size_t points = 0; n < len && points < NAME_POINTS; points++, n += adv)
		dq_utf8_next(name + n, len - n, &adv);
	dq_sb_put(sb, name, n);
	dq_sb_puts(sb, n < len ? "…" : "");
}

/* "2.418 007": seconds, milliseconds, microseconds since the recording began */
static void put_time(struct tale *e, struct dq_sb *sb, uint64_t t)
{
	uint64_t t0 = e->chapter ? e->chapter->t0 : e->s->m->t_first;
	uint64_t us = (t > t0 ? t - t0 : 0) / 1000;

	dq_sb_printf(sb, "%" PRIu64 ".%03u %03u", us / 1000000, (unsigned int)(us / 1000 % 1000),
		     (unsigned int)(us % 1000));
}

/* ---- lanes ---- */

void dq_tell_lane(const struct dq_lane *l, const char **ret_name, const char **ret_small)
{
	static const char *const role[] = { "application", "kernel thread", "importer", "core",
					    "exporter" };

	*ret_name = *l->name ? l->name : "unknown";
	*ret_small = *l->small ? l->small : role[l->kind];
}

void dq_tell_lane_id(struct dq_sb *sb, const struct dq_story *s, int lane)
{
	static const char *const prefix[] = { "app", "kth", "imp", "core", "exp" };
	enum dq_lane_kind kind = s->lanes[lane].kind;
	int n = 1;

	if (s->lanes[lane].buf) {
		dq_sb_printf(sb, "buf%u", s->lanes[lane].buf);
		return;
	}
	for (int i = 0; i < lane; i++)
		n += s->lanes[i].kind == kind;
	dq_sb_puts(sb, prefix[kind]);
	if (kind != DQ_LANE_CORE)
		dq_sb_printf(sb, "%d", n);
}

void dq_tell_lane_ids(struct dq_sb *sb, const struct dq_story *s, int a, int b, const char *sep)
{
	dq_tell_lane_id(sb, s, a < b ? a : b);
	if (a == b)
		return;
	dq_sb_puts(sb, sep);
	dq_tell_lane_id(sb, s, a < b ? b : a);
}

/* ---- the title ---- */

static void put_bufs(const struct dq_story *s, struct dq_sb *sb)
{
	for (size_t i = 0; i < s->nbufs && i < 8; i++)
		dq_sb_printf(sb, "%s #%u", i ? "," : "", s->bufs[i]);
	if (s->nbufs > 8)
		dq_sb_printf(sb, " and %zu more", s->nbufs - 8);
}

static void put_life(struct tale *e, struct dq_sb *sb, const struct dq_mbuf *b)
{
	char size[32];

	put_name(sb, *b->exporter ? b->exporter : "exporter unknown");
	dq_sb_printf(sb, " · %s", dq_fmt_size(size, b->b.size));
	if (b->client) {
		dq_sb_puts(sb, " · made for ");
		put_name(sb, dq_task_process(e->s->m, b->client));
	}
	if (b->b.flags & DQ_BUF_PREEXISTING) {
		dq_sb_puts(sb, " · existed before the recording");
	} else if (b->exported && b->released && b->died > b->born) {
		dq_sb_puts(sb, " · lived ");
		put_dur(sb, b->died - b->born);
	}
	if (!b->released)
		dq_sb_puts(sb, " · not released when the recording ended");
}

static void tell_title(struct tale *e)
{
	const struct dq_story *s = e->s;
	const struct dq_mbuf *b = s->nbufs == 1 ? dq_model_buf(s->m, s->bufs[0]) : NULL;
	struct dq_sb title = { 0 }, aside = { 0 };

	if (e->in->shapes) {
		dq_overview_title(&title, e->in->shapes);
		e->t->title(e->ctx, dq_sb_str(&title),
			    "overview: one buffer of each shape, its times from its first call on");
		took(e, &title);
		return;
	}
	dq_sb_puts(&title, s->nbufs > 1 ? "DMA-BUFs" : "DMA-BUF");
	put_bufs(s, &title);
	if (b && *b->name) {
		dq_sb_puts(&title, " \"");
		put_name(&title, b->name);
		dq_sb_putc(&title, '"');
	}
	if (b)
		put_life(e, &aside, b);
	e->t->title(e->ctx, dq_sb_str(&title), dq_sb_str(&aside));
	took(e, &title);
	took(e, &aside);
}

/* ---- chapters ---- */

static void close_section(struct tale *e)
{
	if (e->title)
		e->t->section_end(e->ctx);
	free(e->title);
	e->title = NULL;
}

/* The importer that the steps are about; NULL: none or several. */
static const struct dq_lane *importer_of(const struct dq_story *s, size_t first, size_t n)
{
	const struct dq_lane *found = NULL;

	for (size_t i = first; i < first + n; i++) {
		const int ends[] = { s->steps[i].from, s->steps[i].to };

		for (size_t k = 0; k < DQ_ARRAY_SIZE(ends); k++) {
			const struct dq_lane *l = &s->lanes[ends[k]];

			if (l->kind != DQ_LANE_IMPORTER || l == found)
				continue;
			if (found)
				return NULL;
			found = l;
		}
	}
	return found;
}

/* Did the syscall, or the last thing outside of one, fail? */
static bool has_failed(const struct dq_story *s, size_t first, size_t n)
{
	for (size_t i = first + n; i-- > first;)
		if (s->steps[i].flags & DQ_ST_SYS || i == first + n - 1)
			return s->steps[i].flags & DQ_ST_ERR;
	return false;
}

/* "attach, map (vivid) fails": the phases of the steps, each once, and who they are about */
static void make_title(const struct tale *e, struct dq_sb *sb, size_t first, size_t n)
{
	const struct dq_lane *imp = importer_of(e->s, first, n);
	const char *said[DQ_PH_MAX];
	size_t nsaid = 0;

	for (size_t i = first; i < first + n; i++) {
		const char *title = dq_phase_title(e->s->steps[i].phase);
		bool again = !title;

		for (size_t k = 0; k < nsaid && !again; k++)
			again = !strcmp(said[k], title);
		if (again)
			continue;
		said[nsaid++] = title;
		dq_sb_printf(sb, "%s%s", sb->len ? ", " : "", title);
	}
	if (!nsaid)
		dq_sb_puts(sb, "other");
	if (imp) {
		dq_sb_puts(sb, " (");
		put_name(sb, imp->name);
		dq_sb_putc(sb, ')');
	}
	if (has_failed(e->s, first, n))
		dq_sb_puts(sb, " fails");
}

static void tell_section(struct tale *e, size_t first, size_t n)
{
	struct dq_sb sb = { 0 };

	make_title(e, &sb, first, n);
	if (!e->title || strcmp(e->title, dq_sb_str(&sb))) {
		close_section(e);
		e->title = strdup(dq_sb_str(&sb));
		e->err = e->title ? e->err : -ENOMEM;
		e->t->section(e->ctx, ++e->sections, dq_sb_str(&sb));
	}
	took(e, &sb);
}

/* ---- steps ---- */

/* "min 3 · med 5 · max 41 µs": a unit that is the same is said once */
static void put_spread(struct dq_sb *sb, const struct dq_step *st)
{
	const uint64_t v[] = { st->dmin, st->dmed, st->dmax };
	const char *unit[3];
	char d[3][32];

	for (int i = 0; i < 3; i++) {
		dq_fmt_dur(d[i], v[i]);
		unit[i] = strchr(d[i], ' ') ? strchr(d[i], ' ') : "";
	}
	for (int i = 0; i < 2; i++)
		if (!strcmp(unit[i], unit[2]))
			d[i][strlen(d[i]) - strlen(unit[i])] = '\0';
	dq_sb_printf(sb, "min %s · med %s · max %s", d[0], d[1], d[2]);
}

static void sep(struct dq_sb *sb)
{
	dq_sb_puts(sb, sb->len ? " · " : "");
}

/* The mapping that this step ends, told nowhere else. */
static void put_mapped(struct tale *e, struct dq_sb *sb, const struct dq_step *st)
{
	for (size_t i = e->nmaps; i-- > 0;) {
		struct mapping *m = &e->maps[i];

		if (m->att != st->att || m->done)
			continue;
		m->done = true;
		if (st->t <= m->t0)
			return;
		sep(sb);
		dq_sb_printf(sb, "A%u was mapped ", m->att);
		put_dur(sb, st->t - m->t0);
		return;
	}
}

static void put_aside(struct tale *e, struct dq_sb *sb, const struct dq_step *st)
{
	dq_sb_puts(sb, st->small);
	if (st->dmax && st->dmin != st->dmax) {
		sep(sb);
		put_spread(sb, st);
	} else if (st->dmax || st->dur) {
		sep(sb);
		put_dur(sb, st->dmax ? st->dmax : st->dur);
	}
	if (st->flags & DQ_ST_UNMAP && !e->loops)
		put_mapped(e, sb, st);
}

static void note_map(struct tale *e, const struct dq_step *st)
{
	const int ends[] = { st->from, st->to };
	struct mapping *m;

	e->uses_who = "the device";
	for (size_t i = 0; i < DQ_ARRAY_SIZE(ends); i++)
		if (e->s->lanes[ends[i]].kind == DQ_LANE_IMPORTER)
			e->uses_who = e->s->lanes[ends[i]].name;
	if (e->loops)
		return;
	m = DQ_PUSH(e->maps, e->nmaps, e->cap_maps);
	if (m)
		*m = (struct mapping){ .att = st->att, .t0 = st->t };
	else
		e->err = -ENOMEM;
}

static void note_state(struct tale *e, const struct dq_step *st)
{
	if (st->flags & DQ_ST_MAP)
		note_map(e, st);
	if (st->flags & DQ_ST_UNMAP)
		e->uses_who = NULL;
}

/* The time column: absolute where a unit begins, relative where it ends. */
static void put_when(struct tale *e, struct dq_sb *sb, const struct dq_unit *u, size_t i)
{
	const struct dq_step *st = &e->s->steps[i];

	if (i == u->first) {
		put_time(e, sb, st->t);
	} else if (i == u->first + u->n - 1 && st->t > u->t0) {
		dq_sb_putc(sb, '+');
		put_dur(sb, st->t - u->t0);
	}
}

/* "#1 error: detach-while-mapped: detached with one mapping left" */
static void put_mark(struct dq_sb *sb, const struct dq_mark *m)
{
	dq_sb_printf(sb, "#%u", m->number);
	if (m->main)
		dq_sb_printf(sb, " %s", m->head);
	dq_sb_printf(sb, ": %s", m->text);
}

static void tell_said(struct tale *e, const struct dq_step *st)
{
	const struct dq_said *d = NULL;

	while ((d = dq_story_said(e->s, st, d))) {
		struct dq_sb sb = { 0 };

		put_mark(&sb, d->m);
		e->t->said(e->ctx, st, dq_sb_str(&sb), d->m->main && d->m->weight > DQ_MARK_HINT);
		took(e, &sb);
	}
}

static void tell_steps(struct tale *e, const struct dq_unit *u)
{
	for (size_t i = u->first; i < u->first + u->n; i++) {
		const struct dq_step *st = &e->s->steps[i];
		struct dq_sb when = { 0 }, aside = { 0 };

		put_when(e, &when, u, i);
		put_aside(e, &aside, st);
		e->t->step(e->ctx, st, dq_sb_str(&when), dq_sb_str(&aside));
		tell_said(e, st);
		note_state(e, st);
		e->last_t = st->t;
		took(e, &when);
		took(e, &aside);
	}
}

/* ---- between units ---- */

/* What goes on meanwhile, as far as the trace says it. */
static void gap_words(struct tale *e, struct dq_sb *sb, const struct dq_unit *u)
{
	bool user;
	const struct dq_lane *cpu = dq_story_access(e->s, u, &user);

	if (e->uses_who) {
		sep(sb);
		put_name(sb, e->uses_who);
		dq_sb_puts(sb, " uses the buffer");
		e->uses_who = NULL;
	}
	if (cpu) {
		sep(sb);
		put_name(sb, cpu->name);
		dq_sb_printf(sb, " accesses the buffer%s", user ? "" : " with the CPU");
	}
}

static void put_left_out(struct dq_sb *sb, uint64_t n)
{
	dq_sb_printf(sb, "%" PRIu64 " call%s left out", n, n == 1 ? " is" : "s are");
}

static void tell_gap(struct tale *e, const struct dq_unit *u)
{
	uint64_t dt = u->t0 > e->last_t ? u->t0 - e->last_t : 0;
	struct dq_sb sb = { 0 };

	/* in a loop it would be the first round's */
	if (!e->loops && dq_story_lull(e->s, dt))
		put_dur(&sb, dt);
	if (u->left_out) /* nobody is seen to use it all the time */
		e->uses_who = NULL;
	gap_words(e, &sb, u);
	if (u->left_out) {
		sep(&sb);
		put_left_out(&sb, u->left_out);
	}
	if (sb.len)
		e->t->gap(e->ctx, dq_sb_str(&sb));
	took(e, &sb);
}

/* ---- loops ---- */

static void put_tag(struct dq_sb *sb, const struct dq_loop *l)
{
	char min[32], max[32];

	dq_sb_printf(sb, "loop × %u", l->rounds_min);
	if (l->rounds_max != l->rounds_min)
		dq_sb_printf(sb, " to %u", l->rounds_max);
	if (l->period) {
		dq_sb_puts(sb, ", every ");
		put_dur(sb, l->period);
		if (strcmp(dq_fmt_dur(min, l->pmin), dq_fmt_dur(max, l->pmax)))
			dq_sb_printf(sb, " (%s to %s)", min, max);
	}
	if (l->nbufs == 2)
		dq_sb_printf(sb, ", #%u and #%u", l->first_buf, l->last_buf);
	else if (l->nbufs > 2 && l->last_buf - l->first_buf + 1 != l->nbufs)
		dq_sb_printf(sb, ", %u buffers", l->nbufs);
	else if (l->nbufs > 2)
		dq_sb_printf(sb, ", #%u to #%u", l->first_buf, l->last_buf);
	if (l->last_att > l->first_att)
		dq_sb_printf(sb, ", A%u to A%u", l->first_att, l->last_att);
}

/* The outermost loop has a chapter's title for all that is in it. */
static void loop_section(struct tale *e, const struct dq_loop *l)
{
	size_t first = e->s->units[l->first].first, last = first;

	for (const struct dq_unit *u = &e->s->units[l->first], *end = u + l->n; u < end; u++) {
		first = u->first < first ? u->first : first;
		last = u->first + u->n > last ? u->first + u->n : last;
	}
	tell_section(e, first, last - first);
}

static void open_loop(struct tale *e, size_t loop)
{
	struct dq_sb tag = { 0 };

	if (!e->loops && !e->chapter)
		loop_section(e, &e->s->loops[loop]);
	put_tag(&tag, &e->s->loops[loop]);
	e->t->loop(e->ctx, dq_sb_str(&tag));
	took(e, &tag);
	e->open[e->loops++] = loop;
}

/* What the steps up to `to` did that are not told: the other rounds of loops. */
static void catch_up(struct tale *e, size_t to)
{
	for (; e->pos < to; e->pos++) {
		const struct dq_step *st = &e->s->steps[e->pos];

		if (st->flags & (DQ_ST_MAP | DQ_ST_UNMAP))
			e->uses_who = NULL;
		for (size_t i = 0; i < e->nmaps && st->flags & DQ_ST_UNMAP; i++)
			e->maps[i].done |= e->maps[i].att == st->att;
	}
}

/* Closes the loops that end before unit `next`. */
static void close_loops(struct tale *e, size_t next)
{
	while (e->loops) {
		const struct dq_loop *l = &e->s->loops[e->open[e->loops - 1]];

		if (l->first + l->n > next)
			return;
		e->loops--;
		e->t->loop_end(e->ctx);
		e->last_t = l->t_end;
	}
}

static void tell_unit(struct tale *e, size_t i, size_t *loop)
{
	const struct dq_story *s = e->s;
	const struct dq_unit *u = &s->units[i];

	close_loops(e, i);
	catch_up(e, u->first);
	if (e->last_t)
		tell_gap(e, u);
	for (; *loop < s->nloops && s->loops[*loop].first <= i; (*loop)++)
		if (s->loops[*loop].first + s->loops[*loop].n > i)
			open_loop(e, *loop);
	if (!e->loops && !e->chapter)
		tell_section(e, u->first, u->n);
	tell_steps(e, u);
	e->pos = u->first + u->n;
	/* what a loop ends is ended in each of its rounds */
	for (size_t k = u->first; e->loops && k < e->pos; k++)
		for (size_t n = 0; n < e->nmaps && s->steps[k].flags & DQ_ST_UNMAP; n++)
			e->maps[n].done |= e->maps[n].att == s->steps[k].att;
}

/* The page that is asked for, else the first one. */
static const struct dq_page *page_of(const struct tale *e)
{
	return &e->s->pages[e->in->page ? e->in->page - 1 : 0];
}

static void tell_units(struct tale *e)
{
	const struct dq_page *p = page_of(e);
	size_t loop = 0;

	e->pos = p->n ? e->s->units[p->first].first : 0;
	for (size_t i = p->first; i < p->first + p->n && !e->err; i++)
		tell_unit(e, i, &loop);
	while (e->loops) {
		e->loops--;
		e->t->loop_end(e->ctx);
	}
	if (e->s->left_at_end && p->first + p->n == e->s->nunits) {
		struct dq_sb sb = { 0 };

		put_left_out(&sb, e->s->left_at_end);
		e->t->gap(e->ctx, dq_sb_str(&sb));
		took(e, &sb);
	}
}

/* ---- the chapters of an overview ---- */

static void remark(struct tale *e, struct dq_sb *sb)
{
	if (sb->len)
		e->t->remark(e->ctx, dq_sb_str(sb));
	took(e, sb);
}

static void tell_chapter_head(struct tale *e, size_t k)
{
	const struct dq_chapter *c = &e->s->chapters[k];
	const struct dq_shape *shape = dq_shape_of(e->in->shapes, c->buf);
	struct dq_sb sb = { 0 };

	if (!shape)
		return;
	if (dq_overview_odd(e->s, e->in->shapes, k))
		e->t->remark(e->ctx, "The odd ones");
	dq_overview_who(&sb, shape);
	e->t->section(e->ctx, (unsigned int)k + 1, dq_sb_str(&sb));
	took(e, &sb);
	dq_overview_what(&sb, e->s, c, shape);
	remark(e, &sb);
}

static void tell_chapters(struct tale *e)
{
	const struct dq_story *s = e->s;
	struct dq_sb sb = { 0 };
	size_t loop = 0;

	for (size_t k = 0; k < s->nchapters && !e->err; k++) {
		const struct dq_chapter *c = &s->chapters[k];

		tell_chapter_head(e, k);
		e->chapter = c;
		e->pos = c->n ? s->units[c->first].first : e->pos;
		e->last_t = 0;
		e->uses_who = NULL;
		for (size_t i = c->first; i < c->first + c->n && !e->err; i++)
			tell_unit(e, i, &loop);
		for (; e->loops; e->loops--)
			e->t->loop_end(e->ctx);
		if (c->cut)
			dq_sb_printf(&sb, "and %zu more arrow%s: dmaseq diagram -b %u", c->cut,
				     c->cut == 1 ? "" : "s", c->buf);
		else if (!c->n)
			dq_overview_idle(&sb, dq_shape_of(e->in->shapes, c->buf));
		remark(e, &sb);
		e->t->section_end(e->ctx);
	}
	e->chapter = NULL;
	dq_overview_rest(&sb, s, e->in->shapes);
	remark(e, &sb);
}

/* ---- the foot ---- */

static void foot(struct tale *e, bool bad, struct dq_sb *sb)
{
	e->t->foot(e->ctx, dq_sb_str(sb), bad);
	took(e, sb);
}

static void foot_facts(struct tale *e)
{
	const struct dq_model *m = e->s->m;
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "%s%s", *m->release ? "Linux " : "kernel unknown", m->release);
	if (*m->arch)
		dq_sb_printf(&sb, " %s", m->arch);
	if (*m->rung)
		dq_sb_printf(&sb, " · %s", m->rung);
	if (!m->lost && !m->missed)
		dq_sb_puts(&sb, " · no losses");
	if (e->s->npages > 1)
		dq_sb_printf(&sb, " · page %zu of %zu", (size_t)(page_of(e) - e->s->pages) + 1,
			     e->s->npages);
	dq_sb_printf(&sb, " · %" PRIu64 " of %" PRIu64 " calls%s shown", page_of(e)->calls,
		     e->s->calls, e->in->shapes ? " of these buffers" : "");
	if (e->s->folded && e->s->npages == 1)
		dq_sb_printf(&sb, ", %" PRIu64 " of them by loops", e->s->folded);
	foot(e, false, &sb);
	if (m->lost || m->missed) {
		dq_put_losses(&sb, m->lost, m->missed);
		foot(e, true, &sb);
	}
}

static void foot_open(struct tale *e)
{
	for (size_t i = 0; i < e->nmaps; i++) {
		struct dq_sb sb = { 0 };

		if (e->maps[i].done || dq_story_unseen_end(e->s, e->maps[i].att, e->maps[i].t0))
			continue;
		dq_sb_printf(&sb, "A%u is still mapped where the chart ends", e->maps[i].att);
		foot(e, false, &sb);
	}
}

static void foot_dark(struct tale *e, const struct dq_mbuf *b)
{
	struct dq_sb sb = { 0 };

	if (!b || !b->dark_until)
		return;
	dq_sb_puts(&sb, b->dark_some ? "some callbacks of " : "callbacks of ");
	put_name(&sb, b->exporter);
	dq_sb_puts(&sb, " were not recorded");
	if (b->dark_until != UINT64_MAX) {
		dq_sb_puts(&sb, " before ");
		put_time(e, &sb, b->dark_until);
	}
	foot(e, true, &sb);
}

static void tell_foot(struct tale *e)
{
	const struct dq_reader_state *st = e->in->state;
	const struct dq_story *s = e->s;
	uint64_t differ = s->m->final.differ;
	struct dq_sb sb = { 0 };

	foot_facts(e);
	if (st && (st->truncated || st->bad_chunks || st->lost_chunks || st->skipped_bytes))
		e->t->foot(e->ctx, "the file is damaged: parts of it could not be read", true);
	if (dq_model_put_kept(s->m, &sb))
		foot(e, false, &sb);
	if (dq_model_put_jumps(s->m, &sb))
		foot(e, false, &sb);
	if (dq_model_put_skipped(s->m, &sb))
		foot(e, true, &sb);
	if (st ? st->no_end : !s->m->has_end)
		e->t->foot(e->ctx, "the recording was cut off: it has no proper end", true);
	if (differ) {
		dq_sb_printf(&sb, "who holds what at the end differs in %" PRIu64
			     " thing%s from what was recorded", differ, differ == 1 ? "" : "s");
		foot(e, true, &sb);
	}
	for (size_t i = 0; i < s->nsaid; i++) {
		if (!dq_story_unsaid(s, &s->said[i]))
			continue;
		put_mark(&sb, s->said[i].m);
		foot(e, s->said[i].m->weight > DQ_MARK_HINT, &sb);
	}
	foot_open(e);
	for (size_t i = 0; i < s->nbufs && i < 8; i++)
		foot_dark(e, dq_model_buf(s->m, s->bufs[i]));
}

int dq_tell(const struct dq_render_input *in, const struct dq_teller *t, void *ctx)
{
	struct tale e = { .in = in, .s = in->story, .t = t, .ctx = ctx };

	tell_title(&e);
	for (size_t i = 0; i < e.s->nbefore && !page_of(&e)->first; i++)
		t->remark(ctx, e.s->before[i]);
	if (in->shapes)
		tell_chapters(&e);
	else
		tell_units(&e);
	if (!e.s->nsteps)
		t->remark(ctx, "nothing was recorded of it");
	close_section(&e);
	tell_foot(&e);
	free(e.maps);
	free(e.title);
	return e.err;
}
