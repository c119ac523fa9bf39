/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * array.c - the growing array behind DQ_PUSH. Touches nothing but the heap.
 */
#include <stdlib.h>
#include <string.h>

#include "util.h"

void *dq_grow(void *v, size_t *cap, size_t need, size_t elem)
{
	/* the C library has pieces of up to 1 kB at hand */
	size_t n = *cap ? *cap : elem <= 128 ? 8 : elem <= 512 ? 2 : 1;
	void *p;

	if (need <= *cap && v)
		return v;
	while (n < need) {
		if (n > SIZE_MAX / 2) {
			n = need;
			break;
		}
		n *= 2;
	}
	if (n > PTRDIFF_MAX / elem)
		return NULL;
	p = realloc(v, n * elem);
	if (p)
		*cap = n;
	return p;
}

void *dq_push(void *pv, size_t *n, size_t *cap, size_t elem)
{
	char *v;

	memcpy(&v, pv, sizeof(v));
	if (*n >= *cap) {
		v = dq_grow(v, cap, *n + 1, elem);
		if (!v)
			return NULL;
		memcpy(pv, &v, sizeof(v));
	}
	v += elem * (*n)++;
	return memset(v, 0, elem);
}
