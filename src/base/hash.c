/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/num.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

/* SipHash-1-3 (Aumasson, Bernstein 2012, with the reduced rounds hash tables use). */
uint64_t hash_str(struct hash_key key, struct str s)
{
	struct sip h = {
		.v0 = key.k0 ^ 0x736f6d6570736575U,
		.v1 = key.k1 ^ 0x646f72616e646f6dU,
		.v2 = key.k0 ^ 0x6c7967656e657261U,
		.v3 = key.k1 ^ 0x7465646279746573U,
	};
	uint64_t last = (uint64_t)s.n << 56;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t m = num_get_u64(s.p + i);

		h.v3 ^= m;
		sip_round(&h);
		h.v0 ^= m;
	}
	for (unsigned k = 0; i + k < s.n; k++) {
		last |= (uint64_t)(unsigned char)s.p[i + k] << (8 * k);
	}
	h.v3 ^= last;
	sip_round(&h);
	h.v0 ^= last;
	h.v2 ^= 0xff;
	sip_round(&h);
	sip_round(&h);
	sip_round(&h);
	return h.v0 ^ h.v1 ^ h.v2 ^ h.v3;
}
