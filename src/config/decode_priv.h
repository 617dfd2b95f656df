/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a section is decoded: a table of its keys, each with a reader and the place
 * where the value goes. The table gives the check for unknown keys, the
 * suggestion and the check for missing ones. Readers report what is wrong and go
 * on, so that one run shows every mistake; a reader that reports leaves its place
 * as it was.
 */
#ifndef CONFIG_DECODE_PRIV_H
#define CONFIG_DECODE_PRIV_H

#include "config/config.h"

struct config_site_ref {
	const struct json *node; /* the string that names the site */
	const struct config_site **to;
};

struct config_ctx {
	struct arena *a;
	const struct config_source *src;
	struct config_errors *errors;
	struct config_site_ref *site_refs; /* resolved when all sections are read */
	size_t n_site_refs, cap_site_refs;
	bool nomem;
};

struct config_field;

/* Reads `node` into `to`, which is the place that the field's offset names. */
typedef void config_read(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to);

struct config_field {
	struct str key;
	config_read *read;
	size_t offset;
	bool required;
	uint64_t min, max;        /* numbers, sizes, durations: the accepted range */
	const char *const *names; /* config_read_enum: NULL-terminated; index = value */
};

#define CONFIG_KEY(k, reader, type, member, ...)                                                   \
	{                                                                                          \
		.key = STR_INIT(k), .read = (reader), .offset = offsetof(type, member),            \
		__VA_ARGS__                                                                        \
	}

/* "name:line:column: ..." about the byte at `at`. */
void config_report(struct config_ctx *c, size_t at, const char *fmt, ...) PRINTF(3, 4);
void config_nomem(struct config_ctx *c);

/* True when `node` has the type; reports it otherwise. Null counts as absent where `or_null`. */
bool config_expect(struct config_ctx *c, const struct json *node, enum json_type type);

/* Fills `to` from an object. `what` names the thing in messages: "a server". */
void config_read_fields(struct config_ctx *c, const struct json *node,
			const struct config_field *fields, size_t n, const char *what, void *to);

/*
 * An arena array with one zeroed element for each child of `node`, which must be of `type` (null
 * counts as empty) and have at most `max` children; *ret_n is 0 when it is not.
 */
void *config_items(struct config_ctx *c, const struct json *node, enum json_type type, size_t max,
		   size_t size, size_t *ret_n);

/* Readers: the comment says what stands at `to`. */
config_read config_read_text;     /* struct str: not empty, at most 1 KiB, no control characters */
config_read config_read_long;     /* struct str: at most 8 KiB; tabs and line breaks too */
config_read config_read_id;       /* struct str: [a-z0-9][a-z0-9_-]{0,31} */
config_read config_read_agent;    /* struct str: an agent's name */
config_read config_read_path;     /* struct str: made absolute */
config_read config_read_bool;     /* bool */
config_read config_read_u64;      /* uint64_t in min..max */
config_read config_read_u32;      /* uint32_t in min..max */
config_read config_read_size;     /* uint64_t bytes in min..max */
config_read config_read_duration; /* uint64_t nanoseconds in min..max */
config_read config_read_enum;     /* an enum: index into names */
config_read config_read_texts;    /* struct config_strs of texts */
config_read config_read_paths;    /* struct config_strs of paths */
config_read config_read_http2;    /* enum config_http2 */
config_read config_read_sha256;   /* uint8_t[32]: 64 hexadecimal digits; colons between are fine */
config_read config_read_url;      /* struct config_url */
config_read config_read_internal; /* struct str: what roles tell each other; in no file */
config_read config_read_site_ref; /* const struct config_site *: filled later */

/* HTTP/2 is agreed on in TLS; without it there is nothing to ask. */
void config_check_http2(struct config_ctx *c, const struct json *node,
			const struct config_url *url);

/* The sections; `to` is the struct config. */
config_read config_read_listen;
config_read config_read_identity;
config_read config_read_oauth; /* struct config_oauth */
config_read config_read_grant; /* const struct config_grant * */
config_read config_read_agents;
config_read config_read_servers;
config_read config_read_models;
config_read config_read_routes;
config_read config_read_budgets;
config_read config_read_aliases; /* struct config_agent */
config_read config_read_sites;
config_read config_read_residency;
config_read config_read_data; /* struct config_data */
config_read config_read_egress;
config_read config_read_credentials;

/* A credential may leave this machine only encrypted. `node` is what has the url. */
void config_check_transport(struct config_ctx *c, const struct json *node,
			    const struct config_url *url, bool has_secret);

/* What only the whole file can tell about names of models. */
void config_check_models(struct config_ctx *c, struct config *cfg);

/* An https URL, or http on this machine: what is fetched there decides who callers are. */
config_read config_read_safe_url; /* struct config_url */

/* What only the whole file can tell about sites, agents and their labels. */
void config_check_residency(struct config_ctx *c, const struct config *cfg);

/* Is this what one role hands another, and not a file that somebody wrote? */
static inline bool config_is_between_roles(const struct config_ctx *c)
{
	return c->src->dir.n == 0;
}

/* Is `id` [a-z0-9][a-z0-9_-]{0,31}? */
bool config_is_id(struct str id);
bool config_is_agent_name(struct str name);

/* "30s", "16MiB": false when not exactly that. */
bool config_parse_duration(struct str s, uint64_t *ret_ns);
bool config_parse_size(struct str s, uint64_t *ret_bytes);

#endif
