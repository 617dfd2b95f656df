/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that go by way of the connector: none leaves before the record `sent` that commits to its
 * bytes is in the ledger, and the connector passes none on without what the scribe answered
 * (ledger/permit.h). For the pool's wire: http/client.h.
 */
#ifndef GATE_EGRESS_H
#define GATE_EGRESS_H

#include "http/client.h"

struct action;
struct session;

/* The action that a request is for, which may be over by then. All zeros: it is no action's. */
struct egress_about {
	struct str id; /* borrowed */
	const struct session *session;
	bool durable;
	const uint8_t *matrix; /* of its decision, borrowed; NULL: by none */
};

struct egress_about egress_about(const struct action *a);

/* `user` is the struct gate_pool; c->about a struct egress_about, or NULL. */
bool egress_ask(void *user, struct http_call *c);
void egress_put(void *user, struct buf *out, struct http_call *c);
void egress_forget(void *user, struct http_call *c);

#endif
