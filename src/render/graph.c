/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.c - who shares what with whom, as Graphviz source.
 *
 * Processes stand at the left, buffers in the middle, importing devices at the right;
 * exporters feed the buffers. A buffer that only one process uses stands in that
 * process's cluster, what is shared stands outside. Buffers that are used alike (the same
 * exporter, size, users and troubles) are one node. May use src/model and src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/graph.h"

#define NAME_POINTS 32
#define MANY_GROUPS 24	/* with more of them, sizes no longer tell buffers apart */
#define MANY_NODES 12	/* with more of them, lines from the exporters would hide all others */
#define MANY_RANGES 6	/* of ids in a label */

/* What there is to say of a buffer's end. */
enum fate {
	FATE_GONE,	/* released */
	FATE_HELD,	/* a process has a descriptor or a mapping, or one is on its way */
	FATE_DEVICE,	/* no process has; importers do */
	FATE_NOBODY,	/* nobody that the trace shows */
	FATE_UNKNOWN,	/* cannot tell */
};

/* One or more buffers that are drawn as one. */
struct node {
	const struct dq_mbuf *b; /* the first */
	enum fate fate;
	const struct dq_share_use *use; /* sums over the members, by process */
	size_t nuse;
	const struct dq_share_imp *imp;
	size_t nimp;
	size_t n;
	uint64_t bytes, least, most;
	struct dq_sb ids;
	uint32_t id0, id1;	/* the range that is being collected */
	unsigned int ranges;
	bool one_name;
};

struct graph {
	struct dq_sb *o;
	const struct dq_share *s;
	const struct dq_model *m;
	const struct dq_graph_opts *opt;
	struct dq_share_use *uses; /* copies, by buffer and process */
	struct dq_share_imp *imps;
	struct node *nodes;
	size_t nnodes, cap_nodes;
	size_t drawn;		/* buffers */
	bool by_size;
	bool *has_proc, *has_dev; /* somebody is drawn with it */
	int err;
};

/* ---- text ---- */

static void put(struct graph *g, const char *s)
{
	dq_sb_puts(g->o, s);
}

/* Code points without a shape of their own, and bytes that are none. */
void dq_dot_escape(struct dq_sb *sb, const char *s, size_t max)
{
	struct dq_sb seen = { 0 };

	/* the backslashes of what it makes visible are doubled below, like those of the name */
	for (size_t i = 0, adv, n = 0, len = strlen(s); i < len; i += adv) {
		int32_t cp = dq_utf8_next(s + i, len - i, &adv);

		if (max && n++ == max) {
			dq_sb_puts(&seen, "…");
			break;
		}
		if (cp == '\\')
			dq_sb_putc(&seen, '\\');
		else
			dq_sb_visible(&seen, s + i, adv, 0);
	}
	for (size_t i = 0; i < seen.len; i++) {
		if (seen.s[i] == '&')	/* Graphviz decodes entities */
			dq_sb_puts(sb, "&amp;");
		else if (seen.s[i] == '\\' || seen.s[i] == '"')
			dq_sb_printf(sb, "\\%c", seen.s[i]);
		else
			dq_sb_putc(sb, seen.s[i]);
	}
	sb->err = seen.err ? seen.err : sb->err;
	dq_sb_free(&seen);
}

static void name(struct graph *g, const char *s)
{
	dq_dot_escape(g->o, *s ? s : "unknown", NAME_POINTS);
}

static void put_size(struct graph *g, uint64_t bytes)
{
	char buf[32];

	put(g, dq_fmt_size(buf, bytes));
}

static void put_n(struct graph *g, uint64_t n, const char *what)
{
	dq_sb_printf(g->o, "%" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
}

/* "-ENOMEM × 3", or "3 failures" when they differ */
static void put_fails(struct graph *g, const struct dq_fails *f)
{
	if (f->mixed || !f->err)
		put_n(g, f->n, "failure");
	else
		dq_sb_printf(g->o, "-%s%s", dq_errname(f->err), f->n > 1 ? " × " : "");
	if (!f->mixed && f->err && f->n > 1)
		dq_sb_printf(g->o, "%" PRIu64, f->n);
}

/* ---- what is used alike ---- */

static int by_buf_proc(const void *pa, const void *pb)
{
	const struct dq_share_use *a = pa, *b = pb;

	if (a->buf != b->buf)
		return a->buf < b->buf ? -1 : 1;
	return a->proc < b->proc ? -1 : a->proc > b->proc;
}

static int by_buf_dev(const void *pa, const void *pb)
{
	const struct dq_share_imp *a = pa, *b = pb;

	if (a->buf != b->buf)
		return a->buf < b->buf ? -1 : 1;
	return a->dev < b->dev ? -1 : a->dev > b->dev;
}

/* The rows of one buffer. */
static struct dq_share_use *uses_of(const struct graph *g, uint32_t buf, size_t *ret_n)
{
	size_t lo = 0, hi = g->s->nuses, n = 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (g->uses[mid].buf < buf)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo + n < g->s->nuses && g->uses[lo + n].buf == buf)
		n++;
	*ret_n = n;
	return g->uses + lo;
}

static struct dq_share_imp *imps_of(const struct graph *g, uint32_t buf, size_t *ret_n)
{
	size_t lo = 0, hi = g->s->nimps, n = 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (g->imps[mid].buf < buf)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo + n < g->s->nimps && g->imps[lo + n].buf == buf)
		n++;
	*ret_n = n;
	return g->imps + lo;
}

static enum fate fate_of(const struct graph *g, const struct dq_mbuf *b)
{
	const struct dq_hold_buf *h = dq_holders_get(g->m->holders, b->b.id);
	bool importers = false;

	if (!h)
		return b->released || g->opt->alive_only ? FATE_GONE : FATE_UNKNOWN;
	for (size_t i = 0; i < h->nfds; i++)
		if (h->fds[i].n)
			return FATE_HELD;
	if (h->nmaps || h->nflights)
		return FATE_HELD;
	for (size_t i = 0; i < h->natts; i++)
		importers |= h->atts[i].made;
	if (h->doubt && !h->settled)
		return FATE_UNKNOWN;
	return importers || h->nvmaps ? FATE_DEVICE : FATE_NOBODY;
}

static void sign_fails(struct dq_sb *sb, const struct dq_fails *f)
{
	dq_sb_printf(sb, " f%d,%d,%d", !!f->n, f->err, f->mixed);
}

/* Two buffers with the same signature are used alike. */
static void sign(const struct graph *g, struct dq_sb *sb, const struct dq_mbuf *b, size_t index)
{
	const struct dq_share_use *u;
	const struct dq_share_imp *p;
	size_t nu, np;

	if (!g->opt->group)
		dq_sb_printf(sb, "%zu ", index);
	if (g->by_size)
		dq_sb_printf(sb, "%" PRIu64 " ", b->b.size);
	dq_sb_printf(sb, "%d ", fate_of(g, b));
	u = uses_of(g, b->b.id, &nu);
	for (size_t i = 0; i < nu; i++) {
		dq_sb_printf(sb, "u%u,%d,%u,%d,%d", u[i].proc, u[i].way, u[i].from, u[i].made,
			     !!u[i].nfds);
		sign_fails(sb, &u[i].fails);
	}
	p = imps_of(g, b->b.id, &np);
	for (size_t i = 0; i < np; i++) {
		dq_sb_printf(sb, "i%u,%d", p[i].dev, !!p[i].attached);
		sign_fails(sb, &p[i].fails);
	}
	dq_sb_printf(sb, " %s\n%s", b->exporter, b->helper);
}

/* Ids come in ascending order of first sight, which is nearly that of their numbers. */
static void end_range(struct node *n)
{
	if (!n->id0 || ++n->ranges > MANY_RANGES + 1)
		return;
	if (n->ranges == MANY_RANGES + 1)
		dq_sb_puts(&n->ids, ", …");
	else if (n->id0 == n->id1)
		dq_sb_printf(&n->ids, "%s#%u", n->ids.len ? ", " : "", n->id0);
	else
		dq_sb_printf(&n->ids, "%s#%u-%u", n->ids.len ? ", " : "", n->id0, n->id1);
}

static void add_fails(struct dq_fails *to, const struct dq_fails *f)
{
	to->n += f->n;
	to->mixed |= f->mixed;
}

static void add_member(struct graph *g, struct node *n, const struct dq_mbuf *b)
{
	struct dq_share_use *u, *to = (struct dq_share_use *)n->use;
	struct dq_share_imp *p, *top = (struct dq_share_imp *)n->imp;
	size_t nu, np;

	u = uses_of(g, b->b.id, &nu);
	p = imps_of(g, b->b.id, &np);
	for (size_t i = 0; i < nu && n->n; i++) {
		to[i].calls += u[i].calls;
		to[i].nfds += u[i].nfds;
		to[i].nmaps += u[i].nmaps;
		to[i].guess |= u[i].guess;
		add_fails(&to[i].fails, &u[i].fails);
	}
	for (size_t i = 0; i < np && n->n; i++) {
		top[i].calls += p[i].calls;
		top[i].maps += p[i].maps;
		top[i].vmaps += p[i].vmaps;
		top[i].attached += p[i].attached;
		top[i].mapped += p[i].mapped;
		add_fails(&top[i].fails, &p[i].fails);
	}
	if (n->id1 && b->b.id == n->id1 + 1) {
		n->id1 = b->b.id;
	} else {
		end_range(n);
		n->id0 = n->id1 = b->b.id;
	}
	n->n++;
	n->bytes += b->b.size;
	n->least = b->b.size < n->least ? b->b.size : n->least;
	n->most = b->b.size > n->most ? b->b.size : n->most;
	n->one_name &= !strcmp(b->name, n->b->name);
}

static bool is_drawn(const struct graph *g, size_t i)
{
	const struct dq_mbuf *b = &g->m->bufs[i];

	if (g->opt->want && !g->opt->want[i])
		return false;
	return !g->opt->alive_only || dq_holders_get(g->m->holders, b->b.id);
}

/* Puts the buffer to those that are used alike. seen: signatures; at: node of each of them. */
static void collect(struct graph *g, struct dq_strtab *seen, struct dq_map *at, size_t i)
{
	const struct dq_mbuf *b = &g->m->bufs[i];
	struct dq_sb sb = { 0 };
	struct node *n;
	uint64_t where;
	uint32_t id;

	sign(g, &sb, b, i);
	id = dq_strtab_intern(seen, dq_sb_str(&sb), sb.len, NULL);
	g->err = sb.err ? sb.err : id == UINT32_MAX ? -ENOMEM : g->err;
	dq_sb_free(&sb);
	if (g->err)
		return;
	if (dq_map_get(at, id, &where)) {
		add_member(g, &g->nodes[where], b);
		return;
	}
	n = DQ_PUSH(g->nodes, g->nnodes, g->cap_nodes);
	if (!n || dq_map_put(at, id, g->nnodes - 1)) {
		g->err = -ENOMEM;
		return;
	}
	*n = (struct node){ .b = b, .fate = fate_of(g, b), .least = UINT64_MAX, .one_name = true };
	n->use = uses_of(g, b->b.id, &n->nuse);
	n->imp = imps_of(g, b->b.id, &n->nimp);
	add_member(g, n, b);
}

static void free_nodes(struct graph *g)
{
	for (size_t i = 0; i < g->nnodes; i++)
		dq_sb_free(&g->nodes[i].ids);
	g->nnodes = 0;
}

static void find_nodes(struct graph *g)
{
	struct dq_strtab *seen = dq_strtab_new();
	struct dq_map *at = dq_map_new();

	free_nodes(g);
	g->drawn = 0;
	if (g->s->nuses)
		memcpy(g->uses, g->s->uses, g->s->nuses * sizeof(*g->uses));
	if (g->s->nimps)
		memcpy(g->imps, g->s->imps, g->s->nimps * sizeof(*g->imps));
	qsort(g->uses, g->s->nuses, sizeof(*g->uses), by_buf_proc);
	qsort(g->imps, g->s->nimps, sizeof(*g->imps), by_buf_dev);
	if (!seen || !at)
		g->err = -ENOMEM;
	for (size_t i = 0; i < g->m->nbufs && !g->err; i++) {
		if (!is_drawn(g, i))
			continue;
		g->drawn++;
		collect(g, seen, at, i);
	}
	for (size_t i = 0; i < g->nnodes; i++)
		end_range(&g->nodes[i]);
	dq_strtab_free(seen);
	dq_map_free(at);
}

/* ---- nodes ---- */

static void put_proc(struct graph *g, uint32_t proc)
{
	const struct dq_share_proc *p = &g->s->procs[proc];
	const struct dq_task *t = dq_model_task(g->m, p->task);

	name(g, p->kthread && t ? t->comm : dq_task_process(g->m, p->task));
	if (p->kthread)
		put(g, "\\nkernel thread");
	else if (t && t->tgid)
		dq_sb_printf(g->o, "\\npid %u", t->tgid);
}

/* The process that alone uses it; UINT32_MAX: none or several. */
static uint32_t only_proc(const struct graph *g, const struct node *n)
{
	uint32_t found = UINT32_MAX;

	for (size_t i = 0; i < n->nuse; i++) {
		if (g->s->procs[n->use[i].proc].kthread)
			continue;
		if (found != UINT32_MAX)
			return UINT32_MAX;
		found = n->use[i].proc;
	}
	return found;
}

static bool has_failed(const struct node *n)
{
	for (size_t i = 0; i < n->nuse; i++)
		if (n->use[i].fails.n)
			return true;
	for (size_t i = 0; i < n->nimp; i++)
		if (n->imp[i].fails.n)
			return true;
	return false;
}

static void put_sizes(struct graph *g, const struct node *n)
{
	if (n->n == 1) {
		put_size(g, n->bytes);
		return;
	}
	if (n->least == n->most) {
		dq_sb_printf(g->o, "%zu × ", n->n);
		put_size(g, n->least);
	} else {
		dq_sb_printf(g->o, "%zu buffers, ", n->n);
		put_size(g, n->least);
		put(g, " to ");
		put_size(g, n->most);
	}
	put(g, " = ");
	put_size(g, n->bytes);
}

static void put_fate(struct graph *g, const struct node *n)
{
	static const char *const said[] = {
		[FATE_GONE] = "", [FATE_HELD] = "",
		[FATE_DEVICE] = "leak? no fd, held by a device",
		[FATE_NOBODY] = "leak? no fd, held by nobody shown",
		[FATE_UNKNOWN] = "cannot tell who holds it",
	};

	if (*said[n->fate])
		dq_sb_printf(g->o, "\\n%s", said[n->fate]);
}

static void put_node(struct graph *g, size_t k, const char *indent)
{
	const struct node *n = &g->nodes[k];
	bool bad = n->fate == FATE_DEVICE || n->fate == FATE_NOBODY;

	dq_sb_printf(g->o, "%sb%u [label=\"%s", indent, n->b->b.id, dq_sb_str(&n->ids));
	if (*n->b->name && n->one_name) {
		put(g, " ");
		dq_dot_escape(g->o, n->b->name, NAME_POINTS);
	}
	put(g, "\\n");
	put_sizes(g, n);
	if (g->nnodes > MANY_NODES) {
		put(g, "\\nfrom ");
		name(g, n->b->exporter);
	}
	put_fate(g, n);
	put(g, "\", shape=cylinder, fillcolor=\"");
	put(g, bad ? "#FFCDD2" : n->fate == FATE_GONE ? "#FFFDF3" : "#FFF3CD");
	put(g, bad || has_failed(n) ? "\", color=\"#C62828\"" : "\", color=\"#8D6E00\"");
	if (n->n > 1)
		put(g, ", penwidth=2.5");
	if (n->fate == FATE_UNKNOWN)
		put(g, ", style=\"filled,dashed\"");
	put(g, ", tooltip=\"");
	put(g, dq_sb_str(&n->ids));
	put(g, n->fate == FATE_GONE ? ": released\"];\n" : ": not released\"];\n");
}

static bool same_exporter(const struct node *a, const struct node *b)
{
	return !strcmp(a->b->exporter, b->b->exporter) && !strcmp(a->b->helper, b->b->helper);
}

/* The exporter's number: that of the first node that has it. */
static size_t exporter_of(const struct graph *g, size_t k)
{
	for (size_t i = 0; i < k; i++)
		if (same_exporter(&g->nodes[i], &g->nodes[k]))
			return i;
	return k;
}

static void open_cluster(struct graph *g, const char *id, const char *label, const char *color)
{
	dq_sb_printf(g->o, "  subgraph cluster_%s {\n    label=\"%s\"; style=\"rounded,filled\"; "
		     "color=\"%s\"; fontsize=12; fontcolor=black; labelloc=t;\n", id, label, color);
}

static void put_exporters(struct graph *g)
{
	open_cluster(g, "exporters", "exporters", "#FCE4EC");
	for (size_t k = 0; k < g->nnodes; k++) {
		if (exporter_of(g, k) != k)
			continue;
		dq_sb_printf(g->o, "    x%zu [label=\"", k);
		name(g, g->nodes[k].b->exporter);
		if (*g->nodes[k].b->helper) {
			put(g, "\\n");
			name(g, g->nodes[k].b->helper);
		}
		put(g, "\", fillcolor=\"#F8BBD0\"];\n");
	}
	put(g, "  }\n");
}

static void put_importers(struct graph *g)
{
	bool any = false;

	for (size_t i = 0; i < g->s->ndevs; i++)
		any |= g->has_dev[i];
	if (!any)
		return;
	open_cluster(g, "importers", "importers", "#E8F5E9");
	for (size_t i = 0; i < g->s->ndevs; i++) {
		const struct dq_share_dev *d = &g->s->devs[i];

		if (!g->has_dev[i])
			continue;
		dq_sb_printf(g->o, "    i%zu [label=\"", i);
		name(g, d->who);
		if (*d->dev && strcmp(d->dev, d->who)) {
			put(g, "\\n");
			name(g, d->dev);
		}
		put(g, "\", fillcolor=\"#C8E6C9\"];\n");
	}
	put(g, "  }\n");
}

/* A process, and the buffers that are its own affair. */
static void put_process(struct graph *g, uint32_t proc)
{
	const struct dq_share_proc *p = &g->s->procs[proc];

	if (!g->has_proc[proc])
		return;
	dq_sb_printf(g->o, "  subgraph cluster_p%u {\n    label=\"\"; style=\"rounded,filled\"; "
		     "color=\"%s\";\n    p%u [label=\"", proc, p->kthread ? "#ECEFF1" : "#E3F2FD",
		     proc);
	put_proc(g, proc);
	dq_sb_printf(g->o, "\", fillcolor=\"%s\"];\n", p->kthread ? "#CFD8DC" : "#BBDEFB");
	for (size_t k = 0; k < g->nnodes; k++)
		if (!p->kthread && only_proc(g, &g->nodes[k]) == proc)
			put_node(g, k, "    ");
	put(g, "  }\n");
}

static void put_shared(struct graph *g)
{
	for (size_t k = 0; k < g->nnodes; k++)
		if (only_proc(g, &g->nodes[k]) == UINT32_MAX)
			put_node(g, k, "  ");
}

/* ---- edges ---- */

static void line(struct graph *g, bool *any)
{
	put(g, *any ? "\\n" : "");
	*any = true;
}

static void put_way(struct graph *g, const struct dq_share_use *u)
{
	static const char *const way[] = { "", "SCM_RIGHTS", "binder", "fork" };

	dq_sb_printf(g->o, "%s%s from ", u->guess ? "probably " : "", way[u->way]);
	name(g, dq_task_process(g->m, g->s->procs[u->from].task));
}

static void put_held(struct graph *g, const struct dq_share_use *u, const struct node *n)
{
	if (n->n == 1 && u->nfds == 1 && u->fd >= 0)
		dq_sb_printf(g->o, "holds fd %d", u->fd);
	else if (u->nfds) {
		put(g, "holds ");
		put_n(g, u->nfds, "fd");
	}
	if (!u->nmaps)
		return;
	put(g, u->nfds ? ", " : "holds ");
	put_n(g, u->nmaps, "mapping");
}

static void put_use(struct graph *g, const struct node *n, const struct dq_share_use *u)
{
	bool any = false;

	dq_sb_printf(g->o, "  p%u -> b%u [label=\"", u->proc, n->b->b.id);
	if (u->calls) {
		line(g, &any);
		put_n(g, u->calls, "call");
	}
	if (u->nfds || u->nmaps) {
		line(g, &any);
		put_held(g, u, n);
	}
	if (u->way) {
		line(g, &any);
		put_way(g, u);
	}
	if (u->fails.n) {
		line(g, &any);
		put_fails(g, &u->fails);
	}
	put(g, "\"");
	if (u->fails.n)
		put(g, ", color=\"#C62828\", fontcolor=\"#C62828\"");
	else if (!u->nfds && !u->nmaps)
		put(g, ", color=\"#B0BEC5\"");
	if (u->way)
		put(g, u->guess ? ", style=dotted" : ", style=dashed");
	put(g, "];\n");
}

static void put_imp(struct graph *g, const struct node *n, const struct dq_share_imp *p)
{
	bool any = true;

	dq_sb_printf(g->o, "  b%u -> i%u [label=\"", n->b->b.id, p->dev);
	put_n(g, p->calls, "call");
	if (p->maps) {
		line(g, &any);
		put_n(g, p->maps, "map");
		if (n->least == n->most) {
			put(g, " · ");
			put_size(g, n->least > UINT64_MAX / p->maps ? UINT64_MAX :
							  n->least * p->maps);
		}
	}
	if (p->vmaps) {
		line(g, &any);
		put_n(g, p->vmaps, "vmap");
	}
	if (p->attached) {
		line(g, &any);
		put(g, p->mapped ? "still mapped" : "still attached");
		if (n->n > 1)
			dq_sb_printf(g->o, " × %" PRIu64, p->mapped ? p->mapped : p->attached);
	}
	if (p->fails.n) {
		line(g, &any);
		put_fails(g, &p->fails);
	}
	put(g, "\"");
	if (p->fails.n)
		put(g, ", color=\"#C62828\", fontcolor=\"#C62828\", style=dashed");
	else
		put(g, ", color=\"#2E7D32\"");
	put(g, p->attached ? ", penwidth=2];\n" : "];\n");
}

static void put_edges(struct graph *g)
{
	for (size_t k = 0; k < g->nnodes; k++) {
		const struct node *n = &g->nodes[k];

		if (g->nnodes <= MANY_NODES)
			dq_sb_printf(g->o, "  x%zu -> b%u [color=\"#AD1457\", arrowhead=none];\n",
				     exporter_of(g, k), n->b->b.id);
		for (size_t i = 0; i < n->nuse; i++)
			put_use(g, n, &n->use[i]);
		for (size_t i = 0; i < n->nimp; i++)
			put_imp(g, n, &n->imp[i]);
	}
}

/* ---- what stands below ---- */

static void put_remarks(struct graph *g)
{
	const struct dq_reader_state *st = g->opt->state;
	uint64_t dark = 0;

	if (g->m->lost)
		dq_sb_printf(g->o, "\\n%" PRIu64 " event%s lost", g->m->lost,
			     g->m->lost == 1 ? "" : "s");
	if (g->m->missed)
		dq_sb_printf(g->o, "\\n%" PRIu64 " return%s missed", g->m->missed,
			     g->m->missed == 1 ? "" : "s");
	if (st->truncated || st->bad_chunks || st->lost_chunks || st->skipped_bytes)
		put(g, "\\nthe file is damaged: parts of it could not be read");
	if (st->no_end)
		put(g, "\\nthe recording was cut off: it has no proper end");
	for (size_t i = 0; i < g->m->nbufs; i++)
		dark += is_drawn(g, i) && g->m->bufs[i].dark_until;
	if (dark)
		dq_sb_printf(g->o, "\\ncallbacks of %" PRIu64 " buffer%s were not always recorded",
			     dark, dark == 1 ? "" : "s");
}

static void put_foot(struct graph *g)
{
	const struct dq_model *m = g->m;
	uint64_t now = g->opt->now > m->t_first ? g->opt->now - m->t_first : 0;
	char buf[32];

	put(g, "  label=\"");
	dq_sb_printf(g->o, "%zu of %zu buffer%s%s", g->drawn, m->nbufs, m->nbufs == 1 ? "" : "s",
		     g->opt->alive_only ? ", those alive " : ", ");
	dq_sb_printf(g->o, "at %s · ", dq_fmt_dur(buf, now));
	put(g, *m->release ? "Linux " : "kernel unknown");
	dq_dot_escape(g->o, m->release, NAME_POINTS);
	put(g, *m->arch ? " " : "");
	dq_dot_escape(g->o, m->arch, NAME_POINTS);
	put(g, *m->rung ? " · " : "");
	dq_dot_escape(g->o, m->rung, NAME_POINTS);
	put(g, m->lost || m->missed ? "" : " · no losses");
	put_remarks(g);
	dq_sb_printf(g->o, "\"; labelloc=b; fontsize=10; fontcolor=\"%s\";\n",
		     m->lost || m->missed || g->opt->state->no_end ? "#C62828" : "#546E7A");
}

static void put_all(struct graph *g)
{
	put(g, "// Who shares which DMA-BUF with whom, made by dmaseq graph.\n"
	       "// To draw: dot -Tsvg -o graph.svg THIS_FILE\n"
	       "digraph \"dmabuf\" {\n"
	       "  rankdir=LR; ranksep=0.9; nodesep=0.3; fontname=\"DejaVu Sans\";\n"
	       "  node [fontname=\"DejaVu Sans\", fontsize=11, shape=box, "
	       "style=\"rounded,filled\", color=\"#546E7A\", fillcolor=\"#ECEFF1\"];\n"
	       "  edge [fontname=\"DejaVu Sans\", fontsize=9, color=\"#607D8B\"];\n");
	put_foot(g);
	for (size_t k = 0; k < g->nnodes; k++) {
		for (size_t i = 0; i < g->nodes[k].nuse; i++)
			g->has_proc[g->nodes[k].use[i].proc] = true;
		for (size_t i = 0; i < g->nodes[k].nimp; i++)
			g->has_dev[g->nodes[k].imp[i].dev] = true;
	}
	if (g->nnodes && g->nnodes <= MANY_NODES)
		put_exporters(g);
	for (uint32_t i = 0; i < g->s->nprocs; i++)
		put_process(g, i);
	put_shared(g);
	put_importers(g);
	put_edges(g);
	put(g, "}\n");
}

int dq_graph_dot(struct dq_sb *out, const struct dq_share *s, const struct dq_graph_opts *o)
{
	struct graph g = { .o = out, .s = s, .m = s->m, .opt = o, .by_size = true };

	g.uses = calloc(s->nuses + 1, sizeof(*g.uses));
	g.imps = calloc(s->nimps + 1, sizeof(*g.imps));
	g.has_proc = calloc(s->nprocs + 1, sizeof(*g.has_proc));
	g.has_dev = calloc(s->ndevs + 1, sizeof(*g.has_dev));
	if (!g.uses || !g.imps || !g.has_proc || !g.has_dev)
		g.err = -ENOMEM;
	if (!g.err)
		find_nodes(&g);
	if (!g.err && o->group && g.nnodes > MANY_GROUPS) {
		g.by_size = false;
		find_nodes(&g);
	}
	if (!g.err)
		put_all(&g);
	free_nodes(&g);
	free(g.nodes);
	free(g.uses);
	free(g.imps);
	free(g.has_proc);
	free(g.has_dev);
	return g.err ? g.err : out->err;
}
