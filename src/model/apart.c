/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apart.c - a story that tells its buffers one after the other: an overview.
 *
 * Each buffer is a chapter. What does not fit is cut from the longest ones, so that the short ones,
 * which are often the odd ones, stay whole. May use src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

#define SPARE 2		/* steps */

static size_t place(const struct dq_story *s, const struct dq_step *st)
{
	uint64_t k;

	return dq_map_get(s->bufset, st->buf, &k) ? (size_t)k : 0;
}

/* The order of time stays within a buffer. */
int dq_story_sort_apart(struct dq_story *s)
{
	size_t *at = calloc(s->nbufs + 1, sizeof(*at));
	struct dq_step *v = malloc((s->nsteps + 1) * sizeof(*v));

	if (!at || !v) {
		free(at);
		free(v);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->nsteps; i++)
		at[place(s, &s->steps[i]) + 1]++;
	for (size_t i = 0; i < s->nbufs; i++)
		at[i + 1] += at[i];
	for (size_t i = 0; i < s->nsteps; i++)
		v[at[place(s, &s->steps[i])]++] = s->steps[i];
	free(at);
	free(s->steps);
	s->steps = v;
	s->cap_steps = s->nsteps + 1;
	return 0;
}

bool dq_story_next_chapter(const struct dq_story *s, size_t step)
{
	return s->o.apart && (!step || place(s, &s->steps[step]) != place(s, &s->steps[step - 1]));
}

/* Buffers of which there is no step have a chapter, too. */
int dq_story_begin_chapter(struct dq_story *s, size_t step)
{
	size_t end = step < s->nsteps ? place(s, &s->steps[step]) + 1 : s->nbufs;

	while (s->o.apart && s->nchapters < end) {
		struct dq_chapter *c = DQ_PUSH(s->chapters, s->nchapters, s->cap_chapters);

		if (!c)
			return -ENOMEM;
		*c = (struct dq_chapter){ .buf = s->bufs[s->nchapters - 1], .first = s->nunits };
	}
	return 0;
}

const struct dq_chapter *dq_story_chapter(const struct dq_story *s, size_t unit)
{
	for (size_t i = 0; i < s->nchapters; i++)
		if (s->chapters[i].first == unit && s->chapters[i].n)
			return &s->chapters[i];
	return NULL;
}

/* How many steps the longest chapters may have, so that all together have at most max. */
static size_t longest(const struct dq_story *s, size_t max)
{
	size_t lo = 1, hi = max ? max : SIZE_MAX / 2;

	while (lo < hi) {
		size_t mid = lo + (hi - lo + 1) / 2, sum = 0;

		for (size_t i = 0; i < s->nchapters; i++)
			sum += s->chapters[i].steps < mid ? s->chapters[i].steps : mid;
		if (!max || sum <= max)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

/* Units of the chapter that stay: at least one. */
static size_t stay(const struct dq_story *s, struct dq_chapter *c, size_t max, size_t spare)
{
	size_t n = 0, steps = 0;

	if (c->steps <= max + spare)
		return c->n;
	while (n < c->n && (!n || steps + s->units[c->first + n].n <= max))
		steps += s->units[c->first + n++].n;
	c->cut = c->steps - steps;
	c->steps = steps;
	return n;
}

/* Loops of the units [first, first + n), of which the first `stay` move by `by` to the front. */
static void move_loops(struct dq_story *s, size_t *loop, size_t *to, size_t first, size_t n,
		       size_t left, size_t by)
{
	for (; *loop < s->nloops && s->loops[*loop].first < first + n; (*loop)++) {
		struct dq_loop l = s->loops[*loop];
		size_t at = l.first - first;

		if (at >= left)
			continue;
		l.n = at + l.n > left ? left - at : l.n;
		l.first -= by;
		s->loops[(*to)++] = l;
	}
}

int dq_story_cut_chapters(struct dq_story *s, size_t max)
{
	/* "and 1 more" takes as much room as that one */
	size_t spare = max > 2 * SPARE * s->nchapters ? SPARE : 0;
	size_t to = 0, loop = 0, loops = 0, limit;

	for (size_t i = 0; i < s->nchapters; i++) {
		struct dq_chapter *c = &s->chapters[i];

		c->t0 = c->n ? s->units[c->first].t0 : 0;
		for (size_t k = 0; k < c->n; k++)
			c->steps += s->units[c->first + k].n;
	}
	limit = longest(s, max ? max - spare * s->nchapters : 0);
	for (size_t i = 0; i < s->nchapters; i++) {
		struct dq_chapter *c = &s->chapters[i];
		size_t left = stay(s, c, limit, spare);

		move_loops(s, &loop, &loops, c->first, c->n, left, c->first - to);
		memmove(&s->units[to], &s->units[c->first], left * sizeof(*s->units));
		c->first = to;
		c->n = left;
		to += left;
	}
	s->nunits = to;
	s->nloops = loops;
	dq_story_count_shown(s);
	return 0;
}
