/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_watch.c - see record_watch.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "cmd_common.h"
#include "record_watch.h"

#define SENTENCES 5		/* about holders, without -v */

/* Restarts of system calls are no errors; user space never sees them. */
#define RESTART_FIRST 512
#define RESTART_LAST  516

static bool is_failure(const struct dq_call *c, const struct dq_hook_info *h)
{
	int64_t err = -c->ret;

	if (!h || c->flags & (DQ_CALL_OPEN | DQ_CALL_MISSED))
		return false;
	if (c->flags & DQ_CALL_NULL)
		return true;
	if (err <= 0 || err > 4095)
		return false;
	if (err >= RESTART_FIRST && err <= RESTART_LAST)
		return false;
	return h->ret == RET_INT || h->ret == RET_FD || h->ret == RET_BUF || h->ret == RET_ATT ||
	       h->ret == RET_SGT || h->ret == RET_PTR;
}

static void on_call(struct record_watch *w, const struct dq_call *c)
{
	const struct dq_hook_info *h = dq_hook_info(c->hook);

	w->fatal_calls += dq_fatal_call(&w->fatal, c);
	if (!w->failed && is_failure(c, h)) {
		w->failed = true;
		w->task = c->task;
		w->sys = c->sys;
		if (c->flags & DQ_CALL_NULL)
			snprintf(w->failure, sizeof(w->failure), "%s returned NULL", h->name);
		else
			snprintf(w->failure, sizeof(w->failure), "%s returned -%s", h->name, dq_errname(c->ret));
	}
	/* outside of a system call, the outermost call is the last of it */
	if (w->failed && !w->sys && c->task == w->task && !c->depth)
		w->failure_told = true;
}

static void on_loss(struct record_watch *w, const struct dq_loss *l)
{
	struct record_loss *s = w->losses;

	while (s < w->losses + w->nlosses && strcmp(s->source, l->source) != 0)
		s++;
	if (s == w->losses + RECORD_LOSSES)
		s--;
	if (s == w->losses + w->nlosses) {
		w->nlosses++;
		snprintf(s->source, sizeof(s->source), "%s", l->source);
	}
	s->count += l->count;
	if (l->t1 && (!s->t0 || l->t0 < s->t0))
		s->t0 = l->t0;
	if (l->t1 > s->t1)
		s->t1 = l->t1;
}

static void look(struct record_watch *w, const struct dq_item *item)
{
	if (item->kind == DQ_CALL)
		on_call(w, &item->call);
	else if (item->kind == DQ_SYS && w->failed && item->sys.task == w->task &&
		 item->sys.sys >= w->sys)
		w->failure_told = true;
	else if (item->kind == DQ_TASKEV)
		dq_fatal_exit(&w->fatal, &item->taskev);
	else if (item->kind == DQ_LOSS)
		on_loss(w, &item->loss);
	else if (item->kind == DQ_BUF && item->buf.id > w->max_buf)
		w->max_buf = item->buf.id;
	else if (item->kind == DQ_SNAP && item->snap.what == DQ_SNAP_FINAL && item->snap.t1)
		w->final = item->snap;
}

static int put(void *ctx, const struct dq_item *item)
{
	struct record_watch *w = ctx;
	int err = dq_holders_put(w->holders, item);

	look(w, item);
	return err ? err : w->next.put(w->next.ctx, item);
}

/* No call of it fails. */
static int repeat(void *ctx, const struct dq_repeat *r)
{
	struct record_watch *w = ctx;
	int err;

	if (w->failed && !w->failure_told)
		for (uint32_t i = 0; i < r->n; i++)
			look(w, &r->item[i]);
	err = dq_holders_repeat(w->holders, r);
	return err ? err : dq_sink_repeat(&w->next, r);
}

static int flush(void *ctx)
{
	struct record_watch *w = ctx;

	return w->next.flush(w->next.ctx);
}

int record_watch_init(struct record_watch *w, struct dq_sink next)
{
	*w = (struct record_watch){ .next = next };
	return dq_holders_new(&w->holders);
}

void record_watch_done(struct record_watch *w)
{
	dq_holders_free(&w->holders);
}

struct dq_sink record_watch_sink(struct record_watch *w)
{
	return (struct dq_sink){ .put = put, .flush = flush, .ctx = w, .repeat = repeat };
}

uint64_t record_watch_differ(void *ctx)
{
	struct record_watch *w = ctx;

	return dq_holders_compare(w->holders, NULL, NULL, NULL);
}

uint64_t record_watch_doubtful(const struct record_watch *w)
{
	uint64_t n = 0;

	for (uint32_t id = 1; id <= w->max_buf; id++) {
		const struct dq_hold_buf *b = dq_holders_get(w->holders, id);

		n += b && b->doubt & ~(unsigned int)DQ_DOUBT_PAST;
	}
	return n;
}

uint64_t record_watch_missed(const struct record_watch *w, uint64_t counted)
{
	return counted > w->fatal_calls ? counted - w->fatal_calls : 0;
}

/* ---- sentences ------------------------------------------------------------------------- */

/* "ring: 400 events between 3.1 s and 3.4 s" */
static void say_loss(const struct record_loss *l, uint64_t count, uint64_t t0)
{
	char from[24], to[24];
	struct dq_sb when = { 0 };

	if (l->t1 && l->t1 >= t0)
		dq_sb_printf(&when, " between %s and %s",
			     dq_fmt_dur(from, l->t0 > t0 ? l->t0 - t0 : 0), dq_fmt_dur(to, l->t1 - t0));
	if (!strcmp(l->source, "return"))
		dq_warn("record: %" PRIu64 " return%s missed%s: those calls have no result", count,
			count == 1 ? " was" : "s were", dq_sb_str(&when));
	else if (!strcmp(l->source, "ring"))
		dq_warn("record: %" PRIu64 " event%s lost%s: the ring was full. Try: dmaseq record --ring 64M",
			count, count == 1 ? " was" : "s were", dq_sb_str(&when));
	else
		dq_warn("record: %" PRIu64 " event%s lost%s (%s)", count,
			count == 1 ? " was" : "s were", dq_sb_str(&when), l->source);
	dq_sb_free(&when);
}

void record_say_losses(const struct record_watch *w, uint64_t t0)
{
	uint64_t doubtful;

	for (size_t i = 0; i < w->nlosses; i++) {
		uint64_t n = w->losses[i].count;

		if (!strcmp(w->losses[i].source, "return"))
			n = record_watch_missed(w, n);
		if (n)
			say_loss(&w->losses[i], n, t0);
	}
	if (w->fatal_calls)
		dq_warn("record: a task died in %" PRIu64 " call%s: what %s done is not known", w->fatal_calls,
			dq_plural(w->fatal_calls), w->fatal_calls == 1 ? "it has" : "they have");
	doubtful = w->nlosses ? record_watch_doubtful(w) : 0;
	if (doubtful)
		dq_warn("record: who holds %" PRIu64 " of the %zu buffer%s that live%s cannot be told",
			doubtful, dq_holders_alive(w->holders), dq_plural(dq_holders_alive(w->holders)),
			dq_holders_alive(w->holders) == 1 ? "s" : "");
}

static void say_holder(const char *sentence, bool excused, void *ctx)
{
	uint64_t *said = ctx;

	if (excused)
		dq_info("record: holders, not certain: %s", sentence);
	else if (++*said <= SENTENCES)
		dq_warn("record: holders: %s", sentence);
	else
		dq_info("record: holders: %s", sentence);
}

void record_say_holders(const struct record_watch *w)
{
	const struct dq_snap *f = &w->final;
	uint64_t excused = 0, said = 0, differ;
	struct dq_sb sb = { 0 };

	if (!f->id)
		return;
	differ = dq_holders_compare(w->holders, say_holder, &said, &excused);
	if (said > SENTENCES && dq_common.verbose == 0)
		dq_warn("record: holders: %" PRIu64 " more. Try: dmaseq list --holders FILE", said - SENTENCES);
	if (differ || dq_common.quiet)
		return;
	dq_holders_verdict(&sb, f, excused, record_watch_doubtful(w));
	fprintf(stderr, "dmaseq: holders: %s\n", dq_sb_str(&sb));
	dq_sb_free(&sb);
}

void record_say_hooks(const struct dq_live *l)
{
	const struct dq_live_hook *h;
	size_t n = dq_live_hooks(l, &h);

	for (size_t i = 0; i < n; i++) {
		if (h[i].silent)
			dq_warn("record: %s never fired although %s did: calls of it are missing in the trace",
				h[i].info->name, h[i].silent->name);
		if (h[i].rung[0])
			dq_info("record: %s (%s): %" PRIu64 " hit%s", h[i].info->name, h[i].rung, h[i].hits,
				dq_plural(h[i].hits));
	}
}

/* ---- who holds what, as items ------------------------------------------------------------ */

static int put_fds(const struct dq_hold_buf *b, struct dq_item *it, const struct dq_sink *to)
{
	int err = 0;

	it->hold.what = DQ_HOLD_FD;
	for (size_t i = 0; i < b->nfds && !err; i++) {
		const struct dq_hold_fds *f = &b->fds[i];

		it->hold.table = f->table;
		it->hold.task = f->task;
		for (size_t j = 0; j < f->nfd && !err; j++) {
			it->hold.fd = f->fd[j].fd;
			err = to->put(to->ctx, it);
		}
	}
	return err;
}

static int put_maps(const struct dq_hold_buf *b, struct dq_item *it, const struct dq_sink *to)
{
	int err = 0;

	it->hold.what = DQ_HOLD_MAP;
	it->hold.table = 0;
	it->hold.fd = -1;
	for (size_t i = 0; i < b->nmaps && !err; i++) {
		it->hold.task = b->maps[i].task;
		it->hold.vma = b->maps[i].vma;
		err = to->put(to->ctx, it);
	}
	return err;
}

/* All of it can be said with hold items: certain numbers, nothing under way. */
static bool can_be_put(const struct dq_hold_buf *b)
{
	bool all = !b->doubt && !b->nflights;

	for (size_t i = 0; i < b->nfds; i++)
		all = all && b->fds[i].n == b->fds[i].nfd;
	return all;
}

int record_put_holds(const struct dq_holders *h, uint32_t max_buf, uint64_t t,
		     const struct dq_sink *to)
{
	struct dq_item it = { .kind = DQ_HOLD }, snap = { .kind = DQ_SNAP };
	int err;

	snap.snap = (struct dq_snap){ .id = 1, .what = DQ_SNAP_BEGIN, .t0 = t, .sources = "calls" };
	err = to->put(to->ctx, &snap);
	for (uint32_t id = 1; id <= max_buf && !err; id++) {
		const struct dq_hold_buf *b = dq_holders_get(h, id);

		if (!b)
			continue;
		snap.snap.bufs++;
		it.hold = (struct dq_hold){ .t = t, .snap = 1, .buf = id, .n = 1 };
		if (!can_be_put(b)) {
			snap.snap.flags |= DQ_SNAP_FAILED;
			continue;
		}
		for (size_t i = 0; i < b->nfds; i++)
			snap.snap.fds += b->fds[i].nfd;
		snap.snap.maps += b->nmaps;
		err = put_fds(b, &it, to);
		if (!err)
			err = put_maps(b, &it, to);
	}
	snap.snap.t1 = t;
	if (!(snap.snap.flags & DQ_SNAP_FAILED))
		snap.snap.flags |= DQ_SNAP_COMPLETE;
	return err ? err : to->put(to->ctx, &snap);
}
