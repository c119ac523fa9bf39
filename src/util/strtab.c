/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * strtab.c - interned byte strings. The bytes live in blocks that never move, so the
 * pointers given out stay valid until the table is freed. Touches only the heap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define BLOCK 16384

struct str {
	const char *s;
	uint32_t len, hash;
};

struct dq_strtab {
	struct str *strs;	/* by id */
	size_t n, cap;
	uint32_t *index;	/* hash -> id + 1; 0: free */
	size_t mask;
	char **blocks;
	size_t nblocks, capblocks;
	size_t used, size;	/* of the last block */
};

static uint32_t hash_bytes(const char *s, size_t len)
{
	uint64_t h = dq_hash_seed() ^ len, w;

	for (; len >= 8; s += 8, len -= 8) {
		memcpy(&w, s, 8);
		h = dq_hash_mix(h ^ w) + w;
	}
	w = 0;
	memcpy(&w, s, len);
	return (uint32_t)dq_hash_mix(h ^ w);
}

/* Copies the bytes and a NUL into the arena. */
static char *store(struct dq_strtab *t, const char *s, size_t len)
{
	char **block, *p;

	if (!t->nblocks || t->size - t->used <= len) {
		size_t size = len >= BLOCK ? len + 1 : BLOCK;

		p = malloc(size);
		if (!p)
			return NULL;
		block = DQ_PUSH(t->blocks, t->nblocks, t->capblocks);
		if (!block) {
			free(p);
			return NULL;
		}
		*block = p;
		t->size = size;
		t->used = 0;
	}
	p = t->blocks[t->nblocks - 1] + t->used;
	memcpy(p, s, len);
	p[len] = '\0';
	t->used += len + 1;
	return p;
}

struct dq_strtab *dq_strtab_new(void)
{
	struct dq_strtab *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->mask = 63;
	t->index = calloc(t->mask + 1, sizeof(*t->index));
	if (!t->index || dq_strtab_intern(t, "", 0, NULL) != 0) {
		dq_strtab_free(t);
		return NULL;
	}
	return t;
}

void dq_strtab_free(struct dq_strtab *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nblocks; i++)
		free(t->blocks[i]);
	free(t->blocks);
	free(t->strs);
	free(t->index);
	free(t);
}

static int index_grow(struct dq_strtab *t)
{
	size_t mask = t->mask * 2 + 1, i, at;
	uint32_t *index = calloc(mask + 1, sizeof(*index));

	if (!index)
		return -ENOMEM;
	for (i = 0; i < t->n; i++) {
		for (at = t->strs[i].hash & mask; index[at]; at = (at + 1) & mask)
			;
		index[at] = (uint32_t)i + 1;
	}
	free(t->index);
	t->index = index;
	t->mask = mask;
	return 0;
}

uint32_t dq_strtab_intern(struct dq_strtab *t, const char *s, size_t len, bool *is_new)
{
	uint32_t hash = hash_bytes(s, len);
	struct str *e;
	size_t at;
	char *copy;

	if (is_new)
		*is_new = false;
	if (t->n >= t->mask / 2 && index_grow(t))
		return UINT32_MAX;
	for (at = hash & t->mask; t->index[at]; at = (at + 1) & t->mask) {
		e = &t->strs[t->index[at] - 1];
		if (e->hash == hash && e->len == len && !memcmp(e->s, s, len))
			return t->index[at] - 1;
	}
	if (t->n >= UINT32_MAX - 1 || len >= UINT32_MAX)
		return UINT32_MAX;
	copy = store(t, s, len);
	e = copy ? DQ_PUSH(t->strs, t->n, t->cap) : NULL;
	if (!e)
		return UINT32_MAX;
	*e = (struct str){ copy, (uint32_t)len, hash };
	t->index[at] = (uint32_t)t->n;
	if (is_new)
		*is_new = true;
	return (uint32_t)t->n - 1;
}

const char *dq_strtab_get(const struct dq_strtab *t, uint32_t id)
{
	return id < t->n ? t->strs[id].s : NULL;
}
