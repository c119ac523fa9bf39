// SPDX-License-Identifier: BSD-2-Clause
/*
 * kmem.c - where the kernel has memory, by its maps and what /proc says of this machine. Touches
 * nothing but the files that it is given, or those of /proc.
 *
 * The maps are those of Documentation/arch/x86/x86_64/mm.rst, Documentation/arch/arm64/memory.rst
 * and Documentation/arch/arm/memory.rst (7.2; arm64 since 5.4, 14c127c957c1; the others are older
 * than 5.10). Where there is doubt a range is too short: a field then stays unknown.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/util.h"
#include "kmem.h"

static int add(struct kmem *m, uint64_t begin, uint64_t end)
{
	struct kmem_range *r;

	if (begin >= end)
		return 0;
	r = DQ_PUSH(m->r, m->n, m->cap);
	if (!r)
		return -ENOMEM;
	r->begin = begin;
	r->end = end;
	return 0;
}

/* ---- what is mapped one to one ------------------------------------------------------------- */

/* Is this zone's memory mapped all the time? */
static bool is_mapped(const struct kmem_source *s, const char *zone)
{
	if (!strcmp(zone, "Device")) /* a device's own */
		return false;
	return s->arch != KMEM_ARM || (strcmp(zone, "HighMem") && strcmp(zone, "Movable"));
}

/* From the first to the last page of all such zones, in bytes; 0: not told. */
static uint64_t memory_span(const struct kmem_source *s)
{
	uint64_t first = UINT64_MAX, last = 0, spanned = 0, v;
	char line[256], zone[32] = "Device";

	while (s->zoneinfo && fgets(line, sizeof(line), s->zoneinfo)) {
		if (sscanf(line, "Node %*d, zone %31s", zone) == 1) {
			spanned = 0;
		} else if (sscanf(line, " spanned %" SCNu64, &v) == 1) {
			spanned = v;
		} else if (sscanf(line, " start_pfn: %" SCNu64, &v) == 1 && spanned && is_mapped(s, zone)) {
			first = v < first ? v : first;
			last = v + spanned > last ? v + spanned : last;
		}
	}
	return last > first && last - first < UINT64_MAX / s->page / 4 ? (last - first) * s->page : 0;
}

/* arm64: one to one in the lower half, with as many leading ones everywhere; all else in the upper. */
static struct kmem_range half_of(uint64_t direct)
{
	int ones = ~direct ? __builtin_clzll(~direct) : 64;
	struct kmem_range r = { 0, 0 };

	if (ones >= 8 && ones < 60) {
		r.begin = -(UINT64_C(1) << (64 - ones));
		r.end = -(UINT64_C(1) << (63 - ones));
	}
	return r;
}

static struct kmem_range direct_map(const struct kmem_source *s, uint64_t span)
{
	const uint64_t four_levels = 0xffff800000000000;
	struct kmem_range r = { 0, 0 };

	switch (s->arch) {
	case KMEM_ARM: /* from PAGE_OFFSET on; the text is at its begin */
		r.begin = s->text & 0xf0000000;
		r.end = r.begin + span;
		return s->direct < r.begin || s->direct >= r.end ? (struct kmem_range){ 0, 0 } : r;
	case KMEM_ARM64:
		r = half_of(s->direct);
		break;
	case KMEM_AMD64:
		/*
		 * Tables of four levels begin at 0xffff8..., and those of five have task_structs
		 * below that. 5.10 goes by the width that the processor has, not by that of the
		 * tables, and warns in its log of an address between the two
		 * (copy_from_kernel_nofault_allowed() in arch/x86/mm/maccess.c, ex_handler_uaccess()).
		 */
		r.begin = s->direct >= four_levels ? four_levels : 0xff00000000000000;
		r.end = 0xfffffe0000000000;
		break;
	}
	if (s->direct < r.begin || s->direct >= r.end)
		return (struct kmem_range){ 0, 0 };
	if (s->direct - r.begin > span)
		r.begin = s->direct - span;
	if (r.end - s->direct > span)
		r.end = s->direct + span;
	return r;
}

/* ---- the kernel itself --------------------------------------------------------------------- */

#define SEGMENT_ALIGN (64 << 10) /* arm64: from _text to _stext */

/*
 * From the begin of its code to the end of its data: "  40210000-4188ffff : Kernel code". On arm64 the
 * code begins at _text up to 5.11 and at _stext since (e2a073dde921), and symbols may be without
 * _text: less what lies between the two, it ends in the image whichever it is counted from.
 */
static uint64_t image_size(FILE *iomem)
{
	uint64_t from, to, code = 0, end = 0;
	char line[256], what[16];

	while (iomem && fgets(line, sizeof(line), iomem)) {
		if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : Kernel %15s", &from, &to, what) != 3)
			continue;
		if (!strcmp(what, "code"))
			code = from;
		else if (!strcmp(what, "data"))
			end = to + 1;
	}
	return code && end > code + SEGMENT_ALIGN && end - code < UINT64_C(1) << 30 ?
		       end - code - SEGMENT_ALIGN :
		       0;
}

static int add_image(struct kmem *m, const struct kmem_source *s)
{
	switch (s->arch) {
	case KMEM_AMD64: /* the image, and modules up to where the fixmap may begin */
		return add(m, 0xffffffff80000000, 0xffffffffff000000);
	case KMEM_ARM: /* the image is mapped one to one, and modules are below */
		return s->text ? add(m, (s->text & 0xf0000000) - (16 << 20), s->text & 0xf0000000) : 0;
	case KMEM_ARM64:
		return s->text ? add(m, s->text, s->text + image_size(s->iomem)) : 0;
	}
	return 0;
}

/* "vgem 20480 0 - Live 0xffffffffc0400000"; the addresses are 0 without CAP_SYSLOG */
static int add_modules(struct kmem *m, const struct kmem_source *s)
{
	char line[1024];
	uint64_t begin, size;
	int err = 0;

	while (!err && s->modules && fgets(line, sizeof(line), s->modules)) {
		const char *at = strstr(line, " 0x");

		if (at && sscanf(line, "%*s %" SCNu64, &size) == 1 && size < 1 << 30 &&
		    sscanf(at, " 0x%" SCNx64, &begin) == 1 && begin && begin + size > begin)
			err = add(m, begin, begin + size);
	}
	return err;
}

/* ---- all ------------------------------------------------------------------------------------- */

int kmem_parse(struct kmem *m, const struct kmem_source *s)
{
	uint64_t span = memory_span(s);
	struct kmem_range r = span ? direct_map(s, span) : (struct kmem_range){ 0, 0 };
	int err = r.begin < r.end ? add(m, r.begin, r.end) : -ENODATA;

	if (!err)
		err = add_image(m, s);
	return err ? err : add_modules(m, s);
}

int kmem_read(struct kmem *m, uint64_t direct, uint64_t text)
{
	struct kmem_source s = {
#if defined(__x86_64__)
		.arch = KMEM_AMD64,
#elif defined(__aarch64__)
		.arch = KMEM_ARM64,
#else
		.arch = KMEM_ARM,
#endif
		.page = sysconf(_SC_PAGESIZE),
		.direct = direct,
		.text = text,
		.zoneinfo = fopen("/proc/zoneinfo", "re"),
	};
	int err = s.zoneinfo ? 0 : -errno;

	s.iomem = fopen("/proc/iomem", "re");
	s.modules = fopen("/proc/modules", "re");
	if (!err)
		err = kmem_parse(m, &s);
	if (s.zoneinfo)
		fclose(s.zoneinfo);
	if (s.iomem)
		fclose(s.iomem);
	if (s.modules)
		fclose(s.modules);
	return err;
}

bool kmem_has(const struct kmem *m, uint64_t addr, size_t len)
{
	for (size_t i = 0; i < m->n; i++)
		if (addr >= m->r[i].begin && addr < m->r[i].end && len <= m->r[i].end - addr)
			return true;
	return false;
}

void kmem_free(struct kmem *m)
{
	free(m->r);
	*m = (struct kmem){ 0 };
}
