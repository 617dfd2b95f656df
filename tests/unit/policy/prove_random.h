/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies over a small schema, and random worlds in which all their
 * constants, and values beside them, occur.
 */
#ifndef TESTS_POLICY_PROVE_RANDOM_H
#define TESTS_POLICY_PROVE_RANDOM_H

#include "tests/unit/policy/random.h"

#define PROVE_SCHEMA                                                                               \
	"entity Org;\n"                                                                            \
	"entity Kind enum [\"p\", \"q\"];\n"                                                       \
	"entity Group in [Group, Org];\n"                                                          \
	"entity User in [Group] = { n: Long, s: String, b: Bool, boss?: User } tags String;\n"     \
	"entity Doc in [Group] = { owner: User, n: Long, r: { n: Long, o?: Long } };\n"            \
	"action all;\n"                                                                            \
	"action view in [all] appliesTo { principal: [User], resource: [Doc], context: {\n"        \
	"  n: Long, m: Long, s: String, t?: String, set: Set<String>, other: Set<String>,\n"       \
	"  ids: Set<User>, groups: Set<Group>, who?: User, kind: Kind, d: decimal, ip: ipaddr,\n"  \
	"  at: datetime } };\n"                                                                    \
	"action edit appliesTo { principal: [User], resource: [Doc, User], context: { n: Long } "  \
	"};\n"

static const char *const prove_atoms[] = {
	"context.n < 2",
	"context.n == 3",
	"principal.n >= 1",
	"context.n < context.m",
	"context.n == context.m",
	"principal.n < resource.n",
	"context.n + 1 > 3",
	"context.n * 2 == 4",
	"context.n * 3 > context.n + 3",
	"-context.n < 0",
	"context.n - 9223372036854775807 > 0",
	"context.s == \"a\"",
	"context.s like \"a*\"",
	"context.s like \"*b\"",
	"context.s like \"a*b*\"",
	"context.s == principal.s",
	"context has t",
	"context.t == context.s",
	"context has t && context.t like \"*a*\"",
	"context.set.contains(\"a\")",
	"context.set.contains(context.s)",
	"context.set.containsAll([\"a\", \"b\"])",
	"context.set.containsAny([\"b\", \"c\"])",
	"context.set.isEmpty()",
	"context.set == [\"a\"]",
	"context.set == context.other",
	"context.set.containsAll(context.other)",
	"context.set.containsAny(context.other)",
	"[\"a\", \"b\"].containsAll(context.set)",
	"[context.s, \"b\"].contains(principal.s)",
	"principal in Group::\"g\"",
	"principal in Group::\"h\"",
	"principal in [Group::\"g\", Org::\"o\"]",
	"resource in Group::\"g\"",
	"Group::\"g\" in Group::\"h\"",
	"Group::\"h\" in Group::\"g\"",
	"principal == resource.owner",
	"principal == User::\"a\"",
	"User::\"a\".n > 1",
	"User::\"a\" in Group::\"g\"",
	"resource.owner in Group::\"g\"",
	"resource.owner.boss == principal",
	"principal has boss",
	"principal.boss.n > 2",
	"principal has boss && principal.boss.n > principal.n",
	"principal has boss && principal.boss == principal",
	"context has who && context.who == principal",
	"context.who in Group::\"g\"",
	"context.ids.contains(principal)",
	"context.ids.isEmpty()",
	"principal in context.groups",
	"principal in context.ids",
	"context.groups.contains(Group::\"g\")",
	"principal.hasTag(\"k\")",
	"principal.getTag(\"k\") == \"a\"",
	"principal.hasTag(context.s)",
	"principal.hasTag(context.s) && principal.getTag(context.s) == context.s",
	"context.kind == Kind::\"p\"",
	"context.kind == Kind::\"q\"",
	"context.d.lessThan(decimal(\"1.5\"))",
	"context.ip.isInRange(ip(\"10.0.0.0/8\"))",
	"context.ip.isInRange(ip(\"10.1.0.0/16\"))",
	"context.ip == ip(\"10.1.2.3\")",
	"context.ip.isLoopback()",
	"context.at < datetime(\"2026-01-01\")",
	"context.at.offset(duration(\"1d\")) > datetime(\"2026-01-01\")",
	"principal.b",
	"resource is Doc",
	"resource.r.n > 2",
	"resource.r has o && resource.r.o == resource.r.n",
	"resource is User && resource == principal",
	"resource == principal",
	"resource has owner",
	"(if principal.b then context.n else context.m) == 3",
	"(if principal.b then principal else resource.owner).n == 3",
	"action in Action::\"all\"",
	"principal is User in Group::\"g\"",
	"{\"a\": 1} has a",
	"true",
	"false",
};

static inline void prove_random_expr(struct random_source *r, struct buf *out, int depth)
{
	if (depth == 0) {
		buf_append_c(out, '(');
		buf_append(out, str_from_c(RANDOM_PICK(r, prove_atoms)));
		buf_append_c(out, ')');
		return;
	}
	switch (random_next(r, 6)) {
	case 0:
	case 1:
		buf_append_c(out, '(');
		prove_random_expr(r, out, depth - 1);
		buf_append(out, STR(" && "));
		prove_random_expr(r, out, depth - 1);
		buf_append_c(out, ')');
		break;
	case 2:
	case 3:
		buf_append_c(out, '(');
		prove_random_expr(r, out, depth - 1);
		buf_append(out, STR(" || "));
		prove_random_expr(r, out, depth - 1);
		buf_append_c(out, ')');
		break;
	case 4:
		buf_append_c(out, '!');
		prove_random_expr(r, out, depth - 1);
		break;
	default:
		prove_random_expr(r, out, depth - 1);
		break;
	}
}

static inline void prove_random_policy(struct random_source *r, struct buf *out)
{
	static const char *const principals[] = {"principal", "principal", "principal is User",
						 "principal == User::\"a\"",
						 "principal in Group::\"g\""};
	static const char *const actions[] = {"action", "action", "action == Action::\"view\"",
					      "action in Action::\"all\"",
					      "action == Action::\"edit\""};
	static const char *const resources[] = {"resource", "resource", "resource is Doc",
						"resource is User in Group::\"h\""};

	buf_printf(out, "%s(%s, %s, %s)", random_next(r, 3) ? "permit" : "forbid",
		   RANDOM_PICK(r, principals), RANDOM_PICK(r, actions), RANDOM_PICK(r, resources));
	for (uint32_t n = random_next(r, 3); n > 0; n--) {
		buf_append(out, random_next(r, 4) ? STR(" when { ") : STR(" unless { "));
		prove_random_expr(r, out, (int)random_next(r, 3));
		buf_append(out, STR(" }"));
	}
	buf_append(out, STR(";\n"));
}

static const char *const prove_users[] = {"a", "b", "c"};
static const char *const prove_groups[] = {"g", "h", "k"};
static const char *const prove_texts[] = {"", "a", "b", "ab", "aab", "c", "k", "cab"};

static inline void prove_random_ref(struct random_source *r, struct buf *out)
{
	buf_printf(out, "{\"__entity\":{\"type\":\"User\",\"id\":\"%s\"}}",
		   RANDOM_PICK(r, prove_users));
}

static inline void prove_random_long(struct random_source *r, struct buf *out)
{
	if (random_next(r, 12) == 0) {
		buf_append_i64(out, random_next(r, 2) ? INT64_MAX : INT64_MIN);
	} else {
		buf_append_i64(out, (int64_t)random_next(r, 7) - 1);
	}
}

static inline void prove_random_set(struct random_source *r, struct buf *out, int what)
{
	bool first = true;

	buf_append_c(out, '[');
	for (size_t i = 0; i < 3; i++) {
		if (random_next(r, 2)) {
			buf_append(out, first ? STR("") : STR(","));
			first = false;
			if (what == 0) {
				buf_printf(out, "\"%c\"", "abk"[i]);
			} else {
				buf_printf(out, "{\"__entity\":{\"type\":\"%s\",\"id\":\"%s\"}}",
					   what == 1 ? "User" : "Group",
					   what == 1 ? prove_users[i] : prove_groups[i]);
			}
		}
	}
	buf_append_c(out, ']');
}

/* Parents come later in the list of groups, so there are no cycles half of the time either way. */
static inline void prove_random_parents(struct random_source *r, struct buf *out, int group,
					bool up)
{
	bool first = true;

	buf_append(out, STR(",\"parents\":["));
	for (int i = 0; i < 3; i++) {
		if ((group < 0 || (up ? i > group : i < group)) && random_next(r, 3) == 0) {
			buf_printf(out, "%s{\"type\":\"Group\",\"id\":\"%s\"}", first ? "" : ",",
				   prove_groups[i]);
			first = false;
		}
	}
	if (group >= 0 && random_next(r, 3) == 0) {
		buf_printf(out, "%s{\"type\":\"Org\",\"id\":\"o\"}", first ? "" : ",");
	}
	buf_append(out, STR("]}"));
}

static inline void prove_random_user(struct random_source *r, struct buf *out, const char *id)
{
	buf_printf(out, "{\"uid\":{\"type\":\"User\",\"id\":\"%s\"},\"attrs\":{\"n\":", id);
	prove_random_long(r, out);
	buf_printf(out, ",\"s\":\"%s\",\"b\":%s", RANDOM_PICK(r, prove_texts),
		   random_next(r, 2) ? "true" : "false");
	if (random_next(r, 2)) {
		buf_append(out, STR(",\"boss\":"));
		prove_random_ref(r, out);
	}
	buf_append(out, STR("},\"tags\":{"));
	if (random_next(r, 2)) {
		buf_printf(out, "\"%s\":\"%s\"", RANDOM_PICK(r, prove_texts),
			   RANDOM_PICK(r, prove_texts));
	}
	buf_append_c(out, '}');
	prove_random_parents(r, out, -1, true);
}

/* `missing`: one in so many entities is left out; 0: none. */
static inline void prove_random_entities(struct random_source *r, struct buf *out, uint32_t missing)
{
	bool up = random_next(r, 2);

	buf_append(out,
		   STR("[{\"uid\":{\"type\":\"Org\",\"id\":\"o\"},\"attrs\":{},\"parents\":[]}"));
	for (int i = 0; i < 3; i++) {
		if (missing == 0 || random_next(r, missing)) {
			buf_append_c(out, ',');
			prove_random_user(r, out, prove_users[i]);
		}
		if (missing == 0 || random_next(r, missing)) {
			buf_printf(out, ",{\"uid\":{\"type\":\"Group\",\"id\":\"%s\"},\"attrs\":{}",
				   prove_groups[i]);
			prove_random_parents(r, out, i, up);
		}
	}
	if (missing == 0 || random_next(r, missing)) {
		buf_append(out,
			   STR(",{\"uid\":{\"type\":\"Doc\",\"id\":\"d\"},\"attrs\":{\"owner\":"));
		prove_random_ref(r, out);
		buf_append(out, STR(",\"n\":"));
		prove_random_long(r, out);
		buf_append(out, STR(",\"r\":{\"n\":"));
		prove_random_long(r, out);
		if (random_next(r, 2)) {
			buf_append(out, STR(",\"o\":"));
			prove_random_long(r, out);
		}
		buf_append(out, STR("}}"));
		prove_random_parents(r, out, -1, true);
	}
	buf_append_c(out, ']');
}

static inline void prove_random_context(struct random_source *r, struct buf *out)
{
	static const char *const ips[] = {"10.1.2.3", "10.2.0.1", "127.0.0.1",  "10.0.0.0/4",
					  "10.1.2.4", "::1",      "11.0.0.1/32"};
	static const char *const dates[] = {"2025-12-31", "2026-01-01", "2026-01-02", "2025-01-01"};

	buf_append(out, STR("{\"n\":"));
	prove_random_long(r, out);
	buf_append(out, STR(",\"m\":"));
	prove_random_long(r, out);
	buf_printf(out, ",\"s\":\"%s\"", RANDOM_PICK(r, prove_texts));
	if (random_next(r, 2)) {
		buf_printf(out, ",\"t\":\"%s\"", RANDOM_PICK(r, prove_texts));
	}
	buf_append(out, STR(",\"set\":"));
	prove_random_set(r, out, 0);
	buf_append(out, STR(",\"other\":"));
	prove_random_set(r, out, 0);
	buf_append(out, STR(",\"ids\":"));
	prove_random_set(r, out, 1);
	buf_append(out, STR(",\"groups\":"));
	prove_random_set(r, out, 2);
	if (random_next(r, 2)) {
		buf_append(out, STR(",\"who\":"));
		prove_random_ref(r, out);
	}
	buf_printf(out, ",\"kind\":{\"__entity\":{\"type\":\"Kind\",\"id\":\"%s\"}}",
		   random_next(r, 2) ? "p" : "q");
	buf_printf(out, ",\"d\":{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"%s\"}}",
		   random_next(r, 2) ? "1.5" : "1.4");
	buf_printf(out, ",\"ip\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"%s\"}}", RANDOM_PICK(r, ips));
	buf_printf(out, ",\"at\":{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"%s\"}}}",
		   RANDOM_PICK(r, dates));
}

static inline void prove_random_request(struct random_source *r, struct buf *out)
{
	bool view = random_next(r, 4) > 0;
	bool user = !view && random_next(r, 2);

	buf_printf(out,
		   "{\"principal\":{\"type\":\"User\",\"id\":\"%s\"},"
		   "\"action\":{\"type\":\"Action\",\"id\":\"%s\"},"
		   "\"resource\":{\"type\":\"%s\",\"id\":\"%s\"},\"context\":",
		   RANDOM_PICK(r, prove_users), view ? "view" : "edit", user ? "User" : "Doc",
		   user ? RANDOM_PICK(r, prove_users) : "d");
	if (view) {
		prove_random_context(r, out);
	} else {
		buf_append(out, STR("{\"n\":"));
		prove_random_long(r, out);
		buf_append_c(out, '}');
	}
	buf_append_c(out, '}');
}

#endif
