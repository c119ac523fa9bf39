/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_diagram.c - dmaseq diagram: a sequence chart of a buffer's life.
 *
 * Chooses the buffer, has src/model tell its story and src/render draw it, and puts
 * the result where the user wants it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/cmd_common.h"
#include "cmd/diagram_check.h"
#include "model/model.h"
#include "render/render.h"

#define MAX_ARROWS 200
#define MAX_COST   120000 /* of a page: about a second of Msc-generator */
#define TEXT_WIDTH 100	/* of a page of text, and what it may be */
#define MERMAID_MAX 50000
#define WIDTH_MIN  60
#define WIDTH_MAX  1000
#define MAX_PAGES 20	/* are written without being asked for */

struct diagram_opts {
	struct dq_strs buffers;
	const char *out;
	int format;
	const char *tmpl;
	bool include;
	int charset;
	uint64_t width;
	int level;
	bool nofold;
	bool overview;
	uint64_t from, to;
	uint64_t max_arrows;
	uint64_t page;
	uint64_t finding;
	bool nofindings;
	bool strict;
};

#define OFF(m) offsetof(struct diagram_opts, m)
static const struct dq_opt opts[] = {
	{ "buffer", 'b', "BUFFER", DQ_OPT_STRS, OFF(buffers), NULL,
	  "draw this buffer: its id in list, or its name; may be repeated", NULL, false },
	{ "output", 'o', "OUT", DQ_OPT_STR, OFF(out), NULL,
	  "x.svg, x.png, x.pdf: a picture; x.signalling, .txt, .puml, .mmd: the source", NULL, false },
	{ "format", 'f', "FORMAT", DQ_OPT_ENUM, OFF(format), NULL,
	  "msc: for Msc-generator (default); text: a ladder diagram, as it is; plantuml; mermaid",
	  "msc text plantuml mermaid", false },
	{ "template", 0, "NAME", DQ_OPT_STR, OFF(tmpl), NULL,
	  "the look: light (default), dark, print, classic, post, or a file", NULL, false },
	{ "include", 0, NULL, DQ_OPT_FLAG, OFF(include), NULL,
	  "the source names the template's files instead of having their text", NULL, false },
	{ "overview", 0, NULL, DQ_OPT_FLAG, OFF(overview), "What is drawn",
	  "one buffer of each shape, and how many it stands for; the pages are these buffers", NULL,
	  false },
	{ "level", 0, "LEVEL", DQ_OPT_ENUM, OFF(level), "What is drawn",
	  "app: an arrow for a syscall; api: the calls of drivers; ops: every frame and wait",
	  "app api ops", false },
	{ "no-fold", 0, NULL, DQ_OPT_FLAG, OFF(nofold), "What is drawn",
	  "draw every round of a loop", NULL, false },
	{ "from", 0, "TIME", DQ_OPT_TIME, OFF(from), "What is drawn",
	  "begin here; times are those at the left of a chart", NULL, false },
	{ "to", 0, "TIME", DQ_OPT_TIME, OFF(to), "What is drawn", "end here", NULL, false },
	{ "max-arrows", 0, "N", DQ_OPT_POS, OFF(max_arrows), "What is drawn",
	  "on a page (default 200): what is longer becomes pages with an index", NULL, false },
	{ "page", 0, "N", DQ_OPT_POS, OFF(page), "What is drawn",
	  "draw only page N of a chart of several", NULL, false },
	{ "finding", 0, "N", DQ_OPT_POS, OFF(finding), "What is drawn",
	  "the story of finding N of check: its buffer, its calls, and some around them", NULL, false },
	{ "no-findings", 0, NULL, DQ_OPT_FLAG, OFF(nofindings), "What is drawn",
	  "no notes of what check finds", NULL, false },
	{ "charset", 0, "CHARSET", DQ_OPT_ENUM, OFF(charset), "The text format",
	  "ascii (default) survives any mail; utf-8 has nicer lines", "ascii utf-8", false },
	{ "width", 0, "COLUMNS", DQ_OPT_POS, OFF(width), "The text format",
	  "of a page (default 100)", NULL, false },
	{ "strict", 0, NULL, DQ_OPT_FLAG, OFF(strict), NULL,
	  "exit status 3 when the trace is incomplete", NULL, false },
	{ .name = NULL },
};

/* In the order of --format. */
static const struct dq_renderer *const renderers[] = {
	&dq_renderer_msc, &dq_renderer_text, &dq_renderer_plantuml, &dq_renderer_mermaid,
};

/* ---- which buffers ---- */

/* "7" or "#7"; 0: not a number */
static uint32_t buffer_number(const char *s)
{
	uint64_t n;

	if (dq_parse_uint(*s == '#' ? s + 1 : s, &n) || !n || n > UINT32_MAX)
		return 0;
	return (uint32_t)n;
}

struct choice {
	uint32_t *v;
	size_t n, cap;
	struct dq_map *seen;
	struct dq_places *places; /* where their calls are; NULL: anywhere */
};

static int choose(struct choice *c, uint32_t id)
{
	uint32_t *row;
	uint64_t was;

	if (!c->seen)
		c->seen = dq_map_new();
	if (!c->seen)
		return -ENOMEM;
	if (dq_map_get(c->seen, id, &was))
		return 0;
	row = DQ_PUSH(c->v, c->n, c->cap);
	if (!row)
		return -ENOMEM;
	*row = id;
	return dq_map_put(c->seen, id, 1);
}

/* What -b asks for, in terms of the trace. */
static int choose_named(struct choice *c, const struct dq_model *m, const char *s)
{
	uint32_t id = buffer_number(s);
	size_t before = c->n;
	int ret = 0;

	if (id && dq_model_buf(m, id))
		return choose(c, id);
	for (size_t i = 0; i < m->nbufs && !ret; i++)
		if (!strcmp(m->bufs[i].name, s) || !strcmp(s, "all"))
			ret = choose(c, m->bufs[i].b.id);
	if (!ret && c->n == before) {
		dq_err("there is no buffer '%s' in the trace; dmaseq list shows those that are", s);
		ret = -ENOENT;
	}
	return ret;
}

/* The buffers of the calls that prove it. */
static int choose_finding(struct choice *c, const struct diagram_check *dc, uint64_t number)
{
	const struct dq_finding *f = diagram_finding(dc, number);
	int ret = f ? choose(c, f->buf.id) : -ENOENT;

	for (size_t i = 0; f && i < f->nproof && !ret; i++)
		if (f->proof[i].kind == DQ_PROOF_CALL && f->proof[i].c.buf)
			ret = choose(c, f->proof[i].c.buf);
	return ret;
}

static int choose_all(struct choice *c, const struct dq_model *m, const struct diagram_check *dc,
		      const struct diagram_opts *o)
{
	const struct dq_mbuf *b = dq_model_pick(m);
	int ret = 0;

	if (o->finding)
		return choose_finding(c, dc, o->finding);

	if (!b) {
		dq_err("there are no buffers in the trace: nothing to draw");
		return -ENOENT;
	}
	for (size_t i = 0; i < o->buffers.n && !ret; i++)
		ret = choose_named(c, m, o->buffers.v[i]);
	if (o->buffers.n)
		return ret;
	if (m->nbufs > 1 && !dq_common.quiet)
		fprintf(stderr, "dmaseq: drawing buffer %u, the one of %" PRIu64 " with the richest life; "
				"-b ID draws another\n", b->b.id, m->nbufs + m->gone.bufs);
	return choose(c, b->b.id);
}

/* ---- reading ---- */

/*
 * Of more calls than twice this the middle is not kept, of however many buffers: a call that is told
 * costs half a kilobyte. --from and --to draw it.
 */
#define MAX_CALLS 600000
/* Shapes in an overview. */
#define MAX_SHAPES 30
/* Buffers that were released and are not asked for, beyond these, need not be remembered. */
#define MAX_DEAD 1000

/* The first reading: which buffers may be drawn? */
struct wish {
	const struct diagram_opts *o;
	int most;		/* phases that a buffer so far has had */
};

static bool wished(const struct dq_mbuf *b, void *ctx)
{
	struct wish *w = ctx;
	int rich = __builtin_popcount(b->phases);

	for (size_t i = 0; i < w->o->buffers.n; i++) {
		const char *s = w->o->buffers.v[i];

		if (buffer_number(s) == b->b.id || !strcmp(b->name, s) || !strcmp(s, "all"))
			return true;
	}
	if (rich <= w->most || w->o->buffers.n)
		return false;
	w->most = rich;		/* the one that is drawn when none is asked for */
	return true;
}

/* c: what is to be drawn, and where it is; NULL: look what there is, and, with dc, what check finds, and
 * for lives, if not NULL, what is alike. */
static int load(struct dq_reader **r, struct dq_model **m, struct dq_spool *from,
		const struct diagram_opts *o, const struct choice *c, struct diagram_check *dc,
		struct dq_lives **lives)
{
	struct wish w = { .o = o, .most = -1 };
	int err = dq_spool_open(from, r);

	if (err)
		return err;
	err = dq_model_new(m, c ? DQ_KEEP_SOME : DQ_KEEP_NONE);
	for (size_t i = 0; c && i < c->n && !err; i++)
		err = dq_model_keep(*m, c->v[i]);
	if (!err && c)
		dq_model_only_kept(*m, c->places, *r);
	else if (!err)
		err = dq_model_note_places(*m);
	if (!err && dc && dc->k)
		dq_model_share_holders(*m, dq_check_holders(dc->k));
	if (!err && !c && !lives)
		dq_model_no_who(*m);	/* what is drawn is found by names and phases */
	if (!err && lives)
		err = dq_lives_new(lives, *m);	/* a shape is made of all lives */
	else if (!err)
		err = dq_model_forget(*m, MAX_DEAD, c ? NULL : wished, &w);
	if (!err) {
		dq_model_limit(*m, MAX_CALLS);
		dq_model_window(*m, o->from == DQ_TIME_UNSET ? 0 : o->from,
				o->to == DQ_TIME_UNSET ? UINT64_MAX : o->to);
		err = dc && dc->k ? diagram_check_read(dc, *m, *r) : dq_model_load(*m, *r);
	}
	if (err)
		dq_cmd_read_error(*r, err);
	return err;
}

/* Then chunks are the same ones in another reading. */
static bool is_whole(const struct dq_reader_state *st)
{
	return !st->bad_chunks && !st->lost_chunks && !st->skipped_bytes && !st->skipped_chunks;
}

static int tell_skipped(const struct dq_model *m)
{
	struct dq_sb sb = { 0 };
	int err;

	if (dq_model_put_skipped(m, &sb))
		dq_warn("%s; --from and --to choose", dq_sb_str(&sb));
	err = sb.err;
	dq_sb_free(&sb);
	return err;
}

/* The first buffer of each shape. */
static int choose_shapes(struct choice *c, const struct dq_shapes *shapes)
{
	int err = 0;

	for (size_t i = 0; i < shapes->n && c->n < MAX_SHAPES && !err; i++)
		if (shapes->v[i].nbufs)
			err = choose(c, shapes->v[i].bufs[0]);
	if (!err && !c->n) {
		dq_err("there are no buffers in the trace: nothing to draw");
		err = -ENOENT;
	}
	return err;
}

/*
 * The first reading finds the buffers, the second one keeps their calls only. What comes through a
 * pipe is put aside for it. *shapes is filled for an overview.
 */
static int load_chosen(struct dq_reader **r, struct dq_model **m, struct choice *c,
		       struct dq_shapes *shapes, struct diagram_check *dc, const char *path,
		       const struct diagram_opts *o)
{
	struct dq_lives *lives = NULL;
	struct dq_spool from;
	int err = dq_spool_new(&from, path);

	if (err)
		return err;
	if (!o->overview && (!o->nofindings || o->finding))
		err = diagram_check_new(dc);
	if (!err)
		err = load(r, m, &from, o, NULL, dc, o->overview ? &lives : NULL);
	if (!err && o->overview) {
		err = dq_lives_shapes(lives, shapes);
		err = err ? err : choose_shapes(c, shapes);
	} else if (!err) {
		err = choose_all(c, *m, dc, o);
	}
	dq_lives_free(&lives);
	if (!err && dc->k)
		err = diagram_check_marks(dc, o->finding);
	if (!err) {
		if (is_whole(dq_reader_state(*r)))
			c->places = dq_model_take_places(*m, c->v, c->n);
		dq_model_free(m);
		dc->r = *r;	/* findings have strings of it */
		*r = NULL;
		err = load(r, m, &from, o, c, NULL, NULL);
	}
	if (!err)
		err = tell_skipped(*m);
	dq_spool_free(&from);
	return err;
}

/* ---- drawing ---- */

/* A time of the command line, from the begin of the recording, as a time of the trace. */
static uint64_t trace_time(const struct dq_model *m, uint64_t t, uint64_t unset)
{
	if (t == DQ_TIME_UNSET)
		return unset;
	return t > UINT64_MAX - m->t_first ? UINT64_MAX : m->t_first + t;
}

/* apart: an overview of the buffers; else they are in one chart. */
static int tell_story(struct dq_story **ret_s, const struct dq_model *m, const uint32_t *bufs, size_t n,
		      bool apart, const struct diagram_check *dc, const struct dq_template *t,
		      const struct diagram_opts *o)
{
	const struct dq_story_opts so = {
		.marks = dc->marks.v,
		.nmarks = dc->marks.n,
		.focus = o->finding,
		.detail = apart ? DQ_DETAIL_APP : o->level >= 0 ? (enum dq_detail)o->level :
			  n > 1 && !o->finding ? DQ_DETAIL_APP : DQ_DETAIL_API,
		.apart = apart,
		.via = t ? t->via : true,
		.cbret = t ? t->cbret : DQ_CBRET_ERRORS,
		.fold = !o->nofold,
		.from = trace_time(m, o->from, 0),
		.to = trace_time(m, o->to, UINT64_MAX),
		.max_steps = o->max_arrows ? o->max_arrows : MAX_ARROWS,
		/* who says how many arrows a page has shall get them */
		.max_cost = o->max_arrows ? 0 : MAX_COST,
		.framed = t && (t->phases == DQ_TMPL_BOXES || t->gaps == DQ_TMPL_GAP_ALWAYS),
	};
	int err = dq_story_new(ret_s, m, bufs, n, &so);

	if (err) {
		dq_err("the chart could not be made: %s", strerror(-err));
		return err;
	}
	if (o->page > (*ret_s)->npages && !o->overview) {
		dq_err("there is no page %" PRIu64 ": the chart has %zu page%s", o->page,
		       (*ret_s)->npages, (*ret_s)->npages == 1 ? "" : "s");
		return -ENOENT;
	}
	return 0;
}

/* ---- where it goes ---- */

static const char *extension(const char *path)
{
	const char *base = strrchr(path, '/'), *dot = strrchr(path, '.');

	return dot && (!base || dot > base + 1) && dot != path ? dot + 1 : "";
}

static int write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "we");
	int err = 0;

	if (!f) {
		err = -errno;
		dq_err("%s: %s", path, strerror(-err));
		return err;
	}
	if (fwrite(data, 1, len, f) != len)
		err = errno ? -errno : -EIO;
	if (fclose(f) && !err)
		err = -errno;
	if (err)
		dq_err("%s: cannot be written: %s", path, strerror(-err));
	return err;
}

/* Without msc-gen the source goes beside the picture that was wanted. */
static int write_source_instead(const char *path, const char *ext, const struct dq_sb *src)
{
	struct dq_sb name = { 0 }, words = { 0 };
	int err;

	dq_sb_put(&name, path, strlen(path) - strlen(ext));
	dq_sb_puts(&name, dq_renderer_msc.ext);
	err = name.err ? name.err : write_file(name.s, src->s, src->len);
	dq_cmd_words(&words, path, name.s);
	if (!err)
		dq_err("there is no msc-gen here (Debian: msc-generator-nox); the source is in %s, "
		       "to render it: msc-gen -T %s -o %s", name.s, ext, dq_sb_str(&words));
	dq_sb_free(&words);
	dq_sb_free(&name);
	return err ? err : -ENOENT;
}

/* Without them the picture is still one. */
static int add_details(struct dq_sb *svg, const struct dq_sb *src, const struct dq_render_input *in,
		       char **ret_why)
{
	struct dq_sb map = { 0 };
	int err = dq_picture_msc(&map, "lmap", src->s, src->len, ret_why);

	if (!err)
		err = dq_svg_hover(svg, dq_sb_str(&map), in);
	if (err == -ENODATA) {
		dq_warn("the arrows of the picture have no details: the layout map of this msc-gen "
			"is not understood");
		err = 0;
	}
	dq_sb_free(&map);
	return err;
}

static int write_picture(const char *path, const char *ext, const struct dq_sb *src,
			 const struct dq_render_input *in)
{
	struct dq_sb pic = { 0 };
	char *why = NULL;
	int err = dq_picture_msc(&pic, ext, src->s, src->len, &why);

	if (!err && !strcmp(ext, "svg"))
		err = add_details(&pic, src, in, &why);
	if (err == -ENOENT)
		err = write_source_instead(path, ext, src);
	else if (err)
		dq_err("%s", why ? why : strerror(-err));
	else
		err = write_file(path, pic.s, pic.len);
	free(why);
	dq_sb_free(&pic);
	return err;
}

static bool is_picture(const char *ext)
{
	return !strcmp(ext, "svg") || !strcmp(ext, "png") || !strcmp(ext, "pdf");
}

/* The renderer whose sources end like that; NULL: none. */
static const struct dq_renderer *renderer_of(const char *ext)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(renderers); i++)
		if (!strcmp(ext, renderers[i]->ext))
			return renderers[i];
	return NULL;
}

/* What the options ask for together; NULL after a usage error. */
static const struct dq_renderer *choose_renderer(const struct diagram_opts *o)
{
	const char *ext = o->out ? extension(o->out) : "";
	const struct dq_renderer *by_name = is_picture(ext) ? &dq_renderer_msc : renderer_of(ext);
	const struct dq_renderer *how = o->format >= 0 ? renderers[o->format] : by_name;
	bool text;

	if (o->out && strcmp(o->out, "-") && !how) {
		dq_usage_error(&dq_cmd_diagram,
			       "'%s' ends in none of .svg, .png, .pdf, .signalling, .txt, .puml, .mmd",
			       o->out);
		return NULL;
	}
	how = how ? how : &dq_renderer_msc;
	text = how == &dq_renderer_text;
	if (by_name && by_name != how)
		dq_usage_error(&dq_cmd_diagram, "'%s' is no name for what -f %s makes", o->out,
			       how->name);
	else if (o->finding && o->buffers.n)
		dq_usage_error(&dq_cmd_diagram, "--finding says which buffer: -b does not go with it");
	else if (o->finding && o->nofindings)
		dq_usage_error(&dq_cmd_diagram, "--finding and --no-findings contradict each other");
	else if (o->tmpl && how != &dq_renderer_msc)
		dq_usage_error(&dq_cmd_diagram, "--template is for -f msc, not for -f %s", how->name);
	else if ((o->charset >= 0 || o->width) && !text)
		dq_usage_error(&dq_cmd_diagram, "--%s is for -f text",
			       o->width ? "width" : "charset");
	else if (o->width && (o->width < WIDTH_MIN || o->width > WIDTH_MAX))
		dq_usage_error(&dq_cmd_diagram, "--width is between %d and %d columns", WIDTH_MIN,
			       WIDTH_MAX);
	else
		return how;
	return NULL;
}

static int deliver(const struct dq_sb *src, const char *path, const struct dq_render_input *in)
{
	const char *ext = path ? extension(path) : "";

	if (!path || !strcmp(path, "-")) {
		fwrite(src->s, 1, src->len, stdout);
		return 0;	/* main says it when stdout is full */
	}
	return is_picture(ext) ? write_picture(path, ext, src, in) :
				 write_file(path, src->s, src->len);
}

/* Mermaid does not even begin with a text that is longer, unless its page says otherwise. */
static void warn_of_limit(const struct dq_renderer *how, const struct dq_sb *out)
{
	if (how == &dq_renderer_mermaid && out->len > MERMAID_MAX)
		dq_warn("the chart has %zu characters and Mermaid takes %d by default (maxTextSize); "
			"--max-arrows makes it shorter", out->len, MERMAID_MAX);
}

static int draw_page(const struct dq_renderer *how, struct dq_render_input *in, size_t page,
		     const char *path)
{
	struct dq_sb src = { 0 };
	int err;

	in->page = page;
	err = how->render(&src, in);
	warn_of_limit(how, &src);
	if (err)
		dq_err("the chart could not be made: %s", strerror(-err));
	else
		err = deliver(&src, path, in);
	dq_sb_free(&src);
	return err;
}

/* The index is in OUT by now. */
static int draw_all_pages(struct dq_render_input *in, const char *path)
{
	size_t n = in->story->npages, max = n < MAX_PAGES ? n : MAX_PAGES;
	int err = 0;

	for (size_t i = 1; i <= max && !err; i++) {
		struct dq_sb name = { 0 };

		dq_page_name(&name, path, i, n);
		err = name.err;
		if (!err)
			err = draw_page(&dq_renderer_msc, in, i, name.s);
		dq_sb_free(&name);
	}
	if (!err && n > max)
		dq_warn("the first %zu of %zu pages are written; --page N draws another", max, n);
	return err;
}

/* The picture at path leads to its pages. */
static void link_pages(struct dq_render_input *in, const char *path, size_t n)
{
	in->link = path;
	in->npages = n;
	in->nlinks = n < MAX_PAGES ? n : MAX_PAGES;
}

static int draw(const struct dq_renderer *how, struct dq_render_input *in,
		const struct diagram_opts *o)
{
	bool several = in->story->npages > 1 && !o->page;
	bool to_stdout = !o->out || !strcmp(o->out, "-");
	int err;

	if (several && !to_stdout)
		link_pages(in, o->out, in->story->npages);
	err = draw_page(how, in, o->page, o->out);
	in->link = NULL;

	if (err || !several)
		return err;
	if (!to_stdout && how == &dq_renderer_msc)
		return draw_all_pages(in, o->out);
	if (!dq_common.quiet && how == &dq_renderer_msc)
		fprintf(stderr, "dmaseq: the chart has %zu pages and this is their index; --page N "
				"draws one, -o FILE writes them\n", in->story->npages);
	else if (!dq_common.quiet)
		fprintf(stderr, "dmaseq: this is the first of %zu pages; --page N draws another\n",
			in->story->npages);
	return 0;
}

/* ---- an overview ---- */

/* Page k is the buffer of the k-th shape, by itself; of a long one its first page, and *npages. */
static int draw_shape(const struct dq_renderer *how, const struct dq_render_input *overview,
		      const struct choice *c, size_t k, const struct diagram_opts *o, const char *path,
		      size_t *npages)
{
	struct dq_render_input in = *overview;
	struct dq_story *story = NULL;
	const struct diagram_check none = { 0 };
	int err = tell_story(&story, in.story->m, &c->v[k - 1], 1, false, &none, in.tmpl, o);

	in.story = story;
	in.shapes = NULL;
	if (!err)
		err = draw_page(how, &in, story->npages > 1 ? 1 : 0, path);
	*npages = err ? 0 : story->npages;
	dq_story_free(&story);
	return err;
}

/* n buffers have more pages than the one that is drawn, buf among them. */
static void tell_longer(size_t n, uint32_t buf, size_t npages)
{
	if (dq_common.quiet || !n)
		return;
	if (n == 1)
		fprintf(stderr, "dmaseq: buffer %u has %zu pages and this is the first; -b %u draws "
				"them\n", buf, npages, buf);
	else
		fprintf(stderr, "dmaseq: of %zu buffers this is the first of several pages; -b %u draws "
				"the %zu of buffer %u\n", n, buf, npages, buf);
}

static int draw_shapes(const struct dq_render_input *in, const struct choice *c,
		       const struct diagram_opts *o)
{
	size_t max = c->n < MAX_PAGES ? c->n : MAX_PAGES, npages, most = 0, longer = 0;
	uint32_t buf = 0;
	int err = 0;

	for (size_t k = 1; k <= max && !err; k++) {
		struct dq_sb name = { 0 };

		dq_page_name(&name, o->out, k, c->n);
		err = name.err;
		if (!err)
			err = draw_shape(&dq_renderer_msc, in, c, k, o, name.s, &npages);
		dq_sb_free(&name);
		if (err || npages < 2)
			continue;
		longer++;
		buf = npages > most ? c->v[k - 1] : buf;
		most = npages > most ? npages : most;
	}
	tell_longer(longer, buf, most);
	if (!err && c->n > max)
		dq_warn("the first %zu of %zu pages are written; --page N draws another", max, c->n);
	return err;
}

static int draw_overview(const struct dq_renderer *how, struct dq_render_input *in,
			 const struct choice *c, const struct diagram_opts *o)
{
	bool to_stdout = !o->out || !strcmp(o->out, "-");
	size_t npages;
	int err;

	if (o->page > c->n) {
		dq_err("there is no page %" PRIu64 ": the overview has %zu page%s", o->page, c->n,
		       c->n == 1 ? "" : "s");
		return -ENOENT;
	}
	if (o->page) {
		err = draw_shape(how, in, c, (size_t)o->page, o, o->out, &npages);
		tell_longer(!err && npages > 1, c->v[o->page - 1], npages);
		return err;
	}
	if (!to_stdout)
		link_pages(in, o->out, c->n);
	err = draw_page(how, in, 0, o->out);
	in->link = NULL;
	return err || to_stdout || how != &dq_renderer_msc ? err : draw_shapes(in, c, o);
}

static int check_overview(const struct diagram_opts *o)
{
	if (!o->overview)
		return 0;
	if (o->buffers.n)
		return dq_usage_error(&dq_cmd_diagram, "--overview is of all buffers, -b of some");
	if (o->finding)
		return dq_usage_error(&dq_cmd_diagram, "--overview is of all buffers, --finding of one");
	if (o->from != DQ_TIME_UNSET || o->to != DQ_TIME_UNSET)
		return dq_usage_error(&dq_cmd_diagram, "--overview is of the whole trace, without "
						       "--from and --to");
	return 0;
}

static int run(void *vo, int argc, char **argv)
{
	const struct diagram_opts *o = vo;
	const struct dq_renderer *how = choose_renderer(o);
	struct dq_template *t = NULL;
	struct dq_reader *r = NULL;
	struct dq_model *m = NULL;
	struct choice c = { 0 };
	struct diagram_check dc = { 0 };
	struct dq_shapes shapes = { 0 };
	struct dq_story *story = NULL;
	char *why = NULL;
	int err = 0, incomplete;

	(void)argc;
	if (!how || check_overview(o))
		return DQ_EXIT_FAIL;
	if (how == &dq_renderer_msc)
		err = dq_template_load(&t, o->tmpl ? o->tmpl : "light", &why);
	if (!err && t && o->include)
		err = dq_template_refer(t);
	if (err)
		dq_err("%s", why ? why : strerror(-err));
	free(why);
	if (!err)
		err = load_chosen(&r, &m, &c, &shapes, &dc, argv[0], o);
	if (!err)
		err = tell_story(&story, m, c.v, c.n, o->overview, &dc, t, o);
	if (!err) {
		struct dq_render_input in = {
			.story = story,
			.state = dq_reader_state(r),
			.tmpl = t,
			.width = o->width ? (unsigned int)o->width : TEXT_WIDTH,
			.utf8 = o->charset == 1,
			.shapes = o->overview ? &shapes : NULL,
		};

		err = o->overview ? draw_overview(how, &in, &c, o) : draw(how, &in, o);
	}
	dq_story_free(&story);
	dq_shapes_free(&shapes);
	free(c.v);
	dq_map_free(c.seen);
	dq_places_free(&c.places);
	dq_model_free(&m);
	diagram_check_free(&dc);
	dq_template_free(&t);
	incomplete = dq_cmd_close(&r, o->strict);
	return err ? DQ_EXIT_FAIL : incomplete;
}

const struct dq_cmd dq_cmd_diagram = {
	.name = "diagram",
	.summary = "draw the life of a buffer as a sequence chart",
	.args = "FILE",
	.opts = opts,
	.opts_size = sizeof(struct diagram_opts),
	.min_args = 1,
	.max_args = 1,
	.examples = "  dmaseq diagram camera.dmaseq -o camera.svg\n"
		    "  dmaseq diagram camera.dmaseq -b 3 --template post -o buffer3.png\n"
		    "  dmaseq diagram camera.dmaseq --finding 1 -o bug.svg\n"
		    "  dmaseq record -o - -t 5 | dmaseq diagram - > chart.signalling\n",
	.run = run,
};
