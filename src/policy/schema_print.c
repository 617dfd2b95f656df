/* SPDX-License-Identifier: Apache-2.0 */
/* A schema document in the human syntax. */
#include "policy/schema_ast.h"

#include "policy/lex.h"

struct printer {
	struct buf *out;
	const struct schema_ns *ns;
	struct err *err;
	enum err_code code; /* the first thing that the human syntax cannot say */
};

static void put(struct printer *p, const char *text)
{
	buf_append(p->out, str_from_c(text));
}

static void put_string(struct printer *p, struct str s)
{
	put(p, "\"");
	policy_escape(p->out, s);
	put(p, "\"");
}

/* Bare where the grammar takes it so, else quoted. */
static void put_name(struct printer *p, struct str name)
{
	if (policy_is_ident(name) && (!policy_is_reserved(name) || str_eq(name, STR("__cedar")))) {
		buf_append(p->out, name);
	} else {
		put_string(p, name);
	}
}

static void put_notes(struct printer *p, const struct schema_note *notes, size_t n,
		      const char *after)
{
	for (size_t i = 0; i < n; i++) {
		put(p, "@");
		buf_append(p->out, notes[i].key);
		if (notes[i].value.n > 0) {
			put(p, "(");
			put_string(p, notes[i].value);
			put(p, ")");
		}
		put(p, after);
	}
}

static void unsayable(struct printer *p, const char *what, struct str name)
{
	if (!p->code) {
		p->code = ERR(p->err, ERR_UNSUPPORTED,
			      "the human syntax cannot say that `" STR_FMT "` is %s", STR_ARG(name),
			      what);
	}
}

static bool declares(const struct printer *p, struct str name, enum schema_decl_kind kind)
{
	for (size_t i = 0; i < p->ns->n_decls; i++) {
		if (p->ns->decls[i].kind == kind && str_eq(p->ns->decls[i].name.text, name)) {
			return true;
		}
	}
	return false;
}

/* A name in the human syntax may mean either kind; the printed one must mean the same. */
static void check_meaning(struct printer *p, const struct schema_te *te)
{
	if (te->kind == SCHEMA_TE_ENTITY && declares(p, te->name, SCHEMA_DECL_COMMON)) {
		unsayable(p, "an entity type, beside a common type of that name", te->name);
	}
	if (te->kind == SCHEMA_TE_COMMON && (declares(p, te->name, SCHEMA_DECL_ENTITY) ||
					     declares(p, te->name, SCHEMA_DECL_ENUM))) {
		unsayable(p, "a common type, beside an entity type of that name", te->name);
	}
}

static const char *builtin_name(enum type_kind kind)
{
	switch (kind) {
	case TYPE_LONG:
		return "__cedar::Long";
	case TYPE_STRING:
		return "__cedar::String";
	case TYPE_DECIMAL:
		return "__cedar::decimal";
	case TYPE_IPADDR:
		return "__cedar::ipaddr";
	case TYPE_DATETIME:
		return "__cedar::datetime";
	case TYPE_DURATION:
		return "__cedar::duration";
	case TYPE_BOOL:
	case TYPE_NONE:
	case TYPE_TRUE:
	case TYPE_FALSE:
	case TYPE_ENTITY:
	case TYPE_SET:
	case TYPE_RECORD:
	case TYPE_KIND_MAX:
		break;
	}
	return "__cedar::Bool";
}

static void put_type(struct printer *p, const struct schema_te *te);

static void put_record(struct printer *p, const struct schema_te *te)
{
	put(p, "{");
	for (size_t i = 0; i < te->n_fields; i++) {
		const struct schema_te_field *f = &te->fields[i];

		put(p, i ? ", " : "");
		put_notes(p, f->notes, f->n_notes, " ");
		put_name(p, f->name.text);
		put(p, f->optional ? "?: " : ": ");
		put_type(p, f->type);
	}
	put(p, "}");
}

/* Recursion is bounded by SCHEMA_MAX_DEPTH. */
static void put_type(struct printer *p, const struct schema_te *te)
{
	switch (te->kind) {
	case SCHEMA_TE_NAME:
	case SCHEMA_TE_ENTITY:
	case SCHEMA_TE_COMMON:
		check_meaning(p, te);
		buf_append(p->out, te->name);
		break;
	case SCHEMA_TE_BUILTIN:
		put(p, builtin_name(te->builtin));
		break;
	case SCHEMA_TE_SET:
		put(p, "Set<");
		put_type(p, te->element);
		put(p, ">");
		break;
	case SCHEMA_TE_RECORD:
		put_record(p, te);
		break;
	}
}

static void put_names(struct printer *p, const char *before, const struct schema_name *names,
		      size_t n)
{
	put(p, before);
	put(p, "[");
	for (size_t i = 0; i < n; i++) {
		put(p, i ? ", " : "");
		buf_append(p->out, names[i].text);
	}
	put(p, "]");
}

static void put_entity(struct printer *p, const struct schema_decl *d)
{
	put(p, "entity ");
	buf_append(p->out, d->name.text);
	if (d->n_parents > 0) {
		put_names(p, " in ", d->parents, d->n_parents);
	}
	if (d->type && d->type->kind == SCHEMA_TE_RECORD) {
		put(p, " = ");
		put_record(p, d->type);
	} else if (d->type) {
		unsayable(p, "an entity type whose shape has a name", d->name.text);
	}
	if (d->tags) {
		put(p, " tags ");
		put_type(p, d->tags);
	}
}

static void put_enum(struct printer *p, const struct schema_decl *d)
{
	put(p, "entity ");
	buf_append(p->out, d->name.text);
	put(p, " enum [");
	for (size_t i = 0; i < d->n_ids; i++) {
		put(p, i ? ", " : "");
		put_string(p, d->ids[i].text);
	}
	put(p, "]");
}

static void put_refs(struct printer *p, const struct schema_decl *d)
{
	put(p, " in [");
	for (size_t i = 0; i < d->n_refs; i++) {
		put(p, i ? ", " : "");
		if (d->refs[i].type.n > 0) {
			buf_append(p->out, d->refs[i].type);
			put(p, "::");
		}
		put_string(p, d->refs[i].id);
	}
	put(p, "]");
}

static void put_applies(struct printer *p, const struct schema_decl *d)
{
	if (d->n_principals == 0 || d->n_resources == 0) {
		unsayable(p, "an action that applies to nothing, but could", d->name.text);
		return;
	}
	put_names(p, " appliesTo {principal: ", d->principals, d->n_principals);
	put_names(p, ", resource: ", d->resources, d->n_resources);
	if (d->context) {
		if (d->context->kind == SCHEMA_TE_SET || d->context->kind == SCHEMA_TE_BUILTIN) {
			unsayable(p, "an action with such a context", d->name.text);
		}
		put(p, ", context: ");
		put_type(p, d->context);
	}
	put(p, "}");
}

static void put_action(struct printer *p, const struct schema_decl *d)
{
	put(p, "action ");
	put_name(p, d->name.text);
	if (d->n_refs > 0) {
		put_refs(p, d);
	}
	if (d->applies) {
		put_applies(p, d);
	}
}

static void put_decl(struct printer *p, const struct schema_decl *d)
{
	const char *indent = p->ns->name.text.n > 0 ? "  " : "";

	put(p, indent);
	put_notes(p, d->notes, d->n_notes, " ");
	switch (d->kind) {
	case SCHEMA_DECL_ENTITY:
		put_entity(p, d);
		break;
	case SCHEMA_DECL_ENUM:
		put_enum(p, d);
		break;
	case SCHEMA_DECL_COMMON:
		put(p, "type ");
		buf_append(p->out, d->name.text);
		put(p, " = ");
		put_type(p, d->type);
		break;
	case SCHEMA_DECL_ACTION:
		put_action(p, d);
		break;
	}
	put(p, ";\n");
}

static void put_ns(struct printer *p)
{
	const bool named = p->ns->name.text.n > 0;

	if (named) {
		put_notes(p, p->ns->notes, p->ns->n_notes, "\n");
		put(p, "namespace ");
		buf_append(p->out, p->ns->name.text);
		put(p, " {\n");
	}
	for (size_t i = 0; i < p->ns->n_decls; i++) {
		put_decl(p, &p->ns->decls[i]);
	}
	put(p, named ? "}\n" : "");
}

enum err_code schema_print(struct buf *out, const struct schema_doc *doc, struct err *err)
{
	struct printer p = {.out = out, .err = err};

	for (size_t i = 0; i < doc->n_ns; i++) {
		p.ns = &doc->ns[i];
		put_ns(&p);
	}
	if (p.code) {
		return p.code;
	}
	return out->failed ? ERR(err, ERR_NOMEM, "the printed schema does not fit") : ERR_OK;
}
