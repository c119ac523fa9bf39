/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * label.c - calls and results in words.
 *
 * Plain text, not escaped for anything. In canonical form everything that names an
 * object (descriptor, attachment, address) is left out, so that two rounds of a loop
 * read the same. May use src/util.
 */
#include <string.h>

#include "model/internal.h"

static void put_fd(struct dq_sb *sb, const struct dq_label_ctx *x, int64_t fd)
{
	if (x->canon)
		dq_sb_puts(sb, "fd");
	else
		dq_sb_printf(sb, "fd %lld", (long long)(int32_t)fd);
}

static void put_att(struct dq_sb *sb, const struct dq_label_ctx *x, uint32_t att)
{
	uint32_t n = dq_story_att(x->s, att);

	if (!att || !n)
		dq_sb_puts(sb, "?");
	else if (x->canon)
		dq_sb_puts(sb, "A");
	else
		dq_sb_printf(sb, "A%u", n);
}

static void put_size(struct dq_sb *sb, uint64_t bytes)
{
	char buf[32];

	dq_sb_puts(sb, dq_fmt_size(buf, bytes));
}

static void put_prot(struct dq_sb *sb, uint64_t prot)
{
	dq_sb_printf(sb, "%s%s%s", prot & 1 ? "r" : "-", prot & 2 ? "w" : "-",
		     prot & 4 ? "x" : "");
	dq_sb_puts(sb, prot & 8 ? " shared" : " private");
}

/* Nothing is put for an argument that says nothing; true if something was. */
static bool put_arg(struct dq_sb *sb, const struct dq_label_ctx *x, enum hook_arg arg, uint64_t v)
{
	const struct dq_timeline *t;
	size_t before = sb->len;

	switch (arg) {
	case ARG_SIZE:
	case ARG_LEN:
		put_size(sb, v);
		break;
	case ARG_OFLAGS:
		dq_sb_oflags(sb, v);
		break;
	case ARG_FD:
		put_fd(sb, x, (int64_t)v);
		break;
	case ARG_FDNO:
		if (v)
			put_fd(sb, x, (int64_t)v - 1);
		break;
	case ARG_DYN:
		dq_sb_puts(sb, v ? "dynamic" : "");
		break;
	case ARG_DIR:
		dq_sb_puts(sb, dq_dir_name(v));
		break;
	case ARG_OFFSET:
		dq_sb_printf(sb, "at %llu", (unsigned long long)v);
		break;
	case ARG_PGOFF:
		if (v)
			dq_sb_printf(sb, "from page %llu", (unsigned long long)v);
		break;
	case ARG_PAGE:
		dq_sb_printf(sb, "page %llu", (unsigned long long)v);
		break;
	case ARG_PROT:
		put_prot(sb, v);
		break;
	case ARG_NONE:
	case ARG_CMD:
	case ARG_SYNC:
	case ARG_MASK:
	case ARG_KEY:
	case ARG_ORIG:
		break;
	case ARG_TIMELINE:
		t = dq_model_timeline(x->s->m, (uint32_t)v);
		dq_sb_puts(sb, t ? t->driver : "");
		break;
	case ARG_SEQNO:
		dq_sb_printf(sb, "seq %llu", (unsigned long long)v);
		break;
	}
	return sb->len != before;
}

/* The name that was set while c ran. */
static void put_new_name(struct dq_sb *sb, const struct dq_model *m, const struct dq_call *c)
{
	for (size_t i = 0; i < m->nnames; i++) {
		const struct dq_name *n = &m->names[i];

		if (n->buf != c->buf || n->t < c->t0 || n->t > dq_call_end(c))
			continue;
		dq_sb_printf(sb, "\"%s\"", n->name);
		return;
	}
}

static void put_ioctl_args(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_call *c)
{
	const char *name = dq_ioctl_name((uint32_t)c->a[0], "", "");
	bool ours = ((c->a[0] >> 8) & 0xff) == 'b';

	if (!ours || !name) {
		dq_sb_puts(sb, "ioctl(");
		dq_sb_ioctl(sb, (uint32_t)c->a[0], NULL);
		dq_sb_putc(sb, ')');
		return;
	}
	dq_sb_puts(sb, name);
	dq_sb_putc(sb, '(');
	if ((c->a[0] & 0xff) == 0) {
		dq_sb_sync(sb, c->a[1]);
	} else if ((c->a[0] & 0xff) == 3 && c->a[1] != UINT64_MAX) {
		put_fd(sb, x, (int64_t)(c->a[1] >> 32));
	} else if ((c->a[0] & 0xff) == 1) {
		if (!x->canon)
			put_new_name(sb, x->s->m, c);
	}
	dq_sb_putc(sb, ')');
}

/* "#2, " where a chart is about several buffers. */
static bool put_buf(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_call *c)
{
	if (x->s->nbufs < 2 || !c->buf || c->att)
		return false;
	if (x->canon)
		dq_sb_putc(sb, '#');
	else
		dq_sb_printf(sb, "#%u", c->buf);
	return true;
}

static void put_args(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_call *c,
		     const struct dq_hook_info *h)
{
	const struct dq_matt *att = dq_model_att(x->s->m, c->att);
	bool any = h->obj != OBJ_RET && put_buf(sb, x, c);

	if (h->ret == RET_ATT && att) {
		dq_sb_printf(sb, "%s%s", any ? ", " : "", *att->a.dev ? att->a.dev : att->importer);
		any = true;
	} else if (c->att || h->obj == OBJ_ATTACH0) {
		dq_sb_puts(sb, any ? ", " : "");
		put_att(sb, x, c->att);
		any = true;
	}
	for (size_t i = 0; i < DQ_ARRAY_SIZE(h->arg); i++) {
		size_t before = sb->len;

		/* how an exporter wants its file opened tells nobody anything */
		if (h->id == HOOK_EXPORT && h->arg[i] == ARG_OFLAGS)
			continue;
		dq_sb_puts(sb, any ? ", " : "");
		if (put_arg(sb, x, h->arg[i], c->a[i])) {
			any = true;
		} else if (!sb->err && sb->s) {	/* take the comma back */
			sb->len = before;
			sb->s[before] = '\0';
		}
	}
}

void dq_label_call(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_mcall *mc)
{
	const struct dq_call *c = &mc->c;
	const struct dq_hook_info *h = dq_hook_info(c->hook);

	if (!h) {
		dq_sb_printf(sb, "hook %u()", c->hook);
		return;
	}
	if (c->hook == HOOK_IOCTL) {
		put_ioctl_args(sb, x, c);
		return;
	}
	dq_sb_puts(sb, h->name);
	if (h->kind == KIND_OPS || h->kind == KIND_IMPOPS)
		return;		/* the API call next to it has the arguments */
	dq_sb_putc(sb, '(');
	put_args(sb, x, c, h);
	dq_sb_putc(sb, ')');
}

void dq_label_result(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_mcall *mc)
{
	const struct dq_call *c = &mc->c;
	const struct dq_hook_info *h = dq_hook_info(c->hook);

	if (mc->flags & DQ_MC_FAILED && c->ret < 0) {
		dq_sb_printf(sb, "-%s", dq_errname(c->ret));
		return;
	}
	if (c->flags & DQ_CALL_NULL) {
		dq_sb_puts(sb, "NULL");
		return;
	}
	switch (h ? h->ret : RET_INT) {
	case RET_BUF:
		dq_sb_puts(sb, "dma_buf");
		if (!x->canon)
			dq_sb_printf(sb, " #%u", c->buf);
		break;
	case RET_FD:
		put_fd(sb, x, c->ret);
		break;
	case RET_ATT:
		dq_sb_puts(sb, "attachment ");
		put_att(sb, x, c->att);
		break;
	case RET_SGT:
		if (x->canon)
			dq_sb_puts(sb, "sg_table");
		else
			dq_sb_printf(sb, "sg_table, %lld %s", (long long)c->ret,
			     c->ret == 1 ? "entry" : "entries");
		break;
	case RET_PTR:
		dq_sb_puts(sb, c->ret ? "vaddr" : "NULL");
		break;
	case RET_INT:
		if (c->hook == HOOK_VMAP || c->hook == HOOK_VMAP_UNLOCKED)
			dq_sb_puts(sb, "vaddr");
		else
			dq_sb_printf(sb, "%lld", (long long)c->ret);
		break;
	case RET_MASK:
		dq_sb_printf(sb, "events 0x%llx", (unsigned long long)c->ret);
		break;
	case RET_VOID:
	case RET_NORET:
		break;
	}
}

/* ---- syscalls ---- */

static const struct dq_call *find_hook(const struct dq_group *g, const struct dq_mcall *v,
				       uint32_t hook)
{
	for (size_t i = 0; i < g->n; i++)
		if (v[i].c.hook == hook)
			return &v[i].c;
	return NULL;
}

static void put_sys_name(struct dq_sb *sb, const struct dq_sys *s)
{
	if (*s->name)
		dq_sb_puts(sb, s->name);
	else
		dq_sb_printf(sb, "syscall %d", s->nr);
}

static void put_fcntl(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_sys *s)
{
	dq_sb_puts(sb, "fcntl(");
	put_fd(sb, x, s->fd);
	if (s->a[1] == 0)
		dq_sb_puts(sb, ", F_DUPFD");
	else if (s->a[1] == 1030)
		dq_sb_puts(sb, ", F_DUPFD_CLOEXEC");
	dq_sb_putc(sb, ')');
}

void dq_label_sys(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_group *g,
		  const struct dq_mcall *v)
{
	const struct dq_sys *s = &g->sys;
	const struct dq_call *c = find_hook(g, v, HOOK_IOCTL);
	const struct dq_dev *dev = dq_model_dev(x->s->m, s->dev);
	bool ioctl = !strcmp(s->name, "ioctl");

	if (ioctl && c) {
		put_ioctl_args(sb, x, c);
	} else if (ioctl) {
		dq_sb_puts(sb, "ioctl(");
		dq_sb_ioctl(sb, (uint32_t)s->a[1], dev);
		dq_sb_putc(sb, ')');
	} else if (!strcmp(s->name, "fcntl")) {
		put_fcntl(sb, x, s);
	} else if (!strcmp(s->name, "dup2") || !strcmp(s->name, "dup3") ||
		   !strcmp(s->name, "close_range")) {
		put_sys_name(sb, s);
		dq_sb_putc(sb, '(');
		put_fd(sb, x, (int64_t)s->a[0]);
		dq_sb_puts(sb, s->name[0] == 'd' ? ", " : " to ");
		put_fd(sb, x, (int64_t)s->a[1]);
		dq_sb_putc(sb, ')');
	} else if (!strcmp(s->name, "exit_group") || !strcmp(s->name, "exit")) {
		dq_sb_puts(sb, "exit");
	} else if ((c = find_hook(g, v, HOOK_MMAP_FILE))) {
		put_sys_name(sb, s);
		dq_sb_putc(sb, '(');
		put_size(sb, c->a[0]);
		dq_sb_puts(sb, ", ");
		put_prot(sb, c->a[2]);
		dq_sb_putc(sb, ')');
	} else {
		put_sys_name(sb, s);
		dq_sb_putc(sb, '(');
		if (s->fd >= 0)
			put_fd(sb, x, s->fd);
		dq_sb_putc(sb, ')');
	}
}

void dq_label_sys_result(struct dq_sb *sb, const struct dq_label_ctx *x, const struct dq_group *g,
			 const struct dq_mcall *v)
{
	const struct dq_call *fd = x->fd_told ? NULL : find_hook(g, v, HOOK_FD_INSTALL);
	const struct dq_call *sync = find_hook(g, v, HOOK_IOCTL);

	if (g->sys.ret < 0) {
		dq_sb_printf(sb, "-%s", dq_errname(g->sys.ret));
	} else if (fd) {
		put_fd(sb, x, (int64_t)fd->a[0]);
	} else if (!strcmp(g->sys.name, "dup2") || !strcmp(g->sys.name, "dup3")) {
		put_fd(sb, x, g->sys.ret);
	} else if (find_hook(g, v, HOOK_FD) && find_hook(g, v, HOOK_FD)->ret >= 0) {
		put_fd(sb, x, find_hook(g, v, HOOK_FD)->ret);
	} else if (find_hook(g, v, HOOK_MMAP_FILE)) {
		dq_sb_puts(sb, "mapped");
	} else if (sync && ((sync->a[0] >> 8) & 0xff) == 'b' && (sync->a[0] & 0xff) == 2) {
		dq_sb_puts(sb, "sync_file");
	} else {
		dq_sb_printf(sb, "%lld", (long long)g->sys.ret);
	}
}
