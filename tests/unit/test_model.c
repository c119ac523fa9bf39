/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model.c - the model on small traces: nesting, what counts once, names of
 * importers, phases, loops and pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

/* A model of a text trace; the reader lives as long as the model. */
struct loaded {
	struct dq_reader *r;
	struct dq_model *m;
};

static struct loaded load(const char *text)
{
	struct dq_sb sb = { 0 };
	struct loaded l = { 0 };
	char *err = NULL;

	dq_sb_printf(&sb, "dmaseq-text 1\nmeta key=\"arch\" value=\"x86_64\"\n%s", text);
	if (dq_reader_open_mem(&l.r, sb.s, sb.len, &err))
		fail_msg("%s", err ? err : "no reader");
	assert_int_equal(dq_model_new(&l.m, DQ_KEEP_ALL), 0);
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	dq_sb_free(&sb);
	return l;
}

static void unload(struct loaded *l)
{
	dq_model_free(&l->m);
	dq_reader_free(&l->r);
}

static struct dq_story *story_of(const struct loaded *l, size_t max, bool fold)
{
	const struct dq_story_opts o = { .detail = DQ_DETAIL_API, .via = true, .fold = fold,
					 .to = UINT64_MAX, .max_steps = max };
	const uint32_t buf = 1;
	struct dq_story *s;

	assert_int_equal(dq_story_new(&s, l->m, &buf, 1, &o), 0);
	return s;
}

/* ---- a task that dies in a call ---- */

#define DIES_IN(t0, sys)                                                                           \
	"call dma_buf_vunmap t=" t0 " task=1 seq=1 " sys " state=MISSED buf=1\n"
#define EXITS "taskev EXIT t=100.5s task=1 table=1\n"
#define LOSS  "loss return count=1 from=101s to=101s\n"

static void expect_fatal(const char *text, uint64_t fatal, uint64_t missed)
{
	struct dq_sb sb = { 0 };
	const struct dq_mbuf *b;
	struct loaded l;

	dq_sb_puts(&sb, "task 1 tid=7 tgid=7 comm=\"a\" process=\"a\"\nbuf 1 t=100s ino=1 size=1\n");
	dq_sb_puts(&sb, text);
	l = load(dq_sb_str(&sb));
	b = dq_model_buf(l.m, 1);
	assert_non_null(b);
	assert_int_equal(b->fatal, fatal);
	assert_int_equal(b->missed, missed);
	assert_int_equal(l.m->missed, missed);
	assert_int_equal(dq_reader_state(l.r)->fatal_calls, fatal);
	assert_int_equal(dq_reader_state(l.r)->missed_returns, missed);
	assert_int_equal(dq_reader_state(l.r)->lost_events, missed);
	dq_sb_free(&sb);
	unload(&l);
}

static void test_fatal(void **state)
{
	expect_fatal(EXITS LOSS DIES_IN("100s", "sys=3"), 1, 0);
	/* it was given up before: its system call went on, or its own end was missed */
	expect_fatal(LOSS DIES_IN("100s", "sys=3") EXITS, 0, 1);
	/* made by the exit itself */
	expect_fatal(EXITS LOSS DIES_IN("100.6s", "sys=3"), 0, 1);
	/* outside of a system call it may be old */
	expect_fatal(EXITS LOSS DIES_IN("100s", ""), 0, 1);
	/* nobody dies twice */
	expect_fatal(EXITS LOSS DIES_IN("100s", "sys=3") LOSS DIES_IN("100.1s", "sys=4"), 1, 1);
	/* that of somebody else */
	expect_fatal("taskev EXIT t=100.5s task=2\n" LOSS DIES_IN("100s", "sys=3"), 0, 1);
}

static void test_fatal_story(void **state)
{
	struct loaded l = load("task 1 tid=7 tgid=7 comm=\"a\" process=\"a\"\nbuf 1 t=100s ino=1 size=1\n"
			       EXITS LOSS DIES_IN("100s", "sys=3")
			       "sys ioctl t=100s end=102s task=1 sys=3 nr=16 state=MISSED fd=4\n");
	struct dq_story *s = story_of(&l, 0, false);
	size_t n = 0;

	for (size_t i = 0; i < s->nsteps; i++) {
		if (!(s->steps[i].flags & DQ_ST_FATAL))
			continue;
		assert_string_equal(s->steps[i].text, n ? "no return: the task died" :
							 "the task died in this call");
		n++;
	}
	assert_int_equal(n, 2);
	dq_story_free(&s);
	unload(&l);
}

/* ---- names ---- */

static void test_ioctl_names(void **state)
{
	assert_string_equal(dq_ioctl_name(0x40086200, "", ""), "DMA_BUF_IOCTL_SYNC");
	assert_string_equal(dq_ioctl_name(0xc058560f, "video4linux", "vivid"), "VIDIOC_QBUF");
	/* a 32-bit program's structure has another size */
	assert_string_equal(dq_ioctl_name(0xc044560f, "video4linux", "vivid"), "VIDIOC_QBUF");
	assert_string_equal(dq_ioctl_name(0xc00c642d, "drm", "vgem"), "DRM_IOCTL_PRIME_HANDLE_TO_FD");
	assert_string_equal(dq_ioctl_name(0x40086442, "drm", "vgem"), "DRM_IOCTL_VGEM_FENCE_SIGNAL");
	assert_string_equal(dq_ioctl_name(0xc0406442, "drm", "virtio-gpu"),
			    "DRM_IOCTL_VIRTGPU_EXECBUFFER");
	/* numbers of drivers mean nothing on another driver */
	assert_null(dq_ioctl_name(0x40086442, "drm", "nouveau"));
	assert_null(dq_ioctl_name(0xc00c642d, "video4linux", "vivid"));
	assert_string_equal(dq_ioctl_name(0xc0184800, "dma_heap", ""), "DMA_HEAP_IOCTL_ALLOC");
	assert_string_equal(dq_ioctl_name(0x40187542, "misc", ""), "UDMABUF_CREATE");
}

static void test_words(void **state)
{
	struct dq_sb sb = { 0 };

	dq_sb_ioctl(&sb, 0xc0107a07, NULL);
	dq_sb_puts(&sb, "; ");
	dq_sb_sync(&sb, 5);
	dq_sb_puts(&sb, "; ");
	dq_sb_sync(&sb, 3);
	dq_sb_puts(&sb, "; ");
	dq_sb_sync(&sb, 0x100);
	dq_sb_puts(&sb, "; ");
	dq_sb_sync(&sb, UINT64_MAX);
	dq_sb_puts(&sb, "; ");
	dq_sb_oflags(&sb, 02000002);
	assert_string_equal(sb.s, "0xc0107a07 'z' 7; END|READ; START|RW; START|0x100; "
				  "flags not readable; O_RDWR|O_CLOEXEC");
	dq_sb_free(&sb);
}

static void test_helpers(void **state)
{
	assert_true(dq_is_helper("videobuf2_dma_contig"));
	assert_true(dq_is_helper("drm"));
	assert_false(dq_is_helper("vivid"));
	assert_false(dq_is_helper(""));
}

/* ---- nesting ---- */

#define HEAD "task 1 tid=7 tgid=7 comm=\"app\"\n"
#define BUF  "buf 1 t=1s size=4096 exp_name=\"x\"\n"

static void test_wrappers_count_once(void **state)
{
	struct loaded l = load(HEAD BUF
		"att 1 t=1s buf=1 dev=\"d0\" driver=\"drv\"\n"
		"call ops->attach t=1.000000003s dur=1 task=1 seq=3 depth=2 buf=1 att=1\n"
		"call dma_buf_dynamic_attach t=1.000000002s dur=4 task=1 seq=2 depth=1 buf=1 att=1\n"
		"call dma_buf_attach t=1.000000001s dur=8 task=1 seq=1 buf=1 att=1\n");
	const struct dq_mbuf *b = dq_model_buf(l.m, 1);

	assert_int_equal(b->calls, 2);
	assert_int_equal(l.m->ngroups, 1);
	assert_int_equal(l.m->calls_v[0].c.hook, HOOK_ATTACH);
	assert_int_equal(l.m->calls_v[0].flags & DQ_MC_WRAPPED, 0);
	assert_int_equal(l.m->calls_v[1].flags & DQ_MC_WRAPPED, DQ_MC_WRAPPED);
	assert_int_equal(l.m->calls_v[1].parent, 0);
	assert_int_equal(l.m->calls_v[2].parent, 1);
	assert_int_equal(b->nimporters, 1);
	assert_string_equal(b->importers[0], "drv");
	unload(&l);
}

/* The kernel's own rollback belongs to the call around it. */
static void test_rollback_is_internal(void **state)
{
	struct loaded l = load(HEAD BUF
		"call ops->detach t=1.000000004s dur=1 task=1 seq=3 depth=2 buf=1 att=1\n"
		"call dma_buf_detach t=1.000000003s dur=4 task=1 seq=2 depth=1 buf=1 att=1\n"
		"call dma_buf_attach t=1.000000001s dur=8 task=1 seq=1 buf=1 ret=-ENOMEM\n");
	struct dq_story *s = story_of(&l, 0, true);

	assert_int_equal(dq_model_buf(l.m, 1)->calls, 2);
	assert_int_equal(dq_model_buf(l.m, 1)->errors, 1);
	for (size_t i = 0; i < s->nsteps; i++)
		assert_null(strstr(s->steps[i].text, "dma_buf_detach"));
	assert_int_equal(s->shown, 2);
	dq_story_free(&s);
	unload(&l);
}

/* A callee whose caller was lost is not its neighbour's child. */
static void test_orphan(void **state)
{
	struct loaded l = load(HEAD BUF
		"call dma_buf_get t=1.000000001s dur=5 task=1 seq=1 sys=1 buf=1 fd=3\n"
		"call ops->vmap t=1.000000100s dur=5 task=1 seq=9 depth=1 sys=1 buf=1\n"
		"sys ioctl t=1.000000001s end=1.000000200s task=1 sys=1 nr=16\n");

	assert_int_equal(l.m->ngroups, 1);
	assert_int_equal(l.m->calls_v[1].parent, -1);
	unload(&l);
}

/* Open calls are drained at the end, in any order. */
static void test_open_calls(void **state)
{
	struct loaded l = load(HEAD BUF
		"call dma_buf_vmap_unlocked t=1.000000001s dur=50 task=1 seq=1 state=OPEN buf=1\n"
		"call ops->vmap t=1.000000003s dur=48 task=1 seq=3 depth=2 state=OPEN buf=1\n"
		"call dma_buf_vmap t=1.000000002s dur=49 task=1 seq=2 depth=1 state=OPEN buf=1\n");
	struct dq_story *s = story_of(&l, 0, true);

	assert_int_equal(dq_model_buf(l.m, 1)->open, 2);
	assert_int_equal(dq_model_buf(l.m, 1)->errors, 0);
	assert_int_equal(l.m->ngroups, 1);
	assert_int_equal(l.m->calls_v[2].parent, 1);
	assert_int_equal(s->steps[s->nsteps - 1].flags & DQ_ST_OPEN, DQ_ST_OPEN);
	dq_story_free(&s);
	unload(&l);
}

/* Calls of a syscall whose own record was lost are still one group. */
static void test_lost_syscall(void **state)
{
	struct loaded l = load(HEAD BUF
		"call dma_buf_get t=1.000000001s dur=5 task=1 seq=1 sys=1 buf=1 fd=3\n"
		"call dma_buf_put t=1.000000010s task=1 seq=2 sys=1 buf=1\n"
		"call dma_buf_get t=1.000000020s dur=5 task=1 seq=3 sys=2 buf=1 fd=3\n"
		"sys ioctl t=1.000000020s end=1.000000030s task=1 sys=2 nr=16\n");

	assert_int_equal(l.m->ngroups, 2);
	assert_false(l.m->groups[0].has_sys);
	assert_int_equal(l.m->groups[0].n, 2);
	assert_true(l.m->groups[1].has_sys);
	unload(&l);
}

/* On amd64 dma_buf_end_cpu_access is inlined into the ioctl: nothing is made up for it. */
static void test_inlined_end(void **state)
{
	struct loaded l = load(HEAD BUF "dev 1 kind=\"dmabuf\"\n"
		"call ops->end_cpu_access t=1.000000003s dur=1 task=1 seq=2 depth=1 sys=1 buf=1\n"
		"call dma_buf_ioctl t=1.000000001s dur=8 task=1 seq=1 sys=1 buf=1 cmd=0x40086200 sync=5\n"
		"sys ioctl t=1.000000001s end=1.000000020s task=1 sys=1 nr=16 fd=7 dev=1 buf=1\n");
	struct dq_story *s = story_of(&l, 0, true);

	assert_int_equal(s->nsteps, 2);
	assert_string_equal(s->steps[0].text, "DMA_BUF_IOCTL_SYNC(END|READ) → end_cpu_access");
	assert_int_equal(s->steps[0].phase, DQ_PH_CPU_END);
	assert_true(s->steps[0].via >= 0);
	assert_string_equal(s->steps[1].text, "0");
	dq_story_free(&s);
	unload(&l);
}

/* ---- who ---- */

/* Behind a library stands the driver of the syscall's device, later the one that was seen. */
static void test_who(void **state)
{
	struct loaded l = load(HEAD BUF
		"task 2 tid=9 tgid=9 flags=KTHREAD comm=\"vid-thread\"\n"
		"dev 1 kind=\"chr\" driver=\"vivid\" subsystem=\"video4linux\"\n"
		"call dma_buf_get t=1.000000001s dur=5 task=1 seq=1 sys=1 buf=1 fd=3 "
		"caller=\"__prepare_dmabuf [videobuf2_common]\"\n"
		"sys ioctl t=1.000000001s end=1.000000030s task=1 sys=1 nr=16 fd=5 dev=1\n"
		"call dma_buf_vmap t=1.000000100s dur=5 task=2 seq=1 buf=1 "
		"caller=\"vb2_vmalloc_map_dmabuf [videobuf2_vmalloc]\"\n");

	assert_string_equal(l.m->calls_v[0].who, "vivid");
	assert_string_equal(l.m->calls_v[1].who, "vivid");
	assert_int_equal(dq_model_buf(l.m, 1)->nimporters, 1);
	unload(&l);
}

/* A meaningless driver name gives way to the device's name. */
static void test_who_device(void **state)
{
	struct loaded l = load(HEAD BUF
		"att 1 t=1s buf=1 dev=\"vgem\" driver=\"faux_driver\" bus=\"faux\"\n"
		"att 2 t=1s buf=1 bus=\"pci\"\n"
		"call dma_buf_map_attachment t=1.000000001s dur=5 task=1 seq=1 buf=1 att=1 sgt=1 ret=1\n"
		"call dma_buf_map_attachment t=1.000000101s dur=5 task=1 seq=2 buf=1 att=2 sgt=2 ret=1\n");

	assert_string_equal(l.m->calls_v[0].who, "vgem");
	assert_string_equal(l.m->calls_v[1].who, "pci");
	unload(&l);
}

/* Who is hidden behind another recorder's probe is not said to be the exporter, nor the only importer. */
static void test_who_hidden(void **state)
{
	struct loaded l = load(HEAD BUF
		"att 1 t=1s buf=1 dev=\"d\" driver=\"one\"\n"
		"dev 1 kind=\"chr\" driver=\"vivid\" subsystem=\"video4linux\"\n"
		"call dma_buf_put t=1.000000001s task=1 seq=1 buf=1 caller=\"?\"\n"
		"call dma_buf_put t=1.000000002s task=1 seq=2 buf=1\n"
		"call dma_buf_map_attachment t=1.000000003s dur=5 task=1 seq=3 buf=1 att=1 sgt=1 ret=1 caller=\"?\"\n"
		"call dma_buf_put t=1.000000010s task=1 seq=4 sys=1 buf=1 caller=\"?\"\n"
		"sys ioctl t=1.000000010s end=1.000000030s task=1 sys=1 nr=16 fd=5 dev=1\n");

	assert_string_equal(l.m->calls_v[0].who, "unknown caller");
	assert_int_equal(l.m->calls_v[0].flags & DQ_MC_EXPORTER, 0);
	assert_string_equal(l.m->calls_v[1].who, "one");
	assert_string_equal(l.m->calls_v[2].who, "one");
	assert_string_equal(l.m->calls_v[3].who, "vivid");
	unload(&l);
}

/* A module that exports and imports has a lane for each. */
static void test_self_import(void **state)
{
	struct loaded l = load(HEAD
		"buf 1 t=1s size=4096 exp_name=\"drm\" owner=\"vgem\"\n"
		"dev 1 kind=\"chr\" driver=\"vgem\" subsystem=\"drm\"\n"
		"call dma_buf_put t=1.000000001s task=1 seq=1 sys=1 buf=1 caller=\"f [drm]\"\n"
		"sys ioctl t=1.000000001s end=1.000000003s task=1 sys=1 nr=16 fd=5 dev=1\n"
		"call dma_buf_get t=1.000000005s dur=1 task=1 seq=2 sys=2 buf=1 fd=3 caller=\"f [drm]\"\n"
		"sys ioctl t=1.000000005s end=1.000000009s task=1 sys=2 nr=16 fd=5 dev=1\n");
	struct dq_story *s = story_of(&l, 0, true);

	assert_int_equal(l.m->calls_v[0].flags & DQ_MC_EXPORTER, DQ_MC_EXPORTER);
	assert_int_equal(l.m->calls_v[1].flags & DQ_MC_EXPORTER, 0);
	assert_int_equal(s->nlanes, 4);
	assert_int_equal(s->lanes[0].kind, DQ_LANE_APP);
	assert_int_equal(s->lanes[1].kind, DQ_LANE_IMPORTER);
	assert_string_equal(s->lanes[1].name, "vgem");
	assert_int_equal(s->lanes[3].kind, DQ_LANE_EXPORTER);
	assert_string_equal(s->lanes[3].name, "vgem");
	dq_story_free(&s);
	unload(&l);
}

/* ---- loops and pages ---- */

/* n rounds of vmap and vunmap, each with a time of its own, and then a put */
static struct loaded load_rounds(int n)
{
	struct dq_sb sb = { 0 };
	struct loaded l;

	dq_sb_puts(&sb, HEAD BUF);
	for (int i = 0; i < n; i++) {
		dq_sb_printf(&sb, "call dma_buf_vmap t=%d.1s dur=%d task=1 seq=%d buf=1 caller=\"f [m]\"\n",
			     i + 1, 100 + i, 2 * i + 1);
		dq_sb_printf(&sb, "call dma_buf_vunmap t=%d.2s dur=7 task=1 seq=%d buf=1 caller=\"f [m]\"\n",
			     i + 1, 2 * i + 2);
	}
	dq_sb_printf(&sb, "call dma_buf_put t=%d.5s task=1 seq=%d buf=1 caller=\"f [m]\"\n", n + 1,
		     2 * n + 1);
	l = load(sb.s);
	dq_sb_free(&sb);
	return l;
}

static void test_fold(void **state)
{
	struct loaded l = load_rounds(23);
	struct dq_story *s = story_of(&l, 0, true);

	assert_int_equal(s->nunits, 3);
	assert_int_equal(s->nloops, 1);
	assert_int_equal(s->loops[0].first, 0);
	assert_int_equal(s->loops[0].n, 2);
	assert_int_equal(s->loops[0].rounds_min, 23);
	assert_int_equal(s->loops[0].rounds_max, 23);
	assert_int_equal(s->loops[0].period, 1000000000);
	assert_int_equal(s->units[0].times, 23);
	assert_int_equal(s->units[2].times, 1);
	/* the result of the vmap carries the times of all rounds */
	assert_int_equal(s->steps[1].dmin, 100);
	assert_int_equal(s->steps[1].dmed, 111);
	assert_int_equal(s->steps[1].dmax, 122);
	assert_int_equal(s->calls, 47);
	assert_int_equal(s->shown, 47);
	assert_int_equal(s->folded, 44);
	dq_story_free(&s);

	s = story_of(&l, 0, false);
	assert_int_equal(s->nunits, 47);
	dq_story_free(&s);
	unload(&l);
}

/* Two rounds are no loop; a round that differs ends one. */
static void test_no_fold(void **state)
{
	struct loaded l = load_rounds(2);
	struct dq_story *s = story_of(&l, 0, true);

	assert_int_equal(s->nloops, 0);
	assert_int_equal(s->nunits, 5);
	dq_story_free(&s);
	unload(&l);
}

/* Whatever the budget: no page is longer, and the pages together are everything. */
static void test_pages(void **state)
{
	struct loaded l = load_rounds(40);

	for (size_t max = 1; max < 130; max++) {
		for (int fold = 0; fold < 2; fold++) {
			struct dq_story *s = story_of(&l, max, fold);
			uint64_t calls = 0;
			size_t unit = 0;

			for (size_t i = 0; i < s->npages; i++) {
				assert_true(s->pages[i].steps <= max);
				assert_int_equal(s->pages[i].first, unit);
				unit += s->pages[i].n;
				calls += s->pages[i].calls;
			}
			assert_int_equal(unit, s->nunits);
			assert_int_equal(calls, s->calls);
			assert_int_equal(s->shown, s->calls);
			dq_story_free(&s);
		}
	}
	unload(&l);
}

/* Lanes × lulls × steps have a limit, too; a unit is never cut for it. */
static void test_page_cost(void **state)
{
	struct loaded l = load_rounds(40);
	struct dq_story_opts o = { .detail = DQ_DETAIL_API, .via = true, .to = UINT64_MAX, .max_steps = 200 };
	const uint32_t buf = 1;

	for (o.max_cost = 1; o.max_cost < 1000000; o.max_cost *= 3) {
		struct dq_story *s;
		size_t unit = 0;

		assert_int_equal(dq_story_new(&s, l.m, &buf, 1, &o), 0);
		for (size_t i = 0; i < s->npages; i++) {
			const struct dq_page *p = &s->pages[i];
			size_t lulls = 0;

			for (size_t k = p->first; k < p->first + p->n; k++)
				lulls += k && dq_story_lull(s, s->units[k].t0 - s->units[k - 1].t1);
			/* all arrows are between two lanes here */
			assert_true(p->n == 1 || 2 * lulls * p->steps <= o.max_cost);
			assert_int_equal(p->first, unit);
			unit += p->n;
		}
		assert_int_equal(unit, s->nunits);
		assert_true(o.max_cost < 5000 ? s->npages > 1 : o.max_cost < 100000 || s->npages == 1);
		dq_story_free(&s);
	}
	unload(&l);
}

/* Without kept calls the sums are the same. */
static void test_keep_none(void **state)
{
	struct loaded l = { 0 };
	const char *text = "dmaseq-text 1\n" HEAD BUF
			   "call dma_buf_vmap t=1s dur=5 task=1 seq=1 buf=1 ret=-EINVAL\n"
			   "call dma_buf_get t=2s dur=5 task=1 seq=2 fd=9 ret=-EBADF\n";

	assert_int_equal(dq_reader_open_mem(&l.r, text, strlen(text), NULL), 0);
	assert_int_equal(dq_model_new(&l.m, DQ_KEEP_NONE), 0);
	assert_int_equal(dq_model_load(l.m, l.r), 0);
	assert_int_equal(l.m->ncalls_v, 0);
	assert_int_equal(l.m->calls, 2);
	assert_int_equal(l.m->calls_nobuf, 1);
	assert_int_equal(l.m->errors_nobuf, 1);
	assert_int_equal(dq_model_buf(l.m, 1)->errors, 1);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fatal),	cmocka_unit_test(test_fatal_story),
		cmocka_unit_test(test_ioctl_names),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_helpers),
		cmocka_unit_test(test_wrappers_count_once),
		cmocka_unit_test(test_rollback_is_internal),
		cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_open_calls),
		cmocka_unit_test(test_lost_syscall),
		cmocka_unit_test(test_inlined_end),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_who_device),
		cmocka_unit_test(test_who_hidden),
		cmocka_unit_test(test_self_import),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_no_fold),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_page_cost),
		cmocka_unit_test(test_keep_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
