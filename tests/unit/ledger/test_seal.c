/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "ledger/seal.h"

/* The example keys of golang.org/x/mod/sumdb/note, whose format signed-note is. */
#define EXAMPLE_SIGNER                                                                             \
	"PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define EXAMPLE_VERIFIER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

static void sign(const struct ledger_signer *s, uint64_t size, struct buf *to)
{
	struct ledger_checkpoint c = {.size = size};

	memset(c.root, 0x5a, sizeof(c.root));
	ledger_checkpoint_sign(s, &c, to);
	assert_false(to->failed);
}

static void published_keys_are_read_and_written(void **state)
{
	struct ledger_signer s;
	struct ledger_verifier v;
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	assert_int_equal(ledger_signer_parse(STR(EXAMPLE_SIGNER "\n"), &s, NULL), ERR_OK);
	assert_int_equal(ledger_verifier_parse(STR(EXAMPLE_VERIFIER), &v, NULL), ERR_OK);
	assert_memory_equal(s.verifier.public, v.public, sizeof(v.public));
	assert_memory_equal(s.verifier.id, v.id, sizeof(v.id));
	ledger_verifier_append(&s.verifier, &b);
	assert_str_equal(buf_str(&b), STR(EXAMPLE_VERIFIER));
	buf_clear(&b);
	ledger_signer_append(&s, &b);
	assert_str_equal(buf_str(&b), STR(EXAMPLE_SIGNER));
	buf_done(&b);
	ledger_signer_done(&s);
}

static void a_signed_note_of_another_implementation_verifies(void **state)
{
	static const char text[] = "If you think cryptography is the answer to your problem,\n"
				   "then you don't know what your problem is.\n";
	static const char signature[] =
		"x08go/ZJkuBS9UG/"
		"SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
	struct ledger_verifier v;
	struct arena a;
	struct str blob;

	(void)state;
	arena_init(&a, 4096);
	assert_int_equal(ledger_verifier_parse(STR(EXAMPLE_VERIFIER), &v, NULL), ERR_OK);
	assert_true(base64_decode(&a, str_from_c(signature), &blob));
	assert_int_equal(blob.n, LEDGER_KEY_ID_LEN + SIGN_LEN);
	assert_memory_equal(blob.p, v.id, LEDGER_KEY_ID_LEN);
	assert_true(sign_verify(v.public, str_from_c(text),
				(const uint8_t *)blob.p + LEDGER_KEY_ID_LEN));
	arena_done(&a);
}

static void malformed_keys_are_refused(void **state)
{
	static const char *const keys[] = {
		"",
		"x",
		"PeterNeumann+c74f20a3+",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+AhPc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		EXAMPLE_SIGNER,
	};
	struct ledger_verifier v;
	struct ledger_signer s;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		assert_int_not_equal(ledger_verifier_parse(str_from_c(keys[i]), &v, NULL), ERR_OK);
	}
	assert_int_equal(
		ledger_signer_parse(STR("PRIVATE+KEY+secretname+00000000+AYEKFALVFGy"), &s, &err),
		ERR_SYNTAX);
	assert_null(strstr(err.msg, "AYEK")); /* an error never shows a key */
	assert_int_not_equal(ledger_signer_init(&s, STR("a name"), NULL), ERR_OK);
}

static void a_signed_checkpoint_opens_with_its_key(void **state)
{
	struct ledger_signer s;
	struct ledger_checkpoint c;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(ledger_signer_init(&s, STR("example.org/writ"), NULL), ERR_OK);
	sign(&s, 18446744073709551615ULL, &b);
	assert_true(
		str_starts_with(buf_str(&b), STR("example.org/writ\n18446744073709551615\n"
						 "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n"
						 "\n\xe2\x80\x94 example.org/writ ")));
	assert_int_equal(ledger_checkpoint_open(buf_str(&b), &s.verifier, &c, NULL), ERR_OK);
	assert_true(c.size == UINT64_MAX);
	assert_int_equal(c.root[0], 0x5a);
	assert_int_equal(ledger_checkpoint_open(buf_str(&b), NULL, &c, NULL), ERR_OK);
	buf_done(&b);
	ledger_signer_done(&s);
}

static void no_bit_of_a_checkpoint_can_change(void **state)
{
	struct ledger_signer s;
	struct ledger_checkpoint c;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(ledger_signer_init(&s, STR("example.org/writ"), NULL), ERR_OK);
	sign(&s, 1234, &b);
	for (size_t bit = 0; bit < buf_len(&b) * 8; bit++) {
		b.p[bit / 8] = (char)(b.p[bit / 8] ^ (1 << bit % 8));
		assert_int_not_equal(ledger_checkpoint_open(buf_str(&b), &s.verifier, &c, NULL),
				     ERR_OK);
		b.p[bit / 8] = (char)(b.p[bit / 8] ^ (1 << bit % 8));
	}
	for (size_t n = 0; n < buf_len(&b); n++) {
		assert_int_not_equal(
			ledger_checkpoint_open(str_make(b.p, n), &s.verifier, &c, NULL), ERR_OK);
	}
	buf_done(&b);
	ledger_signer_done(&s);
}

static void another_key_or_name_does_not_open_it(void **state)
{
	struct ledger_signer a, same_name, other;
	struct ledger_checkpoint c;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(ledger_signer_init(&a, STR("log"), NULL), ERR_OK);
	assert_int_equal(ledger_signer_init(&same_name, STR("log"), NULL), ERR_OK);
	assert_int_equal(ledger_signer_init(&other, STR("log2"), NULL), ERR_OK);
	sign(&a, 7, &b);
	assert_int_equal(ledger_checkpoint_open(buf_str(&b), &same_name.verifier, &c, NULL),
			 ERR_DENIED);
	assert_int_equal(ledger_checkpoint_open(buf_str(&b), &other.verifier, &c, NULL),
			 ERR_DENIED);
	buf_done(&b);
	ledger_signer_done(&a);
	ledger_signer_done(&same_name);
	ledger_signer_done(&other);
}

static void a_witness_may_sign_beside(void **state)
{
	struct ledger_signer s;
	struct ledger_checkpoint c;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(ledger_signer_init(&s, STR("log"), NULL), ERR_OK);
	sign(&s, 7, &b);
	buf_append(&b, STR("\xe2\x80\x94 witness.example AAAAAAAAAAAA\n"));
	assert_int_equal(ledger_checkpoint_open(buf_str(&b), &s.verifier, &c, NULL), ERR_OK);
	buf_append(&b, STR("no signature\n"));
	assert_int_equal(ledger_checkpoint_open(buf_str(&b), &s.verifier, &c, NULL), ERR_SYNTAX);
	buf_done(&b);
	ledger_signer_done(&s);
}

static void notes_are_cut_apart_and_a_torn_one_is_left_over(void **state)
{
	struct str rest =
		STR("log\n1\nroot\n\nsig a\n\nlog\n2\nroot\n\nsig b\nsig c\n\nlog\n3\nro");
	struct str note;

	(void)state;
	assert_true(ledger_note_cut(&rest, &note));
	assert_str_equal(note, STR("log\n1\nroot\n\nsig a\n"));
	assert_true(ledger_note_cut(&rest, &note));
	assert_str_equal(note, STR("log\n2\nroot\n\nsig b\nsig c\n"));
	assert_false(ledger_note_cut(&rest, &note));
	assert_str_equal(note, STR("log\n3\nro"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_keys_are_read_and_written),
		cmocka_unit_test(a_signed_note_of_another_implementation_verifies),
		cmocka_unit_test(malformed_keys_are_refused),
		cmocka_unit_test(a_signed_checkpoint_opens_with_its_key),
		cmocka_unit_test(no_bit_of_a_checkpoint_can_change),
		cmocka_unit_test(another_key_or_name_does_not_open_it),
		cmocka_unit_test(a_witness_may_sign_beside),
		cmocka_unit_test(notes_are_cut_apart_and_a_torn_one_is_left_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
