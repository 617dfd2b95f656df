/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ledger/canon.h"
#include "ledger/record.h"

static struct ledger_decision full_decision(void)
{
	static const struct str policies[] = {STR_INIT("allow-reads"), STR_INIT("office hours")};
	static const struct str also[] = {STR_INIT("Writ::Tool::\"fs.stat\"")};
	static const struct str labels[] = {STR_INIT("untrusted")};
	static const struct str logged[] = {STR_INIT("trial")};
	struct ledger_decision d = {
		.action_id = STR("g0.5e1f.7"),
		.action = STR("Writ::Action::\"fs.read_file\""),
		.principal = STR("Writ::Agent::\"ann\""),
		.resource = STR("Writ::Tool::\"fs.read_file\""),
		.also = {also, ARRAY_LEN(also)},
		.session = STR("s-1"),
		.node = STR("node-1"),
		.decision = LEDGER_ALLOW,
		.policies = {policies, ARRAY_LEN(policies)},
		.labels = {labels, ARRAY_LEN(labels)},
		.logged = {logged, ARRAY_LEN(logged)},
		.reason = STR("ok"),
		.program = STR("/usr/bin/node"),
		.arguments_bytes = 12,
		.prompt_bytes = 34,
		.time_us = 1795425356123456,
	};

	memset(d.policy_set, 0xab, sizeof(d.policy_set));
	memset(d.program_digest, 0x01, sizeof(d.program_digest));
	memset(d.arguments, 0x01, sizeof(d.arguments));
	memset(d.prompt, 0xab, sizeof(d.prompt));
	return d;
}

static struct str encode(struct buf *b, const struct ledger_entry *e)
{
	buf_init(b, LEDGER_ENTRY_MAX * 8);
	assert_int_equal(ledger_entry_encode(e, b, NULL), ERR_OK);
	return buf_str(b);
}

static enum err_code decode(struct str s, struct arena *a, struct ledger_entry *ret)
{
	arena_init(a, 1 << 20);
	return ledger_entry_decode(s, a, ret, NULL);
}

#define HEX_AB "abababababababababababababababababababababababababababababababab"
#define HEX_01 "0101010101010101010101010101010101010101010101010101010101010101"

static void a_decision_has_exactly_these_bytes(void **state)
{
	struct ledger_decision d = full_decision();
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_OK);
	assert_str_equal(
		buf_str(&b),
		STR("{\"action\":\"Writ::Action::\\\"fs.read_file\\\"\",\"action_id\":\"g0.5e1f."
		    "7\","
		    "\"also\":[\"Writ::Tool::\\\"fs.stat\\\"\"],"
		    "\"arguments\":\"" HEX_01 "\",\"arguments_bytes\":12,\"decision\":\"allow\","
		    "\"kind\":\"decision\",\"labels\":[\"untrusted\"],\"logged\":[\"trial\"],"
		    "\"node\":\"node-1\","
		    "\"policies\":[\"allow-reads\",\"office hours\"],\"policy_set\":\"" HEX_AB "\","
		    "\"principal\":\"Writ::Agent::\\\"ann\\\"\","
		    "\"program\":\"/usr/bin/node\",\"program_digest\":\"" HEX_01 "\","
		    "\"prompt\":\"" HEX_AB "\",\"prompt_bytes\":34,"
		    "\"reason\":\"ok\","
		    "\"resource\":\"Writ::Tool::\\\"fs.read_file\\\"\",\"session\":\"s-1\","
		    "\"time\":1795425356123456}"));
	buf_done(&b);
}

static void an_outcome_has_exactly_these_bytes(void **state)
{
	struct ledger_outcome o = {.action_id = STR("g0.1"),
				   .session = STR("s"),
				   .status = LEDGER_TOOL_ERROR,
				   .code = 200,
				   .result_bytes = 3,
				   .peer = STR("192.0.2.1:443"),
				   .sent_bytes = 4,
				   .decide_ns = 900,
				   .upstream_ns = 12000,
				   .total_ns = 15000,
				   .attempt = 2,
				   .deployment = STR("here/llama"),
				   .reserved_tokens = 500,
				   .reserved_cost = 70,
				   .tokens_in = 11,
				   .tokens_out = 5,
				   .tokens_cached = 8,
				   .cost = 6,
				   .time_us = 1};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(ledger_outcome_encode(&o, &b, NULL), ERR_OK);
	assert_str_equal(buf_str(&b),
			 STR("{\"action_id\":\"g0.1\",\"attempt\":2,\"code\":200,\"cost\":6,"
			     "\"decide_ns\":900,\"deployment\":\"here/llama\","
			     "\"kind\":\"outcome\",\"peer\":\"192.0.2.1:443\",\"reserved_cost\":70,"
			     "\"reserved_tokens\":500,\"result_bytes\":3,"
			     "\"sent_bytes\":4,\"session\":\"s\","
			     "\"status\":\"tool_error\",\"time\":1,\"tokens_cached\":8,"
			     "\"tokens_in\":11,\"tokens_out\":5,\"total_ns\":15000,"
			     "\"upstream_ns\":12000}"));
	buf_done(&b);
}

static void an_event_has_exactly_these_bytes(void **state)
{
	struct ledger_event e = {.event = LEDGER_ROLE_DIED, .subject = STR("gate.0"), .number = 9};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(ledger_event_encode(&e, &b, NULL), ERR_OK);
	assert_str_equal(buf_str(&b),
			 STR("{\"event\":\"role_died\",\"kind\":\"event\",\"number\":9,"
			     "\"subject\":\"gate.0\",\"time\":0}"));
	buf_done(&b);
}

static void what_was_encoded_decodes_to_the_same(void **state)
{
	struct ledger_entry e = {.kind = LEDGER_DECISION, .u.decision = full_decision()}, back;
	struct arena a;
	struct buf b, again;

	(void)state;
	assert_int_equal(decode(encode(&b, &e), &a, &back), ERR_OK);
	assert_int_equal(back.kind, LEDGER_DECISION);
	assert_str_equal(back.u.decision.action, e.u.decision.action);
	assert_str_equal(back.u.decision.session, e.u.decision.session);
	assert_int_equal(back.u.decision.policies.n, 2);
	assert_str_equal(back.u.decision.policies.items[1], STR("office hours"));
	assert_int_equal(back.u.decision.errors.n, 0);
	assert_int_equal(back.u.decision.time_us, e.u.decision.time_us);
	assert_memory_equal(back.u.decision.policy_set, e.u.decision.policy_set, SHA256_LEN);
	assert_str_equal(encode(&again, &back), buf_str(&b));
	buf_done(&b);
	buf_done(&again);
	arena_done(&a);
}

/* Every character RFC 8785 section 3.2.2.2 speaks of, at every alignment. */
static void every_string_survives_in_its_one_form(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 0; at < 18; at++) {
			char text[18], encoded[CANON_STRING_MAX(sizeof(text))];
			struct str s = str_make(text, sizeof(text));
			struct canon_in in = {.p = encoded};
			struct arena a;
			char *end;

			memset(text, 'a', sizeof(text));
			text[at] = (char)c;
			end = canon_put_string(encoded, s);
			if (c >= 0x80) {
				assert_null(end); /* alone it is not UTF-8 */
				continue;
			}
			assert_non_null(end);
			in.n = (size_t)(end - encoded);
			assert_int_equal(
				in.n, 20 + (c < 0x20 ? (strchr("\b\t\n\f\r", (int)c) && c ? 1 : 5)
						     : c == '"' || c == '\\'));
			arena_init(&a, 4096);
			assert_str_equal(canon_get_string(&in, &a), s);
			assert_false(in.bad);
			assert_int_equal(in.at, in.n);
			arena_done(&a);
		}
	}
}

static void other_forms_of_a_string_are_refused(void **state)
{
	static const struct str forms[] = {
		STR_INIT("\"\\u0041\""),
		STR_INIT("\"\\/\""),
		STR_INIT("\"\\u000A\""),
		STR_INIT("\"\\u000a\""),
		STR_INIT("\"\\u001F\""),
		STR_INIT("\"\\u00e9\""),
		STR_INIT("\"\\u0022\""),
		STR_INIT("\"\\u002\""),
		STR_INIT("\"\\x\""),
		STR_INIT("\"\\"),
		STR_INIT("\"\\\""),
		STR_INIT("\"abc"),
		STR_INIT("abc\""),
		STR_INIT("\""),
		STR_INIT(""),
		STR_INIT("\"\n\""),
		STR_INIT("\"\xc3\""),
		STR_INIT("\"\xed\xa0\x80\""),
		STR_INIT("\"\xc0\x80\""),
		STR_INIT("\"\\b\x01\""),
		STR_INIT("\"\\\0\""),
		STR_INIT("\"\xf4\x90\x80\x80\""),
		STR_INIT("\"\\t\xff\""),
		STR_INIT("\"\\ud83d\\ude00\""),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct canon_in in = {.p = forms[i].p, .n = forms[i].n};
		struct arena a;

		arena_init(&a, 4096);
		(void)canon_get_string(&in, &a);
		if (!in.bad) {
			print_error("form %zu was taken\n", i);
		}
		assert_true(in.bad);
		arena_done(&a);
	}
}

static void numbers_have_one_form_up_to_2_to_the_53(void **state)
{
	static const struct {
		struct str text;
		bool ok;
		uint64_t value;
	} cases[] = {
		{STR_INIT("0"), true, 0},
		{STR_INIT("10"), true, 10},
		{STR_INIT("9007199254740991"), true, CANON_INT_MAX},
		{STR_INIT("9007199254740992"), false, 0},
		{STR_INIT("99999999999999999999999999"), false, 0},
		{STR_INIT("00"), false, 0},
		{STR_INIT("01"), false, 0},
		{STR_INIT("-1"), false, 0},
		{STR_INIT(""), false, 0},
		{STR_INIT("x"), false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct canon_in in = {.p = cases[i].text.p, .n = cases[i].text.n};
		uint64_t v = canon_get_u64(&in);

		assert_int_equal(in.bad, !cases[i].ok);
		assert_int_equal(v, cases[i].value);
	}
}

static void an_entry_without_a_required_member_is_refused_and_leaves_nothing(void **state)
{
	struct ledger_decision d = full_decision();
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	buf_append(&b, STR("before"));
	d.session = STR("");
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_INVALID);
	d = full_decision();
	d.resource = STR("\xff");
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_INVALID);
	d = full_decision();
	d.time_us = UINT64_MAX;
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_LIMIT);
	assert_str_equal(buf_str(&b), STR("before"));
	assert_false(b.failed);
	buf_done(&b);
}

static void what_is_too_long_is_refused(void **state)
{
	static char text[LEDGER_TEXT_MAX + 1];
	struct str items[LEDGER_TEXTS_MAX + 1];
	struct ledger_decision d = full_decision();
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof(text));
	buf_init(&b, LEDGER_ENTRY_MAX * 20);
	d.principal = str_make(text, sizeof(text));
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_LIMIT);
	d = full_decision();
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		items[i] = STR("p");
	}
	d.policies = (struct ledger_texts){items, ARRAY_LEN(items)};
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_LIMIT);
	d.policies.n = LEDGER_TEXTS_MAX;
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_OK);
	for (size_t i = 0; i < LEDGER_TEXTS_MAX; i++) {
		items[i] = str_make(text, 1024);
	}
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_LIMIT);
	buf_done(&b);
	buf_init(&b, 64); /* the caller's own limit */
	d = full_decision();
	assert_int_equal(ledger_decision_encode(&d, &b, NULL), ERR_LIMIT);
	assert_int_equal(buf_len(&b), 0);
	buf_done(&b);
}

#define EMPTY_LIST                                                                                 \
	"{\"action_id\":\"a\",\"findings\":[],\"kind\":\"outcome\",\"session\":\"s\","             \
	"\"status\":\"ok\",\"time\":0}"
#define UPPER_CASE                                                                                 \
	"{\"event\":\"clock\",\"kind\":\"event\",\"policy_set\":\""                                \
	"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB\",\"time\":0}"

static void entries_in_any_other_form_are_refused(void **state)
{
	static const char *const forms[] = {
		"",
		"{}",
		"null",
		"[]",
		"{\"kind\":\"event\"}",
		"{\"kind\":\"event\",\"event\":\"clock\",\"time\":0}",  /* order */
		"{\"event\":\"clock\",\"kind\":\"event\",\"time\":0} ", /* space */
		"{\"event\":\"clock\", \"kind\":\"event\",\"time\":0}",
		"{\"event\":\"clock\",\"kind\":\"event\",\"time\":0", /* cut */
		"{\"event\":\"clock\",\"kind\":\"event\",\"time\":0}}",
		"{\"event\":\"clock\",\"kind\":\"event\",\"time\":-1}",
		"{\"event\":\"clock\",\"kind\":\"event\",\"time\":1.0}",
		"{\"event\":\"clock\",\"kind\":\"event\",\"time\":1e3}",
		"{\"event\":\"cloc\",\"kind\":\"event\",\"time\":0}", /* unknown word */
		"{\"event\":\"clock\",\"kind\":\"nothing\",\"time\":0}",
		"{\"event\":\"clock\",\"kind\":\"event\",\"time\":0,\"x\":1}", /* unknown member */
		"{\"event\":\"clock\",\"event\":\"clock\",\"kind\":\"event\",\"time\":0}",
		"{\"event\":\"clock\",\"kind\":\"event\",\"number\":0,\"time\":0}", /* to be left
										       out */
		"{\"event\":\"clock\",\"kind\":\"event\",\"subject\":\"\",\"time\":0}",
		EMPTY_LIST,
		UPPER_CASE,
		"{\"kind\":\"salt\",\"session\":\"s\"}",
		"{\"key\":\"" HEX_AB "\",\"kind\":\"salt\",\"session\":\"a b\"}",
		"{\"key\":\"" HEX_AB "\",\"kind\":\"salt\",\"session\":\"a\\nb\"}",
	};
	struct ledger_entry e;
	struct arena a;

	(void)state;
	assert_int_equal(decode(STR("{\"event\":\"clock\",\"kind\":\"event\",\"time\":0}"), &a, &e),
			 ERR_OK);
	arena_done(&a);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (decode(str_from_c(forms[i]), &a, &e) == ERR_OK) {
			fail_msg("taken: %s", forms[i]);
		}
		arena_done(&a);
	}
}

/* One bit of a valid entry: either it is refused or it means something else, with its own bytes. */
static void no_two_byte_strings_mean_the_same_entry(void **state)
{
	struct ledger_entry e = {.kind = LEDGER_DECISION, .u.decision = full_decision()}, back;
	struct buf b, again;
	struct str good = encode(&b, &e);
	char *bytes = malloc(good.n);
	size_t taken = 0;

	(void)state;
	assert_non_null(bytes);
	for (size_t bit = 0; bit < good.n * 8; bit++) {
		struct arena a;

		memcpy(bytes, good.p, good.n);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
		if (decode(str_make(bytes, good.n), &a, &back) == ERR_OK) {
			taken++;
			assert_str_equal(encode(&again, &back), str_make(bytes, good.n));
			buf_done(&again);
		}
		arena_done(&a);
	}
	assert_true(taken > 0);
	for (size_t n = 0; n < good.n; n++) {
		struct arena a;

		assert_int_not_equal(decode(str_make(good.p, n), &a, &back), ERR_OK);
		arena_done(&a);
	}
	free(bytes);
	buf_done(&b);
}

static void a_record_splits_into_what_it_was_made_of(void **state)
{
	struct ledger_record r = {.entry = STR("{\"a\":\",\\\"from\\\":\\\"x\\\"\"}"),
				  .from = STR("gate.12"),
				  .index = 42,
				  .time_us = 1795425356123456},
			     back;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	ledger_record_encode(&r, &b);
	assert_str_equal(buf_str(&b),
			 STR("{\"entry\":{\"a\":\",\\\"from\\\":\\\"x\\\"\"},\"from\":\"gate.12\","
			     "\"index\":42,\"time\":1795425356123456}"));
	assert_int_equal(ledger_record_decode(buf_str(&b), &back, NULL), ERR_OK);
	assert_str_equal(back.entry, r.entry);
	assert_str_equal(back.from, r.from);
	assert_int_equal(back.index, 42);
	assert_int_equal(back.time_us, r.time_us);
	for (size_t n = 0; n < buf_len(&b); n++) {
		assert_int_not_equal(ledger_record_decode(str_make(buf_str(&b).p, n), &back, NULL),
				     ERR_OK);
	}
	buf_done(&b);
}

#define LONG_SENDER                                                                                \
	"{\"entry\":{},\"from\":\"gate.9999999999999999999999999999\",\"index\":1,\"time\":1}"

static void malformed_records_are_refused(void **state)
{
	static const char *const forms[] = {
		"{\"entry\":{},\"from\":\"gate.0\",\"index\":01,\"time\":1}",
		"{\"entry\":{},\"from\":\"gate.0\",\"index\":1,\"time\":}",
		"{\"entry\":{},\"from\":\"gate.0\",\"index\":1,\"time\":99999999999999999999}",
		"{\"entry\":{},\"from\":\"\",\"index\":1,\"time\":1}",
		"{\"entry\":{},\"from\":\"Gate\",\"index\":1,\"time\":1}",
		LONG_SENDER,
		"{\"entry\":\"from\":\"gate.0\",\"index\":1,\"time\":1}",
		"{\"entry\":{},\"from\":\"gate.0\",\"time\":1,\"index\":1}",
		"{\"entry\":{},\"from\":\"gate.0\",\"index\":1,\"time\":1} ",
		"{\"entry\"1}",
	};
	struct ledger_record r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (ledger_record_decode(str_from_c(forms[i]), &r, NULL) == ERR_OK) {
			fail_msg("taken: %s", forms[i]);
		}
	}
}

static void every_value_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < LEDGER_STATUS_MAX; i++) {
		assert_string_not_equal(ledger_status_name((enum ledger_status)i), "?");
	}
	for (int i = LEDGER_NO_EVENT + 1; i < LEDGER_EVENT_MAX; i++) {
		assert_string_not_equal(ledger_event_text((enum ledger_event_name)i), "?");
		for (int j = LEDGER_NO_EVENT + 1; j < i; j++) {
			assert_string_not_equal(ledger_event_text((enum ledger_event_name)i),
						ledger_event_text((enum ledger_event_name)j));
		}
	}
	assert_string_equal(ledger_verdict_name(LEDGER_DENY), "deny");
	assert_string_equal(ledger_kind_name(LEDGER_KIND_MAX), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_decision_has_exactly_these_bytes),
		cmocka_unit_test(an_outcome_has_exactly_these_bytes),
		cmocka_unit_test(an_event_has_exactly_these_bytes),
		cmocka_unit_test(what_was_encoded_decodes_to_the_same),
		cmocka_unit_test(every_string_survives_in_its_one_form),
		cmocka_unit_test(other_forms_of_a_string_are_refused),
		cmocka_unit_test(numbers_have_one_form_up_to_2_to_the_53),
		cmocka_unit_test(an_entry_without_a_required_member_is_refused_and_leaves_nothing),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(entries_in_any_other_form_are_refused),
		cmocka_unit_test(no_two_byte_strings_mean_the_same_entry),
		cmocka_unit_test(a_record_splits_into_what_it_was_made_of),
		cmocka_unit_test(malformed_records_are_refused),
		cmocka_unit_test(every_value_has_a_word_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
