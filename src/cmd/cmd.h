/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd.h - what a command is, and the one table of options.
 *
 * The table of a command drives parsing, `dmaseq help`, `dmaseq CMD --help`, the
 * bash completion (through the hidden --list-cmds and --list-opts) and the check
 * that the man page documents every option. Only main.c and the cmd_*.c files may
 * print to stdout; nothing below them exits.
 *
 * Exit status of every command: see enum dq_exit.
 */
#ifndef DQ_CMD_H
#define DQ_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dq_exit {
	DQ_EXIT_OK = 0,		/* fine, nothing found */
	DQ_EXIT_FOUND = 1,	/* found something: a difference, a violation */
	DQ_EXIT_FAIL = 2,	/* usage or failure */
	DQ_EXIT_INCOMPLETE = 3,	/* the data is incomplete and --strict was given */
	/* record -- CMD passes CMD's status on; its own troubles are: */
	DQ_EXIT_RECORD = 125,
	DQ_EXIT_NOEXEC = 126,
	DQ_EXIT_NOCMD = 127,
};

enum dq_opt_type {
	DQ_OPT_FLAG,	/* bool */
	DQ_OPT_NOFLAG,	/* bool, set to false: "--no-fold"; such a bool starts true */
	DQ_OPT_COUNT,	/* int, one more each time: "-vv" */
	DQ_OPT_STR,	/* const char *, points into argv */
	DQ_OPT_STRS,	/* struct dq_strs: may be repeated */
	DQ_OPT_UINT,	/* uint64_t; decimal or 0x */
	DQ_OPT_POS,	/* the same, but not 0, so that 0 is: not given */
	DQ_OPT_SIZE,	/* uint64_t bytes: 4096, 64K, 8M, 1G */
	DQ_OPT_TIME,	/* uint64_t ns: 10, 1.5s, 300ms, 2m (no unit: seconds); DQ_TIME_UNSET when absent */
	DQ_OPT_ENUM,	/* int: index into the space-separated .choices; -1 when absent. An .arg like
			 * "[WHEN]": the value is optional, only after '=', and the first choice is
			 * meant without it */
};

#define DQ_TIME_UNSET UINT64_MAX

struct dq_strs {
	const char **v;
	size_t n;
};

struct dq_opt {
	const char *name;	/* long option without the dashes; NULL ends the table */
	char letter;		/* short option or 0 */
	const char *arg;	/* "FILE"; NULL for flags and counts */
	enum dq_opt_type type;
	size_t off;		/* where in the command's option struct */
	const char *group;	/* heading in --help; NULL: "Options" */
	const char *help;	/* one phrase, no full stop; wrapped by --help */
	const char *choices;	/* DQ_OPT_ENUM */
	bool hidden;		/* not in --help, completion and man page */
};

struct dq_cmd {
	const char *name;
	const char *summary;	/* one line for `dmaseq help` */
	const char *about;	/* a paragraph or two for --help; NULL: none */
	const char *args;	/* the operands: "FILE", "[--] [CMD [ARG]...]"; the first words name
				 * those that are missing */
	const struct dq_opt *opts;
	size_t opts_size;	/* of the option struct; starts zeroed (but see TIME, ENUM, NOFLAG) */
	int min_args, max_args;	/* operands; max -1: any number */
	bool dashdash;		/* stop option parsing at the first operand (a command follows); usage
				 * errors then have status DQ_EXIT_RECORD */
	bool raw;		/* not parsed at all: a command that this build does not have */
	const char *examples;	/* lines for --help: "command   what it is for\n"... */
	/* argc, argv: the operands alone, argv[0] is the first. Returns enum dq_exit or a CMD's status. */
	int (*run)(void *opts, int argc, char **argv);
};

/* The options that every command has; parsed by opts.c and kept here. main.c has set the log level
 * from them before a command runs. */
struct dq_common {
	int verbose;		/* -v, repeatable */
	bool quiet;		/* -q */
	bool color;		/* stdout is a terminal that can, NO_COLOR unset, or --color=always */
};
extern struct dq_common dq_common;

extern const char dq_version[];	/* "0.1.0 (git 8cb1e5b)", made by cmake/version.cmake */

extern const struct dq_cmd dq_cmd_record, dq_cmd_list, dq_cmd_diagram, dq_cmd_graph, dq_cmd_check,
	dq_cmd_dump, dq_cmd_export, dq_cmd_doctor;
extern const struct dq_cmd dq_cmd_diff, dq_cmd_baseline, dq_cmd_anonymize;

/* A usage error of the command's own: prints "dmaseq CMD: <text>" and the "Try ..." line,
 * returns DQ_EXIT_FAIL (DQ_EXIT_RECORD for a .dashdash command). */
int dq_usage_error(const struct dq_cmd *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* DQ_CMD_H */
