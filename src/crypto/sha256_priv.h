/* SPDX-License-Identifier: Apache-2.0 */
/* The two ways from one state of SHA-256 to the next; both do the same for every block. */
#ifndef CRYPTO_SHA256_PRIV_H
#define CRYPTO_SHA256_PRIV_H

#include "crypto/sha256.h"

#include <stdbool.h>

extern const uint32_t sha256_k[64];

/* n blocks of SHA256_BLOCK bytes each. */
void sha256_blocks_plain(uint32_t state[8], const uint8_t *p, size_t n);

/* By the processor's own instructions; only where it has them. */
bool sha256_has_instructions(void);
void sha256_blocks_fast(uint32_t state[8], const uint8_t *p, size_t n);

/* The same for two that do not depend on each other, n blocks of each, in little more time than for one. */
void sha256_blocks_fast_pair(uint32_t *const state[2], const uint8_t *const p[2], size_t n);

#endif
