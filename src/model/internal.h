/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h - what the files of this room share among themselves.
 */
#ifndef DQ_MODEL_INTERNAL_H
#define DQ_MODEL_INTERNAL_H

#include "model/model.h"

/* The calls of a task that wait for their group to be whole. */
struct dq_pending {
	struct dq_mcall *v;
	size_t n, cap;
	uint32_t sys;
	uint32_t done;		/* the last syscall that ended: what still comes is task work */
};

/* What the text of a caller says. */
struct dq_module {
	const char *name;	/* of "function [name]", of a built-in library's function the library; "" */
	const char *family;	/* one name for the modules of one library */
	bool helper;		/* works for others */
};

/* "A call through module (or on device) NAME is made by importer WHO." */
struct dq_alias {
	const char *name, *who, *whodev;
};

/* The end of a call; a hostile duration does not wrap around. */
static inline uint64_t dq_call_end(const struct dq_call *c)
{
	return c->dur > UINT64_MAX - c->t0 ? UINT64_MAX : c->t0 + c->dur;
}

/* forget.c */
void dq_forget_free(struct dq_model *m);
bool dq_is_kept(const struct dq_model *m, uint32_t buf);
/* b was released. Its calls may still come; with many others released it is forgotten. */
int dq_forget_dying(struct dq_model *m, const struct dq_mbuf *b);
struct dq_mbuf *dq_forget_slot(struct dq_model *m);	/* an empty place for a buffer, NULL: none */
int dq_forget_atts(struct dq_model *m);			/* before one is added */
int dq_forget_finish(struct dq_model *m);
void dq_limit_calls(struct dq_model *m);		/* when calls were kept */

struct dq_mbuf *dq_mbuf(struct dq_model *m, uint32_t id);
struct dq_matt *dq_matt(struct dq_model *m, uint32_t id);

/* group.c: nests, names and counts the pending calls; keeps them if wanted; empties p. */
int dq_group_flush(struct dq_model *m, uint32_t task, struct dq_pending *p,
		   const struct dq_sys *sys);
/* is `in`, a callee of `out`, the same operation (attach > dynamic_attach)? */
bool dq_is_wrapped(const struct dq_call *in, const struct dq_call *out);
bool dq_call_failed(const struct dq_call *c);	/* returned an error */

/* who.c: which driver made a call */
int dq_who(struct dq_model *m, struct dq_mbuf *b, struct dq_mcall *c, const struct dq_sys *sys);
/* the exporter of a buffer, once its export has been seen */
void dq_who_exporter(struct dq_model *m, struct dq_mbuf *b, const struct dq_sys *sys);
/* notes an attachment of b */
void dq_who_att(struct dq_mbuf *b, const struct dq_att *a);
/* the driver behind a device, as a user calls it */
const char *dq_dev_driver(const struct dq_dev *d);
bool dq_same_driver(const char *a, const char *b);

/* label.c: plain texts. canon: without numbers that name an object, for comparing. */
struct dq_label_ctx {
	struct dq_story *s;
	bool canon;
	bool fd_told;	/* an arrow of its own told the new descriptor */
};
void dq_label_call(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_mcall *c);
void dq_label_result(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_mcall *c);
void dq_label_sys(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_group *g,
		  const struct dq_mcall *calls);
void dq_label_sys_result(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_group *g,
			 const struct dq_mcall *calls);
/* number of an attachment in the chart, given at first use; 0: no memory or none */
uint32_t dq_story_att(struct dq_story *s, uint32_t att);

/* lanes.c */
int dq_story_lanes(struct dq_story *s);

/* bars.c */
void dq_effect_of_call(struct dq_effect *e, const struct dq_mcall *c);
int dq_story_bars(struct dq_story *s);

/* fold.c */
int dq_story_fold(struct dq_story *s);
int dq_story_paginate(struct dq_story *s, size_t max);

#endif /* DQ_MODEL_INTERNAL_H */
