/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer of a chat back end cost and how it ended, read beside the bytes
 * that pass: the reader never changes, delays or stops them. A whole body is read
 * at once, a stream of events as it comes, cut anywhere, with bounded memory.
 *
 * A back end's own count is a claim. It is kept as one (`given`), and a count that
 * is no plain number is as if it had not been given.
 */
#ifndef MODEL_STREAM_H
#define MODEL_STREAM_H

#include "http/sse.h"
#include "json/scan.h"

enum {
	MODEL_EVENT_MAX = 256 * 1024,
	MODEL_ERROR_EVENTS = 8, /* events that are no JSON, after which reading gives up */
};

/* Why the model stopped. */
enum model_finish {
	MODEL_FINISH_NONE = 0, /* it did not say, or has not yet */
	MODEL_FINISH_STOP,
	MODEL_FINISH_LENGTH,
	MODEL_FINISH_TOOL_CALLS,
	MODEL_FINISH_CONTENT_FILTER,
	MODEL_FINISH_OTHER,
};

struct model_usage {
	bool given;
	uint64_t input, output; /* prompt_tokens, completion_tokens */
	uint64_t cached;        /* of the input, from the back end's cache */
	uint64_t reasoning;     /* of the output, not shown */
};

struct model_outcome {
	struct model_usage usage;
	enum model_finish finish; /* of the last choice that ended */
	bool is_error;            /* the back end answered {"error":...} */
};

/* A whole answer. ERR_SYNTAX, ERR_INVALID, ERR_LIMIT as json_scan, or not an object. */
enum err_code model_outcome_parse(struct arena *scratch, struct str body,
				  const struct json_opts *opts, struct model_outcome *ret,
				  struct err *err) MUST_USE;

/* The same of an object that was accepted: an answer, a chunk or an event. What it says replaces what
 * was said before. */
void model_outcome_take(struct str object, struct model_outcome *ret);

struct model_stream {
	struct sse_parser sse;
	struct model_outcome outcome;
	uint64_t events, bad_events;
	bool done;  /* [DONE] was seen: what is missing now is missing */
	bool blind; /* reading gave up: too long an event or too much nonsense */
};

void model_stream_init(struct model_stream *s);
void model_stream_done(struct model_stream *s);

/* Looks at the next bytes of the stream. Does nothing once blind. `scratch` is emptied after each event. */
void model_stream_feed(struct model_stream *s, struct arena *scratch, struct str bytes);

/* The length of the first event of these bytes with its empty line; 0: it has not ended. */
size_t model_event_length(struct str bytes);

/* Static storage. */
struct str model_finish_name(enum model_finish f);

#endif
