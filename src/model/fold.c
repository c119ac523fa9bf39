/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fold.c - repeats of a story become loops; what still does not fit is cut.
 *
 * A loop is a run of units (say, the two ioctls of a SYNC pair) that says the same,
 * up to identities and times, three times or more. Its first round stays and carries
 * the times of all. Nothing is dropped silently: the story counts what it shows.
 * May use src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

#define BODY_MAX   12	/* units in a loop's body */
#define ROUNDS_MIN 3

static bool same_units(const struct dq_unit *a, const struct dq_unit *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].hash != b[i].hash || a[i].n != b[i].n)
			return false;
	return true;
}

/* How often the p units at i come in a row. */
static size_t rounds_at(const struct dq_story *s, size_t i, size_t p)
{
	size_t r = 1;

	while (i + (r + 1) * p <= s->nunits &&
	       same_units(&s->units[i], &s->units[i + r * p], p))
		r++;
	return r;
}

/* The body at i that covers most; 0: none. */
static size_t best_body(const struct dq_story *s, size_t i, size_t *ret_rounds)
{
	size_t best = 0, covers = 0;

	for (size_t p = 1; p <= BODY_MAX && i + p * ROUNDS_MIN <= s->nunits; p++) {
		size_t r = rounds_at(s, i, p);

		if (r >= ROUNDS_MIN && r * p > covers) {
			best = p;
			covers = r * p;
			*ret_rounds = r;
		}
	}
	return best;
}

static int by_u64(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* Gives the steps of the first round the times of all rounds. */
static int sum_up(struct dq_story *s, size_t i, size_t p, size_t rounds)
{
	struct dq_unit *head = &s->units[i];
	uint64_t *v = malloc(rounds * sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t u = 0; u < p; u++) {
		for (size_t k = 0; k < s->units[i + u].n; k++) {
			struct dq_step *st = &s->steps[s->units[i + u].first + k];

			for (size_t r = 0; r < rounds; r++) {
				const struct dq_step *o =
					&s->steps[s->units[i + r * p + u].first + k];

				v[r] = o->dur;
				/* not every round waited for the same fence */
				if (!strncmp(st->small, "waited ", 7) && strcmp(st->small, o->small))
					st->small = "waited for fences";
				if (o->att && (!head->first_att || o->att < head->first_att))
					head->first_att = o->att;
				if (o->att > head->last_att)
					head->last_att = o->att;
			}
			qsort(v, rounds, sizeof(*v), by_u64);
			st->dmin = v[0];
			st->dmed = v[rounds / 2];
			st->dmax = v[rounds - 1];
		}
	}
	free(v);
	return 0;
}

/* Folds all loops; the units that stay move together. Steps stay where they are. */
int dq_story_fold(struct dq_story *s)
{
	size_t to = 0, i = 0;

	while (i < s->nunits) {
		size_t rounds = 0, p = s->o.fold ? best_body(s, i, &rounds) : 0;
		struct dq_unit *head = &s->units[i];
		int ret;

		if (!p) {
			s->units[to++] = s->units[i++];
			continue;
		}
		ret = sum_up(s, i, p, rounds);
		if (ret)
			return ret;
		head->body = (uint32_t)p;
		head->rounds = (uint32_t)rounds;
		head->period = (s->units[i + (rounds - 1) * p].t0 - head->t0) / (rounds - 1);
		head->loop_end = s->units[i + rounds * p - 1].t1;
		memmove(&s->units[to], head, p * sizeof(*head));
		to += p;
		i += rounds * p;
	}
	s->nunits = to;
	return 0;
}

/* ---- the budget ---- */

/* Units that may only go together: a loop, or one unit. */
static size_t block(const struct dq_story *s, size_t i)
{
	return s->units[i].body ? s->units[i].body : 1;
}

static size_t block_steps(const struct dq_story *s, size_t i)
{
	size_t n = 0;

	for (size_t u = i; u < i + block(s, i); u++)
		n += s->units[u].n;
	return n;
}

static uint64_t unit_calls(const struct dq_story *s, const struct dq_unit *u)
{
	uint64_t n = 0;

	for (size_t k = 0; k < u->n; k++)
		n += s->steps[u->first + k].ncalls;
	return n;
}

/* Calls of the units [from, to), all rounds. */
static uint64_t calls_between(const struct dq_story *s, size_t from, size_t to)
{
	uint64_t n = 0, rounds = 1;
	size_t left = 0;

	for (size_t i = from; i < to; i++) {
		if (!left) {
			left = block(s, i);
			rounds = s->units[i].body ? s->units[i].rounds : 1;
		}
		n += unit_calls(s, &s->units[i]) * rounds;
		left--;
	}
	return n;
}

/* Where the units of the end begin, when `steps` steps may be drawn of them. */
static size_t tail_begin(const struct dq_story *s, size_t head_end, size_t steps)
{
	size_t i = head_end, begin = s->nunits, sum = 0;

	/* blocks are found from the front only */
	for (; i < s->nunits; i += block(s, i))
		sum += block_steps(s, i);
	for (i = head_end; i < s->nunits; i += block(s, i)) {
		if (sum <= steps) {
			begin = i;
			break;
		}
		sum -= block_steps(s, i);
	}
	return begin;
}

static void count_shown(struct dq_story *s)
{
	s->shown = calls_between(s, 0, s->nunits);
	s->folded = 0;
	for (size_t i = 0; i < s->nunits; i += block(s, i)) {
		uint64_t all = calls_between(s, i, i + block(s, i));

		if (s->units[i].body)
			s->folded += all - all / s->units[i].rounds;
	}
}

/* Keeps the begin and the end of a story that is too long; says what is left out between. */
void dq_story_budget(struct dq_story *s)
{
	size_t max = s->o.max_steps, total = 0, head = 0, used = 0, tail;
	uint64_t cut;

	for (size_t i = 0; i < s->nunits; i++)
		total += s->units[i].n;
	if (!max || total <= max) {
		count_shown(s);
		return;
	}
	while (head < s->nunits && used + block_steps(s, head) <= max - max / 4) {
		used += block_steps(s, head);
		head += block(s, head);
	}
	if (!head && s->nunits) {	/* one block alone is too long: its begin */
		if (s->units[0].n > max) {
			struct dq_unit rest = s->units[0];

			rest.first += max;
			rest.n -= max;
			s->units[0].n = max;
			s->cut_tail = unit_calls(s, &rest);
		}
		head = block(s, 0);
		used = max;
	}
	tail = tail_begin(s, head, used < max ? max - used : 0);
	cut = calls_between(s, head, tail);
	memmove(&s->units[head], &s->units[tail], (s->nunits - tail) * sizeof(*s->units));
	s->nunits -= tail - head;
	if (head < s->nunits) {
		s->units[head].cut_before = true;
		s->units[head].cut_calls = cut + s->cut_tail;
		s->cut_tail = 0;
	} else {
		s->cut_tail += cut;
	}
	count_shown(s);
}
