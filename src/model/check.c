/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c - the checker's intake: items in, calls nested, judges asked, findings kept.
 *
 * Calls come when they end. Those of one outermost call are judged together, when that one
 * ends: then it is known which frames are the same operation and which are the core's own. Between
 * tasks that is the order of the ends, which is the order in which one can rely on another.
 * May use src/trace and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/check_int.h"

#define WAIT_MAX 4096		/* calls in one outermost call; more are a damaged or hostile file's */

const char *dq_confidence_name(enum dq_confidence c)
{
	static const char *const names[] = { "certain", "likely", "unproven" };

	return c <= DQ_CONF_UNPROVEN ? names[c] : "?";
}

const char *dq_undecided_text(enum dq_undecided u)
{
	static const char *const texts[DQ_UND_MAX] = {
		[DQ_UND_LOST] = "events were lost",
		[DQ_UND_PAST] = "it began before the recording, or outside of it",
		[DQ_UND_CALLBACKS] = "callbacks were not recorded from the begin",
		[DQ_UND_END] = "the recording ended first",
		[DQ_UND_LOOK] = "nobody looked at the end who holds it",
	};

	return u < DQ_UND_MAX ? texts[u] : "?";
}

static int new_maps(struct dq_check *k)
{
	struct dq_map **maps[] = { &k->ix_task, &k->ix_dev, &k->ix_ops, &k->ix_stack,
				   &k->ix_buf, &k->ix_att, &k->ix_table, &k->ix_found };

	for (size_t i = 0; i < DQ_ARRAY_SIZE(maps); i++) {
		*maps[i] = dq_map_new();
		if (!*maps[i])
			return -ENOMEM;
	}
	return 0;
}

int dq_check_new(struct dq_check **ret_c, const enum dq_severity severity[DQ_RULE_MAX])
{
	struct dq_check *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	memcpy(k->severity, severity, sizeof(k->severity));
	k->t_first = UINT64_MAX;
	k->seed = dq_hash_seed();
	if (new_maps(k) || dq_holders_new(&k->holders)) {
		dq_check_free(&k);
		return -ENOMEM;
	}
	*ret_c = k;
	return 0;
}

static void free_att(struct chk_att *a)
{
	free(a->maps);
	free(a);
}

static void free_buf(struct chk_buf *b)
{
	for (size_t i = 0; i < b->natts; i++)
		free_att(b->atts[i]);
	free(b->atts);
	free(b->ses);
	free(b->vmas);
	free(b->devs);
	free(b->suspect);
	free(b);
}

void dq_check_free(struct dq_check **pk)
{
	struct dq_check *k = *pk;

	if (!k)
		return;
	for (size_t i = 0; i < k->nbufs; i++)
		free_buf(k->bufs[i]);
	for (size_t i = 0; i < k->ntasks; i++) {
		free(k->tasks[i].wait);
		free(k->tasks[i].deeds);
	}
	dq_map_free(k->ix_task);
	dq_map_free(k->ix_dev);
	dq_map_free(k->ix_ops);
	dq_map_free(k->ix_stack);
	dq_map_free(k->ix_buf);
	dq_map_free(k->ix_att);
	dq_map_free(k->ix_table);
	dq_map_free(k->ix_found);
	dq_holders_free(&k->holders);
	free(k->metas);
	free(k->tasks);
	free(k->devs);
	free(k->ops);
	free(k->stacks);
	free(k->bufs);
	free(k->tables);
	free(k->found);
	free(k->result);
	free(k->losses);
	free(k);
	*pk = NULL;
}

/* ---- look-ups ---- */

struct chk_buf *chk_find_buf(struct dq_check *k, uint32_t id)
{
	uint64_t i;

	if (!id || !dq_map_get(k->ix_buf, id, &i))
		return NULL;
	k->last_buf = k->bufs[i];
	k->last_buf_id = id;
	return k->last_buf;
}

struct chk_att *chk_find_att(struct dq_check *k, uint32_t id)
{
	uint64_t p;

	if (!dq_map_get(k->ix_att, id, &p))
		return NULL;
	k->last_att_id = id;
	k->last_att = (struct chk_att *)(uintptr_t)p;
	return k->last_att;
}

void chk_drop_att(struct dq_check *k, const struct chk_att *a)
{
	k->last_att_id = 0;
	dq_map_del(k->ix_att, a->id);
}

struct chk_task *chk_find_task(struct dq_check *k, uint32_t id)
{
	struct chk_task *t;
	uint64_t i;

	if (dq_map_get(k->ix_task, id, &i)) {
		k->last_task = i + 1;
		k->last_task_id = id;
		return &k->tasks[i];
	}
	t = dq_map_put(k->ix_task, id, k->ntasks) ? NULL :
						    DQ_PUSH(k->tasks, k->ntasks, k->cap_tasks);
	if (!t) {
		dq_map_del(k->ix_task, id);
		k->err = -ENOMEM;
		return NULL;
	}
	t->t = (struct dq_task){ .id = id, .comm = "", .process = "" };
	return t;
}

static const struct chk_task *find_task(const struct dq_check *k, uint32_t id)
{
	uint64_t i;

	if (k->last_task && k->last_task_id == id)
		return &k->tasks[k->last_task - 1];
	return dq_map_get(k->ix_task, id, &i) ? &k->tasks[i] : NULL;
}

uint32_t chk_tgid(struct dq_check *k, uint32_t task)
{
	const struct chk_task *t = find_task(k, task);

	return t ? t->t.tgid : 0;
}

const struct dq_dev *dq_check_dev(const struct dq_check *k, uint32_t id)
{
	uint64_t i;

	return id && dq_map_get(k->ix_dev, id, &i) ? &k->devs[i] : NULL;
}

bool chk_lit(const struct dq_check *k, const struct chk_buf *b, uint64_t bits, uint64_t t)
{
	const struct dq_ops *o;
	uint64_t i;

	if (!b->b.ops || !dq_map_get(k->ix_ops, b->b.ops, &i))
		return false;
	o = &k->ops[i];
	return o->t && o->t <= t && (o->has & bits & ~o->armed) == 0;
}

uint64_t chk_has(const struct dq_check *k, const struct chk_buf *b)
{
	uint64_t i;

	return b->b.ops && dq_map_get(k->ix_ops, b->b.ops, &i) ? k->ops[i].has : 0;
}

const struct dq_task *dq_check_task(const struct dq_check *k, uint32_t id)
{
	const struct chk_task *t = find_task(k, id);

	return t && t->known ? &t->t : NULL;
}

const char *dq_check_process(const struct dq_check *k, uint32_t task)
{
	const struct dq_task *t = dq_check_task(k, task);

	if (!t)
		return "unknown process";
	return *t->process ? t->process : *t->comm ? t->comm : "unknown process";
}

const char *dq_check_stack(const struct dq_check *k, uint32_t id)
{
	uint64_t i;

	return id && dq_map_get(k->ix_stack, id, &i) ? k->stacks[i].frames : "";
}

const char *dq_check_meta(const struct dq_check *k, const char *key)
{
	const char *v = "";

	for (size_t i = 0; i < k->nmetas; i++)
		if (!strcmp(k->metas[i].key, key))
			v = k->metas[i].value;
	return v;
}

struct dq_holders *dq_check_holders(struct dq_check *k)
{
	return k->holders;
}

uint64_t dq_check_time(const struct dq_check *k, uint64_t t)
{
	return t > k->t_first ? t - k->t_first : 0;
}

uint64_t dq_check_calls(const struct dq_check *k)
{
	return k->ncalls;
}

uint64_t dq_check_bufs(const struct dq_check *k)
{
	return k->nseen;
}

uint64_t dq_check_lost(const struct dq_check *k)
{
	return k->lost;
}

uint64_t dq_check_missed(const struct dq_check *k)
{
	return k->missed;
}

uint64_t dq_check_doubtful(const struct dq_check *k)
{
	return k->doubtful;
}

const struct dq_rule_sum *dq_check_sum(const struct dq_check *k, enum dq_rule_id rule)
{
	return &k->sum[rule];
}

const struct dq_finding *dq_check_findings(const struct dq_check *k, size_t *ret_n)
{
	*ret_n = k->nresult;
	return k->result;
}

/* ---- findings ---- */

void chk_looked(struct dq_check *k, enum dq_rule_id rule)
{
	k->sum[rule].looked++;
}

void chk_undecided(struct dq_check *k, enum dq_rule_id rule, enum dq_undecided why)
{
	k->sum[rule].undecided[why]++;
}

struct dq_proof chk_proof_sys(const struct dq_sys *s, const char *role)
{
	return (struct dq_proof){ .kind = DQ_PROOF_SYS, .t = s->t1, .task = s->task, .role = role,
				  .s = *s };
}

struct dq_finding chk_find(enum dq_rule_id rule, const struct chk_buf *b, const struct chk_att *a,
			   uint32_t task, const char *what)
{
	struct dq_finding f = { .rule = rule, .confidence = DQ_CONF_CERTAIN, .what = what,
				.doubt = "", .task = task, .process = "", .exporter = "",
				.caller = "" };

	if (b) {
		f.has_buf = true;
		f.buf = b->b;
		f.exporter = b->exporter;
	}
	if (a) {
		f.has_att = true;
		f.att = a->a;
	}
	return f;
}

void chk_add(struct dq_finding *f, const struct dq_proof *p, const char *role)
{
	if (f->nproof == DQ_PROOFS || !p->role)
		return;
	f->proof[f->nproof] = *p;
	if (role)
		f->proof[f->nproof].role = role;
	f->nproof++;
	if (p->kind == DQ_PROOF_CALL && p->c.caller && *p->c.caller)
		f->caller = p->c.caller;
	f->first = f->last = p->t;
}

static uint64_t mix_str(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3u;
	return dq_hash_mix(h);
}

/* What is the same in findings that are alike. */
static uint64_t key_of(const struct dq_check *k, const struct dq_finding *f)
{
	uint64_t h = dq_hash_mix(k->seed ^ f->rule);

	h = mix_str(h, f->what);
	h = mix_str(h, f->exporter);
	h = mix_str(h, f->has_att ? f->att.dev : "");
	h = mix_str(h, f->has_att ? f->att.driver : "");
	h = mix_str(h, f->process);
	h = mix_str(h, f->caller);
	return dq_hash_mix(h ^ f->confidence);
}

static void add_buf(struct chk_found *d, const struct dq_finding *f)
{
	if (!f->has_buf || d->last_buf == f->buf.id)
		return;
	for (size_t i = 0; i < d->f.nsamples; i++)
		if (d->f.samples[i] == f->buf.id)
			return;
	d->last_buf = f->buf.id;
	d->f.bufs++;
	if (d->f.nsamples < DQ_SAMPLES)
		d->f.samples[d->f.nsamples++] = f->buf.id;
}

static void add_window(struct chk_found *d, uint64_t from, uint64_t to)
{
	if (d->nwin < DQ_SAMPLES) {
		d->win[d->nwin++] = (struct chk_hole){ from, to };
		return;
	}
	if (!d->rest++) {
		d->rest_from = from;
		d->rest_to = to;
	}
	d->rest_from = from < d->rest_from ? from : d->rest_from;
	d->rest_to = to > d->rest_to ? to : d->rest_to;
}

static struct chk_found *new_found(struct dq_check *k, const struct dq_finding *f, uint64_t key)
{
	struct chk_found *d;

	if (k->told[f->rule] >= CHK_KEEP) {
		k->sum[f->rule].untold++;
		return NULL;
	}
	d = dq_map_put(k->ix_found, key, k->nfound) ? NULL :
						      DQ_PUSH(k->found, k->nfound, k->cap_found);
	if (!d) {
		dq_map_del(k->ix_found, key);
		k->err = -ENOMEM;
		return NULL;
	}
	k->told[f->rule]++;
	d->f = *f;
	d->key = key;
	d->order = k->nfound;
	return d;
}

void chk_tell(struct dq_check *k, struct dq_finding *f, uint64_t from)
{
	struct chk_found *d;
	uint64_t key, i;

	if (!chk_on(k, f->rule))
		return;
	k->sum[f->rule].looked++;
	k->sum[f->rule].found++;
	f->severity = k->severity[f->rule];
	if (f->task) {
		f->tgid = chk_tgid(k, f->task);
		f->process = dq_check_process(k, f->task);
	}
	if (!f->nproof)
		f->first = f->last = k->t_last;
	key = key_of(k, f);
	d = dq_map_get(k->ix_found, key, &i) ? &k->found[i] : new_found(k, f, key);
	if (!d)
		return;
	d->f.count++;
	d->f.last = f->last;
	if (d->f.count > 1) {
		d->f.cost += f->cost;
		d->f.saved += f->saved;
		d->f.times += f->times;
	}
	add_buf(d, f);
	add_window(d, from, f->last);
}

/* ---- facts ---- */

static void see_time(struct dq_check *k, uint64_t t)
{
	dq_see_time(&k->t_first, &k->t_last, t);
}

/* Finds or makes the row of id in a table. */
#define ROW(k, tab, ix, id)                                                                        \
	({                                                                                         \
		uint64_t i_;                                                                       \
		__typeof__((k)->tab) row_ = NULL;                                                  \
		if (dq_map_get((k)->ix, (id), &i_))                                                \
			row_ = &(k)->tab[i_];                                                      \
		else if (!dq_map_put((k)->ix, (id), (k)->n##tab))                                  \
			row_ = DQ_PUSH((k)->tab, (k)->n##tab, (k)->cap_##tab);                     \
		if (!row_)                                                                         \
			(k)->err = -ENOMEM;                                                        \
		row_;                                                                              \
	})

static void put_meta(struct dq_check *k, const struct dq_meta *m)
{
	struct dq_meta *row = DQ_PUSH(k->metas, k->nmetas, k->cap_metas);

	if (!row)
		k->err = -ENOMEM;
	else
		*row = *m;
	k->by_device |= !strcmp(m->key, "filter") && strstr(m->value, "device");
}

static void put_task(struct dq_check *k, const struct dq_task *t)
{
	struct chk_task *row = chk_task(k, t->id);
	const char *process;

	if (!row)
		return;
	k->noted_buf = NULL;	/* it may be another process now */
	process = *t->process ? t->process : row->t.process;
	row->t = *t;
	row->t.process = process;
	row->known = true;
}

static void put_buf(struct dq_check *k, const struct dq_buf *l)
{
	struct chk_buf *b, **row;

	see_time(k, l->t);
	if (!l->id || chk_buf(k, l->id))
		return;
	b = calloc(1, sizeof(*b));
	if (!b || dq_map_put(k->ix_buf, l->id, k->nbufs)) {
		free(b);
		k->err = -ENOMEM;
		return;
	}
	row = DQ_PUSH(k->bufs, k->nbufs, k->cap_bufs);
	if (!row) {
		dq_map_del(k->ix_buf, l->id);
		free(b);
		k->err = -ENOMEM;
		return;
	}
	*row = b;
	b->id = l->id;
	b->b = *l;
	b->exporter = *l->owner ? l->owner : *l->exp_name ? l->exp_name : "unknown";
	b->plain = !strcmp(l->exp_name, "udmabuf");
	k->nseen++;
}

static void put_att(struct dq_check *k, const struct dq_att *l)
{
	struct chk_buf *b = chk_buf(k, l->buf);
	struct chk_att *a, **row;

	see_time(k, l->t);
	k->max_att = l->id > k->max_att ? l->id : k->max_att;
	if (!l->id || !b || chk_att(k, l->id))
		return;
	a = calloc(1, sizeof(*a));
	row = a ? DQ_PUSH(b->atts, b->natts, b->cap_atts) : NULL;
	if (!row) {
		free(a);
		k->err = -ENOMEM;
		return;
	}
	*row = a;
	a->id = l->id;
	a->b = b;
	a->a = *l;
	if (dq_map_put(k->ix_att, l->id, (uintptr_t)a))
		k->err = -ENOMEM;
	b->drm_importer |= !strcmp(l->driver, "faux_driver");
}

static void put_ops(struct dq_check *k, const struct dq_ops *o)
{
	struct dq_ops *row = ROW(k, ops, ix_ops, o->id);

	/* said again when its module went: nothing changes for the buffers before */
	if (row && !(row->id && row->armed && !o->armed))
		*row = *o;
}

/* ---- losses ---- */

static unsigned int hurts(uint32_t hook)
{
	const struct dq_hook_info *i = dq_hook_at(hook);

	if (!i)
		return DQ_NEED_CALLS | DQ_NEED_FDS | DQ_NEED_CALLBACKS;
	switch (i->kind) {
	case KIND_VFS:
		return DQ_NEED_FDS;
	case KIND_OPS:
		return DQ_NEED_CALLBACKS;
	case KIND_FENCE:
		return 0;
	default:
		return DQ_NEED_CALLS | DQ_NEED_FDS;
	}
}

/* Buffers that lived then are in doubt: those that live, and those that died lately. */
static void doubt(struct dq_check *k, uint64_t t0, uint64_t t1)
{
	for (size_t i = 0; i < k->nbufs; i++)
		if (!k->bufs[i]->doubted && k->bufs[i]->b.t <= t1) {
			k->bufs[i]->doubted = true;
			k->doubtful++;
		}
	for (size_t i = 0; i < k->ndied && i < CHK_RING; i++)
		if (k->died[i] >= t0 && k->died[i]) {
			k->died[i] = 0;
			k->doubtful++;
		}
}

static void lose(struct dq_check *k, uint32_t hook, uint64_t t0, uint64_t t1)
{
	unsigned int need = hurts(hook);
	struct chk_loss *l = k->nlosses ? &k->losses[k->nlosses - 1] : NULL;

	if (!need)
		return;
	doubt(k, t0, t1);
	/* one that goes on is one */
	if (l && l->need == need && t0 >= l->t0 && t0 <= l->t1) {
		l->t1 = t1 > l->t1 ? t1 : l->t1;
		return;
	}
	/* of very many the last becomes longer, and more is undecided */
	if (l && k->nlosses >= CHK_LOSSES) {
		*l = (struct chk_loss){ t0 < l->t0 ? t0 : l->t0, t1 > l->t1 ? t1 : l->t1, need | l->need };
		return;
	}
	l = DQ_PUSH(k->losses, k->nlosses, k->cap_losses);
	if (!l)
		k->err = -ENOMEM;
	else
		*l = (struct chk_loss){ t0, t1, need };
}

static void lose_these(struct dq_check *k, const struct dq_loss *l)
{
	if (l->count)
		lose(k, l->hook, l->t1 ? l->t0 : 0, l->t1 ? l->t1 : UINT64_MAX);
}

static void put_loss(struct dq_check *k, const struct dq_loss *l)
{
	uint64_t *sum = dq_loss_is_return(l) ? &k->missed : &k->lost;

	*sum = l->count > UINT64_MAX - *sum ? UINT64_MAX : *sum + l->count;
	if (dq_loss_is_return(l))
		k->returns = *l;
	else
		lose_these(k, l);
}

/* Returns come before their calls. Those of calls that a task died in were not lost. */
static void settle_returns(struct dq_check *k, const struct dq_item *next)
{
	if (next && next->kind == DQ_CALL && next->call.fatal) {
		k->missed -= k->missed > 0;
		k->returns.count -= k->returns.count > 0;
		return;
	}
	lose_these(k, &k->returns);
	k->returns.count = 0;
}

const char *dq_check_lost_text(const struct dq_check *k)
{
	return k->fatal && !k->lost && !k->missed ? "a task died in a call" : dq_undecided_text(DQ_UND_LOST);
}

void dq_check_damaged(struct dq_check *k)
{
	lose(k, 0, 0, UINT64_MAX);
}

/* ---- calls ---- */

static enum hook_kind kind_of(const struct dq_call *c)
{
	const struct dq_hook_info *h = dq_hook_at(c->hook);

	return h ? h->kind : KIND_API;
}

bool chk_api(const struct chk_call *c)
{
	return !(c->flags & (CHK_WRAPPED | CHK_INTERNAL)) && kind_of(&c->c) == KIND_API;
}

const struct chk_call *chk_outer(const struct chk_group *g, const struct chk_call *c)
{
	while (c->flags & CHK_WRAPPED && c->parent >= 0)
		c = &g->v[c->parent];
	return c;
}

/* Callees come first: the frame around one is the next that is less deep. */
static void nest(const struct chk_group *g)
{
	for (size_t i = g->n; i-- > 0;) {
		struct chk_call *c = &g->v[i];
		int32_t p = i + 1 < g->n ? (int32_t)i + 1 : -1;

		while (p >= 0 && g->v[p].c.depth >= c->c.depth)
			p = g->v[p].parent;
		c->parent = p;
		c->flags = dq_call_failed(&c->c) ? CHK_FAILED : 0;
		if (p >= 0 && dq_is_wrapped(&c->c, &g->v[p].c))
			c->flags |= CHK_WRAPPED;
		else if (p >= 0 && kind_of(&c->c) == KIND_API && kind_of(&g->v[p].c) == KIND_API)
			c->flags |= CHK_INTERNAL;
	}
	/* a wait is for the buffer of the call that waits */
	for (size_t i = g->n; i-- > 0;)
		if (g->v[i].c.hook == HOOK_FENCE_WAIT && !g->v[i].c.buf && g->v[i].parent >= 0)
			g->v[i].c.buf = g->v[g->v[i].parent].c.buf;
}

static void note_user(struct dq_check *k, struct chk_buf *b, const struct dq_call *c)
{
	const struct chk_task *t = find_task(k, c->task);

	if (!t || !t->t.tgid || t->t.flags & DQ_TASK_KTHREAD || c->flags & DQ_CALL_IRQ)
		return;
	k->noted_buf = b;
	k->noted_task = c->task;
	for (size_t i = 0; i < b->nusers; i++)
		if (b->users[i].tgid == t->t.tgid)
			return;
	if (b->nusers == CHK_USERS)
		b->many_users = true;
	else
		b->users[b->nusers++] = (struct chk_user){ .tgid = t->t.tgid, .task = t->t.id };
}

static void drop_buf(struct dq_check *k, struct chk_buf *b)
{
	uint64_t i;

	k->last_buf = NULL;
	k->noted_buf = NULL;
	for (size_t n = 0; n < b->natts; n++)
		chk_drop_att(k, b->atts[n]);
	if (dq_map_get(k->ix_buf, b->id, &i)) {
		k->bufs[i] = k->bufs[--k->nbufs];
		dq_map_del(k->ix_buf, b->id);
		if (i < k->nbufs)	/* replaces: needs no memory */
			dq_map_put(k->ix_buf, k->bufs[i]->id, i);
	}
	free_buf(b);
}

static void release(struct dq_check *k, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);
	struct dq_proof p = chk_proof(c, "released here");

	if (!b)
		return;
	chk_att_release(k, b, &p);
	chk_cpu_release(k, b, &p);
	chk_user_release(k, b);
	for (size_t i = 0; i < b->natts; i++)
		chk_time_att(k, b->atts[i]);
	chk_time_buf(k, b);
	if (!b->doubted)
		k->died[k->ndied++ % CHK_RING] = dq_call_end(&c->c);
	drop_buf(k, b);
}

/* Which judges have something to say of a call: their switches have no other hooks. Calls with an
 * attachment have more of them. */
enum { OF_USER = 0x1, OF_CPU = 0x2, OF_TIME = 0x4, OF_ATT = 0x8 };
static const uint8_t concerns[HOOK_MAX] = {
	[HOOK_EXPORT] = OF_USER, [HOOK_FD] = OF_USER, [HOOK_FD_INSTALL] = OF_USER,
	[HOOK_DO_DUP2] = OF_USER, [HOOK_FILP_CLOSE] = OF_USER, [HOOK_FILP_FLUSH] = OF_USER,
	[HOOK_GET] = OF_USER, [HOOK_PUT] = OF_USER, [HOOK_ATTACH] = OF_USER | OF_ATT,
	[HOOK_DYNAMIC_ATTACH] = OF_USER | OF_ATT, [HOOK_IOCTL] = OF_CPU | OF_TIME,
	[HOOK_BEGIN_CPU] = OF_CPU, [HOOK_BEGIN_CPU_PARTIAL] = OF_CPU, [HOOK_END_CPU] = OF_CPU,
	[HOOK_END_CPU_PARTIAL] = OF_CPU, [HOOK_MMAP_FILE] = OF_CPU, [HOOK_MMAP] = OF_CPU,
	[HOOK_VM_AREA_DUP] = OF_CPU, [HOOK_VM_AREA_FREE] = OF_CPU,
	[HOOK_VM_AREA_FREE_DIRECT] = OF_CPU, [HOOK_VMAP] = OF_CPU, [HOOK_VMAP_UNLOCKED] = OF_CPU,
	[HOOK_VUNMAP] = OF_CPU, [HOOK_VUNMAP_UNLOCKED] = OF_CPU, [HOOK_FENCE_WAIT] = OF_TIME,
	[HOOK_OPS_VMAP] = OF_TIME, [HOOK_OPS_VUNMAP] = OF_TIME,
};

static void ask_judges(struct dq_check *k, const struct chk_group *g, const struct chk_call *c)
{
	unsigned int who = c->c.hook < HOOK_MAX ? concerns[c->c.hook] : 0;

	if (c->c.att)
		who |= chk_api(c) ? OF_ATT | OF_TIME : OF_ATT;
	if (who & OF_USER)
		chk_user_call(k, g, c);
	if (who & OF_ATT)
		chk_att_call(k, g, c);
	if (who & OF_CPU)
		chk_cpu_call(k, g, c);
	if (who & OF_TIME)
		chk_time_call(k, g, c);
}

static void judge(struct dq_check *k, const struct chk_group *g, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);

	/* of one that stops the kernel nobody sees the return: that it was called is enough */
	if (c->c.flags & (DQ_CALL_OPEN | DQ_CALL_MISSED) && chk_stops_kernel(k, c))
		return;
	if (c->c.flags & DQ_CALL_OPEN)
		return;
	if (c->c.flags & DQ_CALL_MISSED && kind_of(&c->c) != KIND_VFS) {
		k->fatal |= c->c.fatal;
		lose(k, c->c.hook, c->c.t0, c->c.t0);
		return;
	}
	if (b && !(c->c.flags & DQ_CALL_EXITING) &&
	    !(b == k->noted_buf && c->c.task == k->noted_task))
		note_user(k, b, &c->c);
	ask_judges(k, g, c);
	if (c->c.hook == HOOK_RELEASE)
		release(k, c);
}

static void flush(struct dq_check *k, struct chk_task *t)
{
	struct chk_group g = { t->wait, t->nwait };

	t->nwait = 0;
	nest(&g);
	/* no judge makes a task, so `t` and its calls stay where they are */
	for (size_t i = 0; i < g.n; i++)
		judge(k, &g, &g.v[i]);
}

static void new_sys(struct dq_check *k, struct chk_task *t, uint32_t sys)
{
	if (t->nwait && t->sys != sys)
		flush(k, t);
	if (t->sys != sys)
		t->ndeeds = 0;
	t->sys = sys;
}

static void put_call(struct dq_check *k, const struct dq_call *c)
{
	struct chk_task *t = chk_task(k, c->task);
	struct chk_call *row;

	k->ncalls++;
	dq_see_call(&k->t_first, &k->t_last, c);
	if (!t)
		return;
	new_sys(k, t, c->sys);
	if (t->nwait >= WAIT_MAX)
		flush(k, t);
	row = DQ_ROOM(t->wait, t->nwait, t->cap_wait);
	if (!row) {
		k->err = -ENOMEM;
		return;
	}
	row->c = *c;	/* nest() tells the rest */
	row->n = k->ncalls;
	if (!c->depth && !(c->flags & DQ_CALL_OPEN))
		flush(k, t);
}

static void put_sys(struct dq_check *k, const struct dq_sys *s)
{
	struct chk_task *t = chk_task(k, s->task);

	see_time(k, s->t0);
	see_time(k, s->t1);
	if (!t)
		return;
	new_sys(k, t, s->sys);
	if (t->nwait)
		flush(k, t);
	chk_user_sys(k, t, s);
	t->ndeeds = 0;
}

static void put_name(struct dq_check *k, const struct dq_name *n)
{
	struct chk_buf *b = chk_buf(k, n->buf);

	if (b)
		b->b.name = n->name;
}

static void put_snap(struct dq_check *k, const struct dq_snap *s)
{
	k->final_look |= s->what == DQ_SNAP_FINAL && s->t1 && s->flags & DQ_SNAP_COMPLETE &&
			 !(s->flags & DQ_SNAP_FAILED);
}

/* Not inline, that the many calls need not save registers. */
static __attribute__((noinline)) void put_other(struct dq_check *k, const struct dq_item *item)
{
	switch (item->kind) {
	case DQ_META:
		put_meta(k, &item->meta);
		break;
	case DQ_HOOK:
		if (item->hook.missed)
			lose(k, item->hook.id, 0, UINT64_MAX);
		break;
	case DQ_TASK:
		put_task(k, &item->task);
		break;
	case DQ_DEV: {
		struct dq_dev *row = ROW(k, devs, ix_dev, item->dev.id);

		if (row)
			*row = item->dev;
		break;
	}
	case DQ_BUF:
		put_buf(k, &item->buf);
		break;
	case DQ_ATT:
		put_att(k, &item->att);
		break;
	case DQ_NAME:
		put_name(k, &item->name);
		break;
	case DQ_OPS:
		put_ops(k, &item->ops);
		break;
	case DQ_LOSS:
		put_loss(k, &item->loss);
		break;
	case DQ_STACK: {
		struct dq_stack *row = ROW(k, stacks, ix_stack, item->stack.id);

		if (row)
			*row = item->stack;
		break;
	}
	case DQ_TASKEV:
		see_time(k, item->taskev.t);
		chk_user_event(k, &item->taskev);
		if (item->taskev.what == DQ_TASKEV_EXIT)
			chk_exited(k, item->taskev.task);
		break;
	case DQ_SNAP:
		put_snap(k, &item->snap);
		break;
	case DQ_CLOCK:
		see_time(k, item->clock.mono);
		break;
	case DQ_END:
		see_time(k, item->end.t);
		break;
	case DQ_CALL:
	case DQ_SYS:
	case DQ_HOLD:
	case DQ_TIMELINE:
	case DQ_KIND_MAX:
		break;
	}
}

int dq_check_put(struct dq_check *k, const struct dq_item *item)
{
	int ret;

	if (k->returns.count || (item->kind == DQ_CALL && item->call.fatal))
		settle_returns(k, item);
	if (item->kind == DQ_CALL)
		put_call(k, &item->call);
	else if (item->kind == DQ_SYS)
		put_sys(k, &item->sys);
	else
		put_other(k, item);
	ret = dq_holders_put(k->holders, item);
	return ret ? ret : k->err;
}

/* ---- the end ---- */

static bool hurt(const struct dq_check *k, unsigned int need, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < k->nlosses; i++)
		if (k->losses[i].need & need && k->losses[i].t1 >= from && k->losses[i].t0 <= to)
			return true;
	return false;
}

/* Takes out of a finding what losses may explain. */
static void sift(struct dq_check *k, struct chk_found *d)
{
	unsigned int need = dq_rules[d->f.rule].need;
	bool first = true;
	uint64_t n = 0;

	for (size_t i = 0; i < d->nwin; i++)
		if (hurt(k, need, d->win[i].from, d->win[i].to)) {
			n++;
			first &= i > 0;
		}
	if (d->rest && hurt(k, need, d->rest_from, d->rest_to))
		n += d->rest;
	k->sum[d->f.rule].looked -= n;
	k->sum[d->f.rule].found -= n;
	d->f.count -= n;
	if (n && d->f.bufs > d->f.count)
		d->f.bufs = d->f.count;
	if (d->f.count && !first) {
		d->f.confidence = DQ_CONF_LIKELY;
		d->f.doubt = "events were lost around the one that is shown, but not around others";
	}
}

static int worst_first(const void *pa, const void *pb)
{
	const struct chk_found *a = pa, *b = pb;

	if (a->f.severity != b->f.severity)
		return a->f.severity > b->f.severity ? -1 : 1;
	if (a->f.first != b->f.first)
		return a->f.first < b->f.first ? -1 : 1;
	if (a->f.rule != b->f.rule)
		return a->f.rule < b->f.rule ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int by_id(const void *pa, const void *pb)
{
	const struct chk_buf *a = *(struct chk_buf *const *)pa, *b = *(struct chk_buf *const *)pb;

	return a->id < b->id ? -1 : a->id > b->id;
}

static void end_bufs(struct dq_check *k)
{
	/* in their order, not in that of a table: the index is not used any more */
	if (k->nbufs)
		qsort(k->bufs, k->nbufs, sizeof(*k->bufs), by_id);
	for (size_t i = 0; i < k->nbufs; i++) {
		struct chk_buf *b = k->bufs[i];

		chk_att_end(k, b);
		chk_cpu_end(k, b);
		chk_user_end(k, b);
		for (size_t n = 0; n < b->natts; n++)
			chk_time_att(k, b->atts[n]);
		chk_time_buf(k, b);
	}
}

int dq_check_finish(struct dq_check *k)
{
	int ret = dq_holders_settle(k->holders);

	settle_returns(k, NULL);
	for (size_t i = 0; i < k->ntasks; i++)
		if (k->tasks[i].nwait)
			flush(k, &k->tasks[i]);
	if (k->t_first == UINT64_MAX)
		k->t_first = 0;
	end_bufs(k);
	chk_user_tables(k);
	k->result = calloc(k->nfound ? k->nfound : 1, sizeof(*k->result));
	if (!k->result || ret || k->err)
		return ret ? ret : -ENOMEM;
	if (k->nfound)
		qsort(k->found, k->nfound, sizeof(*k->found), worst_first);
	for (size_t i = 0; i < k->nfound; i++) {
		sift(k, &k->found[i]);
		if (k->found[i].f.count)
			k->result[k->nresult++] = k->found[i].f;
	}
	for (size_t r = 0; r < DQ_RULE_MAX; r++)
		if (chk_on(k, r))
			k->sum[r].undecided[DQ_UND_LOST] += k->doubtful;
	return 0;
}
