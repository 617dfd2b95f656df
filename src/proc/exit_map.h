/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the exit role has of the configuration: hosts that are not looked up, special addresses
 * that are open, credentials with their secrets, and whom to trust in TLS. A reload makes
 * a new one; relays keep theirs until they end.
 */
#ifndef PROC_EXIT_MAP_H
#define PROC_EXIT_MAP_H

#include "config/config.h"
#include "crypto/secret.h"
#include "proc/role.h"

struct tls_ctx;

/* What an agent sends in the place of a secret begins so; the credential's id follows. */
#define EXIT_PLACEHOLDER "writ-credential-"

struct exit_credential {
	const struct config_credential *config;
	struct secret value;
};

struct exit_map {
	unsigned refs;
	struct arena arena;
	struct config config;
	struct egress_range *open;
	size_t n_open;
	struct exit_credential *credentials;
	size_t n_credentials;
	struct tls_ctx *tls;    /* NULL: no host is looked into */
	struct tls_ctx *tls_h2; /* the same, and HTTP/2 is offered */
};

/* From the configuration and the files that the supervisor read. One reference is the caller's. */
enum err_code exit_map_new(int config_fd, const struct role_secret *files, unsigned n_files,
			   struct exit_map **ret, struct err *err) MUST_USE;
struct exit_map *exit_map_ref(struct exit_map *m);
void exit_map_unref(struct exit_map *m);

/* Whether any credential may go to this host. */
bool exit_map_has_secret(const struct exit_map *m, const struct egress_host *host, bool tls);

#endif
