/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - the first line of the text form, for the reader. Internal to the trace room.
 */
#ifndef DQ_TEXT_H
#define DQ_TEXT_H

#include "trace.h"

#define DQ_LINE_MAX (1u << 20)

/* "dmaseq-text 1 [boot_id=HEX] [mono=TIME] [real=TIME]": fills those of st. 0, or -EINVAL or
 * -EPROTONOSUPPORT and a sentence. Counts as line 1. */
int dq_text_parse_head(struct dq_text_parser *p, const char *line, size_t len,
		       struct dq_reader_state *st, char **ret_err);

/* May the value stand first in a line without its name? */
static inline bool dq_text_is_word(const char *s)
{
	const char *p = s;

	for (; (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
	       *p == '_' || *p == '.' || *p == ':' || *p == '/' || *p == '-' || *p == '>';
	     p++)
		;
	return p != s && !*p;
}

#endif /* DQ_TEXT_H */
