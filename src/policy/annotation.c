/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/annotation.h"

/* What a value must look like. */
enum form { TEXT = 0, NOTHING_OR_TEXT, DURATION, DATETIME, MODE, DUTIES, WHOM, AUDIT, DECIDED };

struct key {
	struct str name;
	enum form form;
	unsigned duty;   /* bit, or 0 */
	uint16_t weight; /* of the duty: what it costs the host and the agent */
	bool remedy;
	bool permit_only, forbid_only;
};

static const struct key keys[] = {
	{STR_INIT("id"), TEXT, 0, 0, false, false, false},
	{STR_INIT("reason"), TEXT, 0, 0, false, false, false},
	{STR_INIT("advice"), TEXT, 0, 0, false, false, false},
	{STR_INIT("owner"), TEXT, 0, 0, false, false, false},
	{STR_INIT("severity"), TEXT, 0, 0, false, false, false},
	{STR_INIT("limit"), TEXT, 0, 0, false, false, false},
	{STR_INIT("since"), DATETIME, 0, 0, false, false, false},
	{STR_INIT("until"), DATETIME, 0, 0, false, false, false},
	{STR_INIT("decided"), DECIDED, 0, 0, false, false, false},
	{STR_INIT("mode"), MODE, 0, 0, false, false, false},
	{STR_INIT("ask"), WHOM, 0, 0, true, false, true},
	{STR_INIT("ask_ttl"), DURATION, 0, 0, false, false, true},
	{STR_INIT("retry_after"), DURATION, 0, 0, true, false, true},
	{STR_INIT("step_up"), TEXT, 0, 0, true, false, true},
	{STR_INIT("audit"), AUDIT, POLICY_DUTY_AUDIT, 1, false, false, false},
	{STR_INIT("timeout"), DURATION, POLICY_DUTY_TIMEOUT, 1, false, true, false},
	{STR_INIT("watermark"), NOTHING_OR_TEXT, POLICY_DUTY_WATERMARK, 2, false, true, false},
	{STR_INIT("route"), TEXT, POLICY_DUTY_ROUTE, 4, false, true, false},
	{STR_INIT("sandbox"), TEXT, POLICY_DUTY_SANDBOX, 4, false, true, false},
	{STR_INIT("redact"), TEXT, POLICY_DUTY_REDACT, 8, false, true, false},
	{STR_INIT("mask_output"), TEXT, POLICY_DUTY_MASK_OUTPUT, 8, false, true, false},
	{STR_INIT("always"), DUTIES, 0, 0, false, true, false},
};

static const struct key *find_key(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (str_eq(keys[i].name, name)) {
			return &keys[i];
		}
	}
	return NULL;
}

unsigned policy_duty_of(struct str key)
{
	const struct key *k = find_key(key);

	return k ? k->duty : 0;
}

bool policy_is_remedy(struct str key)
{
	const struct key *k = find_key(key);

	return k && (k->remedy || k->form == DURATION) && k->forbid_only;
}

static void report(const struct policy *p, const struct policy_annotation *an,
		   struct policy_diags *diags, const char *what)
{
	policy_diag_error(diags, p->source, an->span, "@" STR_FMT " %s", STR_ARG(an->key), what);
}

static void report_unknown(const struct policy *p, const struct policy_annotation *an,
			   struct policy_diags *diags)
{
	struct str names[ARRAY_LEN(keys)];
	struct str near;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		names[i] = keys[i].name;
	}
	report(p, an, diags, "is not a known annotation");
	near = policy_nearest(an->key, names, ARRAY_LEN(names));
	if (near.n > 0) {
		policy_diag_help(diags, "did you mean @" STR_FMT "? Keys of your own start with x_",
				 STR_ARG(near));
	} else {
		policy_diag_help(diags, "keys of your own start with x_: @x_" STR_FMT,
				 STR_ARG(an->key));
	}
}

/* "audit, watermark" to bits; false when a word is no duty of this policy. */
static bool read_duties(const struct policy *p, struct str list, uint16_t *ret)
{
	unsigned bits = 0;

	while (list.p) {
		struct str word = str_trim(str_cut(&list, ','));
		unsigned bit = policy_duty_of(word);

		if (bit == 0 || !policy_annotation_find(p, word)) {
			return false;
		}
		bits |= bit;
	}
	*ret = (uint16_t)bits;
	return true;
}

/* Who can lift the denial. */
static bool is_whom(struct str v)
{
	return str_eq(v, STR("owner")) || str_eq(v, STR("user")) ||
	       (str_starts_with(v, STR("role:")) && v.n > 5);
}

static bool is_audit(struct str v)
{
	return str_eq(v, STR("summary")) || str_eq(v, STR("full")) || str_eq(v, STR("durable"));
}

/* Applies one value to the rule; NULL, or what is wrong with it. */
static const char *apply(const struct policy *p, const struct policy_annotation *an,
			 const struct key *k, struct policy_rule *rule)
{
	int64_t ms;

	switch (k->form) {
	case TEXT:
		return an->value.n == 0 ? "needs a value" : NULL;
	case NOTHING_OR_TEXT:
		return NULL;
	case DURATION:
		return policy_duration_parse(an->value, &ms) && ms > 0
			       ? NULL
			       : "needs a positive duration such as \"10m\"";
	case DATETIME:
		if (!policy_datetime_parse(an->value, &ms)) {
			return "needs a date such as \"2026-11-01\" or \"2026-11-01T08:00:00Z\"";
		}
		*(str_eq(k->name, STR("since")) ? &rule->since : &rule->until) = ms;
		return NULL;
	case MODE:
		rule->log_only = str_eq(an->value, STR("log"));
		return rule->log_only || str_eq(an->value, STR("enforce"))
			       ? NULL
			       : "is \"log\" or \"enforce\"";
	case WHOM:
		return is_whom(an->value) ? NULL : "names \"owner\", \"user\" or \"role:NAME\"";
	case AUDIT:
		return is_audit(an->value) ? NULL : "is \"summary\", \"full\" or \"durable\"";
	case DECIDED:
		return str_eq(an->value, STR("start")) ? NULL : "is \"start\"";
	case DUTIES:
		return read_duties(p, an->value, &rule->always)
			       ? NULL
			       : "names duties that stand on the same policy, as \"audit, "
				 "watermark\"";
	}
	return NULL;
}

static const char *misplaced(const struct policy *p, const struct key *k)
{
	if (k->permit_only && p->effect != POLICY_PERMIT) {
		return "is a duty; it belongs on a permit";
	}
	if (k->forbid_only && p->effect != POLICY_FORBID) {
		return "is a remedy; it belongs on a forbid";
	}
	return NULL;
}

bool policy_annotations_decode(const struct policy *p, struct policy_rule *rule, bool strict,
			       struct policy_diags *diags)
{
	bool good = true;

	rule->since = INT64_MIN;
	rule->until = INT64_MAX;
	for (size_t i = 0; i < p->n_annotations; i++) {
		const struct policy_annotation *an = &p->annotations[i];
		const struct key *k = find_key(an->key);
		const char *wrong;

		if (!k) {
			if (strict && !str_starts_with(an->key, STR("x_"))) {
				report_unknown(p, an, diags);
				good = false;
			}
			continue;
		}
		wrong = misplaced(p, k);
		if (!wrong) {
			wrong = apply(p, an, k, rule);
		}
		if (wrong) {
			if (strict) {
				report(p, an, diags, wrong);
				good = false;
			}
			continue;
		}
		if (rule->since >= rule->until) {
			if (strict) {
				report(p, an, diags, "ends before the policy begins to count");
				good = false;
			}
			continue;
		}
		rule->remedy = rule->remedy || k->remedy;
		if (p->effect == POLICY_PERMIT) {
			rule->weight = (uint16_t)(rule->weight + k->weight);
		}
	}
	return good;
}
