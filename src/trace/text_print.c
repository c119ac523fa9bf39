/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text_print.c - items as lines of the text form, canonically: the fields in the order
 * of their table, what has its default value left out, names for whatever has one.
 * Every possible value can be read back by text_parse.c. Touches the FILE it is given.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fields.h"
#include "format.h"
#include "text.h"
#include "util/util.h"

static void put_time(struct dq_sb *sb, uint64_t ns)
{
	dq_sb_printf(sb, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

/* Names of the bits joined by |, or a number when there is a bit without a name. A table may
 * have names for several bits, before those for single ones. */
static void put_flags(struct dq_sb *sb, uint64_t v, const struct dq_valname *names)
{
	const struct dq_valname *n;
	uint64_t rest = v;
	const char *sep = "";

	for (n = names; n->name; n++) {
		if (n->val && (rest & n->val) == n->val)
			rest &= ~n->val;
	}
	if (rest) {
		dq_sb_printf(sb, "0x%" PRIx64, v);
		return;
	}
	for (n = names, rest = v; n->name; n++) {
		if (!n->val || (rest & n->val) != n->val)
			continue;
		dq_sb_printf(sb, "%s%s", sep, n->name);
		rest &= ~n->val;
		sep = "|";
	}
}

static void put_enum(struct dq_sb *sb, uint64_t v, const struct dq_valname *names, bool hex)
{
	for (; names->name; names++) {
		if (names->val == v) {
			dq_sb_puts(sb, names->name);
			return;
		}
	}
	dq_sb_printf(sb, hex ? "0x%" PRIx64 : "%" PRIu64, v);
}

static void put_hook(struct dq_sb *sb, uint64_t id)
{
	const struct dq_hook_info *h = id <= UINT32_MAX ? dq_hook_info((uint32_t)id) : NULL;

	if (h)
		dq_sb_puts(sb, h->name);
	else
		dq_sb_printf(sb, "hook:%" PRIu64, id);
}

static void put_ret(struct dq_sb *sb, int64_t v)
{
	const char *name = v < 0 && v >= -4095 ? dq_errname_known(v) : NULL;

	if (name)
		dq_sb_printf(sb, "-%s", name);
	else
		dq_sb_printf(sb, "%" PRId64, v);
}

/* struct dma_buf_sync.flags reads START|READ: START is the absence of END. */
static void put_sync(struct dq_sb *sb, uint64_t v)
{
	if (v && v < 4)
		dq_sb_puts(sb, "START|");
	put_flags(sb, v, dq_names_sync);
}

static void put_arg(struct dq_sb *sb, enum hook_arg kind, uint64_t v, bool is_sync)
{
	switch (kind) {
	case ARG_DIR:
		put_enum(sb, v, dq_names_dir, false);
		break;
	case ARG_OFLAGS:
		/* both access modes at once is not a mode */
		if ((v & 3) == 3)
			dq_sb_printf(sb, "0x%" PRIx64, v);
		else
			put_flags(sb, v, dq_names_oflags);
		break;
	case ARG_CMD:
		put_enum(sb, v, dq_names_cmd, true);
		break;
	case ARG_SYNC:
		if (is_sync && v < 8)
			put_sync(sb, v);
		else
			dq_sb_printf(sb, "0x%" PRIx64, v);
		break;
	case ARG_PROT:
		put_flags(sb, v, dq_names_prot);
		break;
	case ARG_MASK:
		dq_sb_printf(sb, "0x%" PRIx64, v);
		break;
	case ARG_FD:
		/* a failed lookup may have been given -1 */
		dq_sb_printf(sb, "%" PRId64, (int64_t)v);
		break;
	default:
		dq_sb_printf(sb, "%" PRIu64, v);
	}
}

/* Argument i of a call: called what the hook says that it is. A direction and a descriptor of 0
 * mean something and are always written. */
static void put_call_arg(struct dq_sb *sb, const struct dq_call *call, int i)
{
	const struct dq_hook_info *h = dq_hook_info(call->hook);
	enum hook_arg kind = h ? h->arg[i] : ARG_NONE;
	uint64_t v = call->a[i];
	bool is_sync = call->hook == HOOK_IOCTL && call->a[0] == dq_names_cmd[0].val;

	if (!v && kind != ARG_DIR && kind != ARG_FD)
		return;
	if (kind == ARG_NONE) {
		dq_sb_printf(sb, " a%d=0x%" PRIx64, i, v);
		return;
	}
	dq_sb_printf(sb, " %s=", dq_arg_names[kind]);
	put_arg(sb, kind, v, is_sync);
}

static void put_value(struct dq_sb *sb, const struct dq_item *item, const struct dq_field *f)
{
	uint64_t v = dq_field_get(item, f);
	const char *s;

	switch ((enum dq_show)f->show) {
	case DQ_S_NUM:
		if (f->type == DQ_F_I32 || f->type == DQ_F_I64)
			dq_sb_printf(sb, "%" PRId64, (int64_t)v);
		else
			dq_sb_printf(sb, "%" PRIu64, v);
		break;
	case DQ_S_DUR:
		dq_sb_printf(sb, "%" PRIu64, v);
		break;
	case DQ_S_HEX:
		dq_sb_printf(sb, "0x%" PRIx64, v);
		break;
	case DQ_S_TIME:
		put_time(sb, v);
		break;
	case DQ_S_STR:
		s = *dq_field_str(item, f);
		dq_sb_quote(sb, s, strnlen(s, DQ_STR_MAX));
		break;
	case DQ_S_FLAGS:
		put_flags(sb, v, f->names);
		break;
	case DQ_S_ENUM:
		put_enum(sb, v, f->names, false);
		break;
	case DQ_S_HOOK:
		put_hook(sb, v);
		break;
	case DQ_S_RET:
		put_ret(sb, (int64_t)v);
		break;
	case DQ_S_ARG:
		break;
	}
}

/* Does the text form leave the field out? */
static bool is_default(const struct dq_item *item, const struct dq_field *f)
{
	const char *s;

	if (f->type != DQ_F_STR)
		return dq_field_get(item, f) == (uint64_t)(int64_t)f->dflt;
	s = *dq_field_str(item, f);
	return !s || !*s;
}

/* The field that stands first without its name, where its value is a word. */
static bool put_lead(struct dq_sb *sb, const struct dq_item *item, const struct dq_field *f)
{
	const char *s;

	if (!f->lead || f->show == DQ_S_NUM)
		return false;
	if (f->type == DQ_F_STR) {
		s = *dq_field_str(item, f);
		if (!s || !dq_text_is_word(s) || strlen(s) > DQ_STR_MAX)
			return false;
		dq_sb_printf(sb, " %s", s);
		return true;
	}
	/* a call says its hook even when that is 0 */
	if (f->show != DQ_S_HOOK && is_default(item, f))
		return false;
	dq_sb_putc(sb, ' ');
	put_value(sb, item, f);
	return true;
}

static void put_item(struct dq_sb *sb, const struct dq_item *item)
{
	const struct dq_kind_desc *k = &dq_kinds[item->kind];
	const struct dq_field *f;

	dq_sb_puts(sb, k->name);
	for (f = k->f; f < k->f + k->n; f++) {
		if (f == k->f && put_lead(sb, item, f))
			continue;
		if (f->show == DQ_S_ARG) {
			/* the three arguments are neighbours in the table and in the struct */
			put_call_arg(sb, &item->call,
				     (int)((f->off - offsetof(struct dq_item, call.a)) / 8));
			continue;
		}
		if (is_default(item, f))
			continue;
		dq_sb_printf(sb, " %s=", f->name);
		put_value(sb, item, f);
	}
	dq_sb_putc(sb, '\n');
}

static int print(FILE *out, struct dq_sb *sb)
{
	int err = sb->err;

	errno = 0;
	if (!err && fwrite(dq_sb_str(sb), 1, sb->len, out) != sb->len)
		err = errno ? -errno : -EIO;
	dq_sb_free(sb);
	return err;
}

int dq_text_print(FILE *out, const struct dq_item *item)
{
	struct dq_sb sb = { 0 };

	if ((unsigned int)item->kind >= DQ_KIND_MAX || !dq_kinds[item->kind].name)
		return -EINVAL;
	put_item(&sb, item);
	return print(out, &sb);
}

int dq_text_print_head(FILE *out, const struct dq_reader_state *st)
{
	static const uint8_t none[16];
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "%s%d", DQ_TEXT_MAGIC, DQ_TEXT_VERSION);
	if (memcmp(st->boot_id, none, sizeof(none))) {
		dq_sb_puts(&sb, " boot_id=");
		for (size_t i = 0; i < sizeof(st->boot_id); i++)
			dq_sb_printf(&sb, "%02x", st->boot_id[i]);
	}
	if (st->mono) {
		dq_sb_puts(&sb, " mono=");
		put_time(&sb, st->mono);
	}
	if (st->real) {
		dq_sb_puts(&sb, " real=");
		put_time(&sb, st->real);
	}
	dq_sb_putc(&sb, '\n');
	return print(out, &sb);
}
