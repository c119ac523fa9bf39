/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_check.h - what the files of `dmaseq check` share: what is to be shown, and the
 * ways to show it. All of them print to stdout.
 */
#ifndef DQ_CMD_CHECK_H
#define DQ_CMD_CHECK_H

#include "model/check.h"

/* A line of the file of suppressions. */
struct check_suppression {
	unsigned int line;
	const struct dq_rule *rule;
	char *buffer, *exporter, *device, *driver, *process, *caller; /* patterns; NULL: any */
	char *reason;
	uint64_t used;
};

struct check_suppressions {
	struct check_suppression *v;
	size_t n, cap;
};

/* Reads the file; what is wrong with it has been said when the result is not 0. */
int check_suppressions_load(struct check_suppressions *s, const char *path);
void check_suppressions_free(struct check_suppressions *s);
/* The first that takes the finding away, counted as used; NULL: none. */
const struct check_suppression *check_suppressed(struct check_suppressions *s, const struct dq_finding *f);

/* Applies "LIST" of --rules to the severities. *ret_bad: the word that is wrong. 0 or -EINVAL. */
int check_rules_select(enum dq_severity sev[DQ_RULE_MAX], const char *list, const char **ret_bad);

struct check_view {
	const struct dq_check *k;
	const struct dq_finding *f;
	const struct check_suppression **by; /* parallel to f: what suppresses it, or NULL */
	size_t n, nsuppressed;
	const enum dq_severity *severity;
	const char *path;	/* of the trace */
	bool incomplete, cut;
	uint64_t doubtful;
};

void check_print_text(const struct check_view *v);
void check_print_json(const struct check_view *v);
void check_print_sarif(const struct check_view *v);
void check_print_junit(const struct check_view *v);
void check_print_rule(const struct dq_rule *r);	/* --explain */
void check_print_rules(void);			/* --explain all */

/* What a proof shows, in plain text without names that others chose but for the caller:
 * "dma_buf_map_attachment, FROM_DEVICE = ENOMEM". */
void check_put_proof(struct dq_sb *sb, const struct check_view *v, const struct dq_proof *p);

#endif /* DQ_CMD_CHECK_H */
