/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/error.h"

static const struct mcp_error_info errors[MCP_ERROR_MAX] = {
#define X(id, legacy, modern, http_legacy, http_modern, text_)                                     \
	[MCP_ERROR_##id] = {.code = {(legacy), (modern)},                                          \
			    .http_status = {(http_legacy), (http_modern)},                         \
			    .text = STR_INIT(text_)},
	MCP_ERRORS(X)
#undef X
};

const struct mcp_error_info *mcp_error_info(enum mcp_error e)
{
	ASSERT(e > MCP_ERROR_NONE && e < MCP_ERROR_MAX);
	return &errors[e];
}

void mcp_error_append_data(struct buf *out, struct str id, enum mcp_error e, enum mcp_version v,
			   struct str data)
{
	const struct mcp_error_info *i = mcp_error_info(e);

	buf_append(out, STR("{\"jsonrpc\":\"2.0\","));
	if (id.n) {
		buf_append(out, STR("\"id\":"));
		buf_append(out, id);
		buf_append_c(out, ',');
	}
	buf_append(out, STR("\"error\":{\"code\":"));
	buf_append_i64(out, i->code[mcp_era(v)]);
	/* the texts of the table hold nothing that JSON would escape */
	buf_append(out, STR(",\"message\":\""));
	buf_append(out, i->text);
	buf_append_c(out, '"');
	if (data.n) {
		buf_append(out, STR(",\"data\":"));
		buf_append(out, data);
	}
	buf_append(out, STR("}}"));
}

void mcp_error_append(struct buf *out, struct str id, enum mcp_error e, enum mcp_version v)
{
	mcp_error_append_data(out, id, e, v, str_make(NULL, 0));
}

void mcp_error_append_version(struct buf *out, struct str id, struct str requested)
{
	struct buf data;

	buf_init(&data, 512);
	buf_append(&data, STR("{\"supported\":[\""));
	buf_append(&data, mcp_version_name(MCP_MODERN));
	buf_append(&data, STR("\"]"));
	if (requested.n && requested.n <= 64) {
		buf_append(&data, STR(",\"requested\":"));
		buf_append(&data, requested);
	}
	buf_append_c(&data, '}');
	if (data.failed) {
		out->failed = true;
	}
	mcp_error_append_data(out, id, MCP_ERROR_UNSUPPORTED_VERSION, MCP_MODERN, buf_str(&data));
	buf_done(&data);
}
