/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h - what a dmaseq trace says, and how it is written and read.
 *
 * A trace is one stream of items in the order in which the collector wrote
 * them. The same items exist in three forms that convert into each other
 * without loss: struct dq_item in memory, the binary file (writer.c, reader.c;
 * described in docs/trace-format.md) and the text form (text_print.c, text_parse.c;
 * what golden tests are written in). Nothing in this room knows the dma-buf protocol
 * beyond bpf/hooks.h.
 *
 * Rules that every item obeys:
 *  - ids (task, dev, buf, att, ...) are small numbers that start at 1, are
 *    unique within the trace and never reused; 0 means none or not known. An
 *    item that gives an id its meaning comes before the first item that uses it.
 *  - times are CLOCK_MONOTONIC of the recorded machine in ns; durations ns.
 *  - strings are bytes as the kernel or a process gave them: hostile, possibly
 *    not UTF-8, without NUL, at most DQ_STR_MAX bytes. Whoever shows one escapes it.
 *  - no kernel address is in any item, unless it was recorded with --raw-addresses.
 *
 * Calls are written when they end, so a callee precedes its caller. Per task,
 * .seq numbers the entries in order: sort by (task, seq) to get the true order of
 * entries and use .depth for the nesting. Between tasks, order by .t0.
 */
#ifndef DQ_TRACE_H
#define DQ_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../bpf/hooks.h"

#define DQ_STR_MAX 4096

/* Kinds are written into files: never renumber. */
enum dq_kind {
	DQ_META = 1,
	DQ_HOOK = 2,
	DQ_TASK = 3,
	DQ_DEV = 4,
	DQ_BUF = 5,
	DQ_ATT = 6,
	DQ_CALL = 7,
	DQ_SYS = 8,
	DQ_NAME = 9,
	DQ_OPS = 10,
	DQ_LOSS = 11,
	DQ_CLOCK = 12,
	DQ_END = 13,
	DQ_TASKEV = 14,
	DQ_SNAP = 15,
	DQ_HOLD = 16,
	DQ_STACK = 17,
	DQ_TIMELINE = 18,
	DQ_KIND_MAX
};

/* A fact about the whole recording. Keys are listed in docs/trace-format.md:
 * tool, version, kernel.release, kernel.version, arch, cmdline, filter, clock, rung, ring.bytes ... */
struct dq_meta {
	const char *key;
	const char *value;
};

/* A hook of the recording: once when armed (hits 0), once more at the end with its counts. */
struct dq_hook {
	uint32_t id;		/* enum hook_id, or one that a newer recorder knew */
	const char *name;	/* as in hooks.h */
	const char *symbol;	/* kernel function that was probed; for a callback "fn [module]" */
	const char *rung;	/* "fentry", "kprobe", "tracepoint", ...; "" when not attached */
	const char *state;	/* "attached", "absent" (no such symbol), "failed: EINVAL" */
	uint64_t hits;		/* completed or entry-only records that the probe made */
	uint64_t missed;	/* times the kernel says that it skipped the probe */
};

#define DQ_TASK_KTHREAD 0x1
/* A thread, at first sight; again when its name changes (exec, prctl). */
struct dq_task {
	uint32_t id;
	uint32_t tid, tgid;	/* in the initial pid namespace */
	uint32_t flags;		/* DQ_TASK_* */
	const char *comm;	/* the thread's name */
	const char *process;	/* the name of the thread-group leader; "" when not known */
};

/* A device or file that a syscall was made on. */
struct dq_dev {
	uint32_t id;
	const char *kind;	/* "chr", "blk", "dmabuf", "sock", "pipe", "anon", "reg", "dir", "other" */
	uint32_t major, minor;	/* of chr and blk */
	const char *path;	/* "/dev/video0"; "" when not known */
	const char *driver;	/* name of the driver behind it ("vivid"); "" when not known */
	const char *subsystem;	/* "video4linux", "drm", "dma_heap", "misc", ...; "" */
};

#define DQ_BUF_PREEXISTING 0x1	/* lived before the recorder saw its export */
/* A buffer, at first sight. */
struct dq_buf {
	uint32_t id;
	uint32_t flags;		/* DQ_BUF_* */
	uint64_t t;		/* first sight; for an observed export its return */
	uint64_t ino;		/* inode number; not an identity before 5.18 */
	uint64_t size;		/* bytes */
	const char *exp_name;	/* dmabuf->exp_name: "drm" for every DRM exporter */
	const char *owner;	/* dmabuf->owner->name: the exporter's module, "" when built in */
	const char *name;	/* dmabuf->name at first sight; "" when none */
	uint32_t ops;		/* id of its dma_buf_ops table: see struct dq_ops */
	uint64_t raw;		/* kernel address with --raw-addresses, else 0 */
};

#define DQ_ATT_DYNAMIC 0x1	/* the importer gave importer_ops */
#define DQ_ATT_PREEXISTING 0x2
/* An attachment, at first sight (usually inside ops->attach, before dma_buf_attach returns). */
struct dq_att {
	uint32_t id;
	uint32_t buf;
	uint32_t flags;		/* DQ_ATT_* */
	uint64_t t;
	const char *dev;	/* device name ("vivid.0"); "" when not known */
	const char *driver;	/* dev->driver->name; "" when it has none */
	const char *bus;	/* dev->bus->name; "" */
	uint64_t raw;
};

#define DQ_CALL_OPEN 0x1	/* had not returned when the recording ended: dur is the time until then, ret is unknown */
#define DQ_CALL_MISSED 0x2	/* its return was missed: dur and ret are unknown */
#define DQ_CALL_NOENTRY 0x4	/* reserved: its entry was missed */
#define DQ_CALL_IRQ 0x8		/* in interrupt context: the task is a bystander */
#define DQ_CALL_EXITING 0x10	/* the task was exiting (PF_EXITING) */
#define DQ_CALL_FAULT 0x20	/* an argument could not be read */
#define DQ_CALL_NULL 0x80	/* failed: it returned NULL, where ret is for an error (vmap of 5.10) */
#define DQ_CALL_UNHELD 0x40	/* mmap: another file was put into the mapping, which does not hold the buffer */

/* dq_call.caller: another recorder's return probe stood between, so it cannot be told who called */
#define DQ_CALLER_HIDDEN "?"

/* One invocation of a hook's function. */
struct dq_call {
	uint32_t hook;		/* enum hook_id */
	uint32_t flags;		/* DQ_CALL_* */
	uint32_t task;
	uint32_t cpu;		/* where it was entered */
	uint64_t t0;		/* entry */
	uint64_t dur;		/* return - entry; 0 for RET_NORET hooks */
	uint32_t seq;		/* entry number within the task: starts at 1, counts every call */
	uint32_t depth;		/* 0: outermost recorded function of this task */
	uint32_t sys;		/* struct dq_sys.sys of the same task; 0: not inside a syscall */
	uint32_t buf, att, sgt;	/* sgt: sg_table number, unique in the trace; 0: none */
	uint64_t a[3];		/* as hooks.h says */
	int64_t ret;		/* as hooks.h says */
	const char *caller;	/* outermost calls only: "function [module]"; "" when not recorded, or
				 * DQ_CALLER_HIDDEN */
	uint32_t table;		/* hooks of descriptors: the descriptor table; see struct dq_taskev */
	uint32_t vma;		/* hooks of mappings: the mapping, a number unique in the trace */
	uint32_t stack;		/* outermost calls with --stacks: id of struct dq_stack; 0: none */
	bool fatal;		/* not in the file, the reader finds it: the task died in this call, which
				 * is why it never returned (a BUG or an oops of the kernel) */
};

#define DQ_SYS_OPEN 0x1		/* the recording ended inside it: ret unknown */
#define DQ_SYS_COMPAT 0x2	/* 32-bit call on a 64-bit kernel */
#define DQ_SYS_MISSED 0x4	/* its return was missed */
/* The system call inside which calls ran. Written when it ends, so after its calls. Its entry is
 * not probed: t0 is the entry of its first recorded call, the true begin is not later than that. */
struct dq_sys {
	uint32_t task;
	uint32_t sys;		/* number of this context within the task, from 1 */
	uint32_t flags;		/* DQ_SYS_* */
	uint64_t t0, t1;
	int32_t nr;		/* number in the ABI of meta "arch" */
	const char *name;	/* "ioctl", "close"; "" when the recorder did not know */
	uint64_t a[3];		/* its first three arguments; user addresses are replaced by 0 */
	int32_t fd;		/* file descriptor that it was made on; -1: none */
	uint32_t dev;		/* what that descriptor is */
	uint32_t buf;		/* when it is a dma-buf */
	int64_t ret;
	bool fatal;		/* not in the file: a call in it is */
};

/* dmabuf->name was set. */
struct dq_name {
	uint64_t t;
	uint32_t buf;
	const char *name;
};

/* The callbacks of an exporter's ops table are being recorded from time t on; before, a callback
 * that is not in the trace is unknown, not absent. */
struct dq_ops {
	uint32_t id;
	uint64_t t;		/* when the probes were armed; 0: not (yet) armed */
	const char *exporter;	/* exp_name of the buffer it was learnt from; "" */
	const char *module;	/* module or "vmlinux" */
	uint64_t has;		/* bit (hook id - 64): the table has this callback */
	uint64_t armed;		/* bit (hook id - 64): it is being recorded */
};

/* What happened and is missing: events that are not in the trace or, with the source "return", the
 * results of calls that are in it (DQ_CALL_MISSED). Both are losses: END.lost is the sum of both,
 * and outputs say them apart, see dq_put_losses(). */
struct dq_loss {
	const char *source;	/* "ring", "inflight", "depth", "return", "disk", "recursion" */
	uint32_t hook;		/* 0: any */
	int32_t cpu;		/* -1: any */
	uint64_t count;
	uint64_t t0, t1;	/* they happened between; 0,0: not known */
};

bool dq_loss_is_return(const struct dq_loss *l);
/* "12 events lost, 3 returns missed"; "no losses" */
struct dq_sb;
void dq_put_losses(struct dq_sb *sb, uint64_t events, uint64_t returns);

/*
 * Clocks read together: at the begin, at the end, and before and after one of them jumped. Between
 * two items that follow one another, what boot grew more than mono the machine was suspended, and
 * what real grew more than boot it was set.
 */
struct dq_clock {
	uint64_t mono;
	uint64_t real;		/* ns since 1970 */
	uint64_t boot;		/* CLOCK_BOOTTIME, which goes on while the machine is suspended; 0: not read */
};

enum dq_taskev_what { DQ_TASKEV_FORK = 1, DQ_TASKEV_EXEC = 2, DQ_TASKEV_EXIT = 3 };
/*
 * Something that changes who holds descriptors and mappings. Written for tasks whose descriptor
 * table or address space had something of a dma-buf, so not for every fork of the machine.
 *
 * A descriptor table (struct files_struct) has a number; threads share one. It is unique among those
 * that are alive: the number of one that is gone may come again, with another process.
 * The child of a FORK with another table than `from` starts with a copy of it, and with a copy of
 * the parent's mappings: the vm_area_dup calls that the parent made since its last other event made
 * them. When a table turns up that no FORK has announced (exec and close_range(CLOSE_RANGE_UNSHARE)
 * make one), it is a copy of the one that the process had.
 */
struct dq_taskev {
	uint64_t t;
	uint32_t what;		/* enum dq_taskev_what */
	uint32_t task;		/* who */
	uint32_t other;		/* FORK: the child's task id */
	uint32_t table;		/* the table of the child (FORK) or of the task; 0: not known */
	uint32_t from;		/* FORK: the parent's table */
};

enum dq_snap_when { DQ_SNAP_BEGIN = 1, DQ_SNAP_FINAL = 2 };
#define DQ_SNAP_COMPLETE 0x1	/* buffers without descriptor and mapping are found too */
#define DQ_SNAP_FAILED	 0x2	/* a source could not be read to its end */
/*
 * The recorder looked who holds what, instead of watching: before the first call and after the last
 * one. Written when it begins, and with the same id once more when it is done, with its counts.
 * Only what concerns buffers that are in the trace is written.
 */
struct dq_snap {
	uint32_t id;		/* from 1 */
	uint32_t what;		/* enum dq_snap_when */
	uint32_t flags;		/* DQ_SNAP_* */
	uint64_t t0, t1;	/* t1 0: has begun */
	const char *sources;	/* "task_file task_vma dmabuf", "procfs"; "" none */
	uint64_t bufs, fds, maps; /* found */
	uint64_t differ;	/* FINAL: how many of them the calls do not explain, and the reverse */
};

enum dq_hold_what { DQ_HOLD_FD = 1, DQ_HOLD_MAP = 2, DQ_HOLD_REFS = 3 };
/* One thing that a snapshot found. */
struct dq_hold {
	uint64_t t;
	uint32_t snap;		/* id of the snapshot */
	uint32_t what;		/* enum dq_hold_what */
	uint32_t buf;
	uint32_t task;		/* FD, MAP: a thread of the process */
	uint32_t table;		/* FD: its descriptor table */
	int32_t fd;		/* FD: number; -1 otherwise */
	uint32_t vma;		/* MAP: the mapping; 0: found, but it has no number */
	uint64_t n;		/* REFS: references of the file, all of them; otherwise 1 */
};

/* A kernel stack, with --stacks. */
struct dq_stack {
	uint32_t id;
	const char *frames;	/* "function [module]" each, the innermost first, joined by '\n' */
};

/* A timeline of fences: what a wait (hook dma_fence_wait) was for. */
struct dq_timeline {
	uint32_t id;
	uint64_t context;	/* the kernel's number of it */
	const char *driver;	/* as the fence's own operations name it */
	const char *name;
};

/* Last item of a trace that was closed properly. */
struct dq_end {
	uint64_t t;
	const char *reason;	/* "command exited with status 0", "SIGINT", "-t 10", "disk full" ... */
	uint64_t calls, lost;	/* how many calls there are; sum of the counts of LOSS items */
};

struct dq_item {
	enum dq_kind kind;
	union {
		struct dq_meta meta;
		struct dq_hook hook;
		struct dq_task task;
		struct dq_dev dev;
		struct dq_buf buf;
		struct dq_att att;
		struct dq_call call;
		struct dq_sys sys;
		struct dq_name name;
		struct dq_ops ops;
		struct dq_loss loss;
		struct dq_clock clock;
		struct dq_end end;
		struct dq_taskev taskev;
		struct dq_snap snap;
		struct dq_hold hold;
		struct dq_stack stack;
		struct dq_timeline timeline;
	};
};

/* The hook table, for all rooms. hook_info() returns NULL for an id that this build does not know. */
struct dq_hook_info {
	uint32_t id;
	const char *name;
	enum hook_kind kind;
	enum hook_obj obj;
	enum hook_ret ret;
	enum hook_arg arg[3];
	enum hook_need need;
};
extern const struct dq_hook_info dq_hooks[HOOK_MAX]; /* without a name: there is no such hook */
const struct dq_hook_info *dq_hook_info(uint32_t id);
/* The same, for what is done with each call of a long trace. */
static inline const struct dq_hook_info *dq_hook_at(uint32_t id)
{
	return id < HOOK_MAX && dq_hooks[id].name ? &dq_hooks[id] : NULL;
}
const struct dq_hook_info *dq_hook_by_name(const char *name);

/* Where items go to: the writer, or something in front of it. put copies what it needs, flush hands
 * on what was put; both return 0 or -errno. */
struct dq_repeat;
struct dq_sink {
	int (*put)(void *ctx, const struct dq_item *item);
	int (*flush)(void *ctx);
	void *ctx;
	int (*repeat)(void *ctx, const struct dq_repeat *r); /* NULL: put gets the items; see dq_sink_repeat() */
};

/*
 * A system call and the calls in it, callees first, and no call fails. Of those with one id nothing
 * differs but the times, and by how much `seq` and `sys` of all items have grown: who has found out once
 * what it is about, and how it is written, need not do so again.
 */
#define DQ_REPEAT_MAX 4
struct dq_repeat {
	uint32_t id;		/* 0: nothing of this is promised, and put gets the items */
	uint32_t n;		/* calls, and the system call, which comes last */
	struct dq_item item[DQ_REPEAT_MAX];
};

/* All items one after the other. 0 or -errno. */
int dq_sink_put_each(const struct dq_sink *s, const struct dq_repeat *r);

static inline int dq_sink_repeat(const struct dq_sink *s, const struct dq_repeat *r)
{
	return s->repeat && r->id ? s->repeat(s->ctx, r) : dq_sink_put_each(s, r);
}

/* ---- writing the binary file -------------------------------------------------- */

struct dq_writer;

struct dq_writer_opts {
	uint8_t boot_id[16];
	uint64_t mono, real;	/* the clock pair of the header */
	size_t chunk_bytes;	/* flush a chunk at this payload size; 0: 64 KiB */
	int level;		/* zlib level of chunks; 0: default (1: speed); <0: store */
};

/*
 * Starts a file on descriptor fd, which the writer does not own and never seeks.
 * All functions return 0 or -errno; after an error (ENOSPC, EPIPE, ...) the file
 * on disk is whole up to the last complete chunk, and further puts return the same error.
 * put copies what it needs: strings may be transient. "" and NULL strings are the same.
 */
int dq_writer_new(struct dq_writer **ret_w, int fd, const struct dq_writer_opts *opts);
int dq_writer_put(struct dq_writer *w, const struct dq_item *item);
int dq_writer_repeat(struct dq_writer *w, const struct dq_repeat *r); /* writes the same bytes */
int dq_writer_flush(struct dq_writer *w);	/* end the current chunks, write them */
int dq_writer_close(struct dq_writer **w);	/* flush, free, set *w to NULL; writes no END by itself */
uint64_t dq_writer_bytes(const struct dq_writer *w);
struct dq_sink dq_writer_sink(struct dq_writer *w);

/* What is in the file in whole chunks, and so can be read whatever happens. */
struct dq_written {
	uint64_t bytes;
	uint64_t calls, events;	/* events: calls and all else that is no fact */
	uint64_t lost;		/* sum of the counts of LOSS items */
	uint64_t last_t;	/* the latest end of a call or a syscall */
};
void dq_writer_written(const struct dq_writer *w, struct dq_written *ret);
/* After an error, on a regular file: cuts off what is no whole chunk and forgets the items that did
 * not get there. Then the file can be ended, with items that refer to nothing. 0 or -errno. */
int dq_writer_take_back(struct dq_writer *w);

/* ---- reading ------------------------------------------------------------------- */

struct dq_reader;

/* How whole the file was; valid after dq_reader_next() returned 0 (end). */
struct dq_reader_state {
	uint16_t major, minor;
	uint8_t boot_id[16];
	uint64_t mono, real;
	uint64_t bytes, chunks;	/* read */
	uint64_t bad_chunks;	/* checksum or content wrong: skipped */
	uint64_t lost_chunks;	/* holes in the sequence numbers */
	uint64_t skipped_chunks; /* of unknown, optional types */
	uint64_t skipped_bytes;	/* garbage between chunks */
	bool truncated;		/* ends inside a chunk */
	bool no_end;		/* no END item: the recorder was killed, or could not write it */
	uint64_t last_t;	/* largest time seen */
	bool text;		/* it is the text form: chunks are not counted */
	bool at_end;		/* all of it was read; until then the other fields are so far */
	uint64_t part;		/* the EVENTS chunk that was met last, counted from 1; 0: none, or text */
	uint64_t items, calls;	/* returned */
	uint64_t losses;	/* DQ_LOSS items returned ... */
	uint64_t lost_events;	/* ... and the sum of their counts */
	uint64_t disk_events;	/* of these: what the disk did not take */
	uint64_t missed_returns; /* and those of which only the result is missing */
	uint64_t fatal_calls;	/* that look like such, and were not returned from: in none of these */
};

/* One chunk of the binary file, for `dump`. */
struct dq_chunk_info {
	uint64_t offset;	/* in the file */
	uint32_t seq;
	uint16_t type;		/* enum dq_chunk_type in format.h */
	uint16_t flags;
	uint32_t len, raw_len;	/* stored, and after decompression */
	uint64_t items;		/* strings or items in it */
	const char *name;	/* of the type; NULL: unknown */
	const char *problem;	/* NULL: sound; or what is wrong with it */
};

/*
 * Opens a binary or text trace (told apart by the first bytes) for sequential reading; never seeks,
 * so a pipe is fine. On error *ret_err, if not NULL, is a malloc'ed sentence for the user
 * ("empty file", "not a dmaseq trace (an ELF file?)", "written by a newer dmaseq (format 2.0; this one reads 1.x)", ...).
 * The list of these sentences is in docs/trace-format.md.
 *
 * dq_reader_next: 1 and *item, 0 at the end, -errno when the disk cannot be read, the text form has
 * a mistake (-EINVAL) or the file has a part that must not be skipped (-EPROTONOSUPPORT); then
 * dq_reader_error() has the sentence. Never NULL strings: "" is none. The item's strings belong to
 * the reader and live until dq_reader_free. A damaged or cut file is no error: what can be salvaged
 * is returned, and the state tells. Memory is bounded by the interned strings and two chunks.
 * A string whose chunk was lost reads as "?".
 */
int dq_reader_open(struct dq_reader **ret_r, const char *path, char **ret_err);	/* "-": stdin */
int dq_reader_open_fd(struct dq_reader **ret_r, int fd, const char *path, char **ret_err); /* takes fd */
int dq_reader_open_mem(struct dq_reader **ret_r, const void *data, size_t len,
		       char **ret_err);	/* data must stay until the reader is freed */
int dq_reader_next(struct dq_reader *r, struct dq_item *item);
const struct dq_reader_state *dq_reader_state(const struct dq_reader *r);
const char *dq_reader_error(const struct dq_reader *r);	/* "" when there was none */
const char *dq_reader_path(const struct dq_reader *r);	/* for messages; "standard input" */
/* fn is called for every chunk, when its items have been returned. Binary form only. */
void dq_reader_on_chunk(struct dq_reader *r,
			void (*fn)(const struct dq_chunk_info *info, void *ctx), void *ctx);
/* fn is called now and then, and once when the end was reached. NULL: no longer. */
void dq_reader_on_progress(struct dq_reader *r,
			   void (*fn)(const struct dq_reader_state *st, void *ctx), void *ctx);
/* fn is asked for each EVENTS chunk, by what state.part would be: true, and its items do not come, but
 * for those of the DEFS chunk that belongs to it. The text form has no chunks. */
void dq_reader_skip(struct dq_reader *r, bool (*fn)(uint64_t part, void *ctx), void *ctx);
/* fn is called before the reader waits for more, as of a recording that still goes on. */
void dq_reader_on_wait(struct dq_reader *r, void (*fn)(void *ctx), void *ctx);
void dq_reader_free(struct dq_reader **r);

/* ---- the text form ---------------------------------------------------------------- */

/* The first line, "dmaseq-text 1"; what is known of the file header stands behind it. */
int dq_text_print_head(FILE *out, const struct dq_reader_state *st);
/* One item as one line (with the newline). */
int dq_text_print(FILE *out, const struct dq_item *item);

/* Assemble text into items; *ret_err gives "line 12: unknown field 'foo' of call". The strings
 * belong to the parser; the first line of a file is the caller's business. */
struct dq_text_parser;
int dq_text_parser_new(struct dq_text_parser **ret_p);
/* 1: *item filled, 0: blank or comment, -EINVAL: error text in *ret_err (malloc'ed). */
int dq_text_parse_line(struct dq_text_parser *p, const char *line, size_t len, struct dq_item *item,
		       char **ret_err);
void dq_text_parser_free(struct dq_text_parser **p);

#endif /* DQ_TRACE_H */
