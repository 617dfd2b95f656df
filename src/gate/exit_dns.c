/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver of a sandbox. It asks nobody: a name that some policy could permit gets an address that
 * stands for it (egress/names.h), every other one does not exist. Which address the name has outside is
 * looked up when a connection to it was permitted, so nothing leaves this machine by asking.
 *
 * Names have an IPv4 address, and one of IPv6 where the sandbox has that; all other questions about
 * them have no answer.
 */
#include "gate/exit_priv.h"

#include "egress/dns.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A_TURN = 64, MAX_CONNS = 16, IDLE_SECONDS = 5, PREFIX = 2, MAX_NOTED = 64 };

struct exit_dns {
	struct exit_run *run;
	struct loop_fd udp;
	struct net_acceptor tcp;
	bool listens, has_v6;
	struct list conns;
	unsigned n_conns;
	struct egress_host refused; /* the last one that was noted */
	unsigned n_noted;
};

/* Over TCP each message has its length in front: RFC 1035 section 4.2.2. */
struct dns_conn {
	struct list node;
	struct exit_dns *of;
	struct loop_fd f;
	struct timer idle;
	size_t n;
	char in[PREFIX + EGRESS_DNS_QUERY_MAX];
};

/* A program that asks for many names must not fill the log; each is asked for A and AAAA. */
static void note_refused(struct exit_dns *d, const struct egress_host *host)
{
	struct str name = egress_host_name(host);

	if (d->n_noted < MAX_NOTED && !str_eq(egress_host_name(&d->refused), name)) {
		d->refused = *host;
		d->n_noted++;
		gate_finding(d->run->gate, name,
			     "asked for by a sandbox, and no policy could permit it: it was not "
			     "looked up");
	}
}

/* The bytes of an answer; 0: there is none. */
static size_t answer(struct exit_dns *d, struct str in, uint8_t out[EGRESS_DNS_ANSWER_MAX])
{
	struct exit_run *x = d->run;
	const struct rules *rules = x->gate->rules;
	const struct config_egress *e = &rules->config->egress;
	struct egress_dns_query q;
	struct egress_ip ip;

	if (!egress_dns_read(in, &q)) {
		return 0;
	}
	if (q.code != EGRESS_DNS_FINE || !q.is_host) {
		return egress_dns_write(&q, q.code ? q.code : EGRESS_DNS_NO_NAME, NULL, out);
	}
	if (!x->who->learns &&
	    !rules_may_connect(rules, x->who->agent, &q.host, e->capture, e->n_capture)) {
		note_refused(d, &q.host);
		return egress_dns_write(&q, EGRESS_DNS_NO_NAME, NULL, out);
	}
	if (q.type != EGRESS_DNS_A && (q.type != EGRESS_DNS_AAAA || !d->has_v6)) {
		return egress_dns_write(&q, EGRESS_DNS_FINE, NULL, out);
	}
	if (!egress_names_give(&x->names, egress_host_name(&q.host), q.type == EGRESS_DNS_AAAA,
			       &ip)) {
		return egress_dns_write(&q, EGRESS_DNS_FAILED, NULL, out);
	}
	return egress_dns_write(&q, EGRESS_DNS_FINE, &ip, out);
}

/* ---- UDP ---- */

/* One datagram; false when there is none. It is answered from the address it was sent to. */
static bool answer_one(struct exit_dns *d)
{
	char in[EGRESS_DNS_QUERY_MAX + 1];
	uint8_t out[EGRESS_DNS_ANSWER_MAX];
	union {
		char bytes[256];
		struct cmsghdr align;
	} control;
	struct sockaddr_storage from;
	struct iovec iov = {.iov_base = in, .iov_len = sizeof(in)};
	struct msghdr msg = {.msg_name = &from,
			     .msg_namelen = sizeof(from),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(d->udp.fd, &msg, MSG_DONTWAIT);

	if (n < 0) {
		/* What ICMP said about an earlier answer is told here, once. */
		return errno != EAGAIN && errno != EINTR;
	}
	iov = (struct iovec){.iov_base = out, .iov_len = answer(d, str_make(in, (size_t)n), out)};
	if (iov.iov_len && !(msg.msg_flags & MSG_CTRUNC)) {
		(void)sendmsg(d->udp.fd, &msg,
			      MSG_DONTWAIT | MSG_NOSIGNAL); /* else it asks again */
	}
	return true;
}

static void on_datagrams(struct loop_fd *f, uint32_t ready)
{
	struct exit_dns *d = CONTAINER_OF(f, struct exit_dns, udp);

	(void)ready;
	for (int i = 0; i < A_TURN && answer_one(d); i++) {
	}
}

/* ---- TCP ---- */

static void conn_end(struct dns_conn *c)
{
	loop_remove(&c->of->run->gate->loop, &c->f);
	timer_stop(&c->idle);
	list_remove(&c->node);
	c->of->n_conns--;
	fd_close(&c->f.fd);
	free(c);
}

/* Answers what is whole; false when the connection is of no more use. */
static bool answer_whole(struct dns_conn *c)
{
	uint8_t out[PREFIX + EGRESS_DNS_ANSWER_MAX];

	while (c->n >= PREFIX) {
		size_t len = (size_t)(unsigned char)c->in[0] << 8 | (unsigned char)c->in[1];
		size_t n;

		if (len > EGRESS_DNS_QUERY_MAX) {
			return false;
		}
		if (c->n < PREFIX + len) {
			break;
		}
		n = answer(c->of, str_make(c->in + PREFIX, len), out + PREFIX);
		out[0] = (uint8_t)(n >> 8);
		out[1] = (uint8_t)n;
		if (n == 0 || send(c->f.fd, out, PREFIX + n, MSG_DONTWAIT | MSG_NOSIGNAL) !=
				      (ssize_t)(PREFIX + n)) {
			return false;
		}
		c->n -= PREFIX + len;
		memmove(c->in, c->in + PREFIX + len, c->n);
	}
	return true;
}

static void on_bytes(struct loop_fd *f, uint32_t ready)
{
	struct dns_conn *c = CONTAINER_OF(f, struct dns_conn, f);
	ssize_t n = recv(f->fd, c->in + c->n, sizeof(c->in) - c->n, MSG_DONTWAIT);

	(void)ready;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		conn_end(c);
		return;
	}
	c->n += (size_t)n;
	if (!answer_whole(c)) {
		conn_end(c);
		return;
	}
	loop_timer_set(&c->of->run->gate->loop, &c->idle, IDLE_SECONDS * CLOCK_SEC);
}

static void on_idle(struct timer *t)
{
	conn_end(CONTAINER_OF(t, struct dns_conn, idle));
}

static void on_accept(struct net_acceptor *a, int fd, const struct net_peer *peer)
{
	struct exit_dns *d = CONTAINER_OF(a, struct exit_dns, tcp);
	struct dns_conn *c = d->n_conns < MAX_CONNS ? calloc(1, sizeof(*c)) : NULL;
	struct err err;

	(void)peer;
	if (!c) {
		(void)close(fd);
		return;
	}
	c->of = d;
	c->f = (struct loop_fd){.fd = fd, .on_ready = on_bytes};
	c->idle.on_timeout = on_idle;
	list_append(&d->conns, &c->node);
	d->n_conns++;
	if (loop_add(&d->run->gate->loop, &c->f, LOOP_READ, &err)) {
		conn_end(c);
		return;
	}
	loop_timer_set(&d->run->gate->loop, &c->idle, IDLE_SECONDS * CLOCK_SEC);
}

/* ---- beginning and end ---- */

static struct exit_dns *dns_of(struct exit_run *x)
{
	if (!x->dns) {
		x->dns = calloc(1, sizeof(*x->dns));
		if (x->dns) {
			x->dns->run = x;
			x->dns->udp.fd = -1;
			list_init(&x->dns->conns);
		}
	}
	return x->dns;
}

enum err_code exit_dns_listen(struct exit_run *x, int fd, struct err *err)
{
	CLEANUP(fd_close) int owned = fd;
	struct exit_dns *d = dns_of(x);
	int type = 0, domain = 0;
	socklen_t n = sizeof(type);

	if (!d || getsockopt(owned, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
	    (type == SOCK_DGRAM ? d->udp.fd >= 0 : d->listens)) {
		return ERR(err, ERR_INVALID, "a second resolver, or no memory for one");
	}
	d->has_v6 |=
		getsockopt(owned, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_INET6;
	if (type == SOCK_DGRAM) {
		d->udp = (struct loop_fd){.fd = fd_take(&owned), .on_ready = on_datagrams};
		return loop_add(&x->gate->loop, &d->udp, LOOP_READ, err);
	}
	d->tcp.on_accept = on_accept;
	d->listens = true; /* its end is that of the run, also when this fails */
	return net_acceptor_init(&d->tcp, &x->gate->loop, fd_take(&owned), err);
}

void exit_dns_done(struct exit_run *x)
{
	struct exit_dns *d = x->dns;

	if (!d) {
		return;
	}
	LIST_FOREACH (node, &d->conns) {
		conn_end(CONTAINER_OF(node, struct dns_conn, node));
	}
	if (d->listens) {
		net_acceptor_done(&d->tcp);
	}
	loop_remove(&x->gate->loop, &d->udp);
	fd_close(&d->udp.fd);
	free(d);
	x->dns = NULL;
}
