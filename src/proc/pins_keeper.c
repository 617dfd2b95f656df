/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/pins_keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUBJECT_MAX = 200 };

void pins_keeper_init(struct pins_keeper *k)
{
	*k = (struct pins_keeper){.table_fd = -1};
	pin_store_init(&k->store);
}

void pins_keeper_done(struct pins_keeper *k)
{
	pin_store_done(&k->store);
	fd_close(&k->table_fd);
}

static enum err_code make_table(struct pins_keeper *k, struct err *err)
{
	int fd = -1;

	TRY(pin_store_table(&k->store, &fd, err));
	fd_close(&k->table_fd);
	k->table_fd = fd;
	return ERR_OK;
}

enum err_code pins_keeper_open(struct pins_keeper *k, const struct config *config, int state_fd,
			       struct err *err)
{
	if (k->table_fd >= 0 || !config_pins_any(config)) {
		return ERR_OK;
	}
	if (k->store.dir_fd < 0) {
		enum err_code code = pin_store_open(&k->store, state_fd, err);

		if (code) {
			pin_store_done(&k->store);
			return code;
		}
	}
	return make_table(k, err);
}

/* To every gate that serves; `asker`, whose report it answers, may be NULL. */
static void tell_all(struct pins_keeper *k, struct child *asker, bool changed)
{
	struct err err;

	if (changed && make_table(k, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
	}
	for (unsigned i = 0; i < k->children->n; i++) {
		struct child *c = &k->children->slots[i];

		if (c->role != ROLE_GATE || c->state < CHILD_STARTING || (c != asker && !changed)) {
			continue;
		}
		if (child_tell_pins(c, k->table_fd, c == asker, &err)) {
			log_line(LOG_WARN, "gate.%u does not hear what is pinned: %s", c->index,
				 err.msg);
		}
	}
}

/* "fs tool read_file", cut; names that are not shown well are what JSON makes of them elsewhere. */
static struct str subject_of(char to[SUBJECT_MAX], const struct pin *pin)
{
	int n = snprintf(to, SUBJECT_MAX, "%.*s %.*s %.*s", STR_ARG(pin->server),
			 STR_ARG(pin_kind_name(pin->kind)), STR_ARG(pin->name));
	struct str s = str_make(to, n < SUBJECT_MAX ? (size_t)n : SUBJECT_MAX - 1);

	return str_is_utf8(s) ? s : pin->server;
}

static void say_news(struct pins_keeper *k, struct str server, const struct pin_news *news)
{
	char text[128], subject[SUBJECT_MAX];

	if (news->first_use) {
		(void)snprintf(text, sizeof(text), "pinned on first use: %zu items",
			       news->first_use);
		k->note(k, (struct ledger_event){.event = LEDGER_FINDING,
						 .subject = server,
						 .detail = str_from_c(text)});
		log_line(LOG_INFO,
			 "server " STR_FMT
			 ": %zu items pinned on first use: writ pin list; the next "
			 "load checks what policies say of them: writ serve --check",
			 STR_ARG(server), news->first_use);
	}
	for (size_t i = 0; i < news->held_n && i < ARRAY_LEN(news->held); i++) {
		const struct pin *pin = news->held[i];

		k->note(k,
			(struct ledger_event){
				.event = LEDGER_FINDING,
				.subject = subject_of(subject, pin),
				.detail = pin->has_pinned ? STR("changed: held back for a person")
							  : STR("new: held back for a person")});
	}
	if (news->held_n) {
		log_line(LOG_WARN,
			 "server " STR_FMT ": %zu items are new or changed and held back until a "
			 "person approves them: writ pin diff",
			 STR_ARG(server), news->held_n);
	}
	if (news->full) {
		log_line(LOG_WARN, "server " STR_FMT ": more items than can be pinned or held",
			 STR_ARG(server));
	}
}

static bool is_configured(const struct config *config, struct str server)
{
	for (size_t i = 0; i < config->n_servers; i++) {
		if (str_eq(config->servers[i].id, server)) {
			return config->servers[i].pins != CONFIG_CHECK_OFF;
		}
	}
	return false;
}

/* A copy, so that the gate cannot change what was checked; and the room is empty again. */
static char *read_room(const struct child *gate, uint32_t n)
{
	char *p = malloc(n ? n : 1);
	size_t done = 0;

	while (p && done < n) {
		ssize_t k = pread(gate->room_fd, p + done, n - done, (off_t)done);

		if (k <= 0) {
			free(p);
			return NULL;
		}
		done += (size_t)k;
	}
	(void)fallocate(gate->room_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			PIN_REPORT_MAX);
	return p;
}

bool pins_keeper_seen(struct pins_keeper *k, const struct config *config, struct child *gate,
		      uint32_t n)
{
	struct pin_news news = {0};
	struct str report, server;
	enum err_code code = ERR_OK;
	struct err err = {0};
	char *text;

	if (k->table_fd < 0 || gate->room_fd < 0 || n > PIN_REPORT_MAX) {
		return false;
	}
	text = read_room(gate, n);
	report = str_make(text, text ? n : 0);
	server = pin_store_report_server(report);
	/* one of a configuration that is no more is not taken, but answered */
	if (text && is_configured(config, server)) {
		code = pin_store_take(&k->store, report, clock_real() / CLOCK_SEC, &news, &err);
		say_news(k, server, &news);
	}
	if (code) {
		log_line(LOG_ERROR, "pins of a server: %s", err.msg);
	}
	free(text);
	tell_all(k, gate, news.changed);
	return code != ERR_INVALID;
}

bool pins_keeper_decide(struct pins_keeper *k, const struct control_request *req, struct err *err)
{
	bool yes = req->op == CONTROL_PIN_APPROVE;
	char subject[SUBJECT_MAX], who[32];

	if (k->table_fd < 0) {
		err_ignore(ERR(err, ERR_NOT_FOUND, "this node pins nothing"));
		return false;
	}
	if (pin_store_decide(&k->store, &req->pin, req->digest, yes, req->uid,
			     clock_real() / CLOCK_SEC, err)) {
		return false;
	}
	(void)snprintf(who, sizeof(who), "uid %u", req->uid);
	k->note(k, (struct ledger_event){
			   .event = yes ? LEDGER_APPROVAL_GIVEN : LEDGER_APPROVAL_REFUSED,
			   .subject = subject_of(subject, pin_store_find(&k->store, &req->pin)),
			   .detail = str_from_c(who)});
	tell_all(k, NULL, yes);
	return true;
}
