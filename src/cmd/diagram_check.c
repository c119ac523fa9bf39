/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diagram_check.c - the findings that a chart shows: the same as `dmaseq check` without options
 * tells, under the same numbers.
 */
#include <errno.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_common.h"
#include "cmd/diagram_check.h"

int diagram_check_new(struct diagram_check *c)
{
	enum dq_severity sev[DQ_RULE_MAX];

	for (size_t i = 0; i < DQ_RULE_MAX; i++)
		sev[i] = dq_rules[i].severity;
	return dq_check_new(&c->k, sev);
}

int diagram_check_read(struct diagram_check *c, struct dq_model *m, struct dq_reader *r)
{
	const struct dq_reader_state *st = dq_reader_state(r);
	struct dq_item item;
	int ret;

	while ((ret = dq_reader_next(r, &item)) > 0) {
		m->chunk = st->part;
		ret = dq_model_put(m, &item);
		if (!ret)
			ret = dq_check_put(c->k, &item);
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	if (st->bad_chunks || st->lost_chunks || st->skipped_bytes)
		dq_check_damaged(c->k);
	ret = dq_model_finish(m);
	return ret ? ret : dq_check_finish(c->k);
}

const struct dq_finding *diagram_finding(const struct diagram_check *c, uint64_t number)
{
	size_t n;
	const struct dq_finding *v = dq_check_findings(c->k, &n);

	if (!number || number > n) {
		dq_err("there is no finding %llu: dmaseq check finds %zu", (unsigned long long)number, n);
		return NULL;
	}
	if (!v[number - 1].has_buf) {
		dq_err("finding %llu is about no buffer that could be drawn; dmaseq check tells it",
		       (unsigned long long)number);
		return NULL;
	}
	return &v[number - 1];
}

int diagram_check_marks(struct diagram_check *c, uint64_t number)
{
	return dq_check_marks(c->k, DQ_SEV_HINT, number, &c->marks);
}

void diagram_check_free(struct diagram_check *c)
{
	dq_marks_free(&c->marks);
	dq_check_free(&c->k);
	dq_reader_free(&c->r);
}
