// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * peek.bpf.c - reads kernel memory for src/live/calibrate.c, which finds out how a kernel that does
 * not describe itself (no BTF) has laid out its structures.
 *
 * Loaded by such kernels, so nothing here is relocated. Run with BPF_PROG_TEST_RUN, which raw
 * tracepoint programs have since 5.10 (1b4d60ec162f): in the task that asks.
 */
#include "core_types.h"
#include <bpf/bpf_helpers.h>
#include "wire.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* in */
__u64 addr[PEEK_CHUNKS] = {};	/* 0: nothing to read */
__u32 count = 0;
/* out */
__u64 task = 0;		/* of the caller; 32-bit kernels extend its sign */
__u64 frame = 0;	/* an address on the kernel stack of the caller */
__u64 pid_tgid = 0;
__u8 ok[PEEK_CHUNKS] = {};
__u8 mem[PEEK_CHUNKS * PEEK_CHUNK] = {};

SEC("raw_tp") int peek(void *ctx)
{
	__u64 fp;

	asm volatile("%0 = r10" : "=r"(fp));
	frame = fp;
	task = bpf_get_current_task();
	pid_tgid = bpf_get_current_pid_tgid();
	for (__u32 i = 0; i < PEEK_CHUNKS; i++) {
		if (i >= count)
			break;
		ok[i] = addr[i] &&
			!bpf_probe_read_kernel(&mem[i * PEEK_CHUNK], PEEK_CHUNK, (void *)addr[i]);
	}
	return 0;
}
