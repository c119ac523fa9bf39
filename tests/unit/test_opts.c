/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_opts.c - the option parser, on a table of its own that has every type of
 * option: what is accepted, what it sets, and every sentence about what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/opts.h"
#include "util/util.h"

struct opts {
	bool force;
	bool fold;
	int level;
	const char *out;
	struct dq_strs tags;
	uint64_t pid, ring, time;
	int format, when;
	bool secret;
};

#define OPT(field) offsetof(struct opts, field)
static const struct dq_opt table[] = {
	{ .name = "force", .letter = 'f', .type = DQ_OPT_FLAG, .off = OPT(force), .help = "do it" },
	{ .name = "out", .letter = 'o', .arg = "FILE", .type = DQ_OPT_STR, .off = OPT(out), .help = "where" },
	{ .name = "tag", .letter = 't', .arg = "TAG", .type = DQ_OPT_STRS, .off = OPT(tags), .help = "what" },
	{ .name = "fold", .type = DQ_OPT_FLAG, .off = OPT(fold), .group = "Folding", .help = "fold" },
	{ .name = "no-fold", .type = DQ_OPT_NOFLAG, .off = OPT(fold), .group = "Folding",
	  .help = "do not fold, whatever the number of repeats is and however long the chart becomes" },
	{ .name = "level", .letter = 'l', .type = DQ_OPT_COUNT, .off = OPT(level), .help = "deeper" },
	{ .name = "pid", .letter = 'p', .arg = "PID", .type = DQ_OPT_UINT, .off = OPT(pid), .help = "who" },
	{ .name = "ring", .arg = "SIZE", .type = DQ_OPT_SIZE, .off = OPT(ring), .help = "room" },
	{ .name = "time", .letter = 'T', .arg = "TIME", .type = DQ_OPT_TIME, .off = OPT(time), .help = "stop" },
	{ .name = "format", .arg = "FORMAT", .type = DQ_OPT_ENUM, .off = OPT(format),
	  .choices = "msc puml mmd", .help = "kind of text" },
	{ .name = "when", .letter = 'w', .arg = "[WHEN]", .type = DQ_OPT_ENUM, .off = OPT(when),
	  .choices = "always never", .help = "when" },
	{ .name = "secret", .type = DQ_OPT_FLAG, .off = OPT(secret), .hidden = true },
	{ .name = NULL },
};

static const struct dq_cmd cmd_any = {
	.name = "try", .summary = "try it", .args = "[FILE]...", .opts = table,
	.opts_size = sizeof(struct opts), .max_args = -1,
};
static const struct dq_cmd cmd_two = {
	.name = "two", .summary = "needs two", .args = "BASE NEW", .opts = table,
	.opts_size = sizeof(struct opts), .min_args = 2, .max_args = 2,
};
static const struct dq_cmd cmd_runs = {
	.name = "runs", .summary = "runs one", .args = "[CMD [ARG]...]", .opts = table,
	.opts_size = sizeof(struct opts), .max_args = -1, .dashdash = true,
};
static const struct dq_cmd cmd_raw = {
	.name = "raw", .summary = "takes all", .max_args = -1, .raw = true,
};

/* One parsed command line: its words, the result, the operands joined, what was on stderr. */
struct run {
	struct opts o;
	enum dq_parsed parsed;
	char words[512];
	char *argv[32];
	char operands[512];
	char *err;
};

/* words are split at single spaces; "~" stands for an empty word */
static void run(struct run *r, const struct dq_cmd *cmd, const char *words)
{
	FILE *saved = stderr, *mem;
	int argc = 0;
	size_t len;

	memset(r, 0, sizeof(*r));
	snprintf(r->words, sizeof(r->words), "%s", words);
	for (char *p = strtok(r->words, " "); p; p = strtok(NULL, " "))
		r->argv[argc++] = strcmp(p, "~") ? p : p + 1;
	mem = open_memstream(&r->err, &len);
	assert_non_null(mem);
	stderr = mem;
	r->parsed = dq_opts_parse(cmd, &r->o, &argc, r->argv);
	stderr = saved;
	fclose(mem);
	if (r->parsed != DQ_PARSED_RUN)
		return;
	assert_null(r->argv[argc]); /* operands can be given to exec */
	for (int i = 0; i < argc; i++) {
		len = strlen(r->operands);
		snprintf(r->operands + len, sizeof(r->operands) - len, "%s%s", i ? " " : "", r->argv[i]);
	}
}

static void done(struct run *r, const struct dq_cmd *cmd)
{
	dq_opts_free(cmd, &r->o);
	free(r->err);
}

static void defaults(void **state)
{
	struct run r;

	run(&r, &cmd_any, "");
	assert_int_equal(r.parsed, DQ_PARSED_RUN);
	assert_false(r.o.force);
	assert_true(r.o.fold);	/* there is a --no-fold */
	assert_null(r.o.out);
	assert_int_equal(r.o.tags.n, 0);
	assert_int_equal(r.o.pid, 0);
	assert_int_equal(r.o.ring, 0);
	assert_true(r.o.time == DQ_TIME_UNSET);
	assert_int_equal(r.o.format, -1);
	assert_string_equal(r.operands, "");
	assert_string_equal(r.err, "");
	done(&r, &cmd_any);
}

static void values(void **state)
{
	struct run r;

	run(&r, &cmd_any, "a -o out -ttag1 --tag=tag2 --tag tag3 --pid=0x10 --ring 8M -T 1.5s --format=mmd -- -f");
	assert_string_equal(r.err, "");
	assert_int_equal(r.parsed, DQ_PARSED_RUN);
	assert_string_equal(r.o.out, "out");
	assert_int_equal(r.o.tags.n, 3);
	assert_string_equal(r.o.tags.v[0], "tag1");
	assert_string_equal(r.o.tags.v[1], "tag2");
	assert_string_equal(r.o.tags.v[2], "tag3");
	assert_int_equal(r.o.pid, 16);
	assert_int_equal(r.o.ring, 8 << 20);
	assert_int_equal(r.o.time, 1500000000);
	assert_int_equal(r.o.format, 2);
	assert_false(r.o.force);
	assert_string_equal(r.operands, "a -f");
	done(&r, &cmd_any);
}

static void bundles(void **state)
{
	struct run r;

	run(&r, &cmd_any, "-fllofile -lw - --no-fold");
	assert_string_equal(r.err, "");
	assert_true(r.o.force);
	assert_int_equal(r.o.level, 3);
	assert_string_equal(r.o.out, "file");
	assert_int_equal(r.o.when, 0);	/* an optional value is never the next word */
	assert_false(r.o.fold);
	assert_string_equal(r.operands, "-");
	done(&r, &cmd_any);
}

static void last_one_wins(void **state)
{
	struct run r;

	run(&r, &cmd_any, "--no-fold --fold -oa -ob --when --when=never");
	assert_true(r.o.fold);
	assert_string_equal(r.o.out, "b");
	assert_int_equal(r.o.when, 1);
	done(&r, &cmd_any);
}

/* A value may look like an option: it is what the option in front of it asked for. */
static void value_like_option(void **state)
{
	struct run r;

	run(&r, &cmd_any, "-o -f --tag -- x");
	assert_string_equal(r.err, "");
	assert_string_equal(r.o.out, "-f");
	assert_string_equal(r.o.tags.v[0], "--");
	assert_string_equal(r.operands, "x");
	done(&r, &cmd_any);
}

static void permuted_or_not(void **state)
{
	struct run r;

	run(&r, &cmd_two, "base -f new");
	assert_true(r.o.force);
	assert_string_equal(r.operands, "base new");
	done(&r, &cmd_two);

	run(&r, &cmd_runs, "-f sh -c -l");
	assert_true(r.o.force);
	assert_int_equal(r.o.level, 0);
	assert_string_equal(r.operands, "sh -c -l");
	done(&r, &cmd_runs);

	run(&r, &cmd_runs, "-f -- -sh -- -l");
	assert_string_equal(r.operands, "-sh -- -l");
	done(&r, &cmd_runs);
}

static void common_options(void **state)
{
	struct run r;

	run(&r, &cmd_any, "-vv file --quiet --color -v");
	assert_string_equal(r.err, "");
	assert_int_equal(dq_common.verbose, 3);
	assert_true(dq_common.quiet);
	assert_true(dq_common.color);
	assert_string_equal(r.operands, "file");
	done(&r, &cmd_any);

	run(&r, &cmd_any, "--color=never");
	assert_false(dq_common.color);
	done(&r, &cmd_any);
}

static void asks_for_help(void **state)
{
	static const char *const asks[] = { "--help", "-h", "-fh", "a --help --nonsense" };
	struct run r;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(asks); i++) {
		run(&r, &cmd_two, asks[i]);
		assert_int_equal(r.parsed, DQ_PARSED_HELP);
		assert_string_equal(r.err, "");
		done(&r, &cmd_two);
	}
	/* what a command to run is given is not ours */
	run(&r, &cmd_runs, "sh --help");
	assert_int_equal(r.parsed, DQ_PARSED_RUN);
	done(&r, &cmd_runs);
}

static void raw_is_not_parsed(void **state)
{
	struct run r;

	run(&r, &cmd_raw, "-x --y -- z");
	assert_int_equal(r.parsed, DQ_PARSED_RUN);
	assert_string_equal(r.operands, "-x --y -- z");
	done(&r, &cmd_raw);
	run(&r, &cmd_raw, "--help");
	assert_int_equal(r.parsed, DQ_PARSED_HELP);
	done(&r, &cmd_raw);
}

static const struct {
	const struct dq_cmd *cmd;
	const char *words, *err;
} wrong[] = {
	{ &cmd_any, "--foo", "unknown option '--foo'" },
	{ &cmd_any, "--forc", "unknown option '--forc' (did you mean '--force'?)" },
	{ &cmd_any, "--fromat=msc", "unknown option '--fromat' (did you mean '--format'?)" },
	{ &cmd_any, "--secre", "unknown option '--secre'" },	/* hidden ones are not suggested */
	{ &cmd_any, "--=x", "unknown option '--'" },
	{ &cmd_any, "-x", "unknown option '-x'" },
	{ &cmd_any, "-fx", "unknown option '-x'" },
	{ &cmd_any, "-=", "unknown option '-='" },
	{ &cmd_any, "-\001", "unknown option '-\\x01'" },
	{ &cmd_any, "--\033[31m", "unknown option '--\\x1b[31m'" },
	{ &cmd_any, "--force=yes", "option '--force' takes no value" },
	{ &cmd_any, "--level=", "option '--level' takes no value" },
	{ &cmd_any, "--out", "option '--out' requires a value: FILE" },
	{ &cmd_any, "--out=", "option '--out' requires a value: FILE" },
	{ &cmd_any, "-fo", "option '-o' requires a value: FILE" },
	{ &cmd_any, "-o ~", "option '-o' requires a value: FILE" },
	{ &cmd_any, "-p 12a", "invalid value '12a' for '-p': use a number" },
	{ &cmd_any, "--pid=-1", "invalid value '-1' for '--pid': use a number" },
	{ &cmd_any, "--ring 8Q",
	  "invalid value '8Q' for '--ring': use a number of bytes, or one with K, M or G, such as 8M" },
	{ &cmd_any, "-Tsoon",
	  "invalid value 'soon' for '-T': use a number of seconds, or one with ns, us, ms, s, m or h, such as 1.5s" },
	{ &cmd_any, "--format svg", "invalid value 'svg' for '--format': use msc, puml or mmd" },
	{ &cmd_any, "--format ms", "invalid value 'ms' for '--format': use msc, puml or mmd" },
	{ &cmd_any, "--when=auto", "invalid value 'auto' for '--when': use always or never" },
	{ &cmd_any, "--color=red", "invalid value 'red' for '--color': use always, auto or never" },
	{ &cmd_two, "", "missing operand: BASE" },
	{ &cmd_two, "a", "missing operand: NEW" },
	{ &cmd_two, "a b c", "extra operand 'c'" },
	{ &cmd_runs, "--foo", "unknown option '--foo'" },
};

static void sentences(void **state)
{
	char want[512];
	struct run r;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(wrong); i++) {
		run(&r, wrong[i].cmd, wrong[i].words);
		snprintf(want, sizeof(want), "dmaseq %s: %s\nTry 'dmaseq %s --help'.\n",
			 wrong[i].cmd->name, wrong[i].err, wrong[i].cmd->name);
		assert_string_equal(r.err, want);
		assert_int_equal(r.parsed, DQ_PARSED_ERROR);
		done(&r, wrong[i].cmd);
	}
	assert_int_equal(dq_usage_status(&cmd_any), 2);
	assert_int_equal(dq_usage_status(&cmd_runs), 125);
}

static void nearest(void **state)
{
	static const char *const names[] = { "record", "list", "diagram", "dump", "doctor" };
	static const struct {
		const char *word, *near;
	} t[] = {
		{ "recrod", "record" }, { "rec", "record" }, { "lst", "list" }, { "lits", "list" },
		{ "diagramm", "diagram" }, { "do", "doctor" }, { "dmup", "dump" }, { "x", NULL },
		{ "", NULL }, { "frobnicate", NULL },
		{ "a-word-that-is-longer-than-any-command-could-be", NULL },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(t); i++) {
		const char *got = dq_nearest(t[i].word, names, DQ_ARRAY_SIZE(names));

		assert_string_equal(got ? got : "(none)", t[i].near ? t[i].near : "(none)");
	}
}

static char *printed(void (*fn)(FILE *, const struct dq_cmd *), const struct dq_cmd *cmd)
{
	char *text = NULL;
	size_t len;
	FILE *mem = open_memstream(&text, &len);

	assert_non_null(mem);
	fn(mem, cmd);
	fclose(mem);
	return text;
}

static const char help_two[] =
	"Usage: dmaseq two [OPTION]... BASE NEW\n"
	"\n"
	"needs two\n"
	"\n"
	"Options:\n"
	"  -f, --force             do it\n"
	"  -o, --out=FILE          where\n"
	"  -t, --tag=TAG           what\n"
	"  -l, --level             deeper\n"
	"  -p, --pid=PID           who\n"
	"      --ring=SIZE         room\n"
	"  -T, --time=TIME         stop\n"
	"      --format=FORMAT     kind of text: msc, puml or mmd\n"
	"  -w, --when[=WHEN]       when: always or never\n"
	"\n"
	"Folding:\n"
	"      --fold              fold\n"
	"      --no-fold           do not fold, whatever the number of repeats is and\n"
	"                          however long the chart becomes\n"
	"\n"
	"Common options:\n"
	"  -v, --verbose           say what is being done; twice: say more\n"
	"  -q, --quiet             no warnings and no progress, errors only\n"
	"      --color[=WHEN]      colour the output: always, auto (on a terminal,\n"
	"                          unless NO_COLOR is set) or never\n"
	"  -h, --help              explain the options and stop\n"
	"\n"
	"More: man dmaseq-two\n";

static void help_text(void **state)
{
	char *text = printed(dq_opts_help, &cmd_two);

	assert_string_equal(text, help_two);
	free(text);
}

static void option_list(void **state)
{
	static const char begin[] = "force\tf\t-\t-\nout\to\tFILE\t-\n";
	char *text = printed(dq_opts_list, &cmd_two);

	assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
	assert_non_null(strstr(text, "\nwhen\tw\t[WHEN]\talways never\n"));
	assert_non_null(strstr(text, "\nhelp\th\t-\t-\n"));
	assert_null(strstr(text, "secret"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(values),
		cmocka_unit_test(bundles),
		cmocka_unit_test(last_one_wins),
		cmocka_unit_test(value_like_option),
		cmocka_unit_test(permuted_or_not),
		cmocka_unit_test(common_options),
		cmocka_unit_test(asks_for_help),
		cmocka_unit_test(raw_is_not_parsed),
		cmocka_unit_test(sentences),
		cmocka_unit_test(nearest),
		cmocka_unit_test(help_text),
		cmocka_unit_test(option_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
