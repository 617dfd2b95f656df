/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom an agent wants to reach, as it wrote it: a name or an address with a port.
 * There is one way to write each, and only that one is understood: lower case
 * after reading, no dot at the end, no number that some resolver takes for an address
 * (0x7f.1, 2130706433, 127.1), no zone, no internationalised name in another form than its
 * own ASCII one.
 */
#ifndef EGRESS_HOST_H
#define EGRESS_HOST_H

#include "egress/ip.h"

enum {
	EGRESS_NAME_MAX = 253, /* RFC 1035 section 2.3.4, as text */
	EGRESS_LABELS_MAX = 16,
};

struct egress_host {
	char name[EGRESS_NAME_MAX + 3]; /* canonical; an IPv6 address without brackets */
	uint8_t n;
	bool is_ip;
	struct egress_ip ip;
	uint16_t port;
};

static inline struct str egress_host_name(const struct egress_host *h)
{
	return str_make(h->name, h->n);
}

/* "host:port"; without a port `usual` is taken, unless that is 0. ERR_INVALID says why not. */
enum err_code egress_host_parse(struct str authority, uint16_t usual, struct egress_host *ret,
				struct err *err) MUST_USE;

/* The name or address alone, without brackets; ret->port is 0. */
enum err_code egress_name_parse(struct str text, struct egress_host *ret, struct err *err) MUST_USE;

/* "name:port", with brackets where they are needed; the port is left out when it is `usual`. */
void egress_host_write(struct buf *out, const struct egress_host *h, uint16_t usual);

/* RFC 6761 section 6.3: "localhost" and names below it are this machine. */
bool egress_is_localhost(struct str name);

#endif
