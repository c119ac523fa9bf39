/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff.c - which shape of one side is which of the other; what it all comes to.
 *
 * May use src/util.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/diff.h"
#include "model/life_int.h"

#define ALIKE	  40	/* percent in common, to be the same buffers with another life */
#define NEIGHBOUR 16	/* shapes that are compared where there are too many */

/* Buffers that have no partner yet, by shape. */
struct left {
	size_t *a, *b;
};

/* The shape of the calls without a buffer counts as one. */
static size_t members(const struct dq_shape *s)
{
	return s->nbufs ? s->nbufs : 1;
}

static struct dq_pair *new_pair(struct dq_diff *d, const struct dq_shape *a,
				const struct dq_shape *b, size_t n)
{
	struct dq_pair *p = DQ_PUSH(d->pairs, d->npairs, d->cap);

	if (!p)
		return NULL;
	p->a = a;
	p->b = b;
	p->na = a ? n : 0;
	p->nb = b ? n : 0;
	p->rule = -1;
	return p;
}

/* ---- the same ---- */

static int match_same(struct dq_diff *d, struct left *l)
{
	for (size_t i = 0; i < d->a->shapes.n; i++)
		for (size_t k = 0; k < d->b->shapes.n; k++) {
			const struct dq_shape *x = &d->a->shapes.v[i], *y = &d->b->shapes.v[k];
			size_t n = l->a[i] < l->b[k] ? l->a[i] : l->b[k];
			struct dq_pair *p;

			if (!n || !x->nbufs != !y->nbufs || !dq_life_same(&x->life, &y->life))
				continue;
			p = new_pair(d, x, y, n);
			if (!p)
				return -ENOMEM;
			p->same = true;
			l->a[i] -= n;
			l->b[k] -= n;
		}
	return 0;
}

/* ---- the same but for the kernel ---- */

static int copy_track(struct dq_track *to, const struct dq_track *t)
{
	int ret = 0;

	*to = *t;
	to->role = strdup(t->role);
	to->v = NULL;
	to->n = to->cap = 0;
	if (!to->role)
		return -ENOMEM;
	for (size_t i = 0; i < t->n && !ret; i++) {
		struct dq_node *n = DQ_PUSH(to->v, to->n, to->cap);

		ret = n ? dq_node_copy(n, &t->v[i]) : -ENOMEM;
	}
	return ret;
}

/* Parallel to the shapes of a side: their lives without what depends on the kernel. */
static int normalize_all(struct dq_shapes *to, const struct dq_shapes *s,
			 struct dq_applied *applied)
{
	int ret = 0;

	for (size_t i = 0; i < s->n && !ret; i++) {
		struct dq_shape *row = DQ_PUSH(to->v, to->n, to->cap);

		for (size_t k = 0; row && k < s->v[i].life.ntracks && !ret; k++) {
			struct dq_track *t = DQ_PUSH(row->life.tracks, row->life.ntracks,
						     row->life.cap);

			ret = t ? copy_track(t, &s->v[i].life.tracks[k]) : -ENOMEM;
		}
		if (!row)
			return -ENOMEM;
		if (!ret)
			ret = dq_kernel_normalize(&row->life, &applied[i]);
	}
	return ret;
}

struct kernels {
	struct dq_applied *a, *b; /* rules that were applied to each shape */
};

static int match_kernel(struct dq_diff *d, struct left *l, const struct kernels *ks)
{
	for (size_t i = 0; i < d->a->shapes.n; i++)
		for (size_t k = 0; k < d->b->shapes.n; k++) {
			const struct dq_shape *x = &d->a->shapes.v[i], *y = &d->b->shapes.v[k];
			size_t n = l->a[i] < l->b[k] ? l->a[i] : l->b[k];
			struct dq_pair *p;

			if (!n || !x->nbufs != !y->nbufs ||
			    !dq_life_same(&d->ka.v[i].life, &d->kb.v[k].life))
				continue;
			p = new_pair(d, x, y, n);
			if (!p)
				return -ENOMEM;
			p->kernel = dq_kernel_needed(&ks->a[i], &ks->b[k]);
			l->a[i] -= n;
			l->b[k] -= n;
		}
	return 0;
}

/* ---- the most alike ---- */

struct candidate {
	uint32_t alike;		/* percent, and what speaks for it besides */
	uint32_t i, k;
};

static int by_likeness(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;

	if (a->alike != b->alike)
		return a->alike > b->alike ? -1 : 1;
	if (a->i != b->i)
		return a->i < b->i ? -1 : 1;
	return a->k < b->k ? -1 : a->k > b->k;
}

static const struct dq_life *life_a(const struct dq_diff *d, size_t i)
{
	return i < d->ka.n ? &d->ka.v[i].life : &d->a->shapes.v[i].life;
}

static const struct dq_life *life_b(const struct dq_diff *d, size_t k)
{
	return k < d->kb.n ? &d->kb.v[k].life : &d->b->shapes.v[k].life;
}

static uint64_t life_weight(const struct dq_life *l)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->ntracks; i++)
		n += 2 + 2 * dq_node_count(l->tracks[i].v, l->tracks[i].n);
	return n;
}

/* The exporter, the process, the name and the size class speak for a match. */
static uint32_t role_bonus(const struct dq_shape *x, const struct dq_shape *y)
{
	uint32_t n = 0;

	n += !strcmp(x->exporter, y->exporter) ? 4 : 0;
	n += !strcmp(x->process, y->process) ? 3 : 0;
	n += x->nnames && y->nnames && !strcmp(x->names[0], y->names[0]) ? 3 : 0;
	n += __builtin_clzll(x->size_max | 1) == __builtin_clzll(y->size_max | 1) ? 2 : 0;
	return n;
}

static int compare(struct dq_diff *d, size_t i, size_t k, struct candidate *c)
{
	const struct dq_life *x = life_a(d, i), *y = life_b(d, k);
	uint64_t all = life_weight(x) + life_weight(y), cost;
	int ret = dq_align_cost(d, x, y, &cost);

	if (ret)
		return ret;
	*c = (struct candidate){ .i = (uint32_t)i, .k = (uint32_t)k };
	c->alike = all && cost < all ? (uint32_t)(1000 - cost * 1000 / all) : !all ? 1000 : 0;
	if (c->alike >= ALIKE * 10)
		c->alike += role_bonus(&d->a->shapes.v[i], &d->b->shapes.v[k]);
	return 0;
}

static size_t count_left(const size_t *v, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i] > 0;
	return sum;
}

static int find_candidates(struct dq_diff *d, const struct left *l, struct candidate **v, size_t *n)
{
	size_t na = count_left(l->a, d->a->shapes.n), nb = count_left(l->b, d->b->shapes.n);
	bool many = na && nb > DQ_DIFF_PAIRS / na;
	size_t cap = 0, ai = 0;
	int ret = 0;

	d->rough |= many;
	for (size_t i = 0; i < d->a->shapes.n && !ret; i++) {
		size_t bi = 0;

		if (!l->a[i])
			continue;
		ai++;
		for (size_t k = 0; k < d->b->shapes.n && !ret; k++) {
			struct candidate *c;

			if (!l->b[k] || !d->a->shapes.v[i].nbufs != !d->b->shapes.v[k].nbufs)
				continue;
			bi++;
			if (many && (bi > ai + NEIGHBOUR || ai > bi + NEIGHBOUR))
				continue;
			c = DQ_PUSH(*v, *n, cap);
			ret = c ? compare(d, i, k, c) : -ENOMEM;
		}
	}
	return ret;
}

static int match_alike(struct dq_diff *d, struct left *l, const struct kernels *ks)
{
	struct candidate *v = NULL;
	size_t n = 0;
	int ret = find_candidates(d, l, &v, &n);

	if (!ret && n)
		qsort(v, n, sizeof(*v), by_likeness);
	for (size_t i = 0; i < n && !ret && v[i].alike >= ALIKE * 10; i++) {
		size_t *a = &l->a[v[i].i], *b = &l->b[v[i].k], m = *a < *b ? *a : *b;
		struct dq_pair *p;

		if (!m)
			continue;
		p = new_pair(d, &d->a->shapes.v[v[i].i], &d->b->shapes.v[v[i].k], m);
		if (!p) {
			ret = -ENOMEM;
			break;
		}
		p->kernel = dq_kernel_needed(&ks->a[v[i].i], &ks->b[v[i].k]);
		*a -= m;
		*b -= m;
	}
	free(v);
	return ret;
}

/* Buffers that are left of a shape that both sides have are more or fewer of it. */
static bool add_to_known(struct dq_diff *d, const struct dq_shape *a, const struct dq_shape *b,
			 size_t n)
{
	for (size_t i = 0; i < d->npairs; i++) {
		struct dq_pair *p = &d->pairs[i];

		if (!p->a || !p->b || (a && p->a != a) || (b && p->b != b) ||
		    !(p->same || p->kernel))
			continue;
		p->na += a ? n : 0;
		p->nb += b ? n : 0;
		return true;
	}
	return false;
}

static int match_rest(struct dq_diff *d, const struct left *l)
{
	for (size_t i = 0; i < d->a->shapes.n; i++)
		if (l->a[i] && !add_to_known(d, &d->a->shapes.v[i], NULL, l->a[i]) &&
		    !new_pair(d, &d->a->shapes.v[i], NULL, l->a[i]))
			return -ENOMEM;
	for (size_t k = 0; k < d->b->shapes.n; k++)
		if (l->b[k] && !add_to_known(d, NULL, &d->b->shapes.v[k], l->b[k]) &&
		    !new_pair(d, NULL, &d->b->shapes.v[k], l->b[k]))
			return -ENOMEM;
	return 0;
}

/* ---- verdicts of pairs ---- */

static bool names_differ(const struct dq_shape *a, const struct dq_shape *b)
{
	if (a->nnames != b->nnames)
		return true;
	for (size_t i = 0; i < a->nnames; i++)
		if (strcmp(a->names[i], b->names[i]))
			return true;
	return false;
}

/* Of a part of a shape's buffers it is not known which sizes and names they have. */
static void judge_whole(struct dq_diff *d, struct dq_pair *p)
{
	bool all = p->a && p->b && p->na == members(p->a) && p->nb == members(p->b);

	if (!p->a || !p->b) {
		p->verdict = DQ_D_SHAPE | (p->a ? DQ_D_REMOVED : DQ_D_ADDED);
		return;
	}
	if (dq_rounds_differ(d, p->na, p->na, p->nb, p->nb))
		p->verdict |= DQ_D_COUNT;
	if (all && (p->a->size_min != p->b->size_min || p->a->size_max != p->b->size_max))
		p->verdict |= DQ_D_SIZE;
	if (all && names_differ(p->a, p->b))
		p->verdict |= DQ_D_NAME;
}

/* ---- moves: what was taken away here and put there ---- */

struct ends {
	struct dq_unode **v;
	size_t n, cap;
};

static int collect(struct dq_unode *v, size_t n, uint32_t verdict, struct ends *e)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		struct dq_unode **row;

		if (v[i].verdict & verdict) {
			row = DQ_PUSH(e->v, e->n, e->cap);
			if (!row)
				return -ENOMEM;
			*row = &v[i];
			continue;
		}
		ret = collect(v[i].kids, v[i].nkids, verdict, e);
	}
	return ret;
}

/* One fewer of several in a row here, and the same there: it moved. Loops are left out. */
static bool fewer(const struct dq_unode *u, const struct dq_unode *other)
{
	const struct dq_node *n = other->a ? other->a : other->b;
	bool gone = !other->a;	/* from u to other; else the other way */

	/* a loop against its body once is of one side */
	if (u->verdict != DQ_D_COUNT || !u->a || !u->b || u->moved || other->moved ||
	    n->kind == DQ_NODE_LOOP || !dq_node_same(u->a, n))
		return false;
	if (gone)
		return u->a_min == u->b_min + other->b_min && u->a_max == u->b_max + other->b_max;
	return u->b_min == u->a_min + other->a_min && u->b_max == u->a_max + other->a_max;
}

static void move_between(struct ends *few, struct ends *e, uint32_t *moves)
{
	for (size_t i = 0; i < few->n && i < 1000; i++)
		for (size_t k = 0; k < e->n && k < 1000; k++) {
			if (!fewer(few->v[i], e->v[k]))
				continue;
			few->v[i]->moved = e->v[k]->moved = ++*moves;
			few->v[i]->verdict = 0;
			e->v[k]->joined = true;
			e->v[k]->verdict = DQ_D_MOVED;
			break;
		}
}

static void move_whole(struct ends *gone, struct ends *come, uint32_t *moves)
{
	for (size_t i = 0; i < gone->n && i < 1000; i++)
		for (size_t k = 0; k < come->n && k < 1000; k++) {
			if (come->v[k]->moved || !dq_node_same(gone->v[i]->a, come->v[k]->b))
				continue;
			gone->v[i]->moved = come->v[k]->moved = ++*moves;
			gone->v[i]->verdict = come->v[k]->verdict = DQ_D_MOVED;
			break;
		}
}

static int find_moves(struct dq_pair *p)
{
	struct ends gone = { 0 }, come = { 0 }, few = { 0 };
	uint32_t moves = 0;
	int ret = 0;

	for (size_t i = 0; i < p->ntracks && !ret; i++) {
		ret = collect(p->tracks[i].v, p->tracks[i].n, DQ_D_REMOVED, &gone);
		if (!ret)
			ret = collect(p->tracks[i].v, p->tracks[i].n, DQ_D_ADDED, &come);
		if (!ret)
			ret = collect(p->tracks[i].v, p->tracks[i].n, DQ_D_COUNT, &few);
	}
	if (!ret) {
		move_whole(&gone, &come, &moves);
		move_between(&few, &come, &moves);
		move_between(&few, &gone, &moves);
	}
	free(gone.v);
	free(come.v);
	free(few.v);
	return ret;
}

/* ---- names that are others everywhere ---- */

static size_t word_len(const char *s)
{
	size_t n = 0;

	if (*s == '"')
		return (size_t)(dq_node_behind_word(s) - s);
	/* "0000:00:02.0" is one */
	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("_.+-/@#", s[n])) ||
	       (n && s[n] == ':' && isalnum((unsigned char)s[n + 1])) || (unsigned char)s[n] >= 0x80)
		n++;
	return n ? n : 1;
}

/* a and b are the same but for one word: where and which. More than one: false. */
static bool one_word(const char *a, const char *b, const char **wa, size_t *la, const char **wb,
		     size_t *lb)
{
	bool found = false;

	while (*a && *b) {
		size_t na = word_len(a), nb = word_len(b);
		bool same = na == nb && !memcmp(a, b, na);

		if (!same && found && !(na == *la && nb == *lb && !memcmp(a, *wa, na) &&
					!memcmp(b, *wb, nb)))
			return false;
		if (!same && !found) {
			*wa = a, *la = na, *wb = b, *lb = nb;
			found = true;
		}
		a += na;
		b += nb;
	}
	return found && !*a && !*b;
}

static struct dq_new_name *find_rename(struct dq_diff *d, const char *a, size_t la, const char *b,
				     size_t lb)
{
	for (size_t i = 0; i < d->nrenames; i++)
		if (!strncmp(d->renames[i].from, a, la) && !d->renames[i].from[la] &&
		    !strncmp(d->renames[i].to, b, lb) && !d->renames[i].to[lb])
			return &d->renames[i];
	return NULL;
}

static const char *arguments(const char *text)
{
	size_t op, ret;

	dq_node_parts(text, &op, &ret);
	return text + op;
}

static int note_rename(struct dq_diff *d, const char *a, const char *b)
{
	struct dq_new_name *r;
	const char *wa, *wb;
	size_t la, lb;

	if (!one_word(a, b, &wa, &la, &wb, &lb))
		return 0;
	r = find_rename(d, wa, la, wb, lb);
	if (!r && d->nrenames < 64) {
		r = DQ_PUSH(d->renames, d->nrenames, d->cap_renames);
		if (!r)
			return -ENOMEM;
		r->arg = true;
		r->from = strndup(wa, la);
		r->to = strndup(wb, lb);
		if (!r->from || !r->to)
			return -ENOMEM;
	}
	if (r) {
		r->steps++;
		r->arg &= wa >= arguments(a);
	}
	return 0;
}

/* arg: in the arguments only. A device may be called as its driver is. */
static bool in_text(const char *s, const char *word, bool arg)
{
	size_t n = strlen(word);

	if (arg)
		s = arguments(s);
	for (; *s; s += word_len(s))
		if (word_len(s) == n && !memcmp(s, word, n))
			return true;
	return false;
}

static bool in_nodes(const struct dq_node *v, size_t n, const char *word, bool arg)
{
	for (size_t i = 0; i < n; i++)
		if ((v[i].text && in_text(v[i].text, word, arg)) ||
		    in_nodes(v[i].kids, v[i].nkids, word, arg))
			return true;
	return false;
}

static bool in_side(const struct dq_side *s, const char *word, bool arg)
{
	for (size_t i = 0; i < s->shapes.n; i++)
		for (size_t k = 0; k < s->shapes.v[i].life.ntracks; k++) {
			const struct dq_track *t = &s->shapes.v[i].life.tracks[k];

			if ((!arg && in_text(t->role, word, false)) || in_nodes(t->v, t->n, word, arg))
				return true;
		}
	return false;
}

static int note_nodes(struct dq_diff *d, const struct dq_unode *v, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		if (v[i].verdict & DQ_D_CHANGED)
			ret = note_rename(d, v[i].a->text, v[i].b->text);
		if (!ret)
			ret = note_nodes(d, v[i].kids, v[i].nkids);
	}
	return ret;
}

/* Not a new name, but something else: what one side has besides, or what is no name at all. */
static bool is_rename(const struct dq_diff *d, const struct dq_new_name *r)
{
	static const char *const no_names[] = { "BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE",
						"START", "END", "READ", "WRITE", "RW" };

	for (size_t i = 0; i < DQ_ARRAY_SIZE(no_names); i++)
		if (!strcmp(r->from, no_names[i]) || !strcmp(r->to, no_names[i]))
			return false;
	if (r->steps < 2 || *r->from == '-' || *r->to == '-' || !strncmp(r->from, "O_", 2))
		return false;
	return !in_side(d->b, r->from, r->arg) && !in_side(d->a, r->to, r->arg);
}

static bool is_renamed(struct dq_diff *d, const char *a, const char *b)
{
	const char *wa, *wb;
	size_t la, lb;

	return one_word(a, b, &wa, &la, &wb, &lb) && find_rename(d, wa, la, wb, lb);
}

static void mark_renamed(struct dq_diff *d, struct dq_unode *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((v[i].verdict & DQ_D_CHANGED) && is_renamed(d, v[i].a->text, v[i].b->text))
			v[i].verdict ^= DQ_D_CHANGED | DQ_D_RENAMED;
		mark_renamed(d, v[i].kids, v[i].nkids);
	}
}

static int find_renames(struct dq_diff *d)
{
	size_t to = 0;
	int ret = 0;

	for (size_t i = 0; i < d->npairs && !ret; i++)
		for (size_t k = 0; k < d->pairs[i].ntracks && !ret; k++) {
			struct dq_utrack *t = &d->pairs[i].tracks[k];

			if (t->verdict & DQ_D_CHANGED)
				ret = note_rename(d, t->role_a, t->role_b);
			if (!ret)
				ret = note_nodes(d, t->v, t->n);
		}
	for (size_t i = 0; i < d->nrenames; i++) {
		struct dq_new_name r = d->renames[i];

		if (!ret && is_rename(d, &r)) {
			d->renames[to++] = r;
			continue;
		}
		free(r.from);
		free(r.to);
	}
	d->nrenames = to;
	for (size_t i = 0; i < d->npairs && !ret; i++)
		for (size_t k = 0; k < d->pairs[i].ntracks; k++) {
			struct dq_utrack *t = &d->pairs[i].tracks[k];

			if ((t->verdict & DQ_D_CHANGED) && is_renamed(d, t->role_a, t->role_b))
				t->verdict ^= DQ_D_CHANGED | DQ_D_RENAMED;
			mark_renamed(d, t->v, t->n);
		}
	return ret;
}

/* ---- sums ---- */

static void tally(struct dq_pair *p, uint32_t verdict, int rule)
{
	if (rule >= 0) {
		p->ignored++;
		return;
	}
	for (unsigned int bit = 0; bit < DQ_ARRAY_SIZE(p->n); bit++)
		p->n[bit] += verdict >> bit & 1;
}

static const char *text_of(const struct dq_node *n)
{
	return n && n->text ? n->text : n && n->nkids ? text_of(&n->kids[0]) : NULL;
}

static void sum_nodes(struct dq_diff *d, struct dq_pair *p, struct dq_unode *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct dq_unode *u = &v[i];

		p->steps += !u->deviates && (u->a ? u->a : u->b)->kind != DQ_NODE_LOOP;
		if (u->verdict)
			u->rule = dq_ignores_find(d->o.rules, u->verdict, text_of(u->a), text_of(u->b));
		/* of a move only the place where it is now, or where it was and is one more elsewhere */
		if (u->verdict && !(u->verdict == DQ_D_MOVED && !u->b && !u->joined))
			tally(p, u->verdict, u->rule);
		sum_nodes(d, p, u->kids, u->nkids);
	}
}

static void sum_pair(struct dq_diff *d, struct dq_pair *p)
{
	if (p->verdict) {
		p->rule = dq_ignores_find(d->o.rules, p->verdict & ~(uint32_t)(DQ_D_ADDED | DQ_D_REMOVED),
					p->a ? p->a->name : NULL, p->b ? p->b->name : NULL);
		tally(p, p->verdict & ~(uint32_t)(DQ_D_ADDED | DQ_D_REMOVED), p->rule);
	}
	for (size_t i = 0; i < p->ntracks; i++) {
		struct dq_utrack *t = &p->tracks[i];

		if (t->verdict) {
			t->rule = dq_ignores_find(d->o.rules, t->verdict, t->role_a, t->role_b);
			tally(p, t->verdict, t->rule);
		}
		sum_nodes(d, p, t->v, t->n);
	}
	for (size_t i = 0; i < DQ_ARRAY_SIZE(p->n); i++)
		d->n[i] += p->n[i];
	d->nphases += p->nphases;
	d->ignored += p->ignored;
	d->steps += p->steps;
	d->rough |= p->rough;
	d->kernel |= p->kernel;
}

static void count_bufs(const struct dq_side *s, uint64_t *bufs, uint64_t *alive)
{
	for (size_t i = 0; i < s->shapes.n; i++) {
		const struct dq_life *l = &s->shapes.v[i].life;
		bool released = false;

		for (size_t k = 0; k < l->ntracks; k++)
			released |= l->tracks[k].kind == DQ_TRACK_RELEASE;
		*bufs += s->shapes.v[i].nbufs;
		*alive += released ? 0 : s->shapes.v[i].nbufs;
	}
}

bool dq_pair_differs(const struct dq_pair *p)
{
	for (unsigned int bit = 0; bit < DQ_ARRAY_SIZE(p->n); bit++)
		if (p->n[bit] && !(1u << bit & DQ_D_WEAK))
			return true;
	return false;
}

bool dq_diff_differs(const struct dq_diff *d)
{
	for (size_t i = 0; i < d->npairs; i++)
		if (dq_pair_differs(&d->pairs[i]))
			return true;
	return d->n[dq_verdict_bit(DQ_D_GAINED)] || d->n[dq_verdict_bit(DQ_D_LOST)];
}

bool dq_pair_slower(const struct dq_pair *p)
{
	return p->n[dq_verdict_bit(DQ_D_TIME)] || p->nphases;
}

bool dq_diff_slower(const struct dq_diff *d)
{
	return d->n[dq_verdict_bit(DQ_D_TIME)] || d->nphases;
}

/* ---- all of it ---- */

/* In the order of BASE, then what is only in NEW. */
static int by_place(const void *pa, const void *pb)
{
	const struct dq_pair *a = pa, *b = pb;

	if (!a->a != !b->a)
		return a->a ? -1 : 1;
	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return a->b < b->b ? -1 : a->b > b->b;
}

static int match(struct dq_diff *d)
{
	size_t na = d->a->shapes.n, nb = d->b->shapes.n;
	struct left l = { calloc(na + 1, sizeof(*l.a)), calloc(nb + 1, sizeof(*l.b)) };
	struct kernels ks = { calloc(na + 1, sizeof(*ks.a)), calloc(nb + 1, sizeof(*ks.b)) };
	int ret = l.a && l.b && ks.a && ks.b ? 0 : -ENOMEM;

	for (size_t i = 0; i < na && !ret; i++)
		l.a[i] = members(&d->a->shapes.v[i]);
	for (size_t k = 0; k < nb && !ret; k++)
		l.b[k] = members(&d->b->shapes.v[k]);
	if (!ret)
		ret = match_same(d, &l);
	if (!ret && d->other_kernel && !d->o.strict_kernel) {
		ret = normalize_all(&d->ka, &d->a->shapes, ks.a);
		if (!ret)
			ret = normalize_all(&d->kb, &d->b->shapes, ks.b);
		if (!ret)
			ret = match_kernel(d, &l, &ks);
	}
	if (!ret)
		ret = match_alike(d, &l, &ks);
	if (!ret)
		ret = match_rest(d, &l);
	free(l.a);
	free(l.b);
	free(ks.a);
	free(ks.b);
	return ret;
}

static int align_pair(struct dq_diff *d, struct dq_pair *p)
{
	static const struct dq_life nothing;
	size_t i = p->a ? (size_t)(p->a - d->a->shapes.v) : 0;
	size_t k = p->b ? (size_t)(p->b - d->b->shapes.v) : 0;
	int ret;

	judge_whole(d, p);
	if (!p->a || !p->b)	/* shown as it is */
		return dq_align(d, p, p->a ? &p->a->life : &nothing, p->b ? &p->b->life : &nothing);
	ret = p->same || !d->ka.n ? dq_align(d, p, &p->a->life, &p->b->life) :
				    dq_align(d, p, life_a(d, i), life_b(d, k));
	if (!ret && d->o.timing)
		ret = dq_align_phases(d, p);
	return ret ? ret : find_moves(p);
}

/* The verdict of a shape that only one side has is the shape's, not each step's. */
static void quiet_one_sided(struct dq_pair *p)
{
	for (size_t i = 0; i < p->ntracks && (!p->a || !p->b); i++)
		p->tracks[i].verdict = 0;
}

int dq_diff_new(struct dq_diff **ret_d, const struct dq_side *a, const struct dq_side *b,
		const struct dq_diff_opts *o)
{
	struct dq_diff *d = calloc(1, sizeof(*d));
	int ret;

	if (!d)
		return -ENOMEM;
	d->a = a;
	d->b = b;
	d->o = *o;
	d->other_kernel = strcmp(a->kernel, b->kernel) || strcmp(a->arch, b->arch);
	count_bufs(a, &d->a_bufs, &d->a_alive);
	count_bufs(b, &d->b_bufs, &d->b_alive);
	ret = match(d);
	if (d->npairs)
		qsort(d->pairs, d->npairs, sizeof(*d->pairs), by_place);
	for (size_t i = 0; i < d->npairs && !ret; i++) {
		ret = align_pair(d, &d->pairs[i]);
		quiet_one_sided(&d->pairs[i]);
	}
	if (!ret)
		ret = find_renames(d);
	if (!ret)
		ret = dq_diff_findings(d);
	if (!ret)
		ret = dq_diff_held(d);
	if (ret) {
		dq_diff_free(&d);
		return ret;
	}
	for (size_t i = 0; i < d->npairs; i++)
		sum_pair(d, &d->pairs[i]);
	*ret_d = d;
	return 0;
}

void dq_diff_free(struct dq_diff **pd)
{
	struct dq_diff *d = *pd;

	if (!d)
		return;
	for (size_t i = 0; i < d->npairs; i++) {
		struct dq_pair *p = &d->pairs[i];

		for (size_t k = 0; k < p->ntracks; k++) {
			for (size_t n = 0; n < p->tracks[k].n; n++)
				dq_unode_free(&p->tracks[k].v[n]);
			free(p->tracks[k].v);
		}
		free(p->tracks);
	}
	free(d->pairs);
	for (size_t i = 0; i < d->nrenames; i++) {
		free(d->renames[i].from);
		free(d->renames[i].to);
	}
	free(d->renames);
	free(d->found);
	free(d->held);
	for (size_t i = 0; i < d->nflat; i++)
		free(d->flat[i]);
	free(d->flat);
	dq_shapes_free(&d->ka);
	dq_shapes_free(&d->kb);
	free(d);
	*pd = NULL;
}
