// SPDX-License-Identifier: GPL-2.0-only
/*
 * dqlab.c - an exporter and importers that do what they are told, right or wrong.
 *
 * For the tests of dmaseq, never for a machine that matters: half of what it can be told
 * to do is what a driver must not. /dev/dqlab takes lines, one command each, done in the
 * task that writes them (so descriptors come to it), and gives back the last command's
 * result: a number, as text. A write that fails has the command's errno and stops there.
 *
 * Things have slots: buffers b0.., devices d0.., attachments a0.., fences f0... They are the
 * module's, not the open file's, and stay until they are given up, or until "reset".
 *
 *   device D NAME [driver]       a platform device; with a driver of that name, NAME.0
 *   export B BYTES [name=N] [dynamic] [bare] [cached] [copied] [builtin]
 *                                dynamic: can pin; bare: no CPU callbacks, no vmap, no mmap;
 *                                cached: the core keeps the sg_table; copied: the table of
 *                                callbacks is in memory of its own, as vmwgfx does it;
 *                                builtin: of no module, so that NAME is the exporter;
 *                                broken: nobody wrote its map_dma_buf
 *   fd B [cloexec] [fault] [give] -> descriptor; fault: it is there, and the command fails
 *                                with EFAULT, as a driver whose copy_to_user() fails;
 *                                give: with our reference, and not with one of its own
 *   get B FD                     dma_buf_get: B is empty before, or the same buffer
 *   put B                        gives one of our references up; the slot with the last
 *   leak B                       forgets a reference without giving it up
 *   ref B                        one more, which nobody knows of
 *   attach A B D [dynamic]       dynamic: with importer's callbacks
 *   forge A B D                  an attachment that nobody attached
 *   detach A [B] [keep]          from B, whoever's it is; keep: the slot still has it, as a
 *                                driver that goes on with freed memory (which the lab owns again)
 *   forget A                     the slot is free, the attachment stays
 *   map A to|from|both|none [locked]
 *   unmap A [to|from|both|none] [of=A]
 *                                the direction of the map unless said otherwise; of: the table
 *                                of another one; of what was unmapped before: once more
 *   raw-map A DIR, raw-unmap A   the exporter's callback, past the core
 *   pin A, unpin A
 *   move B                       the exporter tells its importers that it moved
 *   begin B DIR, end B DIR       CPU access in the kernel
 *   vmap B, vunmap B
 *   kmap B PAGE, kunmap B PAGE   the functions of 2015, which are this module's own
 *   select B                     whom mmap of /dev/dqlab is passed to (dma_buf_mmap)
 *   fence F                      a new fence
 *   fence-add F B read|write
 *   signal F [MS]                now, or from a timer
 *   inject B CALLBACK ERRNO [N]  the callback fails, N times (1)
 *   delay B CALLBACK MS          the callback sleeps first
 *   thread COMMAND...            the command, in a kernel thread; work: in a kworker;
 *                                irq: in an interrupt ("put" only)
 *   reset                        gives up everything, in the right order
 *   else COMMAND...              only when an earlier line of the same write failed, whose error
 *                                stays that of the write
 *
 * What headers differ in is asked of them (Kbuild).
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#ifdef LAB_HAS_IOSYS_MAP
#include <linux/iosys-map.h>
#endif

#define NSLOTS 32
#define NWORDS 8
#define LINE_MAX_BYTES 256

enum callback { CB_ATTACH, CB_DETACH, CB_PIN, CB_MAP, CB_UNMAP, CB_BEGIN, CB_END, CB_MMAP, CB_VMAP, CB_RELEASE, NCB };

static const char *const callback_names[NCB] = {
	"attach", "detach", "pin", "map", "unmap", "begin", "end", "mmap", "vmap", "release",
};

/* The exporter's side of a buffer; lives until ops->release. */
struct lab_mem {
	struct page **pages;
	unsigned int npages;
	char name[32];
	void *vaddr;
	struct dma_buf_ops *copied;
	int err[NCB], nerr[NCB], delay_ms[NCB];
};

#define NTABLES 4

/* The holder's side. */
struct lab_buf {
	struct dma_buf *dmabuf;
	int refs;
#ifdef LAB_HAS_IOSYS_MAP
	struct iosys_map map;
#else
	void *map;
#endif
};

struct lab_dev {
	struct platform_device *pdev;
	struct platform_driver *drv;
	char name[32];
};

struct lab_att {
	struct dma_buf_attachment *attach;
	struct sg_table *sgt[NTABLES];	/* those that are mapped, and after them the last that was */
	int nsgt;
	struct sg_table *raw;
	enum dma_data_direction dir[NTABLES], raw_dir;
	bool dynamic;
	bool ours;	/* memory of the lab's, of no attachment */
	int moved;
};

struct lab_fence {
	struct dma_fence base;
	spinlock_t lock;
	struct timer_list timer;
};

static DEFINE_MUTEX(lab_lock);
static struct lab_buf bufs[NSLOTS];
static struct lab_dev devs[NSLOTS];
static struct lab_att atts[NSLOTS];
static struct lab_fence *fences[NSLOTS];
static struct lab_buf *selected;
static long last_result;
static u64 fence_context;

/* ---- the exporter ---- */

static int stumble(struct lab_mem *m, enum callback cb)
{
	if (m->delay_ms[cb])
		msleep(m->delay_ms[cb]);
	if (!m->nerr[cb])
		return 0;
	m->nerr[cb]--;
	return -m->err[cb];
}

static int lab_attach(struct dma_buf *b, struct dma_buf_attachment *a)
{
	return stumble(b->priv, CB_ATTACH);
}

static void lab_detach(struct dma_buf *b, struct dma_buf_attachment *a)
{
	stumble(b->priv, CB_DETACH);
}

static int lab_pin(struct dma_buf_attachment *a)
{
	return stumble(a->dmabuf->priv, CB_PIN);
}

static void lab_unpin(struct dma_buf_attachment *a)
{
}

static struct sg_table *lab_map(struct dma_buf_attachment *a, enum dma_data_direction dir)
{
	struct lab_mem *m = a->dmabuf->priv;
	struct sg_table *sgt;
	int err = stumble(m, CB_MAP);

	if (err)
		return ERR_PTR(err);
	if (dir == DMA_NONE)	/* as DRM's exporters do; the DMA API would stop the kernel */
		return ERR_PTR(-EINVAL);
	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	err = sg_alloc_table_from_pages(sgt, m->pages, m->npages, 0,
					(unsigned long)m->npages << PAGE_SHIFT, GFP_KERNEL);
	if (err)
		goto out;
	err = dma_map_sgtable(a->dev, sgt, dir, 0);
	if (!err)
		return sgt;
	sg_free_table(sgt);
out:
	kfree(sgt);
	return ERR_PTR(err);
}

/* The sg_table stays when the lab is told to unmap twice: that it is a second time is the test. */
static void lab_unmap(struct dma_buf_attachment *a, struct sg_table *sgt, enum dma_data_direction dir)
{
	stumble(a->dmabuf->priv, CB_UNMAP);
	if (!sgt->sgl)
		return;
	dma_unmap_sgtable(a->dev, sgt, dir, 0);
	sg_free_table(sgt);
	sgt->sgl = NULL;
}

static void lab_release(struct dma_buf *b)
{
	struct lab_mem *m = b->priv;
	unsigned int i;

	stumble(m, CB_RELEASE);
	if (m->vaddr)
		vunmap(m->vaddr);
	for (i = 0; i < m->npages; i++)
		__free_page(m->pages[i]);
	kvfree(m->pages);
	kfree(m->copied);
	kfree(m);
}

static int lab_begin(struct dma_buf *b, enum dma_data_direction dir)
{
	return stumble(b->priv, CB_BEGIN);
}

static int lab_end(struct dma_buf *b, enum dma_data_direction dir)
{
	return stumble(b->priv, CB_END);
}

static int lab_mmap(struct dma_buf *b, struct vm_area_struct *vma)
{
	struct lab_mem *m = b->priv;
	int err = stumble(m, CB_MMAP);

	return err ? err : vm_map_pages(vma, m->pages, m->npages);
}

static void *lab_vaddr(struct lab_mem *m)
{
	if (!m->vaddr)
		m->vaddr = vmap(m->pages, m->npages, VM_MAP, PAGE_KERNEL);
	return m->vaddr;
}

#ifdef LAB_HAS_IOSYS_MAP
static int lab_vmap(struct dma_buf *b, struct iosys_map *map)
{
	int err = stumble(b->priv, CB_VMAP);

	if (err)
		return err;
	if (!lab_vaddr(b->priv))
		return -ENOMEM;
	iosys_map_set_vaddr(map, lab_vaddr(b->priv));
	return 0;
}

static void lab_vunmap(struct dma_buf *b, struct iosys_map *map)
{
}
#else
static void *lab_vmap(struct dma_buf *b)
{
	return stumble(b->priv, CB_VMAP) ? NULL : lab_vaddr(b->priv);
}

static void lab_vunmap(struct dma_buf *b, void *vaddr)
{
}
#endif

static const struct dma_buf_ops lab_dmabuf_ops = {
	.attach = lab_attach,
	.detach = lab_detach,
	.map_dma_buf = lab_map,
	.unmap_dma_buf = lab_unmap,
	.release = lab_release,
	.begin_cpu_access = lab_begin,
	.end_cpu_access = lab_end,
	.mmap = lab_mmap,
	.vmap = lab_vmap,
	.vunmap = lab_vunmap,
};

static const struct dma_buf_ops lab_dynamic_dmabuf_ops = {
	.attach = lab_attach,
	.detach = lab_detach,
	.pin = lab_pin,
	.unpin = lab_unpin,
	.map_dma_buf = lab_map,
	.unmap_dma_buf = lab_unmap,
	.release = lab_release,
	.begin_cpu_access = lab_begin,
	.end_cpu_access = lab_end,
	.mmap = lab_mmap,
	.vmap = lab_vmap,
	.vunmap = lab_vunmap,
};

static const struct dma_buf_ops lab_bare_dmabuf_ops = {
	.map_dma_buf = lab_map,
	.unmap_dma_buf = lab_unmap,
	.release = lab_release,
};

static const struct dma_buf_ops lab_cached_dmabuf_ops = {
#ifdef LAB_HAS_CACHE_SGT
	.cache_sgt_mapping = true,
#endif
	.attach = lab_attach,
	.detach = lab_detach,
	.map_dma_buf = lab_map,
	.unmap_dma_buf = lab_unmap,
	.release = lab_release,
	.begin_cpu_access = lab_begin,
	.end_cpu_access = lab_end,
	.mmap = lab_mmap,
	.vmap = lab_vmap,
	.vunmap = lab_vunmap,
};

static const struct dma_buf_ops lab_broken_dmabuf_ops = {
	.unmap_dma_buf = lab_unmap,
	.release = lab_release,
};

/*
 * The functions of the kernels before 5.6, as the post of 2015 shows them. On a 64-bit machine
 * they have nothing to do, which the compiler must not notice.
 */
#define lab_called __attribute__((noipa))
void *dma_buf_kmap(struct dma_buf *dmabuf, unsigned long page);
void dma_buf_kunmap(struct dma_buf *dmabuf, unsigned long page, void *vaddr);

lab_called void *dma_buf_kmap(struct dma_buf *dmabuf, unsigned long page)
{
	struct lab_mem *m = dmabuf->priv;

	return page < m->npages ? kmap(m->pages[page]) : NULL;
}
EXPORT_SYMBOL_GPL(dma_buf_kmap);

lab_called void dma_buf_kunmap(struct dma_buf *dmabuf, unsigned long page, void *vaddr)
{
	struct lab_mem *m = dmabuf->priv;

	if (vaddr && page < m->npages)
		kunmap(m->pages[page]);
}
EXPORT_SYMBOL_GPL(dma_buf_kunmap);

/* ---- words ---- */

static int slot(const char *word, char kind)
{
	unsigned int n;

	if (!word || word[0] != kind || kstrtouint(word + 1, 10, &n) || n >= NSLOTS)
		return -EINVAL;
	return n;
}

static struct lab_buf *buf_of(const char *word)
{
	int n = slot(word, 'b');

	return n < 0 || !bufs[n].dmabuf ? NULL : &bufs[n];
}

static struct lab_att *att_of(const char *word)
{
	int n = slot(word, 'a');

	return n < 0 || !atts[n].attach ? NULL : &atts[n];
}

static int direction(const char *word, enum dma_data_direction *dir)
{
	static const char *const names[] = { "both", "to", "from", "none" };
	int n = word ? match_string(names, ARRAY_SIZE(names), word) : -EINVAL;

	if (n < 0)
		return n;
	*dir = n;
	return 0;
}

static bool has_word(char **w, int n, const char *word)
{
	while (n-- > 0)
		if (!strcmp(*w++, word))
			return true;
	return false;
}

/* ---- buffers ---- */

static struct lab_mem *new_mem(unsigned int bytes)
{
	struct lab_mem *m = kzalloc(sizeof(*m), GFP_KERNEL);
	unsigned int n = DIV_ROUND_UP(bytes, PAGE_SIZE);

	if (!m)
		return NULL;
	m->pages = kvcalloc(n, sizeof(*m->pages), GFP_KERNEL);
	while (m->pages && m->npages < n) {
		m->pages[m->npages] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!m->pages[m->npages])
			break;
		m->npages++;
	}
	if (m->npages == n)
		return m;
	while (m->npages)
		__free_page(m->pages[--m->npages]);
	kvfree(m->pages);
	kfree(m);
	return NULL;
}

static const struct dma_buf_ops *ops_for(struct lab_mem *m, char **w, int n)
{
	const struct dma_buf_ops *ops = &lab_dmabuf_ops;

	if (has_word(w, n, "dynamic"))
		ops = &lab_dynamic_dmabuf_ops;
	else if (has_word(w, n, "bare"))
		ops = &lab_bare_dmabuf_ops;
	else if (has_word(w, n, "cached"))
		ops = &lab_cached_dmabuf_ops;
	else if (has_word(w, n, "broken"))
		ops = &lab_broken_dmabuf_ops;
	if (!has_word(w, n, "copied"))
		return ops;
	m->copied = kmemdup(ops, sizeof(*ops), GFP_KERNEL);
	return m->copied;
}

static long do_export(char **w, int n)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	int i, at = slot(w[1], 'b');
	struct lab_mem *m;
	unsigned int bytes;
	struct dma_buf *b;

	if (at < 0 || bufs[at].dmabuf || kstrtouint(w[2], 0, &bytes) || !bytes)
		return -EINVAL;
	m = new_mem(bytes);
	if (!m)
		return -ENOMEM;
	strscpy(m->name, "dqlab", sizeof(m->name));
	for (i = 3; i < n; i++)
		if (strstarts(w[i], "name="))
			strscpy(m->name, w[i] + 5, sizeof(m->name));
	info.exp_name = m->name;
	if (has_word(w + 3, n - 3, "builtin"))
		info.owner = NULL;
	info.ops = ops_for(m, w + 3, n - 3);
	info.size = (size_t)m->npages << PAGE_SHIFT;
	info.flags = O_RDWR;
	info.priv = m;
	b = info.ops ? dma_buf_export(&info) : ERR_PTR(-ENOMEM);
	if (IS_ERR(b)) {
		struct dma_buf husk = { .priv = m };

		lab_release(&husk);
		return PTR_ERR(b);
	}
	bufs[at] = (struct lab_buf){ .dmabuf = b, .refs = 1 };
	return 0;
}

static void drop_ref(struct lab_buf *b);

/* dma_buf_fd() takes the reference over, the lab keeps one of its own. */
static long do_fd(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);
	bool give = has_word(w + 2, n - 2, "give");
	int fd;

	if (!b)
		return -EINVAL;
	if (!give)
		get_dma_buf(b->dmabuf);
	fd = dma_buf_fd(b->dmabuf, has_word(w + 2, n - 2, "cloexec") ? O_CLOEXEC : 0);
	if (fd < 0 && !give)
		dma_buf_put(b->dmabuf);
	else if (fd >= 0 && give)
		drop_ref(b);
	if (fd < 0)
		return fd;
	return has_word(w + 2, n - 2, "fault") ? -EFAULT : fd;
}

static long do_get(char **w, int n)
{
	int fd, at = slot(w[1], 'b');
	struct dma_buf *b;

	if (at < 0 || kstrtoint(w[2], 10, &fd))
		return -EINVAL;
	b = dma_buf_get(fd);
	if (IS_ERR(b))
		return PTR_ERR(b);
	if (bufs[at].dmabuf && bufs[at].dmabuf != b) {
		dma_buf_put(b);
		return -EBUSY;
	}
	bufs[at].dmabuf = b;
	bufs[at].refs++;
	return 0;
}

static void drop_ref(struct lab_buf *b)
{
	if (--b->refs)
		return;
	if (selected == b)
		selected = NULL;
	memset(b, 0, sizeof(*b));
}

static long do_put(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);
	struct dma_buf *dmabuf = b ? b->dmabuf : NULL;

	if (!b)
		return -EINVAL;
	drop_ref(b);
	dma_buf_put(dmabuf);
	return 0;
}

static long do_leak(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);

	if (!b)
		return -EINVAL;
	drop_ref(b);
	return 0;
}

static long do_ref(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);

	if (!b)
		return -EINVAL;
	get_dma_buf(b->dmabuf);
	return 0;
}

static long do_select(char **w, int n)
{
	selected = buf_of(w[1]);
	return selected ? 0 : -EINVAL;
}

/* ---- devices and attachments ---- */

static int lab_probe(struct platform_device *pdev)
{
	return 0;
}

static long do_device(char **w, int n)
{
	int at = slot(w[1], 'd');
	struct lab_dev *d;
	bool driver = has_word(w + 3, n - 3, "driver");

	if (at < 0 || devs[at].pdev)
		return -EINVAL;
	d = &devs[at];
	strscpy(d->name, w[2], sizeof(d->name));
	if (driver) {
		d->drv = kzalloc(sizeof(*d->drv), GFP_KERNEL);
		if (!d->drv)
			return -ENOMEM;
		d->drv->probe = lab_probe;
		d->drv->driver.name = d->name;
		if (platform_driver_register(d->drv)) {
			kfree(d->drv);
			d->drv = NULL;
			return -EEXIST;
		}
	}
	d->pdev = platform_device_register_simple(d->name, driver ? 0 : PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(d->pdev)) {
		long err = PTR_ERR(d->pdev);

		d->pdev = NULL;
		if (d->drv)
			platform_driver_unregister(d->drv);
		kfree(d->drv);
		d->drv = NULL;
		return err;
	}
	return dma_coerce_mask_and_coherent(&d->pdev->dev, DMA_BIT_MASK(64));
}

static void lab_moved(struct dma_buf_attachment *a)
{
	struct lab_att *at = a->importer_priv;

	at->moved++;
}

static const struct dma_buf_attach_ops lab_attach_ops = {
	.allow_peer2peer = true,
#ifdef LAB_HAS_INVALIDATE
	.invalidate_mappings = lab_moved,
#else
	.move_notify = lab_moved,
#endif
};

static long do_attach(char **w, int n)
{
	int at = slot(w[1], 'a'), dev = slot(w[3], 'd');
	struct lab_buf *b = buf_of(w[2]);
	struct dma_buf_attachment *a;
	bool dynamic = has_word(w + 4, n - 4, "dynamic");

	if (at < 0 || atts[at].attach || dev < 0 || !devs[dev].pdev || !b)
		return -EINVAL;
	if (dynamic)
		a = dma_buf_dynamic_attach(b->dmabuf, &devs[dev].pdev->dev, &lab_attach_ops, &atts[at]);
	else
		a = dma_buf_attach(b->dmabuf, &devs[dev].pdev->dev);
	if (IS_ERR(a))
		return PTR_ERR(a);
	atts[at] = (struct lab_att){ .attach = a, .dynamic = dynamic };
	return 0;
}

static long do_forge(char **w, int n)
{
	int at = slot(w[1], 'a'), dev = slot(w[3], 'd');
	struct lab_buf *b = buf_of(w[2]);
	struct dma_buf_attachment *a;

	if (at < 0 || atts[at].attach || dev < 0 || !devs[dev].pdev || !b)
		return -EINVAL;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	a->dmabuf = b->dmabuf;
	a->dev = &devs[dev].pdev->dev;
	INIT_LIST_HEAD(&a->node);
	atts[at] = (struct lab_att){ .attach = a, .ours = true };
	return 0;
}

/*
 * Who goes on with a freed attachment must not meet somebody else's memory here, so the same memory
 * is taken again at once: the allocator gives what was freed last.
 */
static struct dma_buf_attachment *same_memory(const struct dma_buf_attachment *was)
{
	struct dma_buf_attachment *v[64], *found = NULL;
	unsigned int n = 0;

	while (n < ARRAY_SIZE(v) && !found) {
		v[n] = kzalloc(sizeof(**v), GFP_KERNEL);
		if (!v[n])
			break;
		if (v[n] == was)
			found = v[n];
		else
			n++;
	}
	while (n)
		kfree(v[--n]);
	return found;
}

static long do_detach(char **w, int n)
{
	struct lab_att *a = att_of(w[1]);
	struct lab_buf *b = n > 2 ? buf_of(w[2]) : NULL;
	struct dma_buf_attachment was, *again;

	if (!a)
		return -EINVAL;
	was = *a->attach;
	again = a->attach;
	dma_buf_detach(b ? b->dmabuf : was.dmabuf, a->attach);
	if (b)	/* whether it is gone now depends on the kernel */
		return 0;
	memset(a, 0, sizeof(*a));
	if (!has_word(w + 2, n - 2, "keep"))
		return 0;
	again = same_memory(again);
	if (!again)
		return -EAGAIN;
	again->dmabuf = was.dmabuf;
	again->dev = was.dev;
	INIT_LIST_HEAD(&again->node);
	*a = (struct lab_att){ .attach = again, .ours = true };
	return 0;
}

static long do_forget(char **w, int n)
{
	struct lab_att *a = att_of(w[1]);

	if (!a)
		return -EINVAL;
	memset(a, 0, sizeof(*a));
	return 0;
}

/* Where a kernel has one function for both, a dynamic attachment brings its own lock. */
static struct sg_table *map_it(struct lab_att *a, enum dma_data_direction dir, bool locked)
{
	struct sg_table *sgt;

#ifdef LAB_HAS_UNLOCKED_MAP
	if (!locked && !a->dynamic)
		return dma_buf_map_attachment_unlocked(a->attach, dir);
	locked = true;
#else
	locked |= a->dynamic;
#endif
	if (locked)
		dma_resv_lock(a->attach->dmabuf->resv, NULL);
	sgt = dma_buf_map_attachment(a->attach, dir);
	if (locked)
		dma_resv_unlock(a->attach->dmabuf->resv);
	return sgt;
}

static void unmap_it(struct lab_att *a, struct sg_table *sgt, enum dma_data_direction dir)
{
#ifdef LAB_HAS_UNLOCKED_MAP
	if (!a->dynamic) {
		dma_buf_unmap_attachment_unlocked(a->attach, sgt, dir);
		return;
	}
#endif
	if (a->dynamic)
		dma_resv_lock(a->attach->dmabuf->resv, NULL);
	dma_buf_unmap_attachment(a->attach, sgt, dir);
	if (a->dynamic)
		dma_resv_unlock(a->attach->dmabuf->resv);
}

static long do_map(char **w, int n)
{
	struct lab_att *a = att_of(w[1]);
	enum dma_data_direction dir;
	struct sg_table *sgt;

	if (!a || a->nsgt == NTABLES || direction(w[2], &dir))
		return -EINVAL;
	sgt = map_it(a, dir, has_word(w + 3, n - 3, "locked"));
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	a->sgt[a->nsgt] = sgt;
	a->dir[a->nsgt++] = dir;
	return sgt->nents;
}

static long do_unmap(char **w, int n)
{
	struct lab_att *a = att_of(w[1]), *of = a;
	enum dma_data_direction dir;
	int i;

	for (i = 2; i < n; i++)
		if (strstarts(w[i], "of="))
			of = att_of(w[i] + 3);
	if (!a || !of)
		return -EINVAL;
	i = of->nsgt ? of->nsgt - 1 : 0;
	if (!of->sgt[i])
		return -EINVAL;
	dir = of->dir[i];
	if (n > 2 && !strstarts(w[2], "of=") && direction(w[2], &dir))
		return -EINVAL;
	unmap_it(a, of->sgt[i], dir);
	if (of == a)
		a->nsgt = i;
	return 0;
}

static long do_raw_map(char **w, int n)
{
	struct lab_att *a = att_of(w[1]);
	struct sg_table *sgt;

	if (!a || a->raw || direction(w[2], &a->raw_dir))
		return -EINVAL;
	sgt = a->attach->dmabuf->ops->map_dma_buf(a->attach, a->raw_dir);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	a->raw = sgt;
	return 0;
}

static long do_raw_unmap(char **w, int n)
{
	struct lab_att *a = att_of(w[1]);

	if (!a || !a->raw)
		return -EINVAL;
	a->attach->dmabuf->ops->unmap_dma_buf(a->attach, a->raw, a->raw_dir);
	a->raw = NULL;
	return 0;
}

static long do_pin(char **w, int n)
{
	struct lab_att *a = att_of(w[1]);
	int err;

	if (!a)
		return -EINVAL;
	dma_resv_lock(a->attach->dmabuf->resv, NULL);
	err = dma_buf_pin(a->attach);
	dma_resv_unlock(a->attach->dmabuf->resv);
	return err;
}

static long do_unpin(char **w, int n)
{
	struct lab_att *a = att_of(w[1]);

	if (!a)
		return -EINVAL;
	dma_resv_lock(a->attach->dmabuf->resv, NULL);
	dma_buf_unpin(a->attach);
	dma_resv_unlock(a->attach->dmabuf->resv);
	return 0;
}

static long do_move(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);

	if (!b)
		return -EINVAL;
	dma_resv_lock(b->dmabuf->resv, NULL);
#ifdef LAB_HAS_INVALIDATE
	dma_buf_invalidate_mappings(b->dmabuf);
#else
	dma_buf_move_notify(b->dmabuf);
#endif
	dma_resv_unlock(b->dmabuf->resv);
	return 0;
}

/* ---- the CPU ---- */

static long do_begin(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);
	enum dma_data_direction dir;

	return !b || direction(w[2], &dir) ? -EINVAL : dma_buf_begin_cpu_access(b->dmabuf, dir);
}

static long do_end(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);
	enum dma_data_direction dir;

	return !b || direction(w[2], &dir) ? -EINVAL : dma_buf_end_cpu_access(b->dmabuf, dir);
}

static long do_vmap(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);

	if (!b)
		return -EINVAL;
#if defined(LAB_HAS_UNLOCKED_VMAP)
	return dma_buf_vmap_unlocked(b->dmabuf, &b->map);
#elif defined(LAB_HAS_IOSYS_MAP)
	return dma_buf_vmap(b->dmabuf, &b->map);
#else
	b->map = dma_buf_vmap(b->dmabuf);
	return b->map ? 0 : -ENOMEM;
#endif
}

static long do_vunmap(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);

	if (!b)
		return -EINVAL;
#if defined(LAB_HAS_UNLOCKED_VMAP)
	dma_buf_vunmap_unlocked(b->dmabuf, &b->map);
#elif defined(LAB_HAS_IOSYS_MAP)
	dma_buf_vunmap(b->dmabuf, &b->map);
#else
	dma_buf_vunmap(b->dmabuf, b->map);
#endif
	return 0;
}

static long do_kmap(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);
	unsigned long page;

	if (!b || kstrtoul(w[2], 0, &page))
		return -EINVAL;
	return dma_buf_kmap(b->dmabuf, page) ? 0 : -EINVAL;
}

static long do_kunmap(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);
	struct lab_mem *m = b ? b->dmabuf->priv : NULL;
	unsigned long page;

	if (!b || kstrtoul(w[2], 0, &page) || page >= m->npages)
		return -EINVAL;
	dma_buf_kunmap(b->dmabuf, page, page_address(m->pages[page]));
	return 0;
}

/* ---- fences ---- */

static const char *lab_driver_name(struct dma_fence *f)
{
	return "dqlab";
}

static const char *lab_timeline_name(struct dma_fence *f)
{
	return "lab timeline";
}

static const struct dma_fence_ops lab_fence_ops = {
	.get_driver_name = lab_driver_name,
	.get_timeline_name = lab_timeline_name,
};

static void lab_timer(struct timer_list *t)
{
	struct lab_fence *f = container_of(t, struct lab_fence, timer);

	dma_fence_signal(&f->base);
	dma_fence_put(&f->base);
}

static long do_fence(char **w, int n)
{
	static u64 seqno;
	int at = slot(w[1], 'f');
	struct lab_fence *f;

	if (at < 0)
		return -EINVAL;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	spin_lock_init(&f->lock);
	timer_setup(&f->timer, lab_timer, 0);
	dma_fence_init(&f->base, &lab_fence_ops, &f->lock, fence_context, ++seqno);
	if (fences[at])
		dma_fence_put(&fences[at]->base);
	fences[at] = f;
	return 0;
}

static long do_fence_add(char **w, int n)
{
	int at = slot(w[1], 'f'), err;
	struct lab_buf *b = buf_of(w[2]);
	bool write = !strcmp(w[3], "write");
	struct dma_resv *resv;

	if (at < 0 || !fences[at] || !b)
		return -EINVAL;
	resv = b->dmabuf->resv;
	dma_resv_lock(resv, NULL);
#ifdef LAB_HAS_RESV_USAGE
	err = dma_resv_reserve_fences(resv, 1);
	if (!err)
		dma_resv_add_fence(resv, &fences[at]->base, write ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
#else
	err = write ? 0 : dma_resv_reserve_shared(resv, 1);
	if (!err && write)
		dma_resv_add_excl_fence(resv, &fences[at]->base);
	else if (!err)
		dma_resv_add_shared_fence(resv, &fences[at]->base);
#endif
	dma_resv_unlock(resv);
	return err;
}

static long do_signal(char **w, int n)
{
	int at = slot(w[1], 'f');
	unsigned int ms;

	if (at < 0 || !fences[at])
		return -EINVAL;
	if (n < 3) {
		dma_fence_signal(&fences[at]->base);
		return 0;
	}
	if (kstrtouint(w[2], 10, &ms))
		return -EINVAL;
	dma_fence_get(&fences[at]->base);
	mod_timer(&fences[at]->timer, jiffies + msecs_to_jiffies(ms));
	return 0;
}

/* ---- trouble ---- */

static long do_inject(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);
	int cb = match_string(callback_names, NCB, w[2]);
	unsigned int err, times = 1;
	struct lab_mem *m;

	if (!b || cb < 0 || kstrtouint(w[3], 10, &err) || (n > 4 && kstrtouint(w[4], 10, &times)))
		return -EINVAL;
	m = b->dmabuf->priv;
	m->err[cb] = err;
	m->nerr[cb] = times;
	return 0;
}

static long do_delay(char **w, int n)
{
	struct lab_buf *b = buf_of(w[1]);
	int cb = match_string(callback_names, NCB, w[2]);
	unsigned int ms;

	if (!b || cb < 0 || kstrtouint(w[3], 10, &ms))
		return -EINVAL;
	((struct lab_mem *)b->dmabuf->priv)->delay_ms[cb] = ms;
	return 0;
}

static long do_reset(char **w, int n)
{
	char name[8], *words[2] = { NULL, name };
	int i;

	for (i = 0; i < NSLOTS; i++)
		if (fences[i]) {
			while (timer_pending(&fences[i]->timer))
				msleep(1);
			dma_fence_signal(&fences[i]->base);
			dma_fence_put(&fences[i]->base);
			fences[i] = NULL;
		}
	for (i = 0; i < NSLOTS; i++) {
		snprintf(name, sizeof(name), "a%d", i);
		while (atts[i].attach && atts[i].nsgt) {
			atts[i].nsgt--;
			unmap_it(&atts[i], atts[i].sgt[atts[i].nsgt],
				 atts[i].dir[atts[i].nsgt]);
		}
		if (atts[i].ours) {
			kfree(atts[i].attach);
			memset(&atts[i], 0, sizeof(atts[i]));
		}
		do_detach(words, 2);
	}
	for (i = 0; i < NSLOTS; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		while (bufs[i].dmabuf)
			do_put(words, 2);
	}
	for (i = 0; i < NSLOTS; i++) {
		if (devs[i].pdev)
			platform_device_unregister(devs[i].pdev);
		if (devs[i].drv)
			platform_driver_unregister(devs[i].drv);
		kfree(devs[i].drv);
		memset(&devs[i], 0, sizeof(devs[i]));
	}
	return 0;
}

/* ---- commands ---- */

static const struct command {
	const char *name;
	int words; /* at least, with the name */
	long (*run)(char **w, int n);
} commands[] = {
	{ "device", 3, do_device },
	{ "export", 3, do_export },
	{ "fd", 2, do_fd },
	{ "get", 3, do_get },
	{ "put", 2, do_put },
	{ "ref", 2, do_ref },
	{ "leak", 2, do_leak },
	{ "attach", 4, do_attach },
	{ "forge", 4, do_forge },
	{ "detach", 2, do_detach },
	{ "forget", 2, do_forget },
	{ "map", 3, do_map },
	{ "unmap", 2, do_unmap },
	{ "raw-map", 3, do_raw_map },
	{ "raw-unmap", 2, do_raw_unmap },
	{ "pin", 2, do_pin },
	{ "unpin", 2, do_unpin },
	{ "move", 2, do_move },
	{ "begin", 3, do_begin },
	{ "end", 3, do_end },
	{ "vmap", 2, do_vmap },
	{ "vunmap", 2, do_vunmap },
	{ "kmap", 3, do_kmap },
	{ "kunmap", 3, do_kunmap },
	{ "select", 2, do_select },
	{ "fence", 2, do_fence },
	{ "fence-add", 4, do_fence_add },
	{ "signal", 2, do_signal },
	{ "inject", 4, do_inject },
	{ "delay", 4, do_delay },
	{ "reset", 1, do_reset },
};

static long run_words(char **w, int n)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, w[0]))
			return n < commands[i].words ? -EINVAL : commands[i].run(w, n);
	return -EOPNOTSUPP;
}

/* A command that runs elsewhere, while the writer waits for it. */
struct errand {
	char **w;
	int n;
	long result;
	struct work_struct work;
	struct irq_work irq;
	struct completion done;
};

static int errand_thread(void *p)
{
	struct errand *e = p;

	e->result = run_words(e->w, e->n);
	complete(&e->done);
	return 0;
}

static void errand_work(struct work_struct *w)
{
	errand_thread(container_of(w, struct errand, work));
}

static void errand_irq(struct irq_work *w)
{
	errand_thread(container_of(w, struct errand, irq));
}

static long elsewhere(char **w, int n)
{
	struct errand e = { .w = w + 1, .n = n - 1 };
	struct task_struct *t;

	init_completion(&e.done);
	if (!strcmp(w[0], "thread")) {
		t = kthread_run(errand_thread, &e, "dqlab");
		if (IS_ERR(t))
			return PTR_ERR(t);
	} else if (!strcmp(w[0], "work")) {
		INIT_WORK_ONSTACK(&e.work, errand_work);
		schedule_work(&e.work);
	} else if (!strcmp(w[1], "put")) {
		init_irq_work(&e.irq, errand_irq);
		irq_work_queue(&e.irq);
	} else {
		return -EINVAL;
	}
	wait_for_completion(&e.done);
	if (!strcmp(w[0], "irq"))
		irq_work_sync(&e.irq);
	if (!strcmp(w[0], "work"))
		destroy_work_on_stack(&e.work);
	return e.result;
}

static long run_line(char *line)
{
	char *w[NWORDS] = { NULL }, *word;
	int n = 0;

	while ((word = strsep(&line, " \t")) != NULL)
		if (*word && n < NWORDS)
			w[n++] = word;
	if (!n || w[0][0] == '#')
		return 0;
	if (n > 1 && (!strcmp(w[0], "thread") || !strcmp(w[0], "work") || !strcmp(w[0], "irq")))
		return elsewhere(w, n);
	return run_words(w, n);
}

/* ---- the device ---- */

static ssize_t lab_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	char *text, *rest, *line;
	long err = 0;

	if (len > LINE_MAX_BYTES)
		return -E2BIG;
	text = memdup_user_nul(from, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	rest = text;
	mutex_lock(&lab_lock);
	while ((line = strsep(&rest, "\n")) != NULL) {
		bool other;

		line = skip_spaces(line);
		other = strstarts(line, "else ");
		if (!*line || other != (err < 0))
			continue;
		if (other)
			run_line(line + 5);
		else
			err = last_result = run_line(line);
	}
	mutex_unlock(&lab_lock);
	kfree(text);
	return err < 0 ? err : len;
}

static ssize_t lab_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	char text[24];
	int n = scnprintf(text, sizeof(text), "%ld\n", last_result);

	*pos = 0;
	if (len < (size_t)n)
		return -EINVAL;
	return copy_to_user(to, text, n) ? -EFAULT : n;
}

static int lab_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err;

	mutex_lock(&lab_lock);
	err = selected ? dma_buf_mmap(selected->dmabuf, vma, 0) : -ENXIO;
	mutex_unlock(&lab_lock);
	return err;
}

static const struct file_operations lab_fops = {
	.owner = THIS_MODULE,
	.read = lab_read,
	.write = lab_write,
	.mmap = lab_file_mmap,
	.llseek = noop_llseek,
};

static struct miscdevice lab_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dqlab",
	.fops = &lab_fops,
	.mode = 0600,
};

static int __init lab_init(void)
{
	fence_context = dma_fence_context_alloc(1);
	return misc_register(&lab_misc);
}

static void __exit lab_exit(void)
{
	misc_deregister(&lab_misc);
	do_reset(NULL, 0);
	/* fences are freed after a grace period, by way of our callbacks */
	rcu_barrier();
}

module_init(lab_init);
module_exit(lab_exit);
MODULE_DESCRIPTION("dmaseq's lab: DMA-BUF exporter and importers that do what they are told");
MODULE_AUTHOR("the dmaseq authors");
MODULE_LICENSE("GPL");
#ifdef LAB_HAS_STRING_NS
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif
