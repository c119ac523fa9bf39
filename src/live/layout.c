// SPDX-License-Identifier: BSD-2-Clause
/*
 * layout.c - the fields that the probes read as BTF, see layout.h.
 *
 * Names and kinds (pointer, integer, array, structure) must be those of bpf/core_types.h: CO-RE
 * matches by them. Sizes must be those of the kernel, which the probes take from here.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "../util/util.h"
#include "layout.h"

#define COMM_LEN 16

static const struct {
	const char *strct, *name;
	enum field_kind kind;
	int fixed;
} fields[LF_MAX] = {
#define F(strct, field, kind, fixed) { #strct, #field, FK_##kind, fixed },
	LAYOUT_FIELDS(F)
#undef F
};

void layout_init(struct layout *lo, unsigned int word)
{
	memset(lo, 0, sizeof(*lo));
	lo->word = word;
	for (int i = 0; i < LF_MAX; i++)
		lo->off[i] = fields[i].fixed < 0 ? LAYOUT_UNKNOWN : fields[i].fixed * (int)word;
}

void layout_found(struct layout *lo, enum layout_field f, int off)
{
	lo->off[f] = off;
	lo->found[f] = true;
}

const char *layout_name(enum layout_field f)
{
	static const char *const names[] = {
#define F(strct, field, kind, fixed) #strct "." #field,
		LAYOUT_FIELDS(F)
#undef F
	};

	return names[f];
}

/* ---- making BTF ------------------------------------------------------------------- */

struct types {
	int ptr, lng, u16, u32, s32, chr, comm;
};

static void add_types(struct btf *btf, unsigned int word, struct types *t)
{
	/* "long" tells libbpf the size of a pointer */
	t->lng = btf__add_int(btf, "long unsigned int", word, 0);
	t->ptr = btf__add_ptr(btf, 0);
	t->u16 = btf__add_int(btf, "short unsigned int", 2, 0);
	t->u32 = btf__add_int(btf, "unsigned int", 4, 0);
	t->s32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	t->chr = btf__add_int(btf, "char", 1, BTF_INT_CHAR);
	t->comm = btf__add_array(btf, t->u32, t->chr, COMM_LEN);
}

/* The structure that a field is; it comes before in the table. */
static const char *struct_of(int f)
{
	switch (f) {
	case LF_device_kobj:
		return "kobject";
	case LF_file_f_ref:
		return "file_ref";
	case LF_file_f_count:
	case LF_file_ref_refcnt:
		return "counter";
	}
	return fields[f].name;
}

static int type_of(struct btf *btf, const struct types *t, int f)
{
	switch (fields[f].kind) {
	case FK_PTR:
		return t->ptr;
	case FK_LONG:
		return t->lng;
	case FK_U16:
		return t->u16;
	case FK_U32:
		return t->u32;
	case FK_S32:
		return t->s32;
	case FK_CHARS:
		return t->comm;
	case FK_STRUCT:
		return btf__find_by_name_kind(btf, struct_of(f), BTF_KIND_STRUCT);
	}
	return -EINVAL;
}

/* The fields from `from` on that are of one structure; returns the first that is not. */
static int add_struct(struct btf *btf, const struct layout *lo, const struct types *t, int from)
{
	const char *name = fields[from].strct;
	int end, max = 0, err;

	for (end = from; end < LF_MAX && !strcmp(fields[end].strct, name); end++)
		if (lo->off[end] > max)
			max = lo->off[end];
	err = btf__add_struct(btf, name, max + 64);
	for (int f = from; err >= 0 && f < end; f++)
		if (lo->off[f] >= 0)
			err = btf__add_field(btf, fields[f].name, type_of(btf, t, f),
					     lo->off[f] * 8, 0);
	return err < 0 ? err : end;
}

static int save(const struct btf *btf)
{
	const char *data;
	uint32_t size;
	int fd;

	data = btf__raw_data(btf, &size);
	if (!data)
		return -errno;
	fd = memfd_create("dmaseq-btf", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return -ENOSPC;
	}
	return fd;
}

int layout_btf(const struct layout *lo)
{
	struct btf *btf = btf__new_empty();
	struct types t;
	int ret = 0;

	if (!btf)
		return -errno;
	btf__set_pointer_size(btf, lo->word);
	add_types(btf, lo->word, &t);
	for (int f = 0; ret >= 0 && f < LF_MAX; f = ret)
		ret = add_struct(btf, lo, &t, f);
	if (ret >= 0)
		ret = save(btf);
	btf__free(btf);
	return ret;
}

/* ---- reading BTF ------------------------------------------------------------------ */

/* Offset in bytes of a member, also of anonymous structures and unions inside. */
static int member_offset(const struct btf *btf, const struct btf_type *t, const char *name)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++) {
		const char *mn = btf__name_by_offset(btf, m[i].name_off);
		int off = btf_member_bit_offset(t, i) / 8, in;
		const struct btf_type *mt;

		if (mn && !strcmp(mn, name))
			return off;
		if (mn && *mn)
			continue;
		mt = btf__type_by_id(btf, btf__resolve_type(btf, m[i].type));
		in = mt && btf_is_composite(mt) ? member_offset(btf, mt, name) : -1;
		if (in >= 0)
			return off + in;
	}
	return -1;
}

int layout_btf_offset(const struct btf *btf, enum layout_field f)
{
	int id = btf__find_by_name_kind(btf, fields[f].strct, BTF_KIND_STRUCT);

	return id < 0 ? -1 : member_offset(btf, btf__type_by_id(btf, id), fields[f].name);
}
