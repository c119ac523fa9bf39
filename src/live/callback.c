// SPDX-License-Identifier: BSD-2-Clause
/*
 * callback.c - fentry for callbacks of exporters.
 *
 * A program of fentry is made for one function, and which functions are callbacks is known only when
 * the programs are there that look. So the programs of the callbacks that are called most are loaded
 * once for the function of the API that calls them, which has the same arguments, and are never
 * attached there: for each callback they are loaded once more, with its function as the target.
 * libbpf has done all that is to be done to the instructions by then, and they are the same.
 *
 * Only functions of the kernel itself: a link of this kind holds the module of its function, and
 * nobody could unload it while we record. All others are probed by kprobes (ops.c).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "impl.h"
#include "unpack.h"
#include "dmaseq_bpf.skel.h"

static const struct {
	uint32_t hook, api;	/* the callback, and who calls it */
	const char *entry, *ret;
} templates[] = {
	{ HOOK_OPS_BEGIN_CPU, HOOK_BEGIN_CPU, "f_OPS_BEGIN_CPU", "fr_OPS_BEGIN_CPU" },
	{ HOOK_OPS_END_CPU, HOOK_END_CPU, "f_OPS_END_CPU", "fr_OPS_END_CPU" },
};

/* What libbpf keeps to itself: which functions the instructions of a program are. */
static struct loaded {
	const struct bpf_program *prog;
	struct bpf_prog_load_opts opts;
} loaded[2 * DQ_ARRAY_SIZE(templates)];

static int before_load(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	(void)cookie;
	for (size_t i = 0; i < DQ_ARRAY_SIZE(loaded); i++) {
		if (loaded[i].prog && loaded[i].prog != prog)
			continue;
		loaded[i].prog = prog;
		loaded[i].opts = *opts;
		break;
	}
	return 0;
}

int callback_init(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, o, .prog_prepare_load_fn = before_load);
	static bool done;
	int err;

	memset(loaded, 0, sizeof(loaded)); /* of an object that was closed */
	if (done)
		return 0;
	err = libbpf_register_prog_handler("callback_entry", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, &o);
	if (err >= 0)
		err = libbpf_register_prog_handler("callback_return", BPF_PROG_TYPE_TRACING,
						   BPF_TRACE_FEXIT, &o);
	done = err >= 0;
	return err < 0 ? err : 0;
}

static int enable(struct dq_live *l, const char *name, const char *target)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(l->skel->obj, name);
	int err;

	if (!prog)
		return -ENOENT;
	err = bpf_program__set_autoload(prog, true);
	return err ? err : bpf_program__set_attach_target(prog, 0, target);
}

int callback_enable(struct dq_live *l)
{
	int err = 0;

	for (size_t i = 0; !err && i < DQ_ARRAY_SIZE(templates); i++) {
		const struct hook_plan *api = &l->plan[templates[i].api];

		if (l->special_err || !api->wanted || api->rung != DQ_RUNG_FENTRY)
			continue;
		err = enable(l, templates[i].entry, api->info->name);
		if (!err)
			err = enable(l, templates[i].ret, api->info->name);
	}
	return err;
}

/* The program once more, for another function; its descriptor. */
static int load_again(struct dq_live *l, const char *name, int btf_id)
{
	const struct bpf_program *prog = bpf_object__find_program_by_name(l->skel->obj, name);

	for (size_t i = 0; prog && i < DQ_ARRAY_SIZE(loaded); i++) {
		struct bpf_prog_load_opts opts = loaded[i].opts;

		if (loaded[i].prog != prog || bpf_program__fd(prog) < 0)
			continue;
		opts.attach_btf_id = btf_id;
		opts.fd_array = NULL; /* freed; of no use without kfuncs */
		opts.log_buf = NULL;
		opts.log_size = opts.log_level = 0;
		return bpf_prog_load(BPF_PROG_TYPE_TRACING, name, "Dual BSD/GPL",
				     bpf_program__insns(prog), bpf_program__insn_cnt(prog), &opts);
	}
	return -ENOENT;
}

static int attach(struct dq_live *l, const char *name, int btf_id, int *ret_prog, int *ret_link)
{
	*ret_prog = load_again(l, name, btf_id);
	if (*ret_prog < 0)
		return *ret_prog;
	*ret_link = bpf_raw_tracepoint_open(NULL, *ret_prog);
	return *ret_link < 0 ? *ret_link : 0;
}

/* The kernel finds the function by its name: there must be one. */
static int btf_id_of(struct dq_live *l, const struct callback *cb)
{
	char name[128];

	if (!l->btf || l->no_btf || strcmp(cb->module, "vmlinux") ||
	    !dq_ksyms_name(l->ksyms, cb->addr, name, sizeof(name)) ||
	    !dq_ksyms_is_unique(l->ksyms, name))
		return -ENOENT;
	return btf__find_by_name_kind(l->btf, name, BTF_KIND_FUNC);
}

bool callback_trace(struct dq_live *l, struct callback *cb)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(templates); i++) {
		int id, err;

		if (templates[i].hook != cb->hook)
			continue;
		id = btf_id_of(l, cb);
		if (id < 0)
			return false;
		err = attach(l, templates[i].ret, id, &cb->prog[1], &cb->link[1]);
		if (!err)
			err = attach(l, templates[i].entry, id, &cb->prog[0], &cb->link[0]);
		if (!err)
			return true;
		dq_debug("fentry for a %s: %s", l->plan[cb->hook].info->name, dq_errname(err));
		callback_close(cb);
	}
	return false;
}

void callback_close(struct callback *cb)
{
	for (int i = 0; i < 2; i++) {
		if (cb->link[i] >= 0)
			close(cb->link[i]);
		if (cb->prog[i] >= 0)
			close(cb->prog[i]);
		cb->link[i] = cb->prog[i] = -1;
	}
}
