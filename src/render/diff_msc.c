/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_msc.c - what changed, as one chart of both sides, in Msc-generator's language.
 *
 * Either each step once, with how it differs, or BASE at the left and NEW at the right, with lanes
 * of their own and a step's two arrows at one height. A stretch that is the same is a box that
 * says how long it is, but for the steps next to a difference. At the left are the numbers of the
 * step in BASE and in NEW. Every text goes through dq_msc_escape_seen(): what lives are made of is
 * safe to print already. May use src/model and src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/diff.h"
#include "render/render.h"

#define LABEL_MAX  100	/* code points */
#define ARROWS_MAX 200
#define NOTES_MAX  8	/* findings and holders below the chart */
#define RUN_MIN	   3	/* equal steps that are not drawn one by one */

extern const unsigned char dq_tmpl_diff[];
extern const size_t dq_tmpl_diff_len;

enum lane_kind { L_APP, L_IMP, L_CORE, L_EXP };

struct lane {
	enum lane_kind kind;
	char *name;
};

/* A step that is to be drawn, or to be counted. */
struct row {
	const struct dq_unode *u;
	uint32_t mark;		/* DQ_D_ADDED, DQ_D_REMOVED, DQ_D_MOVED that it inherits, or 0 */
	size_t from, to;
	uint64_t na, nb;	/* its numbers; 0: not there */
};

struct em {
	struct dq_sb *o;
	bool beside;		/* two sets of lanes */
	char side;		/* of the lanes that are written: 'a', 'b'; '\0': there is one set */
	struct lane *lanes;
	size_t nlanes, cap_lanes;
	const struct dq_pair *p;
	const struct dq_utrack *t;
	uint64_t na, nb;
	struct row *same;	/* equal steps that wait for what follows */
	size_t nsame, cap_same;
	unsigned int level, arrows;
	uint64_t left_out;
	int err;
};

static void put(struct em *e, const char *s)
{
	dq_sb_puts(e->o, s);
}

static void indent(struct em *e)
{
	for (unsigned int i = 0; i < e->level; i++)
		put(e, "  ");
}

/* ---- lanes ---- */

static size_t lane(struct em *e, enum lane_kind kind, const char *name, size_t len)
{
	struct lane *l;

	for (size_t i = 0; i < e->nlanes; i++)
		if (e->lanes[i].kind == kind && strlen(e->lanes[i].name) == len &&
		    !memcmp(e->lanes[i].name, name, len))
			return i;
	l = DQ_PUSH(e->lanes, e->nlanes, e->cap_lanes);
	if (l) {
		l->kind = kind;
		l->name = strndup(name, len);
	}
	if (!l || !l->name) {
		e->err = -ENOMEM;
		e->nlanes -= l != NULL;
		return 0;
	}
	return e->nlanes - 1;
}

static size_t core_lane(struct em *e)
{
	return lane(e, L_CORE, "dma-buf", strlen("dma-buf"));
}

static const char *exporter(const struct em *e)
{
	const char *s = (e->p->a ? e->p->a : e->p->b)->exporter;

	return *s ? s : "exporter";
}

static size_t driver_lane(struct em *e, const char *name, size_t len)
{
	const char *x = exporter(e);

	return strlen(x) == len && !memcmp(x, name, len) ? lane(e, L_EXP, name, len) :
							   lane(e, L_IMP, name, len);
}

static size_t app_lane(struct em *e)
{
	const char *role = e->t->role_b ? e->t->role_b : e->t->role_a;

	return *role ? lane(e, L_APP, role, strlen(role)) : core_lane(e);
}

/* "VIDIOC_QBUF on vivid" goes to vivid. */
static size_t sys_target(struct em *e, const char *text)
{
	const char *on = strstr(text, " on "), *end;

	if (!on)
		return core_lane(e);
	on += 4;
	end = *on == '"' ? dq_node_behind_word(on) : on + strcspn(on, " ");
	return driver_lane(e, on, (size_t)(end - on));
}

static void find_lanes(struct em *e, const struct dq_node *n, bool in_callback, struct row *r)
{
	const char *w = dq_node_behind_word(n->text);
	size_t exp = lane(e, L_EXP, exporter(e), strlen(exporter(e)));
	bool driver = n->kind != DQ_NODE_SYS && !strncmp(w, ": ", 2);

	r->to = core_lane(e);
	r->from = driver || n->flags & DQ_NODE_CALLBACK || in_callback ? r->to : app_lane(e);
	if (n->kind == DQ_NODE_SYS) {
		r->to = sys_target(e, n->text);
	} else if (n->flags & DQ_NODE_CALLBACK) {
		r->from = r->to;
		r->to = exp;
	} else if (driver) {
		r->from = driver_lane(e, n->text, (size_t)(w - n->text));
	} else if (in_callback) {
		r->from = exp;
	}
	if (r->from == r->to)
		r->to = r->from == exp ? core_lane(e) : exp;
}

static void lane_id(struct em *e, size_t i)
{
	static const char *const p[] = { "app", "imp", "core", "exp" };
	unsigned int n = 1;

	for (size_t k = 0; k < i; k++)
		n += e->lanes[k].kind == e->lanes[i].kind;
	if (e->side)
		dq_sb_putc(e->o, e->side);
	put(e, p[e->lanes[i].kind]);
	if (e->lanes[i].kind != L_CORE)
		dq_sb_printf(e->o, "%u", n);
}

/* From the first lane to the last: which those are is known at the end. */
#define WHOLE_WIDTH '\001'

static void put_whole_width(struct em *e)
{
	dq_sb_putc(e->o, WHOLE_WIDTH);
}

/* ---- labels ---- */

/* What the two have in common at the begin and at the end, cut where a word begins. */
static void common(const char *a, const char *b, size_t *head, size_t *tail)
{
	size_t la = strlen(a), lb = strlen(b), n = la < lb ? la : lb;

	for (*head = 0; *head < n && a[*head] == b[*head];)
		(*head)++;
	while (*head && !strchr(" (,|=", a[*head - 1]))
		(*head)--;
	for (*tail = 0; *tail < n - *head && a[la - 1 - *tail] == b[lb - 1 - *tail];)
		(*tail)++;
	while (*tail && !strchr(" ),|=", a[la - *tail]))
		(*tail)--;
}

static void put_part(struct em *e, const char *s, size_t len)
{
	char *part = strndup(s, len);

	if (!part)
		e->err = -ENOMEM;
	else
		dq_msc_escape_seen(e->o, part, LABEL_MAX);
	free(part);
}

static void put_change(struct em *e, const char *a, const char *b)
{
	size_t head, tail, la = strlen(a), lb = strlen(b);

	common(a, b, &head, &tail);
	put_part(e, a, head);
	if (la > head + tail) {
		put(e, "\\c(del)");
		put_part(e, a + head, la - head - tail);
		put(e, "\\c()");
	}
	put(e, " → ");
	put_part(e, lb > head + tail ? b + head : "nothing",
		 lb > head + tail ? lb - head - tail : strlen("nothing"));
	put_part(e, a + la - tail, tail);
}

static void put_number(struct em *e, uint64_t n)
{
	char buf[24] = "";

	if (n)
		snprintf(buf, sizeof(buf), "%" PRIu64, n);
	for (size_t i = strlen(buf); i < 3; i++)
		put(e, "\\~");
	put(e, buf);
}

static void put_numbers(struct em *e, const struct row *r, const char *sign, const char *color)
{
	put(e, "; comment: ");
	if (color)
		dq_sb_printf(e->o, "\\c(%s)\\b", color);
	put_number(e, r->na);
	dq_sb_printf(e->o, "\\~%s\\~", sign);
	put_number(e, r->nb);
	put(e, ";");
}

/* The lane says who. */
static const char *without_who(const struct dq_node *n)
{
	const char *w = dq_node_behind_word(n->text);

	return n->kind == DQ_NODE_CALL && !strncmp(w, ": ", 2) ? w + 2 : n->text;
}

static bool same_who(const struct dq_node *a, const struct dq_node *b)
{
	size_t na = (size_t)(without_who(a) - a->text), nb = (size_t)(without_who(b) - b->text);

	return na == nb && !memcmp(a->text, b->text, na);
}

/* ---- rows ---- */

/* How a row looks: by the first of these that its verdict has. */
static const struct look {
	uint32_t v;
	const char *style, *sign, *color;
} looks[] = {
	{ DQ_D_MOVED, "moved", "↕", "chg" },	  { DQ_D_ADDED, "added", "+", "add" },
	{ DQ_D_REMOVED, "removed", "−", "del" }, { DQ_D_CHANGED, "changed", "~", "chg" },
	{ DQ_D_RENAMED, "changed", "~", "chg" },
};

static const struct look *look_of(const struct row *r)
{
	uint32_t v = r->u->rule >= 0 ? 0 : r->mark | r->u->verdict;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(looks); i++)
		if (v & looks[i].v)
			return &looks[i];
	return NULL;
}

static void put_times_of(struct em *e, uint64_t n)
{
	if (n > 1)
		dq_sb_printf(e->o, " (× %" PRIu64 ")", n);
}

static void begin_arrow(struct em *e, const struct row *r, const struct dq_node *n)
{
	lane_id(e, r->from);
	put(e, n->kind == DQ_NODE_FACT ? "--" : "->");
	lane_id(e, r->to);
	put(e, n->kind == DQ_NODE_FACT ? ": held by " : ": ");
}

static void draw_union(struct em *e, const struct row *r, const struct look *l)
{
	const struct dq_node *n = r->u->a ? r->u->a : r->u->b;
	bool changed = l && l->v & (DQ_D_CHANGED | DQ_D_RENAMED);

	begin_arrow(e, r, n);
	if (changed && same_who(r->u->a, r->u->b))
		put_change(e, without_who(r->u->a), without_who(r->u->b));
	else if (changed)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a change has both sides */
		put_change(e, r->u->a->text, r->u->b->text);
	else
		dq_msc_escape_seen(e->o, without_who(n), LABEL_MAX);
	if (r->u->a_max != 1 && r->u->b_max != 1)
		put_times_of(e, r->u->b_max ? r->u->b_max : r->u->a_max);
	if (l)
		dq_sb_printf(e->o, " [%s]", l->style);
	put_numbers(e, r, l ? l->sign : "\\~", l ? l->color : NULL);
	put(e, "\n");
}

/* The arrow of one side in braces of its own, so that the two begin at one height. */
static void draw_side(struct em *e, const struct row *r, const struct look *l, char side)
{
	const struct dq_node *n = side == 'a' ? r->u->a : r->u->b;

	put(e, "{ ");
	e->side = side;
	if (n) {
		begin_arrow(e, r, n);
		dq_msc_escape_seen(e->o, without_who(n), LABEL_MAX);
		put_times_of(e, side == 'a' ? r->u->a_max : r->u->b_max);
		if (l)
			dq_sb_printf(e->o, " [%s]", l->style);
		if (side == 'a' || !r->u->a)
			put_numbers(e, r, l ? l->sign : "\\~", l ? l->color : NULL);
		else
			put(e, ";");
	}
	e->side = '\0';
	put(e, " }");
}

static void draw(struct em *e, const struct row *r)
{
	const struct look *l = look_of(r);

	if (e->arrows++ >= ARROWS_MAX) {
		e->left_out++;
		return;
	}
	indent(e);
	if (!e->beside) {
		draw_union(e, r, l);
		return;
	}
	draw_side(e, r, l, 'a');
	put(e, " ");
	draw_side(e, r, l, 'b');
	put(e, ";\n");
}

static void rows(struct em *e, const struct dq_unode *v, size_t n, uint32_t mark, bool in_callback);

static void flush(struct em *e)
{
	if (e->nsame > RUN_MIN) {
		indent(e);
		put_whole_width(e);
		dq_sb_printf(e->o, ": %zu identical steps [run];\n", e->nsame);
	}
	for (size_t i = 0; i < e->nsame && e->nsame <= RUN_MIN; i++)
		draw(e, &e->same[i]);
	e->nsame = 0;
}

static bool any_difference(const struct dq_unode *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].verdict || v[i].deviates || v[i].moved || any_difference(v[i].kids, v[i].nkids))
			return true;
	return false;
}

static void put_times(struct em *e, const struct dq_unode *u)
{
	uint64_t min = u->a_max ? u->a_min : u->b_min, max = u->a_max ? u->a_max : u->b_max;

	dq_sb_printf(e->o, "loop × %" PRIu64, min);
	if (max != min)
		dq_sb_printf(e->o, "-%" PRIu64, max);
	if (!u->a_max || !u->b_max || (u->a_min == u->b_min && u->a_max == u->b_max))
		return;
	dq_sb_printf(e->o, " → %" PRIu64, u->b_min);
	if (u->b_max != u->b_min)
		dq_sb_printf(e->o, "-%" PRIu64, u->b_max);
}

/* A loop, or odd rounds of one, in a box. */
static void box(struct em *e, const struct dq_unode *u, uint32_t mark, bool in_callback, bool self)
{
	struct dq_unode once = *u;

	flush(e);
	indent(e);
	put_whole_width(e);
	dq_sb_printf(e->o, ": [%s, tag=\"", u->deviates ? "odd" : u->verdict & DQ_D_COUNT ? "loopchg" :
						"loop");
	if (u->deviates)
		dq_sb_printf(e->o, "in %" PRIu64 " round%s of %s", u->b_max ? u->b_max : u->a_max,
			     (u->b_max ? u->b_max : u->a_max) == 1 ? "" : "s",
			     u->b_max ? "NEW" : "BASE");
	else
		put_times(e, u);
	put(e, "\"] {\n");
	e->level++;
	once.a_min = once.a_max = u->a ? 1 : 0;
	once.b_min = once.b_max = u->b ? 1 : 0;
	once.verdict &= ~(uint32_t)DQ_D_COUNT;
	if (self)
		rows(e, &once, 1, mark, in_callback);
	else
		rows(e, u->kids, u->nkids, mark, in_callback);
	flush(e);
	e->level--;
	indent(e);
	put(e, "};\n");
}

static void step(struct em *e, const struct dq_unode *u, uint32_t mark, bool in_callback)
{
	const struct dq_node *n = u->a ? u->a : u->b;
	struct row r = { .u = u, .mark = mark }, *row;

	r.na = u->a ? ++e->na : 0;
	r.nb = u->b ? ++e->nb : 0;
	find_lanes(e, n, in_callback, &r);
	if (mark || u->verdict) {
		flush(e);
		draw(e, &r);
	} else {
		row = DQ_PUSH(e->same, e->nsame, e->cap_same);
		if (row)
			*row = r;
		else
			e->err = -ENOMEM;
	}
	rows(e, u->kids, u->nkids, mark, n->flags & DQ_NODE_CALLBACK);
}

static void rows(struct em *e, const struct dq_unode *v, size_t n, uint32_t mark, bool in_callback)
{
	for (size_t i = 0; i < n && !e->err; i++) {
		const struct dq_unode *u = &v[i];
		const struct dq_node *node = u->a ? u->a : u->b;
		uint32_t own = u->rule < 0 ? u->verdict & (DQ_D_ADDED | DQ_D_REMOVED | DQ_D_MOVED) : 0;
		bool differs = mark || any_difference(u, 1);
		bool many = u->a_max > 1 || u->b_max > 1;

		own |= mark;
		if (u->deviates || (node->kind == DQ_NODE_LOOP && differs))
			box(e, u, own, in_callback, false);
		else if (node->kind == DQ_NODE_LOOP)
			rows(e, u->kids, u->nkids, own, in_callback);
		else if (many && differs)
			box(e, u, own, in_callback, true);
		else
			step(e, u, own, in_callback);
	}
}

/* ---- tracks ---- */

static void put_track(struct em *e, const struct dq_utrack *t, uint32_t mark)
{
	put_whole_width(e);
	put(e, ": ");
	if (mark)
		put(e, mark & DQ_D_ADDED ? "\\c(add)+ " : "\\c(del)− ");
	dq_msc_escape_seen(e->o, dq_track_key(t->kind), LABEL_MAX);
	put(e, " ");
	dq_msc_escape_seen(e->o, t->role_b ? t->role_b : t->role_a, LABEL_MAX);
	put(e, " [run];\n");
}

static void count_rows(struct em *e, const struct dq_unode *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((v[i].a ? v[i].a : v[i].b)->kind != DQ_NODE_LOOP) {
			e->na += v[i].a != NULL;
			e->nb += v[i].b != NULL;
		}
		count_rows(e, v[i].kids, v[i].nkids);
	}
}

/* In a track without a difference nothing is next to one. */
static void equal_track(struct em *e, const struct dq_utrack *t)
{
	uint64_t before = e->na;

	count_rows(e, t->v, t->n);
	if (e->na == before)
		return;
	put_whole_width(e);
	dq_sb_printf(e->o, ": %" PRIu64 " identical step%s, ", e->na - before,
		     e->na - before == 1 ? "" : "s");
	dq_msc_escape_seen(e->o, dq_track_key(t->kind), LABEL_MAX);
	put(e, " ");
	dq_msc_escape_seen(e->o, t->role_b, LABEL_MAX);
	put(e, " [run];\n");
}

/* ---- the chart ---- */

static void pair(struct em *e, const struct dq_pair *p, bool alone)
{
	const struct dq_shape *s = p->a ? p->a : p->b;
	char size[32];

	e->p = p;
	e->na = e->nb = 0;
	if (!alone || !p->a || !p->b) {
		dq_sb_printf(e->o, "---: shape %s", s->name);
		if (p->a && p->b && strcmp(p->a->name, p->b->name))
			dq_sb_printf(e->o, " → %s", p->b->name);
		dq_sb_printf(e->o, ", %zu of %s", p->a ? p->na : p->nb, dq_fmt_size(size, s->size_max));
		put(e, p->a && p->b ? " [shape];\n" : p->a ? ", only in BASE [shape];\n" :
							     ", only in NEW [shape];\n");
	}
	for (size_t i = 0; i < p->ntracks; i++) {
		const struct dq_utrack *t = &p->tracks[i];
		uint32_t mark = !p->a || t->verdict & DQ_D_ADDED ? DQ_D_ADDED :
				!p->b || t->verdict & DQ_D_REMOVED ? DQ_D_REMOVED : 0;

		e->t = t;
		mark = t->rule < 0 ? mark : 0;
		if (!mark && !any_difference(t->v, t->n)) {
			equal_track(e, t);
			continue;
		}
		/* a thread of the application has a lane that says who it is */
		if (t->kind != DQ_TRACK_APP || (mark && p->a && p->b))
			put_track(e, t, mark);
		rows(e, t->v, t->n, mark, false);
		flush(e);
	}
}

static const enum lane_kind lane_order[] = { L_APP, L_IMP, L_CORE, L_EXP };

static void put_lanes(struct em *e)
{
	for (size_t k = 0; k < DQ_ARRAY_SIZE(lane_order); k++)
		for (size_t i = 0; i < e->nlanes; i++) {
			if (e->lanes[i].kind != lane_order[k])
				continue;
			lane_id(e, i);
			put(e, ": ");
			dq_msc_escape_seen(e->o, e->lanes[i].name, 40);
			put(e, ";\n");
		}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Both sides have all lanes, so that each is at the same place. */
static void put_all_lanes(struct em *e, const char *a, const char *b)
{
	if (!e->beside) {
		put_lanes(e);
		return;
	}
	put(e, "BASE: ");
	dq_msc_escape(e->o, base_name(a), 40);
	put(e, " [beside] {\n");
	e->side = 'a';
	put_lanes(e);
	put(e, "};\nNEW: ");
	dq_msc_escape(e->o, base_name(b), 40);
	put(e, " [beside] {\n");
	e->side = 'b';
	put_lanes(e);
	put(e, "};\n");
	e->side = '\0';
}

static void put_body(struct em *e, const char *s)
{
	size_t first = SIZE_MAX, last = 0;

	for (size_t k = 0; k < DQ_ARRAY_SIZE(lane_order); k++)
		for (size_t i = 0; i < e->nlanes; i++)
			if (e->lanes[i].kind == lane_order[k]) {
				first = first == SIZE_MAX ? i : first;
				last = i;
			}
	for (; *s; s++) {
		if (*s != WHOLE_WIDTH) {
			dq_sb_putc(e->o, *s);
			continue;
		}
		e->side = e->beside ? 'a' : '\0';
		lane_id(e, first);
		put(e, "--");
		e->side = e->beside ? 'b' : '\0';
		lane_id(e, last);
		e->side = '\0';
	}
}

static void put_title(struct dq_sb *o, const struct dq_diff *d, const char *a, const char *b)
{
	static const struct { uint32_t v; const char *sign, *color; } signs[] = {
		{ DQ_D_ADDED, "+", "add" }, { DQ_D_REMOVED, "−", "del" },
		{ DQ_D_CHANGED, "~", "chg" }, { DQ_D_MOVED, "↕", "chg" },
		{ DQ_D_COUNT, "×", "chg" }, { DQ_D_RENAMED, "≈", "chg" },
	};
	bool any = false;

	dq_sb_puts(o, "title: ");
	dq_msc_escape(o, base_name(a), 40);
	dq_sb_puts(o, " → ");
	dq_msc_escape(o, base_name(b), 40);
	dq_sb_puts(o, ";\nsubtitle: ");
	for (size_t i = 0; i < DQ_ARRAY_SIZE(signs); i++) {
		uint64_t n = d->n[dq_verdict_bit(signs[i].v)];

		if (!n)
			continue;
		any = true;
		dq_sb_printf(o, "\\c(%s)%s %" PRIu64 " %s\\c()   ", signs[i].color, signs[i].sign, n,
			     dq_verdict_name(signs[i].v));
	}
	dq_sb_printf(o, "%s%" PRIu64 " steps compared;\n", any ? "" : "no difference, ", d->steps);
}

/* What no arrow shows: findings that came or went, and who holds more or fewer buffers at the end. */
static void put_notes(struct dq_sb *o, const struct dq_diff *d)
{
	for (size_t i = 0; i < d->nfound && i < NOTES_MAX; i++) {
		const struct dq_ufound *f = &d->found[i];

		if (f->rule >= 0)
			continue;
		dq_sb_printf(o, "endnote: \\c(%s)%s ", f->weak ? "dim" : f->a ? "del" : "add", f->a ? "−" : "+");
		dq_msc_escape_seen(o, (f->a ? f->a : f->b)->text, LABEL_MAX);
		dq_sb_puts(o, ";\n");
	}
	for (size_t i = 0; i < d->nheld && i < NOTES_MAX; i++) {
		const struct dq_held *h = &d->held[i];

		if (h->a == h->b)
			continue;
		dq_sb_puts(o, "endnote: held at the end: ");
		dq_msc_escape_seen(o, h->text, LABEL_MAX);
		dq_sb_printf(o, ", %" PRIu64 " → %" PRIu64 " buffers;\n", h->a, h->b);
	}
}

int dq_diff_msc(struct dq_sb *out, const struct dq_diff *d, const char *a, const char *b, bool beside)
{
	struct dq_sb body = { 0 };
	struct em e = { .o = &body, .beside = beside };
	size_t differ = 0;

	for (size_t i = 0; i < d->npairs; i++)
		differ += dq_pair_differs(&d->pairs[i]);
	for (size_t i = 0; i < d->npairs && !e.err; i++)
		if (dq_pair_differs(&d->pairs[i]) || (!differ && !i))
			pair(&e, &d->pairs[i], differ < 2);
	if (!e.nlanes && e.p) {	/* nothing was drawn, but it was said how much is the same */
		core_lane(&e);
		lane(&e, L_EXP, exporter(&e), strlen(exporter(&e)));
	}
	dq_sb_put(out, dq_tmpl_diff, dq_tmpl_diff_len);
	dq_sb_putc(out, '\n');
	put_title(out, d, a, b);
	e.o = out;
	put_all_lanes(&e, a, b);
	dq_sb_puts(out, "vspace 6;\n");
	put_body(&e, dq_sb_str(&body));
	put_notes(out, d);
	if (e.left_out)
		dq_sb_printf(out, "endnote: %" PRIu64 " steps of differences are not drawn;\n", e.left_out);
	for (size_t i = 0; i < e.nlanes; i++)
		free(e.lanes[i].name);
	free(e.lanes);
	free(e.same);
	e.err = body.err ? body.err : e.err;
	dq_sb_free(&body);
	return e.err ? e.err : out->err;
}
