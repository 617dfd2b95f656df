/* SPDX-License-Identifier: Apache-2.0 */
/* The answers to /v1/models and /v1/models/ID, from the configured models. */
#ifndef MODEL_LIST_H
#define MODEL_LIST_H

#include "base/buf.h"

struct model_listing {
	struct str id;       /* what clients call it */
	struct str owned_by; /* shown to clients: the organisation, never a host or a key */
	uint64_t created;    /* seconds since 1970, 0 when nobody said */
};

/* May this caller see the model? NULL lets all through. */
typedef bool model_list_filter(void *ctx, const struct model_listing *m);

/* In the order given. */
void model_list_append(struct buf *out, const struct model_listing *models, size_t n,
		       model_list_filter *filter, void *ctx);

/* One model's object. */
void model_list_append_one(struct buf *out, const struct model_listing *m);

#endif
