/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "http/h1_parse.h"

static struct http_field fields[H1_MAX_FIELDS];

static enum h1_result parse(struct h1_head *h, bool response, struct str in)
{
	h1_head_init(h, response, fields, H1_MAX_FIELDS);
	return h1_parse(h, in, NULL);
}

static enum h1_result parse_request(struct h1_head *h, const char *text)
{
	return parse(h, false, str_from_c(text));
}

/* The result when the bytes come one by one, in one place or moved each time. */
static enum h1_result parse_in_pieces(struct h1_head *h, bool response, struct str in, bool moving)
{
	static char room[2][64 * 1024];
	enum h1_result r = H1_PARTIAL;

	h1_head_init(h, response, fields, H1_MAX_FIELDS);
	for (size_t n = 1; n <= in.n && r == H1_PARTIAL; n++) {
		char *to = room[moving ? n % 2 : 0];

		memcpy(to, in.p, n);
		r = h1_parse(h, str_make(to, n), NULL);
	}
	return r;
}

static void check_splits(bool response, struct str in, enum h1_result want)
{
	struct h1_head whole, pieces;
	enum h1_result r = parse(&whole, response, in);

	assert_int_equal(r, want);
	for (int moving = 0; moving < 2; moving++) {
		assert_int_equal(parse_in_pieces(&pieces, response, in, moving != 0), r);
		assert_int_equal(pieces.status, whole.status);
		if (r == H1_DONE) {
			assert_int_equal(pieces.size, whole.size);
			assert_int_equal(pieces.n_fields, whole.n_fields);
			assert_int_equal(pieces.framing, whole.framing);
		}
	}
}

static void a_request_is_taken_apart(void **state)
{
	static const char text[] = "POST /mcp/a?x=1&y HTTP/1.1\r\n"
				   "Host: gate.example:8700\r\n"
				   "content-TYPE: \t application/json \r\n"
				   "Content-Length: 17\r\n"
				   "X-Empty:\r\n"
				   "X-Text: gr\xc3\xbc\xc3\x9f, \"a b\"\tc\r\n"
				   "Mcp-Session-Id: abc\r\n"
				   "\r\nrest";
	struct h1_head h;

	(void)state;
	assert_int_equal(parse_request(&h, text), H1_DONE);
	assert_int_equal(h.method, HTTP_POST);
	assert_str_equal(h.method_text, STR("POST"));
	assert_str_equal(h.target, STR("/mcp/a?x=1&y"));
	assert_str_equal(h.path, STR("/mcp/a"));
	assert_str_equal(h.query, STR("x=1&y"));
	assert_str_equal(h.authority, STR("gate.example:8700"));
	assert_int_equal(h.n_fields, 6);
	assert_str_equal(h1_get(&h, HTTP_F_CONTENT_TYPE), STR("application/json"));
	assert_str_equal(h1_get(&h, HTTP_F_MCP_SESSION_ID), STR("abc"));
	assert_null(h1_get(&h, HTTP_F_ORIGIN).p);
	assert_str_equal(h1_find(&h, STR("x-text")), STR("gr\xc3\xbc\xc3\x9f, \"a b\"\tc"));
	assert_non_null(h1_find(&h, STR("x-EMPTY")).p);
	assert_int_equal(h.framing, HTTP_LENGTH);
	assert_int_equal(h.body_len, 17);
	assert_true(h.keep_alive);
	assert_int_equal(h.size, sizeof(text) - 1 - 4);
	check_splits(false, STR("POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"),
		     H1_DONE);
}

/* The table of shapes that packaged parsers let through, each of which two readers could see
 * in two ways; all are refused at once and for every split. */
static void smuggling_shapes_in_requests_are_refused(void **state)
{
#define TOP "POST / HTTP/1.1\r\nHost: a\r\n"
	static const struct {
		const char *what;
		struct str text;
		int status;
	} rows[] = {
		{"bare LF line ends", STR_INIT("GET / HTTP/1.1\nHost: a\n\n"), 400},
		{"LF after the request line only", STR_INIT("GET / HTTP/1.1\nHost: a\r\n\r\n"),
		 400},
		{"LF after a field only", STR_INIT(TOP "X: y\nZ: y\r\n\r\n"), 400},
		{"bare CR in a value", STR_INIT(TOP "X: \rTransfer-Encoding: chunked\r\n\r\n"),
		 400},
		{"bare CR in a name", STR_INIT(TOP "X\rY: z\r\n\r\n"), 400},
		{"bare CR in the target", STR_INIT("GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"CR CR LF", STR_INIT(TOP "X: y\r\r\n\r\n"), 400},
		{"folded line", STR_INIT(TOP "X: y\r\n z\r\n\r\n"), 400},
		{"tab folded line", STR_INIT(TOP "X: y\r\n\tz\r\n\r\n"), 400},
		{"HTTP/0.9", STR_INIT("GET /\r\n"), 400},
		{"HTTP/2.0", STR_INIT("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505},
		{"HTTP/1.2", STR_INIT("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505},
		{"HTTP/01.1", STR_INIT("GET / HTTP/01.1\r\nHost: a\r\n\r\n"), 400},
		{"http/1.1", STR_INIT("GET / http/1.1\r\nHost: a\r\n\r\n"), 400},
		{"leading CRLF", STR_INIT("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"leading space", STR_INIT(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"two spaces", STR_INIT("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"two spaces before the version", STR_INIT("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
		 400},
		{"space behind the version", STR_INIT("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400},
		{"tab for a space", STR_INIT("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"TE in HTTP/1.0",
		 STR_INIT("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
		{"space before the colon", STR_INIT(TOP "Content-Length : 3\r\n\r\n"), 400},
		{"space in a name", STR_INIT(TOP "Content Length: 3\r\n\r\n"), 400},
		{"space before the first name", STR_INIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
		 400},
		{"no colon", STR_INIT(TOP "Content-Length\r\n\r\n"), 400},
		{"empty name", STR_INIT(TOP ": x\r\n\r\n"), 400},
		{"CL and TE",
		 STR_INIT(TOP "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
		{"TE and CL",
		 STR_INIT(TOP "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 400},
		{"two CL", STR_INIT(TOP "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"), 400},
		{"two equal CL", STR_INIT(TOP "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
		 400},
		{"CL list", STR_INIT(TOP "Content-Length: 3, 3\r\n\r\n"), 400},
		{"CL +2", STR_INIT(TOP "Content-Length: +2\r\n\r\n"), 400},
		{"CL -2", STR_INIT(TOP "Content-Length: -2\r\n\r\n"), 400},
		{"CL 2 2", STR_INIT(TOP "Content-Length: 2 2\r\n\r\n"), 400},
		{"CL 0x2", STR_INIT(TOP "Content-Length: 0x2\r\n\r\n"), 400},
		{"CL empty", STR_INIT(TOP "Content-Length:\r\n\r\n"), 400},
		{"CL overflow", STR_INIT(TOP "Content-Length: 18446744073709551617\r\n\r\n"), 400},
		{"NUL in a value", STR_INIT(TOP "X: a\0b\r\n\r\n"), 400},
		{"NUL in a name", STR_INIT(TOP "X\0: a\r\n\r\n"), 400},
		{"NUL in the target", STR_INIT("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"DEL in a value", STR_INIT(TOP "X: a\x7f\r\n\r\n"), 400},
		{"8-bit name", STR_INIT(TOP "X\xe4: a\r\n\r\n"), 400},
		{"8-bit target", STR_INIT("GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"TE xchunked", STR_INIT(TOP "Transfer-Encoding: xchunked\r\n\r\n"), 501},
		{"TE chunked, identity",
		 STR_INIT(TOP "Transfer-Encoding: chunked, identity\r\n\r\n"), 400},
		{"TE identity, chunked",
		 STR_INIT(TOP "Transfer-Encoding: identity, chunked\r\n\r\n"), 400},
		{"TE chunked twice",
		 STR_INIT(TOP "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
		 400},
		{"TE then identity",
		 STR_INIT(TOP "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
		 400},
		{"TE with a vertical tab",
		 STR_INIT(TOP "Transfer-Encoding: \x0b"
			      "chunked\r\n\r\n"),
		 400},
		{"TE quoted", STR_INIT(TOP "Transfer-Encoding: \"chunked\"\r\n\r\n"), 400},
		{"TE empty", STR_INIT(TOP "Transfer-Encoding:\r\n\r\n"), 400},
		{"missing Host", STR_INIT("GET / HTTP/1.1\r\nX: y\r\n\r\n"), 400},
		{"missing Host in 1.0", STR_INIT("GET / HTTP/1.0\r\n\r\n"), 400},
		{"two Hosts", STR_INIT(TOP "Host: b\r\n\r\n"), 400},
		{"empty Host", STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400},
		{"Host with user", STR_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400},
		{"Host with path", STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
		{"Host list", STR_INIT("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400},
		{"Host against an absolute target",
		 STR_INIT("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"two Authorizations", STR_INIT(TOP "Authorization: a\r\nAuthorization: b\r\n\r\n"),
		 400},
		{"two session ids", STR_INIT(TOP "Mcp-Session-Id: a\r\nmcp-session-id: a\r\n\r\n"),
		 400},
		{"Expect other", STR_INIT(TOP "Expect: 200-maybe\r\n\r\n"), 417},
		{"fragment", STR_INIT("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"asterisk for GET", STR_INIT("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"no slash", STR_INIT("GET x HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"method with colon", STR_INIT("G:T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
		{"a TLS hello", STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"), 400},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct h1_head h;

		if (parse(&h, false, rows[i].text) != H1_BAD || h.status != rows[i].status) {
			print_error("%s: status %d\n", rows[i].what, h.status);
			fail();
		}
		check_splits(false, rows[i].text, H1_BAD);
	}
}

static void smuggling_shapes_in_responses_are_refused(void **state)
{
#define OK "HTTP/1.1 200 OK\r\n"
	static const struct str rows[] = {
		STR_INIT("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"),
		STR_INIT(OK "X: y\n\r\n"),
		STR_INIT(OK "X: \rTransfer-Encoding: chunked\r\n\r\n"),
		STR_INIT(OK "X: y\r\n z\r\n\r\n"),
		STR_INIT(OK "Content-Length : 3\r\n\r\n"),
		STR_INIT(OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
		STR_INIT(OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
		STR_INIT(OK "Content-Length: +3\r\n\r\n"),
		STR_INIT(OK "Transfer-Encoding: xchunked\r\n\r\n"),
		STR_INIT(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"),
		STR_INIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
		STR_INIT(OK "X: a\0b\r\n\r\n"),
		STR_INIT("HTTP/2 200 OK\r\n\r\n"),
		STR_INIT("HTTP/1.1  200 OK\r\n\r\n"),
		STR_INIT("HTTP/1.1 20 OK\r\n\r\n"),
		STR_INIT("HTTP/1.1 2000 OK\r\n\r\n"),
		STR_INIT("HTTP/1.1 +20 OK\r\n\r\n"),
		STR_INIT("HTTP/1.1 099 OK\r\n\r\n"),
		STR_INIT("HTTP/1.1 200 O\rK\r\n\r\n"),
		STR_INIT("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
		STR_INIT("\r\nHTTP/1.1 200 OK\r\n\r\n"),
		STR_INIT("ICY 200 OK\r\n\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct h1_head h;

		if (parse(&h, true, rows[i]) != H1_BAD) {
			print_error("row %zu was accepted\n", i);
			fail();
		}
		check_splits(true, rows[i], H1_BAD);
	}
}

static void limits_hold_and_name_themselves(void **state)
{
	static char text[64 * 1024];
	struct h1_head h;
	int n;

	(void)state;
	n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 99; i++) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, "A: b\r\n");
	}
	assert_int_equal(parse(&h, false, str_make(text, (size_t)n)), H1_PARTIAL);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "A: b\r\n");
	assert_int_equal(parse(&h, false, str_make(text, (size_t)n)), H1_BAD);
	assert_int_equal(h.status, 431);

	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	assert_int_equal(parse(&h, false, str_make(text, H1_MAX_HEAD - 1)), H1_PARTIAL);
	assert_int_equal(parse(&h, false, str_make(text, H1_MAX_HEAD)), H1_BAD);
	assert_int_equal(h.status, 414);
	memcpy(text + 4 + H1_MAX_TARGET, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
	assert_int_equal(parse(&h, false, str_make(text, 4 + H1_MAX_TARGET + 22)), H1_DONE);
	memset(text + 4, 'a', H1_MAX_TARGET + 1);
	memcpy(text + 4, "/", 1);
	memcpy(text + 5 + H1_MAX_TARGET, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
	assert_int_equal(parse(&h, false, str_make(text, 5 + H1_MAX_TARGET + 22)), H1_BAD);
	assert_int_equal(h.status, 414);

	/* a head that ends exactly at the limit, and one that ends a byte later */
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
	memcpy(text + H1_MAX_HEAD - 4, "\r\n\r\n", 4);
	check_splits(false, str_make(text, H1_MAX_HEAD), H1_DONE);
	memcpy(text + H1_MAX_HEAD - 4, "a\r\n\r\n", 5);
	check_splits(false, str_make(text, H1_MAX_HEAD + 1), H1_BAD);
}

static void forms_of_targets_are_told_apart(void **state)
{
	struct h1_head h;

	(void)state;
	assert_int_equal(parse_request(&h, "GET http://A:80?q HTTP/1.1\r\nHost: a:80\r\n\r\n"),
			 H1_DONE);
	assert_int_equal(h.form, HTTP_FORM_ABSOLUTE);
	assert_str_equal(h.path, STR("/"));
	assert_str_equal(h.query, STR("q"));
	assert_int_equal(parse_request(&h, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), H1_DONE);
	assert_int_equal(h.form, HTTP_FORM_ASTERISK);
	assert_int_equal(parse_request(&h, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
			 H1_DONE);
	assert_int_equal(h.form, HTTP_FORM_AUTHORITY);
	assert_str_equal(h.authority, STR("a:443"));
	/* As Python's http.client asks. */
	assert_int_equal(parse_request(&h, "CONNECT a:443 HTTP/1.0\r\n\r\n"), H1_DONE);
	assert_int_equal(parse_request(&h, "CONNECT a:443 HTTP/1.1\r\n\r\n"), H1_BAD);
	assert_int_equal(parse_request(&h, "GET http://a:80/ HTTP/1.1\r\nHost: A\r\n\r\n"),
			 H1_DONE);
	assert_int_equal(parse_request(&h, "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"), H1_BAD);
	assert_int_equal(parse_request(&h, "GET http://a:81:80/ HTTP/1.1\r\nHost: a:81\r\n\r\n"),
			 H1_BAD);
	assert_int_equal(parse_request(&h, "GET http://[::1]:80/ HTTP/1.1\r\nHost: [::1]\r\n\r\n"),
			 H1_DONE);
	assert_int_equal(parse_request(&h, "PURGE /x HTTP/1.1\r\nHost: [::1]:1\r\n\r\n"), H1_DONE);
	assert_int_equal(h.method, HTTP_OTHER);
}

static void the_end_of_a_response_body_is_known(void **state)
{
	static const struct {
		const char *text;
		bool answers_head;
		enum http_framing framing;
		bool keep;
	} rows[] = {
		{OK "Content-Length: 3\r\n\r\n", false, HTTP_LENGTH, true},
		{OK "Content-Length: 3\r\n\r\n", true, HTTP_NO_BODY, true},
		{OK "transfer-encoding: Chunked\r\n\r\n", false, HTTP_CHUNKED, true},
		{OK "\r\n", false, HTTP_UNTIL_CLOSE, false},
		{"HTTP/1.1 204 No Content\r\n\r\n", false, HTTP_NO_BODY, true},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, HTTP_NO_BODY,
		 true},
		{"HTTP/1.1 100 Continue\r\n\r\n", false, HTTP_NO_BODY, true},
		{OK "Connection: x, Close\r\nContent-Length: 0\r\n\r\n", false, HTTP_NO_BODY,
		 false},
		{"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", false, HTTP_LENGTH, false},
		{"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", false, HTTP_LENGTH, true},
		{"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n", false, HTTP_LENGTH, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct h1_head h;

		h1_head_init(&h, true, fields, H1_MAX_FIELDS);
		h.answers_head = rows[i].answers_head;
		assert_int_equal(h1_parse(&h, str_from_c(rows[i].text), NULL), H1_DONE);
		assert_int_equal(h.framing, rows[i].framing);
		assert_int_equal(h.keep_alive, rows[i].keep);
	}
}

static void every_known_field_name_is_found_in_any_case(void **state)
{
	static const char *const names[] = {NULL,
#define X(id, text, flags) text,
					    HTTP_KNOWN_FIELDS(X)
#undef X
	};

	(void)state;
	for (unsigned id = 1; id < HTTP_F_MAX; id++) {
		char upper[40];
		size_t n = strlen(names[id]);

		assert_int_equal(http_field_find(str_from_c(names[id])), id);
		for (size_t i = 0; i < n; i++) {
			char c = names[id][i];

			upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
		}
		assert_int_equal(http_field_find(str_make(upper, n)), id);
		upper[n - 1] = '!';
		assert_int_equal(http_field_find(str_make(upper, n)), HTTP_F_UNKNOWN);
	}
	assert_int_equal(http_field_find(str_make(NULL, 0)), HTTP_F_UNKNOWN);
}

static void values_are_judged_byte_by_byte(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 24; n++) {
		for (size_t at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				char text[24];

				memset(text, 'x', sizeof(text));
				text[at] = (char)c;
				assert_int_equal(http_is_value(str_make(text, n)),
						 (c >= 0x20 && c != 0x7f) || c == '\t');
			}
		}
	}
}

static void accept_and_content_type_are_understood(void **state)
{
	const struct str json = STR("application"), sub = STR("json");

	(void)state;
	assert_true(http_accepts(STR(""), json, sub));
	assert_true(http_accepts(STR("text/event-stream, application/json"), json, sub));
	assert_true(http_accepts(STR("*/*"), json, sub));
	assert_true(http_accepts(STR("Application/*;q=0.5"), json, sub));
	assert_false(http_accepts(STR("text/html"), json, sub));
	assert_false(http_accepts(STR("application/json;q=0, */*"), json, sub));
	assert_false(http_accepts(STR("*/*;q=0.000"), json, sub));
	assert_true(http_type_is(STR("application/JSON; charset=utf-8"), STR("application/json")));
	assert_false(http_type_is(STR("application/jsonp"), STR("application/json")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_taken_apart),
		cmocka_unit_test(smuggling_shapes_in_requests_are_refused),
		cmocka_unit_test(smuggling_shapes_in_responses_are_refused),
		cmocka_unit_test(limits_hold_and_name_themselves),
		cmocka_unit_test(forms_of_targets_are_told_apart),
		cmocka_unit_test(the_end_of_a_response_body_is_known),
		cmocka_unit_test(every_known_field_name_is_found_in_any_case),
		cmocka_unit_test(values_are_judged_byte_by_byte),
		cmocka_unit_test(accept_and_content_type_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
