/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * util.h - small things that know nothing of dma-buf: messages, growing strings
 * and arrays, a hash map, escaping, numbers for people.
 *
 * Allocation failure: functions that return int give -ENOMEM; a dq_sb remembers it
 * in .err and ignores further output, so that one check at the end is enough.
 */
#ifndef DQ_UTIL_H
#define DQ_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DQ_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DQ_PRINTF(f, a)	 __attribute__((format(printf, f, a)))
#define DQ_CLEANUP(fn)	 __attribute__((cleanup(fn)))

/* ---- messages: to stderr, "dmaseq: <text>"; hostile bytes in the result are made visible ---- */
enum dq_level { DQ_LOG_ERR = 0, DQ_LOG_WARN = 1, DQ_LOG_INFO = 2, DQ_LOG_DEBUG = 3 };
void dq_log_level(enum dq_level max);	/* default DQ_LOG_WARN; -q: ERR, -v: INFO, -vv: DEBUG */
enum dq_level dq_log_get_level(void);
void dq_log_sink(void (*fn)(enum dq_level, const char *text, void *ctx), void *ctx); /* NULL: stderr */
void dq_log(enum dq_level level, const char *fmt, ...) DQ_PRINTF(2, 3);
unsigned long dq_log_errors(void);	/* how many errors were said so far, also those not shown */
void dq_log_count_error(void);		/* one was said, by other means */
#define dq_err(...)   dq_log(DQ_LOG_ERR, __VA_ARGS__)
#define dq_warn(...)  dq_log(DQ_LOG_WARN, __VA_ARGS__)
#define dq_info(...)  dq_log(DQ_LOG_INFO, __VA_ARGS__)
#define dq_debug(...) dq_log(DQ_LOG_DEBUG, __VA_ARGS__)

/* "ENOMEM" for 12 or -12; "errno 9999" (static buffer of the thread) for unknown ones. The numbers
 * are those of the generic Linux ABI, whatever this program runs on. */
const char *dq_errname(int64_t err);
const char *dq_errname_known(int64_t err);	/* the same, but NULL for unknown ones */
int dq_errno_by_name(const char *name, size_t len); /* 12 for "ENOMEM"; -ENOENT */

/* ---- a growing string ---- */
struct dq_sb {
	char *s;		/* NUL-terminated once something was put; NULL before */
	size_t len, cap;
	int err;		/* 0 or -ENOMEM */
};
void dq_sb_put(struct dq_sb *sb, const void *data, size_t len);
void dq_sb_puts(struct dq_sb *sb, const char *s);
void dq_sb_putc(struct dq_sb *sb, char c);
void dq_sb_uint(struct dq_sb *sb, uint64_t v, int digits); /* decimal, with so many digits at least */
void dq_sb_printf(struct dq_sb *sb, const char *fmt, ...) DQ_PRINTF(2, 3);
void dq_sb_vprintf(struct dq_sb *sb, const char *fmt, va_list ap);
void dq_sb_reset(struct dq_sb *sb);	/* empty, keeps the memory */
void dq_sb_free(struct dq_sb *sb);
const char *dq_sb_str(const struct dq_sb *sb);	/* never NULL */
/* Has any of them had no memory so far, so that what was shown may lack something? */
bool dq_sb_lost(bool forget);

/* ---- a growing array: DQ_PUSH(v, n, cap) gives a zeroed new last element or NULL ---- */
void *dq_grow(void *v, size_t *cap, size_t need, size_t elem);	/* the new block, or NULL (old stays) */
/* pv: address of the pointer to the array */
void *dq_push(void *pv, size_t *n, size_t *cap, size_t elem);

/* The same, not cleared: for what is filled at once. */
#define DQ_ROOM(v, n, cap)                                                                         \
	({                                                                                         \
		__typeof__(v) p_ = (n) < (cap) ? (v) : dq_grow((v), &(cap), (n) + 1, sizeof(*(v))); \
		if (p_) {                                                                          \
			(v) = p_;                                                                  \
			p_ = &(v)[(n)++];                                                          \
		}                                                                                  \
		p_;                                                                                \
	})

#ifdef __OPTIMIZE_SIZE__
#define DQ_PUSH(v, n, cap) ((__typeof__(v))dq_push(&(v), &(n), &(cap), sizeof(*(v))))
#else
#define DQ_PUSH(v, n, cap)                                                                         \
	({                                                                                         \
		__typeof__(v) new_ = DQ_ROOM(v, n, cap);                                           \
		if (new_)                                                                          \
			__builtin_memset(new_, 0, sizeof(*new_));                                  \
		new_;                                                                              \
	})
#endif

/* ---- a hash map from uint64_t to uint64_t (store an index or a pointer) ---- */
struct dq_map;
struct dq_map *dq_map_new(void);	/* NULL: no memory */
void dq_map_free(struct dq_map *m);
int dq_map_put(struct dq_map *m, uint64_t key, uint64_t val);	/* replaces */
bool dq_map_get(const struct dq_map *m, uint64_t key, uint64_t *val);
bool dq_map_del(struct dq_map *m, uint64_t key);
size_t dq_map_len(const struct dq_map *m);
uint64_t dq_hash_seed(void);	/* random per process: no output may depend on it */
uint64_t dq_hash_mix(uint64_t x);

/* ---- interned byte strings: id 0 is "" ---- */
struct dq_strtab;
struct dq_strtab *dq_strtab_new(void);
void dq_strtab_free(struct dq_strtab *t);
/* id of the string (new ones get the next number, *is_new tells); UINT32_MAX: no memory */
uint32_t dq_strtab_intern(struct dq_strtab *t, const char *s, size_t len, bool *is_new);
const char *dq_strtab_get(const struct dq_strtab *t, uint32_t id);	/* NULL: no such id; stable pointer */

/* Does the whole string match? As fnmatch(3) has patterns, without flags and locales: ? is a byte. */
bool dq_glob(const char *pattern, const char *s);

/* ---- text that somebody else chose ---- */
/* Strict UTF-8: code point and its length, or -1 and length 1 for a bad byte. */
int32_t dq_utf8_next(const char *s, size_t len, size_t *adv);
bool dq_utf8_printable(uint32_t cp);	/* false: controls, invisible, bidi, private, noncharacters */
/* A terminal-safe rendering: printable code points as they are, everything else as \n \t \xNN
 * \u{NNNN} (controls, bad bytes, bidi marks and other invisible format characters), backslash
 * doubled. At most max_cols code points of output (0: all), an ellipsis marks the cut. */
void dq_sb_visible(struct dq_sb *sb, const char *s, size_t len, size_t max_cols);
/* The same of a text that went through it, or has parts that did: a backslash stays one. */
void dq_sb_visible_again(struct dq_sb *sb, const char *s, size_t len, size_t max_cols);
/* A double-quoted C-like string for the text form: only \\ \" \n \t \r \xNN, all else as it is if
 * it is valid UTF-8 and printable. dq_unquote() is its exact inverse. */
void dq_sb_quote(struct dq_sb *sb, const char *s, size_t len);
/* Parses a quoted string at *p (which points at the opening quote); appends the bytes to out and
 * moves *p behind the closing quote. 0 or -EINVAL. */
int dq_unquote(const char **p, const char *end, struct dq_sb *out);
/* A string of JSON, with its quotes: bytes that are no UTF-8 become U+FFFD; controls and what a terminal
 * would not show are escaped. */
void dq_sb_json(struct dq_sb *sb, const char *s);
/* A word of a command that a message proposes: as a shell reads it back, in quotes where it must. */
void dq_sb_shell(struct dq_sb *sb, const char *s);
/* Columns that a string takes on a terminal (wide and combining characters; wcwidth-like). */
size_t dq_columns(const char *s, size_t len);

/* ---- numbers ---- */
/* Decimal, with at least so many digits (1 to 20) and a NUL; returns where that is. At least 21 bytes */
char *dq_put_uint(char *p, uint64_t v, int digits);
/* "8.3 MB", "4 kB", "512 B" (powers of 1000), into a buffer of at least 16 bytes; returns buf */
char *dq_fmt_size(char *buf, uint64_t bytes);
/* "12 µs", "1.2 ms", "2.42 s", "340 ns"; at least 24 bytes */
char *dq_fmt_dur(char *buf, uint64_t ns);
/* 0, -EINVAL (not such a number, or something follows it) or -ERANGE */
int dq_parse_size(const char *s, uint64_t *ret);	/* 4096, 64K, 8M, 1G, 1GiB: powers of 1024 */
int dq_parse_time(const char *s, uint64_t *ret_ns);	/* 10 (s), 1.5s, 300ms, 20us, 5ns, 2m, 1h */
int dq_parse_uint(const char *s, uint64_t *ret);	/* decimal or 0x */

uint32_t dq_crc32c(uint32_t crc, const void *data, size_t len);	/* start with 0 */

#endif /* DQ_UTIL_H */
