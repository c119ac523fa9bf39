/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl_names.c - names of the ioctl commands that buffers meet.
 *
 * A command is looked up by its type letter and number; its size and direction are
 * ignored, because a 32-bit program on a 64-bit kernel and structures that grow over
 * the years change them. Where a letter is shared, the subsystem or the driver of the
 * device decides. May use src/util.
 */
#include <string.h>

#include "model/internal.h"

#define IOC_TYPE(cmd) (((cmd) >> 8) & 0xff)
#define IOC_NR(cmd)   ((cmd) & 0xff)

struct ioctl_name {
	uint8_t type, nr;
	const char *name;
};

/* A set of names that holds for a subsystem, a driver, or (both NULL) everywhere. */
struct ioctl_set {
	const char *subsystem, *driver;
	const struct ioctl_name *v;
	size_t n;
};

static const struct ioctl_name dmabuf[] = {
	{ 'b', 0, "DMA_BUF_IOCTL_SYNC" },
	{ 'b', 1, "DMA_BUF_SET_NAME" },
	{ 'b', 2, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE" },
	{ 'b', 3, "DMA_BUF_IOCTL_IMPORT_SYNC_FILE" },
};

static const struct ioctl_name binder[] = {
	{ 'b', 1, "BINDER_WRITE_READ" },
};

static const struct ioctl_name heap[] = {
	{ 'H', 0, "DMA_HEAP_IOCTL_ALLOC" },
};

static const struct ioctl_name udmabuf[] = {
	{ 'u', 0x42, "UDMABUF_CREATE" },
	{ 'u', 0x43, "UDMABUF_CREATE_LIST" },
};

static const struct ioctl_name drm_core[] = {
	{ 'd', 0x00, "DRM_IOCTL_VERSION" },
	{ 'd', 0x02, "DRM_IOCTL_GET_MAGIC" },
	{ 'd', 0x09, "DRM_IOCTL_GEM_CLOSE" },
	{ 'd', 0x0a, "DRM_IOCTL_GEM_FLINK" },
	{ 'd', 0x0b, "DRM_IOCTL_GEM_OPEN" },
	{ 'd', 0x0c, "DRM_IOCTL_GET_CAP" },
	{ 'd', 0x0d, "DRM_IOCTL_SET_CLIENT_CAP" },
	{ 'd', 0x1e, "DRM_IOCTL_SET_MASTER" },
	{ 'd', 0x1f, "DRM_IOCTL_DROP_MASTER" },
	{ 'd', 0x2d, "DRM_IOCTL_PRIME_HANDLE_TO_FD" },
	{ 'd', 0x2e, "DRM_IOCTL_PRIME_FD_TO_HANDLE" },
	{ 'd', 0x3a, "DRM_IOCTL_WAIT_VBLANK" },
	{ 'd', 0xa0, "DRM_IOCTL_MODE_GETRESOURCES" },
	{ 'd', 0xa1, "DRM_IOCTL_MODE_GETCRTC" },
	{ 'd', 0xa2, "DRM_IOCTL_MODE_SETCRTC" },
	{ 'd', 0xa3, "DRM_IOCTL_MODE_CURSOR" },
	{ 'd', 0xad, "DRM_IOCTL_MODE_GETFB" },
	{ 'd', 0xae, "DRM_IOCTL_MODE_ADDFB" },
	{ 'd', 0xaf, "DRM_IOCTL_MODE_RMFB" },
	{ 'd', 0xb0, "DRM_IOCTL_MODE_PAGE_FLIP" },
	{ 'd', 0xb1, "DRM_IOCTL_MODE_DIRTYFB" },
	{ 'd', 0xb2, "DRM_IOCTL_MODE_CREATE_DUMB" },
	{ 'd', 0xb3, "DRM_IOCTL_MODE_MAP_DUMB" },
	{ 'd', 0xb4, "DRM_IOCTL_MODE_DESTROY_DUMB" },
	{ 'd', 0xb7, "DRM_IOCTL_MODE_SETPLANE" },
	{ 'd', 0xb8, "DRM_IOCTL_MODE_ADDFB2" },
	{ 'd', 0xbb, "DRM_IOCTL_MODE_CURSOR2" },
	{ 'd', 0xbc, "DRM_IOCTL_MODE_ATOMIC" },
	{ 'd', 0xbf, "DRM_IOCTL_SYNCOBJ_CREATE" },
	{ 'd', 0xc0, "DRM_IOCTL_SYNCOBJ_DESTROY" },
	{ 'd', 0xc1, "DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD" },
	{ 'd', 0xc2, "DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE" },
	{ 'd', 0xc3, "DRM_IOCTL_SYNCOBJ_WAIT" },
	{ 'd', 0xce, "DRM_IOCTL_MODE_GETFB2" },
	{ 'd', 0xd0, "DRM_IOCTL_MODE_CLOSEFB" },
};

static const struct ioctl_name vgem[] = {
	{ 'd', 0x41, "DRM_IOCTL_VGEM_FENCE_ATTACH" },
	{ 'd', 0x42, "DRM_IOCTL_VGEM_FENCE_SIGNAL" },
};

static const struct ioctl_name virtio_gpu[] = {
	{ 'd', 0x41, "DRM_IOCTL_VIRTGPU_MAP" },
	{ 'd', 0x42, "DRM_IOCTL_VIRTGPU_EXECBUFFER" },
	{ 'd', 0x43, "DRM_IOCTL_VIRTGPU_GETPARAM" },
	{ 'd', 0x44, "DRM_IOCTL_VIRTGPU_RESOURCE_CREATE" },
	{ 'd', 0x45, "DRM_IOCTL_VIRTGPU_RESOURCE_INFO" },
	{ 'd', 0x46, "DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST" },
	{ 'd', 0x47, "DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST" },
	{ 'd', 0x48, "DRM_IOCTL_VIRTGPU_WAIT" },
	{ 'd', 0x4a, "DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB" },
};

static const struct ioctl_name i915[] = {
	{ 'd', 0x40 + 0x1b, "DRM_IOCTL_I915_GEM_CREATE" },
	{ 'd', 0x40 + 0x24, "DRM_IOCTL_I915_GEM_MMAP_GTT" },
	{ 'd', 0x40 + 0x29, "DRM_IOCTL_I915_GEM_EXECBUFFER2" },
};

static const struct ioctl_name amdgpu[] = {
	{ 'd', 0x40, "DRM_IOCTL_AMDGPU_GEM_CREATE" },
	{ 'd', 0x41, "DRM_IOCTL_AMDGPU_GEM_MMAP" },
	{ 'd', 0x44, "DRM_IOCTL_AMDGPU_CS" },
	{ 'd', 0x48, "DRM_IOCTL_AMDGPU_GEM_VA" },
};

static const struct ioctl_name msm[] = {
	{ 'd', 0x42, "DRM_IOCTL_MSM_GEM_NEW" },
	{ 'd', 0x43, "DRM_IOCTL_MSM_GEM_INFO" },
	{ 'd', 0x44, "DRM_IOCTL_MSM_GEM_CPU_PREP" },
	{ 'd', 0x45, "DRM_IOCTL_MSM_GEM_CPU_FINI" },
	{ 'd', 0x46, "DRM_IOCTL_MSM_GEM_SUBMIT" },
};

static const struct ioctl_name panfrost[] = {
	{ 'd', 0x40, "DRM_IOCTL_PANFROST_SUBMIT" },
	{ 'd', 0x42, "DRM_IOCTL_PANFROST_CREATE_BO" },
	{ 'd', 0x43, "DRM_IOCTL_PANFROST_MMAP_BO" },
};

static const struct ioctl_name v4l2[] = {
	{ 'V', 0, "VIDIOC_QUERYCAP" },
	{ 'V', 2, "VIDIOC_ENUM_FMT" },
	{ 'V', 4, "VIDIOC_G_FMT" },
	{ 'V', 5, "VIDIOC_S_FMT" },
	{ 'V', 8, "VIDIOC_REQBUFS" },
	{ 'V', 9, "VIDIOC_QUERYBUF" },
	{ 'V', 10, "VIDIOC_G_FBUF" },
	{ 'V', 11, "VIDIOC_S_FBUF" },
	{ 'V', 14, "VIDIOC_OVERLAY" },
	{ 'V', 15, "VIDIOC_QBUF" },
	{ 'V', 16, "VIDIOC_EXPBUF" },
	{ 'V', 17, "VIDIOC_DQBUF" },
	{ 'V', 18, "VIDIOC_STREAMON" },
	{ 'V', 19, "VIDIOC_STREAMOFF" },
	{ 'V', 21, "VIDIOC_G_PARM" },
	{ 'V', 22, "VIDIOC_S_PARM" },
	{ 'V', 27, "VIDIOC_G_CTRL" },
	{ 'V', 28, "VIDIOC_S_CTRL" },
	{ 'V', 38, "VIDIOC_G_INPUT" },
	{ 'V', 39, "VIDIOC_S_INPUT" },
	{ 'V', 59, "VIDIOC_G_CROP" },
	{ 'V', 60, "VIDIOC_S_CROP" },
	{ 'V', 64, "VIDIOC_TRY_FMT" },
	{ 'V', 71, "VIDIOC_G_EXT_CTRLS" },
	{ 'V', 72, "VIDIOC_S_EXT_CTRLS" },
	{ 'V', 77, "VIDIOC_ENCODER_CMD" },
	{ 'V', 89, "VIDIOC_DQEVENT" },
	{ 'V', 90, "VIDIOC_SUBSCRIBE_EVENT" },
	{ 'V', 92, "VIDIOC_CREATE_BUFS" },
	{ 'V', 93, "VIDIOC_PREPARE_BUF" },
	{ 'V', 94, "VIDIOC_G_SELECTION" },
	{ 'V', 95, "VIDIOC_S_SELECTION" },
	{ 'V', 96, "VIDIOC_DECODER_CMD" },
	{ 'V', 104, "VIDIOC_REMOVE_BUFS" },
};

static const struct ioctl_name media[] = {
	{ '|', 0x00, "MEDIA_IOC_DEVICE_INFO" },
	{ '|', 0x05, "MEDIA_IOC_REQUEST_ALLOC" },
	{ '|', 0x80, "MEDIA_REQUEST_IOC_QUEUE" },
	{ '|', 0x81, "MEDIA_REQUEST_IOC_REINIT" },
};

static const struct ioctl_name tee[] = {
	{ 0xa4, 0, "TEE_IOC_VERSION" },
	{ 0xa4, 1, "TEE_IOC_SHM_ALLOC" },
	{ 0xa4, 2, "TEE_IOC_OPEN_SESSION" },
	{ 0xa4, 3, "TEE_IOC_INVOKE" },
	{ 0xa4, 5, "TEE_IOC_CLOSE_SESSION" },
	{ 0xa4, 9, "TEE_IOC_SHM_REGISTER" },
	{ 0xa4, 10, "TEE_IOC_SHM_REGISTER_FD" },
};

static const struct ioctl_name fastrpc[] = {
	{ 'R', 1, "FASTRPC_IOCTL_ALLOC_DMA_BUFF" },
	{ 'R', 2, "FASTRPC_IOCTL_FREE_DMA_BUFF" },
	{ 'R', 3, "FASTRPC_IOCTL_INVOKE" },
	{ 'R', 5, "FASTRPC_IOCTL_INIT_CREATE" },
	{ 'R', 6, "FASTRPC_IOCTL_MMAP" },
	{ 'R', 7, "FASTRPC_IOCTL_MUNMAP" },
	{ 'R', 10, "FASTRPC_IOCTL_MEM_MAP" },
	{ 'R', 11, "FASTRPC_IOCTL_MEM_UNMAP" },
};

#define SET(sub, drv, v) { sub, drv, v, DQ_ARRAY_SIZE(v) }
/* Drivers before subsystems before the sets that hold everywhere. */
static const struct ioctl_set sets[] = {
	SET(NULL, "vgem", vgem),
	SET(NULL, "virtio_gpu", virtio_gpu),
	SET(NULL, "i915", i915),
	SET(NULL, "amdgpu", amdgpu),
	SET(NULL, "msm", msm),
	SET(NULL, "panfrost", panfrost),
	SET("drm", NULL, drm_core),
	SET("video4linux", NULL, v4l2),
	SET("media", NULL, media),
	SET("dma_heap", NULL, heap),
	SET("tee", NULL, tee),
	SET(NULL, "binder", binder),
	SET(NULL, "binder_linux", binder),
	SET(NULL, NULL, dmabuf),
	SET(NULL, NULL, udmabuf),
	SET("fastrpc", NULL, fastrpc),
};

/* Does the set fit? An unknown subsystem rules nothing out; an unknown driver does. */
static bool set_fits(const struct ioctl_set *s, const char *subsystem, const char *driver)
{
	if (s->driver)
		return dq_same_driver(s->driver, driver);
	return !s->subsystem || !*subsystem || !strcmp(subsystem, "misc") ||
	       !strcmp(s->subsystem, subsystem);
}

const char *dq_ioctl_name(uint32_t cmd, const char *subsystem, const char *driver)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(sets); i++) {
		if (!set_fits(&sets[i], subsystem ? subsystem : "", driver ? driver : ""))
			continue;
		for (size_t k = 0; k < sets[i].n; k++)
			if (sets[i].v[k].type == IOC_TYPE(cmd) && sets[i].v[k].nr == IOC_NR(cmd))
				return sets[i].v[k].name;
	}
	return NULL;
}

void dq_sb_ioctl(struct dq_sb *sb, uint32_t cmd, const struct dq_dev *dev)
{
	const char *name = dev ? dq_ioctl_name(cmd, dev->subsystem, dq_dev_driver(dev)) :
				 dq_ioctl_name(cmd, "", "");
	uint32_t type = IOC_TYPE(cmd);

	if (name)
		dq_sb_puts(sb, name);
	else if (type >= 0x21 && type < 0x7f)
		dq_sb_printf(sb, "0x%x '%c' %u", cmd, (int)type, IOC_NR(cmd));
	else
		dq_sb_printf(sb, "0x%x 0x%02x %u", cmd, type, IOC_NR(cmd));
}

const char *dq_dir_name(uint64_t dir)
{
	static const char *const names[] = { "BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE" };

	return dir < DQ_ARRAY_SIZE(names) ? names[dir] : "invalid direction";
}

/* Puts the names of the bits of flags, joined by '|'; what has no name in hexadecimal. */
static void put_bits(struct dq_sb *sb, uint64_t flags, const char *sep, const uint64_t *bits,
		     const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((flags & bits[i]) != bits[i])
			continue;
		dq_sb_printf(sb, "%s%s", sep, names[i]);
		flags &= ~bits[i];
		sep = "|";
	}
	if (flags)
		dq_sb_printf(sb, "%s0x%llx", sep, (unsigned long long)flags);
}

void dq_sb_sync(struct dq_sb *sb, uint64_t flags)
{
	static const uint64_t bits[] = { 3, 1, 2 };
	static const char *const names[] = { "RW", "READ", "WRITE" };

	if (flags == UINT64_MAX) {
		dq_sb_puts(sb, "flags not readable");
		return;
	}
	dq_sb_puts(sb, flags & 4 ? "END" : "START");
	put_bits(sb, flags & ~4ULL, "|", bits, names, DQ_ARRAY_SIZE(bits));
}

void dq_sb_oflags(struct dq_sb *sb, uint64_t flags)
{
	static const uint64_t bits[] = { 02000000, 04000 };
	static const char *const names[] = { "O_CLOEXEC", "O_NONBLOCK" };
	static const char *const acc[] = { "", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
	bool has = flags & 3;

	dq_sb_puts(sb, acc[flags & 3]);
	put_bits(sb, flags & ~3ULL, has ? "|" : "", bits, names, DQ_ARRAY_SIZE(bits));
}
