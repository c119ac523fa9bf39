/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c - the lanes of a story that is folded, from left to right.
 *
 * Who asks, who imports, the core or the buffers, who exports; lanes without an arrow go.
 * Among their like, drivers stand so that the arrows are short. A chart of too many buffers
 * has one lane for all of them. May use src/util.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/internal.h"

#define BUFS_MAX 10	/* lanes of buffers */
#define SWAPS_MAX 1000

struct order {
	struct dq_lane lane;
	int was;
	int rank;
	int process;		/* threads of a process stand together: its first lane */
};

/* Where a kind of lane stands. Of an application's view the buffers are the right end. */
static int rank(const struct dq_story *s, enum dq_lane_kind kind)
{
	static const int usual[] = { 0, 1, 2, 4, 5 }, app[] = { 0, 1, 2, 4, 3 };

	return s->o.detail == DQ_DETAIL_APP ? app[kind] : usual[kind];
}

static int by_rank(const void *pa, const void *pb)
{
	const struct order *a = pa, *b = pb;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	return a->was < b->was ? -1 : a->was > b->was;
}

/* ---- which lanes there are ---- */

static void use(bool *used, const struct dq_step *st)
{
	used[st->from] = used[st->to] = true;
	if (st->via >= 0)
		used[st->via] = true;
}

static void mark_used(const struct dq_story *s, bool *used)
{
	for (size_t i = 0; i < s->nunits; i++)
		for (size_t k = 0; k < s->units[i].n; k++)
			use(used, &s->steps[s->units[i].first + k]);
}

/* One lane for all buffers. */
static int merge(int lane, int first, const struct dq_story *s)
{
	return lane >= 0 && s->lanes[lane].kind == DQ_LANE_CORE ? first : lane;
}

static void merge_buffers(struct dq_story *s, bool *used)
{
	int first = -1;
	size_t n = 0;

	for (size_t i = s->nlanes; i-- > 0;) {
		if (s->lanes[i].kind != DQ_LANE_CORE || !used[i])
			continue;
		first = (int)i;
		n++;
	}
	if (n <= BUFS_MAX)
		return;
	for (size_t i = 0; i < s->nsteps; i++) {
		struct dq_step *st = &s->steps[i];

		st->from = merge(st->from, first, s);
		st->via = merge(st->via, first, s);
		st->to = merge(st->to, first, s);
	}
	for (size_t i = 0; i < s->nlanes; i++)
		used[i] &= s->lanes[i].kind != DQ_LANE_CORE || (int)i == first;
	s->lanes[first].buf = 0;
	s->lanes[first].name = "dma-buf";
	s->lanes[first].small = "core";
}

static int first_of_process(const struct dq_story *s, size_t lane)
{
	for (size_t i = 0; i < lane && s->lanes[lane].process; i++)
		if (s->lanes[i].process == s->lanes[lane].process)
			return (int)i;
	return (int)lane;
}

/* Of a process with one thread the lane is the process. */
static void name_alone(struct dq_story *s, const bool *used)
{
	for (size_t i = 0; i < s->nlanes; i++) {
		struct dq_lane *l = &s->lanes[i];
		size_t n = 0;

		if (!l->process || !used[i])
			continue;
		for (size_t k = 0; k < s->nlanes; k++)
			n += used[k] && s->lanes[k].process == l->process;
		if (n > 1)
			continue;
		l->name = l->process_name;
		l->small = l->process_small;
		l->process = 0;
	}
}

/* Without any arrow there are the core and the exporter still. */
static bool stays(const struct dq_story *s, const bool *used, size_t lane)
{
	const struct dq_lane *l = &s->lanes[lane];

	return used[lane] || l->kind == DQ_LANE_EXPORTER ||
	       (l->kind == DQ_LANE_CORE && (!l->buf || s->nbufs == 1));
}

/* ---- short arrows ---- */

/* How long all arrows are together, in lanes. at[was]: where the lane is now */
static uint64_t length(const struct dq_story *s, const int *at)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->nunits; i++) {
		for (size_t k = 0; k < s->units[i].n; k++) {
			const struct dq_step *st = &s->steps[s->units[i].first + k];

			sum += (uint64_t)abs(at[st->from] - at[st->to]);
		}
	}
	return sum;
}

/* Neighbours that may change places: of one kind. Processes and buffers stay as they appear:
 * who made a thing left of who got it. */
static bool may_swap(const struct order *a, const struct order *b)
{
	return a->rank == b->rank && a->lane.kind == b->lane.kind &&
	       a->lane.kind != DQ_LANE_APP && a->lane.kind != DQ_LANE_CORE;
}

static void swap(struct order *v, int *at, size_t i)
{
	struct order t = v[i];

	v[i] = v[i + 1];
	v[i + 1] = t;
	at[v[i].was] = (int)i;
	at[v[i + 1].was] = (int)i + 1;
}

/* Swaps neighbours as long as that helps. */
static void shorten(const struct dq_story *s, struct order *v, int *at, size_t n)
{
	uint64_t best = length(s, at);
	bool again = n > 1;

	for (int swaps = 0; again && swaps < SWAPS_MAX;) {
		again = false;
		for (size_t i = 0; i + 1 < n && swaps < SWAPS_MAX; i++) {
			uint64_t now;

			if (!may_swap(&v[i], &v[i + 1]))
				continue;
			swaps++;
			swap(v, at, i);
			now = length(s, at);
			/* else the order of appearance tells more */
			if (now + best / 8 < best) {
				best = now;
				again = true;
			} else {
				swap(v, at, i);
			}
		}
	}
}

/* ---- all of it ---- */

static void move_steps(struct dq_story *s, const int *at)
{
	for (size_t i = 0; i < s->nsteps; i++) {
		s->steps[i].from = at[s->steps[i].from];
		s->steps[i].to = at[s->steps[i].to];
		if (s->steps[i].via >= 0)
			s->steps[i].via = at[s->steps[i].via];
		if (s->steps[i].who >= 0)
			s->steps[i].who = at[s->steps[i].who];
	}
}

int dq_story_lanes(struct dq_story *s)
{
	struct order *v = calloc(s->nlanes, sizeof(*v));
	int *at = calloc(s->nlanes, sizeof(*at));
	bool *used = calloc(s->nlanes, sizeof(*used));
	size_t n = 0;

	if (!v || !at || !used) {
		free(v);
		free(at);
		free(used);
		return -ENOMEM;
	}
	mark_used(s, used);
	merge_buffers(s, used);
	name_alone(s, used);
	for (size_t i = 0; i < s->nlanes; i++) {
		v[n] = (struct order){ s->lanes[i], (int)i, rank(s, s->lanes[i].kind),
				       first_of_process(s, i) };
		n += stays(s, used, i);
	}
	qsort(v, n, sizeof(*v), by_rank);
	for (size_t i = 0; i < n; i++)
		at[v[i].was] = (int)i;
	shorten(s, v, at, n);
	for (size_t i = 0; i < n; i++)
		s->lanes[i] = v[i].lane;
	s->nlanes = n;
	move_steps(s, at);
	free(v);
	free(at);
	free(used);
	return 0;
}
