/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold_look.c - snapshots: what the recorder found by looking, before and after.
 *
 * What the first one finds is where the calls begin. What the last one finds is compared
 * with where the calls have led.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/holders_int.h"

static bool word_in(const char *words, const char *word)
{
	size_t n = strlen(word);
	const char *at = strstr(words, word);

	for (; at; at = strstr(at + 1, word))
		if ((at == words || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

static bool saw_fds(const char *sources)
{
	return word_in(sources, "task_file") || word_in(sources, "procfs");
}

static bool saw_maps(const char *sources)
{
	return word_in(sources, "task_vma") || word_in(sources, "procfs");
}

int hold_snap(struct dq_holders *h, const struct dq_snap *s)
{
	struct dq_snap *to = s->what == DQ_SNAP_FINAL ? &h->final : &h->begin;
	uint32_t src = dq_strtab_intern(h->strs, s->sources, strlen(s->sources), NULL);

	if (src == UINT32_MAX)
		return -ENOMEM;
	*to = *s;
	to->sources = dq_strtab_get(h->strs, src);
	if (s->what != DQ_SNAP_BEGIN || !s->t1 || s->flags & DQ_SNAP_FAILED ||
	    !saw_fds(to->sources) || !saw_maps(to->sources))
		return 0;
	h->looked = true;
	for (size_t i = 0; i < h->nbufs; i++)
		h->bufs[i]->doubt &= ~(unsigned int)DQ_DOUBT_PAST;
	return 0;
}

/* ---- the first look ---- */

static int begin_fd(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_hold *l)
{
	struct dq_hold_fds *f = hold_fds(b, l->table);
	int ret = l->table ? hold_table_found(h, l->table, l->task) : 0;

	if (ret || (f && hold_fds_has(f, l->fd)))
		return ret;
	return hold_install(h, b, l->table, l->task, l->fd, l->t);
}

/* ---- the last look ---- */

static int extra(struct dq_holders *h, const struct dq_hold *l)
{
	struct hold_extra *x = DQ_PUSH(h->extra, h->nextra, h->cap_extra);

	if (!x)
		return -ENOMEM;
	x->h = *l;
	return 0;
}

static int final_fd(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_hold *l)
{
	struct dq_hold_fds *f = hold_fds(b, l->table);

	for (size_t i = 0; f && i < f->nfd; i++)
		if (f->fd[i].fd == l->fd) {
			f->found += !f->fd[i].found;
			f->fd[i].found = true;
			return 0;
		}
	return extra(h, l);
}

static bool same_process(const struct dq_holders *h, uint32_t a, uint32_t b)
{
	const struct hold_task *ta = hold_task(h, a), *tb = hold_task(h, b);

	return a == b || (ta && tb && ta->tgid == tb->tgid);
}

static int final_map(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_hold *l)
{
	for (size_t i = 0; i < b->nmaps; i++) {
		struct dq_hold_map *m = &b->maps[i];

		/* without a number any mapping of the process will do */
		if (m->found || (m->vma != l->vma && m->vma && l->vma) ||
		    ((!m->vma || !l->vma) && !same_process(h, m->task, l->task)))
			continue;
		m->found = true;
		return 0;
	}
	return extra(h, l);
}

int hold_hold(struct dq_holders *h, const struct dq_hold *l)
{
	bool final = h->final.id && l->snap == h->final.id;
	struct dq_hold_buf *b = hold_buf(h, l->buf);

	if (!b)
		return final && l->buf && l->buf <= h->max_buf ? extra(h, l) : 0;
	b->found |= final;
	switch (l->what) {
	case DQ_HOLD_FD:
		return final ? final_fd(h, b, l) : begin_fd(h, b, l);
	case DQ_HOLD_MAP:
		return final ? final_map(h, b, l) : hold_map_add(b, l->vma, l->task, l->t);
	case DQ_HOLD_REFS:
		b->has_refs |= final;
		b->refs = final ? l->n : b->refs;
		return 0;
	default:
		return 0;
	}
}

/* ---- the comparison ---- */

struct cmp {
	struct dq_holders *h;
	void (*fn)(const char *sentence, bool excused, void *ctx);
	void *ctx;
	uint64_t n, excused;
};

static void put_who(struct dq_sb *sb, const struct dq_holders *h, uint32_t task)
{
	const struct hold_task *t = hold_task(h, task);
	const char *name = t ? dq_strtab_get(h->strs, t->name) : "";

	if (!t) {
		dq_sb_puts(sb, "a process that is not known");
		return;
	}
	dq_sb_visible(sb, name && *name ? name : "?", name && *name ? strlen(name) : 1, 40);
	dq_sb_printf(sb, " (%u)", t->tgid);
}

static void say(struct cmp *x, struct dq_sb *sb, bool excused)
{
	if (excused)
		x->excused++;
	else
		x->n++;
	if (x->fn && !sb->err)
		x->fn(dq_sb_str(sb), excused, x->ctx);
	dq_sb_free(sb);
}

/* Things that happened while it was being looked prove nothing. */
static bool too_fresh(const struct cmp *x, uint64_t changed)
{
	return changed >= x->h->final.t0;
}

/* Released long ago, and yet found. */
static void found_dead(struct cmp *x, const struct dq_hold *l)
{
	struct dq_sb sb = { 0 };
	size_t n = x->h->ndead < HOLD_DIED ? x->h->ndead : HOLD_DIED;

	for (size_t i = 0; i < n; i++)
		if (x->h->dead[i].buf == l->buf && too_fresh(x, x->h->dead[i].t))
			return;
	dq_sb_printf(&sb, "buffer %u was found, although its release was recorded", l->buf);
	say(x, &sb, false);
}

static bool is_dead(const struct cmp *x, uint32_t buf)
{
	return buf && buf <= x->h->max_buf && !hold_buf(x->h, buf);
}

/* Nobody recorded what processes outside of the filter did. */
static bool outside(const struct cmp *x, uint32_t task)
{
	const struct hold_task *t = hold_task(x->h, task);
	uint64_t one;

	return x->h->filtered && (!t || !dq_map_get(x->h->traced, t->tgid, &one));
}

static void found_extra(struct cmp *x, const struct dq_hold *l)
{
	const struct dq_hold_buf *b = hold_buf(x->h, l->buf);
	struct dq_sb sb = { 0 };

	if (!b || too_fresh(x, b->changed) || outside(x, l->task))
		return;
	put_who(&sb, x->h, l->task);
	if (l->what == DQ_HOLD_FD)
		dq_sb_printf(&sb, " has fd %d of buffer %u, which no recorded call opened", l->fd, l->buf);
	else
		dq_sb_printf(&sb, " has a mapping of buffer %u, which no recorded call made", l->buf);
	say(x, &sb, b->doubt);
}

static void missing_fds(struct cmp *x, const struct dq_hold_buf *b, const struct dq_hold_fds *f)
{
	uint64_t extra_here = 0;
	struct dq_sb sb = { 0 };

	for (size_t i = 0; i < x->h->nextra; i++)
		extra_here += x->h->extra[i].h.what == DQ_HOLD_FD && x->h->extra[i].h.buf == b->buf &&
			      x->h->extra[i].h.table == f->table;
	/* with numbers that are not known, an unexplained one may be it */
	if (f->found >= f->n || (f->n > f->nfd && f->found + extra_here >= f->n) ||
	    too_fresh(x, f->changed) || outside(x, f->task))
		return;
	put_who(&sb, x->h, f->task);
	dq_sb_printf(&sb, " should have %" PRIu64 " descriptor%s of buffer %u", f->n,
		     f->n == 1 ? "" : "s", b->buf);
	for (size_t i = 0, k = 0; i < f->nfd && k < 8; i++)
		if (!f->fd[i].found)
			dq_sb_printf(&sb, "%s%d", k++ ? ", " : f->n == 1 ? " (fd " : " (not found: fd ",
				     f->fd[i].fd);
	dq_sb_printf(&sb, "%s, and %" PRIu64 " %s found", f->found < f->nfd ? ")" : "", f->found,
		     f->found == 1 ? "was" : "were");
	say(x, &sb, b->doubt);
}

static void missing_maps(struct cmp *x, const struct dq_hold_buf *b)
{
	for (size_t i = 0; i < b->nmaps; i++) {
		const struct dq_hold_map *m = &b->maps[i];
		struct dq_sb sb = { 0 };

		if (m->found || too_fresh(x, b->changed) || outside(x, m->task))
			continue;
		put_who(&sb, x->h, m->task);
		dq_sb_printf(&sb, " should have a mapping of buffer %u, which was not found", b->buf);
		say(x, &sb, b->doubt);
	}
}

static void missing_buf(struct cmp *x, const struct dq_hold_buf *b)
{
	struct dq_sb sb = { 0 };

	if (b->found || too_fresh(x, b->changed) || too_fresh(x, b->born))
		return;
	dq_sb_printf(&sb, "buffer %u should be alive, and was not found", b->buf);
	say(x, &sb, b->doubt);
}

static int by_buf(const void *pa, const void *pb)
{
	const struct dq_hold_buf *a = *(struct dq_hold_buf *const *)pa;
	const struct dq_hold_buf *b = *(struct dq_hold_buf *const *)pb;

	return a->buf < b->buf ? -1 : a->buf > b->buf;
}

/* In order of ids, so that a trace always gives the same sentences. */
static void missing(struct cmp *x)
{
	const struct dq_snap *s = &x->h->final;

	if (x->h->nbufs)
		qsort(x->h->bufs, x->h->nbufs, sizeof(*x->h->bufs), by_buf);
	for (size_t i = 0; i < x->h->nbufs; i++) {
		const struct dq_hold_buf *b = x->h->bufs[i];

		dq_map_put(x->h->ix_buf, b->buf, i);	/* replaces: needs no memory */
		if (s->flags & DQ_SNAP_COMPLETE && !b->found) {
			missing_buf(x, b);
			continue;
		}
		for (size_t k = 0; saw_fds(s->sources) && k < b->nfds; k++)
			missing_fds(x, b, &b->fds[k]);
		if (saw_maps(s->sources))
			missing_maps(x, b);
	}
}

uint64_t dq_holders_compare(struct dq_holders *h,
			    void (*fn)(const char *sentence, bool excused, void *ctx), void *ctx,
			    uint64_t *ret_excused)
{
	struct cmp x = { .h = h, .fn = fn, .ctx = ctx };

	for (size_t i = 0; i < h->nextra; i++) {
		const struct dq_hold *l = &h->extra[i].h;
		bool said = false;

		if (!is_dead(&x, l->buf)) {
			found_extra(&x, l);
			continue;
		}
		for (size_t k = 0; k < i && !said; k++)
			said = h->extra[k].h.buf == l->buf;
		if (!said)
			found_dead(&x, l);
	}
	if (h->final.id && !(h->final.flags & DQ_SNAP_FAILED))
		missing(&x);
	if (ret_excused)
		*ret_excused = x.excused;
	return x.n;
}

/* ---- the last look as the truth ---- */

static int settle(struct dq_holders *h, struct dq_hold_buf *b)
{
	int ret = 0;

	b->settled = true;
	hold_keep_found(h, b);
	for (size_t i = b->nmaps; i-- > 0;)
		if (!b->maps[i].found) {
			memmove(&b->maps[i], &b->maps[i + 1], (b->nmaps - i - 1) * sizeof(*b->maps));
			b->nmaps--;
		}
	for (size_t i = 0; i < h->nextra && !ret; i++) {
		const struct dq_hold *l = &h->extra[i].h;

		if (l->buf == b->buf && l->what == DQ_HOLD_FD)
			ret = hold_install(h, b, l->table, l->task, l->fd, l->t);
		else if (l->buf == b->buf && l->what == DQ_HOLD_MAP)
			ret = hold_map_add(b, l->vma, l->task, l->t);
	}
	return ret;
}

void dq_holders_verdict(struct dq_sb *sb, const struct dq_snap *f, uint64_t excused, uint64_t doubtful)
{
	if (excused)
		dq_sb_printf(sb, "of %" PRIu64 " holder%s it cannot be told whether the calls are right; "
			     "the rest agrees", excused, excused == 1 ? "" : "s");
	else if (doubtful)
		dq_sb_printf(sb, "who holds %" PRIu64 " buffer%s cannot be told from the calls; "
			     "what is known agrees", doubtful, doubtful == 1 ? "" : "s");
	else
		dq_sb_puts(sb, "what is left agrees");
	dq_sb_printf(sb, " with a look at the end (%" PRIu64 " buffer%s, %" PRIu64 " fd%s, %" PRIu64
		     " mapping%s)", f->bufs, f->bufs == 1 ? "" : "s", f->fds, f->fds == 1 ? "" : "s",
		     f->maps, f->maps == 1 ? "" : "s");
}


int dq_holders_settle(struct dq_holders *h)
{
	const struct dq_snap *s = &h->final;
	int ret = 0;

	if (!s->id || !s->t1 || s->flags & DQ_SNAP_FAILED || !saw_fds(s->sources) ||
	    !saw_maps(s->sources))
		return 0;
	for (size_t i = 0; i < h->nbufs && !ret; i++)
		if (h->bufs[i]->doubt && !h->bufs[i]->settled)
			ret = settle(h, h->bufs[i]);
	return ret;
}
