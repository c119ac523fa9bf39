/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_trace.c - the reader of traces against anything: a libFuzzer target, and with
 * replay.c a plain program. Touches nothing but memory.
 *
 * A file is tried as it is; then, as nobody gets past a checksum by chance, with all
 * checksums made right; and what is no trace is tried as lines of the text form. What is
 * read must survive both forms: a difference aborts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reseal.h"
#include "trace/chunk.h"
#include "trace/fields.h"
#include "trace/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A small file may stand for a million items: enough is enough. */
#define ITEMS_MAX     20000
#define ITEMS_CHECKED 200

static bool same_item(const struct dq_item *a, const struct dq_item *b)
{
	const struct dq_kind_desc *k = &dq_kinds[a->kind];

	if (a->kind != b->kind)
		return false;
	for (const struct dq_field *f = k->f; f < k->f + k->n; f++) {
		if (f->type == DQ_F_STR ? strcmp(*dq_field_str(a, f), *dq_field_str(b, f)) != 0
					: dq_field_get(a, f) != dq_field_get(b, f))
			return false;
	}
	return true;
}

/* Item to line to item. */
static void check_text(struct dq_text_parser *p, const struct dq_item *item)
{
	struct dq_item back;
	char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	if (!out || dq_text_print(out, item))
		abort();
	fclose(out);
	if (dq_text_parse_line(p, line, len, &back, NULL) != 1 || !same_item(item, &back)) {
		fprintf(stderr, "does not survive the text form: %s", line);
		abort();
	}
	free(line);
}

static void ignore(const char *text, void *ctx)
{
	(void)text;
	(void)ctx;
}

static void ignore_chunk(const struct dq_chunk_info *c, void *ctx)
{
	*(uint64_t *)ctx += c->items;
}

static void read_trace(const uint8_t *data, size_t size)
{
	struct dq_text_parser *p;
	struct dq_validator *v;
	struct dq_reader *r;
	struct dq_item item;
	uint64_t items = 0;
	char *err = NULL;
	size_t n;
	int rc = 0;

	if (dq_reader_open_mem(&r, data, size, &err)) {
		if (!err)
			abort();
		free(err);
		return;
	}
	if (dq_validator_new(&v, ignore, NULL) || dq_text_parser_new(&p))
		abort();
	dq_reader_on_chunk(r, ignore_chunk, &items);
	for (n = 0; n < ITEMS_MAX && (rc = dq_reader_next(r, &item)) > 0; n++) {
		if (n < ITEMS_CHECKED)
			check_text(p, &item);
		if (dq_validator_item(v, &item))
			abort();
	}
	if (rc < 0 && !*dq_reader_error(r))
		abort();
	if (rc == 0 && n < ITEMS_MAX)
		dq_validator_end(v, dq_reader_state(r));
	dq_text_parser_free(&p);
	dq_validator_free(&v);
	dq_reader_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = DQ_TEXT_MAGIC "1\n";
	uint8_t *copy;

	read_trace(data, size);
	/* a block of its own, so that the sanitizer sees reads behind its end */
	copy = malloc(size + sizeof(head));
	if (!copy)
		return 0;
	if (size > 4 && !memcmp(data, DQ_MAGIC, 4)) {
		memcpy(copy + sizeof(head), data, size);
		if (size >= DQ_HEADER_SIZE)
			memcpy(copy + sizeof(head), DQ_MAGIC, DQ_MAGIC_LEN);
		reseal(copy + sizeof(head), size);
		read_trace(copy + sizeof(head), size);
	} else {
		memcpy(copy, head, sizeof(head) - 1);
		memcpy(copy + sizeof(head) - 1, data, size);
		read_trace(copy, size + sizeof(head) - 1);
	}
	free(copy);
	return 0;
}
