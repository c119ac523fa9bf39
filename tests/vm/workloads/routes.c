// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stories about who holds a buffer: every way in which a descriptor or a
 * mapping comes to be and ends, what holds a buffer that nobody has a
 * descriptor of, and buffers for a recorder that starts late.  Agents do it, one
 * call at a time (agent.h); between the calls there are accounts (account.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "account.h"
#include "agent.h"
#include "stories.h"

/* ---- routes --------------------------------------------------------------- */

/* dup and its relatives, in one process. */
static void duplicates(enum dq_exporter exporter)
{
	struct dq_agent *a = dq_spawn();
	int one, two, fd;

	dq_tell_export(a, exporter, &one);
	dq_checkpoint("export");
	fd = dq_tell_dup(a, one);
	dq_checkpoint("dup");
	dq_tell_dup2(a, one, 40);
	dq_checkpoint("dup2-free");
	dq_tell_export(a, exporter, &two);
	dq_tell_dup2(a, two, 40);
	dq_checkpoint("dup2-over-another");
	dq_tell_dup2(a, 40, 40);
	dq_checkpoint("dup2-itself");
	dq_tell_dup2(a, one, fd);
	dq_checkpoint("dup2-over-the-same");
	dq_tell_dup3(a, one, 41);
	dq_checkpoint("dup3");
	dq_tell_dupfd(a, two, 45, false);
	dq_tell_dupfd(a, two, 45, true);
	dq_checkpoint("F_DUPFD");
	dq_tell_open_null(a, 41);
	dq_tell_dup2(a, one, 41);
	dq_tell_open_null(a, 41);
	dq_checkpoint("dup2-of-another-kind");
	dq_tell_dup_in_thread(a, two);
	dq_checkpoint("thread");
	dq_tell_close(a, 45);
	dq_tell_close(a, one);
	dq_tell_close(a, fd);
	dq_checkpoint("close-last");
	dq_tell_close_range(a, 40, 60, 0);
	dq_checkpoint("close_range");
	dq_tell_exit(a);
	dq_checkpoint("exit");
}

/* Mappings of one process. */
static void mappings(enum dq_exporter exporter)
{
	struct dq_agent *a = dq_spawn();
	long first, second;
	int buf, fd;

	buf = dq_tell_export(a, exporter, &fd);
	dq_tell_mmap(a, fd, &first);
	dq_tell_mmap(a, fd, &second);
	dq_checkpoint("mmap");
	dq_tell_close(a, fd);
	dq_checkpoint("close-mapped");
	dq_tell_munmap(a, buf, first, 0, 16, 0);
	dq_checkpoint("munmap-head");
	dq_tell_munmap(a, buf, first, 100, 16, 1);
	dq_checkpoint("munmap-middle");
	dq_tell_mremap(a, &second);
	dq_checkpoint("mremap");
	/* both halves, and the hole between them */
	dq_tell_munmap(a, buf, first, 16, DQ_SIZE / 4096 - 16, -2);
	dq_checkpoint("munmap");
	dq_tell_munmap(a, buf, second, 0, DQ_SIZE / 4096, -1);
	dq_checkpoint("munmap-last");
	dq_tell_exit(a);
}

/* From one process to another. */
static void passing(enum dq_exporter exporter)
{
	struct dq_agent *a = dq_spawn(), *b = dq_spawn();
	int fds[2], got[2], again[2], own;

	dq_tell_export(a, exporter, &fds[0]);
	dq_tell_export(a, exporter, &fds[1]);
	dq_tell_send(a, fds, 1);
	dq_checkpoint("sent");
	dq_tell_close(a, fds[0]);
	dq_checkpoint("in-flight");
	dq_tell_receive(b, false, got, 1);
	dq_checkpoint("received");
	/* back again, with what it has not seen yet by another way */
	got[1] = dq_tell_getfd(b, a, fds[1]);
	dq_checkpoint("pidfd_getfd");
	dq_tell_send(b, got, 2);
	dq_tell_receive(a, true, again, 2);
	dq_checkpoint("peeked");
	dq_tell_close(a, again[0]);
	dq_tell_close(a, again[1]);
	dq_tell_receive(a, false, again, 2);
	dq_checkpoint("two-received");
	dq_tell_export(b, exporter, &own);
	dq_tell_post(b, own);
	dq_tell_close(b, own);
	dq_checkpoint("never-received");
	dq_tell_unpost(b);
	dq_checkpoint("dropped");
	dq_tell_exit(a);
	dq_checkpoint("exit-receiver");
	dq_tell_exit(b);
	dq_checkpoint("exit-both");
}

/* Processes that come from one another. */
static void families(enum dq_exporter exporter)
{
	struct dq_agent *a = dq_spawn(), *child;
	int one, two, buf;
	long where;

	buf = dq_tell_export(a, exporter, &one);
	dq_tell_export(a, exporter, &two);
	dq_tell_dup2(a, one, 40);
	dq_tell_dup2(a, two, 41);
	dq_tell_mmap(a, one, &where);

	child = dq_tell_fork(a, DQ_FORK);
	dq_checkpoint("fork");
	dq_tell_munmap(child, buf, where, 0, DQ_SIZE / 4096, -1);
	dq_tell_close(child, 40);
	dq_tell_close(a, 41);
	dq_checkpoint("fork-apart");
	dq_tell_exit(child);
	dq_checkpoint("fork-exit");

	child = dq_tell_fork(a, DQ_FORK);
	dq_tell_exec(child);
	dq_checkpoint("exec");
	dq_tell_exit(child);

	dq_tell_dup2(a, two, 41);
	child = dq_tell_fork(a, DQ_FORK);
	dq_tell_close_range(child, 41, 60, CLOSE_RANGE_CLOEXEC);
	dq_checkpoint("close_range-cloexec");
	dq_tell_exec(child);
	dq_checkpoint("close_range-cloexec-exec");
	dq_tell_exit(child);

	child = dq_tell_fork(a, DQ_SHARE_FILES);
	dq_tell_dup2(child, one, 42);
	dq_tell_close(a, 41);
	dq_checkpoint("shared");
	dq_tell_unshare(child);
	dq_tell_close(child, 40);
	dq_checkpoint("unshare");
	dq_tell_exit(child);
	dq_checkpoint("unshare-exit");

	child = dq_tell_fork(a, DQ_SHARE_FILES);
	dq_tell_close_range(child, 40, 41, CLOSE_RANGE_UNSHARE);
	dq_checkpoint("close_range-unshare");
	dq_tell_exit(child);

	child = dq_tell_fork(a, DQ_SHARE_FILES);
	dq_tell_exec(child);
	dq_checkpoint("exec-shared");
	dq_tell_exit(child);

	child = dq_tell_fork(a, DQ_SHARE_FILES);
	dq_tell_exit(child);
	dq_checkpoint("exit-shared");

	child = dq_tell_fork(a, DQ_VFORK);
	dq_tell_dup2(child, two, 43);
	dq_tell_close(child, 42);
	dq_checkpoint("vfork");
	dq_tell_exec(child);
	dq_checkpoint("vfork-exec");
	dq_tell_exit(child);
	child = dq_tell_fork(a, DQ_VFORK);
	dq_tell_exit(child);
	dq_checkpoint("vfork-exit");

	/* An orphan keeps what its parent had. */
	child = dq_tell_fork(a, DQ_FORK);
	dq_tell_exec(a);
	dq_checkpoint("exec-parent");
	dq_tell_exit(child);
	dq_tell_exit(a);
	dq_checkpoint("families-exit");
}

/*
 * Every way in which descriptors and mappings come and go.  What is left for
 * the pause at the end is held in each way that there is.
 */
void story_routes(void)
{
	enum dq_exporter exporter = pick_plain();
	struct dq_agent *a, *b;
	int fds[2], got[2];
	long where;

	duplicates(exporter);
	mappings(exporter);
	passing(exporter);
	families(exporter);

	a = dq_spawn();
	b = dq_tell_fork(a, DQ_FORK);
	dq_tell_export(a, exporter, &fds[0]);
	dq_tell_export(a, exporter, &fds[1]);
	dq_tell_mmap(a, fds[1], &where);
	dq_tell_dup2(a, fds[0], 40);
	dq_tell_send(a, fds, 2);
	dq_tell_receive(b, false, got, 2);
	dq_tell_mmap(b, got[0], &where);
	dq_tell_close(b, got[1]);
	dq_tell_close(a, fds[1]);
	dq_tell_send(a, &fds[0], 1);
	dq_checkpoint("end");
	dq_pause();
	dq_tell_receive(b, false, got, 1);
	dq_agents_finish();
	dq_report("routes", "exporter=%s", dq_name(exporter));
}

/* ---- leak ----------------------------------------------------------------- */

/* What vgem can import, on its own: not its own buffers. */
static enum dq_exporter pick_foreign(void)
{
	static const enum dq_exporter order[] = { DQ_UDMABUF, DQ_HEAP, DQ_VIVID };

	return pick(order, 3);
}

/*
 * Buffers that nobody has a descriptor of: an importer keeps one, the handle
 * that it was made from another; a third is kept by its mapping.
 */
void story_leak(void)
{
	enum dq_exporter exporter = pick_foreign();
	struct dq_agent *a;
	unsigned int imported, kept;
	int fds[2], bufs[2];
	long where;

	if (dq_drm("vgem") < 0)
		dq_skip("leak needs vgem");
	if (exporter == DQ_VIVID)
		dq_vivid_alloc(1);
	a = dq_spawn();
	bufs[0] = dq_tell_export(a, exporter, &fds[0]);
	imported = dq_tell_import(a, fds[0]);
	dq_checkpoint("imported");
	dq_tell_close(a, fds[0]);
	dq_checkpoint("only-imported");
	kept = dq_tell_export_handle(a, &bufs[1], &fds[1]);
	dq_tell_mmap(a, fds[1], &where);
	dq_tell_close(a, fds[1]);
	dq_checkpoint("leak");
	dq_pause();
	dq_tell_drop(a, bufs[0], imported);
	dq_tell_drop_handle(a, bufs[1], kept);
	dq_checkpoint("only-mapped");
	dq_tell_exit(a);
	dq_checkpoint("leak-exit");
	if (exporter == DQ_VIVID)
		dq_vivid_free();
	dq_report("leak", "exporter=%s importer=vgem", dq_name(exporter));
}

/* ---- hold ------------------------------------------------------------------- */

/*
 * Buffers of every exporter there is, held in several ways before anybody looks:
 * the account "before", a pause.  Then the same buffers change hands: the
 * account "after", a pause.  For recorders that start between the two.
 */
void story_hold(void)
{
	static const enum dq_exporter exporters[] = { DQ_UDMABUF, DQ_HEAP, DQ_VGEM };
	struct dq_agent *a = dq_spawn(), *b = dq_spawn(), *child;
	int fds[16], bufs[16], got, imported = 0, n = 0, i, round;
	unsigned int handle = 0;
	char name[32];
	long where, other;

	for (round = 0; round < number(opt.count, 1); round++) {
		for (i = 0; i < 3 && n < 15; i++) {
			if (!dq_have(exporters[i]))
				continue;
			bufs[n] = dq_tell_export(a, exporters[i], &fds[n]);
			snprintf(name, sizeof(name), "%s-%d",
				 dq_name(exporters[i]), round);
			dq_tell_name(a, fds[n], name);
			if (exporters[i] != DQ_VGEM && !handle) {
				handle = dq_tell_import(a, fds[n]);
				imported = bufs[n];
			}
			n++;
		}
	}
	if (!n)
		dq_skip("this kernel has no exporter for it");
	dq_tell_mmap(a, fds[0], &where);
	dq_tell_mmap(a, fds[n - 1], &other);
	dq_tell_dup2(a, fds[0], 40);
	dq_tell_send(a, &fds[n - 1], 1);
	dq_tell_receive(b, false, &got, 1);
	child = dq_tell_fork(b, DQ_SHARE_FILES);
	dq_checkpoint("before");
	dq_pause();

	dq_tell_munmap(a, bufs[n - 1], other, 0, 8, 0);
	dq_tell_dup2(a, fds[n - 1], 40);
	dq_tell_dup2(child, got, 41);
	dq_tell_unshare(child);
	dq_tell_close(child, got);
	dq_tell_close(a, fds[0]);
	dq_tell_exit(b);
	b = dq_tell_fork(a, DQ_FORK);
	dq_tell_munmap(b, bufs[0], where, 0, DQ_SIZE / 4096, -1);
	dq_tell_export(b, pick_plain(), &got);
	dq_checkpoint("after");
	dq_pause();
	if (handle)
		dq_tell_drop(a, imported, handle);
	dq_agents_finish();
	dq_report("hold", "buffers=%d", n + 1);
}
