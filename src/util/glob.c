/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * glob.c - patterns as the shell has them. fnmatch(3) does the same, but with its locales it is
 * 15 kB of a static binary, and what it says of bytes that are no text depends on them. Touches
 * nothing.
 */
#include <ctype.h>
#include <string.h>

#include "util.h"

static bool in_class(const char *name, size_t len, unsigned char c)
{
	static const struct {
		const char *name;
		int (*is)(int c);
	} classes[] = {
		{ "alpha", isalpha }, { "digit", isdigit }, { "alnum", isalnum }, { "space", isspace },
		{ "upper", isupper }, { "lower", islower }, { "punct", ispunct }, { "xdigit", isxdigit },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(classes); i++)
		if (strlen(classes[i].name) == len && !memcmp(classes[i].name, name, len))
			return c < 0x80 && classes[i].is(c);
	return false;
}

/* One element of a bracket expression at p: does c match? Moves p behind it. */
static bool element(const char **pp, unsigned char c)
{
	const char *p = *pp, *end;
	unsigned char from, to;

	end = p[0] == '[' && p[1] == ':' ? strstr(p + 2, ":]") : NULL;
	if (end) {
		*pp = end + 2;
		return in_class(p + 2, (size_t)(end - p - 2), c);
	}
	if (*p == '\\' && p[1])
		p++;
	from = to = (unsigned char)*p++;
	if (p[0] == '-' && p[1] && p[1] != ']') {
		p += p[1] == '\\' && p[2] ? 2 : 1;
		to = (unsigned char)*p++;
	}
	*pp = p;
	return from <= c && c <= to;
}

/* Where the bracket expression behind p ends; NULL: it does not, so the bracket is a character. */
static const char *bracket(const char *p, unsigned char c, bool *ret)
{
	bool negated = *p == '!' || *p == '^', hit = false;
	const char *first;

	p += negated;
	for (first = p; *p && (*p != ']' || p == first);)
		hit |= element(&p, c);
	*ret = hit != negated;
	return *p ? p + 1 : NULL;
}

/* One character of the string, which is there, against what the pattern has at p; NULL: no match. */
static const char *one(const char *p, unsigned char c)
{
	const char *end;
	bool hit;

	switch (*p) {
	case '?':
		return p + 1;
	case '[':
		end = bracket(p + 1, c, &hit);
		if (end)
			return hit ? end : NULL;
		break;
	case '\\':
		p += !!p[1];
		break;
	default:
		break;
	}
	return *p && (unsigned char)*p == c ? p + 1 : NULL;
}

/* Only the last star has to be tried again with more: what an earlier one takes more, it can too. */
bool dq_glob(const char *pattern, const char *s)
{
	const char *p = pattern, *next, *star = NULL, *from = NULL;

	while (*s) {
		if (*p == '*') {
			star = ++p;
			from = s;
			continue;
		}
		next = one(p, (unsigned char)*s);
		if (next) {
			p = next;
			s++;
		} else if (star) {
			p = star;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}
