// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd_doctor.c - dmaseq doctor: what this kernel allows, which rung each hook gets and
 * why; with --self-test, whether the probes fire.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../live/live.h"
#include "../util/util.h"
#include "cmd.h"
#include "selftest.h"

struct doctor_opts {
	int attach;
	const char *btf;
	bool self_test;
};

static const struct dq_opt opts[] = {
	{ "attach", 0, "RUNG", DQ_OPT_ENUM, offsetof(struct doctor_opts, attach), NULL,
	  "try this kind of probes only: fentry, multi or kprobe", "fentry multi kprobe", false },
	{ "btf", 0, "FILE", DQ_OPT_STR, offsetof(struct doctor_opts, btf), NULL,
	  "types of the running kernel, when it has no BTF of its own; none: calibrate", NULL, false },
	{ "self-test", 0, NULL, DQ_OPT_FLAG, offsetof(struct doctor_opts, self_test), NULL,
	  "drive the exporters and importers that are here, and see which probes fire", NULL, false },
	{ .name = NULL },
};

static void say(const char *what, bool ok, const char *text)
{
	const char *mark = ok ? "ok  " : "NO  ";

	if (dq_common.color)
		printf("%s%s\033[0m%-14s %s\n", ok ? "\033[32m" : "\033[31m", mark, what, text);
	else
		printf("%s%-14s %s\n", mark, what, text);
}

/* Where the numbers of tracepoints are, for the few hooks that are some. */
static void show_tracefs(const struct dq_sysinfo *si)
{
	printf("    %-14s %s\n", "tracefs",
	       si->have_tracefs ? "mounted" :
	       dq_sysinfo_tracefs() == -EACCES ? "cannot be read, fence waits and binder are not recorded: CAP_DAC_READ_SEARCH, or root" :
	       si->tracefs_known ? "not mounted, fence waits and binder are not recorded: mount -t tracefs tracefs /sys/kernel/tracing" :
				   "this kernel has none (CONFIG_FTRACE): fence waits and binder are not recorded");
}

static void show_system(const struct dq_sysinfo *si)
{
	char buf[320];

	snprintf(buf, sizeof(buf), "%s %s", si->release, si->arch);
	printf("    %-14s %s\n", "kernel", buf);
	say("dma-buf", si->have_dmabuf,
	    si->have_dmabuf ? "dma_buf_export is there" :
			      "no dma_buf_export in /proc/kallsyms (CONFIG_DMA_SHARED_BUFFER)");
	say("rights", si->cap_bpf && si->cap_perfmon,
	    si->cap_sys_admin		     ? "CAP_SYS_ADMIN" :
	    si->cap_bpf && si->cap_perfmon   ? "CAP_BPF and CAP_PERFMON" :
					       "CAP_BPF and CAP_PERFMON are missing: run as root");
	say("bpf", si->have_bpf && !si->bpf_err,
	    !si->have_bpf ? "no bpf() system call (CONFIG_BPF_SYSCALL)" :
	    si->bpf_err	  ? dq_errname(si->bpf_err) :
			    "maps can be made");
	say("ring buffer", si->have_ringbuf,
	    si->have_ringbuf ? "BPF_MAP_TYPE_RINGBUF" : "none, or not for us (5.8 and later)");
	say("kprobes", si->have_kprobes,
	    si->have_kprobes ? "kprobe PMU" : "none (CONFIG_KPROBE_EVENTS)");
	printf("    %-14s %s\n", "BTF",
	       si->have_btf ? "/sys/kernel/btf/vmlinux" : "none (CONFIG_DEBUG_INFO_BTF)");
	say("symbols", si->have_addresses,
	    si->have_addresses ? "/proc/kallsyms with addresses" :
	    si->kptr_restrict == 2 ?
				 "addresses are hidden from everybody: sysctl kernel.kptr_restrict=1" :
				 "/proc/kallsyms shows no addresses: CAP_SYSLOG, or root");
	show_tracefs(si);
	printf("    %-14s %s\n", "lockdown", si->lockdown[0] ? si->lockdown : "unknown");
	if (!si->cap_sys_admin) /* these bind nobody who has it */
		printf("    %-14s unprivileged_bpf_disabled %ld, perf_event_paranoid %ld, kptr_restrict %ld\n",
		       "sysctl", si->unprivileged_bpf_disabled, si->perf_event_paranoid,
		       si->kptr_restrict);
}

/* ---- the hooks --------------------------------------------------------------------------- */

/* "label     n  name name ..." with lines of at most 100 columns */
static void show_names(const char *label, const struct dq_live_hook *h, size_t n,
		       bool (*is)(const struct dq_live_hook *h, const void *ctx), const void *ctx)
{
	size_t count = 0, column = 0;

	for (size_t i = 0; i < n; i++)
		count += is(&h[i], ctx);
	if (!count)
		return;
	printf("%-10s %3zu ", label, count);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(h[i].info->name);

		if (!is(&h[i], ctx))
			continue;
		if (column && 15 + column + 1 + len > 100) {
			printf("\n%-14s", "");
			column = 0;
		}
		printf(" %s", h[i].info->name);
		column += len + 1;
	}
	printf("\n");
}

static bool is_on(const struct dq_live_hook *h, const void *rung)
{
	return !strcmp(h->rung, rung);
}

static bool is_callback(const struct dq_live_hook *h)
{
	return h->info->kind == KIND_OPS || h->info->kind == KIND_IMPOPS;
}

static bool is_absent(const struct dq_live_hook *h, const void *ctx)
{
	(void)ctx;
	return !h->rung[0] && !is_callback(h) && !strcmp(h->state, "absent");
}

static bool is_not_met(const struct dq_live_hook *h, const void *ctx)
{
	(void)ctx;
	return !h->rung[0] && is_callback(h) && !strcmp(h->state, "not met");
}

/* Each reason once, with how many hooks it holds for. */
static void show_whys(const struct dq_live_hook *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t count = 0;
		bool first = true;

		for (size_t j = 0; j < n; j++) {
			if (!h[j].rung[0] || strcmp(h[j].why, h[i].why))
				continue;
			first &= count || j == i;
			count++;
		}
		if (h[i].rung[0] && h[i].why[0] && first)
			printf("%-10s %3zu  %s\n", "because", count, h[i].why);
	}
}

static void show_trouble(const struct dq_live_hook *h)
{
	if (h->rung[0] || is_not_met(h, NULL) || (is_absent(h, NULL) && !h->info->need))
		return;
	printf("%-36s %s%s\n", h->info->name, h->state,
	       h->info->need == NEED_REQ && strncmp(h->state, "not needed", 10) ? "  <- required" : "");
}

/* One screen: what each hook gets, and why nothing better. */
static void show_summary(const struct dq_live_hook *h, size_t n)
{
	static const char *const rungs[] = { "fentry", "multi", "kprobe", "tracepoint" };

	printf("\n%-10s     %s\n", "probes", "functions");
	for (size_t i = 0; i < DQ_ARRAY_SIZE(rungs); i++)
		show_names(rungs[i], h, n, is_on, rungs[i]);
	show_names("not met", h, n, is_not_met, NULL);
	show_names("not here", h, n, is_absent, NULL);
	show_whys(h, n);
	for (size_t i = 0; i < n; i++)
		show_trouble(&h[i]);
}

/* With -v: a line for each hook. */
static void show_table(const struct dq_live_hook *h, size_t n)
{
	printf("\n%-36s %-10s %-22s %s\n", "hook", "probe", "state", "why no better one");
	for (size_t i = 0; i < n; i++)
		printf("%-36s %-10s %-22s %s%s\n", h[i].info->name, h[i].rung[0] ? h[i].rung : "-",
		       h[i].state, h[i].why,
		       h[i].info->need == NEED_REQ && is_absent(&h[i], NULL) ? "  <- required" : "");
}

/* ---- the self-test ------------------------------------------------------------------------ */

static void drain(void *live)
{
	dq_live_poll(live, 20);
}

static bool failed(const struct dq_live_hook *h, const struct selftest *st)
{
	return h->rung[0] && !h->hits && st->must[h->info->id];
}

static size_t count_failed(struct dq_live *live, const struct selftest *st)
{
	const struct dq_live_hook *h;
	size_t n = dq_live_hooks(live, &h), count = 0;

	for (size_t i = 0; i < n; i++)
		count += failed(&h[i], st);
	return count;
}

static void show_hits(struct dq_live *live, const struct selftest *st)
{
	const struct dq_live_hook *h;
	size_t n = dq_live_hooks(live, &h);

	printf("\n%-36s %-10s %s\n", "hook", "probe", "     hits");
	for (size_t i = 0; i < n; i++) {
		if (!h[i].rung[0])
			continue;
		printf("%-36s %-10s ", h[i].info->name, h[i].rung);
		if (h[i].hits)
			printf("%9" PRIu64 "\n", h[i].hits);
		else
			printf("%9s\n", failed(&h[i], st) ? "NONE  <- its function was called" :
							    "-  not reached by the self-test");
	}
}

static int self_test(struct dq_live *live)
{
	struct selftest st;
	size_t bad = 0;
	int err = 0;

	/* Twice: a table that kallsyms does not name is armed at its first buffer, while that lives. */
	for (int pass = 0; !err && pass < 2 && (!pass || bad); pass++) {
		err = selftest_run(&st, drain, live);
		bad = err ? 0 : count_failed(live, &st);
	}
	if (err) {
		say("self-test", false, err == -ETIME ? "a device did not answer" : dq_errname(err));
		return err;
	}
	say("self-test", !bad,
	    !st.nlines ? "no exporter that a program can use here: nothing is proven" :
	    bad	       ? "functions were called whose probes did not fire:" :
			 "every probe fired whose function was called for sure");
	for (unsigned int i = 0; i < st.nlines; i++)
		printf("    %-14s %s\n", st.lines[i].what, st.lines[i].text);
	show_hits(live, &st);
	return bad ? -EIO : 0;
}

static void show_hooks(struct dq_live *live)
{
	const struct dq_live_hook *h;
	size_t n = dq_live_hooks(live, &h);

	if (dq_common.verbose)
		show_table(h, n);
	else
		show_summary(h, n);
}

/* What calibration found, and what the kernel's BTF says to that if it has one (--btf none). */
static void show_layout(const struct dq_live *live)
{
	size_t found = 0, fixed = 0, unknown = 0, differ = 0, compared = 0;
	const struct dq_live_field *f;
	size_t n = dq_live_layout(live, &f);

	for (size_t i = 0; i < n; i++) {
		found += f[i].offset >= 0 && f[i].found;
		fixed += f[i].offset >= 0 && !f[i].found;
		unknown += f[i].offset == -1;
		compared += f[i].offset >= 0 && f[i].btf_offset >= 0;
		differ += f[i].offset >= 0 && f[i].btf_offset >= 0 &&
			  f[i].offset != f[i].btf_offset;
	}
	if (!n)
		return;
	printf("    %-14s of %zu fields %zu found, %zu the same in all kernels, %zu not known%s",
	       "calibrated", n, found, fixed, unknown, unknown ? ":" : "");
	for (size_t i = 0; i < n; i++)
		if (f[i].offset == -1)
			printf(" %s", f[i].name);
	printf("\n");
	if (compared)
		say("compared", !differ, differ ? "the BTF of this kernel differs:" :
						  "the BTF of this kernel says the same");
	for (size_t i = 0; i < n; i++) {
		bool bad = f[i].offset >= 0 && f[i].btf_offset >= 0 &&
			   f[i].offset != f[i].btf_offset;

		if (bad)
			printf("    %-14s %s is at %d, not at %d\n", "", f[i].name,
			       f[i].btf_offset, f[i].offset);
		else if (dq_common.verbose && f[i].offset >= 0)
			printf("    %-14s %s %d%s\n", "", f[i].name, f[i].offset,
			       f[i].found ? "" : " (not looked for)");
	}
}

static int check_live(const struct doctor_opts *o)
{
	struct dq_live_opts lo = { .rung = o->attach < 0 ? DQ_RUNG_AUTO : (enum dq_rung)o->attach,
				   .btf = o->btf };
	struct dq_live *live = NULL;
	struct dq_writer *w = NULL;
	struct dq_writer_opts wo = { 0 };
	struct dq_live_stats st;
	struct dq_sink sink;
	int err, null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	err = dq_live_new(&live, &lo);
	if (!err)
		err = dq_live_check(live);
	if (!err) {
		err = dq_live_load(live);
		show_layout(live);
	}
	if (!err)
		err = dq_live_attach(live);
	if (!err)
		err = dq_writer_new(&w, null, &wo);
	if (!err) {
		sink = dq_writer_sink(w);
		err = dq_live_start(live, &sink);
	}
	if (err) {
		say("recording", false, "impossible");
		dq_err("doctor: %s", *dq_live_error(live) ? dq_live_error(live) : dq_errname(err));
		goto out;
	}
	dq_live_stats(live, &st);
	say("recording", true, st.rung);
	show_hooks(live);
	err = o->self_test ? self_test(live) : 0;
	dq_live_stop(live, "doctor");
out:
	dq_writer_close(&w);
	dq_live_free(&live);
	close(null);
	return err;
}

static int run(void *opts_v, int argc, char **argv)
{
	struct doctor_opts *o = opts_v;
	struct dq_sb why = { 0 };
	struct dq_sysinfo si;
	int ret;

	(void)argc;
	(void)argv;
	dq_sysinfo_read(&si);
	show_system(&si);
	if (dq_sysinfo_diagnose(&si, &why)) {
		say("recording", false, "impossible");
		fflush(stdout);
		dq_err("doctor: %s", dq_sb_str(&why));
		ret = DQ_EXIT_FAIL;
	} else {
		ret = check_live(o) ? DQ_EXIT_FAIL : DQ_EXIT_OK;
	}
	dq_sb_free(&why);
	return ret;
}

const struct dq_cmd dq_cmd_doctor = {
	.name = "doctor",
	.summary = "what this kernel allows, and whether the probes fire",
	.args = "",
	.opts = opts,
	.opts_size = sizeof(struct doctor_opts),
	.min_args = 0,
	.max_args = 0,
	.examples = "  dmaseq doctor               what can be recorded here, and why not\n"
		    "  dmaseq doctor -v            every hook, and why it got no better probe\n"
		    "  dmaseq doctor --self-test   does every probe fire?\n",
	.run = run,
};
