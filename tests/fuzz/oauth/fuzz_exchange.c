/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an identity provider answers: the first byte picks the reader. What is taken is a signed token of that
 * provider, for whom it was asked for, of now, within its limits; nothing is taken of a refusal.
 */
#include "oauth/exchange.h"
#include "oauth/jwt.h"
#include "tests/fuzz/oauth/readers.h"

enum { NOW = 1000 };

static const struct oauth_assertion_for wanted = {
	.provider = STR_INIT("https://idp"),
	.audience = STR_INIT("https://as"),
	.client = STR_INIT("c"),
	.resource = STR_INIT("https://a/mcp"),
	.now = NOW,
};

static struct oauth_claims claims_of(struct arena *a, struct str token)
{
	struct oauth_claims c = {0};
	struct oauth_jwt t;

	check(token.n <= OAUTH_TOKEN_MAX && oauth_jwt_read(a, token, &t, NULL) == ERR_OK);
	check(oauth_jwt_claims(a, &t, &c, NULL) == ERR_OK);
	check(str_eq(c.issuer, wanted.provider) && c.subject.n > 0);
	check(c.expires + OAUTH_EXCHANGE_SKEW > NOW);
	return c;
}

static void assertion(struct arena *a, struct str in)
{
	struct str token;

	if (oauth_assertion_read(a, 200, in, &wanted, &token, NULL) == ERR_OK) {
		const struct oauth_claims c = claims_of(a, token);

		check(c.n_audiences == 1 && str_eq(c.audiences[0], wanted.audience));
		check(str_eq(c.client, wanted.client) && c.issued > 0);
	}
	check(oauth_assertion_read(a, 400, in, &wanted, &token, NULL) == ERR_DENIED);
}

static void id_token(struct arena *a, struct str in)
{
	struct oauth_token t;

	if (oauth_id_token_read(a, 200, in, wanted.provider, wanted.client, NOW, &t, NULL) ==
	    ERR_OK) {
		const struct oauth_claims c = claims_of(a, t.token);

		check(oauth_has_text(c.audiences, c.n_audiences, wanted.client));
		check(t.seconds > 0 && oauth_is_visible(t.refresh));
	}
	check(oauth_id_token_read(a, 500, in, wanted.provider, wanted.client, NOW, &t, NULL) ==
	      ERR_DENIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static fuzz_reader *const readers[] = {assertion, id_token};

	return fuzz_readers(readers, ARRAY_LEN(readers), data, n);
}
