/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of dqload: devices found by what they are (never by
 * number), buffers made and imported, and a ledger of the kernel calls that
 * doing so must cause.
 *
 * Everything here ends the program with one sentence when the kernel does
 * something else than expected, so that the callers read as the story they
 * tell.
 */
#ifndef DQ_ABI_H
#define DQ_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit status of a story that this kernel has no devices for. */
#define DQ_SKIP		77

/* vivid's smallest frame, in a format of two bytes per pixel. */
#define DQ_WIDTH	320
#define DQ_HEIGHT	180
#define DQ_FRAME	(DQ_WIDTH * DQ_HEIGHT * 2)

/*
 * The size of every buffer that is not vivid's: a huge page, which is the one
 * thing that user space can make physically contiguous on purpose.  vivid's
 * dma-contig queue takes nothing else.
 */
#define DQ_SIZE		(2u << 20)

enum dq_exporter {
	DQ_AUTO,
	DQ_HEAP,
	DQ_UDMABUF,
	DQ_VGEM,
	DQ_VIVID,
};

struct dq_buf {
	int fd;
	enum dq_exporter exporter;
	size_t size;
};

/* How vivid allocates, which decides what importing into it does. */
enum dq_vivid { DQ_VIVID_ABSENT, DQ_VIVID_VMALLOC, DQ_VIVID_CONTIG };

/*
 * The ledger.  dq_expect() is called wherever a kernel function must run
 * @n times; dq_report() prints the sum.  Names are kernel functions, or
 * "fd_install" and "fd_close" for those of DMA-BUF files only.
 */
void dq_expect(const char *function, int n);
void dq_report(const char *story, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void dq_reset(void);

void dq_die(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void dq_skip(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* ioctl that must succeed, or fail with exactly @err; counted. */
void dq_ioctl(int fd, unsigned long request, void *arg, const char *name);
/* The errno, 0 when it succeeds. */
int dq_ioctl_fails_with(int fd, unsigned long request, void *arg);
void dq_ioctl_fails(int fd, unsigned long request, void *arg, const char *name,
		    int err);

/* Devices; each is opened once and stays open.  -1 when absent. */
int dq_drm(const char *driver);
int dq_drm_again(const char *driver);	/* one more open, the caller's */
int dq_vivid_fd(void);
enum dq_vivid dq_vivid_kind(void);
int dq_udmabuf_fd(void);
int dq_heap_fd(void);
bool dq_have(enum dq_exporter exporter);
const char *dq_name(enum dq_exporter exporter);
enum dq_exporter dq_parse(const char *name);

/*
 * dq_export: one buffer, exported, with one fd (O_CLOEXEC).  vgem: the handle
 * is closed again, so that the fd is what keeps it.  vivid: @n-th buffer of
 * its queue; dq_vivid_alloc() comes before, dq_vivid_free() after.
 */
void dq_export(struct dq_buf *buf, enum dq_exporter exporter, int n);
void dq_close(int fd);			/* of a DMA-BUF */
int dq_udmabuf_create(int memfd, size_t size, int *err);
int dq_memfd(size_t size, bool huge);
uint32_t dq_dumb(int card, uint32_t width, uint32_t height);
void dq_gem_close(int card, uint32_t handle);

void dq_vivid_format(uint32_t width, uint32_t height);
void dq_vivid_alloc(int count);		/* REQBUFS memory=MMAP */
void dq_vivid_free(void);
void dq_vivid_stream_own(int count, int frames);

/* Importing. vgem: handle; vivid: slot of a REQBUFS memory=DMABUF queue. */
/* Does importing map?  Not since it uses the helper that does not (7.2). */
bool dq_vgem_maps(void);
uint32_t dq_vgem_import(const struct dq_buf *buf);
void dq_vgem_release(uint32_t handle);
void dq_vivid_import(const struct dq_buf *bufs, int count);
void dq_vivid_stream(const struct dq_buf *bufs, int count, int frames);
void dq_vivid_drop(int count, bool streamed);

/* DMA_BUF_IOCTL_SYNC: @flags as the uapi says; @err 0 or what it must give. */
void dq_sync(const struct dq_buf *buf, uint64_t flags, int err);
void dq_set_name(const struct dq_buf *buf, const char *name, int err);
void *dq_mmap(const struct dq_buf *buf);

bool dq_is_dmabuf(int fd);

/* One message with @n descriptors; those received are O_CLOEXEC. */
void dq_send_fds(int sock, const int *fds, int n);
void dq_receive_fds(int sock, int *fds, int n, int flags);

#endif
