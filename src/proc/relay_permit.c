/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/relay_permit.h"

#include "crypto/secret.h"

static bool is_good(const struct permits *all, const struct permit *p, struct str where)
{
	uint8_t commitment[SHA256_LEN], mac[SHA256_LEN];

	if (all->key.n != PERMIT_KEY || p->at_us < all->since_us) {
		return false;
	}
	permit_commit(p, commitment);
	permit_mac(all->key, p, where, commitment, mac);
	return secret_equal(mac, p->mac, sizeof(mac));
}

bool relay_permit_take(struct relay_permit *r, struct permits *all, struct str where, bool http2,
		       struct str frame)
{
	if (r->next < r->now.n || !permit_read(&r->now, frame)) {
		return false; /* the one before is not used up */
	}
	r->next = r->now.n;
	if (!is_good(all, &r->now, where) || !permit_window_take(&all->used, r->now.index)) {
		return false;
	}
	if (http2) {
		r->requests++;
		r->bytes += r->now.bytes;
	} else {
		r->next = 0;
	}
	return true;
}

static bool is_next(struct relay_permit *r, struct str bytes)
{
	uint8_t digest[SHA256_LEN];

	sha256_of(bytes, digest);
	return r->next < r->now.n && memcmp(digest, r->now.digests[r->next++], sizeof(digest)) == 0;
}

bool relay_permit_head(struct relay_permit *r, struct str head)
{
	return r->next == 0 && is_next(r, head);
}

bool relay_permit_piece(struct relay_permit *r, struct str piece)
{
	return r->next > 0 && is_next(r, piece);
}

bool relay_permit_count(struct relay_permit *r)
{
	return r->requests && r->requests--;
}
