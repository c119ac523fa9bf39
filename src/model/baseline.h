/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * baseline.h - the shapes of a recording as text for people and for git, and back.
 *
 * The text is canonical: the same shapes give the same bytes, and what another run of the same
 * program changes is not in it. One block for each shape, a line for each step, indented by two
 * blanks for each level. docs/dmaseq-baseline.1.scd describes it. A file is edited by people and
 * may come from anywhere: the parser takes no line on trust. May use src/util.
 */
#ifndef DQ_MODEL_BASELINE_H
#define DQ_MODEL_BASELINE_H

#include "model/life.h"

#define DQ_BASELINE_MAGIC "dmaseq-baseline 1"

/* A comment, and the line that it stands above: comments survive an update with that line. */
struct dq_remark {
	char *text;		/* "# ..." */
	char *anchor;		/* without indentation; "" at the end of a block */
	bool used;
};
struct dq_remarks {
	struct dq_remark *v;
	size_t n, cap;
};

/* What check finds, as words that another run gives again: "error detach-while-mapped: exporter
 * vivid, device vgem, process app". Safe to print. */
struct dq_rule;
struct dq_check;
struct dq_found {
	char *text;
	const struct dq_rule *rule; /* NULL: this program does not know it */
	uint64_t count;		/* 0: not known (a baseline) */
	bool weak;		/* a hint, or found by chance: in no exit status */
};
struct dq_founds {
	struct dq_found *v;	/* by text */
	size_t n, cap;
	bool known;		/* the recording was checked */
};
int dq_found_of(struct dq_founds *to, const struct dq_check *c); /* after dq_check_finish() */
int dq_found_parse(struct dq_founds *to, const char *line); /* 0, -EINVAL or -ENOMEM */
struct dq_found *dq_found_add(struct dq_founds *f, const char *text);
void dq_found_free(struct dq_founds *f);

/* One side of a comparison: what a recording or a baseline says. */
struct dq_side {
	struct dq_shapes shapes;
	char *kernel;		/* safe to print; "" when not known */
	char *arch;
	bool is_baseline;
	bool has_times;
	uint64_t lost;		/* events, while it was recorded */
	bool cut;		/* it is not complete for another reason */
	struct dq_founds found;
	/* of a baseline: parallel to shapes.v */
	struct dq_remarks *remarks;
	size_t nremarks, cap_remarks;
	struct dq_remarks head;	/* above the first shape */
};
void dq_side_free(struct dq_side *s);
/* From a model that was loaded with l. Takes the shapes. 0 or -ENOMEM. */
int dq_side_of(struct dq_side *s, const struct dq_model *m, struct dq_lives *l, bool cut);

bool dq_is_baseline(const char *data, size_t len);
/* 0; -EINVAL and "line 12: ..." in *ret_err (malloc'ed); -ENOMEM */
int dq_baseline_parse(struct dq_side *s, const char *data, size_t len, char **ret_err);
/* old: an earlier baseline whose comments and order stay, or NULL. keep[i]: the shape of old whose
 * block stands for shape i of s as it is, or -1; from[i]: the one that it came from. */
int dq_baseline_print(struct dq_sb *sb, const struct dq_side *s, struct dq_side *old,
		      const int *keep, const int *from);

#endif /* DQ_MODEL_BASELINE_H */
