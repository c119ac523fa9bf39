/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * static_slim.c - a static binary without parts of its libraries that it never runs.
 *
 * What is defined here is not taken from a library, nor is what that would need: translation of
 * messages, a resolver for each thread, and with them wide characters and network interfaces (of
 * the GNU C library); light skeletons and USDT (of libbpf). 96 kB on arm64. All is weak: a library
 * of another version that takes its part nevertheless takes it whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SLIM __attribute__((weak))

/* ---- the C library ---- */

/* There are no translations. Of assert() and of libelf's error messages. */
char *dcgettext(const char *domain, const char *text, int category);
char *__dcgettext(const char *domain, const char *text, int category);

SLIM char *dcgettext(const char *domain, const char *text, int category)
{
	(void)domain;
	(void)category;
	return (char *)text;
}

SLIM char *__dcgettext(const char *domain, const char *text, int category)
{
	return dcgettext(domain, text, category);
}

void __assert_fail(const char *what, const char *file, unsigned int line, const char *fn);

SLIM void __assert_fail(const char *what, const char *file, unsigned int line, const char *fn)
{
	dprintf(STDERR_FILENO, "%s:%u: %s: assertion failed: %s\n", file, line, fn, what);
	abort();
}

/* A thread has one of its own. Nothing here asks for the address of a host. */
struct __res_state;
extern __thread struct __res_state *__libc_resp, *__resp;
SLIM __thread struct __res_state *__libc_resp, *__resp;

/* ---- libbpf ---- */

/* Called for every object, with NULL here. */
void bpf_gen__free(void *gen);
void usdt_manager_free(void *man);

SLIM void bpf_gen__free(void *gen)
{
	(void)gen;
}

SLIM void usdt_manager_free(void *man)
{
	(void)man;
}

/* Called for an object of bpf_object__gen_loader() and a program of bpf_program__attach_usdt(). */
#define NEVER(name)         \
	void name(void);    \
	SLIM void name(void) \
	{                   \
		abort();    \
	}

NEVER(bpf_gen__init)
NEVER(bpf_gen__finish)
NEVER(bpf_gen__load_btf)
NEVER(bpf_gen__map_create)
NEVER(bpf_gen__map_freeze)
NEVER(bpf_gen__map_update_elem)
NEVER(bpf_gen__populate_outer_map)
NEVER(bpf_gen__prog_load)
NEVER(bpf_gen__record_attach_target)
NEVER(bpf_gen__record_extern)
NEVER(bpf_gen__record_relo_core)
NEVER(usdt_manager_new)
NEVER(usdt_manager_attach_usdt)
