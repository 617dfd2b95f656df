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
 * Integers are 64 bits and checked; there are no floats, no clock, no modules and
 * no I/O. Values are copied, never shared.
 *
 * Limits: DW_SCRIPT_STEPS steps of a call, DW_SCRIPT_CALLS calls deep,
 * DW_SCRIPT_DEPTH nesting of the text, DW_SCRIPT_TEXT bytes of a string made.
 */
#ifndef POLICY_DW_SCRIPT_H
#define POLICY_DW_SCRIPT_H

#include "policy/value.h"

#define DW_SCRIPT_STEPS 1000000u
#define DW_SCRIPT_CALLS 32
#define DW_SCRIPT_DEPTH 64
#define DW_SCRIPT_TEXT  65536u
#define DW_SCRIPT_ITEMS 4096u

struct dw_script;

/* The text is borrowed. It must define `entry` with this many parameters. */
enum err_code dw_script_parse(struct arena *a, struct str text, struct str entry, size_t n_params,
			      const struct dw_script **ret, struct err *err) MUST_USE;

/* Calls the entry. A POLICY_NONE argument is (); so may the result be. */
enum err_code dw_script_run(const struct dw_script *script, const struct policy_value *args,
			    size_t n, struct arena *scratch, struct policy_value *ret,
			    struct err *err) MUST_USE;

#endif
