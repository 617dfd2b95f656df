/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a listener stands and where a peer comes from. Literals only: this
 * folder never asks a name server.
 *
 *   127.0.0.1:8700   [::1]:0   unix:/run/writ/gate.sock   unix:@abstract
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/socket.h>

enum net_addr_kind { NET_ADDR_NONE = 0, NET_ADDR_IP4, NET_ADDR_IP6, NET_ADDR_UNIX };

enum { NET_ADDR_PATH_MAX = 107 };

struct net_addr {
	enum net_addr_kind kind;
	uint16_t port;
	uint32_t scope;  /* of a link-local IPv6 address */
	uint8_t ip[16];  /* the first 4 bytes for IPv4 */
	struct str path; /* of a unix socket, borrowed; '@' first means abstract */
};

/* ERR_SYNTAX when it is none of the forms above. A unix path stays borrowed from `text`. */
enum err_code net_addr_parse(struct str text, struct net_addr *ret, struct err *err) MUST_USE;

/* 127.0.0.0/8, ::1, IPv4-mapped loopback, and every unix socket. */
bool net_addr_is_loopback(const struct net_addr *a);

/* The form that net_addr_parse reads; "none" for a zeroed address. */
void net_addr_write(struct buf *b, const struct net_addr *a);

/* For the socket calls. */
socklen_t net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ret);

/* A unix peer is given without its path. Unknown families give NET_ADDR_NONE. */
struct net_addr net_addr_from_sockaddr(const struct sockaddr_storage *from, socklen_t n);

#endif
