/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "model/error.h"
#include "model/list.h"
#include "json/scan.h"

static void an_error_has_the_shape_that_libraries_read(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	model_error_append(&b, MODEL_DIALECT_OPENAI, MODEL_ERROR_UNKNOWN_MODEL);
	assert_str_equal(
		buf_str(&b),
		STR("{\"error\":{\"message\":\"There is no such model, or it is not for "
		    "you.\",\"type\":\"invalid_request_error\",\"param\":\"model\",\"code\":"
		    "\"model_not_found\"}}"));
	buf_done(&b);
}

static void every_error_is_json_and_a_refusal_is_not_tried_again(void **state)
{
	struct json_scan scan;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&b, 10000);
	for (enum model_error e = MODEL_ERROR_NONE + 1; e < MODEL_ERROR_MAX; e++) {
		buf_clear(&b);
		model_error_append(&b, MODEL_DIALECT_OPENAI, e);
		assert_int_equal(json_scan(&a, buf_str(&b), NULL, &scan, NULL), ERR_OK);
		assert_true(model_error_info(e)->http_status >= 400);
	}
	assert_int_equal(model_error_info(MODEL_ERROR_DENIED)->http_status, 403);
	assert_int_equal(model_error_info(MODEL_ERROR_BUSY)->http_status, 429);
	buf_done(&b);
	arena_done(&a);
}

static void a_refusal_names_policy_reason_and_record(void **state)
{
	const struct model_refusal r = {.policy = STR_INIT("eu-only"),
					.reason = STR_INIT("Health data stays in the EU."),
					.record = 12,
					.has_record = true};
	const struct model_refusal none = {.ask = true};
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	model_denied_append(&b, MODEL_DIALECT_OPENAI, &r);
	assert_str_equal(
		buf_str(&b),
		STR("{\"error\":{\"message\":\"Writ refused this request: policy \\\"eu-only\\\": "
		    "Health data stays in the EU. It reached no model. Ledger record 12. Repeating "
		    "it "
		    "will not help; ask whoever owns the policy.\",\"type\":\"permission_error\","
		    "\"param\":null,\"code\":\"policy_denied\",\"writ\":{\"decision\":\"deny\","
		    "\"policy\":\"eu-only\",\"reason\":\"Health data stays in the "
		    "EU.\",\"record\":12}}}"));
	buf_clear(&b);
	model_denied_append(&b, MODEL_DIALECT_OPENAI, &none);
	assert_str_equal(
		buf_str(&b),
		STR("{\"error\":{\"message\":\"Writ refused this request, which only a person "
		    "can approve: no policy permits it. It reached no model. Nobody can be asked "
		    "about requests to "
		    "models.\",\"type\":\"permission_error\",\"param\":null,\"code\":"
		    "\"approval_required\",\"writ\":{\"decision\":\"ask\"}}}"));
	buf_done(&b);
}

static bool not_big(void *ctx, const struct model_listing *m)
{
	(void)ctx;
	return !str_eq(m->id, STR("big"));
}

static void models_are_listed_for_who_may_use_them(void **state)
{
	const struct model_listing m[] = {{STR_INIT("small"), STR_INIT("ministry"), 1700000000},
					  {STR_INIT("big"), STR_INIT("x"), 0}};
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	model_list_append(&b, m, 2, not_big, NULL);
	assert_str_equal(
		buf_str(&b),
		STR("{\"object\":\"list\",\"data\":[{\"id\":\"small\",\"object\":\"model\","
		    "\"created\":1700000000,\"owned_by\":\"ministry\"}]}"));
	buf_clear(&b);
	model_list_append(&b, m, 0, NULL, NULL);
	assert_str_equal(buf_str(&b), STR("{\"object\":\"list\",\"data\":[]}"));
	buf_clear(&b);
	model_list_append_one(&b, &m[1]);
	assert_str_equal(buf_str(&b), STR("{\"id\":\"big\",\"object\":\"model\",\"created\":0,"
					  "\"owned_by\":\"x\"}"));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_has_the_shape_that_libraries_read),
		cmocka_unit_test(every_error_is_json_and_a_refusal_is_not_tried_again),
		cmocka_unit_test(a_refusal_names_policy_reason_and_record),
		cmocka_unit_test(models_are_listed_for_who_may_use_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
