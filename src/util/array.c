/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * array.c - the growing array behind DQ_PUSH. Touches nothing but the heap.
 */
#include <stdlib.h>

#include "util.h"

void *dq_grow(void *v, size_t *cap, size_t need, size_t elem)
{
	size_t n = *cap ? *cap : 8;
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
