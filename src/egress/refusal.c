/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/refusal.h"

enum {
	IP4_HEAD = 20,
	IP6_HEAD = 40,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMP6 = 58,
	TCP_FLAGS_RST_ACK = 0x14,
	ICMP_HEAD = 8,
	ICMP_NO_PORT = 3 << 8 | 3,
	ICMP6_NO_PORT = 1 << 8 | 4,
};

struct packet {
	struct str rest; /* behind its head */
	uint8_t protocol;
	struct egress_ip from, to;
};

static unsigned u16_at(struct str s, size_t at)
{
	return (unsigned)(unsigned char)s.p[at] << 8 | (unsigned char)s.p[at + 1];
}

/* Without the heads that may stand between: our kernel writes none into a refusal. */
static bool read_head(struct str in, struct packet *p)
{
	size_t head = IP6_HEAD, size = 16, from = 8, protocol = 6;
	unsigned version = in.n ? (unsigned char)in.p[0] >> 4 : 0;

	if (version == 4) {
		head = ((unsigned char)in.p[0] & 15) * (size_t)4;
		size = 4;
		from = 12;
		protocol = 9;
	}
	if ((version != 4 && version != 6) || head < IP4_HEAD || in.n < head) {
		return false;
	}
	*p = (struct packet){.rest = str_from(in, head), .protocol = (uint8_t)in.p[protocol]};
	p->from.v6 = p->to.v6 = version == 6;
	memcpy(p->from.bytes, in.p + from, size);
	memcpy(p->to.bytes, in.p + from + size, size);
	return version == 6 || !(u16_at(in, 6) & 0x1fff); /* no later fragment */
}

static bool read_reset(const struct packet *p, struct egress_refusal *ret)
{
	if (p->rest.n < 14 || ((unsigned char)p->rest.p[13] & 0x3f) != TCP_FLAGS_RST_ACK ||
	    u16_at(p->rest, 4) || u16_at(p->rest, 6)) {
		return false;
	}
	*ret = (struct egress_refusal){.ip = p->from, .port = (uint16_t)u16_at(p->rest, 0)};
	return true;
}

static bool read_unreachable(const struct packet *p, unsigned what, struct egress_refusal *ret)
{
	struct packet sent;

	if (p->rest.n < ICMP_HEAD || u16_at(p->rest, 0) != what ||
	    !read_head(str_from(p->rest, ICMP_HEAD), &sent) || sent.to.v6 != p->from.v6 ||
	    sent.protocol != PROTO_UDP || sent.rest.n < 4) {
		return false;
	}
	*ret = (struct egress_refusal){
		.ip = sent.to, .port = (uint16_t)u16_at(sent.rest, 2), .datagram = true};
	return true;
}

bool egress_refusal_read(struct str packet, struct egress_refusal *ret)
{
	struct packet p;
	bool ok = read_head(packet, &p);

	if (ok && p.protocol == PROTO_TCP) {
		ok = read_reset(&p, ret);
	} else {
		ok = ok && p.protocol == (p.from.v6 ? PROTO_ICMP6 : PROTO_ICMP) &&
		     read_unreachable(&p, p.from.v6 ? ICMP6_NO_PORT : ICMP_NO_PORT, ret);
	}
	return ok && egress_classify(&ret->ip) != EGRESS_LOOPBACK;
}
