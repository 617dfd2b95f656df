/* SPDX-License-Identifier: Apache-2.0 */
/* proc/exit.c - dials the hosts that agents were permitted to reach.
 *
 *   reads   hosts and ports from gates, addresses from its resolver; of relayed connections the
 *           requests that gates wrote and, where a secret could come back, the hosts' answers
 *   holds   which hosts the configuration knows, which special addresses it opens, credentials
 *           that agents use
 *   cannot  open files, start programs, see what passes through tunnels, dial a special address
 *           that the configuration does not open
 *
 * It exists only where an exit is configured, apart from the connector: who makes a gate dial
 * what it should not still reaches no address of this machine, and no credential of an upstream.
 * A name is looked up once, all its addresses are judged, and one of those is dialled.
 */
#include "base/log.h"
#include "config/config.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/exit_map.h"
#include "proc/exit_relay.h"
#include "proc/peers.h"
#include "proc/resolver.h"
#include "proc/wishes.h"
#include "sandbox/jail.h"
#include "sys/fd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DIAL_SECONDS = 10, MAX_DIALS = 4096, MAX_DIALS_OF_ASKER = 2048, MAX_ADDRS = 16 };

static const struct jail_spec exit_jail = {
	.name = "exit",
	.calls = CALLS_LOOP | CALLS_SOCKET | CALLS_DIAL,
	.families = FAMILY_UNIX | FAMILY_INET,
	.net = JAIL_NET_KEEP,
};

struct exits {
	struct loop loop;
	struct role_boot *boot;
	struct wishes control;
	struct resolver resolver;
	struct exit_map *map;
	struct peers peers;
	unsigned dials;
	uint64_t next_serial;
};

struct dial {
	struct list node; /* in its peer's list */
	struct peer *peer;
	uint64_t token;
	uint64_t serial; /* towards the resolver; never used twice */
	bool resolving;
	uint8_t flags;  /* enum ipc_host */
	uint64_t asker; /* whose it is, as a gate says */
	struct egress_host host;
	struct loop_fd f; /* f.fd -1 until connecting */
	struct exit_relay_wait wait;
	int gate_end; /* while it waits */
	struct timer deadline;
	struct net_addr addrs[MAX_ADDRS];
	unsigned n_addrs, at;
};

static struct exits *exits_of(const struct dial *d)
{
	return CONTAINER_OF(d->peer->owner, struct exits, peers);
}

static void dial_free(struct dial *d)
{
	struct exits *x = exits_of(d);

	if (d->resolving) {
		resolver_forget(&x->resolver, d->serial);
	}
	timer_stop(&d->deadline);
	exit_relay_wait_end(&d->wait);
	fd_close(&d->gate_end);
	if (d->f.fd >= 0) {
		loop_remove(&x->loop, &d->f);
		fd_close(&d->f.fd);
	}
	list_remove(&d->node);
	x->dials--;
	free(d);
}

static void dial_fail(struct dial *d, const char *reason, enum ipc_not_dialed why)
{
	peer_not_dialed(d->peer, d->token, reason, (uint8_t)why);
	dial_free(d);
}

static void on_agreed(struct exit_relay_wait *w, bool ok, bool http2)
{
	struct dial *d = CONTAINER_OF(w, struct dial, wait);

	if (!ok) {
		dial_fail(d, "the connection could not be secured", IPC_DIAL_UNREACHABLE);
		return;
	}
	peer_dialed(d->peer, d->token, http2 ? IPC_DIAL_RELAY_H2 : IPC_DIAL_RELAY,
		    fd_take(&d->gate_end));
	dial_free(d);
}

static void relay(struct dial *d, int fd)
{
	struct exits *x = exits_of(d);
	bool tls = (d->flags & IPC_HOST_TLS) != 0;
	bool h2 = tls && (d->flags & IPC_HOST_H2) && exit_relay_may_offer_http2(x->map, &d->host);
	struct err err;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		(void)close(fd);
		dial_fail(d, "no socket left", IPC_DIAL_BUSY);
		return;
	}
	d->gate_end = ends[1];
	d->wait.on_agreed = on_agreed;
	if (exit_relay_start(&x->loop, x->map, &d->host, tls, h2 ? &d->wait : NULL, ends[0], fd,
			     &err)) {
		log_line(LOG_WARN, "relay: %s", err.msg);
		on_agreed(&d->wait, false, false);
	} else if (!h2) {
		on_agreed(&d->wait, true, false);
	}
}

static void dial_connected(struct dial *d)
{
	int fd = d->f.fd;

	loop_remove(&exits_of(d)->loop, &d->f);
	d->f.fd = -1;
	if (d->flags & IPC_HOST_RELAY) {
		relay(d, fd);
		return;
	}
	peer_dialed(d->peer, d->token, IPC_DIAL_DIRECT, fd);
	dial_free(d);
}

/* Tries the next address; fails the dial when none is left. */
static void dial_next(struct dial *d);

static void on_connect_ready(struct loop_fd *f, uint32_t ready)
{
	struct dial *d = CONTAINER_OF(f, struct dial, f);
	socklen_t n = sizeof(int);
	int why = 0;

	(void)ready;
	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0 || why) {
		loop_remove(&exits_of(d)->loop, f);
		fd_close(&f->fd);
		dial_next(d);
		return;
	}
	dial_connected(d);
}

/* A connection within this machine is made or refused at once: no turn of the loop for it. */
static bool is_made(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

enum attempt { ATTEMPT_FAILED = 0, ATTEMPT_UNDER_WAY, ATTEMPT_MADE };

static enum attempt dial_address(struct dial *d, const struct net_addr *addr)
{
	struct exits *x = exits_of(d);
	struct sockaddr_storage ss;
	socklen_t n = net_addr_to_sockaddr(addr, &ss);
	const int on = 1;
	struct err err;

	d->f.fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->f.fd < 0) {
		return ATTEMPT_FAILED;
	}
	/* Small messages leave at once: what is held back here is held back from an agent's every step. */
	(void)setsockopt(d->f.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	d->f.on_ready = on_connect_ready;
	if (connect(d->f.fd, (struct sockaddr *)&ss, n) == 0 ||
	    (errno == EINPROGRESS && net_addr_is_loopback(addr) && is_made(d->f.fd))) {
		return ATTEMPT_MADE;
	}
	if (errno != EINPROGRESS || loop_add(&x->loop, &d->f, LOOP_WRITE, &err)) {
		fd_close(&d->f.fd);
		return ATTEMPT_FAILED;
	}
	return ATTEMPT_UNDER_WAY;
}

static void dial_next(struct dial *d)
{
	while (d->at < d->n_addrs) {
		switch (dial_address(d, &d->addrs[d->at++])) {
		case ATTEMPT_FAILED:
			break;
		case ATTEMPT_UNDER_WAY:
			return;
		case ATTEMPT_MADE:
			dial_connected(d);
			return;
		}
	}
	dial_fail(d, "nobody answers there", IPC_DIAL_UNREACHABLE);
}

static void on_deadline(struct timer *t)
{
	dial_fail(CONTAINER_OF(t, struct dial, deadline), "no answer in time", IPC_DIAL_TIMEOUT);
}

static struct net_addr addr_of(const struct egress_ip *ip, uint16_t port)
{
	struct net_addr a = {.kind = ip->v6 ? NET_ADDR_IP6 : NET_ADDR_IP4, .port = port};

	memcpy(a.ip, ip->bytes, ip->v6 ? 16 : 4);
	return a;
}

static struct egress_ip ip_of(const struct net_addr *a)
{
	struct egress_ip ip = {.v6 = a->kind == NET_ADDR_IP6};

	memcpy(ip.bytes, a->ip, ip.v6 ? 16 : 4);
	return ip;
}

/*
 * All addresses of a name are judged, not only the one that would be dialled: a name that has a public
 * and a private one is no name to be trusted with either.
 */
static bool may_dial_all(const struct dial *d)
{
	const struct exit_map *m = exits_of(d)->map;

	for (unsigned i = 0; i < d->n_addrs; i++) {
		struct egress_ip ip = ip_of(&d->addrs[i]);

		if (d->addrs[i].scope || !egress_may_dial(&ip, m->open, m->n_open)) {
			log_line(LOG_DEBUG, STR_FMT ": a %s address is not dialled",
				 STR_ARG(egress_host_name(&d->host)),
				 egress_class_name(egress_classify(&ip)));
			return false;
		}
	}
	return true;
}

static void judge_and_dial(struct dial *d)
{
	if (d->n_addrs == 0) {
		dial_fail(d, "the name has no address", IPC_DIAL_NO_NAME);
	} else if (!may_dial_all(d)) {
		dial_fail(d, "the address is not a public one", IPC_DIAL_FORBIDDEN);
	} else {
		dial_next(d);
	}
}

static void on_resolved(struct resolver *r, uint64_t serial, const struct net_addr *addrs,
			unsigned n)
{
	struct exits *x = CONTAINER_OF(r, struct exits, resolver);

	for (struct peer *p = x->peers.first; p; p = p->next) {
		LIST_FOREACH (node, &p->asked) {
			struct dial *d = CONTAINER_OF(node, struct dial, node);

			if (d->serial != serial || !d->resolving) {
				continue;
			}
			d->resolving = false;
			for (unsigned i = 0; i < n && i < MAX_ADDRS; i++) {
				d->addrs[d->n_addrs++] = addrs[i];
			}
			judge_and_dial(d);
			return;
		}
	}
}

static void add_ip(struct dial *d, const struct egress_ip *ip)
{
	if (d->n_addrs < MAX_ADDRS) {
		d->addrs[d->n_addrs++] = addr_of(ip, d->host.port);
	}
}

static void dial_begin(struct dial *d)
{
	struct exits *x = exits_of(d);
	struct str name = egress_host_name(&d->host);
	const struct config_egress_host *known = config_egress_find(&x->map->config, name);
	struct err err;

	if (known) {
		for (size_t i = 0; i < known->n_addrs; i++) {
			add_ip(d, &known->addrs[i]); /* the operator named them: not judged again */
		}
		dial_next(d);
	} else if (d->host.is_ip) {
		add_ip(d, &d->host.ip);
		judge_and_dial(d);
	} else if (egress_is_localhost(name)) {
		add_ip(d, &(struct egress_ip){.bytes = {127, 0, 0, 1}});
		judge_and_dial(d);
	} else {
		d->resolving = true;
		if (resolver_ask(&x->resolver, d->asker, d->serial, name, d->host.port, &err)) {
			dial_fail(d, "the name cannot be looked up", IPC_DIAL_BUSY);
		}
	}
}

/* One agent leaves room for others; who is far from it is not counted. */
static bool has_room(struct exits *x, uint64_t asker)
{
	unsigned own = 0;

	if (x->dials < MAX_DIALS - MAX_DIALS_OF_ASKER) {
		return true;
	}
	for (struct peer *p = x->peers.first; p; p = p->next) {
		LIST_FOREACH (node, &p->asked) {
			own += CONTAINER_OF(node, struct dial, node)->asker == asker;
		}
	}
	return x->dials < MAX_DIALS && own < MAX_DIALS_OF_ASKER;
}

static void dial_asked(struct exits *x, struct peer *p, uint64_t token,
		       const struct egress_host *host, uint8_t flags, uint64_t asker)
{
	struct dial *d;

	if (x->map->config.severed.n) {
		peer_not_dialed(p, token, "it is cut off: writ site sever", IPC_DIAL_UNREACHABLE);
		return;
	}
	d = has_room(x, asker) ? calloc(1, sizeof(*d)) : NULL;
	if (!d) {
		peer_not_dialed(p, token, "too many connections are being made", IPC_DIAL_BUSY);
		return;
	}
	d->peer = p;
	d->host = *host;
	d->flags = flags;
	d->asker = asker;
	d->token = token;
	d->serial = ++x->next_serial;
	d->f.fd = d->gate_end = -1;
	d->deadline.on_timeout = on_deadline;
	x->dials++;
	list_append(&p->asked, &d->node);
	loop_timer_set(&x->loop, &d->deadline, DIAL_SECONDS * CLOCK_SEC);
	dial_begin(d);
}

static void on_gone(struct peer *p)
{
	LIST_FOREACH (node, &p->asked) {
		dial_free(CONTAINER_OF(node, struct dial, node));
	}
}

static bool on_message(struct peer *p, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	uint64_t token = frame_get_u64(&r);
	struct str name = frame_get_str(&r);
	uint32_t port = frame_get_u32(&r);
	uint8_t flags = frame_get_u8(&r);
	uint64_t asker = frame_get_u64(&r);
	struct egress_host host;
	struct err err;

	if (type != IPC_DIAL_HOST || !frame_ok(&r) || port == 0 || port > UINT16_MAX ||
	    egress_name_parse(name, &host, &err) || !str_eq(egress_host_name(&host), name)) {
		return false;
	}
	host.port = (uint16_t)port;
	dial_asked(CONTAINER_OF(p->owner, struct exits, peers), p, token, &host, flags, asker);
	return true;
}

/* Dials under way keep the addresses they have, relays the map. */
static enum err_code load_map(struct exits *x, struct err *err)
{
	struct exit_map *m;

	TRY(exit_map_new(x->boot->config_fd, x->boot->secrets, x->boot->n_secrets, &m, err));
	exit_map_unref(x->map);
	x->map = m;
	return ERR_OK;
}

static enum err_code on_channel(struct wishes *w, const struct role_channel *channel,
				struct err *err)
{
	return peers_add(&CONTAINER_OF(w, struct exits, control)->peers, channel, err);
}

static enum err_code on_reload(struct wishes *w, struct err *err)
{
	return load_map(CONTAINER_OF(w, struct exits, control), err);
}

static const struct wishes_ops wishes = {.channel = on_channel, .reload = on_reload};

static enum err_code serve(struct exits *x, struct err *err)
{
	TRY(resolver_start(&x->resolver, err));
	TRY(loop_init(&x->loop, err));
	TRY(role_enter(x->boot, &exit_jail, err));
	TRY(load_map(x, err));
	TRY(resolver_watch(&x->resolver, &x->loop, err));
	for (unsigned i = 0; i < x->boot->n_channels; i++) {
		TRY(peers_add(&x->peers, &x->boot->channels[i], err));
	}
	x->control = (struct wishes){.boot = x->boot, .loop = &x->loop, .ops = &wishes};
	TRY(wishes_watch(&x->control, err));
	TRY(role_ready(x->boot, err));
	return loop_run(&x->loop, err);
}

int exit_main(struct role_boot *boot)
{
	struct exits x = {
		.boot = boot,
		.resolver.on_answer = on_resolved,
		.peers = {.loop = &x.loop,
			  .boot = boot,
			  .frames_a_turn = 64,
			  .queue_max = 1 << 20,
			  .on_message = on_message,
			  .on_gone = on_gone},
	};
	struct err err;

	if (serve(&x, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
		return 2;
	}
	return 0;
}
