/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * procfs.c - a snapshot for kernels without iterators (no BTF, so no bpf_iter; 32-bit arm): the
 * descriptors in /proc/PID/fd that are dma-bufs, their fdinfo, and the mappings in /proc/PID/maps.
 *
 * It knows buffers by their inode number only, and processes that come and go meanwhile may be
 * missed. It reads; what other users have is seen with CAP_SYS_PTRACE.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "impl.h"

#define PREFIX "/dmabuf:"

static void read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");

	buf[0] = '\0';
	if (f && fgets(buf, size, f))
		buf[strcspn(buf, "\n")] = '\0';
	if (f)
		fclose(f);
}

/* "size:\t4096", "exp_name:\tdrm", "name:\tcam" (dma_buf_show_fdinfo, 5.10 to 7.2) */
static void read_fdinfo(const char *path, struct proc_found *p)
{
	FILE *f = fopen(path, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "size:\t", 6))
			p->size = strtoull(line + 6, NULL, 10);
		else if (!strncmp(line, "exp_name:\t", 10))
			snprintf(p->exp_name, sizeof(p->exp_name), "%.*s", WIRE_STR - 1, line + 10);
		else if (!strncmp(line, "name:\t", 6))
			snprintf(p->name, sizeof(p->name), "%.*s", WIRE_NAME - 1, line + 6);
	}
	if (f)
		fclose(f);
}

static void look_at_fd(struct dq_live *l, struct proc_found *p, const char *fd)
{
	char path[64], target[64];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/fd/%.16s", p->pid, fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < (ssize_t)strlen(PREFIX) || memcmp(target, PREFIX, strlen(PREFIX)) || stat(path, &st))
		return;
	p->what = HOLD_FD;
	p->fd = atoi(fd);
	p->ino = st.st_ino;
	p->size = 0;
	p->exp_name[0] = p->name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%.16s", p->pid, fd);
	read_fdinfo(path, p);
	collect_found(l->collect, p);
}

static int look_at_fds(struct dq_live *l, struct proc_found *p)
{
	char path[32];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%u/fd", p->pid);
	d = opendir(path);
	if (!d)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	while ((e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			look_at_fd(l, p, e->d_name);
	closedir(d);
	return 0;
}

/* "b6d00000-b6d80000 rw-s 00000000 00:0b 17     /dmabuf:cam" */
static void look_at_maps(struct dq_live *l, struct proc_found *p)
{
	unsigned long long from, to;
	char path[32], line[512];
	uint64_t ino;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", p->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, " " PREFIX) ||
		    sscanf(line, "%llx-%llx %*s %*s %*s %" SCNu64, &from, &to, &ino) != 3)
			continue;
		p->what = HOLD_MAP;
		p->fd = -1;
		p->ino = ino;
		p->size = 0;
		p->exp_name[0] = p->name[0] = '\0';
		collect_found(l->collect, p);
	}
	if (f)
		fclose(f);
}

int procfs_look(struct dq_live *l)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int err = 0;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		struct proc_found p = { .pid = strtoul(e->d_name, NULL, 10) };
		char path[32];
		int one;

		if (!p.pid || p.pid == (uint32_t)getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%u/comm", p.pid);
		read_line(path, p.comm, sizeof(p.comm));
		one = look_at_fds(l, &p);
		err = one ? one : err;
		look_at_maps(l, &p);
		dq_live_poll(l, 0);
	}
	closedir(d);
	return err;
}
