/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "egress/hello.h"

#include "tests/unit/egress/hello_bytes.h"

struct bytes {
	struct buf extensions, record;
};

static struct bytes begin(void)
{
	struct bytes b;

	buf_init(&b.extensions, 20000);
	buf_init(&b.record, 20000);
	return b;
}

static enum egress_hello_result finish(struct bytes *b, struct egress_hello *h)
{
	struct err err;

	hello_record(&b->record, buf_str(&b->extensions));
	return egress_hello_read(buf_str(&b->record), h, &err);
}

static void end(struct bytes *b)
{
	buf_done(&b->extensions);
	buf_done(&b->record);
}

static void the_server_name_is_found(void **state)
{
	struct bytes b = begin();
	struct egress_hello h;

	(void)state;
	hello_extension(&b.extensions, 43, STR("\x02\x03\x04"));
	hello_name(&b.extensions, STR("example.com"));
	hello_extension(&b.extensions, 16, STR("\0\x03\x02h2"));
	assert_int_equal(finish(&b, &h), EGRESS_HELLO_DONE);
	assert_true(str_eq(h.name, STR("example.com")));
	assert_true(str_eq(h.alpn, STR("\x02h2")));
	assert_false(h.ech);
	assert_int_equal(h.size, buf_len(&b.record));
	end(&b);
}

static void a_hello_in_pieces_is_partial_until_its_last_byte(void **state)
{
	struct bytes b = begin();
	struct egress_hello h;
	struct err err;

	(void)state;
	hello_name(&b.extensions, STR("example.com"));
	assert_int_equal(finish(&b, &h), EGRESS_HELLO_DONE);
	for (size_t n = 0; n < buf_len(&b.record); n++) {
		assert_int_equal(egress_hello_read(str_make(buf_str(&b.record).p, n), &h, &err),
				 EGRESS_HELLO_PARTIAL);
	}
	end(&b);
}

static void without_a_name_none_is_given(void **state)
{
	struct bytes b = begin();
	struct egress_hello h;

	(void)state;
	assert_int_equal(finish(&b, &h), EGRESS_HELLO_DONE);
	assert_null(h.name.p);
	end(&b);
}

static void an_encrypted_hello_is_noted(void **state)
{
	struct bytes b = begin();
	struct egress_hello h;

	(void)state;
	hello_extension(&b.extensions, 0xfe0d, STR("x"));
	hello_name(&b.extensions, STR("front.example"));
	assert_int_equal(finish(&b, &h), EGRESS_HELLO_DONE);
	assert_true(h.ech);
	end(&b);
}

static void two_names_are_refused(void **state)
{
	struct bytes b = begin();
	struct egress_hello h;

	(void)state;
	hello_name(&b.extensions, STR("a.example"));
	hello_name(&b.extensions, STR("b.example"));
	assert_int_equal(finish(&b, &h), EGRESS_HELLO_BAD);
	end(&b);
	b = begin();
	hello_extension(&b.extensions, 0,
			STR("\0\x0b\0\0\x01"
			    "a"
			    "\0\0\x03"
			    "b.c"));
	assert_int_equal(finish(&b, &h), EGRESS_HELLO_BAD);
	end(&b);
}

static void what_is_no_hello_is_refused_at_once(void **state)
{
	static const struct str bad[] = {
		STR_INIT("GET / HTTP/1.1\r\n"),
		STR_INIT("\x16\x02"),
		STR_INIT("\x17\x03\x03"),
		STR_INIT("SSH-2.0-x"),
		STR_INIT("\x16\x03\x01\x00\x00"),
		STR_INIT("\x16\x03\x01\xff\xff"),
		STR_INIT("\x16\x03\x01\x00\x05\x02"),
		STR_INIT("\x80\x2e\x01\x03\x01"),
	};
	struct egress_hello h;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(egress_hello_read(bad[i], &h, &err), EGRESS_HELLO_BAD);
	}
}

/* Every byte of the structure changed once: never a crash, never a name from outside the record. */
static void changed_lengths_never_lead_outside(void **state)
{
	struct bytes b = begin();
	struct egress_hello h;
	struct err err;
	char copy[512];
	size_t n;

	(void)state;
	hello_name(&b.extensions, STR("example.com"));
	assert_int_equal(finish(&b, &h), EGRESS_HELLO_DONE);
	n = buf_len(&b.record);
	for (size_t i = 0; i < n; i++) {
		for (unsigned v = 0; v < 256; v++) {
			memcpy(copy, buf_str(&b.record).p, n);
			copy[i] = (char)v;
			if (egress_hello_read(str_make(copy, n), &h, &err) == EGRESS_HELLO_DONE &&
			    h.name.p) {
				assert_true(h.name.p >= copy && h.name.p + h.name.n <= copy + n);
			}
		}
	}
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_name_is_found),
		cmocka_unit_test(a_hello_in_pieces_is_partial_until_its_last_byte),
		cmocka_unit_test(without_a_name_none_is_given),
		cmocka_unit_test(an_encrypted_hello_is_noted),
		cmocka_unit_test(two_names_are_refused),
		cmocka_unit_test(what_is_no_hello_is_refused_at_once),
		cmocka_unit_test(changed_lengths_never_lead_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
