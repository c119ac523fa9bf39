/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hook.c - bpf/hooks.h as an array that can be searched. Touches nothing.
 */
#include <string.h>

#include "trace.h"

const struct dq_hook_info dq_hooks[HOOK_MAX] = {
#define X(id, ENUM, name, kind, obj, ret, a0, a1, a2, need)                                        \
	[id] = { id,	   name,     KIND_##kind, obj,                                             \
		 RET_##ret, { ARG_##a0, ARG_##a1, ARG_##a2 }, NEED_##need },
	DMASEQ_HOOKS(X)
#undef X
};

const struct dq_hook_info *dq_hook_info(uint32_t id)
{
	return dq_hook_at(id);
}

const struct dq_hook_info *dq_hook_by_name(const char *name)
{
	for (size_t i = 0; i < HOOK_MAX; i++) {
		if (dq_hooks[i].name && !strcmp(dq_hooks[i].name, name))
			return &dq_hooks[i];
	}
	return NULL;
}
