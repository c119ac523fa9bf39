/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print_items.c - what dmaseq's reader makes of a file, in the plain manner of
 * other_reader.py: kind and values, strings in hexadecimal.
 *
 *	print_items FILE
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace/fields.h"

static void print_item(const struct dq_item *item)
{
	const struct dq_kind_desc *k = &dq_kinds[item->kind];

	printf("%s", k->name);
	for (const struct dq_field *f = k->f; f < k->f + k->n; f++) {
		putchar(' ');
		if (f->type == DQ_F_STR) {
			for (const char *s = *dq_field_str(item, f); *s; s++)
				printf("%02x", (unsigned char)*s);
		} else if (f->type == DQ_F_I32 || f->type == DQ_F_I64) {
			printf("%" PRId64, (int64_t)dq_field_get(item, f));
		} else {
			printf("%" PRIu64, dq_field_get(item, f));
		}
	}
	putchar('\n');
}

int main(int argc, char **argv)
{
	struct dq_reader *r;
	struct dq_item item;
	int rc;

	if (argc != 2 || dq_reader_open(&r, argv[1], NULL))
		return 1;
	while ((rc = dq_reader_next(r, &item)) > 0)
		print_item(&item);
	dq_reader_free(&r);
	return rc < 0;
}
