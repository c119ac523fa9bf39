/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plantuml.c - a story as a PlantUML sequence diagram.
 *
 * Every line begins with a word of ours, and every text of others is written as letters,
 * digits and <U+XXXX>: PlantUML gives a meaning to nearly everything else (creole, tags,
 * variables, functions, !include). May use src/model and src/util.
 */
#include <string.h>

#include "render/tell.h"

#define LABEL_MAX 80	/* code points */
#define NAME_MAX_ 32	/* of a lane */

struct doc {
	struct dq_sb *o;
	const struct dq_story *s;
	bool legend;		/* the foot has begun */
};

/* Does c stand for itself, after prev? */
static bool passes(int32_t c, char prev)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	if (c > 0 && c < 0x80 && strchr(",;()+", (int)c))
		return true;
	/* twice in a row, or at the begin, they are markup */
	return c > 0 && c < 0x80 && strchr(" ._-/:", (int)c) && prev && prev != c;
}

static void escape(struct dq_sb *sb, const struct dq_sb *seen)
{
	char prev = '\0';

	for (size_t i = 0, adv; i < seen->len; i += adv) {
		int32_t c = dq_utf8_next(seen->s + i, seen->len - i, &adv);

		/* a blank at the end would be cut off */
		if (passes(c, prev) && !(c == ' ' && i + 1 == seen->len)) {
			dq_sb_putc(sb, (char)c);
			prev = (char)c;
		} else {
			dq_sb_printf(sb, "<U+%04X>", (unsigned int)c);
			prev = 'x';
		}
	}
	sb->err = seen->err ? seen->err : sb->err;
}

void dq_plantuml_escape(struct dq_sb *sb, const char *s, size_t max)
{
	struct dq_sb seen = { 0 };

	dq_sb_visible(&seen, s, strlen(s), max);
	escape(sb, &seen);
	dq_sb_free(&seen);
}

void dq_plantuml_escape_seen(struct dq_sb *sb, const char *s, size_t max)
{
	struct dq_sb seen = { 0 };

	dq_sb_visible_again(&seen, s, strlen(s), max);
	escape(sb, &seen);
	dq_sb_free(&seen);
}

static void put(struct doc *d, const char *s)
{
	dq_sb_puts(d->o, s);
}

static void text(struct doc *d, const char *s)
{
	dq_plantuml_escape(d->o, s, LABEL_MAX);
}

static void lane(struct doc *d, int i)
{
	dq_tell_lane_id(d->o, d->s, i);
}

/* ---- the head ---- */

static void put_lane(struct doc *d, int i)
{
	static const char *const color[] = { "#BBDEFB", "#CFD8DC", "#C8E6C9", "#FFF3CD", "#F8BBD0" };
	const char *name, *small;

	dq_tell_lane(&d->s->lanes[i], &name, &small);
	put(d, "participant \"");
	dq_plantuml_escape(d->o, name, NAME_MAX_);
	put(d, "\\n");
	dq_plantuml_escape(d->o, small, NAME_MAX_);
	put(d, "\" as ");
	lane(d, i);
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): a lane has one of the five kinds */
	dq_sb_printf(d->o, " %s\n", color[d->s->lanes[i].kind]);
}

static void put_lanes(struct doc *d)
{
	static const char *const box[] = { "user space", "kernel threads", "importers", NULL, NULL };
	static const char *const color[] = { "#E3F2FD", "#ECEFF1", "#E8F5E9" };
	int open = -1;

	for (size_t i = 0; i < d->s->nlanes; i++) {
		int kind = (int)d->s->lanes[i].kind;

		if (open >= 0 && open != kind) {
			put(d, "end box\n");
			open = -1;
		}
		if (box[kind] && open != kind) {
			dq_sb_printf(d->o, "box \"%s\" %s\n", box[kind], color[kind]);
			open = kind;
		}
		put_lane(d, (int)i);
	}
	if (open >= 0)
		put(d, "end box\n");
}

static void on_title(void *ctx, const char *title, const char *aside)
{
	struct doc *d = ctx;

	put(d, "title ");
	text(d, title);
	if (*aside) {
		put(d, "\\n<size:11>");
		dq_plantuml_escape(d->o, aside, 2 * LABEL_MAX);
		put(d, "</size>");
	}
	put(d, "\n");
	put_lanes(d);
}

/* ---- the body ---- */

static void on_section(void *ctx, unsigned int number, const char *title)
{
	struct doc *d = ctx;

	dq_sb_printf(d->o, "== %u ", number);
	text(d, title);
	put(d, " ==\n");
}

static void on_section_end(void *ctx)
{
	(void)ctx;
}

static void on_loop(void *ctx, const char *tag)
{
	struct doc *d = ctx;

	put(d, "group ");
	text(d, tag);
	put(d, "\n");
}

static void on_loop_end(void *ctx)
{
	put(ctx, "end\n");
}

static void on_pause(void *ctx, const char *what)
{
	struct doc *d = ctx;

	put(d, "... ");
	dq_plantuml_escape(d->o, what, 2 * LABEL_MAX);
	put(d, " ...\n");
}

static void on_remark(void *ctx, const char *what)
{
	struct doc *d = ctx;

	put(d, "... ");
	dq_plantuml_escape_seen(d->o, what, 2 * LABEL_MAX);
	put(d, " ...\n");
}

static const char *arrow(const struct dq_step *st)
{
	if (st->flags & DQ_ST_ERR)
		return st->kind == DQ_STEP_RETURN ? "-[#C62828]->" : "-[#C62828]>";
	if (st->flags & (DQ_ST_OPEN | DQ_ST_MISSED))
		return "-->x";
	if (st->flags & DQ_ST_GUESS)
		return "-[#90A4AE]->>";
	if (st->flags & DQ_ST_PASSED)
		return "-[#1565C0]>>";
	if (st->flags & DQ_ST_EVENT)
		return "->>";
	return st->kind == DQ_STEP_RETURN ? "-->" : "->";
}

static void leg(struct doc *d, const struct dq_step *st, int from, int to)
{
	lane(d, from);
	dq_sb_printf(d->o, " %s ", arrow(st));
	lane(d, to);
}

static void on_step(void *ctx, const struct dq_step *st, const char *when, const char *aside)
{
	struct doc *d = ctx;

	leg(d, st, st->from, st->via >= 0 ? st->via : st->to);
	put(d, " : ");
	if (*when) {
		put(d, "<size:10><color:#78909C>");
		text(d, when);
		put(d, "</color></size> ");
	}
	put(d, st->flags & DQ_ST_ERR ? "<color:#C62828>" : "");
	put(d, st->flags & DQ_ST_GUESS ? "probably " : "");
	text(d, st->text);
	put(d, st->flags & DQ_ST_ERR ? "</color>" : "");
	if (*aside) {
		put(d, " <size:10><color:#546E7A>");
		text(d, aside);
		put(d, "</color></size>");
	}
	put(d, "\n");
	if (st->via < 0)
		return;
	leg(d, st, st->via, st->to);
	put(d, "\n");
}

static void on_said(void *ctx, const struct dq_step *st, const char *what, bool bad)
{
	struct doc *d = ctx;

	put(d, "note over ");
	dq_tell_lane_ids(d->o, d->s, st->from, st->to, ", ");
	put(d, bad ? " #FFEBEE : " : " #FFF8E1 : ");
	dq_plantuml_escape(d->o, what, 2 * LABEL_MAX);
	put(d, "\n");
}

static void on_foot(void *ctx, const char *what, bool bad)
{
	struct doc *d = ctx;

	put(d, d->legend ? "" : "legend left\n");
	d->legend = true;
	put(d, bad ? "<color:#C62828>" : "");
	dq_plantuml_escape(d->o, what, 2 * LABEL_MAX);
	put(d, bad ? "</color>\n" : "\n");
}

static int render(struct dq_sb *out, const struct dq_render_input *in)
{
	static const struct dq_teller teller = {
		on_title, on_section, on_section_end, on_loop, on_loop_end,
		on_pause, on_remark, on_step, on_said, on_foot,
	};
	struct doc d = { .o = out, .s = in->story };
	int ret;

	put(&d, "@startuml\n"
		"' Made by dmaseq diagram. To render: plantuml -tsvg THIS_FILE\n"
		"' (PNG is cut at 4096 pixels unless PLANTUML_LIMIT_SIZE is set)\n"
		"hide footbox\n"
		"skinparam shadowing false\n"
		"skinparam responseMessageBelowArrow false\n"
		/* its own red is that of errors */
		"skinparam SequenceArrowColor #263238\n"
		"skinparam SequenceLifeLineBorderColor #90A4AE\n"
		"skinparam SequenceParticipantBorderColor #546E7A\n"
		"skinparam SequenceBoxBorderColor #CFD8DC\n"
		"skinparam NoteBorderColor #90A4AE\n");
	ret = dq_tell(in, &teller, &d);
	put(&d, d.legend ? "endlegend\n" : "");
	put(&d, "@enduml\n");
	return ret ? ret : out->err;
}

const struct dq_renderer dq_renderer_plantuml = { "plantuml", "puml", render };
