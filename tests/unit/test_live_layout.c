// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_live_layout.c - the BTF that is made of a layout says what the layout says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "../../src/live/layout.h"

static struct btf *btf_of(const struct layout *lo)
{
	char path[32];
	struct btf *btf;
	int fd = layout_btf(lo);

	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	btf = btf__parse(path, NULL);
	close(fd);
	assert_non_null(btf);
	return btf;
}

/* Every field at a place of its own; what is not known is not there. */
static void roundtrip(unsigned int word)
{
	struct layout lo;
	struct btf *btf;

	layout_init(&lo, word);
	for (int f = 0; f < LF_MAX; f++)
		if (lo.off[f] == LAYOUT_UNKNOWN && f % 3)
			layout_found(&lo, f, 8 + 4 * f);
	lo.off[LF_file_f_ref] = LAYOUT_ABSENT;
	btf = btf_of(&lo);
	assert_int_equal(btf__pointer_size(btf), word);
	for (int f = 0; f < LF_MAX; f++)
		assert_int_equal(layout_btf_offset(btf, f), lo.off[f] < 0 ? -1 : lo.off[f]);
	btf__free(btf);
}

static void test_32(void **state)
{
	(void)state;
	roundtrip(4);
}

static void test_64(void **state)
{
	(void)state;
	roundtrip(8);
}

/* The sizes that the probes take from it: those of a 32-bit kernel. */
static void test_sizes(void **state)
{
	const struct btf_type *t;
	struct layout lo;
	struct btf *btf;
	int id;

	(void)state;
	layout_init(&lo, 4);
	layout_found(&lo, LF_inode_i_ino, 40);
	layout_found(&lo, LF_inode_i_sb, 28);
	btf = btf_of(&lo);
	id = btf__find_by_name_kind(btf, "inode", BTF_KIND_STRUCT);
	t = btf__type_by_id(btf, id);
	assert_int_equal(btf_vlen(t), 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(btf__resolve_size(btf, btf_members(t)[i].type), 4);
	btf__free(btf);
}

/* Fixed places are in units of the kernel's pointer, and are not called found. */
static void test_fixed(void **state)
{
	struct layout lo;

	(void)state;
	layout_init(&lo, 4);
	assert_int_equal(lo.off[LF_dma_buf_ops], 16);
	assert_int_equal(lo.off[LF_dma_buf_export_info_flags], 16);
	assert_false(lo.found[LF_dma_buf_ops]);
	layout_init(&lo, 8);
	assert_int_equal(lo.off[LF_dma_buf_ops], 32);
	assert_int_equal(lo.off[LF_task_struct_comm], LAYOUT_UNKNOWN);
	assert_string_equal(layout_name(LF_task_struct_comm), "task_struct.comm");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_32),
		cmocka_unit_test(test_64),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
