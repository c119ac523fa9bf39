// SPDX-License-Identifier: BSD-2-Clause
/*
 * Devices, buffers and the ledger of dqload.  abi.h says what each does.
 *
 * What the ledger is told is the number of calls of functions that are called
 * the same number of times on every kernel from 5.10 to 7.2: entries of the
 * API.  (Where vgem imports, whether it maps is asked of the kernel: 7.2 does
 * not.)  Calls of the exporter's callbacks depend on the exporter's caching and
 * are left to the witness (ftrace-count.sh), as is dma_buf_end_cpu_access,
 * which is inlined into the ioctl on amd64.
 */
#define _GNU_SOURCE
#include "abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <linux/videodev2.h>

#include "drm_abi.h"

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif
#define DMA_BUF_MAGIC 0x444d4142

struct entry {
	const char *function;
	int n;
};

static struct entry ledger[64];
static int ioctls;

void dq_expect(const char *function, int n)
{
	size_t i;

	for (i = 0; i < sizeof(ledger) / sizeof(ledger[0]); i++) {
		if (!ledger[i].function)
			ledger[i].function = function;
		if (!strcmp(ledger[i].function, function)) {
			ledger[i].n += n;
			return;
		}
	}
	dq_die("the ledger is full");
}

void dq_reset(void)
{
	memset(ledger, 0, sizeof(ledger));
	ioctls = 0;
}

/*
 * Sample:
 * dqload attach exporter=udmabuf importer=vivid rounds=23 ioctls=118 expect:dma_buf_export=1 ...
 */
void dq_report(const char *story, const char *format, ...)
{
	va_list ap;
	size_t i;

	printf("dqload %s ", story);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf(" ioctls=%d", ioctls);
	for (i = 0; i < sizeof(ledger) / sizeof(ledger[0]) && ledger[i].function; i++)
		printf(" expect:%s=%d", ledger[i].function, ledger[i].n);
	printf("\n");
	fflush(stdout);
}

void dq_die(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "dqload: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

void dq_skip(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "dqload: skipped: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(DQ_SKIP);
}

void dq_ioctl(int fd, unsigned long request, void *arg, const char *name)
{
	int ret;

	do {
		ioctls++;
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		dq_die("%s failed: %s", name, strerrorname_np(errno));
}

int dq_ioctl_fails_with(int fd, unsigned long request, void *arg)
{
	ioctls++;
	return ioctl(fd, request, arg) >= 0 ? 0 : errno;
}

void dq_ioctl_fails(int fd, unsigned long request, void *arg, const char *name,
		    int err)
{
	ioctls++;
	if (ioctl(fd, request, arg) >= 0)
		dq_die("%s succeeded, but must fail with %s", name,
		       strerrorname_np(err));
	if (errno != err)
		dq_die("%s failed with %s, but must fail with %s", name,
		       strerrorname_np(errno), strerrorname_np(err));
}

/* ---- devices ---------------------------------------------------------- */

int dq_drm_again(const char *driver)
{
	struct drm_version version;
	char path[64], name[64];
	int i, fd;

	for (i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(&version, 0, sizeof(version));
		memset(name, 0, sizeof(name));
		version.name = name;
		version.name_len = sizeof(name) - 1;
		/* Not counted: how many cards there are is not the story's. */
		if (!ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, driver))
			return fd;
		close(fd);
	}
	return -1;
}

int dq_drm(const char *driver)
{
	static int vgem = -2, virtio = -2;
	int *fd = !strcmp(driver, "vgem") ? &vgem : &virtio;

	if (*fd == -2)
		*fd = dq_drm_again(driver);
	return *fd;
}

int dq_vivid_fd(void)
{
	static int fd = -2;
	struct v4l2_capability cap;
	char path[64];
	int i;

	if (fd != -2)
		return fd;
	for (i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/dev/video%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(&cap, 0, sizeof(cap));
		if (!ioctl(fd, VIDIOC_QUERYCAP, &cap) &&
		    !strcmp((char *)cap.driver, "vivid") &&
		    (cap.device_caps & V4L2_CAP_VIDEO_CAPTURE))
			return fd;
		close(fd);
	}
	fd = -1;
	return fd;
}

enum dq_vivid dq_vivid_kind(void)
{
	char c = '0';
	int fd;

	if (dq_vivid_fd() < 0)
		return DQ_VIVID_ABSENT;
	fd = open("/sys/module/vivid/parameters/allocators", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &c, 1) != 1)
		dq_die("cannot tell how vivid allocates: %s", strerror(errno));
	close(fd);
	return c == '1' ? DQ_VIVID_CONTIG : DQ_VIVID_VMALLOC;
}

int dq_udmabuf_fd(void)
{
	static int fd = -2;

	if (fd == -2)
		fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	return fd;
}

int dq_heap_fd(void)
{
	static int fd = -2;

	if (fd == -2)
		fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	return fd;
}

bool dq_have(enum dq_exporter exporter)
{
	switch (exporter) {
	case DQ_HEAP:
		return dq_heap_fd() >= 0;
	case DQ_UDMABUF:
		return dq_udmabuf_fd() >= 0;
	case DQ_VGEM:
		return dq_drm("vgem") >= 0;
	case DQ_VIVID:
		return dq_vivid_fd() >= 0;
	default:
		return false;
	}
}

static const char *const names[] = {
	[DQ_AUTO] = "auto",
	[DQ_HEAP] = "heap",
	[DQ_UDMABUF] = "udmabuf",
	[DQ_VGEM] = "vgem",
	[DQ_VIVID] = "vivid",
};

const char *dq_name(enum dq_exporter exporter)
{
	return names[exporter];
}

enum dq_exporter dq_parse(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return i;
	dq_die("no exporter is called %s; there are auto, heap, udmabuf, vgem, vivid",
	       name);
}

/* ---- exporting -------------------------------------------------------- */

/*
 * Sees to it that a huge page is free.  They are reserved sixteen at a time
 * and never given back: a second run finds what the first one left.
 */
static void reserve_huge_page(void)
{
	static const char dir[] = "/sys/kernel/mm/hugepages/hugepages-2048kB";
	unsigned long all, free;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/free_hugepages", dir);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%lu", &free) != 1)
		dq_die("%s cannot be read", path);
	fclose(f);
	if (free)
		return;
	snprintf(path, sizeof(path), "%s/nr_hugepages", dir);
	f = fopen(path, "r+e");
	if (!f || fscanf(f, "%lu", &all) != 1)
		dq_die("%s cannot be read", path);
	rewind(f);
	if (fprintf(f, "%lu\n", all + 16) < 0 || fclose(f))
		dq_die("cannot reserve huge pages: %s", strerrorname_np(errno));
}

int dq_memfd(size_t size, bool huge)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd;

	if (huge) {
		reserve_huge_page();
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	}
	fd = memfd_create("dqload", flags);
	if (fd < 0)
		dq_die("memfd_create failed: %s", strerrorname_np(errno));
	if (ftruncate(fd, size))
		dq_die("ftruncate of a memfd failed: %s", strerrorname_np(errno));
	/*
	 * Filled now: 6.12's udmabuf, when it has to allocate a huge page
	 * itself, takes it without a reservation and lets HugePages_Rsvd go
	 * below zero.
	 */
	if (huge && fallocate(fd, 0, 0, size))
		dq_die("no huge pages for a memfd: %s", strerrorname_np(errno));
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		dq_die("sealing a memfd failed: %s", strerrorname_np(errno));
	return fd;
}

/* The fd, or -1 and *err; for those who want it to fail. */
int dq_udmabuf_create(int memfd, size_t size, int *err)
{
	struct udmabuf_create create = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = size,
	};
	int fd;

	ioctls++;
	fd = ioctl(dq_udmabuf_fd(), UDMABUF_CREATE, &create);
	*err = errno;
	return fd;
}

uint32_t dq_dumb(int card, uint32_t width, uint32_t height)
{
	struct drm_mode_create_dumb dumb = {
		.width = width,
		.height = height,
		.bpp = 32,
	};

	dq_ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb, "DRM_IOCTL_MODE_CREATE_DUMB");
	return dumb.handle;
}

void dq_gem_close(int card, uint32_t handle)
{
	struct drm_gem_close gem = { .handle = handle };

	dq_ioctl(card, DRM_IOCTL_GEM_CLOSE, &gem, "DRM_IOCTL_GEM_CLOSE");
}

void dq_export(struct dq_buf *buf, enum dq_exporter exporter, int n)
{
	struct dma_heap_allocation_data alloc;
	struct drm_prime_handle prime;
	struct v4l2_exportbuffer exp;
	int memfd, err;

	memset(buf, 0, sizeof(*buf));
	buf->exporter = exporter;
	buf->size = DQ_SIZE;
	if (!dq_have(exporter))
		dq_skip("this kernel has no %s", dq_name(exporter));
	switch (exporter) {
	case DQ_HEAP:
		memset(&alloc, 0, sizeof(alloc));
		alloc.len = buf->size;
		alloc.fd_flags = O_RDWR | O_CLOEXEC;
		dq_ioctl(dq_heap_fd(), DMA_HEAP_IOCTL_ALLOC, &alloc,
			 "DMA_HEAP_IOCTL_ALLOC");
		buf->fd = alloc.fd;
		break;
	case DQ_UDMABUF:
		memfd = dq_memfd(buf->size, true);
		buf->fd = dq_udmabuf_create(memfd, buf->size, &err);
		if (buf->fd < 0)
			dq_die("UDMABUF_CREATE failed: %s", strerrorname_np(err));
		close(memfd);
		break;
	case DQ_VGEM:
		memset(&prime, 0, sizeof(prime));
		prime.handle = dq_dumb(dq_drm("vgem"), 1024, DQ_SIZE / 4096);
		prime.flags = O_CLOEXEC | O_RDWR;
		dq_ioctl(dq_drm("vgem"), DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime,
			 "DRM_IOCTL_PRIME_HANDLE_TO_FD");
		buf->fd = prime.fd;
		dq_gem_close(dq_drm("vgem"), prime.handle);
		/* The handle's reference and the object's. */
		dq_expect("dma_buf_put", 2);
		break;
	case DQ_VIVID:
		memset(&exp, 0, sizeof(exp));
		exp.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
		exp.index = n;
		exp.flags = O_RDWR | O_CLOEXEC;
		dq_ioctl(dq_vivid_fd(), VIDIOC_EXPBUF, &exp, "VIDIOC_EXPBUF");
		buf->fd = exp.fd;
		buf->size = (DQ_FRAME + 4095) & ~4095u;
		break;
	default:
		dq_die("no exporter chosen");
	}
	dq_expect("dma_buf_export", 1);
	/* Everything that is exported here is released before the end. */
	dq_expect("dma_buf_file_release", 1);
	dq_expect("dma_buf_release", 1);
	dq_expect("fd_install", 1);
}

void dq_close(int fd)
{
	if (close(fd))
		dq_die("close of fd %d failed: %s", fd, strerrorname_np(errno));
	dq_expect("fd_close", 1);
}

/* ---- vivid ------------------------------------------------------------ */

static void reqbufs(uint32_t memory, int count)
{
	struct v4l2_requestbuffers req = {
		.count = count,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = memory,
	};

	dq_ioctl(dq_vivid_fd(), VIDIOC_REQBUFS, &req, "VIDIOC_REQBUFS");
	if (req.count < (uint32_t)count)
		dq_die("VIDIOC_REQBUFS gave %u buffers of %d", req.count, count);
}

void dq_vivid_format(uint32_t width, uint32_t height)
{
	struct v4l2_format fmt = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.fmt.pix = {
			.width = width,
			.height = height,
			.pixelformat = V4L2_PIX_FMT_YUYV,
			.field = V4L2_FIELD_NONE,
		},
	};

	dq_ioctl(dq_vivid_fd(), VIDIOC_S_FMT, &fmt, "VIDIOC_S_FMT");
	if (fmt.fmt.pix.width != width || fmt.fmt.pix.height != height)
		dq_die("vivid gave %ux%u for %ux%u", fmt.fmt.pix.width,
		       fmt.fmt.pix.height, width, height);
}

void dq_vivid_alloc(int count)
{
	if (dq_vivid_fd() < 0)
		dq_skip("this kernel has no vivid");
	dq_vivid_format(DQ_WIDTH, DQ_HEIGHT);
	reqbufs(V4L2_MEMORY_MMAP, count);
}

void dq_vivid_free(void)
{
	reqbufs(V4L2_MEMORY_MMAP, 0);
}

static void qbuf(uint32_t memory, int index, const struct dq_buf *buf)
{
	struct v4l2_buffer v = {
		.index = index,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = memory,
	};

	if (buf) {
		v.m.fd = buf->fd;
		v.length = DQ_FRAME;
	}
	dq_ioctl(dq_vivid_fd(), VIDIOC_QBUF, &v, "VIDIOC_QBUF");
}

static int dqbuf(uint32_t memory)
{
	struct v4l2_buffer v = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = memory,
	};

	dq_ioctl(dq_vivid_fd(), VIDIOC_DQBUF, &v, "VIDIOC_DQBUF");
	return v.index;
}

static void stream(bool on)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

	dq_ioctl(dq_vivid_fd(), on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type,
		 on ? "VIDIOC_STREAMON" : "VIDIOC_STREAMOFF");
}

/*
 * @frames frames into vivid's own @count buffers.  What becomes of a frame's
 * buffer afterwards is no DMA-BUF call at all.
 */
void dq_vivid_stream_own(int count, int frames)
{
	int i;

	for (i = 0; i < count; i++)
		qbuf(V4L2_MEMORY_MMAP, i, NULL);
	stream(true);
	for (i = 0; i < frames; i++)
		qbuf(V4L2_MEMORY_MMAP, dqbuf(V4L2_MEMORY_MMAP), NULL);
	stream(false);
}

/* Slot i gets bufs[i].  It stays attached and mapped until dq_vivid_drop(). */
void dq_vivid_import(const struct dq_buf *bufs, int count)
{
	bool contig = dq_vivid_kind() == DQ_VIVID_CONTIG;
	int i;

	dq_vivid_format(DQ_WIDTH, DQ_HEIGHT);
	reqbufs(V4L2_MEMORY_DMABUF, count);
	for (i = 0; i < count; i++) {
		qbuf(V4L2_MEMORY_DMABUF, i, &bufs[i]);
		dq_expect("dma_buf_get", 1);
		if (contig) {
			dq_expect("dma_buf_dynamic_attach", 1);
			dq_expect("dma_buf_map_attachment", 1);
		} else {
			dq_expect("dma_buf_vmap", 1);
		}
	}
}

/*
 * @frames frames, each requeued at once.  @frames must not be less than
 * @count: vivid's thread maps each slot at its first frame, and only then is
 * it certain that it did so for all.
 */
void dq_vivid_stream(const struct dq_buf *bufs, int count, int frames)
{
	int i, index;

	if (frames < count)
		dq_die("%d frames are too few for %d buffers", frames, count);
	stream(true);
	for (i = 0; i < frames; i++) {
		index = dqbuf(V4L2_MEMORY_DMABUF);
		qbuf(V4L2_MEMORY_DMABUF, index, &bufs[index]);
		/* Looked up, found to be the same, given back. */
		dq_expect("dma_buf_get", 1);
		dq_expect("dma_buf_put", 1);
	}
	stream(false);
	if (dq_vivid_kind() == DQ_VIVID_CONTIG)
		dq_expect("dma_buf_vmap", count);
}

void dq_vivid_drop(int count, bool streamed)
{
	reqbufs(V4L2_MEMORY_DMABUF, 0);
	if (dq_vivid_kind() == DQ_VIVID_CONTIG) {
		dq_expect("dma_buf_unmap_attachment", count);
		dq_expect("dma_buf_detach", count);
		if (streamed)
			dq_expect("dma_buf_vunmap", count);
	} else {
		dq_expect("dma_buf_vunmap", count);
	}
	dq_expect("dma_buf_put", count);
}

/* ---- vgem as importer ------------------------------------------------- */

bool dq_vgem_maps(void)
{
	static int maps = -1;
	char line[512];
	FILE *f;

	if (maps >= 0)
		return maps;
	maps = 1;
	f = fopen("/proc/kallsyms", "re");
	while (f && maps && fgets(line, sizeof(line), f))
		maps = !strstr(line, " drm_gem_shmem_prime_import_no_map\t");
	if (f)
		fclose(f);
	return maps;
}

uint32_t dq_vgem_import(const struct dq_buf *buf)
{
	struct drm_prime_handle prime = { .fd = buf->fd };

	if (dq_drm("vgem") < 0)
		dq_skip("this kernel has no vgem");
	dq_ioctl(dq_drm("vgem"), DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime,
		 "DRM_IOCTL_PRIME_FD_TO_HANDLE");
	dq_expect("dma_buf_get", 1);
	dq_expect("dma_buf_dynamic_attach", 1);
	dq_expect("dma_buf_map_attachment", dq_vgem_maps());
	dq_expect("dma_buf_put", 1);
	return prime.handle;
}

void dq_vgem_release(uint32_t handle)
{
	dq_gem_close(dq_drm("vgem"), handle);
	dq_expect("dma_buf_unmap_attachment", dq_vgem_maps());
	dq_expect("dma_buf_detach", 1);
	/* The handle table's, the object's, and the import's. */
	dq_expect("dma_buf_put", 3);
}

/* ---- on the buffer itself --------------------------------------------- */

void dq_sync(const struct dq_buf *buf, uint64_t flags, int err)
{
	struct dma_buf_sync sync = { .flags = flags };

	if (err)
		dq_ioctl_fails(buf->fd, DMA_BUF_IOCTL_SYNC, &sync,
			       "DMA_BUF_IOCTL_SYNC", err);
	else
		dq_ioctl(buf->fd, DMA_BUF_IOCTL_SYNC, &sync, "DMA_BUF_IOCTL_SYNC");
	dq_expect("dma_buf_ioctl", 1);
	if ((flags & ~DMA_BUF_SYNC_VALID_FLAGS_MASK) || !(flags & DMA_BUF_SYNC_RW))
		return;
	if (!(flags & DMA_BUF_SYNC_END))
		dq_expect("dma_buf_begin_cpu_access", 1);
	if (buf->exporter == DQ_UDMABUF)
		dq_expect(flags & DMA_BUF_SYNC_END ? "end_cpu_udmabuf" :
			  "begin_cpu_udmabuf", 1);
	else if (buf->exporter == DQ_HEAP)
		dq_expect(flags & DMA_BUF_SYNC_END ?
			  "system_heap_dma_buf_end_cpu_access" :
			  "system_heap_dma_buf_begin_cpu_access", 1);
}

void dq_set_name(const struct dq_buf *buf, const char *name, int err)
{
	if (err)
		dq_ioctl_fails(buf->fd, DMA_BUF_SET_NAME_B, (void *)name,
			       "DMA_BUF_SET_NAME", err);
	else
		dq_ioctl(buf->fd, DMA_BUF_SET_NAME_B, (void *)name,
			 "DMA_BUF_SET_NAME");
	dq_expect("dma_buf_ioctl", 1);
}

void *dq_mmap(const struct dq_buf *buf)
{
	void *p = mmap(NULL, buf->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       buf->fd, 0);

	if (p == MAP_FAILED)
		dq_die("mmap of a buffer of %s failed: %s",
		       dq_name(buf->exporter), strerrorname_np(errno));
	dq_expect("dma_buf_mmap_internal", 1);
	return p;
}

bool dq_is_dmabuf(int fd)
{
	struct statfs st;

	return !fstatfs(fd, &st) && st.f_type == DMA_BUF_MAGIC;
}

/* ---- descriptors through a socket -------------------------------------- */

#define NFDS 8

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(NFDS * sizeof(int))];
};

void dq_send_fds(int sock, const int *fds, int n)
{
	union control control = { 0 };
	char data = 'x';
	struct iovec iov = { &data, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	if (sendmsg(sock, &msg, 0) != 1)
		dq_die("sendmsg failed: %s", strerrorname_np(errno));
}

void dq_receive_fds(int sock, int *fds, int n, int flags)
{
	union control control = { 0 };
	char data;
	struct iovec iov = { &data, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *c;

	if (recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC) != 1)
		dq_die("recvmsg failed: %s", strerrorname_np(errno));
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(n * sizeof(int)))
		dq_die("not %d fds came through the socket", n);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
}
