/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are kept where others may read or write: sealed under a key, and bound to what they are for
 * (XChaCha20-Poly1305, by libsodium). A box is a random nonce and the sealed bytes.
 */
#ifndef CRYPTO_BOX_H
#define CRYPTO_BOX_H

#include "base/buf.h"
#include "base/err.h"

enum { BOX_KEY_LEN = 32, BOX_OVERHEAD = 24 + 16 };

/* `bound` is not in the box: whoever opens it has to say the same. A `to` without room fails softly. */
void box_seal(const uint8_t key[BOX_KEY_LEN], struct str bound, struct str plain, struct buf *to);

/* Appends what is in it; wipe the buffer. ERR_CORRUPT for another key, another binding or a changed box. */
enum err_code box_open(const uint8_t key[BOX_KEY_LEN], struct str bound, struct str box,
		       struct buf *to, struct err *err) MUST_USE;

#endif
