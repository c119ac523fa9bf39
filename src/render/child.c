/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.c - see child.h. Forks; touches a new directory in TMPDIR or /tmp.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "render/child.h"

#define SAID_MAX 4096 /* of the messages: enough to tell what is wrong */

struct child {
	const struct dq_child *what;
	pid_t pid;
	int in, out, err; /* our ends */
	int failed;	  /* tells that it could not begin */
	unsigned int seconds;
	bool too_long, too_much; /* why it was killed */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static unsigned int seconds(void)
{
	const char *s = getenv("DMASEQ_RENDER_LIMIT");
	uint64_t n;

	if (!s || dq_parse_uint(s, &n) || !n || n > 1000000)
		return DQ_CHILD_SECONDS;
	return (unsigned int)n;
}

/* ---- the child's side ---- */

static void limit(int what, uint64_t soft, uint64_t hard)
{
	struct rlimit now, want = {soft, hard};

	/* never more than it has */
	if (getrlimit(what, &now))
		return;
	want.rlim_max = now.rlim_max < want.rlim_max ? now.rlim_max : want.rlim_max;
	want.rlim_cur = want.rlim_max < want.rlim_cur ? want.rlim_max : want.rlim_cur;
	setrlimit(what, &want);
}

static void limits(const struct child *c)
{
	limit(RLIMIT_CORE, 0, 0);
	limit(RLIMIT_CPU, c->seconds, c->seconds + 1);
	limit(RLIMIT_FSIZE, DQ_CHILD_OUTPUT, DQ_CHILD_OUTPUT);
#ifdef __SANITIZE_ADDRESS__
	/* the sanitizer's own address space is larger than any limit */
	if (!c->what->execs)
		return;
#endif
	limit(RLIMIT_AS, DQ_CHILD_MEMORY, DQ_CHILD_MEMORY);
}

static void environment(const char *dir)
{
	char cache[PATH_MAX];
	const char *home = getenv("HOME");

	/* fonts are found faster with the user's own cache of them */
	snprintf(cache, sizeof(cache), "%s/.cache", home && *home ? home : "/nonexistent");
	if (!getenv("XDG_CACHE_HOME") && !access(cache, W_OK))
		setenv("XDG_CACHE_HOME", cache, 1);
	setenv("HOME", dir, 1);
	setenv("TMPDIR", dir, 1);
	setenv("MSC_GEN_RC", dir, 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
}

/* All but the three get closed when another program begins; where none does, at once. */
static void close_others(const struct child *c, int failed)
{
	/* Linux 5.11; where it is missing, what is ours is O_CLOEXEC anyway */
	if (c->what->execs) {
		close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
		return;
	}
	if (failed > 3)
		close_range(3, (unsigned int)failed - 1, 0);
	close_range((unsigned int)failed + 1, ~0U, 0);
}

static void be_child(const struct child *c, const char *dir, int in, int out, int err, int failed)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	int e;

	/* a group of its own: what it started goes with it */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	sigaction(SIGPIPE, &dfl, NULL);
	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0) {
		environment(dir);
		limits(c); /* a sanitizer cannot allocate behind this: only exec comes */
		close_others(c, failed);
		e = c->what->run(c->what->ctx, dir);
	} else {
		e = errno;
	}
	if (e && write(failed, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(e ? 127 : 0);
}

/* ---- ours ---- */

static int start(struct child *c, const char *dir)
{
	int p[4][2] = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
	int ret = 0;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(p) && !ret; i++)
		ret = pipe2(p[i], O_CLOEXEC) ? -errno : 0;
	if (!ret) {
		c->pid = fork();
		ret = c->pid < 0 ? -errno : 0;
	}
	if (!ret && !c->pid)
		be_child(c, dir, p[0][0], p[1][1], p[2][1], p[3][1]);
	close_fd(&p[0][0]);
	close_fd(&p[1][1]);
	close_fd(&p[2][1]);
	close_fd(&p[3][1]);
	c->in = p[0][1];
	c->out = p[1][0];
	c->err = p[2][0];
	c->failed = p[3][0];
	return ret;
}

static void feed(struct child *c, const char *s, size_t len, size_t *done)
{
	ssize_t n = *done < len ? write(c->in, s + *done, len - *done) : 0;

	if (n > 0)
		*done += (size_t)n;
	if (*done >= len || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(&c->in);
}

/* False: it is more than max, and was not kept. */
static bool drain(int *fd, struct dq_sb *to, size_t max)
{
	char buf[65536];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0 && to->len < max)
		dq_sb_put(to, buf, (size_t)n < max - to->len ? (size_t)n : max - to->len);
	else if (!n || (n < 0 && errno != EINTR && errno != EAGAIN))
		close_fd(fd);
	return n <= 0 || to->len < max;
}

static void put_down(struct child *c)
{
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL); /* it may not have got as far as having a group */
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Writes the input, reads output and messages, until both are closed or it is enough. */
static int talk(struct child *c, const char *s, size_t len, struct dq_sb *out, struct dq_sb *said)
{
	int64_t end = now_ms() + c->seconds * 1000LL, left;
	size_t done = 0;

	if (fcntl(c->in, F_SETFL, O_NONBLOCK))
		return -errno;
	while (c->out >= 0 || c->err >= 0) {
		struct pollfd p[] = {{c->in, POLLOUT, 0}, {c->out, POLLIN, 0}, {c->err, POLLIN, 0}};

		left = end - now_ms();
		c->too_long = left <= 0;
		if (c->too_long || c->too_much || out->err)
			break;
		if (poll(p, DQ_ARRAY_SIZE(p), left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents)
			feed(c, s, len, &done);
		if (p[1].revents)
			c->too_much = !drain(&c->out, out, DQ_CHILD_OUTPUT);
		if (p[2].revents)
			drain(&c->err, said, SAID_MAX);
	}
	return out->err ? out->err : said->err;
}

static int tell(char **ret_err, struct dq_sb *sb, int err)
{
	if (ret_err && !sb->err)
		*ret_err = sb->s;
	else
		dq_sb_free(sb);
	return err;
}

/* It has ended: how? */
static int judge(const struct child *c, int status, char **ret_err)
{
	struct dq_sb sb = {0};
	int e = 0, err = -EIO;

	/* its end is closed, or it was killed: this does not block */
	if (!c->too_long && !c->too_much && read(c->failed, &e, sizeof(e)) == (ssize_t)sizeof(e))
		return e > 0 ? -e : -EIO;
	if (c->too_long || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
		dq_sb_printf(
			&sb,
			"%s took longer than %u s and was ended (DMASEQ_RENDER_LIMIT is that limit)",
			c->what->name, c->seconds);
	else if (c->too_much)
		dq_sb_printf(&sb, "%s gave more than %u MB and was ended", c->what->name,
			     (unsigned int)(DQ_CHILD_OUTPUT >> 20));
	else if (WIFSIGNALED(status)) {
		dq_sb_printf(&sb, "%s was killed by signal %d", c->what->name, WTERMSIG(status));
		err = -EFAULT;
	} else
		return 0;
	return tell(ret_err, &sb, err);
}

static int finish(struct child *c, int err, char **ret_err)
{
	int status = 0, verdict;

	close_fd(&c->in);
	close_fd(&c->out);
	close_fd(&c->err);
	if (c->pid <= 0)
		return err;
	if (err || c->too_long || c->too_much)
		put_down(c);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* what it left behind, if anything: a group is gone when its last process is */
	kill(-c->pid, SIGKILL);
	verdict = err ? err : judge(c, status, ret_err);
	close_fd(&c->failed);
	return verdict;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

int dq_child_run(const struct dq_child *what, const char *in, size_t len, struct dq_sb *out,
		 struct dq_sb *said, char **ret_err)
{
	struct sigaction ign = {.sa_handler = SIG_IGN}, old;
	struct child c = {.what = what,
			  .pid = -1,
			  .in = -1,
			  .out = -1,
			  .err = -1,
			  .failed = -1,
			  .seconds = seconds()};
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX];
	int ret;

	*ret_err = NULL;
	snprintf(dir, sizeof(dir), "%s/dmaseq-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -errno;
	sigaction(SIGPIPE, &ign, &old); /* it may stop reading */
	ret = start(&c, dir);
	if (!ret)
		ret = talk(&c, in, len, out, said);
	ret = finish(&c, ret, ret_err);
	sigaction(SIGPIPE, &old, NULL);
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return ret;
}
