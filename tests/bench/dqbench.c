// SPDX-License-Identifier: BSD-2-Clause
/*
 * dqbench: one operation on a DMA-BUF, many times, and what that took.
 *
 *	dqbench sync|trickle|import|stream N [RECORDER]
 *
 *	sync	DMA_BUF_IOCTL_SYNC START and END on a udmabuf
 *	trickle	the same every 10 ms
 *	import	PRIME import of vivid's buffer by vgem, and its end: get, attach,
 *		map, unmap, detach, put
 *	stream	a frame of vivid into two udmabufs, in turn: QBUF with a get and a put,
 *		DQBUF; painting the frame is the untraced cost
 *
 * In a guest whose clock counts instructions (run.sh --icount) the nanoseconds that
 * it prints are instructions. RECORDER is the name of the processes that record
 * meanwhile; what they take is told apart:
 *
 *	ops=20000 all=... recorder=... later=... idle=...
 *
 * all: from the first operation to the last, everything that ran on the processor but
 * its idling (stream: waits for the next frame; trickle).
 * recorder: its share of that. later: what it took afterwards until it had nothing
 * left to do, less what it takes in the same time when nothing happens. idle: that, in two seconds: a
 * recorder that writes a file looks once in a second when it is not woken.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "../vm/workloads/stories.h"

#define WARM 64	/* operations before it counts */
#define LOOK 2000	/* ms in which a recorder has looked at what there is */

struct dq_options opt; /* abi.c asks for it */

static unsigned long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void rest(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* The first line of a file of /proc, without its end; "" when it has gone. */
static void line_of(const char *path, char *buf, int size)
{
	FILE *f = fopen(path, "r");

	buf[0] = '\0';
	if (!f)
		return;
	if (fgets(buf, size, f))
		buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

/* Nanoseconds in which tasks ran on the one processor, until the last switch between them. */
static unsigned long long busy(void)
{
	FILE *f = fopen("/proc/schedstat", "r");
	unsigned long long ns = 0;
	char line[1024];

	rest(1);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu0 %*u %*u %*u %*u %*u %*u %llu", &ns) == 1)
			break;
	if (f)
		fclose(f);
	return ns;
}

/* Nanoseconds of processor time of all threads of one process. */
static unsigned long long time_of(const char *pid)
{
	unsigned long long sum = 0;
	char path[600], text[80];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, e->d_name);
		line_of(path, text, sizeof(text));
		sum += strtoull(text, NULL, 10);
	}
	if (d)
		closedir(d);
	return sum;
}

/* The same of all processes of this name. */
static unsigned long long recorders(const char *name)
{
	unsigned long long sum = 0;
	char path[600], comm[80];
	struct dirent *e;
	DIR *d;

	if (!name)
		return 0;
	d = opendir("/proc");
	while (d && (e = readdir(d))) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		line_of(path, comm, sizeof(comm));
		if (!strcmp(comm, name))
			sum += time_of(e->d_name);
	}
	if (d)
		closedir(d);
	return sum;
}

/* ---- the operations ---------------------------------------------------------------- */

static struct dq_buf bufs[2];

static void sync_pair(void)
{
	struct dma_buf_sync start = { DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	struct dma_buf_sync end = { DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW };

	if (ioctl(bufs[0].fd, DMA_BUF_IOCTL_SYNC, &start) || ioctl(bufs[0].fd, DMA_BUF_IOCTL_SYNC, &end))
		dq_die("DMA_BUF_IOCTL_SYNC failed");
}

static void sync_pairs(int n)
{
	while (n--)
		sync_pair();
}

static void trickle(int n)
{
	while (n--) {
		sync_pair();
		rest(10);
	}
}

static void imports(int n)
{
	while (n--)
		dq_vgem_release(dq_vgem_import(&bufs[0]));
}

static void frames(int n)
{
	dq_vivid_import(bufs, 2);
	dq_vivid_stream(bufs, 2, n);
	dq_vivid_drop(2, true);
}

static const struct work {
	const char *name;
	enum dq_exporter exporter;
	void (*run)(int n);
	bool waits;
} works[] = {
	{ "sync", DQ_UDMABUF, sync_pairs, false },
	{ "trickle", DQ_UDMABUF, trickle, true },
	{ "import", DQ_VIVID, imports, false },
	{ "stream", DQ_UDMABUF, frames, true },
};

static void measure(const struct work *w, int n, const char *recorder)
{
	unsigned long long t0, t1, idle, r0, r1, r2;

	w->run(WARM);
	rest(LOOK); /* whoever records it has seen it */
	idle = recorders(recorder);
	rest(LOOK);
	r0 = recorders(recorder);
	idle = r0 - idle;
	t0 = w->waits ? busy() : now();
	w->run(n);
	t1 = w->waits ? busy() : now();
	r1 = recorders(recorder);
	rest(LOOK);
	r2 = recorders(recorder);
	printf("ops=%d all=%llu recorder=%llu later=%llu idle=%llu\n", n, t1 - t0, r1 - r0,
	       r2 - r1 > idle ? r2 - r1 - idle : 0, idle);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;

	for (size_t i = 0; n > 0 && i < sizeof(works) / sizeof(works[0]); i++) {
		if (strcmp(works[i].name, argv[1]))
			continue;
		if (works[i].exporter == DQ_VIVID)
			dq_vivid_alloc(2);
		dq_export(&bufs[0], works[i].exporter, 0);
		dq_export(&bufs[1], works[i].exporter, 1);
		measure(&works[i], n, argc > 3 ? argv[3] : NULL);
		return 0;
	}
	fprintf(stderr, "usage: dqbench sync|trickle|import|stream N [RECORDER]\n");
	return 2;
}
