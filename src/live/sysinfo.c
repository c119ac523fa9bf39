// SPDX-License-Identifier: BSD-2-Clause
/*
 * sysinfo.c - looks at what the machine allows, and says in a sentence why it does
 * not allow recording. It only reads, except for one trial map that it closes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "live.h"

#define CAP_SYS_ADMIN_BIT 21
#define CAP_SYSLOG_BIT	  34
#define CAP_PERFMON_BIT	  38
#define CAP_BPF_BIT	  39

/* First line of a small file; false when it cannot be read. */
static bool read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(buf, size, f);

	if (f)
		fclose(f);
	if (ok)
		buf[strcspn(buf, "\n")] = '\0';
	return ok;
}

static long read_number(const char *path)
{
	char buf[64];

	return read_line(path, buf, sizeof(buf)) ? strtol(buf, NULL, 10) : -1;
}

static void read_caps(struct dq_sysinfo *si)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &si->cap_eff) == 1)
			break;
	if (f)
		fclose(f);
	si->cap_sys_admin = si->cap_eff >> CAP_SYS_ADMIN_BIT & 1;
	si->cap_bpf = si->cap_sys_admin || (si->cap_eff >> CAP_BPF_BIT & 1);
	si->cap_syslog = si->cap_eff >> CAP_SYSLOG_BIT & 1; /* which CAP_SYS_ADMIN does not imply */
	si->cap_perfmon = si->cap_sys_admin || (si->cap_eff >> CAP_PERFMON_BIT & 1);
}

/* "[none] integrity confidentiality": the one in brackets is in force */
static void read_lockdown(struct dq_sysinfo *si)
{
	char line[128], *b, *e;

	if (!read_line("/sys/kernel/security/lockdown", line, sizeof(line)))
		return;
	b = strchr(line, '[');
	e = b ? strchr(b, ']') : NULL;
	if (e)
		snprintf(si->lockdown, sizeof(si->lockdown), "%.*s", (int)(e - b - 1), b + 1);
}

/*
 * Kernels before 5.11 charge maps to the user's limit of locked memory (64 KiB by
 * default) and give what was freed back late: a second recording would be refused.
 * False when it cannot be raised or does not limit.
 */
static bool unlimit_memlock(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY }, now;

	if (getrlimit(RLIMIT_MEMLOCK, &now) || now.rlim_cur == RLIM_INFINITY)
		return false;
	return !setrlimit(RLIMIT_MEMLOCK, &all);
}

static int try_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0 && errno == EPERM && unlimit_memlock())
		fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/*
 * "none voluntary (full) lazy": the one in parentheses is in force, where the kernel was built so
 * that it can be chosen (5.12+, kernel/sched/debug.c); debugfs may not be there for us. Else the
 * version says what it was built for, and what can be chosen is taken for the worse.
 */
static bool preempts(const char *version)
{
	char line[128];

	if (read_line("/sys/kernel/debug/sched/preempt", line, sizeof(line)) && strchr(line, '('))
		return strstr(line, "(full)") || strstr(line, "(lazy)");
	return strstr(version, "PREEMPT") != NULL;
}

static void look_for_dmabuf(struct dq_sysinfo *si)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512];

	while (f && !si->have_dmabuf && fgets(line, sizeof(line), f)) {
		si->have_dmabuf = strstr(line, " dma_buf_export\n") || strstr(line, " dma_buf_export\t");
		si->have_addresses = strtoull(line, NULL, 16) != 0;
	}
	if (f)
		fclose(f);
}

/* Not access(), which asks what the user could do without our capabilities. */
static bool may(const char *path, int mode)
{
	return !faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

int dq_sysinfo_tracefs(void)
{
	if (may("/sys/kernel/tracing/events", R_OK | X_OK) ||
	    may("/sys/kernel/debug/tracing/events", R_OK | X_OK))
		return 0;
	/* an empty directory, everybody may look into: nothing is mounted there */
	return may("/sys/kernel/tracing", F_OK) && !may("/sys/kernel/tracing", X_OK) ? -EACCES : -ENOENT;
}

static void look_for_tracefs(struct dq_sysinfo *si)
{
	FILE *f = fopen("/proc/filesystems", "re");
	char line[128];

	si->have_tracefs = !dq_sysinfo_tracefs();
	while (f && !si->tracefs_known && fgets(line, sizeof(line), f))
		si->tracefs_known = !strcmp(line, "nodev\ttracefs\n");
	if (f)
		fclose(f);
}

void dq_sysinfo_read(struct dq_sysinfo *si)
{
	struct utsname u;

	memset(si, 0, sizeof(*si));
	if (!uname(&u)) {
		snprintf(si->release, sizeof(si->release), "%s", u.release);
		snprintf(si->version, sizeof(si->version), "%s", u.version);
		snprintf(si->arch, sizeof(si->arch), "%s", u.machine);
	}
	si->preempts = preempts(si->version);
	read_caps(si);
	read_lockdown(si);
	si->bpf_err = try_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
	si->have_bpf = si->bpf_err != ENOSYS;
	si->have_ringbuf = !try_map(BPF_MAP_TYPE_RINGBUF, 0, 0, sysconf(_SC_PAGESIZE));
	si->have_kprobes = may("/sys/bus/event_source/devices/kprobe/type", R_OK);
	si->have_btf = may("/sys/kernel/btf/vmlinux", R_OK);
	look_for_dmabuf(si);
	look_for_tracefs(si);
	si->unprivileged_bpf_disabled = read_number("/proc/sys/kernel/unprivileged_bpf_disabled");
	si->perf_event_paranoid = read_number("/proc/sys/kernel/perf_event_paranoid");
	si->kptr_restrict = read_number("/proc/sys/kernel/kptr_restrict");
}

static int no_rights(const struct dq_sysinfo *si, struct dq_sb *out)
{
	const char *missing = si->cap_bpf ? "CAP_PERFMON" :
			      si->cap_perfmon ? "CAP_BPF" :
						"CAP_BPF and CAP_PERFMON";

	dq_sb_printf(out,
		     "cannot load probes: EPERM: this process (user %u) lacks %s. Try: sudo dmaseq record",
		     (unsigned int)geteuid(), missing);
	return -EPERM;
}

int dq_sysinfo_diagnose(const struct dq_sysinfo *si, struct dq_sb *out)
{
	/* Order matters: the first that is missing hides the others. */
	if (!si->have_bpf) {
		dq_sb_printf(out,
			     "cannot load probes: ENOSYS: kernel %s has no bpf() system call, it was built without CONFIG_BPF_SYSCALL. Try a kernel with CONFIG_BPF_SYSCALL=y and CONFIG_KPROBE_EVENTS=y",
			     si->release);
		return -ENOSYS;
	}
	if (!si->cap_bpf || !si->cap_perfmon)
		return no_rights(si, out);
	if (!strcmp(si->lockdown, "confidentiality")) {
		dq_sb_printf(out,
			     "cannot load probes: EPERM: the kernel is locked down (confidentiality), which forbids reading kernel memory. Try: boot with lockdown=integrity or without Secure Boot");
		return -EPERM;
	}
	if (si->bpf_err) {
		dq_sb_printf(out,
			     "cannot load probes: %s: the kernel refuses to make a BPF map, although the capabilities are there (a seccomp filter or a container?). Try: dmaseq record outside of the container",
			     dq_errname(si->bpf_err));
		return -si->bpf_err;
	}
	if (!si->have_ringbuf) {
		dq_sb_printf(out,
			     "cannot load probes: EINVAL: kernel %s has no BPF ring buffer (added in 5.8). Try a kernel 5.10 or newer",
			     si->release);
		return -EINVAL;
	}
	if (!si->have_kprobes) {
		if (access("/sys/kernel", F_OK))
			dq_sb_puts(out,
				   "cannot attach probes: ENOENT: /sys is not mounted. Try: mount -t sysfs sysfs /sys");
		else
			dq_sb_printf(out,
				     "cannot attach probes: ENOENT: kernel %s has no kprobe events, it was built without CONFIG_KPROBE_EVENTS. Try a kernel with CONFIG_KPROBE_EVENTS=y",
				     si->release);
		return -ENOENT;
	}
	if (!si->have_dmabuf) {
		dq_sb_printf(out,
			     "nothing to record: ENOENT: kernel %s has no dma_buf_export in /proc/kallsyms, it was built without CONFIG_DMA_SHARED_BUFFER or hides its symbols. Try: sysctl kernel.kptr_restrict=0",
			     si->release);
		return -ENOENT;
	}
	return 0;
}
