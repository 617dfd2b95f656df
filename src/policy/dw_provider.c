/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dw_provider.h"

#include "policy/conform.h"
#include "policy/dw_script.h"
#include "policy/lex.h"
#include "policy/temporal_reference.h"

#include "json/parse.h"

#define JSON_DEPTH 64

struct reader {
	struct arena *a;
	struct type_pool *pool;
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
		{STR_INIT("bool"), TYPE_BOOL},
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
	if (!json_is_object(json_get(j, STR("items")))) {
		return bad(r, err, "a set needs `items`");
	}
	TRY(read_type(r, json_get(j, STR("items")), depth + 1, &item, err));
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

static enum err_code read_script(struct reader *r, const struct json *impl, size_t n_args,
				 const struct dw_script **ret, struct err *err)
{
	const struct json *kind = json_get(impl, STR("kind"));
	const struct json *script = json_get(impl, STR("script"));
	enum err_code code;

	if (!json_is_string(kind) || !str_eq(kind->text, STR("rhai"))) {
		return bad(r, err, "the kind of implementation must be `rhai`");
	}
	if (!json_is_string(script)) {
		return bad(r, err, "the implementation needs its `script` as text");
	}
	code = dw_script_parse(r->a, script->text, STR("evaluate"), n_args, ret, err);
	if (code) {
		err_wrap(err, "provider `" STR_FMT "`", STR_ARG(r->provider));
	}
	return code;
}

static enum err_code read_provider(struct reader *r, const struct json *j, struct dw_provider *p,
				   struct err *err)
{
	const struct json *args = json_get(j, STR("argumentTypes"));

	p->name = r->provider = j->key;
	if (!is_provider_name(p->name)) {
		return bad(r, err, "a name is written Namespace::Function");
	}
	if (!json_is_array(args)) {
		return bad(r, err, "`argumentTypes` is missing");
	}
	JSON_EACH (t, args) {
		if (p->n_args == DW_PROVIDER_ARGS_MAX) {
			return ERR(err, ERR_LIMIT, "provider `" STR_FMT "`: more than %u arguments",
				   STR_ARG(p->name), DW_PROVIDER_ARGS_MAX);
		}
		TRY(read_type(r, t, 0, &p->args[p->n_args++], err));
	}
	TRY(read_type(r, json_get(j, STR("outputType")), 0, &p->output, err));
	if (json_get(j, STR("availableMethods"))) {
		return ERR(err, ERR_UNSUPPORTED,
			   "provider `" STR_FMT "`: `availableMethods` is not supported",
			   STR_ARG(p->name));
	}
	return read_script(r, json_get(j, STR("implementation")), p->n_args, &p->script, err);
}

enum err_code dw_providers_load(struct arena *a, const struct policy_source *src,
				const struct schema *schema, const struct dw_providers **ret,
				struct err *err)
{
	const struct json_opts opts = {.name = src->name, .max_depth = JSON_DEPTH};
	struct dw_providers *ps = ARENA_NEW(a, struct dw_providers);
	struct reader r = {.a = a};
	const struct json *doc, *all;

	if (!ps) {
		return ERR(err, ERR_NOMEM, "providers: out of memory");
	}
	ps->items = ARENA_ARRAY(a, DW_PROVIDERS_MAX, struct dw_provider);
	if (!ps->items) {
		return ERR(err, ERR_NOMEM, "providers: out of memory");
	}
	type_pool_init(&ps->pool, a, &schema->pool);
	r.pool = &ps->pool;
	TRY(json_parse(a, src->text, &opts, &doc, err));
	all = json_get(doc, STR("availableProviders"));
	if (!json_is_object(all)) {
		return ERR(err, ERR_INVALID, "providers: `availableProviders` is missing");
	}
	JSON_EACH (j, all) {
		if (ps->n == DW_PROVIDERS_MAX) {
			return ERR(err, ERR_LIMIT, "more than %u providers", DW_PROVIDERS_MAX);
		}
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

bool dw_arg_is_name(const struct dw_call_arg *arg)
{
	return arg->path && arg->base != POLICY_VAR_CONTEXT && arg->n_names == 1 &&
	       (str_eq(arg->names[0], STR("id")) || str_eq(arg->names[0], STR("type")));
}

bool dw_literal_fits(const struct type *want, struct policy_value v)
{
	if (want->kind == TYPE_SET && v.kind == POLICY_SET) {
		for (uint32_t i = 0; i < v.n; i++) {
			if (!want->element || !dw_literal_fits(want->element, v.elems[i])) {
				return false;
			}
		}
		return true;
	}
	return (want->kind == TYPE_STRING && v.kind == POLICY_STRING) ||
	       (want->kind == TYPE_LONG && v.kind == POLICY_LONG) ||
	       (want->kind == TYPE_BOOL && v.kind == POLICY_BOOL);
}

/* The value of an argument for this request; POLICY_NONE when it has none. */
static struct policy_value arg_value(const struct dw_call_arg *arg, const struct policy_env *env)
{
	const struct policy_uid *uid =
		arg->base == POLICY_VAR_PRINCIPAL ? env->principal : env->resource;

	if (!arg->path) {
		return arg->value;
	}
	if (dw_arg_is_name(arg)) {
		return policy_string(arg->names[0].n == 2 ? uid->id : uid->type);
	}
	return temporal_request_path(env, arg->base, arg->names, arg->n_names);
}

enum err_code dw_call_eval(const struct dw_call *call, const struct policy_env *env,
			   const struct schema *schema, struct arena *scratch,
			   struct policy_value *ret, struct err *err)
{
	struct policy_value args[DW_PROVIDER_ARGS_MAX] = {0};
	struct policy_value v;
	enum err_code code;

	for (size_t i = 0; i < call->n_args; i++) {
		args[i] = arg_value(&call->args[i], env);
	}
	code = dw_script_run(call->provider->script, args, call->n_args, scratch, &v, err);
	if (!code) {
		code = conform_value(schema, call->provider->output, v, err);
	}
	if (code) {
		err_wrap(err, "provider `" STR_FMT "`", STR_ARG(call->provider->name));
		return code;
	}
	*ret = v;
	return ERR_OK;
}
