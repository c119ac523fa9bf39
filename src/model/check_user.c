/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_user.c - judges descriptors, what a system call leaves behind when it fails, and who
 * keeps a buffer alive when everybody has gone. Who holds what is known from holders.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/check_int.h"

#define GROW_MIN  32			/* open descriptors from which growth is told */
#define GROW_SPAN UINT64_C(500000000)	/* ... if it took so long (ns): else it is a pool */

/* ---- what a task does in its syscall ---- */

static void deed(struct dq_check *k, const struct chk_call *c, enum chk_deed_kind kind, const char *role)
{
	struct chk_task *t = c->c.sys ? chk_task(k, c->c.task) : NULL;
	struct chk_deed *d = t ? DQ_ROOM(t->deeds, t->ndeeds, t->cap_deeds) : NULL;

	if (t && !d)
		k->err = -ENOMEM;
	if (!d)
		return;
	d->kind = kind;
	d->buf = c->c.buf;
	d->att = c->c.att;
	d->table = c->c.table;
	d->p = chk_proof(c, role);
}

static const struct chk_deed *did(const struct chk_task *t, enum chk_deed_kind kind, uint32_t buf)
{
	for (size_t i = 0; i < t->ndeeds; i++)
		if (t->deeds[i].kind == kind && t->deeds[i].buf == buf)
			return &t->deeds[i];
	return NULL;
}

/* ---- descriptor tables ---- */

static struct chk_table *find_table(const struct dq_check *k, uint32_t id)
{
	uint64_t i;

	return id && dq_map_get(k->ix_table, id, &i) ? &k->tables[i] : NULL;
}

static struct chk_table *need_table(struct dq_check *k, uint32_t id, uint32_t task)
{
	struct chk_table *t = find_table(k, id);

	if (t || !id)
		return t;
	t = dq_map_put(k->ix_table, id, k->ntables) ? NULL :
						      DQ_PUSH(k->tables, k->ntables, k->cap_tables);
	if (!t) {
		dq_map_del(k->ix_table, id);
		k->err = -ENOMEM;
		return NULL;
	}
	t->id = id;
	t->task = task;
	return t;
}

static void drop_table(struct dq_check *k, struct chk_table *t)
{
	size_t i = (size_t)(t - k->tables);

	dq_map_del(k->ix_table, t->id);
	k->tables[i] = k->tables[--k->ntables];
	if (i < k->ntables)	/* replaces: needs no memory */
		dq_map_put(k->ix_table, k->tables[i].id, i);
}

static void sample(struct chk_table *t, uint64_t now)
{
	if (t->n && now < t->t[t->n - 1] + t->step)
		return;
	if (t->n == CHK_CURVE) {
		for (size_t i = 0; i < CHK_CURVE / 2; i++) {
			t->t[i] = t->t[2 * i];
			t->v[i] = t->v[2 * i];
		}
		t->n = CHK_CURVE / 2;
		t->step = (now - t->t[0]) / (CHK_CURVE / 2);
	}
	t->t[t->n] = now;
	t->v[t->n++] = t->open;
}

static uint64_t open_at(const struct chk_table *t, uint64_t when)
{
	uint64_t v = 0;

	for (size_t i = 0; i < t->n && t->t[i] <= when; i++)
		v = t->v[i];
	return v;
}

static bool grows(const struct chk_table *t, uint64_t now)
{
	uint64_t span = t->n ? now - t->t[0] : 0, was = 0;

	if (t->open < GROW_MIN || span < GROW_SPAN || t->open * 2 < t->opened)
		return false;
	for (unsigned int i = 1; i <= 4; i++) {
		uint64_t v = i < 4 ? open_at(t, t->t[0] + span / 4 * i) : t->open;

		if (v < was + t->open / 16)
			return false;
		was = v;
	}
	return true;
}

static void judge_table(struct dq_check *k, struct chk_table *t, uint64_t now)
{
	struct dq_finding f;

	if (!t->opened)
		return;
	if (!t->full.role && !grows(t, now)) {
		chk_looked(k, DQ_RULE_GROWS);
		return;
	}
	f = chk_find(DQ_RULE_GROWS, NULL, NULL, t->task,
		     t->full.role ? "until there was no descriptor left" :
				    "in each quarter of the time more were opened than closed");
	f.times = t->open;
	if (!t->full.role) {
		f.confidence = DQ_CONF_LIKELY;
		f.doubt = "the program may want so many";
	}
	chk_add(&f, &t->first, "the first one was opened here");
	chk_add(&f, &t->last, "the last one so far");
	chk_add(&f, &t->full, "and here none was left");
	chk_tell(k, &f, t->t[0]);
}

void chk_user_tables(struct dq_check *k)
{
	for (size_t i = 0; i < k->ntables; i++)
		judge_table(k, &k->tables[i], k->t_last);
}

static void opened(struct dq_check *k, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);
	struct chk_table *t = need_table(k, c->c.table, c->c.task);

	if (b)
		b->had_fd = true;
	deed(k, c, DEED_INSTALL, "the descriptor was installed here");
	if (!t)
		return;
	t->open++;
	t->opened++;
	t->last = chk_proof(c, "opened here");
	if (!t->first.role)
		t->first = t->last;
	sample(t, c->c.t0);
}

static void closed(struct dq_check *k, const struct chk_call *c)
{
	struct chk_table *t = find_table(k, c->c.table);
	struct chk_task *task = chk_task(k, c->c.task);
	struct dq_proof p;
	struct dq_finding f;

	if (t && t->open)
		t->open--;
	if (t)
		sample(t, c->c.t0);
	for (size_t i = task ? task->ndeeds : 0; i-- > 0;)
		if (task->deeds[i].kind == DEED_INSTALL && task->deeds[i].buf == c->c.buf) {
			task->deeds[i] = task->deeds[--task->ndeeds];
			break;
		}
	if (!(c->c.flags & DQ_CALL_EXITING)) {
		chk_looked(k, DQ_RULE_FD_LEFT_AT_EXIT);
		return;
	}
	p = chk_proof(c, "closed by the exit");
	f = chk_find(DQ_RULE_FD_LEFT_AT_EXIT, chk_buf(k, c->c.buf), NULL, c->c.task,
		     "the exit of the process closed it");
	chk_add(&f, &p, NULL);
	chk_tell(k, &f, c->c.t0);
}

/* ---- calls ---- */

static void on_export(struct dq_check *k, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);
	struct dq_proof p = chk_proof(c, "exported here");
	struct dq_finding f;

	if (c->c.ret < 0) {
		f = chk_find(c->c.ret == -EINVAL ? DQ_RULE_EXPORT_INVALID : DQ_RULE_EXPORT_FAILED, NULL,
			     NULL, c->c.task,
			     c->c.ret == -EINVAL ? "dma_buf_export() returned EINVAL" :
						   "dma_buf_export() returned an error");
		chk_add(&f, &p, "refused here");
		chk_tell(k, &f, c->c.t0);
		return;
	}
	chk_looked(k, DQ_RULE_EXPORT_INVALID);
	chk_looked(k, DQ_RULE_EXPORT_FAILED);
	if (!b)
		return;
	b->whole = true;
	b->export = p;
	b->export_done = !c->c.sys;
	deed(k, c, DEED_EXPORT, "exported here");
}

static void on_fd(struct dq_check *k, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);
	uint32_t tgid = chk_tgid(k, c->c.task);

	if (c->c.ret >= 0) {
		if (b)
			b->had_fd = true;
		return;
	}
	deed(k, c, DEED_FD_FAILED, "no descriptor could be made here");
	for (size_t i = 0; c->c.ret == -EMFILE && i < k->ntables; i++)
		if (chk_tgid(k, k->tables[i].task) == tgid && k->tables[i].open >= GROW_MIN)
			k->tables[i].full = chk_proof(c, "no descriptor left");
}

static void on_get(struct dq_check *k, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);
	struct dq_proof p = chk_proof(c, "looked up here");
	struct dq_finding f;

	if (c->c.ret < 0) {
		f = chk_find(DQ_RULE_LOOKUP_BAD_FD, NULL, NULL, c->c.task,
			     c->c.ret == -EBADF	 ? "the descriptor is not open" :
			     c->c.ret == -EINVAL ? "the descriptor is something else" :
						   "the descriptor was refused");
		chk_add(&f, &p, NULL);
		chk_tell(k, &f, c->c.t0);
		return;
	}
	chk_looked(k, DQ_RULE_LOOKUP_BAD_FD);
	if (b)
		b->got++;
	deed(k, c, DEED_GET, "the reference was taken here");
}

static void on_put(struct dq_check *k, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);

	deed(k, c, DEED_PUT, "dropped here");
	if (!b)
		return;
	b->put = true;
	b->got -= b->got > 0;
	/* whoever it is: it cannot be told whose reference it was */
	if (b->ref_leaked) {
		b->ref_leaked = false;
		chk_looked(k, DQ_RULE_REFERENCE_LEAK);
	}
	if (b->fd_failed) {
		b->fd_failed = false;
		chk_looked(k, DQ_RULE_FD_FAILURE_LEAK);
	}
}

void chk_user_call(struct dq_check *k, const struct chk_group *g, const struct chk_call *c)
{
	(void)g;
	switch (c->c.hook) {
	case HOOK_EXPORT:
		on_export(k, c);
		break;
	case HOOK_FD:
		on_fd(k, c);
		break;
	case HOOK_FD_INSTALL:
	case HOOK_DO_DUP2:
		opened(k, c);
		break;
	case HOOK_FILP_CLOSE:
	case HOOK_FILP_FLUSH:
		if (!(c->flags & CHK_WRAPPED))
			closed(k, c);
		break;
	case HOOK_GET:
		on_get(k, c);
		break;
	case HOOK_PUT:
		on_put(k, c);
		break;
	case HOOK_ATTACH:
	case HOOK_DYNAMIC_ATTACH:
		if (chk_api(c) && c->c.ret >= 0)
			deed(k, c, DEED_ATTACH, "attached here");
		break;
	default:
		break;
	}
}

/* ---- the syscall returns ---- */

/* The exporter behind a library, and whether it exports plain memory. */
static void learn_exporter(struct dq_check *k, struct chk_buf *b, const struct dq_sys *s)
{
	const struct dq_dev *d = dq_check_dev(k, s->dev);

	if (!d)
		return;
	b->plain |= !strcmp(d->subsystem, "dma_heap") || !strcmp(d->path, "/dev/ion");
	if (strcmp(d->kind, "dmabuf") && dq_is_helper(b->exporter) && *dq_dev_driver(d))
		b->exporter = dq_dev_driver(d);
}

/* May it install descriptors and return an error, without anybody being wrong? A message that was
 * received in part is one. */
static bool may_fail(const struct dq_sys *s)
{
	return !strncmp(s->name, "recvm", 5) || !strcmp(s->name, "io_uring_enter");
}

static void judge_install(struct dq_check *k, const struct chk_deed *d, const struct dq_sys *s, bool failed)
{
	struct dq_proof p = chk_proof_sys(s, "and the system call failed");
	struct dq_finding f;

	if (!failed) {
		chk_looked(k, DQ_RULE_FD_BEFORE_FAILURE);
		return;
	}
	if (may_fail(s))
		return;
	f = chk_find(DQ_RULE_FD_BEFORE_FAILURE, chk_buf(k, d->buf), NULL, s->task,
		     "the program was told of a failure, and has the descriptor");
	chk_add(&f, &d->p, NULL);
	chk_add(&f, &p, NULL);
	chk_tell(k, &f, d->p.t);
}

static struct chk_suspect *suspect(struct dq_check *k, struct chk_buf *b)
{
	if (!b->suspect)
		b->suspect = calloc(1, sizeof(*b->suspect));
	if (!b->suspect)
		k->err = -ENOMEM;
	return b->suspect;
}

static void judge_fd_failed(struct dq_check *k, const struct chk_task *t, const struct chk_deed *d,
			    const struct dq_sys *s)
{
	struct chk_buf *b = chk_buf(k, d->buf);
	struct chk_suspect *w;

	if (!b || b->had_fd || did(t, DEED_PUT, d->buf)) {
		chk_looked(k, DQ_RULE_FD_FAILURE_LEAK);
		return;
	}
	w = suspect(k, b);
	if (!w)
		return;
	b->fd_failed = true;
	w->fd_fail = d->p;
	w->fail_sys = chk_proof_sys(s, "and the system call returned without a put");
}

static void judge_get(struct dq_check *k, const struct chk_task *t, const struct chk_deed *d,
		      const struct dq_sys *s)
{
	struct chk_buf *b = chk_buf(k, d->buf);
	struct chk_suspect *w;

	/* an attachment that was left behind explains the reference */
	if (!b || did(t, DEED_PUT, d->buf) || did(t, DEED_ATTACH, d->buf)) {
		chk_looked(k, DQ_RULE_REFERENCE_LEAK);
		return;
	}
	w = suspect(k, b);
	if (!w)
		return;
	b->ref_leaked = true;
	w->ref_get = d->p;
	w->ref_sys = chk_proof_sys(s, "and the system call failed");
}

static void judge_deed(struct dq_check *k, const struct chk_task *t, const struct chk_deed *d,
		       const struct dq_sys *s, bool failed)
{
	struct chk_buf *b = chk_buf(k, d->buf);
	struct chk_att *a;

	switch (d->kind) {
	case DEED_EXPORT:
		if (b)
			learn_exporter(k, b, s);
		if (b)
			b->export_done |= !failed;
		break;
	case DEED_INSTALL:
		judge_install(k, d, s, failed);
		break;
	case DEED_FD_FAILED:
		judge_fd_failed(k, t, d, s);
		break;
	case DEED_ATTACH:
		a = failed ? chk_att(k, d->att) : NULL;
		if (!a)
			break;
		a->suspect = true;
		a->failed = chk_proof_sys(s, "and the system call failed");
		break;
	case DEED_GET:
		if (failed)
			judge_get(k, t, d, s);
		break;
	case DEED_PUT:
		break;
	}
}

void chk_user_sys(struct dq_check *k, struct chk_task *t, const struct dq_sys *s)
{
	/* it was interrupted and is going to be called again */
	bool again = s->ret <= -512 && s->ret >= -516;

	k->fatal |= s->fatal;
	for (size_t i = 0; i < t->ndeeds; i++) {
		if (s->flags & (DQ_SYS_OPEN | DQ_SYS_MISSED)) {
			if (t->deeds[i].kind == DEED_INSTALL)
				chk_undecided(k, DQ_RULE_FD_BEFORE_FAILURE,
					      s->flags & DQ_SYS_OPEN ? DQ_UND_END : DQ_UND_LOST);
			continue;
		}
		judge_deed(k, t, &t->deeds[i], s, s->ret < 0 && !again);
	}
}

/* ---- processes ---- */

static void judge_exec(struct dq_check *k, const struct dq_taskev *e, uint32_t tgid)
{
	const struct dq_proof p = { .kind = DQ_PROOF_EXEC, .t = e->t, .task = e->task,
				    .role = "another program was started here" };
	struct dq_finding f;

	for (size_t i = 0; i < k->nbufs; i++) {
		const struct dq_hold_buf *h = dq_holders_get(k->holders, k->bufs[i]->id);

		for (size_t n = 0; h && !h->doubt && n < h->nfds; n++) {
			const struct dq_hold_fds *s = &h->fds[n];

			if (s->table != e->table && chk_tgid(k, s->task) != tgid)
				continue;
			for (size_t j = 0; j < s->nfd && s->n == s->nfd; j++) {
				if (s->fd[j].cloexec != 1)
					continue;
				f = chk_find(DQ_RULE_FD_SURVIVES_EXEC, k->bufs[i], NULL, e->task,
					     "the descriptor has no close-on-exec");
				chk_add(&f, &k->bufs[i]->export, "exported here");
				chk_add(&f, &p, NULL);
				chk_tell(k, &f, k->bufs[i]->b.t);
			}
		}
	}
}

static void on_exit_(struct dq_check *k, const struct dq_taskev *e, uint32_t tgid)
{
	const struct dq_proof p = { .kind = DQ_PROOF_EXIT, .t = e->t, .task = e->task,
				    .role = "the process ended here" };
	struct chk_table *t = find_table(k, e->table);

	for (size_t i = 0; i < k->nbufs; i++) {
		struct chk_buf *b = k->bufs[i];

		chk_cpu_exit(k, b, tgid, &p);
		for (size_t n = 0; n < b->nusers; n++)
			b->users[n].exited |= b->users[n].tgid == tgid;
	}
	if (!t)
		return;
	judge_table(k, t, e->t);
	drop_table(k, t);
}

/* What a task that has ended does not need any more; who it was stays known. */
static void forget_work(struct chk_task *t)
{
	if (t->nwait || t->ndeeds)
		return;
	free(t->wait);
	free(t->deeds);
	t->wait = NULL;
	t->deeds = NULL;
	t->cap_wait = t->cap_deeds = 0;
}

void chk_user_event(struct dq_check *k, const struct dq_taskev *e)
{
	struct chk_task *row = chk_task(k, e->task);
	const struct dq_task *t = dq_check_task(k, e->task);

	switch (e->what) {
	case DQ_TASKEV_FORK:
		if (row)
			chk_cpu_fork(k, e, row->sys);
		break;
	case DQ_TASKEV_EXEC:
		if (t)
			judge_exec(k, e, t->tgid);
		break;
	case DQ_TASKEV_EXIT:
		if (t && t->tid == t->tgid)
			on_exit_(k, e, t->tgid);
		if (row)
			forget_work(row);
		break;
	default:
		break;
	}
}

/* ---- the end of a buffer, of the trace ---- */

void chk_user_release(struct dq_check *k, struct chk_buf *b)
{
	if (b->fd_failed)
		chk_looked(k, DQ_RULE_FD_FAILURE_LEAK);
	if (b->ref_leaked)
		chk_looked(k, DQ_RULE_REFERENCE_LEAK);
	chk_looked(k, DQ_RULE_EXPORT_LOST);
	chk_looked(k, DQ_RULE_OUTLIVES_USERS);
	chk_looked(k, DQ_RULE_REFERENCE_UNEXPLAINED);
}

static bool tell_suspicions(struct dq_check *k, struct chk_buf *b)
{
	struct dq_finding f;

	if (b->fd_failed) {
		f = chk_find(DQ_RULE_FD_FAILURE_LEAK, b, NULL, b->suspect->fd_fail.task,
			     "its reference was not dropped until the end of the trace");
		f.confidence = DQ_CONF_LIKELY;
		f.doubt = "the exporter may keep it for another try";
		chk_add(&f, &b->export, "exported here");
		chk_add(&f, &b->suspect->fd_fail, NULL);
		chk_add(&f, &b->suspect->fail_sys, NULL);
		chk_tell(k, &f, b->export.t);
	}
	if (b->ref_leaked) {
		f = chk_find(DQ_RULE_REFERENCE_LEAK, b, NULL, b->suspect->ref_get.task,
			     "the reference was not dropped until the end of the trace");
		f.confidence = DQ_CONF_LIKELY;
		f.doubt = "the driver may have dropped the file itself, which is not seen";
		chk_add(&f, &b->suspect->ref_get, NULL);
		chk_add(&f, &b->suspect->ref_sys, NULL);
		chk_tell(k, &f, b->suspect->ref_get.t);
	}
	return b->fd_failed || b->ref_leaked;
}

static bool judge_lost_export(struct dq_check *k, struct chk_buf *b)
{
	struct dq_finding f;

	if (!b->whole) {
		chk_undecided(k, DQ_RULE_EXPORT_LOST, DQ_UND_PAST);
		return false;
	}
	if (b->had_fd || b->had_att || b->had_vmap || b->put) {
		chk_looked(k, DQ_RULE_EXPORT_LOST);
		return false;
	}
	if (!b->export_done) {
		chk_undecided(k, DQ_RULE_EXPORT_LOST, DQ_UND_END);
		return false;
	}
	f = chk_find(DQ_RULE_EXPORT_LOST, b, NULL, b->export.task, "nobody was given the buffer");
	f.confidence = DQ_CONF_LIKELY;
	f.doubt = "the exporter may hand it out after the end of the trace";
	chk_add(&f, &b->export, "exported here");
	chk_tell(k, &f, b->export.t);
	return true;
}

/* Have all processes that made calls on it ended? */
static bool all_gone(const struct chk_buf *b)
{
	for (size_t i = 0; i < b->nusers; i++)
		if (!b->users[i].exited)
			return false;
	return b->nusers && !b->many_users;
}

static bool judge_outlives(struct dq_check *k, struct chk_buf *b, const struct dq_hold_buf *h)
{
	const struct chk_user *u = b->nusers ? &b->users[0] : NULL;
	struct dq_finding f;

	if (!b->whole) {
		chk_undecided(k, DQ_RULE_OUTLIVES_USERS, DQ_UND_PAST);
		return false;
	}
	/* not found by a look that finds everything: it is gone, and that was not seen */
	if ((h->doubt && !h->settled) || (k->final_look && !h->found)) {
		chk_undecided(k, DQ_RULE_OUTLIVES_USERS, DQ_UND_LOST);
		return false;
	}
	if (dq_hold_refs(h) || !all_gone(b)) {
		chk_looked(k, DQ_RULE_OUTLIVES_USERS);
		return false;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): all_gone() saw one */
	f = chk_find(DQ_RULE_OUTLIVES_USERS, b, b->natts ? b->atts[0] : NULL, u->task,
		     b->natts ? "an attachment holds it" :
		     b->vmaps ? "a mapping for the kernel holds it" :
				"nothing that the trace shows holds it");
	f.confidence = DQ_CONF_LIKELY;
	f.doubt = "it may be released after the end of the trace";
	chk_add(&f, &b->export, "exported here");
	for (size_t i = 0; i < b->natts && i < DQ_PROOFS - 2; i++)
		chk_add(&f, &b->atts[i]->attach, "attached here, and not detached");
	if (b->vmaps)
		chk_add(&f, &b->vmap, "mapped for the kernel here, and not unmapped");
	chk_tell(k, &f, b->export.t);
	return true;
}

static void judge_refs(struct dq_check *k, struct chk_buf *b, const struct dq_hold_buf *h)
{
	struct dq_finding f;
	uint64_t known = dq_hold_refs(h);

	if (!h->has_refs) {
		chk_undecided(k, DQ_RULE_REFERENCE_UNEXPLAINED, DQ_UND_LOOK);
		return;
	}
	if (h->doubt && !h->settled) {
		chk_undecided(k, DQ_RULE_REFERENCE_UNEXPLAINED, DQ_UND_LOST);
		return;
	}
	if (h->before || !b->whole) {
		chk_undecided(k, DQ_RULE_REFERENCE_UNEXPLAINED, DQ_UND_PAST);
		return;
	}
	/* whoever imported it, and handles of DRM, have references of their own */
	if (h->refs <= known || h->natts || h->nvmaps || b->got > 0 || b->drm_importer ||
	    !strcmp(b->b.exp_name, "drm")) {
		chk_looked(k, DQ_RULE_REFERENCE_UNEXPLAINED);
		return;
	}
	f = chk_find(DQ_RULE_REFERENCE_UNEXPLAINED, b, NULL, b->export.task,
		     "the kernel counts more references than there are holders");
	f.confidence = DQ_CONF_LIKELY;
	f.doubt = "taking a reference with get_dma_buf() is not seen";
	f.times = h->refs - known;
	chk_add(&f, &b->export, "exported here");
	chk_tell(k, &f, b->export.t);
}

void chk_user_end(struct dq_check *k, struct chk_buf *b)
{
	const struct dq_hold_buf *h = dq_holders_get(k->holders, b->id);
	bool told = tell_suspicions(k, b);

	if (!told)
		told = judge_lost_export(k, b);
	for (size_t i = 0; i < b->natts; i++)
		told |= b->atts[i]->suspect;
	if (!h || told)
		return;
	if (!judge_outlives(k, b, h))
		judge_refs(k, b, h);
}
