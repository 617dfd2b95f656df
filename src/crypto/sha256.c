/* SPDX-License-Identifier: Apache-2.0 */
/* The direct SHA256_* functions are deprecated in favour of EVP, which is slower: see sha256.h. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/sha256.h"

#include <openssl/sha.h>

enum { SHA256_BLOCK = 64 };

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256), "struct sha256 is too small");
_Static_assert(SHA256_LEN == SHA256_DIGEST_LENGTH, "the length of a SHA-256 hash");

static SHA256_CTX *context(struct sha256 *h)
{
	return (SHA256_CTX *)(void *)h->opaque;
}

/* These calls cannot fail for a context that sha256_init has set up. */
void sha256_init(struct sha256 *h)
{
	(void)SHA256_Init(context(h));
}

void sha256_update(struct sha256 *h, const void *bytes, size_t n)
{
	if (n) {
		(void)SHA256_Update(context(h), bytes, n);
	}
}

void sha256_final(struct sha256 *h, uint8_t ret[SHA256_LEN])
{
	(void)SHA256_Final(ret, context(h));
	explicit_bzero(h, sizeof(*h));
}

void sha256_of(struct str s, uint8_t ret[SHA256_LEN])
{
	UNSET struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, s.p, s.n);
	(void)SHA256_Final(ret, context(&h));
}

void hmac_sha256(struct str key, struct str s, uint8_t ret[SHA256_LEN])
{
	uint8_t block[SHA256_BLOCK] = {0};
	UNSET struct sha256 h;

	if (key.n > sizeof(block)) {
		sha256_of(key, block);
	} else if (key.n) {
		memcpy(block, key.p, key.n);
	}
	for (size_t i = 0; i < sizeof(block); i++) {
		block[i] ^= 0x36;
	}
	sha256_init(&h);
	sha256_update(&h, block, sizeof(block));
	sha256_update(&h, s.p, s.n);
	sha256_final(&h, ret);
	for (size_t i = 0; i < sizeof(block); i++) {
		block[i] ^= 0x36 ^ 0x5c;
	}
	sha256_init(&h);
	sha256_update(&h, block, sizeof(block));
	sha256_update(&h, ret, SHA256_LEN);
	sha256_final(&h, ret);
	explicit_bzero(block, sizeof(block));
}
