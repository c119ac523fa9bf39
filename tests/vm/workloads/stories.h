/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the stories of dqload share: the options, and the choice of devices.
 * A story is a function that does its work, dq_report()s and returns; it ends
 * the program when the kernel does something else (abi.h).
 */
#ifndef DQ_STORIES_H
#define DQ_STORIES_H

#include <linux/dma-buf.h>

#include "abi.h"

#define START_R		(DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ)
#define START_W		(DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE)
#define START_RW	(DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW)
#define END_R		(DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ)
#define END_W		(DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE)
#define END_RW		(DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW)

extern struct dq_options {
	enum dq_exporter exporter;
	int rounds;
	int frames;
	int pairs;
	int count;
	int ms;
	const char *account;	/* where accounts go: account.h */
	const char *change;	/* what the next version of `frames` does worse */
	const char *wait;	/* fifo at which the story pauses */
} opt;

/* @given, or the story's own where the option was not used. */
int number(int given, int prime);
/* The best exporter there is, in this order, unless one was asked for. */
enum dq_exporter pick(const enum dq_exporter *order, int n);
enum dq_exporter pick_plain(void);

/* fences.c */
void story_fence(void);
void story_poll(void);
void story_kworker(void);
/* threads.c */
void story_threads(void);
/* routes.c */
void story_routes(void);
void story_leak(void);
void story_hold(void);
/* What an agent executes itself as: agent.h. */
int agent_main(int number);

#endif
