/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sb.c - a growing string. An allocation failure is remembered in .err and makes
 * every later call a no-op, so that callers check once. Touches only the heap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static bool text_lost;

bool dq_sb_lost(bool forget)
{
	bool lost = text_lost;

	text_lost = text_lost && !forget;
	return lost;
}

/* Makes room for len more bytes and the NUL. */
static bool sb_room(struct dq_sb *sb, size_t len)
{
	size_t cap = sb->cap ? sb->cap : 32;
	char *s;

	if (sb->err)
		return false;
	if (len < sb->cap - sb->len)
		return true;
	if (len > SIZE_MAX / 2 - sb->len - 1) {
		sb->err = -ENOMEM;
		text_lost = true;
		return false;
	}
	while (cap < sb->len + len + 1)
		cap *= 2;
	s = realloc(sb->s, cap);
	if (!s) {
		sb->err = -ENOMEM;
		text_lost = true;
		return false;
	}
	sb->s = s;
	sb->cap = cap;
	return true;
}

void dq_sb_put(struct dq_sb *sb, const void *data, size_t len)
{
	if (!sb_room(sb, len))
		return;
	if (len)
		memcpy(sb->s + sb->len, data, len);
	sb->len += len;
	sb->s[sb->len] = '\0';
}

void dq_sb_puts(struct dq_sb *sb, const char *s)
{
	dq_sb_put(sb, s, strlen(s));
}

void dq_sb_putc(struct dq_sb *sb, char c)
{
	dq_sb_put(sb, &c, 1);
}

void dq_sb_uint(struct dq_sb *sb, uint64_t v, int digits)
{
	char buf[24];

	dq_sb_put(sb, buf, (size_t)(dq_put_uint(buf, v, digits) - buf));
}

void dq_sb_vprintf(struct dq_sb *sb, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	/* Most pieces are short: try with what is there, then once more with what it takes. */
	if (!sb_room(sb, 63))
		return;
	va_copy(again, ap);
	n = vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, ap);
	if (n < 0) {
		sb->s[sb->len] = '\0';
		sb->err = -ENOMEM;
	} else if ((size_t)n < sb->cap - sb->len) {
		sb->len += (size_t)n;
	} else {
		sb->s[sb->len] = '\0';
		if (sb_room(sb, (size_t)n)) {
			vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, again);
			sb->len += (size_t)n;
		}
	}
	va_end(again);
}

void dq_sb_printf(struct dq_sb *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	dq_sb_vprintf(sb, fmt, ap);
	va_end(ap);
}

void dq_sb_reset(struct dq_sb *sb)
{
	sb->len = 0;
	sb->err = 0;
	if (sb->s)
		sb->s[0] = '\0';
}

void dq_sb_free(struct dq_sb *sb)
{
	free(sb->s);
	*sb = (struct dq_sb){ 0 };
}

const char *dq_sb_str(const struct dq_sb *sb)
{
	return sb->s ? sb->s : "";
}
