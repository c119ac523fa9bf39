// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_live_kmem.c - what kmem.c takes for memory on the maps of three architectures, and what not:
 * above all nothing that ioremap() gives.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/live/kmem.h"

static FILE *text_file(const char *s)
{
	FILE *f;

	if (!s)
		return NULL;
	f = fmemopen((void *)s, strlen(s), "r");
	assert_non_null(f);
	return f;
}

static int parse(struct kmem *m, struct kmem_source s, const char *zones, const char *iomem,
		 const char *modules)
{
	FILE *files[] = {text_file(zones), text_file(iomem), text_file(modules)};
	int err;

	memset(m, 0, sizeof(*m));
	s.page = 4096;
	s.zoneinfo = files[0];
	s.iomem = files[1];
	s.modules = files[2];
	err = kmem_parse(m, &s);
	for (size_t i = 0; i < 3; i++)
		if (files[i])
			fclose(files[i]);
	return err;
}

/* 1 GiB from page `start` on */
#define ZONE(name, start)                                                                                           \
	"Node 0, zone   " name                                                                                      \
	"\n  pages free     3840\n        boost    0\n        spanned  262144\n"                                    \
	"        present  262144\n  pagesets\n    cpu: 0\n  node_unreclaimable:  0\n  start_pfn:           " #start \
	"\n"
#define EMPTY "Node 0, zone   Movable\n  pages free     0\n        spanned  0\n        present  0\n"

static void arm64(void **state)
{
	static const char iomem[] = "09000000-09000fff : pl011@9000000\n"
				    "40000000-7fffffff : System RAM\n"
				    "  40210000-4188ffff : Kernel code\n"
				    "  41890000-41e0ffff : reserved\n"
				    "  41e10000-422effff : Kernel data\n";
	static const char modules[] = "vgem 20480 0 - Live 0xffff80007a8f0000\n"
				      "hidden 20480 0 - Live 0x0000000000000000\n"
				      "udmabuf 16384 2 vgem, Live 0xffff80007a8e0000 (OE)\n";
	struct kmem_source s = {
		.arch = KMEM_ARM64, .direct = 0xffff000003a10000, .text = 0xffff800080000000};
	struct kmem m;

	(void)state;
	assert_int_equal(parse(&m, s, ZONE("DMA", 262144) EMPTY, iomem, modules), 0);
	assert_true(kmem_has(&m, 0xffff000003a10000, 8192));
	assert_true(kmem_has(&m, 0xffff00003fffff80, 128));
	assert_false(kmem_has(&m, 0xffff000080000000, 128)); /* more than there is */
	assert_false(kmem_has(&m, 0xfffeffffffffffc0, 128)); /* below the kernel's half */
	assert_false(kmem_has(&m, 0xffff800000000000, 8));
	assert_true(kmem_has(&m, 0xffff800080000000, 128));
	assert_true(kmem_has(&m, 0xffff800082000000, 128));  /* its data */
	assert_false(kmem_has(&m, 0xffff8000820e0000, 128)); /* behind its end */
	assert_false(kmem_has(&m, 0xffff800083020000, 8));   /* ioremap, behind the image */
	assert_true(kmem_has(&m, 0xffff80007a8f4f80, 128));
	assert_false(kmem_has(&m, 0xffff80007a8f4f81, 128)); /* partly behind it */
	assert_true(kmem_has(&m, 0xffff80007a8e0000, 128));
	assert_false(kmem_has(&m, 0x100, 8));
	kmem_free(&m);

	/* 52 bits of address; 39 bits; and nothing known of the image */
	s.direct = 0xfff0000007850000;
	assert_int_equal(parse(&m, s, ZONE("DMA", 262144), iomem, NULL), 0);
	assert_true(kmem_has(&m, 0xfff0000000000000, 128));
	assert_false(kmem_has(&m, 0xffff800083020000, 8));
	kmem_free(&m);
	s = (struct kmem_source){
		.arch = KMEM_ARM64, .direct = 0xffffff803fff0000, .text = 0xffffffc008000000};
	assert_int_equal(
		parse(&m, s, ZONE("DMA", 262144), "00000000-00000000 : Kernel code\n", NULL), 0);
	assert_true(kmem_has(&m, 0xffffff8000000000, 128));
	assert_false(kmem_has(&m, 0xffffffc008000000, 8));
	assert_false(kmem_has(&m, 0xffffffc000000000, 8));
	kmem_free(&m);
	/* at the end of the lower half the upper one is not memory */
	s.direct = 0xffffffbffff00000;
	assert_int_equal(parse(&m, s, ZONE("DMA", 262144), NULL, NULL), 0);
	assert_true(kmem_has(&m, 0xffffffbfffffff80, 128));
	assert_false(kmem_has(&m, 0xffffffc000000000, 8));
	kmem_free(&m);
}

static void amd64(void **state)
{
	struct kmem_source s = {
		.arch = KMEM_AMD64, .direct = 0xffff9d4c03a10000, .text = 0xffffffff9a000000};
	struct kmem m;

	(void)state;
	assert_int_equal(parse(&m, s, ZONE("DMA", 1) ZONE("Normal", 262144), NULL, NULL), 0);
	assert_true(kmem_has(&m, 0xffff9d4c03a10000, 8192));
	assert_true(kmem_has(&m, 0xffff9d4c7fffff00, 128));
	assert_false(kmem_has(&m, 0xffffb3d1c0013000, 8)); /* vmalloc, ioremap */
	assert_true(kmem_has(&m, 0xffffffff9a000000, 128));
	assert_true(kmem_has(&m, 0xffffffffc0400000, 128)); /* a module */
	assert_false(kmem_has(&m, 0xffffffffff5fb000, 8));  /* fixmap: the APIC */
	assert_false(kmem_has(&m, 0xfffffffffffffff4, 8));  /* -ENOMEM */
	kmem_free(&m);
	/* five levels, and what four cannot have */
	assert_int_equal(parse(&m, s, ZONE("Normal", 0), NULL, NULL), 0);
	assert_false(kmem_has(&m, 0xff11000000000000, 8));
	kmem_free(&m);
	s.direct = 0xff11000003a10000;
	assert_int_equal(parse(&m, s, ZONE("Normal", 0), NULL, NULL), 0);
	assert_true(kmem_has(&m, 0xff11000000000000, 8));
	kmem_free(&m);
}

static void arm(void **state)
{
	struct kmem_source s = {.arch = KMEM_ARM, .direct = 0xc4a01000, .text = 0xc0208000};
	struct kmem m;

	(void)state;
	/* 256 MiB of it; a module that found no room below */
	assert_int_equal(
		parse(&m, s,
		      "Node 0, zone   Normal\n        spanned  65536\n  start_pfn:           262144\n" ZONE(
			      "HighMem", 327680),
		      NULL, "vgem 20480 0 - Live 0xf0900000\n"),
		0);
	assert_true(kmem_has(&m, 0xc0000000, 128));
	assert_true(kmem_has(&m, 0xbf000000, 128)); /* modules */
	assert_false(kmem_has(&m, 0xbe000000, 8));
	assert_true(kmem_has(&m, 0xcfffff80, 128));
	assert_false(kmem_has(&m, 0xd0000000, 8));
	assert_false(kmem_has(&m, 0xf0800000, 8)); /* ioremap */
	assert_true(kmem_has(&m, 0xf0900000, 128));
	kmem_free(&m);
	s.direct = 0xf0a01000; /* not where such memory is: nothing can be told */
	assert_int_equal(
		parse(&m, s,
		      "Node 0, zone   Normal\n        spanned  65536\n  start_pfn:           262144\n",
		      NULL, NULL),
		-ENODATA);
	kmem_free(&m);
}

static void nothing(void **state)
{
	struct kmem_source s = {.arch = KMEM_AMD64, .direct = 0xffff9d4c03a10000};
	static const char *const bad[] = {NULL,
					  "",
					  "Node 0, zone   Normal\n",
					  EMPTY,
					  ZONE("Device", 1),
					  "        spanned  4\n  start_pfn:           1\n",
					  "Node 0, zone   Normal\n        spanned  18446744073709551615\n"
					  "  start_pfn:           7\n"};
	struct kmem m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (bad[i] && !*bad[i])
			continue;
		assert_int_equal(parse(&m, s, bad[i], NULL, NULL), -ENODATA);
		assert_false(kmem_has(&m, s.direct, 1));
		kmem_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64),
		cmocka_unit_test(amd64),
		cmocka_unit_test(arm),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
