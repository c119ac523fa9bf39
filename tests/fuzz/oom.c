/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oom.c - every command with the N-th allocation failing, for every N: no crash, nothing kept
 * that was to be freed, and an error that says so - or, where the memory was not needed for
 * what is said, the very same output. In one process, under the sanitizers. The linker
 * diverts the rooms' calls of malloc and its kin (--wrap) to here; zlib's come as a failing init.
 *
 *	oom [-v] SOURCE-DIR [WORD [N]]	only ways with WORD in them; only the N-th, and from where it came
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "cmd/cmd.h"
#include "render/render.h"
#include "util/util.h"

#if defined(__SANITIZE_ADDRESS__)
/* gcc has them, and not their headers */
size_t __sanitizer_get_current_allocated_bytes(void);
void __sanitizer_print_stack_trace(void);
#define IN_USE() __sanitizer_get_current_allocated_bytes()
#define WHERE()	 __sanitizer_print_stack_trace()
#else
#define IN_USE() 0
#define WHERE()	 (void)0
#endif

int dq_main(int argc, char **argv); /* main.c's main() */

/* A: failing-import, C: camera-pool, B: a baseline, I: ignore rules, S: suppressions, X: binary */
static const char *const ways[] = {
	"list A",
	"list -f json A",
	"list --holders C",
	"list --shapes C",
	"list --holders --at 0.02 A",
	"list -f json --shapes C",
	"diagram A",
	"diagram --level ops --template post A",
	"diagram --include A",
	"diagram -f text A",
	"diagram -f text --charset utf-8 A",
	"diagram -f plantuml A",
	"diagram -f mermaid A",
	"diagram -o P A",
	"diagram -b 1 -b 2 C",
	"graph A",
	"graph --at 0.02 -p dqload A",
	"check A",
	"check -f json A",
	"check -f junit A",
	"check -f sarif --suppress S A",
	"check --rules all=off,driver=error A",
	"diff A C",
	"diff -f json --ignore I A C",
	"diff -f junit --timing 10 A C",
	"diff -f msc A C",
	"diff B A",
	"baseline A",
	"export A",
	"dump A",
	"dump X",
	"dump --validate X",
	"dump --chunks X",
	"dump -o /dev/null A",
	"anonymize -o /dev/null A",
};

static unsigned long left, failed; /* allocations until the one that fails; that did */
static bool counting, tracing;
static unsigned long said;
static char picture[64];

static bool fails(void)
{
	if (!counting || !left || --left)
		return false;
	failed++;
	if (tracing)
		WHERE();
	return true;
}

/* ---- what the linker diverts ---- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
int __real_vasprintf(char **ret, const char *fmt, va_list ap);
ssize_t __real_getline(char **line, size_t *cap, FILE *f);
FILE *__real_open_memstream(char **p, size_t *len);
int __real_inflateInit_(z_streamp z, const char *version, int size);
int __real_deflateInit_(z_streamp z, int level, const char *version, int size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_asprintf(char **ret, const char *fmt, ...) DQ_PRINTF(2, 3);
int __wrap_vasprintf(char **ret, const char *fmt, va_list ap) DQ_PRINTF(2, 0);
ssize_t __wrap_getline(char **line, size_t *cap, FILE *f);
FILE *__wrap_open_memstream(char **p, size_t *len);
int __wrap_inflateInit_(z_streamp z, const char *version, int size);
int __wrap_deflateInit_(z_streamp z, int level, const char *version, int size);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : __real_strndup(s, n);
}

int __wrap_vasprintf(char **ret, const char *fmt, va_list ap)
{
	return fails() ? -1 : __real_vasprintf(ret, fmt, ap);
}

int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = __wrap_vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}

ssize_t __wrap_getline(char **line, size_t *cap, FILE *f)
{
	return !*line && fails() ? -1 : __real_getline(line, cap, f);
}

FILE *__wrap_open_memstream(char **p, size_t *len)
{
	return fails() ? NULL : __real_open_memstream(p, len);
}

int __wrap_inflateInit_(z_streamp z, const char *version, int size)
{
	return fails() ? Z_MEM_ERROR : __real_inflateInit_(z, version, size);
}

int __wrap_deflateInit_(z_streamp z, int level, const char *version, int size)
{
	return fails() ? Z_MEM_ERROR : __real_deflateInit_(z, level, version, size);
}

/* Instead of msc-gen, which is another program. */
int dq_picture_msc(struct dq_sb *out, const char *format, const char *source, size_t len,
		   char **ret_err)
{
	(void)source;
	(void)len;
	*ret_err = NULL;
	dq_sb_puts(out, !strcmp(format, "lmap") ? "A 1 10 10 100 20 x\nE 1 10 10 100 20 y\n"
						: "<svg width=\"9\" height=\"9\"><g></g></svg>\n");
	return out->err;
}

/* ---- running ---- */

static char words[10][4200];

static const char *word(const char *top, char *buf, const char *w)
{
	static const struct {
		char c;
		const char *path;
	} files[] = {{'A', "tests/golden/failing-import.txt"},
		     {'C', "tests/golden/camera-pool.txt"},
		     {'B', "tests/golden/scm-passing.baseline.expected"},
		     {'I', "tests/fuzz/corpus/ignore-1"},
		     {'S', "tests/fuzz/corpus/suppress-1"},
		     {'X', "examples/6.12-amd64/failing-import.dmaseq"}};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(files) && !w[1]; i++) {
		if (files[i].c == *w)
			snprintf(buf, sizeof(words[0]), "%s/%s", top, files[i].path);
	}
	if (!strcmp(w, "P"))
		snprintf(buf, sizeof(words[0]), "%s", picture);
	if (!*buf)
		snprintf(buf, sizeof(words[0]), "%s", w);
	return buf;
}

static void hear(enum dq_level level, const char *text, void *ctx)
{
	(void)text;
	(void)ctx;
	(void)level;
}

struct result {
	int status;
	unsigned long said;
	char *out;
	size_t len;
};

/* The n-th allocation fails; 0: none does. */
static struct result run(const char *top, const char *way, unsigned long n)
{
	char *argv[12], copy[128], *save = NULL;
	struct result r = {0};
	FILE *tty = stdout;
	int argc = 0;

	argv[argc++] = (char *)"dmaseq";
	snprintf(copy, sizeof(copy), "%s", way);
	for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
		words[argc - 1][0] = '\0';
		argv[argc] = (char *)word(top, words[argc - 1], p);
		argc++;
	}
	argv[argc] = NULL;
	failed = 0;
	said = dq_log_errors();
	stdout = __real_open_memstream(&r.out, &r.len);
	if (!stdout)
		exit(1);
	left = n;
	counting = true;
	r.status = dq_main(argc, argv);
	counting = false;
	fclose(stdout);
	stdout = tty;
	r.said = dq_log_errors() - said;
	return r;
}

/* What the process that may crash says to the one that will not. */
static volatile unsigned long *at_n;

/* From the first allocation on; in a process of its own. Says what is wrong; returns how often. */
static int try_from(const char *top, const char *way, unsigned long first, bool one, bool verbose)
{
	struct result plain = run(top, way, 0), r;
	size_t in_use = IN_USE();
	unsigned long n, survived = 0;
	int bad = plain.status > DQ_EXIT_FOUND;

	if (bad)
		printf("FAILED: %s: status %d without any failure\n", way, plain.status);
	for (n = first; !bad || !one; n++) {
		*at_n = n;
		r = run(top, way, n);
		if (!failed)
			break;
		if (r.status == plain.status && r.len == plain.len &&
		    !memcmp(r.out, plain.out, r.len)) {
			survived++;
		} else if (r.status != DQ_EXIT_FAIL || !r.said) {
			printf("FAILED: %s: allocation %lu: status %d (else %d), %lu errors said, %zu bytes "
			       "(else %zu)\n",
			       way, n, r.status, plain.status, r.said, r.len, plain.len);
			bad++;
		}
		free(r.out);
		if (IN_USE() != in_use) {
			printf("FAILED: %s: allocation %lu: keeps %zd bytes\n", way, n,
			       (ssize_t)(IN_USE() - in_use));
			in_use = IN_USE();
			bad++;
		}
		if (one)
			break;
	}
	if (verbose)
		printf("%-40s %6lu allocations, %lu not needed\n", way, n - 1, survived);
	return bad;
}

static int try(const char *top, const char *way, bool verbose, unsigned long only)
{
	unsigned long first = only ? only : 1;
	int status, bad = 0;
	pid_t pid;

	for (int crashes = 0; crashes < 20; crashes++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			bad = try_from(top, way, first, only, verbose);
			fflush(stdout);
			_exit(bad ? 1 : 0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 1;
		if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
			return bad | WEXITSTATUS(status);
		printf("FAILED: %s: allocation %lu: crash\n", way, *at_n);
		bad = 1;
		first = *at_n + 1;
		if (only)
			return 1;
	}
	return 1;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");
	int bad = 0, at = 1 + verbose;

	if (argc <= at)
		return 2;
	at_n = mmap(NULL, sizeof(*at_n), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at_n == MAP_FAILED)
		return 2;
	snprintf(picture, sizeof(picture), "/tmp/dmaseq-oom-%d.svg", (int)getpid());
	dq_log_sink(hear, NULL);
	tracing = argc > at + 2;
	if (!tracing && !getenv("OOM_LOUD") && !freopen("/dev/null", "w", stderr))
		return 2;
	setvbuf(stderr, NULL, _IONBF, 0);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(ways); i++) {
		if (argc <= at + 1 || strstr(ways[i], argv[at + 1]))
			bad |= try(argv[at], ways[i], verbose,
				   tracing ? strtoul(argv[at + 2], NULL, 10) : 0);
	}
	unlink(picture);
	return bad;
}
