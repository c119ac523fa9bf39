// SPDX-License-Identifier: BSD-2-Clause
/*
 * dqempty: programs that do nothing, at the entry and the return of functions, while a
 * command runs: what a tracer of that kind costs before it records anything.
 *
 *	dqempty fentry|kprobe|multi FUNCTION... -- COMMAND [ARG...]
 *
 * A function that this kernel does not have, or more than once, ends it. Touches bpf(2),
 * perf_event_open(2), the kernel's BTF and /proc/kallsyms; needs root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#define FUNCTIONS 64

static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static void __attribute__((noreturn)) die(const char *what, const char *name)
{
	fprintf(stderr, "dqempty: %s %s: %s\n", what, name, strerrorname_np(errno));
	exit(1);
}

static int load(enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id, const char *name)
{
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = attach, .attach_btf_id = btf_id);
	int fd = bpf_prog_load(type, "empty", "Dual BSD/GPL", nothing, 2, &o);

	if (fd < 0)
		die("cannot load a program for", name);
	return fd;
}

static void trace(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);

	if (id < 0)
		die("no BTF of", name);
	if (bpf_raw_tracepoint_open(NULL, load(BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, id, name)) < 0 ||
	    bpf_raw_tracepoint_open(NULL, load(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, id, name)) < 0)
		die("cannot trace", name);
}

static unsigned long address_of(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long a, found = 0;
	char symbol[512], line[700];
	int n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %511s", &a, symbol) == 2 && !strcmp(symbol, name)) {
			found = a;
			n++;
		}
	}
	if (f)
		fclose(f);
	errno = n ? ENOTUNIQ : ENOENT;
	if (n != 1 || !found)
		die("no single address of", name);
	return found;
}

static void kprobe(const char *name, bool ret)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .config = ret };
	FILE *f = fopen("/sys/bus/event_source/devices/kprobe/type", "r");
	int fd = -1;

	attr.kprobe_addr = address_of(name);
	if (f && fscanf(f, "%u", &attr.type) == 1)
		fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (f)
		fclose(f);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, load(BPF_PROG_TYPE_KPROBE, 0, 0, name)) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		die("cannot probe", name);
}

/* All functions with one link, as dmaseq does it. */
static void multi(char **names, int n, bool ret)
{
	LIBBPF_OPTS(bpf_link_create_opts, o);
	unsigned long addrs[FUNCTIONS];

	for (int i = 0; i < n; i++)
		addrs[i] = address_of(names[i]);
	o.kprobe_multi.addrs = addrs;
	o.kprobe_multi.cnt = n;
	o.kprobe_multi.flags = ret ? BPF_F_KPROBE_MULTI_RETURN : 0;
	if (bpf_link_create(load(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0, names[0]), 0,
			    BPF_TRACE_KPROBE_MULTI, &o) < 0)
		die("cannot probe", names[0]);
}

static void attach(const char *kind, char **names, int n)
{
	struct btf *btf = strcmp(kind, "fentry") ? NULL : btf__load_vmlinux_btf();

	for (int i = 0; i < n; i++) {
		if (!strcmp(kind, "fentry")) {
			trace(btf, names[i]);
		} else if (!strcmp(kind, "kprobe")) {
			kprobe(names[i], true);
			kprobe(names[i], false);
		}
	}
	if (!strcmp(kind, "multi")) {
		multi(names, n, true);
		multi(names, n, false);
	}
	btf__free(btf);
}

int main(int argc, char **argv)
{
	int n = 0, status;
	pid_t pid;

	while (argc > 2 + n && strcmp(argv[2 + n], "--"))
		n++;
	if (argc < 4 + n || !n || n > FUNCTIONS) {
		fprintf(stderr, "usage: dqempty fentry|kprobe|multi FUNCTION... -- COMMAND [ARG...]\n");
		return 2;
	}
	attach(argv[1], argv + 2, n);
	pid = fork();
	if (!pid) {
		execvp(argv[3 + n], argv + 3 + n);
		die("cannot run", argv[3 + n]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("cannot run", argv[3 + n]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
