/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snap.c - snapshots: who holds which buffer, found by looking.
 *
 * The kernel's iterators write what they find into the ring, between the calls, so that what is seen
 * and what is watched have one order. Which of them a kernel has is read from its BTF. The
 * references of the buffers that live are read at the end of each snapshot. A kernel without iterators
 * is looked at through /proc (procfs.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "impl.h"
#include "unpack.h"
#include "dmaseq_bpf.skel.h"

static const struct {
	const char *name, *prog, *type;
	bool complete;	/* finds buffers that no process has */
} sources[] = {
	{ "task_file", "snap_files", "bpf_iter__task_file", false },
	{ "task_vma", "snap_vmas", "bpf_iter__task_vma", false },
	{ "dmabuf", "snap_bufs", "bpf_iter__dmabuf", true },
};

static bool available(const struct dq_live *l, size_t i)
{
	return l->snap_sources >> i & 1;
}

void snap_enable(struct dq_live *l)
{
	bpf_program__set_autoload(l->skel->progs.peek_refs, true);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(sources); i++) {
		if (!l->no_btf &&
		    btf__find_by_name_kind(l->btf, sources[i].type, BTF_KIND_STRUCT) > 0)
			l->snap_sources |= 1u << i;
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(l->skel->obj, sources[i].prog),
			available(l, i));
	}
}

/* Runs an iterator to its end. It writes nothing to its file. */
static int run_iterator(struct dq_live *l, struct bpf_program *prog)
{
	struct bpf_link *link = bpf_program__attach_iter(prog, NULL);
	char buf[256];
	ssize_t n = 0;
	int fd, err = link ? 0 : -errno;

	if (err)
		return err;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		err = -errno;
	} else {
		/* EAGAIN: it has seen a million objects, and wants to be asked again */
		while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EAGAIN))
			dq_live_poll(l, 0);
		err = n < 0 ? -errno : 0;
		close(fd);
	}
	bpf_link__destroy(link);
	return err;
}

static bool refs_of(struct dq_live *l, uint64_t bufp, uint64_t *ret_n)
{
	uint64_t args[1] = { bufp };
	LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = args, .ctx_size_in = sizeof(args));
	struct wire_ops w;
	uint32_t zero = 0;

	if (bpf_prog_test_run_opts(bpf_program__fd(l->skel->progs.peek_refs), &o) ||
	    bpf_map__lookup_elem(l->skel->maps.peeked, &zero, sizeof(zero), &w, sizeof(w), 0))
		return false;
	*ret_n = w.slot[0];
	return true;
}

static void read_refs(struct dq_live *l)
{
	uint64_t bufp, *prev = NULL, n;
	struct object o, again;

	while (!bpf_map__get_next_key(l->skel->maps.bufs, prev, &bufp, sizeof(bufp))) {
		prev = &bufp;
		if (bpf_map__lookup_elem(l->skel->maps.bufs, &bufp, sizeof(bufp), &o, sizeof(o), 0) ||
		    !refs_of(l, bufp, &n))
			continue;
		/* it may have gone meanwhile, and its memory be something else's */
		if (!bpf_map__lookup_elem(l->skel->maps.bufs, &bufp, sizeof(bufp), &again,
					  sizeof(again), 0) &&
		    again.token == o.token)
			collect_refs(l->collect, o.token, n);
	}
}

void snap_take(struct dq_live *l, enum dq_snap_when when)
{
	struct dq_sb names = { 0 };
	uint32_t flags = 0;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(sources); i++)
		if (available(l, i))
			dq_sb_printf(&names, "%s%s", names.len ? " " : "", sources[i].name);
	if (!available(l, 0))
		dq_sb_printf(&names, "%sprocfs", names.len ? " " : "");
	collect_snap_begin(l->collect, when, dq_sb_str(&names));
	for (size_t i = 0; i < DQ_ARRAY_SIZE(sources); i++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(l->skel->obj,
									     sources[i].prog);
		int err = available(l, i) ? run_iterator(l, prog) : -ENOENT;

		dq_debug("snapshot: %s: %s", sources[i].name, err ? dq_errname(err) : "done");
		if (err && err != -ENOENT)
			flags |= DQ_SNAP_FAILED;
		if (!err && sources[i].complete)
			flags |= DQ_SNAP_COMPLETE;
	}
	if (!available(l, 0) && procfs_look(l))
		flags |= DQ_SNAP_FAILED;
	dq_live_poll(l, 0);
	read_refs(l);
	collect_snap_end(l->collect, flags,
			 when == DQ_SNAP_FINAL && l->opts.differ ? l->opts.differ(l->opts.differ_ctx) :
								   0);
	dq_sb_free(&names);
}
