/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sandbox's own kernel refuses: connections to ports that are not captured, and datagrams. It
 * does so at once and asks nobody; here it is noted, by what that kernel answers (egress/refusal.h).
 */
#include "gate/exit_priv.h"

#include "egress/refusal.h"
#include "sys/fd.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { A_TURN = 32, MAX_NOTED = 64, SOCKETS = 2 /* one of each family */ };

struct exit_refusals {
	struct exit_run *run;
	struct loop_fd sockets[SOCKETS];
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
		if (x->sockets[i].fd >= 0) {
			loop_remove(&x->run->gate->loop, &x->sockets[i]);
			fd_close(&x->sockets[i].fd);
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

static void read_refusals(struct exit_refusals *x, struct loop_fd *f)
{
	char packet[EGRESS_REFUSAL_MAX];
	struct egress_refusal r;
	ssize_t n = 0;

	for (int i = 0; i < A_TURN && f->fd >= 0; i++) {
		n = recv(f->fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (n < 0) {
			return;
		}
		if (egress_refusal_read(str_make(packet, (size_t)n), &r)) {
			note(x, &r);
		}
	}
}

static void on_first(struct loop_fd *f, uint32_t ready)
{
	(void)ready;
	read_refusals(CONTAINER_OF(f, struct exit_refusals, sockets[0]), f);
}

static void on_second(struct loop_fd *f, uint32_t ready)
{
	(void)ready;
	read_refusals(CONTAINER_OF(f, struct exit_refusals, sockets[1]), f);
}

enum err_code exit_refusals_listen(struct exit_run *run, int fd, struct err *err)
{
	CLEANUP(fd_close) int owned = fd;
	struct exit_refusals *x = run->refusals;

	if (!x) {
		x = run->refusals = calloc(1, sizeof(*x));
	}
	if (!x || x->n_sockets == SOCKETS) {
		return ERR(err, ERR_INVALID, "a third socket of refusals, or no memory for one");
	}
	x->run = run;
	x->sockets[x->n_sockets] = (struct loop_fd){
		.fd = fd_take(&owned), .on_ready = x->n_sockets ? on_second : on_first};
	x->n_sockets++;
	return loop_add(&run->gate->loop, &x->sockets[x->n_sockets - 1], LOOP_READ, err);
}

void exit_refusals_done(struct exit_run *run)
{
	if (run->refusals) {
		stop(run->refusals);
		free(run->refusals);
		run->refusals = NULL;
	}
}
