/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_kernel.c - what kernels do differently for the same program.
 *
 * Each rule takes out of a life what depends on the kernel, so that what is left can be compared.
 * They are tried only where the two sides are from different kernels and the lives are not the
 * same as they are. Which kernels do what was seen in recordings of 5.10, 6.1, 6.12 and 7.2; no
 * version is compared here. May use src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/diff.h"
#include "model/life_int.h"

enum { R_UNLOCKED, R_FD, R_CLOSE, R_CACHE, R_PIN, R_IMPORT };

const struct dq_kernel_rule dq_kernel_rules[] = {
	[R_UNLOCKED] = { "unlocked", "map, unmap, vmap and vunmap are called by drivers under the name "
				     "..._unlocked, or without it" },
	[R_FD] = { "fd-install", "a descriptor is made by dma_buf_fd, dma_buf_fd_install or fd_install" },
	[R_CLOSE] = { "close", "a descriptor is closed through filp_flush or filp_close" },
	[R_CACHE] = { "sgt-cache", "the sg_table of an attachment is kept until the detach, or made at "
				   "each map: when the exporter's map_dma_buf and unmap_dma_buf run" },
	[R_PIN] = { "pin", "the exporter's pin runs in the attach or in the map" },
	[R_IMPORT] = { "import-map", "a DRM driver maps a buffer when it imports it and unmaps it when "
				     "it drops it, or does not map what it only passes on" },
};
const size_t dq_nkernel_rules = DQ_ARRAY_SIZE(dq_kernel_rules);
_Static_assert(DQ_ARRAY_SIZE(dq_kernel_rules) == DQ_KERNEL_RULES, "one sum for each rule");

static bool is_api(uint32_t hook, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == hook)
			return true;
	return false;
}

/* A rule was applied to a step; what it was tells whether both sides had the same of it. */
static void note(struct dq_applied *to, unsigned int rule, const char *was, const char *in)
{
	uint64_t h = dq_life_hash(0xcbf29ce484222325ULL, was, strlen(was));

	to->rules |= 1u << rule;
	to->sum[rule] += in ? dq_life_hash(h, in, strlen(in)) : h;
}

uint32_t dq_kernel_needed(const struct dq_applied *a, const struct dq_applied *b)
{
	uint32_t needed = 0;

	for (unsigned int i = 0; i < DQ_KERNEL_RULES; i++)
		if (a->sum[i] != b->sum[i])
			needed |= 1u << i;
	return needed;
}

static int set_text(struct dq_node *n, struct dq_sb *sb)
{
	if (sb->err || !sb->s) {
		dq_sb_free(sb);
		return -ENOMEM;
	}
	free(n->text);
	n->text = sb->s;
	return 0;
}

/* "vivid: dma_buf_map_attachment_unlocked(..." */
static int without_unlocked(struct dq_node *n, struct dq_applied *applied)
{
	static const uint32_t hooks[] = { HOOK_MAP_UNLOCKED, HOOK_UNMAP_UNLOCKED, HOOK_VMAP_UNLOCKED,
					  HOOK_VUNMAP_UNLOCKED };
	struct dq_sb sb = { 0 };
	size_t op, ret;

	if (!is_api(n->hook, hooks, DQ_ARRAY_SIZE(hooks)))
		return 0;
	dq_node_parts(n->text, &op, &ret);
	dq_sb_put(&sb, n->text, op - strlen("_unlocked"));
	dq_sb_puts(&sb, n->text + op);
	note(applied, R_UNLOCKED, n->text, NULL);
	return set_text(n, &sb);
}

static int one_name(struct dq_node *n, struct dq_applied *applied)
{
	static const uint32_t fds[] = { HOOK_FD, HOOK_FD_INSTALL, HOOK_FD_INSTALL_API };
	static const uint32_t closes[] = { HOOK_FILP_FLUSH, HOOK_FILP_CLOSE };
	bool fd = is_api(n->hook, fds, DQ_ARRAY_SIZE(fds));
	struct dq_sb sb = { 0 };
	size_t op, ret;

	if (!fd && !is_api(n->hook, closes, DQ_ARRAY_SIZE(closes)))
		return 0;
	dq_node_parts(n->text, &op, &ret);
	dq_sb_puts(&sb, fd ? "fd_install" : "filp_close");
	dq_sb_puts(&sb, n->text + ret);
	note(applied, fd ? R_FD : R_CLOSE, n->text, NULL);
	return set_text(n, &sb);
}

static const char *where(uint32_t hook)
{
	switch (hook) {
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
		return "map";
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
		return "unmap";
	case HOOK_DETACH:
		return "detach";
	default:
		return "attach";
	}
}

/* The callbacks whose place depends on who keeps the mapping. */
static void drop_callbacks(struct dq_node *n, struct dq_applied *applied)
{
	static const uint32_t around[] = { HOOK_ATTACH, HOOK_DYNAMIC_ATTACH, HOOK_DETACH, HOOK_MAP,
					   HOOK_MAP_UNLOCKED, HOOK_UNMAP, HOOK_UNMAP_UNLOCKED };
	size_t to = 0;

	if (!is_api(n->hook, around, DQ_ARRAY_SIZE(around)))
		return;
	for (size_t i = 0; i < n->nkids; i++) {
		struct dq_node *k = &n->kids[i], keep;
		bool map = k->hook == HOOK_OPS_MAP || k->hook == HOOK_OPS_UNMAP;
		bool pin = k->hook == HOOK_OPS_PIN || k->hook == HOOK_OPS_UNPIN;

		if (map || pin) {
			note(applied, map ? R_CACHE : R_PIN, k->text, where(n->hook));
			dq_node_free(k);
			continue;
		}
		keep = *k;
		*k = (struct dq_node){ 0 };
		n->kids[to++] = keep;
	}
	n->nkids = to;
}

/* ---- imports of DRM drivers ---- */

static bool is_map(const struct dq_node *n)
{
	return n->hook == HOOK_MAP || n->hook == HOOK_MAP_UNLOCKED;
}

static bool is_unmap(const struct dq_node *n)
{
	return n->hook == HOOK_UNMAP || n->hook == HOOK_UNMAP_UNLOCKED;
}

static bool has_kid(const struct dq_node *n, bool (*is)(const struct dq_node *))
{
	for (size_t i = 0; i < n->nkids; i++)
		if (is(&n->kids[i]) && !(n->kids[i].flags & (DQ_NODE_FAILED | DQ_NODE_OPEN)))
			return true;
	return false;
}

static bool is_import(const struct dq_node *n)
{
	return n->kind == DQ_NODE_SYS && !strncmp(n->text, "DRM_IOCTL_PRIME_FD_TO_HANDLE", 28) &&
	       has_kid(n, is_map) && !has_kid(n, is_unmap);
}

static bool any_import(const struct dq_node *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_import(&v[i]) || (v[i].kind == DQ_NODE_LOOP && any_import(v[i].kids, v[i].nkids)))
			return true;
	return false;
}

static void drop_kids(struct dq_node *n, bool (*is)(const struct dq_node *), struct dq_applied *applied)
{
	size_t to = 0;

	for (size_t i = 0; i < n->nkids; i++) {
		struct dq_node keep = n->kids[i];
		size_t op, ret;

		if (is(&keep) && !(keep.flags & (DQ_NODE_FAILED | DQ_NODE_OPEN))) {
			dq_node_parts(keep.text, &op, &ret);	/* with or without _unlocked */
			note(applied, R_IMPORT, keep.text + op, is == is_map ? "import" : "drop");
			dq_node_free(&n->kids[i]);
			continue;
		}
		n->kids[i] = (struct dq_node){ 0 };
		n->kids[to++] = keep;
	}
	n->nkids = to;
}

/* The map of an import, and the unmaps that go with it: in system calls that map nothing. */
static void drop_import_maps(struct dq_node *v, size_t n, struct dq_applied *applied)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].kind == DQ_NODE_LOOP)
			drop_import_maps(v[i].kids, v[i].nkids, applied);
		else if (is_import(&v[i]))
			drop_kids(&v[i], is_map, applied);
		else if (v[i].kind == DQ_NODE_SYS && !has_kid(&v[i], is_map))
			drop_kids(&v[i], is_unmap, applied);
	}
}

static int refold(struct dq_node **v, size_t *n, size_t *cap)
{
	struct dq_node *old = *v;
	size_t count = *n;
	int ret = 0;

	*v = NULL;
	*n = *cap = 0;
	for (size_t i = 0; i < count; i++) {
		if (!ret)
			ret = dq_node_push(v, n, cap, &old[i]);
		else
			dq_node_free(&old[i]);
	}
	free(old);
	return ret;
}

static int normalize(struct dq_node *n, struct dq_applied *applied)
{
	int ret = 0;

	if (n->text && n->hook)
		ret = without_unlocked(n, applied);
	if (!ret && n->text && n->hook)
		ret = one_name(n, applied);
	drop_callbacks(n, applied);
	for (size_t i = 0; i < n->nkids && !ret; i++)
		ret = normalize(&n->kids[i], applied);
	/* what differed in nothing else may fold now; in a loop nothing may become less than a round */
	if (!ret && n->kind != DQ_NODE_LOOP)
		ret = refold(&n->kids, &n->nkids, &n->cap);
	dq_node_hash(n);
	return ret;
}

int dq_kernel_normalize(struct dq_life *l, struct dq_applied *applied)
{
	bool imports = false;
	int ret = 0;

	for (size_t i = 0; i < l->ntracks; i++)
		imports |= any_import(l->tracks[i].v, l->tracks[i].n);
	for (size_t i = 0; i < l->ntracks && !ret; i++) {
		struct dq_track *t = &l->tracks[i];

		if (imports)
			drop_import_maps(t->v, t->n, applied);
		for (size_t k = 0; k < t->n && !ret; k++)
			ret = normalize(&t->v[k], applied);
		if (!ret)
			ret = refold(&t->v, &t->n, &t->cap);
	}
	return ret ? ret : dq_life_settle(l);
}
