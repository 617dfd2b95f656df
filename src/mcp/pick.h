/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of an object by name, refusing names that only resemble them. A lax
 * reader behind us may ignore case or fold U+017F to "s", and would then read a
 * member that we took for somebody else's (CVE-2026-27896).
 */
#ifndef MCP_PICK_H
#define MCP_PICK_H

#include "json/scan.h"

/*
 * One member against the names that matter: *ret becomes the index of the name it
 * is, or n when nobody could mistake it for one. False when it imitates one: it
 * resembles it (base/fold), or is it, but hidden behind needless escapes. (An escaped slash
 * is no disguise: some writers escape every slash.)
 */
bool mcp_key_is_plain(struct arena *scratch, const struct json_member *m, const struct str *names,
		      size_t n, size_t *ret) MUST_USE;

/*
 * spans[i] becomes the raw value of names[i], or p NULL. `object` is a span of a
 * validated text. False when a member imitates one of the names.
 */
bool mcp_pick(struct arena *scratch, struct str object, const struct str *names, size_t n,
	      struct str *spans) MUST_USE;

#endif
