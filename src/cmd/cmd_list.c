/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_list.c - dmaseq list: the buffers of a trace, a line each.
 *
 * Uses the summaries of src/model; keeps no calls, so its memory does not grow with
 * the trace's length.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "cmd/cmd_common.h"
#include "cmd/cmd_list.h"
#include "model/model.h"

enum { FORMAT_TEXT, FORMAT_JSON };

struct list_opts {
	int format;
	bool holders;
	bool shapes;
	uint64_t at;
	uint64_t limit;
	bool strict;
};

/* Released buffers that are shown one by one, without --limit. */
#define LIMIT 10000

static const struct dq_opt opts[] = {
	{ "format", 'f', "FORMAT", DQ_OPT_ENUM, offsetof(struct list_opts, format), NULL,
	  "text or json", "text json", false },
	{ "holders", 0, NULL, DQ_OPT_FLAG, offsetof(struct list_opts, holders), NULL,
	  "who holds the buffers that are alive at the end", NULL, false },
	{ "shapes", 0, NULL, DQ_OPT_FLAG, offsetof(struct list_opts, shapes), NULL,
	  "which buffers had the same life", NULL, false },
	{ "at", 0, "TIME", DQ_OPT_TIME, offsetof(struct list_opts, at), NULL,
	  "with --holders: at this time, from the begin of the trace", NULL, false },
	{ "limit", 0, "N", DQ_OPT_UINT, offsetof(struct list_opts, limit), NULL,
	  "count released buffers beyond N instead of showing them (default 10000)", NULL, false },
	{ "strict", 0, NULL, DQ_OPT_FLAG, offsetof(struct list_opts, strict), NULL,
	  "exit status 3 when the trace is incomplete", NULL, false },
	{ .name = NULL },
};

static uint64_t rel(const struct dq_model *m, uint64_t t)
{
	return t > m->t_first ? t - m->t_first : 0;
}

/* ---- text ---- */

enum { COL_ID, COL_NAME, COL_EXPORTER, COL_SIZE, COL_BORN, COL_DIED, COL_IMPORTERS, COL_CALLS,
       COL_FINDINGS, NCOLS };

static const struct {
	const char *head;
	bool right;
	size_t max;		/* columns of text that somebody else chose */
} cols[NCOLS] = {
	{ "ID", true, 0 }, { "NAME", false, 12 }, { "EXPORTER", false, 12 }, { "SIZE", true, 0 },
	{ "BORN", true, 0 }, { "DIED", true, 0 }, { "IMPORTERS", false, 16 },
	{ "CALLS", true, 0 }, { "FINDINGS", false, 0 },
};

/* A line of the table. */
struct row {
	size_t at[NCOLS];	/* where its texts begin in that of all */
	uint32_t len[NCOLS], width[NCOLS]; /* in bytes; on a terminal */
};

struct table {
	struct dq_sb text;	/* of all cells */
	struct row *rows;
	size_t n, width[NCOLS];
};

static void put_seconds(struct dq_sb *sb, uint64_t ns)
{
	dq_sb_uint(sb, ns / 1000000000, 1);
	dq_sb_putc(sb, '.');
	dq_sb_uint(sb, ns % 1000000000 / 1000, 6);
}

/* Made visible, and cut to the columns that a terminal needs for it. */
static void put_narrow(struct dq_sb *sb, const char *s, size_t max)
{
	size_t at = sb->len, end = at, adv;

	dq_sb_visible(sb, s, strlen(s), 0);
	/* nothing has more columns than bytes */
	if (sb->err || sb->len - at <= max || dq_columns(sb->s + at, sb->len - at) <= max)
		return;
	for (; end < sb->len; end += adv) {
		dq_utf8_next(sb->s + end, sb->len - end, &adv);
		if (dq_columns(sb->s + at, end + adv - at) >= max)
			break;
	}
	sb->len = end;
	dq_sb_puts(sb, "…");
}

static void put_importers(struct dq_sb *sb, const struct dq_mbuf *b)
{
	struct dq_sb all = { 0 };

	for (size_t i = 0; i < b->nimporters; i++) {
		dq_sb_puts(&all, i ? ", " : "");
		dq_sb_puts(&all, b->importers[i]);
	}
	put_narrow(sb, dq_sb_str(&all), cols[COL_IMPORTERS].max);
	sb->err = all.err ? all.err : sb->err;
	dq_sb_free(&all);
}

static void put_findings(struct dq_sb *sb, const struct dq_model *m, const struct dq_mbuf *b)
{
	const char *sep = "";

	if (b->errors) {
		dq_sb_printf(sb, "%" PRIu64 " error%s", b->errors, b->errors == 1 ? "" : "s");
		sep = ", ";
	}
	if (b->open) {
		dq_sb_printf(sb, "%s%" PRIu64 " open", sep, b->open);
		sep = ", ";
	}
	if (b->missed) {
		dq_sb_printf(sb, "%s%" PRIu64 " missed", sep, b->missed);
		sep = ", ";
	}
	if (b->fatal) {
		dq_sb_printf(sb, "%sa task died in %" PRIu64 " call%s", sep, b->fatal,
			     dq_plural(b->fatal));
		sep = ", ";
	}
	if (b->lost) {
		dq_sb_printf(sb, "%smay lack %" PRIu64 " lost event%s", sep, b->lost,
			     b->lost == 1 ? "" : "s");
		sep = ", ";
	}
	if (b->client) {
		dq_sb_puts(sb, *sep ? ", for " : "for ");
		put_narrow(sb, dq_task_process(m, b->client), 16);
	}
}

static void put_cell(struct dq_sb *sb, const struct dq_model *m, const struct dq_mbuf *b, int col)
{
	size_t len = sb->len;
	char buf[32];

	switch (col) {
	case COL_ID:
		dq_sb_uint(sb, b->b.id, 1);
		break;
	case COL_NAME:
		put_narrow(sb, b->name, cols[col].max);
		break;
	case COL_EXPORTER:
		put_narrow(sb, b->exporter, cols[col].max);
		break;
	case COL_SIZE:
		dq_sb_puts(sb, dq_fmt_size(buf, b->b.size));
		break;
	case COL_BORN:
		if (b->b.flags & DQ_BUF_PREEXISTING)
			dq_sb_puts(sb, "before");
		else
			put_seconds(sb, rel(m, b->born));
		break;
	case COL_DIED:
		if (b->released)
			put_seconds(sb, rel(m, b->died));
		break;
	case COL_IMPORTERS:
		put_importers(sb, b);
		break;
	case COL_CALLS:
		dq_sb_uint(sb, b->calls, 1);
		break;
	case COL_FINDINGS:
		put_findings(sb, m, b);
		break;
	default:
		break;
	}
	if (sb->len == len)
		dq_sb_putc(sb, '-');
}

/* A cell ends here: its text, and how wide it and its column are. */
static void end_cell(struct table *t, struct row *r, int c, size_t at)
{
	size_t len = t->text.len - at, width = t->text.err ? 0 : dq_columns(t->text.s + at, len);

	r->at[c] = at;
	r->len[c] = (uint32_t)len;
	r->width[c] = (uint32_t)width;
	if (width > t->width[c])
		t->width[c] = width;
}

static void make_table(struct table *t, const struct dq_model *m)
{
	struct row *r = t->rows;

	for (int c = 0; c < NCOLS; c++) {
		size_t at = t->text.len;

		dq_sb_puts(&t->text, cols[c].head);
		end_cell(t, r, c, at);
	}
	for (size_t i = 0; i < m->nbufs; i++) {
		r++;
		for (int c = 0; c < NCOLS; c++) {
			size_t at = t->text.len;

			put_cell(&t->text, m, &m->bufs[i], c);
			end_cell(t, r, c, at);
		}
	}
	t->n = (size_t)(r - t->rows) + 1;
}

static void put_pad(struct dq_sb *sb, size_t n)
{
	static const char spaces[] = "                                ";

	for (; n >= sizeof(spaces); n -= sizeof(spaces) - 1)
		dq_sb_put(sb, spaces, sizeof(spaces) - 1);
	dq_sb_put(sb, spaces, n);
}

static void put_row(struct dq_sb *out, const struct table *t, const struct row *r)
{
	size_t pad = 0;		/* between the text before and the next */

	for (int c = 0; c < NCOLS; c++) {
		size_t more = t->width[c] - r->width[c];

		put_pad(out, pad + (cols[c].right ? more : 0));
		dq_sb_put(out, t->text.s + r->at[c], r->len[c]);
		pad = 2 + (cols[c].right ? 0 : more);
	}
	dq_sb_putc(out, '\n');
}

static int print_table(const struct dq_model *m)
{
	struct table t = { .rows = calloc(m->nbufs + 1, sizeof(*t.rows)) };
	struct dq_sb out = { 0 };
	int ret = t.rows ? 0 : -ENOMEM;

	if (!ret && m->nbufs) {
		make_table(&t, m);
		ret = t.text.err;
		for (size_t i = 0; i < t.n && !ret; i++) {
			put_row(&out, &t, &t.rows[i]);
			ret = out.err;
			if (out.len > 4096 || i + 1 == t.n) {
				fputs(dq_sb_str(&out), stdout);
				dq_sb_reset(&out);
			}
		}
		if (!ret)
			putchar('\n');
	}
	dq_sb_free(&out);
	dq_sb_free(&t.text);
	free(t.rows);
	return ret;
}

static void print_visible(const char *s)
{
	struct dq_sb sb = { 0 };

	dq_sb_visible(&sb, s, strlen(s), 60);
	fputs(dq_sb_str(&sb), stdout);
	dq_sb_free(&sb);
}

/* Those that were released when enough had been. */
static void print_gone(const struct dq_gone *g)
{
	if (!g->bufs)
		return;
	printf("and %" PRIu64 " released buffer%s more, with %" PRIu64 " call%s", g->bufs,
	       g->bufs == 1 ? "" : "s", g->calls, g->calls == 1 ? "" : "s");
	if (g->errors)
		printf(", %" PRIu64 " error%s", g->errors, g->errors == 1 ? "" : "s");
	if (g->missed)
		printf(", %" PRIu64 " missed", g->missed);
	puts("; --limit shows more, --shapes what they have in common\n");
}

void dq_list_kept(const struct dq_model *m)
{
	struct dq_sb sb = { 0 }, out = { 0 };

	if (dq_model_put_kept(m, &sb)) {
		dq_sb_visible(&out, dq_sb_str(&sb), sb.len, 200);
		puts(dq_sb_str(&out));
	}
	dq_sb_free(&sb);
	dq_sb_free(&out);
	if (dq_model_put_jumps(m, &sb))
		puts(dq_sb_str(&sb));
	dq_sb_free(&sb);
}

static void print_foot(const struct dq_model *m, bool cut)
{
	uint64_t n = m->nbufs + m->gone.bufs;
	struct dq_sb sb = { 0 };

	print_gone(&m->gone);
	if (n)
		printf("%" PRIu64 " buffer%s", n, n == 1 ? "" : "s");
	else
		fputs("no buffers", stdout);
	printf(", %" PRIu64 " call%s", m->calls, m->calls == 1 ? "" : "s");
	if (m->calls_nobuf)
		printf(" (%" PRIu64 " of no buffer, %" PRIu64 " failed)", m->calls_nobuf,
		       m->errors_nobuf);
	fputs("; Linux ", stdout);
	print_visible(*m->release ? m->release : "of unknown release");
	if (*m->arch) {
		putchar(' ');
		print_visible(m->arch);
	}
	if (*m->rung) {
		fputs(", ", stdout);
		print_visible(m->rung);
	}
	dq_put_losses(&sb, m->lost, m->missed);
	printf("; %s", dq_sb_str(&sb));
	dq_sb_free(&sb);
	fputs(cut ? "; cut off\n" : "\n", stdout);
	dq_list_kept(m);
}

/* ---- JSON ---- */

void dq_list_json_str(const char *s)
{
	struct dq_sb sb = { 0 };

	dq_sb_json(&sb, s);
	fputs(dq_sb_str(&sb), stdout);
	dq_sb_free(&sb);
}

static void json_buf(const struct dq_model *m, const struct dq_mbuf *b)
{
	printf("    {\"id\": %u, \"inode\": %" PRIu64 ", \"name\": ", b->b.id, b->b.ino);
	dq_list_json_str(b->name);
	fputs(", \"exporter\": ", stdout);
	dq_list_json_str(b->exporter);
	fputs(", \"exp_name\": ", stdout);
	dq_list_json_str(b->b.exp_name);
	printf(", \"size\": %" PRIu64 ", \"preexisting\": %s, \"born_ns\": %" PRIu64, b->b.size,
	       b->b.flags & DQ_BUF_PREEXISTING ? "true" : "false", rel(m, b->born));
	if (b->released)
		printf(", \"died_ns\": %" PRIu64, rel(m, b->died));
	else
		fputs(", \"died_ns\": null", stdout);
	fputs(", \"importers\": [", stdout);
	for (size_t i = 0; i < b->nimporters; i++) {
		fputs(i ? ", " : "", stdout);
		dq_list_json_str(b->importers[i]);
	}
	printf("], \"calls\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"open\": %" PRIu64
	       ", \"missed\": %" PRIu64 ", \"fatal\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"for\": ",
	       b->calls, b->errors, b->open, b->missed, b->fatal, b->lost);
	if (b->client)
		dq_list_json_str(dq_task_process(m, b->client));
	else
		fputs("null", stdout);
	putchar('}');
}

static void print_json(const struct dq_model *m, bool cut)
{
	fputs("{\n  \"kernel\": ", stdout);
	dq_list_json_str(m->release);
	fputs(", \"arch\": ", stdout);
	dq_list_json_str(m->arch);
	fputs(", \"rung\": ", stdout);
	dq_list_json_str(m->rung);
	printf(",\n  \"calls\": %" PRIu64 ", \"calls_of_no_buffer\": %" PRIu64
	       ", \"lost\": %" PRIu64 ", \"missed\": %" PRIu64 ", \"forgotten\": %" PRIu64
	       ", \"cut_off\": %s",
	       m->calls, m->calls_nobuf, m->lost, m->missed, m->forgotten, cut ? "true" : "false");
	if (m->gone.bufs)
		printf(",\n  \"more\": {\"buffers\": %" PRIu64 ", \"calls\": %" PRIu64
		       ", \"errors\": %" PRIu64 ", \"missed\": %" PRIu64 "}",
		       m->gone.bufs, m->gone.calls, m->gone.errors, m->gone.missed);
	fputs(",\n  \"buffers\": [", stdout);
	for (size_t i = 0; i < m->nbufs; i++) {
		fputs(i ? ",\n" : "\n", stdout);
		json_buf(m, &m->bufs[i]);
	}
	fputs(m->nbufs ? "\n  ]\n}\n" : "]\n}\n", stdout);
}

/* ---- the command ---- */

static int print(const struct dq_model *m, const struct dq_reader_state *st, int format)
{
	bool cut = st->no_end || st->truncated;
	int ret = 0;

	if (format == FORMAT_JSON) {
		print_json(m, cut);
	} else {
		ret = print_table(m);
		if (!ret)
			print_foot(m, cut);
		else
			dq_err("out of memory");
	}
	return ret;
}

/* A path that can be opened again. */
static bool is_file(const char *path)
{
	struct stat st;

	return strcmp(path, "-") && (stat(path, &st) || S_ISREG(st.st_mode));
}

static int print_holders(struct dq_model *m, const struct dq_reader_state *st, const char *path,
			 const struct list_opts *o)
{
	uint64_t at = UINT64_MAX;

	if (o->at != DQ_TIME_UNSET)
		at = o->at > UINT64_MAX - 1 - m->t_first ? UINT64_MAX - 1 : m->t_first + o->at;
	return dq_list_holders(m, st, path, at, o->format == FORMAT_JSON);
}

static int check_usage(const struct list_opts *o, const char *path)
{
	if (o->at != DQ_TIME_UNSET && !o->holders)
		return dq_usage_error(&dq_cmd_list, "--at needs --holders");
	if (o->at != DQ_TIME_UNSET && !is_file(path))
		return dq_usage_error(&dq_cmd_list, "--at needs a file: it is read twice");
	if (o->shapes && o->holders)
		return dq_usage_error(&dq_cmd_list, "--shapes and --holders are two lists");
	if (o->limit && (o->shapes || o->holders))
		return dq_usage_error(&dq_cmd_list, "--limit is for the list of buffers");
	return DQ_EXIT_OK;
}

static int run(void *vo, int argc, char **argv)
{
	const struct list_opts *o = vo;
	struct dq_reader *r = NULL;
	struct dq_model *m = NULL;
	struct dq_lives *l = NULL;
	int err = check_usage(o, argv[0]), incomplete;

	(void)argc;
	if (err)
		return err;
	if (dq_cmd_open(argv[0], &r))
		return DQ_EXIT_FAIL;
	err = dq_model_new(&m, DQ_KEEP_NONE);
	/* a shape is made of all lives, and at an earlier time those lived that were released later */
	if (!err && !o->shapes && o->at == DQ_TIME_UNSET)
		err = dq_model_forget(m, o->holders ? 0 : o->limit ? (size_t)o->limit : LIMIT, NULL,
				      NULL);
	if (!err && o->shapes)
		err = dq_lives_new(&l, m);
	if (!err && !o->shapes && !o->holders)
		dq_model_no_holders(m);
	if (!err)
		err = dq_model_load(m, r);
	if (err)
		dq_cmd_read_error(r, err);
	else if (o->holders)
		err = print_holders(m, dq_reader_state(r), argv[0], o);
	else if (o->shapes)
		err = dq_list_shapes(m, l, o->format == FORMAT_JSON);
	else
		err = print(m, dq_reader_state(r), o->format);
	dq_lives_free(&l);
	dq_model_free(&m);
	incomplete = dq_cmd_close(&r, o->strict);
	return err ? DQ_EXIT_FAIL : incomplete;
}

const struct dq_cmd dq_cmd_list = {
	.name = "list",
	.summary = "show the buffers of a trace",
	.args = "FILE",
	.opts = opts,
	.opts_size = sizeof(struct list_opts),
	.min_args = 1,
	.max_args = 1,
	.examples = "  dmaseq list camera.dmaseq\n"
		    "  dmaseq list --holders --at 12.5s camera.dmaseq\n"
		    "  dmaseq list --shapes camera.dmaseq\n"
		    "  dmaseq record -o - -t 5 | dmaseq list -\n",
	.run = run,
};
