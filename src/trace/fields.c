/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fields.c - the table of fields.h. docs/trace-format.md has the same rows; a unit
 * test compares the two, and the structs of trace.h with both. Touches nothing.
 */
#include <errno.h>
#include <string.h>

#include "fields.h"

#define TYPE(m)                                                                                    \
	_Generic(((struct dq_item *)0)->m, uint32_t: DQ_F_U32, int32_t: DQ_F_I32,                  \
		 uint64_t: DQ_F_U64, int64_t: DQ_F_I64, const char *: DQ_F_STR)
#define FIELD(m, fname, code, as, ...)                                                             \
	{ .name = fname, .off = offsetof(struct dq_item, m), .type = TYPE(m),                      \
	  .coding = DQ_C_##code, .show = DQ_S_##as, ##__VA_ARGS__ }
#define STR(m, fname, ...) FIELD(m, fname, CONTEXT, STR, ##__VA_ARGS__)
#define NUM(m, fname, ...) FIELD(m, fname, CONTEXT, NUM, ##__VA_ARGS__)

static const struct dq_field meta_fields[] = {
	STR(meta.key, "key", .lead = true),
	STR(meta.value, "value"),
};

static const struct dq_field hook_fields[] = {
	STR(hook.name, "name", .lead = true),
	NUM(hook.id, "id"),
	STR(hook.symbol, "symbol"),
	STR(hook.rung, "rung"),
	STR(hook.state, "state"),
	NUM(hook.hits, "hits"),
	NUM(hook.missed, "missed"),
};

static const struct dq_field task_fields[] = {
	NUM(task.id, "id", .lead = true),
	NUM(task.tid, "tid"),
	NUM(task.tgid, "tgid"),
	FIELD(task.flags, "flags", CONTEXT, FLAGS, .names = dq_names_task_flags),
	STR(task.comm, "comm"),
	STR(task.process, "process"),
};

static const struct dq_field dev_fields[] = {
	NUM(dev.id, "id", .lead = true),
	STR(dev.kind, "kind"),
	NUM(dev.major, "major"),
	NUM(dev.minor, "minor"),
	STR(dev.path, "path"),
	STR(dev.driver, "driver"),
	STR(dev.subsystem, "subsystem"),
};

static const struct dq_field buf_fields[] = {
	NUM(buf.id, "id", .lead = true),
	FIELD(buf.t, "t", START, TIME),
	FIELD(buf.flags, "flags", CONTEXT, FLAGS, .names = dq_names_buf_flags),
	NUM(buf.ino, "ino"),
	NUM(buf.size, "size"),
	STR(buf.exp_name, "exp_name"),
	STR(buf.owner, "owner"),
	STR(buf.name, "name"),
	NUM(buf.ops, "ops"),
	FIELD(buf.raw, "raw", CONTEXT, HEX),
};

static const struct dq_field att_fields[] = {
	NUM(att.id, "id", .lead = true),
	FIELD(att.t, "t", START, TIME),
	NUM(att.buf, "buf"),
	FIELD(att.flags, "flags", CONTEXT, FLAGS, .names = dq_names_att_flags),
	STR(att.dev, "dev"),
	STR(att.driver, "driver"),
	STR(att.bus, "bus"),
	FIELD(att.raw, "raw", CONTEXT, HEX),
};

static const struct dq_field call_fields[] = {
	FIELD(call.hook, "hook", KEY, HOOK, .lead = true),
	NUM(call.depth, "depth"),
	FIELD(call.t0, "t", START, TIME),
	FIELD(call.dur, "dur", DUR, DUR),
	FIELD(call.task, "task", TASK, NUM),
	FIELD(call.cpu, "cpu", CPU, NUM),
	FIELD(call.seq, "seq", SEQ, NUM),
	FIELD(call.sys, "sys", SYS, NUM),
	FIELD(call.flags, "state", CONTEXT, FLAGS, .names = dq_names_call_flags),
	NUM(call.buf, "buf"),
	NUM(call.att, "att"),
	NUM(call.sgt, "sgt"),
	FIELD(call.a[0], "a0", CONTEXT, ARG),
	FIELD(call.a[1], "a1", CONTEXT, ARG),
	FIELD(call.a[2], "a2", CONTEXT, ARG),
	FIELD(call.ret, "ret", CONTEXT, RET),
	STR(call.caller, "caller"),
	NUM(call.table, "table"),
	NUM(call.vma, "vma"),
	NUM(call.stack, "stack"),
};

static const struct dq_field sys_fields[] = {
	STR(sys.name, "name", .lead = true),
	FIELD(sys.t0, "t", START, TIME),
	FIELD(sys.t1, "end", END, TIME),
	FIELD(sys.task, "task", TASK, NUM),
	FIELD(sys.sys, "sys", SYS, NUM),
	FIELD(sys.nr, "nr", KEY, NUM),
	FIELD(sys.flags, "state", CONTEXT, FLAGS, .names = dq_names_sys_flags),
	NUM(sys.fd, "fd", .dflt = -1),
	NUM(sys.dev, "dev"),
	NUM(sys.buf, "buf"),
	FIELD(sys.a[0], "a0", CONTEXT, HEX),
	FIELD(sys.a[1], "a1", CONTEXT, HEX),
	FIELD(sys.a[2], "a2", CONTEXT, HEX),
	FIELD(sys.ret, "ret", CONTEXT, RET),
};

static const struct dq_field name_fields[] = {
	FIELD(name.t, "t", START, TIME),
	NUM(name.buf, "buf"),
	STR(name.name, "name"),
};

static const struct dq_field ops_fields[] = {
	NUM(ops.id, "id", .lead = true),
	FIELD(ops.t, "t", START, TIME),
	STR(ops.exporter, "exporter"),
	STR(ops.module, "module"),
	FIELD(ops.has, "has", CONTEXT, FLAGS, .names = dq_names_ops),
	FIELD(ops.armed, "armed", CONTEXT, FLAGS, .names = dq_names_ops),
};

static const struct dq_field loss_fields[] = {
	STR(loss.source, "source", .lead = true),
	FIELD(loss.hook, "hook", CONTEXT, HOOK),
	NUM(loss.cpu, "cpu", .dflt = -1),
	NUM(loss.count, "count"),
	FIELD(loss.t0, "from", START, TIME),
	FIELD(loss.t1, "to", END, TIME),
};

static const struct dq_field clock_fields[] = {
	FIELD(clock.mono, "mono", START, TIME),
	FIELD(clock.real, "real", CONTEXT, TIME),
	FIELD(clock.boot, "boot", CONTEXT, TIME),
};

static const struct dq_field end_fields[] = {
	FIELD(end.t, "t", START, TIME),
	STR(end.reason, "reason"),
	NUM(end.calls, "calls"),
	NUM(end.lost, "lost"),
};

static const struct dq_field taskev_fields[] = {
	FIELD(taskev.what, "what", CONTEXT, ENUM, .lead = true, .names = dq_names_taskev),
	FIELD(taskev.t, "t", START, TIME),
	FIELD(taskev.task, "task", TASK, NUM),
	NUM(taskev.other, "other"),
	NUM(taskev.table, "table"),
	NUM(taskev.from, "from"),
};

static const struct dq_field snap_fields[] = {
	NUM(snap.id, "id", .lead = true),
	FIELD(snap.what, "what", CONTEXT, ENUM, .names = dq_names_snap),
	FIELD(snap.flags, "flags", CONTEXT, FLAGS, .names = dq_names_snap_flags),
	FIELD(snap.t0, "t", START, TIME),
	FIELD(snap.t1, "end", CONTEXT, TIME),
	STR(snap.sources, "sources"),
	NUM(snap.bufs, "bufs"),
	NUM(snap.fds, "fds"),
	NUM(snap.maps, "maps"),
	NUM(snap.differ, "differ"),
};

static const struct dq_field hold_fields[] = {
	FIELD(hold.what, "what", CONTEXT, ENUM, .lead = true, .names = dq_names_hold),
	FIELD(hold.t, "t", START, TIME),
	NUM(hold.snap, "snap"),
	NUM(hold.buf, "buf"),
	NUM(hold.task, "task"),
	NUM(hold.table, "table"),
	NUM(hold.fd, "fd", .dflt = -1),
	NUM(hold.vma, "vma"),
	NUM(hold.n, "n", .dflt = 1),
};

static const struct dq_field stack_fields[] = {
	NUM(stack.id, "id", .lead = true),
	STR(stack.frames, "frames"),
};

static const struct dq_field timeline_fields[] = {
	NUM(timeline.id, "id", .lead = true),
	NUM(timeline.context, "context"),
	STR(timeline.driver, "driver"),
	STR(timeline.name, "name"),
};

/* A fact is something that later items refer to, or that nobody wants to lose with a
 * damaged chunk of events. The end is none: it says that everything before it is there. */
#define KIND(kname, is_fact, depth_field)                                                          \
	{ .name = #kname, .f = kname##_fields, .n = DQ_N(kname##_fields), .fact = is_fact,         \
	  .depth = depth_field }
#define DQ_N(a) (sizeof(a) / sizeof((a)[0]))

const struct dq_kind_desc dq_kinds[DQ_KIND_MAX] = {
	[DQ_META] = KIND(meta, true, -1),
	[DQ_HOOK] = KIND(hook, true, -1),
	[DQ_TASK] = KIND(task, true, -1),
	[DQ_DEV] = KIND(dev, true, -1),
	[DQ_BUF] = KIND(buf, true, -1),
	[DQ_ATT] = KIND(att, true, -1),
	[DQ_CALL] = KIND(call, false, 1),
	[DQ_SYS] = KIND(sys, false, -1),
	[DQ_NAME] = KIND(name, false, -1),
	[DQ_OPS] = KIND(ops, true, -1),
	[DQ_LOSS] = KIND(loss, true, -1),
	[DQ_CLOCK] = KIND(clock, true, -1),
	[DQ_END] = KIND(end, false, -1),
	[DQ_TASKEV] = KIND(taskev, false, -1),
	[DQ_SNAP] = KIND(snap, true, -1),
	[DQ_HOLD] = KIND(hold, true, -1),
	[DQ_STACK] = KIND(stack, true, -1),
	[DQ_TIMELINE] = KIND(timeline, true, -1),
};

_Static_assert(DQ_N(call_fields) <= DQ_MAX_FIELDS, "DQ_MAX_FIELDS is too small");

const struct dq_kind_desc *dq_kind_by_name(const char *name, size_t len)
{
	for (size_t i = 1; i < DQ_KIND_MAX; i++) {
		if (strlen(dq_kinds[i].name) == len && !memcmp(dq_kinds[i].name, name, len))
			return &dq_kinds[i];
	}
	return NULL;
}

uint64_t dq_field_get(const struct dq_item *item, const struct dq_field *f)
{
	const char *p = (const char *)item + f->off;

	switch ((enum dq_ftype)f->type) {
	case DQ_F_U32:
		return *(const uint32_t *)p;
	case DQ_F_I32:
		return (uint64_t)(int64_t) * (const int32_t *)p;
	case DQ_F_U64:
		return *(const uint64_t *)p;
	case DQ_F_I64:
		return (uint64_t) * (const int64_t *)p;
	case DQ_F_STR:
		break;
	}
	return 0;
}

int dq_field_set(struct dq_item *item, const struct dq_field *f, uint64_t v)
{
	char *p = (char *)item + f->off;

	switch ((enum dq_ftype)f->type) {
	case DQ_F_U32:
		if (v > UINT32_MAX)
			return -ERANGE;
		*(uint32_t *)p = (uint32_t)v;
		return 0;
	case DQ_F_I32:
		if ((int64_t)v < INT32_MIN || (int64_t)v > INT32_MAX)
			return -ERANGE;
		*(int32_t *)p = (int32_t)v;
		return 0;
	case DQ_F_U64:
		*(uint64_t *)p = v;
		return 0;
	case DQ_F_I64:
		*(int64_t *)p = (int64_t)v;
		return 0;
	case DQ_F_STR:
		break;
	}
	return -EINVAL;
}
