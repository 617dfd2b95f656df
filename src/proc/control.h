/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's levers while a node serves: `control.sock` in the state directory,
 * for the user the supervisor runs as, and root. One JSON object a line in, one
 * out: {"op":"reload"} is answered {"ok":true,"text":""} or {"ok":false,"error":"..."}. The others are
 * "stop"; "held", whose text is a JSON array of what waits for a person; "approve" and "deny" with
 * "id"; "sever" with "group", and "restore"; "pin_approve" and "pin_reject" with "pin" and
 * "digest"; "login_begin" with "server", "redirect" (empty: by a device code) and "scope", "login_finish" with
 * "server" and "query", "logout" with "server", whose texts are JSON; "logins", whose text is a JSON array.
 */
#ifndef PROC_CONTROL_H
#define PROC_CONTROL_H

#include "base/buf.h"
#include "base/err.h"
#include "gate/pin.h"
#include "proc/sever.h"

#include <poll.h>

enum { CONTROL_MAX_CLIENTS = 8, CONTROL_LINE_MAX = 4096, CONTROL_SERVER_MAX = 32 };

enum control_op {
	CONTROL_NONE = 0,
	CONTROL_RELOAD,
	CONTROL_STOP,
	CONTROL_HELD,
	CONTROL_APPROVE,
	CONTROL_DENY,
	CONTROL_SEVER,
	CONTROL_RESTORE,
	CONTROL_PIN_APPROVE,
	CONTROL_PIN_REJECT,
	CONTROL_LOGIN_BEGIN,
	CONTROL_LOGIN_FINISH,
	CONTROL_LOGOUT,
	CONTROL_LOGINS
};

struct control_request {
	enum control_op op;
	int client;    /* for control_answer */
	uint32_t uid;  /* who asks */
	unsigned gate; /* APPROVE, DENY: what is held, "GATE.NUMBER" */
	uint64_t number;
	char group[SEVER_GROUP_MAX + 1]; /* SEVER */
	struct pin_id pin;               /* PIN_...: which item, and what of it was shown */
	uint8_t digest[SHA256_LEN];
	/* LOGIN_..., LOGOUT: where; redirect and scope, or the query */
	char server[CONTROL_SERVER_MAX + 1], first[CONTROL_LINE_MAX], second[CONTROL_LINE_MAX];
};

struct control_client {
	int fd; /* -1: free */
	uint32_t uid;
	uint64_t serial; /* never used twice */
	size_t n;
	char line[CONTROL_LINE_MAX];
};

struct control {
	int fd;
	char path[600];
	uint64_t accepted;
	struct control_client clients[CONTROL_MAX_CLIENTS];
};

void control_init(struct control *c);
void control_done(struct control *c);
enum err_code control_open(struct control *c, const char *state_path, struct err *err) MUST_USE;

/* Fills p with what to poll (at most CONTROL_MAX_CLIENTS + 1); returns how many. */
unsigned control_poll(const struct control *c, struct pollfd *p);

/* The next complete request, after poll filled p; false when there is none. Accepts on the way. */
bool control_next(struct control *c, struct pollfd *p, struct control_request *ret);

/* Answers and closes; client -1 (nobody asked) is ignored. */
void control_answer(struct control *c, int client, bool ok, struct str text);

/* Names a client that is answered later: one that takes its place meanwhile is another. */
uint64_t control_ticket(const struct control *c, int client);

/* The client of a ticket; -1: it has gone. */
int control_client_of(const struct control *c, uint64_t ticket);

#endif
