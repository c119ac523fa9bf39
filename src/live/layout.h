/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout.h - where the fields that the probes read are, in a kernel that does not say so itself.
 *
 * The probes are relocated by BTF (CO-RE). For a kernel without BTF calibrate.c finds the places of
 * the fields, and layout_btf() makes a BTF of exactly these structures and fields. A field whose
 * place is not known is left out: the probes then see that this kernel "does not have" it.
 */
#ifndef DQ_LAYOUT_H
#define DQ_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

enum field_kind { FK_PTR, FK_LONG, FK_U16, FK_U32, FK_S32, FK_CHARS, FK_STRUCT };

/* Registers that the probes do not read as user ABI. */
#if defined(__x86_64__)
#define LAYOUT_REGS(F)                                                                             \
	F(pt_regs, r10, LONG, 7)                                                                   \
	F(pt_regs, r9, LONG, 8)                                                                    \
	F(pt_regs, r8, LONG, 9)                                                                    \
	F(pt_regs, ax, LONG, 10)                                                                   \
	F(pt_regs, dx, LONG, 12)                                                                   \
	F(pt_regs, si, LONG, 13)                                                                   \
	F(pt_regs, di, LONG, 14)                                                                   \
	F(pt_regs, orig_ax, LONG, 15)
#elif defined(__aarch64__)
#define LAYOUT_REGS(F)                                                                             \
	F(pt_regs, orig_x0, LONG, 34)                                                              \
	F(pt_regs, syscallno, S32, 35)
#else
#define LAYOUT_REGS(F)
#endif

/*
 * Structures and fields as in bpf/core_types.h. The last column is the place in units of a pointer
 * where it has been the same in every kernel from 5.10 to 7.2 whatever its configuration (structures
 * that drivers share, or whose beginning never changed), -1 where it has to be found.
 */
#define LAYOUT_FIELDS(F)                                                                           \
	F(module, name, CHARS, -1)                                                                 \
	F(file_operations, owner, PTR, 0)                                                          \
	F(super_block, s_magic, LONG, -1)                                                          \
	F(inode, i_mode, U16, -1)                                                                  \
	F(inode, i_rdev, U32, -1)                                                                  \
	F(inode, i_sb, PTR, -1)                                                                    \
	F(inode, i_ino, LONG, -1)                                                                  \
	F(counter, counter, LONG, 0)                                                               \
	F(file_ref, refcnt, STRUCT, 0)                                                             \
	F(file, f_count, STRUCT, -1)                                                               \
	F(file, f_ref, STRUCT, -1)                                                                 \
	F(file, f_inode, PTR, -1)                                                                  \
	F(file, f_op, PTR, -1)                                                                     \
	F(file, private_data, PTR, -1)                                                             \
	F(dentry, d_fsdata, PTR, -1)                                                               \
	F(fdtable, max_fds, U32, 0)                                                                \
	F(fdtable, fd, PTR, 1)                                                                     \
	F(files_struct, fdt, PTR, -1)                                                              \
	F(thread_info, flags, LONG, 0)                                                             \
	F(task_struct, thread_info, STRUCT, -1)                                                    \
	F(task_struct, flags, U32, -1)                                                             \
	F(task_struct, pid, S32, -1)                                                               \
	F(task_struct, tgid, S32, -1)                                                              \
	F(task_struct, group_leader, PTR, -1)                                                      \
	F(task_struct, comm, CHARS, -1)                                                            \
	F(task_struct, files, PTR, -1)                                                             \
	F(task_struct, stack, PTR, -1)                                                             \
	F(kobject, name, PTR, 0)                                                                   \
	F(device_driver, name, PTR, 0)                                                             \
	F(bus_type, name, PTR, 0)                                                                  \
	F(device, kobj, STRUCT, 0)                                                                 \
	F(device, init_name, PTR, -1)                                                              \
	F(device, bus, PTR, -1)                                                                    \
	F(device, driver, PTR, -1)                                                                 \
	F(dma_buf, size, LONG, 0)                                                                  \
	F(dma_buf, file, PTR, 1)                                                                   \
	F(dma_buf, ops, PTR, 4)                                                                    \
	F(dma_buf, exp_name, PTR, -1)                                                              \
	F(dma_buf, name, PTR, -1)                                                                  \
	F(dma_buf, owner, PTR, -1)                                                                 \
	F(dma_buf_attachment, dmabuf, PTR, 0)                                                      \
	F(dma_buf_attachment, dev, PTR, 1)                                                         \
	F(dma_buf_attachment, importer_ops, PTR, -1)                                               \
	F(dma_buf_export_info, exp_name, PTR, 0)                                                   \
	F(dma_buf_export_info, owner, PTR, 1)                                                      \
	F(dma_buf_export_info, ops, PTR, 2)                                                        \
	F(dma_buf_export_info, size, LONG, 3)                                                      \
	F(dma_buf_export_info, flags, S32, 4)                                                      \
	F(dma_buf_ops, attach, PTR, -1)                                                            \
	F(dma_buf_ops, detach, PTR, -1)                                                            \
	F(dma_buf_ops, pin, PTR, -1)                                                               \
	F(dma_buf_ops, unpin, PTR, -1)                                                             \
	F(dma_buf_ops, map_dma_buf, PTR, -1)                                                       \
	F(dma_buf_ops, unmap_dma_buf, PTR, -1)                                                     \
	F(dma_buf_ops, release, PTR, -1)                                                           \
	F(dma_buf_ops, begin_cpu_access, PTR, -1)                                                  \
	F(dma_buf_ops, end_cpu_access, PTR, -1)                                                    \
	F(dma_buf_ops, mmap, PTR, -1)                                                              \
	F(dma_buf_ops, vmap, PTR, -1)                                                              \
	F(dma_buf_ops, vunmap, PTR, -1)                                                            \
	F(sg_table, nents, U32, 1)                                                                 \
	F(vm_area_struct, vm_start, LONG, 0)                                                       \
	F(vm_area_struct, vm_end, LONG, 1)                                                         \
	F(vm_area_struct, vm_pgoff, LONG, -1)                                                      \
	F(vm_area_struct, vm_flags, LONG, -1)                                                      \
	F(vm_area_struct, vm_file, PTR, -1)                                                        \
	F(poll_table_struct, _key, U32, 1)                                                         \
	F(dma_buf_poll_cb_t, poll, PTR, 3)                                                         \
	LAYOUT_REGS(F)

enum layout_field {
#define F(strct, field, kind, fixed) LF_##strct##_##field,
	LAYOUT_FIELDS(F)
#undef F
	LF_MAX,
};

#define LAYOUT_UNKNOWN (-1)
#define LAYOUT_ABSENT  (-2)	/* this kernel has no such field, it has another */

struct layout {
	unsigned int word;		/* bytes of a pointer and of a long */
	int off[LF_MAX];		/* LAYOUT_UNKNOWN, LAYOUT_ABSENT: left out */
	bool found[LF_MAX];		/* measured in this kernel; false: off is the fixed place */
	int regs;			/* struct pt_regs of a system call, from task_struct.stack; 0: unknown */
};

void layout_init(struct layout *lo, unsigned int word);
void layout_found(struct layout *lo, enum layout_field f, int off);
const char *layout_name(enum layout_field f);	/* "task_struct.comm" */
/* The BTF, in a file without a name: its descriptor, or -errno. */
int layout_btf(const struct layout *lo);
/* Where BTF has the field: its offset in bytes, or -1. */
int layout_btf_offset(const struct btf *btf, enum layout_field f);

#endif /* DQ_LAYOUT_H */
