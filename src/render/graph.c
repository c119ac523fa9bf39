/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.c - who shares what with whom, as Graphviz source.
 *
 * Processes stand at the left, buffers in the middle, importing devices at the right;
 * exporters feed the buffers. A buffer that only one process uses stands in that
 * process's cluster, what is shared stands outside. Buffers that are used alike (the same
 * exporter, size, users and troubles) are one node; where these would be too many for one
 * picture, less and less has to be alike, but never the troubles and what became of them.
 * May use src/model and src/util.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/graph.h"

#define NAME_POINTS 32
#define MANY_GROUPS 20	/* with more of them, less tells buffers apart */
#define MANY_NODES 12	/* with more of them, lines from the exporters would hide all others */
#define MANY_EDGES 80	/* with more of them, words at each would fill the picture */
#define MANY_RANGES 6	/* of ids in a label */

/* What there is to say of a buffer's end. */
enum fate {
	FATE_GONE,	/* released */
	FATE_HELD,	/* a process has a descriptor or a mapping, or one is on its way */
	FATE_DEVICE,	/* no process has; importers do */
	FATE_NOBODY,	/* nobody that the trace shows */
	FATE_UNKNOWN,	/* cannot tell */
};

/* What two buffers of one node need not have in common; each step includes those before. */
enum merge {
	MERGE_NOTHING,	/* each by itself */
	MERGE_ALIKE,	/* used alike: ids, names, numbers of calls */
	MERGE_SIZES,
	MERGE_DEVICES,	/* which devices use them, and what processes still have */
	MERGE_USERS,	/* with which others their process shares them */
	MERGE_EXPORTERS,
	MERGE_SHARED,	/* whether they share them at all */
	MERGE_END,
};

/* What a process did with the members of a node, and a device. */
struct node_use {
	struct dq_share_use u;	/* sums */
	size_t bufs, ways;	/* members: that it uses; of which a descriptor was sent to it */
	bool other_ways;	/* ... not always in the same way */
};

struct node_imp {
	struct dq_share_imp p;
	size_t bufs;
};

/* One or more buffers that are drawn as one. */
struct node {
	const struct dq_mbuf *b; /* the first */
	enum fate fate;
	struct node_use *use;	/* by process */
	size_t nuse, cap_use;
	struct node_imp *imp;
	size_t nimp, cap_imp;
	uint32_t owner;		/* whose affair they are; UINT32_MAX: nobody's */
	size_t shared;		/* members that others use, too */
	unsigned int column;	/* of the buffers', from 0 */
	size_t n;
	uint64_t bytes, least, most;
	struct dq_sb ids;
	uint32_t id0, id1;	/* the range that is being collected */
	unsigned int ranges;
	bool one_name, one_exporter;
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
	size_t nedges;		/* from processes and to devices */
	enum merge merge;
	unsigned int columns;	/* of buffers: 1 or 2 */
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

	for (size_t i = 0, adv, n = 0, len = strlen(s); i < len; i += adv) {
		dq_utf8_next(s + i, len - i, &adv);
		if (max && n++ == max) {
			dq_sb_puts(&seen, "…");
			break;
		}
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

/* The process whose affair the buffer is: who had it made, or else is first at hand.
 * UINT32_MAX: none. */
static uint32_t owner_of(const struct dq_share_use *u, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (u[i].made)
			return u[i].proc;
	return n ? u[0].proc : UINT32_MAX;
}

static void sign_users(const struct graph *g, struct dq_sb *sb, uint32_t buf)
{
	size_t n;
	const struct dq_share_use *u = uses_of(g, buf, &n);

	if (g->merge >= MERGE_USERS)
		dq_sb_printf(sb, "o%u,%d", owner_of(u, n), n > 1 && g->merge < MERGE_SHARED);
	for (size_t i = 0; i < n; i++) {
		if (g->merge >= MERGE_USERS && !u[i].fails.n)
			continue;
		dq_sb_printf(sb, "u%u", u[i].proc);
		if (g->merge < MERGE_USERS)
			dq_sb_printf(sb, ",%d,%u", u[i].way, u[i].from);
		if (g->merge < MERGE_DEVICES)
			dq_sb_printf(sb, ",%d,%d", u[i].made, !!u[i].nfds);
		sign_fails(sb, &u[i].fails);
	}
}

static void sign_devices(const struct graph *g, struct dq_sb *sb, uint32_t buf)
{
	size_t n;
	const struct dq_share_imp *p = imps_of(g, buf, &n);

	for (size_t i = 0; i < n; i++) {
		if (g->merge >= MERGE_DEVICES && !p[i].fails.n)
			continue;
		dq_sb_printf(sb, "i%u", p[i].dev);
		if (g->merge < MERGE_DEVICES)
			dq_sb_printf(sb, ",%d", !!p[i].attached);
		sign_fails(sb, &p[i].fails);
	}
}

/* Two buffers with the same signature are one node. */
static void sign(const struct graph *g, struct dq_sb *sb, const struct dq_mbuf *b, size_t index)
{
	if (g->merge < MERGE_ALIKE)
		dq_sb_printf(sb, "%zu ", index);
	if (g->merge < MERGE_SIZES)
		dq_sb_printf(sb, "%" PRIu64 " ", b->b.size);
	dq_sb_printf(sb, "%d ", fate_of(g, b));
	sign_users(g, sb, b->b.id);
	sign_devices(g, sb, b->b.id);
	if (g->merge < MERGE_EXPORTERS)
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
	if (!f->n)
		return;
	to->mixed |= f->mixed || (to->n && to->err != f->err);
	to->err = to->n ? to->err : f->err;
	to->n += f->n;
}

static void add_way(struct node_use *to, const struct dq_share_use *u)
{
	if (!u->way)
		return;
	to->other_ways |= to->ways && (to->u.way != u->way || to->u.from != u->from);
	to->u.way = u->way;
	to->u.from = u->from;
	to->u.guess |= u->guess;
	to->ways++;
}

static void add_use(struct graph *g, struct node *n, const struct dq_share_use *u)
{
	struct node_use *to = NULL;

	for (size_t i = 0; !to && i < n->nuse; i++)
		if (n->use[i].u.proc == u->proc)
			to = &n->use[i];
	if (!to) {
		to = DQ_PUSH(n->use, n->nuse, n->cap_use);
		if (!to) {
			g->err = -ENOMEM;
			return;
		}
		*to = (struct node_use){ .u = { .proc = u->proc, .fd = u->fd } };
	}
	to->u.calls += u->calls;
	to->u.nfds += u->nfds;
	to->u.nmaps += u->nmaps;
	add_fails(&to->u.fails, &u->fails);
	add_way(to, u);
	to->bufs++;
}

static void add_imp(struct graph *g, struct node *n, const struct dq_share_imp *p)
{
	struct node_imp *to = NULL;

	for (size_t i = 0; !to && i < n->nimp; i++)
		if (n->imp[i].p.dev == p->dev)
			to = &n->imp[i];
	if (!to) {
		to = DQ_PUSH(n->imp, n->nimp, n->cap_imp);
		if (!to) {
			g->err = -ENOMEM;
			return;
		}
		*to = (struct node_imp){ .p = { .dev = p->dev } };
	}
	to->p.calls += p->calls;
	to->p.maps += p->maps;
	to->p.vmaps += p->vmaps;
	to->p.attached += p->attached;
	to->p.mapped += p->mapped;
	add_fails(&to->p.fails, &p->fails);
	to->bufs++;
}

static void add_id(struct node *n, uint32_t id)
{
	if (n->id1 && id == n->id1 + 1) {
		n->id1 = id;
		return;
	}
	end_range(n);
	n->id0 = n->id1 = id;
}

static void add_member(struct graph *g, struct node *n, const struct dq_mbuf *b)
{
	const struct dq_share_use *u;
	const struct dq_share_imp *p;
	size_t nu, np;

	u = uses_of(g, b->b.id, &nu);
	p = imps_of(g, b->b.id, &np);
	for (size_t i = 0; i < nu; i++)
		add_use(g, n, &u[i]);
	for (size_t i = 0; i < np; i++)
		add_imp(g, n, &p[i]);
	add_id(n, b->b.id);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): where collect() found it */
	n->n++;
	n->owner = owner_of(u, nu);
	n->shared += nu > 1;
	n->bytes += b->b.size;
	n->least = b->b.size < n->least ? b->b.size : n->least;
	n->most = b->b.size > n->most ? b->b.size : n->most;
	n->one_name &= !strcmp(b->name, n->b->name);
	n->one_exporter &= !strcmp(b->exporter, n->b->exporter);
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
	*n = (struct node){ .b = b, .fate = fate_of(g, b), .least = UINT64_MAX, .one_name = true,
			    .one_exporter = true };
	add_member(g, n, b);
}

static void free_nodes(struct graph *g)
{
	for (size_t i = 0; i < g->nnodes; i++) {
		dq_sb_free(&g->nodes[i].ids);
		free(g->nodes[i].use);
		free(g->nodes[i].imp);
	}
	g->nnodes = 0;
}

static void find_nodes(struct graph *g)
{
	struct dq_strtab *seen = dq_strtab_new();
	struct dq_map *at = dq_map_new();

	free_nodes(g);
	g->drawn = 0;
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

/* The process in whose cluster it stands; UINT32_MAX: it is shared, or nobody uses it. */
static uint32_t home_of(const struct graph *g, const struct node *n)
{
	uint32_t found = UINT32_MAX;

	for (size_t i = 0; i < n->nuse; i++) {
		if (g->s->procs[n->use[i].u.proc].kthread)
			continue;
		if (found != UINT32_MAX)
			return UINT32_MAX;
		found = n->use[i].u.proc;
	}
	return found;
}

static bool has_failed(const struct node *n)
{
	for (size_t i = 0; i < n->nuse; i++)
		if (n->use[i].u.fails.n)
			return true;
	for (size_t i = 0; i < n->nimp; i++)
		if (n->imp[i].p.fails.n)
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
	if (g->merge >= MERGE_SHARED && n->shared && n->n > 1)
		dq_sb_printf(g->o, ", %zu shared", n->shared);
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
	if (g->merge >= MERGE_USERS && n->shared && n->owner != UINT32_MAX) {
		put(g, "\\nof ");
		name(g, dq_task_process(g->m, g->s->procs[n->owner].task));
	}
	put(g, "\\n");
	put_sizes(g, n);
	if (g->nnodes > MANY_NODES) {
		put(g, n->one_exporter ? "\\nfrom " : "\\nfrom several exporters");
		if (n->one_exporter)
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
		if (!p->kthread && home_of(g, &g->nodes[k]) == proc)
			put_node(g, k, "    ");
	put(g, "  }\n");
}

static void put_shared(struct graph *g)
{
	for (size_t k = 0; k < g->nnodes; k++)
		if (home_of(g, &g->nodes[k]) == UINT32_MAX)
			put_node(g, k, "  ");
}

/* ---- edges ---- */

static void line(struct graph *g, bool *any)
{
	put(g, *any ? "\\n" : "");
	*any = true;
}

static void put_way(struct graph *g, const struct node_use *r)
{
	static const char *const way[] = { "", "SCM_RIGHTS", "binder", "fork" };
	const struct dq_share_use *u = &r->u;

	if (r->ways < r->bufs)
		dq_sb_printf(g->o, "%zu ", r->ways);
	if (r->other_ways) {
		put(g, "sent in several ways");
		return;
	}
	dq_sb_printf(g->o, "%s%s%s from ", r->ways < r->bufs ? "by " : "",
		     u->guess ? "probably " : "", way[u->way]);
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

/* Not all members of a node are meant. */
static void put_part(struct graph *g, const struct node *n, size_t bufs)
{
	if (bufs < n->n)
		dq_sb_printf(g->o, "%zu of the %zu: ", bufs, n->n);
}

/* The words at an edge: where there are too many edges, whoever points at it sees them. */
static const char *words_are(const struct graph *g, const struct dq_fails *f)
{
	return g->nedges > MANY_EDGES && !f->n ? "tooltip" : "label";
}

/* An edge that leads to the buffer's column, or from there to the devices. */
static void put_length(struct graph *g, unsigned int columns)
{
	if (columns)
		dq_sb_printf(g->o, ", minlen=%u", columns + 1);
}

static void put_use(struct graph *g, const struct node *n, const struct node_use *r)
{
	const struct dq_share_use *u = &r->u;
	bool any = false;

	dq_sb_printf(g->o, "  p%u -> b%u [%s=\"", u->proc, n->b->b.id,
		     words_are(g, &u->fails));
	put_part(g, n, r->bufs);
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
		put_way(g, r);
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
	put_length(g, n->column);
	put(g, "];\n");
}

static void put_times(struct graph *g, uint64_t n)
{
	if (n > 1)
		dq_sb_printf(g->o, " × %" PRIu64, n);
}

static void put_maps(struct graph *g, const struct node *n, const struct dq_share_imp *p)
{
	put_n(g, p->maps, "map");
	if (n->least != n->most)
		return;
	put(g, " · ");
	put_size(g, n->least > UINT64_MAX / p->maps ? UINT64_MAX : n->least * p->maps);
}

static void put_imp(struct graph *g, const struct node *n, const struct node_imp *r)
{
	const struct dq_share_imp *p = &r->p;
	bool any = true;

	dq_sb_printf(g->o, "  b%u -> i%u [%s=\"", n->b->b.id, p->dev,
		     words_are(g, &p->fails));
	put_part(g, n, r->bufs);
	put_n(g, p->calls, "call");
	if (p->maps) {
		line(g, &any);
		put_maps(g, n, p);
	}
	if (p->vmaps) {
		line(g, &any);
		put_n(g, p->vmaps, "vmap");
	}
	if (p->attached) {
		line(g, &any);
		put(g, p->mapped ? "still mapped" : "still attached");
		put_times(g, p->mapped ? p->mapped : p->attached);
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
	put(g, p->attached ? ", penwidth=2" : "");
	put_length(g, g->columns - 1 - n->column);
	put(g, "];\n");
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

static void put_merged(struct graph *g)
{
	static const char *const said[MERGE_END] = {
		[MERGE_SIZES] = "of different sizes",
		[MERGE_DEVICES] = "used by different devices",
		[MERGE_USERS] = "shared with different processes",
		[MERGE_EXPORTERS] = "from different exporters",
		[MERGE_SHARED] = "shared or not",
	};

	if (g->nedges > MANY_EDGES)
		put(g, "\\nlines say what they mean as tooltips of an SVG; failures say it here");
	if (g->merge <= MERGE_ALIKE)
		return;
	put(g, "\\none cylinder may stand for buffers ");
	for (int i = MERGE_SIZES; i <= (int)g->merge; i++)
		dq_sb_printf(g->o, "%s%s", i == MERGE_SIZES ? "" : i == (int)g->merge ? " and " :
			     i == MERGE_EXPORTERS ? ",\\n" : ", ",
			     said[i]);
	put(g, ";\\n-b, --process or --no-group tells them apart");
}

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
	put_merged(g);
	put_remarks(g);
	dq_sb_printf(g->o, "\"; labelloc=b; fontsize=10; fontcolor=\"%s\";\n",
		     m->lost || m->missed || g->opt->state->no_end ? "#C62828" : "#546E7A");
}

/* Where both are many, those of one process stand left of the shared ones. */
static void find_columns(struct graph *g)
{
	size_t own = 0;

	for (size_t k = 0; k < g->nnodes; k++)
		own += home_of(g, &g->nodes[k]) != UINT32_MAX;
	g->columns = g->nnodes > MANY_NODES && own && own < g->nnodes ? 2 : 1;
	for (size_t k = 0; k < g->nnodes && g->columns > 1; k++)
		g->nodes[k].column = home_of(g, &g->nodes[k]) == UINT32_MAX;
}

/* Whose process or device is drawn. */
static void find_users(struct graph *g)
{
	for (size_t k = 0; k < g->nnodes; k++) {
		g->nedges += g->nodes[k].nuse + g->nodes[k].nimp;
		for (size_t i = 0; i < g->nodes[k].nuse; i++)
			g->has_proc[g->nodes[k].use[i].u.proc] = true;
		for (size_t i = 0; i < g->nodes[k].nimp; i++)
			g->has_dev[g->nodes[k].imp[i].p.dev] = true;
	}
}

static void put_all(struct graph *g)
{
	put(g, "// Who shares which DMA-BUF with whom, made by dmaseq graph.\n"
	       "// To draw: dot -Tsvg -o graph.svg THIS_FILE\n"
	       "digraph \"dmabuf\" {\n");
	dq_sb_printf(g->o, "  rankdir=LR; ranksep=%s; nodesep=%s; fontname=\"DejaVu Sans\";\n",
		     g->columns > 1 ? "0.4" : "0.9", g->columns > 1 ? "0.15" : "0.3");
	put(g, "  node [fontname=\"DejaVu Sans\", fontsize=11, shape=box, "
	       "style=\"rounded,filled\", color=\"#546E7A\", fillcolor=\"#ECEFF1\"];\n"
	       "  edge [fontname=\"DejaVu Sans\", fontsize=9, color=\"#607D8B\"];\n");
	put_foot(g);
	if (g->nnodes && g->nnodes <= MANY_NODES)
		put_exporters(g);
	for (uint32_t i = 0; i < g->s->nprocs; i++)
		put_process(g, i);
	put_shared(g);
	put_importers(g);
	put_edges(g);
	put(g, "}\n");
}

/* The rows, by buffer. */
static void sort_rows(struct graph *g)
{
	if (g->s->nuses)
		memcpy(g->uses, g->s->uses, g->s->nuses * sizeof(*g->uses));
	if (g->s->nimps)
		memcpy(g->imps, g->s->imps, g->s->nimps * sizeof(*g->imps));
	qsort(g->uses, g->s->nuses, sizeof(*g->uses), by_buf_proc);
	qsort(g->imps, g->s->nimps, sizeof(*g->imps), by_buf_dev);
}

static void find_all(struct graph *g)
{
	sort_rows(g);
	g->merge = g->opt->group ? MERGE_ALIKE : MERGE_NOTHING;
	find_nodes(g);
	while (g->opt->group && !g->err && g->nnodes > MANY_GROUPS && g->merge + 1 < MERGE_END) {
		g->merge++;
		find_nodes(g);
	}
	find_users(g);
	find_columns(g);
}

int dq_graph_dot(struct dq_sb *out, const struct dq_share *s, const struct dq_graph_opts *o)
{
	struct graph g = { .o = out, .s = s, .m = s->m, .opt = o };

	g.uses = calloc(s->nuses + 1, sizeof(*g.uses));
	g.imps = calloc(s->nimps + 1, sizeof(*g.imps));
	g.has_proc = calloc(s->nprocs + 1, sizeof(*g.has_proc));
	g.has_dev = calloc(s->ndevs + 1, sizeof(*g.has_dev));
	if (!g.uses || !g.imps || !g.has_proc || !g.has_dev)
		g.err = -ENOMEM;
	if (!g.err)
		find_all(&g);
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
