/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msc.c - a story as Msc-generator signalling source.
 *
 * There is one emitter. How it looks is the template's business: style names in the
 * design, and the few structural choices of struct dq_template. Identifiers are made
 * here; every text from the trace goes through dq_msc_escape(). Only language that
 * Msc-generator 8.1 understands is used. May use src/model and src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/render.h"

#define LABEL_MAX 80	/* code points: a label's width drives the width of the page */
#define NAME_MAX_ 32	/* of a lane */
#define INDEX_MAX 100	/* pages in an index */
#define INDEX_LANES 12	/* lanes of it */
#define LOOPS_MAX 16	/* in each other: more than src/model makes */
#define ROW_PX 28	/* a row is at least that high, and ... */
#define CHAR_PX 9	/* ... a character of a range's text that wide */

/* A mapping whose begin has been drawn. */
struct range {
	uint32_t att;
	uint64_t t0, t1;
	unsigned int mark;
	unsigned int row0, row1;
	bool done, ended;
	const char *who;
};

/* A lane that works until the end of a group. */
struct busy {
	uint32_t group;
	int lane;
};

struct em {
	struct dq_sb *o;
	const struct dq_render_input *in;
	const struct dq_story *s;
	const struct dq_template *t;
	/* where we are */
	char *title;		/* of the open section; NULL: none */
	bool box_open, has_vmap;
	size_t loops[LOOPS_MAX], depth; /* that we are in */
	size_t pos;		/* steps that have been drawn or skipped */
	unsigned int sections, marks, rows;
	uint64_t last_t;
	const struct dq_page *page;
	const struct dq_chapter *chapter; /* of an overview; NULL: there are none */
	bool any;		/* something was drawn */
	bool after_gap;		/* the last thing was a gap */
	int active_section;	/* lane that works until the section's or its group's end; -1 */
	uint32_t active_group;
	enum dq_bar *bars, *want; /* of each lane: as it is drawn, as it should be */
	bool *used;		/* lanes that are drawn */
	int first, last;	/* of these */
	struct busy *busy;	/* lanes that a syscall keeps busy */
	size_t nbusy, cap_busy;
	struct range *ranges;
	size_t nranges, cap_ranges;
	/* what is said at the next gap */
	const char *uses_who;
	int err;
};

/* ---- small pieces ---- */

static void put(struct em *e, const char *s)
{
	dq_sb_puts(e->o, s);
}

static void indent(struct em *e)
{
	for (size_t i = 0; i < e->depth + e->box_open; i++)
		put(e, "  ");
}

static void text(struct em *e, const char *s)
{
	dq_msc_escape(e->o, s, LABEL_MAX);
}

static uint64_t rel(const struct em *e, uint64_t t)
{
	uint64_t t0 = e->chapter ? e->chapter->t0 : e->s->m->t_first;

	return t > t0 ? t - t0 : 0;
}

/* "2.418 007": seconds, milliseconds, microseconds since the recording, or the chapter, began */
static void put_time(struct em *e, uint64_t t)
{
	uint64_t us = rel(e, t) / 1000;

	dq_sb_printf(e->o, "%" PRIu64 ".%03u %03u", us / 1000000, (unsigned int)(us / 1000 % 1000),
		     (unsigned int)(us % 1000));
}

static void put_dur(struct em *e, uint64_t ns)
{
	char buf[32];

	put(e, dq_fmt_dur(buf, ns));
}

static const char *lane_prefix(enum dq_lane_kind k)
{
	static const char *const p[] = { "app", "kth", "imp", "core", "exp" };

	return p[k];
}

static void lane_id(struct em *e, int lane)
{
	const struct dq_lane *l = &e->s->lanes[lane];
	int n = 1;

	if (l->buf) {
		dq_sb_printf(e->o, "buf%u", l->buf);
		return;
	}
	for (int i = 0; i < lane; i++)
		n += e->s->lanes[i].kind == l->kind;
	put(e, lane_prefix(l->kind));
	if (l->kind != DQ_LANE_CORE)
		dq_sb_printf(e->o, "%d", n);
}

/* ---- headings ---- */

static const char *const lane_group[] = { "user space", "kernel threads", "importers", "dma-buf",
					  "exporter" };
static const char *const lane_role[] = { "application", "kernel thread", "importer", "dma-buf core",
					 "exporter" };

/* The lane of one buffer, or of one after the other? */
static bool is_buffer(const struct em *e, const struct dq_lane *l)
{
	return l->buf || (l->kind == DQ_LANE_CORE && e->s->o.apart);
}

static const char *lane_style(const struct em *e, const struct dq_lane *l)
{
	static const char *const style[] = { "usr", "kth", "imp", "core", "exp" };

	return is_buffer(e, l) ? "buf" : style[l->kind];
}

/* What the user's template calls it. */
static void put_lane_name(struct em *e, const char *name)
{
	dq_msc_escape(e->o, *name ? dq_template_lane(e->t, name) : "unknown", NAME_MAX_);
}

static void put_heading(struct em *e, const struct dq_lane *l)
{
	const char *name = l->name, *small = l->small;

	if (l->kind == DQ_LANE_CORE && !is_buffer(e, l)) {
		name = e->t->groups ? "core" : "dma-buf";
		small = e->t->groups ? "dma-buf.c" : "core";
	}
	if (e->t->roles && l->kind != DQ_LANE_CORE) {
		text(e, lane_role[l->kind]);
		dq_sb_printf(e->o, "\\n%s", e->t->small);
		put_lane_name(e, name);
		return;
	}
	put_lane_name(e, name);
	if (!*small && !e->t->groups && l->kind != DQ_LANE_CORE)
		small = lane_role[l->kind];
	if (*small) {
		dq_sb_printf(e->o, "\\n%s", e->t->small);
		dq_msc_escape(e->o, small, NAME_MAX_);
	}
}

/* Threads of one process are a group, else lanes of one kind. */
static bool same_group(const struct dq_lane *a, const struct dq_lane *b)
{
	return a->kind == b->kind && a->process == b->process;
}

static void open_group(struct em *e, size_t lane)
{
	const struct dq_lane *l = &e->s->lanes[lane];
	bool several = false;

	for (size_t i = lane + 1; i < e->s->nlanes; i++)
		several |= e->used[i] && same_group(l, &e->s->lanes[i]);
	if (l->process) {
		dq_sb_printf(e->o, "p%u: ", l->process);
		put_lane_name(e, l->process_name);
		dq_sb_printf(e->o, "\\n%spid %u", e->t->small, l->process);
	} else if (is_buffer(e, l)) {
		dq_sb_printf(e->o, "g_buf: buffer%s", l->buf && !several ? "" : "s");
	} else {
		dq_sb_printf(e->o, "g_%s: %s%s", lane_style(e, l), lane_group[l->kind],
			     l->kind == DQ_LANE_EXPORTER && several ? "s" : "");
	}
	dq_sb_printf(e->o, " [large=yes, g_%s] {\n", lane_style(e, l));
}

static void put_lanes(struct em *e)
{
	const struct dq_lane *open = NULL;

	for (size_t i = 0; i < e->s->nlanes; i++) {
		const struct dq_lane *l = &e->s->lanes[i];

		if (!e->used[i])
			continue;
		if (e->t->groups && (!open || !same_group(l, open))) {
			put(e, open ? "};\n" : "");
			open_group(e, i);
			open = l;
		}
		put(e, open ? "  " : "");
		lane_id(e, (int)i);
		put(e, ": ");
		put_heading(e, l);
		if (!e->t->entities_before)
			dq_sb_printf(e->o, " [%s]", lane_style(e, l));
		put(e, ";\n");
	}
	if (open)
		put(e, "};\n");
}

/* ---- life bars ---- */

static const char *const bar_style[DQ_BAR_MAX] = {
	NULL, "exported", "attached", "mapped", "cpu_access", "failed",
};

/* The lane that shows what becomes of a buffer; -1: there is none. */
static int bar_lane(const struct em *e, uint32_t buf)
{
	if (!e->t->life)
		return -1;
	for (size_t i = 0; i < e->s->nlanes; i++)
		if (e->used[i] && e->s->lanes[i].kind == DQ_LANE_CORE &&
		    (e->s->lanes[i].buf == buf ||
		     (!e->s->lanes[i].buf && (e->s->nbufs == 1 || e->s->o.apart))))
			return (int)i;
	return -1;
}

static void set_bar(struct em *e, int lane, enum dq_bar bar)
{
	enum dq_bar was = e->bars[lane];

	if (was == bar)
		return;
	e->bars[lane] = bar;
	put(e, was && bar ? " " : bar ? " activate " : " deactivate ");
	lane_id(e, lane);
	if (bar)
		dq_sb_printf(e->o, " [%s]", bar_style[bar]);
	put(e, ";");
}

/* After steps that were not drawn. */
static void sync_bars(struct em *e)
{
	for (size_t i = 0; i < e->s->nlanes; i++) {
		if (e->bars[i] == e->want[i])
			continue;
		set_bar(e, (int)i, e->want[i]);
		put(e, "\n");
	}
}

/* The bars of buffers that were there before. */
static void begin_bars(struct em *e)
{
	for (size_t i = 0; i < e->s->nbufs && i < 1000 && !e->s->o.apart; i++) {
		const struct dq_mbuf *b = dq_model_buf(e->s->m, e->s->bufs[i]);
		int lane = bar_lane(e, e->s->bufs[i]);

		if (lane >= 0 && b && !b->exported)
			e->want[lane] = DQ_BAR_EXPORTED;
	}
}

/* "exported attached mapped": what the colours say */
static void put_legend(struct em *e)
{
	static const char *const words[DQ_BAR_MAX] = { NULL, "exported", "attached", "mapped",
						       "CPU access", "error" };
	bool any = false;

	for (size_t i = 0; i < e->s->nbufs && !any && i < 1000; i++)
		any = bar_lane(e, e->s->bufs[i]) >= 0;
	if (!any || !e->page || e->s->bars >> 1 == 0)
		return;
	put(e, "subtitle: \\c(ink)");
	for (int i = 1; i < DQ_BAR_MAX; i++)
		if (e->s->bars & 1u << i)
			dq_sb_printf(e->o, "\\C(%s)\\~%s\\~\\C() ", bar_style[i], words[i]);
	put(e, ";\n");
}

static void put_page_number(struct em *e)
{
	if (e->s->npages < 2)
		return;
	if (e->page)
		dq_sb_printf(e->o, " · page %zu of %zu", (size_t)(e->page - e->s->pages) + 1,
			     e->s->npages);
	else
		dq_sb_printf(e->o, " · index of %zu pages", e->s->npages);
}

/* Words of overview.c. max: 0, or how long */
static void put_words(struct em *e, struct dq_sb *sb, size_t max)
{
	dq_msc_escape_seen(e->o, dq_sb_str(sb), max);
	e->err = sb->err ? sb->err : e->err;
	dq_sb_free(sb);
}

static void put_overview_title(struct em *e)
{
	struct dq_sb sb = { 0 };

	dq_overview_title(&sb, e->in->shapes);
	put(e, "title: ");
	put_words(e, &sb, 0);
	put(e, ";\nsubtitle: overview: one buffer of each shape, its times from its first call on;\n");
}

static void put_title(struct em *e)
{
	const struct dq_story *s = e->s;
	const struct dq_mbuf *b = s->nbufs ? dq_model_buf(s->m, s->bufs[0]) : NULL;
	char size[32];

	if (!e->t->title || !b)
		return;
	if (e->in->shapes) {
		put_overview_title(e);
		return;
	}
	put(e, s->nbufs > 1 ? "title: DMA-BUFs" : "title: DMA-BUF");
	for (size_t i = 0; i < s->nbufs && i < 8; i++)
		dq_sb_printf(e->o, "%s \\#%u", i ? "," : "", s->bufs[i]);
	if (s->nbufs > 8)
		dq_sb_printf(e->o, " and %zu more", s->nbufs - 8);
	if (s->nbufs == 1 && *b->name) {
		put(e, " ");
		dq_msc_escape(e->o, "\"", 0);
		dq_msc_escape(e->o, b->name, NAME_MAX_);
		dq_msc_escape(e->o, "\"", 0);
	}
	put(e, ";\n");
	if (s->nbufs > 1) {
		if (s->npages > 1) {
			dq_sb_printf(e->o, "subtitle: %zu buffers", s->nbufs);
			put_page_number(e);
			put(e, ";\n");
		}
		return;
	}
	put(e, "subtitle: ");
	dq_msc_escape(e->o, b->exporter, NAME_MAX_);
	dq_sb_printf(e->o, " · %s", dq_fmt_size(size, b->b.size));
	if (b->client) {
		put(e, " · made for ");
		dq_msc_escape(e->o, dq_task_process(s->m, b->client), NAME_MAX_);
	}
	if (b->b.flags & DQ_BUF_PREEXISTING)
		put(e, " · existed before the recording");
	else if (b->exported && b->released && b->died > b->born) {
		put(e, " · lived ");
		put_dur(e, b->died - b->born);
	}
	if (!b->released)
		put(e, " · not released when the recording ended");
	put_page_number(e);
	put(e, ";\n");
}

/* ---- sections: boxes or dividers ---- */

/* Is there room for a range's text? Msc-generator would complain; and without the text the
 * range says nothing, while the arrows tell the times, too. */
static bool has_room(const char *label, unsigned int rows)
{
	return rows * ROW_PX >= strlen(label) * CHAR_PX;
}

static void flush_ranges(struct em *e)
{
	char label[64], dur[32];

	if (e->box_open || e->depth)
		return;
	for (size_t i = 0; i < e->nranges; i++) {
		struct range *r = &e->ranges[i];

		if (!r->ended || r->done)
			continue;
		r->done = true;
		snprintf(label, sizeof(label), "A%u mapped %s", r->att,
			 dq_fmt_dur(dur, r->t1 - r->t0));
		if (!has_room(label, r->row1 - r->row0))
			continue;
		dq_sb_printf(e->o, "vertical range m%u<->m%ue at ", r->mark, r->mark);
		lane_id(e, e->last);
		dq_sb_printf(e->o, "++: %s;\n", label);
	}
}

static void deactivate(struct em *e, int lane)
{
	indent(e);
	put(e, "deactivate ");
	lane_id(e, lane);
	put(e, ";\n");
}

static void end_section_activity(struct em *e)
{
	if (e->active_section < 0)
		return;
	deactivate(e, e->active_section);
	e->active_section = -1;
}

static void close_section(struct em *e)
{
	end_section_activity(e);
	if (e->box_open) {
		e->box_open = false;
		indent(e);
		put(e, "};\n");
	}
	flush_ranges(e);
	free(e->title);
	e->title = NULL;
}

/* title is Msc-generator text already: a template's words and escaped names */
static void open_section(struct em *e, const char *title)
{
	e->title = strdup(title);
	if (!e->title)
		e->err = -ENOMEM;
	e->sections++;
	e->rows++;
	if (e->t->phases == DQ_TMPL_DIVIDERS) {
		if (e->any && !e->after_gap)
			put(e, "vspace 6;\n");
		put(e, "---: ");
		if (e->t->numbers)
			dq_sb_printf(e->o, "%u ", e->sections);
		dq_sb_printf(e->o, "%s [phase];\n", title);
	} else if (e->t->phases == DQ_TMPL_BOXES) {
		indent(e);
		lane_id(e, e->first);
		put(e, "..");
		lane_id(e, e->last);
		put(e, ": ");
		if (e->t->numbers)
			dq_sb_printf(e->o, "%u ", e->sections);
		dq_sb_printf(e->o, "%s [phase] {\n", title);
		e->box_open = true;
	}
}

/* A template's text with {importer} or {app} replaced. */
static void put_filled(const struct em *e, struct dq_sb *sb, const char *tmpl, const char *who)
{
	const char *p = tmpl;

	while (*p) {
		size_t n = strcspn(p, "{");

		dq_sb_put(sb, p, n);
		p += n;
		if (!*p)
			break;
		n = strcspn(p, "}");
		dq_msc_escape(sb, who ? dq_template_lane(e->t, who) : "", NAME_MAX_);
		p += n + (p[n] == '}');
	}
}

/* ---- titles ---- */

/* A template may have no word for a phase. */
static bool says(const struct dq_sb *sb, const char *word)
{
	const char *at = strstr(dq_sb_str(sb), word);
	size_t n = strlen(word);

	if (!n)
		return true;
	for (; at; at = strstr(at + 1, word))
		if ((at == sb->s || at[-1] == ' ') && (!at[n] || at[n] == ','))
			return true;
	return false;
}

/* The importer that the steps are about; NULL: none or several. */
static const struct dq_lane *importer_of(const struct dq_story *s, size_t first, size_t n)
{
	const struct dq_lane *found = NULL;

	for (size_t i = first; i < first + n; i++) {
		const int lanes[] = { s->steps[i].from, s->steps[i].to };

		for (size_t k = 0; k < DQ_ARRAY_SIZE(lanes); k++) {
			const struct dq_lane *l = &s->lanes[lanes[k]];

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

/* A template may tell the begin of an access that the kernel makes from any other. */
static const char *phase_title(const struct em *e, enum dq_phase ph)
{
	if (ph == DQ_PH_CPU_BEGIN && e->has_vmap && e->t->cpu_begin_kernel)
		return e->t->cpu_begin_kernel;
	return e->t->phase[ph];
}

static void add_phase(struct em *e, struct dq_sb *sb, enum dq_phase ph)
{
	const char *title = phase_title(e, ph);

	if (ph && title && !says(sb, title))
		dq_sb_printf(sb, "%s%s", sb->len ? ", " : "", title);
}

/* The title of the steps [first, first + n): their phases and who they are about. */
static void make_title(struct em *e, struct dq_sb *sb, size_t first, size_t n)
{
	const struct dq_lane *imp = importer_of(e->s, first, n);

	for (size_t i = first; i < first + n; i++)
		add_phase(e, sb, e->s->steps[i].phase);
	if (!sb->len)
		dq_sb_puts(sb, "other");
	if (e->t->who && imp) {
		dq_sb_puts(sb, " (");
		dq_msc_escape(sb, dq_template_lane(e->t, imp->name), NAME_MAX_);
		dq_sb_putc(sb, ')');
	}
	if (e->t->who && has_failed(e->s, first, n))
		dq_sb_puts(sb, " fails");
	e->err = sb->err ? sb->err : e->err;
}

/* ---- arrows ---- */

static bool leftward(const struct dq_step *st)
{
	return st->to < st->from;
}

static void put_arrow(struct em *e, const struct dq_step *st)
{
	/* no "=>" for what is passed: 8.1 dies of double lines beside dotted life lines */
	const char *op = st->kind == DQ_STEP_RETURN ? ">>" : "->";

	indent(e);
	lane_id(e, st->from);
	put(e, op);
	if (st->via >= 0) {
		lane_id(e, st->via);
		put(e, op);
	}
	lane_id(e, st->to);
}

/* "min 3 · med 5 · max 41 µs": a unit that is the same is said once, so is a time */
static void put_spread(struct em *e, uint64_t min, uint64_t med, uint64_t max)
{
	char d[3][32];
	const char *unit[3];

	dq_fmt_dur(d[0], min);
	dq_fmt_dur(d[1], med);
	dq_fmt_dur(d[2], max);
	if (!strcmp(d[0], d[2])) {
		put(e, d[1]);
		return;
	}
	for (int i = 0; i < 3; i++)
		unit[i] = strchr(d[i], ' ') ? strchr(d[i], ' ') : "";
	for (int i = 0; i < 2; i++)
		if (!strcmp(unit[i], unit[2]))
			d[i][strlen(d[i]) - strlen(unit[i])] = '\0';
	dq_sb_printf(e->o, "min %s · med %s · max %s", d[0], d[1], d[2]);
}

static void put_durations(struct em *e, const struct dq_step *st)
{
	uint64_t shown = st->dmax ? st->dmax : st->dur;

	if (!e->t->durations || !shown)
		return;
	if (*st->small)
		put(e, " · ");
	else
		dq_sb_printf(e->o, " %s", e->t->aside);
	if (st->dmax)
		put_spread(e, st->dmin, st->dmed, st->dmax);
	else
		put_dur(e, shown);
}

static const char *step_style(const struct dq_step *st)
{
	if (st->flags & DQ_ST_ERR)
		return "err";
	if (st->flags & DQ_ST_OPEN)
		return "open";
	if (st->flags & DQ_ST_MISSED)
		return "missed";
	if (st->flags & DQ_ST_DEFERRED)
		return "deferred";
	if (st->flags & DQ_ST_GUESS)
		return "guess";
	if (st->flags & DQ_ST_PASSED)
		return "pass";
	if (st->flags & DQ_ST_EVENT)
		return "event";
	if (st->flags & DQ_ST_INNER)
		return "inner";
	return "";
}

/* A call of oneself has its label at the right, where there is room: not in the column of times. */
static void put_style(struct em *e, const struct dq_step *st)
{
	const char *style = step_style(st), *side = st->from == st->to ? "side=left" : "";

	if (*style || *side)
		dq_sb_printf(e->o, " [%s%s%s]", style, *style && *side ? ", " : "", side);
}

static void put_label(struct em *e, const struct dq_step *st)
{
	const char *s = st->text;

	put(e, ": ");
	if (e->t->source_labels && leftward(st))
		put(e, "\\pr");
	if (!strncmp(s, "ops->", 5)) {
		put(e, e->t->api_prefix);
		s += 5;
	}
	/* bold is switched here and not by the style, which would take the asides along */
	put(e, st->flags & DQ_ST_ERR ? "\\b" : "");
	text(e, s);
	put(e, st->flags & DQ_ST_ERR ? "\\b" : "");
	if (*st->small) {
		dq_sb_printf(e->o, " %s", e->t->aside);
		text(e, st->small);
	}
	put_durations(e, st);
	put_style(e, st);
	put(e, ";");
}

#define NOTE_COLUMNS 36

/* A text in lines that a note has room for. */
static void put_lines(struct em *e, const char *s, const char *newline)
{
	size_t col = 0;

	while (*s) {
		size_t n = strcspn(s, " "), w = dq_columns(s, n);
		char *word = strndup(s, n);

		if (!word) {
			e->err = -ENOMEM;
			return;
		}
		if (col && col + 1 + w > NOTE_COLUMNS) {
			put(e, newline);
			col = 0;
		}
		put(e, col ? " " : "");
		text(e, word);
		col += w + !!col;
		s += n + strspn(s + n, " ");
		free(word);
	}
}

/* The time column: absolute where a unit begins, relative where it ends. */
static void put_times(struct em *e, const struct dq_unit *u, size_t i)
{
	const struct dq_step *st = &e->s->steps[i];

	if (!e->t->times)
		return;
	if (i == u->first) {
		put(e, " comment: ");
		put_time(e, st->t);
		put(e, ";");
	} else if (i == u->first + u->n - 1 && st->t > u->t0) {
		put(e, " comment: +");
		put_dur(e, st->t - u->t0);
		put(e, ";");
	}
}

static struct range *find_range(struct em *e, uint32_t att)
{
	for (size_t i = e->nranges; i-- > 0;)
		if (e->ranges[i].att == att && !e->ranges[i].ended && !e->ranges[i].done)
			return &e->ranges[i];
	return NULL;
}

static void note_map(struct em *e, const struct dq_step *st)
{
	struct range *r;
	const char *who = NULL;
	const int ends[] = { st->from, st->to };

	for (size_t i = 0; i < DQ_ARRAY_SIZE(ends); i++)
		if (e->s->lanes[ends[i]].kind == DQ_LANE_IMPORTER)
			who = e->s->lanes[ends[i]].name;
	e->uses_who = who ? who : "the device";
	if (!e->t->ranges || e->depth)
		return;
	r = DQ_PUSH(e->ranges, e->nranges, e->cap_ranges);
	if (!r) {
		e->err = -ENOMEM;
		return;
	}
	*r = (struct range){ .att = st->att, .t0 = st->t, .mark = ++e->marks, .row0 = e->rows };
	dq_sb_printf(e->o, " mark m%u;", r->mark);
}

static void note_unmap(struct em *e, const struct dq_step *st)
{
	struct range *r = find_range(e, st->att);

	e->uses_who = NULL;
	if (!r)
		return;
	if (e->depth) {
		r->done = true;	/* in the first round; nobody knows of the others */
		return;
	}
	r->ended = true;
	r->t1 = st->t;
	r->row1 = e->rows;
	dq_sb_printf(e->o, " mark m%ue;", r->mark);
}

static void note_state(struct em *e, const struct dq_step *st)
{
	if (st->flags & DQ_ST_MAP)
		note_map(e, st);
	if (st->flags & DQ_ST_UNMAP)
		note_unmap(e, st);
}

static void put_activate(struct em *e, int lane)
{
	put(e, " activate ");
	lane_id(e, lane);
	put(e, ";");
}

static bool is_busy(const struct em *e, int lane)
{
	for (size_t i = 0; i < e->nbusy; i++)
		if (e->busy[i].lane == lane)
			return true;
	return false;
}

static void activity_begin(struct em *e, const struct dq_step *st)
{
	bool callee = e->t->activate == DQ_TMPL_CALLEE;
	int lane = callee ? st->to : st->from;
	struct busy *row;

	if (!(st->flags & DQ_ST_FIRST) || !(st->flags & DQ_ST_SYS) || st->flags & DQ_ST_LAST ||
	    e->t->activate == DQ_TMPL_NOBODY)
		return;
	if (callee && (st->via >= 0 || e->s->lanes[lane].kind == DQ_LANE_CORE))
		return;
	row = DQ_PUSH(e->busy, e->nbusy, e->cap_busy);
	if (!row) {
		e->err = -ENOMEM;
		return;
	}
	*row = (struct busy){ st->group, lane };
	put_activate(e, lane);
}

static void activity_end(struct em *e, const struct dq_step *st)
{
	if (!(st->flags & DQ_ST_LAST))
		return;
	for (size_t i = 0; i < e->nbusy; i++) {
		int lane = e->busy[i].lane;

		if (e->busy[i].group != st->group)
			continue;
		e->busy[i] = e->busy[--e->nbusy];
		if (is_busy(e, lane))
			return;		/* with another one's call */
		put(e, " deactivate ");
		lane_id(e, lane);
		put(e, ";");
		return;
	}
}

/* Whoever calls the core works from his first call to the end of the section. */
static void section_activity(struct em *e, const struct dq_step *st)
{
	if (e->t->activate != DQ_TMPL_CALLER || st->kind != DQ_STEP_CALL ||
	    st->flags & (DQ_ST_SYS | DQ_ST_EVENT) || e->active_section >= 0 ||
	    (e->depth && !e->box_open) ||
	    e->s->lanes[st->from].kind == DQ_LANE_CORE || is_busy(e, st->from))
		return;
	put_activate(e, st->from);
	e->active_section = st->from;
	e->active_group = st->group;
}

static void put_bar(struct em *e, const struct dq_step *st)
{
	int lane = bar_lane(e, st->buf);

	if (lane < 0)
		return;
	e->want[lane] = st->bar;
	set_bar(e, lane, st->bar);
}

/* "#1 error: detach-while-mapped", and below it what is said */
static void put_mark(struct em *e, const struct dq_mark *m)
{
	static const char *const color[] = {
		[DQ_MARK_NOTE] = "\\c(dim)", [DQ_MARK_HINT] = "\\c(dim)",
		[DQ_MARK_WARNING] = "\\c(bad)", [DQ_MARK_ERROR] = "\\c(bad)",
	};

	if (m->main) {
		dq_sb_printf(e->o, "%s\\b\\#%u ", color[m->weight], m->number);
		text(e, m->head);
		put(e, "\\b\\c()\\n");
	} else {
		dq_sb_printf(e->o, "\\#%u: ", m->number);
	}
	put_lines(e, m->text, "\\n");
}

/* What is said of a step: a note at its arrow. */
static void put_said(struct em *e, const struct dq_step *st)
{
	const struct dq_said *d = dq_story_said(e->s, st, NULL);

	if (!d)
		return;
	put(e, " note: ");
	for (bool first = true; d; d = dq_story_said(e->s, st, d), first = false) {
		put(e, first ? "" : "\\n");
		put_mark(e, d->m);
	}
	put(e, ";");
}

static void put_step(struct em *e, const struct dq_unit *u, size_t i)
{
	const struct dq_step *st = &e->s->steps[i];

	/* the importer is done before the application hears of it */
	if ((st->flags & DQ_ST_SYS && st->kind == DQ_STEP_RETURN) || st->group != e->active_group)
		end_section_activity(e);
	put_arrow(e, st);
	put_label(e, st);
	put_said(e, st);
	put_times(e, u, i);
	put_bar(e, st);
	e->rows++;
	activity_begin(e, st);
	section_activity(e, st);
	activity_end(e, st);
	note_state(e, st);
	put(e, "\n");
	e->last_t = st->t;
	e->any = true;
	e->after_gap = false;
}

/* ---- gaps ---- */

static bool is_cpu(enum dq_phase ph)
{
	return ph == DQ_PH_CPU_BEGIN || ph == DQ_PH_CPU_END || ph == DQ_PH_VMAP ||
	       ph == DQ_PH_VUNMAP;
}

/* What goes on between two units, in words. u: the second one */
static void gap_words(struct em *e, struct dq_sb *sb, const struct dq_unit *u)
{
	bool user;
	const struct dq_lane *cpu = dq_story_access(e->s, u, &user);

	if (e->uses_who) {
		put_filled(e, sb, e->t->uses, e->uses_who);
		e->uses_who = NULL;
	}
	if (cpu) {
		dq_sb_puts(sb, sb->len ? " · " : "");
		put_filled(e, sb, user ? e->t->cpu_user : e->t->cpu_kernel, cpu->name);
	}
}

/* Else a loop has one title for all. */
static bool sections_in_loops(const struct em *e)
{
	return e->t->phases == DQ_TMPL_BOXES && e->t->split_calls;
}

static void put_gap(struct em *e, const struct dq_unit *u, enum dq_phase prev)
{
	enum dq_phase next = e->s->steps[u->first].phase;
	uint64_t dt = u->t0 > e->last_t ? u->t0 - e->last_t : 0;
	/* in a loop it is the first round's */
	bool lull = !e->depth && dq_story_lull(e->s, dt);
	struct dq_sb words = { 0 };
	bool always = e->t->gaps == DQ_TMPL_GAP_ALWAYS && (!e->depth || sections_in_loops(e));

	if (u->left_out) /* nobody is seen to use it all the time */
		e->uses_who = NULL;
	gap_words(e, &words, u);
	if (u->left_out)
		dq_sb_printf(&words, "%s%" PRIu64 " call%s left out", words.len ? " · " : "",
			     u->left_out, u->left_out == 1 ? " is" : "s are");
	if (!words.len && ((!always && !lull) || e->t->gaps == DQ_TMPL_GAP_NEVER ||
			   (always && is_cpu(prev) && is_cpu(next)))) {
		dq_sb_free(&words);
		return;
	}
	if (e->box_open)
		close_section(e);
	indent(e);
	put(e, "...: ");
	if (e->t->times && lull) {
		put_dur(e, dt);
		put(e, words.len ? " · " : "");
	}
	dq_sb_printf(e->o, "%s [gap];\n", dq_sb_str(&words));
	e->rows++;
	e->after_gap = true;
	e->err = words.err ? words.err : e->err;
	dq_sb_free(&words);
}

/* ---- units and loops ---- */

static enum dq_phase last_phase(const struct em *e, const struct dq_unit *u)
{
	return e->s->steps[u->first + u->n - 1].phase;
}

/* Steps from i that belong in one section of unit u. */
static size_t run_length(const struct em *e, const struct dq_unit *u, size_t i)
{
	const struct dq_step *st = e->s->steps;
	size_t end = u->first + u->n, n = 1;
	const char *title = e->t->phase[st[i].phase];

	if (!e->t->split_calls)
		return end - i;
	while (i + n < end) {
		const char *other = e->t->phase[st[i + n].phase];

		if (other != title && (!other || !title || strcmp(other, title)))
			break;
		n++;
	}
	return n;
}

/* A unit in a loop's frame, which has the title of all. */
static void put_steps(struct em *e, const struct dq_unit *u)
{
	for (size_t i = u->first; i < u->first + u->n; i++)
		put_step(e, u, i);
}

static void put_unit(struct em *e, const struct dq_unit *u)
{
	size_t i = u->first, end = u->first + u->n;

	while (i < end) {
		size_t n = run_length(e, u, i);
		struct dq_sb title = { 0 };

		make_title(e, &title, i, n);
		if (!e->title || strcmp(e->title, dq_sb_str(&title))) {
			close_section(e);
			open_section(e, dq_sb_str(&title));
		}
		dq_sb_free(&title);
		for (; n--; i++)
			put_step(e, u, i);
		flush_ranges(e);
	}
}

/* "every 33.1 ms (33 to 33.2 ms)" */
static void put_period(struct em *e, const struct dq_loop *l)
{
	char min[32], med[32], max[32];

	dq_sb_printf(e->o, ", every %s", dq_fmt_dur(med, l->period));
	if (strcmp(dq_fmt_dur(min, l->pmin), dq_fmt_dur(max, l->pmax)))
		dq_sb_printf(e->o, " (%s to %s)", min, max);
}

static void put_loop_tag(struct em *e, const struct dq_loop *l, bool continued)
{
	dq_sb_printf(e->o, "[loop, tag=\"loop × %u", l->rounds_min);
	if (l->rounds_max != l->rounds_min)
		dq_sb_printf(e->o, " to %u", l->rounds_max);
	if (e->t->times && l->period)
		put_period(e, l);
	if (l->nbufs == 2)
		dq_sb_printf(e->o, ", \\#%u and \\#%u", l->first_buf, l->last_buf);
	else if (l->nbufs > 2 && l->last_buf - l->first_buf + 1 != l->nbufs)
		dq_sb_printf(e->o, ", %u buffers", l->nbufs);
	else if (l->nbufs > 2)
		dq_sb_printf(e->o, ", \\#%u to \\#%u", l->first_buf, l->last_buf);
	if (l->last_att > l->first_att)
		dq_sb_printf(e->o, ", A%u to A%u", l->first_att, l->last_att);
	put(e, continued ? ", continued\"] {\n" : "\"] {\n");
}

/* The title of all that is drawn of a loop. */
static void loop_title(struct em *e, struct dq_sb *title, const struct dq_loop *l)
{
	size_t first = e->s->units[l->first].first, last = first;

	/* the units of a body need not be neighbours of each other in the steps */
	for (size_t i = l->first; i < l->first + l->n; i++) {
		const struct dq_unit *u = &e->s->units[i];

		first = u->first < first ? u->first : first;
		last = u->first + u->n > last ? u->first + u->n : last;
	}
	make_title(e, title, first, last - first);
}

static void open_loop(struct em *e, size_t loop, bool continued)
{
	const struct dq_loop *l = &e->s->loops[loop];
	bool boxed = e->t->phases == DQ_TMPL_BOXES && !sections_in_loops(e) && !e->depth;
	struct dq_sb title = { 0 };

	if (e->chapter) {
		indent(e);
		put(e, "vspace 6;\n");
		boxed = false;
	} else if (!e->depth || sections_in_loops(e)) {
		loop_title(e, &title, l);
		if (e->t->phases == DQ_TMPL_BOXES) {
			close_section(e);
		} else if (!e->title || strcmp(e->title, dq_sb_str(&title))) {
			close_section(e);
			open_section(e, dq_sb_str(&title));
		}
		indent(e);
		put(e, "vspace 6;\n");
	}
	indent(e);
	lane_id(e, e->first);
	put(e, "--");
	lane_id(e, e->last);
	put(e, ": ");
	if (boxed)
		dq_sb_printf(e->o, "%s ", dq_sb_str(&title));
	put_loop_tag(e, l, continued);
	dq_sb_free(&title);
	e->loops[e->depth++] = loop;
	e->any = true;
	e->after_gap = false;
}

/* What the rounds that are not drawn did: steps from where we are to `to`. */
static void catch_up(struct em *e, size_t to)
{
	for (; e->pos < to; e->pos++) {
		const struct dq_step *st = &e->s->steps[e->pos];
		struct range *r = st->flags & DQ_ST_UNMAP ? find_range(e, st->att) : NULL;

		if (r)
			r->done = true;	/* its end is not drawn */
		if (bar_lane(e, st->buf) >= 0)
			e->want[bar_lane(e, st->buf)] = st->bar;
		if (st->flags & (DQ_ST_MAP | DQ_ST_UNMAP))
			e->uses_who = NULL;
	}
}

static void close_frame(struct em *e)
{
	if (sections_in_loops(e))
		close_section(e);
	end_section_activity(e);
	e->depth--;
	indent(e);
	put(e, "};\n");
	if (!e->depth)
		put(e, "vspace 6;\n");
}

/* The loop that ends before unit `next`. */
static void close_loop(struct em *e, size_t next)
{
	const struct dq_story *s = e->s;
	const struct dq_loop *l = &s->loops[e->loops[e->depth - 1]];

	close_frame(e);
	catch_up(e, next < s->nunits ? s->units[next].first : s->nsteps);
	e->last_t = l->t_end;
	sync_bars(e);
}

/* Units [from, to) with the loops that begin in there. */
static void put_units(struct em *e, size_t from, size_t to)
{
	const struct dq_story *s = e->s;
	size_t loop = 0;

	while (loop < s->nloops && s->loops[loop].first < from)
		loop++;
	for (size_t i = from; i < to && !e->err; i++) {
		const struct dq_unit *u = &s->units[i];

		while (e->depth && s->loops[e->loops[e->depth - 1]].first +
		       s->loops[e->loops[e->depth - 1]].n <= i)
			close_loop(e, i);
		catch_up(e, u->first);
		if (i && !(e->chapter && e->chapter->first == i))
			put_gap(e, u, last_phase(e, u - 1));
		for (; loop < s->nloops && s->loops[loop].first == i; loop++)
			open_loop(e, loop, false);
		if (e->chapter || (e->depth && !sections_in_loops(e)))
			put_steps(e, u);
		else
			put_unit(e, u);
		e->pos = u->first + u->n;
	}
	if (to == s->nunits)
		while (e->depth)
			close_loop(e, to);
}

/* ---- pages ---- */

/* ---- the chapters of an overview ---- */

/* "37 buffers of this shape: #1, #4 to #39", a box from side to side */
static void put_chapter_head(struct em *e, size_t k)
{
	const struct dq_chapter *c = &e->s->chapters[k];
	const struct dq_shape *shape = dq_shape_of(e->in->shapes, c->buf);
	struct dq_sb who = { 0 }, what = { 0 };

	if (!shape)
		return;
	put(e, k ? "vspace 10;\n" : "");
	if (dq_overview_odd(e->s, e->in->shapes, k))
		put(e, "---: The odd ones [phase];\nvspace 6;\n");
	lane_id(e, e->first);
	put(e, "--");
	lane_id(e, e->last);
	put(e, ": ");
	dq_overview_who(&who, shape);
	put_words(e, &who, 2 * LABEL_MAX);
	dq_sb_printf(e->o, "\\n\\b%s", e->t->aside);
	dq_overview_what(&what, e->s, c, shape);
	put_words(e, &what, 3 * LABEL_MAX);
	put(e, " [page];\n");
}

/* The buffer's bar begins anew. */
static void begin_chapter(struct em *e, const struct dq_chapter *c)
{
	const struct dq_mbuf *b = dq_model_buf(e->s->m, c->buf);
	int lane = bar_lane(e, c->buf);

	e->chapter = c;
	e->pos = c->n ? e->s->units[c->first].first : e->pos;
	e->after_gap = true;
	e->uses_who = NULL;
	if (lane >= 0)
		e->want[lane] = c->n && b && !b->exported ? DQ_BAR_EXPORTED : DQ_BAR_NONE;
	sync_bars(e);
}

static void put_idle(struct em *e, const struct dq_chapter *c)
{
	struct dq_sb sb = { 0 };

	dq_overview_idle(&sb, dq_shape_of(e->in->shapes, c->buf));
	put(e, "...: ");
	put_words(e, &sb, 2 * LABEL_MAX);
	put(e, " [gap];\n");
}

static void end_chapter(struct em *e, const struct dq_chapter *c)
{
	int lane = bar_lane(e, c->buf);

	while (e->depth)
		close_frame(e);
	e->nbusy = 0;
	if (c->cut)
		dq_sb_printf(e->o, "...: and %zu more arrow%s: dmaseq diagram -b %u [gap];\n", c->cut,
			     c->cut == 1 ? "" : "s", c->buf);
	else if (!c->n)
		put_idle(e, c);
	if (lane >= 0)
		e->want[lane] = DQ_BAR_NONE;
	sync_bars(e);
}

static void put_chapters(struct em *e)
{
	struct dq_sb rest = { 0 };

	for (size_t i = 0; i < e->s->nchapters && !e->err; i++) {
		const struct dq_chapter *c = &e->s->chapters[i];

		put_chapter_head(e, i);
		begin_chapter(e, c);
		put_units(e, c->first, c->first + c->n);
		end_chapter(e, c);
	}
	e->chapter = NULL;
	dq_overview_rest(&rest, e->s, e->in->shapes);
	if (rest.len) {
		put(e, "...: ");
		put_words(e, &rest, 2 * LABEL_MAX);
		put(e, " [gap];\n");
	}
	dq_sb_free(&rest);
}

/* On a new page what goes on begins anew: loops, mappings, who is busy. */
static void resume(struct em *e)
{
	size_t depth = e->depth;

	e->depth = 0;
	e->any = false;
	e->after_gap = true;
	e->rows = 0;
	memset(e->bars, 0, e->s->nlanes * sizeof(*e->bars));
	sync_bars(e);
	for (size_t i = 0; i < e->nbusy; i++) {
		if (!e->used[e->busy[i].lane])
			continue;
		put(e, "activate ");
		lane_id(e, e->busy[i].lane);
		put(e, ";\n");
	}
	for (size_t i = 0; i < e->nranges; i++) {
		struct range *r = &e->ranges[i];

		if (r->ended || r->done)
			continue;
		r->row0 = 0;
		dq_sb_printf(e->o, "mark m%u;\n", r->mark);
	}
	for (size_t i = 0; i < depth; i++)
		open_loop(e, e->loops[i], true);
}

/* Where a page ends nothing is left open. */
static void suspend(struct em *e)
{
	close_section(e);
	while (e->depth)
		close_frame(e);
}

/* Goes through everything before the page without drawing it. */
static void skip_to(struct em *e, size_t unit)
{
	struct dq_sb nothing = { 0 }, *o = e->o;
	size_t depth;

	e->o = &nothing;
	put_units(e, 0, unit);
	while (e->depth && e->s->loops[e->loops[e->depth - 1]].first +
	       e->s->loops[e->loops[e->depth - 1]].n <= unit)
		close_loop(e, unit);
	depth = e->depth;
	suspend(e);
	e->depth = depth;
	e->err = nothing.err ? nothing.err : e->err;
	dq_sb_free(&nothing);
	e->o = o;
	resume(e);
}

/* Mappings that nobody ended. */
static void put_open_ranges(struct em *e)
{
	bool goes_on = e->page->first + e->page->n < e->s->nunits;
	char label[32];
	bool any = false;

	for (size_t i = 0; i < e->nranges; i++) {
		e->ranges[i].done |= dq_story_unseen_end(e->s, e->ranges[i].att, e->ranges[i].t0);
		any |= !e->ranges[i].ended && !e->ranges[i].done;
	}
	if (!any)
		return;
	put(e, "vspace 10;\nmark mend;\n");
	for (size_t i = 0; i < e->nranges; i++) {
		const struct range *r = &e->ranges[i];

		snprintf(label, sizeof(label), goes_on ? "A%u stays mapped" : "A%u still mapped",
			 r->att);
		if (r->ended || r->done || !has_room(label, e->rows - r->row0))
			continue;
		dq_sb_printf(e->o, "vertical range m%u<->mend at ", r->mark);
		lane_id(e, e->last);
		dq_sb_printf(e->o, "++: %s [line.type=dashed];\n", label);
	}
}

/* ---- the index of pages ---- */

/* "3   attach, map · 1.2 s · 1,204 calls in 88 arrows": a box from side to side */
static void put_index_row(struct em *e, size_t n)
{
	const struct dq_page *p = &e->s->pages[n];
	const struct dq_unit *first = &e->s->units[p->first], *last = first + p->n - 1;
	struct dq_sb title = { 0 };

	for (const struct dq_unit *u = first; u <= last; u++)
		for (size_t k = u->first; k < u->first + u->n; k++)
			add_phase(e, &title, e->s->steps[k].phase);
	lane_id(e, e->first);
	put(e, "--");
	lane_id(e, e->last);
	dq_sb_printf(e->o, ": page %zu: %s\\n\\b%s%" PRIu64 " call%s in %zu arrow%s", n + 1,
		     title.len ? dq_sb_str(&title) : "other", e->t->aside, p->calls,
		     p->calls == 1 ? "" : "s", p->steps, p->steps == 1 ? "" : "s");
	if (p->errors)
		dq_sb_printf(e->o, " · \\c(bad)\\b%" PRIu64 " error%s\\b", p->errors,
			     p->errors == 1 ? "" : "s");
	put(e, " [page];");
	if (e->t->times) {
		put(e, " comment: ");
		put_time(e, first->t0);
		put(e, ";");
	}
	put(e, "\n");
	e->err = title.err ? title.err : e->err;
	dq_sb_free(&title);
}

/* Of very many pages: the first, the last, those with errors, and from the begin on what there is
 * room for. */
static void choose_rows(const struct dq_story *s, bool *row)
{
	size_t room = INDEX_MAX < s->npages ? INDEX_MAX : s->npages;

	row[0] = row[s->npages - 1] = true;
	room -= room < 2 ? room : 2;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < s->npages && room; i++)
			if (!row[i] && (round || s->pages[i].errors)) {
				row[i] = true;
				room--;
			}
}

/* Pages [from, to), which have no row. */
static void put_rowless(struct em *e, size_t from, size_t to)
{
	uint64_t calls = 0, errors = 0;

	for (size_t i = from; i < to; i++) {
		calls += e->s->pages[i].calls;
		errors += e->s->pages[i].errors;
	}
	dq_sb_printf(e->o, "...: page%s %zu", to - from == 1 ? "" : "s", from + 1);
	if (to - from > 1)
		dq_sb_printf(e->o, " to %zu", to);
	dq_sb_printf(e->o, " · %" PRIu64 " call%s", calls, calls == 1 ? "" : "s");
	if (errors)
		dq_sb_printf(e->o, " · %" PRIu64 " error%s", errors, errors == 1 ? "" : "s");
	put(e, " [gap];\n");
}

/* In the place of the steps: what is on which page. */
static void put_index(struct em *e)
{
	bool *row = calloc(e->s->npages, sizeof(*row));

	if (!row) {
		e->err = -ENOMEM;
		return;
	}
	choose_rows(e->s, row);
	for (size_t i = 0, k; i < e->s->npages; i = k) {
		for (k = i + 1; k < e->s->npages && !row[i] && !row[k]; k++)
			;
		if (row[i])
			put_index_row(e, i);
		else
			put_rowless(e, i, k);
	}
	free(row);
}

/* ---- the foot ---- */

static void note_begin(struct em *e)
{
	put(e, "endnote: ");
}

static void put_pages_fact(struct em *e)
{
	if (!e->page)
		dq_sb_printf(e->o, " · index of %zu pages with %" PRIu64 " of %" PRIu64 " calls",
			     e->s->npages, e->s->shown, e->s->calls);
	else
		dq_sb_printf(e->o, " · page %zu of %zu: %" PRIu64 " of %" PRIu64 " calls shown",
			     (size_t)(e->page - e->s->pages) + 1, e->s->npages, e->page->calls,
			     e->s->calls);
}

static void put_facts(struct em *e)
{
	const struct dq_model *m = e->s->m;

	note_begin(e);
	put(e, *m->release ? "Linux " : "kernel unknown");
	text(e, m->release);
	if (*m->arch) {
		put(e, " ");
		text(e, m->arch);
	}
	if (*m->rung) {
		put(e, " · ");
		text(e, m->rung);
	}
	if (m->lost || m->missed)
		put(e, " · \\c(bad)\\b");
	else
		put(e, " · ");
	dq_put_losses(e->o, m->lost, m->missed);
	if (m->lost || m->missed)
		put(e, "\\b\\c(dim)");
	if (e->s->npages > 1)
		put_pages_fact(e);
	else
		dq_sb_printf(e->o, " · %" PRIu64 " of %" PRIu64 " calls%s shown", e->s->shown,
			     e->s->calls, e->in->shapes ? " of these buffers" : "");
	if (e->s->npages == 1 && e->s->folded)
		dq_sb_printf(e->o, ", %" PRIu64 " of them by loops", e->s->folded);
	put(e, ";\n");
}

/* "the file is cut off", "callbacks of x were not recorded": a line each. */
static void put_remarks(struct em *e)
{
	const struct dq_reader_state *st = e->in->state;
	const struct dq_story *s = e->s;
	struct dq_sb kept = { 0 };

	if (st && (st->truncated || st->bad_chunks || st->lost_chunks || st->skipped_bytes))
		put(e, "endnote: \\c(bad)the file is damaged: parts of it could not be read;\n");
	if (dq_model_put_kept(s->m, &kept)) {
		put(e, "endnote: \\c(warn)");
		dq_msc_escape(e->o, dq_sb_str(&kept), 3 * LABEL_MAX);
		put(e, ";\n");
	}
	e->o->err = e->o->err ? e->o->err : kept.err;
	dq_sb_free(&kept);
	if (dq_model_put_jumps(s->m, &kept)) {
		put(e, "endnote: \\c(warn)");
		dq_msc_escape(e->o, dq_sb_str(&kept), 3 * LABEL_MAX);
		put(e, ";\n");
	}
	e->o->err = e->o->err ? e->o->err : kept.err;
	dq_sb_free(&kept);
	if (dq_model_put_skipped(s->m, &kept)) {
		put(e, "endnote: \\c(bad)");
		dq_msc_escape(e->o, dq_sb_str(&kept), 3 * LABEL_MAX);
		put(e, ";\n");
	}
	e->o->err = e->o->err ? e->o->err : kept.err;
	dq_sb_free(&kept);
	if (st ? st->no_end : !s->m->has_end)
		put(e, "endnote: \\c(bad)the recording was cut off: it has no proper end;\n");
	for (size_t i = 0; i < s->nsaid; i++) {
		const struct dq_mark *m = s->said[i].m;

		if (!dq_story_unsaid(s, &s->said[i]))
			continue;
		dq_sb_printf(e->o, "endnote: %s\\#%u ", m->weight > DQ_MARK_HINT ? "\\c(bad)" : "",
			     m->number);
		text(e, m->head);
		put(e, ": ");
		dq_msc_escape(e->o, m->text, 2 * LABEL_MAX);
		put(e, ";\n");
	}
	if (s->m->final.differ)
		dq_sb_printf(e->o, "endnote: \\c(bad)who holds what at the end differs in %" PRIu64
			     " thing%s from what was recorded;\n", s->m->final.differ,
			     s->m->final.differ == 1 ? "" : "s");
	for (size_t i = 0; i < s->nbufs && i < 8; i++) {
		const struct dq_mbuf *b = dq_model_buf(s->m, s->bufs[i]);

		if (!b || !b->dark_until)
			continue;
		put(e, b->dark_some ? "endnote: \\c(bad)some callbacks of " : "endnote: \\c(bad)callbacks of ");
		dq_msc_escape(e->o, b->exporter, NAME_MAX_);
		if (b->dark_until == UINT64_MAX) {
			put(e, " were not recorded;\n");
		} else {
			put(e, " were not recorded before ");
			put_time(e, b->dark_until);
			put(e, ";\n");
		}
	}
}

/* Of one buffer the title says it. */
static void put_unreleased(struct em *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->s->nbufs && e->s->nbufs > 1 && !e->in->shapes; i++) {
		const struct dq_mbuf *b = dq_model_buf(e->s->m, e->s->bufs[i]);

		if (!b || b->released)
			continue;
		if (n++ < 8)
			dq_sb_printf(e->o, "%s\\#%u", n == 1 ? "endnote: \\c(bad)" : ", ",
				     e->s->bufs[i]);
	}
	if (n > 8)
		dq_sb_printf(e->o, " and %zu more", n - 8);
	put(e, n ? " not released when the recording ended;\n" : "");
}

static void put_foot(struct em *e)
{
	if (!e->t->foot)
		return;
	put(e, "vspace 6;\n");
	put_facts(e);
	put_unreleased(e);
	put_remarks(e);
}

static void put_head(struct em *e)
{
	const struct dq_story *s = e->s;

	put(e, e->in->shapes ? "# An overview of DMA-BUFs" : "# The life of DMA-BUF");
	for (size_t i = 0; i < s->nbufs && i < 8; i++)
		dq_sb_printf(e->o, "%s #%u", i ? "," : "", s->bufs[i]);
	put(e, ", made by dmaseq diagram.\n"
	       "# To render: msc-gen -S signalling -T svg -o chart.svg THIS_FILE\n");
	if (e->t->entities_before)
		put_lanes(e);
	put(e, e->t->text);
	if (!e->t->entities_before) {
		put(e, "\n");
		put_title(e);
		put_legend(e);
		put_lanes(e);
	} else {
		put_title(e);
		put_legend(e);
	}
	put(e, e->t->groups ? "vspace 6;\n" : "");
}

/* Buffers whose begin was not seen, and who held them then. */
static void put_before(struct em *e)
{
	for (size_t i = 0; i < e->s->nbefore && i < 16; i++) {
		put(e, "...: ");
		dq_msc_escape_seen(e->o, e->s->before[i], 2 * LABEL_MAX);
		put(e, " [gap];\n");
		e->rows++;
		e->after_gap = true;
	}
}

static void put_page(struct em *e)
{
	begin_bars(e);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): only an index is no page */
	if (e->page->first)
		skip_to(e, e->page->first);
	else
		sync_bars(e);
	put_units(e, e->page->first, e->page->first + e->page->n);
	if (!e->any)
		put(e, "...: nothing was recorded of it [gap];\n");
	suspend(e);
	if (e->s->left_at_end && e->page->first + e->page->n == e->s->nunits)
		dq_sb_printf(e->o, "...: %" PRIu64 " call%s left out [gap];\n", e->s->left_at_end,
			     e->s->left_at_end == 1 ? " is" : "s are");
	put_open_ranges(e);
}

/* ---- which lanes a page has ---- */

/* An index has no arrows; the first lane of each kind tells most. */
static void index_lanes(const struct dq_story *s, bool *used)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nlanes; i++) {
		used[i] = s->nlanes <= INDEX_LANES || !i || s->lanes[i].kind != s->lanes[i - 1].kind;
		n += used[i];
	}
	for (size_t i = 0; i < s->nlanes && n < INDEX_LANES; i++) {
		n += !used[i];
		used[i] = true;
	}
}

static int page_groups(const struct dq_story *s, const struct dq_page *p, struct dq_map *groups)
{
	int err = 0;

	for (size_t i = p->first; i < p->first + p->n && !err; i++)
		err = dq_map_put(groups, s->units[i].group, 1);
	return err;
}

/* Of a syscall that goes on from another page all lanes are there: it may keep one busy. */
static void mark_lanes(const struct dq_story *s, const struct dq_map *groups, bool *used)
{
	uint64_t any;

	for (size_t i = 0; i < s->nsteps; i++) {
		const struct dq_step *st = &s->steps[i];

		if (!dq_map_get(groups, st->group, &any))
			continue;
		used[st->from] = used[st->to] = true;
		if (st->via >= 0)
			used[st->via] = true;
	}
	for (size_t i = 0; i < s->nlanes; i++)
		used[i] |= s->lanes[i].kind == DQ_LANE_CORE && !s->lanes[i].buf;
}

int dq_msc_lanes(const struct dq_render_input *in, bool *used)
{
	const struct dq_story *s = in->story;
	struct dq_map *groups;
	int err = 0;

	if (s->npages > 1 && !in->page) {
		index_lanes(s, used);
		return 0;
	}
	if (s->npages == 1) {
		memset(used, true, s->nlanes * sizeof(*used));
		return 0;
	}
	groups = dq_map_new();
	err = groups ? page_groups(s, &s->pages[in->page - 1], groups) : -ENOMEM;
	if (!err)
		mark_lanes(s, groups, used);
	dq_map_free(groups);
	return err;
}

static void find_ends(struct em *e)
{
	e->first = e->last = -1;
	for (size_t i = 0; i < e->s->nlanes; i++) {
		if (!e->used[i])
			continue;
		e->first = e->first < 0 ? (int)i : e->first;
		e->last = (int)i;
	}
	if (e->first < 0)
		e->first = e->last = 0;
}

static int render(struct dq_sb *out, const struct dq_render_input *in)
{
	struct em e = { .o = out, .in = in, .s = in->story, .t = in->tmpl, .active_section = -1 };
	bool index = in->story->npages > 1 && !in->page;

	e.page = index ? NULL : &in->story->pages[in->page ? in->page - 1 : 0];
	for (size_t i = 0; i < e.s->nsteps; i++)
		e.has_vmap |= e.s->steps[i].phase == DQ_PH_VMAP;
	e.bars = calloc(e.s->nlanes + 1, sizeof(*e.bars));
	e.want = calloc(e.s->nlanes + 1, sizeof(*e.want));
	e.used = calloc(e.s->nlanes + 1, sizeof(*e.used));
	if (!e.bars || !e.want || !e.used || dq_msc_lanes(in, e.used)) {
		free(e.bars);
		free(e.want);
		free(e.used);
		return -ENOMEM;
	}
	find_ends(&e);
	put_head(&e);
	if (!e.page || !e.page->first)
		put_before(&e);
	if (index)
		put_index(&e);
	else if (in->shapes)
		put_chapters(&e);
	else
		put_page(&e);
	put_foot(&e);
	free(e.bars);
	free(e.want);
	free(e.used);
	free(e.busy);
	free(e.ranges);
	free(e.title);
	return e.err ? e.err : out->err;
}

const struct dq_renderer dq_renderer_msc = { "msc", "signalling", render };
