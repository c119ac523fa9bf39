/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slim.c - a picture of Msc-generator without its repetitions.
 *
 * A life line keeps clear of all labels of the page: Msc-generator gives each piece of each life line,
 * and there are some at every gap and box, a clip path of its own that lists all of these labels. Of
 * a page of 30 lanes that is 88 MB, of which a twelfth is left when equal paths are there once. Nothing
 * else is touched, so the picture is the same. May use src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "render/render.h"

struct clip {
	const char *id, *body;
	size_t id_len, len;
	uint32_t same;		/* the first one with that body */
};

struct clips {
	struct clip *v;		/* in the order of their names' numbers, which begin at 1 */
	size_t n, cap;
	struct dq_strtab *names;
	struct dq_map *bodies;	/* hash -> number */
	int err;
};

static const char clip_open[] = "<clipPath id=\"", clip_close[] = "</clipPath>", ref[] = "url(#";

static const char *find(const char *p, const char *end, const char *what)
{
	const char *at = p < end ? memmem(p, (size_t)(end - p), what, strlen(what)) : NULL;

	return at ? at : end;
}

/* The clip path at p; NULL: it is not as we know them. Else where it ends. */
static const char *read_clip(struct clip *c, const char *p, const char *end)
{
	const char *quote, *close;

	*c = (struct clip){ .id = p + strlen(clip_open) };
	quote = find(c->id, end, "\"");
	close = find(quote, end, clip_close);
	if (close == end || quote[1] != '>')
		return NULL;
	c->id_len = (size_t)(quote - c->id);
	c->body = quote + 2;
	c->len = (size_t)(close - c->body);
	return close + strlen(clip_close);
}

static int note(struct clips *cs, struct clip *c)
{
	uint64_t key = (uint64_t)dq_crc32c(0, c->body, c->len) << 32 ^ c->len, known;
	bool is_new;
	uint32_t number = dq_strtab_intern(cs->names, c->id, c->id_len, &is_new);
	struct clip *row;

	if (number == UINT32_MAX)
		return -ENOMEM;
	if (!is_new)
		return -EINVAL;	/* two of one name: leave it alone */
	c->same = number;
	if (!dq_map_get(cs->bodies, key, &known)) {
		if (dq_map_put(cs->bodies, key, number))
			return -ENOMEM;
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what bodies knows is in v */
	} else if (cs->v[known - 1].len == c->len && !memcmp(cs->v[known - 1].body, c->body, c->len)) {
		c->same = (uint32_t)known;
	}
	row = DQ_PUSH(cs->v, cs->n, cs->cap);
	if (!row)
		return -ENOMEM;
	*row = *c;
	return 0;
}

static int list_clips(struct clips *cs, const char *p, const char *end)
{
	int err = 0;

	for (p = find(p, end, clip_open); p < end && !err; p = find(p, end, clip_open)) {
		struct clip c;
		const char *behind = read_clip(&c, p, end);

		if (!behind)
			return -EINVAL;
		err = note(cs, &c);
		p = behind;
	}
	return err;
}

/* "url(#clip7)" at p, as the first one of its kind. Returns what is to be read next. */
static const char *put_ref(struct dq_sb *o, struct clips *cs, const char *p, const char *end)
{
	const char *id = p + strlen(ref), *close = find(id, end, ")");
	bool is_new = true;
	uint32_t number = dq_strtab_intern(cs->names, id, (size_t)(close - id), &is_new);

	cs->err = number == UINT32_MAX ? -ENOMEM : cs->err;
	dq_sb_puts(o, ref);
	if (!is_new && number && number <= cs->n) {
		const struct clip *c = &cs->v[cs->v[number - 1].same - 1];

		dq_sb_put(o, c->id, c->id_len);
		return close;
	}
	return id;
}

/* The n-th clip path, at p: goes, or stays, where what is in it is still to be read. */
static const char *skip_or_open(struct dq_sb *o, const struct clips *cs, size_t n, const char *p,
				const char *end)
{
	const struct clip *c = &cs->v[n];
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): list_clips() found n of them, at least */
	const char *behind = c->body + c->len + strlen(clip_close);

	if (c->same != n + 1)
		return behind + (behind < end && *behind == '\n');
	dq_sb_put(o, p, (size_t)(c->body - p));
	return c->body;
}

static void put_all(struct dq_sb *o, struct clips *cs, const char *p, const char *end)
{
	const char *clip = find(p, end, clip_open), *use = find(p, end, ref);
	size_t n = 0;

	while (p < end) {
		const char *next = clip < use ? clip : use;

		dq_sb_put(o, p, (size_t)(next - p));
		p = next;
		if (p == end)
			return;
		if (p == use) {
			p = put_ref(o, cs, p, end);
			use = find(p, end, ref);
			continue;
		}
		p = skip_or_open(o, cs, n++, p, end);
		clip = find(p, end, clip_open);
		use = use < p ? find(p, end, ref) : use;
	}
}

int dq_svg_slim(struct dq_sb *svg)
{
	struct clips cs = { .names = dq_strtab_new(), .bodies = dq_map_new() };
	struct dq_sb slim = { 0 };
	int err = cs.names && cs.bodies ? 0 : -ENOMEM;

	if (!err)
		err = list_clips(&cs, dq_sb_str(svg), dq_sb_str(svg) + svg->len);
	if (!err) {
		put_all(&slim, &cs, dq_sb_str(svg), dq_sb_str(svg) + svg->len);
		err = cs.err ? cs.err : slim.err;
	}
	if (!err) {
		dq_sb_free(svg);
		*svg = slim;
	} else {
		dq_sb_free(&slim);
	}
	free(cs.v);
	dq_strtab_free(cs.names);
	dq_map_free(cs.bodies);
	return err == -EINVAL ? 0 : err;
}
