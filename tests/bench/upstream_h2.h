/* SPDX-License-Identifier: Apache-2.0 */
/* The upstream of ./bench over HTTP/2: one connection, requests answered as they are complete. */
#ifndef TESTS_BENCH_UPSTREAM_H2_H
#define TESTS_BENCH_UPSTREAM_H2_H

#include "base/buf.h"

/* Whether this is, or may become, the beginning of HTTP/2. */
bool upstream_h2_begins(struct str bytes);

/* Appends an answer to a request, written as HTTP/1.1 with Content-Length, to `to`. */
typedef void upstream_h2_answer(void *user, struct str method_and_path, struct str body,
				struct buf *to);

struct upstream_h2;

struct upstream_h2 *upstream_h2_new(upstream_h2_answer *answer, void *user);
void upstream_h2_free(struct upstream_h2 *h);

/* Takes what was received and appends what is to be sent; false when the connection is over. */
bool upstream_h2_take(struct upstream_h2 *h, struct str bytes, struct buf *out);

#endif
