/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life_node.c - steps of a life: comparing, counting, folding.
 *
 * Folding is nested loop recognition (after Ketterlin and Clauss): a sequence is kept folded
 * while it grows. Behind each new node it is looked whether the last p nodes are one more round of
 * the loop before them, or the same as the p nodes before, for p up to BODY_MAX. Hashes are compared
 * first, so a node costs BODY_MAX comparisons, whatever the length of the trace; and what is found
 * depends on nothing but the sequence. May use src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/life.h"

#define BODY_MAX 24	/* nodes of a loop's body */

/* ---- durations ---- */

#define BINS_LINEAR 8	/* below this, a bin for each nanosecond; then 8 for each power of two */

static unsigned int bin_of(uint64_t ns)
{
	unsigned int e;

	if (ns < BINS_LINEAR)
		return (unsigned int)ns;
	e = 63 - (unsigned int)__builtin_clzll(ns);
	return (e - 2) * 8 + (unsigned int)((ns >> (e - 3)) & 7);
}

uint64_t dq_bin_begin(unsigned int bin)
{
	if (bin < BINS_LINEAR)
		return bin;
	return (uint64_t)(8 + bin % 8) << (bin / 8 - 1);
}

static int add_bin(struct dq_times *t, uint16_t bin, uint32_t n)
{
	uint16_t i = t->nv;

	while (i && t->v[i - 1].bin > bin)
		i--;
	if (i && t->v[i - 1].bin == bin) {
		struct dq_bin *b = &t->v[i - 1];

		b->n = n > UINT32_MAX - b->n ? UINT32_MAX : b->n + n;
		return 0;
	}
	if (t->nv == t->cap) {
		size_t cap = t->cap;
		void *v = dq_grow(t->v, &cap, t->nv + 1U, sizeof(*t->v));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->cap = (uint16_t)(cap > UINT16_MAX ? UINT16_MAX : cap);
	}
	memmove(&t->v[i + 1], &t->v[i], (size_t)(t->nv - i) * sizeof(*t->v));
	t->v[i] = (struct dq_bin){ bin, n };
	t->nv++;
	return 0;
}

static void widen(struct dq_times *t, uint64_t min, uint64_t max)
{
	if (!t->n || min < t->min)
		t->min = min;
	if (!t->n || max > t->max)
		t->max = max;
}

int dq_times_add(struct dq_times *t, uint64_t ns)
{
	widen(t, ns, ns);
	t->n++;
	return add_bin(t, (uint16_t)bin_of(ns), 1);
}

int dq_times_merge(struct dq_times *t, const struct dq_times *from)
{
	int ret = 0;

	if (!from->n)
		return 0;
	widen(t, from->min, from->max);
	t->n += from->n;
	for (uint16_t i = 0; i < from->nv && !ret; i++)
		ret = add_bin(t, from->v[i].bin, from->v[i].n);
	return ret;
}

uint64_t dq_times_quantile(const struct dq_times *t, unsigned int q)
{
	uint64_t all = 0, before = 0, want;

	for (uint16_t i = 0; i < t->nv; i++)
		all += t->v[i].n;
	if (!all)
		return 0;
	if (q >= 1000)
		return t->max;
	want = (all - 1) * q / 1000;
	for (uint16_t i = 0; i < t->nv; i++) {
		uint64_t from = dq_bin_begin(t->v[i].bin), to = dq_bin_begin(t->v[i].bin + 1U);

		if (want >= before + t->v[i].n) {
			before += t->v[i].n;
			continue;
		}
		/* as if what is in the bin were spread over what it can be */
		from = from < t->min ? t->min : from;
		to = to > t->max ? t->max : to - 1;
		if (t->v[i].n < 2 || to <= from)
			return from;
		return from + (uint64_t)((double)(to - from) * (double)(want - before) /
					 (double)(t->v[i].n - 1));
	}
	return t->max;
}

void dq_times_free(struct dq_times *t)
{
	free(t->v);
	*t = (struct dq_times){ 0 };
}

/* ---- nodes ---- */

uint64_t dq_life_hash(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	h ^= h >> 29;
	return h * 0x9e3779b97f4a7c15ULL;
}

static uint64_t hash_u64(uint64_t h, uint64_t v)
{
	unsigned char b[8];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (unsigned char)(v >> (8 * i));
	return dq_life_hash(h, b, sizeof(b));
}

void dq_node_hash(struct dq_node *n)
{
	uint64_t h = hash_u64(0xcbf29ce484222325ULL, n->kind == DQ_NODE_LOOP);

	if (n->text)
		h = dq_life_hash(h, n->text, strlen(n->text));
	for (size_t i = 0; i < n->nkids; i++)
		h = hash_u64(h, n->kids[i].hash);
	n->hash = hash_u64(h, n->nkids);
}

void dq_node_free(struct dq_node *n)
{
	for (size_t i = 0; i < n->nkids; i++)
		dq_node_free(&n->kids[i]);
	free(n->kids);
	free(n->text);
	dq_times_free(&n->times);
	*n = (struct dq_node){ 0 };
}

int dq_node_copy(struct dq_node *to, const struct dq_node *n)
{
	int ret;

	*to = *n;
	to->text = n->text ? strdup(n->text) : NULL;
	to->times = (struct dq_times){ 0 };
	to->kids = NULL;
	to->nkids = to->cap = 0;
	ret = n->text && !to->text ? -ENOMEM : dq_times_merge(&to->times, &n->times);
	for (size_t i = 0; i < n->nkids && !ret; i++) {
		struct dq_node *k = DQ_PUSH(to->kids, to->nkids, to->cap);

		ret = k ? dq_node_copy(k, &n->kids[i]) : -ENOMEM;
	}
	if (ret)
		dq_node_free(to);
	return ret;
}

static bool same_seq(const struct dq_node *a, const struct dq_node *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].hash != b[i].hash)
			return false;
	for (size_t i = 0; i < n; i++)
		if (!dq_node_same(&a[i], &b[i]))
			return false;
	return true;
}

bool dq_node_same(const struct dq_node *a, const struct dq_node *b)
{
	if (a->hash != b->hash || (a->kind == DQ_NODE_LOOP) != (b->kind == DQ_NODE_LOOP) ||
	    a->nkids != b->nkids)
		return false;
	if (a->text && b->text ? strcmp(a->text, b->text) : a->text != b->text)
		return false;
	return same_seq(a->kids, b->kids, a->nkids);
}

static uint64_t add_sat(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t dq_rounds_min(const struct dq_rounds *r)
{
	return r->last < r->min ? r->last : r->min;
}

void dq_rounds_set(struct dq_rounds *r, uint64_t min, uint64_t max)
{
	*r = (struct dq_rounds){ .min = min, .max = max, .sum = max, .places = 1, .last = max };
}

int dq_node_merge(struct dq_node *a, const struct dq_node *b)
{
	int ret;

	a->rounds.min = dq_rounds_min(&a->rounds);
	if (b->rounds.min < a->rounds.min)
		a->rounds.min = b->rounds.min;
	if (b->rounds.max > a->rounds.max)
		a->rounds.max = b->rounds.max;
	a->rounds.sum = add_sat(a->rounds.sum, b->rounds.sum);
	a->rounds.places = add_sat(a->rounds.places, b->rounds.places);
	a->rounds.last = b->rounds.last;
	a->flags |= b->flags & DQ_NODE_DARK;
	ret = dq_times_merge(&a->times, &b->times);
	for (size_t i = 0; i < a->nkids && !ret; i++)
		ret = dq_node_merge(&a->kids[i], &b->kids[i]);
	return ret;
}

size_t dq_node_count(const struct dq_node *v, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (v[i].kind != DQ_NODE_LOOP) + dq_node_count(v[i].kids, v[i].nkids);
	return sum;
}

/* A quoted name may contain anything. */
static size_t skip_quoted(const char *s, size_t i)
{
	for (i++; s[i] && s[i] != '"'; i++)
		if (s[i] == '\\' && s[i + 1])
			i++;
	return s[i] ? i : i - 1;
}

bool dq_node_has_hook(const struct dq_node *n, uint32_t hook)
{
	bool has = n->hook == hook;

	for (size_t i = 0; i < n->nkids && !has; i++)
		has = dq_node_has_hook(&n->kids[i], hook);
	return has;
}

const char *dq_node_behind_word(const char *text)
{
	size_t n;

	if (*text == '"')
		return text + skip_quoted(text, 0) + 1;
	n = strcspn(text, " (");
	return text + n - (n && text[n - 1] == ':');
}

void dq_node_parts(const char *text, size_t *op_end, size_t *ret_begin)
{
	size_t i, op = 0;
	bool found = false;

	for (i = 0; text[i]; i++) {
		if (text[i] == '"')
			i = skip_quoted(text, i);
		else if (text[i] == '(' && !found)
			found = true, op = i;
		else if (!strncmp(text + i, " = ", 3))
			break;
	}
	*op_end = found ? op : i;
	*ret_begin = i;
}

/* ---- folding ---- */

static void run_on(struct dq_rounds *r, uint64_t more)
{
	r->sum = add_sat(r->sum, more);
	r->last = add_sat(r->last, more);
	if (r->last > r->max)
		r->max = r->last;
}

/* b directly follows a, which is the same. Takes what b owns. */
static int run_together(struct dq_node *a, struct dq_node *b)
{
	int ret = dq_times_merge(&a->times, &b->times);

	run_on(&a->rounds, b->rounds.sum);
	a->flags |= b->flags & DQ_NODE_DARK;
	for (size_t i = 0; i < a->nkids && !ret; i++)
		ret = dq_node_merge(&a->kids[i], &b->kids[i]);
	dq_node_free(b);
	return ret;
}

/* The p nodes at v are one more round of loop l, or of the loop that ends its last round. */
static struct dq_node *takes_round(struct dq_node *l, const struct dq_node *v, size_t p)
{
	for (; l->kind == DQ_NODE_LOOP; l = &l->kids[l->nkids - 1]) {
		if (l->nkids == p && same_seq(l->kids, v, p))
			return l;
		if (p == 1 && dq_node_same(&l->kids[l->nkids - 1], v))
			return &l->kids[l->nkids - 1];
	}
	return NULL;
}

static int one_round_more(struct dq_node *l, struct dq_node *v, size_t p)
{
	int ret = 0;

	if (p == 1 && dq_node_same(l, v))
		return run_together(l, v);
	for (size_t i = 0; i < p; i++) {
		if (!ret)
			ret = dq_node_merge(&l->kids[i], &v[i]);
		dq_node_free(&v[i]);
	}
	run_on(&l->rounds, 1);
	return ret;
}

/* The 2p nodes at v become a loop of two rounds, in v[0]. */
static int make_loop(struct dq_node *v, size_t p)
{
	struct dq_node l = { .kind = DQ_NODE_LOOP };
	int ret = 0;

	l.kids = calloc(p, sizeof(*l.kids));
	if (!l.kids)
		return -ENOMEM;
	l.nkids = l.cap = p;
	dq_rounds_set(&l.rounds, UINT64_MAX, 2);
	memcpy(l.kids, v, p * sizeof(*v));
	memset(v, 0, p * sizeof(*v));
	for (size_t i = 0; i < p; i++) {
		if (!ret)
			ret = dq_node_merge(&l.kids[i], &v[p + i]);
		dq_node_free(&v[p + i]);
	}
	dq_node_hash(&l);
	v[0] = l;
	return ret;
}

/* Folds the end of the sequence once. How many nodes fewer there are, 0: nothing to fold, -ENOMEM:
 * then what was moved has left empty nodes. */
static int fold_end(struct dq_node *v, size_t n)
{
	for (size_t p = 1; p <= BODY_MAX && p < n; p++) {
		struct dq_node *tail = &v[n - p], *head = &tail[-(ptrdiff_t)p];
		struct dq_node *l = takes_round(&tail[-1], tail, p);
		int ret;

		if (!l && p == 1 && dq_node_same(head, tail))
			l = head;
		if (l) {
			ret = one_round_more(l, tail, p);
			return ret ? ret : (int)p;
		}
		if (p > 1 && 2 * p <= n && same_seq(head, tail, p)) {
			ret = make_loop(head, p);
			return ret ? ret : (int)(2 * p - 1);
		}
	}
	return 0;
}

int dq_node_push(struct dq_node **v, size_t *nv, size_t *cap, struct dq_node *n)
{
	struct dq_node *row = DQ_PUSH(*v, *nv, *cap);
	int ret;

	if (!row) {
		dq_node_free(n);
		return -ENOMEM;
	}
	*row = *n;
	*n = (struct dq_node){ 0 };
	while ((ret = fold_end(*v, *nv)) > 0)
		*nv -= (size_t)ret;
	return ret;
}
