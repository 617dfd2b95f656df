/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listen.h"

#include "sys/fd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_A_TURN = 64 };

static int family_of(const struct net_addr *a)
{
	switch (a->kind) {
	case NET_ADDR_NONE:
		break;
	case NET_ADDR_IP4:
		return AF_INET;
	case NET_ADDR_IP6:
		return AF_INET6;
	case NET_ADDR_UNIX:
		return AF_UNIX;
	}
	return AF_UNSPEC;
}

static bool set_flag(int fd, int level, int name)
{
	int one = 1;

	return setsockopt(fd, level, name, &one, sizeof(one)) == 0;
}

/* A socket file whose process died stays behind; only such a one may be removed. */
static enum err_code remove_stale(const char *path, const struct sockaddr_storage *sa, socklen_t n,
				  struct err *err)
{
	struct stat st;
	int fd, rc, failure;

	if (lstat(path, &st) < 0) {
		return errno == ENOENT ? ERR_OK : ERR_ERRNO(err, "%s", path);
	}
	if (!S_ISSOCK(st.st_mode)) {
		return ERR(err, ERR_EXISTS, "%s exists and is not a socket", path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return ERR_ERRNO(err, "socket");
	}
	rc = connect(fd, (const struct sockaddr *)sa, n);
	failure = errno;
	(void)close(fd);
	if (rc == 0 || failure != ECONNREFUSED) {
		return ERR(err, ERR_EXISTS, "%s is in use", path);
	}
	return unlink(path) == 0 ? ERR_OK : ERR_ERRNO(err, "remove %s", path);
}

static enum err_code bind_unix(int fd, const struct sockaddr_storage *sa, socklen_t n, mode_t mode,
			       struct err *err)
{
	const struct sockaddr_un *un = (const void *)sa;
	mode_t old;
	int rc;

	if (un->sun_path[0]) {
		TRY(remove_stale(un->sun_path, sa, n, err));
	}
	/* Born with its mode: a later chmod would leave a moment in which anyone may connect. */
	old = umask(~(mode ? mode : (mode_t)0600) & 0777);
	rc = bind(fd, (const struct sockaddr *)sa, n);
	(void)umask(old);
	return rc == 0 ? ERR_OK : ERR_ERRNO(err, "bind");
}

/*
 * With SO_REUSEPORT a second Writ would start without a word, and decide a part of the first one's
 * requests by its own policies.
 */
static enum err_code check_unused(const struct net_addr *at, const struct sockaddr_storage *sa,
				  socklen_t n, struct err *err)
{
	CLEANUP(fd_close) int fd = socket(family_of(at), SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || !set_flag(fd, SOL_SOCKET, SO_REUSEADDR) ||
	    (at->kind == NET_ADDR_IP6 && !set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY))) {
		return ERR_ERRNO(err, "socket");
	}
	if (bind(fd, (const struct sockaddr *)sa, n) == 0) {
		return ERR_OK;
	}
	return errno == EADDRINUSE ? ERR(err, ERR_EXISTS,
					 "somebody listens there already; stop that program, "
					 "or choose another port")
				   : ERR_ERRNO(err, "bind");
}

static enum err_code set_up(int fd, const struct net_addr *at, const struct net_listen_options *o,
			    struct err *err)
{
	struct sockaddr_storage sa;
	socklen_t n = net_addr_to_sockaddr(at, &sa);

	if (at->kind != NET_ADDR_UNIX && !(o && o->shared)) {
		TRY(check_unused(at, &sa, n, err));
	}
	if (at->kind == NET_ADDR_UNIX) {
		TRY(bind_unix(fd, &sa, n, o ? o->unix_mode : 0, err));
	} else if (!set_flag(fd, SOL_SOCKET, SO_REUSEADDR) ||
		   !set_flag(fd, SOL_SOCKET, SO_REUSEPORT) ||
		   !set_flag(fd, IPPROTO_TCP, TCP_NODELAY) ||
		   (at->kind == NET_ADDR_IP6 && !set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY))) {
		return ERR_ERRNO(err, "setsockopt");
	} else if (bind(fd, (const struct sockaddr *)&sa, n) < 0) {
		return ERR_ERRNO(err, "bind");
	}
	if (listen(fd, o && o->backlog > 0 ? o->backlog : BACKLOG) < 0) {
		return ERR_ERRNO(err, "listen");
	}
	return ERR_OK;
}

enum err_code net_listen(const struct net_addr *at, const struct net_listen_options *opt,
			 int *ret_fd, struct err *err)
{
	enum err_code code;
	int fd;

	if (at->kind == NET_ADDR_NONE) {
		return ERR(err, ERR_INVALID, "no address to listen on");
	}
	fd = socket(family_of(at), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return ERR_ERRNO(err, "socket");
	}
	code = set_up(fd, at, opt, err);
	if (code) {
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err_code net_local_addr(int fd, struct net_addr *ret, struct err *err)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0) {
		return ERR_ERRNO(err, "getsockname");
	}
	*ret = net_addr_from_sockaddr(&sa, n);
	return ERR_OK;
}

static void fill_creds(int fd, struct net_peer *p)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 && n == sizeof(c) && c.pid > 0) {
		p->has_creds = true;
		p->pid = c.pid;
		p->uid = c.uid;
		p->gid = c.gid;
	}
}

enum err_code net_peer_of(int fd, struct net_peer *ret, struct err *err)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof(sa);
	struct net_peer p = {0};

	if (getpeername(fd, (struct sockaddr *)&sa, &n) < 0) {
		return ERR_ERRNO(err, "getpeername");
	}
	p.addr = net_addr_from_sockaddr(&sa, n);
	if (p.addr.kind == NET_ADDR_UNIX) {
		fill_creds(fd, &p);
	}
	*ret = p;
	return ERR_OK;
}

static void acceptor_resumed(struct timer *t)
{
	struct net_acceptor *a = CONTAINER_OF(t, struct net_acceptor, pause);

	if (!a->stopped) {
		loop_watch(a->loop, &a->f, LOOP_READ);
	}
}

static bool accept_one(struct net_acceptor *a)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof(sa);
	struct net_peer peer = {0};
	int fd = accept4(a->f.fd, (struct sockaddr *)&sa, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			loop_watch(a->loop, &a->f, 0);
			loop_timer_set(a->loop, &a->pause, 100 * CLOCK_MS);
			return false;
		}
		/* ECONNABORTED and the network's own errors concern one connection only */
		return errno != EAGAIN;
	}
	peer.addr = net_addr_from_sockaddr(&sa, n);
	if (peer.addr.kind == NET_ADDR_UNIX) {
		fill_creds(fd, &peer);
	}
	a->on_accept(a, fd, &peer);
	return true;
}

static void acceptor_ready(struct loop_fd *f, uint32_t ready)
{
	struct net_acceptor *a = CONTAINER_OF(f, struct net_acceptor, f);

	(void)ready;
	for (int i = 0; i < ACCEPTS_A_TURN && !a->stopped; i++) {
		if (!accept_one(a)) {
			break;
		}
	}
}

enum err_code net_acceptor_init(struct net_acceptor *a, struct loop *l, int fd, struct err *err)
{
	a->loop = l;
	a->stopped = false;
	a->pause = (struct timer){.on_timeout = acceptor_resumed};
	a->f = (struct loop_fd){.fd = fd, .on_ready = acceptor_ready};
	return loop_add(l, &a->f, LOOP_READ, err);
}

void net_acceptor_done(struct net_acceptor *a)
{
	a->stopped = true;
	timer_stop(&a->pause);
	loop_remove(a->loop, &a->f);
	if (a->f.fd >= 0) {
		(void)close(a->f.fd);
	}
	a->f.fd = -1;
}

void net_acceptor_stop(struct net_acceptor *a)
{
	if (!a->stopped) {
		a->stopped = true;
		timer_stop(&a->pause);
		loop_watch(a->loop, &a->f, 0);
	}
}

void net_acceptor_resume(struct net_acceptor *a)
{
	if (a->stopped) {
		a->stopped = false;
		loop_watch(a->loop, &a->f, LOOP_READ);
	}
}
