/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only part of config/ that touches the file system: reads writ.yaml, the
 * policies beside it, the schema and what goes with it; finds programs in PATH; looks at (never
 * into) the secret files. Everything read is bounded and borrowed from the arena.
 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "config/config.h"

enum {
	CONFIG_MAX_POLICY_FILES = 1024,
	CONFIG_MAX_POLICY_BYTES = 1 << 20,   /* one policy file */
	CONFIG_MAX_POLICIES_BYTES = 8 << 20, /* all of them */
	CONFIG_MAX_SCHEMA_BYTES = 1 << 20,   /* each of schema, events and providers */
	CONFIG_MAX_SCRIPTS = 256,            /* of providers */
	CONFIG_MAX_SCRIPT_BYTES = 64 << 10,  /* one of them */
	CONFIG_MAX_SECRETS = 1024,
	CONFIG_MAX_MANIFEST_BYTES = 64 << 10,
	CONFIG_MAX_GROUP_BYTES = 256 << 10,
	CONFIG_MAX_APPROVALS_BYTES = 256 << 10,
	CONFIG_MAX_KEYS_BYTES = 64 << 10, /* a key set of an issuer */
};

/* A policy or schema file. The name is for diagnostics: "policies/10-files.cedar". */
struct config_text {
	struct str name, text;
};

/* Whom a secret file is for. */
enum config_secret_reader {
	CONFIG_SECRET_CONNECTOR = 0, /* credential headers, model keys */
	CONFIG_SECRET_GATE,          /* private keys of listeners */
	CONFIG_SECRET_RUNNER,        /* environment of stdio servers */
	CONFIG_SECRET_EXIT,          /* what agents use without having it */
};

struct config_secret {
	struct str file; /* absolute */
	enum config_secret_reader reader;
};

struct config_loaded {
	struct config config;
	const struct config_text *policies; /* *.cedar and *.dw, sorted by name */
	size_t n_policies;
	struct config_text schema, events, providers; /* name is empty when none is configured */
	const struct config_text *scripts; /* of providers; named as their `scriptFile` says */
	size_t n_scripts;
	const struct config_secret *secrets; /* each file once for each reader */
	size_t n_secrets;
};

/*
 * Loads everything the file names. Relative paths start from the file's folder. A program without
 * a slash is looked up in PATH. A secret file must exist, be regular, not empty, and closed to
 * other users. Policies are read, not checked. `errors` may be NULL; see config_decode.
 */
enum err_code config_load(struct arena *a, const char *path, struct config_loaded *ret,
			  struct config_errors *errors, struct err *err) MUST_USE;

/* Only the file itself: reads and decodes it, looks at nothing that it names. */
enum err_code config_read_file(struct arena *a, const char *path, struct config *ret,
			       struct config_errors *errors, struct err *err) MUST_USE;

/* The secret files a configuration names; pure. */
enum err_code config_secrets(struct arena *a, const struct config *cfg,
			     const struct config_secret **ret, size_t *ret_n,
			     struct err *err) MUST_USE;

#endif
