/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MCP over standard input and output for a client that only starts programs, carried to a
 * running gateway over Streamable HTTP: a line is a POST, what comes back is a line. It
 * decides nothing and records nothing; the gateway does, and knows who asks by the user that
 * connects (a unix listener) or by a key.
 */
#ifndef PROC_MCP_STDIO_H
#define PROC_MCP_STDIO_H

#include "base/err.h"
#include "base/str.h"

struct mcp_stdio {
	struct str address; /* of the gateway, as in `listen`: this machine only */
	struct str path;    /* "/mcp" or "/mcp/SERVER" */
	struct str key;     /* an API key, or empty */
};

/*
 * Serves descriptors 0 and 1 until standard input has ended and all is answered. ERR_CLOSED: the
 * gateway is not there, or has forgotten the session; who started us starts us again.
 */
enum err_code mcp_stdio_run(const struct mcp_stdio *config, struct err *err) MUST_USE;

#endif
