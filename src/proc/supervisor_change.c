/* SPDX-License-Identifier: Apache-2.0 */
/* What is in force: a reload replaces it, severing cuts it; children are handed it anew. */
#include "proc/supervisor_priv.h"

#include "base/hex.h"
#include "base/log.h"
#include "ipc/messages.h"
#include "proc/accepted.h"
#include "proc/logins.h"
#include "sys/fd.h"

#include <stdio.h>

static bool is_named(const struct config_url *url)
{
	return url->text.n && !url->ip && !url->loopback;
}

/* Whether an upstream is known by a name that has to be looked up. */
bool supervisor_needs_names(const struct config *c)
{
	bool needs = false;

	for (size_t i = 0; i < c->n_servers; i++) {
		needs = needs || (c->servers[i].kind == CONFIG_SERVER_HTTP &&
				  !c->servers[i].url.ip && !c->servers[i].url.loopback);
	}
	for (size_t i = 0; i < c->n_models; i++) {
		needs = needs || (!c->models[i].url.ip && !c->models[i].url.loopback);
	}
	for (size_t i = 0; i < c->identity.oauth.n_issuers; i++) {
		const struct config_issuer *is = &c->identity.oauth.issuers[i];

		needs = needs || is_named(&is->keys_url) || is_named(&is->introspect);
	}
	return needs || config_has_grants(c);
}

/* The roles that speak TLS under this configuration, as bits 1 << role, but for relays: only they load OpenSSL. */
unsigned supervisor_tls_roles(const struct config *c)
{
	bool serves = config_inspects_any(c);

	for (size_t i = 0; i < c->n_listen; i++) {
		serves = serves || c->listen[i].has_tls;
	}
	serves = serves || c->identity.oauth.n_issuers; /* tokens are verified by its functions */
	return (serves ? 1U << ROLE_GATE : 0) | (config_inspects_any(c) ? 1U << ROLE_EXIT : 0);
}

/* It was loaded before the jail or never can be. Gates hold sessions: they are not replaced for it. */
static enum err_code check_tls(const struct supervisor *s, const struct config *next,
			       struct err *err)
{
	for (unsigned i = 0; i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];

		if (c->role == ROLE_GATE && c->state == CHILD_SERVING && !c->tls &&
		    (supervisor_tls_roles(next) & 1U << ROLE_GATE)) {
			return ERR(
				err, ERR_INVALID,
				"no tunnel was to be looked into and no token to be verified when "
				"writ started, and that cannot change while it serves: restart it");
		}
	}
	return ERR_OK;
}

/* Likewise. Listeners cannot change: it is an upstream that asks for it first. */
static enum err_code check_http2(const struct supervisor *s, const struct config *next,
				 struct err *err)
{
	for (unsigned i = 0; i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];

		if (c->role == ROLE_GATE && c->state == CHILD_SERVING && !c->http2 &&
		    config_has_http2(next)) {
			return ERR(err, ERR_INVALID,
				   "nothing was to speak HTTP/2 when writ started, and that cannot "
				   "change while it serves: restart it");
		}
	}
	return ERR_OK;
}

static void reload_done(struct supervisor *s, bool ok, struct str text)
{
	struct ledger_event event = {0};

	s->reloading = false;
	control_answer(&s->control, s->reload_client, ok, text);
	if (ok) {
		log_line(LOG_INFO, "reloaded: %zu policy files", s->bundle.n_policy_files);
		event.event = LEDGER_RELOAD_ACCEPTED;
		memcpy(event.policy_set, s->policy_set, sizeof(event.policy_set));
		supervisor_note(s, event);
		return;
	}
	log_line(LOG_ERROR, "reload refused, the old configuration keeps serving: " STR_FMT,
		 STR_ARG(str_make(text.p, str_find(text, '\n'))));
	supervisor_note(s, (struct ledger_event){.event = LEDGER_RELOAD_REFUSED,
						 .detail = str_make(text.p, str_find(text, '\n'))});
	bundle_done(&s->next); /* text may lie in it */
}

/* Hands what is in force to a child that has something older; it answers RELOADED. */
void supervisor_hand_anew(struct supervisor *s, struct child *c)
{
	const struct handout h = supervisor_handout(s);
	bool gate = c->role == ROLE_GATE;
	struct err err;
	enum err_code code = child_tell_config(c, &h, &err);

	if (!code && gate) {
		code = child_tell(c, IPC_BUNDLE, h.bundle_fd, &err);
	}
	if (!code && gate && s->pins.table_fd >= 0) {
		code = child_tell_pins(c, s->pins.table_fd, false, &err);
	}
	if (code || child_tell(c, IPC_RELOAD, -1, &err)) {
		(void)kill(c->process.pid,
			   SIGKILL); /* its successor starts with what is in force */
		return;
	}
	c->generation = s->generation;
	c->reloads_pending++;
	s->reload_waits++;
}

/* Every child that serves gets what is in force now; one that starts, when it is ready. */
static void hand_all(struct supervisor *s, bool names)
{
	const struct handout h = supervisor_handout(s);

	s->generation++;
	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];
		bool tls = child_needs_tls(c, &h) && !c->tls;

		if (c->state != CHILD_SERVING || c->role == ROLE_SCRIBE) {
			continue;
		}
		if (tls || (c->role == ROLE_CONNECTOR && names)) {
			/* OpenSSL, resolver and grantors come before the jail: only a new one can have them. */
			supervisor_end_child(c);
		} else {
			supervisor_hand_anew(s, c);
		}
	}
}

/* Everybody has what was handed over: whoever waits for that is told. */
void supervisor_changes_done(struct supervisor *s)
{
	if (s->reload_waits) {
		return;
	}
	if (s->reloading) {
		reload_done(s, true, STR(""));
	}
	if (s->severing) {
		s->severing = false;
		control_answer(&s->control, s->sever_client, true, STR(""));
	}
}

/* The new bundle is in force from here on: for the children that serve, and for every successor. */
static void put_in_force(struct supervisor *s)
{
	bool names = (supervisor_needs_names(s->next.config) &&
		      !supervisor_needs_names(s->bundle.config)) ||
		     (config_has_grants(s->next.config) && !config_has_grants(s->bundle.config));

	bundle_done(&s->bundle);
	s->bundle = s->next;
	bundle_init(&s->next);
	supervisor_place_zones(s);
	hand_all(s, names);
}

/* What the supervisor made itself goes with the files of every bundle. */
enum err_code supervisor_add_own_files(struct supervisor *s, struct bundle *b, struct err *err)
{
	if (s->ground.permit_key_fd < 0) {
		TRY(ground_permit_key(&s->ground, err));
	}
	TRY(bundle_add(b, ROLE_PERMIT_KEY, s->ground.permit_key_fd, ROLE_SCRIBE, err));
	TRY(bundle_add(b, ROLE_PERMIT_KEY, s->ground.permit_key_fd, ROLE_RELAY, err));
	if (b->config->n_budgets) {
		if (s->ground.budgets_fd < 0) {
			TRY(ground_budgets(&s->ground, err));
		}
		TRY(bundle_add(b, ROLE_BUDGETS, s->ground.budgets_fd, ROLE_GATE, err));
	}
	if (config_has_logins(b->config)) {
		if (s->ground.login_key_fd < 0) {
			TRY(logins_key(s->ground.lock_fd, &s->ground.login_key_fd, err));
		}
		TRY(bundle_add(b, ROLE_LOGIN_KEY, s->ground.login_key_fd, ROLE_CONNECTOR, err));
	}
	if (!config_inspects_any(b->config)) {
		return ERR_OK;
	}
	if (s->ground.exit_ca_fd < 0) {
		TRY(ground_exit(&s->ground, err));
	}
	TRY(bundle_add(b, ROLE_EXIT_CA, s->ground.exit_ca_fd, ROLE_GATE, err));
	return bundle_add(b, ROLE_EXIT_CA_KEY, s->ground.exit_ca_key_fd, ROLE_GATE, err);
}

enum err_code supervisor_keep_accepted(const struct supervisor *s, const struct bundle *b,
				       struct err *err)
{
	return accepted_write(s->ground.lock_fd, b->config, b->policies_fd, err);
}

/* What the loader accepted is checked against what cannot change here, and completed. */
static enum err_code make_ready(struct supervisor *s, struct bundle *next, struct err *err)
{
	TRY(ground_check_unchanged(&s->ground, s->bundle.config, next->config, err));
	TRY(check_tls(s, next->config, err));
	TRY(check_http2(s, next->config, err));
	TRY(supervisor_add_own_files(s, next, err));
	TRY(pins_keeper_open(&s->pins, next->config, s->ground.lock_fd, err));
	if (s->severed[0]) {
		TRY(bundle_sever(next, str_from_c(s->severed), err));
	}
	return supervisor_keep_accepted(s, next, err);
}

void supervisor_reload(struct supervisor *s, int client)
{
	struct str text = STR("");
	struct err err;

	if (s->reloading || s->phase != PHASE_SERVING) {
		control_answer(&s->control, client, false,
			       STR("not now: another change is under way"));
		return;
	}
	s->reload_client = client;
	s->reloading = true;
	if (bundle_begin(&s->next, s->options->config_path, &err) ||
	    bundle_finish(&s->next, &text, &err)) {
		reload_done(s, false, text.n ? text : str_from_c(err.msg));
		return;
	}
	if (make_ready(s, &s->next, &err)) {
		reload_done(s, false, str_from_c(err.msg));
		return;
	}
	put_in_force(s);
	supervisor_changes_done(s);
}

/*
 * Cuts every link that leaves the group, or with an empty one none any more. Written down first:
 * whatever dies from here on comes back severed. The role that dials hosts is ended with all its
 * connections: nothing that it reaches lies in any group. So are the relays of zones outside.
 */
void supervisor_sever(struct supervisor *s, const struct control_request *req)
{
	char detail[32];
	struct err err;

	if (s->severing || s->phase != PHASE_SERVING) {
		control_answer(&s->control, req->client, false,
			       STR("not now: another change is under way"));
		return;
	}
	if (sever_write(s->ground.lock_fd, req->group, &err)) {
		control_answer(&s->control, req->client, false, str_from_c(err.msg));
		return;
	}
	(void)snprintf(detail, sizeof(detail), "uid %u", req->uid);
	supervisor_note(s, (struct ledger_event){
				   .event = req->group[0] ? LEDGER_SEVERED : LEDGER_RESTORED,
				   .subject = str_from_c(req->group[0] ? req->group : s->severed),
				   .detail = str_from_c(detail)});
	memcpy(s->severed, req->group, sizeof(s->severed));
	if (bundle_sever(&s->bundle, str_from_c(s->severed), &err)) {
		control_answer(&s->control, req->client, false, str_from_c(err.msg));
		s->failed = true; /* it must not go on with what its owner has cut */
		s->phase = PHASE_STOPPED;
		return;
	}
	s->severing = true;
	s->sever_client = req->client;
	if (req->group[0]) {
		supervisor_end_child(children_find(&s->children, ROLE_EXIT, 0));
		supervisor_cut_zones(s);
	}
	hand_all(s, false);
	supervisor_changes_done(s);
}

void supervisor_child_reloaded(struct supervisor *s, struct child *c, bool ok, struct str text)
{
	if (c->reloads_pending == 0) {
		return;
	}
	c->reloads_pending--;
	s->reload_waits--;
	if (ok && c->role == ROLE_GATE && !hex_read(text, s->policy_set, sizeof(s->policy_set))) {
		log_line(LOG_WARN, "gate.%u does not say which policies it has", c->index);
	}
	if (!ok) {
		/* The loader accepted what this role refuses: it must not go on with half of it. */
		log_line(LOG_ERROR, "%s.%u refuses what the loader accepted: " STR_FMT,
			 role_name(c->role), c->index, STR_ARG(text));
		(void)kill(c->process.pid, SIGKILL);
	}
	supervisor_changes_done(s);
}
