/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tell.h - a story in the order in which it is told, for renderers that take no templates.
 *
 * dq_tell() walks a story and calls the teller: headings of chapters, gaps, loops,
 * steps with their times, what is missing. All texts are plain UTF-8 of ours with
 * names of others in between: whoever writes them into a document escapes them.
 */
#ifndef DQ_TELL_H
#define DQ_TELL_H

#include "render/render.h"

struct dq_teller {
	/* the story begins: one line each, never NULL; aside "" when there is nothing to add */
	void (*title)(void *ctx, const char *title, const char *aside);
	/* a chapter, until the next one; not inside of a loop */
	void (*section)(void *ctx, unsigned int number, const char *title);
	void (*section_end)(void *ctx);
	void (*loop)(void *ctx, const char *tag);
	void (*loop_end)(void *ctx);
	void (*gap)(void *ctx, const char *text);
	/* calls that are not shown, or what was before the recording; names of others in it
	 * went through dq_sb_visible() already */
	void (*remark)(void *ctx, const char *text);
	/* when: "0.013 105", "+41.5 µs" or "": the time column; aside: "16.7 µs, ..." or "" */
	void (*step)(void *ctx, const struct dq_step *st, const char *when, const char *aside);
	/* of the step that was just told; bad: worse than a hint */
	void (*said)(void *ctx, const struct dq_step *st, const char *text, bool bad);
	/* below the chart; bad: something is missing or wrong */
	void (*foot)(void *ctx, const char *text, bool bad);
};

/* 0 or -ENOMEM. What went wrong inside of the teller is the teller's business. */
int dq_tell(const struct dq_render_input *in, const struct dq_teller *t, void *ctx);

/* The heading of a lane in two lines: name and what it is. Never "". */
void dq_tell_lane(const struct dq_lane *l, const char **ret_name, const char **ret_small);

/* An identifier for a lane: "app1", "imp2", "core". */
void dq_tell_lane_id(struct dq_sb *sb, const struct dq_story *s, int lane);

/* From the left one of two lanes to the right one: "app1,exp1"; of a lane and itself only that. */
void dq_tell_lane_ids(struct dq_sb *sb, const struct dq_story *s, int a, int b, const char *sep);

#endif /* DQ_TELL_H */
