/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_render_msc.c - what goes into a chart source: escaping, templates, and pictures
 * by the real msc-gen where there is one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "render/render.h"

static void test_escape(void **state)
{
	static const struct { const char *in, *out; } v[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "a#b;c[d]e{f}g\"h", "a\\#b\\;c\\[d\\]e\\{f\\}g\\\"h" },
		{ "<<get>> ops->map a|b:%$", "<<get>> ops->map a|b:%$" },
		{ "back\\slash", "back\\\\\\\\slash" },
		{ "end\\", "end\\\\\\\\\\|" },
		{ "\\x1b\x1b", "\\\\\\\\x1b\\\\x1B" },
		{ "a\nb", "a\\\\nb" },
		{ "\x01\x7f", "\\\\x01\\\\x7F" },
		{ "\xff\xc3(", "\\\\xFF\\\\xC3(" },
		{ "\xed\xa0\x80", "\\\\xED\\\\xA0\\\\x80" },
		{ "\xe2\x80\xae" "evil", "\\\\u\\{202E\\}evil" },
		{ "\xc2\x85", "\\\\x85" },
		{ "  two  ", "\\~\\~two\\~\\~" },
		{ "   ", "\\~\\~\\~" },
		{ "µs · 日本", "µs · 日本" },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(v); i++) {
		struct dq_sb sb = { 0 };

		dq_msc_escape(&sb, v[i].in, 0);
		assert_string_equal(dq_sb_str(&sb), v[i].out);
		dq_sb_free(&sb);
	}
}

/* Backslashes that are two already. */
static void test_escape_seen(void **state)
{
	struct dq_sb sb = { 0 };

	dq_msc_escape_seen(&sb, "a\\\\b \\x1b;", 0);
	assert_string_equal(sb.s, "a\\\\\\\\b \\\\x1b\\;");
	dq_sb_free(&sb);
}

static void test_escape_cut(void **state)
{
	struct dq_sb sb = { 0 };

	dq_msc_escape(&sb, "µµµ;µ", 4);
	assert_string_equal(sb.s, "µµµ\\;…");
	dq_sb_free(&sb);
}

static int load_text(struct dq_template **t, const char *text, char **err)
{
	char path[] = "/tmp/dq-template-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ret = dq_template_load(t, path, err);
	unlink(path);
	return ret;
}

static void test_template_directives(void **state)
{
	struct dq_template *t;
	char *err;

	assert_int_equal(load_text(&t, "# a comment\n"
				       "#dmaseq: phases=boxes\n"
				       "#   dmaseq:   via  =  no  \n"
				       "# dmaseq: phase.attach = join, and so on\n"
				       "msc = plain;\nhscale = auto;", &err), 0);
	assert_int_equal(t->phases, DQ_TMPL_BOXES);
	assert_false(t->via);
	assert_true(t->times);
	assert_string_equal(t->phase[DQ_PH_ATTACH], "join, and so on");
	assert_string_equal(t->text, "msc = plain;\nhscale = auto;\n");
	dq_template_free(&t);

	assert_int_equal(load_text(&t, "msc = plain;\n# dmaseq: phases = circles\n", &err), -EINVAL);
	assert_non_null(strstr(err, ":2: not a directive that dmaseq knows"));
	free(err);
	assert_int_equal(dq_template_load(&t, "nonesuch", &err), -ENOENT);
	assert_non_null(strstr(err, "there is no template 'nonesuch'"));
	free(err);
}

static void test_template_builtin(void **state)
{
	for (const char *const *n = dq_template_names(); *n; n++) {
		struct dq_template *t;

		assert_int_equal(dq_template_load(&t, *n, NULL), 0);
		assert_non_null(strstr(t->text, "msc = "));
		assert_null(strchr(t->text, '#'));	/* no comments in a chart */
		for (int ph = 1; ph < DQ_PH_MAX; ph++)
			assert_non_null(t->phase[ph]);
		dq_template_free(&t);
	}
}

static void test_picture(void **state)
{
	static const char good[] = "a->b: hello;\n", bad[] = "a->b: hello [nonsense];\n";
	struct dq_sb pic = { 0 };
	char *err;
	int ret = dq_picture_msc(&pic, "svg", good, strlen(good), &err);

	if (ret == -ENOENT)
		skip();
	assert_int_equal(ret, 0);
	assert_non_null(strstr(pic.s, "<svg"));
	dq_sb_reset(&pic);
	/* msc-gen draws it all the same, and exits with 0 */
	assert_int_equal(dq_picture_msc(&pic, "svg", bad, strlen(bad), &err), -EIO);
	assert_non_null(strstr(err, "msc-gen could not draw the chart: "));
	free(err);
	dq_sb_free(&pic);
}

static void test_no_msc_gen(void **state)
{
	struct dq_sb pic = { 0 };
	char *path = strdup(getenv("PATH")), *err;

	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(dq_picture_msc(&pic, "svg", "a;", 2, &err), -ENOENT);
	setenv("PATH", path, 1);
	free(path);
	dq_sb_free(&pic);
}

/* ---- hostile names, read back from the real renderer ---- */

/* What people shall see of one label. */
struct seen {
	char *in, *out;
};
struct labels {
	struct seen *v;
	size_t n, cap;
};

static char *doubled(const char *s)
{
	struct dq_sb sb = { 0 };

	dq_sb_puts(&sb, "");
	for (; *s; s++) {
		if (*s == '\\')
			dq_sb_putc(&sb, '\\');
		dq_sb_putc(&sb, *s);
	}
	return sb.s;
}

static void expect_label(struct labels *l, const char *in, const char *out)
{
	struct seen *row = DQ_PUSH(l->v, l->n, l->cap);

	assert_non_null(row);
	row->in = strdup(in);
	/* what is shown as it is, but for backslashes, which are two */
	row->out = strcmp(in, out) ? strdup(out) : doubled(in);
	assert_true(row->in && row->out);
}

/* Every byte alone and between letters: printable ones as they are, others in words. */
static void expect_bytes(struct labels *l)
{
	char in[8], out[16];

	for (int c = 1; c < 256; c++) {
		if (c > ' ' && c < 0x7f)
			snprintf(out, sizeof(out), "a%cb", c);
		else if (c == ' ')
			snprintf(out, sizeof(out), "a b");
		else if (c == '\n')
			snprintf(out, sizeof(out), "a\\nb");
		else
			snprintf(out, sizeof(out), "a\\x%02Xb", (unsigned int)c);
		snprintf(in, sizeof(in), "a%cb", c);
		expect_label(l, in, out);
		if (c <= ' ' || c >= 0x7f)
			continue;
		snprintf(in, sizeof(in), "%c", c);
		expect_label(l, in, in);
	}
}

/* Any two of the characters that mean something, at the end and in the middle. */
static void expect_pairs(struct labels *l)
{
	static const char special[] = "\\#;[]{}\":>|%$<~-^_@&*=,.'/!?()+`";
	char s[8];

	for (const char *a = special; *a; a++) {
		for (const char *b = special; *b; b++) {
			snprintf(s, sizeof(s), "%c%c", *a, *b);
			expect_label(l, s, s);
			snprintf(s, sizeof(s), "x%c%cy", *a, *b);
			expect_label(l, s, s);
		}
	}
}

static void expect_words(struct labels *l)
{
	static const struct { const char *in, *out; } v[] = {
		{ "};", "};" }, { "}; msc=x;", "}; msc=x;" }, { "\"]; a->b: no", "\"]; a->b: no" },
		{ "\\b\\Lx(y)\\$0041", "\\b\\Lx(y)\\$0041" }, { "hide", "hide" }, { "msc", "msc" },
		{ "vertical", "vertical" }, { "endnote", "endnote" }, { "include \"/etc/passwd\"",
		"include \"/etc/passwd\"" }, { "\\\\", "\\\\" }, { "\\Q($x)", "\\Q($x)" },
		{ "\xc3(", "\\xC3(" }, { "\xed\xa0\x80", "\\xED\\xA0\\x80" },
		{ "\xf5\x80\x80\x80", "\\xF5\\x80\\x80\\x80" }, { "\xc0\xaf", "\\xC0\\xAF" },
		{ "\xe2\x80\xae" "cod", "\\u{202E}cod" }, { "\xe2\x81\xa6", "\\u{2066}" },
		{ "\xe2\x80\x8b", "\\u{200B}" }, { "\xef\xbb\xbf", "\\u{FEFF}" },
		{ "\xc2\x85", "\\x85" }, { "µs · 日本", "µs · 日本" }, { "\t", "\\x09" },
		{ "\x1b[31m", "\\x1B[31m" },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(v); i++)
		expect_label(l, v[i].in, v[i].out);
}

static void expect_long(struct labels *l)
{
	char in[4097], out[84];

	memset(in, ';', sizeof(in) - 1);
	in[sizeof(in) - 1] = '\0';
	memset(out, ';', 80);
	memcpy(out + 80, "…", 4);
	expect_label(l, in, out);
}

/* One arrow for each label; the layout map tells what was drawn. */
static void test_hostile_labels(void **state)
{
	struct dq_sb src = { 0 }, map = { 0 };
	struct labels l = { 0 };
	char *err = NULL, *at;
	size_t n = 0;
	int ret;

	expect_bytes(&l);
	expect_pairs(&l);
	expect_words(&l);
	expect_long(&l);
	dq_sb_puts(&src, "msc = plain;\nhscale = auto;\na, b;\n");
	for (size_t i = 0; i < l.n; i++) {
		dq_sb_puts(&src, "a->b: ");
		dq_msc_escape(&src, l.v[i].in, 80);
		dq_sb_puts(&src, " [line.width=1];\n");
	}
	ret = dq_picture_msc(&map, "lmap", src.s, src.len, &err);
	if (ret && ret != -ENOENT)
		fail_msg("%s", err ? err : "no picture");
	for (at = ret ? NULL : strtok(map.s, "\n"); at; at = strtok(NULL, "\n")) {
		int skip = 0;

		if (sscanf(at, "A %*d %*d %*d %*d %*d%n", &skip) < 0 || *at != 'A')
			continue;
		assert_true(n < l.n);
		assert_string_equal(at + skip + 1, l.v[n].out);
		n++;
	}
	assert_int_equal(n, ret ? 0 : l.n);
	for (size_t i = 0; i < l.n; i++) {
		free(l.v[i].in);
		free(l.v[i].out);
	}
	free(l.v);
	free(err);
	dq_sb_free(&src);
	dq_sb_free(&map);
	if (ret)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_labels),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_cut),
		cmocka_unit_test(test_escape_seen),
		cmocka_unit_test(test_template_directives),
		cmocka_unit_test(test_template_builtin),
		cmocka_unit_test(test_picture),
		cmocka_unit_test(test_no_msc_gen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
