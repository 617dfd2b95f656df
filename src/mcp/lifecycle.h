/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a conversation on either side. Writ ends the handshake on each hop
 * itself: a client meets Writ, with what its servers can do together, and a
 * server meets Writ, with what Writ can relay.
 *
 * What a server says about itself is untrusted: its name goes to the record only,
 * and each line of its instructions is quoted with "> ", so that none can pass for
 * Writ's own words or another server's.
 */
#ifndef MCP_LIFECYCLE_H
#define MCP_LIFECYCLE_H

#include "mcp/rpc.h"

enum {
	MCP_INSTRUCTIONS_EACH = 4096, /* bytes taken from one server */
	MCP_INSTRUCTIONS_ALL = 16384, /* and from all */
	MCP_PEER_NAME_MAX = 64,
};

/* The capabilities that Writ can route; others are not passed on. */
#define MCP_CAP_ROUTED                                                                             \
	(MCP_CAP_TOOLS | MCP_CAP_TOOLS_CHANGED | MCP_CAP_RESOURCES | MCP_CAP_RESOURCES_CHANGED |   \
	 MCP_CAP_RESOURCES_SUBSCRIBE | MCP_CAP_PROMPTS | MCP_CAP_PROMPTS_CHANGED |                 \
	 MCP_CAP_COMPLETIONS | MCP_CAP_LOGGING | MCP_CAP_TASKS | MCP_CAP_TASKS_CANCEL |            \
	 MCP_CAP_EXT_TASKS)

/* What Writ says of itself to a server: each can be passed on to a client that offers it. */
#define MCP_CAP_RELAYED                                                                            \
	(MCP_CAP_ROOTS | MCP_CAP_SAMPLING | MCP_CAP_SAMPLING_TOOLS | MCP_CAP_ELICITATION |         \
	 MCP_CAP_ELICITATION_FORM | MCP_CAP_ELICITATION_URL)

/* Who is at the other end, by its own words. Text lives in the arena it was parsed with. */
struct mcp_peer {
	struct str name, version; /* cut to MCP_PEER_NAME_MAX; may be empty */
};

/* What a client says in `initialize`. */
struct mcp_client_hello {
	enum mcp_version version; /* as negotiated: what the answer will say */
	uint32_t capabilities;
	struct mcp_peer peer;
};

/* ERR_INVALID: protocolVersion, capabilities or clientInfo are missing or of a wrong type. */
enum err_code mcp_client_hello_parse(struct arena *a, const struct mcp_msg *m,
				     struct mcp_client_hello *ret, struct err *err) MUST_USE;

/* What a server says in its answer to it. */
struct mcp_server_hello {
	enum mcp_version version;
	uint32_t capabilities;
	struct mcp_peer peer;
	struct str instructions; /* decoded, whole */
};

/* `result` as in mcp_msg. ERR_UNSUPPORTED: a revision that Writ does not speak as a client. */
enum err_code mcp_server_hello_parse(struct arena *a, struct str result,
				     struct mcp_server_hello *ret, struct err *err) MUST_USE;

/* Bits of a raw ServerCapabilities or ClientCapabilities object; unknown members count for nothing.
 */
uint32_t mcp_server_capabilities(struct str raw);
uint32_t mcp_client_capabilities(struct str raw);

/* One server's instructions, under the id it has in the configuration. */
struct mcp_instructions {
	struct str server, text;
};

struct mcp_offer {
	uint32_t capabilities; /* what at least one server has; masked by MCP_CAP_ROUTED */
	const struct mcp_instructions *instructions;
	size_t n_instructions;
};

/* The whole answer to `initialize`. */
void mcp_initialize_answer(struct buf *out, struct str id, enum mcp_version v,
			   const struct mcp_offer *offer);

/* The whole answer to `server/discover`. */
void mcp_discover_answer(struct buf *out, struct str id, const struct mcp_offer *offer);

/* The empty result, as to `ping` and `logging/setLevel`. */
void mcp_empty_answer(struct buf *out, struct str id, enum mcp_version v);

/* What Writ sends to a server. `capabilities`: the client bits that can be relayed. */
void mcp_initialize_request(struct buf *out, uint64_t id, enum mcp_version v,
			    uint32_t capabilities);
void mcp_initialized_notification(struct buf *out);
void mcp_list_request(struct buf *out, uint64_t id, enum mcp_method m, struct str cursor);
void mcp_cancel_notification(struct buf *out, uint64_t id);
void mcp_ping_request(struct buf *out, uint64_t id);

/* A ClientCapabilities object; bits that revision v does not have are left out. */
void mcp_client_capabilities_write(struct buf *out, uint32_t capabilities, enum mcp_version v);

/* Writ's serverInfo object. */
void mcp_server_info(struct buf *out);

#endif
