/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: policies whose scope has slots, and the links that fill them. */
#ifndef POLICY_TEMPLATE_H
#define POLICY_TEMPLATE_H

#include "policy/parse.h"

/*
 * A policy made from a template. An entity must be given for each slot that the
 * template has, and for no other. The result shares the template's conditions.
 * ERR_INVALID, ERR_NOMEM.
 */
enum err_code policy_template_link(struct arena *a, const struct policy *template, struct str id,
				   const struct policy_uid *principal,
				   const struct policy_uid *resource, struct policy **ret,
				   struct err *err) MUST_USE;

#endif
