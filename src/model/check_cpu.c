/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_cpu.c - judges access by the CPU: DMA_BUF_IOCTL_SYNC of programs, begin and end of
 * drivers, mappings of processes and of the kernel.
 *
 * Loads and stores are in no trace. What is judged is whether access is announced and ended as it
 * must be, and what else happens to the buffer in between.
 */
#include <errno.h>
#include <string.h>

#include "model/check_int.h"

#define SYNC_RW	 3u
#define SYNC_END 4u
#define SYNC_MAX 7u

/* A signal came: the kernel may call again by itself (its own codes, which no program sees). */
static bool was_interrupted(int64_t ret)
{
	return ret == -EINTR || ret == -EAGAIN || (ret <= -512 && ret >= -516);
}

/* ---- sessions: access that was begun and not ended ---- */

static struct chk_session *add_session(struct dq_check *k, struct chk_buf *b, const struct chk_call *c,
				       const char *role)
{
	struct chk_session *s = b->nses < 64 ? DQ_PUSH(b->ses, b->nses, b->cap_ses) : NULL;

	if (!s) {
		k->err = b->nses < 64 ? -ENOMEM : k->err;
		b->sync_odd = true;	/* more than anybody has: what follows cannot be matched */
		return NULL;
	}
	s->p = chk_proof(c, role);
	return s;
}

static void drop_session(struct chk_buf *b, size_t i)
{
	memmove(&b->ses[i], &b->ses[i + 1], (b->nses - i - 1) * sizeof(*b->ses));
	b->nses--;
}

/* The session that an END of this process ends: one with the same flags, or its last, or another
 * process's (who passes a buffer on may pass its access on). nses: none. */
static size_t match(const struct chk_buf *b, uint32_t tgid, uint64_t rw)
{
	size_t best = b->nses;
	int good = 0;

	for (size_t i = 0; i < b->nses; i++) {
		const struct chk_session *s = &b->ses[i];
		int g = s->caller || s->interrupted ? 0 : s->tgid == tgid && s->rw == rw ? 3 : s->tgid == tgid ? 2 : 1;

		if (g && g >= good) {
			best = i;
			good = g;
		}
	}
	return best;
}

static void tell_unended(struct dq_check *k, struct chk_buf *b, size_t i, const struct dq_proof *end,
			 const char *role)
{
	const struct chk_session *s = &b->ses[i];
	enum dq_rule_id rule = s->caller ? DQ_RULE_KERNEL_ACCESS_UNPAIRED :
					   DQ_RULE_SYNC_START_WITHOUT_END;
	struct dq_finding f;

	if (s->interrupted)
		return;
	f = chk_find(rule, b, NULL, s->p.task, "begun, and not ended");
	chk_add(&f, &s->p, "begun here");
	chk_add(&f, end, role);
	chk_tell(k, &f, s->p.t);
}

/* ---- DMA_BUF_IOCTL_SYNC ---- */

static void mark_synced(struct chk_buf *b, uint32_t tgid)
{
	for (size_t i = 0; i < b->nvmas; i++)
		b->vmas[i].synced |= b->vmas[i].tgid == tgid;
}

/* Every mapping of the process is read-only, and there is one. */
static const struct chk_vma *read_only(const struct chk_buf *b, uint32_t tgid)
{
	const struct chk_vma *v = NULL;

	for (size_t i = 0; i < b->nvmas; i++) {
		if (b->vmas[i].tgid != tgid)
			continue;
		if (b->vmas[i].prot & 2)
			return NULL;
		v = &b->vmas[i];
	}
	return v;
}

static void judge_wide(struct dq_check *k, struct chk_buf *b, uint32_t tgid, const struct chk_call *c)
{
	const struct chk_vma *v = read_only(b, tgid);
	struct dq_proof p = chk_proof(c, "announced for writing here");
	struct dq_finding f;

	if (!b->whole) {
		chk_undecided(k, DQ_RULE_SYNC_WIDER_THAN_MAPPING, DQ_UND_PAST);
		return;
	}
	if (!v || !(c->c.a[1] & 2)) {
		chk_looked(k, DQ_RULE_SYNC_WIDER_THAN_MAPPING);
		return;
	}
	f = chk_find(DQ_RULE_SYNC_WIDER_THAN_MAPPING, b, NULL, c->c.task,
		     "the process has only read-only mappings");
	f.confidence = DQ_CONF_LIKELY;
	f.doubt = "mprotect() may have made the mapping writable";
	f.times = 1;
	chk_add(&f, &v->p, "mapped read-only here");
	chk_add(&f, &p, NULL);
	chk_tell(k, &f, v->p.t);
}

/* The process's START that a signal interrupted, if that was the last thing that it did. */
static struct chk_session *interrupted(struct chk_buf *b, uint32_t tgid)
{
	for (size_t i = 0; i < b->nses; i++)
		if (b->ses[i].interrupted && b->ses[i].tgid == tgid)
			return &b->ses[i];
	return NULL;
}

static void sync_start(struct dq_check *k, struct chk_buf *b, uint32_t tgid, const struct chk_call *c)
{
	struct chk_session *s = interrupted(b, tgid);

	if (s) {
		chk_looked(k, DQ_RULE_SYNC_INTERRUPTED);
		drop_session(b, (size_t)(s - b->ses));
	}
	if (c->c.ret < 0 && !was_interrupted(c->c.ret))
		return;
	s = add_session(k, b, c, "begun here");
	if (!s)
		return;
	s->tgid = tgid;
	s->rw = c->c.a[1] & SYNC_RW;
	s->interrupted = c->c.ret < 0;
	if (s->interrupted)
		return;
	mark_synced(b, tgid);
	judge_wide(k, b, tgid, c);
}

static void judge_flags(struct dq_check *k, struct chk_buf *b, const struct chk_session *s,
			const struct dq_proof *p)
{
	struct dq_finding f;

	if (s->rw == (p->c.a[1] & SYNC_RW)) {
		chk_looked(k, DQ_RULE_SYNC_FLAGS_DIFFER);
		return;
	}
	f = chk_find(DQ_RULE_SYNC_FLAGS_DIFFER, b, NULL, p->task, "START and END have different flags");
	chk_add(&f, &s->p, "begun here");
	chk_add(&f, p, "ended here");
	chk_tell(k, &f, s->p.t);
}

static void judge_unbegun(struct dq_check *k, struct chk_buf *b, uint32_t tgid, const struct dq_proof *p)
{
	struct chk_session *s = interrupted(b, tgid);
	struct dq_finding f;

	if (s) {
		f = chk_find(DQ_RULE_SYNC_INTERRUPTED, b, NULL, p->task,
			     "the access went on although its begin was interrupted");
		chk_add(&f, &s->p, "interrupted here");
		chk_add(&f, p, "ended here, without another try");
		chk_tell(k, &f, s->p.t);
		drop_session(b, (size_t)(s - b->ses));
		return;
	}
	if (!b->whole || b->sync_odd) {
		chk_undecided(k, DQ_RULE_SYNC_END_WITHOUT_START, DQ_UND_PAST);
		return;
	}
	f = chk_find(DQ_RULE_SYNC_END_WITHOUT_START, b, NULL, p->task,
		     p->c.ret < 0 ? "END without a START; the exporter refused it" :
				    "END without a START");
	chk_add(&f, p, "ended here, and never begun");
	chk_tell(k, &f, b->export.t);
}

static void sync_end(struct dq_check *k, struct chk_buf *b, uint32_t tgid, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "ended here");
	size_t i = match(b, tgid, c->c.a[1] & SYNC_RW);

	if (i == b->nses) {
		judge_unbegun(k, b, tgid, &p);
		return;
	}
	chk_looked(k, DQ_RULE_SYNC_END_WITHOUT_START);
	chk_looked(k, DQ_RULE_SYNC_START_WITHOUT_END);
	judge_flags(k, b, &b->ses[i], &p);
	drop_session(b, i);
}

static void tell_rejected(struct dq_check *k, enum dq_rule_id rule, struct chk_buf *b,
			  const struct chk_call *c, const char *what)
{
	struct dq_proof p = chk_proof(c, "rejected here");
	struct dq_finding f = chk_find(rule, b, NULL, c->c.task, what);

	chk_add(&f, &p, NULL);
	chk_tell(k, &f, c->c.t0);
}

static void on_sync(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	uint64_t flags = c->c.a[1];
	uint32_t tgid = chk_tgid(k, c->c.task);

	if (flags == UINT64_MAX) {	/* could not be read */
		b->sync_odd = true;
		chk_undecided(k, DQ_RULE_SYNC_INVALID, DQ_UND_LOST);
		return;
	}
	if ((flags & ~(uint64_t)SYNC_MAX || !(flags & SYNC_RW)) && c->c.ret == -EINVAL) {
		tell_rejected(k, DQ_RULE_SYNC_INVALID, b, c,
			      flags & ~(uint64_t)SYNC_MAX ? "unknown flags" : "neither READ nor WRITE");
		return;
	}
	chk_looked(k, DQ_RULE_SYNC_INVALID);
	if (flags & SYNC_END)
		sync_end(k, b, tgid, c);
	else
		sync_start(k, b, tgid, c);
}

static void on_ioctl(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	bool ours = ((c->c.a[0] >> 8) & 0xff) == 'b';
	unsigned int nr = c->c.a[0] & 0xff;

	if (c->c.ret == -ENOTTY) {
		tell_rejected(k, DQ_RULE_IOCTL_UNKNOWN, b, c, "ENOTTY");
		return;
	}
	chk_looked(k, DQ_RULE_IOCTL_UNKNOWN);
	if (ours && nr == 0)
		on_sync(k, b, c);
	if (!ours || nr != 1)
		return;
	if (c->c.ret < 0)
		tell_rejected(k, DQ_RULE_NAME_REJECTED, b, c, "the name was not set");
	else
		chk_looked(k, DQ_RULE_NAME_REJECTED);
}

/* ---- begin and end of drivers ---- */

/* "module" of "function [module]", for comparing; the function of one that is built in is no help:
 * begin and end are in different ones. */
static bool same_module(const char *a, const char *b)
{
	const char *ma = strrchr(a, '['), *mb = strrchr(b, '[');

	return ma && mb ? !strcmp(ma, mb) : !ma && !mb;
}

static void kernel_begin(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	struct chk_session *s;

	if (c->c.ret < 0)
		return;
	s = add_session(k, b, c, "begun here");
	if (!s)
		return;
	s->caller = c->c.caller ? c->c.caller : "";
	s->rw = c->c.a[0];
}

static void kernel_end(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "ended here");
	const char *caller = c->c.caller ? c->c.caller : "";
	struct dq_finding f;
	size_t i = b->nses;

	while (i-- > 0)
		if (b->ses[i].caller && same_module(b->ses[i].caller, caller))
			break;
	if (i >= b->nses) {
		if (!b->whole || b->sync_odd) {
			chk_undecided(k, DQ_RULE_KERNEL_ACCESS_UNPAIRED, DQ_UND_PAST);
			return;
		}
		f = chk_find(DQ_RULE_KERNEL_ACCESS_UNPAIRED, b, NULL, c->c.task, "ended, and never begun");
		chk_add(&f, &p, NULL);
		chk_tell(k, &f, b->export.t);
		return;
	}
	if (b->ses[i].rw != c->c.a[0]) {
		f = chk_find(DQ_RULE_KERNEL_ACCESS_UNPAIRED, b, NULL, c->c.task,
			     "begin and end have different directions");
		chk_add(&f, &b->ses[i].p, "begun here");
		chk_add(&f, &p, NULL);
		chk_tell(k, &f, b->ses[i].p.t);
	} else {
		chk_looked(k, DQ_RULE_KERNEL_ACCESS_UNPAIRED);
	}
	drop_session(b, i);
}

/* ---- a device comes while the CPU is there ---- */

static const char *conflict(uint64_t dir, uint64_t rw)
{
	if (dir == 1)	/* the device only reads */
		return rw & 2 ? "a device that reads was given it while a program wrote" : NULL;
	return rw & 2 ? "a device that writes was given it while a program wrote" :
			"a device that writes was given it while a program read";
}

void chk_cpu_device(struct dq_check *k, struct chk_att *a, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "mapped for the device here");
	struct chk_buf *b = a->b;
	struct dq_finding f;
	bool told = false;

	for (size_t i = 0; i < b->nvmas; i++)
		if (!b->vmas[i].device.role)
			b->vmas[i].device = p;
	for (size_t i = 0; i < b->nses && !told; i++) {
		const struct chk_session *s = &b->ses[i];
		const char *what = s->caller || s->interrupted ? NULL : conflict(c->c.a[0], s->rw);

		if (!what)
			continue;
		f = chk_find(DQ_RULE_MAP_DURING_CPU_ACCESS, b, a, s->p.task, what);
		f.confidence = DQ_CONF_LIKELY;
		f.doubt = "the device may have started only after the access was ended";
		chk_add(&f, &s->p, "CPU access begun here, and not ended");
		chk_add(&f, &p, NULL);
		chk_tell(k, &f, s->p.t);
		told = true;
	}
	if (!told)
		chk_looked(k, DQ_RULE_MAP_DURING_CPU_ACCESS);
}

/* ---- mappings of processes ---- */

/* A mapping of a device that is there now. */
static const struct dq_proof *mapped_for_device(const struct chk_buf *b)
{
	for (size_t i = 0; i < b->natts; i++)
		if (b->atts[i]->nmaps)
			return &b->atts[i]->maps[0].p;
	return NULL;
}

static void add_vma(struct dq_check *k, struct chk_buf *b, const struct chk_call *c, uint64_t prot)
{
	struct chk_vma *v = DQ_PUSH(b->vmas, b->nvmas, b->cap_vmas);
	const struct dq_proof *device = mapped_for_device(b);

	if (!v) {
		k->err = -ENOMEM;
		return;
	}
	v->vma = c->c.vma;
	v->task = c->c.task;
	v->tgid = chk_tgid(k, c->c.task);
	v->prot = prot;
	if (device)
		v->device = *device;
	v->p = chk_proof(c, "mapped into the process here");
}

static void judge_vma(struct dq_check *k, struct chk_buf *b, const struct chk_vma *v)
{
	struct dq_finding f;

	if (!b->whole) {
		chk_undecided(k, DQ_RULE_MMAP_WITHOUT_SYNC, DQ_UND_PAST);
		return;
	}
	if (v->synced || !v->device.role || !(v->prot & 3)) {
		chk_looked(k, DQ_RULE_MMAP_WITHOUT_SYNC);
		return;
	}
	f = chk_find(DQ_RULE_MMAP_WITHOUT_SYNC, b, NULL, v->task,
		     "a device had the buffer mapped while the process had, and the process never "
		     "called DMA_BUF_IOCTL_SYNC");
	f.confidence = DQ_CONF_UNPROVEN;
	f.doubt = "whether the process touched the memory cannot be seen";
	chk_add(&f, &v->p, "mapped into the process here");
	chk_add(&f, &v->device, "mapped for a device here");
	chk_tell(k, &f, v->p.t);
}

static void drop_vma(struct dq_check *k, struct chk_buf *b, uint32_t vma)
{
	for (size_t i = 0; vma && i < b->nvmas; i++) {
		if (b->vmas[i].vma != vma)
			continue;
		judge_vma(k, b, &b->vmas[i]);
		b->vmas[i] = b->vmas[--b->nvmas];
		return;
	}
}

static void on_mmap(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	if (c->c.ret < 0) {
		tell_rejected(k, DQ_RULE_MMAP_REJECTED, b, c, "the mapping was refused");
		return;
	}
	chk_looked(k, DQ_RULE_MMAP_REJECTED);
	if (c->c.vma)
		add_vma(k, b, c, c->c.hook == HOOK_MMAP_FILE ? c->c.a[2] : 3);
}

/* A part of it, or a child's copy: it goes on as what it was. */
static void on_copy(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	for (size_t i = 0; c->c.a[0] && i < b->nvmas; i++) {
		struct chk_vma was = b->vmas[i];

		if (was.vma != c->c.a[0])
			continue;
		add_vma(k, b, c, was.prot);
		if (k->err)
			return;
		b->vmas[b->nvmas - 1].synced = was.synced;
		if (was.device.role)
			b->vmas[b->nvmas - 1].device = was.device;
		b->vmas[b->nvmas - 1].p = was.p;
		b->vmas[b->nvmas - 1].copied = c->c.sys;
		return;
	}
}

void chk_cpu_fork(struct dq_check *k, const struct dq_taskev *e, uint32_t sys)
{
	for (size_t i = 0; sys && i < k->nbufs; i++)
		for (size_t n = 0; n < k->bufs[i]->nvmas; n++) {
			struct chk_vma *v = &k->bufs[i]->vmas[n];

			if (v->task != e->task || v->copied != sys)
				continue;
			v->task = e->other;
			v->tgid = chk_tgid(k, e->other);
			v->copied = 0;
		}
}

/* ---- mappings of the kernel ---- */

static void on_vmap(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "mapped for the kernel here");
	bool begun = false;
	struct dq_finding f;

	/* 5.10 returns the address, of which an old recorder kept a part */
	if (c->flags & CHK_FAILED) {
		f = chk_find(DQ_RULE_CALL_FAILED, b, NULL, c->c.task, "the call returned an error");
		chk_add(&f, &p, "refused here");
		chk_tell(k, &f, c->c.t0);
		return;
	}
	chk_looked(k, DQ_RULE_CALL_FAILED);
	b->vmaps++;
	b->vmap = p;
	b->had_vmap = true;
	for (size_t i = 0; i < b->nses; i++)
		begun |= b->ses[i].caller && same_module(b->ses[i].caller, c->c.caller);
	if (begun) {
		chk_looked(k, DQ_RULE_VMAP_WITHOUT_BEGIN);
		return;
	}
	f = chk_find(DQ_RULE_VMAP_WITHOUT_BEGIN, b, NULL, c->c.task,
		     "mapped for the kernel, and access was not begun before");
	f.confidence = DQ_CONF_LIKELY;
	f.doubt = "the driver may begin the access later, each time";
	chk_add(&f, &p, NULL);
	chk_tell(k, &f, c->c.t0);
}

static void on_vunmap(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "unmapped here");
	struct dq_finding f;

	if (b->vmaps) {
		b->vmaps--;
		chk_looked(k, DQ_RULE_VUNMAP_WITHOUT_VMAP);
		return;
	}
	if (!b->whole) {
		chk_undecided(k, DQ_RULE_VUNMAP_WITHOUT_VMAP, DQ_UND_PAST);
		return;
	}
	f = chk_find(DQ_RULE_VUNMAP_WITHOUT_VMAP, b, NULL, c->c.task, "the count is zero already");
	chk_add(&f, &b->vmap, "mapped for the kernel here last");
	chk_add(&f, &p, "unmapped here, once too often");
	chk_tell(k, &f, b->export.t);
}

/* ---- all ---- */

static void on_begin(struct dq_check *k, struct chk_buf *b, const struct chk_call *c)
{
	struct dq_proof p = chk_proof(c, "refused here");
	struct dq_finding f;

	if (c->flags & CHK_FAILED && !was_interrupted(c->c.ret)) {
		f = chk_find(DQ_RULE_CALL_FAILED, b, NULL, c->c.task, "the call returned an error");
		chk_add(&f, &p, NULL);
		chk_tell(k, &f, c->c.t0);
	} else {
		chk_looked(k, DQ_RULE_CALL_FAILED);
	}
}

void chk_cpu_call(struct dq_check *k, const struct chk_group *g, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);

	(void)g;
	if (!b)
		return;
	switch (c->c.hook) {
	case HOOK_IOCTL:
		on_ioctl(k, b, c);
		break;
	case HOOK_BEGIN_CPU:
	case HOOK_BEGIN_CPU_PARTIAL:
		if (!(c->flags & CHK_INTERNAL))
			on_begin(k, b, c);
		if (chk_api(c))
			kernel_begin(k, b, c);
		break;
	case HOOK_END_CPU:
	case HOOK_END_CPU_PARTIAL:
		if (chk_api(c))
			kernel_end(k, b, c);
		break;
	case HOOK_MMAP_FILE:
		on_mmap(k, b, c);
		break;
	case HOOK_MMAP:
		if (chk_api(c))
			on_mmap(k, b, c);
		break;
	case HOOK_VM_AREA_DUP:
		on_copy(k, b, c);
		break;
	case HOOK_VM_AREA_FREE:
	case HOOK_VM_AREA_FREE_DIRECT:
		drop_vma(k, b, c->c.vma);
		break;
	case HOOK_VMAP:
	case HOOK_VMAP_UNLOCKED:
		if (chk_api(c))
			on_vmap(k, b, c);
		break;
	case HOOK_VUNMAP:
	case HOOK_VUNMAP_UNLOCKED:
		if (chk_api(c))
			on_vunmap(k, b, c);
		break;
	default:
		break;
	}
}

static void tell_vmapped(struct dq_check *k, struct chk_buf *b, const struct dq_proof *release)
{
	struct dq_finding f = chk_find(DQ_RULE_RELEASE_VMAPPED, b, NULL, release->task,
				       "a mapping for the kernel was left");

	chk_add(&f, &b->vmap, "mapped for the kernel here");
	chk_add(&f, release, "released here");
	chk_tell(k, &f, b->vmap.t);
}

bool chk_stops_kernel(struct dq_check *k, const struct chk_call *c)
{
	struct chk_buf *b = chk_buf(k, c->c.buf);
	struct dq_proof p = chk_proof(c, "released here");

	if (!b || b->b.flags & DQ_BUF_PREEXISTING)
		return false;
	if (c->c.hook == HOOK_RELEASE && b->vmaps)
		tell_vmapped(k, b, &p);
	else if ((c->c.hook == HOOK_VUNMAP || c->c.hook == HOOK_VUNMAP_UNLOCKED) && chk_api(c) && !b->vmaps)
		on_vunmap(k, b, c);
	else
		return false;
	return true;
}

void chk_cpu_release(struct dq_check *k, struct chk_buf *b, const struct dq_proof *release)
{
	for (size_t i = 0; i < b->nses; i++)
		tell_unended(k, b, i, release, "released here");
	for (size_t i = 0; i < b->nvmas; i++)
		judge_vma(k, b, &b->vmas[i]);
	if (b->vmaps)
		tell_vmapped(k, b, release);
	else if (b->had_vmap)
		chk_looked(k, DQ_RULE_RELEASE_VMAPPED);
}

void chk_cpu_exit(struct dq_check *k, struct chk_buf *b, uint32_t tgid, const struct dq_proof *exit)
{
	for (size_t i = b->nses; i-- > 0;) {
		if (b->ses[i].caller || b->ses[i].tgid != tgid)
			continue;
		tell_unended(k, b, i, exit, "the process ended here");
		drop_session(b, i);
	}
}

void chk_cpu_end(struct dq_check *k, struct chk_buf *b)
{
	for (size_t i = 0; i < b->nses; i++)
		if (!b->ses[i].interrupted)
			chk_undecided(k, b->ses[i].caller ? DQ_RULE_KERNEL_ACCESS_UNPAIRED :
							    DQ_RULE_SYNC_START_WITHOUT_END,
				      DQ_UND_END);
	for (size_t i = 0; i < b->nvmas; i++)
		if (!b->vmas[i].synced && b->vmas[i].device.role)
			judge_vma(k, b, &b->vmas[i]);
		else
			chk_undecided(k, DQ_RULE_MMAP_WITHOUT_SYNC, DQ_UND_END);
	if (b->vmaps)
		chk_undecided(k, DQ_RULE_RELEASE_VMAPPED, DQ_UND_END);
}
