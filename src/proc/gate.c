/* SPDX-License-Identifier: Apache-2.0 */
/* proc/gate.c - the role that strangers talk to; one for each core.
 *
 *   reads   requests of clients, answers of servers and models, policies
 *   holds   sessions, the compiled policies, listeners and their TLS keys
 *   cannot  open files, connect, start programs, see an upstream's credentials, write the
 *           ledger
 */
#include "gate/gate.h"
#include "base/hex.h"
#include "base/log.h"
#include "crypto/authority.h"
#include "crypto/tls.h"
#include "http/h2.h"
#include "proc/role.h"
#include "proc/wishes.h"
#include "sandbox/jail.h"
#include "sys/fd.h"

#include <stdlib.h>
#include <unistd.h>

enum { DOCUMENT_MAX = 64 << 20 };

/* Not JAIL_NET_EMPTY_USER: in a user namespace the users of Unix peers could not be told apart. */
static const struct jail_spec gate_jail = {
	.name = "gate",
	.calls = CALLS_LOOP | CALLS_SOCKET,
	.net = JAIL_NET_EMPTY,
};

struct gate_role {
	struct gate gate;
	struct role_boot *boot;
	struct wishes control;
};

static enum err_code read_rules(const struct role_boot *boot, struct rules **ret, struct err *err)
{
	struct str config = {0}, bundle = {0};
	enum err_code code;
	struct arena a;

	arena_init(&a, 2 * (size_t)DOCUMENT_MAX);
	code = fd_read_all(boot->config_fd, DOCUMENT_MAX, &a, &config, err);
	code = code ? code : fd_read_all(boot->bundle_fd, DOCUMENT_MAX, &a, &bundle, err);
	code = code ? code : rules_new(config, bundle, ret, err);
	arena_done(&a);
	return code;
}

static enum err_code file_bytes(const struct role_boot *boot, struct str name, struct arena *a,
				struct str *ret, struct err *err)
{
	for (unsigned i = 0; i < boot->n_secrets; i++) {
		if (str_eq(str_from_c(boot->secrets[i].file), name)) {
			return fd_read_all(boot->secrets[i].fd, 1 << 20, a, ret, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND, "the supervisor did not hand over " STR_FMT, STR_ARG(name));
}

static enum err_code make_tls(const struct role_boot *boot, const struct config_listen *l,
			      struct tls_ctx **ret, struct err *err)
{
	struct tls_server_config c = {.http2 = l->http2};
	enum err_code code;
	struct arena a;

	*ret = NULL;
	if (!l->has_tls) {
		return ERR_OK;
	}
	arena_init(&a, 8 << 20);
	code = file_bytes(boot, l->tls.cert, &a, &c.cert_pem, err);
	code = code ? code : file_bytes(boot, l->tls.key, &a, &c.key_pem, err);
	if (!code && l->tls.client_ca.n) {
		code = file_bytes(boot, l->tls.client_ca, &a, &c.client_ca_pem, err);
		c.client_auth = TLS_CLIENT_OPTIONAL; /* an API key may stand in for it */
	}
	code = code ? code : tls_server_new(&c, ret, err);
	arena_wipe(&a);
	arena_done(&a);
	return code;
}

/* The supervisor made it at the start; there is none where no tunnel is to be looked into. */
static enum err_code take_authority(struct gate_role *r, struct err *err)
{
	struct str cert, key = STR("");
	enum err_code code;
	struct arena a;

	if (r->gate.exits.authority) {
		return ERR_OK;
	}
	arena_init(&a, 1 << 20);
	code = file_bytes(r->boot, STR(ROLE_EXIT_CA), &a, &cert, err);
	if (code == ERR_NOT_FOUND) {
		arena_done(&a);
		return ERR_OK;
	}
	code = code ? code : file_bytes(r->boot, STR(ROLE_EXIT_CA_KEY), &a, &key, err);
	code = code ? code : tls_authority_new(cert, key, &r->gate.exits.authority, err);
	arena_wipe(&a);
	arena_done(&a);
	return code;
}

/* Mapped once: the file stays the same for as long as the supervisor runs. */
static enum err_code take_budgets(struct gate_role *r, struct err *err)
{
	for (unsigned i = 0; i < r->boot->n_secrets && !r->gate.treasury.file; i++) {
		if (str_eq(str_from_c(r->boot->secrets[i].file), STR(ROLE_BUDGETS))) {
			return treasury_map(&r->gate.treasury, r->boot->secrets[i].fd, err);
		}
	}
	return ERR_OK;
}

static enum err_code open_listeners(struct gate_role *r, struct err *err)
{
	const struct config *config = r->gate.rules->config;

	for (unsigned i = 0; i < r->boot->n_listeners; i++) {
		const struct role_listener *l = &r->boot->listeners[i];
		struct tls_ctx *tls;

		if (l->index >= config->n_listen) {
			return ERR(err, ERR_INVALID, "listener %u is not configured", l->index);
		}
		if (config->listen[l->index].serves == CONFIG_SERVES_PROXY) {
			TRY(gate_exit_proxy(&r->gate, l->index, l->fd, err));
			continue;
		}
		TRY(make_tls(r->boot, &config->listen[l->index], &tls, err));
		TRY(gate_listen(&r->gate, l->index, l->fd, tls, err));
	}
	return ERR_OK;
}

static enum err_code connect_peer(struct gate *g, const struct role_channel *c, struct err *err)
{
	switch (c->peer) {
	case ROLE_SCRIBE:
		return recorder_connect(&g->recorder, c->fd, err);
	case ROLE_CONNECTOR:
		return dialer_connect(&g->connector, c->fd, err);
	case ROLE_RUNNER:
		return dialer_connect(&g->runner, c->fd, err);
	case ROLE_EXIT:
		return dialer_connect(&g->exits.dialer, c->fd, err);
	case ROLE_RELAY:
		return dialer_connect_relay(&g->connector, c->index, c->fd, err);
	case ROLE_GATE:
		return gate_add_peer(g, c->index, c->fd, err);
	case ROLE_NONE:
	case ROLE_SUPERVISOR:
	case ROLE_LOADER:
	case ROLE_MAX:
		break;
	}
	(void)close(c->fd);
	return ERR(err, ERR_INVALID, "a channel to a role that gates do not talk to");
}

/* Says which policies are in force now: the ledger keeps it. */
static enum err_code on_reload(struct wishes *w, struct err *err)
{
	struct gate_role *r = CONTAINER_OF(w, struct gate_role, control);
	const struct rules *now;
	struct rules *rules;

	TRY(take_authority(r, err));
	TRY(take_budgets(r, err));
	TRY(read_rules(r->boot, &rules, err));
	TRY(gate_apply(&r->gate, rules, err));
	now = r->gate.rules;
	_Static_assert(2 * sizeof(now->digest) <= sizeof(w->text), "the digest is told");
	hex_write(w->text, now->digest, sizeof(now->digest));
	w->text_n = 2 * sizeof(now->digest);
	return ERR_OK;
}

static void on_drained(struct gate *g)
{
	loop_stop(&g->loop);
}

static enum err_code on_channel(struct wishes *w, const struct role_channel *channel,
				struct err *err)
{
	return connect_peer(&CONTAINER_OF(w, struct gate_role, control)->gate, channel, err);
}

static void on_drain(struct wishes *w)
{
	gate_drain(&CONTAINER_OF(w, struct gate_role, control)->gate, on_drained);
}

static void on_verdict(struct wishes *w)
{
	gate_verdict(&CONTAINER_OF(w, struct gate_role, control)->gate, w->boot->verdict.number,
		     w->boot->verdict.yes, w->boot->verdict.uid);
}

/* The newest table; the room for reports comes with the first. */
static void take_pins(struct gate_role *r)
{
	struct gate_pins *pins = &r->gate.pins;

	if (r->boot->pins_room_fd >= 0) {
		fd_close(&pins->room_fd);
		pins->room_fd = fd_take(&r->boot->pins_room_fd);
	}
	if (r->boot->pins_fd >= 0) {
		pins_take_table(&r->gate, r->boot->pins_fd, r->boot->pins_answer);
		fd_close(&r->boot->pins_fd);
	}
}

static void on_pins(struct wishes *w)
{
	take_pins(CONTAINER_OF(w, struct gate_role, control));
}

static void on_pins_seen(struct gate *g, uint32_t n)
{
	struct err err;

	if (role_pins_seen(CONTAINER_OF(g, struct gate_role, gate)->boot, n, &err)) {
		log_line(LOG_WARN, "%s", err.msg);
	}
}

static const struct wishes_ops wishes = {.channel = on_channel,
					 .reload = on_reload,
					 .drain = on_drain,
					 .verdict = on_verdict,
					 .pins = on_pins};

static void on_count(struct gate *g, unsigned n_running)
{
	struct gate_role *r = CONTAINER_OF(g, struct gate_role, gate);
	struct err err;

	if (role_count(r->boot, n_running, &err)) {
		log_line(LOG_WARN, "%s", err.msg);
	}
}

static void on_held(struct gate *g, uint64_t n, struct str text)
{
	struct err err;

	if (role_held(CONTAINER_OF(g, struct gate_role, gate)->boot, n, text, &err)) {
		log_line(LOG_WARN, "%s", err.msg); /* nobody is asked: its time runs out */
	}
}

static enum err_code serve(struct gate_role *r, struct err *err)
{
	struct rules *rules;

	TRY(gate_init(&r->gate, r->boot->index, err));
	r->gate.holds.on_held = on_held;
	r->gate.n_gates = r->boot->gates ? r->boot->gates : 1;
	r->gate.history.again = r->boot->again;
	if (r->boot->http2) {
		TRY(h2_lib_load(&r->gate.h2, err)); /* the jail lets no file be opened */
	}
	r->gate.pins.on_seen = on_pins_seen;
	TRY(role_enter(r->boot, &gate_jail, err));
	take_pins(r);
	TRY(read_rules(r->boot, &rules, err));
	TRY(gate_apply(&r->gate, rules, err));
	for (unsigned i = 0; i < r->boot->n_channels; i++) {
		TRY(connect_peer(&r->gate, &r->boot->channels[i], err));
	}
	TRY(take_authority(r, err));
	TRY(take_budgets(r, err));
	TRY(open_listeners(r, err));
	if (r->boot->runs_fd >= 0) {
		TRY(gate_runs_listen(&r->gate.runs, r->boot->runs_fd, on_count, err));
	}
	r->control = (struct wishes){.boot = r->boot, .loop = &r->gate.loop, .ops = &wishes};
	TRY(wishes_watch(&r->control, err));
	TRY(role_ready(r->boot, err));
	return loop_run(&r->gate.loop, err);
}

int gate_main(struct role_boot *boot)
{
	struct gate_role *r = calloc(1, sizeof(*r));
	struct err err;
	int status = 0;

	if (!r) {
		return 2;
	}
	r->boot = boot;
	if (serve(r, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
		status = 2;
	}
	/* What is still open ends with the process; a drained gate has nothing left. */
	return status;
}
