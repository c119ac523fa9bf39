/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_rotate.c - see record_rotate.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hint.h"
#include "record_rotate.h"

/* What a file may still get after the last look at its size: chunks of 64 KiB before they are
 * compressed, and an end. */
#define ROOM (72U << 10)
#define NEXT ".next"

/* FILE with something behind it, NULL: no memory */
static char *name_of(const struct record_rotate *r, const char *suffix)
{
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "%s%s", r->out->file.name, suffix);
	if (!sb.err)
		return sb.s;
	dq_sb_free(&sb);
	return NULL;
}

/* FILE.n; FILE is its own number 0. */
static char *name_of_older(const struct record_rotate *r, unsigned int n)
{
	char suffix[16];

	snprintf(suffix, sizeof(suffix), ".%u", n);
	return name_of(r, n ? suffix : "");
}

static bool is_there(const struct record_rotate *r, const char *name)
{
	struct stat st;

	return !fstatat(r->out->file.dir, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* Files of an earlier recording: in the way, or removed. */
static int clear(const struct record_rotate *r, char *name, bool force)
{
	int err = !name ? -ENOMEM : 0;

	if (!err && is_there(r, name) && !force) {
		dq_err("record: %.*s%s exists. Try: dmaseq record --force, or another file with -o",
		       (int)(strlen(r->out->path) - strlen(r->out->file.name)), r->out->path, name);
		err = -EEXIST;
	} else if (!err && unlinkat(r->out->file.dir, name, 0) && errno != ENOENT) {
		err = -errno;
		dq_err("record: cannot remove %s: %s. Try: another file with -o", name, dq_errname(err));
	}
	free(name);
	return err;
}

int record_rotate_init(struct record_rotate *r, struct record_out *out,
		       const struct record_rotate_opts *ro)
{
	struct dq_keep_opts o = { .begin = ro->begin, .ctx = ro->ctx };
	unsigned int files = ro->files;
	bool force = ro->force;
	int err;

	*r = (struct record_rotate){ .out = out, .size = ro->size, .files = files };
	r->to = record_out_sink(out);
	err = clear(r, name_of(r, NEXT), force);
	for (unsigned int i = 1; i < files && !err; i++)
		err = clear(r, name_of_older(r, i), force);
	return err ? err : dq_keeper_new(&r->keeper, &o);
}

/* One file gets another's name. What was not ours does not go by that. */
static int move(const struct record_rotate *r, char *from, char *to, bool replace)
{
	int dir = r->out->file.dir, err = 0;

	if (!from || !to)
		err = -ENOMEM;
	else if (!replace && is_there(r, to))
		err = -EEXIST;
	else if (renameat(dir, from, dir, to))
		err = -errno;
	free(from);
	free(to);
	return err;
}

/* FILE.1 becomes FILE.2 ..., FILE becomes FILE.1, and FILE.next FILE. */
static int shift(struct record_rotate *r)
{
	unsigned int last = r->older < r->files - 1 ? r->older : r->files - 2;
	int err = 0;

	for (unsigned int i = last + 1; i-- > 0 && !err;)
		err = move(r, name_of_older(r, i), name_of_older(r, i + 1), i < r->older);
	if (!err)
		err = move(r, name_of(r, NEXT), name_of_older(r, 0), false);
	r->older = last + 1;
	return err;
}

/* The file ends in order, and the recording with it: there is no other to be had. */
static int give_up(struct record_rotate *r, uint64_t now, int err)
{
	char reason[64];

	dq_err("record: cannot begin another file beside %s: %s. Try: ls -ld the directory", r->out->path,
	       dq_errname(err));
	snprintf(reason, sizeof(reason), "cannot rotate: %s", dq_errname(err));
	dq_part_end(&r->part, now, reason);
	r->err = err;
	return err;
}

static int next_file(struct record_rotate *r, const struct record_clock *now)
{
	struct record_file next;
	char *name = name_of(r, NEXT);
	const char *path = r->out->path;
	int err = name ? record_file_beside(&next, &r->out->file, name) : -ENOMEM;

	free(name);
	if (err)
		return give_up(r, now->mono, err);
	err = dq_part_end(&r->part, now->mono, "rotated");
	r->ended++;
	r->calls += r->out->calls;
	if (!err)
		err = shift(r);
	if (err) {
		dq_err("record: cannot rotate %s: %s", path, dq_errname(err));
		record_file_close(&next);
		r->err = err;
		return err;
	}
	free(next.name);
	next.name = strdup(r->out->file.name);
	if (record_out_close(r->out) || !next.name) {
		record_file_close(&next);
		r->err = -EIO;
		return r->err;
	}
	r->bytes += r->out->bytes;
	record_out_reopen(r->out, path, &next);
	return record_out_begin(r->out, now);
}

static int rotate(struct record_rotate *r)
{
	struct record_clock now = record_clock_now();
	int err = next_file(r, &now);

	if (!err)
		err = dq_keeper_part(r->keeper, &r->to, &r->part);
	if (!err)
		err = r->to.flush(r->to.ctx);
	r->head = r->out->w ? dq_writer_bytes(r->out->w) : 0;
	r->err = err;
	return err;
}

static bool is_full(const struct record_rotate *r)
{
	uint64_t bytes = r->out->w ? dq_writer_bytes(r->out->w) : 0;

	return bytes + ROOM > r->size && bytes > r->head + ROOM / 2 && !r->out->err &&
	       dq_part_may_end(r->part);
}

static int put(void *ctx, const struct dq_item *item)
{
	struct record_rotate *r = ctx;

	if (!r->part && !r->err)
		r->err = dq_keeper_part(r->keeper, &r->to, &r->part);
	if (!r->err)
		r->err = dq_part_put(r->part, item);
	if (!r->err && item->kind != DQ_END && is_full(r))
		rotate(r);
	return r->err;
}

static int flush(void *ctx)
{
	struct record_rotate *r = ctx;

	return r->err ? r->err : r->to.flush(r->to.ctx);
}

struct dq_sink record_rotate_sink(struct record_rotate *r)
{
	return (struct dq_sink){ .put = put, .flush = flush, .ctx = r };
}

void record_rotate_done(struct record_rotate *r)
{
	dq_part_free(&r->part);
	dq_keeper_free(&r->keeper);
}
