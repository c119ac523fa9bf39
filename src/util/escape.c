/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * escape.c - showing bytes that somebody else chose, and quoting them so that they
 * can be read back. Touches nothing.
 */
#include <errno.h>
#include <string.h>

#include "util.h"

/* again: the text went through here before, its backslashes are ours */
static void put_cp_visible(struct dq_sb *sb, const char *s, size_t len, int32_t cp, bool again)
{
	if (cp == '\\' && !again)
		dq_sb_puts(sb, "\\\\");
	else if (cp == '\n')
		dq_sb_puts(sb, "\\n");
	else if (cp == '\t')
		dq_sb_puts(sb, "\\t");
	else if (cp < 0 || (cp < 0x100 && !dq_utf8_printable((uint32_t)cp)))
		dq_sb_printf(sb, "\\x%02x", cp < 0 ? (uint8_t)*s : (unsigned int)cp);
	else if (!dq_utf8_printable((uint32_t)cp))
		dq_sb_printf(sb, "\\u{%x}", (unsigned int)cp);
	else
		dq_sb_put(sb, s, len);
}

/* Shown as it is, a column for each byte. */
static bool is_plain(const char *s, size_t len, bool again)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] >= 0x7f || (s[i] == '\\' && !again))
			return false;
	return true;
}

static void put_visible(struct dq_sb *sb, const char *s, size_t len, size_t max_cols, bool again)
{
	size_t start = sb->len, fits = start, cols = 0, before, i, adv;
	bool wide;

	if ((!max_cols || len <= max_cols) && is_plain(s, len, again)) {
		dq_sb_put(sb, s, len);
		return;
	}
	for (i = 0; i < len; i += adv) {
		int32_t cp = dq_utf8_next(s + i, len - i, &adv);

		before = sb->len;
		put_cp_visible(sb, s + i, adv, cp, again);
		if (sb->err || !max_cols)
			continue;
		/* a plain character is one code point, an escape as many as its bytes */
		wide = cp > 0x7f && sb->len - before == adv && !memcmp(sb->s + before, s + i, adv);
		cols += wide ? 1 : sb->len - before;
		if (cols <= max_cols - 1)
			fits = sb->len;
		if (cols > max_cols) {
			sb->len = fits;
			dq_sb_puts(sb, "\u2026");
			return;
		}
	}
}

void dq_sb_visible(struct dq_sb *sb, const char *s, size_t len, size_t max_cols)
{
	put_visible(sb, s, len, max_cols, false);
}

void dq_sb_visible_again(struct dq_sb *sb, const char *s, size_t len, size_t max_cols)
{
	put_visible(sb, s, len, max_cols, true);
}

void dq_sb_quote(struct dq_sb *sb, const char *s, size_t len)
{
	size_t i, k, adv;
	int32_t cp;

	dq_sb_putc(sb, '"');
	for (i = 0; i < len; i += adv) {
		cp = dq_utf8_next(s + i, len - i, &adv);
		if (cp == '"' || cp == '\\')
			dq_sb_printf(sb, "\\%c", (char)cp);
		else if (cp == '\n')
			dq_sb_puts(sb, "\\n");
		else if (cp == '\t')
			dq_sb_puts(sb, "\\t");
		else if (cp == '\r')
			dq_sb_puts(sb, "\\r");
		else if (cp >= 0 && dq_utf8_printable((uint32_t)cp))
			dq_sb_put(sb, s + i, adv);
		else
			for (k = 0; k < adv; k++)
				dq_sb_printf(sb, "\\x%02x", (uint8_t)s[i + k]);
	}
	dq_sb_putc(sb, '"');
}

void dq_sb_json(struct dq_sb *sb, const char *s)
{
	size_t len = strlen(s), adv;

	dq_sb_putc(sb, '"');
	for (size_t i = 0, from; i < len;) {
		int32_t c;

		for (from = i; i < len && s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\';)
			i++;
		dq_sb_put(sb, s + from, i - from);
		if (i == len)
			break;
		c = dq_utf8_next(s + i, len - i, &adv);
		if (c < 0)
			dq_sb_puts(sb, "\\ufffd");
		else if (c == '"' || c == '\\')
			dq_sb_printf(sb, "\\%c", (int)c);
		else if (dq_utf8_printable((uint32_t)c))
			dq_sb_put(sb, s + i, adv);
		else if (c < 0x10000)
			dq_sb_printf(sb, "\\u%04x", (unsigned int)c);
		else
			dq_sb_printf(sb, "\\u%04x\\u%04x", 0xd800 + (((unsigned int)c - 0x10000) >> 10),
				     0xdc00 + ((unsigned int)c & 0x3ff));
		i += adv;
	}
	dq_sb_putc(sb, '"');
}

void dq_sb_shell(struct dq_sb *sb, const char *s)
{
	size_t plain = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				 "_-./:,+@%=");

	/* a file called "-o" shall not be an option */
	if (*s == '-' && s[1])
		dq_sb_puts(sb, "./");
	if (*s && !s[plain]) {
		dq_sb_puts(sb, s);
		return;
	}
	dq_sb_putc(sb, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			dq_sb_puts(sb, "'\"'\"'");	/* a message would double a backslash */
		else
			dq_sb_putc(sb, *s);
	}
	dq_sb_putc(sb, '\'');
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The character that an escape stands for; *p is behind the backslash and moves. */
static int unescape(const char **p, const char *end)
{
	const char *s = *p;
	int hi, lo;

	if (s == end)
		return -EINVAL;
	*p = s + 1;
	switch (*s) {
	case '\\':
	case '"':
		return *s;
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'x':
		if (end - s < 3)
			return -EINVAL;
		hi = hex_digit(s[1]);
		lo = hex_digit(s[2]);
		*p = s + 3;
		return hi < 0 || lo < 0 ? -EINVAL : hi << 4 | lo;
	}
	return -EINVAL;
}

int dq_unquote(const char **p, const char *end, struct dq_sb *out)
{
	const char *s = *p;
	int c;

	if (s == end || *s++ != '"')
		return -EINVAL;
	while (s != end && *s != '"') {
		c = (uint8_t)*s++;
		if (c == '\\')
			c = unescape(&s, end);
		if (c < 0)
			return c;
		dq_sb_putc(out, (char)c);
	}
	if (s == end)
		return -EINVAL;
	*p = s + 1;
	return out->err;
}
