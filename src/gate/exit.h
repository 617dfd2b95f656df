/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit: how agents reach hosts that are neither tool servers nor models. Every
 * connection is a `connect` action on the one path (gate/step.h); the exit role
 * dials it (proc/exit.c), since a gate cannot.
 *
 *   PROXY    an HTTP proxy: CONNECT, and plain requests in absolute form
 *   CAPTURE  whatever a sandbox connects to at one port, of any address: plain HTTP at port 80, else
 *            a tunnel, to the name that its resolver gave the address for
 *   DNS      that resolver, of UDP or TCP: it knows the names that a policy could permit
 *   REFUSAL  packets by which the sandbox's kernel refused what is not captured
 *
 * A tunnel to port 443 carries TLS for the host that was decided about, or nothing: its
 * first message must name that host. Everything else in a tunnel is opaque, unless the
 * configuration has it looked into: then each request in it is an action of its own.
 */
#ifndef GATE_EXIT_H
#define GATE_EXIT_H

#include "gate/dialer.h"
#include "gate/splice.h"
#include "http/server.h"

struct gate;
struct session;
struct tls_authority;

enum exit_kind { EXIT_NONE = 0, EXIT_PROXY, EXIT_CAPTURE, EXIT_DNS, EXIT_REFUSAL };

enum { EXIT_MAX_INSPECTED = 256 };

/* Part of a gate. */
struct exits {
	struct dialer dialer;  /* to the role that dials hosts */
	struct list listeners; /* of struct exit_listener */
	struct list tunnels;   /* of struct exit_tunnel */
	struct list inspected; /* of struct exit_inspected */
	struct list requests;  /* of plain requests with a connection: struct call_pool */
	unsigned n_inspected;
	struct tls_authority *authority; /* owned; NULL: no tunnel can be looked into */
	struct list over;                /* what is freed at the end of the turn */
	struct loop_hook sweep;          /* does that */
	unsigned n_tunnels;
	struct splice_pipes pipes; /* lent to tunnels with bytes under way */
};

/*
 * The exit of a run begins: before its listeners, ended by gate_exit_close. Where something is looked
 * into, cert gets the certificate (PEM) of an authority of the run's own, which only its
 * sandbox is to trust and which ends with it; else it stays empty. Without `who` nothing is
 * kept: the certificate only shows what a run would get.
 */
enum err_code gate_exit_open(struct gate *g, struct session *who, struct buf *cert,
			     struct err *err) MUST_USE;

/*
 * Who can tell which program made a connection: ask(user, n, own, peer) is answered by
 * gate_exit_program, with an empty path when nobody is known. Without it, or where no policy looks,
 * nobody is.
 */
struct net_addr;
void gate_exit_asks(struct session *who,
		    void (*ask)(void *user, uint64_t n, const struct net_addr *own,
				const struct net_addr *peer),
		    void *user);
void gate_exit_program(struct session *who, uint64_t n, struct str path, struct str digest,
		       bool certain);

/*
 * Serves a run: whoever connects there is the agent of this session, as the kernel says, and needs
 * no other identity. The session stays open until gate_exit_close. fd is owned from here on.
 */
enum err_code gate_exit_listen(struct gate *g, struct session *who, enum exit_kind kind, int fd,
			       struct err *err) MUST_USE;

/* The run is over, or killed: its listeners, requests and tunnels end now and are recorded so. Not
 * from inside a callback of the exit. */
void gate_exit_close(struct gate *g, struct session *who);

/* Serves a configured listener of kind proxy: callers are identified as its gateway's are. */
enum err_code gate_exit_proxy(struct gate *g, unsigned index, int fd, struct err *err) MUST_USE;

/* ---- for gate.c ---- */

void exits_init(struct gate *g);
void exits_done(struct gate *g);

/* Takes nothing new; tunnels that are open end now. */
void exits_drain(struct gate *g);
/* Every tunnel and request that is under way ends now; listeners go on. */
void exits_cut(struct gate *g);
bool exits_idle(const struct gate *g);

/* What serves the configured listener of this place, or NULL. */
struct http_server *exits_server(const struct gate *g, unsigned index);

#endif
