/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_select.c - which rules are judged, how severe they are, and which findings somebody
 * has decided to live with: --rules and --suppress of dmaseq check.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_check.h"
#include "util/util.h"

/* ---- --rules ---- */

static void set_rule(enum dq_severity sev[DQ_RULE_MAX], size_t i, int to)
{
	if (to >= 0)
		sev[i] = (enum dq_severity)to;
	else
		sev[i] = dq_rules[i].severity != DQ_SEV_OFF ? dq_rules[i].severity : DQ_SEV_NOTE;
}

/* One word: all, a class or a rule; to: a severity, or -1 for its own. */
static bool apply(enum dq_severity sev[DQ_RULE_MAX], const char *word, int to)
{
	bool any = false, all = !strcmp(word, "all");

	for (size_t i = 0; i < DQ_RULE_MAX; i++) {
		bool class = !strcmp(word, dq_rule_class_key(dq_rules[i].class));

		if (!all && !class && strcmp(word, dq_rules[i].id))
			continue;
		set_rule(sev, i, to);
		any = true;
	}
	return any;
}

int check_rules_select(enum dq_severity sev[DQ_RULE_MAX], const char *list, const char **ret_bad)
{
	static char word[64];	/* outlives the call: the caller shows it */

	while (*list) {
		size_t n = strcspn(list, ",");
		char *eq;
		int to = -1;

		snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : sizeof(word) - 1), list);
		*ret_bad = word;
		eq = strchr(word, '=');
		if (eq) {
			to = dq_severity_by_name(eq + 1);
			if (to < 0)
				return -EINVAL;
			*eq = '\0';
		}
		if (!apply(sev, word, to)) {
			if (eq)
				*eq = '=';
			return -EINVAL;
		}
		list += n;
		list += *list == ',';
	}
	return 0;
}

/* ---- --suppress ---- */

static char *skip_blanks(char *s)
{
	return s + strspn(s, " \t");
}

static char **pattern_of(struct check_suppression *s, const char *key, size_t len)
{
	const struct { const char *key; char **to; } keys[] = {
		{ "buffer", &s->buffer }, { "exporter", &s->exporter }, { "device", &s->device },
		{ "driver", &s->driver }, { "process", &s->process },	{ "caller", &s->caller },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(keys); i++)
		if (strlen(keys[i].key) == len && !strncmp(keys[i].key, key, len))
			return keys[i].to;
	return NULL;
}

/* "KEY=PATTERN", where the pattern may be in double quotes. Moves *p behind it. */
static const char *parse_key(struct check_suppression *s, char **p)
{
	size_t n = strcspn(*p, "= \t:");
	char **to = (*p)[n] == '=' ? pattern_of(s, *p, n) : NULL;
	char *v = *p + n + 1, *end;

	if (!to)
		return "expected buffer=, exporter=, device=, driver=, process=, caller= or ': REASON'";
	if (*v == '"') {
		end = strchr(++v, '"');
		if (!end)
			return "a quote is not closed";
	} else {
		end = v + strcspn(v, " \t");
	}
	free(*to);
	*to = strndup(v, (size_t)(end - v));
	*p = end + (*end == '"');
	return *to ? NULL : "out of memory";
}

/* RULE [KEY=PATTERN]... : REASON. Returns what is wrong with it, or NULL. */
static const char *parse_line(struct check_suppression *s, char *line)
{
	char *p = line + strcspn(line, " \t:"), was = *p;
	const char *bad;

	*p = '\0';
	s->rule = dq_rule_by_id(line);
	if (!s->rule)
		return "there is no such rule (dmaseq check --explain=all lists them)";
	*p = was;
	for (p = skip_blanks(p); *p && *p != ':'; p = skip_blanks(p)) {
		bad = parse_key(s, &p);
		if (bad)
			return bad;
	}
	p = *p ? skip_blanks(p + 1) : p;
	if (!*p)
		return "the reason is missing (': REASON' at the end)";
	s->reason = strdup(p);
	return s->reason ? NULL : "out of memory";
}

static void free_one(struct check_suppression *s)
{
	free(s->buffer);
	free(s->exporter);
	free(s->device);
	free(s->driver);
	free(s->process);
	free(s->caller);
	free(s->reason);
}

void check_suppressions_free(struct check_suppressions *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_one(&s->v[i]);
	free(s->v);
}

static int load(struct check_suppressions *s, const char *path, FILE *in)
{
	char *line = NULL, *text;
	size_t cap = 0, end;
	unsigned int no = 0;
	int ret = 0;

	while (!ret && getline(&line, &cap, in) >= 0) {
		struct check_suppression *row;
		const char *bad;

		no++;
		text = skip_blanks(line);
		end = strlen(text);
		while (end && strchr(" \t\r\n", text[end - 1]))
			text[--end] = '\0';
		if (!*text || *text == '#')
			continue;
		row = DQ_PUSH(s->v, s->n, s->cap);
		bad = row ? parse_line(row, text) : "out of memory";
		if (bad) {
			dq_err("%s: line %u: %s", path, no, bad);
			ret = -EINVAL;
		} else {
			row->line = no;
		}
	}
	if (!ret && !feof(in)) { /* also without memory for a line */
		dq_err("%s: cannot read: %s", path, dq_errname(errno));
		ret = -EIO;
	}
	free(line);
	return ret;
}

int check_suppressions_load(struct check_suppressions *s, const char *path)
{
	FILE *in = fopen(path, "re");
	int ret;

	if (!in) {
		ret = -errno;
		dq_err("%s: cannot open: %s", path, dq_errname(ret));
		return ret;
	}
	ret = load(s, path, in);
	fclose(in);
	return ret;
}

static bool fits(const char *pattern, const char *s)
{
	return !pattern || dq_glob(pattern, s);
}

const struct check_suppression *check_suppressed(struct check_suppressions *s, const struct dq_finding *f)
{
	for (size_t i = 0; i < s->n; i++) {
		struct check_suppression *x = &s->v[i];

		if (x->rule != &dq_rules[f->rule] || !fits(x->buffer, f->has_buf ? f->buf.name : "") ||
		    !fits(x->exporter, f->exporter) || !fits(x->device, f->has_att ? f->att.dev : "") ||
		    !fits(x->driver, f->has_att ? f->att.driver : "") || !fits(x->process, f->process) ||
		    !fits(x->caller, f->caller))
			continue;
		x->used++;
		return x;
	}
	return NULL;
}
