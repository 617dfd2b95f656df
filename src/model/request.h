/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to any of the addresses below /v1 that reach a model, taken apart by spans. It goes on
 * byte for byte but for the model's name, `store` and what is said besides, to a back end that speaks the same.
 *
 * Refused, since the back end would reach for what no decision has seen:
 *   - content that is to be fetched: a URL in content that is no data: URL, a file by its id
 *   - tools that the back end runs by itself: web search, code, MCP; only functions are offered
 *   - what is stored there: previous_response_id, conversation, a stored prompt, background
 * `store` becomes false; where it is true unless said otherwise (responses) it is said.
 */
#ifndef MODEL_REQUEST_H
#define MODEL_REQUEST_H

#include "model/chat.h"

enum model_api {
	MODEL_API_NONE = 0,
	MODEL_API_CHAT,
	MODEL_API_COMPLETIONS,
	MODEL_API_EMBEDDINGS,
	MODEL_API_RESPONSES,
	MODEL_API_MESSAGES,
	MODEL_API_COUNT_TOKENS,
	MODEL_API_MAX
};

struct model_api_info {
	struct str path; /* below the base URL, ours and the back end's: "chat/completions" */
	struct str name; /* in context.input.api: "chat" */
	enum model_dialect dialect;
	bool streams;
};

/* Static storage. NONE for what is no such path. */
const struct model_api_info *model_api_info(enum model_api api);
enum model_api model_api_find(struct str path);

struct model_request {
	enum model_api api;
	struct str whole, model_raw, model; /* as in struct model_chat */
	struct str store_raw, salt_raw;     /* the values of `store` and `cache_salt`, or p NULL */
	struct str tools;                   /* raw array, or p NULL */
	struct str begins;                  /* raw: what it says first, by which caches know it */
	bool stream, include_usage;         /* chat: stream_options.include_usage */
	uint64_t max_tokens;                /* 0: no limit asked for */
	size_t input_bytes;                 /* no byte makes more than one token */
	uint64_t n;                         /* answers asked for; 1 when not said */
	bool unmeasured; /* sound, film or pages: their bytes say nothing of tokens */

	/* What the back end is told besides (model/meter.h); zeroed: nothing. */
	uint64_t say_max_tokens;
	struct str say_max_tokens_as;
	bool say_usage;
	struct str say_salt; /* in place of the client's own; empty: none is said */
};

/* As model_chat_parse. */
enum model_error model_request_parse(struct arena *a, enum model_api api, struct str body,
				     const struct json_opts *opts, struct model_request *ret,
				     struct err *why);

/* Appends the request for the back end. */
void model_request_splice(struct buf *out, const struct model_request *r, struct str model);

/* Visits the names of the tools that are offered; as model_chat_tool. */
bool model_request_tool(struct json_walk *w, struct arena *a, struct str *ret_name);

/* Refuses what the head of this file says; `whole` is an accepted JSON object. *ret as in model_request. */
enum model_error model_guard(struct arena *a, enum model_api api, struct str whole,
			     bool *ret_unmeasured);

#endif
