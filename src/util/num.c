/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * num.c - numbers for people, both ways, in integer arithmetic (so that output is the
 * same everywhere) and without the locale. Touches nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "util.h"

char *dq_put_uint(char *p, uint64_t v, int digits)
{
	char buf[20];
	int n = 0;

	do
		buf[n++] = (char)('0' + v % 10);
	while (v /= 10);
	for (; digits > n; digits--)
		*p++ = '0';
	while (n)
		*p++ = buf[--n];
	*p = '\0';
	return p;
}

/* v/unit with at most three significant digits and no trailing zeros: 11 digits, a point, two more,
 * and the name at most. */
static void fmt_scaled(char *buf, uint64_t v, uint64_t unit, int digits, const char *name)
{
	uint64_t whole = v / unit, rem = v % unit, pow = 1, frac;
	int n;

	if (whole >= 10)
		digits--;
	if (whole >= 100)
		digits--;
	if (digits < 0)
		digits = 0;
	for (n = 0; n < digits; n++)
		pow *= 10;
	/* rem < unit <= 10^18 and pow <= 100: halve the scale first where it would overflow */
	if (rem > UINT64_MAX / 200) {
		rem /= 1000;
		unit /= 1000;
	}
	frac = (rem * pow + unit / 2) / unit;
	if (frac >= pow) {
		whole++;
		frac -= pow;
	}
	buf = dq_put_uint(buf, whole, 1);
	if (frac) {
		for (; frac % 10 == 0; frac /= 10)
			digits--;
		*buf++ = '.';
		buf = dq_put_uint(buf, frac, digits);
	}
	*buf++ = ' ';
	memcpy(buf, name, strlen(name) + 1);
}

char *dq_fmt_size(char *buf, uint64_t bytes)
{
	static const char *const names[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	uint64_t unit = 1;
	size_t i = 0;

	/* 999.5 kB would be rounded to 1000 kB: that is 1 MB */
	while (i + 1 < DQ_ARRAY_SIZE(names) && bytes >= unit * 1000 - (unit > 1 ? unit / 2 : 0)) {
		unit *= 1000;
		i++;
	}
	fmt_scaled(buf, bytes, unit, 1, names[i]);
	return buf;
}

char *dq_fmt_dur(char *buf, uint64_t ns)
{
	if (ns < 1000)
		fmt_scaled(buf, ns, 1, 0, "ns");
	else if (ns < 999500)
		fmt_scaled(buf, ns, 1000, 2, "\u00b5s");
	else if (ns < 999500000)
		fmt_scaled(buf, ns, 1000000, 2, "ms");
	else
		fmt_scaled(buf, ns, 1000000000, 2, "s");
	return buf;
}

static int parse_digits(const char **p, uint64_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	*p = s;
	*ret = v;
	return 0;
}

static int parse_hex(const char *s, uint64_t *ret)
{
	uint64_t v = 0;
	int n = 0, d;

	for (; *s; s++, n++) {
		if (*s >= '0' && *s <= '9')
			d = *s - '0';
		else if ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'f')
			d = (*s | 0x20) - 'a' + 10;
		else
			return -EINVAL;
		if (v >> 60)
			return -ERANGE;
		v = v << 4 | (unsigned int)d;
	}
	if (!n)
		return -EINVAL;
	*ret = v;
	return 0;
}

int dq_parse_uint(const char *s, uint64_t *ret)
{
	uint64_t v;
	int err;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return parse_hex(s + 2, ret);
	err = parse_digits(&s, &v);
	if (err)
		return err;
	if (*s)
		return -EINVAL;
	*ret = v;
	return 0;
}

int dq_parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *u;
	uint64_t v;
	int err = parse_digits(&s, &v);

	if (err)
		return err;
	if (*s && (u = strchr(units, *s & ~0x20))) {
		s++;
		if (!strcmp(s, "iB"))
			s += 2;
		for (; u >= units; u--) {
			if (__builtin_mul_overflow(v, 1024, &v))
				return -ERANGE;
		}
	}
	if (*s)
		return -EINVAL;
	*ret = v;
	return 0;
}

static const struct {
	const char *name;
	uint64_t ns;
} time_units[] = {
	{ "", 1000000000 },
	{ "s", 1000000000 },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "\u00b5s", 1000 },
	{ "ns", 1 },
	{ "m", 60000000000 },
	{ "min", 60000000000 },
	{ "h", 3600000000000 },
};

int dq_parse_time(const char *s, uint64_t *ret_ns)
{
	uint64_t v, frac = 0, scale = 1;
	size_t i;
	int err = parse_digits(&s, &v);

	if (err)
		return err;
	if (*s == '.') {
		if (*++s < '0' || *s > '9')
			return -EINVAL;
		for (; *s >= '0' && *s <= '9'; s++) {
			if (scale >= 1000000000000)
				return -EINVAL;
			frac = frac * 10 + (uint64_t)(*s - '0');
			scale *= 10;
		}
	}
	for (i = 0; i < DQ_ARRAY_SIZE(time_units) && strcmp(s, time_units[i].name); i++)
		;
	if (i == DQ_ARRAY_SIZE(time_units))
		return -EINVAL;
	/* a fraction of a nanosecond is not a time */
	for (; scale > 1 && frac % 10 == 0; frac /= 10)
		scale /= 10;
	if (time_units[i].ns % scale)
		return -EINVAL;
	if (__builtin_mul_overflow(v, time_units[i].ns, &v) ||
	    __builtin_add_overflow(v, frac * (time_units[i].ns / scale), &v))
		return -ERANGE;
	*ret_ns = v;
	return 0;
}
