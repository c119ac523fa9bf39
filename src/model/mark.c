/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mark.c - what somebody has to say of calls finds its steps in a story.
 *
 * A mark names a call or a syscall. Its step is the one that was made of it, or, where another
 * arrow tells the call too (the second leg of one, a syscall's), the one that was under way just
 * then. A round of a loop that something is said of stays out of the loop, unless the mark is
 * loose. With focus, the story is only what leads to the marks. May use src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

#define LOOK_BACK 4096	/* steps, for one that was under way */
#define CONTEXT	  2	/* groups on either side of a marked one */
#define SAME_ATT  16	/* groups that work on a marked attachment, at most */

bool dq_story_has(const struct dq_story *s, uint32_t buf)
{
	uint64_t n;

	return dq_map_get(s->bufset, buf, &n);
}

static const struct dq_group *group_of(const struct dq_story *s, const struct dq_step *st)
{
	return st->group < s->m->ngroups ? &s->m->groups[st->group] : NULL;
}

/* ---- which step? ---- */

struct places {
	struct dq_map *call, *result;	/* task << 32 | seq -> step */
	struct dq_map *sys;		/* task << 32 | syscall -> its last step */
};

static uint64_t key(uint32_t task, uint32_t n)
{
	return (uint64_t)task << 32 | n;
}

static int index_step(struct places *p, const struct dq_story *s, size_t i)
{
	const struct dq_step *st = &s->steps[i];
	const struct dq_group *g = group_of(s, st);
	struct dq_map *ix = st->kind == DQ_STEP_RETURN ? p->result : p->call;
	int ret = 0;

	if (!g)
		return 0;
	if (st->seq)
		ret = dq_map_put(ix, key(g->task, st->seq), i);
	if (!ret && g->has_sys && st->flags & DQ_ST_SYS)
		ret = dq_map_put(p->sys, key(g->task, g->sys.sys), i);
	return ret;
}

/* The last arrow before t of the group that was under way then; SIZE_MAX: none. */
static size_t under_way(const struct dq_story *s, const struct dq_mark *m)
{
	size_t lo = 0, hi = s->nsteps;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->steps[mid].t <= m->t)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t n = 0; lo-- > 0 && n < LOOK_BACK; n++) {
		const struct dq_step *st = &s->steps[lo];
		const struct dq_group *g = group_of(s, st);

		if (g && g->task == m->task && g->t0 <= m->t && m->t <= g->t1 &&
		    st->kind == DQ_STEP_CALL && (!m->buf || st->buf == m->buf))
			return lo;
	}
	return SIZE_MAX;
}

static size_t place(const struct dq_story *s, const struct places *p, const struct dq_mark *m)
{
	uint64_t i;

	if (m->buf && !dq_story_has(s, m->buf))
		return SIZE_MAX;
	if (m->seq && m->at_result && dq_map_get(p->result, key(m->task, m->seq), &i))
		return i;
	if (m->seq && dq_map_get(p->call, key(m->task, m->seq), &i))
		return i;
	if (!m->seq && m->sys && dq_map_get(p->sys, key(m->task, m->sys), &i))
		return i;
	return m->seq ? under_way(s, m) : SIZE_MAX;
}

/* Does the same step say what the finding is? Marks of a finding are neighbours, that one the last. */
static bool is_idle(const struct dq_story *s, size_t i)
{
	size_t k = i;

	while (!s->said[k].m->main && k + 1 < s->nsaid && s->said[k + 1].m->number == s->said[k].m->number)
		k++;
	return k != i && s->said[k].step == s->said[i].step;
}

static void link_said(struct dq_story *s)
{
	for (size_t i = s->nsaid; i-- > 0;) {
		struct dq_said *d = &s->said[i];

		if (d->step == SIZE_MAX || is_idle(s, i))
			continue;
		d->next = s->steps[d->step].mark;
		s->steps[d->step].mark = (uint32_t)i + 1;
	}
}

/* Before units are cut: each mark has its step, and what must be seen is like nothing else. */
int dq_story_mark(struct dq_story *s)
{
	struct places p = { dq_map_new(), dq_map_new(), dq_map_new() };
	int ret = p.call && p.result && p.sys ? 0 : -ENOMEM;

	if (!ret && s->o.nmarks) {
		s->said = calloc(s->o.nmarks, sizeof(*s->said));
		ret = s->said ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < s->nsteps && s->o.nmarks && !ret; i++)
		ret = index_step(&p, s, i);
	for (size_t i = 0; i < s->o.nmarks && !ret; i++) {
		const struct dq_mark *m = &s->o.marks[i];
		struct dq_said *d = &s->said[s->nsaid++];

		*d = (struct dq_said){ .m = m, .step = place(s, &p, m) };
		if (d->step != SIZE_MAX && !m->loose)
			s->steps[d->step].hash = dq_hash_mix(s->steps[d->step].hash ^ (i + 1));
	}
	dq_map_free(p.call);
	dq_map_free(p.result);
	dq_map_free(p.sys);
	return ret;
}

/* After loops were folded: of a round that is not drawn it is said in one that is. */
int dq_story_mark_drawn(struct dq_story *s)
{
	bool *drawn = s->nsaid ? calloc(s->nsteps + 1, sizeof(*drawn)) : NULL;

	if (!s->nsaid)
		return 0;
	if (!drawn)
		return -ENOMEM;
	for (size_t i = 0; i < s->nunits; i++)
		for (size_t k = 0; k < s->units[i].n; k++)
			drawn[s->units[i].first + k] = true;
	for (size_t i = 0; i < s->nsaid; i++) {
		size_t at = s->said[i].step, k = at;

		if (at == SIZE_MAX)
			continue;
		while (k != SIZE_MAX && !(drawn[k] && s->steps[k].hash == s->steps[at].hash))
			k--;	/* 0 - 1 is SIZE_MAX */
		s->said[i].step = k;
	}
	free(drawn);
	link_said(s);
	return 0;
}

const struct dq_said *dq_story_said(const struct dq_story *s, const struct dq_step *st,
				    const struct dq_said *m)
{
	uint32_t i = m ? m->next : st->mark;

	return i ? &s->said[i - 1] : NULL;
}

bool dq_story_unsaid(const struct dq_story *s, const struct dq_said *m)
{
	if (m->m->shown_by && dq_story_has(s, m->m->shown_by))
		return false;
	return m->m->main && m->step == SIZE_MAX && (!m->m->buf || dq_story_has(s, m->m->buf));
}

/* ---- focus ---- */

static bool concerns(const struct dq_story *s, const struct dq_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (dq_story_has(s, s->m->calls_v[g->first + i].c.buf))
			return true;
	return false;
}

static bool has_mark(const struct dq_story *s, const struct dq_group *g)
{
	for (size_t i = 0; i < s->o.nmarks; i++) {
		const struct dq_mark *m = &s->o.marks[i];

		if (g->task == m->task && g->t0 <= m->t && m->t <= g->t1)
			return true;
	}
	return false;
}

static bool on_attachment(const struct dq_story *s, const struct dq_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		uint32_t att = s->m->calls_v[g->first + i].c.att;

		for (size_t k = 0; att && k < s->o.nmarks; k++)
			if (s->o.marks[k].att == att)
				return true;
	}
	return false;
}

static uint64_t counted(const struct dq_story *s, const struct dq_group *g)
{
	uint64_t n = 0;

	for (size_t i = 0; i < g->n; i++) {
		const struct dq_mcall *c = &s->m->calls_v[g->first + i];

		n += dq_story_has(s, c->c.buf) && !(c->flags & DQ_MC_UNCOUNTED);
	}
	return n;
}

/* The groups that concern the story: the first, those with marks, what is next to them, and what
 * else was done with the attachment, unless it is much. */
static void choose(const struct dq_story *s, const size_t *ours, size_t n, bool *wanted)
{
	size_t same = 0;

	for (size_t i = 0; i < n; i++)
		same += on_attachment(s, &s->m->groups[ours[i]]);
	for (size_t i = 0; i < n; i++) {
		const struct dq_group *g = &s->m->groups[ours[i]];

		if (!i || (same <= SAME_ATT && on_attachment(s, g)))
			wanted[ours[i]] = true;
		if (!has_mark(s, g))
			continue;
		for (size_t k = i > CONTEXT ? i - CONTEXT : 0; k <= i + CONTEXT && k < n; k++)
			wanted[ours[k]] = true;
	}
}

/* Counts what is left out before each group, and at the end. */
static int count_left(struct dq_story *s, const size_t *ours, size_t n, const bool *wanted)
{
	uint64_t left = 0;
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		if (!wanted[ours[i]]) {
			left += counted(s, &s->m->groups[ours[i]]);
			continue;
		}
		ret = left ? dq_map_put(s->left, ours[i], left) : 0;
		left = 0;
	}
	s->left_at_end = left;
	return ret;
}

/* Which groups are told; *ret_wanted (malloc'ed) NULL: all. */
int dq_story_focus(struct dq_story *s, bool **ret_wanted)
{
	bool *wanted;
	size_t *ours, n = 0;
	int ret = -ENOMEM;

	if (!s->o.focus)
		return 0;
	wanted = calloc(s->m->ngroups + 1, sizeof(*wanted));
	ours = calloc(s->m->ngroups + 1, sizeof(*ours));
	s->left = dq_map_new();
	if (wanted && ours && s->left) {
		for (size_t i = 0; i < s->m->ngroups; i++)
			if (concerns(s, &s->m->groups[i]))
				ours[n++] = i;
		choose(s, ours, n, wanted);
		ret = count_left(s, ours, n, wanted);
	}
	free(ours);
	if (ret)
		free(wanted);
	else
		*ret_wanted = wanted;
	return ret;
}

uint64_t dq_story_left(const struct dq_story *s, uint32_t group)
{
	uint64_t n = 0;

	return s->left && dq_map_get(s->left, group, &n) ? n : 0;
}

static int8_t sum(int a, int b)
{
	return (int8_t)(a + b > INT8_MAX ? INT8_MAX : a + b < INT8_MIN ? INT8_MIN : a + b);
}

static void add_access(struct dq_effect *to, const struct dq_effect *e)
{
	for (size_t i = 0; i < DQ_ACCESS_MAX; i++)
		to->cpu[i] = sum(to->cpu[i], e->cpu[i]);
}

int dq_story_pass_over(struct dq_story *s, const struct dq_group *g, struct dq_effect *unseen)
{
	uint64_t k, n;
	int ret = 0;

	for (size_t i = 0; i < g->n && !ret; i++) {
		const struct dq_mcall *c = &s->m->calls_v[g->first + i];
		struct dq_effect e = { 0 };

		if (!dq_map_get(s->bufset, c->c.buf, &k))
			continue;
		dq_effect_of_call(&e, c);
		unseen[k].born |= e.born;
		unseen[k].gone |= e.gone;
		unseen[k].att = sum(unseen[k].att, e.att);
		unseen[k].map = sum(unseen[k].map, e.map);
		add_access(&unseen[k], &e);
		/* only of those that the chart has shown: what it shows later is another mapping */
		if (e.map < 0 && dq_map_get(s->atts, c->c.att, &n))
			ret = dq_map_put(s->unseen, n, 1);
	}
	return ret;
}

void dq_story_catch_up(struct dq_story *s, size_t first, struct dq_effect *unseen)
{
	static const struct dq_effect none;
	uint64_t k;

	for (size_t i = first; i < s->nsteps; i++) {
		struct dq_effect *e = &s->steps[i].effect;

		if (!dq_map_get(s->bufset, s->steps[i].buf, &k))
			continue;
		e->born |= unseen[k].born;
		e->gone |= unseen[k].gone;
		e->att = sum(e->att, unseen[k].att);
		e->map = sum(e->map, unseen[k].map);
		add_access(e, &unseen[k]);
		unseen[k] = none;
	}
}

bool dq_story_unseen_end(const struct dq_story *s, uint32_t att, uint64_t from)
{
	return (s->unseen && dq_map_get(s->unseen, att, NULL)) ||
	       (s->m->skipped.calls && from < s->m->skipped.to);
}
