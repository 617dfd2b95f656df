/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request whose back end speaks another dialect than its client: what was asked, going, and what is
 * answered, coming back, whole or as a stream cut anywhere. Memory is bounded.
 */
#ifndef MODEL_TRANSLATE_H
#define MODEL_TRANSLATE_H

#include "model/delta.h"
#include "model/engine.h"

/*
 * Appends to `out` what the back end is asked; q was taken by model_request_parse. MODEL_ERROR_UNTOLD:
 * *ret_what, in the arena, names what has no equal. `max_tokens` is what holds when the
 * client states no limit; 0: none.
 */
enum model_error model_translate_request(struct buf *out, struct arena *a,
					 const struct model_request *q, enum model_api to,
					 struct str model, const struct model_quirks *quirks,
					 uint64_t max_tokens, struct str *ret_what);

struct model_translation {
	struct model_answer_reader in;
	struct model_answer_writer out;
	struct sse_parser sse;
	struct arena scratch;
	uint64_t comments; /* of the back end's stream, answered by keep-alives of our own */
	bool finished;     /* it said why it stopped */
	bool failed;       /* what comes next cannot be told: the answer must not look complete */
	bool is_error;     /* the back end said it failed */
	struct buf error;  /* how */
};

/* What the client gets is appended to `to`; `model` is borrowed. */
void model_translation_init(struct model_translation *t, enum model_api from, enum model_api client,
			    bool stream, bool include_usage, struct str model, uint64_t created,
			    struct buf *to);
void model_translation_done(struct model_translation *t);

/* The next bytes of a stream. */
void model_translation_feed(struct model_translation *t, struct str bytes);

/* The stream is over. False: it broke off. */
bool model_translation_end(struct model_translation *t);

/* A whole answer; false when it is none. With is_error nothing was appended. */
bool model_translation_whole(struct model_translation *t, struct str body,
			     const struct json_opts *opts);

/* What a body says went wrong, in the arena; for answers that are errors by their status. */
struct str model_error_text(struct arena *a, struct str body, const struct json_opts *opts);

#endif
