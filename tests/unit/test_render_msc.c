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
		{ "back\\slash", "back\\\\slash" },
		{ "end\\", "end\\\\\\|" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_cut),
		cmocka_unit_test(test_template_directives),
		cmocka_unit_test(test_template_builtin),
		cmocka_unit_test(test_picture),
		cmocka_unit_test(test_no_msc_gen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
