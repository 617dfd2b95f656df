/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2_head.h"

static const struct str names[H2_PSEUDO_MAX] = {
	[H2_METHOD] = STR_INIT(":method"),       [H2_SCHEME] = STR_INIT(":scheme"),
	[H2_AUTHORITY] = STR_INIT(":authority"), [H2_PATH] = STR_INIT(":path"),
	[H2_STATUS] = STR_INIT(":status"),
};

void h2_head_begin(struct h2_head *h, bool response, struct buf *text, struct buf *pseudo)
{
	*h = (struct h2_head){.text = text, .pseudo = pseudo, .response = response};
	buf_clear(text);
	buf_clear(pseudo);
}

static struct str value_of(const struct h2_head *h, enum h2_pseudo p)
{
	struct str all = buf_str(h->pseudo);

	return h->values[p].set ? str_make(all.p + h->values[p].at, h->values[p].n)
				: str_make(NULL, 0);
}

/* No space and no control: it will stand between spaces. */
static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c == 0x7f) {
			return false;
		}
	}
	return s.n != 0;
}

static void add_pseudo(struct h2_head *h, struct str name, struct str value)
{
	for (unsigned p = 0; p < H2_PSEUDO_MAX; p++) {
		if (!str_eq(name, names[p])) {
			continue;
		}
		if (h->started || h->values[p].set || (p == H2_STATUS) != h->response ||
		    !is_word(value)) {
			break;
		}
		h->values[p].set = true;
		h->values[p].at = (uint32_t)buf_len(h->pseudo);
		h->values[p].n = (uint32_t)value.n;
		buf_append(h->pseudo, value);
		return;
	}
	h->malformed = true;
}

static void start_request(struct h2_head *h)
{
	struct str method = value_of(h, H2_METHOD), path = value_of(h, H2_PATH);
	struct str scheme = value_of(h, H2_SCHEME), authority = value_of(h, H2_AUTHORITY);
	bool connect = str_eq(method, STR("CONNECT"));

	/* Section 8.5: of CONNECT the authority is the target, and there is nothing else. */
	if (connect ? path.n || scheme.n || !authority.n
		    : !method.n ||
			      (!str_eq(scheme, STR("http")) && !str_eq(scheme, STR("https"))) ||
			      !path.n || (path.p[0] != '/' && !str_eq(path, STR("*")))) {
		h->malformed = true;
		return;
	}
	buf_append(h->text, method);
	buf_append_c(h->text, ' ');
	buf_append(h->text, connect ? authority : path);
	buf_append(h->text, STR(" HTTP/1.1\r\n"));
	if (authority.n) {
		buf_append(h->text, STR("host: "));
		buf_append(h->text, authority);
		buf_append(h->text, STR("\r\n"));
	}
}

static void start_response(struct h2_head *h)
{
	if (!h->values[H2_STATUS].set) {
		h->malformed = true;
		return;
	}
	buf_append(h->text, STR("HTTP/1.1 "));
	buf_append(h->text, value_of(h, H2_STATUS));
	buf_append(h->text, STR(" \r\n"));
}

static void start(struct h2_head *h)
{
	if (h->started) {
		return;
	}
	h->started = true;
	if (h->response) {
		start_response(h);
	} else {
		start_request(h);
	}
}

static bool has_capitals(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 'A' && s.p[i] <= 'Z') {
			return true;
		}
	}
	return false;
}

/* Whether the field goes on; section 8.2.2: of the fields of a connection only one TE may come. */
static bool admit(struct h2_head *h, struct str name, struct str value)
{
	struct str authority = value_of(h, H2_AUTHORITY);
	enum http_field_id id = http_field_find(name);

	if (id == HTTP_F_HOST && authority.n) {
		h->malformed |= !str_eq(value, authority); /* section 8.3.1 */
		return false;
	}
	if (id == HTTP_F_TE) {
		h->malformed |= !str_eq(value, STR("trailers"));
		return false;
	}
	if (id == HTTP_F_CONNECTION || id == HTTP_F_KEEP_ALIVE || id == HTTP_F_PROXY_CONNECTION ||
	    id == HTTP_F_TRANSFER_ENCODING || id == HTTP_F_UPGRADE) {
		h->malformed = true;
		return false;
	}
	return true;
}

void h2_head_add(struct h2_head *h, struct str name, struct str value)
{
	if (h->malformed || h->too_large) {
		return;
	}
	if (buf_len(h->text) + buf_len(h->pseudo) + name.n + value.n + 4 > H1_MAX_HEAD) {
		h->too_large = true;
		return;
	}
	if (name.n && name.p[0] == ':') {
		add_pseudo(h, name, value);
		return;
	}
	start(h);
	if (!http_is_token(name) || has_capitals(name) || !http_is_value(value)) {
		h->malformed = true;
		return;
	}
	if (admit(h, name, value)) {
		buf_append(h->text, name);
		buf_append(h->text, STR(": "));
		buf_append(h->text, value);
		buf_append(h->text, STR("\r\n"));
	}
}

enum h1_result h2_head_end(struct h2_head *h, struct h1_head *ret, bool ends, struct err *err)
{
	enum h1_result r;

	if (!h->too_large) {
		start(h);
		buf_append(h->text, STR("\r\n"));
	}
	if (h->malformed || h->text->failed || h->pseudo->failed) {
		ret->status = 0;
		err_ignore(ERR(err, ERR_SYNTAX, "malformed HTTP/2 head"));
		return H1_BAD;
	}
	if (h->too_large) {
		ret->status = 431;
		err_ignore(ERR(err, ERR_LIMIT, "head larger than %d bytes", H1_MAX_HEAD));
		return H1_BAD;
	}
	r = h1_parse(ret, buf_str(h->text), err);
	if (r == H1_PARTIAL) {
		ret->status = 0;
		return H1_BAD; /* cannot be: an empty line ends it */
	}
	if (r == H1_DONE && ret->framing != HTTP_LENGTH) {
		ret->framing = ends || (ret->response && ret->framing == HTTP_NO_BODY)
				       ? HTTP_NO_BODY
				       : HTTP_CHUNKED;
	}
	return r;
}
