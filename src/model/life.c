/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life.c - the calls of each buffer, group by group, into tracks.
 *
 * Sits behind the model's intake (dq_model.on_group) and keeps no call: a group becomes a node
 * of the track of whoever made it, and the track folds. What lives have in common is shape.c.
 * May use src/trace and src/util.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"
#include "model/life_int.h"

const char *dq_track_key(enum dq_track_kind k)
{
	static const char *const keys[] = {
		[DQ_TRACK_APP] = "thread", [DQ_TRACK_KTHREAD] = "kernel thread",
		[DQ_TRACK_IRQ] = "interrupt", [DQ_TRACK_RELEASE] = "release",
		[DQ_TRACK_HELD] = "held at the end",
	};

	return keys[k];
}

void dq_track_free(struct dq_track *t)
{
	for (size_t i = 0; i < t->n; i++)
		dq_node_free(&t->v[i]);
	free(t->v);
	free(t->role);
	*t = (struct dq_track){ 0 };
}

void dq_life_free(struct dq_life *l)
{
	for (size_t i = 0; i < l->ntracks; i++)
		dq_track_free(&l->tracks[i]);
	free(l->tracks);
	*l = (struct dq_life){ 0 };
}

/* ---- who ---- */

/* Runs of digits at the end say which one, not what. */
static void put_role(struct dq_sb *sb, const char *name)
{
	struct dq_sb plain = { 0 };
	size_t len = strlen(name);

	while (len && isdigit((unsigned char)name[len - 1]))
		len--;
	dq_sb_put(&plain, name, len);
	if (name[len])
		dq_sb_putc(&plain, '#');
	dq_life_word(sb, dq_sb_str(&plain));
	sb->err = plain.err ? plain.err : sb->err;
	dq_sb_free(&plain);
}

/* "kworker/0:1-events" and "ksoftirqd/1": the part behind the slash is about processors and turns.
 * "irq/45-mali": the number is. */
static void put_kthread(struct dq_sb *sb, const char *comm)
{
	size_t n = strcspn(comm, "/");
	struct dq_sb plain = { 0 };

	dq_sb_put(&plain, comm, n);
	if (!strncmp(comm, "irq/", 4) && strchr(comm, '-'))
		dq_sb_puts(&plain, strchr(comm, '-'));
	put_role(sb, dq_sb_str(&plain));
	sb->err = plain.err ? plain.err : sb->err;
	dq_sb_free(&plain);
}

/* The thread's own name is part of its role, unless it was given none. */
static void put_thread(struct dq_sb *sb, const struct dq_model *m, uint32_t task)
{
	const struct dq_task *t = dq_model_task(m, task);
	const char *process = dq_task_process(m, task);

	dq_life_word(sb, process);
	if (!t || t->tid == t->tgid || !*t->comm || !strcmp(t->comm, process))
		return;
	dq_sb_putc(sb, '/');
	put_role(sb, t->comm);
}

static char *take(struct dq_sb *sb, int *ret)
{
	if (!sb->s)
		dq_sb_puts(sb, "");
	if (sb->err || !sb->s) {
		*ret = -ENOMEM;
		dq_sb_free(sb);
		return NULL;
	}
	return sb->s;
}

static struct dq_track *new_track(struct dq_life *l, enum dq_track_kind kind, uint32_t task,
				  char *role)
{
	struct dq_track *t = role ? DQ_PUSH(l->tracks, l->ntracks, l->cap) : NULL;

	if (!t) {
		free(role);
		return NULL;
	}
	t->kind = kind;
	t->task = task;
	t->role = role;
	t->threads_min = t->threads_max = 1;
	return t;
}

/* The track of a task's own calls. A thread's role is written at the end: it may get its name late. */
static struct dq_track *track_of(struct dq_lives *ls, struct dq_life *l, uint32_t task)
{
	const struct dq_task *t = dq_model_task(ls->m, task);
	bool kthread = t && (t->flags & DQ_TASK_KTHREAD);
	struct dq_sb sb = { 0 };
	struct dq_track *found = NULL;
	int ret = 0;
	char *role;

	if (kthread)
		put_kthread(&sb, t->comm);
	role = take(&sb, &ret);
	for (size_t i = 0; role && i < l->ntracks && !found; i++)
		if (kthread ? l->tracks[i].kind == DQ_TRACK_KTHREAD &&
				      !strcmp(l->tracks[i].role, role) :
			      l->tracks[i].kind == DQ_TRACK_APP && l->tracks[i].task == task)
			found = &l->tracks[i];
	if (found || !role) {
		free(role);
		return found;
	}
	return new_track(l, kthread ? DQ_TRACK_KTHREAD : DQ_TRACK_APP, task, role);
}

static struct dq_track *nameless_track(struct dq_life *l, enum dq_track_kind kind)
{
	for (size_t i = 0; i < l->ntracks; i++)
		if (l->tracks[i].kind == kind)
			return &l->tracks[i];
	return new_track(l, kind, 0, strdup(""));
}

static int append(struct dq_track *t, struct dq_node *n)
{
	if (!t) {
		dq_node_free(n);
		return -ENOMEM;
	}
	if (t->n >= DQ_TRACK_MAX) {
		t->cut += dq_node_count(n, 1);
		dq_node_free(n);
		return 0;
	}
	return dq_node_push(&t->v, &t->n, &t->cap, n);
}

/* ---- one group ---- */

static struct dq_life *life_of(struct dq_lives *ls, uint32_t buf)
{
	struct dq_life *l;
	uint64_t i;

	if (dq_map_get(ls->ix, buf, &i) && i != DQ_LIFE_DONE)
		return &ls->v[i];
	i = ls->nspare ? ls->spare[ls->nspare - 1] : ls->n;
	if (dq_map_put(ls->ix, buf, i))
		return NULL;
	if (ls->nspare)
		l = &ls->v[ls->spare[--ls->nspare]];
	else
		l = DQ_PUSH(ls->v, ls->n, ls->cap);
	if (l)
		l->buf = buf;
	return l;
}

static enum hook_kind kind_of(const struct dq_call *c)
{
	const struct dq_hook_info *h = dq_hook_info(c->hook);

	return h ? h->kind : KIND_API;
}

static bool may_call_back(uint32_t hook)
{
	switch (hook) {
	case HOOK_EXPORT:
	case HOOK_FD:
	case HOOK_FD_INSTALL_API:
	case HOOK_GET:
	case HOOK_PUT:
	case HOOK_POLL:
	case HOOK_POLL_CB:
		return false;
	default:
		return true;
	}
}

/* Were the exporter's callbacks recorded when c ran? */
static bool is_dark(const struct dq_model *m, const struct dq_mbuf *b, const struct dq_call *c)
{
	enum hook_kind kind = kind_of(c);
	const struct dq_ops *o;
	uint64_t i;

	if (!b || !b->b.ops || (kind != KIND_API && kind != KIND_FOPS) || !may_call_back(c->hook))
		return false;
	if (!dq_map_get(m->ix_ops, b->b.ops, &i))
		return true;
	o = &m->ops[i];
	return !o->t || o->t > c->t0 || (o->has & ~o->armed);
}

/* What a map, unmap or detach finds, where that is not what it should. */
static const char *attachment_state(struct dq_lives *ls, const struct dq_mcall *c)
{
	const struct dq_matt *a = dq_model_att(ls->m, c->c.att);
	bool sure = a && !(a->a.flags & DQ_ATT_PREEXISTING) && !ls->m->lost && !ls->m->missed &&
		    !(c->flags & DQ_MC_FAILED) && !(c->c.flags & (DQ_CALL_OPEN | DQ_CALL_MISSED));
	uint64_t n = 0;

	if (!sure)
		return "";
	dq_map_get(ls->mapped, c->c.att, &n);
	switch (c->c.hook) {
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
		if (dq_map_put(ls->mapped, c->c.att, n + 1))
			ls->err = -ENOMEM;
		return n ? " again" : "";
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
		if (n && dq_map_put(ls->mapped, c->c.att, n - 1))
			ls->err = -ENOMEM;
		return n ? "" : " not mapped";
	case HOOK_DETACH:
		dq_map_del(ls->mapped, c->c.att);
		return n ? " while mapped" : "";
	default:
		return "";
	}
}

static int make_call(struct dq_lives *ls, struct dq_node *n, const struct dq_mcall *c,
		     const struct dq_mcall *outer)
{
	const struct dq_mbuf *b = c->c.buf ? dq_model_buf(ls->m, c->c.buf) : NULL;
	const struct dq_hook_info *h = dq_hook_info(c->c.hook);
	struct dq_sb sb = { 0 };
	int ret = 0;

	*n = (struct dq_node){ .kind = DQ_NODE_CALL, .hook = c->c.hook, .phase = c->phase };
	dq_rounds_set(&n->rounds, UINT64_MAX, 1);
	dq_life_call(&sb, ls->m, c, outer, b ? b->b.size : 0);
	dq_sb_puts(&sb, attachment_state(ls, c));
	n->text = take(&sb, &ret);
	n->flags |= c->flags & DQ_MC_FAILED ? DQ_NODE_FAILED : 0;
	n->flags |= c->c.flags & DQ_CALL_OPEN || c->c.fatal ? DQ_NODE_OPEN : 0;
	n->flags |= c->c.flags & DQ_CALL_MISSED && !c->c.fatal ? DQ_NODE_UNKNOWN : 0;
	n->flags |= h && (h->kind == KIND_OPS || h->kind == KIND_IMPOPS) ? DQ_NODE_CALLBACK : 0;
	n->flags |= is_dark(ls->m, b, &c->c) ? DQ_NODE_DARK : 0;
	if (!ret && h && h->ret != RET_NORET && !(c->c.flags & (DQ_CALL_OPEN | DQ_CALL_MISSED)))
		ret = dq_times_add(&n->times, c->c.dur);
	return ret;
}

struct of_buf {
	uint32_t buf;
	size_t i;
};

/* The calls of one buffer in one group, while they become nodes. */
struct unit {
	struct dq_lives *ls;
	uint32_t buf;
	const struct dq_group *g;
	const struct dq_mcall *v;
	struct of_buf *of;	/* all calls of the group, by buffer ... */
	size_t *idx;		/* ... and which they are */
	size_t *end;		/* of a call: the first that is not in it */
	size_t cap;
	struct dq_node open[DQ_NODE_DEPTH]; /* calls that others may still be in, the outermost first */
	size_t at[DQ_NODE_DEPTH];	/* which they are */
	size_t nopen;
	struct dq_node sys;	/* collects what is in the syscall */
	bool released;		/* the buffer was */
};

/* The outermost call that is open is whole: where does it belong? */
static int put_outermost(struct unit *u, struct dq_node *n, const struct dq_mcall *c)
{
	struct dq_life *l = life_of(u->ls, u->buf);
	struct dq_track *t;

	if (!l) {
		dq_node_free(n);
		return -ENOMEM;
	}
	if (c->c.hook == HOOK_RELEASE) {
		u->released |= !(c->c.flags & DQ_CALL_OPEN);
		return append(nameless_track(l, DQ_TRACK_RELEASE), n);
	}
	if (c->c.flags & DQ_CALL_IRQ)
		return append(nameless_track(l, DQ_TRACK_IRQ), n);
	if (u->g->has_sys)
		return dq_node_push(&u->sys.kids, &u->sys.nkids, &u->sys.cap, n);
	t = track_of(u->ls, l, u->g->task);
	return append(t, n);
}

static int close_one(struct unit *u)
{
	struct dq_node *n = &u->open[--u->nopen];

	dq_node_hash(n);
	if (u->nopen) {
		struct dq_node *p = &u->open[u->nopen - 1];

		return dq_node_push(&p->kids, &p->nkids, &p->cap, n);
	}
	return put_outermost(u, n, &u->v[u->at[0]]);
}

/* A call that is an operation of its own, and not a frame of the one around it. */
static bool is_step(const struct dq_mcall *c)
{
	return !(c->flags & (DQ_MC_WRAPPED | DQ_MC_BOOK));
}

static int put_call(struct unit *u, size_t i)
{
	const struct dq_mcall *outer;
	int ret = 0;

	while (u->nopen && (i >= u->end[u->at[u->nopen - 1]] || u->nopen == DQ_NODE_DEPTH) && !ret)
		ret = close_one(u);
	if (ret || !is_step(&u->v[i]))
		return ret;
	outer = u->nopen ? &u->v[u->at[u->nopen - 1]] : NULL;
	u->at[u->nopen] = i;
	return make_call(u->ls, &u->open[u->nopen++], &u->v[i], outer);
}

static int put_sys(struct unit *u)
{
	struct dq_life *l = life_of(u->ls, u->buf);
	struct dq_track *t = l ? track_of(u->ls, l, u->g->task) : NULL;
	const struct dq_sys *s = &u->g->sys;
	struct dq_sb sb = { 0 };
	int ret = t ? 0 : -ENOMEM;

	u->sys.kind = DQ_NODE_SYS;
	dq_rounds_set(&u->sys.rounds, UINT64_MAX, 1);
	dq_life_sys(&sb, u->ls->m, u->g, u->v);
	u->sys.text = take(&sb, &ret);
	if (s->flags & DQ_SYS_OPEN || s->fatal)
		u->sys.flags |= DQ_NODE_OPEN;
	else if (s->flags & DQ_SYS_MISSED)
		u->sys.flags |= DQ_NODE_UNKNOWN;
	else if (s->ret < 0)
		u->sys.flags |= DQ_NODE_FAILED;
	if (!ret && !(s->flags & (DQ_SYS_OPEN | DQ_SYS_MISSED)) && s->t1 >= s->t0)
		ret = dq_times_add(&u->sys.times, s->t1 - s->t0);
	if (ret) {
		dq_node_free(&u->sys);
		return ret;
	}
	dq_node_hash(&u->sys);
	return append(t, &u->sys);
}

/* idx: the calls of one buffer, ascending. */
static int put_unit(struct unit *u, const size_t *idx, size_t n)
{
	int ret = 0;

	for (size_t k = 0; k < n && !ret; k++)
		ret = put_call(u, idx[k]);
	while (u->nopen && !ret)
		ret = close_one(u);
	while (u->nopen)
		dq_node_free(&u->open[--u->nopen]);
	if (!ret && u->sys.nkids)
		return put_sys(u);
	dq_node_free(&u->sys);
	return ret;
}

static int by_buf(const void *pa, const void *pb)
{
	const struct of_buf *a = pa, *b = pb;

	if (a->buf != b->buf)
		return a->buf < b->buf ? -1 : 1;
	return a->i < b->i ? -1 : a->i > b->i;
}

/* Where the calls inside of each end; v is in order of entry. */
static void find_ends(const struct dq_mcall *v, size_t n, size_t *end)
{
	for (size_t i = 0; i < n; i++)
		end[i] = i + 1;
	for (size_t i = n; i-- > 0;)
		if (v[i].parent >= 0 && end[v[i].parent] < end[i])
			end[v[i].parent] = end[i];
}

/* A buffer was released: soon its life is known. */
static int put_released(struct dq_lives *ls, uint32_t buf)
{
	int ret = 0;

	if (!buf)
		return 0;
	if (ls->ndying == DQ_LIVES_DYING) {
		ret = dq_life_done(ls, ls->dying[0]);
		memmove(ls->dying, ls->dying + 1, (DQ_LIVES_DYING - 1) * sizeof(*ls->dying));
		ls->ndying--;
	}
	ls->dying[ls->ndying++] = buf;
	return ret;
}

static int put_runs(struct unit *u, size_t n)
{
	int ret = 0;

	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): scratch() made it */
	qsort(u->of, n, sizeof(*u->of), by_buf);
	for (size_t i = 0; i < n; i++)
		u->idx[i] = u->of[i].i;
	for (size_t i = 0, k; i < n && !ret; i = k) {
		for (k = i + 1; k < n && u->of[k].buf == u->of[i].buf; k++)
			;
		u->buf = u->of[i].buf;
		u->released = false;
		ret = put_unit(u, u->idx + i, k - i);
		if (!ret && u->released)
			ret = put_released(u->ls, u->buf);
	}
	return ret ? ret : u->ls->err;
}

/* Room for n calls; it is kept for the next group. */
static struct unit *scratch(struct dq_lives *ls, size_t n)
{
	struct unit *u = ls->unit;

	if (!u)
		u = ls->unit = calloc(1, sizeof(*u));
	if (!u || n <= u->cap)
		return u;
	free(u->of);
	free(u->idx);
	free(u->end);
	n += n / 2 + 16;
	u->of = calloc(n, sizeof(*u->of));
	u->idx = calloc(n, sizeof(*u->idx));
	u->end = calloc(n, sizeof(*u->end));
	u->cap = u->of && u->idx && u->end ? n : 0;
	return u->cap ? u : NULL;
}

static int on_group(void *ctx, const struct dq_group *g, const struct dq_mcall *v)
{
	struct unit *u = scratch(ctx, g->n);

	if (!u)
		return -ENOMEM;
	for (size_t i = 0; i < g->n; i++)
		u->of[i] = (struct of_buf){ v[i].c.buf, i };
	find_ends(v, g->n, u->end);
	u->ls = ctx;
	u->g = g;
	u->v = v;
	return put_runs(u, g->n);
}

int dq_lives_new(struct dq_lives **ret_l, struct dq_model *m)
{
	struct dq_lives *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return -ENOMEM;
	ls->m = m;
	ls->ix = dq_map_new();
	ls->mapped = dq_map_new();
	ls->ix_done = dq_map_new();
	if (!ls->ix || !ls->mapped || !ls->ix_done) {
		dq_lives_free(&ls);
		return -ENOMEM;
	}
	m->on_group = on_group;
	m->on_group_ctx = ls;
	*ret_l = ls;
	return 0;
}

void dq_lives_free(struct dq_lives **pl)
{
	struct dq_lives *ls = *pl;

	if (!ls)
		return;
	for (size_t i = 0; i < ls->n; i++)
		dq_life_free(&ls->v[i]);
	free(ls->v);
	if (ls->unit) {
		free(ls->unit->of);
		free(ls->unit->idx);
		free(ls->unit->end);
		free(ls->unit);
	}
	dq_map_free(ls->ix);
	dq_map_free(ls->mapped);
	dq_map_free(ls->ix_done);
	dq_shapes_free(&ls->done);
	free(ls->spare);
	free(ls);
	*pl = NULL;
}

/* ---- the end ---- */

static int put_fact(struct dq_life *l, struct dq_sb *sb, uint64_t n)
{
	struct dq_node fact = { .kind = DQ_NODE_FACT };
	int ret = 0;

	dq_rounds_set(&fact.rounds, UINT64_MAX, n);
	fact.text = take(sb, &ret);
	*sb = (struct dq_sb){ 0 };
	if (ret)
		return ret;
	dq_node_hash(&fact);
	return append(nameless_track(l, DQ_TRACK_HELD), &fact);
}

static int put_who(struct dq_lives *ls, struct dq_life *l, const char *what, uint32_t task,
		   uint64_t n)
{
	struct dq_sb sb = { 0 };

	dq_sb_puts(&sb, what);
	dq_life_word(&sb, dq_task_process(ls->m, task));
	return put_fact(l, &sb, n);
}

static int held_atts(struct dq_life *l, const struct dq_hold_buf *h)
{
	int ret = 0;

	for (size_t i = 0; i < h->natts && !ret; i++) {
		struct dq_sb sb = { 0 };

		dq_sb_puts(&sb, "attachment of ");
		dq_life_word(&sb, h->atts[i].dev && *h->atts[i].dev ? h->atts[i].dev :
				  h->atts[i].driver && *h->atts[i].driver ? h->atts[i].driver : "?");
		dq_sb_puts(&sb, h->atts[i].mapped ? ", mapped" : "");
		ret = put_fact(l, &sb, 1);
	}
	return ret;
}

/* Who has the buffer at the end of the trace. */
int dq_life_held(struct dq_lives *ls, struct dq_life *l)
{
	const struct dq_hold_buf *h = l->buf ? dq_holders_get(ls->m->holders, l->buf) : NULL;
	struct dq_sb sb = { 0 };
	int ret = 0;

	if (!h)
		return 0;
	if (h->doubt && !h->settled) {
		dq_sb_puts(&sb, "cannot tell by whom");
		return put_fact(l, &sb, 1);
	}
	for (size_t i = 0; i < h->nfds && !ret; i++)
		if (h->fds[i].n)
			ret = put_who(ls, l, "descriptor of ", h->fds[i].task, h->fds[i].n);
	for (size_t i = 0; i < h->nmaps && !ret; i++)
		ret = put_who(ls, l, "mapping of ", h->maps[i].task, 1);
	for (size_t i = 0; i < h->nflights && !ret; i++)
		ret = put_who(ls, l, "descriptor on its way from ", h->flights[i].task, 1);
	if (!ret)
		ret = held_atts(l, h);
	if (!ret && h->nvmaps) {
		dq_sb_puts(&sb, "kernel mapping");
		ret = put_fact(l, &sb, h->nvmaps);
	}
	if (!ret && !nameless_track(l, DQ_TRACK_HELD))
		ret = -ENOMEM;
	return ret;
}

int dq_life_name(struct dq_lives *ls, struct dq_life *l)
{
	int ret = 0;

	for (size_t i = 0; i < l->ntracks && !ret; i++) {
		struct dq_track *t = &l->tracks[i];
		struct dq_sb sb = { 0 };

		if (t->kind != DQ_TRACK_APP)
			continue;
		put_thread(&sb, ls->m, t->task);
		free(t->role);
		t->role = take(&sb, &ret);
	}
	return ret;
}
