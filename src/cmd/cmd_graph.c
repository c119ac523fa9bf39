/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_graph.c - dmaseq graph: who shares which buffers with whom.
 *
 * Reads the trace (for --at twice: once to learn when it begins), chooses the buffers,
 * has src/model count and src/render draw.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "cmd/cmd_common.h"
#include "render/graph.h"

struct graph_opts {
	struct dq_strs buffers, processes;
	const char *out;
	int format;
	uint64_t at;
	bool nogroup;
	bool strict;
};

enum { FORMAT_DOT, FORMAT_SVG, FORMAT_PNG, FORMAT_PDF, FORMAT_NONE = -1 };
static const char *const formats[] = { "dot", "svg", "png", "pdf" };

#define OFF(m) offsetof(struct graph_opts, m)
static const struct dq_opt opts[] = {
	{ "buffer", 'b', "BUFFER", DQ_OPT_STRS, OFF(buffers), "What is drawn",
	  "only this buffer: its id in list, or its name; may be repeated", NULL, false },
	{ "process", 'p', "PROCESS", DQ_OPT_STRS, OFF(processes), "What is drawn",
	  "only buffers that this process uses: its pid or name; may be repeated", NULL, false },
	{ "at", 0, "TIME", DQ_OPT_TIME, OFF(at), "What is drawn",
	  "buffers alive at this time, and what had happened until then", NULL, false },
	{ "no-group", 0, NULL, DQ_OPT_FLAG, OFF(nogroup), "What is drawn",
	  "each buffer by itself, also where several are used alike", NULL, false },
	{ "output", 'o', "OUT", DQ_OPT_STR, OFF(out), NULL,
	  "x.svg, x.png, x.pdf: a picture; x.dot, x.gv: the source", NULL, false },
	{ "format", 'f', "FORMAT", DQ_OPT_ENUM, OFF(format), NULL,
	  "dot: source for Graphviz (default); svg, png, pdf: a picture", "dot svg png pdf", false },
	{ "strict", 0, NULL, DQ_OPT_FLAG, OFF(strict), NULL,
	  "exit status 3 when the trace is incomplete", NULL, false },
	{ .name = NULL },
};

/* ---- reading ---- */

struct reading {
	struct dq_reader *r;
	struct dq_model *m;
	struct dq_share *s;
};

static void free_reading(struct reading *x)
{
	dq_share_free(&x->s);
	dq_model_free(&x->m);
	dq_reader_free(&x->r);
}

static int read_items(struct reading *x, uint64_t until)
{
	struct dq_item item;
	int ret;

	while ((ret = dq_reader_next(x->r, &item)) > 0) {
		if (dq_cmd_item_time(&item) > until)
			continue;
		ret = dq_model_put(x->m, &item);
		if (ret)
			return ret;
	}
	return ret ? ret : dq_model_finish(x->m);
}

/* What the final look says is taken where the calls leave a doubt. */
static int settle(struct reading *x, bool at_end)
{
	const struct dq_reader_state *st = dq_reader_state(x->r);

	if (st->bad_chunks || st->lost_chunks || st->skipped_bytes)
		dq_holders_damaged(x->m->holders, 1);
	if (!at_end)
		return 0;
	dq_holders_compare(x->m->holders, NULL, NULL, NULL);
	return dq_holders_settle(x->m->holders);
}

static int read_until(struct reading *x, const char *path, uint64_t until)
{
	int err = dq_cmd_open(path, &x->r);

	if (err)
		return err;
	err = dq_model_new(&x->m, DQ_KEEP_NONE);
	if (!err)
		err = dq_share_attach(&x->s, x->m);
	if (!err)
		err = read_items(x, until);
	if (!err)
		err = settle(x, until == UINT64_MAX);
	if (!err)
		err = dq_share_finish(x->s);
	if (err)
		dq_cmd_read_error(x->r, err);
	return err;
}

static bool is_file(const char *path)
{
	struct stat st;

	return strcmp(path, "-") && (stat(path, &st) || S_ISREG(st.st_mode));
}

static int load(struct reading *x, const char *path, uint64_t at)
{
	uint64_t begin;
	int err = read_until(x, path, UINT64_MAX);

	if (err || at == DQ_TIME_UNSET)
		return err;
	begin = x->m->t_first;
	free_reading(x);
	return read_until(x, path, at > UINT64_MAX - 1 - begin ? UINT64_MAX - 1 : begin + at);
}

/* ---- which buffers ---- */

static bool is_number(const char *s, uint64_t n)
{
	uint64_t v;

	return n && !dq_parse_uint(*s == '#' ? s + 1 : s, &v) && v == n;
}

static bool is_buffer(const struct dq_mbuf *b, const char *s)
{
	return !strcmp(s, "all") || is_number(s, b->b.id) || (*b->name && !strcmp(b->name, s));
}

static bool is_process(const struct dq_model *m, const struct dq_share_proc *p, const char *s)
{
	const struct dq_task *t = dq_model_task(m, p->task);

	return t && (!strcmp(dq_task_process(m, p->task), s) || !strcmp(t->comm, s) ||
		     is_number(s, t->tgid));
}

static int want_buffer(const struct dq_model *m, bool *want, const char *s)
{
	bool any = false;

	for (size_t i = 0; i < m->nbufs; i++) {
		if (!is_buffer(&m->bufs[i], s))
			continue;
		want[i] = any = true;
	}
	if (!any)
		dq_err("there is no buffer '%s' in the trace; dmaseq list shows those that are", s);
	return any ? 0 : -ENOENT;
}

static void want_of_process(const struct dq_share *s, bool *want, uint32_t proc)
{
	for (size_t i = 0; i < s->nuses; i++) {
		const struct dq_mbuf *b = s->uses[i].proc == proc ?
						  dq_model_buf(s->m, s->uses[i].buf) : NULL;

		if (b)
			want[b - s->m->bufs] = true;
	}
}

static int want_process(const struct dq_share *s, bool *want, const char *name)
{
	bool any = false;

	for (uint32_t i = 0; i < s->nprocs; i++) {
		if (!is_process(s->m, &s->procs[i], name))
			continue;
		want_of_process(s, want, i);
		any = true;
	}
	if (!any)
		dq_err("no process '%s' uses a buffer in the trace; dmaseq list --holders, and a "
		       "graph without --process, show those that do", name);
	return any ? 0 : -ENOENT;
}

/* Of buffers and processes that were both asked for, what is in both. NULL: all of them. */
static int choose(bool **ret, const struct dq_share *s, const struct graph_opts *o)
{
	size_t n = s->m->nbufs;
	bool *b = calloc(n + 1, sizeof(*b)), *p = calloc(n + 1, sizeof(*p));
	int err = b && p ? 0 : -ENOMEM;

	for (size_t i = 0; i < o->buffers.n && !err; i++)
		err = want_buffer(s->m, b, o->buffers.v[i]);
	for (size_t i = 0; i < o->processes.n && !err; i++)
		err = want_process(s, p, o->processes.v[i]);
	for (size_t i = 0; i < n && !err; i++)
		b[i] = (b[i] || !o->buffers.n) && (p[i] || !o->processes.n);
	free(p);
	*ret = b;
	return err;
}

/* ---- where it goes ---- */

static const char *extension(const char *path)
{
	const char *base = strrchr(path, '/'), *dot = strrchr(path, '.');

	return dot && (!base || dot > base + 1) && dot != path ? dot + 1 : "";
}

static int format_of(const char *ext)
{
	for (int i = 0; i < (int)DQ_ARRAY_SIZE(formats); i++)
		if (!strcmp(ext, formats[i]))
			return i;
	return !strcmp(ext, "gv") ? FORMAT_DOT : FORMAT_NONE;
}

static int write_to(const char *path, const struct dq_sb *data)
{
	FILE *f;
	int err = 0;

	if (!path || !strcmp(path, "-")) {
		fwrite(dq_sb_str(data), 1, data->len, stdout);
		return 0;	/* main says it when stdout is full */
	}
	f = fopen(path, "we");
	if (!f) {
		err = -errno;
		dq_err("%s: %s", path, strerror(-err));
		return err;
	}
	if (fwrite(dq_sb_str(data), 1, data->len, f) != data->len)
		err = errno ? -errno : -EIO;
	if (fclose(f) && !err)
		err = -errno;
	if (err)
		dq_err("%s: cannot be written: %s", path, strerror(-err));
	return err;
}

/* This build has no Graphviz: the source goes beside the picture that was wanted. */
static int write_source_instead(const char *path, const char *format, const struct dq_sb *dot)
{
	size_t stem = path ? strlen(path) - strlen(extension(path)) : 0;
	struct dq_sb name = { 0 }, words = { 0 };
	int err;

	if (!path || !strcmp(path, "-")) {
		dq_err("this build has no Graphviz and makes no pictures; -f dot gives the source, "
		       "to draw it: dot -T%s", format);
		return -ENOSYS;
	}
	dq_sb_put(&name, path, stem);
	dq_sb_puts(&name, stem && path[stem - 1] == '.' ? "dot" : ".dot");
	err = name.err ? name.err : write_to(name.s, dot);
	dq_cmd_words(&words, path, name.s);
	if (!err)
		dq_err("this build has no Graphviz and makes no pictures; the source is in %s, to "
		       "draw it: dot -T%s -o %s", name.s, format, dq_sb_str(&words));
	dq_sb_free(&words);
	dq_sb_free(&name);
	return err ? err : -ENOSYS;
}

static int deliver(const struct dq_sb *dot, const char *path, int format)
{
	struct dq_sb pic = { 0 };
	char *why = NULL;
	int err;

	if (format == FORMAT_DOT)
		return write_to(path, dot);
	if (!dq_graph_can_draw())
		return write_source_instead(path, formats[format], dot);
	err = dq_graph_draw(&pic, formats[format], dq_sb_str(dot), &why);
	if (err)
		dq_err("%s", why ? why : strerror(-err));
	else
		err = write_to(path, &pic);
	free(why);
	dq_sb_free(&pic);
	return err;
}

/* ---- all of it ---- */

/* FORMAT_NONE after a usage error. */
static int choose_format(const struct graph_opts *o, const char *path)
{
	const char *ext = o->out && strcmp(o->out, "-") ? extension(o->out) : "";
	int by_name = format_of(ext);

	if (o->at != DQ_TIME_UNSET && !is_file(path))
		dq_usage_error(&dq_cmd_graph, "--at reads the trace twice: it must be a file");
	else if (o->format >= 0 && by_name >= 0 && by_name != o->format)
		dq_usage_error(&dq_cmd_graph, "'%s' is no name for what -f %s makes", o->out,
			       formats[o->format]);
	else if (o->format < 0 && o->out && strcmp(o->out, "-") && by_name < 0)
		dq_usage_error(&dq_cmd_graph, "'%s' ends in none of .dot, .gv, .svg, .png, .pdf",
			       o->out);
	else
		return o->format >= 0 ? o->format : by_name >= 0 ? by_name : FORMAT_DOT;
	return FORMAT_NONE;
}

static int draw(struct dq_sb *dot, const struct reading *x, const struct graph_opts *o)
{
	bool *want = NULL, at_end = o->at == DQ_TIME_UNSET;
	int err = choose(&want, x->s, o);
	const struct dq_graph_opts go = {
		.state = dq_reader_state(x->r),
		.want = want,
		.group = !o->nogroup,
		.alive_only = !at_end,
		.now = at_end ? x->m->t_last : x->m->t_first + o->at,
	};

	if (!err) {
		err = dq_graph_dot(dot, x->s, &go);
		if (err)
			dq_err("the graph could not be made: %s", strerror(-err));
	}
	free(want);
	return err;
}

static int run(void *vo, int argc, char **argv)
{
	const struct graph_opts *o = vo;
	int format = choose_format(o, argv[0]), err, incomplete;
	struct reading x = { 0 };
	struct dq_sb dot = { 0 };

	(void)argc;
	if (format == FORMAT_NONE)
		return DQ_EXIT_FAIL;
	err = load(&x, argv[0], o->at);
	if (!err && !x.m->nbufs) {
		dq_err("there are no buffers in the trace: nothing to draw");
		err = -ENOENT;
	}
	if (!err)
		err = draw(&dot, &x, o);
	if (!err)
		err = deliver(&dot, o->out, format);
	dq_sb_free(&dot);
	dq_share_free(&x.s);
	dq_model_free(&x.m);
	incomplete = dq_cmd_close(&x.r, o->strict);
	return err ? DQ_EXIT_FAIL : incomplete;
}

const struct dq_cmd dq_cmd_graph = {
	.name = "graph",
	.summary = "draw who shares which buffers with whom",
	.args = "FILE",
	.opts = opts,
	.opts_size = sizeof(struct graph_opts),
	.min_args = 1,
	.max_args = 1,
	.examples = "  dmaseq graph camera.dmaseq -o camera.svg\n"
		    "  dmaseq graph camera.dmaseq --process encoder --at 2s -o encoder.png\n"
		    "  dmaseq graph camera.dmaseq | dot -Tx11\n",
	.run = run,
};
