/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fields.h - the one table of what an item consists of. It drives the binary encoder
 * and decoder (codec.c), the text printer and parser (text_*.c) and the check that
 * docs/trace-format.md lists the same.
 *
 * A field's place in its kind's table is its column number in the file: fields are
 * appended, never inserted, reordered or reused. After the first release, what is added
 * has coding CONTEXT, and kinds that are added leave the registers alone: an old reader
 * that does not know them must not lose track ("Versions" in docs/trace-format.md).
 */
#ifndef DQ_FIELDS_H
#define DQ_FIELDS_H

#include "trace.h"

/* How the field lies in memory. */
enum dq_ftype { DQ_F_U32, DQ_F_I32, DQ_F_U64, DQ_F_I64, DQ_F_STR };

/* What its column holds: see "Columns" in docs/trace-format.md. Registers are what the last item
 * of the same task said; a context is what the last item of the same kind, task and key said. */
enum dq_coding {
	DQ_C_TASK,	/* nothing: the payload's task column has it */
	DQ_C_KEY,	/* nothing: the payload's step and key columns have it */
	DQ_C_CONTEXT,	/* difference from the context's value */
	DQ_C_CPU,	/* difference from register "cpu" */
	/* those below: what the difference from a register adds to the context's last such difference */
	DQ_C_START,	/* register "start", or "end" for a call that is no caller of the last one */
	DQ_C_END,	/* register "end" */
	DQ_C_DUR,	/* start + duration, as END */
	DQ_C_SEQ,	/* register "seq" */
	DQ_C_SYS,	/* register "sys" */
};

/* How the text form writes it. */
enum dq_show {
	DQ_S_NUM,	/* decimal */
	DQ_S_HEX,
	DQ_S_TIME,	/* seconds with nine digits */
	DQ_S_DUR,	/* nanoseconds */
	DQ_S_STR,	/* quoted */
	DQ_S_FLAGS,	/* names of bits, joined by | */
	DQ_S_ENUM,	/* name of a value */
	DQ_S_HOOK,	/* name of a hook, or hook:N */
	DQ_S_ARG,	/* as the hook says what the argument is */
	DQ_S_RET,	/* -ENAME, or a number */
};

struct dq_valname {
	uint64_t val;
	const char *name;	/* NULL ends a table */
};

struct dq_field {
	const char *name;	/* in the text form */
	uint16_t off;		/* in struct dq_item */
	uint8_t type;		/* enum dq_ftype */
	uint8_t coding;		/* enum dq_coding */
	uint8_t show;		/* enum dq_show */
	bool lead;		/* the text form may give it first and without its name */
	int8_t dflt;		/* the value that the text form leaves out */
	const struct dq_valname *names;
};

#define DQ_MAX_FIELDS 20

/* The columns of "t"; the end of the interval is the next one. */
#define DQ_CALL_START_COL 2
#define DQ_SYS_START_COL  1

struct dq_kind_desc {
	const char *name;	/* NULL: no such kind */
	const struct dq_field *f;
	uint8_t n;
	bool fact;		/* goes into DEFS chunks, which survive a lost EVENTS chunk */
	int8_t depth;		/* the field that says how deep it is nested; -1: none */
};

extern const struct dq_kind_desc dq_kinds[DQ_KIND_MAX];
const struct dq_kind_desc *dq_kind_by_name(const char *name, size_t len);

/* The value as 64 bits (signed ones extended); not for strings. */
uint64_t dq_field_get(const struct dq_item *item, const struct dq_field *f);
/* 0, or -ERANGE when the field cannot hold it. */
int dq_field_set(struct dq_item *item, const struct dq_field *f, uint64_t v);

static inline const char **dq_field_str(const struct dq_item *item, const struct dq_field *f)
{
	return (const char **)((const char *)item + f->off);
}

/* refs.c: what an item defines and uses */
#define DQ_REFS_MAX 5
struct dq_ref {
	enum dq_kind kind;
	uint32_t id;
};
/* The id that a definition gives a meaning to; 0: it is none. */
uint32_t dq_item_id(const struct dq_item *item);
/* The things that it refers to; returns how many. */
int dq_item_refs(const struct dq_item *item, struct dq_ref refs[DQ_REFS_MAX]);
/* A copy with strings of its own, "" for none. 0 or -ENOMEM; dq_item_clear() frees the strings. */
int dq_item_copy(struct dq_item *to, const struct dq_item *from);
void dq_item_clear(struct dq_item *item);

/* names.c: the words of the text form for values of the kernel's interface */
extern const struct dq_valname dq_names_task_flags[], dq_names_buf_flags[], dq_names_att_flags[],
	dq_names_call_flags[], dq_names_sys_flags[], dq_names_taskev[], dq_names_ops[],
	dq_names_snap[], dq_names_snap_flags[], dq_names_hold[];
extern const struct dq_valname dq_names_dir[], dq_names_oflags[], dq_names_sync[], dq_names_prot[],
	dq_names_cmd[];
extern const char *const dq_arg_names[]; /* by enum hook_arg */
#define DQ_ARG_COUNT (ARG_FDNO + 1)

/* Which of the hook's arguments (0..2) has this name in the text form; -1: none. */
int dq_arg_by_name(const struct dq_hook_info *h, const char *name, size_t len);

#endif /* DQ_FIELDS_H */
