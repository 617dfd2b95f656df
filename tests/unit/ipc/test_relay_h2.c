/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ipc/relay_h2.h"

#include <nghttp2/nghttp2.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* A frame of a type with these flags, on stream 1. */
static struct str frame(struct buf *to, uint8_t type, uint8_t flags, struct str payload)
{
	const char h[9] = {(char)(payload.n >> 16),
			   (char)(payload.n >> 8),
			   (char)payload.n,
			   (char)type,
			   (char)flags,
			   0,
			   0,
			   0,
			   1};

	buf_clear(to);
	buf_append(to, str_make(h, sizeof(h)));
	buf_append(to, payload);
	return buf_str(to);
}

/* A head as the gate's library writes it: no table. */
static struct str head_of(struct buf *to, const char *method, const char *value)
{
	nghttp2_nv nv[] = {
		{(uint8_t *)(uintptr_t) ":method", (uint8_t *)(uintptr_t)method, 7, strlen(method),
		 0},
		{(uint8_t *)(uintptr_t) ":scheme", (uint8_t *)(uintptr_t) "https", 7, 5, 0},
		{(uint8_t *)(uintptr_t) ":path", (uint8_t *)(uintptr_t) "/mcp", 5, 4, 0},
		{(uint8_t *)(uintptr_t) "x-long", (uint8_t *)(uintptr_t)value, 6, strlen(value), 0},
	};
	static uint8_t block[20000];
	nghttp2_hd_deflater *d;
	ssize_t n;

	assert_int_equal(nghttp2_hd_deflate_new(&d, 0), 0);
	n = nghttp2_hd_deflate_hd(d, block, sizeof(block), nv, ARRAY_LEN(nv));
	nghttp2_hd_deflate_del(d);
	assert_true(n > 0);
	return frame(to, NGHTTP2_HEADERS, 4, str_make((const char *)block, (size_t)n));
}

struct fixture {
	struct relay_h2 r;
	struct buf block, in, out;
};

static struct fixture *start(void)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	buf_init(&f->block, 20000);
	buf_init(&f->in, 1 << 20);
	buf_init(&f->out, 1 << 20);
	assert_true(
		relay_h2_fields(STR("Authorization: Bearer s3cret\r\nX-Other: 1\r\n"), &f->block));
	assert_true(relay_h2_body(&f->r, STR(PREFACE)));
	return f;
}

static void finish(struct fixture *f)
{
	buf_done(&f->block);
	buf_done(&f->in);
	buf_done(&f->out);
	test_free(f);
}

static bool head_passes(struct fixture *f, struct str head)
{
	buf_clear(&f->out);
	return relay_h2_head(&f->r, head, buf_str(&f->block), &f->out);
}

/* The last field of what was sent, decoded. */
static void assert_last(struct fixture *f, const char *name, const char *value)
{
	struct str all = buf_str(&f->out);
	const uint8_t *at = (const uint8_t *)all.p + 9;
	size_t left = all.n - 9;
	nghttp2_hd_inflater *table;
	char got[300] = "";
	int flags = 0;

	assert_int_equal((unsigned char)all.p[1] * 256 + (unsigned char)all.p[2], left);
	assert_int_equal(nghttp2_hd_inflate_new(&table), 0);
	while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		nghttp2_nv nv;
		ssize_t n = nghttp2_hd_inflate_hd2(table, &nv, &flags, at, left, 1);

		assert_true(n >= 0);
		at += n;
		left -= (size_t)n;
		if ((flags & NGHTTP2_HD_INFLATE_EMIT) && nv.namelen == strlen(name) &&
		    memcmp(nv.name, name, nv.namelen) == 0) {
			(void)snprintf(got, sizeof(got), "%.*s", (int)nv.valuelen,
				       (const char *)nv.value);
		}
	}
	nghttp2_hd_inflate_del(table);
	assert_string_equal(got, value);
}

static void a_credential_is_a_field_of_its_own(void **state)
{
	static const char *const methods[] = {"GET", "POST", "DELETE"};
	char value[3000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct fixture *f = start();

		memset(value, 'v', sizeof(value) - 1);
		value[i * 1400] = '\0';
		assert_true(head_passes(f, head_of(&f->in, methods[i], value)));
		assert_last(f, ":method", methods[i]);
		assert_last(f, "authorization", "Bearer s3cret");
		assert_last(f, "x-other", "1");
		finish(f);
	}
}

static void long_values_have_long_lengths(void **state)
{
	struct fixture *f = start();
	char line[400] = "X-Key: ";

	(void)state;
	memset(line + 7, 'k', 280);
	line[287] = '\0';
	buf_clear(&f->block);
	assert_true(relay_h2_fields(str_from_c(line), &f->block));
	assert_true(head_passes(f, head_of(&f->in, "GET", "x")));
	assert_last(f, "x-key", line + 7);
	finish(f);
}

static void other_methods_get_no_credential(void **state)
{
	static const char *const methods[] = {"TRACE",   "PUT",     "OPTIONS",
					      "CONNECT", "DELETED", "get"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct fixture *f = start();

		assert_false(head_passes(f, head_of(&f->in, methods[i], "x")));
		finish(f);
	}
}

/* Each would make the credential something else than a field, or hide what the head says. */
static void heads_that_are_not_whole_get_no_credential(void **state)
{
	static const struct {
		const char *why;
		struct str block;
		uint8_t flags;
	} bad[] = {
		{"a value longer than the block", STR_INIT("\x82\x00\x01x\x7f\x20y"), 4},
		{"a name longer than the block", STR_INIT("\x82\x00\x05x"), 4},
		{"an unfinished number", STR_INIT("\x82\x00\x01x\x7f\xff"), 4},
		{"a dynamic index", STR_INIT("\x82\xbe"), 4},
		{"a name of the dynamic table", STR_INIT("\x82\x7f\x00\x01y"), 4},
		{"a table", STR_INIT("\x3f\xe1\x1f\x82"), 4},
		{"index 0", STR_INIT("\x82\x80"), 4},
		{"no method", STR_INIT("\x84\x86"), 4},
		{"two methods", STR_INIT("\x82\x83"), 4},
		{"a method as a new name", STR_INIT("\x82\x00\x07:method\x05TRACE"), 4},
		{"the same, coded", STR_INIT("\x82\x00\x85\xb9\x49\x53\x39\xe4\x05TRACE"), 4},
		{"more to come", STR_INIT("\x82\x84"), 0},
		{"padding", STR_INIT("\x00\x82\x84"), 4 | 8},
		{"a priority", STR_INIT("\0\0\0\0\0\x82"), 4 | 0x20},
		{"nothing", STR_INIT(""), 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fixture *f = start();

		if (head_passes(f, frame(&f->in, NGHTTP2_HEADERS, bad[i].flags, bad[i].block))) {
			fail_msg("%s", bad[i].why);
		}
		finish(f);
	}
}

static void a_head_stands_where_a_frame_begins(void **state)
{
	struct fixture *f = start();
	struct buf data;

	(void)state;
	buf_init(&data, 1000);
	/* In the middle of a DATA frame it would be content. */
	assert_true(relay_h2_body(&f->r,
				  str_from(frame(&data, NGHTTP2_DATA, 0, STR("0123456789")), 0)));
	assert_true(head_passes(f, head_of(&f->in, "GET", "x")));
	assert_true(relay_h2_body(
		&f->r, str_make(frame(&data, NGHTTP2_DATA, 0, STR("0123456789")).p, 12)));
	assert_false(head_passes(f, head_of(&f->in, "GET", "x")));
	finish(f);
	f = start();
	assert_true(relay_h2_body(&f->r, STR("\0\0"))); /* nor in a frame's header */
	assert_false(head_passes(f, head_of(&f->in, "GET", "x")));
	finish(f);
	f = start();
	f->r = (struct relay_h2){0}; /* nor before the preface */
	assert_false(head_passes(f, head_of(&f->in, "GET", "x")));
	finish(f);
	buf_done(&data);
}

static void fields_pass_as_heads_only(void **state)
{
	static const uint8_t types[] = {NGHTTP2_HEADERS, NGHTTP2_PUSH_PROMISE,
					NGHTTP2_CONTINUATION};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct fixture *f = start();

		assert_true(relay_h2_body(&f->r, frame(&b, NGHTTP2_SETTINGS, 0, STR(""))));
		assert_false(relay_h2_body(&f->r, frame(&b, types[i], 4, STR("\x82"))));
		finish(f);
	}
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_credential_is_a_field_of_its_own),
		cmocka_unit_test(long_values_have_long_lengths),
		cmocka_unit_test(other_methods_get_no_credential),
		cmocka_unit_test(heads_that_are_not_whole_get_no_credential),
		cmocka_unit_test(a_head_stands_where_a_frame_begins),
		cmocka_unit_test(fields_pass_as_heads_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
