// SPDX-License-Identifier: BSD-2-Clause
/*
 * A story of threads that meet in another order each time.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "abi.h"
#include "stories.h"

#define NTHREADS 4

struct job {
	const char *name;	/* of the thread */
	uint64_t start, end;	/* flags of DMA_BUF_IOCTL_SYNC */
	const struct dq_buf *buf;
	int pairs;
};

static pthread_barrier_t all_there;

static void *work(void *arg)
{
	const struct job *j = arg;

	pthread_setname_np(pthread_self(), j->name);
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < j->pairs; i++) {
		struct dma_buf_sync s = { .flags = j->start };

		/* the ledger of dq_sync() is one thread's */
		if (ioctl(j->buf->fd, DMA_BUF_IOCTL_SYNC, &s))
			dq_die("SYNC START failed");
		sched_yield();
		s.flags = j->end;
		if (ioctl(j->buf->fd, DMA_BUF_IOCTL_SYNC, &s))
			dq_die("SYNC END failed");
	}
	return NULL;
}

/*
 * A writer, a reader and two alike that do both, all at one buffer and at the same time.
 *
 * Expected: ioctl 8P, begin 4P.
 */
void story_threads(void)
{
	enum dq_exporter exporter = pick_plain();
	int pairs = number(opt.pairs, 17), i;
	pthread_t threads[NTHREADS];
	struct dq_buf buf;
	struct job jobs[NTHREADS] = {
		{ "capture", START_W, END_W, &buf, pairs },
		{ "encode", START_R, END_R, &buf, pairs },
		{ "filter-1", START_RW, END_RW, &buf, pairs },
		{ "filter-2", START_RW, END_RW, &buf, pairs },
	};

	dq_export(&buf, exporter, 0);
	pthread_barrier_init(&all_there, NULL, NTHREADS);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, work, &jobs[i]))
			dq_die("pthread_create failed");
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	dq_expect("dma_buf_ioctl", 2 * NTHREADS * pairs);
	dq_expect("dma_buf_begin_cpu_access", NTHREADS * pairs);
	dq_close(buf.fd);
	dq_report("threads", "exporter=%s threads=%d pairs=%d", dq_name(exporter), NTHREADS, pairs);
}
