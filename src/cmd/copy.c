/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * copy.c - see copy.h. Touches stdout, or the file that it is told to write.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_common.h"
#include "copy.h"
#include "util/util.h"

static int copy_items(struct dq_reader *r, int fd, const char *out, struct dq_anon *anon)
{
	const struct dq_reader_state *st = dq_reader_state(r);
	struct dq_writer_opts wo = {.mono = st->mono, .real = st->real};
	struct dq_writer *w = NULL;
	struct dq_sink sink = { 0 }, writer;
	struct dq_item item;
	int rc = 0, err;

	memcpy(wo.boot_id, st->boot_id, sizeof(wo.boot_id));
	if (anon)
		dq_anon_header(anon, wo.boot_id, &wo.real);
	err = dq_writer_new(&w, fd, &wo);
	if (!err) {
		writer = dq_writer_sink(w);
		sink = anon ? dq_anon_sink(anon, &writer) : writer;
	}
	while (!err && (rc = dq_cmd_next(r, &item)) > 0)
		err = sink.put(sink.ctx, &item);
	if (!err)
		err = dq_writer_close(&w);
	else
		dq_writer_close(&w);
	if (err)
		dq_err("%s: cannot write: %s", out, strerror(-err));
	return err || rc < 0 ? DQ_EXIT_FAIL : DQ_EXIT_OK;
}

/* Opens the output without destroying what is there before it is known not to be the input. */
static int open_out(const char *out, const char *in)
{
	struct stat a, b;
	int fd = open(out, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);

	if (fd < 0) {
		dq_err("%s: cannot create: %s", out, strerror(errno));
		return -1;
	}
	if (!fstat(fd, &a) && !stat(in, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
	    S_ISREG(a.st_mode)) {
		dq_err("%s: is the input", out);
		close(fd);
		return -1;
	}
	if (S_ISREG(a.st_mode) && ftruncate(fd, 0)) {
		dq_err("%s: cannot write: %s", out, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

int dq_copy_trace(struct dq_reader *r, const char *out, const char *in, struct dq_anon *anon)
{
	bool to_stdout = !strcmp(out, "-");
	int fd = to_stdout ? STDOUT_FILENO : open_out(out, in);
	int status;

	if (fd < 0)
		return DQ_EXIT_FAIL;
	status = copy_items(r, fd, to_stdout ? "standard output" : out, anon);
	if (!to_stdout && close(fd) && !status) {
		dq_err("%s: cannot write: %s", out, strerror(errno));
		status = DQ_EXIT_FAIL;
	}
	return status;
}
