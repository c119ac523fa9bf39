/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_render_slim.c - equal clip paths of an SVG are there once, and who used another one uses that;
 * everything else stays byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "render/render.h"

static void slim(const char *in, const char *want)
{
	struct dq_sb sb = { 0 };

	dq_sb_puts(&sb, in);
	assert_int_equal(dq_svg_slim(&sb), 0);
	assert_string_equal(dq_sb_str(&sb), want);
	dq_sb_free(&sb);
}

static void same(const char *in)
{
	slim(in, in);
}

static void equal_paths(void **state)
{
	(void)state;
	slim("<svg>\n<clipPath id=\"clip1\"><path d=\"M 1\"/></clipPath>\n"
	     "<clipPath id=\"clip2\"><path d=\"M 2\"/></clipPath>\n"
	     "<clipPath id=\"clip3\"><path d=\"M 1\"/></clipPath>\n"
	     "<g clip-path=\"url(#clip3)\"/><g clip-path=\"url(#clip2)\"/><g clip-path=\"url(#clip1)\"/></svg>",
	     "<svg>\n<clipPath id=\"clip1\"><path d=\"M 1\"/></clipPath>\n"
	     "<clipPath id=\"clip2\"><path d=\"M 2\"/></clipPath>\n"
	     "<g clip-path=\"url(#clip1)\"/><g clip-path=\"url(#clip2)\"/><g clip-path=\"url(#clip1)\"/></svg>");
}

/* whether what is used was there already or comes later; a path may use another one */
static void order(void **state)
{
	(void)state;
	slim("<g a=\"url(#b)\"/><clipPath id=\"a\">x</clipPath><clipPath id=\"b\">x</clipPath>"
	     "<g a=\"url(#b)\"/><clipPath id=\"c\">x</clipPath>url(#c)",
	     "<g a=\"url(#a)\"/><clipPath id=\"a\">x</clipPath><g a=\"url(#a)\"/>url(#a)");
	slim("<clipPath id=\"a\"><g a=\"url(#c)\"/></clipPath><clipPath id=\"b\">x</clipPath>"
	     "<clipPath id=\"c\">x</clipPath>url(#a)",
	     "<clipPath id=\"a\"><g a=\"url(#b)\"/></clipPath><clipPath id=\"b\">x</clipPath>url(#a)");
}

static void not_ours(void **state)
{
	(void)state;
	same("");
	same("<svg>url(#image3) url(# url(#</svg>");
	same("<clipPath id=\"a\">x</clipPath><g a=\"url(#gradient)\"/><g a=\"url(#a)\"/>url(#a");
	/* not as we know them: nothing is touched */
	same("<clipPath id=\"a\">x</clipPath><clipPath id=\"b\">x");
	same("<clipPath id=\"a\" x=\"\">x</clipPath><clipPath id=\"b\">x</clipPath>url(#b)");
	same("<clipPath id=\"a\">x</clipPath><clipPath id=\"a\">x</clipPath>url(#a)");
	same("<clipPath id=\"a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_paths),
		cmocka_unit_test(order),
		cmocka_unit_test(not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
