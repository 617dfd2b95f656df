/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/lifecycle.h"

#include "mcp/pick.h"
#include "json/write.h"

#define SERVER_INFO STR("{\"name\":\"writ\",\"title\":\"Writ\",\"version\":\"" WRIT_VERSION "\"}")

/* One capability: its member, and the bits of its own members. */
struct cap {
	struct str name;
	uint32_t bit;
	struct {
		struct str name;
		uint32_t bit;
	} sub[2];
	enum mcp_version since;
	bool sub_is_object;     /* else a flag */
	enum mcp_version until; /* NONE: it is there still */
	struct str always;      /* a member more, that goes with it */
	bool only_sub;          /* it counts for what is in it */
};

#define EXT_TASKS STR_INIT("io.modelcontextprotocol/tasks")

static const struct cap server_caps[] = {
	{STR_INIT("tools"),
	 MCP_CAP_TOOLS,
	 {{STR_INIT("listChanged"), MCP_CAP_TOOLS_CHANGED}},
	 MCP_2024_11_05},
	{STR_INIT("resources"),
	 MCP_CAP_RESOURCES,
	 {{STR_INIT("listChanged"), MCP_CAP_RESOURCES_CHANGED},
	  {STR_INIT("subscribe"), MCP_CAP_RESOURCES_SUBSCRIBE}},
	 MCP_2024_11_05},
	{STR_INIT("prompts"),
	 MCP_CAP_PROMPTS,
	 {{STR_INIT("listChanged"), MCP_CAP_PROMPTS_CHANGED}},
	 MCP_2024_11_05},
	{STR_INIT("completions"), MCP_CAP_COMPLETIONS, {{{NULL, 0}, 0}}, MCP_2025_03_26},
	{STR_INIT("logging"), MCP_CAP_LOGGING, {{{NULL, 0}, 0}}, MCP_2024_11_05},
	{STR_INIT("tasks"),
	 MCP_CAP_TASKS,
	 {{STR_INIT("cancel"), MCP_CAP_TASKS_CANCEL}},
	 MCP_2025_11_25,
	 true,
	 MCP_2025_11_25,
	 STR_INIT("{\"tools\":{\"call\":{}}}")},
	{.name = STR_INIT("extensions"),
	 .bit = MCP_CAP_EXT_TASKS,
	 .sub = {{EXT_TASKS, MCP_CAP_EXT_TASKS}},
	 .since = MCP_MODERN,
	 .sub_is_object = true,
	 .only_sub = true},
};

static const struct cap client_caps[] = {
	{STR_INIT("roots"),
	 MCP_CAP_ROOTS,
	 {{STR_INIT("listChanged"), MCP_CAP_ROOTS_CHANGED}},
	 MCP_2024_11_05},
	{STR_INIT("sampling"),
	 MCP_CAP_SAMPLING,
	 {{STR_INIT("tools"), MCP_CAP_SAMPLING_TOOLS}},
	 MCP_2024_11_05,
	 true},
	{STR_INIT("elicitation"),
	 MCP_CAP_ELICITATION,
	 {{STR_INIT("form"), MCP_CAP_ELICITATION_FORM}, {STR_INIT("url"), MCP_CAP_ELICITATION_URL}},
	 MCP_2025_06_18,
	 true},
	{STR_INIT("tasks"), MCP_CAP_CLIENT_TASKS, {{{NULL, 0}, 0}}, MCP_2025_11_25},
	{.name = STR_INIT("extensions"),
	 .bit = MCP_CAP_CLIENT_EXT_TASKS,
	 .sub = {{EXT_TASKS, MCP_CAP_CLIENT_EXT_TASKS}},
	 .since = MCP_MODERN,
	 .sub_is_object = true,
	 .only_sub = true},
};

/* A member that is there and not `false` or `null` counts: some are flags, some objects. */
static bool is_on(struct str raw)
{
	return raw.p && !str_eq(raw, STR("false")) && !str_eq(raw, STR("null"));
}

static uint32_t read_caps(struct str raw, const struct cap *caps, size_t n)
{
	uint32_t bits = 0;

	for (size_t i = 0; raw.p && i < n; i++) {
		struct str names[2] = {caps[i].sub[0].name, caps[i].sub[1].name}, subs[2], value;

		(void)json_scan_members(raw, &caps[i].name, 1, &value, NULL);
		if (!value.p || json_raw_type(value) != JSON_OBJECT) {
			continue;
		}
		bits |= caps[i].only_sub ? 0 : caps[i].bit;
		(void)json_scan_members(value, names, 2, subs, NULL);
		for (size_t k = 0; k < 2; k++) {
			bits |= caps[i].sub[k].name.p && is_on(subs[k]) ? caps[i].sub[k].bit : 0;
		}
	}
	return bits;
}

uint32_t mcp_server_capabilities(struct str raw)
{
	const struct str path[] = {STR("tasks"), STR("requests"), STR("tools"), STR("call")};
	uint32_t bits = read_caps(raw, server_caps, ARRAY_LEN(server_caps));

	/* Tasks of calls are what Writ can pass on: others count for nothing. */
	for (size_t i = 0; (bits & MCP_CAP_TASKS) && i < ARRAY_LEN(path); i++) {
		(void)json_scan_members(raw, &path[i], 1, &raw, NULL);
		if (!raw.p || json_raw_type(raw) != JSON_OBJECT) {
			bits &= ~(MCP_CAP_TASKS | MCP_CAP_TASKS_CANCEL);
		}
	}
	return bits;
}

uint32_t mcp_client_capabilities(struct str raw)
{
	const uint32_t modes = MCP_CAP_ELICITATION_FORM | MCP_CAP_ELICITATION_URL;
	uint32_t bits = read_caps(raw, client_caps, ARRAY_LEN(client_caps));

	/* MCP 2025-11-25 client/elicitation: "an empty capabilities object is equivalent to
	 * declaring support for form mode only" */
	return (bits & MCP_CAP_ELICITATION) && !(bits & modes) ? bits | MCP_CAP_ELICITATION_FORM
							       : bits;
}

static void write_caps(struct json_writer *w, uint32_t bits, enum mcp_version v,
		       const struct cap *caps, size_t n)
{
	json_w_object(w);
	for (size_t i = 0; i < n; i++) {
		if (!(bits & caps[i].bit) || v < caps[i].since ||
		    (caps[i].until && v > caps[i].until)) {
			continue;
		}
		json_w_key(w, caps[i].name);
		json_w_object(w);
		for (size_t k = 0; k < 2; k++) {
			if (bits & caps[i].sub[k].bit) {
				json_w_member_raw(w, caps[i].sub[k].name,
						  caps[i].sub_is_object ? STR("{}") : STR("true"));
			}
		}
		if (caps[i].always.n) {
			json_w_member_raw(w, STR("requests"), caps[i].always);
		}
		json_w_end(w);
	}
	json_w_end(w);
}

void mcp_client_capabilities_write(struct buf *out, uint32_t capabilities, enum mcp_version v)
{
	struct json_writer w = json_writer(out);

	write_caps(&w, capabilities, v, client_caps, ARRAY_LEN(client_caps));
}

static struct str cut(struct str s, size_t max)
{
	if (s.n <= max) {
		return s;
	}
	/* not inside a character */
	while (max && ((unsigned char)s.p[max] & 0xc0) == 0x80) {
		max--;
	}
	return str_make(s.p, max);
}

/* The name and version of an Implementation object; absent members give empty text. */
static enum err_code read_peer(struct arena *a, struct str raw, struct mcp_peer *ret,
			       struct err *err)
{
	static const struct str names[] = {STR_INIT("name"), STR_INIT("version")};
	struct str spans[2], text[2] = {{NULL, 0}};

	(void)json_scan_members(raw, names, 2, spans, NULL);
	for (size_t i = 0; i < 2; i++) {
		if (spans[i].p && json_raw_type(spans[i]) == JSON_STRING) {
			TRY(json_unquote(a, spans[i], &text[i], err));
			text[i] = arena_dup(a, cut(text[i], MCP_PEER_NAME_MAX));
		}
	}
	*ret = (struct mcp_peer){.name = text[0], .version = text[1]};
	return ERR_OK;
}

static bool is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

/* The members of either hello; `info` is "clientInfo" or "serverInfo". */
static enum err_code read_hello(struct arena *a, struct str object, struct str info,
				struct str *ret_version, struct str *ret_caps,
				struct mcp_peer *ret_peer, struct err *err)
{
	const struct str names[] = {STR("protocolVersion"), STR("capabilities"), info};
	struct str spans[ARRAY_LEN(names)];

	if (!object.p || !mcp_pick(a, object, names, ARRAY_LEN(names), spans) ||
	    !is_type(spans[0], JSON_STRING)) {
		return ERR(err, ERR_INVALID, "protocolVersion is missing");
	}
	if (!is_type(spans[1], JSON_OBJECT) || !is_type(spans[2], JSON_OBJECT)) {
		return ERR(err, ERR_INVALID, "capabilities or " STR_FMT " is missing",
			   STR_ARG(info));
	}
	TRY(json_unquote(a, spans[0], ret_version, err));
	TRY(read_peer(a, spans[2], ret_peer, err));
	*ret_caps = spans[1];
	return ERR_OK;
}

enum err_code mcp_client_hello_parse(struct arena *a, const struct mcp_msg *m,
				     struct mcp_client_hello *ret, struct err *err)
{
	struct str version, caps;
	struct mcp_peer peer;

	TRY(read_hello(a, m->params, STR("clientInfo"), &version, &caps, &peer, err));
	*ret = (struct mcp_client_hello){.version = mcp_version_negotiate(version),
					 .capabilities = mcp_client_capabilities(caps) &
							 ~MCP_CAP_CLIENT_EXT_TASKS,
					 .peer = peer};
	return ERR_OK;
}

enum err_code mcp_server_hello_parse(struct arena *a, struct str result,
				     struct mcp_server_hello *ret, struct err *err)
{
	const struct str name = STR("instructions");
	struct str version, caps, text = {NULL, 0}, raw;
	struct mcp_peer peer;
	enum mcp_version v;

	TRY(read_hello(a, result, STR("serverInfo"), &version, &caps, &peer, err));
	v = mcp_version_find(version);
	if (!mcp_version_is_legacy(v)) {
		return ERR(err, ERR_UNSUPPORTED, "the server answers with revision \"" STR_FMT "\"",
			   STR_ARG(cut(version, MCP_PEER_NAME_MAX)));
	}
	(void)json_scan_members(result, &name, 1, &raw, NULL);
	if (is_type(raw, JSON_STRING)) {
		TRY(json_unquote(a, raw, &text, err));
		text = arena_dup(a, text);
	}
	*ret = (struct mcp_server_hello){.version = v,
					 .capabilities =
						 mcp_server_capabilities(caps) & ~MCP_CAP_EXT_TASKS,
					 .peer = peer,
					 .instructions = text};
	return ERR_OK;
}

void mcp_server_info(struct buf *out)
{
	buf_append(out, SERVER_INFO);
}

/* Each line quoted; control characters dropped, but for the line ends. */
static void quote_lines(struct buf *to, struct str text)
{
	bool start = true;

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (start) {
			buf_append(to, STR("> "));
			start = false;
		}
		if (c == '\n') {
			start = true;
		} else if (c == 0xc2 && i + 1 < text.n && (unsigned char)text.p[i + 1] < 0xa0) {
			i++; /* U+0080 to U+009F */
			continue;
		} else if (c == 0xe2 && i + 2 < text.n && text.p[i + 1] == '\x80' &&
			   (text.p[i + 2] == '\xa8' || text.p[i + 2] == '\xa9')) {
			i += 2; /* U+2028, U+2029: line ends to some */
			buf_append_c(to, '\n');
			start = true;
			continue;
		} else if (c < 0x20 || c == 0x7f) {
			c = ' ';
		}
		buf_append_c(to, (char)c);
	}
	if (!start) {
		buf_append_c(to, '\n');
	}
}

static void write_instructions(struct json_writer *w, const struct mcp_offer *offer)
{
	size_t left = MCP_INSTRUCTIONS_ALL;
	struct buf text;

	/* quoting at most triples a text of line ends only */
	buf_init(&text, (size_t)4 * MCP_INSTRUCTIONS_ALL + offer->n_instructions * 256);
	for (size_t i = 0; i < offer->n_instructions && left; i++) {
		const struct mcp_instructions *s = &offer->instructions[i];
		struct str part =
			cut(s->text, left < MCP_INSTRUCTIONS_EACH ? left : MCP_INSTRUCTIONS_EACH);

		if (s->text.n == 0) {
			continue;
		}
		buf_append(&text, STR("Instructions of the server \""));
		buf_append(&text, s->server);
		buf_append(&text, STR("\":\n"));
		quote_lines(&text, part);
		if (part.n < s->text.n) {
			buf_append(&text, STR("(cut here)\n"));
		}
		left -= part.n;
	}
	if (text.failed) {
		w->out->failed = true;
	}
	if (buf_len(&text)) {
		json_w_member_str(w, STR("instructions"), buf_str(&text));
	}
	buf_done(&text);
}

static void begin_answer(struct buf *out, struct str id)
{
	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append(out, id);
	buf_append(out, STR(",\"result\":"));
}

void mcp_initialize_answer(struct buf *out, struct str id, enum mcp_version v,
			   const struct mcp_offer *offer)
{
	struct json_writer w = json_writer(out);

	begin_answer(out, id);
	json_w_object(&w);
	json_w_member_str(&w, STR("protocolVersion"), mcp_version_name(v));
	json_w_key(&w, STR("capabilities"));
	write_caps(&w, offer->capabilities & MCP_CAP_ROUTED, v, server_caps,
		   ARRAY_LEN(server_caps));
	json_w_member_raw(&w, STR("serverInfo"), SERVER_INFO);
	write_instructions(&w, offer);
	json_w_end(&w);
	buf_append_c(out, '}');
}

void mcp_discover_answer(struct buf *out, struct str id, const struct mcp_offer *offer)
{
	struct json_writer w = json_writer(out);

	begin_answer(out, id);
	json_w_object(&w);
	json_w_member_str(&w, STR("resultType"), STR("complete"));
	json_w_member_u64(&w, STR("ttlMs"), 0);
	json_w_member_str(&w, STR("cacheScope"), STR("private"));
	json_w_key(&w, STR("supportedVersions"));
	json_w_array(&w);
	json_w_str(&w, mcp_version_name(MCP_MODERN));
	json_w_end(&w);
	json_w_key(&w, STR("capabilities"));
	write_caps(&w, offer->capabilities & MCP_CAP_ROUTED, MCP_MODERN, server_caps,
		   ARRAY_LEN(server_caps));
	write_instructions(&w, offer);
	json_w_key(&w, STR("_meta"));
	json_w_object(&w);
	json_w_member_raw(&w, STR("io.modelcontextprotocol/serverInfo"), SERVER_INFO);
	json_w_end(&w);
	json_w_end(&w);
	buf_append_c(out, '}');
}

void mcp_empty_answer(struct buf *out, struct str id, enum mcp_version v)
{
	begin_answer(out, id);
	buf_append(out, v == MCP_MODERN ? STR("{\"resultType\":\"complete\"}}") : STR("{}}"));
}

static void begin_call(struct buf *out, uint64_t id, struct str method)
{
	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append_u64(out, id);
	buf_append(out, STR(",\"method\":\""));
	buf_append(out, method);
	buf_append_c(out, '"');
}

void mcp_initialize_request(struct buf *out, uint64_t id, enum mcp_version v, uint32_t capabilities)
{
	struct json_writer w = json_writer(out);

	begin_call(out, id, STR("initialize"));
	buf_append(out, STR(",\"params\":"));
	json_w_object(&w);
	json_w_member_str(&w, STR("protocolVersion"), mcp_version_name(v));
	json_w_key(&w, STR("capabilities"));
	write_caps(&w, capabilities, v, client_caps, ARRAY_LEN(client_caps));
	json_w_member_raw(&w, STR("clientInfo"), SERVER_INFO);
	json_w_end(&w);
	buf_append_c(out, '}');
}

void mcp_initialized_notification(struct buf *out)
{
	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"));
}

void mcp_list_request(struct buf *out, uint64_t id, enum mcp_method m, struct str cursor)
{
	begin_call(out, id, mcp_method_info(m)->name);
	if (cursor.p) {
		buf_append(out, STR(",\"params\":{\"cursor\":"));
		buf_append(out, cursor);
		buf_append_c(out, '}');
	}
	buf_append_c(out, '}');
}

void mcp_cancel_notification(struct buf *out, uint64_t id)
{
	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
			    "\"params\":{\"requestId\":"));
	buf_append_u64(out, id);
	buf_append(out, STR("}}"));
}

void mcp_ping_request(struct buf *out, uint64_t id)
{
	begin_call(out, id, STR("ping"));
	buf_append_c(out, '}');
}
