/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * core_types.h - the slice of the kernel's types that the probes read.
 *
 * Written by hand instead of a generated vmlinux.h: it documents exactly what
 * dmaseq depends on, and needs no copy per architecture. Offsets here mean nothing;
 * CO-RE takes them from the BTF of the running kernel (preserve_access_index). Only
 * the register frames at the end are real layouts, which are user ABI.
 */
#ifndef DMASEQ_CORE_TYPES_H
#define DMASEQ_CORE_TYPES_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum { false = 0, true = 1 };
#define NULL ((void *)0)

/* include/uapi/linux/bpf.h: the values that we use; user ABI */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2, BPF_RB_AVAIL_DATA = 0 };

/* Used to learn which helpers the kernel has: bpf_task_pt_regs came in 5.15 (dd6e10fbd9fb). */
enum bpf_func_id___probe { BPF_FUNC_get_current_task_btf___probe = 158, BPF_FUNC_task_pt_regs___probe = 175 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct module {
	char name[56];
};

struct file_operations {
	struct module *owner;
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	__u16 i_mode;
	__u32 i_rdev;
	struct super_block *i_sb;
	unsigned long i_ino;	/* u64 since 7.2: read by size */
};

/* atomic_t, atomic_long_t */
struct counter {
	__u64 counter;
};

struct file_ref {
	struct counter refcnt;
};

struct file {
	struct counter f_count;
	struct file_ref f_ref;
	struct inode *f_inode;
	const struct file_operations *f_op;
	void *private_data;
};

struct dentry {
	void *d_fsdata;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct thread_info {
	unsigned long flags;
	__u32 status;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	char comm[16];
	struct files_struct *files;
	void *stack;
};

struct kobject {
	const char *name;
};

struct device_driver {
	const char *name;
};

struct bus_type {
	const char *name;
};

struct device {
	struct kobject kobj;
	const char *init_name;
	const struct bus_type *bus;
	struct device_driver *driver;
};

struct dma_buf_ops {
	void *attach;
	void *detach;
	void *pin;
	void *unpin;
	void *map_dma_buf;
	void *unmap_dma_buf;
	void *release;
	void *begin_cpu_access;
	void *end_cpu_access;
	void *mmap;
	void *vmap;
	void *vunmap;
	/* Android common kernels only */
	void *begin_cpu_access_partial;
	void *end_cpu_access_partial;
};

struct dma_buf_attach_ops {
	void *move_notify;	/* until 6.x */
	void *invalidate_mappings; /* since 7.x */
};

struct dma_buf {
	__u64 size;		/* size_t: read by size */
	struct file *file;
	const struct dma_buf_ops *ops;
	const char *exp_name;
	const char *name;
	struct module *owner;
};

struct dma_buf_attachment {
	struct dma_buf *dmabuf;
	struct device *dev;
	const struct dma_buf_attach_ops *importer_ops;
};

struct dma_buf_export_info {
	const char *exp_name;
	struct module *owner;
	const struct dma_buf_ops *ops;
	__u64 size;		/* size_t: read by size */
	int flags;
};

struct sg_table {
	unsigned int nents;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_pgoff;
	unsigned long vm_flags;
	struct file *vm_file;
};

struct scm_fp_list {
	short count;
	struct file *fp[253];
};

struct scm_cookie {
	struct scm_fp_list *fp;
};

struct poll_table_struct {
	unsigned int _key;
};

#pragma clang attribute pop

/* Only its size is of interest. */
struct pt_regs___size {
	unsigned long none;
} __attribute__((preserve_access_index));

/* Register frames. The programs' context is one; its layout is user ABI (asm/ptrace.h). */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#define REG_ARG(r, n)                                                                              \
	((n) == 0 ? (r)->di : (n) == 1 ? (r)->si : (n) == 2 ? (r)->dx : (r)->cx)
#define REG_RET(r)     ((r)->ax)
#define REG_SP(r)      ((r)->sp)
#define STACK_SIZE     16384 /* THREAD_SIZE: asm/page_64_types.h, without KASAN */
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	unsigned long regs[31], sp, pc, pstate;
	unsigned long orig_x0;
	__s32 syscallno;	/* kernel internal, but unchanged from 4.14 to 7.2 on little endian */
	__u32 unused2;
};
#define REG_ARG(r, n)  ((r)->regs[n])
#define REG_RET(r)     ((r)->regs[0])
#define REG_SP(r)      ((r)->sp)
#define STACK_SIZE     16384 /* THREAD_SIZE: asm/memory.h, with pages of 4 KiB */
#elif defined(__TARGET_ARCH_arm)
struct pt_regs {
	__u32 uregs[18];	/* r0 - r15, cpsr, ORIG_r0 */
};
#define REG_ARG(r, n)  ((__u64)(r)->uregs[n])
#define REG_RET(r)     ((__u64)(r)->uregs[0])
#define REG_SP(r)      ((__u64)(r)->uregs[13])
#define STACK_SIZE     (8192 - 8) /* THREAD_START_SP: asm/thread_info.h */
#else
#error "no register names for this architecture"
#endif

#endif /* DMASEQ_CORE_TYPES_H */
