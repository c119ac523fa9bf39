/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * privs.h - the rights of a recorder: which it needs when, and how it gets rid of the
 * others. It works for root, for a user with file capabilities, and where the file is
 * setuid root, which is then as if it had file capabilities.
 *
 *	dq_privs_begin -> (load and attach) -> dq_privs_settle
 *
 * and in the process that becomes the traced command dq_privs_command, which was forked
 * before any of it.
 */
#ifndef DQ_PRIVS_H
#define DQ_PRIVS_H

#include <stdbool.h>
#include <stdint.h>

#include "../util/util.h"

/* What is needed after the probes are attached, beside what probes of modules need. */
#define DQ_PRIVS_KILL  0x1	/* signals for a command that may change its user */
#define DQ_PRIVS_WRITE 0x2	/* files in directories of other users */

/*
 * Before anything else: no new rights for whatever may be run, the user is who called, and of the
 * capabilities only those remain that looking, loading, attaching and opening the output take.
 * 0 or -errno.
 */
int dq_privs_begin(void);
/*
 * Everything is attached and open: of the capabilities remains what probes in modules that come
 * later take and `needs`, and a seccomp filter allows what a recorder does from now on. Nothing
 * is put back. 0 or -errno; a kernel without seccomp is no error.
 */
int dq_privs_settle(unsigned int needs);
/* In the command's process: the caller's user and groups, and no capabilities but root's own. */
int dq_privs_command(void);
/* "CAP_BPF, CAP_PERFMON, seccomp": what is held now. "nothing" */
void dq_privs_put(struct dq_sb *sb);
/* Can a directory be written to without CAP_DAC_OVERRIDE? dir: a descriptor. */
bool dq_privs_may_write(int dir);

/* seccomp.c: 0, -ENOSYS (this machine has none, or we have no list for it), or another error. */
int dq_seccomp(void);

#endif /* DQ_PRIVS_H */
