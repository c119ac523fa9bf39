/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.c - a trace that is read more than once, also when it comes through a pipe: then it is put
 * aside in a file without a name (in TMPDIR or /tmp), so that no command has to keep in memory what
 * it might need later. Touches standard input and that file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd_common.h"
#include "util/util.h"

static bool can_read_twice(const char *path)
{
	struct stat st;

	/* what cannot be looked at is for dq_cmd_open() to complain about */
	return strcmp(path, "-") && (stat(path, &st) || S_ISREG(st.st_mode));
}

static int nameless_file(void)
{
	const char *dir = getenv("TMPDIR");
	struct dq_sb name = { 0 };
	int fd;

	dir = dir && *dir == '/' ? dir : "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	dq_sb_puts(&name, dir);	/* a file system that cannot */
	dq_sb_puts(&name, "/dmaseq.XXXXXX");
	fd = name.err ? -1 : mkostemp(name.s, O_CLOEXEC);
	if (fd >= 0)
		unlink(name.s);
	dq_sb_free(&name);
	return fd >= 0 ? fd : -errno;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Reads to the end. */
static int put_aside(int from, int to)
{
	char *buf = malloc(1 << 16);
	ssize_t n;
	int err = buf ? 0 : -ENOMEM;

	while (!err) {
		n = read(from, buf, 1 << 16);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n < 0 ? -errno : 0;
			break;
		}
		err = write_all(to, buf, (size_t)n);
	}
	free(buf);
	return err;
}

int dq_spool_new(struct dq_spool *s, const char *path)
{
	int from, err;

	*s = (struct dq_spool){ .path = path, .fd = -1 };
	if (can_read_twice(path))
		return 0;
	from = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
	if (from < 0)
		return 0;	/* likewise */
	s->fd = nameless_file();
	err = s->fd < 0 ? s->fd : put_aside(from, s->fd);
	if (from != STDIN_FILENO)
		close(from);
	if (err == -EISDIR) {	/* likewise */
		dq_spool_free(s);
		return 0;
	}
	if (err)
		dq_err("%s: it is read twice, and cannot be put aside: %s; put it into a file, or TMPDIR elsewhere",
		       strcmp(path, "-") ? path : "standard input", dq_errname(err));
	if (err)
		dq_spool_free(s);
	return err;
}

int dq_spool_open(const struct dq_spool *s, struct dq_reader **ret_r)
{
	int fd;

	if (s->fd < 0)
		return dq_cmd_open(s->path, ret_r);
	if (lseek(s->fd, 0, SEEK_SET))
		return -errno;
	fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	return dq_cmd_open_fd(fd, s->path, ret_r);
}

void dq_spool_free(struct dq_spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
