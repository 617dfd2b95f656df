/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sandbox's own kernel says when a program wanted to go where nothing answers: to the first packet of
 * a connection a reset (RFC 9293 section 3.10.7.1: RST and ACK, sequence number 0), to a datagram
 * that its port is unreachable (RFC 792, RFC 4443 section 3.1), which repeats its head. Pure.
 */
#ifndef EGRESS_REFUSAL_H
#define EGRESS_REFUSAL_H

#include "egress/ip.h"

enum { EGRESS_REFUSAL_MAX = 128 /* bytes of a packet that are looked at */ };

struct egress_refusal {
	struct egress_ip ip; /* where the program wanted to go */
	uint16_t port;
	bool datagram;
};

/* Of a packet of IPv4 or IPv6 from its head on; false when it is no such refusal, or of a loopback address. */
bool egress_refusal_read(struct str packet, struct egress_refusal *ret) MUST_USE;

#endif
