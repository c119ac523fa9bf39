/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opts.c - parses the arguments of a command by its table, and explains them by
 * the same table.
 *
 * The syntax is that of getopt_long(3): -ofile, -o file, --out=file, --out file,
 * bundled flags, "--", operands anywhere. Not supported on purpose: abbreviated
 * long options, because a script that uses one breaks when an option is added; the
 * nearest name is suggested instead.
 *
 * Writes usage errors to stderr, and to the FILE it is given. Knows no command.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opts.h"
#include "util/util.h"

#define NAMES_MAX 64	/* options that one command can have, the common ones included */
#define HELP_WIDTH 80
#define HELP_COLUMN 26	/* where the text of an option starts */

struct dq_common dq_common;

enum color_when { COLOR_ALWAYS, COLOR_AUTO, COLOR_NEVER };

/* Where the common options are parsed to; dq_common is made from it. */
static struct {
	int verbose;
	bool quiet;
	int color;
	bool help;
} common = { .color = -1 };

#define COMMON(field) offsetof(__typeof__(common), field)
static const struct dq_opt common_opts[] = {
	{ .name = "verbose", .letter = 'v', .type = DQ_OPT_COUNT, .off = COMMON(verbose),
	  .group = "Common options", .help = "say what is being done; twice: say more" },
	{ .name = "quiet", .letter = 'q', .type = DQ_OPT_FLAG, .off = COMMON(quiet),
	  .group = "Common options", .help = "no warnings and no progress, errors only" },
	{ .name = "color", .arg = "[WHEN]", .type = DQ_OPT_ENUM, .off = COMMON(color),
	  .choices = "always auto never",
	  .group = "Common options",
	  .help = "colour the output: always, auto (on a terminal, unless NO_COLOR is set) or never" },
	{ .name = "help", .letter = 'h', .type = DQ_OPT_FLAG, .off = COMMON(help),
	  .group = "Common options", .help = "explain the options and stop" },
	{ .name = NULL },
};

/* The command's own table and the common one, with the structs that they fill. */
struct tables {
	const struct dq_cmd *cmd;
	struct {
		const struct dq_opt *opts;
		char *base;
	} t[2];
};

static void tables_init(struct tables *tb, const struct dq_cmd *cmd, void *opts)
{
	*tb = (struct tables){ .cmd = cmd };
	tb->t[0].opts = cmd->opts;
	tb->t[0].base = opts;
	tb->t[1].opts = common_opts;
	tb->t[1].base = (char *)&common;
}

/* ---- usage errors ---------------------------------------------------------------- */

int dq_usage_status(const struct dq_cmd *cmd)
{
	return cmd->name && cmd->dashdash ? DQ_EXIT_RECORD : DQ_EXIT_FAIL;
}

int dq_usage_error(const struct dq_cmd *cmd, const char *fmt, ...)
{
	struct dq_sb text = { 0 }, visible = { 0 };
	va_list ap;

	va_start(ap, fmt);
	dq_sb_vprintf(&text, fmt, ap);
	va_end(ap);
	dq_sb_visible(&visible, dq_sb_str(&text), text.len, 0);
	dq_log_count_error();
	if (cmd->name)
		fprintf(stderr, "dmaseq %s: %s\nTry 'dmaseq %s --help'.\n", cmd->name,
			dq_sb_str(&visible), cmd->name);
	else
		fprintf(stderr, "dmaseq: %s\nTry 'dmaseq help'.\n", dq_sb_str(&visible));
	dq_sb_free(&text);
	dq_sb_free(&visible);
	return dq_usage_status(cmd);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) that make b of a; long words: far away. */
static size_t distance(const char *a, const char *b)
{
	size_t d[33][33], la = strlen(a), lb = strlen(b);

	if (la > 32 || lb > 32)
		return SIZE_MAX;
	for (size_t i = 0; i <= la; i++) {
		for (size_t j = 0; j <= lb; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = min_size(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = min_size(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = min_size(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[la][lb];
}

const char *dq_nearest(const char *word, const char *const *names, size_t n)
{
	size_t len = strlen(word), best = (len + 2) / 3;
	const char *ret = NULL;

	/* An abbreviation is a better guess than a misspelling. */
	for (size_t i = 0; len > 1 && i < n; i++)
		if (!strncmp(names[i], word, len))
			return names[i];
	for (size_t i = 0; len > 1 && i < n; i++) {
		size_t d = distance(word, names[i]);

		if (d < best || (d == best && !ret)) {
			best = d;
			ret = names[i];
		}
	}
	return ret;
}

static int unknown_long(const struct tables *tb, const char *name)
{
	const char *names[NAMES_MAX], *near;
	size_t n = 0;

	for (size_t t = 0; t < 2; t++)
		for (const struct dq_opt *o = tb->t[t].opts; o && o->name; o++)
			if (!o->hidden && n < NAMES_MAX)
				names[n++] = o->name;
	near = dq_nearest(name, names, n);
	if (near)
		return dq_usage_error(tb->cmd, "unknown option '--%s' (did you mean '--%s'?)", name, near);
	return dq_usage_error(tb->cmd, "unknown option '--%s'", name);
}

/* "msc, puml or mmd" */
static void put_choices(struct dq_sb *sb, const char *choices)
{
	for (const char *p = choices; *p;) {
		size_t len = strcspn(p, " ");
		bool last = !p[len];

		if (p != choices)
			dq_sb_puts(sb, last ? " or " : ", ");
		dq_sb_put(sb, p, len);
		p += len + !last;
	}
}

static int bad_value(const struct tables *tb, const struct dq_opt *o, const char *typed,
		     const char *val)
{
	struct dq_sb hint = { 0 };
	int ret;

	switch (o->type) {
	case DQ_OPT_ENUM:
		dq_sb_puts(&hint, "use ");
		put_choices(&hint, o->choices);
		break;
	case DQ_OPT_POS:
		dq_sb_puts(&hint, "use a number from 1 on");
		break;
	case DQ_OPT_SIZE:
		dq_sb_puts(&hint, "use a number of bytes, or one with K, M or G, such as 8M");
		break;
	case DQ_OPT_TIME:
		dq_sb_puts(&hint, "use a number of seconds, or one with ns, us, ms, s, m or h, such as 1.5s");
		break;
	default:
		dq_sb_puts(&hint, "use a number");
	}
	ret = dq_usage_error(tb->cmd, "invalid value '%s' for '%s': %s", val, typed, dq_sb_str(&hint));
	dq_sb_free(&hint);
	return ret;
}

/* ---- parsing ----------------------------------------------------------------------- */

static int parse_choice(const char *choices, const char *val)
{
	size_t len = strlen(val);
	int i = 0;

	for (const char *p = choices; *p; i++) {
		size_t n = strcspn(p, " ");

		if (n == len && !strncmp(p, val, n))
			return i;
		p += n;
		p += *p == ' ';
	}
	return -1;
}

static bool strs_push(struct dq_strs *s, const char *val)
{
	const char **v = realloc(s->v, (s->n + 1) * sizeof(*v));

	if (!v)
		return false;
	s->v = v;
	s->v[s->n++] = val;
	return true;
}

static bool takes_value(const struct dq_opt *o)
{
	return o->type != DQ_OPT_FLAG && o->type != DQ_OPT_NOFLAG && o->type != DQ_OPT_COUNT;
}

static bool value_optional(const struct dq_opt *o)
{
	return o->arg && o->arg[0] == '[';
}

/* Sets what an option without a value means. */
static void set_flag(const struct dq_opt *o, char *base)
{
	if (o->type == DQ_OPT_COUNT)
		++*(int *)(base + o->off);
	else if (o->type == DQ_OPT_ENUM)
		*(int *)(base + o->off) = 0;
	else
		*(bool *)(base + o->off) = o->type == DQ_OPT_FLAG;
}

/* false: val is not a value of this option's type */
static bool set_value(const struct dq_opt *o, char *base, const char *val)
{
	void *dst = base + o->off;
	int choice;

	switch (o->type) {
	case DQ_OPT_STR:
		*(const char **)dst = val;
		return true;
	case DQ_OPT_STRS:
		return strs_push(dst, val);
	case DQ_OPT_UINT:
		return !dq_parse_uint(val, dst);
	case DQ_OPT_POS:
		return !dq_parse_uint(val, dst) && *(uint64_t *)dst;
	case DQ_OPT_SIZE:
		return !dq_parse_size(val, dst);
	case DQ_OPT_TIME:
		return !dq_parse_time(val, dst) && *(uint64_t *)dst != DQ_TIME_UNSET;
	case DQ_OPT_ENUM:
		choice = parse_choice(o->choices, val);
		if (choice >= 0)
			*(int *)dst = choice;
		return choice >= 0;
	default:
		return false;
	}
}

static int apply(const struct tables *tb, const struct dq_opt *o, char *base, const char *typed,
		 const char *val)
{
	if (!val) {
		set_flag(o, base);
		return 0;
	}
	if (!*val)
		return dq_usage_error(tb->cmd, "option '%s' requires a value: %s", typed,
				      o->arg ? o->arg : "");
	if (!set_value(o, base, val))
		return bad_value(tb, o, typed, val);
	return 0;
}

static const struct dq_opt *find_long(const struct tables *tb, const char *name, size_t len,
				      char **ret_base)
{
	for (size_t t = 0; t < 2; t++) {
		for (const struct dq_opt *o = tb->t[t].opts; o && o->name; o++) {
			if (strlen(o->name) == len && !strncmp(o->name, name, len)) {
				*ret_base = tb->t[t].base;
				return o;
			}
		}
	}
	return NULL;
}

static const struct dq_opt *find_letter(const struct tables *tb, char letter, char **ret_base)
{
	for (size_t t = 0; t < 2; t++) {
		for (const struct dq_opt *o = tb->t[t].opts; o && o->name; o++) {
			if (o->letter == letter) {
				*ret_base = tb->t[t].base;
				return o;
			}
		}
	}
	return NULL;
}

/* argv[*i] is "--name", "--name=value" or "--name" with the value behind it. */
static int parse_long(const struct tables *tb, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *eq = strchr(name, '='), *val = NULL;
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	struct dq_sb typed = { 0 };
	const struct dq_opt *o;
	char *base;
	int ret;

	dq_sb_printf(&typed, "--%.*s", (int)len, name);
	o = find_long(tb, name, len, &base);
	if (!o) {
		ret = unknown_long(tb, dq_sb_str(&typed) + 2);
	} else if (eq && !takes_value(o)) {
		ret = dq_usage_error(tb->cmd, "option '%s' takes no value", dq_sb_str(&typed));
	} else if (!eq && takes_value(o) && !value_optional(o) && *i + 1 >= argc) {
		ret = dq_usage_error(tb->cmd, "option '%s' requires a value: %s", dq_sb_str(&typed), o->arg);
	} else {
		if (eq)
			val = eq + 1;
		else if (takes_value(o) && !value_optional(o))
			val = argv[++*i];
		ret = apply(tb, o, base, dq_sb_str(&typed), val);
	}
	dq_sb_free(&typed);
	return ret;
}

/* argv[*i] is "-abc", "-ofile", or "-o" with the value behind it. */
static int parse_letters(const struct tables *tb, int argc, char **argv, int *i)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const char typed[] = { '-', *p, 0 };
		char *base;
		const struct dq_opt *o = find_letter(tb, *p, &base);
		int ret;

		if (!o)
			return dq_usage_error(tb->cmd, "unknown option '%s'", typed);
		if (!takes_value(o) || value_optional(o)) {
			set_flag(o, base);
			continue;
		}
		if (!p[1] && *i + 1 >= argc)
			return dq_usage_error(tb->cmd, "option '%s' requires a value: %s", typed, o->arg);
		ret = apply(tb, o, base, typed, p[1] ? p + 1 : argv[*i + 1]);
		*i += !p[1];
		return ret;
	}
	return 0;
}

/* The n-th operand (from 0) in the words of cmd->args. */
static int missing_operand(const struct dq_cmd *cmd, int n)
{
	const char *p = cmd->args ? cmd->args : "";

	while (n--) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	return dq_usage_error(cmd, "missing operand: %.*s", (int)strcspn(p, " "), p);
}

static int check_operands(const struct dq_cmd *cmd, int n, char **argv)
{
	if (n < cmd->min_args)
		return missing_operand(cmd, n);
	if (cmd->max_args >= 0 && n > cmd->max_args)
		return dq_usage_error(cmd, "extra operand '%s'", argv[cmd->max_args]);
	return 0;
}

static void set_defaults(const struct dq_cmd *cmd, char *opts)
{
	memset(opts, 0, cmd->opts_size);
	for (const struct dq_opt *o = cmd->opts; o && o->name; o++) {
		if (o->type == DQ_OPT_NOFLAG)
			*(bool *)(opts + o->off) = true;
		else if (o->type == DQ_OPT_ENUM)
			*(int *)(opts + o->off) = -1;
		else if (o->type == DQ_OPT_TIME)
			*(uint64_t *)(opts + o->off) = DQ_TIME_UNSET;
	}
}

static void finish_common(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
	bool can = isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb");

	dq_common.verbose = common.verbose;
	dq_common.quiet = common.quiet;
	dq_common.color = common.color == COLOR_ALWAYS || (common.color != COLOR_NEVER && can);
}

enum dq_parsed dq_opts_parse(const struct dq_cmd *cmd, void *opts, int *argc, char **argv)
{
	bool options = !cmd->raw;
	struct tables tb;
	int n = 0, ret = 0;

	tables_init(&tb, cmd, opts);
	set_defaults(cmd, opts);
	common.help = false;
	/* Operands move to the front: n never overtakes i. */
	for (int i = 0; i < *argc; i++) {
		if (cmd->raw && !n && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")))
			return DQ_PARSED_HELP;
		if (!options || argv[i][0] != '-' || !argv[i][1]) {
			argv[n++] = argv[i];
			options &= !cmd->dashdash;
			continue;
		}
		if (!strcmp(argv[i], "--"))
			options = false;
		else if (argv[i][1] == '-')
			ret = parse_long(&tb, *argc, argv, &i);
		else
			ret = parse_letters(&tb, *argc, argv, &i);
		if (ret)
			return DQ_PARSED_ERROR;
		if (common.help)
			return DQ_PARSED_HELP;
	}
	finish_common();
	argv[n] = NULL; /* operands may be given to exec */
	*argc = n;
	return check_operands(cmd, n, argv) ? DQ_PARSED_ERROR : DQ_PARSED_RUN;
}

void dq_opts_free(const struct dq_cmd *cmd, void *opts)
{
	for (const struct dq_opt *o = cmd->opts; o && o->name; o++) {
		struct dq_strs *s = (void *)((char *)opts + o->off);

		if (o->type != DQ_OPT_STRS)
			continue;
		free(s->v);
		*s = (struct dq_strs){ 0 };
	}
}

/* ---- explaining -------------------------------------------------------------------- */

/* Text that starts in column col, wrapped behind column indent. */
static void put_wrapped(FILE *out, const char *text, size_t col, size_t indent)
{
	bool first = true;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, " \n"), cols = dq_columns(p, len);

		if (!first && col + 1 + cols > HELP_WIDTH - 1) {
			fprintf(out, "\n%*s", (int)indent, "");
			col = indent;
		} else if (!first) {
			fputc(' ', out);
			col++;
		}
		fwrite(p, 1, len, out);
		col += cols;
		first = false;
		p += len;
		if (*p == '\n') {
			fprintf(out, "\n%*s", (int)indent, "");
			col = indent;
			first = true;
		}
		p += !!*p;
	}
	fputc('\n', out);
}

/* Does the text say already what can be chosen? */
static bool names_choices(const struct dq_opt *o)
{
	const char *at;
	size_t len;

	for (const char *p = o->choices; *p; p += len + (p[len] == ' ')) {
		len = strcspn(p, " ");
		at = o->help ? memmem(o->help, strlen(o->help), p, len) : NULL;
		if (!at)
			return false;
	}
	return true;
}

static void put_option(FILE *out, const struct dq_opt *o)
{
	struct dq_sb sb = { 0 }, text = { 0 };
	size_t col;

	if (o->letter)
		dq_sb_printf(&sb, "  -%c, ", o->letter);
	else
		dq_sb_puts(&sb, "      ");
	dq_sb_printf(&sb, "--%s", o->name);
	if (o->arg && value_optional(o))
		dq_sb_printf(&sb, "[=%s", o->arg + 1);
	else if (o->arg)
		dq_sb_printf(&sb, "=%s", o->arg);
	dq_sb_puts(&text, o->help ? o->help : "");
	if (o->choices && !names_choices(o)) {
		dq_sb_puts(&text, ": ");
		put_choices(&text, o->choices);
	}
	col = sb.len;
	fputs(dq_sb_str(&sb), out);
	if (col + 2 > HELP_COLUMN) {
		fputc('\n', out);
		col = 0;
	}
	fprintf(out, "%*s", (int)(HELP_COLUMN - col), "");
	put_wrapped(out, dq_sb_str(&text), HELP_COLUMN, HELP_COLUMN);
	dq_sb_free(&sb);
	dq_sb_free(&text);
}

static const char *group_of(const struct dq_opt *o)
{
	return o->group ? o->group : "Options";
}

static bool is_first_of_group(const struct dq_opt *opts, const struct dq_opt *o)
{
	for (const struct dq_opt *p = opts; p < o; p++)
		if (!p->hidden && !strcmp(group_of(p), group_of(o)))
			return false;
	return !o->hidden;
}

static void put_table(FILE *out, const struct dq_opt *opts)
{
	for (const struct dq_opt *first = opts; first && first->name; first++) {
		if (!is_first_of_group(opts, first))
			continue;
		fprintf(out, "\n%s:\n", group_of(first));
		for (const struct dq_opt *o = first; o->name; o++)
			if (!o->hidden && !strcmp(group_of(o), group_of(first)))
				put_option(out, o);
	}
}

static void put_examples(FILE *out, const char *examples)
{
	fputs("\nExamples:\n", out);
	for (const char *p = examples; *p;) {
		size_t len = strcspn(p, "\n");

		fprintf(out, "%s%.*s\n", *p == ' ' ? "" : "  ", (int)len, p);
		p += len;
		p += *p == '\n';
	}
}

void dq_opts_help(FILE *out, const struct dq_cmd *cmd)
{
	const char *args = cmd->args ? cmd->args : "";

	fprintf(out, "Usage: dmaseq %s [OPTION]...%s%s\n\n", cmd->name, *args ? " " : "", args);
	put_wrapped(out, cmd->summary, 0, 0);
	if (cmd->about) {
		fputc('\n', out);
		put_wrapped(out, cmd->about, 0, 0);
	}
	if (!cmd->raw) {
		put_table(out, cmd->opts);
		put_table(out, common_opts);
	}
	if (cmd->examples)
		put_examples(out, cmd->examples);
	fprintf(out, "\nMore: man dmaseq-%s\n", cmd->name);
}

void dq_opts_list(FILE *out, const struct dq_cmd *cmd)
{
	const struct dq_opt *const tables[] = { cmd->opts, common_opts };

	for (size_t t = 0; t < DQ_ARRAY_SIZE(tables); t++) {
		for (const struct dq_opt *o = tables[t]; o && o->name; o++) {
			if (o->hidden)
				continue;
			fprintf(out, "%s\t%c\t%s\t%s\n", o->name, o->letter ? o->letter : '-',
				o->arg ? o->arg : "-", o->choices ? o->choices : "-");
		}
	}
}
