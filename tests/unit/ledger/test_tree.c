/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "ledger/salt.h"
#include "ledger/tree.h"

enum { LEAVES = 70 };

static uint8_t leaves[LEAVES][SHA256_LEN];

static void make_leaves(void)
{
	for (unsigned i = 0; i < LEAVES; i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "record %u", i);

		ledger_leaf_hash(str_make(text, (size_t)n), leaves[i]);
	}
}

/* MTH as RFC 6962 section 2.1 writes it down, the oracle of this file. */
static void definition(unsigned lo, unsigned n, uint8_t ret[SHA256_LEN])
{
	uint8_t left[SHA256_LEN], right[SHA256_LEN];
	unsigned k = 1;

	if (n == 0) {
		sha256_of(STR(""), ret);
		return;
	}
	if (n == 1) {
		memcpy(ret, leaves[lo], SHA256_LEN);
		return;
	}
	while (2 * k < n) {
		k *= 2;
	}
	definition(lo, k, left);
	definition(lo + k, n - k, right);
	ledger_node_hash(left, right, ret);
}

static bool node(void *ctx, unsigned level, uint64_t index, uint8_t ret[SHA256_LEN])
{
	unsigned *limit = ctx;
	uint64_t end = (index + 1) << level;

	if (level > 6 || end > *limit) {
		return false;
	}
	definition((unsigned)(index << level), 1U << level, ret);
	return true;
}

static void the_empty_tree_and_prefixes_are_those_of_the_rfc(void **state)
{
	static const char hex[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	uint8_t root[SHA256_LEN], want[SHA256_LEN];
	const struct ledger_tree empty = {0};

	(void)state;
	assert_true(hex_read(str_make(hex, 64), want, sizeof(want)));
	ledger_tree_root(&empty, root);
	assert_memory_equal(root, want, SHA256_LEN);
	ledger_leaf_hash(STR("x"), root);
	sha256_of(str_make("\0x", 2), want);
	assert_memory_equal(root, want, SHA256_LEN);
}

/* The roots of the eight test leaves that certificate-transparency implementations share. */
static void published_roots_come_out(void **state)
{
	static const struct str inputs[] = {
		STR_INIT(""),
		STR_INIT("\x00"),
		STR_INIT("\x10"),
		STR_INIT("\x20\x21"),
		STR_INIT("\x30\x31"),
		STR_INIT("\x40\x41\x42\x43"),
		STR_INIT("\x50\x51\x52\x53\x54\x55\x56\x57"),
		STR_INIT("\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"),
	};
	static const char *const roots[] = {
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	struct ledger_tree t = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
		uint8_t leaf[SHA256_LEN], root[SHA256_LEN], want[SHA256_LEN];

		ledger_leaf_hash(inputs[i], leaf);
		ledger_tree_append(&t, leaf);
		ledger_tree_root(&t, root);
		assert_true(hex_read(str_from_c(roots[i]), want, sizeof(want)));
		assert_memory_equal(root, want, SHA256_LEN);
	}
}

static void appending_gives_the_root_of_the_definition_at_every_size(void **state)
{
	struct ledger_tree t = {0};

	(void)state;
	for (unsigned n = 0; n <= LEAVES; n++) {
		uint8_t want[SHA256_LEN], got[SHA256_LEN];

		definition(0, n, want);
		ledger_tree_root(&t, got);
		assert_memory_equal(got, want, SHA256_LEN);
		assert_int_equal(t.n, n);
		if (n < LEAVES) {
			ledger_tree_append(&t, leaves[n]);
		}
	}
}

static void every_leaf_of_every_tree_can_be_proved_and_no_other(void **state)
{
	(void)state;
	for (unsigned size = 1; size <= LEAVES; size++) {
		struct ledger_tree_source src = {node, &size};
		uint8_t root[SHA256_LEN];

		definition(0, size, root);
		for (unsigned i = 0; i < size; i++) {
			struct ledger_proof p;

			assert_int_equal(ledger_prove_inclusion(&src, i, size, &p, NULL), ERR_OK);
			assert_true(ledger_check_inclusion(leaves[i], i, size, &p, root));
			assert_false(ledger_check_inclusion(leaves[(i + 1) % LEAVES], i, size, &p,
							    root));
			if (size > 1) {
				assert_false(ledger_check_inclusion(leaves[i], (i + 1) % size, size,
								    &p, root));
				p.path[p.n - 1][0] ^= 1;
				assert_false(ledger_check_inclusion(leaves[i], i, size, &p, root));
				p.path[p.n - 1][0] ^= 1;
				p.n--;
				assert_false(ledger_check_inclusion(leaves[i], i, size, &p, root));
			}
		}
		assert_int_equal(
			ledger_prove_inclusion(&src, size, size, &(struct ledger_proof){0}, NULL),
			ERR_INVALID);
	}
}

static void every_prefix_is_proved_consistent_and_no_other_root(void **state)
{
	(void)state;
	for (unsigned size = 1; size <= LEAVES; size++) {
		struct ledger_tree_source src = {node, &size};
		uint8_t root[SHA256_LEN], old_root[SHA256_LEN], other[SHA256_LEN];

		definition(0, size, root);
		for (unsigned old = 1; old <= size; old++) {
			struct ledger_proof p;

			definition(0, old, old_root);
			memcpy(other, old_root, SHA256_LEN);
			other[31] ^= 1;
			assert_int_equal(ledger_prove_consistency(&src, old, size, &p, NULL),
					 ERR_OK);
			assert_true(ledger_check_consistency(old, size, &p, old_root, root));
			assert_false(ledger_check_consistency(old, size, &p, other, root));
			if (p.n) {
				p.path[0][5] ^= 4;
				assert_false(
					ledger_check_consistency(old, size, &p, old_root, root));
				p.path[0][5] ^= 4;
				p.n--;
				assert_false(
					ledger_check_consistency(old, size, &p, old_root, root));
			}
		}
	}
}

static void a_proof_needs_every_hash(void **state)
{
	unsigned have = 8;
	struct ledger_tree_source src = {node, &have};
	struct ledger_proof p;

	(void)state;
	assert_int_equal(ledger_prove_inclusion(&src, 3, 20, &p, NULL), ERR_NOT_FOUND);
	assert_int_equal(ledger_prove_consistency(&src, 8, 20, &p, NULL), ERR_NOT_FOUND);
}

static void a_commitment_needs_the_key_the_action_and_the_part(void **state)
{
	const struct ledger_salt_key key = {{1}}, other = {{2}};
	uint8_t a[SHA256_LEN], b[SHA256_LEN], salt[SHA256_LEN];
	struct sha256 h;

	(void)state;
	ledger_commit(&key, STR("g0.1"), LEDGER_ARGUMENTS, STR("{}"), a);
	ledger_commit(&key, STR("g0.1"), LEDGER_ARGUMENTS, STR("{}"), b);
	assert_memory_equal(a, b, SHA256_LEN);
	ledger_commit(&other, STR("g0.1"), LEDGER_ARGUMENTS, STR("{}"), b);
	assert_memory_not_equal(a, b, SHA256_LEN);
	ledger_commit(&key, STR("g0.2"), LEDGER_ARGUMENTS, STR("{}"), b);
	assert_memory_not_equal(a, b, SHA256_LEN);
	ledger_commit(&key, STR("g0.1"), LEDGER_RESULT, STR("{}"), b);
	assert_memory_not_equal(a, b, SHA256_LEN);
	ledger_salt_of(&key, STR("g0.1"), LEDGER_ARGUMENTS, salt);
	sha256_init(&h);
	sha256_update(&h, salt, sizeof(salt));
	sha256_update(&h, "{}", 2);
	sha256_final(&h, b);
	assert_memory_equal(a, b, SHA256_LEN); /* what an auditor does with a shown salt */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_empty_tree_and_prefixes_are_those_of_the_rfc),
		cmocka_unit_test(published_roots_come_out),
		cmocka_unit_test(appending_gives_the_root_of_the_definition_at_every_size),
		cmocka_unit_test(every_leaf_of_every_tree_can_be_proved_and_no_other),
		cmocka_unit_test(every_prefix_is_proved_consistent_and_no_other_root),
		cmocka_unit_test(a_proof_needs_every_hash),
		cmocka_unit_test(a_commitment_needs_the_key_the_action_and_the_part),
	};

	make_leaves();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
