/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * story.c - from kept calls to steps between lanes.
 *
 * One group (syscall) after the other becomes arrows; then the arrows of all groups
 * are put in order of time, cut into units and folded (fold.c). What a call is called
 * is label.c. May use src/trace and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

#define THREADS_MAX 8	/* with lanes of their own */

/* What is at hand while the steps of one group are made. */
struct ctx {
	struct dq_story *s;
	const struct dq_model *m;
	struct dq_group g;
	uint32_t gi;
	struct dq_mcall *v;	/* its calls of the buffers of the story */
	size_t n, cap;
	uint32_t buf;		/* that the call at hand is about */
	bool by_buf;		/* each buffer has a lane, instead of the core */
	bool by_thread;		/* so has each thread */
	struct dq_map *buf_lane;
	bool kthread;
	int app;		/* lane of the task: process or kernel thread */
	size_t first_step;
	uint64_t t;		/* time never runs backwards within a task */
	struct dq_map *task_t;	/* task -> time of its last step */
	bool fd_told;		/* an arrow of its own told the new descriptor */
	bool passed;		/* ... and that it came from another process */
	struct dq_map *arrivals; /* task << 32 | seq -> index in dq_model.transfers */
	int err;
};

static enum hook_kind kind_of(const struct dq_mcall *c)
{
	const struct dq_hook_info *h = dq_hook_info(c->c.hook);

	return h ? h->kind : KIND_API;
}

static bool is_callback(const struct dq_mcall *c)
{
	return kind_of(c) == KIND_OPS || kind_of(c) == KIND_IMPOPS;
}

static bool is_mapping(const struct dq_mcall *c)
{
	return c->c.hook == HOOK_VM_AREA_DUP || c->c.hook == HOOK_VM_AREA_FREE ||
	       c->c.hook == HOOK_VM_AREA_FREE_DIRECT;
}

static bool is_send(const struct dq_mcall *c)
{
	return c->c.hook == HOOK_SCM_SEND || c->c.hook == HOOK_BINDER_SEND;
}

/* ---- texts ---- */

static const char *keep_text(struct ctx *x, const char *s)
{
	uint32_t id = dq_strtab_intern(x->s->strs, s, strlen(s), NULL);
	const char *kept = id == UINT32_MAX ? NULL : dq_strtab_get(x->s->strs, id);

	if (!kept)
		x->err = -ENOMEM;
	return kept ? kept : "";
}

static const char *keep_sb(struct ctx *x, struct dq_sb *sb)
{
	const char *kept;

	if (sb->err)
		x->err = sb->err;
	kept = keep_text(x, dq_sb_str(sb));
	dq_sb_free(sb);
	return kept;
}

static uint64_t hash_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return hash_mix(h, 0x5e);
}

/* ---- lanes ---- */

static int new_lane(struct ctx *x, enum dq_lane_kind kind, const char *name, const char *small)
{
	struct dq_lane *l = DQ_PUSH(x->s->lanes, x->s->nlanes, x->s->cap_lanes);

	if (!l) {
		x->err = -ENOMEM;
		return 0;
	}
	l->kind = kind;
	l->name = name;
	l->small = small;
	l->dev = "";
	return (int)x->s->nlanes - 1;
}

static int find_lane(const struct ctx *x, enum dq_lane_kind kind, uint64_t key)
{
	for (size_t i = 0; i < x->s->nlanes; i++)
		if (x->s->lanes[i].kind == kind && x->s->lanes[i].key == key)
			return (int)i;
	return -1;
}

/* The lane of one buffer: "#3", "8.3 MB" */
static int buffer_lane(struct ctx *x, uint32_t buf)
{
	const struct dq_mbuf *b = dq_model_buf(x->m, buf);
	char text[40];
	uint64_t l;

	if (dq_map_get(x->buf_lane, buf, &l))
		return (int)l;
	snprintf(text, sizeof(text), "#%u", buf);
	l = (uint64_t)new_lane(x, DQ_LANE_CORE, keep_text(x, text), "");
	if (x->err)
		return 0;
	if (b)
		x->s->lanes[l].small = keep_text(x, dq_fmt_size(text, b->b.size));
	x->s->lanes[l].buf = buf;
	if (dq_map_put(x->buf_lane, buf, l))
		x->err = -ENOMEM;
	return (int)l;
}

static int core_lane(struct ctx *x)
{
	return x->by_buf ? buffer_lane(x, x->buf) : find_lane(x, DQ_LANE_CORE, 0);
}

static int core_of(struct ctx *x, const struct dq_mcall *c)
{
	x->buf = c->c.buf;
	return core_lane(x);
}

static bool is_core(const struct ctx *x, int lane)
{
	return x->s->lanes[lane].kind == DQ_LANE_CORE;
}

/* One number for all threads of a process; kernel threads and the unknown are each their own. */
static uint64_t task_lane_key(const struct ctx *x, uint32_t task)
{
	const struct dq_task *t = dq_model_task(x->m, task);
	bool kthread = t && (t->flags & DQ_TASK_KTHREAD);

	if (kthread || !t || !t->tgid)
		return (1ULL << 32) + task;
	return x->by_thread ? t->tid : t->tgid;
}

/* "camera_app", "pid 812"; of a thread "grab", "tid 815", and of which process it is */
static void name_task_lane(struct ctx *x, struct dq_lane *l, const struct dq_task *t,
			   uint32_t task)
{
	bool thread = x->by_thread && t && t->tgid;
	char small[40];

	snprintf(small, sizeof(small), "pid %u", t ? t->tgid : 0);
	l->small = keep_text(x, small);
	l->name = dq_task_process(x->m, task);
	if (!thread)
		return;
	l->process = t->tgid;
	l->process_name = l->name;
	l->process_small = l->small;
	snprintf(small, sizeof(small), "tid %u", t->tid);
	l->small = keep_text(x, small);
	if (t->tid == t->tgid)
		l->name = "main";
	else if (*t->comm)
		l->name = t->comm;
}

/* "kworker/0:1" and "kworker/1:3" */
static bool same_but_digits(const char *a, const char *b)
{
	while (*a && *b) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b)
			return false;
		a += !!*a;
		b += !!*b;
	}
	return *a == *b;
}

/* Told apart, buffers of several processes of one name are of one lane. */
static int find_namesake(struct ctx *x, enum dq_lane_kind kind, const char *name)
{
	for (size_t i = 0; i < x->s->nlanes; i++) {
		struct dq_lane *l = &x->s->lanes[i];

		if (l->kind != kind || !same_but_digits(l->name, name))
			continue;
		if (kind == DQ_LANE_APP)
			l->small = "several processes";
		return (int)i;
	}
	return -1;
}

/* The process of a user task, or the kernel thread itself. */
static int task_lane(struct ctx *x, uint32_t task)
{
	const struct dq_task *t = dq_model_task(x->m, task);
	bool kthread = t && (t->flags & DQ_TASK_KTHREAD);
	enum dq_lane_kind kind = kthread ? DQ_LANE_KTHREAD : DQ_LANE_APP;
	uint64_t key = task_lane_key(x, task);
	int l = find_lane(x, kind, key);

	if (l < 0 && x->s->o.apart)
		l = find_namesake(x, kind, kthread ? t->comm : dq_task_process(x->m, task));
	if (l >= 0)
		return l;
	l = new_lane(x, kind, kthread ? t->comm : "", "kernel thread");
	if (x->err)
		return l;
	x->s->lanes[l].key = key;
	if (!kthread)
		name_task_lane(x, &x->s->lanes[l], t, task);
	return l;
}

static const char *subsystem_name(const struct dq_dev *d)
{
	static const struct { const char *sub, *say; } known[] = {
		{ "video4linux", "V4L2" }, { "drm", "DRM" }, { "dma_heap", "dma-heap" },
		{ "media", "media" }, { "tee", "TEE" }, { "infiniband", "RDMA" },
		{ "accel", "accel" },
	};

	for (size_t i = 0; d && i < DQ_ARRAY_SIZE(known); i++)
		if (!strcmp(d->subsystem, known[i].sub))
			return known[i].say;
	return "";
}

static const struct dq_dev *sys_dev(const struct ctx *x)
{
	const struct dq_dev *d = x->g.has_sys ? dq_model_dev(x->m, x->g.sys.dev) : NULL;

	/* what was at the number before is not who works on the buffer */
	if (d && !strncmp(x->g.sys.name, "dup", 3))
		return NULL;
	return d && !strcmp(d->kind, "chr") ? d : NULL;
}

/* The subsystem of the device that the syscall is made on, if that is driver's device. */
static const char *subsystem_of(const struct ctx *x, const char *driver)
{
	const struct dq_dev *d = sys_dev(x);

	if (!d || (*dq_dev_driver(d) && !dq_same_driver(dq_dev_driver(d), driver)))
		return "";
	return subsystem_name(d);
}

static int exporter_lane(struct ctx *x, uint32_t buf)
{
	const struct dq_mbuf *b = dq_model_buf(x->m, buf);
	const char *name = b ? b->exporter : "unknown";
	const char *sub;
	int l = -1;

	for (size_t i = 0; i < x->s->nlanes; i++)
		if (x->s->lanes[i].kind == DQ_LANE_EXPORTER && !strcmp(x->s->lanes[i].name, name))
			l = (int)i;
	if (l < 0)
		l = new_lane(x, DQ_LANE_EXPORTER, name, b && *b->helper ? b->helper : "");
	if (x->err || *x->s->lanes[l].small)
		return l;
	sub = subsystem_of(x, name);
	if (*sub && strcmp(sub, name))
		x->s->lanes[l].small = sub;
	return l;
}

/* "V4L2, vivid.0" */
static void describe_importer(struct ctx *x, struct dq_lane *l, const struct dq_mcall *c)
{
	const char *sub = subsystem_of(x, c->who);
	struct dq_sb sb = { 0 };

	if (*l->small && !*c->whodev)
		return;
	dq_sb_puts(&sb, *l->small ? l->small : sub);
	if (strcmp(c->whodev, c->who) && *c->whodev)
		dq_sb_printf(&sb, "%s%s", sb.len ? ", " : "", c->whodev);
	l->small = keep_sb(x, &sb);
	l->dev = c->whodev;
}

static int importer_lane(struct ctx *x, const struct dq_mcall *c)
{
	int l;

	for (size_t i = 0; i < x->s->nlanes; i++) {
		struct dq_lane *p = &x->s->lanes[i];

		if (p->kind != DQ_LANE_IMPORTER || !dq_same_driver(p->name, c->who) ||
		    (*p->dev && *c->whodev && strcmp(p->dev, c->whodev)))
			continue;
		if (!*p->dev)	/* its device was not known so far */
			describe_importer(x, p, c);
		return (int)i;
	}
	l = new_lane(x, DQ_LANE_IMPORTER, c->who, "");
	if (!x->err)
		describe_importer(x, &x->s->lanes[l], c);
	return l;
}

/* Whose callback it is: the exporter's, or the importer's of the attachment. */
static int callback_lane(struct ctx *x, const struct dq_mcall *c)
{
	const struct dq_matt *a = dq_model_att(x->m, c->c.att);
	struct dq_mcall who = *c;

	if (kind_of(c) != KIND_IMPOPS)
		return exporter_lane(x, c->c.buf);
	who.who = a && *a->importer ? a->importer : a && *a->a.driver ? a->a.driver :
		  a && *a->a.dev ? a->a.dev : "unknown importer";
	who.whodev = a ? a->a.dev : "";
	return importer_lane(x, &who);
}

/* Who makes call i. */
static int source_lane(struct ctx *x, size_t i)
{
	const struct dq_mcall *c = &x->v[i];

	x->buf = c->c.buf;
	if (is_callback(c))
		return core_lane(x);
	if (c->parent >= 0)
		return is_callback(&x->v[c->parent]) ? callback_lane(x, &x->v[c->parent]) :
						       core_lane(x);
	if (kind_of(c) != KIND_API)
		return x->app >= 0 ? x->app : task_lane(x, x->g.task);
	if ((c->flags & DQ_MC_EXPORTER) || !*c->who)
		return exporter_lane(x, c->c.buf);
	return importer_lane(x, c);
}

/* ---- steps ---- */

static struct dq_step *push(struct ctx *x, enum dq_step_kind kind, int from, int to, uint64_t t)
{
	struct dq_step *st = DQ_PUSH(x->s->steps, x->s->nsteps, x->s->cap_steps);

	if (!st) {
		x->err = -ENOMEM;
		return NULL;
	}
	if (t > x->t)
		x->t = t;
	st->kind = kind;
	st->from = from;
	st->via = st->who = -1;
	st->to = to;
	st->t = x->t;
	st->group = x->gi;
	st->order = (uint32_t)x->s->nsteps;
	st->text = st->small = "";
	return st;
}

/* Sets the text, and the hash from the canonical text. put() writes either. */
typedef void (*label_fn)(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_mcall *c);

static void set_text(struct ctx *x, struct dq_step *st, label_fn put, const struct dq_mcall *c,
		     const char *suffix)
{
	struct dq_sb text = { 0 }, canon = { 0 };
	struct dq_label_ctx lx = { .s = x->s };

	put(&text, &lx, c);
	dq_sb_puts(&text, suffix);
	lx.canon = true;
	put(&canon, &lx, c);
	dq_sb_puts(&canon, suffix);
	if (canon.err)
		x->err = canon.err;
	st->hash = hash_text(st->hash, dq_sb_str(&canon));
	st->buf = c->c.buf;
	st->text = keep_sb(x, &text);
	dq_sb_free(&canon);
}

static void set_sys_text(struct ctx *x, struct dq_step *st, bool result, const char *suffix)
{
	struct dq_sb text = { 0 }, canon = { 0 };
	struct dq_label_ctx lx = { .s = x->s, .fd_told = x->fd_told };
	void (*put)(struct dq_sb *, const struct dq_label_ctx *, const struct dq_group *,
		    const struct dq_mcall *) = result ? dq_label_sys_result : dq_label_sys;

	put(&text, &lx, &x->g, x->v);
	dq_sb_puts(&text, suffix);
	lx.canon = true;
	put(&canon, &lx, &x->g, x->v);
	dq_sb_puts(&canon, suffix);
	if (canon.err)
		x->err = canon.err;
	st->hash = hash_text(st->hash, dq_sb_str(&canon));
	st->buf = x->v[0].c.buf;
	st->text = keep_sb(x, &text);
	dq_sb_free(&canon);
}

/* The CPU may look, for whoever called; what others call for their own sake is counted there. */
static void note_access(const struct ctx *x, struct dq_step *st, const struct dq_mcall *c, int who,
			enum dq_step_flag flag)
{
	st->flags |= flag;
	if (!(c->flags & DQ_MC_UNCOUNTED) && who >= 0 && x->s->lanes[who].kind != DQ_LANE_CORE)
		st->who = who;
}

/* What a returned call changed, which lane who made: a mapping begins or ends, the CPU may look. */
static void note_state(struct ctx *x, struct dq_step *st, const struct dq_mcall *c, int who)
{
	uint64_t n = 0;

	if (!st || (c->flags & DQ_MC_FAILED) || (c->c.flags & (DQ_CALL_OPEN | DQ_CALL_MISSED)))
		return;
	dq_effect_of_call(&st->effect, c);
	switch (c->c.hook) {
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
		dq_map_get(x->s->mapped, c->c.att, &n);
		if (dq_map_put(x->s->mapped, c->c.att, n + 1))
			x->err = -ENOMEM;
		st->flags |= n ? 0 : DQ_ST_MAP;
		break;
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
		if (!dq_map_get(x->s->mapped, c->c.att, &n) || !n)
			break;
		if (dq_map_put(x->s->mapped, c->c.att, n - 1))
			x->err = -ENOMEM;
		st->flags |= n == 1 ? DQ_ST_UNMAP : 0;
		break;
	case HOOK_VMAP:
	case HOOK_VMAP_UNLOCKED:
	case HOOK_KMAP:
	case HOOK_BEGIN_CPU:
	case HOOK_BEGIN_CPU_PARTIAL:
		note_access(x, st, c, who, DQ_ST_CPU_KERNEL);
		break;
	case HOOK_IOCTL:
		if (c->phase == DQ_PH_CPU_BEGIN)
			note_access(x, st, c, who, DQ_ST_CPU_USER);
		break;
	default:
		break;
	}
}

/* ---- callbacks under a frame ---- */

/* Is i somewhere below root, with nothing but the core's frames in between? */
static bool is_below(const struct ctx *x, size_t i, size_t root)
{
	int32_t p = x->v[i].parent;

	while (p > (int32_t)root && !is_callback(&x->v[p]))
		p = x->v[p].parent;
	return p == (int32_t)root;
}

/* The only callback below root and, with absorbed, below other roots too; -1: none or several. */
static int only_callback(const struct ctx *x, size_t root, bool all_roots)
{
	int found = -1;

	for (size_t i = 0; i < x->n; i++) {
		if (!is_callback(&x->v[i]) || (!all_roots && !is_below(x, i, root)))
			continue;
		if (found >= 0 || kind_of(&x->v[i]) == KIND_IMPOPS)
			return -1;
		found = (int)i;
	}
	/* it may not call back into the core */
	for (size_t i = 0; found >= 0 && i < x->n; i++)
		if (x->v[i].parent == found)
			return -1;
	return found;
}

/* "dma_buf_attach" and "ops->attach" are one thing; "dma_buf_ioctl" and "ops->vmap" are not. */
static bool says_the_same(uint32_t api, uint32_t ops)
{
	static const struct { uint32_t api, ops; } pairs[] = {
		{ HOOK_ATTACH, HOOK_OPS_ATTACH }, { HOOK_DYNAMIC_ATTACH, HOOK_OPS_ATTACH },
		{ HOOK_DETACH, HOOK_OPS_DETACH }, { HOOK_PIN, HOOK_OPS_PIN },
		{ HOOK_UNPIN, HOOK_OPS_UNPIN }, { HOOK_MAP, HOOK_OPS_MAP },
		{ HOOK_MAP_UNLOCKED, HOOK_OPS_MAP }, { HOOK_UNMAP, HOOK_OPS_UNMAP },
		{ HOOK_UNMAP_UNLOCKED, HOOK_OPS_UNMAP }, { HOOK_BEGIN_CPU, HOOK_OPS_BEGIN_CPU },
		{ HOOK_END_CPU, HOOK_OPS_END_CPU }, { HOOK_MMAP, HOOK_OPS_MMAP },
		{ HOOK_MMAP_FILE, HOOK_OPS_MMAP }, { HOOK_VMAP, HOOK_OPS_VMAP },
		{ HOOK_VMAP_UNLOCKED, HOOK_OPS_VMAP }, { HOOK_VUNMAP, HOOK_OPS_VUNMAP },
		{ HOOK_VUNMAP_UNLOCKED, HOOK_OPS_VUNMAP }, { HOOK_RELEASE, HOOK_OPS_RELEASE },
		{ HOOK_BEGIN_CPU_PARTIAL, HOOK_OPS_BEGIN_CPU_PARTIAL },
		{ HOOK_END_CPU_PARTIAL, HOOK_OPS_END_CPU_PARTIAL },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(pairs); i++)
		if (pairs[i].api == api && pairs[i].ops == ops)
			return true;
	return false;
}

/* " → begin_cpu_access", when the arrow's second leg is something else than its first. */
static const char *leg_suffix(struct ctx *x, uint32_t api, uint32_t ops)
{
	const struct dq_hook_info *h = dq_hook_info(ops);
	struct dq_sb sb = { 0 };

	if (!h || says_the_same(api, ops))
		return "";
	dq_sb_printf(&sb, " → %s", !strncmp(h->name, "ops->", 5) ? h->name + 5 : h->name);
	return keep_sb(x, &sb);
}

static bool same_end(const struct dq_mcall *api, const struct dq_mcall *cb)
{
	uint32_t unknown = DQ_CALL_OPEN | DQ_CALL_MISSED;

	return !((api->c.flags | cb->c.flags) & unknown) && api->c.ret == cb->c.ret;
}

/* ---- results ---- */

static bool is_void(const struct dq_mcall *c)
{
	const struct dq_hook_info *h = dq_hook_info(c->c.hook);

	return h && (h->ret == RET_VOID || h->ret == RET_NORET);
}

/* Does the result of c deserve an arrow? */
static bool has_result(const struct ctx *x, const struct dq_mcall *c)
{
	const struct dq_hook_info *h = dq_hook_info(c->c.hook);

	if (c->c.flags & DQ_CALL_OPEN)
		return true;
	if (!h || h->ret == RET_NORET)
		return false;
	if (c->c.flags & DQ_CALL_MISSED || c->flags & DQ_MC_FAILED)
		return true;
	if (is_void(c))
		return false;
	if (is_callback(c))
		return x->s->o.cbret == DQ_CBRET_VALUES && h->ret == RET_SGT;
	if (h->ret == RET_INT)
		return c->c.ret || h->kind == KIND_FOPS || c->c.hook == HOOK_VMAP ||
		       c->c.hook == HOOK_VMAP_UNLOCKED;
	return true;
}

static void fatal_text(struct dq_step *st, bool sys)
{
	st->flags |= DQ_ST_MISSED | DQ_ST_FATAL;
	st->text = sys ? "no return: the task died" : "the task died in this call";
}

static void unfinished_text(struct ctx *x, struct dq_step *st, bool open, uint64_t dur)
{
	char buf[32];
	struct dq_sb sb = { 0 };

	st->flags |= open ? DQ_ST_OPEN : DQ_ST_MISSED;
	if (!open) {
		st->text = "return not seen";
		return;
	}
	dq_sb_puts(&sb, "had not returned when the recording ended");
	st->text = keep_sb(x, &sb);
	if (dur) {
		dq_sb_printf(&sb, "after %s", dq_fmt_dur(buf, dur));
		st->small = keep_sb(x, &sb);
	}
}

/* ---- waiting ---- */

static bool is_under(const struct ctx *x, size_t i, int root)
{
	int32_t p = x->v[i].parent;

	while (root >= 0 && p > root)
		p = x->v[p].parent;
	return root < 0 || p == root;
}

/* "vgem seq 12" */
static void put_fence(struct ctx *x, struct dq_sb *sb, const struct dq_call *c)
{
	const struct dq_timeline *t = dq_model_timeline(x->m, (uint32_t)c->a[0]);

	dq_sb_puts(sb, t && *t->driver ? t->driver : "a fence");
	/* "unbound" is what drivers say that have nothing to say */
	if (t && *t->name && strcmp(t->name, t->driver) && strcmp(t->name, "unbound"))
		dq_sb_printf(sb, " %s", t->name);
	dq_sb_printf(sb, " seq %llu", (unsigned long long)c->a[1]);
}

/* What the call at root (-1: any of the group) spent its time on, each wait told once:
 * "waited 300 ms for vgem seq 12". "" when it did not wait. */
static const char *waited(struct ctx *x, int root)
{
	struct dq_mcall *longest = NULL;
	struct dq_sb sb = { 0 };
	uint64_t sum = 0;
	size_t n = 0;
	char buf[32];

	for (size_t i = 0; i < x->n; i++) {
		struct dq_mcall *c = &x->v[i];

		if (c->c.hook != HOOK_FENCE_WAIT || c->flags & DQ_MC_TOLD || !is_under(x, i, root))
			continue;
		sum += c->c.dur;
		longest = !longest || c->c.dur > longest->c.dur ? c : longest;
		n++;
		c->flags |= DQ_MC_TOLD;
	}
	if (!n)
		return "";
	dq_sb_puts(&sb, longest->c.flags & DQ_CALL_OPEN ? "waiting " : "waited ");
	dq_sb_printf(&sb, "%s for ", dq_fmt_dur(buf, sum));
	put_fence(x, &sb, &longest->c);
	if (n > 1)
		dq_sb_printf(&sb, " and %zu more", n - 1);
	return keep_sb(x, &sb);
}

/* Two asides of one arrow. */
static const char *both(struct ctx *x, const char *a, const char *b)
{
	struct dq_sb sb = { 0 };

	if (!*a || !*b)
		return *a ? a : b;
	dq_sb_printf(&sb, "%s, %s", a, b);
	return keep_sb(x, &sb);
}

static int index_of(const struct ctx *x, const struct dq_mcall *c)
{
	return (int)(c - x->v);
}

static struct dq_step *push_result(struct ctx *x, const struct dq_mcall *c, int from, int to)
{
	struct dq_step *st = push(x, DQ_STEP_RETURN, from, to, dq_call_end(&c->c));

	if (!st)
		return NULL;
	st->phase = c->phase;
	st->buf = c->c.buf;
	st->seq = c->c.seq;
	st->att = dq_story_att(x->s, c->c.att);
	if (c->c.flags & (DQ_CALL_OPEN | DQ_CALL_MISSED)) {
		if (c->c.fatal)
			fatal_text(st, false);
		else
			unfinished_text(x, st, c->c.flags & DQ_CALL_OPEN, c->c.dur);
		st->small = both(x, st->small, waited(x, index_of(x, c)));
		return st;
	}
	st->small = waited(x, index_of(x, c));
	if (c->flags & DQ_MC_FAILED)
		st->flags |= DQ_ST_ERR;
	st->dur = c->c.dur;
	set_text(x, st, dq_label_result, c, "");
	return st;
}

/* ---- calls ---- */

static void emit_children(struct ctx *x, size_t i);

/* With every detail, the begin of a recorded stack. */
static const char *stack_text(struct ctx *x, const struct dq_mcall *c)
{
	const struct dq_stack *s = x->s->o.detail == DQ_DETAIL_OPS ?
					   dq_model_stack(x->m, c->c.stack) : NULL;
	struct dq_sb sb = { 0 };
	const char *p = s ? s->frames : "";

	for (int i = 0; *p && i < 3; i++) {
		size_t n = strcspn(p, "\n");

		dq_sb_puts(&sb, i ? " < " : "");
		dq_sb_put(&sb, p, n);
		p += n + (p[n] == '\n');
	}
	dq_sb_puts(&sb, *p ? " < …" : "");
	return keep_sb(x, &sb);
}

static bool drops_reference(const struct dq_mcall *c)
{
	return c->c.hook == HOOK_PUT || c->c.hook == HOOK_FILP_FLUSH || c->c.hook == HOOK_FILP_CLOSE ||
	       c->c.hook == HOOK_VM_AREA_FREE || c->c.hook == HOOK_VM_AREA_FREE_DIRECT;
}

static const struct dq_mcall *later_drop(const struct dq_mcall *last, const struct dq_mcall *v,
					 const struct dq_mcall *c)
{
	return v->c.buf == c->c.buf && v->c.t0 < c->c.t0 && (!last || v->c.t0 > last->c.t0) &&
			       drops_reference(v) ?
		       v :
		       last;
}

/* What was seen last of the references to c's buffer before c. */
static const struct dq_mcall *last_drop(const struct ctx *x, const struct dq_mcall *c)
{
	const struct dq_mcall *last = NULL;

	for (size_t i = 0; i < x->m->ncalls_v; i++)
		last = later_drop(last, &x->m->calls_v[i], c);
	return last;
}

#define NEAR_GROUPS 64	/* task work is done before the task's next system call */

/* The same of its task alone, where task work can come from: every release asks. */
static const struct dq_mcall *last_own_drop(const struct ctx *x, const struct dq_mcall *c)
{
	const struct dq_mcall *last = NULL;
	uint32_t gi = x->gi + 1;

	for (int n = 0; gi > 0 && n < NEAR_GROUPS && !last; n++) {
		const struct dq_group *g = &x->m->groups[--gi];

		for (size_t i = 0; g->task == c->c.task && i < g->n; i++)
			last = later_drop(last, &x->m->calls_v[g->first + i], c);
	}
	return last;
}

static const char *drop_name(const struct dq_mcall *c)
{
	return c->c.hook == HOOK_PUT ? "dma_buf_put" : is_mapping(c) ? "munmap" : "close";
}

/* What a kernel thread releases: "deferred, 10 s after close by cam". */
static const char *why_deferred(struct ctx *x, const struct dq_mcall *c)
{
	const struct dq_mcall *last = last_drop(x, c);
	struct dq_sb sb = { 0 };
	char buf[32];

	if (!last)
		return "deferred";
	dq_sb_printf(&sb, "deferred, %s after ", dq_fmt_dur(buf, c->c.t0 - last->c.t0));
	if (last->c.hook == HOOK_PUT)
		dq_sb_printf(&sb, "dma_buf_put by %s", *last->who ? last->who : "the kernel");
	else
		dq_sb_printf(&sb, "%s by %s", drop_name(last), dq_task_process(x->m, last->c.task));
	return keep_sb(x, &sb);
}

/*
 * What a task releases on its way back to user space, when it has given a file back with fput().
 * That it is the work of that very call is certain when both are in the same system call.
 */
static const char *why_taskwork(struct ctx *x, const struct dq_mcall *c)
{
	const struct dq_mcall *last = last_own_drop(x, c);
	struct dq_sb sb = { 0 };

	if (!last)
		return "deferred";
	dq_sb_printf(&sb, "deferred %s %s", c->c.sys && last->c.sys == c->c.sys ? "by" : "after",
		     drop_name(last));
	return keep_sb(x, &sb);
}

/* What stands beside a call: the kernel thread, a deferral. */
static const char *aside(struct ctx *x, const struct dq_mcall *c, int from)
{
	const struct dq_task *t = dq_model_task(x->m, x->g.task);
	struct dq_sb sb = { 0 };

	if (c->flags & DQ_MC_TASKWORK)
		return why_taskwork(x, c);
	if (c->c.flags & DQ_CALL_IRQ)
		return "in an interrupt";
	if (c->parent >= 0 || !x->kthread || !t || !*t->comm ||
	    x->s->lanes[from].kind == DQ_LANE_KTHREAD)
		return "";
	dq_sb_printf(&sb, "kthread %s", t->comm);
	return keep_sb(x, &sb);
}

static struct dq_step *push_call(struct ctx *x, size_t i, int from, int to, const char *suffix)
{
	const struct dq_mcall *c = &x->v[i];
	struct dq_step *st = push(x, DQ_STEP_CALL, from, to, c->c.t0);

	if (!st)
		return NULL;
	st->phase = c->phase;
	st->seq = c->c.seq;
	st->att = dq_story_att(x->s, c->c.att);
	st->ncalls = !(c->flags & DQ_MC_UNCOUNTED);
	if (c->flags & DQ_MC_UNCOUNTED)
		st->flags |= DQ_ST_INNER;
	/* shown once, on the result if there is one */
	st->dur = has_result(x, c) ? 0 : c->c.dur;
	set_text(x, st, dq_label_call, c, suffix);
	st->small = both(x, aside(x, c, from), stack_text(x, c));
	if (!has_result(x, c))
		st->small = both(x, st->small, waited(x, (int)i));
	return st;
}

/* A callback: core -> exporter, and its result if it says something. */
static void emit_callback(struct ctx *x, size_t i)
{
	const struct dq_mcall *c = &x->v[i];
	int core = core_of(x, c), exp = callback_lane(x, c);

	if (x->s->o.detail < DQ_DETAIL_API || !push_call(x, i, core, exp, ""))
		return;
	if (!(c->flags & DQ_MC_TASKWORK) && c->parent >= 0 &&
	    x->v[c->parent].flags & DQ_MC_TASKWORK)
		x->s->steps[x->s->nsteps - 1].small = why_taskwork(x, &x->v[c->parent]);
	emit_children(x, i);
	if (has_result(x, c))
		push_result(x, c, exp, core);
}

/* An API call and its only callback as one arrow with two legs. */
static void emit_via(struct ctx *x, size_t i, size_t cbi, int from)
{
	const struct dq_mcall *c = &x->v[i], *cb = &x->v[cbi];
	int core = core_of(x, c), exp = exporter_lane(x, c->c.buf);
	struct dq_step *st = push_call(x, i, from, exp, leg_suffix(x, c->c.hook, cb->c.hook));
	struct dq_step *res = NULL;

	if (!st)
		return;
	st->via = core;
	st->ncalls++;
	if (!has_result(x, c)) {
		note_state(x, st, c, from);
	} else if (has_result(x, cb) && !same_end(c, cb)) {
		push_result(x, cb, exp, core);
		res = push_result(x, c, core, from);
	} else {
		const struct dq_hook_info *h = dq_hook_info(c->c.hook);
		bool both = same_end(c, cb) &&
			    (c->flags & DQ_MC_FAILED || (h && h->ret != RET_ATT));

		res = push_result(x, c, both ? exp : core, from);
		if (res && both)
			res->via = core;
	}
	note_state(x, res, c, from);
}

static bool lane_left_of_core(const struct ctx *x, int lane)
{
	return x->s->lanes[lane].kind < DQ_LANE_CORE;
}

static bool may_via(const struct ctx *x)
{
	return x->s->o.via && x->s->o.detail == DQ_DETAIL_API;
}

/* The second step of a release, outside of a syscall: by a kernel thread or as task work. */
static void emit_release(struct ctx *x, size_t i)
{
	const struct dq_mcall *c = &x->v[i];
	int cb = only_callback(x, i, false), core = core_of(x, c);
	struct dq_step *st;
	int from;

	if (!(c->flags & DQ_MC_DEFERRED)) {
		/* the core itself on behalf of the last holder */
		if (cb >= 0 && x->s->o.detail >= DQ_DETAIL_API) {
			emit_callback(x, (size_t)cb);
			if (!x->err)
				x->s->steps[x->s->nsteps - 1].ncalls++;
		} else {
			push_call(x, i, core, core, "");
		}
		if (!x->err)
			dq_effect_of_call(&x->s->steps[x->s->nsteps - 1].effect, c);
		return;
	}
	from = task_lane(x, x->g.task);
	st = push_call(x, i, from, core, "");
	if (!st)
		return;
	st->text = "release";
	st->small = why_deferred(x, c);
	st->flags |= DQ_ST_DEFERRED;
	if (cb >= 0 && may_via(x)) {
		st->to = exporter_lane(x, c->c.buf);
		st->via = core;
		st->ncalls++;
	} else {
		emit_children(x, i);
	}
	if (!x->err)
		dq_effect_of_call(&x->s->steps[x->s->nsteps - 1].effect, c);
}

/* ---- descriptors ---- */

/* Where the descriptor of this fd_install comes from; NULL: from nobody else. */
static const struct dq_transfer *arrival(const struct ctx *x, const struct dq_mcall *c)
{
	uint64_t k;

	if (c->c.hook != HOOK_FD_INSTALL ||
	    !dq_map_get(x->arrivals, (uint64_t)c->c.task << 32 | c->c.seq, &k))
		return NULL;
	return &x->m->transfers[k];
}

static void put_fd_number(struct dq_sb *sb, const char *before, int32_t fd)
{
	if (fd >= 0)
		dq_sb_printf(sb, "%sfd %d", before, fd);
	else
		dq_sb_printf(sb, "%sfd ?", before);
}

static void put_send(struct dq_sb *sb, const struct dq_mcall *c, const char *before)
{
	if (c->c.a[0])
		put_fd_number(sb, before, (int32_t)c->c.a[0] - 1);
	else
		dq_sb_printf(sb, "%sa descriptor", before);
}

/* The arrow from the process that sent a descriptor to the one that received it. */
static void say_transfer(struct ctx *x, struct dq_step *st, const struct dq_transfer *t)
{
	const char *by = t->way == DQ_WAY_BINDER ? "binder" : "SCM_RIGHTS";
	struct dq_sb sb = { 0 };

	st->flags |= DQ_ST_PASSED | (t->exact ? 0 : DQ_ST_GUESS);
	st->buf = t->buf;
	if (t->from_fd >= 0)
		put_fd_number(&sb, "", t->from_fd);
	put_fd_number(&sb, t->from_fd >= 0 ? " → " : "→ ", t->to_fd);
	if (x->s->nbufs > 1 && !x->s->o.apart)
		dq_sb_printf(&sb, " of #%u", t->buf);
	st->text = keep_sb(x, &sb);
	dq_sb_puts(&sb, by);
	if (!t->exact)
		dq_sb_puts(&sb, ", probably: the oldest that was sent");
	st->small = keep_sb(x, &sb);
	st->hash = hash_text(0, by);
	x->fd_told = x->passed = true;
}

/* A descriptor arrived inside of a syscall whose arrow tells the call itself. */
static void emit_arrival(struct ctx *x, const struct dq_mcall *c)
{
	const struct dq_transfer *t = arrival(x, c);
	struct dq_step *st;

	if (!t || x->s->o.detail == DQ_DETAIL_APP)
		return;
	st = push(x, DQ_STEP_CALL, task_lane(x, t->from), x->app, c->c.t0);
	if (!st)
		return;
	st->phase = c->phase;
	say_transfer(x, st, t);
}

/* A change of descriptors or mappings that no syscall arrow tells. */
static void emit_fd_event(struct ctx *x, size_t i)
{
	const struct dq_mcall *c = &x->v[i];
	const struct dq_transfer *t = arrival(x, c);
	bool install = c->c.hook == HOOK_FD_INSTALL || c->c.hook == HOOK_DO_DUP2;
	int app = x->app >= 0 ? x->app : task_lane(x, x->g.task);
	int core = core_of(x, c);
	int from = t ? task_lane(x, t->from) : install ? core : app;
	struct dq_step *st = push_call(x, i, from, install ? app : core, "");
	struct dq_sb sb = { 0 };

	if (!st)
		return;
	if (t) {
		say_transfer(x, st, t);
		return;
	}
	st->flags |= DQ_ST_EVENT;
	x->fd_told |= install;
	if (is_send(c)) {
		put_send(&sb, c, "sends ");
		st->text = keep_sb(x, &sb);
	} else if (!install && !is_mapping(c)) {
		st->text = c->c.flags & DQ_CALL_EXITING ? "exit closes a descriptor" :
							  "closes a descriptor";
	}
}

static void emit_call(struct ctx *x, size_t i)
{
	const struct dq_mcall *c = &x->v[i];
	int core = core_of(x, c), from, cb;

	if (x->s->o.detail == DQ_DETAIL_APP || x->err)
		return;
	if ((c->flags & DQ_MC_UNCOUNTED) && x->s->o.detail != DQ_DETAIL_OPS) {
		emit_children(x, i);
		return;
	}
	if (is_callback(c)) {
		emit_callback(x, i);
		return;
	}
	if (c->c.hook == HOOK_RELEASE && c->parent < 0) {
		emit_release(x, i);
		return;
	}
	if (kind_of(c) == KIND_VFS) {
		emit_fd_event(x, i);
		return;
	}
	if (kind_of(c) == KIND_FENCE) {
		push_call(x, i, core, core, "");
		return;
	}
	from = source_lane(x, i);
	cb = only_callback(x, i, false);
	if (cb >= 0 && may_via(x) && lane_left_of_core(x, from)) {
		emit_via(x, i, (size_t)cb, from);
		return;
	}
	if (!push_call(x, i, from, core, ""))
		return;
	emit_children(x, i);
	if (x->err)
		return;
	note_state(x, has_result(x, c) ? push_result(x, c, core, from) :
					 &x->s->steps[x->s->nsteps - 1], c, from);
}

static void emit_children(struct ctx *x, size_t i)
{
	for (size_t k = i + 1; k < x->n; k++)
		if (x->v[k].parent == (int32_t)i)
			emit_call(x, k);
}

/* ---- syscalls ---- */

/* Binder carries descriptors; it is no importer. */
static bool is_binder(const struct ctx *x)
{
	const struct dq_dev *d = sys_dev(x);

	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].c.hook == HOOK_BINDER_SEND ||
		    (x->v[i].c.hook == HOOK_FD_INSTALL && x->v[i].c.a[1]))
			return true;
	return d && (!strncmp(d->driver, "binder", 6) || !strncmp(d->path, "/dev/binder", 11));
}

/* The lane of the driver of the device that the syscall was made on; -1: none of the story's. */
static int device_lane(struct ctx *x)
{
	const struct dq_dev *d = sys_dev(x);
	struct dq_mcall c = { .who = "", .whodev = "" };

	if (!d || !*dq_dev_driver(d) || !x->n || is_binder(x))
		return -1;
	for (size_t i = 0; i < x->s->nbufs; i++) {
		const struct dq_mbuf *b = dq_model_buf(x->m, x->s->bufs[i]);

		if (b && dq_same_driver(b->exporter, dq_dev_driver(d)))
			return exporter_lane(x, b->b.id);
	}
	c.who = dq_dev_driver(d);
	return importer_lane(x, &c);
}

/* Where the arrow of the syscall goes: to whom it makes work first, else the core. */
static int sys_target(struct ctx *x)
{
	bool leaves = !strncmp(x->g.sys.name, "exit", 4);
	int l;

	for (size_t i = 0; i < x->n && !leaves; i++) {
		if (x->v[i].parent >= 0)
			continue;
		if (kind_of(&x->v[i]) == KIND_API && x->v[i].c.hook != HOOK_PUT)
			return source_lane(x, i);
		if (kind_of(&x->v[i]) == KIND_FOPS)
			return core_lane(x);
	}
	for (size_t i = 0; i < x->n && !leaves; i++)
		if (x->v[i].parent < 0 && x->v[i].c.hook == HOOK_PUT)
			return source_lane(x, i);
	l = leaves ? -1 : device_lane(x);
	return l >= 0 ? l : core_lane(x);
}

/* Does the arrow of a syscall on the core itself tell this call too? */
static bool absorbed(const struct dq_mcall *c)
{
	return c->parent < 0 && (kind_of(c) == KIND_FOPS || kind_of(c) == KIND_VFS);
}

static enum dq_phase sys_phase(const struct ctx *x)
{
	enum dq_phase ph = DQ_PH_NONE;

	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].c.hook == HOOK_RELEASE)
			return DQ_PH_RELEASE;
		if (!ph && x->v[i].parent < 0)
			ph = x->v[i].phase;
	}
	return ph;
}

static const char *sys_aside(struct ctx *x)
{
	const struct dq_task *t = dq_model_task(x->m, x->g.task);
	const struct dq_dev *d = sys_dev(x);
	struct dq_sb sb = { 0 };
	size_t closed = 0;

	for (size_t i = 0; i < x->n; i++)
		closed += x->v[i].phase == DQ_PH_CLOSE && x->v[i].parent < 0;
	for (size_t i = 0; i < x->n; i++)
		if (is_send(&x->v[i]) && x->s->o.detail > DQ_DETAIL_APP)
			put_send(&sb, &x->v[i], sb.len ? ", " : "sends ");
	if (closed > 1)
		dq_sb_printf(&sb, "%s%zu descriptors", sb.len ? "; closes " : "", closed);
	else if (!sb.len && d && *d->path)
		dq_sb_puts(&sb, d->path);
	if (t && t->tid != t->tgid && *t->comm && !x->by_thread)
		dq_sb_printf(&sb, "%sthread %s", sb.len ? ", " : "", t->comm);
	return keep_sb(x, &sb);
}

static struct dq_step *push_sys(struct ctx *x, int to, const char *suffix)
{
	struct dq_step *st = push(x, DQ_STEP_CALL, x->app, to, x->g.t0);

	if (!st)
		return NULL;
	st->flags |= DQ_ST_SYS;
	st->phase = sys_phase(x);
	set_sys_text(x, st, false, suffix);
	st->small = sys_aside(x);
	return st;
}

static bool sys_is_silent(const struct dq_sys *s)
{
	static const char *const names[] = { "close", "exit_group", "exit", "munmap", "close_range",
					     "execve", "execveat" };

	if (s->flags & (DQ_SYS_OPEN | DQ_SYS_MISSED) || s->ret)
		return false;
	for (size_t i = 0; i < DQ_ARRAY_SIZE(names); i++)
		if (!strcmp(s->name, names[i]))
			return true;
	return false;
}

static struct dq_step *push_sys_result(struct ctx *x, int from)
{
	const struct dq_sys *s = &x->g.sys;
	struct dq_step *st;

	/* what an arrival or a message to binder returns says nothing more */
	if (sys_is_silent(s) || !strncmp(s->name, "exit", 4) ||
	    ((x->passed || is_binder(x)) && s->ret >= 0 &&
	     !(s->flags & (DQ_SYS_OPEN | DQ_SYS_MISSED))))
		return NULL;
	st = push(x, DQ_STEP_RETURN, from, x->app, s->t1);
	if (!st)
		return NULL;
	st->flags |= DQ_ST_SYS;
	st->phase = sys_phase(x);
	st->buf = x->v[0].c.buf;
	if (s->flags & (DQ_SYS_OPEN | DQ_SYS_MISSED)) {
		if (s->fatal)
			fatal_text(st, true);
		else
			unfinished_text(x, st, s->flags & DQ_SYS_OPEN, s->t1 > s->t0 ? s->t1 - s->t0 : 0);
		st->small = both(x, st->small, waited(x, -1));
		return st;
	}
	st->small = waited(x, -1);
	if (s->ret < 0)
		st->flags |= DQ_ST_ERR;
	set_sys_text(x, st, true, "");
	return st;
}

/* A file operation that the syscall is about, and so shares its result with. */
static bool is_fops_call(const struct dq_mcall *c)
{
	return c->c.hook == HOOK_IOCTL || c->c.hook == HOOK_MMAP_FILE || c->c.hook == HOOK_POLL;
}

static bool only_absorbed(const struct ctx *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].parent < 0 && !absorbed(&x->v[i]))
			return false;
	return true;
}

/* What the syscall's arrow tells already; with every detail its bookkeeping is an arrow, too. */
static void emit_book(struct ctx *x, size_t i)
{
	if (x->v[i].flags & DQ_MC_BOOK && x->s->o.detail == DQ_DETAIL_OPS)
		emit_fd_event(x, i);
	else
		emit_children(x, i);
}

/* A syscall on the buffer itself: its arrow ends at the core and tells the file operation too. */
static void emit_sys_core(struct ctx *x)
{
	int core = core_of(x, &x->v[0]), cb = only_absorbed(x) ? only_callback(x, 0, true) : -1;
	bool via = cb >= 0 && may_via(x), release = false;
	const struct dq_mcall *frame = NULL;
	const char *suffix = "";
	struct dq_step *st;

	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].parent < 0 && is_fops_call(&x->v[i]) && !frame)
			frame = &x->v[i];
		release |= x->v[i].c.hook == HOOK_RELEASE;
	}
	if (via)
		suffix = leg_suffix(x, frame ? frame->c.hook : HOOK_FILP_CLOSE, x->v[cb].c.hook);
	else if (release && cb < 0)
		suffix = " → release";
	st = push_sys(x, core, suffix);
	for (size_t i = 0; st && i < x->n; i++)
		st->ncalls += absorbed(&x->v[i]) && !(x->v[i].flags & DQ_MC_UNCOUNTED);
	if (st && via) {
		st->via = core;
		st->to = exporter_lane(x, x->v[cb].c.buf);
		st->ncalls++;
	}
	for (size_t i = 0; i < x->n && !via; i++) {
		if (x->v[i].parent >= 0)
			continue;
		emit_arrival(x, &x->v[i]);
		if (absorbed(&x->v[i]) && x->s->o.detail > DQ_DETAIL_APP)
			emit_book(x, i);
		else if (!absorbed(&x->v[i]))
			emit_call(x, i);
	}
	st = push_sys_result(x, core);
	if (st && frame && !(st->flags & (DQ_ST_OPEN | DQ_ST_MISSED)))
		st->dur = frame->c.dur;
	if (st && via && frame && frame->c.ret == x->g.sys.ret && same_end(frame, &x->v[cb])) {
		st->from = exporter_lane(x, x->v[cb].c.buf);
		st->via = core;
	}
	if (x->err || x->s->nsteps == x->first_step)
		return;
	st = &x->s->steps[x->s->nsteps - 1];
	if (frame)
		note_state(x, st, frame, x->app);
	for (size_t i = 0; i < x->n; i++)	/* in the arrow's second leg */
		if (via && x->v[i].c.hook == HOOK_RELEASE)
			dq_effect_of_call(&st->effect, &x->v[i]);
}

/* A syscall on a driver's device, which then works on the buffer. */
static void emit_sys_driver(struct ctx *x, int target)
{
	push_sys(x, target, "");
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].parent < 0)
			emit_call(x, i);
	push_sys_result(x, target);
}

/* ---- groups ---- */

static bool of_story(const struct dq_story *s, uint32_t buf)
{
	return dq_story_has(s, buf);
}

/* Copies the calls of the story's buffers into x->v; parents move along. */
static int pick_calls(struct ctx *x, const struct dq_group *g)
{
	int32_t *moved = malloc((g->n + 1) * sizeof(*moved));

	if (!moved)
		return -ENOMEM;
	x->n = 0;
	for (size_t i = 0; i < g->n; i++) {
		const struct dq_mcall *c = &x->m->calls_v[g->first + i];
		struct dq_mcall *row;

		moved[i] = c->parent >= 0 ? moved[c->parent] : -1;
		if (!of_story(x->s, c->c.buf))
			continue;
		row = DQ_PUSH(x->v, x->n, x->cap);
		if (!row) {
			free(moved);
			return -ENOMEM;
		}
		*row = *c;
		row->parent = moved[i];
		moved[i] = (int32_t)x->n - 1;
	}
	free(moved);
	return 0;
}

static void mark_ends(struct ctx *x)
{
	struct dq_story *s = x->s;
	enum dq_phase first = DQ_PH_NONE, last = DQ_PH_NONE;

	if (s->nsteps == x->first_step)
		return;
	for (size_t i = x->first_step; i < s->nsteps; i++) {
		if (s->steps[i].flags & DQ_ST_SYS)
			continue;
		if (!first)
			first = s->steps[i].phase;
		if (s->steps[i].phase)
			last = s->steps[i].phase;
	}
	s->steps[x->first_step].flags |= DQ_ST_FIRST;
	s->steps[s->nsteps - 1].flags |= DQ_ST_LAST;
	/* a syscall's arrow that tells calls itself has a phase already */
	if (first && s->steps[x->first_step].flags & DQ_ST_SYS && !s->steps[x->first_step].ncalls)
		s->steps[x->first_step].phase = first;
	if (last && s->steps[s->nsteps - 1].flags & DQ_ST_SYS)
		s->steps[s->nsteps - 1].phase = last;
}

/* Mappings that are split, copied by a fork or freed, and nothing else: nobody's step. */
static bool only_mappings(const struct ctx *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (!is_mapping(&x->v[i]))
			return false;
	return x->s->o.detail != DQ_DETAIL_OPS;
}

/* ---- the application's view: one arrow for a syscall and a buffer ---- */

/* What became of a buffer, in the order in which it did. */
static void app_words(struct ctx *x, struct dq_sb *sb, uint32_t buf, bool by_itself)
{
	static const char *const words[DQ_PH_MAX] = {
		[DQ_PH_EXPORT] = "export",	  [DQ_PH_LOOKUP] = "look up",
		[DQ_PH_ATTACH] = "attach",	  [DQ_PH_DMA_BEGIN] = "map",
		[DQ_PH_DMA_END] = "unmap",	  [DQ_PH_CPU_BEGIN] = "begin CPU access",
		[DQ_PH_CPU_END] = "end CPU access", [DQ_PH_VMAP] = "vmap",
		[DQ_PH_VUNMAP] = "vunmap",	  [DQ_PH_MMAP] = "mmap",
		[DQ_PH_MOVE] = "move",		  [DQ_PH_DETACH] = "detach",
		[DQ_PH_RELEASE] = "release",	  [DQ_PH_PUT] = "put",
		[DQ_PH_CLOSE] = "close fd",
	};
	uint32_t said = 0, minor = 1u << DQ_PH_LOOKUP | 1u << DQ_PH_PUT | 1u << DQ_PH_CLOSE, all = 0;

	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].c.buf == buf && !(x->v[i].flags & DQ_MC_UNCOUNTED))
			all |= 1u << x->v[i].phase;
	for (size_t i = 0; i < x->n; i++) {
		const struct dq_mcall *c = &x->v[i];
		enum dq_phase ph = c->c.hook == HOOK_RELEASE ? DQ_PH_RELEASE : c->phase;
		bool told = by_itself && ph != DQ_PH_RELEASE;

		if (c->c.buf != buf || c->flags & DQ_MC_UNCOUNTED || is_callback(c) || !words[ph] ||
		    said & 1u << ph || told || (minor & 1u << ph && all & ~minor))
			continue;
		said |= 1u << ph;
		dq_sb_printf(sb, "%s%s", sb->len ? ", " : "", words[ph]);
	}
}

/* The driver that worked on the buffer, between the application and the buffer; -1: none. */
static int app_via(struct ctx *x, uint32_t buf)
{
	int l;

	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].c.buf != buf || x->v[i].parent >= 0 || kind_of(&x->v[i]) != KIND_API ||
		    x->v[i].c.hook == HOOK_RELEASE)
			continue;
		l = source_lane(x, i);
		return is_core(x, l) ? -1 : l;
	}
	l = x->g.has_sys && !x->kthread ? device_lane(x) : -1;
	return l;
}

/* The call that failed though its syscall did not; NULL: none */
static const struct dq_mcall *app_failure(const struct ctx *x, uint32_t buf)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].c.buf == buf && x->v[i].flags & DQ_MC_FAILED &&
		    !(x->v[i].flags & DQ_MC_UNCOUNTED) && !is_callback(&x->v[i]))
			return &x->v[i];
	return NULL;
}

static void app_effects(struct ctx *x, struct dq_step *st, uint32_t buf)
{
	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].c.buf != buf)
			continue;
		st->ncalls += !(x->v[i].flags & DQ_MC_UNCOUNTED);
		if (!is_callback(&x->v[i]))
			dq_effect_of_call(&st->effect, &x->v[i]);
	}
}

/* A result that is not told by the arrow itself: red, or not there. */
static void app_result(struct ctx *x, const struct dq_step *call, uint32_t buf)
{
	const struct dq_sys *s = &x->g.sys;
	const struct dq_mcall *c = app_failure(x, buf);
	bool sys = x->g.has_sys && !x->kthread;
	int from = call->to, via = call->via, to = call->from;
	struct dq_step *st;

	if (sys && (s->ret < 0 || s->flags & (DQ_SYS_OPEN | DQ_SYS_MISSED))) {
		st = push_sys_result(x, from);
		if (st)
			st->via = via;
	} else if (c) {
		st = push_result(x, c, from, via >= 0 ? via : to);
		if (st && c->c.hook)
			st->small = keep_text(x, dq_hook_info(c->c.hook)->name);
	} else {
		return;
	}
	if (st)
		st->buf = buf;
}

static bool app_is_core(const struct ctx *x, uint32_t buf)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].c.buf == buf && x->v[i].parent < 0 && kind_of(&x->v[i]) == KIND_API &&
		    x->v[i].c.hook != HOOK_RELEASE)
			return false;
	return true;
}

/* "ioctl(VIDIOC_QBUF) → attach, map" and " → fd 7" */
static void app_text(struct ctx *x, struct dq_step *st, uint32_t buf, bool first)
{
	bool sys = x->g.has_sys && !x->kthread, core = sys && app_is_core(x, buf);
	bool ok = sys && x->g.sys.ret >= 0 && !(x->g.sys.flags & (DQ_SYS_OPEN | DQ_SYS_MISSED));
	struct dq_sb text = { 0 }, words = { 0 };
	int32_t fd = -1;

	if (sys)
		set_sys_text(x, st, false, "");
	st->buf = buf;
	if (sys && !first && !x->s->o.apart)
		st->text = "also";
	dq_sb_puts(&text, st->text);
	app_words(x, &words, buf, core && (first || x->s->o.apart));
	dq_sb_printf(&text, "%s%s", text.len && words.len ? " → " : "", dq_sb_str(&words));
	st->hash = hash_text(st->hash, dq_sb_str(&words));
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].c.buf == buf && x->v[i].c.hook == HOOK_FD_INSTALL)
			fd = (int32_t)x->v[i].c.a[0];
	if (ok && fd >= 0 && !x->passed)
		dq_sb_printf(&text, " → fd %d", fd);
	if (!text.len)
		dq_sb_puts(&text, "other work");
	st->text = keep_sb(x, &text);
	dq_sb_free(&words);
}

/* A descriptor that came from another process is that arrow, and nothing else is to be said. */
static bool app_arrival(struct ctx *x, uint32_t buf)
{
	bool any = false;

	for (size_t i = 0; i < x->n; i++) {
		const struct dq_transfer *t = x->v[i].c.buf == buf ? arrival(x, &x->v[i]) : NULL;
		struct dq_step *st;

		if (!t)
			continue;
		st = push(x, DQ_STEP_CALL, task_lane(x, t->from),
			  x->app >= 0 ? x->app : task_lane(x, x->g.task), x->v[i].c.t0);
		if (!st)
			return true;
		st->phase = x->v[i].phase;
		st->ncalls = !(x->v[i].flags & DQ_MC_UNCOUNTED);
		say_transfer(x, st, t);
		any = true;
	}
	return any;
}

/* What the chapter is called: the first thing that is more than a reference, but a release. */
static enum dq_phase app_phase(const struct ctx *x, uint32_t buf)
{
	enum dq_phase ph = DQ_PH_NONE;

	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].c.buf != buf)
			continue;
		if (x->v[i].c.hook == HOOK_RELEASE)
			return DQ_PH_RELEASE;
		if (!ph || ph == DQ_PH_LOOKUP)
			ph = x->v[i].phase;
	}
	return ph;
}

static void app_buffer(struct ctx *x, uint32_t buf, bool first)
{
	bool sys = x->g.has_sys && !x->kthread;
	struct dq_step *st;
	int via, to;

	x->buf = buf;
	to = core_lane(x);
	if (x->err || (sys && app_arrival(x, buf)))
		return;
	via = app_via(x, buf);
	st = push(x, DQ_STEP_CALL, task_lane(x, x->g.task), to, x->g.t0);
	if (!st)
		return;
	st->via = via;
	st->phase = app_phase(x, buf);
	st->flags |= sys ? DQ_ST_SYS : 0;
	if ((first || x->s->o.apart) && sys)
		st->small = sys_aside(x);
	st->small = both(x, st->small, waited(x, -1));
	st->dur = x->g.t1 - x->g.t0;
	app_text(x, st, buf, first);
	app_effects(x, st, buf);
	if (!x->err)
		app_result(x, &(struct dq_step){ .from = st->from, .via = via, .to = to }, buf);
}

/* The buffers of the group, each once. */
static void emit_app(struct ctx *x)
{
	if (x->g.has_sys && !x->kthread)
		x->app = task_lane(x, x->g.task);
	for (size_t i = 0; i < x->n && !x->err; i++) {
		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = x->v[k].c.buf == x->v[i].c.buf;
		if (!again)
			app_buffer(x, x->v[i].c.buf, !i);
	}
}

static int emit_group(struct ctx *x, const struct dq_group *g)
{
	const struct dq_task *t = dq_model_task(x->m, g->task);
	int target;

	x->g = *g;
	x->gi = (uint32_t)(g - x->m->groups);
	x->kthread = t && (t->flags & DQ_TASK_KTHREAD);
	x->app = -1;
	x->first_step = x->s->nsteps;
	x->t = 0;
	dq_map_get(x->task_t, g->task, &x->t);
	x->fd_told = x->passed = false;
	x->err = pick_calls(x, g);
	if (x->err || !x->n || only_mappings(x))
		return x->err;
	x->g.n = x->n;
	if (x->s->o.detail == DQ_DETAIL_APP) {
		emit_app(x);
	} else if (g->has_sys && !x->kthread) {
		x->app = task_lane(x, g->task);
		target = sys_target(x);
		if (is_core(x, target))
			emit_sys_core(x);
		else
			emit_sys_driver(x, target);
	} else {
		for (size_t i = 0; i < x->n; i++)
			if (x->v[i].parent < 0)
				emit_call(x, i);
	}
	mark_ends(x);
	if (!x->err && dq_map_put(x->task_t, g->task, x->t))
		x->err = -ENOMEM;
	return x->err;
}

/* ---- the whole ---- */

static int by_time(const void *pa, const void *pb)
{
	const struct dq_step *a = pa, *b = pb;

	if (a->t != b->t)
		return a->t < b->t ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* All buffers are alike: which of them it is fold.c looks at. */
static uint64_t lane_hash(const struct dq_story *s, int lane)
{
	if (lane < 0)
		return 0;
	return s->lanes[lane].buf ? 1 : (uint64_t)lane + 2;
}

static int cut_units(struct dq_story *s)
{
	struct dq_unit *u = NULL;
	bool cut = false, here;

	for (size_t i = 0; i < s->nsteps; i++) {
		struct dq_step *st = &s->steps[i];

		st->hash = hash_mix(st->hash, (uint64_t)st->kind | (uint64_t)st->phase << 8 |
				    (uint64_t)(st->flags & ~(uint32_t)DQ_ST_CONTEXT) << 16);
		st->hash = hash_mix(st->hash, lane_hash(s, st->from) << 40 |
				    lane_hash(s, st->to) << 20 | lane_hash(s, st->via));
		bool chapter = dq_story_next_chapter(s, i);

		if (chapter && dq_story_begin_chapter(s, i))
			return -ENOMEM;
		if (!u || u->group != st->group || chapter) {
			u = DQ_PUSH(s->units, s->nunits, s->cap_units);
			if (!u)
				return -ENOMEM;
			u->first = i;
			u->group = st->group;
			u->t0 = st->t;
			u->times = 1;
			/* no loop goes on over what is not known */
			here = s->m->skipped.calls && !cut && u->t0 >= s->m->skipped.to;
			cut |= here;
			u->left_out = (here ? s->m->skipped.calls : 0) + dq_story_left(s, u->group);
			u->hash = u->left_out ? hash_mix(0, u->left_out) : 0;
		}
		u->n++;
		u->t1 = st->t;
		u->hash = hash_mix(u->hash, st->hash);
	}
	return dq_story_begin_chapter(s, s->nsteps);
}

static int by_u64(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* Of the steps that are drawn, in order: rounds of loops are not. */
static int median_step(struct dq_story *s)
{
	const struct dq_step *last = NULL;
	uint64_t *v = malloc((s->nsteps + 1) * sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->nunits; i++) {
		if (dq_story_chapter(s, i))
			last = NULL;
		for (size_t k = s->units[i].first; k < s->units[i].first + s->units[i].n; k++) {
			if (last)
				v[n++] = s->steps[k].t - last->t;
			last = &s->steps[k];
		}
	}
	qsort(v, n, sizeof(*v), by_u64);
	s->median_step = n ? v[n / 2] : 0;
	free(v);
	return 0;
}

uint32_t dq_story_att(struct dq_story *s, uint32_t att)
{
	uint64_t n;

	if (!att)
		return 0;
	if (dq_map_get(s->atts, att, &n))
		return (uint32_t)n;
	if (dq_map_put(s->atts, att, s->natts + 1))
		return 0;
	return ++s->natts;
}

static bool lane_is_used(const struct dq_story *s, int lane)
{
	for (size_t i = 0; i < s->nsteps; i++)
		if (s->steps[i].from == lane || s->steps[i].to == lane)
			return true;
	return false;
}

/* A child got copies of its parent's descriptors: told when the child does something with them. */
static void emit_fork(struct ctx *x, size_t k)
{
	const struct dq_transfer *t = &x->m->transfers[k];
	const struct dq_task *child = dq_model_task(x->m, t->to);
	int lane = child && child->tgid ? find_lane(x, DQ_LANE_APP, child->tgid) : -1;
	struct dq_sb sb = { 0 };
	struct dq_step *st;

	if (lane < 0 || !lane_is_used(x->s, lane) || t->t < x->s->o.from || t->t > x->s->o.to)
		return;
	x->t = 0;
	x->gi = (uint32_t)(x->m->ngroups + k);
	st = push(x, DQ_STEP_CALL, task_lane(x, t->from), lane, t->t);
	if (!st)
		return;
	st->flags |= DQ_ST_EVENT | DQ_ST_FIRST | DQ_ST_LAST;
	st->phase = DQ_PH_FD;
	st->buf = t->buf;
	st->hash = hash_text(0, "fork");
	if (t->n == 1)
		put_fd_number(&sb, "fork: inherits ", t->to_fd);
	else
		dq_sb_printf(&sb, "fork: inherits %llu descriptors", (unsigned long long)t->n);
	st->text = keep_sb(x, &sb);
}

static int index_arrivals(struct ctx *x)
{
	for (size_t i = 0; i < x->m->ntransfers; i++) {
		const struct dq_transfer *t = &x->m->transfers[i];

		if (t->seq && of_story(x->s, t->buf) &&
		    dq_map_put(x->arrivals, (uint64_t)t->to << 32 | t->seq, i))
			return -ENOMEM;
	}
	return 0;
}

/* ---- before the recording ---- */

/* Is it the first thing that the first look found of this process and buffer? */
static bool first_of_process(const struct ctx *x, size_t i, uint32_t what)
{
	const struct dq_hold *l = &x->m->holds[i];

	for (size_t k = 0; k < i; k++) {
		const struct dq_hold *o = &x->m->holds[k];

		if (o->buf == l->buf && o->what == what &&
		    task_lane_key(x, o->task) == task_lane_key(x, l->task))
			return false;
	}
	return true;
}

static void put_process(struct ctx *x, struct dq_sb *sb, uint32_t task)
{
	const struct dq_task *t = dq_model_task(x->m, task);

	dq_sb_printf(sb, " of %s", dq_task_process(x->m, task));
	if (t && t->tgid)
		dq_sb_printf(sb, " (%u)", t->tgid);
}

/* "; fd 5, 7 of cam (812)" or "; 2 mappings of cam (812)": all of one kind that a process had */
static void put_found(struct ctx *x, struct dq_sb *sb, size_t i)
{
	const struct dq_hold *l = &x->m->holds[i];
	size_t n = 0;

	if (!first_of_process(x, i, l->what))
		return;
	for (size_t k = i; k < x->m->nholds; k++) {
		const struct dq_hold *o = &x->m->holds[k];

		if (o->buf != l->buf || o->what != l->what ||
		    task_lane_key(x, o->task) != task_lane_key(x, l->task))
			continue;
		if (l->what == DQ_HOLD_FD)
			dq_sb_printf(sb, "%s%d", n ? ", " : "; fd ", o->fd);
		n++;
	}
	if (l->what == DQ_HOLD_MAP)
		dq_sb_printf(sb, "; %zu mapping%s", n, n == 1 ? "" : "s");
	put_process(x, sb, l->task);
}

/* What is known of a buffer whose export was not seen. */
static void tell_before(struct ctx *x, uint32_t buf)
{
	const struct dq_mbuf *b = dq_model_buf(x->m, buf);
	struct dq_sb sb = { 0 };
	const char **row;
	size_t len;

	/* where nobody looked the title says it */
	if (!b || !(b->b.flags & DQ_BUF_PREEXISTING) || !x->m->begin_snap)
		return;
	if (x->s->nbufs > 1)
		dq_sb_printf(&sb, "#%u ", buf);
	dq_sb_puts(&sb, "existed before the recording");
	len = sb.len;
	for (size_t i = 0; i < x->m->nholds; i++)
		if (x->m->holds[i].buf == buf && x->m->holds[i].what != DQ_HOLD_REFS)
			put_found(x, &sb, i);
	if (sb.len == len)
		dq_sb_puts(&sb, "; no descriptor or mapping of it was found");
	row = DQ_PUSH(x->s->before, x->s->nbefore, x->s->cap_before);
	if (!row)
		x->err = -ENOMEM;
	else
		*row = "";
	if (row)
		*row = keep_sb(x, &sb);
	else
		dq_sb_free(&sb);
}

/* Is there room for a lane of each thread? */
static bool few_threads(struct ctx *x)
{
	struct dq_map *seen = dq_map_new();
	size_t n = 0;
	uint64_t was;

	for (size_t i = 0; seen && i < x->m->ngroups && n <= THREADS_MAX; i++) {
		const struct dq_group *g = &x->m->groups[i];
		bool ours = false;

		for (size_t k = 0; k < g->n && !ours; k++)
			ours = of_story(x->s, x->m->calls_v[g->first + k].c.buf);
		if (!ours || dq_map_get(seen, g->task, &was))
			continue;
		n++;
		if (dq_map_put(seen, g->task, 1))
			x->err = -ENOMEM;
	}
	if (!seen)
		x->err = -ENOMEM;
	dq_map_free(seen);
	return n <= THREADS_MAX;
}

static int build(struct dq_story *s)
{
	struct ctx x = { .s = s, .m = s->m, .task_t = dq_map_new(), .arrivals = dq_map_new(),
			 .buf_lane = dq_map_new() };
	struct dq_effect *unseen = calloc(s->nbufs + 1, sizeof(*unseen));
	bool *wanted = NULL;
	int ret = unseen ? 0 : -ENOMEM;

	if (!x.task_t || !x.arrivals || !x.buf_lane || index_arrivals(&x)) {
		dq_map_free(x.task_t);
		dq_map_free(x.arrivals);
		dq_map_free(x.buf_lane);
		free(unseen);
		return -ENOMEM;
	}
	x.by_buf = !s->o.apart && (s->nbufs > 1 || s->o.detail == DQ_DETAIL_APP);
	x.by_thread = !s->o.apart && s->o.detail == DQ_DETAIL_APP && few_threads(&x);
	if (s->o.apart)
		new_lane(&x, DQ_LANE_CORE, "buffer", "one at a time");
	else if (!x.by_buf)
		new_lane(&x, DQ_LANE_CORE, "dma-buf", "core");
	else if (s->nbufs == 1)
		buffer_lane(&x, s->bufs[0]);
	for (size_t i = 0; i < s->nbufs && !x.err; i++) {
		const struct dq_mbuf *b = dq_model_buf(s->m, s->bufs[i]);

		exporter_lane(&x, s->bufs[i]);
		if (!s->o.apart)
			tell_before(&x, s->bufs[i]);
		s->calls += b ? b->calls : 0;
	}
	if (!ret)
		ret = x.err ? x.err : dq_story_focus(s, &wanted);
	for (size_t i = 0; i < s->m->ngroups && !ret; i++) {
		const struct dq_group *g = &s->m->groups[i];
		size_t first = s->nsteps;

		if (g->t1 < s->o.from || g->t0 > s->o.to)
			continue;
		if (wanted && !wanted[i]) {
			ret = dq_story_pass_over(s, g, unseen);
			continue;
		}
		ret = emit_group(&x, g);
		dq_story_catch_up(s, first, unseen);
	}
	free(wanted);
	free(unseen);
	for (size_t i = 0; i < s->m->ntransfers && !ret; i++) {
		if (s->m->transfers[i].way == DQ_WAY_FORK && of_story(s, s->m->transfers[i].buf))
			emit_fork(&x, i);
		ret = x.err;
	}
	free(x.v);
	dq_map_free(x.task_t);
	dq_map_free(x.arrivals);
	dq_map_free(x.buf_lane);
	return ret;
}

int dq_story_new(struct dq_story **ret_s, const struct dq_model *m, const uint32_t *bufs, size_t n,
		 const struct dq_story_opts *opts)
{
	struct dq_story *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s)
		return -ENOMEM;
	s->m = m;
	s->o = *opts;
	s->bufs = calloc(n ? n : 1, sizeof(*s->bufs));
	s->atts = dq_map_new();
	s->mapped = dq_map_new();
	s->unseen = dq_map_new();
	s->bufset = dq_map_new();
	s->strs = dq_strtab_new();
	if (!s->bufs || !s->atts || !s->mapped || !s->unseen || !s->bufset || !s->strs)
		goto fail;
	memcpy(s->bufs, bufs, n * sizeof(*bufs));
	s->nbufs = n;
	ret = 0;
	for (size_t i = 0; i < n && !ret; i++)
		ret = dq_map_put(s->bufset, bufs[i], i);
	if (!ret)
		ret = build(s);
	if (ret)
		goto fail;
	if (s->nsteps)
		qsort(s->steps, s->nsteps, sizeof(*s->steps), by_time);
	ret = s->o.apart ? dq_story_sort_apart(s) : 0;
	if (!ret)
		ret = dq_story_bars(s);
	if (!ret)
		ret = dq_story_mark(s);
	if (!ret)
		ret = cut_units(s);
	if (!ret)
		ret = dq_story_note_access(s);
	if (!ret)
		ret = dq_story_fold(s);
	if (!ret)
		dq_story_access_in_loops(s);
	if (!ret && s->o.apart)
		ret = dq_story_cut_chapters(s, s->o.max_steps);
	if (!ret)
		ret = dq_story_mark_drawn(s);
	if (!ret)
		ret = median_step(s);
	if (!ret)
		ret = dq_story_lanes(s);
	if (!ret)
		ret = dq_story_paginate(s, s->o.apart ? 0 : s->o.max_steps);
	if (ret)
		goto fail;
	*ret_s = s;
	return 0;
fail:
	dq_story_free(&s);
	return ret;
}

void dq_story_free(struct dq_story **ps)
{
	struct dq_story *s = *ps;

	if (!s)
		return;
	dq_map_free(s->atts);
	dq_map_free(s->mapped);
	dq_map_free(s->unseen);
	dq_map_free(s->bufset);
	dq_map_free(s->left);
	dq_strtab_free(s->strs);
	free(s->said);
	free(s->before);
	free(s->bufs);
	free(s->lanes);
	free(s->steps);
	free(s->units);
	free(s->loops);
	free(s->pages);
	free(s->chapters);
	free(s);
	*ps = NULL;
}
