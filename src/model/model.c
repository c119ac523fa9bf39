/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.c - the intake: items of a trace into tables, calls into groups.
 *
 * Calls come when they end, so a group (the calls of one syscall, or one outermost
 * call elsewhere) is whole when its dq_sys item comes, when the task goes on with
 * something else, or at the end of the trace. What a group means is group.c.
 * May use src/trace and src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

/*
 * A descriptor arrived. Where its first journey is from the one who had the buffer made out
 * of a heap to somebody else over binder, it was made for that one: so does Android's
 * allocator service.
 */
static void on_transfer(const struct dq_transfer *t, void *ctx)
{
	struct dq_model *m = ctx;
	struct dq_mbuf *b = dq_mbuf(m, t->buf);
	const struct dq_task *maker = b ? dq_model_task(m, b->maker) : NULL;
	const struct dq_task *from = dq_model_task(m, t->from), *to = dq_model_task(m, t->to);
	struct dq_transfer *row;

	if (t->way == DQ_WAY_BINDER && t->exact && b && b->from_heap && !b->client && maker &&
	    from && to && from->tgid == maker->tgid && to->tgid != maker->tgid)
		b->client = t->to;
	if (m->on_transfer)
		m->on_transfer(m->on_group_ctx, t);
	if (!dq_is_kept(m, t->buf))
		return;
	row = DQ_PUSH(m->transfers, m->ntransfers, m->cap_transfers);
	if (!row)
		m->err = -ENOMEM;
	else
		*row = *t;
}

int dq_model_new(struct dq_model **ret_m, enum dq_keep keep)
{
	struct dq_model *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->release = m->version = m->arch = m->rung = m->cmdline = m->tool = "";
	m->t_first = UINT64_MAX;
	m->keep_all = keep == DQ_KEEP_ALL;
	m->ix_task = dq_map_new();
	m->ix_dev = dq_map_new();
	m->ix_buf = dq_map_new();
	m->ix_att = dq_map_new();
	m->ix_ops = dq_map_new();
	m->keep = dq_map_new();
	m->ix_timeline = dq_map_new();
	m->ix_stack = dq_map_new();
	m->ix_module = dq_map_new();
	m->strs = dq_strtab_new();
	m->memo = calloc(DQ_WHO_MEMOS, sizeof(*m->memo));
	if (!m->memo || !m->ix_timeline || !m->ix_stack || dq_holders_new(&m->holders) || !m->ix_task || !m->ix_dev || !m->ix_buf || !m->ix_att || !m->ix_ops || !m->keep ||
	    !m->ix_module || !m->strs) {
		dq_model_free(&m);
		return -ENOMEM;
	}
	dq_holders_on_transfer(m->holders, on_transfer, m);
	*ret_m = m;
	return 0;
}

int dq_model_keep(struct dq_model *m, uint32_t buf)
{
	return dq_map_put(m->keep, buf, 1);
}

void dq_model_free(struct dq_model **pm)
{
	struct dq_model *m = *pm;

	if (!m)
		return;
	for (size_t i = 0; i < m->nbufs; i++) {
		free(m->bufs[i].importers);
		free(m->bufs[i].aliases);
	}
	for (size_t i = 0; i < m->npending; i++)
		free(m->pending[i].v);
	dq_map_free(m->ix_task);
	dq_map_free(m->ix_dev);
	dq_map_free(m->ix_buf);
	dq_map_free(m->ix_att);
	dq_map_free(m->ix_ops);
	dq_map_free(m->keep);
	dq_map_free(m->ix_timeline);
	dq_map_free(m->ix_stack);
	dq_map_free(m->ix_module);
	dq_forget_free(m);
	dq_places_free(&m->places);
	free(m->modules);
	free(m->memo);
	if (!m->shared)
		dq_holders_free(&m->holders);
	dq_strtab_free(m->strs);
	free(m->tasks);
	free(m->devs);
	free(m->bufs);
	free(m->atts);
	free(m->ops);
	free(m->losses);
	free(m->jumps);
	free(m->names);
	free(m->groups);
	free(m->calls_v);
	free(m->pending);
	free(m->timelines);
	free(m->stacks);
	free(m->holds);
	free(m->transfers);
	free(m);
	*pm = NULL;
}

/* ---- look-ups ---- */

const struct dq_task *dq_model_task(const struct dq_model *m, uint32_t id)
{
	uint64_t i;

	return dq_map_get(m->ix_task, id, &i) ? &m->tasks[i] : NULL;
}

const struct dq_dev *dq_model_dev(const struct dq_model *m, uint32_t id)
{
	uint64_t i;

	return dq_map_get(m->ix_dev, id, &i) ? &m->devs[i] : NULL;
}

struct dq_mbuf *dq_mbuf_find(struct dq_model *m, uint32_t id)
{
	uint64_t i;

	if (!dq_map_get(m->ix_buf, id, &i))
		return NULL;
	m->last_buf = i + 1;
	m->last_buf_id = id;
	return &m->bufs[i];
}

const struct dq_mbuf *dq_model_buf(const struct dq_model *m, uint32_t id)
{
	uint64_t i;

	return dq_map_get(m->ix_buf, id, &i) ? &m->bufs[i] : NULL;
}

struct dq_matt *dq_matt(struct dq_model *m, uint32_t id)
{
	uint64_t i;

	return dq_map_get(m->ix_att, id, &i) ? &m->atts[i] : NULL;
}

const struct dq_matt *dq_model_att(const struct dq_model *m, uint32_t id)
{
	uint64_t i;

	return dq_map_get(m->ix_att, id, &i) ? &m->atts[i] : NULL;
}

const struct dq_timeline *dq_model_timeline(const struct dq_model *m, uint32_t id)
{
	uint64_t i;

	return dq_map_get(m->ix_timeline, id, &i) ? &m->timelines[i] : NULL;
}

const struct dq_stack *dq_model_stack(const struct dq_model *m, uint32_t id)
{
	uint64_t i;

	return id && dq_map_get(m->ix_stack, id, &i) ? &m->stacks[i] : NULL;
}

const char *dq_task_process(const struct dq_model *m, uint32_t id)
{
	const struct dq_task *t = dq_model_task(m, id);

	if (!t)
		return "unknown process";
	if (*t->process)
		return t->process;
	for (size_t i = 0; i < m->ntasks; i++)
		if (m->tasks[i].tid == t->tgid && *m->tasks[i].comm)
			return m->tasks[i].comm;
	return *t->comm ? t->comm : "unknown process";
}

const struct dq_mbuf *dq_model_pick(const struct dq_model *m)
{
	const struct dq_mbuf *best = NULL;
	int most = -1;

	for (size_t i = 0; i < m->nbufs; i++) {
		int rich = __builtin_popcount(m->bufs[i].phases);

		if (rich > most) {
			most = rich;
			best = &m->bufs[i];
		}
	}
	return best;
}

/* ---- one item of each kind ---- */

static void see_time(struct dq_model *m, uint64_t t)
{
	dq_see_time(&m->t_first, &m->t_last, t);
}

static void put_meta(struct dq_model *m, const struct dq_meta *meta)
{
	const struct { const char *key; const char **to; } known[] = {
		{ "kernel.release", &m->release }, { "kernel.version", &m->version },
		{ "arch", &m->arch }, { "rung", &m->rung }, { "cmdline", &m->cmdline },
		{ "tool", &m->tool }, { "keep.last", &m->keep_last }, { "keep.parts", &m->keep_parts },
	};
	uint64_t n = 0;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(known); i++)
		if (!strcmp(meta->key, known[i].key))
			*known[i].to = meta->value;
	m->forgot |= !strcmp(meta->key, "keep.from");
	if (!strcmp(meta->key, "keep.forgotten") && !dq_parse_uint(meta->value, &n))
		m->forgotten = n;
	else if (!strcmp(meta->key, "keep.lost") && !dq_parse_uint(meta->value, &n))
		m->forgotten_lost = n;
}

bool dq_model_put_kept(const struct dq_model *m, struct dq_sb *sb)
{
	if (!m->forgot)
		return false;
	if (m->keep_parts) {
		dq_sb_printf(sb, "goes on from another file, of %s each; %" PRIu64 " older call%s in those before it",
			     m->keep_parts, m->forgotten, m->forgotten == 1 ? " is" : "s are");
		if (m->forgotten_lost)
			dq_sb_printf(sb, ", and %" PRIu64 " lost event%s", m->forgotten_lost,
				     m->forgotten_lost == 1 ? "" : "s");
		return true;
	}
	dq_sb_puts(sb, "flight recording: the last ");
	dq_sb_puts(sb, m->keep_last && *m->keep_last ? m->keep_last : "part of it");
	dq_sb_printf(sb, "; %" PRIu64 " older call%s forgotten by request", m->forgotten,
		     m->forgotten == 1 ? " was" : "s were");
	if (m->forgotten_lost)
		dq_sb_printf(sb, ", and before that %" PRIu64 " event%s lost", m->forgotten_lost,
			     m->forgotten_lost == 1 ? " was" : "s were");
	return true;
}

static void put_since(const struct dq_model *m, struct dq_sb *sb, uint64_t t)
{
	t = t > m->t_first ? t - m->t_first : 0;
	dq_sb_printf(sb, "%" PRIu64 ".%06" PRIu64 " s", t / 1000000000, t % 1000000000 / 1000);
}

bool dq_model_put_skipped(const struct dq_model *m, struct dq_sb *sb)
{
	if (!m->skipped.calls)
		return false;
	dq_sb_printf(sb, "%" PRIu64 " calls between ", m->skipped.calls);
	put_since(m, sb, m->skipped.from);
	dq_sb_puts(sb, " and ");
	put_since(m, sb, m->skipped.to);
	dq_sb_puts(sb, " are left out: there are too many to draw");
	return true;
}

/* Finds or makes the row of id in a table; *ret_i is its index. */
#define ROW(m, tab, ix, id)                                                                        \
	({                                                                                         \
		uint64_t i_;                                                                       \
		__typeof__((m)->tab) row_ = NULL;                                                  \
		if (dq_map_get((m)->ix, (id), &i_))                                                \
			row_ = &(m)->tab[i_];                                                      \
		else if (!dq_map_put((m)->ix, (id), (m)->n##tab))                                  \
			row_ = DQ_PUSH((m)->tab, (m)->n##tab, (m)->cap_##tab);                     \
		row_;                                                                              \
	})

static int put_task(struct dq_model *m, const struct dq_task *t)
{
	struct dq_task *row = ROW(m, tasks, ix_task, t->id);
	const char *process;

	if (!row)
		return -ENOMEM;
	process = *t->process ? t->process : row->process;
	*row = *t;
	row->process = process ? process : "";
	return 0;
}

static int put_dev(struct dq_model *m, const struct dq_dev *d)
{
	struct dq_dev *row = ROW(m, devs, ix_dev, d->id);

	if (!row)
		return -ENOMEM;
	*row = *d;
	m->last_dev = 0;	/* the table may have moved */
	dq_who_changed(m, NULL);
	return 0;
}

static int put_buf(struct dq_model *m, const struct dq_buf *b)
{
	struct dq_mbuf *row = b->id ? dq_mbuf(m, b->id) : NULL;

	if (row)		/* said twice: the first sight counts */
		return 0;
	row = dq_forget_slot(m);
	if (!row)
		row = DQ_PUSH(m->bufs, m->nbufs, m->cap_bufs);
	if (!row || dq_map_put(m->ix_buf, b->id, (uint64_t)(row - m->bufs)))
		return -ENOMEM;
	if (b->id > m->max_buf)
		m->max_buf = b->id;
	row->nth = m->nth_buf++;
	row->version = ++m->versions;
	row->b = *b;
	row->name = b->name;
	row->born = b->t;
	row->helper = "";
	row->exporter = *b->owner ? b->owner : *b->exp_name ? b->exp_name : "unknown";
	see_time(m, b->t);
	return 0;
}

static int put_att(struct dq_model *m, const struct dq_att *a)
{
	struct dq_matt *row = dq_forget_atts(m) ? NULL : ROW(m, atts, ix_att, a->id);
	struct dq_mbuf *b;

	if (!row)
		return -ENOMEM;
	if (row->a.id)		/* said twice */
		dq_who_changed(m, NULL);
	row->a = *a;
	row->importer = "";
	see_time(m, a->t);
	b = dq_mbuf(m, a->buf);
	if (b)
		dq_who_att(m, b, &row->a);
	return 0;
}

static int put_ops(struct dq_model *m, const struct dq_ops *o)
{
	struct dq_ops *row = ROW(m, ops, ix_ops, o->id);

	if (!row)
		return -ENOMEM;
	/* Said again when its module went: no buffer of it was left, nothing changes for those before. */
	if (row->id && row->armed && !o->armed)
		return 0;
	*row = *o;
	return 0;
}

static int put_name(struct dq_model *m, const struct dq_name *n)
{
	struct dq_mbuf *b = dq_mbuf(m, n->buf);
	struct dq_name *row;

	if (b)
		b->name = n->name;
	if (m->forget && !dq_is_kept(m, n->buf))
		return 0;
	row = DQ_PUSH(m->names, m->nnames, m->cap_names);
	if (!row)
		return -ENOMEM;
	*row = *n;
	return 0;
}

static int put_loss(struct dq_model *m, const struct dq_loss *l)
{
	struct dq_loss *row = DQ_PUSH(m->losses, m->nlosses, m->cap_losses);
	uint64_t *sum;

	if (!row)
		return -ENOMEM;
	*row = *l;
	sum = dq_loss_is_return(l) ? &m->missed : &m->lost;
	*sum = l->count > UINT64_MAX - *sum ? UINT64_MAX : *sum + l->count; /* a hostile file */
	return 0;
}

static int put_timeline(struct dq_model *m, const struct dq_timeline *t)
{
	struct dq_timeline *row = ROW(m, timelines, ix_timeline, t->id);

	if (!row)
		return -ENOMEM;
	*row = *t;
	return 0;
}

static int put_stack(struct dq_model *m, const struct dq_stack *s)
{
	struct dq_stack *row = ROW(m, stacks, ix_stack, s->id);

	if (!row)
		return -ENOMEM;
	*row = *s;
	return 0;
}

/* ---- what was found by looking ---- */

static void put_snap(struct dq_model *m, const struct dq_snap *s)
{
	if (s->what == DQ_SNAP_FINAL)
		m->final = *s;
	else
		m->begin_snap = s->id;
}

static int put_hold(struct dq_model *m, const struct dq_hold *l)
{
	struct dq_hold *row;

	if (l->snap != m->begin_snap || !dq_is_kept(m, l->buf))
		return 0;
	row = DQ_PUSH(m->holds, m->nholds, m->cap_holds);
	if (!row)
		return -ENOMEM;
	*row = *l;
	return 0;
}

/* ---- calls in flight ---- */

static struct dq_pending *find_pending(struct dq_model *m, uint32_t task)
{
	uint64_t i;

	/* a task that the trace did not introduce still has calls */
	if (!dq_map_get(m->ix_task, task, &i)) {
		struct dq_task t = { .id = task, .comm = "", .process = "" };

		if (put_task(m, &t) || !dq_map_get(m->ix_task, task, &i))
			return NULL;
	}
	while (m->npending <= i)
		if (!DQ_PUSH(m->pending, m->npending, m->cap_pending))
			return NULL;
	m->last_pending = i + 1;
	m->last_task = task;
	return &m->pending[i];
}

/* Tasks stay where they are in the table. */
static inline struct dq_pending *pending_of(struct dq_model *m, uint32_t task)
{
	if (m->last_pending && m->last_task == task)
		return &m->pending[m->last_pending - 1];
	return find_pending(m, task);
}

static int put_call(struct dq_model *m, const struct dq_call *c)
{
	struct dq_pending *p = pending_of(m, c->task);
	struct dq_mcall *row;
	int ret = 0;

	if (!p)
		return -ENOMEM;
	if (p->n && (p->sys != c->sys))
		ret = dq_group_flush(m, c->task, p, NULL);
	if (!p->n)
		p->chunk = m->chunk;
	p->sys = c->sys;
	row = DQ_ROOM(p->v, p->n, p->cap);
	if (!row)
		return -ENOMEM;
	row->c = *c;
	row->flags = 0;
	row->phase = DQ_PH_NONE;
	row->who = row->whodev = "";
	dq_see_call(&m->t_first, &m->t_last, c);
	if (c->fatal && m->missed)
		m->missed--;	/* counted with the losses before it */
	/* outside of a syscall the outermost call closes its group; one that is drained at the end
	 * may come before its callees */
	if (!c->sys && !c->depth && !(c->flags & DQ_CALL_OPEN) && !ret)
		ret = dq_group_flush(m, c->task, p, NULL);
	return ret;
}

static int put_sys(struct dq_model *m, const struct dq_sys *s)
{
	struct dq_pending *p = pending_of(m, s->task);
	int ret = 0;

	if (!p)
		return -ENOMEM;
	see_time(m, s->t0);
	see_time(m, s->t1);
	if (p->n && p->sys == s->sys)
		ret = dq_group_flush(m, s->task, p, s);
	p->done = s->sys;
	p->done_chunk = m->chunk;
	return ret;
}

/* Not inline, that the many calls need not save registers. */
static __attribute__((noinline)) int put_other(struct dq_model *m, const struct dq_item *item)
{
	switch (item->kind) {
	case DQ_META:
		put_meta(m, &item->meta);
		return 0;
	case DQ_HOOK:
		return 0;
	case DQ_TASK:
		return put_task(m, &item->task);
	case DQ_DEV:
		return put_dev(m, &item->dev);
	case DQ_BUF:
		return put_buf(m, &item->buf);
	case DQ_ATT:
		return put_att(m, &item->att);
	case DQ_OPS:
		return put_ops(m, &item->ops);
	case DQ_LOSS:
		return put_loss(m, &item->loss);
	case DQ_NAME:
		return put_name(m, &item->name);
	case DQ_CLOCK:
		see_time(m, item->clock.mono);
		return dq_model_clock(m, &item->clock);
	case DQ_END:
		m->has_end = true;
		m->end = item->end;
		see_time(m, item->end.t);
		return 0;
	case DQ_TASKEV:
		see_time(m, item->taskev.t);
		return 0;
	case DQ_SNAP:
		put_snap(m, &item->snap);
		return 0;
	case DQ_HOLD:
		return put_hold(m, &item->hold);
	case DQ_STACK:
		return put_stack(m, &item->stack);
	case DQ_TIMELINE:
		return put_timeline(m, &item->timeline);
	case DQ_CALL:
	case DQ_SYS:
	case DQ_KIND_MAX:
		break;
	}
	return 0;
}

static inline int put_item(struct dq_model *m, const struct dq_item *item)
{
	if (item->kind == DQ_CALL)
		return put_call(m, &item->call);
	return item->kind == DQ_SYS ? put_sys(m, &item->sys) : put_other(m, item);
}

/* What there is to know of a buffer that is not kept. */
static bool is_of_others(const struct dq_model *m, const struct dq_item *item)
{
	if (item->kind == DQ_BUF)
		return !dq_is_kept(m, item->buf.id);
	return item->kind == DQ_ATT && !dq_is_kept(m, item->att.buf);
}

void dq_model_share_holders(struct dq_model *m, struct dq_holders *h)
{
	dq_holders_free(&m->holders);
	m->holders = h;
	m->shared = true;
	dq_holders_on_transfer(h, on_transfer, m);
}

void dq_model_no_who(struct dq_model *m)
{
	m->no_who = true;
}

void dq_model_no_holders(struct dq_model *m)
{
	dq_holders_only_keys(m->holders);
	m->no_holders = true;
}

/* May it be something that a place is to be noted for? Most calls and syscalls are not, at once. */
static bool may_be_noted(const struct dq_item *item)
{
	return item->kind != DQ_SYS && (item->kind != DQ_CALL || item->call.table);
}

int dq_model_put(struct dq_model *m, const struct dq_item *item)
{
	int ret;

	if (m->only_kept && is_of_others(m, item))
		return 0;
	ret = put_item(m, item);
	if (!ret && !m->shared && (!m->no_holders || dq_holders_is_key(item)))
		ret = dq_holders_put(m->holders, item);
	if (!ret && m->places && may_be_noted(item))
		ret = dq_places_item(m, item);
	return ret ? ret : m->err;
}

/* ---- the end ---- */

static int by_begin(const void *pa, const void *pb)
{
	const struct dq_group *a = pa, *b = pb;

	if (a->t0 != b->t0)
		return a->t0 < b->t0 ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Until when callbacks of the buffer's exporter may be missing from the trace, and whether only
 * some of them. */
static uint64_t dark_until(const struct dq_model *m, const struct dq_mbuf *b, bool *ret_some)
{
	const struct dq_ops *o;
	uint64_t i;

	if (!b->b.ops || !b->first_use)
		return 0;
	if (!dq_map_get(m->ix_ops, b->b.ops, &i))
		return UINT64_MAX;
	o = &m->ops[i];
	if (o->has & ~o->armed)
		*ret_some = o->armed != 0;
	if (!o->t || o->has & ~o->armed)
		return UINT64_MAX;
	return o->t > b->first_use ? o->t : 0;
}

/* How many events were lost that could have been of this buffer. Of which calls returns were missed
 * is known: they are in the trace. */
static uint64_t lost_of(const struct dq_model *m, const struct dq_mbuf *b)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->nlosses; i++) {
		const struct dq_loss *l = &m->losses[i];

		if (dq_loss_is_return(l) || (l->t1 && l->t1 < b->born) ||
		    (b->released && l->t0 > b->died))
			continue;
		n = l->count > UINT64_MAX - n ? UINT64_MAX : n + l->count;
	}
	return n;
}

int dq_model_finish(struct dq_model *m)
{
	for (size_t i = 0; i < m->npending; i++) {
		struct dq_pending *p = &m->pending[i];
		int ret = p->n ? dq_group_flush(m, m->tasks[i].id, p, NULL) : 0;

		if (ret)
			return ret;
		free(p->v);
		p->v = NULL;
		p->n = p->cap = 0;
	}
	if (m->shared)
		dq_holders_on_transfer(m->holders, NULL, NULL);
	if (dq_forget_finish(m))
		return -ENOMEM;
	for (size_t i = 0; i < m->nbufs; i++) {
		m->bufs[i].dark_until = dark_until(m, &m->bufs[i], &m->bufs[i].dark_some);
		m->bufs[i].lost = lost_of(m, &m->bufs[i]);
	}
	if (m->ngroups)
		qsort(m->groups, m->ngroups, sizeof(*m->groups), by_begin);
	if (m->t_first == UINT64_MAX)
		m->t_first = 0;
	return 0;
}

int dq_model_load(struct dq_model *m, struct dq_reader *r)
{
	const struct dq_reader_state *st = dq_reader_state(r);
	struct dq_item item;
	int ret;

	while ((ret = dq_reader_next(r, &item)) > 0) {
		m->chunk = st->part;
		ret = dq_model_put(m, &item);
		if (ret)
			return ret;
	}
	return ret ? ret : dq_model_finish(m);
}
