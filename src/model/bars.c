/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bars.c - what a buffer is in after each step of a story: exported, attached, mapped, in
 * the CPU's hands, or just failed. Counts, because attachments and accesses overlap. What
 * began before the recording is not known, so nothing goes below zero. May use src/util.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/internal.h"

/* Of one buffer. */
struct state {
	bool there;
	int32_t att, map, cpu;
};

static bool is_begin(const struct dq_mcall *c)
{
	return c->phase == DQ_PH_CPU_BEGIN;
}

/* Adds what the returned call c changed. */
void dq_effect_of_call(struct dq_effect *e, const struct dq_mcall *c)
{
	if (c->flags & (DQ_MC_FAILED | DQ_MC_UNCOUNTED) ||
	    c->c.flags & (DQ_CALL_OPEN | DQ_CALL_MISSED))
		return;
	switch (c->c.hook) {
	case HOOK_EXPORT:
		e->born = true;
		break;
	case HOOK_RELEASE:
		e->gone = true;
		break;
	case HOOK_ATTACH:
	case HOOK_DYNAMIC_ATTACH:
		e->att++;
		break;
	case HOOK_DETACH:
		e->att--;
		break;
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
		e->map++;
		break;
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
		e->map--;
		break;
	case HOOK_VMAP:
	case HOOK_VMAP_UNLOCKED:
	case HOOK_KMAP:
		e->cpu[DQ_ACCESS_VMAP]++;
		break;
	case HOOK_VUNMAP:
	case HOOK_VUNMAP_UNLOCKED:
	case HOOK_KUNMAP:
		e->cpu[DQ_ACCESS_VMAP]--;
		break;
	case HOOK_BEGIN_CPU:
	case HOOK_BEGIN_CPU_PARTIAL:
		e->cpu[DQ_ACCESS_KERNEL]++;
		break;
	case HOOK_END_CPU:
	case HOOK_END_CPU_PARTIAL:
		e->cpu[DQ_ACCESS_KERNEL]--;
		break;
	case HOOK_IOCTL:	/* DMA_BUF_IOCTL_SYNC; the others have other phases */
		e->cpu[DQ_ACCESS_USER] += is_begin(c) ? 1 : c->phase == DQ_PH_CPU_END ? -1 : 0;
		break;
	default:
		break;
	}
}

static int32_t add(int32_t n, int d)
{
	return d < 0 && n < -d ? 0 : n + d;
}

static enum dq_bar bar_of(const struct state *b)
{
	if (!b->there)
		return DQ_BAR_NONE;
	if (b->cpu)
		return DQ_BAR_CPU;
	return b->map ? DQ_BAR_MAPPED : b->att ? DQ_BAR_ATTACHED : DQ_BAR_EXPORTED;
}

static void apply(struct state *b, const struct dq_effect *e)
{
	int cpu = 0;

	for (size_t i = 0; i < DQ_ACCESS_MAX; i++)
		cpu += e->cpu[i];
	b->there = (b->there || e->born || e->att > 0 || e->map > 0 || cpu > 0) && !e->gone;
	b->att = add(b->att, e->att);
	b->map = add(b->map, e->map);
	b->cpu = add(b->cpu, cpu);
}

/* For each step, in order of time. */
int dq_story_bars(struct dq_story *s)
{
	struct state *v = calloc(s->nbufs + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->nbufs; i++) {
		const struct dq_mbuf *b = dq_model_buf(s->m, s->bufs[i]);

		v[i].there = b && !b->exported;	/* it was there before */
	}
	for (size_t i = 0; i < s->nsteps; i++) {
		struct dq_step *st = &s->steps[i];
		uint64_t k;

		if (!dq_map_get(s->bufset, st->buf, &k))
			continue;
		apply(&v[k], &st->effect);
		st->bar = st->flags & DQ_ST_ERR && v[k].there ? DQ_BAR_ERROR : bar_of(&v[k]);
		s->bars |= 1u << st->bar;
	}
	free(v);
	return 0;
}
