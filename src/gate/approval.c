/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/approval.h"

#include "base/hex.h"

#include <stdio.h>
#include <stdlib.h>

struct str approval_text(const uint8_t digest[static SHA256_LEN], char ret[APPROVAL_TEXT_MAX])
{
	char hex[2 * SHA256_LEN];
	int n;

	hex_write(hex, digest, SHA256_LEN);
	n = snprintf(ret, APPROVAL_TEXT_MAX, "writ residency approval 1\n%.*s\n", (int)sizeof(hex),
		     hex);
	return str_make(ret, (size_t)n);
}

static void hash_text(struct sha256 *h, struct str s)
{
	uint64_t n = s.n;

	sha256_update(h, &n, sizeof(n));
	sha256_update(h, s.p, s.n);
}

static void name_it(const struct residency *r, uint8_t ret[SHA256_LEN])
{
	const struct config_residency *c = &r->facts->cfg->residency;
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, r->digest, sizeof(r->digest));
	for (size_t i = 0; i < c->protected.n; i++) {
		hash_text(&h, c->protected.items[i]);
	}
	hash_text(&h, STR(""));
	for (size_t i = 0; i < c->n_keys; i++) {
		sha256_update(&h, c->keys[i].bytes, sizeof(c->keys[i].bytes));
	}
	sha256_final(&h, ret);
}

static bool has_str(const struct config_strs *strs, struct str s)
{
	for (size_t i = 0; i < strs->n; i++) {
		if (str_eq(strs->items[i], s)) {
			return true;
		}
	}
	return false;
}

/* Protecting more is free; every other change of the terms is not. */
static bool terms_change(const struct config_residency *before, const struct config_residency *now)
{
	bool same = before->n_keys == now->n_keys;

	for (size_t i = 0; same && i < now->n_keys; i++) {
		same = memcmp(before->keys[i].bytes, now->keys[i].bytes, 32) == 0;
	}
	for (size_t i = 0; same && i < before->protected.n; i++) {
		same = has_str(&now->protected, before->protected.items[i]);
	}
	return !same;
}

static uint16_t protected_bits(const struct residency *r)
{
	const struct config_residency *c = &r->facts->cfg->residency;
	uint16_t bits = 0;

	for (size_t i = 0; i < c->protected.n; i++) {
		bits |= site_category_find(&r->compiled.matrix.words, c->protected.items[i]);
	}
	return bits;
}

static enum err_code count_opened(const struct residency *before, const struct residency *now,
				  struct approval *a, struct err *err)
{
	struct site_change *changes = calloc(2 * (size_t)SITE_COLUMNS, sizeof(*changes));
	size_t n;

	if (!changes) {
		return ERR(err, ERR_NOMEM, "no memory to compare residency matrices");
	}
	(void)site_matrix_diff(&before->compiled.matrix, &now->compiled.matrix, protected_bits(now),
			       changes, &n);
	for (size_t i = 0; i < n; i++) {
		if (changes[i].opened && a->opened == 0) {
			a->row = changes[i].first_opened;
			a->at = changes[i].column;
		}
		a->opened += changes[i].opened;
	}
	free(changes);
	return ERR_OK;
}

/* "DIGEST KEY SIGNATURE" of this digest by one of the keys; its number, or n_keys. */
static size_t signer_of(struct str line, const uint8_t digest[static SHA256_LEN],
			const struct config_residency *keys)
{
	struct str rest = line, first = str_cut(&rest, ' '), key = str_cut(&rest, ' ');
	uint8_t named[SHA256_LEN], public[SIGN_PUBLIC_LEN], signature[SIGN_LEN];
	char text[APPROVAL_TEXT_MAX];

	if (!hex_read(first, named, sizeof(named)) || !hex_read(key, public, sizeof(public)) ||
	    !hex_read(rest, signature, sizeof(signature)) ||
	    memcmp(named, digest, SHA256_LEN) != 0) {
		return keys->n_keys;
	}
	for (size_t i = 0; i < keys->n_keys; i++) {
		if (memcmp(keys->keys[i].bytes, public, sizeof(public)) == 0) {
			return sign_verify(public, approval_text(digest, text), signature)
				       ? i
				       : keys->n_keys;
		}
	}
	return keys->n_keys;
}

static bool is_new_key(const struct config_residency *r, size_t at, uint64_t *seen)
{
	for (size_t i = 0; i < at; i++) { /* the same key may be listed twice */
		if (memcmp(r->keys[i].bytes, r->keys[at].bytes, 32) == 0) {
			at = i;
		}
	}
	if (*seen >> at & 1) {
		return false;
	}
	*seen |= UINT64_C(1) << at;
	return true;
}

static unsigned count_signers(struct str approvals, const uint8_t digest[static SHA256_LEN],
			      const struct config_residency *keys)
{
	struct str rest = approvals;
	uint64_t seen = 0;
	unsigned n = 0;

	while (rest.n) {
		size_t at = signer_of(str_cut(&rest, '\n'), digest, keys);

		n += at < keys->n_keys && is_new_key(keys, at, &seen);
	}
	return n;
}

enum err_code approval_ask(const struct residency *before, const struct residency *now,
			   struct approval *ret, struct err *err)
{
	const struct config_residency *next = &now->facts->cfg->residency;
	const struct config_residency *keys = before ? &before->facts->cfg->residency : next;
	struct approval a = {0};

	name_it(now, a.digest);
	if (!before || keys->protected.n == 0) {
		a.first = next->protected.n > 0;
		keys = next;
	} else {
		a.terms = terms_change(keys, next);
		TRY(count_opened(before, now, &a, err));
	}
	a.needed = a.first || a.terms || a.opened > 0;
	a.have = a.needed ? count_signers(next->approvals, a.digest, keys) : 0;
	*ret = a;
	return ERR_OK;
}

bool approval_holds(const struct approval *a)
{
	return !a->needed || a->have >= CONFIG_APPROVERS;
}
