/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unpack.h - BPF objects in a static binary, which has them deflated; included before a skeleton.
 * See dq_bpf_object() in cmake/DqBpf.cmake.
 */
#ifndef DQ_UNPACK_H
#define DQ_UNPACK_H

#ifdef DQ_BPF_DEFLATED
#include <stddef.h>

extern const unsigned char dmaseq_bpf_gz[], peek_bpf_gz[];
extern const size_t dmaseq_bpf_gz_len, peek_bpf_gz_len;

/* The object and its size. NULL: no memory. The last one is kept until another one is asked for, or
 * dq_bpf_unpacked_free(): libbpf copies what it needs when it opens an object. */
const void *dq_bpf_unpack(const unsigned char *gz, size_t len, size_t *ret_size);
void dq_bpf_unpacked_free(void);
#else
static inline void dq_bpf_unpacked_free(void)
{
}
#endif

#endif /* DQ_UNPACK_H */
