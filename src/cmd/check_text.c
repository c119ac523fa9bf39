/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_text.c - findings as text that can be pasted into a bug report, and what a rule means.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_check.h"
#include "cmd/cmd_common.h"
#include "model/model.h"

#define WIDTH 92

static void put_name(struct dq_sb *sb, const char *s)
{
	dq_sb_visible(sb, s, strlen(s), 60);
}

static void print_sb(struct dq_sb *sb)
{
	fputs(sb->err ? "(out of memory)" : dq_sb_str(sb), stdout);
	dq_sb_free(sb);
}

static void print_visible(const char *s)
{
	struct dq_sb sb = { 0 };

	put_name(&sb, s);
	print_sb(&sb);
}

/* Words of text, wrapped; the first line begins at column col. */
static void print_wrapped(const char *s, size_t indent)
{
	size_t col = indent;

	for (const char *p = s; *p;) {
		size_t n = strcspn(p, " ");

		if (col > indent && col + 1 + n > WIDTH) {
			printf("\n%*s", (int)indent, "");
			col = indent;
		}
		if (col > indent) {
			putchar(' ');
			col++;
		}
		printf("%.*s", (int)n, p);
		col += n;
		p += n + strspn(p + n, " ");
	}
	putchar('\n');
}

static void print_seconds(const struct check_view *v, uint64_t t)
{
	t = dq_check_time(v->k, t);
	printf("%" PRIu64 ".%06u s", t / 1000000000, (unsigned int)(t % 1000000000 / 1000));
}

/* ---- proofs ---- */

/* One argument; *sep is what stands before it. */
static void put_arg(struct dq_sb *sb, enum hook_arg what, uint64_t a, const char **sep)
{
	size_t len = sb->len;

	dq_sb_puts(sb, *sep);
	switch (what) {
	case ARG_DIR:
		dq_sb_puts(sb, dq_dir_name(a));
		break;
	case ARG_FD:
		dq_sb_printf(sb, "fd %d", (int32_t)a);
		break;
	case ARG_FDNO:
		if (a)
			dq_sb_printf(sb, "fd %" PRIu64, a - 1);
		break;
	case ARG_LEN:
		dq_sb_printf(sb, "%" PRIu64 " bytes", a);
		break;
	case ARG_PROT:
		dq_sb_puts(sb, a & 2 ? "writable" : a & 1 ? "read-only" : "no access");
		break;
	default:
		break;
	}
	if (sb->len == len + strlen(*sep))
		sb->len = len;	/* nothing to say of it */
	else
		*sep = ", ";
}

static void put_ioctl(struct dq_sb *sb, const struct dq_call *c)
{
	dq_sb_ioctl(sb, (uint32_t)c->a[0], NULL);
	if (((c->a[0] >> 8) & 0xff) != 'b' || c->a[0] & 0xff)
		return;
	dq_sb_puts(sb, ", ");
	dq_sb_sync(sb, c->a[1]);
}

static void put_call(struct dq_sb *sb, const struct dq_call *c)
{
	const struct dq_hook_info *h = dq_hook_info(c->hook);
	const char *sep = "";

	if (!h) {
		dq_sb_printf(sb, "hook %u", c->hook);
		return;
	}
	dq_sb_printf(sb, "%s(", h->name);
	if (c->hook == HOOK_IOCTL)
		put_ioctl(sb, c);
	else
		for (size_t i = 0; i < DQ_ARRAY_SIZE(h->arg); i++)
			put_arg(sb, h->arg[i], c->a[i], &sep);
	dq_sb_putc(sb, ')');
	if (c->flags & DQ_CALL_OPEN)
		dq_sb_puts(sb, ", which never returned");
	else if (c->fatal)
		dq_sb_puts(sb, ", in which the task died");
	else if (c->flags & DQ_CALL_NULL)
		dq_sb_puts(sb, " = NULL");
	else if (c->ret < 0 && h->ret != RET_VOID && h->ret != RET_NORET && h->ret != RET_MASK)
		dq_sb_printf(sb, " = -%s", dq_errname(c->ret));
	else if (h->ret == RET_FD)
		dq_sb_printf(sb, " = %" PRId64, c->ret);
}

static void put_sys(struct dq_sb *sb, const struct check_view *v, const struct dq_sys *s)
{
	if (*s->name)
		put_name(sb, s->name);
	else
		dq_sb_printf(sb, "syscall %d", s->nr);
	dq_sb_putc(sb, '(');
	if (!strcmp(s->name, "ioctl") && s->a[1])
		dq_sb_ioctl(sb, (uint32_t)s->a[1], dq_check_dev(v->k, s->dev));
	dq_sb_putc(sb, ')');
	if (s->fd >= 0)
		dq_sb_printf(sb, " on fd %d", s->fd);
	if (s->ret < 0)
		dq_sb_printf(sb, " = -%s", dq_errname(s->ret));
}

void check_put_proof(struct dq_sb *sb, const struct check_view *v, const struct dq_proof *p)
{
	switch (p->kind) {
	case DQ_PROOF_CALL:
		put_call(sb, &p->c);
		break;
	case DQ_PROOF_SYS:
		put_sys(sb, v, &p->s);
		break;
	case DQ_PROOF_EXIT:
		dq_sb_puts(sb, "exit");
		break;
	case DQ_PROOF_EXEC:
		dq_sb_puts(sb, "exec");
		break;
	case DQ_PROOF_END:
		dq_sb_puts(sb, "end of the trace");
		break;
	}
}

static void print_stack(const struct check_view *v, uint32_t id)
{
	const char *p = dq_check_stack(v->k, id);

	while (*p) {
		size_t n = strcspn(p, "\n");
		struct dq_sb sb = { 0 };

		fputs("            ", stdout);
		dq_sb_visible(&sb, p, n, 80);
		print_sb(&sb);
		putchar('\n');
		p += n + (p[n] == '\n');
	}
}

static void print_proof(const struct check_view *v, const struct dq_proof *p)
{
	const struct dq_task *t = dq_check_task(v->k, p->task);
	struct dq_sb sb = { 0 };

	fputs("    ", stdout);
	if (p->kind == DQ_PROOF_CALL)
		printf("call %" PRIu64 " at ", p->n);
	else
		fputs("at ", stdout);
	print_seconds(v, p->t);
	fputs(", ", stdout);
	print_visible(t && *t->comm ? t->comm : "unknown task");
	if (t)
		printf(" (%u)", t->tid);
	printf(": %s\n        ", p->role);
	check_put_proof(&sb, v, p);
	if (p->kind == DQ_PROOF_CALL && p->c.caller && *p->c.caller) {
		dq_sb_puts(&sb, ", called from ");
		put_name(&sb, p->c.caller);
	}
	print_sb(&sb);
	putchar('\n');
	if (p->kind == DQ_PROOF_CALL)
		print_stack(v, p->c.stack);
}

/* ---- a finding ---- */

static void print_buffer(const struct dq_finding *f)
{
	char size[24];

	printf("    buffer %u", f->buf.id);
	if (*f->buf.name) {
		fputs(" \"", stdout);
		print_visible(f->buf.name);
		putchar('"');
	}
	fputs(": exporter ", stdout);
	print_visible(f->exporter);
	printf(", %s, inode %" PRIu64 "\n", dq_fmt_size(size, f->buf.size), f->buf.ino);
}

static void print_actors(const struct dq_finding *f)
{
	if (f->has_att && (*f->att.dev || *f->att.driver)) {
		fputs("    device ", stdout);
		print_visible(*f->att.dev ? f->att.dev : "without a name");
		if (*f->att.driver) {
			fputs(", driver ", stdout);
			print_visible(f->att.driver);
		}
		putchar('\n');
	}
	if (f->task) {
		fputs("    process ", stdout);
		print_visible(f->process);
		if (f->tgid)
			printf(" (%u)", f->tgid);
		putchar('\n');
	}
}

static void print_count(const struct check_view *v, const struct dq_finding *f)
{
	if (f->count < 2)
		return;
	printf("    %" PRIu64 " of this kind", f->count);
	if (f->bufs > 1) {
		printf(", on %" PRIu64 " buffers (", f->bufs);
		for (size_t i = 0; i < f->nsamples; i++)
			printf("%s%u", i ? ", " : "", f->samples[i]);
		fputs(f->bufs > f->nsamples ? ", ...)" : ")", stdout);
	}
	fputs(", the last at ", stdout);
	print_seconds(v, f->last);
	putchar('\n');
}

static void print_finding(const struct check_view *v, size_t i)
{
	const struct dq_finding *f = &v->f[i];
	const struct dq_rule *r = &dq_rules[f->rule];
	struct dq_sb cost = { 0 };

	printf("#%zu %s, %s: %s [%s]\n    ", i + 1, dq_severity_name(f->severity),
	       dq_rule_class_name(r->class), r->title, r->id);
	print_wrapped(f->what, 4);
	if (f->has_buf)
		print_buffer(f);
	print_actors(f);
	for (size_t n = 0; n < f->nproof; n++)
		print_proof(v, &f->proof[n]);
	print_count(v, f);
	dq_finding_cost(&cost, f);
	if (cost.len)
		printf("    %s\n", dq_sb_str(&cost));
	dq_sb_free(&cost);
	printf("    confidence: %s", dq_confidence_name(f->confidence));
	if (*f->doubt)
		printf(" (%s)", f->doubt);
	fputs("\n    rule: ", stdout);
	print_wrapped(r->cite, 10);
	putchar('\n');
}

/* ---- the sums ---- */

static void print_sums(const struct check_view *v)
{
	size_t n[DQ_SEV_MAX] = { 0 };
	const char *sep = " (";
	struct dq_sb sb = { 0 };

	for (size_t i = 0; i < v->n; i++)
		n[v->f[i].severity] += !v->by[i];
	printf("%zu finding%s", v->n - v->nsuppressed, dq_plural(v->n - v->nsuppressed));
	for (int s = DQ_SEV_MAX - 1; s > DQ_SEV_OFF; s--) {
		if (!n[s])
			continue;
		printf("%s%zu %s%s", sep, n[s], dq_severity_name((enum dq_severity)s), dq_plural(n[s]));
		sep = ", ";
	}
	fputs(*sep == ',' ? ")" : "", stdout);
	if (v->nsuppressed)
		printf(", %zu suppressed", v->nsuppressed);
	printf(" in %" PRIu64 " call%s of %" PRIu64 " buffer%s; Linux ", dq_check_calls(v->k),
	       dq_plural(dq_check_calls(v->k)), dq_check_bufs(v->k), dq_plural(dq_check_bufs(v->k)));
	print_visible(*dq_check_meta(v->k, "kernel.release") ? dq_check_meta(v->k, "kernel.release") :
							       "of unknown release");
	if (*dq_check_meta(v->k, "arch")) {
		putchar(' ');
		print_visible(dq_check_meta(v->k, "arch"));
	}
	if (*dq_check_meta(v->k, "rung")) {
		fputs(", ", stdout);
		print_visible(dq_check_meta(v->k, "rung"));
	}
	if (dq_check_lost(v->k) || dq_check_missed(v->k)) {
		dq_put_losses(&sb, dq_check_lost(v->k), dq_check_missed(v->k));
		printf("; %s", dq_sb_str(&sb));
		dq_sb_free(&sb);
	}
	fputs(v->cut ? "; cut off\n" : "\n", stdout);
}

static void print_undecided(const struct check_view *v, size_t r)
{
	const struct dq_rule_sum *s = dq_check_sum(v->k, r);
	const char *sep = "";

	printf("    %s: ", dq_rules[r].id);
	for (int u = 0; u < DQ_UND_MAX; u++) {
		uint64_t n = s->undecided[u] - (u == DQ_UND_LOST ? v->doubtful : 0);

		if (!n)
			continue;
		printf("%s%" PRIu64 " time%s %s", sep, n, dq_plural(n),
		       u == DQ_UND_LOST ? dq_check_lost_text(v->k) : dq_undecided_text((enum dq_undecided)u));
		sep = ", ";
	}
	putchar('\n');
}

/* Besides what losses hurt, which is the same for all rules. */
static bool is_undecided(const struct check_view *v, size_t r)
{
	const struct dq_rule_sum *s = dq_check_sum(v->k, r);
	uint64_t n = 0;

	for (int u = 0; u < DQ_UND_MAX; u++)
		n += s->undecided[u];
	return v->severity[r] && n > v->doubtful;
}

static void print_rules_used(const struct check_view *v)
{
	size_t held = 0, found = 0, idle = 0, off = 0, und = 0;

	for (size_t r = 0; r < DQ_RULE_MAX; r++) {
		const struct dq_rule_sum *s = dq_check_sum(v->k, r);

		off += !v->severity[r];
		if (!v->severity[r])
			continue;
		und += is_undecided(v, r);
		if (s->found)
			found++;
		else if (s->looked)
			held++;
		else
			idle++;
	}
	printf("%zu rule%s found something, %zu held whenever they could be judged, %zu had nothing to "
	       "judge",
	       found, dq_plural(found), held, idle);
	printf(", %zu are off\n", off);
	if (v->doubtful)
		printf("undecided for %" PRIu64 " buffer%s, all rules: %s while %s lived\n", v->doubtful,
		       dq_plural(v->doubtful), dq_check_lost_text(v->k), v->doubtful == 1 ? "it" : "they");
	if (und)
		puts("undecided:");
	for (size_t r = 0; r < DQ_RULE_MAX; r++)
		if (is_undecided(v, r))
			print_undecided(v, r);
}

void check_print_text(const struct check_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (!v->by[i])
			print_finding(v, i);
	for (size_t r = 0; r < DQ_RULE_MAX; r++)
		if (dq_check_sum(v->k, r)->untold)
			printf("%s: %" PRIu64 " more that are not shown\n", dq_rules[r].id,
			       dq_check_sum(v->k, r)->untold);
	print_sums(v);
	print_rules_used(v);
}

/* ---- --explain ---- */

void check_print_rule(const struct dq_rule *r)
{
	const char *text;

	printf("%s: %s\n\n", r->id, r->title);
	print_wrapped(r->explain, 0);
	printf("\nseverity: %s%s\nclass: %s (%s)\n", dq_severity_name(r->severity),
	       r->severity ? "" : " (turn it on with --rules)", dq_rule_class_key(r->class),
	       dq_rule_class_name(r->class));
	for (size_t i = 0; (text = dq_rule_need_text(r->need, i)); i++)
		printf("%s%s\n", i ? "        " : "needs:  ", text);
	fputs("source: ", stdout);
	print_wrapped(r->cite, 8);
}

void check_print_rules(void)
{
	for (size_t i = 0; i < DQ_RULE_MAX; i++)
		printf("%-26s %-8s %-12s %s\n", dq_rules[i].id, dq_severity_name(dq_rules[i].severity),
		       dq_rule_class_key(dq_rules[i].class), dq_rules[i].title);
}
