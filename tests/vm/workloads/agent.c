// SPDX-License-Identifier: BSD-2-Clause
/*
 * Agents.  The first half of this file is what runs in them, the second half
 * is the driver's: orders, and the book of who holds what.  agent.h says what
 * each order does.
 */
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "account.h"
#include "drm_abi.h"
#include "stories.h"

#define PAGE		4096
#define NBUFS		32
#define NSCM		4
/* The sockets: of agent n, its end and the driver's; the two for everybody. */
#define ORDERS(n)	(100 + (n))
#define DRIVER(n)	(120 + (n))
#define SENDER		140
#define RECEIVER	141
#define POSTED		142	/* and the next */

enum op {
	OP_EXPORT, OP_NAME, OP_DUP, OP_THREAD_DUP, OP_DUP2, OP_DUP3, OP_DUPFD,
	OP_DUPFD_CLOEXEC, OP_OPEN_NULL, OP_CLOSE, OP_CLOSE_RANGE, OP_UNSHARE,
	OP_SEND, OP_RECEIVE, OP_POST, OP_UNPOST, OP_GETFD, OP_MMAP, OP_MUNMAP,
	OP_MREMAP, OP_FORK, OP_EXEC, OP_EXIT, OP_IMPORT, OP_DROP,
	OP_EXPORT_HANDLE,
};

static const char *const op_names[] = {
	"export", "SET_NAME", "dup", "dup in a thread", "dup2", "dup3", "F_DUPFD",
	"F_DUPFD_CLOEXEC", "dup2 of /dev/null", "close", "close_range", "unshare",
	"sendmsg", "recvmsg", "sendmsg to itself", "close of the socket",
	"pidfd_getfd", "mmap", "munmap", "mremap", "fork", "exec", "exit", "import",
	"GEM_CLOSE", "export by a handle",
};

struct order {
	enum op op;
	long a[4];
	char name[32];
};

struct answer {
	long ret;
	int err;
	pid_t pid;
	unsigned long ino;	/* EXPORT */
	long more[NSCM];	/* RECEIVE: descriptors; EXPORT_HANDLE: the fd;
				 * MMAP: mappings of buffers that there are more */
};

/* ---- in the agent -------------------------------------------------------- */

static void run(int n) __attribute__((noreturn));

struct thread_dup {
	long fd;	/* the new one afterwards */
	pid_t tid;
};

static void *thread_dup(void *arg)
{
	struct thread_dup *d = arg;

	d->tid = gettid();
	d->fd = dup(d->fd);
	return NULL;
}

static long do_thread_dup(long fd)
{
	struct thread_dup d = { .fd = fd };
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_dup, &d))
		return -1;
	pthread_join(thread, NULL);
	/*
	 * The kernel lets a thread be joined before that has given back its table of descriptors
	 * (exit_mm() comes before exit_files()): would the agent exit first, the thread closed them.
	 */
	while (!syscall(SYS_tgkill, getpid(), d.tid, 0))
		sched_yield();
	return d.fd;
}

static long do_open_null(int at)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), ret;

	ret = dup2(fd, at);
	close(fd);
	return ret;
}

static long do_post(int fd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || dup2(pair[0], POSTED) < 0 ||
	    dup2(pair[1], POSTED + 1) < 0)
		return -1;
	close(pair[0]);
	close(pair[1]);
	dq_send_fds(POSTED, &fd, 1);
	return 0;
}

static long do_getfd(pid_t pid, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), ret;

	ret = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	close(pidfd);
	return ret;
}

static void count_map(void *ctx, unsigned long ino)
{
	(void)ino;
	++*(long *)ctx;
}

static void no_fd(void *ctx, unsigned long ino, int number)
{
	(void)ctx;
	(void)ino;
	(void)number;
}

/*
 * vgem of 5.10 puts its own file in the place of the buffer's: then the mapping
 * does not hold the buffer.
 */
static long do_mmap(const struct dq_buf *buf, struct answer *answer)
{
	long before = 0, after = 0;
	void *p;

	dq_scan(getpid(), no_fd, count_map, &before);
	p = dq_mmap(buf);
	dq_scan(getpid(), no_fd, count_map, &after);
	answer->more[0] = after - before;
	return (long)p;
}

/* Somewhere else, as far as the kernel is concerned for no reason. */
static long do_mremap(long where)
{
	void *to = mmap(NULL, DQ_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (to == MAP_FAILED)
		return -1;
	return (long)mremap((void *)where, DQ_SIZE, DQ_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

/*
 * The child answers for itself that it is there.  A parent that used vfork
 * goes on when the child has executed or ended, and answers only then.
 */
static long do_fork(enum dq_fork how, int n)
{
	pid_t pid;

	switch (how) {
	case DQ_FORK:
		pid = fork();
		break;
	case DQ_SHARE_FILES:
		pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
		break;
	default:
		pid = vfork();
		break;
	}
	/* run() does not return, so what vfork shares stays as it is. */
	if (!pid)
		run(n);
	return pid;
}

static long do_exec(int n)
{
	char number[8];
	char *argv[] = { "dqload", "agent", number, NULL };

	snprintf(number, sizeof(number), "%d", n);
	return execv("/proc/self/exe", argv);
}

static long do_import(int fd)
{
	struct dq_buf buf = { .fd = fd };

	return dq_vgem_import(&buf);
}

static long do_export_handle(struct answer *answer)
{
	struct drm_prime_handle prime = { 0 };

	prime.handle = dq_dumb(dq_drm("vgem"), 1024, DQ_SIZE / 4096);
	prime.flags = O_CLOEXEC | O_RDWR;
	dq_ioctl(dq_drm("vgem"), DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime,
		 "DRM_IOCTL_PRIME_HANDLE_TO_FD");
	answer->more[0] = prime.fd;
	answer->ino = dq_inode(prime.fd);
	return prime.handle;
}

static long do_export(enum dq_exporter exporter, int n, struct answer *answer)
{
	struct dq_buf buf;

	dq_export(&buf, exporter, n);
	answer->ino = dq_inode(buf.fd);
	return buf.fd;
}

static long do_receive(bool peek, int n, struct answer *answer)
{
	int fds[NSCM], i;

	dq_receive_fds(RECEIVER, fds, n, peek ? MSG_PEEK : 0);
	for (i = 0; i < n; i++)
		answer->more[i] = fds[i];
	return 0;
}

static long do_send(const struct order *o)
{
	int fds[NSCM], i;

	for (i = 0; i < o->a[0]; i++)
		fds[i] = o->a[i + 1];
	dq_send_fds(SENDER, fds, o->a[0]);
	return 0;
}

static long obey(const struct order *o, struct answer *answer)
{
	const struct dq_buf buf = { .fd = o->a[0], .size = DQ_SIZE };

	switch (o->op) {
	case OP_EXPORT:
		return do_export(o->a[0], o->a[1], answer);
	case OP_NAME:
		dq_set_name(&buf, o->name, 0);
		return 0;
	case OP_DUP:
		return dup(o->a[0]);
	case OP_THREAD_DUP:
		return do_thread_dup(o->a[0]);
	case OP_DUP2:
		return dup2(o->a[0], o->a[1]);
	case OP_DUP3:
		return dup3(o->a[0], o->a[1], O_CLOEXEC);
	case OP_DUPFD:
		return fcntl(o->a[0], F_DUPFD, (int)o->a[1]);
	case OP_DUPFD_CLOEXEC:
		return fcntl(o->a[0], F_DUPFD_CLOEXEC, (int)o->a[1]);
	case OP_OPEN_NULL:
		return do_open_null(o->a[0]);
	case OP_CLOSE:
		return close(o->a[0]);
	case OP_CLOSE_RANGE:
		return syscall(SYS_close_range, (unsigned int)o->a[0],
			       (unsigned int)o->a[1], (unsigned int)o->a[2]);
	case OP_UNSHARE:
		return unshare(CLONE_FILES);
	case OP_SEND:
		return do_send(o);
	case OP_RECEIVE:
		return do_receive(o->a[0], o->a[1], answer);
	case OP_POST:
		return do_post(o->a[0]);
	case OP_UNPOST:
		close(POSTED + 1);
		return close(POSTED);
	case OP_GETFD:
		return do_getfd(o->a[0], o->a[1]);
	case OP_MMAP:
		return do_mmap(&buf, answer);
	case OP_MUNMAP:
		return munmap((char *)o->a[0] + o->a[1] * PAGE, o->a[2] * PAGE);
	case OP_MREMAP:
		return do_mremap(o->a[0]);
	case OP_FORK:
		return do_fork(o->a[0], o->a[1]);
	case OP_IMPORT:
		return do_import(o->a[0]);
	case OP_DROP:
		dq_vgem_release(o->a[0]);
		return 0;
	case OP_EXPORT_HANDLE:
		return do_export_handle(answer);
	case OP_EXEC:
		return do_exec(o->a[0]);
	case OP_EXIT:
		_exit(0);
	}
	return 0;
}

static void answer_with(int n, const struct answer *answer)
{
	if (send(ORDERS(n), answer, sizeof(*answer), 0) != sizeof(*answer))
		dq_die("an agent cannot answer: %s", strerrorname_np(errno));
}

/* Says first that it is there. */
static void run(int n)
{
	struct answer answer = { .pid = getpid() };
	struct order o;

	answer_with(n, &answer);
	for (;;) {
		/* Nothing when the driver has died. */
		if (recv(ORDERS(n), &o, sizeof(o), 0) != sizeof(o))
			_exit(1);
		memset(&answer, 0, sizeof(answer));
		answer.ret = obey(&o, &answer);
		answer.err = errno;
		answer.pid = getpid();
		answer_with(n, &answer);
	}
}

int agent_main(int n)
{
	run(n);
}

/* ---- the driver's book --------------------------------------------------- */

struct slot {
	int buf;		/* 0: not a buffer's */
	bool cloexec;
};

struct table {
	int users;
	struct slot fd[DQ_NFD];
};

struct mm {
	int users;
	int maps[NBUFS];
};

struct dq_agent {
	int n;
	pid_t pid;
	pid_t comrade;		/* agent that waits for it in vfork, 0: none */
	struct table *table;
	struct mm *mm;
};

static struct dq_agent agents[DQ_NAGENTS];
static struct table tables[DQ_NAGENTS];
static struct mm mms[DQ_NAGENTS];

static struct buffer {
	unsigned long ino;
	int flight, attached, unexplained;
	bool elsewhere;		/* its mappings are another file's */
	bool gone;
} bufs[NBUFS];
static int nbufs;

/* Messages that are under way through the sockets of everybody. */
static struct {
	int n;
	int buf[NSCM];
} message;
static int posted;

static struct table *new_table(void)
{
	int i;

	for (i = 0; i < DQ_NAGENTS; i++) {
		if (tables[i].users)
			continue;
		memset(&tables[i], 0, sizeof(tables[i]));
		tables[i].users = 1;
		return &tables[i];
	}
	dq_die("no table is free");
}

static struct mm *new_mm(void)
{
	int i;

	for (i = 0; i < DQ_NAGENTS; i++) {
		if (mms[i].users)
			continue;
		memset(&mms[i], 0, sizeof(mms[i]));
		mms[i].users = 1;
		return &mms[i];
	}
	dq_die("no mm is free");
}

static struct table *copy_table(const struct table *from)
{
	struct table *t = new_table();

	memcpy(t->fd, from->fd, sizeof(t->fd));
	return t;
}

static void book_open(struct dq_agent *a, int fd, int buf, bool cloexec)
{
	if (fd < 0 || fd >= DQ_NFD)
		dq_die("fd %d is beyond what the story allows", fd);
	a->table->fd[fd].buf = buf;
	a->table->fd[fd].cloexec = cloexec;
}

static void book_close(struct table *t, int fd)
{
	if (t->fd[fd].buf)
		dq_expect("fd_close", 1);
	t->fd[fd].buf = 0;
}

static void leave_table(struct dq_agent *a)
{
	int fd;

	if (!--a->table->users)
		for (fd = 0; fd < DQ_NFD; fd++)
			book_close(a->table, fd);
	a->table = NULL;
}

static int buf_of(const struct dq_agent *a, int fd)
{
	int buf = fd >= 0 && fd < DQ_NFD ? a->table->fd[fd].buf : 0;

	if (!buf)
		dq_die("fd %d of agent %d is no buffer's", fd, a->n);
	return buf;
}

static int new_buf(unsigned long ino)
{
	if (++nbufs >= NBUFS)
		dq_die("too many buffers");
	bufs[nbufs].ino = ino;
	dq_expect("dma_buf_export", 1);
	dq_expect("dma_buf_file_release", 1);
	dq_expect("dma_buf_release", 1);
	dq_expect("fd_install", 1);
	return nbufs;
}

/* ---- orders --------------------------------------------------------------- */

static void hear(const struct dq_agent *a, const char *what, struct answer *answer)
{
	if (recv(DRIVER(a->n), answer, sizeof(*answer), 0) != sizeof(*answer))
		dq_die("no answer from agent %d to %s: %s", a->n, what,
		       strerrorname_np(errno));
}

static void order(const struct dq_agent *a, const struct order *o)
{
	if (send(DRIVER(a->n), o, sizeof(*o), 0) != sizeof(*o))
		dq_die("agent %d cannot be told: %s", a->n, strerrorname_np(errno));
}

static struct answer tell(const struct dq_agent *a, const struct order *o)
{
	struct answer answer;

	order(a, o);
	hear(a, op_names[o->op], &answer);
	/* Addresses look negative on 32 bits, but nothing is mapped in the last page. */
	if (answer.ret < 0 && answer.ret > -PAGE)
		dq_die("%s of agent %d failed: %s", op_names[o->op], a->n,
		       strerrorname_np(answer.err));
	return answer;
}

static long tell3(const struct dq_agent *a, enum op op, long a0, long a1, long a2)
{
	struct order o = { .op = op, .a = { a0, a1, a2 } };

	return tell(a, &o).ret;
}

static void place(int fd, int at)
{
	if (dup2(fd, at) < 0)
		dq_die("dup2 failed: %s", strerrorname_np(errno));
	close(fd);
}

/* All sockets of all agents, before there is any of them. */
static void prepare(void)
{
	struct timeval limit = { .tv_sec = 60 };
	static bool ready;
	int pair[2], n;

	if (ready)
		return;
	ready = true;
	for (n = 0; n < DQ_NAGENTS; n++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
			dq_die("socketpair failed: %s", strerrorname_np(errno));
		place(pair[0], ORDERS(n));
		place(pair[1], DRIVER(n));
		fcntl(DRIVER(n), F_SETFD, FD_CLOEXEC);
		setsockopt(DRIVER(n), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		dq_die("socketpair failed: %s", strerrorname_np(errno));
	place(pair[0], SENDER);
	place(pair[1], RECEIVER);
	setsockopt(RECEIVER, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static struct dq_agent *free_agent(void)
{
	int n;

	prepare();
	for (n = 0; n < DQ_NAGENTS; n++) {
		if (!agents[n].pid) {
			memset(&agents[n], 0, sizeof(agents[n]));
			agents[n].n = n;
			return &agents[n];
		}
	}
	dq_die("no agent is free");
}

static void greet(struct dq_agent *a)
{
	struct answer answer;

	hear(a, "its birth", &answer);
	a->pid = answer.pid;
}

struct dq_agent *dq_spawn(void)
{
	struct dq_agent *a = free_agent();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		dq_die("fork failed: %s", strerrorname_np(errno));
	if (!pid) {
		if (close_range(DRIVER(0), DRIVER(DQ_NAGENTS - 1), 0))
			dq_die("close_range failed: %s", strerrorname_np(errno));
		run(a->n);
	}
	greet(a);
	a->table = new_table();
	a->mm = new_mm();
	return a;
}

struct dq_agent *dq_tell_fork(struct dq_agent *a, enum dq_fork how)
{
	struct dq_agent *child = free_agent();
	struct order o = { .op = OP_FORK, .a = { how, child->n } };

	if (how == DQ_VFORK) {
		order(a, &o);
		child->comrade = a->n + 1;
	} else {
		tell(a, &o);
	}
	greet(child);
	if (how == DQ_SHARE_FILES) {
		child->table = a->table;
		a->table->users++;
	} else {
		child->table = copy_table(a->table);
	}
	if (how == DQ_VFORK) {
		child->mm = a->mm;
		a->mm->users++;
	} else {
		child->mm = new_mm();
		memcpy(child->mm->maps, a->mm->maps, sizeof(child->mm->maps));
	}
	return child;
}

/* The parent that waited in vfork goes on, and says so. */
static void end_of_vfork(struct dq_agent *a)
{
	struct answer answer;

	if (a->comrade)
		hear(&agents[a->comrade - 1], "vfork", &answer);
	a->comrade = 0;
}

void dq_tell_exec(struct dq_agent *a)
{
	struct order o = { .op = OP_EXEC, .a = { a->n } };
	struct table *old = a->table;
	int fd;

	order(a, &o);
	greet(a);
	end_of_vfork(a);
	a->mm->users--;
	a->mm = new_mm();
	if (old->users > 1) {
		a->table = copy_table(old);
		old->users--;
	}
	for (fd = 0; fd < DQ_NFD; fd++)
		if (a->table->fd[fd].cloexec)
			book_close(a->table, fd);
}

/* Whose child it is does not matter: the driver sees to it that it is gone. */
static void wait_for_end(pid_t pid)
{
	struct timespec delay = { .tv_nsec = 5 * 1000 * 1000 };
	char path[64], line[512], *p;
	FILE *f;

	if (waitpid(pid, NULL, 0) == pid)
		return;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		f = fopen(path, "re");
		if (!f)
			return;
		p = fgets(line, sizeof(line), f);
		fclose(f);
		if (!p)
			return;
		p = strrchr(line, ')');
		/* Dead or a zombie: it has let go of everything. */
		if (p && strchr("ZXx", p[2]))
			return;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
	}
}

void dq_tell_exit(struct dq_agent *a)
{
	struct order o = { .op = OP_EXIT };

	order(a, &o);
	wait_for_end(a->pid);
	end_of_vfork(a);
	leave_table(a);
	a->mm->users--;
	a->pid = 0;
}

void dq_agents_finish(void)
{
	int n;

	for (n = DQ_NAGENTS - 1; n >= 0; n--)
		if (agents[n].pid)
			dq_tell_exit(&agents[n]);
}

int dq_tell_export(struct dq_agent *a, enum dq_exporter exporter, int *ret_fd)
{
	struct order o = { .op = OP_EXPORT, .a = { exporter, 0 } };
	struct answer answer = tell(a, &o);
	int buf = new_buf(answer.ino);

	if (exporter == DQ_VGEM)
		dq_expect("dma_buf_put", 2);
	book_open(a, answer.ret, buf, true);
	*ret_fd = answer.ret;
	return buf;
}

unsigned int dq_tell_export_handle(struct dq_agent *a, int *ret_buf, int *ret_fd)
{
	struct order o = { .op = OP_EXPORT_HANDLE };
	struct answer answer = tell(a, &o);

	*ret_buf = new_buf(answer.ino);
	*ret_fd = answer.more[0];
	bufs[*ret_buf].unexplained = 2;
	book_open(a, *ret_fd, *ret_buf, true);
	return answer.ret;
}

void dq_tell_drop_handle(struct dq_agent *a, int buf, unsigned int handle)
{
	tell3(a, OP_DROP, handle, 0, 0);
	dq_expect("dma_buf_put", 2);
	bufs[buf].unexplained = 0;
}

void dq_tell_name(struct dq_agent *a, int fd, const char *name)
{
	struct order o = { .op = OP_NAME, .a = { fd } };

	snprintf(o.name, sizeof(o.name), "%s", name);
	tell(a, &o);
	dq_expect("dma_buf_ioctl", 1);
}

static int duplicated(struct dq_agent *a, int fd, int got, bool cloexec)
{
	book_open(a, got, buf_of(a, fd), cloexec);
	dq_expect("fd_install", 1);
	return got;
}

int dq_tell_dup(struct dq_agent *a, int fd)
{
	return duplicated(a, fd, tell3(a, OP_DUP, fd, 0, 0), false);
}

int dq_tell_dup_in_thread(struct dq_agent *a, int fd)
{
	return duplicated(a, fd, tell3(a, OP_THREAD_DUP, fd, 0, 0), false);
}

int dq_tell_dupfd(struct dq_agent *a, int fd, int at_least, bool cloexec)
{
	enum op op = cloexec ? OP_DUPFD_CLOEXEC : OP_DUPFD;

	return duplicated(a, fd, tell3(a, op, fd, at_least, 0), cloexec);
}

void dq_tell_dup2(struct dq_agent *a, int fd, int to)
{
	tell3(a, OP_DUP2, fd, to, 0);
	if (fd == to)
		return;
	book_close(a->table, to);
	book_open(a, to, buf_of(a, fd), false);
}

void dq_tell_dup3(struct dq_agent *a, int fd, int to)
{
	tell3(a, OP_DUP3, fd, to, 0);
	book_close(a->table, to);
	book_open(a, to, buf_of(a, fd), true);
}

void dq_tell_open_null(struct dq_agent *a, int at)
{
	tell3(a, OP_OPEN_NULL, at, 0, 0);
	book_close(a->table, at);
}

void dq_tell_close(struct dq_agent *a, int fd)
{
	tell3(a, OP_CLOSE, fd, 0, 0);
	book_close(a->table, fd);
}

void dq_tell_unshare(struct dq_agent *a)
{
	struct table *old = a->table;

	tell3(a, OP_UNSHARE, 0, 0, 0);
	a->table = copy_table(old);
	old->users--;
}

void dq_tell_close_range(struct dq_agent *a, int first, int last, unsigned int flags)
{
	struct order o = { .op = OP_CLOSE_RANGE, .a = { first, last, flags } };
	struct table *old = a->table;
	struct answer answer;
	int fd;

	order(a, &o);
	hear(a, "close_range", &answer);
	/* CLOSE_RANGE_CLOEXEC came with 5.11. */
	if (answer.ret < 0 && answer.err == EINVAL && flags & CLOSE_RANGE_CLOEXEC)
		return;
	if (answer.ret < 0)
		dq_die("close_range of agent %d failed: %s", a->n,
		       strerrorname_np(answer.err));
	if ((flags & CLOSE_RANGE_UNSHARE) && old->users > 1) {
		a->table = copy_table(old);
		old->users--;
	}
	for (fd = first; fd <= last && fd < DQ_NFD; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			a->table->fd[fd].cloexec = true;
		else
			book_close(a->table, fd);
	}
}

void dq_tell_send(struct dq_agent *a, const int *fds, int n)
{
	struct order o = { .op = OP_SEND, .a = { n } };
	int i;

	if (message.n)
		dq_die("a message is under way already");
	for (i = 0; i < n; i++) {
		o.a[i + 1] = fds[i];
		message.buf[i] = buf_of(a, fds[i]);
		bufs[message.buf[i]].flight++;
	}
	message.n = n;
	tell(a, &o);
}

void dq_tell_receive(struct dq_agent *a, bool peek, int *ret_fds, int n)
{
	struct order o = { .op = OP_RECEIVE, .a = { peek, n } };
	struct answer answer;
	int i;

	answer = tell(a, &o);
	for (i = 0; i < n; i++) {
		ret_fds[i] = answer.more[i];
		book_open(a, ret_fds[i], message.buf[i], true);
		dq_expect("fd_install", 1);
	}
	if (peek)
		return;
	for (i = 0; i < message.n; i++)
		bufs[message.buf[i]].flight--;
	message.n = 0;
}

void dq_tell_post(struct dq_agent *a, int fd)
{
	tell3(a, OP_POST, fd, 0, 0);
	posted = buf_of(a, fd);
	bufs[posted].flight++;
}

void dq_tell_unpost(struct dq_agent *a)
{
	tell3(a, OP_UNPOST, 0, 0, 0);
	bufs[posted].flight--;
}

int dq_tell_getfd(struct dq_agent *a, struct dq_agent *from, int fd)
{
	int buf = buf_of(from, fd), got;

	got = tell3(a, OP_GETFD, from->pid, fd, 0);
	book_open(a, got, buf, true);
	dq_expect("fd_install", 1);
	return got;
}

void dq_tell_mmap(struct dq_agent *a, int fd, long *where)
{
	struct order o = { .op = OP_MMAP, .a = { fd } };
	struct answer answer = tell(a, &o);
	int buf = buf_of(a, fd);

	*where = answer.ret;
	bufs[buf].elsewhere = !answer.more[0];
	a->mm->maps[buf] += answer.more[0];
	dq_expect("dma_buf_mmap_internal", 1);
}

void dq_tell_munmap(struct dq_agent *a, int buf, long where, int first, int n, int more)
{
	tell3(a, OP_MUNMAP, where, first, n);
	if (!bufs[buf].elsewhere)
		a->mm->maps[buf] += more;
}

void dq_tell_mremap(struct dq_agent *a, long *where)
{
	*where = tell3(a, OP_MREMAP, *where, 0, 0);
}

unsigned int dq_tell_import(struct dq_agent *a, int fd)
{
	unsigned int handle = tell3(a, OP_IMPORT, fd, 0, 0);

	bufs[buf_of(a, fd)].attached++;
	dq_expect("dma_buf_get", 1);
	dq_expect("dma_buf_dynamic_attach", 1);
	dq_expect("dma_buf_map_attachment", dq_vgem_maps());
	dq_expect("dma_buf_put", 1);
	return handle;
}

void dq_tell_drop(struct dq_agent *a, int buf, unsigned int handle)
{
	tell3(a, OP_DROP, handle, 0, 0);
	bufs[buf].attached--;
	dq_expect("dma_buf_unmap_attachment", dq_vgem_maps());
	dq_expect("dma_buf_detach", 1);
	dq_expect("dma_buf_put", 3);
}

/* ---- checkpoints ---------------------------------------------------------- */

/* What one agent is seen to have. */
static struct seen {
	bool fd[NBUFS][DQ_NFD];
	int maps[NBUFS];
} seen;

static int known(unsigned long ino)
{
	int b;

	for (b = 1; b <= nbufs; b++)
		if (bufs[b].ino == ino && !bufs[b].gone)
			return b;
	dq_die("a buffer turned up that the story has not made (inode %lu)", ino);
}

static void see_fd(void *ctx, unsigned long ino, int number)
{
	struct seen *s = ctx;

	if (number >= DQ_NFD)
		dq_die("fd %d is beyond what the story allows", number);
	s->fd[known(ino)][number] = true;
}

static void see_map(void *ctx, unsigned long ino)
{
	struct seen *s = ctx;

	s->maps[known(ino)]++;
}

static pid_t table_owner(const struct table *t)
{
	int n;

	for (n = 0; n < DQ_NAGENTS; n++)
		if (agents[n].pid && agents[n].table == t)
			return agents[n].pid;
	return 0;
}

static pid_t mm_owner(const struct mm *mm)
{
	int n;

	for (n = 0; n < DQ_NAGENTS; n++)
		if (agents[n].pid && agents[n].mm == mm)
			return agents[n].pid;
	return 0;
}

/* What the book says of one agent and one buffer; true when it holds it. */
static bool tell_agent(const char *name, const struct dq_agent *a, int b)
{
	char fds[4 * DQ_NFD] = "";
	size_t len = 0;
	int fd;

	for (fd = 0; fd < DQ_NFD; fd++) {
		if ((a->table->fd[fd].buf == b) != seen.fd[b][fd])
			dq_die("%s: /proc says that fd %d of agent %d is %s buffer %d",
			       name, fd, a->n, seen.fd[b][fd] ? "" : "not", b);
		if (seen.fd[b][fd])
			len += snprintf(fds + len, sizeof(fds) - len, "%s%d",
					len ? "," : "", fd);
	}
	if (a->mm->maps[b] != seen.maps[b])
		dq_die("%s: /proc says that agent %d maps buffer %d %d times, not %d",
		       name, a->n, b, seen.maps[b], a->mm->maps[b]);
	if (!len && !seen.maps[b])
		return false;
	dq_account_line("holds buf=%lu pid=%d table=%d fds=%s mm=%d maps=%d",
			bufs[b].ino, a->pid, table_owner(a->table), len ? fds : "-",
			mm_owner(a->mm), seen.maps[b]);
	return true;
}

/*
 * The book must agree with /proc about every agent, and with the kernel's list
 * about who lives.
 */
void dq_checkpoint(const char *name)
{
	bool held[NBUFS] = { false };
	struct buffer *b;
	int n, i;

	dq_account_begin(name);
	for (n = 0; n < DQ_NAGENTS; n++) {
		if (!agents[n].pid)
			continue;
		memset(&seen, 0, sizeof(seen));
		dq_scan(agents[n].pid, see_fd, see_map, &seen);
		for (i = 1; i <= nbufs; i++)
			held[i] |= tell_agent(name, &agents[n], i);
	}
	for (i = 1; i <= nbufs; i++) {
		b = &bufs[i];
		if (b->flight)
			dq_account_line("flight buf=%lu n=%d", b->ino, b->flight);
		if (b->attached)
			dq_account_line("attached buf=%lu n=%d", b->ino, b->attached);
		if (b->unexplained)
			dq_account_line("unexplained buf=%lu n=%d", b->ino, b->unexplained);
		held[i] |= b->flight || b->attached || b->unexplained;
		if (dq_alive(b->ino) != held[i])
			dq_die("%s: buffer %d %s", name, i,
			       held[i] ? "is gone" : "lives, but nobody holds it");
		if (!held[i] && !b->gone)
			dq_account_line("gone buf=%lu", b->ino);
		b->gone = !held[i];
	}
	dq_account_end();
}
