/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_cmd.c - whole commands against anything, in this process: what the command line is given,
 * from the file to the bytes on standard output. One source, several targets, by the macro FUZZ:
 *	RENDER		a trace, and every kind of chart and graph
 *	ANALYSE		a trace, and every other command
 *	BASELINE	a baseline, on either side of diff
 *	IGNORE		rules for diff --ignore
 *	SUPPRESS	rules for check --suppress
 *	TEMPLATE	a template for charts
 * An input is tried in one way, chosen by its checksum; replay.c tries all of them. Whatever
 * comes out is looked at (look.h), a failure must say something, and memory must be given back.
 *
 * Touches memory, a file without a name, and a directory in TMPDIR for pictures.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "look.h"
#include "reseal.h"
#include "cmd/cmd.h"
#include "render/render.h"
#include "trace/chunk.h"
#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int dq_main(int argc, char **argv); /* main.c's main() */
extern const int replay_all_ways __attribute__((weak));

#define FUZZ_RENDER   1
#define FUZZ_ANALYSE  2
#define FUZZ_BASELINE 3
#define FUZZ_IGNORE   4
#define FUZZ_SUPPRESS 5
#define FUZZ_TEMPLATE 6
#define PASTE(a, b)   a##b
#define TARGET(name)  PASTE(FUZZ_, name)

struct way {
	enum look look;
	const char *words; /* @: the input; 1 to 4: traces that are sound; O: x.svg in our directory */
};

static const struct way ways[] = {
#if TARGET(FUZZ) == FUZZ_RENDER
	{LOOK_QUOTED, "diagram @"},
	{LOOK_QUOTED, "diagram --level ops --no-fold --template post @"},
	{LOOK_QUOTED, "diagram --level app --template classic --max-arrows 12 @"},
	{LOOK_TEXT, "diagram -f text @"},
	{LOOK_TEXT, "diagram -f text --charset utf-8 --width 60 --level ops @"},
	{LOOK_PLANTUML, "diagram -f plantuml @"},
	{LOOK_MERMAID, "diagram -f mermaid @"},
	{LOOK_QUOTED, "graph @"},
	{LOOK_QUOTED, "graph --no-group --at 0.0002 @"},
	{LOOK_QUOTED, "diff -f msc @ 1"},
	{LOOK_SVG, "diagram -o O @"},
#elif TARGET(FUZZ) == FUZZ_ANALYSE
	{LOOK_TEXT, "list @"},
	{LOOK_JSON, "list -f json @"},
	{LOOK_TEXT, "list --holders @"},
	{LOOK_TEXT, "list --shapes @"},
	{LOOK_JSON, "list --shapes -f json @"},
	{LOOK_JSON, "list --holders -f json @"},
	{LOOK_TEXT, "check @"},
	{LOOK_JSON, "check -f json @"},
	{LOOK_JSON, "check -f sarif @"},
	{LOOK_XML, "check -f junit @"},
	{LOOK_JSONL, "export @"},
	{LOOK_TEXT, "dump @"},
	{LOOK_TEXT, "dump --validate @"},
	{LOOK_TEXT, "baseline @"},
	{LOOK_NOTHING, "anonymize -o /dev/null @"},
	{LOOK_TEXT, "diff --full --timing 10 @ 1"},
	{LOOK_JSON, "diff -f json 1 @"},
	{LOOK_XML, "diff -f junit @ 1"},
#elif TARGET(FUZZ) == FUZZ_BASELINE
	{LOOK_TEXT, "diff @ 1"},	  {LOOK_TEXT, "diff --full 1 @"},
	{LOOK_JSON, "diff -f json @ 2"},  {LOOK_XML, "diff -f junit @ 1"},
	{LOOK_QUOTED, "diff -f msc @ 1"}, {LOOK_TEXT, "diff @ @"},
#elif TARGET(FUZZ) == FUZZ_IGNORE
	{LOOK_TEXT, "diff --ignore @ 3 4"},
	{LOOK_JSON, "diff -f json --ignore @ 3 4"},
	{LOOK_XML, "diff -f junit --ignore @ 3 4"},
#elif TARGET(FUZZ) == FUZZ_SUPPRESS
	{LOOK_TEXT, "check --suppress @ 1"},
	{LOOK_JSON, "check -f sarif --suppress @ 1"},
	{LOOK_JSON, "check -f json --suppress @ 1"},
#elif TARGET(FUZZ) == FUZZ_TEMPLATE
	/* a template is the user's own: its text comes out as it is */
	{LOOK_NOTHING, "diagram --template @ 1"},
	{LOOK_NOTHING, "diagram --template @ --include 1"},
	{LOOK_NOTHING, "diagram --template @ --level ops 2"},
#endif
};

static char in_path[32], traces[4][4096], dir[64], picture[80];
static int in_fd = -1;
static unsigned long said;

static void hear(enum dq_level level, const char *s, void *ctx)
{
	(void)ctx;
	said += level <= DQ_LOG_ERR;
	look_at("a message", LOOK_TEXT, s, strlen(s));
}

static void clean_up(void)
{
	unlink(picture);
	rmdir(dir);
}

/* Instead of msc-gen: a picture with nothing in it, and a map with a line for each arrow. */
static void fake_map(struct dq_sb *out, const char *s)
{
	for (int y = 50; *s; s = strchrnul(s, '\n') + (*strchrnul(s, '\n') == '\n')) {
		size_t n = strcspn(s, "\n");
		const char *colon = memmem(s, n, ": ", 2);

		if (colon && (memmem(s, n, "->", 2) || memmem(s, n, ">>", 2)))
			dq_sb_printf(out, "A 1 10 %d 200 %d %.*s\n", y, y + 10,
				     (int)(s + n - colon - 2), colon + 2);
		y += 20;
	}
}

int dq_picture_msc(struct dq_sb *out, const char *format, const char *source, size_t len,
		   char **ret_err)
{
	*ret_err = NULL;
	look_at("the chart", LOOK_QUOTED, source, len);
	if (!strcmp(format, "lmap"))
		fake_map(out, source);
	else
		dq_sb_puts(out, "<?xml version=\"1.0\"?>\n<svg width=\"10\" height=\"10\" "
				"viewBox=\"0 0 10 10\"><g><path d=\"M 0 0\"/></g></svg>\n");
	return out->err;
}

static void set_up(void)
{
	static const char *const names[] = {"failing-import", "camera-pool", "vgem-export-6.1",
					    "vgem-export-6.12"};
	const char *top = getenv("DQ_SOURCE_DIR");

	in_fd = memfd_create("input", MFD_CLOEXEC);
	if (in_fd < 0)
		abort();
	snprintf(in_path, sizeof(in_path), "/proc/self/fd/%d", in_fd);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(traces); i++)
		snprintf(traces[i], sizeof(traces[i]), "%s/tests/golden/%s.txt", top ? top : ".",
			 names[i]);
	if (access(traces[0], R_OK)) {
		fprintf(stderr, "no %s: run it in the source tree or set DQ_SOURCE_DIR\n", traces[0]);
		exit(1);
	}
	snprintf(dir, sizeof(dir), "/tmp/dmaseq-fuzz.XXXXXX");
	if (!mkdtemp(dir))
		abort();
	snprintf(picture, sizeof(picture), "%s/x.svg", dir);
	atexit(clean_up);
	dq_log_sink(hear, NULL);
}

static const char *word(const char *w)
{
	switch (w[1] ? 0 : w[0]) {
	case '@':
		return in_path;
	case '1':
	case '2':
	case '3':
	case '4':
		return traces[w[0] - '1'];
	case 'O':
		return picture;
	}
	return w;
}

static void look_at_picture(const struct way *w)
{
	static char svg[1 << 20];
	FILE *f = fopen(picture, "re");
	size_t n;

	if (!f)
		return;
	n = fread(svg, 1, sizeof(svg), f);
	fclose(f);
	unlink(picture);
	if (n < sizeof(svg))
		look_at(w->words, LOOK_SVG, svg, n);
}

static void try(const struct way *w)
{
	char *argv[16], words[128], *out = NULL, *save = NULL;
	FILE *tty = stdout;
	size_t len = 0;
	int argc = 0, status;

	argv[argc++] = (char *)"dmaseq";
	snprintf(words, sizeof(words), "%s", w->words);
	for (char *p = strtok_r(words, " ", &save); p; p = strtok_r(NULL, " ", &save))
		argv[argc++] = (char *)word(p);
	argv[argc] = NULL;
	/* glibc's stdout is a variable */
	stdout = open_memstream(&out, &len);
	if (!stdout)
		abort();
	said = 0;
	status = dq_main(argc, argv);
	fclose(stdout);
	stdout = tty;
	if (status < 0 || status > DQ_EXIT_INCOMPLETE || (status == DQ_EXIT_FAIL && !said)) {
		fprintf(stderr, "%s: status %d, %lu messages\n", w->words, status, said);
		abort();
	}
	if (w->look == LOOK_SVG)
		look_at_picture(w);
	else
		look_at(w->words, w->look, out, len);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t sum = dq_crc32c(0, data, size);
	uint8_t *copy;

	if (in_fd < 0)
		set_up();
	copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (size >= DQ_HEADER_SIZE && !memcmp(copy, DQ_MAGIC, 4)) {
		memcpy(copy, DQ_MAGIC, DQ_MAGIC_LEN);
		reseal(copy, size);
	}
	if (ftruncate(in_fd, 0) || pwrite(in_fd, copy, size, 0) != (ssize_t)size)
		abort();
	free(copy);
	if (!&replay_all_ways) {
		try(&ways[sum % DQ_ARRAY_SIZE(ways)]);
		return 0;
	}
	for (size_t i = 0; i < DQ_ARRAY_SIZE(ways); i++)
		try(&ways[i]);
	return 0;
}
