/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_util.c - the utility room: strings, maps, escaping, numbers.
 */
#include <fnmatch.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util/util.h"

/* A generator of our own: the same numbers on every machine. */
static uint64_t rnd_state = 88172645463325252u;
static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static void test_sb(void **state)
{
	struct dq_sb sb = { 0 };

	assert_string_equal(dq_sb_str(&sb), "");
	dq_sb_puts(&sb, "ab");
	dq_sb_putc(&sb, 'c');
	dq_sb_printf(&sb, "%d-%0200d", 7, 1);
	assert_int_equal(sb.len, 3 + 2 + 200);
	assert_memory_equal(sb.s, "abc7-000", 8);
	assert_int_equal(sb.s[sb.len - 1], '1');
	dq_sb_reset(&sb);
	assert_string_equal(dq_sb_str(&sb), "");
	dq_sb_put(&sb, "x\0y", 3);
	assert_int_equal(sb.len, 3);
	assert_int_equal(sb.err, 0);
	sb.err = -ENOMEM;
	dq_sb_puts(&sb, "ignored");
	assert_int_equal(sb.len, 3);
	dq_sb_free(&sb);
	assert_null(sb.s);
}

static void test_push(void **state)
{
	struct {
		int a, b;
	} *v = NULL, *e;
	size_t n = 0, cap = 0;

	for (int i = 0; i < 1000; i++) {
		e = DQ_PUSH(v, n, cap);
		assert_non_null(e);
		assert_int_equal(e->a, 0);
		e->a = i;
	}
	assert_int_equal(n, 1000);
	assert_int_equal(v[999].a, 999);
	free(v);
	/* more than there is: NULL, and nothing changed */
	v = NULL;
	cap = 0;
	assert_null(dq_grow(v, &cap, SIZE_MAX / 2, 8));
	assert_int_equal(cap, 0);
}

/* Against a plain array. */
static void test_map(void **state)
{
	enum { KEYS = 509 };
	static uint64_t val[KEYS];
	static bool has[KEYS];
	struct dq_map *m = dq_map_new();
	size_t len = 0;
	uint64_t v;

	assert_non_null(m);
	for (int i = 0; i < 200000; i++) {
		unsigned int k = rnd() % KEYS;
		uint64_t key = k * 0x9e3779b97f4a7c15u;

		if (rnd() % 3) {
			len += !has[k];
			has[k] = true;
			val[k] = rnd();
			assert_int_equal(dq_map_put(m, key, val[k]), 0);
		} else {
			assert_int_equal(dq_map_del(m, key), has[k]);
			len -= has[k];
			has[k] = false;
		}
		k = rnd() % KEYS;
		key = k * 0x9e3779b97f4a7c15u;
		assert_int_equal(dq_map_get(m, key, &v), has[k]);
		if (has[k])
			assert_true(v == val[k]);
		assert_int_equal(dq_map_len(m), len);
	}
	dq_map_free(m);
	dq_map_free(NULL);
}

static void test_strtab(void **state)
{
	struct dq_strtab *t = dq_strtab_new();
	const char *first;
	char s[40];
	bool is_new;
	uint32_t id;

	assert_non_null(t);
	assert_int_equal(dq_strtab_intern(t, "", 0, &is_new), 0);
	assert_false(is_new);
	id = dq_strtab_intern(t, "vivid", 5, &is_new);
	assert_int_equal(id, 1);
	assert_true(is_new);
	first = dq_strtab_get(t, 1);
	for (int i = 0; i < 5000; i++) {
		snprintf(s, sizeof(s), "%d and something longer %d", i, i);
		id = dq_strtab_intern(t, s, strlen(s), &is_new);
		assert_int_equal(id, i + 2);
		assert_true(is_new);
	}
	/* a part of a string is another string */
	assert_int_equal(dq_strtab_intern(t, "vividly", 4, &is_new), 5002);
	assert_string_equal(dq_strtab_get(t, 5002), "vivi");
	assert_int_equal(dq_strtab_intern(t, "vivid", 5, &is_new), 1);
	assert_false(is_new);
	assert_ptr_equal(dq_strtab_get(t, 1), first);
	assert_string_equal(first, "vivid");
	assert_null(dq_strtab_get(t, 5003));
	dq_strtab_free(t);
}

static void test_utf8(void **state)
{
	static const struct {
		const char *s;
		int32_t cp;
		size_t adv;
	} cases[] = {
		{ "a", 'a', 1 },
		{ "\xc3\xa9", 0xe9, 2 },
		{ "\xe2\x82\xac", 0x20ac, 3 },
		{ "\xf0\x9f\x98\x80", 0x1f600, 4 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff, 4 },
		{ "\xc0\x80", -1, 1 },		/* overlong */
		{ "\xc1\xbf", -1, 1 },
		{ "\xe0\x80\xaf", -1, 1 },
		{ "\xf0\x80\x80\xaf", -1, 1 },
		{ "\xed\xa0\x80", -1, 1 },	/* surrogate */
		{ "\xf4\x90\x80\x80", -1, 1 },	/* beyond Unicode */
		{ "\xf8\x88\x80\x80\x80", -1, 1 },
		{ "\x80", -1, 1 },
		{ "\xc3", -1, 1 },		/* cut */
		{ "\xe2\x82", -1, 1 },
		{ "\xe2\x28\xa1", -1, 1 },
		{ "\xff", -1, 1 },
	};
	size_t adv;

	for (size_t i = 0; i < DQ_ARRAY_SIZE(cases); i++) {
		assert_int_equal(dq_utf8_next(cases[i].s, strlen(cases[i].s), &adv), cases[i].cp);
		assert_int_equal(adv, cases[i].adv);
	}
	assert_int_equal(dq_utf8_next("", 0, &adv), -1);
	assert_int_equal(adv, 0);
}

static void check_visible(const char *in, size_t max_cols, const char *want)
{
	struct dq_sb sb = { 0 };

	dq_sb_puts(&sb, ">");
	dq_sb_visible(&sb, in, strlen(in), max_cols);
	assert_string_equal(dq_sb_str(&sb) + 1, want);
	dq_sb_free(&sb);
}

static void test_visible(void **state)
{
	check_visible("plain \"text\"", 0, "plain \"text\"");
	check_visible("a\\b\n\t\x1b[31m\x7f", 0, "a\\\\b\\n\\t\\x1b[31m\\x7f");
	check_visible("\u00e9\u20ac\U0001f600", 0, "\u00e9\u20ac\U0001f600");
	check_visible("\xff\xc3", 0, "\\xff\\xc3");
	check_visible("\xc2\x85" "\u202e\u200b\u2066\ufeff\U000e0041", 0,
		      "\\x85\\u{202e}\\u{200b}\\u{2066}\\u{feff}\\u{e0041}");
	check_visible("\ufffe\ue000\ufdd0", 0, "\\u{fffe}\\u{e000}\\u{fdd0}");
	check_visible("", 5, "");
	check_visible("abcde", 5, "abcde");
	check_visible("abcdef", 5, "abcd\u2026");
	check_visible("\u00e9\u00e9\u00e9", 3, "\u00e9\u00e9\u00e9");
	check_visible("\u00e9\u00e9\u00e9\u00e9", 3, "\u00e9\u00e9\u2026");
	/* an escape is not cut in two */
	check_visible("ab\x01zzz", 5, "ab\u2026");
	check_visible("ab", 1, "\u2026");
}

static void check_quote(const char *in, size_t len, const char *want)
{
	struct dq_sb q = { 0 }, back = { 0 };
	const char *p;

	dq_sb_quote(&q, in, len);
	if (want)
		assert_string_equal(dq_sb_str(&q), want);
	p = q.s;
	assert_int_equal(dq_unquote(&p, q.s + q.len, &back), 0);
	assert_ptr_equal(p, q.s + q.len);
	assert_int_equal(back.len, len);
	if (len)
		assert_memory_equal(back.s, in, len);
	dq_sb_free(&q);
	dq_sb_free(&back);
}

static void test_quote(void **state)
{
	char s[64];

	check_quote("", 0, "\"\"");
	check_quote("vivid.0", 7, "\"vivid.0\"");
	check_quote("a\"b\\c\nd\te\rf\x01", 12, "\"a\\\"b\\\\c\\nd\\te\\rf\\x01\"");
	check_quote("\u00e9\xff", 3, "\"\u00e9\\xff\"");
	check_quote("\u202e", 3, "\"\\xe2\\x80\\xae\"");
	check_quote("a\0b", 3, "\"a\\x00b\"");
	for (int i = 0; i < 20000; i++) {
		size_t len = rnd() % sizeof(s);

		for (size_t k = 0; k < len; k++)
			s[k] = (char)(rnd() >> 20);
		check_quote(s, len, NULL);
	}
}

static void test_unquote_errors(void **state)
{
	static const char *const bad[] = { "",	   "x",	      "\"",	"\"a",	   "\"\\",
					   "\"\\q\"", "\"\\x1\"", "\"\\xg0\"", "\"\\x", "\"a\\\"" };
	struct dq_sb sb = { 0 };

	for (size_t i = 0; i < DQ_ARRAY_SIZE(bad); i++) {
		const char *p = bad[i];

		assert_int_equal(dq_unquote(&p, bad[i] + strlen(bad[i]), &sb), -EINVAL);
		assert_ptr_equal(p, bad[i]);
	}
	dq_sb_free(&sb);
}

static void test_columns(void **state)
{
	assert_int_equal(dq_columns("abc", 3), 3);
	assert_int_equal(dq_columns("\u00e9", 2), 1);
	assert_int_equal(dq_columns("e\u0301", 3), 1);
	assert_int_equal(dq_columns("\u65e5\u672c", 6), 4);
	assert_int_equal(dq_columns("\U0001f600", 4), 2);
	assert_int_equal(dq_columns("\xff", 1), 1);
	/* eight bytes of ASCII at a time, and what is behind them */
	assert_int_equal(dq_columns("", 0), 0);
	assert_int_equal(dq_columns("0123456789abcdef", 16), 16);
	assert_int_equal(dq_columns("0123456789\u65e5bc", 15), 14);
	assert_int_equal(dq_columns("0123456\u00e9", 9), 8);
	assert_int_equal(dq_columns("\u65e5" "0123456789", 13), 12);
}

static void test_uint(void **state)
{
	struct dq_sb sb = { 0 };
	char buf[24];

	assert_ptr_equal(dq_put_uint(buf, 0, 1), buf + 1);
	assert_string_equal(buf, "0");
	assert_ptr_equal(dq_put_uint(buf, UINT64_MAX, 1), buf + 20);
	assert_string_equal(buf, "18446744073709551615");
	dq_put_uint(buf, 42, 6);
	assert_string_equal(buf, "000042");
	dq_put_uint(buf, 1234567, 6);
	assert_string_equal(buf, "1234567");
	dq_sb_puts(&sb, "t=");
	dq_sb_uint(&sb, 7, 1);
	dq_sb_putc(&sb, '.');
	dq_sb_uint(&sb, 50, 6);
	assert_string_equal(dq_sb_str(&sb), "t=7.000050");
	dq_sb_free(&sb);
}

static void test_fmt(void **state)
{
	static const struct {
		uint64_t v;
		const char *size, *dur;
	} cases[] = {
		{ 0, "0 B", "0 ns" },
		{ 340, "340 B", "340 ns" },
		{ 999, "999 B", "999 ns" },
		{ 1000, "1 kB", "1 \u00b5s" },
		{ 4096, "4.1 kB", "4.1 \u00b5s" },
		{ 12000, "12 kB", "12 \u00b5s" },
		{ 38420, "38 kB", "38.4 \u00b5s" },
		{ 99950, "100 kB", "100 \u00b5s" },
		{ 999499, "999 kB", "999 \u00b5s" },
		{ 999500, "1 MB", "1 ms" },
		{ 1200000, "1.2 MB", "1.2 ms" },
		{ 8294400, "8.3 MB", "8.29 ms" },
		{ 2420000000, "2.4 GB", "2.42 s" },
		{ 999949999999999999, "1 EB", "999950000 s" },
		{ UINT64_MAX, "18 EB", "18446744074 s" },
	};
	char buf[24];

	for (size_t i = 0; i < DQ_ARRAY_SIZE(cases); i++) {
		assert_string_equal(dq_fmt_size(buf, cases[i].v), cases[i].size);
		assert_string_equal(dq_fmt_dur(buf, cases[i].v), cases[i].dur);
	}
	/* whatever the value, the buffers are large enough */
	for (int i = 0; i < 100000; i++) {
		uint64_t v = rnd() >> (rnd() % 64);
		char small[16], large[24];

		dq_fmt_size(small, v);
		dq_fmt_dur(large, v);
	}
}

static void check_parse(int (*fn)(const char *, uint64_t *), const char *s, int err, uint64_t want)
{
	uint64_t v = 42;

	assert_int_equal(fn(s, &v), err);
	assert_true(v == (err ? 42 : want));
}

static void test_parse_uint(void **state)
{
	check_parse(dq_parse_uint, "0", 0, 0);
	check_parse(dq_parse_uint, "18446744073709551615", 0, UINT64_MAX);
	check_parse(dq_parse_uint, "18446744073709551616", -ERANGE, 0);
	check_parse(dq_parse_uint, "0x", -EINVAL, 0);
	check_parse(dq_parse_uint, "0xFf", 0, 255);
	check_parse(dq_parse_uint, "0xffffffffffffffff", 0, UINT64_MAX);
	check_parse(dq_parse_uint, "0x10000000000000000", -ERANGE, 0);
	check_parse(dq_parse_uint, "", -EINVAL, 0);
	check_parse(dq_parse_uint, "-1", -EINVAL, 0);
	check_parse(dq_parse_uint, "+1", -EINVAL, 0);
	check_parse(dq_parse_uint, " 1", -EINVAL, 0);
	check_parse(dq_parse_uint, "1 ", -EINVAL, 0);
	check_parse(dq_parse_uint, "0x1g", -EINVAL, 0);
}

static void test_parse_size(void **state)
{
	check_parse(dq_parse_size, "4096", 0, 4096);
	check_parse(dq_parse_size, "64K", 0, 65536);
	check_parse(dq_parse_size, "64k", 0, 65536);
	check_parse(dq_parse_size, "8M", 0, 8 << 20);
	check_parse(dq_parse_size, "1GiB", 0, 1 << 30);
	check_parse(dq_parse_size, "2T", 0, 2ull << 40);
	check_parse(dq_parse_size, "16777216T", -ERANGE, 0);
	check_parse(dq_parse_size, "K", -EINVAL, 0);
	check_parse(dq_parse_size, "1KB", -EINVAL, 0);
	check_parse(dq_parse_size, "1X", -EINVAL, 0);
	check_parse(dq_parse_size, "1.5M", -EINVAL, 0);
	check_parse(dq_parse_size, "", -EINVAL, 0);
}

static void test_parse_time(void **state)
{
	check_parse(dq_parse_time, "10", 0, 10000000000);
	check_parse(dq_parse_time, "1.5s", 0, 1500000000);
	check_parse(dq_parse_time, "300ms", 0, 300000000);
	check_parse(dq_parse_time, "20us", 0, 20000);
	check_parse(dq_parse_time, "20\u00b5s", 0, 20000);
	check_parse(dq_parse_time, "7ns", 0, 7);
	check_parse(dq_parse_time, "2m", 0, 120000000000);
	check_parse(dq_parse_time, "0.5h", 0, 1800000000000);
	check_parse(dq_parse_time, "1.000213000", 0, 1000213000);
	check_parse(dq_parse_time, "18446744073.709551615", 0, UINT64_MAX);
	check_parse(dq_parse_time, "18446744073.709551616", -ERANGE, 0);
	check_parse(dq_parse_time, "1.5ns", -EINVAL, 0);
	check_parse(dq_parse_time, "1.", -EINVAL, 0);
	check_parse(dq_parse_time, ".5", -EINVAL, 0);
	check_parse(dq_parse_time, "s", -EINVAL, 0);
	check_parse(dq_parse_time, "1 s", -EINVAL, 0);
	check_parse(dq_parse_time, "1.0000000000000000000000001", -EINVAL, 0);
}

static void test_errname(void **state)
{
	assert_string_equal(dq_errname(12), "ENOMEM");
	assert_string_equal(dq_errname(-12), "ENOMEM");
	assert_string_equal(dq_errname(-524), "ENOTSUPP");
	assert_string_equal(dq_errname(-9999), "errno 9999");
	assert_string_equal(dq_errname(INT64_MIN), "errno 9223372036854775808");
	assert_null(dq_errname_known(0));
	assert_null(dq_errname_known(58));
	for (int i = 1; i < 600; i++) {
		const char *name = dq_errname_known(i);

		if (name)
			assert_int_equal(dq_errno_by_name(name, strlen(name)), i);
	}
	assert_int_equal(dq_errno_by_name("ENO", 3), -ENOENT);
	/* those that this libc has too, when it has the generic numbers */
	assert_int_equal(dq_errno_by_name("EINVAL", 6), EINVAL);
}

static void test_crc32c(void **state)
{
	static const char s[] = "123456789";

	assert_int_equal(dq_crc32c(0, s, 9), 0xe3069283);
	assert_int_equal(dq_crc32c(dq_crc32c(0, s, 4), s + 4, 5), 0xe3069283);
	assert_int_equal(dq_crc32c(0, "", 0), 0);
}

/* However it is cut, and wherever it lies, it is what a bit at a time gives. */
static void test_crc32c_cut(void **state)
{
	uint8_t v[67];
	uint32_t slow = ~0u;

	for (size_t i = 0; i < sizeof(v); i++) {
		v[i] = (uint8_t)(i * 37 + 11);
		slow ^= v[i];
		for (int b = 0; b < 8; b++)
			slow = slow >> 1 ^ (slow & 1 ? 0x82f63b78 : 0);
	}
	for (size_t i = 0; i <= sizeof(v); i++)
		assert_int_equal(dq_crc32c(dq_crc32c(0, v, i), v + i, sizeof(v) - i), ~slow);
}

/* The same answers as fnmatch(3) in the C locale. */
static void test_glob(void **state)
{
	static const char *const patterns[] = {
		"", "*", "**", "?", "a", "a*", "*a", "*a*", "a?c", "a*b*c", "*.ko", "[abc]", "[!abc]x",
		"[^abc]x", "[a-c]*[x-z]", "[]]", "[!]]", "[a-]", "[", "[a", "a[b", "\\*", "a\\?",
		"[\\]]", "[[:digit:]]*", "*[[:upper:]_]", "[[:nosuch:]]", "vivid-00?.[0-9]", "*-*-*", "-",
	};
	static const char *const strings[] = {
		"", "a", "b", "ab", "abc", "axbxc", "aXc", "x", "dx", "]", "-", "[", "[a", "a[b", "*",
		"a?", "a??", "7up", "A_", "vivid-001.5", "vivid-00x.5", "x-y-z", "a.ko", ".ko", "\\",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
	};

	for (size_t i = 0; i < DQ_ARRAY_SIZE(patterns); i++)
		for (size_t k = 0; k < DQ_ARRAY_SIZE(strings); k++)
			if (dq_glob(patterns[i], strings[k]) != !fnmatch(patterns[i], strings[k], 0))
				fail_msg("'%s' and '%s'", patterns[i], strings[k]);
	/* a pattern that would take for ever with naive steps back */
	assert_false(dq_glob("*a*a*a*a*a*a*a*a*a*c", strings[DQ_ARRAY_SIZE(strings) - 1]));
}

static void keep(enum dq_level level, const char *text, void *ctx)
{
	struct dq_sb *sb = ctx;

	dq_sb_printf(sb, "%d:%s;", level, text);
}

static void test_log(void **state)
{
	struct dq_sb sb = { 0 };

	dq_log_sink(keep, &sb);
	assert_int_equal(dq_log_get_level(), DQ_LOG_WARN);
	dq_err("bad %s", "\x1b[2J\n");
	dq_warn("hm");
	dq_info("not shown");
	dq_log_level(DQ_LOG_INFO);
	errno = EBUSY;
	dq_info("shown");
	assert_int_equal(errno, EBUSY);
	dq_log_level(DQ_LOG_WARN);
	dq_log_sink(NULL, NULL);
	assert_string_equal(dq_sb_str(&sb), "0:bad \\x1b[2J\\n;1:hm;2:shown;");
	dq_sb_free(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sb),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_strtab),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_unquote_errors),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_fmt),
		cmocka_unit_test(test_parse_uint),
		cmocka_unit_test(test_parse_size),
		cmocka_unit_test(test_parse_time),
		cmocka_unit_test(test_errname),
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_crc32c_cut),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
