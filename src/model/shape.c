/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shape.c - lives in canonical order, and which buffers have the same.
 *
 * May use src/trace and src/util.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"
#include "model/life_int.h"

#define NAMES_MAX 16	/* of buffers, that a shape remembers */

/* ---- canonical order ---- */

static int cmp_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* The one who had the buffer made comes first, its end last. */
static int by_role(const void *pa, const void *pb)
{
	const struct dq_track *a = pa, *b = pb;
	int ret;

	if (a->maker != b->maker)
		return a->maker ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	ret = strcmp(a->role ? a->role : "", b->role ? b->role : "");
	return ret ? ret : cmp_u64(a->hash, b->hash);
}

/* Who held it first is no order of the protocol. */
static int by_text(const void *pa, const void *pb)
{
	const char *a = ((const struct dq_node *)pa)->text, *b = ((const struct dq_node *)pb)->text;

	/* a loop has none; no life has one here, but a file that says so may come from anybody */
	return strcmp(a ? a : "", b ? b : "");
}

static int sort_facts(struct dq_track *t)
{
	size_t n = t->n;
	struct dq_node *v = t->v;
	int ret = 0;

	if (n)
		qsort(v, n, sizeof(*v), by_text);
	t->v = NULL;
	t->n = t->cap = 0;
	for (size_t i = 0; i < n; i++) {
		if (!ret)
			ret = dq_node_push(&t->v, &t->n, &t->cap, &v[i]);
		else
			dq_node_free(&v[i]);
	}
	free(v);
	return ret;
}

static void hash_track(struct dq_track *t)
{
	uint64_t h = dq_life_hash(0xcbf29ce484222325ULL, dq_track_key(t->kind),
				  strlen(dq_track_key(t->kind)));

	/* NULL: there was no memory for it, and the shape will not be used */
	h = dq_life_hash(h, t->role ? t->role : "", (t->role ? strlen(t->role) : 0) + 1);
	for (size_t i = 0; i < t->n; i++) {
		unsigned char b[8];

		for (size_t k = 0; k < sizeof(b); k++)
			b[k] = (unsigned char)(t->v[i].hash >> (8 * k));
		h = dq_life_hash(h, b, sizeof(b));
	}
	t->hash = dq_life_hash(h, t->cut ? "cut" : "", t->cut ? 3 : 0);
}

static bool same_track(const struct dq_track *a, const struct dq_track *b)
{
	if (a->hash != b->hash || a->kind != b->kind || a->n != b->n || strcmp(a->role, b->role))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!dq_node_same(&a->v[i], &b->v[i]))
			return false;
	return true;
}

static int merge_nodes(struct dq_track *a, const struct dq_track *b)
{
	int ret = 0;

	for (size_t i = 0; i < a->n && !ret; i++)
		ret = dq_node_merge(&a->v[i], &b->v[i]);
	if (b->cut > a->cut)
		a->cut = b->cut;
	return ret;
}

static int join_tracks(struct dq_life *l)
{
	size_t to = 0;
	int ret = 0;

	for (size_t i = 0; i < l->ntracks; i++) {
		struct dq_track *t = &l->tracks[i];

		if (!to || !same_track(&l->tracks[to - 1], t)) {
			struct dq_track keep = *t;

			*t = (struct dq_track){ 0 };
			l->tracks[to++] = keep;
			continue;
		}
		if (!ret)
			ret = merge_nodes(&l->tracks[to - 1], t);
		l->tracks[to - 1].threads_min += t->threads_min;
		l->tracks[to - 1].threads_max += t->threads_max;
		dq_track_free(t);
	}
	l->ntracks = to;
	return ret;
}

int dq_life_settle(struct dq_life *l)
{
	int ret = 0;

	l->dark = l->cut = false;
	for (size_t i = 0; i < l->ntracks && !ret; i++) {
		struct dq_track *t = &l->tracks[i];

		if (t->kind == DQ_TRACK_HELD)
			ret = sort_facts(t);
		t->maker = false;
		for (size_t k = 0; k < t->n; k++)
			t->maker |= dq_node_has_hook(&t->v[k], HOOK_EXPORT);
		hash_track(t);
		l->cut |= t->cut > 0;
	}
	if (ret)
		return ret;
	if (l->ntracks)
		qsort(l->tracks, l->ntracks, sizeof(*l->tracks), by_role);
	ret = join_tracks(l);
	l->hash = 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < l->ntracks; i++) {
		unsigned char b[8];

		for (size_t k = 0; k < sizeof(b); k++)
			b[k] = (unsigned char)(l->tracks[i].hash >> (8 * k));
		l->hash = dq_life_hash(l->hash, b, sizeof(b));
	}
	return ret;
}

bool dq_life_same(const struct dq_life *a, const struct dq_life *b)
{
	if (a->hash != b->hash || a->ntracks != b->ntracks)
		return false;
	for (size_t i = 0; i < a->ntracks; i++)
		if (!same_track(&a->tracks[i], &b->tracks[i]))
			return false;
	return true;
}

static int merge_lives(struct dq_life *a, const struct dq_life *b)
{
	int ret = 0;

	for (size_t i = 0; i < a->ntracks && !ret; i++) {
		struct dq_track *t = &a->tracks[i];
		const struct dq_track *o = &b->tracks[i];

		if (o->threads_min < t->threads_min)
			t->threads_min = o->threads_min;
		if (o->threads_max > t->threads_max)
			t->threads_max = o->threads_max;
		ret = merge_nodes(t, o);
	}
	return ret;
}

/* ---- lives with callbacks that were not recorded ---- */

static bool has_dark(const struct dq_node *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((v[i].flags & DQ_NODE_DARK) || has_dark(v[i].kids, v[i].nkids))
			return true;
	return false;
}

static bool fits_dark(const struct dq_node *d, size_t nd, const struct dq_node *f, size_t nf);

/* Is d what f would be if callbacks had not been recorded in the dark parts of d? */
static bool fits_one(const struct dq_node *d, const struct dq_node *f)
{
	if ((d->kind == DQ_NODE_LOOP) != (f->kind == DQ_NODE_LOOP) ||
	    (d->text && f->text ? strcmp(d->text, f->text) : d->text != f->text))
		return false;
	if (!(d->flags & DQ_NODE_DARK))
		return fits_dark(d->kids, d->nkids, f->kids, f->nkids);
	for (size_t i = 0, k = 0; i < f->nkids || k < d->nkids; i++) {
		if (i < f->nkids && k < d->nkids && fits_one(&d->kids[k], &f->kids[i]))
			k++;
		else if (i >= f->nkids || !(f->kids[i].flags & DQ_NODE_CALLBACK))
			return false;
	}
	return true;
}

static bool fits_dark(const struct dq_node *d, size_t nd, const struct dq_node *f, size_t nf)
{
	if (nd != nf)
		return false;
	for (size_t i = 0; i < nd; i++)
		if (!fits_one(&d[i], &f[i]))
			return false;
	return true;
}

static bool life_fits(const struct dq_life *d, const struct dq_life *f)
{
	if (d->ntracks != f->ntracks)
		return false;
	for (size_t i = 0; i < d->ntracks; i++) {
		const struct dq_track *a = &d->tracks[i], *b = &f->tracks[i];

		if (a->kind != b->kind || strcmp(a->role, b->role) ||
		    !fits_dark(a->v, a->n, b->v, b->n))
			return false;
	}
	return true;
}

/* ---- shapes ---- */

static void free_shape(struct dq_shape *s)
{
	dq_life_free(&s->life);
	free(s->bufs);
	free(s->exporter);
	free(s->process);
	for (size_t i = 0; i < s->nnames; i++)
		free(s->names[i]);
	free(s->names);
}

void dq_shapes_free(struct dq_shapes *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_shape(&s->v[i]);
	free(s->v);
	*s = (struct dq_shapes){ 0 };
}

static char *word(const char *s)
{
	struct dq_sb sb = { 0 };

	dq_life_word(&sb, s);
	if (sb.err)
		dq_sb_free(&sb);
	return sb.s;
}

/* "frame-12" and "frame-13" are one name. */
static char *nameless_digits(const char *s)
{
	struct dq_sb sb = { 0 };
	char *ret;

	for (; *s; s++) {
		if (!isdigit((unsigned char)*s))
			dq_sb_putc(&sb, *s);
		else if (!sb.len || sb.s[sb.len - 1] != '#')
			dq_sb_putc(&sb, '#');
	}
	ret = sb.err ? NULL : word(dq_sb_str(&sb));
	dq_sb_free(&sb);
	return ret;
}

static int by_string(const void *pa, const void *pb)
{
	return strcmp(*(char *const *)pa, *(char *const *)pb);
}

static int add_name(struct dq_shape *s, const char *name)
{
	char *n, **row;

	if (!*name || s->nnames >= NAMES_MAX)
		return 0;
	n = nameless_digits(name);
	if (!n)
		return -ENOMEM;
	for (size_t i = 0; i < s->nnames; i++)
		if (!strcmp(s->names[i], n)) {
			free(n);
			return 0;
		}
	row = DQ_PUSH(s->names, s->nnames, s->cap_names);
	if (!row) {
		free(n);
		return -ENOMEM;
	}
	*row = n;
	qsort(s->names, s->nnames, sizeof(*s->names), by_string);
	return 0;
}

/* One more buffer of the shape. */
static int add_buf(struct dq_shape *s, const struct dq_model *m, uint32_t buf)
{
	const struct dq_mbuf *b = buf ? dq_model_buf(m, buf) : NULL;
	uint32_t *row;
	int ret;

	if (!buf)
		return 0;
	row = DQ_PUSH(s->bufs, s->nbufs, s->cap_bufs);
	if (!row)
		return -ENOMEM;
	*row = buf;
	if (!b)
		return 0;
	if (s->nbufs == 1 || b->calls < s->calls_min)
		s->calls_min = b->calls;
	if (s->nbufs == 1 || b->calls > s->calls_max)
		s->calls_max = b->calls;
	if (s->nbufs == 1 || b->b.size < s->size_min)
		s->size_min = b->b.size;
	if (s->nbufs == 1 || b->b.size > s->size_max)
		s->size_max = b->b.size;
	ret = add_name(s, b->b.name);
	return ret ? ret : add_name(s, b->name);
}

static int new_shape(struct dq_shapes *ss, const struct dq_model *m, struct dq_life *l)
{
	const struct dq_mbuf *b = l->buf ? dq_model_buf(m, l->buf) : NULL;
	struct dq_shape *s = DQ_PUSH(ss->v, ss->n, ss->cap);

	if (!s)
		return -ENOMEM;
	s->exporter = b ? word(b->exporter) : strdup("");
	s->process = b && b->maker ? word(dq_task_process(m, b->maker)) : strdup("");
	s->life = *l;
	*l = (struct dq_life){ 0 };
	if (!s->exporter || !s->process)
		return -ENOMEM;
	return add_buf(s, m, s->life.buf);
}

/* A shape that the life has; hashes of lives that differ may be equal. */
static struct dq_shape *find_shape(struct dq_shapes *ss, struct dq_map *ix, const struct dq_life *l)
{
	uint64_t i;

	if (!dq_map_get(ix, l->hash, &i))
		return NULL;
	if (dq_life_same(&ss->v[i].life, l))
		return &ss->v[i];
	for (i = 0; i < ss->n; i++)
		if (dq_life_same(&ss->v[i].life, l))
			return &ss->v[i];
	return NULL;
}

static int classify(struct dq_shapes *ss, struct dq_map *ix, const struct dq_model *m,
		    struct dq_life *l)
{
	struct dq_shape *s = find_shape(ss, ix, l);
	uint32_t buf = l->buf;
	int ret;

	if (s && !s->life.buf == !buf) {
		ret = merge_lives(&s->life, l);
		dq_life_free(l);
		return ret ? ret : add_buf(s, m, buf);
	}
	if (dq_map_put(ix, l->hash, ss->n))
		return -ENOMEM;
	return new_shape(ss, m, l);
}

/* What is known of it fits a shape: most likely it is one of these. */
static int classify_dark(struct dq_shapes *ss, struct dq_map *ix, const struct dq_model *m,
			 struct dq_life *l)
{
	uint32_t buf = l->buf;
	int ret;

	for (size_t i = 0; i < ss->n; i++) {
		struct dq_shape *s = &ss->v[i];

		if (s->life.dark || !life_fits(l, &s->life))
			continue;
		dq_life_free(l);
		s->dark_bufs++;
		return add_buf(s, m, buf);
	}
	ret = classify(ss, ix, m, l);
	for (size_t i = 0; i < ss->n && !ret; i++)
		if (ss->v[i].life.dark)
			ss->v[i].dark_bufs = ss->v[i].nbufs;
	return ret;
}

static int by_id(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

static int by_size(const void *pa, const void *pb)
{
	const struct dq_shape *a = pa, *b = pb;

	if (a->nbufs != b->nbufs)
		return a->nbufs > b->nbufs ? -1 : 1;
	return a->nbufs && b->nbufs ? by_id(a->bufs, b->bufs) : 0;
}

void dq_shapes_name(struct dq_shapes *ss)
{
	for (size_t i = 0; i < ss->n; i++) {
		struct dq_shape *s = &ss->v[i];
		bool alone = true;

		for (size_t k = 0; k < ss->n && alone; k++)
			alone = k == i || ss->v[k].life.hash >> 32 != s->life.hash >> 32;
		snprintf(s->name, sizeof(s->name), "%0*llx", alone ? DQ_SHAPE_NAME : 16,
			 (unsigned long long)(alone ? s->life.hash >> 32 : s->life.hash));
	}
}

static int settle(struct dq_lives *ls, struct dq_life *l)
{
	int ret = dq_life_held(ls, l);

	if (!ret)
		ret = dq_life_name(ls, l);
	if (!ret)
		ret = dq_life_settle(l);
	for (size_t k = 0; k < l->ntracks; k++)
		l->dark |= has_dark(l->tracks[k].v, l->tracks[k].n);
	return ret;
}

int dq_life_done(struct dq_lives *ls, uint32_t buf)
{
	struct dq_life *l;
	size_t *row;
	uint64_t i;
	int ret;

	if (!dq_map_get(ls->ix, buf, &i) || i == DQ_LIFE_DONE)
		return 0;
	l = &ls->v[i];
	for (size_t k = 0; k < l->ntracks; k++)
		if (has_dark(l->tracks[k].v, l->tracks[k].n))
			return 0;
	ret = settle(ls, l);
	if (!ret)
		ret = classify(&ls->done, ls->ix_done, ls->m, l);
	if (!ret)
		ret = dq_map_put(ls->ix, buf, DQ_LIFE_DONE);
	if (ret)
		return ret;
	row = DQ_PUSH(ls->spare, ls->nspare, ls->cap_spare);
	if (!row)
		return -ENOMEM;
	*row = i;
	return 0;
}

static bool is_spare(const struct dq_life *l)
{
	return !l->buf && !l->ntracks;
}

static int classify_all(struct dq_lives *ls)
{
	int ret = 0;

	for (size_t i = 0; i < ls->n && !ret; i++) {
		struct dq_life *l = &ls->v[i];

		if (is_spare(l))
			continue;
		ret = settle(ls, l);
		if (!ret && !l->dark)
			ret = classify(&ls->done, ls->ix_done, ls->m, l);
	}
	for (size_t i = 0; i < ls->n && !ret; i++)
		if (ls->v[i].dark)
			ret = classify_dark(&ls->done, ls->ix_done, ls->m, &ls->v[i]);
	return ret;
}

/* Buffers that nobody called for have a life, too: they are there. */
static int add_idle(struct dq_lives *ls)
{
	for (size_t i = 0; i < ls->m->nbufs; i++) {
		uint32_t buf = ls->m->bufs[i].b.id;
		struct dq_life *l;
		uint64_t have;

		if (!buf || dq_map_get(ls->ix, buf, &have))
			continue;
		l = dq_map_put(ls->ix, buf, ls->n) ? NULL : DQ_PUSH(ls->v, ls->n, ls->cap);
		if (!l)
			return -ENOMEM;
		l->buf = buf;
	}
	return 0;
}

int dq_lives_shapes(struct dq_lives *ls, struct dq_shapes *ret_s)
{
	int ret = dq_holders_settle(ls->m->holders);

	*ret_s = (struct dq_shapes){ 0 };
	if (!ret)
		ret = add_idle(ls);
	if (!ret)
		ret = classify_all(ls);
	if (ret)
		return ret;
	*ret_s = ls->done;
	ls->done = (struct dq_shapes){ 0 };
	for (size_t i = 0; i < ret_s->n; i++)
		if (ret_s->v[i].nbufs)
			qsort(ret_s->v[i].bufs, ret_s->v[i].nbufs, sizeof(uint32_t), by_id);
	if (ret_s->n)
		qsort(ret_s->v, ret_s->n, sizeof(*ret_s->v), by_size);
	dq_shapes_name(ret_s);
	return 0;
}

const struct dq_shape *dq_shape_of(const struct dq_shapes *s, uint32_t buf)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].nbufs && bsearch(&buf, s->v[i].bufs, s->v[i].nbufs, sizeof(buf), by_id))
			return &s->v[i];
	return NULL;
}
