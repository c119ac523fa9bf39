/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.h - who shares what with whom: which process and which device used which buffer.
 *
 * Counted from the groups of a model while it reads (dq_share_attach), and completed at
 * the end with who holds what then. Memory is bounded by the pairs of buffer and user.
 * May use src/trace and src/util.
 */
#ifndef DQ_MODEL_SHARE_H
#define DQ_MODEL_SHARE_H

#include "model/model.h"

/* Failures of one user with one buffer. */
struct dq_fails {
	uint64_t n;
	int32_t err;		/* of the first; 0: a result that is no errno */
	bool mixed;		/* others failed differently */
};

/* A process, or a kernel thread. */
struct dq_share_proc {
	uint64_t key;
	uint32_t task;		/* a thread of it */
	bool kthread;
};

struct dq_share_dev {
	const char *who;	/* driver, as a user calls it */
	const char *dev;	/* "vivid.0"; "": not known */
};

/* A process and a buffer. */
struct dq_share_use {
	uint32_t buf, proc;	/* id; index in procs */
	uint64_t calls;
	struct dq_fails fails;
	bool made;		/* had it exported */
	enum dq_way way;	/* a descriptor came from process .from; 0: none did */
	uint32_t from;
	bool guess;		/* ... perhaps: others could be meant */
	/* what it has at the end */
	uint64_t nfds, nmaps;
	int32_t fd;		/* the lowest of them; -1: no number is known */
};

/* An importing device and a buffer. */
struct dq_share_imp {
	uint32_t buf, dev;	/* id; index in devs */
	uint64_t calls, maps, vmaps;
	struct dq_fails fails;
	/* what it has at the end */
	uint64_t attached, mapped;
};

struct dq_share {
	struct dq_model *m;
	struct dq_share_proc *procs;
	size_t nprocs, cap_procs;
	struct dq_share_dev *devs;
	size_t ndevs, cap_devs;
	struct dq_share_use *uses;	/* by first sight */
	size_t nuses, cap_uses;
	struct dq_share_imp *imps;
	size_t nimps, cap_imps;
	struct dq_map *ix_proc, *ix_use, *ix_imp;
	int err;
};

/* Listens to the model from here on; before its first put. 0 or -ENOMEM. */
int dq_share_attach(struct dq_share **ret_s, struct dq_model *m);
/* After dq_model_finish(): adds who holds what now, and makes one of a device that was first
 * seen without its name. 0 or -ENOMEM. */
int dq_share_finish(struct dq_share *s);
void dq_share_free(struct dq_share **s);

#endif /* DQ_MODEL_SHARE_H */
