// SPDX-License-Identifier: BSD-2-Clause
/*
 * dqlab-run.c - runs a script of the lab (*.lab): commands of the module (dqlab.c tells
 * them) and, in between, what only an application can do.
 *
 *	dqlab-run [--as NAME] SCRIPT
 *
 * NAME is the process's name (15 bytes).
 * A line is a command. Words that begin with $ are variables, a single letter each. Commands of
 * the module with " ; " between them are one system call.
 *
 *   x = COMMAND...       the result of the command
 *   ! ERRNO COMMAND...   which must fail with that errno (a name)
 *   ? ERRNO COMMAND...   which may
 *   repeat N ... done    not nested
 *   close FD, dup FD     -> the new one
 *   name FD NAME         DMA_BUF_SET_NAME
 *   sync FD start|end r|w|rw|none
 *   ioctl FD NUMBER
 *   mmap FD BYTES [ro]   munmap gives it back; dev-mmap BYTES maps what "select" chose
 *   munmap
 *   nofile N             RLIMIT_NOFILE; 0: as many as are open
 *   files N              what /proc/sys/fs/file-max says; 0: as it was
 *   nobody, root         the user that the next commands run as
 *   alarm MS             a signal comes that long from now, and interrupts
 *   exec                 another program is started, and ends
 *   linger               the script goes on and ends, a copy of the process stays
 *   sleep MS
 *   armed FUNCTION       waits until somebody's kprobe is on it
 *   anything else        goes to /dev/dqlab
 *
 * Ends with 1, the line and the reason on stderr, when a line did not do what it should.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef DMA_BUF_SET_NAME_A
#define DMA_BUF_SET_NAME_A _IOW(DMA_BUF_BASE, 1, uint32_t)
#endif

#define MAX_LINES 500
#define MAX_WORDS 40

static const char *script;
static char *lines[MAX_LINES];
static int nlines;
static long vars[26];
static int lab = -1;
static void *mapped;
static size_t mapped_len;

static void die(int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "dqlab-run: %s:%d: ", script, line + 1);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void read_script(const char *path)
{
	FILE *f = fopen(path, "r");
	char buf[256];

	script = path;
	if (!f)
		die(0, "%s", strerror(errno));
	while (nlines < MAX_LINES && fgets(buf, sizeof(buf), f)) {
		buf[strcspn(buf, "#\n")] = '\0';
		lines[nlines++] = strdup(buf);
	}
	fclose(f);
}

static long result(long r)
{
	return r < 0 ? -errno : r;
}

/* ---- what an application does ---- */

static long set_limit(long n)
{
	struct rlimit l;
	int fd;

	if (!n) {
		fd = open("/dev/null", O_RDONLY);
		close(fd);
		n = fd;
	}
	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = n;
	return result(setrlimit(RLIMIT_NOFILE, &l));
}

static long map(int fd, size_t len, bool ro)
{
	mapped = mmap(NULL, len, PROT_READ | (ro ? 0 : PROT_WRITE), MAP_SHARED, fd, 0);
	mapped_len = len;
	if (mapped == MAP_FAILED)
		return -errno;
	if (!ro)
		*(volatile char *)mapped = 1;
	return 0;
}

static long set_files(long n)
{
	static const char path[] = "/proc/sys/fs/file-max";
	static char before[32];
	FILE *f = fopen(path, n ? "r" : "we");

	if (!f)
		return -errno;
	if (!n) {
		fputs(before, f);
		return result(fclose(f));
	}
	if (!fgets(before, sizeof(before), f))
		before[0] = '\0';
	fclose(f);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f, "%ld\n", n);
	return result(fclose(f));
}

static void on_alarm(int sig)
{
	(void)sig;
}

static long set_alarm(long ms)
{
	struct itimerval t = { .it_value = { ms / 1000, ms % 1000 * 1000 } };
	struct sigaction a = { .sa_handler = on_alarm };	/* no SA_RESTART */

	sigaction(SIGALRM, &a, NULL);
	return result(setitimer(ITIMER_REAL, &t, NULL));
}

/* Another program, of a file that is called as this process is, and so is what runs it. */
static long start_program(void)
{
	char path[32] = "/tmp/", self[128];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid;
	int status;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	prctl(PR_GET_NAME, path + strlen(path));
	unlink(path);
	if (symlink(self, path))
		return -errno;
	pid = fork();
	if (!pid) {
		execl(path, path, "--nothing", NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	unlink(path);
	return status ? -ENOEXEC : 0;
}

static long linger(void)
{
	pid_t pid = fork();

	while (!pid)
		pause();
	return result(pid);
}

static long cpu_sync(int fd, const char *when, const char *how)
{
	struct dma_buf_sync s = { .flags = strcmp(when, "end") ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END };

	if (strchr(how, 'r'))
		s.flags |= DMA_BUF_SYNC_READ;
	if (strchr(how, 'w'))
		s.flags |= DMA_BUF_SYNC_WRITE;
	return result(ioctl(fd, DMA_BUF_IOCTL_SYNC, &s));
}

static long nap(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	return result(nanosleep(&t, NULL));
}

/*
 * A recorder arms the callbacks of a table when it first sees one, those in modules with a
 * kprobe, which takes minutes on a busy machine. Its program may come a moment later.
 */
static long armed(const char *function)
{
	char line[256], name[64];
	FILE *f;

	snprintf(name, sizeof(name), "  k  %s+", function);
	for (int tries = 0; tries < 30000; tries++) {
		f = fopen("/sys/kernel/debug/kprobes/list", "r");
		if (!f)
			return -errno;
		while (fgets(line, sizeof(line), f))
			if (strstr(line, name) && !strstr(line, "[DISABLED]")) {
				fclose(f);
				return 0;
			}
		fclose(f);
		nap(20);
	}
	return -ETIMEDOUT;
}

/* The module's: its result is what reading gives afterwards. */
static long module_command(char **w, int n)
{
	char text[256] = "";
	size_t len = 0;

	for (int i = 0; i < n && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
					strcmp(w[i], ";") ? w[i] : "\n");
	if (len >= sizeof(text))
		return -E2BIG;
	if (write(lab, text, len) < 0)
		return -errno;
	if (read(lab, text, sizeof(text)) < 0)
		return -errno;
	return atol(text);
}

static long command(char **w, int n)
{
	const char *c = w[0];
	long a = n > 1 ? atol(w[1]) : 0;

	if (!strcmp(c, "close"))
		return result(close((int)a));
	if (!strcmp(c, "dup"))
		return result(dup((int)a));
	if (!strcmp(c, "name") && n > 2)
		return result(ioctl((int)a, DMA_BUF_SET_NAME_A, w[2]));
	if (!strcmp(c, "sync") && n > 3)
		return cpu_sync((int)a, w[2], w[3]);
	if (!strcmp(c, "mmap") && n > 2)
		return map((int)a, (size_t)atol(w[2]), n > 3 && !strcmp(w[3], "ro"));
	if (!strcmp(c, "dev-mmap"))
		return map(lab, (size_t)a, false);
	if (!strcmp(c, "ioctl") && n > 2)
		return result(ioctl((int)a, strtoul(w[2], NULL, 0), 0));
	if (!strcmp(c, "files"))
		return set_files(a);
	if (!strcmp(c, "nobody"))
		return result(seteuid(65534));
	if (!strcmp(c, "root"))
		return result(seteuid(0));
	if (!strcmp(c, "alarm"))
		return set_alarm(a);
	if (!strcmp(c, "exec"))
		return start_program();
	if (!strcmp(c, "linger"))
		return linger();
	if (!strcmp(c, "munmap"))
		return result(munmap(mapped, mapped_len));
	if (!strcmp(c, "nofile"))
		return set_limit(a);
	if (!strcmp(c, "sleep"))
		return nap(a);
	if (!strcmp(c, "armed") && n > 1)
		return armed(w[1]);
	return module_command(w, n);
}

/* ---- the script ---- */

static int split(char *line, char **w, char values[][16])
{
	int n = 0;

	for (char *word = strtok(line, " \t"); word && n < MAX_WORDS; word = strtok(NULL, " \t"), n++) {
		w[n] = word;
		if (word[0] != '$' || word[1] < 'a' || word[1] > 'z' || word[2])
			continue;
		snprintf(values[n], sizeof(values[n]), "%ld", vars[word[1] - 'a']);
		w[n] = values[n];
	}
	return n;
}

static void one_line(int at)
{
	char copy[256], values[MAX_WORDS][16], *words[MAX_WORDS] = { 0 }, **w = words;
	const char *wanted = NULL, *may = NULL;
	long *var = NULL, r;
	int n;

	snprintf(copy, sizeof(copy), "%s", lines[at]);
	n = split(copy, w, values);
	if (n > 2 && !strcmp(w[0], "!")) {
		wanted = w[1];
		w += 2, n -= 2;
	} else if (n > 2 && !strcmp(w[0], "?")) {
		may = w[1];
		w += 2, n -= 2;
	} else if (n > 2 && !strcmp(w[1], "=")) {
		var = &vars[(w[0][0] - 'a') % 26];
		w += 2, n -= 2;
	}
	r = command(w, n);
	if (wanted) {
		if (r >= 0)
			die(at, "succeeded with %ld and should have failed with %s", r, wanted);
		if (strcmp(strerrorname_np((int)-r), wanted))
			die(at, "failed with %s and should have failed with %s", strerrorname_np((int)-r), wanted);
	} else if (r < 0 && !(may && !strcmp(strerrorname_np((int)-r), may))) {
		die(at, "failed with %s", strerrorname_np((int)-r));
	}
	if (var)
		*var = r;
}

static bool is_word(const char *line, const char *word)
{
	line += strspn(line, " \t");
	return !strncmp(line, word, strlen(word)) && strchr(" \t", line[strlen(word)]);
}

int main(int argc, char **argv)
{
	int start = 0;
	long left = 0;

	if (argc == 2 && !strcmp(argv[1], "--nothing"))
		return 0;
	if (argc == 4 && !strcmp(argv[1], "--as"))
		prctl(PR_SET_NAME, argv[2]);
	else if (argc != 2) {
		fprintf(stderr, "usage: dqlab-run [--as NAME] SCRIPT\n");
		return 2;
	}
	read_script(argv[argc - 1]);
	lab = open("/dev/dqlab", O_RDWR | O_CLOEXEC);
	if (lab < 0)
		die(0, "/dev/dqlab: %s", strerror(errno));
	for (int i = 0; i < nlines; i++) {
		if (is_word(lines[i], "repeat")) {
			left = atol(lines[i] + strcspn(lines[i], "0123456789"));
			start = i;
		} else if (is_word(lines[i], "done")) {
			if (--left > 0)
				i = start;
		} else if (lines[i][strspn(lines[i], " \t")]) {
			one_line(i);
		}
	}
	return 0;
}
