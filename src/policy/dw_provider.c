/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dw_provider.h"

#include "policy/dw_script.h"
#include "policy/ext.h"
#include "policy/lex.h"

#include "json/parse.h"

#define JSON_DEPTH 64

struct reader {
	struct arena *a;
	struct type_pool *pool;
	const struct dw_provider_opts *opts;
	struct str provider;
};

static enum err_code bad(const struct reader *r, struct err *err, const char *what)
{
	return ERR(err, ERR_INVALID, "provider `" STR_FMT "`: %s", STR_ARG(r->provider), what);
}

static enum err_code read_type(struct reader *r, const struct json *j, int depth,
			       const struct type **ret, struct err *err);

static bool listed(const struct json *list, struct str name)
{
	JSON_EACH (j, list) {
		if (json_is_string(j) && str_eq(j->text, name)) {
			return true;
		}
	}
	return false;
}

static enum err_code read_record(struct reader *r, const struct json *j, int depth,
				 const struct type **ret, struct err *err)
{
	const struct json *fields = json_get(j, STR("fields"));
	const struct json *required = json_get(j, STR("required"));
	struct type_field *list = NULL;
	size_t n = 0, cap = 0;

	if (!json_is_object(fields)) {
		return bad(r, err, "a record needs `fields`");
	}
	JSON_EACH (f, fields) {
		const struct type *t;

		TRY(read_type(r, f, depth + 1, &t, err));
		if (!ARENA_GROW(r->a, &list, n, &cap)) {
			return ERR(err, ERR_NOMEM, "providers: out of memory");
		}
		list[n++] = (struct type_field){f->key, t, !required || listed(required, f->key)};
	}
	return type_record(r->pool, list, n, ret, err);
}

static enum err_code read_type(struct reader *r, const struct json *j, int depth,
			       const struct type **ret, struct err *err)
{
	static const struct {
		struct str word;
		enum type_kind kind;
	} scalars[] = {
		{STR_INIT("string"), TYPE_STRING},   {STR_INIT("integer"), TYPE_LONG},
		{STR_INIT("decimal"), TYPE_DECIMAL}, {STR_INIT("boolean"), TYPE_BOOL},
		{STR_INIT("bool"), TYPE_BOOL},       {STR_INIT("long"), TYPE_LONG},
	};
	const struct json *word = json_get(j, STR("paramType"));
	const struct type *item;

	if (!json_is_string(word)) {
		return bad(r, err, "a type needs `paramType`");
	}
	if (depth > JSON_DEPTH) {
		return ERR(err, ERR_LIMIT, "provider type nested deeper than %d", JSON_DEPTH);
	}
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
		if (str_eq(word->text, scalars[i].word)) {
			*ret = type_scalar(scalars[i].kind);
			return ERR_OK;
		}
	}
	if (str_eq(word->text, STR("record"))) {
		return read_record(r, j, depth, ret, err);
	}
	if (!str_eq(word->text, STR("set"))) {
		return bad(r, err, "unknown `paramType`");
	}
	if (!json_get(j, STR("items"))) {
		item = type_scalar(TYPE_STRING);
	} else {
		TRY(read_type(r, json_get(j, STR("items")), depth + 1, &item, err));
	}
	return type_set(r->pool, item, ret, err);
}

static bool is_provider_name(struct str name)
{
	size_t parts = 0;

	while (name.p) {
		size_t at = str_find_str(name, STR("::"));
		struct str part = str_make(name.p, at);

		if (!policy_is_ident(part) || policy_is_reserved(part)) {
			return false;
		}
		name = at == name.n ? str_make(NULL, 0) : str_from(name, at + 2);
		parts++;
	}
	return parts >= 2;
}

/* A path below the document's folder. */
static bool is_file_name(struct str name)
{
	for (struct str rest = name; rest.p;) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."))) {
			return false;
		}
	}
	return name.n > 0 && str_find(name, '\0') == name.n;
}

static enum err_code script_text(struct reader *r, const struct json *impl, struct str *ret,
				 struct err *err)
{
	const struct json *script = json_get(impl, STR("script"));
	const struct json *file = json_get(impl, STR("scriptFile"));

	if (!script == !file) {
		return bad(r, err, "the implementation needs either a `script` or a `scriptFile`");
	}
	if (script) {
		*ret = json_is_string(script) ? script->text : STR("");
		return json_is_string(script) ? ERR_OK : bad(r, err, "`script` must be a text");
	}
	if (!json_is_string(file) || !is_file_name(file->text)) {
		return bad(r, err, "`scriptFile` must name a file beside the document");
	}
	for (size_t i = 0; r->opts && i < r->opts->n_scripts; i++) {
		if (str_eq(r->opts->scripts[i].name, file->text)) {
			*ret = r->opts->scripts[i].text;
			return ERR_OK;
		}
	}
	return ERR(err, ERR_NOT_FOUND,
		   "provider `" STR_FMT "`: its script `" STR_FMT
		   "` was not given; put the text into the document, as `script`",
		   STR_ARG(r->provider), STR_ARG(file->text));
}

static enum err_code read_script(struct reader *r, const struct json *impl, struct dw_provider *p,
				 struct err *err)
{
	const struct json *kind = json_get(impl, STR("kind"));
	enum err_code code;
	struct str text;

	if (!json_is_string(kind) || !str_eq(kind->text, STR("rhai"))) {
		return bad(r, err, "the kind of implementation must be `rhai`");
	}
	TRY(script_text(r, impl, &text, err));
	code = dw_script_parse(r->a, text, STR("evaluate"), p->n_args, &p->script, err);
	if (code) {
		err_wrap(err, "provider `" STR_FMT "`", STR_ARG(r->provider));
		return code;
	}
	p->evaluate = dw_script_find(p->script, STR("evaluate"), p->n_args);
	return ERR_OK;
}

static enum err_code read_args(struct reader *r, const struct json *list, const struct type **args,
			       size_t *n, struct err *err)
{
	if (!json_is_array(list)) {
		return bad(r, err, "`argumentTypes` is missing");
	}
	JSON_EACH (t, list) {
		if (*n == DW_PROVIDER_ARGS_MAX) {
			return ERR(err, ERR_LIMIT, "provider `" STR_FMT "`: more than %u arguments",
				   STR_ARG(r->provider), DW_PROVIDER_ARGS_MAX);
		}
		TRY(read_type(r, t, 0, &args[(*n)++], err));
	}
	return ERR_OK;
}

static enum err_code read_method(struct reader *r, const struct json *j, struct dw_provider *p,
				 struct err *err)
{
	const struct json *input = json_get(j, STR("inputType"));
	struct dw_method m = {.name = j->key};

	if (!policy_is_ident(m.name) || policy_is_reserved(m.name)) {
		return bad(r, err, "a method's name must be an identifier");
	}
	if (policy_fn_find(m.name) != POLICY_FN_NONE) {
		return ERR(err, ERR_INVALID,
			   "provider `" STR_FMT "`: its method `" STR_FMT
			   "` has the name of one of "
			   "Cedar's",
			   STR_ARG(p->name), STR_ARG(m.name));
	}
	if (p->n_methods == DW_METHODS_MAX) {
		return ERR(err, ERR_LIMIT, "provider `" STR_FMT "`: more than %u methods",
			   STR_ARG(p->name), DW_METHODS_MAX);
	}
	TRY(read_args(r, json_get(j, STR("argumentTypes")), m.args, &m.n_args, err));
	TRY(read_type(r, json_get(j, STR("outputType")), 0, &m.output, err));
	if (input) {
		TRY(read_type(r, input, 0, &m.input, err));
	}
	m.fn = p->script ? dw_script_find(p->script, m.name, m.n_args + 1) : NULL;
	if (!m.fn) {
		return ERR(err, ERR_INVALID,
			   "provider `" STR_FMT "`: its script has no function `" STR_FMT
			   "` with %zu parameters",
			   STR_ARG(p->name), STR_ARG(m.name), m.n_args + 1);
	}
	if (!ARENA_GROW(r->a, &p->methods, p->n_methods, &p->cap_methods)) {
		return ERR(err, ERR_NOMEM, "providers: out of memory");
	}
	p->methods[p->n_methods++] = m;
	return ERR_OK;
}

static const struct dw_native *native_of(const struct reader *r, struct str name)
{
	for (size_t i = 0; r->opts && i < r->opts->n_natives; i++) {
		if (str_eq(r->opts->natives[i].name, name)) {
			return &r->opts->natives[i];
		}
	}
	return NULL;
}

static enum err_code read_provider(struct reader *r, const struct json *j, struct dw_provider *p,
				   struct err *err)
{
	const struct json *methods = json_get(j, STR("availableMethods"));
	const struct json *impl = json_get(j, STR("implementation"));

	p->name = r->provider = j->key;
	if (!is_provider_name(p->name)) {
		return bad(r, err, "a name is written Namespace::Function");
	}
	TRY(read_args(r, json_get(j, STR("argumentTypes")), p->args, &p->n_args, err));
	TRY(read_type(r, json_get(j, STR("outputType")), 0, &p->output, err));
	if (impl) {
		TRY(read_script(r, impl, p, err));
	} else {
		p->native = native_of(r, p->name);
	}
	if (methods && !json_is_object(methods)) {
		return bad(r, err, "`availableMethods` must be an object");
	}
	JSON_EACH (m, methods) {
		TRY(read_method(r, m, p, err));
	}
	return ERR_OK;
}

static enum err_code read_document(struct arena *a, const struct policy_source *src,
				   const struct json **ret, struct err *err)
{
	const struct json_opts opts = {.name = src->name, .max_depth = JSON_DEPTH};
	const struct json *doc;

	TRY(json_parse(a, src->text, &opts, &doc, err));
	*ret = json_get(doc, STR("availableProviders"));
	return json_is_object(*ret)
		       ? ERR_OK
		       : ERR(err, ERR_INVALID, "providers: `availableProviders` is missing");
}

enum err_code dw_provider_scripts(struct arena *a, const struct policy_source *src,
				  struct str **ret, size_t *n, struct err *err)
{
	struct str *list = NULL;
	size_t count = 0, cap = 0;
	const struct json *all;

	TRY(read_document(a, src, &all, err));
	JSON_EACH (j, all) {
		const struct json *file =
			json_get(json_get(j, STR("implementation")), STR("scriptFile"));
		bool known = !json_is_string(file);

		for (size_t i = 0; i < count && !known; i++) {
			known = str_eq(list[i], file->text);
		}
		if (known) {
			continue;
		}
		if (!is_file_name(file->text)) {
			return ERR(err, ERR_INVALID,
				   "provider `" STR_FMT
				   "`: `scriptFile` must name a file beside the document",
				   STR_ARG(j->key));
		}
		if (count == DW_PROVIDERS_MAX) {
			return ERR(err, ERR_LIMIT, "more than %u providers", DW_PROVIDERS_MAX);
		}
		if (!ARENA_GROW(a, &list, count, &cap)) {
			return ERR(err, ERR_NOMEM, "providers: out of memory");
		}
		list[count++] = file->text;
	}
	*ret = list;
	*n = count;
	return ERR_OK;
}

enum err_code dw_providers_load(struct arena *a, const struct policy_source *src,
				const struct schema *schema, const struct dw_provider_opts *opts,
				const struct dw_providers **ret, struct err *err)
{
	struct dw_providers *ps = ARENA_NEW(a, struct dw_providers);
	struct reader r = {.a = a, .opts = opts};
	const struct json *all;

	if (!ps) {
		return ERR(err, ERR_NOMEM, "providers: out of memory");
	}
	type_pool_init(&ps->pool, a, &schema->pool);
	r.pool = &ps->pool;
	TRY(read_document(a, src, &all, err));
	JSON_EACH (j, all) {
		ps->n++;
	}
	if (ps->n > DW_PROVIDERS_MAX) {
		return ERR(err, ERR_LIMIT, "more than %u providers", DW_PROVIDERS_MAX);
	}
	ps->items = ARENA_ARRAY(a, ps->n, struct dw_provider);
	if (!ps->items) {
		return ERR(err, ERR_NOMEM, "providers: out of memory");
	}
	ps->n = 0;
	JSON_EACH (j, all) {
		TRY(read_provider(&r, j, &ps->items[ps->n], err));
		ps->n++;
	}
	*ret = ps;
	return ERR_OK;
}

const struct dw_provider *dw_provider_find(const struct dw_providers *ps, struct str name)
{
	for (size_t i = 0; i < ps->n; i++) {
		if (str_eq(ps->items[i].name, name)) {
			return &ps->items[i];
		}
	}
	return NULL;
}

const struct dw_method *dw_method_find(const struct dw_provider *p, struct str name)
{
	for (size_t i = 0; i < p->n_methods; i++) {
		if (str_eq(p->methods[i].name, name)) {
			return &p->methods[i];
		}
	}
	return NULL;
}
