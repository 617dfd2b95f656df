/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripts of information providers: the part of the Rhai language that pure
 * functions need.
 *
 *   fn NAME(a, b) { ... }        at top level, in any order
 *   let x = e; x = e; x.k = e; x[e] = e; += -=     return e;
 *   if, else, for x in e, while, break, continue; the last expression is the value
 *   || && == != < <= > >= + - * / % ! -  . [] ()  "text" 12 true false () [..] #{k: v}
 *   type_of regex_is_match regex_find regex_count parse_decimal
 *   .len() .is_empty() .contains(x) .starts_with(x) .ends_with(x) .to_lower() .to_upper()
 *
 * x.f(y) is f(x, y) where the script defines f. A call of what neither the script nor this
 * list has is refused when the script is read.
 *
 * Integers are 64 bits and checked; there are no floats, no clock, no modules and
 * no I/O. Values are copied, never shared.
 *
 * Limits: DW_SCRIPT_STEPS steps of a call, DW_SCRIPT_CALLS calls deep,
 * DW_SCRIPT_DEPTH nesting of the text, DW_SCRIPT_EVALS of both together,
 * DW_SCRIPT_TEXT bytes of a string made.
 */
#ifndef POLICY_DW_SCRIPT_H
#define POLICY_DW_SCRIPT_H

#include "policy/value.h"

#define DW_SCRIPT_STEPS 1000000u
#define DW_SCRIPT_CALLS 64
#define DW_SCRIPT_DEPTH 64
#define DW_SCRIPT_EVALS 1024
#define DW_SCRIPT_TEXT  65536u
#define DW_SCRIPT_ITEMS 4096u

struct dw_script;

/* The text is borrowed. It must define `entry` with this many parameters. */
enum err_code dw_script_parse(struct arena *a, struct str text, struct str entry, size_t n_params,
			      const struct dw_script **ret, struct err *err) MUST_USE;

struct script_fn;

/* Borrowed, or NULL: a function with this many parameters. */
const struct script_fn *dw_script_find(const struct dw_script *script, struct str name,
				       size_t n_params);

/*
 * Calls a function with as many arguments as it has parameters. A POLICY_NONE argument is
 * (); so may the result be. In what the scripts compute with, arrays keep their order:
 * dw_script_value makes a value that policies can hold of it.
 */
enum err_code dw_script_call(const struct dw_script *script, const struct script_fn *fn,
			     const struct policy_value *args, struct arena *scratch,
			     struct policy_value *ret, struct err *err) MUST_USE;

/* ERR_INVALID when () is inside. */
enum err_code dw_script_value(struct policy_value v, struct arena *scratch,
			      struct policy_value *ret, struct err *err) MUST_USE;

/* Calls the entry, and makes a value of the result. */
enum err_code dw_script_run(const struct dw_script *script, const struct policy_value *args,
			    size_t n, struct arena *scratch, struct policy_value *ret,
			    struct err *err) MUST_USE;

#endif
