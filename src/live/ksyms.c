// SPDX-License-Identifier: BSD-2-Clause
/*
 * ksyms.c - /proc/kallsyms in memory: text symbols sorted by address, and the few
 * data symbols that look like tables of dma_buf_ops. Everything else is dropped
 * while reading, because the whole file is ten times as large.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util/util.h"
#include "ksyms.h"

struct sym {
	uint64_t addr;
	uint32_t name;		/* offset in names */
	uint16_t mod;		/* index in mods */
	uint16_t text;
};

struct dq_ksyms {
	struct sym *syms;
	size_t n, cap;
	struct dq_sb names;	/* NUL-separated */
	char **mods;
	size_t nmods, mods_cap;
};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* The names that ops tables have in 5.10 to 7.2, minus lookalikes: see docs/kernel-support.md */
static bool looks_like_ops(const char *name)
{
	static const char *const not[] = { "dma_buf_fops", "dma_buf_dentry_ops", "dma_buf_debug_fops",
					   "dmabuf_devmem_ops", "dmabuf_iter_seq_ops" };

	if (ends_with(name, "pipe_buf_ops") || ends_with(name, "_vm_ops"))
		return false;
	for (size_t i = 0; i < DQ_ARRAY_SIZE(not); i++)
		if (!strcmp(name, not[i]))
			return false;
	return ends_with(name, "dma_buf_ops") || ends_with(name, "dmabuf_ops") ||
	       ends_with(name, "dma_buf_exp_ops") || ends_with(name, "dmabuf_exp_ops") ||
	       ends_with(name, "_buf_ops") || ends_with(name, "udmabuf_ops") ||
	       ends_with(name, "heap_helper_ops");
}

static int mod_index(struct dq_ksyms *k, const char *mod)
{
	char **m;

	/* kallsyms lists a module's symbols together: look at the last one first */
	for (size_t i = k->nmods; i-- > 0;)
		if (!strcmp(k->mods[i], mod))
			return i;
	m = DQ_PUSH(k->mods, k->nmods, k->mods_cap);
	if (!m || !(*m = strdup(mod)))
		return -ENOMEM;
	return k->nmods - 1;
}

static int add_sym(struct dq_ksyms *k, uint64_t addr, bool text, const char *name, const char *mod)
{
	struct sym *s;
	int m = mod_index(k, mod);

	if (m < 0)
		return m;
	s = DQ_PUSH(k->syms, k->n, k->cap);
	if (!s)
		return -ENOMEM;
	s->addr = addr;
	s->name = k->names.len;
	s->mod = m;
	s->text = text;
	dq_sb_put(&k->names, name, strlen(name) + 1);
	return k->names.err;
}

static int by_addr(const void *a, const void *b)
{
	const struct sym *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* `only`: symbols of this module, or NULL for all */
static int parse_line(struct dq_ksyms *k, char *line, const char *only, bool *any_addr)
{
	char *end, *name, *mod = "vmlinux", *p;
	uint64_t addr = strtoull(line, &end, 16);
	char type;
	bool text;

	if (*end != ' ' || !end[1] || end[2] != ' ')
		return 0;
	type = tolower((unsigned char)end[1]);
	name = end + 3;
	p = name + strcspn(name, "\t\n");
	if (*p == '\t' && p[1] == '[') {
		mod = p + 2;
		mod[strcspn(mod, "]")] = '\0';
	}
	*p = '\0';
	if (only && strcmp(mod, only))
		return 0;
	*any_addr |= addr != 0;
	text = type == 't' || type == 'w';
	if (text && (!strncmp(name, "__pfx_", 6) || !strncmp(name, "__cfi_", 6)))
		return 0; /* padding before a function */
	if (!text && !looks_like_ops(name))
		return 0;
	return add_sym(k, addr, text, name, mod);
}

static int read_symbols(struct dq_ksyms *k, const char *only, bool *any_addr)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[1024];
	int err = 0;

	if (!f)
		return -errno;
	while (!err && fgets(line, sizeof(line), f)) {
		if (!only || strstr(line, only))
			err = parse_line(k, line, only, any_addr);
		else if (*any_addr)
			break; /* a module's symbols are together: these are the next one's */
	}
	fclose(f);
	if (k->n)
		qsort(k->syms, k->n, sizeof(*k->syms), by_addr);
	return err;
}

int dq_ksyms_load(struct dq_ksyms **ret_k)
{
	struct dq_ksyms *k = calloc(1, sizeof(*k));
	bool any_addr = false;
	int err;

	if (!k)
		return -ENOMEM;
	err = read_symbols(k, NULL, &any_addr);
	if (!err && !any_addr)
		err = -EACCES;
	if (err)
		dq_ksyms_free(&k);
	*ret_k = k;
	return err;
}

int dq_ksyms_update_module(struct dq_ksyms *k, const char *module, bool load)
{
	bool any_addr = false;
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->mods[k->syms[i].mod], module))
			k->syms[n++] = k->syms[i];
	k->n = n;
	return load ? read_symbols(k, module, &any_addr) : 0;
}

void dq_ksyms_settle(struct dq_ksyms *k)
{
	void *p = k->n ? realloc(k->syms, k->n * sizeof(*k->syms)) : NULL;

	if (p) {
		k->syms = p;
		k->cap = k->n;
	}
	p = k->names.len ? realloc(k->names.s, k->names.len + 1) : NULL;
	if (p) {
		k->names.s = p;
		k->names.cap = k->names.len + 1;
	}
}

void dq_ksyms_free(struct dq_ksyms **kp)
{
	struct dq_ksyms *k = *kp;

	if (!k)
		return;
	for (size_t i = 0; i < k->nmods; i++)
		free(k->mods[i]);
	free(k->mods);
	free(k->syms);
	dq_sb_free(&k->names);
	free(k);
	*kp = NULL;
}

static const char *sym_name(const struct dq_ksyms *k, const struct sym *s)
{
	return k->names.s + s->name;
}

uint64_t dq_ksyms_addr(const struct dq_ksyms *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->syms[i].text && !strcmp(sym_name(k, &k->syms[i]), name))
			return k->syms[i].addr;
	return 0;
}

/* The last text symbol at or below addr. */
static const struct sym *find(const struct dq_ksyms *k, uint64_t addr)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo > 0 && !k->syms[lo - 1].text)
		lo--;
	return lo ? &k->syms[lo - 1] : NULL;
}

/* Farther than this from the begin of the nearest symbol is not inside that function. */
#define MAX_FUNCTION (256 * 1024)

bool dq_ksyms_name(const struct dq_ksyms *k, uint64_t addr, char *buf, size_t size)
{
	const struct sym *s = find(k, addr);
	const char *mod;

	if (!s || addr - s->addr > MAX_FUNCTION)
		return false;
	mod = k->mods[s->mod];
	if (!strcmp(mod, "vmlinux"))
		snprintf(buf, size, "%s", sym_name(k, s));
	else
		snprintf(buf, size, "%s [%s]", sym_name(k, s), mod);
	return true;
}

bool dq_ksyms_is_unique(const struct dq_ksyms *k, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++)
		n += k->syms[i].text && !strcmp(sym_name(k, &k->syms[i]), name);
	return n == 1;
}

const char *dq_ksyms_module_of(const struct dq_ksyms *k, uint64_t addr)
{
	const struct sym *s = find(k, addr);

	return s && addr - s->addr <= MAX_FUNCTION ? k->mods[s->mod] : NULL;
}

uint64_t dq_ksyms_start(const struct dq_ksyms *k, uint64_t addr)
{
	const struct sym *s = find(k, addr);

	return s && addr - s->addr <= MAX_FUNCTION ? s->addr : 0;
}

bool dq_ksyms_is_function(const struct dq_ksyms *k, uint64_t addr)
{
	const struct sym *s = find(k, addr);

	return s && s->addr == addr;
}

void dq_ksyms_ops_tables(const struct dq_ksyms *k, const char *module,
			 void (*fn)(void *ctx, const char *name, uint64_t addr), void *ctx)
{
	for (size_t i = 0; i < k->n; i++)
		if (!k->syms[i].text && (!module || !strcmp(k->mods[k->syms[i].mod], module)))
			fn(ctx, sym_name(k, &k->syms[i]), k->syms[i].addr);
}

/*
 * kretprobes; rethook (5.18), which both kretprobes and fprobe use; function graph, which fprobe
 * uses since 6.14 and fexit shares the stack with.
 */
static const char *const trampolines[] = { "__kretprobe_trampoline", "kretprobe_trampoline",
					   "arch_rethook_trampoline", "return_to_handler" };

bool dq_ksyms_is_trampoline(const struct dq_ksyms *k, uint64_t addr)
{
	const struct sym *s = find(k, addr);

	for (size_t i = 0; s && i < DQ_ARRAY_SIZE(trampolines); i++)
		if (!strcmp(sym_name(k, s), trampolines[i]))
			return true;
	return false;
}

uint64_t dq_ksyms_trampoline(const struct dq_ksyms *k, size_t i)
{
	return i < DQ_ARRAY_SIZE(trampolines) ? dq_ksyms_addr(k, trampolines[i]) : 0;
}
