/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wire.h - what the probes send to the collector, on the same machine.
 *
 * The only header shared with user space (with hooks.h, the table of hooks). It
 * includes nothing else; both sides provide __u8 ... __s64. Wire records are never
 * stored: src/live/collect.c turns them into the items of src/trace, so this layout
 * may change at will. Kernel addresses appear here, and stop at the collector.
 *
 * An object (buffer, attachment) is named by a token that the probes draw at first
 * sight: pointers are reused at once after a kfree, tokens never.
 */
#ifndef DMASEQ_WIRE_H
#define DMASEQ_WIRE_H

#include "hooks.h"

#define WIRE_COMM    16
#define WIRE_NAME    32		/* DMA_BUF_NAME_LEN of the kernel */
#define WIRE_STR     64
#define WIRE_STACK   32		/* frames of a stack */
#define WIRE_SLOTS   16		/* more than the members of struct dma_buf_ops */
#define WIRE_DEPTH   8		/* calls nested in one task; deeper ones are counted as lost */
#define WIRE_FRAMES  (WIRE_DEPTH + 2) /* and room for one that is being written, and an interrupt */

#define WIRE_TRAMPOLINES 4	/* kinds of return probes, see dq_ksyms_trampoline() */

/* peek.bpf.c: reads per call, bytes per read */
#define PEEK_CHUNKS  64
#define PEEK_CHUNK   128

enum wire_kind {
	WIRE_CALL = 1,
	WIRE_SYS = 2,
	WIRE_TASK = 3,
	WIRE_BUF = 4,
	WIRE_ATT = 5,
	WIRE_OPS = 6,
	WIRE_NAMED = 7,
	WIRE_DEV = 8,
	WIRE_LOSS = 9,
	WIRE_MODULE = 32,
	WIRE_TASKEV = 10,
	WIRE_HOLD = 11,
	WIRE_TIMELINE = 12,
	WIRE_SMALL = 13,	/* several in one record of the ring, and a WIRE_SMALL_SYS behind them */
	WIRE_SMALL_SYS = 14,
	WIRE_SYNC = 15,
};

/* Same bits as DQ_CALL_* of src/trace/trace.h; collect.c asserts it. */
#define WIRE_F_OPEN    0x1
#define WIRE_F_MISSED  0x2
#define WIRE_F_IRQ     0x8
#define WIRE_F_EXITING 0x10
#define WIRE_F_FAULT   0x20
#define WIRE_F_UNHELD  0x40
#define WIRE_F_NULL    0x80

struct wire_call {
	__u16 kind;
	__u16 hook;
	__u16 flags;
	__u16 depth;
	__u64 t0, t1;
	__u32 tid;
	__u32 seq;
	__u32 sys;
	__u16 cpu;
	__u16 stack;		/* number in the map of stacks, plus 1 */
	__u64 buf, att;		/* tokens */
	__u64 sgt;		/* address of the sg_table; hooks of descriptors: of the files_struct;
				 * hooks of mappings: of the vm_area_struct */
	__u64 a[3];
	__s64 ret;
	__u64 caller;		/* return address of an outermost API call, else 0 */
};

/* A call of which less is to be told: of SYNC, and what it calls. Else as in struct wire_call. */
struct wire_small {
	__u16 kind;
	__u8 hook;
	__u8 depth_a1;		/* depth << 4 | a[1], see SMALL_* */
	__u16 flags;
	__u16 cpu;
	__u64 t0;
	__u64 buf;
	__u32 dur;
	__u32 tid;
	__u32 seq;
	__u32 sys;
	__u32 a0;
	__s32 ret;
};

#define SMALL_A1_MAX 15

#define WIRE_SYS_OPEN	0x1
#define WIRE_SYS_COMPAT 0x2
#define WIRE_SYS_MISSED 0x4

struct wire_sys {
	__u16 kind;
	__u16 flags;
	__u32 tid;
	__u32 sys;
	__s32 nr;
	__u64 t0, t1;
	__u64 a[6];
	__s64 ret;
	__u64 buf;		/* token of the dma-buf that the descriptor is, 0: another file */
	__s32 fd;		/* -1: the call has none, or it is not open */
	__u32 rdev;		/* device number (kernel's encoding) of chr and blk */
	__u32 mode;		/* i_mode of the file, 0: no file */
	__u32 recorded;		/* in the state of a task: one of its calls was recorded */
};

/* The system call of such calls: its descriptor is their buffer, and what it returned is small. */
struct wire_small_sys {
	__u16 kind;
	__u16 flags;
	__u32 tid;
	__u32 sys;
	__s32 nr;
	__u64 t0;
	__u64 buf;
	__u64 a[3];
	__u32 dur;
	__s32 fd;
	__s32 ret;
	__u32 pad;
};

/*
 * A system call with one SYNC, as it is nearly always: dma_buf_ioctl(), what that calls, and what that
 * calls, each of them on the same buffer and on the one that the descriptor is.
 */
#define SYNC_CALLS 3
#define IOCTL_SYNC 0x40086200	/* include/uapi/linux/dma-buf.h */

struct sync_call {
	__u32 begin, end;	/* ns after t0 */
	__u16 cpu;
	__u8 hook;
	__u8 a0;		/* not of dma_buf_ioctl(), where it is SYNC */
};

/* What is nearly always the same comes first. Half of a ring of 8 MB holds 47,000 of these; what does
 * not fit into one is told in the usual way. */
struct wire_sync {
	__u16 kind;
	__u8 n;			/* calls: each is inside of the one before, their numbers follow each other */
	__u8 a1;		/* of dma_buf_ioctl(): the flags */
	__u32 tid;
	__s32 fd;
	__s32 ret;		/* of all of them, and of the system call */
	__u64 buf;
	__u64 t0;		/* of the system call and its first call */
	__u32 dur;		/* of the system call */
	__u32 sys;
	__u32 seq;		/* of the first call */
	struct sync_call call[SYNC_CALLS];
};

/* A call of it, in the state of a task. */
struct sync_frame {
	__u64 t0, t1;
	__u32 ret;		/* as a number with a sign */
	__u32 seq;
	__u16 cpu;
	__u8 hook;
	__u8 a0;
	__u32 pad;
};

#define WIRE_OUT 384		/* bytes of them that wait in the state of a task */

#define WIRE_TASK_KTHREAD 0x1
#define WIRE_TASK_NEW	  0x2	/* not just a new name of the one that we know by this tid */

struct wire_task {
	__u16 kind;
	__u16 flags;
	__u32 tid, tgid;
	__u32 pad;
	char comm[WIRE_COMM];
	char process[WIRE_COMM];
};

#define WIRE_BUF_PREEXISTING 0x1

struct wire_buf {
	__u16 kind;
	__u16 flags;
	__u32 pad;
	__u64 buf, ptr, t;
	__u64 ino, size;
	__u64 ops;
	char exp_name[WIRE_STR];
	char owner[WIRE_STR];
	char name[WIRE_NAME];
};

#define WIRE_ATT_DYNAMIC     0x1
#define WIRE_ATT_PREEXISTING 0x2

struct wire_att {
	__u16 kind;
	__u16 flags;
	__u32 pad;
	__u64 att, ptr, buf, t;
	char dev[WIRE_STR];
	char driver[WIRE_STR];
	char bus[WIRE_STR];
};

/*
 * A table of callbacks not met before: an exporter's dma_buf_ops, slot[i] is the address of hook
 * HOOK_OPS_ATTACH + i; or an importer's dma_buf_attach_ops, slot[i] is hook HOOK_IMP_MOVE_NOTIFY + i.
 */
struct wire_ops {
	__u16 kind;
	__u16 importer;
	__u16 pad[2];
	__u64 ops;
	__u64 slot[WIRE_SLOTS];
	char exp_name[WIRE_STR];
};

struct wire_named {
	__u16 kind;
	__u16 pad[3];
	__u64 t, buf;
	char name[WIRE_NAME];
};

/* A device file at first sight: the module of its file operations. */
struct wire_dev {
	__u16 kind;
	__u16 pad;
	__u32 rdev;
	__u32 mode;
	__u32 pad2;
	char module[WIRE_STR];
};

/* A module was loaded (its initialisation is about to run), or is being freed. */
struct wire_module {
	__u16 kind;
	__u16 load;
	__u32 pad;
	__u64 t;
	char name[WIRE_STR];
};

/* As in src/trace/trace.h; collect.c asserts it. */
enum { TASKEV_FORK = 1, TASKEV_EXEC = 2, TASKEV_EXIT = 3 };
enum { HOLD_FD = 1, HOLD_MAP = 2, HOLD_REFS = 3 };

struct wire_taskev {
	__u16 kind;
	__u16 what;		/* enum dq_taskev_what of src/trace/trace.h */
	__u32 tid, other;
	__u32 pad;
	__u64 t;
	__u64 table, from;	/* addresses of files_structs */
};

/* Found by an iterator: see enum dq_hold_what of src/trace/trace.h. */
struct wire_hold {
	__u16 kind;
	__u16 what;
	__u32 tid;
	__s32 fd;
	__u32 pad;
	__u64 t;
	__u64 buf;		/* token */
	__u64 table;		/* FD: address of the files_struct */
	__u64 vma;		/* MAP: address of the vm_area_struct */
	__u64 n;
};

struct wire_timeline {
	__u16 kind;
	__u16 pad[3];
	__u64 context;
	char driver[WIRE_STR];
	char name[WIRE_STR];
};

enum wire_loss_source {
	LOSS_RING = 0,		/* no room in the ring buffer */
	LOSS_TASKS = 1,		/* no room in the table of tasks */
	LOSS_DEPTH = 2,		/* calls nested deeper than WIRE_DEPTH */
	LOSS_OBJECTS = 3,	/* no room in a table of objects */
	LOSS_RETURN = 4,	/* a return was not seen (the call itself is in the trace, marked) */
	LOSS_MAX = 5,
	LOSS_SLOTS = 8,
};

struct wire_loss {
	__u16 kind;
	__u16 source;
	__u32 cpu;
	__u64 count, t0, t1;
};

/* One per CPU: losses not yet told in the stream, and more. */
struct cpu_state {
	__u64 count[LOSS_SLOTS];
	__u64 t0[LOSS_SLOTS], t1[LOSS_SLOTS];
	__u64 pending;		/* sum of count[] */
	__u64 tokens;		/* tokens drawn on this CPU */
	__u64 hits[HOOK_MAX];	/* how often each hook was entered, see struct cpu_hits */
};

/*
 * The same of the first processors, in an array that programs reach without a look-up. One row is of one
 * processor.
 */
#define WIRE_CPUS 64
struct cpu_hits {
	__u64 n[HOOK_MAX];
};

/* In-flight state of a task; drained by the collector at the end. */
struct frame {
	__u64 t0;
	__u64 sp;		/* stack pointer at a kprobe's entry, 0: fentry */
	__u64 bufp, buf;	/* pointer and token */
	__u64 attp, att;
	__u64 sgt;		/* as in struct wire_call */
	__u64 a[3];
	__u64 caller;
	__u64 obj;		/* what the return needs: the dma_buf of an ioctl, a user address ... */
	__u32 seq;
	__u32 sys;
	__u16 cpu;
	__u16 stack;
	__u16 hook;
	__u16 flags;
	__u16 depth;
	__u16 record;		/* passed the filters at entry */
	__u16 ret;		/* enum hook_ret of the hook */
	__u16 told;		/* TOLD_*: no need to look again whether the collector knows them */
};

#define TOLD_BUF 0x1		/* the call is recorded, and the collector knows its buffer */
#define TOLD_ATT 0x2

/*
 * States of tasks are in an array, where a task is at home or close to it: finding it costs a
 * multiplication and a comparison instead of a look into a hash table (130 instructions).
 */
#define WIRE_TASKS  4096
#define WIRE_NEAR   32		/* this close */
/* Multiplied by the golden ratio; three instructions, and every program pays them. */
#define WIRE_HOME(task) ((__u32)((task) * (0x9e3779b1ULL << 26) >> 52))

enum { TASK_UNKNOWN = 0, TASK_KNOWN = 1, TASK_RENAMED = 2 }; /* to the collector */

struct task_state {
	__u64 task;		/* whose it is: address of the task_struct, 0: nobody's */
	__u32 tid, tgid;
	__u32 flags;
	__u32 seq;		/* entries so far */
	__u32 sys;		/* contexts so far */
	__u32 selected;		/* passes the pid/comm filter */
	/* these are looked at two at once: see sync.h */
	__u32 depth;
	__u32 filling;		/* a program is writing frames[depth]; an interrupt uses the next */
	__u32 sys_active;
	__u32 out_len;
	__u32 announced;	/* TASK_* */
	__u32 dups;		/* mappings of dma-bufs copied and not yet told whose they are */
	__u32 seen_at;		/* value of `deaths` when seen_buf was true */
	__u32 not_at;		/* and when not_bufp was */
	__u64 seen_bufp, seen_buf; /* a buffer that passes for this task, and that the collector knows */
	__u64 seen_file;	/* its file; 0: not known */
	__u64 not_bufp;		/* a buffer that does not pass; 1: none */
	/* Calls that are held in sync[] and not in frames[], the innermost ones have returned; 0: none.
	 * See sync_begins(). */
	__u32 nsync;
	__u32 sync_ctx;		/* ctx is of a SYNC of the file seen_file, but for fd, sys, times and results */
	__u64 sync_bufp;
	__u64 sync_a1;		/* ~0: not known yet */
	__u64 sync_sp[SYNC_CALLS]; /* as in struct frame */
	struct sync_frame sync[SYNC_CALLS];
	__u64 key;		/* binder: the descriptor that is installed next came with this */
	__u64 orig;		/* the mapping that is being copied */
	struct wire_sys ctx;	/* the current or the last syscall context */
	/* what small calls wait for the end of the system call, so that the ring is asked for room once */
	__u32 out_calls;	/* out_len is their length */
	__u32 out_busy;		/* they are being written: an interrupt keeps off */
	__u64 out[WIRE_OUT / 8];
	struct frame frames[WIRE_FRAMES];
};

/* What an object has passed. */
#define SEL_TASK   0x1
#define SEL_BUF	   0x2
#define SEL_DEVICE 0x4
#define SEL_CHECKED 0x8 /* it was looked at whether SEL_BUF applies */

/* A buffer or an attachment that lives. */
struct object {
	__u64 token;
	union {
		__u64 ops;	/* of a buffer */
		__u64 born;	/* of an attachment: when it was met first */
	};
	__u32 selected;
	__u32 announced;
};

/*
 * The hooks that have programs, and how many arguments the kernel function has, which fentry must
 * know; 0: a callback of an ops table, attached by address, for which only kprobes will do (but see
 * src/live/callback.c).
 */
#define WIRE_PROGS(P) \
	P(EXPORT, 1) P(FD, 2) P(FD_INSTALL_API, 2) P(GET, 1) P(PUT, 1) P(ATTACH, 2) \
	P(DYNAMIC_ATTACH, 4) P(DETACH, 2) P(PIN, 1) P(UNPIN, 1) P(MAP, 2) P(MAP_UNLOCKED, 2) \
	P(UNMAP, 3) P(UNMAP_UNLOCKED, 3) P(MOVE_NOTIFY, 1) P(INVALIDATE, 1) P(BEGIN_CPU, 2) \
	P(END_CPU, 2) P(BEGIN_CPU_PARTIAL, 4) P(END_CPU_PARTIAL, 4) P(MMAP, 3) P(VMAP, 2) \
	P(VUNMAP, 2) P(VMAP_UNLOCKED, 2) P(VUNMAP_UNLOCKED, 2) P(KMAP, 2) P(KUNMAP, 3) \
	P(IOCTL, 3) P(MMAP_FILE, 2) P(POLL, 2) P(POLL_CB, 2) P(FILE_RELEASE, 2) P(RELEASE, 1) \
	P(FD_INSTALL, 2) P(FILP_FLUSH, 2) P(FILP_CLOSE, 2) P(DO_DUP2, 4) P(SCM_SEND, 3) \
	P(VM_AREA_FREE, 1) P(VM_AREA_FREE_DIRECT, 1) P(VM_AREA_DUP, 1) P(OPS_ATTACH, 0) P(OPS_DETACH, 0) \
	P(OPS_PIN, 0) P(OPS_UNPIN, 0) P(OPS_MAP, 0) P(OPS_UNMAP, 0) P(OPS_RELEASE, 0) \
	P(OPS_BEGIN_CPU, 0) P(OPS_END_CPU, 0) P(OPS_MMAP, 0) P(OPS_VMAP, 0) P(OPS_VUNMAP, 0) \
	P(OPS_BEGIN_CPU_PARTIAL, 0) P(OPS_END_CPU_PARTIAL, 0) P(IMP_MOVE_NOTIFY, 0) \
	P(IMP_INVALIDATE, 0) P(SET_NAME, 2) P(GET_FLAGS, 2) P(ATTACH_REVOCABLE, 1) P(FLUSH, 2)

/* A mapping of a buffer that lives. */
struct mapping {
	__u64 bufp, buf;	/* pointer and token */
};

/* Where a fentry program finds the caller of its function: see stack_caller(). */
struct caller_place {
	__u32 at;		/* words behind the arguments; 0: not found */
	__u32 times;		/* walks of the stack that agreed */
};

/* Knobs, set before load. */
struct config {
	__u32 self;		/* our own tgid: never recorded */
	__u32 by_task;		/* record only selected tasks, and buffers that they touched */
	__u32 by_exporter;	/* record only buffers of this exporter */
	__u32 by_comm;
	__u32 by_buf;		/* record only buffers that by_exporter, inode and min_size let pass */
	__u32 by_device;	/* and that were attached to this device or driver */
	__u32 stacks;		/* with the stack of each outermost call */
	__u32 vmap_address;	/* vmap returns an address, NULL when it fails (5.10) */
	__u64 inode, min_size;	/* 0: any */
	__u32 no_btf;		/* the kernel has none: see learn.h */
	__u32 regs;		/* then: registers of a system call, from task_struct.stack; 0: unknown */
	__u32 wake_bytes;	/* wake the collector when this much is in the ring */
	__u32 filtered;		/* any of the by_... above */
	char exporter[WIRE_STR];
	char comm[WIRE_COMM];
	char device[WIRE_STR];
	__u64 addr[HOOK_MAX];	/* of the probed functions, to find the caller on a stack */
	__u64 trampoline[WIRE_TRAMPOLINES]; /* where functions with a return probe return to; 0: none */
};

#endif /* DMASEQ_WIRE_H */
