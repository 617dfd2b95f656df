/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions for the address of a host, as programs ask a name server (RFC 1035 section 4), and their
 * answers. Pure; views into the input.
 *
 * A question is answered if and only if it is a standard query with one question and no answers in
 * it, at most 512 bytes, its name written out in labels. What else comes is answered by
 * an error code, or not at all when it is no question.
 */
#ifndef EGRESS_DNS_H
#define EGRESS_DNS_H

#include "egress/host.h"

enum {
	EGRESS_DNS_QUERY_MAX = 512,
	EGRESS_DNS_ANSWER_MAX = 12 + 255 + 4 + 16, /* header, question, one address */
	EGRESS_DNS_TTL = 30,                       /* seconds that an answer may be kept */
};

/* RFC 1035 section 4.1.1: RCODE. */
enum egress_dns_code {
	EGRESS_DNS_FINE = 0,
	EGRESS_DNS_MALFORMED = 1,
	EGRESS_DNS_FAILED = 2,
	EGRESS_DNS_NO_NAME = 3,
	EGRESS_DNS_NOT_DONE = 4,
	EGRESS_DNS_REFUSED = 5,
};

enum egress_dns_type { EGRESS_DNS_A = 1, EGRESS_DNS_AAAA = 28 };

struct egress_dns_query {
	uint8_t id[2];
	bool recursion;            /* is wanted: repeated in the answer */
	enum egress_dns_code code; /* what the question alone comes to; FINE: look at it */
	struct str question;       /* its bytes, repeated in the answer; empty when malformed */
	uint16_t type;             /* of enum egress_dns_type, or another */
	bool is_host;              /* `host` is set: a name that a host could have */
	struct egress_host host;   /* without a port */
};

/* False: it is no question, and gets no answer. */
bool egress_dns_read(struct str in, struct egress_dns_query *ret) MUST_USE;

/*
 * The answer: `code`, and with FINE the address, unless that is NULL: the name exists, but nothing
 * of this type. Returns how many bytes of `out` it takes.
 */
size_t egress_dns_write(const struct egress_dns_query *q, enum egress_dns_code code,
			const struct egress_ip *address, uint8_t out[EGRESS_DNS_ANSWER_MAX]);

#endif
