// SPDX-License-Identifier: BSD-2-Clause
/*
 * calibrate.c - the layout of a kernel that does not describe its types, found by looking.
 *
 * Each structure is reached from one that is known already, beginning with our own task_struct, and
 * its fields are the only places that hold what must be there: numbers that the kernel tells in
 * /proc and stat(), names that we gave, pointers that two descriptors must (or must not) share. A
 * place has to fit every observation, and to be the only one that does; else the field stays
 * unknown. Nothing of the machine is changed: the files opened are pipes, sockets and memory of our
 * own, and directories of sysfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>

#include "../../bpf/wire.h"
#include "../util/util.h"
#include "calibrate.h"
#include "kmem.h"
#include "unpack.h"
#include "peek_bpf.skel.h"

#define TASK_BYTES   (PEEK_CHUNKS * PEEK_CHUNK)
#define FILE_BYTES   512
#define INODE_BYTES  1024
#define DENTRY_BYTES 256
#define MAX_STACK    (64 << 10)

/* What is known of a task from outside, and its task_struct. */
struct task_view {
	uint64_t addr, frame;
	uint32_t tid, tgid, flags;
	uint8_t mem[TASK_BYTES];
};

/* One of our descriptors. */
enum { MEMFD, MEMFD2, PIPE_R, PIPE_W, SOCK, SOCK2, NUL, NUL2, ZERO, NFILES };

struct cal {
	struct layout *lo;
	const struct dq_ksyms *ksyms;
	struct peek_bpf *skel;
	unsigned int word;
	struct kmem kmem;		/* what may be read */
	size_t task_len, file_len, dentry_len; /* no structure is longer, up to the room for it */
	struct task_view main, thread;
	uint64_t fds;			/* the array of struct file pointers */
	int fd[NFILES];
	struct stat st[NFILES];
	uint64_t file[NFILES], inode[NFILES];
	uint8_t file_mem[NFILES][FILE_BYTES], inode_mem[NFILES][INODE_BYTES];
};

/* ---- reading ------------------------------------------------------------------------ */

static int run_peek(struct cal *c)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = bpf_program__fd(c->skel->progs.peek);
	return syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) ? -errno : 0;
}

/* One chunk from each of n addresses (at most PEEK_CHUNKS): c->skel->bss->mem and ok. */
static int peek_many(struct cal *c, const uint64_t *addr, size_t n)
{
	for (size_t i = 0; i < n; i++) /* 0 is not read */
		c->skel->bss->addr[i] = kmem_has(&c->kmem, addr[i], PEEK_CHUNK) ? addr[i] : 0;
	c->skel->bss->count = n;
	return run_peek(c);
}

/* What cannot be read is zero; -EFAULT when nothing can. */
static int peek(struct cal *c, uint64_t addr, void *buf, size_t len)
{
	uint64_t v[PEEK_CHUNKS];
	size_t n = (len + PEEK_CHUNK - 1) / PEEK_CHUNK;
	int err;

	for (size_t i = 0; i < n; i++)
		v[i] = addr + i * PEEK_CHUNK;
	err = peek_many(c, v, n);
	if (err)
		return err;
	memcpy(buf, c->skel->bss->mem, len);
	for (size_t i = 0; i < n; i++)
		if (!c->skel->bss->ok[i])
			memset((char *)buf + i * PEEK_CHUNK, 0,
			       len - i * PEEK_CHUNK < PEEK_CHUNK ? len - i * PEEK_CHUNK : PEEK_CHUNK);
	return c->skel->bss->ok[0] ? 0 : -EFAULT;
}

static uint64_t word_at(const struct cal *c, const uint8_t *mem, size_t off)
{
	uint64_t v = 0;

	memcpy(&v, mem + off, c->word); /* little endian */
	return v;
}

static uint32_t u32_at(const uint8_t *mem, size_t off)
{
	uint32_t v;

	memcpy(&v, mem + off, sizeof(v));
	return v;
}

/* A structure of at most len bytes: what lies behind it is another's, and zero in buf. */
static int peek_object(struct cal *c, uint64_t addr, void *buf, size_t room, size_t len)
{
	memset(buf, 0, room);
	return peek(c, addr, buf, len);
}

/*
 * How long the objects of three slabs are, at most what there is room for. Those behind look alike: on
 * armhf the next task_struct began within what was looked at, and had a pointer to our main thread
 * as well.
 */
static void object_sizes(struct cal *c)
{
	struct { const char *slab; size_t *len; } of[] = {
		{ "task_struct", &c->task_len }, { "filp", &c->file_len }, { "dentry", &c->dentry_len },
	};
	FILE *f = fopen("/proc/slabinfo", "re"); /* root's; without it, what is ambiguous stays unknown */
	char line[512], name[64];
	size_t size;

	c->task_len = TASK_BYTES;
	c->file_len = FILE_BYTES;
	c->dentry_len = DENTRY_BYTES;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %*u %*u %zu", name, &size) != 2)
			continue;
		size &= -sizeof(void *);
		for (size_t i = 0; i < DQ_ARRAY_SIZE(of); i++)
			if (!strcmp(name, of[i].slab) && size && size < *of[i].len)
				*of[i].len = size;
	}
	if (f)
		fclose(f);
}

/*
 * Could this be a pointer into the kernel's half? The last page is for errors as pointers. What is
 * there is another question: kmem.h.
 */
static bool kernel_pointer(const struct cal *c, uint64_t v)
{
	if (v & (c->word - 1))
		return false;
	return c->word == 4 ? v >= 0x40000000 && v < 0xfffff000 :
			      v >= 0xff00000000000000 && v < 0xfffffffffffff000;
}

/*
 * For each kernel pointer in mem: what it points to. Calls fn(ctx, offset in mem, pointer, bytes
 * there) until that returns non-zero.
 */
typedef int (*visit)(struct cal *c, void *ctx, size_t off, uint64_t ptr, const uint8_t *there);

static int follow(struct cal *c, const uint8_t *mem, size_t len, size_t there_len, visit fn, void *ctx)
{
	size_t per = (there_len + PEEK_CHUNK - 1) / PEEK_CHUNK;
	uint8_t *there = malloc(per * PEEK_CHUNK);
	int ret = there ? 0 : -ENOMEM;

	for (size_t off = 0; !ret && off + c->word <= len; off += c->word) {
		uint64_t v = word_at(c, mem, off);

		if (kernel_pointer(c, v) && !peek(c, v, there, there_len))
			ret = fn(c, ctx, off, v, there);
	}
	free(there);
	return ret;
}

/* A set of places that fit so far; one observation after the other makes it smaller. */
struct places {
	uint8_t fits[TASK_BYTES];
	bool begun;
};

static bool observed(struct places *p, size_t i, bool fits)
{
	p->fits[i] = fits && (!p->begun || p->fits[i]);
	return p->fits[i];
}

/* The only one that fits, or -1. */
static int only(const struct places *p, size_t len)
{
	int at = -1;

	for (size_t i = 0; i < len; i++) {
		if (!p->fits[i])
			continue;
		if (at >= 0)
			return -1;
		at = i;
	}
	return at;
}

static void settle(struct cal *c, enum layout_field f, const struct places *p, size_t len)
{
	int at = only(p, len);

	if (at >= 0)
		layout_found(c->lo, f, at);
	else
		for (size_t i = 0; i < len; i++)
			if (p->fits[i])
				dq_debug("calibrate: %s may be at %zu", layout_name(f), i);
}

/* ---- our task ------------------------------------------------------------------------- */

/* task_struct.flags of the calling thread, as /proc tells them. */
static uint32_t flags_of_self(void)
{
	FILE *f = fopen("/proc/thread-self/stat", "re");
	char line[512], *p = NULL;
	unsigned int flags = 0;

	if (f && fgets(line, sizeof(line), f))
		p = strrchr(line, ')');
	if (!p || sscanf(p, ") %*c %*d %*d %*d %*d %*d %u", &flags) != 1)
		flags = 0;
	if (f)
		fclose(f);
	return flags;
}

static uint64_t text_of(const struct cal *c)
{
	uint64_t text = dq_ksyms_addr(c->ksyms, "_text");

	return text ? text : dq_ksyms_addr(c->ksyms, "_stext");
}

static int view_task(struct cal *c, struct task_view *v)
{
	int err = peek_many(c, NULL, 0);

	if (err)
		return err;
	v->addr = c->skel->bss->task;
	v->frame = c->skel->bss->frame;
	if (c->word == 4) {
		v->addr = (uint32_t)v->addr;
		v->frame = (uint32_t)v->frame;
	}
	v->tid = c->skel->bss->pid_tgid;
	v->tgid = c->skel->bss->pid_tgid >> 32;
	v->flags = flags_of_self();
	if (!c->kmem.n)
		err = kmem_read(&c->kmem, v->addr, text_of(c));
	return err ? err : peek_object(c, v->addr, v->mem, sizeof(v->mem), c->task_len);
}

static void *view_thread(void *arg)
{
	struct cal *c = arg;

	view_task(c, &c->thread);
	return NULL;
}

/* Ourselves under a name that nobody else has, and another thread of us. */
static int view_tasks(struct cal *c, char *name)
{
	char old[16] = "";
	pthread_t t;
	int err;

	snprintf(name, 16, "dq%x", (unsigned int)getpid() * 2654435761u ^ (unsigned int)(uintptr_t)c);
	prctl(PR_GET_NAME, old);
	prctl(PR_SET_NAME, name);
	err = view_task(c, &c->main);
	if (!err)
		err = -pthread_create(&t, NULL, view_thread, c);
	if (!err) {
		pthread_join(t, NULL);
		err = c->thread.addr ? 0 : -EFAULT;
	}
	prctl(PR_SET_NAME, old);
	return err;
}

/*
 * The base of the kernel stack that `frame` is on: aligned to THREAD_SIZE, which is 16 KiB or more
 * (amd64, arm64) or 8 (arm). By pages alone another word fits now and then: the stack pointer that
 * was saved when the task slept, when that was just a page deep (seen on 5.10).
 */
static bool is_stack(const struct cal *c, uint64_t v, uint64_t frame)
{
	return v && !(v & (c->word * 2048 - 1)) && v < frame && frame - v < MAX_STACK;
}

static void find_task_numbers(struct cal *c)
{
	const struct task_view *m = &c->main, *t = &c->thread;
	struct places ids = { 0 }, flags = { 0 };

	for (size_t i = 0; i + 8 <= TASK_BYTES; i += 4) {
		observed(&ids, i, u32_at(m->mem, i) == m->tid && u32_at(m->mem, i + 4) == m->tgid &&
				  u32_at(t->mem, i) == t->tid && u32_at(t->mem, i + 4) == t->tgid);
		observed(&flags, i, m->flags && m->flags != t->flags &&
				    u32_at(m->mem, i) == m->flags && u32_at(t->mem, i) == t->flags);
	}
	settle(c, LF_task_struct_pid, &ids, TASK_BYTES);
	if (c->lo->found[LF_task_struct_pid])
		layout_found(c->lo, LF_task_struct_tgid, c->lo->off[LF_task_struct_pid] + 4);
	settle(c, LF_task_struct_flags, &flags, TASK_BYTES);
}

static void find_task_pointers(struct cal *c, const char *name)
{
	const struct task_view *m = &c->main, *t = &c->thread;
	struct places leader = { 0 }, stack = { 0 }, comm = { 0 };

	for (size_t i = 0; i + 16 <= TASK_BYTES; i += c->word) {
		uint64_t v = word_at(c, m->mem, i), w = word_at(c, t->mem, i);

		observed(&leader, i, v == m->addr && w == m->addr);
		observed(&stack, i, is_stack(c, v, m->frame) && is_stack(c, w, t->frame));
	}
	for (size_t i = 0; i + 16 <= TASK_BYTES; i++)
		observed(&comm, i, !strncmp((const char *)m->mem + i, name, 16) &&
				   !strncmp((const char *)t->mem + i, name, 16));
	settle(c, LF_task_struct_group_leader, &leader, TASK_BYTES);
	settle(c, LF_task_struct_stack, &stack, TASK_BYTES);
	settle(c, LF_task_struct_comm, &comm, TASK_BYTES);
	/* CONFIG_THREAD_INFO_IN_TASK: it has to be the first member; else the stack begins with it,
	 * and task_struct with a pointer to there. */
	if (c->lo->off[LF_task_struct_stack] > 0)
		layout_found(c->lo, LF_task_struct_thread_info, 0);
}

/*
 * The registers of a system call lie at the end of the stack. Those of the call that reads are known:
 * bpf(BPF_PROG_TEST_RUN, attr, size).
 */
#if defined(__x86_64__)
enum { REGS_BEGIN = 14, REGS_STEP = -1, REGS_NR = 15 };	/* di si dx; orig_ax */
#elif defined(__aarch64__)
enum { REGS_BEGIN = 0, REGS_STEP = 1, REGS_NR = 8 };
#else /* arm */
enum { REGS_BEGIN = 0, REGS_STEP = 1, REGS_NR = 7 };
#endif

/*
 * Where the stack ends that begins at `base`: its size is a power of two, and a program that a system
 * call runs is in the upper half of it. Behind it may be anybody's mapping (CONFIG_VMAP_STACK).
 */
static uint64_t stack_end(uint64_t base, uint64_t frame)
{
	uint64_t size = 4096;

	while (base + size <= frame && size < MAX_STACK)
		size *= 2;
	return base + size;
}

static void find_regs(struct cal *c)
{
	uint64_t base = word_at(c, c->main.mem, c->lo->off[LF_task_struct_stack]);
	uint64_t from = c->main.frame & -(uint64_t)PEEK_CHUNK, end = stack_end(base, c->main.frame);
	static uint8_t mem[TASK_BYTES];
	union bpf_attr attr;
	int n = 0;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = bpf_program__fd(c->skel->progs.peek);
	for (size_t i = 0; i < PEEK_CHUNKS; i++) /* 0 is not read */
		c->skel->bss->addr[i] = from + i * PEEK_CHUNK < end ? from + i * PEEK_CHUNK : 0;
	c->skel->bss->count = PEEK_CHUNKS;
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)))
		return;
	memcpy(mem, c->skel->bss->mem, sizeof(mem));
	for (size_t i = 0; i + 16 * c->word <= sizeof(mem); i += c->word) {
		if (!c->skel->bss->ok[(i + 16 * c->word - 1) / PEEK_CHUNK])
			break;
		if (word_at(c, mem, i + (REGS_BEGIN + REGS_STEP) * c->word) != (uintptr_t)&attr ||
		    word_at(c, mem, i + (REGS_BEGIN + 2 * REGS_STEP) * c->word) != sizeof(attr) ||
		    word_at(c, mem, i + REGS_NR * c->word) != SYS_bpf)
			continue;
		c->lo->regs = from + i - base;
		n++;
	}
	if (n != 1)
		c->lo->regs = 0;
}

/* ---- the table of descriptors ------------------------------------------------------------ */

/* Does the array at `fds` have a file where we have one, and none where we have none? */
static bool is_fd_array(struct cal *c, uint64_t fds, uint32_t max)
{
	uint8_t mem[64 * 8];
	int open = 0;

	if (peek(c, fds, mem, 64 * c->word))
		return false;
	for (int fd = 0; fd < 64 && fd < (int)max; fd++) {
		bool have = fcntl(fd, F_GETFD) >= 0;

		if (have != !!word_at(c, mem, fd * c->word))
			return false;
		open += have;
	}
	for (int i = 0; i < NFILES; i++) /* different files, and all of them */
		if ((uint32_t)c->fd[i] >= max)
			return false;
	return open >= NFILES;
}

static int visit_fdtable(struct cal *c, void *ctx, size_t off, uint64_t ptr, const uint8_t *there)
{
	uint32_t max = u32_at(there, 0);
	uint64_t fds = word_at(c, there, c->word);

	(void)ptr;
	if (!max || max % (8 * c->word) || !kernel_pointer(c, fds) || !is_fd_array(c, fds, max))
		return 0;
	*(int *)ctx = off;
	c->fds = fds;
	return 1;
}

static int visit_files(struct cal *c, void *ctx, size_t off, uint64_t ptr, const uint8_t *there)
{
	int fdt = -1;

	(void)ptr;
	/* threads share it */
	if (word_at(c, c->thread.mem, off) != ptr)
		return 0;
	if (follow(c, there, PEEK_CHUNK, 2 * 8, visit_fdtable, &fdt) <= 0)
		return 0;
	layout_found(c->lo, LF_files_struct_fdt, fdt);
	layout_found(c->lo, LF_fdtable_max_fds, 0);
	layout_found(c->lo, LF_fdtable_fd, c->word);
	*(int *)ctx = off;
	return 1;
}

static int find_files(struct cal *c)
{
	int off = -1;

	if (follow(c, c->main.mem, TASK_BYTES, PEEK_CHUNK, visit_files, &off) <= 0)
		return -ENOENT;
	layout_found(c->lo, LF_task_struct_files, off);
	return 0;
}

static uint64_t file_of(struct cal *c, int fd)
{
	uint8_t mem[8];

	return fd < 0 || peek(c, c->fds + (uint64_t)fd * c->word, mem, c->word) ? 0 :
										  word_at(c, mem, 0);
}

/* ---- files and inodes ---------------------------------------------------------------------- */

static int memory_file(void)
{
	int fd = memfd_create("dmaseq", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, 1 << 20)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int open_files(struct cal *c)
{
	c->fd[MEMFD] = memory_file();
	c->fd[MEMFD2] = memory_file();
	if (pipe2(&c->fd[PIPE_R], O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &c->fd[SOCK]))
		return -errno;
	c->fd[NUL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	c->fd[NUL2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	c->fd[ZERO] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < NFILES; i++)
		if (c->fd[i] < 0 || fstat(c->fd[i], &c->st[i]))
			return -errno;
	return 0;
}

static void close_files(struct cal *c)
{
	for (int i = 0; i < NFILES; i++)
		if (c->fd[i] >= 0)
			close(c->fd[i]);
}

/* Word `off` of struct file of two descriptors. */
static bool same(struct cal *c, size_t off, int a, int b)
{
	return word_at(c, c->file_mem[a], off) == word_at(c, c->file_mem[b], off);
}

/* Numbers of inodes that are surely those of stat(): no file system is below another. */
static const int numbered[] = { MEMFD, MEMFD2, PIPE_R, SOCK, SOCK2 };

/* Is word `off` of struct file the inode? Leaves where the number is in *ino. */
static bool is_inode(struct cal *c, size_t off, struct places *ino)
{
	memset(ino, 0, sizeof(*ino));
	for (size_t n = 0; n < DQ_ARRAY_SIZE(numbered); n++) {
		int i = numbered[n];
		uint64_t v = word_at(c, c->file_mem[i], off);

		if (!kernel_pointer(c, v) || peek(c, v, c->inode_mem[i], INODE_BYTES))
			return false;
		for (size_t k = 0; k + c->word <= 256; k += c->word)
			observed(ino, k, word_at(c, c->inode_mem[i], k) == c->st[i].st_ino);
		ino->begun = true;
	}
	return only(ino, 256) >= 0;
}

static int find_inode(struct cal *c)
{
	struct places ino;

	for (size_t off = 0; off < 256; off += c->word) {
		if (same(c, off, MEMFD, MEMFD2) || !same(c, off, NUL, NUL2) ||
		    !same(c, off, PIPE_R, PIPE_W) || !is_inode(c, off, &ino))
			continue;
		layout_found(c->lo, LF_file_f_inode, off);
		settle(c, LF_inode_i_ino, &ino, 256);
		for (int i = 0; i < NFILES; i++) {
			c->inode[i] = word_at(c, c->file_mem[i], off);
			peek(c, c->inode[i], c->inode_mem[i], INODE_BYTES);
		}
		return 0;
	}
	return -ENOENT;
}

static void find_inode_numbers(struct cal *c)
{
	struct places mode = { 0 }, rdev = { 0 };

	for (int i = 0; i < NFILES; i++) {
		const struct stat *st = &c->st[i];
		uint32_t dev = major(st->st_rdev) << 20 | minor(st->st_rdev);

		for (size_t k = 0; k < 256; k += 2) {
			uint16_t m;

			memcpy(&m, c->inode_mem[i] + k, 2);
			observed(&mode, k, m == (uint16_t)st->st_mode);
			observed(&rdev, k, !(k & 3) && u32_at(c->inode_mem[i], k) == dev);
		}
		mode.begun = rdev.begun = true;
	}
	settle(c, LF_inode_i_mode, &mode, 256);
	settle(c, LF_inode_i_rdev, &rdev, 256);
}

/* The superblock of three file systems, by their magic numbers. */
static bool is_sb(struct cal *c, size_t off, struct places *magic)
{
	static const int of[] = { MEMFD, PIPE_R, SOCK };
	uint8_t mem[512];

	memset(magic, 0, sizeof(*magic));
	for (size_t n = 0; n < DQ_ARRAY_SIZE(of); n++) {
		uint64_t v = word_at(c, c->inode_mem[of[n]], off);
		struct statfs fs;

		if (!kernel_pointer(c, v) || fstatfs(c->fd[of[n]], &fs) ||
		    peek(c, v, mem, sizeof(mem)))
			return false;
		for (size_t k = 0; k < sizeof(mem); k += c->word)
			observed(magic, k, word_at(c, mem, k) == (uint64_t)fs.f_type);
		magic->begun = true;
	}
	return only(magic, sizeof(mem)) >= 0;
}

static void find_sb(struct cal *c)
{
	struct places magic, sb = { 0 };
	int at = -1;

	for (size_t off = 0; off < 256; off += c->word)
		if (observed(&sb, off, is_sb(c, off, &magic)))
			at = only(&magic, 512);
	settle(c, LF_inode_i_sb, &sb, 256);
	if (c->lo->found[LF_inode_i_sb])
		layout_found(c->lo, LF_super_block_s_magic, at);
}

/*
 * The counter that follows our descriptors of a file. file_ref_t, in 7.2 and not in 6.12, counts
 * from 0.
 */
static void find_count(struct cal *c)
{
	struct places one = { 0 }, zero = { 0 };
	uint8_t mem[FILE_BYTES];
	int dups[3] = { -1, -1, -1 };

	for (uint64_t n = 0; n < 4; n++) {
		if (peek_object(c, c->file[ZERO], mem, sizeof(mem), c->file_len))
			break;
		for (size_t k = 0; k < sizeof(mem); k += c->word) {
			observed(&one, k, word_at(c, mem, k) == n + 1);
			observed(&zero, k, word_at(c, mem, k) == n);
		}
		one.begun = zero.begun = true;
		if (n < 3)
			dups[n] = fcntl(c->fd[ZERO], F_DUPFD_CLOEXEC, 0);
	}
	for (int i = 0; i < 3; i++)
		if (dups[i] >= 0)
			close(dups[i]);
	settle(c, LF_file_f_count, &one, sizeof(mem));
	if (!c->lo->found[LF_file_f_count])
		settle(c, LF_file_f_ref, &zero, sizeof(mem));
	if (c->lo->found[LF_file_f_count])
		c->lo->off[LF_file_f_ref] = LAYOUT_ABSENT;
	if (c->lo->found[LF_file_f_ref])
		c->lo->off[LF_file_f_count] = LAYOUT_ABSENT;
}

/* A table of functions, after the module that owns it. */
static bool is_fops(struct cal *c, uint64_t v)
{
	uint8_t mem[256];
	int n = 0;

	if (!kernel_pointer(c, v) || peek(c, v, mem, sizeof(mem)) ||
	    dq_ksyms_is_function(c->ksyms, word_at(c, mem, 0)))
		return false;
	for (size_t k = c->word; k < sizeof(mem); k += c->word)
		n += word_at(c, mem, k) && dq_ksyms_is_function(c->ksyms, word_at(c, mem, k));
	return n >= 3;
}

static void find_f_op(struct cal *c)
{
	struct places p = { 0 };

	for (size_t off = 0; off < 256; off += c->word)
		observed(&p, off, same(c, off, MEMFD, MEMFD2) && same(c, off, NUL, NUL2) &&
				  same(c, off, PIPE_R, PIPE_W) && same(c, off, SOCK, SOCK2) &&
				  !same(c, off, NUL, ZERO) && !same(c, off, NUL, MEMFD) &&
				  is_fops(c, word_at(c, c->file_mem[NUL], off)) &&
				  is_fops(c, word_at(c, c->file_mem[SOCK], off)));
	settle(c, LF_file_f_op, &p, 256);
}

/* struct socket is the private data of its file, and points back. */
static void find_private_data(struct cal *c)
{
	static const int socks[] = { SOCK, SOCK2 };
	struct places p = { 0 };
	uint8_t mem[PEEK_CHUNK];

	for (size_t n = 0; n < DQ_ARRAY_SIZE(socks); n++) {
		int i = socks[n];

		for (size_t off = 0; off < FILE_BYTES; off += c->word) {
			uint64_t v = word_at(c, c->file_mem[i], off);
			bool back = false;

			if (kernel_pointer(c, v) && !same(c, off, SOCK, SOCK2) &&
			    same(c, off, PIPE_R, PIPE_W) && !word_at(c, c->file_mem[MEMFD], off) &&
			    !peek(c, v, mem, sizeof(mem)))
				for (size_t k = 0; k < sizeof(mem); k += c->word)
					back |= word_at(c, mem, k) == c->file[i];
			observed(&p, off, back);
		}
		p.begun = true;
	}
	settle(c, LF_file_private_data, &p, FILE_BYTES);
}

/* ---- a dentry ------------------------------------------------------------------------------- */

/*
 * A terminal's dentry and its file both know the tty (devpts_pty_new, 4.8 to 7.2): the file through
 * struct tty_file_private, whose first member it is.
 */
struct pty {
	uint64_t inode, tty;
};

/*
 * Where a dentry of this inode has a word, or -1. The first place: where it is not known how long one
 * is, the next of the slab may have been that of the same terminal, which got the same memory for
 * its tty (32 bits).
 */
static int in_dentry(const struct cal *c, const uint8_t *there, uint64_t inode, uint64_t word)
{
	bool found = false;
	int at = -1;

	for (size_t k = 0; k < c->dentry_len; k += c->word) {
		found |= word_at(c, there, k) == inode;
		if (at < 0 && word_at(c, there, k) == word)
			at = k;
	}
	return found ? at : -1;
}

static int visit_dentry(struct cal *c, void *ctx, size_t off, uint64_t ptr, const uint8_t *there)
{
	const struct pty *pty = ctx;
	int at = in_dentry(c, there, pty->inode, pty->tty);

	(void)off;
	(void)ptr;
	if (at < 0)
		return 0;
	layout_found(c->lo, LF_dentry_d_fsdata, at);
	return 1;
}

/* Without terminals: d_sb, d_time, d_fsdata are in this order from 2.6 to 7.2. */
static int visit_any_dentry(struct cal *c, void *ctx, size_t off, uint64_t ptr, const uint8_t *there)
{
	uint64_t sb = word_at(c, c->inode_mem[MEMFD], c->lo->off[LF_inode_i_sb]);
	int at = in_dentry(c, there, c->inode[MEMFD], sb);

	(void)ctx;
	(void)off;
	(void)ptr;
	if (at < 0)
		return 0;
	c->lo->off[LF_dentry_d_fsdata] = at + 2 * c->word;
	return 1;
}

static void find_d_fsdata(struct cal *c)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1, zero = 0;
	uint8_t mem[FILE_BYTES], there[8];
	struct pty pty;

	if (master >= 0 && !ioctl(master, TIOCSPTLCK, &zero))
		slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave >= 0 && !peek_object(c, file_of(c, slave), mem, sizeof(mem), c->file_len) &&
	    !peek(c, word_at(c, mem, c->lo->off[LF_file_private_data]), there, c->word)) {
		pty.inode = word_at(c, mem, c->lo->off[LF_file_f_inode]);
		pty.tty = word_at(c, there, 0);
		if (kernel_pointer(c, pty.tty))
			follow(c, mem, sizeof(mem), DENTRY_BYTES, visit_dentry, &pty);
	}
	if (!c->lo->found[LF_dentry_d_fsdata] && c->lo->found[LF_inode_i_sb])
		follow(c, c->file_mem[MEMFD], FILE_BYTES, DENTRY_BYTES, visit_any_dentry, NULL);
	if (slave >= 0)
		close(slave);
	if (master >= 0)
		close(master);
}

/* ---- a mapping -------------------------------------------------------------------------------- */

#define MAP_PGOFF 0x53
#define MAP_PAGES 5

/* The mapping's node in its file's tree is inside of struct vm_area_struct, which begins with the
 * two addresses: 0 when it is not near. */
static uint64_t vma_around(struct cal *c, uint64_t node, uint64_t start, uint64_t end)
{
	uint8_t mem[512];

	if (!kernel_pointer(c, node) || peek(c, node - 384, mem, sizeof(mem)))
		return 0;
	for (size_t k = 0; k + 2 * c->word <= sizeof(mem); k += c->word)
		if (word_at(c, mem, k) == start && word_at(c, mem, k + c->word) == end)
			return node - 384 + k;
	return 0;
}

/* What the inode did not point to before we mapped the file. */
static uint64_t find_vma(struct cal *c, uint64_t start, uint64_t end)
{
	uint8_t now[INODE_BYTES];
	uint64_t vma = 0;

	peek(c, c->inode[MEMFD], now, sizeof(now));
	for (size_t k = 0; !vma && k < sizeof(now); k += c->word)
		if (word_at(c, now, k) != word_at(c, c->inode_mem[MEMFD], k))
			vma = vma_around(c, word_at(c, now, k), start, end);
	return vma;
}

static void find_vma_fields(struct cal *c, void *map, uint64_t page)
{
	static const struct {
		int prot;
		uint8_t flags; /* VM_READ, WRITE, EXEC, SHARED: 1 2 4 8; VM_MAY...: the same << 4 */
	} prots[] = { { PROT_READ, 0xf9 }, { PROT_READ | PROT_WRITE, 0xfb }, { PROT_NONE, 0xf8 } };
	struct places flags = { 0 }, pgoff = { 0 }, file = { 0 };
	uint64_t start = (uintptr_t)map, vma;
	uint8_t mem[256];

	for (size_t n = 0; n < DQ_ARRAY_SIZE(prots); n++) {
		if (mprotect(map, MAP_PAGES * page, prots[n].prot))
			return;
		vma = find_vma(c, start, start + MAP_PAGES * page);
		if (!vma || peek(c, vma, mem, sizeof(mem)))
			return;
		for (size_t k = 0; k < sizeof(mem); k += c->word) {
			observed(&flags, k, (word_at(c, mem, k) & 0xff) == prots[n].flags);
			observed(&pgoff, k, word_at(c, mem, k) == MAP_PGOFF);
			observed(&file, k, word_at(c, mem, k) == c->file[MEMFD]);
		}
		flags.begun = pgoff.begun = file.begun = true;
	}
	layout_found(c->lo, LF_vm_area_struct_vm_start, 0);
	layout_found(c->lo, LF_vm_area_struct_vm_end, c->word);
	settle(c, LF_vm_area_struct_vm_flags, &flags, sizeof(mem));
	settle(c, LF_vm_area_struct_vm_pgoff, &pgoff, sizeof(mem));
	settle(c, LF_vm_area_struct_vm_file, &file, sizeof(mem));
}

static void find_mapping(struct cal *c)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, MAP_PAGES * page, PROT_READ, MAP_SHARED, c->fd[MEMFD],
			 MAP_PGOFF * page);

	if (map == MAP_FAILED)
		return;
	find_vma_fields(c, map, page);
	munmap(map, MAP_PAGES * page);
}

/* ---- devices ------------------------------------------------------------------------------------ */

#define DEVICE_BYTES 768
#define DEVICES	     4		/* with different drivers, at least one of them a module if any is */

struct device_view {
	char path[2 * NAME_MAX], name[NAME_MAX + 1], driver[NAME_MAX + 1], bus[NAME_MAX + 1];
	char module[NAME_MAX + 1];
	uint64_t kn;		/* its node in sysfs */
	uint64_t addr;
	uint8_t mem[DEVICE_BYTES];
};

/* Last part of where a link below a directory points to. */
static bool link_name(const char *dir, const char *link, char buf[static NAME_MAX + 1])
{
	char path[PATH_MAX], to[PATH_MAX];
	ssize_t n;
	char *p;

	snprintf(path, sizeof(path), "%s/%s", dir, link);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return false;
	to[n] = '\0';
	p = strrchr(to, '/');
	snprintf(buf, NAME_MAX + 1, "%.*s", NAME_MAX, p ? p + 1 : to);
	return true;
}

/* Is there this string at addr? */
static bool is_string(struct cal *c, uint64_t addr, const char *s)
{
	uint8_t mem[PEEK_CHUNK];
	size_t len = strlen(s) + 1;

	return addr && len <= sizeof(mem) && !peek(c, addr, mem, sizeof(mem)) && !memcmp(mem, s, len);
}

/* Does the structure at addr begin with a pointer to this name? So do kobject, bus_type, driver. */
static bool is_named(struct cal *c, uint64_t addr, const char *name)
{
	uint8_t mem[8];

	return kernel_pointer(c, addr) && !peek(c, addr, mem, c->word) &&
	       is_string(c, word_at(c, mem, 0), name);
}

/* A node of sysfs: it has the name of the directory, and what it shows is a kobject of that name. */
static int visit_kernfs_node(struct cal *c, void *ctx, size_t off, uint64_t ptr, const uint8_t *there)
{
	struct device_view *d = ctx;

	(void)off;
	(void)ptr;
	for (size_t k = 0; k < PEEK_CHUNK; k += c->word) {
		uint64_t v = word_at(c, there, k);

		if (v != ptr && is_named(c, v, d->name)) {
			d->addr = v;
			return 1;
		}
	}
	return 0;
}

static bool view_device(struct cal *c, struct device_view *d)
{
	uint8_t file[FILE_BYTES], inode[INODE_BYTES];
	int fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;

	ok = fd >= 0 && !peek(c, file_of(c, fd), file, sizeof(file)) &&
	     !peek(c, word_at(c, file, c->lo->off[LF_file_f_inode]), inode, sizeof(inode)) &&
	     follow(c, inode, sizeof(inode), PEEK_CHUNK, visit_kernfs_node, d) > 0 &&
	     !peek(c, d->addr, d->mem, sizeof(d->mem));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Drivers that are built in have a module in sysfs too (7.x), but no struct module. */
static bool loaded_module(const struct device_view *d)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/driver/module/initstate", d->path);
	return !access(path, F_OK);
}

/* Devices of one bus, each driver once. */
static size_t devices_of_bus(struct cal *c, const char *bus, struct device_view *v, size_t n)
{
	char dir[PATH_MAX];
	struct dirent *e;
	DIR *dp;

	snprintf(dir, sizeof(dir), "/sys/bus/%s/devices", bus);
	dp = opendir(dir);
	while (dp && n < DEVICES && (e = readdir(dp))) {
		struct device_view *d = &v[n];
		bool known = false;

		if (e->d_name[0] == '.' || strlen(e->d_name) >= PEEK_CHUNK)
			continue;
		memset(d, 0, sizeof(*d));
		snprintf(d->path, sizeof(d->path), "/sys/bus/%.200s/devices/%.200s", bus, e->d_name);
		if (!link_name(d->path, "driver", d->driver) ||
		    !link_name(d->path, "subsystem", d->bus))
			continue;
		if (loaded_module(d))
			link_name(d->path, "driver/module", d->module);
		else if (n == DEVICES - 1)
			continue;
		snprintf(d->name, sizeof(d->name), "%s", e->d_name);
		for (size_t i = 0; i < n; i++)
			known |= !strcmp(v[i].driver, d->driver);
		if (!known && view_device(c, d))
			n++;
	}
	if (dp)
		closedir(dp);
	return n;
}

static size_t view_devices(struct cal *c, struct device_view *v)
{
	DIR *dp = opendir("/sys/bus");
	struct dirent *e;
	size_t n = 0;

	while (dp && n < DEVICES && (e = readdir(dp)))
		if (e->d_name[0] != '.')
			n = devices_of_bus(c, e->d_name, v, n);
	if (dp)
		closedir(dp);
	return n;
}

/* A structure of a driver names its module, whose name is inside of struct module. */
static int visit_module(struct cal *c, void *ctx, size_t off, uint64_t ptr, const uint8_t *there)
{
	const struct device_view *d = ctx;

	(void)off;
	(void)ptr;
	/* after the state and the list of all modules */
	for (size_t k = 2 * c->word; k < 64; k += 4)
		if (!strncmp((const char *)there + k, d->module, PEEK_CHUNK - k) &&
		    kernel_pointer(c, word_at(c, there, k - c->word)) &&
		    kernel_pointer(c, word_at(c, there, k - 2 * c->word))) {
			layout_found(c->lo, LF_module_name, k);
			return 1;
		}
	return 0;
}

static void find_module_name(struct cal *c, const struct device_view *v, size_t n)
{
	uint8_t mem[PEEK_CHUNK];

	for (size_t i = 0; i < n && !c->lo->found[LF_module_name]; i++) {
		const struct device_view *d = &v[i];

		if (d->module[0] &&
		    !peek(c, word_at(c, d->mem, c->lo->off[LF_device_driver]), mem, sizeof(mem)))
			follow(c, mem, sizeof(mem), PEEK_CHUNK, visit_module, (void *)d);
	}
}

static void find_devices(struct cal *c)
{
	struct device_view *v = calloc(DEVICES, sizeof(*v));
	struct places bus = { 0 }, driver = { 0 };
	size_t n = v ? view_devices(c, v) : 0;
	int at;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = c->word; k < DEVICE_BYTES; k += c->word) {
			uint64_t p = word_at(c, v[i].mem, k);

			if (!bus.begun || bus.fits[k])
				observed(&bus, k, is_named(c, p, v[i].bus));
			if (!driver.begun || driver.fits[k])
				observed(&driver, k, is_named(c, p, v[i].driver));
		}
		bus.begun = driver.begun = true;
	}
	if (n < 2) { /* none, or one that proves nothing */
		free(v);
		return;
	}
	settle(c, LF_device_driver, &driver, DEVICE_BYTES);
	/* init_name, type, bus, driver: in this order from 2.6.30 to 7.2. Parents of devices are often
	 * called like the bus; a registered device has no init_name. */
	at = c->lo->off[LF_device_driver] - (int)c->word;
	if (at > 0 && bus.fits[at])
		layout_found(c->lo, LF_device_bus, at);
	at = c->lo->off[LF_device_bus] - 2 * (int)c->word;
	if (at > 0 && !word_at(c, v[0].mem, at) && !word_at(c, v[1].mem, at))
		layout_found(c->lo, LF_device_init_name, at);
	if (c->lo->found[LF_device_driver])
		find_module_name(c, v, n);
	free(v);
}

/* ---- dma-buf -------------------------------------------------------------------------------------- */

/*
 * struct dma_buf_ops begins with cache_sgt_mapping until that was removed (after 6.12), and with it
 * __map_dma_buf(), which 5.10 does not have either. Where Android's kernels insert more callbacks
 * the places of those behind them are not known. Each table is checked before its functions are
 * probed: layout_holds() in ops.c.
 */
static void place_ops(struct cal *c)
{
	static const enum layout_field order[] = {
		LF_dma_buf_ops_attach,	       LF_dma_buf_ops_detach,
		LF_dma_buf_ops_pin,	       LF_dma_buf_ops_unpin,
		LF_dma_buf_ops_map_dma_buf,    LF_dma_buf_ops_unmap_dma_buf,
		LF_dma_buf_ops_release,	       LF_dma_buf_ops_begin_cpu_access,
		LF_dma_buf_ops_end_cpu_access, LF_dma_buf_ops_mmap,
		LF_dma_buf_ops_vmap,	       LF_dma_buf_ops_vunmap,
	};
	bool android = dq_ksyms_addr(c->ksyms, "dma_buf_begin_cpu_access_partial");
	bool cached = dq_ksyms_addr(c->ksyms, "__map_dma_buf") ||
		      !dq_ksyms_addr(c->ksyms, "dma_buf_map_attachment_unlocked");

	for (size_t i = 0; i < DQ_ARRAY_SIZE(order); i++) {
		if (android && order[i] > LF_dma_buf_ops_begin_cpu_access)
			break;
		c->lo->off[order[i]] = (i + cached) * c->word;
	}
}

/* ---- a buffer that exists already --------------------------------------------------------------- */

/* A descriptor of ours for descriptor `fd` of process `pid`, when that is a dma-buf; or -1. */
static int take_buffer(const char *pid, const char *fd)
{
	char path[64], to[32] = "";
	int pidfd, ret;

	snprintf(path, sizeof(path), "/proc/%.16s/fd/%.16s", pid, fd);
	if (readlink(path, to, sizeof(to) - 1) < 0 || strncmp(to, "/dmabuf:", 8))
		return -1;
	pidfd = syscall(SYS_pidfd_open, atoi(pid), 0);
	if (pidfd < 0)
		return -1;
	ret = syscall(SYS_pidfd_getfd, pidfd, atoi(fd), 0);
	close(pidfd);
	return ret;
}

static int buffer_of(const char *pid)
{
	char path[32];
	struct dirent *e;
	int fd = -1;
	DIR *dp;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	dp = opendir(path);
	while (dp && fd < 0 && (e = readdir(dp)))
		fd = e->d_name[0] == '.' ? -1 : take_buffer(pid, e->d_name);
	if (dp)
		closedir(dp);
	return fd;
}

static int any_buffer(void)
{
	DIR *dp = opendir("/proc");
	struct dirent *e;
	int fd = -1;

	while (dp && fd < 0 && (e = readdir(dp)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			fd = buffer_of(e->d_name);
	if (dp)
		closedir(dp);
	return fd;
}

/* What /proc says about our descriptor: the name of its exporter. */
static bool exporter_of(int fd, char *buf, size_t size)
{
	char path[48], line[128];
	bool ok = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && !ok && fgets(line, sizeof(line), f)) {
		ok = !strncmp(line, "exp_name:\t", 10);
		if (ok)
			snprintf(buf, size, "%.*s", (int)strcspn(line + 10, "\n"), line + 10);
	}
	if (f)
		fclose(f);
	return ok;
}

static bool is_module(struct cal *c, uint64_t addr)
{
	uint8_t mem[PEEK_CHUNK];
	char path[96];
	int at = c->lo->off[LF_module_name];

	if (at < 0 || !kernel_pointer(c, addr) || peek(c, addr, mem, sizeof(mem)))
		return false;
	mem[sizeof(mem) - 1] = '\0';
	snprintf(path, sizeof(path), "/sys/module/%.56s/refcnt", (char *)mem + at);
	return mem[at] && !strchr((char *)mem + at, '/') && !access(path, F_OK);
}

static void look_at_buffer(struct cal *c, int fd)
{
	struct places exp_name = { 0 }, owner = { 0 };
	uint64_t file = file_of(c, fd), size = lseek(fd, 0, SEEK_END), buf;
	uint8_t mem[256];
	char exporter[80];

	if (peek(c, file, mem, sizeof(mem)) || !exporter_of(fd, exporter, sizeof(exporter)))
		return;
	buf = word_at(c, mem, c->lo->off[LF_file_private_data]);
	if (peek(c, buf, mem, sizeof(mem)) || word_at(c, mem, 0) != size ||
	    word_at(c, mem, c->word) != file)
		return;
	layout_found(c->lo, LF_dma_buf_size, 0);
	layout_found(c->lo, LF_dma_buf_file, c->word);
	for (size_t k = 5 * c->word; k < sizeof(mem); k += c->word) {
		observed(&exp_name, k, is_string(c, word_at(c, mem, k), exporter));
		observed(&owner, k, is_module(c, word_at(c, mem, k)));
	}
	settle(c, LF_dma_buf_exp_name, &exp_name, sizeof(mem));
	settle(c, LF_dma_buf_owner, &owner, sizeof(mem));
	/* set by a program, so that it may be anything: from 5.3 to 7.2 it follows */
	if (c->lo->found[LF_dma_buf_exp_name])
		c->lo->off[LF_dma_buf_name] = c->lo->off[LF_dma_buf_exp_name] + c->word;
}

/* Without one, the probes learn the same at the first export that they see (bpf/learn.h). */
static void find_buffer(struct cal *c)
{
	int fd = any_buffer();

	if (fd < 0)
		return;
	look_at_buffer(c, fd);
	close(fd);
}

/* ---- all ------------------------------------------------------------------------------------------- */

static int calibrate_files(struct cal *c)
{
	int err;

	for (int i = 0; i < NFILES; i++) {
		c->file[i] = file_of(c, c->fd[i]);
		if (!c->file[i] || peek_object(c, c->file[i], c->file_mem[i], FILE_BYTES, c->file_len))
			return -EFAULT;
	}
	err = find_inode(c);
	if (err)
		return err;
	find_inode_numbers(c);
	find_sb(c);
	find_count(c);
	find_f_op(c);
	find_private_data(c);
	if (c->lo->found[LF_file_private_data])
		find_d_fsdata(c);
	find_mapping(c);
	find_devices(c);
	if (c->lo->found[LF_file_private_data])
		find_buffer(c);
	return 0;
}

static int calibrate_all(struct cal *c)
{
	char name[16];
	int err = open_files(c);

	if (!err)
		err = view_tasks(c, name);
	if (err)
		return err;
	find_task_numbers(c);
	find_task_pointers(c, name);
	if (c->lo->found[LF_task_struct_stack])
		find_regs(c);
	place_ops(c);
	if (!find_files(c))
		calibrate_files(c);
	return 0;
}

int calibrate(struct layout *lo, const struct dq_ksyms *ksyms)
{
	struct cal *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->word = sizeof(void *);
	c->lo = lo;
	c->ksyms = ksyms;
	object_sizes(c);
	memset(c->fd, -1, sizeof(c->fd));
	layout_init(lo, c->word);
	c->skel = peek_bpf__open_and_load();
	err = c->skel ? calibrate_all(c) : -errno;
	close_files(c);
	kmem_free(&c->kmem);
	peek_bpf__destroy(c->skel);
	free(c);
	return err;
}
