/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line by line: a line is judged when its LF is there, so a piece more or less
 * at the end cannot change what was said about the lines before it.
 */
#include "http/h1_parse.h"

static const struct str method_names[] = {
	[HTTP_OTHER] = STR_INIT(""),          [HTTP_GET] = STR_INIT("GET"),
	[HTTP_HEAD] = STR_INIT("HEAD"),       [HTTP_POST] = STR_INIT("POST"),
	[HTTP_PUT] = STR_INIT("PUT"),         [HTTP_DELETE] = STR_INIT("DELETE"),
	[HTTP_OPTIONS] = STR_INIT("OPTIONS"), [HTTP_PATCH] = STR_INIT("PATCH"),
	[HTTP_CONNECT] = STR_INIT("CONNECT"), [HTTP_TRACE] = STR_INIT("TRACE"),
};

void h1_head_init(struct h1_head *h, bool response, struct http_field *fields, size_t max_fields)
{
	*h = (struct h1_head){
		.response = response,
		.fields = fields,
		.max_fields = max_fields < H1_MAX_FIELDS ? max_fields : H1_MAX_FIELDS,
	};
}

/* status is what a server answers to this fault. */
#define BAD(h, answer, err, ...)                                                                   \
	((h)->status = (answer), err_ignore(ERR((err), ERR_SYNTAX, __VA_ARGS__)), H1_BAD)

static enum http_method method_find(struct str text)
{
	for (size_t i = HTTP_GET; i < ARRAY_LEN(method_names); i++) {
		if (str_eq(method_names[i], text)) {
			return (enum http_method)i;
		}
	}
	return HTTP_OTHER;
}

static enum h1_result read_version(struct h1_head *h, struct str v, struct err *err)
{
	if (v.n == 8 && str_starts_with(v, STR("HTTP/1.")) && (v.p[7] == '1' || v.p[7] == '0')) {
		h->minor = v.p[7] == '1';
		h->keep_alive = h->minor;
		return H1_DONE;
	}
	if (v.n == 8 && str_starts_with(v, STR("HTTP/")) && v.p[6] == '.' && v.p[5] >= '0' &&
	    v.p[5] <= '9' && v.p[7] >= '0' && v.p[7] <= '9') {
		return BAD(h, 505, err, "HTTP version other than 1.0 and 1.1");
	}
	return BAD(h, 400, err, "no HTTP version");
}

/* Visible ASCII without '#': what RFC 3986 allows and what nobody rewrites on the way. */
static bool is_target(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '#') {
			return false;
		}
	}
	return s.n != 0;
}

/* uri-host [ ":" port ]: no user information, no path, no list. */
static bool is_authority(struct str s)
{
	static const char marks[] = "-._~%!$&'()*+;=:[]";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		if (!alnum && (c == '\0' || !strchr(marks, c))) {
			return false;
		}
	}
	return s.n != 0;
}

static void split_query(struct h1_head *h, struct str from)
{
	size_t mark = str_find(from, '?');

	h->path = str_make(from.p, mark);
	h->query = str_from(from, mark < from.n ? mark + 1 : mark);
}

/* scheme "://" authority path */
static bool read_absolute(struct h1_head *h)
{
	size_t colon = str_find_str(h->target, STR("://"));
	struct str scheme = str_make(h->target.p, colon), rest = str_from(h->target, colon + 3);
	size_t end = 0;

	if (!str_ieq(scheme, STR("http")) && !str_ieq(scheme, STR("https"))) {
		return false;
	}
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?') {
		end++;
	}
	h->form = HTTP_FORM_ABSOLUTE;
	h->authority = str_make(rest.p, end);
	split_query(h, str_from(rest, end));
	if (h->path.n == 0) {
		h->path = STR("/"); /* RFC 9110 section 4.2.3: an empty path means this one */
	}
	return is_authority(h->authority);
}

static bool read_target(struct h1_head *h)
{
	if (!is_target(h->target)) {
		return false;
	}
	if (h->method == HTTP_CONNECT) {
		h->form = HTTP_FORM_AUTHORITY;
		h->authority = h->target;
		return is_authority(h->target);
	}
	if (h->target.p[0] == '/') {
		h->form = HTTP_FORM_ORIGIN;
		split_query(h, h->target);
		return true;
	}
	if (str_eq(h->target, STR("*"))) {
		h->form = HTTP_FORM_ASTERISK;
		return h->method == HTTP_OPTIONS;
	}
	return read_absolute(h);
}

/* method SP request-target SP HTTP-version (RFC 9112 section 3) */
static enum h1_result read_request_line(struct h1_head *h, struct str line, struct err *err)
{
	struct str rest = line;

	h->method_text = str_cut(&rest, ' ');
	h->target = str_cut(&rest, ' ');
	if (!http_is_token(h->method_text)) {
		return BAD(h, 400, err, "method is not a token");
	}
	if (h->target.n > H1_MAX_TARGET) {
		return BAD(h, 414, err, "target longer than %d bytes", H1_MAX_TARGET);
	}
	if (!rest.p) {
		return BAD(h, 400, err, "request line without a version");
	}
	h->method = method_find(h->method_text);
	if (!read_target(h)) {
		return BAD(h, 400, err, "target is of no known form");
	}
	return read_version(h, rest, err);
}

/* HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 section 4) */
static enum h1_result read_status_line(struct h1_head *h, struct str line, struct err *err)
{
	struct str rest = line, version = str_cut(&rest, ' '), code;
	bool spaced = rest.p != NULL;
	uint64_t status;
	enum h1_result r = read_version(h, version, err);

	if (r != H1_DONE) {
		return r;
	}
	code = str_cut(&rest, ' ');
	/* Some servers leave out the last space with the reason; nothing depends on it. */
	if (!spaced || code.n != 3 || !str_to_u64(code, &status) || status < 100 ||
	    !http_is_value(rest)) {
		return BAD(h, 502, err, "malformed status line");
	}
	h->status = (int)status;
	h->reason = rest;
	return H1_DONE;
}

static enum h1_result read_field(struct h1_head *h, struct str line, struct err *err)
{
	size_t colon = str_find(line, ':');
	struct http_field f = {.name = str_make(line.p, colon)};
	enum http_field_id id;

	if (colon == line.n || !http_is_token(f.name)) {
		return BAD(h, 400, err, "field name is not a token followed by a colon");
	}
	f.value = str_trim(str_from(line, colon + 1));
	if (!http_is_value(f.value)) {
		return BAD(h, 400, err, "control character in a field value");
	}
	if (h->n_fields == h->max_fields) {
		return BAD(h, 431, err, "more than %zu fields", h->max_fields);
	}
	h->fields[h->n_fields++] = f;
	id = http_field_find(f.name);
	if (id == HTTP_F_UNKNOWN) {
		return H1_DONE;
	}
	if (h->known[id] == 0) {
		h->known[id] = (uint8_t)h->n_fields;
		return H1_DONE;
	}
	if ((http_field_flags(id) & HTTP_FIELD_ONE) &&
	    (!h->response || (http_field_flags(id) & HTTP_FIELD_HOP))) {
		return BAD(h, 400, err, "second " STR_FMT " field", STR_ARG(f.name));
	}
	return H1_DONE;
}

static enum h1_result read_first_line(struct h1_head *h, struct str line, struct err *err)
{
	h->first_done = true;
	return h->response ? read_status_line(h, line, err) : read_request_line(h, line, err);
}

/* RFC 9112 section 6.1 and 6.3; only what leaves no doubt. */
static enum h1_result read_framing(struct h1_head *h, struct err *err)
{
	struct str te = h1_get(h, HTTP_F_TRANSFER_ENCODING);
	struct str length = h1_get(h, HTTP_F_CONTENT_LENGTH);

	if (h->known[HTTP_F_TRANSFER_ENCODING] && h->known[HTTP_F_CONTENT_LENGTH]) {
		return BAD(h, 400, err, "Transfer-Encoding together with Content-Length");
	}
	if (h->known[HTTP_F_TRANSFER_ENCODING]) {
		if (!h->minor) {
			return BAD(h, 400, err, "Transfer-Encoding in HTTP/1.0");
		}
		if (!str_ieq(te, STR("chunked"))) {
			return BAD(h, http_is_token(te) ? 501 : 400, err,
				   "Transfer-Encoding other than chunked");
		}
		h->framing = HTTP_CHUNKED;
	} else if (h->known[HTTP_F_CONTENT_LENGTH]) {
		if (length.n > 18 || !str_to_u64(length, &h->body_len)) {
			return BAD(h, 400, err, "Content-Length is not a number");
		}
		h->framing = h->body_len ? HTTP_LENGTH : HTTP_NO_BODY;
	} else {
		h->framing = h->response ? HTTP_UNTIL_CLOSE : HTTP_NO_BODY;
	}
	return H1_DONE;
}

static void read_connection(struct h1_head *h)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		struct str list = h->fields[i].value;

		if (http_field_find(h->fields[i].name) != HTTP_F_CONNECTION) {
			continue;
		}
		if (http_list_has(list, STR("close"))) {
			h->keep_alive = false;
			return;
		}
		if (!h->minor && http_list_has(list, STR("keep-alive"))) {
			h->keep_alive = true;
		}
	}
}

/* Clients leave the usual port out of one of them. In "host:8080:80" it is no port. */
static struct str without_port(struct str authority)
{
	struct str host = str_make(authority.p, authority.n > 3 ? authority.n - 3 : 0);
	bool port = str_ends_with(authority, STR(":80")) && host.n &&
		    (str_ends_with(host, STR("]")) || str_find(host, ':') == host.n);

	return port ? host : authority;
}

static bool same_authority(struct str a, struct str b)
{
	return str_ieq(a, b) || str_ieq(without_port(a), without_port(b));
}

static enum h1_result check_host(struct h1_head *h, struct err *err)
{
	struct str host = h1_get(h, HTTP_F_HOST);

	/* Clients of HTTP/1.0 that ask for a tunnel leave it out; the target says it all. */
	if (!is_authority(host) && !(h->form == HTTP_FORM_AUTHORITY && !h->minor && !host.p)) {
		return BAD(h, 400, err, "no usable Host field");
	}
	if (h->form == HTTP_FORM_ABSOLUTE && !same_authority(host, h->authority)) {
		return BAD(h, 400, err, "Host is not the target's");
	}
	if (h->form != HTTP_FORM_AUTHORITY) {
		h->authority = host;
	}
	return H1_DONE;
}

static enum h1_result finish_request(struct h1_head *h, struct err *err)
{
	enum h1_result r = check_host(h, err);

	if (r != H1_DONE) {
		return r;
	}
	if (h->known[HTTP_F_EXPECT]) {
		if (!str_ieq(h1_get(h, HTTP_F_EXPECT), STR("100-continue"))) {
			return BAD(h, 417, err, "Expect other than 100-continue");
		}
		h->expect_continue = h->minor && h->framing != HTTP_NO_BODY;
	}
	return H1_DONE;
}

/* RFC 9112 section 6.3, cases 1 and 8: some answers have no body whatever their fields say. */
static enum h1_result finish_response(struct h1_head *h, struct err *err)
{
	if (h->status == 101 && !h->may_switch) {
		return BAD(h, 502, err, "a protocol switch nobody asked for");
	}
	if (h->answers_head || h->status < 200 || h->status == 204 || h->status == 304) {
		h->framing = HTTP_NO_BODY;
		h->body_len = 0;
	}
	h->keep_alive = h->keep_alive && h->framing != HTTP_UNTIL_CLOSE;
	return H1_DONE;
}

static enum h1_result finish(struct h1_head *h, struct err *err)
{
	enum h1_result r = read_framing(h, err);

	if (r != H1_DONE) {
		return r;
	}
	if (h->known[HTTP_F_CONNECTION]) {
		read_connection(h);
	}
	r = h->response ? finish_response(h, err) : finish_request(h, err);
	h->size = r == H1_DONE ? h->at : 0;
	return r;
}

/* The bytes moved: views of lines read before would dangle, so they are read again. */
static void restart(struct h1_head *h, const char *base)
{
	bool answers_head = h->answers_head, may_switch = h->may_switch;

	h1_head_init(h, h->response, h->fields, h->max_fields);
	h->answers_head = answers_head;
	h->may_switch = may_switch;
	h->base = base;
}

enum h1_result h1_parse(struct h1_head *h, struct str in, struct err *err)
{
	if (in.p != h->base) {
		restart(h, in.p);
	}
	if (h->size) {
		return H1_DONE;
	}
	while (h->at < in.n) {
		const char *start = in.p + h->at;
		const char *lf = memchr(start, '\n', in.n - h->at);
		size_t n = lf ? (size_t)(lf - start) : 0;
		enum h1_result r;

		if (!lf || (size_t)(lf - in.p) >= H1_MAX_HEAD) {
			break;
		}
		if (n == 0 || start[n - 1] != '\r') {
			return BAD(h, 400, err, "line does not end with CRLF");
		}
		h->at += n + 1;
		if (n == 1 && h->first_done) {
			return finish(h, err);
		}
		r = h->first_done ? read_field(h, str_make(start, n - 1), err)
				  : read_first_line(h, str_make(start, n - 1), err);
		if (r != H1_DONE) {
			return r;
		}
	}
	if (in.n >= H1_MAX_HEAD) {
		return BAD(h, h->first_done || h->response ? 431 : 414, err,
			   "head longer than %d bytes", H1_MAX_HEAD);
	}
	return H1_PARTIAL;
}

struct str h1_find(const struct h1_head *h, struct str name)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		if (str_ieq(h->fields[i].name, name)) {
			return h->fields[i].value;
		}
	}
	return str_make(NULL, 0);
}
