/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/schema_help.h"

#include "policy/conform.h"
#include "policy/data.h"

/*
 * Two documents of the vectors passed through a JSON parser that hides a
 * repeated name and reads 1.0 as 1. Read as written both are refused, here as
 * in the reference implementation.
 */
static bool is_refused_as_written(struct str name)
{
	return str_eq(name, STR("1.0")) || str_eq(name, STR("dup key"));
}

static enum err_code read_entities(struct arena *a, const struct json *doc, const struct schema *s,
				   struct err *err)
{
	struct policy_entity *entities;
	struct policy_store *store;
	const struct json *inner;
	size_t n;

	if (json_is_string(doc)) { /* a text that JSON in JSON could not say */
		TRY(json_parse(a, doc->text, NULL, &inner, err));
		doc = inner;
	}
	TRY(policy_json_entities(a, doc, s, &entities, &n, err));
	if (s) {
		TRY(conform_entities(s, entities, n, err));
	}
	return policy_store_build(a, entities, n, &store, err);
}

static enum err_code decide_request(struct arena *a, const struct schema *s, struct str p_type,
				    struct str p_id, struct str action, struct str r_type,
				    struct str r_id, const struct json *context, struct err *err)
{
	struct policy_uid p = policy_uid_make(p_type, p_id), r = policy_uid_make(r_type, r_id);
	struct policy_uid act = policy_uid_make(STR("Action"), action);
	const struct schema_action *decl = schema_action_find(s, act.type, act.id);
	struct policy_value v;

	TRY(policy_json_context(a, context, decl ? decl->context : NULL, &v, err));
	return conform_request(s, &p, &act, &r, v, err);
}

static enum err_code run_vector(struct arena *a, const struct json *doc, const struct json *v,
				const struct schema *s, struct err *err)
{
	struct str k = json_str(json_get(v, STR("k"))), word;
	const struct json *contexts = json_get(doc, STR("context"));

	if (str_starts_with(k, STR("context "))) {
		return decide_request(a, s, STR("U"), STR("a"), STR("v"), STR("U"), STR("b"),
				      json_get(contexts, str_from(k, 8)), err);
	}
	if (str_starts_with(k, STR("request "))) {
		struct str f[5];

		str_cut(&k, ' ');
		for (size_t i = 0; i < ARRAY_LEN(f); i++) {
			f[i] = str_cut(&k, ' ');
		}
		return decide_request(a, s, f[0], f[1], f[2], f[3], f[4],
				      json_get(contexts, STR("ok")), err);
	}
	word = k;
	if (str_eq(k, STR("cycle"))) {
		const struct json *cycle;

		TRY(json_parse(a,
			       STR("[{\"uid\":{\"type\":\"G\",\"id\":\"a\"},\"attrs\":{},"
				   "\"parents\":[{\"type\":\"G\",\"id\":\"b\"}]},"
				   "{\"uid\":{\"type\":\"G\",\"id\":\"b\"},\"attrs\":{},"
				   "\"parents\":[{\"type\":\"G\",\"id\":\"a\"}]}]"),
			       NULL, &cycle, err));
		return read_entities(a, cycle, s, err);
	}
	return read_entities(a, json_get(json_get(doc, STR("entities")), word), s, err);
}

static void the_entity_vectors_agree(void **state)
{
	struct arena a;
	const struct json *doc;
	struct loaded l;
	size_t n = 0, bad = 0;

	(void)state;
	arena_init(&a, 64u << 20);
	doc = vectors_json(&a, "cedar/vectors/entities.json");
	load(&l, json_str(json_get(doc, STR("schema"))));
	assert_int_equal(l.code, ERR_OK);
	JSON_EACH (v, json_get(doc, STR("results"))) {
		struct str k = json_str(json_get(v, STR("k")));
		bool with = json_get(v, STR("schema"))->boolean;
		bool ok =
			json_str_is(json_get(v, STR("r")), STR("ok")) && !is_refused_as_written(k);
		struct err err = {0};
		enum err_code code = run_vector(&a, doc, v, with ? l.s : NULL, &err);

		n++;
		if ((code == ERR_OK) != ok) {
			print_error(STR_FMT " (%s schema): %s\n", STR_ARG(k),
				    with ? "with" : "without", code ? err.msg : "accepted");
			bad++;
		}
	}
	unload(&l);
	arena_done(&a);
	assert_int_equal(n, 97);
	assert_int_equal(bad, 0);
}

struct sample {
	const char *entity;
	const char *why; /* part of the message, or NULL when it conforms */
};

static void entities_conform_or_the_message_says_why(void **state)
{
	static const struct sample samples[] = {
		{"{\"uid\":{\"type\":\"U\",\"id\":\"a\"},\"attrs\":{\"n\":1},\"parents\":"
		 "[{\"type\":\"G\",\"id\":\"g\"},{\"type\":\"GG\",\"id\":\"gg\"}]}",
		 NULL},
		{"{\"uid\":{\"type\":\"U\",\"id\":\"a\"},\"attrs\":{\"n\":true},\"parents\":[]}",
		 "expected Long, found a bool"},
		{"{\"uid\":{\"type\":\"U\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}",
		 "`n` is missing"},
		{"{\"uid\":{\"type\":\"U\",\"id\":\"a\"},\"attrs\":{\"n\":1,\"e\":[{\"type\":\"E\","
		 "\"id\":\"z\"}]},\"parents\":[]}",
		 "\"z\" is not one of the ids"},
		{"{\"uid\":{\"type\":\"U\",\"id\":\"a\"},\"attrs\":{\"n\":1},\"tags\":{\"t\":\"x\"}"
		 ","
		 "\"parents\":[]}",
		 "in tag `t`"},
		{"{\"uid\":{\"type\":\"G\",\"id\":\"a\"},\"attrs\":{},\"parents\":"
		 "[{\"type\":\"U\",\"id\":\"u\"}]}",
		 "parent of type `U`"},
		{"{\"uid\":{\"type\":\"Action\",\"id\":\"c\"},\"attrs\":{},\"parents\":"
		 "[{\"type\":\"Action\",\"id\":\"b\"}]}",
		 NULL},
		{"{\"uid\":{\"type\":\"Action\",\"id\":\"c\"},\"attrs\":{},\"parents\":"
		 "[{\"type\":\"Action\",\"id\":\"b\"},{\"type\":\"Action\",\"id\":\"a\"}]}",
		 NULL},
		{"{\"uid\":{\"type\":\"Action\",\"id\":\"c\"},\"attrs\":{},\"parents\":"
		 "[{\"type\":\"Action\",\"id\":\"a\"}]}",
		 "makes it a member of \"b\""},
		{"{\"uid\":{\"type\":\"Action\",\"id\":\"a\"},\"attrs\":{},\"parents\":"
		 "[{\"type\":\"Action\",\"id\":\"c\"}]}",
		 "does not make it a member of \"c\""},
	};
	struct loaded l;
	size_t bad = 0;

	(void)state;
	load(&l, STR("entity GG; entity G in GG; entity E enum [\"x\"];"
		     "entity U in G {n: Long, e?: Set<E>} tags Long;"
		     "action a; action b in a; action c in b;"));
	assert_int_equal(l.code, ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct policy_entity *entities;
		struct err err = {.msg = "ok"};
		struct str text = arena_printf(&l.a, "[%s]", samples[i].entity);
		const struct json *doc;
		enum err_code code;
		size_t n;

		assert_int_equal(json_parse(&l.a, text, NULL, &doc, &err), ERR_OK);
		code = policy_json_entities(&l.a, doc, l.s, &entities, &n, &err);
		code = code ? code : conform_entities(l.s, entities, n, &err);
		if (samples[i].why ? !code || !strstr(err.msg, samples[i].why) : code != ERR_OK) {
			print_error("%s: %s\n", samples[i].entity, code ? err.msg : "accepted");
			bad++;
		}
	}
	unload(&l);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_entity_vectors_agree),
		cmocka_unit_test(entities_conform_or_the_message_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
