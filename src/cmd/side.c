/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * side.c - one side of a comparison, from a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/cmd_common.h"
#include "cmd/side.h"
#include "model/check.h"

static int read_fd(int fd, const char *path, struct dq_sb *sb)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			dq_sb_put(sb, buf, (size_t)n);
	if (n < 0) {
		n = -errno;
		dq_err("%s: cannot read: %s", path, dq_errname(n));
		return (int)n;
	}
	return sb->err;
}

int dq_read_all(const char *path, struct dq_sb *sb)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : 0;
	int err;

	if (fd < 0) {
		err = -errno;
		dq_err("%s: %s", path, err == -ENOENT ? "no such file" : strerror(-err));
		return err;
	}
	err = read_fd(fd, path, sb);
	if (fd)
		close(fd);
	return err;
}

int dq_write_out(const char *path, const char *data, size_t len)
{
	FILE *f = path && strcmp(path, "-") ? fopen(path, "we") : stdout;
	int err = 0;

	if (!f) {
		err = -errno;
		dq_err("%s: %s", path, strerror(-err));
		return err;
	}
	if (fwrite(data, 1, len, f) != len)
		err = errno ? -errno : -EIO;
	if (f == stdout)
		return 0;	/* main says it when stdout is full */
	if (fclose(f) && !err)
		err = -errno;
	if (err)
		dq_err("%s: cannot be written: %s", path, strerror(-err));
	return err;
}

static int from_baseline(struct dq_side *s, const char *path, const struct dq_sb *sb)
{
	char *why = NULL;
	int err = dq_baseline_parse(s, sb->s, sb->len, &why);

	if (err)
		dq_err("%s: %s", path, why ? why : strerror(-err));
	free(why);
	return err;
}

/* Both the model and the rules see each item once. */
static int load(struct dq_model *m, struct dq_check *k, struct dq_reader *r)
{
	const struct dq_reader_state *st = dq_reader_state(r);
	struct dq_item item;
	int err;

	while ((err = dq_reader_next(r, &item)) > 0) {
		err = dq_model_put(m, &item);
		if (!err)
			err = dq_check_put(k, &item);
		if (err)
			return err;
	}
	if (!err && (st->bad_chunks || st->lost_chunks || st->skipped_bytes))
		dq_check_damaged(k);
	if (!err)
		err = dq_model_finish(m);
	return err ? err : dq_check_finish(k);
}

static int new_check(struct dq_check **k)
{
	enum dq_severity sev[DQ_RULE_MAX];

	for (size_t i = 0; i < DQ_RULE_MAX; i++)
		sev[i] = dq_rules[i].severity;
	sev[DQ_RULE_FENCE_WAIT] = DQ_SEV_OFF;	/* how long it took is not what changed */
	return dq_check_new(k, sev);
}

static int from_reader(struct dq_side *s, struct dq_reader *r, bool strict, int *incomplete)
{
	struct dq_model *m = NULL;
	struct dq_lives *l = NULL;
	struct dq_check *k = NULL;
	int err = dq_model_new(&m, DQ_KEEP_NONE);

	if (!err)
		err = dq_lives_new(&l, m);
	if (!err)
		err = new_check(&k);
	if (!err)
		err = load(m, k, r);
	if (err)
		dq_cmd_read_error(r, err);
	else
		err = dq_side_of(s, m, l, dq_cmd_incomplete(dq_reader_state(r)));
	if (!err)
		err = dq_found_of(&s->found, k);
	dq_check_free(&k);
	dq_lives_free(&l);
	dq_model_free(&m);
	*incomplete = dq_cmd_close(&r, strict);
	return err;
}

/* Of what cannot be read twice all is read before it is known what it is. */
static int from_pipe(struct dq_side *s, const char *path, bool strict, int *incomplete)
{
	struct dq_sb sb = { 0 };
	struct dq_reader *r = NULL;
	char *why = NULL;
	int err = dq_read_all(path, &sb);

	if (!err && dq_is_baseline(dq_sb_str(&sb), sb.len)) {
		err = from_baseline(s, path, &sb);
	} else if (!err) {
		err = dq_reader_open_mem(&r, dq_sb_str(&sb), sb.len, &why);
		if (err)
			dq_err("%s: %s", path, why ? why : strerror(-err));
		else
			err = from_reader(s, r, strict, incomplete);
	}
	free(why);
	dq_sb_free(&sb);
	return err;
}

static bool begins_like_baseline(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[32];
	ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf)) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 && dq_is_baseline(buf, (size_t)n);
}

int dq_side_load(struct dq_side *s, const char *path, bool strict, int *ret_incomplete)
{
	struct dq_reader *r = NULL;
	struct dq_sb sb = { 0 };
	struct stat st;
	int err;

	*s = (struct dq_side){ 0 };
	*ret_incomplete = DQ_EXIT_OK;
	if (!strcmp(path, "-") || (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return from_pipe(s, path, strict, ret_incomplete);
	if (!begins_like_baseline(path)) {
		err = dq_cmd_open(path, &r);
		return err ? err : from_reader(s, r, strict, ret_incomplete);
	}
	err = dq_read_all(path, &sb);
	if (!err)
		err = from_baseline(s, path, &sb);
	dq_sb_free(&sb);
	return err;
}
