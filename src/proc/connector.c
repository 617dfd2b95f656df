/* SPDX-License-Identifier: Apache-2.0 */
/* proc/connector.c - the only role that dials upstreams.
 *
 *   reads   names of upstreams from gates (known table)
 *   holds   addresses of upstreams; tokens of servers that want them (proc/grants.h)
 *   cannot  open files, start programs, dial what is not in its table, see what is said: whatever wants TLS or
 *           a credential it hands to the relay of its zone as soon as it is connected (proc/zone.c)
 */
#include "base/clock.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "net/addr.h"
#include "net/loop.h"
#include "proc/grants.h"
#include "proc/peers.h"
#include "proc/resolver.h"
#include "proc/role.h"
#include "proc/upstream.h"
#include "proc/wishes.h"
#include "sandbox/jail.h"
#include "sys/fd.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STATUS_UNAUTHORIZED = 401 };
enum { DIAL_SECONDS = 10, NAME_SECONDS = 30, MAX_DIALS = 4096, TOKEN_FRAME = 16 << 10 };

static const struct jail_spec connector_jail = {
	.name = "connector",
	.calls = CALLS_LOOP | CALLS_SOCKET | CALLS_DIAL,
	.families = FAMILY_UNIX | FAMILY_INET,
	.net = JAIL_NET_KEEP,
};

struct connector {
	struct loop loop;
	struct role_boot *boot;
	struct wishes control;
	struct resolver resolver;
	struct grants grants;
	struct upstream_table *table; /* newest first */
	struct peers peers;
	unsigned dials;
	uint64_t next_serial;
};

enum dial_state { DIAL_RESOLVING = 0, DIAL_CONNECTING, DIAL_HANDED, DIAL_GRANTING };

/* Where a grantor wants to go: what strangers say, so it is judged. */
struct stranger {
	bool any_address; /* the configuration names the host */
	struct config_url url;
	char host[RESOLVER_HOST_MAX + 1];
};

struct dial {
	struct list node; /* in its peer's list */
	struct peer *peer;
	struct upstream_table *table;
	const struct upstream *upstream; /* NULL: for a grantor */
	struct stranger *stranger;       /* of a grantor's, on the heap; else NULL */
	const struct config_url *url;
	bool renews; /* nothing is dialled: a gate waits for another token */
	uint64_t token;
	uint64_t serial; /* towards resolver and relay; never used twice */
	enum dial_state state;
	struct loop_fd f;         /* f.fd -1 until connecting */
	const struct peer *relay; /* that was handed the socket */
	struct timer deadline;
	struct net_addr addrs[RESOLVER_MAX_ADDRS];
	unsigned n_addrs, at;
};

static struct connector *connector_of(const struct peer *p)
{
	return CONTAINER_OF(p->owner, struct connector, peers);
}

static void dial_free(struct dial *d)
{
	struct connector *c = connector_of(d->peer);

	if (d->state == DIAL_RESOLVING) {
		resolver_forget(&c->resolver, d->serial);
	}
	timer_stop(&d->deadline);
	if (d->f.fd >= 0) {
		loop_remove(&c->loop, &d->f);
		fd_close(&d->f.fd);
	}
	list_remove(&d->node);
	d->table->uses--;
	c->dials--;
	free(d->stranger);
	free(d);
}

static void dial_fail_why(struct dial *d, const char *reason, enum ipc_not_dialed why)
{
	if (d->upstream && why == IPC_DIAL_UNREACHABLE) {
		log_line(LOG_WARN, STR_FMT ": %s", STR_ARG(d->upstream->name), reason);
	}
	peer_not_dialed(d->peer, d->token, reason, (uint8_t)why);
	dial_free(d);
}

static void dial_fail(struct dial *d, const char *reason)
{
	dial_fail_why(d, reason, IPC_DIAL_UNREACHABLE);
}

/* There is no token for where it goes. */
static void dial_ungranted(struct dial *d, const char *reason)
{
	dial_fail_why(d, reason,
		      d->upstream->grant->needs_login ? IPC_DIAL_LOGIN : IPC_DIAL_UNREACHABLE);
}

static struct peer *relay_of(struct connector *c, struct str zone)
{
	struct peer *p = c->peers.first;

	while (p && (p->role != ROLE_RELAY || !str_eq(str_from_c(p->zone), zone))) {
		p = p->next;
	}
	return p;
}

/* From here on the relay speaks with the gate; this role hears whether it could. Takes fd over. */
static void hand_over(struct dial *d, int fd)
{
	struct peer *relay = relay_of(connector_of(d->peer), d->upstream->zone);
	char buf[PEERS_SHORT_FRAME];
	struct frame_writer w;

	if (!relay) {
		(void)close(fd);
		dial_fail(d, "the relay of its site is being started");
		return;
	}
	frame_begin(&w, buf, sizeof(buf), IPC_HAND);
	frame_put_u64(&w, d->serial);
	frame_put_u32(&w, d->peer->index);
	frame_put_u64(&w, d->token);
	frame_put_str(&w, d->upstream->name);
	d->state = DIAL_HANDED;
	d->relay = relay;
	peer_send(relay, frame_bytes(&w), &fd, 1);
}

static void dial_connected(struct dial *d)
{
	struct connector *c = connector_of(d->peer);
	int fd = d->f.fd;

	loop_remove(&c->loop, &d->f);
	d->f.fd = -1;
	if (d->upstream && !d->upstream->direct) {
		hand_over(d, fd);
		return;
	}
	peer_dialed(d->peer, d->token,
		    d->upstream && d->upstream->http2 == CONFIG_HTTP2_YES ? IPC_DIAL_DIRECT_H2
									  : IPC_DIAL_DIRECT,
		    fd);
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
		loop_remove(&connector_of(d->peer)->loop, f);
		fd_close(&f->fd);
		dial_next(d);
		return;
	}
	dial_connected(d);
}

/* True when a connection is under way or made. */
static bool dial_address(struct dial *d, const struct net_addr *addr)
{
	struct connector *c = connector_of(d->peer);
	struct sockaddr_storage ss;
	socklen_t n = net_addr_to_sockaddr(addr, &ss);
	struct err err;
	const int on = 1;

	d->f.fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->f.fd < 0) {
		return false;
	}
	/* A head and its body pass one after the other: neither waits for the other's ACK. */
	(void)setsockopt(d->f.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	d->f.on_ready = on_connect_ready;
	if ((connect(d->f.fd, (struct sockaddr *)&ss, n) < 0 && errno != EINPROGRESS) ||
	    loop_add(&c->loop, &d->f, LOOP_WRITE, &err)) {
		fd_close(&d->f.fd);
		return false;
	}
	return true;
}

/* A name that a stranger gave leads to a public address or nowhere. */
static bool may_dial(const struct dial *d, const struct net_addr *addr)
{
	struct egress_ip ip = {.v6 = addr->kind == NET_ADDR_IP6};

	memcpy(ip.bytes, addr->ip, sizeof(ip.bytes));
	return !d->stranger || d->stranger->any_address || egress_may_dial(&ip, NULL, 0);
}

static void dial_next(struct dial *d)
{
	bool forbidden = false;

	d->state = DIAL_CONNECTING;
	while (d->at < d->n_addrs) {
		const struct net_addr *addr = &d->addrs[d->at++];

		if (!may_dial(d, addr)) {
			forbidden = true;
		} else if (dial_address(d, addr)) {
			return;
		}
	}
	dial_fail(d, forbidden    ? "it leads to an address that is not public"
		     : d->n_addrs ? "nobody answers there"
				  : "the name has no address");
}

static void on_deadline(struct timer *t)
{
	dial_fail(CONTAINER_OF(t, struct dial, deadline), "no answer in time");
}

static struct dial *find_among(const struct peer *p, uint64_t serial, enum dial_state state)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&p->asked) {
		struct dial *d = CONTAINER_OF(node, struct dial, node);

		if (d->serial == serial && d->state == state) {
			return d;
		}
	}
	return NULL;
}

static struct dial *find_dial(struct connector *c, uint64_t serial, enum dial_state state)
{
	struct dial *d = NULL;

	for (struct peer *p = c->peers.first; p && !d; p = p->next) {
		d = find_among(p, serial, state);
	}
	for (unsigned i = 0; i < c->grants.n && !d; i++) {
		d = find_among(&c->grants.children[i].peer, serial, state);
	}
	return d;
}

static void on_resolved(struct resolver *r, uint64_t serial, const struct net_addr *addrs,
			unsigned n)
{
	struct connector *c = CONTAINER_OF(r, struct connector, resolver);
	struct dial *d = find_dial(c, serial, DIAL_RESOLVING);

	if (!d) {
		return; /* it was given up meanwhile */
	}
	d->n_addrs = n;
	for (unsigned i = 0; i < n; i++) {
		d->addrs[i] = addrs[i];
	}
	dial_next(d);
}

static void dial_begin(struct dial *d)
{
	const struct config_url *url = d->url;
	struct buf text;
	struct err err;

	d->state = DIAL_RESOLVING;
	if (url->loopback && !url->ip) {
		/* RFC 6761 section 6.3: localhost is this machine, whatever a name server says. */
		d->addrs[0] = (struct net_addr){
			.kind = NET_ADDR_IP4, .port = url->port, .ip = {127, 0, 0, 1}};
		d->addrs[1] = (struct net_addr){
			.kind = NET_ADDR_IP6, .port = url->port, .ip = {[15] = 1}};
		d->n_addrs = 2;
		dial_next(d);
		return;
	}
	if (!url->ip) {
		if (!connector_of(d->peer)->boot->resolve ||
		    resolver_ask(&connector_of(d->peer)->resolver, 0, d->serial, url->host,
				 url->port, &err)) {
			dial_fail(d, "the name cannot be looked up");
		}
		return;
	}
	buf_init(&text, 128);
	buf_append(&text, url->ipv6 ? STR("[") : STR(""));
	buf_append(&text, url->host);
	buf_append(&text, url->ipv6 ? STR("]:") : STR(":"));
	buf_append_u64(&text, url->port);
	d->n_addrs = net_addr_parse(buf_str(&text), &d->addrs[0], &err) == ERR_OK;
	buf_done(&text);
	dial_next(d);
}

/* NULL: there are too many, and it has been told. */
static struct dial *dial_new(struct connector *c, struct peer *p, const struct config_url *url,
			     uint64_t token)
{
	struct dial *d = c->dials < MAX_DIALS ? calloc(1, sizeof(*d)) : NULL;

	if (!d) {
		peer_not_dialed(p, token, "too many connections are being made",
				IPC_DIAL_UNREACHABLE);
		return NULL;
	}
	d->peer = p;
	d->table = c->table;
	d->url = url;
	d->token = token;
	d->serial = ++c->next_serial;
	d->f.fd = -1;
	d->deadline.on_timeout = on_deadline;
	c->dials++;
	c->table->uses++;
	list_append(&p->asked, &d->node);
	loop_timer_set(&c->loop, &d->deadline, (url->ip ? DIAL_SECONDS : NAME_SECONDS) * CLOCK_SEC);
	return d;
}

/* Without a token the server would only refuse. */
static void dial_after_grant(struct dial *d)
{
	struct err err;

	d->state = DIAL_GRANTING;
	loop_timer_set(&connector_of(d->peer)->loop, &d->deadline, GRANT_SECONDS * CLOCK_SEC);
	if (!d->upstream->grant) {
		dial_fail(d, "too many servers need tokens");
	} else if (grant_want(d->upstream->grant, &err)) {
		dial_ungranted(d, err.msg);
	}
}

static void dial_asked(struct peer *p, uint64_t token, struct str name)
{
	struct connector *c = connector_of(p);
	const struct upstream *u = upstream_find(&c->table->upstreams, name);
	struct dial *d;

	if (!u) {
		peer_not_dialed(p, token, "not an upstream of this configuration",
				IPC_DIAL_UNREACHABLE);
		return;
	}
	if (u->cut) {
		peer_not_dialed(p, token, "it is cut off: writ site sever", IPC_DIAL_UNREACHABLE);
		return;
	}
	d = dial_new(c, p, u->url, token);
	if (!d) {
		return;
	}
	d->upstream = u;
	if (u->server.n && !grant_is_good(u->grant)) {
		dial_after_grant(d);
		return;
	}
	dial_begin(d);
}

/* For a grantor: somewhere that the server it asks for, or who answers for that one, has named. */
static void on_grantor_dial(struct grants *gs, struct peer *p, uint64_t token, struct str server,
			    struct str host, uint16_t port)
{
	struct connector *c = CONTAINER_OF(gs, struct connector, grants);
	struct stranger *s = host.n <= RESOLVER_HOST_MAX ? calloc(1, sizeof(*s)) : NULL;
	struct dial *d;

	if (!s || c->table->upstreams.severed ||
	    !upstream_stranger(&c->table->upstreams, server, host, port, s->host, &s->url,
			       &s->any_address)) {
		free(s);
		peer_not_dialed(p, token, "this address is not one to ask for tokens",
				IPC_DIAL_FORBIDDEN);
		return;
	}
	d = dial_new(c, p, &s->url, token);
	if (!d) {
		free(s);
		return;
	}
	d->stranger = s;
	dial_begin(d);
}

/* A relay is told of the token that there is for a server of its zone, or that there is none. */
static void tell_token(struct peer *relay, const struct upstream *u)
{
	const struct grant *g = u->grant;
	char buf[TOKEN_FRAME];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_TOKEN);
	frame_put_str(&w, u->server);
	frame_put_str(&w, u->url->text);
	frame_put_u64(&w, g->until);
	frame_put_str(&w, grant_is_good(g) && grant_is_for(g, u->url->text) ? secret_str(&g->line)
									    : STR(""));
	if (!w.overflow) {
		peer_send(relay, frame_bytes(&w), NULL, 0);
	}
	secret_wipe(buf, sizeof(buf));
}

/* Of this grant, or of all (NULL), to this relay, or to all. */
static void tell_tokens(struct connector *c, const struct grant *g, struct peer *relay)
{
	for (size_t i = 0; i < c->table->upstreams.n; i++) {
		const struct upstream *u = &c->table->upstreams.items[i];
		struct peer *of = u->grant ? relay_of(c, u->zone) : NULL;

		if (of && (!relay || relay == of) && (!g || g == u->grant)) {
			tell_token(of, u);
		}
	}
}

/* There is a token for a server, or there is none: who wants to go there does, or learns it. */
static void on_settled(struct grants *gs, struct grant *g, bool ok)
{
	struct connector *c = CONTAINER_OF(gs, struct connector, grants);

	tell_tokens(c, g, NULL);
	for (struct peer *p = c->peers.first; p; p = p->next) {
		LIST_FOREACH (node, &p->asked) {
			struct dial *d = CONTAINER_OF(node, struct dial, node);

			if (d->state != DIAL_GRANTING || d->upstream->grant != g) {
				continue;
			}
			if (ok && d->renews) {
				dial_fail_why(d, "", IPC_DIAL_RENEWED);
			} else if (ok) {
				dial_begin(d);
			} else {
				dial_ungranted(d, g->reason);
			}
		}
	}
}

/* What a relay had been handed and not answered for. */
static void relay_gone(struct connector *c, const struct peer *relay)
{
	for (struct peer *p = c->peers.first; p; p = p->next) {
		LIST_FOREACH (node, &p->asked) {
			struct dial *d = CONTAINER_OF(node, struct dial, node);

			if (d->relay == relay) {
				dial_fail(d, "the relay of its site has ended");
			}
		}
	}
}

static void on_dropped(struct grants *gs, const struct grant *g)
{
	tell_tokens(CONTAINER_OF(gs, struct connector, grants), g, NULL);
}

static void on_gone(struct peer *p)
{
	LIST_FOREACH (node, &p->asked) {
		dial_free(CONTAINER_OF(node, struct dial, node));
	}
	if (p->role == ROLE_RELAY) {
		relay_gone(connector_of(p), p);
	}
}

static bool on_message(struct peer *p, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	uint64_t token = frame_get_u64(&r);
	struct str name = frame_get_str(&r);

	if (type != IPC_DIAL || !frame_ok(&r)) {
		return false;
	}
	dial_asked(p, token, name);
	return true;
}

/* Another token, for a request that was refused: when it is there, or that there will be none. */
static void renew(struct peer *p, uint64_t token, const struct upstream *u, uint32_t status)
{
	struct connector *c = connector_of(p);
	struct dial *d;

	if (!u || !u->grant || u->cut) {
		peer_not_dialed(p, token, "no tokens are got for it", IPC_DIAL_UNREACHABLE);
		return;
	}
	if (u->grant->consent && status != STATUS_UNAUTHORIZED) {
		peer_not_dialed(p, token, "it wants more than the login gave", IPC_DIAL_LOGIN);
		return;
	}
	if (u->grant->state == GRANT_IDLE) { /* it has just come, or just failed */
		peer_not_dialed(p, token, "",
				grant_is_good(u->grant) && !u->grant->failed_at ? IPC_DIAL_RENEWED
				: u->grant->needs_login                         ? IPC_DIAL_LOGIN
							: IPC_DIAL_UNREACHABLE);
		return;
	}
	d = dial_new(c, p, u->url, token);
	if (d) {
		d->upstream = u;
		d->renews = true;
		d->state = DIAL_GRANTING;
		loop_timer_set(&c->loop, &d->deadline, GRANT_SECONDS * CLOCK_SEC);
	}
}

/* A gate tells that a server refused a request for want of a (better) token. */
static bool on_challenge(struct peer *p, struct str frame)
{
	struct connector *c = connector_of(p);
	struct frame_reader r;
	const struct upstream *u;
	struct str name, challenge;
	uint64_t token;
	uint32_t status;

	(void)frame_open(&r, frame);
	token = frame_get_u64(&r);
	name = frame_get_str(&r);
	status = frame_get_u32(&r);
	challenge = frame_get_str(&r);
	if (!frame_ok(&r)) {
		return false;
	}
	u = upstream_find(&c->table->upstreams, name);
	if (u && u->grant) {
		grant_refused(u->grant, status, challenge);
	}
	if (token) {
		renew(p, token, u, status);
	}
	return true;
}

static bool take_handed(struct peer *p, struct frame_reader *r)
{
	uint64_t number = frame_get_u64(r);
	bool ok = frame_get_u8(r) == 1;
	struct dial *d = find_dial(connector_of(p), number, DIAL_HANDED);

	if (!frame_ok(r)) {
		return false;
	}
	if (d && d->relay == p) { /* else it was given up meanwhile */
		if (ok) {
			dial_free(d);
		} else {
			dial_fail(d, "the connection could not be secured");
		}
	}
	return true;
}

static bool take_used(struct peer *p, struct frame_reader *r)
{
	const struct upstreams *all = &connector_of(p)->table->upstreams;
	struct str server = frame_get_str(r);

	for (size_t i = 0; i < all->n && frame_ok(r); i++) {
		const struct upstream *u = &all->items[i];

		if (u->grant && str_eq(u->server, server) && str_eq(u->zone, str_from_c(p->zone))) {
			u->grant->used = true;
		}
	}
	return frame_ok(r);
}

/* All that a relay may say: it asks for nothing. */
static bool on_relay(struct peer *p, struct str frame)
{
	struct frame_reader r;

	switch (frame_open(&r, frame)) {
	case IPC_HANDED:
		return take_handed(p, &r);
	case IPC_TOKEN_USED:
		return take_used(p, &r);
	default:
		return false;
	}
}

static bool on_frame(struct peer *p, struct str frame)
{
	if (p->role == ROLE_RELAY) {
		return on_relay(p, frame);
	}
	return frame.n && (unsigned char)frame.p[0] == IPC_CHALLENGE ? on_challenge(p, frame)
								     : on_message(p, frame);
}

/* Attempts to reach what is severed end now, whatever configuration they are of. */
static void cut(struct connector *c)
{
	for (struct peer *p = c->peers.first; p; p = p->next) {
		LIST_FOREACH (node, &p->asked) {
			struct dial *d = CONTAINER_OF(node, struct dial, node);
			const struct upstream *u =
				upstream_find(&c->table->upstreams, d->upstream->name);

			if (!u || u->cut) {
				dial_fail(d, "it is cut off: writ site sever");
			}
		}
	}
}

static enum err_code load_table(struct connector *c, struct err *err)
{
	TRY(upstream_table_load(&c->table, c->boot, true, err));
	for (size_t i = 0; i < c->table->upstreams.n; i++) {
		struct upstream *u = &c->table->upstreams.items[i];

		u->grant = u->server.n ? grants_of(&c->grants, u->server, u->url->text) : NULL;
		if (u->grant) {
			u->grant->login = u->login;
			u->grant->consent = u->consent;
		}
	}
	if (c->table->upstreams.severed) {
		cut(c);
	}
	upstream_tables_sweep(c->table);
	tell_tokens(c, NULL, NULL);
	return ERR_OK;
}

static enum err_code meet(struct connector *c, const struct role_channel *channel, struct err *err)
{
	TRY(peers_add(&c->peers, channel, err));
	if (channel->peer == ROLE_RELAY) {
		tell_tokens(c, NULL, peers_find(&c->peers, ROLE_RELAY, channel->index));
	}
	return ERR_OK;
}

static enum err_code on_channel(struct wishes *w, const struct role_channel *channel,
				struct err *err)
{
	return meet(CONTAINER_OF(w, struct connector, control), channel, err);
}

static enum err_code on_reload(struct wishes *w, struct err *err)
{
	struct connector *c = CONTAINER_OF(w, struct connector, control);

	TRY(load_table(c, err));
	grants_reload(&c->grants);
	return ERR_OK;
}

static void on_login(struct wishes *w, struct str frame)
{
	grants_take_login(&CONTAINER_OF(w, struct connector, control)->grants, frame);
}

static void on_tell(struct grants *gs, const struct frame_writer *w)
{
	struct connector *c = CONTAINER_OF(gs, struct connector, grants);

	if (w->overflow || chan_send(&c->boot->control, frame_bytes(w), NULL, 0, NULL)) {
		log_line(LOG_ERROR, "the supervisor does not hear of a login");
		loop_stop(&c->loop);
	}
}

static const struct wishes_ops wishes = {
	.channel = on_channel, .reload = on_reload, .login = on_login};

static enum err_code serve(struct connector *c, struct err *err)
{
	list_init(&c->grants.all);
	c->grants.loop = &c->loop;
	c->grants.boot = c->boot;
	c->grants.on_dial = on_grantor_dial;
	c->grants.on_settled = on_settled;
	c->grants.on_dropped = on_dropped;
	c->grants.on_tell = on_tell;
	if (c->boot->resolve) {
		TRY(resolver_start(&c->resolver, err));
	}
	if (c->boot->oauth) {
		TRY(grants_start(&c->grants, err));
	}
	TRY(loop_init(&c->loop, err));
	TRY(role_enter(c->boot, &connector_jail, err));
	TRY(load_table(c, err));
	if (c->boot->resolve) {
		TRY(resolver_watch(&c->resolver, &c->loop, err));
	}
	TRY(grants_watch(&c->grants, &c->peers, err));
	for (unsigned i = 0; i < c->boot->n_channels; i++) {
		TRY(meet(c, &c->boot->channels[i], err));
	}
	c->control = (struct wishes){.boot = c->boot, .loop = &c->loop, .ops = &wishes};
	TRY(wishes_watch(&c->control, err));
	TRY(role_ready(c->boot, err));
	return loop_run(&c->loop, err);
}

int connector_main(struct role_boot *boot)
{
	struct connector c = {
		.boot = boot,
		.resolver.on_answer = on_resolved,
		.peers = {.loop = &c.loop,
			  .boot = boot,
			  .frames_a_turn = 64,
			  .queue_max = 1 << 20,
			  .relays = true,
			  .on_message = on_frame,
			  .on_gone = on_gone},
	};
	struct err err;

	if (serve(&c, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
		return 2;
	}
	return 0;
}
