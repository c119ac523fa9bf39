/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * validate.h - does a trace keep the rules of docs/trace-format.md? For `dump
 * --validate`. Memory grows with the ids that are defined, not with the calls.
 */
#ifndef DQ_VALIDATE_H
#define DQ_VALIDATE_H

#include "trace.h"

struct dq_validator;

/* say is called for every problem; text is one sentence. */
int dq_validator_new(struct dq_validator **ret_v, void (*say)(const char *text, void *ctx),
		     void *ctx);
int dq_validator_item(struct dq_validator *v, const struct dq_item *item); /* 0 or -ENOMEM */
/* The rules about the whole, and about the file as the reader found it. */
int dq_validator_end(struct dq_validator *v, const struct dq_reader_state *st);
uint64_t dq_validator_problems(const struct dq_validator *v);
void dq_validator_free(struct dq_validator **v);

#endif /* DQ_VALIDATE_H */
