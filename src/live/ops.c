// SPDX-License-Identifier: BSD-2-Clause
/*
 * ops.c - the callbacks of exporters, and of importers.
 *
 * A table of dma_buf_ops is known beforehand when kallsyms names it (KALLSYMS_ALL),
 * and otherwise at first sight: the probes send it before the exporter's first
 * callback can run, and it is armed as fast as user space can. Until then its
 * callbacks are unknown, not absent: the time of arming is in the trace. An
 * importer's table is known when the importer attaches with it; no driver of the
 * stock kernels that this was tested on has buffers that move.
 *
 * Modules come and go while we record. Probes on a module do not hold it, and die
 * with it: its tables are then told once more, as not armed. What comes is read
 * anew from kallsyms and armed before its first buffer where its table has a name.
 *
 * Functions are probed by address, once each, however many tables share them: all
 * GEM drivers have drm_gem_map_dma_buf.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "impl.h"
#include "unpack.h"
#include "dmaseq_bpf.skel.h"

#define NSLOTS 14

static const char *const slot_prog[NSLOTS] = {
	"OPS_ATTACH", "OPS_DETACH",    "OPS_PIN",     "OPS_UNPIN",
	"OPS_MAP",    "OPS_UNMAP",     "OPS_RELEASE", "OPS_BEGIN_CPU",
	"OPS_END_CPU", "OPS_MMAP",     "OPS_VMAP",    "OPS_VUNMAP",
	"OPS_BEGIN_CPU_PARTIAL", "OPS_END_CPU_PARTIAL",
};
_Static_assert(HOOK_OPS_END_CPU_PARTIAL - HOOK_OPS_ATTACH + 1 == NSLOTS,
	       "slots are the callback hooks in order");
static const char *const importer_prog[] = { "IMP_MOVE_NOTIFY", "IMP_INVALIDATE" };
#define NIMPORTER DQ_ARRAY_SIZE(importer_prog)
_Static_assert(HOOK_IMP_INVALIDATE - HOOK_IMP_MOVE_NOTIFY + 1 == NIMPORTER, "as above");
_Static_assert(HOOK_IMP_INVALIDATE - HOOK_OPS_ATTACH < 64, "bits of an ops item");

static int attach_both(struct dq_live *l, struct callback *cb, const char *prog)
{
	/* return first, see attach.c */
	cb->ret = attach_kprobe(l, prog, cb->hook, cb->addr, true);
	if (!cb->ret)
		return -errno;
	cb->entry = attach_kprobe(l, prog, cb->hook, cb->addr, false);
	if (cb->entry)
		return 0;
	cb->err = -errno;
	bpf_link__destroy(cb->ret);
	cb->ret = NULL;
	return cb->err;
}

/* 0, or why this function cannot be probed. */
static int arm_callback(struct dq_live *l, uint64_t addr, uint32_t hook, const char *prog)
{
	struct callback *cb;
	const char *module;

	for (size_t i = 0; i < l->ncbs; i++)
		if (l->cbs[i].addr == addr && l->cbs[i].hook == hook)
			return l->cbs[i].err;
	cb = DQ_PUSH(l->cbs, l->ncbs, l->cbs_cap);
	if (!cb)
		return -ENOMEM;
	cb->addr = addr;
	cb->hook = hook;
	cb->prog[0] = cb->prog[1] = cb->link[0] = cb->link[1] = -1;
	if (!dq_ksyms_is_function(l->ksyms, addr))
		return cb->err = -ENOENT; /* not at the start of one */
	module = dq_ksyms_module_of(l->ksyms, addr);
	snprintf(cb->module, sizeof(cb->module), "%s", module ? module : "");
	if (callback_trace(l, cb)) {
		l->plan[hook].rung = DQ_RUNG_FENTRY;
		l->plan[hook].why[0] = '\0';
		return 0;
	}
	return cb->err = attach_both(l, cb, prog);
}

/* One is told; a table of others is likely to have met the same. The trace tells of each table. */
static void say_unarmed(struct dq_live *l, const struct ops_table *t, const struct hook_plan *p, int err)
{
	dq_debug("cannot probe %s of %s: %s", p->info->name, t->exporter, dq_errname(err));
	if (l->said_unarmed)
		return;
	l->said_unarmed = true;
	if (attach_paranoid(l, err))
		dq_warn("callbacks that take kprobes are not recorded: %s: this kernel wants CAP_SYS_ADMIN for those while perf_event_paranoid is above 2. Try: sysctl kernel.perf_event_paranoid=2",
			dq_errname(err));
	else
		dq_warn("%s of %s %s is not recorded: %s. Try: dmaseq doctor -v", p->info->name,
			t->exporter[0] ? "exporter" : "module", t->exporter[0] ? t->exporter : t->module,
			dq_errname(err));
}

static void arm_slot(struct dq_live *l, struct ops_table *t, uint64_t addr, uint32_t hook,
		     const char *prog)
{
	struct hook_plan *p = &l->plan[hook];
	char fn[128];
	int err;

	if (!addr)
		return;
	t->has |= 1ULL << (hook - HOOK_OPS_ATTACH);
	err = arm_callback(l, addr, hook, prog);
	if (err) {
		say_unarmed(l, t, p, err);
		if (!p->attached)
			snprintf(p->state, sizeof(p->state), "cannot attach: %s", dq_errname(err));
		return;
	}
	t->armed |= 1ULL << (hook - HOOK_OPS_ATTACH);
	p->attached = true;
	snprintf(p->state, sizeof(p->state), "attached");
	/* the first function stands for all in the table of hooks */
	if (!p->symbol[0] && dq_ksyms_name(l->ksyms, addr, fn, sizeof(fn)))
		snprintf(p->symbol, sizeof(p->symbol), "%s", fn);
}

static void arm_table(struct dq_live *l, struct ops_table *t, const struct wire_ops *w)
{
	if (w->importer)
		for (unsigned int i = 0; i < NIMPORTER; i++)
			arm_slot(l, t, w->slot[i], HOOK_IMP_MOVE_NOTIFY + i, importer_prog[i]);
	else
		for (unsigned int i = 0; i < NSLOTS; i++)
			arm_slot(l, t, w->slot[i], HOOK_OPS_ATTACH + i, slot_prog[i]);
	t->t = now_ns();
}

struct ops_table *ops_find(struct dq_live *l, uint64_t ptr)
{
	for (size_t i = 0; ptr && i < l->nops; i++)
		if (l->ops[i].ptr == ptr)
			return &l->ops[i];
	return NULL;
}

/* The module that the table's code is in: of map_dma_buf, the one callback that every exporter has;
 * of an importer's first one. */
static const char *module_of_table(struct dq_live *l, const struct wire_ops *w)
{
	uint64_t fn = w->slot[w->importer ? 0 : HOOK_OPS_MAP - HOOK_OPS_ATTACH];
	const char *module;

	if (!fn && w->importer)
		fn = w->slot[1];
	module = fn ? dq_ksyms_module_of(l->ksyms, fn) : NULL;
	return module ? module : "";
}

/* Its callbacks will not be recorded any more; no buffer of it is left, or it could not go. */
static void forget(struct dq_live *l, struct ops_table *t, uint64_t now)
{
	bpf_map__delete_elem(l->skel->maps.ops_known, &t->ptr, sizeof(t->ptr), 0);
	t->ptr = 0;
	t->armed = 0;
	t->t = now;
	if (t->told)
		collect_ops(l->collect, t);
}

/* What a name in kallsyms promises is checked: the mandatory callbacks (dma_buf_export, 5.10 to
 * 7.2) are there, and everything points at functions. */
static bool plausible(struct dq_live *l, const struct wire_ops *w)
{
	static const int must[] = { HOOK_OPS_MAP, HOOK_OPS_UNMAP, HOOK_OPS_RELEASE };

	for (size_t i = 0; i < DQ_ARRAY_SIZE(must); i++)
		if (!w->slot[must[i] - HOOK_OPS_ATTACH])
			return false;
	for (unsigned int i = 0; i < NSLOTS; i++)
		if (w->slot[i] && !dq_ksyms_is_function(l->ksyms, w->slot[i]))
			return false;
	return true;
}

/*
 * Without BTF the layout of the table is an assumption (place_ops() in calibrate.c): one callback
 * further and each would be called by the name of its neighbour. The first word tells: it is the
 * truth value cache_sgt_mapping, or already a function.
 */
static bool layout_holds(struct dq_live *l, const struct wire_ops *w)
{
	uint64_t first = w->slot[WIRE_SLOTS - 1];

	if (!l->layout || w->importer)
		return true;
	if (l->layout->off[LF_dma_buf_ops_attach] > 0 ? first > 1 : first == 1)
		return false;
	return plausible(l, w);
}

struct ops_table *ops_met(struct dq_live *l, const struct wire_ops *w)
{
	struct ops_table *t = ops_find(l, w->ops);

	if (t && !memcmp(t->slot, w->slot, sizeof(t->slot)))
		return t;
	if (t) /* something else lives at this address now */
		forget(l, t, now_ns());
	t = DQ_PUSH(l->ops, l->nops, l->ops_cap);
	if (!t)
		return NULL;
	t->ptr = w->ops;
	t->id = l->nops;
	memcpy(t->slot, w->slot, sizeof(t->slot));
	snprintf(t->exporter, sizeof(t->exporter), "%.*s", WIRE_STR - 1, w->exp_name);
	snprintf(t->module, sizeof(t->module), "%s", module_of_table(l, w));
	if (layout_holds(l, w))
		arm_table(l, t, w);
	else
		dq_warn("the callbacks of exporter %s are not recorded: its table is not laid out as calibration assumes. Try: dmaseq record --btf FILE",
			t->exporter);
	if (w->importer && l->collect) { /* no buffer names it, so nobody would tell it later */
		t->told = true;
		collect_ops(l->collect, t);
	}
	return t;
}

static bool peek(struct dq_live *l, uint64_t addr, struct wire_ops *w)
{
	uint64_t args[1] = { addr };
	LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = args, .ctx_size_in = sizeof(args));
	uint32_t zero = 0;

	return !bpf_prog_test_run_opts(bpf_program__fd(l->skel->progs.peek_ops), &o) &&
	       !bpf_map__lookup_elem(l->skel->maps.peeked, &zero, sizeof(zero), w, sizeof(*w), 0);
}

static void preload_one(void *ctx, const char *name, uint64_t addr)
{
	struct dq_live *l = ctx;
	struct wire_ops w;
	uint32_t one = 1;

	if (!peek(l, addr, &w) || !plausible(l, &w)) {
		dq_debug("%s is no dma_buf_ops", name);
		return;
	}
	if (!ops_met(l, &w))
		return;
	/* the probes need not announce it */
	bpf_map__update_elem(l->skel->maps.ops_known, &addr, sizeof(addr), &one, sizeof(one),
			     BPF_ANY);
	dq_debug("%s: callbacks armed", name);
}

void ops_preload(struct dq_live *l, const char *module)
{
	dq_ksyms_ops_tables(l->ksyms, module, preload_one, l);
}

/* ---- modules that come and go ---------------------------------------------------------- */

/* The kernel has killed these probes (kprobes_module_callback, MODULE_STATE_GOING). */
static void drop_callbacks(struct dq_live *l, const char *module)
{
	struct bpf_link **v = calloc(2 * l->ncbs + 1, sizeof(*v));
	size_t n = 0, kept = 0;

	for (size_t i = 0; v && i < l->ncbs; i++) {
		if (strcmp(l->cbs[i].module, module)) {
			l->cbs[kept++] = l->cbs[i];
			continue;
		}
		v[n++] = l->cbs[i].entry;
		v[n++] = l->cbs[i].ret;
	}
	if (v)
		l->ncbs = kept;
	attach_destroy_links(v, n);
	free(v);
}

/*
 * Nothing of the module's own is missed when it goes: a buffer holds its exporter's module
 * (dma_buf_export), so none of its callbacks can run any more. Tables are also announced again when
 * they are used again: which of them are in the module's memory is not known, and what is loaded
 * next may have another one at the same address.
 */
static void module_gone(struct dq_live *l, const struct wire_module *w, const char *name)
{
	for (size_t i = 0; i < l->nops; i++) {
		struct ops_table *t = &l->ops[i];

		if (!t->ptr || !strcmp(t->module, "vmlinux"))
			continue;
		if (!strcmp(t->module, name))
			forget(l, t, w->t);
		else
			bpf_map__delete_elem(l->skel->maps.ops_known, &t->ptr, sizeof(t->ptr), 0);
	}
	drop_callbacks(l, name);
	dq_ksyms_update_module(l->ksyms, name, false);
	attach_module(l, name, false);
}

static void module_came(struct dq_live *l, const char *name)
{
	int err = dq_ksyms_update_module(l->ksyms, name, true);

	if (err) {
		dq_debug("symbols of module %s: %s", name, dq_errname(err));
		return;
	}
	ops_preload(l, name);
	attach_module(l, name, true);
}

void ops_module(struct dq_live *l, const struct wire_module *w)
{
	char name[WIRE_STR];

	snprintf(name, sizeof(name), "%.*s", WIRE_STR - 1, w->name);
	dq_debug("module %s was %s", name, w->load ? "loaded" : "unloaded");
	if (w->load) {
		module_came(l, name);
		events_attach(l);
	}
	if (!w->load)
		module_gone(l, w, name);
}

void ops_close(struct dq_live *l)
{
	struct bpf_link **v = calloc(2 * l->ncbs + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < l->ncbs; i++) {
		v[n++] = l->cbs[i].entry;
		v[n++] = l->cbs[i].ret;
		callback_close(&l->cbs[i]);
	}
	attach_destroy_links(v, n);
	free(v);
	free(l->cbs);
	free(l->ops);
	l->cbs = NULL;
	l->ops = NULL;
	l->ncbs = l->nops = 0;
}
