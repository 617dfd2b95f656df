/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values, entities and contexts from JSON.
 *
 * Two readers, for two kinds of text. The *Cedar* reader is for documents an
 * administrator writes: {"__entity": {type, id}} and {"__extn": {fn, arg}} are
 * references and extension values; null and fractions are refused. The *input*
 * reader is for what agents and tools send: plain data, in which no member name
 * has a meaning, so nobody can smuggle an entity in.
 *
 * Numbers are exact: an integer is read as 64 bits or refused.
 */
#ifndef POLICY_DATA_H
#define POLICY_DATA_H

#include "policy/schema.h"
#include "policy/store.h"
#include "json/parse.h"

#define POLICY_DATA_DEPTH 256 /* nesting of a JSON value */

/*
 * The Cedar reader. With an expected type (may be NULL) an entity may be written
 * {type, id} and an extension value as a bare string or {fn, arg}; members that
 * a record type does not declare are refused, and so are missing ones. That the
 * value *has* the type is the validator's to check.
 */
enum err_code policy_json_value(struct arena *a, const struct json *j, const struct type *expected,
				struct policy_value *ret, struct err *err) MUST_USE;

/* {type, id} or {"__entity": {type, id}}. */
enum err_code policy_json_uid(struct arena *a, const struct json *j, struct policy_uid *ret,
			      struct err *err) MUST_USE;

/* The same; an object, and its values by the action's context type (may be NULL). */
enum err_code policy_json_context(struct arena *a, const struct json *j,
				  const struct type *expected, struct policy_value *ret,
				  struct err *err) MUST_USE;

/*
 * An entities document: [{uid, attrs, parents, tags?}, ...]. With a schema its
 * types steer the reading, undeclared types, attributes and tags are refused,
 * and the schema's actions are added. Not yet a store: validate first.
 */
enum err_code policy_json_entities(struct arena *a, const struct json *j, const struct schema *s,
				   struct policy_entity **ret, size_t *n, struct err *err) MUST_USE;

/*
 * The input reader. Integers that fit become Long. A number with one to four
 * fraction digits and no exponent becomes a decimal when it fits; every other
 * number becomes the String of its text. Null members and null elements are
 * left out. Arrays become sets, so their order and repetitions are gone.
 */
enum err_code policy_input_value(struct arena *a, const struct json *j, struct policy_value *ret,
				 struct err *err) MUST_USE;

/* The same from text, as one step; the text must outlive the value. */
enum err_code policy_input_parse(struct arena *a, struct str text, struct policy_value *ret,
				 struct err *err) MUST_USE;

/*
 * A record put together member by member, for contexts made without JSON. The
 * keys are borrowed. policy_record_end is false when memory was short or a key
 * came twice.
 */
struct policy_record {
	struct arena *arena;
	struct policy_field *fields;
	size_t n, cap;
	bool failed;
};

void policy_record_begin(struct policy_record *r, struct arena *a);
void policy_record_put(struct policy_record *r, struct str key, struct policy_value v);
bool policy_record_end(struct policy_record *r, struct policy_value *ret) MUST_USE;

/* A::B::C with nothing but identifiers that are not reserved. */
bool policy_is_type_name(struct str name);

#endif
