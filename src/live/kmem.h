/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kmem.h - which addresses of the kernel are memory, and which may be a device's registers.
 *
 * For calibrate.c, which follows words that may be anything. bpf_probe_read_kernel() survives an
 * address that is none; but reading a register can change the device, and on arm64 one of a device
 * without clock or power stops the machine. A driver's private structure often begins with where
 * ioremap() put them. So only what is known to be memory is read: what the kernel maps one to one,
 * its own image, and modules. Everything else that it maps (vmalloc, ioremap, fixmap) is not.
 */
#ifndef DQ_KMEM_H
#define DQ_KMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum kmem_arch { KMEM_AMD64, KMEM_ARM64, KMEM_ARM };

struct kmem_range {
	uint64_t begin, end;	/* end: the first address behind it */
};

struct kmem {
	struct kmem_range *r;
	size_t n, cap;
};

/* What is known of the kernel, from outside. A file that is NULL says nothing; all stay the caller's. */
struct kmem_source {
	enum kmem_arch arch;
	uint64_t page;		/* bytes of a page */
	uint64_t direct;	/* something in the memory that is mapped one to one, as a task_struct is */
	uint64_t text;		/* the symbol _text, or _stext; 0: not known */
	FILE *zoneinfo;		/* /proc/zoneinfo: how much memory */
	FILE *iomem;		/* /proc/iomem: how large the image is (arm64; all 0 without CAP_SYS_ADMIN) */
	FILE *modules;		/* /proc/modules */
};

/* Fills an empty *m, from files that tests bring. 0; -ENOMEM; -ENODATA: zoneinfo says nothing. */
int kmem_parse(struct kmem *m, const struct kmem_source *s);
/* The same of the running kernel; also -errno of /proc/zoneinfo. */
int kmem_read(struct kmem *m, uint64_t direct, uint64_t text);
/* Is all of it in one range? */
bool kmem_has(const struct kmem *m, uint64_t addr, size_t len);
void kmem_free(struct kmem *m);

#endif /* DQ_KMEM_H */
