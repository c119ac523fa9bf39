/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life_int.h - what life.c and shape.c share.
 */
#ifndef DQ_MODEL_LIFE_INT_H
#define DQ_MODEL_LIFE_INT_H

#include "model/life.h"

struct dq_lives {
	struct dq_model *m;
	struct dq_life *v;	/* in order of first call */
	size_t n, cap;
	struct dq_map *ix;	/* buffer -> index */
	struct dq_map *mapped;	/* attachment -> outstanding maps */
	struct unit *unit;	/* scratch of life.c */
	int err;
};

void dq_track_free(struct dq_track *t);
int dq_life_held(struct dq_lives *ls, struct dq_life *l);
int dq_life_name(struct dq_lives *ls, struct dq_life *l);

void dq_shapes_name(struct dq_shapes *ss); /* from the hashes of the lives */

#endif /* DQ_MODEL_LIFE_INT_H */
