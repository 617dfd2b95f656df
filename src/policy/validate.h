/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict validation of policies against a schema (Cedar 4 rules).
 *
 * A policy is checked once for every request environment (principal type,
 * action, resource type) that the schema allows and the policy's scope admits.
 * Errors: an undeclared type, action or enumerated id anywhere in the policy; a
 * scope that admits no environment; a type error in some environment. Warning: a
 * policy that is false in every environment.
 *
 * An action with the annotation @unchecked may be named, but what policies say of its requests is not looked into.
 */
#ifndef POLICY_VALIDATE_H
#define POLICY_VALIDATE_H

#include "policy/parse.h"
#include "policy/schema.h"

#define VALIDATE_MAX_ENVS    1000000u    /* environments one policy is checked in */
#define VALIDATE_MAX_SCRATCH (64u << 20) /* bytes for one environment of one policy */

/*
 * Checks every policy and reports into `diags` (not NULL), which tells by
 * n_errors whether they are valid. The result is about the work itself:
 * ERR_NOMEM, or ERR_LIMIT naming the limit.
 */
enum err_code validate_policies(const struct schema *s, const struct policy_list *policies,
				struct policy_diags *diags, struct err *err) MUST_USE;

/*
 * Warns of characters that make a text look other than it is: controls of
 * writing direction and characters without a width (Unicode UTS 39). At most
 * VALIDATE_MAX_STRANGE of one source.
 */
#define VALIDATE_MAX_STRANGE 20u
void validate_text(const struct policy_source *src, struct policy_diags *diags);

/* Only that entity types, actions and enumerated ids are declared, wherever they stand. */
void validate_names(const struct schema *s, const struct policy *p, struct policy_diags *diags);

enum err_code validate_policy(const struct schema *s, const struct policy *p,
			      struct policy_diags *diags, struct err *err) MUST_USE;

#endif
