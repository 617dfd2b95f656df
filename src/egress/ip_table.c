/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IANA special-purpose registries (RFC 6890, RFC 8190) with what they do not list:
 * multicast, reserved space, and the addresses at which clouds hand out credentials.
 */
#include "egress/ip_priv.h"

/* clang-format off */
#define V4(a, b, c, d, bits, class, source) \
	{{false, {a, b, c, d}}, bits, EGRESS_##class, source},
#define V6(bits, class, source, ...) {{true, {__VA_ARGS__}}, bits, EGRESS_##class, source},

const struct egress_block egress_table[] = {
	V4(0, 0, 0, 0, 8, RESERVED, "RFC 791 section 3.2")
	V4(0, 0, 0, 0, 32, UNSPECIFIED, "RFC 1122 section 3.2.1.3")
	V4(10, 0, 0, 0, 8, PRIVATE, "RFC 1918")
	V4(100, 64, 0, 0, 10, SHARED, "RFC 6598")
	V4(100, 100, 100, 200, 32, METADATA, "Alibaba Cloud")
	V4(127, 0, 0, 0, 8, LOOPBACK, "RFC 1122 section 3.2.1.3")
	V4(168, 63, 129, 16, 32, METADATA, "Azure")
	V4(169, 254, 0, 0, 16, LINK_LOCAL, "RFC 3927")
	V4(169, 254, 0, 23, 32, METADATA, "Tencent Cloud")
	V4(169, 254, 169, 253, 32, METADATA, "AWS name servers")
	V4(169, 254, 169, 254, 32, METADATA, "AWS, Azure, Google Cloud and others")
	V4(169, 254, 170, 2, 32, METADATA, "AWS containers")
	V4(169, 254, 170, 23, 32, METADATA, "AWS pods")
	V4(172, 16, 0, 0, 12, PRIVATE, "RFC 1918")
	V4(192, 0, 0, 0, 24, PROTOCOL, "RFC 6890 section 2.1")
	V4(192, 0, 0, 192, 32, METADATA, "Oracle Cloud")
	V4(192, 0, 2, 0, 24, DOCUMENTATION, "RFC 5737")
	V4(192, 88, 99, 0, 24, TUNNEL, "RFC 7526")
	V4(192, 168, 0, 0, 16, PRIVATE, "RFC 1918")
	V4(198, 18, 0, 0, 15, BENCHMARK, "RFC 2544")
	V4(198, 51, 100, 0, 24, DOCUMENTATION, "RFC 5737")
	V4(203, 0, 113, 0, 24, DOCUMENTATION, "RFC 5737")
	V4(224, 0, 0, 0, 4, MULTICAST, "RFC 5771")
	V4(240, 0, 0, 0, 4, RESERVED, "RFC 1112 section 4")
	V4(255, 255, 255, 255, 32, BROADCAST, "RFC 8190")

	V6(0, RESERVED, "RFC 4291: only 2000::/3 is assigned", 0)
	V6(3, PUBLIC, "RFC 4291 section 2.4", 0x20)
	V6(96, TUNNEL, "RFC 4291 section 2.5.5.1", 0)
	V6(128, UNSPECIFIED, "RFC 4291 section 2.5.2", 0)
	V6(128, LOOPBACK, "RFC 4291 section 2.5.3", [15] = 1)
	V6(96, TRANSLATE, "RFC 4291 section 2.5.5.2", [10] = 0xff, [11] = 0xff)
	V6(96, TUNNEL, "RFC 2765", [8] = 0xff, [9] = 0xff)
	V6(96, TRANSLATE, "RFC 6052", 0x00, 0x64, 0xff, 0x9b)
	V6(48, TUNNEL, "RFC 8215", 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01)
	V6(64, RESERVED, "RFC 6666", 0x01, 0x00)
	V6(23, PROTOCOL, "RFC 2928", 0x20, 0x01)
	V6(32, TUNNEL, "RFC 4380", 0x20, 0x01)
	V6(48, BENCHMARK, "RFC 5180", 0x20, 0x01, 0x00, 0x02)
	V6(32, DOCUMENTATION, "RFC 3849", 0x20, 0x01, 0x0d, 0xb8)
	V6(16, TUNNEL, "RFC 3056", 0x20, 0x02)
	V6(20, DOCUMENTATION, "RFC 9637", 0x3f, 0xff)
	V6(16, PROTOCOL, "RFC 9602", 0x5f)
	V6(7, PRIVATE, "RFC 4193", 0xfc)
	V6(128, METADATA, "AWS", 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54)
	V6(128, METADATA, "AWS name servers", 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x53)
	V6(128, METADATA, "AWS pods", 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23)
	V6(128, METADATA, "Google Cloud", 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54)
	V6(10, LINK_LOCAL, "RFC 4291 section 2.5.6", 0xfe, 0x80)
	V6(10, PRIVATE, "RFC 3879", 0xfe, 0xc0)
	V6(8, MULTICAST, "RFC 4291 section 2.7", 0xff)
};
/* clang-format on */

const size_t egress_table_n = ARRAY_LEN(egress_table);
