/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forget.c - what the intake lets go, so that its memory is bounded by what is alive.
 *
 * Without dq_model_forget() and dq_model_limit() nothing here does anything. What goes
 * is counted: nobody is to take a part for the whole. May use src/trace and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

/* So many buffers are released before the first of them is forgotten: calls that had begun before
 * the release end after it. */
#define DYING 256
#define ATTS_LEAST 1024

int dq_model_forget(struct dq_model *m, size_t max, bool (*wanted)(const struct dq_mbuf *b, void *ctx),
		    void *ctx)
{
	m->dying = calloc(DYING, sizeof(*m->dying));
	if (!m->dying)
		return -ENOMEM;
	m->forget = true;
	m->max_dead = max;
	m->wanted = wanted;
	m->wanted_ctx = ctx;
	m->att_sweep = ATTS_LEAST;
	return 0;
}

void dq_model_limit(struct dq_model *m, size_t max)
{
	m->max_calls = max;
	m->to = m->to ? m->to : UINT64_MAX;
}

void dq_model_window(struct dq_model *m, uint64_t from, uint64_t to)
{
	m->from = from;
	m->to = to;
}

void dq_forget_free(struct dq_model *m)
{
	free(m->dying);
	free(m->holes);
	m->dying = NULL;
	m->holes = NULL;
}

bool dq_is_kept(const struct dq_model *m, uint32_t buf)
{
	return m->keep_all || dq_map_get(m->keep, buf, NULL);
}

/* ---- buffers ---- */

static bool stays(struct dq_model *m, const struct dq_mbuf *b)
{
	if (dq_is_kept(m, b->b.id) || (m->wanted && m->wanted(b, m->wanted_ctx)))
		return true;
	if ((b->errors || b->open || b->missed || b->fatal) && m->odd < m->max_dead) {
		m->odd++;
		return true;
	}
	if (m->dead >= m->max_dead)
		return false;
	m->dead++;
	return true;
}

/* The time has come for one that was released. */
static int bury(struct dq_model *m, uint32_t id)
{
	struct dq_mbuf *b = dq_mbuf(m, id);
	size_t *hole;

	if (!b || !b->released || stays(m, b))
		return 0;
	hole = DQ_PUSH(m->holes, m->nholes, m->cap_holes);
	if (!hole)
		return -ENOMEM;
	*hole = (size_t)(b - m->bufs);
	m->gone.bufs++;
	m->gone.calls += b->calls;
	m->gone.errors += b->errors;
	m->gone.missed += b->missed;
	free(b->importers);
	free(b->aliases);
	dq_map_del(m->ix_buf, id);
	m->last_buf = 0;
	memset(b, 0, sizeof(*b));
	return 0;
}

int dq_forget_dying(struct dq_model *m, const struct dq_mbuf *b)
{
	uint32_t *place, old;

	if (!m->forget)
		return 0;
	place = &m->dying[m->ndying++ % DYING];
	old = *place;
	*place = b->b.id;
	return old ? bury(m, old) : 0;
}

struct dq_mbuf *dq_forget_slot(struct dq_model *m)
{
	return m->nholes ? &m->bufs[m->holes[--m->nholes]] : NULL;
}

static int by_nth(const void *pa, const void *pb)
{
	const struct dq_mbuf *a = pa, *b = pb;

	return a->nth < b->nth ? -1 : a->nth > b->nth;
}

/* The places of those that went are filled, and the order is that of the first sight again. */
int dq_forget_finish(struct dq_model *m)
{
	size_t n = 0;

	if (!m->forget)
		return 0;
	for (size_t i = 0; i < DYING; i++) {
		uint32_t id = m->dying[m->ndying++ % DYING];

		if (id && bury(m, id))
			return -ENOMEM;
	}
	for (size_t i = 0; i < m->nbufs; i++)
		if (m->bufs[i].b.id)
			m->bufs[n++] = m->bufs[i];
	m->nbufs = n;
	m->nholes = 0;
	m->last_buf = 0;
	if (n)
		qsort(m->bufs, n, sizeof(*m->bufs), by_nth);
	for (size_t i = 0; i < n; i++)	/* replacing needs no memory */
		dq_map_put(m->ix_buf, m->bufs[i].b.id, i);
	return 0;
}

/* ---- attachments ---- */

int dq_forget_atts(struct dq_model *m)
{
	size_t n = 0;

	if (!m->forget || m->natts < m->att_sweep)
		return 0;
	for (size_t i = 0; i < m->natts; i++) {
		const struct dq_matt *a = &m->atts[i];

		if (!dq_is_kept(m, a->a.buf) && (a->gone || !dq_mbuf(m, a->a.buf))) {
			dq_map_del(m->ix_att, a->a.id);
			continue;
		}
		m->atts[n] = *a;
		if (dq_map_put(m->ix_att, a->a.id, n++))
			return -ENOMEM;
	}
	m->natts = n;
	m->att_sweep = n * 2 > ATTS_LEAST ? n * 2 : ATTS_LEAST;
	return 0;
}

/* ---- kept calls ---- */

/* The first group that begins at or behind this call. */
static size_t group_at(const struct dq_model *m, size_t call)
{
	size_t lo = 0, hi = m->ngroups;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (m->groups[mid].first < call)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void skip(struct dq_model *m, const struct dq_group *g)
{
	struct dq_skipped *s = &m->skipped;

	if (!s->from || g->t0 < s->from)
		s->from = g->t0;
	if (g->t1 > s->to)
		s->to = g->t1;
	for (size_t i = 0; i < g->n; i++)
		s->calls += !(m->calls_v[g->first + i].flags & DQ_MC_UNCOUNTED);
}

static bool in_window(const struct dq_model *m, const struct dq_group *g)
{
	uint64_t t0 = m->t_first;

	return (g->t1 < t0 ? 0 : g->t1 - t0) >= m->from && (g->t0 < t0 ? 0 : g->t0 - t0) <= m->to;
}

/* Nobody wants to see them: they are not counted as left out. */
static void drop_outside(struct dq_model *m)
{
	size_t ng = 0, nc = 0;

	for (size_t i = 0; i < m->ngroups; i++) {
		struct dq_group g = m->groups[i];

		if (!in_window(m, &g))
			continue;
		memmove(&m->calls_v[nc], &m->calls_v[g.first], g.n * sizeof(*m->calls_v));
		g.first = nc;
		nc += g.n;
		m->groups[ng++] = g;
	}
	m->ngroups = ng;
	m->ncalls_v = nc;
}

/* Lets the middle go when there are twice as many as wanted. */
void dq_limit_calls(struct dq_model *m)
{
	size_t half = m->max_calls / 2, a, b, by;

	if (!m->max_calls || m->ncalls_v < 2 * m->max_calls)
		return;
	if (m->from || m->to != UINT64_MAX)
		drop_outside(m);
	/* else the next ones would be too many again very soon */
	if (m->ncalls_v < m->max_calls / 2 * 3)
		return;
	a = group_at(m, half);
	b = group_at(m, m->ncalls_v - half);
	if (a >= b || b >= m->ngroups)
		return;
	for (size_t i = a; i < b; i++)
		skip(m, &m->groups[i]);
	by = m->groups[b].first - m->groups[a].first;
	memmove(&m->calls_v[m->groups[a].first], &m->calls_v[m->groups[b].first],
		(m->ncalls_v - m->groups[b].first) * sizeof(*m->calls_v));
	memmove(&m->groups[a], &m->groups[b], (m->ngroups - b) * sizeof(*m->groups));
	m->ngroups -= b - a;
	m->ncalls_v -= by;
	for (size_t i = a; i < m->ngroups; i++)
		m->groups[i].first -= by;
}
