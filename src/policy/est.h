/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as JSON, in the format other Cedar tools exchange: one object a policy
 * {effect, principal, action, resource, conditions, annotations}, and a policy
 * set {staticPolicies: {id: P}, templates: {id: P}, templateLinks: [...]}.
 */
#ifndef POLICY_EST_H
#define POLICY_EST_H

#include "policy/parse.h"
#include "json/parse.h"

#define POLICY_EST_DEPTH 2048 /* nesting of JSON: an expression takes up to four levels */

void policy_est_write(struct buf *out, const struct policy *p);

/* {"staticPolicies":{...},"templates":{...},"templateLinks":[]} */
void policy_est_write_set(struct buf *out, const struct policy_list *list);

/*
 * Appends the policies of a document to the list: a set, an array of policies, or
 * one policy. Ids are those of a set, else policyN. Links are applied: a template
 * that is linked becomes a policy for each link. Strict: unknown members are
 * refused. All or nothing.
 */
enum err_code policy_est_read(struct arena *a, const struct policy_source *src,
			      struct policy_list *list, struct policy_diags *diags,
			      struct err *err) MUST_USE;

#endif
