/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life_int.h - what life.c and shape.c share.
 */
#ifndef DQ_MODEL_LIFE_INT_H
#define DQ_MODEL_LIFE_INT_H

#include "model/life.h"

#define DQ_LIVES_DYING 256	/* released buffers whose lives are still open */
#define DQ_LIFE_DONE   UINT64_MAX /* in dq_lives.ix: it is part of a shape */

struct dq_lives {
	struct dq_model *m;
	struct dq_life *v;	/* in order of first call */
	size_t n, cap;
	struct dq_map *ix;	/* buffer -> index */
	struct dq_map *mapped;	/* attachment -> outstanding maps */
	struct unit *unit;	/* scratch of life.c */
	/* Buffers that were released, the oldest first, and the shapes of those that went before:
	 * their lives are kept no longer. Calls that come still later would be another life. */
	uint32_t dying[DQ_LIVES_DYING];
	size_t ndying;
	size_t *spare;		/* rows of v that are free */
	size_t nspare, cap_spare;
	struct dq_shapes done;
	struct dq_map *ix_done;	/* hash of a life -> index in done */
	int err;
};

void dq_track_free(struct dq_track *t);
int dq_life_held(struct dq_lives *ls, struct dq_life *l);
int dq_life_name(struct dq_lives *ls, struct dq_life *l);

void dq_shapes_name(struct dq_shapes *ss); /* from the hashes of the lives */

/* A released buffer's life goes into its shape; one with callbacks that are not known stays. */
int dq_life_done(struct dq_lives *ls, uint32_t buf);

#endif /* DQ_MODEL_LIFE_INT_H */
