/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets. Every descriptor is close-on-exec and non-blocking from
 * birth. TCP listeners set SO_REUSEPORT, so that each gate has its own, and
 * TCP_NODELAY, which accepted connections inherit.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "net/addr.h"
#include "net/loop.h"

#include <sys/types.h>

/* Who is at the other end, as the kernel says. */
struct net_peer {
	struct net_addr addr; /* of TCP peers; NET_ADDR_UNIX without a path for unix peers */
	bool has_creds;       /* the next three are from SO_PEERCRED */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	const void *known; /* what whoever accepted it found out; borrowed, for its own use */
};

struct net_listen_options {
	int backlog;      /* 0 means 1024 */
	mode_t unix_mode; /* of a unix socket's file; 0 means 0600 */
	bool shared; /* others of this user may listen at the TCP address already: another gate */
};

/*
 * Binds and listens. A unix path that is a socket nobody listens on any more
 * is replaced; anything else found there is ERR_EXISTS, as is a TCP address
 * that somebody listens at, unless `shared`.
 */
enum err_code net_listen(const struct net_addr *at, const struct net_listen_options *opt,
			 int *ret_fd, struct err *err) MUST_USE;

/* The address a socket is bound to, with the port the kernel chose. */
enum err_code net_local_addr(int fd, struct net_addr *ret, struct err *err) MUST_USE;

/* Credentials of a connected unix peer; an address only for all others. */
enum err_code net_peer_of(int fd, struct net_peer *ret, struct err *err) MUST_USE;

/*
 * Accepts in the loop. on_accept owns fd. At most 64 a turn; out of
 * descriptors, accepting pauses for 100 ms instead of spinning.
 */
struct net_acceptor {
	struct loop_fd f;
	struct loop *loop;
	struct timer pause;
	bool stopped;
	void (*on_accept)(struct net_acceptor *a, int fd, const struct net_peer *peer);
};

/* Takes a listening fd (owned by the acceptor from here on). on_accept must be set. */
enum err_code net_acceptor_init(struct net_acceptor *a, struct loop *l, int fd,
				struct err *err) MUST_USE;
void net_acceptor_done(struct net_acceptor *a);

/* Stops and resumes taking connections, as when a connection limit is reached. */
void net_acceptor_stop(struct net_acceptor *a);
void net_acceptor_resume(struct net_acceptor *a);

#endif
