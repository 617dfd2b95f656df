/* SPDX-License-Identifier: Apache-2.0 */
/* The functions and methods that scripts have besides their own. */
#include "policy/dw_script_priv.h"
#include "policy/ext.h"
#include "json/regex.h"

bool script_equal(struct policy_value a, struct policy_value b)
{
	if (a.kind != b.kind) {
		return false;
	}
	if (a.kind == POLICY_NONE) {
		return true;
	}
	if (a.kind != POLICY_SET) {
		return policy_value_eq(a, b);
	}
	for (uint32_t i = 0; i < a.n && a.n == b.n; i++) {
		if (!script_equal(a.elems[i], b.elems[i])) {
			return false;
		}
	}
	return a.n == b.n;
}

static const char *type_name(struct policy_value v)
{
	switch (v.kind) {
	case POLICY_NONE:
		return "()";
	case POLICY_BOOL:
		return "bool";
	case POLICY_LONG:
		return "i64";
	case POLICY_STRING:
		return "string";
	case POLICY_SET:
		return "array";
	case POLICY_RECORD:
		return "map";
	case POLICY_DECIMAL:
		return "decimal";
	case POLICY_ENTITY:
	case POLICY_IP:
	case POLICY_DATETIME:
	case POLICY_DURATION:
		break;
	}
	return "other";
}

enum { REGEX_MEMORY = 8 << 20 };

/* Counts matches, or finds the first only; what is no expression matches nothing. */
static enum err_code find_matches(struct script_run *r, struct arena *keep, struct arena *scratch,
				  const struct policy_value *arg, bool first, int64_t *ret_n,
				  struct str *ret_text)
{
	struct str text = policy_value_str(arg[1]);
	const struct json_regex *re;
	size_t start, end, at = 0;
	enum err_code code = json_regex_compile(keep, scratch, policy_value_str(arg[0]),
						JSON_REGEX_RUST, &re, r->err);

	while (code == ERR_OK && at <= text.n) {
		arena_reset(scratch);
		code = json_regex_find(re, scratch, text, at, &r->steps, &start, &end, r->err);
		if (code) {
			break;
		}
		++*ret_n;
		*ret_text = str_make(text.p + start, end - start);
		if (first) {
			break;
		}
		at = end > start ? end : end + 1;
		while (at < text.n && ((unsigned char)text.p[at] & 0xC0) == 0x80) {
			at++;
		}
	}
	return code == ERR_SYNTAX || code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* regex_is_match, regex_find, regex_count of (pattern, text). */
static enum script_flow regex(struct script_run *r, const struct script_node *n,
			      const struct policy_value *arg, struct policy_value *ret)
{
	bool count = str_eq(n->text, STR("regex_count"));
	struct str text = STR("");
	struct arena keep, scratch;
	int64_t found = 0;

	arena_init(&keep, REGEX_MEMORY);
	arena_init(&scratch, REGEX_MEMORY);
	r->code = find_matches(r, &keep, &scratch, arg, !count, &found, &text);
	arena_done(&scratch);
	arena_done(&keep);
	if (r->code) {
		return FLOW_FAILED;
	}
	*ret = count                                ? policy_long(found)
	       : str_eq(n->text, STR("regex_find")) ? policy_string(text)
						    : policy_bool(found > 0);
	return FLOW_ON;
}

enum script_flow script_builtin(struct script_run *r, const struct script_node *n,
				const struct policy_value *arg, size_t n_arg,
				struct policy_value *ret)
{
	int64_t dec;

	if (str_eq(n->text, STR("type_of")) && n_arg == 1) {
		*ret = policy_string(str_from_c(type_name(arg[0])));
		return FLOW_ON;
	}
	if (str_starts_with(n->text, STR("regex_")) && n_arg == 2 &&
	    (str_eq(n->text, STR("regex_is_match")) || str_eq(n->text, STR("regex_find")) ||
	     str_eq(n->text, STR("regex_count")))) {
		if (arg[0].kind != POLICY_STRING || arg[1].kind != POLICY_STRING) {
			return script_fail(r, n, ERR_INVALID,
					   "a regular expression needs two texts");
		}
		return regex(r, n, arg, ret);
	}
	if (str_eq(n->text, STR("parse_decimal")) && n_arg == 1) {
		if (arg[0].kind != POLICY_STRING ||
		    !policy_decimal_parse(policy_value_str(arg[0]), &dec)) {
			return script_fail(r, n, ERR_INVALID, "not a decimal");
		}
		*ret = policy_scalar(POLICY_DECIMAL, dec);
		return FLOW_ON;
	}
	return script_fail(r, n, ERR_INVALID, "unknown function");
}

static enum script_flow change_case(struct script_run *r, const struct script_node *n, struct str s,
				    bool lower, struct policy_value *ret)
{
	char *p = arena_alloc(r->a, s.n);

	if (!p) {
		return script_fail(r, n, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (lower ? c >= 'A' && c <= 'Z' : c >= 'a' && c <= 'z') {
			c = (char)(c ^ 0x20);
		}
		p[i] = c;
	}
	*ret = policy_string(str_make(p, s.n));
	return FLOW_ON;
}

static int64_t scalars(struct str s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	}
	return n;
}

static enum script_flow text_method(struct script_run *r, const struct script_node *n,
				    const struct policy_value *arg, size_t n_arg,
				    struct policy_value *ret)
{
	struct str s = policy_value_str(arg[0]), other = STR("");

	if (n_arg == 1) {
		if (str_eq(n->text, STR("len"))) {
			*ret = policy_long(scalars(s));
			return FLOW_ON;
		}
		if (str_eq(n->text, STR("is_empty"))) {
			*ret = policy_bool(s.n == 0);
			return FLOW_ON;
		}
		if (str_eq(n->text, STR("to_lower")) || str_eq(n->text, STR("to_upper"))) {
			return change_case(r, n, s, str_eq(n->text, STR("to_lower")), ret);
		}
	}
	if (n_arg != 2 || arg[1].kind != POLICY_STRING) {
		return script_fail(r, n, ERR_INVALID, "unknown method of a text");
	}
	other = policy_value_str(arg[1]);
	if (str_eq(n->text, STR("contains"))) {
		*ret = policy_bool(other.n == 0 || str_find_str(s, other) < s.n);
	} else if (str_eq(n->text, STR("starts_with"))) {
		*ret = policy_bool(str_starts_with(s, other));
	} else if (str_eq(n->text, STR("ends_with"))) {
		*ret = policy_bool(str_ends_with(s, other));
	} else {
		return script_fail(r, n, ERR_INVALID, "unknown method of a text");
	}
	return FLOW_ON;
}

enum script_flow script_method(struct script_run *r, const struct script_node *n,
			       const struct policy_value *arg, size_t n_arg,
			       struct policy_value *ret)
{
	const struct policy_value v = arg[0];

	if (v.kind == POLICY_STRING) {
		return text_method(r, n, arg, n_arg, ret);
	}
	if (v.kind != POLICY_SET && v.kind != POLICY_RECORD) {
		return script_fail(r, n, ERR_INVALID, "this has no methods");
	}
	if (str_eq(n->text, STR("len")) && n_arg == 1) {
		*ret = policy_long(v.n);
		return FLOW_ON;
	}
	if (str_eq(n->text, STR("is_empty")) && n_arg == 1) {
		*ret = policy_bool(v.n == 0);
		return FLOW_ON;
	}
	if (!str_eq(n->text, STR("contains")) || n_arg != 2) {
		return script_fail(r, n, ERR_INVALID, "unknown method");
	}
	*ret = policy_bool(false);
	if (v.kind == POLICY_RECORD) {
		*ret = policy_bool(arg[1].kind == POLICY_STRING &&
				   policy_record_find(v, policy_value_str(arg[1])));
		return FLOW_ON;
	}
	for (uint32_t i = 0; i < v.n && !ret->b; i++) {
		*ret = policy_bool(script_equal(v.elems[i], arg[1]));
	}
	return FLOW_ON;
}
