/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/identity.h"

#include "base/hex.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "crypto/tls.h"

/* "Authorization: Bearer KEY" or "X-Api-Key: KEY"; p NULL when there is neither. */
static struct str shown_key(const struct http_req *req)
{
	struct str bearer = h1_get(&req->head, HTTP_F_AUTHORIZATION);

	if (bearer.n > 7 && str_ieq(str_make(bearer.p, 7), STR("Bearer "))) {
		return str_trim(str_from(bearer, 7));
	}
	return bearer.p ? bearer : h1_get(&req->head, HTTP_F_X_API_KEY);
}

static const struct config_api_key *find_key(const struct config_identity *id, struct str key)
{
	const struct config_api_key *found = NULL;
	uint8_t digest[SHA256_LEN];

	sha256_of(key, digest);
	/* All are compared: the time says nothing about which one is near. */
	for (size_t i = 0; i < id->n_api_keys; i++) {
		if (secret_equal(id->api_keys[i].sha256, digest, sizeof(digest))) {
			found = &id->api_keys[i];
		}
	}
	return found;
}

static bool by_certificate(const struct config_identity *id, const struct http_req *req,
			   struct str *ret)
{
	uint8_t shown[TLS_FINGERPRINT];

	if (!req->tls || !tls_peer_fingerprint(req->tls, shown)) {
		return false;
	}
	for (size_t i = 0; i < id->n_mtls; i++) {
		if (memcmp(id->mtls[i].fingerprint, shown, sizeof(shown)) == 0) {
			*ret = id->mtls[i].agent;
			return true;
		}
	}
	return false;
}

static bool by_user(const struct config_identity *id, const struct http_req *req, struct str *ret)
{
	for (size_t i = 0; req->peer->has_creds && i < id->n_unix_peers; i++) {
		if (id->unix_peers[i].uid == req->peer->uid) {
			*ret = id->unix_peers[i].agent;
			return true;
		}
	}
	return false;
}

static enum err_code by_key_or_place(const struct config *config,
				     const struct config_listen *listen, const struct http_req *req,
				     struct str key, struct str *ret_agent, struct err *err)
{
	const struct config_identity *id = &config->identity;

	if (by_certificate(id, req, ret_agent)) {
		return ERR_OK;
	}
	/* Where no key is configured, one that a client library sends by habit identifies nobody. */
	if (key.p && (id->n_api_keys || id->oauth.n_issuers || !listen->local)) {
		const struct config_api_key *known = find_key(id, key);

		if (!known) {
			return ERR(err, ERR_DENIED, "a key that is not known");
		}
		*ret_agent = known->agent;
		return ERR_OK;
	}
	if (by_user(id, req, ret_agent)) {
		return ERR_OK;
	}
	if (listen->local && id->anonymous.n) {
		*ret_agent = id->anonymous;
		return ERR_OK;
	}
	return ERR(err, ERR_DENIED, "no identity was shown");
}

enum err_code identify(const struct config *config, const struct config_listen *listen,
		       const struct http_req *req, struct str *ret_agent, struct err *err)
{
	return by_key_or_place(config, listen, req, shown_key(req), ret_agent, err);
}

/* p NULL when there is none; an empty one when what is there is not understood. */
static struct str proxy_key(struct http_req *req)
{
	struct str shown = h1_get(&req->head, HTTP_F_PROXY_AUTHORIZATION), user, rest;

	if (!shown.p) {
		return shown;
	}
	if (shown.n > 7 && str_ieq(str_make(shown.p, 7), STR("Bearer "))) {
		return str_trim(str_from(shown, 7));
	}
	if (shown.n <= 6 || !str_ieq(str_make(shown.p, 6), STR("Basic ")) ||
	    !base64_decode(&req->arena, str_trim(str_from(shown, 6)), &rest)) {
		return STR("");
	}
	user = str_cut(&rest, ':');
	return rest.n ? rest : user;
}

enum err_code identify_proxy(const struct config *config, const struct config_listen *listen,
			     struct http_req *req, struct str *ret_agent, struct err *err)
{
	return by_key_or_place(config, listen, req, proxy_key(req), ret_agent, err);
}

/* Without the port. */
static struct str host_of(struct str authority)
{
	if (authority.n && authority.p[0] == '[') {
		size_t end = str_find(authority, ']');

		return str_make(authority.p, end < authority.n ? end + 1 : authority.n);
	}
	return str_make(authority.p, str_find(authority, ':'));
}

/* Dotted, so a name that only begins like it, as 127.evil.example, is none. */
static bool is_loopback4(struct str host)
{
	unsigned dots = 0;

	for (size_t i = 0; i < host.n; i++) {
		dots += host.p[i] == '.';
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9')) {
			return false;
		}
	}
	return dots == 3 && host.n <= 15 && str_starts_with(host, STR("127."));
}

static bool is_this_machine(struct str authority)
{
	struct str host = host_of(authority), port = str_from(authority, host.n);
	uint64_t number;

	if (port.n && (port.p[0] != ':' || !str_to_u64(str_from(port, 1), &number))) {
		return false;
	}
	return str_ieq(host, STR("localhost")) || is_loopback4(host) || str_eq(host, STR("[::1]"));
}

/* "http://host:port" to "host:port"; p NULL for anything else, as "null". */
static struct str origin_authority(struct str origin)
{
	if (str_starts_with(origin, STR("http://"))) {
		return str_from(origin, 7);
	}
	if (str_starts_with(origin, STR("https://"))) {
		return str_from(origin, 8);
	}
	return str_make(NULL, 0);
}

bool origin_is_ours(const struct config_listen *listen, const struct http_req *req)
{
	struct str origin = h1_get(&req->head, HTTP_F_ORIGIN);
	struct str authority = origin_authority(origin);
	bool tcp_local = listen->local && listen->kind == CONFIG_LISTEN_TCP;

	if (tcp_local && !is_this_machine(req->head.authority)) {
		return false;
	}
	if (!origin.p) {
		return true;
	}
	return authority.p &&
	       (tcp_local ? is_this_machine(authority) : str_ieq(authority, req->head.authority));
}
