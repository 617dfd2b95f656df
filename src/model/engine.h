/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back ends, and what they differ in: which dialects they speak, what they refuse, where they say
 * how they are. An engine that is not named speaks every dialect, in OpenAI's way.
 *
 * Only the addresses of model_api_info are ever asked: what an engine serves beside them (loading
 * adapters, pausing, changing weights, tools of its own) cannot be reached through Writ.
 */
#ifndef MODEL_ENGINE_H
#define MODEL_ENGINE_H

#include "model/ask.h"

struct model_engine {
	struct str name; /* in the configuration */
	uint32_t speaks; /* bits 1 << enum model_api */
	struct str
		health; /* path from the root of the server, answered by 200 when it is well; empty: none */
	struct model_quirks quirks;
};

/* NULL when there is none of that name. Static storage. */
const struct model_engine *model_engine_find(struct str name);

/* Speaks everything. */
extern const struct model_engine model_engine_plain;

/* Names as in struct model_api_info ("chat"); 0 for what is none. */
uint32_t model_api_bit(struct str name);

/*
 * What a request to `api` becomes for a back end that speaks these: `api` itself, a dialect into which it can be
 * translated, or NONE.
 */
enum model_api model_api_for(enum model_api api, uint32_t speaks);

#endif
