// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dmaseq.bpf.c - the probes: one record per completed call of the dma-buf protocol.
 *
 * Probes only read. Two programs per function, entry and return, in two flavours
 * that share one body: fentry/fexit where the kernel can, kprobe/kretprobe where it
 * must. All of them are generated from the table of hooks.h; what a hook's arguments
 * mean is folded in at compile time because the hook id is a constant there. Which
 * programs are loaded and where they are attached is the collector's decision
 * (src/live/attach.c); every SEC() is therefore optional ("?").
 *
 * State: `states` holds, per task that ever entered the protocol, the stack of calls
 * in flight and the current syscall context; `bufs` and `atts` name the objects that
 * live. An object is removed at the *entry* of the call that frees it, because its
 * memory may be reused before that call returns; nested calls then find its token in
 * the frame of the caller.
 *
 * Whatever cannot be recorded is counted in `loss`, and told in the stream by the
 * next record of that CPU that finds room.
 */
#include "kread.h"
#include "wire.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";


#define PF_EXITING	0x00000004 /* include/linux/sched.h, same value 5.10 - 7.2 */
#define PF_IO_WORKER	0x00000010 /* since 5.12; before, such workers were kernel threads */
#define PF_KTHREAD	0x00200000
#define DMA_BUF_MAGIC	0x444d4142 /* include/uapi/linux/magic.h */
#define S_IFMT		0170000
#define S_IFCHR		0020000
#define S_IFBLK		0060000

/* include/uapi/linux/dma-buf.h */
#define IOCTL_SET_NAME	  0x40006201 /* the size differs between ABIs: masked out below */
#define IOCTL_EXPORT_SYNC 0xc0086202
#define IOCTL_IMPORT_SYNC 0x40086203
#define IOCTL_SIZE_MASK	  0x3fff0000

#if defined(__TARGET_ARCH_x86)
enum { NR_close = 3, NR_lseek = 8, NR_mmap = 9, NR_ioctl = 16, NR_dup = 32, NR_dup2 = 33,
       NR_sendmsg = 46, NR_recvmsg = 47, NR_fcntl = 72, NR_exit = 60, NR_exit_group = 231,
       NR_dup3 = 292 };
#elif defined(__TARGET_ARCH_arm)
/* mmap2, fcntl64: what libraries call */
enum { NR_exit = 1, NR_close = 6, NR_lseek = 19, NR_dup = 41, NR_ioctl = 54, NR_dup2 = 63,
       NR_mmap = 192, NR_fcntl = 221, NR_exit_group = 248, NR_sendmsg = 296, NR_recvmsg = 297,
       NR_dup3 = 358 };
#else /* the generic table: arm64 */
enum { NR_dup = 23, NR_dup3 = 24, NR_fcntl = 25, NR_ioctl = 29, NR_close = 57, NR_lseek = 62,
       NR_exit = 93, NR_exit_group = 94, NR_sendmsg = 211, NR_recvmsg = 212, NR_mmap = 222,
       NR_dup2 = -2 };
#endif
/* i386 and arm have these in common */
enum { NR32_exit = 1, NR32_close = 6, NR32_ioctl = 54, NR32_exit_group = 252, NR32_arm_exit_group = 248 };

const volatile struct config cfg = {};

/* May change while the probes run. */
__u32 armed = 0;		/* set once everything is attached: a trace begins all at once */
__u32 urgent = 0;		/* the collector must read on at once, what it would like to leave for later */
__u64 dma_buf_fops = 0;		/* learnt from the first dma-buf file that was met */
__u32 strays = 0;		/* not 0: there are, or were, tasks that are not at home in `states` */
/* Grows after each removal from `bufs`, and when a buffer passes that did not before. Not atomic:
 * what is compared with it was read before the buffer was looked up, and then a lost increment of two
 * at once does no harm. */
__u32 deaths = 0;
__u32 lost = 0;			/* set by the first loss: until then nobody has to look whether one is to be told */
struct cpu_hits hits[WIRE_CPUS] = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_TASKS);
	__type(key, __u32);
	__type(value, struct task_state);
} states SEC(".maps");

/* a task's place in `states` */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_TASKS);
	__type(key, __u64);
	__type(value, __u32);
} tasks SEC(".maps");

/* places in `states` that are taken: entering one here is what takes it (5.10 has no atomic
 * operation that says what was there before) */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_TASKS);
	__type(key, __u32);
	__type(value, __u64);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct object);
} bufs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct object);
} atts SEC(".maps");

/* ops tables that the collector was told about */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} ops_known SEC(".maps");

/* device numbers that the collector was told about */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} devs_known SEC(".maps");

/* mappings of buffers, by the address of the vm_area_struct */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct mapping);
} vmas SEC(".maps");

/* descriptor tables (files_struct) that have recorded dma-bufs: how many. May be more than there
 * are, which costs a superfluous record of a fork. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} fd_tables SEC(".maps");

/* thread groups that /proc showed to have dma-bufs, where there is no iterator to fill fd_tables */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} procs SEC(".maps");

/* tasks inside of __scm_send(): the struct scm_cookie that it fills */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} scm_sends SEC(".maps");

/* tasks that are about to install a descriptor that came through binder: descriptor and key */
struct arrival {
	__u64 fd, key;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct arrival);
} arrivals SEC(".maps");

/* timelines of fences that the collector was told about, by context */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} timelines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 8192);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, WIRE_STACK * sizeof(__u64));
} stacks SEC(".maps");

/* thread groups to record, when cfg.by_task */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_state);
} cpus SEC(".maps");

/* a new task's state is built here: too large for the stack */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct task_state);
} scratch SEC(".maps");

/* Where the kernel has no cookies: the hook of the kprobe that is being handled on this CPU, and
 * the programs that handle it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} hooked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} handlers SEC(".maps");

/* the answer of peek */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_ops);
} peeked SEC(".maps");

/* ---- the table, folded at compile time ----------------------------------------- */

static __always_inline int hook_obj(const __u32 hook)
{
	switch (hook) {
#define X(id, ENUM, name, kind, obj, ret, a0, a1, a2, need)                                        \
	case id:                                                                                   \
		return obj;
		DMASEQ_HOOKS(X)
#undef X
	}
	return OBJ_NONE;
}

static __always_inline int hook_ret(const __u32 hook)
{
	switch (hook) {
#define X(id, ENUM, name, kind, obj, ret, a0, a1, a2, need)                                        \
	case id:                                                                                   \
		return RET_##ret;
		DMASEQ_HOOKS(X)
#undef X
	}
	return RET_VOID;
}

static __always_inline int hook_kind(const __u32 hook)
{
	switch (hook) {
#define X(id, ENUM, name, kind, obj, ret, a0, a1, a2, need)                                        \
	case id:                                                                                   \
		return KIND_##kind;
		DMASEQ_HOOKS(X)
#undef X
	}
	return 0;
}

/*
 * Functions below that are neither static nor inline take only numbers and look things up again:
 * the verifier then checks each of them once by itself instead of on every path that leads to it
 * (94,000 instructions per program became a few thousand), and numbers are what 5.10 allows.
 */

/* ---- loss and the ring ------------------------------------------------------------ */

__noinline int count_losses(__u32 source, __u32 n)
{
	__u32 zero = 0;
	struct cpu_state *l = bpf_map_lookup_elem(&cpus, &zero);
	__u64 now = bpf_ktime_get_ns();

	if (!l)
		return 0;
	source &= LOSS_SLOTS - 1; /* a bound that every verifier follows */
	if (!l->count[source])
		l->t0[source] = now;
	l->t1[source] = now;
	l->count[source] += n;
	l->pending += n;
	lost = 1;
	return 0;
}

static __always_inline int count_loss(__u32 source)
{
	return count_losses(source, 1);
}

__noinline int tell_loss(void)
{
	__u32 zero = 0;
	struct cpu_state *l = bpf_map_lookup_elem(&cpus, &zero);

	if (!l)
		return 0;
	for (int i = 0; i < LOSS_MAX; i++) {
		struct wire_loss *w;

		if (!l->count[i])
			continue;
		w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
		if (!w)
			return 0;
		w->kind = WIRE_LOSS;
		w->source = i;
		w->cpu = bpf_get_smp_processor_id();
		w->count = l->count[i];
		w->t0 = l->t0[i];
		w->t1 = l->t1[i];
		l->pending -= l->count[i];
		l->count[i] = 0;
		bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	}
	return 0;
}

/* The collector looks at the ring every few milliseconds; it is woken only when the ring fills,
 * because a wake-up per record costs more than the record. */
static __always_inline __u64 wake_flags(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= cfg.wake_bytes ? BPF_RB_FORCE_WAKEUP
									     : BPF_RB_NO_WAKEUP;
}

/* What bpf_get_smp_processor_id() returns is no more than 32 bits: Clang need not cut it. */
static __always_inline __u64 this_cpu(void)
{
	return ((__u64 (*)(void))bpf_get_smp_processor_id)();
}

__noinline int count_hit_beyond(__u32 hook)
{
	__u32 zero = 0;
	struct cpu_state *c = bpf_map_lookup_elem(&cpus, &zero);

	if (c)
		c->hits[hook & (HOOK_MAX - 1)]++;
	return 0;
}

/* Of a processor that has one, as the caller found: in assembler as in frame_at(), so that this comes
 * behind the caller's comparison. */
static __always_inline struct cpu_hits *hits_of(__u64 cpu)
{
	asm volatile("" : "+r"(cpu));
	return &hits[cpu];
}

static __always_inline void add_hit(struct cpu_hits *h, __u32 hook)
{
	__u64 at = hook;

	/* in assembler as in frame_at() */
	if (!__builtin_constant_p(hook))
		asm volatile("%[at] &= %[max];" : [at] "+r"(at) : [max] "i"(HOOK_MAX - 1));
	h->n[at]++;
}

static __always_inline void count_hit(__u32 hook)
{
	__u64 cpu = this_cpu();

	if (cpu < WIRE_CPUS)
		add_hit(hits_of(cpu), hook);
	else
		count_hit_beyond(hook);
}

/* Tokens are unique without atomics that 5.10 does not have: CPU and a counter of that CPU. */
static __always_inline __u64 draw_token(void)
{
	__u32 zero = 0;
	struct cpu_state *l = bpf_map_lookup_elem(&cpus, &zero);

	if (!l)
		return 0;
	return ((__u64)(bpf_get_smp_processor_id() + 1) << 40) | ++l->tokens;
}

/* ---- small readers ------------------------------------------------------------------ */

#include "learn.h"

static __always_inline bool is_dmabuf(__u64 file)
{
	__u64 fops = dma_buf_fops;

	if (!file)
		return false;
	if (fops)
		return RD(file, file, f_op) == fops;
	if (RD(super_block, RD(inode, RD(file, file, f_inode), i_sb), s_magic) != DMA_BUF_MAGIC)
		return false;
	dma_buf_fops = RD(file, file, f_op);
	return true;
}

static __always_inline __u64 dmabuf_size(__u64 p)
{
	return RD(dma_buf, p, size);
}

/* dev_name(): init_name until the device is registered, then the kobject's */
static __always_inline __u64 device_name(__u64 dev)
{
	__u64 name = RD(device, dev, init_name);

	return name ? name : RD(device, dev, kobj.name);
}

static __always_inline void read_slots(struct wire_ops *w, __u64 ops)
{
	w->slot[0] = RD(dma_buf_ops, ops, attach);
	w->slot[1] = RD(dma_buf_ops, ops, detach);
	w->slot[2] = RD(dma_buf_ops, ops, pin);
	w->slot[3] = RD(dma_buf_ops, ops, unpin);
	w->slot[4] = RD(dma_buf_ops, ops, map_dma_buf);
	w->slot[5] = RD(dma_buf_ops, ops, unmap_dma_buf);
	w->slot[6] = RD(dma_buf_ops, ops, release);
	w->slot[7] = RD(dma_buf_ops, ops, begin_cpu_access);
	w->slot[8] = RD(dma_buf_ops, ops, end_cpu_access);
	w->slot[9] = RD(dma_buf_ops, ops, mmap);
	w->slot[10] = RD(dma_buf_ops, ops, vmap);
	w->slot[11] = RD(dma_buf_ops, ops, vunmap);
	w->slot[WIRE_SLOTS - 1] = word_at(ops); /* for who checks the layout: ops.c */
	w->slot[12] = RD(dma_buf_ops, ops, begin_cpu_access_partial);
	w->slot[13] = RD(dma_buf_ops, ops, end_cpu_access_partial);
}

/* ---- announcing things that the collector has not met -------------------------------- */

__noinline int announce_ops(__u64 ops, __u64 exp_name)
{
	__u32 one = 1;
	struct wire_ops *w;

	if (!ops || bpf_map_lookup_elem(&ops_known, &ops))
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w)
		return count_loss(LOSS_RING);
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_OPS;
	w->ops = ops;
	read_slots(w, ops);
	read_str(w->exp_name, exp_name);
	/* At once: until the collector has armed the callbacks they are not recorded. */
	urgent = 1;
	bpf_ringbuf_submit(w, BPF_RB_FORCE_WAKEUP);
	bpf_map_update_elem(&ops_known, &ops, &one, BPF_ANY);
	return 0;
}

/* An importer's table. Its functions are in the importer, whose name the attachment will have. */
__noinline int announce_importer(__u64 ops)
{
	__u32 one = 1;
	struct wire_ops *w;

	if (!ops || bpf_map_lookup_elem(&ops_known, &ops))
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w)
		return count_loss(LOSS_RING);
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_OPS;
	w->importer = 1;
	w->ops = ops;
	w->slot[0] = RD(dma_buf_attach_ops, ops, move_notify);
	w->slot[1] = RD(dma_buf_attach_ops, ops, invalidate_mappings);
	urgent = 1;
	bpf_ringbuf_submit(w, BPF_RB_FORCE_WAKEUP);
	bpf_map_update_elem(&ops_known, &ops, &one, BPF_ANY);
	return 0;
}

__noinline int announce_buf(__u64 p, __u64 t)
{
	struct object *o = bpf_map_lookup_elem(&bufs, &p);
	struct wire_buf *w;
	__u64 owner;

	if (!o)
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w) {
		count_loss(LOSS_RING);
		return 0;
	}
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_BUF;
	w->flags = o->announced == 2 ? WIRE_BUF_PREEXISTING : 0;
	w->buf = o->token;
	w->ptr = p;
	w->t = t;
	w->ops = o->ops;
	w->size = dmabuf_size(p);
	w->ino = RD(inode, RD(file, RD(dma_buf, p, file), f_inode), i_ino);
	read_str(w->exp_name, buf_exp_name(p));
	read_str(w->name, buf_name(p));
	owner = buf_owner(p);
	if (owner)
		RD_STR(w->owner, module, owner, name);
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	o->announced = 1;
	return 0;
}

__noinline int announce_att(__u64 p, __u64 buf)
{
	struct object *o = bpf_map_lookup_elem(&atts, &p);
	struct wire_att *w;
	__u64 dev, ops;

	if (!o)
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w) {
		count_loss(LOSS_RING);
		return 0;
	}
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_ATT;
	w->flags = o->announced == 2 ? WIRE_ATT_PREEXISTING : 0;
	ops = RD(dma_buf_attachment, p, importer_ops);
	if (ops)
		w->flags |= WIRE_ATT_DYNAMIC;
	w->att = o->token;
	w->ptr = p;
	w->buf = buf;
	w->t = bpf_ktime_get_ns();
	dev = RD(dma_buf_attachment, p, dev);
	if (dev) {
		read_str(w->dev, device_name(dev));
		read_str(w->driver, RD(device_driver, RD(device, dev, driver), name));
		read_str(w->bus, RD(bus_type, RD(device, dev, bus), name));
	}
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	o->announced = 1;
	return 0;
}

__noinline int announce_dev(__u32 rdev, __u32 mode, __u64 fops)
{
	__u32 one = 1;
	struct wire_dev *w;
	__u64 owner;

	if (bpf_map_lookup_elem(&devs_known, &rdev))
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w)
		return count_loss(LOSS_RING);
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_DEV;
	w->rdev = rdev;
	w->mode = mode;
	owner = RD(file_operations, fops, owner);
	if (owner)
		RD_STR(w->module, module, owner, name);
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	bpf_map_update_elem(&devs_known, &rdev, &one, BPF_ANY);
	return 0;
}

/* Byte by byte, once per object: at the end of the longest chain of calls a copy of the string is
 * more than the 512 bytes of stack that all frames have together (6.1; 6.12 took it). */
static __always_inline bool string_is(__u64 name, const volatile char *want)
{
	for (int i = 0; i < WIRE_STR - 1; i++) {
		char c = 0;

		if (bpf_probe_read_kernel(&c, sizeof(c), (void *)(name + i)) || c != want[i])
			return false;
		if (!c)
			return true;
	}
	return true;
}

static __always_inline bool exporter_matches(__u64 p)
{
	__u64 owner = buf_owner(p);

	return string_is(buf_exp_name(p), cfg.exporter) ||
	       (owner && bpf_core_field_exists(((struct module *)owner)->name) &&
		string_is(owner + bpf_core_field_offset(struct module, name), cfg.exporter));
}

static __always_inline bool buf_matches(__u64 p)
{
	if (cfg.by_exporter && !exporter_matches(p))
		return false;
	if (cfg.min_size && dmabuf_size(p) < cfg.min_size)
		return false;
	return !cfg.inode || RD(inode, RD(file, RD(dma_buf, p, file), f_inode), i_ino) == cfg.inode;
}

/* A function of its own beside new_buf(), and not below it: the stack of all frames has 512 bytes. */
__noinline int match_buf(__u64 p)
{
	struct object *o = bpf_map_lookup_elem(&bufs, &p);

	if (!o)
		return 0;
	o->selected |= SEL_CHECKED;
	if (buf_matches(p))
		o->selected |= SEL_BUF;
	return 0;
}

__noinline int device_matches(__u64 dev)
{
	return dev && (string_is(device_name(dev), cfg.device) ||
		       string_is(RD(device_driver, RD(device, dev, driver), name), cfg.device));
}

/* A buffer met for the first time: at its export, or (pre-existing) anywhere else. */
__noinline int new_buf(__u64 p, __u32 exported)
{
	struct object o = {};

	o.token = draw_token();
	o.ops = RD(dma_buf, p, ops);
	o.announced = exported ? 0 : 2; /* 2: to be announced as pre-existing */
	/* 1: no room. The caller counts it: one call deeper is more than the stack has. */
	return bpf_map_update_elem(&bufs, &p, &o, BPF_ANY) ? 1 : 0;
}

__noinline int new_att(__u64 p, __u32 attached)
{
	struct object o = {}, *b;
	__u64 buf;

	o.token = draw_token();
	o.born = bpf_ktime_get_ns();
	o.announced = attached ? 0 : 2;
	if (cfg.by_device && device_matches(RD(dma_buf_attachment, p, dev))) {
		buf = RD(dma_buf_attachment, p, dmabuf);
		b = bpf_map_lookup_elem(&bufs, &buf);
		if (b) {
			b->selected |= SEL_DEVICE;
			deaths++;
		}
	}
	if (bpf_map_update_elem(&atts, &p, &o, BPF_ANY))
		count_loss(LOSS_OBJECTS);
	return 0;
}

/* Always a valid pointer: the verifier loses track of one that may be NULL. In assembler, so that
 * the number that is compared is the one that is used: Clang keeps copies, and drops comparisons that
 * it can prove, which the verifier cannot follow; and in a loop downwards it would subtract from an
 * address, which 7.2's verifier refuses. */
static __always_inline struct frame *frame_at(struct task_state *st, __u32 i)
{
	__u64 at = i;

	asm volatile("if %[at] <= %[max] goto +1; %[at] = %[max];" : [at] "+r"(at)
		     : [max] "i"(WIRE_FRAMES - 1));
	return &st->frames[at];
}

/* ---- tasks ---------------------------------------------------------------------------- */

/* NULL: not known. */
static __always_inline struct task_state *find_task(__u64 task)
{
	__u32 place = WIRE_HOME(task), *other;
	struct task_state *st = bpf_map_lookup_elem(&states, &place);

	if (st && st->task == task)
		return st;
	if (!strays)
		return NULL;
	other = bpf_map_lookup_elem(&tasks, &task);
	if (!other)
		return NULL;
	place = *other;
	st = bpf_map_lookup_elem(&states, &place);
	return st && st->task == task ? st : NULL;
}

__noinline int announce_task(__u64 task)
{
	struct task_state *st = find_task(task);
	struct wire_task *w;

	if (!st)
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w) {
		count_loss(LOSS_RING);
		return 0;
	}
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_TASK;
	w->flags = (st->flags & PF_KTHREAD ? WIRE_TASK_KTHREAD : 0) |
		   (st->announced == TASK_RENAMED ? 0 : WIRE_TASK_NEW);
	w->tid = st->tid;
	w->tgid = st->tgid;
	RD_STR(w->comm, task_struct, task, comm);
	RD_STR(w->process, task_struct, RD(task_struct, task, group_leader), comm);
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	st->announced = TASK_KNOWN;
	return 0;
}

static __always_inline __u32 task_selected(__u64 task, __u32 tgid)
{
	char comm[WIRE_COMM] = {};

	if (cfg.by_comm) {
		RD_STR(comm, task_struct, RD(task_struct, task, group_leader), comm);
		for (int i = 0; i < WIRE_COMM; i++) {
			if (comm[i] != cfg.comm[i])
				break;
			if (!comm[i] || i == WIRE_COMM - 1)
				return 1;
		}
	}
	return bpf_map_lookup_elem(&pids, &tgid) ? 1 : 0;
}

/* A place in `states` that nobody has; WIRE_TASKS: there is none. */
__noinline int take_place(__u64 task)
{
	__u32 place;

	for (__u32 i = 0; i < WIRE_NEAR; i++) {
		place = (WIRE_HOME(task) + i) & (WIRE_TASKS - 1);
		if (!bpf_map_update_elem(&places, &place, &task, BPF_NOEXIST))
			return place;
	}
	return WIRE_TASKS;
}

__noinline int new_task(__u64 task)
{
	__u32 zero = 0;
	struct task_state *st = bpf_map_lookup_elem(&scratch, &zero);
	__u32 place = take_place(task);

	if (!st)
		return 0;
	if (place != WIRE_HOME(task))
		strays = 1;
	/* taken by an interrupt meanwhile, or no room */
	if (place >= WIRE_TASKS || bpf_map_update_elem(&tasks, &task, &place, BPF_NOEXIST)) {
		bpf_map_delete_elem(&places, &place);
		return bpf_map_lookup_elem(&tasks, &task) ? 0 : count_loss(LOSS_TASKS);
	}
	/* everything else in scratch is zero and stays so */
	st->task = task;
	st->tid = RD(task_struct, task, pid);
	st->tgid = RD(task_struct, task, tgid);
	st->flags = RD(task_struct, task, flags);
	st->selected = cfg.by_task ? task_selected(task, st->tgid) : 1;
	st->not_bufp = 1;
	st->ctx.kind = WIRE_SYS;
	st->ctx.tid = st->tid;
	bpf_map_update_elem(&states, &place, st, BPF_ANY);
	return 0;
}

/* A task has ended. */
__noinline int forget_task(__u64 task)
{
	__u32 *at = bpf_map_lookup_elem(&tasks, &task), place;
	struct task_state *st;

	if (!at)
		return 0;
	place = *at;
	st = bpf_map_lookup_elem(&states, &place);
	if (st)
		st->task = 0;
	bpf_map_delete_elem(&tasks, &task);
	bpf_map_delete_elem(&places, &place);
	return 0;
}

static __always_inline struct task_state *get_task(__u64 task)
{
	struct task_state *st = find_task(task);

	if (st)
		return st;
	new_task(task);
	return find_task(task);
}

/* ---- records ---------------------------------------------------------------------------- */

static __always_inline void tell_losses(void)
{
	__u32 zero = 0;
	struct cpu_state *l = bpf_map_lookup_elem(&cpus, &zero);

	if (l && l->pending)
		tell_loss();
}

/* The small records that a task has waiting. */
__noinline int flush_out(__u64 task)
{
	struct task_state *st = find_task(task);
	__u64 len;

	if (!st || !st->out_len || st->out_busy)
		return 0;
	st->out_busy = 1;
	tell_losses();
	len = st->out_len;
	/* in assembler as in frame_at() */
	asm volatile("if %[len] <= %[max] goto +1; %[len] = %[max];" : [len] "+r"(len)
		     : [max] "i"(WIRE_OUT));
	if (bpf_ringbuf_output(&ring, st->out, len, wake_flags()))
		count_losses(LOSS_RING, st->out_calls);
	st->out_len = 0;
	st->out_calls = 0;
	st->out_busy = 0;
	return 0;
}

#define barrier() asm volatile("" ::: "memory")

/* Room for `size` bytes behind the others. What is written there counts when out_end() was called; an
 * interrupt that comes meanwhile neither writes nor flushes. */
static __always_inline void *out_begin(struct task_state *st, const __u32 size)
{
	__u64 at;

	if (st->out_len > WIRE_OUT - size)
		flush_out(st->task);
	st->out_busy = 1;
	barrier();
	at = st->out_len;
	asm volatile("if %[at] <= %[max] goto +1; %[at] = 0;" : [at] "+r"(at) : [max] "i"(WIRE_OUT - size));
	st->out_len = at;
	return (char *)st->out + at;
}

static __always_inline void out_end(struct task_state *st, const __u32 size)
{
	st->out_len += size;
	st->out_calls++;
	barrier();
	st->out_busy = 0;
}

/*
 * SYNC, and what it calls, when there is a system call at whose end they can be told together. They
 * define nothing that another task could use meanwhile: what does is told at once, so that the order
 * of the stream is that in which things happened.
 */
static __always_inline bool is_small(struct task_state *st, struct frame *f, __u64 t1)
{
	switch (f->hook) {
	case HOOK_IOCTL:
		if (f->a[0] != IOCTL_SYNC || f->a[1] > SMALL_A1_MAX)
			return false;
		break;
	case HOOK_BEGIN_CPU:
	case HOOK_END_CPU:
	case HOOK_OPS_BEGIN_CPU:
	case HOOK_OPS_END_CPU:
		if (f->caller)
			return false;
		break;
	default:
		return false;
	}
	return !f->stack && f->sys && f->sys == st->ctx.sys && st->sys_active && !st->out_busy &&
	       t1 - f->t0 <= 0xffffffff;
}

static __always_inline void emit_small(struct task_state *st, struct frame *f, __u64 t1, __s64 ret)
{
	struct wire_small *w = out_begin(st, sizeof(*w));

	w->kind = WIRE_SMALL;
	w->hook = f->hook;
	w->depth_a1 = f->depth << 4 | (f->a[1] & 15);
	w->flags = f->flags;
	w->cpu = f->cpu;
	w->t0 = f->t0;
	w->buf = f->buf;
	w->dur = t1 - f->t0;
	w->tid = st->tid;
	w->seq = f->seq;
	w->sys = f->sys;
	w->a0 = f->a[0];
	w->ret = ret;
	out_end(st, sizeof(*w));
}

static __always_inline int emit_call(struct task_state *st, struct frame *f, __u64 t1, __s64 ret)
{
	struct wire_call *w;

	if (is_small(st, f, t1)) {
		emit_small(st, f, t1, ret);
		return 0;
	}
	if (st->out_len)
		flush_out(st->task);
	tell_losses();
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w) {
		count_loss(LOSS_RING);
		return 0;
	}
	w->kind = WIRE_CALL;
	w->hook = f->hook;
	w->flags = f->flags;
	w->depth = f->depth;
	w->t0 = f->t0;
	w->t1 = t1;
	w->tid = st->tid;
	w->seq = f->seq;
	w->sys = f->sys;
	w->cpu = f->cpu;
	w->stack = f->stack;
	w->buf = f->buf;
	w->att = f->att;
	w->sgt = f->sgt;
	w->a[0] = f->a[0];
	w->a[1] = f->a[1];
	w->a[2] = f->a[2];
	w->ret = ret;
	w->caller = f->caller;
	bpf_ringbuf_submit(w, wake_flags());
	return 0;
}

/* False: it is not a small one. */
static __always_inline bool emit_small_sys(struct task_state *st, __u64 t1, __s64 ret)
{
	const struct wire_sys *c = &st->ctx;
	struct wire_small_sys *w;

	if (!c->buf || c->mode || t1 - c->t0 > 0xffffffff || ret != (__s32)ret || st->out_busy)
		return false;
	w = out_begin(st, sizeof(*w));
	w->kind = WIRE_SMALL_SYS;
	w->flags = c->flags;
	w->tid = c->tid;
	w->sys = c->sys;
	w->nr = c->nr;
	w->t0 = c->t0;
	w->buf = c->buf;
	w->a[0] = c->a[0];
	w->a[1] = c->a[1];
	w->a[2] = c->a[2];
	w->dur = t1 - c->t0;
	w->fd = c->fd;
	w->ret = ret;
	w->pad = 0;
	out_end(st, sizeof(*w));
	return true;
}

__noinline int emit_sys(__u64 task, __u32 flags, __u64 t1, __s64 ret)
{
	struct task_state *st = find_task(task);
	struct wire_sys *w;

	if (!st)
		return 0;
	st->sys_active = 0;
	if (!st->ctx.recorded) /* none of its calls passed the filters */
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w) {
		count_loss(LOSS_RING);
		return 0;
	}
	__builtin_memcpy(w, &st->ctx, sizeof(*w));
	w->flags |= flags;
	w->t1 = t1;
	w->ret = ret;
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	return 0;
}

/* A system call returns. */
__noinline int end_sys(__u64 task, __u64 t1, __s64 ret)
{
	struct task_state *st = find_task(task);

	if (!st)
		return 0;
	if (st->out_len) {
		if (st->ctx.recorded && emit_small_sys(st, t1, ret)) {
			st->sys_active = 0;
			return flush_out(task);
		}
		flush_out(task);
	}
	return emit_sys(task, 0, t1, ret);
}

static __always_inline void note_recorded(struct task_state *st, __u32 sys)
{
	if (sys && sys == st->ctx.sys)
		st->ctx.recorded = 1;
}

/* Frames above `depth` whose return did not come: their calls happened, their end is unknown. */
__noinline int drop_frames(__u64 task, __u32 depth)
{
	struct task_state *st = find_task(task);

	if (!st)
		return 0;
	for (int i = WIRE_DEPTH - 1; i >= 0; i--) {
		struct frame *f = frame_at(st, i);

		if (i >= st->depth || i < depth)
			continue;
		count_loss(LOSS_RETURN);
		if (f->record) {
			f->flags |= WIRE_F_MISSED;
			note_recorded(st, f->sys);
			emit_call(st, f, f->t0, 0);
		}
	}
	if (st->depth > depth)
		st->depth = depth;
	return 0;
}

/* The last that is known of n calls that are held: that one began, or returned. */
static __always_inline __u64 sync_last(const struct task_state *st, __u32 n)
{
	__u64 t = st->sync[0].t0;

	for (int i = 0; i < SYNC_CALLS; i++) {
		const struct sync_frame *s = &st->sync[i];

		if (i < n && s->t0 > t)
			t = s->t0;
		if (i < n && i >= st->depth && s->t1 > t)
			t = s->t1;
	}
	return t;
}

/* What sync_begins() and its like hold, as all other code knows it: frames and small records. */
__noinline int unfold(__u64 task)
{
	struct task_state *st = find_task(task);
	__u32 n;

	if (!st)
		return 0;
	n = st->nsync;
	st->nsync = 0;
	st->ctx.fd = (__s32)st->ctx.a[0];
	st->ctx.t1 = sync_last(st, n);
	for (int i = SYNC_CALLS - 1; i >= 0; i--) {
		struct frame *f = frame_at(st, i);
		struct sync_frame *s;
		__u64 at = i;

		/* in assembler as in frame_at() */
		asm volatile("if %[at] <= %[max] goto +1; %[at] = %[max];" : [at] "+r"(at)
			     : [max] "i"(SYNC_CALLS - 1));
		s = &st->sync[at];
		if (i >= n)
			continue;
		count_hit(s->hook);
		__builtin_memset(f, 0, sizeof(*f));
		f->t0 = s->t0;
		f->sp = st->sync_sp[at];
		f->bufp = st->sync_bufp;
		f->buf = st->ctx.buf;
		f->a[0] = i ? s->a0 : IOCTL_SYNC;
		f->a[1] = i ? 0 : st->sync_a1;
		f->obj = i ? 0 : st->ctx.a[2];
		f->seq = s->seq;
		f->sys = st->ctx.sys;
		f->cpu = s->cpu;
		f->hook = s->hook;
		f->depth = i;
		f->record = 1;
		f->ret = RET_INT;
		f->told = TOLD_BUF;
		if (i >= st->depth)
			emit_call(st, f, s->t1, (__s32)s->ret);
	}
	return 0;
}

/* ---- the syscall context: the application's arrow --------------------------------------- */

/* bpf_get_current_task_btf() and bpf_task_pt_regs(): 5.15 (dd6e10fbd9fb), and they need the kernel's
 * BTF. */
static __always_inline bool has_task_btf(void)
{
	return !cfg.no_btf && bpf_core_enum_value_exists(enum bpf_func_id___probe,
							 BPF_FUNC_task_pt_regs___probe);
}

/* of the running task */
static __always_inline __u32 task_flags(__u64 task)
{
	return has_task_btf() ? ((struct task_struct *)bpf_get_current_task_btf())->flags :
				RD(task_struct, task, flags);
}

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 0x2 /* arch/x86/include/asm/thread_info.h */
struct pt_regs___task {
	unsigned long bx, cx, di, si, dx, r10, r8, r9, ax, orig_ax;
} __attribute__((preserve_access_index));

/* Where the verifier knows what the pointers are, a field costs one instruction. */
static __always_inline void load_regs(struct wire_sys *c, struct task_struct *t,
				      struct pt_regs___task *r)
{
	c->nr = (__s32)r->orig_ax;
	c->ret = r->ax;
	c->a[0] = r->di;
	c->a[1] = r->si;
	c->a[2] = r->dx;
	c->a[3] = r->r10;
	c->a[4] = r->r8;
	if (t->thread_info.status & TS_COMPAT) {
		/* i386: bx cx dx si di bp */
		c->flags |= WIRE_SYS_COMPAT;
		c->a[0] = r->bx;
		c->a[1] = r->cx;
		c->a[2] = r->dx;
		c->a[3] = r->si;
		c->a[4] = r->di;
	}
}

static __always_inline void read_regs(struct wire_sys *c, __u64 task, __u64 regs)
{
	if (has_task_btf()) {
		struct task_struct *t = bpf_get_current_task_btf();

		load_regs(c, t, (void *)bpf_task_pt_regs(t));
		return;
	}
	c->nr = (__s32)RD(pt_regs___task, regs, orig_ax);
	c->ret = RD(pt_regs___task, regs, ax);
	if (RD(task_struct, task, thread_info.status) & TS_COMPAT) {
		struct pt_regs *full = (struct pt_regs *)regs;

		/* i386: bx cx dx si di bp */
		c->flags |= WIRE_SYS_COMPAT;
		bpf_probe_read_kernel(&c->a[0], 8, &full->bx);
		bpf_probe_read_kernel(&c->a[1], 8, &full->cx);
		bpf_probe_read_kernel(&c->a[2], 8, &full->dx);
		bpf_probe_read_kernel(&c->a[3], 8, &full->si);
		bpf_probe_read_kernel(&c->a[4], 8, &full->di);
		return;
	}
	c->a[0] = RD(pt_regs___task, regs, di);
	c->a[1] = RD(pt_regs___task, regs, si);
	c->a[2] = RD(pt_regs___task, regs, dx);
	c->a[3] = RD(pt_regs___task, regs, r10);
	c->a[4] = RD(pt_regs___task, regs, r8);
}
#elif defined(__TARGET_ARCH_arm)
#define REG_NR	   7
#define REG_ORIG_0 17

static __always_inline void read_regs(struct wire_sys *c, __u64 task, __u64 regs)
{
	const struct pt_regs *r = (const struct pt_regs *)regs;
	__u32 orig = 0, v = 0;

	/* entered by a fault or an interrupt: usr_entry puts -1 there (arch/arm/kernel/entry-armv.S) */
	bpf_probe_read_kernel(&orig, 4, &r->uregs[REG_ORIG_0]);
	bpf_probe_read_kernel(&v, 4, &r->uregs[REG_NR]);
	c->nr = orig == (__u32)-1 ? -1 : (__s32)v;
	c->a[0] = orig;
	bpf_probe_read_kernel(&v, 4, &r->uregs[0]);
	c->ret = (__s32)v;
	for (int i = 1; i < 5; i++) {
		bpf_probe_read_kernel(&v, 4, &r->uregs[i]);
		c->a[i] = v;
	}
}
#else
#define TIF_32BIT 22 /* arch/arm64/include/asm/thread_info.h */
struct pt_regs___task {
	unsigned long orig_x0;
	__s32 syscallno;
} __attribute__((preserve_access_index));

static __always_inline void read_regs(struct wire_sys *c, __u64 task, __u64 regs)
{
	struct pt_regs *full = (struct pt_regs *)regs;

	c->nr = (__s32)RD(pt_regs___task, regs, syscallno);
	bpf_probe_read_kernel(c->a, 5 * sizeof(c->a[0]), full->regs);
	c->ret = c->a[0];
	c->a[0] = RD(pt_regs___task, regs, orig_x0);
	if (RD(task_struct, task, thread_info.flags) & (1UL << TIF_32BIT))
		c->flags |= WIRE_SYS_COMPAT;
}
#endif

/*
 * Where the registers of the system call are. Without bpf_task_pt_regs() it is what that helper
 * does: the frame is at the end of the stack, which has a fixed size, or whose size was found by
 * calibration.
 */
static __always_inline __u64 user_regs(__u64 task)
{
	__u64 stack;

	if (cfg.no_btf) {
		stack = RD(task_struct, task, stack);
		return stack && cfg.regs ? stack + cfg.regs : 0;
	}
	if (has_task_btf())
		return (__u64)bpf_task_pt_regs((void *)bpf_get_current_task_btf());
	stack = RD(task_struct, task, stack);
	return stack ? stack + STACK_SIZE - bpf_core_type_size(struct pt_regs___size) : 0;
}

/* Which argument of the call is a file descriptor that the call was made on. */
static __always_inline __s32 sys_fd(const struct wire_sys *c)
{
	if (c->flags & WIRE_SYS_COMPAT)
		return c->nr == NR32_ioctl || c->nr == NR32_close ? (__s32)c->a[0] : -1;
	switch (c->nr) {
	case NR_mmap:
		return (__s32)c->a[4];
	case NR_ioctl:
	case NR_close:
	case NR_dup:
	case NR_dup2:
	case NR_dup3:
	case NR_fcntl:
	case NR_lseek:
	case NR_sendmsg:
	case NR_recvmsg:
		return (__s32)c->a[0];
	}
	return -1;
}

static __always_inline bool sys_is_close(const struct wire_sys *c)
{
	return c->nr == (c->flags & WIRE_SYS_COMPAT ? NR32_close : NR_close);
}

static __always_inline bool sys_is_exit(const struct wire_sys *c)
{
	if (c->flags & WIRE_SYS_COMPAT)
		return c->nr == NR32_exit || c->nr == NR32_exit_group ||
		       c->nr == NR32_arm_exit_group;
	return c->nr == NR_exit || c->nr == NR_exit_group;
}

static __always_inline __u64 fd_file(__u64 task, __s32 fd)
{
	__u64 fdt = RD(files_struct, RD(task_struct, task, files), fdt), file = 0;

	if (fd < 0 || (__u32)fd >= (__u32)RD(fdtable, fdt, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, KPTR, (void *)(RD(fdtable, fdt, fd) + (__u64)fd * KPTR));
	return file;
}

static __always_inline struct object *find_buf(__u64 p, __u32 exported)
{
	struct object *o;

	if (!p || is_err(p))
		return NULL;
	o = bpf_map_lookup_elem(&bufs, &p);
	if (!o) {
		if (new_buf(p, exported))
			count_loss(LOSS_OBJECTS);
		o = bpf_map_lookup_elem(&bufs, &p);
	}
	if (o && cfg.by_buf && !(o->selected & SEL_CHECKED))
		match_buf(p);
	return o;
}

/* Does a call on buffer object o (may be NULL: not known yet) by this task pass the filters? */
static __always_inline bool passes(struct task_state *st, struct object *o)
{
	if (cfg.by_task) {
		if (st->selected) {
			if (o && !(o->selected & SEL_TASK)) {
				o->selected |= SEL_TASK;
				deaths++;
			}
		} else if (!o || !(o->selected & SEL_TASK)) {
			return false;
		}
	}
	if (cfg.by_buf && (!o || !(o->selected & SEL_BUF)))
		return false;
	return !cfg.by_device || (o && o->selected & SEL_DEVICE);
}

/*
 * What the descriptor of a syscall that has just begun is: a dma-buf (by its token) or a device.
 * Called beside begin_sys() and not by it: the stack of all frames has 512 bytes, and
 * tests/cli/test_stack.sh wants some of them left.
 */
__noinline int describe_fd(__u64 task)
{
	struct task_state *st = find_task(task);
	struct object *o;
	__u64 p, inode, file;

	if (!st)
		return 0;
	file = fd_file(task, st->ctx.fd);
	if (!file)
		return 0;
	if (is_dmabuf(file)) {
		p = RD(file, file, private_data);
		o = bpf_map_lookup_elem(&bufs, &p);
		if (!o) { /* not find_buf(): too deep here; a call on it will look at it */
			if (new_buf(p, 0))
				count_loss(LOSS_OBJECTS);
			o = bpf_map_lookup_elem(&bufs, &p);
		}
		if (o && passes(st, o)) {
			st->ctx.buf = o->token;
			if (o->announced != 1)
				announce_buf(p, bpf_ktime_get_ns());
		}
		return 0;
	}
	inode = RD(file, file, f_inode);
	st->ctx.mode = RD(inode, inode, i_mode);
	if ((st->ctx.mode & S_IFMT) == S_IFCHR || (st->ctx.mode & S_IFMT) == S_IFBLK) {
		st->ctx.rdev = RD(inode, inode, i_rdev);
		announce_dev(st->ctx.rdev, st->ctx.mode, RD(file, file, f_op));
	}
	return 0;
}

/*
 * First call of a task that is not inside a known context. The syscall's entry is not probed (it
 * would cost every syscall of the machine); its registers are still on the stack.
 *
 * `deferred`: a final release that runs as task work, after the exit tracepoint of the syscall that
 * dropped the last reference. It belongs to that syscall, which is the last one that we knew or,
 * when that one differs, one that never called us before (munmap).
 */
__noinline int begin_sys(__u64 task, __u32 deferred, __u64 t0)
{
	struct task_state *st = find_task(task);
	struct wire_sys *c;
	__u64 a0, a1, regs;
	__u32 flags;
	__s32 nr;

	if (!st)
		return 0;
	flags = task_flags(task);
	if (flags & PF_IO_WORKER)
		return 0;
	regs = user_regs(task);
	if (!regs)
		return 0;
	/* built in place: programs and what they call have 512 bytes of stack together */
	c = &st->ctx;
	st->sync_ctx = 0;
	nr = c->nr;
	a0 = c->a[0];
	a1 = c->a[1];
	c->flags = 0;
	c->recorded = 0;
	c->buf = 0;
	c->mode = 0;
	c->rdev = 0;
	read_regs(c, task, regs);
	if (c->nr < 0) /* entered by an interrupt or a fault */
		return 0;
	if (flags & PF_EXITING && !sys_is_exit(c)) /* killed: the registers are of an older call */
		return 0;
	if (deferred && st->sys && c->nr == nr && c->a[0] == a0 && c->a[1] == a1)
		return st->sys;
	c->sys = ++st->sys;
	c->t0 = t0;
	c->fd = sys_fd(c);
	if (deferred) {
		/* Its return value is in the registers already. */
		c->recorded = 1;
		emit_sys(task, 0, c->t0, c->ret);
		return c->sys;
	}
	st->sys_active = 1;
	return c->sys;
}

/* ---- entry and return of a hook ----------------------------------------------------------- */

/* Functions that jump to another hooked one as their last act share its stack pointer. */
static __always_inline bool same_sp_nests(__u32 outer, __u32 inner)
{
	return (outer == HOOK_ATTACH && inner == HOOK_DYNAMIC_ATTACH) ||
	       (outer == HOOK_FD_INSTALL_API && inner == HOOK_FD_INSTALL) || /* 7.2, amd64 */
	       (outer == HOOK_MMAP_FILE && inner >= HOOK_OPS_ATTACH) ||
	       (outer == HOOK_MMAP && inner >= HOOK_OPS_ATTACH) ||
	       (outer == HOOK_END_CPU && inner >= HOOK_OPS_ATTACH) ||
	       (outer < HOOK_IOCTL && inner >= HOOK_OPS_ATTACH) ||
	       (outer == HOOK_IOCTL && inner != HOOK_IOCTL);
}

static __always_inline void forget_buf(__u64 p)
{
	bpf_map_delete_elem(&bufs, &p);
	deaths++;
}

static __always_inline struct object *find_att(__u64 p, __u32 attached)
{
	struct object *o;

	if (!p || is_err(p))
		return NULL;
	o = bpf_map_lookup_elem(&atts, &p);
	if (o)
		return o;
	new_att(p, attached);
	return bpf_map_lookup_elem(&atts, &p);
}

/* The buffer of a frame, where it is the one that the caller's call or this task's call before had:
 * then nothing has to be looked up. Else false. */
static __always_inline bool resolve_again(struct task_state *st, struct frame *f, struct frame *up,
					  bool nested)
{
	if (nested && up->bufp == f->bufp && up->told & TOLD_BUF)
		f->buf = up->buf;
	else if (f->bufp && st->seen_bufp == f->bufp && st->seen_at == deaths)
		f->buf = st->seen_buf;
	else
		return false;
	f->told |= TOLD_BUF;
	f->record = 1;
	return true;
}

static __always_inline void resolve_att(struct frame *f, struct frame *up, bool nested)
{
	struct object *o;

	/* The caller's frame first: it may be freeing the object, see the head of this file. */
	if (nested && up->attp == f->attp && up->att) {
		f->att = up->att;
		f->told |= up->told & TOLD_ATT;
		return;
	}
	if (f->hook == HOOK_OPS_ATTACH) /* it is new: a reused address whose end we missed, or that never lived */
		bpf_map_delete_elem(&atts, &f->attp);
	o = find_att(f->attp, f->hook == HOOK_OPS_ATTACH);
	if (o)
		f->att = o->token;
}

/* Fills the buffer and the attachment of a frame from its pointers, and says whether it passes. */
static __always_inline void resolve(struct task_state *st, struct frame *f)
{
	struct object *bo = NULL;
	__u32 d = f->depth;
	struct frame *up = frame_at(st, d - 1);
	bool nested = d > 0 && d <= WIRE_DEPTH && !st->nsync;
	__u32 now = *(volatile __u32 *)&deaths;

	if (f->attp)
		resolve_att(f, up, nested);
	if (resolve_again(st, f, up, nested))
		return;
	if (f->bufp) {
		bo = bpf_map_lookup_elem(&bufs, &f->bufp);
		if (bo && cfg.by_buf && !(bo->selected & SEL_CHECKED))
			match_buf(f->bufp);
		if (nested && up->bufp == f->bufp && up->buf) {
			f->buf = up->buf;
		} else {
			if (!bo)
				bo = find_buf(f->bufp, 0);
			if (bo)
				f->buf = bo->token;
		}
	}
	if (f->hook == HOOK_EXPORT || f->hook == HOOK_GET)
		f->record = !cfg.by_task || st->selected;
	else if (!bo && nested && up->bufp == f->bufp)
		f->record = up->record; /* the caller's call is releasing the buffer */
	else
		f->record = passes(st, bo);
	if (bo && !f->record) {
		st->not_bufp = f->bufp;
		st->not_at = now;
	}
}

static __always_inline void announce_objects(struct task_state *st, struct frame *f)
{
	struct object *o;
	__u32 now;

	if (f->bufp && !(f->told & TOLD_BUF)) {
		now = *(volatile __u32 *)&deaths;
		o = bpf_map_lookup_elem(&bufs, &f->bufp);
		if (o && o->token == f->buf) {
			if (o->announced != 1) {
				announce_ops(o->ops, buf_exp_name(f->bufp));
				announce_buf(f->bufp, f->t0);
			} else {
				f->told |= TOLD_BUF;
				if (st->announced != TASK_KNOWN)
					return;
				st->seen_bufp = f->bufp;
				st->seen_buf = f->buf;
				st->seen_at = now;
				st->seen_file = 0;
			}
		}
	}
	if (f->attp && !(f->told & TOLD_ATT)) {
		o = bpf_map_lookup_elem(&atts, &f->attp);
		if (o && o->token == f->att) {
			if (o->announced == 1) {
				f->told |= TOLD_ATT;
				return;
			}
			announce_att(f->attp, f->buf);
			/* of an attachment that was there before us; else known since its entry. Not
			 * in announce_att(): a call deeper was too much stack for 6.1 */
			announce_importer(RD(dma_buf_attachment, f->attp, importer_ops));
		}
	}
}

/* What binder said of the descriptor that this task is about to install; 0: nothing. */
__noinline int arrival_key(__u64 task, __u32 fd)
{
	struct arrival *a = bpf_map_lookup_elem(&arrivals, &task);
	__u64 key;

	if (!a || a->fd != fd)
		return 0;
	key = a->key;
	bpf_map_delete_elem(&arrivals, &task);
	return key;
}

/* The structure that a system call was given, its first 8 bytes. */
static __always_inline void read_user_flags(struct frame *f)
{
	if (bpf_probe_read_user(&f->a[1], 8, (void *)f->obj)) {
		f->a[1] = ~0ULL;
		f->flags |= WIRE_F_FAULT;
	}
}

/*
 * The flags of SYNC, for nothing: dma_buf_ioctl() takes three directions and two ends from them, and
 * no other bits (5.10 to 7.2), so that what it calls tells them all. What calls nothing, because it
 * fails or has nothing to do, is read at the return.
 */
static __always_inline void sync_flags(struct frame *up, struct frame *f)
{
	__u32 hook = f->hook;

	if (up->hook != HOOK_IOCTL || up->a[0] != IOCTL_SYNC || up->bufp != f->bufp ||
	    up->a[1] != ~0ULL || f->a[0] > 2)
		return;
	/* enum dma_data_direction to DMA_BUF_SYNC_READ 1, _WRITE 2, _END 4 */
	if (hook == HOOK_BEGIN_CPU || hook == HOOK_OPS_BEGIN_CPU)
		up->a[1] = 3 - f->a[0];
	if (hook == HOOK_END_CPU || hook == HOOK_OPS_END_CPU)
		up->a[1] = 4 | (3 - f->a[0]);
}

/* The recorded arguments, and the objects among them. */
static __always_inline void read_args(struct frame *f, __u64 task, const __u32 hook, __u64 a0,
				      __u64 a1, __u64 a2, __u64 a3)
{
	switch (hook_obj(hook)) {
	case OBJ_DMABUF0:
		f->bufp = a0;
		break;
	case OBJ_ATTACH0:
		f->attp = a0;
		f->bufp = RD(dma_buf_attachment, a0, dmabuf);
		break;
	case OBJ_DMABUF0_ATTACH1:
		f->bufp = a0;
		f->attp = a1;
		break;
	case OBJ_FILE0:
		f->bufp = RD(file, a0, private_data);
		break;
	case OBJ_FILE1:
		f->bufp = RD(file, a1, private_data);
		break;
	case OBJ_DENTRY0:
		f->bufp = RD(dentry, a0, d_fsdata);
		break;
	}
	switch (hook) {
	case HOOK_EXPORT:
		f->obj = a0;
		f->a[0] = RD(dma_buf_export_info, a0, size);
		f->a[1] = (__u32)RD(dma_buf_export_info, a0, flags);
		break;
	case HOOK_FD:
	case HOOK_FD_INSTALL_API:
		f->a[0] = (__s64)(__s32)a1;
		break;
	case HOOK_GET:
		f->a[0] = (__s64)(__s32)a0;
		break;
	case HOOK_FD_INSTALL:
		f->a[0] = (__s64)(__s32)a0;
		f->a[1] = (__u32)arrival_key(task, a0);
		f->sgt = RD(task_struct, task, files);
		break;
	case HOOK_DO_DUP2: /* (files, file, fd, flags), 5.10 to 7.2 */
		f->a[0] = (__s64)(__s32)a2;
		f->sgt = a0;
		break;
	case HOOK_FILP_FLUSH:
	case HOOK_FILP_CLOSE:
		f->sgt = a1; /* fl_owner_t: the files_struct, or NULL for a file of the kernel's own */
		break;
	case HOOK_DYNAMIC_ATTACH:
		f->a[0] = a2 != 0;
		break;
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
	case HOOK_BEGIN_CPU:
	case HOOK_END_CPU:
	case HOOK_OPS_MAP:
	case HOOK_OPS_BEGIN_CPU:
	case HOOK_OPS_END_CPU:
		f->a[0] = (__u32)a1;
		break;
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
	case HOOK_OPS_UNMAP:
		f->a[0] = (__u32)a2;
		f->sgt = a1;
		break;
	case HOOK_BEGIN_CPU_PARTIAL:
	case HOOK_END_CPU_PARTIAL:
	case HOOK_OPS_BEGIN_CPU_PARTIAL:
	case HOOK_OPS_END_CPU_PARTIAL:
		f->a[0] = (__u32)a1;
		f->a[1] = (__u32)a2;
		f->a[2] = (__u32)a3;
		break;
	case HOOK_MMAP:
	case HOOK_OPS_MMAP:
	case HOOK_MMAP_FILE:
		f->a[0] = RD(vm_area_struct, a1, vm_end) - RD(vm_area_struct, a1, vm_start);
		f->a[1] = hook == HOOK_MMAP ? a2 : RD(vm_area_struct, a1, vm_pgoff);
		if (hook == HOOK_MMAP_FILE)
			f->a[2] = RD(vm_area_struct, a1, vm_flags) & 0xf;
		if (hook != HOOK_OPS_MMAP)
			f->sgt = a1;
		break;
	case HOOK_KMAP:
	case HOOK_KUNMAP:
		f->a[0] = a1;
		break;
	case HOOK_IOCTL:
		f->a[0] = (__u32)a1;
		f->a[1] = ~0ULL;
		f->obj = a2;
		/* their callees are inlined, the flags are only here; those of SYNC: see sync_flags() */
		if (f->a[0] == IOCTL_EXPORT_SYNC || f->a[0] == IOCTL_IMPORT_SYNC)
			read_user_flags(f);
		break;
	case HOOK_POLL:
		f->obj = a1;
		if (a1)
			f->a[0] = RD(poll_table_struct, a1, _key);
		break;
	}
}

struct dma_buf_poll_cb_t {
	void *poll;
} __attribute__((preserve_access_index));
struct wait_queue {
	int any; /* only the place of one is used */
};
struct dma_buf___poll {
	struct wait_queue poll;
} __attribute__((preserve_access_index));

/* Fence-signal context, often an interrupt: no frame, and the task is a bystander. */
static __always_inline void read_poll_cb(struct frame *f, __u64 cb)
{
	__u64 poll = RD(dma_buf_poll_cb_t, cb, poll);

	f->flags |= WIRE_F_IRQ;
	if (poll && bpf_core_field_exists(struct dma_buf___poll, poll))
		f->bufp = poll - bpf_core_field_offset(struct dma_buf___poll, poll);
}

/* Releases, which may run after the syscall that caused them: see begin_sys(). */
static __always_inline bool is_release(__u32 hook)
{
	return hook == HOOK_FILE_RELEASE || hook == HOOK_RELEASE || hook == HOOK_OPS_RELEASE;
}

static __always_inline bool is_fd_close(__u32 hook)
{
	return hook == HOOK_FILP_FLUSH || hook == HOOK_FILP_CLOSE;
}

/* The descriptor that a syscall closes or replaces, plus 1; 0: it does not say. */
static __always_inline __u64 closed_fdno(const struct wire_sys *c)
{
	if (sys_is_close(c))
		return (__u32)c->a[0] + 1ULL;
	if (!(c->flags & WIRE_SYS_COMPAT) && (c->nr == NR_dup2 || c->nr == NR_dup3))
		return (__u32)c->a[1] + 1ULL;
	return 0;
}

__noinline int count_fds(__u64 table, __s32 n)
{
	__u64 *had = bpf_map_lookup_elem(&fd_tables, &table), first = 1;

	if (!table)
		return 0;
	if (!had)
		return n > 0 ? (int)bpf_map_update_elem(&fd_tables, &table, &first, BPF_ANY) : 0;
	*had += (__s64)n;
	if ((__s64)*had <= 0)
		bpf_map_delete_elem(&fd_tables, &table);
	return 0;
}

/*
 * A frame for a call that begins: the slot above those of the calls in flight, written in place,
 * because what comes out of a map looks the same to the verifier on all the paths that filled it.
 * An interrupt that calls a hook meanwhile uses the slot above. NULL: not to be recorded.
 */
static __always_inline struct frame *open_frame(struct task_state *st, __u64 task, __u32 hook,
						__u16 ret, __u64 sp)
{
	struct frame *f;
	__u32 d = st->depth;

	/* our own calls are no news, but that a buffer ends is */
	if (st->tgid == cfg.self && !is_release(hook))
		return NULL;
	if (st->nsync) {
		/* an interrupt while they are worked on; what it calls does not return to us */
		if (st->filling && ret != RET_NORET) {
			count_loss(LOSS_DEPTH);
			return NULL;
		}
		if (!st->filling)
			unfold(task);
	}
	/* A kprobe frame below us on the stack, or at the same place, has returned without telling. */
	if (sp && d > 0 && d <= WIRE_DEPTH && !st->filling) {
		f = frame_at(st, d - 1);
		if (f->sp && (sp > f->sp || (sp == f->sp && !same_sp_nests(f->hook, hook)))) {
			drop_frames(task, d - 1);
			d = st->depth;
		}
	}
	d += st->filling;
	if (d >= WIRE_DEPTH && ret != RET_NORET) {
		count_loss(LOSS_DEPTH);
		st->depth = d + 1; /* keeps returns paired: see leave() */
		return NULL;
	}
	st->filling++;
	f = frame_at(st, d);
	__builtin_memset(f, 0, sizeof(*f));
	f->hook = hook;
	f->ret = ret;
	f->sp = sp;
	f->depth = d;
	return f;
}

/* Whether the return may let a call pass that did not at its entry. */
static __always_inline bool may_be_recorded(__u32 hook)
{
	return hook == HOOK_EXPORT || hook == HOOK_GET || hook == HOOK_ATTACH ||
	       hook == HOOK_DYNAMIC_ATTACH;
}

static __always_inline bool sys_is_ioctl(const struct wire_sys *c)
{
	return c->nr == (c->flags & WIRE_SYS_COMPAT ? NR32_ioctl : NR_ioctl);
}

/* Which syscall the call belongs to. */
static __always_inline __u32 context(struct task_state *st, struct frame *f, __u64 task)
{
	__u32 sys;

	if (st->flags & PF_KTHREAD || f->hook == HOOK_POLL_CB)
		return 0;
	if (st->sys_active)
		return st->sys;
	if (st->out_len)
		flush_out(task);
	sys = begin_sys(task, is_release(f->hook), f->t0);
	if (!st->sys_active)
		return sys;
	/* Its descriptor is the file of this call. Else it has to be looked at; not that of a close: it
	 * is free by now, maybe taken by another file. */
	if (f->hook == HOOK_IOCTL && sys_is_ioctl(&st->ctx) && !f->depth && f->told & TOLD_BUF)
		st->ctx.buf = f->buf;
	else if (!sys_is_close(&st->ctx))
		describe_fd(task);
	return sys;
}

/* What is known of a close beyond the file. */
static __always_inline void closing(struct task_state *st, struct frame *f)
{
	f->a[0] = f->sys ? closed_fdno(&st->ctx) : 0;
	if (f->sys && sys_is_close(&st->ctx))
		st->ctx.buf = f->buf;
	if (f->record)
		count_fds(f->sgt, -1);
}

/* The part of an entry that is the same for all hooks. `f` has the hook and its arguments. */
static __noinline int enter(struct task_state *st, struct frame *f, __u64 task)
{
	__u32 d, hook;

	if (!st || !f)
		return 0;
	hook = f->hook;
	d = f->depth;
	f->t0 = bpf_ktime_get_ns();
	st->ctx.t1 = f->t0; /* the last that is known of a syscall that never returns */
	f->cpu = bpf_get_smp_processor_id();
	f->seq = ++st->seq;
	if (is_release(hook) || is_fd_close(hook))
		if (task_flags(task) & PF_EXITING)
			f->flags |= WIRE_F_EXITING;
	resolve(st, f);
	if (d > 0 && d <= WIRE_DEPTH && !st->nsync)
		sync_flags(frame_at(st, d - 1), f);
	if (f->record || may_be_recorded(hook))
		f->sys = context(st, f, task);
	if (is_fd_close(hook))
		closing(st, f);
	if (f->record) {
		note_recorded(st, f->sys);
		if (st->announced != TASK_KNOWN)
			announce_task(task);
		announce_objects(st, f);
		if (hook == HOOK_IOCTL && !st->seen_file && st->seen_bufp == f->bufp) {
			st->seen_file = RD(dma_buf, f->bufp, file);
			st->sync_ctx = 0;
		}
		if (hook == HOOK_FD_INSTALL || hook == HOOK_DO_DUP2)
			count_fds(f->sgt, 1);
	}
	if (hook == HOOK_RELEASE)
		forget_buf(f->bufp);
	if (hook == HOOK_DETACH)
		bpf_map_delete_elem(&atts, &f->attp);
	count_hit(hook);
	st->filling--;
	if (f->ret == RET_NORET) {
		st->depth = d - st->filling;
		if (f->record)
			emit_call(st, f, f->t0, 0);
		return 0;
	}
	st->depth = d + 1;
	return 0;
}

#include "hold.h"

static __always_inline __u16 take_stack(void *ctx)
{
	long id = bpf_get_stackid(ctx, &stacks, 0);

	return id < 0 ? 0 : id + 1; /* full, or two stacks of one hash: none rather than a wrong one */
}

/* A pointer that fentry gave, as a number: the verifier lets nothing else be given to a global
 * function. Frames need no such thing, they live in a map. */
static __always_inline __u64 plain(__u64 p)
{
	__u64 n = 0;

	bpf_probe_read_kernel(&n, sizeof(n), &p);
	return n;
}

/* The caller of a function that we are at the begin of: look for the function on our own stack. Not
 * inline: its array would be on the stack below all that on_entry() calls. */
static __noinline __u64 caller_of(void *ctx, __u64 base)
{
	__u64 ip[8] = {};

	if (bpf_get_stack(ctx, ip, sizeof(ip), 0) < 0)
		return 0;
	for (int i = 0; i < 7; i++)
		if (ip[i] - base < 64) /* the call to the trampoline is its first instruction */
			return ip[i + 1];
	return 0;
}

static __always_inline __u64 probed_addr(__u32 hook)
{
	__u64 at = hook;

	/* in assembler as in frame_at(): Clang knows that it is less and drops what the verifier needs */
	asm volatile("%[at] &= %[max];" : [at] "+r"(at) : [max] "i"(HOOK_MAX - 1));
	return cfg.addr[at];
}

static __always_inline bool is_trampoline(__u64 ra)
{
	for (int i = 0; i < WIRE_TRAMPOLINES; i++)
		if (ra && ra == cfg.trampoline[i])
			return true;
	return false;
}

/*
 * The return address that a kprobe finds is another recorder's trampoline when that one has a return
 * probe on the function. The kernel's unwinder knows what it was (seen in 6.12 and 7.2 on amd64);
 * where it does not, the trampoline stays and the collector says that the caller is hidden.
 */
static __always_inline __u64 behind_trampoline(void *ctx, __u32 hook, __u64 ra)
{
	return is_trampoline(ra) ? caller_of(ctx, probed_addr(hook)) ?: ra : ra;
}

#if defined(__TARGET_ARCH_x86)
/* 7.2 on amd64 jumps to a trampoline that has an fexit, and then the function is not on the stack: the
 * trampoline returns to the caller. fentry's context lies in the trampoline's frame: the arguments, the
 * result, a frame pointer, the return address; which must also be on the stack that was walked. */
static __noinline __u64 jumped_from(__u64 *ctx, __u32 nargs)
{
	__u64 ip[8] = {}, ra = 0;

	if (bpf_probe_read_kernel(&ra, sizeof(ra), ctx + (nargs & 7) + 2) ||
	    bpf_get_stack(ctx, ip, sizeof(ip), 0) < 0)
		return 0;
	for (int i = 1; i < 8; i++)
		if (ra && ip[i] == ra)
			return ra;
	return 0;
}
#endif

/*
 * Walking the stack costs 5,000 instructions. The trampoline that calls a fentry program is made once,
 * so the return address is always in the same place behind the program's context: the place where the
 * walks found it. It is trusted after LEARN_TIMES walks that agreed, and where the word before (amd64), or
 * the one before that (arm64), is the address in the function that called the trampoline. It is not in
 * 7.2 on amd64, see jumped_from(): there every caller takes a walk.
 */
#define LEARN_WORDS 9
#define LEARN_TIMES 4

struct caller_place places_of_caller[HOOK_MAX] = {};

static __always_inline struct caller_place *place_of(__u32 hook)
{
	__u64 at = hook;

	/* in assembler as in frame_at() */
	asm volatile("%[at] &= %[max];" : [at] "+r"(at) : [max] "i"(HOOK_MAX - 1));
	return &places_of_caller[at];
}

/* 0: not known there. */
static __noinline __u64 caller_at(__u64 *ctx, const struct caller_place *p, __u64 base, __u32 nargs)
{
	__u64 w[3] = {};
	__u32 at;

	if (!p || p->times < LEARN_TIMES)
		return 0;
	at = p->at & 15;
	if (at < 2 || bpf_probe_read_kernel(w, sizeof(w), ctx + (nargs & 7) + at - 2) ||
	    is_trampoline(w[2]))
		return 0;
	return w[0] - base < 64 || w[1] - base < 64 ? w[2] : 0;
}

static __noinline int learn_place(__u64 *ctx, struct caller_place *p, __u64 ra, __u32 nargs)
{
	__u64 w[LEARN_WORDS] = {};

	if (!p || bpf_probe_read_kernel(w, sizeof(w), ctx + (nargs & 7)))
		return 0;
	for (__u32 i = 2; i < LEARN_WORDS; i++) {
		if (w[i] != ra)
			continue;
		p->times = p->at == i ? p->times + 1 : 1;
		p->at = i;
		return 0;
	}
	p->times = 0;
	return 0;
}

static __always_inline __u64 stack_caller(__u64 *ctx, const __u32 hook, __u32 nargs)
{
	__u64 base = probed_addr(hook), ra;
	struct caller_place *p = place_of(hook);

	if (!base)
		return 0;
	ra = caller_at(ctx, p, base, nargs);
	if (ra)
		return ra;
	ra = caller_of(ctx, base);
#if defined(__TARGET_ARCH_x86)
	if (!ra)
		ra = jumped_from(ctx, nargs);
#endif
	if (ra)
		learn_place(ctx, p, ra, nargs);
	return ra;
}

#if defined(__TARGET_ARCH_x86)
static __always_inline __u64 return_address(struct pt_regs *regs)
{
	__u64 ra = 0;

	bpf_probe_read_kernel(&ra, sizeof(ra), (void *)regs->sp);
	return ra;
}
#elif defined(__TARGET_ARCH_arm)
static __always_inline __u64 return_address(struct pt_regs *regs)
{
	return regs->uregs[14];
}
#else
static __always_inline __u64 return_address(struct pt_regs *regs)
{
	return regs->regs[30];
}
#endif

static __always_inline __u64 kprobe_caller(struct pt_regs *regs, __u32 hook)
{
	return behind_trampoline(regs, hook, return_address(regs));
}

#include "sync.h"

/* `sp`: stack pointer at a kprobe, where `typed` is 0. At fentry it is 0, and `typed` the number of
 * arguments, whose types the verifier knows. */
static __always_inline int on_entry(void *ctx, const __u32 hook, __u64 a0, __u64 a1, __u64 a2,
				    __u64 a3, __u64 sp, const __u32 typed)
{
	__u64 task = current_task();
	struct task_state *st;
	struct frame *f;

	if (is_hot(hook) && enters_fast(task, hook, typed, a0, a1, sp))
		return 0;
	if (!armed)
		return 0;
	/* First of all: these see every open, close and unmapping of the machine. */
	if ((hook == HOOK_FD_INSTALL || hook == HOOK_DO_DUP2) && !is_dmabuf(a1))
		return 0;
	if (is_fd_close(hook) && !is_dmabuf(a0))
		return 0;
	if (hook == HOOK_VM_AREA_FREE || hook == HOOK_VM_AREA_FREE_DIRECT)
		return mapping_ends(task, hook, plain(a0));
	if (hook == HOOK_VM_AREA_DUP)
		return mapping_is_copied(task, plain(a0));
	if (hook == HOOK_SCM_SEND)
		return note_sending(task, plain(a2));
	if (hook == HOOK_RELEASE && !RD(dentry, a0, d_fsdata))
		return 0; /* a failed export: there never was a buffer */
	if (hook == HOOK_EXPORT) /* before the exporter's first callback can run */
		announce_ops(RD(dma_buf_export_info, a0, ops),
			     RD(dma_buf_export_info, a0, exp_name));
	if (hook == HOOK_DYNAMIC_ATTACH) /* before the buffer can move */
		announce_importer(plain(a2));
	st = get_task(task);
	if (!st)
		return 0;
	f = open_frame(st, task, hook, hook_ret(hook), sp);
	if (!f)
		return 0;
	if (hook_kind(hook) == KIND_API && !f->depth) /* only the outermost has one of interest */
		f->caller = typed ? stack_caller(ctx, hook, typed) : kprobe_caller(ctx, hook);
	if (cfg.stacks && !f->depth && hook_kind(hook) < KIND_OPS)
		f->stack = take_stack(ctx);
	if (hook == HOOK_POLL_CB)
		read_poll_cb(f, a1);
	else
		read_args(f, task, hook, a0, a1, a2, a3);
	return enter(st, f, task);
}

/* What came back: an object, an error, a number. */
static __always_inline __s64 read_ret(struct task_state *st, struct frame *f, __u32 hook,
				      __u64 ret)
{
	struct object *o;

	switch (f->ret) {
	case RET_BUF:
		if (is_err(ret))
			return as_long(ret);
		if (hook == HOOK_EXPORT) /* a reused address whose release we missed */
			forget_buf(ret);
		if (hook == HOOK_EXPORT && cfg.no_btf)
			learn(ret, f->obj);
		f->bufp = ret;
		o = find_buf(ret, hook == HOOK_EXPORT);
		if (o)
			f->buf = o->token;
		f->record = passes(st, o);
		return ret ? 0 : -22;
	case RET_ATT:
		if (is_err(ret))
			return as_long(ret);
		f->attp = ret;
		o = bpf_map_lookup_elem(&atts, &ret);
		if (o && o->born < f->t0) /* the same where the exporter has no callback for it */
			bpf_map_delete_elem(&atts, &ret);
		o = find_att(ret, 1);
		if (o)
			f->att = o->token;
		if (cfg.by_device && !f->record) /* it may be the device that is wanted */
			f->record = passes(st, bpf_map_lookup_elem(&bufs, &f->bufp));
		return 0;
	case RET_SGT:
		if (is_err(ret))
			return as_long(ret);
		f->sgt = ret;
		return ret ? RD(sg_table, ret, nents) : 0;
	case RET_PTR:
		return is_err(ret) ? as_long(ret) : ret != 0;
	case RET_INT:
	case RET_FD:
		if (hook == HOOK_ATTACH_REVOCABLE) /* a bool: the rest of the register is anything */
			return ret & 1;
		/* vmap of 5.10 returns the address, later ones (6619ccf1bb1d) an error: no part of an
		 * address may get into a trace. Without BTF it is not known which it is, and the NULL of
		 * a failure is taken for a success. */
		if ((hook == HOOK_VMAP || hook == HOOK_OPS_VMAP) && cfg.vmap_address) {
			if (!ret)
				f->flags |= WIRE_F_NULL;
			return 0;
		}
		if ((hook == HOOK_VMAP || hook == HOOK_OPS_VMAP) && !is_err((__s64)(__s32)ret))
			return 0;
		return (__s64)(__s32)ret;
	case RET_MASK:
		return (__u32)ret;
	}
	return 0;
}

__noinline int name_was_set(__u64 p, __u64 token, __u64 t)
{
	struct wire_named *w;

	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w) {
		count_loss(LOSS_RING);
		return 0;
	}
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_NAMED;
	w->t = t;
	w->buf = token;
	read_str(w->name, buf_name(p));
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	return 0;
}

static __noinline int leave(__u32 hook, __u64 ret)
{
	__u64 task = current_task(), t1;
	struct task_state *st;
	struct frame *f;
	__s64 r;
	__u32 d;

	st = find_task(task);

	/* Not armed any more: what is in flight stays so, and the collector tells it as open. */
	if (!armed || !st)
		return 0;
	d = st->depth;
	if (!d)
		return 0; /* was entered before we were armed, or is not to be recorded */
	t1 = bpf_ktime_get_ns();
	if (st->nsync && st->filling)
		return 0;
	if (st->nsync)
		unfold(task);
	if (d > WIRE_DEPTH) {
		st->depth = d - 1;
		return 0;
	}
	f = frame_at(st, d - 1);
	if (f->hook != hook) {
		/* Returns between were missed, or our own entry was. */
		for (int i = WIRE_DEPTH - 1; i >= 0; i--) {
			if (i >= d || frame_at(st, i)->hook != hook)
				continue;
			drop_frames(task, i + 1);
			break;
		}
		d = st->depth;
		if (!d || d > WIRE_DEPTH)
			return 0;
		f = frame_at(st, d - 1);
		if (f->hook != hook)
			return 0;
	}
	st->depth = d - 1;
	st->ctx.t1 = t1;
	r = read_ret(st, f, hook, ret);
	if ((hook == HOOK_MMAP_FILE || hook == HOOK_MMAP) && !r && f->buf)
		mapping_begins(f);
	if (!f->record)
		return 0;
	note_recorded(st, f->sys);
	if (st->announced != TASK_KNOWN)
		announce_task(task);
	announce_objects(st, f);
	if (hook == HOOK_IOCTL) {
		if (f->a[0] == IOCTL_SYNC && f->a[1] == ~0ULL)
			read_user_flags(f);
		if (f->a[0] == IOCTL_EXPORT_SYNC && !r)
			bpf_probe_read_user(&f->a[1], 8, (void *)f->obj);
		if ((f->a[0] & ~IOCTL_SIZE_MASK) == (IOCTL_SET_NAME & ~IOCTL_SIZE_MASK) && !r)
			name_was_set(f->bufp, f->buf, f->t0);
	}
	if (hook == HOOK_SET_NAME && !r && !f->depth)
		name_was_set(f->bufp, f->buf, f->t0);
	return emit_call(st, f, t1, r);
}

static __always_inline int on_return(__u32 hook, __u64 ret)
{
	/* not on arm: the layout is not known there (src/live/layout.h), and the stack would not do */
	if (KPTR == 8 && hook == HOOK_SCM_SEND)
		return descriptors_sent(current_task(), (__s32)ret);
	if (hook == HOOK_VM_AREA_DUP)
		return mapping_was_copied(current_task(), ret);
	if (is_sync(hook) && leaves_fast(hook, ret))
		return 0;
	return leave(hook, ret);
}

/* ---- the programs ------------------------------------------------------------------------- */

/* The verifier types a returned pointer, and then forbids to treat it as the number that it is when
 * it is an error: read it as plain memory. */
static __always_inline __u64 fexit_ret(const __u32 hook, __u64 *ctx, int n)
{
	__u64 ret = 0;

	if (hook == HOOK_VM_AREA_DUP) {
		bpf_probe_read_kernel(&ret, sizeof(ret), &ctx[n]);
		return ret;
	}
	switch (hook_ret(hook)) {
	case RET_VOID:
		return 0;
	case RET_BUF:
	case RET_ATT:
	case RET_SGT:
	case RET_PTR:
		bpf_probe_read_kernel(&ret, sizeof(ret), &ctx[n]);
		return ret;
	}
	return ctx[n];
}

/* fentry's context: the arguments, and for fexit the result behind them. */
#define FARG(ctx, n, count) ((n) < (count) ? (ctx)[n] : 0)

/* What a kprobe's own program does where it gets no cookie: verifying 80 of these takes no time.
 * Kprobes' programs do not interrupt one another on a CPU. */
static __always_inline int handle(struct pt_regs *ctx, __u32 hook, __u32 is_return)
{
	__u32 zero = 0, *h = bpf_map_lookup_elem(&hooked, &zero);

	if (!h)
		return 0;
	*h = hook;
	bpf_tail_call(ctx, &handlers, is_return);
	return 0;
}

#define PROGS(ENUM, nargs)                                                                         \
	SEC("?kprobe") int k_##ENUM(struct pt_regs *ctx)                                           \
	{                                                                                          \
		return handle(ctx, HOOK_##ENUM, 0);                                                \
	}                                                                                          \
	SEC("?kretprobe") int kr_##ENUM(struct pt_regs *ctx)                                       \
	{                                                                                          \
		return handle(ctx, HOOK_##ENUM, 1);                                                \
	}                                                                                          \
	PROGS_F_##nargs(ENUM)

#define PROGS_F(ENUM, n)                                                                           \
	SEC("?fentry") int f_##ENUM(__u64 *ctx)                                                    \
	{                                                                                          \
		return on_entry(ctx, HOOK_##ENUM, FARG(ctx, 0, n), FARG(ctx, 1, n),                \
				FARG(ctx, 2, n), FARG(ctx, 3, n), 0, n);                           \
	}                                                                                          \
	SEC("?fexit") int fr_##ENUM(__u64 *ctx)                                                    \
	{                                                                                          \
		return on_return(HOOK_##ENUM, fexit_ret(HOOK_##ENUM, ctx, n));                 \
	}

#define PROGS_F_1(ENUM) PROGS_F(ENUM, 1)
#define PROGS_F_2(ENUM) PROGS_F(ENUM, 2)
#define PROGS_F_3(ENUM) PROGS_F(ENUM, 3)
#define PROGS_F_4(ENUM) PROGS_F(ENUM, 4)
#define PROGS_F_0(ENUM)

WIRE_PROGS(PROGS)

/* Callbacks that are called often: loaded for the function that calls them, and again for each
 * function that is one of them (src/live/callback.c). */
#define CALLBACK(ENUM, n)                                                                          \
	SEC("?callback_entry") int f_##ENUM(__u64 *ctx)                                            \
	{                                                                                          \
		return on_entry(ctx, HOOK_##ENUM, FARG(ctx, 0, n), FARG(ctx, 1, n),                \
				FARG(ctx, 2, n), FARG(ctx, 3, n), 0, n);                           \
	}                                                                                          \
	SEC("?callback_return") int fr_##ENUM(__u64 *ctx)                                          \
	{                                                                                          \
		return on_return(HOOK_##ENUM, fexit_ret(HOOK_##ENUM, ctx, n));                     \
	}

CALLBACK(OPS_BEGIN_CPU, 2)
CALLBACK(OPS_END_CPU, 2)

static __always_inline int any_entry(struct pt_regs *ctx, const __u32 hook)
{
	return on_entry(ctx, hook, REG_ARG(ctx, 0), REG_ARG(ctx, 1), REG_ARG(ctx, 2),
			REG_ARG(ctx, 3), REG_SP(ctx), 0);
}

/* One pair of programs for every kprobe, where the kernel gives a program the cookie of its probe
 * (5.15, 7adfc6c9b315). */
SEC("?kprobe") int k_any(struct pt_regs *ctx)
{
	return any_entry(ctx, bpf_get_attach_cookie(ctx));
}

SEC("?kretprobe") int kr_any(struct pt_regs *ctx)
{
	return on_return(bpf_get_attach_cookie(ctx), REG_RET(ctx));
}

/* And a pair for each of those that are called most: what the hook is, is known. */
#define HOT(ENUM)                                                                                  \
	SEC("?kprobe") int h_##ENUM(struct pt_regs *ctx)                                           \
	{                                                                                          \
		return any_entry(ctx, HOOK_##ENUM);                                                \
	}                                                                                          \
	SEC("?kretprobe") int hr_##ENUM(struct pt_regs *ctx)                                       \
	{                                                                                          \
		return on_return(HOOK_##ENUM, REG_RET(ctx));                                       \
	}

HOT(IOCTL)
HOT(BEGIN_CPU)
HOT(END_CPU)
HOT(OPS_BEGIN_CPU)
HOT(OPS_END_CPU)

/* The same on top of fprobe (5.18, 0dcac2725406; CONFIG_FPROBE): one link for all functions. The
 * registers are those of a kprobe at the function's first byte, stack pointer included. */
SEC("?kprobe.multi") int m_any(struct pt_regs *ctx)
{
	return any_entry(ctx, bpf_get_attach_cookie(ctx));
}

SEC("?kretprobe.multi") int mr_any(struct pt_regs *ctx)
{
	return on_return(bpf_get_attach_cookie(ctx), REG_RET(ctx));
}

/* Where there are no cookies: the handlers that k_NAME and kr_NAME jump to. */
SEC("?kprobe") int k_hooked(struct pt_regs *ctx)
{
	__u32 zero = 0, *h = bpf_map_lookup_elem(&hooked, &zero);

	return h ? any_entry(ctx, *h) : 0;
}

SEC("?kretprobe") int kr_hooked(struct pt_regs *ctx)
{
	__u32 zero = 0, *h = bpf_map_lookup_elem(&hooked, &zero);

	return h ? on_return(*h, REG_RET(ctx)) : 0;
}

/* End of every syscall of the machine: must be cheap for tasks that never touched a dma-buf. */
SEC("?raw_tp/sys_exit") int tp_sys_exit(__u64 *ctx)
{
	__u64 task = current_task();
	struct task_state *st = find_task(task);

	if (!st || !st->sys_active || !armed)
		return 0;
	if (st->nsync) {
		if (sync_ends(st, ctx[1]))
			return 0;
		unfold(task);
	}
	if (st->depth)
		drop_frames(task, 0);
	return end_sys(task, bpf_ktime_get_ns(), as_long(ctx[1]));
}

/* The last moment of a task_struct; its address may be another task's afterwards. */
SEC("?raw_tp/sched_process_free") int tp_process_free(__u64 *ctx)
{
	__u64 task = ctx[0];
	struct task_state *st = find_task(task);

	if (!st || !armed)
		return 0;
	if (st->nsync)
		unfold(task);
	if (st->depth)
		drop_frames(task, 0);
	flush_out(task);
	if (st->sys_active) /* exit() does not return */
		emit_sys(task, WIRE_SYS_MISSED, st->ctx.t1, 0);
	return forget_task(task);
}

/* -p PID and the traced command: their children are recorded too. */
SEC("?raw_tp/sched_process_fork") int tp_fork(__u64 *ctx)
{
	__u32 parent = RD(task_struct, ctx[0], tgid);
	__u32 child = RD(task_struct, ctx[1], tgid);
	__u32 one = 1;

	if (parent != child && bpf_map_lookup_elem(&pids, &parent))
		bpf_map_update_elem(&pids, &child, &one, BPF_ANY);
	if (armed)
		on_fork(ctx[0], ctx[1]);
	return 0;
}

/* A new name; and with --comm maybe a new verdict. */
SEC("?raw_tp/sched_process_exec") int tp_exec(__u64 *ctx)
{
	__u64 task = current_task();
	struct task_state *st = find_task(task);

	if (st && st->announced == TASK_KNOWN)
		st->announced = TASK_RENAMED;
	if (st) {
		st->seen_bufp = st->seen_file = 0;
		st->not_bufp = 1;
	}
	if (st && cfg.by_task)
		st->selected = task_selected(task, st->tgid);
	if (armed)
		on_exec(task);
	return 0;
}

#include "fence.h"
#include "snap.h"

/* Reads an ops table whose address user space knows from kallsyms. Run with BPF_PROG_TEST_RUN,
 * which raw tracepoint programs have since 5.10 (1b4d60ec162f). */
SEC("?raw_tp") int peek_ops(__u64 *ctx)
{
	__u32 zero = 0;
	struct wire_ops *w = bpf_map_lookup_elem(&peeked, &zero);

	if (!w)
		return 0;
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_OPS;
	w->ops = ctx[0];
	read_slots(w, ctx[0]);
	return 0;
}

static __always_inline int tell_module(__u64 mod, __u32 load)
{
	struct wire_module *w;

	if (!armed)
		return 0;
	w = bpf_ringbuf_reserve(&ring, sizeof(*w), 0);
	if (!w)
		return count_loss(LOSS_RING);
	__builtin_memset(w, 0, sizeof(*w));
	w->kind = WIRE_MODULE;
	w->load = load;
	w->t = bpf_ktime_get_ns();
	RD_STR(w->name, module, mod, name);
	/* At once: a new exporter's first buffer may come soon. */
	urgent = 1;
	bpf_ringbuf_submit(w, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* Its text and symbols are there, its initialisation comes next (kernel/module, load_module). */
SEC("?raw_tp/module_load") int tp_module_load(__u64 *ctx)
{
	return tell_module(ctx[0], 1);
}

/* Its kprobes died when it began to go (kprobes_module_callback); its memory goes now. */
SEC("?raw_tp/module_free") int tp_module_free(__u64 *ctx)
{
	return tell_module(ctx[0], 0);
}
