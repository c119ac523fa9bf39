/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_text.c - what changed, as a text like that of git diff --stat and git diff.
 *
 * The texts of nodes are safe to print as they are; names of files are made so.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/cmd_common.h"
#include "cmd/side.h"
#include "model/rules.h"

#define CONTEXT 2	/* equal steps around a difference */
#define ONE_SIDED 20	/* lines of a shape that only one side has */
#define SAME_MAX 6	/* shapes that are the same, a line each */
#define STAT_MAX 24	/* ... that are not */
#define PAIR_MAX 12	/* of which more is shown */
#define NAME_MAX_ 60	/* columns of a file's name */

enum color { C_NONE, C_RED, C_GREEN, C_YELLOW, C_DIM, C_BOLD, C_CYAN };

struct out {
	struct dq_sb *sb;
	const struct dq_report *r;
};

static void color(const struct out *o, enum color c)
{
	static const char *const codes[] = { "\033[0m", "\033[31m", "\033[32m", "\033[33m",
					     "\033[2m", "\033[1m", "\033[36m" };

	if (o->r->color)
		dq_sb_puts(o->sb, codes[c]);
}

static void put_range(struct dq_sb *sb, uint64_t min, uint64_t max)
{
	dq_sb_printf(sb, "%" PRIu64, min);
	if (max != min)
		dq_sb_printf(sb, "-%" PRIu64, max);
}

/* ---- lines ---- */

static void begin(const struct out *o, enum color c, char mark, unsigned int level)
{
	if (c)
		color(o, c);
	dq_sb_putc(o->sb, mark);
	for (unsigned int i = 0; i < level + 1; i++)
		dq_sb_puts(o->sb, i ? "  " : " ");
}

static void end(const struct out *o, enum color c)
{
	if (c)
		color(o, C_NONE);
	dq_sb_putc(o->sb, '\n');
}

static void line(const struct out *o, enum color c, char mark, unsigned int level, const char *s)
{
	begin(o, c, mark, level);
	dq_sb_puts(o->sb, s);
	end(o, c);
}

static void put_excuse(const struct out *o, int rule)
{
	if (rule < 0)
		return;
	dq_sb_puts(o->sb, "   [ignored: ");
	dq_sb_visible(o->sb, o->r->d->o.rules->v[rule].reason,
		      strlen(o->r->d->o.rules->v[rule].reason), 60);
	dq_sb_putc(o->sb, ']');
}

/* ---- which steps are shown ---- */

static bool differs(const struct dq_unode *u)
{
	if (u->verdict || u->deviates || u->moved)
		return true;
	for (size_t i = 0; i < u->nkids; i++)
		if (differs(&u->kids[i]))
			return true;
	return false;
}

static bool kids_differ(const struct dq_unode *u)
{
	for (size_t i = 0; i < u->nkids; i++)
		if (differs(&u->kids[i]))
			return true;
	return false;
}

static bool is_near(const struct dq_unode *v, size_t n, size_t i)
{
	size_t from = i > CONTEXT ? i - CONTEXT : 0, to = i + CONTEXT < n ? i + CONTEXT + 1 : n;

	for (size_t k = from; k < to; k++)
		if (differs(&v[k]))
			return true;
	return false;
}

static uint64_t count(const struct dq_unode *v, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (!v[i].deviates && (v[i].a ? v[i].a : v[i].b)->text) +
		       count(v[i].kids, v[i].nkids);
	return sum;
}

/* ---- steps ---- */

static void put_nodes(const struct out *o, const struct dq_unode *v, size_t n, unsigned int level,
		      char mark);

/* mark: of a step that only one side has; ' ' for both. */
static void put_repeat(const struct out *o, const struct dq_unode *u, unsigned int level, char mark)
{
	bool other = u->verdict & DQ_D_COUNT && u->rule < 0;
	enum color c = other ? C_YELLOW : mark == '+' ? C_GREEN : mark == '-' ? C_RED : C_NONE;

	begin(o, c, other ? '~' : mark, level);
	dq_sb_puts(o->sb, "repeat ");
	if (mark == '+' || !u->a_max) {
		put_range(o->sb, u->b_min, u->b_max);
	} else {
		put_range(o->sb, u->a_min, u->a_max);
		if (u->b_max && (u->a_min != u->b_min || u->a_max != u->b_max)) {
			dq_sb_puts(o->sb, " => ");
			put_range(o->sb, u->b_min, u->b_max);
		}
	}
	if (u->moved && !u->verdict)
		dq_sb_printf(o->sb, "   [move %u %s]", u->moved, u->a_max > u->b_max ? "from here" :
			     "to here");
	if ((u->a ? u->a : u->b)->kind == DQ_NODE_LOOP && mark == ' ' && !o->r->full && !differs(u))
		dq_sb_puts(o->sb, " ...");
	if (u->verdict & DQ_D_COUNT)
		put_excuse(o, u->rule);
	end(o, c);
}

static bool is_repeat(const struct dq_unode *u)
{
	const struct dq_node *n = u->a ? u->a : u->b;

	return n->kind == DQ_NODE_LOOP || u->a_max > 1 || u->b_max > 1;
}

static void put_time(const struct out *o, const struct dq_unode *u)
{
	char a[32], b[32];

	if (!(u->verdict & DQ_D_TIME))
		return;
	dq_sb_printf(o->sb, "   [%s => %s, p < 0.001]", dq_fmt_dur(a, u->time.a),
		     dq_fmt_dur(b, u->time.b));
}

/* What is in a step that is not shown; "ioctl" alone says little. */
static void put_elided(struct dq_sb *sb, const struct dq_unode *u)
{
	const struct dq_node *n = u->a ? u->a : u->b;

	if (n->kind == DQ_NODE_SYS && !strchr(n->text, ' ') && n->nkids == 1 && n->kids[0].text)
		dq_sb_printf(sb, ": %s%s", n->kids[0].text, n->kids[0].nkids ? " ..." : "");
	else
		dq_sb_puts(sb, " ...");
}

static void put_one_line(const struct out *o, enum color c, char mark, unsigned int level,
			 const struct dq_unode *u, const char *text, const char *aside)
{
	begin(o, c, mark, level);
	dq_sb_puts(o->sb, text);
	dq_sb_puts(o->sb, aside);
	if (mark == ' ' && !o->r->full && u->nkids && !differs(u))
		put_elided(o->sb, u);
	put_time(o, u);
	put_excuse(o, u->rule);
	end(o, c);
}

static void put_step(const struct out *o, const struct dq_unode *u, unsigned int level, char mark)
{
	bool ignored = u->rule >= 0;
	enum color c = ignored ? C_DIM : u->verdict & DQ_D_MOVED ? C_YELLOW : mark == '+' ? C_GREEN :
		       mark == '-' ? C_RED : C_NONE;
	char aside[48] = "";

	if (u->verdict & DQ_D_MOVED)
		snprintf(aside, sizeof(aside), "   [move %u %s]", u->moved,
			 u->a ? "from here" : "to here");
	if (u->verdict & (DQ_D_CHANGED | DQ_D_RENAMED)) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a change has both sides */
		put_one_line(o, ignored ? C_DIM : C_RED, '-', level, u, u->a->text, "");
		put_one_line(o, ignored ? C_DIM : C_GREEN, '+', level, u, u->b->text, "");
		return;
	}
	if (!c && u->verdict & DQ_D_TIME)
		c = C_CYAN, mark = '~';
	put_one_line(o, c, mark, level, u, (u->a ? u->a : u->b)->text, aside);
}

static void put_odd(const struct out *o, const struct dq_unode *u, unsigned int level)
{
	begin(o, C_CYAN, ' ', level);
	if (u->b_max > 1 || u->a_max > 1)
		dq_sb_printf(o->sb, "in %" PRIu64 " rounds of %s:", u->b_max ? u->b_max : u->a_max,
			     u->b_max ? "NEW" : "BASE");
	else
		dq_sb_printf(o->sb, "in one round of %s:", u->b_max ? "NEW" : "BASE");
	end(o, C_CYAN);
	put_nodes(o, u->kids, u->nkids, level + 1, ' ');
}

static void put_node(const struct out *o, const struct dq_unode *u, unsigned int level, char mark)
{
	const struct dq_node *n = u->a ? u->a : u->b;

	if (u->deviates) {
		put_odd(o, u, level);
		return;
	}
	if (u->verdict & (DQ_D_ADDED | DQ_D_REMOVED | DQ_D_MOVED))
		mark = u->rule >= 0 ? '.' : u->a ? '-' : '+';
	if (is_repeat(u))
		put_repeat(o, u, level++, mark);
	if (n->kind != DQ_NODE_LOOP)
		put_step(o, u, level++, mark);
	if (u->blind)
		line(o, C_DIM, ' ', level, "(callbacks were not recorded on one side)");
	if (mark != ' ' || o->r->full || kids_differ(u))
		put_nodes(o, u->kids, u->nkids, level, mark);
}

static void put_nodes(const struct out *o, const struct dq_unode *v, size_t n, unsigned int level,
		      char mark)
{
	size_t left_out = 0;
	char buf[64];

	for (size_t i = 0; i <= n; i++) {
		bool show = i < n && (o->r->full || mark != ' ' || is_near(v, n, i));

		if (i < n && !show) {
			left_out++;
			continue;
		}
		if (left_out) {
			uint64_t steps = count(&v[i - left_out], left_out);

			snprintf(buf, sizeof(buf), "... %" PRIu64 " equal step%s", steps,
				 dq_plural(steps));
			line(o, C_DIM, ' ', level, buf);
		}
		left_out = 0;
		if (i < n)
			put_node(o, &v[i], level, mark);
	}
}

/* ---- tracks ---- */

static bool track_differs(const struct dq_utrack *t)
{
	if (t->verdict)
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (differs(&t->v[i]))
			return true;
	return false;
}

static void put_role(struct dq_sb *sb, enum dq_track_kind kind, const char *role)
{
	dq_sb_printf(sb, "%s%s%s", dq_track_key(kind), *role ? " " : "", role);
}

static void put_track(const struct out *o, const struct dq_utrack *t, char mark)
{
	bool other = t->role_a && t->role_b && strcmp(t->role_a, t->role_b);
	const char *role = t->role_a ? t->role_a : t->role_b;

	if (t->verdict & (DQ_D_ADDED | DQ_D_REMOVED))
		mark = t->rule >= 0 ? '.' : t->role_a ? '-' : '+';
	color(o, C_CYAN);
	dq_sb_putc(o->sb, mark == ' ' ? '@' : mark);
	dq_sb_puts(o->sb, "@ ");
	put_role(o->sb, t->kind, role);
	if (other)
		dq_sb_printf(o->sb, " => %s", t->role_b);
	if (t->verdict & DQ_D_COUNT) {
		dq_sb_puts(o->sb, ", threads ");
		put_range(o->sb, t->a_min, t->a_max);
		dq_sb_puts(o->sb, " => ");
		put_range(o->sb, t->b_min, t->b_max);
	}
	put_excuse(o, t->rule);
	end(o, C_CYAN);
	put_nodes(o, t->v, t->n, 0, mark);
}

/* ---- shapes ---- */

static void put_bufs(struct dq_sb *sb, const struct dq_pair *p)
{
	size_t n = p->a ? p->na : p->nb;

	if (!(p->a ? p->a : p->b)->nbufs)
		return;
	if (p->a && p->b && p->na != p->nb)
		dq_sb_printf(sb, "%zu => %zu buffers", p->na, p->nb);
	else
		dq_sb_printf(sb, "%zu buffer%s", n, dq_plural(n));
}

static void put_names(struct dq_sb *sb, const struct dq_pair *p)
{
	if (p->a && p->b && strcmp(p->a->name, p->b->name))
		dq_sb_printf(sb, "%s => %s", p->a->name, p->b->name);
	else
		dq_sb_puts(sb, (p->a ? p->a : p->b)->name);
}

/* Drivers that use the buffer besides its exporter, each once. */
static void put_importers(struct dq_sb *sb, const struct dq_node *v, size_t n, const char *exporter,
			  size_t from)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = v[i].text, *w = text ? dq_node_behind_word(text) : "";
		size_t len = (size_t)(w - text);

		if (text && v[i].kind == DQ_NODE_CALL && !strncmp(w, ": ", 2) && len < 64 &&
		    !(strlen(exporter) == len && !memcmp(exporter, text, len))) {
			char word[64 + 2];
			char *found;

			snprintf(word, sizeof(word), "%.*s", (int)len, text);
			found = strstr(dq_sb_str(sb) + from, word);
			if (!found || (found[len] && found[len] != ',')) {
				dq_sb_puts(sb, sb->len > from ? ", " : " -> ");
				dq_sb_puts(sb, word);
			}
		}
		put_importers(sb, v[i].kids, v[i].nkids, exporter, from);
	}
}

/* "system -> vivid, 2.1 MB, by camera": what buffers of this shape are, in one line. */
static void put_about(struct dq_sb *sb, const struct dq_shape *s)
{
	char buf[32];
	size_t from;

	if (!s->nbufs) {
		dq_sb_puts(sb, "calls of no buffer");
		return;
	}
	dq_sb_puts(sb, s->exporter);
	from = sb->len;
	for (size_t i = 0; i < s->life.ntracks; i++)
		put_importers(sb, s->life.tracks[i].v, s->life.tracks[i].n, s->exporter, from);
	dq_sb_printf(sb, ", %s", dq_fmt_size(buf, s->size_max));
	if (*s->process)
		dq_sb_printf(sb, ", by %s", s->process);
	if (s->nnames)
		dq_sb_printf(sb, ", called %s%s", s->names[0], s->nnames > 1 ? " ..." : "");
}

static void put_list(struct dq_sb *sb, const struct dq_shape *s)
{
	for (size_t i = 0; i < s->nnames; i++)
		dq_sb_printf(sb, "%s%s", i ? ", " : "", s->names[i]);
	if (!s->nnames)
		dq_sb_puts(sb, "nothing");
}

/* What is different of the buffers, not of what happened to them. */
static void put_whole(const struct out *o, const struct dq_pair *p)
{
	bool ignored = p->rule >= 0;

	if (!p->a || !p->b || !p->verdict)
		return;
	begin(o, ignored ? C_DIM : C_YELLOW, ignored ? '.' : '~', 0);
	if (p->verdict & DQ_D_COUNT)
		dq_sb_printf(o->sb, "buffers %zu => %zu  ", p->na, p->nb);
	if (p->verdict & DQ_D_SIZE) {
		dq_sb_puts(o->sb, "size ");
		put_range(o->sb, p->a->size_min, p->a->size_max);
		dq_sb_puts(o->sb, " => ");
		put_range(o->sb, p->b->size_min, p->b->size_max);
		dq_sb_puts(o->sb, "  ");
	}
	if (p->verdict & DQ_D_NAME) {
		dq_sb_puts(o->sb, "called ");
		put_list(o->sb, p->a);
		dq_sb_puts(o->sb, " => ");
		put_list(o->sb, p->b);
	}
	put_excuse(o, p->rule);
	end(o, C_YELLOW);
}

/* Calls of a phase, all together. */
static void put_phases(const struct out *o, const struct dq_pair *p)
{
	char a[32], b[32];

	for (size_t i = 0; i < DQ_PH_MAX; i++) {
		const struct dq_span *s = &p->phases[i];

		if (!s->differs)
			continue;
		begin(o, C_CYAN, '~', 0);
		dq_sb_printf(o->sb, "phase %s: a call takes %s => %s, p < 0.001",
			     dq_phase_key((enum dq_phase)i), dq_fmt_dur(a, s->a), dq_fmt_dur(b, s->b));
		end(o, C_CYAN);
	}
}

static bool has_anything(const struct dq_pair *p)
{
	return dq_pair_differs(p) || p->ignored || dq_pair_slower(p);
}

/* Of a text only the first lines. */
static void shorten(struct dq_sb *sb, size_t from, const struct out *o)
{
	size_t at = from, lines = 0, more = 0;

	for (size_t i = from; i < sb->len; i++) {
		lines += sb->s[i] == '\n';
		more += sb->s[i] == '\n' && lines > ONE_SIDED;
		if (sb->s[i] == '\n' && lines == ONE_SIDED)
			at = i + 1;
	}
	if (more < 3)
		return;
	sb->len = at;
	sb->s[at] = '\0';
	color(o, C_DIM);
	dq_sb_printf(sb, "  ... %zu more lines, shown with --full", more);
	end(o, C_DIM);
}

void dq_diff_pair_text(struct dq_sb *sb, const struct dq_report *r, const struct dq_pair *p)
{
	struct out o = { sb, r };
	char mark = !p->a ? '+' : !p->b ? '-' : ' ';
	size_t from;

	color(&o, C_BOLD);
	dq_sb_puts(sb, "shape ");
	put_names(sb, p);
	dq_sb_puts(sb, ": ");
	put_bufs(sb, p);
	dq_sb_puts(sb, (p->a ? p->a : p->b)->nbufs ? ", " : "");
	put_about(sb, p->a ? p->a : p->b);
	if (!p->a || !p->b)
		dq_sb_printf(sb, ", only in %s", p->a ? "BASE" : "NEW");
	if (!p->a || !p->b)
		put_excuse(&o, p->rule);
	color(&o, C_NONE);
	dq_sb_putc(sb, '\n');
	put_whole(&o, p);
	put_phases(&o, p);
	from = sb->len;
	for (size_t i = 0; i < p->ntracks; i++)
		if (mark != ' ' || r->full || track_differs(&p->tracks[i]))
			put_track(&o, &p->tracks[i], mark);
	if (mark != ' ' && !r->full && !sb->err)
		shorten(sb, from, &o);
	if (p->rough)
		dq_sb_puts(sb, "  (too much to find the least difference: there may be a smaller one)\n");
}

/* ---- the summary ---- */

static void put_numbers(struct dq_sb *sb, const uint64_t *n, uint64_t phases)
{
	static const uint32_t order[] = { DQ_D_ADDED, DQ_D_REMOVED, DQ_D_MOVED, DQ_D_CHANGED,
					  DQ_D_COUNT, DQ_D_RENAMED, DQ_D_SIZE, DQ_D_NAME,
					  DQ_D_SHAPE, DQ_D_TIME, DQ_D_GAINED, DQ_D_LOST };
	const char *sep = "";

	for (size_t i = 0; i < DQ_ARRAY_SIZE(order); i++) {
		if (!n[dq_verdict_bit(order[i])])
			continue;
		if (order[i] & (DQ_D_SIZE | DQ_D_NAME))
			dq_sb_printf(sb, "%sother %s", sep, dq_verdict_name(order[i]));
		else
			dq_sb_printf(sb, "%s%" PRIu64 " %s", sep, n[dq_verdict_bit(order[i])],
				     order[i] & DQ_D_SHAPE ? "on one side only" :
				     order[i] & DQ_D_GAINED ? "finding gained" :
				     order[i] & DQ_D_LOST ? "finding lost" : dq_verdict_name(order[i]));
		sep = ", ";
	}
	if (phases)
		dq_sb_printf(sb, "%s%" PRIu64 " phase%s slower or faster", sep, phases, dq_plural(phases));
}

void dq_diff_numbers(struct dq_sb *sb, const uint64_t *n)
{
	put_numbers(sb, n, 0);
}

/* The left part of a line of the summary. */
static void put_left(struct dq_sb *sb, const struct dq_pair *p)
{
	put_about(sb, p->a ? p->a : p->b);
	dq_sb_puts(sb, "  ");
	put_bufs(sb, p);
}

static size_t left_width(const struct dq_diff *d)
{
	size_t most = 20;

	for (size_t i = 0; i < d->npairs; i++) {
		struct dq_sb sb = { 0 };
		size_t w;

		put_left(&sb, &d->pairs[i]);
		w = dq_columns(dq_sb_str(&sb), sb.len);
		most = w > most && w <= 70 ? w : most;
		dq_sb_free(&sb);
	}
	return most;
}

static bool is_same(const struct dq_pair *p)
{
	return p->a && p->b && !dq_pair_differs(p) && !dq_pair_slower(p) && !p->ignored;
}

static void put_stat(const struct out *o, const struct dq_pair *p, size_t width)
{
	bool other = p->a && p->b && !is_same(p);
	struct dq_sb left = { 0 };
	enum color c = is_same(p) ? C_DIM : !p->a ? C_GREEN : !p->b ? C_RED : C_YELLOW;

	put_left(&left, p);
	for (size_t w = dq_columns(dq_sb_str(&left), left.len); w < width; w++)
		dq_sb_putc(&left, ' ');
	dq_sb_printf(o->sb, " %s | ", dq_sb_str(&left));
	o->sb->err = left.err ? left.err : o->sb->err;
	dq_sb_free(&left);
	color(o, c);
	if (!p->a || !p->b)
		dq_sb_printf(o->sb, "only in %s", p->a ? "BASE" : "NEW");
	else if (dq_pair_differs(p) || dq_pair_slower(p))
		put_numbers(o->sb, p->n, p->nphases);
	else
		dq_sb_puts(o->sb, p->kernel && !p->same ? "same protocol, other kernel" : "same");
	if (p->ignored)
		dq_sb_printf(o->sb, " (%" PRIu64 " ignored)", p->ignored);
	if (other || !p->a || !p->b) {
		color(o, C_NONE);
		dq_sb_puts(o->sb, "  ");
		put_names(o->sb, p);
	}
	end(o, c);
}

/* What differs first; of what does not, a few, and how many more. */
static void put_stats(const struct out *o)
{
	const struct dq_diff *d = o->r->d;
	size_t width = left_width(d), same = 0, other = 0, bufs = 0;

	for (size_t i = 0; i < d->npairs; i++)
		if (!is_same(&d->pairs[i]) && (++other <= STAT_MAX || o->r->full))
			put_stat(o, &d->pairs[i], width);
	if (other > STAT_MAX && !o->r->full)
		dq_sb_printf(o->sb, " %zu more shapes that differ, shown with --full\n", other - STAT_MAX);
	for (size_t i = 0; i < d->npairs; i++) {
		const struct dq_pair *p = &d->pairs[i];

		if (!is_same(p))
			continue;
		if (++same <= SAME_MAX || o->r->full)
			put_stat(o, p, width);
		else
			bufs += p->a->nbufs ? p->na : 0;
	}
	if (same > SAME_MAX && !o->r->full)
		dq_sb_printf(o->sb, " %zu more shape%s, %zu buffer%s: same\n", same - SAME_MAX,
			     dq_plural(same - SAME_MAX), bufs, dq_plural(bufs));
}

/* " 1 buffer of 10 differs: 1 removed" */
static void put_total(struct dq_sb *sb, const struct dq_diff *d)
{
	uint64_t most = d->a_bufs > d->b_bufs ? d->a_bufs : d->b_bufs, n = 0;

	for (size_t i = 0; i < d->npairs; i++) {
		const struct dq_pair *p = &d->pairs[i];

		if ((p->a ? p->a : p->b)->nbufs && dq_pair_differs(p))
			n += p->na > p->nb ? p->na : p->nb;
	}
	dq_sb_putc(sb, ' ');
	if (n)
		dq_sb_printf(sb, "%" PRIu64 " of %" PRIu64 " buffer%s differ%s: ", n, n > most ? n : most,
			     dq_plural(n > most ? n : most), n == 1 ? "s" : "");
	put_numbers(sb, d->n, d->nphases);
}

static void put_side(const struct out *o, const char *mark, const char *name,
		     const struct dq_side *s, uint64_t bufs, uint64_t alive)
{
	color(o, C_BOLD);
	dq_sb_printf(o->sb, "%s ", mark);
	if (dq_columns(name, strlen(name)) > NAME_MAX_) {	/* its end says more than its begin */
		name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
		dq_sb_puts(o->sb, ".../");
	}
	dq_sb_visible(o->sb, name, strlen(name), NAME_MAX_);
	color(o, C_NONE);
	dq_sb_printf(o->sb, ": %" PRIu64 " buffer%s, %" PRIu64 " not released", bufs, dq_plural(bufs),
		     alive);
	if (*s->kernel)
		dq_sb_printf(o->sb, "; Linux %s", s->kernel);
	if (*s->arch)
		dq_sb_printf(o->sb, " %s", s->arch);
	if (s->lost)
		dq_sb_printf(o->sb, "; %" PRIu64 " event%s lost", s->lost, dq_plural(s->lost));
	else if (s->cut)
		dq_sb_puts(o->sb, "; not complete");
	dq_sb_putc(o->sb, '\n');
}

static void put_kernel(const struct out *o)
{
	const struct dq_diff *d = o->r->d;

	if (!d->kernel)
		return;
	dq_sb_puts(o->sb, "\nOther kernel: these are not counted as differences "
			  "(--strict-kernel counts them):\n");
	for (size_t i = 0; i < dq_nkernel_rules; i++)
		if (d->kernel >> i & 1)
			dq_sb_printf(o->sb, "  %s: %s\n", dq_kernel_rules[i].key,
				     dq_kernel_rules[i].what);
}

static void put_findings(const struct out *o)
{
	const struct dq_diff *d = o->r->d;

	if (d->nfound)
		dq_sb_puts(o->sb, "\nfindings (dmaseq check):\n");
	for (size_t i = 0; i < d->nfound; i++) {
		const struct dq_ufound *f = &d->found[i];
		const struct dq_found *any = f->a ? f->a : f->b;
		enum color c = f->rule >= 0 || f->weak ? C_DIM : f->a ? C_RED : C_GREEN;

		begin(o, c, f->rule >= 0 ? '.' : f->a ? '-' : '+', 0);
		dq_sb_puts(o->sb, any->text);
		put_excuse(o, f->rule);
		end(o, c);
		if (f->b && any->rule)
			line(o, C_DIM, ' ', 1, any->rule->title);
	}
}

static void put_held(const struct out *o)
{
	const struct dq_diff *d = o->r->d;
	bool any = false;

	for (size_t i = 0; i < d->nheld; i++) {
		const struct dq_held *h = &d->held[i];
		enum color c = h->b > h->a ? C_GREEN : C_RED;

		if (h->a == h->b)
			continue;
		if (!any)
			dq_sb_puts(o->sb, "\nheld at the end:\n");
		any = true;
		begin(o, c, !h->a ? '+' : !h->b ? '-' : '~', 0);
		dq_sb_printf(o->sb, "%s: %" PRIu64 " => %" PRIu64 " buffers", h->text, h->a, h->b);
		end(o, c);
	}
}

/* Where something is missing, what looks like a difference may be none. */
static void put_losses(const struct out *o)
{
	const struct dq_diff *d = o->r->d;
	bool a = d->a->lost || d->a->cut, b = d->b->lost || d->b->cut;

	if (a || b)
		dq_sb_printf(o->sb, "\n%s not complete: what %s missing there may look like a "
				    "difference here.\n",
			     a && b ? "Both sides are" : a ? "BASE is" : "NEW is", a && b ? "are" : "is");
	if (!d->a->found.known || !d->b->found.known)
		dq_sb_printf(o->sb, "\nFindings are not compared: %s has none recorded.\n",
			     d->a->found.known ? "NEW" : "BASE");
}

static void put_foot(const struct out *o)
{
	const struct dq_diff *d = o->r->d;

	for (size_t i = 0; i < d->nrenames; i++)
		dq_sb_printf(o->sb, "%s is now called %s in %" PRIu64 " step%s\n", d->renames[i].from,
			     d->renames[i].to, d->renames[i].steps, dq_plural(d->renames[i].steps));
	put_kernel(o);
	for (size_t i = 0; d->o.rules && i < d->o.rules->n; i++)
		if (!d->o.rules->v[i].used)
			dq_sb_printf(o->sb, "ignore rule of line %zu was not used\n",
				     d->o.rules->v[i].line);
	if (d->rough)
		dq_sb_puts(o->sb, "The difference may not be the least: there was too much to compare.\n");
}

/* Then it is said what is called how now, and the steps would say no more. */
static bool only_renamed(const struct dq_pair *p)
{
	for (unsigned int i = 0; i < DQ_ARRAY_SIZE(p->n); i++)
		if (p->n[i] && i != dq_verdict_bit(DQ_D_RENAMED))
			return false;
	return p->n[dq_verdict_bit(DQ_D_RENAMED)] && !p->ignored && !p->nphases;
}

void dq_diff_text(struct dq_sb *sb, const struct dq_report *r)
{
	const struct dq_diff *d = r->d;
	struct out o = { sb, r };
	size_t shown = 0;

	put_side(&o, "---", r->a, d->a, d->a_bufs, d->a_alive);
	put_side(&o, "+++", r->b, d->b, d->b_bufs, d->b_alive);
	dq_sb_putc(sb, '\n');
	put_stats(&o);
	if (!dq_diff_differs(d) && !dq_diff_slower(d)) {
		dq_sb_puts(sb, d->kernel ? " same protocol, other kernel" : " no difference");
	} else {
		put_total(sb, d);
	}
	dq_sb_printf(sb, "; %" PRIu64 " step%s compared", d->steps, dq_plural(d->steps));
	if (d->ignored)
		dq_sb_printf(sb, ", %" PRIu64 " ignored", d->ignored);
	dq_sb_putc(sb, '\n');
	put_findings(&o);
	put_held(&o);
	put_losses(&o);
	put_foot(&o);
	for (size_t i = 0; i < d->npairs; i++)
		if (r->full || (has_anything(&d->pairs[i]) && !only_renamed(&d->pairs[i]) && ++shown <= PAIR_MAX)) {
			dq_sb_putc(sb, '\n');
			dq_diff_pair_text(sb, r, &d->pairs[i]);
		}
	if (shown > PAIR_MAX && !r->full)
		dq_sb_printf(sb, "\n%zu more shapes are shown with --full, or by -f json.\n",
			     shown - PAIR_MAX);
}
