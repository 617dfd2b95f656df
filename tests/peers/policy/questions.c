/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints random questions, one a line:
 *   policy_questions SEED COUNT              what is decided, as `writ policy eval --batch` reads it:
 *                                            random policies, entities, context and request
 *   policy_questions --validate SEED COUNT   what is valid, as policy_validator reads it:
 *                                            a random schema and policies that mostly fit it
 * compare.mjs asks another implementation the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "json/write.h"

#include "tests/unit/policy/random.h"
#include "tests/unit/policy/random_schema.h"

static void uid(struct json_writer *w, struct str key, const char *text)
{
	struct policy_uid u;
	struct arena a;

	arena_init(&a, 1 << 16);
	if (!policy_uid_parse(&a, str_from_c(text), &u)) {
		abort();
	}
	json_w_key(w, key);
	json_w_object(w);
	json_w_key(w, STR("type"));
	json_w_str(w, u.type);
	json_w_key(w, STR("id"));
	json_w_str(w, u.id);
	json_w_end(w);
	arena_done(&a);
}

/* ---- entities and contexts ---- */

static const char *const entity_uids[] = {
	"User::\"a\"",        "User::\"b\"",     "Bot::\"a\"",       "Group::\"g\"",
	"Group::\"h\"",       "Org::\"o\"",      "Tool::\"t\"",      "Tool::\"u\"",
	"File::\"f\"",        "Action::\"any\"", "Action::\"read\"", "Action::\"write\"",
	"Action::\"mutate\"",
};

static void json_uid(struct buf *out, const char *text)
{
	struct policy_uid u;
	struct arena a;

	arena_init(&a, 1 << 16);
	if (!policy_uid_parse(&a, str_from_c(text), &u)) {
		abort();
	}
	buf_printf(out, "{\"type\":\"" STR_FMT "\",\"id\":\"" STR_FMT "\"}", STR_ARG(u.type),
		   STR_ARG(u.id));
	arena_done(&a);
}

static void json_extn(struct random_source *r, struct buf *out)
{
	static const char *const good[][2] = {
		{"ip", "10.1.2.3"},
		{"ip", "10.0.0.0/8"},
		{"ip", "::1"},
		{"decimal", "1.5"},
		{"decimal", "-0.0001"},
		{"datetime", "2026-01-01"},
		{"datetime", "2026-06-01T12:00:00.500Z"},
		{"duration", "1h30m"},
		{"duration", "-1d"},
	};
	static const char *const bad[][2] = {
		{"ip", "300.1.1.1"},        {"decimal", "1.50000"},
		{"datetime", "2026-13-01"}, {"datetime", "2026-06-01T12:00:00.5Z"},
		{"duration", "1m1h"},
	};
	const char *const *c = random_next(r, 200) ? RANDOM_PICK(r, good) : RANDOM_PICK(r, bad);

	buf_printf(out, "{\"__extn\":{\"fn\":\"%s\",\"arg\":\"%s\"}}", c[0], c[1]);
}

/* Numbers stay below 2^53: the other side reads them as JavaScript does. */
static void json_any(struct random_source *r, struct buf *out, int depth)
{
	static const char *const plain[] = {
		"true", "false", "0",       "1",     "2", "-1", "9007199254740991",
		"\"\"", "\"x\"", "\"x*a\"", "\"a*\""};

	switch (random_next(r, depth > 0 ? 9 : 6)) {
	case 0:
		json_extn(r, out);
		break;
	case 1:
		buf_append(out, STR("{\"__entity\":"));
		json_uid(out, RANDOM_PICK(r, entity_uids));
		buf_append_c(out, '}');
		break;
	case 6:
		buf_append_c(out, '[');
		for (uint32_t n = random_next(r, 4), i = 0; i < n; i++) {
			buf_append(out, i ? STR(",") : STR(""));
			json_any(r, out, depth - 1);
		}
		buf_append_c(out, ']');
		break;
	case 7:
	case 8:
		random_json_record(r, out, depth - 1, json_any);
		break;
	default:
		buf_append(out, str_from_c(RANDOM_PICK(r, plain)));
		break;
	}
}

/*
 * Parents come later in the list, those of actions earlier, but for one in two thousand: then
 * there may be a cycle, or a parent that may not be one.
 */
static void json_entity(struct random_source *r, struct buf *out, size_t i)
{
	bool first = true, action = str_starts_with(str_from_c(entity_uids[i]), STR("Action"));

	buf_append(out, STR("{\"uid\":"));
	json_uid(out, entity_uids[i]);
	buf_append(out, STR(",\"attrs\":"));
	if (action) {
		buf_append(out, STR("{}"));
	} else {
		random_json_record(r, out, 2, json_any);
		buf_append(out, STR(",\"tags\":"));
		random_json_record(r, out, 1, json_any);
	}
	buf_append(out, STR(",\"parents\":["));
	for (size_t k = 0; k < ARRAY_LEN(entity_uids); k++) {
		bool other = str_starts_with(str_from_c(entity_uids[k]), STR("Action"));
		bool below = action ? other && k < i : !other && k > i;

		if (random_next(r, 4) == 0 && k != i && (below || random_next(r, 2000) == 0)) {
			buf_append(out, first ? STR("") : STR(","));
			json_uid(out, entity_uids[k]);
			first = false;
		}
	}
	buf_append(out, STR("]}"));
}

static void json_entities(struct random_source *r, struct buf *out)
{
	bool first = true;

	buf_append_c(out, '[');
	for (size_t i = 0; i < ARRAY_LEN(entity_uids); i++) {
		if (random_next(r, 5) > 0) {
			buf_append(out, first ? STR("") : STR(","));
			json_entity(r, out, i);
			first = false;
		}
	}
	buf_append_c(out, ']');
}

static void question(struct random_source *r, struct buf *out)
{
	struct json_writer w = json_writer(out);
	struct buf policies, entities, context;

	buf_init(&policies, 1 << 22);
	buf_init(&entities, 1 << 22);
	buf_init(&context, 1 << 22);
	for (uint32_t n = 1 + random_next(r, 8); n > 0; n--) {
		random_policy(r, &policies);
	}
	/* The fixed ones are true and false about equally often; the others meet more. */
	if (random_next(r, 2)) {
		json_entities(r, &entities);
		random_json_record(r, &context, 3, json_any);
	} else {
		buf_append(&entities, STR(RANDOM_ENTITIES));
		buf_append(&context, STR(RANDOM_CONTEXT));
	}
	json_w_object(&w);
	json_w_key(&w, STR("policies"));
	json_w_str(&w, buf_str(&policies));
	json_w_key(&w, STR("entities"));
	json_w_raw(&w, buf_str(&entities));
	json_w_key(&w, STR("request"));
	json_w_object(&w);
	uid(&w, STR("principal"), RANDOM_PICK(r, random_users));
	uid(&w, STR("action"), RANDOM_PICK(r, random_actions));
	uid(&w, STR("resource"), RANDOM_PICK(r, random_things));
	json_w_key(&w, STR("context"));
	json_w_raw(&w, buf_str(&context));
	json_w_end(&w);
	json_w_end(&w);
	buf_append_c(out, '\n');
	buf_done(&policies);
	buf_done(&entities);
	buf_done(&context);
}

static void validation(struct random_source *r, struct buf *out)
{
	struct json_writer w = json_writer(out);
	struct random_schema s;
	struct buf text;

	buf_init(&text, 1 << 22);
	random_schema_make(r, &s);
	json_w_object(&w);
	json_w_key(&w, STR("schema"));
	random_schema_write(&s, &text);
	json_w_str(&w, buf_str(&text));
	buf_clear(&text);
	for (uint32_t n = 1 + random_next(r, 2); n > 0; n--) {
		random_schema_policy(r, &s, &text);
	}
	json_w_key(&w, STR("policies"));
	json_w_str(&w, buf_str(&text));
	json_w_end(&w);
	buf_append_c(out, '\n');
	buf_done(&text);
}

int main(int argc, char **argv)
{
	bool valid = argc > 1 && strcmp(argv[1], "--validate") == 0;
	char **args = valid ? argv + 1 : argv;
	int n_args = valid ? argc - 1 : argc;
	struct random_source r = {n_args > 1 ? strtoull(args[1], NULL, 10) | 1 : 1};
	unsigned long n = n_args > 2 ? strtoul(args[2], NULL, 10) : 1000;
	struct buf out;

	for (int i = 0; i < 8; i++) {
		(void)random_next(&r, 2); /* small seeds begin alike */
	}
	buf_init(&out, 1 << 24);
	while (n-- > 0) {
		if (valid) {
			validation(&r, &out);
		} else {
			question(&r, &out);
		}
		if (out.failed ||
		    fwrite(buf_str(&out).p, 1, buf_len(&out), stdout) != buf_len(&out)) {
			return 2;
		}
		buf_clear(&out);
	}
	buf_done(&out);
	return fflush(stdout) == 0 ? 0 : 2;
}
