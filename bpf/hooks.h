/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hooks.h - every kernel function that dmaseq watches, as one data table.
 *
 * Shared by the probes (bpf/), the collector (src/live), the trace file
 * (src/trace) and the model: it is part of wire.h, split off because the
 * analysis side needs the table and not the wire records. It includes nothing.
 *
 * The ids are written into trace files. NEVER renumber and never reuse one; a
 * retired hook leaves a hole. A file carries its own copy of id, name and kind
 * (HOOK items), so an old reader can name a hook that it does not know.
 *
 * Columns of X():
 *   id    stable number
 *   ENUM  suffix of the enumerator HOOK_*
 *   name  what the user sees. For KIND_API, KIND_FOPS and KIND_VFS it is also the
 *         kernel symbol; for callbacks it is "ops->" and the member's name
 *   kind  KIND_*: see enum hook_kind
 *   obj   OBJ_*: how the dma_buf and the attachment are found in the arguments
 *   ret   RET_*: what the function returns
 *   a0, a1, a2   ARG_*: what the recorded arguments a[0..2] mean (ARG_NONE: unused, 0)
 *   need  REQ: without it the trace is not complete; OPT: absence is normal
 *
 * Where functions exist (Debian 5.10, 6.1, 6.12, 7.2 and Android common
 * kernels) is described in docs/kernel-support.md.
 */
#ifndef DMASEQ_HOOKS_H
#define DMASEQ_HOOKS_H

#define DMASEQ_HOOKS(X)                                                                            \
	/* the API that drivers call: drivers/dma-buf/dma-buf.c */                                 \
	X(1, EXPORT, "dma_buf_export", API, OBJ_RET, BUF, SIZE, OFLAGS, NONE, REQ)                 \
	X(2, FD, "dma_buf_fd", API, OBJ_DMABUF0, FD, OFLAGS, NONE, NONE, REQ)                      \
	X(3, FD_INSTALL_API, "dma_buf_fd_install", API, OBJ_DMABUF0, VOID, FD, NONE, NONE, OPT)    \
	X(4, GET, "dma_buf_get", API, OBJ_RET, BUF, FD, NONE, NONE, REQ)                           \
	X(5, PUT, "dma_buf_put", API, OBJ_DMABUF0, NORET, NONE, NONE, NONE, REQ)                   \
	X(6, ATTACH, "dma_buf_attach", API, OBJ_DMABUF0, ATT, NONE, NONE, NONE, REQ)               \
	X(7, DYNAMIC_ATTACH, "dma_buf_dynamic_attach", API, OBJ_DMABUF0, ATT, DYN, NONE, NONE,     \
	  REQ)                                                                                     \
	X(8, DETACH, "dma_buf_detach", API, OBJ_DMABUF0_ATTACH1, VOID, NONE, NONE, NONE, REQ)      \
	X(9, PIN, "dma_buf_pin", API, OBJ_ATTACH0, INT, NONE, NONE, NONE, OPT)                     \
	X(10, UNPIN, "dma_buf_unpin", API, OBJ_ATTACH0, VOID, NONE, NONE, NONE, OPT)               \
	X(11, MAP, "dma_buf_map_attachment", API, OBJ_ATTACH0, SGT, DIR, NONE, NONE, REQ)          \
	X(12, MAP_UNLOCKED, "dma_buf_map_attachment_unlocked", API, OBJ_ATTACH0, SGT, DIR, NONE,   \
	  NONE, OPT)                                                                               \
	X(13, UNMAP, "dma_buf_unmap_attachment", API, OBJ_ATTACH0, VOID, DIR, NONE, NONE, REQ)     \
	X(14, UNMAP_UNLOCKED, "dma_buf_unmap_attachment_unlocked", API, OBJ_ATTACH0, VOID, DIR,    \
	  NONE, NONE, OPT)                                                                         \
	X(15, MOVE_NOTIFY, "dma_buf_move_notify", API, OBJ_DMABUF0, VOID, NONE, NONE, NONE, OPT)   \
	X(16, INVALIDATE, "dma_buf_invalidate_mappings", API, OBJ_DMABUF0, VOID, NONE, NONE, NONE, \
	  OPT)                                                                                     \
	X(17, BEGIN_CPU, "dma_buf_begin_cpu_access", API, OBJ_DMABUF0, INT, DIR, NONE, NONE, REQ)  \
	X(18, END_CPU, "dma_buf_end_cpu_access", API, OBJ_DMABUF0, INT, DIR, NONE, NONE, REQ)      \
	X(19, BEGIN_CPU_PARTIAL, "dma_buf_begin_cpu_access_partial", API, OBJ_DMABUF0, INT, DIR,   \
	  OFFSET, LEN, OPT)                                                                        \
	X(20, END_CPU_PARTIAL, "dma_buf_end_cpu_access_partial", API, OBJ_DMABUF0, INT, DIR,       \
	  OFFSET, LEN, OPT)                                                                        \
	X(21, MMAP, "dma_buf_mmap", API, OBJ_DMABUF0, INT, LEN, PGOFF, NONE, OPT)                  \
	X(22, VMAP, "dma_buf_vmap", API, OBJ_DMABUF0, INT, NONE, NONE, NONE, REQ)                  \
	X(23, VUNMAP, "dma_buf_vunmap", API, OBJ_DMABUF0, VOID, NONE, NONE, NONE, REQ)             \
	X(24, VMAP_UNLOCKED, "dma_buf_vmap_unlocked", API, OBJ_DMABUF0, INT, NONE, NONE, NONE,     \
	  OPT)                                                                                     \
	X(25, VUNMAP_UNLOCKED, "dma_buf_vunmap_unlocked", API, OBJ_DMABUF0, VOID, NONE, NONE,      \
	  NONE, OPT)                                                                               \
	X(26, KMAP, "dma_buf_kmap", API, OBJ_DMABUF0, PTR, PAGE, NONE, NONE, OPT)                  \
	X(27, KUNMAP, "dma_buf_kunmap", API, OBJ_DMABUF0, VOID, PAGE, NONE, NONE, OPT)             \
	X(28, SET_NAME, "dma_buf_set_name", API, OBJ_DMABUF0, INT, NONE, NONE, NONE, OPT)          \
	X(29, GET_FLAGS, "dma_buf_get_flags", API, OBJ_DMABUF0, INT, NONE, NONE, NONE, OPT)        \
	X(30, ATTACH_REVOCABLE, "dma_buf_attach_revocable", API, OBJ_ATTACH0, INT, NONE, NONE,     \
	  NONE, OPT)                                                                               \
	/* the file operations of a dma-buf file, and its end */                                   \
	X(32, IOCTL, "dma_buf_ioctl", FOPS, OBJ_FILE0, INT, CMD, SYNC, NONE, REQ)                  \
	X(33, MMAP_FILE, "dma_buf_mmap_internal", FOPS, OBJ_FILE0, INT, LEN, PGOFF, PROT, REQ)     \
	X(34, POLL, "dma_buf_poll", FOPS, OBJ_FILE0, MASK, MASK, NONE, NONE, OPT)                  \
	X(35, POLL_CB, "dma_buf_poll_cb", FOPS, OBJ_NONE, NORET, NONE, NONE, NONE, OPT)            \
	X(36, FILE_RELEASE, "dma_buf_file_release", FOPS, OBJ_FILE1, INT, NONE, NONE, NONE, OPT)   \
	X(37, RELEASE, "dma_buf_release", FOPS, OBJ_DENTRY0, VOID, NONE, NONE, NONE, REQ)          \
	X(38, FLUSH, "dma_buf_flush", FOPS, OBJ_FILE0, INT, NONE, NONE, NONE, OPT)                 \
	/* descriptor tables and mappings, filtered to dma-buf files; call.table, call.vma */      \
	X(48, FD_INSTALL, "fd_install", VFS, OBJ_FILE1, NORET, FD, KEY, NONE, REQ)                 \
	X(49, FILP_FLUSH, "filp_flush", VFS, OBJ_FILE0, NORET, FDNO, NONE, NONE, OPT)              \
	X(50, FILP_CLOSE, "filp_close", VFS, OBJ_FILE0, NORET, FDNO, NONE, NONE, OPT)              \
	X(51, DO_DUP2, "do_dup2", VFS, OBJ_FILE1, NORET, FD, NONE, NONE, OPT)                      \
	X(52, SCM_SEND, "__scm_send", VFS, OBJ_NONE, NORET, FDNO, KEY, NONE, OPT)                    \
	X(53, BINDER_SEND, "binder_transaction_fd_send", VFS, OBJ_NONE, NORET, FDNO, KEY, NONE,      \
	  OPT)                                                                                     \
	X(54, VM_AREA_FREE, "vm_area_free", VFS, OBJ_NONE, NORET, NONE, NONE, NONE, OPT)           \
	X(55, VM_AREA_DUP, "vm_area_dup", VFS, OBJ_NONE, NORET, ORIG, NONE, NONE, OPT)             \
	X(56, VM_AREA_FREE_DIRECT, "__vm_area_free", VFS, OBJ_NONE, NORET, NONE, NONE, NONE, OPT)  \
	/* a wait for a fence inside of a call: tracepoints dma_fence_wait_start and _end */       \
	X(60, FENCE_WAIT, "dma_fence_wait", FENCE, OBJ_NONE, VOID, TIMELINE, SEQNO, NONE, OPT)     \
	/* the exporter's struct dma_buf_ops */                                                    \
	X(64, OPS_ATTACH, "ops->attach", OPS, OBJ_DMABUF0_ATTACH1, INT, NONE, NONE, NONE, OPT)     \
	X(65, OPS_DETACH, "ops->detach", OPS, OBJ_DMABUF0_ATTACH1, VOID, NONE, NONE, NONE, OPT)    \
	X(66, OPS_PIN, "ops->pin", OPS, OBJ_ATTACH0, INT, NONE, NONE, NONE, OPT)                   \
	X(67, OPS_UNPIN, "ops->unpin", OPS, OBJ_ATTACH0, VOID, NONE, NONE, NONE, OPT)              \
	X(68, OPS_MAP, "ops->map_dma_buf", OPS, OBJ_ATTACH0, SGT, DIR, NONE, NONE, OPT)            \
	X(69, OPS_UNMAP, "ops->unmap_dma_buf", OPS, OBJ_ATTACH0, VOID, DIR, NONE, NONE, OPT)       \
	X(70, OPS_RELEASE, "ops->release", OPS, OBJ_DMABUF0, VOID, NONE, NONE, NONE, OPT)          \
	X(71, OPS_BEGIN_CPU, "ops->begin_cpu_access", OPS, OBJ_DMABUF0, INT, DIR, NONE, NONE, OPT) \
	X(72, OPS_END_CPU, "ops->end_cpu_access", OPS, OBJ_DMABUF0, INT, DIR, NONE, NONE, OPT)     \
	X(73, OPS_MMAP, "ops->mmap", OPS, OBJ_DMABUF0, INT, LEN, PGOFF, NONE, OPT)                 \
	X(74, OPS_VMAP, "ops->vmap", OPS, OBJ_DMABUF0, INT, NONE, NONE, NONE, OPT)                 \
	X(75, OPS_VUNMAP, "ops->vunmap", OPS, OBJ_DMABUF0, VOID, NONE, NONE, NONE, OPT)            \
	X(76, OPS_BEGIN_CPU_PARTIAL, "ops->begin_cpu_access_partial", OPS, OBJ_DMABUF0, INT, DIR,  \
	  OFFSET, LEN, OPT)                                                                        \
	X(77, OPS_END_CPU_PARTIAL, "ops->end_cpu_access_partial", OPS, OBJ_DMABUF0, INT, DIR,      \
	  OFFSET, LEN, OPT)                                                                        \
	/* the importer's struct dma_buf_attach_ops */                                             \
	X(96, IMP_MOVE_NOTIFY, "importer_ops->move_notify", IMPOPS, OBJ_ATTACH0, VOID, NONE, NONE, \
	  NONE, OPT)                                                                               \
	X(97, IMP_INVALIDATE, "importer_ops->invalidate_mappings", IMPOPS, OBJ_ATTACH0, VOID,      \
	  NONE, NONE, NONE, OPT)

/* What kind of function it is, which decides the lanes of its arrow. */
enum hook_kind {
	KIND_API = 1,	/* driver (or the core itself, when nested) -> dma-buf core */
	KIND_FOPS = 2,	/* VFS, on behalf of the application -> dma-buf core */
	KIND_VFS = 3,	/* a change of a file-descriptor table; no frame of the dma-buf core */
	KIND_OPS = 4,	/* dma-buf core -> exporter */
	KIND_IMPOPS = 5, /* dma-buf core or exporter -> importer (move_notify, ...) */
	KIND_FENCE = 6,	/* the call around it waits for somebody's work to be done */
};

/* Where struct dma_buf and struct dma_buf_attachment are in the arguments. */
enum hook_obj {
	OBJ_NONE = 0,
	OBJ_RET = 1,		/* known at the return only */
	OBJ_DMABUF0 = 2,	/* argument 0 is the dma_buf */
	OBJ_ATTACH0 = 3,	/* argument 0 is the attachment */
	OBJ_DMABUF0_ATTACH1 = 4,
	OBJ_FILE0 = 5,		/* argument 0 is a file whose private_data is the dma_buf */
	OBJ_FILE1 = 6,
	OBJ_DENTRY0 = 7,	/* argument 0 is a dentry whose d_fsdata is the dma_buf */
};

/* What a function returns, and so what call.ret and the ids of a call mean. */
enum hook_ret {
	RET_VOID = 0,	/* nothing; the return was observed, ret is 0 */
	RET_NORET = 1,	/* the return is not probed: the duration is unknown */
	RET_INT = 2,	/* 0 or more, or -errno */
	RET_FD = 3,	/* a file descriptor, or -errno */
	RET_BUF = 4,	/* dma_buf: call.buf is set and ret is 0; or ret is -errno */
	RET_ATT = 5,	/* attachment: call.att is set and ret is 0; or -errno */
	RET_SGT = 6,	/* sg_table: call.sgt is set and ret is its nents; or -errno */
	RET_PTR = 7,	/* kernel address: ret is 1 (not NULL), 0 (NULL) or -errno */
	RET_MASK = 8,	/* poll mask */
};

/* What a recorded argument is, and so how it is shown. */
enum hook_arg {
	ARG_NONE = 0,
	ARG_SIZE = 1,	/* bytes */
	ARG_OFLAGS = 2,	/* O_CLOEXEC, O_RDWR, ... in the numbers of the recorded machine's ABI */
	ARG_FD = 3,	/* file descriptor number */
	ARG_DYN = 4,	/* 1: the importer gave importer_ops (a dynamic attachment) */
	ARG_DIR = 5,	/* enum dma_data_direction: 0 BIDIRECTIONAL 1 TO_DEVICE 2 FROM_DEVICE 3 NONE */
	ARG_OFFSET = 6,	/* bytes */
	ARG_LEN = 7,	/* bytes */
	ARG_PGOFF = 8,	/* pages */
	ARG_PAGE = 9,	/* page number in the buffer */
	ARG_CMD = 10,	/* ioctl command of the dma-buf file */
	ARG_SYNC = 11,	/* first 64 bits of the ioctl's user structure, ~0 when not readable:
			 * SYNC: DMA_BUF_SYNC_* flags; EXPORT/IMPORT_SYNC_FILE: flags and fd */
	ARG_PROT = 12,	/* vm_flags & (VM_READ | VM_WRITE | VM_EXEC | VM_SHARED): 1, 2, 4, 8 */
	ARG_MASK = 13,	/* poll events asked for */
	ARG_KEY = 14,	/* a number that a descriptor's sending and its arrival elsewhere have in
			 * common; 0: not known (SCM_RIGHTS), or it was not sent. The arrival is
			 * the fd_install of the receiver */
	ARG_ORIG = 15,	/* the mapping that was copied: call.vma is the copy */
	ARG_TIMELINE = 16, /* id of a timeline */
	ARG_SEQNO = 17,	/* number of the fence on its timeline */
	ARG_FDNO = 18,	/* number of a descriptor, plus 1; 0: not known */
};

enum hook_need {
	NEED_OPT = 0,
	NEED_REQ = 1,
};

enum hook_id {
#define X(id, ENUM, name, kind, obj, ret, a0, a1, a2, need) HOOK_##ENUM = id,
	DMASEQ_HOOKS(X)
#undef X
	HOOK_MAX = 128,		/* ids are below this */
};

#endif /* DMASEQ_HOOKS_H */
