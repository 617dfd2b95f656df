/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of what a gateway asks its policies: entities, actions and contexts
 * as src/gate/rules.c and rules_entities.c make them, as text in the human syntax.
 * Pure. tests/unit/gate compares them.
 */
#ifndef CLI_SCHEMA_TEXT_H
#define CLI_SCHEMA_TEXT_H

#include "base/buf.h"

/* `namespace Writ {` and everything but tools; the namespace stays open. */
void schema_put_base(struct buf *to);

/* The tools of the servers that `writ init` configures, as actions in that namespace. */
void schema_put_files(struct buf *to);
void schema_put_demo(struct buf *to);

/* Closes the namespace. */
void schema_put_end(struct buf *to);

#endif
