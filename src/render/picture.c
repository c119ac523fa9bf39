/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture.c - chart sources into pictures, by the real Msc-generator.
 *
 * Starts msc-gen from PATH, without a shell: the source goes into its stdin, the
 * picture comes out of its stdout. Its exit status says nothing (it is 0 for syntax
 * errors), so what counts is: nothing on stderr, and a picture. A private, empty HOME
 * keeps a user's chart library out of the result. Knows nothing of stories.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "render/render.h"

#define SAID_MAX 4096	/* of the messages: enough to tell what is wrong */

struct child {
	pid_t pid;
	int in, out, err;	/* our ends */
	int failed;		/* tells a failed exec */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static const char *env_or(const char *name, const char *other)
{
	const char *v = getenv(name);

	return v && *v ? v : other;
}

/* In the child: everything is set up, become msc-gen. Only returns when that fails. */
static void become_msc_gen(const char *format, const char *home)
{
	const char *argv[] = { "msc-gen", "-q", "--nopaths", "--nocopyright", "-S", "signalling",
			       "-T", format, "-o", "-", "-", NULL };
	char cache[PATH_MAX];

	/* fonts are found faster with the user's own cache of them */
	snprintf(cache, sizeof(cache), "%s/.cache", env_or("HOME", "/nonexistent"));
	if (!getenv("XDG_CACHE_HOME") && !access(cache, W_OK))
		setenv("XDG_CACHE_HOME", cache, 1);
	setenv("HOME", home, 1);
	setenv("MSC_GEN_RC", home, 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	execvp(argv[0], (char *const *)argv);
}

static void run_child(const char *format, const char *home, int in, int out, int err, int failed)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	int e;

	sigaction(SIGPIPE, &dfl, NULL);
	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0)
		become_msc_gen(format, home);
	e = errno;
	if (write(failed, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

static int start(struct child *c, const char *format, const char *home)
{
	int p[4][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int ret = 0;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(p) && !ret; i++)
		ret = pipe2(p[i], O_CLOEXEC) ? -errno : 0;
	if (!ret) {
		c->pid = fork();
		ret = c->pid < 0 ? -errno : 0;
	}
	if (!ret && !c->pid)
		run_child(format, home, p[0][0], p[1][1], p[2][1], p[3][1]);
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

static void drain(int *fd, struct dq_sb *to, size_t max)
{
	char buf[65536];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0 && to->len < max)
		dq_sb_put(to, buf, (size_t)n < max - to->len ? (size_t)n : max - to->len);
	else if (!n || (n < 0 && errno != EINTR && errno != EAGAIN))
		close_fd(fd);
}

/* Writes the source, reads picture and messages, until msc-gen has closed both. */
static int talk(struct child *c, const char *s, size_t len, struct dq_sb *out, struct dq_sb *said)
{
	size_t done = 0;

	if (fcntl(c->in, F_SETFL, O_NONBLOCK))
		return -errno;
	while (c->out >= 0 || c->err >= 0) {
		struct pollfd p[] = { { c->in, POLLOUT, 0 }, { c->out, POLLIN, 0 },
				      { c->err, POLLIN, 0 } };

		if (poll(p, DQ_ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents)
			feed(c, s, len, &done);
		if (p[1].revents)
			drain(&c->out, out, SIZE_MAX);
		if (p[2].revents)
			drain(&c->err, said, SAID_MAX);
	}
	return out->err ? out->err : said->err;
}

/* The first complaint, without the name of the input in front. */
static int complain(const struct dq_sb *said, int status, char **ret_err)
{
	const char *s = dq_sb_str(said);
	struct dq_sb sb = { 0 };

	dq_sb_puts(&sb, "msc-gen could not draw the chart: ");
	if (*s)
		dq_sb_visible(&sb, s, strcspn(s, "\n"), 300);
	else if (WIFSIGNALED(status))
		dq_sb_printf(&sb, "it was killed by signal %d", WTERMSIG(status));
	else
		dq_sb_puts(&sb, "it gave no picture and said nothing (is the chart too high for "
				"a PNG? try SVG, or fewer arrows)");
	if (ret_err && !sb.err)
		*ret_err = sb.s;
	else
		dq_sb_free(&sb);
	return -EIO;
}

static int judge(struct child *c, const struct dq_sb *out, const struct dq_sb *said, char **ret_err)
{
	int status = 0, e = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (read(c->failed, &e, sizeof(e)) == (ssize_t)sizeof(e))
		return e == EACCES || e == ENOTDIR ? -ENOENT : -e;
	if (said->len || !out->len || WIFSIGNALED(status))
		return complain(said, status, ret_err);
	return 0;
}

int dq_picture_msc(struct dq_sb *out, const char *format, const char *source, size_t len,
		   char **ret_err)
{
	struct sigaction ign = { .sa_handler = SIG_IGN }, old;
	struct child c = { .pid = -1, .in = -1, .out = -1, .err = -1, .failed = -1 };
	struct dq_sb said = { 0 };
	char home[PATH_MAX];
	int ret;

	if (ret_err)
		*ret_err = NULL;
	snprintf(home, sizeof(home), "%s/dmaseq-XXXXXX", env_or("TMPDIR", "/tmp"));
	if (!mkdtemp(home))
		return -errno;
	sigaction(SIGPIPE, &ign, &old);	/* it may stop reading */
	ret = start(&c, format, home);
	if (!ret)
		ret = talk(&c, source, len, out, &said);
	close_fd(&c.in);
	close_fd(&c.out);
	close_fd(&c.err);
	if (c.pid > 0) {
		int verdict = judge(&c, out, &said, ret_err);

		ret = ret ? ret : verdict;
	}
	close_fd(&c.failed);
	sigaction(SIGPIPE, &old, NULL);
	dq_sb_free(&said);
	rmdir(home);
	return ret;
}
