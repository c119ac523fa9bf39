/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fence.h - waits for fences inside of a call: whom a slow begin_cpu_access waited for. A part of
 * dmaseq.bpf.c.
 *
 * Perf tracepoints and not raw ones, because only the formatted event has the names of the fence's
 * driver and timeline: a program cannot call fence->ops.
 */
#ifndef DMASEQ_FENCE_H
#define DMASEQ_FENCE_H

/* Layout of the events dma_fence_*: tracefs has it, 5.10 to 7.2. */
struct fence_event {
	__u64 common;
	__u32 driver, timeline; /* __data_loc: offset in the event, and length << 16 */
	__u32 context, seqno;
};

static __always_inline void announce_timeline(struct fence_event *ctx, __u64 context)
{
	__u32 one = 1;
	struct wire_timeline *w;

	if (bpf_map_lookup_elem(&timelines, &context))
		return;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w) {
		count_loss(LOSS_RING);
		return;
	}
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_TIMELINE;
	w->context = context;
	read_str(w->driver, (char *)ctx + (ctx->driver & 0xffff));
	read_str(w->name, (char *)ctx + (ctx->timeline & 0xffff));
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	bpf_map_update_elem(&timelines, &context, &one, BPF_ANY);
}

SEC("?tp/dma_fence/dma_fence_wait_start") int tp_wait_start(struct fence_event *ctx)
{
	__u64 task = current_task(), context = ctx->context;
	struct task_state *st = find_task(task);
	struct frame *f, *up;

	if (!armed || !st || !st->depth || st->depth > WIRE_DEPTH)
		return 0;
	if (st->nsync && !st->filling)
		unfold(task);
	up = frame_at(st, st->depth - 1);
	if (up->record)
		announce_timeline(ctx, context);
	f = open_frame(st, task, HOOK_FENCE_WAIT, RET_VOID, 0);
	if (!f)
		return 0;
	f->bufp = up->bufp;
	f->attp = up->attp;
	f->a[0] = context;
	f->a[1] = ctx->seqno;
	return enter(st, f, task);
}

SEC("?tp/dma_fence/dma_fence_wait_end") int tp_wait_end(struct fence_event *ctx)
{
	return leave(HOOK_FENCE_WAIT, 0);
}

#endif /* DMASEQ_FENCE_H */
