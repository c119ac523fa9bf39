/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - what the calls of a trace mean: buffers, importers, phases, lanes.
 *
 * The room turns the stream of items of src/trace into two views:
 *
 *   dq_model   tables of everything that the trace names, one summary per buffer
 *              (what `list` shows), and the calls of the chosen buffers, nested.
 *   dq_story   the life of the chosen buffers as steps between lanes, in order of
 *              time, with phases and folded repeats (what `diagram` draws). It
 *              knows nothing of any chart language: texts are plain and unescaped.
 *
 * One pass over the trace. Without kept calls the memory is bounded by the objects
 * (tasks, devices, buffers, attachments) and the calls in flight, not by the number
 * of calls; with dq_model_forget() and dq_model_limit() by the objects that are alive. May use src/trace and src/util only; writes nothing, prints nothing.
 *
 * Strings point into the dq_reader that the items came from (or into the model or
 * story itself): free the reader last. They are bytes that others chose: escape them.
 */
#ifndef DQ_MODEL_H
#define DQ_MODEL_H

#include "model/holders.h"
#include "trace/trace.h"
#include "util/util.h"

/* ---- phases: what a step of a buffer's life is part of ---- */
enum dq_phase {
	DQ_PH_NONE = 0,
	DQ_PH_EXPORT,
	DQ_PH_FD,		/* a descriptor is made for it */
	DQ_PH_PASS,		/* a descriptor is sent to another process */
	DQ_PH_LOOKUP,		/* a reference by descriptor, nothing more */
	DQ_PH_ATTACH,
	DQ_PH_DMA_BEGIN,	/* map: the device may use it from here ... */
	DQ_PH_DMA_END,		/* ... to the unmap */
	DQ_PH_CPU_BEGIN,
	DQ_PH_CPU_END,
	DQ_PH_VMAP,
	DQ_PH_VUNMAP,
	DQ_PH_MMAP,
	DQ_PH_MOVE,		/* the exporter moves it */
	DQ_PH_NAME,
	DQ_PH_FENCE,		/* sync_file import and export, poll */
	DQ_PH_DETACH,
	DQ_PH_PUT,		/* a reference is dropped, for no visible reason */
	DQ_PH_CLOSE,
	DQ_PH_RELEASE,
	DQ_PH_MAX
};
const char *dq_phase_key(enum dq_phase ph);	/* "dma-begin" */

/* ---- calls ---- */
enum dq_mcall_flag {
	/* A frame of the same operation on the same object as the one around it
	 * (attach > dynamic_attach, ioctl > begin_cpu_access, fd > fd_install ...): one
	 * operation, counted once. */
	DQ_MC_WRAPPED = 0x1,
	/* The core's own call inside another API call (a rollback). */
	DQ_MC_INTERNAL = 0x2,
	DQ_MC_EXPORTER = 0x4,	/* made by the exporter, not by an importer */
	DQ_MC_FAILED = 0x8,	/* returned an error */
	DQ_MC_FAILED_FIRST = 0x10, /* ... and the frame around it did not: counted once */
	DQ_MC_DEFERRED = 0x20,	/* the final release in another task than the last put or close */
	DQ_MC_TASKWORK = 0x40,	/* on the way back to user space, after the syscall */
	DQ_MC_BOOK = 0x80,	/* bookkeeping of descriptors and mappings, waits: no call of the protocol */
	DQ_MC_TOLD = 0x100,	/* story: another step has said it */
};
#define DQ_MC_UNCOUNTED (DQ_MC_WRAPPED | DQ_MC_INTERNAL | DQ_MC_BOOK)

struct dq_mcall {
	struct dq_call c;
	int32_t parent;		/* index relative to the group's first call; -1: outermost */
	uint32_t flags;		/* DQ_MC_* */
	enum dq_phase phase;
	const char *who;	/* driver that made it; "" for callbacks and file operations */
	const char *whodev;	/* its device, when known */
};

/* The calls of one syscall, or one outermost call elsewhere. */
struct dq_group {
	uint32_t task;
	bool has_sys;
	struct dq_sys sys;
	size_t first, n;	/* in dq_model.calls: ordered by entry */
	uint64_t t0, t1;
};

/* ---- the summary of a buffer ---- */
struct dq_mbuf {
	struct dq_buf b;	/* as first seen */
	const char *name;	/* the last one that was set */
	const char *exporter;	/* driver, module or heap */
	const char *helper;	/* the library in between ("videobuf2_dma_contig"), or "" */
	bool released, exported; /* the export, the release are in the trace */
	uint64_t born, died;	/* export or first sight; release */
	uint64_t calls;		/* recorded calls, every operation once */
	uint64_t errors;	/* failures, each once */
	uint64_t open;		/* calls that had not returned at the end */
	uint64_t missed;	/* calls whose return was missed */
	uint64_t fatal;		/* calls that a task died in */
	uint32_t phases;	/* bit (enum dq_phase): it has been there */
	uint64_t first_use;	/* first call that could reach the exporter; 0: none */
	uint64_t dark_until;	/* its callbacks were not recorded before; UINT64_MAX: never;
				 * 0: they always were */
	bool dark_some;		/* only some of them were not */
	const char **importers; /* names, in order of appearance */
	size_t nimporters, cap_importers;
	struct dq_alias *aliases; /* who stands behind a helper module or a device's driver */
	size_t naliases, cap_aliases;
	const char *att_who, *att_dev; /* a device attached to it; att_many: there are others */
	bool att_many;
	uint32_t maker;		/* task that had it exported; 0: not seen */
	bool from_heap;		/* out of a dma-buf heap or Ion, for whoever asked */
	uint32_t client;	/* task to whose process its maker handed it: it was made for that */
	uint64_t lost;		/* events, of whatever buffer, that were lost while it lived */
	uint64_t nth;		/* in order of first sight */
	uint64_t chunk_first, chunk_last; /* of the file, where its calls are: dq_model_note_places() */
	uint64_t version;	/* another one whenever it becomes possible that dq_who() answers otherwise */
};

/* What is left of buffers that were forgotten: dq_model_forget(). */
struct dq_gone {
	uint64_t bufs, calls, errors, missed;
};

/* Calls of kept buffers that were let go because there were too many: dq_model_limit(). */
struct dq_skipped {
	uint64_t calls;		/* counted ones */
	uint64_t from, to;	/* the begin of the first, the end of the last of their groups */
};

struct dq_matt {
	struct dq_att a;
	const char *importer;	/* name for people; "" before it is known */
	bool gone;		/* detached, and nobody will ask for it */
};

struct dq_jump {
	uint64_t t;		/* it was not later than that, CLOCK_MONOTONIC */
	uint64_t slept;		/* ns that the machine was suspended; 0: it was not */
	int64_t set;		/* ns by which the date was set */
};

struct dq_model {
	/* facts; the values are "" when the trace does not say */
	const char *release, *version, *arch, *rung, *cmdline, *tool;
	struct dq_task *tasks;
	size_t ntasks, cap_tasks;
	struct dq_dev *devs;
	size_t ndevs, cap_devs;
	struct dq_mbuf *bufs;	/* in order of first sight */
	size_t nbufs, cap_bufs;
	struct dq_matt *atts;
	size_t natts, cap_atts;
	struct dq_ops *ops;
	size_t nops, cap_ops;
	struct dq_name *names;	/* every setting of a name */
	size_t nnames, cap_names;
	struct dq_loss *losses;
	size_t nlosses, cap_losses;
	struct dq_clock clock;	/* the last one; all 0: none came */
	struct dq_jump *jumps;	/* of clocks, while it was recorded */
	size_t njumps, cap_jumps;
	const char *keep_last;	/* NULL, or what of a flight recording was to be kept: "64M", "10s" */
	const char *keep_parts;	/* NULL, or how large the files are that the recording is in: "64 MB" */
	bool forgot;		/* it was longer than that, or this is not its first file */
	uint64_t forgotten, forgotten_lost; /* calls; events that were lost among them */
	uint64_t lost, missed;	/* the two kinds of losses: events, returns (dq_put_losses) */
	uint64_t t_first, t_last; /* first and last time in the trace; its clock starts at t_first */
	uint64_t calls;		/* recorded, every operation once; also those of no buffer */
	uint64_t calls_nobuf;	/* of these: of no buffer (a lookup that failed ...) */
	uint64_t errors_nobuf;
	uint64_t irq_calls;
	bool has_end;
	struct dq_end end;
	struct dq_holders *holders; /* at the end */
	struct dq_snap final;	/* id 0: there was no look at the end */
	struct dq_timeline *timelines;
	size_t ntimelines, cap_timelines;
	struct dq_stack *stacks;
	size_t nstacks, cap_stacks;
	/* of kept buffers: what the first look found, and descriptors that came from elsewhere */
	struct dq_hold *holds;
	size_t nholds, cap_holds;
	struct dq_transfer *transfers;
	size_t ntransfers, cap_transfers;
	/* kept calls */
	struct dq_group *groups; /* ordered by begin */
	size_t ngroups, cap_groups;
	struct dq_mcall *calls_v;
	size_t ncalls_v, cap_calls_v;
	/* bounds */
	struct dq_gone gone;
	struct dq_skipped skipped;
	/* of the intake only */
	bool forget;
	size_t max_dead, dead, odd; /* released buffers to keep; how many are, plain and with findings */
	bool (*wanted)(const struct dq_mbuf *b, void *ctx);
	void *wanted_ctx;
	uint32_t *dying;	/* a ring of buffers that were released lately */
	size_t ndying;
	size_t *holes;		/* in bufs */
	size_t nholes, cap_holes;
	size_t att_sweep;	/* how many attachments are worth a sweep */
	size_t max_calls;
	uint64_t from, to;	/* dq_model_window() */
	uint64_t chunk;		/* of the reader: where the item that is put comes from */
	struct dq_places *places; /* NULL: nobody wants to know */
	bool only_kept, shared; /* shared: the holders are somebody else's */
	uint64_t nth_buf;
	uint32_t max_buf;	/* the largest id so far */
	struct dq_map *ix_task, *ix_dev, *ix_buf, *ix_att, *ix_ops, *keep;
	struct dq_map *ix_timeline, *ix_stack;
	struct dq_map *ix_module;	/* a caller's text, by where it is -> index in modules */
	struct dq_module *modules;
	size_t nmodules, cap_modules;
	uint32_t begin_snap;
	int err;
	struct dq_pending *pending; /* parallel to tasks */
	size_t npending, cap_pending;
	/* most calls are of the task and the buffer of the call before: index + 1 and id, 0: none */
	size_t last_pending, last_buf;
	uint32_t last_task, last_buf_id;
	uint64_t versions;
	struct dq_who_memo *memo;
	const char *last_caller; /* whose module was looked for last ... */
	bool no_holders;	/* nobody asks who holds what: dq_model_no_holders() */
	bool no_who;		/* nobody asks who made a call: dq_model_no_who() */
	size_t last_module;	/* ... index + 1 in modules; 0: none was */
	uint32_t last_dev;	/* that a syscall was on, 0: none */
	const struct dq_dev *last_driver; /* that device; NULL: none, or a dma-buf */
	const char *last_driver_name; /* dq_dev_driver() of it, or "" */
	bool keep_all;
	struct dq_strtab *strs;
	/* Sees each group when it is whole: g->n calls, ordered by entry, nested, named and
	 * counted. 0 or -errno. Set it before the first put. */
	int (*on_group)(void *ctx, const struct dq_group *g, const struct dq_mcall *v);
	/* Sees each descriptor that comes from another process, or NULL. */
	void (*on_transfer)(void *ctx, const struct dq_transfer *t);
	void *on_group_ctx;
};

enum dq_keep { DQ_KEEP_NONE, DQ_KEEP_ALL, DQ_KEEP_SOME };
/* 0 or -ENOMEM. For DQ_KEEP_SOME name the buffers with dq_model_keep() before the first put. */
int dq_model_new(struct dq_model **ret_m, enum dq_keep keep);
int dq_model_keep(struct dq_model *m, uint32_t buf);
/*
 * Memory that does not grow with the trace, both before the first put. Of buffers that are not kept,
 * dq_model_forget() leaves, once they are released, the first `max` and the first `max` that had a
 * failed, open or missed call, and those that `wanted` (may be NULL) says yes to; the others are
 * added up in .gone, and their attachments and former names forgotten. dq_model_limit() leaves the
 * first and the last calls of the kept buffers, at least max / 2 of each; .skipped is what is
 * missing between them.
 */
int dq_model_forget(struct dq_model *m, size_t max, bool (*wanted)(const struct dq_mbuf *b, void *ctx),
		    void *ctx);
void dq_model_limit(struct dq_model *m, size_t max);
/* What is to be drawn, in time since .t_first: where there are too many calls, others go first. */
void dq_model_window(struct dq_model *m, uint64_t from, uint64_t to);
/*
 * To read a trace twice, and the second time only what is about some buffers. The first model notes in
 * which chunks of the file the calls of each buffer are; m->chunk is the reader's state.part. When it
 * has read all and was whole, dq_model_take_places() says where everything is that a second model has
 * to see for these buffers: also groups that a call of theirs is in, and whatever is no call. NULL: not
 * known. The second model, which keeps these, takes nothing in of other buffers but their calls in
 * groups with a kept one, and r steps over the rest; NULL: over nothing. p has to stay.
 */
struct dq_places;
int dq_model_note_places(struct dq_model *m);	/* before the first put; 0 or -ENOMEM */
struct dq_places *dq_model_take_places(struct dq_model *m, const uint32_t *bufs, size_t n);
void dq_model_only_kept(struct dq_model *m, struct dq_places *p, struct dq_reader *r);
void dq_places_free(struct dq_places **p);
/* Before the first put: who holds what is found out by somebody else, who gets each item after the
 * model did, and stays until dq_model_finish(). */
void dq_model_share_holders(struct dq_model *m, struct dq_holders *h);
/* Before the first put: nobody will ask who made a call, or who imports a buffer. */
void dq_model_no_who(struct dq_model *m);
/* Before the first put: nobody will ask who holds what, or which descriptor came from whom; only for whom
 * a buffer was made is found out. */
void dq_model_no_holders(struct dq_model *m);
int dq_model_put(struct dq_model *m, const struct dq_item *item);
int dq_model_finish(struct dq_model *m);	/* after the last item */
/* All three at once: reads to the end. 0 or -errno of the reader or -ENOMEM. */
int dq_model_load(struct dq_model *m, struct dq_reader *r);
void dq_model_free(struct dq_model **m);

/* NULL when the trace does not say */
const struct dq_task *dq_model_task(const struct dq_model *m, uint32_t id);
const struct dq_dev *dq_model_dev(const struct dq_model *m, uint32_t id);
const struct dq_mbuf *dq_model_buf(const struct dq_model *m, uint32_t id);
const struct dq_matt *dq_model_att(const struct dq_model *m, uint32_t id);
const struct dq_timeline *dq_model_timeline(const struct dq_model *m, uint32_t id);
const struct dq_stack *dq_model_stack(const struct dq_model *m, uint32_t id);
/* The buffer whose chart a user most likely wants: the first with the most phases. NULL: none. */
const struct dq_mbuf *dq_model_pick(const struct dq_model *m);
/* The name that a user gave a process. */
/* "flight recording: the last 10s; 12 older calls were forgotten by request", as it is in the file, so
 * to be escaped; false and nothing when nothing was forgotten. */
bool dq_model_put_kept(const struct dq_model *m, struct dq_sb *sb);
/* clock.c: the machine was suspended, or its date was set; false: neither. */
bool dq_model_put_jumps(const struct dq_model *m, struct dq_sb *sb);
int dq_model_clock(struct dq_model *m, const struct dq_clock *c); /* 0 or -ENOMEM */
/* The same of calls that were let go for want of room (dq_skipped). */
bool dq_model_put_skipped(const struct dq_model *m, struct dq_sb *sb);
const char *dq_task_process(const struct dq_model *m, uint32_t id);

/* ---- the story ---- */
enum dq_detail {
	DQ_DETAIL_APP,	/* one arrow for each syscall: what the application did, what became of the buffer */
	DQ_DETAIL_API,	/* what drivers call, with the exporter's callbacks (the usual one) */
	DQ_DETAIL_OPS,	/* + frames inside frames: wrappers, rollbacks, bookkeeping, waits */
};

/* How a mark looks; src/model/rules.h has the same words. */
enum dq_mark_weight { DQ_MARK_NOTE, DQ_MARK_HINT, DQ_MARK_WARNING, DQ_MARK_ERROR };

enum dq_cbret { DQ_CBRET_ERRORS, DQ_CBRET_VALUES };

/* What somebody has to say of a call or a syscall: where the story has a step for it, it is said
 * there. */
struct dq_mark {
	uint32_t number;	/* of the finding that it belongs to */
	enum dq_mark_weight weight;
	bool main;		/* it says what the finding is; the others lead to it */
	bool loose;		/* no reason to keep its round out of a loop */
	bool at_result;		/* what came back is what counts */
	uint32_t task;
	uint32_t seq;		/* the call's number within the task; 0: not about a call */
	uint32_t sys;		/* the syscall's; 0: not about one */
	uint32_t buf, att;	/* 0: none */
	uint32_t shown_by;	/* not 0: nothing to show here, but in charts of that buffer */
	uint64_t t;
	const char *head;	/* "error: detach-while-mapped"; plain, "" when not main */
	const char *text;	/* plain, may have names that others chose */
};

struct dq_story_opts {
	const struct dq_mark *marks; /* in order of their numbers; they stay the caller's */
	size_t nmarks;
	bool focus;		/* only what leads to the marks, and some more around it */
	enum dq_detail detail;
	bool via;		/* API call and its callback as one arrow of two legs */
	enum dq_cbret cbret;	/* which results of callbacks are steps */
	bool fold;
	uint64_t from, to;	/* times of the trace; 0 and UINT64_MAX: all */
	size_t max_steps;	/* on a page; 0: no limit */
	uint64_t max_cost;	/* of a page: its lanes × its lulls and loops × its steps; 0: no limit. A
				 * renderer may take that long */
	bool framed;		/* there is a frame around each unit, too */
	bool apart;		/* the buffers one after the other, a chapter each, in the order in which they
				 * are given; all on one page, the longest chapters cut. For DQ_DETAIL_APP */
};

/* From left to right. */
enum dq_lane_kind {
	DQ_LANE_APP,
	DQ_LANE_KTHREAD,
	DQ_LANE_IMPORTER,
	DQ_LANE_CORE,
	DQ_LANE_EXPORTER,
};

struct dq_lane {
	enum dq_lane_kind kind;
	const char *name;	/* "camera_app", "vivid", "kworker/0:1" */
	const char *small;	/* "pid 812", "vivid.0", "videobuf2_dma_contig"; "" */
	uint64_t key;		/* of apps: process, or thread; of kernel threads: task */
	uint32_t process;	/* of apps: its id, where lanes are threads; else 0 */
	const char *process_name, *process_small; /* "camera_app", "pid 812" */
	const char *dev;	/* of importers: device name; "" */
	uint32_t buf;		/* of the core's: the only buffer that it is about; 0: all */
};

/* What a buffer is in, as its life bar shows it. */
enum dq_bar {
	DQ_BAR_NONE,		/* not born, or released */
	DQ_BAR_EXPORTED,
	DQ_BAR_ATTACHED,
	DQ_BAR_MAPPED,
	DQ_BAR_CPU,		/* the CPU may look: between begin and end, or vmap and vunmap */
	DQ_BAR_ERROR,		/* something has just failed */
	DQ_BAR_MAX
};

/* How the CPU gets at a buffer. */
enum dq_access {
	DQ_ACCESS_USER,		/* DMA_BUF_IOCTL_SYNC */
	DQ_ACCESS_KERNEL,	/* dma_buf_begin_cpu_access() */
	DQ_ACCESS_VMAP,		/* dma_buf_vmap(), dma_buf_kmap() */
	DQ_ACCESS_MAX
};

/* What a step changes of that. */
struct dq_effect {
	bool born, gone;
	int8_t att, map, cpu[DQ_ACCESS_MAX]; /* so many more, or less */
};

enum dq_step_kind { DQ_STEP_CALL, DQ_STEP_RETURN };

enum dq_step_flag {
	DQ_ST_ERR = 0x1,	/* a result that is an error */
	DQ_ST_OPEN = 0x2,	/* instead of a result: still running at the end */
	DQ_ST_MISSED = 0x4,	/* instead of a result: it was missed */
	DQ_ST_SYS = 0x8,	/* a syscall's arrow or result */
	DQ_ST_DEFERRED = 0x10,	/* somebody else's work, done later */
	DQ_ST_EVENT = 0x20,	/* nobody waits for it: a descriptor appears */
	DQ_ST_INNER = 0x40,	/* a frame inside a frame (DQ_DETAIL_OPS) */
	DQ_ST_FIRST = 0x80,	/* first arrow of its group */
	DQ_ST_LAST = 0x100,	/* last arrow of its group */
	DQ_ST_MAP = 0x200,	/* attachment .att is mapped after this step */
	DQ_ST_UNMAP = 0x400,	/* ... and no longer after this one */
	DQ_ST_CPU_USER = 0x800,	/* user space has CPU access after this step */
	DQ_ST_CPU_KERNEL = 0x1000, /* the kernel has */
	DQ_ST_PASSED = 0x2000,	/* a descriptor arrives from another process */
	DQ_ST_GUESS = 0x4000,	/* inferred: it may have been another one */
	DQ_ST_FATAL = 0x8000,	/* with DQ_ST_MISSED: the task died in it */
};
#define DQ_ST_CONTEXT (DQ_ST_FIRST | DQ_ST_LAST)	/* not said by the step itself */

struct dq_step {
	enum dq_step_kind kind;
	enum dq_phase phase;
	uint32_t flags;
	int from, via, to;	/* lanes; via -1: none */
	uint32_t group;		/* index in dq_model.groups */
	uint32_t ncalls;	/* recorded calls that it stands for */
	uint32_t att;		/* number of its attachment in the chart; 0: none */
	uint32_t buf;		/* the buffer that it is about */
	int who;		/* lane that has CPU access after this step; -1: not said here */
	struct dq_effect effect;
	enum dq_bar bar;	/* of buf, after this step */
	uint32_t order;		/* as it was made, to keep equal times in order */
	uint32_t seq;		/* number of its call within the task; 0: none */
	uint32_t mark;		/* what is said of it: index in dq_story.said, from 1; 0: nothing */
	uint64_t t;
	uint64_t dur;		/* 0: not known or not shown here */
	uint64_t dmin, dmed, dmax; /* of a folded step; dmax 0: not folded */
	uint64_t hash;		/* equal for steps that say the same up to identities and times */
	const char *text;	/* what is called, or what came back */
	const char *small;	/* an aside, or "" */
};

/* A run of steps that nothing of another group interrupts. */
struct dq_unit {
	size_t first, n;	/* steps */
	uint32_t group;
	uint64_t t0, t1;
	uint64_t hash;
	uint64_t times;		/* how often it ran in all rounds of the loops around it; 1: no loop */
	uint64_t left_out;	/* calls before it that are left out (dq_skipped, focus) */
	uint32_t access;	/* 1 + step that began the CPU access which goes on until this unit; 0: none */
};

/* Units [first, first + n) are the first round of a loop; the other rounds are not in the
 * story. Loops nest: one that is inside of another stands behind it, and comes in each of its
 * rounds, not always with as many rounds of its own. */
struct dq_loop {
	size_t first, n;
	uint32_t rounds_min, rounds_max; /* equal but for loops in loops */
	uint64_t period, pmin, pmax; /* median, least, most time from round to round */
	uint64_t t_end;		/* of the last round (of the first time it comes) */
	uint32_t first_att, last_att; /* attachments that the rounds are about; 0: none */
	uint32_t nbufs, first_buf, last_buf; /* and buffers */
};

/* What is drawn on one page: units [first, first + n), with the loops around and in them. */
struct dq_page {
	size_t first, n, steps;
	uint64_t calls;		/* that its steps stand for, in all rounds */
	uint64_t errors;	/* steps that are errors, in all rounds */
};

/* With dq_story_opts.apart: what is told of one buffer, units [first, first + n). */
struct dq_chapter {
	uint32_t buf;
	size_t first, n;
	uint64_t t0;		/* of its first step */
	size_t steps;		/* that are drawn ... */
	size_t cut;		/* ... and that are not, behind them */
};

struct dq_story {
	const struct dq_model *m;
	uint32_t *bufs;		/* ids */
	size_t nbufs;
	struct dq_lane *lanes;	/* from left to right */
	size_t nlanes, cap_lanes;
	struct dq_step *steps;
	size_t nsteps, cap_steps;
	struct dq_unit *units;
	size_t nunits, cap_units;
	struct dq_loop *loops;	/* in order of .first, outer ones first */
	size_t nloops, cap_loops;
	struct dq_page *pages;	/* at least one */
	size_t npages, cap_pages;
	struct dq_chapter *chapters; /* none where buffers are told together */
	size_t nchapters, cap_chapters;
	const char **before;	/* what is said of buffers that existed before the recording */
	size_t nbefore, cap_before;
	uint64_t calls;		/* counted calls of the buffers ... */
	uint64_t shown;		/* ... and how many of them a step stands for */
	uint64_t folded;	/* ... of these, in rounds of loops that are not drawn */
	uint64_t median_step;	/* ns between steps */
	struct dq_said {	/* marks, each with its place */
		const struct dq_mark *m;
		size_t step;	/* SIZE_MAX: none; see dq_story_unsaid() */
		uint32_t next;	/* of the same step; 0: the last */
	} *said;
	size_t nsaid;
	uint64_t left_at_end;	/* calls after the last step that are left out (focus) */
	uint32_t bars;		/* bit (enum dq_bar): some buffer was in it */
	/* internal */
	struct dq_map *atts;	/* attachment id -> number in the chart */
	uint32_t natts;
	struct dq_map *mapped;	/* attachment id -> outstanding maps */
	struct dq_map *left;	/* group -> calls before it that are left out (focus) */
	struct dq_map *unseen;	/* number of an attachment in the chart: an unmap of it is left out */
	struct dq_map *bufset;	/* buffer id -> index in bufs */
	struct dq_strtab *strs;
	struct dq_story_opts o;
};

/* What is said of a step, one after the other: m NULL for the first; NULL: no more. */
const struct dq_said *dq_story_said(const struct dq_story *s, const struct dq_step *st,
				    const struct dq_said *m);
/* Is this a main mark, about a buffer of the story, that no step has? */
bool dq_story_unsaid(const struct dq_story *s, const struct dq_said *m);
/* Is how long the mapping of this attachment of the chart lasted not to be seen in it? from: when it began */
bool dq_story_unseen_end(const struct dq_story *s, uint32_t att, uint64_t from);
/* Who looks at the buffer with the CPU until unit u comes, which ends that; NULL: nobody is known to.
 * *ret_user: user space does. */
const struct dq_lane *dq_story_access(const struct dq_story *s, const struct dq_unit *u, bool *ret_user);
/* Is a pause of so many ns between two steps worth telling? */
bool dq_story_lull(const struct dq_story *s, uint64_t dt);
int dq_story_new(struct dq_story **ret_s, const struct dq_model *m, const uint32_t *bufs, size_t n,
		 const struct dq_story_opts *opts);
void dq_story_free(struct dq_story **s);

/* ---- names ---- */
/* "VIDIOC_QBUF", or NULL. driver and subsystem of the device narrow it down; "" when not known. */
const char *dq_ioctl_name(uint32_t cmd, const char *subsystem, const char *driver);
void dq_sb_ioctl(struct dq_sb *sb, uint32_t cmd, const struct dq_dev *dev); /* always something */
/* A module that makes calls on behalf of a driver. */
bool dq_is_helper(const char *module);
/* The driver for which a library module called, as far as it was learnt of this buffer; else the
 * module itself. */
const char *dq_who_stands_behind(const struct dq_mbuf *b, const char *module);
const char *dq_dir_name(uint64_t dir);	/* "FROM_DEVICE" */
void dq_sb_sync(struct dq_sb *sb, uint64_t flags);	/* "START|READ" */
void dq_sb_oflags(struct dq_sb *sb, uint64_t flags);	/* "O_RDWR|O_CLOEXEC" */

#endif /* DQ_MODEL_H */
