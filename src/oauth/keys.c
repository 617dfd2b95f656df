/* SPDX-License-Identifier: Apache-2.0 */
/* JSON web key sets (RFC 7517). */
#include "oauth/jwt.h"

#include "base/hex.h"

enum { KEYS_MEMORY = 4 << 20 };

/* A number or coordinate: base64url of the bytes. */
static bool number(struct arena *a, const struct json *jwk, struct str key, struct str *ret)
{
	const struct json *j = json_get(jwk, key);

	return json_is_string(j) && base64url_decode(a, j->text, ret);
}

static bool may_verify(const struct json *jwk)
{
	const struct json *use = json_get(jwk, STR("use"));
	const struct json *ops = json_get(jwk, STR("key_ops"));
	bool verifies = !ops;

	JSON_EACH (op, ops) {
		verifies = verifies || json_str_is(op, STR("verify"));
	}
	/* Whoever publishes a private part, or a shared secret, has lost the key. */
	return verifies && (!use || json_str_is(use, STR("sig"))) && !json_get(jwk, STR("d")) &&
	       !json_get(jwk, STR("k"));
}

static enum err_code read_key(struct arena *a, const struct json *jwk, struct jws_key **ret,
			      struct err *err)
{
	struct str kty = json_str(json_get(jwk, STR("kty")));
	struct str crv = json_str(json_get(jwk, STR("crv"))), x, y;

	if (str_eq(kty, STR("RSA")) && number(a, jwk, STR("n"), &x) &&
	    number(a, jwk, STR("e"), &y)) {
		return jws_key_rsa(x, y, ret, err);
	}
	if (str_eq(kty, STR("EC")) && str_eq(crv, STR("P-256")) && number(a, jwk, STR("x"), &x) &&
	    number(a, jwk, STR("y"), &y)) {
		return jws_key_p256(x, y, ret, err);
	}
	if (str_eq(kty, STR("OKP")) && str_eq(crv, STR("Ed25519")) &&
	    number(a, jwk, STR("x"), &x)) {
		return jws_key_ed25519(x, ret, err);
	}
	return ERR(err, ERR_UNSUPPORTED, "a key of another kind");
}

/* False: this one is of no use here, and the others count all the same. */
static bool take_key(struct oauth_keys *k, const struct json *jwk)
{
	const struct json *alg = json_get(jwk, STR("alg")), *kid = json_get(jwk, STR("kid"));
	struct oauth_key *to = &k->items[k->n];
	struct err err;

	*to = (struct oauth_key){0};
	if (!json_is_object(jwk) || !may_verify(jwk)) {
		return false;
	}
	if (kid && (!json_is_string(kid) || kid->text.n == 0 || kid->text.n > OAUTH_KID_MAX)) {
		return false;
	}
	if (alg) {
		to->alg = jws_alg_find(json_str(alg));
		if (!to->alg) {
			return false;
		}
	}
	if (read_key(&k->arena, jwk, &to->key, &err)) {
		return false;
	}
	if (to->alg && !jws_key_fits(to->key, to->alg)) {
		jws_key_free(to->key);
		return false;
	}
	to->kid = kid ? kid->text : str_make(NULL, 0);
	k->n++;
	return true;
}

static enum err_code take_keys(struct oauth_keys *k, const struct json *root, struct err *err)
{
	const struct json *list = json_get(root, STR("keys"));

	if (!json_is_array(list)) {
		return ERR(err, ERR_INVALID, "a key set is an object with the list \"keys\"");
	}
	if (list->n > OAUTH_KEYS_MAX) {
		return ERR(err, ERR_LIMIT, "a key set of more than %d keys", OAUTH_KEYS_MAX);
	}
	k->items = ARENA_ARRAY(&k->arena, list->n + 1, struct oauth_key);
	if (!k->items) {
		return ERR(err, ERR_NOMEM, "no memory for a key set");
	}
	JSON_EACH (jwk, list) {
		(void)take_key(k, jwk);
	}
	return k->n ? ERR_OK
		    : ERR(err, ERR_INVALID,
			  "none of the %u keys can verify RS256, PS256, ES256 or EdDSA", list->n);
}

enum err_code oauth_keys_read(struct str text, struct oauth_keys *ret, struct err *err)
{
	const struct json_opts opts = {.name = STR("keys"),
				       .max_depth = OAUTH_JSON_DEPTH,
				       .max_nodes = 8 * OAUTH_JSON_NODES,
				       .max_bytes = OAUTH_KEYS_BYTES};
	struct oauth_keys k = {0};
	const struct json *root;
	enum err_code code;
	struct str own;

	arena_init(&k.arena, KEYS_MEMORY);
	own = arena_dup(&k.arena, text); /* kids point into it */
	code = own.p ? json_parse(&k.arena, own, &opts, &root, err)
		     : ERR(err, ERR_NOMEM, "no memory for a key set");
	code = code ? code : take_keys(&k, root, err);
	if (code) {
		oauth_keys_done(&k);
		return code;
	}
	*ret = k;
	return ERR_OK;
}

void oauth_keys_done(struct oauth_keys *k)
{
	for (size_t i = 0; i < k->n; i++) {
		jws_key_free(k->items[i].key);
	}
	arena_done(&k->arena);
	*k = (struct oauth_keys){0};
}

static bool fits(const struct oauth_key *k, enum jws_alg alg)
{
	return jws_key_fits(k->key, alg) && (k->alg == JWS_NONE || k->alg == alg);
}

/* How many keys could be meant, and the last of them. */
static size_t candidates(const struct oauth_keys *k, const struct oauth_jwt *t,
			 const struct oauth_key **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++) {
		const struct oauth_key *key = &k->items[i];

		if (fits(key, t->alg) && (!t->kid.p || (key->kid.p && str_eq(key->kid, t->kid)))) {
			*ret = key;
			n++;
		}
	}
	return n;
}

enum oauth_verdict oauth_keys_verify(const struct oauth_keys *k, const struct oauth_jwt *t)
{
	const struct oauth_key *key = NULL;
	size_t n = candidates(k, t, &key);

	/* RFC 7517 section 4.5: a name is of one key among those that could be meant. */
	if (n != 1) {
		return n ? OAUTH_FORGED : OAUTH_UNKNOWN_KEY;
	}
	if (jws_verify(key->key, t->alg, t->signed_bytes, t->signature)) {
		return OAUTH_VERIFIED;
	}
	/* Without a name the key may have been replaced since. */
	return t->kid.p ? OAUTH_FORGED : OAUTH_UNKNOWN_KEY;
}
