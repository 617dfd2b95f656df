/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sha256_priv.h"

#include <endian.h>
#include <string.h>

/* FIPS 180-4, 4.2.2 */
const uint32_t sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static uint32_t word_at(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return be32toh(w);
}

/* FIPS 180-4, 6.2.2 steps 2 and 3. */
static void rounds(uint32_t v[8], const uint32_t w[64])
{
	for (int t = 0; t < 64; t++) {
		uint32_t a = v[0], e = v[4];
		uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			      ((e & v[5]) ^ (~e & v[6])) + sha256_k[t] + w[t];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		v[7] = v[6];
		v[6] = v[5];
		v[5] = e;
		v[4] = v[3] + t1;
		v[3] = v[2];
		v[2] = v[1];
		v[1] = a;
		v[0] = t1 + t2;
	}
}

void sha256_blocks_plain(uint32_t state[8], const uint8_t *p, size_t n)
{
	for (; n > 0; n--, p += SHA256_BLOCK) {
		uint32_t w[64], v[8];

		for (int t = 0; t < 16; t++) {
			w[t] = word_at(p + (ptrdiff_t)t * 4);
		}
		for (int t = 16; t < 64; t++) {
			uint32_t x = w[t - 15], y = w[t - 2];

			w[t] = (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10) + w[t - 7] +
			       (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[t - 16];
		}
		memcpy(v, state, sizeof(v));
		rounds(v, w);
		for (int i = 0; i < 8; i++) {
			state[i] += v[i];
		}
	}
}

static void blocks(uint32_t state[8], const uint8_t *p, size_t n)
{
	if (sha256_has_instructions()) {
		sha256_blocks_fast(state, p, n);
	} else {
		sha256_blocks_plain(state, p, n);
	}
}

void sha256_init(struct sha256 *h)
{
	/* FIPS 180-4, 5.3.3 */
	static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(h->state, first, sizeof(first));
	h->n = 0;
}

void sha256_update(struct sha256 *h, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t kept = h->n % SHA256_BLOCK, take;

	if (n == 0) {
		return; /* bytes may be NULL */
	}
	h->n += n;
	if (kept) {
		take = n < SHA256_BLOCK - kept ? n : SHA256_BLOCK - kept;
		memcpy(h->block + kept, p, take);
		if (kept + take < SHA256_BLOCK) {
			return;
		}
		blocks(h->state, h->block, 1);
		p += take;
		n -= take;
	}
	if (n >= SHA256_BLOCK) {
		blocks(h->state, p, n / SHA256_BLOCK);
		p += n - n % SHA256_BLOCK;
		n %= SHA256_BLOCK;
	}
	if (n) {
		memcpy(h->block, p, n);
	}
}

/* FIPS 180-4, 5.1.1: a one, zeros, and the length in bits at the end of a block. */
static void finish(struct sha256 *h, uint8_t ret[SHA256_LEN])
{
	size_t kept = h->n % SHA256_BLOCK;
	uint64_t bits = htobe64(h->n * 8);

	h->block[kept++] = 0x80;
	if (kept > SHA256_BLOCK - sizeof(bits)) {
		memset(h->block + kept, 0, SHA256_BLOCK - kept);
		blocks(h->state, h->block, 1);
		kept = 0;
	}
	memset(h->block + kept, 0, SHA256_BLOCK - sizeof(bits) - kept);
	memcpy(h->block + SHA256_BLOCK - sizeof(bits), &bits, sizeof(bits));
	blocks(h->state, h->block, 1);
	for (size_t i = 0; i < 8; i++) {
		uint32_t w = htobe32(h->state[i]);

		memcpy(ret + i * sizeof(w), &w, sizeof(w));
	}
}

void sha256_final(struct sha256 *h, uint8_t ret[SHA256_LEN])
{
	finish(h, ret);
	explicit_bzero(h, sizeof(*h));
}

void sha256_of(struct str s, uint8_t ret[SHA256_LEN])
{
	UNSET struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, s.p, s.n);
	finish(&h, ret);
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
