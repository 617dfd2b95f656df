/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken out of JSON, and put back into an answer. */
#include "detect/vault.h"

#include "tests/test.h"

static const struct str arguments[] = {STR_INIT("arguments")};

static void hides(const char *json, const char *want)
{
	struct hash_key seed = {1, 2};
	struct detect_vault v;
	struct buf out, back;

	buf_init(&out, 1 << 16);
	buf_init(&back, 1 << 16);
	detect_vault_init(&v, seed);
	assert_int_equal(detect_vault_hide(&v, str_from_c(json), DETECT_ALL, &out, NULL), ERR_OK);
	assert_str_equal(buf_str(&out), str_from_c(want));
	detect_vault_put_back_json(&v, buf_str(&out), arguments, 1, &back);
	assert_str_equal(buf_str(&back), str_from_c(json));
	detect_vault_done(&v);
	buf_done(&out);
	buf_done(&back);
}

static void same_text_has_the_same_placeholder_and_comes_back(void **state)
{
	(void)state;
	hides("[\"ann@x.org, bob@x.org\",\"ann@x.org\",1.50]",
	      "[\"[email-1], [email-2]\",\"[email-1]\",1.50]");
	hides("{\"ann@x.org\":\"+49 30 1234567 [email\"}", "{\"ann@x.org\":\"[phone-1] [email\"}");
	hides("[\"nothing\"]", "[\"nothing\"]");
}

static void what_looks_like_a_placeholder_gets_its_own(void **state)
{
	(void)state;
	hides("[\"[email-1] ann@x.org [email-2]\"]", "[\"[email-1] [email-2] [email-3]\"]");
	hides("[\"[email-7][card-1][email-7]\"]", "[\"[email-1][card-1][email-1]\"]");
	hides("[\"[email-0] [email-10000] [mail-1]\"]", "[\"[email-0] [email-10000] [mail-1]\"]");
}

static void arguments_of_calls_stay_json(void **state)
{
	(void)state;
	hides("{\"arguments\":\"{\\\"to\\\":\\\"ann@x.org\\\"}\"}",
	      "{\"arguments\":\"{\\\"to\\\":\\\"[email-1]\\\"}\"}");
	hides("{\"arguments\":\"no JSON, ann@x.org\"}", "{\"arguments\":\"no JSON, [email-1]\"}");
}

static void settings_and_encoded_content_stay(void **state)
{
	(void)state;
	hides("{\"seed\":4111111111111111,\"d\":\"4111111111111111\"}",
	      "{\"seed\":4111111111111111,\"d\":\"[card-1]\"}");
	hides("{\"data\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+49301234567/"
	      "AAAA\"}",
	      "{\"data\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+49301234567/"
	      "AAAA\"}");
	hides("{\"data\":\"to ann@x.org\"}", "{\"data\":\"to [email-1]\"}");
}

static void originals_are_escaped_as_deep_as_they_stand(void **state)
{
	struct hash_key seed = {1, 2};
	struct detect_vault v;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	detect_vault_init(&v, seed);
	assert_int_equal(detect_vault_hide(&v,
					   STR("\"-----BEGIN PRIVATE KEY-----\\nMIIBVgIBADANB\\n"
					       "-----END PRIVATE KEY-----\""),
					   DETECT_ALL, &out, NULL),
			 ERR_OK);
	assert_str_equal(buf_str(&out), STR("\"[secret-1]\""));
	buf_clear(&out);
	detect_vault_put_back_json(&v,
				   STR("{\"content\":\"[secret-1]\",\"arguments\":\"{\\\"a\\\":"
				       "\\\"[secret-1]\\\"}\"}"),
				   arguments, 1, &out);
	assert_str_equal(
		buf_str(&out),
		STR("{\"content\":\"-----BEGIN PRIVATE KEY-----\\nMIIBVgIBADANB\\n-----END PRIVATE "
		    "KEY-----\",\"arguments\":\"{\\\"a\\\":\\\"-----BEGIN PRIVATE "
		    "KEY-----\\\\nMIIBVgIBADANB\\\\n-----END PRIVATE KEY-----\\\"}\"}"));
	detect_vault_done(&v);
	buf_done(&out);
}

static void beginning_of_a_placeholder_is_told(void **state)
{
	struct hash_key seed = {1, 2};
	struct detect_vault v;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	detect_vault_init(&v, seed);
	assert_int_equal(detect_vault_begun(&v, STR("x [ema")), 0);
	assert_int_equal(detect_vault_hide(&v, STR("\"ann@x.org\""), DETECT_ALL, &out, NULL),
			 ERR_OK);
	assert_int_equal(detect_vault_begun(&v, STR("x [ema")), 4);
	assert_int_equal(detect_vault_begun(&v, STR("[email-99")), 9);
	assert_int_equal(detect_vault_begun(&v, STR("[email-1]")), 0);
	assert_int_equal(detect_vault_begun(&v, STR("[emu")), 0);
	assert_int_equal(detect_vault_begun(&v, STR("[card-")), 0);
	assert_int_equal(detect_vault_begun(&v, STR("[")), 1);
	assert_int_equal(detect_vault_begun(&v, STR("")), 0);
	detect_vault_done(&v);
	buf_done(&out);
}

static void too_much_is_an_error(void **state)
{
	struct hash_key seed = {1, 2};
	struct detect_vault v;
	struct buf out, many;
	struct err err;

	(void)state;
	buf_init(&out, 16 << 20);
	buf_init(&many, 1 << 20);
	buf_append_c(&many, '"');
	for (int i = 0; i <= DETECT_VAULT_MAX; i++) {
		buf_printf(&many, "a%d@x.org ", i);
	}
	buf_append_c(&many, '"');
	detect_vault_init(&v, seed);
	assert_int_equal(detect_vault_hide(&v, buf_str(&many), DETECT_ALL, &out, &err), ERR_LIMIT);
	detect_vault_done(&v);
	buf_clear(&out);
	buf_done(&many);
	buf_init(&many, 8 << 20);
	buf_append_c(&many, '"');
	while (buf_len(&many) <= DETECT_VAULT_TEXT + 1) {
		buf_append_c(&many, 'x');
	}
	buf_append_c(&many, '"');
	detect_vault_init(&v, seed);
	assert_int_equal(detect_vault_hide(&v, buf_str(&many), DETECT_ALL, &out, &err), ERR_LIMIT);
	detect_vault_done(&v);
	buf_done(&many);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_text_has_the_same_placeholder_and_comes_back),
		cmocka_unit_test(what_looks_like_a_placeholder_gets_its_own),
		cmocka_unit_test(arguments_of_calls_stay_json),
		cmocka_unit_test(settings_and_encoded_content_stay),
		cmocka_unit_test(originals_are_escaped_as_deep_as_they_stand),
		cmocka_unit_test(beginning_of_a_placeholder_is_told),
		cmocka_unit_test(too_much_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
