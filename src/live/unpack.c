/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unpack.c - see unpack.h. Touches the heap.
 */
#define ZLIB_CONST
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "unpack.h"

static void *unpacked;

void dq_bpf_unpacked_free(void)
{
	free(unpacked);
	unpacked = NULL;
}

/* gzip writes the length behind the data. */
static size_t length(const unsigned char *gz, size_t len)
{
	const unsigned char *p = gz + len - 4;

	return p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

const void *dq_bpf_unpack(const unsigned char *gz, size_t len, size_t *ret_size)
{
	size_t size = length(gz, len);
	z_stream z = { .next_in = gz, .avail_in = (uInt)len };
	int rc;

	*ret_size = 0;
	dq_bpf_unpacked_free();
	unpacked = malloc(size);
	if (!unpacked || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return NULL;
	z.next_out = unpacked;
	z.avail_out = (uInt)size;
	rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (rc != Z_STREAM_END)
		return NULL;
	*ret_size = size;
	return unpacked;
}
