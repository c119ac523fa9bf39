// SPDX-License-Identifier: BSD-2-Clause
/*
 * dqload: known work for DMA-BUFs.  Each story does an exact number of things
 * in an exact order and says at its end how many kernel calls that must have
 * been, so that a tracer can be held to it:
 *
 * dqload sync exporter=udmabuf pairs=29 ioctls=60 expect:dma_buf_export=1 ...
 *
 * One thread and one process do everything, except where the story says so:
 * `fence` has a second thread, `fds` two children, `routes` and those after it
 * agents (agent.h).  Counts default to primes, so that a sum tells where it
 * came from.
 *
 * Exit status: 0 the kernel did what the story says; 1 it did not (one
 * sentence on stderr); 77 this kernel has no devices for the story; 2 usage.
 */
#define _GNU_SOURCE
#include "abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>

#include "account.h"
#include "drm_abi.h"
#include "stories.h"

struct dq_options opt;

int number(int given, int prime)
{
	return given ? given : prime;
}

enum dq_exporter pick(const enum dq_exporter *order, int n)
{
	int i;

	if (opt.exporter != DQ_AUTO)
		return opt.exporter;
	for (i = 0; i < n; i++)
		if (dq_have(order[i]))
			return order[i];
	dq_skip("this kernel has no exporter for it");
}

enum dq_exporter pick_plain(void)
{
	static const enum dq_exporter order[] = { DQ_UDMABUF, DQ_HEAP, DQ_VGEM };

	return pick(order, 3);
}

/* ---- device-dma -------------------------------------------------------- */

/*
 * A device uses a buffer: exporter exports, the application has the fd, the
 * importer gets, attaches and maps, frames arrive, and all of it backwards.
 * Each round is that from export to release.
 *
 * Where something exports contiguous memory (heap, udmabuf of huge pages),
 * vivid imports and captures into it.  Elsewhere (no heap, no udmabuf) vivid
 * exports its own buffers, vgem imports them, and vivid captures while vgem
 * has them mapped.
 *
 * Expected per round with two buffers, F frames: vivid imports: get 2+F, put
 * 2+F, attach 2, map 2, vmap 2 (vivid's thread), unmap, detach, vunmap 2.
 * vgem imports: get 2, attach 2, map 2, unmap 2, detach 2, put 8.
 */
#define NBUFS 2

static enum dq_exporter device_rounds(int rounds, int frames)
{
	static const enum dq_exporter order[] = { DQ_HEAP, DQ_UDMABUF, DQ_VIVID };
	enum dq_exporter exporter = pick(order, 3);
	struct dq_buf bufs[NBUFS];
	uint32_t handles[NBUFS];
	bool to_vivid = exporter == DQ_HEAP || exporter == DQ_UDMABUF;
	int i, round;

	if (dq_vivid_kind() != DQ_VIVID_CONTIG)
		dq_skip("device-dma needs vivid with allocators=1");
	if (exporter == DQ_VGEM)
		dq_skip("device-dma needs a buffer that vgem did not export itself");
	for (round = 0; round < rounds; round++) {
		if (exporter == DQ_VIVID)
			dq_vivid_alloc(NBUFS);
		for (i = 0; i < NBUFS; i++)
			dq_export(&bufs[i], exporter, i);
		if (to_vivid) {
			dq_vivid_import(bufs, NBUFS);
			dq_vivid_stream(bufs, NBUFS, frames);
			dq_vivid_drop(NBUFS, true);
		} else {
			for (i = 0; i < NBUFS; i++)
				handles[i] = dq_vgem_import(&bufs[i]);
			dq_vivid_stream_own(NBUFS, frames);
			for (i = 0; i < NBUFS; i++)
				dq_vgem_release(handles[i]);
		}
		for (i = 0; i < NBUFS; i++)
			dq_close(bufs[i].fd);
		if (exporter == DQ_VIVID)
			dq_vivid_free();
	}
	return exporter;
}

static void device_dma(void)
{
	int rounds = number(opt.rounds, 5), frames = number(opt.frames, 7);
	enum dq_exporter exporter = device_rounds(rounds, frames);

	dq_report("device-dma", "exporter=%s importer=%s rounds=%d buffers=%d frames=%d",
		  dq_name(exporter), exporter == DQ_VIVID ? "vgem" : "vivid", rounds,
		  NBUFS, frames);
}

/* ---- cpu-access -------------------------------------------------------- */

/*
 * The kernel's CPU uses a buffer: SYNC START, the importer's vmap, vunmap,
 * SYNC END.  The importer is vivid allocating with vmalloc, which vmaps a
 * buffer when it is queued and never attaches to it.
 *
 * Expected per round: begin 1, ioctl 2, get 1, vmap 1, vunmap 1, put 1.
 */
static void cpu_access(void)
{
	enum dq_exporter exporter = pick_plain();
	int rounds = number(opt.rounds, 3);
	struct dq_buf buf;
	int round;

	if (dq_vivid_kind() != DQ_VIVID_VMALLOC)
		dq_skip("cpu-access needs vivid with allocators=0 (vivid=vmalloc)");
	dq_export(&buf, exporter, 0);
	for (round = 0; round < rounds; round++) {
		dq_sync(&buf, START_RW, 0);
		dq_vivid_import(&buf, 1);
		dq_vivid_drop(1, false);
		dq_sync(&buf, END_RW, 0);
	}
	dq_close(buf.fd);
	dq_report("cpu-access", "exporter=%s importer=vivid rounds=%d",
		  dq_name(exporter), rounds);
}

/* ---- sync -------------------------------------------------------------- */

/*
 * The application's CPU uses a buffer: one mmap, then START and END in pairs,
 * directions read, write, both in turn, a byte touched in each.  A pause
 * (--wait) is after the first.
 *
 * Expected: ioctl 2P, begin P, mmap 1, and with udmabuf or heap P of each
 * callback.
 */
static void sync_pairs(void)
{
	static const uint64_t start[] = { START_R, START_W, START_RW };
	static const uint64_t end[] = { END_R, END_W, END_RW };
	enum dq_exporter exporter = pick_plain();
	int pairs = number(opt.pairs, 29);
	volatile unsigned char *p;
	struct dq_buf buf;
	int i;

	dq_export(&buf, exporter, 0);
	p = dq_mmap(&buf);
	for (i = 0; i < pairs; i++) {
		dq_sync(&buf, start[i % 3], 0);
		if (i % 3 == 0)
			(void)p[0];
		else
			p[0] = i;
		dq_sync(&buf, end[i % 3], 0);
		if (!i)
			dq_pause();
	}
	munmap((void *)p, buf.size);
	dq_close(buf.fd);
	dq_report("sync", "exporter=%s pairs=%d", dq_name(exporter), pairs);
}

/* ---- attach ------------------------------------------------------------ */

/*
 * One buffer, imported and dropped again R times.  A pause is after the first.
 *
 * Expected: get, attach, map, unmap, detach R each; put R with vivid, 4R with
 * vgem.
 */
static void attach_rounds(void)
{
	static const enum dq_exporter order[] = { DQ_UDMABUF, DQ_HEAP, DQ_VIVID };
	enum dq_exporter exporter = pick(order, 3);
	bool to_vivid = dq_vivid_kind() == DQ_VIVID_CONTIG &&
			(exporter == DQ_UDMABUF || exporter == DQ_HEAP);
	int rounds = number(opt.rounds, 23);
	struct dq_buf buf;
	int i;

	if (exporter == DQ_VGEM)
		dq_skip("attach needs a buffer that vgem did not export itself");
	if (exporter == DQ_VIVID && dq_vivid_kind() != DQ_VIVID_CONTIG)
		dq_skip("attach from vivid needs allocators=1");
	if (exporter == DQ_VIVID)
		dq_vivid_alloc(1);
	dq_export(&buf, exporter, 0);
	for (i = 0; i < rounds; i++) {
		if (to_vivid) {
			dq_vivid_import(&buf, 1);
			dq_vivid_drop(1, false);
		} else {
			dq_vgem_release(dq_vgem_import(&buf));
		}
		if (!i)
			dq_pause();
	}
	dq_close(buf.fd);
	if (exporter == DQ_VIVID)
		dq_vivid_free();
	dq_report("attach", "exporter=%s importer=%s rounds=%d", dq_name(exporter),
		  to_vivid ? "vivid" : "vgem", rounds);
}

/* ---- frames ------------------------------------------------------------ */

/* A display of its own for a frame: import and release, by another open of vgem. */
static void show_once(const struct dq_buf *buf, int card)
{
	struct drm_prime_handle prime = { .fd = buf->fd };

	dq_ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime, "DRM_IOCTL_PRIME_FD_TO_HANDLE");
	dq_expect("dma_buf_get", 1);
	dq_expect("dma_buf_dynamic_attach", 1);
	dq_expect("dma_buf_map_attachment", dq_vgem_maps());
	dq_expect("dma_buf_put", 4);
	dq_gem_close(card, prime.handle);
	dq_expect("dma_buf_unmap_attachment", dq_vgem_maps());
	dq_expect("dma_buf_detach", 1);
}

/*
 * A program draws frames into a buffer that a display has. With --change it is the next
 * version of itself, which does one thing worse: attach-per-frame, no-sync-end, leak
 * (of the descriptor; a pause, --wait, is at the end).
 *
 * Expected: get, attach, map, unmap, detach 1, put 4, ioctl 2F, begin F, mmap 1; with
 * attach-per-frame F more of the first six; with no-sync-end ioctl F.
 */
static void frames(void)
{
	static const enum dq_exporter order[] = { DQ_HEAP, DQ_UDMABUF, DQ_VIVID };
	enum dq_exporter exporter = pick(order, 3);
	int n = number(opt.frames, 19), i, card = -1;
	const char *change = opt.change ? opt.change : "none";
	volatile unsigned char *p;
	struct dq_buf buf;
	uint32_t handle;

	if (strcmp(change, "none") && strcmp(change, "attach-per-frame") &&
	    strcmp(change, "no-sync-end") && strcmp(change, "leak"))
		dq_die("there is no change called %s", change);
	if (!strcmp(change, "attach-per-frame"))
		card = dq_drm_again("vgem");
	if (exporter == DQ_VIVID)
		dq_vivid_alloc(1);
	dq_export(&buf, exporter, 0);
	p = dq_mmap(&buf);
	handle = dq_vgem_import(&buf);
	for (i = 0; i < n; i++) {
		dq_sync(&buf, START_W, 0);
		p[0] = i;
		if (strcmp(change, "no-sync-end"))
			dq_sync(&buf, END_W, 0);
		if (card >= 0)
			show_once(&buf, card);
	}
	dq_vgem_release(handle);
	munmap((void *)p, buf.size);
	if (strcmp(change, "leak"))
		dq_close(buf.fd);
	if (exporter == DQ_VIVID)
		dq_vivid_free();
	dq_pause();
	dq_report("frames", "exporter=%s importer=vgem frames=%d change=%s", dq_name(exporter), n, change);
}

/* ---- v4l2-drm ---------------------------------------------------------- */

/*
 * A camera's buffer on a display: vivid exports, vgem imports, the descriptor is
 * closed at once as applications do, and closing the handle releases it.
 *
 * Expected per round: get 1, attach 1, map 1, unmap 1, detach 1, put 4.
 */
static void v4l2_drm(void)
{
	int rounds = number(opt.rounds, 3), i;
	struct dq_buf buf;
	uint32_t handle;

	dq_vivid_alloc(1);
	for (i = 0; i < rounds; i++) {
		dq_export(&buf, DQ_VIVID, 0);
		handle = dq_vgem_import(&buf);
		dq_close(buf.fd);
		dq_vgem_release(handle);
	}
	dq_vivid_free();
	dq_report("v4l2-drm", "exporter=vivid importer=vgem rounds=%d", rounds);
}

/* ---- buffers ----------------------------------------------------------- */

/*
 * Names that break what prints them: a chart's syntax, a terminal, a table,
 * UTF-8 cut in half, the longest there is.
 */
static const char *const names[] = {
	"camera0",
	"a;b{c}\"\x1b[31m",
	"",
	"tab\tnewline\nback\\slash",
	"\xc3\xa9t\xc3\xa9 \xe2\x82",
	"<b>&amp;|->==..:%s%n",
	"1234567890123456789012345678901",	/* 31, the most */
};

#define NNAMES ((int)(sizeof(names) / sizeof(names[0])))

/*
 * N buffers alive at once, each with a second fd and a name, closed so that
 * neither order of birth nor of numbers survives.
 *
 * Expected: export N, fd_install 2N, ioctl N, fd_close 2N, release N.
 */
static void buffers(void)
{
	enum dq_exporter exporter = pick_plain();
	int count = number(opt.count, 7);
	struct dq_buf *bufs = calloc(count, sizeof(*bufs));
	int *dups = calloc(count, sizeof(*dups));
	int i;

	if (!bufs || !dups)
		dq_die("out of memory");
	for (i = 0; i < count; i++)
		dq_export(&bufs[i], exporter, i);
	for (i = 0; i < count; i++) {
		dups[i] = fcntl(bufs[i].fd, F_DUPFD_CLOEXEC, 0);
		if (dups[i] < 0)
			dq_die("F_DUPFD_CLOEXEC failed: %s", strerrorname_np(errno));
		dq_expect("fd_install", 1);
		dq_set_name(&bufs[i], names[i % NNAMES], 0);
	}
	/* The originals of the odd ones, then all of the even ones backwards,
	 * then what is left: the odd ones live on by their second fd. */
	for (i = 1; i < count; i += 2)
		dq_close(bufs[i].fd);
	for (i = (count - 1) & ~1; i >= 0; i -= 2) {
		dq_close(dups[i]);
		dq_close(bufs[i].fd);
	}
	for (i = 1; i < count; i += 2)
		dq_close(dups[i]);
	free(bufs);
	free(dups);
	dq_report("buffers", "exporter=%s count=%d", dq_name(exporter), count);
}

/* ---- errors ------------------------------------------------------------ */

/* Handle from an fd that is not open, and from one that is no DMA-BUF. */
static void bad_fds(void)
{
	struct drm_prime_handle prime = { .fd = 999 };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	dq_ioctl_fails(dq_drm("vgem"), DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime,
		       "PRIME_FD_TO_HANDLE of a closed fd", EBADF);
	prime.fd = fd;
	dq_ioctl_fails(dq_drm("vgem"), DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime,
		       "PRIME_FD_TO_HANDLE of /dev/null", EINVAL);
	dq_expect("dma_buf_get", 2);
	close(fd);
}

/*
 * virtio-gpu without blob resources attaches, maps, finds that it cannot use
 * the buffer, and takes all of it back.
 */
static bool import_refused(void)
{
	struct drm_prime_handle prime = { 0 };
	struct dq_buf buf;
	int err;

	if (dq_drm("virtio_gpu") < 0)
		return false;
	dq_export(&buf, DQ_VGEM, 0);
	prime.fd = buf.fd;
	err = dq_ioctl_fails_with(dq_drm("virtio_gpu"), DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	if (err != ENODEV && err != EINVAL)
		dq_die("PRIME_FD_TO_HANDLE on virtio-gpu ended with %s, but must fail with ENODEV or EINVAL",
		       err ? strerrorname_np(err) : "success");
	dq_expect("dma_buf_get", 1);
	dq_expect("dma_buf_dynamic_attach", 1);
	dq_expect("dma_buf_map_attachment", 1);
	/* 5.10 fails to map: virtio's device has no DMA mask there, and the kernel warns */
	if (err == ENODEV)
		dq_expect("dma_buf_unmap_attachment", 1);
	dq_expect("dma_buf_detach", 1);
	dq_expect("dma_buf_put", 2);
	dq_close(buf.fd);
	return true;
}

/*
 * dma-contig attaches and maps, finds scattered pages, takes all of it back.
 * The frame is vivid's largest, so that vgem's pages cannot happen to be
 * contiguous.
 */
static bool import_scattered(void)
{
	uint32_t width = 3840, height = 2160;
	struct v4l2_requestbuffers req = {
		.count = 1,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};
	struct drm_prime_handle prime = { 0 };
	struct v4l2_buffer v = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};

	if (dq_vivid_kind() != DQ_VIVID_CONTIG)
		return false;
	dq_vivid_format(width, height);
	dq_ioctl(dq_vivid_fd(), VIDIOC_REQBUFS, &req, "VIDIOC_REQBUFS");
	prime.handle = dq_dumb(dq_drm("vgem"), width, height);
	prime.flags = O_CLOEXEC | O_RDWR;
	dq_ioctl(dq_drm("vgem"), DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime,
		 "DRM_IOCTL_PRIME_HANDLE_TO_FD");
	dq_expect("dma_buf_export", 1);
	dq_expect("dma_buf_file_release", 1);
	dq_expect("dma_buf_release", 1);
	dq_expect("fd_install", 1);
	v.m.fd = prime.fd;
	v.length = width * height * 2;
	dq_ioctl_fails(dq_vivid_fd(), VIDIOC_QBUF, &v,
		       "VIDIOC_QBUF of scattered memory", EFAULT);
	dq_expect("dma_buf_get", 1);
	dq_expect("dma_buf_dynamic_attach", 1);
	dq_expect("dma_buf_map_attachment", 1);
	dq_expect("dma_buf_unmap_attachment", 1);
	dq_expect("dma_buf_detach", 1);
	dq_expect("dma_buf_put", 1);
	dq_close(prime.fd);
	/* The fd is gone and the handle is the last: released in the ioctl. */
	dq_gem_close(dq_drm("vgem"), prime.handle);
	dq_expect("dma_buf_put", 2);
	req.count = 0;
	dq_ioctl(dq_vivid_fd(), VIDIOC_REQBUFS, &req, "VIDIOC_REQBUFS");
	dq_vivid_format(DQ_WIDTH, DQ_HEIGHT);
	return true;
}

/* No fd free: the buffer is exported, gets no fd, and must be released. */
static void no_fd_left(void)
{
	struct v4l2_exportbuffer exp = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.flags = O_RDWR | O_CLOEXEC,
	};
	struct rlimit old, none;
	int next;

	dq_vivid_alloc(1);
	if (getrlimit(RLIMIT_NOFILE, &old))
		dq_die("getrlimit failed: %s", strerrorname_np(errno));
	/* The lowest free number is the first that must not be given. */
	next = dup(2);
	close(next);
	none = old;
	none.rlim_cur = next;
	if (setrlimit(RLIMIT_NOFILE, &none))
		dq_die("setrlimit failed: %s", strerrorname_np(errno));
	dq_ioctl_fails(dq_vivid_fd(), VIDIOC_EXPBUF, &exp,
		       "VIDIOC_EXPBUF without a free fd", EMFILE);
	setrlimit(RLIMIT_NOFILE, &old);
	dq_expect("dma_buf_export", 1);
	dq_expect("dma_buf_put", 1);
	dq_expect("dma_buf_file_release", 1);
	dq_expect("dma_buf_release", 1);
	dq_vivid_free();
}

/*
 * What the kernel refuses.  Every step must be refused with exactly its errno
 * and leave nothing behind.
 */
static void errors(void)
{
	enum dq_exporter exporter = pick_plain();
	bool refused, scattered;
	struct dq_buf buf;

	if (dq_drm("vgem") < 0)
		dq_skip("errors needs vgem");
	bad_fds();
	refused = import_refused();
	scattered = import_scattered();

	dq_export(&buf, exporter, 0);
	/* END that no START came before: udmabuf minds, the others do not. */
	dq_sync(&buf, END_RW, exporter == DQ_UDMABUF ? EINVAL : 0);
	dq_sync(&buf, 0x100 | START_RW, EINVAL);
	dq_sync(&buf, DMA_BUF_SYNC_START, EINVAL);
	dq_set_name(&buf, "12345678901234567890123456789012", EINVAL);
	dq_ioctl_fails(buf.fd, _IO('b', 77), NULL, "an ioctl that is none", ENOTTY);
	dq_expect("dma_buf_ioctl", 1);
	if (mmap(NULL, buf.size + 4096, PROT_READ, MAP_SHARED, buf.fd, 0) != MAP_FAILED ||
	    errno != EINVAL)
		dq_die("mmap beyond the end of a buffer did not fail with EINVAL");
	dq_expect("dma_buf_mmap_internal", 1);
	dq_close(buf.fd);

	if (dq_vivid_fd() >= 0)
		no_fd_left();
	dq_report("errors", "exporter=%s refused=%d scattered=%d emfile=%d",
		  dq_name(exporter), refused, scattered, dq_vivid_fd() >= 0);
}

/* ---- across ------------------------------------------------------------ */

/*
 * What any kernel with vivid and vgem can do, the same calls of the same program on each:
 * vivid exports and vgem imports while vivid captures; a vgem buffer that the program
 * writes, and one that virtio-gpu cannot use, where there is one.
 */
static void across(void)
{
	struct dq_buf buf;
	int i;

	if (dq_drm("vgem") < 0 || dq_vivid_kind() != DQ_VIVID_CONTIG)
		dq_skip("across needs vgem, and vivid with allocators=1");
	opt.exporter = DQ_VIVID;
	device_rounds(number(opt.rounds, 2), number(opt.frames, 7));
	dq_export(&buf, DQ_VGEM, 0);
	for (i = 0; i < 5; i++) {
		dq_sync(&buf, START_W, 0);
		dq_sync(&buf, END_W, 0);
	}
	dq_close(buf.fd);
	dq_report("across", "virtio=%d", import_refused());
}

/* ---- fds --------------------------------------------------------------- */

static void wait_for(pid_t pid, const char *who)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		dq_die("waitpid failed: %s", strerrorname_np(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		dq_die("%s ended with status 0x%x", who, status);
}

/*
 * After the exec: exactly the fds without O_CLOEXEC are left, @first and
 * @last, and are closed with one close_range.
 */
static int fds_child(int first, int last)
{
	int fd;

	for (fd = 3; fd < 64; fd++)
		if (dq_is_dmabuf(fd) != (fd == first || fd == last))
			dq_die("after exec fd %d is %s DMA-BUF", fd,
			       dq_is_dmabuf(fd) ? "a" : "no");
	if (syscall(SYS_close_range, first, last, 0))
		dq_die("close_range failed: %s", strerrorname_np(errno));
	return 0;
}

/*
 * One buffer under many numbers.  The numbers are fixed, beyond all that the
 * program has open: 40 to 47.
 *
 *	parent	40 F_DUPFD_CLOEXEC, 41 F_DUPFD (no CLOEXEC), 42 dup2 onto a free
 *		number (no CLOEXEC), 43 dup2 onto a free number, then dup3 with
 *		CLOEXEC over it, one dup, closed again
 *	child 1	gets an fd through a socket, maps it, closes it, execs (its name
 *		becomes "exe"): 41 and 42 survive, close_range takes both
 *	child 2	exits with all that it inherited
 *	parent	close_range 40 to 43, close
 *
 * Expected: fd_install: export 1, F_DUPFD 2, dup 1, received 1.
 * fd_close: dup 1, overwritten 43 1; child 1: received 1, exec 3 (first fd,
 * 40, 43), close_range 2; child 2: 5; parent 5.
 */
static void fds(void)
{
	enum dq_exporter exporter = pick_plain();
	struct dq_buf buf;
	int sock[2], fd;
	pid_t pid;

	dq_export(&buf, exporter, 0);
	if (buf.fd >= 40)
		dq_die("fd %d is higher than the story allows", buf.fd);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		dq_die("socketpair failed: %s", strerrorname_np(errno));
	if (fcntl(buf.fd, F_DUPFD_CLOEXEC, 40) != 40 ||
	    fcntl(buf.fd, F_DUPFD, 41) != 41)
		dq_die("F_DUPFD gave another number than asked for");
	dq_expect("fd_install", 2);
	if (dup2(buf.fd, 42) != 42 || dup2(buf.fd, 43) != 43 ||
	    dup3(buf.fd, 43, O_CLOEXEC) != 43)
		dq_die("dup2 failed: %s", strerrorname_np(errno));
	dq_expect("fd_close", 1);
	fd = dup(buf.fd);
	if (fd < 0)
		dq_die("dup failed: %s", strerrorname_np(errno));
	dq_expect("fd_install", 1);
	dq_close(fd);

	pid = fork();
	if (pid < 0)
		dq_die("fork failed: %s", strerrorname_np(errno));
	if (!pid) {
		struct dq_buf got = buf;
		char *argv[] = { "dqload", "fds-child", "41", "42", NULL };

		dq_receive_fds(sock[1], &got.fd, 1, 0);
		*(volatile char *)dq_mmap(&got) = 1;
		dq_close(got.fd);
		execv("/proc/self/exe", argv);
		dq_die("exec failed: %s", strerrorname_np(errno));
	}
	dq_send_fds(sock[0], &buf.fd, 1);
	wait_for(pid, "the child that execs");
	dq_expect("fd_install", 1);
	dq_expect("dma_buf_mmap_internal", 1);
	dq_expect("fd_close", 1 + 3 + 2);

	pid = fork();
	if (pid < 0)
		dq_die("fork failed: %s", strerrorname_np(errno));
	if (!pid)
		_exit(0);
	wait_for(pid, "the child that leaks");
	dq_expect("fd_close", 5);

	close(sock[0]);
	close(sock[1]);
	if (syscall(SYS_close_range, 40, 43, 0))
		dq_die("close_range failed: %s", strerrorname_np(errno));
	dq_expect("fd_close", 4);
	dq_close(buf.fd);
	dq_report("fds", "exporter=%s children=2", dq_name(exporter));
}

/* ---- main -------------------------------------------------------------- */

static const struct story {
	const char *name;
	void (*run)(void);
	const char *help;
} stories[] = {
	{ "device-dma", device_dma, "export, import, frames, release (--exporter --rounds 5 --frames 7)" },
	{ "cpu-access", cpu_access, "SYNC around an importer's vmap; needs vivid=vmalloc (--exporter --rounds 3)" },
	{ "sync", sync_pairs, "SYNC START and END on a mapping (--exporter --pairs 29)" },
	{ "attach", attach_rounds, "one buffer imported again and again (--exporter --rounds 23)" },
	{ "buffers", buffers, "many buffers, fds and names (--exporter --count 7)" },
	{ "errors", errors, "what the kernel refuses (--exporter)" },
	{ "fds", fds, "dup, dup2, F_DUPFD, SCM_RIGHTS, fork, exec, close_range (--exporter)" },
	{ "fence", story_fence, "START waits for a fence (--rounds 3 --ms 50)" },
	{ "v4l2-drm", v4l2_drm, "a V4L2 buffer in a DRM driver, released by GEM_CLOSE (--rounds 3)" },
	{ "poll", story_poll, "a poll holds a buffer until its fence is signalled" },
	{ "routes", story_routes, "every way to a descriptor or a mapping, with accounts (--exporter)" },
	{ "leak", story_leak, "importers and handles hold what nobody has a descriptor of" },
};

/* Not among `all`: three are for comparisons, one takes ten seconds, one is for two recorders. */
static const struct story others[] = {
	{ "frames", frames, "a display's buffer and the CPU (--exporter --frames 19 --change WHAT)" },
	{ "threads", story_threads, "four threads at one buffer at once (--exporter --pairs 17)" },
	{ "across", across, "what each kernel can do alike (--rounds 2 --frames 7)" },
	{ "kworker", story_kworker, "as poll, but a timer signals, and a worker releases (10 s)" },
	{ "hold", story_hold, "buffers of each kind, then pauses, goes on, pauses (--count 1)" },
};

#define NSTORIES (sizeof(stories) / sizeof(stories[0]))
#define NOTHERS (sizeof(others) / sizeof(others[0]))

static void usage(int status)
{
	FILE *f = status ? stderr : stdout;
	size_t i;

	fprintf(f, "usage: dqload STORY [OPTION N]...\n");
	for (i = 0; i < NSTORIES; i++)
		fprintf(f, "  %-12s %s\n", stories[i].name, stories[i].help);
	fprintf(f, "  %-12s each of them in a process of its own, in this order; skips what\n"
		   "  %-12s this kernel has no devices for\n", "all", "");
	for (i = 0; i < NOTHERS; i++)
		fprintf(f, "  %-12s %s\n", others[i].name, others[i].help);
	fprintf(f, "Accounts of who holds what go to stdout, or --account FILE.  --wait FIFO: the\n"
		   "story pauses where it holds most, or when it is warm, until somebody writes\n"
		   "to FIFO.\n");
	exit(status);
}

/* Stories in a row must not see each other's fds: a process each. */
static int all(void)
{
	int status, failed = 0;
	size_t i;
	pid_t pid;

	for (i = 0; i < NSTORIES; i++) {
		fflush(NULL);
		pid = fork();
		if (pid < 0)
			dq_die("fork failed: %s", strerrorname_np(errno));
		if (!pid) {
			stories[i].run();
			exit(0);
		}
		if (waitpid(pid, &status, 0) != pid)
			dq_die("waitpid failed: %s", strerrorname_np(errno));
		if (!WIFEXITED(status) ||
		    (WEXITSTATUS(status) && WEXITSTATUS(status) != DQ_SKIP)) {
			fprintf(stderr, "dqload: %s failed\n", stories[i].name);
			failed = 1;
		}
	}
	return failed;
}

static int positive(const char *option, const char *value)
{
	char *end;
	long n;

	if (!value)
		dq_die("%s needs a number", option);
	n = strtol(value, &end, 10);
	if (*end || n < 1 || n > 1000000000)
		dq_die("%s needs a number from 1 to 1000000000, not %s", option, value);
	return n;
}

int main(int argc, char **argv)
{
	size_t i;
	int n;

	if (argc < 2)
		usage(2);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		usage(0);
	/* Not a story: the second half of fds. */
	if (!strcmp(argv[1], "fds-child") && argc == 4)
		return fds_child(atoi(argv[2]), atoi(argv[3]));
	/* Nor this: an agent that has executed itself. */
	if (!strcmp(argv[1], "agent") && argc == 3)
		return agent_main(atoi(argv[2]));
	for (n = 2; n < argc; n += 2) {
		const char *o = argv[n], *v = argv[n + 1];

		if (!strcmp(o, "--exporter") && v)
			opt.exporter = dq_parse(v);
		else if (!strcmp(o, "--rounds"))
			opt.rounds = positive(o, v);
		else if (!strcmp(o, "--frames"))
			opt.frames = positive(o, v);
		else if (!strcmp(o, "--pairs"))
			opt.pairs = positive(o, v);
		else if (!strcmp(o, "--count"))
			opt.count = positive(o, v);
		else if (!strcmp(o, "--ms"))
			opt.ms = positive(o, v);
		else if (!strcmp(o, "--account"))
			opt.account = v;
		else if (!strcmp(o, "--wait"))
			opt.wait = v;
		else if (!strcmp(o, "--change"))
			opt.change = v;
		else
			usage(2);
		if (!v)
			break;
	}
	if (!strcmp(argv[1], "all"))
		return all();
	for (i = 0; i < NSTORIES; i++) {
		if (!strcmp(argv[1], stories[i].name)) {
			stories[i].run();
			return 0;
		}
	}
	for (i = 0; i < NOTHERS; i++) {
		if (!strcmp(argv[1], others[i].name)) {
			others[i].run();
			return 0;
		}
	}
	usage(2);
}
