/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generator of policies, entities and requests that mean something to each
 * other: few names, so that tests are true and false about equally often, and
 * ill-typed expressions often enough that every error is met.
 */
#ifndef TESTS_POLICY_RANDOM_H
#define TESTS_POLICY_RANDOM_H

#include "base/buf.h"
#include "policy/data.h"
#include "policy/engine.h"

struct random_source {
	uint64_t state;
};

static inline uint32_t random_next(struct random_source *r, uint32_t below)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)((r->state >> 11) % below);
}

#define RANDOM_PICK(r, list) ((list)[random_next((r), (uint32_t)ARRAY_LEN(list))])

static const char *const random_users[] = {"User::\"a\"", "User::\"b\"", "User::\"none\"",
					   "Bot::\"a\""};
static const char *const random_groups[] = {"Group::\"g\"", "Group::\"h\"", "Org::\"o\"",
					    "Group::\"none\""};
static const char *const random_things[] = {"Tool::\"t\"", "Tool::\"u\"", "File::\"f\"",
					    "Tool::\"none\""};
static const char *const random_actions[] = {"Action::\"read\"", "Action::\"write\"",
					     "Action::\"any\"", "Action::\"mutate\""};
static const char *const random_attrs[] = {"n",   "s",  "b", "r",    "set",
					   "who", "ip", "d", "when", "missing"};

static void random_expr(struct random_source *r, struct buf *out, int depth);

static inline UNUSED void random_leaf(struct random_source *r, struct buf *out)
{
	static const char *const leaves[] = {
		"true",
		"false",
		"0",
		"1",
		"-1",
		"9223372036854775807",
		"\"x\"",
		"\"\"",
		"\"a*\"",
		"principal",
		"action",
		"resource",
		"context",
		"[]",
		"{}",
		"[1,2]",
		"{\"n\": 1}",
		"ip(\"10.0.0.1\")",
		"ip(\"10.0.0.0/8\")",
		"ip(\"nonsense\")",
		"decimal(\"1.5\")",
		"decimal(\"x\")",
		"datetime(\"2026-01-01\")",
		"duration(\"1h\")",
		"ip()",
	};

	switch (random_next(r, 6)) {
	case 0:
		buf_append(out, str_from_c(RANDOM_PICK(r, random_users)));
		break;
	case 1:
		buf_append(out, str_from_c(RANDOM_PICK(r, random_groups)));
		break;
	case 2:
		buf_printf(out, "context.%s", RANDOM_PICK(r, random_attrs));
		break;
	case 3:
		buf_printf(out, "%s.%s", random_next(r, 2) ? "principal" : "resource",
			   RANDOM_PICK(r, random_attrs));
		break;
	default:
		buf_append(out, str_from_c(RANDOM_PICK(r, leaves)));
		break;
	}
}

static inline UNUSED void random_binary(struct random_source *r, struct buf *out, int depth)
{
	static const char *const ops[] = {"==", "!=", "<",  "<=", ">",  ">=", "in", "+",
					  "-",  "*",  "&&", "||", "&&", "||", "==", "in"};

	buf_append_c(out, '(');
	random_expr(r, out, depth);
	buf_printf(out, " %s ", RANDOM_PICK(r, ops));
	random_expr(r, out, depth);
	buf_append_c(out, ')');
}

static inline UNUSED void random_call(struct random_source *r, struct buf *out, int depth)
{
	static const char *const one[] = {"isEmpty", "isIpv4", "isLoopback",
					  "toDate",  "toTime", "toDays"};
	static const char *const two[] = {"contains",      "containsAll", "containsAny",
					  "lessThan",      "isInRange",   "offset",
					  "durationSince", "hasTag",      "getTag"};
	bool binary = random_next(r, 2);

	buf_append_c(out, '(');
	random_expr(r, out, depth);
	buf_printf(out, ").%s(", binary ? RANDOM_PICK(r, two) : RANDOM_PICK(r, one));
	if (binary) {
		random_expr(r, out, depth);
	}
	buf_append_c(out, ')');
}

static inline UNUSED void random_postfix(struct random_source *r, struct buf *out, int depth)
{
	static const char *const types[] = {"User", "Tool", "Action", "Group"};

	buf_append_c(out, '(');
	random_expr(r, out, depth);
	switch (random_next(r, 5)) {
	case 0:
		buf_printf(out, " has %s", RANDOM_PICK(r, random_attrs));
		break;
	case 1:
		buf_printf(out, " has %s.%s.%s", RANDOM_PICK(r, random_attrs),
			   RANDOM_PICK(r, random_attrs), RANDOM_PICK(r, random_attrs));
		break;
	case 2:
		buf_append(out, STR(" like \"*x\\*a*\""));
		break;
	case 3:
		buf_printf(out, " is %s", RANDOM_PICK(r, types));
		break;
	default:
		buf_printf(out, " is %s in ", RANDOM_PICK(r, types));
		random_expr(r, out, depth);
		break;
	}
	buf_append_c(out, ')');
}

static void random_expr(struct random_source *r, struct buf *out, int depth)
{
	if (depth <= 0) {
		random_leaf(r, out);
		return;
	}
	depth -= 1 + (int)random_next(r, 2);
	switch (random_next(r, 10)) {
	case 0:
	case 1:
	case 2:
		random_binary(r, out, depth);
		break;
	case 3:
		random_call(r, out, depth);
		break;
	case 4:
		random_postfix(r, out, depth);
		break;
	case 5:
		buf_append(out, STR("(if "));
		random_expr(r, out, depth);
		buf_append(out, STR(" then "));
		random_expr(r, out, depth);
		buf_append(out, STR(" else "));
		random_expr(r, out, depth);
		buf_append_c(out, ')');
		break;
	case 6:
		buf_append(out, random_next(r, 2) ? STR("!") : STR("-"));
		buf_append_c(out, '(');
		random_expr(r, out, depth);
		buf_append_c(out, ')');
		break;
	case 7:
		buf_append_c(out, '[');
		random_expr(r, out, depth);
		buf_append_c(out, ',');
		random_expr(r, out, depth);
		buf_append_c(out, ']');
		break;
	case 8:
		buf_append(out, STR("{a: "));
		random_expr(r, out, depth);
		buf_printf(out, ", %s: ", RANDOM_PICK(r, random_attrs));
		random_expr(r, out, depth);
		buf_append_c(out, '}');
		break;
	default:
		buf_append_c(out, '(');
		random_expr(r, out, depth);
		buf_printf(out, ").%s", RANDOM_PICK(r, random_attrs));
		break;
	}
}

static inline UNUSED void random_scope(struct random_source *r, struct buf *out, const char *var,
				       const char *const *uids)
{
	static const char *const types[] = {"User", "Bot", "Tool", "File"};
	const char *const *groups = random_groups;

	buf_append(out, str_from_c(var));
	switch (random_next(r, 6)) {
	case 0:
		buf_printf(out, " == %s", uids[random_next(r, 4)]);
		break;
	case 1:
		buf_printf(out, " in %s", groups[random_next(r, 4)]);
		break;
	case 2:
		buf_printf(out, " is %s", RANDOM_PICK(r, types));
		break;
	case 3:
		buf_printf(out, " is %s in %s", RANDOM_PICK(r, types), groups[random_next(r, 4)]);
		break;
	default:
		break;
	}
}

static inline UNUSED void random_action_scope(struct random_source *r, struct buf *out)
{
	buf_append(out, STR(", action"));
	switch (random_next(r, 5)) {
	case 0:
		buf_printf(out, " == %s", RANDOM_PICK(r, random_actions));
		break;
	case 1:
		buf_printf(out, " in %s", RANDOM_PICK(r, random_actions));
		break;
	case 2:
		buf_printf(out, " in [%s, %s, %s]", RANDOM_PICK(r, random_actions),
			   RANDOM_PICK(r, random_actions), RANDOM_PICK(r, random_actions));
		break;
	default:
		break;
	}
	buf_append(out, STR(", "));
}

/* A first conjunct that the index may use. */
static inline UNUSED void random_guard(struct random_source *r, struct buf *out)
{
	static const char *const vars[] = {"principal", "resource"};

	switch (random_next(r, 4)) {
	case 0:
		buf_printf(out, "%s == %s && ", RANDOM_PICK(r, vars), RANDOM_PICK(r, random_users));
		break;
	case 1:
		buf_printf(out, "%s in %s && ", RANDOM_PICK(r, vars),
			   RANDOM_PICK(r, random_groups));
		break;
	case 2:
		buf_printf(out, "%s is Tool && ", RANDOM_PICK(r, vars));
		break;
	default:
		break;
	}
}

static inline UNUSED void random_policy(struct random_source *r, struct buf *out)
{
	static const char *const notes[] = {"", "", "", "@mode(\"log\") ",
					    "@since(\"1970-01-01T00:00:01Z\") "};
	bool permit = random_next(r, 3) > 0;

	buf_append(out, str_from_c(RANDOM_PICK(r, notes)));
	if (permit && random_next(r, 2)) {
		buf_append(out, STR("@redact(\"x\") "));
	}
	if (!permit && random_next(r, 2)) {
		buf_append(out, STR("@ask(\"owner\") "));
	}
	buf_append(out, permit ? STR("permit(") : STR("forbid("));
	random_scope(r, out, "principal", random_users);
	random_action_scope(r, out);
	random_scope(r, out, "resource", random_things);
	buf_append_c(out, ')');
	for (uint32_t i = random_next(r, 3); i > 0; i--) {
		buf_append(out, random_next(r, 4) ? STR(" when { ") : STR(" unless { "));
		random_guard(r, out);
		random_expr(r, out, 4);
		buf_append(out, STR(" }"));
	}
	buf_append(out, STR(";\n"));
}

/* The world all of them live in. */
#define RANDOM_ENTITIES                                                                            \
	"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"parents\":[{\"type\":\"Group\",\"id\":"      \
	"\"g\"}],"                                                                                 \
	"\"tags\":{\"x\":\"x\"},\"attrs\":{\"n\":1,\"s\":\"x*a\",\"b\":true,\"r\":{\"n\":2,\"r\":" \
	"{\"n\":1}},"                                                                              \
	"\"set\":[1,\"x\"],\"who\":{\"__entity\":{\"type\":\"User\",\"id\":\"b\"}},"               \
	"\"ip\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"10.1.2.3\"}},"                                \
	"\"d\":{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"1.5\"}},"                                 \
	"\"when\":{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2026-01-01\"}}}},"                    \
	"{\"uid\":{\"type\":\"User\",\"id\":\"b\"},\"parents\":[{\"type\":\"Group\",\"id\":\"h\"}" \
	","                                                                                        \
	"{\"type\":\"Group\",\"id\":\"g\"}],\"attrs\":{\"n\":0,\"b\":false}},"                     \
	"{\"uid\":{\"type\":\"Group\",\"id\":\"g\"},\"parents\":[{\"type\":\"Org\",\"id\":\"o\"}]" \
	",\"attrs\":{}},"                                                                          \
	"{\"uid\":{\"type\":\"Tool\",\"id\":\"t\"},\"parents\":[{\"type\":\"Group\",\"id\":\"h\"}" \
	"],"                                                                                       \
	"\"attrs\":{\"b\":false,\"n\":7,\"who\":{\"__entity\":{\"type\":\"User\",\"id\":\"a\"}}}}" \
	","                                                                                        \
	"{\"uid\":{\"type\":\"Action\",\"id\":\"read\"},\"parents\":[{\"type\":\"Action\",\"id\":" \
	"\"any\"}],"                                                                               \
	"\"attrs\":{}},"                                                                           \
	"{\"uid\":{\"type\":\"Action\",\"id\":\"write\"},\"parents\":[{\"type\":\"Action\","       \
	"\"id\":\"mutate\"}],"                                                                     \
	"\"attrs\":{}},"                                                                           \
	"{\"uid\":{\"type\":\"Action\",\"id\":\"mutate\"},\"parents\":[{\"type\":\"Action\","      \
	"\"id\":\"any\"}],"                                                                        \
	"\"attrs\":{}}]"

#define RANDOM_CONTEXT                                                                             \
	"{\"n\":3,\"s\":\"x\",\"b\":true,\"r\":{\"n\":1,\"s\":\"\",\"r\":{\"b\":true}},\"set\":["  \
	"1,2,\"x\"],"                                                                              \
	"\"who\":{\"__entity\":{\"type\":\"User\",\"id\":\"a\"}},"                                 \
	"\"ip\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"10.0.0.0/16\"}},"                             \
	"\"d\":{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"0.5\"}},"                                 \
	"\"when\":{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2026-06-01T12:00:00Z\"}}}"

#endif
