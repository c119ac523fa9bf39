/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * copy.h - a trace into another file, in the binary form: for dump -o and anonymize.
 */
#ifndef DQ_COPY_H
#define DQ_COPY_H

#include "trace/anon.h"

/* Copies what is left of r, which was opened as in, to out ("-": stdout; not the input), without
 * the names when anon is not NULL. Says what is wrong. DQ_EXIT_OK or DQ_EXIT_FAIL. */
int dq_copy_trace(struct dq_reader *r, const char *out, const char *in, struct dq_anon *anon);

#endif /* DQ_COPY_H */
