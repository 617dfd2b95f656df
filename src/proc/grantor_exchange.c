/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that an organisation's identity provider vouches for: it is shown who asks, and gives an identity assertion
 * for the server's authorization server, which gives the token for it. Nothing is kept of either, so each token
 * takes both again, and the provider can say no each time.
 */
#include "oauth/exchange.h"
#include "proc/grantor_priv.h"

#include "base/clock.h"

/* What the provider gives for `subject`, good for `as` alone. Leaves its own metadata in `from`. */
static enum err_code get_assertion(struct dance *d, const struct oauth_server *as,
				   struct str subject, struct str *ret, struct err *err)
{
	const struct config_grant *idp = d->grant;
	struct oauth_request r = {
		.ask = OAUTH_ASK_EXCHANGE,
		.code = subject,
		.audience = as->issuer,
		.type = idp->login ? STR("id_token") : idp->subject_type,
	};
	struct oauth_assertion_for wanted = {
		.provider = idp->issuer,
		.audience = as->issuer,
		.client = d->server->oauth->client_id,
		.resource = d->resource.resource,
	};
	struct fetch_answer answer;

	TRY(dance_scopes(d, &r, err));
	if (dance_server(d, idp->issuer, err)) {
		err_wrap(err, "the identity provider");
		return err->code;
	}
	TRY(dance_ask_as_client(d, &r, &answer, err));
	if (idp->login && answer.status == 400 &&
	    str_eq(oauth_refusal_read(&d->arena, answer.body), STR("invalid_grant"))) {
		d->needs_login = true;
		return ERR(err, ERR_DENIED,
			   "the identity provider takes the login no more (invalid_grant): run: "
			   "writ login " STR_FMT,
			   STR_ARG(d->server->id));
	}
	wanted.now = clock_real() / CLOCK_SEC;
	return oauth_assertion_read(&d->arena, answer.status, answer.body, &wanted, ret, err);
}

enum err_code exchange_token(struct dance *d, struct str challenge, struct str subject,
			     struct oauth_token *ret, struct err *err)
{
	struct oauth_request r = {.ask = OAUTH_ASK_ASSERTION};
	struct fetch_answer answer;
	struct oauth_server as;

	TRY(dance_open(d, err));
	TRY(dance_find(d, challenge, err));
	as = d->from;
	TRY(get_assertion(d, &as, subject, &r.code, err));
	d->from = as;
	d->grant = d->server->oauth;
	TRY(dance_scopes(d, &r, err));
	TRY(dance_ask_as_client(d, &r, &answer, err));
	return oauth_token_read(&d->arena, answer.status, answer.body, ret, err);
}
