/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader.c - a trace, binary or text, to items. The bytes are a stranger's: every
 * length is checked against what is really there, and what is damaged is counted and
 * left out, not believed. Reads forward only. Touches the descriptor and the heap.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chunk.h"
#include "codec.h"
#include "fatal.h"
#include "text.h"

#define PROGRESS_ITEMS 16384

/* A DEFS or EVENTS chunk whose items are being returned. */
struct loaded {
	struct dq_dec *dec;
	struct dq_sb payload;
	bool active;
	struct dq_chunk_info info;
};

struct dq_reader {
	struct dq_input in;
	struct dq_scan scan;
	struct dq_reader_state st;
	char *path;
	struct dq_sb error;
	int err;		/* what dq_reader_next() returns for good */
	bool seen_end;
	struct dq_fatal fatal;

	/* binary */
	struct dq_chunk chunk;	/* found, and not yet loaded */
	bool have_chunk;
	struct dq_strings strs;
	struct dq_strtab *pool;	/* their bytes */
	uint64_t str_bytes;
	uint64_t facts;
	struct loaded defs, events;
	void (*chunk_fn)(const struct dq_chunk_info *info, void *ctx);
	void *chunk_ctx;
	bool (*skip_fn)(uint64_t part, void *ctx);
	void *skip_ctx;
	void (*progress_fn)(const struct dq_reader_state *st, void *ctx);
	void *progress_ctx;

	/* text */
	struct dq_text_parser *text;
};

static int fail(struct dq_reader *r, int err, const char *fmt, ...) DQ_PRINTF(3, 4);
static int fail(struct dq_reader *r, int err, const char *fmt, ...)
{
	va_list ap;

	dq_sb_reset(&r->error);
	va_start(ap, fmt);
	dq_sb_vprintf(&r->error, fmt, ap);
	va_end(ap);
	r->err = err;
	return err;
}

/* ---- opening ---- */

/* Files that people give by mistake. */
static const struct {
	uint8_t at, len;
	const char *magic, *what;
} foreign[] = {
	{ 0, 4, "\x7f" "ELF", "an ELF file" },
	{ 0, 2, "\x1f\x8b", "gzip-compressed data" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "zstd-compressed data" },
	{ 0, 6, "\xfd" "7zXZ", "xz-compressed data" },
	{ 0, 8, "PERFILE2", "a perf.data file" },
	{ 0, 10, "\x17\x08\x44tracing", "a trace.dat file of trace-cmd" },
	{ 0, 4, "\x0a\x0d\x0d\x0a", "a pcapng file" },
	{ 0, 8, "\x89PNG\r\n\x1a\n", "a PNG picture" },
	{ 0, 4, "%PDF", "a PDF file" },
	{ 0, 9, "# tracer:", "the text of an ftrace buffer" },
};

static bool looks_like_text(const uint8_t *p, size_t n)
{
	size_t i, adv;

	for (i = 0; i < n; i += adv) {
		int32_t cp = dq_utf8_next((const char *)p + i, n - i, &adv);

		/* the window may end inside a character */
		if (cp < 0 && n - i >= 4)
			return false;
		if (cp == 0 || (cp > 0 && cp < ' ' && !strchr("\t\n\r\f\x1b", cp)))
			return false;
	}
	return true;
}

static int refuse_foreign(struct dq_reader *r)
{
	const uint8_t *p = r->in.p;
	size_t n = r->in.avail;

	if (n >= 4 && !memcmp(p, DQ_MAGIC, 4))
		return fail(r, -EINVAL, "damaged by a transfer as text (the line ends were changed)");
	for (size_t i = 0; i < DQ_ARRAY_SIZE(foreign); i++) {
		if (n >= foreign[i].len && !memcmp(p, foreign[i].magic, foreign[i].len))
			return fail(r, -EINVAL, "not a dmaseq trace (%s?)", foreign[i].what);
	}
	if (looks_like_text(p, n < 512 ? n : 512))
		return fail(r, -EINVAL, "not a dmaseq trace (a text file?)");
	return fail(r, -EINVAL, "not a dmaseq trace");
}

/* The header of the binary form. */
static int open_binary(struct dq_reader *r)
{
	struct dq_reader_state *st = &r->st;
	uint32_t size, incompat;
	uint8_t h[DQ_HEADER_SIZE];

	if (r->in.avail < DQ_HEADER_SIZE)
		return fail(r, -EINVAL, "cut off inside the file header (%zu of %d bytes)",
			    r->in.avail, DQ_HEADER_SIZE);
	memcpy(h, r->in.p, sizeof(h));
	if (dq_le32(h + 60) != dq_crc32c(0, h, 60))
		return fail(r, -EINVAL, "the file header is damaged (its checksum is wrong)");
	size = dq_le32(h + 8);
	st->major = dq_le16(h + 12);
	st->minor = dq_le16(h + 14);
	incompat = dq_le32(h + 20);
	if (st->major < DQ_FORMAT_MAJOR)
		return fail(r, -EPROTONOSUPPORT, "format %u.%u was never released", st->major,
			    st->minor);
	if (st->major > DQ_FORMAT_MAJOR)
		return fail(r, -EPROTONOSUPPORT,
			    "written by a newer dmaseq (format %u.%u; this one reads %d.x)",
			    st->major, st->minor, DQ_FORMAT_MAJOR);
	if (incompat)
		return fail(r, -EPROTONOSUPPORT,
			    "written by a newer dmaseq (format %u.%u with features 0x%x; this one reads %d.%d)",
			    st->major, st->minor, incompat, DQ_FORMAT_MAJOR, DQ_FORMAT_MINOR);
	if (size < DQ_HEADER_SIZE || size > DQ_HEADER_MAX)
		return fail(r, -EINVAL, "the file header is damaged (its length is %u)", size);
	if (dq_input_want(&r->in, size) < size)
		return fail(r, -EINVAL, "cut off inside the file header (%zu of %u bytes)",
			    r->in.avail, size);
	memcpy(st->boot_id, h + 24, sizeof(st->boot_id));
	st->mono = dq_le64(h + 40);
	st->real = dq_le64(h + 48);
	dq_input_skip(&r->in, size);
	r->scan = (struct dq_scan){ .in = &r->in, .st = st };
	r->pool = dq_strtab_new();
	r->defs.dec = dq_dec_new();
	r->events.dec = dq_dec_new();
	if (!r->pool || !r->defs.dec || !r->events.dec)
		return fail(r, -ENOMEM, "out of memory");
	return 0;
}

/* The next line of the text form in the window: its length with the newline, 0 at the end. */
static size_t want_line(struct dq_reader *r)
{
	size_t seen = 0, have;
	const uint8_t *nl;

	for (;;) {
		have = dq_input_want(&r->in, seen + 1);
		nl = have > seen ? memchr(r->in.p + seen, '\n', have - seen) : NULL;
		if (nl)
			return (size_t)(nl - r->in.p) + 1;
		if (r->in.eof || have > DQ_LINE_MAX)
			return have;
		seen = have;
	}
}

static int open_text(struct dq_reader *r)
{
	size_t len = want_line(r);
	char *err_text = NULL;
	int err;

	r->st.text = true;
	r->st.major = DQ_TEXT_VERSION;
	err = dq_text_parser_new(&r->text);
	if (err)
		return fail(r, err, "out of memory");
	err = dq_text_parse_head(r->text, (const char *)r->in.p, len, &r->st, &err_text);
	if (err)
		fail(r, err, "%s", err_text ? err_text : "out of memory");
	free(err_text);
	dq_input_skip(&r->in, len);
	return err;
}

static int open_input(struct dq_reader *r)
{
	size_t n = dq_input_want(&r->in, DQ_HEADER_SIZE);

	if (r->in.err)
		return fail(r, r->in.err, "cannot read: %s", dq_errname(r->in.err));
	if (!n)
		return fail(r, -EINVAL, "empty file");
	if (!memcmp(r->in.p, DQ_MAGIC, n < DQ_MAGIC_LEN ? n : DQ_MAGIC_LEN))
		return open_binary(r);
	if (n >= strlen(DQ_TEXT_MAGIC) && !memcmp(r->in.p, DQ_TEXT_MAGIC, strlen(DQ_TEXT_MAGIC)))
		return open_text(r);
	return refuse_foreign(r);
}

/* Ends every way of opening: r is complete or goes away with its sentence. */
static int open_done(struct dq_reader **ret_r, struct dq_reader *r, int err, char **ret_err)
{
	if (!err) {
		*ret_r = r;
		return 0;
	}
	if (ret_err)
		*ret_err = r ? strdup(dq_sb_str(&r->error)) : strdup("out of memory");
	dq_reader_free(&r);
	return err;
}

static struct dq_reader *reader_alloc(const char *path)
{
	struct dq_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->in.fd = -1;
	r->in.eof = true;
	r->path = strdup(path);
	if (!r->path) {
		free(r);
		return NULL;
	}
	return r;
}

int dq_reader_open_fd(struct dq_reader **ret_r, int fd, const char *path, char **ret_err)
{
	struct dq_reader *r = reader_alloc(path);
	struct stat sb;

	if (!r) {
		close(fd);
		return open_done(ret_r, NULL, -ENOMEM, ret_err);
	}
	dq_input_fd(&r->in, fd);
	if (!fstat(fd, &sb) && S_ISDIR(sb.st_mode))
		return open_done(ret_r, r, fail(r, -EISDIR, "is a directory"), ret_err);
	return open_done(ret_r, r, open_input(r), ret_err);
}

int dq_reader_open(struct dq_reader **ret_r, const char *path, char **ret_err)
{
	bool is_stdin = !strcmp(path, "-");
	struct dq_reader *r;
	int fd, err;

	if (is_stdin)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		return dq_reader_open_fd(ret_r, fd, is_stdin ? "standard input" : path, ret_err);
	err = -errno;
	r = reader_alloc(path);
	if (!r)
		return open_done(ret_r, NULL, -ENOMEM, ret_err);
	if (err == -ENOENT)
		fail(r, err, "no such file");
	else if (err == -EACCES)
		fail(r, err, "permission denied");
	else
		fail(r, err, "cannot open: %s", dq_errname(err));
	return open_done(ret_r, r, err, ret_err);
}

int dq_reader_open_mem(struct dq_reader **ret_r, const void *data, size_t len, char **ret_err)
{
	struct dq_reader *r = reader_alloc("memory");

	if (!r)
		return open_done(ret_r, NULL, -ENOMEM, ret_err);
	dq_input_mem(&r->in, data, len);
	return open_done(ret_r, r, open_input(r), ret_err);
}

void dq_reader_free(struct dq_reader **pr)
{
	struct dq_reader *r = *pr;

	if (!r)
		return;
	*pr = NULL;
	dq_input_close(&r->in);
	dq_strtab_free(r->pool);
	free(r->strs.v);
	dq_dec_free(r->defs.dec);
	dq_dec_free(r->events.dec);
	dq_sb_free(&r->defs.payload);
	dq_sb_free(&r->events.payload);
	dq_sb_free(&r->error);
	dq_text_parser_free(&r->text);
	free(r->path);
	free(r);
}

/* ---- chunks ---- */

static void chunk_info(const struct dq_chunk *c, struct dq_chunk_info *info)
{
	*info = (struct dq_chunk_info){
		.offset = c->offset,
		.seq = c->seq,
		.type = c->type,
		.flags = c->flags,
		.len = c->len,
		.raw_len = c->raw_len,
		.name = dq_chunk_name(c->type),
		.problem = c->problem,
	};
}

static void report(struct dq_reader *r, const struct dq_chunk_info *info)
{
	if (r->chunk_fn)
		r->chunk_fn(info, r->chunk_ctx);
}

/* A string of a STRINGS chunk, at its id. An id can be far ahead when chunks were lost, but
 * never farther than a file of this size could have got: every string takes a byte. */
static int add_string(struct dq_reader *r, uint64_t id, const char *s, size_t len)
{
	uint32_t pooled;
	const char **v;

	if (id == 0 || id >= r->in.offset + r->in.avail + 65536 || memchr(s, '\0', len))
		return -EINVAL;
	r->str_bytes += len;
	if (r->str_bytes > DQ_STRTOTAL_MAX)
		return -EINVAL;
	if (id >= r->strs.n) {
		if (id >= r->strs.cap) {
			v = dq_grow(r->strs.v, &r->strs.cap, id + 1, sizeof(*v));
			if (!v)
				return -ENOMEM;
			r->strs.v = v;
		}
		memset(r->strs.v + r->strs.n, 0, (id + 1 - r->strs.n) * sizeof(*v));
		r->strs.n = id + 1;
		}
	pooled = dq_strtab_intern(r->pool, s, len, NULL);
	if (pooled == UINT32_MAX)
		return -ENOMEM;
	r->strs.v[id] = dq_strtab_get(r->pool, pooled);
	return 0;
}

static int load_strings(struct dq_reader *r, struct dq_chunk_info *info)
{
	/* no event chunk is being decoded while strings are loaded */
	struct dq_sb *payload = &r->events.payload;
	const uint8_t *p, *end;
	uint64_t id, n, len;
	int err = dq_chunk_payload(&r->chunk, payload);

	if (err)
		return err;
	p = (const uint8_t *)dq_sb_str(payload);
	end = p + payload->len;
	if (dq_varint_get(&p, end, &id) || dq_varint_get(&p, end, &n))
		return -EINVAL;
	for (; n; n--, id++, p += len, info->items++) {
		if (dq_varint_get(&p, end, &len) || len > (uint64_t)(end - p) || len > DQ_STR_MAX)
			return -EINVAL;
		err = add_string(r, id, (const char *)p, len);
		if (err)
			return err;
	}
	return 0;
}

static int load_items(struct dq_reader *r, struct loaded *l, struct dq_chunk_info *info)
{
	int err = dq_chunk_payload(&r->chunk, &l->payload);

	if (!err)
		err = dq_dec_open(l->dec, (const uint8_t *)dq_sb_str(&l->payload), l->payload.len,
				  r->chunk.flags & DQ_CHUNK_OBJECTS);
	if (err)
		return err;
	l->info = *info;
	l->active = true;
	return 0;
}

/* The chunk's content is not what its type says, although its checksum is right. */
static int bad_content(struct dq_reader *r, struct dq_chunk_info *info, int err)
{
	if (err == -ENOMEM)
		return fail(r, err, "out of memory");
	r->st.bad_chunks++;
	info->problem = "content is wrong";
	return 0;
}

static int unknown_chunk(struct dq_reader *r, struct dq_chunk_info *info)
{
	if (r->chunk.flags & DQ_CHUNK_CRITICAL)
		return fail(r, -EPROTONOSUPPORT,
			    "written by a newer dmaseq (format %u.%u with chunks of type %u; this one reads %d.%d)",
			    r->st.major, r->st.minor, r->chunk.type, DQ_FORMAT_MAJOR,
			    DQ_FORMAT_MINOR);
	r->st.skipped_chunks++;
	report(r, info);
	return 0;
}

static bool is_skipped(struct dq_reader *r)
{
	if (r->chunk.type != DQ_CHUNK_EVENTS)
		return false;
	r->st.part++;
	return r->skip_fn && r->skip_fn(r->st.part, r->skip_ctx);
}

/* Takes r->chunk in. The caller made sure that nothing is active that it would replace. */
static int load_chunk(struct dq_reader *r)
{
	const struct dq_chunk *c = &r->chunk;
	struct dq_chunk_info info;
	int err = -EINVAL;

	chunk_info(c, &info);
	r->have_chunk = false;
	if (c->problem) {
		report(r, &info);
		return 0;
	}
	r->st.chunks++;
	if (!info.name || (c->flags & ~DQ_CHUNK_KNOWN))
		return unknown_chunk(r, &info);
	if (is_skipped(r))
		return 0;
	if (c->type == DQ_CHUNK_STRINGS)
		err = load_strings(r, &info);
	else
		err = load_items(r, c->type == DQ_CHUNK_DEFS ? &r->defs : &r->events, &info);
	if (err) {
		err = bad_content(r, &info, err);
		if (err)
			return err;
	}
	if (c->type == DQ_CHUNK_STRINGS || info.problem)
		report(r, &info);
	return 0;
}

/* An item, or 0 when the chunk is used up (or turned out to be damaged), -ENOMEM. */
static inline int next_of(struct dq_reader *r, struct loaded *l, struct dq_item *item)
{
	int rc = dq_dec_next(l->dec, &r->strs, item);

	if (rc == DQ_DEC_ITEM) {
		l->info.items++;
		/* what is kept for each of them is more than a byte: not for what a few stand for */
		if (l == &r->defs && ++r->facts > r->in.offset + r->in.avail + DQ_FACTS_FREE)
			rc = -EINVAL;
	}
	if (rc == DQ_DEC_END)
		l->active = false;
	if (rc < 0) {
		l->active = false;
		return bad_content(r, &l->info, rc);
	}
	return rc;
}

/* Do the events found next belong to the definitions at hand? */
static bool belongs(const struct dq_reader *r)
{
	const struct dq_chunk *c = &r->chunk;

	return !c->problem && c->type == DQ_CHUNK_EVENTS && (c->flags & DQ_CHUNK_MARKS) &&
	       r->defs.info.seq + 1 == c->seq;
}

/* From the chunks in memory: an item, 0 when they are used up, or an error. A fact of the DEFS
 * chunk comes where the EVENTS chunk has its mark, the rest at the end. */
static int next_loaded(struct dq_reader *r, struct dq_item *item)
{
	int rc;

	while (r->events.active) {
		rc = next_of(r, &r->events, item);
		if (rc == DQ_DEC_FACT && r->defs.active)
			rc = next_of(r, &r->defs, item);
		if (rc == DQ_DEC_ITEM || rc < 0)
			return rc;
	}
	while (r->defs.active) {
		rc = next_of(r, &r->defs, item);
		if (rc == DQ_DEC_ITEM || rc < 0)
			return rc;
	}
	if (r->defs.info.name)
		report(r, &r->defs.info);
	if (r->events.info.name)
		report(r, &r->events.info);
	r->defs.info.name = r->events.info.name = NULL;
	return 0;
}

static __attribute__((noinline)) int next_binary(struct dq_reader *r, struct dq_item *item)
{
	int rc;

	for (;;) {
		/* definitions wait until it is known whether the next chunk has their marks */
		if (r->events.active || !r->defs.active || r->have_chunk || r->st.at_end) {
			rc = next_loaded(r, item);
			if (rc)
				return rc;
			if (r->st.at_end)
				return 0;
		}
		if (!r->have_chunk) {
			r->have_chunk = dq_scan_next(&r->scan, &r->chunk) > 0;
			r->st.at_end = !r->have_chunk;
			if (r->in.err)
				return fail(r, r->in.err, "cannot read: %s",
					    dq_errname(r->in.err));
		}
		if (r->have_chunk && (!r->defs.active || belongs(r))) {
			rc = load_chunk(r);
			if (rc)
				return rc;
		}
	}
}

/* ---- text ---- */

static __attribute__((noinline)) int next_text(struct dq_reader *r, struct dq_item *item)
{
	char *err_text = NULL;
	size_t len;
	int rc;

	for (;;) {
		len = want_line(r);
		if (r->in.err)
			return fail(r, r->in.err, "cannot read: %s", dq_errname(r->in.err));
		if (!len) {
			r->st.at_end = true;
			return 0;
		}
		rc = dq_text_parse_line(r->text, (const char *)r->in.p, len, item, &err_text);
		dq_input_skip(&r->in, len);
		if (rc < 0)
			fail(r, rc, "%s", err_text ? err_text : "out of memory");
		free(err_text);
		if (rc)
			return rc;
	}
}

/* ---- both ---- */

static inline void see_time(struct dq_reader_state *st, uint64_t t)
{
	if (t > st->last_t)
		st->last_t = t;
}

/* It was counted as a loss, and is none. */
static void found_fatal(struct dq_reader_state *st)
{
	st->fatal_calls++;
	if (st->missed_returns && st->lost_events) {
		st->missed_returns--;
		st->lost_events--;
	}
}

/* Not inline, that the many calls need not save registers. */
static __attribute__((noinline)) void account_other(struct dq_reader *r, const struct dq_item *item)
{
	struct dq_reader_state *st = &r->st;
	const struct dq_kind_desc *k = &dq_kinds[item->kind];

	if (item->kind == DQ_LOSS) {
		st->losses++;
		st->lost_events += item->loss.count;
		if (!strcmp(item->loss.source, "disk"))
			st->disk_events += item->loss.count;
		if (dq_loss_is_return(&item->loss))
			st->missed_returns += item->loss.count;
	}
	if (item->kind == DQ_TASKEV)
		dq_fatal_exit(&r->fatal, &item->taskev);
	for (int i = 0; i < k->n; i++) {
		if (k->f[i].coding == DQ_C_START || k->f[i].coding == DQ_C_END)
			see_time(st, dq_field_get(item, &k->f[i]));
	}
}

/* What the state says about the items that have passed. */
static inline void account(struct dq_reader *r, struct dq_item *item)
{
	struct dq_reader_state *st = &r->st;

	st->items++;
	r->seen_end = item->kind == DQ_END;
	if (item->kind == DQ_CALL) {
		st->calls++;
		item->call.fatal = dq_fatal_call(&r->fatal, &item->call);
		if (item->call.fatal)
			found_fatal(st);
		see_time(st, item->call.t0);
		/* larger only when it does not overflow */
		if (item->call.dur <= UINT64_MAX - item->call.t0)
			see_time(st, item->call.t0 + item->call.dur);
		return;
	}
	if (item->kind == DQ_SYS) {
		item->sys.fatal = dq_fatal_sys(&r->fatal, &item->sys);
		see_time(st, item->sys.t0);
		see_time(st, item->sys.t1);
		return;
	}
	account_other(r, item);
}

/* The first turn of the loop of next_loaded(), which is what most items need. */
static inline int next_event(struct dq_reader *r, struct dq_item *item)
{
	int rc = next_of(r, &r->events, item);

	if (rc == DQ_DEC_FACT && r->defs.active)
		rc = next_of(r, &r->defs, item);
	return rc == DQ_DEC_ITEM || rc < 0 ? rc : next_binary(r, item);
}

int dq_reader_next(struct dq_reader *r, struct dq_item *item)
{
	int rc;

	if (r->err)
		return r->err;
	if (r->events.active)
		rc = next_event(r, item);
	else
		rc = r->st.text ? next_text(r, item) : next_binary(r, item);
	r->st.bytes = r->in.offset;
	if (rc > 0)
		account(r, item);
	if (rc == 0) {
		r->st.bytes += r->in.avail;
		r->st.no_end = !r->seen_end;
	}
	if (r->progress_fn && (rc <= 0 || r->st.items % PROGRESS_ITEMS == 0))
		r->progress_fn(&r->st, r->progress_ctx);
	return rc;
}

const struct dq_reader_state *dq_reader_state(const struct dq_reader *r)
{
	return &r->st;
}

const char *dq_reader_error(const struct dq_reader *r)
{
	return dq_sb_str(&r->error);
}

const char *dq_reader_path(const struct dq_reader *r)
{
	return r->path;
}

void dq_reader_on_progress(struct dq_reader *r, void (*fn)(const struct dq_reader_state *, void *),
			   void *ctx)
{
	r->progress_fn = fn;
	r->progress_ctx = ctx;
}

void dq_reader_skip(struct dq_reader *r, bool (*fn)(uint64_t, void *), void *ctx)
{
	r->skip_fn = fn;
	r->skip_ctx = ctx;
}

void dq_reader_on_wait(struct dq_reader *r, void (*fn)(void *), void *ctx)
{
	r->in.wait_fn = fn;
	r->in.wait_ctx = ctx;
}

void dq_reader_on_chunk(struct dq_reader *r, void (*fn)(const struct dq_chunk_info *, void *),
			void *ctx)
{
	r->chunk_fn = fn;
	r->chunk_ctx = ctx;
}
