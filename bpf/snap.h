/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * snap.h - looking instead of watching: the kernel's iterators, run before the first and after the
 * last call of a recording. A part of dmaseq.bpf.c.
 *
 * What they find goes through the ring like the calls, so that the order between the two is true:
 * the probes are armed while the iterators run.
 *
 * The members of a context are read as memory, because the verifier knows them as pointers to
 * structures, which may not be used as the numbers that addresses are here.
 */
#ifndef DMASEQ_SNAP_H
#define DMASEQ_SNAP_H

struct bpf_iter__task_file {
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} __attribute__((preserve_access_index));

struct bpf_iter__task_vma {
	struct task_struct *task;
	struct vm_area_struct *vma;
} __attribute__((preserve_access_index));

struct bpf_iter__dmabuf {
	struct dma_buf *dmabuf;
} __attribute__((preserve_access_index));

/* What a snapshot found; returns the token, 0: no room. */
static __always_inline __u64 found(__u64 task, __u64 bufp)
{
	struct object *o = find_buf(bufp, 0);
	__u32 tgid = task ? RD(task_struct, task, tgid) : 0;

	if (!o)
		return 0;
	if (cfg.by_task && task && bpf_map_lookup_elem(&pids, &tgid)) {
		o->selected |= SEL_TASK;
		deaths++;
	}
	if ((cfg.by_task && !(o->selected & SEL_TASK)) || (cfg.by_buf && !(o->selected & SEL_BUF)) ||
	    (cfg.by_device && !(o->selected & SEL_DEVICE)))
		return o->token;
	if (task)
		introduce(task);
	if (o->announced != 1) {
		announce_ops(o->ops, buf_exp_name(bufp));
		announce_buf(bufp, bpf_ktime_get_ns());
	}
	return o->token;
}

__noinline int emit_hold(__u32 what, __u64 task, __u64 bufp, __u64 vma, __s32 fd)
{
	struct wire_hold *w;
	__u64 token;

	token = found(task, bufp);
	if (!token)
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w)
		return count_loss(LOSS_RING);
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_HOLD;
	w->what = what;
	w->tid = task ? RD(task_struct, task, pid) : 0;
	w->fd = fd;
	w->t = bpf_ktime_get_ns();
	w->buf = token;
	w->table = what == HOLD_FD ? RD(task_struct, task, files) : 0;
	w->vma = vma;
	w->n = 1;
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("?iter/task_file") int snap_files(struct bpf_iter__task_file *ctx)
{
	__u64 task = RD(bpf_iter__task_file, ctx, task), file = RD(bpf_iter__task_file, ctx, file);

	if (!task || !file || !is_dmabuf(file))
		return 0;
	if (RD(task_struct, task, tgid) == cfg.self)
		return 0;
	count_fds(RD(task_struct, task, files), 1);
	return emit_hold(HOLD_FD, task, RD(file, file, private_data), 0,
			 RD(bpf_iter__task_file, ctx, fd));
}

SEC("?iter/task_vma") int snap_vmas(struct bpf_iter__task_vma *ctx)
{
	__u64 task = RD(bpf_iter__task_vma, ctx, task), vma = RD(bpf_iter__task_vma, ctx, vma);
	__u64 file, bufp;
	struct object *o;

	if (!task || !vma)
		return 0;
	file = RD(vm_area_struct, vma, vm_file);
	if (!file || !is_dmabuf(file))
		return 0;
	bufp = RD(file, file, private_data);
	o = find_buf(bufp, 0);
	if (o)
		mapped(vma, bufp, o->token);
	return emit_hold(HOLD_MAP, task, bufp, vma, -1);
}

/* In 7.2 and some Android kernels, not in 6.12: also finds what no process has. */
SEC("?iter/dmabuf") int snap_bufs(struct bpf_iter__dmabuf *ctx)
{
	__u64 bufp = RD(bpf_iter__dmabuf, ctx, dmabuf);

	if (bufp)
		found(0, bufp);
	return 0;
}

/* All references of a file. */
static __always_inline __u64 file_refs(__u64 file)
{
	if (bpf_core_field_exists(struct file, f_ref)) /* 7.2, not 6.12: one less is kept */
		return RD(file, file, f_ref.refcnt.counter) + 1;
	return RD(file, file, f_count.counter);
}

/* The references of the buffer whose address user space has from the map of buffers. */
SEC("?raw_tp") int peek_refs(__u64 *ctx)
{
	__u32 zero = 0;
	struct wire_ops *w = bpf_map_lookup_elem(&peeked, &zero);

	if (!w)
		return 0;
	w->slot[0] = file_refs(RD(dma_buf, ctx[0], file));
	return 0;
}

#endif /* DMASEQ_SNAP_H */
