/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flips.c - a recording with every bit turned, and cut at every byte: each time it is read, its
 * checksums as they are and made right, and its model is built. It must end, in bounded memory, and
 * what is wrong must be a sentence or be counted. In one process, under the sanitizers.
 *
 *	flips FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reseal.h"
#include "model/model.h"
#include "trace/chunk.h"
#include "util/util.h"

/* What a file of a few kilobytes may stand for. */
#define ITEMS_MAX 1000000

/* No count in a file is a reason for more. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "max_allocation_size_mb=64:hard_rss_limit_mb=1000";
}

static unsigned long tried, refused, damaged, sound;

static void ignore(enum dq_level level, const char *text, void *ctx)
{
	(void)level;
	(void)text;
	(void)ctx;
}

static void die(const char *what, size_t at, const char *why)
{
	fprintf(stderr, "%s at %zu: %s\n", what, at, why);
	abort();
}

static bool is_damaged(const struct dq_reader_state *st)
{
	return st->bad_chunks || st->lost_chunks || st->skipped_bytes || st->truncated || st->no_end;
}

/* must: the change is one that has to be noticed. */
static void read_it(const uint8_t *data, size_t len, const char *what, size_t at, bool must)
{
	struct dq_reader *r;
	struct dq_model *m = NULL;
	char *err = NULL;
	int rc;

	tried++;
	if (dq_reader_open_mem(&r, data, len, &err)) {
		if (!err || !*err || strlen(err) > 200)
			die(what, at, "refused without a sentence");
		free(err);
		refused++;
		return;
	}
	rc = dq_model_new(&m, DQ_KEEP_NONE);
	if (!rc)
		rc = dq_model_load(m, r);
	if (rc < 0 && !*dq_reader_error(r))
		die(what, at, "an error without a sentence");
	if (rc >= 0 && must && !is_damaged(dq_reader_state(r)))
		die(what, at, "not noticed");
	if (dq_reader_state(r)->items > ITEMS_MAX)
		die(what, at, "too much");
	damaged += is_damaged(dq_reader_state(r));
	sound += rc >= 0 && !is_damaged(dq_reader_state(r));
	dq_model_free(&m);
	dq_reader_free(&r);
}

static uint8_t *block(const uint8_t *from, size_t len)
{
	uint8_t *p = malloc(len + !len);

	if (!p)
		exit(1);
	memcpy(p, from, len);
	return p;
}

static void every_cut(const uint8_t *file, size_t len)
{
	for (size_t n = 0; n < len; n++) {
		/* a block of its own, so that the sanitizer sees reads behind its end */
		uint8_t *p = block(file, n);

		read_it(p, n, "cut", n, true);
		free(p);
	}
}

static void every_bit(const uint8_t *file, size_t len)
{
	uint8_t *p = block(file, len), *sealed;

	for (size_t bit = 0; bit < len * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* zeros between chunks are nobody's: the reader may skip them unseen */
		read_it(p, len, "bit", bit, file[bit / 8] != 0);
		sealed = block(p, len);
		reseal(sealed, len);
		read_it(sealed, len, "sealed bit", bit, false);
		free(sealed);
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(p);
}

static uint8_t *slurp(const char *path, size_t *len)
{
	static uint8_t buf[1 << 20];
	FILE *f = fopen(path, "rbe");

	if (!f) {
		perror(path);
		exit(1);
	}
	*len = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return buf;
}

int main(int argc, char **argv)
{
	dq_log_sink(ignore, NULL);
	for (int i = 1; i < argc; i++) {
		size_t len;
		const uint8_t *file = slurp(argv[i], &len);

		every_cut(file, len);
		every_bit(file, len);
	}
	printf("%lu inputs: %lu refused with a sentence, %lu damage counted, %lu sound\n", tried,
	       refused, damaged, sound);
	return argc > 1 ? 0 : 2;
}
