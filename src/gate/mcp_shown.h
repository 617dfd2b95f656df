/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a view a caller is shown: the tools, resources and prompts that policies could let it call, read
 * or get. By scopes alone, whatever a condition says: what is left out is refused in every case, and what is
 * shown may be refused still. Templates stand for resources that are not known yet; they are shown.
 */
#ifndef GATE_MCP_SHOWN_H
#define GATE_MCP_SHOWN_H

#include "gate/exchange.h"

struct mcp_shown {
	struct mcp_shown *next; /* kept with the view */
	struct str agent;
	bool *seen; /* of each entry of the view */
	uint8_t (*digests)
		[SHA256_LEN]; /* of each source: SHA-256 of what is seen of it, commas between */
};

/*
 * For the exchange's caller. Kept with the view, for the first 64 agents without a token's claims, so that a second
 * list costs nothing; for others it is made each time. NULL when memory is short.
 */
const struct mcp_shown *mcp_shown_to(struct exchange *x, struct mcp_view *v);

#endif
