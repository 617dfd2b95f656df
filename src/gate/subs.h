/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who wants to hear of changes of which resource (resources/subscribe and subscriptions/listen). A
 * server is subscribed to once for all sessions of this gate: with the first that wants it, until the
 * last does no more, and again after it was started anew. It tells of a change once; only
 * the sessions that asked for that resource hear it, each under the URI that it knows.
 */
#ifndef GATE_SUBS_H
#define GATE_SUBS_H

#include "gate/link.h"
#include "json/write.h"

struct gate;
struct session;
struct listening;

enum { SUBS_OF_SESSION = 1000, SUBS_OF_LINK = 10000 };

/*
 * For a session, or (not NULL) one stream of it in the newer era. `uri` as the server knows it, `client_raw` the JSON string that this client calls it by. *ret_new:
 * it was not subscribed before. ERR_LIMIT, ERR_NOMEM.
 */
enum err_code subs_add(struct link *l, struct session *s, struct listening *to, struct str uri,
		       struct str client_raw, bool *ret_new, struct err *err) MUST_USE;

/* True when nobody is left who wants it: then the server is to be told. */
bool subs_remove(struct link *l, const struct session *s, const struct listening *to,
		 struct str uri);

/* A stream of the newer era ends: servers that nobody else listens to are told. */
void subs_listening_end(struct session *s, const struct listening *to);

/* The server tells of a change (notifications/resources/updated). */
void subs_updated(struct link *l, const struct mcp_msg *m);

/* The server was started anew and knows of nothing. */
void subs_restore(struct link *l);

/* The URIs that are wanted, as elements of an array that w is in. */
void subs_write(const struct link *l, struct json_writer *w);

/* The session ends: servers that nobody else listens to are told. */
void subs_session_end(struct session *s);

void subs_link_done(struct link *l);

#endif
