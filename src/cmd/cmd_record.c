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
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../live/live.h"
#include "../trace/trace.h"
#include "../util/util.h"
#include "cmd.h"

#define DEFAULT_FILE "trace.dmaseq"
#define TICK_MS	     20		/* how often the ring is looked at */
#define FLUSH_NS     1000000000ULL /* what a kill -9 can cost */

struct record_opts {
	const char *out;
	struct dq_strs pids;
	const char *comm, *exporter, *device, *inode, *btf, *ready_file;
	uint64_t time, ring, min_size;
	int attach;
	bool all, force, strict, raw, stacks;
};

#define OFF(f) offsetof(struct record_opts, f)

static const struct dq_opt opts[] = {
	{ "output", 'o', "FILE", DQ_OPT_STR, OFF(out), NULL,
	  "write the trace to FILE, '-' for stdout (default: " DEFAULT_FILE ")", NULL, false },
	{ "force", 'f', NULL, DQ_OPT_FLAG, OFF(force), NULL, "overwrite an existing file", NULL,
	  false },
	{ "time", 't', "TIME", DQ_OPT_TIME, OFF(time), NULL,
	  "stop after TIME (10, 1.5s, 300ms, 2m)", NULL, false },
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
	{ "ready-file", 0, "FILE", DQ_OPT_STR, OFF(ready_file), "How",
	  "create FILE when everything is armed", NULL, true },
	{ .name = NULL },
};

struct recording {
	const struct record_opts *o;
	struct dq_live *live;
	struct dq_writer *writer;
	struct dq_sink sink;
	int out;		/* -1: not open */
	const char *path;
	bool regular, existed;
	char **argv;		/* the command, NULL: none */
	pid_t child;
	int go;			/* write end of the pipe that holds the child */
	int status;		/* of the child, once it ended */
	bool child_ended;
	int sigfd;
	uint64_t t0, t_flush;
	char reason[128];
	unsigned int signals;	/* that came while the command ran */
	bool stop;
	bool began;		/* there is a recording in the file */
	sigset_t old_mask;
};

static uint64_t mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the output file ----------------------------------------------------------------- */

static int open_output(struct recording *r)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (r->o->force ? 0 : O_EXCL);
	struct stat st;

	r->path = r->o->out ? r->o->out : DEFAULT_FILE;
	if (!strcmp(r->path, "-")) {
		if (isatty(STDOUT_FILENO)) {
			dq_err("record: refusing to write a binary trace to a terminal. Try: dmaseq record -o FILE");
			return -EINVAL;
		}
		r->path = "stdout";
		r->out = dup(STDOUT_FILENO);
		return r->out < 0 ? -errno : 0;
	}
	/* what is no regular file cannot be overwritten: /dev/null, a fifo */
	r->existed = !stat(r->path, &st);
	if (r->existed && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		flags &= ~O_EXCL;
	r->out = open(r->path, flags, 0644);
	if (r->out >= 0) {
		r->regular = !fstat(r->out, &st) && S_ISREG(st.st_mode);
		return 0;
	}
	if (errno == EEXIST)
		dq_err("record: %s exists. Try: dmaseq record --force, or another file with -o",
		       r->path);
	else
		dq_err("record: cannot create %s: %s. Try: dmaseq record -o FILE in a directory that you may write to",
		       r->path, dq_errname(errno));
	return -EEXIST;
}

static void boot_id(uint8_t id[16])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	int n = 0, c, digit = 0;

	memset(id, 0, 16);
	while (f && n < 32 && (c = fgetc(f)) != EOF) {
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else
			continue;
		id[n / 2] |= digit << (n % 2 ? 0 : 4);
		n++;
	}
	if (f)
		fclose(f);
}

static int open_writer(struct recording *r)
{
	struct dq_writer_opts wo = { 0 };
	struct timespec ts;
	int err;

	boot_id(wo.boot_id);
	clock_gettime(CLOCK_REALTIME, &ts);
	wo.mono = mono();
	wo.real = (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	/* --force: only now is the old trace worth less than the new one */
	err = r->regular && ftruncate(r->out, 0) ? -errno : 0;
	if (!err)
		err = dq_writer_new(&r->writer, r->out, &wo);
	if (err)
		dq_err("record: cannot write %s: %s", r->path, dq_errname(err));
	else
		r->sink = dq_writer_sink(r->writer);
	return err;
}

/* ---- the traced command --------------------------------------------------------------- */

static void run_child(struct recording *r, int go)
{
	char c;

	sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
	/* an end of file instead of a byte: the recorder gave up */
	if (read(go, &c, 1) != 1)
		_exit(DQ_EXIT_RECORD);
	execvp(r->argv[0], r->argv);
	dq_err("record: cannot run %s: %s", r->argv[0], dq_errname(errno));
	_exit(errno == ENOENT ? DQ_EXIT_NOCMD : DQ_EXIT_NOEXEC);
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

static void child_ended(struct recording *r)
{
	int st;

	if (r->child_ended || r->child <= 0 || waitpid(r->child, &st, WNOHANG) != r->child)
		return;
	r->child_ended = true;
	r->stop = true;
	if (WIFSIGNALED(st)) {
		r->status = 128 + WTERMSIG(st);
		snprintf(r->reason, sizeof(r->reason), "command killed by signal %d", WTERMSIG(st));
	} else {
		r->status = WEXITSTATUS(st);
		snprintf(r->reason, sizeof(r->reason), "command exited with status %d", r->status);
	}
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int block_signals(struct recording *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, &r->old_mask))
		return -errno;
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of write() */
	r->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->sigfd < 0 ? -errno : 0;
}

static void on_signal(struct recording *r)
{
	struct signalfd_siginfo si;

	while (read(r->sigfd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD) {
			child_ended(r);
			continue;
		}
		/* The recording ends when the command does, so that its end is in it. A ^C goes to
		 * the command as well; what was sent to us alone is passed on. The second signal
		 * ends the recording whatever the command does. */
		if (r->child > 0 && !r->child_ended && !r->signals++) {
			if (si.ssi_code != SI_KERNEL)
				kill(r->child, si.ssi_signo);
			continue;
		}
		r->stop = true;
		snprintf(r->reason, sizeof(r->reason), "SIG%s", sigabbrev_np(si.ssi_signo));
	}
}

static void progress(const struct recording *r, uint64_t now)
{
	struct dq_live_stats st;
	char dur[24];

	if (dq_common.quiet || !isatty(STDERR_FILENO))
		return;
	dq_live_stats(r->live, &st);
	fprintf(stderr, "\rdmaseq: %" PRIu64 " calls, %" PRIu64 " buffers, %s, %" PRIu64 " lost\033[K",
		st.calls, st.buffers, dq_fmt_dur(dur, (now - r->t0) / 1000000000 * 1000000000), st.lost);
	fflush(stderr);
}

static int loop(struct recording *r)
{
	uint64_t end = r->o->time == DQ_TIME_UNSET ? UINT64_MAX : r->t0 + r->o->time, now;
	struct pollfd p[2] = { { .fd = r->sigfd, .events = POLLIN },
			       { .fd = dq_live_epoll_fd(r->live), .events = POLLIN } };
	int err = 0;

	while (!r->stop && !err) {
		if (poll(p, 2, TICK_MS) > 0 && p[0].revents)
			on_signal(r);
		err = dq_live_poll(r->live, 0);
		now = mono();
		if (!err && now - r->t_flush >= FLUSH_NS) {
			r->t_flush = now;
			err = dq_writer_flush(r->writer);
			progress(r, now);
		}
		if (now >= end && !r->stop) {
			r->stop = true;
			snprintf(r->reason, sizeof(r->reason), "time is up");
		}
	}
	return err;
}

static int touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
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

/* What was asked for, beside the options as they are. */
struct wanted {
	uint32_t *pids;
	uint64_t inode;
};

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
	};
	int err = dq_live_new(&r->live, &lo);

	if (!err)
		err = dq_live_check(r->live);
	/* Before the seconds that loading takes: a file that cannot be written is known at once. */
	if (!err && open_output(r))
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
	return dq_writer_put(r->writer, &it);
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

static int start(struct recording *r)
{
	int err = put_meta(r, "version", dq_version);

	if (!err)
		err = put_cmdline(r);
	if (!err)
		err = dq_live_start(r->live, &r->sink);
	if (err) {
		dq_err("record: cannot write %s: %s", r->path, dq_errname(err));
		return err;
	}
	r->t0 = r->t_flush = mono();
	if (r->argv && !r->o->all) {
		err = dq_live_add_pid(r->live, r->child);
		if (err) {
			dq_err("record: %s", dq_live_error(r->live));
			return err;
		}
	}
	if (r->child > 0 && write(r->go, "", 1) != 1)
		return -errno;
	if (r->o->ready_file) {
		err = touch(r->o->ready_file);
		if (err)
			dq_err("record: cannot create %s: %s", r->o->ready_file, dq_errname(err));
	}
	if (!r->argv && !err && !dq_common.quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "dmaseq: recording to %s; ^C ends it\n", r->path);
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

static void summary(const struct recording *r, uint64_t now)
{
	struct dq_live_stats st;
	char dur[24], size[16];

	dq_live_stats(r->live, &st);
	if (st.lost)
		dq_warn("record: %" PRIu64 " events were lost, the trace says where. Try: dmaseq record --ring 64M",
			st.lost);
	if (st.missed_returns)
		dq_warn("record: %" PRIu64 " returns were missed: those calls have no result",
			st.missed_returns);
	if (dq_common.quiet)
		return;
	fprintf(stderr,
		"%sdmaseq: %" PRIu64 " calls, %" PRIu64 " buffers, %s, %s, %s -> %s\n",
		isatty(STDERR_FILENO) ? "\r\033[K" : "", st.calls, st.buffers,
		dq_fmt_dur(dur, now - r->t0), st.lost ? "with losses" : "no losses",
		dq_fmt_size(size, dq_writer_bytes(r->writer)), r->path);
}

/* The disk is full or the reader is gone: what is written stays readable to its last whole chunk. */
static void write_failed(struct recording *r, int err)
{
	if (err == -ENOSPC || err == -EDQUOT)
		dq_err("record: cannot write %s: %s: the disk is full; the trace ends here. Try: df -h %s",
		       r->path, dq_errname(err), r->regular ? r->path : ".");
	else if (err == -EPIPE)
		dq_err("record: cannot write %s: EPIPE: the reader went away; the trace ends here",
		       r->path);
	else
		dq_err("record: cannot write %s: %s; the trace ends here", r->path, dq_errname(err));
}

static int record(struct recording *r, const struct wanted *w)
{
	struct dq_live_stats st;
	int err, werr;

	err = block_signals(r);
	if (!err && r->argv)
		err = fork_child(r);
	if (err) {
		dq_err("record: cannot start: %s", dq_errname(err));
		return DQ_EXIT_RECORD;
	}
	if (prepare(r, w))
		return DQ_EXIT_RECORD;
	warn_hooks(r);
	if (open_writer(r) || start(r))
		return DQ_EXIT_RECORD;
	r->began = true;
	err = loop(r);
	werr = dq_live_stop(r->live, r->reason);
	if (!err)
		err = werr;
	if (err)
		write_failed(r, err);
	summary(r, mono());
	if (err && r->child > 0 && !r->child_ended)
		waitpid(r->child, NULL, 0); /* it is in the foreground of our shell */
	if (err)
		return DQ_EXIT_RECORD;
	dq_live_stats(r->live, &st);
	if (r->child > 0 && r->status)
		return r->status;
	return r->o->strict && (st.lost || st.missed_returns) ? DQ_EXIT_INCOMPLETE : DQ_EXIT_OK;
}

static int check_wanted(const struct record_opts *o, struct wanted *w)
{
	int ret = 0;

	if (o->inode && (dq_parse_uint(o->inode, &w->inode) || !w->inode))
		return dq_usage_error(&dq_cmd_record, "invalid inode number '%s'", o->inode);
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
	struct recording r = { .o = o, .out = -1, .go = -1, .sigfd = -1,
			       .argv = argc ? argv : NULL };
	struct wanted w = { 0 };
	int ret = check_wanted(o, &w), werr = 0;

	if (!ret)
		ret = record(&r, &w);
	if (r.go >= 0)
		close(r.go);
	if (r.writer)
		werr = dq_writer_close(&r.writer);
	if (r.out >= 0 && close(r.out) && !werr)
		werr = -errno;
	if (r.out >= 0 && r.regular && !r.began && !r.existed)
		unlink(r.path); /* an empty file of ours would be in the way of the next try */
	if (werr && ret == DQ_EXIT_OK) {
		write_failed(&r, werr);
		ret = DQ_EXIT_RECORD;
	}
	if (r.child > 0 && !r.child_ended && ret == DQ_EXIT_RECORD)
		waitpid(r.child, NULL, 0);
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
		    "  dmaseq record -p 812 -o cam.dmaseq a running process\n"
		    "  ssh board dmaseq record -t 5 -o - | dmaseq diagram - -o cam.svg\n",
	.run = run,
};
