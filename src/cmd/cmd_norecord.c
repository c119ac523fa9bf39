/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_norecord.c - what record and doctor are in a build with ENABLE_RECORD=OFF:
 * one sentence.
 */
#include "cmd.h"
#include "util/util.h"

static int run(void *opts, int argc, char **argv)
{
	(void)opts;
	(void)argc;
	(void)argv;
	dq_err("this build reads traces and cannot record: build dmaseq with the preset 'static' or 'release' for that");
	return DQ_EXIT_FAIL;
}

static int run_record(void *opts, int argc, char **argv)
{
	run(opts, argc, argv);
	return DQ_EXIT_RECORD;
}

const struct dq_cmd dq_cmd_record = {
	.name = "record",
	.summary = "record what every DMA-BUF goes through (not in this build)",
	.args = "[[--] CMD [ARG]...]",
	.max_args = -1,
	.dashdash = true,
	.raw = true,
	.run = run_record,
};

const struct dq_cmd dq_cmd_doctor = {
	.name = "doctor",
	.summary = "what this kernel allows to record (not in this build)",
	.max_args = -1,
	.raw = true,
	.run = run,
};
