// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd_doctor.c - dmaseq doctor: what this kernel allows, which rung each hook gets,
 * and a self-test that makes probes fire.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "../live/live.h"
#include "../util/util.h"
#include "cmd.h"

struct doctor_opts {
	int attach;
	const char *btf;
};

static const struct dq_opt opts[] = {
	{ "attach", 0, "RUNG", DQ_OPT_ENUM, offsetof(struct doctor_opts, attach), NULL,
	  "try this kind of probes only: fentry, multi or kprobe", "fentry multi kprobe", false },
	{ "btf", 0, "FILE", DQ_OPT_STR, offsetof(struct doctor_opts, btf), NULL,
	  "types of the running kernel, when it has no BTF of its own; none: calibrate", NULL, false },
	{ .name = NULL },
};

static void say(const char *what, bool ok, const char *text)
{
	const char *mark = ok ? "ok  " : "NO  ";

	if (dq_common.color)
		printf("%s%s\033[0m%-14s %s\n", ok ? "\033[32m" : "\033[31m", mark, what, text);
	else
		printf("%s%-14s %s\n", mark, what, text);
}

static void show_system(const struct dq_sysinfo *si)
{
	char buf[320];

	snprintf(buf, sizeof(buf), "%s %s", si->release, si->arch);
	printf("    %-14s %s\n", "kernel", buf);
	say("dma-buf", si->have_dmabuf,
	    si->have_dmabuf ? "dma_buf_export is there" :
			      "no dma_buf_export in /proc/kallsyms (CONFIG_DMA_SHARED_BUFFER)");
	say("rights", si->cap_bpf && si->cap_perfmon,
	    si->cap_sys_admin		     ? "CAP_SYS_ADMIN" :
	    si->cap_bpf && si->cap_perfmon   ? "CAP_BPF and CAP_PERFMON" :
					       "CAP_BPF and CAP_PERFMON are missing: run as root");
	say("bpf", si->have_bpf && !si->bpf_err,
	    !si->have_bpf ? "no bpf() system call (CONFIG_BPF_SYSCALL)" :
	    si->bpf_err	  ? dq_errname(si->bpf_err) :
			    "maps can be made");
	say("ring buffer", si->have_ringbuf,
	    si->have_ringbuf ? "BPF_MAP_TYPE_RINGBUF" : "none, or not for us (5.8 and later)");
	say("kprobes", si->have_kprobes,
	    si->have_kprobes ? "kprobe PMU" : "none (CONFIG_KPROBE_EVENTS)");
	printf("    %-14s %s\n", "BTF",
	       si->have_btf ? "/sys/kernel/btf/vmlinux" : "none (CONFIG_DEBUG_INFO_BTF)");
	printf("    %-14s %s\n", "lockdown", si->lockdown[0] ? si->lockdown : "unknown");
	printf("    %-14s unprivileged_bpf_disabled %ld, perf_event_paranoid %ld, kptr_restrict %ld\n",
	       "sysctl", si->unprivileged_bpf_disabled, si->perf_event_paranoid, si->kptr_restrict);
}

/* ---- the self-test: a buffer of our own ------------------------------------------------ */

static int make_udmabuf(void)
{
	struct udmabuf_create c = { .size = 4096, .flags = UDMABUF_FLAGS_CLOEXEC };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd = -1;

	c.memfd = memfd_create("dmaseq", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dev >= 0 && (int)c.memfd >= 0 && !ftruncate(c.memfd, 4096) &&
	    !fcntl(c.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(dev, UDMABUF_CREATE, &c);
	if (dev >= 0)
		close(dev);
	if ((int)c.memfd >= 0)
		close(c.memfd);
	return fd;
}

static int make_heap(void)
{
	struct dma_heap_allocation_data a = { .len = 4096, .fd_flags = O_RDWR | O_CLOEXEC };
	int dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), fd = -1;

	if (dev >= 0 && !ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &a))
		fd = a.fd;
	if (dev >= 0)
		close(dev);
	return fd;
}

static const char *const exporters[] = { "no exporter", "udmabuf", "the system heap" };

/* Every step of the protocol that user space can cause without an importer. Returns which exporter
 * made the buffer: an index of exporters[]. */
static char exercise(void)
{
	struct dma_buf_sync s = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	char which = 1;
	int fd = make_udmabuf();
	void *p;

	if (fd < 0) {
		which = 2;
		fd = make_heap();
	}
	if (fd < 0)
		return 0;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ioctl(fd, DMA_BUF_IOCTL_SYNC, &s);
	s.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	ioctl(fd, DMA_BUF_IOCTL_SYNC, &s);
	if (p != MAP_FAILED)
		munmap(p, 4096);
	close(fd);
	return which;
}

/* Our own calls are never recorded, so a child makes them. */
static int self_test(struct dq_live *live)
{
	char which = 0;
	pid_t pid;
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return 0;
	pid = fork();
	if (!pid) {
		which = exercise();
		_exit(write(p[1], &which, 1) != 1);
	}
	close(p[1]);
	if (pid < 0 || read(p[0], &which, 1) != 1)
		which = 0;
	close(p[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	dq_live_poll(live, 0);
	return which;
}

static void show_hooks(struct dq_live *live, bool all)
{
	const struct dq_live_hook *h;
	size_t n = dq_live_hooks(live, &h);

	printf("\n%-36s %-8s %-22s %6s\n", "hook", "rung", "state", "hits");
	for (size_t i = 0; i < n; i++) {
		bool bad = !h[i].rung[0] && h[i].info->need == NEED_REQ;

		if (!all && !bad && !h[i].rung[0])
			continue;
		printf("%-36s %-8s %-22s %6" PRIu64 "%s\n", h[i].info->name,
		       h[i].rung[0] ? h[i].rung : "-", h[i].state, h[i].hits,
		       bad ? "  <- required" : "");
	}
}

/* What calibration found, and what the kernel's BTF says to that if it has one (--btf none). */
static void show_layout(const struct dq_live *live)
{
	size_t found = 0, fixed = 0, unknown = 0, differ = 0, compared = 0;
	const struct dq_live_field *f;
	size_t n = dq_live_layout(live, &f);

	for (size_t i = 0; i < n; i++) {
		found += f[i].offset >= 0 && f[i].found;
		fixed += f[i].offset >= 0 && !f[i].found;
		unknown += f[i].offset == -1;
		compared += f[i].offset >= 0 && f[i].btf_offset >= 0;
		differ += f[i].offset >= 0 && f[i].btf_offset >= 0 &&
			  f[i].offset != f[i].btf_offset;
	}
	if (!n)
		return;
	printf("    %-14s of %zu fields %zu found, %zu the same in all kernels, %zu not known%s",
	       "calibrated", n, found, fixed, unknown, unknown ? ":" : "");
	for (size_t i = 0; i < n; i++)
		if (f[i].offset == -1)
			printf(" %s", f[i].name);
	printf("\n");
	if (compared)
		say("compared", !differ, differ ? "the BTF of this kernel differs:" :
						  "the BTF of this kernel says the same");
	for (size_t i = 0; i < n; i++) {
		bool bad = f[i].offset >= 0 && f[i].btf_offset >= 0 &&
			   f[i].offset != f[i].btf_offset;

		if (bad)
			printf("    %-14s %s is at %d, not at %d\n", "", f[i].name,
			       f[i].btf_offset, f[i].offset);
		else if (dq_common.verbose && f[i].offset >= 0)
			printf("    %-14s %s %d%s\n", "", f[i].name, f[i].offset,
			       f[i].found ? "" : " (not looked for)");
	}
}

static int check_live(const struct doctor_opts *o)
{
	struct dq_live_opts lo = { .rung = o->attach < 0 ? DQ_RUNG_AUTO : (enum dq_rung)o->attach,
				   .btf = o->btf };
	struct dq_live *live = NULL;
	struct dq_writer *w = NULL;
	struct dq_writer_opts wo = { 0 };
	struct dq_live_stats st;
	struct dq_sink sink;
	int err, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int which;

	err = dq_live_new(&live, &lo);
	if (!err)
		err = dq_live_check(live);
	if (!err) {
		err = dq_live_load(live);
		show_layout(live);
	}
	if (!err)
		err = dq_live_attach(live);
	if (!err)
		err = dq_writer_new(&w, null, &wo);
	if (!err) {
		sink = dq_writer_sink(w);
		err = dq_live_start(live, &sink);
	}
	if (err) {
		say("recording", false, "impossible");
		dq_err("doctor: %s", *dq_live_error(live) ? dq_live_error(live) : dq_errname(err));
		goto out;
	}
	dq_live_stats(live, &st);
	say("recording", true, st.rung);
	which = self_test(live);
	if (which)
		printf("    %-14s a buffer of %s was exported, mapped, synced and closed\n", "self-test",
		       exporters[which]);
	else
		printf("    %-14s no exporter that a program can use here (udmabuf, system heap): hits are not proven\n",
		       "self-test");
	show_hooks(live, dq_common.verbose > 0);
	dq_live_stop(live, "doctor");
out:
	dq_writer_close(&w);
	dq_live_free(&live);
	close(null);
	return err;
}

static int run(void *opts_v, int argc, char **argv)
{
	struct doctor_opts *o = opts_v;
	struct dq_sb why = { 0 };
	struct dq_sysinfo si;
	int ret;

	(void)argc;
	(void)argv;
	dq_sysinfo_read(&si);
	show_system(&si);
	if (dq_sysinfo_diagnose(&si, &why)) {
		say("recording", false, "impossible");
		fflush(stdout);
		dq_err("doctor: %s", dq_sb_str(&why));
		ret = DQ_EXIT_FAIL;
	} else {
		ret = check_live(o) ? DQ_EXIT_FAIL : DQ_EXIT_OK;
	}
	dq_sb_free(&why);
	return ret;
}

const struct dq_cmd dq_cmd_doctor = {
	.name = "doctor",
	.summary = "what this kernel allows, and whether the probes fire",
	.args = "",
	.opts = opts,
	.opts_size = sizeof(struct doctor_opts),
	.min_args = 0,
	.max_args = 0,
	.examples = "  dmaseq doctor        what can be recorded here, and why not\n"
		    "  dmaseq doctor -v     every hook, also those that this kernel does not have\n",
	.run = run,
};
