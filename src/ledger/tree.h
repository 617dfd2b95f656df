/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Merkle tree of RFC 6962 section 2.1: leaf hash SHA-256(0x00 || record),
 * node hash SHA-256(0x01 || left || right), the empty tree SHA-256(""). Pure.
 *
 * The tree is kept as its compact range: the roots of the complete subtrees
 * that make up the first n leaves, one for each bit of n. Appending costs one
 * node hash on average; the root costs at most 63.
 */
#ifndef LEDGER_TREE_H
#define LEDGER_TREE_H

#include "base/err.h"
#include "crypto/sha256.h"

enum { LEDGER_TREE_LEVELS = 64, LEDGER_PROOF_MAX = 128 };

/* All zeros is the empty tree. peaks[i] means something while bit i of n is set. */
struct ledger_tree {
	uint64_t n;
	uint8_t peaks[LEDGER_TREE_LEVELS][SHA256_LEN];
};

void ledger_leaf_hash(struct str record, uint8_t ret[SHA256_LEN]);
void ledger_node_hash(const uint8_t left[SHA256_LEN], const uint8_t right[SHA256_LEN],
		      uint8_t ret[SHA256_LEN]);

void ledger_tree_append(struct ledger_tree *t, const uint8_t leaf[SHA256_LEN]);
void ledger_tree_root(const struct ledger_tree *t, uint8_t ret[SHA256_LEN]);

/*
 * Where a prover gets hashes: the root of the complete subtree of 2^level leaves that begins at
 * leaf index * 2^level. False when it does not have it.
 */
struct ledger_tree_source {
	bool (*node)(void *ctx, unsigned level, uint64_t index, uint8_t ret[SHA256_LEN]);
	void *ctx;
};

struct ledger_proof {
	unsigned n;
	uint8_t path[LEDGER_PROOF_MAX][SHA256_LEN];
};

/* PATH(index, D[size]) of section 2.1.1; index < size. ERR_NOT_FOUND when the source lacks a hash.
 */
enum err_code ledger_prove_inclusion(const struct ledger_tree_source *src, uint64_t index,
				     uint64_t size, struct ledger_proof *ret,
				     struct err *err) MUST_USE;

/* PROOF(old, D[size]) of section 2.1.2; 0 < old <= size. */
enum err_code ledger_prove_consistency(const struct ledger_tree_source *src, uint64_t old,
				       uint64_t size, struct ledger_proof *ret,
				       struct err *err) MUST_USE;

/* The leaf is number `index` of the tree of `size` leaves with this root. */
bool ledger_check_inclusion(const uint8_t leaf[SHA256_LEN], uint64_t index, uint64_t size,
			    const struct ledger_proof *proof,
			    const uint8_t root[SHA256_LEN]) MUST_USE;

/* The tree of `old` leaves with old_root is a prefix of the tree of `size` leaves with root. */
bool ledger_check_consistency(uint64_t old, uint64_t size, const struct ledger_proof *proof,
			      const uint8_t old_root[SHA256_LEN],
			      const uint8_t root[SHA256_LEN]) MUST_USE;

#endif
