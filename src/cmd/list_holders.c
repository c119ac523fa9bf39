/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list_holders.c - dmaseq list --holders: who keeps the buffers alive.
 *
 * For whoever looks for a leak: a paragraph for each buffer that is alive, a line for
 * each holder, and what cannot be told.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_common.h"
#include "cmd/cmd_list.h"

struct view {
	const struct dq_model *m;
	struct dq_holders *h;
	uint64_t now;		/* that is shown */
	bool at_end;
	struct dq_sb *sb;
	struct diff *diffs;	/* of the final look */
	size_t ndiffs, cap_diffs;
	int err;
};

struct diff {
	char *text;
	bool excused;
};

static uint64_t rel(const struct dq_model *m, uint64_t t)
{
	return t > m->t_first ? t - m->t_first : 0;
}

static void put_name(struct dq_sb *sb, const char *s)
{
	dq_sb_visible(sb, s, strlen(s), 40);
}

static void put_process(const struct view *v, uint32_t task)
{
	const struct dq_task *t = dq_model_task(v->m, task);

	put_name(v->sb, dq_task_process(v->m, task));
	if (t && t->tgid)
		dq_sb_printf(v->sb, " (%u)", t->tgid);
}

static bool same_process(const struct view *v, uint32_t a, uint32_t b)
{
	const struct dq_task *ta = dq_model_task(v->m, a), *tb = dq_model_task(v->m, b);

	return a == b || (ta && tb && ta->tgid && ta->tgid == tb->tgid);
}

/* "2 mappings" */
static void put_n(struct dq_sb *sb, uint64_t n, const char *what)
{
	dq_sb_printf(sb, "%" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
}

static void put_since(const struct view *v, uint64_t t, bool before)
{
	char at[32], dur[32];

	if (before)
		dq_sb_puts(v->sb, " since before the recording");
	else
		dq_sb_printf(v->sb, " since +%s, for %s", dq_fmt_dur(at, rel(v->m, t)),
			     dq_fmt_dur(dur, v->now > t ? v->now - t : 0));
}

static void begin_line(const struct view *v)
{
	dq_sb_puts(v->sb, "    ");
}

static void end_line(const struct view *v)
{
	dq_sb_putc(v->sb, '\n');
}

/* ---- processes ---- */

/* "fd 5, 7"; "2 of fd 5, 7, 9"; "fd 5 and 1 more" */
static void put_fds(struct dq_sb *sb, const struct dq_hold_fds *f)
{
	if (!f->nfd) {
		put_n(sb, f->n, "descriptor");
		return;
	}
	if (f->n < f->nfd)
		dq_sb_printf(sb, "%" PRIu64 " of ", f->n);
	for (size_t i = 0; i < f->nfd; i++)
		dq_sb_printf(sb, "%s%d", i ? ", " : "fd ", f->fd[i].fd);
	if (f->n > f->nfd)
		dq_sb_printf(sb, " and %" PRIu64 " more", f->n - f->nfd);
}

/* "a (266) and b (270)", when they share the table */
static void put_users(const struct view *v, const struct dq_hold_fds *f)
{
	uint32_t tasks[4];
	size_t n = dq_holders_users(v->h, f->table, tasks, DQ_ARRAY_SIZE(tasks));

	if (!n)
		put_process(v, f->task);
	for (size_t i = 0; i < n && i < DQ_ARRAY_SIZE(tasks); i++) {
		dq_sb_puts(v->sb, !i ? "" : i + 1 == n ? " and " : ", ");
		put_process(v, tasks[i]);
	}
	if (n > DQ_ARRAY_SIZE(tasks))
		dq_sb_printf(v->sb, " and %zu more", n - DQ_ARRAY_SIZE(tasks));
	dq_sb_puts(v->sb, n > 1 ? ", sharing" : "");
}

static uint64_t maps_of(const struct view *v, const struct dq_hold_buf *b, uint32_t task)
{
	uint64_t n = 0;

	for (size_t i = 0; i < b->nmaps; i++)
		n += same_process(v, b->maps[i].task, task);
	return n;
}

/* The process whose mappings are told beside its descriptors; 0: there are several. */
static uint32_t first_user(const struct view *v, const struct dq_hold_fds *f)
{
	uint32_t task;
	size_t n = dq_holders_users(v->h, f->table, &task, 1);

	return n > 1 ? 0 : n ? task : f->task;
}

/* The first of the buffer's tables, mappings that is of this process. */
static bool is_first(const struct view *v, const struct dq_hold_buf *b, size_t fds, size_t map)
{
	uint32_t task = fds < b->nfds ? first_user(v, &b->fds[fds]) : b->maps[map].task;

	if (!task)
		return false;
	for (size_t i = 0; i < fds && i < b->nfds; i++)
		if (same_process(v, first_user(v, &b->fds[i]), task))
			return false;
	for (size_t i = 0; fds >= b->nfds && i < map; i++)
		if (same_process(v, b->maps[i].task, task))
			return false;
	return true;
}

static void put_processes(const struct view *v, const struct dq_hold_buf *b)
{
	for (size_t i = 0; i < b->nfds; i++) {
		uint64_t maps = is_first(v, b, i, 0) ? maps_of(v, b, first_user(v, &b->fds[i])) : 0;

		begin_line(v);
		put_users(v, &b->fds[i]);
		dq_sb_puts(v->sb, ": ");
		put_fds(v->sb, &b->fds[i]);
		dq_sb_puts(v->sb, maps ? "; " : "");
		if (maps)
			put_n(v->sb, maps, "mapping");
		end_line(v);
	}
	for (size_t i = 0; i < b->nmaps; i++) {
		if (!is_first(v, b, b->nfds, i))
			continue;
		begin_line(v);
		put_process(v, b->maps[i].task);
		dq_sb_puts(v->sb, ": ");
		put_n(v->sb, maps_of(v, b, b->maps[i].task), "mapping");
		end_line(v);
	}
}

/* ---- importers ---- */

static const char *att_name(const struct view *v, const struct dq_hold_att *a)
{
	const struct dq_matt *t = dq_model_att(v->m, a->att);

	return t && *t->importer ? t->importer : *a->driver ? a->driver : *a->dev ? a->dev : "?";
}

static void put_atts(const struct view *v, const struct dq_hold_buf *b)
{
	for (size_t i = 0; i < b->natts; i++) {
		const struct dq_hold_att *a = &b->atts[i];

		if (!a->made)
			continue;
		begin_line(v);
		dq_sb_puts(v->sb, "attached: ");
		put_name(v->sb, att_name(v, a));
		if (*a->dev && strcmp(a->dev, att_name(v, a))) {
			dq_sb_puts(v->sb, " (");
			put_name(v->sb, a->dev);
			dq_sb_putc(v->sb, ')');
		}
		put_since(v, a->t, a->before);
		dq_sb_puts(v->sb, a->mapped ? ", mapped" : ", not mapped");
		if (a->mapped > 1)
			dq_sb_printf(v->sb, " %" PRIu64 " times", a->mapped);
		end_line(v);
	}
}

/* Who mapped it for the kernel: the driver behind the module, or else the function. */
static void put_caller(const struct view *v, const struct dq_hold_buf *b, const char *caller)
{
	const struct dq_mbuf *mb = dq_model_buf(v->m, b->buf);
	const char *open = strrchr(caller, '['), *close = open ? strchr(open, ']') : NULL;
	char module[64];

	if (close && close > open + 1) {
		snprintf(module, sizeof(module), "%.*s", (int)(close - open - 1), open + 1);
		put_name(v->sb, dq_who_stands_behind(mb, module));
	} else if (!strcmp(caller, DQ_CALLER_HIDDEN)) {
		dq_sb_puts(v->sb, "somebody whom another recorder's probe hides");
	} else {
		put_name(v->sb, *caller ? caller : "the kernel");
	}
}

static void put_vmaps(const struct view *v, const struct dq_hold_buf *b)
{
	for (size_t i = 0; i < b->nvmaps; i++) {
		begin_line(v);
		dq_sb_puts(v->sb, "mapped for the kernel (vmap) by ");
		put_caller(v, b, b->vmaps[i].caller);
		put_since(v, b->vmaps[i].t, false);
		end_line(v);
	}
}

static void put_flights(const struct view *v, const struct dq_hold_buf *b)
{
	char buf[32];

	for (size_t i = 0; i < b->nflights; i++) {
		const struct dq_hold_flight *f = &b->flights[i];

		begin_line(v);
		dq_sb_printf(v->sb, "in flight%s from ", f->guess ? ", probably" : "");
		put_process(v, f->task);
		if (f->fd >= 0)
			dq_sb_printf(v->sb, ": its fd %d", f->fd);
		dq_sb_printf(v->sb, ", by %s", f->way == DQ_WAY_BINDER ? "binder" : "SCM_RIGHTS");
		dq_sb_printf(v->sb, ", sent %s ago and not received",
			     dq_fmt_dur(buf, v->now > f->t ? v->now - f->t : 0));
		end_line(v);
	}
}

/* ---- the sum ---- */

static size_t made_atts(const struct dq_hold_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->natts; i++)
		n += b->atts[i].made;
	return n;
}

static uint64_t all_fds(const struct dq_hold_buf *b)
{
	uint64_t n = 0;

	for (size_t i = 0; i < b->nfds; i++)
		n += b->fds[i].n;
	return n;
}

/* References that neither descriptors nor mappings are; -1: not known. */
static int64_t other_refs(const struct view *v, const struct dq_hold_buf *b)
{
	uint64_t known = dq_hold_refs(b);

	return v->at_end && b->has_refs && b->refs >= known && b->refs - known <= INT64_MAX ?
		       (int64_t)(b->refs - known) : -1;
}

/* "attachment of vivid.0" */
static void put_keepers(const struct view *v, const struct dq_hold_buf *b)
{
	const char *sep = "";

	for (size_t i = 0; i < b->natts; i++) {
		if (!b->atts[i].made)
			continue;
		dq_sb_printf(v->sb, "%sattachment of ", sep);
		put_name(v->sb, *b->atts[i].dev ? b->atts[i].dev : att_name(v, &b->atts[i]));
		sep = ", ";
	}
	for (size_t i = 0; i < b->nvmaps; i++) {
		dq_sb_printf(v->sb, "%skernel mapping of ", sep);
		put_caller(v, b, b->vmaps[i].caller);
		sep = ", ";
	}
}

static void put_unexplained(const struct view *v, const struct dq_hold_buf *b, int64_t n)
{
	put_n(v->sb, (uint64_t)n, "reference");
	dq_sb_puts(v->sb, " that nobody here explains");
	/* its handle table has one, and the object another */
	if (!strcmp(dq_model_buf(v->m, b->buf)->b.exp_name, "drm"))
		dq_sb_puts(v->sb, " (open GEM handles of an exporter or importer have such)");
}

static void put_sum(const struct view *v, const struct dq_hold_buf *b)
{
	bool importers = made_atts(b) || b->nvmaps, users = all_fds(b) || b->nmaps || b->nflights;
	int64_t rest = other_refs(v, b);
	char buf[32];

	if (!users && (!b->doubt || b->settled)) {
		begin_line(v);
		dq_sb_printf(v->sb, "0 fds, alive %s%s, ", b->before ? "for more than " : "",
			     dq_fmt_dur(buf, v->now > b->born ? v->now - b->born : 0));
		if (importers) {
			dq_sb_puts(v->sb, "held by ");
			put_keepers(v, b);
		} else if (rest > 0) {
			dq_sb_puts(v->sb, "held by ");
			put_unexplained(v, b, rest);
		} else {
			dq_sb_puts(v->sb, "held by nobody that the trace shows");
		}
		end_line(v);
	} else if (rest > 0 && !importers) {
		begin_line(v);
		put_unexplained(v, b, rest);
		end_line(v);
	}
	if (v->at_end && b->has_refs && b->refs < dq_hold_refs(b)) {
		begin_line(v);
		put_n(v->sb, b->refs, "reference");
		dq_sb_puts(v->sb, " by the kernel's count: not all of the above hold it any more");
		end_line(v);
	}
}

/* ---- doubt ---- */

static const struct { unsigned int bit; const char *key, *say; } doubts[] = {
	{ DQ_DOUBT_LOST, "lost", NULL },
	{ DQ_DOUBT_PAST, "past", "it existed before the recording, and nobody looked who held it" },
	{ DQ_DOUBT_OLD, "old", "the trace does not say in which table descriptors are "
			       "(an older recorder wrote it)" },
	{ DQ_DOUBT_ODD, "odd", "a descriptor was closed that nobody was seen to open" },
	{ DQ_DOUBT_FATAL, "fatal", "a task died in a call of it, and what that has done is not known" },
	{ DQ_DOUBT_MANY, "many", "there are more descriptors than can be followed" },
};

static void put_doubts(const struct view *v, const struct dq_hold_buf *b)
{
	for (size_t i = 0; i < DQ_ARRAY_SIZE(doubts); i++) {
		if (!(b->doubt & doubts[i].bit))
			continue;
		begin_line(v);
		dq_sb_puts(v->sb, b->settled ? "cannot tell what importers hold it: " : "cannot tell: ");
		if (doubts[i].say)
			dq_sb_puts(v->sb, doubts[i].say);
		else
			dq_sb_printf(v->sb, "%" PRIu64 " event%s lost", b->lost,
				     b->lost == 1 ? " was" : "s were");
		end_line(v);
	}
	if (!b->doubt)
		return;
	begin_line(v);
	if (b->settled)
		dq_sb_puts(v->sb, "found by looking at the end:\n");
	else
		dq_sb_puts(v->sb, all_fds(b) || b->nmaps || b->nflights || made_atts(b) || b->nvmaps ?
				  "what was recorded, and may be out of date:\n" :
				  "of holders nothing was recorded\n");
}

/* ---- text ---- */

static void put_buffer(const struct view *v, const struct dq_mbuf *mb, const struct dq_hold_buf *b)
{
	char buf[32];

	dq_sb_printf(v->sb, "buffer %u", b->buf);
	if (*mb->name) {
		dq_sb_puts(v->sb, " \"");
		put_name(v->sb, mb->name);
		dq_sb_putc(v->sb, '"');
	}
	dq_sb_puts(v->sb, ": ");
	put_name(v->sb, mb->exporter);
	dq_sb_printf(v->sb, ", %s", dq_fmt_size(buf, mb->b.size));
	if (mb->client) {
		dq_sb_puts(v->sb, ", for ");
		put_process(v, mb->client);
	}
	if (b->before)
		dq_sb_puts(v->sb, ", existed before the recording\n");
	else
		dq_sb_printf(v->sb, ", alive %s\n",
			     dq_fmt_dur(buf, v->now > b->born ? v->now - b->born : 0));
	put_doubts(v, b);
	put_processes(v, b);
	put_flights(v, b);
	put_atts(v, b);
	put_vmaps(v, b);
	put_sum(v, b);
	end_line(v);
}

static void put_foot(const struct view *v, size_t alive)
{
	char buf[32];
	uint64_t all = v->m->nbufs + v->m->gone.bufs;

	dq_sb_printf(v->sb, "%zu of %" PRIu64 " buffer%s alive at %s+%s%s", alive, all,
		     all == 1 ? "" : "s", v->at_end ? "the end (" : "",
		     dq_fmt_dur(buf, rel(v->m, v->now)), v->at_end ? ")" : "");
	if (v->at_end && v->m->final.id && !v->ndiffs)
		dq_sb_puts(v->sb, "; looking found the same");
	else if (v->ndiffs)
		dq_sb_printf(v->sb, "; looking found %zu difference%s:", v->ndiffs,
			     v->ndiffs == 1 ? "" : "s");
	end_line(v);
	for (size_t i = 0; i < v->ndiffs; i++)
		dq_sb_printf(v->sb, "    %s%s\n", v->diffs[i].text,
			     v->diffs[i].excused ? " (but see what cannot be told)" : "");
}

static const struct dq_hold_buf *shown(const struct view *v, const struct dq_mbuf *mb)
{
	const struct dq_hold_buf *b = dq_holders_get(v->h, mb->b.id);

	return b && (b->before || b->born <= v->now) ? b : NULL;
}

static void put_text(const struct view *v)
{
	size_t alive = 0;

	for (size_t i = 0; i < v->m->nbufs; i++) {
		const struct dq_hold_buf *b = shown(v, &v->m->bufs[i]);

		if (b)
			put_buffer(v, &v->m->bufs[i], b);
		alive += !!b;
	}
	put_foot(v, alive);
}

/* ---- JSON ---- */

static void json_process(const struct view *v, uint32_t task)
{
	const struct dq_task *t = dq_model_task(v->m, task);

	fputs("{\"process\": ", stdout);
	dq_list_json_str(dq_task_process(v->m, task));
	printf(", \"pid\": %u", t ? t->tgid : 0);
}

static bool first_map(const struct view *v, const struct dq_hold_buf *b, size_t map)
{
	for (size_t i = 0; i < map; i++)
		if (same_process(v, b->maps[i].task, b->maps[map].task))
			return false;
	return true;
}

/* The process, and others that share its table. */
static void json_users(const struct view *v, const struct dq_hold_fds *f)
{
	uint32_t tasks[64] = { f->task };
	size_t n = dq_holders_users(v->h, f->table, tasks, DQ_ARRAY_SIZE(tasks));

	json_process(v, tasks[0]);
	fputs(", \"shared_with\": [", stdout);
	for (size_t i = 1; i < n && i < DQ_ARRAY_SIZE(tasks); i++) {
		fputs(i > 1 ? ", " : "", stdout);
		json_process(v, tasks[i]);
		putchar('}');
	}
	putchar(']');
}

static void json_fds(const struct view *v, const struct dq_hold_buf *b)
{
	fputs("\"descriptors\": [", stdout);
	for (size_t i = 0; i < b->nfds; i++) {
		const struct dq_hold_fds *f = &b->fds[i];

		fputs(i ? ", " : "", stdout);
		json_users(v, f);
		printf(", \"open\": %" PRIu64 ", \"fds\": [", f->n);
		for (size_t k = 0; k < f->nfd; k++)
			printf("%s%d", k ? ", " : "", f->fd[k].fd);
		fputs("]}", stdout);
	}
	fputs("], \"mappings\": [", stdout);
	for (size_t i = 0, n = 0; i < b->nmaps; i++) {
		if (!first_map(v, b, i))
			continue;
		fputs(n++ ? ", " : "", stdout);
		json_process(v, b->maps[i].task);
		printf(", \"count\": %" PRIu64 "}", maps_of(v, b, b->maps[i].task));
	}
}

static void json_att(const struct view *v, const struct dq_hold_att *a)
{
	fputs("{\"importer\": ", stdout);
	dq_list_json_str(att_name(v, a));
	fputs(", \"device\": ", stdout);
	dq_list_json_str(a->dev);
	fputs(", \"driver\": ", stdout);
	dq_list_json_str(a->driver);
	if (a->before)
		fputs(", \"since_ns\": null", stdout);
	else
		printf(", \"since_ns\": %" PRIu64, rel(v->m, a->t));
	printf(", \"mapped\": %" PRIu64 "}", a->mapped);
}

static void json_importers(const struct view *v, const struct dq_hold_buf *b)
{
	fputs("],\n     \"attachments\": [", stdout);
	for (size_t i = 0, n = 0; i < b->natts; i++)
		if (b->atts[i].made) {
			fputs(n++ ? ", " : "", stdout);
			json_att(v, &b->atts[i]);
		}
	fputs("], \"vmaps\": [", stdout);
	for (size_t i = 0; i < b->nvmaps; i++) {
		printf("%s{\"by\": ", i ? ", " : "");
		dq_list_json_str(b->vmaps[i].caller);
		printf(", \"since_ns\": %" PRIu64 "}", rel(v->m, b->vmaps[i].t));
	}
	fputs("], \"in_flight\": [", stdout);
	for (size_t i = 0; i < b->nflights; i++) {
		fputs(i ? ", " : "", stdout);
		json_process(v, b->flights[i].task);
		printf(", \"fd\": %d, \"by\": \"%s\", \"sent_ns\": %" PRIu64
		       ", \"certain\": %s}", b->flights[i].fd,
		       b->flights[i].way == DQ_WAY_BINDER ? "binder" : "SCM_RIGHTS",
		       rel(v->m, b->flights[i].t), b->flights[i].guess ? "false" : "true");
	}
}

static void json_buffer(const struct view *v, const struct dq_mbuf *mb, const struct dq_hold_buf *b)
{
	int64_t rest = other_refs(v, b);
	bool any = false;

	printf("    {\"id\": %u, \"name\": ", b->buf);
	dq_list_json_str(mb->name);
	fputs(", \"exporter\": ", stdout);
	dq_list_json_str(mb->exporter);
	printf(", \"size\": %" PRIu64 ", \"preexisting\": %s, ", mb->b.size,
	       b->before ? "true" : "false");
	if (b->before)
		fputs("\"alive_ns\": null, \"cannot_tell\": [", stdout);
	else
		printf("\"alive_ns\": %" PRIu64 ", \"cannot_tell\": [",
		       v->now > b->born ? v->now - b->born : 0);
	for (size_t i = 0; i < DQ_ARRAY_SIZE(doubts); i++)
		if (b->doubt & doubts[i].bit) {
			printf("%s\"%s\"", any ? ", " : "", doubts[i].key);
			any = true;
		}
	printf("], \"lost\": %" PRIu64 ", \"found_by_looking\": %s,\n     ", b->lost,
	       b->settled ? "true" : "false");
	json_fds(v, b);
	json_importers(v, b);
	if (v->at_end && b->has_refs)
		printf("], \"references\": %" PRIu64, b->refs);
	else
		fputs("], \"references\": null", stdout);
	if (rest >= 0 && !made_atts(b) && !b->nvmaps)
		printf(", \"unexplained\": %" PRId64 "}", rest);
	else
		fputs(", \"unexplained\": null}", stdout);
}

static void print_json(const struct view *v)
{
	size_t n = 0;

	printf("{\n  \"at_ns\": %" PRIu64 ", \"at_end\": %s, \"lost\": %" PRIu64
	       ",\n  \"buffers\": [", rel(v->m, v->now), v->at_end ? "true" : "false", v->m->lost);
	for (size_t i = 0; i < v->m->nbufs; i++) {
		const struct dq_hold_buf *b = shown(v, &v->m->bufs[i]);

		if (!b)
			continue;
		fputs(n++ ? ",\n" : "\n", stdout);
		json_buffer(v, &v->m->bufs[i], b);
	}
	printf("%s],\n  \"looked\": %s, \"differences\": [", n ? "\n  " : "",
	       v->at_end && v->m->final.id ? "true" : "false");
	for (size_t i = 0; i < v->ndiffs; i++) {
		fputs(i ? ",\n    {\"text\": " : "\n    {\"text\": ", stdout);
		dq_list_json_str(v->diffs[i].text);
		printf(", \"in_doubt\": %s}", v->diffs[i].excused ? "true" : "false");
	}
	printf("%s]\n}\n", v->ndiffs ? "\n  " : "");
}

/* ---- up to a time ---- */

static int replay(struct dq_holders *h, const char *path, uint64_t at)
{
	struct dq_reader *r = NULL;
	struct dq_item item;
	int ret = dq_cmd_open(path, &r);

	if (ret)
		return ret;
	while ((ret = dq_cmd_next(r, &item)) > 0) {
		ret = dq_cmd_item_time(&item) <= at ? dq_holders_put(h, &item) : 0;
		if (ret)
			break;
	}
	dq_reader_free(&r);
	return ret;
}

static void add_diff(const char *sentence, bool excused, void *ctx)
{
	struct view *v = ctx;
	struct diff *d = DQ_PUSH(v->diffs, v->ndiffs, v->cap_diffs);
	char *text = d ? strdup(sentence) : NULL;

	if (text) {
		*d = (struct diff){ text, excused };
		return;
	}
	v->ndiffs -= !!d;
	v->err = -ENOMEM;
}

/* What the final look says: first where it differs, then what it knows better. */
static int look(struct view *v)
{
	dq_holders_compare(v->h, add_diff, v, NULL);
	return v->err ? v->err : dq_holders_settle(v->h);
}

static bool is_damaged(const struct dq_reader_state *st)
{
	return st->bad_chunks || st->lost_chunks || st->skipped_bytes;
}

int dq_list_holders(struct dq_model *m, const struct dq_reader_state *st, const char *path,
		    uint64_t at, bool json)
{
	struct dq_holders *h = NULL;
	struct dq_sb sb = { 0 };
	struct view v = { .m = m, .h = m->holders, .now = m->t_last, .at_end = true, .sb = &sb };
	int ret = 0;

	if (at != UINT64_MAX) {
		ret = dq_holders_new(&h);
		if (!ret)
			ret = replay(h, path, at);
		v.h = h;
		v.now = at;
		v.at_end = false;
	}
	if (!ret && is_damaged(st))
		dq_holders_damaged(v.h, 1);
	if (!ret && v.at_end)
		ret = look(&v);
	if (!ret && json)
		print_json(&v);
	else if (!ret)
		put_text(&v);
	if (!ret)
		ret = sb.err;
	if (!ret && !json) {
		fputs(dq_sb_str(&sb), stdout);
		dq_list_kept(m);
	}
	for (size_t i = 0; i < v.ndiffs; i++)
		free(v.diffs[i].text);
	free(v.diffs);
	dq_sb_free(&sb);
	dq_holders_free(&h);
	return ret;
}
