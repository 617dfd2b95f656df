/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where paths lead. The kernel walks them, as far as they exist, from where the thread stands; the answer is the
 * path that /proc shows of what was reached. Links of /proc that stand for open files or other processes are not
 * followed: what lies behind them is left to the kernel, which gives nothing of our places.
 */
#include "sandbox/monitor_priv.h"

#include "sandbox/plan_priv.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

bool monitor_read(pid_t pid, uint64_t address, void *ret, size_t n)
{
	struct iovec ours = {.iov_base = ret, .iov_len = n};
	struct iovec theirs = {.iov_base = (void *)(uintptr_t)address, .iov_len = n};

	return process_vm_readv(pid, &ours, 1, &theirs, 1, 0) == (ssize_t)n;
}

bool monitor_read_text(pid_t pid, uint64_t address, char ret[PATH_MAX])
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	/* Page by page, since the next one need not be there. */
	for (size_t n = 0; n < PATH_MAX;) {
		size_t step = page - (size_t)((address + n) % page);

		step = step < PATH_MAX - n ? step : PATH_MAX - n;
		if (!monitor_read(pid, address + n, ret + n, step)) {
			return false;
		}
		if (memchr(ret + n, 0, step)) {
			return true;
		}
		n += step;
	}
	return false;
}

unsigned monitor_umask(pid_t pid)
{
	char path[64], text[1024];
	CLEANUP(fd_close) int fd = -1;
	const char *at;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\nUmask:\t");
	return at ? (unsigned)strtoul(at + 8, NULL, 8) & 0777 : 077;
}

static int walk_from(int at, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
	long fd = syscall(SYS_openat2, at, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Where the thread's path begins. */
static int open_base(const struct monitor_self *m, pid_t pid, int at, const char *text)
{
	char path[64];

	if (text[0] == '/') {
		return fcntl(m->slash, F_DUPFD_CLOEXEC, 0);
	}
	if (at == AT_FDCWD) {
		(void)snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	} else {
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, at);
	}
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The path of what is open; false when it has none any more, or a longer one. */
static bool path_of(int fd, struct monitor_path *ret)
{
	char link[64];
	struct stat st;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret->text, sizeof(ret->text));
	if (n <= 0 || n >= (ssize_t)sizeof(ret->text) || ret->text[0] != '/' ||
	    fstat(fd, &st) < 0 || st.st_nlink == 0) {
		return false;
	}
	ret->text[n] = '\0';
	ret->n = (size_t)n;
	ret->is_dir = S_ISDIR(st.st_mode);
	return true;
}

/* A name that is not there yet: its folder is, and the name is a plain one. */
static bool look_new(int base, const char *text, struct monitor_path *ret)
{
	char dir[PATH_MAX];
	CLEANUP(fd_close) int fd = -1;
	size_t n = strlen(text), from;

	while (n > 1 && text[n - 1] == '/') {
		n--;
	}
	for (from = n; from > 0 && text[from - 1] != '/';) {
		from--;
	}
	memcpy(dir, text, from);
	memcpy(dir + from, ".", 2);
	fd = n - from == 0 || n - from > NAME_MAX
		     ? -1
		     : walk_from(base, dir, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_MAGICLINKS);
	if (fd < 0 || !path_of(fd, ret) || ret->n + 1 + (n - from) >= sizeof(ret->text) ||
	    str_eq(str_make(text + from, n - from), STR(".")) ||
	    str_eq(str_make(text + from, n - from), STR(".."))) {
		return false;
	}
	if (ret->n > 1) {
		ret->text[ret->n++] = '/';
	}
	memcpy(ret->text + ret->n, text + from, n - from);
	ret->n += n - from;
	ret->text[ret->n] = '\0';
	ret->is_dir = false;
	return true;
}

void monitor_look(const struct monitor_self *m, pid_t pid, int at, const char *text, unsigned how,
		  struct monitor_path *ret)
{
	CLEANUP(fd_close) int base = -1;
	CLEANUP(fd_close) int found = -1;

	ret->place = NULL;
	base = text[0] ? open_base(m, pid, at, text) : -1;
	if (base < 0) {
		return;
	}
	found = walk_from(base, text, O_PATH | (how & LOOK_LINK ? (uint64_t)O_NOFOLLOW : 0), 0,
			  RESOLVE_NO_MAGICLINKS);
	ret->exists = found >= 0;
	if (found >= 0 ? !path_of(found, ret)
		       : found != -ENOENT || !(how & LOOK_NEW) || !look_new(base, text, ret)) {
		return;
	}
	for (size_t i = 0; i < m->n_places; i++) {
		const struct monitor_place *p = &m->places[i];

		if (path_within(str_make(ret->text, ret->n), str_make(p->path, p->n))) {
			ret->place = p;
			return;
		}
	}
}

/* ---- exactly one path ---- */

enum { EXACTLY = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

/* Behind the place's own path: "" for the place itself. */
static const char *below_place(const struct monitor_path *p)
{
	return p->n > p->place->n ? p->text + p->place->n + 1 : "";
}

int monitor_open(const struct monitor_self *m, const struct monitor_path *p, bool tree,
		 uint64_t flags, uint64_t mode)
{
	const char *below = below_place(p);
	char link[64];
	int fd;

	if (!tree) {
		return walk_from(m->slash, p->text + 1, flags, mode, EXACTLY);
	}
	if (below[0] || p->place->is_dir) {
		return walk_from(p->place->tree, below[0] ? below : ".", flags, mode, EXACTLY);
	}
	/* The place is a file: its tree is that file. */
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", p->place->tree);
	fd = open(link, (int)(flags & ~(uint64_t)(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int monitor_open_parent(const struct monitor_path *p, const char **ret_name)
{
	char dir[PATH_MAX];
	const char *below = below_place(p);
	const char *last = strrchr(below, '/');
	size_t n = last ? (size_t)(last - below) : 0;

	if (!below[0]) {
		return -EBUSY; /* the place itself: it is mounted */
	}
	memcpy(dir, below, n);
	memcpy(dir + n, n ? "" : ".", n ? 1 : 2);
	*ret_name = last ? last + 1 : below;
	return walk_from(p->place->tree, dir, O_PATH | O_DIRECTORY, 0, EXACTLY);
}
