/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a model inside the gate: shared by model_*.c. */
#ifndef GATE_MODEL_PRIV_H
#define GATE_MODEL_PRIV_H

#include "gate/exchange.h"
#include "model/translate.h"

enum { MODEL_BODY_MAX = 32 << 20 };

/* A request to a back end, and its answer on the way to the client. In the request's arena. */
struct model_reply {
	struct model_request request;
	struct buf body; /* of the request to the back end */
	struct str target;
	struct http_field fields[3];
	int status;
	bool events; /* a stream */
	struct sha256 commitment;
	struct model_stream stream;
	uint64_t bytes;
	enum model_api api;                    /* what the back end is asked in */
	struct model_translation *translation; /* NULL: that is what the client speaks */
	bool translating;                      /* it was begun: it has to end */
	struct buf told;                       /* what the next piece became */
};

enum model_dialect model_dialect_of(const struct exchange *x);

/* What has passed by was answered, whoever hangs up now. */
void model_note_stream(struct exchange *x);

extern const struct http_call_events model_call_events;

#endif
