/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers say of who issues tokens: the first byte picks the reader. What is read lies within its limits;
 * metadata of an issuer is of that issuer; a resource that is a server's begins its address; a token that was
 * taken can stand in a header.
 */
#include "oauth/challenge.h"
#include "oauth/grant.h"
#include "tests/fuzz/oauth/readers.h"

static void resource(struct arena *a, struct str in)
{
	static const struct str url = STR_INIT("https://a.test/x/mcp");
	struct oauth_resource_metadata m;

	if (oauth_resource_read(a, in, &m, NULL) == ERR_OK) {
		check(m.resource.n > 0 && m.n_servers > 0 && m.n_servers <= OAUTH_SERVERS_MAX);
		check(m.n_scopes <= OAUTH_SCOPES_MAX);
		check(!oauth_resource_is(m.resource, url) ||
		      str_starts_with(m.resource, STR("https://a.test")));
	}
}

static void server(struct arena *a, struct str in)
{
	static const struct str issuer = STR_INIT("https://as.test");
	struct oauth_server s;

	if (oauth_server_read(a, in, issuer, &s, NULL) == ERR_OK) {
		check(str_eq(s.issuer, issuer) && s.token_endpoint.n > 0);
	}
}

static void token(struct arena *a, struct str in)
{
	struct oauth_token t;

	if (oauth_token_read(a, 200, in, &t, NULL) == ERR_OK) {
		check(t.token.n > 0);
		for (size_t i = 0; i < t.token.n; i++) {
			check(t.token.p[i] > 0x20 && t.token.p[i] < 0x7f);
		}
	}
	check(oauth_token_read(a, 400, in, &t, NULL) == ERR_DENIED);
}

static void challenge(struct arena *a, struct str in)
{
	struct oauth_wanted w;
	struct str places[OAUTH_PLACES_MAX];

	if (oauth_challenge_read(a, in, &w)) {
		check(w.metadata.n <= in.n && w.scope.n <= in.n);
	}
	check(oauth_path_at(in) <= in.n);
	check(oauth_resource_places(a, in, places) <= 2);
	check(oauth_server_places(a, in, places) <= OAUTH_PLACES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static fuzz_reader *const readers[] = {challenge, resource, server, token};

	return fuzz_readers(readers, ARRAY_LEN(readers), data, n);
}
