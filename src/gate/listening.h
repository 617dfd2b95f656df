/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the modern era that listens (subscriptions/listen): a stream without an end, on which
 * it hears that lists changed and that resources did, of what its filter names.
 *
 *   request --> its servers are there --> each resource: decide, record, subscribe --> acknowledged
 *                                                                                        |
 *                   the client goes, or Writ stops: <-- list_changed, resources/updated --+
 *
 * To subscribe is an action on each resource. What is refused, by a policy or by its server, is left
 * out of what is acknowledged; nothing else says why.
 */
#ifndef GATE_LISTENING_H
#define GATE_LISTENING_H

#include "gate/exchange.h"
#include "mcp/listen.h"

struct listening {
	struct list node; /* of the gate's, once it is acknowledged */
	struct exchange *x;
	struct str endpoint;       /* the endpoint itself is let go: streams last for days */
	struct mcp_filter filter;  /* as asked for; once acknowledged: as honoured */
	struct listen_part *parts; /* one for each resource, while they are decided */
	size_t n_parts, pending;
};

/* Takes such a request. */
void listening_start(struct exchange *x);

/* The request ends: nobody listens any more. */
void listening_end(struct exchange *x);

/* A list of this kind changed for an endpoint. */
void listening_changed(struct gate *g, struct str endpoint, enum mcp_list_kind kind,
		       enum mcp_method method);

/* A resource changed that it subscribed to. */
void listening_updated(struct listening *l, const struct mcp_msg *m, struct str uri);

void listening_keep_alive(struct gate *g);

/* Writ stops: each ends in good order. */
void listening_drain(struct gate *g);

#endif
