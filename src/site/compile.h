/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From policies to the residency matrix. The policies are the gateway's own; there is no
 * second language. What a policy can tell about a request to a model falls into what the
 * matrix has (categories, level, purpose, origin, the model and its site) and what it has
 * not (who asks, what, when). The first is gone through by evaluating each condition of each
 * policy for each class; the second is left open: a permit counts if it may hold, a forbid
 * only if it holds whatever is open. So
 *
 *   what the policies allow for some request of a row  is a part of  allowed(row)
 *
 * and it is all of it as long as no policy looks past the matrix; those that do are named.
 * A request is allowed when both allow it, so a proof over the matrix holds for the gateway.
 *
 *   context.w.labels.categories        Set<String>   a name outside the words is never in it
 *   context.w.labels.confidentiality   Long          0 to 3
 *   context.w.purpose, context.w.origin  String      "" is every one without a name
 *   resource, resource.site, ...                     as in the store
 *
 * @mode("log") policies do not count; @since and @until are taken at `now`.
 */
#ifndef SITE_COMPILE_H
#define SITE_COMPILE_H

#include "policy/engine.h"
#include "site/groups.h"
#include "site/matrix.h"

struct site_compile {
	const struct policy_list *policies;
	const struct policy_set *set; /* of the same policies, for their dates and modes; by id */
	const struct policy_store *store;
	struct site_words words;
	const struct site_column *columns; /* each model is Writ::Model::"MODEL" */
	size_t n_columns;
	struct site_set usable;
	int64_t now;
	/* Names of policies that could not be taken apart: each may permit anything. */
	const struct str *opaque;
	size_t n_opaque;
};

struct site_compiled {
	struct site_matrix matrix;
	const struct str *policies; /* ids, by the terms' numbers */
	size_t n_policies;          /* that bear on models */
	const struct str *open;     /* ids of those that look past the matrix */
	size_t n_open;
	struct site_window window; /* cut by the dates of policies */
};

/*
 * ERR_LIMIT: a policy is too entangled (more than 2^20 classes in one condition), or all are
 * too many terms. *ret lives in the arena and borrows what was given. `ret->window` is an input
 * too: it is cut.
 */
enum err_code site_compile(struct arena *a, const struct site_compile *in,
			   struct site_compiled *ret, struct err *err) MUST_USE;

#endif
