/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_render_escape.c - texts of others in PlantUML, Mermaid and Graphviz source: what is
 * written is harmless, and what is read back is what dq_sb_visible() shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "render/graph.h"
#include "render/render.h"

static void put_cp(struct dq_sb *sb, unsigned long c)
{
	if (c < 0x80) {
		dq_sb_putc(sb, (char)c);
	} else if (c < 0x800) {
		dq_sb_putc(sb, (char)(0xc0 | c >> 6));
		dq_sb_putc(sb, (char)(0x80 | (c & 0x3f)));
	} else {
		dq_sb_putc(sb, (char)(0xe0 | c >> 12));
		dq_sb_putc(sb, (char)(0x80 | (c >> 6 & 0x3f)));
		dq_sb_putc(sb, (char)(0x80 | (c & 0x3f)));
	}
}

/* What a reader of codes "OPENnnnCLOSE" makes of it. */
static void decode(struct dq_sb *out, const char *s, const char *open, char close, int base)
{
	while (*s) {
		char *end;

		if (strncmp(s, open, strlen(open))) {
			dq_sb_putc(out, *s++);
			continue;
		}
		put_cp(out, strtoul(s + strlen(open), &end, base));
		assert_int_equal(*end, close);
		s = end + 1;
	}
}

static void check(const char *text)
{
	struct dq_sb want = { 0 }, puml = { 0 }, mmd = { 0 }, back = { 0 };

	dq_sb_visible(&want, text, strlen(text), 0);
	dq_plantuml_escape(&puml, text, 0);
	/* nothing that begins creole, a tag, a function, a variable, a directive */
	assert_null(strpbrk(dq_sb_str(&puml), "!%$'\"~*[]{}#\\|=&@^?`\n"));
	assert_null(strstr(dq_sb_str(&puml), "//"));
	assert_null(strstr(dq_sb_str(&puml), "__"));
	assert_null(strstr(dq_sb_str(&puml), "--"));
	decode(&back, dq_sb_str(&puml), "<U+", '>', 16);
	assert_string_equal(dq_sb_str(&back), dq_sb_str(&want));

	dq_sb_reset(&back);
	dq_mermaid_escape(&mmd, text, 0);
	assert_null(strpbrk(dq_sb_str(&mmd), "%<>&:{}[]\"\\|\n"));
	decode(&back, dq_sb_str(&mmd), "#", ';', 10);
	assert_string_equal(dq_sb_str(&back), dq_sb_str(&want));

	/* once more, as a part of a sentence: it stays what it is */
	dq_sb_reset(&mmd);
	dq_sb_reset(&back);
	dq_mermaid_escape_seen(&mmd, dq_sb_str(&want), 0);
	decode(&back, dq_sb_str(&mmd), "#", ';', 10);
	assert_string_equal(dq_sb_str(&back), dq_sb_str(&want));
	dq_sb_reset(&puml);
	dq_sb_reset(&back);
	dq_plantuml_escape_seen(&puml, dq_sb_str(&want), 0);
	decode(&back, dq_sb_str(&puml), "<U+", '>', 16);
	assert_string_equal(dq_sb_str(&back), dq_sb_str(&want));
	dq_sb_free(&want);
	dq_sb_free(&puml);
	dq_sb_free(&mmd);
	dq_sb_free(&back);
}

/* All pairs of printable ASCII, alone and in a text. */
static void test_pairs(void **state)
{
	char s[8];

	for (int a = 0x20; a < 0x7f; a++)
		for (int b = 0x20; b < 0x7f; b++) {
			snprintf(s, sizeof(s), "%c%c", a, b);
			check(s);
			snprintf(s, sizeof(s), "x%c%cy", a, b);
			check(s);
		}
}

static void test_odd_bytes(void **state)
{
	check("");
	check("\x01\x1b[31m\x7f");
	check("\xff\xfe\xed\xa0\x80");
	check("\xe2\x80\xae reversed \xe6\x97\xa5\xe6\x9c\xac");
	check("!include /etc/passwd\n@enduml\n%%{init: {}}%%\nend\n<script>alert(1)</script>");
}

static void test_dot(void **state)
{
	static const struct { const char *in, *out; } t[] = {
		{ "plain", "plain" }, { "a\"b", "a\\\"b" }, { "a\\N", "a\\\\\\\\N" },
		{ "&#65;", "&amp;#65;" }, { "a\nb", "a\\\\nb" }, { "\xff", "\\\\xff" },
		{ "trailing\\", "trailing\\\\\\\\" }, { "<b>x</b>", "<b>x</b>" },
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(t); i++) {
		struct dq_sb sb = { 0 };

		dq_dot_escape(&sb, t[i].in, 0);
		assert_string_equal(dq_sb_str(&sb), t[i].out);
		dq_sb_free(&sb);
	}
}

static void test_limits(void **state)
{
	struct dq_sb sb = { 0 };

	dq_dot_escape(&sb, "abcdef", 3);
	assert_string_equal(dq_sb_str(&sb), "abc…");
	dq_sb_reset(&sb);
	dq_plantuml_escape(&sb, "abcdef", 4);
	assert_string_equal(dq_sb_str(&sb), "abc<U+2026>");
	dq_sb_reset(&sb);
	dq_mermaid_escape(&sb, "abcdef", 4);
	assert_string_equal(dq_sb_str(&sb), "abc#8230;");
	dq_sb_free(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_odd_bytes),
		cmocka_unit_test(test_dot),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
