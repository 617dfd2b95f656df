/* SPDX-License-Identifier: Apache-2.0 */
/* The stack machine. */
#include "policy/code.h"
#include "policy/text.h"

#define STACK_LEAST 16 /* values */

static bool part_matches(const struct policy_code *code, const struct policy_code_scope *s,
			 const struct policy_uid *uid, const struct policy_entity *entity)
{
	const struct policy_uid *const *uids = code->uids + s->uids;

	switch ((enum policy_scope_op)s->op) {
	case POLICY_SCOPE_ANY:
		return true;
	case POLICY_SCOPE_EQ:
		return s->n_uids == 1 && policy_uid_eq(uid, uids[0]);
	case POLICY_SCOPE_IS:
		return policy_name_eq(uid->type, policy_value_str(code->consts[s->type]));
	case POLICY_SCOPE_IS_IN:
		if (!policy_name_eq(uid->type, policy_value_str(code->consts[s->type]))) {
			return false;
		}
		break;
	case POLICY_SCOPE_IN:
		break;
	}
	for (uint32_t i = 0; i < s->n_uids; i++) {
		if (policy_uid_eq(uid, uids[i]) ||
		    (entity && policy_ancestors_have(&entity->ancestors, uids[i]))) {
			return true;
		}
	}
	return false;
}

bool policy_code_scope_matches(const struct policy_code *code, const struct policy_code_entry *e,
			       const struct policy_env *env)
{
	return part_matches(code, &e->scope[1], env->action, env->action_entity) &&
	       part_matches(code, &e->scope[0], env->principal, env->principal_entity) &&
	       part_matches(code, &e->scope[2], env->resource, env->resource_entity);
}

/* n values from the stack as a set, copied because sets are sorted in place. */
static enum policy_fault_code make_set(const struct policy_env *env, const struct policy_value *v,
				       uint32_t n, struct policy_value *ret)
{
	struct policy_value *elems = arena_alloc(env->scratch, (size_t)n * sizeof(*elems));

	if (!elems) {
		return POLICY_FAULT_MEMORY;
	}
	memcpy(elems, v, (size_t)n * sizeof(*elems));
	*ret = policy_value_set(elems, n);
	return POLICY_FAULT_NONE;
}

static enum policy_fault_code make_record(const struct policy_env *env, const struct str *names,
					  const struct policy_value *v, uint32_t n,
					  struct policy_value *ret)
{
	struct policy_field *f = arena_alloc(env->scratch, (size_t)n * sizeof(*f));

	if (!f) {
		return POLICY_FAULT_MEMORY;
	}
	for (uint32_t i = 0; i < n; i++) {
		f[i] = (struct policy_field){names[i], v[i]};
	}
	return policy_value_record(f, n, ret) ? POLICY_FAULT_NONE : POLICY_FAULT_TYPE;
}

static enum policy_fault_code negate(struct policy_value *v)
{
	if (v->kind != POLICY_LONG) {
		return POLICY_FAULT_TYPE;
	}
	return policy_op_binary(POLICY_EXPR_SUB, policy_long(0), *v, v);
}

/* *go becomes true when the jump is taken. */
static enum policy_fault_code has_go(const struct policy_env *env, struct policy_value *top,
				     struct str name, bool *go)
{
	struct policy_value has;
	enum policy_fault_code code = policy_op_has(env, *top, name, &has);

	if (code) {
		return code;
	}
	*go = !has.b;
	if (*go) {
		*top = has;
		return POLICY_FAULT_NONE;
	}
	return policy_op_get(env, *top, name, top);
}

/* Recursion is bounded by the depth of expressions. */
static enum policy_fault_code path_value(struct policy_machine *m, uint32_t id,
					 struct policy_value *ret)
{
	const struct policy_code_path *p = &m->code->paths[id];
	bool slot = p->slot < POLICY_MEMO_MAX;
	enum policy_fault_code fault;
	struct policy_value v;

	if (slot && (m->known >> p->slot & 1)) {
		*ret = m->memo[p->slot];
		return POLICY_FAULT_NONE;
	}
	if (p->parent == POLICY_PATH_NONE) {
		v = policy_env_var(m->env, (enum policy_var)p->var);
	} else {
		fault = path_value(m, p->parent, &v);
		if (fault) {
			return fault;
		}
	}
	fault = policy_op_get(m->env, v, policy_value_str(m->code->consts[p->name]), ret);
	if (slot && !fault && m->memo) {
		m->memo[p->slot] = *ret;
		m->known |= UINT64_C(1) << p->slot;
	}
	return fault;
}

static enum policy_fault_code run(struct policy_machine *m, const struct policy_insn *at, bool *ret)
{
	const struct policy_code *code = m->code;
	const struct policy_env *env = m->env;
	struct policy_value *top = m->stack - 1;
	const struct policy_value *k = code->consts;
	enum policy_fault_code fault = POLICY_FAULT_NONE;
	bool go;

	for (;; at++) {
		switch ((enum policy_opcode)at->op) {
		case POLICY_OP_CONST:
			*++top = k[at->c];
			break;
		case POLICY_OP_VAR:
			*++top = policy_env_var(env, (enum policy_var)at->a);
			break;
		case POLICY_OP_PATH:
			fault = path_value(m, at->c, ++top);
			break;
		case POLICY_OP_FAULT:
			return (enum policy_fault_code)at->a;
		case POLICY_OP_AND:
		case POLICY_OP_OR:
			if (top->kind != POLICY_BOOL) {
				return POLICY_FAULT_TYPE;
			}
			if (top->b == (at->op == POLICY_OP_OR)) {
				at = code->insns + at->c - 1;
			} else {
				top--;
			}
			break;
		case POLICY_OP_BOOL:
			fault = top->kind == POLICY_BOOL ? POLICY_FAULT_NONE : POLICY_FAULT_TYPE;
			break;
		case POLICY_OP_ELSE:
			if (top->kind != POLICY_BOOL) {
				return POLICY_FAULT_TYPE;
			}
			if (!(top--)->b) {
				at = code->insns + at->c - 1;
			}
			break;
		case POLICY_OP_JUMP:
			at = code->insns + at->c - 1;
			break;
		case POLICY_OP_NOT:
			if (top->kind != POLICY_BOOL) {
				return POLICY_FAULT_TYPE;
			}
			top->b = !top->b;
			break;
		case POLICY_OP_NEG:
			fault = negate(top);
			break;
		case POLICY_OP_BINARY:
			top--;
			fault = policy_op_binary((enum policy_expr_kind)at->a, top[0], top[1], top);
			break;
		case POLICY_OP_BINARY_C:
			fault = policy_op_binary((enum policy_expr_kind)at->a, *top, k[at->c], top);
			break;
		case POLICY_OP_IN:
			top--;
			fault = policy_op_in(env, top[0], top[1], top);
			break;
		case POLICY_OP_IS:
			if (top->kind != POLICY_ENTITY) {
				return POLICY_FAULT_TYPE;
			}
			*top = policy_bool(
				policy_name_eq(top->uid->type, policy_value_str(k[at->c])));
			break;
		case POLICY_OP_IS_GO:
			if (top->kind != POLICY_ENTITY) {
				return POLICY_FAULT_TYPE;
			}
			if (!policy_name_eq(top->uid->type, policy_value_str(k[at->b]))) {
				*top = policy_bool(false);
				at = code->insns + at->c - 1;
			}
			break;
		case POLICY_OP_GET:
			fault = policy_op_get(env, *top, policy_value_str(k[at->c]), top);
			break;
		case POLICY_OP_HAS:
			fault = policy_op_has(env, *top, policy_value_str(k[at->c]), top);
			break;
		case POLICY_OP_HAS_GO:
			fault = has_go(env, top, policy_value_str(k[at->b]), &go);
			if (!fault && go) {
				at = code->insns + at->c - 1;
			}
			break;
		case POLICY_OP_LIKE:
			if (top->kind != POLICY_STRING) {
				return POLICY_FAULT_TYPE;
			}
			*top = policy_bool(policy_pattern_match(&code->patterns[at->c],
								policy_value_str(*top)));
			break;
		case POLICY_OP_CALL:
			top -= (int64_t)at->c - 1;
			fault = policy_op_call(env, (enum policy_fn)at->a, top, at->c, top);
			break;
		case POLICY_OP_SET:
			top -= (int64_t)at->c - 1;
			fault = make_set(env, top, at->c, top);
			break;
		case POLICY_OP_RECORD:
			top -= (int64_t)at->c - 1;
			fault = make_record(env, code->names + at->b, top, at->c, top);
			break;
		case POLICY_OP_WHEN:
		case POLICY_OP_UNLESS:
			if (top->kind != POLICY_BOOL) {
				return POLICY_FAULT_TYPE;
			}
			if ((top--)->b == (at->op == POLICY_OP_UNLESS)) {
				*ret = false;
				return POLICY_FAULT_NONE;
			}
			break;
		case POLICY_OP_DONE:
			*ret = true;
			return POLICY_FAULT_NONE;
		}
		if (UNLIKELY(fault)) {
			return fault;
		}
	}
}

void policy_machine_begin(struct policy_machine *m, const struct policy_code *code,
			  const struct policy_env *env)
{
	*m = (struct policy_machine){.code = code, .env = env};
	if (code->n_memo > 0) {
		m->memo = arena_alloc(env->scratch, code->n_memo * sizeof(*m->memo));
	}
}

enum policy_fault_code policy_run(struct policy_machine *m, const struct policy_code_entry *e,
				  bool *ret)
{
	if (e->stack > m->stack_cap || !m->stack) {
		uint32_t cap = e->stack > STACK_LEAST ? e->stack : STACK_LEAST;

		m->stack = arena_alloc(m->env->scratch, (size_t)cap * sizeof(*m->stack));
		if (!m->stack) {
			return POLICY_FAULT_MEMORY;
		}
		m->stack_cap = cap;
	}
	return run(m, m->code->insns + e->start, ret);
}
