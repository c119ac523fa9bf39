/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_rules.c - differences that somebody knows and accepts, each with a reason.
 *
 * A line is "VERDICT PATTERN -- REASON"; a rule that nothing used is reported, so that the file
 * does not outlive its reasons. May use src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/diff.h"

static const struct { const char *name; uint32_t what; } verdicts[] = {
	{ "added", DQ_D_ADDED }, { "removed", DQ_D_REMOVED }, { "moved", DQ_D_MOVED },
	{ "changed", DQ_D_CHANGED }, { "count", DQ_D_COUNT }, { "time", DQ_D_TIME },
	{ "renamed", DQ_D_RENAMED }, { "size", DQ_D_SIZE }, { "name", DQ_D_NAME },
	{ "shape", DQ_D_SHAPE },
	{ "gained", DQ_D_GAINED }, { "lost", DQ_D_LOST }, { "any", DQ_D_ANY },
};

const char *dq_verdict_name(uint32_t one)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(verdicts); i++)
		if (verdicts[i].what & one)
			return verdicts[i].name;
	return "same";
}

unsigned int dq_verdict_bit(uint32_t one)
{
	return (unsigned int)__builtin_ctz(one | 1u << (DQ_D_BITS - 1));
}

static int fail(char **ret_err, size_t line, const char *what)
{
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "line %zu: %s", line, what);
	if (ret_err && !sb.err)
		*ret_err = sb.s;
	else
		dq_sb_free(&sb);
	return -EINVAL;
}

static int parse_rule(struct dq_ignores *r, char *s, size_t line, char **ret_err)
{
	char *reason = strstr(s, " -- "), *pattern = s + strcspn(s, " \t");
	uint32_t what = 0;
	struct dq_ignore *rule;

	if (!reason || !reason[4 + strspn(reason + 4, " \t")])
		return fail(ret_err, line, "no reason; a rule is VERDICT PATTERN -- REASON");
	*reason = '\0';
	reason += 4;
	if (*pattern)
		*pattern++ = '\0';
	pattern += strspn(pattern, " \t");
	for (size_t i = 0; i < DQ_ARRAY_SIZE(verdicts); i++)
		if (!strcmp(s, verdicts[i].name))
			what = verdicts[i].what;
	if (!what)
		return fail(ret_err, line, "the verdict is none of added, removed, moved, changed, "
					   "count, time, renamed, size, name, shape, gained, lost, "
					   "any");
	if (!*pattern)
		return fail(ret_err, line, "no pattern; * is any");
	rule = DQ_PUSH(r->v, r->n, r->cap);
	if (!rule)
		return -ENOMEM;
	rule->what = what;
	rule->line = line;
	rule->pattern = strdup(pattern);
	rule->reason = strdup(reason + strspn(reason, " \t"));
	return rule->pattern && rule->reason ? 0 : -ENOMEM;
}

int dq_ignores_parse(struct dq_ignores *r, const char *data, size_t len, char **ret_err)
{
	const char *end = data + len;
	size_t line = 0;
	int ret = 0;

	*r = (struct dq_ignores){ 0 };
	while (data < end && !ret) {
		const char *nl = memchr(data, '\n', (size_t)(end - data));
		size_t n = (size_t)((nl ? nl : end) - data);
		char *s;

		line++;
		while (n && strchr(" \t\r", data[n - 1]))
			n--;
		s = memchr(data, '\0', n) ? NULL : strndup(data, n);
		if (!s)
			ret = fail(ret_err, line, "has bytes that are no text");
		else if (s[strspn(s, " \t")] && s[strspn(s, " \t")] != '#')
			ret = parse_rule(r, s + strspn(s, " \t"), line, ret_err);
		free(s);
		data = nl ? nl + 1 : end;
	}
	if (ret)
		dq_ignores_free(r);
	return ret;
}

void dq_ignores_free(struct dq_ignores *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].pattern);
		free(r->v[i].reason);
	}
	free(r->v);
	*r = (struct dq_ignores){ 0 };
}

int dq_ignores_find(struct dq_ignores *r, uint32_t verdict, const char *text, const char *other)
{
	for (size_t i = 0; r && i < r->n; i++) {
		struct dq_ignore *rule = &r->v[i];

		/* a rule excuses all that is different of a step, or nothing */
		if (verdict & ~rule->what)
			continue;
		if ((text && dq_glob(rule->pattern, text)) ||
		    (other && dq_glob(rule->pattern, other))) {
			rule->used++;
			return (int)i;
		}
	}
	return -1;
}
