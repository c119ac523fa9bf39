/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_holders.c - who holds a buffer: every way in which a descriptor, a mapping
 * or an attachment comes and goes, what is in doubt, and the comparison with what was
 * found by looking.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/holders.h"

#define TASKS "task 1 tid=10 tgid=10 comm=\"a\"\ntask 2 tid=20 tgid=20 comm=\"b\"\n" \
	      "task 3 tid=30 tgid=30 comm=\"c\"\n"
#define BUF   "buf 1 t=1s size=4096 exp_name=\"x\"\nbuf 2 t=1s size=4096 exp_name=\"x\"\n"

struct out {
	struct dq_sb sb;
};

static void on_transfer(const struct dq_transfer *t, void *ctx)
{
	static const char *const ways[] = { "", "scm", "binder", "fork" };
	struct dq_sb *sb = ctx;

	dq_sb_printf(sb, "%s %u:%d>%u:%d%s;", ways[t->way], t->from, t->from_fd, t->to, t->to_fd,
		     t->exact ? "" : "?");
}

/* Feeds a text; transfers go to *out. */
static struct dq_holders *feed(const char *text, struct dq_sb *out)
{
	struct dq_sb sb = { 0 };
	struct dq_holders *h;
	struct dq_reader *r;
	struct dq_item item;
	char *err = NULL;
	int ret;

	dq_sb_printf(&sb, "dmaseq-text 1\n" TASKS BUF "%s", text);
	if (dq_reader_open_mem(&r, sb.s, sb.len, &err))
		fail_msg("%s", err ? err : "no reader");
	assert_int_equal(dq_holders_new(&h), 0);
	if (out)
		dq_holders_on_transfer(h, on_transfer, out);
	while ((ret = dq_reader_next(r, &item)) > 0)
		assert_int_equal(dq_holders_put(h, &item), 0);
	if (ret)
		fail_msg("%s", dq_reader_error(r));
	dq_reader_free(&r);
	dq_sb_free(&sb);
	return h;
}

/* "t1: 5 7 | t2: 1 of 5 7 | maps 2 | atts 1(2) | vmaps 1 | flights 1 | doubt 1" */
static void describe(struct dq_sb *sb, const struct dq_hold_buf *b)
{
	if (!b) {
		dq_sb_puts(sb, "none");
		return;
	}
	for (size_t i = 0; i < b->nfds; i++) {
		const struct dq_hold_fds *f = &b->fds[i];

		dq_sb_printf(sb, "t%u:", f->table);
		if (f->n != f->nfd)
			dq_sb_printf(sb, " %llu of", (unsigned long long)f->n);
		for (size_t k = 0; k < f->nfd; k++)
			dq_sb_printf(sb, " %d", f->fd[k].fd);
		dq_sb_puts(sb, "; ");
	}
	for (size_t i = 0; i < b->nmaps; i++)
		dq_sb_printf(sb, "map %u of %u; ", b->maps[i].vma, b->maps[i].task);
	for (size_t i = 0; i < b->natts; i++)
		if (b->atts[i].made)
			dq_sb_printf(sb, "att %u mapped %llu; ", b->atts[i].att,
				     (unsigned long long)b->atts[i].mapped);
	if (b->nvmaps)
		dq_sb_printf(sb, "vmaps %zu; ", b->nvmaps);
	if (b->nflights)
		dq_sb_printf(sb, "flights %zu; ", b->nflights);
	if (b->doubt)
		dq_sb_printf(sb, "doubt 0x%x; ", b->doubt);
}

static void expect_buf(const struct dq_holders *h, uint32_t buf, const char *want)
{
	struct dq_sb sb = { 0 };

	describe(&sb, dq_holders_get(h, buf));
	assert_string_equal(dq_sb_str(&sb), want);
	dq_sb_free(&sb);
}

static void expect(const char *text, const char *want)
{
	struct dq_holders *h = feed(text, NULL);

	expect_buf(h, 1, want);
	dq_holders_free(&h);
}

static void expect_sent(const char *text, const char *transfers, const char *want)
{
	struct dq_sb sb = { 0 };
	struct dq_holders *h = feed(text, &sb);

	assert_string_equal(dq_sb_str(&sb), transfers);
	expect_buf(h, 1, want);
	dq_sb_free(&sb);
	dq_holders_free(&h);
}

#define OPEN(seq, fd) "call fd_install t=2s task=1 seq=" #seq " sys=" #seq " buf=1 table=1 fd=" #fd "\n"
#define CLOSE(seq, sys, fdno) \
	"call filp_close t=2s task=1 seq=" #seq " sys=" #sys " buf=1 table=1 fdno=" #fdno "\n"

/* ---- descriptors of one process ---- */

static void test_open_close(void **state)
{
	expect(OPEN(1, 5), "t1: 5; ");
	expect(OPEN(1, 5) OPEN(2, 3) OPEN(3, 9), "t1: 3 5 9; ");
	expect(OPEN(1, 5) OPEN(2, 3) CLOSE(3, 3, 6), "t1: 3; ");
	expect(OPEN(1, 5) CLOSE(2, 2, 6), "");
}

static void test_close_without_number(void **state)
{
	/* until the syscall says more, it is one of them */
	expect(OPEN(1, 5) OPEN(2, 3) CLOSE(3, 3, 0), "t1: 1 of 3 5; ");
	expect(OPEN(1, 5) OPEN(2, 3) CLOSE(3, 3, 0) CLOSE(4, 3, 0), "");
	expect(OPEN(1, 5) OPEN(2, 3) CLOSE(3, 3, 0)
	       "sys close t=2s end=2s task=1 sys=3 fd=5 a0=5\n", "t1: 3; ");
	/* an opened number is not among the open ones any more, or was not */
	expect(OPEN(1, 5) OPEN(2, 3) CLOSE(3, 3, 0) OPEN(4, 3), "t1: 3 5; ");
}

static void test_close_range(void **state)
{
	expect(OPEN(1, 5) OPEN(2, 3) OPEN(3, 9) CLOSE(4, 4, 0) CLOSE(5, 4, 0)
	       "sys close_range t=2s end=2s task=1 sys=4 a0=4 a1=0xffffffff\n", "t1: 3; ");
	expect(OPEN(1, 5) OPEN(2, 3) OPEN(3, 9) CLOSE(4, 4, 0)
	       "sys close_range t=2s end=2s task=1 sys=4 a0=4 a1=8\n", "t1: 3 9; ");
}

static void test_dup2(void **state)
{
	/* onto a free slot */
	expect(OPEN(1, 5) "call do_dup2 t=2s task=1 seq=2 sys=2 buf=1 table=1 fd=9\n", "t1: 5 9; ");
	/* onto a slot of the same buffer: the close beside it is of what was there */
	expect(OPEN(1, 5) OPEN(2, 9) "call do_dup2 t=2s task=1 seq=3 sys=3 buf=1 table=1 fd=9\n"
	       CLOSE(4, 3, 10) "sys dup2 t=2s end=2s task=1 sys=3 a0=5 a1=9 ret=9\n", "t1: 5 9; ");
	/* when the close is told first */
	expect(OPEN(1, 5) OPEN(2, 9) CLOSE(4, 3, 10)
	       "call do_dup2 t=2s task=1 seq=3 sys=3 buf=1 table=1 fd=9\n", "t1: 5 9; ");
	/* onto a slot of another buffer */
	expect(OPEN(1, 5) "call fd_install t=2s task=1 seq=2 sys=2 buf=2 table=1 fd=9\n"
	       "call do_dup2 t=2s task=1 seq=3 sys=3 buf=2 table=1 fd=5\n" CLOSE(4, 3, 6), "");
	/* something else than a dma-buf goes there */
	expect(OPEN(1, 5) CLOSE(2, 2, 6) "sys dup2 t=2s end=2s task=1 sys=2 a0=1 a1=5 ret=5\n", "");
}

/* What holds nothing is not looked at again; all else is, and that the task has become another one. */
static void test_repeat(void **state)
{
	struct dq_holders *h = feed("", NULL);
	struct dq_item task = { .kind = DQ_TASK };
	struct dq_repeat r = { .id = 1, .n = 2 };
	struct dq_call *c = &r.item[0].call;
	struct dq_sys *s = &r.item[1].sys;

	r.item[0] = (struct dq_item){ .kind = DQ_CALL, .call = { .hook = HOOK_IOCTL, .task = 1, .buf = 1,
								 .seq = 1, .sys = 1, .caller = "" } };
	r.item[1] = (struct dq_item){ .kind = DQ_SYS, .sys = { .task = 1, .sys = 1, .fd = 5, .buf = 1,
							       .name = "ioctl" } };
	for (int i = 0; i < 3; i++, c->seq++, c->sys++, s->sys++)
		assert_int_equal(dq_holders_repeat(h, &r), 0);
	expect_buf(h, 1, "");
	/* a descriptor more with each */
	r.id = 2;
	c->hook = HOOK_FD_INSTALL;
	c->table = 1;
	for (int i = 0; i < 3; i++, c->seq++, c->sys++, s->sys++) {
		c->a[0] = 5 + (uint64_t)i;
		assert_int_equal(dq_holders_repeat(h, &r), 0);
	}
	expect_buf(h, 1, "t1: 5 6 7; ");
	/* the number of the first again, with other items: nobody may take that for the first */
	r.id = 0;
	c->a[0] = 8;
	assert_int_equal(dq_holders_repeat(h, &r), 0);
	expect_buf(h, 1, "t1: 5 6 7 8; ");
	/* of another process now: then it is one that is traced */
	task.task = (struct dq_task){ .id = 1, .tid = 11, .tgid = 11, .comm = "d", .process = "d" };
	assert_int_equal(dq_holders_put(h, &task), 0);
	r.id = 1;
	c->hook = HOOK_IOCTL;
	c->table = 0;
	assert_int_equal(dq_holders_repeat(h, &r), 0);
	expect_buf(h, 1, "t1: 5 6 7 8; ");
	dq_holders_free(&h);
}

static void test_odd(void **state)
{
	expect(CLOSE(1, 1, 6), "doubt 0x8; ");
	expect(OPEN(1, 5) CLOSE(2, 2, 8), "t1: 5; doubt 0x8; ");
	expect("call fd_install t=2s task=1 seq=1 sys=1 buf=1 fd=5\n", "doubt 0x4; ");
}

/* ---- several processes ---- */

#define FORK(from, to, table) \
	"taskev FORK t=3s task=" #from " other=" #to " table=" #table " from=1\n"

static void test_fork(void **state)
{
	expect_sent(OPEN(1, 5) OPEN(2, 7) FORK(1, 2, 2), "fork 1:5>2:5;", "t1: 5 7; t2: 5 7; ");
	/* threads share */
	expect_sent(OPEN(1, 5) FORK(1, 2, 1), "", "t1: 5; ");
	/* what the child closes is still open in the parent */
	expect(OPEN(1, 5) FORK(1, 2, 2)
	       "call filp_close t=4s task=2 seq=1 sys=1 state=EXITING buf=1 table=2 fdno=0\n", "t1: 5; ");
}

/* Descriptors of a table, by those who share it. */
static void test_shared(void **state)
{
	struct dq_holders *h = feed(OPEN(1, 5) FORK(1, 2, 1), NULL);
	uint32_t tasks[2];

	assert_int_equal(dq_holders_users(h, 1, tasks, 2), 2);
	assert_int_equal(tasks[0], 1);
	assert_int_equal(tasks[1], 2);
	dq_holders_free(&h);
	h = feed(OPEN(1, 5) FORK(1, 2, 1) "taskev EXIT t=4s task=2 table=1\n", NULL);
	assert_int_equal(dq_holders_users(h, 1, tasks, 2), 1);
	expect_buf(h, 1, "t1: 5; ");
	dq_holders_free(&h);
	/* two processes that were found to share one */
	h = feed("snap 1 what=BEGIN t=1s sources=\"task_file task_vma\"\n"
		 "hold FD t=1s snap=1 buf=1 task=1 table=2 fd=4\n"
		 "hold FD t=1s snap=1 buf=1 task=2 table=2 fd=4\n"
		 "snap 1 what=BEGIN t=1s end=1s sources=\"task_file task_vma\"\n", NULL);
	assert_int_equal(dq_holders_users(h, 2, tasks, 2), 2);
	expect_buf(h, 1, "t2: 4; ");
	dq_holders_free(&h);
	/* one that shares and gets a table of its own takes a copy along */
	expect(OPEN(1, 5) FORK(1, 2, 1)
	       "call fd_install t=4s task=2 seq=1 sys=1 buf=1 table=4 fd=6\n", "t1: 5; t4: 5 6; ");
	/* also when the number of that table was another one's once, which is gone */
	expect("call fd_install t=2s task=3 seq=1 sys=1 buf=1 table=4 fd=9\n"
	       "taskev EXIT t=2s task=3 table=4\n"
	       "call filp_close t=2s task=3 seq=2 sys=2 state=EXITING buf=1 table=4 fdno=0\n"
	       OPEN(1, 5) FORK(1, 2, 1)
	       "call fd_install t=4s task=2 seq=1 sys=1 buf=1 table=4 fd=6\n", "t1: 5; t4: 5 6; ");
	/* but two threads of a process with a table each keep them apart */
	expect("task 4 tid=11 tgid=10 comm=\"t\"\n" OPEN(1, 5)
	       "call fd_install t=4s task=4 seq=1 sys=1 buf=1 table=4 fd=6\n"
	       OPEN(2, 7) "call fd_install t=4s task=4 seq=2 sys=2 buf=1 table=4 fd=8\n",
	       "t1: 5 7; t4: 5 6 8; ");
	/* close_range that unshares does not copy what it would close */
	expect(OPEN(1, 5) OPEN(2, 7) FORK(1, 2, 1)
	       "call filp_close t=4s task=2 seq=1 sys=1 buf=1 table=4 fdno=0\n"
	       "sys close_range t=4s end=4s task=2 sys=1 a0=6 a1=9 a2=2\n", "t1: 5 7; t4: 5; ");
}

static void test_exec(void **state)
{
	const char *const two = OPEN(1, 5)
		"sys fcntl t=2s end=2s task=1 sys=1 a0=4 a1=1030 ret=5\n" OPEN(2, 6)
		"sys dup t=2s end=2s task=1 sys=2 a0=5 ret=6\n";
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "%s%s", two, CLOSE(3, 3, 0)
		     "sys execve t=2s end=2s task=1 sys=3 ret=0\n");
	expect(sb.s, "t1: 6; ");
	dq_sb_free(&sb);
	/* a table that nobody announced is a copy of what the process had */
	expect(OPEN(1, 5) OPEN(2, 6)
	       "taskev EXEC t=3s task=1 table=4\n"
	       "call filp_close t=4s task=1 seq=3 sys=3 buf=1 table=4 fdno=6\n", "t1: 5 6; t4: 6; ");
	/* nobody knows which one was marked */
	expect(OPEN(1, 5) OPEN(2, 6) CLOSE(3, 3, 0)
	       "sys execve t=2s end=2s task=1 sys=3 ret=0\n", "t1: 1 of 5 6; ");
}

static void test_scm(void **state)
{
	const char *const send = OPEN(1, 5)
		"call __scm_send t=2s task=1 seq=2 sys=2 buf=1 table=1 fdno=6\n";
	struct dq_sb sb = { 0 };

	dq_sb_printf(&sb, "%ssys sendmsg t=2s end=2s task=1 sys=2 ret=1\n", send);
	expect_sent(sb.s, "", "t1: 5; flights 1; ");
	dq_sb_puts(&sb, "call fd_install t=3s task=2 seq=1 sys=1 buf=1 table=2 fd=8\n"
			"sys recvmsg t=3s end=3s task=2 sys=1 ret=1\n");
	expect_sent(sb.s, "scm 1:5>2:8;", "t1: 5; t2: 8; ");
	dq_sb_reset(&sb);
	/* the number is not said: it is clear where there is one, and not where there are two */
	expect_sent(OPEN(1, 5) "call __scm_send t=2s task=1 seq=2 sys=2 buf=1 table=1\n"
		    "call fd_install t=3s task=2 seq=1 sys=1 buf=1 table=2 fd=8\n"
		    "sys recvmsg t=3s end=3s task=2 sys=1 ret=1\n", "scm 1:5>2:8;", "t1: 5; t2: 8; ");
	expect_sent(OPEN(1, 5) OPEN(2, 6) "call __scm_send t=2s task=1 seq=3 sys=3 buf=1 table=1\n"
		    "call fd_install t=3s task=2 seq=1 sys=1 buf=1 table=2 fd=8\n"
		    "sys recvmsg t=3s end=3s task=2 sys=1 ret=1\n", "scm 1:-1>2:8;",
		    "t1: 5 6; t2: 8; ");
	/* it was refused */
	dq_sb_printf(&sb, "%ssys sendmsg t=2s end=2s task=1 sys=2 ret=-EPIPE\n", send);
	expect_sent(sb.s, "", "t1: 5; ");
	dq_sb_reset(&sb);
	/* two of them: the oldest, and it is said that it might be the other */
	dq_sb_printf(&sb, "%scall __scm_send t=2s task=3 seq=1 sys=1 buf=1 table=3 fdno=4\n"
		     "call fd_install t=3s task=2 seq=1 sys=1 buf=1 table=2 fd=8\n"
		     "sys recvmsg t=3s end=3s task=2 sys=1 ret=1\n", send);
	expect_sent(sb.s, "scm 1:5>2:8?;", "t1: 5; t2: 8; flights 1; ");
	dq_sb_reset(&sb);
	/* a look at the message leaves it there */
	dq_sb_printf(&sb, "%scall fd_install t=3s task=2 seq=1 sys=1 buf=1 table=2 fd=8\n"
		     "sys recvmsg t=3s end=3s task=2 sys=1 a2=2 ret=1\n", send);
	expect_sent(sb.s, "scm 1:5>2:8;", "t1: 5; t2: 8; flights 1; ");
	dq_sb_reset(&sb);
	/* a dup of the receiver is no arrival, nor is pidfd_getfd */
	dq_sb_printf(&sb, "%scall fd_install t=3s task=2 seq=1 sys=1 buf=1 table=2 fd=8\n"
		     "sys pidfd_getfd t=3s end=3s task=2 sys=1 ret=8\n", send);
	expect_sent(sb.s, "", "t1: 5; t2: 8; flights 1; ");
	dq_sb_free(&sb);
}

static void test_binder(void **state)
{
	expect_sent(OPEN(1, 5)
		    "call binder_transaction_fd_send t=2s task=1 seq=2 sys=2 buf=1 table=1 fdno=6 key=77\n"
		    "call binder_transaction_fd_send t=2s task=1 seq=3 sys=2 buf=1 table=1 fdno=6 key=78\n"
		    "call fd_install t=3s task=2 seq=1 sys=1 buf=1 table=2 fd=8 key=78\n",
		    "binder 1:5>2:8;", "t1: 5; t2: 8; flights 1; ");
}

/* ---- mappings, attachments, vmaps ---- */

#define MMAP(seq, vma_) \
	"call dma_buf_mmap_internal t=2s dur=1 task=1 seq=" #seq " sys=" #seq " buf=1 len=4096 vma=" #vma_ "\n"

static void test_maps(void **state)
{
	expect(MMAP(1, 1), "map 1 of 1; ");
	expect(MMAP(1, 1) "call vm_area_free t=3s task=1 seq=2 sys=2 buf=1 vma=1\n", "");
	expect(MMAP(1, 1) "call __vm_area_free t=3s task=1 seq=2 sys=2 buf=1 vma=1\n", "");
	/* a split stays with the process */
	expect(MMAP(1, 1) "call vm_area_dup t=3s task=1 seq=2 sys=2 buf=1 vma=2 orig=1\n"
	       "sys munmap t=3s end=3s task=1 sys=2\n" FORK(1, 2, 2), "map 1 of 1; map 2 of 1; ");
	/* a copy for a child goes to it */
	expect(MMAP(1, 1) "call vm_area_dup t=3s task=1 seq=2 sys=2 buf=1 vma=2 orig=1\n" FORK(1, 2, 2),
	       "map 1 of 1; map 2 of 2; ");
	expect("call dma_buf_mmap_internal t=2s dur=1 task=1 seq=1 sys=1 buf=1 len=4096\n", "doubt 0x4; ");
	expect("call dma_buf_mmap_internal t=2s dur=1 task=1 seq=1 sys=1 buf=1 ret=-EINVAL\n", "");
	/* another file is in it now: no holder, and nothing in doubt */
	expect("call dma_buf_mmap_internal t=2s dur=1 task=1 seq=1 sys=1 state=UNHELD buf=1 len=4096\n", "");
	/* an importer maps its buffer for a process */
	expect("call dma_buf_mmap t=2s dur=1 task=1 seq=1 sys=1 buf=1 len=4096 vma=7\n", "map 7 of 1; ");
	/* of a buffer whose exporter gives the mapping to another one, that one is held */
	expect("call dma_buf_mmap t=2s dur=1 task=1 seq=2 depth=1 sys=1 buf=2 len=4096 vma=7\n"
	       "call dma_buf_mmap_internal t=2s dur=2 task=1 seq=1 sys=1 state=UNHELD buf=1 len=4096\n", "");
}

#define ATT "att 1 t=2s buf=1 dev=\"d\"\n"
#define ATTACHED ATT "call dma_buf_dynamic_attach t=2s dur=1 task=1 seq=2 depth=1 buf=1 att=1\n" \
		 "call dma_buf_attach t=2s dur=1 task=1 seq=1 buf=1 att=1\n"

static void test_attachments(void **state)
{
	expect(ATT, "");
	expect(ATTACHED, "att 1 mapped 0; ");
	expect(ATTACHED "call dma_buf_map_attachment t=2s dur=1 task=1 seq=4 depth=1 buf=1 att=1 sgt=1 ret=1\n"
	       "call dma_buf_map_attachment_unlocked t=2s dur=2 task=1 seq=3 buf=1 att=1 sgt=1 ret=1\n",
	       "att 1 mapped 1; ");
	expect(ATTACHED "call dma_buf_map_attachment t=2s dur=1 task=1 seq=4 buf=1 att=1 sgt=1 ret=1\n"
	       "call dma_buf_map_attachment t=2s dur=1 task=1 seq=5 buf=1 att=1 sgt=1 ret=1\n"
	       "call dma_buf_unmap_attachment t=2s dur=1 task=1 seq=6 buf=1 att=1 sgt=1\n",
	       "att 1 mapped 1; ");
	expect(ATTACHED "call dma_buf_detach t=2s dur=1 task=1 seq=4 buf=1 att=1\n", "");
	/* refused by the exporter */
	expect(ATT "call ops->attach t=2s dur=1 task=1 seq=3 depth=2 buf=1 att=1 ret=-EINVAL\n"
	       "call dma_buf_dynamic_attach t=2s dur=1 task=1 seq=2 depth=1 buf=1 ret=-EINVAL\n", "");
}

static void test_vmaps(void **state)
{
	expect("call dma_buf_vmap t=2s dur=1 task=1 seq=2 depth=1 buf=1\n"
	       "call dma_buf_vmap_unlocked t=2s dur=2 task=1 seq=1 buf=1\n"
	       "call dma_buf_vmap t=2s dur=1 task=1 seq=3 buf=1\n", "vmaps 2; ");
	expect("call dma_buf_vmap t=2s dur=1 task=1 seq=2 depth=1 buf=1\n"
	       "call dma_buf_vmap_unlocked t=2s dur=2 task=1 seq=1 buf=1\n"
	       "call dma_buf_vunmap t=2s dur=1 task=1 seq=3 buf=1\n", "");
	expect("call dma_buf_vmap t=2s dur=1 task=1 seq=2 buf=1 ret=-EINVAL\n", "");
}

static void test_release(void **state)
{
	expect(OPEN(1, 5) "call dma_buf_release t=2s dur=1 task=1 seq=2 buf=1\n", "none");
}

/* ---- doubt ---- */

static void test_losses(void **state)
{
	struct dq_holders *h = feed("buf 3 t=9s size=1 exp_name=\"x\"\n"
				    "loss ring count=3 from=2s to=4s\n", NULL);

	expect_buf(h, 1, "doubt 0x1; ");
	assert_int_equal(dq_holders_get(h, 1)->lost, 3);
	expect_buf(h, 3, "");
	dq_holders_free(&h);
	/* when it is not known, any buffer may be meant */
	expect("loss ring count=3\n", "doubt 0x1; ");
	/* what is lost says nothing about holders */
	expect("loss ring hook=dma_buf_begin_cpu_access count=3\n", "");
	/* nor does the sum of missed returns: the calls themselves do */
	expect("loss return count=3\n", "");
	expect(ATT "call dma_buf_attach t=2s task=1 seq=1 state=MISSED buf=1\n", "doubt 0x1; ");
}

static void test_past(void **state)
{
	struct dq_holders *h = feed("buf 3 flags=PREEXISTING t=1s size=1 exp_name=\"x\"\n", NULL);

	expect_buf(h, 3, "doubt 0x2; ");
	dq_holders_free(&h);
	h = feed("snap 1 what=BEGIN t=1s sources=\"task_file task_vma\"\n"
		 "buf 3 flags=PREEXISTING t=1s size=1 exp_name=\"x\"\n"
		 "hold FD t=1s snap=1 buf=3 task=2 table=2 fd=4\n"
		 "hold FD t=1s snap=1 buf=3 task=2 table=2 fd=4\n"
		 "hold MAP t=1s snap=1 buf=3 task=2 vma=4\n"
		 "snap 1 what=BEGIN t=1s end=1s sources=\"task_file task_vma\"\n"
		 "buf 4 flags=PREEXISTING t=5s size=1 exp_name=\"x\"\n", NULL);
	expect_buf(h, 3, "t2: 4; map 4 of 2; ");
	expect_buf(h, 4, "");
	dq_holders_free(&h);
}

/* ---- the last look ---- */

static void collect(const char *s, bool excused, void *ctx)
{
	dq_sb_printf(ctx, "%s%s\n", excused ? "(excused) " : "", s);
}

static void expect_diff(const char *text, uint64_t n, const char *want)
{
	struct dq_holders *h = feed(text, NULL);
	struct dq_sb sb = { 0 };
	uint64_t excused;

	assert_int_equal(dq_holders_compare(h, collect, &sb, &excused), n);
	assert_string_equal(dq_sb_str(&sb), want);
	dq_sb_free(&sb);
	dq_holders_free(&h);
}

#define FINAL "snap 1 what=FINAL flags=COMPLETE t=9s sources=\"task_file task_vma dmabuf\"\n"
#define GONE2 "call dma_buf_release t=3s dur=1 task=3 seq=90 buf=2\n"

static void test_compare(void **state)
{
	expect_diff(OPEN(1, 5) GONE2 MMAP(2, 1), 0, "");
	expect_diff(OPEN(1, 5) GONE2 MMAP(2, 1) FINAL "hold FD t=9s snap=1 buf=1 task=1 table=1 fd=5\n"
		    "hold MAP t=9s snap=1 buf=1 task=1 vma=1\nhold REFS t=9s snap=1 buf=1 n=2\n", 0, "");
	expect_diff(OPEN(1, 5) OPEN(2, 6) GONE2 MMAP(3, 1) FINAL
		    "hold FD t=9s snap=1 buf=1 task=1 table=1 fd=5\n"
		    "hold FD t=9s snap=1 buf=1 task=2 table=2 fd=3\n"
		    "hold MAP t=9s snap=1 buf=1 task=2 vma=7\n", 4,
		    "b (20) has fd 3 of buffer 1, which no recorded call opened\n"
		    "b (20) has a mapping of buffer 1, which no recorded call made\n"
		    "a (10) should have 2 descriptors of buffer 1 (not found: fd 6), and 1 was found\n"
		    "a (10) should have a mapping of buffer 1, which was not found\n");
	/* which of the two is open is not known: either will do */
	expect_diff(OPEN(1, 5) OPEN(2, 6) GONE2 CLOSE(3, 3, 0) FINAL
		    "hold FD t=9s snap=1 buf=1 task=1 table=1 fd=6\n", 0, "");
	expect_diff(FINAL "hold REFS t=9s snap=1 buf=1 n=1\n", 1,
		    "buffer 2 should be alive, and was not found\n");
	expect_diff(GONE2 FINAL "hold REFS t=9s snap=1 buf=1 n=1\nhold REFS t=9s snap=1 buf=2 n=1\n", 1,
		    "buffer 2 was found, although its release was recorded\n");
	/* lost events excuse */
	expect_diff("loss ring count=1\n" OPEN(1, 5) GONE2 FINAL "hold REFS t=9s snap=1 buf=1 n=1\n", 0,
		    "(excused) a (10) should have 1 descriptor of buffer 1 (fd 5), and 0 were found\n");
}

/* What cannot be told comes first. */
static void test_verdict(void **state)
{
	const struct dq_snap f = { .id = 1, .bufs = 1, .fds = 2 };
	struct dq_sb sb = { 0 };

	dq_holders_verdict(&sb, &f, 0, 0);
	dq_sb_putc(&sb, '\n');
	dq_holders_verdict(&sb, &f, 3, 2);
	dq_sb_putc(&sb, '\n');
	dq_holders_verdict(&sb, &f, 0, 2);
	assert_string_equal(dq_sb_str(&sb),
		"what is left agrees with a look at the end (1 buffer, 2 fds, 0 mappings)\n"
		"of 3 holders it cannot be told whether the calls are right; the rest agrees with a look at the end (1 buffer, 2 fds, 0 mappings)\n"
		"who holds 2 buffers cannot be told from the calls; what is known agrees with a look at the end (1 buffer, 2 fds, 0 mappings)");
	dq_sb_free(&sb);
}

static void test_compare_proves_nothing(void **state)
{
	/* not everything was looked at */
	expect_diff(OPEN(1, 5) "snap 1 what=FINAL t=9s sources=\"dmabuf\"\n", 0, "");
	expect_diff(OPEN(1, 5) "snap 1 what=FINAL flags=FAILED|COMPLETE t=9s sources=\"procfs\"\n", 0, "");
	/* it came while they looked */
	expect_diff(OPEN(1, 5) GONE2 "snap 1 what=FINAL flags=COMPLETE t=1s sources=\"procfs\"\n", 0, "");
	/* somebody whom the filter leaves out */
	expect_diff("meta filter value=\"pid 10\"\n" GONE2 OPEN(1, 5) FINAL
		    "hold FD t=9s snap=1 buf=1 task=1 table=1 fd=5\n"
		    "hold FD t=9s snap=1 buf=1 task=2 table=2 fd=3\n", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_close),
		cmocka_unit_test(test_close_without_number),
		cmocka_unit_test(test_close_range),
		cmocka_unit_test(test_dup2),
		cmocka_unit_test(test_repeat),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_scm),
		cmocka_unit_test(test_binder),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_attachments),
		cmocka_unit_test(test_vmaps),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_past),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_compare_proves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
