/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_export.c - `dmaseq export`: a trace for other programs, an item a line.
 *
 * Streams: nothing is kept, and what is written of an item depends on that item alone. The names
 * are those of the text form; docs/jsonl.md says what they are. Touches stdout and the file of -o.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/cmd_common.h"
#include "trace/fields.h"
#include "util/util.h"

struct export_opts {
	int format;
	const char *out;
	bool strict;
};

static const struct dq_opt opts[] = {
	{ "format", 'f', "FORMAT", DQ_OPT_ENUM, offsetof(struct export_opts, format), NULL,
	  "jsonl: a JSON object per line (the default)", "jsonl", false },
	{ "output", 'o', "FILE", DQ_OPT_STR, offsetof(struct export_opts, out), NULL,
	  "write to FILE (- for standard output)", NULL, false },
	{ "strict", 0, NULL, DQ_OPT_FLAG, offsetof(struct export_opts, strict), NULL,
	  "exit status 3 when the trace is incomplete", NULL, false },
	{ .name = NULL },
};

/* ---- values ---- */

static void put_u64(struct dq_sb *sb, uint64_t v)
{
	char buf[20], *p = buf + sizeof(buf);

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	dq_sb_put(sb, p, (size_t)(buf + sizeof(buf) - p));
}

static void put_i64(struct dq_sb *sb, int64_t v)
{
	if (v < 0)
		dq_sb_putc(sb, '-');
	put_u64(sb, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_key(struct dq_sb *sb, const char *name)
{
	dq_sb_puts(sb, ",\"");
	dq_sb_puts(sb, name);
	dq_sb_puts(sb, "\":");
}

/* A number that a double does not hold becomes a string, lest a reader rounds it. */
static void put_number(struct dq_sb *sb, const struct dq_field *f, uint64_t v)
{
	bool is_signed = f->type == DQ_F_I32 || f->type == DQ_F_I64;
	uint64_t size = is_signed && (int64_t)v < 0 ? 0 - v : v;
	bool exact = size <= 1ull << 53;

	if (!exact)
		dq_sb_putc(sb, '"');
	if (is_signed)
		put_i64(sb, (int64_t)v);
	else
		put_u64(sb, v);
	if (!exact)
		dq_sb_putc(sb, '"');
}

/* ---- an item ---- */

/* Arguments have the names that the hook gives them, as in the text form. */
static const char *field_name(const struct dq_item *item, const struct dq_field *f)
{
	const struct dq_hook_info *h = item->kind == DQ_CALL ? dq_hook_info(item->call.hook) : NULL;
	int arg = f->show == DQ_S_ARG ? f->name[1] - '0' : -1;

	if (!h || arg < 0 || arg > 2 || h->arg[arg] == ARG_NONE)
		return f->name;
	return dq_arg_names[h->arg[arg]];
}

static void put_field(struct dq_sb *sb, const struct dq_item *item, const struct dq_field *f)
{
	uint64_t v;

	if (f->type == DQ_F_STR) {
		const char *s = *dq_field_str(item, f);

		if (s && *s) {
			put_key(sb, f->name);
			dq_sb_json(sb, s);
		}
		return;
	}
	v = dq_field_get(item, f);
	if (v == (uint64_t)(int64_t)f->dflt && f->show != DQ_S_HOOK && f->show != DQ_S_ARG)
		return;
	if (f->show == DQ_S_ARG && !v && !strcmp(field_name(item, f), f->name))
		return;
	put_key(sb, field_name(item, f));
	if (f->show == DQ_S_HOOK && dq_hook_info((uint32_t)v))
		dq_sb_json(sb, dq_hook_info((uint32_t)v)->name);
	else
		put_number(sb, f, v);
}

static void put_item(struct dq_sb *sb, const struct dq_item *item)
{
	const struct dq_kind_desc *k = &dq_kinds[item->kind];

	dq_sb_puts(sb, "{\"kind\":\"");
	dq_sb_puts(sb, k->name);
	dq_sb_putc(sb, '"');
	for (int i = 0; i < k->n; i++)
		put_field(sb, item, &k->f[i]);
	dq_sb_puts(sb, "}\n");
}

/* ---- the command ---- */

static int export_jsonl(struct dq_reader *r, FILE *out)
{
	struct dq_sb sb = { 0 };
	struct dq_item item;
	int rc;

	fputs("{\"kind\":\"dmaseq-jsonl\",\"version\":1}\n", out);
	while ((rc = dq_cmd_next(r, &item)) > 0) {
		dq_sb_reset(&sb);
		put_item(&sb, &item);
		/* whoever opened it says that it is full */
		if (sb.err || fwrite(sb.s, 1, sb.len, out) != sb.len)
			break;
	}
	if (sb.err) {
		dq_err("out of memory");
		rc = -ENOMEM;
	}
	dq_sb_free(&sb);
	return rc < 0 ? rc : 0;
}

static int export_to_file(struct dq_reader *r, const char *path)
{
	FILE *f = fopen(path, "we");
	int err;

	if (!f) {
		dq_err("%s: cannot create: %s", path, strerror(errno));
		return -errno;
	}
	err = export_jsonl(r, f);
	if ((ferror(f) | fclose(f)) && !err) {
		err = errno ? -errno : -EIO;
		dq_err("%s: cannot write: %s", path, strerror(-err));
	}
	return err;
}

static int run(void *vo, int argc, char **argv)
{
	const struct export_opts *o = vo;
	struct dq_reader *r = NULL;
	int err, incomplete;

	(void)argc;
	if (o->out && !strcmp(o->out, argv[0]) && strcmp(o->out, "-"))
		return dq_usage_error(&dq_cmd_export, "'%s' is the input", o->out);
	if (dq_cmd_open(argv[0], &r))
		return DQ_EXIT_FAIL;
	if (o->out && strcmp(o->out, "-")) {
		err = export_to_file(r, o->out);
	} else {
		dq_cmd_streams(r);
		err = export_jsonl(r, stdout);
	}
	incomplete = dq_cmd_close(&r, o->strict);
	return err ? DQ_EXIT_FAIL : incomplete;
}

const struct dq_cmd dq_cmd_export = {
	.name = "export",
	.summary = "write a trace for other programs",
	.args = "FILE",
	.opts = opts,
	.opts_size = sizeof(struct export_opts),
	.min_args = 1,
	.max_args = 1,
	.examples = "  dmaseq export camera.dmaseq | jq 'select(.kind == \"call\" and (.ret//0) < 0)'\n",
	.run = run,
};
