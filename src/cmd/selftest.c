// SPDX-License-Identifier: BSD-2-Clause
/*
 * selftest.c - drives every exporter that is there, and the importers that take a
 * buffer from a program: udmabuf, dma heaps, vgem, a free V4L2 capture device.
 *
 * Only devices that make a buffer without touching hardware, or hand out what they
 * have: a display's card node is left alone, opening it may take the display away from
 * somebody. Nothing is started, and everything is given back. What was called for sure
 * is noted hook by hook; what a kernel does inside of that is not guessed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dirent.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <linux/videodev2.h>

#include "../util/util.h"
#include "selftest.h"

/* The parts of drm.h that are used: it is not among the kernel's headers everywhere. */
struct drm_version {
	int major, minor, patch;
	size_t name_len;
	char *name;
	size_t date_len;
	char *date;
	size_t desc_len;
	char *desc;
};
struct drm_gem_close {
	uint32_t handle, pad;
};
struct drm_prime_handle {
	uint32_t handle, flags;
	int32_t fd;
};
struct drm_mode_create_dumb {
	uint32_t height, width, bpp, flags, handle, pitch;
	uint64_t size;
};
#define DRM_IOCTL_VERSION	     _IOWR('d', 0x00, struct drm_version)
#define DRM_IOCTL_GEM_CLOSE	     _IOW('d', 0x09, struct drm_gem_close)
#define DRM_IOCTL_PRIME_HANDLE_TO_FD _IOWR('d', 0x2d, struct drm_prime_handle)
#define DRM_IOCTL_PRIME_FD_TO_HANDLE _IOWR('d', 0x2e, struct drm_prime_handle)
#define DRM_IOCTL_MODE_CREATE_DUMB   _IOWR('d', 0xb2, struct drm_mode_create_dumb)

#define SIZE	(64 * 1024)
#define SECONDS 60 /* far more than all of it takes, on an emulated machine too */

struct test {
	struct selftest *st;
	int vgem;		/* -1: none */
	bool own;		/* the buffer is vgem's own: it will not attach to it */
	int video;		/* a capture device that nobody uses, -1: none */
	uint32_t image;		/* bytes of its picture */
	char video_path[24];
};

static void must(struct test *t, uint32_t hook)
{
	t->st->must[hook] = 1;
}

static void line(struct test *t, const char *what)
{
	if (t->st->nlines < DQ_ARRAY_SIZE(t->st->lines))
		snprintf(t->st->lines[t->st->nlines++].what, sizeof(t->st->lines[0].what), "%s", what);
}

/* More about the last line. */
static void DQ_PRINTF(2, 3) did(struct test *t, const char *fmt, ...)
{
	char *s = t->st->lines[t->st->nlines - 1].text;
	size_t n = strlen(s), size = sizeof(t->st->lines[0].text);
	va_list ap;

	if (n + 2 < size)
		n += snprintf(s + n, size - n, "%s", n ? ", " : "");
	va_start(ap, fmt);
	vsnprintf(s + n, size - n, fmt, ap);
	va_end(ap);
}

/* ---- what can be done with any buffer --------------------------------------------------- */

static void sync_it(struct test *t, int fd)
{
	struct dma_buf_sync s = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };

	must(t, HOOK_IOCTL);
	if (ioctl(fd, DMA_BUF_IOCTL_SYNC, &s)) {
		did(t, "SYNC failed (%s)", dq_errname(errno));
		return;
	}
	must(t, HOOK_BEGIN_CPU);
	s.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	if (!ioctl(fd, DMA_BUF_IOCTL_SYNC, &s))
		did(t, "synced");
}

static void send_it(struct test *t, int fd)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS } };
	char byte = 0;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &c,
			    .msg_controllen = sizeof(c.room) };
	int pair[2], got = -1;

	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair))
		return;
	if (sendmsg(pair[0], &m, 0) == 1 && recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC) == 1) {
		must(t, HOOK_SCM_SEND);
		memcpy(&got, CMSG_DATA(&c.h), sizeof(got));
		did(t, "sent");
	}
	if (got >= 0)
		close(got);
	close(pair[0]);
	close(pair[1]);
}

static void map_it(struct test *t, int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid_t pid;

	must(t, HOOK_MMAP_FILE);
	if (p == MAP_FAILED) {
		did(t, "mmap failed (%s)", dq_errname(errno));
		return;
	}
	must(t, HOOK_OPS_MMAP);
	did(t, "mapped");
	pid = fork();
	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	sync_it(t, fd);
	munmap(p, size);
}

static void import_drm(struct test *t, int fd)
{
	struct drm_prime_handle h = { .fd = fd };
	struct drm_gem_close c = { 0 };

	if (t->vgem < 0)
		return;
	must(t, HOOK_GET);
	if (ioctl(t->vgem, DRM_IOCTL_PRIME_FD_TO_HANDLE, &h)) {
		did(t, "vgem refused it (%s)", dq_errname(errno));
		return;
	}
	must(t, HOOK_PUT);
	if (!t->own) {
		must(t, HOOK_DYNAMIC_ATTACH);
		must(t, HOOK_DETACH);
	}
	c.handle = h.handle;
	ioctl(t->vgem, DRM_IOCTL_GEM_CLOSE, &c);
	did(t, t->own ? "imported by itself" : "imported by vgem");
}

/* Queued to a capture device that is not streaming: it is attached and mapped, and not written. */
static void import_video(struct test *t, int fd, size_t size)
{
	struct v4l2_requestbuffers r = { .count = 1, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
					 .memory = V4L2_MEMORY_DMABUF };
	struct v4l2_buffer b = { .type = r.type, .memory = r.memory, .length = size, .m.fd = fd };

	if (t->video < 0 || size < t->image || ioctl(t->video, VIDIOC_REQBUFS, &r))
		return;
	must(t, HOOK_GET);
	if (!ioctl(t->video, VIDIOC_QBUF, &b))
		did(t, "imported by %s", t->video_path);
	else
		did(t, "%s refused it (%s)", t->video_path, dq_errname(errno));
	r.count = 0;
	ioctl(t->video, VIDIOC_REQBUFS, &r);
	must(t, HOOK_PUT);
}

/* A buffer's life from here on; takes fd. */
static void drive(struct test *t, int fd, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int other;

	must(t, HOOK_EXPORT);
	must(t, HOOK_FD_INSTALL);
	map_it(t, fd, size);
	poll(&p, 1, 0);
	must(t, HOOK_POLL);
	other = dup3(fd, 500, O_CLOEXEC); /* a free number */
	if (other >= 0) {
		must(t, HOOK_DO_DUP2);
		close(other);
	}
	send_it(t, fd);
	import_drm(t, fd);
	import_video(t, fd, size);
	close(fd);
	must(t, HOOK_FILP_FLUSH);
	must(t, HOOK_FILP_CLOSE);
}

/* Nobody else has the buffer when drive() was the last to hold it. */
static void released(struct test *t)
{
	must(t, HOOK_FILE_RELEASE);
	must(t, HOOK_RELEASE);
	must(t, HOOK_OPS_RELEASE);
}

/* ---- exporters ---------------------------------------------------------------------------- */

static void test_udmabuf(struct test *t, size_t size)
{
	struct udmabuf_create c = { .size = size, .flags = UDMABUF_FLAGS_CLOEXEC };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), memfd, fd = -1;

	if (dev < 0)
		return;
	line(t, "udmabuf");
	memfd = memfd_create("dmaseq", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	c.memfd = memfd;
	if (memfd >= 0 && !ftruncate(memfd, size) && !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(dev, UDMABUF_CREATE, &c);
	if (fd < 0)
		did(t, "no buffer (%s)", dq_errname(errno));
	close(dev);
	if (memfd >= 0)
		close(memfd);
	if (fd < 0)
		return;
	drive(t, fd, size);
	released(t);
}

static void test_heap(struct test *t, const char *name, size_t size)
{
	struct dma_heap_allocation_data a = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	char path[280];
	int dev;

	snprintf(path, sizeof(path), "/dev/dma_heap/%s", name);
	dev = open(path, O_RDWR | O_CLOEXEC);
	line(t, name);
	if (dev < 0 || ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &a)) {
		did(t, "no buffer (%s)", dq_errname(errno));
	} else {
		drive(t, a.fd, size);
		released(t);
	}
	if (dev >= 0)
		close(dev);
}

static void test_heaps(struct test *t, size_t size)
{
	DIR *d = opendir("/dev/dma_heap");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			test_heap(t, e->d_name, size);
	if (d)
		closedir(d);
}

static void test_vgem(struct test *t, size_t size)
{
	struct drm_mode_create_dumb d = { .width = 1024, .height = (size + 4095) / 4096, .bpp = 32 };
	struct drm_prime_handle h = { .flags = O_CLOEXEC | O_RDWR };
	struct drm_gem_close c = { 0 };

	if (t->vgem < 0)
		return;
	line(t, "vgem");
	if (ioctl(t->vgem, DRM_IOCTL_MODE_CREATE_DUMB, &d)) {
		did(t, "no buffer (%s)", dq_errname(errno));
		return;
	}
	c.handle = h.handle = d.handle;
	if (ioctl(t->vgem, DRM_IOCTL_PRIME_HANDLE_TO_FD, &h)) {
		did(t, "no descriptor (%s)", dq_errname(errno));
		ioctl(t->vgem, DRM_IOCTL_GEM_CLOSE, &c);
		return;
	}
	/* first: with the handle goes one of its references */
	ioctl(t->vgem, DRM_IOCTL_GEM_CLOSE, &c);
	t->own = true;
	drive(t, h.fd, d.size);
	t->own = false;
}

static void test_video(struct test *t)
{
	struct v4l2_requestbuffers r = { .count = 1, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
					 .memory = V4L2_MEMORY_MMAP };
	struct v4l2_exportbuffer x = { .type = r.type, .flags = O_CLOEXEC | O_RDWR };
	int video = t->video;

	if (video < 0)
		return;
	line(t, t->video_path);
	if (ioctl(video, VIDIOC_REQBUFS, &r) || ioctl(video, VIDIOC_EXPBUF, &x)) {
		did(t, "no buffer (%s)", dq_errname(errno));
	} else {
		t->video = -1; /* not into itself */
		drive(t, x.fd, t->image);
		t->video = video;
	}
	r.count = 0;
	ioctl(video, VIDIOC_REQBUFS, &r);
}

/* ---- devices ------------------------------------------------------------------------------ */

/* By its driver's name in sysfs: see the head of this file. */
static int open_vgem(void)
{
	char path[64], to[160], name[32] = "";
	struct drm_version v = { .name = name, .name_len = sizeof(name) - 1 };
	ssize_t n;
	int fd;

	for (int i = 0; i < 16; i++) {
		/* vgem's device is a platform device "vgem" (until 6.12) or a faux one (7.x) */
		snprintf(path, sizeof(path), "/sys/class/drm/card%d", i);
		n = readlink(path, to, sizeof(to) - 1);
		if (n <= 0)
			continue;
		to[n] = '\0';
		if (!strstr(to, "/vgem/"))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && !ioctl(fd, DRM_IOCTL_VERSION, &v) && !strcmp(name, "vgem"))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/* A capture device that gives a buffer, and takes it back: nobody uses it. */
static bool free_for_us(struct test *t, int fd)
{
	struct v4l2_requestbuffers r = { .count = 1, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
					 .memory = V4L2_MEMORY_MMAP };
	struct v4l2_format f = { .type = r.type };
	struct v4l2_capability c;

	memset(&c, 0, sizeof(c));
	if (ioctl(fd, VIDIOC_QUERYCAP, &c) || !(c.device_caps & V4L2_CAP_VIDEO_CAPTURE) ||
	    !(c.device_caps & V4L2_CAP_STREAMING) || ioctl(fd, VIDIOC_G_FMT, &f) ||
	    ioctl(fd, VIDIOC_REQBUFS, &r))
		return false;
	r.count = 0;
	ioctl(fd, VIDIOC_REQBUFS, &r);
	t->image = f.fmt.pix.sizeimage;
	return true;
}

static void open_video(struct test *t)
{
	for (int i = 0; i < 16; i++) {
		int fd;

		snprintf(t->video_path, sizeof(t->video_path), "/dev/video%d", i);
		fd = open(t->video_path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (free_for_us(t, fd)) {
			t->video = fd;
			return;
		}
		close(fd);
	}
}

static void exercise(struct selftest *st)
{
	struct test t = { .st = st, .vgem = -1, .video = -1 };
	size_t page = sysconf(_SC_PAGESIZE), size = SIZE;

	memset(st, 0, sizeof(*st));
	t.vgem = open_vgem();
	open_video(&t);
	if (t.image > size)
		size = t.image;
	size = (size + page - 1) / page * page;
	test_udmabuf(&t, size);
	test_heaps(&t, size);
	test_vgem(&t, size);
	test_video(&t);
}

int selftest_run(struct selftest *ret_st, void (*meanwhile)(void *ctx), void *ctx)
{
	struct selftest *st = mmap(NULL, sizeof(*st), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0, err = 0;
	pid_t pid;

	if (st == MAP_FAILED)
		return -errno;
	pid = fork();
	if (!pid) {
		alarm(SECONDS);
		exercise(st);
		_exit(0);
	}
	if (pid < 0)
		err = -errno;
	while (!err && !waitpid(pid, &status, WNOHANG))
		meanwhile(ctx);
	if (!err && WIFSIGNALED(status))
		err = WTERMSIG(status) == SIGALRM ? -ETIME : -EFAULT;
	meanwhile(ctx);
	*ret_st = *st;
	munmap(st, sizeof(*st));
	return err;
}
