/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The innermost steps over JSON bytes, shared by the readers of this folder.
 * None reads at or behind `end`.
 */
#ifndef JSON_BYTES_PRIV_H
#define JSON_BYTES_PRIV_H

#include "base/buf.h"

#ifdef __SSE2__
#include <emmintrin.h>
#define BYTES_SIMD true
#else
#define BYTES_SIMD false
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Bytes that a string scanner has to look at: quote, backslash, controls, and all beyond ASCII. */
extern const bool bytes_special[256];

/* Four hexadecimal digits as a number; -1 when there are not four before `end`. */
int bytes_hex4(const char *p, const char *end);

/* Writes 1 to 4 bytes and returns how many; v is a Unicode scalar value. */
size_t bytes_put_utf8(char *to, unsigned v);

/* The escape of a control, a quote, a backslash or any other code unit: short where there is one.
 */
void bytes_put_escape(struct buf *out, unsigned v);

/* Decodes the inside of a valid string; `to` has room for s.n bytes. Returns the length. */
size_t bytes_decode(struct str s, char *to);

/*
 * `p` is at a byte of 0x80 or more: the first byte behind the run of characters
 * beyond ASCII, or NULL when one of them is not well formed (RFC 3629 section 4).
 */
const char *bytes_utf8(const char *p, const char *end);

/* What an option asks for, or the normal value, but never more than the ceiling. */
static inline size_t bytes_limit(size_t asked, size_t normal, size_t ceiling)
{
	size_t v = asked ? asked : normal;

	return v < ceiling ? v : ceiling;
}

/* The first byte that is no white space of JSON, or `end`. */
static ALWAYS_INLINE const char *bytes_space(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ' &&
	       (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
		p++;
	}
	return p;
}

/* The first special byte (see bytes_special), or `end`. */
static ALWAYS_INLINE const char *bytes_plain(const char *p, const char *end, bool simd)
{
#ifdef __SSE2__
	if (simd) {
		const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
		const __m128i space = _mm_set1_epi8(' ');

		while (end - p >= 16) {
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
			__m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, quote),
						    _mm_cmpeq_epi8(v, backslash));
			/* Signed: below ' ' are the controls and every byte from 0x80 on. */
			int found = _mm_movemask_epi8(_mm_or_si128(ends, _mm_cmplt_epi8(v, space)));

			if (found) {
				return p + __builtin_ctz((unsigned)found);
			}
			p += 16;
		}
	}
#else
	(void)simd;
#endif
	while (p < end && !bytes_special[(unsigned char)*p]) {
		p++;
	}
	return p;
}

/* The first quote or backslash, or `end`: for strings that were validated before. */
static ALWAYS_INLINE const char *bytes_quote(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');

	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		int found = _mm_movemask_epi8(
			_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));

		if (found) {
			return p + __builtin_ctz((unsigned)found);
		}
		p += 16;
	}
#endif
	while (p < end && *p != '"' && *p != '\\') {
		p++;
	}
	return p;
}

/* The first quote, bracket or brace, or `end`. */
static ALWAYS_INLINE const char *bytes_structure(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), bit = _mm_set1_epi8(0x20);
	const __m128i open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');

	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i folded = _mm_or_si128(v, bit); /* '[' becomes '{', ']' becomes '}' */
		__m128i hit =
			_mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close));
		int found = _mm_movemask_epi8(_mm_or_si128(hit, _mm_cmpeq_epi8(v, quote)));

		if (found) {
			return p + __builtin_ctz((unsigned)found);
		}
		p += 16;
	}
#endif
	while (p < end && *p != '"' && (*p | 0x20) != '{' && (*p | 0x20) != '}') {
		p++;
	}
	return p;
}

/* Equal texts have equal prints; cheap, not keyed: never the only barrier against collisions. */
static ALWAYS_INLINE uint32_t bytes_print(const char *p, size_t n)
{
	uint32_t first, last;

	if (n >= 4) {
		memcpy(&first, p, 4);
		memcpy(&last, p + n - 4, 4);
		return first * 0x9e3779b1U ^ last;
	}
	return n ? (uint32_t)(unsigned char)p[0] | (uint32_t)(unsigned char)p[n / 2] << 8 |
			       (uint32_t)(unsigned char)p[n - 1] << 16
		 : 0;
}

#endif
