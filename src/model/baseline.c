/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * baseline.c - writes shapes as text.
 *
 * Texts of nodes are one line and safe to print, so they are lines as they are. May use src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/baseline.h"
#include "model/internal.h"

static void free_remarks(struct dq_remarks *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].text);
		free(r->v[i].anchor);
	}
	free(r->v);
}

void dq_side_free(struct dq_side *s)
{
	dq_shapes_free(&s->shapes);
	free(s->kernel);
	free(s->arch);
	for (size_t i = 0; i < s->nremarks; i++)
		free_remarks(&s->remarks[i]);
	free(s->remarks);
	free_remarks(&s->head);
	dq_found_free(&s->found);
	*s = (struct dq_side){ 0 };
}

static char *word_or_nothing(const char *s)
{
	struct dq_sb sb = { 0 };

	if (!*s)
		return strdup("");
	dq_life_word(&sb, s);
	if (sb.err)
		dq_sb_free(&sb);
	return sb.s;
}

int dq_side_of(struct dq_side *s, const struct dq_model *m, struct dq_lives *l, bool cut)
{
	int ret;

	*s = (struct dq_side){ .lost = m->lost, .cut = cut, .has_times = true };
	ret = dq_lives_shapes(l, &s->shapes);
	if (ret)
		return ret;
	s->kernel = word_or_nothing(m->release);
	s->arch = word_or_nothing(m->arch);
	if (s->kernel && s->arch)
		return 0;
	dq_side_free(s);
	return -ENOMEM;
}

/* ---- lines ---- */

struct printer {
	struct dq_sb *sb;
	struct dq_remarks *remarks; /* to be put above their lines; NULL: none */
};

static void put_indent(struct dq_sb *sb, unsigned int level)
{
	for (unsigned int i = 0; i < level; i++)
		dq_sb_puts(sb, "  ");
}

static void put_remarks(struct printer *p, unsigned int level, const char *line)
{
	for (size_t i = 0; p->remarks && i < p->remarks->n; i++) {
		struct dq_remark *r = &p->remarks->v[i];
		size_t k = i;

		if (r->used || strcmp(r->anchor, line))
			continue;
		/* all that stand together, and no others that have a line like this one */
		for (; k < p->remarks->n && !strcmp(p->remarks->v[k].anchor, line); k++) {
			put_indent(p->sb, level);
			dq_sb_printf(p->sb, "%s\n", p->remarks->v[k].text);
			p->remarks->v[k].used = true;
		}
		break;
	}
}

static void put_line(struct printer *p, unsigned int level, const char *line)
{
	put_remarks(p, level, line);
	put_indent(p->sb, level);
	dq_sb_printf(p->sb, "%s\n", line);
}

static void put_range_line(struct printer *p, unsigned int level, const char *key, uint64_t min,
			   uint64_t max, const char *behind)
{
	struct dq_sb line = { 0 };

	dq_sb_printf(&line, "%s %" PRIu64, key, min);
	if (max != min)
		dq_sb_printf(&line, "-%" PRIu64, max);
	dq_sb_puts(&line, behind);
	put_line(p, level, dq_sb_str(&line));
	p->sb->err = line.err ? line.err : p->sb->err;
	dq_sb_free(&line);
}

static void put_nodes(struct printer *p, const struct dq_node *v, size_t n, unsigned int level)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t min = dq_rounds_min(&v[i].rounds), max = v[i].rounds.max;
		bool repeat = min != 1 || max != 1 || v[i].kind == DQ_NODE_LOOP;
		unsigned int at = level + repeat;

		if (repeat)
			put_range_line(p, level, "repeat", min, max, "");
		if (v[i].kind == DQ_NODE_LOOP) {
			put_nodes(p, v[i].kids, v[i].nkids, at);
			continue;
		}
		put_line(p, at, v[i].text);
		if (v[i].flags & DQ_NODE_DARK)
			put_line(p, at + 1, "(callbacks not recorded)");
		put_nodes(p, v[i].kids, v[i].nkids, at + 1);
	}
}

static void put_word_line(struct printer *p, const char *key, const char *word)
{
	struct dq_sb line = { 0 };

	if (*word) {
		dq_sb_printf(&line, "%s %s", key, word);
		put_line(p, 1, dq_sb_str(&line));
	}
	p->sb->err = line.err ? line.err : p->sb->err;
	dq_sb_free(&line);
}

static void put_track(struct printer *p, const struct dq_track *t)
{
	struct dq_sb line = { 0 };
	bool many = t->threads_max > 1;

	dq_sb_puts(&line, dq_track_key(t->kind));
	if (many) {
		dq_sb_printf(&line, "s %" PRIu64, t->threads_min);
		if (t->threads_max != t->threads_min)
			dq_sb_printf(&line, "-%" PRIu64, t->threads_max);
	}
	if (*t->role)
		dq_sb_printf(&line, " %s", t->role);
	put_line(p, 1, dq_sb_str(&line));
	p->sb->err = line.err ? line.err : p->sb->err;
	dq_sb_free(&line);
	put_nodes(p, t->v, t->n, 2);
	if (t->cut)
		put_range_line(p, 2, "(cut", t->cut, t->cut, " steps)");
}

static void put_shape(struct printer *p, const struct dq_shape *s)
{
	dq_sb_putc(p->sb, '\n');
	put_remarks(p, 0, "shape");
	dq_sb_printf(p->sb, "shape %s\n", s->name);
	if (s->nbufs) {
		put_range_line(p, 1, "buffers", s->nbufs, s->nbufs, "");
		put_word_line(p, "exporter", s->exporter);
		put_range_line(p, 1, "size", s->size_min, s->size_max, "");
		put_word_line(p, "made by", s->process);
		for (size_t i = 0; i < s->nnames; i++)
			put_word_line(p, "called", s->names[i]);
	} else {
		put_line(p, 1, "no buffer");
	}
	for (size_t i = 0; i < s->life.ntracks; i++)
		put_track(p, &s->life.tracks[i]);
	/* what stood above lines that are gone, and at the end */
	for (size_t i = 0; p->remarks && i < p->remarks->n; i++)
		if (!p->remarks->v[i].used) {
			dq_sb_printf(p->sb, "  %s\n", p->remarks->v[i].text);
			p->remarks->v[i].used = true;
		}
}

/* ---- the file ---- */

static void put_findings(struct dq_sb *sb, const struct dq_side *s, struct dq_remarks *remarks)
{
	struct printer p = { sb, remarks };

	if (s->found.known)
		put_line(&p, 0, "findings");
	for (size_t i = 0; i < s->found.n; i++)
		put_line(&p, 1, s->found.v[i].text);
	/* what stood above findings that are gone */
	for (size_t i = 0; remarks && i < remarks->n; i++)
		if (!remarks->v[i].used)
			dq_sb_printf(sb, "%s%s\n", s->found.known ? "  " : "", remarks->v[i].text);
}

static void put_head(struct dq_sb *sb, const struct dq_side *s, struct dq_side *old)
{
	struct dq_remarks *r = old ? &old->head : NULL;

	dq_sb_puts(sb, DQ_BASELINE_MAGIC "\n");
	for (size_t i = 0; r && i < r->n; i++) {
		if (*r->v[i].anchor)
			continue;
		dq_sb_printf(sb, "%s\n", r->v[i].text);
		r->v[i].used = true;
	}
	if (*s->kernel || *s->arch)
		dq_sb_printf(sb, "kernel %s %s\n", *s->kernel ? s->kernel : "?",
			     *s->arch ? s->arch : "?");
	put_findings(sb, s, r);
}

static struct dq_remarks *remarks_of(struct dq_side *old, int i)
{
	return old && i >= 0 && (size_t)i < old->nremarks ? &old->remarks[i] : NULL;
}

/* By name: a life that changes moves no other block. */
static int by_name(const void *pa, const void *pb)
{
	return strcmp((*(const struct dq_shape *const *)pa)->name,
		      (*(const struct dq_shape *const *)pb)->name);
}

static int put_new(struct dq_sb *sb, const struct dq_side *s, const int *from)
{
	const struct dq_shape **v = calloc(s->shapes.n + 1, sizeof(*v));
	struct printer p = { .sb = sb };
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->shapes.n; i++)
		if (!from || from[i] < 0)
			v[n++] = &s->shapes.v[i];
	if (n)
		qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++)
		put_shape(&p, v[i]);
	free(v);
	return 0;
}

int dq_baseline_print(struct dq_sb *sb, const struct dq_side *s, struct dq_side *old,
		      const int *keep, const int *from)
{
	int ret;

	put_head(sb, s, old);
	for (size_t k = 0; old && k < old->shapes.n; k++)
		for (size_t i = 0; i < s->shapes.n; i++) {
			struct printer p = { sb, remarks_of(old, (int)k) };

			if (from[i] == (int)k)
				put_shape(&p, keep[i] >= 0 ? &old->shapes.v[k] : &s->shapes.v[i]);
		}
	ret = put_new(sb, s, old ? from : NULL);
	return ret ? ret : sb->err;
}
