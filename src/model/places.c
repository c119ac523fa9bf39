/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * places.c - in which chunks of the file the calls of a buffer are, so that a second reading, which
 * is about a few buffers, can step over the others: see dq_model_note_places().
 * May use src/trace and src/util.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"
#include "trace/fields.h"

#define SPAN	64		/* chunks of a group; one of more is a hostile file's */
#define APART	64		/* buffers whose places are told apart; of more, all between them */

#define ALWAYS	1u
#define EARLIER 2u	/* the tables of tasks, which descriptors of a buffer may come into later */

int dq_model_note_places(struct dq_model *m)
{
	m->places = calloc(1, sizeof(*m->places));
	return m->places ? 0 : -ENOMEM;
}

static int need(struct dq_places *p, uint64_t first, uint64_t last, unsigned int why)
{
	for (uint64_t i = first; i <= last; i++) {
		while (p->nbits <= i / 32) {
			uint64_t *word = DQ_PUSH(p->bits, p->nbits, p->cap_bits);

			if (!word)
				return -ENOMEM;
			*word = 0;
		}
		p->bits[i / 32] |= (uint64_t)why << i % 32 * 2;
	}
	return 0;
}

static unsigned int needed(const struct dq_places *p, uint64_t chunk)
{
	return chunk / 32 < p->nbits ? (unsigned int)(p->bits[chunk / 32] >> chunk % 32 * 2) & 3 : 0;
}

/* Something of a buffer is in these chunks. */
static int note(struct dq_model *m, uint32_t buf, uint64_t first)
{
	struct dq_mbuf *b = dq_mbuf(m, buf);

	/* it was not told, or is forgotten: whoever asks for it shall get it */
	if (!b) {
		m->places->lost |= m->chunk - first > SPAN;
		return m->places->lost ? 0 : need(m->places, first, m->chunk, ALWAYS);
	}
	if (!b->chunk_first || first < b->chunk_first)
		b->chunk_first = first;
	b->chunk_last = m->chunk;
	return 0;
}

/* Have tasks got other tables since it was last looked? Where they are shared holders, the item that
 * told it may be one of before. */
static int note_moves(struct dq_model *m, struct dq_places *p)
{
	uint64_t moves = dq_holders_moves(m->holders), since = p->looked;
	bool any = moves != p->moves;

	p->moves = moves;
	p->looked = m->chunk;
	return any ? need(p, since ? since : 1, m->chunk, EARLIER) : 0;
}

int dq_places_item(struct dq_model *m, const struct dq_item *item)
{
	int ret;

	if (!m->chunk)
		return 0;
	ret = note_moves(m, m->places);
	if (ret || item->kind == DQ_CALL || item->kind == DQ_SYS || dq_kinds[item->kind].fact)
		return ret;
	if (item->kind == DQ_NAME)
		return note(m, item->name.buf, m->chunk);
	return need(m->places, m->chunk, m->chunk, item->kind == DQ_TASKEV ? EARLIER : ALWAYS);
}

int dq_places_group(struct dq_model *m, const struct dq_pending *p, const struct dq_mcall *v, size_t n)
{
	/* that its syscall has ended, and where, makes a difference to a group */
	uint64_t first = p->sys && p->sys == p->done ? p->done_chunk : p->chunk;
	int ret = 0;

	for (size_t i = 0; i < n && !ret && m->chunk; i++)
		if (v[i].c.buf && (!i || v[i].c.buf != v[i - 1].c.buf))
			ret = note(m, v[i].c.buf, first);
	return ret;
}

/* The chunks of these buffers. False: not known, as of one that was forgotten; or no memory. */
static bool need_bufs(struct dq_places *p, const struct dq_model *m, const uint32_t *bufs, size_t n)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct dq_mbuf *b = dq_model_buf(m, bufs[i]);

		if (!b)
			return false;
		if (!b->chunk_first)
			continue;
		first = b->chunk_first < first ? b->chunk_first : first;
		p->until = b->chunk_last > p->until ? b->chunk_last : p->until;
		if (n <= APART && need(p, b->chunk_first, b->chunk_last, ALWAYS))
			return false;
	}
	return n <= APART || !need(p, first, p->until, ALWAYS);
}

struct dq_places *dq_model_take_places(struct dq_model *m, const uint32_t *bufs, size_t n)
{
	struct dq_places *p = m->places;

	m->places = NULL;
	if (!p || p->lost || note_moves(m, p) || !need_bufs(p, m, bufs, n)) {
		dq_places_free(&p);
		return NULL;
	}
	p->last = m->chunk;
	p->t_first = m->t_first;
	p->t_last = m->t_last;
	return p;
}

void dq_places_free(struct dq_places **pp)
{
	if (*pp)
		free((*pp)->bits);
	free(*pp);
	*pp = NULL;
}

static bool is_elsewhere(uint64_t chunk, void *ctx)
{
	const struct dq_places *p = ctx;

	/* behind the last nobody has seen what there is */
	return chunk <= p->last && !(needed(p, chunk) & (chunk <= p->until ? ALWAYS | EARLIER : ALWAYS));
}

void dq_model_only_kept(struct dq_model *m, struct dq_places *p, struct dq_reader *r)
{
	m->only_kept = true;
	if (!p)
		return;
	m->t_first = p->t_first;
	m->t_last = p->t_last;
	dq_reader_skip(r, is_elsewhere, p);
}
