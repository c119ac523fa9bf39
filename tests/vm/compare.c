// SPDX-License-Identifier: BSD-2-Clause
/*
 * compare: holds a trace of dmaseq against what ftrace saw of the same work,
 * call by call.
 *
 * compare TRACE STORY WITNESS LEDGER [STORY WITNESS LEDGER]...
 *
 * TRACE is the text form of one recording (dmaseq dump). Each STORY of dqload
 * that ran in it, in order, has the WITNESS that ftrace-count.sh wrote and the
 * LEDGER, which is what dqload printed (expect:FUNCTION=N), or - when the kernel
 * could not run the story, which has no ledger then. Agreement is:
 *
 *  - nothing was lost and no call is without its return;
 *  - each story has the same number of entries and of returns, per function;
 *  - each thread has the same list of entries, in the same order and nested
 *    as deep;
 *  - what was returned is the same: numbers and -errno exactly, of pointers
 *    whether they are an error;
 *  - buffers and attachments are told apart as their addresses are: as long as
 *    one lives, one address is one number and one number one address;
 *  - descriptors given to dma_buf_get and fd_install are the same numbers;
 *  - the ledger's numbers are the trace's.
 *
 * Where the exporters' tables are not known beforehand, a callback may be missing
 * inside of a call that began before the trace says that its table was armed: it
 * is left out, and how many there were is said.
 *
 * Calls that the kernel kept from a probe, because it interrupted the same program
 * (loss recursion, with its hook), may be missing, as many as the trace counts: such
 * a hook looks at every descriptor of the machine, so the call may have been
 * somebody else's.
 *
 * Calls that the witness does not watch (unwatched[]) are left out; what of them
 * must be in a trace is held to the workloads' own accounts, by other tests.
 *
 * The witness watches the whole machine, and everything that it saw must be in
 * the trace: nothing else in these guests touches a DMA-BUF, and what kernel
 * threads and workers do there, they do to the story's buffers.
 *
 * One line per disagreement on stdout, then a line of what was compared. Exit
 * status: 0 they agree, 1 they do not, 2 the input is not what it should be.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/hooks.h"

#define MAX_STORIES 16
#define MAX_ERRNO   4095
/* Of a thread whose list differs, how much is shown around the place. */
#define CONTEXT	    3

static int disagreements;

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "compare: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(2);
}

static void __attribute__((format(printf, 2, 3))) differ(const char *story, const char *format, ...)
{
	va_list ap;

	disagreements++;
	printf("%s: ", story);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
}

static void *grow(void *array, size_t n, size_t size)
{
	/* doubles at the powers of two */
	if (n & (n - 1))
		return array;
	array = reallocarray(array, n ? 2 * n : 1, size);
	if (!array)
		die("out of memory");
	return array;
}

static char *copy(const char *s, size_t len)
{
	char *d = strndup(s, len);

	if (!d)
		die("out of memory");
	return d;
}

/* ---- functions ----------------------------------------------------------- */

/*
 * A function by the name that both sides can give it: the API's by the kernel's
 * symbol, the two close hooks as fd_close, callbacks as "ops->member of EXPORTER".
 */
static const struct hook {
	const char *name;
	enum hook_obj obj;
	enum hook_ret ret;
	enum hook_arg a0;
} hooks[] = {
#define X(id, ENUM, name, kind, obj, ret, a0, a1, a2, need) { name, obj, RET_##ret, ARG_##a0 },
	DMASEQ_HOOKS(X)
#undef X
};

#define NHOOKS (sizeof(hooks) / sizeof(hooks[0]))

static const struct hook *hook_of(const char *name)
{
	size_t i;

	for (i = 0; i < NHOOKS; i++)
		if (!strcmp(hooks[i].name, name))
			return &hooks[i];
	return NULL;
}

/*
 * Of these only the calls on DMA-BUFs are recorded, which ftrace's probes cannot
 * tell from all others of the machine (a mapping's, a message's, a fence's).
 */
static const char *const unwatched[] = {
	"do_dup2", "__scm_send", "binder_transaction_fd_send",
	"vm_area_free", "__vm_area_free", "vm_area_dup", "dma_fence_wait",
};

static bool is_unwatched(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(unwatched) / sizeof(unwatched[0]); i++)
		if (!strcmp(unwatched[i], name))
			return true;
	return false;
}

/*
 * The witness's callbacks: which member of which exporter's dma_buf_ops each
 * function is (5.10 to 7.2). The exporter goes by the exp_name of its buffers.
 *	system_heap_*		drivers/dma-buf/heaps/system_heap.c, system_heap_buf_ops
 *	*_udmabuf		drivers/dma-buf/udmabuf.c, udmabuf_ops
 *	drm_gem_*		drivers/gpu/drm/drm_prime.c, drm_gem_prime_dmabuf_ops;
 *				every DRM exporter says that it is "drm"
 *	vb2_*_dmabuf_ops_*	drivers/media/common/videobuf2/, one table per allocator
 */
static const struct callback {
	const char *function, *member, *exporter;
} callbacks[] = {
	{ "system_heap_attach", "attach", "system" },
	{ "system_heap_detach", "detach", "system" },
	{ "system_heap_map_dma_buf", "map_dma_buf", "system" },
	{ "system_heap_unmap_dma_buf", "unmap_dma_buf", "system" },
	{ "system_heap_dma_buf_begin_cpu_access", "begin_cpu_access", "system" },
	{ "system_heap_dma_buf_end_cpu_access", "end_cpu_access", "system" },
	{ "system_heap_mmap", "mmap", "system" },
	{ "system_heap_vmap", "vmap", "system" },
	{ "system_heap_vunmap", "vunmap", "system" },
	{ "system_heap_dma_buf_release", "release", "system" },
	{ "map_udmabuf", "map_dma_buf", "udmabuf" },
	{ "unmap_udmabuf", "unmap_dma_buf", "udmabuf" },
	{ "release_udmabuf", "release", "udmabuf" },
	{ "begin_cpu_udmabuf", "begin_cpu_access", "udmabuf" },
	{ "end_cpu_udmabuf", "end_cpu_access", "udmabuf" },
	{ "mmap_udmabuf", "mmap", "udmabuf" },
	{ "vmap_udmabuf", "vmap", "udmabuf" },
	{ "vunmap_udmabuf", "vunmap", "udmabuf" },
	{ "drm_gem_map_attach", "attach", "drm" },
	{ "drm_gem_map_detach", "detach", "drm" },
	{ "drm_gem_map_dma_buf", "map_dma_buf", "drm" },
	{ "drm_gem_unmap_dma_buf", "unmap_dma_buf", "drm" },
	{ "drm_gem_dmabuf_release", "release", "drm" },
	{ "drm_gem_dmabuf_mmap", "mmap", "drm" },
	{ "drm_gem_dmabuf_vmap", "vmap", "drm" },
	{ "drm_gem_dmabuf_vunmap", "vunmap", "drm" },
#define VB2(function, exporter)                                                                    \
	{ function "_attach", "attach", exporter },                                                \
	{ function "_detach", "detach", exporter },                                                \
	{ function "_map", "map_dma_buf", exporter },                                              \
	{ function "_unmap", "unmap_dma_buf", exporter },                                          \
	{ function "_begin_cpu_access", "begin_cpu_access", exporter },                            \
	{ function "_end_cpu_access", "end_cpu_access", exporter },                                \
	{ function "_mmap", "mmap", exporter },                                                    \
	{ function "_vmap", "vmap", exporter },                                                    \
	{ function "_vunmap", "vunmap", exporter },                                                \
	{ function "_release", "release", exporter }
	VB2("vb2_dc_dmabuf_ops", "videobuf2_dma_contig"),
	VB2("vb2_vmalloc_dmabuf_ops", "videobuf2_vmalloc"),
	VB2("vb2_dma_sg_dmabuf_ops", "videobuf2_dma_sg"),
};

/* Names are interned: equal functions have equal numbers. */
struct function {
	char *name;
	const struct hook *hook;
	size_t lost;			/* the trace says that so many may be missing */
};
static struct function *functions;
static size_t nfunctions;

static size_t intern(const char *name, const struct hook *hook)
{
	size_t i;

	for (i = 0; i < nfunctions; i++)
		if (!strcmp(functions[i].name, name))
			return i;
	functions = grow(functions, nfunctions, sizeof(*functions));
	functions[nfunctions].name = copy(name, strlen(name));
	functions[nfunctions].hook = hook;
	functions[nfunctions].lost = 0;
	return nfunctions++;
}

static size_t callback_function(const char *member, const char *exporter)
{
	char name[160];

	snprintf(name, sizeof(name), "ops->%s", member);
	if (!hook_of(name))
		die("there is no hook %s", name);
	snprintf(name + strlen(name), sizeof(name) - strlen(name), " of %s", exporter);
	*strchrnul(name, ' ') = '\0';
	const struct hook *h = hook_of(name);

	name[strlen(name)] = ' ';
	return intern(name, h);
}

static size_t witness_function(const char *symbol)
{
	const struct hook *h = hook_of(symbol);
	size_t i;

	if (!strcmp(symbol, "fd_close"))
		return intern("fd_close", hook_of("filp_close"));
	if (h)
		return intern(symbol, h);
	for (i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++)
		if (!strcmp(callbacks[i].function, symbol))
			return callback_function(callbacks[i].member, callbacks[i].exporter);
	die("%s is neither a hook nor a callback that this program knows (see callbacks[])", symbol);
}

/* ---- calls ----------------------------------------------------------------- */

struct call {
	size_t function;
	size_t story;
	uint32_t tid;
	unsigned int depth;
	bool returned;
	bool excused;		/* witness: may be missing, and is */
	bool has_value;		/* a return value to compare */
	int64_t value;		/* as a number; of a pointer only when it is an error */
	uint64_t arg;		/* witness: the first argument */
	uint64_t pointer;	/* witness: the return value as it was */
	/* trace only */
	double t;
	uint32_t buf, att, sgt;
	int64_t fd;
	uint32_t seq, task;
};

/* In the witness's order, which is the order in time. */
struct event {
	size_t call;
	bool is_return;
};

struct thread {
	uint32_t tid;
	char comm[17];
	size_t *witness, nwitness;	/* calls in the order of entry */
	size_t *trace, ntrace;
	size_t agreed;			/* so many of both are the same functions */
};

static struct call *wcalls, *tcalls;
static size_t nwcalls, ntcalls, nunwatched, nexcused, nlost;
static struct event *events;
static size_t nevents;
static struct thread *threads;
static size_t nthreads;
static const char *stories[MAX_STORIES];
static size_t nstories;

static struct thread *thread_of(uint32_t tid)
{
	size_t i;

	for (i = 0; i < nthreads; i++)
		if (threads[i].tid == tid)
			return &threads[i];
	threads = grow(threads, nthreads, sizeof(*threads));
	memset(&threads[nthreads], 0, sizeof(*threads));
	threads[nthreads].tid = tid;
	snprintf(threads[nthreads].comm, sizeof(threads[0].comm), "?");
	return &threads[nthreads++];
}

/* ---- reading the witness ------------------------------------------------------ */

static bool is_error(uint64_t v)
{
	return v >= (uint64_t)-MAX_ERRNO;
}

/* As 64 bits: of a 32-bit kernel the witness has an error's lower half. No kernel has anything at
 * such an address. */
static uint64_t widen(uint64_t v)
{
	return v >= (uint32_t)-MAX_ERRNO && v <= UINT32_MAX ? v | ~(uint64_t)UINT32_MAX : v;
}

/* What of a return value can be compared depends on what it is. */
static void witness_value(struct call *c, const char *hex, const char *num)
{
	const struct hook *h = functions[c->function].hook;
	uint64_t v;

	c->returned = true;
	if (!strcmp(hex, "-"))
		return;
	v = strtoull(hex, NULL, 16);
	c->pointer = v;
	switch (h->ret) {
	case RET_VOID:
	case RET_NORET:
		return;
	case RET_INT:
	case RET_FD:
		c->value = strtol(num, NULL, 10);
		break;
	case RET_MASK:
		c->value = (uint32_t)v;
		break;
	case RET_BUF:
	case RET_ATT:
	case RET_SGT:
	case RET_PTR:
		v = widen(v);
		c->value = is_error(v) ? (int64_t)v : 0;
		c->pointer = v;
		break;
	}
	c->has_value = true;
}

static void add_event(size_t call, bool is_return)
{
	events = grow(events, nevents, sizeof(*events));
	events[nevents++] = (struct event){ call, is_return };
}

/* Calls of the thread that are entered and have not returned. */
static unsigned int open_frames(const struct thread *t)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < t->nwitness; i++) {
		const struct call *c = &wcalls[t->witness[i]];

		n += !c->returned && functions[c->function].hook->ret != RET_NORET;
	}
	return n;
}

static void witness_entry(struct thread *t, size_t function, const char *arg)
{
	struct call c = { .function = function, .story = nstories - 1, .tid = t->tid };

	c.depth = open_frames(t);
	c.arg = strtoull(arg, NULL, 16);
	wcalls = grow(wcalls, nwcalls, sizeof(*wcalls));
	wcalls[nwcalls] = c;
	t->witness = grow(t->witness, t->nwitness, sizeof(*t->witness));
	t->witness[t->nwitness++] = nwcalls;
	add_event(nwcalls++, false);
}

static void witness_return(struct thread *t, size_t function, const char *hex, const char *num)
{
	size_t i;

	/* the innermost open call of that function */
	for (i = t->nwitness; i-- > 0;) {
		struct call *c = &wcalls[t->witness[i]];

		if (c->function != function || c->returned || c->story != nstories - 1)
			continue;
		witness_value(c, hex, num);
		add_event(t->witness[i], true);
		return;
	}
	die("%s: the witness saw %s return in thread %u that was not entered",
	    stories[nstories - 1], functions[function].name, t->tid);
}

/* EV 0 71 dqload E dma_buf_export 0xff...
 * EV 1 71 dqload R dma_buf_export 0xff... 41 */
static void witness_event(char *line, size_t number)
{
	char *w[8], *save = NULL, *p = line;
	struct thread *t;
	size_t n = 0;

	for (; n < 8 && (w[n] = strtok_r(p, " \n", &save)); p = NULL)
		n++;
	if (n < 7 || strtoul(w[1], NULL, 10) != number || (*w[4] == 'R' && n < 8))
		die("%s: event %zu of the witness is not what it should be",
		    stories[nstories - 1], number);
	t = thread_of(strtoul(w[2], NULL, 10));
	snprintf(t->comm, sizeof(t->comm), "%s", w[3]);
	if (*w[4] == 'E')
		witness_entry(t, witness_function(w[5]), w[6]);
	else
		witness_return(t, witness_function(w[5]), w[6], w[7]);
}

static void read_witness(const char *path)
{
	size_t number = 0, said = 0, first = nwcalls, i;
	FILE *f = fopen(path, "re");
	char *line = NULL;
	bool head = false;
	size_t size = 0;

	if (!f)
		die("%s: %s", path, strerror(errno));
	while (getline(&line, &size, f) > 0) {
		char *events_word = strstr(line, " events ");

		if (line[0] == '#' && events_word) {
			said = strtoul(events_word + 8, NULL, 10);
			head = true;
		} else if (!strncmp(line, "EV ", 3)) {
			witness_event(line, number++);
		}
	}
	free(line);
	fclose(f);
	if (!head || said != number || !number)
		die("%s: %zu events where %zu should be", path, number, said);
	for (i = first; i < nwcalls; i++)
		if (!wcalls[i].returned && functions[wcalls[i].function].hook->ret != RET_NORET)
			die("%s: the witness did not see %s return", path,
			    functions[wcalls[i].function].name);
}

/* ---- reading the trace --------------------------------------------------------- */

/* task id -> tid, buffer id -> exp_name: small numbers from 1. */
static uint32_t *tids;
static size_t ntids;
static char **exporters;
static size_t nexporters;

/* When which table of callbacks was armed, and whose table is which. */
static double *armed;
static size_t narmed;
static uint32_t *tables;
static size_t ntables;

/*
 * The value of a field of a line of the text form, NULL when it is not there;
 * lives until the next call for the same slot. Quotes go, escapes stay: nothing
 * that is compared has any.
 */
static const char *field(const char *line, const char *name)
{
	static char slots[4][256];
	static int slot;
	size_t len = strlen(name);
	const char *p = line;
	char *out, *d;
	bool quoted;

	while (*p) {
		bool here = (p == line || p[-1] == ' ') && !strncmp(p, name, len) && p[len] == '=';

		if (here) {
			out = d = slots[slot++ % 4];
			p += len + 1;
			quoted = *p == '"';
			for (p += quoted; *p && *p != '\n' && *p != (quoted ? '"' : ' ') &&
					  d < out + sizeof(slots[0]) - 1; p++)
				*d++ = *p;
			*d = '\0';
			return out;
		}
		/* over a quoted string, which may hold anything */
		if (*p == '"')
			for (p++; *p && *p != '"'; p++)
				p += *p == '\\' && p[1];
		if (*p)
			p++;
	}
	return NULL;
}

static uint32_t number_field(const char *line, const char *name)
{
	const char *v = field(line, name);

	return v ? strtoul(v, NULL, 10) : 0;
}

static void keep_tid(const char *line)
{
	uint32_t id = number_field(line, "id");

	if (!id)
		die("a task without a number: %s", line);
	while (ntids <= id) {
		tids = grow(tids, ntids, sizeof(*tids));
		tids[ntids++] = 0;
	}
	tids[id] = number_field(line, "tid");
}

static void keep_exporter(const char *line)
{
	uint32_t id = number_field(line, "id");
	const char *name = field(line, "exp_name");

	if (!id)
		die("a buffer without a number: %s", line);
	while (nexporters <= id) {
		exporters = grow(exporters, nexporters, sizeof(*exporters));
		exporters[nexporters++] = NULL;
	}
	free(exporters[id]);
	exporters[id] = copy(name ? name : "", name ? strlen(name) : 0);
}

static double time_field(const char *line)
{
	const char *v = field(line, "t");

	return v ? strtod(v, NULL) : 0;
}

/* A table that goes with its module has no callbacks armed any more. */
static void keep_table(const char *line)
{
	uint32_t id = number_field(line, "id");

	while (narmed <= id) {
		armed = grow(armed, narmed, sizeof(*armed));
		armed[narmed++] = 0;
	}
	if (field(line, "armed") && !armed[id])
		armed[id] = time_field(line);
}

static void keep_table_of(const char *line)
{
	uint32_t id = number_field(line, "id");

	while (ntables <= id) {
		tables = grow(tables, ntables, sizeof(*tables));
		tables[ntables++] = 0;
	}
	tables[id] = number_field(line, "ops");
}

/* "-EINVAL", "41" */
static int64_t number_or_errno(const char *s)
{
	/* the kernel's own, which no header of user space has */
	static const struct { const char *name; int value; } internal[] = {
		{ "ERESTARTSYS", 512 }, { "ERESTARTNOINTR", 513 }, { "ENOIOCTLCMD", 515 },
		{ "EPROBE_DEFER", 517 }, { "ENOTSUPP", 524 },
	};
	size_t i;
	int e;

	if (s[0] != '-' || s[1] != 'E')
		return strtoll(s, NULL, 10);
	for (e = 1; e < 200; e++)
		if (strerrorname_np(e) && !strcmp(strerrorname_np(e), s + 1))
			return -e;
	for (i = 0; i < sizeof(internal) / sizeof(internal[0]); i++)
		if (!strcmp(internal[i].name, s + 1))
			return -internal[i].value;
	die("the trace has an error %s that this program does not know", s);
}

static size_t trace_function(const char *name, uint32_t buf)
{
	const struct hook *h = hook_of(name);

	if (!h)
		die("the trace has a call of %s, which is no hook", name);
	if (!strncmp(name, "ops->", 5))
		return callback_function(name + 5, buf && buf < nexporters && exporters[buf] ?
							   exporters[buf] : "?");
	if (!strcmp(name, "filp_flush") || !strcmp(name, "filp_close"))
		return intern("fd_close", hook_of("filp_close"));
	return intern(name, h);
}

static void keep_call(const char *line)
{
	struct call c = { .buf = number_field(line, "buf"), .att = number_field(line, "att"),
			  .sgt = number_field(line, "sgt"), .seq = number_field(line, "seq"),
			  .depth = number_field(line, "depth"),
			  .task = number_field(line, "task") };
	const char *state = field(line, "state"), *ret = field(line, "ret"), *fd = field(line, "fd");
	char name[64];

	if (sscanf(line, "call %63s", name) != 1)
		die("not a call: %s", line);
	if (is_unwatched(name)) {
		nunwatched++;
		return;
	}
	c.function = trace_function(name, c.buf);
	if (!c.task || c.task >= ntids || !c.seq)
		die("a call without a task or a number: %s", line);
	c.tid = tids[c.task];
	c.t = time_field(line);
	c.fd = fd ? strtoll(fd, NULL, 10) : 0;
	c.returned = functions[c.function].hook->ret != RET_NORET &&
		     !(state && (strstr(state, "OPEN") || strstr(state, "MISSED")));
	c.has_value = c.returned && functions[c.function].hook->ret != RET_VOID;
	c.value = ret ? number_or_errno(ret) : 0;
	tcalls = grow(tcalls, ntcalls, sizeof(*tcalls));
	tcalls[ntcalls++] = c;
}

/* A recording is known by its stories. */
static const char *recording(void)
{
	static char name[256];
	size_t i;

	name[0] = '\0';
	for (i = 0; i < nstories; i++)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s%s", i ? "+" : "",
			 stories[i]);
	return name;
}

/* Only a loss whose hook is told can be put against what is missing. */
static void keep_loss(const char *line)
{
	const char *hook = field(line, "hook");
	size_t n = number_field(line, "count");

	if (strncmp(line, "loss recursion ", 15) || !hook || !n) {
		differ(recording(), "the trace has losses: %s", line);
		return;
	}
	nlost += n;
	functions[trace_function(hook, 0)].lost += n;
	printf("%s: the kernel kept %zu calls from the probe of %s\n", recording(), n, hook);
}

static void read_trace(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool ended = false;

	if (!f)
		die("%s: %s", path, strerror(errno));
	if (getline(&line, &size, f) <= 0 || strncmp(line, "dmaseq-text 1", 13))
		die("%s: not the text form of a trace", path);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "task ", 5)) {
			keep_tid(line);
		} else if (!strncmp(line, "buf ", 4)) {
			keep_exporter(line);
			keep_table_of(line);
		} else if (!strncmp(line, "ops ", 4)) {
			keep_table(line);
		} else if (!strncmp(line, "call ", 5)) {
			keep_call(line);
		} else if (!strncmp(line, "loss ", 5)) {
			keep_loss(line);
		} else if (!strncmp(line, "end ", 4)) {
			ended = true;
			if (number_field(line, "lost") != nlost)
				differ(recording(), "the end has other losses: %s", line);
			if (number_field(line, "calls") != ntcalls + nunwatched)
				differ(recording(), "the trace says %u calls and has %zu",
				       number_field(line, "calls"), ntcalls + nunwatched);
		}
	}
	free(line);
	fclose(f);
	if (!ended)
		differ(recording(), "the trace has no end");
}

/* By task in the order of their first appearance, then by number of entry. */
static int by_entry(const void *va, const void *vb)
{
	const struct call *a = &tcalls[*(const size_t *)va], *b = &tcalls[*(const size_t *)vb];

	if (a->task != b->task)
		return a->task < b->task ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void sort_trace(void)
{
	struct thread *t;
	size_t i;

	for (i = 0; i < ntcalls; i++) {
		t = thread_of(tcalls[i].tid);
		t->trace = grow(t->trace, t->ntrace, sizeof(*t->trace));
		t->trace[t->ntrace++] = i;
	}
	for (i = 0; i < nthreads; i++)
		if (threads[i].ntrace)
			qsort(threads[i].trace, threads[i].ntrace, sizeof(size_t), by_entry);
}

/* ---- order ------------------------------------------------------------------------ */

static const char *name_at(const struct call *calls, const size_t *list, size_t n, size_t i)
{
	return i < n ? functions[calls[list[i]].function].name : "the end";
}

static void show_around(const char *whose, const struct call *calls, const size_t *list, size_t n,
			size_t at)
{
	size_t i = at > CONTEXT ? at - CONTEXT : 0;

	printf("    %-9s%s", whose, i ? " ..." : "");
	for (; i <= at + CONTEXT && i <= n; i++) {
		printf(i == at ? " [%s]" : " %s", name_at(calls, list, n, i));
	}
	printf("%s\n", i <= n ? " ..." : "");
}

/*
 * The witness's call w stands where the trace goes on with its call `at`: does the trace count one of
 * its function as lost? If it is a callback: was the trace's call around it entered before the buffer's
 * table was armed?
 */
static bool may_be_missing(const struct thread *t, const struct call *w, size_t at)
{
	uint32_t table;

	if (functions[w->function].lost) {
		functions[w->function].lost--;
		return true;
	}
	if (strncmp(functions[w->function].name, "ops->", 5))
		return false;
	while (at-- > 0) {
		const struct call *c = &tcalls[t->trace[at]];

		if (c->depth + 1 != w->depth)
			continue;
		table = c->buf < ntables ? tables[c->buf] : 0;
		return table && table < narmed && c->t < armed[table];
	}
	return false;
}

/*
 * Takes those out of the witness's list; what they called moves up. Behind the first call that is not
 * in its place nothing is excused: what is missing cannot be told there.
 */
static void excuse_missing(struct thread *t)
{
	size_t i, j = 0, k, kept = 0;
	bool agree = true;

	for (i = 0; i < t->nwitness; i++) {
		struct call *w = &wcalls[t->witness[i]];

		bool here = j < t->ntrace && tcalls[t->trace[j]].function == w->function;

		if (agree && !here && may_be_missing(t, w, j)) {
			w->excused = true;
			nexcused++;
			for (k = i + 1; k < t->nwitness && wcalls[t->witness[k]].depth > w->depth; k++)
				wcalls[t->witness[k]].depth--;
			continue;
		}
		agree = agree && here;
		t->witness[kept++] = t->witness[i];
		j += j < t->ntrace;
	}
	t->nwitness = kept;
}

static void compare_order(struct thread *t)
{
	size_t i, story;

	/* A call belongs to the story of the witness's call in the same place. */
	for (i = 0; i < t->ntrace; i++) {
		story = !t->nwitness	   ? nstories - 1 :
			i < t->nwitness ? wcalls[t->witness[i]].story :
					  wcalls[t->witness[t->nwitness - 1]].story;
		tcalls[t->trace[i]].story = story;
	}
	for (i = 0; i < t->nwitness && i < t->ntrace; i++)
		if (wcalls[t->witness[i]].function != tcalls[t->trace[i]].function)
			break;
	t->agreed = i;
	if (i == t->nwitness && i == t->ntrace)
		return;
	story = i < t->nwitness ? wcalls[t->witness[i]].story :
		i < t->ntrace	? tcalls[t->trace[i]].story : nstories - 1;
	differ(stories[story], "thread %s (%u): call %zu must be %s, but is %s", t->comm, t->tid,
	       i + 1, name_at(wcalls, t->witness, t->nwitness, i),
	       name_at(tcalls, t->trace, t->ntrace, i));
	show_around("expected", wcalls, t->witness, t->nwitness, i);
	show_around("got", tcalls, t->trace, t->ntrace, i);
}

static void compare_depth(const struct thread *t)
{
	size_t i;

	for (i = 0; i < t->agreed; i++) {
		const struct call *w = &wcalls[t->witness[i]], *c = &tcalls[t->trace[i]];

		if (w->depth == c->depth)
			continue;
		/* one shift moves everything inside it: the first says it */
		differ(stories[w->story], "thread %s (%u): call %zu, %s: depth %u expected, %u in the trace",
		       t->comm, t->tid, i + 1, functions[w->function].name, w->depth, c->depth);
		return;
	}
}

/* ---- counts ---------------------------------------------------------------------- */

static void compare_counts(size_t story)
{
	size_t (*n)[4] = calloc(nfunctions + 1, sizeof(*n)), i;

	if (!n)
		die("out of memory");
	for (i = 0; i < nwcalls; i++) {
		if (wcalls[i].story != story || wcalls[i].excused)
			continue;
		n[wcalls[i].function][0]++;
		/* a return that dmaseq does not probe is not held against it */
		n[wcalls[i].function][1] += functions[wcalls[i].function].hook->ret != RET_NORET;
	}
	for (i = 0; i < ntcalls; i++) {
		if (tcalls[i].story != story)
			continue;
		n[tcalls[i].function][2]++;
		n[tcalls[i].function][3] += tcalls[i].returned;
	}
	for (i = 0; i < nfunctions; i++) {
		if (n[i][0] != n[i][2])
			differ(stories[story], "%s: %zu entries expected, %zu in the trace",
			       functions[i].name, n[i][0], n[i][2]);
		if (n[i][1] != n[i][3])
			differ(stories[story], "%s: %zu returns expected, %zu in the trace",
			       functions[i].name, n[i][1], n[i][3]);
	}
	free(n);
}

/* ---- values and identities ----------------------------------------------------------- */

enum { BUFFER, FILE_OF, DENTRY_OF, ATTACHMENT };

/* An address and the number that the trace has for the object behind it. */
struct binding {
	int kind;
	uint64_t pointer;
	uint32_t id;
};
static struct binding *bindings;
static size_t nbindings, identities;

static const char *const kind_names[] = { "buffer", "file", "dentry", "attachment" };

static void bind(const struct thread *t, const struct call *w, size_t at, int kind,
		 uint64_t pointer, uint32_t id)
{
	size_t i;

	if (!pointer || is_error(pointer))
		return;
	if (!id) {
		differ(stories[w->story], "thread %s (%u): call %zu, %s: the trace does not say of which %s",
		       t->comm, t->tid, at + 1, functions[w->function].name, kind_names[kind]);
		return;
	}
	identities++;
	for (i = 0; i < nbindings; i++) {
		const struct binding *b = &bindings[i];
		bool same_pointer = b->pointer == pointer, same_id = b->id == id;

		if (b->kind != kind || (!same_pointer && !same_id))
			continue;
		if (same_pointer && same_id)
			return;
		/* of one buffer there is one file and one dentry as well */
		if (same_pointer)
			differ(stories[w->story],
			       "thread %s (%u): call %zu, %s: on the %s that was number %u before, now %u",
			       t->comm, t->tid, at + 1, functions[w->function].name,
			       kind_names[kind], b->id, id);
		else
			differ(stories[w->story],
			       "thread %s (%u): call %zu, %s: on another %s than before, but it is number %u again",
			       t->comm, t->tid, at + 1, functions[w->function].name,
			       kind_names[kind], id);
		bindings[i] = (struct binding){ kind, pointer, id };
		return;
	}
	bindings = grow(bindings, nbindings, sizeof(*bindings));
	bindings[nbindings++] = (struct binding){ kind, pointer, id };
}

/* The object is gone, its addresses may be others' from now on. */
static void unbind(bool attachment, uint32_t id)
{
	size_t i, n = 0;

	for (i = 0; i < nbindings; i++)
		if ((bindings[i].kind == ATTACHMENT) != attachment || bindings[i].id != id)
			bindings[n++] = bindings[i];
	nbindings = n;
}

static void compare_entry(const struct thread *t, const struct call *w, const struct call *c,
			  size_t at)
{
	const struct hook *h = functions[w->function].hook;

	switch (h->obj) {
	case OBJ_DMABUF0:
	case OBJ_DMABUF0_ATTACH1:
		bind(t, w, at, BUFFER, w->arg, c->buf);
		break;
	case OBJ_ATTACH0:
		bind(t, w, at, ATTACHMENT, w->arg, c->att);
		break;
	case OBJ_FILE0:
		bind(t, w, at, FILE_OF, w->arg, c->buf);
		break;
	case OBJ_DENTRY0:
		bind(t, w, at, DENTRY_OF, w->arg, c->buf);
		break;
	case OBJ_NONE:
	case OBJ_RET:
	case OBJ_FILE1:
		break;
	}
	/* the first argument is the first recorded one in these two only */
	if (h->a0 == ARG_FD && (h->obj == OBJ_RET || h->obj == OBJ_FILE1) &&
	    (int32_t)w->arg != c->fd)
		differ(stories[w->story], "thread %s (%u): call %zu, %s: fd %d expected, %lld in the trace",
		       t->comm, t->tid, at + 1, functions[w->function].name, (int32_t)w->arg,
		       (long long)c->fd);
}

static const char *number_name(int64_t v)
{
	static char buf[2][64];
	static int which;
	char *s = buf[which++ % 2];

	if (v < 0 && v >= -MAX_ERRNO && strerrorname_np(-v))
		snprintf(s, sizeof(buf[0]), "-%s", strerrorname_np(-v));
	else
		snprintf(s, sizeof(buf[0]), "%lld", (long long)v);
	return s;
}

/* vmap of 5.10 returns an address, which stays in the kernel: the trace has that it worked. */
static bool is_address(const struct hook *h, int64_t value)
{
	return (!strcmp(h->name, "dma_buf_vmap") || !strcmp(h->name, "ops->vmap")) && value &&
	       (value > 0 || value < -MAX_ERRNO);
}

static void compare_value(const struct thread *t, const struct call *w, const struct call *c,
			  size_t at)
{
	const struct hook *h = functions[w->function].hook;
	bool pointer = h->ret == RET_BUF || h->ret == RET_ATT || h->ret == RET_SGT ||
		       h->ret == RET_PTR;

	/* that it did not return is said by the counts */
	if (!w->has_value || !c->has_value)
		return;
	/* of a table of pages the trace says how many there are */
	if (pointer && w->value == 0 && c->value >= 0) {
		if (h->ret == RET_BUF)
			bind(t, w, at, BUFFER, w->pointer, c->buf);
		if (h->ret == RET_ATT)
			bind(t, w, at, ATTACHMENT, w->pointer, c->att);
		if (h->ret == RET_SGT && (!c->sgt || !c->value))
			differ(stories[w->story], "thread %s (%u): call %zu, %s: the trace has no sg_table",
			       t->comm, t->tid, at + 1, functions[w->function].name);
		return;
	}
	if (w->value == c->value || (is_address(h, w->value) && !c->value))
		return;
	differ(stories[w->story], "thread %s (%u): call %zu, %s: returned %s, the trace has %s",
	       t->comm, t->tid, at + 1, functions[w->function].name,
	       pointer && !w->value ? "a pointer" : number_name(w->value), number_name(c->value));
}

/* In the order of time, because addresses are used again. */
static void compare_calls(void)
{
	/* where in its thread's list each call of the witness stands */
	size_t *place = calloc(nwcalls + 1, sizeof(*place)), i, j;

	if (!place)
		die("out of memory");
	for (i = 0; i < nthreads; i++)
		for (j = 0; j < threads[i].nwitness; j++)
			place[threads[i].witness[j]] = j;
	for (i = 0; i < nevents; i++) {
		const struct call *w = &wcalls[events[i].call], *c;
		const struct thread *t = thread_of(w->tid);
		size_t at = place[events[i].call];

		if (w->excused || at >= t->agreed) /* of different functions there is nothing to compare */
			continue;
		c = &tcalls[t->trace[at]];
		if (!events[i].is_return) {
			compare_entry(t, w, c, at);
			continue;
		}
		compare_value(t, w, c, at);
		if (!strcmp(functions[w->function].name, "dma_buf_release"))
			unbind(false, c->buf);
		if (!strcmp(functions[w->function].name, "dma_buf_detach"))
			unbind(true, c->att);
	}
	free(place);
}

/* ---- the ledger ------------------------------------------------------------------------ */

static void compare_ledger(size_t story, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *p;
	size_t size = 0, found = 0, i;

	if (!f)
		die("%s: %s", path, strerror(errno));
	while (getline(&line, &size, f) > 0) {
		for (p = line; (p = strstr(p, " expect:")); ) {
			size_t want, got = 0, len, function;
			char name[64];

			p += strlen(" expect:");
			len = strcspn(p, "=");
			if (p[len] != '=' || len >= sizeof(name))
				die("%s: a line that is no ledger: %s", path, line);
			snprintf(name, sizeof(name), "%.*s", (int)len, p);
			want = strtoul(p + len + 1, NULL, 10);
			function = witness_function(name);
			for (i = 0; i < ntcalls; i++)
				got += tcalls[i].story == story && tcalls[i].function == function;
			for (i = 0; i < nwcalls; i++)
				got += wcalls[i].excused && wcalls[i].story == story &&
				       wcalls[i].function == function;
			if (got != want)
				differ(stories[story], "ledger: %s: %zu expected, %zu in the trace",
				       name, want, got);
			found++;
		}
	}
	free(line);
	fclose(f);
	if (!found)
		die("%s: there is no ledger in it", path);
}

int main(int argc, char **argv)
{
	size_t i, returns = 0, used = 0;

	if (argc < 5 || (argc - 2) % 3 || (argc - 2) / 3 > MAX_STORIES) {
		fprintf(stderr, "usage: compare TRACE STORY WITNESS LEDGER [STORY WITNESS LEDGER]...\n");
		return 2;
	}
	for (i = 2; i < (size_t)argc; i += 3) {
		stories[nstories++] = argv[i];
		read_witness(argv[i + 1]);
	}
	read_trace(argv[1]);
	sort_trace();
	for (i = 0; i < nthreads; i++) {
		excuse_missing(&threads[i]);
		compare_order(&threads[i]);
		compare_depth(&threads[i]);
	}
	for (i = 0; i < nstories; i++) {
		compare_counts(i);
		if (strcmp(argv[4 + 3 * i], "-"))
			compare_ledger(i, argv[4 + 3 * i]);
	}
	compare_calls();
	for (i = 0; i < nwcalls; i++)
		returns += functions[wcalls[i].function].hook->ret != RET_NORET;
	for (i = 0; i < nthreads; i++)
		used += threads[i].nwitness > 0;
	if (nexcused)
		printf("%s: %zu calls are missing for a reason that the trace tells\n", recording(), nexcused);
	printf("%s: %zu entries, %zu returns, %zu functions, %zu threads, %zu identities: %s\n",
	       recording(), nwcalls, returns, nfunctions, used, identities,
	       disagreements ? "they do not agree" : "they agree");
	return disagreements ? 1 : 0;
}
