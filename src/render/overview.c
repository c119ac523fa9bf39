/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * overview.c - what an overview says of the buffers that are told one after the other.
 *
 * An overview draws one buffer of each shape. Here are the words that say for how many it stands;
 * where they go is the renderer's business. Names of shapes are safe to print already, and plain
 * text for any chart language. May use src/model and src/util.
 */
#include <inttypes.h>

#include "render/render.h"

#define RANGES_MAX  6	/* of numbers of buffers */
#define HOLDERS_MAX 6

/* "#1, #4 to #39" */
static void put_ids(struct dq_sb *sb, const struct dq_shape *s)
{
	size_t ranges = 0;

	for (size_t i = 0, k; i < s->nbufs; i = k) {
		if (ranges++ == RANGES_MAX) {
			dq_sb_printf(sb, " and %zu more", s->nbufs - i);
			return;
		}
		for (k = i + 1; k < s->nbufs && s->bufs[k] == s->bufs[k - 1] + 1; k++)
			;
		dq_sb_printf(sb, "%s#%u", i ? ", " : "", s->bufs[i]);
		if (k > i + 1)
			dq_sb_printf(sb, "%s#%u", k > i + 2 ? " to " : ", ", s->bufs[k - 1]);
	}
}

static void count(const struct dq_shapes *ss, size_t *bufs, size_t *shapes)
{
	*bufs = *shapes = 0;
	for (size_t i = 0; i < ss->n; i++) {
		*bufs += ss->v[i].nbufs;
		*shapes += ss->v[i].nbufs > 0;
	}
}

void dq_overview_title(struct dq_sb *sb, const struct dq_shapes *s)
{
	size_t bufs, shapes;

	count(s, &bufs, &shapes);
	dq_sb_printf(sb, "%zu DMA-BUF%s of %zu shape%s", bufs, bufs == 1 ? "" : "s", shapes,
		     shapes == 1 ? "" : "s");
}

void dq_overview_who(struct dq_sb *sb, const struct dq_shape *s)
{
	if (s->nbufs > 1)
		dq_sb_printf(sb, "%zu buffers of this shape: ", s->nbufs);
	put_ids(sb, s);
	if (s->nbufs == 1)
		dq_sb_puts(sb, ", the only one of its shape");
}

static void put_range(struct dq_sb *sb, uint64_t min, uint64_t max)
{
	dq_sb_printf(sb, "%" PRIu64, min);
	if (max != min)
		dq_sb_printf(sb, " to %" PRIu64, max);
}

static void put_since(struct dq_sb *sb, const struct dq_story *s, uint64_t t)
{
	uint64_t us = (t > s->m->t_first ? t - s->m->t_first : 0) / 1000;

	dq_sb_printf(sb, "%" PRIu64 ".%06u s", us / 1000000, (unsigned int)(us % 1000000));
}

void dq_overview_what(struct dq_sb *sb, const struct dq_story *s, const struct dq_chapter *c,
		      const struct dq_shape *shape)
{
	const struct dq_mbuf *b = dq_model_buf(s->m, c->buf);
	char min[32], max[32];

	dq_sb_printf(sb, "%s · %s", shape->exporter, dq_fmt_size(min, shape->size_min));
	if (shape->size_max != shape->size_min)
		dq_sb_printf(sb, " to %s", dq_fmt_size(max, shape->size_max));
	if (*shape->process)
		dq_sb_printf(sb, " · made by %s", shape->process);
	for (size_t i = 0; i < shape->nnames && i < 3; i++)
		dq_sb_printf(sb, "%s%s", i ? ", " : " · called ", shape->names[i]);
	if (b && b->b.flags & DQ_BUF_PREEXISTING)
		dq_sb_puts(sb, " · from before the recording");
	if (b && !b->released)
		dq_sb_puts(sb, " · not released when it ended");
	dq_sb_puts(sb, " · ");
	put_range(sb, shape->calls_min, shape->calls_max);
	dq_sb_printf(sb, " call%s%s", shape->calls_max == 1 ? "" : "s", shape->nbufs > 1 ? " each" : "");
	if (!c->n)
		return;
	dq_sb_printf(sb, " · this is #%u from ", c->buf);
	put_since(sb, s, c->t0);
	dq_sb_puts(sb, " on");
}

void dq_overview_idle(struct dq_sb *sb, const struct dq_shape *shape)
{
	size_t n = 0;

	dq_sb_puts(sb, "no call was recorded");
	for (size_t i = 0; shape && i < shape->life.ntracks; i++) {
		const struct dq_track *t = &shape->life.tracks[i];

		for (size_t k = 0; t->kind == DQ_TRACK_HELD && k < t->n && n < HOLDERS_MAX; k++, n++)
			dq_sb_printf(sb, "%s%s", n ? ", " : "; held at the end: ", t->v[k].text);
	}
}

bool dq_overview_odd(const struct dq_story *s, const struct dq_shapes *shapes, size_t k)
{
	const struct dq_shape *now = dq_shape_of(shapes, s->chapters[k].buf);
	const struct dq_shape *before = k ? dq_shape_of(shapes, s->chapters[k - 1].buf) : NULL;

	return now && before && now->nbufs == 1 && before->nbufs > 1;
}

void dq_overview_rest(struct dq_sb *sb, const struct dq_story *s, const struct dq_shapes *shapes)
{
	size_t bufs, n, drawn = 0;

	count(shapes, &bufs, &n);
	for (size_t i = 0; i < s->nchapters; i++) {
		const struct dq_shape *shape = dq_shape_of(shapes, s->chapters[i].buf);

		drawn += shape ? shape->nbufs : 0;
	}
	if (n > s->nchapters)
		dq_sb_printf(sb, "%zu more shape%s of %zu buffer%s not drawn: dmaseq list --shapes",
			     n - s->nchapters, n - s->nchapters == 1 ? "" : "s", bufs - drawn,
			     bufs - drawn == 1 ? " are" : "s are");
}
