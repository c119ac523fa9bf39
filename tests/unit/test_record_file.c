/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_record_file.c - what record_file.c opens and what it refuses: each trap is laid by
 * another user, which needs root, in a directory where everybody may write.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cmd/record_file.h"

#define OTHER 65534

static char dir[] = "/tmp/dq-file-XXXXXX";

/* own: only we write there. open: everybody does. */
static int set_up(void **state)
{
	(void)state;
	umask(022);
	return !mkdtemp(dir) || chdir(dir) || chmod(dir, 0755) || mkdir("own", 0755) ||
	       mkdir("open", 0777) || chmod("open", 01777);
}

static int tear_down(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void make(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "dear", 4), 4);
	close(fd);
}

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) ? -1 : st.st_size;
}

static int try_open(const char *path, bool force)
{
	struct record_file f;
	int err = record_file_open(&f, path, force);

	if (!err) {
		assert_true(f.fd >= 0 && f.dir >= 0);
		record_file_close(&f);
	}
	assert_int_equal(f.fd, -1);
	assert_int_equal(f.dir, -1);
	assert_null(f.name);
	return err;
}

static void new_files(void **state)
{
	struct record_file f;
	struct stat st;

	(void)state;
	umask(0);
	assert_int_equal(record_file_open(&f, "own//new", false), 0);
	umask(022);
	assert_true(f.created && f.regular);
	assert_int_equal(fstat(f.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_string_equal(f.name, "new");
	record_file_remove(&f);
	record_file_close(&f);
	assert_int_equal(size_of("own/new"), -1);

	make("own/there");
	assert_int_equal(try_open("own/there", false), -EEXIST);
	assert_int_equal(record_file_open(&f, "own/there", true), 0);
	assert_true(!f.created && f.regular);
	record_file_remove(&f); /* it is not ours to remove */
	record_file_close(&f);
	assert_int_equal(size_of("own/there"), 4); /* and not emptied */

	assert_int_equal(try_open("own", false), -EISDIR);
	assert_int_equal(try_open("own", true), -EISDIR);
	assert_int_equal(try_open("own/new/", false), -EISDIR);
	assert_int_equal(try_open("", false), -ENOENT);
	assert_int_equal(try_open("no/such", false), -ENOENT);
	assert_int_equal(try_open("own/there/x", false), -ENOTDIR);
	assert_int_equal(try_open("open/../own/./new", false), 0);
	assert_int_equal(size_of("own/new"), 0);
	unlink("own/new");
}

static void no_regular_files(void **state)
{
	struct record_file f;
	int p[2], reader;
	char path[32];

	(void)state;
	assert_int_equal(record_file_open(&f, "/dev/null", false), 0);
	assert_true(!f.created && !f.regular);
	record_file_close(&f);
	assert_int_equal(mkfifo("own/fifo", 0600), 0);
	reader = open("own/fifo", O_RDONLY | O_NONBLOCK);
	assert_int_equal(try_open("own/fifo", false), 0);
	close(reader);
	assert_int_equal(pipe(p), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	assert_int_equal(record_file_open(&f, path, false), 0);
	assert_false(f.regular);
	assert_int_equal(write(f.fd, "x", 1), 1);
	record_file_close(&f);
	close(p[0]);
	close(p[1]);
}

static void our_links(void **state)
{
	(void)state;
	make("own/target");
	assert_int_equal(symlink("target", "own/link"), 0);
	assert_int_equal(symlink("nothing", "own/dangling"), 0);
	assert_int_equal(symlink("../own", "open/way"), 0);
	assert_int_equal(symlink("round", "own/round"), 0);
	assert_int_equal(try_open("own/link", false), -EEXIST);
	assert_int_equal(try_open("own/link", true), 0);
	assert_int_equal(try_open("own/dangling", false), -EEXIST);
	assert_int_equal(size_of("own/nothing"), -1);
	assert_int_equal(try_open("own/dangling", true), 0);
	assert_int_equal(size_of("own/nothing"), 0);
	assert_int_equal(try_open("open/way/made", false), 0);
	assert_int_equal(size_of("own/made"), 0);
	assert_int_equal(try_open("own/round", true), -ELOOP);
}

/* As root with --force, and everything else that can be used against it. */
static void traps(void **state)
{
	static const char *const laid[] = { "open/link", "open/dangling", "open/dir", "open/file",
					    "open/fifo" };
	char path[64];

	(void)state;
	if (geteuid())
		skip();
	make("own/victim");
	assert_int_equal(symlink("../own/victim", "open/link"), 0);
	assert_int_equal(symlink("../own/planted", "open/dangling"), 0);
	assert_int_equal(symlink("../own", "open/dir"), 0);
	make("open/file");
	assert_int_equal(mkfifo("open/fifo", 0666), 0);
	for (size_t i = 0; i < sizeof(laid) / sizeof(*laid); i++)
		assert_int_equal(lchown(laid[i], OTHER, OTHER), 0);
	for (int force = 0; force < 2; force++) {
		assert_int_equal(try_open("open/link", force), -ELOOP);
		assert_int_equal(try_open("open/dangling", force), -ELOOP);
		assert_int_equal(try_open("open/dir/planted", force), -ELOOP);
		snprintf(path, sizeof(path), "%s/open/dir/planted", dir);
		assert_int_equal(try_open(path, force), -ELOOP);
		assert_int_equal(try_open("open/fifo", force), -EPERM); /* and does not wait */
	}
	assert_int_equal(try_open("open/file", false), -EEXIST);
	assert_int_equal(try_open("open/file", true), -EPERM);
	/* a second name of a file of ours */
	assert_int_equal(link("own/victim", "open/hard"), 0);
	assert_int_equal(try_open("open/hard", true), -EPERM);
	assert_int_equal(size_of("own/victim"), 4);
	assert_int_equal(size_of("own/planted"), -1);
	/* without the sticky bit as well, and what is ours is ours */
	assert_int_equal(chmod("open", 0777), 0);
	assert_int_equal(try_open("open/link", true), -ELOOP);
	make("open/mine");
	assert_int_equal(try_open("open/mine", true), 0);
	assert_int_equal(try_open("open/new", false), 0);
}

static void beside(void **state)
{
	struct record_file f, g;

	(void)state;
	assert_int_equal(record_file_open(&f, "own/first", false), 0);
	assert_int_equal(record_file_beside(&g, &f, "second"), 0);
	assert_true(g.created);
	record_file_close(&g);
	assert_int_equal(size_of("own/second"), 0);
	assert_int_equal(record_file_beside(&g, &f, "second"), -EEXIST);
	assert_int_equal(g.fd, -1);
	record_file_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_files), cmocka_unit_test(no_regular_files),
		cmocka_unit_test(our_links), cmocka_unit_test(traps), cmocka_unit_test(beside),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
