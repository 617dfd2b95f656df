/* SPDX-License-Identifier: Apache-2.0 */
/* proc/supervisor.c - starts, restarts, reloads and stops the other roles.
 *
 *   reads   bundles of the loader role, one-line requests of the owner on the control socket,
 *           reports of gates about what servers offer (proc/pins_keeper.h): never their texts
 *   holds   the configuration, the listeners, the children's control channels
 *   cannot  see network bytes, agent bytes or the ledger's records: none reach it
 */
#include "proc/supervisor.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "ledger/record.h"
#include "proc/accepted.h"
#include "proc/bundle.h"
#include "proc/children.h"
#include "proc/control.h"
#include "proc/ground.h"
#include "proc/pins_keeper.h"
#include "proc/sever.h"
#include "sys/fd.h"
#include "json/write.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MAX_POLL = 2 * CHILDREN_MAX + CONTROL_MAX_CLIENTS + 3,
	FRAMES_A_TURN = 64,
	NOTES_MAX = 1024,
	HELD_MAX = 64,
};

struct note {
	struct note *next;
	size_t n;
	char frame[];
};

/* What a gate holds for a person. */
struct held {
	unsigned gate;
	uint64_t number;
	char text[2048]; /* JSON, as the gate wrote it: given on as text, never read */
};

enum phase {
	PHASE_STARTING = 0,
	PHASE_SERVING,
	PHASE_DRAINING_GATES,
	PHASE_DRAINING_SCRIBE,
	PHASE_STOPPED
};

struct supervisor {
	const struct supervisor_options *options;
	enum phase phase;
	uint64_t drain_until; /* monotonic ns, while draining */
	struct bundle bundle;
	struct ground ground; /* state directory, lock, key, listeners */
	struct children children;
	struct control control;
	int signals;
	bool failed;
	bool left_alone; /* until_eof: nobody holds the other end of standard input any more */
	uint32_t runs;   /* as the first gate says */
	/* A reload under way: the new bundle until it is in force, and who asked. */
	struct bundle next;
	bool reloading;
	unsigned generation; /* counts bundles in force */
	unsigned reload_waits;
	int reload_client;              /* control client index, -1 for SIGHUP */
	uint8_t policy_set[SHA256_LEN]; /* of the policies that the last reload brought */
	/* Events that no scribe has answered for, the oldest first. */
	struct note *notes, **notes_end;
	unsigned n_notes;
	struct held *held[HELD_MAX]; /* NULL: free */
	/* The group whose sites are still reached; empty: nothing is cut. And who waits for that. */
	char severed[SEVER_GROUP_MAX + 1];
	bool severing;
	int sever_client;
	struct pins_keeper pins;
};

static bool is_named(const struct config_url *url)
{
	return url->text.n && !url->ip && !url->loopback;
}

/* Whether an upstream is known by a name that has to be looked up. */
static bool needs_names(const struct config *c)
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

/* The roles that speak TLS under this configuration, as bits 1 << role: only they load OpenSSL. */
static unsigned tls_roles(const struct config *c)
{
	bool serves = config_inspects_any(c), calls = false;

	for (size_t i = 0; i < c->n_listen; i++) {
		serves = serves || c->listen[i].has_tls;
	}
	for (size_t i = 0; i < c->n_servers; i++) {
		calls = calls ||
			(c->servers[i].kind == CONFIG_SERVER_HTTP && c->servers[i].url.tls);
	}
	for (size_t i = 0; i < c->n_models; i++) {
		calls = calls || c->models[i].url.tls;
	}
	for (size_t i = 0; i < c->identity.oauth.n_issuers; i++) {
		const struct config_issuer *is = &c->identity.oauth.issuers[i];

		serves = true; /* tokens are verified by its functions */
		calls = calls || is->keys_url.tls || is->introspect.tls;
	}
	return (serves ? 1U << ROLE_GATE : 0) | (calls ? 1U << ROLE_CONNECTOR : 0) |
	       (config_inspects_any(c) ? 1U << ROLE_EXIT : 0);
}

/* It was loaded before the jail or never can be. Gates hold sessions: they are not replaced for it. */
static enum err_code check_tls(const struct supervisor *s, const struct config *next,
			       struct err *err)
{
	for (unsigned i = 0; i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];

		if (c->role == ROLE_GATE && c->state == CHILD_SERVING && !c->tls &&
		    (tls_roles(next) & 1U << ROLE_GATE)) {
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

static struct handout handout_of(const struct supervisor *s, const struct bundle *b)
{
	return (struct handout){
		.config_fd = b->config_fd,
		.gate_config_fd = b->gate_config_fd,
		.bundle_fd = b->policies_fd,
		.log_dir_fd = s->ground.log_dir_fd,
		.key_fd = s->ground.key_fd,
		.runs_fd = s->ground.runs_fd,
		.pins_fd = s->pins.table_fd,
		.secrets = b->secrets,
		.n_secrets = b->n_secrets,
		.listeners = s->ground.listeners,
		.n_listen = s->ground.n_listen,
		.resolve = needs_names(b->config),
		.tls = tls_roles(b->config),
		.http2 = config_has_http2(b->config),
		.oauth = config_has_grants(b->config),
	};
}

static void send_note(struct supervisor *s, struct str frame)
{
	struct child *scribe = children_find(&s->children, ROLE_SCRIBE, 0);
	struct err err;

	if (chan_send(&scribe->control, frame, NULL, 0, &err)) {
		log_line(LOG_WARN, "an event is not in the ledger: %s", err.msg);
	}
}

static bool keep_note(struct supervisor *s, struct str frame)
{
	struct note *n = s->n_notes < NOTES_MAX ? malloc(sizeof(*n) + frame.n) : NULL;

	if (!n) {
		return false;
	}
	n->next = NULL;
	n->n = frame.n;
	memcpy(n->frame, frame.p, frame.n);
	*s->notes_end = n;
	s->notes_end = &n->next;
	s->n_notes++;
	return true;
}

/* An event of ours for the ledger; kept until a scribe says that it is there. */
static void note(struct supervisor *s, struct ledger_event event)
{
	struct child *scribe = children_find(&s->children, ROLE_SCRIBE, 0);
	char frame[ROLE_FRAME_MAX];
	struct frame_writer w;
	struct buf entry;
	struct err err;

	event.node = s->bundle.config->node;
	event.time_us = clock_real() / 1000;
	event.detail.n = event.detail.n > 512 ? 512 : event.detail.n;
	buf_init(&entry, LEDGER_ENTRY_MAX);
	frame_begin(&w, frame, sizeof(frame), IPC_NOTE);
	if (!str_is_utf8(event.detail) || ledger_event_encode(&event, &entry, &err)) {
		event.detail = STR("(not shown)");
		err_ignore(
			ledger_event_encode(&event, &entry, &err)); /* an empty entry is dropped */
	}
	frame_put_str(&w, buf_str(&entry));
	buf_done(&entry);
	if (!keep_note(s, frame_bytes(&w))) {
		log_line(LOG_WARN, "an event is not in the ledger: too many wait for the scribe");
	} else if (scribe->state == CHILD_SERVING || scribe->state == CHILD_DRAINING) {
		send_note(s, frame_bytes(&w));
	}
}

/* A scribe serves: what its predecessor did not answer for, and what came since, is told now. */
static void send_notes(struct supervisor *s)
{
	for (struct note *n = s->notes; n; n = n->next) {
		send_note(s, str_make(n->frame, n->n));
	}
}

/* The oldest is in the log; false when none waits. */
static bool forget_note(struct supervisor *s)
{
	struct note *oldest = s->notes;

	if (!oldest) {
		return false;
	}
	s->notes = oldest->next;
	s->notes_end = s->notes ? s->notes_end : &s->notes;
	s->n_notes--;
	free(oldest);
	return true;
}

static void note_pins(struct pins_keeper *k, struct ledger_event event)
{
	note(CONTAINER_OF(k, struct supervisor, pins), event);
}

static void note_role(struct supervisor *s, enum ledger_event_name event, const struct child *c,
		      int status)
{
	char subject[32];

	(void)snprintf(subject, sizeof(subject), "%s.%u", role_name(c->role), c->index);
	note(s, (struct ledger_event){.event = event,
				      .subject = str_from_c(subject),
				      .number = (uint64_t)(unsigned)status});
}

static void start_child(struct supervisor *s, struct child *child)
{
	struct handout h = handout_of(s, &s->bundle);
	struct err err;

	child->generation = s->generation;

	if (children_start(&s->children, child, &h, &err)) {
		log_line(LOG_ERROR, "%s.%u: %s", role_name(child->role), child->index, err.msg);
		if (child->process.pidfd >= 0) {
			(void)kill(child->process.pid, SIGKILL);
		} else {
			children_ended(child, clock_mono());
		}
	}
}

static void say_serving(struct supervisor *s)
{
	unsigned serving = 0;

	for (unsigned i = 0; i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];

		serving += c->off || c->state == CHILD_SERVING;
	}
	if (s->phase != PHASE_STARTING || serving < s->children.n) {
		return;
	}
	s->phase = PHASE_SERVING;
	for (size_t l = 0; l < s->bundle.config->n_listen; l++) {
		note(s, (struct ledger_event){.event = LEDGER_LISTENING,
					      .subject = s->bundle.config->listen[l].address});
	}
	if (!s->options->quiet) {
		ground_say(&s->ground, s->bundle.config);
	}
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
		note(s, event);
		return;
	}
	log_line(LOG_ERROR, "reload refused, the old configuration keeps serving: " STR_FMT,
		 STR_ARG(str_make(text.p, str_find(text, '\n'))));
	note(s, (struct ledger_event){.event = LEDGER_RELOAD_REFUSED,
				      .detail = str_make(text.p, str_find(text, '\n'))});
	bundle_done(&s->next); /* text may lie in it */
}

static void end_child(const struct child *c)
{
	if (c->process.pidfd >= 0) {
		(void)kill(c->process.pid, SIGKILL);
	}
}

/* Hands what is in force to a child that has something older; it answers RELOADED. */
static void hand_anew(struct supervisor *s, struct child *c)
{
	const struct bundle *b = &s->bundle;
	bool gate = c->role == ROLE_GATE;
	struct err err;
	enum err_code code = child_tell_secrets(c, b->secrets, b->n_secrets, &err);

	code = code ? code
		    : child_tell(c, IPC_CONFIG, gate ? b->gate_config_fd : b->config_fd, &err);
	if (!code && gate) {
		code = child_tell(c, IPC_BUNDLE, b->policies_fd, &err);
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
	s->generation++;
	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];
		bool tls = (tls_roles(s->bundle.config) & 1U << c->role) && !c->tls;

		if (c->state != CHILD_SERVING || c->role == ROLE_SCRIBE) {
			continue;
		}
		if (tls || (c->role == ROLE_CONNECTOR && names)) {
			/* OpenSSL, resolver and grantors come before the jail: only a new one can have them. */
			end_child(c);
		} else {
			hand_anew(s, c);
		}
	}
}

/* Everybody has what was handed over: whoever waits for that is told. */
static void changes_done(struct supervisor *s)
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
	bool names = (needs_names(s->next.config) && !needs_names(s->bundle.config)) ||
		     (config_has_grants(s->next.config) && !config_has_grants(s->bundle.config));

	bundle_done(&s->bundle);
	s->bundle = s->next;
	bundle_init(&s->next);
	hand_all(s, names);
}

/* What the supervisor made itself goes with the files of every bundle. */
static enum err_code add_own_files(struct supervisor *s, struct bundle *b, struct err *err)
{
	if (b->config->n_budgets) {
		if (s->ground.budgets_fd < 0) {
			TRY(ground_budgets(&s->ground, err));
		}
		TRY(bundle_add(b, ROLE_BUDGETS, s->ground.budgets_fd, ROLE_GATE, err));
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

static enum err_code keep_accepted(const struct supervisor *s, const struct bundle *b,
				   struct err *err)
{
	return accepted_write(s->ground.lock_fd, b->config, b->gate_config_fd, b->policies_fd, err);
}

/* What the loader accepted is checked against what cannot change here, and completed. */
static enum err_code make_ready(struct supervisor *s, struct bundle *next, struct err *err)
{
	TRY(ground_check_unchanged(&s->ground, s->bundle.config, next->config, err));
	TRY(check_tls(s, next->config, err));
	TRY(check_http2(s, next->config, err));
	TRY(add_own_files(s, next, err));
	TRY(pins_keeper_open(&s->pins, next->config, s->ground.lock_fd, err));
	TRY(keep_accepted(s, next, err));
	return s->severed[0] ? bundle_sever(next, str_from_c(s->severed), err) : ERR_OK;
}

static void reload(struct supervisor *s, int client)
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
	changes_done(s);
}

/*
 * Cuts every link that leaves the group, or with an empty one none any more. Written down first:
 * whatever dies from here on comes back severed. The role that dials hosts is ended with all its
 * connections: nothing that it reaches lies in any group.
 */
static void sever(struct supervisor *s, const struct control_request *req)
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
	note(s,
	     (struct ledger_event){.event = req->group[0] ? LEDGER_SEVERED : LEDGER_RESTORED,
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
		end_child(children_find(&s->children, ROLE_EXIT, 0));
	}
	hand_all(s, false);
	changes_done(s);
}

static void child_reloaded(struct supervisor *s, struct child *c, bool ok, struct str text)
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
	changes_done(s);
}

/*
 * A role that says what it may not does not go on: whoever made it say so has it. Its successor
 * starts clean, after a pause that grows when it happens again.
 */
static void end_misused(struct child *c, unsigned message)
{
	log_line(LOG_WARN, "%s.%u said something it may not (message %u): it is ended",
		 role_name(c->role), c->index, message);
	end_child(c);
}

/* A role that gates talk to, about a gate; false when that is not what was said. */
static bool accuses(struct supervisor *s, const struct child *by, struct frame_reader *r)
{
	uint8_t role = frame_get_u8(r);
	struct child *gate = children_find(&s->children, ROLE_GATE, frame_get_u32(r));

	if (!frame_ok(r) || role != ROLE_GATE || by->role == ROLE_GATE || !gate) {
		return false;
	}
	end_child(gate);
	return true;
}

static struct held **find_held(struct supervisor *s, unsigned gate, uint64_t number)
{
	for (unsigned i = 0; i < HELD_MAX; i++) {
		if (s->held[i] && s->held[i]->gate == gate && s->held[i]->number == number) {
			return &s->held[i];
		}
	}
	return NULL;
}

static void forget_held(struct held **at)
{
	free(*at);
	*at = NULL;
}

/* A gate holds something, or no more. What finds no room here is asked of nobody. */
static void take_held(struct supervisor *s, unsigned gate, uint64_t number, struct str text)
{
	struct held **at = find_held(s, gate, number);

	if (text.n == 0) {
		if (at) {
			forget_held(at);
		}
		return;
	}
	for (unsigned i = 0; !at && i < HELD_MAX; i++) {
		at = s->held[i] ? NULL : &s->held[i];
	}
	if (at && text.n < sizeof((*at)->text)) {
		*at = *at ? *at : calloc(1, sizeof(**at));
		if (*at) {
			(*at)->gate = gate;
			(*at)->number = number;
			memcpy((*at)->text, text.p, text.n);
			(*at)->text[text.n] = '\0';
		}
	}
}

/* [{"id":"0.7","request":{...}}]: the text is a string, so that a gate cannot break out of it. */
static void say_held(struct supervisor *s, int client)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, 200 << 10);
	w = json_writer(&out);
	json_w_array(&w);
	for (unsigned i = 0; i < HELD_MAX; i++) {
		char id[40];

		if (!s->held[i]) {
			continue;
		}
		(void)snprintf(id, sizeof(id), "%u.%llu", s->held[i]->gate,
			       (unsigned long long)s->held[i]->number);
		json_w_object(&w);
		json_w_member_str(&w, STR("id"), str_from_c(id));
		json_w_member_str(&w, STR("request"), str_from_c(s->held[i]->text));
		json_w_end(&w);
	}
	json_w_end(&w);
	control_answer(&s->control, client, !out.failed,
		       out.failed ? STR("too much is held to be shown") : buf_str(&out));
	buf_done(&out);
}

static void give_verdict(struct supervisor *s, const struct control_request *req)
{
	struct held **at = find_held(s, req->gate, req->number);
	struct child *gate = children_find(&s->children, ROLE_GATE, req->gate);
	char buf[32];
	struct frame_writer w;
	struct err err;

	if (!at || !gate) {
		control_answer(
			&s->control, req->client, false,
			STR("nothing is held under this number: writ approve shows what is"));
		return;
	}
	frame_begin(&w, buf, sizeof(buf), IPC_VERDICT);
	frame_put_u64(&w, req->number);
	frame_put_u8(&w, req->op == CONTROL_APPROVE);
	frame_put_u32(&w, req->uid);
	forget_held(at);
	if (chan_send(&gate->control, frame_bytes(&w), NULL, 0, &err)) {
		control_answer(&s->control, req->client, false, str_from_c(err.msg));
		return;
	}
	control_answer(&s->control, req->client, true, STR(""));
}

static void child_message(struct supervisor *s, struct child *c, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);

	if (type == IPC_READY && frame_ok(&r) && c->state == CHILD_STARTING) {
		c->state = CHILD_SERVING;
		c->served = true;
		if (c->role == ROLE_SCRIBE) {
			send_notes(s);
		} else if (c->generation != s->generation) {
			hand_anew(s, c);
		}
		say_serving(s);
		return;
	}
	if (type == IPC_NOTED && frame_ok(&r) && c->role == ROLE_SCRIBE && forget_note(s)) {
		return;
	}
	if (type == IPC_COUNT && c->role == ROLE_GATE && c->index == 0) {
		uint32_t runs = frame_get_u32(&r);

		if (frame_ok(&r)) {
			s->runs = runs;
			if (runs) {
				/* Their only way to other hosts; without runs it may not be needed. */
				children_find(&s->children, ROLE_EXIT, 0)->off = false;
			}
			return;
		}
	}
	if (type == IPC_HELD && c->role == ROLE_GATE) {
		uint64_t number = frame_get_u64(&r);
		struct str text = frame_get_str(&r);

		if (frame_ok(&r)) {
			take_held(s, c->index, number, text);
			return;
		}
	}
	if (type == IPC_PINS_SEEN && c->role == ROLE_GATE) {
		uint32_t n = frame_get_u32(&r);

		if (frame_ok(&r) && pins_keeper_seen(&s->pins, s->bundle.config, c, n)) {
			return;
		}
	}
	if (type == IPC_RELOADED) {
		bool ok = frame_get_u8(&r) == 1;
		struct str text = frame_get_str(&r);

		if (frame_ok(&r)) {
			child_reloaded(s, c, ok, text);
			return;
		}
	}
	if (type == IPC_MISUSE && accuses(s, c, &r)) {
		return;
	}
	end_misused(c, type);
}

/* A budget: a child that talks without end must not keep the others, and SIGTERM, waiting. */
static void child_readable(struct supervisor *s, struct child *c)
{
	char buf[8192];

	for (unsigned turn = 0; turn < FRAMES_A_TURN; turn++) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		struct str frame;
		struct err err;
		enum err_code code =
			chan_recv(&c->control, buf, sizeof(buf), &frame, fds, &n_fds, &err);

		if (code == ERR_INVALID) {
			end_misused(c, 0);
			return;
		}
		if (code) {
			return; /* the end of a child is seen by its pidfd */
		}
		for (unsigned i = 0; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		child_message(s, c, frame);
	}
}

static void describe_end(int status, char *to, size_t n)
{
	if (WIFSIGNALED(status)) {
		(void)snprintf(to, n, "killed by signal %d", WTERMSIG(status));
	} else {
		(void)snprintf(to, n, "exit status %d", WEXITSTATUS(status));
	}
}

static void child_ended(struct supervisor *s, struct child *c)
{
	bool was_draining = c->state == CHILD_DRAINING;
	unsigned waited = c->reloads_pending;
	char how[64];
	int status = 0;

	if (waitpid(c->process.pid, &status, 0) < 0) {
		return;
	}
	for (unsigned i = 0; c->role == ROLE_GATE && i < HELD_MAX; i++) {
		if (s->held[i] && s->held[i]->gate == c->index) {
			forget_held(&s->held[i]); /* it went with its gate */
		}
	}
	if (c->role == ROLE_GATE && c->index == 0) {
		s->runs = 0; /* they ended with it */
	}
	children_ended(c, clock_mono());
	describe_end(status, how, sizeof(how));
	if (was_draining || s->phase >= PHASE_DRAINING_GATES) {
		return;
	}
	log_line(LOG_WARN, "%s.%u ended (%s); it is started again", role_name(c->role), c->index,
		 how);
	if (s->phase == PHASE_STARTING && c->quick_deaths > 3) {
		log_line(LOG_ERROR, "%s.%u does not start; its own message above says why",
			 role_name(c->role), c->index);
		s->failed = true;
		s->phase = PHASE_STOPPED;
		return;
	}
	note_role(s, LEDGER_ROLE_DIED, c, status);
	s->reload_waits -= waited; /* the successor starts with the new one */
	changes_done(s);
}

/* Starts what is absent and due; returns the time of the next one due, or 0. */
static uint64_t start_absent(struct supervisor *s)
{
	uint64_t now = clock_mono(), next = 0;

	if (s->phase >= PHASE_DRAINING_GATES) {
		return 0;
	}
	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];

		if (c->off || (c->state != CHILD_ABSENT && c->state != CHILD_SPAWNED)) {
			continue;
		}
		if (c->restart_at <= now) {
			bool again = c->state == CHILD_ABSENT && c->started_at != 0;

			start_child(s, c);
			if (again && c->state != CHILD_ABSENT) {
				note_role(s, LEDGER_ROLE_STARTED, c, 0);
			}
		}
		if (c->state == CHILD_ABSENT && (next == 0 || c->restart_at < next)) {
			next = c->restart_at;
		}
	}
	return next;
}

static bool drain_role(struct supervisor *s, bool scribe)
{
	bool any = false;

	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];
		struct err err;

		if (c->state == CHILD_ABSENT || (c->role == ROLE_SCRIBE) != scribe) {
			continue;
		}
		any = true;
		if (c->state != CHILD_DRAINING) {
			c->state = CHILD_DRAINING;
			if (child_tell(c, IPC_DRAIN, -1, &err)) {
				(void)kill(c->process.pid, SIGKILL);
			}
		}
	}
	return any;
}

static void stop(struct supervisor *s)
{
	if (s->phase >= PHASE_DRAINING_GATES) {
		s->drain_until = 0; /* asked twice: now */
		return;
	}
	log_line(LOG_INFO, "draining");
	s->phase = PHASE_DRAINING_GATES;
	s->drain_until = clock_mono() + s->bundle.config->limits.drain_ns;
}

/* Gates (with connector and runner, which serve them) go first, the scribe last: it records them.
 */
static void drain_step(struct supervisor *s)
{
	bool late = clock_mono() >= s->drain_until;

	if (s->phase == PHASE_DRAINING_GATES && !drain_role(s, false)) {
		s->phase = PHASE_DRAINING_SCRIBE;
	}
	if (s->phase == PHASE_DRAINING_SCRIBE && !drain_role(s, true)) {
		s->phase = PHASE_STOPPED;
	}
	for (unsigned i = 0; late && i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];

		if (c->state == CHILD_DRAINING &&
		    (c->role != ROLE_SCRIBE || s->phase == PHASE_DRAINING_SCRIBE)) {
			(void)kill(c->process.pid, SIGKILL);
		}
	}
}

static void signal_arrived(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			reload(s, -1);
		} else {
			stop(s);
		}
	}
}

static void control_request(struct supervisor *s, const struct control_request *req)
{
	switch (req->op) {
	case CONTROL_NONE:
		break;
	case CONTROL_RELOAD:
		reload(s, req->client);
		break;
	case CONTROL_HELD:
		say_held(s, req->client);
		break;
	case CONTROL_APPROVE:
	case CONTROL_DENY:
		give_verdict(s, req);
		break;
	case CONTROL_SEVER:
	case CONTROL_RESTORE:
		sever(s, req);
		break;
	case CONTROL_PIN_APPROVE:
	case CONTROL_PIN_REJECT: {
		struct err err = {0};
		bool done = pins_keeper_decide(&s->pins, req, &err);

		control_answer(&s->control, req->client, done, str_from_c(done ? "" : err.msg));
		break;
	}
	case CONTROL_STOP:
		control_answer(&s->control, req->client, true, STR("draining"));
		stop(s);
		break;
	}
}

/* One turn: waits for the next event of any kind and handles all that are there. */
static void turn(struct supervisor *s)
{
	struct pollfd p[MAX_POLL];
	uint64_t due = start_absent(s), now = clock_mono();
	int timeout = due == 0 ? -1 : due <= now ? 0 : (int)((due - now) / CLOCK_MS) + 1;
	nfds_t n = 0, control_at, alone_at;

	if (s->phase >= PHASE_DRAINING_GATES) {
		timeout = 100;
	}
	p[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	for (unsigned i = 0; i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];
		bool on = c->state != CHILD_ABSENT;
		short more = chan_wants_write(&c->control) ? POLLOUT : 0;

		p[n++] = (struct pollfd){.fd = on ? c->process.pidfd : -1, .events = POLLIN};
		p[n++] = (struct pollfd){.fd = on ? c->control.fd : -1,
					 .events = (short)(POLLIN | more)};
	}
	alone_at = n;
	p[n++] = (struct pollfd){.fd = s->options->until_eof && !s->left_alone ? STDIN_FILENO : -1,
				 .events = POLLIN};
	control_at = n;
	n += control_poll(&s->control, p + n);
	if (poll(p, n, timeout) < 0 && errno != EINTR) {
		log_line(LOG_ERROR, "poll: errno %d", errno);
		return;
	}
	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];
		struct err err;

		if (p[2 + 2 * i].revents & POLLOUT) {
			err_ignore(chan_flush(&c->control, &err)); /* a dead child is seen below */
		}
		if (p[2 + 2 * i].revents & POLLIN) {
			child_readable(s, c);
		}
		if (p[1 + 2 * i].revents) {
			child_ended(s, c);
		}
	}
	if (p[0].revents) {
		signal_arrived(s);
	}
	if (p[alone_at].revents) {
		char byte;

		s->left_alone = read(STDIN_FILENO, &byte, 1) <= 0;
	}
	if (s->left_alone && s->runs == 0 && s->phase < PHASE_DRAINING_GATES) {
		stop(s);
	}
	for (struct control_request req = {0}; control_next(&s->control, p + control_at, &req);) {
		control_request(s, &req);
	}
}

static enum err_code open_signals(int *ret_fd, struct err *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): cannot fail for SIGPIPE
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0) {
		return ERR_ERRNO(err, "signalfd");
	}
	*ret_fd = fd;
	return ERR_OK;
}

static unsigned count_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > CHILDREN_MAX_GATES ? CHILDREN_MAX_GATES : (unsigned)cores;
}

static unsigned count_gates(const struct config *config)
{
	return config->gates == 0                   ? count_cores()
	       : config->gates > CHILDREN_MAX_GATES ? CHILDREN_MAX_GATES
						    : config->gates;
}

/* While the loader works, the others' processes come up: most of a start is loading programs. */
static void spawn_ahead(struct supervisor *s)
{
	struct err err;

	children_init(&s->children, s->children.self, count_cores());
	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];

		if (!c->off && children_spawn(&s->children, c, &err)) {
			log_line(LOG_WARN, "%s", err.msg); /* tried again when it is needed */
		}
	}
}

static enum err_code set_up(struct supervisor *s, struct err *err)
{
	struct str text = STR("");
	enum err_code code;

	TRY(open_signals(&s->signals, err));
	TRY(bundle_begin(&s->bundle, s->options->config_path, err));
	spawn_ahead(s);
	code = bundle_finish(&s->bundle, &text, err);
	if (code) {
		if (text.n) {
			(void)fprintf(stderr, STR_FMT "\n", STR_ARG(text));
		}
		return code;
	}
	children_set_gates(&s->children, count_gates(s->bundle.config));
	children_find(&s->children, ROLE_EXIT, 0)->off = !config_has_exit(s->bundle.config);
	TRY(ground_open(&s->ground, s->bundle.config, s->children.n_gates, err));
	TRY(add_own_files(s, &s->bundle, err));
	TRY(keep_accepted(s, &s->bundle, err));
	TRY(pins_keeper_open(&s->pins, s->bundle.config, s->ground.lock_fd, err));
	TRY(sever_read(s->ground.lock_fd, s->severed, err));
	if (s->severed[0]) {
		TRY(bundle_sever(&s->bundle, str_from_c(s->severed), err));
		log_line(LOG_WARN, "severed: only sites within %s are reached: writ site restore",
			 s->severed);
	}
	return control_open(&s->control, s->ground.state_path, err);
}

/* Every connection is a descriptor; the usual soft limit of 1,024 is far below what gates can hold. */
static void raise_descriptor_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files); /* else the soft limit holds */
	}
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options, .signals = -1, .reload_client = -1};
	char self[] = "writ";
	struct err err = {0};

	s.children.self = self;
	raise_descriptor_limit();
	s.notes_end = &s.notes;
	bundle_init(&s.bundle);
	bundle_init(&s.next);
	ground_init(&s.ground);
	control_init(&s.control);
	pins_keeper_init(&s.pins);
	s.pins.children = &s.children;
	s.pins.note = note_pins;
	if (set_up(&s, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
		s.failed = true;
	} else {
		while (s.phase != PHASE_STOPPED) {
			turn(&s);
			if (s.phase >= PHASE_DRAINING_GATES) {
				drain_step(&s);
			}
		}
	}
	/* Children that are left die with us (PDEATHSIG). */
	for (unsigned i = 0; i < s.children.n; i++) {
		chan_done(&s.children.slots[i].control);
		fd_close(&s.children.slots[i].process.pidfd);
		fd_close(&s.children.slots[i].room_fd);
	}
	pins_keeper_done(&s.pins);
	control_done(&s.control);
	ground_done(&s.ground);
	while (forget_note(&s)) {
	}
	for (unsigned i = 0; i < HELD_MAX; i++) {
		forget_held(&s.held[i]);
	}
	bundle_done(&s.next);
	bundle_done(&s.bundle);
	fd_close(&s.signals);
	return s.failed ? 2 : 0;
}
