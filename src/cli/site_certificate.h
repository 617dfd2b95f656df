/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was proved about a residency matrix, as a file that its signer stands for: JSON, with an Ed25519
 * signature over its bytes beside it (FILE.sig), as manifests have.
 *
 *   {"certificate":"writ residency proof 1","writ":"0.1.0","made":"2026-11-23T...","node":"n1",
 *    "matrix":"<SHA-256>","rows":48,"holds_until_ms":...,
 *    "models":[{"model":"small","site":"home"}],
 *    "manifests":[{"site":"home","sha256":"..."}],"groups":[{"file":"...","sha256":"..."}],
 *    "policies":[{"file":"10.cedar","sha256":"..."}],"looking_past":["id"],
 *    "claims":["health never outside EEA"]}
 */
#ifndef CLI_SITE_CERTIFICATE_H
#define CLI_SITE_CERTIFICATE_H

#include "cli/cmd_site.h"
#include "crypto/sign.h"

/* Appends the text; every claim was proved over all rows. Check to->failed. */
void site_certificate_write(struct site_view *v, const struct site_claim *claims, size_t n,
			    uint64_t rows, struct buf *to);

/* Writes a file and its signature. */
enum err_code site_sign_file(const char *path, struct str text, const struct sign_key *key,
			     struct err *err) MUST_USE;

/* Writes FILE.sig beside what is there. */
enum err_code site_sign_beside(const char *path, struct str text, const struct sign_key *key,
			       struct err *err) MUST_USE;

#endif
