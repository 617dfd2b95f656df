/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which model answers a name that stands for several. Law first: only models that the residency matrix and the
 * policies allow this request are looked at, and each that is asked gets a decision and a record of its own.
 * Then health, then the prefix its caches know, then load:
 *
 *   - a back end that failed five times in a row is left alone, for a second at first and at most for
 *     thirty; then it is asked for its health, or, where its engine has no address for that, gets one request.
 *     Of failures under requests of one agent three count, so that what one agent makes fail is only left
 *     alone by that agent
 *   - of the rest each request prefers one by what it begins with and who asks (rendezvous hashing), so
 *     that conversations come back to where they are cached; callers cannot find each other's caches by it
 *   - unless that one has more than twice the tokens in flight of the idlest, and some
 *
 * Where all that may be asked are ill, the one that is due first is asked: the set is never widened. What a policy's
 * @route names takes the place of the set, and is judged like it.
 */
#ifndef GATE_MODEL_ROUTE_H
#define GATE_MODEL_ROUTE_H

#include "gate/exchange.h"

enum { MODEL_TRIES = 3 };  /* of one request, each at another model; anew after a @route */
enum { MODEL_ROUTES = 4 }; /* how often policies may send one request elsewhere */

struct model_reply;

/*
 * What the caller means by a name: its own alias, a model, or a route. Fills reply->candidates;
 * false: there is no such name, or no memory.
 */
bool model_route_find(struct exchange *x, struct str name);

/*
 * From now on the request is for this model or route of the configuration, where a policy sends it; what it
 * may do there is decided anew. False: it was sent around too often, there is no such name, or no memory.
 */
bool model_route_elsewhere(struct exchange *x, struct str name);

/*
 * The next model to ask, which has not been asked yet; NULL when there is none. `q` is the request as it will
 * be decided. When nothing is allowed it is the first, whose refusal is then the answer; not for a hedge, which
 * only goes where it is allowed and somebody is well.
 */
struct gate_model *model_route_next(struct exchange *x, const struct rules_query *q, bool hedge);

enum model_health {
	MODEL_UNREACHED = 0, /* not even connected: nobody's request is the cause */
	MODEL_FAILED,        /* while it had the request of this agent */
	MODEL_WELL,
};

/* How an attempt ended. Not called for what says nothing about the back end (its caller hung up). */
void model_health_note(struct gate_model *m, enum model_health how, struct str agent);
void model_health_done(struct gate_model *m);

#endif
