/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * access.c - who looks at a buffer with the CPU while nothing is called: what a gap of a story
 * says.
 *
 * An access goes from a begin that the story tells to the end that takes it back: SYNC, begin and
 * end of the kernel's, vmap and vunmap, each with its like, and first those of the same caller.
 * What is not sure is not said: of an end that did not return, or when calls are left out. Of
 * accesses in each other (a vmap in a SYNC pair) one is told, not the same again with each end.
 * May use src/util.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/internal.h"

#define OPEN_MAX 16	/* accesses that one buffer is known to be in */

struct open {
	uint32_t step;
	uint8_t kind;		/* enum dq_access */
	bool quiet;		/* is not told: another one was, or goes on inside of it */
};

/* Of one buffer, in order of time. Of too many the oldest are forgotten: less is said then. */
struct state {
	struct open v[OPEN_MAX];
	size_t n;
};

/* Which of them an end of this kind takes back; NULL: none that is known. who: who ends; -1: not known */
static struct open *find(const struct dq_story *s, struct state *b, bool (*ends)(int kind, int what),
			 int what, int who)
{
	struct open *any = NULL;

	for (size_t i = b->n; i-- > 0;) {
		if (!ends(b->v[i].kind, what))
			continue;
		if (s->steps[b->v[i].step].who == who)
			return &b->v[i];
		any = any ? any : &b->v[i];
	}
	return any;
}

static bool is_kind(int kind, int what)
{
	return kind == what;
}

static bool ended_by_phase(int kind, int phase)
{
	return phase == (kind == DQ_ACCESS_VMAP ? DQ_PH_VUNMAP : DQ_PH_CPU_END);
}

static void drop(struct state *b, struct open *o)
{
	for (b->n--; o < b->v + b->n; o++)
		*o = o[1];
}

static void begin(struct state *b, size_t step, enum dq_access kind)
{
	if (b->n == OPEN_MAX)
		drop(b, b->v);
	for (size_t k = 0; k < b->n; k++)
		b->v[k].quiet |= b->v[k].kind != kind;
	b->v[b->n++] = (struct open){ .step = (uint32_t)step, .kind = (uint8_t)kind };
}

static enum dq_access kind_of(const struct dq_step *st)
{
	return st->flags & DQ_ST_CPU_USER ? DQ_ACCESS_USER :
	       st->phase == DQ_PH_VMAP ? DQ_ACCESS_VMAP : DQ_ACCESS_KERNEL;
}

/* Who is at the other end of a call to the core; -1: nobody */
static int caller(const struct dq_story *s, const struct dq_step *st)
{
	int lane = st->kind == DQ_STEP_CALL ? st->from : st->to;

	return s->lanes[lane].kind == DQ_LANE_CORE ? -1 : lane;
}

static void take_in(const struct dq_story *s, struct state *b, size_t i)
{
	const struct dq_step *st = &s->steps[i];

	/* did it end anything? */
	if (st->effect.gone || (st->flags & (DQ_ST_OPEN | DQ_ST_MISSED) &&
				(st->phase == DQ_PH_VUNMAP || st->phase == DQ_PH_CPU_END)))
		b->n = 0;
	for (int k = 0; k < DQ_ACCESS_MAX; k++) {
		bool begins = st->who >= 0 && kind_of(st) == (enum dq_access)k;
		struct open *o;

		for (int n = begins - st->effect.cpu[k]; n > 0; n--) {
			o = find(s, b, is_kind, k, caller(s, st));
			if (o)
				drop(b, o);
		}
		if (begins)
			begin(b, i, (enum dq_access)k);
	}
}

static struct state *state_of(const struct dq_story *s, struct state *v, const struct dq_step *st)
{
	uint64_t k;

	return dq_map_get(s->bufset, st->buf, &k) ? &v[k] : NULL;
}

/* The step with which the access began that goes on until unit u; SIZE_MAX: none that is told */
static size_t told_before(const struct dq_story *s, struct state *b, const struct dq_unit *u)
{
	const struct dq_step *st = &s->steps[u->first];
	struct open *o = u->left_out ? NULL : find(s, b, ended_by_phase, st->phase, caller(s, st));

	if (!o || o->quiet)
		return SIZE_MAX;
	for (size_t k = 0; k < b->n; k++)
		b->v[k].quiet = true;
	return o->step;
}

int dq_story_note_access(struct dq_story *s)
{
	struct state *v = calloc(s->nbufs + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->nunits; i++) {
		struct dq_unit *u = &s->units[i];
		struct state *b = state_of(s, v, &s->steps[u->first]);

		u->access = b ? (uint32_t)(told_before(s, b, u) + 1) : 0;
		for (size_t k = u->first; k < u->first + u->n; k++) {
			b = state_of(s, v, &s->steps[k]);
			if (b)
				take_in(s, b, k);
		}
	}
	free(v);
	return 0;
}

/* In a loop only what began in the same round is the same in each of them. */
void dq_story_access_in_loops(struct dq_story *s)
{
	for (size_t k = 0; k < s->nloops; k++) {
		const struct dq_loop *l = &s->loops[k];

		for (size_t i = l->first + 1; i < l->first + l->n; i++)
			if (s->units[i].access <= s->units[l->first].first)
				s->units[i].access = 0;
	}
}

const struct dq_lane *dq_story_access(const struct dq_story *s, const struct dq_unit *u, bool *ret_user)
{
	const struct dq_step *st = u->access ? &s->steps[u->access - 1] : NULL;

	*ret_user = st && st->flags & DQ_ST_CPU_USER;
	return st ? &s->lanes[st->who] : NULL;
}
