// SPDX-License-Identifier: BSD-2-Clause
/*
 * names.c - names for numbers that only this machine can explain: system calls of
 * its ABI, devices of its sysfs. Called while recording, so that a trace can be
 * read anywhere.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "impl.h"

/* The calls inside which the dma-buf protocol runs; others are known by number only. How many
 * arguments they have, and which of them are addresses. */
#define CALLS(X)                                                                                   \
	X(ioctl, 3, 1 << 2)                                                                        \
	X(close, 1, 0)                                                                             \
	X(munmap, 2, 1 << 0)                                                                       \
	X(mremap, 5, 1 << 0)                                                                       \
	X(read, 3, 1 << 1)                                                                         \
	X(write, 3, 1 << 1)                                                                        \
	X(lseek, 3, 0)                                                                             \
	X(dup, 1, 0)                                                                               \
	X(dup3, 3, 0)                                                                              \
	X(fcntl, 3, 0)                                                                             \
	X(ppoll, 5, 1 << 0 | 1 << 2)                                                               \
	X(pselect6, 6, 7 << 1)                                                                     \
	X(epoll_ctl, 4, 0)                                                                         \
	X(epoll_pwait, 6, 1 << 1)                                                                  \
	X(sendmsg, 3, 1 << 1)                                                                      \
	X(recvmsg, 3, 1 << 1)                                                                      \
	X(sendmmsg, 4, 1 << 1)                                                                     \
	X(recvmmsg, 5, 1 << 1)                                                                     \
	X(clone, 5, 3 << 1)                                                                        \
	X(clone3, 2, 1 << 0)                                                                       \
	X(execve, 3, 7)                                                                            \
	X(execveat, 5, 7 << 1)                                                                     \
	X(exit, 1, 0)                                                                              \
	X(exit_group, 1, 0)                                                                        \
	X(pidfd_getfd, 3, 0)                                                                       \
	X(close_range, 3, 0)                                                                       \
	X(openat, 4, 1 << 1)                                                                       \
	X(openat2, 4, 3 << 1)                                                                      \
	X(io_uring_enter, 6, 0)                                                                    \
	X(setns, 2, 0)                                                                             \
	X(unshare, 1, 0)                                                                           \
	X(kcmp, 5, 0)                                                                              \
	X(finit_module, 3, 1 << 1)                                                                 \
	X(delete_module, 2, 1 << 0)

static const struct {
	int nr;
	const char *name;
	unsigned int nargs;
	unsigned int pointers;
} calls[] = {
#define X(name, nargs, pointers) { SYS_##name, #name, nargs, pointers },
	CALLS(X)
#undef X
#ifdef SYS_mmap
	{ SYS_mmap, "mmap", 6, 1 << 0 },
#endif
#ifdef SYS_mmap2
	{ SYS_mmap2, "mmap2", 6, 1 << 0 },
#endif
#ifdef SYS_fcntl64
	{ SYS_fcntl64, "fcntl64", 3, 0 },
#endif
#ifdef SYS__llseek
	{ SYS__llseek, "_llseek", 5, 1 << 3 },
#endif
#ifdef SYS_dup2
	{ SYS_dup2, "dup2", 2, 0 },
#endif
#ifdef SYS_poll
	{ SYS_poll, "poll", 3, 1 << 0 },
#endif
#ifdef SYS_select
	{ SYS_select, "select", 5, 7 << 1 },
#endif
#ifdef SYS_epoll_wait
	{ SYS_epoll_wait, "epoll_wait", 4, 1 << 1 },
#endif
#ifdef SYS_fork
	{ SYS_fork, "fork", 0, 0 },
#endif
#ifdef SYS_vfork
	{ SYS_vfork, "vfork", 0, 0 },
#endif
#ifdef SYS_open
	{ SYS_open, "open", 3, 1 << 0 },
#endif
};

const char *name_of_syscall(int nr, bool compat)
{
	/* i386 and arm number these alike */
	static const struct {
		int nr;
		const char *name;
	} compat_calls[] = { { 1, "exit" }, { 6, "close" }, { 54, "ioctl" }, { 91, "munmap" },
			     { 192, "mmap2" }, { 41, "dup" }, { 63, "dup2" } };

	if (compat) {
		for (size_t i = 0; i < DQ_ARRAY_SIZE(compat_calls); i++)
			if (compat_calls[i].nr == nr)
				return compat_calls[i].name;
		return "";
	}
	for (size_t i = 0; i < DQ_ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr)
			return calls[i].name;
	return "";
}

unsigned int syscall_private_args(const char *name)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].pointers | ~0U << calls[i].nargs;
	return ~0U; /* not known: nothing is shown */
}

/* Base name of what a symlink points to; "" when there is none. */
static void link_name(const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *base;

	buf[0] = '\0';
	if (n <= 0)
		return;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(buf, size, "%.*s", (int)size - 1, base ? base + 1 : target);
}

static void uevent_value(const char *path, const char *key, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[256];
	size_t n = strlen(key);

	buf[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && line[n] == '=') {
			line[strcspn(line, "\n")] = '\0';
			snprintf(buf, size, "%.*s", (int)size - 1, line + n + 1);
			break;
		}
	if (f)
		fclose(f);
}

/* Modules whose file operations serve every driver of a subsystem: they say nothing. */
static bool is_helper(const char *module)
{
	static const char *const helpers[] = { "videodev", "drm", "snd", "media", "mc", "dvb_core" };

	for (size_t i = 0; i < DQ_ARRAY_SIZE(helpers); i++)
		if (!strcmp(module, helpers[i]))
			return true;
	return false;
}

/*
 * The driver behind a device file, best source first: the driver bound to its parent device; the
 * module of its file operations; the name of the parent device (vgem before 7.2 has a platform
 * device without a driver); the name of the node itself (misc devices, heaps).
 */
static void name_driver(const char *dir, const char *module, struct device_names *n)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/device/driver", dir);
	link_name(path, n->driver, sizeof(n->driver));
	if (!strcmp(n->driver, "faux_driver")) /* 6.14+: one driver for all faux devices */
		n->driver[0] = '\0';
	if (!n->driver[0] && module && module[0] && !is_helper(module))
		snprintf(n->driver, sizeof(n->driver), "%s", module);
	if (!n->driver[0]) {
		snprintf(path, sizeof(path), "%s/device", dir);
		link_name(path, n->driver, sizeof(n->driver));
	}
	if (!n->driver[0] && n->path[0]) {
		const char *base = strrchr(n->path, '/');

		snprintf(n->driver, sizeof(n->driver), "%.63s", base ? base + 1 : n->path);
	}
}

void name_device(uint32_t rdev, bool block, const char *module, struct device_names *n)
{
	char dir[64], path[96], name[100];

	memset(n, 0, sizeof(*n));
	/* the kernel's own encoding: 12 bits major, 20 bits minor */
	snprintf(dir, sizeof(dir), "/sys/dev/%s/%u:%u", block ? "block" : "char", rdev >> 20,
		 rdev & 0xfffff);
	snprintf(path, sizeof(path), "%s/uevent", dir);
	uevent_value(path, "DEVNAME", name, sizeof(name));
	if (name[0])
		snprintf(n->path, sizeof(n->path), "/dev/%s", name);
	snprintf(path, sizeof(path), "%s/subsystem", dir);
	link_name(path, n->subsystem, sizeof(n->subsystem));
	name_driver(dir, module, n);
}
