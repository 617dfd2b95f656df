/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the language on values, shared by the tree walker and the compiled form. */
#include "policy/eval.h"

const struct policy_entity *policy_env_entity(const struct policy_env *env,
					      const struct policy_uid *uid)
{
	if (uid == env->principal && env->principal_entity) {
		return env->principal_entity;
	}
	if (uid == env->resource && env->resource_entity) {
		return env->resource_entity;
	}
	for (size_t i = 0; i < env->n_overlay; i++) {
		if (policy_uid_eq(&env->overlay[i].uid, uid)) {
			return &env->overlay[i];
		}
	}
	return policy_store_find(env->store, uid);
}

void policy_env_prepare(struct policy_env *env)
{
	env->principal_entity = env->action_entity = env->resource_entity = NULL;
	env->principal_entity = policy_env_entity(env, env->principal);
	env->action_entity = policy_env_entity(env, env->action);
	env->resource_entity = policy_env_entity(env, env->resource);
}

bool policy_env_in(const struct policy_env *env, const struct policy_uid *a,
		   const struct policy_uid *b)
{
	const struct policy_entity *e;

	if (policy_uid_eq(a, b)) {
		return true;
	}
	e = policy_env_entity(env, a);
	return e && policy_ancestors_have(&e->ancestors, b);
}

static bool is_ordered(enum policy_kind kind)
{
	return kind == POLICY_LONG || kind == POLICY_DATETIME || kind == POLICY_DURATION;
}

static enum policy_fault_code compare(enum policy_expr_kind kind, struct policy_value a,
				      struct policy_value b, struct policy_value *ret)
{
	if (!is_ordered(a.kind) || a.kind != b.kind) {
		return POLICY_FAULT_TYPE;
	}
	*ret = policy_bool(kind == POLICY_EXPR_LT   ? a.i < b.i
			   : kind == POLICY_EXPR_LE ? a.i <= b.i
			   : kind == POLICY_EXPR_GT ? a.i > b.i
						    : a.i >= b.i);
	return POLICY_FAULT_NONE;
}

static enum policy_fault_code arithmetic(enum policy_expr_kind kind, struct policy_value a,
					 struct policy_value b, struct policy_value *ret)
{
	int64_t v;

	if (a.kind != POLICY_LONG || b.kind != POLICY_LONG) {
		return POLICY_FAULT_TYPE;
	}
	if (kind == POLICY_EXPR_ADD   ? __builtin_add_overflow(a.i, b.i, &v)
	    : kind == POLICY_EXPR_SUB ? __builtin_sub_overflow(a.i, b.i, &v)
				      : __builtin_mul_overflow(a.i, b.i, &v)) {
		return POLICY_FAULT_OVERFLOW;
	}
	*ret = policy_long(v);
	return POLICY_FAULT_NONE;
}

enum policy_fault_code policy_op_binary(enum policy_expr_kind kind, struct policy_value a,
					struct policy_value b, struct policy_value *ret)
{
	if (kind == POLICY_EXPR_EQ || kind == POLICY_EXPR_NE) {
		*ret = policy_bool(policy_value_eq(a, b) == (kind == POLICY_EXPR_EQ));
		return POLICY_FAULT_NONE;
	}
	if (kind == POLICY_EXPR_ADD || kind == POLICY_EXPR_SUB || kind == POLICY_EXPR_MUL) {
		return arithmetic(kind, a, b, ret);
	}
	return compare(kind, a, b, ret);
}

enum policy_fault_code policy_op_in(const struct policy_env *env, struct policy_value a,
				    struct policy_value b, struct policy_value *ret)
{
	bool found = false;

	if (a.kind != POLICY_ENTITY) {
		return POLICY_FAULT_TYPE;
	}
	if (b.kind == POLICY_ENTITY) {
		*ret = policy_bool(policy_env_in(env, a.uid, b.uid));
		return POLICY_FAULT_NONE;
	}
	if (b.kind != POLICY_SET) {
		return POLICY_FAULT_TYPE;
	}
	/* Every element must be an entity, also behind the one that decides. */
	for (uint32_t i = 0; i < b.n; i++) {
		if (b.elems[i].kind != POLICY_ENTITY) {
			return POLICY_FAULT_TYPE;
		}
	}
	for (uint32_t i = 0; i < b.n && !found; i++) {
		found = policy_env_in(env, a.uid, b.elems[i].uid);
	}
	*ret = policy_bool(found);
	return POLICY_FAULT_NONE;
}

enum policy_fault_code policy_op_has(const struct policy_env *env, struct policy_value a,
				     struct str name, struct policy_value *ret)
{
	if (a.kind == POLICY_ENTITY) {
		const struct policy_entity *e = policy_env_entity(env, a.uid);

		*ret = policy_bool(e && policy_record_find(e->attrs, name));
		return POLICY_FAULT_NONE;
	}
	if (a.kind != POLICY_RECORD) {
		return POLICY_FAULT_TYPE;
	}
	*ret = policy_bool(policy_record_find(a, name));
	return POLICY_FAULT_NONE;
}

enum policy_fault_code policy_op_get(const struct policy_env *env, struct policy_value a,
				     struct str name, struct policy_value *ret)
{
	const struct policy_value *found;

	if (a.kind == POLICY_ENTITY) {
		const struct policy_entity *e = policy_env_entity(env, a.uid);

		if (!e) {
			return POLICY_FAULT_ENTITY;
		}
		a = e->attrs;
	} else if (a.kind != POLICY_RECORD) {
		return POLICY_FAULT_TYPE;
	}
	found = policy_record_find(a, name);
	if (!found) {
		return POLICY_FAULT_ATTR;
	}
	*ret = *found;
	return POLICY_FAULT_NONE;
}

/* arg[1] are checked to be sets by the caller. */
static bool contains_all(struct policy_value set, struct policy_value other)
{
	for (uint32_t i = 0; i < other.n; i++) {
		if (!policy_set_has(set, other.elems[i])) {
			return false;
		}
	}
	return true;
}

static bool contains_any(struct policy_value set, struct policy_value other)
{
	for (uint32_t i = 0; i < other.n; i++) {
		if (policy_set_has(set, other.elems[i])) {
			return true;
		}
	}
	return false;
}

static enum policy_fault_code tag(const struct policy_env *env, enum policy_fn fn,
				  const struct policy_value *arg, struct policy_value *ret)
{
	const struct policy_entity *e = policy_env_entity(env, arg[0].uid);
	const struct policy_value *found;

	found = e ? policy_record_find(e->tags, policy_value_str(arg[1])) : NULL;
	if (fn == POLICY_FN_HAS_TAG) {
		*ret = policy_bool(found);
		return POLICY_FAULT_NONE;
	}
	if (!found) {
		return e ? POLICY_FAULT_TAG : POLICY_FAULT_ENTITY;
	}
	*ret = *found;
	return POLICY_FAULT_NONE;
}

static enum policy_fault_code time_call(enum policy_fn fn, const struct policy_value *arg,
					struct policy_value *ret)
{
	enum policy_kind kind = POLICY_DATETIME;
	bool good = true;
	int64_t v = 0;

	if (fn == POLICY_FN_OFFSET) {
		good = !__builtin_add_overflow(arg[0].i, arg[1].i, &v);
	} else if (fn == POLICY_FN_DURATION_SINCE) {
		kind = POLICY_DURATION;
		good = !__builtin_sub_overflow(arg[0].i, arg[1].i, &v);
	} else if (fn == POLICY_FN_TO_DATE) {
		good = policy_datetime_to_date(arg[0].i, &v);
	} else {
		kind = POLICY_DURATION;
		v = policy_datetime_to_time(arg[0].i);
	}
	if (!good) {
		return POLICY_FAULT_EXT;
	}
	*ret = policy_scalar(kind, v);
	return POLICY_FAULT_NONE;
}

static int64_t duration_unit(enum policy_fn fn)
{
	static const int64_t units[] = {1, 1000, 60000, 3600000, 86400000};

	return units[fn - POLICY_FN_TO_MILLISECONDS];
}

static bool decimal_test(enum policy_fn fn, int64_t a, int64_t b)
{
	return fn == POLICY_FN_LESS_THAN            ? a < b
	       : fn == POLICY_FN_LESS_THAN_OR_EQUAL ? a <= b
	       : fn == POLICY_FN_GREATER_THAN       ? a > b
						    : a >= b;
}

static bool ip_test(enum policy_fn fn, const struct policy_value *arg)
{
	const struct policy_ip *ip = arg[0].ip;

	return fn == POLICY_FN_IS_IPV4        ? !ip->v6
	       : fn == POLICY_FN_IS_IPV6      ? ip->v6
	       : fn == POLICY_FN_IS_LOOPBACK  ? policy_ip_is_loopback(ip)
	       : fn == POLICY_FN_IS_MULTICAST ? policy_ip_is_multicast(ip)
					      : policy_ip_in_range(ip, arg[1].ip);
}

static enum policy_fault_code construct(const struct policy_env *env, enum policy_fn fn,
					struct policy_value arg, struct policy_value *ret)
{
	if (policy_ext_parse(fn, policy_value_str(arg), env->scratch, ret)) {
		return POLICY_FAULT_NONE;
	}
	return env->scratch->exhausted ? POLICY_FAULT_MEMORY : POLICY_FAULT_EXT;
}

enum policy_fault_code policy_op_call(const struct policy_env *env, enum policy_fn fn,
				      const struct policy_value *arg, size_t n,
				      struct policy_value *ret)
{
	const struct policy_fn_info *info = policy_fn_info(fn);

	if (n != info->n_args) {
		return POLICY_FAULT_ARITY;
	}
	for (size_t i = 0; i < n; i++) {
		if (info->arg[i] != POLICY_NONE && info->arg[i] != arg[i].kind) {
			return POLICY_FAULT_TYPE;
		}
	}
	switch (fn) {
	case POLICY_FN_CONTAINS:
		*ret = policy_bool(policy_set_has(arg[0], arg[1]));
		break;
	case POLICY_FN_CONTAINS_ALL:
		*ret = policy_bool(contains_all(arg[0], arg[1]));
		break;
	case POLICY_FN_CONTAINS_ANY:
		*ret = policy_bool(contains_any(arg[0], arg[1]));
		break;
	case POLICY_FN_IS_EMPTY:
		*ret = policy_bool(arg[0].n == 0);
		break;
	case POLICY_FN_HAS_TAG:
	case POLICY_FN_GET_TAG:
		return tag(env, fn, arg, ret);
	case POLICY_FN_DECIMAL:
	case POLICY_FN_IP:
	case POLICY_FN_DATETIME:
	case POLICY_FN_DURATION:
		return construct(env, fn, arg[0], ret);
	case POLICY_FN_LESS_THAN:
	case POLICY_FN_LESS_THAN_OR_EQUAL:
	case POLICY_FN_GREATER_THAN:
	case POLICY_FN_GREATER_THAN_OR_EQUAL:
		*ret = policy_bool(decimal_test(fn, arg[0].i, arg[1].i));
		break;
	case POLICY_FN_IS_IPV4:
	case POLICY_FN_IS_IPV6:
	case POLICY_FN_IS_LOOPBACK:
	case POLICY_FN_IS_MULTICAST:
	case POLICY_FN_IS_IN_RANGE:
		*ret = policy_bool(ip_test(fn, arg));
		break;
	case POLICY_FN_OFFSET:
	case POLICY_FN_DURATION_SINCE:
	case POLICY_FN_TO_DATE:
	case POLICY_FN_TO_TIME:
		return time_call(fn, arg, ret);
	case POLICY_FN_TO_MILLISECONDS:
	case POLICY_FN_TO_SECONDS:
	case POLICY_FN_TO_MINUTES:
	case POLICY_FN_TO_HOURS:
	case POLICY_FN_TO_DAYS:
		*ret = policy_long(arg[0].i / duration_unit(fn));
		break;
	case POLICY_FN_NONE:
	case POLICY_FN_MAX:
		return POLICY_FAULT_TYPE;
	}
	return POLICY_FAULT_NONE;
}

const char *policy_fault_name(enum policy_fault_code code)
{
	static const char *const names[] = {
		[POLICY_FAULT_NONE] = "no error",
		[POLICY_FAULT_TYPE] = "an operand has the wrong type",
		[POLICY_FAULT_ATTR] = "the attribute does not exist",
		[POLICY_FAULT_TAG] = "the tag does not exist",
		[POLICY_FAULT_ENTITY] = "the entity does not exist",
		[POLICY_FAULT_OVERFLOW] = "integer overflow",
		[POLICY_FAULT_EXT] = "malformed or out of range extension value",
		[POLICY_FAULT_ARITY] = "wrong number of arguments",
		[POLICY_FAULT_MEMORY] = "the decision's memory is exhausted",
	};

	return names[code];
}
