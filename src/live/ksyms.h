/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ksyms.h - names and addresses of the running kernel, from /proc/kallsyms.
 * Addresses never leave src/live.
 */
#ifndef DQ_KSYMS_H
#define DQ_KSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dq_ksyms;

/* -EACCES: the kernel hides addresses from us (kptr_restrict). */
int dq_ksyms_load(struct dq_ksyms **ret_k);
void dq_ksyms_free(struct dq_ksyms **k);
void dq_ksyms_settle(struct dq_ksyms *k);	/* gives back the room to grow */
/* Address of a text symbol, 0: none. A name that several modules have gives the first. */
uint64_t dq_ksyms_addr(const struct dq_ksyms *k, const char *name);
/* Is there one function of this name, in the kernel and all modules? */
bool dq_ksyms_is_unique(const struct dq_ksyms *k, const char *name);
/* Module of a symbol: "vmlinux" or the module's name; NULL: no such symbol. */
const char *dq_ksyms_module_of(const struct dq_ksyms *k, uint64_t addr);
/* "function" or "function [module]" that contains addr, without offset, into buf; false: none.
 * Suffixes that compilers add (.cold, .constprop.0, .isra.0) are kept. */
bool dq_ksyms_name(const struct dq_ksyms *k, uint64_t addr, char *buf, size_t size);
/* Where the function that contains addr begins, 0: none. */
uint64_t dq_ksyms_start(const struct dq_ksyms *k, uint64_t addr);
/* Is addr the first byte of a function? */
bool dq_ksyms_is_function(const struct dq_ksyms *k, uint64_t addr);
/* Calls fn for each data symbol whose name looks like a dma_buf_ops table; of one module, or NULL. */
void dq_ksyms_ops_tables(const struct dq_ksyms *k, const char *module,
			 void (*fn)(void *ctx, const char *name, uint64_t addr), void *ctx);
/* A module has come or gone: forgets what was known of it, and with `load` reads it anew. */
int dq_ksyms_update_module(struct dq_ksyms *k, const char *module, bool load);
/* Is addr where a return probe of the kernel lets functions return to, instead of to their caller? */
bool dq_ksyms_is_trampoline(const struct dq_ksyms *k, uint64_t addr);
/* The address of the i-th kind of them; 0: this kernel has no such. */
uint64_t dq_ksyms_trampoline(const struct dq_ksyms *k, size_t i);

#endif /* DQ_KSYMS_H */
