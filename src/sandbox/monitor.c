/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor hears and answers. */
#include "sandbox/monitor_priv.h"

#include "sandbox/confine.h"
#include "sandbox/seccomp.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HIGH = 512, NONE = -1, CWD = -2 };

/* ---- beginning ---- */

/* Above everything that it was born with, which is closed then. */
static int keep(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
}

static enum err_code copy_places(const struct monitor *m, struct monitor_self *self,
				 struct err *err)
{
	self->places = calloc(m->n_roots, sizeof(*self->places));
	if (!self->places) {
		return ERR(err, ERR_NOMEM, "no memory for a monitor");
	}
	for (size_t i = 0; i < m->n_roots; i++) {
		struct monitor_place *p = &self->places[self->n_places++];

		if (m->roots[i].path.n >= sizeof(p->path)) {
			return ERR(err, ERR_LIMIT, "a place's path is too long");
		}
		memcpy(p->path, m->roots[i].path.p, m->roots[i].path.n);
		p->n = m->roots[i].path.n;
		p->is_dir = m->roots[i].is_dir;
		p->tree = keep(m->roots[i].tree);
		if (p->tree < 0) {
			return ERR_ERRNO(err, "keep a place");
		}
	}
	return ERR_OK;
}

static enum err_code receive_listener(int from, int *ret, struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	const struct cmsghdr *c;

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != 1 || !(c = CMSG_FIRSTHDR(&msg)) ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int))) {
		return ERR(err, ERR_CLOSED, "there is nobody to monitor");
	}
	memcpy(ret, CMSG_DATA(c), sizeof(*ret));
	return ERR_OK;
}

enum err_code monitor_begin(const struct monitor *m, struct monitor_self *ret, struct err *err)
{
	struct monitor_self self = {.decider = keep(m->decider),
				    .slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	CLEANUP(fd_close) int from = keep(m->listener);

	if (self.decider < 0 || from < 0 || self.slash < 0 || (self.slash = keep(self.slash)) < 0) {
		return ERR_ERRNO(err, "keep the monitor's descriptors");
	}
	TRY(copy_places(m, &self, err));
	/* Nothing of the program's: neither its group, which is signalled as one, nor its streams. */
	if (setsid() < 0 || close_range(0, HIGH - 1, 0) < 0 ||
	    prctl(PR_SET_NAME, "writ-monitor", 0, 0, 0) < 0) {
		return ERR_ERRNO(err, "leave the program");
	}
	(void)umask(0);
	TRY(confine_capabilities_but(CAP_SYS_PTRACE, err));
	TRY(confine_not_dumpable(err));
	TRY(seccomp_enter(&m->plan->monitor_filter, err));
	if (m->plan->shared && munmap(m->plan->shared, m->plan->n_shared) < 0) {
		return ERR_ERRNO(err, "give up shared memory");
	}
	TRY(receive_listener(from, &self.listener, err));
	*ret = self;
	return ERR_OK;
}

/* ---- hearing ---- */

/* Which arguments mean what; NONE: there is no such one. Of directories CWD: the current one. */
struct shape {
	uint32_t nr;
	enum monitor_kind kind;
	int8_t at, path, from_at, from_path, flags, mode, extra;
	uint32_t fixed; /* flags that it always has */
};

#define SHAPE(call, ...)                                                                           \
	{                                                                                          \
		.nr = __NR_##call, __VA_ARGS__                                                     \
	}

static const struct shape shapes[] = {
	SHAPE(openat, MONITOR_OPEN, 0, 1, NONE, NONE, 2, 3, NONE, 0),
	SHAPE(mkdirat, MONITOR_MKDIR, 0, 1, NONE, NONE, NONE, 2, NONE, 0),
	SHAPE(unlinkat, MONITOR_REMOVE, 0, 1, NONE, NONE, 2, NONE, NONE, 0),
	SHAPE(renameat, MONITOR_RENAME, 2, 3, 0, 1, NONE, NONE, NONE, 0),
	SHAPE(renameat2, MONITOR_RENAME, 2, 3, 0, 1, 4, NONE, NONE, 0),
	SHAPE(linkat, MONITOR_LINK, 2, 3, 0, 1, 4, NONE, NONE, 0),
	SHAPE(symlinkat, MONITOR_SYMLINK, 1, 2, NONE, NONE, NONE, NONE, 0, 0),
	SHAPE(truncate, MONITOR_TRUNCATE, CWD, 0, NONE, NONE, NONE, NONE, 1, 0),
	SHAPE(fchmodat, MONITOR_MODE, 0, 1, NONE, NONE, NONE, 2, NONE, 0),
	SHAPE(utimensat, MONITOR_TIMES, 0, 1, NONE, NONE, 3, NONE, 2, 0),
#ifdef __x86_64__
	SHAPE(open, MONITOR_OPEN, CWD, 0, NONE, NONE, 1, 2, NONE, 0),
	SHAPE(creat, MONITOR_OPEN, CWD, 0, NONE, NONE, NONE, 1, NONE, O_CREAT | O_WRONLY | O_TRUNC),
	SHAPE(mkdir, MONITOR_MKDIR, CWD, 0, NONE, NONE, NONE, 1, NONE, 0),
	SHAPE(unlink, MONITOR_REMOVE, CWD, 0, NONE, NONE, NONE, NONE, NONE, 0),
	SHAPE(rmdir, MONITOR_REMOVE, CWD, 0, NONE, NONE, NONE, NONE, NONE, AT_REMOVEDIR),
	SHAPE(rename, MONITOR_RENAME, CWD, 1, CWD, 0, NONE, NONE, NONE, 0),
	SHAPE(link, MONITOR_LINK, CWD, 1, CWD, 0, NONE, NONE, NONE, 0),
	SHAPE(symlink, MONITOR_SYMLINK, CWD, 1, NONE, NONE, NONE, NONE, 0, 0),
	SHAPE(chmod, MONITOR_MODE, CWD, 0, NONE, NONE, NONE, 1, NONE, 0),
#endif
};

static const struct shape *shape_of(const struct seccomp_data *d)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (shapes[i].nr == (uint32_t)d->nr && d->arch == UAPI_AUDIT_ARCH) {
			return &shapes[i];
		}
	}
	return NULL;
}

static uint64_t argument(const struct seccomp_data *d, int8_t at)
{
	return at >= 0 ? d->args[at] : 0;
}

static int directory(const struct seccomp_data *d, int8_t at)
{
	return at >= 0 ? (int)d->args[at] : AT_FDCWD;
}

/* How the last name of the path is meant. */
static unsigned look_of(const struct monitor_call *c)
{
	switch (c->kind) {
	case MONITOR_OPEN:
		return (c->flags & (O_NOFOLLOW | O_EXCL) ? LOOK_LINK : 0U) |
		       (c->flags & O_CREAT ? LOOK_NEW : 0U);
	case MONITOR_MKDIR:
	case MONITOR_SYMLINK:
	case MONITOR_RENAME:
	case MONITOR_LINK:
		return LOOK_LINK | LOOK_NEW;
	case MONITOR_REMOVE:
		return LOOK_LINK;
	case MONITOR_TIMES:
		return c->flags & AT_SYMLINK_NOFOLLOW ? LOOK_LINK : 0;
	case MONITOR_TRUNCATE:
	case MONITOR_MODE:
	case MONITOR_OTHER:
		break;
	}
	return 0;
}

/* What stands behind the remaining pointers; false: it cannot be read, so the kernel will say so too. */
static bool read_rest(struct monitor_call *c, uint64_t extra)
{
	switch (c->kind) {
	case MONITOR_TRUNCATE:
		c->length = extra;
		return true;
	case MONITOR_SYMLINK:
		return monitor_read_text(c->pid, extra, c->text);
	case MONITOR_TIMES:
		c->now = extra == 0;
		return c->now || monitor_read(c->pid, extra, c->times, sizeof(c->times));
	case MONITOR_OPEN:
	case MONITOR_MKDIR:
	case MONITOR_REMOVE:
	case MONITOR_RENAME:
	case MONITOR_LINK:
	case MONITOR_MODE:
	case MONITOR_OTHER:
		break;
	}
	return true;
}

/* A call that is not understood stays MONITOR_OTHER. */
static void understand(const struct monitor_self *m, const struct seccomp_notif *n,
		       struct monitor_call *c)
{
	const struct seccomp_data *d = &n->data;
	const struct shape *s = shape_of(d);
	char text[PATH_MAX];

	if (!s || c->pid <= 0) {
		return;
	}
	c->kind = s->kind;
	c->flags = argument(d, s->flags) | s->fixed;
	c->mode = argument(d, s->mode);
	if (!read_rest(c, argument(d, s->extra)) ||
	    !monitor_read_text(c->pid, argument(d, s->path), text)) {
		c->kind = MONITOR_OTHER;
		return;
	}
	monitor_look(m, c->pid, directory(d, s->at), text, look_of(c), &c->to);
	if (s->from_path >= 0) {
		if (!monitor_read_text(c->pid, argument(d, s->from_path), text)) {
			c->kind = MONITOR_OTHER;
			return;
		}
		monitor_look(m, c->pid, directory(d, s->from_at), text, LOOK_LINK, &c->from);
	}
}

enum err_code monitor_next(const struct monitor_self *m, struct monitor_call *ret, struct err *err)
{
	union {
		struct seccomp_notif n;
		char room[512]; /* a newer kernel may know a longer one */
	} said = {0};

	if (ioctl(m->listener, SECCOMP_IOCTL_NOTIF_RECV, &said.n) < 0) {
		return errno == ENOENT || errno == EINTR || errno == EAGAIN
			       ? ERR(err, ERR_AGAIN, "who called is gone")
			       : ERR_ERRNO(err, "hear a call");
	}
	ret->id = said.n.id;
	ret->pid = (pid_t)said.n.pid;
	ret->kind = MONITOR_OTHER;
	ret->to.place = ret->from.place = NULL;
	understand(m, &said.n, ret);
	/* What was read is of that thread only if it still waits: its number could be another's by now. */
	if (ioctl(m->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &ret->id) < 0) {
		return ERR(err, ERR_AGAIN, "who called is gone");
	}
	return ERR_OK;
}

/* ---- answering ---- */

static void answer(const struct monitor_self *m, const struct monitor_call *c, int error,
		   uint32_t flags)
{
	struct seccomp_notif_resp r = {.id = c->id, .error = -error, .flags = flags};

	(void)ioctl(m->listener, SECCOMP_IOCTL_NOTIF_SEND, &r); /* it may have been killed */
}

void monitor_go_on(const struct monitor_self *m, const struct monitor_call *c)
{
	answer(m, c, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

void monitor_done(const struct monitor_self *m, const struct monitor_call *c)
{
	answer(m, c, 0, 0);
}

void monitor_refuse(const struct monitor_self *m, const struct monitor_call *c, int with)
{
	answer(m, c, with, 0);
}

void monitor_give(const struct monitor_self *m, const struct monitor_call *c, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = {.id = c->id,
					  .flags = SECCOMP_ADDFD_FLAG_SEND,
					  .srcfd = (uint32_t)fd,
					  .newfd_flags = cloexec ? O_CLOEXEC : 0};

	if (ioctl(m->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 && errno != ENOENT) {
		monitor_refuse(m, c, errno); /* EMFILE, most likely */
	}
}
