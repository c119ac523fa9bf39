/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msc_escape.c - anybody's bytes as the text of a Msc-generator label.
 *
 * The chart language gives a meaning to \ # ; [ ] { } and "; one bad UTF-8 byte makes
 * it read the whole file as UTF-16; a backslash before the closing quote hides the
 * quote. So: strict decoding, escapes for these, visible text for everything that a
 * terminal or a font would not show. May use src/util.
 */
#include <string.h>

#include "render/render.h"

/* Code points without a shape of their own, that could turn a text into another one. */
static bool is_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffc) ||
	       (c >= 0xe0000 && c <= 0xe0fff) || (c & 0xfffe) == 0xfffe;
}

static void put_point(struct dq_sb *sb, const char *s, int32_t c, size_t adv, bool seen)
{
	if (c == '\\' && !seen)
		dq_sb_puts(sb, "\\\\\\\\"); /* two are read: one of the name, no code */
	else if (c < 0)
		dq_sb_printf(sb, "\\\\x%02X", (unsigned char)*s);
	else if (c == '\n')
		dq_sb_puts(sb, "\\\\n");	/* to be read, not to be obeyed */
	else if (is_hidden((uint32_t)c) && c < 0x100)
		dq_sb_printf(sb, "\\\\x%02X", (unsigned int)c);
	else if (is_hidden((uint32_t)c))
		dq_sb_printf(sb, "\\\\u\\{%04X\\}", (unsigned int)c);
	else if (c < 0x80 && strchr("\\#;[]{}\"", c))
		dq_sb_printf(sb, "\\%c", (int)c);
	else
		dq_sb_put(sb, s, adv);
}

static void escape(struct dq_sb *sb, const char *s, size_t max, bool seen)
{
	size_t len = strlen(s), points = 0, lead = strspn(s, " "), trail = len;

	while (trail > lead && s[trail - 1] == ' ')
		trail--;
	for (size_t i = 0, adv; i < len; i += adv) {
		int32_t c = dq_utf8_next(s + i, len - i, &adv);

		if (max && points++ == max) {
			dq_sb_puts(sb, "…");
			return;
		}
		/* blanks at the ends would be trimmed */
		if (c == ' ' && (i < lead || i >= trail))
			dq_sb_puts(sb, "\\~");
		else
			put_point(sb, s + i, c, adv, seen);
	}
	if (len && s[len - 1] == '\\')
		dq_sb_puts(sb, "\\|");	/* keeps a closing quote apart */
}

void dq_msc_escape(struct dq_sb *sb, const char *s, size_t max)
{
	escape(sb, s, max, false);
}

void dq_msc_escape_seen(struct dq_sb *sb, const char *s, size_t max)
{
	escape(sb, s, max, true);
}
