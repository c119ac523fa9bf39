/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holders.h - who keeps a buffer alive, followed item by item.
 *
 * Descriptors of each table, mappings, attachments, kernel mappings (vmap) and descriptors
 * on their way from one process to another. It may run beside a recording (record compares
 * it with what it finds by looking) or over a file (list, the model): memory is bounded by
 * what is alive, not by the number of items, and no string of an item is kept.
 *
 * Nothing is guessed. A close whose number is not known leaves "2 of fd 5, 7, 9" until the
 * syscall's arguments decide; a lost event makes "cannot tell" of every buffer that lived
 * then (dq_hold_doubt). May use src/trace and src/util.
 */
#ifndef DQ_MODEL_HOLDERS_H
#define DQ_MODEL_HOLDERS_H

#include "trace/trace.h"
#include "util/util.h"

/* Why it cannot be told who holds a buffer. */
enum dq_hold_doubt {
	DQ_DOUBT_LOST = 0x1,	/* events were lost while it lived: .lost */
	DQ_DOUBT_PAST = 0x2,	/* it lived before the recording, and nobody looked who held it */
	DQ_DOUBT_OLD = 0x4,	/* the trace does not say which table or mapping (older recorder) */
	DQ_DOUBT_ODD = 0x8,	/* a descriptor was closed that nobody was seen to open */
	DQ_DOUBT_MANY = 0x10,	/* more holders than anybody has: a hostile file */
	DQ_DOUBT_FATAL = 0x20,	/* a task died in a call of it: what that has done is not known */
};

/* The descriptors of one buffer in one table. n of the nfd numbers are open; with n == nfd
 * all of them, with n > nfd also some whose numbers are not known. */
struct dq_hold_fd {
	int32_t fd;
	uint8_t cloexec;	/* 0: not known, 1: survives exec, 2: does not */
	bool found;		/* by the final look */
};
struct dq_hold_fds {
	uint32_t table;
	uint32_t task;		/* of a process that has the table */
	uint64_t n;
	struct dq_hold_fd *fd;	/* ascending */
	size_t nfd, cap;
	uint64_t found;		/* by the final look */
	uint64_t changed;	/* when it was last */
};

struct dq_hold_map {
	uint32_t vma;		/* 0: was found by looking and has no number, so its end is not seen */
	uint32_t task;
	uint64_t t;		/* since when; of one from before, when it was found */
	bool found;
};

struct dq_hold_att {
	uint32_t att;		/* id in the trace */
	uint64_t t;
	uint64_t mapped;	/* outstanding maps */
	bool before;		/* attached before the recording */
	bool made;		/* false: the attaching call is still under way */
	const char *dev, *driver;
};

struct dq_hold_vmap {
	uint64_t n;		/* outstanding */
	uint64_t t;		/* since the first of them */
	uint32_t task;
	const char *caller;	/* "function [module]" */
};

enum dq_way { DQ_WAY_SCM = 1, DQ_WAY_BINDER = 2, DQ_WAY_FORK = 3 };
/* A descriptor that was sent and has not been received. */
struct dq_hold_flight {
	enum dq_way way;
	uint32_t task;		/* who sent it */
	uint32_t sys;		/* in which syscall */
	int32_t fd;		/* its number there; -1: not known */
	uint64_t key;
	uint64_t t;
	bool guess;		/* another one like it was received, and it may have been this one */
};

/* Who holds one buffer. Arrays are in the order in which things came. */
struct dq_hold_buf {
	uint32_t buf;
	bool before;		/* lived before the recording */
	unsigned int doubt;	/* DQ_DOUBT_*; 0: everything is known */
	uint64_t lost;		/* DQ_DOUBT_LOST: how many events, of whatever buffer */
	uint64_t born;
	struct dq_hold_fds *fds;
	size_t nfds, cap_fds;
	struct dq_hold_map *maps;
	size_t nmaps, cap_maps;
	struct dq_hold_att *atts;
	size_t natts, cap_atts;
	struct dq_hold_vmap *vmaps;
	size_t nvmaps, cap_vmaps;
	struct dq_hold_flight *flights;
	size_t nflights, cap_flights;
	/* what the final look found (after the FINAL holds were fed) */
	bool settled;		/* descriptors and mappings are those that it found: dq_holders_settle */
	bool found;		/* anything of it */
	bool has_refs;
	uint64_t refs;		/* references of its file */
	uint64_t changed;	/* when a descriptor or mapping of it last came or went */
};

/* A descriptor came from another process: told when it arrives. */
struct dq_transfer {
	enum dq_way way;
	uint32_t buf;
	uint32_t from, to;	/* tasks */
	int32_t from_fd, to_fd;	/* -1: not known. FORK: the first one, the same for both */
	uint64_t n;		/* FORK: how many descriptors the child inherited; else 1 */
	uint64_t t_sent, t;
	uint32_t seq;		/* of the receiver's fd_install; 0: FORK */
	bool exact;		/* false: other sendings could be meant, this is the oldest */
};

struct dq_holders;
int dq_holders_new(struct dq_holders **ret_h);
void dq_holders_free(struct dq_holders **h);
/* Called from dq_holders_put. */
void dq_holders_on_transfer(struct dq_holders *h,
			    void (*fn)(const struct dq_transfer *t, void *ctx), void *ctx);
/* Of holders nothing is to be known but descriptors that arrive with a key (binder): all else is not
 * followed. To be said before the first item. */
void dq_holders_only_keys(struct dq_holders *h);
/* Then only these need be put. */
static inline bool dq_holders_is_key(const struct dq_item *item)
{
	uint32_t hook = item->call.hook;

	if (item->kind != DQ_CALL)
		return item->kind == DQ_BUF;
	return hook == HOOK_RELEASE || hook == HOOK_SCM_SEND || hook == HOOK_BINDER_SEND ||
	       hook == HOOK_FD_INSTALL;
}
/* Any item, in the order of the trace; what says nothing about holders is ignored. 0 or -ENOMEM.
 * SNAP and HOLD of a FINAL snapshot change no holder: they are remembered for the comparison. */
int dq_holders_put(struct dq_holders *h, const struct dq_item *item);
int dq_holders_repeat(struct dq_holders *h, const struct dq_repeat *r);
/* A part of the trace could not be read: every buffer that lives is in doubt. */
void dq_holders_damaged(struct dq_holders *h, uint64_t events);
/* How often a call has told so far that its task has another descriptor table than was known. */
uint64_t dq_holders_moves(const struct dq_holders *h);

/* NULL: it is not alive, or was never seen. Valid until the next put. */
const struct dq_hold_buf *dq_holders_get(const struct dq_holders *h, uint32_t buf);
size_t dq_holders_alive(const struct dq_holders *h);
/* The processes that have a descriptor table, by a task of each: several after CLONE_FILES. Fills up
 * to max and returns how many there are; 0: nobody is known, see dq_hold_fds.task. */
size_t dq_holders_users(const struct dq_holders *h, uint32_t table, uint32_t *tasks, size_t max);
/* References of the file that descriptors, mappings and descriptors on their way are (each is one). */
uint64_t dq_hold_refs(const struct dq_hold_buf *b);

/*
 * What the final look found and the calls do not explain, and the reverse. To be called after the
 * FINAL holds were put; the second SNAP item need not have been (its .differ is the sum of this).
 * Absence proves nothing when a source failed or was not there, nor for what lies outside of the
 * recording's filter. fn (NULL: only count) gets a sentence each, safe to print; `excused`: the
 * buffer's holders were in doubt anyway. Returns the number of those that are not excused;
 * *ret_excused, if not NULL, that of the others. 0 and 0 without a FINAL snapshot.
 */
uint64_t dq_holders_compare(struct dq_holders *h,
			    void (*fn)(const char *sentence, bool excused, void *ctx), void *ctx,
			    uint64_t *ret_excused);

/* What a comparison without differences says, what cannot be told first: `excused` as above, of
 * `doubtful` buffers the calls alone do not say who holds them. */
void dq_holders_verdict(struct dq_sb *sb, const struct dq_snap *final, uint64_t excused,
			uint64_t doubtful);

/* Of buffers in doubt, takes what the final look found for the truth, if it found all there was. */
int dq_holders_settle(struct dq_holders *h);

#endif /* DQ_MODEL_HOLDERS_H */
