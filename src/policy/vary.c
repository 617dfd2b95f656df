/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/vary.h"

#include "policy/decide_priv.h"

enum { PATH_MOST = 16 };

/* Principal and action as they are, the resource by what the host says of it. */
static bool is_in_scope(const struct policy_vary *q, const struct policy_code_entry *e,
			const struct policy_env *env)
{
	const struct policy_code *code = &q->set->code;
	const struct policy_code_scope *s = &e->scope[2];
	struct policy_code_entry others = *e;
	bool about = s->op == POLICY_SCOPE_ANY || s->op == POLICY_SCOPE_IS;

	others.scope[2].op = s->op == POLICY_SCOPE_IS || s->op == POLICY_SCOPE_IS_IN
				     ? POLICY_SCOPE_IS
				     : POLICY_SCOPE_ANY;
	for (uint32_t i = 0; !about && i < s->n_uids; i++) {
		about = q->is_about(q->arg, code->uids[s->uids + i]);
	}
	return about && policy_code_scope_matches(code, &others, env);
}

static bool path_varies(const struct policy_vary *q, uint32_t number)
{
	const struct policy_code *code = &q->set->code;
	struct str names[PATH_MOST];
	size_t n = PATH_MOST;
	enum policy_var var;

	do {
		const struct policy_code_path *p = &code->paths[number];

		if (n == 0) {
			return true;
		}
		names[--n] = policy_value_str(code->consts[p->name]);
		var = p->var;
		number = p->parent;
	} while (number != POLICY_PATH_NONE);
	return (var == POLICY_VAR_RESOURCE || var == POLICY_VAR_CONTEXT) &&
	       !q->is_fixed(q->arg, var, names + n, PATH_MOST - n);
}

/* What is looked up in a value that is not simply a variable's path: of a resource, or of the context. */
static bool looks_up(const struct policy_insn *in)
{
	return in->op == POLICY_OP_GET || in->op == POLICY_OP_HAS || in->op == POLICY_OP_HAS_GO ||
	       in->op == POLICY_OP_CALL;
}

static bool conditions_vary(const struct policy_vary *q, const struct policy_code_entry *e)
{
	const struct policy_code *code = &q->set->code;
	bool resource = false, looks = false;

	for (size_t i = e->start; i < code->n_insns; i++) {
		const struct policy_insn *in = &code->insns[i];

		if (in->op == POLICY_OP_DONE) {
			break;
		}
		if ((in->op == POLICY_OP_PATH && path_varies(q, in->c)) ||
		    (in->op == POLICY_OP_VAR && in->a == POLICY_VAR_CONTEXT)) {
			return true;
		}
		resource |= in->op == POLICY_OP_VAR && in->a == POLICY_VAR_RESOURCE;
		looks |= looks_up(in);
	}
	return resource && looks;
}

bool policy_varies(const struct policy_vary *q, const struct policy_rule *rule,
		   struct arena *scratch)
{
	const struct policy_code_entry *e = &q->set->code.entries[rule->index];
	struct policy_env env;

	if (rule->log_only) {
		return false;
	}
	if (!policy_request_env(q->request, scratch, &env)) {
		return true;
	}
	return is_in_scope(q, e, &env) &&
	       (rule->since != INT64_MIN || rule->until != INT64_MAX || conditions_vary(q, e));
}
