/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kread.h - reading the kernel's memory: what every other file of this room uses to look at a
 * structure. Kernel addresses are numbers (__u64) here, never pointers: a pointer of the programs
 * has 64 bits, one of a 32-bit kernel has not.
 */
#ifndef DMASEQ_KREAD_H
#define DMASEQ_KREAD_H

#include "core_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Size of the kernel's pointers and longs. */
#if defined(__TARGET_ARCH_arm)
#define KPTR 4
#else
#define KPTR 8
#endif

/*
 * RD(file, addr, f_op): field f_op of the struct file at addr, as a __u64, in the size that it has
 * in the running kernel (pointers and longs of a 32-bit kernel have 4 bytes, inode.i_ino became a
 * u64 in 7.2); not sign-extended. 0 when addr cannot be read, or when the kernel has no such field:
 * where that matters, ask bpf_core_field_exists(). The verifier sees constants and drops what is
 * not needed.
 */
#define RD(type, addr, field)                                                                      \
	({                                                                                         \
		__u64 v_ = 0;                                                                      \
		struct type *p_ = (struct type *)(addr);                                           \
		if (bpf_core_field_exists(p_->field))                                              \
			bpf_probe_read_kernel(&v_, bpf_core_field_size(p_->field),                 \
					      __builtin_preserve_access_index(&p_->field));        \
		v_;                                                                                \
	})

/* A string that is part of a structure, into the array dst; "" as above. */
#define RD_STR(dst, type, addr, field)                                                             \
	({                                                                                         \
		struct type *p_ = (struct type *)(addr);                                           \
		if (bpf_core_field_exists(p_->field))                                              \
			bpf_probe_read_kernel_str(dst, sizeof(dst),                                \
						  __builtin_preserve_access_index(&p_->field));    \
	})

/* A string at an address, into the array dst. */
#define read_str(dst, addr) bpf_probe_read_kernel_str(dst, sizeof(dst), (void *)(addr))

/* The running task as an address like all others: a 32-bit kernel's helper extends its sign. */
static __always_inline __u64 current_task(void)
{
	__u64 task = bpf_get_current_task();

	return KPTR == 4 ? (__u32)task : task;
}

/* A long of the kernel as the number that it is. */
static __always_inline __s64 as_long(__u64 v)
{
	return KPTR == 4 ? (__s64)(__s32)v : (__s64)v;
}

static __always_inline bool is_err(__u64 p)
{
	return as_long(p) < 0 && as_long(p) >= -4095;
}

#endif /* DMASEQ_KREAD_H */
