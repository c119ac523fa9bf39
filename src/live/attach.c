// SPDX-License-Identifier: BSD-2-Clause
/*
 * attach.c - which program goes where.
 *
 * The plan is made from the table of hooks and what this kernel has: symbols from
 * kallsyms, function types from BTF. The rungs are a table, best first:
 * fentry/fexit, kprobe.multi/kretprobe.multi, kprobe/kretprobe. Whether a rung
 * works is found by trying it: an fentry program that the kernel refuses (arm64
 * before 6.4 has no direct calls) sends its hook down the ladder, and everything
 * is loaded again. No version is ever compared.
 *
 * Kprobes are attached by address through the perf PMU, because names are not
 * unique, and the return probe is registered before the entry probe: the kernel
 * runs the last registered one first (kernel/kprobes.c, list_add_rcu in
 * register_aggr_kprobe, 5.10 to 7.2; add_ftrace_ops in kernel/trace/ftrace.c for
 * fprobe), so that the entry program sees the true return address and not the
 * trampoline that the return probe puts there.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "impl.h"
#include "unpack.h"
#include "dmaseq_bpf.skel.h"

static const struct {
	uint32_t hook;
	const char *name;
	int nargs;
} progs[] = {
#define P(ENUM, n) { HOOK_##ENUM, #ENUM, n },
	WIRE_PROGS(P)
#undef P
};

/*
 * Called per frame, or for every descriptor of the machine: worth an fentry program of its own.
 * The others share the pair of kprobe programs, which load a hundred times faster; `--attach fentry`
 * takes fentry for all.
 */
static bool is_hot(uint32_t hook)
{
	switch (hook) {
	case HOOK_GET:
	case HOOK_PUT:
	case HOOK_MAP:
	case HOOK_MAP_UNLOCKED:
	case HOOK_UNMAP:
	case HOOK_UNMAP_UNLOCKED:
	case HOOK_BEGIN_CPU:
	case HOOK_END_CPU:
	case HOOK_VMAP:
	case HOOK_VMAP_UNLOCKED:
	case HOOK_VUNMAP:
	case HOOK_VUNMAP_UNLOCKED:
	case HOOK_IOCTL:
	case HOOK_POLL:
	case HOOK_FD_INSTALL:
	case HOOK_FILP_FLUSH:
	case HOOK_FILP_CLOSE:
		return true;
	}
	return false;
}

#define for_each_hook(l, p)                                                                        \
	for (size_t i_ = 0; i_ < DQ_ARRAY_SIZE(progs); i_++)                                       \
		for (struct hook_plan *p = &(l)->plan[progs[i_].hook]; p; p = NULL)

/* Some make their record at the return although the return itself is not in it. */
static bool has_return(const struct hook_plan *p)
{
	return p->info->ret != RET_NORET || p->info->id == HOOK_SCM_SEND ||
	       p->info->id == HOOK_VM_AREA_DUP;
}

/* The number of arguments that BTF gives a kernel function, -1: BTF does not know it. */
static int btf_nargs(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	const struct btf_type *t;

	if (id < 0)
		return -1;
	t = btf__type_by_id(btf, id);
	t = t ? btf__type_by_id(btf, t->type) : NULL;
	return t && btf_is_func_proto(t) ? btf_vlen(t) : -1;
}

/* ---- the ladder --------------------------------------------------------------------- */

static bool DQ_PRINTF(3, 4) not_on(struct hook_plan *p, const char *rung, const char *fmt, ...)
{
	size_t n = strlen(p->why);
	char why[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(p->why + n, sizeof(p->why) - n, "%sno %s: %s", n ? ", " : "", rung, why);
	return false;
}

static bool may_fentry(struct dq_live *l, struct hook_plan *p)
{
	int n;

	if (l->opts.rung == DQ_RUNG_AUTO && !is_hot(p->info->id))
		return not_on(p, "fentry", "not called per frame");
	/*
	 * A program that was preempted is not run for the task that comes next on that processor
	 * (__bpf_prog_enter_recur, kernel/bpf/trampoline.c, 5.12 to 7.2): the call is lost. The
	 * handlers of the other rungs run with preemption off.
	 */
	if (l->opts.rung == DQ_RUNG_AUTO && l->sys.preempts)
		return not_on(p, "fentry", "this kernel preempts");
	if (l->fentry_err)
		return not_on(p, "fentry", "trial attach: %s", dq_errname(l->fentry_err));
	if (strcmp(p->module, "vmlinux"))
		return not_on(p, "fentry", "it is in a module");
	if (l->no_btf)
		return not_on(p, "fentry", "the kernel has no BTF");
	/* fentry must agree with the real number of arguments: vmap had one less in 5.10 */
	n = btf_nargs(l->btf, p->info->name);
	if (n < 0)
		return not_on(p, "fentry", "BTF does not describe it");
	if (n != p->nargs)
		return not_on(p, "fentry", "BTF says %d arguments, not %d", n, p->nargs);
	return true;
}

/*
 * Not for functions of modules: a link of this kind is taken to hold a reference of the module, and
 * then nobody could unload it while we record; not tried.
 */
static bool may_multi(struct dq_live *l, struct hook_plan *p)
{
	if (l->multi_err)
		return not_on(p, "multi", "trial attach: %s", dq_errname(l->multi_err));
	if (strcmp(p->module, "vmlinux"))
		return not_on(p, "multi", "it would hold the module");
	return true;
}

static bool may_kprobe(struct dq_live *l, struct hook_plan *p)
{
	(void)l;
	(void)p;
	return true;
}

static const struct rung {
	const char *name;
	const char *entry, *ret; /* prefixes of programs */
	bool (*may)(struct dq_live *l, struct hook_plan *p);	/* false: and p->why says why */
} ladder[DQ_RUNG_COUNT] = {
	[DQ_RUNG_FENTRY] = { "fentry", "f", "fr", may_fentry },
	[DQ_RUNG_MULTI] = { "multi", "m", "mr", may_multi },
	[DQ_RUNG_KPROBE] = { "kprobe", "k", "kr", may_kprobe },
};

const char *dq_rung_name(enum dq_rung rung)
{
	return rung == DQ_RUNG_TRACEPOINT ? "tracepoint" : ladder[rung].name;
}

/* The best rung that the hook may take, from `rung` downwards; the last one is always possible. */
static void go_down(struct dq_live *l, struct hook_plan *p, int rung)
{
	while (!ladder[rung].may(l, p))
		rung++;
	p->rung = rung;
}

/* The kernel refused it on its rung: to load the program or to attach it. */
static void refused(struct dq_live *l, struct hook_plan *p, const char *what, int err)
{
	dq_debug("%s: %s refused: %s: %s", p->info->name, ladder[p->rung].name, what,
		 dq_errname(err));
	not_on(p, ladder[p->rung].name, "%s: %s", what, dq_errname(err));
	go_down(l, p, p->rung + 1);
}

static void multi_refused(struct dq_live *l, int err)
{
	l->multi_err = err;
	for_each_hook(l, p)
		if (p->rung == DQ_RUNG_MULTI)
			go_down(l, p, DQ_RUNG_MULTI);
}

static void plan_hook(struct dq_live *l, struct hook_plan *p)
{
	const char *module;

	p->why[0] = '\0';
	if (!p->addr) {
		snprintf(p->state, sizeof(p->state), "absent");
		return;
	}
	/* Where the files of a message are differs, and no calibration finds it (layout.h). */
	if (p->info->id == HOOK_SCM_SEND && l->btf &&
	    btf__find_by_name_kind(l->btf, "scm_fp_list", BTF_KIND_STRUCT) < 0) {
		snprintf(p->state, sizeof(p->state), "not used: no struct scm_fp_list");
		return;
	}
	dq_ksyms_name(l->ksyms, p->addr, p->symbol, sizeof(p->symbol));
	module = dq_ksyms_module_of(l->ksyms, p->addr);
	snprintf(p->module, sizeof(p->module), "%s", module ? module : "");
	p->wanted = true;
	go_down(l, p, l->opts.rung == DQ_RUNG_AUTO ? DQ_RUNG_FENTRY : l->opts.rung);
}

/*
 * Whether kprobe.multi works is not to be seen: BTF and kallsyms have it without CONFIG_FPROBE as
 * well. A program that does nothing tries it on a function that is called once per buffer.
 */
static int try_multi(uint64_t addr)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, po, .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	LIBBPF_OPTS(bpf_link_create_opts, lo);
	unsigned long a = addr;
	int prog, link;

	prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "dq_trial", "Dual BSD/GPL", nothing,
			     DQ_ARRAY_SIZE(nothing), &po);
	if (prog < 0)
		return prog;
	lo.kprobe_multi.addrs = &a;
	lo.kprobe_multi.cnt = 1;
	link = bpf_link_create(prog, 0, BPF_TRACE_KPROBE_MULTI, &lo);
	close(prog);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

/* Does the kernel hand a kprobe program its cookie? Asked of its BTF: the list of helpers is there. */
static bool has_cookies(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "bpf_func_id", BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;
	const struct btf_enum *e = t ? btf_enum(t) : NULL;

	for (int i = 0; e && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, e[i].name_off);

		if (name && !strcmp(name, "BPF_FUNC_get_attach_cookie"))
			return true;
	}
	return false;
}

/* A kernel that does not list them is asked. */
static bool cookies_by_trial(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 1;
}

static void try_rungs(struct dq_live *l)
{
	uint64_t addr = dq_ksyms_addr(l->ksyms, dq_hook_info(HOOK_RELEASE)->name);

	l->cookies = l->layout ? cookies_by_trial() : has_cookies(l->btf);
	l->multi_err = -EOPNOTSUPP;
	/* one program for all functions needs cookies, which are older (5.15) than multi (5.18) */
	if (l->cookies && addr && l->opts.rung <= DQ_RUNG_MULTI)
		l->multi_err = try_multi(addr);
}

int attach_plan(struct dq_live *l)
{
	try_rungs(l);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(progs); i++) {
		struct hook_plan *p = &l->plan[progs[i].hook];

		p->info = dq_hook_info(progs[i].hook);
		p->enum_name = progs[i].name;
		p->nargs = progs[i].nargs;
		p->rung = DQ_RUNG_KPROBE; /* callbacks too, see may_multi() */
		if (!p->info)
			return dq_live_fail(l, -EINVAL, "hook %s is not in the table", p->enum_name);
		if (p->nargs) {
			p->addr = dq_ksyms_addr(l->ksyms, p->info->name);
			plan_hook(l, p);
		} else {
			snprintf(p->state, sizeof(p->state), "not met");
			snprintf(p->why, sizeof(p->why), "no fentry, no multi: they hold modules");
		}
	}
	/* filp_close() calls filp_flush() where that exists (6.7+, and backports): never both. */
	if (l->plan[HOOK_FILP_FLUSH].wanted && l->plan[HOOK_FILP_CLOSE].wanted) {
		l->plan[HOOK_FILP_CLOSE].wanted = false;
		snprintf(l->plan[HOOK_FILP_CLOSE].state, sizeof(l->plan[0].state),
			 "not needed: filp_flush");
	}
	events_plan(l);
	return 0;
}

static struct bpf_program *find_prog(struct dq_live *l, const char *prefix, const char *name)
{
	char buf[64];

	snprintf(buf, sizeof(buf), "%s_%s", prefix, name);
	return bpf_object__find_program_by_name(l->skel->obj, buf);
}

static int enable(struct dq_live *l, const char *prefix, struct hook_plan *p)
{
	struct bpf_program *prog = find_prog(l, prefix, p->enum_name);
	int err;

	if (!prog)
		return -ENOENT;
	err = bpf_program__set_autoload(prog, true);
	if (!err && prefix[0] == 'f')
		err = bpf_program__set_attach_target(prog, 0, p->info->name);
	return err;
}

/* Where the kernel gives kprobes cookies: their own programs, for what they save. */
static void enable_hot(struct dq_live *l, const struct hook_plan *p)
{
	bpf_program__set_autoload(find_prog(l, "h", p->enum_name), true);
	bpf_program__set_autoload(find_prog(l, "hr", p->enum_name), true);
}

static size_t count_on(struct dq_live *l, enum dq_rung rung)
{
	size_t n = 0;

	for_each_hook(l, p)
		n += p->wanted && p->rung == rung;
	return n;
}

static int enable_all(struct dq_live *l)
{
	static const char *const tps[] = { "tp_sys_exit", "tp_process_free", "tp_fork", "tp_exec",
					   "tp_module_load", "tp_module_free", "peek_ops",
					   "tp_exit" };
	int err = 0;

	for_each_hook(l, p) {
		const struct rung *r = &ladder[p->rung];

		if (p->nargs && !p->wanted)
			continue;
		if (p->rung == DQ_RUNG_KPROBE && l->cookies && find_prog(l, "h", p->enum_name) &&
		    !l->special_err)
			enable_hot(l, p);
		if (p->rung != DQ_RUNG_FENTRY && l->cookies)
			continue;
		err = enable(l, r->entry, p);
		if (!err && has_return(p))
			err = enable(l, r->ret, p);
		if (err)
			return err;
	}
	bpf_program__set_autoload(find_prog(l, "k", l->cookies ? "any" : "hooked"), true);
	bpf_program__set_autoload(find_prog(l, "kr", l->cookies ? "any" : "hooked"), true);
	if (count_on(l, DQ_RUNG_MULTI)) {
		bpf_program__set_autoload(l->skel->progs.m_any, true);
		bpf_program__set_autoload(l->skel->progs.mr_any, true);
	}
	for (size_t i = 0; i < DQ_ARRAY_SIZE(tps); i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(l->skel->obj, tps[i]), true);
	events_enable(l);
	snap_enable(l);
	return callback_enable(l);
}

static void set_config(struct dq_live *l, uint64_t ring_bytes)
{
	/* rodata of the skeleton is const for the programs, not for us before load */
	struct config *c = (struct config *)&l->skel->rodata->cfg;

	c->self = getpid();
	c->by_task = l->opts.by_task || l->opts.npids || l->opts.comm;
	c->by_comm = l->opts.comm != NULL;
	c->by_exporter = l->opts.exporter != NULL;
	c->inode = l->opts.inode;
	c->min_size = l->opts.min_size;
	c->by_buf = c->by_exporter || c->inode || c->min_size;
	c->by_device = l->opts.device != NULL;
	c->filtered = c->by_task || c->by_buf || c->by_device;
	c->stacks = l->opts.stacks;
	/* 5.10's has the buffer alone: see read_ret() */
	c->vmap_address = !l->no_btf && btf_nargs(l->btf, "dma_buf_vmap") == 1;
	c->wake_bytes = ring_bytes / 2;
	c->no_btf = l->no_btf;
	c->regs = l->layout ? l->layout->regs : 0;
	if (l->opts.comm)
		snprintf(c->comm, sizeof(c->comm), "%s", l->opts.comm);
	if (l->opts.device)
		snprintf(c->device, sizeof(c->device), "%s", l->opts.device);
	if (l->opts.exporter)
		snprintf(c->exporter, sizeof(c->exporter), "%s", l->opts.exporter);
	for_each_hook(l, p)
		c->addr[p->info->id] = p->addr;
	for (size_t i = 0; i < WIRE_TRAMPOLINES; i++)
		c->trampoline[i] = dq_ksyms_trampoline(l->ksyms, i);
}

static uint64_t ring_size(uint64_t bytes)
{
	uint64_t size = sysconf(_SC_PAGESIZE);

	while (size < bytes && size < (1ULL << 30))
		size *= 2;
	return size;
}

/* The last program that libbpf complained about: "prog 'k_FOO': BPF program load failed". */
static struct hook_plan *rejected(struct dq_live *l)
{
	const char *p = dq_sb_str(&l->libbpf_log), *last = NULL, *name;

	while ((p = strstr(p, "prog '"))) {
		p += strlen("prog '");
		last = p;
	}
	if (!last)
		return NULL;
	name = memchr(last, '_', 4);
	if (!name++)
		return NULL;
	for_each_hook(l, h) {
		size_t n = strlen(h->enum_name);

		if (!strncmp(name, h->enum_name, n) && name[n] == '\'')
			return h;
	}
	return NULL;
}

/* Without cookies each kprobe's own program says which hook it is and jumps to one of these. */
static int set_handlers(struct dq_live *l)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t fd = bpf_program__fd(find_prog(l, i ? "kr" : "k", "hooked"));
		int err = bpf_map__update_elem(l->skel->maps.handlers, &i, sizeof(i), &fd,
					       sizeof(fd), BPF_ANY);

		if (err)
			return err;
	}
	return 0;
}

static int load_once(struct dq_live *l)
{
	LIBBPF_OPTS(bpf_object_open_opts, oo, .btf_custom_path = l->btf_path);
	uint64_t ring = ring_size(l->opts.ring_bytes ? l->opts.ring_bytes : 8 << 20);
	int err;

	attach_close(l);
	dq_sb_reset(&l->libbpf_log);
	err = callback_init();
	if (err)
		return err;
	l->skel = dmaseq_bpf__open_opts(&oo);
	if (!l->skel)
		return -errno;
	bpf_map__set_max_entries(l->skel->maps.ring, ring);
	set_config(l, ring);
	err = enable_all(l);
	if (!err)
		err = dmaseq_bpf__load(l->skel);
	return err || l->cookies ? err : set_handlers(l);
}

/*
 * What the verifier complained about: the last line of its log before the statistics, without the
 * register dump ("R1 unbounded memory access, ..."). The whole log is shown by -vv.
 */
static const char *verdict(struct dq_live *l, char *buf, size_t size)
{
	const char *s = dq_sb_str(&l->libbpf_log), *end = strstr(s, "\nprocessed "), *next, *begin;

	while (end && (next = strstr(end + 1, "\nprocessed ")))
		end = next;
	if (!end) {
		snprintf(buf, size, "%.300s", s[0] ? s : "no reason was given");
		return buf;
	}
	for (begin = end; begin > s && begin[-1] != '\n';)
		begin--;
	snprintf(buf, size, "%.*s", (int)(end - begin), begin);
	return buf;
}

/* All hooks of the multi rung share two programs: they go down together. */
static bool multi_rejected(struct dq_live *l, int err)
{
	const char *log = dq_sb_str(&l->libbpf_log);

	if (!count_on(l, DQ_RUNG_MULTI) || l->opts.rung != DQ_RUNG_AUTO ||
	    (!strstr(log, "prog 'm_any'") && !strstr(log, "prog 'mr_any'")))
		return false;
	multi_refused(l, err);
	return true;
}

int attach_load(struct dq_live *l)
{
	char why[320];
	int err;

	/* A program that this kernel's verifier refuses takes only its own hook with it. */
	for (int tries = 0; tries < 8; tries++) {
		struct hook_plan *p;

		err = load_once(l);
		if (!err)
			return 0;
		if (err == -EPERM)
			break;
		if (multi_rejected(l, err))
			continue;
		p = rejected(l);
		if (p && !l->special_err && (!p->nargs || (p->rung == DQ_RUNG_KPROBE && l->cookies))) {
			dq_debug("%s: its own program rejected: %s", p->info->name,
				 verdict(l, why, sizeof(why)));
			l->special_err = err;
			continue;
		}
		if (!p || !p->nargs)
			break;
		dq_debug("%s: %s rejected: %s", p->info->name, ladder[p->rung].name,
			 verdict(l, why, sizeof(why)));
		if (p->rung == DQ_RUNG_FENTRY && l->opts.rung == DQ_RUNG_AUTO) {
			refused(l, p, "verifier", err);
			continue;
		}
		p->wanted = false;
		snprintf(p->state, sizeof(p->state), "failed: %s", dq_errname(err));
	}
	if (err == -EPERM && strstr(dq_sb_str(&l->libbpf_log), "RLIMIT_MEMLOCK"))
		return dq_live_fail(l, err,
				    "cannot load probes: %s: this kernel counts BPF maps as locked memory, of which user %u without CAP_SYS_RESOURCE may not have enough. Try: sudo dmaseq record",
				    dq_errname(err), (unsigned int)geteuid());
	return dq_live_fail(l, err,
			    "cannot load probes: %s: the kernel refused a BPF program: %s. Try: dmaseq doctor -vv",
			    dq_errname(err), verdict(l, why, sizeof(why)));
}

/* ---- attaching ------------------------------------------------------------------- */

static int kprobe_pmu(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	int type = -ENOENT;

	if (f) {
		if (fscanf(f, "%d", &type) != 1)
			type = -EINVAL;
		fclose(f);
	}
	return type;
}

static int open_kprobe(struct dq_live *l, uint64_t addr, bool ret)
{
	struct perf_event_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = l->kprobe_type;
	attr.config = ret; /* format/retprobe is bit 0, 4.17 to 7.2 */
	attr.kprobe_addr = addr; /* with kprobe_func 0 */
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* With cookies one for all, or for those that are called most its own. */
static struct bpf_program *kprobe_prog(struct dq_live *l, const char *enum_name, bool ret)
{
	struct bpf_program *hot = l->cookies ? find_prog(l, ret ? "hr" : "h", enum_name) : NULL;

	if (hot && bpf_program__fd(hot) >= 0)
		return hot;
	return find_prog(l, ret ? "kr" : "k", l->cookies ? "any" : enum_name);
}

struct bpf_link *attach_kprobe(struct dq_live *l, const char *enum_name, uint32_t hook,
			       uint64_t addr, bool ret)
{
	LIBBPF_OPTS(bpf_perf_event_opts, po, .bpf_cookie = l->cookies ? hook : 0);
	struct bpf_program *prog = kprobe_prog(l, enum_name, ret);
	int fd = open_kprobe(l, addr, ret);
	struct bpf_link *link;

	if (fd < 0 || !prog) {
		errno = fd < 0 ? -fd : ENOENT;
		return NULL;
	}
	link = bpf_program__attach_perf_event_opts(prog, fd, &po);
	if (!link) {
		int err = errno;

		close(fd);
		errno = err;
	}
	return link;
}

static int attach_return(struct dq_live *l, struct hook_plan *p)
{
	if (!has_return(p))
		return 0;
	if (p->rung == DQ_RUNG_FENTRY)
		p->ret = bpf_program__attach_trace(find_prog(l, "fr", p->enum_name));
	else
		p->ret = attach_kprobe(l, p->enum_name, p->info->id, p->addr, true);
	return p->ret ? 0 : -errno;
}

static int attach_entry(struct dq_live *l, struct hook_plan *p)
{
	if (p->rung == DQ_RUNG_FENTRY)
		p->entry = bpf_program__attach_trace(find_prog(l, "f", p->enum_name));
	else
		p->entry = attach_kprobe(l, p->enum_name, p->info->id, p->addr, false);
	return p->entry ? 0 : -errno;
}

static void detach_hook(struct hook_plan *p)
{
	bpf_link__destroy(p->entry);
	bpf_link__destroy(p->ret);
	p->entry = p->ret = NULL;
	p->attached = false;
}

/* 1: go round again, hooks went down the ladder and need other programs */
static int attach_hook(struct dq_live *l, struct hook_plan *p)
{
	int err = attach_return(l, p);

	if (!err)
		err = attach_entry(l, p);
	if (!err) {
		p->attached = true;
		snprintf(p->state, sizeof(p->state), "attached");
		return 0;
	}
	detach_hook(p);
	if (p->rung == DQ_RUNG_FENTRY && l->opts.rung == DQ_RUNG_AUTO) {
		/* ENOTSUPP (524) says that the architecture has no fentry at all */
		if (err == -524 || err == -EOPNOTSUPP) {
			l->fentry_err = err;
			for_each_hook(l, q)
				if (q->wanted && q->rung == DQ_RUNG_FENTRY)
					go_down(l, q, DQ_RUNG_FENTRY);
		} else {
			refused(l, p, "trial attach", err);
		}
		return 1;
	}
	snprintf(p->state, sizeof(p->state), "failed: %s", dq_errname(err));
	return err;
}

static struct bpf_link *attach_multi_link(struct dq_live *l, bool ret)
{
	unsigned long addrs[HOOK_MAX];
	__u64 cookies[HOOK_MAX];
	LIBBPF_OPTS(bpf_kprobe_multi_opts, mo, .addrs = addrs, .cookies = cookies, .retprobe = ret);

	for_each_hook(l, p) {
		if (!p->wanted || p->rung != DQ_RUNG_MULTI || (ret && !has_return(p)))
			continue;
		addrs[mo.cnt] = p->addr;
		cookies[mo.cnt++] = p->info->id;
	}
	return bpf_program__attach_kprobe_multi_opts(
		ret ? l->skel->progs.mr_any : l->skel->progs.m_any, NULL, &mo);
}

/* All hooks of the rung at once. */
static int attach_multi(struct dq_live *l)
{
	int err = 0;

	if (!count_on(l, DQ_RUNG_MULTI))
		return 0;
	l->multi_ret = attach_multi_link(l, true);
	if (l->multi_ret)
		l->multi_entry = attach_multi_link(l, false);
	if (!l->multi_ret || !l->multi_entry)
		err = -errno;
	if (err && l->opts.rung == DQ_RUNG_AUTO) {
		bpf_link__destroy(l->multi_ret);
		l->multi_ret = NULL;
		dq_debug("multi refused: %s", dq_errname(err));
		multi_refused(l, err);
		return 0; /* the programs of the kprobes are loaded */
	}
	if (err)
		return dq_live_fail(l, err,
				    "cannot attach probes: %s: the kernel refuses kprobe.multi (CONFIG_FPROBE). Try: dmaseq record without --attach",
				    dq_errname(err));
	for_each_hook(l, p) {
		if (!p->wanted || p->rung != DQ_RUNG_MULTI)
			continue;
		p->attached = true;
		snprintf(p->state, sizeof(p->state), "attached");
	}
	return 0;
}

static int attach_tracepoints(struct dq_live *l)
{
	struct bpf_program *tps[] = { l->skel->progs.tp_sys_exit, l->skel->progs.tp_process_free,
				      l->skel->progs.tp_fork, l->skel->progs.tp_exec,
				      l->skel->progs.tp_exit,
				      l->skel->progs.tp_module_load, l->skel->progs.tp_module_free };

	for (size_t i = 0; i < DQ_ARRAY_SIZE(tps); i++) {
		struct bpf_link *link = bpf_program__attach(tps[i]);

		if (!link && i >= 5) { /* a kernel without modules */
			dq_debug("%s: %s", bpf_program__name(tps[i]), dq_errname(errno));
			continue;
		}
		if (!link)
			return dq_live_fail(l, -errno,
					    "cannot attach to tracepoint %s: %s. Try: dmaseq doctor -v",
					    bpf_program__name(tps[i]) + 3, dq_errname(errno));
		l->tp_links[l->ntp++] = link;
	}
	return 0;
}

void attach_rung_text(struct dq_live *l)
{
	bool taken[DQ_RUNG_COUNT] = { false };
	size_t n = 0;

	for_each_hook(l, p)
		if (p->attached)
			taken[p->rung] = true;
	l->rung_text[0] = '\0';
	for (int r = 0; r < DQ_RUNG_COUNT; r++)
		if (taken[r])
			n += snprintf(l->rung_text + n, sizeof(l->rung_text) - n, "%s%s",
				      n ? "+" : "", ladder[r].name);
}

bool attach_paranoid(const struct dq_live *l, int err)
{
	return err == -EACCES && l->sys.perf_event_paranoid > 2 && !l->sys.cap_sys_admin;
}

/* Every hook of one rung; 1: go round again. */
static int attach_rung(struct dq_live *l, enum dq_rung rung)
{
	int err;

	if (rung == DQ_RUNG_MULTI)
		return attach_multi(l);
	for_each_hook(l, p) {
		if (!p->wanted || p->attached || p->rung != rung)
			continue;
		err = attach_hook(l, p);
		if (err == 1)
			return err;
		if (err && p->info->need == NEED_REQ)
			return dq_live_fail(l, err, attach_paranoid(l, err) ?
						    "cannot attach to %s: %s%s: this kernel wants CAP_SYS_ADMIN for it while perf_event_paranoid is above 2. Try: sysctl kernel.perf_event_paranoid=2" :
						    "cannot attach to %s: %s%s. Try: dmaseq doctor -v",
					    p->info->name, dq_errname(err),
					    rung == DQ_RUNG_FENTRY ? " (with --attach fentry)" : "");
	}
	return 0;
}

int attach_all(struct dq_live *l)
{
	int err;

	l->kprobe_type = kprobe_pmu();
	if (l->kprobe_type < 0)
		return dq_live_fail(l, l->kprobe_type,
				    "cannot attach probes: %s: no kprobe events in /sys/bus/event_source/devices. Try: dmaseq doctor",
				    dq_errname(l->kprobe_type));
	/* Best first: what is refused there joins the ones below. */
	for (int rung = 0; rung < DQ_RUNG_COUNT; rung++) {
		err = attach_rung(l, rung);
		if (err < 0)
			return err;
		if (err) {
			err = attach_load(l);
			if (err)
				return err;
			rung = -1;
		}
	}
	events_attach(l);
	return attach_tracepoints(l);
}

/*
 * Hooks in modules (binder's). Only where one program serves all kprobes: the hook's own was not
 * loaded when its function was not there.
 */
void attach_module(struct dq_live *l, const char *module, bool load)
{
	for_each_hook(l, p) {
		const char *of;

		if (!p->nargs || (!load && strcmp(p->module, module)) || (load && p->attached))
			continue;
		if (!load) {
			detach_hook(p);
			p->wanted = false;
			p->addr = 0;
			snprintf(p->state, sizeof(p->state), "its module was unloaded");
			continue;
		}
		if (p->wanted || !l->cookies)
			continue;
		p->addr = dq_ksyms_addr(l->ksyms, p->info->name);
		of = p->addr ? dq_ksyms_module_of(l->ksyms, p->addr) : NULL;
		if (!of || strcmp(of, module))
			continue;
		plan_hook(l, p);
		p->rung = DQ_RUNG_KPROBE;
		attach_hook(l, p);
	}
}

/* ---- hooks that do not fire ------------------------------------------------------------ */

/*
 * When `fired` has fired, so has one of `must`: the kernel has no other way to come there
 * (5.10 to 7.2). Not in the table: what compilers inline (end_cpu_access), and what may have
 * happened before the recording (a descriptor of an old buffer says nothing of exports).
 */
static const struct {
	uint32_t fired, must[3];
} implied[] = {
	{ HOOK_OPS_ATTACH, { HOOK_DYNAMIC_ATTACH } },
	{ HOOK_OPS_DETACH, { HOOK_DETACH, HOOK_DYNAMIC_ATTACH } },
	{ HOOK_OPS_MAP, { HOOK_MAP, HOOK_DYNAMIC_ATTACH } },
	{ HOOK_OPS_UNMAP, { HOOK_UNMAP, HOOK_DETACH, HOOK_MAP } },
	{ HOOK_OPS_RELEASE, { HOOK_RELEASE } },
	{ HOOK_OPS_BEGIN_CPU, { HOOK_BEGIN_CPU } },
	{ HOOK_OPS_MMAP, { HOOK_MMAP_FILE, HOOK_MMAP } },
	{ HOOK_OPS_VMAP, { HOOK_VMAP } },
	{ HOOK_OPS_VUNMAP, { HOOK_VUNMAP } },
	{ HOOK_IMP_MOVE_NOTIFY, { HOOK_MOVE_NOTIFY } },
	{ HOOK_IMP_INVALIDATE, { HOOK_INVALIDATE } },
	{ HOOK_MAP_UNLOCKED, { HOOK_MAP } },
	{ HOOK_UNMAP_UNLOCKED, { HOOK_UNMAP } },
	{ HOOK_VMAP_UNLOCKED, { HOOK_VMAP } },
	{ HOOK_VUNMAP_UNLOCKED, { HOOK_VUNMAP } },
	{ HOOK_ATTACH, { HOOK_DYNAMIC_ATTACH } },
	{ HOOK_FILE_RELEASE, { HOOK_RELEASE } },
	{ HOOK_RELEASE, { HOOK_FILE_RELEASE } },
	{ HOOK_FD_INSTALL_API, { HOOK_FD_INSTALL } },
};

/* Once proves nothing: what called it may have been entered before the recording began. */
#define FIRED 2

void attach_find_silent(struct dq_live *l, const uint64_t *hits)
{
	for_each_hook(l, p) {
		if (p->silent)
			snprintf(p->state, sizeof(p->state), "attached");
		p->silent = NULL;
	}
	for (size_t i = 0; i < DQ_ARRAY_SIZE(implied); i++) {
		struct hook_plan *p = &l->plan[implied[i].must[0]];
		uint64_t n = 0;

		for (size_t j = 0; j < DQ_ARRAY_SIZE(implied[i].must); j++)
			if (implied[i].must[j])
				n += hits[implied[i].must[j]];
		if (n || hits[implied[i].fired] < FIRED || !p->attached)
			continue;
		p->silent = dq_hook_info(implied[i].fired);
		snprintf(p->state, sizeof(p->state), "silent");
	}
}

/* ---- detaching ------------------------------------------------------------------- */

/*
 * The kernel waits for a grace period of RCU for each kprobe that goes, one after the other: with a
 * hundred probes that is seconds in which the user stares at a finished recording. The waits
 * overlap when several threads ask.
 */
#define CLOSERS 16

struct closing {
	struct bpf_link **v;
	size_t n, next;
};

static void *close_some(void *arg)
{
	struct closing *c = arg;
	size_t i;

	while ((i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) < c->n)
		bpf_link__destroy(c->v[i]);
	return NULL;
}

void attach_destroy_links(struct bpf_link **v, size_t n)
{
	struct closing c = { .v = v, .n = n };
	pthread_t t[CLOSERS];
	size_t started = 0;

	while (started < CLOSERS && started + 1 < n &&
	       !pthread_create(&t[started], NULL, close_some, &c))
		started++;
	close_some(&c);
	while (started)
		pthread_join(t[--started], NULL);
}

void attach_close(struct dq_live *l)
{
	struct bpf_link *v[2 * HOOK_MAX + 2 + DQ_ARRAY_SIZE(l->tp_links) + EVENTS];
	size_t n = 0;

	for_each_hook(l, p) {
		v[n++] = p->entry;
		v[n++] = p->ret;
		p->entry = p->ret = NULL;
		p->attached = false;
	}
	v[n++] = l->multi_entry;
	v[n++] = l->multi_ret;
	l->multi_entry = l->multi_ret = NULL;
	while (l->ntp)
		v[n++] = l->tp_links[--l->ntp];
	n += events_links(l, v + n);
	attach_destroy_links(v, n);
	dmaseq_bpf__destroy(l->skel);
	l->skel = NULL;
}
