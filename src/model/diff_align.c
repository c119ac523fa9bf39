/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_align.c - two lives side by side.
 *
 * A level of steps is aligned by dynamic programming over its nodes; what is inside of two steps
 * that are paired is aligned in the same way. Besides pairing, adding and removing there are moves
 * for loops: one against its body once, and one against itself in pieces with odd rounds between.
 * May use src/util.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/diff.h"

#define COST_STEP    2	/* added, removed */
#define COST_CHANGED 3
#define COST_COUNT   1
#define COST_NEVER   UINT32_MAX
#define ODD_MAX	     32	/* steps of an odd round */
#define FLAT_MAX     256	/* steps of loops that are written out to be compared */
#define FLAT_GAIN    3		/* by how much that has to be better */
#define WINDOW	     64	/* of the rough way */
#define Z_SURE	     3.2905	/* of the normal distribution: p < 0.001 */

struct seq {			/* small enough for two registers */
	const struct dq_node *v;
	uint32_t n;
	bool blind;		/* the callbacks in it are not known on one of the sides */
	bool once;		/* one round of a step: how often it came is no matter */
	bool inner;		/* inside a call: how often is no matter of frames */
};

#define HOW_ONCE  0x1
#define HOW_INNER 0x2

static unsigned int how(const struct seq *a, const struct seq *b)
{
	return (a->once || b->once ? HOW_ONCE : 0) | (a->inner || b->inner ? HOW_INNER : 0);
}

/* ---- counts ---- */

static uint64_t slack(uint64_t n)
{
	return n <= 4 ? 1 : n < 30 ? 2 : n / 10;
}

static bool near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= slack(a > b ? b : a);
}

bool dq_rounds_differ(const struct dq_diff *d, uint64_t amin, uint64_t amax, uint64_t bmin,
		      uint64_t bmax)
{
	if (d->o.counts == DQ_COUNTS_IGNORE || (amin == bmin && amax == bmax))
		return false;
	if (d->o.counts == DQ_COUNTS_EXACT)
		return true;
	/* once and several times are not the same, one more or less of several is */
	return (amax == 1) != (bmax == 1) || !near(amin, bmin) || !near(amax, bmax);
}

static bool counts_differ(const struct dq_diff *d, const struct dq_node *a, const struct dq_node *b,
			  unsigned int how)
{
	uint64_t amin = dq_rounds_min(&a->rounds), bmin = dq_rounds_min(&b->rounds);

	if (how & HOW_ONCE)
		return false;
	/* a call makes as many of another as its code says */
	if (how & HOW_INNER && d->o.counts != DQ_COUNTS_IGNORE)
		return amin != bmin || a->rounds.max != b->rounds.max;
	return dq_rounds_differ(d, amin, a->rounds.max, bmin, b->rounds.max);
}

/* ---- single steps ---- */

/* What is done, without who does it: "dma_buf_attach", "VIDIOC_QBUF", "descriptor of" */
static void deed(const struct dq_node *n, const char **s, size_t *len)
{
	size_t op, ret;
	const char *p = n->text, *w = dq_node_behind_word(p), *last;

	dq_node_parts(p, &op, &ret);
	*s = p;
	*len = op;
	if (n->kind == DQ_NODE_CALL && !strncmp(w, ": ", 2)) {
		*s = w + 2;
		*len = (size_t)(p + op - *s);
	} else if (n->kind == DQ_NODE_SYS) {
		*len = (size_t)(w - p);
	} else if (n->kind == DQ_NODE_FACT && (last = strstr(p, " of "))) {
		*len = (size_t)(last - p);
	}
	if (!strncmp(*s, "dma_buf_ioctl(", 14))	/* the command is what is done */
		*len = strcspn(*s, " )");
}

static bool pairable(const struct dq_node *a, const struct dq_node *b)
{
	const char *sa, *sb;
	size_t la, lb;

	if (a->kind == DQ_NODE_LOOP || b->kind == DQ_NODE_LOOP)
		return true;
	if (a->kind != b->kind)
		return false;
	deed(a, &sa, &la);
	deed(b, &sb, &lb);
	return la == lb && !memcmp(sa, sb, la);
}

/* A result that is not known differs from no result. */
static bool texts_differ(const struct dq_node *a, const struct dq_node *b)
{
	size_t oa, ra, ob, rb;

	if (!strcmp(a->text, b->text))
		return false;
	if (!((a->flags | b->flags) & DQ_NODE_UNKNOWN))
		return true;
	dq_node_parts(a->text, &oa, &ra);
	dq_node_parts(b->text, &ob, &rb);
	return ra != rb || memcmp(a->text, b->text, ra);
}

static bool same(const struct dq_diff *d, const struct dq_node *a, const struct dq_node *b,
		 unsigned int how)
{
	return dq_node_same(a, b) && !counts_differ(d, a, b, how);
}

static bool left_out(const struct seq *s, size_t i)
{
	return s->blind && (s->v[i].flags & DQ_NODE_CALLBACK);
}

static uint32_t weight(const struct dq_node *v, size_t n)
{
	size_t w = dq_node_count(v, n);

	return w > 100000000 ? 200000000 : (uint32_t)w * COST_STEP;
}

/* What is in two steps that are paired. */
static void insides(const struct dq_node *a, const struct dq_node *b, bool inner, struct seq *sa,
		    struct seq *sb)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a move that needs a step of a side has one */
	bool blind = (a->flags | b->flags) & DQ_NODE_DARK;

	inner |= a->kind != DQ_NODE_LOOP && b->kind != DQ_NODE_LOOP;
	*sa = (struct seq){ a->kids, (uint32_t)a->nkids, blind, false, inner };
	*sb = (struct seq){ b->kids, (uint32_t)b->nkids, blind, false, inner };
	if (a->kind == DQ_NODE_LOOP && b->kind != DQ_NODE_LOOP)
		*sb = (struct seq){ b, 1, false, true, inner };
	if (b->kind == DQ_NODE_LOOP && a->kind != DQ_NODE_LOOP)
		*sa = (struct seq){ a, 1, false, true, inner };
}

static uint32_t plus(uint32_t a, uint32_t b)
{
	return a > COST_NEVER - 1 - b ? COST_NEVER - 1 : a + b;
}

/* ---- the matrix ---- */

enum move { M_NONE, M_PAIR, M_DEL, M_INS, M_INLINE_A, M_INLINE_B, M_SPLIT_A, M_SPLIT_B };

struct cell {
	uint32_t cost;
	uint8_t move;
	uint8_t before, odd, behind; /* SPLIT: nodes of the side that is in pieces */
};

static int seq_cost(struct dq_diff *d, struct seq a, struct seq b, uint32_t *ret);

static int pair_cost(struct dq_diff *d, const struct dq_node *a, const struct dq_node *b,
		     unsigned int how, uint32_t *ret)
{
	bool count = counts_differ(d, a, b, how);
	struct seq sa, sb;
	int err;

	if (dq_node_same(a, b)) {
		*ret = count ? COST_COUNT : 0;
		return 0;
	}
	if (!pairable(a, b)) {
		*ret = COST_NEVER;
		return 0;
	}
	insides(a, b, how & HOW_INNER, &sa, &sb);
	err = seq_cost(d, sa, sb, ret);
	if (a->kind != DQ_NODE_LOOP && b->kind != DQ_NODE_LOOP)
		*ret += texts_differ(a, b) ? COST_CHANGED : 0;
	*ret += count ? COST_COUNT : 0;
	if (*ret >= weight(a, 1) + weight(b, 1))	/* they have nothing in common */
		*ret = COST_NEVER;
	return err;
}

/* The nodes at w are the body of loop l once. */
static size_t inlined(const struct dq_node *l, const struct seq *s, size_t at)
{
	if (l->kind != DQ_NODE_LOOP || s->n - at < l->nkids)
		return 0;
	for (size_t k = 0; k < l->nkids; k++)
		if (!dq_node_same(&l->kids[k], &s->v[at + k]))
			return 0;
	return l->nkids;
}

struct split {
	size_t before, odd, behind;
	uint32_t cost;
};

static struct seq body_of(const struct dq_node *l)
{
	return l->kind == DQ_NODE_LOOP ? (struct seq){ l->kids, (uint32_t)l->nkids, false, false, false } :
					 (struct seq){ l, 1, false, true, false };
}

/* Is s, from `at` on, loop x in two pieces with something between, or with something odd before
 * or behind it? The cheapest; .before + .odd + .behind is 0 when it is not. */
static int find_split(struct dq_diff *d, const struct dq_node *x, const struct seq *s, size_t at,
		      struct split *best)
{
	size_t body = x->kind == DQ_NODE_LOOP ? x->nkids : 1;
	bool first = dq_node_same(x, &s->v[at]);

	*best = (struct split){ .cost = COST_NEVER };
	if (x->rounds.max < 2)
		return 0;
	for (size_t odd = 1; odd <= (body == 1 ? 1 : body + 1) && odd <= ODD_MAX && at + first + odd <= s->n; odd++) {
		size_t next = at + first + odd;
		bool second = next < s->n && dq_node_same(x, &s->v[next]);
		struct seq y = { s->v + at + first, odd, false, body == 1, s->inner };
		uint32_t cost;
		int err;

		if ((!first && !second) || (body == 1 && !pairable(x, y.v)))
			continue;
		err = seq_cost(d, body_of(x), y, &cost);
		if (err)
			return err;
		/* nothing in common: these are other steps, not odd rounds */
		if (plus(cost, COST_COUNT) >= best->cost || cost >= weight(y.v, odd))
			continue;
		*best = (struct split){ first, odd, second, plus(cost, COST_COUNT) };
	}
	return 0;
}

static void offer(struct cell *c, uint32_t cost, uint8_t move)
{
	if (cost < c->cost) {
		*c = (struct cell){ .cost = cost, .move = move };
	}
}

static void offer_split(struct cell *c, const struct split *s, uint32_t rest, uint8_t move)
{
	if (s->cost == COST_NEVER || plus(rest, s->cost) >= c->cost)
		return;
	*c = (struct cell){ plus(rest, s->cost), move, (uint8_t)s->before, (uint8_t)s->odd,
			    (uint8_t)s->behind };
}

#define AT(i, j) m[(i) * (b->n + 1) + (j)]

/* Cell (i, j) is the cost of a[i..] against b[j..]: filled from the end. */
static int fill_cell(struct dq_diff *d, struct cell *m, const struct seq *a, const struct seq *b,
		     size_t i, size_t j)
{
	struct cell *c = &AT(i, j);
	const struct dq_node *x = &a->v[i], *y = &b->v[j];
	struct split s;
	uint32_t cost;
	size_t k;
	int err = pair_cost(d, x, y, how(a, b), &cost);

	if (err)
		return err;
	if (cost != COST_NEVER)
		offer(c, plus(AT(i + 1, j + 1).cost, cost), M_PAIR);
	if ((k = inlined(x, b, j)))
		offer(c, plus(AT(i + 1, j + k).cost, COST_COUNT), M_INLINE_B);
	if ((k = inlined(y, a, i)))
		offer(c, plus(AT(i + k, j + 1).cost, COST_COUNT), M_INLINE_A);
	err = find_split(d, x, b, j, &s);
	if (err)
		return err;
	if (s.cost != COST_NEVER)
		offer_split(c, &s, AT(i + 1, j + s.before + s.odd + s.behind).cost, M_SPLIT_B);
	err = find_split(d, y, a, i, &s);
	if (!err && s.cost != COST_NEVER)
		offer_split(c, &s, AT(i + s.before + s.odd + s.behind, j + 1).cost, M_SPLIT_A);
	return err;
}

static int fill(struct dq_diff *d, struct cell *m, const struct seq *a, const struct seq *b)
{
	int err = 0;

	for (size_t i = a->n + 1; i-- > 0;)
		for (size_t j = b->n + 1; j-- > 0 && !err;) {
			struct cell *c = &AT(i, j);

			*c = (struct cell){ .cost = i == a->n && j == b->n ? 0 : COST_NEVER };
			if (i < a->n && j < b->n)
				err = fill_cell(d, m, a, b, i, j);
			if (i < a->n)
				offer(c, plus(AT(i + 1, j).cost,
					      left_out(a, i) ? 0 : weight(&a->v[i], 1)), M_DEL);
			if (j < b->n)
				offer(c, plus(AT(i, j + 1).cost,
					      left_out(b, j) ? 0 : weight(&b->v[j], 1)), M_INS);
		}
	return err;
}

/* The same at the begin and at the end needs no matrix; one step of it stays, for it may be the
 * first piece of a loop. */
static void trim(const struct dq_diff *d, const struct seq *a, const struct seq *b, size_t *head,
		 size_t *tail)
{
	size_t n = a->n < b->n ? a->n : b->n;

	for (*head = 0; *head < n && same(d, &a->v[*head], &b->v[*head], how(a, b));)
		(*head)++;
	if (*head < a->n || *head < b->n)
		*head -= *head > 0;
	n -= *head;
	for (*tail = 0; *tail < n && same(d, &a->v[a->n - 1 - *tail], &b->v[b->n - 1 - *tail],
					how(a, b));)
		(*tail)++;
	*tail -= *tail > 0;
}

static struct seq middle(const struct seq *s, size_t head, size_t tail)
{
	return (struct seq){ head ? s->v + head : s->v, (uint32_t)(s->n - head - tail), s->blind, s->once,
			     s->inner };
}

static bool too_much(struct dq_diff *d, const struct seq *a, const struct seq *b)
{
	uint64_t cells = (uint64_t)(a->n + 1) * (b->n + 1);

	if (cells > DQ_DIFF_CELLS || d->work + cells > (d->o.work ? d->o.work : DQ_DIFF_WORK))
		return true;
	d->work += cells;
	return false;
}

/* The rough way: the next equal step within a window. */
static size_t next_equal(const struct dq_node *x, const struct seq *b, size_t from)
{
	for (size_t j = from; j < b->n && j < from + WINDOW; j++)
		if (dq_node_same(x, &b->v[j]))
			return j;
	return SIZE_MAX;
}

static uint32_t rough_cost(const struct seq *a, const struct seq *b)
{
	uint32_t cost = 0;
	size_t at = 0;

	for (size_t i = 0; i < a->n; i++) {
		size_t j = next_equal(&a->v[i], b, at);

		if (j == SIZE_MAX) {
			cost = plus(cost, weight(&a->v[i], 1));
			continue;
		}
		cost = plus(cost, weight(&b->v[at], j - at));
		at = j + 1;
	}
	return plus(cost, weight(b->v + at, b->n - at));
}

/* ---- loops, written out ---- */

static bool has_loop(const struct seq *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == DQ_NODE_LOOP)
			return true;
	return false;
}

/* How many nodes s has when loops are written out; 0: too many, or it is not known how many. */
static size_t flat_size(const struct dq_node *v, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		size_t one = v[i].kind == DQ_NODE_LOOP ? flat_size(v[i].kids, v[i].nkids) : 1;

		if (!one || dq_rounds_min(&v[i].rounds) != v[i].rounds.max || v[i].rounds.max > FLAT_MAX)
			return 0;
		sum += one * v[i].rounds.max;
		if (sum > FLAT_MAX)
			return 0;
	}
	return sum;
}

/* Copies that own nothing, each once. */
static struct dq_node *write_out(struct dq_node *to, const struct dq_node *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (uint64_t r = 0; r < v[i].rounds.max; r++) {
			if (v[i].kind == DQ_NODE_LOOP) {
				to = write_out(to, v[i].kids, v[i].nkids);
				continue;
			}
			*to = v[i];
			to->times = (struct dq_times){ 0 };
			dq_rounds_set(&to->rounds, UINT64_MAX, 1);
			to++;
		}
	return to;
}

/* ---- what a loop has taken ---- */

/*
 * A step that follows a loop and is like the last one in it is folded into its last round. How
 * often that was, when all other rounds had it once; 0: it was not so.
 */
static uint64_t taken(const struct dq_node *l)
{
	const struct dq_rounds *r;

	if (l->kind != DQ_NODE_LOOP || l->nkids < 2 || l->kids[l->nkids - 1].kind == DQ_NODE_LOOP)
		return 0;
	r = &l->kids[l->nkids - 1].rounds;
	if (r->last < 2 || r->places < 2 || r->max != r->last)
		return 0;
	/* of each place of the loop, as much as of the last */
	return r->sum - r->places == (r->last - 1) * l->rounds.places ? r->last - 1 : 0;
}

static size_t count_taken(const struct seq *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += taken(&s->v[i]) > 0;
	return n;
}

static int keep_nodes(struct dq_diff *d, struct dq_node *v)
{
	struct dq_node **row = DQ_PUSH(d->flat, d->nflat, d->cap_flat);

	if (!row) {
		free(v);
		return -ENOMEM;
	}
	*row = v;
	return 0;
}

/* s with these steps behind their loops. The nodes own nothing, d keeps the arrays. */
static int give_back(struct dq_diff *d, const struct seq *s, struct seq *ret)
{
	size_t n = s->n + count_taken(s), to = 0;
	struct dq_node *v = calloc(n + 1, sizeof(*v));
	int err = v ? keep_nodes(d, v) : -ENOMEM;

	for (size_t i = 0; i < s->n && !err; i++) {
		uint64_t more = taken(&s->v[i]);
		struct dq_node *l = &v[to++], *kids, *last;

		*l = s->v[i];
		if (!more)
			continue;
		kids = calloc(l->nkids, sizeof(*kids));
		err = kids ? keep_nodes(d, kids) : -ENOMEM;
		if (err)
			break;
		memcpy(kids, l->kids, l->nkids * sizeof(*kids));
		l->kids = kids;
		last = &kids[l->nkids - 1];
		v[to] = *last;
		dq_rounds_set(&v[to++].rounds, UINT64_MAX, more);
		dq_rounds_set(&last->rounds, UINT64_MAX, 1);
	}
	*ret = (struct seq){ v, (uint32_t)to, s->blind, s->once, s->inner };
	return err;
}

static int folded_cost(struct dq_diff *d, struct seq a0, struct seq b0, uint32_t *ret);

/* If it makes the difference smaller, *a and *b are changed so. */
static int try_give_back(struct dq_diff *d, struct seq *a, struct seq *b, uint32_t *cost)
{
	struct seq x, y;
	uint32_t other = 0;
	int err;

	if (*cost <= FLAT_GAIN || (!count_taken(a) && !count_taken(b)))
		return 0;
	err = give_back(d, a, &x);
	if (err)
		return err;
	err = give_back(d, b, &y);
	if (err)
		return err;
	err = folded_cost(d, x, y, &other);
	if (err || other >= *cost)
		return err;
	*a = x;
	*b = y;
	*cost = other;
	return 0;
}

/*
 * A difference in one round makes other loops of the rest, and then what is the same looks
 * different. If so, both are compared written out: *ret is the cost, and the nodes are in *fa, *fb,
 * which the caller frees. NULL: it is no better.
 */
static int try_flat(struct dq_diff *d, const struct seq *a, const struct seq *b, uint32_t folded,
		    uint32_t *ret, struct dq_node **fa, struct dq_node **fb)
{
	size_t na, nb;
	int err;

	*fa = *fb = NULL;
	if (folded <= FLAT_GAIN || (!has_loop(a) && !has_loop(b)))
		return 0;
	na = flat_size(a->v, a->n);
	nb = flat_size(b->v, b->n);
	if (!na || !nb)
		return 0;
	*fa = calloc(na, sizeof(**fa));
	*fb = calloc(nb, sizeof(**fb));
	if (!*fa || !*fb) {
		free(*fa);
		free(*fb);
		return -ENOMEM;
	}
	write_out(*fa, a->v, a->n);
	write_out(*fb, b->v, b->n);
	err = folded_cost(d, (struct seq){ *fa, (uint32_t)na, a->blind, false, a->inner },
			  (struct seq){ *fb, (uint32_t)nb, b->blind, false, b->inner }, ret);
	if (!err && *ret + FLAT_GAIN < folded)
		return 0;
	free(*fa);
	free(*fb);
	*fa = *fb = NULL;
	return err;
}

static int seq_cost(struct dq_diff *d, struct seq a, struct seq b, uint32_t *ret)
{
	struct dq_node *fa, *fb;
	uint32_t flat;
	int err = folded_cost(d, a, b, ret);

	if (!err)
		err = try_give_back(d, &a, &b, ret);
	if (!err)
		err = try_flat(d, &a, &b, *ret, &flat, &fa, &fb);
	if (!err && fa) {
		*ret = flat;
		free(fa);
		free(fb);
	}
	return err;
}

static int folded_cost(struct dq_diff *d, struct seq a0, struct seq b0, uint32_t *ret)
{
	size_t head, tail;
	struct seq am, bm;
	const struct seq *a = &am, *b = &bm;
	struct cell *m;
	int err;

	trim(d, &a0, &b0, &head, &tail);
	am = middle(&a0, head, tail);
	bm = middle(&b0, head, tail);
	if (too_much(d, a, b)) {
		d->rough = true;
		*ret = rough_cost(a, b);
		return 0;
	}
	m = malloc((a->n + 1) * (b->n + 1) * sizeof(*m));
	if (!m)
		return -ENOMEM;
	err = fill(d, m, a, b);
	*ret = AT(0, 0).cost;
	free(m);
	return err;
}

/* ---- building the tree of both ---- */

void dq_unode_free(struct dq_unode *u)
{
	for (size_t i = 0; i < u->nkids; i++)
		dq_unode_free(&u->kids[i]);
	free(u->kids);
}

struct out {
	struct dq_unode **v;
	size_t *n, *cap;
};

static struct dq_unode *add(struct out o, const struct dq_node *a, const struct dq_node *b)
{
	struct dq_unode *u = DQ_PUSH(*o.v, *o.n, *o.cap);

	if (!u)
		return NULL;
	u->a = a;
	u->b = b;
	u->rule = -1;
	if (a) {
		u->a_min = dq_rounds_min(&a->rounds);
		u->a_max = a->rounds.max;
	}
	if (b) {
		u->b_min = dq_rounds_min(&b->rounds);
		u->b_max = b->rounds.max;
	}
	return u;
}

static struct out inside(struct dq_unode *u)
{
	return (struct out){ &u->kids, &u->nkids, &u->cap };
}

/* A step that only one side has, with all that is in it. */
static int add_one_sided(struct out o, const struct dq_node *n, bool is_a, uint32_t verdict)
{
	struct dq_unode *u = add(o, is_a ? n : NULL, is_a ? NULL : n);
	int err = 0;

	if (!u)
		return -ENOMEM;
	u->verdict = verdict;
	for (size_t i = 0; i < n->nkids && !err; i++)
		err = add_one_sided(inside(u), &n->kids[i], is_a, 0);
	return err;
}

static int align(struct dq_diff *d, struct seq a, struct seq b, struct out o);

/* Do durations differ, by the ranks (Mann-Whitney, with ties as the bins make them)? */
static bool time_differs(const struct dq_diff *d, const struct dq_times *a, const struct dq_times *b,
			 struct dq_span *s)
{
	double na = (double)a->n, nb = (double)b->n, below = 0, rank = 0, ties = 0, n = na + nb, var;
	size_t i = 0, k = 0;

	s->a = dq_times_quantile(a, 500);
	s->b = dq_times_quantile(b, 500);
	if (!d->o.timing || a->n < 8 || b->n < 8)
		return false;
	while (i < a->nv || k < b->nv) {
		uint16_t bin = i >= a->nv ? b->v[k].bin : k >= b->nv || a->v[i].bin < b->v[k].bin ?
			       a->v[i].bin : b->v[k].bin;
		double ca = i < a->nv && a->v[i].bin == bin ? a->v[i++].n : 0;
		double cb = k < b->nv && b->v[k].bin == bin ? b->v[k++].n : 0;
		double t = ca + cb;

		rank += ca * (below + (t + 1) / 2);
		ties += t * t * t - t;
		below += t;
	}
	var = na * nb / 12 * (n + 1 - ties / (n * (n - 1)));
	if (var <= 0)
		return false;
	s->z = sqrt((rank - na * (n + 1) / 2) * (rank - na * (n + 1) / 2) / var);
	s->differs = s->z > Z_SURE &&
		     (double)(s->a > s->b ? s->a - s->b : s->b - s->a) * 100 >
			     (double)(s->a < s->b ? s->a : s->b) * d->o.timing;
	return s->differs;
}

/* Durations of calls by phase; of those in a call only what is another phase. */
static int add_phases(struct dq_times *to, const struct dq_node *v, size_t n, enum dq_phase in)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		enum dq_phase ph = v[i].kind == DQ_NODE_CALL ? v[i].phase : in;

		if (v[i].kind == DQ_NODE_CALL && ph != in && !(v[i].flags & DQ_NODE_CALLBACK))
			err = dq_times_merge(&to[ph], &v[i].times);
		if (!err)
			err = add_phases(to, v[i].kids, v[i].nkids, ph);
	}
	return err;
}

int dq_align_phases(struct dq_diff *d, struct dq_pair *p)
{
	struct dq_times a[DQ_PH_MAX] = { { 0 } }, b[DQ_PH_MAX] = { { 0 } };
	int err = 0;

	for (size_t i = 0; i < p->a->life.ntracks && !err; i++)
		err = add_phases(a, p->a->life.tracks[i].v, p->a->life.tracks[i].n, DQ_PH_NONE);
	for (size_t i = 0; i < p->b->life.ntracks && !err; i++)
		err = add_phases(b, p->b->life.tracks[i].v, p->b->life.tracks[i].n, DQ_PH_NONE);
	for (size_t i = 0; i < DQ_PH_MAX; i++) {
		if (!err && i != DQ_PH_NONE && time_differs(d, &a[i], &b[i], &p->phases[i]))
			p->nphases++;
		dq_times_free(&a[i]);
		dq_times_free(&b[i]);
	}
	return err;
}

static int build_pair(struct dq_diff *d, const struct dq_node *a, const struct dq_node *b,
		      unsigned int how, struct out o)
{
	struct dq_unode *u = add(o, a, b);
	struct seq sa, sb;

	if (!u)
		return -ENOMEM;
	insides(a, b, how & HOW_INNER, &sa, &sb);
	if (how & HOW_ONCE)
		u->a_min = u->a_max = u->b_min = u->b_max = 1;
	else if (counts_differ(d, a, b, how))
		u->verdict |= DQ_D_COUNT;
	if (a->text && b->text && texts_differ(a, b))
		u->verdict |= DQ_D_CHANGED;
	if (time_differs(d, &a->times, &b->times, &u->time))
		u->verdict |= DQ_D_TIME;
	u->blind = sa.blind;
	return align(d, sa, sb, inside(u));
}

/* Loop x of one side is the nodes at s of the other, in pieces. */
static int build_split(struct dq_diff *d, const struct dq_node *x, const struct dq_node *s,
		       const struct cell *c, bool x_is_a, struct out o)
{
	const struct dq_node *piece = c->before ? s : s + c->odd;
	uint64_t min = 0, max = 0, all;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): as in insides() */
	struct seq y = { s + c->before, c->odd, false, x->kind != DQ_NODE_LOOP, false };
	struct dq_unode *u;
	int err = build_pair(d, x_is_a ? x : piece, x_is_a ? piece : x, 0, o);

	if (err)
		return err;
	u = &(*o.v)[*o.n - 1];
	for (size_t i = 0; i < (size_t)c->before + c->odd + c->behind; i++)
		if (i < c->before || i >= (size_t)c->before + c->odd) {
			min += dq_rounds_min(&s[i].rounds);
			max += s[i].rounds.max;
		}
	all = x->kind == DQ_NODE_LOOP ? 1 : y.v[0].rounds.max;	/* odd rounds */
	if (x_is_a) {
		u->b_min = min + all;
		u->b_max = max + all;
	} else {
		u->a_min = min + all;
		u->a_max = max + all;
	}
	u->verdict &= ~(uint32_t)DQ_D_COUNT;
	if (dq_rounds_differ(d, u->a_min, u->a_max, u->b_min, u->b_max))
		u->verdict |= DQ_D_COUNT;
	u = add(o, NULL, NULL);
	if (!u)
		return -ENOMEM;
	u->deviates = true;
	if (x_is_a)
		u->b_min = u->b_max = all;
	else
		u->a_min = u->a_max = all;
	return x_is_a ? align(d, body_of(x), y, inside(u)) : align(d, y, body_of(x), inside(u));
}

/* A loop on one side, its body once on the other. */
static int build_inline(struct dq_diff *d, const struct dq_node *l, const struct dq_node *s,
			bool l_is_a, struct out o)
{
	struct dq_unode *u = add(o, l_is_a ? l : NULL, l_is_a ? NULL : l);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): as in insides() */
	struct seq body = { l->kids, l->nkids, false, false, false };
	struct seq once = { s, l->nkids, false, false, false };

	if (!u)
		return -ENOMEM;
	if (l_is_a)
		u->b_min = u->b_max = 1;
	else
		u->a_min = u->a_max = 1;
	if (dq_rounds_differ(d, u->a_min, u->a_max, u->b_min, u->b_max))
		u->verdict |= DQ_D_COUNT;
	return align(d, l_is_a ? body : once, l_is_a ? once : body, inside(u));
}

static int build_left_out(struct out o, const struct dq_node *n, bool is_a)
{
	int err = add_one_sided(o, n, is_a, 0);

	if (!err)
		(*o.v)[*o.n - 1].blind = true;
	return err;
}

/* Does the move of a cell, and goes on to the next one. */
static int build_move(struct dq_diff *d, const struct cell *c, const struct seq *a,
		      const struct seq *b, size_t *i, size_t *j, struct out o)
{
	const struct dq_node *x = *i < a->n ? &a->v[*i] : NULL, *y = *j < b->n ? &b->v[*j] : NULL;
	size_t pieces = (size_t)c->before + c->odd + c->behind;
	int err = 0;

	switch ((enum move)c->move) {
	case M_PAIR:
		err = build_pair(d, x, y, how(a, b), o);
		*i += 1, *j += 1;
		break;
	case M_DEL:
		err = left_out(a, *i) ? build_left_out(o, x, true) :
					add_one_sided(o, x, true, DQ_D_REMOVED);
		*i += 1;
		break;
	case M_INS:
		err = left_out(b, *j) ? build_left_out(o, y, false) :
					add_one_sided(o, y, false, DQ_D_ADDED);
		*j += 1;
		break;
	case M_INLINE_B:
		err = build_inline(d, x, y, true, o);
		*i += 1, *j += x->nkids;
		break;
	case M_INLINE_A:
		err = build_inline(d, y, x, false, o);
		*i += y->nkids, *j += 1;
		break;
	case M_SPLIT_B:
		err = build_split(d, x, y, c, true, o);
		*i += 1, *j += pieces;
		break;
	case M_SPLIT_A:
		err = build_split(d, y, x, c, false, o);
		*i += pieces, *j += 1;
		break;
	case M_NONE:
		return -EINVAL;
	}
	return err;
}

static int align_rough(struct dq_diff *d, const struct seq *a, const struct seq *b, struct out o)
{
	size_t at = 0;
	int err = 0;

	d->rough = true;
	for (size_t i = 0; i < a->n && !err; i++) {
		size_t j = next_equal(&a->v[i], b, at);

		if (j == SIZE_MAX) {
			err = add_one_sided(o, &a->v[i], true, DQ_D_REMOVED);
			continue;
		}
		for (; at < j && !err; at++)
			err = add_one_sided(o, &b->v[at], false, DQ_D_ADDED);
		if (!err)
			err = build_pair(d, &a->v[i], &b->v[at++], how(a, b), o);
	}
	for (; at < b->n && !err; at++)
		err = add_one_sided(o, &b->v[at], false, DQ_D_ADDED);
	return err;
}

static int align_middle(struct dq_diff *d, const struct seq *a, const struct seq *b, struct out o)
{
	struct cell *m;
	size_t i = 0, j = 0;
	int err;

	if (too_much(d, a, b))
		return align_rough(d, a, b, o);
	m = malloc((a->n + 1) * (b->n + 1) * sizeof(*m));
	if (!m)
		return -ENOMEM;
	err = fill(d, m, a, b);
	while ((i < a->n || j < b->n) && !err)
		err = build_move(d, &AT(i, j), a, b, &i, &j, o);
	free(m);
	return err;
}

static int align_folded(struct dq_diff *d, struct seq a, struct seq b, struct out o);

static int align(struct dq_diff *d, struct seq a, struct seq b, struct out o)
{
	struct dq_node *fa = NULL, *fb = NULL;
	uint32_t folded, flat;
	int err = 0, err2;

	if (has_loop(&a) || has_loop(&b)) {
		err = folded_cost(d, a, b, &folded);
		if (!err)
			err = try_give_back(d, &a, &b, &folded);
		if (!err)
			err = try_flat(d, &a, &b, folded, &flat, &fa, &fb);
	}
	if (err || !fa)
		return err ? err : align_folded(d, a, b, o);
	a = (struct seq){ fa, (uint32_t)flat_size(a.v, a.n), a.blind, false, a.inner };
	b = (struct seq){ fb, (uint32_t)flat_size(b.v, b.n), b.blind, false, b.inner };
	err = keep_nodes(d, fa);
	err2 = keep_nodes(d, fb);
	return err ? err : err2 ? err2 : align_folded(d, a, b, o);
}

static int align_folded(struct dq_diff *d, struct seq a, struct seq b, struct out o)
{
	size_t head, tail;
	struct seq am, bm;
	int err = 0;

	trim(d, &a, &b, &head, &tail);
	am = middle(&a, head, tail);
	bm = middle(&b, head, tail);
	for (size_t i = 0; i < head && !err; i++)
		err = build_pair(d, &a.v[i], &b.v[i], how(&a, &b), o);
	if (!err && (am.n || bm.n))
		err = align_middle(d, &am, &bm, o);
	for (size_t i = tail; i > 0 && !err; i--)
		err = build_pair(d, &a.v[a.n - i], &b.v[b.n - i], how(&a, &b), o);
	return err;
}

/* ---- tracks ---- */

static struct seq steps(const struct dq_track *t)
{
	return (struct seq){ t->v, (uint32_t)t->n, false, false, false };
}

/* For each track of a its partner in b, or -1: the same role first, then the most alike of a kind. */
static int match_tracks(struct dq_diff *d, const struct dq_life *a, const struct dq_life *b,
			int *to, bool *taken)
{
	for (size_t i = 0; i < a->ntracks; i++) {
		uint32_t best = COST_NEVER;
		int err;

		to[i] = -1;
		for (size_t k = 0; k < b->ntracks; k++) {
			const struct dq_track *x = &a->tracks[i], *y = &b->tracks[k];
			uint32_t cost;

			if (taken[k] || x->kind != y->kind || strcmp(x->role, y->role))
				continue;
			err = x->hash == y->hash ? (cost = 0, 0) :
						   seq_cost(d, steps(x), steps(y), &cost);
			if (err)
				return err;
			if (cost < best) {
				best = cost;
				to[i] = (int)k;
			}
		}
		if (to[i] >= 0)
			taken[to[i]] = true;
	}
	for (size_t i = 0; i < a->ntracks; i++) {
		uint32_t best = COST_NEVER;

		for (size_t k = 0; to[i] < 0 && k < b->ntracks; k++) {
			const struct dq_track *x = &a->tracks[i], *y = &b->tracks[k];
			uint32_t cost, all = plus(weight(x->v, x->n), weight(y->v, y->n));
			int err;

			if (taken[k] || x->kind != y->kind)
				continue;
			err = seq_cost(d, steps(x), steps(y), &cost);
			if (err)
				return err;
			if (cost < best && cost < all / 2) {
				best = cost;
				to[i] = (int)k;
			}
		}
		if (to[i] >= 0)
			taken[to[i]] = true;
	}
	return 0;
}

static uint64_t track_cost(struct dq_diff *d, const struct dq_track *x, const struct dq_track *y,
			   int *err)
{
	uint32_t cost = 0;

	if (!x || !y)
		return plus(weight((x ? x : y)->v, (x ? x : y)->n), COST_STEP);
	if (x->hash != y->hash || !*err)
		*err = seq_cost(d, steps(x), steps(y), &cost);
	return (uint64_t)cost + (strcmp(x->role, y->role) ? COST_CHANGED : 0);
}

/*
 * Threads that did the same on one side may do different things on the other: one track there and
 * several here. Those that are left are compared with the same track, if that adds up.
 */
struct matching {
	int *to;		/* of a track of a, its partner in b; -1 */
	bool *taken;		/* of b's */
	int *a_also, *b_also;	/* a track without a partner: the one of the other side that it was
				 * split from; -1 */
	uint64_t *a_rest, *b_rest; /* threads that are not in other pairs */
};

static bool alike(const struct dq_track *x, const struct dq_track *y)
{
	return x->kind == DQ_TRACK_APP && y->kind == DQ_TRACK_APP && !strcmp(x->role, y->role) &&
	       x->threads_min == x->threads_max && y->threads_min == y->threads_max;
}

static void find_splits(const struct dq_life *a, const struct dq_life *b, struct matching *m)
{
	for (size_t i = 0; i < a->ntracks; i++) {
		const struct dq_track *x = &a->tracks[i], *y = m->to[i] < 0 ? NULL : &b->tracks[m->to[i]];

		for (size_t k = 0; y && k < b->ntracks; k++)
			if (!m->taken[k] && m->b_also[k] < 0 && alike(x, &b->tracks[k]) && alike(x, y) &&
			    m->a_rest[i] >= y->threads_max + b->tracks[k].threads_max) {
				m->b_also[k] = (int)i;
				m->a_rest[i] -= b->tracks[k].threads_max;
			}
		for (size_t k = 0; y && k < a->ntracks; k++)
			if (m->to[k] < 0 && m->a_also[k] < 0 && alike(y, &a->tracks[k]) && alike(x, y) &&
			    m->b_rest[m->to[i]] >= x->threads_max + a->tracks[k].threads_max) {
				m->a_also[k] = m->to[i];
				m->b_rest[m->to[i]] -= a->tracks[k].threads_max;
			}
	}
}

static int new_matching(struct dq_diff *d, const struct dq_life *a, const struct dq_life *b,
			struct matching *m)
{
	int err;

	m->to = calloc(a->ntracks + 1, sizeof(*m->to));
	m->taken = calloc(b->ntracks + 1, sizeof(*m->taken));
	m->a_also = calloc(a->ntracks + 1, sizeof(*m->a_also));
	m->b_also = calloc(b->ntracks + 1, sizeof(*m->b_also));
	m->a_rest = calloc(a->ntracks + 1, sizeof(*m->a_rest));
	m->b_rest = calloc(b->ntracks + 1, sizeof(*m->b_rest));
	if (!m->to || !m->taken || !m->a_also || !m->b_also || !m->a_rest || !m->b_rest)
		return -ENOMEM;
	for (size_t i = 0; i < a->ntracks; i++) {
		m->a_also[i] = -1;
		m->a_rest[i] = a->tracks[i].threads_max;
	}
	for (size_t k = 0; k < b->ntracks; k++) {
		m->b_also[k] = -1;
		m->b_rest[k] = b->tracks[k].threads_max;
	}
	err = match_tracks(d, a, b, m->to, m->taken);
	if (!err)
		find_splits(a, b, m);
	return err;
}

static void free_matching(struct matching *m)
{
	free(m->to);
	free(m->taken);
	free(m->a_also);
	free(m->b_also);
	free(m->a_rest);
	free(m->b_rest);
}

static const struct dq_track *track_or_null(const struct dq_life *l, int i)
{
	return i < 0 ? NULL : &l->tracks[i];
}

int dq_align_cost(struct dq_diff *d, const struct dq_life *a, const struct dq_life *b,
		  uint64_t *ret_cost)
{
	struct matching m;
	int err = new_matching(d, a, b, &m);

	*ret_cost = 0;
	for (size_t i = 0; i < a->ntracks && !err; i++)
		*ret_cost += track_cost(d, &a->tracks[i],
					track_or_null(b, m.to[i] < 0 ? m.a_also[i] : m.to[i]), &err);
	for (size_t k = 0; k < b->ntracks && !err; k++)
		if (!m.taken[k])
			*ret_cost += track_cost(d, track_or_null(a, m.b_also[k]), &b->tracks[k], &err);
	free_matching(&m);
	return err;
}

/* Threads of each side in this pair; 0: as many as the track has. */
struct threads {
	uint64_t a, b;
};

static int build_track(struct dq_diff *d, struct dq_pair *p, const struct dq_track *x,
		       const struct dq_track *y, struct threads n)
{
	struct dq_utrack *t = DQ_PUSH(p->tracks, p->ntracks, p->cap);
	const struct dq_track *any = x ? x : y;
	struct out o;
	int err = 0;

	if (!t)
		return -ENOMEM;
	t->kind = any->kind;
	t->rule = -1;
	t->role_a = x ? x->role : NULL;
	t->role_b = y ? y->role : NULL;
	o = (struct out){ &t->v, &t->n, &t->cap };
	if (!x || !y) {
		t->verdict = x ? DQ_D_REMOVED : DQ_D_ADDED;
		for (size_t i = 0; i < any->n && !err; i++)
			err = add_one_sided(o, &any->v[i], !!x, 0);
		return err;
	}
	t->a_min = n.a ? n.a : x->threads_min;
	t->a_max = n.a ? n.a : x->threads_max;
	t->b_min = n.b ? n.b : y->threads_min;
	t->b_max = n.b ? n.b : y->threads_max;
	if (strcmp(x->role, y->role))
		t->verdict |= DQ_D_CHANGED;
	if (dq_rounds_differ(d, t->a_min, t->a_max, t->b_min, t->b_max))
		t->verdict |= DQ_D_COUNT;
	return align(d, steps(x), steps(y), o);
}

static struct threads threads_of(const struct dq_life *a, const struct dq_life *b,
				 const struct matching *m, size_t i)
{
	struct threads n = { 0 };

	if (m->to[i] < 0)	/* what is split off has its own number on both sides */
		n.b = m->a_also[i] < 0 ? 0 : a->tracks[i].threads_max;
	else if (m->a_rest[i] != a->tracks[i].threads_max)
		n.a = m->a_rest[i];
	else if (m->b_rest[m->to[i]] != b->tracks[m->to[i]].threads_max)
		n.b = m->b_rest[m->to[i]];
	return n;
}

int dq_align(struct dq_diff *d, struct dq_pair *p, const struct dq_life *a, const struct dq_life *b)
{
	struct matching m;
	bool rough = d->rough;
	int err = new_matching(d, a, b, &m);

	d->rough = false;
	for (size_t i = 0; i < a->ntracks && !err; i++)
		err = build_track(d, p, &a->tracks[i],
				  track_or_null(b, m.to[i] < 0 ? m.a_also[i] : m.to[i]),
				  threads_of(a, b, &m, i));
	for (size_t k = 0; k < b->ntracks && !err; k++)
		if (!m.taken[k])
			err = build_track(d, p, track_or_null(a, m.b_also[k]), &b->tracks[k],
					  (struct threads){ m.b_also[k] < 0 ? 0 : b->tracks[k].threads_max, 0 });
	p->rough = d->rough;
	d->rough |= rough;
	free_matching(&m);
	return err;
}
