/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter of provider scripts. Values are policy values; they never change, so
 * assigning into a map makes a new one. */
#include "policy/data.h"
#include "policy/dw_script_priv.h"

static enum script_flow eval(struct script_run *r, const struct script_node *n,
			     struct policy_value *ret);

enum script_flow script_fail(struct script_run *r, const struct script_node *n, enum err_code code,
			     const char *what)
{
	if (!r->code) {
		r->code = ERR(r->err, code, "script, line %u: %s", n->line, what);
	}
	return FLOW_FAILED;
}

static struct script_var *lookup(struct script_run *r, struct str name)
{
	for (size_t i = r->n; i > r->base; i--) {
		if (str_eq(r->vars[i - 1].name, name)) {
			return &r->vars[i - 1];
		}
	}
	return NULL;
}

static enum script_flow declare(struct script_run *r, const struct script_node *n, struct str name,
				struct policy_value v)
{
	if (r->n == SCRIPT_VARS_MAX) {
		return script_fail(r, n, ERR_LIMIT, "more than 256 variables");
	}
	r->vars[r->n++] = (struct script_var){name, v};
	return FLOW_ON;
}

static enum script_flow make_map(struct script_run *r, const struct script_node *n,
				 struct policy_value *ret)
{
	struct policy_record rec;

	policy_record_begin(&rec, r->a);
	if (n->n > DW_SCRIPT_ITEMS) {
		return script_fail(r, n, ERR_LIMIT, "more than 4096 members");
	}
	for (size_t i = 0; i < n->n; i++) {
		struct policy_value v;
		enum script_flow f = eval(r, n->kid[i], &v);

		if (f) {
			return f;
		}
		policy_record_put(&rec, n->names[i], v);
	}
	return policy_record_end(&rec, ret) ? FLOW_ON
					    : script_fail(r, n, ERR_INVALID, "a key occurs twice");
}

/* An array is a SET whose order is that of the text; it is made canonical at the end. */
static enum script_flow make_array(struct script_run *r, const struct script_node *n,
				   struct policy_value *ret)
{
	struct policy_value *items = ARENA_ARRAY(r->a, n->n, struct policy_value);

	if (!items) {
		return script_fail(r, n, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n->n; i++) {
		enum script_flow f = eval(r, n->kid[i], &items[i]);

		if (f) {
			return f;
		}
	}
	*ret = (struct policy_value){.kind = POLICY_SET, .n = (uint32_t)n->n, .elems = items};
	return FLOW_ON;
}

static enum script_flow join(struct script_run *r, const struct script_node *n, struct str a,
			     struct str b, struct policy_value *ret)
{
	char *p;

	if (a.n + b.n > DW_SCRIPT_TEXT) {
		return script_fail(r, n, ERR_LIMIT, "a text longer than 65536 bytes");
	}
	p = arena_alloc(r->a, a.n + b.n);
	if (!p) {
		return script_fail(r, n, ERR_NOMEM, "out of memory");
	}
	if (a.n > 0) {
		memcpy(p, a.p, a.n);
	}
	if (b.n > 0) {
		memcpy(p + a.n, b.p, b.n);
	}
	*ret = policy_string(str_make(p, a.n + b.n));
	return FLOW_ON;
}

static enum script_flow arithmetic(struct script_run *r, const struct script_node *n,
				   enum script_op op, struct policy_value a, struct policy_value b,
				   struct policy_value *ret)
{
	int64_t v = 0;
	bool bad = false;

	if (op == SCRIPT_ADD && a.kind == POLICY_STRING && b.kind == POLICY_STRING) {
		return join(r, n, policy_value_str(a), policy_value_str(b), ret);
	}
	if (a.kind != b.kind || (a.kind != POLICY_LONG && a.kind != POLICY_DECIMAL)) {
		return script_fail(r, n, ERR_INVALID, "these cannot be calculated with");
	}
	if (op == SCRIPT_ADD) {
		bad = __builtin_add_overflow(a.i, b.i, &v);
	} else if (op == SCRIPT_SUB) {
		bad = __builtin_sub_overflow(a.i, b.i, &v);
	} else if (a.kind == POLICY_DECIMAL) {
		return script_fail(r, n, ERR_UNSUPPORTED,
				   "decimals can only be added and subtracted");
	} else if (op == SCRIPT_MUL) {
		bad = __builtin_mul_overflow(a.i, b.i, &v);
	} else if (b.i == 0 || (a.i == INT64_MIN && b.i == -1)) {
		bad = true;
	} else {
		v = op == SCRIPT_DIV ? a.i / b.i : a.i % b.i;
	}
	if (bad) {
		return script_fail(r, n, ERR_INVALID, "arithmetic overflow");
	}
	*ret = policy_scalar(a.kind, v);
	return FLOW_ON;
}

static enum script_flow compare(struct script_run *r, const struct script_node *n,
				struct policy_value a, struct policy_value b,
				struct policy_value *ret)
{
	int c;

	if (n->op == SCRIPT_EQ || n->op == SCRIPT_NE) {
		*ret = policy_bool(script_equal(a, b) == (n->op == SCRIPT_EQ));
		return FLOW_ON;
	}
	if (a.kind != b.kind ||
	    (a.kind != POLICY_LONG && a.kind != POLICY_DECIMAL && a.kind != POLICY_STRING)) {
		return script_fail(r, n, ERR_INVALID, "these cannot be ordered");
	}
	c = a.kind == POLICY_STRING ? str_cmp(policy_value_str(a), policy_value_str(b))
				    : (a.i > b.i) - (a.i < b.i);
	*ret = policy_bool(n->op == SCRIPT_LT   ? c < 0
			   : n->op == SCRIPT_LE ? c <= 0
			   : n->op == SCRIPT_GT ? c > 0
						: c >= 0);
	return FLOW_ON;
}

static enum script_flow binary(struct script_run *r, const struct script_node *n,
			       struct policy_value *ret)
{
	struct policy_value a, b;
	enum script_flow f = eval(r, n->kid[0], &a);

	if (f) {
		return f;
	}
	if (n->op == SCRIPT_OR || n->op == SCRIPT_AND) {
		if (a.kind != POLICY_BOOL) {
			return script_fail(r, n, ERR_INVALID, "expected true or false");
		}
		if (a.b == (n->op == SCRIPT_OR)) {
			*ret = a;
			return FLOW_ON;
		}
		f = eval(r, n->kid[1], ret);
		return f || ret->kind == POLICY_BOOL
			       ? f
			       : script_fail(r, n, ERR_INVALID, "expected true or false");
	}
	f = eval(r, n->kid[1], &b);
	if (f) {
		return f;
	}
	if (n->op >= SCRIPT_EQ && n->op <= SCRIPT_GE) {
		return compare(r, n, a, b, ret);
	}
	return arithmetic(r, n, n->op, a, b, ret);
}

static enum script_flow unary(struct script_run *r, const struct script_node *n,
			      struct policy_value *ret)
{
	struct policy_value v;
	enum script_flow f = eval(r, n->kid[0], &v);

	if (f) {
		return f;
	}
	if (n->op == SCRIPT_NOT && v.kind == POLICY_BOOL) {
		*ret = policy_bool(!v.b);
		return FLOW_ON;
	}
	if (n->op == SCRIPT_NEG && (v.kind == POLICY_LONG || v.kind == POLICY_DECIMAL)) {
		return arithmetic(r, n, SCRIPT_SUB, policy_scalar(v.kind, 0), v, ret);
	}
	return script_fail(r, n, ERR_INVALID, "this operator does not apply");
}

static enum script_flow invoke(struct script_run *r, const struct script_node *n,
			       const struct script_fn *fn, const struct policy_value *arg,
			       struct policy_value *ret)
{
	size_t n_vars = r->n, base = r->base;
	enum script_flow f = FLOW_ON;

	if (r->calls >= DW_SCRIPT_CALLS) {
		return script_fail(r, n, ERR_LIMIT, "calls nested deeper than 64");
	}
	r->calls++;
	r->base = r->n;
	for (size_t i = 0; !f && i < fn->n_params; i++) {
		f = declare(r, n, fn->params[i], arg[i]);
	}
	if (!f) {
		f = eval(r, fn->body, ret);
	}
	if (f == FLOW_RETURN) {
		*ret = r->result;
		f = FLOW_ON;
	}
	r->calls--;
	r->base = base;
	r->n = n_vars;
	return f == FLOW_BREAK || f == FLOW_CONTINUE
		       ? script_fail(r, n, ERR_INVALID, "break or continue outside a loop")
		       : f;
}

static enum script_flow call(struct script_run *r, const struct script_node *n,
			     struct policy_value *ret)
{
	struct policy_value arg[17];
	const struct script_fn *fn = NULL;

	if (n->n > 16) {
		return script_fail(r, n, ERR_LIMIT, "more than 16 arguments");
	}
	for (size_t i = 0; i < n->n; i++) {
		enum script_flow f = eval(r, n->kid[i], &arg[i]);

		if (f) {
			return f;
		}
	}
	fn = script_fn_find(r->script, n->text, n->n);
	if (fn) {
		return invoke(r, n, fn, arg, ret);
	}
	if (n->kind == SCRIPT_METHOD) {
		return script_method(r, n, arg, n->n, ret);
	}
	return script_builtin(r, n, arg, n->n, ret);
}

/* v.key or v[key]; what a map lacks is (). */
static enum script_flow element(struct script_run *r, const struct script_node *n,
				struct policy_value v, struct policy_value key,
				struct policy_value *ret)
{
	const struct policy_value *found;

	if (v.kind == POLICY_RECORD && key.kind == POLICY_STRING) {
		found = policy_record_find(v, policy_value_str(key));
		*ret = found ? *found : (struct policy_value){0};
		return FLOW_ON;
	}
	if (v.kind == POLICY_SET && key.kind == POLICY_LONG) {
		int64_t i = key.i < 0 ? key.i + v.n : key.i;

		if (i < 0 || i >= v.n) {
			return script_fail(r, n, ERR_INVALID, "an index is out of range");
		}
		*ret = v.elems[i];
		return FLOW_ON;
	}
	return script_fail(r, n, ERR_INVALID, "this has no elements");
}

static enum script_flow key_of(struct script_run *r, const struct script_node *n,
			       struct policy_value *ret)
{
	if (n->kind == SCRIPT_FIELD) {
		*ret = policy_string(n->text);
		return FLOW_ON;
	}
	return eval(r, n->kid[1], ret);
}

/* A copy of the map with one member set. */
static enum script_flow with_member(struct script_run *r, const struct script_node *n,
				    struct policy_value map, struct policy_value key,
				    struct policy_value v, struct policy_value *ret)
{
	struct policy_field *fields;
	size_t k = 0;

	if (map.kind != POLICY_RECORD || key.kind != POLICY_STRING) {
		return script_fail(r, n, ERR_UNSUPPORTED, "only members of maps can be assigned");
	}
	if (map.n >= DW_SCRIPT_ITEMS) {
		return script_fail(r, n, ERR_LIMIT, "more than 4096 members");
	}
	fields = ARENA_ARRAY(r->a, (size_t)map.n + 1, struct policy_field);
	if (!fields) {
		return script_fail(r, n, ERR_NOMEM, "out of memory");
	}
	r->steps -= r->steps > map.n ? map.n : r->steps;
	for (uint32_t i = 0; i < map.n; i++) {
		if (!str_eq(map.fields[i].key, policy_value_str(key))) {
			fields[k++] = map.fields[i];
		}
	}
	fields[k++] = (struct policy_field){policy_value_str(key), v};
	return policy_value_record(fields, k, ret)
		       ? FLOW_ON
		       : script_fail(r, n, ERR_INVALID, "a key occurs twice");
}

/* Stores v where the expression points, rebuilding what is around it. */
static enum script_flow store(struct script_run *r, const struct script_node *to,
			      struct policy_value v)
{
	struct policy_value around = {0}, key = {0}, changed = {0};
	enum script_flow f;

	if (to->kind == SCRIPT_NAME) {
		struct script_var *var = lookup(r, to->text);

		if (!var) {
			return script_fail(r, to, ERR_INVALID, "unknown variable");
		}
		var->v = v;
		return FLOW_ON;
	}
	if (to->kind != SCRIPT_FIELD && to->kind != SCRIPT_INDEX) {
		return script_fail(r, to, ERR_INVALID, "this cannot be assigned to");
	}
	f = eval(r, to->kid[0], &around);
	f = f ? f : key_of(r, to, &key);
	f = f ? f : with_member(r, to, around, key, v, &changed);
	return f ? f : store(r, to->kid[0], changed);
}

static enum script_flow assign(struct script_run *r, const struct script_node *n)
{
	struct policy_value v = {0}, old = {0};
	enum script_flow f = eval(r, n->kid[1], &v);

	if (!f && n->op != SCRIPT_NOP) {
		f = eval(r, n->kid[0], &old);
		f = f ? f : arithmetic(r, n, n->op, old, v, &v);
	}
	return f ? f : store(r, n->kid[0], v);
}

static enum script_flow condition(struct script_run *r, const struct script_node *n, bool *ret)
{
	struct policy_value v;
	enum script_flow f = eval(r, n, &v);

	if (f) {
		return f;
	}
	if (v.kind != POLICY_BOOL) {
		return script_fail(r, n, ERR_INVALID, "expected true or false");
	}
	*ret = v.b;
	return FLOW_ON;
}

static enum script_flow for_each(struct script_run *r, const struct script_node *n)
{
	struct policy_value items, ignored;
	size_t n_vars = r->n;
	enum script_flow f = eval(r, n->kid[0], &items);

	if (f) {
		return f;
	}
	if (items.kind != POLICY_SET) {
		return script_fail(r, n, ERR_UNSUPPORTED, "only an array can be looped over");
	}
	for (uint32_t i = 0; i < items.n; i++) {
		f = declare(r, n, n->text, items.elems[i]);
		f = f ? f : eval(r, n->kid[1], &ignored);
		r->n = n_vars;
		if (f == FLOW_BREAK) {
			break;
		}
		if (f == FLOW_RETURN || f == FLOW_FAILED) {
			return f;
		}
	}
	return FLOW_ON;
}

static enum script_flow while_true(struct script_run *r, const struct script_node *n)
{
	struct policy_value ignored;
	bool go = false;
	enum script_flow f;

	for (;;) {
		f = condition(r, n->kid[0], &go);
		if (f || !go) {
			return f;
		}
		f = eval(r, n->kid[1], &ignored);
		if (f == FLOW_BREAK) {
			return FLOW_ON;
		}
		if (f == FLOW_RETURN || f == FLOW_FAILED) {
			return f;
		}
	}
}

static enum script_flow block(struct script_run *r, const struct script_node *n,
			      struct policy_value *ret)
{
	size_t n_vars = r->n;
	enum script_flow f = FLOW_ON;

	for (size_t i = 0; !f && i < n->n; i++) {
		f = eval(r, n->kid[i], ret);
	}
	if (!n->value || n->n == 0) {
		*ret = (struct policy_value){0};
	}
	r->n = n_vars;
	return f;
}

static enum script_flow eval_node(struct script_run *r, const struct script_node *n,
				  struct policy_value *ret)
{
	struct policy_value v = {0}, key = {0};
	bool yes = false;
	enum script_flow f;

	*ret = (struct policy_value){0};
	if (r->steps == 0) {
		return script_fail(r, n, ERR_LIMIT, "more than 1000000 steps");
	}
	r->steps--;
	switch (n->kind) {
	case SCRIPT_UNIT:
		return FLOW_ON;
	case SCRIPT_BOOL:
		*ret = policy_bool(n->number != 0);
		return FLOW_ON;
	case SCRIPT_INT:
		*ret = policy_long(n->number);
		return FLOW_ON;
	case SCRIPT_TEXT:
		*ret = policy_string(n->text);
		return FLOW_ON;
	case SCRIPT_NAME: {
		const struct script_var *var = lookup(r, n->text);

		if (!var) {
			return script_fail(r, n, ERR_INVALID, "unknown variable");
		}
		*ret = var->v;
		return FLOW_ON;
	}
	case SCRIPT_ARRAY:
		return make_array(r, n, ret);
	case SCRIPT_MAP:
		return make_map(r, n, ret);
	case SCRIPT_UNARY:
		return unary(r, n, ret);
	case SCRIPT_BINARY:
		return binary(r, n, ret);
	case SCRIPT_CALL:
	case SCRIPT_METHOD:
		return call(r, n, ret);
	case SCRIPT_FIELD:
	case SCRIPT_INDEX:
		f = eval(r, n->kid[0], &v);
		f = f ? f : key_of(r, n, &key);
		return f ? f : element(r, n, v, key, ret);
	case SCRIPT_IF:
		f = condition(r, n->kid[0], &yes);
		if (f || (!yes && n->n < 3)) {
			return f;
		}
		return eval(r, n->kid[yes ? 1 : 2], ret);
	case SCRIPT_BLOCK:
		return block(r, n, ret);
	case SCRIPT_LET:
		f = eval(r, n->kid[0], &v);
		return f ? f : declare(r, n, n->text, v);
	case SCRIPT_ASSIGN:
		return assign(r, n);
	case SCRIPT_RETURN:
		f = n->n > 0 ? eval(r, n->kid[0], &v) : FLOW_ON;
		r->result = n->n > 0 ? v : (struct policy_value){0};
		return f ? f : FLOW_RETURN;
	case SCRIPT_FOR:
		return for_each(r, n);
	case SCRIPT_WHILE:
		return while_true(r, n);
	case SCRIPT_BREAK:
		return FLOW_BREAK;
	case SCRIPT_CONTINUE:
		return FLOW_CONTINUE;
	}
	return script_fail(r, n, ERR_INVALID, "unknown statement");
}

/* Bounds the stack: calls and what is nested in their functions count together. */
static enum script_flow eval(struct script_run *r, const struct script_node *n,
			     struct policy_value *ret)
{
	enum script_flow f;

	if (r->depth >= DW_SCRIPT_EVALS) {
		return script_fail(r, n, ERR_LIMIT, "evaluated deeper than 1024");
	}
	r->depth++;
	f = eval_node(r, n, ret);
	r->depth--;
	return f;
}

/* Arrays become sets; () inside is no value a policy can hold. */
static bool finish(struct arena *a, struct policy_value *v, int depth)
{
	if (v->kind == POLICY_NONE || depth > DW_SCRIPT_DEPTH) {
		return depth == 0;
	}
	if (v->kind == POLICY_SET) {
		struct policy_value *items = ARENA_ARRAY(a, v->n, struct policy_value);

		for (uint32_t i = 0; i < v->n; i++) {
			if (!items) {
				return false;
			}
			items[i] = v->elems[i];
			if (!finish(a, &items[i], depth + 1)) {
				return false;
			}
		}
		*v = policy_value_set(items, v->n);
	} else if (v->kind == POLICY_RECORD) {
		struct policy_field *fields = ARENA_ARRAY(a, v->n, struct policy_field);

		for (uint32_t i = 0; i < v->n; i++) {
			if (!fields) {
				return false;
			}
			fields[i] = v->fields[i];
			if (!finish(a, &fields[i].value, depth + 1)) {
				return false;
			}
		}
		v->fields = fields;
	}
	return true;
}

enum err_code dw_script_value(struct policy_value v, struct arena *scratch,
			      struct policy_value *ret, struct err *err)
{
	if (!finish(scratch, &v, 0)) {
		return scratch->exhausted ? ERR(err, ERR_NOMEM, "script: out of memory")
					  : ERR(err, ERR_INVALID, "script: the result holds ()");
	}
	*ret = v;
	return ERR_OK;
}

enum err_code dw_script_call(const struct dw_script *script, const struct script_fn *fn,
			     const struct policy_value *args, struct arena *scratch,
			     struct policy_value *ret, struct err *err)
{
	struct script_run *r = ARENA_NEW(scratch, struct script_run);
	struct policy_value v;

	if (!r) {
		return ERR(err, ERR_NOMEM, "script: out of memory");
	}
	r->script = script;
	r->a = scratch;
	r->steps = DW_SCRIPT_STEPS;
	r->err = err;
	if (invoke(r, fn->body, fn, args, &v)) {
		return r->code ? r->code : ERR(err, ERR_NOMEM, "script: out of memory");
	}
	*ret = v;
	return ERR_OK;
}

enum err_code dw_script_run(const struct dw_script *script, const struct policy_value *args,
			    size_t n, struct arena *scratch, struct policy_value *ret,
			    struct err *err)
{
	struct policy_value raw;

	ASSERT(n == script->entry->n_params);
	TRY(dw_script_call(script, script->entry, args, scratch, &raw, err));
	return dw_script_value(raw, scratch, ret, err);
}
