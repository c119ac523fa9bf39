/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_watch.h - sees every item of a recording on its way to the file: notices the
 * first failed call, adds up losses, and follows who holds what, to compare that with
 * what the recorder finds by looking at the end.
 */
#ifndef DQ_RECORD_WATCH_H
#define DQ_RECORD_WATCH_H

#include "../live/live.h"
#include "../model/holders.h"
#include "../trace/fatal.h"
#include "../trace/trace.h"

#define RECORD_LOSSES 8		/* sources; more are added to the last */

struct record_loss {
	char source[16];
	uint64_t count, t0, t1;	/* t0, t1: 0, 0 not known */
};

struct record_watch {
	struct dq_sink next;
	struct dq_holders *holders;
	uint32_t max_buf;
	struct dq_snap final;	/* id 0: there was none. Its strings are not valid */
	struct record_loss losses[RECORD_LOSSES];
	size_t nlosses;
	struct dq_fatal fatal;
	uint64_t fatal_calls;	/* that a task died in: no missed returns, though counted as such */
	bool failed;		/* a call did */
	bool failure_told;	/* and all that it was part of is there */
	char failure[96];	/* "dma_buf_attach returned -ENODEV" */
	uint32_t task, sys;	/* of it */
};

int record_watch_init(struct record_watch *w, struct dq_sink next); /* 0 or -ENOMEM */
void record_watch_done(struct record_watch *w);
struct dq_sink record_watch_sink(struct record_watch *w);

/* For dq_live_opts.differ; ctx is the watch. */
uint64_t record_watch_differ(void *ctx);

/* How many living buffers' holders cannot be told. */
uint64_t record_watch_doubtful(const struct record_watch *w);

/* Of the returns that were counted as missed, those that were. */
uint64_t record_watch_missed(const struct record_watch *w, uint64_t counted);

/* Sentences on stderr: what was lost and when, counted from t0; who holds what without a call that
 * explains it; which probes were blind. */
void record_say_losses(const struct record_watch *w, uint64_t t0);
void record_say_holders(const struct record_watch *w);
void record_say_hooks(const struct dq_live *l);

/* Puts who holds what as a snapshot of BEGIN with this id, for a trace that begins at t. */
int record_put_holds(const struct dq_holders *h, uint32_t max_buf, uint64_t t,
		     const struct dq_sink *to);

#endif /* DQ_RECORD_WATCH_H */
