/* SPDX-License-Identifier: Apache-2.0 */
/* Heads as libnghttp2 takes them. Like http/h1_write.h: what belongs to a connection is left out. */
#ifndef HTTP_H2_FIELD_H
#define HTTP_H2_FIELD_H

#include "base/arena.h"
#include "http/h1_write.h"
#include "http/h2_lib.h"

struct h2_fields {
	nghttp2_nv *items;
	size_t n;
};

/*
 * The list for h, in the arena; its names and values are h's. ERR_INVALID when one cannot be
 * sent, ERR_NOMEM. Names may have capitals: the library's copy has none. `tls` is for :scheme.
 */
enum err_code h2_fields_of(const struct h1_out *h, bool tls, struct arena *a, struct h2_fields *ret,
			   struct err *err) MUST_USE;

#endif
