/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keep.c - see keep.h. Items are packed into segments by the codec of the file, some
 * three bytes a call, and the oldest segment is forgotten as a whole. Each segment
 * brings its own strings, and a list of what it refers to: a definition goes when the
 * thing is gone (a released buffer, a detached attachment, a task that ended) and no
 * segment speaks of it any more.
 *
 * Stacks, fence timelines, devices and tables of callbacks are never gone; there are
 * as many as the machine has. Touches only the heap.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "keep.h"

#define DEFAULT_BYTES (64ULL << 20)
#define PARTS	      16	/* the window is made of so many segments, more or less */
#define STR_COST      48	/* of a string in a strtab, beside its bytes */

struct segment {
	struct dq_sb payload;
	struct dq_strtab *strs;
	uint32_t nstrs;
	uint64_t str_bytes;
	uint64_t *keys;		/* what its items refer to */
	size_t nkeys, cap_keys;
	uint64_t calls, first_t, last_t;
};

struct def {
	struct dq_item item;	/* owns its strings */
	bool dead;		/* nothing new can refer to it */
};

/* Of what ended lately something may still be said: the system call of a release comes after it. */
#define DYING 256

struct dq_keeper {
	struct dq_keep_opts opts;
	bool in_parts;		/* dq_keeper_part(): there are no segments */
	uint64_t dying[DYING];	/* then: keys of what is dead, but not yet dropped; a ring */
	size_t ndying;
	struct segment *segs;	/* from the oldest on */
	size_t nsegs, cap_segs;
	struct segment cur;	/* being filled */
	struct dq_map *cur_keys;
	struct dq_enc *enc;
	struct dq_dec *dec;
	bool snap_open;		/* the first snapshot is not to be torn apart */
	uint64_t bytes;		/* of segs */
	uint64_t now;		/* largest time seen */
	uint64_t end;		/* of an END; 0: none came */
	struct def *defs;
	size_t ndefs, cap_defs;
	struct dq_map *def_at;	/* key: index into defs */
	struct dq_map *refs;	/* key: how many segments refer to it */
	struct dq_map *tids;	/* tid: id of the last task that had it */
	struct dq_item *metas;
	size_t nmetas, cap_metas;
	struct dq_item clock;	/* kind 0: none */
	uint64_t forgotten, from, lost; /* lost: losses that were forgotten */
	bool forgot;
	bool too_small;
	int err;
};

static uint64_t key_of(enum dq_kind kind, uint32_t id)
{
	return (uint64_t)kind << 32 | id;
}

static int fail(struct dq_keeper *k, int err)
{
	if (err && !k->err)
		k->err = err;
	return err;
}

/* ---- definitions of what was forgotten ------------------------------------------------- */

static struct def *find_def(const struct dq_keeper *k, enum dq_kind kind, uint32_t id)
{
	uint64_t i;

	return dq_map_get(k->def_at, key_of(kind, id), &i) ? &k->defs[i] : NULL;
}

static void drop_def(struct dq_keeper *k, struct def *d)
{
	struct def *last = &k->defs[k->ndefs - 1];
	uint64_t tid;

	if (d->item.kind == DQ_TASK && dq_map_get(k->tids, d->item.task.tid, &tid) &&
	    tid == d->item.task.id)
		dq_map_del(k->tids, d->item.task.tid);
	dq_map_del(k->def_at, key_of(d->item.kind, dq_item_id(&d->item)));
	dq_item_clear(&d->item);
	if (d != last) {
		*d = *last;
		fail(k, dq_map_put(k->def_at, key_of(d->item.kind, dq_item_id(&d->item)),
				   (uint64_t)(d - k->defs)));
	}
	k->ndefs--;
}

static void drop_if_unused(struct dq_keeper *k, enum dq_kind kind, uint32_t id)
{
	struct def *d = find_def(k, kind, id);

	if (!d || !d->dead || dq_map_get(k->refs, key_of(kind, id), NULL))
		return;
	drop_def(k, d);
	if (kind != DQ_BUF)
		return;
	/* attachments that outlived their buffer: their detach was lost */
	for (size_t i = k->ndefs; i--;) {
		d = &k->defs[i];
		if (d->item.kind == DQ_ATT && d->item.att.buf == id) {
			d->dead = true;
			drop_if_unused(k, DQ_ATT, d->item.att.id);
			if (i > k->ndefs)
				i = k->ndefs;
		}
	}
}

static void die(struct dq_keeper *k, enum dq_kind kind, uint32_t id)
{
	struct def *d = find_def(k, kind, id);
	uint64_t key = key_of(kind, id), *slot;

	if (!d)
		return;
	d->dead = true;
	if (k->in_parts) {
		slot = &k->dying[k->ndying++ % DYING];
		kind = (enum dq_kind)(*slot >> 32);
		id = (uint32_t)*slot;
		*slot = key;
	}
	drop_if_unused(k, kind, id);
}

static void keep_def(struct dq_keeper *k, const struct dq_item *item)
{
	uint32_t id = dq_item_id(item);
	struct def *d = find_def(k, item->kind, id);
	struct dq_item copy;

	if (fail(k, dq_item_copy(&copy, item)))
		return;
	if (d) {
		dq_item_clear(&d->item);
	} else {
		d = DQ_PUSH(k->defs, k->ndefs, k->cap_defs);
		if (!d || dq_map_put(k->def_at, key_of(item->kind, id), k->ndefs - 1)) {
			k->ndefs -= d != NULL;
			dq_item_clear(&copy);
			fail(k, -ENOMEM);
			return;
		}
	}
	d->item = copy;
}

static void keep_task(struct dq_keeper *k, const struct dq_item *item)
{
	uint64_t other = 0;
	bool known = dq_map_get(k->tids, item->task.tid, &other);

	keep_def(k, item);
	fail(k, dq_map_put(k->tids, item->task.tid, item->task.id));
	if (known && other != item->task.id)
		die(k, DQ_TASK, (uint32_t)other);
}

static void keep_meta(struct dq_keeper *k, const struct dq_item *item)
{
	struct dq_item copy, *m;

	if (fail(k, dq_item_copy(&copy, item)))
		return;
	for (size_t i = 0; i < k->nmetas; i++) {
		if (!strcmp(k->metas[i].meta.key, copy.meta.key)) {
			dq_item_clear(&k->metas[i]);
			k->metas[i] = copy;
			return;
		}
	}
	m = DQ_PUSH(k->metas, k->nmetas, k->cap_metas);
	if (m)
		*m = copy;
	else
		dq_item_clear(&copy);
	fail(k, m ? 0 : -ENOMEM);
}

static void keep_name(struct dq_keeper *k, const struct dq_name *n)
{
	struct def *d = find_def(k, DQ_BUF, n->buf);
	struct dq_item copy;

	if (!d)
		return;
	copy = d->item;
	copy.buf.name = n->name;
	keep_def(k, &copy);
}

static void after_call(struct dq_keeper *k, const struct dq_call *c)
{
	if (c->flags & DQ_CALL_OPEN)
		return;
	if (c->hook == HOOK_DETACH)
		die(k, DQ_ATT, c->att);
	else if (c->hook == HOOK_RELEASE)
		die(k, DQ_BUF, c->buf);
}

/* The state that the rest begins with has this item in it. */
static void fold(struct dq_keeper *k, const struct dq_item *item)
{
	switch (item->kind) {
	case DQ_META:
		keep_meta(k, item);
		break;
	case DQ_CLOCK:
		k->clock = *item;
		break;
	case DQ_TASK:
		keep_task(k, item);
		break;
	case DQ_NAME:
		keep_name(k, &item->name);
		break;
	case DQ_CALL:
		k->forgotten++;
		after_call(k, &item->call);
		break;
	case DQ_TASKEV:
		if (item->taskev.what == DQ_TASKEV_EXIT)
			die(k, DQ_TASK, item->taskev.task);
		break;
	case DQ_LOSS:
		k->lost += item->loss.count;
		break;
	case DQ_SNAP:
		/* who is asked what holds now tells of a snapshot as well */
		if (!k->opts.begin)
			keep_def(k, item);
		break;
	default:
		if (dq_item_id(item))
			keep_def(k, item);
	}
	if (k->opts.forget)
		k->opts.forget(k->opts.ctx, item);
}

/* ---- segments ---------------------------------------------------------------------------- */

static void free_segment(struct segment *s)
{
	dq_sb_free(&s->payload);
	dq_strtab_free(s->strs);
	free(s->keys);
	*s = (struct segment){ 0 };
}

static uint64_t cost(const struct segment *s)
{
	return s->payload.cap + s->str_bytes + s->cap_keys * sizeof(*s->keys);
}

static int intern(void *ctx, const char *str, uint32_t *ret_id, const char **ret_copy)
{
	struct segment *s = &((struct dq_keeper *)ctx)->cur;
	size_t len = strnlen(str, DQ_STR_MAX);
	uint32_t id;
	bool is_new;

	if (!s->strs)
		s->strs = dq_strtab_new();
	id = s->strs ? dq_strtab_intern(s->strs, str, len, &is_new) : UINT32_MAX;
	if (id == UINT32_MAX)
		return -ENOMEM;
	if (is_new) {
		s->nstrs = id;
		s->str_bytes += len + STR_COST;
	}
	*ret_id = id;
	*ret_copy = dq_strtab_get(s->strs, id);
	return 0;
}

static void refer(struct dq_keeper *k, uint64_t key)
{
	uint64_t n = 0, *slot;

	if (dq_map_get(k->cur_keys, key, NULL))
		return;
	slot = DQ_PUSH(k->cur.keys, k->cur.nkeys, k->cur.cap_keys);
	dq_map_get(k->refs, key, &n);
	if (!slot || dq_map_put(k->cur_keys, key, 1) || dq_map_put(k->refs, key, n + 1)) {
		k->cur.nkeys -= slot != NULL;
		fail(k, -ENOMEM);
		return;
	}
	*slot = key;
}

/* Calls fn for the items of a segment, until it returns an error. */
static int each_item(struct dq_keeper *k, const struct segment *s,
		     int (*fn)(void *ctx, const struct dq_item *item), void *ctx)
{
	struct dq_strings strs = { .n = (size_t)s->nstrs + 1 };
	struct dq_item item;
	int rc;

	strs.v = calloc(strs.n, sizeof(*strs.v));
	if (!strs.v)
		return -ENOMEM;
	strs.v[0] = "";
	for (uint32_t i = 1; i < strs.n; i++)
		strs.v[i] = dq_strtab_get(s->strs, i);
	rc = dq_dec_open(k->dec, (const uint8_t *)dq_sb_str(&s->payload), s->payload.len, true);
	while (!rc && (rc = dq_dec_next(k->dec, &strs, &item)) == DQ_DEC_ITEM)
		rc = fn(ctx, &item);
	free(strs.v);
	return rc;
}

static int fold_item(void *ctx, const struct dq_item *item)
{
	struct dq_keeper *k = ctx;

	fold(k, item);
	return k->err;
}

static void unrefer(struct dq_keeper *k, uint64_t key)
{
	uint64_t n = 0;

	dq_map_get(k->refs, key, &n);
	if (n > 1) {
		fail(k, dq_map_put(k->refs, key, n - 1));
		return;
	}
	dq_map_del(k->refs, key);
	drop_if_unused(k, (enum dq_kind)(key >> 32), (uint32_t)key);
}

static void forget_oldest(struct dq_keeper *k)
{
	struct segment s = k->segs[0];

	k->nsegs--;
	memmove(k->segs, k->segs + 1, k->nsegs * sizeof(*k->segs));
	k->bytes -= cost(&s);
	k->forgot = true;
	if (s.last_t > k->from)
		k->from = s.last_t;
	fail(k, each_item(k, &s, fold_item, k));
	for (size_t i = 0; i < s.nkeys; i++)
		unrefer(k, s.keys[i]);
	free_segment(&s);
}

static uint64_t cur_bytes(const struct dq_keeper *k)
{
	return dq_enc_size(k->enc) + cost(&k->cur);
}

static void trim(struct dq_keeper *k, uint64_t now)
{
	uint64_t old = k->opts.ns && now > k->opts.ns ? now - k->opts.ns : 0;

	while (k->nsegs && k->segs[0].last_t < old)
		forget_oldest(k);
	/* and room for the next one */
	while (k->nsegs > 1 && k->bytes > k->opts.bytes - k->opts.bytes / PARTS) {
		k->too_small |= k->opts.ns != 0;
		forget_oldest(k);
	}
}

/* The segment that is being filled is full, or has to be read. */
static void close_segment(struct dq_keeper *k)
{
	struct segment *s;
	char *p;

	if (!dq_enc_items(k->enc))
		return;
	dq_enc_finish(k->enc, &k->cur.payload);
	if (fail(k, k->cur.payload.err))
		return;
	p = realloc(k->cur.payload.s, k->cur.payload.len + 1);
	if (p) {
		k->cur.payload.s = p;
		k->cur.payload.cap = k->cur.payload.len + 1;
	}
	s = DQ_PUSH(k->segs, k->nsegs, k->cap_segs);
	dq_map_free(k->cur_keys);
	k->cur_keys = dq_map_new();
	if (!s || !k->cur_keys) {
		k->nsegs -= s != NULL;
		fail(k, -ENOMEM);
		return;
	}
	*s = k->cur;
	k->cur = (struct segment){ 0 };
	k->bytes += cost(s);
}

static bool is_full(const struct dq_keeper *k)
{
	const struct segment *s = &k->cur;

	if (k->snap_open)
		return false;
	return cur_bytes(k) >= k->opts.bytes / PARTS || dq_enc_items(k->enc) >= DQ_ITEMS_MAX / 2 ||
	       (k->opts.ns && s->calls && s->last_t - s->first_t >= k->opts.ns / PARTS);
}

/* When it was over; 0: it has no time of its own. */
static uint64_t end_of(const struct dq_item *item)
{
	switch (item->kind) {
	case DQ_CALL:
		return item->call.t0 + item->call.dur;
	case DQ_SYS:
		return item->sys.t1;
	case DQ_NAME:
		return item->name.t;
	case DQ_TASKEV:
		return item->taskev.t;
	case DQ_LOSS:
		return item->loss.t1;
	default:
		return 0;
	}
}

static void note_time(struct dq_keeper *k, uint64_t t)
{
	struct segment *s = &k->cur;

	if (t && !s->first_t)
		s->first_t = t;
	if (t > s->last_t)
		s->last_t = t;
	if (t > k->now)
		k->now = t;
}

int dq_keeper_put(struct dq_keeper *k, const struct dq_item *item)
{
	struct dq_ref refs[DQ_REFS_MAX];
	int n = dq_item_refs(item, refs);

	if (item->kind == DQ_END)
		k->end = item->end.t;
	if (k->err || item->kind == DQ_END)
		return k->err;
	if (fail(k, dq_enc_put(k->enc, item)))
		return k->err;
	for (int i = 0; i < n; i++)
		refer(k, key_of(refs[i].kind, refs[i].id));
	k->cur.calls += item->kind == DQ_CALL;
	note_time(k, end_of(item));
	if (item->kind == DQ_SNAP && item->snap.what == DQ_SNAP_BEGIN)
		k->snap_open = !item->snap.t1;
	if (is_full(k)) {
		close_segment(k);
		trim(k, k->now);
	}
	return k->err;
}

/* ---- writing ------------------------------------------------------------------------------ */

struct writing {
	struct dq_keeper *k;
	const struct dq_sink *to;
	struct dq_map *needed;	/* keys of definitions */
	struct dq_map *defined;
	uint64_t calls, lost;
	bool on_demand;		/* definitions are put when they are referred to */
	int err;
};

static int put_out(struct writing *w, const struct dq_item *item)
{
	if (!w->err)
		w->err = w->to->put(w->to->ctx, item);
	return w->err;
}

static void need(struct writing *w, enum dq_kind kind, uint32_t id)
{
	struct dq_ref refs[DQ_REFS_MAX];
	struct def *d = find_def(w->k, kind, id);
	int n = d ? dq_item_refs(&d->item, refs) : 0;

	if (dq_map_get(w->needed, key_of(kind, id), NULL))
		return;
	if (dq_map_put(w->needed, key_of(kind, id), 1))
		w->err = -ENOMEM;
	for (int i = 0; i < n; i++)
		need(w, refs[i].kind, refs[i].id);
}

static int need_refs(void *ctx, const struct dq_item *item)
{
	struct dq_ref refs[DQ_REFS_MAX];
	int n = dq_item_refs(item, refs);

	for (int i = 0; i < n; i++)
		need(ctx, refs[i].kind, refs[i].id);
	return 0;
}

static int no_flush(void *ctx)
{
	(void)ctx;
	return 0;
}

/* Everything alive that has to do with a buffer, and what the segments refer to. */
static void find_needed(struct writing *w)
{
	const struct dq_sink look = { .put = need_refs, .flush = no_flush, .ctx = w };
	const struct dq_keeper *k = w->k;

	for (size_t i = 0; i < k->ndefs; i++) {
		const struct def *d = &k->defs[i];
		uint32_t id = dq_item_id(&d->item);
		bool object = d->item.kind == DQ_BUF || d->item.kind == DQ_ATT;

		if (d->item.kind == DQ_HOOK || (object && !d->dead) ||
		    dq_map_get(k->refs, key_of(d->item.kind, id), NULL))
			need(w, d->item.kind, id);
	}
	if (k->opts.begin && k->forgot && !w->err)
		w->err = k->opts.begin(k->opts.ctx, &look);
}

/* In which order kinds of definitions can be written. */
static int rank(enum dq_kind kind)
{
	static const enum dq_kind order[] = { DQ_HOOK, DQ_TASK,	 DQ_DEV,      DQ_OPS, DQ_BUF,
					      DQ_ATT,  DQ_STACK, DQ_TIMELINE, DQ_SNAP };
	size_t i = 0;

	while (i < DQ_ARRAY_SIZE(order) && order[i] != kind)
		i++;
	return (int)i;
}

static int compare(const void *a, const void *b)
{
	const struct dq_item *x = *(const struct dq_item *const *)a, *y = *(const struct dq_item *const *)b;
	int d = rank(x->kind) - rank(y->kind);

	return d ? d : dq_item_id(x) < dq_item_id(y) ? -1 : dq_item_id(x) > dq_item_id(y);
}

static int put_def(struct writing *w, const struct dq_item *def)
{
	struct dq_item item = *def;

	/* its begin was forgotten */
	if (item.kind == DQ_BUF)
		item.buf.flags |= DQ_BUF_PREEXISTING;
	else if (item.kind == DQ_ATT)
		item.att.flags |= DQ_ATT_PREEXISTING;
	if (dq_map_put(w->defined, key_of(item.kind, dq_item_id(&item)), 1))
		w->err = -ENOMEM;
	return put_out(w, &item);
}

static void put_defs(struct writing *w)
{
	const struct dq_keeper *k = w->k;
	const struct dq_item **v = calloc(k->ndefs + 1, sizeof(const struct dq_item *));
	size_t n = 0;

	if (!v) {
		w->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < k->ndefs; i++)
		if (dq_map_get(w->needed,
			       key_of(k->defs[i].item.kind, dq_item_id(&k->defs[i].item)), NULL))
			v[n++] = &k->defs[i].item;
	qsort(v, n, sizeof(const struct dq_item *), compare);
	for (size_t i = 0; i < n && !w->err; i++)
		put_def(w, v[i]);
	free(v);
}

/* Something whose definition is nowhere: it was lost, or an event came after its end. */
static void put_unknown(struct writing *w, struct dq_ref ref)
{
	const struct dq_kind_desc *k = &dq_kinds[ref.kind];
	struct dq_item item = { .kind = ref.kind };

	for (const struct dq_field *f = k->f; f < k->f + k->n; f++)
		if (!strcmp(f->name, "id"))
			dq_field_set(&item, f, ref.id);
	if (ref.kind == DQ_SNAP)
		item.snap.what = DQ_SNAP_BEGIN;
	put_def(w, &item);
}

/* Tasks, ops tables, hooks and snapshots may be said again. */
static bool said_once(enum dq_kind kind)
{
	return kind == DQ_DEV || kind == DQ_BUF || kind == DQ_ATT || kind == DQ_STACK ||
	       kind == DQ_TIMELINE;
}

/* What the item refers to, and what that refers to, where it is not yet there. */
static void put_referred(struct writing *w, const struct dq_item *item)
{
	struct dq_ref refs[DQ_REFS_MAX];
	int n = dq_item_refs(item, refs);

	for (int i = 0; i < n; i++) {
		const struct def *d = w->on_demand ? find_def(w->k, refs[i].kind, refs[i].id) : NULL;

		if (dq_map_get(w->defined, key_of(refs[i].kind, refs[i].id), NULL))
			continue;
		if (!d) {
			put_unknown(w, refs[i]);
			continue;
		}
		put_referred(w, &d->item);
		put_def(w, &d->item);
	}
}

static int put_kept(void *ctx, const struct dq_item *item)
{
	struct writing *w = ctx;
	uint32_t id = dq_item_id(item);

	put_referred(w, item);
	if (id && said_once(item->kind) && dq_map_get(w->defined, key_of(item->kind, id), NULL))
		return w->err;
	if (id && dq_map_put(w->defined, key_of(item->kind, id), 1))
		w->err = -ENOMEM;
	w->calls += item->kind == DQ_CALL;
	w->lost += item->kind == DQ_LOSS ? item->loss.count : 0;
	return put_out(w, item);
}

static void put_number(struct writing *w, const char *key, uint64_t v)
{
	struct dq_item item = { .kind = DQ_META };
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	item.meta.key = key;
	item.meta.value = text;
	put_out(w, &item);
}

/* What stands before the segments. */
static void put_head(struct writing *w, bool goes_on)
{
	const struct dq_sink to = { .put = put_kept, .flush = no_flush, .ctx = w };
	struct dq_keeper *k = w->k;

	for (size_t i = 0; i < k->nmetas; i++)
		put_out(w, &k->metas[i]);
	if (k->forgot) {
		put_number(w, "keep.from", k->from);
		put_number(w, "keep.forgotten", k->forgotten);
	}
	if (k->lost)
		put_number(w, "keep.lost", k->lost);
	if (goes_on)
		put_number(w, "keep.open", 1);
	if (k->clock.kind)
		put_out(w, &k->clock);
	put_defs(w);
	if (k->opts.begin && k->forgot && !w->err)
		w->err = k->opts.begin(k->opts.ctx, &to);
}

int dq_keeper_write(struct dq_keeper *k, const struct dq_sink *to, uint64_t now, const char *reason,
		    bool goes_on)
{
	struct writing w = { .k = k, .to = to, .needed = dq_map_new(), .defined = dq_map_new() };
	struct dq_item end = { .kind = DQ_END };

	close_segment(k);
	trim(k, now);
	w.err = w.needed && w.defined ? k->err : -ENOMEM;
	if (!w.err)
		find_needed(&w);
	if (!w.err)
		put_head(&w, goes_on);
	for (size_t i = 0; i < k->nsegs && !w.err; i++)
		w.err = each_item(k, &k->segs[i], put_kept, &w);
	end.end.t = !goes_on && k->end ? k->end : now > k->now ? now : k->now;
	end.end.reason = reason;
	end.end.calls = w.calls;
	end.end.lost = w.lost;
	put_out(&w, &end);
	dq_map_free(w.needed);
	dq_map_free(w.defined);
	return w.err;
}

/* ---- several files ---------------------------------------------------------------------------- */

struct dq_part {
	struct writing w;
	struct dq_sink to;
};

int dq_keeper_part(struct dq_keeper *k, const struct dq_sink *to, struct dq_part **ret_p)
{
	struct dq_part *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->to = *to;
	k->in_parts = true;
	p->w = (struct writing){ .k = k, .to = &p->to, .needed = dq_map_new(), .defined = dq_map_new() };
	p->w.err = p->w.needed && p->w.defined ? k->err : -ENOMEM;
	p->w.on_demand = true;
	if (!p->w.err && k->forgot) {
		find_needed(&p->w);
		put_head(&p->w, false);
	}
	*ret_p = p;
	return p->w.err;
}

static int put_end(struct dq_part *p, const struct dq_item *item)
{
	struct dq_item end = *item;

	end.end.calls = p->w.calls;
	end.end.lost = p->w.lost;
	return put_out(&p->w, &end);
}

int dq_part_put(struct dq_part *p, const struct dq_item *item)
{
	struct dq_keeper *k = p->w.k;
	uint64_t t = end_of(item);

	if (item->kind == DQ_END)
		return put_end(p, item);
	if (put_kept(&p->w, item))
		return p->w.err;
	if (item->kind == DQ_SNAP)
		k->snap_open = !item->snap.t1;
	k->forgot = true;
	if (t > k->from)
		k->from = t;
	fold(k, item);
	return k->err;
}

bool dq_part_may_end(const struct dq_part *p)
{
	return !p->w.k->snap_open;
}

int dq_part_end(struct dq_part **pp, uint64_t now, const char *reason)
{
	struct dq_part *p = *pp;
	struct dq_item end = { .kind = DQ_END };
	int err;

	put_number(&p->w, "keep.open", 1);
	end.end.t = now;
	end.end.reason = reason;
	err = put_end(p, &end);
	dq_part_free(pp);
	return err;
}

void dq_part_free(struct dq_part **pp)
{
	struct dq_part *p = *pp;

	if (!p)
		return;
	*pp = NULL;
	dq_map_free(p->w.needed);
	dq_map_free(p->w.defined);
	free(p);
}

/* ---- the rest ------------------------------------------------------------------------------- */

void dq_keeper_stats(const struct dq_keeper *k, struct dq_keep_stats *ret)
{
	*ret = (struct dq_keep_stats){ .calls = k->cur.calls, .forgotten = k->forgotten,
				       .from = k->from, .too_small = k->too_small };
	for (size_t i = 0; i < k->nsegs; i++)
		ret->calls += k->segs[i].calls;
	ret->bytes = k->bytes + cur_bytes(k) + k->cap_defs * sizeof(*k->defs) +
		     (dq_map_len(k->def_at) + dq_map_len(k->refs) + dq_map_len(k->tids)) * 32;
}

static int sink_put(void *ctx, const struct dq_item *item)
{
	return dq_keeper_put(ctx, item);
}

struct dq_sink dq_keeper_sink(struct dq_keeper *k)
{
	return (struct dq_sink){ .put = sink_put, .flush = no_flush, .ctx = k };
}

int dq_keeper_new(struct dq_keeper **ret_k, const struct dq_keep_opts *opts)
{
	struct dq_keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->opts = *opts;
	if (!k->opts.bytes)
		k->opts.bytes = DEFAULT_BYTES;
	k->enc = dq_enc_new(intern, k);
	k->dec = dq_dec_new();
	k->cur_keys = dq_map_new();
	k->def_at = dq_map_new();
	k->refs = dq_map_new();
	k->tids = dq_map_new();
	if (!k->enc || !k->dec || !k->cur_keys || !k->def_at || !k->refs || !k->tids) {
		dq_keeper_free(&k);
		return -ENOMEM;
	}
	*ret_k = k;
	return 0;
}

void dq_keeper_free(struct dq_keeper **pk)
{
	struct dq_keeper *k = *pk;

	if (!k)
		return;
	*pk = NULL;
	for (size_t i = 0; i < k->nsegs; i++)
		free_segment(&k->segs[i]);
	free_segment(&k->cur);
	for (size_t i = 0; i < k->ndefs; i++)
		dq_item_clear(&k->defs[i].item);
	for (size_t i = 0; i < k->nmetas; i++)
		dq_item_clear(&k->metas[i]);
	dq_enc_free(k->enc);
	dq_dec_free(k->dec);
	dq_map_free(k->cur_keys);
	dq_map_free(k->def_at);
	dq_map_free(k->refs);
	dq_map_free(k->tids);
	free(k->segs);
	free(k->defs);
	free(k->metas);
	free(k);
}
