/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/box.h"

#include "crypto/secret.h"

#include <sodium.h>

enum { NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES };

_Static_assert(BOX_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the length of a key");
_Static_assert(BOX_OVERHEAD == NONCE + crypto_aead_xchacha20poly1305_ietf_ABYTES,
	       "what a box adds");

void box_seal(const uint8_t key[BOX_KEY_LEN], struct str bound, struct str plain, struct buf *to)
{
	unsigned char *p = (unsigned char *)buf_reserve(to, plain.n + BOX_OVERHEAD);

	if (!p) {
		return;
	}
	rand_bytes(p, NONCE);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
		p + NONCE, NULL, (const unsigned char *)plain.p, plain.n,
		(const unsigned char *)bound.p, bound.n, NULL, p, key);
	buf_commit(to, plain.n + BOX_OVERHEAD);
}

enum err_code box_open(const uint8_t key[BOX_KEY_LEN], struct str bound, struct str box,
		       struct buf *to, struct err *err)
{
	const unsigned char *p = (const unsigned char *)box.p;
	unsigned char *out;

	if (box.n < BOX_OVERHEAD) {
		return ERR(err, ERR_CORRUPT, "the sealed bytes are cut");
	}
	out = (unsigned char *)buf_reserve(to, box.n - BOX_OVERHEAD + 1);
	if (!out) {
		return ERR(err, ERR_NOMEM, "no memory to open what is sealed");
	}
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, p + NONCE, box.n - NONCE,
						       (const unsigned char *)bound.p, bound.n, p,
						       key) != 0) {
		return ERR(err, ERR_CORRUPT,
			   "what is sealed was changed, or is for something else, or under "
			   "another key");
	}
	buf_commit(to, box.n - BOX_OVERHEAD);
	return ERR_OK;
}
