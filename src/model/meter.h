/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a back end say what a request cost, when its client did not ask: the request is told to give
 * usage, and what comes of that is taken out of the stream again, byte for byte.
 */
#ifndef MODEL_METER_H
#define MODEL_METER_H

#include "model/ask.h"

/*
 * At most so many tokens go in. No byte of JSON makes more than one; each picture beside its bytes counts
 * `per_image`.
 */
uint64_t model_input_bound(const struct model_request *q, uint64_t per_image);

/*
 * Raises *ret to the greatest limit that the request states for an answer, whichever back end heeds it:
 * n_predict is llama-server's, where it counts before the others. False: one is no positive integer.
 */
bool model_stated_limit(struct arena *a, const struct model_request *q, uint64_t *ret) MUST_USE;

/*
 * At most so many tokens come out: `limit` or what is stated, for each of n or best_of answers to each of
 * the prompts. False: one of these is no positive integer, or it is too much to count.
 */
bool model_output_bound(struct arena *a, const struct model_request *q, uint64_t limit,
			uint64_t *ret) MUST_USE;

/*
 * Sets what model_request_splice says besides: the limit, where the client states none, and that a stream
 * gives its usage. True: the last, so that a model_meter has to take it out again.
 */
bool model_request_meter(struct arena *a, struct model_request *q, uint64_t max_tokens,
			 const struct model_quirks *quirks);

/* Holds back one event at a time, at most MODEL_EVENT_MAX bytes; a longer one passes as it is. */
struct model_meter {
	struct buf held;
	bool open; /* in the middle of an event that passes as it is */
};

void model_meter_init(struct model_meter *m);
void model_meter_done(struct model_meter *m);

/* Appends what the client gets of these bytes: all events but the one with usage and without choices. */
void model_meter_feed(struct model_meter *m, struct str bytes, struct buf *out);

/* What is still held, when the stream is over. */
void model_meter_end(struct model_meter *m, struct buf *out);

#endif
