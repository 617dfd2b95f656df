/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include "policy/decide_priv.h"
#include "json/write.h"

#define SHOWN_MAX 120 /* bytes of a value or of a piece of text on one line */

struct walk {
	const struct policy_env *env;
	struct policy_explanation *x;
	bool nomem;
};

static struct policy_step *put(struct walk *w, enum policy_step_kind kind, struct policy_span span,
			       uint32_t depth)
{
	struct policy_explanation *x = w->x;

	if (x->n >= POLICY_EXPLAIN_MAX) {
		x->cut = true;
		return NULL;
	}
	if (!ARENA_GROW(w->env->scratch, &x->steps, x->n, &x->cap)) {
		w->nomem = true;
		return NULL;
	}
	x->steps[x->n] = (struct policy_step){.kind = kind, .span = span, .depth = depth};
	return &x->steps[x->n++];
}

static void set_result(struct policy_step *s, struct policy_fault fault, struct policy_value v)
{
	s->state = fault.code ? POLICY_STEP_FAULT : POLICY_STEP_VALUE;
	s->fault = fault.code;
	s->value = v;
}

/* Would the operand be evaluated, given how those before it came out? */
static bool reached(const struct walk *w, const struct policy_expr *e, uint32_t i)
{
	struct policy_value v = {0};

	for (uint32_t k = 0; k < i; k++) {
		bool chosen = e->kind == POLICY_EXPR_IF && k == 1;

		if (!chosen && policy_eval(w->env, e->arg[k], &v).code) {
			return false;
		}
		if (chosen) {
			continue;
		}
		if (e->kind == POLICY_EXPR_AND || e->kind == POLICY_EXPR_OR) {
			return v.kind == POLICY_BOOL && v.b == (e->kind == POLICY_EXPR_AND);
		}
		if (e->kind == POLICY_EXPR_IF) {
			return v.kind == POLICY_BOOL && v.b == (i == 1);
		}
		if (e->kind == POLICY_EXPR_IS) {
			return v.kind == POLICY_ENTITY && str_eq(v.uid->type, e->names[0]);
		}
	}
	return true;
}

/* Literals say themselves what they are. */
static bool is_obvious(const struct policy_expr *e)
{
	return e->kind == POLICY_EXPR_LIT;
}

static void explain_expr(struct walk *w, const struct policy_expr *e, uint32_t depth, bool run)
{
	struct policy_step *s = put(w, POLICY_STEP_EXPR, e->span, depth);

	if (!s) {
		return;
	}
	if (run) {
		struct policy_value v = {0};
		struct policy_fault fault = policy_eval(w->env, e, &v);

		set_result(s, fault, v);
	}
	for (uint32_t i = 0; i < e->n_args && !w->nomem && !w->x->cut; i++) {
		if (!is_obvious(e->arg[i])) {
			explain_expr(w, e->arg[i], depth + 1, run && reached(w, e, i));
		}
	}
}

/* The whole scope is tested by the evaluator; here each part is tried by itself. */
static bool explain_scope(struct walk *w, const struct policy *p, const struct policy_scope *part,
			  bool run)
{
	static const struct policy_scope any = {.op = POLICY_SCOPE_ANY};
	struct policy only = *p;
	struct policy_step *s = put(w, POLICY_STEP_SCOPE, part->span, 0);
	bool holds;

	only.principal = part == &p->principal ? *part : any;
	only.action = part == &p->action ? *part : any;
	only.resource = part == &p->resource ? *part : any;
	holds = run && policy_scope_matches(w->env, &only);
	if (s && run) {
		s->state = POLICY_STEP_VALUE;
		s->value = policy_bool(holds);
	}
	return holds;
}

static bool explain_cond(struct walk *w, const struct policy_cond *c, bool run)
{
	struct policy_step *s =
		put(w, c->unless ? POLICY_STEP_UNLESS : POLICY_STEP_WHEN, c->span, 0);
	bool holds = false;

	if (run) {
		struct policy_value v = {0};
		struct policy_fault fault = policy_eval(w->env, c->body, &v);

		if (!fault.code && v.kind != POLICY_BOOL) {
			fault.code = POLICY_FAULT_TYPE;
		}
		if (s) {
			set_result(s, fault, v);
		}
		holds = !fault.code && v.b != c->unless;
	}
	explain_expr(w, c->body, 1, run);
	return holds;
}

enum err_code policy_explain(const struct policy_env *env, const struct policy *p,
			     struct policy_explanation *ret, struct err *err)
{
	struct policy_explanation x = {.policy = p};
	struct walk w = {.env = env, .x = &x};
	bool run;

	x.fault = policy_eval_policy(env, p, &x.satisfied).code;
	run = explain_scope(&w, p, &p->principal, true);
	run = explain_scope(&w, p, &p->action, run);
	run = explain_scope(&w, p, &p->resource, run);
	for (size_t i = 0; i < p->n_conds; i++) {
		run = explain_cond(&w, &p->conds[i], run);
	}
	if (w.nomem || x.fault == POLICY_FAULT_MEMORY) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	*ret = x;
	return ERR_OK;
}

enum err_code policy_explain_request(const struct policy_request *req, const struct policy *p,
				     struct arena *scratch, struct policy_explanation *ret,
				     struct err *err)
{
	struct policy_env env;

	if (!policy_request_env(req, scratch, &env)) {
		return scratch->exhausted ? ERR(err, ERR_NOMEM, "out of memory")
					  : ERR(err, ERR_INVALID, "the request cannot be decided");
	}
	return policy_explain(&env, p, ret, err);
}

/* One line: runs of white space become one space, long text is cut. */
static void put_line(struct buf *out, struct str s)
{
	bool space = false;
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (n >= SHOWN_MAX && (c & 0xC0) != 0x80) {
			buf_append(out, STR("..."));
			return;
		}
		if (c <= ' ' || c == 0x7F) {
			space = n > 0;
			continue;
		}
		if (space) {
			buf_append_c(out, ' ');
			n++;
		}
		space = false;
		buf_append_c(out, (char)c);
		n++;
	}
}

static struct str text_of(const struct policy_explanation *x, struct policy_span span)
{
	struct str text = x->policy->source->text;

	return (size_t)span.at + span.n <= text.n ? str_make(text.p + span.at, span.n) : STR("");
}

/* The value, cut to one line. */
static void put_value(struct buf *out, struct policy_value v)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	policy_value_write(&text, v);
	put_line(out, text.failed ? STR("(a long value)") : buf_str(&text));
	buf_done(&text);
}

static void put_result(struct buf *out, const struct policy_step *s)
{
	switch (s->state) {
	case POLICY_STEP_SKIPPED:
		buf_append(out, STR("not reached"));
		break;
	case POLICY_STEP_VALUE:
		put_value(out, s->value);
		break;
	case POLICY_STEP_FAULT:
		buf_printf(out, "error: %s", policy_fault_name(s->fault));
		break;
	}
}

static const char *state_of(const struct policy_explanation *x)
{
	return x->fault ? "error" : x->satisfied ? "satisfied" : "not satisfied";
}

void policy_explanation_write(struct buf *out, const struct policy_explanation *x)
{
	const struct policy *p = x->policy;
	struct policy_position at = policy_position(p->source->text, p->effect_span.at);

	buf_append(out, p->effect == POLICY_PERMIT ? STR("permit ") : STR("forbid "));
	put_line(out, p->id);
	buf_append(out, STR(" ("));
	put_line(out, p->source->name);
	buf_printf(out, ":%u): %s", at.line, state_of(x));
	if (x->fault) {
		buf_printf(out, ": %s", policy_fault_name(x->fault));
	}
	buf_append_c(out, '\n');
	for (size_t i = 0; i < x->n; i++) {
		const struct policy_step *s = &x->steps[i];

		at = policy_position(p->source->text, s->span.at);
		buf_printf(out, "%6u:%-4u", at.line, at.column);
		for (uint32_t d = 0; d < s->depth && d < 40; d++) {
			buf_append(out, STR("  "));
		}
		put_line(out, text_of(x, s->span));
		buf_append(out, STR("  =>  "));
		put_result(out, s);
		buf_append_c(out, '\n');
	}
	if (x->cut) {
		buf_printf(out, "           and more; only %d steps are shown\n",
			   POLICY_EXPLAIN_MAX);
	}
}

static void step_json(struct json_writer *w, const struct policy_explanation *x,
		      const struct policy_step *s)
{
	static const char *const kinds[] = {"scope", "when", "unless", "expression"};
	struct policy_position at = policy_position(x->policy->source->text, s->span.at);
	struct buf value;

	json_w_object(w);
	json_w_key(w, STR("depth"));
	json_w_u64(w, s->depth);
	json_w_key(w, STR("kind"));
	json_w_str(w, str_from_c(kinds[s->kind]));
	json_w_key(w, STR("line"));
	json_w_u64(w, at.line);
	json_w_key(w, STR("column"));
	json_w_u64(w, at.column);
	json_w_key(w, STR("text"));
	json_w_str(w, text_of(x, s->span));
	if (s->state == POLICY_STEP_VALUE) {
		buf_init(&value, 1 << 20);
		policy_value_write(&value, s->value);
		json_w_key(w, STR("value"));
		json_w_str(w, buf_str(&value));
		buf_done(&value);
	} else {
		json_w_key(w, s->state == POLICY_STEP_FAULT ? STR("error") : STR("skipped"));
		if (s->state == POLICY_STEP_FAULT) {
			json_w_str(w, str_from_c(policy_fault_name(s->fault)));
		} else {
			json_w_bool(w, true);
		}
	}
	json_w_end(w);
}

void policy_explanation_write_json(struct buf *out, const struct policy_explanation *x)
{
	struct json_writer w = json_writer(out);

	json_w_object(&w);
	json_w_key(&w, STR("policy"));
	json_w_str(&w, x->policy->id);
	json_w_key(&w, STR("effect"));
	json_w_str(&w, x->policy->effect == POLICY_PERMIT ? STR("permit") : STR("forbid"));
	json_w_key(&w, STR("source"));
	json_w_str(&w, x->policy->source->name);
	json_w_key(&w, STR("satisfied"));
	json_w_bool(&w, x->satisfied);
	if (x->fault) {
		json_w_key(&w, STR("error"));
		json_w_str(&w, str_from_c(policy_fault_name(x->fault)));
	}
	json_w_key(&w, STR("steps"));
	json_w_array(&w);
	for (size_t i = 0; i < x->n; i++) {
		step_json(&w, x, &x->steps[i]);
	}
	json_w_end(&w);
	json_w_end(&w);
}
