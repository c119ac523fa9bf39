/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text_parse.c - lines of the text form to items. People write these by hand, so the
 * order of fields is free, values may be numbers where print writes names, and every
 * mistake is said with its line. Touches only the heap.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "format.h"
#include "text.h"
#include "util/util.h"

struct dq_text_parser {
	struct dq_strtab *strs;
	uint64_t line;
	struct dq_sb word, key, val;	/* of the token at hand */
	struct dq_sb err;
};

/* Where the parser is in a line. */
struct at {
	const char *p, *end;
};

int dq_text_parser_new(struct dq_text_parser **ret_p)
{
	struct dq_text_parser *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->strs = dq_strtab_new();
	if (!p->strs) {
		free(p);
		return -ENOMEM;
	}
	*ret_p = p;
	return 0;
}

void dq_text_parser_free(struct dq_text_parser **pp)
{
	struct dq_text_parser *p = *pp;

	if (!p)
		return;
	*pp = NULL;
	dq_strtab_free(p->strs);
	dq_sb_free(&p->word);
	dq_sb_free(&p->key);
	dq_sb_free(&p->val);
	dq_sb_free(&p->err);
	free(p);
}

static int wrong(struct dq_text_parser *p, const char *fmt, ...) DQ_PRINTF(2, 3);
static int wrong(struct dq_text_parser *p, const char *fmt, ...)
{
	va_list ap;

	dq_sb_reset(&p->err);
	dq_sb_printf(&p->err, "line %llu: ", (unsigned long long)p->line);
	va_start(ap, fmt);
	dq_sb_vprintf(&p->err, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Messages quote what they complain of, but not a screenful of it. */
#define SHOWN(sb) ((sb).len > 60 ? 60 : (int)(sb).len), dq_sb_str(&(sb))

/* ---- tokens ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* To the next token; false at the end of the line or at a comment. */
static bool skip_blanks(struct at *at)
{
	while (at->p != at->end && is_blank(*at->p))
		at->p++;
	return at->p != at->end && *at->p != '#';
}

/* A bare word up to a blank, or to '=' where that ends a name. */
static void take_word(struct at *at, struct dq_sb *out, bool name)
{
	const char *start = at->p;

	while (at->p != at->end && !is_blank(*at->p) && !(name && *at->p == '='))
		at->p++;
	dq_sb_reset(out);
	dq_sb_put(out, start, (size_t)(at->p - start));
}

/* name=value or name="value" or just a word (then key is empty). */
static int take_field(struct dq_text_parser *p, struct at *at)
{
	dq_sb_reset(&p->val);
	take_word(at, &p->key, true);
	if (at->p == at->end || *at->p != '=') {
		dq_sb_put(&p->val, p->key.s, p->key.len);
		dq_sb_reset(&p->key);
		return 0;
	}
	if (!p->key.len)
		return wrong(p, "a '=' without a name");
	at->p++;
	if (at->p == at->end || *at->p != '"') {
		take_word(at, &p->val, false);
		return 0;
	}
	if (dq_unquote(&at->p, at->end, &p->val))
		return wrong(p, "bad string in field '%.*s'", SHOWN(p->key));
	if (at->p != at->end && !is_blank(*at->p))
		return wrong(p, "something follows the string in field '%.*s'", SHOWN(p->key));
	return 0;
}

/* ---- values: all take a NUL-terminated string and give 64 bits; 0 or -EINVAL ---- */

static int parse_num(const char *s, bool is_signed, uint64_t *ret)
{
	uint64_t v;

	if (*s != '-')
		return dq_parse_uint(s, ret);
	if (!is_signed || dq_parse_uint(s + 1, &v) || v > (uint64_t)INT64_MAX + 1)
		return -EINVAL;
	*ret = 0 - v;
	return 0;
}

/* Nanoseconds, or a number with a unit. */
static int parse_dur(const char *s, uint64_t *ret)
{
	if (!dq_parse_uint(s, ret))
		return 0;
	/* without a unit, dq_parse_time() would think of seconds */
	return s[strspn(s, "0123456789.")] ? dq_parse_time(s, ret) : -EINVAL;
}

static int parse_name(const char *s, size_t len, const struct dq_valname *names, uint64_t *ret)
{
	for (; names->name; names++) {
		if (strlen(names->name) == len && !memcmp(names->name, s, len)) {
			*ret = names->val;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_enum(const char *s, const struct dq_valname *names, uint64_t *ret)
{
	return dq_parse_uint(s, ret) ? parse_name(s, strlen(s), names, ret) : 0;
}

/* Names joined by |, or a number. */
static int parse_flags(const char *s, const struct dq_valname *names, uint64_t *ret)
{
	uint64_t v = 0, bit;
	size_t len;

	if (!dq_parse_uint(s, ret))
		return 0;
	for (;; s += len + 1) {
		len = strcspn(s, "|");
		if (parse_name(s, len, names, &bit))
			return -EINVAL;
		v |= bit;
		if (!s[len])
			break;
	}
	*ret = v;
	return 0;
}

static int parse_hook(const char *s, uint64_t *ret)
{
	const struct dq_hook_info *h = dq_hook_by_name(s);

	if (h) {
		*ret = h->id;
		return 0;
	}
	return strncmp(s, "hook:", 5) ? -EINVAL : dq_parse_uint(s + 5, ret);
}

static int parse_ret(const char *s, uint64_t *ret)
{
	int err;

	if (!parse_num(s, true, ret))
		return 0;
	err = *s == '-' ? dq_errno_by_name(s + 1, strlen(s + 1)) : -EINVAL;
	if (err < 0)
		return -EINVAL;
	*ret = (uint64_t)-(int64_t)err;
	return 0;
}

static int parse_arg(const char *s, enum hook_arg kind, uint64_t *ret)
{
	switch (kind) {
	case ARG_DIR:
		return parse_enum(s, dq_names_dir, ret);
	case ARG_OFLAGS:
		return parse_flags(s, dq_names_oflags, ret);
	case ARG_CMD:
		return parse_enum(s, dq_names_cmd, ret);
	case ARG_SYNC:
		return parse_flags(s, dq_names_sync, ret);
	case ARG_PROT:
		return parse_flags(s, dq_names_prot, ret);
	default:
		return parse_num(s, true, ret);
	}
}

static int parse_value(const char *s, const struct dq_field *f, uint64_t *ret)
{
	switch ((enum dq_show)f->show) {
	case DQ_S_NUM:
		return parse_num(s, f->type == DQ_F_I32 || f->type == DQ_F_I64, ret);
	case DQ_S_HEX:
	case DQ_S_ARG:
		return parse_num(s, true, ret);
	case DQ_S_TIME:
		return dq_parse_time(s, ret);
	case DQ_S_DUR:
		return parse_dur(s, ret);
	case DQ_S_FLAGS:
		return parse_flags(s, f->names, ret);
	case DQ_S_ENUM:
		return parse_enum(s, f->names, ret);
	case DQ_S_HOOK:
		return parse_hook(s, ret);
	case DQ_S_RET:
		return parse_ret(s, ret);
	case DQ_S_STR:
		break;
	}
	return -EINVAL;
}

/* ---- fields ---- */

static int set_string(struct dq_text_parser *p, struct dq_item *item, const struct dq_field *f)
{
	uint32_t id;

	if (p->val.len > DQ_STR_MAX)
		return wrong(p, "field '%s' is longer than %d bytes", f->name, DQ_STR_MAX);
	if (memchr(dq_sb_str(&p->val), '\0', p->val.len))
		return wrong(p, "field '%s' contains a NUL", f->name);
	id = dq_strtab_intern(p->strs, dq_sb_str(&p->val), p->val.len, NULL);
	if (id == UINT32_MAX)
		return -ENOMEM;
	*dq_field_str(item, f) = dq_strtab_get(p->strs, id);
	return 0;
}

/* arg: for a DQ_S_ARG field that was given by the name of the hook's argument, what it is. */
static int set_field(struct dq_text_parser *p, struct dq_item *item, const struct dq_field *f,
		     enum hook_arg arg)
{
	const char *s = dq_sb_str(&p->val);
	uint64_t v;
	int err;

	if (f->type == DQ_F_STR)
		return set_string(p, item, f);
	err = arg != ARG_NONE ? parse_arg(s, arg, &v) : parse_value(s, f, &v);
	if (!err && memchr(s, '\0', p->val.len))
		err = -EINVAL;
	if (!err)
		err = dq_field_set(item, f, v);
	if (!err)
		return 0;
	if (f->show == DQ_S_HOOK)
		return wrong(p, "unknown hook '%.*s'", SHOWN(p->val));
	return wrong(p, "bad value '%.*s' of field '%.*s'", SHOWN(p->val), SHOWN(p->key));
}

/* The field called p->key. */
static const struct dq_field *find_field(const struct dq_text_parser *p,
					 const struct dq_kind_desc *k, const struct dq_item *item,
					 enum hook_arg *arg)
{
	const char *key = dq_sb_str(&p->key);
	const struct dq_hook_info *h;
	const struct dq_field *f;
	int i;

	*arg = ARG_NONE;
	for (f = k->f; f < k->f + k->n; f++) {
		if (strlen(f->name) == p->key.len && !memcmp(f->name, key, p->key.len))
			return f;
	}
	h = item->kind == DQ_CALL ? dq_hook_info(item->call.hook) : NULL;
	i = dq_arg_by_name(h, key, p->key.len);
	if (i < 0)
		return NULL;
	for (f = k->f; f->show != DQ_S_ARG; f++)
		;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): without h no argument has a name */
	*arg = h->arg[i];
	return f + i;
}

static int unknown_field(struct dq_text_parser *p, const struct dq_kind_desc *k,
			 const struct dq_item *item)
{
	const struct dq_hook_info *h = item->kind == DQ_CALL ? dq_hook_info(item->call.hook) : NULL;

	for (size_t i = 0; h && i < DQ_ARG_COUNT; i++) {
		if (dq_arg_names[i] && !strcmp(dq_arg_names[i], dq_sb_str(&p->key)))
			return wrong(p, "%s has no argument '%s'", h->name, dq_arg_names[i]);
	}
	return wrong(p, "unknown field '%.*s' of %s", SHOWN(p->key), k->name);
}

/* The word after the kind: the value of the kind's leading field. */
static int take_lead(struct dq_text_parser *p, struct at *at, const struct dq_kind_desc *k,
		     struct dq_item *item, uint32_t *seen)
{
	struct at back = *at;
	int err;

	if (!k->f[0].lead || !skip_blanks(at) || *at->p == '"')
		return 0;
	err = take_field(p, at);
	if (err)
		return err;
	if (p->key.len) {
		*at = back;
		return 0;
	}
	dq_sb_puts(&p->key, k->f[0].name);
	*seen |= 1;
	return set_field(p, item, &k->f[0], ARG_NONE);
}

static int take_fields(struct dq_text_parser *p, struct at *at, const struct dq_kind_desc *k,
		       struct dq_item *item, uint32_t *seen)
{
	const struct dq_field *f;
	enum hook_arg arg;
	uint32_t bit;
	int err;

	while (skip_blanks(at)) {
		err = take_field(p, at);
		if (err)
			return err;
		if (!p->key.len)
			return wrong(p, "'%.*s' is not NAME=VALUE", SHOWN(p->val));
		f = find_field(p, k, item, &arg);
		if (!f)
			return unknown_field(p, k, item);
		bit = 1u << (f - k->f);
		if (*seen & bit)
			return wrong(p, "field '%.*s' is given twice", SHOWN(p->key));
		*seen |= bit;
		err = set_field(p, item, f, arg);
		if (err)
			return err;
	}
	return 0;
}

/* All fields at the values that the text form leaves out. */
static void set_defaults(struct dq_item *item, const struct dq_kind_desc *k)
{
	memset(item, 0, sizeof(*item));
	item->kind = (enum dq_kind)(k - dq_kinds);
	for (const struct dq_field *f = k->f; f < k->f + k->n; f++) {
		if (f->type == DQ_F_STR)
			*dq_field_str(item, f) = "";
		else
			dq_field_set(item, f, (uint64_t)(int64_t)f->dflt);
	}
}

static int parse_item(struct dq_text_parser *p, struct at *at, struct dq_item *item)
{
	const struct dq_kind_desc *k;
	uint32_t seen = 0;
	int err;

	if (!skip_blanks(at))
		return 0;
	take_word(at, &p->word, false);
	k = dq_kind_by_name(dq_sb_str(&p->word), p->word.len);
	if (!k)
		return wrong(p, "unknown kind '%.*s'", SHOWN(p->word));
	set_defaults(item, k);
	err = take_lead(p, at, k, item, &seen);
	if (!err)
		err = take_fields(p, at, k, item, &seen);
	if (err)
		return err;
	if (k->f[0].show == DQ_S_HOOK && !(seen & 1))
		return wrong(p, "%s without a hook", k->name);
	return 1;
}

/* Gives the sentence of an error to the caller. */
static int done(struct dq_text_parser *p, int rc, char **ret_err)
{
	if (p->word.err || p->key.err || p->val.err || p->err.err)
		rc = -ENOMEM;
	if (rc < 0 && ret_err)
		*ret_err = strdup(rc == -ENOMEM ? "out of memory" : dq_sb_str(&p->err));
	return rc;
}

int dq_text_parse_line(struct dq_text_parser *p, const char *line, size_t len, struct dq_item *item,
		       char **ret_err)
{
	struct at at = { line, line + len };

	p->line++;
	if (len > DQ_LINE_MAX)
		return done(p, wrong(p, "longer than %u bytes", DQ_LINE_MAX), ret_err);
	return done(p, parse_item(p, &at, item), ret_err);
}

/* ---- the first line ---- */

static int parse_boot_id(const char *s, uint8_t id[16])
{
	char byte[5] = "0x";
	uint64_t v;

	if (strlen(s) != 32)
		return -EINVAL;
	for (int i = 0; i < 16; i++) {
		memcpy(byte + 2, s + 2 * i, 2);
		if (dq_parse_uint(byte, &v))
			return -EINVAL;
		id[i] = (uint8_t)v;
	}
	return 0;
}

static int parse_head(struct dq_text_parser *p, struct at *at, struct dq_reader_state *st)
{
	uint64_t version;
	int err;

	at->p += strlen(DQ_TEXT_MAGIC);
	skip_blanks(at);
	take_word(at, &p->word, false);
	if (dq_parse_uint(dq_sb_str(&p->word), &version))
		return wrong(p, "bad version '%.*s' of the text form", SHOWN(p->word));
	if (version != DQ_TEXT_VERSION) {
		dq_sb_reset(&p->err);
		dq_sb_printf(&p->err,
			     "written by a newer dmaseq (text form %llu; this one reads %d)",
			     (unsigned long long)version, DQ_TEXT_VERSION);
		return -EPROTONOSUPPORT;
	}
	while (skip_blanks(at)) {
		err = take_field(p, at);
		if (err)
			return err;
		if (!strcmp(dq_sb_str(&p->key), "boot_id"))
			err = parse_boot_id(dq_sb_str(&p->val), st->boot_id);
		else if (!strcmp(dq_sb_str(&p->key), "mono"))
			err = dq_parse_time(dq_sb_str(&p->val), &st->mono);
		else if (!strcmp(dq_sb_str(&p->key), "real"))
			err = dq_parse_time(dq_sb_str(&p->val), &st->real);
		else
			return wrong(p, "unknown field '%.*s' of the first line", SHOWN(p->key));
		if (err)
			return wrong(p, "bad value '%.*s' of field '%.*s'", SHOWN(p->val),
				     SHOWN(p->key));
	}
	return 0;
}

int dq_text_parse_head(struct dq_text_parser *p, const char *line, size_t len,
		       struct dq_reader_state *st, char **ret_err)
{
	struct at at = { line, line + len };

	p->line++;
	return done(p, parse_head(p, &at, st), ret_err);
}
