// SPDX-License-Identifier: BSD-2-Clause
/*
 * Accounts, and what the kernel itself says of buffers and their holders.
 * account.h says what is written.
 */
#define _GNU_SOURCE
#include "account.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "stories.h"

static FILE *out;
static const char *current;

void dq_account_begin(const char *name)
{
	struct timespec ts;

	if (!out) {
		out = opt.account ? fopen(opt.account, "ae") : stdout;
		if (!out)
			dq_die("%s cannot be written: %s", opt.account,
			       strerrorname_np(errno));
	}
	current = name;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	fprintf(out, "account %s t=%lld.%09ld\n", name, (long long)ts.tv_sec,
		ts.tv_nsec);
}

void dq_account_line(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(out, format, ap);
	va_end(ap);
	fputc('\n', out);
}

void dq_account_end(void)
{
	fprintf(out, "end %s\n", current);
	if (fflush(out))
		dq_die("an account cannot be written: %s", strerrorname_np(errno));
}

void dq_pause(void)
{
	char path[256], c;
	int fd;

	if (!opt.wait)
		return;
	snprintf(path, sizeof(path), "%s.waits", opt.wait);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		dq_die("%s cannot be made: %s", path, strerrorname_np(errno));
	close(fd);
	fd = open(opt.wait, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		dq_die("%s cannot be read: %s", opt.wait, strerrorname_np(errno));
	if (read(fd, &c, 1) != 1)
		dq_die("nobody said that the story goes on");
	close(fd);
}

unsigned long dq_inode(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		dq_die("fstat failed: %s", strerrorname_np(errno));
	return st.st_ino;
}

/*
 * The table is: size flags mode count exp_name ino name, the numbers filled up
 * with zeros; below each buffer lines about what is attached.
 */
bool dq_alive(unsigned long ino)
{
	static const char path[] = "/sys/kernel/debug/dma_buf/bufinfo";
	unsigned long size, found;
	char line[512];
	bool alive = false;
	FILE *f = fopen(path, "re");

	if (!f)
		dq_die("%s cannot be read: %s", path, strerrorname_np(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lu %*x %*x %*d %*s %lu", &size, &found) == 2 &&
		    found == ino)
			alive = true;
	fclose(f);
	return alive;
}

static void scan_fds(pid_t pid, void (*fd)(void *ctx, unsigned long ino, int number),
		     void *ctx)
{
	char path[300], target[64];
	struct dirent *e;
	struct stat st;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		dq_die("%s cannot be read: %s", path, strerrorname_np(errno));
	while ((e = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0 || n < 8 || strncmp(target, "/dmabuf:", 8))
			continue;
		if (stat(path, &st))
			dq_die("%s cannot be looked at: %s", path, strerrorname_np(errno));
		fd(ctx, st.st_ino, atoi(e->d_name));
	}
	closedir(dir);
}

void dq_scan(pid_t pid, void (*fd)(void *ctx, unsigned long ino, int number),
	     void (*map)(void *ctx, unsigned long ino), void *ctx)
{
	char path[64], line[512];
	unsigned long ino;
	FILE *f;

	scan_fds(pid, fd, ctx);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		dq_die("%s cannot be read: %s", path, strerrorname_np(errno));
	while (fgets(line, sizeof(line), f))
		if (strstr(line, " /dmabuf:") &&
		    sscanf(line, "%*s %*s %*s %*s %lu", &ino) == 1)
			map(ctx, ino);
	fclose(f);
}
