/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of the files that `writ init` writes. Pure. Every path goes through
 * yaml_put_text or cedar_put_text, so a quote, a star or a line break in a
 * folder's name stays a character.
 */
#ifndef CLI_INIT_TEXT_H
#define CLI_INIT_TEXT_H

#include "base/buf.h"

struct init_values {
	struct str dir;       /* absolute: where the files go */
	struct str peers;     /* demo: the folder that holds node_modules */
	struct str node;      /* demo: absolute path of node */
	struct str workspace; /* absolute */
	struct str program;   /* example: absolute path of mcp-server-filesystem, or empty */
	bool demo;
};

/* A double-quoted YAML scalar. */
void yaml_put_text(struct buf *to, struct str s);

/* The inside of a Cedar string or, with `pattern`, of a `like` pattern; no quotes. */
void cedar_put_text(struct buf *to, struct str s, bool pattern);

void init_put_config(struct buf *to, const struct init_values *v);
void init_put_schema(struct buf *to, const struct init_values *v);
void init_put_list_policy(struct buf *to);
void init_put_files_policy(struct buf *to, const struct init_values *v);
void init_put_memory_policy(struct buf *to);
void init_put_everything_policy(struct buf *to);
void init_put_runs_policy(struct buf *to, const struct init_values *v);
void init_put_secrets_policy(struct buf *to);

#endif
