/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * who.c - which driver made a call.
 *
 * With an attachment it is the attached device's driver. Without one it is the
 * module that called; but libraries (drm, videobuf2, ...) call on behalf of a
 * driver: then the device of the syscall tells, or what was learnt of this buffer
 * before. May use src/trace and src/util.
 */
#include <errno.h>
#include <string.h>

#include "model/internal.h"

bool dq_is_helper(const char *module)
{
	static const char *const names[] = {
		"drm", "drm_kms_helper", "drm_shmem_helper", "drm_gem_dma_helper",
		"drm_gem_cma_helper", "drm_vram_helper", "drm_ttm_helper", "ttm", "videodev",
		"v4l2_mem2mem", "v4l2_core", "dma_buf", "vb2", "faux_driver",
	};

	if (!strncmp(module, "videobuf2_", strlen("videobuf2_")))
		return true;
	for (size_t i = 0; i < DQ_ARRAY_SIZE(names); i++)
		if (*module == *names[i] && !strcmp(module, names[i]))
			return true;
	return false;
}

/* The same driver, written with '-' (as a device's driver) or '_' (as a module). */
bool dq_same_driver(const char *a, const char *b)
{
	if (a == b)
		return true;
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

static const char *intern(struct dq_model *m, const char *s, size_t len)
{
	uint32_t id = dq_strtab_intern(m->strs, s, len, NULL);

	return id == UINT32_MAX ? NULL : dq_strtab_get(m->strs, id);
}

/* NULL: no memory. */
static const char *module_name(struct dq_model *m, const char *caller)
{
	const char *open = strrchr(caller, '['), *close = open ? strchr(open, ']') : NULL;

	if (close && close > open + 1)
		return intern(m, open + 1, (size_t)(close - open - 1));
	if (!strncmp(caller, "drm_", 4))
		return "drm";
	if (!strncmp(caller, "vb2_", 4))
		return "vb2";
	return "";
}

/* One name for the modules of one library: any of them may call for the same driver. */
static const char *family(const char *module)
{
	if (!strncmp(module, "videobuf2_", strlen("videobuf2_")))
		return "vb2";
	if (dq_is_helper(module) && (!strncmp(module, "drm", 3) || !strcmp(module, "ttm")))
		return "drm";
	return module;
}

/* The module of a caller. Strings of a trace stay where they are, and there are far fewer callers
 * than calls. NULL: no memory; valid until the next one. */
static const struct dq_module *caller_module(struct dq_model *m, const char *caller)
{
	struct dq_module *row;
	const char *name;
	uint64_t i;

	if (m->last_module && caller == m->last_caller)
		return &m->modules[m->last_module - 1];
	if (dq_map_get(m->ix_module, (uintptr_t)caller, &i)) {
		m->last_caller = caller;
		m->last_module = i + 1;
		return &m->modules[i];
	}
	name = module_name(m, caller);
	if (!name || dq_map_put(m->ix_module, (uintptr_t)caller, m->nmodules))
		return NULL;
	row = DQ_PUSH(m->modules, m->nmodules, m->cap_modules);
	if (!row) {
		dq_map_del(m->ix_module, (uintptr_t)caller);
		return NULL;
	}
	*row = (struct dq_module){ name, family(name), dq_is_helper(name) };
	return row;
}

static struct dq_alias *find_alias(struct dq_mbuf *b, const char *name)
{
	for (size_t i = 0; *name && i < b->naliases; i++)
		if (dq_same_driver(b->aliases[i].name, name))
			return &b->aliases[i];
	return NULL;
}

const char *dq_who_stands_behind(const struct dq_mbuf *b, const char *module)
{
	const char *name = family(module);

	for (size_t i = 0; dq_is_helper(module) && i < b->naliases; i++)
		if (dq_same_driver(b->aliases[i].name, name))
			return b->aliases[i].who;
	return module;
}

void dq_who_changed(struct dq_model *m, struct dq_mbuf *b)
{
	if (b)
		b->version = ++m->versions;
	else
		memset(m->memo, 0, DQ_WHO_MEMOS * sizeof(*m->memo));
}

static int learn(struct dq_model *m, struct dq_mbuf *b, const char *name, const char *who, const char *whodev)
{
	struct dq_alias *a;

	if (!*name)
		return 0;
	a = find_alias(b, name);
	if (!a)
		a = DQ_PUSH(b->aliases, b->naliases, b->cap_aliases);
	if (!a)
		return -ENOMEM;
	if (a->name == name && a->who == who && a->whodev == whodev)
		return 0;
	*a = (struct dq_alias){ name, who, whodev };
	dq_who_changed(m, b);
	return 0;
}

const char *dq_dev_driver(const struct dq_dev *d)
{
	/* the device behind a virtual GPU's card is its transport */
	if (!strcmp(d->subsystem, "drm") && !strncmp(d->driver, "virtio-", 7))
		return "virtio_gpu";
	return d->driver;
}

static const struct dq_dev *sys_dev(struct dq_model *m, const struct dq_sys *sys)
{
	const struct dq_dev *d;

	if (!sys || !sys->dev)
		return NULL;
	if (sys->dev != m->last_dev) {
		d = dq_model_dev(m, sys->dev);
		m->last_dev = sys->dev;
		m->last_driver = d && strcmp(d->kind, "dmabuf") ? d : NULL;
		m->last_driver_name = m->last_driver ? dq_dev_driver(d) : "";
	}
	return m->last_driver;
}

void dq_who_exporter(struct dq_model *m, struct dq_mbuf *b, const struct dq_sys *sys)
{
	const struct dq_dev *d = sys_dev(m, sys);
	const char *said = *b->b.owner ? b->b.owner : b->b.exp_name;

	dq_who_changed(m, b);
	b->from_heap = d && (!strcmp(d->subsystem, "dma_heap") || !strcmp(d->path, "/dev/ion"));
	if (*said && !dq_is_helper(said))
		return;
	if (d && *dq_dev_driver(d)) {
		b->exporter = dq_dev_driver(d);
		b->helper = said;
	}
}

/* A meaningless or missing driver name gives way to the device's, then to the bus's. */
static const char *att_name(const struct dq_att *a)
{
	if (*a->driver && strcmp(a->driver, "faux_driver"))
		return a->driver;
	return *a->dev ? a->dev : a->bus;
}

void dq_who_att(struct dq_model *m, struct dq_mbuf *b, const struct dq_att *a)
{
	const char *name = att_name(a);

	if (!*name)
		return;
	dq_who_changed(m, b);
	b->att_many |= b->att_who && strcmp(b->att_who, name);
	b->att_who = name;
	b->att_dev = a->dev;
}

/*
 * The name of an attachment's importer. The attached device may be a parent (a PCI
 * function, a USB host) with another driver than the one that works with the buffer:
 * when a library makes the attachment in a syscall on a driver's device, it is that one.
 */
static void name_importer(struct dq_matt *att, const struct dq_mcall *c,
			  const struct dq_module *module, const char *driver)
{
	bool attaches = c->c.hook == HOOK_ATTACH || c->c.hook == HOOK_DYNAMIC_ATTACH;
	const char *name = att_name(&att->a);

	if (attaches && *driver && module->helper && !dq_same_driver(driver, name))
		name = driver;
	att->importer = *name ? name : *module->name ? module->name : "unknown importer";
}

static int who_attached(struct dq_model *m, struct dq_mbuf *b, struct dq_mcall *c, struct dq_matt *att,
			const struct dq_module *module, const char *driver)
{
	int ret = 0;

	if (!*att->importer)
		name_importer(att, c, module, driver);
	c->who = att->importer;
	c->whodev = att->a.dev;
	/* later calls without an attachment come through the same module or device */
	if (module->helper)
		ret = learn(m, b, module->family, c->who, c->whodev);
	if (!ret)
		ret = learn(m, b, driver, c->who, c->whodev);
	return ret;
}

/* Another recorder's return probe stood before the caller: not even a library's name is known. */
static bool is_hidden(const struct dq_mcall *c)
{
	return c->c.caller && !strcmp(c->c.caller, DQ_CALLER_HIDDEN);
}

/* A call that names no attachment: the caller's module, seen through the libraries. */
static int who_called(struct dq_model *m, struct dq_mbuf *b, struct dq_mcall *c, const struct dq_module *module,
		      const char *driver)
{
	bool helper = !*module->name || module->helper, hidden = is_hidden(c);
	const char *key = !helper ? module->name : *driver ? driver : module->family;
	const struct dq_alias *a = find_alias(b, key);

	if (a) {
		c->who = a->who;
		c->whodev = a->whodev;
		return 0;
	}
	for (size_t i = 0; i < b->nimporters; i++)
		if (dq_same_driver(b->importers[i], key))
			key = b->importers[i];
	/* nothing but a library's name: if only one device is attached, it is that one's */
	if (helper && !*driver && !hidden && b->att_who && !b->att_many) {
		c->who = b->att_who;
		c->whodev = b->att_dev;
		return 0;
	}
	c->who = key;
	return helper && *driver ? learn(m, b, module->family, key, "") : 0;
}

static bool is_known_importer(const struct dq_mbuf *b, const char *who)
{
	for (size_t i = 0; i < b->nimporters; i++)
		if (dq_same_driver(b->importers[i], who))
			return true;
	return false;
}

/* Is it the exporter's own call, by what is called or by who calls? */
static bool by_exporter(const struct dq_mbuf *b, const struct dq_mcall *c)
{
	switch (c->c.hook) {
	case HOOK_EXPORT:
	case HOOK_FD:
	case HOOK_FD_INSTALL_API:
	case HOOK_MOVE_NOTIFY:
	case HOOK_INVALIDATE:
		return true;
	case HOOK_GET:
		return false;
	default:
		return !c->c.att && !is_known_importer(b, c->who) &&
		       (*c->who ? dq_same_driver(c->who, b->exporter) : !is_hidden(c));
	}
}

static int find_who(struct dq_model *m, struct dq_mbuf *b, struct dq_mcall *c, const struct dq_sys *sys)
{
	struct dq_matt *att = c->c.att ? dq_matt(m, c->c.att) : NULL;
	const char *driver = sys_dev(m, sys) ? m->last_driver_name : ""; /* behind the syscall's device */
	const char *caller = c->c.caller ? c->c.caller : "";
	const struct dq_module *module = caller_module(m, caller);
	size_t fn;

	if (!module)
		return -ENOMEM;
	if (att) {
		int ret = who_attached(m, b, c, att, module, driver);

		if (ret)
			return ret;
	} else {
		int ret = who_called(m, b, c, module, driver);

		if (ret)
			return ret;
	}
	if (by_exporter(b, c)) {
		c->flags |= DQ_MC_EXPORTER;
		c->who = b->exporter;
		c->whodev = "";
	}
	if (!*c->who && is_hidden(c))
		c->who = "unknown caller";
	if (!*c->who) {		/* a built-in driver: the function is all that is known */
		fn = strcspn(caller, " [");
		c->who = fn ? intern(m, caller, fn) : "kernel";
	}
	return c->who ? 0 : -ENOMEM;
}

static int add_importer(struct dq_model *m, struct dq_mbuf *b, const struct dq_mcall *c)
{
	const char **row;

	if (!*c->who || (c->flags & DQ_MC_EXPORTER))
		return 0;
	for (size_t i = 0; i < b->nimporters; i++)
		if (b->importers[i] == c->who || !strcmp(b->importers[i], c->who))
			return 0;
	row = DQ_PUSH(b->importers, b->nimporters, b->cap_importers);
	if (!row)
		return -ENOMEM;
	*row = c->who;
	dq_who_changed(m, b);
	return 0;
}

/* An answer is remembered when finding it changed nothing: then it would be found again. */
int dq_who(struct dq_model *m, struct dq_mbuf *b, struct dq_mcall *c, const struct dq_sys *sys)
{
	uint32_t dev = sys ? sys->dev : 0;
	size_t at = (c->c.buf * 31 + c->c.hook * 7 + c->c.att + (size_t)(uintptr_t)c->c.caller / 8) %
		    DQ_WHO_MEMOS;
	struct dq_who_memo *memo = &m->memo[at];
	uint64_t version = b->version;
	int ret;

	if (memo->version == version && memo->buf == c->c.buf && memo->caller == c->c.caller &&
	    memo->hook == c->c.hook && memo->att == c->c.att && memo->dev == dev) {
		c->who = memo->who;
		c->whodev = memo->whodev;
		c->flags |= memo->exporter ? DQ_MC_EXPORTER : 0;
		return 0;
	}
	ret = find_who(m, b, c, sys);
	if (!ret)
		ret = add_importer(m, b, c);
	if (!ret && b->version == version)
		*memo = (struct dq_who_memo){ c->c.caller, version, c->c.buf, c->c.att, dev, c->c.hook,
					      !!(c->flags & DQ_MC_EXPORTER), c->who, c->whodev };
	return ret;
}
