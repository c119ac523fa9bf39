// SPDX-License-Identifier: BSD-2-Clause
/*
 * holders: holds what dmaseq says about who holds which buffer against what those
 * say who do (the accounts of dqload, workloads/account.h).
 *
 * holders ACCOUNTS NAME LIST HOLDERS counted|uncounted
 *
 * ACCOUNTS is a file of accounts, NAME the one that is meant. LIST is `dmaseq list
 * -f json`, which tells the inode of each buffer; HOLDERS is `dmaseq list --holders
 * -f json` for the time of the account. Agreement is, for each buffer:
 *
 *  - it is alive in both or in neither;
 *  - the same descriptor tables have the same numbers of it, told with all
 *    processes that have that table; the same address spaces map it as often;
 *  - as many messages and importers hold it; an importer that had it before the
 *    recording may be among the references that are unexplained;
 *  - as many references are unexplained. dmaseq may say that it cannot tell how
 *    many where an importer has it, before the end, where it did not look, and on
 *    kernels where looking does not count ("uncounted");
 *  - dmaseq is certain: nothing is said to be guessed or unknown, except (on those
 *    kernels, which do not tell mappings either) the past of what was there before.
 *
 * Buffers that no account of the file names are another's business. One line per disagreement on stdout. Exit status: 0 they agree, 1 they do not, 2
 * the input is not what it should be.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int disagreements;
static const char *account;
static bool at_end;
static bool can_count;	/* the recorder's look at the end counted references */

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "holders: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(2);
}

static void __attribute__((format(printf, 2, 3))) differ(unsigned long buf, const char *format, ...)
{
	va_list ap;

	disagreements++;
	printf("%s: buffer of inode %lu: ", account, buf);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
}

/* All that was allocated, to be freed at the end. */
static struct chunk {
	struct chunk *next;
	max_align_t data[];
} *chunks;

static void *zalloc(size_t size)
{
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		die("out of memory");
	c->next = chunks;
	chunks = c;
	return c->data;
}

static void free_all(void)
{
	struct chunk *c;

	while ((c = chunks)) {
		chunks = c->next;
		free(c);
	}
}

/* ---- JSON, as much of it as is needed: no escapes are undone ------------------------- */

enum type { NUMBER, STRING, WORD, LIST, OBJECT };

struct json {
	enum type type;
	char *key;		/* in an object */
	char *text;		/* of a string, a number or a word */
	struct json *child, *next;
};

static const char *at;

static void blank(void)
{
	at += strspn(at, " \t\r\n");
}

static bool eat(char c)
{
	blank();
	if (*at != c)
		return false;
	at++;
	return true;
}

static char *string(void)
{
	const char *begin;
	char *s;

	if (!eat('"'))
		die("no string at: %.40s", at);
	for (begin = at; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	s = zalloc(at - begin + 1);
	memcpy(s, begin, at - begin);
	if (*at)
		at++;
	return s;
}

static struct json *value(void);

static struct json *members(struct json *j, char end)
{
	struct json **tail = &j->child;
	char *key;

	if (eat(end))
		return j;
	do {
		key = NULL;
		if (j->type == OBJECT) {
			key = string();
			if (!eat(':'))
				die("no colon after %s", key);
		}
		*tail = value();
		(*tail)->key = key;
		tail = &(*tail)->next;
	} while (eat(','));
	if (!eat(end))
		die("no %c at: %.40s", end, at);
	return j;
}

static struct json *value(void)
{
	struct json *j = zalloc(sizeof(*j));
	size_t len;

	blank();
	if (*at == '"') {
		j->type = STRING;
		j->text = string();
		return j;
	}
	if (eat('{')) {
		j->type = OBJECT;
		return members(j, '}');
	}
	if (eat('[')) {
		j->type = LIST;
		return members(j, ']');
	}
	len = strcspn(at, " \t\r\n,]}");
	if (!len)
		die("no value at: %.40s", at);
	j->type = strspn(at, "-0123456789.") ? NUMBER : WORD;
	j->text = zalloc(len + 1);
	memcpy(j->text, at, len);
	at += len;
	return j;
}

static char *slurp(const char *path)
{
	size_t n = 0, room = 1 << 20;
	char *s = zalloc(room);
	FILE *f = fopen(path, "r");

	if (!f)
		die("%s cannot be read", path);
	n = fread(s, 1, room - 1, f);
	if (ferror(f) || n == room - 1)
		die("%s is too large", path);
	fclose(f);
	return s;
}

static struct json *parse(const char *path)
{
	struct json *j;

	at = slurp(path);
	j = value();
	blank();
	if (*at)
		die("%s: after its end: %.40s", path, at);
	return j;
}

static struct json *get(const struct json *object, const char *key)
{
	struct json *j;

	for (j = object->child; j; j = j->next)
		if (j->key && !strcmp(j->key, key))
			return j;
	die("nothing is called %s", key);
}

static long number(const struct json *object, const char *key)
{
	const struct json *j = get(object, key);

	if (j->type != NUMBER)
		die("%s is no number", key);
	return strtol(j->text, NULL, 10);
}

static bool is_true(const struct json *object, const char *key)
{
	return !strcmp(get(object, key)->text, "true");
}

static long count(const struct json *list)
{
	long n = 0;

	for (list = list->child; list; list = list->next)
		n++;
	return n;
}

/* ---- the account --------------------------------------------------------------------- */

#define MAX 64

/* What a process has of a buffer. */
struct hold {
	unsigned long buf;
	long pid, table, mm, maps;
	char fds[128];
	bool told;		/* as descriptors */
	bool told_maps;
};

struct held {
	unsigned long buf;
	long flight, attached, unexplained;
	bool seen;
};

static struct hold holds[MAX];
static struct held bufs[MAX];
static size_t nholds, nbufs;
/* of the whole file */
static unsigned long named[4 * MAX];
static size_t nnamed;

static bool is_named(unsigned long buf)
{
	size_t i;

	for (i = 0; i < nnamed; i++)
		if (named[i] == buf)
			return true;
	return false;
}

static void name(const char *line)
{
	const char *p = strstr(line, " buf=");
	unsigned long buf = p ? strtoul(p + 5, NULL, 10) : 0;

	if (!buf || is_named(buf))
		return;
	if (nnamed == 4 * MAX)
		die("too many buffers");
	named[nnamed++] = buf;
}

static struct held *held(unsigned long buf)
{
	size_t i;

	for (i = 0; i < nbufs; i++)
		if (bufs[i].buf == buf)
			return &bufs[i];
	if (nbufs == MAX)
		die("too many buffers");
	bufs[nbufs].buf = buf;
	return &bufs[nbufs++];
}

static void read_line(const char *line)
{
	struct hold *h = &holds[nholds];
	unsigned long buf;
	long n;

	if (nholds == MAX)
		die("too many holders");
	if (sscanf(line, "holds buf=%lu pid=%ld table=%ld fds=%127s mm=%ld maps=%ld", &h->buf,
		   &h->pid, &h->table, h->fds, &h->mm, &h->maps) == 6) {
		held(h->buf);
		nholds++;
	} else if (sscanf(line, "flight buf=%lu n=%ld", &buf, &n) == 2) {
		held(buf)->flight = n;
	} else if (sscanf(line, "attached buf=%lu n=%ld", &buf, &n) == 2) {
		held(buf)->attached = n;
	} else if (sscanf(line, "unexplained buf=%lu n=%ld", &buf, &n) == 2) {
		held(buf)->unexplained = n;
	} else if (strncmp(line, "gone ", 5)) {
		die("no line of an account: %s", line);
	}
}

static void read_account(const char *path)
{
	char line[512], begun[64];
	bool in = false, found = false;
	FILE *f = fopen(path, "r");

	if (!f)
		die("%s cannot be read", path);
	while (fgets(line, sizeof(line), f)) {
		name(line);
		if (sscanf(line, "account %63s", begun) == 1) {
			in = !strcmp(begun, account);
			found |= in;
		} else if (!strncmp(line, "end ", 4)) {
			in = false;
		} else if (in) {
			read_line(line);
		}
	}
	fclose(f);
	if (!found)
		die("%s: no account is called %s", path, account);
}

/* ---- comparing ------------------------------------------------------------------------- */

static unsigned long inode_of(const struct json *list, long id)
{
	const struct json *b;

	for (b = get(list, "buffers")->child; b; b = b->next)
		if (number(b, "id") == id)
			return number(b, "inode");
	die("list does not have buffer %ld", id);
}

/* "4,5" of [4, 5] */
static void join(char *s, size_t size, const struct json *list)
{
	size_t len = 0;

	s[0] = 0;
	for (list = list->child; list; list = list->next)
		len += snprintf(s + len, len < size ? size - len : 0, "%s%s", len ? "," : "",
				list->text);
}

static bool is_told(const struct json *table, long pid)
{
	const struct json *j;

	if (number(table, "pid") == pid)
		return true;
	for (j = get(table, "shared_with")->child; j; j = j->next)
		if (number(j, "pid") == pid)
			return true;
	return false;
}

/* One descriptor table that has it, with all processes that have that table. */
static void compare_table(unsigned long buf, const struct json *j)
{
	long pid = number(j, "pid"), table = 0, users = 0;
	char fds[128];
	size_t i;

	join(fds, sizeof(fds), get(j, "fds"));
	for (i = 0; i < nholds; i++)
		if (holds[i].buf == buf && holds[i].pid == pid && strcmp(holds[i].fds, "-"))
			table = holds[i].table;
	if (!table) {
		differ(buf, "process %ld has no descriptor, dmaseq says %s", pid, fds);
		return;
	}
	for (i = 0; i < nholds; i++) {
		if (holds[i].buf != buf || holds[i].table != table)
			continue;
		if (holds[i].pid == pid && strcmp(holds[i].fds, fds))
			differ(buf, "process %ld has fds %s, dmaseq says %s", pid, holds[i].fds, fds);
		if (!is_told(j, holds[i].pid))
			differ(buf, "process %ld shares the fds of %ld, dmaseq does not know",
			       holds[i].pid, pid);
		holds[i].told = true;
		users++;
	}
	if (users != 1 + count(get(j, "shared_with")))
		differ(buf, "%ld processes have the fds of %ld, dmaseq says %ld", users, pid,
		       1 + count(get(j, "shared_with")));
}

static void compare_maps(unsigned long buf, const struct json *j)
{
	long pid = number(j, "pid"), n = number(j, "count"), mm = 0;
	size_t i;

	for (i = 0; i < nholds; i++)
		if (holds[i].buf == buf && holds[i].pid == pid && holds[i].maps)
			mm = holds[i].mm;
	if (!mm) {
		differ(buf, "process %ld maps it not, dmaseq says %ld times", pid, n);
		return;
	}
	for (i = 0; i < nholds; i++) {
		if (holds[i].buf != buf || holds[i].mm != mm)
			continue;
		if (holds[i].pid == pid && holds[i].maps != n)
			differ(buf, "process %ld maps it %ld times, dmaseq says %ld", pid,
			       holds[i].maps, n);
		holds[i].told_maps = true;
	}
}

static void compare_refs(const struct held *h, const struct json *b)
{
	const struct json *j = get(b, "unexplained"), *m;
	long n, unexplained;

	for (m = get(b, "cannot_tell")->child; m; m = m->next)
		if (can_count || strcmp(m->text, "past") || !is_true(b, "preexisting"))
			differ(h->buf, "dmaseq cannot tell %s", m->text);
	n = count(get(b, "in_flight"));
	if (n != h->flight)
		differ(h->buf, "%ld in flight, dmaseq says %ld", h->flight, n);
	for (m = get(b, "in_flight")->child; m; m = m->next)
		if (!is_true(m, "certain"))
			differ(h->buf, "dmaseq is not certain that it is in flight");
	unexplained = j->type == NUMBER ? strtol(j->text, NULL, 10) : -1;
	n = count(get(b, "attachments"));
	/* An importer from before the recording is a reference that nobody explains. */
	if (n < h->attached && is_true(b, "preexisting")) {
		if (at_end && unexplained < h->attached - n)
			differ(h->buf, "of %ld attachments dmaseq knows nothing", h->attached - n);
		return;
	}
	if (n != h->attached)
		differ(h->buf, "%ld attachments, dmaseq says %ld", h->attached, n);
	if (unexplained >= 0 ? unexplained != h->unexplained :
			       at_end && !h->attached && can_count)
		differ(h->buf, "%ld references are unexplained, dmaseq says %s", h->unexplained,
		       j->text);
}

static void compare_buf(unsigned long buf, const struct json *b)
{
	struct held *h = NULL;
	const struct json *j;
	size_t i;

	for (i = 0; i < nbufs; i++)
		if (bufs[i].buf == buf)
			h = &bufs[i];
	if (!h && !is_named(buf))
		return;
	if (!h) {
		differ(buf, "nobody holds it, dmaseq says that it is alive");
		return;
	}
	h->seen = true;
	for (j = get(b, "descriptors")->child; j; j = j->next)
		compare_table(buf, j);
	for (j = get(b, "mappings")->child; j; j = j->next)
		compare_maps(buf, j);
	compare_refs(h, b);
	for (i = 0; i < nholds; i++) {
		if (holds[i].buf != buf)
			continue;
		if (strcmp(holds[i].fds, "-") && !holds[i].told)
			differ(buf, "process %ld has fds %s, dmaseq does not know", holds[i].pid,
			       holds[i].fds);
		if (holds[i].maps && !holds[i].told_maps)
			differ(buf, "process %ld maps it %ld times, dmaseq does not know",
			       holds[i].pid, holds[i].maps);
	}
}

int main(int argc, char **argv)
{
	const struct json *list, *said, *b;
	size_t i;

	if (argc != 6)
		die("usage: holders ACCOUNTS NAME LIST HOLDERS counted|uncounted");
	account = argv[2];
	read_account(argv[1]);
	list = parse(argv[3]);
	said = parse(argv[4]);
	at_end = is_true(said, "at_end");
	can_count = !strcmp(argv[5], "counted");
	for (b = get(said, "buffers")->child; b; b = b->next)
		compare_buf(inode_of(list, number(b, "id")), b);
	for (i = 0; i < nbufs; i++)
		if (!bufs[i].seen)
			differ(bufs[i].buf, "it is held, dmaseq does not say that it is alive");
	free_all();
	return disagreements ? 1 : 0;
}
