/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few DRM calls that dqload makes.  Spelt out because a distribution's
 * kernel headers may leave drm/ to libdrm, which is not worth depending on
 * for eight structures that can never change.
 */
#ifndef DQ_DRM_ABI_H
#define DQ_DRM_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

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

struct drm_vgem_fence_attach {
	uint32_t handle;
	uint32_t flags;			/* VGEM_FENCE_WRITE */
	uint32_t out_fence, pad;
};

struct drm_vgem_fence_signal {
	uint32_t fence, flags;
};

#define VGEM_FENCE_WRITE	1

#define DRM_IOCTL_VERSION		_IOWR('d', 0x00, struct drm_version)
#define DRM_IOCTL_GEM_CLOSE		_IOW('d', 0x09, struct drm_gem_close)
#define DRM_IOCTL_PRIME_HANDLE_TO_FD	_IOWR('d', 0x2d, struct drm_prime_handle)
#define DRM_IOCTL_PRIME_FD_TO_HANDLE	_IOWR('d', 0x2e, struct drm_prime_handle)
#define DRM_IOCTL_MODE_CREATE_DUMB	_IOWR('d', 0xb2, struct drm_mode_create_dumb)
#define DRM_IOCTL_VGEM_FENCE_ATTACH	_IOWR('d', 0x41, struct drm_vgem_fence_attach)
#define DRM_IOCTL_VGEM_FENCE_SIGNAL	_IOW('d', 0x42, struct drm_vgem_fence_signal)

#endif
