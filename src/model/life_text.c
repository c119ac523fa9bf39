/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life_text.c - a call in words that another run of the same program gives again.
 *
 * Nothing that names an object of this run: no descriptor, address, attachment number, count of
 * sg entries. What was asked for is in the words (direction, flags, which part), what came back
 * only when it is an error. May use src/util.
 */
#include <ctype.h>
#include <string.h>

#include "model/internal.h"
#include "model/life.h"

static bool is_plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.+-/@#:,<>", *s))
			return false;
	return true;
}

#define WORD_MAX 60	/* bytes of a name; of a longer one the begin and a hash */

void dq_life_word(struct dq_sb *sb, const char *s)
{
	size_t len = strlen(s);

	if (len > WORD_MAX) {
		dq_sb_quote(sb, s, WORD_MAX - 10);
		dq_sb_printf(sb, "#%08x", (unsigned int)(dq_life_hash(0, s, len) >> 32));
	} else if (is_plain(s)) {
		dq_sb_puts(sb, s);
	} else {
		dq_sb_quote(sb, s, len);
	}
}

/* Separates what is put next from what was put since begin. */
static void comma(struct dq_sb *sb, size_t begin)
{
	if (sb->len > begin)
		dq_sb_puts(sb, ", ");
}

/* ---- arguments ---- */

static void put_prot(struct dq_sb *sb, uint64_t prot)
{
	dq_sb_printf(sb, "%s%s%s %s", prot & 1 ? "r" : "-", prot & 2 ? "w" : "-",
		     prot & 4 ? "x" : "", prot & 8 ? "shared" : "private");
}

/* How much of the buffer; mmap counts in pages, and 4096 bytes are the least that a page has. */
static void put_len(struct dq_sb *sb, uint64_t len, uint64_t size)
{
	dq_sb_puts(sb, len >= size || size - len < 4096 ? "all of it" : "a part");
}

static void put_arg(struct dq_sb *sb, size_t begin, enum hook_arg arg, uint64_t v, uint64_t size)
{
	switch (arg) {
	case ARG_OFLAGS:
		if (v) {
			comma(sb, begin);
			dq_sb_oflags(sb, v);
		}
		break;
	case ARG_LEN:
		comma(sb, begin);
		put_len(sb, v, size);
		break;
	case ARG_DYN:
		if (v) {
			comma(sb, begin);
			dq_sb_puts(sb, "dynamic");
		}
		break;
	case ARG_DIR:
		comma(sb, begin);
		dq_sb_puts(sb, dq_dir_name(v));
		break;
	case ARG_OFFSET:
	case ARG_PGOFF:
	case ARG_PAGE:
		if (v) {
			comma(sb, begin);
			dq_sb_printf(sb, "%s %llu", arg == ARG_OFFSET ? "at" : "from page",
				     (unsigned long long)v);
		}
		break;
	case ARG_PROT:
		comma(sb, begin);
		put_prot(sb, v);
		break;
	case ARG_MASK:
		comma(sb, begin);
		dq_sb_printf(sb, "0x%llx", (unsigned long long)v);
		break;
	case ARG_NONE:
	case ARG_SIZE:		/* the buffer's, which is told apart */
	case ARG_FD:
	case ARG_FDNO:
	case ARG_CMD:
	case ARG_SYNC:
	case ARG_KEY:
	case ARG_ORIG:
	case ARG_TIMELINE:
	case ARG_SEQNO:
		break;
	}
}

static void put_ioctl(struct dq_sb *sb, const struct dq_call *c)
{
	dq_sb_ioctl(sb, (uint32_t)c->a[0], NULL);
	if (((c->a[0] >> 8) & 0xff) != 'b')
		return;
	if ((c->a[0] & 0xff) == 0) {
		dq_sb_putc(sb, ' ');
		dq_sb_sync(sb, c->a[1]);
	} else if (((c->a[0] & 0xff) == 2 || (c->a[0] & 0xff) == 3) && c->a[1] != UINT64_MAX) {
		dq_sb_putc(sb, ' ');	/* the low half: DMA_BUF_SYNC_READ and _WRITE */
		dq_sb_puts(sb, (c->a[1] & 3) == 3 ? "RW" : (c->a[1] & 2) ? "WRITE" : "READ");
	}
}

static bool has_dir(const struct dq_hook_info *h)
{
	return h && h->arg[0] == ARG_DIR;
}

static void put_args(struct dq_sb *sb, const struct dq_model *m, const struct dq_call *c,
		     const struct dq_hook_info *h, const struct dq_call *outer, uint64_t size)
{
	const struct dq_matt *att = c->att ? dq_model_att(m, c->att) : NULL;
	bool cb = h->kind == KIND_OPS || h->kind == KIND_IMPOPS;
	size_t begin = sb->len;

	if (c->hook == HOOK_IOCTL) {
		put_ioctl(sb, c);
		return;
	}
	/* the call around a callback has its arguments, unless the core made up others */
	if (cb && outer) {
		const struct dq_hook_info *o = dq_hook_info(outer->hook);

		if (has_dir(h) && !(has_dir(o) && outer->a[0] == c->a[0]))
			dq_sb_puts(sb, dq_dir_name(c->a[0]));
		return;
	}
	if (att && *att->a.dev)
		dq_life_word(sb, att->a.dev);
	else if (att)
		dq_life_word(sb, *att->importer ? att->importer : "?");
	for (size_t i = 0; i < DQ_ARRAY_SIZE(h->arg); i++)
		put_arg(sb, begin, h->arg[i], c->a[i], size);
}

/* ---- calls ---- */

static void put_error(struct dq_sb *sb, int64_t ret)
{
	dq_sb_printf(sb, " = -%s", dq_errname(ret));
}

static void put_result(struct dq_sb *sb, const struct dq_mcall *c, const struct dq_hook_info *h)
{
	if (c->c.flags & DQ_CALL_OPEN)
		dq_sb_puts(sb, " = (did not return)");
	else if (c->c.fatal)
		dq_sb_puts(sb, " = (the task died)");
	else if ((c->c.flags & DQ_CALL_MISSED) && (!h || h->ret != RET_NORET))
		dq_sb_puts(sb, " = ?");
	else if (c->flags & DQ_MC_FAILED && c->c.ret < 0)
		put_error(sb, c->c.ret);
	else if (c->flags & DQ_MC_FAILED)
		dq_sb_puts(sb, " = NULL");
}

void dq_life_call(struct dq_sb *sb, const struct dq_model *m, const struct dq_mcall *c,
		  const struct dq_mcall *outer, uint64_t size)
{
	const struct dq_hook_info *h = dq_hook_info(c->c.hook);
	size_t begin;

	if (h && h->kind == KIND_API && !outer && *c->who) {
		dq_life_word(sb, c->who);
		dq_sb_puts(sb, ": ");
	}
	if (!h) {
		dq_sb_printf(sb, "hook:%u", c->c.hook);
		return;
	}
	dq_sb_puts(sb, h->name);
	begin = sb->len;
	dq_sb_putc(sb, '(');
	put_args(sb, m, &c->c, h, outer ? &outer->c : NULL, size);
	if (sb->len == begin + 1 && !sb->err) {	/* nothing to say */
		sb->len = begin;
		sb->s[begin] = '\0';
	} else {
		dq_sb_putc(sb, ')');
	}
	put_result(sb, c, h);
}

/* ---- system calls ---- */

static void put_sys_dev(struct dq_sb *sb, const struct dq_dev *d)
{
	const char *on = *dq_dev_driver(d) ? dq_dev_driver(d) : *d->subsystem ? d->subsystem :
			 d->kind;

	dq_sb_puts(sb, " on ");
	dq_life_word(sb, on);
}

void dq_life_sys(struct dq_sb *sb, const struct dq_model *m, const struct dq_group *g,
		 const struct dq_mcall *v)
{
	const struct dq_sys *s = &g->sys;
	const struct dq_dev *d = dq_model_dev(m, s->dev);
	bool fops = false;

	for (size_t i = 0; i < g->n; i++)
		fops |= v[i].c.hook == HOOK_IOCTL;
	if (!strcmp(s->name, "ioctl") && !fops)
		dq_sb_ioctl(sb, (uint32_t)s->a[1], d);
	else if (*s->name)
		dq_life_word(sb, s->name);
	else
		dq_sb_printf(sb, "syscall %d", s->nr);
	if (!strcmp(s->name, "fcntl") && s->a[1] == 0)
		dq_sb_puts(sb, " F_DUPFD");
	else if (!strcmp(s->name, "fcntl") && s->a[1] == 1030)
		dq_sb_puts(sb, " F_DUPFD_CLOEXEC");
	if (d && !strcmp(d->kind, "chr"))
		put_sys_dev(sb, d);
	if (!strcmp(s->name, "exit_group") || !strcmp(s->name, "exit"))
		return;		/* they never return */
	if (s->flags & DQ_SYS_OPEN)
		dq_sb_puts(sb, " = (did not return)");
	else if (s->fatal)
		dq_sb_puts(sb, " = (the task died)");
	else if (s->flags & DQ_SYS_MISSED)
		dq_sb_puts(sb, " = ?");
	else if (s->ret < 0)
		put_error(sb, s->ret);
}
