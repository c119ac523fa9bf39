/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c - a hash map from uint64_t to uint64_t: open addressing, linear probing,
 * deletion by shifting back (no tombstones). Keys come out of files of strangers, so
 * the hash is seeded per process: nobody can prepare a file whose keys all collide.
 * There is no iteration, hence the seed never shows in any output.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "util.h"

struct slot {
	uint64_t key, val;
};

struct dq_map {
	struct slot *slots;
	uint8_t *used;
	size_t mask;	/* number of slots - 1; the number is a power of two */
	size_t len;
	uint64_t seed;
};

uint64_t dq_hash_seed(void)
{
	static uint64_t seed;
	const void *rnd;
	const char *fixed;

	if (!seed) {
		/* to count instructions: luck with collisions is a tenth of some figures */
		fixed = secure_getenv("DMASEQ_HASH_SEED");
		rnd = (const void *)getauxval(AT_RANDOM);
		if (fixed)
			seed = strtoull(fixed, NULL, 0);
		else if (rnd)
			memcpy(&seed, rnd, sizeof(seed));
		seed |= 1;
	}
	return seed;
}

uint64_t dq_hash_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Without the seed the collisions cannot be computed. Most of the time that a trace's reading takes
 * is spent on looking things up: where there is a multiplication to 128 bits, one is enough. */
static inline size_t home(const struct dq_map *m, uint64_t key)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 x = (unsigned __int128)(key ^ m->seed) * (m->seed * 0x9e3779b97f4a7c15u | 1);

	return (size_t)((uint64_t)x ^ (uint64_t)(x >> 64)) & m->mask;
#else
	return dq_hash_mix(dq_hash_mix(key + m->seed) * m->seed) & m->mask;
#endif
}

static int map_alloc(struct dq_map *m, size_t n)
{
	struct slot *slots = calloc(n, sizeof(*slots));
	uint8_t *used = calloc(n, 1);

	if (!slots || !used) {
		free(slots);
		free(used);
		return -ENOMEM;
	}
	m->slots = slots;
	m->used = used;
	m->mask = n - 1;
	return 0;
}

struct dq_map *dq_map_new(void)
{
	struct dq_map *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->seed = dq_hash_seed();
	if (map_alloc(m, 16)) {
		free(m);
		return NULL;
	}
	return m;
}

void dq_map_free(struct dq_map *m)
{
	if (!m)
		return;
	free(m->slots);
	free(m->used);
	free(m);
}

/* The slot of the key, or the free slot where it would go. */
static inline size_t find(const struct dq_map *m, uint64_t key)
{
	size_t i = home(m, key);

	while (m->used[i] && m->slots[i].key != key)
		i = (i + 1) & m->mask;
	return i;
}

static int map_grow(struct dq_map *m)
{
	struct dq_map old = *m;
	size_t i, to;
	int err;

	if (old.mask > SIZE_MAX / 4 / sizeof(struct slot))
		return -ENOMEM;
	err = map_alloc(m, (old.mask + 1) * 2);
	if (err)
		return err;
	for (i = 0; i <= old.mask; i++) {
		if (!old.used[i])
			continue;
		to = find(m, old.slots[i].key);
		m->slots[to] = old.slots[i];
		m->used[to] = 1;
	}
	free(old.slots);
	free(old.used);
	return 0;
}

int dq_map_put(struct dq_map *m, uint64_t key, uint64_t val)
{
	size_t i = find(m, key);
	int err;

	if (!m->used[i]) {
		if (m->len > m->mask / 2) { /* fuller ones are slow when luck is bad */
			err = map_grow(m);
			if (err)
				return err;
			i = find(m, key);
		}
		m->used[i] = 1;
		m->slots[i].key = key;
		m->len++;
	}
	m->slots[i].val = val;
	return 0;
}

bool dq_map_get(const struct dq_map *m, uint64_t key, uint64_t *val)
{
	size_t i = find(m, key);

	if (!m->used[i])
		return false;
	if (val)
		*val = m->slots[i].val;
	return true;
}

bool dq_map_del(struct dq_map *m, uint64_t key)
{
	size_t hole = find(m, key), i, h;

	if (!m->used[hole])
		return false;
	for (i = (hole + 1) & m->mask; m->used[i]; i = (i + 1) & m->mask) {
		h = home(m, m->slots[i].key);
		/* may move back only when its home is not between the hole and itself */
		if (((i - h) & m->mask) < ((i - hole) & m->mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->used[hole] = 0;
	m->len--;
	return true;
}

size_t dq_map_len(const struct dq_map *m)
{
	return m->len;
}
