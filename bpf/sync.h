/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sync.h - the short ways: a SYNC of a buffer that is known, and a call that does not pass the filters.
 * A part of dmaseq.bpf.c.
 *
 * SYNC is what a program calls most often, and it is nearly always the same: an ioctl of a buffer
 * that this task used before; inside of it dma_buf_begin_cpu_access() or dma_buf_end_cpu_access(),
 * inside of that the exporter's callback. What differs between two of them (times, results,
 * processors, numbers) is held in task_state.sync, and goes into the ring as one record when the
 * system call ends. As soon as anything is not as usual, unfold() makes of it what all other code
 * knows, and that goes on.
 *
 * task_state.depth counts these calls like all others, and while one of these programs is at work
 * `filling` keeps off interrupts, as in open_frame().
 */
#ifndef DMASEQ_SYNC_H
#define DMASEQ_SYNC_H

static __always_inline bool is_sync(const __u32 hook)
{
	return hook == HOOK_IOCTL || hook == HOOK_BEGIN_CPU || hook == HOOK_END_CPU ||
	       hook == HOOK_OPS_BEGIN_CPU || hook == HOOK_OPS_END_CPU;
}

/* Hooks that are called often, change nothing that we must know of, and where a call does not pass
 * when the last one of the same task on the same buffer did not. */
static __always_inline bool is_hot(const __u32 hook)
{
	switch (hook) {
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
	case HOOK_OPS_MAP:
	case HOOK_OPS_UNMAP:
		/* a device may be met here first: see new_att() */
		return !cfg.by_device;
	case HOOK_POLL:
	case HOOK_VMAP:
	case HOOK_VUNMAP:
	case HOOK_OPS_VMAP:
	case HOOK_OPS_VUNMAP:
		return true;
	}
	return is_sync(hook);
}

/* The buffer that a hot call is on. Through a pointer whose type the verifier knows it costs one
 * instruction. */
static __always_inline __u64 hot_bufp(const __u32 hook, const __u32 typed, __u64 a0)
{
	switch (hook_obj(hook)) {
	case OBJ_FILE0:
		return typed ? (__u64)((struct file *)a0)->private_data :
			       RD(file, a0, private_data);
	case OBJ_ATTACH0:
		return typed ? (__u64)((struct dma_buf_attachment *)a0)->dmabuf :
			       RD(dma_buf_attachment, a0, dmabuf);
	}
	return a0;
}

/* The registers of the system call, as far as they are of interest; false: it is no plain ioctl. */
static __always_inline bool sync_regs(struct wire_sys *c, __u64 task)
{
	struct task_struct *t = bpf_get_current_task_btf();

	if (t->flags & (PF_KTHREAD | PF_IO_WORKER | PF_EXITING))
		return false;
#if defined(__TARGET_ARCH_x86)
	struct pt_regs___task *r = (void *)bpf_task_pt_regs(t);

	if ((__s32)r->orig_ax != NR_ioctl || t->thread_info.status & TS_COMPAT ||
	    r->si != IOCTL_SYNC || r->di >> 31)
		return false;
	c->a[0] = r->di;
	c->a[2] = r->dx;
	return true;
#else
	c->flags = 0;
	read_regs(c, task, user_regs(task));
	return c->nr == NR_ioctl && !(c->flags & WIRE_SYS_COMPAT) && c->a[1] == IOCTL_SYNC &&
	       !(c->a[0] >> 31);
#endif
}

typedef __u64 __attribute__((may_alias)) two_u32;

/* Depth and `filling` at once: nobody is at work on the state, and so many calls are in flight. */
static __always_inline bool is_at(struct task_state *st, const __u32 depth)
{
	return *(two_u32 *)&st->depth == depth;
}

static __always_inline void sync_opens(struct task_state *st, const __u32 i, __u32 hook, __u32 a0,
				       __u64 sp)
{
	struct sync_frame *s = &st->sync[i];

	st->sync_sp[i] = sp;
	s->hook = hook;
	s->a0 = a0;
	s->seq = ++st->seq;
	s->cpu = bpf_get_smp_processor_id();
	s->t0 = bpf_ktime_get_ns();
	st->nsync = i + 1;
	barrier();
	*(two_u32 *)&st->depth = i + 1;
}

/* What all SYNCs of one file have in common; begin_sys() makes something else of it. */
static __always_inline void sync_context(struct task_state *st)
{
	struct wire_sys *c = &st->ctx;

	c->flags = 0;
	c->nr = NR_ioctl;
	c->a[1] = IOCTL_SYNC;
	c->recorded = 1;
	c->buf = st->seen_buf;
	c->mode = 0;
	c->rdev = 0;
	st->sync_bufp = st->seen_bufp;
	st->sync_ctx = 1;
}

/* The ioctl. False: it is none of the usual ones. */
static __always_inline bool sync_begins(struct task_state *st, __u64 task, __u64 file, __u32 cmd,
					__u64 sp)
{
	struct wire_sys *c = &st->ctx;

	if (cmd != IOCTL_SYNC || st->seen_file != file || st->seen_at != deaths || !armed)
		return false;
	if (!is_at(st, 0) || *(two_u32 *)&st->sys_active || st->nsync) /* or st->out_len */
		return false;
	if (!sync_regs(c, task))
		return false;
	st->filling = 1;
	barrier();
	if (!st->sync_ctx)
		sync_context(st);
	c->sys = ++st->sys;
	st->sync_a1 = ~0ULL;
	st->sys_active = 1;
	sync_opens(st, 0, HOOK_IOCTL, 0, sp);
	c->t0 = st->sync[0].t0;
	return true;
}

/* What it calls (at 1), and what that calls (at 2). */
static __always_inline bool sync_goes_on(struct task_state *st, const __u32 at, __u32 hook,
					 __u64 bufp, __u64 dir, __u64 sp)
{
	if (!is_at(st, at) || st->nsync != at || bufp != st->sync_bufp || dir > 2 || !armed)
		return false;
	if (sp) { /* see open_frame() */
		__u64 above = st->sync_sp[at - 1];

		if (above && (sp > above ||
			      (sp == above && !same_sp_nests(st->sync[at - 1].hook, hook))))
			return false;
	}
	st->filling = 1;
	barrier();
	if (at == 1) /* see sync_flags() */
		st->sync_a1 = (hook == HOOK_END_CPU || hook == HOOK_OPS_END_CPU ? 4 : 0) | (3 - dir);
	sync_opens(st, at, hook, dir, sp);
	return true;
}

static __always_inline bool is_callback(const __u32 hook)
{
	return hook == HOOK_OPS_BEGIN_CPU || hook == HOOK_OPS_END_CPU;
}

/* True: nothing is left to do. */
static __always_inline bool enters_fast(__u64 task, const __u32 hook, const __u32 typed, __u64 a0,
					__u64 a1, __u64 sp)
{
	__u32 place = WIRE_HOME(task);
	struct task_state *st = bpf_map_lookup_elem(&states, &place);
	__u64 bufp;

	if (!st || st->task != task)
		return false;
	if (hook == HOOK_IOCTL && !cfg.filtered)
		return has_task_btf() && !cfg.stacks && sync_begins(st, task, a0, a1, sp);
	bufp = hot_bufp(hook, typed, a0);
	if (is_at(st, 0)) {
		if (st->not_bufp == bufp && st->not_at == deaths) {
			count_hit(hook);
			return true;
		}
		return hook == HOOK_IOCTL && has_task_btf() && !cfg.stacks &&
		       sync_begins(st, task, a0, a1, sp);
	}
	if (hook == HOOK_IOCTL || !is_sync(hook))
		return false;
	if (is_callback(hook) && sync_goes_on(st, 2, hook, bufp, a1, sp))
		return true;
	return sync_goes_on(st, 1, hook, bufp, a1, sp);
}

static __always_inline bool sync_returns(struct task_state *st, const __u32 at, __u32 hook, __u64 ret)
{
	struct sync_frame *s = &st->sync[at];

	if (!is_at(st, at + 1) || st->nsync <= at || s->hook != hook)
		return false;
	/* the flags are not known when it called nothing */
	if (hook == HOOK_IOCTL && st->sync_a1 == ~0ULL)
		return false;
	st->filling = 1;
	barrier();
	s->t1 = bpf_ktime_get_ns();
	s->ret = ret;
	barrier();
	*(two_u32 *)&st->depth = at;
	return true;
}

static __always_inline bool leaves_fast(const __u32 hook, __u64 ret)
{
	__u64 task = current_task();
	__u32 place = WIRE_HOME(task);
	struct task_state *st = bpf_map_lookup_elem(&states, &place);

	if (!st || st->task != task)
		return false;
	if (is_at(st, 0) || !armed)
		return true; /* as in leave() */
	if (hook == HOOK_IOCTL)
		return sync_returns(st, 0, hook, ret);
	if (is_callback(hook) && sync_returns(st, 2, hook, ret))
		return true;
	return sync_returns(st, 1, hook, ret);
}

/* No loops below: they are of three at most, and Clang does not unroll them all. */

/* Do the calls fit into a struct wire_sync: all with this result, and no other between them? */
static __always_inline bool sync_fits(const struct task_state *st, __u64 ret, __u64 dur)
{
	__u64 n = st->nsync, seq = st->seq;
	/* read twice, or else Clang cuts the first, which it has made a long one, to 32 bits again */
	__u32 first = *(const volatile __u32 *)&st->sync[0].ret;

	return !(dur >> 32) && as_long(ret) == (__s32)st->sync[0].ret &&
	       seq + 1 == st->sync[0].seq + n &&
	       (n < 2 || st->sync[1].ret == first) && (n < 3 || st->sync[2].ret == first);
}

static __always_inline void fill_call(struct sync_call *c, const struct sync_frame *s, __u64 t0)
{
	c->begin = s->t0 - t0;
	c->end = s->t1 - t0;
	__builtin_memcpy(&c->cpu, &s->cpu, 4); /* and the hook and a0 */
}

static __always_inline void fill_sync(struct wire_sync *w, const struct task_state *st, __u64 dur)
{
	const struct wire_sys *c = &st->ctx;
	__u64 n = st->nsync, t0 = c->t0;

	w->kind = WIRE_SYNC;
	w->n = n;
	w->a1 = st->sync_a1;
	w->tid = c->tid;
	w->fd = c->a[0];
	w->ret = st->sync[0].ret;
	w->buf = c->buf;
	w->t0 = t0;
	w->dur = dur;
	w->sys = c->sys;
	w->seq = st->sync[0].seq;
	fill_call(&w->call[0], &st->sync[0], t0);
	if (n > 1)
		fill_call(&w->call[1], &st->sync[1], t0);
	if (n > 2)
		fill_call(&w->call[2], &st->sync[2], t0);
}

static __always_inline void count_sync_hits(const struct task_state *st)
{
	__u64 n = st->nsync, cpu = this_cpu();
	struct cpu_hits *h;

	if (cpu >= WIRE_CPUS) {
		count_hit_beyond(HOOK_IOCTL);
		for (__u32 i = 1; i < SYNC_CALLS; i++)
			if (i < n)
				count_hit_beyond(st->sync[i].hook);
		return;
	}
	h = hits_of(cpu);
	add_hit(h, HOOK_IOCTL);
	if (n > 1)
		add_hit(h, st->sync[1].hook);
	if (n > 2)
		add_hit(h, st->sync[2].hook);
}

/* The system call returns. False: it is to be told in the usual way. */
static __always_inline bool sync_ends(struct task_state *st, __u64 ret)
{
	__u64 dur = bpf_ktime_get_ns() - st->ctx.t0;
	struct wire_sync *w;

	if (st->depth || !sync_fits(st, ret, dur))
		return false;
	count_sync_hits(st);
	if (lost)
		tell_losses();
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (w) {
		fill_sync(w, st, dur);
		/* now and then is often enough to see how full it is */
		bpf_ringbuf_submit(w, st->ctx.sys & 7 ? BPF_RB_NO_WAKEUP : wake_flags());
	} else {
		count_losses(LOSS_RING, st->nsync + 1);
	}
	st->sys_active = 0;
	st->nsync = 0;
	return true;
}

#endif /* DMASEQ_SYNC_H */
