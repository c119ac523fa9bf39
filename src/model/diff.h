/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff.h - what changed between two recordings, or a recording and a baseline.
 *
 * Shapes of the two sides are matched: those that are the same first, then, if the kernels differ,
 * those that are the same but for what kernels are known to do differently (diff_kernel.c), then
 * the most similar ones. The tracks of a matched pair are aligned by role and their steps
 * structurally: a tree of both sides, in which each step has a verdict. A loop is one element.
 *
 * Alignment finds the least change (steps added and removed count two each, a step with other
 * arguments three, another count one) by dynamic programming, level by level. Its work is limited
 * (DQ_DIFF_WORK cells in all, DQ_DIFF_CELLS at once); beyond that, steps are matched in order within
 * a window, and the result says that it may not be the least (.rough). More than DQ_DIFF_PAIRS
 * combinations of shapes that are left are compared with their neighbours only.
 *
 * The sides must outlive the result. May use src/util.
 */
#ifndef DQ_MODEL_DIFF_H
#define DQ_MODEL_DIFF_H

#include "model/baseline.h"

#define DQ_DIFF_WORK  30000000u
#define DQ_DIFF_CELLS 1000000u
#define DQ_DIFF_PAIRS 2500u

enum dq_counts { DQ_COUNTS_EXACT, DQ_COUNTS_TOLERANT, DQ_COUNTS_IGNORE };

/* ---- ignore rules: "VERDICT PATTERN -- REASON", a line each ---- */
struct dq_ignore {
	uint32_t what;		/* DQ_D_* */
	char *pattern;		/* as fnmatch(3) has them; for the text of a step or its shape */
	char *reason;
	size_t line;
	uint64_t used;
};
struct dq_ignores {
	struct dq_ignore *v;
	size_t n, cap;
};
int dq_ignores_parse(struct dq_ignores *r, const char *data, size_t len, char **ret_err);
void dq_ignores_free(struct dq_ignores *r);

struct dq_diff_opts {
	enum dq_counts counts;
	bool strict_kernel;	/* what kernels do differently is a difference */
	unsigned int timing;	/* percent; 0: durations are not compared */
	uint64_t work;		/* in place of DQ_DIFF_WORK; 0: that */
	struct dq_ignores *rules;	/* or NULL; .used is counted */
};

/* ---- verdicts ---- */
#define DQ_D_ADDED   0x1
#define DQ_D_REMOVED 0x2
#define DQ_D_MOVED   0x4	/* of two nodes: where it was, and where it is */
#define DQ_D_CHANGED 0x8	/* other arguments or another result */
#define DQ_D_COUNT   0x10
#define DQ_D_TIME    0x20
#define DQ_D_RENAMED 0x40	/* nothing but a name that is another one everywhere: dq_diff.renames */
#define DQ_D_SIZE    0x80	/* of buffers */
#define DQ_D_NAME    0x100
#define DQ_D_SHAPE   0x200	/* buffers of a shape that the other side does not have */
#define DQ_D_GAINED  0x400	/* of findings */
#define DQ_D_LOST    0x800
#define DQ_D_ANY     0xfff
#define DQ_D_BITS    12
#define DQ_D_WEAK    DQ_D_TIME	/* not in the exit status */
const char *dq_verdict_name(uint32_t one); /* "added" */

struct dq_span {	/* durations that differ: medians, and how sure it is */
	uint64_t a, b;
	double z;		/* standard deviations from chance; 3.29: p < 0.001 */
	bool differs;		/* surely, and enough */
};

/* A step of both sides, or of one. */
struct dq_unode {
	uint32_t verdict;	/* DQ_D_* of the step itself; 0: the same */
	const struct dq_node *a, *b; /* NULL: not there */
	uint64_t a_min, a_max, b_min, b_max; /* how often */
	int rule;		/* that says to ignore it; -1: none */
	uint32_t moved;		/* number of the move; 0: none. Without MOVED: it is one of several
				 * in a row that went or came */
	bool deviates;		/* not a step: so were odd rounds of the loop before it; .a_min
				 * or .b_min of them, and kids are the difference */
	bool joined;		/* the other end of the move is one more, or fewer, of a repeat */
	bool blind;		/* callbacks of one side were not recorded: not compared */
	struct dq_span time;
	struct dq_unode *kids;
	size_t nkids, cap;
};

struct dq_utrack {
	enum dq_track_kind kind;
	const char *role_a, *role_b; /* NULL: not there */
	uint32_t verdict;	/* ADDED, REMOVED, CHANGED or RENAMED (its role), COUNT (threads) */
	int rule;
	uint64_t a_min, a_max, b_min, b_max; /* threads */
	struct dq_unode *v;
	size_t n, cap;
};

/* Buffers of a shape in BASE and what they are in NEW. */
struct dq_pair {
	const struct dq_shape *a, *b; /* NULL: only in the other */
	size_t na, nb;		/* buffers */
	uint32_t verdict;	/* SHAPE, COUNT, SIZE, NAME: of the whole */
	int rule;
	uint32_t kernel;	/* bits of dq_kernel_rules that were needed */
	bool same;		/* their lives are the same */
	bool rough;
	struct dq_utrack *tracks;
	size_t ntracks, cap;
	uint64_t n[DQ_D_BITS];	/* differences by bit of DQ_D_*, that no rule ignores */
	uint64_t ignored;
	uint64_t steps;		/* all of them */
	struct dq_span phases[DQ_PH_MAX]; /* durations of the calls of each, not of those in them */
	uint64_t nphases;	/* that differ */
};

struct dq_new_name {
	char *from, *to;
	uint64_t steps;
	bool arg;		/* always an argument: a device */
};

/* A finding that only one side has. */
struct dq_ufound {
	const struct dq_found *a, *b; /* one is NULL */
	uint32_t verdict;	/* DQ_D_GAINED, DQ_D_LOST */
	int rule;		/* that says to ignore it; -1: none */
	bool weak;		/* it counts for nothing */
};

/* How many buffers somebody holds at the end. */
struct dq_held {
	const char *text;	/* "descriptor of camera" */
	uint64_t a, b;
};

struct dq_diff {
	const struct dq_side *a, *b;
	struct dq_diff_opts o;
	struct dq_pair *pairs;
	size_t npairs, cap;
	struct dq_new_name *renames;
	size_t nrenames, cap_renames;
	struct dq_ufound *found; /* gained, then lost; none where a side was not checked */
	size_t nfound, cap_found;
	struct dq_held *held;
	size_t nheld, cap_held;
	uint32_t kernel;	/* rules that were needed anywhere */
	bool other_kernel;
	bool rough;
	uint64_t n[DQ_D_BITS], ignored, steps;
	uint64_t nphases;	/* of all pairs */
	uint64_t a_bufs, b_bufs, a_alive, b_alive; /* buffers; not released at the end */
	/* internal */
	struct dq_shapes ka, kb; /* shapes without what kernels do differently */
	struct dq_node **flat;	/* loops that were written out; they own nothing */
	size_t nflat, cap_flat;
	uint64_t work;		/* cells that were filled, of DQ_DIFF_WORK */
};

int dq_diff_new(struct dq_diff **ret_d, const struct dq_side *a, const struct dq_side *b,
		const struct dq_diff_opts *o);
void dq_diff_free(struct dq_diff **d);
bool dq_diff_differs(const struct dq_diff *d);	/* in what counts for the exit status */
bool dq_pair_differs(const struct dq_pair *p);
bool dq_diff_slower(const struct dq_diff *d);	/* durations differ: of a step or a phase */
bool dq_pair_slower(const struct dq_pair *p);
unsigned int dq_verdict_bit(uint32_t one);	/* index in .n */

/* ---- what kernels do differently ---- */
struct dq_kernel_rule {
	const char *key;	/* "sgt-cache" */
	const char *what;	/* for people */
};
extern const struct dq_kernel_rule dq_kernel_rules[];
extern const size_t dq_nkernel_rules;
#define DQ_KERNEL_RULES 6
struct dq_applied {
	uint32_t rules;		/* bits */
	uint64_t sum[DQ_KERNEL_RULES]; /* of what each was applied to */
};

/* ---- shared by the files of diff ---- */
int dq_kernel_normalize(struct dq_life *l, struct dq_applied *applied);
/* The rules that two lives were not the same without. */
uint32_t dq_kernel_needed(const struct dq_applied *a, const struct dq_applied *b);
bool dq_rounds_differ(const struct dq_diff *d, uint64_t amin, uint64_t amax, uint64_t bmin,
		      uint64_t bmax);
/* Cost of making b's tracks of a's. */
int dq_align_cost(struct dq_diff *d, const struct dq_life *a, const struct dq_life *b,
		  uint64_t *ret_cost);
int dq_align(struct dq_diff *d, struct dq_pair *p, const struct dq_life *a, const struct dq_life *b);
int dq_ignores_find(struct dq_ignores *r, uint32_t verdict, const char *text, const char *other);
void dq_unode_free(struct dq_unode *u);
int dq_align_phases(struct dq_diff *d, struct dq_pair *p); /* durations of each phase */
int dq_diff_findings(struct dq_diff *d);
int dq_diff_held(struct dq_diff *d);

#endif /* DQ_MODEL_DIFF_H */
