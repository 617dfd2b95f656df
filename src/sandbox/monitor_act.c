/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor does for a program, and what must be allowed before. */
#include "sandbox/monitor_priv.h"

#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What openat2 knows; the rest openat ignores, and so do we. */
#define OPEN_FLAGS                                                                                 \
	((uint64_t)(O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC |     \
		    O_SYNC | O_DIRECT | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |         \
		    O_TMPFILE))
#define MODE_BITS 01777U /* never setuid, setgid: as the filter has it */

static bool opens_temporary(const struct monitor_call *c)
{
	return (c->flags & O_TMPFILE) == O_TMPFILE;
}

static bool opens_to_write(const struct monitor_call *c)
{
	return (c->flags & O_ACCMODE) != O_RDONLY || (c->flags & O_TRUNC) || !c->to.exists;
}

static void need(struct monitor_need *list, size_t *n, uint8_t right,
		 const struct monitor_path *path)
{
	list[(*n)++] = (struct monitor_need){.right = right, .path = path};
}

/* A file that is moved is read by its new name then: so reading the old one has to be allowed too. */
static bool rename_needs(const struct monitor_self *m, const struct monitor_call *c,
			 struct monitor_need *ret, size_t *ret_n)
{
	if (!c->to.place && !c->from.place) {
		monitor_go_on(m, c);
		return false;
	}
	if (c->to.place != c->from.place || c->from.is_dir) {
		monitor_refuse(m, c, EXDEV);
		return false;
	}
	if (c->flags & ~(uint64_t)RENAME_NOREPLACE) {
		monitor_refuse(m, c, EINVAL);
		return false;
	}
	need(ret, ret_n, EACH_READ, &c->from);
	need(ret, ret_n, EACH_WRITE, &c->from);
	need(ret, ret_n, EACH_WRITE, &c->to);
	return true;
}

bool monitor_needs(const struct monitor_self *m, const struct monitor_call *c,
		   struct monitor_need ret[MONITOR_NEEDS], size_t *ret_n)
{
	*ret_n = 0;
	if (c->kind == MONITOR_RENAME) {
		return rename_needs(m, c, ret, ret_n);
	}
	if (c->kind == MONITOR_LINK && (c->to.place || c->from.place)) {
		monitor_refuse(m, c, EPERM);
		return false;
	}
	/* With O_PATH nothing is opened but a name. */
	if (!c->to.place || c->kind == MONITOR_OTHER ||
	    (c->kind == MONITOR_OPEN && (c->flags & O_PATH))) {
		monitor_go_on(m, c);
		return false;
	}
	if (c->kind != MONITOR_OPEN) {
		need(ret, ret_n, EACH_WRITE, &c->to);
		return true;
	}
	if ((c->flags & O_ACCMODE) != O_WRONLY) {
		need(ret, ret_n, EACH_READ, &c->to);
	}
	if (opens_to_write(c)) {
		need(ret, ret_n, EACH_WRITE, &c->to);
	}
	return true;
}

/* It was asked for to wait, or not to; the monitor itself never waits. */
static void wait_as_asked(int fd, uint64_t flags)
{
	if (!(flags & O_NONBLOCK)) {
		int now = fcntl(fd, F_GETFL);

		(void)fcntl(fd, F_SETFL, now & ~O_NONBLOCK);
	}
}

static void open_it(const struct monitor_self *m, const struct monitor_call *c)
{
	uint64_t flags = (c->flags & OPEN_FLAGS) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	bool makes = !c->to.exists || (c->flags & O_EXCL);
	CLEANUP(fd_close) int fd = -1;
	uint64_t mode = 0;
	struct stat st;

	if (c->to.exists && !(c->flags & O_EXCL)) {
		flags &=
			~(uint64_t)O_CREAT; /* one that is gone by now was not decided to be made */
	}
	if (((flags & O_CREAT) && makes) || opens_temporary(c)) {
		mode = c->mode & MODE_BITS & ~(uint64_t)monitor_umask(c->pid);
	}
	fd = monitor_open(m, &c->to, opens_to_write(c), flags, mode);
	if (fd < 0) {
		monitor_refuse(m, c, -fd);
		return;
	}
	/* Folders as they are seen by the program, where they are read only; no pipes, devices and sockets at all. */
	if (fstat(fd, &st) < 0 ||
	    !(S_ISREG(st.st_mode) || (S_ISDIR(st.st_mode) && !opens_to_write(c)))) {
		monitor_refuse(m, c, EACCES);
		return;
	}
	wait_as_asked(fd, c->flags);
	monitor_give(m, c, fd, c->flags & O_CLOEXEC);
}

/* ---- changes: 0 or -errno ---- */

static int result(int r)
{
	return r < 0 ? -errno : 0;
}

static int rename_it(const struct monitor_call *c)
{
	const char *from_name, *to_name;
	CLEANUP(fd_close) int from = monitor_open_parent(&c->from, &from_name);
	CLEANUP(fd_close) int to = monitor_open_parent(&c->to, &to_name);
	struct stat st;

	if (from < 0 || to < 0) {
		return from < 0 ? from : to;
	}
	if (fstatat(from, from_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		return -errno;
	}
	if (S_ISDIR(st.st_mode)) {
		return -EXDEV; /* it is one by now */
	}
	return result(
		(int)syscall(SYS_renameat2, from, from_name, to, to_name, (unsigned)c->flags));
}

static int in_parent(const struct monitor_call *c)
{
	const char *name;
	CLEANUP(fd_close) int dir = monitor_open_parent(&c->to, &name);

	if (dir < 0) {
		return dir;
	}
	switch (c->kind) {
	case MONITOR_MKDIR:
		return result(
			mkdirat(dir, name,
				(mode_t)(c->mode & MODE_BITS & ~(uint64_t)monitor_umask(c->pid))));
	case MONITOR_REMOVE:
		return result(unlinkat(dir, name, (int)c->flags));
	case MONITOR_SYMLINK:
		return result(symlinkat(c->text, dir, name));
	case MONITOR_TIMES:
		return result(utimensat(dir, name, c->now ? NULL : c->times, AT_SYMLINK_NOFOLLOW));
	case MONITOR_OPEN:
	case MONITOR_TRUNCATE:
	case MONITOR_RENAME:
	case MONITOR_LINK:
	case MONITOR_MODE:
	case MONITOR_OTHER:
		break;
	}
	return -ENOSYS;
}

/* Mode and times of what is not a link. */
static int set_metadata(const struct monitor_self *m, const struct monitor_call *c)
{
	CLEANUP(fd_close) int fd = monitor_open(m, &c->to, true, O_PATH, 0);
	char link[64];

	if (fd < 0) {
		return fd;
	}
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return c->kind == MONITOR_MODE
		       ? result(chmod(link, (mode_t)(c->mode & MODE_BITS)))
		       : result(utimensat(AT_FDCWD, link, c->now ? NULL : c->times, 0));
}

static int truncate_it(const struct monitor_self *m, const struct monitor_call *c)
{
	CLEANUP(fd_close)
	int fd = monitor_open(m, &c->to, true, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);

	return fd < 0 ? fd : result(ftruncate(fd, (off_t)c->length));
}

static int change(const struct monitor_self *m, const struct monitor_call *c)
{
	switch (c->kind) {
	case MONITOR_TRUNCATE:
		return truncate_it(m, c);
	case MONITOR_RENAME:
		return rename_it(c);
	case MONITOR_MODE:
		return set_metadata(m, c);
	case MONITOR_TIMES:
		return c->flags & AT_SYMLINK_NOFOLLOW ? in_parent(c) : set_metadata(m, c);
	case MONITOR_MKDIR:
	case MONITOR_REMOVE:
	case MONITOR_SYMLINK:
		return in_parent(c);
	case MONITOR_OPEN:
	case MONITOR_LINK:
	case MONITOR_OTHER:
		break;
	}
	return -EACCES;
}

void monitor_perform(const struct monitor_self *m, const struct monitor_call *c)
{
	int error;

	if (c->kind == MONITOR_OPEN) {
		open_it(m, c);
		return;
	}
	error = -change(m, c);
	if (error) {
		monitor_refuse(m, c, error);
	} else {
		monitor_done(m, c);
	}
}
