/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * anon.c - see anon.h. A table of names per world (processes, hardware, functions, ...), because
 * only inside of one an equal name means the same thing: an importer is recognized by having
 * the name of the driver of a device node. Touches nothing but memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "anon.h"
#include "util/util.h"

/* 2000-01-01: all traces were recorded then */
#define EPOCH 946684800000000000ull

enum world { W_PROCESS, W_HARDWARE, W_BUFFER, W_FUNCTION, W_TIMELINE, W_MAX };

/* What a name is called when it is first seen as that. */
enum noun {
	N_PROCESS,
	N_KTHREAD,
	N_DRIVER,
	N_DEVICE,
	N_SUBSYSTEM,
	N_BUS,
	N_BUFFER,
	N_FUNCTION,
	N_TIMELINE,
	N_MAX,
};

static const struct {
	const char *word;
	enum world world;
	unsigned int keep;
} nouns[N_MAX] = {
	[N_PROCESS] = {"process", W_PROCESS, DQ_KEEP_PROCESSES},
	[N_KTHREAD] = {"kthread", W_PROCESS, DQ_KEEP_PROCESSES},
	[N_DRIVER] = {"driver", W_HARDWARE, DQ_KEEP_DRIVERS},
	[N_DEVICE] = {"device", W_HARDWARE, DQ_KEEP_DEVICES},
	[N_SUBSYSTEM] = {"subsystem", W_HARDWARE, DQ_KEEP_DRIVERS},
	[N_BUS] = {"bus", W_HARDWARE, DQ_KEEP_DRIVERS},
	[N_BUFFER] = {"buffer", W_BUFFER, DQ_KEEP_BUFFERS},
	[N_FUNCTION] = {"function", W_FUNCTION, DQ_KEEP_FUNCTIONS},
	[N_TIMELINE] = {"timeline", W_TIMELINE, DQ_KEEP_DRIVERS},
};

struct entry {
	const char *out;   /* NULL: not replaced so far */
	uint32_t letters;  /* of a name without the number at its end: its own, from 1 */
	uint32_t numbered; /* ... and how many there are with one */
};

struct table {
	struct dq_strtab *in; /* id: index into v */
	struct entry *v;
	size_t n, cap;
};

struct dq_anon {
	unsigned int keep;
	struct table tables[W_MAX];
	struct dq_strtab *made; /* owns what is not in the trace that was read */
	uint32_t used[W_MAX];	/* letters given in each world */
	struct dq_map *pids, *inos;
	struct dq_sb sb;
	bool started; /* "anonymized" was put */
	bool have_shift;
	uint64_t shift; /* to subtract from CLOCK_REALTIME */
	const struct dq_sink *next;
};

unsigned int dq_anon_keep_by_name(const char *name, size_t len)
{
	static const char *const words[] = {"processes", "drivers", "devices", "buffers",
					    "functions", "ids",	    "time"};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) == len && !memcmp(words[i], name, len))
			return 1u << i;
	}
	return 0;
}

int dq_anon_new(struct dq_anon **ret_a, unsigned int keep)
{
	struct dq_anon *a = calloc(1, sizeof(*a));
	bool ok = a != NULL;

	*ret_a = NULL;
	for (int i = 0; ok && i < W_MAX; i++)
		ok = (a->tables[i].in = dq_strtab_new()) != NULL;
	ok = ok && (a->made = dq_strtab_new()) && (a->pids = dq_map_new()) &&
	     (a->inos = dq_map_new());
	if (!ok) {
		dq_anon_free(&a);
		return -ENOMEM;
	}
	a->keep = keep;
	*ret_a = a;
	return 0;
}

void dq_anon_free(struct dq_anon **pa)
{
	struct dq_anon *a = *pa;

	if (!a)
		return;
	for (int i = 0; i < W_MAX; i++) {
		if (a->tables[i].in)
			dq_strtab_free(a->tables[i].in);
		free(a->tables[i].v);
	}
	if (a->made)
		dq_strtab_free(a->made);
	if (a->pids)
		dq_map_free(a->pids);
	if (a->inos)
		dq_map_free(a->inos);
	dq_sb_free(&a->sb);
	free(a);
	*pa = NULL;
}

/* ---- names ---- */

/* The string of a->sb, for as long as a lives. NULL: no memory. */
static const char *made(struct dq_anon *a)
{
	uint32_t id = a->sb.err ? UINT32_MAX
				: dq_strtab_intern(a->made, dq_sb_str(&a->sb), a->sb.len, NULL);

	dq_sb_reset(&a->sb);
	a->sb.err = 0;
	return id == UINT32_MAX ? NULL : dq_strtab_get(a->made, id);
}

/* A driver is written with '-', its module with '_': the same name. */
static uint32_t name_id(struct table *t, enum world w, const char *s, size_t len)
{
	char key[256];

	if (w != W_HARDWARE || len > sizeof(key))
		return dq_strtab_intern(t->in, s, len, NULL);
	for (size_t i = 0; i < len; i++)
		key[i] = s[i] == '-' ? '_' : s[i];
	return dq_strtab_intern(t->in, key, len, NULL);
}

static struct entry *entry(struct table *t, enum world w, const char *s, size_t len)
{
	uint32_t id = name_id(t, w, s, len);

	if (id == UINT32_MAX)
		return NULL;
	while (t->n <= id) {
		if (!DQ_PUSH(t->v, t->n, t->cap))
			return NULL;
	}
	return &t->v[id];
}

/* A, B, ... Z, AA, AB, ... for 1, 2, ... */
static void put_letters(struct dq_sb *sb, uint32_t n)
{
	char buf[8], *p = buf + sizeof(buf);

	for (; n; n = (n - 1) / 26)
		*--p = (char)('A' + (n - 1) % 26);
	dq_sb_put(sb, p, (size_t)(buf + sizeof(buf) - p));
}

/*
 * The replacement of a name. What it ends in is for people which one it is of several alike, and so
 * it is for shapes and diff: "worker1" and "worker2" become "processC1" and "processC2".
 * NULL: no memory.
 */
static const char *replace(struct dq_anon *a, enum noun n, const char *s, size_t len)
{
	struct table *t = &a->tables[nouns[n].world];
	size_t base = len;
	struct entry *e, *b;

	while (base && s[base - 1] >= '0' && s[base - 1] <= '9')
		base--;
	if (!entry(t, nouns[n].world, s, base) || !entry(t, nouns[n].world, s, len))
		return NULL;
	b = entry(t, nouns[n].world, s, base);
	e = entry(t, nouns[n].world, s, len);
	if (!b || !e || e->out)
		return e ? e->out : NULL;
	if (!b->letters)
		b->letters = ++a->used[nouns[n].world];
	dq_sb_puts(&a->sb, nouns[n].word);
	put_letters(&a->sb, b->letters);
	if (base < len)
		dq_sb_printf(&a->sb, "%" PRIu32, ++b->numbered);
	e->out = made(a);
	return e->out;
}

static int put(const char **field, const char *with)
{
	if (with)
		*field = with;
	return with ? 0 : -ENOMEM;
}

/* Replaces the field, unless it is empty, known, or all of its kind are kept. */
static int name(struct dq_anon *a, enum noun n, const char **field, bool known)
{
	if (!**field || known || (a->keep & nouns[n].keep))
		return 0;
	/* what the reader says where the name was lost */
	if (!strcmp(*field, "?"))
		return 0;
	return put(field, replace(a, n, *field, strlen(*field)));
}

static int driver(struct dq_anon *a, const char **field)
{
	return name(a, N_DRIVER, field, dq_known_driver(*field, strlen(*field)));
}

/* "vivid.0", "vgem": a known driver's name and a number */
static bool known_device(const char *s)
{
	size_t len = strlen(s), n = len;

	while (n && s[n - 1] >= '0' && s[n - 1] <= '9')
		n--;
	if (n && n < len && (s[n - 1] == '.' || s[n - 1] == '-'))
		n--;
	return dq_known_driver(s, len) || (n && dq_known_driver(s, n));
}

/* Also where a driver has been given the name of its device. */
static int driver_or_device(struct dq_anon *a, enum noun n, const char **field)
{
	return name(a, n, field, known_device(*field));
}

/* Its directory says what kind it is only where it is known. */
static int path(struct dq_anon *a, const char **field)
{
	const char *base = strrchr(*field, '/'), *with;

	if (!**field || dq_known_path(*field) || (a->keep & DQ_KEEP_DEVICES))
		return 0;
	base = base ? base + 1 : *field;
	with = replace(a, N_DEVICE, base, strlen(base));
	if (!with)
		return -ENOMEM;
	dq_sb_printf(&a->sb, "/dev/%s", with);
	return put(field, made(a));
}

/* ---- functions ---- */

/* Appends one "function [module]" to to. */
static int symbol(struct dq_anon *a, struct dq_sb *to, const char *s, size_t len)
{
	const char *open = memrchr(s, '[', len), *mod = open ? open + 1 : "", *fn = NULL;
	size_t modlen = 0, fnlen = len;
	bool known;

	if (open && s[len - 1] == ']' && open > s && open[-1] == ' ') {
		modlen = (size_t)(s + len - 1 - mod);
		fnlen = (size_t)(open - 1 - s);
	}
	known = modlen ? dq_known_driver(mod, modlen) : dq_known_function(s, fnlen);
	if (!known && !(a->keep & DQ_KEEP_FUNCTIONS)) {
		fn = replace(a, N_FUNCTION, s, fnlen);
		if (!fn)
			return -ENOMEM;
	}
	if (fn)
		dq_sb_puts(to, fn);
	else
		dq_sb_put(to, s, fnlen);
	if (!modlen)
		return to->err;
	fn = dq_known_driver(mod, modlen) || (a->keep & DQ_KEEP_DRIVERS)
		     ? NULL
		     : replace(a, N_DRIVER, mod, modlen);
	if (!fn && !dq_known_driver(mod, modlen) && !(a->keep & DQ_KEEP_DRIVERS))
		return -ENOMEM;
	dq_sb_puts(to, " [");
	if (fn)
		dq_sb_puts(to, fn);
	else
		dq_sb_put(to, mod, modlen);
	dq_sb_putc(to, ']');
	return to->err;
}

/* One or more of them, a line each. */
static int symbols(struct dq_anon *a, const char **field)
{
	struct dq_sb to = {0};
	const char *with = NULL;
	uint32_t id;
	size_t n;
	int err = 0;

	if (!**field || !strcmp(*field, DQ_CALLER_HIDDEN))
		return 0;
	for (const char *s = *field; *s && !err; s += n + (s[n] == '\n')) {
		n = strcspn(s, "\n");
		if (s != *field)
			dq_sb_putc(&to, '\n');
		err = n ? symbol(a, &to, s, n) : 0;
	}
	err = err ? err : to.err;
	if (!err) {
		id = dq_strtab_intern(a->made, dq_sb_str(&to), to.len, NULL);
		with = id == UINT32_MAX ? NULL : dq_strtab_get(a->made, id);
		err = put(field, with);
	}
	dq_sb_free(&to);
	return err;
}

/* ---- numbers ---- */

/* Numbers from first on, in the order of first sight; 0 stays. */
static int number(struct dq_anon *a, struct dq_map *m, uint64_t first, uint64_t *v)
{
	uint64_t with = first + dq_map_len(m);

	if (!*v || (a->keep & DQ_KEEP_IDS))
		return 0;
	if (!dq_map_get(m, *v, &with) && dq_map_put(m, *v, with))
		return -ENOMEM;
	*v = with;
	return 0;
}

static int pid(struct dq_anon *a, uint32_t *v)
{
	uint64_t with = *v;
	int err = number(a, a->pids, 1001, &with);

	*v = (uint32_t)with;
	return err;
}

/* ---- kinds ---- */

/* In place: a list of words, of which those in front of '=' stay. */
static int filter(struct dq_anon *a, const char **field)
{
	for (const char *s = *field; *s;) {
		size_t n = strcspn(s, " "), w = strcspn(s, "= ");
		static const char *const words[] = {"pid",   "comm",	 "exporter", "device",
						    "inode", "min-size", "command"};

		/* a name may have a blank in it, and then anything */
		for (size_t i = 0; i < DQ_ARRAY_SIZE(words); i++) {
			if (w == strlen(words[i]) && !memcmp(words[i], s, w))
				dq_sb_printf(&a->sb, "%s%s%s", a->sb.len ? " " : "", words[i],
					     s[w] == '=' ? "=..." : "");
		}
		s += n + (s[n] == ' ');
	}
	return put(field, made(a));
}

static int meta(struct dq_anon *a, struct dq_meta *m)
{
	static const char *const stay[] = {
		"tool",	     "version",	       "kernel.release", "kernel.version", "arch",
		"clock",     "rung",	       "ring.bytes",	 "calibration",	   "keep.last",
		"keep.from", "keep.forgotten", "keep.lost",	 "keep.open",
		"keep.parts"};
	int err;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(stay); i++) {
		if (!strcmp(m->key, stay[i]))
			return 1;
	}
	if (!strcmp(m->key, "cmdline")) {
		if (!(a->keep & DQ_KEEP_PROCESSES))
			m->value = "...";
		return 1;
	}
	if (strcmp(m->key, "filter"))
		return 0;
	err = filter(a, &m->value);
	return err ? err : 1;
}

/* Of a callback it is a driver's function; of a tracepoint "group:event" of a known hook. */
static int hook(struct dq_anon *a, struct dq_hook *h)
{
	const struct dq_hook_info *info = dq_hook_info(h->id);
	int err = 0;

	if (!info || strcmp(info->name, h->name))
		err = symbols(a, &h->name);
	if (!err && (!info || strcmp(info->name, h->symbol)) &&
	    (strncmp(h->symbol, "binder:", 7) && strncmp(h->symbol, "dma_fence:", 10)))
		err = symbols(a, &h->symbol);
	return err;
}

/* "kworker/0:1H" and so on are the kernel's own. */
static bool known_kthread(const char *s, size_t len)
{
	static const char *const begins[] = {"kworker/",  "ksoftirqd/", "migration/", "rcu_",
					     "kswapd",	  "khugepaged", "kthreadd",   "kdevtmpfs",
					     "kcompactd", "swapper/"};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(begins); i++) {
		size_t n = strlen(begins[i]);

		if (len >= n && !memcmp(s, begins[i], n) &&
		    strspn(s + n, "0123456789:uHRIN") >= len - n)
			return true;
	}
	return false;
}

/* "irq/45-acme": the number stays. "kworker/u8:1-acme": the queue of a driver. */
static int kthread(struct dq_anon *a, const char **field)
{
	const char *dash = strchr(*field, '-'), *with;
	size_t n = dash ? (size_t)(dash - *field) : strlen(*field);
	bool irq = !strncmp(*field, "irq/", 4) && dash && strspn(*field + 4, "0123456789") == n - 4;

	if (a->keep & DQ_KEEP_PROCESSES)
		return 0;
	if (!irq && !known_kthread(*field, n))
		return name(a, N_KTHREAD, field, false);
	if (!dash || !dash[1] || dq_known_driver(dash + 1, strlen(dash + 1)))
		return 0;
	with = replace(a, N_DRIVER, dash + 1, strlen(dash + 1));
	if (!with)
		return -ENOMEM;
	dq_sb_printf(&a->sb, "%.*s-%s", (int)n, *field, with);
	return put(field, made(a));
}

static int task(struct dq_anon *a, struct dq_task *t)
{
	bool kernel = t->flags & DQ_TASK_KTHREAD;
	int err = pid(a, &t->tgid);

	err = err ? err : pid(a, &t->tid);
	/* the process first: its threads are mostly called the same */
	err = err ? err : kernel ? kthread(a, &t->process) : name(a, N_PROCESS, &t->process, false);
	if (err)
		return err;
	return kernel ? kthread(a, &t->comm) : name(a, N_PROCESS, &t->comm, false);
}

static int dev(struct dq_anon *a, struct dq_dev *d)
{
	static const char *const kinds[] = {"chr",  "blk", "dmabuf", "sock",  "pipe",
					    "anon", "reg", "dir",    "other", ""};
	int err = driver_or_device(a, N_DRIVER, &d->driver);
	bool known = false;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(kinds); i++)
		known |= !strcmp(kinds[i], d->kind);
	if (!known)
		d->kind = "other";
	err = err ? err : path(a, &d->path);
	return err ? err : name(a, N_SUBSYSTEM, &d->subsystem, dq_known_subsystem(d->subsystem));
}

static int buf(struct dq_anon *a, struct dq_buf *b)
{
	int err = number(a, a->inos, 1, &b->ino);

	b->raw = 0;
	err = err ? err : driver(a, &b->owner);
	err = err ? err : driver(a, &b->exp_name);
	return err ? err : name(a, N_BUFFER, &b->name, false);
}

static int att(struct dq_anon *a, struct dq_att *t)
{
	int err = driver(a, &t->driver);

	t->raw = 0;
	err = err ? err : driver_or_device(a, N_DEVICE, &t->dev);
	return err ? err : name(a, N_BUS, &t->bus, dq_known_bus(t->bus));
}

/* Some calls take or give pids. */
static int sys(struct dq_anon *a, struct dq_sys *s)
{
	static const char *const give[] = {"clone", "clone3", "fork", "vfork"};
	uint64_t v;
	int err = 0;

	if (strspn(s->name, "abcdefghijklmnopqrstuvwxyz_0123456789") != strlen(s->name))
		s->name = ""; /* no recorder wrote that */
	for (size_t i = 0; i < DQ_ARRAY_SIZE(give) && !err; i++) {
		v = s->ret > 0 ? (uint64_t)s->ret : 0;
		if (!strcmp(s->name, give[i]) && v) {
			err = number(a, a->pids, 1001, &v);
			s->ret = (int64_t)v;
		}
	}
	if (!err && !strcmp(s->name, "kcmp")) {
		err = number(a, a->pids, 1001, &s->a[0]);
		err = err ? err : number(a, a->pids, 1001, &s->a[1]);
	}
	return err;
}

static int ops(struct dq_anon *a, struct dq_ops *o)
{
	int err = driver(a, &o->module);

	return err ? err : driver(a, &o->exporter);
}

static int timeline(struct dq_anon *a, struct dq_timeline *t)
{
	int err = driver(a, &t->driver);

	return err ? err : name(a, N_TIMELINE, &t->name, false);
}

/* The recorder's own sentences, and nothing behind them that may be a name. */
static void end(struct dq_end *e)
{
	static const char *const whole[] = {"command exited with status ",
					    "command killed by signal ",
					    "SIG",
					    "-t ",
					    "cannot write: E",
					    "cannot rotate: E",
					    "rotated",
					    "failed call: "};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(whole); i++) {
		if (!strncmp(e->reason, whole[i], strlen(whole[i])) && strlen(e->reason) < 80)
			return;
	}
	if (strcmp(e->reason, "time is up") && strcmp(e->reason, "disk full") && *e->reason)
		e->reason = "...";
}

static void shift_date(struct dq_anon *a, uint64_t *real)
{
	if (!*real || (a->keep & DQ_KEEP_TIME))
		return;
	if (!a->have_shift)
		a->shift = *real - EPOCH;
	a->have_shift = true;
	*real -= a->shift;
}

void dq_anon_header(struct dq_anon *a, uint8_t boot_id[16], uint64_t *real)
{
	memset(boot_id, 0, 16);
	shift_date(a, real);
}

int dq_anon_item(struct dq_anon *a, struct dq_item *item)
{
	int err = 0;

	switch (item->kind) {
	case DQ_META:
		return meta(a, &item->meta);
	case DQ_HOOK:
		err = hook(a, &item->hook);
		break;
	case DQ_TASK:
		err = task(a, &item->task);
		break;
	case DQ_DEV:
		err = dev(a, &item->dev);
		break;
	case DQ_BUF:
		err = buf(a, &item->buf);
		break;
	case DQ_ATT:
		err = att(a, &item->att);
		break;
	case DQ_CALL:
		err = symbols(a, &item->call.caller);
		break;
	case DQ_SYS:
		err = sys(a, &item->sys);
		break;
	case DQ_NAME:
		err = name(a, N_BUFFER, &item->name.name, false);
		break;
	case DQ_OPS:
		err = ops(a, &item->ops);
		break;
	case DQ_STACK:
		err = symbols(a, &item->stack.frames);
		break;
	case DQ_TIMELINE:
		err = timeline(a, &item->timeline);
		break;
	case DQ_CLOCK:
		shift_date(a, &item->clock.real);
		break;
	case DQ_END:
		end(&item->end);
		break;
	case DQ_LOSS:
	case DQ_TASKEV:
	case DQ_SNAP:
	case DQ_HOLD:
	case DQ_KIND_MAX:
		break;
	}
	return err ? err : 1;
}

/* ---- the sink ---- */

static int sink_put(void *ctx, const struct dq_item *item)
{
	static const struct dq_item said = {.kind = DQ_META, .meta = {"anonymized", "yes"}};
	struct dq_anon *a = ctx;
	struct dq_item copy = *item;
	int ret = a->started ? 0 : a->next->put(a->next->ctx, &said);

	if (ret)
		return ret;
	a->started = true;
	ret = dq_anon_item(a, &copy);
	return ret > 0 ? a->next->put(a->next->ctx, &copy) : ret;
}

static int sink_flush(void *ctx)
{
	struct dq_anon *a = ctx;

	return a->next->flush(a->next->ctx);
}

struct dq_sink dq_anon_sink(struct dq_anon *a, const struct dq_sink *next)
{
	a->next = next;
	return (struct dq_sink){.put = sink_put, .flush = sink_flush, .ctx = a};
}
