/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sandbox's own kernel refuses: connections to ports that are not captured, and datagrams. It
 * does so at once and asks nobody; here it is noted, by what that kernel answers (egress/refusal.h).
 */
#include "gate/exit_priv.h"

#include "egress/refusal.h"
#include "sys/fd.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { A_TURN = 32, MAX_NOTED = 64, SOCKETS = 4 /* two of each family */, IP6_HEAD = 40 };

struct refusal_socket {
	struct loop_fd f;
	struct exit_refusals *all;
	uint8_t protocol;
};

struct exit_refusals {
	struct exit_run *run;
	struct refusal_socket sockets[SOCKETS];
	unsigned n_sockets, n_noted;
	struct egress_refusal noted[MAX_NOTED];
};

static bool is_noted(const struct exit_refusals *x, const struct egress_refusal *r)
{
	for (unsigned i = 0; i < x->n_noted; i++) {
		if (x->noted[i].port == r->port && x->noted[i].datagram == r->datagram &&
		    egress_ip_eq(&x->noted[i].ip, &r->ip)) {
			return true;
		}
	}
	return false;
}

static void stop(struct exit_refusals *x)
{
	for (unsigned i = 0; i < x->n_sockets; i++) {
		if (x->sockets[i].f.fd >= 0) {
			loop_remove(&x->run->gate->loop, &x->sockets[i].f);
			fd_close(&x->sockets[i].f.fd);
		}
	}
}

static void note(struct exit_refusals *x, const struct egress_refusal *r)
{
	struct gate *g = x->run->gate;
	struct str name = egress_names_find(&x->run->names, &r->ip);
	struct buf subject, text;

	if (is_noted(x, r)) {
		return;
	}
	buf_init(&subject, EGRESS_NAME_MAX + 16);
	buf_init(&text, 1024);
	if (name.p) {
		buf_append(&subject, name);
	} else {
		buf_append(&subject, r->ip.v6 ? STR("[") : STR(""));
		egress_ip_write(&subject, &r->ip);
		buf_append(&subject, r->ip.v6 ? STR("]") : STR(""));
	}
	buf_printf(&subject, ":%u", r->port);
	buf_printf(&text, "wanted by " STR_FMT " in a sandbox, which has no way there%s",
		   STR_ARG(x->run->who->agent),
		   r->datagram ? " for datagrams" : ": this port is not captured");
	x->noted[x->n_noted++] = *r;
	if (x->n_noted == MAX_NOTED) {
		buf_append(&text, STR("; more of this run is not noted"));
		stop(x);
	}
	buf_append_c(&text, 0);
	if (!subject.failed && !text.failed) {
		gate_finding(g, buf_str(&subject), buf_str(&text).p);
	}
	buf_done(&subject);
	buf_done(&text);
}

/* A raw socket of IPv6 shows what is behind the head: as much of one as is looked at is put before it. */
static size_t put_head(const struct refusal_socket *s, const struct sockaddr_in6 *from, char *to)
{
	memset(to, 0, IP6_HEAD);
	if (from->sin6_family != AF_INET6) {
		return 0;
	}
	to[0] = 6 << 4;
	to[6] = (char)s->protocol;
	memcpy(to + 8, &from->sin6_addr, sizeof(from->sin6_addr));
	return IP6_HEAD;
}

static void on_refused(struct loop_fd *f, uint32_t ready)
{
	struct refusal_socket *s = CONTAINER_OF(f, struct refusal_socket, f);

	(void)ready;
	for (int i = 0; i < A_TURN && f->fd >= 0; i++) {
		char packet[IP6_HEAD + EGRESS_REFUSAL_MAX];
		struct sockaddr_in6 from = {0};
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(f->fd, packet + IP6_HEAD, EGRESS_REFUSAL_MAX, MSG_DONTWAIT,
				     (struct sockaddr *)&from, &size);
		struct egress_refusal r;
		size_t head;

		if (n < 0) {
			return;
		}
		head = put_head(s, &from, packet);
		if (egress_refusal_read(str_make(packet + IP6_HEAD - head, head + (size_t)n), &r)) {
			note(s->all, &r);
		}
	}
}

enum err_code exit_refusals_listen(struct exit_run *run, int fd, struct err *err)
{
	CLEANUP(fd_close) int owned = fd;
	struct exit_refusals *x = run->refusals;
	struct refusal_socket *s;
	int protocol = 0;
	socklen_t n = sizeof(protocol);

	if (!x) {
		x = run->refusals = calloc(1, sizeof(*x));
	}
	if (!x || x->n_sockets == SOCKETS) {
		return ERR(err, ERR_INVALID, "a fifth socket of refusals, or no memory for one");
	}
	if (getsockopt(owned, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) < 0) {
		return ERR_ERRNO(err, "a socket of refusals");
	}
	x->run = run;
	s = &x->sockets[x->n_sockets++];
	*s = (struct refusal_socket){.f = {.fd = fd_take(&owned), .on_ready = on_refused},
				     .all = x,
				     .protocol = (uint8_t)protocol};
	return loop_add(&run->gate->loop, &s->f, LOOP_READ, err);
}

void exit_refusals_done(struct exit_run *run)
{
	if (run->refusals) {
		stop(run->refusals);
		free(run->refusals);
		run->refusals = NULL;
	}
}
