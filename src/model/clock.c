/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.c - what the clocks of a trace tell: that the machine was suspended, or its date
 * was set, while it was being recorded. Touches only the heap.
 */
#include <errno.h>
#include <inttypes.h>

#include "model.h"
#include "util/util.h"

#define SAID 3			/* jumps that are named */
#define SLEPT_LEAST 20000000LL	/* ns */
#define SET_LEAST 100000000LL
/* A clock that is disciplined may run so much faster or slower: 500 ppm. */
#define DRIFT(ns) ((ns) / 2000)

int dq_model_clock(struct dq_model *m, const struct dq_clock *c)
{
	struct dq_clock was = m->clock;
	int64_t slept, set, drift;
	struct dq_jump *j;

	m->clock = *c;
	/* the header's, of an old recorder, or nonsense */
	if (!was.boot || !c->boot || c->mono < was.mono)
		return 0;
	drift = (int64_t)DRIFT(c->mono - was.mono);
	slept = (int64_t)((c->boot - c->mono) - (was.boot - was.mono));
	set = (int64_t)((c->real - c->boot) - (was.real - was.boot));
	slept = slept < SLEPT_LEAST ? 0 : slept;
	set = set < SET_LEAST + drift && set > -SET_LEAST - drift ? 0 : set;
	if (!slept && !set)
		return 0;
	j = DQ_PUSH(m->jumps, m->njumps, m->cap_jumps);
	if (!j)
		return -ENOMEM;
	*j = (struct dq_jump){ .t = c->mono, .slept = (uint64_t)slept, .set = set };
	return 0;
}

static void put_jump(const struct dq_model *m, struct dq_sb *sb, const struct dq_jump *j)
{
	uint64_t t = j->t > m->t_first ? j->t - m->t_first : 0, by;
	char dur[24], at[24];

	dq_fmt_dur(at, t);
	if (j->slept)
		dq_sb_printf(sb, "the machine was suspended for %s at %s, which no time here counts",
			     dq_fmt_dur(dur, j->slept), at);
	by = j->set < 0 ? 0 - (uint64_t)j->set : (uint64_t)j->set;
	if (j->set)
		dq_sb_printf(sb, "%sthe date was set %s by %s at %s", j->slept ? "; " : "",
			     j->set < 0 ? "back" : "forward", dq_fmt_dur(dur, by), at);
}

bool dq_model_put_jumps(const struct dq_model *m, struct dq_sb *sb)
{
	for (size_t i = 0; i < m->njumps && i < SAID; i++) {
		dq_sb_puts(sb, i ? "; " : "");
		put_jump(m, sb, &m->jumps[i]);
	}
	if (m->njumps > SAID)
		dq_sb_printf(sb, "; and %zu more jumps of clocks", m->njumps - SAID);
	return m->njumps;
}
