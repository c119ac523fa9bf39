/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * look.h - what no output may have in it, whatever was in the trace. Each function aborts, after
 * saying what it saw and where. For fuzz targets and for tests.
 */
#ifndef DQ_FUZZ_LOOK_H
#define DQ_FUZZ_LOOK_H

#include <stddef.h>

/* How an output is to be looked at. All of them: strict UTF-8 of which a terminal shows every
 * character and obeys none, but for newlines and tabs. */
enum look {
	LOOK_TEXT,
	LOOK_JSON,     /* one value, and nothing else */
	LOOK_JSONL,    /* a value a line */
	LOOK_XML,      /* well-formed */
	LOOK_SVG,      /* ... and nothing in it that runs or loads */
	LOOK_QUOTED,   /* Msc-generator, DOT: a string ends in the line where it begins */
	LOOK_PLANTUML, /* no preprocessor */
	LOOK_MERMAID,  /* no directive */
	LOOK_NOTHING,  /* binary */
};
void look_at(const char *what, enum look how, const char *s, size_t len);

#endif /* DQ_FUZZ_LOOK_H */
