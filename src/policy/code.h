/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled form of policies: straight-line code for a small stack machine.
 * Jumps only go forward, so every run ends after at most as many steps as the
 * policy has instructions. Constants (also whole sets and extension values) are
 * made once, at compile time, and shared by all policies of the set.
 *
 * The meaning is that of policy/eval.h, errors included. The order of evaluation
 * is the language's; nothing is reordered.
 */
#ifndef POLICY_CODE_H
#define POLICY_CODE_H

#include "policy/eval.h"

enum policy_opcode {
	POLICY_OP_CONST, /* push constant c */
	POLICY_OP_VAR,   /* push variable a */
	POLICY_OP_PATH,  /* push path c: attributes of a variable, as context.input.to */
	POLICY_OP_FAULT, /* fail with fault a: what constant folding found */
	POLICY_OP_AND,   /* top is Bool; false: go to c and keep it; true: drop it */
	POLICY_OP_OR,    /* the same with true */
	POLICY_OP_BOOL,  /* top must be Bool */
	POLICY_OP_ELSE,  /* drop a Bool; when false go to c */
	POLICY_OP_JUMP,  /* go to c */
	POLICY_OP_NOT,
	POLICY_OP_NEG,
	POLICY_OP_BINARY,   /* a is the enum policy_expr_kind; two operands to one result */
	POLICY_OP_BINARY_C, /* the same with constant c as the right operand */
	POLICY_OP_IN,
	POLICY_OP_IS,    /* type name constant c */
	POLICY_OP_IS_GO, /* top is an Entity; another type than constant b: false, go to c */
	POLICY_OP_GET,   /* attribute constant c */
	POLICY_OP_HAS,
	POLICY_OP_HAS_GO, /* without attribute constant b: false, go to c; with it: its value */
	POLICY_OP_LIKE,   /* pattern c */
	POLICY_OP_CALL,   /* function a on c operands */
	POLICY_OP_SET,    /* c operands */
	POLICY_OP_RECORD, /* c operands, their names from names[b] on */
	POLICY_OP_WHEN,   /* drop a Bool; false ends: not satisfied */
	POLICY_OP_UNLESS, /* drop a Bool; true ends: not satisfied */
	POLICY_OP_DONE,   /* ends: satisfied */
};

struct policy_insn {
	uint32_t op : 8; /* enum policy_opcode */
	uint32_t a : 8;
	uint32_t b; /* HAS_GO, IS_GO, RECORD */
	uint32_t c;
};

/* One part of a scope; the index narrows candidates, this decides. */
struct policy_code_scope {
	uint8_t op; /* enum policy_scope_op */
	uint32_t type;
	uint32_t uids, n_uids; /* from uids[] */
};

struct policy_code_entry {
	struct policy_code_scope scope[3]; /* principal, action, resource */
	uint32_t start;
	uint32_t stack; /* values needed */
	bool twice;     /* stands in the index under several keys */
};

#define POLICY_PATH_NONE UINT32_MAX
#define POLICY_MEMO_MAX  64

/*
 * A variable with attributes. Policies share paths; the most used ones have a
 * slot, and are looked up at most once in a decision.
 */
struct policy_code_path {
	uint32_t parent; /* another path, or NONE: then `var` itself */
	uint32_t name;   /* constant */
	uint8_t var;     /* enum policy_var */
	uint8_t slot;    /* below POLICY_MEMO_MAX, or POLICY_MEMO_MAX for none */
	uint32_t uses;
};

struct policy_code {
	struct policy_insn *insns;
	struct policy_value *consts;
	struct policy_pattern *patterns;
	struct str *names;
	const struct policy_uid **uids;
	struct policy_code_path *paths;
	struct policy_code_entry *entries; /* one for each policy */
	size_t n_insns, n_consts, n_patterns, n_names, n_uids, n_paths, n_entries;
	size_t n_memo; /* slots in use */
};

/*
 * Compiles the policies, which may be forgotten afterwards: nothing of them is
 * borrowed. ERR_NOMEM, or ERR_LIMIT above 2^31 of anything.
 */
enum err_code policy_compile(struct arena *a, const struct policy *const *policies, size_t n,
			     struct policy_code *ret, struct err *err) MUST_USE;

/* Do the scope constraints hold? */
bool policy_code_scope_matches(const struct policy_code *code, const struct policy_code_entry *e,
			       const struct policy_env *env);

/* What runs of one decision share. */
struct policy_machine {
	const struct policy_code *code;
	const struct policy_env *env;
	struct policy_value *stack, *memo;
	uint32_t stack_cap;
	uint64_t known; /* slots of `memo` that hold a value */
};

void policy_machine_begin(struct policy_machine *m, const struct policy_code *code,
			  const struct policy_env *env);

/* Runs the conditions of one policy; *ret says whether they hold. */
enum policy_fault_code policy_run(struct policy_machine *m, const struct policy_code_entry *e,
				  bool *ret) MUST_USE;

#endif
