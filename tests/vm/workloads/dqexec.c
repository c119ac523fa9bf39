// SPDX-License-Identifier: BSD-2-Clause
/*
 * dqexec: runs a command with less than it needs, to see what it says then.
 *
 * dqexec as UID CMD...    as a user of no group and without capabilities
 * dqexec setcap FILE CAP... gives a file capabilities, by number, as setcap CAP+ep does
 * dqexec nobpf CMD...     on a kernel that seems to be built without bpf():
 *                         a seccomp filter answers ENOSYS
 * dqexec bpfleft          prints how many BPF programs, maps and links the kernel has
 *
 * The command takes the place of dqexec, so its status is the status; 1 and a
 * sentence when it could not be run so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "dqexec: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void as_user(const char *uid)
{
	uid_t id = strtoul(uid, NULL, 10);

	if (setgroups(0, NULL) || setgid(id) || setuid(id))
		die("cannot change the user");
}

/* All of the machines are little-endian, as the attribute is. */
static int set_caps(const char *file, char **caps)
{
	struct vfs_cap_data data = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE };

	for (; *caps; caps++)
		data.data[atoi(*caps) / 32].permitted |= 1u << atoi(*caps) % 32;
	if (setxattr(file, "security.capability", &data, XATTR_CAPS_SZ_2, 0))
		die(file);
	return 0;
}

static void without_bpf(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		die("no seccomp filter");
}

/* BPF_PROG_GET_NEXT_ID and its like go from one id to the next. */
static int count_bpf(int cmd)
{
	union bpf_attr attr;
	int n = 0;

	memset(&attr, 0, sizeof(attr));
	while (!syscall(SYS_bpf, cmd, &attr, sizeof(attr))) {
		attr.start_id = attr.next_id;
		n++;
	}
	if (errno != ENOENT)
		die("the kernel does not tell its BPF objects");
	return n;
}

static int bpf_left(void)
{
	printf("%d programs, %d maps, %d links\n", count_bpf(BPF_PROG_GET_NEXT_ID),
	       count_bpf(BPF_MAP_GET_NEXT_ID), count_bpf(BPF_LINK_GET_NEXT_ID));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "bpfleft"))
		return bpf_left();
	if (argc > 2 && !strcmp(argv[1], "setcap"))
		return set_caps(argv[2], argv + 3);
	if (argc > 3 && !strcmp(argv[1], "as")) {
		as_user(argv[2]);
		argv += 3;
	} else if (argc > 2 && !strcmp(argv[1], "nobpf")) {
		without_bpf();
		argv += 2;
	} else {
		fprintf(stderr, "usage: dqexec as UID CMD... | setcap FILE CAP... | nobpf CMD... | bpfleft\n");
		return 1;
	}
	execvp(argv[0], argv);
	die(argv[0]);
}
