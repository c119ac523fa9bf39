/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * anon.h - a trace that can be shown to strangers: names are replaced, the story stays.
 *
 * Works on one item at a time, so that it stands in front of any sink: a file that is being
 * recorded as well as a copy of one. The same name has the same replacement everywhere in a
 * trace; replacements are given out in the order of first sight, so that the same trace gives the
 * same result. What is no name of this list of the kernel's own (anon_known.c) is replaced:
 * a name is kept because it is known to be harmless, never because it was not recognized.
 *
 * What stays, what goes and why: "Sharing a trace" in docs/SECURITY.md.
 */
#ifndef DQ_ANON_H
#define DQ_ANON_H

#include "trace.h"

/* What can be kept by request. */
enum dq_anon_keep {
	DQ_KEEP_PROCESSES = 1 << 0, /* names of processes and threads */
	DQ_KEEP_DRIVERS = 1 << 1,   /* drivers, modules, exporters, subsystems, buses */
	DQ_KEEP_DEVICES = 1 << 2,   /* devices and the paths of their nodes */
	DQ_KEEP_BUFFERS = 1 << 3,   /* names of buffers */
	DQ_KEEP_FUNCTIONS = 1 << 4, /* callers and stacks; their modules are DRIVERS */
	DQ_KEEP_IDS = 1 << 5,	    /* pids and inode numbers */
	DQ_KEEP_TIME = 1 << 6,	    /* the date */
};
/* 0: no such word ("processes", "drivers", ... "time") */
unsigned int dq_anon_keep_by_name(const char *name, size_t len);

struct dq_anon;

int dq_anon_new(struct dq_anon **ret_a, unsigned int keep); /* 0 or -ENOMEM */
void dq_anon_free(struct dq_anon **a);

/* What a file's header says of the machine: no boot id, and another date. The times of one trace
 * keep their distances. Before the first item. */
void dq_anon_header(struct dq_anon *a, uint8_t boot_id[16], uint64_t *real);

/* Changes the item. Its strings are then those that it had, or belong to a until a is freed.
 * 1: put it; 0: leave it out; -ENOMEM. */
int dq_anon_item(struct dq_anon *a, struct dq_item *item);

/* A sink that hands on what it is given, without the names; before its first item it puts the meta
 * "anonymized". Both must outlive it. */
struct dq_sink dq_anon_sink(struct dq_anon *a, const struct dq_sink *next);

/* anon_known.c: words of the kernel itself, which say nothing about whose machine it is. */
bool dq_known_driver(const char *s, size_t len); /* also modules, exporters; '-' is '_' */
bool dq_known_subsystem(const char *s);
bool dq_known_bus(const char *s);
bool dq_known_path(const char *s); /* "/dev/video0": a node of a kernel's own kind */
bool dq_known_function(const char *s, size_t len); /* of the kernel proper or a known driver */

#endif /* DQ_ANON_H */
