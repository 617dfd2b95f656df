/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What detectors find raises the labels of a request, by `residency.detect`: to the categories that its agent states come
 * those that what was found is of. Nothing lowers them: what a session or a run has met stays with it, and what
 * @redact takes out still counts. Callers with neither (requests to models, the stateless era) have a session for each agent that
 * does not end: of those each request stands for itself. Not configured it costs nothing.
 *
 * Looked at are requests to models, arguments of tools and prompts, and what servers answer to calls; names of
 * members are not, nor base64 that says so, nor what passes the exit. More than 4 MiB of text, and what cannot be
 * read, count as everything.
 */
#ifndef GATE_RULES_RAISE_H
#define GATE_RULES_RAISE_H

#include "gate/rules.h"

struct session;

/* From the configuration. */
void rules_raise_init(struct rules *r);

/* DETECT_BITs of what the session has met that raises anything, with what `json` (one valid value, or p NULL) holds. */
unsigned rules_raise_look(const struct rules *r, struct session *s, struct str json);

/* The categories that go with DETECT_BITs, as in struct site_row. */
uint16_t rules_raise_to(const struct rules *r, unsigned found);

#endif
