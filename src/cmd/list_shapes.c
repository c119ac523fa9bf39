/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list_shapes.c - dmaseq list --shapes: which buffers had the same life.
 *
 * A paragraph for each shape: how many buffers, and their life in a few lines. Texts of nodes are
 * safe to print as they are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_common.h"
#include "cmd/cmd_list.h"
#include "model/life.h"

#define COLS	   100
#define RANGES_MAX 12	/* of numbers of buffers; JSON has them all */

/* ---- a life in a few lines ---- */

static void put_rounds(struct dq_sb *sb, const struct dq_rounds *r)
{
	uint64_t min = dq_rounds_min(r);

	if (min == 1 && r->max == 1)
		return;
	dq_sb_printf(sb, "%" PRIu64, min);
	if (r->max != min)
		dq_sb_printf(sb, "-%" PRIu64, r->max);
	dq_sb_puts(sb, " × ");
}

/* "map = -ENOMEM" of "vivid: dma_buf_map_attachment(vivid.0, FROM_DEVICE) = -ENOMEM" */
static void put_short(struct dq_sb *sb, const struct dq_node *n)
{
	size_t op, ret;
	const char *s = n->text, *colon;

	dq_node_parts(s, &op, &ret);
	if (n->kind != DQ_NODE_CALL) {
		dq_sb_puts(sb, s);
		return;
	}
	if (strstr(s, "dma_buf_ioctl(") == s) {	/* which one is all that matters */
		dq_sb_put(sb, s + strlen("dma_buf_ioctl("), ret - strlen("dma_buf_ioctl()"));
		dq_sb_puts(sb, s + ret);
		return;
	}
	colon = strstr(dq_node_behind_word(s), ": ");
	if (colon && colon < s + op) {
		op -= (size_t)(colon + 2 - s);
		ret -= (size_t)(colon + 2 - s);
		s = colon + 2;
	}
	if (op > strlen("dma_buf_") && !strncmp(s, "dma_buf_", strlen("dma_buf_"))) {
		dq_sb_put(sb, s + strlen("dma_buf_"), op - strlen("dma_buf_"));
		dq_sb_puts(sb, s + ret);
	} else {
		dq_sb_put(sb, s, op);
		dq_sb_puts(sb, s + ret);
	}
}

static void put_seq(struct dq_sb *sb, const struct dq_node *v, size_t n, const char *sep);

static void put_node(struct dq_sb *sb, const struct dq_node *n)
{
	put_rounds(sb, &n->rounds);
	if (n->kind == DQ_NODE_LOOP) {
		dq_sb_putc(sb, '[');
		put_seq(sb, n->kids, n->nkids, "; ");
		dq_sb_putc(sb, ']');
		return;
	}
	put_short(sb, n);
	if (n->kind == DQ_NODE_SYS && n->nkids) {
		dq_sb_puts(sb, " (");
		put_seq(sb, n->kids, n->nkids, ", ");
		dq_sb_putc(sb, ')');
	}
}

static void put_seq(struct dq_sb *sb, const struct dq_node *v, size_t n, const char *sep)
{
	for (size_t i = 0; i < n; i++) {
		dq_sb_puts(sb, i ? sep : "");
		put_node(sb, &v[i]);
	}
}

static void put_track(struct dq_sb *sb, const struct dq_track *t)
{
	if (t->threads_max > 1) {
		struct dq_rounds r;

		dq_rounds_set(&r, t->threads_min, t->threads_max);
		put_rounds(sb, &r);
	}
	if (t->kind == DQ_TRACK_KTHREAD || !*t->role)
		dq_sb_puts(sb, dq_track_key(t->kind));
	if (*t->role)
		dq_sb_printf(sb, "%s%s", t->kind == DQ_TRACK_KTHREAD ? " " : "", t->role);
	dq_sb_puts(sb, ": ");
	if (t->kind == DQ_TRACK_HELD && !t->n)
		dq_sb_puts(sb, "nobody known");
	put_seq(sb, t->v, t->n, "; ");
	if (t->cut)
		dq_sb_printf(sb, "; and %" PRIu64 " steps", t->cut);
}

/* Broken where a step ends, when a line gets too long. */
static void print_wrapped(const char *s)
{
	size_t indent = 4, col;

	while (*s) {
		size_t end = strlen(s), at = 0;

		col = COLS - indent;
		if (dq_columns(s, end) > col) {
			for (size_t i = 0; s[i]; i++) {
				if (at && dq_columns(s, i) > col)
					break;
				if (s[i] == ' ' && i && (s[i - 1] == ';' || s[i - 1] == ','))
					at = i;
			}
			end = at ? at : end;
		}
		printf("%*s%.*s\n", (int)indent, "", (int)end, s);
		s += end + (s[end] == ' ');
		indent = 8;
	}
}

static int print_life(const struct dq_life *l)
{
	int err = 0;

	for (size_t i = 0; i < l->ntracks && !err; i++) {
		struct dq_sb sb = { 0 };

		put_track(&sb, &l->tracks[i]);
		err = sb.err;
		if (!err)
			print_wrapped(dq_sb_str(&sb));
		dq_sb_free(&sb);
	}
	if (!l->ntracks)
		puts("    nothing is known to have happened to them");
	return err;
}

/* ---- the paragraphs ---- */

static void print_ids(const struct dq_shape *s)
{
	size_t ranges = 0;

	for (size_t i = 0, k; i < s->nbufs; i = k) {
		if (ranges++ == RANGES_MAX) {
			printf(" and %zu more", s->nbufs - i);
			return;
		}
		for (k = i + 1; k < s->nbufs && s->bufs[k] == s->bufs[k - 1] + 1; k++)
			;
		printf("%s%u", i ? ", " : "", s->bufs[i]);
		if (k > i + 1)
			printf("%s%u", k > i + 2 ? "-" : ", ", s->bufs[k - 1]);
	}
}

static void print_range(uint64_t min, uint64_t max)
{
	printf("%" PRIu64, min);
	if (max != min)
		printf("-%" PRIu64, max);
}

static void print_head(const struct dq_shape *s)
{
	char min[32], max[32];

	if (!s->nbufs) {
		printf("shape %s: calls that concern no buffer\n", s->name);
		return;
	}
	printf("%zu buffer%s of shape %s: %s, %s", s->nbufs, dq_plural(s->nbufs), s->name,
	       s->exporter, dq_fmt_size(min, s->size_min));
	if (s->size_max != s->size_min)
		printf(" to %s", dq_fmt_size(max, s->size_max));
	if (*s->process)
		printf(", made by %s", s->process);
	for (size_t i = 0; i < s->nnames; i++)
		printf("%s%s", i ? ", " : ", called ", s->names[i]);
	fputs("; ", stdout);
	print_range(s->calls_min, s->calls_max);
	printf(" call%s%s; ", s->calls_max == 1 ? "" : "s", s->nbufs > 1 ? " each" : "");
	print_ids(s);
	putchar('\n');
	if (s->dark_bufs)
		printf("    (of %" PRIu64 " not all callbacks were recorded)\n", s->dark_bufs);
}

static int print_text(const struct dq_model *m, const struct dq_shapes *ss)
{
	bool many = ss->n && ss->v[0].nbufs > 1, odd = false;
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < ss->n && !err; i++) {
		if (many && !odd && ss->v[i].nbufs == 1) {
			puts("The odd ones:\n");
			odd = true;
		}
		n += ss->v[i].nbufs > 0;
		print_head(&ss->v[i]);
		err = print_life(&ss->v[i].life);
		putchar('\n');
	}
	printf("%zu buffer%s of %zu shape%s\n", m->nbufs, dq_plural(m->nbufs), n, dq_plural(n));
	return err;
}

/* ---- JSON ---- */

static void json_nodes(const struct dq_node *v, size_t n)
{
	putchar('[');
	for (size_t i = 0; i < n; i++) {
		static const char *const kinds[] = { "syscall", "call", "loop", "holder" };

		printf("%s{\"kind\": \"%s\"", i ? ", " : "", kinds[v[i].kind]);
		if (v[i].text) {
			fputs(", \"text\": ", stdout);
			dq_list_json_str(v[i].text);
		}
		printf(", \"rounds\": [%" PRIu64 ", %" PRIu64 "]", dq_rounds_min(&v[i].rounds),
		       v[i].rounds.max);
		if (v[i].times.n)
			printf(", \"times\": %" PRIu64 ", \"min_ns\": %" PRIu64
			       ", \"median_ns\": %" PRIu64 ", \"max_ns\": %" PRIu64,
			       v[i].times.n, v[i].times.min, dq_times_quantile(&v[i].times, 500),
			       v[i].times.max);
		if (v[i].nkids) {
			fputs(", \"in\": ", stdout);
			json_nodes(v[i].kids, v[i].nkids);
		}
		putchar('}');
	}
	putchar(']');
}

static void json_shape(const struct dq_shape *s)
{
	printf("    {\"shape\": \"%s\", \"buffers\": [", s->name);
	for (size_t i = 0; i < s->nbufs; i++)
		printf("%s%u", i ? ", " : "", s->bufs[i]);
	fputs("], \"exporter\": ", stdout);
	dq_list_json_str(s->exporter);
	fputs(", \"process\": ", stdout);
	dq_list_json_str(s->process);
	fputs(", \"names\": [", stdout);
	for (size_t i = 0; i < s->nnames; i++) {
		fputs(i ? ", " : "", stdout);
		dq_list_json_str(s->names[i]);
	}
	printf("], \"size\": [%" PRIu64 ", %" PRIu64 "], \"calls\": [%" PRIu64 ", %" PRIu64
	       "], \"without_callbacks\": %" PRIu64 ",\n     \"tracks\": [",
	       s->size_min, s->size_max, s->calls_min, s->calls_max, s->dark_bufs);
	for (size_t i = 0; i < s->life.ntracks; i++) {
		const struct dq_track *t = &s->life.tracks[i];

		printf("%s\n      {\"kind\": \"%s\", \"role\": ", i ? "," : "",
		       dq_track_key(t->kind));
		dq_list_json_str(t->role);
		printf(", \"threads\": [%" PRIu64 ", %" PRIu64 "], \"cut_steps\": %" PRIu64
		       ", \"steps\": ", t->threads_min, t->threads_max, t->cut);
		json_nodes(t->v, t->n);
		putchar('}');
	}
	fputs("]}", stdout);
}

int dq_list_shapes(const struct dq_model *m, struct dq_lives *l, bool json)
{
	struct dq_shapes ss;
	int err = dq_lives_shapes(l, &ss);

	if (err)
		return err;
	if (json) {
		fputs("{\n  \"shapes\": [", stdout);
		for (size_t i = 0; i < ss.n; i++) {
			fputs(i ? ",\n" : "\n", stdout);
			json_shape(&ss.v[i]);
		}
		fputs(ss.n ? "\n  ]\n}\n" : "]\n}\n", stdout);
	} else {
		err = print_text(m, &ss);
	}
	dq_shapes_free(&ss);
	return err;
}
