/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * template.c - the design of a chart: a built-in template or a user's file.
 *
 * A template is Msc-generator source that defines the style names charts use, and may
 * say in comments how the chart is built up ("# dmaseq: phases = boxes"). Reads a
 * file; knows nothing of stories.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render/render.h"

#define TEMPLATE_MAX (256 * 1024)	/* nobody writes a longer one by hand */

extern const unsigned char dq_tmpl_light[], dq_tmpl_dark[], dq_tmpl_print[], dq_tmpl_classic[],
	dq_tmpl_post[];
extern const size_t dq_tmpl_light_len, dq_tmpl_dark_len, dq_tmpl_print_len, dq_tmpl_classic_len,
	dq_tmpl_post_len;

static const char *const names[] = { "light", "dark", "print", "classic", "post", NULL };

const char *const *dq_template_names(void)
{
	return names;
}

static const char *const default_phases[DQ_PH_MAX] = {
	[DQ_PH_EXPORT] = "export",	   [DQ_PH_FD] = "get fd",
	[DQ_PH_PASS] = "pass fd",
	[DQ_PH_LOOKUP] = "look up",	   [DQ_PH_ATTACH] = "attach",
	[DQ_PH_DMA_BEGIN] = "map",	   [DQ_PH_DMA_END] = "unmap",
	[DQ_PH_CPU_BEGIN] = "CPU access",  [DQ_PH_CPU_END] = "CPU access",
	[DQ_PH_VMAP] = "vmap",		   [DQ_PH_VUNMAP] = "vunmap",
	[DQ_PH_MMAP] = "mmap",		   [DQ_PH_MOVE] = "move",
	[DQ_PH_NAME] = "name",		   [DQ_PH_FENCE] = "fence",
	[DQ_PH_DETACH] = "detach",	   [DQ_PH_CLOSE] = "close fd",
	[DQ_PH_RELEASE] = "release",	   [DQ_PH_PUT] = "drop references",
};

const char *dq_phase_title(enum dq_phase ph)
{
	return default_phases[ph];
}

static int fail(char **ret_err, int err, const char *fmt, const char *a, const char *b)
{
	if (ret_err && asprintf(ret_err, fmt, a, b) < 0)
		*ret_err = NULL;
	return err;
}

static int set(char **to, const char *s, size_t len)
{
	char *copy = strndup(s, len);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int defaults(struct dq_template *t)
{
	int ret = 0;

	t->groups = t->numbers = false;
	t->via = t->times = t->durations = t->ranges = t->title = t->foot = t->life = true;
	t->who = t->source_labels = true;
	for (size_t i = 0; i < DQ_PH_MAX && !ret; i++)
		if (default_phases[i])
			ret = set(&t->phase[i], default_phases[i], SIZE_MAX / 2);
	if (!ret)
		ret = set(&t->small, "\\-", 2);
	if (!ret)
		ret = set(&t->aside, "\\-\\c(dim)", 9);
	if (!ret)
		ret = set(&t->uses, "{importer} uses the buffer", 26);
	if (!ret)
		ret = set(&t->cpu_user, "{app} accesses the buffer", 25);
	if (!ret)
		ret = set(&t->cpu_kernel, "{importer} accesses the buffer with the CPU", 43);
	if (!ret)
		ret = set(&t->api_prefix, "ops->", 5);
	return ret;
}

/* ---- directives ---- */

static bool is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(s, word, len);
}

/* The index of v among the '|'-separated words; -1: none of them. */
static int word_index(const char *v, size_t len, const char *words)
{
	int i = 0;

	for (const char *w = words; *w; i++) {
		size_t n = strcspn(w, "|");

		if (n == len && !memcmp(v, w, n))
			return i;
		w += n + (w[n] == '|');
	}
	return -1;
}

struct choice {
	const char *key, *words;
	size_t off;
	bool is_bool;		/* the second word is true; else the index is stored as an enum */
};

#define OFF(m) offsetof(struct dq_template, m)
static const struct choice choices[] = {
	{ "phases", "dividers|boxes|plain", OFF(phases), false },
	{ "activate", "callee|caller|nobody", OFF(activate), false },
	{ "gaps", "time|always|never", OFF(gaps), false },
	{ "callback-results", "errors|values", OFF(cbret), false },
	{ "entities", "after|before", OFF(entities_before), true },
	{ "split", "syscall|call", OFF(split_calls), true },
	{ "headings", "name|role", OFF(roles), true },
	{ "labels", "centre|source", OFF(source_labels), true },
	{ "groups", "no|yes", OFF(groups), true },
	{ "numbers", "no|yes", OFF(numbers), true },
	{ "via", "no|yes", OFF(via), true },
	{ "times", "no|yes", OFF(times), true },
	{ "durations", "no|yes", OFF(durations), true },
	{ "ranges", "no|yes", OFF(ranges), true },
	{ "title", "no|yes", OFF(title), true },
	{ "foot", "no|yes", OFF(foot), true },
	{ "life", "no|yes", OFF(life), true },
	{ "who", "no|yes", OFF(who), true },
};

static const struct { const char *key; size_t off; } texts[] = {
	{ "small", OFF(small) }, { "aside", OFF(aside) }, { "text.uses", OFF(uses) },
	{ "text.cpu-user", OFF(cpu_user) }, { "text.cpu-kernel", OFF(cpu_kernel) },
	{ "callback-prefix", OFF(api_prefix) }, { "phase.cpu-begin-kernel", OFF(cpu_begin_kernel) },
};

/* "lane.vivid = Camera" */
static int rename_lane(struct dq_template *t, const char *k, size_t kn, const char *v, size_t vn)
{
	struct dq_rename *row = DQ_PUSH(t->lanes, t->nlanes, t->cap_lanes);
	int ret = row ? set(&row->name, k, kn) : -ENOMEM;

	return ret ? ret : set(&row->say, v, vn);
}

const char *dq_template_lane(const struct dq_template *t, const char *name)
{
	for (size_t i = t->nlanes; i-- > 0;)
		if (!strcmp(t->lanes[i].name, name))
			return t->lanes[i].say;
	return name;
}

static int directive(struct dq_template *t, const char *k, size_t kn, const char *v, size_t vn)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(choices); i++) {
		int n;

		if (!is(k, kn, choices[i].key))
			continue;
		n = word_index(v, vn, choices[i].words);
		if (n < 0)
			return -EINVAL;
		if (choices[i].is_bool)
			*(bool *)((char *)t + choices[i].off) = n;
		else
			*(unsigned int *)((char *)t + choices[i].off) = (unsigned int)n;
		return 0;
	}
	for (size_t i = 0; i < DQ_ARRAY_SIZE(texts); i++)
		if (is(k, kn, texts[i].key))
			return set((char **)((char *)t + texts[i].off), v, vn);
	if (kn > 5 && !memcmp(k, "lane.", 5))
		return rename_lane(t, k + 5, kn - 5, v, vn);
	for (int i = 1; i < DQ_PH_MAX; i++)
		if (kn > 6 && !memcmp(k, "phase.", 6) && is(k + 6, kn - 6, dq_phase_key(i)))
			return set(&t->phase[i], v, vn);
	return -EINVAL;
}

static void trim(const char **s, size_t *n)
{
	while (*n && (**s == ' ' || **s == '\t'))
		(*s)++, (*n)--;
	while (*n && strchr(" \t\r", (*s)[*n - 1]))
		(*n)--;
}

static int load_builtin(struct dq_template *t, const char *name, size_t len, char **ret_err);

/* A comment line. 0, -EINVAL: a directive that is not understood, -ENOMEM. */
static int comment(struct dq_template *t, const char *s, size_t n)
{
	static const char mark[] = "dmaseq:";
	const char *eq, *v;
	size_t kn, vn;

	s++, n--;		/* the '#' */
	trim(&s, &n);
	if (n < sizeof(mark) - 1 || memcmp(s, mark, sizeof(mark) - 1))
		return 0;
	s += sizeof(mark) - 1;
	n -= sizeof(mark) - 1;
	eq = memchr(s, '=', n);
	if (!eq)
		return -EINVAL;
	v = eq + 1;
	vn = n - (size_t)(v - s);
	kn = (size_t)(eq - s);
	trim(&s, &kn);
	trim(&v, &vn);
	if (is(s, kn, "base"))
		return t->building.len || t->depth > 1 ? -EINVAL : load_builtin(t, v, vn, NULL);
	return directive(t, s, kn, v, vn);
}

static int parse(struct dq_template *t, const char *name, const char *s, size_t len, char **ret_err)
{
	const char *end = s + len;
	char where[32];
	int line = 0;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t n = nl ? (size_t)(nl - s) : (size_t)(end - s);
		int ret = 0;

		line++;
		if (n && *s == '#')
			ret = comment(t, s, n);
		else {
			dq_sb_put(&t->building, s, n);
			dq_sb_putc(&t->building, '\n');
		}
		if (ret) {
			snprintf(where, sizeof(where), "%d", line);
			if (ret != -EINVAL)
				return ret;
			return fail(ret_err, ret, "%s:%s: not a directive that dmaseq knows", name,
				    where);
		}
		s += n + (nl ? 1 : 0);
	}
	return t->building.err;
}

/* ---- what is built in ---- */

/* -EINVAL: there is no such template */
static int load_builtin(struct dq_template *t, const char *name, size_t len, char **ret_err)
{
	const struct { const unsigned char *data; size_t len; } builtin[] = {
		{ dq_tmpl_light, dq_tmpl_light_len },	  { dq_tmpl_dark, dq_tmpl_dark_len },
		{ dq_tmpl_print, dq_tmpl_print_len },	  { dq_tmpl_classic, dq_tmpl_classic_len },
		{ dq_tmpl_post, dq_tmpl_post_len },
	};
	int ret = -EINVAL;

	for (size_t i = 0; names[i]; i++) {
		if (!is(name, len, names[i]))
			continue;
		t->depth++;
		ret = parse(t, names[i], (const char *)builtin[i].data, builtin[i].len, ret_err);
		t->depth--;
		dq_sb_printf(&t->include, "include \"%s/%s.signalling\";\n", DQ_TEMPLATE_DIR, names[i]);
	}
	return ret;
}

/* ---- files ---- */

static int load_file(struct dq_template *t, const char *name, char **ret_err)
{
	FILE *f = fopen(name, "re");
	char *buf;
	size_t n;
	int ret;

	if (!f && errno == ENOENT && !strchr(name, '/'))
		return fail(ret_err, -ENOENT,
			    "there is no template '%s' (built in: %s; anything else is a file)",
			    name, "light, dark, print, classic, post");
	if (!f)
		return fail(ret_err, -errno, "%s: %s", name, strerror(errno));
	buf = malloc(TEMPLATE_MAX + 1);
	if (!buf) {
		fclose(f);
		return -ENOMEM;
	}
	n = fread(buf, 1, TEMPLATE_MAX + 1, f);
	if (ferror(f))
		ret = fail(ret_err, -EIO, "%s: %s", name, "cannot be read");
	else if (n > TEMPLATE_MAX)
		ret = fail(ret_err, -EFBIG, "%s: %s", name, "too long for a template");
	else if (memchr(buf, '\0', n))
		ret = fail(ret_err, -EINVAL, "%s: %s", name, "not a text file");
	else
		ret = parse(t, name, buf, n, ret_err);
	free(buf);
	fclose(f);
	dq_sb_printf(&t->include, "include \"%s\";\n", name);
	return ret;
}

int dq_template_load(struct dq_template **ret_t, const char *name, char **ret_err)
{
	struct dq_template *t = calloc(1, sizeof(*t));
	int ret = t ? defaults(t) : -ENOMEM;

	if (ret_err)
		*ret_err = NULL;
	if (!ret)
		ret = load_builtin(t, name, strlen(name), ret_err);
	if (ret == -EINVAL && !(ret_err && *ret_err))
		ret = load_file(t, name, ret_err);
	if (!ret)
		ret = t->building.err ? t->building.err : t->include.err;
	if (!ret)
		ret = set(&t->text, dq_sb_str(&t->building), t->building.len);
	if (ret)
		dq_template_free(&t);
	*ret_t = t;
	return ret;
}

int dq_template_refer(struct dq_template *t)
{
	const char *s = dq_sb_str(&t->include);

	return set(&t->text, s, strlen(s));
}

void dq_template_free(struct dq_template **pt)
{
	struct dq_template *t = *pt;

	if (!t)
		return;
	for (size_t i = 0; i < DQ_PH_MAX; i++)
		free(t->phase[i]);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(texts); i++)
		free(*(char **)((char *)t + texts[i].off));
	for (size_t i = 0; i < t->nlanes; i++) {
		free(t->lanes[i].name);
		free(t->lanes[i].say);
	}
	free(t->lanes);
	dq_sb_free(&t->building);
	dq_sb_free(&t->include);
	free(t->text);
	free(t);
	*pt = NULL;
}
