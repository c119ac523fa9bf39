/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - a story as a ladder diagram of plain text, for terminals and mails.
 *
 * A page has a fixed number of columns: the frame of loops, the time column, the lanes.
 * A row is built as an array of cells: first the lanes, over them an arrow, over it
 * its label; a label that does not fit into its arrow stands above it. In ASCII
 * our own signs are spelled out and every other character becomes an escape, so that
 * no mailer and no font can spoil it. May use src/model and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "render/tell.h"

#define LABEL_MAX 160	/* columns of a label, and ... */
#define NAME_MAX_ 60	/* ... of a name in the legend */
#define FRAME	  2	/* columns at either side for the frames of loops */
#define GAP_MIN	  6	/* columns between two lanes at least ... */
#define GAP_MAX	  60	/* ... and at most */
#define ROUND	  5	/* what an arrow needs beside a label in it: "- " and " ->" */

struct page {
	struct dq_sb *o;
	const struct dq_render_input *in;
	const struct dq_story *s;
	size_t width, right;	/* right: the first column of the right frame */
	size_t left;		/* the first column behind the time column */
	size_t *x;		/* of each lane */
	uint32_t *row;		/* code points; 0: the right half of the one before */
	bool *brief;		/* lanes whose heading is their id, explained below */
	unsigned int loops;
	unsigned int used;	/* LEGEND_* */
	bool blank;		/* the last row was of lanes only */
	bool footed;
	int err;
};

enum { LEGEND_ERR = 1, LEGEND_GUESS = 2, LEGEND_EVENT = 4, LEGEND_NORET = 8, LEGEND_PASSED = 16 };

/* ---- characters ---- */

/* What our own texts have, for those who have ASCII only. */
static const struct { uint32_t cp; const char *ascii; } spelled[] = {
	{ 0xb5, "u" }, { 0xb7, "," }, { 0xd7, "x" }, { 0x2026, "..." }, { 0x2192, "->" },
	{ 0x2190, "<-" }, { 0x2212, "-" }, { 0x2013, "-" }, { 0x2014, "-" },
};

static void put_ascii(struct dq_sb *sb, const char *s, int32_t cp)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(spelled); i++) {
		if (cp != (int32_t)spelled[i].cp)
			continue;
		if (cp == 0xb7 && sb->len && sb->s[sb->len - 1] == ' ')
			sb->s[--sb->len] = '\0';	/* "a · b" is "a, b" */
		dq_sb_puts(sb, spelled[i].ascii);
		return;
	}
	if (cp < 0)
		dq_sb_printf(sb, "\\x%02x", (uint8_t)*s);
	else
		dq_sb_printf(sb, "\\u{%x}", (unsigned int)cp);
}

/* In the characters of this page. */
static void spell(const struct page *p, struct dq_sb *sb, const struct dq_sb *seen)
{
	for (size_t i = 0, adv; i < seen->len; i += adv) {
		int32_t cp = dq_utf8_next(seen->s + i, seen->len - i, &adv);

		if (cp >= 0 && (p->in->utf8 ? dq_columns(seen->s + i, adv) > 0 : cp < 0x80))
			dq_sb_put(sb, seen->s + i, adv);
		else
			put_ascii(sb, seen->s + i, cp);
	}
	sb->err = seen->err ? seen->err : sb->err;
}

/* Text for this page: nothing in it that could move a cursor or turn a line around. */
static void plain(const struct page *p, struct dq_sb *sb, const char *s, size_t max)
{
	struct dq_sb seen = { 0 };

	dq_sb_visible(&seen, s, strlen(s), max);
	spell(p, sb, &seen);
	dq_sb_free(&seen);
}

static void plain_again(const struct page *p, struct dq_sb *sb, const char *s, size_t max)
{
	struct dq_sb seen = { 0 };

	dq_sb_visible_again(&seen, s, strlen(s), max);
	spell(p, sb, &seen);
	dq_sb_free(&seen);
}

static size_t cols(const struct dq_sb *sb)
{
	return dq_columns(dq_sb_str(sb), sb->len);
}

/* ---- rows ---- */

static void put_cp(struct dq_sb *sb, uint32_t cp)
{
	if (cp < 0x80) {
		dq_sb_putc(sb, (char)cp);
		return;
	}
	if (cp < 0x800)
		dq_sb_putc(sb, (char)(0xc0 | cp >> 6));
	else if (cp < 0x10000)
		dq_sb_putc(sb, (char)(0xe0 | cp >> 12));
	else
		dq_sb_putc(sb, (char)(0xf0 | cp >> 18));
	if (cp >= 0x10000)
		dq_sb_putc(sb, (char)(0x80 | (cp >> 12 & 0x3f)));
	if (cp >= 0x800)
		dq_sb_putc(sb, (char)(0x80 | (cp >> 6 & 0x3f)));
	dq_sb_putc(sb, (char)(0x80 | (cp & 0x3f)));
}

static void cell(struct page *p, size_t x, uint32_t cp)
{
	if (x < p->width)
		p->row[x] = cp;
}

static void fill(struct page *p, size_t from, size_t to, uint32_t cp)
{
	for (size_t x = from; x < to; x++)
		cell(p, x, cp);
}

/* A sign of the drawing: itself, or its ASCII stand-in. */
static uint32_t sign(const struct page *p, uint32_t utf8, char ascii)
{
	return p->in->utf8 ? utf8 : (uint32_t)ascii;
}

/* The row of nothing but lanes (lane: ' ' for none) and the frames of open loops. */
static void begin(struct page *p, uint32_t lane)
{
	fill(p, 0, p->width, ' ');
	for (size_t i = 0; i < p->s->nlanes && lane != ' '; i++)
		cell(p, p->x[i], lane);
	for (unsigned int k = 0; k < p->loops && k < FRAME; k++) {
		cell(p, k, sign(p, 0x250a, ':'));
		cell(p, p->width - 1 - k, sign(p, 0x250a, ':'));
	}
}

static void begin_lanes(struct page *p)
{
	begin(p, sign(p, 0x2502, '|'));
}

static void end(struct page *p)
{
	size_t n = p->width;

	while (n && p->row[n - 1] == ' ')
		n--;
	for (size_t x = 0; x < n; x++)
		if (p->row[x])
			put_cp(p->o, p->row[x]);
	dq_sb_putc(p->o, '\n');
	p->blank = false;
}

static void lanes_row(struct page *p)
{
	if (p->blank)
		return;
	begin_lanes(p);
	end(p);
	p->blank = true;
}

/* Escaped text into the row; what does not fit before `limit` is left out. */
static void write_at(struct page *p, size_t x, const char *s, size_t len, size_t limit)
{
	for (size_t i = 0, adv; i < len; i += adv) {
		int32_t cp = dq_utf8_next(s + i, len - i, &adv);
		size_t w = dq_columns(s + i, adv);

		if (cp < 0 || x + w > limit)
			return;
		cell(p, x, (uint32_t)cp);
		if (w > 1)
			cell(p, x + 1, 0);
		x += w;
	}
}

static void write_sb(struct page *p, size_t x, const struct dq_sb *sb, size_t limit)
{
	write_at(p, x, dq_sb_str(sb), sb->len, limit);
}

/* How many bytes of s fit into n columns, preferably up to a blank. */
static size_t line_of(const char *s, size_t len, size_t n)
{
	size_t w = 0, fits = 0, blank = 0;

	for (size_t i = 0, adv; i < len; i += adv) {
		dq_utf8_next(s + i, len - i, &adv);
		w += dq_columns(s + i, adv);
		if (w > n)
			return blank ? blank : fits ? fits : adv;
		fits = i + adv;
		if (s[i] == ' ')
			blank = i + 1;
	}
	return len;
}

/* ---- where the lanes stand ---- */

static void heading(struct page *p, size_t lane, struct dq_sb *name, struct dq_sb *small)
{
	const char *n, *s;

	if (p->brief[lane]) {
		dq_tell_lane_id(name, p->s, (int)lane);
		return;
	}
	dq_tell_lane(&p->s->lanes[lane], &n, &s);
	plain(p, name, n, NAME_MAX_);
	plain(p, small, s, NAME_MAX_);
}

static size_t heading_cols(struct page *p, size_t lane)
{
	struct dq_sb name = { 0 }, small = { 0 };
	size_t n;

	heading(p, lane, &name, &small);
	n = cols(&name) > cols(&small) ? cols(&name) : cols(&small);
	dq_sb_free(&name);
	dq_sb_free(&small);
	return n;
}

static size_t label_cols(const struct page *p, const struct dq_step *st)
{
	struct dq_sb sb = { 0 };
	size_t n;

	plain(p, &sb, st->text, LABEL_MAX);
	n = cols(&sb) + (*st->small ? strlen(st->small) + 3 : 0) + (st->dur || st->dmax ? 10 : 0);
	dq_sb_free(&sb);
	return n;
}

/* What the gap right of each lane would like to have, for its headings ... */
static void wishes_of_headings(struct page *p, size_t *want)
{
	for (size_t i = 0; i + 1 < p->s->nlanes; i++) {
		size_t l = heading_cols(p, i), r = heading_cols(p, i + 1);

		want[i] = (l > r ? l : r) + 2;
	}
}

/* ... and for the labels of its arrows. */
static void wishes_of_labels(struct page *p, size_t *want)
{
	for (size_t i = 0; i < p->s->nsteps; i++) {
		const struct dq_step *st = &p->s->steps[i];
		int to = st->via >= 0 ? st->via : st->to;
		int lane = st->from < to ? st->from : to;
		size_t n;

		if (abs(st->from - to) != 1)
			continue;
		n = label_cols(p, st) + ROUND + 1;
		if (n > want[lane] && n <= GAP_MAX)
			want[lane] = n;
	}
}

/* Gives columns to the gap that lacks most, one after the other. What is left. */
static size_t share_out(size_t *gap, const size_t *want, size_t n, size_t room)
{
	while (room) {
		size_t best = n;

		for (size_t i = 0; i < n; i++)
			if (gap[i] < want[i] &&
			    (best == n || want[i] - gap[i] > want[best] - gap[best]))
				best = i;
		if (best == n)
			return room;
		gap[best]++;
		room--;
	}
	return 0;
}

/* Does the heading fit between its neighbours' ? */
static void abbreviate(struct page *p, const size_t *gap)
{
	size_t n = p->s->nlanes;

	for (size_t i = 0; i < n; i++) {
		size_t own = heading_cols(p, i);
		size_t l = i ? gap[i - 1] : 2 * p->left, r = i + 1 < n ? gap[i] : gap[n - 2];

		if (own + 1 > l || own + 1 > r)
			p->brief[i] = true;
	}
}

static size_t time_cols(const struct dq_story *s)
{
	uint64_t last = s->nsteps ? s->steps[s->nsteps - 1].t - s->m->t_first : 0;
	size_t n = sizeof("0.000 000") - 1;

	for (last /= 10000000000ULL; last; last /= 10)
		n++;
	return n;
}

static int layout(struct page *p)
{
	size_t n = p->s->nlanes, lanes = n ? n : 1, need;
	size_t *gap = calloc(lanes, sizeof(*gap)), *want = calloc(lanes, sizeof(*want));

	p->x = calloc(lanes, sizeof(*p->x));
	p->brief = calloc(lanes, sizeof(*p->brief));
	if (!gap || !want || !p->x || !p->brief) {
		free(gap);
		free(want);
		return -ENOMEM;
	}
	p->left = FRAME + time_cols(p->s) + 3;
	need = p->left + (lanes - 1) * GAP_MIN + 3 + FRAME;
	p->width = p->in->width > need ? p->in->width : need;
	p->right = p->width - FRAME;
	for (size_t i = 0; i + 1 < n; i++)
		gap[i] = GAP_MIN;
	wishes_of_headings(p, want);
	need = share_out(gap, want, lanes - 1, p->width - need);
	wishes_of_labels(p, want);
	share_out(gap, want, lanes - 1, need);
	if (n > 1)
		abbreviate(p, gap);
	for (size_t i = 0; i < n; i++)
		p->x[i] = i ? p->x[i - 1] + gap[i - 1] : p->left + 1;
	free(gap);
	free(want);
	p->row = calloc(p->width, sizeof(*p->row));
	return p->row ? 0 : -ENOMEM;
}

static void put_headings(struct page *p)
{
	for (int line = 0; line < 2; line++) {
		begin(p, ' ');
		for (size_t i = 0; i < p->s->nlanes; i++) {
			struct dq_sb both[2] = { 0 };
			size_t w, x;

			heading(p, i, &both[0], &both[1]);
			w = cols(&both[line]);
			x = p->x[i] > w / 2 ? p->x[i] - w / 2 : 0;
			x = x + w > p->width ? p->width - w : x;
			write_sb(p, x, &both[line], p->width);
			p->err = both[0].err ? both[0].err : both[1].err ? both[1].err : p->err;
			dq_sb_free(&both[0]);
			dq_sb_free(&both[1]);
		}
		end(p);
	}
}

/* ---- lines of words ---- */

/* A paragraph over the whole width: the first line begins with `lead`. */
static void words(struct page *p, const char *lead, const char *text)
{
	size_t in = strlen(lead), n;
	struct dq_sb sb = { 0 };

	plain(p, &sb, text, 0);
	for (const char *s = dq_sb_str(&sb); *s; s += n, lead = "") {
		n = line_of(s, strlen(s), p->width - in);
		begin(p, ' ');
		write_at(p, 0, lead, strlen(lead), in);
		write_at(p, in, s, n, p->width);
		end(p);
	}
	p->err = sb.err ? sb.err : p->err;
	dq_sb_free(&sb);
}

static void on_title(void *ctx, const char *title, const char *aside)
{
	struct page *p = ctx;

	words(p, "", title);
	if (*aside)
		words(p, "", aside);
	dq_sb_putc(p->o, '\n');
	put_headings(p);
}

static void on_section(void *ctx, unsigned int number, const char *title)
{
	struct page *p = ctx;
	struct dq_sb sb = { 0 };

	lanes_row(p);
	begin(p, ' ');
	fill(p, 0, p->width, sign(p, 0x2550, '='));
	dq_sb_printf(&sb, " %u ", number);
	plain(p, &sb, title, LABEL_MAX);
	dq_sb_putc(&sb, ' ');
	write_sb(p, 2, &sb, p->width - 2);
	end(p);
	dq_sb_free(&sb);
}

static void on_section_end(void *ctx)
{
	(void)ctx;
}

static void frame_row(struct page *p, const char *tag, bool top)
{
	size_t k = p->loops < FRAME ? p->loops : FRAME - 1;
	struct dq_sb sb = { 0 };

	begin_lanes(p);
	fill(p, k + 1, p->width - 1 - k, sign(p, 0x2504, '-'));
	cell(p, k, top ? sign(p, 0x250c, '.') : sign(p, 0x2514, '\''));
	cell(p, p->width - 1 - k, top ? sign(p, 0x2510, '.') : sign(p, 0x2518, '\''));
	if (top) {
		dq_sb_puts(&sb, "[ ");
		plain(p, &sb, tag, LABEL_MAX);
		dq_sb_puts(&sb, " ]");
		write_sb(p, k + 2, &sb, p->width - 2);
		dq_sb_free(&sb);
	}
	end(p);
}

static void on_loop(void *ctx, const char *tag)
{
	struct page *p = ctx;

	lanes_row(p);
	frame_row(p, tag, true);
	p->loops++;
}

static void on_loop_end(void *ctx)
{
	struct page *p = ctx;

	p->loops--;
	frame_row(p, "", false);
}

/* Words between the first lane and the right edge, the lanes dotted. */
static void pause_row(struct page *p, struct dq_sb *sb)
{
	size_t x = p->left + 3, room = p->right - x, n;

	for (const char *s = dq_sb_str(sb); *s; s += n) {
		n = line_of(s, strlen(s), room - 2);
		begin(p, sign(p, 0x250a, ':'));
		cell(p, x - 1, ' ');
		write_at(p, x, s, n, p->right);
		x += dq_columns(s, n);
		cell(p, x < p->right ? x : p->right, ' ');
		x = p->left + 3;
		end(p);
	}
	p->err = sb->err ? sb->err : p->err;
	dq_sb_free(sb);
}

static void on_gap(void *ctx, const char *text)
{
	struct page *p = ctx;
	uint32_t dots = sign(p, 0x250a, ':');
	struct dq_sb sb = { 0 };

	begin(p, dots);
	end(p);
	plain(p, &sb, text, 2 * LABEL_MAX);
	pause_row(p, &sb);
	begin(p, dots);
	end(p);
	p->blank = true;
}

static void on_remark(void *ctx, const char *text)
{
	struct dq_sb sb = { 0 };

	plain_again(ctx, &sb, text, 2 * LABEL_MAX);
	pause_row(ctx, &sb);
}

/* ---- arrows ---- */

static uint32_t line_sign(struct page *p, const struct dq_step *st, size_t i)
{
	if (st->flags & (DQ_ST_OPEN | DQ_ST_MISSED))
		return i % 2 ? ' ' : '~';
	if (st->flags & (DQ_ST_GUESS | DQ_ST_EVENT))
		return i % 2 ? ' ' : '.';
	if (st->flags & DQ_ST_PASSED)
		return '=';
	if (st->kind == DQ_STEP_RETURN)
		return i % 2 ? ' ' : sign(p, 0x2500, '-');
	return sign(p, 0x2500, '-');
}

static void draw_line(struct page *p, const struct dq_step *st)
{
	bool right = st->to > st->from;
	size_t a = p->x[right ? st->from : st->to], b = p->x[right ? st->to : st->from];
	/* nobody has seen the end of these */
	bool head = !(st->flags & (DQ_ST_OPEN | DQ_ST_MISSED));

	for (size_t x = a + 1; x < b; x++)
		cell(p, x, line_sign(p, st, right ? x - a - 1 : b - x - 1));
	if (st->via >= 0) {
		cell(p, p->x[st->via], sign(p, 0x2502, '|'));
		if (head)
			cell(p, right ? p->x[st->via] - 1 : p->x[st->via] + 1,
			     right ? sign(p, 0x25b6, '>') : sign(p, 0x25c0, '<'));
	}
	if (head)
		cell(p, right ? b - 1 : a + 1, right ? sign(p, 0x25b6, '>') : sign(p, 0x25c0, '<'));
}

/* Where a label of n columns fits into the arrow; 0: nowhere. */
static size_t room_in_arrow(const struct page *p, const struct dq_step *st, size_t n)
{
	const int ends[] = { st->from, st->via >= 0 ? st->via : st->to, st->to };

	for (int k = 0; k < (st->via >= 0 ? 2 : 1); k++) {
		size_t f = p->x[ends[k]], t = p->x[ends[k + 1]];

		if (t > f && t - f > n + ROUND)
			return f + 3;
		if (f > t && f - t > n + ROUND)
			return f - 2 - n;
	}
	return 0;
}

static void make_label(struct page *p, struct dq_sb *sb, const struct dq_step *st, const char *aside)
{
	static const struct { uint32_t flag; unsigned int legend; const char *mark; } marks[] = {
		{ DQ_ST_ERR, LEGEND_ERR, "!! " }, { DQ_ST_GUESS, LEGEND_GUESS, "(?) " },
		{ DQ_ST_EVENT, LEGEND_EVENT, "" }, { DQ_ST_PASSED, LEGEND_PASSED, "" },
		{ DQ_ST_OPEN | DQ_ST_MISSED, LEGEND_NORET, "" },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(marks); i++) {
		if (!(st->flags & marks[i].flag))
			continue;
		p->used |= st->flags & DQ_ST_FATAL ? 0 : marks[i].legend; /* its text says it */
		dq_sb_puts(sb, marks[i].mark);
	}
	plain(p, sb, st->text, LABEL_MAX);
	if (!*aside)
		return;
	dq_sb_puts(sb, sb->len ? " (" : "(");
	plain(p, sb, aside, LABEL_MAX);
	dq_sb_putc(sb, ')');
}

static void put_when(struct page *p, const char *when)
{
	struct dq_sb sb = { 0 };
	size_t w, end = p->left - 2;

	plain(p, &sb, when, 0);
	w = cols(&sb);
	write_sb(p, end > w ? end - w : 0, &sb, end);
	p->err = sb.err ? sb.err : p->err;
	dq_sb_free(&sb);
}

/* The label in rows of its own, starting where the arrow does. Returns whether `when` is told. */
static void label_above(struct page *p, const struct dq_step *st, const struct dq_sb *label,
			const char *when)
{
	bool right = st->to >= st->from;
	size_t from = p->x[st->from], x, room, n;

	for (const char *s = dq_sb_str(label); *s; s += n, when = "") {
		size_t w = dq_columns(s, strlen(s));

		room = p->right - p->left - 3;
		x = right || from < w + p->left + 2 ? p->x[right ? st->from : st->to] + 2 : from - 1 - w;
		if (x + w > p->right)
			x = p->right > w + p->left + 3 ? p->right - w : p->left + 3;
		n = line_of(s, strlen(s), room);
		w = dq_columns(s, n);
		begin_lanes(p);
		put_when(p, when);
		/* a lane that touches the text would read as a part of it */
		cell(p, x - 1, p->row[x - 1] && x - 1 == from ? p->row[x - 1] : ' ');
		write_at(p, x, s, n, p->right);
		if (x + w < p->right && x + w != from)
			cell(p, x + w, ' ');
		end(p);
	}
}

static void self_arrow(struct page *p, const struct dq_step *st, const struct dq_sb *label,
		       const char *when)
{
	size_t x = p->x[st->from];

	begin_lanes(p);
	put_when(p, when);
	fill(p, x + 1, x + 4, line_sign(p, st, 0));
	cell(p, x + 4, '.');
	if (x + 7 + cols(label) <= p->right) {
		cell(p, x + 5, ' ');
		write_sb(p, x + 6, label, p->right);
		cell(p, x + 6 + cols(label), ' ');
		end(p);
	} else {
		end(p);
		label_above(p, st, label, "");
	}
	begin_lanes(p);
	cell(p, x + 1, sign(p, 0x25c0, '<'));
	fill(p, x + 2, x + 4, line_sign(p, st, 0));
	cell(p, x + 4, '\'');
	end(p);
}

static void on_step(void *ctx, const struct dq_step *st, const char *when, const char *aside)
{
	struct page *p = ctx;
	struct dq_sb label = { 0 };
	size_t x;

	make_label(p, &label, st, aside);
	x = room_in_arrow(p, st, cols(&label));
	if (st->from == st->to) {
		self_arrow(p, st, &label, when);
		p->err = label.err ? label.err : p->err;
		dq_sb_free(&label);
		return;
	}
	if (!x && label.len) {
		label_above(p, st, &label, when);
		when = "";
	}
	begin_lanes(p);
	draw_line(p, st);
	put_when(p, when);
	if (x && label.len) {
		cell(p, x - 1, ' ');
		write_sb(p, x, &label, p->right);
		cell(p, x + cols(&label), ' ');
	}
	end(p);
	p->err = label.err ? label.err : p->err;
	dq_sb_free(&label);
}

/* What is said of the arrow above, from the begin of the arrow on. */
static void on_said(void *ctx, const struct dq_step *st, const char *what, bool bad)
{
	struct page *p = ctx;
	size_t x = p->x[st->from < st->to ? st->from : st->to] + 3, room, n;
	bool first = true;
	struct dq_sb sb = { 0 };

	if (x + 30 > p->right)
		x = p->right > p->left + 33 ? p->right - 30 : p->left + 3;
	room = p->right - x - 3;
	plain(p, &sb, what, 0);
	for (const char *s = dq_sb_str(&sb); *s; s += n, first = false) {
		n = line_of(s, strlen(s), room);
		begin_lanes(p);
		cell(p, x, first ? (bad ? '!' : '*') : ' ');
		cell(p, x + 1, ' ');
		write_at(p, x + 2, s, n, p->right);
		if (x + 2 + dq_columns(s, n) < p->right)
			cell(p, x + 2 + dq_columns(s, n), ' ');
		end(p);
	}
	p->err = sb.err ? sb.err : p->err;
	dq_sb_free(&sb);
}

/* ---- below ---- */

static void put_legend(struct page *p)
{
	static const struct { unsigned int bit; const char *text; } said[] = {
		{ LEGEND_ERR, "!!   it failed" },
		{ LEGEND_GUESS, "(?)  inferred: it may have been another one" },
		{ LEGEND_EVENT, ". .> nobody waits for it" },
		{ LEGEND_NORET, "~ ~  its end was not seen" },
		{ LEGEND_PASSED, "===> a descriptor goes to another process" },
	};

	for (size_t i = 0; i < p->s->nlanes; i++) {
		const char *name, *small;
		struct dq_sb sb = { 0 };

		if (!p->brief[i])
			continue;
		dq_tell_lane_id(&sb, p->s, (int)i);
		dq_tell_lane(&p->s->lanes[i], &name, &small);
		dq_sb_printf(&sb, ": %s, %s", name, small);
		words(p, "  ", dq_sb_str(&sb));
		dq_sb_free(&sb);
	}
	for (size_t i = 0; i < DQ_ARRAY_SIZE(said); i++)
		if (p->used & said[i].bit)
			words(p, "  ", said[i].text);
}

static void on_foot(void *ctx, const char *text, bool bad)
{
	struct page *p = ctx;

	if (!p->footed) {
		lanes_row(p);
		dq_sb_putc(p->o, '\n');
		put_legend(p);
		p->footed = true;
	}
	words(p, bad ? "!! " : "", text);
}

static int render(struct dq_sb *out, const struct dq_render_input *in)
{
	static const struct dq_teller teller = {
		on_title, on_section, on_section_end, on_loop, on_loop_end,
		on_gap, on_remark, on_step, on_said, on_foot,
	};
	struct page p = { .o = out, .in = in, .s = in->story };
	int ret = layout(&p);

	if (!ret)
		ret = dq_tell(in, &teller, &p);
	free(p.x);
	free(p.row);
	free(p.brief);
	return ret ? ret : p.err ? p.err : out->err;
}

const struct dq_renderer dq_renderer_text = { "text", "txt", render };
