/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the exit. */
#ifndef GATE_EXIT_PRIV_H
#define GATE_EXIT_PRIV_H

#include "crypto/authority.h"
#include "egress/names.h"
#include "gate/gate.h"
#include "gate/splice.h"
#include "http/client.h"

/* What a run has of the exit (exit_run.c). */
struct exit_run {
	struct gate *gate;
	struct session *who;
	struct tls_authority *authority; /* owned; NULL: when it began nothing was looked into */
	struct egress_names names;       /* which name each address stands for that was given */
	struct list ports;               /* of struct exit_port */
	struct list waiting; /* of struct capture_wait: whom they want is not known yet */
	unsigned n_waiting;
	struct exit_listener *clear; /* plain HTTP that is captured; in exits.listeners */
	struct exit_dns *dns;        /* exit_dns.c */
	struct exit_refusals *refusals;
	void (*ask)(void *user, uint64_t n, const struct net_addr *own,
		    const struct net_addr *peer);
	void *ask_user;
	struct list programs; /* that made connections (exit_program.c); as long as the run */
	struct list asked; /* of struct program_wait: connections whose program is not known yet */
	unsigned n_programs, n_asked;
	uint64_t next_ask;
};

/* A socket of a run that connections come in by. */
struct exit_port {
	struct list node;
	struct exit_run *run;
	struct exit_listener *proxy; /* NULL: they are captured */
	struct net_acceptor acceptor;
};

/* Takes fd over. Whose each connection is is found out where policies look at that. */
enum err_code exit_port_listen(struct exit_run *x, struct exit_listener *proxy, int fd,
			       struct err *err) MUST_USE;
void exit_ports_done(struct exit_run *x);

/* What the policies see of whoever made the request's connection; NULL: not known. */
const struct rules_program *exit_program_of(const struct http_req *req);

void exit_run_free(struct exit_run *x);

/* Whose certificates are shown to this session where its tunnels are looked into; may be NULL. */
struct tls_authority *exit_authority(const struct gate *g, const struct session *who);

/* A connection that was captured; owned. peer->known is its program. */
void exit_captured(struct exit_run *x, int fd, const struct net_peer *peer);

/* Takes fd over. What it was given to serve ends with the run. */
enum err_code exit_dns_listen(struct exit_run *x, int fd, struct err *err) MUST_USE;
void exit_capture_done(struct exit_run *x);
void exit_dns_done(struct exit_run *x);

/* A raw socket with the refusals of the sandbox's kernel (exit_refusal.c). Takes fd over. */
enum err_code exit_refusals_listen(struct exit_run *run, int fd, struct err *err) MUST_USE;
void exit_refusals_done(struct exit_run *run);

struct exit_listener {
	struct list node;
	struct gate *gate;
	struct session *who; /* of a run; NULL: callers say who they are */
	unsigned index;      /* into config.listen, without `who` */
	enum exit_kind kind;
	struct http_server *server;
	bool draining;
};

/* What was asked for and cannot be had: status, a word for programs, a sentence for people. */
enum exit_fault {
	EXIT_FAULT_NONE = 0,
	EXIT_FAULT_REQUEST, /* not what a proxy is asked */
	EXIT_FAULT_HOST,
	EXIT_FAULT_PATH,
	EXIT_FAULT_UNREACHABLE,
	EXIT_FAULT_FORBIDDEN, /* the address */
	EXIT_FAULT_NAME,
	EXIT_FAULT_TIMEOUT,
	EXIT_FAULT_BUSY,
	EXIT_FAULT_UPSTREAM, /* its answer is not HTTP as we speak it */
	EXIT_FAULT_AUTHORITY,
	EXIT_FAULT_CREDENTIAL,
	EXIT_FAULT_PERSON,  /* said no */
	EXIT_FAULT_UNHEARD, /* nobody said anything */
};

/* A new listener without a socket, in exits.listeners. */
enum err_code exit_listener_new(struct gate *g, struct session *who, enum exit_kind kind,
				struct exit_listener **ret, struct err *err) MUST_USE;

void exit_answer_fault(struct http_req *req, enum exit_fault fault);

/* The decision was no, or could not be recorded. */
void exit_answer_refused(struct gate *g, struct http_req *req, const struct action *a,
			 const struct egress_host *host);

/* Where a request goes, for credentials' placeholders in it (exit_placeholder.c). */
struct exit_place {
	const struct config *config;
	const struct egress_host *host;
	bool tls;
	struct str path; /* in its one form */
};

/* May a credential go to this host? */
bool exit_has_secret(const struct exit_place *p);
bool exit_has_placeholder(struct str text);

/* Every placeholder in this field belongs to the header, host and path, in Basic's words too. */
bool exit_value_belongs(const struct exit_place *p, const struct http_field *f, struct arena *a);

/* Those of an answer that the agent gets: at most h->n_fields. */
size_t exit_answer_fields(const struct h1_head *h, struct http_field *to);

/* Those of a request that go on, in the arena; EXIT_FAULT_CREDENTIAL as exit_value_belongs. */
enum exit_fault exit_request_fields(const struct exit_place *place, const struct h1_head *h,
				    struct arena *a, struct http_field **ret, size_t *ret_n);

enum exit_fault exit_fault_of(enum ipc_not_dialed why);
enum ledger_status exit_status_of(enum ipc_not_dialed why);

/* What the policies see as context.input, in the arena; p NULL without memory. */
struct str exit_describe(struct http_req *req, struct arena *a, const struct egress_host *host,
			 struct str path, struct str upgrade, bool tls);

/* The peer of a connected socket as text in the arena; empty when there is none. */
struct str exit_peer_text(int fd, struct arena *a);

/* host:port, as a person is shown it, in the arena. */
struct str exit_host_text(struct arena *a, const struct egress_host *host);

/* CONNECT (exit_tunnel.c) and plain requests (exit_http.c), of an identified caller. */
void exit_tunnel_begin(struct exit_listener *l, struct http_req *req, struct session *who);
void exit_http_begin(struct exit_listener *l, struct http_req *req, struct session *who);

/* A connection that was captured on its way to this host; owned. */
void exit_tunnel_captured(struct gate *g, struct session *who, const struct egress_host *host,
			  const struct rules_program *program, int fd);

/*
 * Closes a captured connection, so that its program knows at once that it is refused: by an alert where
 * TLS is spoken, else by a reset.
 */
void exit_turn_away(int *fd, uint16_t port);

/* What a request of the proxy is: the first member of what req->user points to. */
struct exit_request {
	const struct http_handler *on;
};

/*
 * A request goes on as it came: over HTTP/1.1, or over HTTP/2 where the host speaks it and no
 * credential is for it. Connections of one way are not used for the other.
 */
enum exit_way { EXIT_WAY_H1 = 0, EXIT_WAY_H2, EXIT_WAYS };
enum exit_way exit_way_of(const struct http_req *req);

/* Tunnels of one session to one host that are looked into (exit_inspect.c). */
struct exit_inspected {
	struct list node;
	struct gate *gate;
	struct session *who;
	struct egress_host host;
	char host_bytes[EGRESS_NAME_MAX + 16];
	struct str host_text; /* of the Host field */
	struct http_handler handler;
	struct http_server *server;
	struct http_pool *pools[EXIT_WAYS];
	struct list tickets;
	enum ipc_not_dialed why; /* of the last connection that could not be had */
};

/* Speaks TLS with the agent on fd, which is owned when it succeeds. */
bool exit_inspect(struct gate *g, struct session *who, const struct egress_host *host,
		  const struct rules_program *program, int fd);
void exit_inspected_free(struct exit_inspected *i);
void exit_inspected_close(struct gate *g, const struct session *who);

/* Closes the connections of plain requests: they fail (exit_http.c). */
void exit_requests_cut(struct gate *g);

/* A request in such a tunnel (exit_http.c). */
void exit_https_begin(struct exit_inspected *i, struct http_req *req);

/* What all servers of the exit do with requests once they have begun (exit.c). */
extern const struct http_handler exit_handler;

void exit_tunnels_end(struct gate *g, const struct session *who, enum ledger_status status);

/* Frees at the end of the turn; see struct exits. */
struct exit_over {
	struct list node;
	void (*free)(struct exit_over *o);
};
void exit_free_later(struct gate *g, struct exit_over *o);

#endif
