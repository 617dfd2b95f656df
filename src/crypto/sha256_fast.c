/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 by the SHA extensions of x86-64 (Intel SDM, volume 1, 14.12). They keep the state as two vectors,
 * ABEF and CDGH, and do two rounds at a time; the schedule is kept four words to a vector.
 */
#include "crypto/sha256_priv.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <sys/platform/x86.h>

#define SHA_CODE __attribute__((target("sha,sse4.1")))

struct halves {
	__m128i abef, cdgh;
};

/* Not by asking the processor, which in a virtual machine is slow: libc has asked at the start. */
bool sha256_has_instructions(void)
{
	return CPU_FEATURE_ACTIVE(SHA) && CPU_FEATURE_ACTIVE(SSE4_1);
}

static inline SHA_CODE __m128i load(const void *p)
{
	return _mm_loadu_si128(p);
}

/* Rounds t to t + 3, of which *w holds the words. */
static inline SHA_CODE void four(struct halves *s, __m128i w, const uint32_t *k)
{
	__m128i wk = _mm_add_epi32(w, load(k));

	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* From the words of t, t + 4, t + 8 and t + 12 to those of t + 16. */
static inline SHA_CODE __m128i next(__m128i w0, __m128i w4, __m128i w8, __m128i w12)
{
	__m128i w = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));

	return _mm_sha256msg2_epu32(w, w12);
}

/* The sixteen words of a block. */
struct words {
	__m128i w[4];
};

static inline SHA_CODE struct words load_block(const uint8_t *p)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);

	return (struct words){
		{_mm_shuffle_epi8(load(p), swap), _mm_shuffle_epi8(load(p + 16), swap),
		 _mm_shuffle_epi8(load(p + 32), swap), _mm_shuffle_epi8(load(p + 48), swap)}};
}

static inline SHA_CODE void next_words(struct words *b)
{
	b->w[0] = next(b->w[0], b->w[1], b->w[2], b->w[3]);
	b->w[1] = next(b->w[1], b->w[2], b->w[3], b->w[0]);
	b->w[2] = next(b->w[2], b->w[3], b->w[0], b->w[1]);
	b->w[3] = next(b->w[3], b->w[0], b->w[1], b->w[2]);
}

static inline SHA_CODE void add(struct halves *s, const struct halves *before)
{
	s->abef = _mm_add_epi32(s->abef, before->abef);
	s->cdgh = _mm_add_epi32(s->cdgh, before->cdgh);
}

static inline SHA_CODE void one_block(struct halves *s, const uint8_t *p)
{
	const struct halves before = *s;
	struct words b = load_block(p);

	for (const uint32_t *k = sha256_k;; k += 16) {
		for (int i = 0; i < 4; i++) {
			four(s, b.w[i], k + (ptrdiff_t)4 * i);
		}
		if (k == sha256_k + 48) {
			break;
		}
		next_words(&b);
	}
	add(s, &before);
}

/* The rounds of one wait for each other; those of the other fill the time. */
static inline SHA_CODE void two_blocks(struct halves s[2], const uint8_t *p, const uint8_t *q)
{
	const struct halves before[2] = {s[0], s[1]};
	struct words b = load_block(p), c = load_block(q);

	for (const uint32_t *k = sha256_k;; k += 16) {
		for (int i = 0; i < 4; i++) {
			four(&s[0], b.w[i], k + (ptrdiff_t)4 * i);
			four(&s[1], c.w[i], k + (ptrdiff_t)4 * i);
		}
		if (k == sha256_k + 48) {
			break;
		}
		next_words(&b);
		next_words(&c);
	}
	add(&s[0], &before[0]);
	add(&s[1], &before[1]);
}

static inline SHA_CODE struct halves load_state(const uint32_t state[8])
{
	__m128i badc = _mm_shuffle_epi32(load(state), 0xb1);
	__m128i hgfe = _mm_shuffle_epi32(load(state + 4), 0x1b);

	return (struct halves){.abef = _mm_alignr_epi8(badc, hgfe, 8),
			       .cdgh = _mm_blend_epi16(hgfe, badc, 0xf0)};
}

static inline SHA_CODE void store_state(const struct halves *s, uint32_t state[8])
{
	__m128i badc = _mm_shuffle_epi32(s->abef, 0x1b);
	__m128i hgfe = _mm_shuffle_epi32(s->cdgh, 0xb1);

	_mm_storeu_si128((void *)state, _mm_blend_epi16(badc, hgfe, 0xf0));
	_mm_storeu_si128((void *)(state + 4), _mm_alignr_epi8(hgfe, badc, 8));
}

SHA_CODE void sha256_blocks_fast(uint32_t state[8], const uint8_t *p, size_t n)
{
	struct halves s = load_state(state);

	for (; n > 0; n--, p += SHA256_BLOCK) {
		one_block(&s, p);
	}
	store_state(&s, state);
}

SHA_CODE void sha256_blocks_fast_pair(uint32_t *const state[2], const uint8_t *const p[2], size_t n)
{
	struct halves s[2] = {load_state(state[0]), load_state(state[1])};

	for (size_t i = 0; i < n; i++) {
		two_blocks(s, p[0] + i * SHA256_BLOCK, p[1] + i * SHA256_BLOCK);
	}
	store_state(&s[0], state[0]);
	store_state(&s[1], state[1]);
}

#else

bool sha256_has_instructions(void)
{
	return false;
}

void sha256_blocks_fast(uint32_t state[8], const uint8_t *p, size_t n)
{
	sha256_blocks_plain(state, p, n);
}

void sha256_blocks_fast_pair(uint32_t *const state[2], const uint8_t *const p[2], size_t n)
{
	sha256_blocks_plain(state[0], p[0], n);
	sha256_blocks_plain(state[1], p[1], n);
}

#endif
