/* SPDX-License-Identifier: Apache-2.0 */
/* Types of functions and methods: sets, tags, and the extension types. */
#include "policy/typecheck_priv.h"

#include "policy/ext.h"

static struct typecheck_result plain(enum type_kind kind)
{
	return (struct typecheck_result){.type = type_scalar(kind)};
}

static enum type_kind type_of_kind(enum policy_kind kind)
{
	switch (kind) {
	case POLICY_BOOL:
		return TYPE_BOOL;
	case POLICY_LONG:
		return TYPE_LONG;
	case POLICY_STRING:
		return TYPE_STRING;
	case POLICY_ENTITY:
		return TYPE_ENTITY;
	case POLICY_SET:
		return TYPE_SET;
	case POLICY_RECORD:
		return TYPE_RECORD;
	case POLICY_DECIMAL:
		return TYPE_DECIMAL;
	case POLICY_IP:
		return TYPE_IPADDR;
	case POLICY_DATETIME:
		return TYPE_DATETIME;
	case POLICY_DURATION:
		return TYPE_DURATION;
	case POLICY_NONE:
		break;
	}
	return TYPE_NONE;
}

/* Checks the arguments; false, after reports, when there are not exactly n of them. */
static bool check_args(struct typecheck *tc, const struct policy_expr *e,
		       const struct typecheck_caps *known, const struct type **args, uint32_t n)
{
	const struct policy_fn_info *info = policy_fn_info(e->fn);

	for (uint32_t i = 0; i < e->n_args; i++) {
		const struct type *t = typecheck_expr(tc, e->arg[i], known).type;

		if (i < n) {
			args[i] = t;
		}
	}
	if (e->n_args != n) {
		unsigned hidden = info->method ? 1 : 0;

		typecheck_error(tc, e, "`" STR_FMT "` takes %u argument%s, not %u",
				STR_ARG(info->name), n - hidden, n - hidden == 1 ? "" : "s",
				e->n_args - hidden);
		return false;
	}
	return true;
}

static struct typecheck_result check_contains(struct typecheck *tc, const struct policy_expr *e,
					      const struct typecheck_caps *known)
{
	const struct type *args[2];

	if (check_args(tc, e, known, args, 2) && typecheck_want(tc, e->arg[0], args[0], TYPE_SET) &&
	    args[0]->element) {
		typecheck_lub(tc, e->arg[1], args[0]->element, args[1]);
	}
	return plain(TYPE_BOOL);
}

static struct typecheck_result check_contains_many(struct typecheck *tc,
						   const struct policy_expr *e,
						   const struct typecheck_caps *known)
{
	const struct type *args[2];

	if (check_args(tc, e, known, args, 2)) {
		bool left = typecheck_want(tc, e->arg[0], args[0], TYPE_SET);
		bool right = typecheck_want(tc, e->arg[1], args[1], TYPE_SET);

		if (left && right) {
			typecheck_lub(tc, e->arg[1], args[0], args[1]);
		}
	}
	return plain(TYPE_BOOL);
}

static struct typecheck_result check_is_empty(struct typecheck *tc, const struct policy_expr *e,
					      const struct typecheck_caps *known)
{
	const struct type *args[1];

	if (check_args(tc, e, known, args, 1)) {
		typecheck_want(tc, e->arg[0], args[0], TYPE_SET);
	}
	return plain(TYPE_BOOL);
}

static struct typecheck_result check_has_tag(struct typecheck *tc, const struct policy_expr *e,
					     const struct typecheck_caps *known)
{
	struct typecheck_result r = plain(TYPE_BOOL);
	const struct type *args[2];
	struct typecheck_cap cap;
	bool entity;

	if (!check_args(tc, e, known, args, 2)) {
		return r;
	}
	entity = typecheck_want(tc, e->arg[0], args[0], TYPE_ENTITY);
	typecheck_want(tc, e->arg[1], args[1], TYPE_STRING);
	if (!entity) {
		return r;
	}
	if (!args[0]->entity->tags) {
		return plain(TYPE_FALSE);
	}
	cap = typecheck_cap_tag(e->arg[0], e->arg[1]);
	if (typecheck_caps_have(known, &cap)) {
		r.type = type_scalar(TYPE_TRUE);
	}
	r.caps = typecheck_caps_one(tc, cap);
	return r;
}

static struct typecheck_result check_get_tag(struct typecheck *tc, const struct policy_expr *e,
					     const struct typecheck_caps *known)
{
	const struct type *args[2];
	struct typecheck_cap cap;
	bool entity;

	if (!check_args(tc, e, known, args, 2)) {
		return plain(TYPE_NONE);
	}
	entity = typecheck_want(tc, e->arg[0], args[0], TYPE_ENTITY);
	if (!typecheck_want(tc, e->arg[1], args[1], TYPE_STRING) || !entity) {
		return plain(TYPE_NONE);
	}
	if (!args[0]->entity->tags) {
		typecheck_error(tc, e, "entities of type `" STR_FMT "` have no tags",
				STR_ARG(args[0]->entity->name));
		return plain(TYPE_NONE);
	}
	cap = typecheck_cap_tag(e->arg[0], e->arg[1]);
	if (!typecheck_caps_have(known, &cap)) {
		typecheck_error(tc, e, "the tag may be absent here");
		typecheck_help(tc, "test it first: `" STR_FMT ".hasTag(" STR_FMT ") && ...`",
			       STR_ARG(typecheck_source(tc, e->arg[0])),
			       STR_ARG(typecheck_source(tc, e->arg[1])));
		return plain(TYPE_NONE);
	}
	return (struct typecheck_result){.type = args[0]->entity->tags};
}

/* Exactly one string literal, which parses: so a checked policy cannot fail here. */
static struct typecheck_result check_constructor(struct typecheck *tc, const struct policy_expr *e,
						 const struct typecheck_caps *known)
{
	const struct policy_fn_info *info = policy_fn_info(e->fn);
	struct typecheck_result r = plain(type_of_kind(info->result));
	const struct type *args[1];
	const struct policy_expr *arg;
	struct policy_value v;

	if (!check_args(tc, e, known, args, 1) ||
	    !typecheck_want(tc, e->arg[0], args[0], TYPE_STRING)) {
		return r;
	}
	arg = e->arg[0];
	if (arg->kind != POLICY_EXPR_LIT) {
		typecheck_error(tc, arg, "`" STR_FMT "` takes a string literal, nothing computed",
				STR_ARG(info->name));
	} else if (!policy_ext_parse(e->fn, policy_value_str(arg->lit), tc->a, &v)) {
		if (tc->a->exhausted) {
			typecheck_stop(tc, ERR_NOMEM);
		} else {
			typecheck_error(tc, arg, "not a valid argument of `" STR_FMT "`",
					STR_ARG(info->name));
		}
	}
	return r;
}

static struct typecheck_result check_method(struct typecheck *tc, const struct policy_expr *e,
					    const struct typecheck_caps *known)
{
	const struct policy_fn_info *info = policy_fn_info(e->fn);
	const struct type *args[2];

	if (check_args(tc, e, known, args, info->n_args)) {
		for (uint32_t i = 0; i < e->n_args; i++) {
			typecheck_want(tc, e->arg[i], args[i], type_of_kind(info->arg[i]));
		}
	}
	return plain(type_of_kind(info->result));
}

struct typecheck_result typecheck_call(struct typecheck *tc, const struct policy_expr *e,
				       const struct typecheck_caps *known)
{
	switch (e->fn) {
	case POLICY_FN_CONTAINS:
		return check_contains(tc, e, known);
	case POLICY_FN_CONTAINS_ALL:
	case POLICY_FN_CONTAINS_ANY:
		return check_contains_many(tc, e, known);
	case POLICY_FN_IS_EMPTY:
		return check_is_empty(tc, e, known);
	case POLICY_FN_HAS_TAG:
		return check_has_tag(tc, e, known);
	case POLICY_FN_GET_TAG:
		return check_get_tag(tc, e, known);
	case POLICY_FN_DECIMAL:
	case POLICY_FN_IP:
	case POLICY_FN_DATETIME:
	case POLICY_FN_DURATION:
		return check_constructor(tc, e, known);
	case POLICY_FN_LESS_THAN:
	case POLICY_FN_LESS_THAN_OR_EQUAL:
	case POLICY_FN_GREATER_THAN:
	case POLICY_FN_GREATER_THAN_OR_EQUAL:
	case POLICY_FN_IS_IPV4:
	case POLICY_FN_IS_IPV6:
	case POLICY_FN_IS_LOOPBACK:
	case POLICY_FN_IS_MULTICAST:
	case POLICY_FN_IS_IN_RANGE:
	case POLICY_FN_OFFSET:
	case POLICY_FN_DURATION_SINCE:
	case POLICY_FN_TO_DATE:
	case POLICY_FN_TO_TIME:
	case POLICY_FN_TO_MILLISECONDS:
	case POLICY_FN_TO_SECONDS:
	case POLICY_FN_TO_MINUTES:
	case POLICY_FN_TO_HOURS:
	case POLICY_FN_TO_DAYS:
		return check_method(tc, e, known);
	case POLICY_FN_NONE:
	case POLICY_FN_MAX:
		break;
	}
	return plain(TYPE_NONE);
}
