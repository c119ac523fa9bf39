/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_file.c - see record_file.h. The way to the file is gone component by component
 * with descriptors, so that what was looked at is what is used. Touches the file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hint.h"
#include "record_file.h"

#define LINKS_MAX 40		/* as the kernel's */

/* How far the way has been gone. */
struct way {
	int dir;
	char *rest;		/* what is still to go, from dir */
	int links;
	bool linked;		/* the last component was a link */
	bool magic;		/* the last component is a link of /proc that only the kernel can follow */
	struct dq_sb *why;
};

static bool everybody_writes(const struct stat *dir)
{
	return dir->st_mode & S_IWOTH;
}

/* May what `owner` has put into the directory be trusted to be what we meant? */
static bool is_ours(const struct stat *dir, uid_t owner)
{
	return !everybody_writes(dir) || owner == geteuid() || owner == dir->st_uid;
}

static bool on_procfs(int dir)
{
	struct statfs fs;

	return !fstatfs(dir, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

static int enter(struct way *w, int dir)
{
	if (dir < 0)
		return -errno;
	if (w->dir >= 0)
		close(w->dir);
	w->dir = dir;
	return 0;
}

static int set_rest(struct way *w, const char *head, const char *tail)
{
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "%s%s", head, tail);
	if (sb.err || !sb.s) {
		dq_sb_free(&sb);
		return -ENOMEM;
	}
	free(w->rest);
	w->rest = sb.s;
	return 0;
}

/* The component `name` of the way is a link, and `tail` is behind it. */
static int follow(struct way *w, const char *name, const char *tail, const struct stat *link)
{
	char target[4096];
	struct stat dir;
	ssize_t n;
	int rc;

	if (fstat(w->dir, &dir))
		return -errno;
	if (!is_ours(&dir, link->st_uid)) {
		dq_sb_printf(w->why, ": ELOOP: %s is a link that user %u has put into a directory where everybody may write, and is not followed. Try: another file with -o",
			     name, (unsigned int)link->st_uid);
		return -ELOOP;
	}
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	w->linked |= !*tail;
	if (on_procfs(w->dir)) {
		w->magic = !*tail;
		if (w->magic)
			return 1;
		rc = enter(w, openat(w->dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
		return rc ? rc : set_rest(w, tail, "");
	}
	n = readlinkat(w->dir, name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (*target == '/' && enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)))
		return -errno;
	return set_rest(w, target, tail);
}

/* One component. 1: only the last one is left; 0: go on; or -errno. */
static int step(struct way *w)
{
	char *name = w->rest + strspn(w->rest, "/"), *copy;
	size_t len = strcspn(name, "/");
	const char *tail = name + len;
	struct stat st;
	int rc;

	/* "dir/" stays as it is: open() says that it is a directory */
	if (!tail[strspn(tail, "/")])
		tail = name + strlen(name);
	copy = strndup(name, len);
	if (!copy)
		return -ENOMEM;
	if (!fstatat(w->dir, copy, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode)) {
		rc = follow(w, copy, tail, &st);
	} else if (!*tail) {
		rc = 1;
	} else {
		rc = enter(w, openat(w->dir, copy, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		if (!rc)
			rc = set_rest(w, tail, "");
	}
	free(copy);
	return rc;
}

static int go(struct way *w, const char *path)
{
	int rc = *path ? enter(w, open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC)) : -ENOENT;

	if (rc)
		return rc;
	rc = set_rest(w, path, "");
	while (!rc)
		rc = step(w);
	return rc < 0 ? rc : set_rest(w, w->rest + strspn(w->rest, "/"), "");
}

/* What is there already: may it be written to? */
static int check_found(const struct way *w, const struct stat *st)
{
	struct stat dir;

	if (w->magic)
		return 0;
	if (fstat(w->dir, &dir))
		return -errno;
	if (!is_ours(&dir, st->st_uid)) {
		dq_sb_printf(w->why, ": EPERM: it belongs to user %u, in a directory where everybody may write. Try: another file with -o",
			     (unsigned int)st->st_uid);
		return -EPERM;
	}
	if (S_ISREG(st->st_mode) && st->st_nlink > 1 && everybody_writes(&dir)) {
		dq_sb_printf(w->why, ": EPERM: it is a hard link, in a directory where everybody may write. Try: another file with -o");
		return -EPERM;
	}
	return 0;
}

static int open_found(struct record_file *f, const struct way *w, bool force)
{
	int flags = w->magic ? 0 : AT_SYMLINK_NOFOLLOW, err;
	struct stat st;

	/* looked at before, since to open a fifo waits; and then at what was opened */
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): what exists was gone to */
	if (fstatat(w->dir, w->rest, &st, flags))
		return -errno;
	if (S_ISREG(st.st_mode) && !force)
		return -EEXIST;
	err = check_found(w, &st);
	if (err)
		return err;
	f->fd = openat(w->dir, w->rest, O_WRONLY | O_CLOEXEC | (w->magic ? 0 : O_NOFOLLOW));
	if (f->fd < 0 || fstat(f->fd, &st))
		return -errno;
	f->regular = S_ISREG(st.st_mode);
	return f->regular && !force ? -EEXIST : check_found(w, &st);
}

static int create(struct record_file *f, int dir, const char *name)
{
	f->fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return -errno;
	f->created = true;
	f->regular = true;
	return 0;
}

static void say(const char *path, int err, const struct dq_sb *why)
{
	struct dq_sb sb = { 0 };

	if (err == -EEXIST) {
		dq_err("record: %s exists. Try: dmaseq record --force, or another file with -o", path);
		return;
	}
	if (why->len)
		dq_sb_puts(&sb, dq_sb_str(why));
	else
		dq_why_not_create(&sb, path, err);
	dq_err("record: cannot create %s%s", path, dq_sb_str(&sb));
	dq_sb_free(&sb);
}

int record_file_open(struct record_file *f, const char *path, bool force)
{
	struct dq_sb why = { 0 };
	struct way w = { .dir = -1, .why = &why };
	int err;

	*f = (struct record_file){ .fd = -1, .dir = -1 };
	err = go(&w, path);
	if (!err)
		err = w.magic || (w.linked && !force) ? -EEXIST : create(f, w.dir, w.rest);
	if (err == -EEXIST)
		err = open_found(f, &w, force);
	if (err == -ENOENT && w.linked && !force)
		err = -EEXIST;	/* a link to nothing is something */
	f->dir = w.dir;
	f->name = w.rest;
	if (err) {
		say(path, err, &why);
		record_file_close(f);
	}
	dq_sb_free(&why);
	return err;
}

int record_file_beside(struct record_file *ret, const struct record_file *f, const char *name)
{
	int err;

	*ret = (struct record_file){ .fd = -1, .dir = fcntl(f->dir, F_DUPFD_CLOEXEC, 3) };
	if (ret->dir < 0)
		return -errno;
	ret->name = strdup(name);
	err = ret->name ? create(ret, ret->dir, name) : -ENOMEM;
	if (err)
		record_file_close(ret);
	return err;
}

void record_file_remove(const struct record_file *f)
{
	if (f->created)
		unlinkat(f->dir, f->name, 0);
}

int record_file_close(struct record_file *f)
{
	int err = f->fd >= 0 && close(f->fd) ? -errno : 0;

	if (f->dir >= 0)
		close(f->dir);
	free(f->name);
	*f = (struct record_file){ .fd = -1, .dir = -1 };
	return err;
}
