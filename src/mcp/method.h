/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every method and notification of MCP that Writ knows, in one table: who may
 * send it, in which revisions, which capability gates it, which action of Writ
 * it is, and where the object's name stands in its params. A method that is not
 * in the table is unknown, and an unknown method is refused.
 *
 * Source: schema.json of each revision, 2024-11-05 to 2026-07-28.
 */
#ifndef MCP_METHOD_H
#define MCP_METHOD_H

#include "mcp/version.h"

#include <stdint.h>

/* Who may send it. */
#define MCP_FROM_CLIENT 1u
#define MCP_FROM_SERVER 2u
#define MCP_FROM_BOTH   3u

enum mcp_shape { MCP_SHAPE_REQUEST = 0, MCP_SHAPE_NOTIFICATION };

/* Capabilities as bits: of the server in the low half, of the client in the high one. */
#define MCP_CAP_TOOLS               (1u << 0)
#define MCP_CAP_TOOLS_CHANGED       (1u << 1)
#define MCP_CAP_RESOURCES           (1u << 2)
#define MCP_CAP_RESOURCES_CHANGED   (1u << 3)
#define MCP_CAP_RESOURCES_SUBSCRIBE (1u << 4)
#define MCP_CAP_PROMPTS             (1u << 5)
#define MCP_CAP_PROMPTS_CHANGED     (1u << 6)
#define MCP_CAP_COMPLETIONS         (1u << 7)
#define MCP_CAP_LOGGING             (1u << 8)
#define MCP_CAP_TASKS               (1u << 9)
#define MCP_CAP_TASKS_CANCEL        (1u << 10)
#define MCP_CAP_EXT_TASKS           (1u << 11) /* the extension of 2026-07-28 */
#define MCP_CAP_ROOTS               (1u << 16)
#define MCP_CAP_ROOTS_CHANGED       (1u << 17)
#define MCP_CAP_SAMPLING            (1u << 18)
#define MCP_CAP_SAMPLING_TOOLS      (1u << 19)
#define MCP_CAP_ELICITATION         (1u << 20)
#define MCP_CAP_ELICITATION_URL     (1u << 21)
#define MCP_CAP_CLIENT_TASKS        (1u << 22)
#define MCP_CAP_ELICITATION_FORM    (1u << 23)
#define MCP_CAP_CLIENT_EXT_TASKS    (1u << 24)

/* What a message is to the decision engine. NONE: protocol housekeeping, answered or relayed
 * without touching an object. */
enum mcp_action {
	MCP_ACTION_NONE = 0,
	MCP_ACTION_CALL_TOOL,
	MCP_ACTION_READ_RESOURCE,
	MCP_ACTION_GET_PROMPT,
	MCP_ACTION_COMPLETE,
	MCP_ACTION_LIST,
	MCP_ACTION_SUBSCRIBE,
	MCP_ACTION_SAMPLE,
	MCP_ACTION_ELICIT,
	MCP_ACTION_LIST_ROOTS,
	MCP_ACTION_TASK,
	MCP_ACTION_MAX
};

/* The member of params that names the object. */
enum mcp_object {
	MCP_OBJECT_NONE = 0,
	MCP_OBJECT_NAME, /* params.name */
	MCP_OBJECT_URI,  /* params.uri */
	MCP_OBJECT_REF,  /* params.ref.name or params.ref.uri */
	MCP_OBJECT_TASK, /* params.taskId */
};

/* clang-format off */
#define MCP_METHODS(X)                                                                             \
	/* id             text                      from    shape  first       last        capability               action         object */ \
	X(TOOLS_CALL,     "tools/call",             CLIENT, REQUEST, 2024_11_05, 2026_07_28, MCP_CAP_TOOLS,               CALL_TOOL,     NAME) \
	X(TOOLS_LIST,     "tools/list",             CLIENT, REQUEST, 2024_11_05, 2026_07_28, MCP_CAP_TOOLS,               LIST,          NONE) \
	X(PING,           "ping",                   BOTH,   REQUEST, 2024_11_05, 2025_11_25, 0,                           NONE,          NONE) \
	X(INITIALIZE,     "initialize",             CLIENT, REQUEST, 2024_11_05, 2025_11_25, 0,                           NONE,          NONE) \
	X(DISCOVER,       "server/discover",        CLIENT, REQUEST, 2026_07_28, 2026_07_28, 0,                           NONE,          NONE) \
	X(RESOURCES_LIST, "resources/list",         CLIENT, REQUEST, 2024_11_05, 2026_07_28, MCP_CAP_RESOURCES,           LIST,          NONE) \
	X(RESOURCES_TEMPLATES_LIST, "resources/templates/list", CLIENT, REQUEST, 2024_11_05, 2026_07_28, MCP_CAP_RESOURCES, LIST,        NONE) \
	X(RESOURCES_READ, "resources/read",         CLIENT, REQUEST, 2024_11_05, 2026_07_28, MCP_CAP_RESOURCES,           READ_RESOURCE, URI) \
	X(RESOURCES_SUBSCRIBE, "resources/subscribe", CLIENT, REQUEST, 2024_11_05, 2025_11_25, MCP_CAP_RESOURCES_SUBSCRIBE, SUBSCRIBE,   URI) \
	X(RESOURCES_UNSUBSCRIBE, "resources/unsubscribe", CLIENT, REQUEST, 2024_11_05, 2025_11_25, MCP_CAP_RESOURCES_SUBSCRIBE, SUBSCRIBE, URI) \
	X(LISTEN,         "subscriptions/listen",   CLIENT, REQUEST, 2026_07_28, 2026_07_28, 0,                           SUBSCRIBE,     NONE) \
	X(PROMPTS_LIST,   "prompts/list",           CLIENT, REQUEST, 2024_11_05, 2026_07_28, MCP_CAP_PROMPTS,             LIST,          NONE) \
	X(PROMPTS_GET,    "prompts/get",            CLIENT, REQUEST, 2024_11_05, 2026_07_28, MCP_CAP_PROMPTS,             GET_PROMPT,    NAME) \
	X(COMPLETE,       "completion/complete",    CLIENT, REQUEST, 2024_11_05, 2026_07_28, MCP_CAP_COMPLETIONS,         COMPLETE,      REF) \
	X(SET_LEVEL,      "logging/setLevel",       CLIENT, REQUEST, 2024_11_05, 2025_11_25, MCP_CAP_LOGGING,             NONE,          NONE) \
	X(SAMPLE,         "sampling/createMessage", SERVER, REQUEST, 2024_11_05, 2025_11_25, MCP_CAP_SAMPLING,            SAMPLE,        NONE) \
	X(ROOTS_LIST,     "roots/list",             SERVER, REQUEST, 2024_11_05, 2025_11_25, MCP_CAP_ROOTS,               LIST_ROOTS,    NONE) \
	X(ELICIT,         "elicitation/create",     SERVER, REQUEST, 2025_06_18, 2025_11_25, MCP_CAP_ELICITATION,         ELICIT,        NONE) \
	X(TASKS_GET,      "tasks/get",              BOTH,   REQUEST, 2025_11_25, 2026_07_28, MCP_CAP_TASKS,               TASK,          TASK) \
	X(TASKS_RESULT,   "tasks/result",           BOTH,   REQUEST, 2025_11_25, 2025_11_25, MCP_CAP_TASKS,               TASK,          TASK) \
	X(TASKS_LIST,     "tasks/list",             BOTH,   REQUEST, 2025_11_25, 2025_11_25, MCP_CAP_TASKS,               TASK,          NONE) \
	X(TASKS_CANCEL,   "tasks/cancel",           BOTH,   REQUEST, 2025_11_25, 2026_07_28, MCP_CAP_TASKS,               TASK,          TASK) \
	X(TASKS_UPDATE,   "tasks/update",           CLIENT, REQUEST, 2026_07_28, 2026_07_28, MCP_CAP_TASKS,               TASK,          TASK) \
	X(INITIALIZED,    "notifications/initialized", CLIENT, NOTIFICATION, 2024_11_05, 2025_11_25, 0,                   NONE,          NONE) \
	X(CANCELLED,      "notifications/cancelled", BOTH,  NOTIFICATION, 2024_11_05, 2026_07_28, 0,                      NONE,          NONE) \
	X(PROGRESS,       "notifications/progress", BOTH,   NOTIFICATION, 2024_11_05, 2026_07_28, 0,                      NONE,          NONE) \
	X(MESSAGE,        "notifications/message",  SERVER, NOTIFICATION, 2024_11_05, 2026_07_28, MCP_CAP_LOGGING,        NONE,          NONE) \
	X(TOOLS_CHANGED,  "notifications/tools/list_changed", SERVER, NOTIFICATION, 2024_11_05, 2026_07_28, MCP_CAP_TOOLS_CHANGED, NONE, NONE) \
	X(PROMPTS_CHANGED, "notifications/prompts/list_changed", SERVER, NOTIFICATION, 2024_11_05, 2026_07_28, MCP_CAP_PROMPTS_CHANGED, NONE, NONE) \
	X(RESOURCES_CHANGED, "notifications/resources/list_changed", SERVER, NOTIFICATION, 2024_11_05, 2026_07_28, MCP_CAP_RESOURCES_CHANGED, NONE, NONE) \
	X(RESOURCES_UPDATED, "notifications/resources/updated", SERVER, NOTIFICATION, 2024_11_05, 2026_07_28, MCP_CAP_RESOURCES_SUBSCRIBE, NONE, URI) \
	X(ROOTS_CHANGED,  "notifications/roots/list_changed", CLIENT, NOTIFICATION, 2024_11_05, 2025_11_25, MCP_CAP_ROOTS_CHANGED, NONE, NONE) \
	X(TASKS_STATUS,   "notifications/tasks/status", BOTH, NOTIFICATION, 2025_11_25, 2025_11_25, MCP_CAP_TASKS,        NONE,          TASK) \
	X(ELICIT_COMPLETE, "notifications/elicitation/complete", SERVER, NOTIFICATION, 2025_11_25, 2025_11_25, MCP_CAP_ELICITATION_URL, NONE, NONE) \
	X(LISTEN_ACK,     "notifications/subscriptions/acknowledged", SERVER, NOTIFICATION, 2026_07_28, 2026_07_28, 0,    NONE,          NONE)
/* clang-format on */

enum mcp_method {
	MCP_METHOD_UNKNOWN = 0,
#define X(id, ...) MCP_##id,
	MCP_METHODS(X)
#undef X
		MCP_METHOD_MAX
};

struct mcp_method_info {
	struct str name;
	uint32_t capability; /* bits of MCP_CAP_, 0 when always there */
	uint8_t from;        /* MCP_FROM_ */
	uint8_t first, last; /* enum mcp_version, inclusive */
	enum mcp_shape shape;
	enum mcp_action action;
	enum mcp_object object;
};

/* Exact match, case included; MCP_METHOD_UNKNOWN otherwise. */
enum mcp_method mcp_method_find(struct str name);

/* Never NULL: UNKNOWN has an entry that nobody may send. Static storage. */
const struct mcp_method_info *mcp_method_info(enum mcp_method m);

/* May `from` (one MCP_FROM_ bit) send it in revision v? */
bool mcp_method_allowed(enum mcp_method m, unsigned from, enum mcp_version v);

#endif
