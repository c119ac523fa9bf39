/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * baseline_parse.c - reads what baseline.c writes, and what people made of it.
 *
 * Limits: lines of 64 KiB, levels of DQ_NODE_DEPTH, a million steps; text must be printable
 * UTF-8, so that what is read can be printed again. May use src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/baseline.h"
#include "model/life_int.h"

#define LINE_MAX_  65536
#define NODES_MAX  1000000
#define SHAPES_MAX 100000

/* A sequence that lines are appended to: the steps of a track, of a loop, or inside a step. */
struct level {
	struct dq_node **v;
	size_t *n, *cap;
	bool repeat;		/* the lines of a loop */
	uint64_t min, max;	/* how often */
};

struct parser {
	struct dq_side *s;
	struct dq_shape *shape;
	struct dq_track *track;
	struct level stack[2 * DQ_NODE_DEPTH + 2];
	unsigned int depth;	/* levels of the stack in use: one is open for each indentation */
	size_t line, nodes;
	struct dq_remarks pending; /* comments that wait for their line */
	char **ret_err;
};

DQ_PRINTF(2, 3) static int fail(struct parser *p, const char *fmt, ...)
{
	struct dq_sb sb = { 0 };
	va_list ap;

	dq_sb_printf(&sb, "line %zu: ", p->line);
	va_start(ap, fmt);
	dq_sb_vprintf(&sb, fmt, ap);
	va_end(ap);
	if (p->ret_err && !*p->ret_err && !sb.err)
		*p->ret_err = sb.s;
	else
		dq_sb_free(&sb);
	return -EINVAL;
}

/* ---- numbers ---- */

/* "5" or "3-4"; the rest of the line in *end. */
static bool range(const char *s, uint64_t *min, uint64_t *max, const char **end)
{
	char *e;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*min = *max = strtoull(s, &e, 10);
	if (*e == '-') {
		if (e[1] < '0' || e[1] > '9')
			return false;
		*max = strtoull(e + 1, &e, 10);
	}
	*end = e;
	return !errno && *min <= *max;
}

static bool whole_range(const char *s, uint64_t *min, uint64_t *max)
{
	const char *end;

	return range(s, min, max, &end) && !*end;
}

/* ---- comments ---- */

static struct dq_remarks *home(struct parser *p)
{
	return p->shape ? &p->s->remarks[p->s->nremarks - 1] : &p->s->head;
}

static int add_remark(struct dq_remarks *to, const char *text, const char *anchor)
{
	struct dq_remark *r = DQ_PUSH(to->v, to->n, to->cap);

	if (!r)
		return -ENOMEM;
	r->text = strdup(text);
	r->anchor = strdup(anchor);
	return r->text && r->anchor ? 0 : -ENOMEM;
}

/* The line that they stand above has come. */
static int settle_remarks(struct parser *p, const char *anchor)
{
	int ret = 0;

	for (size_t i = 0; i < p->pending.n; i++) {
		if (!ret)
			ret = add_remark(home(p), p->pending.v[i].text, anchor);
		free(p->pending.v[i].text);
		free(p->pending.v[i].anchor);
	}
	p->pending.n = 0;
	return ret;
}

/* ---- shapes ---- */

static int end_nodes(struct parser *p, struct dq_node *v, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): unwrap() frees the array, not what was in it */
		ret = end_nodes(p, v[i].kids, v[i].nkids);
		if (!ret && v[i].kind == DQ_NODE_LOOP && !v[i].nkids)
			return fail(p, "a 'repeat' before it has nothing in it");
		dq_node_hash(&v[i]);
	}
	return ret;
}

/* A loop of one step is that step, several times. */
static void unwrap(struct dq_node *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unwrap(v[i].kids, v[i].nkids);
		if (v[i].kind == DQ_NODE_LOOP && v[i].nkids == 1 &&
		    v[i].kids[0].kind != DQ_NODE_LOOP && v[i].kids[0].rounds.max == 1) {
			struct dq_node one = v[i].kids[0];

			one.rounds = v[i].rounds;
			free(v[i].kids);
			v[i] = one;
		}
	}
}

static int end_shape(struct parser *p)
{
	struct dq_shape *s = p->shape;
	int ret = 0;

	if (!s)
		return 0;
	for (size_t i = 0; i < s->life.ntracks && !ret; i++) {
		unwrap(s->life.tracks[i].v, s->life.tracks[i].n);
		ret = end_nodes(p, s->life.tracks[i].v, s->life.tracks[i].n);
	}
	if (!ret)
		ret = dq_life_settle(&s->life);
	p->track = NULL;
	p->depth = 0;
	return ret;
}

static int new_shape(struct parser *p)
{
	int ret = end_shape(p);

	if (ret)
		return ret;
	if (p->s->shapes.n >= SHAPES_MAX)
		return fail(p, "more than %d shapes", SHAPES_MAX);
	p->shape = DQ_PUSH(p->s->shapes.v, p->s->shapes.n, p->s->shapes.cap);
	if (!p->shape || !DQ_PUSH(p->s->remarks, p->s->nremarks, p->s->cap_remarks))
		return -ENOMEM;
	p->shape->exporter = strdup("");
	p->shape->process = strdup("");
	if (!p->shape->exporter || !p->shape->process)
		return -ENOMEM;
	return settle_remarks(p, "shape");
}

static int replace(char **to, const char *s)
{
	free(*to);
	*to = strdup(s);
	return *to ? 0 : -ENOMEM;
}

static const char *behind(const char *line, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(line, key, n) ? line + n : NULL;
}

static int add_track(struct parser *p, enum dq_track_kind kind, uint64_t min, uint64_t max,
		     const char *role)
{
	struct dq_track *t = DQ_PUSH(p->shape->life.tracks, p->shape->life.ntracks,
				     p->shape->life.cap);

	if (!t)
		return -ENOMEM;
	t->kind = kind;
	t->threads_min = min;
	t->threads_max = max;
	t->role = strdup(role);
	if (!t->role)
		return -ENOMEM;
	p->track = t;
	p->stack[0] = (struct level){ .v = &t->v, .n = &t->n, .cap = &t->cap };
	p->depth = 1;
	return 0;
}

/* "thread ROLE", "threads 2-3 ROLE", "release" */
static int track_line(struct parser *p, const char *line)
{
	for (enum dq_track_kind k = DQ_TRACK_APP; k <= DQ_TRACK_HELD; k++) {
		const char *rest = behind(line, dq_track_key(k)), *end;
		uint64_t min = 1, max = 1;

		if (!rest)
			continue;
		if (rest[0] == 's' && rest[1] == ' ' && range(rest + 2, &min, &max, &end))
			rest = end;
		if (*rest && (*rest != ' ' || !rest[1]))
			continue;
		return add_track(p, k, min, max, *rest ? rest + 1 : "");
	}
	return fail(p, "'%s' is nothing that a shape has", line);
}

static int shape_line(struct parser *p, const char *line)
{
	struct dq_shape *s = p->shape;
	uint64_t min, max;
	const char *rest;

	if ((rest = behind(line, "buffers "))) {
		if (!whole_range(rest, &min, &max) || min != max || max > UINT32_MAX)
			return fail(p, "'%s' is no number of buffers", rest);
		s->nbufs = (size_t)max;
	} else if ((rest = behind(line, "size "))) {
		if (!whole_range(rest, &s->size_min, &s->size_max))
			return fail(p, "'%s' is no size", rest);
	} else if ((rest = behind(line, "exporter "))) {
		return replace(&s->exporter, rest);
	} else if ((rest = behind(line, "made by "))) {
		return replace(&s->process, rest);
	} else if ((rest = behind(line, "called "))) {
		char **row = DQ_PUSH(s->names, s->nnames, s->cap_names);

		return row && (*row = strdup(rest)) ? 0 : -ENOMEM;
	} else if (strcmp(line, "no buffer")) {
		return track_line(p, line);
	}
	return 0;
}

/* ---- steps ---- */

/* What a line of a recording would have been. */
static void set_kind(struct dq_node *n, const struct dq_track *t)
{
	const struct dq_hook_info *h;
	const char *op = n->text, *colon;
	size_t op_end, ret;
	char name[64];

	dq_node_parts(n->text, &op_end, &ret);
	colon = strstr(dq_node_behind_word(op), ": ");
	if (colon && (size_t)(colon - op) < op_end && colon == dq_node_behind_word(op))
		op = colon + 2;
	snprintf(name, sizeof(name), "%.*s", (int)(op_end - (size_t)(op - n->text)), op);
	h = dq_hook_by_name(name);
	n->kind = t->kind == DQ_TRACK_HELD ? DQ_NODE_FACT :
		  h || !strncmp(name, "hook:", 5) ? DQ_NODE_CALL : DQ_NODE_SYS;
	if (h && n->kind == DQ_NODE_CALL) {
		n->hook = h->id;
		n->flags |= h->kind == KIND_OPS || h->kind == KIND_IMPOPS ? DQ_NODE_CALLBACK : 0;
	}
	if (!strncmp(n->text + ret, " = -", 4) || !strncmp(n->text + ret, " = NULL", 7))
		n->flags |= DQ_NODE_FAILED;
	if (!strncmp(n->text + ret, " = (", 4))
		n->flags |= DQ_NODE_OPEN;
	if (!strcmp(n->text + ret, " = ?"))
		n->flags |= DQ_NODE_UNKNOWN;
}

static int special_line(struct parser *p, struct level *l, const char *line)
{
	const char *rest = behind(line, "(cut "), *end;
	uint64_t min, max;

	if (rest && range(rest, &min, &max, &end) && !strcmp(end, " steps)")) {
		p->track->cut = max;
		return 0;
	}
	if (!strcmp(line, "(callbacks not recorded)") && p->depth > 1) {
		struct level *up = &p->stack[p->depth - 2];

		if (l->v == &(*up->v)[*up->n - 1].kids) {
			(*up->v)[*up->n - 1].flags |= DQ_NODE_DARK;
			return 0;
		}
	}
	return fail(p, "'%s' is not known here", line);
}

static int step_line(struct parser *p, unsigned int level, const char *line)
{
	struct level *l;
	struct dq_node *n;
	uint64_t min = 1, max = 1;
	bool repeat = !strncmp(line, "repeat ", 7);

	if (level >= p->depth)
		return fail(p, "is indented too far");
	p->depth = level + 1;
	l = &p->stack[level];
	if (*line == '(')
		return special_line(p, l, line);
	if (repeat && !whole_range(line + 7, &min, &max))
		return fail(p, "'%s' does not say how often", line);
	if (++p->nodes > NODES_MAX)
		return fail(p, "more than %d steps", NODES_MAX);
	if (p->depth >= DQ_NODE_DEPTH)
		return fail(p, "nests deeper than %d", DQ_NODE_DEPTH);
	n = DQ_PUSH(*l->v, *l->n, *l->cap);
	if (!n)
		return -ENOMEM;
	dq_rounds_set(&n->rounds, UINT64_MAX, max);
	if (min != max) {
		n->rounds.min = min;
		n->rounds.places = 2;
	}
	n->kind = DQ_NODE_LOOP;
	if (!repeat) {
		n->text = strdup(line);
		if (!n->text)
			return -ENOMEM;
		set_kind(n, p->track);
	}
	p->stack[p->depth++] = (struct level){ .v = &n->kids, .n = &n->nkids, .cap = &n->cap };
	return 0;
}

/* ---- lines ---- */

static bool is_text(const char *s, size_t len)
{
	for (size_t i = 0, adv; i < len; i += adv) {
		int32_t c = dq_utf8_next(s + i, len - i, &adv);

		if (c < 0 || !dq_utf8_printable((uint32_t)c))
			return false;
	}
	return true;
}

static int kernel_line(struct parser *p, const char *rest)
{
	const char *end = *rest == '"' ? dq_node_behind_word(rest) : rest + strcspn(rest, " ");
	struct dq_sb sb = { 0 };
	int ret;

	dq_sb_put(&sb, rest, (size_t)(end - rest));
	ret = sb.err ? sb.err : replace(&p->s->kernel, dq_sb_str(&sb));
	dq_sb_free(&sb);
	if (!ret)
		ret = replace(&p->s->arch, *end == ' ' ? end + 1 : "");
	return ret;
}

static int finding_line(struct parser *p, const char *line)
{
	int ret = dq_found_parse(&p->s->found, line);

	if (ret == -EINVAL)
		return fail(p, "'%s' is no finding", line);
	return ret ? ret : settle_remarks(p, line);
}

static int top_line(struct parser *p, const char *line)
{
	const char *rest;

	if (behind(line, "shape "))
		return new_shape(p);
	if ((rest = behind(line, "kernel ")) && !p->shape)
		return kernel_line(p, rest);
	if (!strcmp(line, "findings") && !p->shape) {
		p->s->found.known = true;
		return settle_remarks(p, line);
	}
	return fail(p, "'%s' is neither 'shape' nor 'kernel' nor 'findings'", line);
}

static int parse_line(struct parser *p, const char *s, size_t len)
{
	size_t indent = 0;
	char *line;
	int ret;

	if (len && s[len - 1] == '\r')
		len--;
	while (indent < len && s[indent] == ' ')
		indent++;
	while (len > indent && s[len - 1] == ' ')
		len--;
	if (indent == len)
		return 0;
	if (len > LINE_MAX_ || !is_text(s, len))
		return fail(p, len > LINE_MAX_ ? "too long" : "has bytes that are no text");
	line = strndup(s + indent, len - indent);
	if (!line)
		return -ENOMEM;
	if (*line == '#')
		ret = p->shape || p->s->kernel[0] ? add_remark(&p->pending, line, "") :
						    add_remark(&p->s->head, line, "");
	else if (indent % 2)
		ret = fail(p, "is indented by %zu blanks; two are a level", indent);
	else if (!indent)
		ret = top_line(p, line);
	else if (!p->shape && p->s->found.known && indent == 2)
		ret = finding_line(p, line);
	else if (!p->shape)
		ret = fail(p, "stands before the first 'shape'");
	else if (indent == 2)
		ret = settle_remarks(p, line);
	else
		ret = p->track ? settle_remarks(p, line) : fail(p, "stands before any thread");
	if (!ret && *line != '#' && indent == 2 && p->shape)
		ret = shape_line(p, line);
	else if (!ret && *line != '#' && indent > 2)
		ret = step_line(p, (unsigned int)(indent / 2 - 2), line);
	free(line);
	return ret;
}

bool dq_is_baseline(const char *data, size_t len)
{
	size_t n = strlen("dmaseq-baseline ");

	return len >= n && !memcmp(data, "dmaseq-baseline ", n);
}

static int parse_all(struct parser *p, const char *data, size_t len)
{
	const char *end = data + len;
	int ret = 0;

	while (data < end && !ret) {
		const char *nl = memchr(data, '\n', (size_t)(end - data));
		size_t n = (size_t)((nl ? nl : end) - data);

		p->line++;
		if (p->line > 1)
			ret = parse_line(p, data, n);
		else if (strncmp(data, DQ_BASELINE_MAGIC, strlen(DQ_BASELINE_MAGIC)) ||
			 n > strlen(DQ_BASELINE_MAGIC) + 1)
			ret = fail(p, "this dmaseq reads '" DQ_BASELINE_MAGIC "' only");
		data = nl ? nl + 1 : end;
	}
	if (!ret)
		ret = end_shape(p);
	return ret ? ret : settle_remarks(p, "");
}

int dq_baseline_parse(struct dq_side *s, const char *data, size_t len, char **ret_err)
{
	struct parser *p = calloc(1, sizeof(*p));
	int ret = -ENOMEM;

	*s = (struct dq_side){ .is_baseline = true };
	s->kernel = strdup("");
	s->arch = strdup("");
	if (p && s->kernel && s->arch) {
		p->s = s;
		p->ret_err = ret_err;
		ret = parse_all(p, data, len);
		for (size_t i = 0; i < p->pending.n; i++) {
			free(p->pending.v[i].text);
			free(p->pending.v[i].anchor);
		}
		free(p->pending.v);
	}
	free(p);
	if (!ret)
		dq_shapes_name(&s->shapes);
	else
		dq_side_free(s);
	return ret;
}
