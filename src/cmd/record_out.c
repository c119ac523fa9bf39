/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_out.c - see record_out.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hint.h"
#include "record_out.h"

static int open_stdout(struct record_out *o)
{
	if (isatty(STDOUT_FILENO)) {
		dq_err("record: refusing to write a binary trace to a terminal. Try: dmaseq record -o FILE");
		return -EINVAL;
	}
	o->path = "stdout";
	o->file.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (o->file.fd >= 0)
		return 0;
	dq_err("record: cannot write to stdout: %s. Try: dmaseq record -o FILE", dq_errname(errno));
	return -errno;
}

int record_out_open(struct record_out *o, const char *path, bool force)
{
	*o = (struct record_out){ .path = path, .file = { .fd = -1, .dir = -1 } };
	return strcmp(path, "-") ? record_file_open(&o->file, path, force) : open_stdout(o);
}

bool record_out_is_live(const struct record_out *o)
{
	struct stat st;

	return !fstat(o->file.fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

void record_out_reopen(struct record_out *o, const char *path, const struct record_file *file)
{
	*o = (struct record_out){ .path = path, .file = *file, .anon = o->anon };
}

static void boot_id(uint8_t id[16])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	int n = 0, c, digit = 0;

	memset(id, 0, 16);
	while (f && n < 32 && (c = fgetc(f)) != EOF) {
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else
			continue;
		id[n / 2] |= digit << (n % 2 ? 0 : 4);
		n++;
	}
	if (f)
		fclose(f);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void say_error(const struct record_out *o, int err)
{
	struct dq_sb why = { 0 };

	dq_why_not_write(&why, o->path, err);
	dq_err("record: cannot write %s%s", o->path, dq_sb_str(&why));
	dq_sb_free(&why);
}

struct record_clock record_clock_now(void)
{
	return (struct record_clock){ .mono = read_clock(CLOCK_MONOTONIC),
				      .real = read_clock(CLOCK_REALTIME) };
}

int record_out_begin(struct record_out *o, const struct record_clock *at)
{
	struct dq_writer_opts wo = { 0 };
	int err;

	boot_id(wo.boot_id);
	wo.mono = at->mono;
	wo.real = at->real;
	if (o->anon)
		dq_anon_header(o->anon, wo.boot_id, &wo.real);
	/* --force: only now is the old trace worth less than the new one */
	err = o->file.regular && ftruncate(o->file.fd, 0) ? -errno : 0;
	if (!err)
		err = dq_writer_new(&o->w, o->file.fd, &wo);
	if (err)
		say_error(o, err);
	return err;
}

/* ---- the sink ------------------------------------------------------------------------- */

/* Of what comes too late: what the end of the file can do with. It refers to nothing. */
static void put_aside(struct record_out *o, const struct dq_item *item)
{
	struct dq_item *it;

	if (item->kind != DQ_LOSS && item->kind != DQ_HOOK && item->kind != DQ_CLOCK)
		return;
	it = DQ_PUSH(o->after, o->nafter, o->cap_after);
	if (it)
		*it = *item;
}

static int put(void *ctx, const struct dq_item *item)
{
	struct record_out *o = ctx;

	o->calls += item->kind == DQ_CALL;
	o->events += item->kind == DQ_CALL || item->kind == DQ_SYS || item->kind == DQ_NAME ||
		     item->kind == DQ_TASKEV;
	if (!o->err)
		o->err = dq_writer_put(o->w, item);
	else
		put_aside(o, item);
	return 0;
}

static int repeat(void *ctx, const struct dq_repeat *r)
{
	struct record_out *o = ctx;

	if (o->err)
		return dq_sink_put_each(&(struct dq_sink){ .put = put, .ctx = o }, r);
	o->calls += r->n - 1;
	o->events += r->n;
	o->err = dq_writer_repeat(o->w, r);
	return 0;
}

static int flush(void *ctx)
{
	struct record_out *o = ctx;

	if (!o->err)
		o->err = dq_writer_flush(o->w);
	return 0;
}

struct dq_sink record_out_sink(struct record_out *o)
{
	return (struct dq_sink){ .put = put, .flush = flush, .ctx = o, .repeat = repeat };
}

/* ---- the end -------------------------------------------------------------------------- */

/* What did not get into the file, and the end. */
static int put_rest(struct record_out *o, const struct dq_written *there, const char *reason)
{
	struct dq_item loss = { .kind = DQ_LOSS }, end = { .kind = DQ_END };
	uint64_t now = read_clock(CLOCK_MONOTONIC), lost = there->lost;
	int err = 0;

	loss.loss.source = "disk";
	loss.loss.cpu = -1;
	loss.loss.count = o->events - there->events;
	loss.loss.t0 = there->last_t;
	loss.loss.t1 = now;
	if (loss.loss.count)
		err = dq_writer_put(o->w, &loss);
	for (size_t i = 0; !err && i < o->nafter; i++) {
		lost += o->after[i].kind == DQ_LOSS ? o->after[i].loss.count : 0;
		err = dq_writer_put(o->w, &o->after[i]);
	}
	end.end.t = now;
	end.end.reason = reason;
	end.end.calls = there->calls;
	end.end.lost = lost + loss.loss.count;
	if (!err)
		err = dq_writer_put(o->w, &end);
	return err ? err : dq_writer_flush(o->w);
}

/* The disk is full or the reader is gone. The part of a chunk that was written last makes room for
 * an end; without, the file is cut off behind its last whole chunk, which a reader says. */
static void end_failed(struct record_out *o)
{
	struct dq_written there;
	char reason[64];

	dq_writer_written(o->w, &there);
	o->missing = o->calls - there.calls;
	say_error(o, o->err);
	snprintf(reason, sizeof(reason), "cannot write: %s", dq_errname(o->err));
	if (o->file.regular && !dq_writer_take_back(o->w) && put_rest(o, &there, reason))
		dq_writer_take_back(o->w);
}

int record_out_close(struct record_out *o)
{
	int err;

	if (o->w && !o->err)
		o->err = dq_writer_flush(o->w);
	if (o->w && o->err)
		end_failed(o);
	if (o->w) {
		o->bytes = dq_writer_bytes(o->w);
		dq_writer_close(&o->w);
	} else {
		o->discard = true;
	}
	if (o->discard && o->file.fd >= 0)
		record_file_remove(&o->file); /* it would be in the way of the next try */
	err = record_file_close(&o->file);
	if (err && !o->err) {
		o->err = err;
		say_error(o, o->err);
	}
	free(o->after);
	o->after = NULL;
	o->nafter = o->cap_after = 0;
	return o->err;
}
