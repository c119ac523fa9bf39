// SPDX-License-Identifier: BSD-2-Clause
/*
 * live.c - the phases of a recording, in the order of live.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "calibrate.h"
#include "impl.h"
#include "unpack.h"
#include "dmaseq_bpf.skel.h"

/* libbpf has one log callback for the whole process. */
static struct dq_live *logging;

static int on_libbpf_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	struct dq_sb line = { 0 };

	dq_sb_vprintf(&line, fmt, ap);
	if (line.len && line.s[line.len - 1] == '\n')
		line.s[--line.len] = '\0';
	if (level != LIBBPF_DEBUG && logging && logging->libbpf_log.len < 1 << 20) {
		dq_sb_puts(&logging->libbpf_log, dq_sb_str(&line));
		dq_sb_puts(&logging->libbpf_log, "; ");
	}
	if (level != LIBBPF_DEBUG)
		dq_debug("libbpf: %s", dq_sb_str(&line));
	dq_sb_free(&line);
	return 0;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int dq_live_fail(struct dq_live *l, int err, const char *fmt, ...)
{
	va_list ap;

	dq_sb_reset(&l->error);
	va_start(ap, fmt);
	dq_sb_vprintf(&l->error, fmt, ap);
	va_end(ap);
	return err;
}

const char *dq_live_error(const struct dq_live *l)
{
	return dq_sb_str(&l->error);
}

int dq_live_new(struct dq_live **ret_l, const struct dq_live_opts *opts)
{
	struct dq_live *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->opts = *opts;
	l->btf_fd = l->epoll_fd = -1;
#ifdef M_MMAP_THRESHOLD
	/* or else glibc raises it with each large block that is freed, and what loading takes for a
	 * moment is never given back */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
	logging = l;
	libbpf_set_print(on_libbpf_log);
	*ret_l = l;
	return 0;
}

/* ---- how full the ring is: its two positions (kernel/bpf/ringbuf.c: one page each) ---- */

static void unmap_positions(struct dq_live *l)
{
	long page = sysconf(_SC_PAGESIZE);

	if (l->consumed)
		munmap((void *)l->consumed, page);
	if (l->produced)
		munmap((void *)l->produced, page);
	l->consumed = l->produced = NULL;
}

/* Each wake-up counts once (EPOLLET): with libbpf's own epoll, records that are left in the ring would
 * be a reason not to sleep. */
static int watch_ring(struct dq_live *l)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, bpf_map__fd(l->skel->maps.ring), &ev) ? -errno : 0;
}

/* Where this is not possible, dq_live_look() reads like dq_live_poll(). */
static void map_positions(struct dq_live *l)
{
	int fd = bpf_map__fd(l->skel->maps.ring);
	long page = sysconf(_SC_PAGESIZE);
	void *c = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	void *p = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, page);

	l->consumed = c == MAP_FAILED ? NULL : c;
	l->produced = p == MAP_FAILED ? NULL : p;
}

void dq_live_free(struct dq_live **lp)
{
	struct dq_live *l = *lp;

	if (!l)
		return;
	ring_buffer__free(l->ring);
	unmap_positions(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	ops_close(l);
	attach_close(l);
	collect_free(&l->collect);
	dq_ksyms_free(&l->ksyms);
	btf__free(l->btf);
	free(l->layout);
	if (l->btf_fd >= 0)
		close(l->btf_fd);
	free(l->hooks);
	dq_sb_free(&l->error);
	dq_sb_free(&l->libbpf_log);
	logging = NULL;
	free(l);
	*lp = NULL;
}

#define BATCH 32768		/* records of one turn */

static int on_sample(void *ctx, void *data, size_t size)
{
	struct dq_live *l = ctx;
	int err = collect_record(l->collect, data, size);

	l->batch--;
	return err || l->batch ? err : -EAGAIN;
}

int dq_live_check(struct dq_live *l)
{
	dq_sysinfo_read(&l->sys);
	dq_sb_reset(&l->error);
	return dq_sysinfo_diagnose(&l->sys, &l->error);
}

/* --btf none: as if the kernel had none, to see what calibration makes of it. */
static bool btf_forbidden(const struct dq_live *l)
{
	return l->opts.btf && !strcmp(l->opts.btf, "none");
}

static int calibrate_layout(struct dq_live *l)
{
	uint64_t t0 = now_ns();
	int err;

	l->layout = calloc(1, sizeof(*l->layout));
	if (!l->layout)
		return dq_live_fail(l, -ENOMEM, "not enough memory");
	err = calibrate(l->layout, l->ksyms);
	if (err)
		return dq_live_fail(l, err,
				    "cannot find out the layout of this kernel, which has no BTF: %s. Try: dmaseq record --btf FILE, with the BTF made from this kernel's vmlinux by 'pahole --btf_encode_detached FILE vmlinux'",
				    dq_errname(err));
	dq_debug("calibrated in %" PRIu64 " us; a system call's registers are at %d of its stack",
		 (now_ns() - t0) / 1000, l->layout->regs);
	return 0;
}

/* The layout that was found, as BTF for libbpf. */
static int make_btf(struct dq_live *l)
{
	int fd = layout_btf(l->layout);

	if (fd < 0)
		return dq_live_fail(l, fd, "cannot make BTF: %s. Try: dmaseq record --btf FILE",
				    dq_errname(fd));
	l->btf_fd = fd;
	snprintf(l->btf_fd_path, sizeof(l->btf_fd_path), "/proc/self/fd/%d", fd);
	l->btf_path = l->btf_fd_path;
	return 0;
}

/* Is the user's BTF of the kernel that runs? One of another kernel would make the probes lie. */
static int check_btf(struct dq_live *l)
{
	for (int f = 0; f < LF_MAX; f++) {
		int off = l->layout->found[f] ? layout_btf_offset(l->btf, f) : -1;

		if (off >= 0 && off != l->layout->off[f])
			return dq_live_fail(l, -EINVAL,
					    "cannot use %s: EINVAL: it is the BTF of another kernel, it has %s at %d and not at %d. Try: dmaseq record without --btf",
					    l->btf_path, layout_name(f), off, l->layout->off[f]);
	}
	return 0;
}

static int load_btf(struct dq_live *l)
{
	int err = 0;

	l->no_btf = !l->sys.have_btf || btf_forbidden(l);
	if (l->no_btf)
		err = calibrate_layout(l);
	if (l->opts.btf && !btf_forbidden(l))
		l->btf_path = l->opts.btf;
	else if (!err && l->no_btf)
		err = make_btf(l);
	if (err)
		return err;
	l->btf = l->btf_path ? btf__parse(l->btf_path, NULL) : btf__load_vmlinux_btf();
	if (!l->btf)
		return dq_live_fail(l, -errno, "cannot read BTF%s%s: %s: it does not describe this kernel. Try: bpftool btf dump file %s",
				    l->btf_path ? " from " : "", l->btf_path ? l->btf_path : "",
				    dq_errname(errno),
				    l->btf_path ? l->btf_path : "/sys/kernel/btf/vmlinux");
	return l->no_btf ? check_btf(l) : 0;
}

size_t dq_live_layout(const struct dq_live *l, const struct dq_live_field **ret)
{
	static struct dq_live_field v[LF_MAX];
	struct btf *real;

	if (!l->layout)
		return 0;
	real = l->sys.have_btf ? btf__load_vmlinux_btf() : NULL;
	for (int f = 0; f < LF_MAX; f++) {
		v[f].name = layout_name(f);
		v[f].offset = l->layout->off[f];
		v[f].found = l->layout->found[f];
		v[f].btf_offset = real ? layout_btf_offset(real, f) : -1;
	}
	btf__free(real);
	*ret = v;
	return LF_MAX;
}

int dq_live_load(struct dq_live *l)
{
	int err = dq_ksyms_load(&l->ksyms);

	if (err == -EACCES && !l->sys.cap_syslog)
		return dq_live_fail(l, err,
				    "cannot read the kernel's symbols: %s: /proc/kallsyms shows no addresses to user %u without CAP_SYSLOG. Try: sudo dmaseq record",
				    dq_errname(err), (unsigned int)geteuid());
	if (err)
		return dq_live_fail(l, err,
				    "cannot read the kernel's symbols: %s: /proc/kallsyms shows no addresses (kernel.kptr_restrict is %ld). Try: sysctl kernel.kptr_restrict=1",
				    dq_errname(err), l->sys.kptr_restrict);
	err = load_btf(l);
	if (err)
		return err;
	err = attach_plan(l);
	return err ? err : attach_load(l);
}

static int add_pids(struct dq_live *l)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->opts.npids; i++)
		err = dq_live_add_pid(l, l->opts.pids[i]);
	return err;
}

/* What was of use until everything was attached: megabytes, on a board that may have few. */
static void give_back(struct dq_live *l)
{
	btf__free(l->btf);
	l->btf = NULL;
	dq_ksyms_settle(l->ksyms);
	dq_bpf_unpacked_free();
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

int dq_live_attach(struct dq_live *l)
{
	int err = attach_all(l);

	if (!err)
		err = add_pids(l);
	if (err)
		return err;
	ops_preload(l, NULL);
	attach_rung_text(l);
	err = collect_new(&l->collect, l);
	if (err)
		return dq_live_fail(l, err, "not enough memory");
	l->ring = ring_buffer__new(bpf_map__fd(l->skel->maps.ring), on_sample, l, NULL);
	if (!l->ring)
		return dq_live_fail(l, -errno, "cannot map the ring buffer: %s. Try: dmaseq record --ring 1M",
				    dq_errname(errno));
	map_positions(l);
	err = watch_ring(l);
	if (err)
		return dq_live_fail(l, err, "cannot wait for the ring buffer: %s", dq_errname(err));
	give_back(l);
	return 0;
}

int dq_live_add_pid(struct dq_live *l, uint32_t tgid)
{
	uint32_t one = 1;
	int err = bpf_map__update_elem(l->skel->maps.pids, &tgid, sizeof(tgid), &one, sizeof(one),
				       BPF_ANY);

	if (err)
		return dq_live_fail(l, err, "cannot filter by process %u: %s. Try: fewer -p", tgid,
				    dq_errname(err));
	return 0;
}

int dq_live_epoll_fd(const struct dq_live *l)
{
	return l->epoll_fd;
}

/* ---- the head and the end of the trace ------------------------------------------------ */

static void put_meta(struct dq_live *l, const char *key, const char *value)
{
	struct dq_item it = { .kind = DQ_META };

	it.meta.key = key;
	it.meta.value = value;
	collect_put(l->collect, &it);
}

static void put_filter(struct dq_live *l)
{
	struct dq_sb sb = { 0 };

	for (size_t i = 0; i < l->opts.npids; i++)
		dq_sb_printf(&sb, "%spid=%u", sb.len ? " " : "", l->opts.pids[i]);
	if (l->opts.comm)
		dq_sb_printf(&sb, "%scomm=%s", sb.len ? " " : "", l->opts.comm);
	if (l->opts.exporter)
		dq_sb_printf(&sb, "%sexporter=%s", sb.len ? " " : "", l->opts.exporter);
	if (l->opts.device)
		dq_sb_printf(&sb, "%sdevice=%s", sb.len ? " " : "", l->opts.device);
	if (l->opts.inode)
		dq_sb_printf(&sb, "%sinode=%" PRIu64, sb.len ? " " : "", l->opts.inode);
	if (l->opts.min_size)
		dq_sb_printf(&sb, "%smin-size=%" PRIu64, sb.len ? " " : "", l->opts.min_size);
	if (l->opts.by_task && !l->opts.npids && !l->opts.comm)
		dq_sb_printf(&sb, "%scommand", sb.len ? " " : "");
	if (sb.len)
		put_meta(l, "filter", sb.s);
	dq_sb_free(&sb);
}

/* How the structures of a kernel without BTF were known. */
static void put_calibration(struct dq_live *l)
{
	const struct layout *lo = l->layout;
	struct dq_sb sb = { 0 };
	int found = 0, fixed = 0;

	if (l->btf_path && l->btf_path == l->opts.btf) {
		put_meta(l, "calibration", "btf file");
		return;
	}
	for (int f = 0; f < LF_MAX; f++) {
		found += lo->found[f];
		fixed += !lo->found[f] && lo->off[f] >= 0;
	}
	dq_sb_printf(&sb, "found=%d fixed=%d", found, fixed);
	for (int f = 0, n = 0; f < LF_MAX; f++)
		if (lo->off[f] == LAYOUT_UNKNOWN)
			dq_sb_printf(&sb, "%s%s", n++ ? "," : " unknown=", layout_name(f));
	put_meta(l, "calibration", dq_sb_str(&sb));
	dq_sb_free(&sb);
}

static void put_metas(struct dq_live *l)
{
	char buf[32];

	put_meta(l, "tool", "dmaseq");
	put_meta(l, "kernel.release", l->sys.release);
	put_meta(l, "kernel.version", l->sys.version);
	put_meta(l, "arch", l->sys.arch);
	put_meta(l, "clock", "monotonic");
	put_meta(l, "rung", l->rung_text);
	snprintf(buf, sizeof(buf), "%u", bpf_map__max_entries(l->skel->maps.ring));
	put_meta(l, "ring.bytes", buf);
	if (l->layout)
		put_calibration(l);
	if (l->opts.raw_addresses)
		put_meta(l, "raw_addresses", "yes");
	put_filter(l);
}

/* Of all hooks at once. */
static void read_hits(struct dq_live *l, uint64_t hits[HOOK_MAX])
{
	int ncpus = libbpf_num_possible_cpus();
	struct cpu_state *v = ncpus > 0 ? calloc(ncpus, sizeof(*v)) : NULL;
	uint32_t zero = 0;

	memset(hits, 0, HOOK_MAX * sizeof(*hits));
	for (int i = 0; i < ncpus && i < WIRE_CPUS; i++)
		for (uint32_t id = 0; id < HOOK_MAX; id++)
			hits[id] += l->skel->bss->hits[i].n[id];
	if (v && !bpf_map__lookup_elem(l->skel->maps.cpus, &zero, sizeof(zero), v,
				       ncpus * sizeof(*v), 0))
		for (int i = 0; i < ncpus; i++)
			for (uint32_t id = 0; id < HOOK_MAX; id++)
				hits[id] += v[i].hits[id];
	free(v);
}

/* How often the kernel skipped a program because another one was running on that CPU. */
static uint64_t fd_missed(int fd)
{
	struct bpf_prog_info info;
	uint32_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return 0;
	return info.recursion_misses;
}

static uint64_t prog_missed(struct bpf_program *prog)
{
	return prog ? fd_missed(bpf_program__fd(prog)) : 0;
}

static uint64_t hook_missed(struct dq_live *l, const struct hook_plan *p)
{
	static const char *const prefix[] = { "k", "kr", "h", "hr", "f", "fr" };
	uint64_t sum = 0;
	char name[64];

	for (size_t i = 0; i < DQ_ARRAY_SIZE(prefix); i++) {
		snprintf(name, sizeof(name), "%s_%s", prefix[i], p->enum_name);
		sum += prog_missed(bpf_object__find_program_by_name(l->skel->obj, name));
	}
	for (size_t i = 0; i < l->ncbs; i++)
		if (l->cbs[i].hook == p->info->id)
			sum += fd_missed(l->cbs[i].prog[0]) + fd_missed(l->cbs[i].prog[1]);
	return sum;
}

/* Programs that serve many hooks, or none: which call it was is not known. */
static uint64_t shared_missed(struct dq_live *l)
{
	static const char *const names[] = { "k_any", "kr_any", "m_any", "mr_any" };
	uint64_t sum = 0;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(names); i++)
		sum += prog_missed(bpf_object__find_program_by_name(l->skel->obj, names[i]));
	return sum;
}

static void find_silent(struct dq_live *l)
{
	uint64_t hits[HOOK_MAX];

	read_hits(l, hits);
	attach_find_silent(l, hits);
}

static void put_hooks(struct dq_live *l, bool counts)
{
	uint64_t hits[HOOK_MAX];

	if (counts)
		read_hits(l, hits);
	for (uint32_t id = 0; id < HOOK_MAX; id++) {
		struct hook_plan *p = &l->plan[id];
		struct dq_item it = { .kind = DQ_HOOK };

		if (!p->info)
			continue;
		it.hook.id = id;
		it.hook.name = p->info->name;
		it.hook.symbol = p->symbol;
		it.hook.rung = p->attached ? dq_rung_name(p->rung) : "";
		it.hook.state = p->state;
		if (counts) {
			it.hook.hits = hits[id];
			it.hook.missed = hook_missed(l, p);
		}
		collect_put(l->collect, &it);
	}
}

static void put_clock(struct dq_live *l)
{
	struct dq_item it = { .kind = DQ_CLOCK };
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	it.clock.mono = now_ns();
	it.clock.real = (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	if (!clock_gettime(CLOCK_BOOTTIME, &ts))
		it.clock.boot = (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	collect_put(l->collect, &it);
}

int dq_live_start(struct dq_live *l, const struct dq_sink *sink)
{
	int err;

	l->sink = *sink;
	put_metas(l);
	put_clock(l);
	put_hooks(l, false);
	err = collect_error(l->collect);
	if (!err)
		err = l->sink.flush(l->sink.ctx);
	if (err)
		return err;
	l->t_start = now_ns();
	__atomic_store_n(&l->skel->bss->armed, 1, __ATOMIC_RELEASE);
	snap_take(l, DQ_SNAP_BEGIN);
	return collect_error(l->collect);
}

/* Bytes in the ring; 0 where that cannot be seen. */
static unsigned long ring_fill(const struct dq_live *l)
{
	if (!l->consumed || !l->produced)
		return 0;
	return __atomic_load_n(l->produced, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(l->consumed, __ATOMIC_ACQUIRE);
}

static int read_ring(struct dq_live *l, int timeout_ms, uint32_t most)
{
	struct epoll_event ev;
	int n;

	/* Records are submitted without a wake-up unless the ring fills: look by ourselves. */
	if (epoll_wait(l->epoll_fd, &ev, 1, timeout_ms) < 0 && errno != EINTR)
		return -errno;
	/* To read on until the ring is empty would never end next to somebody who does not stop, on
	 * one processor. */
	l->batch = most;
	n = ring_buffer__consume(l->ring);
	if (n < 0 && n != -EAGAIN && n != -EINTR)
		return n;
	n = collect_error(l->collect);
	return n ? n : !l->batch;
}

int dq_live_poll(struct dq_live *l, int timeout_ms)
{
	return read_ring(l, timeout_ms, BATCH);
}

/* All that is there, more or less: who does not stop does not stop us either. */
static int read_all(struct dq_live *l)
{
	int n = 1;

	for (int i = 0; i < 8 && n > 0; i++)
		n = dq_live_poll(l, 0);
	return n;
}

int dq_live_look(struct dq_live *l)
{
	unsigned long fill, before = l->looked;
	struct epoll_event ev;

	epoll_wait(l->epoll_fd, &ev, 1, 0); /* the wake-up, if any, is heard */
	if (!l->consumed || !l->produced)
		return dq_live_poll(l, 0);
	l->looked = __atomic_load_n(l->produced, __ATOMIC_ACQUIRE);
	fill = ring_fill(l);
	if (l->looked == before || l->skel->bss->urgent) { /* nothing has happened since */
		l->skel->bss->urgent = 0;
		return fill ? read_all(l) : 0;
	}
	if (fill < l->skel->rodata->cfg.wake_bytes)
		return 0;
	/* only as much as makes room: what is left can wait until the load is over */
	return read_ring(l, 0, BATCH / 16);
}

/* For when nothing is recorded any more. */
static void drain_ring(struct dq_live *l)
{
	while (dq_live_poll(l, 0) > 0)
		;
}

static void drain_tasks(struct dq_live *l, uint64_t now)
{
	struct task_state st;
	uint64_t key, *prev = NULL;
	uint32_t place;

	while (!bpf_map__get_next_key(l->skel->maps.tasks, prev, &key, sizeof(key))) {
		if (!bpf_map__lookup_elem(l->skel->maps.tasks, &key, sizeof(key), &place,
					  sizeof(place), 0) &&
		    !bpf_map__lookup_elem(l->skel->maps.states, &place, sizeof(place), &st,
					  sizeof(st), 0))
			collect_in_flight(l->collect, &st, now);
		prev = &key;
	}
}

/* Losses that no later record could tell. */
static void drain_losses(struct dq_live *l)
{
	int ncpus = libbpf_num_possible_cpus();
	struct cpu_state *v = ncpus > 0 ? calloc(ncpus, sizeof(*v)) : NULL;
	uint32_t zero = 0;

	if (!v || bpf_map__lookup_elem(l->skel->maps.cpus, &zero, sizeof(zero), v,
				       ncpus * sizeof(*v), 0))
		goto out;
	for (int cpu = 0; cpu < ncpus; cpu++)
		for (int s = 0; s < LOSS_MAX; s++) {
			struct wire_loss w = { .kind = WIRE_LOSS, .source = s, .cpu = cpu,
					       .count = v[cpu].count[s], .t0 = v[cpu].t0[s],
					       .t1 = v[cpu].t1[s] };

			collect_loss(l->collect, &w);
		}
out:
	free(v);
}

static void put_skipped(struct dq_live *l, uint32_t hook, uint64_t count, uint64_t now)
{
	struct dq_item it = { .kind = DQ_LOSS };

	if (!count)
		return;
	it.loss.count = count;
	it.loss.source = "recursion";
	it.loss.hook = hook;
	it.loss.cpu = -1;
	it.loss.t0 = l->t_start;
	it.loss.t1 = now;
	l->skipped += count;
	collect_put(l->collect, &it);
}

static void put_recursion(struct dq_live *l, uint64_t now)
{
	for (uint32_t id = 0; id < HOOK_MAX; id++)
		if (l->plan[id].info)
			put_skipped(l, id, hook_missed(l, &l->plan[id]), now);
	put_skipped(l, 0, shared_missed(l), now);
}

int dq_live_stop(struct dq_live *l, const char *reason)
{
	struct dq_item it = { .kind = DQ_END };
	struct dq_live_stats st;
	uint64_t now;
	int err;

	if (!collect_error(l->collect)) {
		read_all(l);
		snap_take(l, DQ_SNAP_FINAL);
	}
	__atomic_store_n(&l->skel->bss->armed, 0, __ATOMIC_RELEASE);
	/* A grace period of RCU, in which all programs run: after it no record can be on its way, and
	 * what is still in flight is in the table of tasks and nowhere else. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	now = now_ns();
	drain_ring(l);
	drain_tasks(l, now);
	drain_losses(l);
	put_recursion(l, now);
	find_silent(l);
	if (l->skel->bss->learnt_wrong)
		dq_warn("%u buffers are not laid out as in the kernels that dmaseq knows: what is recorded of them may be wrong. Try: dmaseq record --btf FILE",
			l->skel->bss->learnt_wrong);
	put_hooks(l, true);
	put_clock(l);
	dq_live_stats(l, &st);
	it.end.t = now;
	it.end.reason = reason;
	it.end.calls = st.calls;
	it.end.lost = st.lost + st.missed_returns;
	collect_put(l->collect, &it);
	err = collect_error(l->collect);
	return err ? err : l->sink.flush(l->sink.ctx);
}

void dq_live_stats(const struct dq_live *l, struct dq_live_stats *st)
{
	memset(st, 0, sizeof(*st));
	if (l->collect)
		collect_stats(l->collect, st);
	st->lost += l->skipped;
	st->rung = l->rung_text;
}

size_t dq_live_hooks(const struct dq_live *cl, const struct dq_live_hook **ret)
{
	struct dq_live *l = (struct dq_live *)cl;
	uint64_t hits[HOOK_MAX] = { 0 };

	if (l->skel) {
		find_silent(l);
		read_hits(l, hits);
	}
	free(l->hooks);
	l->nhooks = 0;
	l->hooks = calloc(HOOK_MAX, sizeof(*l->hooks));
	for (uint32_t id = 0; l->hooks && id < HOOK_MAX; id++) {
		const struct hook_plan *p = &l->plan[id];
		struct dq_live_hook *h = &l->hooks[l->nhooks];

		if (!p->info)
			continue;
		h->info = p->info;
		h->symbol = p->symbol;
		h->state = p->state;
		h->rung = p->attached ? dq_rung_name(p->rung) : "";
		h->why = p->why;
		h->silent = p->silent;
		h->hits = hits[id];
		l->nhooks++;
	}
	*ret = l->hooks;
	return l->nhooks;
}
