/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_list.h - what the sides of dmaseq list share: buffers (cmd_list.c), who holds them
 * (list_holders.c), what shapes they have (list_shapes.c). They print to stdout.
 */
#ifndef DQ_CMD_LIST_H
#define DQ_CMD_LIST_H

#include "model/life.h"
#include "model/model.h"

/* A JSON string; bytes that are not UTF-8 become U+FFFD. */
void dq_list_json_str(const char *s);

/*
 * Who holds the buffers that are alive: at the end of the trace, or, with at (a time of the
 * trace; UINT64_MAX: the end), at that time: then the file is read once more, up to there.
 * 0 or -errno.
 */
int dq_list_holders(struct dq_model *m, const struct dq_reader_state *st, const char *path,
		    uint64_t at, bool json);

/* A line about what a flight recording has forgotten, if it has. */
void dq_list_kept(const struct dq_model *m);

/* The shapes of the buffers; l was there while m was loaded. 0 or -ENOMEM. */
int dq_list_shapes(const struct dq_model *m, struct dq_lives *l, bool json);

#endif /* DQ_CMD_LIST_H */
