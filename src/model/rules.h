/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.h - the rules of the DMA-BUF protocol that `check` knows, as one data table.
 *
 * The table says what a rule means, how bad it is to break it and what a trace must have for
 * it to be decided; check*.c decide. The names are for people, command lines and files:
 * they stay. Includes nothing of the model.
 */
#ifndef DQ_MODEL_RULES_H
#define DQ_MODEL_RULES_H

#include <stddef.h>

enum dq_severity {
	DQ_SEV_OFF,		/* not looked at */
	DQ_SEV_NOTE,		/* worth knowing, allowed */
	DQ_SEV_HINT,		/* costs time */
	DQ_SEV_WARNING,		/* breaks a rule, or very likely does */
	DQ_SEV_ERROR,		/* breaks a rule, with consequences for the system */
	DQ_SEV_MAX
};

/* Whose business it is. */
enum dq_rule_class {
	DQ_CLASS_KERNEL,	/* the kernel checks it itself: WARN, BUG or an error */
	DQ_CLASS_DRIVER,	/* an importer or exporter breaks it, and nothing stops it */
	DQ_CLASS_APP,		/* a program breaks it */
	DQ_CLASS_SPEED,		/* nobody breaks anything, but it costs time */
	DQ_CLASS_MAX
};

/* What a trace must have for a rule to be decided. */
enum dq_rule_need {
	DQ_NEED_CALLS = 0x1,	/* no call of the API was lost while the object lived */
	DQ_NEED_FDS = 0x2,	/* no event of descriptors or mappings was lost */
	DQ_NEED_CALLBACKS = 0x4, /* the exporter's callbacks were recorded all the time */
	DQ_NEED_BIRTH = 0x8,	/* the begin of the object's life was recorded */
	DQ_NEED_DEATH = 0x10,	/* ... or the end of the object's or the process's life */
	DQ_NEED_SYS = 0x20,	/* the result of the system call */
	DQ_NEED_LOOK = 0x40,	/* the recorder looked at the end who holds what */
};

enum dq_rule_id {
	/* export and descriptors */
	DQ_RULE_EXPORT_INVALID,
	DQ_RULE_EXPORT_FAILED,
	DQ_RULE_EXPORT_LOST,
	DQ_RULE_FD_FAILURE_LEAK,
	DQ_RULE_FD_BEFORE_FAILURE,
	DQ_RULE_LOOKUP_BAD_FD,
	DQ_RULE_FD_SURVIVES_EXEC,
	DQ_RULE_FD_LEFT_AT_EXIT,
	DQ_RULE_GROWS,
	/* attachments and mappings of devices */
	DQ_RULE_MAP_WITHOUT_ATTACH,
	DQ_RULE_USE_AFTER_DETACH,
	DQ_RULE_DETACH_OTHER_BUFFER,
	DQ_RULE_DETACH_WHILE_MAPPED,
	DQ_RULE_MAP_AGAIN,
	DQ_RULE_MAP_DIRECTION_CONFLICT,
	DQ_RULE_MAP_DIRECTION_NONE,
	DQ_RULE_UNMAP_WITHOUT_MAP,
	DQ_RULE_DOUBLE_UNMAP,
	DQ_RULE_UNMAP_DIRECTION,
	DQ_RULE_ATTACHMENT_LEAK,
	DQ_RULE_REFERENCE_LEAK,
	DQ_RULE_RELEASE_ATTACHED,
	DQ_RULE_CALLBACK_UNPAIRED,
	DQ_RULE_PIN_NOT_DYNAMIC,
	DQ_RULE_PIN_LEFT,
	DQ_RULE_UNPIN_WITHOUT_PIN,
	DQ_RULE_MOVE_IGNORED,
	DQ_RULE_CALL_FAILED,
	/* access by the CPU */
	DQ_RULE_SYNC_END_WITHOUT_START,
	DQ_RULE_SYNC_START_WITHOUT_END,
	DQ_RULE_SYNC_FLAGS_DIFFER,
	DQ_RULE_SYNC_INTERRUPTED,
	DQ_RULE_SYNC_INVALID,
	DQ_RULE_KERNEL_ACCESS_UNPAIRED,
	DQ_RULE_MAP_DURING_CPU_ACCESS,
	DQ_RULE_MMAP_WITHOUT_SYNC,
	DQ_RULE_VMAP_WITHOUT_BEGIN,
	DQ_RULE_VUNMAP_WITHOUT_VMAP,
	DQ_RULE_RELEASE_VMAPPED,
	DQ_RULE_MMAP_REJECTED,
	DQ_RULE_NAME_REJECTED,
	DQ_RULE_IOCTL_UNKNOWN,
	/* who keeps a buffer alive */
	DQ_RULE_OUTLIVES_USERS,
	DQ_RULE_REFERENCE_UNEXPLAINED,
	/* time */
	DQ_RULE_ATTACH_PER_FRAME,
	DQ_RULE_MAP_PER_FRAME,
	DQ_RULE_VMAP_PER_FRAME,
	DQ_RULE_SYNC_UNNEEDED,
	DQ_RULE_SYNC_WIDER_THAN_MAPPING,
	DQ_RULE_MAP_BIDIRECTIONAL,
	DQ_RULE_ATTACHED_TWICE,
	DQ_RULE_FENCE_WAIT,
	DQ_RULE_MAX
};

struct dq_rule {
	const char *id;		/* "detach-while-mapped" */
	enum dq_severity severity; /* unless the user says otherwise */
	enum dq_rule_class class;
	unsigned int need;	/* DQ_NEED_* */
	const char *title;	/* what is wrong, in one phrase */
	const char *explain;	/* what it means, what happens, what to do: sentences */
	const char *cite;	/* where the kernel says so */
};

extern const struct dq_rule dq_rules[DQ_RULE_MAX];
const struct dq_rule *dq_rule_by_id(const char *id);	/* NULL: there is none */
const char *dq_severity_name(enum dq_severity s);	/* "warning" */
int dq_severity_by_name(const char *name);		/* enum dq_severity, or -EINVAL */
const char *dq_rule_class_name(enum dq_rule_class c);	/* "driver bug" */
const char *dq_rule_class_key(enum dq_rule_class c);	/* "driver" */
/* The n-th thing that a rule needs, as a phrase; NULL: no more. */
const char *dq_rule_need_text(unsigned int need, size_t n);

#endif /* DQ_MODEL_RULES_H */
