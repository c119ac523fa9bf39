/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hold.h - who holds a buffer: mappings, descriptors on their way to another process, and what
 * children inherit. A part of dmaseq.bpf.c, split off because the calls of the protocol can be
 * understood without it.
 *
 * A mapping is known by its vm_area_struct from the mmap of a dma-buf on, by a process or by an
 * importer for one. Exporters may put another file into vma->vm_file: see mapping_begins().
 *
 * What is inline and what is not follows the verifier's limit of eight nested calls.
 */
#ifndef DMASEQ_HOLD_H
#define DMASEQ_HOLD_H

#define SCM_MAX_FD 253 /* include/net/scm.h, 5.10 to 7.2 */

/* ---- mappings ----------------------------------------------------------------------------- */

__noinline int mapped(__u64 vma, __u64 bufp, __u64 buf)
{
	struct mapping m = { .bufp = bufp, .buf = buf };

	if (bpf_map_update_elem(&vmas, &vma, &m, BPF_ANY))
		count_loss(LOSS_OBJECTS);
	return 0;
}

/*
 * The end of a successful mmap. An exporter may have put another file into the mapping (vgem of 5.10
 * its own), which lets go of the buffer; then the mapping is none of its holders. Where the place of
 * vm_file is not known, it is taken for one.
 */
static __always_inline void mapping_begins(struct frame *f)
{
	__u64 file = RD(vm_area_struct, f->sgt, vm_file), own = RD(dma_buf, f->bufp, file);

	if (file && own && file != own)
		f->flags |= WIRE_F_UNHELD;
	else
		mapped(f->sgt, f->bufp, f->buf);
}

__noinline int mapping_event(__u64 task, __u32 hook, __u64 vma, __u64 orig, __u64 bufp)
{
	struct task_state *st = get_task(task);
	struct frame *f;

	if (!st)
		return 0;
	f = open_frame(st, task, hook, RET_NORET, 0);
	if (!f)
		return 0;
	f->bufp = bufp;
	f->sgt = vma;
	f->a[0] = orig;
	if (orig)
		st->dups++;
	return enter(st, f, task);
}

/* An exporter may let go of the buffer at mmap (vgem of 5.10): then it may be gone before. */
static __always_inline bool is_still(__u64 bufp, __u64 buf)
{
	struct object *o = bpf_map_lookup_elem(&bufs, &bufp);

	return o && o->token == buf;
}

/*
 * vm_area_free(): also of parts of a mapping. What exit and exec take down is freed by
 * __vm_area_free() directly where the kernel has that (6.12, not 6.1 and 7.2); after a
 * vm_area_free() it is called once more, from an RCU callback, and the mapping is not known any
 * more.
 */
static __always_inline int mapping_ends(__u64 task, __u32 hook, __u64 vma)
{
	struct mapping *m = bpf_map_lookup_elem(&vmas, &vma);
	__u64 bufp, buf;

	if (!m)
		return 0;
	bufp = m->bufp;
	buf = m->buf;
	bpf_map_delete_elem(&vmas, &vma);
	if (!is_still(bufp, buf))
		return 0;
	return mapping_event(task, hook, vma, 0, bufp);
}

/* vm_area_dup(): fork, and splitting. */
__noinline int mapping_is_copied(__u64 task, __u64 vma)
{
	struct task_state *st;

	if (!bpf_map_lookup_elem(&vmas, &vma))
		return 0;
	st = get_task(task);
	if (st)
		st->orig = vma;
	return 0;
}

static __always_inline int mapping_was_copied(__u64 task, __u64 copy)
{
	struct task_state *st = find_task(task);
	struct mapping *m;
	__u64 orig, bufp, buf;

	if (!st || !st->orig)
		return 0;
	orig = st->orig;
	st->orig = 0;
	m = bpf_map_lookup_elem(&vmas, &orig);
	if (!m || !copy)
		return 0;
	bufp = m->bufp;
	buf = m->buf;
	if (!is_still(bufp, buf))
		return 0;
	mapped(copy, bufp, buf);
	return mapping_event(task, HOOK_VM_AREA_DUP, copy, orig, bufp);
}

/* ---- descriptors that go to another process ------------------------------------------------- */

__noinline int file_sent(__u64 task, __u64 file, __u32 hook, __u64 fdno, __u64 key)
{
	struct task_state *st;
	struct frame *f;

	if (!is_dmabuf(file))
		return 0;
	st = get_task(task);
	if (!st)
		return 0;
	f = open_frame(st, task, hook, RET_NORET, 0);
	if (!f)
		return 0;
	f->bufp = RD(file, file, private_data);
	f->sgt = RD(task_struct, task, files);
	f->a[0] = fdno;
	f->a[1] = key;
	return enter(st, f, task);
}

static __always_inline int note_sending(__u64 task, __u64 scm)
{
	bpf_map_update_elem(&scm_sends, &task, &scm, BPF_ANY);
	return 0;
}

/* The return of __scm_send(sock, msg, scm): the files that the message takes along are in scm->fp. */
__noinline int descriptors_sent(__u64 task, __s32 ret)
{
	__u64 *scm = bpf_map_lookup_elem(&scm_sends, &task), fp, base, file;
	__u32 n;

	if (!scm)
		return 0;
	fp = RD(scm_cookie, *scm, fp);
	bpf_map_delete_elem(&scm_sends, &task);
	if (ret < 0 || !fp || !armed)
		return 0;
	n = (__u16)RD(scm_fp_list, fp, count);
	base = fp + bpf_core_field_offset(struct scm_fp_list, fp);
	for (__u32 i = 0; i < SCM_MAX_FD; i++) {
		if (i >= n)
			break;
		file = 0;
		bpf_probe_read_kernel(&file, KPTR, (void *)(base + i * KPTR));
		file_sent(task, file, HOOK_SCM_SEND, 0, 0);
	}
	return 0;
}

/* Layout of the events binder_transaction_fd_send and _recv: tracefs has it, 5.10 to 7.2. */
struct binder_fd_event {
	__u64 common;
	__s32 debug_id;
	__s32 fd;
};

/* In the sender, while its transaction is translated. */
SEC("?tp/binder/binder_transaction_fd_send") int tp_binder_send(struct binder_fd_event *ctx)
{
	__u64 task = current_task();

	if (!armed)
		return 0;
	return file_sent(task, fd_file(task, ctx->fd), HOOK_BINDER_SEND, (__u32)ctx->fd + 1ULL,
			 (__u32)ctx->debug_id + 1ULL);
}

/* In the receiver, right before fd_install(). */
SEC("?tp/binder/binder_transaction_fd_recv") int tp_binder_recv(struct binder_fd_event *ctx)
{
	struct arrival a = { .fd = (__u32)ctx->fd, .key = (__u32)ctx->debug_id + 1ULL };
	__u64 task = current_task();

	if (armed)
		bpf_map_update_elem(&arrivals, &task, &a, BPF_ANY);
	return 0;
}

/* ---- processes ------------------------------------------------------------------------------ */

__noinline int emit_taskev(__u32 what, __u64 task, __u64 other, __u64 table, __u64 from)
{
	struct wire_taskev *w;

	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w)
		return count_loss(LOSS_RING);
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_TASKEV;
	w->what = what;
	w->tid = RD(task_struct, task, pid);
	w->other = other ? RD(task_struct, other, pid) : 0;
	w->t = bpf_ktime_get_ns();
	w->table = table;
	w->from = from;
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	return 0;
}

/* So that the collector has a name for it. */
__noinline int introduce(__u64 task)
{
	struct task_state *st = get_task(task);

	if (st && st->announced != TASK_KNOWN)
		announce_task(task);
	return 0;
}

/* Are there descriptors of dma-bufs in the table or, where only /proc could tell, in the process? */
__noinline int has_dmabufs(__u64 table, __u32 tgid)
{
	if (bpf_map_lookup_elem(&fd_tables, &table))
		return 1;
	if (bpf_map_lookup_elem(&procs, &tgid))
		return 2;
	return 0;
}

__noinline int inherit(__u64 from, __u64 to, __u32 tgid, __u32 child)
{
	__u64 *n = bpf_map_lookup_elem(&fd_tables, &from), copy;
	__u32 *shown = bpf_map_lookup_elem(&procs, &tgid), one = 1;

	if (n && from != to) {
		copy = *n;
		bpf_map_update_elem(&fd_tables, &to, &copy, BPF_ANY);
	}
	if (shown)
		bpf_map_update_elem(&procs, &child, &one, BPF_ANY);
	return 0;
}

/* A child with a table of its own has copies of all descriptors, and one with an address space of
 * its own copies of the mappings. */
static __always_inline void on_fork(__u64 parent, __u64 child)
{
	__u64 from = RD(task_struct, parent, files), to = RD(task_struct, child, files);
	struct task_state *st = find_task(parent);
	__u32 tgid = RD(task_struct, parent, tgid);

	if ((from == to || !has_dmabufs(from, tgid)) && !(st && st->dups))
		return;
	if (st)
		st->dups = 0;
	inherit(from, to, tgid, RD(task_struct, child, tgid));
	introduce(parent);
	introduce(child);
	emit_taskev(TASKEV_FORK, parent, child, to, from);
}

static __always_inline void on_exec(__u64 task)
{
	__u64 table = RD(task_struct, task, files);
	__u32 tgid = RD(task_struct, task, tgid);

	if (!has_dmabufs(table, tgid))
		return;
	introduce(task);
	emit_taskev(TASKEV_EXEC, task, 0, table, 0);
}

/* Before its descriptors are closed. */
SEC("?raw_tp/sched_process_exit") int tp_exit(__u64 *ctx)
{
	__u64 task = current_task();
	struct task_state *st = find_task(task);

	if (armed && st && st->announced == TASK_KNOWN)
		emit_taskev(TASKEV_EXIT, task, 0, RD(task_struct, task, files), 0);
	return 0;
}

#endif /* DMASEQ_HOLD_H */
