/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - messages for the user. One message is one line: whatever a kernel or a
 * file put into it (escape sequences, newlines, bidi marks) is shown, not obeyed.
 * Touches stderr only, and that with one write per message.
 */
#include <errno.h>
#include <string.h>

#include "util.h"

static enum dq_level log_max = DQ_LOG_WARN;
static void (*log_fn)(enum dq_level, const char *, void *);
static void *log_ctx;
static unsigned long errors;

unsigned long dq_log_errors(void)
{
	return errors;
}

void dq_log_count_error(void)
{
	errors++;
}

void dq_log_level(enum dq_level max)
{
	log_max = max;
}

enum dq_level dq_log_get_level(void)
{
	return log_max;
}

void dq_log_sink(void (*fn)(enum dq_level, const char *text, void *ctx), void *ctx)
{
	log_fn = fn;
	log_ctx = ctx;
}

void dq_log(enum dq_level level, const char *fmt, ...)
{
	struct dq_sb raw = { 0 }, out = { 0 };
	int saved = errno;
	va_list ap;

	errors += level == DQ_LOG_ERR;
	if (level > log_max)
		return;
	va_start(ap, fmt);
	dq_sb_vprintf(&raw, fmt, ap);
	va_end(ap);
	if (!log_fn)
		dq_sb_puts(&out, "dmaseq: ");
	dq_sb_visible(&out, dq_sb_str(&raw), raw.len, 0);
	if (log_fn) {
		log_fn(level, raw.err || out.err ? fmt : dq_sb_str(&out), log_ctx);
	} else if (raw.err || out.err) {
		fprintf(stderr, "dmaseq: out of memory\n");
	} else {
		dq_sb_putc(&out, '\n');
		fwrite(dq_sb_str(&out), 1, out.len, stderr);
	}
	dq_sb_free(&raw);
	dq_sb_free(&out);
	errno = saved;
}
