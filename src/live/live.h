/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live.h - the only door to the running kernel: record and doctor use it.
 *
 * A recording goes through phases, so that record can stop between them and
 * report each failure where it happened:
 *
 *     dq_live_new -> dq_live_check -> dq_live_load -> dq_live_attach -> dq_live_start
 *                 -> dq_live_poll ... -> dq_live_stop -> dq_live_free
 *
 * Functions return 0 or -errno. On failure the reason is in dq_live_error(): a
 * sentence for the user that says what failed, the errno's name, the cause found
 * by looking, and one command to try; nothing is printed here.
 */
#ifndef DQ_LIVE_H
#define DQ_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../trace/trace.h"
#include "../util/util.h"

/* Best first. AUTO is no rung: each hook takes the best that works and is worth it. */
enum dq_rung {
	DQ_RUNG_AUTO = -1,
	DQ_RUNG_FENTRY = 0,	/* fentry and fexit */
	DQ_RUNG_MULTI = 1,	/* kprobe.multi and kretprobe.multi: fprobe */
	DQ_RUNG_KPROBE = 2,	/* kprobe and kretprobe */
	DQ_RUNG_COUNT,
	DQ_RUNG_TRACEPOINT = DQ_RUNG_COUNT /* no rung of the ladder: there is no other way */
};
const char *dq_rung_name(enum dq_rung rung);	/* "fentry", "multi", "kprobe" */

struct dq_live_opts {
	enum dq_rung rung;	/* force it; AUTO: the best that works, per hook */
	uint64_t ring_bytes;	/* 0: 8 MiB; rounded up to a power of two of pages */
	const uint32_t *pids;	/* thread groups to record, with their children; none: everything */
	size_t npids;
	bool by_task;		/* filter even when npids is 0: pids come by dq_live_add_pid() */
	const char *comm;	/* record thread groups of this name; NULL: any */
	const char *exporter;	/* record buffers of this exporter; NULL: any */
	const char *device;	/* record buffers that this device or driver imports; NULL: any */
	uint64_t inode;		/* record the buffer with this inode number; 0: any */
	uint64_t min_size;	/* record buffers of at least so many bytes */
	bool stacks;		/* kernel stacks of outermost calls */
	const char *btf;	/* BTF of the running kernel, when it has none itself; NULL: calibrate
				 * then; "none": calibrate although it has one */
	bool raw_addresses;
	/* Asked before the final snapshot's item is written with its counts, when its holds have been
	 * put: how many of them the calls do not explain, and the reverse. NULL: nobody looks. */
	uint64_t (*differ)(void *ctx);
	void *differ_ctx;
};

struct dq_live;

int dq_live_new(struct dq_live **ret_l, const struct dq_live_opts *opts);
int dq_live_check(struct dq_live *l);	/* looks whether this machine allows it: quick, changes nothing */
int dq_live_load(struct dq_live *l);	/* loads the programs into the kernel */
int dq_live_attach(struct dq_live *l);	/* attaches them; nothing is recorded yet */
int dq_live_add_pid(struct dq_live *l, uint32_t tgid);
/* Puts the head of the trace (meta, hooks) into the sink, which must outlive the recording, and
 * begins. Who wants to see the items on their way stands in front of the writer as a sink. */
int dq_live_start(struct dq_live *l, const struct dq_sink *sink);
/* Waits up to timeout_ms and puts what came. 1 when there is more, which the next call will not wait
 * for; else 0. -EINTR is no error; the sink's error is returned. */
int dq_live_poll(struct dq_live *l, int timeout_ms);
/* For who need not see the records at once: leaves them in the ring while it is not half full and they
 * keep coming, so that encoding them waits until the load pauses. Does not sleep. */
int dq_live_look(struct dq_live *l);
/* Ends the recording: open calls, losses, counts and the END item with `reason`. */
int dq_live_stop(struct dq_live *l, const char *reason);
void dq_live_free(struct dq_live **l);

int dq_live_epoll_fd(const struct dq_live *l);	/* readable when dq_live_poll has work */
const char *dq_live_error(const struct dq_live *l);

struct dq_live_stats {
	uint64_t calls, buffers, in_flight;
	uint64_t lost, missed_returns; /* the two kinds of losses: dq_put_losses() */
	const char *rung;	/* the names of the rungs taken, joined by +: "fentry+multi+kprobe" */
};
void dq_live_stats(const struct dq_live *l, struct dq_live_stats *st);

/* One hook of the plan, for doctor. Strings belong to l. */
struct dq_live_hook {
	const struct dq_hook_info *info;
	const char *symbol, *rung, *state;
	const char *why;	/* why no better rung: "no fentry: ..., no multi: ..."; "" */
	/* It must have fired and did not, because this one did; then state is "silent". Or NULL. */
	const struct dq_hook_info *silent;
	uint64_t hits;
};
size_t dq_live_hooks(const struct dq_live *l, const struct dq_live_hook **ret);	/* array, owned by l */

/* A field of the kernel's structures, where no BTF told its place. */
struct dq_live_field {
	const char *name;
	int offset;		/* -1: not known, and what it holds is not recorded; -2: this kernel
				 * has another one instead */
	bool found;		/* measured; false: a place that is the same in all kernels */
	int btf_offset;		/* what the kernel's BTF says, when it was not used; -1 */
};
size_t dq_live_layout(const struct dq_live *l, const struct dq_live_field **ret); /* 0: BTF was used */

/* ---- what this machine allows (sysinfo.c) ---- */
struct dq_sysinfo {
	char release[128], version[256], arch[72];
	uint64_t cap_eff;
	bool cap_bpf, cap_perfmon, cap_syslog, cap_sys_admin;
	bool have_bpf;		/* the bpf() system call exists */
	int bpf_err;		/* errno of a trial map creation, 0: it worked */
	bool have_kprobes;	/* the kprobe PMU is there */
	bool have_btf;		/* /sys/kernel/btf/vmlinux is readable */
	bool have_dmabuf;	/* dma_buf_export is in kallsyms */
	bool have_addresses;	/* ... with its address */
	bool have_tracefs;	/* readable */
	bool tracefs_known;	/* the kernel has it, mounted or not */
	bool have_ringbuf;
	bool preempts;		/* a task may lose its processor within the kernel, or that is unknown */
	char lockdown[32];	/* "none", "integrity", "confidentiality"; "" unknown */
	long unprivileged_bpf_disabled, perf_event_paranoid, kptr_restrict; /* -1: unknown */
};
void dq_sysinfo_read(struct dq_sysinfo *si);
/* 0: tracefs can be read; -EACCES: it is there, but not for us; -ENOENT: it is not mounted. */
int dq_sysinfo_tracefs(void);
/* Why recording is impossible here, as a sentence, or 0 and nothing when it looks possible. */
int dq_sysinfo_diagnose(const struct dq_sysinfo *si, struct dq_sb *out);

#endif /* DQ_LIVE_H */
