/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opts.h - what main.c does with a command's option table: parse, explain, list.
 *
 * Private to main.c, opts.c and their test: a command sees cmd.h only.
 */
#ifndef DQ_OPTS_H
#define DQ_OPTS_H

#include <stdio.h>

#include "cmd.h"

enum dq_parsed {
	DQ_PARSED_RUN,	/* the operands are in argv[0 .. *argc - 1] */
	DQ_PARSED_HELP,	/* --help was among the options; what follows it was not looked at */
	DQ_PARSED_ERROR, /* a usage error was printed */
};

/*
 * argv holds what follows the command's name. opts is a block of cmd->opts_size bytes, which is
 * initialised here and must be given to dq_opts_free() whatever is returned. Strings in it point
 * into argv. Options of struct dq_common go there; they add to what is there already.
 */
enum dq_parsed dq_opts_parse(const struct dq_cmd *cmd, void *opts, int *argc, char **argv);
void dq_opts_free(const struct dq_cmd *cmd, void *opts);

/* The status of a usage error of this command. */
int dq_usage_status(const struct dq_cmd *cmd);

void dq_opts_help(FILE *out, const struct dq_cmd *cmd);
/* One line per visible option for the completion and the man page check:
 * name, letter, argument, choices, separated by tabs, "-" where there is none. */
void dq_opts_list(FILE *out, const struct dq_cmd *cmd);

/* The name that the user may have meant by word, or NULL. */
const char *dq_nearest(const char *word, const char *const *names, size_t n);

#endif /* DQ_OPTS_H */
