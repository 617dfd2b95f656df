/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed hashing for tables whose keys an attacker may choose (SipHash-1-3), and a string map. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/attr.h"
#include "base/str.h"

struct hash_key {
	uint64_t k0,
		k1; /* secret and random for a table of hostile keys; zero is fine for our own */
};

uint64_t hash_str(struct hash_key key, struct str s);

#endif
