/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules.h"

#include "base/hex.h"
#include "gate/rules_duties.h"
#include "gate/rules_entities.h"
#include "gate/rules_residency.h"
#include "gate/rules_temporal.h"
#include "policy/data.h"
#include "policy/diag.h"
#include "policy/ext.h"
#include "policy/literals.h"
#include "json/parse.h"

#include <stdlib.h>

enum { RULES_MEMORY = 256 << 20, BUNDLE_DEPTH = 128, MAX_IDS = 32 };

struct rules *rules_ref(struct rules *r)
{
	r->refs++;
	return r;
}

void rules_unref(struct rules *r)
{
	if (r && --r->refs == 0) {
		rules_residency_done(r);
		arena_done(&r->arena);
		free(r);
	}
}

/* ---- compiling ---- */

/* The first diagnostic as one line. */
static enum err_code first_diag(const struct policy_diags *diags, struct err *err)
{
	struct buf text;
	enum err_code code;

	buf_init(&text, 4096);
	if (diags->n) {
		policy_diag_render(&diags->items[0], &text);
	}
	/* Without memory for its text the first report stands. */
	code = text.failed
		       ? err->code
		       : ERR(err, ERR_INVALID, STR_FMT,
			     STR_ARG(str_make(buf_str(&text).p, str_find(buf_str(&text), '\n'))));
	buf_done(&text);
	return code;
}

static enum err_code load_sources(struct rules *r, const struct json *list,
				  const struct policy_source **ret, size_t *ret_n, struct err *err)
{
	struct policy_source *sources =
		ARENA_ARRAY(&r->arena, (list ? list->n : 0) + 1, struct policy_source);
	size_t n = 0;

	if (!sources) {
		return ERR(err, ERR_NOMEM, "no memory for the policies");
	}
	JSON_EACH (p, list) {
		sources[n].name = json_str(json_get(p, STR("name")));
		sources[n++].text = json_str(json_get(p, STR("text")));
	}
	*ret = sources;
	*ret_n = n;
	return ERR_OK;
}

/* A text beside the policies; NULL when there is none. */
static enum err_code load_beside(struct rules *r, const struct json *j,
				 const struct policy_source **ret, struct err *err)
{
	struct policy_source *src;

	*ret = NULL;
	if (!json_is_object(j)) {
		return ERR_OK;
	}
	src = ARENA_NEW(&r->arena, struct policy_source);
	if (!src) {
		return ERR(err, ERR_NOMEM, "no memory for the schema");
	}
	src->name = json_str(json_get(j, STR("name")));
	src->text = json_str(json_get(j, STR("text")));
	*ret = src;
	return ERR_OK;
}

/* What decides is named: with temporal policies, also what events are and what providers compute. */
static enum err_code digest_sources(struct rules *r, const struct rules_texts *t, struct err *err)
{
	enum err_code code;
	struct buf bytes;

	buf_init(&bytes, 64 << 20);
	code = policy_canonical(t->policies, t->n_policies, &bytes, err);
	if (!code && t->events) {
		code = policy_canonical(t->events, 1, &bytes, err);
	}
	if (t->providers) {
		buf_append(&bytes, t->providers->text);
	}
	for (size_t i = 0; i < t->n_scripts; i++) {
		buf_append(&bytes, t->scripts[i].text);
	}
	if (!code && bytes.failed) {
		code = ERR(err, ERR_NOMEM, "no memory for the policies");
	}
	if (!code) {
		sha256_of(buf_str(&bytes), r->digest);
	}
	buf_done(&bytes);
	return code;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Whether the word stands in a text at all: finding out who connects takes time, so only then it is done. */
static bool says_program(struct str text)
{
	const struct str word = STR("program");

	for (;;) {
		size_t at = str_find_str(text, word);

		if (at == text.n) {
			return false;
		}
		if ((at == 0 || !is_word(text.p[at - 1])) &&
		    (at + word.n == text.n || !is_word(text.p[at + word.n]))) {
			return true;
		}
		text = str_from(text, at + word.n);
	}
}

/* What the gate may not see of a server is known to it by its digest only. */
static enum err_code load_digests(struct rules *r, const struct json *servers, struct err *err)
{
	size_t n = r->config->n_servers;

	r->servers = arena_array(&r->arena, n + 1, sizeof(*r->servers));
	if (!r->servers) {
		return ERR(err, ERR_NOMEM, "no memory for the servers");
	}
	for (size_t i = 0; i < n; i++) {
		struct str hex = json_str(json_get(servers, r->config->servers[i].id));

		if (!hex_read(hex, r->servers[i], sizeof(r->servers[i]))) {
			return ERR(err, ERR_INVALID, "server " STR_FMT " has no digest",
				   STR_ARG(r->config->servers[i].id));
		}
	}
	return ERR_OK;
}

static enum err_code load_policies(struct rules *r, struct str bundle_json, struct err *err)
{
	const struct json_opts limits = {
		.name = STR("policies"), .max_depth = BUNDLE_DEPTH, .max_bytes = 64 << 20};
	struct policy_diags diags = {.arena = &r->arena};
	struct rules_texts texts = {.config = r->config};
	const struct json *root;

	TRY(json_parse(&r->arena, bundle_json, &limits, &root, err));
	TRY(load_beside(r, json_get(root, STR("schema")), &texts.schema, err));
	TRY(load_beside(r, json_get(root, STR("events")), &texts.events, err));
	TRY(load_beside(r, json_get(root, STR("providers")), &texts.providers, err));
	TRY(load_sources(r, json_get(root, STR("scripts")), &texts.scripts, &texts.n_scripts, err));
	TRY(load_sources(r, json_get(root, STR("policies")), &texts.policies, &texts.n_policies,
			 err));
	if (rules_compile(&r->arena, &texts, &diags, &r->policies, err)) {
		return diags.n ? first_diag(&diags, err) : err->code;
	}
	TRY(digest_sources(r, &texts, err));
	TRY(policy_literals(&r->arena, texts.policies, texts.n_policies, STR("Path"), &r->paths,
			    &r->n_paths, err));
	TRY(policy_literals(&r->arena, texts.policies, texts.n_policies, STR("Program"),
			    &r->programs, &r->n_programs, err));
	for (size_t i = 0; i < texts.n_policies; i++) {
		r->ask_program = r->ask_program || says_program(texts.policies[i].text);
	}
	TRY(load_digests(r, json_get(root, STR("servers")), err));
	return rules_residency_init(r, texts.policies, texts.n_policies, err);
}

static enum err_code rules_fill(struct rules *r, struct str config_json, struct str bundle_json,
				struct err *err)
{
	struct str text = arena_dup(&r->arena, config_json);
	struct str bundle = arena_dup(&r->arena, bundle_json);

	r->config = ARENA_NEW(&r->arena, struct config);
	if (!r->config || !bundle.p || !text.p) {
		return ERR(err, ERR_NOMEM, "no memory for the configuration");
	}
	TRY(config_decode_json(&r->arena, text, r->config, err));
	r->node = r->config->node;
	return load_policies(r, bundle, err);
}

enum err_code rules_new(struct str config_json, struct str bundle_json, struct rules **ret,
			struct err *err)
{
	struct rules *r = calloc(1, sizeof(*r));
	enum err_code code;

	if (!r) {
		return ERR(err, ERR_NOMEM, "no memory for the policies");
	}
	r->refs = 1;
	arena_init(&r->arena, RULES_MEMORY);
	code = rules_fill(r, config_json, bundle_json, err);
	if (code) {
		rules_unref(r);
		return code;
	}
	*ret = r;
	return ERR_OK;
}

/* ---- deciding ---- */

/* What each kind is called: its action or group of actions, and the type of its resource. */
static const struct rules_word {
	struct str action, resource;
	bool own_action; /* a tool is an action of its own in the group */
} rules_words[] = {
	[RULES_CALL_TOOL] = {STR_INIT("call_tool"), STR_INIT("Writ::Tool"), true},
	[RULES_READ_RESOURCE] = {STR_INIT("read_resource"), STR_INIT("Writ::Resource"), false},
	[RULES_GET_PROMPT] = {STR_INIT("get_prompt"), STR_INIT("Writ::Prompt"), false},
	[RULES_COMPLETE] = {STR_INIT("complete"), STR_INIT("Writ::McpServer"), false},
	[RULES_LIST] = {STR_INIT("list"), STR_INIT("Writ::McpServer"), false},
	[RULES_INFER] = {STR_INIT("infer"), STR_INIT("Writ::Model"), false},
	[RULES_CONNECT] = {STR_INIT("connect"), STR_INIT("Writ::Host"), false},
	[RULES_SUBSCRIBE] = {STR_INIT("subscribe"), STR_INIT("Writ::Resource"), false},
	[RULES_SAMPLE] = {STR_INIT("sample"), STR_INIT("Writ::McpServer"), false},
	[RULES_ELICIT] = {STR_INIT("elicit"), STR_INIT("Writ::McpServer"), false},
	[RULES_LIST_ROOTS] = {STR_INIT("list_roots"), STR_INIT("Writ::McpServer"), false},
	[RULES_TASK] = {STR_INIT("task"), STR_INIT("Writ::McpServer"), false},
	[RULES_EXEC] = {STR_INIT("exec"), STR_INIT("Writ::Program"), false},
	[RULES_READ_FILE] = {STR_INIT("read_file"), STR_INIT("Writ::Path"), false},
	[RULES_WRITE_FILE] = {STR_INIT("write_file"), STR_INIT("Writ::Path"), false},
};

static struct str join(struct arena *a, struct str server, struct str object)
{
	char *p = arena_alloc(a, server.n + 1 + object.n);

	if (!p) {
		return str_make(NULL, 0);
	}
	memcpy(p, server.p, server.n);
	p[server.n] = '.';
	if (object.n) {
		memcpy(p + server.n + 1, object.p, object.n);
	}
	return str_make(p, server.n + 1 + object.n);
}

/*
 * The host and port, in the host, in each domain above it:
 * Host::"api.git.test:443" in Host::"api.git.test" in Host::"git.test" in Host::"test".
 */
static bool name_host(const struct egress_host *h, struct arena *a, struct rules_subject *s)
{
	struct str name = arena_dup(a, egress_host_name(h)), full, rest = name;
	struct policy_field *fields = ARENA_ARRAY(a, 2, struct policy_field);
	struct policy_uid *uids = ARENA_ARRAY(a, EGRESS_LABELS_MAX + 1, struct policy_uid);
	struct policy_entity *e;
	size_t n = 0;
	struct buf text;

	buf_init(&text, EGRESS_NAME_MAX + 16);
	egress_host_write(&text, h, 0);
	full = arena_dup(a, buf_str(&text));
	buf_done(&text);
	if (!name.p || !full.p || !fields || !uids) {
		return false;
	}
	while (rest.n && n <= EGRESS_LABELS_MAX) {
		uids[n++] = policy_uid_make(STR("Writ::Host"), rest);
		rest = h->is_ip ? str_make(NULL, 0) : str_from(rest, str_find(rest, '.') + 1);
	}
	s->resource = policy_uid_make(STR("Writ::Host"), full);
	fields[0] = (struct policy_field){STR("name"), policy_string(name)};
	fields[1] = (struct policy_field){STR("port"), policy_long(h->port)};
	e = &s->overlay[s->n_overlay++];
	*e = (struct policy_entity){.uid = s->resource, .parents = uids, .n_parents = 1};
	for (size_t i = 0; i + 1 < n; i++) {
		s->overlay[s->n_overlay++] = (struct policy_entity){
			.uid = uids[i], .parents = &uids[i + 1], .n_parents = 1};
	}
	return policy_value_record(fields, 2, &e->attrs);
}

static struct policy_value labels_value(const struct rules_labels *l, struct arena *a);

/* A program has its path and digest. */
static bool describe_program(const struct rules_query *q, struct arena *a, struct rules_subject *s)
{
	struct policy_field *fields = ARENA_ARRAY(a, 2, struct policy_field);
	struct policy_entity *e = &s->overlay[s->n_overlay++];

	if (!fields) {
		return false;
	}
	fields[0] = (struct policy_field){STR("digest"), policy_string(q->digest)};
	fields[1] = (struct policy_field){STR("path"), policy_string(q->object)};
	*e = (struct policy_entity){.uid = s->resource};
	return policy_value_record(fields, 2, &e->attrs);
}

/* A path lies in every directory above it. */
static bool describe_path(const struct rules_query *q, struct arena *a, struct rules_subject *s)
{
	struct policy_field *fields = ARENA_ARRAY(a, 2, struct policy_field);
	struct policy_entity *e = &s->overlay[s->n_overlay++];
	struct policy_uid *parents;
	size_t most = 1;
	uint32_t n = 0;

	for (size_t i = 0; i < q->object.n; i++) {
		most += q->object.p[i] == '/';
	}
	parents = ARENA_ARRAY(a, most, struct policy_uid);
	if (!fields || !parents) {
		return false;
	}
	for (size_t i = q->object.n; i-- > 0 && q->object.n > 1;) {
		if (q->object.p[i] == '/') {
			parents[n++] = policy_uid_make(STR("Writ::Path"),
						       str_make(q->object.p, i ? i : 1));
		}
	}
	fields[0] = (struct policy_field){STR("labels"), labels_value(&q->labels, a)};
	fields[1] = (struct policy_field){STR("path"), policy_string(q->object)};
	*e = (struct policy_entity){.uid = s->resource, .parents = parents, .n_parents = n};
	return policy_value_record(fields, 2, &e->attrs);
}

static bool name_resource(const struct rules_query *q, struct arena *a, struct str full,
			  struct rules_subject *s)
{
	const struct rules_word *w = &rules_words[q->kind];
	struct policy_field *fields;
	struct policy_entity *e;

	if (q->kind >= RULES_EXEC) {
		s->resource = policy_uid_make(w->resource, q->object);
		return q->kind == RULES_EXEC ? describe_program(q, a, s) : describe_path(q, a, s);
	}
	if (str_eq(w->resource, STR("Writ::McpServer"))) {
		s->resource = policy_uid_make(w->resource, q->server);
		return true;
	}
	if (q->kind == RULES_CONNECT) {
		return name_host(q->host, a, s);
	}
	if (q->kind == RULES_INFER) {
		s->resource = policy_uid_make(w->resource, q->object);
		return true;
	}
	s->resource = policy_uid_make(w->resource, full);
	s->resource_parent = policy_uid_make(STR("Writ::McpServer"), q->server);
	fields = ARENA_ARRAY(a, 2, struct policy_field);
	if (!fields) {
		return false;
	}
	fields[0] = (struct policy_field){str_eq(w->resource, STR("Writ::Resource")) ? STR("uri")
										     : STR("name"),
					  policy_string(q->object)};
	fields[1] = (struct policy_field){STR("server"), policy_entity(&s->resource_parent)};
	e = &s->overlay[s->n_overlay++];
	*e = (struct policy_entity){
		.uid = s->resource, .parents = &s->resource_parent, .n_parents = 1};
	return policy_value_record(fields, 2, &e->attrs);
}

/* What the configuration says of the agent, and what its token does. */
static bool describe_caller(const struct rules *r, const struct rules_query *q, struct arena *a,
			    struct rules_subject *s)
{
	const struct policy_entity *known = policy_store_find(r->store, &s->principal);
	uint32_t n = known ? known->attrs.n : 0;
	struct policy_field *fields = ARENA_ARRAY(a, n + 1, struct policy_field);
	struct policy_entity *e = &s->overlay[s->n_overlay++];

	if (!fields) {
		return false;
	}
	if (n) {
		memcpy(fields, known->attrs.fields, n * sizeof(*fields));
	}
	fields[n] = (struct policy_field){STR("oauth"), *q->claims};
	*e = (struct policy_entity){.uid = s->principal};
	if (known) {
		e->parents = known->parents;
		e->n_parents = known->n_parents;
	}
	return policy_value_record(fields, n + 1, &e->attrs);
}

static bool name_subject(const struct rules *r, const struct rules_query *q, struct arena *a,
			 struct rules_subject *s)
{
	const struct rules_word *w = &rules_words[q->kind];
	struct str full = str_make(NULL, 0);

	if (q->server.n && q->object.n) {
		full = join(a, q->server, q->object);
		if (!full.p) {
			return false;
		}
	}
	s->principal = policy_uid_make(STR("Writ::Agent"), q->agent);
	if (q->claims && !describe_caller(r, q, a, s)) {
		return false;
	}
	s->action = policy_uid_make(RULES_ACTION, w->own_action ? full : w->action);
	/* Of temporal policies the schema says which tools there are, and what they are members of. */
	if (w->own_action && !r->policies.temporal) {
		s->action_parent = policy_uid_make(RULES_ACTION, w->action);
		s->overlay[s->n_overlay++] = (struct policy_entity){
			.uid = s->action, .parents = &s->action_parent, .n_parents = 1};
	}
	return name_resource(q, a, full, s);
}

static struct policy_value categories_value(const struct rules_labels *l, struct arena *a)
{
	struct policy_value *v;

	if (l->n_categories == 0) {
		return policy_value_set(NULL, 0);
	}
	v = ARENA_ARRAY(a, l->n_categories, struct policy_value);
	for (size_t i = 0; v && i < l->n_categories; i++) {
		v[i] = policy_string(l->categories[i]);
	}
	return v ? policy_value_set(v, l->n_categories) : (struct policy_value){0};
}

/* Shorter keys first, as records keep them: then nothing has to be sorted. */
static struct policy_value labels_value(const struct rules_labels *l, struct arena *a)
{
	struct policy_value v = {0};
	struct policy_record r;

	policy_record_begin(&r, a);
	policy_record_put(&r, STR("origins"), policy_value_set(NULL, 0));
	policy_record_put(&r, STR("integrity"), policy_long(l->integrity));
	policy_record_put(&r, STR("categories"), categories_value(l, a));
	policy_record_put(&r, STR("confidentiality"), policy_long(l->confidentiality));
	return policy_record_end(&r, &v) ? v : (struct policy_value){0};
}

/* {at, by}: what a policy that asks looks for when it is decided again. */
static bool put_approval(struct policy_record *w, const struct rules_query *q, struct arena *a)
{
	struct policy_uid *by = ARENA_NEW(a, struct policy_uid);
	struct policy_value approval;
	struct policy_record r;

	if (!by) {
		return false;
	}
	*by = policy_uid_make(STR("Writ::User"), arena_dup(a, q->approved_by));
	policy_record_begin(&r, a);
	policy_record_put(&r, STR("at"), policy_scalar(POLICY_DATETIME, (int64_t)q->now_ms));
	policy_record_put(&r, STR("by"), policy_entity(by));
	if (!by->id.p || !policy_record_end(&r, &approval)) {
		return false;
	}
	policy_record_put(w, STR("approval"), approval);
	return true;
}

static bool put_program(struct policy_record *context, const struct rules_program *p,
			struct arena *a)
{
	struct policy_value v;
	struct policy_record r;

	policy_record_begin(&r, a);
	policy_record_put(&r, STR("path"), policy_string(p->path));
	policy_record_put(&r, STR("digest"), policy_string(p->digest));
	policy_record_put(&r, STR("certain"), policy_bool(p->certain));
	if (!policy_record_end(&r, &v)) {
		return false;
	}
	policy_record_put(context, STR("program"), v);
	return true;
}

/* {input, program, sessionId, w: {approval, labels, now, origin, purpose, session: {depth, id, taint}}} */
static bool make_context(const struct rules_query *q, struct arena *a, struct policy_value *ret)
{
	struct policy_value labels = labels_value(&q->labels, a), input, session, w;
	struct policy_record r;

	if (labels.kind != POLICY_RECORD ||
	    policy_input_parse(a, q->input.n ? q->input : STR("{}"), &input, NULL)) {
		return false;
	}
	policy_record_begin(&r, a);
	policy_record_put(&r, STR("id"), policy_string(q->session));
	policy_record_put(&r, STR("depth"), policy_long(0));
	policy_record_put(&r, STR("taint"), labels);
	if (!policy_record_end(&r, &session)) {
		return false;
	}
	policy_record_begin(&r, a);
	if (q->approved_by.n && !put_approval(&r, q, a)) {
		return false;
	}
	policy_record_put(&r, STR("now"), policy_scalar(POLICY_DATETIME, (int64_t)q->now_ms));
	policy_record_put(&r, STR("labels"), labels);
	policy_record_put(&r, STR("origin"), policy_string(q->origin));
	policy_record_put(&r, STR("purpose"), policy_string(q->purpose));
	policy_record_put(&r, STR("session"), session);
	if (!policy_record_end(&r, &w)) {
		return false;
	}
	policy_record_begin(&r, a);
	policy_record_put(&r, STR("w"), w);
	policy_record_put(&r, STR("input"), input);
	if (q->program && !put_program(&r, q->program, a)) {
		return false;
	}
	policy_record_put(&r, STR("sessionId"), policy_string(q->session));
	return policy_record_end(&r, ret);
}

static struct str uid_text(struct arena *a, const struct policy_uid *uid)
{
	struct str text;
	struct buf b;

	/* Almost every id is plain: then the text needs no buffer. */
	if (str_find(uid->id, '"') == uid->id.n && str_find(uid->id, '\\') == uid->id.n) {
		char *p = arena_alloc(a, uid->type.n + uid->id.n + 4);

		if (p) {
			memcpy(p, uid->type.p, uid->type.n);
			memcpy(p + uid->type.n, "::\"", 3);
			memcpy(p + uid->type.n + 3, uid->id.p, uid->id.n);
			p[uid->type.n + 3 + uid->id.n] = '"';
			return str_make(p, uid->type.n + uid->id.n + 4);
		}
	}
	buf_init(&b, 16 << 10);
	policy_uid_write(&b, uid);
	text = b.failed ? STR("(too long)") : arena_dup(a, buf_str(&b));
	buf_done(&b);
	return text;
}

static size_t take_ids(struct arena *a, const struct policy_rules *rules, const struct str **ret)
{
	size_t n = rules->n > MAX_IDS ? MAX_IDS : rules->n;
	struct str *ids = n ? ARENA_ARRAY(a, n, struct str) : NULL;

	for (size_t i = 0; ids && i < n; i++) {
		ids[i] = rules->items[i]->id;
	}
	*ret = ids;
	return ids ? n : 0;
}

/* "audit=durable" */
static size_t take_duties(struct arena *a, const struct policy_decision *d, const struct str **ret)
{
	size_t n = d->n_duties > MAX_IDS ? MAX_IDS : d->n_duties;
	struct str *texts = n ? ARENA_ARRAY(a, n, struct str) : NULL;

	*ret = texts;
	for (size_t i = 0; texts && i < n; i++) {
		texts[i] = arena_printf(a, STR_FMT "=" STR_FMT, STR_ARG(d->duties[i]->key),
					STR_ARG(d->duties[i]->value));
		if (!texts[i].p) {
			return i;
		}
	}
	return texts ? n : 0;
}

/* How long to wait when nobody has to be asked; empty otherwise. */
static struct str only_waiting(const struct policy_decision *d)
{
	struct str longest = {0};
	int64_t most = 0, ms;

	for (size_t i = 0; i < d->n_remedies; i++) {
		const struct policy_note *note = d->remedies[i];

		if (!str_eq(note->key, STR("retry_after"))) {
			return str_make(NULL, 0);
		}
		if (policy_duration_parse(note->value, &ms) && ms > most) {
			most = ms;
			longest = note->value;
		}
	}
	return longest;
}

/* How long a person may take to answer; 0: nothing says. */
static unsigned ask_seconds(const struct policy_decision *d)
{
	int64_t least = INT64_MAX, ms;

	for (size_t i = 0; d->outcome == POLICY_ASK && i < d->deciding.n; i++) {
		struct str ttl = policy_rule_note(d->deciding.items[i], STR("ask_ttl"));

		if (ttl.n && policy_duration_parse(ttl, &ms) && ms < least) {
			least = ms;
		}
	}
	least = least == INT64_MAX ? 0 : least < 1000 ? 1 : least / 1000;
	return least > UINT32_MAX ? UINT32_MAX : (unsigned)least;
}

/* The scopes that would lift it, when nothing else has to; empty otherwise. */
static struct str only_scopes(const struct policy_decision *d, struct arena *a)
{
	struct str all = str_make(NULL, 0);

	for (size_t i = 0; i < d->n_remedies; i++) {
		const struct policy_note *note = d->remedies[i];

		if (!str_eq(note->key, STR("step_up"))) {
			return str_make(NULL, 0);
		}
		all = all.n ? arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(all),
					   STR_ARG(note->value))
			    : note->value;
	}
	return all;
}

static bool is_durable(const struct policy_decision *d)
{
	for (size_t i = 0; i < d->deciding.n; i++) {
		if (str_eq(policy_rule_note(d->deciding.items[i], STR("audit")), STR("durable"))) {
			return true;
		}
	}
	return false;
}

void rules_refuse(struct rules_answer *ret, struct arena *a, struct str policy, struct str cause,
		  struct str reason)
{
	struct str *id = ARENA_NEW(a, struct str);

	ret->outcome = POLICY_DENY;
	ret->policy = policy;
	ret->cause = cause;
	ret->reason = reason;
	ret->n_policies = 0;
	if (id) {
		*id = policy;
		ret->policies = id;
		ret->n_policies = 1;
	}
}

/* What is allowed as long as its duties are met. */
static void take_on(const struct rules *r, const struct policy_decision *d,
		    const struct rules_query *q, struct rules_answer *ret)
{
	if (!rules_can_do_duties(q->kind, d)) {
		ret->outcome = POLICY_DENY;
		ret->reason = STR("duty.unsupported");
		return;
	}
	if (q->kind == RULES_INFER) {
		ret->route = rules_route_away(r->config, d, q->object);
	}
	if (ret->route.n) {
		ret->outcome = POLICY_DENY;
		ret->cause = STR("duty.route");
		return;
	}
	ret->redact = rules_redaction(d);
}

static void take_decision(const struct rules *r, const struct policy_decision *d,
			  const struct rules_query *q, struct arena *a, struct rules_answer *ret)
{
	ret->outcome = d->failure ? POLICY_DENY : d->outcome;
	ret->n_policies = take_ids(a, &d->deciding, &ret->policies);
	ret->n_errors = take_ids(a, &d->errors, &ret->errors);
	ret->n_logged = take_ids(a, &d->logged, &ret->logged);
	ret->n_duties = take_duties(a, d, &ret->duties);
	ret->retry_after = only_waiting(d);
	ret->ask_seconds = ask_seconds(d);
	ret->step_up = only_scopes(d, a);
	if (d->deciding.n) {
		const struct policy_rule *rule = d->permit ? d->permit : d->deciding.items[0];

		ret->policy = rule->id;
		ret->reason = policy_rule_note(rule, STR("reason"));
	}
	ret->durable = is_durable(d);
	if (ret->outcome == POLICY_ALLOW) {
		take_on(r, d, q, ret);
	}
}

void rules_decide(const struct rules *r, const struct rules_query *q, struct arena *a,
		  struct rules_answer *ret)
{
	struct rules_subject *s = ARENA_NEW(a, struct rules_subject);
	struct policy_request req = {.store = r->store, .now = (int64_t)q->now_ms};
	struct policy_decision d = {0};

	*ret = (struct rules_answer){.outcome = POLICY_DENY};
	if (!s || q->input.n > RULES_INPUT_MAX || !name_subject(r, q, a, s) ||
	    !make_context(q, a, &req.context)) {
		rules_refuse(ret, a, STR("writ.input"), STR("input"),
			     STR("the request is too large or too deep to be decided"));
		ret->action = ret->principal = ret->resource = STR("(not decided)");
		return;
	}
	if (q->unfit.n) {
		rules_refuse(ret, a, STR("writ.arguments"), STR("schema.arguments"), q->unfit);
	} else if (r->policies.temporal) {
		if (rules_decide_temporal(r, q, s, req.context, a, &d, ret)) {
			take_decision(r, &d, q, a, ret);
		}
	} else {
		req.principal = &s->principal;
		req.action = &s->action;
		req.resource = &s->resource;
		req.entities = s->overlay;
		req.n_entities = s->n_overlay;
		policy_decide(r->policies.set, &req, a, &d);
		take_decision(r, &d, q, a, ret);
	}
	rules_residency_sever(r, q, a, ret);
	if (q->kind == RULES_INFER) {
		rules_residency_check(r, q, a, ret);
	}
	ret->action = uid_text(a, &s->action);
	ret->principal = uid_text(a, &s->principal);
	ret->resource = uid_text(a, &s->resource);
}

bool rules_may(const struct rules *r, const struct rules_query *q, struct arena *a)
{
	struct rules_subject *s = ARENA_NEW(a, struct rules_subject);
	struct policy_request req = {.store = r->store};

	if (!s || !name_subject(r, q, a, s) || !policy_value_record(NULL, 0, &req.context)) {
		return true;
	}
	req.principal = &s->principal;
	req.action = &s->action;
	req.resource = &s->resource;
	req.entities = s->overlay;
	req.n_entities = s->n_overlay;
	return policy_may_permit(r->policies.set, &req, a);
}

bool rules_may_connect(const struct rules *r, struct str agent, const struct egress_host *host,
		       const uint16_t *ports, size_t n)
{
	struct rules_query q = {.kind = RULES_CONNECT, .agent = agent};
	bool may = false;
	struct arena a;

	arena_init(&a, 4 << 20);
	for (size_t i = 0; i < n && !may; i++) {
		struct egress_host at = *host;

		at.port = ports[i];
		q.host = &at;
		may = rules_may(r, &q, &a);
	}
	arena_done(&a);
	return may;
}
