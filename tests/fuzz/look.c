/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * look.c - see look.h. Parsers that are strict and short, written from the grammars and not from
 * dmaseq's writers. Touches nothing.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "look.h"
#include "util/util.h"

struct in {
	const char *what, *begin, *p, *end;
};

static void bad(const struct in *in, const char *why)
{
	const char *from = in->p - in->begin > 80 ? in->p - 80 : in->begin;
	const char *to = in->end - in->p > 80 ? in->p + 80 : in->end;

	fprintf(stderr, "%s: %s, at byte %zu: ", in->what, why, (size_t)(in->p - in->begin));
	for (; from < to; from++)
		fprintf(stderr, *from >= ' ' && *from < 0x7f ? "%s%c" : "%s\\x%02x",
			from == in->p ? "<HERE>" : "", (unsigned char)*from);
	fputc('\n', stderr);
	abort();
}

static void text(struct in in)
{
	size_t adv;

	for (; in.p < in.end; in.p += adv) {
		int32_t c = dq_utf8_next(in.p, (size_t)(in.end - in.p), &adv);

		if (c < 0)
			bad(&in, "no UTF-8");
		if (c != '\n' && c != '\t' && !dq_utf8_printable((uint32_t)c))
			bad(&in, "a character that is not shown");
	}
}

/* ---- JSON, RFC 8259 ---- */

static void blanks(struct in *in)
{
	while (in->p < in->end && strchr(" \t\n\r", *in->p) && *in->p)
		in->p++;
}

static void string(struct in *in)
{
	for (in->p++; in->p < in->end && *in->p != '"'; in->p++) {
		if ((unsigned char)*in->p < ' ')
			bad(in, "a control in a string");
		if (*in->p != '\\')
			continue;
		in->p++;
		if (in->p == in->end || !*in->p || !strchr("\"\\/bfnrtu", *in->p))
			bad(in, "a bad escape");
		for (int i = 0; *in->p == 'u' && i < 4; i++)
			if (in->end - in->p < 6 || !isxdigit((unsigned char)in->p[1 + i]))
				bad(in, "a bad \\u");
	}
	if (in->p == in->end)
		bad(in, "a string that does not end");
	in->p++;
}

static void value(struct in *in, int depth);

static void list(struct in *in, int depth, char close, bool keys)
{
	in->p++;
	blanks(in);
	if (in->p < in->end && *in->p == close) {
		in->p++;
		return;
	}
	for (;;) {
		blanks(in);
		if (keys) {
			if (in->p == in->end || *in->p != '"')
				bad(in, "no key");
			string(in);
			blanks(in);
			if (in->p == in->end || *in->p++ != ':')
				bad(in, "no colon");
		}
		value(in, depth + 1);
		blanks(in);
		if (in->p < in->end && *in->p == close)
			break;
		if (in->p == in->end || *in->p != ',')
			bad(in, "no comma");
		in->p++;
	}
	in->p++;
}

static void number(struct in *in)
{
	const char *p = in->p;

	in->p += *in->p == '-';
	if (in->p < in->end && *in->p == '0' && in->end - in->p > 1 &&
	    isdigit((unsigned char)in->p[1]))
		bad(in, "a number with a zero in front");
	while (in->p < in->end && *in->p && strchr("0123456789.eE+-", *in->p))
		in->p++;
	if (in->p == p)
		bad(in, "no value");
}

static void value(struct in *in, int depth)
{
	static const char *const words[] = {"true", "false", "null"};

	if (depth > 64)
		bad(in, "too deep");
	blanks(in);
	if (in->p == in->end)
		bad(in, "an end instead of a value");
	for (int i = 0; i < 3; i++) {
		if ((size_t)(in->end - in->p) >= strlen(words[i]) &&
		    !memcmp(in->p, words[i], strlen(words[i]))) {
			in->p += strlen(words[i]);
			return;
		}
	}
	if (*in->p == '{')
		list(in, depth, '}', true);
	else if (*in->p == '[')
		list(in, depth, ']', false);
	else if (*in->p == '"')
		string(in);
	else
		number(in);
}

static void json(struct in in, bool lines)
{
	do {
		struct in line = in;
		const char *nl = memchr(in.p, '\n', (size_t)(in.end - in.p));

		if (lines && nl)
			line.end = nl;
		value(&line, 0);
		blanks(&line);
		if (line.p != line.end)
			bad(&line, "more than a value");
		in.p = lines && nl ? nl + 1 : in.end;
	} while (in.p < in.end);
}

/* ---- XML, without what we never write: no DTD, no CDATA ---- */

static void entity(struct in *in, const char *stop)
{
	static const char *const names[] = {"amp;", "lt;", "gt;", "quot;", "apos;"};

	if (*in->p == '&') {
		bool ok = in->p[1] == '#';

		for (size_t i = 0; i < DQ_ARRAY_SIZE(names); i++)
			ok |= (size_t)(in->end - in->p) > strlen(names[i]) &&
			      !memcmp(in->p + 1, names[i], strlen(names[i]));
		if (!ok)
			bad(in, "a bare &");
	}
	if (strchr(stop, *in->p))
		bad(in, "a character that has a meaning");
	in->p++;
}

/* Behind "<NAME": attributes; true when it ends with "/>". */
static bool attributes(struct in *in, bool svg)
{
	for (;;) {
		const char *name;

		blanks(in);
		if (in->p == in->end)
			bad(in, "a tag that does not end");
		if (*in->p == '>' || *in->p == '/' || *in->p == '?')
			break;
		name = in->p;
		while (in->p < in->end && (isalnum((unsigned char)*in->p) || strchr("-_:.", *in->p)))
			in->p++;
		if (in->p == name || in->end - in->p < 2 || in->p[0] != '=' || in->p[1] != '"')
			bad(in, "no attribute");
		if (svg && name[0] == 'o' && name[1] == 'n')
			bad(in, "an attribute that runs");
		if (svg && in->p - name >= 4 && !memcmp(in->p - 4, "href", 4) && in->p[2] != '#')
			bad(in, "a reference to elsewhere");
		for (in->p += 2; in->p < in->end && *in->p != '"';)
			entity(in, "<");
		in->p++;
	}
	in->p++;
	if (in->p[-1] == '>')
		return false;
	if (in->p == in->end || *in->p++ != '>')
		bad(in, "a tag that does not end");
	return true;
}

static void xml(struct in in, bool svg)
{
	const char *names[64];
	size_t lens[64], n = 0, len;

	while (in.p < in.end) {
		bool closes;

		if (*in.p != '<') {
			if (!n && !isspace((unsigned char)*in.p))
				bad(&in, "text outside of everything");
			entity(&in, ">");
			continue;
		}
		in.p++;
		closes = in.p < in.end && *in.p == '/';
		in.p += closes || *in.p == '?';
		for (len = 0; in.p + len < in.end &&
			      (isalnum((unsigned char)in.p[len]) || strchr("-_:", in.p[len]));)
			len++;
		if (!len || n == DQ_ARRAY_SIZE(names))
			bad(&in, "no name of an element");
		if (svg && len == 6 && !memcmp(in.p, "script", 6))
			bad(&in, "a script");
		if (closes && (!n || len != lens[n - 1] || memcmp(names[n - 1], in.p, len)))
			bad(&in, "the end of another element");
		names[n] = in.p;
		lens[n] = len;
		in.p += len;
		if (closes)
			n--;
		n += !attributes(&in, svg) && !closes;
	}
	if (n)
		bad(&in, "an element that does not end");
}

/* ---- sources of charts ---- */

static void quoted(struct in in)
{
	bool open = false;

	for (; in.p < in.end; in.p++) {
		if (*in.p == '\\' && in.p + 1 < in.end && in.p[1] != '\n')
			in.p++;
		else if (*in.p == '"')
			open = !open;
		else if (*in.p == '\n' && open)
			bad(&in, "a line ends in a string");
	}
	if (open)
		bad(&in, "the end is in a string");
}

/* No line may begin with one of these words, none of those may be anywhere. */
static void words(struct in in, const char *const *begins, const char *const *has)
{
	while (in.p < in.end) {
		const char *nl = memchr(in.p, '\n', (size_t)(in.end - in.p));
		const char *end = nl ? nl : in.end;

		while (in.p < end && (*in.p == ' ' || *in.p == '\t'))
			in.p++;
		for (const char *const *w = begins; *w; w++) {
			if ((size_t)(end - in.p) >= strlen(*w) && !memcmp(in.p, *w, strlen(*w)))
				bad(&in, "a line that is obeyed");
		}
		for (const char *const *w = has; *w; w++) {
			if (memmem(in.p, (size_t)(end - in.p), *w, strlen(*w)))
				bad(&in, "something that is obeyed");
		}
		in.p = end + 1;
	}
}

void look_at(const char *what, enum look how, const char *s, size_t len)
{
	static const char *const puml[] = {"!", "@import", "url", NULL};
	static const char *const puml_has[] = {"[[", "<img", "<&", "%getenv", "%load", "$", NULL};
	static const char *const mmd[] = {"%%{", "click", "link", "init", "---", NULL};
	static const char *const mmd_has[] = {"%%{",  "<script",     "<img",
					      "<a", "javascript:", NULL};
	struct in in = {what, s, s, s + len};

	if (how != LOOK_NOTHING)
		text(in);
	if (!len)
		return;
	switch (how) {
	case LOOK_JSON:
	case LOOK_JSONL:
		json(in, how == LOOK_JSONL);
		break;
	case LOOK_XML:
	case LOOK_SVG:
		xml(in, how == LOOK_SVG);
		break;
	case LOOK_QUOTED:
		quoted(in);
		break;
	case LOOK_PLANTUML:
		words(in, puml, puml_has);
		break;
	case LOOK_MERMAID:
		words(in, mmd, mmd_has);
		break;
	case LOOK_TEXT:
	case LOOK_NOTHING:
		break;
	}
}
