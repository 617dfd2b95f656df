/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/budget.h"

#include <unistd.h>

static struct treasury treasury;
static struct arena arena;
static int fd = -1;

static int begin(void **state)
{
	char path[] = "/tmp/writ-budget-XXXXXX";

	(void)state;
	fd = mkstemp(path);
	(void)unlink(path);
	arena_init(&arena, 1 << 20);
	return treasury_prepare(fd, NULL) || treasury_map(&treasury, fd, NULL);
}

static int end(void **state)
{
	(void)state;
	treasury_unmap(&treasury);
	arena_done(&arena);
	return close(fd);
}

static const struct config_model model = {
	.name = STR_INIT("m"), .price_input = 150000, .price_output = 600000};

static bool reserve(const struct config_budget *b, size_t n, struct budget_ask ask,
		    struct budget_hold *hold, struct budget_refusal *why)
{
	const struct config cfg = {.budgets = b, .n_budgets = n};

	ask.model = &model;
	*why = (struct budget_refusal){.resets_in = 0};
	return budget_reserve(&treasury, &cfg, &ask, &arena, hold, why);
}

/* 2026-11-23T16:00:00Z */
#define NOW UINT64_C(1795449600)

static void all_budgets_hold_or_nothing_is_taken(void **state)
{
	static const struct config_budget budgets[] = {
		{.name = STR_INIT("tokens"), .per = CONFIG_PER_AGENT, .tokens = 1000},
		{.name = STR_INIT("money"), .period = CONFIG_PERIOD_MONTH, .money = 200},
	};
	struct budget_ask ask = {.agent = STR("ann"), .input = 400, .output = 100, .now = NOW};
	struct model_usage used = {.given = true, .input = 10, .output = 10};
	struct budget_hold hold, again;
	struct budget_refusal why;

	(void)state;
	assert_true(reserve(budgets, 2, ask, &hold, &why)); /* 500 tokens, 120 millionths */
	assert_false(reserve(budgets, 2, ask, &again, &why));
	assert_str_equal(why.name, STR("money"));
	assert_int_equal(why.resets_in, 7 * 86400 + 8 * 3600);
	assert_str_equal(why.text,
			 STR("budget money: of 200 millionths of the currency a month 120 are used "
			     "or reserved, and this request may need 120. It begins anew at "
			     "2026-12-01T00:00:00Z."));
	/* the refusal took no tokens */
	ask.agent = STR("bob");
	budget_settle(&treasury, &hold, &used); /* 20 tokens, 7.5 millionths: 8 */
	assert_true(reserve(budgets, 2, ask, &hold, &why));
	ask.agent = STR("ann");
	ask.input = 880;
	assert_true(reserve(budgets, 1, ask, &again, &why));
	budget_settle(&treasury, &again, NULL);
	ask.input = 881;
	assert_false(reserve(budgets, 1, ask, &again, &why));
	assert_str_equal(why.name, STR("tokens"));
}

static void a_budget_is_about_whom_and_what_it_names(void **state)
{
	static const struct str agents[] = {STR_INIT("carl")}, models[] = {STR_INIT("other")};
	static const struct config_budget budgets[] = {
		{.name = STR_INIT("carls"), .tokens = 1, .agents = {agents, 1}},
		{.name = STR_INIT("others"), .tokens = 1, .models = {models, 1}},
	};
	struct budget_ask ask = {.agent = STR("dora"), .input = 5, .now = NOW};
	struct budget_hold hold;
	struct budget_refusal why;

	(void)state;
	assert_true(reserve(budgets, 2, ask, &hold, &why));
	ask.agent = STR("carl");
	assert_false(reserve(budgets, 2, ask, &hold, &why));
	assert_str_equal(why.name, STR("carls"));
}

static void periods_end_where_the_calendar_says(void **state)
{
	static const struct {
		enum config_period period;
		uint64_t now, resets_in;
	} cases[] = {
		{CONFIG_PERIOD_HOUR, NOW + 1, 3599},
		{CONFIG_PERIOD_DAY, NOW, 8 * 3600},
		{CONFIG_PERIOD_MONTH, UINT64_C(1709164800), 86400}, /* 2024-02-29 */
		{CONFIG_PERIOD_MONTH, UINT64_C(1798761599), 1},     /* the last second of 2026 */
		{CONFIG_PERIOD_EVER, NOW, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct config_budget b = {
			.name = STR("p"), .period = cases[i].period, .tokens = 1};
		struct budget_ask ask = {.input = 2, .now = cases[i].now};
		struct budget_hold hold;
		struct budget_refusal why;

		assert_false(reserve(&b, 1, ask, &hold, &why));
		assert_int_equal(why.resets_in, cases[i].resets_in);
	}
}

/* The number of an hour or a month may lie far ahead of that of the day. */
static void another_period_begins_anew(void **state)
{
	static const enum config_period periods[] = {CONFIG_PERIOD_HOUR, CONFIG_PERIOD_MONTH,
						     CONFIG_PERIOD_DAY, CONFIG_PERIOD_EVER};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(periods); i++) {
		const struct config_budget b = {
			.name = STR("changed"), .period = periods[i], .tokens = 10};
		struct budget_ask ask = {.input = 10, .now = NOW};
		struct budget_hold hold;
		struct budget_refusal why;

		assert_true(reserve(&b, 1, ask, &hold, &why));
		assert_false(reserve(&b, 1, ask, &hold, &why));
		ask.now += 86400;
		assert_int_equal(reserve(&b, 1, ask, &hold, &why),
				 periods[i] == CONFIG_PERIOD_HOUR ||
					 periods[i] == CONFIG_PERIOD_DAY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_budgets_hold_or_nothing_is_taken),
		cmocka_unit_test(a_budget_is_about_whom_and_what_it_names),
		cmocka_unit_test(periods_end_where_the_calendar_says),
		cmocka_unit_test(another_period_begins_anew),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
