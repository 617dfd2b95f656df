/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operator of a site states about it, and who can reach the data there: its
 * exposure. Whether the statement is signed is looked at by whoever reads the file.
 *
 * {"version": 1, "site": "here", "country": "DE",
 *  "operator": {"name": "Example GmbH", "country": "DE", "controlled_by": ["DE"]},
 *  "admin_access": ["DE"], "support_from": ["DE"],
 *  "subprocessors": [{"name": "Power & Cooling AG", "country": "CH", "controlled_by": ["CH"]}],
 *  "logs": "DE", "retention": "none", "training": false, "key_custody": "customer",
 *  "certificates": ["<SHA-256 of a certificate>"], "attestation": "none",
 *  "schemes": ["dpf"], "issued": "2026-11-01", "expires": "2027-11-01"}
 *
 * Only version and site are required. What is not said counts as the worst: anyone can
 * reach the data, it is kept without limit and trained on, the provider has the keys, and
 * the statement has expired. An empty list says that there is none. A member that is not
 * in the list above is refused, so that a typing error cannot pass for silence.
 */
#ifndef SITE_MANIFEST_H
#define SITE_MANIFEST_H

#include "site/groups.h"

enum { SITE_MANIFEST_MAX = 64 << 10, SITE_LIST_MAX = 64, SITE_EXPOSURE_MAX = 64 };

/* Jurisdictions; `stated` false: nothing was said, which is not the same as none. */
struct site_codes {
	const struct str *items;
	size_t n;
	bool stated;
};

struct site_sub {
	struct str name, country;
	struct site_codes controlled_by;
};

enum site_retention { SITE_KEEPS = 0, SITE_KEEPS_FOR, SITE_KEEPS_NOTHING };
enum site_custody { SITE_KEYS_PROVIDER = 0, SITE_KEYS_CUSTOMER, SITE_KEYS_HSM };

struct site_manifest {
	struct str site, country;
	struct str operator_name, operator_country;
	struct site_codes controlled_by, admin_access, support_from;
	const struct site_sub *subs;
	size_t n_subs;
	bool subs_stated;
	struct str logs; /* country */
	enum site_retention retention;
	int64_t retention_ms; /* KEEPS_FOR */
	bool no_training;
	enum site_custody custody;
	struct str hsm_country; /* KEYS_HSM */
	struct site_codes certificates, schemes;
	struct str attestation;  /* empty: none */
	int64_t issued, expires; /* 0: not said */
};

/* Borrows the text. `name` is for messages. ERR_SYNTAX, ERR_INVALID, ERR_LIMIT, ERR_NOMEM. */
enum err_code site_manifest_parse(struct arena *a, struct str name, struct str text,
				  struct site_manifest *ret, struct err *err) MUST_USE;

/* Every jurisdiction that can reach data at a site; "anyone" when something was not said. */
struct site_exposure {
	struct str codes[SITE_EXPOSURE_MAX]; /* sorted, distinct */
	size_t n;
	bool anyone;
};

/* `m` NULL: nothing is known, so anyone. */
void site_exposure(const struct site_manifest *m, struct site_exposure *ret);

/* Does the manifest count at `now`? *w is cut by its dates. False for NULL. */
bool site_manifest_holds(const struct site_manifest *m, int64_t now, struct site_window *w);

/*
 * Is every code of the exposure in the group at `now`? A code is also a group of one. An exposure
 * to anyone lies within nothing.
 */
bool site_within(const struct site_exposure *e, const struct site_groups *groups, struct str group,
		 const struct site_manifest *m, int64_t now, struct site_window *w);

#endif
