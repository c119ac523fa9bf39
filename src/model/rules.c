/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.c - the table of rules.h. Data, and how to find a row.
 *
 * Citations name file, function and version as they were read; a rule that several versions have
 * names the ones that were looked at.
 */
#include <errno.h>
#include <string.h>

#include "model/rules.h"

#define DMA_BUF_C "drivers/dma-buf/dma-buf.c"
#define DMA_BUF_H "include/linux/dma-buf.h"
#define UAPI_H	  "include/uapi/linux/dma-buf.h"

const struct dq_rule dq_rules[DQ_RULE_MAX] = {
	[DQ_RULE_EXPORT_INVALID] = {
		.id = "export-invalid",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_KERNEL,
		.title = "an exporter gave dma_buf_export() an incomplete description",
		.explain = "dma_buf_export() returns EINVAL, with a warning in the kernel's log, when "
			   "the exporter gives no private data, no operations, or operations without "
			   "map_dma_buf, unmap_dma_buf or release; when it has only one of pin and "
			   "unpin; and, up to 6.12, when it has pin and cache_sgt_mapping together.",
		.cite = DMA_BUF_C ", dma_buf_export(), the two checks at its begin (7.2; with "
			"cache_sgt_mapping in 6.12)",
	},
	[DQ_RULE_EXPORT_FAILED] = {
		.id = "export-failed",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_DRIVER,
		.title = "a buffer could not be exported",
		.explain = "dma_buf_export() failed for another reason than a wrong description: no "
			   "memory, no file, or the exporter's module is going away (ENOENT). The "
			   "exporter has to undo what it prepared.",
		.cite = DMA_BUF_C ", dma_buf_export() (7.2)",
	},
	[DQ_RULE_EXPORT_LOST] = {
		.id = "export-lost",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_FDS | DQ_NEED_BIRTH | DQ_NEED_SYS,
		.title = "a buffer was exported and given to nobody",
		.explain = "The system call that exported it succeeded, and until the end of the trace "
			   "it had no descriptor, no attachment, no kernel mapping, and its reference "
			   "was not dropped. Whoever exported it may still hold it for later; if not, "
			   "it is leaked.",
		.cite = DMA_BUF_C ", comment before dma_buf_export(): the exporter passes the buffer "
			"on as a file descriptor (7.2)",
	},
	[DQ_RULE_FD_FAILURE_LEAK] = {
		.id = "fd-failure-leaks-buffer",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_BIRTH | DQ_NEED_SYS,
		.title = "no descriptor could be made for a new buffer, and it was not released",
		.explain = "dma_buf_fd() failed (EMFILE when the process has no descriptor left) after "
			   "dma_buf_export() had succeeded. The caller still owns the reference and has "
			   "to drop it with dma_buf_put(), which releases the buffer through the "
			   "exporter's release; freeing the exporter's data besides is a double free. "
			   "Here the system call returned without a put.",
		.cite = "drivers/dma-buf/udmabuf.c, udmabuf_create() (7.2): \"If the following dma_buf_fd() "
			"fails, dma_buf_put() cleans up both the dmabuf and the ubuf\"",
	},
	[DQ_RULE_FD_BEFORE_FAILURE] = {
		.id = "fd-published-before-failure",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_FDS | DQ_NEED_SYS,
		.title = "a descriptor was installed, and then the system call failed",
		.explain = "fd_install() cannot be undone: another thread may use or close the "
			   "descriptor at once. A driver that fails afterwards (typically because "
			   "copy_to_user() does) leaves the program with a descriptor that it does not "
			   "know of, and must not touch the buffer again. Install last.",
		.cite = "drivers/dma-buf/dma-heap.c: \"don't publish fd before copy_to_user() "
			"succeeds\", fixed in 6.1.192; 6.12.107 still has the old order",
	},
	[DQ_RULE_LOOKUP_BAD_FD] = {
		.id = "lookup-bad-fd",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.title = "a descriptor that is no DMA-BUF was given for one",
		.explain = "dma_buf_get() returned EBADF (the descriptor is not open) or EINVAL (it is "
			   "something else). The program has closed it too early, or mixes up "
			   "descriptors.",
		.cite = DMA_BUF_C ", dma_buf_get() (7.2)",
	},
	[DQ_RULE_FD_SURVIVES_EXEC] = {
		.id = "fd-survives-exec",
		.severity = DQ_SEV_NOTE, .class = DQ_CLASS_APP,
		.need = DQ_NEED_FDS,
		.title = "a descriptor without close-on-exec went into another program",
		.explain = "The program that was started has the buffer open, can read it, and keeps "
			   "its memory. Unless that is what was wanted, the descriptor should be made "
			   "with O_CLOEXEC.",
		.cite = "Documentation/driver-api/dma-buf.rst, on O_CLOEXEC (7.2)",
	},
	[DQ_RULE_FD_LEFT_AT_EXIT] = {
		.id = "fd-left-at-exit",
		.severity = DQ_SEV_NOTE, .class = DQ_CLASS_APP,
		.title = "a process ended with descriptors still open",
		.explain = "The kernel closes them, so nothing is lost. In a program that runs for "
			   "long the same omission is a leak.",
		.cite = "fs/file.c, put_files_struct(), which exit calls",
	},
	[DQ_RULE_GROWS] = {
		.id = "descriptors-grow",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.need = DQ_NEED_FDS,
		.title = "a process opens more and more descriptors of buffers",
		.explain = "In every quarter of the time it opened more than it closed. It will run into "
			   "its limit of descriptors (RLIMIT_NOFILE), or out of memory: typically one "
			   "descriptor for each frame is forgotten.",
		.cite = DMA_BUF_C ", dma_buf_fd(): get_unused_fd_flags() fails with EMFILE (7.2)",
	},
	[DQ_RULE_MAP_WITHOUT_ATTACH] = {
		.id = "map-without-attach",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_BIRTH,
		.title = "a call was made on an attachment that nobody made",
		.explain = "The buffer's life was recorded from its export on, and no dma_buf_attach() "
			   "returned this attachment: it has been detached and freed, or it is a wild "
			   "pointer.",
		.cite = DMA_BUF_H ", struct dma_buf_ops, map_dma_buf: it can only be called if attach has "
			"been called (7.2)",
	},
	[DQ_RULE_USE_AFTER_DETACH] = {
		.id = "use-after-detach",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS,
		.title = "an attachment was used after it was detached",
		.explain = "dma_buf_detach() frees the attachment. Using it again, or detaching it "
			   "twice, works on freed memory.",
		.cite = DMA_BUF_C ", comment before dma_buf_detach(): it is freed after this call (7.2)",
	},
	[DQ_RULE_DETACH_OTHER_BUFFER] = {
		.id = "detach-other-buffer",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_KERNEL,
		.title = "dma_buf_detach() got an attachment of another buffer",
		.explain = "Since 6.12 the kernel warns and does nothing, so the attachment is leaked; "
			   "older kernels take the attachment out of the wrong buffer's list.",
		.cite = DMA_BUF_C ", dma_buf_detach(): WARN_ON(dmabuf != attach->dmabuf) (6.12)",
	},
	[DQ_RULE_DETACH_WHILE_MAPPED] = {
		.id = "detach-while-mapped",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS,
		.title = "an attachment was detached while it was mapped",
		.explain = "The importer must call dma_buf_unmap_attachment() for each "
			   "dma_buf_map_attachment() before it detaches. Otherwise the device keeps "
			   "addresses of memory that goes away, and IOMMU mappings leak. Up to 6.12 "
			   "exporters that cache their mapping hide the mistake, because dma_buf_detach() "
			   "unmaps for them; since that cache is gone nobody does.",
		.cite = DMA_BUF_C ", comment before dma_buf_export(): the importer detaches \"after "
			"cleaning up any mappings\" (7.2); dma_buf_detach() unmaps a cached table (6.12)",
	},
	[DQ_RULE_MAP_AGAIN] = {
		.id = "map-again",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_CALLBACKS,
		.title = "a mapped attachment was mapped once more, by the exporter",
		.explain = "Many exporters keep one table and one flag for each attachment: the second "
			   "mapping replaces the first, whose unmap then undoes the wrong one. Map once, "
			   "or attach twice. (With exporters that cache, the core returns the same table "
			   "and the exporter is not asked: that is no finding.)",
		.cite = "drivers/dma-buf/heaps/system_heap.c, system_heap_map_dma_buf(): one `mapped` for "
			"each attachment (7.2)",
	},
	[DQ_RULE_MAP_DIRECTION_CONFLICT] = {
		.id = "map-direction-conflict",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_KERNEL,
		.need = DQ_NEED_CALLS,
		.title = "a cached mapping was asked for with another direction",
		.explain = "Up to 6.12, with an exporter that caches its mapping, the core answers EBUSY "
			   "when an attachment is mapped in another direction than the first time, "
			   "unless that was BIDIRECTIONAL. Map with the same direction, or attach twice.",
		.cite = DMA_BUF_C ", dma_buf_map_attachment(): -EBUSY when attach->dir differs (6.12)",
	},
	[DQ_RULE_MAP_DIRECTION_NONE] = {
		.id = "map-direction-none",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_KERNEL,
		.title = "an attachment was mapped without a direction",
		.explain = "DMA_NONE is for debugging and maps nothing. DRM's exporters warn and return "
			   "EINVAL; others may pass it to the DMA API, which is a bug there.",
		.cite = "drivers/gpu/drm/drm_prime.c, drm_gem_map_dma_buf(): WARN_ON(dir == DMA_NONE) (7.2)",
	},
	[DQ_RULE_UNMAP_WITHOUT_MAP] = {
		.id = "unmap-without-map",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_BIRTH,
		.title = "an attachment was unmapped that was not mapped",
		.explain = "dma_buf_unmap_attachment() takes a table that dma_buf_map_attachment() "
			   "returned for the same attachment, once. Anything else corrupts the "
			   "exporter's accounts or frees a foreign table. Often an error path unmaps "
			   "what could not be mapped.",
		.cite = DMA_BUF_C ", comment before dma_buf_unmap_attachment(): the table was \"obtained "
			"by dma_buf_map_attachment\" (7.2)",
	},
	[DQ_RULE_DOUBLE_UNMAP] = {
		.id = "double-unmap",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS,
		.title = "a mapping was unmapped twice",
		.explain = "The second dma_buf_unmap_attachment() gives the exporter a table that it has "
			   "freed.",
		.cite = DMA_BUF_C ", comment before dma_buf_unmap_attachment(): the table was \"obtained "
			"by dma_buf_map_attachment\" (7.2)",
	},
	[DQ_RULE_UNMAP_DIRECTION] = {
		.id = "unmap-direction-differs",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS,
		.title = "a mapping was unmapped in another direction than it was mapped in",
		.explain = "The direction decides which caches are cleaned or invalidated. With a wrong "
			   "one the CPU reads stale data, or a debugging kernel's DMA API complains.",
		.cite = "drivers/dma-buf/udmabuf.c: \"fix DMA direction mismatch in release_udmabuf()\" "
			"(6.1.180)",
	},
	[DQ_RULE_ATTACHMENT_LEAK] = {
		.id = "attachment-leaked-on-error",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_SYS,
		.title = "an import failed and left its attachment behind",
		.explain = "The attachment was made in a system call that failed, and nobody detached it "
			   "later. An error path has to undo all steps: unmap, detach, put. What is left "
			   "keeps the buffer, and when it is released after all the kernel warns.",
		.cite = "drivers/gpu/drm/drm_prime.c, drm_gem_prime_import_dev(): fail_detach (7.2); "
			"drm/xe: \"Fix dma-buf attachment leak in xe_gem_prime_import()\" (6.12.90)",
	},
	[DQ_RULE_REFERENCE_LEAK] = {
		.id = "reference-leaked-on-error",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_SYS,
		.title = "an import failed and left its reference behind",
		.explain = "dma_buf_get() took a reference in a system call that failed, and no "
			   "dma_buf_put() followed, then or later, and the buffer was not released. A "
			   "driver may drop the file itself (fput()), which is not seen, so it is likely, "
			   "not certain.",
		.cite = DMA_BUF_C ", comment before dma_buf_get(): dma_buf_put() when done (7.2); vmwgfx: "
			"\"drop dma_buf reference on foreign-fd prime import\" (6.1.187)",
	},
	[DQ_RULE_RELEASE_ATTACHED] = {
		.id = "release-with-attachment",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_KERNEL,
		.need = DQ_NEED_CALLS,
		.title = "a buffer was released while something was attached to it",
		.explain = "The kernel warns. The importer did not hold a reference for as long as it "
			   "was attached, or never detached: it now has an attachment of freed memory.",
		.cite = DMA_BUF_C ", dma_buf_release(): WARN_ON(!list_empty(&dmabuf->attachments)) (7.2)",
	},
	[DQ_RULE_CALLBACK_UNPAIRED] = {
		.id = "callback-unpaired",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_CALLBACKS | DQ_NEED_BIRTH,
		.title = "an exporter's callbacks do not match when the attachment ends",
		.explain = "Each successful attach, map_dma_buf and pin of the exporter has to meet its "
			   "detach, unmap_dma_buf and unpin before the attachment is gone. The importer's "
			   "calls are balanced, so it is the core's or a wrapping exporter's mistake.",
		.cite = DMA_BUF_H ", comments of struct dma_buf_ops (7.2)",
	},
	[DQ_RULE_PIN_NOT_DYNAMIC] = {
		.id = "pin-not-dynamic",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_KERNEL,
		.need = DQ_NEED_BIRTH,
		.title = "an importer that is not dynamic pinned a buffer",
		.explain = "dma_buf_pin() is for importers that gave attach operations, because only "
			   "these must say when a buffer may not move. The kernel warns.",
		.cite = DMA_BUF_C ", dma_buf_pin(): WARN_ON() when the attachment is not dynamic (6.12, 7.2)",
	},
	[DQ_RULE_PIN_LEFT] = {
		.id = "pin-left-at-detach",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS,
		.title = "an attachment was detached while it was pinned",
		.explain = "The exporter can never move the buffer again: memory that cannot be "
			   "reclaimed is leaked.",
		.cite = DMA_BUF_C ", comment before dma_buf_pin(): it must be unpinned (7.2)",
	},
	[DQ_RULE_UNPIN_WITHOUT_PIN] = {
		.id = "unpin-without-pin",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_BIRTH,
		.title = "an attachment was unpinned more often than pinned",
		.explain = "The exporter's count of pins goes wrong, and a buffer that another device "
			   "uses may move under it. Often an error path unpins a second time.",
		.cite = "RDMA/umem: \"Fix double dma_buf_unpin in failure path\" (6.1.170, 6.12.85)",
	},
	[DQ_RULE_MOVE_IGNORED] = {
		.id = "move-ignored",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS,
		.title = "an importer kept a mapping although it was told that the buffer moves",
		.explain = "After move_notify (invalidate_mappings) the importer must not use its old "
			   "mapping: it unmaps, and maps again before the next use. Here the buffer moved "
			   "once more, and the same mapping was still there.",
		.cite = DMA_BUF_C ", comment before dma_buf_invalidate_mappings() (7.2)",
	},
	[DQ_RULE_CALL_FAILED] = {
		.id = "call-failed",
		.severity = DQ_SEV_NOTE, .class = DQ_CLASS_DRIVER,
		.title = "a driver was refused what it asked for",
		.explain = "An attach, map, vmap, pin or begin of CPU access returned an error. That is "
			   "allowed, and often the reason for what came after.",
		.cite = DMA_BUF_C ", the functions' return values (7.2)",
	},
	[DQ_RULE_SYNC_END_WITHOUT_START] = {
		.id = "sync-end-without-start",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.need = DQ_NEED_CALLS | DQ_NEED_BIRTH,
		.title = "CPU access was ended that had not been started",
		.explain = "DMA_BUF_SYNC_END without a successful DMA_BUF_SYNC_START: the access in "
			   "between was not prepared, so the CPU may have seen old data. udmabuf returns "
			   "EINVAL, other exporters say nothing.",
		.cite = UAPI_H ", comment of struct dma_buf_sync (7.2); drivers/dma-buf/udmabuf.c, "
			"end_cpu_udmabuf() (7.2)",
	},
	[DQ_RULE_SYNC_START_WITHOUT_END] = {
		.id = "sync-start-without-end",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.need = DQ_NEED_CALLS | DQ_NEED_DEATH,
		.title = "CPU access was started and never ended",
		.explain = "Without DMA_BUF_SYNC_END what the CPU wrote may stay in its caches, and the "
			   "device reads old data.",
		.cite = UAPI_H ", comment of struct dma_buf_sync (7.2)",
	},
	[DQ_RULE_SYNC_FLAGS_DIFFER] = {
		.id = "sync-flags-differ",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.need = DQ_NEED_CALLS,
		.title = "CPU access was ended with other flags than it was started with",
		.explain = "START and END must have the same DMA_BUF_SYNC_READ and WRITE, because they "
			   "decide which caches are cleaned and invalidated.",
		.cite = UAPI_H ", comment of struct dma_buf_sync: the same read/write flags (7.2)",
	},
	[DQ_RULE_SYNC_INTERRUPTED] = {
		.id = "sync-interrupted",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.need = DQ_NEED_CALLS,
		.title = "an interrupted DMA_BUF_IOCTL_SYNC was not repeated",
		.explain = "START waits for the buffer's fences, and a signal interrupts it with EINTR or "
			   "EAGAIN. The access has not begun then: the program has to call it again.",
		.cite = DMA_BUF_C ", DOC: cpu access, on restarting the ioctl after -EAGAIN or -EINTR (7.2)",
	},
	[DQ_RULE_SYNC_INVALID] = {
		.id = "sync-invalid",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.title = "DMA_BUF_IOCTL_SYNC got invalid flags",
		.explain = "Neither READ nor WRITE, or an unknown bit: the ioctl returns EINVAL and does "
			   "nothing.",
		.cite = DMA_BUF_C ", dma_buf_ioctl() (7.2)",
	},
	[DQ_RULE_KERNEL_ACCESS_UNPAIRED] = {
		.id = "kernel-access-unpaired",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_BIRTH | DQ_NEED_DEATH,
		.title = "a driver's begin and end of CPU access do not match",
		.explain = "dma_buf_begin_cpu_access() and dma_buf_end_cpu_access() come in pairs with "
			   "the same direction. Without the end the device may read old data, without "
			   "the begin the CPU may.",
		.cite = DMA_BUF_C ", comments before dma_buf_begin_cpu_access() and "
			"dma_buf_end_cpu_access() (7.2)",
	},
	[DQ_RULE_MAP_DURING_CPU_ACCESS] = {
		.id = "map-during-cpu-access",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.need = DQ_NEED_CALLS,
		.title = "a buffer was mapped for a device while a program had CPU access",
		.explain = "Between START and END the buffer is the CPU's. Mapping it for a device then, "
			   "where one of both writes, hands the device memory whose newest content may be "
			   "in a cache. If the device does not start before END, nothing happens: that "
			   "cannot be seen.",
		.cite = UAPI_H ", comment of struct dma_buf_sync (7.2)",
	},
	[DQ_RULE_MMAP_WITHOUT_SYNC] = {
		.id = "mmap-without-sync",
		.severity = DQ_SEV_NOTE, .class = DQ_CLASS_APP,
		.need = DQ_NEED_CALLS | DQ_NEED_FDS | DQ_NEED_BIRTH,
		.title = "a process had a buffer mapped that a device used, and never synchronised",
		.explain = "Whether it read or wrote through the mapping cannot be seen. If it did, the "
			   "access was not bracketed by DMA_BUF_IOCTL_SYNC, and on machines whose devices "
			   "are not coherent it sees, or leaves, old data.",
		.cite = DMA_BUF_C ", DOC: cpu access, on user space mmap (7.2)",
	},
	[DQ_RULE_VMAP_WITHOUT_BEGIN] = {
		.id = "vmap-without-begin",
		.severity = DQ_SEV_OFF, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS,
		.title = "a driver mapped a buffer for the kernel without beginning CPU access",
		.explain = "Access through dma_buf_vmap() has to be bracketed by dma_buf_begin_cpu_access() "
			   "and dma_buf_end_cpu_access(). Many drivers of the kernel do not do it "
			   "(videobuf2, shadow planes of DRM), so the rule is off unless asked for.",
		.cite = DMA_BUF_C ", comment before dma_buf_vmap() (7.2)",
	},
	[DQ_RULE_VUNMAP_WITHOUT_VMAP] = {
		.id = "vunmap-without-vmap",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_KERNEL,
		.need = DQ_NEED_CALLS | DQ_NEED_BIRTH,
		.title = "a buffer was unmapped for the kernel more often than mapped",
		.explain = "The kernel stops with a BUG when the count is zero already; with another "
			   "mapping still there, that one is taken from its owner.",
		.cite = DMA_BUF_C ", dma_buf_vunmap(): BUG_ON(dmabuf->vmapping_counter == 0) (7.2)",
	},
	[DQ_RULE_RELEASE_VMAPPED] = {
		.id = "release-while-vmapped",
		.severity = DQ_SEV_ERROR, .class = DQ_CLASS_KERNEL,
		.need = DQ_NEED_CALLS,
		.title = "a buffer was released while it was mapped for the kernel",
		.explain = "The kernel stops with a BUG. Who maps with dma_buf_vmap() needs a reference "
			   "until the dma_buf_vunmap().",
		.cite = DMA_BUF_C ", dma_buf_release(): BUG_ON(dmabuf->vmapping_counter) (7.2)",
	},
	[DQ_RULE_MMAP_REJECTED] = {
		.id = "mmap-rejected",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.title = "a buffer could not be mapped into a process",
		.explain = "EINVAL: the range reaches beyond the end of the buffer, or the exporter has no "
			   "mmap. EOVERFLOW: the offset is absurd. Other errors are the exporter's.",
		.cite = DMA_BUF_C ", dma_buf_mmap_internal() and dma_buf_mmap() (7.2)",
	},
	[DQ_RULE_NAME_REJECTED] = {
		.id = "name-rejected",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_APP,
		.title = "a buffer's name could not be set",
		.explain = "EINVAL: it has more than 31 bytes. EBUSY: up to 5.15 it cannot be changed while "
			   "something is attached.",
		.cite = DMA_BUF_C ", dma_buf_set_name() (5.10: -EBUSY when attached; 6.1: always allowed)",
	},
	[DQ_RULE_IOCTL_UNKNOWN] = {
		.id = "ioctl-unknown",
		.severity = DQ_SEV_NOTE, .class = DQ_CLASS_APP,
		.title = "the kernel does not know an ioctl of a DMA-BUF",
		.explain = "ENOTTY. DMA_BUF_IOCTL_EXPORT_SYNC_FILE and IMPORT_SYNC_FILE exist since 6.0: a "
			   "program that tries them on an older kernel is right to.",
		.cite = DMA_BUF_C ", dma_buf_ioctl(): -ENOTTY (7.2)",
	},
	[DQ_RULE_OUTLIVES_USERS] = {
		.id = "outlives-users",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_FDS | DQ_NEED_BIRTH,
		.title = "a buffer is alive although all processes that used it have ended",
		.explain = "With a process go its descriptors, and with the descriptors of devices "
			   "whatever drivers hold for it. What is left is held by a driver that forgot to "
			   "let go. An open device of somebody else, or a screen that still shows it, can "
			   "be the reason, too.",
		.cite = DMA_BUF_C ", comment before dma_buf_export(): the importer detaches and drops its "
			"reference when done (7.2)",
	},
	[DQ_RULE_REFERENCE_UNEXPLAINED] = {
		.id = "reference-unexplained",
		.severity = DQ_SEV_WARNING, .class = DQ_CLASS_DRIVER,
		.need = DQ_NEED_CALLS | DQ_NEED_FDS | DQ_NEED_LOOK,
		.title = "a buffer has references that nobody explains",
		.explain = "At the end the kernel counted more references to its file than there are "
			   "descriptors, mappings, descriptors on their way, attachments and kernel "
			   "mappings. A driver took one and may have forgotten it. (DRM's GEM handles "
			   "have such references: buffers of DRM and with DRM importers are left out.)",
		.cite = DMA_BUF_H ", get_dma_buf(): an inline get_file(), which cannot be seen (7.2)",
	},
	[DQ_RULE_ATTACH_PER_FRAME] = {
		.id = "attach-per-frame",
		.severity = DQ_SEV_HINT, .class = DQ_CLASS_SPEED,
		.title = "a device attaches and detaches the same buffer again and again",
		.explain = "Each time the exporter prepares a table, and the device's addresses are set "
			   "up and torn down. An importer that keeps the attachment for as long as the "
			   "program passes the same descriptor needs that once.",
		.cite = "drivers/media/common/videobuf2/videobuf2-core.c, __prepare_dmabuf(): the "
			"attachment of a known buffer is kept (7.2)",
	},
	[DQ_RULE_MAP_PER_FRAME] = {
		.id = "map-per-frame",
		.severity = DQ_SEV_HINT, .class = DQ_CLASS_SPEED,
		.need = DQ_NEED_CALLBACKS,
		.title = "an attachment is mapped and unmapped again and again",
		.explain = "The exporter is asked each time, which costs cache maintenance and the setup of "
			   "an IOMMU. Where nothing else wants to move the buffer, a mapping can be kept, "
			   "and the CPU's access be bracketed instead. Against that stands that a "
			   "mapping pins the memory, so one that is used rarely should not be kept.",
		.cite = DMA_BUF_C ", comment before dma_buf_map_attachment(): \"should not hold onto a mapping "
			"for undue amounts of time\" (7.2)",
	},
	[DQ_RULE_VMAP_PER_FRAME] = {
		.id = "vmap-per-frame",
		.severity = DQ_SEV_HINT, .class = DQ_CLASS_SPEED,
		.need = DQ_NEED_CALLBACKS,
		.title = "a buffer is mapped for the kernel again and again",
		.explain = "Each time the last dma_buf_vunmap() lets the count go to zero, and the next "
			   "dma_buf_vmap() builds the page tables anew. Keep one mapping.",
		.cite = DMA_BUF_C ", dma_buf_vmap() and dma_buf_vunmap(): vmapping_counter (7.2)",
	},
	[DQ_RULE_SYNC_UNNEEDED] = {
		.id = "sync-unneeded",
		.severity = DQ_SEV_HINT, .class = DQ_CLASS_SPEED,
		.need = DQ_NEED_CALLS | DQ_NEED_BIRTH,
		.title = "CPU access to memory that no device ever saw was synchronised",
		.explain = "The buffer is out of a heap or udmabuf, so it is plain memory, and in its whole "
			   "life no device was attached: there was nobody to be coherent with.",
		.cite = DMA_BUF_C ", DOC: cpu access (7.2)",
	},
	[DQ_RULE_SYNC_WIDER_THAN_MAPPING] = {
		.id = "sync-wider-than-mapping",
		.severity = DQ_SEV_HINT, .class = DQ_CLASS_SPEED,
		.need = DQ_NEED_FDS | DQ_NEED_BIRTH,
		.title = "CPU access was announced for writing, but the mapping is read-only",
		.explain = "With DMA_BUF_SYNC_WRITE the kernel waits for all readers, too, and cleans "
			   "caches at the end. A process that maps the buffer for reading needs "
			   "DMA_BUF_SYNC_READ only.",
		.cite = DMA_BUF_C ", __dma_buf_begin_cpu_access(): dma_resv_usage_rw(write) (7.2)",
	},
	[DQ_RULE_MAP_BIDIRECTIONAL] = {
		.id = "map-bidirectional",
		.severity = DQ_SEV_OFF, .class = DQ_CLASS_SPEED,
		.title = "a device maps a buffer for reading and writing",
		.explain = "If it does one of both only, the other direction costs cache maintenance. "
			   "Whether it does cannot be seen, and DRM's importers map everything "
			   "BIDIRECTIONAL, so the rule is off unless asked for.",
		.cite = DMA_BUF_H ", struct dma_buf_ops, on the direction (7.2)",
	},
	[DQ_RULE_ATTACHED_TWICE] = {
		.id = "attached-twice",
		.severity = DQ_SEV_OFF, .class = DQ_CLASS_SPEED,
		.title = "a device is attached to the same buffer twice",
		.explain = "It is allowed, and happens when a program queues one descriptor in two slots of "
			   "a V4L2 queue; the exporter maps it twice. The rule is off unless asked for.",
		.cite = DMA_BUF_C ", dma_buf_dynamic_attach() (7.2)",
	},
	[DQ_RULE_FENCE_WAIT] = {
		.id = "fence-wait",
		.severity = DQ_SEV_HINT, .class = DQ_CLASS_SPEED,
		.title = "a call waited for a device's work",
		.explain = "A begin of CPU access or a map waited for fences of the buffer: the work of "
			   "another device, or its slot in a pipeline, came late. Only waits of a "
			   "millisecond or more are told.",
		.cite = DMA_BUF_C ", __dma_buf_begin_cpu_access(): dma_resv_wait_timeout() (7.2)",
	},
};

const struct dq_rule *dq_rule_by_id(const char *id)
{
	for (size_t i = 0; i < DQ_RULE_MAX; i++)
		if (!strcmp(dq_rules[i].id, id))
			return &dq_rules[i];
	return NULL;
}

static const char *const severities[DQ_SEV_MAX] = {
	[DQ_SEV_OFF] = "off",	      [DQ_SEV_NOTE] = "note",	[DQ_SEV_HINT] = "hint",
	[DQ_SEV_WARNING] = "warning", [DQ_SEV_ERROR] = "error",
};

const char *dq_severity_name(enum dq_severity s)
{
	return s < DQ_SEV_MAX ? severities[s] : "?";
}

int dq_severity_by_name(const char *name)
{
	for (int i = 0; i < DQ_SEV_MAX; i++)
		if (!strcmp(severities[i], name))
			return i;
	return -EINVAL;
}

static const struct {
	const char *key, *name;
} classes[DQ_CLASS_MAX] = {
	[DQ_CLASS_KERNEL] = { "kernel", "kernel-enforced" },
	[DQ_CLASS_DRIVER] = { "driver", "driver" },
	[DQ_CLASS_APP] = { "application", "application" },
	[DQ_CLASS_SPEED] = { "speed", "performance" },
};

const char *dq_rule_class_name(enum dq_rule_class c)
{
	return c < DQ_CLASS_MAX ? classes[c].name : "?";
}

const char *dq_rule_class_key(enum dq_rule_class c)
{
	return c < DQ_CLASS_MAX ? classes[c].key : "?";
}

const char *dq_rule_need_text(unsigned int need, size_t n)
{
	static const char *const texts[] = {
		"no call was lost while the object lived",
		"no event of descriptors or mappings was lost",
		"the exporter's callbacks were recorded all the time",
		"the begin of the object's life was recorded",
		"the end of the object's or the process's life was recorded",
		"the result of the system call was recorded",
		"the recorder looked at the end who holds what",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (need & 1u << i && !n--)
			return texts[i];
	return NULL;
}
