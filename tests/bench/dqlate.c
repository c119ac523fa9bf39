// SPDX-License-Identifier: BSD-2-Clause
/*
 * dqlate: how late a live view is. Reads the text form of a trace while it is recorded
 *
 *	dmaseq record -o - | dmaseq dump - | dqlate
 *
 * and at the end of file prints
 *
 *	lines=1400 late=41 mean=22
 *
 * lines: calls and system calls. late, mean: milliseconds from the end of one, by the clock of the
 * trace, which is CLOCK_MONOTONIC, to the moment its line was read; the most and the mean.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* The value of a field of seconds with a decimal point, in nanoseconds; 0: there is no such field. */
static long long seconds(const char *line, const char *key)
{
	const char *p = strstr(line, key);
	char *end;
	long long s;

	if (!p)
		return 0;
	s = strtoll(p + strlen(key), &end, 10) * 1000000000LL;
	return *end == '.' ? s + strtoll(end + 1, NULL, 10) : s;
}

/* When that which the line tells of had ended. */
static long long end_of(const char *line)
{
	const char *dur = strstr(line, " dur=");

	if (!strncmp(line, "sys ", 4))
		return seconds(line, " end=");
	return seconds(line, " t=") + (dur ? strtoll(dur + 5, NULL, 10) : 0);
}

int main(void)
{
	static char line[65536];
	long long late, most = 0, sum = 0, n = 0;

	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "call ", 5) && strncmp(line, "sys ", 4))
			continue;
		late = now() - end_of(line);
		most = late > most ? late : most;
		sum += late;
		n++;
	}
	printf("lines=%lld late=%lld mean=%lld\n", n, most / 1000000, n ? sum / n / 1000000 : 0);
	return 0;
}
