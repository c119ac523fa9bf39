/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * render.h - drawing a story.
 *
 * One file per output language, one table of them. A renderer writes text into a
 * dq_sb and does nothing else; turning chart sources into pictures is picture.c.
 * May use src/model and below; the embedded templates are msc-templates/.
 */
#ifndef DQ_RENDER_H
#define DQ_RENDER_H

#include "model/life.h"
#include "model/model.h"

/* Where text may stand: structural choices that a template makes in comments,
 * "# dmaseq: KEY = VALUE". The list with its meanings is msc-templates/README.md. */
enum dq_tmpl_phases { DQ_TMPL_DIVIDERS, DQ_TMPL_BOXES, DQ_TMPL_PLAIN };
enum dq_tmpl_activate { DQ_TMPL_CALLEE, DQ_TMPL_CALLER, DQ_TMPL_NOBODY };
enum dq_tmpl_gaps { DQ_TMPL_GAP_TIME, DQ_TMPL_GAP_ALWAYS, DQ_TMPL_GAP_NEVER };

struct dq_template {
	char *text;		/* the design, without comment lines; owned */
	enum dq_tmpl_phases phases;
	enum dq_tmpl_activate activate;
	enum dq_tmpl_gaps gaps;
	bool entities_before;	/* lane headings stand before the design */
	bool groups;		/* lanes are grouped */
	bool split_calls;	/* a new phase may begin inside of a syscall */
	bool numbers;		/* phases are numbered */
	bool via;		/* API call and callback in one arrow */
	bool times, durations, ranges, title, foot, life;
	bool roles;		/* headings say the role first, then the name */
	bool who;		/* phase titles name the importer */
	bool source_labels;	/* labels stand at the arrow's source, not centred */
	enum dq_cbret cbret;
	char *small, *aside;	/* escapes before a heading's second line, a label's aside */
	char *phase[DQ_PH_MAX];	/* titles */
	char *uses, *cpu_user, *cpu_kernel; /* "{importer} uses the buffer" */
	char *cpu_begin_kernel;	/* title of cpu-begin when the kernel maps, too; NULL: the same */
	char *api_prefix;	/* before the name of a callback */
	struct dq_rename {
		char *name, *say;
	} *lanes;		/* what lanes are called instead */
	size_t nlanes, cap_lanes;
	int depth;		/* while it is loaded: a template on a template */
	struct dq_sb building;	/* ... its text so far */
	struct dq_sb include;	/* what a chart has that refers to it */
};

/* name: of a built-in template ("light"), or a file. On error *ret_err, if not NULL, is a
 * sentence (malloc'ed). */
int dq_template_load(struct dq_template **ret_t, const char *name, char **ret_err);
/* Charts shall name the files of the template instead of having its text. */
int dq_template_refer(struct dq_template *t);
void dq_template_free(struct dq_template **t);
/* What a phase is called where no template says otherwise; NULL: it has no title. */
const char *dq_phase_title(enum dq_phase ph);
/* What the template calls the lane of this name: the name itself if it says nothing. */
const char *dq_template_lane(const struct dq_template *t, const char *name);
/* Names of the built-in templates, NULL-terminated. */
const char *const *dq_template_names(void);

struct dq_render_input {
	const struct dq_story *story;
	const struct dq_reader_state *state; /* how whole the file was */
	const struct dq_template *tmpl;	/* of -f msc; NULL for the others */
	unsigned int width;	/* of -f text: columns */
	bool utf8;		/* of -f text: else it is pure ASCII */
	const struct dq_shapes *shapes;	/* of a story that is told apart: what its buffers stand for */
	const char *link;		/* NULL, or the name of this picture, "chart.svg", of which ... */
	size_t npages, nlinks;		/* ... there are pages "chart-01.svg"; the first so many are written */
	size_t page;		/* 1: the first; 0: the only one, or of several the index (-f msc), the
				 * first (others) */
};

struct dq_renderer {
	const char *name;	/* "msc": for -f */
	const char *ext;	/* "signalling": of the source */
	int (*render)(struct dq_sb *out, const struct dq_render_input *in);
};
extern const struct dq_renderer dq_renderer_msc, dq_renderer_text, dq_renderer_plantuml,
	dq_renderer_mermaid;

/* ---- overview.c: an overview's words, plain text with names that are safe to print ---- */

/* "DMA-BUFs: 3068 buffers of 6 shapes" */
void dq_overview_title(struct dq_sb *sb, const struct dq_shapes *s);
/* "37 buffers of this shape: #1, #4 to #39"; "#7, the only one of its shape" */
void dq_overview_who(struct dq_sb *sb, const struct dq_shape *s);
/* "system · 8.3 MB · made by camera_app · 61 to 64 calls each · this is #1 from 0.070446 s on" */
void dq_overview_what(struct dq_sb *sb, const struct dq_story *s, const struct dq_chapter *c,
		      const struct dq_shape *shape);
/* Of buffers without calls: "no call was recorded; held at the end: descriptor of launcher" */
void dq_overview_idle(struct dq_sb *sb, const struct dq_shape *shape);
/* Does chapter k begin the odd ones, of which there is only one each? */
bool dq_overview_odd(const struct dq_story *s, const struct dq_shapes *shapes, size_t k);
/* "12 more shapes of 14 buffers are not drawn: dmaseq list --shapes"; "" when all are */
void dq_overview_rest(struct dq_sb *sb, const struct dq_story *s, const struct dq_shapes *shapes);

/* Which lanes of the story are drawn on this page, by -f msc. 0 or -ENOMEM. */
int dq_msc_lanes(const struct dq_render_input *in, bool *used);

/* "dir/chart.svg", 7 of 12 -> "dir/chart-07.svg" */
void dq_page_name(struct dq_sb *name, const char *path, size_t page, size_t npages);

/* What changed, as one chart of both sides, which are called a and b; beside: a at the left and b at
 * the right. 0 or -errno. */
struct dq_diff;
int dq_diff_msc(struct dq_sb *out, const struct dq_diff *d, const char *a, const char *b, bool beside);

/* Text for a label or a quoted attribute of Msc-generator, whatever the bytes are. At most
 * max code points (0: all). */
void dq_msc_escape(struct dq_sb *sb, const char *s, size_t max);
/* The same for what went through dq_sb_visible() and has its backslashes doubled. */
void dq_msc_escape_seen(struct dq_sb *sb, const char *s, size_t max);
/* The same for PlantUML and Mermaid: letters, digits and codes, wherever a text may stand. */
void dq_plantuml_escape(struct dq_sb *sb, const char *s, size_t max);
void dq_mermaid_escape(struct dq_sb *sb, const char *s, size_t max);
void dq_plantuml_escape_seen(struct dq_sb *sb, const char *s, size_t max);
void dq_mermaid_escape_seen(struct dq_sb *sb, const char *s, size_t max);

/*
 * A picture of a chart source, through msc-gen: format is "svg", "png" or "pdf". 0 and the
 * picture in *out; -ENOENT: there is no msc-gen; else -errno and a sentence in *ret_err
 * (malloc'ed).
 */
int dq_picture_msc(struct dq_sb *out, const char *format, const char *source, size_t len,
		   char **ret_err);

/* Leaves out of such an SVG what it has several times; the picture stays the same. What is not
 * understood is left as it is. 0 or -ENOMEM, and *svg as it was. */
int dq_svg_slim(struct dq_sb *svg);

/*
 * Adds text and details to such an SVG of a page of a story: map is the layout map ("lmap") of
 * the same source. 0, -ENOMEM, -EINVAL: that is no SVG; -ENODATA: text was added, but the arrows of
 * the map are not those of the story, so that it cannot be told what they are.
 */
int dq_svg_hover(struct dq_sb *svg, const char *map, const struct dq_render_input *in);

#endif /* DQ_RENDER_H */
