/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agents: processes that do one system call at a time, as they are told.  The
 * driver, which holds no buffer itself, tells them what to do and waits for
 * the answer, so that everything happens in one order; and it keeps book of
 * who must hold what, which dq_checkpoint() compares with /proc and tells as an
 * account (account.h).
 *
 * Descriptors of buffers stay below DQ_NFD.  Above are the sockets: each agent
 * has one for its orders, at the same number in all of them, and all share a
 * pair to send descriptors through.
 */
#ifndef DQ_AGENT_H
#define DQ_AGENT_H

#include "abi.h"

#define DQ_NFD		80
#define DQ_NAGENTS	8

struct dq_agent;

/* The driver's: each does it and books it, or ends the program. */
struct dq_agent *dq_spawn(void);		/* from the driver: holds nothing */
void dq_agents_finish(void);			/* all that live exit */

/* Buffers are numbers from 1, in the order of their export. */
int dq_tell_export(struct dq_agent *a, enum dq_exporter exporter, int *ret_fd);
void dq_tell_name(struct dq_agent *a, int fd, const char *name);
int dq_tell_dup(struct dq_agent *a, int fd);
int dq_tell_dup_in_thread(struct dq_agent *a, int fd);
void dq_tell_dup2(struct dq_agent *a, int fd, int to);
void dq_tell_dup3(struct dq_agent *a, int fd, int to);
int dq_tell_dupfd(struct dq_agent *a, int fd, int at_least, bool cloexec);
void dq_tell_open_null(struct dq_agent *a, int at);	/* /dev/null, dup2ed there */
void dq_tell_close(struct dq_agent *a, int fd);
void dq_tell_close_range(struct dq_agent *a, int first, int last, unsigned int flags);
void dq_tell_unshare(struct dq_agent *a);

/* n: how many in one message.  The driver knows which buffers are under way. */
void dq_tell_send(struct dq_agent *a, const int *fds, int n);
void dq_tell_receive(struct dq_agent *a, bool peek, int *ret_fds, int n);
/* A message to oneself, and the end of the socket that it waits in. */
void dq_tell_post(struct dq_agent *a, int fd);
void dq_tell_unpost(struct dq_agent *a);
int dq_tell_getfd(struct dq_agent *a, struct dq_agent *from, int fd);

/* Maps a buffer; *where is a number for the other two. */
void dq_tell_mmap(struct dq_agent *a, int fd, long *where);
/* Pages @first to @first + @n of it; @more: mappings that there are then more. */
void dq_tell_munmap(struct dq_agent *a, int buf, long where, int first, int n, int more);
void dq_tell_mremap(struct dq_agent *a, long *where);

enum dq_fork { DQ_FORK, DQ_SHARE_FILES, DQ_VFORK };
struct dq_agent *dq_tell_fork(struct dq_agent *a, enum dq_fork how);
void dq_tell_exec(struct dq_agent *a);
void dq_tell_exit(struct dq_agent *a);

/* vgem imports it; handle. */
unsigned int dq_tell_import(struct dq_agent *a, int fd);
void dq_tell_drop(struct dq_agent *a, int buf, unsigned int handle);
/* A vgem buffer whose handle stays open and holds it, by two references. */
unsigned int dq_tell_export_handle(struct dq_agent *a, int *ret_buf, int *ret_fd);
void dq_tell_drop_handle(struct dq_agent *a, int buf, unsigned int handle);

void dq_checkpoint(const char *name);

#endif
