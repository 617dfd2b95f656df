/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting back, in what a model answers in the dialect of the client, what was taken out of its request
 * (detect/vault.h): in whole answers and in streams, where a placeholder may be split over events.
 *
 * A piece of text that ends in what may be the beginning of a placeholder waits, with its event, for the next
 * piece of the same text; the beginning is then told with that. Whatever else is told of the same answer
 * lets it go as it is. So no event is made up, none is lost, and the order within an answer stays.
 * JSON in strings (arguments of calls) stays JSON. What is no event, or longer than MODEL_EVENT_MAX,
 * passes as it is, with its placeholders.
 */
#ifndef MODEL_RESTORE_H
#define MODEL_RESTORE_H

#include "detect/vault.h"
#include "model/request.h"
#include "model/stream.h"

enum { MODEL_LANES = 8 }; /* answers of one stream whose events can wait at the same time */

struct model_restore {
	const struct detect_vault *vault; /* borrowed */
	enum model_api api;               /* of the client */

	/* private */
	struct buf held; /* an event that has not ended */
	bool open;       /* in the middle of one that passes as it is */
	struct arena scratch;
	struct model_lane {
		uint64_t answer, text; /* which of the stream's answers, which of its texts */
		struct buf event;      /* waits; empty: none */
		size_t at, n;          /* its piece of text, without quotes */
	} lanes[MODEL_LANES];
};

void model_restore_init(struct model_restore *r, const struct detect_vault *vault,
			enum model_api api);
void model_restore_done(struct model_restore *r);

/* Appends what the client gets of these bytes of a stream. */
void model_restore_feed(struct model_restore *r, struct str bytes, struct buf *out);

/* What still waits, when the stream is over. */
void model_restore_end(struct model_restore *r, struct buf *out);

/* A whole answer, or the body of an error: JSON. */
void model_restore_whole(const struct detect_vault *vault, enum model_api api, struct str body,
			 struct buf *out);

#endif
