/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of address an IP address is. There is one table (ip_table.c), and it is
 * asked by everybody: the configuration, the role that dials, the resolver's
 * answers. What the table does not call public is not dialled for an agent unless the
 * configuration names it.
 *
 * An address that carries another one inside is what the inner one is, where hosts
 * and networks treat it so (IPv4-mapped, NAT64), and refused where it is a tunnel
 * (6to4, Teredo).
 */
#ifndef EGRESS_IP_H
#define EGRESS_IP_H

#include "base/buf.h"
#include "base/err.h"

struct egress_ip {
	bool v6;
	uint8_t bytes[16]; /* network order; the first 4 for IPv4 */
};

/* Zero is what nothing is known of: refused. */
enum egress_class {
	EGRESS_RESERVED = 0,
	EGRESS_UNSPECIFIED,
	EGRESS_LOOPBACK,
	EGRESS_LINK_LOCAL,
	EGRESS_METADATA, /* of a cloud: gives credentials to whoever asks */
	EGRESS_PRIVATE,
	EGRESS_SHARED, /* of a carrier */
	EGRESS_PROTOCOL,
	EGRESS_DOCUMENTATION,
	EGRESS_BENCHMARK,
	EGRESS_MULTICAST,
	EGRESS_BROADCAST,
	EGRESS_TUNNEL,    /* 6to4, Teredo, ISATAP and other forms that carry an IPv4 address */
	EGRESS_TRANSLATE, /* NAT64, mapped: only of blocks; an address is what it carries */
	EGRESS_PUBLIC,
};

/* "link-local"; static storage. */
const char *egress_class_name(enum egress_class c);

/* A block of the table, and where it comes from. */
struct egress_block {
	struct egress_ip at;
	uint8_t bits;
	enum egress_class class;
	const char *source; /* "RFC 3927" */
};

/* The most specific block that holds the address; NULL when only the rest of its family does. */
const struct egress_block *egress_block_of(const struct egress_ip *ip);

enum egress_class egress_classify(const struct egress_ip *ip);

/* The table, for those that list it. */
const struct egress_block *egress_blocks(size_t *ret_n);

/*
 * Canonical text only: four decimal numbers without leading zeros, or the groups of RFC 4291
 * without a zone. False for anything else.
 */
bool egress_ip_parse(struct str text, struct egress_ip *ret) MUST_USE;

/* Without brackets; RFC 5952 for IPv6. */
void egress_ip_write(struct buf *out, const struct egress_ip *ip);

bool egress_ip_eq(const struct egress_ip *a, const struct egress_ip *b);

/* A range of addresses that the configuration opens. */
struct egress_range {
	struct egress_ip at;
	uint8_t bits;
};

/*
 * "10.1.0.0/16", "127.0.0.1", "fd00:1::/32". ERR_INVALID unless it lies within one special
 * block: a range over several, as 0.0.0.0/0, opens what nobody thought of. Carried addresses
 * (::ffff:10.0.0.1) are written as what they carry, and bits past the prefix are zero.
 */
enum err_code egress_range_parse(struct str text, struct egress_range *ret,
				 struct err *err) MUST_USE;

/*
 * May this address be dialled, given what the configuration opened? Public ones may.
 * A metadata service is opened by its own address only, never by a range around it;
 * multicast, broadcast, unspecified and tunnels are never dialled.
 */
bool egress_may_dial(const struct egress_ip *ip, const struct egress_range *open, size_t n);

#endif
