/* SPDX-License-Identifier: Apache-2.0 */
/* A grantor's parts: its messages and jail (grantor.c), what it asks strangers and how it finds out who issues
 * tokens (grantor_find.c), logins of people (grantor_login.c), and tokens that an identity provider vouches for
 * (grantor_exchange.c). */
#ifndef PROC_GRANTOR_PRIV_H
#define PROC_GRANTOR_PRIV_H

#include "crypto/secret.h"
#include "ipc/frame.h"
#include "oauth/login.h"
#include "proc/fetch.h"
#include "proc/grantor.h"

enum { FILES_MAX = 128, FILE_BYTES = 1 << 20, DANCE_BYTES = 8 << 20 };

struct file {
	char name[512];
	int fd;
};

struct grantor {
	struct chan chan;
	struct fetcher fetcher;
	struct arena arena; /* of the configuration */
	struct config *config;
	struct file files[FILES_MAX];
	unsigned n_files;
	bool loaded; /* the next file begins a new list */
};

/* What one token, or one step of a login, takes. */
struct dance {
	struct grantor *g;
	const struct config_server *server;
	const struct config_grant *grant; /* as which client: of the server's `oauth`, or its idp */
	struct arena arena;
	struct tls_ctx *tls;
	bool met; /* a challenge: `wanted` */
	struct oauth_wanted wanted;
	struct oauth_resource_metadata resource;
	struct oauth_server from;
	bool needs_login; /* the failure ends when a person logs in */
};

void grantor_wipe(struct buf *b);

/* Tells the connector what is to be kept from here on, sealed, and waits until it is on the disk. */
bool grantor_keep(struct grantor *g, struct str sealed);

/* Sends a frame; the process ends when the connector is gone. */
void grantor_say(struct grantor *g, const struct frame_writer *w);

/* Before anything is fetched, once or again: the roots that are trusted. */
enum err_code dance_open(struct dance *d, struct err *err) MUST_USE;

/* Who issues tokens for this server: fills `wanted`, `resource` and `from`. */
enum err_code dance_find(struct dance *d, struct str challenge, struct err *err) MUST_USE;

/* The metadata of this issuer (RFC 8414): fills `from`. */
enum err_code dance_server(struct dance *d, struct str issuer, struct err *err) MUST_USE;

/* Is the client in `grant` one of an identity provider, and no authorization server's? */
bool dance_at_idp(const struct dance *d);

/* What is configured, else what the challenge asks for, else all that the resource knows. */
enum err_code dance_scopes(struct dance *d, struct oauth_request *r, struct err *err) MUST_USE;

/* The bytes of a file that the configuration names; of a text without the end of its line. */
enum err_code dance_file(struct dance *d, struct str name, struct str *ret,
			 struct err *err) MUST_USE;
enum err_code dance_text(struct dance *d, struct str name, struct str *ret,
			 struct err *err) MUST_USE;

/* https; or, of a server on this machine, http on this machine. */
enum err_code dance_url(struct dance *d, struct str text, struct config_url *ret,
			struct err *err) MUST_USE;

enum err_code dance_get(struct dance *d, struct str from, struct fetch_answer *ret,
			struct err *err) MUST_USE;
enum err_code dance_post(struct dance *d, struct str to, struct str type, struct str body,
			 struct str authorization, struct fetch_answer *ret,
			 struct err *err) MUST_USE;

/* The client that `grant` configures; *signer is the caller's. */
enum err_code dance_client(struct dance *d, struct oauth_client *ret, struct jws_signer **signer,
			   struct err *err) MUST_USE;

/* Sends what `r` asks; `now` and `nonce` are set here. */
enum err_code dance_ask(struct dance *d, struct oauth_request *r, struct str endpoint,
			struct fetch_answer *ret, struct err *err) MUST_USE;

/* The same as that client, to its token endpoint, for `resource`. */
enum err_code dance_ask_as_client(struct dance *d, struct oauth_request *r,
				  struct fetch_answer *ret, struct err *err) MUST_USE;

/*
 * A token for the server, by what its identity provider says of whom `subject` is about. Sets `needs_login` when a
 * login ends at the provider.
 */
enum err_code exchange_token(struct dance *d, struct str challenge, struct str subject,
			     struct oauth_token *ret, struct err *err) MUST_USE;

/* ---- logins ---- */

/* What they get is the server's token; at an identity provider an ID token, the subject of an exchange. */

/* A token by what is kept of a login; `refused`: not the one that is kept. */
enum err_code login_token(struct dance *d, struct str kept, bool refused, struct oauth_token *ret,
			  struct err *err) MUST_USE;

struct login_begin {
	struct str challenge, kept, redirect, scope;
};

/* Appends what goes with login_finish, sealed, and JSON for the person. */
enum err_code login_begin(struct dance *d, const struct login_begin *in, struct buf *asked,
			  struct buf *text, struct err *err) MUST_USE;

/* *ret_wait not 0: the person has not answered yet, ask again in so many seconds. */
enum err_code login_finish(struct dance *d, struct str asked, struct str query,
			   struct oauth_token *ret, uint32_t *ret_wait, struct err *err) MUST_USE;

/* Says in *ret what became of it; there is nothing kept afterwards. */
enum err_code login_leave(struct dance *d, struct str kept, struct str *ret,
			  struct err *err) MUST_USE;

#endif
