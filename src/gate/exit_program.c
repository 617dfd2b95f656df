/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of a run that connections come in by, and which program made each. A gate cannot see
 * processes: the run's `writ run` looks, and the connection waits for its answer, a second at most. Where
 * no policy looks at context.program, and the configuration does not want it for the record, nobody is asked.
 */
#include "gate/exit_priv.h"

#include "sys/fd.h"

#include <stdlib.h>
#include <unistd.h>

enum { MAX_ASKED = 256, MAX_PROGRAMS = 256, ASK_MS = 1000 };

/* One file that connections were made by; certain or not. */
struct exit_program {
	struct list node;
	struct rules_program seen;
	char bytes[];
};

struct program_wait {
	struct list node;
	struct exit_port *port;
	int fd;
	struct net_peer peer;
	uint64_t n;
	struct timer deadline;
};

const struct rules_program *exit_program_of(const struct http_req *req)
{
	return req->peer ? req->peer->known : NULL;
}

static void arrived(struct exit_port *p, int fd, const struct net_peer *peer)
{
	struct err err;

	if (!p->proxy) {
		exit_captured(p->run, fd, peer);
	} else if (http_server_take(p->proxy->server, fd, peer, &err)) {
		(void)close(fd);
	}
}

/* ---- asking ---- */

static void wait_free(struct program_wait *w)
{
	timer_stop(&w->deadline);
	list_remove(&w->node);
	w->port->run->n_asked--;
	fd_close(&w->fd);
	free(w);
}

static void go_on(struct program_wait *w, const struct rules_program *program)
{
	struct exit_port *p = w->port;
	struct net_peer peer = w->peer;
	int fd = fd_take(&w->fd);

	wait_free(w);
	peer.known = program;
	arrived(p, fd, &peer);
}

static void on_deadline(struct timer *t)
{
	go_on(CONTAINER_OF(t, struct program_wait, deadline), NULL);
}

/* False: nobody can be asked. */
static bool is_asked(struct exit_port *p, int fd, const struct net_peer *peer)
{
	struct exit_run *x = p->run;
	struct program_wait *w;
	const struct rules *rules = x->gate->rules;
	struct net_addr at;
	struct err err;

	if (!x->ask ||
	    (!rules->ask_program && !rules->config->egress.programs && !x->who->learns) ||
	    x->n_asked == MAX_ASKED || net_local_addr(fd, &at, &err)) {
		return false;
	}
	w = calloc(1, sizeof(*w));
	if (!w) {
		return false;
	}
	*w = (struct program_wait){.port = p, .fd = fd, .peer = *peer, .n = ++x->next_ask};
	w->deadline.on_timeout = on_deadline;
	list_append(&x->asked, &w->node);
	x->n_asked++;
	loop_timer_set(&x->gate->loop, &w->deadline, ASK_MS * CLOCK_MS);
	x->ask(x->ask_user, w->n, &peer->addr, &at);
	return true;
}

void gate_exit_asks(struct session *who,
		    void (*ask)(void *user, uint64_t n, const struct net_addr *own,
				const struct net_addr *peer),
		    void *user)
{
	who->exit->ask = ask;
	who->exit->ask_user = user;
}

/* ---- answers ---- */

static const struct rules_program *remember(struct exit_run *x, struct str path, struct str digest,
					    bool certain)
{
	struct exit_program *p;

	LIST_FOREACH (node, &x->programs) {
		p = CONTAINER_OF(node, struct exit_program, node);
		if (p->seen.certain == certain && str_eq(p->seen.digest, digest) &&
		    str_eq(p->seen.path, path)) {
			return &p->seen;
		}
	}
	p = x->n_programs < MAX_PROGRAMS ? malloc(sizeof(*p) + path.n + digest.n) : NULL;
	if (!p) {
		return NULL;
	}
	memcpy(p->bytes, path.p, path.n);
	memcpy(p->bytes + path.n, digest.p, digest.n);
	p->seen = (struct rules_program){.path = str_make(p->bytes, path.n),
					 .digest = str_make(p->bytes + path.n, digest.n),
					 .certain = certain};
	list_append(&x->programs, &p->node);
	x->n_programs++;
	return &p->seen;
}

void gate_exit_program(struct session *who, uint64_t n, struct str path, struct str digest,
		       bool certain)
{
	struct exit_run *x = who->exit;

	if (!x) {
		return;
	}
	LIST_FOREACH (node, &x->asked) {
		struct program_wait *w = CONTAINER_OF(node, struct program_wait, node);

		if (w->n == n) {
			go_on(w, path.n ? remember(x, path, digest, certain) : NULL);
			return;
		}
	}
}

/* ---- ports ---- */

static void on_accept(struct net_acceptor *a, int fd, const struct net_peer *peer)
{
	struct exit_port *p = CONTAINER_OF(a, struct exit_port, acceptor);

	if (!is_asked(p, fd, peer)) {
		arrived(p, fd, peer);
	}
}

enum err_code exit_port_listen(struct exit_run *x, struct exit_listener *proxy, int fd,
			       struct err *err)
{
	struct exit_port *p = calloc(1, sizeof(*p));

	if (!p) {
		(void)close(fd);
		return ERR(err, ERR_NOMEM, "no memory for a port of a run");
	}
	p->run = x;
	p->proxy = proxy;
	p->acceptor.on_accept = on_accept;
	list_append(&x->ports, &p->node); /* ends with the run, also when this fails */
	return net_acceptor_init(&p->acceptor, &x->gate->loop, fd, err);
}

void exit_ports_done(struct exit_run *x)
{
	LIST_FOREACH (node, &x->asked) {
		wait_free(CONTAINER_OF(node, struct program_wait, node));
	}
	LIST_FOREACH (node, &x->ports) {
		struct exit_port *p = CONTAINER_OF(node, struct exit_port, node);

		net_acceptor_done(&p->acceptor);
		list_remove(&p->node);
		free(p);
	}
	LIST_FOREACH (node, &x->programs) {
		struct exit_program *p = CONTAINER_OF(node, struct exit_program, node);

		list_remove(&p->node);
		free(p);
	}
}
