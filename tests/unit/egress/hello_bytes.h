/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHellos of our own making, for tests. */
#ifndef TEST_HELLO_BYTES_H
#define TEST_HELLO_BYTES_H

#include "base/buf.h"

static inline void hello_put16(struct buf *out, size_t v)
{
	buf_append_c(out, (char)(v >> 8));
	buf_append_c(out, (char)v);
}

/* A vector with a 16-bit length. */
static inline void hello_vector(struct buf *out, struct str s)
{
	hello_put16(out, s.n);
	buf_append(out, s);
}

static inline void hello_extension(struct buf *out, unsigned type, struct str body)
{
	hello_put16(out, type);
	hello_vector(out, body);
}

/* server_name with one host name. */
static inline void hello_name(struct buf *out, struct str name)
{
	struct buf list, entry;

	buf_init(&list, 1024);
	buf_init(&entry, 1024);
	buf_append_c(&entry, 0);
	hello_vector(&entry, name);
	hello_vector(&list, buf_str(&entry));
	hello_extension(out, 0, buf_str(&list));
	buf_done(&entry);
	buf_done(&list);
}

/* The whole record around these extensions. */
static inline void hello_record(struct buf *out, struct str extensions)
{
	struct buf body;

	buf_init(&body, 20000);
	hello_put16(&body, 0x0303);
	for (int i = 0; i < 32; i++) {
		buf_append_c(&body, (char)i);
	}
	buf_append_c(&body, 0);               /* session id */
	hello_vector(&body, STR("\x13\x01")); /* cipher suites */
	buf_append(&body, STR("\x01"));       /* compression: one method, */
	buf_append_c(&body, 0);               /* none */
	hello_vector(&body, extensions);
	buf_append(out, STR("\x16\x03\x01"));
	hello_put16(out, buf_len(&body) + 4);
	buf_append_c(out, 1);
	buf_append_c(out, 0);
	hello_vector(out, buf_str(&body));
	buf_done(&body);
}

#endif
