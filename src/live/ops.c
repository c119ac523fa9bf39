// SPDX-License-Identifier: BSD-2-Clause
/*
 * ops.c - the exporters' callbacks.
 *
 * A table of dma_buf_ops is known beforehand when kallsyms names it (KALLSYMS_ALL),
 * and otherwise at first sight: the probes send it before the exporter's first
 * callback can run, and it is armed as fast as user space can. Until then its
 * callbacks are unknown, not absent: the time of arming is in the trace.
 *
 * Functions are probed by address, once each, however many tables share them: all
 * GEM drivers have drm_gem_map_dma_buf.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "impl.h"
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

static bool arm_callback(struct dq_live *l, uint64_t addr, unsigned int slot)
{
	uint32_t hook = HOOK_OPS_ATTACH + slot;
	struct callback *cb;

	for (size_t i = 0; i < l->ncbs; i++)
		if (l->cbs[i].addr == addr && l->cbs[i].hook == hook)
			return l->cbs[i].entry != NULL;
	cb = DQ_PUSH(l->cbs, l->ncbs, l->cbs_cap);
	if (!cb)
		return false;
	cb->addr = addr;
	cb->hook = hook;
	if (!dq_ksyms_is_function(l->ksyms, addr)) {
		dq_debug("callback %s is not at the start of a function", slot_prog[slot]);
		return false;
	}
	/* return first, see attach.c */
	cb->ret = attach_kprobe(l, slot_prog[slot], hook, addr, true);
	if (!cb->ret) {
		dq_debug("cannot probe the return of a %s: %s", slot_prog[slot], dq_errname(errno));
		return false;
	}
	cb->entry = attach_kprobe(l, slot_prog[slot], hook, addr, false);
	if (!cb->entry) {
		dq_debug("cannot probe a %s: %s", slot_prog[slot], dq_errname(errno));
		bpf_link__destroy(cb->ret);
		cb->ret = NULL;
		return false;
	}
	return true;
}

static void arm_table(struct dq_live *l, struct ops_table *t, const __u64 *slot)
{
	for (unsigned int i = 0; i < NSLOTS; i++) {
		if (!slot[i])
			continue;
		t->has |= 1ULL << i;
		if (arm_callback(l, slot[i], i)) {
			struct hook_plan *p = &l->plan[HOOK_OPS_ATTACH + i];
			char fn[128];

			t->armed |= 1ULL << i;
			p->attached = true;
			snprintf(p->state, sizeof(p->state), "attached");
			/* the first function stands for all in the table of hooks */
			if (!p->symbol[0] && dq_ksyms_name(l->ksyms, slot[i], fn, sizeof(fn)))
				snprintf(p->symbol, sizeof(p->symbol), "%s", fn);
		}
	}
	t->t = now_ns();
}

struct ops_table *ops_find(struct dq_live *l, uint64_t ptr)
{
	for (size_t i = 0; i < l->nops; i++)
		if (l->ops[i].ptr == ptr)
			return &l->ops[i];
	return NULL;
}

struct ops_table *ops_met(struct dq_live *l, const struct wire_ops *w)
{
	struct ops_table *t = ops_find(l, w->ops);
	const char *module;

	if (t)
		return t;
	t = DQ_PUSH(l->ops, l->nops, l->ops_cap);
	if (!t)
		return NULL;
	t->ptr = w->ops;
	t->id = l->nops;
	snprintf(t->exporter, sizeof(t->exporter), "%.*s", WIRE_STR - 1, w->exp_name);
	/* map_dma_buf is the one callback that every table has, and its code says whose it is */
	module = dq_ksyms_module_of(l->ksyms, w->slot[HOOK_OPS_MAP - HOOK_OPS_ATTACH]);
	snprintf(t->module, sizeof(t->module), "%s", module ? module : "");
	arm_table(l, t, w->slot);
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
	bpf_map__update_elem(l->skel->maps.ops_known, &addr, sizeof(addr), &one, sizeof(one),
			     BPF_ANY);
	dq_debug("%s: callbacks armed", name);
}

void ops_preload(struct dq_live *l)
{
	dq_ksyms_ops_tables(l->ksyms, preload_one, l);
}

void ops_close(struct dq_live *l)
{
	struct bpf_link **v = calloc(2 * l->ncbs + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < l->ncbs; i++) {
		v[n++] = l->cbs[i].entry;
		v[n++] = l->cbs[i].ret;
	}
	attach_destroy_links(v, n);
	free(v);
	free(l->cbs);
	free(l->ops);
	l->cbs = NULL;
	l->ops = NULL;
	l->ncbs = l->nops = 0;
}
