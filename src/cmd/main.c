/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - finds the command, has its options parsed, runs it, and makes sure that
 * what it printed has arrived.
 *
 * Knows the commands by the table below and nothing about any of them.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd_common.h"
#include "opts.h"
#include "util/util.h"

static const struct dq_cmd *const cmds[] = {
	&dq_cmd_record, &dq_cmd_list,	   &dq_cmd_diagram,  &dq_cmd_graph,
	&dq_cmd_check,	&dq_cmd_diff,	   &dq_cmd_baseline, &dq_cmd_dump,
	&dq_cmd_export, &dq_cmd_anonymize, &dq_cmd_doctor,
};

struct main_opts {
	bool version;
	bool list_cmds;
	const char *list_opts;
};

static const struct dq_opt main_opts[] = {
	{.name = "version",
	 .letter = 'V',
	 .type = DQ_OPT_FLAG,
	 .off = offsetof(struct main_opts, version),
	 .help = "print the version and stop"},
	{.name = "list-cmds",
	 .type = DQ_OPT_FLAG,
	 .off = offsetof(struct main_opts, list_cmds),
	 .hidden = true},
	{.name = "list-opts",
	 .arg = "CMD",
	 .type = DQ_OPT_STR,
	 .off = offsetof(struct main_opts, list_opts),
	 .hidden = true},
	{.name = NULL},
};

/* What stands before the command; it has no name of its own. */
static const struct dq_cmd main_cmd = {
	.opts = main_opts,
	.opts_size = sizeof(struct main_opts),
	.max_args = -1,
	.dashdash = true,
};

static const char general_help[] =
	"Usage: dmaseq COMMAND [OPTION]... [OPERAND]...\n"
	"\n"
	"What every DMA-BUF of a Linux system went through: who did what to it, in which\n"
	"order, how long it took, drawn as a sequence chart.\n"
	"\n"
	"Commands:\n";

static const char general_more[] =
	"\n"
	"  dmaseq help COMMAND     the options of a command (also: dmaseq COMMAND --help)\n"
	"  dmaseq --version        the version\n"
	"\n"
	"More: man dmaseq\n";

static int print_help(FILE *out)
{
	fputs(general_help, out);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(cmds); i++)
		fprintf(out, "  %-10s %s\n", cmds[i]->name, cmds[i]->summary);
	fputs(general_more, out);
	return DQ_EXIT_OK;
}

static const struct dq_cmd *find_cmd(const char *name)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(cmds); i++)
		if (!strcmp(cmds[i]->name, name))
			return cmds[i];
	return NULL;
}

static int unknown_cmd(const char *name)
{
	const char *names[DQ_ARRAY_SIZE(cmds) + 1], *near;
	size_t n = 0;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(cmds); i++)
		names[n++] = cmds[i]->name;
	names[n++] = "help";
	near = dq_nearest(name, names, n);
	if (near)
		return dq_usage_error(&main_cmd, "unknown command '%s' (did you mean '%s'?)", name,
				      near);
	return dq_usage_error(&main_cmd, "unknown command '%s'", name);
}

static int help_on(const char *name)
{
	const struct dq_cmd *cmd = find_cmd(name);

	if (!strcmp(name, "help"))
		return print_help(stdout);
	if (!cmd)
		return unknown_cmd(name);
	dq_opts_help(stdout, cmd);
	return DQ_EXIT_OK;
}

static int list_cmds(void)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(cmds); i++)
		printf("%s\t%s\n", cmds[i]->name, cmds[i]->summary);
	return DQ_EXIT_OK;
}

static int list_opts(const char *name)
{
	const struct dq_cmd *cmd = find_cmd(name);

	if (!cmd)
		return unknown_cmd(name);
	dq_opts_list(stdout, cmd);
	return DQ_EXIT_OK;
}

static void set_log_level(void)
{
	int level = dq_common.quiet ? DQ_LOG_ERR : DQ_LOG_WARN + dq_common.verbose;

	dq_log_level(level > DQ_LOG_DEBUG ? DQ_LOG_DEBUG : level);
}

/*
 * A room below that has no memory returns -ENOMEM and says nothing, and a text that had none is
 * cut: whatever way it went, what was printed is not to be taken for all of it. A traced
 * command's status is not touched.
 */
static int without_memory(const struct dq_cmd *cmd, int status, unsigned long said)
{
	bool silent = status == DQ_EXIT_FAIL && dq_log_errors() == said;

	if (cmd->dashdash || (!dq_sb_lost(true) && !silent))
		return status;
	if (dq_log_errors() == said)
		dq_err("out of memory");
	return DQ_EXIT_FAIL;
}

/* Output that did not arrive is a failure, not a success with nothing to see. */
static int finish(const struct dq_cmd *cmd, int status)
{
	if (dq_cmd_flush_stdout() && !status)
		return dq_usage_status(cmd);
	return status;
}

static int run_cmd(const struct dq_cmd *cmd, int argc, char **argv)
{
	/* Not zero: a command without options has no struct. */
	void *opts = calloc(1, cmd->opts_size + 1);
	unsigned long said = dq_log_errors();
	int status = DQ_EXIT_OK;

	if (!opts) {
		dq_err("out of memory");
		return dq_usage_status(cmd);
	}
	switch (dq_opts_parse(cmd, opts, &argc, argv)) {
	case DQ_PARSED_RUN:
		set_log_level();
		status = cmd->run(opts, argc, argv);
		break;
	case DQ_PARSED_HELP:
		dq_opts_help(stdout, cmd);
		break;
	case DQ_PARSED_ERROR:
		status = dq_usage_status(cmd);
		break;
	}
	dq_opts_free(cmd, opts);
	free(opts);
	return finish(cmd, without_memory(cmd, status, said));
}

/* Everything that is not "dmaseq [OPTION]... COMMAND ...". */
static int run_main(const struct main_opts *o, int argc, char **argv)
{
	if (o->version) {
		printf("dmaseq %s\n", dq_version);
		return DQ_EXIT_OK;
	}
	if (o->list_cmds)
		return list_cmds();
	if (o->list_opts)
		return list_opts(o->list_opts);
	if (!argc)
		return dq_usage_error(&main_cmd, "no command given");
	return argc > 1 ? help_on(argv[1]) : print_help(stdout);
}

int main(int argc, char **argv)
{
	struct main_opts opts;
	const struct dq_cmd *cmd;

	argc -= argc > 0;
	switch (dq_opts_parse(&main_cmd, &opts, &argc, ++argv)) {
	case DQ_PARSED_ERROR:
		return DQ_EXIT_FAIL;
	case DQ_PARSED_HELP:
		return finish(&main_cmd, print_help(stdout));
	case DQ_PARSED_RUN:
		break;
	}
	if (opts.version || opts.list_cmds || opts.list_opts || !argc || !strcmp(argv[0], "help"))
		return finish(&main_cmd, run_main(&opts, argc, argv));
	cmd = find_cmd(argv[0]);
	if (!cmd)
		return unknown_cmd(argv[0]);
	return run_cmd(cmd, argc - 1, argv + 1);
}
