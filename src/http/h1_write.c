/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_write.h"

struct str http_reason(int status)
{
	static const struct {
		int status;
		struct str text;
	} reasons[] = {
		{100, STR_INIT("Continue")},
		{101, STR_INIT("Switching Protocols")},
		{200, STR_INIT("OK")},
		{201, STR_INIT("Created")},
		{202, STR_INIT("Accepted")},
		{204, STR_INIT("No Content")},
		{304, STR_INIT("Not Modified")},
		{307, STR_INIT("Temporary Redirect")},
		{308, STR_INIT("Permanent Redirect")},
		{400, STR_INIT("Bad Request")},
		{401, STR_INIT("Unauthorized")},
		{403, STR_INIT("Forbidden")},
		{404, STR_INIT("Not Found")},
		{405, STR_INIT("Method Not Allowed")},
		{406, STR_INIT("Not Acceptable")},
		{408, STR_INIT("Request Timeout")},
		{409, STR_INIT("Conflict")},
		{413, STR_INIT("Content Too Large")},
		{414, STR_INIT("URI Too Long")},
		{415, STR_INIT("Unsupported Media Type")},
		{417, STR_INIT("Expectation Failed")},
		{421, STR_INIT("Misdirected Request")},
		{429, STR_INIT("Too Many Requests")},
		{431, STR_INIT("Request Header Fields Too Large")},
		{500, STR_INIT("Internal Server Error")},
		{501, STR_INIT("Not Implemented")},
		{502, STR_INIT("Bad Gateway")},
		{503, STR_INIT("Service Unavailable")},
		{504, STR_INIT("Gateway Timeout")},
		{505, STR_INIT("HTTP Version Not Supported")},
	};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].status == status) {
			return reasons[i].text;
		}
	}
	return STR("Status");
}

static bool is_visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f) {
			return false;
		}
	}
	return s.n != 0;
}

static char *put(char *to, struct str s)
{
	memcpy(to, s.p, s.n);
	return to + s.n;
}

static void write_field(struct buf *out, const struct http_field *f)
{
	size_t n = f->name.n + f->value.n + strlen(": \r\n");
	char *to = buf_reserve(out, n);

	if (to) {
		to = put(to, f->name);
		to = put(to, STR(": "));
		to = put(to, f->value);
		(void)put(to, STR("\r\n"));
		buf_commit(out, n);
	}
}

static enum err_code write_fields(struct buf *out, const struct h1_out *h, struct err *err)
{
	bool connection = false;

	for (size_t i = 0; i < h->n_fields; i++) {
		connection |= http_field_find(h->fields[i].name) == HTTP_F_CONNECTION;
	}
	for (size_t i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];
		enum http_field_id id = http_field_find(f->name);

		/* The names in the table of known ones are tokens. */
		if ((id == HTTP_F_UNKNOWN && !http_is_token(f->name)) || !http_is_value(f->value)) {
			return ERR(err, ERR_INVALID, "field %zu cannot be written", i);
		}
		if ((http_field_flags(id) & HTTP_FIELD_HOP) ||
		    (id == HTTP_F_DATE && h->date.n != 0) ||
		    (connection && http_field_is_connections(h->fields, h->n_fields, f->name))) {
			continue;
		}
		write_field(out, f);
	}
	return ERR_OK;
}

static void write_framing(struct buf *out, const struct h1_out *h)
{
	if (h->upgrade.n) {
		write_field(out, &(struct http_field){STR("Connection"), STR("Upgrade")});
		write_field(out, &(struct http_field){STR("Upgrade"), h->upgrade});
		return;
	}
	switch (h->framing) {
	case HTTP_NO_BODY:
		if (!h->no_length) {
			buf_append(out, STR("Content-Length: 0\r\n"));
		}
		break;
	case HTTP_LENGTH:
		buf_append(out, STR("Content-Length: "));
		buf_append_u64(out, h->body_len);
		buf_append(out, STR("\r\n"));
		break;
	case HTTP_CHUNKED:
		buf_append(out, STR("Transfer-Encoding: chunked\r\n"));
		break;
	case HTTP_UNTIL_CLOSE:
		break;
	}
	if (h->close || h->framing == HTTP_UNTIL_CLOSE) {
		buf_append(out, STR("Connection: close\r\n"));
	}
}

static enum err_code write_request_line(struct buf *out, const struct h1_out *h, struct err *err)
{
	if (!http_is_token(h->method) || !is_visible(h->target) || !is_visible(h->host)) {
		return ERR(err, ERR_INVALID, "method, target or host cannot be written");
	}
	buf_append(out, h->method);
	buf_append_c(out, ' ');
	buf_append(out, h->target);
	buf_append(out, STR(" HTTP/1.1\r\nHost: "));
	buf_append(out, h->host);
	buf_append(out, STR("\r\n"));
	return ERR_OK;
}

static enum err_code write_status_line(struct buf *out, const struct h1_out *h, struct err *err)
{
	if (h->status < 100 || h->status > 999) {
		return ERR(err, ERR_INVALID, "status %d", h->status);
	}
	buf_append(out, STR("HTTP/1.1 "));
	buf_append_u64(out, (uint64_t)h->status);
	buf_append_c(out, ' ');
	buf_append(out, http_reason(h->status));
	buf_append(out, STR("\r\n"));
	if (h->date.n) {
		buf_append(out, STR("Date: "));
		buf_append(out, h->date);
		buf_append(out, STR("\r\n"));
	}
	return ERR_OK;
}

static enum err_code write_all(struct buf *out, const struct h1_out *h, struct err *err)
{
	if (h->upgrade.n && !http_is_token(h->upgrade)) {
		return ERR(err, ERR_INVALID, "the protocol cannot be written");
	}
	TRY(h->method.n ? write_request_line(out, h, err) : write_status_line(out, h, err));
	TRY(write_fields(out, h, err));
	write_framing(out, h);
	buf_append(out, STR("\r\n"));
	if (out->failed) {
		return ERR(err, ERR_LIMIT, "message head does not fit its buffer");
	}
	return ERR_OK;
}

enum err_code h1_head_write(struct buf *out, const struct h1_out *h, struct err *err)
{
	size_t before = buf_len(out);
	enum err_code code = write_all(out, h, err);

	if (code) {
		out->end = out->start + before; /* nothing was consumed meanwhile */
	}
	return code;
}
