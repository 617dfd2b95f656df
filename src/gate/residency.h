/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where data may go: the configuration's sites, manifests, groups and words together with
 * the policies, as the residency matrix of one time (site/matrix.h). The gate decides by it,
 * the loader checks it, `writ site` shows and proves it: all through this one door, so that
 * what is proved is what decides.
 *
 * A site with a manifest that has expired, or does not hold yet, is closed: no model there is in
 * the matrix. A site without a manifest is open to the policies, and exposed to anyone.
 */
#ifndef GATE_RESIDENCY_H
#define GATE_RESIDENCY_H

#include "config/config.h"
#include "crypto/sha256.h"
#include "policy/engine.h"
#include "site/claim.h"
#include "site/compile.h"

/* What does not depend on the time. Everything lives in the arena and borrows from cfg. */
struct residency_facts {
	const struct config *cfg;
	struct site_groups groups;
	const struct site_manifest *manifests; /* of each site; site.n 0: none */
	struct policy_list policies;           /* those that could be taken apart */
	const struct str *opaque;              /* names of files that could not */
	size_t n_opaque;
};

/*
 * Reads manifests, groups and policies. With `verify` each manifest must be signed by one of
 * residency.keys, and be about its site. ERR_INVALID says which file and why.
 */
enum err_code residency_read(struct arena *a, const struct config *cfg,
			     const struct policy_source *policies, size_t n, bool verify,
			     struct residency_facts *ret, struct err *err) MUST_USE;

/*
 * Whether links to this site (NULL: not stated) are left when the node is severed: all are while it is
 * not; then only those of sites whose whole exposure lies in the group that is kept.
 */
bool residency_reaches(const struct residency_facts *f, const struct config_site *site,
		       int64_t now);

/* What is known of one site at one time, as its Cedar entity says it. */
struct residency_site {
	const struct site_manifest *manifest; /* NULL: none that holds */
	bool closed;                          /* it has one, and that does not hold; or it is cut */
	bool cut;                             /* by `writ site sever` */
	struct site_exposure exposure;
	const struct str *within; /* groups and countries that the whole exposure lies in */
	size_t n_within;
};

/* At one time. */
struct residency {
	const struct residency_facts *facts;
	const struct residency_site *sites; /* as cfg->sites */
	const struct site_column *columns;  /* as cfg->models */
	const struct site_fact *column_facts;
	struct policy_store *store;
	struct site_compiled compiled;
	struct site_window window;  /* when it has to be made anew */
	uint8_t digest[SHA256_LEN]; /* of the matrix */
	int64_t now;
};

/*
 * `set` are the same policies compiled, for their dates; `schema` as for rules_entities. In the
 * arena; borrows from facts.
 */
enum err_code residency_at(struct arena *a, const struct residency_facts *facts,
			   const struct policy_set *set, const struct schema *schema, int64_t now,
			   struct residency *ret, struct err *err) MUST_USE;

/* The row of an agent's requests: the floor it states; without one, the worst there is. */
struct site_row residency_row(const struct config *cfg, struct str agent);

/* May the row go to the model? False for a model that is not configured. */
bool residency_allows(const struct residency *r, const struct site_row *row, struct str model);

struct site_claim_world residency_claims(const struct residency *r);

#endif
