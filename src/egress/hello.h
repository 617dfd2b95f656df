/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first message of a TLS connection, read to see for whom it is (RFC 8446
 * section 4.1.2, RFC 6066 section 3). Pure; the name is a view into the input.
 *
 * Strict: one record, one ClientHello in it and nothing else, no extension twice, one
 * server name of one entry. What is cut into several records to look harmless is refused.
 */
#ifndef EGRESS_HELLO_H
#define EGRESS_HELLO_H

#include "base/err.h"
#include "base/str.h"

enum { EGRESS_HELLO_MAX = 5 + 16384 };

enum egress_hello_result {
	EGRESS_HELLO_BAD = 0, /* not the start of TLS as we know it */
	EGRESS_HELLO_PARTIAL,
	EGRESS_HELLO_DONE,
};

struct egress_hello {
	struct str name; /* as the client wrote it; p NULL when it names nobody */
	struct str alpn; /* the list of protocols, raw (RFC 7301); p NULL without one */
	bool ech;        /* it carries an encrypted ClientHello, or noise that looks like one */
	size_t size;     /* bytes of the record */
};

/* `in` is all that has come, from the connection's first byte on. */
enum egress_hello_result egress_hello_read(struct str in, struct egress_hello *ret,
					   struct err *err);

#endif
