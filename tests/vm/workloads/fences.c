// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stories in which somebody waits for a device: vgem puts fences on its
 * buffers and signals them when it is told to, or after ten seconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "drm_abi.h"
#include "stories.h"

/* vgem's own limit, and some. */
#define TIMER_MS 10000

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void sleep_ms(int ms)
{
	struct timespec delay = { ms / 1000, ms % 1000 * 1000000L };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
}

/* A vgem buffer whose handle stays open: fences need it. */
static uint32_t vgem_export(struct dq_buf *buf)
{
	struct drm_prime_handle prime = { 0 };
	int card = dq_drm("vgem");

	prime.handle = dq_dumb(card, 1024, 16);
	prime.flags = O_CLOEXEC | O_RDWR;
	dq_ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime,
		 "DRM_IOCTL_PRIME_HANDLE_TO_FD");
	dq_expect("dma_buf_export", 1);
	dq_expect("dma_buf_file_release", 1);
	dq_expect("dma_buf_release", 1);
	dq_expect("fd_install", 1);
	memset(buf, 0, sizeof(*buf));
	buf->exporter = DQ_VGEM;
	buf->size = 1024 * 4 * 16;
	buf->fd = prime.fd;
	return prime.handle;
}

static void vgem_close(uint32_t handle)
{
	dq_gem_close(dq_drm("vgem"), handle);
	/* The handle's reference and the object's. */
	dq_expect("dma_buf_put", 2);
}

static uint32_t fence_attach(uint32_t handle)
{
	struct drm_vgem_fence_attach attach = {
		.handle = handle,
		.flags = VGEM_FENCE_WRITE,
	};

	dq_ioctl(dq_drm("vgem"), DRM_IOCTL_VGEM_FENCE_ATTACH, &attach,
		 "DRM_IOCTL_VGEM_FENCE_ATTACH");
	return attach.out_fence;
}

static void fence_signal(uint32_t fence)
{
	struct drm_vgem_fence_signal sig = { .fence = fence };

	dq_ioctl(dq_drm("vgem"), DRM_IOCTL_VGEM_FENCE_SIGNAL, &sig,
		 "DRM_IOCTL_VGEM_FENCE_SIGNAL");
}

/* ---- fence ------------------------------------------------------------- */

struct signaller {
	pid_t waiter;		/* tid of the thread that will block */
	uint32_t fence;
	int ms;
};

/* Is @tid inside an ioctl, asleep?  The kernel tells the call's number. */
static bool blocked_in_ioctl(pid_t tid)
{
	char path[64], line[128] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	f = fopen(path, "re");
	if (!f)
		dq_die("%s cannot be read: %s", path, strerrorname_np(errno));
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return atoi(line) == SYS_ioctl && strncmp(line, "running", 7);
}

/*
 * Signals some time after the other thread is seen to block.  The time is what
 * the story is about, it orders nothing.
 */
static void *signaller(void *arg)
{
	const struct signaller *s = arg;

	while (!blocked_in_ioctl(s->waiter))
		sched_yield();
	sleep_ms(s->ms);
	fence_signal(s->fence);
	return NULL;
}

/*
 * A device is not done yet: vgem attaches a write fence to its buffer, START
 * waits for it, a second thread signals it 50 ms (--ms) later.
 *
 * Expected per round: begin 1 (at least 50 ms), ioctl 2.
 */
void story_fence(void)
{
	int rounds = number(opt.rounds, 3), i;
	struct signaller s = { .waiter = gettid(), .ms = number(opt.ms, 50) };
	struct dq_buf buf;
	uint32_t handle;
	long long began;
	pthread_t thread;

	if (dq_drm("vgem") < 0)
		dq_skip("fence needs vgem");
	handle = vgem_export(&buf);
	for (i = 0; i < rounds; i++) {
		s.fence = fence_attach(handle);
		if (pthread_create(&thread, NULL, signaller, &s))
			dq_die("no second thread to be had");
		began = now_ms();
		dq_sync(&buf, START_R, 0);
		if (now_ms() - began < s.ms - 1)
			dq_die("START did not wait for the fence");
		dq_sync(&buf, END_R, 0);
		pthread_join(thread, NULL);
	}
	dq_close(buf.fd);
	vgem_close(handle);
	dq_report("fence", "exporter=vgem rounds=%d wait_ms=%d", rounds, s.ms);
}

/* ---- poll, kworker ------------------------------------------------------ */

/*
 * A kernel before 6.0 may let go of a buffer that is being polled, and then
 * dies of it (BUG in dma_buf_release).  It also has no EXPORT_SYNC_FILE.
 */
static bool poll_holds(const struct dq_buf *buf)
{
	struct dma_buf_export_sync_file arg = { .flags = DMA_BUF_SYNC_READ, .fd = -1 };

	if (ioctl(buf->fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg))
		return false;
	dq_expect("dma_buf_ioctl", 1);
	close(arg.fd);
	return true;
}

/*
 * The buffer waits for its fence, polled and with nobody holding it otherwise.
 * Returns the fence.
 */
static uint32_t polled_and_closed(const char *story, unsigned long *ino)
{
	struct pollfd p = { .events = POLLIN };
	struct dq_buf buf;
	uint32_t handle, fence;

	if (dq_drm("vgem") < 0)
		dq_skip("%s needs vgem", story);
	handle = vgem_export(&buf);
	if (!poll_holds(&buf))
		dq_skip("no DMA_BUF_IOCTL_EXPORT_SYNC_FILE: %s would end in a BUG of this kernel", story);
	*ino = dq_inode(buf.fd);
	fence = fence_attach(handle);
	p.fd = buf.fd;
	if (poll(&p, 1, 0) != 0)
		dq_die("a buffer with a fence that is not signalled is ready (0x%x)",
		       p.revents);
	dq_expect("dma_buf_poll", 1);
	dq_expect("dma_buf_poll_cb", 1);
	vgem_close(handle);
	dq_close(buf.fd);
	dq_account_begin(story);
	dq_account_line("unexplained buf=%lu n=1", *ino);
	dq_account_end();
	if (!dq_alive(*ino))
		dq_die("the buffer did not live on");
	return fence;
}

/*
 * poll(2) holds a buffer that nobody has any more, until its fence is
 * signalled: released by the thread that signals.
 *
 * Expected: poll 1, poll_cb 1, release 1 after the close.
 */
void story_poll(void)
{
	unsigned long ino;
	uint32_t fence;

	fence = polled_and_closed("poll", &ino);
	fence_signal(fence);
	if (dq_alive(ino))
		dq_die("the buffer lives on after its fence was signalled");
	dq_account_begin("signalled");
	dq_account_line("gone buf=%lu", ino);
	dq_account_end();
	dq_report("poll", "exporter=vgem");
}

/*
 * The same, but it is vgem's timer that signals, in an interrupt: released by a
 * worker of the kernel, ten seconds later.
 */
void story_kworker(void)
{
	unsigned long ino;
	int waited = 0;

	polled_and_closed("kworker", &ino);
	while (dq_alive(ino)) {
		if (waited > 3 * TIMER_MS)
			dq_die("vgem's fence was not signalled by itself");
		sleep_ms(100);
		waited += 100;
	}
	dq_account_begin("signalled");
	dq_account_line("gone buf=%lu", ino);
	dq_account_end();
	dq_report("kworker", "exporter=vgem waited_ms=%d", waited);
}
