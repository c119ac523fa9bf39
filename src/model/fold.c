/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fold.c - repeats of a story become loops, loops in loops; a long story becomes pages.
 *
 * A loop is a run of units (say, the two ioctls of a SYNC pair) that says the same three
 * times or more, up to identities and times: the next round may be about another buffer
 * of a pool, if it is that one in all of the round. Short bodies are looked for first;
 * what has become a loop is one node for the next pass, so loops nest, and an inner loop
 * may run less or more often in each round of the outer one. The first round stays and
 * carries the times of all. Nothing is dropped: the story counts what it shows.
 * May use src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

#define BODY_MAX   24	/* nodes in a loop's body */
#define ROUNDS_MIN 3
#define DEPTH_MAX  6	/* loops in loops: Msc-generator draws 64 boxes in each other, people read 3 */
#define LULL_MIN  100000u	/* ns: a pause shorter than this is no gap ... */
#define LULL_SURE 100000000u	/* ... and one longer than this always is */
#define POOL_MAX   32	/* buffers that one round is about */

/* A unit, or a loop with the nodes of all its rounds. */
struct node {
	uint32_t unit;		/* of its first round's first unit */
	uint32_t last;		/* ... of its last round's last one */
	uint32_t kids, nkids;	/* in fold.kids; nkids 0: a unit */
	uint32_t body;		/* kids in a round */
	uint32_t depth;
	uint64_t hash;
};

struct fold {
	struct dq_story *s;
	struct node *nodes;
	size_t nnodes, cap_nodes;
	uint32_t *kids;
	size_t nkids, cap_kids;
	uint32_t *seq;		/* what is left at the outermost level */
	size_t nseq;
	struct dq_unit *units;	/* that stay */
	size_t nunits, cap_units;
	struct dq_map *known;	/* hashes of loops */
};

static int by_u64(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* ---- do two nodes say the same? ---- */

/* Which buffer of one round stands for which of the other. */
struct pairs {
	uint32_t a[POOL_MAX], b[POOL_MAX];
	size_t n;
};

static bool pair(struct pairs *p, uint32_t a, uint32_t b)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->a[i] == a || p->b[i] == b)
			return p->a[i] == a && p->b[i] == b;
	if (p->n == POOL_MAX || !a != !b)
		return false;
	p->a[p->n] = a;
	p->b[p->n++] = b;
	return true;
}

static bool same_units(const struct dq_story *s, uint32_t a, uint32_t b, struct pairs *p)
{
	const struct dq_unit *ua = &s->units[a], *ub = &s->units[b];

	if (ua->n != ub->n)
		return false;
	for (size_t k = 0; k < ua->n; k++)
		if (!pair(p, s->steps[ua->first + k].buf, s->steps[ub->first + k].buf))
			return false;
	return true;
}

static bool same_nodes(const struct fold *f, uint32_t ia, uint32_t ib, struct pairs *p)
{
	const struct node *a = &f->nodes[ia], *b = &f->nodes[ib];

	if (a->hash != b->hash || a->body != b->body)
		return false;
	if (!a->nkids)
		return same_units(f->s, a->unit, b->unit, p);
	for (uint32_t k = 0; k < a->body; k++)
		if (!same_nodes(f, f->kids[a->kids + k], f->kids[b->kids + k], p))
			return false;
	return true;
}

/* How often the p nodes at i of the sequence come in a row. */
static size_t rounds_at(const struct fold *f, size_t i, size_t p)
{
	size_t r = 1;

	for (; i + (r + 1) * p <= f->nseq; r++) {
		struct pairs pairs;

		pairs.n = 0;
		for (size_t k = 0; k < p; k++)
			if (!same_nodes(f, f->seq[i + k], f->seq[i + r * p + k], &pairs))
				return r;
	}
	return r;
}

/* ---- finding ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

static uint32_t depth_of(const struct fold *f, size_t i, size_t p)
{
	uint32_t d = 0;

	for (size_t k = i; k < i + p; k++)
		if (f->nodes[f->seq[k]].depth > d)
			d = f->nodes[f->seq[k]].depth;
	return d;
}

static uint64_t body_hash(const struct fold *f, size_t i, size_t p)
{
	uint64_t h = 0x100b;

	for (size_t k = 0; k < p; k++)
		h = mix(h, f->nodes[f->seq[i + k]].hash);
	return h;
}

/* The n nodes at i of the sequence, in rounds of p, as one node. UINT32_MAX: no memory */
static uint32_t make_loop(struct fold *f, size_t i, size_t p, size_t n)
{
	struct node *row = DQ_PUSH(f->nodes, f->nnodes, f->cap_nodes);

	if (!row)
		return UINT32_MAX;
	*row = (struct node){ .unit = f->nodes[f->seq[i]].unit,
			      .last = f->nodes[f->seq[i + n - 1]].last,
			      .kids = (uint32_t)f->nkids, .nkids = (uint32_t)n,
			      .body = (uint32_t)p, .depth = depth_of(f, i, n) + 1,
			      .hash = body_hash(f, i, p) };
	for (size_t k = 0; k < n; k++) {
		uint32_t *kid = DQ_PUSH(f->kids, f->nkids, f->cap_kids);

		if (!kid)
			return UINT32_MAX;
		*kid = f->seq[i + k];
	}
	return (uint32_t)f->nnodes - 1;
}

/* A loop that goes on after a deviation begins its rounds where it did before: how many nodes
 * to leave to the deviation. *r: the rounds from there. */
static size_t turn(const struct fold *f, size_t i, size_t p, size_t *r)
{
	uint64_t was;

	for (size_t d = 0; d < p && i + d + p <= f->nseq; d++) {
		size_t rounds;

		if (!dq_map_get(f->known, body_hash(f, i + d, p), &was))
			continue;
		rounds = rounds_at(f, i + d, p);
		if (rounds < ROUNDS_MIN || rounds + 1 < *r)
			continue;
		*r = rounds;
		return d;
	}
	return 0;
}

/* Folds the loops with bodies of p nodes; *any: there were some. */
static int pass(struct fold *f, size_t p, bool *any)
{
	size_t to = 0, i = 0;

	while (i < f->nseq) {
		size_t r = i + p * ROUNDS_MIN <= f->nseq ? rounds_at(f, i, p) : 1;
		uint32_t loop;

		if (r < ROUNDS_MIN || depth_of(f, i, p * r) >= DEPTH_MAX) {
			f->seq[to++] = f->seq[i++];
			continue;
		}
		for (size_t d = turn(f, i, p, &r); d; d--)
			f->seq[to++] = f->seq[i++];
		loop = make_loop(f, i, p, p * r);
		if (loop == UINT32_MAX || dq_map_put(f->known, f->nodes[loop].hash, 1))
			return -ENOMEM;
		f->seq[to++] = loop;
		i += p * r;
		*any = true;
	}
	f->nseq = to;
	return 0;
}

static int find_loops(struct fold *f)
{
	bool any = f->s->o.fold;
	int ret = 0;

	while (any && !ret) {
		any = false;
		for (size_t p = 1; p <= BODY_MAX && !ret; p++)
			ret = pass(f, p, &any);
	}
	return ret;
}

/* ---- the first rounds stay, with the times of all ---- */

/* What not every round said alike is said in general. */
static void generalize(struct dq_step *st, const struct dq_step *o)
{
	if (!strncmp(st->small, "waited ", 7) && strcmp(st->small, o->small))
		st->small = "waited for fences";
	if (!strncmp(st->text, "sg_table, ", 10) && strcmp(st->text, o->text))
		st->text = "sg_table";
}

/* The unit of n nodes that say the same. */
static int keep_unit(struct fold *f, const uint32_t *nodes, size_t n)
{
	struct dq_story *s = f->s;
	const struct dq_unit *u = &s->units[f->nodes[nodes[0]].unit];
	struct dq_unit *row = DQ_PUSH(f->units, f->nunits, f->cap_units);
	uint64_t *v = row && n > 1 ? malloc(n * sizeof(*v)) : NULL;

	if (!row || (n > 1 && !v))
		return -ENOMEM;
	*row = *u;
	row->times = n;
	for (size_t k = 0; k < u->n && n > 1; k++) {
		struct dq_step *st = &s->steps[u->first + k];

		for (size_t i = 0; i < n; i++) {
			const struct dq_unit *o = &s->units[f->nodes[nodes[i]].unit];

			v[i] = s->steps[o->first + k].dur;
			generalize(st, &s->steps[o->first + k]);
		}
		qsort(v, n, sizeof(*v), by_u64);
		st->dmin = v[0];
		st->dmed = v[n / 2];
		st->dmax = v[n - 1];
	}
	free(v);
	return 0;
}

static uint64_t node_t0(const struct fold *f, uint32_t node)
{
	return f->s->units[f->nodes[node].unit].t0;
}

/* Times from round to round of n loops that say the same. */
static int sum_up_periods(struct fold *f, struct dq_loop *l, const uint32_t *nodes, size_t n,
			  size_t rounds)
{
	uint64_t *v = malloc(rounds * sizeof(*v));
	size_t nv = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct node *d = &f->nodes[nodes[i]];

		for (uint32_t k = d->body; k < d->nkids; k += d->body)
			v[nv++] = node_t0(f, f->kids[d->kids + k]) -
				  node_t0(f, f->kids[d->kids + k - d->body]);
	}
	qsort(v, nv, sizeof(*v), by_u64);
	l->pmin = v[0];
	l->period = v[nv / 2];
	l->pmax = v[nv - 1];
	free(v);
	return 0;
}

/* Which attachments and buffers all the rounds were about. */
static int sum_up_objects(struct fold *f, struct dq_loop *l, const uint32_t *nodes, size_t n)
{
	struct dq_map *seen = dq_map_new();
	int ret = seen ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !ret; i++) {
		const struct dq_unit *from = &f->s->units[f->nodes[nodes[i]].unit];
		const struct dq_unit *to = &f->s->units[f->nodes[nodes[i]].last];

		for (size_t k = from->first; k < to->first + to->n && !ret; k++) {
			const struct dq_step *st = &f->s->steps[k];
			uint64_t was;

			if (st->att && (!l->first_att || st->att < l->first_att))
				l->first_att = st->att;
			if (st->att > l->last_att)
				l->last_att = st->att;
			if (!st->buf || dq_map_get(seen, st->buf, &was))
				continue;
			ret = dq_map_put(seen, st->buf, 1);
			l->nbufs++;
			if (!l->first_buf || st->buf < l->first_buf)
				l->first_buf = st->buf;
			if (st->buf > l->last_buf)
				l->last_buf = st->buf;
		}
	}
	dq_map_free(seen);
	return ret;
}

static int keep(struct fold *f, const uint32_t *nodes, size_t n);

/* The loop of n nodes that say the same. */
static int keep_loop(struct fold *f, const uint32_t *nodes, size_t n)
{
	const struct dq_unit *end = &f->s->units[f->nodes[nodes[0]].last];
	uint32_t body = f->nodes[nodes[0]].body;
	size_t at = f->s->nloops, rounds = 0, nv = 0;
	struct dq_loop *l = DQ_PUSH(f->s->loops, f->s->nloops, f->s->cap_loops);
	uint32_t *v;
	int ret;

	if (!l)
		return -ENOMEM;
	*l = (struct dq_loop){ .first = f->nunits, .t_end = end->t1, .rounds_min = UINT32_MAX };
	for (size_t i = 0; i < n; i++) {
		uint32_t r = f->nodes[nodes[i]].nkids / body;

		rounds += r;
		l->rounds_min = r < l->rounds_min ? r : l->rounds_min;
		l->rounds_max = r > l->rounds_max ? r : l->rounds_max;
	}
	ret = sum_up_periods(f, l, nodes, n, rounds);
	if (!ret)
		ret = sum_up_objects(f, l, nodes, n);
	v = malloc(rounds * sizeof(*v));
	for (uint32_t k = 0; k < body && v && !ret; k++) {
		nv = 0;
		for (size_t i = 0; i < n; i++) {
			const struct node *d = &f->nodes[nodes[i]];

			for (uint32_t r = k; r < d->nkids; r += body)
				v[nv++] = f->kids[d->kids + r];
		}
		ret = keep(f, v, nv);
	}
	free(v);
	f->s->loops[at].n = f->nunits - f->s->loops[at].first;
	return v ? ret : -ENOMEM;
}

static int keep(struct fold *f, const uint32_t *nodes, size_t n)
{
	return f->nodes[nodes[0]].nkids ? keep_loop(f, nodes, n) : keep_unit(f, nodes, n);
}

static int begin(struct fold *f)
{
	f->seq = malloc((f->s->nunits + 1) * sizeof(*f->seq));
	f->known = dq_map_new();
	if (!f->seq || !f->known)
		return -ENOMEM;
	for (size_t i = 0; i < f->s->nunits; i++) {
		struct node *row = DQ_PUSH(f->nodes, f->nnodes, f->cap_nodes);

		if (!row)
			return -ENOMEM;
		*row = (struct node){ .unit = (uint32_t)i, .last = (uint32_t)i,
				      .hash = f->s->units[i].hash };
		f->seq[f->nseq++] = (uint32_t)i;
	}
	return 0;
}

void dq_story_count_shown(struct dq_story *s)
{
	s->shown = s->folded = 0;
	for (size_t i = 0; i < s->nunits; i++) {
		uint64_t n = 0;

		for (size_t k = 0; k < s->units[i].n; k++)
			n += s->steps[s->units[i].first + k].ncalls;
		s->shown += n * s->units[i].times;
		s->folded += n * (s->units[i].times - 1);
	}
}

/* Folds what is at the outermost level of the sequence v. */
static int fold_seq(struct fold *f, uint32_t *v, size_t n)
{
	int ret;

	f->seq = v;
	f->nseq = n;
	ret = find_loops(f);
	for (size_t i = 0; i < f->nseq && !ret; i++)
		ret = keep(f, &f->seq[i], 1);
	return ret;
}

/* No loop goes on over the end of a chapter. */
static int fold_all(struct fold *f, uint32_t *v, size_t n)
{
	struct dq_story *s = f->s;
	int ret = s->nchapters ? 0 : fold_seq(f, v, n);

	for (size_t i = 0; i < s->nchapters && !ret; i++) {
		struct dq_chapter *c = &s->chapters[i];
		size_t end = i + 1 < s->nchapters ? c[1].first : n, at = c->first;

		c->first = f->nunits;
		ret = fold_seq(f, v + at, end - at);
		c->n = f->nunits - c->first;
	}
	return ret;
}

/* Folds all loops; the units that stay move together. Steps stay where they are. */
int dq_story_fold(struct dq_story *s)
{
	struct fold f = { .s = s };
	int ret = begin(&f);
	uint32_t *seq = f.seq;

	if (!ret)
		ret = fold_all(&f, seq, f.nseq);
	free(f.nodes);
	free(f.kids);
	free(seq);
	dq_map_free(f.known);
	if (ret) {
		free(f.units);
		return ret;
	}
	free(s->units);
	s->units = f.units;
	s->nunits = f.nunits;
	s->cap_units = f.cap_units;
	dq_story_count_shown(s);
	return 0;
}

/* ---- pages ---- */

/* A syscall that alone is longer than a page goes on, on the next one. */
static int split_long_units(struct dq_story *s, size_t max)
{
	struct dq_unit *v = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < s->nunits; i++) {
		size_t at = n, done = 0;

		do {
			struct dq_unit *row = DQ_PUSH(v, n, cap);

			if (!row) {
				free(v);
				return -ENOMEM;
			}
			*row = s->units[i];
			row->first += done;
			row->left_out = done ? 0 : row->left_out;
			row->access = done ? 0 : row->access;
			row->n = row->n - done > max ? max : row->n - done;
			row->t1 = row->n ? s->steps[row->first + row->n - 1].t : row->t1;
			done += row->n;
		} while (done < s->units[i].n);
		for (size_t loop = 0; loop < s->nloops && n > at + 1; loop++) {
			struct dq_loop *l = &s->loops[loop];

			if (l->first > at)
				l->first += n - at - 1;
			else if (l->first + l->n > at)
				l->n += n - at - 1;
		}
	}
	free(s->units);
	s->units = v;
	s->nunits = n;
	s->cap_units = cap;
	return 0;
}

bool dq_story_lull(const struct dq_story *s, uint64_t dt)
{
	return dt >= LULL_MIN && (dt / 10 >= s->median_step || dt >= LULL_SURE);
}

/* While a story is cut into pages. */
struct cutter {
	const struct dq_story *s;
	bool *within;		/* of each unit: is there a loop around both it and the one before? */
	unsigned char *opens;	/* of each unit: how many loops begin there */
	bool *used;		/* lanes of the page */
	uint64_t lanes, across;	/* ... how many, and what goes through all of them */
};

static int cutter_new(struct cutter *c, const struct dq_story *s)
{
	*c = (struct cutter){ .s = s,
			      .within = calloc(s->nunits + 1, sizeof(*c->within)),
			      .opens = calloc(s->nunits + 1, sizeof(*c->opens)),
			      .used = calloc(s->nlanes + 1, sizeof(*c->used)) };
	if (!c->within || !c->opens || !c->used)
		return -ENOMEM;
	for (size_t k = 0; k < s->nloops; k++) {
		const struct dq_loop *l = &s->loops[k];

		c->opens[l->first]++;
		for (size_t i = l->first + 1; i < l->first + l->n; i++)
			c->within[i] = true;
	}
	return 0;
}

static void cutter_free(struct cutter *c)
{
	free(c->within);
	free(c->opens);
	free(c->used);
}

static uint64_t quiet_before(const struct dq_story *s, size_t i)
{
	const struct dq_unit *u = &s->units[i];

	return i && u->t0 > u[-1].t1 ? u->t0 - u[-1].t1 : 0;
}

/* How good unit i would be as the first one of a page: no loop is cut, and it is quiet before. */
static uint64_t break_value(const struct cutter *c, size_t i)
{
	uint64_t quiet = quiet_before(c->s, i);

	if (c->s->units[i].group == c->s->units[i - 1].group)
		return 0;
	return c->within[i] ? 1 : 2 + (quiet > UINT64_MAX / 2 ? UINT64_MAX / 2 : quiet);
}

static void add_lane(struct cutter *c, int lane)
{
	c->lanes += !c->used[lane];
	c->used[lane] = true;
}

/*
 * What the page costs with unit i, as its last one. A life line is in pieces, one from each gap or
 * frame to the next, and each of them is made with respect to all that is written on the page:
 * Msc-generator takes 8 s for a million of these.
 */
static uint64_t add_cost(struct cutter *c, size_t i, size_t steps)
{
	const struct dq_story *s = c->s;
	const struct dq_unit *u = &s->units[i];

	c->across += !c->within[i] && dq_story_lull(s, quiet_before(s, i));
	c->across += c->opens[i] + s->o.framed;
	for (size_t k = u->first; k < u->first + u->n; k++) {
		add_lane(c, s->steps[k].from);
		add_lane(c, s->steps[k].to);
		if (s->steps[k].via >= 0)
			add_lane(c, s->steps[k].via);
	}
	return c->lanes * c->across * (steps + u->n);
}

/* Where the page that begins at `first` ends, when it may have `max` steps. */
static size_t page_end(struct cutter *c, size_t first, size_t max)
{
	const struct dq_story *s = c->s;
	size_t end = first, steps = 0, best;
	uint64_t value = 0;

	c->lanes = c->across = 0;
	memset(c->used, 0, s->nlanes * sizeof(*c->used));
	while (end < s->nunits && (end == first || steps + s->units[end].n <= max)) {
		if (add_cost(c, end, steps) > s->o.max_cost && s->o.max_cost && end > first) {
			max = steps;
			break;
		}
		steps += s->units[end++].n;
	}
	best = end;
	if (end == s->nunits)
		return end;
	/* not the last of a page's fifths goes without need */
	for (size_t i = end; i > first; i--) {
		if (break_value(c, i) > value) {
			value = break_value(c, i);
			best = i;
		}
		steps -= s->units[i - 1].n;
		if (steps < max - max / 3)
			break;
	}
	return best;
}

static int push_page(struct dq_story *s, size_t first, size_t end)
{
	struct dq_page *row = DQ_PUSH(s->pages, s->npages, s->cap_pages);

	if (!row)
		return -ENOMEM;
	*row = (struct dq_page){ .first = first, .n = end - first };
	for (size_t i = first; i < end; i++) {
		const struct dq_unit *u = &s->units[i];

		row->steps += u->n;
		for (size_t k = u->first; k < u->first + u->n; k++) {
			row->calls += s->steps[k].ncalls * u->times;
			row->errors += s->steps[k].flags & DQ_ST_ERR ? u->times : 0;
		}
	}
	return 0;
}

/* Cuts the story into pages of at most `max` steps each; at least one page. */
int dq_story_paginate(struct dq_story *s, size_t max)
{
	int ret = split_long_units(s, max ? max : SIZE_MAX);
	struct cutter c = { 0 };
	size_t first = 0;

	ret = ret ? ret : cutter_new(&c, s);
	if (ret) {
		cutter_free(&c);
		return ret;
	}
	do {
		size_t end = max ? page_end(&c, first, max) : s->nunits;

		ret = push_page(s, first, end);
		first = end;
	} while (first < s->nunits && !ret);
	cutter_free(&c);
	return ret;
}
