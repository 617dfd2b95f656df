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

static void blocks_pair(uint32_t *const state[2], const uint8_t *const p[2], size_t n)
{
	if (sha256_has_instructions()) {
		sha256_blocks_fast_pair(state, p, n);
	} else {
		sha256_blocks_plain(state[0], p[0], n);
		sha256_blocks_plain(state[1], p[1], n);
	}
}

/* FIPS 180-4, 5.3.3 */
static const uint32_t first_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void sha256_init(struct sha256 *h)
{
	memcpy(h->state, first_state, sizeof(first_state));
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

/*
 * FIPS 180-4, 5.1.1: a one, zeros, and the length in bits at the end of a block. `kept` bytes stand at
 * the front of `block`, which has room for two; returns how many it fills.
 */
static size_t pad(uint8_t *block, size_t kept, uint64_t length)
{
	uint64_t bits = htobe64(length * 8);
	size_t n = kept + 1 + sizeof(bits) > SHA256_BLOCK ? 2 : 1;

	block[kept++] = 0x80;
	memset(block + kept, 0, n * SHA256_BLOCK - sizeof(bits) - kept);
	memcpy(block + n * SHA256_BLOCK - sizeof(bits), &bits, sizeof(bits));
	return n;
}

static void put_state(const uint32_t state[8], uint8_t ret[SHA256_LEN])
{
	for (size_t i = 0; i < 8; i++) {
		uint32_t w = htobe32(state[i]);

		memcpy(ret + i * sizeof(w), &w, sizeof(w));
	}
}

static void finish(struct sha256 *h, uint8_t ret[SHA256_LEN])
{
	UNSET uint8_t end[2 * SHA256_BLOCK];
	size_t kept = h->n % SHA256_BLOCK;

	memcpy(end, h->block, kept);
	blocks(h->state, end, pad(end, kept, h->n));
	explicit_bzero(end, kept);
	put_state(h->state, ret);
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

/* A message on its way through its blocks: those in place, then those with its padding. */
struct lane {
	uint32_t state[8];
	const uint8_t *p;
	size_t n, end_n;
	uint8_t *ret; /* NULL: no message */
	uint8_t end[2 * SHA256_BLOCK];
};

static void lane_begin(struct lane *l, struct str s, uint8_t *ret)
{
	size_t kept = s.n % SHA256_BLOCK;

	memcpy(l->state, first_state, sizeof(l->state));
	l->p = (const uint8_t *)s.p;
	l->n = s.n / SHA256_BLOCK;
	if (kept) {
		memcpy(l->end, s.p + s.n - kept, kept);
	}
	l->end_n = pad(l->end, kept, s.n);
	l->ret = ret;
}

/* Whether there are blocks to go through; delivers the hash of a message that has no more. */
static bool lane_has_blocks(struct lane *l)
{
	if (l->ret && l->n == 0) {
		l->p = l->end;
		l->n = l->end_n;
		l->end_n = 0;
	}
	if (l->ret && l->n == 0) {
		put_state(l->state, l->ret);
		l->ret = NULL;
	}
	return l->ret != NULL;
}

static void lane_advance(struct lane *l, size_t n)
{
	l->p += n * SHA256_BLOCK;
	l->n -= n;
}

static void go_on(struct lane *a, struct lane *b, bool a_has, bool b_has)
{
	uint32_t *const states[2] = {a->state, b->state};
	const uint8_t *const p[2] = {a->p, b->p};
	struct lane *alone = a_has ? a : b;
	size_t n = a->n < b->n ? a->n : b->n;

	if (a_has && b_has) {
		blocks_pair(states, p, n);
		lane_advance(a, n);
		lane_advance(b, n);
	} else {
		blocks(alone->state, alone->p, alone->n);
		lane_advance(alone, alone->n);
	}
}

void sha256_of_each(const struct str *s, size_t n, uint8_t (*ret)[SHA256_LEN])
{
	UNSET struct lane lanes[2];
	size_t next = 0;
	bool has[2];

	lanes[0].ret = lanes[1].ret = NULL;
	do {
		for (size_t i = 0; i < 2; i++) {
			has[i] = lane_has_blocks(&lanes[i]);
			if (!has[i] && next < n) {
				lane_begin(&lanes[i], s[next], ret[next]);
				has[i] = lane_has_blocks(&lanes[i]);
				next++;
			}
		}
		if (has[0] || has[1]) {
			go_on(&lanes[0], &lanes[1], has[0], has[1]);
		}
	} while (has[0] || has[1]);
}

/* The states after a key's two first blocks, which do not depend on each other. */
static void begin_hmac(struct str key, struct sha256 h[2])
{
	uint8_t block[2][SHA256_BLOCK] = {0};
	uint32_t *const states[2] = {h[0].state, h[1].state};
	const uint8_t *const p[2] = {block[0], block[1]};

	if (key.n > SHA256_BLOCK) {
		sha256_of(key, block[0]);
	} else if (key.n) {
		memcpy(block[0], key.p, key.n);
	}
	for (size_t i = 0; i < SHA256_BLOCK; i++) {
		block[1][i] = block[0][i] ^ 0x5c;
		block[0][i] ^= 0x36;
	}
	sha256_init(&h[0]);
	sha256_init(&h[1]);
	blocks_pair(states, p, 1);
	h[0].n = h[1].n = SHA256_BLOCK;
	explicit_bzero(block, sizeof(block));
}

void hmac_sha256(struct str key, struct str s, uint8_t ret[SHA256_LEN])
{
	UNSET struct sha256 h[2];

	begin_hmac(key, h);
	sha256_update(&h[0], s.p, s.n);
	sha256_final(&h[0], ret);
	sha256_update(&h[1], ret, SHA256_LEN);
	sha256_final(&h[1], ret);
}
