/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accounts: who holds which buffer at a moment, told by those who know.  What
 * a tracer reconstructs can be held to it.  Sample:
 *
 *	account dup2 t=12.345678901
 *	holds buf=17 pid=81 table=80 fds=5,40 mm=81 maps=2
 *	flight buf=17 n=1
 *	attached buf=18 n=1
 *	unexplained buf=19 n=2
 *	gone buf=20
 *	end dup2
 *
 * t is CLOCK_MONOTONIC: when nothing of the story was going on.  buf is the
 * inode.  table and mm: the process whose descriptor table and address space
 * it is (others share them); fds are "-" and maps 0 where there are none.
 * flight: file references in messages that nobody has received.  unexplained:
 * references that are neither descriptors nor mappings nor known importers'.
 * What has gone is told once.
 *
 * A line is in stdout, or appended to the file of --account.  The end line is
 * written last, so a script can wait for it.
 */
#ifndef DQ_ACCOUNT_H
#define DQ_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

void dq_account_begin(const char *name);
void dq_account_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void dq_account_end(void);

/*
 * Makes the file FIFO.waits and waits at the fifo of --wait until somebody writes
 * a line; without one, not.
 */
void dq_pause(void);

unsigned long dq_inode(int fd);
/* Does the kernel still list a buffer of this inode? */
bool dq_alive(unsigned long ino);

/*
 * What /proc says of a process: the descriptors and the number of mappings of
 * each buffer.  @fd is called for each descriptor, @map for each mapping.
 */
void dq_scan(pid_t pid, void (*fd)(void *ctx, unsigned long ino, int number),
	     void (*map)(void *ctx, unsigned long ino), void *ctx);

#endif
