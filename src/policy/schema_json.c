/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON syntax of schemas, read into the same tree as the human one. */
#include "policy/schema_ast.h"

#include "policy/ext.h"
#include "policy/lex.h"
#include "json/parse.h"

/* A type inside an attribute costs two levels of JSON; the rest is the frame around it. */
#define JSON_DEPTH (2 * SCHEMA_MAX_DEPTH + 16)

struct reader {
	const struct policy_source *src;
	struct arena *a;
	struct policy_diags *diags;
	struct schema_doc *doc;
	size_t n_decls;
	bool limit;
};

static struct policy_span span_of(const struct json *j)
{
	return (struct policy_span){j->at, (uint32_t)j->raw.n};
}

static struct policy_span key_span(const struct json *j)
{
	return (struct policy_span){j->key_at, (uint32_t)j->key.n + 2};
}

static bool fail(struct reader *r, struct policy_span at, const char *what, struct str text)
{
	policy_diag_error(r->diags, r->src, at, "%s`" STR_FMT "`", what, STR_ARG(text));
	return false;
}

static bool fail_limit(struct reader *r, const struct json *at, const char *what, size_t max)
{
	policy_diag_error(r->diags, r->src, span_of(at), "more than %zu %s", max, what);
	r->limit = true;
	return false;
}

static bool short_enough(struct reader *r, struct policy_span at, struct str text)
{
	if (text.n > POLICY_STRING_MAX) {
		policy_diag_error(r->diags, r->src, at, "a text of more than %u bytes",
				  POLICY_STRING_MAX);
		r->limit = true;
		return false;
	}
	return true;
}

static bool want(struct reader *r, const struct json *j, enum json_type type, const char *what)
{
	if (j->type != type) {
		policy_diag_error(r->diags, r->src, span_of(j), "expected %s, found %s", what,
				  json_type_name(j->type));
		return false;
	}
	return type != JSON_STRING || short_enough(r, span_of(j), j->text);
}

/* Members of an object go to fixed places; a name that has none is an error. */
struct place {
	struct str key;
	const struct json **to;
};

static bool take_members(struct reader *r, const struct json *obj, const char *what,
			 const struct place *places, size_t n)
{
	struct str names[16];

	if (!want(r, obj, JSON_OBJECT, what)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		names[i] = places[i].key;
	}
	JSON_EACH (m, obj) {
		size_t i = 0;

		while (i < n && !str_eq(places[i].key, m->key)) {
			i++;
		}
		if (i == n) {
			fail(r, key_span(m), "unknown field ", m->key);
			policy_diag_suggest(r->diags, m->key, names, n);
			return false;
		}
		*places[i].to = m;
	}
	return true;
}

static bool need(struct reader *r, const struct json *obj, const struct json *member,
		 const char *name)
{
	if (!member) {
		policy_diag_error(r->diags, r->src, (struct policy_span){obj->at, 1},
				  "field `%s` is missing", name);
		return false;
	}
	return true;
}

static bool is_ident(struct str s)
{
	return policy_is_ident(s) && (!policy_is_reserved(s) || str_eq(s, STR("__cedar")));
}

/* A normalised path: identifiers joined by ::, no white space. */
static bool is_path(struct str s)
{
	if (s.n > POLICY_PATH_MAX) {
		return false;
	}
	for (;;) {
		size_t at = str_find_str(s, STR("::"));

		if (!is_ident(str_make(s.p, at))) {
			return false;
		}
		if (at == s.n) {
			return true;
		}
		s = str_from(s, at + 2);
	}
}

static bool read_path(struct reader *r, const struct json *j, struct schema_name *ret)
{
	if (!want(r, j, JSON_STRING, "a type name")) {
		return false;
	}
	if (!is_path(j->text)) {
		return fail(r, span_of(j), "not a type name: ", j->text);
	}
	*ret = (struct schema_name){j->text, span_of(j)};
	return true;
}

static bool read_notes(struct reader *r, const struct json *obj, struct schema_note **ret,
		       size_t *ret_n)
{
	size_t n = 0;

	*ret = NULL;
	*ret_n = 0;
	if (!obj) {
		return true;
	}
	if (!want(r, obj, JSON_OBJECT, "annotations as an object")) {
		return false;
	}
	if (obj->n > SCHEMA_MAX_NOTES) {
		return fail_limit(r, obj, "annotations", SCHEMA_MAX_NOTES);
	}
	*ret = ARENA_ARRAY(r->a, obj->n, struct schema_note);
	if (!*ret) {
		return false;
	}
	JSON_EACH (m, obj) {
		if (!policy_is_ident(m->key)) {
			return fail(r, key_span(m), "not the name of an annotation: ", m->key);
		}
		if (!json_is_null(m) && !want(r, m, JSON_STRING, "a string")) {
			return false;
		}
		(*ret)[n++] = (struct schema_note){m->key, json_is_null(m) ? STR("") : m->text};
	}
	*ret_n = n;
	return true;
}

/* The members of a type; which may occur depends on `type`. */
struct type_members {
	const struct json *type, *element, *attributes, *additional, *name, *required, *notes;
};

static bool read_type(struct reader *r, const struct json *j, unsigned depth, bool in_field,
		      struct type_members *m, struct schema_te **ret);

static bool read_field(struct reader *r, const struct json *j, unsigned depth,
		       struct schema_te_field *ret)
{
	struct type_members m = {0};

	if (!short_enough(r, key_span(j), j->key) ||
	    !read_type(r, j, depth, true, &m, &ret->type) ||
	    !read_notes(r, m.notes, &ret->notes, &ret->n_notes)) {
		return false;
	}
	if (m.required && !want(r, m.required, JSON_BOOL, "a boolean")) {
		return false;
	}
	ret->optional = m.required && !m.required->boolean;
	ret->name = (struct schema_name){j->key, key_span(j)};
	return true;
}

static bool read_record(struct reader *r, const struct type_members *m, unsigned depth,
			struct schema_te *te)
{
	te->kind = SCHEMA_TE_RECORD;
	if (!want(r, m->attributes, JSON_OBJECT, "attributes as an object")) {
		return false;
	}
	if (m->additional && !want(r, m->additional, JSON_BOOL, "a boolean")) {
		return false;
	}
	if (m->additional && m->additional->boolean) {
		policy_diag_error(r->diags, r->src, span_of(m->additional),
				  "records are closed: `additionalAttributes` cannot be true");
		return false;
	}
	if (m->attributes->n > SCHEMA_MAX_ITEMS) {
		return fail_limit(r, m->attributes, "attributes in a record", SCHEMA_MAX_ITEMS);
	}
	te->fields = ARENA_ARRAY(r->a, m->attributes->n, struct schema_te_field);
	if (!te->fields) {
		return false;
	}
	JSON_EACH (attr, m->attributes) {
		if (!read_field(r, attr, depth + 1, &te->fields[te->n_fields++])) {
			return false;
		}
	}
	return true;
}

static bool read_extension(struct reader *r, const struct json *name, struct schema_te *te)
{
	static const struct {
		struct str name;
		enum type_kind kind;
	} exts[] = {
		{STR_INIT("decimal"), TYPE_DECIMAL},
		{STR_INIT("ipaddr"), TYPE_IPADDR},
		{STR_INIT("datetime"), TYPE_DATETIME},
		{STR_INIT("duration"), TYPE_DURATION},
	};
	struct str names[ARRAY_LEN(exts)];

	te->kind = SCHEMA_TE_BUILTIN;
	if (!want(r, name, JSON_STRING, "the name of an extension type")) {
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(exts); i++) {
		names[i] = exts[i].name;
		if (str_eq(exts[i].name, name->text)) {
			te->builtin = exts[i].kind;
			return true;
		}
	}
	fail(r, span_of(name), "unknown extension type ", name->text);
	policy_diag_suggest(r->diags, name->text, names, ARRAY_LEN(exts));
	return false;
}

static bool read_named(struct reader *r, const struct json *name, enum schema_te_kind kind,
		       struct schema_te *te)
{
	struct schema_name path;

	if (!read_path(r, name, &path)) {
		return false;
	}
	te->kind = kind;
	te->name = path.text;
	return true;
}

enum type_word {
	WORD_COMMON = 0,
	WORD_LONG,
	WORD_STRING,
	WORD_BOOLEAN,
	WORD_SET,
	WORD_RECORD,
	WORD_ENTITY,
	WORD_ENTITY_OR_COMMON,
	WORD_EXTENSION,
};

static enum type_word type_word(struct str s)
{
	static const struct str words[] = {
		[WORD_COMMON] = STR_INIT(""),
		[WORD_LONG] = STR_INIT("Long"),
		[WORD_STRING] = STR_INIT("String"),
		[WORD_BOOLEAN] = STR_INIT("Boolean"),
		[WORD_SET] = STR_INIT("Set"),
		[WORD_RECORD] = STR_INIT("Record"),
		[WORD_ENTITY] = STR_INIT("Entity"),
		[WORD_ENTITY_OR_COMMON] = STR_INIT("EntityOrCommon"),
		[WORD_EXTENSION] = STR_INIT("Extension"),
	};

	for (size_t i = 1; i < ARRAY_LEN(words); i++) {
		if (str_eq(words[i], s)) {
			return (enum type_word)i;
		}
	}
	return WORD_COMMON;
}

/* Which of the members that say more about a type belong to this one. */
static bool check_members(struct reader *r, const struct json *j, const struct type_members *m,
			  enum type_word word)
{
	bool record = word == WORD_RECORD, set = word == WORD_SET;
	bool named = word == WORD_ENTITY || word == WORD_ENTITY_OR_COMMON || word == WORD_EXTENSION;
	const struct json *extra = NULL;

	extra = m->element && !set ? m->element : extra;
	extra = m->attributes && !record ? m->attributes : extra;
	extra = m->additional && !record ? m->additional : extra;
	extra = m->name && !named ? m->name : extra;
	if (extra) {
		policy_diag_error(r->diags, r->src, key_span(extra),
				  "field `" STR_FMT "` does not belong to type `" STR_FMT "`",
				  STR_ARG(extra->key), STR_ARG(m->type->text));
		return false;
	}
	return (!set || need(r, j, m->element, "element")) &&
	       (!record || need(r, j, m->attributes, "attributes")) &&
	       (!named || need(r, j, m->name, "name"));
}

static bool read_word(struct reader *r, const struct type_members *m, enum type_word word,
		      unsigned depth, struct schema_te *te)
{
	struct type_members inner = {0};

	switch (word) {
	case WORD_COMMON:
		return read_named(r, m->type, SCHEMA_TE_COMMON, te);
	case WORD_ENTITY:
		return read_named(r, m->name, SCHEMA_TE_ENTITY, te);
	case WORD_ENTITY_OR_COMMON:
		return read_named(r, m->name, SCHEMA_TE_NAME, te);
	case WORD_EXTENSION:
		return read_extension(r, m->name, te);
	case WORD_RECORD:
		return read_record(r, m, depth, te);
	case WORD_SET:
		te->kind = SCHEMA_TE_SET;
		return read_type(r, m->element, depth + 1, false, &inner, &te->element);
	case WORD_LONG:
	case WORD_STRING:
	case WORD_BOOLEAN:
		te->kind = SCHEMA_TE_BUILTIN;
		te->builtin = word == WORD_LONG     ? TYPE_LONG
			      : word == WORD_STRING ? TYPE_STRING
						    : TYPE_BOOL;
		return true;
	}
	return false;
}

/* Recursion is bounded by SCHEMA_MAX_DEPTH. `required` and `annotations` belong to fields only. */
static bool read_type(struct reader *r, const struct json *j, unsigned depth, bool in_field,
		      struct type_members *m, struct schema_te **ret)
{
	const struct place places[] = {
		{STR("type"), &m->type},
		{STR("element"), &m->element},
		{STR("attributes"), &m->attributes},
		{STR("additionalAttributes"), &m->additional},
		{STR("name"), &m->name},
		{STR("required"), &m->required},
		{STR("annotations"), &m->notes},
	};
	struct schema_te *te;
	enum type_word word;

	if (depth > SCHEMA_MAX_DEPTH) {
		return fail_limit(r, j, "levels of nested types", SCHEMA_MAX_DEPTH);
	}
	if (!take_members(r, j, "a type as an object", places,
			  ARRAY_LEN(places) - (in_field ? 0 : 2)) ||
	    !need(r, j, m->type, "type") || !want(r, m->type, JSON_STRING, "a type name")) {
		return false;
	}
	word = type_word(m->type->text);
	te = ARENA_NEW(r->a, struct schema_te);
	if (!te || !check_members(r, j, m, word)) {
		return false;
	}
	te->span = span_of(m->name ? m->name : m->type);
	*ret = te;
	return read_word(r, m, word, depth, te);
}

static bool read_plain_type(struct reader *r, const struct json *j, struct schema_te **ret)
{
	struct type_members m = {0};

	return !j || read_type(r, j, 0, false, &m, ret);
}

static bool read_strings(struct reader *r, const struct json *list, bool paths,
			 struct schema_name **ret, size_t *ret_n)
{
	size_t n = 0;

	*ret = NULL;
	*ret_n = 0;
	if (!list) {
		return true;
	}
	if (!want(r, list, JSON_ARRAY, "a list")) {
		return false;
	}
	if (list->n > SCHEMA_MAX_ITEMS) {
		return fail_limit(r, list, "members of a list", SCHEMA_MAX_ITEMS);
	}
	*ret = ARENA_ARRAY(r->a, list->n, struct schema_name);
	if (!*ret) {
		return false;
	}
	JSON_EACH (item, list) {
		if (paths ? !read_path(r, item, &(*ret)[n])
			  : !want(r, item, JSON_STRING, "a string")) {
			return false;
		}
		(*ret)[n++] = (struct schema_name){item->text, span_of(item)};
	}
	*ret_n = n;
	return true;
}

static bool ns_append(struct reader *r, struct schema_ns *ns, const struct schema_decl *decl,
		      const struct json *at)
{
	if (r->n_decls == SCHEMA_MAX_DECLS) {
		return fail_limit(r, at, "declarations", SCHEMA_MAX_DECLS);
	}
	if (!ARENA_GROW(r->a, &ns->decls, ns->n_decls, &ns->cap)) {
		return false;
	}
	ns->decls[ns->n_decls++] = *decl;
	r->n_decls++;
	return true;
}

static bool read_decl_name(struct reader *r, const struct json *j, const char *what,
			   struct schema_decl *decl)
{
	if (!is_ident(j->key)) {
		return fail(r, key_span(j), what, j->key);
	}
	decl->name = (struct schema_name){j->key, key_span(j)};
	return true;
}

static bool read_enum(struct reader *r, const struct json *j, const struct json *ids,
		      const struct json *extra, struct schema_decl *decl)
{
	decl->kind = SCHEMA_DECL_ENUM;
	if (extra) {
		policy_diag_error(r->diags, r->src, key_span(extra),
				  "an enumerated entity has no `" STR_FMT "`", STR_ARG(extra->key));
		return false;
	}
	if (!read_strings(r, ids, false, &decl->ids, &decl->n_ids)) {
		return false;
	}
	if (decl->n_ids == 0) {
		return fail(r, span_of(ids), "no ids in enumerated entity ", j->key);
	}
	return true;
}

static bool read_entity(struct reader *r, struct schema_ns *ns, const struct json *j)
{
	const struct json *parents = NULL, *shape = NULL, *tags = NULL, *ids = NULL, *notes = NULL;
	const struct place places[] = {
		{STR("memberOfTypes"), &parents},
		{STR("shape"), &shape},
		{STR("tags"), &tags},
		{STR("enum"), &ids},
		{STR("annotations"), &notes},
	};
	struct schema_decl decl = {.kind = SCHEMA_DECL_ENTITY};

	if (!read_decl_name(r, j, "not the name of an entity type: ", &decl) ||
	    !take_members(r, j, "an entity type as an object", places, ARRAY_LEN(places)) ||
	    !read_notes(r, notes, &decl.notes, &decl.n_notes)) {
		return false;
	}
	if (ids) {
		const struct json *extra = parents ? parents : shape ? shape : tags;

		return read_enum(r, j, ids, extra, &decl) && ns_append(r, ns, &decl, j);
	}
	return read_strings(r, parents, true, &decl.parents, &decl.n_parents) &&
	       read_plain_type(r, shape, &decl.type) && read_plain_type(r, tags, &decl.tags) &&
	       ns_append(r, ns, &decl, j);
}

static bool read_common(struct reader *r, struct schema_ns *ns, const struct json *j)
{
	struct schema_decl decl = {.kind = SCHEMA_DECL_COMMON};
	struct type_members m = {0};
	const struct place places[] = {
		{STR("type"), &m.type},
		{STR("element"), &m.element},
		{STR("attributes"), &m.attributes},
		{STR("additionalAttributes"), &m.additional},
		{STR("name"), &m.name},
		{STR("annotations"), &m.notes},
	};
	enum type_word word;

	if (!read_decl_name(r, j, "not the name of a type: ", &decl) ||
	    !take_members(r, j, "a type as an object", places, ARRAY_LEN(places)) ||
	    !need(r, j, m.type, "type") || !want(r, m.type, JSON_STRING, "a type name") ||
	    !read_notes(r, m.notes, &decl.notes, &decl.n_notes)) {
		return false;
	}
	word = type_word(m.type->text);
	decl.type = ARENA_NEW(r->a, struct schema_te);
	if (!decl.type || !check_members(r, j, &m, word)) {
		return false;
	}
	decl.type->span = span_of(m.name ? m.name : m.type);
	return read_word(r, &m, word, 0, decl.type) && ns_append(r, ns, &decl, j);
}

static bool read_refs(struct reader *r, const struct json *list, struct schema_decl *decl)
{
	if (!list || json_is_null(list)) {
		return true;
	}
	if (!want(r, list, JSON_ARRAY, "a list of actions")) {
		return false;
	}
	if (list->n > SCHEMA_MAX_ITEMS) {
		return fail_limit(r, list, "parents of an action", SCHEMA_MAX_ITEMS);
	}
	decl->refs = ARENA_ARRAY(r->a, list->n, struct schema_action_ref);
	if (!decl->refs) {
		return false;
	}
	JSON_EACH (item, list) {
		const struct json *id = NULL, *type = NULL;
		const struct place places[] = {{STR("id"), &id}, {STR("type"), &type}};
		struct schema_name path = {0};

		if (!take_members(r, item, "an action as an object", places, ARRAY_LEN(places)) ||
		    !need(r, item, id, "id") || !want(r, id, JSON_STRING, "a string")) {
			return false;
		}
		if (type && !json_is_null(type) && !read_path(r, type, &path)) {
			return false;
		}
		decl->refs[decl->n_refs++] =
			(struct schema_action_ref){path.text, id->text, span_of(item)};
	}
	return true;
}

static bool read_applies(struct reader *r, const struct json *j, struct schema_decl *decl)
{
	const struct json *principals = NULL, *resources = NULL, *context = NULL;
	const struct place places[] = {
		{STR("principalTypes"), &principals},
		{STR("resourceTypes"), &resources},
		{STR("context"), &context},
	};

	if (!j || json_is_null(j)) {
		return true;
	}
	decl->applies = true;
	return take_members(r, j, "an object", places, ARRAY_LEN(places)) &&
	       need(r, j, principals, "principalTypes") && need(r, j, resources, "resourceTypes") &&
	       read_strings(r, principals, true, &decl->principals, &decl->n_principals) &&
	       read_strings(r, resources, true, &decl->resources, &decl->n_resources) &&
	       read_plain_type(r, context, &decl->context);
}

static bool read_action(struct reader *r, struct schema_ns *ns, const struct json *j)
{
	const struct json *refs = NULL, *applies = NULL, *attrs = NULL, *notes = NULL;
	const struct place places[] = {
		{STR("memberOf"), &refs},
		{STR("appliesTo"), &applies},
		{STR("attributes"), &attrs},
		{STR("annotations"), &notes},
	};
	struct schema_decl decl = {.kind = SCHEMA_DECL_ACTION};

	decl.name = (struct schema_name){j->key, key_span(j)};
	if (!short_enough(r, key_span(j), j->key) ||
	    !take_members(r, j, "an action as an object", places, ARRAY_LEN(places))) {
		return false;
	}
	if (attrs && !json_is_null(attrs)) {
		return fail(r, key_span(attrs), "attributes are not supported on action ", j->key);
	}
	return read_notes(r, notes, &decl.notes, &decl.n_notes) && read_refs(r, refs, &decl) &&
	       read_applies(r, applies, &decl) && ns_append(r, ns, &decl, j);
}

typedef bool read_fn(struct reader *r, struct schema_ns *ns, const struct json *j);

static bool read_each(struct reader *r, struct schema_ns *ns, const struct json *obj, read_fn *read)
{
	if (obj && !want(r, obj, JSON_OBJECT, "an object")) {
		return false;
	}
	JSON_EACH (m, obj) {
		if (!read(r, ns, m)) {
			return false;
		}
	}
	return true;
}

static struct schema_ns *ns_new(struct reader *r)
{
	if (!ARENA_GROW(r->a, &r->doc->ns, r->doc->n_ns, &r->doc->cap)) {
		return NULL;
	}
	r->doc->ns[r->doc->n_ns] = (struct schema_ns){0};
	return &r->doc->ns[r->doc->n_ns++];
}

static bool read_namespace(struct reader *r, const struct json *j)
{
	const struct json *commons = NULL, *entities = NULL, *actions = NULL, *notes = NULL;
	const struct place places[] = {
		{STR("commonTypes"), &commons},
		{STR("entityTypes"), &entities},
		{STR("actions"), &actions},
		{STR("annotations"), &notes},
	};
	bool nameless = j->key.n == 0;
	struct schema_ns *ns;

	if (!nameless && !is_path(j->key)) {
		return fail(r, key_span(j), "not the name of a namespace: ", j->key);
	}
	ns = nameless ? &r->doc->ns[0] : ns_new(r);
	if (!ns || !take_members(r, j, "a namespace as an object", places, ARRAY_LEN(places)) ||
	    !need(r, j, entities, "entityTypes") || !need(r, j, actions, "actions") ||
	    !read_notes(r, notes, &ns->notes, &ns->n_notes)) {
		return false;
	}
	ns->name = (struct schema_name){j->key, key_span(j)};
	if (nameless && ns->n_notes > 0) {
		return fail(r, key_span(notes), "the nameless namespace has no ", notes->key);
	}
	return read_each(r, ns, commons, read_common) && read_each(r, ns, entities, read_entity) &&
	       read_each(r, ns, actions, read_action);
}

static bool read_doc(struct reader *r, const struct json *root)
{
	if (!want(r, root, JSON_OBJECT, "a schema as an object") || !ns_new(r)) {
		return false;
	}
	JSON_EACH (m, root) {
		if (!read_namespace(r, m)) {
			return false;
		}
	}
	return true;
}

enum err_code schema_parse_json(struct arena *a, const struct policy_source *src,
				struct schema_doc **ret, struct policy_diags *diags,
				struct err *err)
{
	const struct json_opts opts = {
		.name = src->name, .max_depth = JSON_DEPTH, .max_bytes = SCHEMA_MAX_BYTES};
	struct reader r = {.src = src, .a = a, .diags = diags};
	struct policy_diags own;
	const struct json *root;
	struct err why;
	enum err_code code = json_parse(a, src->text, &opts, &root, &why);

	if (code) {
		policy_diag_error(diags, NULL, (struct policy_span){0}, "%s", why.msg);
		return ERR(err, code, "%s", why.msg);
	}
	if (!diags) {
		policy_diags_init(&own, a);
		r.diags = &own;
	}
	r.doc = ARENA_NEW(a, struct schema_doc);
	if (r.doc && read_doc(&r, root)) {
		r.doc->source = src;
		*ret = r.doc;
		return ERR_OK;
	}
	if (a->exhausted || r.diags->n_errors == 0) {
		return ERR(err, ERR_NOMEM, STR_FMT ": no memory for the schema",
			   STR_ARG(src->name));
	}
	return policy_diags_err(r.diags, r.limit ? ERR_LIMIT : ERR_SYNTAX, err);
}

enum err_code schema_parse_any(struct arena *a, const struct policy_source *src,
			       struct schema_doc **ret, struct policy_diags *diags, struct err *err)
{
	size_t i = 0;

	while (i < src->text.n && strchr(" \t\r\n", src->text.p[i]) && src->text.p[i] != '\0') {
		i++;
	}
	return i < src->text.n && src->text.p[i] == '{' ? schema_parse_json(a, src, ret, diags, err)
							: schema_parse(a, src, ret, diags, err);
}
