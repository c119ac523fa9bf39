/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hover.c - what a picture of Msc-generator lacks in a browser: text and details.
 *
 * Its SVG has outlines of letters and nothing that tells an arrow from another. Its layout
 * map says where each label stands, in the same coordinates. So a layer is put over the
 * picture: the labels once more, invisible, to be searched and copied, and over each arrow a
 * field with an id, a link to itself, and as its <title> the call as `dump` shows it, its
 * thread and its stack. Nothing in it can run: texts are escaped, and the only style is ours.
 * May use src/model, src/trace and src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render/render.h"

#define TITLE_MAX 6000	/* bytes */
#define ARROW_PX 10	/* an arrow is that far below its label */

/* A line of the layout map. */
struct spot {
	char type;		/* A: arrow, E: heading of a lane or group, C: comment, ... */
	double x1, y1, x2, y2;
	const char *text;
	size_t len;
};

struct layer {
	struct dq_sb *o;
	const struct dq_render_input *in;
	const struct dq_story *s;
	struct spot *spots;
	size_t nspots, cap_spots;
	const struct dq_step **steps; /* of this page, as they are drawn */
	size_t nsteps, cap_steps;
	double *lane;		/* where each stands; NULL: not known */
	int err;
};

/* ---- XML ---- */

static void xml(struct dq_sb *sb, const char *s, size_t len)
{
	for (size_t i = 0, adv; i < len; i += adv) {
		int32_t c = dq_utf8_next(s + i, len - i, &adv);

		if (c == '&')
			dq_sb_puts(sb, "&amp;");
		else if (c == '<')
			dq_sb_puts(sb, "&lt;");
		else if (c == '>')
			dq_sb_puts(sb, "&gt;");
		else if (c == '"')
			dq_sb_puts(sb, "&quot;");
		else if (c == '\n')
			dq_sb_puts(sb, "&#10;");
		else if (c < 0)
			dq_sb_printf(sb, "\\x%02x", (uint8_t)s[i]);
		else if (!dq_utf8_printable((uint32_t)c))
			dq_sb_printf(sb, "\\u{%x}", (unsigned int)c);
		else
			dq_sb_put(sb, s + i, adv);
	}
}

/* ---- the layout map ---- */

static int read_map(struct layer *l, const char *map)
{
	for (const char *p = map; *p;) {
		const char *nl = strchrnul(p, '\n');
		struct spot sp;
		int page, at = 0;

		if (sscanf(p, "%c %d %lf %lf %lf %lf%n", &sp.type, &page, &sp.x1, &sp.y1, &sp.x2,
			   &sp.y2, &at) == 6 && at && p + at <= nl) {
			struct spot *row = DQ_PUSH(l->spots, l->nspots, l->cap_spots);

			if (!row)
				return -ENOMEM;
			sp.text = p + at + (p[at] == ' ');
			sp.len = sp.text < nl ? (size_t)(nl - sp.text) : 0;
			*row = sp;
		}
		p = *nl ? nl + 1 : nl;
	}
	return 0;
}

static int list_steps(struct layer *l)
{
	const struct dq_story *s = l->s;
	const struct dq_page *p;

	if (s->npages > 1 && !l->in->page)
		return 0;	/* the index has none */
	p = &s->pages[l->in->page ? l->in->page - 1 : 0];
	for (size_t u = p->first; u < p->first + p->n; u++)
		for (size_t i = 0; i < s->units[u].n; i++) {
			const struct dq_step **row = DQ_PUSH(l->steps, l->nsteps, l->cap_steps);

			if (!row)
				return -ENOMEM;
			*row = &s->steps[s->units[u].first + i];
		}
	return 0;
}

/* The label of a step as far as it cannot have been escaped or cut. */
static bool says(const struct spot *sp, const struct dq_step *st)
{
	const char *text = strncmp(st->text, "ops->", 5) ? st->text : st->text + 5;
	size_t n = 0;

	while (n < 40 && text[n] >= ' ' && text[n] < 0x7f && !strchr("\\ ", text[n]))
		n++;
	return !n || memmem(sp->text, sp->len, text, n);
}

/* Is the k-th arrow of the map the k-th step? */
static bool fits(const struct layer *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nspots; i++) {
		if (l->spots[i].type != 'A')
			continue;
		if (n == l->nsteps || !says(&l->spots[i], l->steps[n]))
			return false;
		n++;
	}
	return n == l->nsteps;
}

/* Headings of groups come first, then those of lanes, then the chart. */
static void find_lanes(struct layer *l)
{
	size_t all = l->s->nlanes, n = 0, seen = 0, first = 0;
	bool *used = calloc(all + 1, sizeof(*used));

	l->lane = calloc(all + 1, sizeof(*l->lane));
	if (!used || !l->lane || dq_msc_lanes(l->in, used))
		l->err = -ENOMEM;
	for (size_t i = 0; i < all && !l->err; i++)
		n += used[i];
	for (size_t i = 0; i < l->nspots && l->spots[i].type != 'A'; i++) {
		if (l->spots[i].type != 'E')
			continue;
		seen++;
		first = i;
	}
	if (l->err || seen < n || !n || first + 1 < n) {
		free(l->lane);
		l->lane = NULL;
	}
	for (size_t i = 0, k = 0; i < all && l->lane; i++) {
		const struct spot *sp;

		if (!used[i])
			continue;
		sp = &l->spots[first + 1 - n + k++];
		l->lane[i] = (sp->x1 + sp->x2) / 2;
	}
	free(used);
}

/* ---- what is told of a step ---- */

static void put_item(struct layer *l, struct dq_sb *sb, const struct dq_item *item)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f || dq_text_print(f, item))
		l->err = -ENOMEM;
	if (f && fclose(f))
		l->err = -ENOMEM;
	if (!l->err)
		dq_sb_put(sb, text, len);	/* with its newline */
	free(text);
}

/* The call that the step is about: the outermost that began, or ended, just then. */
static const struct dq_call *call_of(const struct layer *l, const struct dq_group *g,
				     const struct dq_step *st)
{
	for (size_t i = g->first; i < g->first + g->n; i++) {
		const struct dq_call *c = &l->s->m->calls_v[i].c;

		if (st->kind == DQ_STEP_CALL ? c->t0 == st->t : c->t0 + c->dur == st->t)
			return c;
	}
	return NULL;
}

static void put_stack(const struct layer *l, struct dq_sb *sb, const struct dq_call *c)
{
	const struct dq_stack *stack = c && c->stack ? dq_model_stack(l->s->m, c->stack) : NULL;

	if (stack)
		dq_sb_printf(sb, "%s\n", stack->frames);
}

static void put_thread(const struct layer *l, struct dq_sb *sb, const struct dq_group *g)
{
	const struct dq_task *t = dq_model_task(l->s->m, g->task);

	if (!t)
		return;
	if (t->flags & DQ_TASK_KTHREAD)
		dq_sb_printf(sb, "kernel thread %s (%u)\n", t->comm, t->tid);
	else
		dq_sb_printf(sb, "thread %s (%u) of %s (%u)\n", t->comm, t->tid,
			     dq_task_process(l->s->m, g->task), t->tgid);
}

static void put_title(struct layer *l, const struct dq_step *st)
{
	const struct dq_model *m = l->s->m;
	uint64_t t = st->t > m->t_first ? st->t - m->t_first : 0;
	const struct dq_group *g = st->group < m->ngroups ? &m->groups[st->group] : NULL;
	const struct dq_call *c = g && !(st->flags & DQ_ST_SYS) ? call_of(l, g, st) : NULL;
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "%s\nat %" PRIu64 ".%09" PRIu64 " s\n", st->text, t / 1000000000,
		     t % 1000000000);
	if (st->dmax)
		dq_sb_printf(&sb, "of a loop: times are those of its first round\n");
	for (const struct dq_said *d = NULL; (d = dq_story_said(l->s, st, d));)
		dq_sb_printf(&sb, "finding #%u%s%s: %s\n", d->m->number, d->m->main ? ", " : "",
			     d->m->head, d->m->text);
	if (g)
		put_thread(l, &sb, g);
	if (c)
		put_item(l, &sb, &(struct dq_item){ .kind = DQ_CALL, .call = *c });
	put_stack(l, &sb, c);
	if (g && g->has_sys)
		put_item(l, &sb, &(struct dq_item){ .kind = DQ_SYS, .sys = g->sys });
	while (sb.len && sb.s[sb.len - 1] == '\n')
		sb.len--;
	dq_sb_puts(l->o, "<title>");
	xml(l->o, dq_sb_str(&sb), sb.len < TITLE_MAX ? sb.len : TITLE_MAX);
	dq_sb_puts(l->o, "</title>");
	l->err = sb.err ? sb.err : l->err;
	dq_sb_free(&sb);
}

/* ---- the layer ---- */

/* The label once more, as text. */
static void put_text(struct layer *l, const struct spot *sp)
{
	double h = sp->y2 - sp->y1, w = sp->x2 - sp->x1;

	if (!sp->len || w <= 0 || h <= 0)
		return;
	dq_sb_printf(l->o, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\" textLength=\"%.1f\" "
		     "lengthAdjust=\"spacingAndGlyphs\">", sp->x1, sp->y2 - h / 4, h * 0.75, w);
	xml(l->o, sp->text, sp->len);
	dq_sb_puts(l->o, "</text>");
}

static void put_arrow(struct layer *l, const struct spot *sp, size_t k)
{
	const struct dq_step *st = l->steps[k];
	double x1 = sp->x1, x2 = sp->x2;

	if (l->lane) {
		double a = l->lane[st->from], b = l->lane[st->to];

		x1 = a < x1 ? a : x1;
		x1 = b < x1 ? b : x1;
		x2 = a > x2 ? a : x2;
		x2 = b > x2 ? b : x2;
	}
	dq_sb_printf(l->o, "<g class=\"step\" id=\"step-%zu\">", k + 1);
	put_title(l, st);
	dq_sb_printf(l->o, "<a href=\"#step-%zu\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		     "height=\"%.1f\"/></a>", k + 1, x1, sp->y1, x2 - x1,
		     sp->y2 - sp->y1 + ARROW_PX);
	put_text(l, sp);
	dq_sb_puts(l->o, "</g>\n");
}

/* Relative to the picture, whatever characters are in its name. */
static void put_address(struct dq_sb *o, const char *s)
{
	static const char plain[] = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	dq_sb_puts(o, "./");
	for (; *s; s++) {
		if (strchr(plain, *s))
			dq_sb_putc(o, *s);
		else
			dq_sb_printf(o, "%%%02X", (uint8_t)*s);
	}
}

/* The box of an index or of an overview that is about page n: leads there. */
static void put_link(struct layer *l, const struct spot *sp, size_t n)
{
	const char *base = strrchr(l->in->link, '/');
	struct dq_sb name = { 0 };

	dq_page_name(&name, base ? base + 1 : l->in->link, n, l->in->npages);
	dq_sb_puts(l->o, "<a class=\"page\" href=\"");
	put_address(l->o, dq_sb_str(&name));
	dq_sb_printf(l->o, "\"><title>page %zu</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		     "height=\"%.1f\"/></a>\n", n, sp->x1, sp->y1, sp->x2 - sp->x1, sp->y2 - sp->y1);
	l->err = name.err ? name.err : l->err;
	dq_sb_free(&name);
}

void dq_page_name(struct dq_sb *name, const char *path, size_t page, size_t npages)
{
	const char *base = strrchr(path, '/'), *dot = strrchr(base ? base : path, '.');
	int digits = snprintf(NULL, 0, "%zu", npages);

	dot = dot ? dot : path + strlen(path);
	dq_sb_put(name, path, (size_t)(dot - path));
	dq_sb_printf(name, "-%0*zu%s", digits, page, dot);
}

static void put_layer(struct layer *l, bool arrows)
{
	size_t k = 0, boxes = 0;

	dq_sb_puts(l->o, "<style>.text text, .step text { fill: transparent; font-family: sans-serif; "
			 "white-space: pre; } .step rect, .page rect { fill: transparent; } "
			 ".page:hover rect { fill: #90a4ae; fill-opacity: .25; } "
			 ".step:hover rect { fill: #90a4ae; fill-opacity: .25; } "
			 ".step:target rect { fill: #ffc107; fill-opacity: .3; }</style>\n"
			 "<g class=\"text\">\n");
	for (size_t i = 0; i < l->nspots; i++) {
		if (arrows && l->spots[i].type == 'A') {
			put_arrow(l, &l->spots[i], k++);
		} else {
			put_text(l, &l->spots[i]);
			dq_sb_putc(l->o, '\n');
			/* a box without content */
			if (l->in->link && l->spots[i].type == 'b' && boxes++ < l->in->nlinks)
				put_link(l, &l->spots[i], boxes);
		}
	}
	dq_sb_puts(l->o, "</g>\n");
}

int dq_svg_hover(struct dq_sb *svg, const char *map, const struct dq_render_input *in)
{
	static const char end[] = "</svg>";
	struct dq_sb tail = { 0 };
	struct layer l = { .o = &tail, .in = in, .s = in->story };
	char *at = svg->s ? memmem(svg->s, svg->len, end, sizeof(end) - 1) : NULL;
	bool arrows;
	int ret = at ? read_map(&l, map) : -EINVAL;

	if (!ret)
		ret = list_steps(&l);
	arrows = !ret && fits(&l);
	if (arrows)
		find_lanes(&l);
	if (!ret) {
		put_layer(&l, arrows);
		ret = l.err ? l.err : tail.err;
	}
	if (!ret) {
		svg->len = (size_t)(at - svg->s);
		dq_sb_put(svg, tail.s, tail.len);
		dq_sb_puts(svg, "</svg>\n");
		ret = svg->err ? svg->err : arrows ? 0 : -ENODATA;
	}
	dq_sb_free(&tail);
	free(l.spots);
	free(l.steps);
	free(l.lane);
	return ret;
}
