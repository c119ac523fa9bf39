/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holders_int.h - what holders.c, hold_fd.c and hold_look.c share.
 */
#ifndef DQ_MODEL_HOLDERS_INT_H
#define DQ_MODEL_HOLDERS_INT_H

#include "model/holders.h"

#define HOLD_EXITED 1024	/* tasks that have exited and are still known: their last calls come after */
#define HOLD_DIED   256		/* buffers of which it is known when they were released */
#define HOLD_MAX    (1u << 20)	/* descriptors of all tables: nobody has more, a hostile file may */

struct hold_task {
	uint32_t id, tid, tgid;
	uint32_t name;		/* in strs */
	bool traced;		/* the map of that name has its process */
};

/* A descriptor table and the tasks that have it. One that nobody has may turn up again, as another
 * table. */
struct hold_table {
	uint32_t id;
	struct hold_user { uint32_t tgid, task; } *users;
	size_t n, cap;
};

/* What a call of a task did that its syscall's arguments will say more about. */
enum hold_todo_what { TODO_CLOSE, TODO_INSTALL, TODO_DUP2, TODO_SEND, TODO_VMA };
struct hold_todo {
	enum hold_todo_what what;
	uint32_t buf, table;
	int32_t fd;		/* INSTALL, DUP2 */
	uint32_t seq;		/* INSTALL */
	uint64_t t;
	uint32_t vma;		/* VMA: the copy */
	bool taken;		/* INSTALL: its sender is known; DUP2: the close came */
};

/* A task inside of a syscall, or of a call outside of one. */
struct hold_run {
	uint32_t task, sys;
	bool live;		/* false: it has ended, and the next one may be the same task's */
	struct hold_todo *todo;
	size_t n, cap;
	uint32_t last_class[8];	/* the last frame of an operation: its wrapper comes later and is not another one */
	uint32_t last_seq[5];
	uint32_t last_obj[5];
};

struct hold_dead {
	uint32_t buf;
	uint64_t t;
};

struct dq_holders {
	struct dq_hold_buf **bufs; /* in any order */
	size_t nbufs, cap_bufs;
	struct dq_map *ix_buf;	/* id -> index in bufs */
	uint32_t last_buf;	/* the one that was looked up last, 0: none ... */
	struct dq_hold_buf *last; /* ... and where it is */
	uint32_t max_buf;
	struct dq_map *slots;	/* table << 32 | fd -> buffer */
	size_t nfd;		/* descriptors of all tables */
	uint64_t moves;		/* how often a call told that its task has another table than was known */
	struct hold_table *tables; /* those that processes have */
	size_t ntables, cap_tables;
	struct dq_map *ix_table;
	struct dq_map *has;	/* task -> its table */
	uint32_t sure_task, sure_table; /* task 0: none; else what `has` says of it */
	struct dq_map *procs;	/* tgid -> the table that one of its threads used last */
	struct dq_map *traced;	/* tgid -> 1: made calls that were recorded */
	uint32_t last_traced;	/* id of the last task whose process was put there, 0: none */
	uint32_t repeated[16];	/* by its last bits: id of a struct dq_repeat whose calls hold nothing */
	struct hold_task *tasks;
	size_t ntasks, cap_tasks;
	struct dq_map *ix_task;
	uint32_t exited[HOLD_EXITED];
	size_t nexited;
	struct hold_run *runs;
	size_t nruns, cap_runs;
	struct dq_map *ix_run;	/* task -> index in runs */
	size_t last_run;	/* index of the one that was looked up last */
	uint64_t idle;		/* 1 + task of the only run that is not live, 0: there is none */
	struct dq_map *socks;	/* device id -> 1: a socket */
	struct dq_strtab *strs;
	bool filtered;		/* not everything was recorded */
	bool only_keys;		/* only descriptors that arrive with a key are followed */
	uint64_t now;		/* the largest time so far */
	/* snapshots */
	struct dq_snap begin, final;
	bool looked;		/* BEGIN is done, and looked at descriptors and mappings */
	struct hold_extra *extra; /* found by the final look, not explained */
	size_t nextra, cap_extra;
	struct hold_dead dead[HOLD_DIED];
	size_t ndead;
	void (*on_transfer)(const struct dq_transfer *t, void *ctx);
	void *ctx;
};

/* What the final look found and nobody explains. */
struct hold_extra {
	struct dq_hold h;
};

/* holders.c */
struct dq_hold_buf *hold_find_buf(struct dq_holders *h, uint32_t id);
const struct hold_task *hold_task(const struct dq_holders *h, uint32_t id);
struct hold_run *hold_run(struct dq_holders *h, uint32_t task, uint32_t sys);
/* NULL: the task is in none */
struct hold_run *hold_run_now(struct dq_holders *h, uint32_t task);
struct hold_todo *hold_todo(struct dq_holders *h, const struct dq_call *c, enum hold_todo_what what);
int hold_map_add(struct dq_hold_buf *b, uint32_t vma, uint32_t task, uint64_t t);

/* Most calls are of the buffer of the call before. */
static inline struct dq_hold_buf *hold_buf(struct dq_holders *h, uint32_t id)
{
	return id && id == h->last_buf ? h->last : hold_find_buf(h, id);
}

/* hold_fd.c */
struct dq_hold_fds *hold_fds(struct dq_hold_buf *b, uint32_t table);
bool hold_fds_has(const struct dq_hold_fds *f, int32_t fd);
int hold_install(struct dq_holders *h, struct dq_hold_buf *b, uint32_t table, uint32_t task, int32_t fd,
		 uint64_t t);
int hold_fd_call(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c);
/* r: the run that ends with it, or NULL */
void hold_fd_sys(struct dq_holders *h, const struct dq_sys *s, struct hold_run *r);
/* a descriptor with a key arrives where it was sent to: was it sent? */
bool hold_arrive_by_key(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c);
int hold_fork(struct dq_holders *h, const struct dq_taskev *e);
/* a table in use by a task: one that nobody announced is a copy of what the process had */
int hold_table(struct dq_holders *h, uint32_t table, uint32_t task, uint64_t t);
int hold_table_found(struct dq_holders *h, uint32_t table, uint32_t task);
int hold_exec(struct dq_holders *h, const struct dq_taskev *e);
void hold_leave(struct dq_holders *h, uint32_t task);
/* leaves only what the final look found */
void hold_keep_found(struct dq_holders *h, struct dq_hold_buf *b);
void hold_drop_fds(struct dq_holders *h, struct dq_hold_buf *b);

/* hold_look.c */
int hold_snap(struct dq_holders *h, const struct dq_snap *s);
int hold_hold(struct dq_holders *h, const struct dq_hold *l);

#endif /* DQ_MODEL_HOLDERS_INT_H */
