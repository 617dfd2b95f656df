/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The errors of the OpenAI-compatible surface that Writ itself answers, in one
 * table: HTTP status, type, code, text. The shape is the one that client libraries
 * read: {"error":{"message","type","param","code"}}, for Anthropic's with "type":"error" before it
 * and types of its own. They try again by themselves
 * on 408, 409, 429 and 5xx, so a refusal is 403 and a capacity limit is 429.
 */
#ifndef MODEL_ERROR_H
#define MODEL_ERROR_H

#include "base/buf.h"

/* clang-format off */
#define MODEL_ERRORS(X)                                                                            \
	/* id            http  type                     code                   param       text */     \
	X(JSON,          400, "invalid_request_error", "invalid_json",        "",         "The body is not strict JSON.") \
	X(SHAPE,         400, "invalid_request_error", "invalid_request",     "",         "The body is not a request of this kind.") \
	X(IMITATION,     400, "invalid_request_error", "invalid_request",     "",         "A member's name imitates a name of this interface.") \
	X(TOO_LARGE,     413, "invalid_request_error", "request_too_large",   "",         "The body is too large or nested too deeply.") \
	X(NO_MODEL,      400, "invalid_request_error", "invalid_model",       "model",    "The member model must be a string that names a model.") \
	X(UNKNOWN_MODEL, 404, "invalid_request_error", "model_not_found",     "model",    "There is no such model, or it is not for you.") \
	X(MESSAGES,      400, "invalid_request_error", "invalid_messages",    "messages", "The member messages must be a non-empty array of objects, each with a role.") \
	X(STREAM,        400, "invalid_request_error", "invalid_stream",      "stream",   "The members stream and stream_options.include_usage must be booleans.") \
	X(MAX_TOKENS,    400, "invalid_request_error", "invalid_max_tokens",  "max_tokens", "The members max_tokens and max_completion_tokens must be positive integers.") \
	X(N,             400, "invalid_request_error", "invalid_n",           "n",        "The member n must be an integer from 1 to 128.") \
	X(TOOLS,         400, "invalid_request_error", "invalid_tools",       "tools",    "The member tools must be an array of at most 1024 objects; a function must have a name.") \
	X(INPUT,         400, "invalid_request_error", "invalid_input",       "input",    "The request has no input of the kind that this address takes.") \
	X(REMOTE,        400, "invalid_request_error", "remote_content",      "",         "Content is not fetched from elsewhere: send it inline, as a data: URL.") \
	X(BUILTIN,       400, "invalid_request_error", "builtin_tools",       "tools",    "Tools that the model's server would run by itself are off: offer functions.") \
	X(STATE,         400, "invalid_request_error", "stored_state",        "",         "What is stored at the model's server is not used: send the whole conversation.") \
	X(UNTOLD,        400, "invalid_request_error", "untranslatable",      "",         "The model's server speaks another dialect, in which part of this request has no equal.") \
	X(UNBOUNDED,     400, "invalid_request_error", "max_tokens_required", "max_tokens", "A budget holds for this request: say how many tokens the answer may have at most.") \
	X(UNMEASURED,    400, "invalid_request_error", "unmeasured_content",  "",         "A budget holds for this request, and what sound, film or documents cost is not known before: send text or pictures.") \
	X(UNSPOKEN,      400, "invalid_request_error", "not_supported",       "",         "The model's server does not serve requests of this kind.") \
	X(IDENTITY,      401, "authentication_error",  "invalid_api_key",     "",         "Writ does not know you: no valid key, certificate or peer.") \
	X(DENIED,        403, "permission_error",      "policy_denied",       "",         "Refused by policy.") \
	X(ASK,           403, "permission_error",      "approval_required",   "",         "Held back until a person approves it.") \
	X(NO_ROUTE,      404, "invalid_request_error", "unknown_url",         "",         "There is nothing at this address.") \
	X(METHOD,        405, "invalid_request_error", "method_not_allowed",  "",         "This address does not take that method.") \
	X(BUSY,          429, "rate_limit_error",      "capacity",            "",         "Too many requests are waiting; try again later.") \
	X(BUDGET,        429, "rate_limit_error",      "budget_exhausted",    "",         "A budget is used up.") \
	X(INTERNAL,      500, "server_error",          "internal_error",      "",         "Something went wrong inside Writ.") \
	X(UPSTREAM,      502, "server_error",          "upstream_failed",     "",         "The model's server failed or is not available.") \
	X(NO_RECORD,     503, "server_error",          "no_record",           "",         "Nothing can be recorded now, so nothing can be done; try again later.") \
	X(TIMEOUT,       504, "server_error",          "upstream_timeout",    "",         "The model's server did not answer in time.")
/* clang-format on */

enum model_error {
	MODEL_ERROR_NONE = 0,
#define X(id, ...) MODEL_ERROR_##id,
	MODEL_ERRORS(X)
#undef X
		MODEL_ERROR_MAX
};

struct model_error_info {
	unsigned http_status;
	struct str type, code, param, text;
};

/* Not for NONE. Static storage. */
const struct model_error_info *model_error_info(enum model_error e);

/* Whose clients read the answer: they differ in the shape of an error. */
enum model_dialect { MODEL_DIALECT_OPENAI = 0, MODEL_DIALECT_ANTHROPIC };

/* Appends the body of an answer with this error. */
void model_error_append(struct buf *out, enum model_dialect d, enum model_error e);

/* The same, naming the part of the request it is about (from the request; cut at 64 bytes). */
void model_error_append_about(struct buf *out, enum model_dialect d, enum model_error e,
			      struct str about);

/* The same with the text of a back end, cut at 4096 bytes, for the status it gave. */
void model_error_append_text(struct buf *out, enum model_dialect d, unsigned http_status,
			     struct str text);

/* Why a request was refused; the texts are those of the policy, never of the request. */
struct model_refusal {
	bool ask;               /* a person may approve it */
	struct str policy;      /* id of the policy that decided; empty: nothing permits it */
	struct str reason;      /* its @reason; may be empty; cut at 512 bytes */
	struct str budget;      /* a budget is used up: which; reason says more */
	struct str retry_after; /* ASK that waiting alone lifts: how long; else empty */
	uint64_t record;        /* index in the ledger */
	bool has_record;
};

/*
 * Appends the body of a refusal (status of DENIED, ASK or BUDGET): the message says policy,
 * reason, record and what to do, and error.writ says the same for programs.
 */
void model_denied_append(struct buf *out, enum model_dialect d, const struct model_refusal *r);

#endif
