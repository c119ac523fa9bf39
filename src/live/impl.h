/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impl.h - what the files of src/live share among themselves.
 *
 *   attach.c   which program goes where: the plan, loading, attaching
 *   callback.c fentry for callbacks
 *   ops.c      exporters' tables of callbacks, known beforehand or met on the way
 *   calibrate.c, layout.c  types of a kernel that has no BTF
 *   collect.c  wire records to trace items
 *   names.c    device and system-call names
 *   live.c     the phases, in the order of live.h
 */
#ifndef DQ_LIVE_IMPL_H
#define DQ_LIVE_IMPL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/types.h>
#include "../../bpf/wire.h"

#include "ksyms.h"
#include "layout.h"
#include "live.h"

struct dmaseq_bpf;

/* One hook of the plan. */
struct hook_plan {
	const struct dq_hook_info *info;
	const char *enum_name;	/* programs are k_NAME, kr_NAME, f_NAME, fr_NAME */
	int nargs;		/* 0: callback */
	uint64_t addr;		/* 0: this kernel has no such function */
	char symbol[128];
	char module[64];	/* that the function is in, "vmlinux" */
	enum dq_rung rung;
	bool wanted;		/* to be attached (callbacks: when an ops table is met) */
	bool attached;
	char state[64];
	char why[160];		/* why no better rung */
	const struct dq_hook_info *silent; /* it never fired, although this one did */
	struct bpf_link *entry, *ret;
};

/* A callback function with its probes; many ops tables may share it. */
struct callback {
	uint64_t addr;
	uint32_t hook;
	char module[64];
	int err;		/* why it is not probed; 0: it is */
	struct bpf_link *entry, *ret; /* kprobes */
	int prog[2], link[2];	/* or fentry and fexit: descriptors, -1 */
};

/* A table of callbacks: an exporter's dma_buf_ops or an importer's dma_buf_attach_ops. */
struct ops_table {
	uint64_t ptr;		/* 0: its module has gone */
	uint64_t slot[WIRE_SLOTS];
	uint32_t id;		/* in the trace */
	uint64_t t;		/* armed at */
	uint64_t has, armed;	/* bits: hook id - HOOK_OPS_ATTACH */
	char exporter[WIRE_STR];
	char module[64];
	bool told;		/* its item is in the trace */
};

#define EVENTS 4		/* programs of events.c */

struct dq_live {
	struct dq_live_opts opts;
	struct dq_sb error;
	struct dq_sb libbpf_log;
	struct dq_sysinfo sys;
	struct dmaseq_bpf *skel;
	struct ring_buffer *ring;
	int epoll_fd;		/* of the ring */
	const unsigned long *consumed, *produced; /* positions in it, mapped; NULL: not possible */
	unsigned long looked;	/* the latter when dq_live_look() was called before */
	struct dq_ksyms *ksyms;
	struct btf *btf;	/* until all is attached, NULL after that */
	bool no_btf;		/* the kernel has none, or we act as if; --btf FILE does not change that */
	unsigned int snap_sources;	/* what a snapshot can look at: bits of snap.c */
	const char *btf_path;	/* for libbpf; NULL: the kernel's own */
	struct layout *layout;	/* found by calibration; NULL: the kernel has BTF */
	int btf_fd;		/* the BTF made of it, -1 */
	char btf_fd_path[32];
	struct hook_plan plan[HOOK_MAX];
	struct dq_live_hook *hooks;	/* what dq_live_hooks() shows */
	size_t nhooks;
	struct bpf_link *multi_entry, *multi_ret; /* of all hooks on that rung together */
	struct bpf_link *events[EVENTS];
	struct bpf_link *tp_links[16];
	size_t ntp;
	struct callback *cbs;
	size_t ncbs, cbs_cap;
	struct ops_table *ops;
	size_t nops, ops_cap;
	bool said_unarmed;	/* a callback that cannot be probed was told on stderr */
	struct dq_collect *collect;
	struct dq_sink sink;
	int kprobe_type;
	bool cookies;		/* one pair of programs serves all kprobes */
	int fentry_err, multi_err; /* -errno of the trial attach, 0: it works */
	int special_err;	/* it refused a program of a callback, or of one kprobe: do without */
	uint64_t t_start;
	uint32_t batch;		/* records that this turn may still read */
	uint64_t skipped;		/* probes that the kernel skipped (recursion) */
	char rung_text[32];
};

/* Sets the error sentence; returns err. */
int dq_live_fail(struct dq_live *l, int err, const char *fmt, ...) DQ_PRINTF(3, 4);

/* attach.c */
int attach_plan(struct dq_live *l);
int attach_load(struct dq_live *l);
int attach_all(struct dq_live *l);
void attach_rung_text(struct dq_live *l);	/* the rungs taken, for the trace and the user */
void attach_close(struct dq_live *l);
void attach_destroy_links(struct bpf_link **v, size_t n);	/* all at once; NULLs are fine */
/* Probes the function at addr as `hook`; NULL and errno on failure. */
struct bpf_link *attach_kprobe(struct dq_live *l, const char *enum_name, uint32_t hook,
			       uint64_t addr, bool ret);
/* Hooks that are functions of this module, which has come or gone. */
void attach_module(struct dq_live *l, const char *module, bool load);
/* Looks for hooks that must have fired and did not; hits[HOOK_MAX]. */
void attach_find_silent(struct dq_live *l, const uint64_t *hits);

/* callback.c: fentry for callbacks that are functions of the kernel itself */
int callback_init(void);		/* before the object is opened */
int callback_enable(struct dq_live *l);	/* before load */
bool callback_trace(struct dq_live *l, struct callback *cb); /* false: take kprobes */
void callback_close(struct callback *cb);

/* events.c */
void events_plan(struct dq_live *l);
void events_enable(struct dq_live *l);	/* before load */
void events_attach(struct dq_live *l);	/* what is not attached yet */
size_t events_links(struct dq_live *l, struct bpf_link **v); /* hands them over: EVENTS of them */

/* procfs.c: 0, or an errno of what could not be read */
int procfs_look(struct dq_live *l);

/* snap.c */
void snap_enable(struct dq_live *l);	/* before load */
void snap_take(struct dq_live *l, enum dq_snap_when when); /* while the probes are armed */

/* ops.c: both return the table, or NULL (no memory). */
struct ops_table *ops_met(struct dq_live *l, const struct wire_ops *w);
struct ops_table *ops_find(struct dq_live *l, uint64_t ptr);
/* Tables that kallsyms names, of one module or (NULL) of all. */
void ops_preload(struct dq_live *l, const char *module);
void ops_module(struct dq_live *l, const struct wire_module *w);
void ops_close(struct dq_live *l);

/* attach.c: is err that perf events are not for us? See perf_wants_admin() in privs.c. */
bool attach_paranoid(const struct dq_live *l, int err);

/* collect.c */
struct dq_collect;
int collect_new(struct dq_collect **ret_c, struct dq_live *l);
void collect_free(struct dq_collect **c);
int collect_record(struct dq_collect *c, const void *data, size_t size);
int collect_error(const struct dq_collect *c);	/* first error of the sink, sticky */
void collect_in_flight(struct dq_collect *c, struct task_state *st, uint64_t now);
void collect_loss(struct dq_collect *c, const struct wire_loss *w);
int collect_put(struct dq_collect *c, const struct dq_item *item);
void collect_ops(struct dq_collect *c, const struct ops_table *t); /* says what is known of it */
/* A snapshot: holds that come by collect_record() between begin and end are of it. */
void collect_snap_begin(struct dq_collect *c, enum dq_snap_when when, const char *sources);
/* Found in /proc: of a buffer of which no more is known than its inode and what fdinfo says. */
struct proc_found {
	uint32_t pid, what;
	int32_t fd;
	uint64_t ino, size;
	char comm[WIRE_COMM + 1];
	char exp_name[WIRE_STR], name[WIRE_NAME];
};
void collect_found(struct dq_collect *c, const struct proc_found *p);
void collect_refs(struct dq_collect *c, uint64_t token, uint64_t n);
void collect_snap_end(struct dq_collect *c, uint32_t flags, uint64_t differ);
void collect_stats(const struct dq_collect *c, struct dq_live_stats *st);

/* names.c */
const char *name_of_syscall(int nr, bool compat);	/* "" when not known */
/* Which of the first three arguments nobody may see, because they are addresses of user memory, or
 * what a register happened to hold that the call does not look at: bit n for argument n. */
unsigned int syscall_private_args(const char *name);
struct device_names {
	char path[128], driver[64], subsystem[64];
};
void name_device(uint32_t rdev, bool block, const char *module, struct device_names *ret_n);

uint64_t now_ns(void);	/* CLOCK_MONOTONIC, the clock of the records */

#endif /* DQ_LIVE_IMPL_H */
