/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keep.h - the last part of a stream of items, in bounded memory: a flight recorder.
 *
 * It takes what a writer takes and can give, at any time, the end of it as a trace
 * that is valid by itself. What falls out at the other end is not just forgotten: it
 * is folded into the state that the rest begins with, so that the ids in the rest have
 * their meaning and a buffer has its last name.
 */
#ifndef DQ_KEEP_H
#define DQ_KEEP_H

#include "trace.h"

struct dq_keeper;

struct dq_keep_opts {
	uint64_t bytes;		/* at most so many for the items, packed; 0: 64 MiB */
	uint64_t ns;		/* at least the last so many ns, when they fit; 0: as many as fit */
	/* Sees what is forgotten, in order. May be NULL. */
	void (*forget)(void *ctx, const struct dq_item *item);
	/* Puts what holds when the rest begins (a snapshot and its holds), after all definitions; called
	 * only when something was forgotten, and more than once per writing. May be NULL. */
	int (*begin)(void *ctx, const struct dq_sink *to);
	void *ctx;
};

struct dq_keep_stats {
	uint64_t calls;		/* that are kept */
	uint64_t forgotten;	/* calls that are not */
	uint64_t from;		/* what ended later is kept; 0: all is kept */
	uint64_t bytes;		/* of memory: items and definitions */
	bool too_small;		/* bytes did not suffice for ns */
};

int dq_keeper_new(struct dq_keeper **ret_k, const struct dq_keep_opts *opts);
void dq_keeper_free(struct dq_keeper **k);
/* Of an END only its time is remembered. */
int dq_keeper_put(struct dq_keeper *k, const struct dq_item *item);
struct dq_sink dq_keeper_sink(struct dq_keeper *k);	/* its flush does nothing */
void dq_keeper_stats(const struct dq_keeper *k, struct dq_keep_stats *ret);

/*
 * Puts what is kept, and an end, into a sink. now: the time until which it was recorded, which decides what
 * is older than ns.
 * goes_on: the recording does, and calls that have not returned are missing, which is said.
 * Nothing is forgotten by it, and more can be put afterwards. 0, -ENOMEM, or the sink's error.
 */
int dq_keeper_write(struct dq_keeper *k, const struct dq_sink *to, uint64_t now, const char *reason,
		    bool goes_on);

/*
 * A recording in several files, one after the other. Nothing is kept but the state: what is put
 * goes to the file that is being written, and is then folded as if it had been forgotten. A file
 * begins with that state, and takes from it what its items refer to.
 *
 *	dq_keeper_part(&part) -> dq_part_put ... -> dq_part_end -> dq_keeper_part(&part) ...
 */
struct dq_part;
/* Puts the head of the next file into a sink that must outlive the part: nothing, when it is the first. */
int dq_keeper_part(struct dq_keeper *k, const struct dq_sink *to, struct dq_part **ret_p);
/* An END's counts become those of this file. */
int dq_part_put(struct dq_part *p, const struct dq_item *item);
/* Between two items of a snapshot, which would be torn apart, no file may end. */
bool dq_part_may_end(const struct dq_part *p);
/* The file ends, the recording does not: puts that, and an END of the time `now`. Frees the part, also after an error. */
int dq_part_end(struct dq_part **p, uint64_t now, const char *reason);
void dq_part_free(struct dq_part **p);

#endif /* DQ_KEEP_H */
