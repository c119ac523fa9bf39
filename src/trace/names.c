/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.c - words for values: flags of items and constants of the kernel's user
 * interface, in the numbers of the generic ABI. Only the text form uses them; a value
 * that is not made of these is written as a number. Touches nothing.
 */
#include <inttypes.h>
#include <string.h>

#include "fields.h"
#include "util/util.h"

const struct dq_valname dq_names_task_flags[] = { { DQ_TASK_KTHREAD, "KTHREAD" }, { 0, NULL } };

const struct dq_valname dq_names_buf_flags[] = { { DQ_BUF_PREEXISTING, "PREEXISTING" },
						 { 0, NULL } };

const struct dq_valname dq_names_att_flags[] = { { DQ_ATT_DYNAMIC, "DYNAMIC" },
						 { DQ_ATT_PREEXISTING, "PREEXISTING" },
						 { 0, NULL } };

const struct dq_valname dq_names_call_flags[] = {
	{ DQ_CALL_OPEN, "OPEN" },	{ DQ_CALL_MISSED, "MISSED" },
	{ DQ_CALL_NOENTRY, "NOENTRY" }, { DQ_CALL_IRQ, "IRQ" },
	{ DQ_CALL_EXITING, "EXITING" }, { DQ_CALL_FAULT, "FAULT" },
	{ DQ_CALL_UNHELD, "UNHELD" },	{ DQ_CALL_NULL, "NULL" },
	{ 0, NULL },
};

const struct dq_valname dq_names_sys_flags[] = { { DQ_SYS_OPEN, "OPEN" },
						 { DQ_SYS_COMPAT, "COMPAT" },
						 { DQ_SYS_MISSED, "MISSED" },
						 { 0, NULL } };

const struct dq_valname dq_names_taskev[] = { { DQ_TASKEV_FORK, "FORK" },
					      { DQ_TASKEV_EXEC, "EXEC" },
					      { DQ_TASKEV_EXIT, "EXIT" },
					      { 0, NULL } };

const struct dq_valname dq_names_snap[] = { { DQ_SNAP_BEGIN, "BEGIN" },
					    { DQ_SNAP_FINAL, "FINAL" },
					    { 0, NULL } };

const struct dq_valname dq_names_snap_flags[] = { { DQ_SNAP_COMPLETE, "COMPLETE" },
						  { DQ_SNAP_FAILED, "FAILED" },
						  { 0, NULL } };

const struct dq_valname dq_names_hold[] = { { DQ_HOLD_FD, "FD" },
					    { DQ_HOLD_MAP, "MAP" },
					    { DQ_HOLD_REFS, "REFS" },
					    { 0, NULL } };

/* Bits are hook ids of callbacks, counted from 64. */
#define OPS_BIT(h, cb)                                                                             \
	{                                                                                          \
		1ull << (HOOK_OPS_##h - 64), cb                                                    \
	}
const struct dq_valname dq_names_ops[] = {
	OPS_BIT(ATTACH, "attach"),
	OPS_BIT(DETACH, "detach"),
	OPS_BIT(PIN, "pin"),
	OPS_BIT(UNPIN, "unpin"),
	OPS_BIT(MAP, "map_dma_buf"),
	OPS_BIT(UNMAP, "unmap_dma_buf"),
	OPS_BIT(RELEASE, "release"),
	OPS_BIT(BEGIN_CPU, "begin_cpu_access"),
	OPS_BIT(END_CPU, "end_cpu_access"),
	OPS_BIT(MMAP, "mmap"),
	OPS_BIT(VMAP, "vmap"),
	OPS_BIT(VUNMAP, "vunmap"),
	OPS_BIT(BEGIN_CPU_PARTIAL, "begin_cpu_access_partial"),
	OPS_BIT(END_CPU_PARTIAL, "end_cpu_access_partial"),
	{ 1ull << (HOOK_IMP_MOVE_NOTIFY - 64), "move_notify" },
	{ 1ull << (HOOK_IMP_INVALIDATE - 64), "invalidate_mappings" },
	{ 0, NULL },
};

const struct dq_valname dq_names_dir[] = {
	{ 0, "BIDIRECTIONAL" }, { 1, "TO_DEVICE" }, { 2, "FROM_DEVICE" }, { 3, "NONE" }, { 0, NULL }
};

const struct dq_valname dq_names_oflags[] = { { 02000000, "O_CLOEXEC" },
					      { 02, "O_RDWR" },
					      { 01, "O_WRONLY" },
					      { 0, NULL } };

/* struct dma_buf_sync.flags; START is 0 and so written for what is not END. */
const struct dq_valname dq_names_sync[] = {
	{ 4, "END" }, { 3, "RW" }, { 1, "READ" }, { 2, "WRITE" }, { 0, "START" }, { 0, NULL }
};

const struct dq_valname dq_names_prot[] = {
	{ 1, "READ" }, { 2, "WRITE" }, { 4, "EXEC" }, { 8, "SHARED" }, { 0, NULL }
};

/* include/uapi/linux/dma-buf.h */
const struct dq_valname dq_names_cmd[] = {
	{ 0x40086200, "DMA_BUF_IOCTL_SYNC" },
	{ 0x40046201, "DMA_BUF_SET_NAME_A" },
	{ 0x40086201, "DMA_BUF_SET_NAME_B" },
	{ 0xc0086202, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE" },
	{ 0x40086203, "DMA_BUF_IOCTL_IMPORT_SYNC_FILE" },
	{ 0, NULL },
};

const char *const dq_arg_names[DQ_ARG_COUNT] = {
	[ARG_SIZE] = "size",	 [ARG_OFLAGS] = "flags", [ARG_FD] = "fd",     [ARG_DYN] = "dyn",
	[ARG_DIR] = "dir",	 [ARG_OFFSET] = "offset", [ARG_LEN] = "len",  [ARG_PGOFF] = "pgoff",
	[ARG_PAGE] = "page",	 [ARG_CMD] = "cmd",	  [ARG_SYNC] = "sync", [ARG_PROT] = "prot",
	[ARG_MASK] = "mask",	 [ARG_KEY] = "key",	  [ARG_ORIG] = "orig", [ARG_TIMELINE] = "timeline",
	[ARG_SEQNO] = "seqno",	 [ARG_FDNO] = "fdno",
};

int dq_arg_by_name(const struct dq_hook_info *h, const char *name, size_t len)
{
	const char *s;

	for (int i = 0; h && i < 3; i++) {
		s = dq_arg_names[h->arg[i]];
		if (s && strlen(s) == len && !memcmp(s, name, len))
			return i;
	}
	return -1;
}

bool dq_loss_is_return(const struct dq_loss *l)
{
	return !strcmp(l->source, "return");
}

void dq_put_losses(struct dq_sb *sb, uint64_t events, uint64_t returns)
{
	if (events)
		dq_sb_printf(sb, "%" PRIu64 " event%s lost", events, events == 1 ? "" : "s");
	if (returns)
		dq_sb_printf(sb, "%s%" PRIu64 " return%s missed", events ? ", " : "", returns,
			     returns == 1 ? "" : "s");
	if (!events && !returns)
		dq_sb_puts(sb, "no losses");
}
