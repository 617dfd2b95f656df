/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be dialled: one entry for each HTTP server, model and issuer of tokens of the
 * configuration. Nothing else ever is: a gate names an entry, never an address. A relay's table has its own zone
 * only, with what is added to requests on the way; the connector's has all, with addresses only.
 */
#ifndef PROC_UPSTREAM_H
#define PROC_UPSTREAM_H

#include "base/arena.h"
#include "config/config.h"
#include "crypto/secret.h"
#include "crypto/tls.h"
#include "proc/role.h"

struct grant;

struct upstream {
	struct str name; /* "server:fs", "model:mistral", "keys:corp", "introspect:corp" */
	struct str zone; /* proc/zones.h */
	const struct config_url *url;
	struct tls_ctx *tls;   /* NULL for http */
	struct str roots;      /* the file of its authorities: one copy for all that trust it */
	struct tls_pins pins;  /* of the configuration, else of the site's manifest */
	struct secret headers; /* lines to add to each request head, CRLF each; may be empty */
	struct str server;     /* that needs tokens; empty: none */
	bool login, consent;   /* then: see struct grant */
	struct grant
		*grant; /* then: who has them, borrowed; set by the connector, and only there */
	struct secret
		fields; /* the same for HTTP/2 (ipc/relay_h2.h); empty where it is not spoken */
	bool cut;       /* by `writ site sever`: not dialled */
	enum config_http2 http2;
	bool direct; /* no relay in between: the socket is passed on */
};

struct upstreams {
	struct arena arena;
	const struct config *config; /* in the arena */
	struct upstream *items;
	size_t n;
	bool severed;
};

/*
 * Builds the table from configuration JSON and the files the supervisor read; without files (NULL) of
 * addresses only. `ret` is a new table; release with upstreams_done. The text must outlive it.
 */
enum err_code upstreams_init(struct upstreams *ret, struct str config_json,
			     const struct role_secret *secrets, unsigned n_files,
			     struct err *err) MUST_USE;
void upstreams_done(struct upstreams *u);

/*
 * Who gets tokens for `server` wants to reach a host that may be a stranger's word. False: not at all. *ret_any:
 * the configuration names this host for this server, so it may have any address; else only a public one is
 * fine. `to` has room for 255 bytes and holds the name; *ret borrows it.
 */
bool upstream_stranger(const struct upstreams *u, struct str server, struct str host, uint16_t port,
		       char *to, struct config_url *ret, bool *ret_any);

/* Borrowed, or NULL. */
const struct upstream *upstream_find(const struct upstreams *u, struct str name);

/* A configuration's table, and what still uses it after a reload brought the next one. */
struct upstream_table {
	struct upstreams upstreams;
	struct arena text;
	size_t uses; /* the owner's */
	struct upstream_table *older;
};

/* Puts the table of boot's configuration before *newest. On failure nothing has changed. */
enum err_code upstream_table_load(struct upstream_table **newest, const struct role_boot *boot,
				  bool addresses_only, struct err *err) MUST_USE;

/* Frees older ones that nothing uses any more. */
void upstream_tables_sweep(struct upstream_table *newest);

#endif
