/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to /v1/chat/completions, taken apart by spans. Only what a decision
 * or the accounting needs is looked at; the rest goes on byte for byte.
 *
 * Strict JSON, and a member whose name imitates one of those read here is
 * refused: some back ends decode names without regard to case and take the last
 * one, so {"model":"a","Model":"b"} would be decided for a and run on b.
 */
#ifndef MODEL_CHAT_H
#define MODEL_CHAT_H

#include "model/error.h"
#include "json/scan.h"

enum { MODEL_NAME_MAX = 128, MODEL_N_MAX = 128, MODEL_TOOLS_MAX = 1024 };

struct model_chat {
	struct str whole;     /* without white space around it */
	struct str model_raw; /* the JSON string in it */
	struct str model;     /* decoded: 1 to MODEL_NAME_MAX bytes, no control characters */
	struct str messages;  /* raw array */
	struct str tools;     /* raw array, or p NULL */
	bool stream;
	bool include_usage;  /* stream_options.include_usage */
	uint64_t max_tokens; /* the larger of both members that say it; 0: no limit asked for */
	uint32_t n;          /* answers asked for; 1 when not said */
	size_t n_messages, n_tools;
	size_t input_bytes; /* of messages and tools: no byte makes more than one token */
};

/*
 * MODEL_ERROR_NONE and *ret filled; else the error to answer, *ret unspecified and
 * `why` saying more to the operator. Decoded text is in the arena or in `body`.
 */
enum model_error model_chat_parse(struct arena *a, struct str body, const struct json_opts *opts,
				  struct model_chat *ret, struct err *why);

/* Appends the request with another model name, everything else unchanged. */
void model_chat_splice(struct buf *out, const struct model_chat *c, struct str model);

/*
 * Visits the names of the functions that are offered to the model, decoded:
 *   for (struct json_walk w = json_walk(c.tools); model_chat_tool(&w, a, &name);) { ... }
 * A tool that is no function gives its type.
 */
bool model_chat_tool(struct json_walk *w, struct arena *a, struct str *ret_name);

#endif
