/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold_fd.c - descriptors: opened, closed, inherited, sent and received.
 *
 * How many descriptors a table has of a buffer is always counted. Which numbers they are
 * may be open for a while: a close in close_range, exec or exit does not say its number.
 * Then the set keeps more numbers than are open until the syscall's arguments decide.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/holders_int.h"

#define O_CLOEXEC_		02000000u
#define MSG_PEEK_		0x2u
#define MSG_CMSG_CLOEXEC_	0x40000000u
#define F_DUPFD_CLOEXEC_	1030u
#define CLOSE_RANGE_UNSHARE_	2u
#define CLOSE_RANGE_CLOEXEC_	4u

static uint64_t slot_key(uint32_t table, int32_t fd)
{
	return (uint64_t)table << 32 | (uint32_t)fd;
}

static void changed(struct dq_hold_buf *b, struct dq_hold_fds *f, uint64_t t)
{
	b->changed = t > b->changed ? t : b->changed;
	if (f)
		f->changed = t > f->changed ? t : f->changed;
}

/* ---- one table's descriptors of one buffer ---- */

struct dq_hold_fds *hold_fds(struct dq_hold_buf *b, uint32_t table)
{
	for (size_t i = 0; i < b->nfds; i++)
		if (b->fds[i].table == table)
			return &b->fds[i];
	return NULL;
}

/* Where fd is, or would be. */
static size_t fd_at(const struct dq_hold_fds *f, int32_t fd)
{
	size_t lo = 0, hi = f->nfd;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->fd[mid].fd < fd)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool hold_fds_has(const struct dq_hold_fds *f, int32_t fd)
{
	size_t i = fd_at(f, fd);

	return i < f->nfd && f->fd[i].fd == fd;
}

/* Takes the number out of the set; how many are open is the caller's business. */
static bool drop_number(struct dq_holders *h, struct dq_hold_buf *b, struct dq_hold_fds *f, int32_t fd)
{
	size_t i = fd_at(f, fd);
	uint64_t buf;

	if (i >= f->nfd || f->fd[i].fd != fd)
		return false;
	memmove(&f->fd[i], &f->fd[i + 1], (f->nfd - i - 1) * sizeof(*f->fd));
	f->nfd--;
	h->nfd--;
	if (dq_map_get(h->slots, slot_key(f->table, fd), &buf) && buf == b->buf)
		dq_map_del(h->slots, slot_key(f->table, fd));
	return true;
}

static int add_number(struct dq_holders *h, struct dq_hold_buf *b, struct dq_hold_fds *f, int32_t fd,
		      uint8_t cloexec)
{
	size_t i = fd_at(f, fd);

	if (i < f->nfd && f->fd[i].fd == fd)
		return 0;
	if (h->nfd >= HOLD_MAX) {
		b->doubt |= DQ_DOUBT_MANY;
		return 0;
	}
	if (dq_map_put(h->slots, slot_key(f->table, fd), b->buf) ||
	    !DQ_PUSH(f->fd, f->nfd, f->cap))
		return -ENOMEM;
	memmove(&f->fd[i + 1], &f->fd[i], (f->nfd - 1 - i) * sizeof(*f->fd));
	f->fd[i] = (struct dq_hold_fd){ .fd = fd, .cloexec = cloexec };
	h->nfd++;
	return 0;
}

static struct dq_hold_fds *need_fds(struct dq_hold_buf *b, uint32_t table, uint32_t task)
{
	struct dq_hold_fds *f = hold_fds(b, table);

	if (f)
		return f;
	f = DQ_PUSH(b->fds, b->nfds, b->cap_fds);
	if (f) {
		f->table = table;
		f->task = task;
	}
	return f;
}

static void drop_set(struct dq_holders *h, struct dq_hold_buf *b, struct dq_hold_fds *f)
{
	while (f->nfd)
		drop_number(h, b, f, f->fd[f->nfd - 1].fd);
	free(f->fd);
	memmove(f, f + 1, (size_t)(b->fds + b->nfds - f - 1) * sizeof(*f));
	b->nfds--;
}

void hold_drop_fds(struct dq_holders *h, struct dq_hold_buf *b)
{
	while (b->nfds)
		drop_set(h, b, &b->fds[b->nfds - 1]);
}

void hold_keep_found(struct dq_holders *h, struct dq_hold_buf *b)
{
	for (size_t i = b->nfds; i-- > 0;) {
		struct dq_hold_fds *f = &b->fds[i];

		for (size_t k = f->nfd; k-- > 0;)
			if (!f->fd[k].found)
				drop_number(h, b, f, f->fd[k].fd);
		f->n = f->nfd;
		if (!f->n)
			drop_set(h, b, f);
	}
}

/* ---- opening ---- */

/* Something comes to a slot that was thought to be taken: its close was not seen, or not with
 * its number. */
static void vacate(struct dq_holders *h, uint32_t table, int32_t fd, unsigned int doubt)
{
	struct dq_hold_buf *b;
	struct dq_hold_fds *f;
	uint64_t id;

	if (!dq_map_get(h->slots, slot_key(table, fd), &id))
		return;
	b = hold_buf(h, (uint32_t)id);
	f = b ? hold_fds(b, table) : NULL;
	if (!f || !drop_number(h, b, f, fd))
		return;
	if (f->n > f->nfd) {
		f->n--;
		b->doubt |= doubt;
	}
	if (!f->n)
		drop_set(h, b, f);
}

int hold_install(struct dq_holders *h, struct dq_hold_buf *b, uint32_t table, uint32_t task, int32_t fd,
		 uint64_t t)
{
	struct dq_hold_fds *f;

	if (!table) {
		b->doubt |= DQ_DOUBT_OLD;
		return 0;
	}
	vacate(h, table, fd, DQ_DOUBT_ODD);
	f = need_fds(b, table, task);
	if (!f)
		return -ENOMEM;
	f->task = task;
	f->n++;
	changed(b, f, t);
	return add_number(h, b, f, fd, 0);
}

static void set_cloexec(struct dq_hold_buf *b, uint32_t table, int32_t fd, bool cloexec)
{
	struct dq_hold_fds *f = b ? hold_fds(b, table) : NULL;
	size_t i = f ? fd_at(f, fd) : 0;

	if (f && i < f->nfd && f->fd[i].fd == fd)
		f->fd[i].cloexec = cloexec ? 2 : 1;
}

/* dma_buf_fd: fd_install has told the descriptor, this tells its flags. */
static void dma_buf_fd(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	uint64_t table;

	if (c->ret >= 0 && dq_map_get(h->has, c->task, &table))
		set_cloexec(b, (uint32_t)table, (int32_t)c->ret, c->a[0] & O_CLOEXEC_);
}

/* ---- travelling ---- */

static void tell(struct dq_holders *h, const struct dq_transfer *t)
{
	if (h->on_transfer)
		h->on_transfer(t, h->ctx);
}

static int send_call(struct dq_hold_buf *b, const struct dq_call *c)
{
	bool binder = c->hook == HOOK_BINDER_SEND;
	struct dq_hold_flight *f = DQ_PUSH(b->flights, b->nflights, b->cap_flights);
	const struct dq_hold_fds *own = hold_fds(b, c->table);

	if (!f)
		return -ENOMEM;
	*f = (struct dq_hold_flight){ .way = binder ? DQ_WAY_BINDER : DQ_WAY_SCM, .task = c->task,
				      .sys = c->sys, .fd = (int32_t)c->a[0] - 1, .key = c->a[1],
				      .t = c->t0 };
	/* SCM_RIGHTS does not say; but who has only one cannot have sent another */
	if (f->fd < 0 && own && own->n == 1 && own->nfd == 1 && !b->doubt)
		f->fd = own->fd[0].fd;
	changed(b, NULL, c->t0);
	return 0;
}

static void drop_flight(struct dq_hold_buf *b, size_t i)
{
	memmove(&b->flights[i], &b->flights[i + 1], (b->nflights - i - 1) * sizeof(*b->flights));
	b->nflights--;
}

/* It arrived: flight i, one of n that it could have been. */
static void arrive(struct dq_holders *h, struct dq_hold_buf *b, size_t i, uint32_t task,
		   const struct hold_todo *d, bool exact, bool keep)
{
	const struct dq_hold_flight *f = &b->flights[i];
	const struct dq_transfer t = {
		.way = f->way, .buf = b->buf, .from = f->task, .to = task, .from_fd = f->fd,
		.to_fd = d->fd, .n = 1, .t_sent = f->t, .t = d->t, .seq = d->seq, .exact = exact,
	};

	tell(h, &t);
	changed(b, NULL, d->t);
	for (size_t k = 0; k < b->nflights && !exact && !keep; k++)
		b->flights[k].guess |= b->flights[k].way == f->way;
	if (!keep)
		drop_flight(b, i);
}

/* A descriptor with a key has a sender with the same one. */
bool hold_arrive_by_key(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	const struct hold_todo d = { .fd = (int32_t)c->a[0], .seq = c->seq, .t = c->t0 };

	for (size_t i = 0; c->a[1] && i < b->nflights; i++)
		if (b->flights[i].key == c->a[1]) {
			arrive(h, b, i, c->task, &d, true, false);
			return true;
		}
	return false;
}

/* A descriptor out of a message: the oldest sending is meant, and surely so if it is the only one. */
static void arrive_by_message(struct dq_holders *h, const struct dq_sys *s, const struct hold_todo *d)
{
	struct dq_hold_buf *b = hold_buf(h, d->buf);
	size_t first = 0, n = 0;

	for (size_t i = b ? b->nflights : 0; i-- > 0;)
		if (b->flights[i].way == DQ_WAY_SCM && b->flights[i].t <= d->t) {
			first = i;
			n++;
		}
	if (n)
		arrive(h, b, first, s->task, d,
		       n == 1 && !b->before && !(b->doubt & DQ_DOUBT_LOST), s->a[2] & MSG_PEEK_);
}

/* ---- calls ---- */

static int install_call(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	int ret = hold_install(h, b, c->table, c->task, (int32_t)c->a[0], c->t0);
	bool known = c->hook == HOOK_FD_INSTALL && hold_arrive_by_key(h, b, c);
	struct hold_todo *d;

	if (ret || !c->sys)
		return ret;
	d = hold_todo(h, c, TODO_INSTALL);
	if (!d)
		return -ENOMEM;
	d->fd = (int32_t)c->a[0];
	d->taken = known || c->hook != HOOK_FD_INSTALL;
	return 0;
}

/* The slot's former file is closed beside this; if it is a dma-buf, that close is not of the new one. */
static int dup2_call(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	struct hold_todo *d;
	uint64_t was;

	if (c->table && dq_map_get(h->slots, slot_key(c->table, (int32_t)c->a[0]), &was) && c->sys) {
		d = hold_todo(h, c, TODO_DUP2);
		if (!d)
			return -ENOMEM;
		d->buf = (uint32_t)was;
		d->fd = (int32_t)c->a[0];
		vacate(h, c->table, d->fd, 0);
	}
	return install_call(h, b, c);
}

/* Was the descriptor overwritten, and is gone already? */
static bool is_overwritten(struct dq_holders *h, const struct dq_call *c, int32_t fd)
{
	struct hold_run *r = fd < 0 ? NULL : hold_run_now(h, c->task);

	if (!r || r->sys != c->sys)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (r->todo[i].what == TODO_DUP2 && !r->todo[i].taken && r->todo[i].fd == fd &&
		    r->todo[i].buf == c->buf && r->todo[i].table == c->table) {
			r->todo[i].taken = true;
			return true;
		}
	return false;
}

/* What is said of a buffer when a descriptor is closed that is not known to be open. */
static void odd_close(struct dq_hold_buf *b)
{
	if (!(b->doubt & DQ_DOUBT_PAST))
		b->doubt |= DQ_DOUBT_ODD;
}

static int close_call(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	int32_t fd = c->a[0] ? (int32_t)(c->a[0] - 1) : -1;
	struct dq_hold_fds *f;

	if (!c->table) {
		b->doubt |= DQ_DOUBT_OLD;
		return 0;
	}
	if (is_overwritten(h, c, fd))
		return 0;
	f = hold_fds(b, c->table);
	if (!f || !f->n) {
		odd_close(b);
		return 0;
	}
	if (fd >= 0 && !drop_number(h, b, f, fd) && f->n <= f->nfd) {
		odd_close(b);	/* the others have numbers, and are still open */
		return 0;
	}
	f->n--;
	changed(b, f, c->t0);
	if (!f->n)
		drop_set(h, b, f);
	return fd < 0 && c->sys && !hold_todo(h, c, TODO_CLOSE) ? -ENOMEM : 0;
}

int hold_fd_call(struct dq_holders *h, struct dq_hold_buf *b, const struct dq_call *c)
{
	switch (c->hook) {
	case HOOK_FD:
		dma_buf_fd(h, b, c);
		return 0;
	case HOOK_FD_INSTALL:
		return install_call(h, b, c);
	case HOOK_DO_DUP2:
		return dup2_call(h, b, c);
	case HOOK_SCM_SEND:
	case HOOK_BINDER_SEND:
		return send_call(b, c);
	default:
		return close_call(h, b, c);
	}
}

/* ---- what the syscall's arguments decide ---- */

/* The numbers of the set that are in [from, to] are not open any more; the count knows already. */
static void settle_range(struct dq_holders *h, struct dq_hold_buf *b, uint32_t table, uint64_t from,
			 uint64_t to)
{
	struct dq_hold_fds *f = b ? hold_fds(b, table) : NULL;

	for (size_t i = f ? f->nfd : 0; i-- > 0 && f->nfd > f->n;)
		if ((uint32_t)f->fd[i].fd >= from && (uint32_t)f->fd[i].fd <= to)
			drop_number(h, b, f, f->fd[i].fd);
}

/* exec closes what is marked; if as many were closed as are known to be, it is these. */
static void settle_exec(struct dq_holders *h, struct dq_hold_buf *b, uint32_t table)
{
	struct dq_hold_fds *f = b ? hold_fds(b, table) : NULL;
	size_t marked = 0;

	for (size_t i = 0; f && i < f->nfd; i++)
		marked += f->fd[i].cloexec == 2;
	if (!f || f->nfd - marked != f->n)
		return;
	for (size_t i = f->nfd; i-- > 0;)
		if (f->fd[i].cloexec == 2)
			drop_number(h, b, f, f->fd[i].fd);
}

static void settle_close(struct dq_holders *h, const struct dq_sys *s, const struct hold_todo *d)
{
	struct dq_hold_buf *b = hold_buf(h, d->buf);

	if (!strcmp(s->name, "close"))
		settle_range(h, b, d->table, s->a[0], s->a[0]);
	else if (!strcmp(s->name, "close_range"))
		settle_range(h, b, d->table, s->a[0], s->a[1]);
	else if (!strncmp(s->name, "execve", 6) && s->ret == 0)
		settle_exec(h, b, d->table);
}

/* Does the syscall take descriptors out of a socket's messages? */
static bool receives(const struct dq_holders *h, const struct dq_sys *s)
{
	uint64_t one;

	if (!strncmp(s->name, "recvm", 5) || !strcmp(s->name, "io_uring_enter"))
		return true;
	/* a 32-bit program's call has a number that the recorder may not know */
	return !*s->name && dq_map_get(h->socks, s->dev, &one);
}

/* Whether the new descriptor is closed by an exec, where the call says so. */
static void settle_cloexec(struct dq_holders *h, const struct dq_sys *s, const struct hold_todo *d)
{
	struct dq_hold_buf *b = hold_buf(h, d->buf);

	if (!strcmp(s->name, "dup") || !strcmp(s->name, "dup2"))
		set_cloexec(b, d->table, d->fd, false);
	else if (!strcmp(s->name, "dup3"))
		set_cloexec(b, d->table, d->fd, s->a[2] & O_CLOEXEC_);
	else if (!strcmp(s->name, "fcntl"))
		set_cloexec(b, d->table, d->fd, s->a[1] == F_DUPFD_CLOEXEC_);
	else if (!strcmp(s->name, "recvmsg"))
		set_cloexec(b, d->table, d->fd, s->a[2] & MSG_CMSG_CLOEXEC_);
	else if (!strcmp(s->name, "pidfd_getfd"))	/* always */
		set_cloexec(b, d->table, d->fd, true);
}

/* A message that could not be sent takes its descriptors along. s: it failed */
static void settle_sends(struct dq_holders *h, const struct dq_sys *s)
{
	if (strncmp(s->name, "sendm", 5) ||
	    s->flags & (DQ_SYS_OPEN | DQ_SYS_MISSED))
		return;
	for (size_t i = 0; i < h->nbufs; i++) {
		struct dq_hold_buf *b = h->bufs[i];

		for (size_t k = b->nflights; k-- > 0;)
			if (b->flights[k].way == DQ_WAY_SCM && b->flights[k].task == s->task &&
			    b->flights[k].sys == s->sys)
				drop_flight(b, k);
	}
}

/* close_range that unshares does not copy what it would close, and closes nothing then. s: has that bit */
static void settle_unshare(struct dq_holders *h, const struct dq_sys *s)
{
	uint64_t table;

	if (s->ret || s->a[2] & CLOSE_RANGE_CLOEXEC_ ||
	    strcmp(s->name, "close_range") || !dq_map_get(h->has, s->task, &table))
		return;
	for (size_t i = 0; i < h->nbufs; i++) {
		struct dq_hold_buf *b = h->bufs[i];
		struct dq_hold_fds *f = hold_fds(b, (uint32_t)table);

		for (size_t k = f ? f->nfd : 0; k-- > 0;) {
			bool loose = f->nfd > f->n;

			if ((uint32_t)f->fd[k].fd < s->a[0] || (uint32_t)f->fd[k].fd > s->a[1])
				continue;
			drop_number(h, b, f, f->fd[k].fd);
			f->n -= !loose;
		}
		if (f && !f->n)
			drop_set(h, b, f);
	}
}

/* What the calls in it left open. */
static void settle_todo(struct dq_holders *h, const struct dq_sys *s, struct hold_run *r)
{
	for (size_t k = 0; k < r->n; k++) {
		struct hold_todo *d = &r->todo[k];

		if (d->what == TODO_CLOSE)
			settle_close(h, s, d);
		if (d->what != TODO_INSTALL)
			continue;
		settle_cloexec(h, s, d);
		if (!d->taken && receives(h, s))
			arrive_by_message(h, s, d);
	}
}

void hold_fd_sys(struct dq_holders *h, const struct dq_sys *s, struct hold_run *r)
{
	if (s->ret < 0)
		settle_sends(h, s);
	if (s->a[2] & CLOSE_RANGE_UNSHARE_)
		settle_unshare(h, s);
	if (r && r->n && r->sys == s->sys)
		settle_todo(h, s, r);
}

/* ---- tables ---- */

/* A copy of all that is in a table; `who` has it. inherits: it is told as a FORK of `parent`. */
static int copy_table(struct dq_holders *h, uint32_t from, uint32_t to, uint32_t parent, uint32_t who,
		      uint64_t t, bool inherits)
{
	for (size_t i = 0; from && i < h->nbufs; i++) {
		struct dq_hold_buf *b = h->bufs[i];
		struct dq_hold_fds *f = hold_fds(b, from), *c;
		struct dq_transfer tr = { .way = DQ_WAY_FORK, .buf = b->buf, .from = parent, .to = who,
					  .t_sent = t, .t = t, .exact = true };

		if (!f || !f->n || hold_fds(b, to))
			continue;
		c = need_fds(b, to, who);
		if (!c)
			return -ENOMEM;
		f = hold_fds(b, from);	/* it may have moved */
		for (size_t k = 0; k < f->nfd; k++)
			if (add_number(h, b, c, f->fd[k].fd, f->fd[k].cloexec))
				return -ENOMEM;
		c->n = f->n;
		changed(b, c, t);
		tr.n = c->n;
		tr.from_fd = tr.to_fd = c->n == c->nfd ? c->fd[0].fd : -1;
		if (inherits)
			tell(h, &tr);
	}
	return 0;
}

static struct hold_table *find_table(const struct dq_holders *h, uint32_t table)
{
	uint64_t i;

	return dq_map_get(h->ix_table, table, &i) ? &h->tables[i] : NULL;
}

size_t dq_holders_users(const struct dq_holders *h, uint32_t table, uint32_t *tasks, size_t max)
{
	const struct hold_table *t = find_table(h, table);

	size_t n = 0;

	for (size_t i = 0; t && i < t->n; i++) {
		size_t k = 0;

		while (k < i && t->users[k].tgid != t->users[i].tgid)
			k++;
		if (k < i)	/* another thread of it */
			continue;
		if (n < max)
			tasks[n] = t->users[i].task;
		n++;
	}
	return n;
}

/* The task has no table any more. */
void hold_leave(struct dq_holders *h, uint32_t task)
{
	struct hold_table *t;
	uint64_t table, i;

	if (!dq_map_get(h->has, task, &table))
		return;
	h->sure_task = 0;
	dq_map_del(h->has, task);
	t = find_table(h, (uint32_t)table);
	for (i = 0; t && i < t->n; i++)
		if (t->users[i].task == task)
			t->users[i--] = t->users[--t->n];
	if (!t || t->n)
		return;
	free(t->users);
	dq_map_del(h->ix_table, t->id);
	i = (uint64_t)(t - h->tables);
	h->tables[i] = h->tables[--h->ntables];
	if (i < h->ntables)	/* replaces: needs no memory */
		dq_map_put(h->ix_table, h->tables[i].id, i);
}

/* Everybody else leaves: other processes, or the other threads of the process. */
static void evict(struct dq_holders *h, uint32_t table, const struct hold_task *me, bool threads)
{
	struct hold_table *t = find_table(h, table);

	for (size_t i = t ? t->n : 0; i-- > 0;)
		if (t->users[i].task != me->id && (t->users[i].tgid == me->tgid) == threads) {
			hold_leave(h, t->users[i].task);
			t = find_table(h, table);
			if (!t)
				return;
			i = i < t->n ? i : t->n;
		}
}

/* The task uses this table from now on, and no other. */
static int join(struct dq_holders *h, uint32_t table, const struct hold_task *who)
{
	struct hold_table *t;
	struct hold_user *u;

	hold_leave(h, who->id);
	t = find_table(h, table);
	if (!t) {
		if (dq_map_put(h->ix_table, table, h->ntables))
			return -ENOMEM;
		t = DQ_PUSH(h->tables, h->ntables, h->cap_tables);
		if (!t)
			return -ENOMEM;
		t->id = table;
	}
	u = DQ_PUSH(t->users, t->n, t->cap);
	if (!u)
		return -ENOMEM;
	*u = (struct hold_user){ who->tgid, who->id };
	if (dq_map_put(h->has, who->id, table))
		return -ENOMEM;
	return dq_map_put(h->procs, who->tgid, table);
}

static bool process_has(const struct dq_holders *h, uint32_t table, uint32_t tgid)
{
	const struct hold_table *t = find_table(h, table);

	for (size_t i = 0; t && i < t->n; i++)
		if (t->users[i].tgid == tgid)
			return true;
	return false;
}

int hold_fork(struct dq_holders *h, const struct dq_taskev *e)
{
	const struct hold_task *child = hold_task(h, e->other);
	int ret = 0;

	if (!e->table)
		return 0;
	if (e->table != e->from)
		ret = copy_table(h, e->from, e->table, e->task, e->other, e->t, true);
	return ret || !child ? ret : join(h, e->table, child);
}

int hold_exec(struct dq_holders *h, const struct dq_taskev *e)
{
	const struct hold_task *me = hold_task(h, e->task);
	uint64_t had;

	/* the other threads are gone, and need not have said so */
	if (me && dq_map_get(h->has, me->id, &had))
		evict(h, (uint32_t)had, me, true);
	return e->table ? hold_table(h, e->table, e->task, e->t) : 0;
}

int hold_table(struct dq_holders *h, uint32_t table, uint32_t task, uint64_t t)
{
	const struct hold_task *me = hold_task(h, task);
	bool mine;
	uint64_t had;
	int ret = 0;

	if (!me)
		return 0;
	mine = dq_map_get(h->has, me->id, &had);
	if (mine && had == table) {
		h->sure_task = task;
		h->sure_table = table;
		return 0;
	}
	h->moves++;
	if (!mine && !dq_map_get(h->procs, me->tgid, &had))
		had = 0;
	/* another thread's, or a new one; the number of a table that is gone may be used again, and
	 * whoever had that one has gone, too: nobody gets another process's table but by a FORK */
	if (!process_has(h, table, me->tgid)) {
		evict(h, table, me, false);
		if (had && had != table)
			ret = copy_table(h, (uint32_t)had, table, task, task, t, false);
	}
	return ret ? ret : join(h, table, me);
}

/* A look found it so: next to whoever else it found to have this table. */
int hold_table_found(struct dq_holders *h, uint32_t table, uint32_t task)
{
	const struct hold_task *me = hold_task(h, task);
	uint64_t had;

	if (!me || (dq_map_get(h->has, task, &had) && had == table))
		return 0;
	return join(h, table, me);
}
