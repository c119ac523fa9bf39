/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hint.c - see hint.h. Looks at files, directories, PATH and limits; changes nothing.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hint.h"

/* The directory of a path, and "." for a name alone. */
static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* The first part of the directory that is not there or is no directory, in place. */
static void cut_at_missing(char *dir)
{
	struct stat st;

	for (char *p = dir; *p; p++) {
		char *end = strchrnul(p + 1, '/'), was = *end;

		*end = '\0';
		if (stat(dir, &st) || !S_ISDIR(st.st_mode))
			return;
		*end = was;
		p = end - 1;
	}
}

static void no_directory(struct dq_sb *sb, const char *dir)
{
	char *part = strdup(dir);
	struct stat st;

	if (!part)
		return;
	cut_at_missing(part);
	if (!lstat(part, &st) && S_ISLNK(st.st_mode))
		dq_sb_printf(sb, ": %s is a link to nothing. Try: ls -l %s", part, part);
	else if (!stat(part, &st) && !S_ISDIR(st.st_mode))
		dq_sb_printf(sb, ": %s is no directory. Try: ls -l %s", part, part);
	else if (stat(dir, &st))
		dq_sb_printf(sb, ": there is no directory %s. Try: mkdir -p %s", part, dir);
	free(part);
}

static void not_allowed(struct dq_sb *sb, const char *path, const char *dir)
{
	const char *what = access(path, F_OK) ? dir : path;

	if (!access(what, W_OK))	/* a policy, an attribute, a parent without x */
		dq_sb_printf(sb, ": user %u was refused. Try: ls -ld %s", (unsigned int)geteuid(), what);
	else
		dq_sb_printf(sb, ": user %u may not write to %s. Try: ls -ld %s",
			     (unsigned int)geteuid(), what, what);
}

void dq_why_not_create(struct dq_sb *sb, const char *path, int err)
{
	char *dir = dir_of(path);

	err = abs(err);
	dq_sb_printf(sb, ": %s", dq_errname(err));
	if (!dir)
		return;
	if (err == ENOENT || err == ENOTDIR)
		no_directory(sb, dir);
	else if (err == EROFS)
		dq_sb_printf(sb, ": %s is on a file system that is mounted read-only. Try: findmnt -T %s", dir,
			     dir);
	else if (err == EACCES || err == EPERM)
		not_allowed(sb, path, dir);
	else if (err == EISDIR)
		dq_sb_printf(sb, ": it is a directory. Try: ls -ld %s", path);
	else if (err == ENOSPC || err == EDQUOT)
		dq_why_not_write(sb, path, 0);
	else
		dq_sb_printf(sb, ". Try: ls -ld %s", dir);
	free(dir);
}

void dq_why_not_write(struct dq_sb *sb, const char *path, int err)
{
	struct statvfs fs;
	char *dir = dir_of(path);

	err = abs(err);
	if (err)
		dq_sb_printf(sb, ": %s", dq_errname(err));
	if (err == EFBIG)
		dq_sb_puts(sb, ": it is as large as this shell allows. Try: ulimit -f unlimited");
	else if (err == EDQUOT)
		dq_sb_printf(sb, ": the quota of user %u is used up. Try: quota", (unsigned int)geteuid());
	else if (err == EPIPE)
		dq_sb_puts(sb, ": the reader went away");
	else if ((err == ENOSPC || !err) && dir && !statvfs(dir, &fs) && !fs.f_ffree && fs.f_files)
		dq_sb_printf(sb, ": no inode is left. Try: df -i %s", dir);
	else if ((err == ENOSPC || !err) && dir)
		dq_sb_printf(sb, ": the disk is full. Try: df -h %s", dir);
	free(dir);
}

/* ---- commands ---- */

/* The file that execvp() meant, or NULL: none in PATH. */
static char *find_program(const char *cmd)
{
	const char *path = getenv("PATH");
	struct stat st;

	if (strchr(cmd, '/'))
		return strdup(cmd);
	while (path) {
		size_t len = strcspn(path, ":");
		struct dq_sb sb = { 0 };

		dq_sb_printf(&sb, "%.*s%s%s", (int)len, path, len ? "/" : "", cmd);
		if (!sb.err && !stat(sb.s, &st) && S_ISREG(st.st_mode))
			return sb.s;
		dq_sb_free(&sb);
		path = path[len] ? path + len + 1 : NULL;
	}
	return NULL;
}

/* Of an ELF file of this machine's class: the path of its dynamic linker. */
static void elf_interpreter(const char *head, size_t len, char *out, size_t size)
{
	bool is64 = head[EI_CLASS] == ELFCLASS64;
	uint64_t off = is64 ? ((const Elf64_Ehdr *)head)->e_phoff : ((const Elf32_Ehdr *)head)->e_phoff;
	unsigned int n = is64 ? ((const Elf64_Ehdr *)head)->e_phnum :
				((const Elf32_Ehdr *)head)->e_phnum;

	for (size_t each = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr); n--; off += each) {
		Elf64_Phdr p64;
		Elf32_Phdr p32;
		uint64_t type, at, bytes;

		if (off > len || len - off < each)
			return;
		memcpy(&p64, head + off, is64 ? each : 0);
		memcpy(&p32, head + off, is64 ? 0 : each);
		type = is64 ? p64.p_type : p32.p_type;
		at = is64 ? p64.p_offset : p32.p_offset;
		bytes = is64 ? p64.p_filesz : p32.p_filesz;
		if (type != PT_INTERP)
			continue;
		if (at < len && bytes <= len - at && bytes < size) {
			memcpy(out, head + at, bytes);
			out[bytes] = '\0';
		}
		return;
	}
}

/* The program that is needed to run this one: of "#!" or of a dynamic executable; "" none. */
static void interpreter(const char *path, char *out, size_t size)
{
	_Alignas(8) char head[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, head, sizeof(head) - 1);

	if (fd >= 0)
		close(fd);
	out[0] = '\0';
	if (len < 4)
		return;
	head[len] = '\0';
	if (!memcmp(head, "#!", 2)) {
		char *p = head + 2 + strspn(head + 2, " \t");

		snprintf(out, size, "%.*s", (int)strcspn(p, " \t\r\n"), p);
	} else if (!memcmp(head, ELFMAG, SELFMAG) && (size_t)len >= sizeof(Elf64_Ehdr)) {
		elf_interpreter(head, (size_t)len, out, size);
	}
}

static void why_enoent(struct dq_sb *sb, const char *cmd, const char *path)
{
	char interp[PATH_MAX];

	if (!path) {
		dq_sb_puts(sb, ": it is in no directory of PATH. Try: dmaseq record -- /path/to/");
		dq_sb_shell(sb, cmd);
		return;
	}
	if (access(path, F_OK)) {
		dq_sb_puts(sb, ": there is no such file");
		if (!strchr(path, ' '))
			dq_sb_printf(sb, ". Try: ls -l %s", path);
		return;
	}
	interpreter(path, interp, sizeof(interp));
	if (*interp && access(interp, F_OK))
		dq_sb_printf(sb, ": it is there, but %s, which it is run with, is not. Try: ls -l %s", interp,
			     interp);
}

static void why_eacces(struct dq_sb *sb, const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st))
		dq_sb_printf(sb, ": user %u may not look into its directory. Try: ls -ld %s",
			     (unsigned int)geteuid(), path);
	else if (S_ISDIR(st.st_mode))
		dq_sb_printf(sb, ": it is a directory. Try: ls %s", path);
	else if (!(st.st_mode & 0111))
		dq_sb_printf(sb, ": it is not executable. Try: chmod +x %s", path);
	else if (!statvfs(path, &fs) && fs.f_flag & ST_NOEXEC)
		dq_sb_printf(sb, ": it is on a file system that is mounted noexec. Try: findmnt -T %s", path);
	else
		dq_sb_printf(sb, ": user %u may not run it. Try: ls -l %s", (unsigned int)geteuid(), path);
}

void dq_why_not_run(struct dq_sb *sb, const char *cmd, int err)
{
	char *path = find_program(cmd);

	err = abs(err);
	dq_sb_printf(sb, ": %s", dq_errname(err));
	if (err == ENOENT || err == ENOTDIR)
		why_enoent(sb, cmd, path);
	else if (err == EACCES && path)
		why_eacces(sb, path);
	else if (err == ENOEXEC && path)
		dq_sb_printf(sb, ": it is no program for this machine. Try: file %s", path);
	free(path);
}
