/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_common.c - see cmd_common.h. Every sentence names the file, because some
 * commands read two. Touches stderr, through the log.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_common.h"
#include "progress.h"
#include "util/util.h"

/* ---- how far it is ---- */

static struct dq_progress progress;

static void write_line(struct dq_sb *sb)
{
	if (sb->len)
		fputs(dq_sb_str(sb), stderr);
	dq_sb_free(sb);
}

static void end_progress(void)
{
	struct dq_sb sb = { 0 };

	dq_progress_end(&progress, &sb);
	write_line(&sb);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void tick(const struct dq_reader_state *st, void *ctx)
{
	struct dq_sb sb = { 0 };
	(void)ctx;

	if (st->at_end)
		dq_progress_end(&progress, &sb);
	else
		dq_progress_tick(&progress, &sb, now(), st->bytes, st->calls);
	write_line(&sb);
}

static void watch_progress(struct dq_reader *r, const char *path)
{
	struct stat st;

	if (dq_common.quiet || !isatty(STDERR_FILENO))
		return;
	progress = (struct dq_progress){ .began = now() };
	if (strcmp(path, "-") && !stat(path, &st) && S_ISREG(st.st_mode))
		progress.total = (uint64_t)st.st_size;
	dq_reader_on_progress(r, tick, NULL);
}

static void flush_stdout(void *ctx)
{
	(void)ctx;
	fflush(stdout); /* an error stays in its state, for main */
}

void dq_cmd_streams(struct dq_reader *r)
{
	dq_reader_on_wait(r, flush_stdout, NULL);
	if (isatty(STDOUT_FILENO))
		dq_reader_on_progress(r, NULL, NULL);
}

/* ---- opening ---- */

static int opened(struct dq_reader *r, const char *path, int err, char *text)
{
	if (err)
		dq_err("%s: %s", strcmp(path, "-") ? path : "standard input",
		       text ? text : dq_errname(err));
	else
		watch_progress(r, path);
	free(text);
	return err;
}

int dq_cmd_open(const char *path, struct dq_reader **ret_r)
{
	char *text = NULL;
	int err = dq_reader_open(ret_r, path, &text);

	return opened(*ret_r, path, err, text);
}

int dq_cmd_open_fd(int fd, const char *path, struct dq_reader **ret_r)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	char *text = NULL;
	int err = dq_reader_open_fd(ret_r, fd, name, &text);

	return opened(*ret_r, path, err, text);
}

void dq_cmd_read_error(const struct dq_reader *r, int err)
{
	const char *text = dq_reader_error(r);

	end_progress();
	dq_err("%s: %s", dq_reader_path(r), *text ? text : dq_errname(err));
}

int dq_cmd_next(struct dq_reader *r, struct dq_item *item)
{
	int rc = dq_reader_next(r, item);

	if (rc < 0)
		dq_cmd_read_error(r, rc);
	return rc;
}

static bool damaged(const struct dq_reader_state *st)
{
	return st->bad_chunks || st->lost_chunks || st->skipped_bytes || st->truncated;
}

bool dq_cmd_incomplete(const struct dq_reader_state *st)
{
	return damaged(st) || st->no_end || st->lost_events;
}

/* How far into the recording the trace goes. */
static char *fmt_reach(char *buf, const struct dq_reader_state *st)
{
	return dq_fmt_dur(buf, st->last_t > st->mono ? st->last_t - st->mono : 0);
}

static void report_end(const char *path, const struct dq_reader_state *st)
{
	char at[24];

	if (st->text && st->no_end) {
		dq_warn("%s: trace has no end line: it is not complete", path);
	} else if (st->truncated) {
		dq_warn("%s: trace is cut off inside chunk %" PRIu64
			" (at %s): the file was cut or the recorder was killed",
			path, st->chunks + 1, fmt_reach(at, st));
	} else if (st->no_end) {
		dq_warn("%s: trace is cut off after %" PRIu64
			" chunk%s (at %s): the recorder was killed or could not write",
			path, st->chunks, dq_plural(st->chunks), fmt_reach(at, st));
	}
}

static void report_damage(const char *path, const struct dq_reader_state *st)
{
	/* a damaged chunk leaves a hole in the numbers too */
	uint64_t lost = st->lost_chunks > st->bad_chunks ? st->lost_chunks - st->bad_chunks : 0;

	if (st->bad_chunks)
		dq_warn("%s: %" PRIu64 " damaged chunk%s left out", path, st->bad_chunks,
			dq_plural(st->bad_chunks));
	if (lost)
		dq_warn("%s: %" PRIu64 " chunk%s missing", path, lost, dq_plural(lost));
	if (st->skipped_bytes)
		dq_warn("%s: %" PRIu64 " byte%s of garbage between chunks skipped", path,
			st->skipped_bytes, dq_plural(st->skipped_bytes));
	if (st->skipped_chunks)
		dq_info("%s: %" PRIu64
			" chunk%s of an unknown type skipped (written by a newer dmaseq)",
			path, st->skipped_chunks, dq_plural(st->skipped_chunks));
}

static void report_losses(const char *path, const struct dq_reader_state *st)
{
	uint64_t lost = st->lost_events - st->disk_events - st->missed_returns;
	struct dq_sb sb = { 0 };

	dq_put_losses(&sb, lost, st->missed_returns);
	if (lost || st->missed_returns)
		dq_warn("%s: %s while recording", path, dq_sb_str(&sb));
	dq_sb_free(&sb);
	if (st->disk_events)
		dq_warn("%s: the last %" PRIu64
			" event%s missing: they could not be written (a full disk?)",
			path, st->disk_events, st->disk_events == 1 ? " is" : "s are");
}

int dq_cmd_close(struct dq_reader **pr, bool strict)
{
	const struct dq_reader_state *st;
	const char *path;
	bool incomplete;

	if (!*pr)
		return DQ_EXIT_OK;
	end_progress();
	st = dq_reader_state(*pr);
	path = dq_reader_path(*pr);
	report_damage(path, st);
	report_losses(path, st);
	/* a trace that was not read to its end, or not without an error, has no end to report */
	if (st->at_end && !*dq_reader_error(*pr))
		report_end(path, st);
	incomplete = dq_cmd_incomplete(st);
	dq_reader_free(pr);
	return incomplete && strict ? DQ_EXIT_INCOMPLETE : DQ_EXIT_OK;
}

void dq_cmd_words(struct dq_sb *sb, const char *a, const char *b)
{
	if (!a || !b)
		return;
	dq_sb_shell(sb, a);
	dq_sb_putc(sb, ' ');
	dq_sb_shell(sb, b);
}

int dq_cmd_flush_stdout(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return DQ_EXIT_OK;
	dq_err("cannot write to standard output: %s", strerror(errno));
	/* main() looks too, and need not say it again */
	clearerr(stdout);
	return DQ_EXIT_FAIL;
}

uint64_t dq_cmd_item_time(const struct dq_item *item)
{
	const struct dq_hook_info *h;

	switch (item->kind) {
	case DQ_BUF:
		return item->buf.flags & DQ_BUF_PREEXISTING ? 0 : item->buf.t;
	case DQ_ATT:
		return item->att.flags & DQ_ATT_PREEXISTING ? 0 : item->att.t;
	case DQ_CALL:
		h = dq_hook_info(item->call.hook);
		return h && h->ret == RET_NORET ? item->call.t0 : item->call.t0 + item->call.dur;
	case DQ_SYS:
		return item->sys.t0;
	case DQ_TASKEV:
		return item->taskev.t;
	case DQ_LOSS:
		return item->loss.t0;
	case DQ_SNAP:
		return item->snap.t1 ? item->snap.t1 : item->snap.t0;
	case DQ_HOLD:
		return item->hold.t;
	default:
		return 0;
	}
}
