/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generator of schemas, and of policies that mostly fit them: attributes are taken from
 * where they are declared, with and without the `has` that optional ones need, and one
 * expression in twenty is of any type.
 */
#ifndef TESTS_POLICY_RANDOM_SCHEMA_H
#define TESTS_POLICY_RANDOM_SCHEMA_H

#include "tests/unit/policy/random.h"

enum random_type {
	RANDOM_LONG = 0,
	RANDOM_STRING,
	RANDOM_BOOL,
	RANDOM_SET,
	RANDOM_RECORD,
	RANDOM_IP,
	RANDOM_DECIMAL,
	RANDOM_DATETIME,
	RANDOM_DURATION,
	RANDOM_USER,
	RANDOM_GROUP,
	RANDOM_TYPES
};

#define RANDOM_ENTITY_TYPES 4
#define RANDOM_ATTRS        6

struct random_attr {
	enum random_type type;
	bool there, optional;
};

struct random_schema {
	struct random_attr attrs[RANDOM_ENTITY_TYPES][RANDOM_ATTRS], context[RANDOM_ATTRS];
	bool tags[RANDOM_ENTITY_TYPES]; /* of String */
	uint8_t in[RANDOM_ENTITY_TYPES];
	uint8_t principals[3], resources[3]; /* of read, write, drop; bits */
};

static const char *const random_entity_types[RANDOM_ENTITY_TYPES] = {"User", "Group", "Tool",
								     "Bot"};
static const char *const random_attr_names[RANDOM_ATTRS] = {"n", "s", "b", "r", "who", "x"};

/* {"name": any, ...} of the attributes that policies name. */
static inline UNUSED void random_json_record(struct random_source *r, struct buf *out, int depth,
					     void (*any)(struct random_source *, struct buf *, int))
{
	bool first = true;

	buf_append_c(out, '{');
	for (size_t i = 0; i < ARRAY_LEN(random_attrs); i++) {
		if (random_next(r, 3) == 0) {
			continue;
		}
		buf_printf(out, "%s\"%s\":", first ? "" : ",", random_attrs[i]);
		any(r, out, depth);
		first = false;
	}
	buf_append_c(out, '}');
}

static inline void random_attrs_make(struct random_source *r, struct random_attr *list)
{
	for (int i = 0; i < RANDOM_ATTRS; i++) {
		list[i] = (struct random_attr){(enum random_type)random_next(r, RANDOM_TYPES),
					       random_next(r, 5) > 0, random_next(r, 3) == 0};
	}
}

static inline UNUSED void random_schema_make(struct random_source *r, struct random_schema *s)
{
	for (int i = 0; i < RANDOM_ENTITY_TYPES; i++) {
		random_attrs_make(r, s->attrs[i]);
		s->tags[i] = random_next(r, 2);
		s->in[i] = (uint8_t)random_next(r, 1u << RANDOM_ENTITY_TYPES);
	}
	random_attrs_make(r, s->context);
	for (int i = 0; i < 3; i++) {
		s->principals[i] = (uint8_t)((1 + random_next(r, 15)) | random_next(r, 16));
		s->resources[i] = (uint8_t)((1 + random_next(r, 15)) | random_next(r, 16));
	}
}

static inline void random_type_write(enum random_type t, struct buf *out)
{
	static const char *const names[RANDOM_TYPES] = {
		"Long",   "String",  "Bool",     "Set<Long>", "{n: Long, s?: String}",
		"ipaddr", "decimal", "datetime", "duration",  "User",
		"Group"};

	buf_append(out, str_from_c(names[t]));
}

static inline void random_attrs_write(const struct random_attr *list, struct buf *out)
{
	bool first = true;

	buf_append_c(out, '{');
	for (int i = 0; i < RANDOM_ATTRS; i++) {
		if (list[i].there) {
			buf_printf(out, "%s%s%s: ", first ? "" : ", ", random_attr_names[i],
				   list[i].optional ? "?" : "");
			random_type_write(list[i].type, out);
			first = false;
		}
	}
	buf_append_c(out, '}');
}

static inline void random_types_write(uint8_t bits, struct buf *out)
{
	bool first = true;

	buf_append_c(out, '[');
	for (int i = 0; i < RANDOM_ENTITY_TYPES; i++) {
		if (bits >> i & 1) {
			buf_printf(out, "%s%s", first ? "" : ", ", random_entity_types[i]);
			first = false;
		}
	}
	buf_append_c(out, ']');
}

static inline UNUSED void random_schema_write(const struct random_schema *s, struct buf *out)
{
	static const char *const actions[] = {"read", "write", "drop"};

	for (int i = 0; i < RANDOM_ENTITY_TYPES; i++) {
		buf_printf(out, "entity %s in ", random_entity_types[i]);
		random_types_write(s->in[i], out);
		buf_append_c(out, ' ');
		random_attrs_write(s->attrs[i], out);
		buf_append(out, s->tags[i] ? STR(" tags String;") : STR(";"));
	}
	buf_append(out, STR("action any; action mutate in [any];"));
	for (int i = 0; i < 3; i++) {
		buf_printf(out, "action %s in [%s] appliesTo { principal: ", actions[i],
			   i ? "mutate" : "any");
		random_types_write(s->principals[i], out);
		buf_append(out, STR(", resource: "));
		random_types_write(s->resources[i], out);
		buf_append(out, STR(", context: "));
		random_attrs_write(s->context, out);
		buf_append(out, STR(" };"));
	}
}

/* ---- policies ---- */

struct random_typed {
	struct random_source *r;
	const struct random_schema *s;
	struct buf *out;
};

static void random_of(struct random_typed *g, enum random_type t, int depth);

/* Where an attribute of this type is declared; false when it is nowhere. */
static inline bool random_attr_of(struct random_typed *g, enum random_type t, const char **var,
				  int *attr, bool *optional)
{
	static const char *const vars[] = {"principal", "resource", "context"};

	for (int tries = 0; tries < 12; tries++) {
		uint32_t v = random_next(g->r, 3), a = random_next(g->r, RANDOM_ATTRS);
		const struct random_attr *list =
			v == 2 ? g->s->context
			       : g->s->attrs[random_next(g->r, RANDOM_ENTITY_TYPES)];

		if (list[a].there && list[a].type == t) {
			*var = vars[v];
			*attr = (int)a;
			*optional = list[a].optional;
			return true;
		}
	}
	return false;
}

static inline void random_literal(struct random_typed *g, enum random_type t)
{
	static const char *const literals[RANDOM_TYPES][3] = {
		{"1", "-3", "9223372036854775807"},
		{"\"x\"", "\"\"", "\"a*\""},
		{"true", "false", "true"},
		{"[1, 2]", "[3]", "[]"},
		{"{n: 1}", "{n: 1, s: \"x\"}", "{n: 2, x: 1}"},
		{"ip(\"10.0.0.1\")", "ip(\"::1\")", "ip(\"10.0.0.0/8\")"},
		{"decimal(\"1.5\")", "decimal(\"0.0\")", "decimal(\"1.23456\")"},
		{"datetime(\"2026-01-01\")", "datetime(\"2026-01-01T00:00:00Z\")",
		 "datetime(\"x\")"},
		{"duration(\"1h\")", "duration(\"-1d\")", "duration(\"1d1h\")"},
		{"User::\"a\"", "principal", "User::\"b\""},
		{"Group::\"g\"", "resource", "Group::\"h\""},
	};

	buf_append(g->out,
		   str_from_c(literals[t][random_next(g->r, 20) == 0 ? 2 : random_next(g->r, 2)]));
}

static inline void random_two(struct random_typed *g, enum random_type t, const char *op, int depth)
{
	buf_append_c(g->out, '(');
	random_of(g, t, depth);
	buf_printf(g->out, " %s ", op);
	random_of(g, t, depth);
	buf_append_c(g->out, ')');
}

static inline void random_method(struct random_typed *g, enum random_type on, const char *name,
				 enum random_type arg, int depth)
{
	random_of(g, on, depth);
	buf_printf(g->out, ".%s(", name);
	if (arg != RANDOM_TYPES) {
		random_of(g, arg, depth);
	}
	buf_append_c(g->out, ')');
}

static inline void random_bool(struct random_typed *g, int depth)
{
	static const char *const compare[] = {"<", "<=", ">", ">=", "==", "!="};
	static const char *const logic[] = {"&&", "||", "&&"};
	const char *var;
	bool optional;
	int attr;

	switch (random_next(g->r, 14)) {
	case 0:
	case 1:
		random_two(g, RANDOM_LONG, RANDOM_PICK(g->r, compare), depth);
		break;
	case 2:
	case 3:
		random_two(g, RANDOM_BOOL, RANDOM_PICK(g->r, logic), depth);
		break;
	case 4:
		random_two(g, (enum random_type)random_next(g->r, RANDOM_TYPES), "==", depth);
		break;
	case 5:
		random_of(g, RANDOM_STRING, depth);
		buf_append(g->out, STR(" like \"a*\""));
		break;
	case 6:
		random_method(g, RANDOM_SET, "contains", RANDOM_LONG, depth);
		break;
	case 7:
		random_method(g, RANDOM_SET, random_next(g->r, 2) ? "containsAll" : "containsAny",
			      RANDOM_SET, depth);
		break;
	case 8:
		random_method(g, RANDOM_DECIMAL, "lessThan", RANDOM_DECIMAL, depth);
		break;
	case 9:
		random_method(g, RANDOM_IP, "isInRange", RANDOM_IP, depth);
		break;
	case 10:
		buf_printf(g->out, "%s %s %s", random_next(g->r, 2) ? "principal" : "resource",
			   random_next(g->r, 2) ? "in" : "==",
			   random_next(g->r, 2) ? "Group::\"g\"" : "User::\"a\"");
		break;
	case 11:
		buf_printf(g->out, "%s is %s", random_next(g->r, 2) ? "principal" : "resource",
			   RANDOM_PICK(g->r, random_entity_types));
		break;
	case 12:
		buf_printf(g->out, "(%s.hasTag(\"k\") && %s.getTag(\"k\") == \"v\")",
			   random_next(g->r, 4) ? "principal" : "resource", "principal");
		break;
	default:
		if (random_attr_of(g, (enum random_type)random_next(g->r, RANDOM_TYPES), &var,
				   &attr, &optional)) {
			buf_printf(g->out, "(%s has %s && ", var, random_attr_names[attr]);
			random_of(g, RANDOM_BOOL, depth);
			buf_append_c(g->out, ')');
		} else {
			buf_append(g->out, STR("true"));
		}
		break;
	}
}

/* An attribute, guarded when it is optional (mostly); or a literal. */
static inline void random_simple(struct random_typed *g, enum random_type t)
{
	const char *var;
	bool optional;
	int attr;

	if (random_next(g->r, 3) == 0 || !random_attr_of(g, t, &var, &attr, &optional)) {
		random_literal(g, t);
		return;
	}
	if (optional && random_next(g->r, 20)) {
		buf_printf(g->out, "(if %s has %s then %s.%s else ", var, random_attr_names[attr],
			   var, random_attr_names[attr]);
		random_literal(g, t);
		buf_append_c(g->out, ')');
		return;
	}
	buf_printf(g->out, "%s.%s", var, random_attr_names[attr]);
}

static void random_of(struct random_typed *g, enum random_type t, int depth)
{
	static const char *const sums[] = {"+", "-", "*"};

	if (random_next(g->r, 40) == 0) {
		t = (enum random_type)random_next(g->r, RANDOM_TYPES);
	}
	if (depth <= 0) {
		random_simple(g, t);
		return;
	}
	depth -= 1 + (int)random_next(g->r, 2);
	if (random_next(g->r, 8) == 0) {
		buf_append(g->out, STR("(if "));
		random_of(g, RANDOM_BOOL, depth);
		buf_append(g->out, STR(" then "));
		random_of(g, t, depth);
		buf_append(g->out, STR(" else "));
		random_of(g, t, depth);
		buf_append_c(g->out, ')');
	} else if (t == RANDOM_BOOL) {
		buf_append(g->out, random_next(g->r, 4) == 0 ? STR("!(") : STR("("));
		random_bool(g, depth);
		buf_append_c(g->out, ')');
	} else if (t == RANDOM_LONG && random_next(g->r, 2)) {
		random_two(g, t, RANDOM_PICK(g->r, sums), depth);
	} else if (t == RANDOM_LONG && random_next(g->r, 3) == 0) {
		random_of(g, RANDOM_RECORD, depth);
		buf_append(g->out, STR(".n"));
	} else if (t == RANDOM_DATETIME && random_next(g->r, 2)) {
		random_method(g, RANDOM_DATETIME, "offset", RANDOM_DURATION, depth);
	} else if (t == RANDOM_DURATION && random_next(g->r, 2)) {
		random_method(g, RANDOM_DATETIME, "durationSince", RANDOM_DATETIME, depth);
	} else {
		random_simple(g, t);
	}
}

static inline void random_typed_scope(struct random_typed *g, const char *var)
{
	buf_append(g->out, str_from_c(var));
	switch (random_next(g->r, 9)) {
	case 0:
		buf_printf(g->out, " is %s", RANDOM_PICK(g->r, random_entity_types));
		break;
	case 1:
		buf_append(g->out, STR(" in Group::\"g\""));
		break;
	case 2:
		buf_printf(g->out, " is %s in Group::\"g\"",
			   RANDOM_PICK(g->r, random_entity_types));
		break;
	default:
		break;
	}
}

static inline UNUSED void random_schema_policy(struct random_source *r,
					       const struct random_schema *s, struct buf *out)
{
	static const char *const actions[] = {"",
					      " == Action::\"read\"",
					      " == Action::\"write\"",
					      " in Action::\"mutate\"",
					      " in [Action::\"read\", Action::\"drop\"]",
					      " == Action::\"any\""};
	struct random_typed g = {r, s, out};
	uint32_t n = 1 + random_next(r, 2);

	buf_append(out, random_next(r, 2) ? STR("permit(") : STR("forbid("));
	random_typed_scope(&g, "principal");
	buf_printf(out, ", action%s, ", actions[random_next(r, random_next(r, 8) ? 5 : 6)]);
	random_typed_scope(&g, "resource");
	buf_append_c(out, ')');
	for (uint32_t i = 0; i < n; i++) {
		buf_append(out, random_next(r, 4) ? STR(" when { ") : STR(" unless { "));
		random_of(&g, RANDOM_BOOL, 4);
		buf_append(out, STR(" }"));
	}
	buf_append(out, STR(";\n"));
}

#endif
