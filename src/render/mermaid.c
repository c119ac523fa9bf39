/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mermaid.c - a story as a Mermaid sequence diagram.
 *
 * Mermaid ends a statement at ';', a text at '#', and reads what is left as HTML: so
 * texts of others are letters, digits and #NNN; entities. Directives stand in comments
 * that begin with %%{, which no such text can make. May use src/model and src/util.
 */
#include <string.h>

#include "render/tell.h"

#define LABEL_MAX 80	/* code points */
#define NAME_MAX_ 32	/* of a lane */

struct doc {
	struct dq_sb *o;
	const struct dq_story *s;
	unsigned int depth;	/* of loops */
};

static void escape(struct dq_sb *sb, const struct dq_sb *seen)
{
	for (size_t i = 0, adv; i < seen->len; i += adv) {
		int32_t c = dq_utf8_next(seen->s + i, seen->len - i, &adv);
		bool edge = !i || i + adv == seen->len;
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		/* at the edges a blank is cut off, a + or - switches an activation */
		if (word || (c > 0 && c < 0x80 && strchr("._,()=*/", (int)c)) ||
		    (!edge && (c == ' ' || c == '-' || c == '+')))
			dq_sb_putc(sb, (char)c);
		else
			dq_sb_printf(sb, "#%u;", (unsigned int)c);
	}
	sb->err = seen->err ? seen->err : sb->err;
}

void dq_mermaid_escape(struct dq_sb *sb, const char *s, size_t max)
{
	struct dq_sb seen = { 0 };

	dq_sb_visible(&seen, s, strlen(s), max);
	escape(sb, &seen);
	dq_sb_free(&seen);
}

void dq_mermaid_escape_seen(struct dq_sb *sb, const char *s, size_t max)
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
	dq_mermaid_escape(d->o, s, LABEL_MAX);
}

static void indent(struct doc *d)
{
	put(d, "  ");
	for (unsigned int i = 0; i < d->depth; i++)
		put(d, "  ");
}

static void lane(struct doc *d, int i)
{
	dq_tell_lane_id(d->o, d->s, i);
}

/* A note over these lanes begins; its text follows. */
static void note_over(struct doc *d, int a, int b)
{
	indent(d);
	put(d, "Note over ");
	dq_tell_lane_ids(d->o, d->s, a, b, ",");
	put(d, ": ");
}

/* ... over all lanes */
static void note(struct doc *d)
{
	note_over(d, 0, (int)d->s->nlanes - 1);
}

/* ---- the head ---- */

static void put_lane(struct doc *d, int i)
{
	const char *name, *small;

	dq_tell_lane(&d->s->lanes[i], &name, &small);
	put(d, "  participant ");
	lane(d, i);
	put(d, " as ");
	dq_mermaid_escape(d->o, name, NAME_MAX_);
	put(d, "<br/>");
	dq_mermaid_escape(d->o, small, NAME_MAX_);
	put(d, "\n");
}

static void put_lanes(struct doc *d)
{
	static const char *const box[] = {
		"rgb(227,242,253) user space", "rgb(236,239,241) kernel threads",
		"rgb(232,245,233) importers", "rgb(255,248,225) dma-buf",
		"rgb(252,228,236) exporter",
	};
	int open = -1;

	for (size_t i = 0; i < d->s->nlanes; i++) {
		int kind = (int)d->s->lanes[i].kind;

		if (open != kind)
			dq_sb_printf(d->o, "%s  box %s\n", open >= 0 ? "  end\n" : "", box[kind]);
		open = kind;
		put_lane(d, (int)i);
	}
	if (open >= 0)
		put(d, "  end\n");
}

static void on_title(void *ctx, const char *title, const char *aside)
{
	struct doc *d = ctx;

	put(d, "  title ");
	text(d, title);
	put(d, "\n");
	put_lanes(d);
	if (!*aside || !d->s->nlanes)
		return;
	note(d);
	dq_mermaid_escape(d->o, aside, 2 * LABEL_MAX);
	put(d, "\n");
}

/* ---- the body ---- */

static void on_section(void *ctx, unsigned int number, const char *title)
{
	struct doc *d = ctx;

	put(d, "  rect rgb(245,247,249)\n");
	d->depth++;
	note(d);
	dq_sb_printf(d->o, "%u ", number);
	text(d, title);
	put(d, "\n");
}

static void on_section_end(void *ctx)
{
	struct doc *d = ctx;

	d->depth--;
	indent(d);
	put(d, "end\n");
}

static void on_loop(void *ctx, const char *tag)
{
	struct doc *d = ctx;
	const char *words = strstr(tag, "loop ") == tag ? tag + 5 : tag;

	indent(d);
	put(d, "loop ");	/* which it writes itself */
	text(d, words);
	put(d, "\n");
	d->depth++;
}

/* What is not an arrow; escape_it: how it becomes Mermaid. */
static void pause_note(struct doc *d, const char *what,
		       void (*escape_it)(struct dq_sb *sb, const char *s, size_t max))
{
	if (!d->s->nlanes)
		return;
	note(d);
	put(d, "#8942; ");
	escape_it(d->o, what, 2 * LABEL_MAX);
	put(d, "\n");
}

static void on_pause(void *ctx, const char *what)
{
	pause_note(ctx, what, dq_mermaid_escape);
}

static void on_remark(void *ctx, const char *what)
{
	pause_note(ctx, what, dq_mermaid_escape_seen);
}

static const char *arrow(const struct dq_step *st)
{
	if (st->flags & (DQ_ST_OPEN | DQ_ST_MISSED))
		return "--x";
	if (st->flags & DQ_ST_GUESS)
		return "--)";
	if (st->flags & (DQ_ST_EVENT | DQ_ST_PASSED))
		return "-)";
	return st->kind == DQ_STEP_RETURN ? "-->>" : "->>";
}

static void leg(struct doc *d, const struct dq_step *st, int from, int to)
{
	indent(d);
	lane(d, from);
	put(d, arrow(st));
	lane(d, to);
	put(d, ": ");
}

static void on_step(void *ctx, const struct dq_step *st, const char *when, const char *aside)
{
	struct doc *d = ctx;

	leg(d, st, st->from, st->via >= 0 ? st->via : st->to);
	if (*when) {
		text(d, when);
		put(d, "<br/>");
	}
	put(d, st->flags & DQ_ST_ERR ? "#10060; " : "");
	put(d, st->flags & DQ_ST_GUESS ? "probably " : "");
	text(d, st->text);
	if (*aside) {
		put(d, "<br/>");
		text(d, aside);
	}
	put(d, "\n");
	if (st->via < 0)
		return;
	leg(d, st, st->via, st->to);
	put(d, "#8203;\n");	/* it must have a text: none that has a width */
}

static void on_said(void *ctx, const struct dq_step *st, const char *what, bool bad)
{
	struct doc *d = ctx;

	note_over(d, st->from, st->to);
	put(d, bad ? "#10060; " : "");
	dq_mermaid_escape(d->o, what, 2 * LABEL_MAX);
	put(d, "\n");
}

static void on_foot(void *ctx, const char *what, bool bad)
{
	struct doc *d = ctx;

	if (!d->s->nlanes)
		return;
	note(d);
	put(d, bad ? "#10060; " : "");
	dq_mermaid_escape(d->o, what, 2 * LABEL_MAX);
	put(d, "\n");
}

static int render(struct dq_sb *out, const struct dq_render_input *in)
{
	static const struct dq_teller teller = {
		on_title, on_section, on_section_end, on_loop, on_section_end,
		on_pause, on_remark, on_step, on_said, on_foot,
	};
	struct doc d = { .o = out, .s = in->story };
	int ret;

	put(&d, "%% Made by dmaseq diagram. Mermaid takes up to 50000 characters (maxTextSize).\n"
		"sequenceDiagram\n");
	ret = dq_tell(in, &teller, &d);
	return ret ? ret : out->err;
}

const struct dq_renderer dq_renderer_mermaid = { "mermaid", "mmd", render };
