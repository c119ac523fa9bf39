/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_record_out.c - the file of a recording when it cannot be written any more, and when it is
 * followed by others. Errors come from the kernel: a limit, a pipe whose reader has gone, and a seccomp
 * filter that answers write() as a broken disk would. What was written before must be readable,
 * and what is missing be counted, by the recorder and, where it can still be written, in the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "cmd/record_out.h"
#include "cmd/record_rotate.h"
#include "trace/validate.h"
#include "util/util.h"

#define CALLS 60000

static char dir[] = "/tmp/dq-out-XXXXXX";

static void no_word(enum dq_level level, const char *text, void *ctx)
{
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	dq_log_sink(no_word, NULL);
	signal(SIGXFSZ, SIG_IGN);
	return !mkdtemp(dir) || chdir(dir);
}

static int tear_down(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* ---- a recording ---- */

struct source {
	struct dq_sink to;
	uint64_t t, noise;
	uint32_t seq;
};

static void put_start(struct source *s, struct dq_sink to)
{
	struct dq_item task = { .kind = DQ_TASK, .task = { .id = 1, .tid = 7, .tgid = 7, .comm = "cam" } };
	struct dq_item buf = { .kind = DQ_BUF, .buf = { .id = 1, .t = 1, .exp_name = "drm" } };

	*s = (struct source){ .to = to, .t = 1000, .noise = 1 };
	assert_int_equal(to.put(to.ctx, &task), 0);
	assert_int_equal(to.put(to.ctx, &buf), 0);
}

/* Of times that cannot be compressed; the sink's answer. */
static int put_call(struct source *s)
{
	struct dq_item it = { .kind = DQ_CALL, .call = { .hook = HOOK_BEGIN_CPU, .task = 1, .buf = 1 } };

	s->noise = s->noise * 6364136223846793005ULL + 1442695040888963407ULL;
	it.call.t0 = s->t;
	it.call.dur = s->noise >> 44;
	it.call.seq = ++s->seq;
	s->t += it.call.dur + (s->noise >> 20 & 0xfffff);
	return s->to.put(s->to.ctx, &it);
}

static void put_end(struct source *s)
{
	struct dq_item end = { .kind = DQ_END, .end = { .t = s->t, .reason = "done", .calls = s->seq } };

	s->to.put(s->to.ctx, &end);
}

/* ---- what is in a file ---- */

struct content {
	uint64_t calls, first_seq, last_seq, disk;
	char reason[64];
	uint64_t end_calls, end_lost;
	bool whole, part;
	uint64_t problems;
};

static void complain(const char *text, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "not valid: %s\n", text);
}

static void look(struct content *c, const struct dq_item *it)
{
	if (it->kind == DQ_CALL) {
		if (!c->calls++)
			c->first_seq = it->call.seq;
		assert_int_equal(it->call.seq, c->first_seq + c->calls - 1);
		c->last_seq = it->call.seq;
	} else if (it->kind == DQ_END) {
		snprintf(c->reason, sizeof(c->reason), "%s", it->end.reason);
		c->end_calls = it->end.calls;
		c->end_lost = it->end.lost;
	} else if (it->kind == DQ_LOSS) {
		assert_string_equal(it->loss.source, "disk");
		c->disk += it->loss.count;
	} else if (it->kind == DQ_META) {
		c->part |= !strcmp(it->meta.key, "keep.from");
	}
}

static struct content read_back(const char *path)
{
	const struct dq_reader_state *st;
	struct dq_validator *v;
	struct content c = { 0 };
	struct dq_reader *r;
	struct dq_item item;
	char *err = NULL;

	assert_int_equal(dq_reader_open(&r, path, &err), 0);
	assert_int_equal(dq_validator_new(&v, complain, NULL), 0);
	while (dq_reader_next(r, &item) == 1) {
		assert_int_equal(dq_validator_item(v, &item), 0);
		look(&c, &item);
	}
	st = dq_reader_state(r);
	c.whole = !st->truncated && !st->no_end;
	assert_int_equal(st->bad_chunks + st->lost_chunks + st->skipped_bytes, 0);
	if (c.whole)
		assert_int_equal(dq_validator_end(v, st), 0);
	c.problems = dq_validator_problems(v);
	assert_int_equal(c.problems, 0);
	dq_validator_free(&v);
	dq_reader_free(&r);
	return c;
}

/* ---- disks that break ---- */

/* From here on, write() to fd fails. Cannot be undone. */
static void break_write(int fd, int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)fd, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		_exit(99);
}

struct told {
	int err;
	uint64_t calls, missing;
};

/* A recording of CALLS calls in a process of its own, which has `trouble` in the middle of it. */
static struct told in_process(const char *path, void (*trouble)(const struct record_out *o, int arg), int arg)
{
	struct record_clock clock = record_clock_now();
	struct told told = { 0 };
	struct record_out o;
	struct source s;
	int p[2], st;
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (!pid) {
		if (record_out_open(&o, path, false) || record_out_begin(&o, &clock))
			_exit(98);
		put_start(&s, record_out_sink(&o));
		for (int i = 0; i < CALLS; i++) {
			if (i == CALLS / 2 && trouble)
				trouble(&o, arg);
			if (put_call(&s))
				_exit(97);
		}
		put_end(&s);
		told.err = record_out_close(&o);
		told.calls = o.calls;
		told.missing = o.missing;
		_exit(write(p[1], &told, sizeof(told)) != sizeof(told));
	}
	close(p[1]);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	assert_int_equal(read(p[0], &told, sizeof(told)), sizeof(told));
	close(p[0]);
	return told;
}

static void limit(const struct record_out *o, int arg)
{
	struct rlimit l = { (rlim_t)arg + dq_writer_bytes(o->w), RLIM_INFINITY };

	setrlimit(RLIMIT_FSIZE, &l);
}

static void break_disk(const struct record_out *o, int arg)
{
	break_write(o->file.fd, arg);
}

static void no_trouble(void **state)
{
	struct told told = in_process("fine", NULL, 0);
	struct content c = read_back("fine");

	(void)state;
	assert_int_equal(told.err, 0);
	assert_int_equal(told.missing, 0);
	assert_int_equal(c.calls, CALLS);
	assert_string_equal(c.reason, "done");
}

/* ulimit -f, and what a file system without large files does at 2 GiB: part of a chunk gets there. */
static void limits(void **state)
{
	(void)state;
	for (int room = 1; room < 200000; room = room * 3 + 100) {
		struct told told = in_process("limited", limit, room);
		struct content c = read_back("limited");

		assert_int_equal(told.err, -EFBIG);
		assert_int_equal(told.calls, CALLS);
		assert_true(told.missing > 0);
		assert_int_equal(c.calls, CALLS - told.missing);
		/* the rest of a chunk makes room for an end, when it is as large as one */
		if (room > 200) {
			assert_true(c.whole);
			assert_string_equal(c.reason, "cannot write: EFBIG");
			assert_int_equal(c.disk, told.missing);
			assert_int_equal(c.end_lost, told.missing);
			assert_int_equal(c.end_calls, c.calls);
		}
		unlink("limited");
	}
}

static void disks(void **state)
{
	static const int errs[] = { ENOSPC, EIO, EDQUOT, ESTALE };

	(void)state;
	for (size_t i = 0; i < sizeof(errs) / sizeof(*errs); i++) {
		struct told told = in_process("broken", break_disk, errs[i]);
		struct content c = read_back("broken");

		assert_int_equal(told.err, -errs[i]);
		assert_true(told.missing >= CALLS / 2);
		assert_int_equal(c.calls, CALLS - told.missing);
		assert_true(c.calls > 1000);
		assert_false(c.whole); /* not even an end could be written */
		unlink("broken");
	}
}

static void pipes(void **state)
{
	static char got[1 << 20];
	struct told told;
	size_t n = 0;
	ssize_t len = 1;
	int fd;
	pid_t pid;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	pid = fork();
	if (!pid) {
		int out = open("got", O_WRONLY | O_CREAT, 0600);

		fd = open("pipe", O_RDONLY);
		while (n < 70000 && len > 0) {
			len = read(fd, got, 4096);
			n += len > 0 ? (size_t)len : 0;
			if (len > 0 && write(out, got, (size_t)len) != len)
				_exit(1);
		}
		_exit(0);
	}
	told = in_process("pipe", NULL, 0);
	assert_int_equal(waitpid(pid, &fd, 0), pid);
	assert_int_equal(told.err, -EPIPE);
	assert_int_equal(told.calls, CALLS);
	assert_true(told.missing > 0);
	assert_true(read_back("got").calls > 1000);
}

/* ---- one file after the other ---- */

#define SIZE (256U << 10)

static int open_rotating(struct record_out *o, struct record_rotate *r, unsigned int files, bool force)
{
	const struct record_rotate_opts ro = { .size = SIZE, .files = files, .force = force };
	struct record_clock clock = record_clock_now();

	assert_int_equal(record_out_open(o, "turn", force), 0);
	return record_rotate_init(r, o, &ro) ? -1 : record_out_begin(o, &clock);
}

static void one_after_the_other(void **state)
{
	struct record_rotate r;
	struct record_out o;
	struct source s;
	uint64_t expect = 0, bytes = 0;
	char name[32];
	struct stat st;

	(void)state;
	assert_int_equal(open_rotating(&o, &r, 100, false), 0);
	put_start(&s, record_rotate_sink(&r));
	for (int i = 0; i < 6 * CALLS; i++)
		assert_int_equal(put_call(&s), 0);
	put_end(&s);
	assert_int_equal(record_out_close(&o), 0);
	assert_true(r.ended > 3);
	assert_int_equal(r.older, r.ended);
	for (unsigned int i = r.older + 1; i-- > 0;) {
		struct content c;

		snprintf(name, sizeof(name), i ? "turn.%u" : "turn", i);
		c = read_back(name);
		assert_true(c.whole);
		assert_int_equal(c.end_calls, c.calls);
		assert_int_equal(c.first_seq, expect + 1);
		assert_int_equal(c.part, i != r.older);
		assert_string_equal(c.reason, i ? "rotated" : "done");
		expect = c.last_seq;
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_true(st.st_size <= SIZE);
		assert_true(!i || st.st_size > SIZE / 2);
		bytes += (uint64_t)st.st_size;
	}
	assert_int_equal(expect, 6 * CALLS);
	assert_int_equal(r.calls + o.calls, 6 * CALLS);
	assert_int_equal(r.bytes + o.bytes, bytes);
	assert_int_equal(access("turn.next", F_OK), -1);
	record_rotate_done(&r);

	/* they are in the way of the next one, or make way */
	assert_int_equal(unlink("turn"), 0);
	assert_int_equal(open_rotating(&o, &r, 3, false), -1);
	record_out_close(&o);
	record_rotate_done(&r);
	assert_int_equal(open_rotating(&o, &r, 3, true), 0);
	put_start(&s, record_rotate_sink(&r));
	for (int i = 0; i < 6 * CALLS; i++)
		assert_int_equal(put_call(&s), 0);
	put_end(&s);
	assert_int_equal(record_out_close(&o), 0);
	assert_int_equal(r.older, 2);
	assert_true(r.ended > 3);
	assert_int_equal(access("turn.2", F_OK), 0);
	assert_int_equal(read_back("turn").last_seq, 6 * CALLS);
	assert_int_equal(read_back("turn").first_seq, read_back("turn.1").last_seq + 1);
	assert_int_equal(read_back("turn.1").first_seq, read_back("turn.2").last_seq + 1);
	record_rotate_done(&r);
}

/* There is no other file to be had: the one that is there is ended, and says why. */
static void no_next_file(void **state)
{
	struct record_rotate r;
	struct record_out o;
	struct source s;
	struct content c;
	int err = 0;

	(void)state;
	assert_int_equal(open_rotating(&o, &r, 3, true), 0);
	assert_int_equal(mkdir("turn.next", 0700), 0);
	put_start(&s, record_rotate_sink(&r));
	for (int i = 0; i < 6 * CALLS && !err; i++)
		err = put_call(&s);
	assert_int_equal(err, -EEXIST);
	assert_int_equal(put_call(&s), -EEXIST);
	assert_int_equal(record_out_close(&o), 0);
	c = read_back("turn");
	assert_true(c.whole);
	assert_string_equal(c.reason, "cannot rotate: EEXIST");
	assert_int_equal(c.end_calls, c.calls);
	record_rotate_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_trouble), cmocka_unit_test(limits),
		cmocka_unit_test(disks),      cmocka_unit_test(pipes),
		cmocka_unit_test(one_after_the_other), cmocka_unit_test(no_next_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
