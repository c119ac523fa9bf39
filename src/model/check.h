/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h - the rules of rules.h, judged over a trace in one pass.
 *
 * Memory is bounded by what is alive (buffers, attachments, mappings, descriptors, calls under
 * way) and by the number of different findings, not by the trace's length. A finding is told
 * when it is proven by calls of the trace; what cannot be decided is counted by rule and reason,
 * and is never taken for fine. Writes nothing, prints nothing. May use src/trace and src/util.
 *
 * Strings point into the dq_reader that the items came from: free the reader last. They are
 * bytes that others chose: escape them.
 */
#ifndef DQ_MODEL_CHECK_H
#define DQ_MODEL_CHECK_H

#include "model/rules.h"
#include "trace/trace.h"
#include "util/util.h"

/* One thing of the trace that proves a finding. */
enum dq_proof_kind { DQ_PROOF_CALL, DQ_PROOF_SYS, DQ_PROOF_EXIT, DQ_PROOF_EXEC, DQ_PROOF_END };
struct dq_proof {
	enum dq_proof_kind kind;
	uint64_t n;		/* CALL: it is the n-th call of the trace, from 1 */
	uint64_t t;
	uint32_t task;
	const char *role;	/* what it has to do with the finding: "mapped here" */
	union {
		struct dq_call c;	/* CALL */
		struct dq_sys s;	/* SYS */
	};
};

enum dq_confidence {
	DQ_CONF_CERTAIN,	/* the calls prove it */
	DQ_CONF_LIKELY,		/* something that no trace shows could explain it */
	DQ_CONF_UNPROVEN,	/* only that it may be so */
};
const char *dq_confidence_name(enum dq_confidence c);	/* "certain" */

#define DQ_PROOFS  6
#define DQ_SAMPLES 8

/* Alike findings (same rule, exporter, device, process and caller) are one, with a count. What is
 * told in full is the first. */
struct dq_finding {
	enum dq_rule_id rule;
	enum dq_severity severity;
	enum dq_confidence confidence;
	const char *what;	/* a sentence without names that others chose */
	const char *doubt;	/* why it is not certain; "" */
	struct dq_proof proof[DQ_PROOFS];
	size_t nproof;
	/* who and what */
	bool has_buf;
	struct dq_buf buf;	/* .name: the last that was set */
	const char *exporter;
	bool has_att;
	struct dq_att att;
	uint32_t task;		/* 0: nobody */
	uint32_t tgid;
	const char *process;
	const char *caller;	/* who called the API: "function [module]"; "" */
	/* all of them */
	uint64_t count;
	uint64_t bufs;		/* on so many buffers */
	uint32_t samples[DQ_SAMPLES]; /* the first of these buffers */
	size_t nsamples;
	uint64_t first, last;	/* when */
	/* hints: what it cost, and what of it need not have been; 0: not known */
	uint64_t cost, saved;
	uint64_t times;		/* how often the costing thing was done */
};

enum dq_undecided {
	DQ_UND_LOST,		/* events were lost */
	DQ_UND_PAST,		/* it began before the recording, or outside of what was recorded */
	DQ_UND_CALLBACKS,	/* callbacks were not recorded, or not from the begin */
	DQ_UND_END,		/* the recording ended before it was decided */
	DQ_UND_LOOK,		/* nobody looked at the end who holds the buffer */
	DQ_UND_MAX
};
const char *dq_undecided_text(enum dq_undecided u);	/* "the recording ended before" */

struct dq_rule_sum {
	uint64_t looked;	/* how often it was decided */
	uint64_t found;		/* ... against the rule, or as a hint that applies */
	uint64_t undecided[DQ_UND_MAX];
	uint64_t untold;	/* different findings beyond what is kept */
};

struct dq_check;
/* severity of each rule; DQ_SEV_OFF: it is not judged */
int dq_check_new(struct dq_check **ret_c, const enum dq_severity severity[DQ_RULE_MAX]);
void dq_check_free(struct dq_check **c);
int dq_check_put(struct dq_check *c, const struct dq_item *item); /* 0 or -ENOMEM */
/* A part of the file could not be read, or it has no end: before dq_check_finish(). */
void dq_check_damaged(struct dq_check *c);
int dq_check_finish(struct dq_check *c);

/* After dq_check_finish(): worst first, then in the order of time. */
const struct dq_finding *dq_check_findings(const struct dq_check *c, size_t *ret_n);
const struct dq_rule_sum *dq_check_sum(const struct dq_check *c, enum dq_rule_id rule);
/* "29 times, 1.2 ms in all, 1.1 ms of it could be saved"; nothing when there is no cost */
void dq_finding_cost(struct dq_sb *sb, const struct dq_finding *f);

/* Findings for a chart, see struct dq_mark of model.h: those about buffers from `least` on, or the
 * only one of this number (from 1, in the order of dq_check_findings()). The check, and what its
 * items came from, have to stay. */
struct dq_mark;
struct dq_marks {
	struct dq_mark *v;
	size_t n, cap;
	struct dq_strtab *strs;
};
int dq_check_marks(const struct dq_check *k, enum dq_severity least, size_t number, struct dq_marks *ms);
void dq_marks_free(struct dq_marks *ms);

/* Facts for whoever prints. */
uint64_t dq_check_time(const struct dq_check *c, uint64_t t); /* since the trace's first event */
uint64_t dq_check_calls(const struct dq_check *c);
uint64_t dq_check_bufs(const struct dq_check *c);
uint64_t dq_check_lost(const struct dq_check *c);	/* the two kinds of losses: see dq_put_losses() */
uint64_t dq_check_missed(const struct dq_check *c);
const char *dq_check_lost_text(const struct dq_check *c);	/* of DQ_UND_LOST in this trace */
uint64_t dq_check_doubtful(const struct dq_check *c); /* buffers that lived while events were lost */
const char *dq_check_meta(const struct dq_check *c, const char *key); /* "" when not said */
const struct dq_task *dq_check_task(const struct dq_check *c, uint32_t id); /* NULL */
const struct dq_dev *dq_check_dev(const struct dq_check *c, uint32_t id); /* NULL */
const char *dq_check_process(const struct dq_check *c, uint32_t task);
struct dq_holders *dq_check_holders(struct dq_check *c); /* who holds what; the check's own */
const char *dq_check_stack(const struct dq_check *c, uint32_t id); /* frames; "" */

#endif /* DQ_MODEL_CHECK_H */
