/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * learn.h - the members of struct dma_buf whose places depend on the configuration, in a kernel
 * that has no BTF. A part of dmaseq.bpf.c.
 *
 * dma_buf_export() copies the exporter's name and module out of a structure that drivers share, so
 * that its layout never changed: where they arrive is learnt at the first export. The name that
 * programs give follows that of the exporter (5.3 to 7.2). What could not be learnt is empty.
 */
#ifndef DMASEQ_LEARN_H
#define DMASEQ_LEARN_H

/* offsets in struct dma_buf, 0: not known */
__u32 learnt_exp_name = 0;
__u32 learnt_owner = 0;
/* buffers that were not as a struct dma_buf must be: told to the user */
__u32 learnt_wrong = 0;

#define LEARN_FIRST 5	/* after ops, in units of a pointer */
#define LEARN_LAST  32

static __always_inline __u64 word_at(__u64 p)
{
	__u64 v = 0;

	bpf_probe_read_kernel(&v, KPTR, (void *)p);
	return v;
}

static __always_inline __u64 buf_exp_name(__u64 p)
{
	if (bpf_core_field_exists(((struct dma_buf *)p)->exp_name))
		return RD(dma_buf, p, exp_name);
	return learnt_exp_name ? word_at(p + learnt_exp_name) : 0;
}

static __always_inline __u64 buf_name(__u64 p)
{
	if (bpf_core_field_exists(((struct dma_buf *)p)->name))
		return RD(dma_buf, p, name);
	return learnt_exp_name ? word_at(p + learnt_exp_name + KPTR) : 0;
}

static __always_inline __u64 buf_owner(__u64 p)
{
	if (bpf_core_field_exists(((struct dma_buf *)p)->owner))
		return RD(dma_buf, p, owner);
	return learnt_owner ? word_at(p + learnt_owner) : 0;
}

/* A buffer that was just exported, and what it was exported with. */
__noinline int learn(__u64 p, __u64 info)
{
	__u64 name = RD(dma_buf_export_info, info, exp_name);
	__u64 owner = RD(dma_buf_export_info, info, owner), v;

	if (RD(dma_buf, p, ops) != RD(dma_buf_export_info, info, ops) ||
	    RD(file, RD(dma_buf, p, file), private_data) != p)
		learnt_wrong++;
	for (__u32 i = LEARN_FIRST; i < LEARN_LAST; i++) {
		v = word_at(p + i * KPTR);
		if (v && v == name && !learnt_exp_name)
			learnt_exp_name = i * KPTR;
		else if (v && v == owner && !learnt_owner)
			learnt_owner = i * KPTR;
	}
	return 0;
}

#endif /* DMASEQ_LEARN_H */
