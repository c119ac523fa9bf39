// SPDX-License-Identifier: BSD-2-Clause
/*
 * seccomp.c - the system calls that a recorder makes after everything is attached, as a
 * filter that the kernel runs. A bug in it that a hostile name or kernel object reaches then
 * cannot start programs, open sockets, load modules or trace processes.
 *
 * What is not in the list is refused with EPERM, which the kernel logs (type=1326 in dmesg):
 * a libc may have tried something new, and a recording that goes on without it is worth more
 * than none. What nothing but an intruder would try ends the process.
 *
 * By hand and not with libseccomp: the list needs no rules about values, the static builds
 * for three machines would need three more libraries, and the numbers are in the headers.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privs.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARM_EABI__)
#define ARCH AUDIT_ARCH_ARM
#endif

/* LeakSanitizer looks at threads with ptrace() when the process ends. */
#if defined(__SANITIZE_ADDRESS__)
#undef ARCH
#endif

#ifdef ARCH

static const unsigned int allowed[] = {
	/* all the time */
	SYS_write, SYS_read, SYS_epoll_pwait, SYS_bpf, SYS_clock_gettime, SYS_ppoll,
	/* files: the trace, /proc, /sys */
	SYS_openat, SYS_close, SYS_fstat, SYS_lseek, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev,
	SYS_ftruncate, SYS_fsync, SYS_fdatasync, SYS_getdents64, SYS_readlinkat, SYS_faccessat,
	SYS_unlinkat, SYS_renameat2, SYS_fcntl, SYS_dup, SYS_dup3, SYS_fstatfs, SYS_statfs, SYS_statx,
	SYS_umask, SYS_getcwd,
	/* probes of modules that come */
	SYS_perf_event_open, SYS_ioctl, SYS_epoll_ctl, SYS_epoll_create1, SYS_membarrier,
	/* memory */
	SYS_brk, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise,
	/* threads take probes away; a new process would have this filter and could not exec */
	SYS_clone, SYS_clone3, SYS_futex, SYS_set_robust_list, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn,
	SYS_sigaltstack, SYS_sched_yield, SYS_sched_getaffinity, SYS_restart_syscall, SYS_exit,
	SYS_exit_group, SYS_gettid, SYS_set_tid_address, SYS_getrandom, SYS_prlimit64, SYS_sysinfo,
	/* the command, and signals */
	SYS_wait4, SYS_waitid, SYS_kill, SYS_tgkill, SYS_getpid, SYS_getppid, SYS_signalfd4,
	/* who we are, in sentences about errors */
	SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_capget, SYS_uname, SYS_nanosleep,
	SYS_clock_nanosleep, SYS_clock_getres, SYS_gettimeofday,
#ifdef SYS_rseq
	SYS_rseq,
#endif
#ifdef SYS_faccessat2
	SYS_faccessat2,
#endif
	/* those that newer machines do not have any more */
#ifdef SYS_newfstatat
	SYS_newfstatat,
#endif
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink, SYS_rename, SYS_poll,
	SYS_epoll_wait,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_mmap
	SYS_mmap,
#endif
#ifdef SYS_arch_prctl
	SYS_arch_prctl,
#endif
	/* and those of 32 bits */
#ifdef SYS_mmap2
	SYS_mmap2, SYS_fstat64, SYS_stat64, SYS_lstat64, SYS_fstatat64, SYS__llseek, SYS_fcntl64,
	SYS_ftruncate64, SYS_statfs64, SYS_fstatfs64, SYS_ugetrlimit, SYS_sigreturn, SYS_getuid32,
	SYS_geteuid32, SYS_getgid32, SYS_getegid32,
#endif
#ifdef SYS_clock_gettime64
	SYS_clock_gettime64, SYS_clock_nanosleep_time64, SYS_ppoll_time64, SYS_futex_time64,
	SYS_clock_getres_time64,
#endif
#ifdef __arm__
	0xf0002, 0xf0005,	/* cacheflush, set_tls */
#endif
};

/* Nobody tries these by mistake. */
static const unsigned int deadly[] = {
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_writev, SYS_init_module,
	SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_mount, SYS_umount2, SYS_setns,
	SYS_unshare, SYS_reboot, SYS_pivot_root,
#ifdef SYS_fork
	SYS_fork, SYS_vfork,
#endif
};

#define NR offsetof(struct seccomp_data, nr)

#define PROGRAM (6 + 2 * DQ_ARRAY_SIZE(allowed) + 2 * DQ_ARRAY_SIZE(deadly) + 1)

struct program {
	struct sock_filter code[PROGRAM];
	unsigned short n;
};

static void add(struct program *p, struct sock_filter f)
{
	p->code[p->n++] = f;
}

/* If the loaded value is v: that is the answer. */
static void answer(struct program *p, unsigned int v, unsigned int ret)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, 0, 1));
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ret));
}

static void make(struct program *p)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    offsetof(struct seccomp_data, arch)));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR));
	/* x32 on a kernel of 64 bits: the numbers mean something else */
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	for (size_t i = 0; i < DQ_ARRAY_SIZE(allowed); i++)
		answer(p, allowed[i], SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(deadly); i++)
		answer(p, deadly[i], SECCOMP_RET_KILL_PROCESS);
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
}

int dq_seccomp(void)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog = { .filter = p.code };

	make(&p);
	prog.len = p.n;
	if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &prog))
		return 0;
	/* EINVAL: built without CONFIG_SECCOMP_FILTER */
	return errno == EINVAL || errno == ENOSYS ? -ENOSYS : -errno;
}

#else

int dq_seccomp(void)
{
	return -ENOSYS;
}

#endif
