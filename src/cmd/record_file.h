/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_file.h - opens the files that a recorder writes, on a machine where others can
 * put links, fifos and files of their own where it is going to write. A recorder runs with
 * rights that they have not.
 *
 * New files are of mode 0600 and are made, never found. In a directory that everybody may
 * write to, links of others are not followed on the way, and files of others, or with
 * another name somewhere (hard links), are not written to, whatever fs.protected_* says.
 */
#ifndef DQ_RECORD_FILE_H
#define DQ_RECORD_FILE_H

#include <stdbool.h>

struct record_file {
	int fd;			/* for writing */
	int dir;		/* its directory, O_PATH: for renameat(), unlinkat() */
	char *name;		/* in it */
	bool created;		/* it was not there before */
	bool regular;
};

/*
 * force: a regular file that is there is opened, and not yet changed. What is no regular file
 * (a device, a fifo) is opened in any case. 0, or -errno after saying why on stderr; then
 * nothing is open.
 */
int record_file_open(struct record_file *f, const char *path, bool force);
/* A new file beside f, opened into *ret, that took its name. -EEXIST when there is one. */
int record_file_beside(struct record_file *ret, const struct record_file *f, const char *name);
/* Removes it, if we have created it. */
void record_file_remove(const struct record_file *f);
/* 0, or -errno of close(): an error of the disk that no write has told. */
int record_file_close(struct record_file *f);

#endif /* DQ_RECORD_FILE_H */
