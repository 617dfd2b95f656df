/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to one HTTP upstream, by way of the connector. Whether it passes
 * sockets or relays shows with the first connection, so that one is asked for
 * before the pool is made.
 */
#ifndef GATE_POOL_H
#define GATE_POOL_H

#include "config/config.h"
#include "gate/dialer.h"
#include "http/client.h"

struct gate;

struct gate_pool {
	struct gate *gate;
	struct loop *loop;
	struct dialer *connector;
	struct arena arena; /* texts below */
	struct str name;    /* "server:fs" */
	struct str host;    /* of the Host field */
	struct str target;
	const struct h2_lib *h2; /* the caller's: when the upstream may speak HTTP/2 */
	struct http_pool *pool;  /* NULL until open */
	struct http_wire wire;   /* of its connections, where they are relayed */
	struct dial_request probe;
	bool secure;        /* the URL says https */
	unsigned max_conns; /* set before it opens; 0: 256 */
	int first_fd;       /* the probe's connection, until the pool asks for one */
	enum ipc_dial_mode first_mode;
	enum ipc_not_dialed why; /* it was not opened */
	struct list tickets;     /* dials of the pool under way */
	void (*on_open)(struct gate_pool *p, bool ok);
};

/* Requests as a role that relays reads them (ipc/relay.h). */
extern const struct http_wire gate_relay_wire;

/* Texts are copied. on_open must be set before gate_pool_open. */
enum err_code gate_pool_init(struct gate_pool *p, struct gate *gate, const char *kind,
			     struct str id, const struct config_url *url, struct err *err) MUST_USE;
void gate_pool_done(struct gate_pool *p);

/* Closes every connection at once and forgets those that are asked for: calls fail, on_open does not
 * follow. Not from inside a callback of the pool. It can be opened again. */
void gate_pool_cut(struct gate_pool *p);

/* on_open follows, never from inside; only while pool is NULL and nothing is under way. */
enum err_code gate_pool_open(struct gate_pool *p, struct err *err) MUST_USE;

#endif
