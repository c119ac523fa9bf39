// SPDX-License-Identifier: BSD-2-Clause
/*
 * dqbinder: Android's way of handing out buffers, played for real.  A context
 * manager, an allocator that registers with it, and a client that asks the
 * allocator for buffers: the allocator exports, replies with the descriptor in
 * a BINDER_TYPE_FD object and closes its own, the client maps the buffer and
 * gives it to a device.  Only the ioctls of the binder driver are used.
 *
 * dqbinder [--exporter NAME] [--count N] [--keep] [--account FILE] [--wait FIFO]
 *
 * The four processes are called dqbinder (which starts and ends the others),
 * dqmanager, dqallocator and dqclient.  --keep: the allocator keeps its
 * descriptors until the end.  The account (account.h) comes when the client
 * has all buffers.  At the end, a ledger as dqload's:
 *
 *	dqload binder exporter=heap importer=vivid count=3 ... expect:dma_buf_export=3 ...
 *
 * Exit status: as dqload's, 77 where there is no binder.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/android/binder.h>

#include "account.h"
#include "stories.h"

/* Made by the module's parameter, as Debian has it, or in a binderfs. */
#define BINDER		"/dev/binder"
#define BINDERFS	"/dev/binderfs"
#define MAPPED		(128 * 1024)
#define NBUFS		8

/* What can be asked of the manager and of the allocator. */
enum { ADD_SERVICE = 1, GET_SERVICE, ALLOCATE };

struct dq_options opt;
static bool keep;

/* dqload's stories ask for these; here there is one story. */
int number(int given, int prime)
{
	return given ? given : prime;
}

/* ---- the driver ----------------------------------------------------------- */

static int binder;
static unsigned char *area;

static void binder_open(void)
{
	struct binder_version version;
	uint32_t none = 0;

	binder = open(BINDER, O_RDWR | O_CLOEXEC);
	if (binder < 0)
		binder = open(BINDERFS "/binder", O_RDWR | O_CLOEXEC);
	if (binder < 0)
		dq_die("%s: %s", BINDER, strerrorname_np(errno));
	if (ioctl(binder, BINDER_VERSION, &version))
		dq_die("BINDER_VERSION failed: %s", strerrorname_np(errno));
	if (version.protocol_version != BINDER_CURRENT_PROTOCOL_VERSION)
		dq_die("binder speaks version %d", version.protocol_version);
	if (ioctl(binder, BINDER_SET_MAX_THREADS, &none))
		dq_die("BINDER_SET_MAX_THREADS failed: %s", strerrorname_np(errno));
	area = mmap(NULL, MAPPED, PROT_READ, MAP_PRIVATE, binder, 0);
	if (area == MAP_FAILED)
		dq_die("mmap of binder failed: %s", strerrorname_np(errno));
}

/* Commands that wait for being written. */
static unsigned char commands[1024];
static size_t ncommands;

static void command(uint32_t cmd, const void *data, size_t len)
{
	if (ncommands + sizeof(cmd) + len > sizeof(commands))
		dq_die("too many binder commands");
	memcpy(commands + ncommands, &cmd, sizeof(cmd));
	memcpy(commands + ncommands + sizeof(cmd), data, len);
	ncommands += sizeof(cmd) + len;
}

static void write_read(void *answer, size_t len, size_t *ret_len)
{
	struct binder_write_read bwr = {
		.write_buffer = (uintptr_t)commands,
		.write_size = ncommands,
		.read_buffer = (uintptr_t)answer,
		.read_size = len,
	};

	while (ioctl(binder, BINDER_WRITE_READ, &bwr)) {
		if (errno != EINTR)
			dq_die("BINDER_WRITE_READ failed: %s", strerrorname_np(errno));
	}
	ncommands = 0;
	if (ret_len)
		*ret_len = bwr.read_consumed;
}

static void flush(void)
{
	write_read(NULL, 0, NULL);
}

/* ---- messages --------------------------------------------------------------- */

/* A number, and at most one object. */
struct message {
	uint32_t what, size;
	union {
		struct binder_object_header hdr;
		struct flat_binder_object object;
		struct binder_fd_object fd;
	};
};

static void post(uint32_t cmd, uint32_t handle, uint32_t code, const struct message *m)
{
	static const binder_size_t offset = offsetof(struct message, hdr);
	struct binder_transaction_data tr = {
		.target.handle = handle,
		.code = code,
		.flags = TF_ACCEPT_FDS,
		.data_size = sizeof(*m),
		.offsets_size = m->hdr.type ? sizeof(offset) : 0,
		.data.ptr.buffer = (uintptr_t)m,
		.data.ptr.offsets = (uintptr_t)&offset,
	};

	command(cmd, &tr, sizeof(tr));
}

static void free_buffer(const struct binder_transaction_data *tr)
{
	binder_uintptr_t buffer = tr->data.ptr.buffer;

	command(BC_FREE_BUFFER, &buffer, sizeof(buffer));
}

static const struct message *message_of(const struct binder_transaction_data *tr)
{
	if (tr->data_size != sizeof(struct message))
		dq_die("a message of %llu bytes came through binder",
		       (unsigned long long)tr->data_size);
	return (const struct message *)(uintptr_t)tr->data.ptr.buffer;
}

/* The node of a service is asked to stay alive, and does. */
static void stay(uint32_t cmd, const void *data)
{
	struct binder_ptr_cookie node;

	memcpy(&node, data, sizeof(node));
	command(cmd == BR_INCREFS ? BC_INCREFS_DONE : BC_ACQUIRE_DONE, &node,
		sizeof(node));
}

/*
 * Reads until @until comes (BR_TRANSACTION, BR_REPLY or
 * BR_TRANSACTION_COMPLETE); what follows it is kept for the next time.
 */
static void read_until(uint32_t until, struct binder_transaction_data *tr)
{
	static unsigned char buf[512];
	static size_t len, at;
	uint32_t cmd;

	for (;;) {
		if (at >= len) {
			at = 0;
			write_read(buf, sizeof(buf), &len);
		}
		memcpy(&cmd, buf + at, sizeof(cmd));
		at += sizeof(cmd);
		switch (cmd) {
		case BR_INCREFS:
		case BR_ACQUIRE:
			stay(cmd, buf + at);
			break;
		case BR_TRANSACTION:
		case BR_REPLY:
			memcpy(tr, buf + at, sizeof(*tr));
			break;
		case BR_DEAD_REPLY:
		case BR_FAILED_REPLY:
		case BR_ERROR:
			dq_die("binder refuses (0x%x)", cmd);
		}
		at += _IOC_SIZE(cmd);
		if (cmd == until)
			return;
	}
}

/* Asks and waits; the reply stays until free_buffer(). */
static void ask(uint32_t handle, uint32_t code, const struct message *m,
		struct binder_transaction_data *reply)
{
	post(BC_TRANSACTION, handle, code, m);
	read_until(BR_REPLY, reply);
}

/* ---- the manager ------------------------------------------------------------- */

/* Knows one service, by its handle. */
static void manager(void)
{
	struct binder_transaction_data tr;
	struct message m;
	uint32_t handle = 0;

	if (ioctl(binder, BINDER_SET_CONTEXT_MGR, &(int){ 0 }))
		dq_die("BINDER_SET_CONTEXT_MGR failed: %s", strerrorname_np(errno));
	command(BC_ENTER_LOOPER, NULL, 0);
	flush();
	if (write(STDOUT_FILENO, "m", 1) != 1)
		dq_die("the manager cannot say that it is ready");
	for (;;) {
		read_until(BR_TRANSACTION, &tr);
		memset(&m, 0, sizeof(m));
		if (tr.code == ADD_SERVICE) {
			handle = message_of(&tr)->object.handle;
			command(BC_INCREFS, &handle, sizeof(handle));
			command(BC_ACQUIRE, &handle, sizeof(handle));
		} else {
			m.object.hdr.type = BINDER_TYPE_HANDLE;
			m.object.handle = handle;
		}
		free_buffer(&tr);
		post(BC_REPLY, 0, 0, &m);
		read_until(BR_TRANSACTION_COMPLETE, &tr);
	}
}

/* ---- the allocator ----------------------------------------------------------- */

static void allocator(void)
{
	struct binder_transaction_data tr;
	struct message m = { 0 };
	struct dq_buf buf;

	m.object.hdr.type = BINDER_TYPE_BINDER;
	m.object.flags = FLAT_BINDER_FLAG_ACCEPTS_FDS;
	m.object.binder = (uintptr_t)&binder;
	ask(0, ADD_SERVICE, &m, &tr);
	free_buffer(&tr);
	command(BC_ENTER_LOOPER, NULL, 0);
	flush();
	if (write(STDOUT_FILENO, "a", 1) != 1)
		dq_die("the allocator cannot say that it is ready");
	for (;;) {
		read_until(BR_TRANSACTION, &tr);
		free_buffer(&tr);
		dq_export(&buf, opt.exporter, 0);
		memset(&m, 0, sizeof(m));
		m.fd.hdr.type = BINDER_TYPE_FD;
		m.fd.fd = buf.fd;
		m.size = buf.size;
		post(BC_REPLY, 0, 0, &m);
		read_until(BR_TRANSACTION_COMPLETE, &tr);
		if (!keep)
			dq_close(buf.fd);
	}
}

/* ---- the client --------------------------------------------------------------- */

static uint32_t find_allocator(void)
{
	struct binder_transaction_data tr;
	struct message m = { 0 };
	uint32_t handle;

	ask(0, GET_SERVICE, &m, &tr);
	if (message_of(&tr)->hdr.type != BINDER_TYPE_HANDLE)
		dq_die("the manager did not reply with a service");
	handle = message_of(&tr)->object.handle;
	command(BC_INCREFS, &handle, sizeof(handle));
	command(BC_ACQUIRE, &handle, sizeof(handle));
	free_buffer(&tr);
	return handle;
}

static void allocate(uint32_t service, struct dq_buf *buf)
{
	struct binder_transaction_data tr;
	struct message m = { 0 };

	ask(service, ALLOCATE, &m, &tr);
	if (message_of(&tr)->hdr.type != BINDER_TYPE_FD)
		dq_die("the allocator did not reply with a descriptor");
	buf->exporter = opt.exporter;
	buf->fd = message_of(&tr)->fd.fd;
	buf->size = message_of(&tr)->size;
	if (!dq_is_dmabuf(buf->fd))
		dq_die("fd %d from the allocator is no DMA-BUF", buf->fd);
	free_buffer(&tr);
	flush();
}

static bool to_vivid(void)
{
	return dq_vivid_kind() == DQ_VIVID_CONTIG && opt.exporter != DQ_VGEM;
}

static void client(int count)
{
	struct dq_buf bufs[NBUFS];
	uint32_t service = find_allocator();
	void *maps[NBUFS];
	char c;
	int i;

	for (i = 0; i < count; i++) {
		allocate(service, &bufs[i]);
		maps[i] = dq_mmap(&bufs[i]);
		*(volatile char *)maps[i] = i;
	}
	if (to_vivid()) {
		dq_vivid_import(bufs, count);
		dq_vivid_stream(bufs, count, 2 * count + 1);
	}
	/* The account is made while the device has them. */
	if (write(STDOUT_FILENO, "c", 1) != 1 || read(STDIN_FILENO, &c, 1) != 1)
		dq_die("the client has nobody to talk to");
	if (to_vivid())
		dq_vivid_drop(count, true);
	for (i = 0; i < count; i++) {
		munmap(maps[i], bufs[i].size);
		dq_close(bufs[i].fd);
	}
}

/* ---- the play ------------------------------------------------------------------ */

struct actor {
	pid_t pid;
	int talk;
};

static struct actor begin(const char *name, void (*play)(void))
{
	struct actor actor;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		dq_die("socketpair failed: %s", strerrorname_np(errno));
	fflush(NULL);
	actor.pid = fork();
	if (actor.pid < 0)
		dq_die("fork failed: %s", strerrorname_np(errno));
	if (!actor.pid) {
		prctl(PR_SET_NAME, name);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pair[1], STDIN_FILENO);
		dup2(pair[1], STDOUT_FILENO);
		binder_open();
		play();
		_exit(0);
	}
	close(pair[1]);
	actor.talk = pair[0];
	return actor;
}

/* Each says one letter when it is ready. */
static void heard(const struct actor *actor, const char *name)
{
	char c;

	if (read(actor->talk, &c, 1) != 1)
		dq_die("%s has ended early", name);
}

static void client_play(void)
{
	client(number(opt.count, 3));
}

static unsigned long seen[2 * NBUFS];
static int nseen;

struct mapped {
	unsigned long ino[2 * NBUFS];
	int n;
};

static void see_map(void *ctx, unsigned long ino)
{
	struct mapped *m = ctx;

	if (m->n < 2 * NBUFS)
		m->ino[m->n++] = ino;
}

static void no_fd(void *ctx, unsigned long ino, int fd)
{
	(void)ctx;
	(void)ino;
	(void)fd;
}

static void no_map(void *ctx, unsigned long ino)
{
	(void)ctx;
	(void)ino;
}

struct line {
	pid_t pid;
	struct mapped mapped;
};

/* One descriptor of one buffer: that is how the play is. */
static void see_fd(void *ctx, unsigned long ino, int fd)
{
	const struct line *line = ctx;
	int i, maps = 0;

	for (i = 0; i < line->mapped.n; i++)
		maps += line->mapped.ino[i] == ino;
	dq_account_line("holds buf=%lu pid=%d table=%d fds=%d mm=%d maps=%d", ino,
			line->pid, line->pid, fd, line->pid, maps);
	for (i = 0; i < nseen; i++)
		if (seen[i] == ino)
			return;
	if (nseen < 2 * NBUFS)
		seen[nseen++] = ino;
}

static void account_of(pid_t pid)
{
	struct line line = { .pid = pid };

	dq_scan(pid, no_fd, see_map, &line.mapped);
	dq_scan(pid, see_fd, no_map, &line);
}

static void account(const struct actor *alloc, const struct actor *user, int count)
{
	int i;

	dq_account_begin("binder");
	account_of(alloc->pid);
	account_of(user->pid);
	if (nseen != count)
		dq_die("there are %d buffers, not %d", nseen, count);
	for (i = 0; i < nseen && to_vivid(); i++)
		dq_account_line("attached buf=%lu n=1", seen[i]);
	dq_account_end();
}

/* What the others' ledgers would be: theirs end with them. */
static void expect(int count)
{
	int frames = 2 * count + 1;

	dq_expect("dma_buf_export", count);
	dq_expect("dma_buf_file_release", count);
	dq_expect("dma_buf_release", count);
	/* the allocator's and the client's */
	dq_expect("fd_install", 2 * count);
	dq_expect("fd_close", 2 * count);
	dq_expect("dma_buf_mmap_internal", count);
	if (opt.exporter == DQ_VGEM)
		dq_expect("dma_buf_put", 2 * count);
	if (!to_vivid())
		return;
	dq_expect("dma_buf_get", count + frames);
	dq_expect("dma_buf_put", count + frames);
	dq_expect("dma_buf_dynamic_attach", count);
	dq_expect("dma_buf_map_attachment", count);
	dq_expect("dma_buf_vmap", count);
	dq_expect("dma_buf_vunmap", count);
	dq_expect("dma_buf_unmap_attachment", count);
	dq_expect("dma_buf_detach", count);
}

static void play(int count)
{
	struct actor manage, alloc, user;
	int status;

	manage = begin("dqmanager", manager);
	heard(&manage, "the manager");
	alloc = begin("dqallocator", allocator);
	heard(&alloc, "the allocator");
	user = begin("dqclient", client_play);
	heard(&user, "the client");
	account(&alloc, &user, count);
	dq_pause();
	if (write(user.talk, "e", 1) != 1)
		dq_die("the client has ended early");
	if (waitpid(user.pid, &status, 0) != user.pid || status)
		dq_die("the client ended with status 0x%x", status);
	kill(alloc.pid, SIGKILL);
	waitpid(alloc.pid, NULL, 0);
	kill(manage.pid, SIGKILL);
	waitpid(manage.pid, NULL, 0);
}

static void prepare(void)
{
	static const enum dq_exporter order[] = { DQ_HEAP, DQ_UDMABUF, DQ_VGEM };
	size_t i;

	if (access(BINDER, F_OK) && access(BINDERFS "/binder", F_OK)) {
		mkdir(BINDERFS, 0755);
		if (mount("binder", BINDERFS, "binder", 0, NULL))
			dq_skip("this kernel has neither %s nor binderfs (%s)", BINDER,
				strerrorname_np(errno));
	}
	for (i = 0; i < 3 && opt.exporter == DQ_AUTO; i++)
		if (dq_have(order[i]))
			opt.exporter = order[i];
	if (!dq_have(opt.exporter))
		dq_skip("this kernel has no exporter for it");
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--keep"))
			keep = true;
		else if (!strcmp(argv[i], "--exporter") && i + 1 < argc)
			opt.exporter = dq_parse(argv[++i]);
		else if (!strcmp(argv[i], "--count") && i + 1 < argc)
			opt.count = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--account") && i + 1 < argc)
			opt.account = argv[++i];
		else if (!strcmp(argv[i], "--wait") && i + 1 < argc)
			opt.wait = argv[++i];
		else
			opt.count = -1;
	}
	if (opt.count < 0 || opt.count > NBUFS) {
		fprintf(stderr, "usage: dqbinder [--exporter NAME] [--count 1-%d] [--keep] [--account FILE] [--wait FIFO]\n",
			NBUFS);
		return 2;
	}
	prepare();
	play(number(opt.count, 3));
	expect(number(opt.count, 3));
	dq_report("binder", "exporter=%s importer=%s count=%d keep=%d",
		  dq_name(opt.exporter), to_vivid() ? "vivid" : "none",
		  number(opt.count, 3), keep);
	return 0;
}
