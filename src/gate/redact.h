/* SPDX-License-Identifier: Apache-2.0 */
/*
 * @redact: what detect/detect.h finds is taken out of the arguments before they are sent, and of all
 * that the server says of this request before the agent sees it. Arguments that have changed are
 * decided about again as they are now, until nothing changes: what is sent is what was
 * decided, and what the record commits to. The temporal event stays the one of the request as it
 * came; what the server answered is committed to as it was.
 *
 * Of a request to a model all that it says; there gate/model_vault.c does it, and puts it back.
 */
#ifndef GATE_REDACT_H
#define GATE_REDACT_H

#include "gate/action.h"
#include "mcp/rpc.h"

/* After a decision whose answer has `redact`: a->answer is the last one, a->input what is sent. */
void redact_request(struct action *a, struct rules_query *q);

/*
 * The request with a->input for its arguments. The text is in the arena and *m points into it; false:
 * out of memory.
 */
bool redact_arguments(struct action *a, struct mcp_msg *m, const struct json_opts *limits);

/*
 * Takes out of a server's message; `out` holds the text that *m then points into. False: it cannot be
 * done, so the message must not go on.
 */
bool redact_message(struct action *a, struct mcp_msg *m, const struct json_opts *limits,
		    struct buf *out);

#endif
