/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refs.c - what an item gives a meaning to and what it refers to, and copies of items
 * that own their strings. Touches only the heap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"

uint32_t dq_item_id(const struct dq_item *item)
{
	switch (item->kind) {
	case DQ_HOOK:
		return item->hook.id;
	case DQ_TASK:
		return item->task.id;
	case DQ_DEV:
		return item->dev.id;
	case DQ_BUF:
		return item->buf.id;
	case DQ_ATT:
		return item->att.id;
	case DQ_OPS:
		return item->ops.id;
	case DQ_SNAP:
		return item->snap.id;
	case DQ_STACK:
		return item->stack.id;
	case DQ_TIMELINE:
		return item->timeline.id;
	default:
		return 0;
	}
}

static int add(struct dq_ref *refs, int n, enum dq_kind kind, uint64_t id)
{
	if (!id)
		return n;
	refs[n].kind = kind;
	refs[n].id = (uint32_t)id;
	return n + 1;
}

static int call_refs(const struct dq_call *c, struct dq_ref *refs)
{
	int n = add(refs, 0, DQ_TASK, c->task);

	n = add(refs, n, DQ_BUF, c->buf);
	n = add(refs, n, DQ_ATT, c->att);
	n = add(refs, n, DQ_STACK, c->stack);
	return c->hook == HOOK_FENCE_WAIT ? add(refs, n, DQ_TIMELINE, c->a[0]) : n;
}

int dq_item_refs(const struct dq_item *item, struct dq_ref refs[DQ_REFS_MAX])
{
	int n;

	switch (item->kind) {
	case DQ_BUF:
		return add(refs, 0, DQ_OPS, item->buf.ops);
	case DQ_ATT:
		return add(refs, 0, DQ_BUF, item->att.buf);
	case DQ_CALL:
		return call_refs(&item->call, refs);
	case DQ_SYS:
		n = add(refs, 0, DQ_TASK, item->sys.task);
		n = add(refs, n, DQ_DEV, item->sys.dev);
		return add(refs, n, DQ_BUF, item->sys.buf);
	case DQ_NAME:
		return add(refs, 0, DQ_BUF, item->name.buf);
	case DQ_TASKEV:
		n = add(refs, 0, DQ_TASK, item->taskev.task);
		return add(refs, n, DQ_TASK, item->taskev.other);
	case DQ_HOLD:
		n = add(refs, 0, DQ_SNAP, item->hold.snap);
		n = add(refs, n, DQ_BUF, item->hold.buf);
		return add(refs, n, DQ_TASK, item->hold.task);
	default:
		return 0;
	}
}

int dq_item_copy(struct dq_item *to, const struct dq_item *from)
{
	const struct dq_kind_desc *k = &dq_kinds[from->kind];
	int err = 0;

	*to = *from;
	for (const struct dq_field *f = k->f; f < k->f + k->n; f++) {
		const char **s = f->type == DQ_F_STR ? dq_field_str(to, f) : NULL;

		if (s && *s && **s)
			*s = strdup(*s);
		else if (s)
			*s = "";
		if (s && !*s)
			err = -ENOMEM;
	}
	if (err)
		dq_item_clear(to);
	return err;
}

void dq_item_clear(struct dq_item *item)
{
	const struct dq_kind_desc *k = &dq_kinds[item->kind];

	for (const struct dq_field *f = k->f; f < k->f + k->n; f++) {
		const char **s = f->type == DQ_F_STR ? dq_field_str(item, f) : NULL;

		if (s && *s && **s)
			free((char *)*s);
		if (s)
			*s = "";
	}
}
