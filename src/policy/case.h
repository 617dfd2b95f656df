/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A complete question as text: policies, entities, an optional schema, and
 * requests against them. What `writ policy eval`, `corpus` and `test` are made
 * of. Everything lives in the case's arena; texts must outlive it.
 *
 * Files whose names end in .dw are temporal policies. Of those only what a request alone can answer
 * is decided: a condition over what happened before, or a provider, is refused with its place.
 */
#ifndef POLICY_CASE_H
#define POLICY_CASE_H

#include "policy/data.h"
#include "policy/engine.h"

#define POLICY_CASE_JSON_MAX (64u << 20) /* bytes of an entities document */

struct policy_case {
	const struct schema *schema; /* NULL when there is none */
	struct policy_list policies;
	const struct policy_set *set;
	const struct policy_store *store;
};

/* What is missing is empty: no schema, no entities. Texts begin with { when they are JSON. */
struct policy_case_texts {
	const struct policy_source *policies;
	size_t n_policies;
	const struct policy_source *schema;
	const struct policy_source *entities;
	const struct policy_source *macros; /* of .dw files; NULL: the standard library */
};

/* Does the name say temporal policies? */
bool policy_case_is_temporal(const struct policy_source *src);

/* Appends the policies of a text, or of JSON when it begins with { or [. */
enum err_code policy_case_policies(struct arena *a, const struct policy_source *src,
				   enum policy_id_scheme ids, struct policy_list *list,
				   struct policy_diags *diags, struct err *err) MUST_USE;

/* Reads, validates entities against the schema, and compiles. */
enum err_code policy_case_load(struct arena *a, const struct policy_case_texts *texts,
			       const struct policy_set_opts *opts, struct policy_diags *diags,
			       struct policy_case *ret, struct err *err) MUST_USE;

/*
 * {principal, action, resource, context}: entities as {type, id} or as the text
 * Type::"id"; the context may be left out. With a schema the context is read by
 * the action's type, and with `validate` the request must fit the schema.
 */
enum err_code policy_case_request(struct arena *a, const struct policy_case *c,
				  const struct json *j, bool validate, struct policy_request *ret,
				  struct err *err) MUST_USE;

/* json_parse with the limits for documents of an administrator. */
enum err_code policy_case_json(struct arena *a, const struct policy_source *src,
			       const struct json **ret, struct err *err) MUST_USE;

#endif
