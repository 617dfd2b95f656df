/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: a client certificate, an API key, the user of a Unix peer, or, on
 * listeners of this machine only, nobody in particular. Each is matched to an
 * agent of the configuration; what a caller says of itself is not asked.
 */
#ifndef GATE_IDENTITY_H
#define GATE_IDENTITY_H

#include "config/config.h"
#include "http/server.h"

/*
 * The agent, borrowed from the configuration. ERR_DENIED: no identity that is known here;
 * a wrong key is refused even where none is needed. What is no key may be a token: gate/oauth.h.
 */
enum err_code identify(const struct config *config, const struct config_listen *listen,
		       const struct http_req *req, struct str *ret_agent, struct err *err) MUST_USE;

/*
 * The same for a caller of a proxy (RFC 9110 section 11.7): the key is the password of
 * Proxy-Authorization: Basic, its user when there is no password, or the token of Bearer.
 */
enum err_code identify_proxy(const struct config *config, const struct config_listen *listen,
			     struct http_req *req, struct str *ret_agent, struct err *err) MUST_USE;

/*
 * MCP 2025-11-25 basic/transports: "Servers MUST validate the Origin header on all incoming
 * connections to prevent DNS rebinding attacks." On a listener of this machine Host must name this
 * machine, and Origin, where there is one, too; elsewhere Origin must be of the Host asked.
 */
bool origin_is_ours(const struct config_listen *listen, const struct http_req *req);

#endif
