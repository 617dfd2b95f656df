/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "egress/refusal.h"

#define BYTES(text) str_make(text, sizeof(text) - 1)

/* From 198.51.100.7, port 81 to 127.0.0.1, port 40000. */
#define IP4(proto)                                                                                 \
	"\x45\0\0\x28\0\0\x40\0\x40" proto "\0\0"                                                  \
	"\xc6\x33\x64\x07"                                                                         \
	"\x7f\0\0\x01"
#define RESET "\0\x51\x9c\x40\0\0\0\0\x11\x22\x33\x44\x50\x14\0\0\0\0\0\0"
/* From 2001:db8::7 to ::1. */
#define IP6(next)                                                                                  \
	"\x60\0\0\0\0\x14" next "\x40"                                                             \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"                                               \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
/* What was sent: from loopback to port 443 of there. */
#define SENT4                                                                                      \
	"\x45\0\0\x1d\0\0\x40\0\x40\x11\0\0"                                                       \
	"\x7f\0\0\x01"                                                                             \
	"\xc6\x33\x64\x07"
#define SENT6                                                                                      \
	"\x60\0\0\0\0\x09\x11\x40"                                                                 \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"                                                       \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
#define UDP "\x9c\x40\x01\xbb\0\x09\0\0"

static void reads(struct str packet, const char *ip, uint16_t port, bool datagram)
{
	struct egress_refusal r;
	struct egress_ip want;

	assert_true(egress_ip_parse(str_from_c(ip), &want));
	assert_true(egress_refusal_read(packet, &r));
	assert_true(egress_ip_eq(&r.ip, &want));
	assert_int_equal(r.port, port);
	assert_int_equal(r.datagram, datagram);
}

static void resets_and_unreachable_ports_say_where_it_was_to_go(void **state)
{
	(void)state;
	reads(BYTES(IP4("\x06") RESET), "198.51.100.7", 81, false);
	reads(BYTES(IP6("\x06") RESET), "2001:db8::7", 81, false);
	reads(BYTES(IP4("\x01") "\x03\x03\0\0\0\0\0\0" SENT4 UDP), "198.51.100.7", 443, true);
	reads(BYTES(IP6("\x3a") "\x01\x04\0\0\0\0\0\0" SENT6 UDP), "2001:db8::7", 443, true);
}

static void everything_else_is_none(void **state)
{
	static const struct str cases[] = {
		STR_INIT(""),
		STR_INIT("\x45"),
		STR_INIT("\x4f\0\0\x28\0\0\x40\0\x40\x06\0\0\xc6\x33\x64\x07\x7f\0\0\x01" RESET),
		/* a head that is too short, a later fragment, another protocol */
		STR_INIT("\x44\0\0\x28\0\0\x40\0\x40\x06\0\0\xc6\x33\x64\x07\x7f\0\0\x01" RESET),
		STR_INIT("\x45\0\0\x28\0\0\x40\x01\x40\x06\0\0\xc6\x33\x64\x07\x7f\0\0\x01" RESET),
		STR_INIT(IP4("\x11") RESET),
		/* of a connection that was made; no reset; cut off */
		STR_INIT(
			IP4("\x06") "\0\x51\x9c\x40\0\0\0\x01\x11\x22\x33\x44\x50\x14\0\0\0\0\0\0"),
		STR_INIT(IP4("\x06") "\0\x51\x9c\x40\0\0\0\0\x11\x22\x33\x44\x50\x12\0\0\0\0\0\0"),
		STR_INIT(IP4("\x06") "\0\x51\x9c\x40\0\0\0\0\x11\x22\x33\x44\x50"),
		/* unreachable for another reason, of another protocol, of the other family, cut off */
		STR_INIT(IP4("\x01") "\x03\x01\0\0\0\0\0\0" SENT4 UDP),
		STR_INIT(IP4("\x01") "\x03\x03\0\0\0\0\0\0" IP4("\x06") RESET),
		STR_INIT(IP4("\x01") "\x03\x03\0\0\0\0\0\0" SENT6 UDP),
		STR_INIT(IP4("\x01") "\x03\x03\0\0\0\0\0\0" SENT4 "\x9c\x40\x01"),
		STR_INIT(IP4("\x3a") "\x01\x04\0\0\0\0\0\0" SENT6 UDP),
		/* its own loopback is nobody else's */
		STR_INIT("\x45\0\0\x28\0\0\x40\0\x40\x06\0\0\x7f\x33\x64\x07\x7f\0\0\x01" RESET),
	};
	struct egress_refusal r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_false(egress_refusal_read(cases[i], &r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_and_unreachable_ports_say_where_it_was_to_go),
		cmocka_unit_test(everything_else_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
