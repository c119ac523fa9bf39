/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.c - hooks that are tracepoints of the kernel: descriptors sent through binder, waits for
 * fences. Perf tracepoints, because the programs need fields of the formatted events; libbpf finds
 * their numbers in tracefs. All are optional: without one, what it would tell is missing, and the
 * list of hooks says why.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "impl.h"
#include "unpack.h"
#include "dmaseq_bpf.skel.h"

static const struct {
	const char *prog, *group, *event;
	uint32_t hook;
} events[] = {
	{ "tp_binder_send", "binder", "binder_transaction_fd_send", HOOK_BINDER_SEND },
	{ "tp_binder_recv", "binder", "binder_transaction_fd_recv", HOOK_BINDER_SEND },
	{ "tp_wait_start", "dma_fence", "dma_fence_wait_start", HOOK_FENCE_WAIT },
	{ "tp_wait_end", "dma_fence", "dma_fence_wait_end", HOOK_FENCE_WAIT },
};
_Static_assert(DQ_ARRAY_SIZE(events) == EVENTS, "one link for each");

void events_plan(struct dq_live *l)
{
	for (size_t i = 0; i < EVENTS; i += 2) {
		struct hook_plan *p = &l->plan[events[i].hook];

		p->info = dq_hook_info(events[i].hook);
		p->enum_name = "";
		p->rung = DQ_RUNG_TRACEPOINT;
		snprintf(p->symbol, sizeof(p->symbol), "%s:%s", events[i].group, events[i].event);
		snprintf(p->state, sizeof(p->state), "absent");
	}
}

void events_enable(struct dq_live *l)
{
	for (size_t i = 0; i < EVENTS; i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(l->skel->obj, events[i].prog), true);
}

static void say_why_not(struct hook_plan *p, int err)
{
	int tracefs = dq_sysinfo_tracefs();

	if (tracefs == -EACCES)
		snprintf(p->state, sizeof(p->state), "tracefs may not be read");
	else if (tracefs)
		snprintf(p->state, sizeof(p->state), "no tracefs mounted");
	else if (err == -ENOENT)
		snprintf(p->state, sizeof(p->state), "absent");
	else
		snprintf(p->state, sizeof(p->state), "failed: %s", dq_errname(err));
}

/* Those that are not attached yet: again when a module has come. Both programs of a hook or none. */
void events_attach(struct dq_live *l)
{
	for (size_t i = 0; i < EVENTS; i += 2) {
		struct hook_plan *p = &l->plan[events[i].hook];
		int err = 0;

		for (size_t j = i; j < i + 2 && !p->attached && !err; j++) {
			l->events[j] = bpf_program__attach_tracepoint(
				bpf_object__find_program_by_name(l->skel->obj, events[j].prog),
				events[j].group, events[j].event);
			err = l->events[j] ? 0 : -errno;
		}
		if (err) {
			bpf_link__destroy(l->events[i]);
			l->events[i] = NULL;
			say_why_not(p, err);
		} else {
			p->attached = true;
			snprintf(p->state, sizeof(p->state), "attached");
		}
	}
}

size_t events_links(struct dq_live *l, struct bpf_link **v)
{
	for (size_t i = 0; i < EVENTS; i++) {
		v[i] = l->events[i];
		l->events[i] = NULL;
		l->plan[events[i].hook].attached = false;
	}
	return EVENTS;
}
