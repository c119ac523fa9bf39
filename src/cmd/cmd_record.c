// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd_record.c - dmaseq record: one recording, from the options to a closed file.
 *
 * The traced command is forked before the probes are armed and held at a pipe, so
 * that nothing of it is missed. Its status is passed on; our own troubles are
 * 125 (and 126, 127 when the command cannot be run), as with env and timeout.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../live/live.h"
#include "../live/privs.h"
#include "../trace/keep.h"
#include "../trace/trace.h"
#include "../util/util.h"
#include "cmd.h"
#include "cmd_common.h"
#include "hint.h"
#include "record_clock.h"
#include "record_out.h"
#include "record_rotate.h"
#include "record_watch.h"

#define DEFAULT_FILE "trace.dmaseq"
#define TICK_MS	     20		/* how often the ring is looked at by who cannot wait */
#define FLUSH_NS     1000000000ULL /* what a kill -9 can cost */
#define LIVE_NS	     40000000ULL /* the same for somebody who reads the trace as it is made */
#define FAILED_NS    1000000000ULL /* how long what a failed call was part of may take to end */
#define KEEP_LEAST   (64U << 10)
#define KILL_NS	     5000000000ULL /* how long a command may take to end after SIGTERM */

struct record_opts {
	const char *out;
	struct dq_strs pids;
	const char *comm, *exporter, *device, *inode, *btf, *keep, *rotate_files, *ready_file;
	uint64_t time, ring, min_size, rotate;
	int attach;
	bool all, force, strict, raw, stacks, until_error, anonymize;
};

/* What was asked for, beside the options as they are. */
struct wanted {
	uint32_t *pids;
	uint64_t inode;
	struct dq_keep_opts keep;
	unsigned int files;	/* with --rotate; 0: without */
};

#define OFF(f) offsetof(struct record_opts, f)

static const struct dq_opt opts[] = {
	{ "output", 'o', "FILE", DQ_OPT_STR, OFF(out), NULL,
	  "write the trace to FILE, '-' for stdout (default: " DEFAULT_FILE ")", NULL, false },
	{ "force", 'f', NULL, DQ_OPT_FLAG, OFF(force), NULL, "overwrite an existing file", NULL,
	  false },
	{ "time", 't', "TIME", DQ_OPT_TIME, OFF(time), NULL,
	  "stop after TIME (10, 1.5s, 300ms, 2m)", NULL, false },
	{ "keep-last", 0, "SIZE|TIME", DQ_OPT_STR, OFF(keep), NULL,
	  "keep only the last so much (64M, 10s) and write it at the end, and when SIGUSR1 comes", NULL,
	  false },
	{ "rotate", 0, "SIZE", DQ_OPT_SIZE, OFF(rotate), NULL,
	  "begin another file when this one has SIZE; older ones are FILE.1, FILE.2 ...", NULL, false },
	{ "rotate-files", 0, "N", DQ_OPT_STR, OFF(rotate_files), NULL,
	  "with --rotate: keep N files (default: 4)", NULL, false },
	{ "until-error", 0, NULL, DQ_OPT_FLAG, OFF(until_error), NULL,
	  "stop when a call has failed", NULL, false },
	{ "strict", 0, NULL, DQ_OPT_FLAG, OFF(strict), NULL,
	  "exit with 3 when events were lost", NULL, false },
	{ "pid", 'p', "PID", DQ_OPT_STRS, OFF(pids), "What is recorded",
	  "this process, its children and the buffers that they touch (repeatable)", NULL, false },
	{ "comm", 0, "NAME", DQ_OPT_STR, OFF(comm), "What is recorded",
	  "processes of this name and the buffers that they touch", NULL, false },
	{ "exporter", 0, "NAME", DQ_OPT_STR, OFF(exporter), "What is recorded",
	  "buffers of this exporter (its exp_name or its module)", NULL, false },
	{ "device", 0, "NAME", DQ_OPT_STR, OFF(device), "What is recorded",
	  "buffers that this device or driver imports", NULL, false },
	{ "inode", 0, "N", DQ_OPT_STR, OFF(inode), "What is recorded",
	  "the buffer with this inode number", NULL, false },
	{ "min-size", 0, "SIZE", DQ_OPT_SIZE, OFF(min_size), "What is recorded",
	  "buffers of at least this size", NULL, false },
	{ "all", 'a', NULL, DQ_OPT_FLAG, OFF(all), "What is recorded",
	  "with CMD: the whole machine, not only CMD", NULL, false },
	{ "attach", 0, "RUNG", DQ_OPT_ENUM, OFF(attach), "How",
	  "force the kind of probes: fentry, multi or kprobe", "fentry multi kprobe", false },
	{ "ring", 0, "SIZE", DQ_OPT_SIZE, OFF(ring), "How",
	  "size of the ring buffer (default: 8M)", NULL, false },
	{ "btf", 0, "FILE", DQ_OPT_STR, OFF(btf), "How",
	  "types of the running kernel, when it has no BTF of its own", NULL, false },
	{ "stacks", 0, NULL, DQ_OPT_FLAG, OFF(stacks), "How",
	  "record the kernel stack of each outermost call", NULL, false },
	{ "raw-addresses", 0, NULL, DQ_OPT_FLAG, OFF(raw), "How",
	  "write kernel addresses of buffers and attachments into the trace", NULL, false },
	{ "anonymize", 0, NULL, DQ_OPT_FLAG, OFF(anonymize), "How",
	  "write no names of processes, buffers, devices and drivers, for sharing", NULL, false },
	{ "ready-file", 0, "FILE", DQ_OPT_STR, OFF(ready_file), "How",
	  "create FILE when everything is armed", NULL, true },
	{ .name = NULL },
};

struct recording {
	const struct record_opts *o;
	struct dq_live *live;
	struct record_out out;
	struct record_watch watch;	/* in front of ... */
	struct dq_anon *anon;		/* ... this, with --anonymize, and ... */
	struct dq_sink named;		/* (what is behind it) */
	struct dq_keeper *keeper;	/* ... this, with --keep-last, or ... */
	struct record_rotate rotate;	/* ... this, with --rotate, or the file */
	struct dq_holders *forgotten;	/* who held what when the kept part begins */
	struct dq_sink sink;		/* the watch */
	struct record_clock clock;	/* when it began */
	struct record_jumps jumps;	/* of the clocks, meanwhile */
	unsigned int parts;		/* files that SIGUSR1 made */
	char **argv;		/* the command, NULL: none */
	pid_t child;
	int go;			/* write end of the pipe that holds the child */
	int status;		/* of the child, once it ended */
	bool child_ended;
	bool leave;		/* the command goes on, and nobody waits for it */
	int sigfd;
	bool live_out;		/* somebody may be reading the trace as it is made */
	uint64_t t0, t_flush;
	uint64_t t_looked;	/* when clocks and progress were last seen to */
	uint64_t t_end;		/* when time is up; UINT64_MAX: never */
	uint64_t t_failed;	/* when a failed call was seen; 0: not yet */
	bool write_now;		/* SIGUSR1 */
	uint64_t t_kill;	/* when a command that ignores SIGTERM is killed; 0: not yet asked */
	char reason[128];
	unsigned int signals;	/* that came while the command ran */
	bool stop;
	sigset_t old_mask;
	struct sigaction old_pipe, old_xfsz;
};

static uint64_t mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the traced command --------------------------------------------------------------- */

static void run_child(struct recording *r, int go)
{
	struct dq_sb why = { 0 };
	int err;
	char c;

	sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
	sigaction(SIGPIPE, &r->old_pipe, NULL);
	sigaction(SIGXFSZ, &r->old_xfsz, NULL);
	/* an end of file instead of a byte: the recorder gave up */
	if (read(go, &c, 1) != 1)
		_exit(DQ_EXIT_RECORD);
	err = dq_privs_command();
	if (err) {
		dq_err("record: cannot give %s the rights of the caller: %s", r->argv[0], dq_errname(err));
		_exit(DQ_EXIT_RECORD);
	}
	execvp(r->argv[0], r->argv);
	err = errno;
	dq_why_not_run(&why, r->argv[0], err);
	dq_err("record: cannot run %s%s", r->argv[0], dq_sb_str(&why));
	_exit(err == ENOENT ? DQ_EXIT_NOCMD : DQ_EXIT_NOEXEC);
}

static int fork_child(struct recording *r)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return -errno;
	r->child = fork();
	if (r->child < 0)
		return -errno;
	if (!r->child) {
		close(p[1]);
		run_child(r, p[0]);
	}
	close(p[0]);
	r->go = p[1];
	return 0;
}

/* What ended the recording: the first that did. */
static void give_reason(struct recording *r, const char *fmt, ...) DQ_PRINTF(2, 3);
static void give_reason(struct recording *r, const char *fmt, ...)
{
	va_list ap;

	if (*r->reason)
		return;
	va_start(ap, fmt);
	vsnprintf(r->reason, sizeof(r->reason), fmt, ap);
	va_end(ap);
}

static bool child_runs(const struct recording *r)
{
	return r->child > 0 && !r->child_ended;
}

/* Takes the command's status; with flags 0 it waits for it. */
static void reap(struct recording *r, int flags)
{
	int st;

	if (!child_runs(r) || waitpid(r->child, &st, flags) != r->child)
		return;
	r->child_ended = true;
	if (WIFSIGNALED(st)) {
		r->status = 128 + WTERMSIG(st);
		give_reason(r, "command killed by signal %d", WTERMSIG(st));
	} else {
		r->status = WEXITSTATUS(st);
		give_reason(r, "command exited with status %d", r->status);
	}
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int block_signals(struct recording *r)
{
	static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2 };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(taken); i++)
		sigaddset(&set, taken[i]);
	if (sigprocmask(SIG_BLOCK, &set, &r->old_mask))
		return -errno;
	/* a reader that went away, a limit that is reached: errors of write() */
	sigaction(SIGPIPE, &ignore, &r->old_pipe);
	sigaction(SIGXFSZ, &ignore, &r->old_xfsz);
	r->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->sigfd < 0 ? -errno : 0;
}

/*
 * SIGINT, SIGTERM, SIGHUP. The recording ends when the command does, so that its end is in it. A ^C
 * goes to the command as well; what was sent to us alone is passed on. The second signal ends the
 * recording whatever the command does.
 */
static void on_end_signal(struct recording *r, const struct signalfd_siginfo *si)
{
	if (child_runs(r) && !r->signals++) {
		if (si->ssi_code != SI_KERNEL)
			kill(r->child, (int)si->ssi_signo);
		return;
	}
	r->stop = true;
	r->leave = child_runs(r);
	if (r->leave)
		r->status = 128 + (int)si->ssi_signo;
	give_reason(r, "SIG%s", sigabbrev_np((int)si->ssi_signo));
}

static void on_signal(struct recording *r)
{
	struct signalfd_siginfo si;

	while (read(r->sigfd, &si, sizeof(si)) == sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGCHLD:
			reap(r, WNOHANG);
			r->stop |= r->child_ended;
			break;
		case SIGUSR1:
			r->write_now = true; /* at the end of this turn */
			break;
		case SIGUSR2:
			r->stop = true;
			give_reason(r, "SIGUSR2");
			break;
		default:
			on_end_signal(r, &si);
		}
	}
}

/* The time of -t is up: the command is asked to end, and later made to. */
static void on_time(struct recording *r, uint64_t now)
{
	give_reason(r, "time is up");
	if (!child_runs(r)) {
		r->stop = true;
	} else if (!r->t_kill) {
		kill(r->child, SIGTERM);
		r->t_kill = now + KILL_NS;
	} else if (now >= r->t_kill) {
		dq_warn("record: %s did not end when it got SIGTERM, and gets SIGKILL", r->argv[0]);
		kill(r->child, SIGKILL);
		r->t_kill = UINT64_MAX;
	}
}

static void progress(const struct recording *r, uint64_t now)
{
	struct dq_live_stats st;
	char dur[24];

	if (dq_common.quiet || !isatty(STDERR_FILENO))
		return;
	dq_live_stats(r->live, &st);
	fprintf(stderr, "\rdmaseq: %" PRIu64 " call%s, %" PRIu64 " buffer%s, %s, %" PRIu64 " lost\033[K",
		st.calls, dq_plural(st.calls), st.buffers, dq_plural(st.buffers), dq_fmt_dur(dur, (now - r->t0) / 1000000000 * 1000000000),
		st.lost + record_watch_missed(&r->watch, st.missed_returns));
	fflush(stderr);
}

/* A name that nobody has: FILE.1, FILE.2 ... */
static char *part_path(struct recording *r)
{
	struct dq_sb sb = { 0 };

	do {
		dq_sb_reset(&sb);
		dq_sb_printf(&sb, "%s.%u", r->out.path, ++r->parts);
	} while (!sb.err && !access(sb.s, F_OK));
	return sb.s;
}

/* What is kept until now, into a file of its own. When that cannot be, the recording goes on. */
static void write_part(struct recording *r, uint64_t now)
{
	char *path = r->out.file.regular ? part_path(r) : NULL, size[16], dur[24];
	struct record_out part;
	struct dq_sink to;
	int err;

	if (!path) {
		dq_warn("record: SIGUSR1 writes files beside that of -o, and %s is none", r->out.path);
		return;
	}
	err = record_out_open(&part, path, false);
	part.anon = r->anon;
	if (!err && !record_out_begin(&part, &r->clock)) {
		to = record_out_sink(&part);
		part.discard = dq_keeper_write(r->keeper, &to, now, "SIGUSR1", true) != 0;
	}
	if (!record_out_close(&part) && !part.discard && !dq_common.quiet)
		fprintf(stderr, "dmaseq: %" PRIu64 " call%s, after %s, %s -> %s\n", part.calls,
			dq_plural(part.calls), dq_fmt_dur(dur, now - r->t0),
			dq_fmt_size(size, part.bytes), path);
	free(path);
}

/* Is it time to write what is known? */
static bool is_due(const struct recording *r, uint64_t now)
{
	return r->write_now || now - r->t_flush >= (r->live_out ? LIVE_NS : FLUSH_NS);
}

/* Once in a while, and when somebody asks: what is known is written. */
static int write_out(struct recording *r, uint64_t now)
{
	bool asked = r->write_now;
	int err = 0;

	if (!is_due(r, now))
		return 0;
	r->write_now = false;
	r->t_flush = now;
	if (asked || now - r->t_looked >= FLUSH_NS) {
		r->t_looked = now;
		err = record_jumps_look(&r->jumps, &r->sink);
		if (!err && asked && r->keeper)
			write_part(r, now);
		if (!err)
			progress(r, now);
	}
	return err ? err : r->sink.flush(r->sink.ctx);
}

/* --until-error: when what the failed call was part of has ended, or takes too long. */
static void look_for_failure(struct recording *r, uint64_t now)
{
	if (!r->o->until_error || !r->watch.failed)
		return;
	if (!r->t_failed)
		r->t_failed = now;
	if (!r->watch.failure_told && now - r->t_failed < FAILED_NS)
		return;
	r->stop = true;
	give_reason(r, "failed call: %s", r->watch.failure);
}

/* May what is in the ring stay there? Not when it is to be written, or looked at. */
static bool may_wait(const struct recording *r, uint64_t now)
{
	return !r->o->until_error && !is_due(r, now);
}

/* How long nobody has to look, unless the ring fills, an exporter is met, or a signal comes: an idle
 * recorder sleeps. */
static int wait_ms(const struct recording *r)
{
	uint64_t now = mono(), next = r->t_flush + FLUSH_NS;

	if (r->live_out || r->o->until_error)
		return TICK_MS;
	if (r->t_end > now && r->t_end < next)
		next = r->t_end;
	if (r->t_kill > now && r->t_kill < next)
		next = r->t_kill;
	return next > now ? (int)((next - now + 999999) / 1000000) : 0;
}

static int loop(struct recording *r)
{
	struct pollfd p[2] = { { .fd = r->sigfd, .events = POLLIN },
			       { .fd = dq_live_epoll_fd(r->live), .events = POLLIN } };
	bool more = false;
	uint64_t now;
	int err = 0;

	while (!r->stop && !err && !r->out.err) {
		if (poll(p, 2, more ? 0 : wait_ms(r)) > 0 && p[0].revents)
			on_signal(r);
		now = mono();
		err = may_wait(r, now) ? dq_live_look(r->live) : dq_live_poll(r->live, 0);
		more = err > 0;
		err = more ? 0 : err;
		if (!err)
			err = write_out(r, now);
		look_for_failure(r, now);
		if (now >= r->t_end && !r->stop)
			on_time(r, now);
	}
	return err;
}

static int check_pid(const char *text, uint32_t *ret_pid)
{
	uint64_t pid;
	char path[32];

	if (dq_parse_uint(text, &pid) || !pid || pid > INT32_MAX)
		return dq_usage_error(&dq_cmd_record, "invalid process id '%s'", text);
	snprintf(path, sizeof(path), "/proc/%" PRIu64, pid);
	if (access(path, F_OK)) {
		dq_err("record: no process %" PRIu64 ": ESRCH. Try: pidof NAME", pid);
		return DQ_EXIT_RECORD;
	}
	*ret_pid = pid;
	return 0;
}

/* With --rotate: who holds what when a file begins. */
static int on_next_file(void *ctx, const struct dq_sink *to)
{
	struct recording *r = ctx;

	return record_put_holds(r->watch.holders, r->watch.max_buf, mono(), to);
}

/* Before the seconds that loading takes: a file that cannot be written is known at once. */
static int open_output(struct recording *r, const struct wanted *w)
{
	const struct record_opts *o = r->o;
	const struct record_rotate_opts ro = { .size = o->rotate, .files = w->files, .force = o->force,
					       .begin = on_next_file, .ctx = r };

	if (record_out_open(&r->out, o->out ? o->out : DEFAULT_FILE, o->force))
		return -EIO;
	if (w->files && !r->out.file.regular) {
		dq_err("record: --rotate needs files, and %s is none. Try: dmaseq record --rotate %s -o FILE",
		       r->out.path, "64M");
		return -EINVAL;
	}
	return w->files ? record_rotate_init(&r->rotate, &r->out, &ro) : 0;
}

static int prepare(struct recording *r, const struct wanted *w)
{
	const struct record_opts *o = r->o;
	struct dq_live_opts lo = {
		.rung = o->attach < 0 ? DQ_RUNG_AUTO : (enum dq_rung)o->attach,
		.ring_bytes = o->ring,
		.pids = w->pids,
		.npids = o->pids.n,
		.by_task = r->argv && !o->all,
		.comm = o->comm,
		.exporter = o->exporter,
		.device = o->device,
		.inode = w->inode,
		.min_size = o->min_size,
		.stacks = o->stacks,
		.btf = o->btf,
		.raw_addresses = o->raw,
		.differ = record_watch_differ,
		.differ_ctx = &r->watch,
	};
	int err = dq_live_new(&r->live, &lo);

	if (!err)
		err = dq_live_check(r->live);
	if (!err && open_output(r, w))
		return -EIO;
	if (!err)
		err = dq_live_load(r->live);
	if (!err)
		err = dq_live_attach(r->live);
	if (err)
		dq_err("record: %s", *dq_live_error(r->live) ? dq_live_error(r->live) :
							       dq_errname(err));
	return err;
}

static int put_meta(struct recording *r, const char *key, const char *value)
{
	struct dq_item it = { .kind = DQ_META };

	it.meta.key = key;
	it.meta.value = value;
	return r->sink.put(r->sink.ctx, &it);
}

static int put_cmdline(struct recording *r)
{
	struct dq_sb sb = { 0 };
	int err = 0;

	for (char **a = r->argv; a && *a; a++)
		dq_sb_printf(&sb, "%s%s", sb.len ? " " : "", *a);
	if (sb.len > DQ_STR_MAX)
		sb.s[DQ_STR_MAX] = '\0';
	if (sb.len)
		err = put_meta(r, "cmdline", sb.s);
	dq_sb_free(&sb);
	return err;
}

static int ready(struct recording *r)
{
	struct record_file f;
	int err = r->o->ready_file ? record_file_open(&f, r->o->ready_file, true) : 0;

	return r->o->ready_file && !err ? record_file_close(&f) : err;
}

static int start(struct recording *r)
{
	char size[16];
	int err = put_meta(r, "version", dq_version);

	if (!err)
		err = put_cmdline(r);
	if (!err && r->rotate.keeper)
		err = put_meta(r, "keep.parts", dq_fmt_size(size, r->o->rotate));
	if (!err && r->keeper)
		err = put_meta(r, "keep.last", r->o->keep);
	if (!err)
		err = dq_live_start(r->live, &r->sink);
	if (err) {
		dq_err("record: cannot begin: %s", dq_errname(err));
		return err;
	}
	r->t0 = r->t_flush = r->t_looked = mono();
	r->t_end = r->o->time == DQ_TIME_UNSET ? UINT64_MAX : r->t0 + r->o->time;
	if (r->argv && !r->o->all) {
		err = dq_live_add_pid(r->live, r->child);
		if (err) {
			dq_err("record: %s", dq_live_error(r->live));
			return err;
		}
	}
	if (r->child > 0 && write(r->go, "", 1) != 1)
		return -errno;
	err = ready(r);
	if (!r->argv && !err && !dq_common.quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "dmaseq: recording to %s; ^C ends it\n", r->out.path);
	return err;
}

/* The hooks that the user should know to be blind. */
static void warn_hooks(const struct recording *r)
{
	const struct dq_live_hook *h;
	size_t n = dq_live_hooks(r->live, &h);

	for (size_t i = 0; i < n; i++)
		if (!h[i].rung[0] && h[i].info->need == NEED_REQ)
			dq_warn("record: %s is not recorded (%s): calls of it are missing in the trace",
				h[i].info->name, h[i].state);
}

/* "1200 calls, 3 buffers", or how much of that is in the file. */
static void put_amount(const struct recording *r, const struct dq_live_stats *st)
{
	const struct record_out *o = &r->out;
	struct dq_keep_stats kept = { 0 };

	if (r->keeper)
		dq_keeper_stats(r->keeper, &kept);
	if (o->err)
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " calls were written and %" PRIu64 " were not",
			o->calls - o->missing, o->calls, o->missing);
	else if (kept.forgotten)
		fprintf(stderr, "the last %" PRIu64 " of %" PRIu64 " calls", o->calls,
			kept.calls + kept.forgotten);
	else
		fprintf(stderr, "%" PRIu64 " call%s, %" PRIu64 " buffer%s", o->calls + r->rotate.calls,
			dq_plural(o->calls + r->rotate.calls), st->buffers, dq_plural(st->buffers));
}

static void warn_keep(const struct recording *r)
{
	struct dq_keep_stats kept = { 0 };

	if (r->keeper)
		dq_keeper_stats(r->keeper, &kept);
	if (kept.too_small)
		dq_warn("record: %s did not fit into the memory for it (64 MiB); less is kept. Try: dmaseq record --keep-last 1G",
			r->o->keep);
}

static void say_files(const struct record_rotate *r, const char *path)
{
	if (!r->ended)
		return;
	fprintf(stderr, "dmaseq: %" PRIu64 " files, of which are left: %s", r->ended + 1, path);
	for (unsigned int i = 1; i <= r->older; i++)
		fprintf(stderr, ", %s.%u", path, i);
	fputc('\n', stderr);
}

/* One line about the file, after it was closed, and what has to be known about it. */
static void summary(const struct recording *r, uint64_t now)
{
	const struct record_out *o = &r->out;
	struct dq_sb losses = { 0 };
	struct dq_live_stats st;
	char dur[24], size[16];

	dq_live_stats(r->live, &st);
	record_say_hooks(r->live);
	record_say_losses(&r->watch, r->t0);
	warn_keep(r);
	record_say_holders(&r->watch);
	if (dq_common.quiet)
		return;
	dq_put_losses(&losses, st.lost, record_watch_missed(&r->watch, st.missed_returns));
	fprintf(stderr, "%sdmaseq: ", isatty(STDERR_FILENO) ? "\r\033[K" : "");
	put_amount(r, &st);
	fprintf(stderr, ", %s, %s%s%s -> %s\n", dq_fmt_dur(dur, now - r->t0),
		o->err ? "" : dq_sb_str(&losses), o->err ? "" : ", ",
		dq_fmt_size(size, o->bytes + r->rotate.bytes), o->path);
	say_files(&r->rotate, o->path);
	dq_sb_free(&losses);
	if (r->t_failed)
		fprintf(stderr, "dmaseq: %s\n", r->reason);
}

/* ---- what the items go through ---------------------------------------------------------- */

static void on_forget(void *ctx, const struct dq_item *item)
{
	struct recording *r = ctx;

	/* without memory there are no holders, which is said by there being no snapshot */
	if (r->forgotten && dq_holders_put(r->forgotten, item))
		dq_holders_free(&r->forgotten);
}

static int on_begin(void *ctx, const struct dq_sink *to)
{
	struct recording *r = ctx;
	struct dq_keep_stats st;

	if (!r->forgotten)
		return 0;
	dq_keeper_stats(r->keeper, &st);
	return record_put_holds(r->forgotten, r->watch.max_buf, st.from, to);
}

static int make_sinks(struct recording *r, const struct wanted *w)
{
	struct dq_keep_opts keep = w->keep;
	int err = 0;

	if (r->o->keep) {
		keep.forget = on_forget;
		keep.begin = on_begin;
		keep.ctx = r;
		err = dq_holders_new(&r->forgotten);
		if (!err)
			err = dq_keeper_new(&r->keeper, &keep);
	}
	r->named = r->keeper ? dq_keeper_sink(r->keeper) :
		   w->files  ? record_rotate_sink(&r->rotate) :
			       record_out_sink(&r->out);
	if (!err && r->o->anonymize)
		err = dq_anon_new(&r->anon, 0);
	r->out.anon = r->anon;
	if (!err)
		err = record_watch_init(&r->watch, r->anon ? dq_anon_sink(r->anon, &r->named) : r->named);
	r->sink = record_watch_sink(&r->watch);
	r->live_out = !r->keeper && record_out_is_live(&r->out);
	return err;
}

/* Everything is open and attached: from here on with as little as possible. */
static int settle(const struct recording *r)
{
	unsigned int needs = r->argv ? DQ_PRIVS_KILL : 0;
	struct dq_sb held = { 0 };
	int err;

	if ((r->keeper || r->rotate.keeper) && r->out.file.dir >= 0 && !dq_privs_may_write(r->out.file.dir))
		needs |= DQ_PRIVS_WRITE;
	err = dq_privs_settle(needs);
	if (err)
		dq_err("record: cannot give up rights: %s", dq_errname(err));
	dq_privs_put(&held);
	dq_info("record: keeps %s", dq_sb_str(&held));
	dq_sb_free(&held);
	return err;
}

/*
 * Several processes that do nothing but calls of dma-bufs make records faster than one with a fair
 * share of the processors can take them. We run only when the ring is half full or time has passed, so
 * this takes nothing from others but what it takes not to lose any.
 */
static void raise_priority(void)
{
	if (setpriority(PRIO_PROCESS, 0, -10))
		dq_debug("priority: %s", dq_errname(errno));
}

/* Arms, and lets the command go. 0, or a status after saying why not. */
static int begin(struct recording *r, const struct wanted *w)
{
	int err = block_signals(r);

	/* before we have less, or somebody else's, rights: the command has those of our caller */
	if (!err && r->argv)
		err = fork_child(r);
	raise_priority(); /* not the command's; and for later we have not the rights */
	if (!err)
		err = dq_privs_begin();
	if (err) {
		dq_err("record: cannot start: %s", dq_errname(err));
		return DQ_EXIT_RECORD;
	}
	if (prepare(r, w))
		return DQ_EXIT_RECORD;
	warn_hooks(r);
	r->clock = record_clock_now();
	err = make_sinks(r, w);
	if (err)
		dq_err("record: cannot start: %s", dq_errname(err));
	/* what is kept is written at the end, and an old file stays until then */
	if (err || (!r->keeper && record_out_begin(&r->out, &r->clock)))
		return DQ_EXIT_RECORD;
	if (settle(r) || start(r)) {
		r->out.discard = true;
		return DQ_EXIT_RECORD;
	}
	return DQ_EXIT_OK;
}

/* The end of a recording with --keep-last: its file. */
static int write_kept(struct recording *r, uint64_t now)
{
	struct dq_sink to = record_out_sink(&r->out);
	int err = record_out_begin(&r->out, &r->clock);

	return err ? err : dq_keeper_write(r->keeper, &to, now, r->reason, false);
}

/* The command is in the foreground of our shell: it has to end before we do. */
static void wait_for_command(struct recording *r)
{
	if (r->go >= 0)
		close(r->go); /* if it still waits there, it ends now */
	r->go = -1;
	if (child_runs(r) && r->leave)
		dq_warn("record: %s goes on as process %d. Try: kill %d", r->argv[0], r->child, r->child);
	else
		reap(r, 0);
}

static int record(struct recording *r, const struct wanted *w)
{
	struct dq_live_stats st;
	int ret = begin(r, w), err, werr;
	uint64_t now;

	if (ret)
		return ret;
	err = loop(r);
	if (!err)
		err = record_jumps_look(&r->jumps, &r->sink);
	now = mono(); /* the rest can take long, and is no part of what is kept */
	werr = dq_live_stop(r->live, r->reason);
	if (!err)
		err = werr;
	if (!err && r->keeper)
		err = write_kept(r, now);
	if (err && !r->rotate.err) /* or it was said */
		dq_err("record: cannot go on: %s", dq_errname(err));
	werr = record_out_close(&r->out);
	summary(r, now);
	if (err || werr)
		return DQ_EXIT_RECORD;
	dq_live_stats(r->live, &st);
	if (r->o->strict && (st.lost || record_watch_missed(&r->watch, st.missed_returns)))
		return DQ_EXIT_INCOMPLETE;
	return r->t_failed ? DQ_EXIT_FOUND : DQ_EXIT_OK;
}

/* SIZE has a K, M or G, TIME has a unit of time: a number alone could be either. */
static int check_keep(const struct record_opts *o, struct dq_keep_opts *keep)
{
	size_t len = strlen(o->keep);
	char last = len ? o->keep[len - 1] : '\0';
	bool size = last && strchr("KMGB", last), time = last && strchr("smh", last);

	if (size && !dq_parse_size(o->keep, &keep->bytes) && keep->bytes >= KEEP_LEAST)
		return 0;
	if (time && !dq_parse_time(o->keep, &keep->ns) && keep->ns)
		return 0;
	return dq_usage_error(&dq_cmd_record,
			      "invalid value '%s' for '--keep-last': use a size with K, M or G, 64K at least, such as 64M, or a time with ms, s or m, such as 10s",
			      o->keep);
}

static int check_rotate(const struct record_opts *o, struct wanted *w)
{
	uint64_t files = 4;

	if (o->rotate_files && (dq_parse_uint(o->rotate_files, &files) || files < 2 || files > 1000))
		return dq_usage_error(&dq_cmd_record, "invalid value '%s' for '--rotate-files': use a number from 2 to 1000",
				      o->rotate_files);
	if (o->rotate_files && !o->rotate)
		return dq_usage_error(&dq_cmd_record, "'--rotate-files' needs '--rotate'");
	if (o->rotate && o->rotate < RECORD_ROTATE_LEAST)
		return dq_usage_error(&dq_cmd_record, "'--rotate' needs 256K at least");
	if (o->anonymize && o->raw)
		return dq_usage_error(&dq_cmd_record, "'--anonymize' and '--raw-addresses' exclude each other");
	if (o->rotate && o->keep)
		return dq_usage_error(&dq_cmd_record, "'--rotate' and '--keep-last' exclude each other");
	w->files = o->rotate ? (unsigned int)files : 0;
	return 0;
}

static int check_wanted(const struct record_opts *o, struct wanted *w)
{
	int ret = check_rotate(o, w);

	if (ret)
		return ret;

	if (o->inode && (dq_parse_uint(o->inode, &w->inode) || !w->inode))
		return dq_usage_error(&dq_cmd_record, "invalid inode number '%s'", o->inode);
	if (o->keep && check_keep(o, &w->keep))
		return DQ_EXIT_RECORD;
	w->pids = calloc(o->pids.n + 1, sizeof(*w->pids));
	if (!w->pids)
		return DQ_EXIT_RECORD;
	for (size_t i = 0; !ret && i < o->pids.n; i++)
		ret = check_pid(o->pids.v[i], &w->pids[i]);
	return ret;
}

static int run(void *opts_v, int argc, char **argv)
{
	struct record_opts *o = opts_v;
	struct recording r = { .o = o, .out = { .file = { .fd = -1, .dir = -1 } }, .go = -1, .sigfd = -1,
			       .argv = argc ? argv : NULL };
	struct wanted w = { 0 };
	int ret = check_wanted(o, &w);

	if (!ret)
		ret = record(&r, &w);
	record_out_close(&r.out);
	wait_for_command(&r);
	if (ret != DQ_EXIT_RECORD && r.status)
		ret = r.status;
	dq_anon_free(&r.anon);
	dq_keeper_free(&r.keeper);
	record_rotate_done(&r.rotate);
	dq_holders_free(&r.forgotten);
	record_watch_done(&r.watch);
	dq_live_free(&r.live);
	if (r.sigfd >= 0)
		close(r.sigfd);
	free(w.pids);
	return ret;
}

const struct dq_cmd dq_cmd_record = {
	.name = "record",
	.summary = "record what happens to every DMA-BUF, into a file",
	.args = "[-- CMD [ARG]...]",
	.opts = opts,
	.opts_size = sizeof(struct record_opts),
	.min_args = 0,
	.max_args = -1,
	.dashdash = true,
	.examples = "  dmaseq record -- ./camera_app      what one program and its children do\n"
		    "  dmaseq record -t 10                the whole machine, ten seconds\n"
		    "  dmaseq record --keep-last 30s --until-error   what led to a failure\n"
		    "  dmaseq record -p 812 -o cam.dmaseq a running process\n"
		    "  ssh board dmaseq record -t 5 -o - | dmaseq diagram - -o cam.svg\n",
	.run = run,
};
