/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_opts_hint.c - the causes that hint.c finds: each is made, met with the system
 * call that meets it, and named.
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "cmd/hint.h"

static char dir[] = "/tmp/dq-hint-XXXXXX";

static int set_up(void **state)
{
	return !mkdtemp(dir) || chdir(dir);
}

static int tear_down(void **state)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void make(const char *name, mode_t mode, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(chmod(name, mode), 0);
}

/* want has %s for the name of our directory. */
static void assert_sentence(const struct dq_sb *sb, const char *want)
{
	struct dq_sb w = { 0 };

	for (; *want; want++) {
		if (!strncmp(want, "%s", 2)) {
			dq_sb_puts(&w, dir);
			want++;
		} else {
			dq_sb_putc(&w, *want);
		}
	}
	assert_string_equal(dq_sb_str(sb), dq_sb_str(&w));
	dq_sb_free(&w);
}

static void check_create(const char *path, const char *want)
{
	struct dq_sb sb = { 0 };
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_int_equal(fd, -1);
	dq_why_not_create(&sb, path, -errno);
	assert_sentence(&sb, want);
	dq_sb_free(&sb);
}

static void test_create(void **state)
{
	struct dq_sb sb = { 0 };

	make("file", 0600, "x");
	assert_int_equal(symlink("/nowhere/at/all", "dangling"), 0);
	check_create("no/such/file", ": ENOENT: there is no directory no. Try: mkdir -p no/such");
	check_create("/tmp/../no-such-dir/x",
		     ": ENOENT: there is no directory /tmp/../no-such-dir. Try: mkdir -p /tmp/../no-such-dir");
	check_create("file/x", ": ENOTDIR: file is no directory. Try: ls -l file");
	check_create("dangling/x", ": ENOENT: dangling is a link to nothing. Try: ls -l dangling");
	dq_why_not_create(&sb, "x", EROFS);
	assert_sentence(&sb, ": EROFS: . is on a file system that is mounted read-only. Try: findmnt -T .");
	dq_sb_reset(&sb);
	dq_why_not_create(&sb, "/x", EISDIR);
	assert_sentence(&sb, ": EISDIR: it is a directory. Try: ls -ld /x");
	dq_sb_reset(&sb);
	dq_why_not_create(&sb, "a/b", EIO);
	assert_sentence(&sb, ": EIO. Try: ls -ld a");
	dq_sb_reset(&sb);
	dq_why_not_create(&sb, "a/b", ENOSPC);
	assert_sentence(&sb, ": ENOSPC: the disk is full. Try: df -h a");
	dq_sb_free(&sb);
}

/* As somebody who may not write: root may always. */
static void test_create_not_allowed(void **state)
{
	int status;
	pid_t pid;

	assert_int_equal(mkdir("closed", 0755), 0);
	pid = fork();
	if (!pid) {
		struct dq_sb sb = { 0 };
		char want[128];

		if (!geteuid() && (chmod(dir, 0755) || setuid(65534)))
			_exit(2);
		if (geteuid() == getuid() && getuid() != 65534 && chmod("closed", 0555))
			_exit(2);
		if (open("closed/x", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES)
			_exit(3);
		dq_why_not_create(&sb, "closed/x", EACCES);
		snprintf(want, sizeof(want), ": EACCES: user %u may not write to closed. Try: ls -ld closed",
			 (unsigned int)geteuid());
		status = strcmp(dq_sb_str(&sb), want) ? 4 : 0;
		dq_sb_free(&sb);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_write(void **state)
{
	struct dq_sb sb = { 0 };

	dq_why_not_write(&sb, "a/b", -ENOSPC);
	dq_why_not_write(&sb, "-", EPIPE);
	dq_why_not_write(&sb, "x", EFBIG);
	dq_why_not_write(&sb, "x", EIO);
	assert_sentence(&sb, ": ENOSPC: the disk is full. Try: df -h a"
			     ": EPIPE: the reader went away"
			     ": EFBIG: it is as large as this shell allows. Try: ulimit -f unlimited"
			     ": EIO");
	dq_sb_free(&sb);
}

/* The error that execvp() gives in a child. */
static int exec_errno(const char *cmd)
{
	char *argv[] = { (char *)cmd, NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(cmd, argv);
		_exit(errno);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void check_run(const char *cmd, const char *want)
{
	struct dq_sb sb = { 0 };

	dq_why_not_run(&sb, cmd, exec_errno(cmd));
	assert_sentence(&sb, want);
	dq_sb_free(&sb);
}

/* An executable for the class of this one whose dynamic linker is elsewhere. */
static void make_elf(const char *name)
{
	char buf[4096];
	ssize_t n;
	int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT, 0700);
	bool first = true;

	assert_true(from >= 0 && to >= 0);
	while ((n = read(from, buf, sizeof(buf))) > 0) {
		char *p = first ? memmem(buf, (size_t)n, "/ld", 3) : NULL;

		if (p)
			memcpy(p, "/LD", 3);
		first = false;
		assert_int_equal(write(to, buf, (size_t)n), n);
	}
	close(from);
	close(to);
}

static void test_run(void **state)
{
	struct dq_sb sb = { 0 };

	make("plain", 0600, "x");
	make("script", 0700, "#! /no/such/shell -x\n");
	assert_int_equal(mkdir("somedir", 0700), 0);
	make_elf("elf");
	assert_int_equal(setenv("PATH", "/usr/bin::/bin", 1), 0);
	check_run("./missing", ": ENOENT: there is no such file. Try: ls -l ./missing");
	check_run("no-such-command-anywhere",
		  ": ENOENT: it is in no directory of PATH. Try: dmaseq record -- /path/to/no-such-command-anywhere");
	check_run("plain/x", ": ENOTDIR: there is no such file. Try: ls -l plain/x");
	check_run("./plain", ": EACCES: it is not executable. Try: chmod +x ./plain");
	check_run("plain", ": EACCES: it is not executable. Try: chmod +x plain");
	check_run("./somedir", ": EACCES: it is a directory. Try: ls ./somedir");
	check_run("./script", ": ENOENT: it is there, but /no/such/shell, which it is run with, is not. Try: ls -l /no/such/shell");
	dq_why_not_run(&sb, "./elf", exec_errno("./elf"));
	assert_non_null(strstr(dq_sb_str(&sb), ": ENOENT: it is there, but /"));
	assert_non_null(strstr(dq_sb_str(&sb), "/LD"));
	dq_sb_reset(&sb);
	dq_why_not_run(&sb, "./plain", ENOEXEC);
	assert_sentence(&sb, ": ENOEXEC: it is no program for this machine. Try: file ./plain");
	dq_sb_free(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_not_allowed),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_run),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
