/* SPDX-License-Identifier: Apache-2.0 */
/* Trees to code. Constant parts are evaluated here, with their errors. */
#include "policy/code.h"

#include "base/hash.h"

#define INDEX_MAX (UINT32_MAX / 2)

struct compiler {
	struct arena *a;       /* for the time of the compilation */
	struct arena *lasting; /* for what constants and patterns point to */
	struct policy_code code;
	size_t cap_insns, cap_consts, cap_patterns, cap_names, cap_uids;
	uint32_t *interned; /* hash table of constants: index + 1 */
	uint64_t *hashes;   /* of constants, by index */
	size_t cap_interned, cap_hashes, cap_paths, cap_path_table;
	uint32_t *path_table;    /* hash table of paths: index + 1 */
	uint32_t depth, deepest; /* of the stack, in the current policy */
	bool failed;
};

static bool compile(struct compiler *c, const struct policy_expr *e);

static uint32_t emit(struct compiler *c, enum policy_opcode op, uint32_t a, uint32_t b, uint32_t n)
{
	struct policy_code *code = &c->code;

	if (code->n_insns >= INDEX_MAX ||
	    !ARENA_GROW(c->a, &code->insns, code->n_insns, &c->cap_insns)) {
		c->failed = true;
		return 0;
	}
	code->insns[code->n_insns] =
		(struct policy_insn){.op = (uint8_t)op, .a = (uint8_t)a, .b = b, .c = n};
	return (uint32_t)code->n_insns++;
}

/* The jump at `at` goes to the next instruction. */
static void land(struct compiler *c, uint32_t at)
{
	if (!c->failed) {
		c->code.insns[at].c = (uint32_t)c->code.n_insns;
	}
}

static void push(struct compiler *c)
{
	c->depth++;
	if (c->depth > c->deepest) {
		c->deepest = c->depth;
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
	return h ^ h >> 29;
}

static uint64_t value_hash(struct policy_value v)
{
	uint64_t h = mix(0, v.kind);

	switch (v.kind) {
	case POLICY_STRING:
		return mix(h, hash_str((struct hash_key){0}, policy_value_str(v)));
	case POLICY_ENTITY:
		return mix(h, v.uid->hash);
	case POLICY_SET:
		for (uint32_t i = 0; i < v.n; i++) {
			h = mix(h, value_hash(v.elems[i]));
		}
		return mix(h, v.n);
	case POLICY_RECORD:
	case POLICY_IP:
		return mix(h, v.n); /* rare: the comparison decides */
	case POLICY_BOOL:
		return mix(h, v.b);
	case POLICY_NONE:
	case POLICY_LONG:
	case POLICY_DECIMAL:
	case POLICY_DATETIME:
	case POLICY_DURATION:
		break;
	}
	return mix(h, (uint64_t)v.i);
}

static bool intern_grow(struct compiler *c)
{
	size_t cap = c->cap_interned ? c->cap_interned * 2 : 64;
	uint32_t *table = ARENA_ARRAY(c->a, cap, uint32_t);

	if (!table) {
		return false;
	}
	for (uint32_t i = 0; i < c->code.n_consts; i++) {
		size_t at = (size_t)c->hashes[i] & (cap - 1);

		while (table[at]) {
			at = (at + 1) & (cap - 1);
		}
		table[at] = i + 1;
	}
	c->interned = table;
	c->cap_interned = cap;
	return true;
}

/* The constant's index; equal values share one. What the value points to is copied. */
static uint32_t constant(struct compiler *c, struct policy_value v)
{
	struct policy_code *code = &c->code;
	uint64_t h = value_hash(v);
	size_t at;

	if (code->n_consts * 2 >= c->cap_interned && !intern_grow(c)) {
		c->failed = true;
		return 0;
	}
	at = (size_t)h & (c->cap_interned - 1);
	for (; c->interned[at]; at = (at + 1) & (c->cap_interned - 1)) {
		uint32_t i = c->interned[at] - 1;

		if (c->hashes[i] == h && policy_value_eq(code->consts[i], v)) {
			return i;
		}
	}
	v = policy_value_dup(c->lasting, v);
	if (v.kind == POLICY_NONE || code->n_consts >= INDEX_MAX ||
	    !ARENA_GROW(c->a, &code->consts, code->n_consts, &c->cap_consts) ||
	    !ARENA_GROW(c->a, &c->hashes, code->n_consts, &c->cap_hashes)) {
		c->failed = true;
		return 0;
	}
	code->consts[code->n_consts] = v;
	c->hashes[code->n_consts] = h;
	c->interned[at] = (uint32_t)code->n_consts + 1;
	return (uint32_t)code->n_consts++;
}

static uint32_t name(struct compiler *c, struct str s)
{
	return constant(c, policy_string(s));
}

/* Does the value depend on nothing but the text? Such trees have literals for leaves. */
static bool is_constant(const struct policy_expr *e)
{
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		return true;
	case POLICY_EXPR_CALL:
		if (e->fn == POLICY_FN_HAS_TAG || e->fn == POLICY_FN_GET_TAG) {
			return false;
		}
		break;
	case POLICY_EXPR_SET:
	case POLICY_EXPR_RECORD:
	case POLICY_EXPR_NEG:
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
	case POLICY_EXPR_MUL:
		break;
	case POLICY_EXPR_VAR:
	case POLICY_EXPR_IF:
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
	case POLICY_EXPR_NOT:
	case POLICY_EXPR_EQ:
	case POLICY_EXPR_NE:
	case POLICY_EXPR_LT:
	case POLICY_EXPR_LE:
	case POLICY_EXPR_GT:
	case POLICY_EXPR_GE:
	case POLICY_EXPR_IN:
	case POLICY_EXPR_IS:
	case POLICY_EXPR_HAS:
	case POLICY_EXPR_GET:
	case POLICY_EXPR_LIKE:
		return false;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (!is_constant(e->arg[i])) {
			return false;
		}
	}
	return true;
}

/* The reference evaluator makes the value, so folding cannot differ from it. */
static void fold(struct compiler *c, const struct policy_expr *e)
{
	const struct policy_env env = {.scratch = c->a};
	struct policy_value v;
	struct policy_fault fault = policy_eval(&env, e, &v);

	if (fault.code == POLICY_FAULT_MEMORY) {
		c->failed = true;
	} else if (fault.code != POLICY_FAULT_NONE) {
		emit(c, POLICY_OP_FAULT, fault.code, 0, 0);
	} else {
		emit(c, POLICY_OP_CONST, 0, 0, constant(c, v));
	}
	push(c);
}

static bool compile_args(struct compiler *c, const struct policy_expr *e)
{
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (!compile(c, e->arg[i])) {
			return false;
		}
	}
	return true;
}

static bool compile_logic(struct compiler *c, const struct policy_expr *e)
{
	uint32_t jump;

	if (!compile(c, e->arg[0])) {
		return false;
	}
	jump = emit(c, e->kind == POLICY_EXPR_AND ? POLICY_OP_AND : POLICY_OP_OR, 0, 0, 0);
	c->depth--;
	if (!compile(c, e->arg[1])) {
		return false;
	}
	emit(c, POLICY_OP_BOOL, 0, 0, 0);
	land(c, jump);
	return true;
}

static bool compile_if(struct compiler *c, const struct policy_expr *e)
{
	uint32_t otherwise, end;

	if (!compile(c, e->arg[0])) {
		return false;
	}
	otherwise = emit(c, POLICY_OP_ELSE, 0, 0, 0);
	c->depth--;
	if (!compile(c, e->arg[1])) {
		return false;
	}
	end = emit(c, POLICY_OP_JUMP, 0, 0, 0);
	land(c, otherwise);
	c->depth--;
	if (!compile(c, e->arg[2])) {
		return false;
	}
	land(c, end);
	return true;
}

static bool compile_binary(struct compiler *c, const struct policy_expr *e)
{
	if (e->kind != POLICY_EXPR_IN && e->arg[1]->kind == POLICY_EXPR_LIT) {
		if (!compile(c, e->arg[0])) {
			return false;
		}
		emit(c, POLICY_OP_BINARY_C, e->kind, 0, constant(c, e->arg[1]->lit));
		return true;
	}
	if (!compile_args(c, e)) {
		return false;
	}
	if (e->kind == POLICY_EXPR_IN) {
		emit(c, POLICY_OP_IN, 0, 0, 0);
	} else {
		emit(c, POLICY_OP_BINARY, e->kind, 0, 0);
	}
	c->depth--;
	return true;
}

static bool compile_is(struct compiler *c, const struct policy_expr *e)
{
	uint32_t jump;

	if (!compile(c, e->arg[0])) {
		return false;
	}
	if (e->n_args == 1) {
		emit(c, POLICY_OP_IS, 0, 0, name(c, e->names[0]));
		return true;
	}
	jump = emit(c, POLICY_OP_IS_GO, 0, name(c, e->names[0]), 0);
	if (!compile(c, e->arg[1])) {
		return false;
	}
	emit(c, POLICY_OP_IN, 0, 0, 0);
	c->depth--;
	land(c, jump);
	return true;
}

static bool compile_has(struct compiler *c, const struct policy_expr *e)
{
	size_t first = c->code.n_insns;

	if (!compile(c, e->arg[0])) {
		return false;
	}
	first = c->code.n_insns;
	for (uint32_t i = 0; i + 1 < e->n_names; i++) {
		emit(c, POLICY_OP_HAS_GO, 0, name(c, e->names[i]), 0);
	}
	emit(c, POLICY_OP_HAS, 0, 0, name(c, e->names[e->n_names - 1]));
	for (uint32_t i = 0; i + 1 < e->n_names; i++) {
		land(c, (uint32_t)first + i);
	}
	return true;
}

static uint64_t path_hash(const struct policy_code_path *p)
{
	return mix(mix(p->parent, p->name), p->var);
}

static bool paths_grow(struct compiler *c)
{
	size_t cap = c->cap_path_table ? c->cap_path_table * 2 : 64;
	uint32_t *table = ARENA_ARRAY(c->a, cap, uint32_t);

	if (!table) {
		return false;
	}
	for (uint32_t i = 0; i < c->code.n_paths; i++) {
		size_t at = (size_t)path_hash(&c->code.paths[i]) & (cap - 1);

		while (table[at]) {
			at = (at + 1) & (cap - 1);
		}
		table[at] = i + 1;
	}
	c->path_table = table;
	c->cap_path_table = cap;
	return true;
}

static uint32_t path_put(struct compiler *c, struct policy_code_path p)
{
	struct policy_code *code = &c->code;
	size_t at;

	if (code->n_paths * 2 >= c->cap_path_table && !paths_grow(c)) {
		c->failed = true;
		return 0;
	}
	at = (size_t)path_hash(&p) & (c->cap_path_table - 1);
	for (; c->path_table[at]; at = (at + 1) & (c->cap_path_table - 1)) {
		struct policy_code_path *q = &code->paths[c->path_table[at] - 1];

		if (q->parent == p.parent && q->name == p.name && q->var == p.var) {
			q->uses++;
			return c->path_table[at] - 1;
		}
	}
	if (code->n_paths >= INDEX_MAX ||
	    !ARENA_GROW(c->a, &code->paths, code->n_paths, &c->cap_paths)) {
		c->failed = true;
		return 0;
	}
	p.uses = 1;
	p.slot = POLICY_MEMO_MAX;
	code->paths[code->n_paths] = p;
	c->path_table[at] = (uint32_t)code->n_paths + 1;
	return (uint32_t)code->n_paths++;
}

/* Attributes of a variable and nothing else. */
static bool is_path(const struct policy_expr *e)
{
	while (e->kind == POLICY_EXPR_GET) {
		e = e->arg[0];
	}
	return e->kind == POLICY_EXPR_VAR;
}

static uint32_t path(struct compiler *c, const struct policy_expr *e)
{
	struct policy_code_path p = {.parent = POLICY_PATH_NONE};

	if (e->arg[0]->kind == POLICY_EXPR_VAR) {
		p.var = (uint8_t)e->arg[0]->var;
	} else {
		p.parent = path(c, e->arg[0]);
	}
	p.name = name(c, e->names[0]);
	return c->failed ? 0 : path_put(c, p);
}

static bool compile_get(struct compiler *c, const struct policy_expr *e)
{
	if (is_path(e)) {
		emit(c, POLICY_OP_PATH, 0, 0, path(c, e));
		push(c);
		return true;
	}
	if (!compile(c, e->arg[0])) {
		return false;
	}
	emit(c, POLICY_OP_GET, 0, 0, name(c, e->names[0]));
	return true;
}

static uint32_t pattern(struct compiler *c, const struct policy_pattern *p)
{
	struct policy_code *code = &c->code;
	struct str *parts = ARENA_ARRAY(c->lasting, p->n, struct str);

	if (!parts || !ARENA_GROW(c->a, &code->patterns, code->n_patterns, &c->cap_patterns)) {
		c->failed = true;
		return 0;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		parts[i] = arena_dup(c->lasting, p->parts[i]);
		c->failed = c->failed || !parts[i].p;
	}
	code->patterns[code->n_patterns] = (struct policy_pattern){parts, p->n};
	return (uint32_t)code->n_patterns++;
}

static bool compile_record(struct compiler *c, const struct policy_expr *e)
{
	uint32_t first;

	if (!compile_args(c, e)) {
		return false;
	}
	first = (uint32_t)c->code.n_names;
	for (uint32_t i = 0; i < e->n_names; i++) {
		uint32_t k = name(c, e->names[i]);

		if (c->failed ||
		    !ARENA_GROW(c->a, &c->code.names, c->code.n_names, &c->cap_names)) {
			c->failed = true;
			return false;
		}
		c->code.names[c->code.n_names++] = policy_value_str(c->code.consts[k]);
	}
	emit(c, POLICY_OP_RECORD, 0, first, e->n_args);
	c->depth -= e->n_args;
	push(c);
	return true;
}

static bool compile_many(struct compiler *c, const struct policy_expr *e, enum policy_opcode op)
{
	if (!compile_args(c, e)) {
		return false;
	}
	emit(c, op, e->fn, 0, e->n_args);
	c->depth -= e->n_args;
	push(c);
	return true;
}

static bool compile_one(struct compiler *c, const struct policy_expr *e, enum policy_opcode op,
			uint32_t operand)
{
	if (!compile(c, e->arg[0])) {
		return false;
	}
	emit(c, op, 0, 0, operand);
	return true;
}

static bool compile(struct compiler *c, const struct policy_expr *e)
{
	if (c->failed) {
		return false;
	}
	if (is_constant(e)) {
		fold(c, e);
		return !c->failed;
	}
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		break;
	case POLICY_EXPR_VAR:
		emit(c, POLICY_OP_VAR, e->var, 0, 0);
		push(c);
		break;
	case POLICY_EXPR_IF:
		return compile_if(c, e);
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
		return compile_logic(c, e);
	case POLICY_EXPR_NOT:
		return compile_one(c, e, POLICY_OP_NOT, 0);
	case POLICY_EXPR_NEG:
		return compile_one(c, e, POLICY_OP_NEG, 0);
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
	case POLICY_EXPR_MUL:
	case POLICY_EXPR_EQ:
	case POLICY_EXPR_NE:
	case POLICY_EXPR_LT:
	case POLICY_EXPR_LE:
	case POLICY_EXPR_GT:
	case POLICY_EXPR_GE:
	case POLICY_EXPR_IN:
		return compile_binary(c, e);
	case POLICY_EXPR_IS:
		return compile_is(c, e);
	case POLICY_EXPR_HAS:
		return compile_has(c, e);
	case POLICY_EXPR_GET:
		return compile_get(c, e);
	case POLICY_EXPR_LIKE:
		return compile_one(c, e, POLICY_OP_LIKE, pattern(c, &e->pattern));
	case POLICY_EXPR_CALL:
		return compile_many(c, e, POLICY_OP_CALL);
	case POLICY_EXPR_SET:
		return compile_many(c, e, POLICY_OP_SET);
	case POLICY_EXPR_RECORD:
		return compile_record(c, e);
	}
	return !c->failed;
}

static void compile_scope(struct compiler *c, const struct policy_scope *s,
			  struct policy_code_scope *ret)
{
	struct policy_code *code = &c->code;

	ret->op = (uint8_t)s->op;
	ret->uids = (uint32_t)code->n_uids;
	ret->n_uids = (uint32_t)s->n_uids;
	if (s->op == POLICY_SCOPE_IS || s->op == POLICY_SCOPE_IS_IN) {
		ret->type = name(c, s->type);
	}
	for (size_t i = 0; i < s->n_uids && !c->failed; i++) {
		uint32_t k = constant(c, policy_entity(&s->uids[i]));

		if (c->failed || !ARENA_GROW(c->a, &code->uids, code->n_uids, &c->cap_uids)) {
			c->failed = true;
			return;
		}
		code->uids[code->n_uids++] = code->consts[k].uid;
	}
}

static void compile_policy(struct compiler *c, const struct policy *p)
{
	struct policy_code_entry *entry = &c->code.entries[c->code.n_entries++];

	compile_scope(c, &p->principal, &entry->scope[0]);
	compile_scope(c, &p->action, &entry->scope[1]);
	compile_scope(c, &p->resource, &entry->scope[2]);
	entry->start = (uint32_t)c->code.n_insns;
	c->depth = c->deepest = 0;
	for (size_t i = 0; i < p->n_conds && !c->failed; i++) {
		if (!compile(c, p->conds[i].body)) {
			return;
		}
		emit(c, p->conds[i].unless ? POLICY_OP_UNLESS : POLICY_OP_WHEN, 0, 0, 0);
		c->depth--;
	}
	emit(c, POLICY_OP_DONE, 0, 0, 0);
	entry->stack = c->deepest;
}

/* The paths used most, and at least twice, get the slots. */
static void give_slots(struct policy_code *code)
{
	for (code->n_memo = 0; code->n_memo < POLICY_MEMO_MAX; code->n_memo++) {
		struct policy_code_path *best = NULL;

		for (size_t i = 0; i < code->n_paths; i++) {
			struct policy_code_path *p = &code->paths[i];

			if (p->slot == POLICY_MEMO_MAX && p->uses > 1 &&
			    (!best || p->uses > best->uses)) {
				best = p;
			}
		}
		if (!best) {
			return;
		}
		best->slot = (uint8_t)code->n_memo;
	}
}

static void *copy(struct arena *a, const void *from, size_t n, size_t size)
{
	void *to = arena_array(a, n, size);

	if (to && n > 0) {
		memcpy(to, from, n * size);
	}
	return to;
}

#define COPY(a, field, n) ((field) = copy((a), (field), (n), sizeof(*(field))))

/* Arrays grew in the working arena; the lasting one gets them in their exact size. */
static bool settle(struct arena *a, struct policy_code *code)
{
	return COPY(a, code->insns, code->n_insns) && COPY(a, code->consts, code->n_consts) &&
	       COPY(a, code->patterns, code->n_patterns) && COPY(a, code->names, code->n_names) &&
	       COPY(a, code->uids, code->n_uids) && COPY(a, code->paths, code->n_paths);
}

enum err_code policy_compile(struct arena *a, const struct policy *const *policies, size_t n,
			     struct policy_code *ret, struct err *err)
{
	struct arena work;
	struct compiler c = {.a = &work, .lasting = a};
	bool good;

	arena_init(&work, a->limit);
	c.code.entries = ARENA_ARRAY(a, n, struct policy_code_entry);
	c.failed = !c.code.entries;
	for (size_t i = 0; i < n && !c.failed; i++) {
		compile_policy(&c, policies[i]);
	}
	give_slots(&c.code);
	good = !c.failed && settle(a, &c.code);
	c.failed = a->exhausted || work.exhausted;
	arena_done(&work);
	if (!good) {
		return c.failed ? ERR(err, ERR_NOMEM, "policies: out of memory")
				: ERR(err, ERR_LIMIT, "policies: compiled form too large");
	}
	*ret = c.code;
	return ERR_OK;
}
