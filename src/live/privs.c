// SPDX-License-Identifier: BSD-2-Clause
/*
 * privs.c - see privs.h. The capabilities are set with the system calls themselves: there
 * are three calls, and a static binary needs no library for that. Changes this process and
 * nothing else.
 *
 * What each capability is for is in the table; docs/SECURITY.md says what was measured on
 * which kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privs.h"

/* linux/capability.h of Debian 11 has them, older ones have not. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

#define BIT(cap) (1ULL << (cap))

/* Held until everything is attached, and `later`: to the end. */
static const struct {
	uint8_t cap;
	bool later;
	unsigned int need;	/* later, when one of these is needed */
	const char *name;
} caps[] = {
	/* every use of bpf() where unprivileged_bpf_disabled is set (before 5.19 reading a map too) */
	{ CAP_BPF, true, 0, "CAP_BPF" },
	/* probes: at the start, and in modules that come */
	{ CAP_PERFMON, true, 0, "CAP_PERFMON" },
	/* addresses in /proc/kallsyms: at the start, and of modules that come */
	{ CAP_SYSLOG, true, 0, "CAP_SYSLOG" },
	/* tracefs, and /proc/PID/fd of others where BPF cannot tell who holds what */
	{ CAP_DAC_READ_SEARCH, true, 0, "CAP_DAC_READ_SEARCH" },
	{ CAP_SYS_PTRACE, true, 0, "CAP_SYS_PTRACE" },
	/* the types of modules (BPF_BTF_GET_FD_BY_ID), which fentry on their functions takes; and
	 * see perf_wants_admin() */
	{ CAP_SYS_ADMIN, false, 0, "CAP_SYS_ADMIN" },
	/* before 5.11 maps count as locked memory */
	{ CAP_SYS_RESOURCE, false, 0, "CAP_SYS_RESOURCE" },
	{ CAP_DAC_OVERRIDE, false, DQ_PRIVS_WRITE, "CAP_DAC_OVERRIDE" },
	{ CAP_KILL, false, DQ_PRIVS_KILL, "CAP_KILL" },
};

static bool filtered;		/* seccomp is on */

static int get_caps(uint64_t *effective, uint64_t *permitted)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d))
		return -errno;
	*effective = d[0].effective | (uint64_t)d[1].effective << 32;
	*permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	return 0;
}

/* Nothing is inherited. */
static int set_caps(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	memset(d, 0, sizeof(d));
	for (int i = 0; i < 2; i++) {
		d[i].effective = (uint32_t)(effective >> 32 * i);
		d[i].permitted = (uint32_t)(permitted >> 32 * i);
	}
	return syscall(SYS_capset, &h, d) ? -errno : 0;
}

/* Of what is permitted, only these. A kernel before 4.3 has no ambient ones. */
static int keep(uint64_t wanted)
{
	uint64_t effective = 0, permitted = 0;
	int err = get_caps(&effective, &permitted);

	if (err)
		return err;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return set_caps(permitted & wanted, permitted & wanted);
}

/* Setuid: we are who called, with the capabilities that the file's owner lent us. */
static int be_the_caller(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (getegid() != gid && setresgid(gid, gid, gid))
		return -errno;
	if (geteuid() == uid)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setresuid(uid, uid, uid))
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) ? -errno : 0;
}

int dq_privs_begin(void)
{
	uint64_t wanted = 0;
	int err;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(caps); i++)
		wanted |= BIT(caps[i].cap);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	err = be_the_caller();
	return err ? err : keep(wanted);
}

static bool perf_works(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY,
				     .size = sizeof(a), .disabled = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != EACCES;
}

/*
 * Debian and Android have a patch that lets nobody use perf events where perf_event_paranoid is 3 or
 * more. In Debian's kernels 5.10 to 7.2 CAP_SYS_ADMIN is the exception (vm.rights).
 */
static bool perf_wants_admin(void)
{
	uint64_t effective = 0, permitted = 0;
	bool wants;

	if (get_caps(&effective, &permitted) || !(effective & BIT(CAP_SYS_ADMIN)) ||
	    set_caps(effective & ~BIT(CAP_SYS_ADMIN), permitted))
		return false;
	wants = !perf_works();
	set_caps(effective, permitted);
	return wants;
}

int dq_privs_settle(unsigned int needs)
{
	uint64_t wanted = perf_wants_admin() ? BIT(CAP_SYS_ADMIN) : 0;
	int err;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(caps); i++)
		if (caps[i].later || caps[i].need & needs)
			wanted |= BIT(caps[i].cap);
	err = keep(wanted);
	if (err)
		return err;
	err = dq_seccomp();
	filtered = !err;
	return err == -ENOSYS ? 0 : err;
}

int dq_privs_command(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	/* root has them because it is root, and its command would have them without us */
	return uid ? keep(0) : 0;
}

void dq_privs_put(struct dq_sb *sb)
{
	uint64_t effective = 0, permitted = 0;
	size_t len = sb->len;

	get_caps(&effective, &permitted);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(caps); i++)
		if (permitted & BIT(caps[i].cap))
			dq_sb_printf(sb, "%s%s", sb->len > len ? ", " : "", caps[i].name);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(caps); i++)
		permitted &= ~BIT(caps[i].cap);
	if (permitted)
		dq_sb_printf(sb, "%s%d others", sb->len > len ? ", " : "", __builtin_popcountll(permitted));
	if (filtered)
		dq_sb_printf(sb, "%sseccomp", sb->len > len ? ", " : "");
	if (sb->len == len)
		dq_sb_puts(sb, "nothing");
}

bool dq_privs_may_write(int dir)
{
	uint64_t effective = 0, permitted = 0;
	bool may;

	if (get_caps(&effective, &permitted) || !(effective & BIT(CAP_DAC_OVERRIDE)))
		return true;	/* or cannot, whatever we keep */
	set_caps(effective & ~BIT(CAP_DAC_OVERRIDE), permitted);
	may = !faccessat(dir, ".", W_OK | X_OK, AT_EACCESS);
	set_caps(effective, permitted);
	return may;
}
