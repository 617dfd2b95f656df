/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address that we read is read by libc in the same way, and written text is read back as
 * the same address. Whatever carries an IPv4 address inside is never dialled where
 * that address is not.
 *
 * Input: text; its first four bytes are also an address that is put into carriers.
 */
#include "egress/ip.h"

#include <arpa/inet.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static void check_text(struct str text)
{
	struct egress_ip ip, again;
	uint8_t theirs[16] = {0};
	char c[64] = {0};
	struct buf out;

	if (!egress_ip_parse(text, &ip)) {
		return;
	}
	check(text.n < sizeof(c));
	memcpy(c, text.p, text.n);
	check(inet_pton(ip.v6 ? AF_INET6 : AF_INET, c, theirs) == 1);
	check(memcmp(theirs, ip.bytes, ip.v6 ? 16 : 4) == 0);
	buf_init(&out, 64);
	egress_ip_write(&out, &ip);
	check(egress_ip_parse(buf_str(&out), &again) && egress_ip_eq(&ip, &again));
	buf_done(&out);
}

static void check_carriers(const uint8_t v4[4])
{
	static const uint8_t carriers[][12] = {
		{[10] = 0xff, [11] = 0xff},
		{0},
		{[8] = 0xff, [9] = 0xff},
		{0x00, 0x64, 0xff, 0x9b},
		{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01},
		{0x20, 0x01},
		{0x26, 0x06, [10] = 0x5e, [11] = 0xfe},
		{0x26, 0x06, [8] = 2, [10] = 0x5e, [11] = 0xfe},
	};
	struct egress_ip inner = {.v6 = false}, outer = {.v6 = true};

	memcpy(inner.bytes, v4, 4);
	for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
		memcpy(outer.bytes, carriers[i], 12);
		memcpy(outer.bytes + 12, v4, 4);
		check(!egress_may_dial(&outer, NULL, 0) || egress_may_dial(&inner, NULL, 0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct egress_range r;
	struct err err;

	check_text(str_make((const char *)data, n));
	if (egress_range_parse(str_make((const char *)data, n), &r, &err) == ERR_OK) {
		check(egress_classify(&r.at) != EGRESS_PUBLIC && r.bits > 0);
	}
	if (n >= 4) {
		check_carriers(data);
	}
	return 0;
}
