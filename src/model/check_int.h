/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_int.h - what the files of the checker share.
 *
 * check.c takes items in, nests the calls of one outermost call and hands them to the
 * judges: check_att.c (attachments, mappings of devices, callbacks), check_cpu.c (access by
 * the CPU), check_user.c (descriptors, system calls, processes, what is left at the end) and
 * check_time.c (hints). Each keeps its state in the live objects below.
 */
#ifndef DQ_MODEL_CHECK_INT_H
#define DQ_MODEL_CHECK_INT_H

#include "model/check.h"
#include "model/internal.h"

#define CHK_RING   256		/* objects that are gone and still known */
#define CHK_KEEP   500		/* different findings of a rule */
#define CHK_OFTEN  8		/* from so many times on something is done "again and again" */
#define CHK_LOSSES 4096		/* losses that are told apart */
#define CHK_USERS  16		/* processes of a buffer that are told apart */

enum chk_flag {
	CHK_WRAPPED = 0x1,	/* the frame around it is the same operation */
	CHK_INTERNAL = 0x2,	/* the core's own call inside another API call */
	CHK_FAILED = 0x4,
};

/* A call and where it stands among those of its outermost call. */
struct chk_call {
	struct dq_call c;
	uint64_t n;
	int32_t parent;		/* index, -1: outermost */
	unsigned int flags;
};

/* An outermost call and what was called in it, callees before their callers. */
struct chk_group {
	struct chk_call *v;
	size_t n;
};

struct chk_map {		/* a mapping of a device */
	uint32_t sgt;
	uint64_t dir;
	bool told;		/* the importer was told that the buffer moves, and it is still there */
	struct dq_proof p, notice;
};

struct chk_att {
	uint32_t id;
	struct chk_buf *b;
	struct dq_att a;
	bool whole;		/* the attaching call is in the trace */
	bool wrong;		/* a finding of it was told: what follows from that is not */
	bool astray;		/* it was detached from another buffer */
	struct dq_proof attach;
	struct chk_map *maps;
	size_t nmaps, cap_maps;
	uint32_t gone[4];	/* tables that were unmapped last */
	struct dq_proof gone_p[4];
	size_t ngone;
	uint64_t pins;
	struct dq_proof pin;
	/* callbacks that succeeded */
	uint64_t cb_attach, cb_detach, cb_map, cb_unmap, cb_pin, cb_unpin;
	/* made in a syscall that failed */
	bool suspect;
	struct dq_proof failed, map_failed;
	/* how often it was mapped, and how long that took */
	uint64_t nmapped, map_time, detach_time;
	struct dq_proof first_map, many_last, last_map;
};

struct chk_session {		/* CPU access that was begun */
	uint32_t tgid;		/* of user space; 0: the kernel's */
	const char *caller;	/* the kernel's */
	uint64_t rw;		/* SYNC: flags; the kernel's: direction */
	bool interrupted;	/* the START failed with EINTR or EAGAIN */
	struct dq_proof p;
};

struct chk_vma {		/* a mapping of a process */
	uint32_t vma, tgid, task;
	uint32_t copied;	/* in this syscall of task; 0: it is no copy */
	uint64_t prot;
	bool synced;		/* the process synchronised while it was there */
	struct dq_proof p, device; /* .role of device: one had the buffer mapped while it was there */
};

struct chk_dev {		/* a device that attached */
	const char *dev, *driver;
	uint64_t attached, detached, time;
	struct dq_proof first, last, gone; /* gone: its last detach */
};

/* How it began; few buffers have it. */
struct chk_suspect {
	struct dq_proof fd_fail, ref_get, ref_sys, fail_sys;
};

struct chk_user {
	uint32_t tgid, task;
	bool exited;
};

struct chk_buf {
	uint32_t id;
	struct dq_buf b;
	const char *exporter;
	bool whole;		/* its export is in the trace */
	bool had_fd, had_att, had_vmap, put;
	bool export_done;	/* the syscall that exported it returned, with success */
	bool plain;		/* memory out of a heap or udmabuf */
	struct dq_proof export;
	struct chk_att **atts;
	size_t natts, cap_atts;
	uint64_t mapped;	/* mappings of devices at the moment */
	uint64_t vmaps;
	struct dq_proof vmap;
	struct chk_session *ses;
	size_t nses, cap_ses;
	bool sync_odd;		/* a SYNC whose flags could not be read */
	struct chk_vma *vmas;
	size_t nvmas, cap_vmas;
	struct chk_user users[CHK_USERS];
	size_t nusers;
	bool many_users;
	bool drm_importer;
	int64_t got;		/* references that dma_buf_get() took and no put dropped */
	/* suspicions that time will tell */
	bool fd_failed, ref_leaked;
	struct chk_suspect *suspect; /* with either, and maybe when it proved wrong */
	/* hints */
	struct chk_dev *devs;
	size_t ndevs, cap_devs;
	uint64_t syncs, sync_time;
	struct dq_proof first_sync, last_sync;
	uint64_t vmap_cbs, vmap_time;
	struct dq_proof first_vmap, last_vmap;
	uint64_t waits, wait_time, wait_max;
	struct dq_proof worst_wait;
	bool doubted;		/* it lived while events were lost */
};

/* What a task did in the syscall that it is in. */
enum chk_deed_kind { DEED_EXPORT, DEED_FD_FAILED, DEED_INSTALL, DEED_ATTACH, DEED_GET, DEED_PUT };
struct chk_deed {
	enum chk_deed_kind kind;
	uint32_t buf, att, table;
	struct dq_proof p;
};

struct chk_task {
	struct dq_task t;
	bool known;		/* the trace introduced it */
	uint64_t exit;		/* it was the nth to exit; 0: not yet */
	/* calls that wait for the outermost one */
	struct chk_call *wait;
	size_t nwait, cap_wait;
	/* the syscall it is in */
	uint32_t sys;
	struct chk_deed *deeds;
	size_t ndeeds, cap_deeds;
};

struct chk_loss {
	uint64_t t0, t1;
	unsigned int need;	/* the needs that it hurts */
};

struct chk_hole {		/* a finding's other occurrences: when their objects lived */
	uint64_t from, to;
};

struct chk_found {
	struct dq_finding f;
	uint64_t key;
	struct chk_hole win[DQ_SAMPLES];
	size_t nwin;
	uint64_t rest, rest_from, rest_to;
	uint32_t last_buf;
	uint64_t order;
};

/* How many descriptors a table had, sampled over time: pairs are joined when it is full. */
#define CHK_CURVE 16
struct chk_table {
	uint32_t id, task;
	uint64_t open, opened;
	uint64_t t[CHK_CURVE], v[CHK_CURVE], step;
	size_t n;
	struct dq_proof first, last, full;
};

struct dq_check {
	enum dq_severity severity[DQ_RULE_MAX];
	struct dq_rule_sum sum[DQ_RULE_MAX];
	struct dq_meta *metas;
	size_t nmetas, cap_metas;
	struct chk_task *tasks;
	size_t ntasks, cap_tasks, tasks_most; /* most: then it is time to forget some */
	uint64_t nexits;
	struct dq_dev *devs;
	size_t ndevs, cap_devs;
	struct dq_ops *ops;
	size_t nops, cap_ops;
	struct dq_stack *stacks;
	size_t nstacks, cap_stacks;
	/* most calls are of the task and the buffer of the call before: index + 1 and id, 0: none */
	size_t last_task;
	uint32_t last_task_id, last_buf_id;
	struct chk_buf *last_buf;
	/* the user that was noted last: a task of this buffer; NULL: nobody */
	const struct chk_buf *noted_buf;
	uint32_t noted_task;
	uint32_t last_att_id;	/* 0: none */
	struct chk_att *last_att;
	struct dq_map *ix_task, *ix_dev, *ix_ops, *ix_stack, *ix_buf, *ix_att, *ix_table;
	struct chk_buf **bufs;
	size_t nbufs, cap_bufs;
	struct chk_table *tables;
	size_t ntables, cap_tables;
	uint32_t max_att;
	struct { uint32_t att; struct dq_proof p; } dead_atts[CHK_RING];
	size_t ndead_atts;
	uint64_t died[CHK_RING];	/* when buffers were released; 0: in doubt, as told */
	size_t ndied;
	struct chk_found *found;
	size_t nfound, cap_found, told[DQ_RULE_MAX];
	struct dq_finding *result;
	size_t nresult;
	struct dq_map *ix_found;
	struct chk_loss *losses;
	size_t nlosses, cap_losses;
	uint64_t lost, missed, doubtful;
	struct dq_loss returns;	/* that may be those of the next calls, if a task died in them */
	bool fatal;		/* a task died, and what its call did is not known */
	struct dq_holders *holders;
	uint64_t ncalls, nseen;		/* calls; buffers */
	uint64_t t_first, t_last;
	uint64_t seed;
	bool by_device;		/* the recording was limited to some devices */
	bool final_look;
	int err;
};

/* ---- check.c ---- */
struct chk_buf *chk_find_buf(struct dq_check *k, uint32_t id);
static inline struct chk_buf *chk_buf(struct dq_check *k, uint32_t id)
{
	return k->last_buf && k->last_buf_id == id ? k->last_buf : chk_find_buf(k, id);
}
struct chk_att *chk_find_att(struct dq_check *k, uint32_t id);
static inline struct chk_att *chk_att(struct dq_check *k, uint32_t id)
{
	return !id ? NULL : k->last_att_id == id ? k->last_att : chk_find_att(k, id);
}
void chk_drop_att(struct dq_check *k, const struct chk_att *a); /* it is not found any more */
/* Its row; one that the trace did not introduce still has calls. NULL: no memory. */
struct chk_task *chk_find_task(struct dq_check *k, uint32_t id);
static inline struct chk_task *chk_task(struct dq_check *k, uint32_t id)
{
	return k->last_task && k->last_task_id == id ? &k->tasks[k->last_task - 1] : chk_find_task(k, id);
}
uint32_t chk_tgid(struct dq_check *k, uint32_t task);
/* are all of these callbacks (bits of dq_ops.has) of the buffer recorded since t? those that the
 * exporter does not have are */
bool chk_lit(const struct dq_check *k, const struct chk_buf *b, uint64_t bits, uint64_t t);
uint64_t chk_has(const struct dq_check *k, const struct chk_buf *b); /* bits of its callbacks */
static inline struct dq_proof chk_proof(const struct chk_call *c, const char *role)
{
	return (struct dq_proof){ .kind = DQ_PROOF_CALL, .n = c->n, .t = c->c.t0, .task = c->c.task,
				  .role = role, .c = c->c };
}
struct dq_proof chk_proof_sys(const struct dq_sys *s, const char *role);
/* the frame around c that the driver called */
const struct chk_call *chk_outer(const struct chk_group *g, const struct chk_call *c);
bool chk_api(const struct chk_call *c);	/* an API call of a driver: neither wrapped nor the core's own */

static inline bool chk_on(const struct dq_check *k, enum dq_rule_id rule)
{
	return k->severity[rule] != DQ_SEV_OFF;
}
void chk_looked(struct dq_check *k, enum dq_rule_id rule);
void chk_undecided(struct dq_check *k, enum dq_rule_id rule, enum dq_undecided why);

/*
 * A finding in the making. `from`: since when events must not have been lost for it to be true.
 *	struct dq_finding f = chk_find(DQ_RULE_X, b, a, &call, "sentence");
 *	chk_add(&f, &proof, "role");
 *	chk_tell(k, &f, from);
 */
struct dq_finding chk_find(enum dq_rule_id rule, const struct chk_buf *b, const struct chk_att *a,
			   uint32_t task, const char *what);
void chk_add(struct dq_finding *f, const struct dq_proof *p, const char *role);
void chk_tell(struct dq_check *k, struct dq_finding *f, uint64_t from);

/* ---- check_forget.c ---- */
void chk_exited(struct dq_check *k, uint32_t task); /* moves the tasks: not while one is looked at */

/* ---- the judges ---- */
void chk_att_call(struct dq_check *k, const struct chk_group *g, const struct chk_call *c);
void chk_att_release(struct dq_check *k, struct chk_buf *b, const struct dq_proof *release);
void chk_att_free(struct dq_check *k, struct chk_att *a, const struct dq_proof *detach);
void chk_att_end(struct dq_check *k, struct chk_buf *b);

void chk_cpu_call(struct dq_check *k, const struct chk_group *g, const struct chk_call *c);
/* Is it one of those that never return, because the kernel stops with a BUG in it? Then told. */
bool chk_stops_kernel(struct dq_check *k, const struct chk_call *c);
void chk_cpu_release(struct dq_check *k, struct chk_buf *b, const struct dq_proof *release);
void chk_cpu_exit(struct dq_check *k, struct chk_buf *b, uint32_t tgid, const struct dq_proof *exit);
void chk_cpu_end(struct dq_check *k, struct chk_buf *b);
/* the copies of mappings that the task just made were for its child */
void chk_cpu_fork(struct dq_check *k, const struct dq_taskev *e, uint32_t sys);
/* a device mapped the buffer */
void chk_cpu_device(struct dq_check *k, struct chk_att *a, const struct chk_call *c);

void chk_user_call(struct dq_check *k, const struct chk_group *g, const struct chk_call *c);
void chk_user_sys(struct dq_check *k, struct chk_task *t, const struct dq_sys *s);
void chk_user_event(struct dq_check *k, const struct dq_taskev *e);
void chk_user_release(struct dq_check *k, struct chk_buf *b);
void chk_user_end(struct dq_check *k, struct chk_buf *b);
void chk_user_tables(struct dq_check *k);	/* at the end of the trace */

void chk_time_call(struct dq_check *k, const struct chk_group *g, const struct chk_call *c);
/* an attachment, a buffer is gone, or the trace ends */
void chk_time_att(struct dq_check *k, struct chk_att *a);
void chk_time_buf(struct dq_check *k, struct chk_buf *b);

#endif /* DQ_MODEL_CHECK_INT_H */
