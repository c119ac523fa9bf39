/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life.h - the canonical life of a buffer, and the shapes that buffers have in common.
 *
 * A life is what happened to a buffer with everything left out that another run of the same
 * program changes: ids, inodes, descriptors, addresses, times, how often a loop ran. Two
 * buffers with the same life are of one shape.
 *
 * Order. The calls of one thread come in its program's order, those of two threads in the
 * scheduler's. So a life is not one sequence but a set of tracks, one for each actor, and an
 * order between actors is not kept:
 *   - each thread of a process is an actor. Its role, not its number, names it: the process,
 *     and the thread's name where it has one of its own. Threads that did the same are one
 *     track, "2 threads".
 *   - kernel threads of one name are one actor: which of several kworkers does some work, or
 *     that a driver starts a new thread for each stream, is chance.
 *   - interrupts are one actor.
 *   - the release is a track of its own: whoever drops the last reference makes it, at once, on
 *     the way back to user space or in a kworker.
 *   - what holds the buffer at the end is the last track.
 * Where an order between actors matters to the protocol, it is in the step itself: a map of an
 * attachment that is mapped ("again"), a detach "while mapped", an unmap of what is "not mapped".
 *
 * Limits: a pool whose identical threads share the work on one buffer by chance gives
 * different tracks from run to run; a callback that only the first of several users triggers
 * (ops->vmap) moves with whoever is first.
 *
 * Loops. Each track is folded while it is read (life_node.c): what comes again and again, be it
 * one step or a sequence, in loops in loops, is kept once, with how often (least, most) and how
 * long. Whether something ran once or more often makes no difference for being the same, as long
 * as it is one step; a sequence needs two rounds to be seen as a loop.
 *
 * Memory is bounded by the buffers that are alive, the number of shapes and the length of their
 * folded tracks: when 256 others were released after it, a buffer's life goes into its shape, with
 * the names that its threads have by then. A track that does not fold is cut at DQ_TRACK_MAX steps, and says so.
 *
 * Texts of nodes are safe to print: names of processes, drivers and devices are quoted and escaped
 * where they are not plain words. May use src/trace and src/util.
 */
#ifndef DQ_MODEL_LIFE_H
#define DQ_MODEL_LIFE_H

#include "model/model.h"

#define DQ_TRACK_MAX 16384	/* steps of a track that are kept apart */
#define DQ_NODE_DEPTH 64	/* how deep nodes of a baseline may nest */

/* ---- how long and how often ---- */

/* A histogram of durations: 8 bins for each power of two, only those that have something. */
struct dq_bin {
	uint16_t bin;
	uint32_t n;
};
struct dq_times {
	uint64_t n, min, max;
	struct dq_bin *v;	/* ascending */
	uint16_t nv, cap;
};
int dq_times_add(struct dq_times *t, uint64_t ns);
int dq_times_merge(struct dq_times *t, const struct dq_times *from);
/* The q-th value of 1000 (500: the median), as exact as the bins are. 0: there is none. */
uint64_t dq_times_quantile(const struct dq_times *t, unsigned int q);
uint64_t dq_bin_begin(unsigned int bin); /* the least duration that falls into it */
void dq_times_free(struct dq_times *t);

/* How often in a row, over all the places where it came. */
struct dq_rounds {
	uint64_t min;		/* of all places but the last, which may go on; see dq_rounds_min() */
	uint64_t max;
	uint64_t sum;		/* of all places */
	uint64_t places;
	uint64_t last;		/* in the last place */
};

uint64_t dq_rounds_min(const struct dq_rounds *r);
void dq_rounds_set(struct dq_rounds *r, uint64_t min, uint64_t max); /* of one place */

/* ---- nodes ---- */

enum dq_node_kind {
	DQ_NODE_SYS,	/* a system call, with the calls in it */
	DQ_NODE_CALL,	/* a call, with those in it */
	DQ_NODE_LOOP,	/* a sequence that ran several times */
	DQ_NODE_FACT,	/* no call: who holds the buffer at the end */
};

#define DQ_NODE_FAILED	 0x1
#define DQ_NODE_OPEN	 0x2	/* had not returned at the end, or when its task died */
#define DQ_NODE_UNKNOWN	 0x4	/* its return was missed: whether it failed is not known */
#define DQ_NODE_CALLBACK 0x8	/* the exporter's or importer's function */
#define DQ_NODE_DARK	 0x10	/* callbacks were not recorded then: those in it are not known */

struct dq_node {
	enum dq_node_kind kind;
	uint32_t flags;		/* DQ_NODE_* */
	uint32_t hook;		/* CALL: enum hook_id, 0 when it came from a baseline */
	enum dq_phase phase;
	char *text;		/* one line, safe to print; NULL: LOOP */
	uint64_t hash;		/* of what it is and what is in it; not of counts and times */
	struct dq_rounds rounds;
	struct dq_times times;	/* of one round */
	struct dq_node *kids;
	size_t nkids, cap;
};
void dq_node_free(struct dq_node *n);	/* what it owns, not n itself */
int dq_node_copy(struct dq_node *to, const struct dq_node *n);
bool dq_node_same(const struct dq_node *a, const struct dq_node *b); /* but for counts and times */
void dq_node_hash(struct dq_node *n);	/* sets .hash from the rest; kids have theirs */
/* b happened in another place than a: their counts and times together. They are the same. */
int dq_node_merge(struct dq_node *a, const struct dq_node *b);
/* Appends *n to a sequence and folds its end; takes what n owns, also on error. */
int dq_node_push(struct dq_node **v, size_t *nv, size_t *cap, struct dq_node *n);
/* Where the callee's arguments begin and the result, as offsets: "who: op(args) = result". */
void dq_node_parts(const char *text, size_t *op_end, size_t *ret_begin);
const char *dq_node_behind_word(const char *text); /* the first word of a text may be quoted */
bool dq_node_has_hook(const struct dq_node *n, uint32_t hook); /* it, or a call in it */
/* Nodes of a sequence, all levels, calls of loops once. */
size_t dq_node_count(const struct dq_node *v, size_t n);
uint64_t dq_life_hash(uint64_t h, const void *data, size_t len); /* the same on every machine */

/* ---- tracks and lives ---- */

enum dq_track_kind {
	DQ_TRACK_APP,
	DQ_TRACK_KTHREAD,
	DQ_TRACK_IRQ,
	DQ_TRACK_RELEASE,
	DQ_TRACK_HELD,		/* who holds it at the end; one node each */
};
const char *dq_track_key(enum dq_track_kind k);	/* "thread", "kernel thread", "interrupt", ... */

struct dq_track {
	enum dq_track_kind kind;
	uint32_t task;		/* while it is read */
	char *role;		/* safe to print: "dqload", "dqload/worker-#"; "" where there is none */
	uint64_t threads_min, threads_max; /* that did the same */
	struct dq_node *v;
	size_t n, cap;
	uint64_t cut;		/* steps behind DQ_TRACK_MAX that are not kept */
	uint64_t hash;
	bool maker;		/* it had the buffer exported */
};

struct dq_life {
	uint32_t buf;		/* 0: of calls that concern no buffer */
	struct dq_track *tracks; /* in canonical order */
	size_t ntracks, cap;
	uint64_t hash;
	bool dark;		/* some callbacks were not recorded */
	bool cut;
};
void dq_life_free(struct dq_life *l);
/* Sorts tracks, joins those that are the same, sets the hashes. */
int dq_life_settle(struct dq_life *l);
bool dq_life_same(const struct dq_life *a, const struct dq_life *b);

/* ---- shapes ---- */

#define DQ_SHAPE_NAME 8		/* digits */

struct dq_shape {
	char name[DQ_SHAPE_NAME + 9]; /* hash of the canonical life, in hexadecimal; longer if two begin alike */
	struct dq_life life;	/* with the counts and times of all of its buffers */
	uint32_t *bufs;		/* ids, ascending; none for the shape of calls without a buffer */
	size_t nbufs, cap_bufs;
	uint64_t dark_bufs;	/* of these: some of whose callbacks were not recorded */
	uint64_t calls_min, calls_max;
	uint64_t size_min, size_max;
	char *exporter;		/* safe to print, as all that follow */
	char *process;		/* that had it made; "" when not known */
	char **names;		/* that they have; those that differ in digits are one, with "#" */
	size_t nnames, cap_names;
};

struct dq_shapes {
	struct dq_shape *v;	/* those of most buffers first, then by first buffer; that of no
				 * buffer is last */
	size_t n, cap;
};

struct dq_lives;
/* Before the first dq_model_put(m). 0 or -ENOMEM. */
int dq_lives_new(struct dq_lives **ret_l, struct dq_model *m);
/* After dq_model_finish(m): the shapes of all buffers. The caller frees them. */
int dq_lives_shapes(struct dq_lives *l, struct dq_shapes *ret_s);
void dq_lives_free(struct dq_lives **l);
void dq_shapes_free(struct dq_shapes *s);
/* The shape of a buffer; NULL: there is no such buffer. */
const struct dq_shape *dq_shape_of(const struct dq_shapes *s, uint32_t buf);

/* ---- life_text.c, for life.c ---- */
void dq_life_word(struct dq_sb *sb, const char *s);	/* plain, or quoted */
void dq_life_sys(struct dq_sb *sb, const struct dq_model *m, const struct dq_group *g,
		 const struct dq_mcall *v);
/* outer: the call around it, or NULL. size: of the buffer. */
void dq_life_call(struct dq_sb *sb, const struct dq_model *m, const struct dq_mcall *c,
		  const struct dq_mcall *outer, uint64_t size);

#endif /* DQ_MODEL_LIFE_H */
