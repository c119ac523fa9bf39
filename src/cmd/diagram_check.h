/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diagram_check.h - the findings of a trace, for the charts of cmd_diagram.c.
 */
#ifndef DQ_CMD_DIAGRAM_CHECK_H
#define DQ_CMD_DIAGRAM_CHECK_H

#include "model/check.h"
#include "model/model.h"

struct diagram_check {
	struct dq_check *k;	/* NULL: nobody asked for findings */
	struct dq_marks marks;
	struct dq_reader *r;	/* its strings are those of this reader; owned */
};

int diagram_check_new(struct diagram_check *c);		/* 0 or -ENOMEM */
/* Reads to the end, for the model and the check. 0 or -errno of the reader or -ENOMEM. */
int diagram_check_read(struct diagram_check *c, struct dq_model *m, struct dq_reader *r);
/* The finding of this number, if it is about a buffer; NULL after saying why not. */
const struct dq_finding *diagram_finding(const struct diagram_check *c, uint64_t number);
/* number 0: all that are worth a note. 0 or -ENOMEM. */
int diagram_check_marks(struct diagram_check *c, uint64_t number);
void diagram_check_free(struct diagram_check *c);

#endif /* DQ_CMD_DIAGRAM_CHECK_H */
