/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - runs a fuzz target without libFuzzer: over each file named, and over
 * mutations of it that are the same on every machine. For ctest, any compiler and
 * valgrind.
 *
 *	replay_TARGET [-n MUTATIONS] FILE...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX (1u << 20)

/* To targets that could choose: go every way with every input. */
extern const int replay_all_ways;
const int replay_all_ways = 1;

static uint64_t rnd_state = 88172645463325252u;
static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

/* One to four changes: a byte set, a bit turned, a piece removed, doubled or overwritten by
 * another, a number made large. */
static size_t mutate(uint8_t *p, size_t len, size_t room)
{
	size_t a, b, n;

	for (unsigned int k = 1 + rnd() % 4; k && len > 8; k--) {
		a = rnd() % len;
		b = rnd() % len;
		n = rnd() % 16;
		switch (rnd() % 6) {
		case 0:
			p[a] = (uint8_t)rnd();
			break;
		case 1:
			p[a] ^= (uint8_t)(1 << rnd() % 8);
			break;
		case 2:
			n = n < len - a ? n : len - a;
			memmove(p + a, p + a + n, len - a - n);
			len -= n;
			break;
		case 3:
			n = n < len - a ? n : len - a;
			if (len + n > room)
				break;
			memmove(p + a + n, p + a, len - a);
			len += n;
			break;
		case 4:
			n = n < len - a ? n : len - a;
			n = n < len - b ? n : len - b;
			memmove(p + a, p + b, n);
			break;
		case 5:
			for (n = 0; n < 8 && a + n < len; n++)
				p[a + n] = n < 7 ? 0xff : 0x7f;
			break;
		}
	}
	return len;
}

static int replay(const char *path, unsigned long mutations)
{
	static uint8_t file[FILE_MAX], copy[2 * FILE_MAX];
	size_t len, n;
	FILE *f = fopen(path, "rb");

	if (!f) {
		perror(path);
		return 1;
	}
	len = fread(file, 1, sizeof(file), f);
	fclose(f);
	LLVMFuzzerTestOneInput(file, len);
	for (unsigned long i = 0; i < mutations; i++) {
		memcpy(copy, file, len);
		n = mutate(copy, len, sizeof(copy));
		LLVMFuzzerTestOneInput(copy, n);
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long mutations = 0;
	int status = 0, i = 1;

	if (argc > 2 && !strcmp(argv[1], "-n")) {
		mutations = strtoul(argv[2], NULL, 10);
		i = 3;
	}
	for (; i < argc; i++)
		status |= replay(argv[i], mutations);
	return status;
}
