/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/budget.h"

#include <stdlib.h>

enum { HOUR = 3600, DAY = 24 * HOUR, NAME_MAX_BYTES = 1024, DAYS_FROM_0000_TO_1970 = 719468 };

/* Rounded up: a budget of money is never passed by what was rounded away. */
static uint64_t cost_of(uint64_t input, uint64_t output, uint64_t price_input,
			uint64_t price_output)
{
	__extension__ typedef unsigned __int128 wide;
	const wide unit = 1000000;
	wide sum = (wide)input * price_input + (wide)output * price_output;

	sum = (sum + unit - 1) / unit;
	return sum > TREASURY_MAX ? TREASURY_MAX + 1 : (uint64_t)sum;
}

uint64_t budget_cost(const struct config_model *m, uint64_t input, uint64_t output)
{
	return cost_of(input, output, m->price_input, m->price_output);
}

struct date {
	uint64_t year, month, day; /* from 1 */
};

/* Of the Gregorian calendar; years begin in March here, so that the leap day is their last. */
static struct date date_of(uint64_t days)
{
	uint64_t z = days + DAYS_FROM_0000_TO_1970, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	uint64_t month = mp < 10 ? mp + 3 : mp - 9;

	return (struct date){yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) / 5 + 1};
}

/* The number of the period, and when the next begins (0: never). */
static uint16_t period_at(enum config_period period, uint64_t now, uint64_t *ret_next)
{
	struct date d = date_of(now / DAY), at = d;
	uint64_t days = now / DAY;

	switch (period) {
	case CONFIG_PERIOD_HOUR:
		*ret_next = (now / HOUR + 1) * HOUR;
		return (uint16_t)(now / HOUR);
	case CONFIG_PERIOD_DAY:
		*ret_next = (now / DAY + 1) * DAY;
		return (uint16_t)(now / DAY);
	case CONFIG_PERIOD_MONTH:
		while (at.month == d.month) {
			at = date_of(++days);
		}
		*ret_next = days * DAY;
		return (uint16_t)(d.year * 12 + d.month);
	case CONFIG_PERIOD_EVER:
		break;
	}
	*ret_next = 0;
	return 1;
}

static bool is_in(struct config_strs strs, struct str s)
{
	for (size_t i = 0; i < strs.n; i++) {
		if (str_eq(strs.items[i], s)) {
			return true;
		}
	}
	return strs.n == 0;
}

static struct str subject_of(const struct config_budget *b, const struct budget_ask *ask)
{
	switch (b->per) {
	case CONFIG_PER_AGENT:
		return ask->agent;
	case CONFIG_PER_TEAM:
		return ask->team;
	case CONFIG_PER_NODE:
		break;
	}
	return STR("");
}

struct str budget_time(struct arena *a, uint64_t seconds)
{
	struct date d = date_of(seconds / DAY);

	return arena_printf(a, "%04llu-%02llu-%02lluT%02llu:00:00Z", (unsigned long long)d.year,
			    (unsigned long long)d.month, (unsigned long long)d.day,
			    (unsigned long long)(seconds % DAY / HOUR));
}

/* Under which an amount is counted. Numbers of hours and months cannot be compared: another period counts by itself. */
static void put_name(struct buf *out, const struct config_budget *b, struct str subject, bool money)
{
	buf_append(out, b->name);
	buf_append(out, money ? STR("\nmoney\n") : STR("\ntokens\n"));
	buf_append_u64(out, b->period);
	buf_append_c(out, '\n');
	buf_append(out, subject);
}

void budget_look(const struct treasury *t, const struct config_budget *b, struct str subject,
		 bool money, uint64_t now, struct budget_use *ret)
{
	uint16_t period = period_at(b->period, now, &ret->next);
	struct buf name;

	buf_init(&name, NAME_MAX_BYTES);
	put_name(&name, b, subject, money);
	ret->limit = money ? b->money : b->tokens;
	ret->used = name.failed ? 0 : treasury_used(t, buf_str(&name), period);
	buf_done(&name);
}

static void refuse(const struct config_budget *b, struct str subject, bool money, uint64_t used,
		   uint64_t limit, uint64_t needs, uint64_t next, uint64_t now, struct arena *a,
		   struct budget_refusal *ret)
{
	static const char *const periods[] = {"a day", "an hour", "a month", "in all"};
	struct str until = STR("It does not begin anew.");
	const char *unit = money ? "millionths of the currency" : "tokens";

	if (next) {
		until = arena_printf(a, "It begins anew at " STR_FMT ".",
				     STR_ARG(budget_time(a, next)));
	}
	ret->name = b->name;
	ret->resets_in = next ? next - now : 0;
	ret->text =
		arena_printf(a,
			     "budget " STR_FMT "%s" STR_FMT
			     ": of %llu %s %s %llu are used or reserved, and this request may "
			     "need %llu. " STR_FMT,
			     STR_ARG(b->name), subject.n ? " of " : "", STR_ARG(subject),
			     (unsigned long long)limit, unit, periods[b->period],
			     (unsigned long long)used, (unsigned long long)needs, STR_ARG(until));
	ret->text = ret->text.p ? ret->text : STR("a budget is used up");
}

/* One budget, in one unit. */
static bool take(struct treasury *t, const struct config_budget *b, const struct budget_ask *ask,
		 bool money, uint64_t needs, struct arena *a, struct budget_hold *hold,
		 struct budget_refusal *why)
{
	uint64_t limit = money ? b->money : b->tokens, next;
	uint16_t period = period_at(b->period, ask->now, &next);
	struct str subject = subject_of(b, ask);
	struct buf text;

	if (!limit) {
		return true;
	}
	buf_init(&text, NAME_MAX_BYTES);
	put_name(&text, b, subject, money);
	if (text.failed || hold->n == BUDGET_TAKES ||
	    !treasury_take(t, buf_str(&text), period, needs, limit, &hold->takes[hold->n].taken)) {
		refuse(b, subject, money, treasury_used(t, buf_str(&text), period), limit, needs,
		       next, ask->now, a, why);
		buf_done(&text);
		return false;
	}
	buf_done(&text);
	hold->takes[hold->n++].money = money;
	return true;
}

bool budget_reserve(struct treasury *t, const struct config *cfg, const struct budget_ask *ask,
		    struct arena *a, struct budget_hold *ret, struct budget_refusal *ret_why)
{
	uint64_t tokens = ask->input + ask->output;
	uint64_t money = budget_cost(ask->model, ask->input, ask->output);

	*ret = (struct budget_hold){.price_input = ask->model->price_input,
				    .price_output = ask->model->price_output};
	tokens = tokens < ask->input ? TREASURY_MAX + 1 : tokens;
	ret->tokens = tokens;
	ret->money = money;
	for (size_t i = 0; i < cfg->n_budgets; i++) {
		const struct config_budget *b = &cfg->budgets[i];

		if (!is_in(b->agents, ask->agent) || !is_in(b->models, ask->model->name)) {
			continue;
		}
		if (!take(t, b, ask, false, tokens, a, ret, ret_why) ||
		    !take(t, b, ask, true, money, a, ret, ret_why)) {
			budget_settle(t, ret, NULL);
			return false;
		}
	}
	return true;
}

struct budget_hold *budget_hold_dup(const struct budget_hold *hold)
{
	size_t n = offsetof(struct budget_hold, takes) + hold->n * sizeof(hold->takes[0]);
	struct budget_hold *copy = malloc(n);

	if (copy) {
		memcpy(copy, hold, n);
	}
	return copy;
}

void budget_settle(struct treasury *t, struct budget_hold *hold, const struct model_usage *used)
{
	for (size_t i = 0; i < hold->n; i++) {
		struct budget_take *k = &hold->takes[i];
		uint64_t amount = !used      ? 0
				  : k->money ? cost_of(used->input, used->output, hold->price_input,
						       hold->price_output)
					     : used->input + used->output;

		treasury_settle(t, &k->taken, amount);
	}
	hold->n = 0;
}

void budget_keep(struct budget_hold *hold)
{
	hold->n = 0;
}

bool budget_is_over(const struct budget_hold *hold, const struct model_usage *used)
{
	for (size_t i = 0; i < hold->n; i++) {
		if (!hold->takes[i].money &&
		    used->input + used->output > hold->takes[i].taken.amount) {
			return true;
		}
	}
	return false;
}
