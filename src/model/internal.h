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
	uint64_t chunk, done_chunk; /* where the first of them, and the end of that syscall, came from */
};

struct dq_places {
	uint64_t *bits;		/* chunks that are to be read; two for each: always, and if a buffer is
				 * of interest that has calls there or later */
	size_t nbits, cap_bits;	/* words */
	uint64_t moves, looked;	/* of descriptor tables, when it was last looked, in this chunk */
	uint64_t last;		/* the last chunk that was seen */
	uint64_t until;		/* the last one with calls of a buffer of interest */
	uint64_t t_first, t_last;
	bool lost;		/* it would take too long to note them all */
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

/* What dq_who() said of a call like this, and would say again. */
#define DQ_WHO_MEMOS 256
struct dq_who_memo {
	const char *caller;
	uint64_t version;	/* of the buffer; 0: empty */
	uint32_t buf, att, dev, hook;
	bool exporter;
	const char *who, *whodev;
};

/* The end of a call; a hostile duration does not wrap around. */
static inline uint64_t dq_call_end(const struct dq_call *c)
{
	return c->dur > UINT64_MAX - c->t0 ? UINT64_MAX : c->t0 + c->dur;
}

/* The first and the last time that was seen; 0 is none. */
static inline void dq_see_time(uint64_t *first, uint64_t *last, uint64_t t)
{
	if (t && t < *first)
		*first = t;
	if (t > *last)
		*last = t;
}

/* It ends when it starts, or later. */
static inline void dq_see_call(uint64_t *first, uint64_t *last, const struct dq_call *c)
{
	uint64_t end = dq_call_end(c), begin = c->t0 ? c->t0 : end;

	if (begin && begin < *first)
		*first = begin;
	if (end > *last)
		*last = end;
}

/* places.c: for m->places: an item that was put, but calls without a table and syscalls need not come; the calls of p that are flushed. 0 or -ENOMEM */
int dq_places_item(struct dq_model *m, const struct dq_item *item);
int dq_places_group(struct dq_model *m, const struct dq_pending *p, const struct dq_mcall *v, size_t n);

/* forget.c */
void dq_forget_free(struct dq_model *m);
bool dq_is_kept(const struct dq_model *m, uint32_t buf);
/* b was released. Its calls may still come; with many others released it is forgotten. */
int dq_forget_dying(struct dq_model *m, const struct dq_mbuf *b);
struct dq_mbuf *dq_forget_slot(struct dq_model *m);	/* an empty place for a buffer, NULL: none */
int dq_forget_atts(struct dq_model *m);			/* before one is added */
int dq_forget_finish(struct dq_model *m);
void dq_limit_calls(struct dq_model *m);		/* when calls were kept */

struct dq_mbuf *dq_mbuf_find(struct dq_model *m, uint32_t id);
static inline struct dq_mbuf *dq_mbuf(struct dq_model *m, uint32_t id)
{
	return m->last_buf && m->last_buf_id == id ? &m->bufs[m->last_buf - 1] : dq_mbuf_find(m, id);
}
struct dq_matt *dq_matt(struct dq_model *m, uint32_t id);

/* group.c: nests, names and counts the pending calls; keeps them if wanted; empties p. */
int dq_group_flush(struct dq_model *m, uint32_t task, struct dq_pending *p,
		   const struct dq_sys *sys);
/* Hooks that are the same operation at another depth; 0: it is only its own. */
extern const uint8_t dq_op_class[HOOK_MAX];

static inline uint32_t dq_class_of(uint32_t hook)
{
	return hook < HOOK_MAX && dq_op_class[hook] ? dq_op_class[hook] : hook;
}

/* Is `in`, a callee of `out`, the same operation (attach > dynamic_attach)? */
static inline bool dq_is_wrapped(const struct dq_call *in, const struct dq_call *out)
{
	if (out->hook == HOOK_IOCTL ? in->hook != HOOK_BEGIN_CPU && in->hook != HOOK_END_CPU :
				      dq_class_of(in->hook) != dq_class_of(out->hook))
		return false;
	return (in->buf == out->buf || !in->buf || !out->buf) &&
	       (in->att == out->att || !in->att || !out->att);
}

#define DQ_MAX_ERRNO 4095	/* the kernel's: what is below is no error, whatever it is */

/* It returned an error. */
static inline bool dq_call_failed(const struct dq_call *c)
{
	const struct dq_hook_info *h = dq_hook_at(c->hook);

	if (!h || (c->flags & (DQ_CALL_OPEN | DQ_CALL_MISSED)))
		return false;
	if (c->flags & DQ_CALL_NULL)
		return true;
	switch (h->ret) {
	case RET_INT:
	case RET_FD:
	case RET_BUF:
	case RET_ATT:
	case RET_SGT:
		return c->ret < 0 && c->ret >= -DQ_MAX_ERRNO;
	case RET_PTR:
		return c->ret <= 0;
	default:
		return false;
	}
}

/* who.c: which driver made a call; where it is an importer it is one of the buffer's from then on */
int dq_who(struct dq_model *m, struct dq_mbuf *b, struct dq_mcall *c, const struct dq_sys *sys);
/* what it says of a call on b may be another thing now; NULL: on any */
void dq_who_changed(struct dq_model *m, struct dq_mbuf *b);
/* the exporter of a buffer, once its export has been seen */
void dq_who_exporter(struct dq_model *m, struct dq_mbuf *b, const struct dq_sys *sys);
/* notes an attachment of b */
void dq_who_att(struct dq_model *m, struct dq_mbuf *b, const struct dq_att *a);
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

/* access.c */
int dq_story_note_access(struct dq_story *s);	/* for each unit, in order of time: before loops are folded */
void dq_story_access_in_loops(struct dq_story *s);

/* apart.c */
int dq_story_sort_apart(struct dq_story *s);	/* steps that are in order of time: by buffer first */
bool dq_story_next_chapter(const struct dq_story *s, size_t step); /* does it begin with this step? */
int dq_story_begin_chapter(struct dq_story *s, size_t step);	/* with the next unit; .nsteps: the rest */
const struct dq_chapter *dq_story_chapter(const struct dq_story *s, size_t unit); /* that it begins, or NULL */
int dq_story_cut_chapters(struct dq_story *s, size_t max);	/* to max steps together */

/* fold.c */
int dq_story_fold(struct dq_story *s);
void dq_story_count_shown(struct dq_story *s);
int dq_story_paginate(struct dq_story *s, size_t max);
/* mark.c: steps of marks, before units are cut; drawn ones, after loops were folded; the groups to
 * tell, for story.focus; how many calls before a group are left out for that. */
int dq_story_mark(struct dq_story *s);
int dq_story_mark_drawn(struct dq_story *s);
int dq_story_focus(struct dq_story *s, bool **ret_wanted);
uint64_t dq_story_left(const struct dq_story *s, uint32_t group);
/* What the calls of a group that is left out did to the buffers of the story: added to unseen, one for
 * each; and into the steps from `first` on, which come after it, where it is taken from unseen. */
int dq_story_pass_over(struct dq_story *s, const struct dq_group *g, struct dq_effect *unseen);
void dq_story_catch_up(struct dq_story *s, size_t first, struct dq_effect *unseen);
bool dq_story_has(const struct dq_story *s, uint32_t buf);

#endif /* DQ_MODEL_INTERNAL_H */
