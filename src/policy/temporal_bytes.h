/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as bytes: for keys and for what is kept of an event. Equal values give
 * equal bytes and the other way round. Little endian:
 *
 *   kind (1)   BOOL: 1 byte   LONG, DECIMAL, DATETIME, DURATION: 8   IP: 18
 *              STRING: length (4), bytes   ENTITY: two strings
 *              SET: count (4), values      RECORD: count (4), (string, value)...
 */
#ifndef POLICY_TEMPORAL_BYTES_H
#define POLICY_TEMPORAL_BYTES_H

#include "policy/value.h"

#define TEMPORAL_BYTES_DEPTH 256

/* A growing array in an arena; `failed` stays set. */
struct temporal_bytes {
	struct arena *a;
	char *p;
	size_t n, cap;
	bool failed;
};

void temporal_put(struct temporal_bytes *b, const void *p, size_t n);
void temporal_put_u32(struct temporal_bytes *b, uint32_t v);
void temporal_put_u64(struct temporal_bytes *b, uint64_t v);
void temporal_put_value(struct temporal_bytes *b, struct policy_value v);

/* Reads from the front of *s; false when the bytes are not of this format. Borrows texts. */
bool temporal_get_u32(struct str *s, uint32_t *ret) MUST_USE;
bool temporal_get_u64(struct str *s, uint64_t *ret) MUST_USE;
bool temporal_get_value(struct str *s, struct arena *a, struct policy_value *ret) MUST_USE;

#endif
