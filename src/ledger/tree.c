/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree.h"

void ledger_leaf_hash(struct str record, uint8_t ret[SHA256_LEN])
{
	static const uint8_t prefix = 0x00;
	UNSET struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, &prefix, 1);
	sha256_update(&h, record.p, record.n);
	sha256_final(&h, ret);
}

void ledger_node_hash(const uint8_t left[SHA256_LEN], const uint8_t right[SHA256_LEN],
		      uint8_t ret[SHA256_LEN])
{
	uint8_t bytes[1 + 2 * SHA256_LEN];

	bytes[0] = 0x01;
	memcpy(bytes + 1, left, SHA256_LEN);
	memcpy(bytes + 1 + SHA256_LEN, right, SHA256_LEN);
	sha256_of(str_make((const char *)bytes, sizeof(bytes)), ret);
}

void ledger_tree_append(struct ledger_tree *t, const uint8_t leaf[SHA256_LEN])
{
	uint8_t carry[SHA256_LEN];
	unsigned level = 0;

	memcpy(carry, leaf, SHA256_LEN);
	for (; t->n >> level & 1; level++) {
		ledger_node_hash(t->peaks[level], carry, carry);
	}
	memcpy(t->peaks[level], carry, SHA256_LEN);
	t->n++;
}

void ledger_tree_root(const struct ledger_tree *t, uint8_t ret[SHA256_LEN])
{
	bool begun = false;

	if (t->n == 0) {
		sha256_of(STR(""), ret);
		return;
	}
	for (unsigned level = 0; level < LEDGER_TREE_LEVELS; level++) {
		if (!(t->n >> level & 1)) {
			continue;
		}
		if (begun) {
			ledger_node_hash(t->peaks[level], ret, ret);
		} else {
			memcpy(ret, t->peaks[level], SHA256_LEN);
			begun = true;
		}
	}
}

/* The largest power of two below n, as an exponent; n > 1. */
static unsigned split_level(uint64_t n)
{
	return 63U - (unsigned)__builtin_clzll(n - 1);
}

/*
 * MTH of the leaves [lo, lo + n). lo is a multiple of the power of two that
 * covers n, so the complete subtrees inside are those of the bits of n.
 */
static bool range_root(const struct ledger_tree_source *src, uint64_t lo, uint64_t n,
		       uint8_t ret[SHA256_LEN])
{
	uint64_t at = lo + n;
	bool begun = false;

	for (unsigned level = 0; level < LEDGER_TREE_LEVELS; level++) {
		uint8_t node[SHA256_LEN];

		if (!(n >> level & 1)) {
			continue;
		}
		at -= UINT64_C(1) << level;
		if (!src->node(src->ctx, level, at >> level, node)) {
			return false;
		}
		if (begun) {
			ledger_node_hash(node, ret, ret);
		} else {
			memcpy(ret, node, SHA256_LEN);
			begun = true;
		}
	}
	return begun;
}

static enum err_code add_range(struct ledger_proof *p, const struct ledger_tree_source *src,
			       uint64_t lo, uint64_t n, struct err *err)
{
	ASSERT(p->n < LEDGER_PROOF_MAX);
	if (!range_root(src, lo, n, p->path[p->n])) {
		return ERR(err, ERR_NOT_FOUND, "no hash for the records from %llu",
			   (unsigned long long)lo);
	}
	p->n++;
	return ERR_OK;
}

/* Proofs are found from the root down and are written from the leaf up. */
static void reverse(struct ledger_proof *p)
{
	for (unsigned i = 0; i < p->n / 2; i++) {
		uint8_t t[SHA256_LEN];

		memcpy(t, p->path[i], SHA256_LEN);
		memcpy(p->path[i], p->path[p->n - 1 - i], SHA256_LEN);
		memcpy(p->path[p->n - 1 - i], t, SHA256_LEN);
	}
}

enum err_code ledger_prove_inclusion(const struct ledger_tree_source *src, uint64_t index,
				     uint64_t size, struct ledger_proof *ret, struct err *err)
{
	uint64_t lo = 0, n = size;
	struct ledger_proof p = {0};

	if (index >= size) {
		return ERR(err, ERR_INVALID, "record %llu is not among the first %llu",
			   (unsigned long long)index, (unsigned long long)size);
	}
	while (n > 1) {
		uint64_t k = UINT64_C(1) << split_level(n);

		if (index - lo < k) {
			TRY(add_range(&p, src, lo + k, n - k, err));
			n = k;
		} else {
			TRY(add_range(&p, src, lo, k, err));
			lo += k;
			n -= k;
		}
	}
	reverse(&p);
	*ret = p;
	return ERR_OK;
}

enum err_code ledger_prove_consistency(const struct ledger_tree_source *src, uint64_t old,
				       uint64_t size, struct ledger_proof *ret, struct err *err)
{
	uint64_t lo = 0, n = size, m = old;
	struct ledger_proof p = {0};
	bool whole = true; /* the verifier knows the root of the old tree itself */

	if (old == 0 || old > size) {
		return ERR(err, ERR_INVALID, "no proof from %llu to %llu records",
			   (unsigned long long)old, (unsigned long long)size);
	}
	while (m < n) {
		uint64_t k = UINT64_C(1) << split_level(n);

		if (m <= k) {
			TRY(add_range(&p, src, lo + k, n - k, err));
			n = k;
		} else {
			TRY(add_range(&p, src, lo, k, err));
			lo += k;
			m -= k;
			n -= k;
			whole = false;
		}
	}
	if (!whole) {
		TRY(add_range(&p, src, lo, n, err));
	}
	reverse(&p);
	*ret = p;
	return ERR_OK;
}

/* RFC 9162 section 2.1.3.2. */
bool ledger_check_inclusion(const uint8_t leaf[SHA256_LEN], uint64_t index, uint64_t size,
			    const struct ledger_proof *proof, const uint8_t root[SHA256_LEN])
{
	uint64_t fn = index, sn = size - 1;
	uint8_t r[SHA256_LEN];

	if (index >= size || proof->n > LEDGER_PROOF_MAX) {
		return false;
	}
	memcpy(r, leaf, SHA256_LEN);
	for (unsigned i = 0; i < proof->n; i++) {
		if (sn == 0) {
			return false;
		}
		if ((fn & 1) || fn == sn) {
			ledger_node_hash(proof->path[i], r, r);
			while (!(fn & 1) && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			ledger_node_hash(r, proof->path[i], r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(r, root, SHA256_LEN) == 0;
}

/* RFC 9162 section 2.1.4.2. */
bool ledger_check_consistency(uint64_t old, uint64_t size, const struct ledger_proof *proof,
			      const uint8_t old_root[SHA256_LEN], const uint8_t root[SHA256_LEN])
{
	uint64_t fn = old - 1, sn = size - 1;
	uint8_t fr[SHA256_LEN], sr[SHA256_LEN];
	unsigned i = 0;

	if (old == 0 || old > size || proof->n > LEDGER_PROOF_MAX) {
		return false;
	}
	if (old == size) {
		return proof->n == 0 && memcmp(old_root, root, SHA256_LEN) == 0;
	}
	if ((old & (old - 1)) == 0) {
		memcpy(fr, old_root, SHA256_LEN);
	} else {
		if (proof->n == 0) {
			return false;
		}
		memcpy(fr, proof->path[i++], SHA256_LEN);
	}
	memcpy(sr, fr, SHA256_LEN);
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	for (; i < proof->n; i++) {
		const uint8_t *c = proof->path[i];

		if (sn == 0) {
			return false;
		}
		if ((fn & 1) || fn == sn) {
			ledger_node_hash(c, fr, fr);
			ledger_node_hash(c, sr, sr);
			while (!(fn & 1) && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			ledger_node_hash(sr, c, sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(fr, old_root, SHA256_LEN) == 0 &&
	       memcmp(sr, root, SHA256_LEN) == 0;
}
