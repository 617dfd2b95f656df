/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/hello.h"

enum {
	RECORD_HEADER = 5,
	RECORD_HANDSHAKE = 22,
	HANDSHAKE_HEADER = 4,
	CLIENT_HELLO = 1,
	RANDOM = 32,
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_ECH = 0xfe0d, /* RFC 9849 */
	EXTENSIONS_MAX = 64,
};

/* A cursor with a sticky error. */
struct cursor {
	const unsigned char *p;
	size_t left;
	bool bad;
};

static unsigned take_number(struct cursor *c, unsigned bytes)
{
	unsigned v = 0;

	if (c->left < bytes) {
		c->bad = true;
		c->left = 0;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++) {
		v = v << 8 | c->p[i];
	}
	c->p += bytes;
	c->left -= bytes;
	return v;
}

static struct str take_bytes(struct cursor *c, size_t n)
{
	struct str s;

	if (c->left < n) {
		c->bad = true;
		c->left = 0;
		return str_make(NULL, 0);
	}
	s = str_make((const char *)c->p, n);
	c->p += n;
	c->left -= n;
	return s;
}

/* A vector with a length of so many bytes before it (RFC 8446 section 3.4). */
static struct str take_vector(struct cursor *c, unsigned length_bytes)
{
	unsigned n = take_number(c, length_bytes);

	return take_bytes(c, n);
}

static struct cursor cursor_of(struct str s)
{
	return (struct cursor){.p = (const unsigned char *)s.p, .left = s.n};
}

/* RFC 6066 section 3: a list that "MUST NOT contain more than one name of the same name_type". */
static bool read_server_name(struct str body, struct egress_hello *h)
{
	struct cursor outer = cursor_of(body), list;

	list = cursor_of(take_vector(&outer, 2));
	if (outer.bad || outer.left || take_number(&list, 1) != 0) {
		return false;
	}
	h->name = take_vector(&list, 2);
	return !list.bad && list.left == 0 && h->name.n > 0;
}

static bool read_extension(unsigned type, struct str body, struct egress_hello *h)
{
	if (type == EXT_SERVER_NAME) {
		return read_server_name(body, h);
	}
	if (type == EXT_ALPN) {
		struct cursor c = cursor_of(body);

		h->alpn = take_vector(&c, 2);
		return !c.bad && c.left == 0;
	}
	h->ech = h->ech || type == EXT_ECH;
	return true;
}

static bool read_extensions(struct str all, struct egress_hello *h)
{
	struct cursor c = cursor_of(all);
	unsigned seen[EXTENSIONS_MAX], n = 0;

	while (c.left && !c.bad) {
		unsigned type = take_number(&c, 2);
		struct str body = take_vector(&c, 2);

		for (unsigned i = 0; i < n; i++) {
			if (seen[i] == type) {
				return false;
			}
		}
		if (c.bad || n == EXTENSIONS_MAX || !read_extension(type, body, h)) {
			return false;
		}
		seen[n++] = type;
	}
	return !c.bad;
}

static bool read_message(struct str message, struct egress_hello *h)
{
	struct cursor c = cursor_of(message);
	unsigned version = take_number(&c, 2);
	struct str session, ciphers, compression, extensions = str_make(NULL, 0);

	(void)take_bytes(&c, RANDOM);
	session = take_vector(&c, 1);
	ciphers = take_vector(&c, 2);
	compression = take_vector(&c, 1);
	if (!c.bad && c.left) {
		extensions = take_vector(&c, 2);
	}
	return !c.bad && c.left == 0 && version >= 0x0301 && version <= 0x0303 && session.n <= 32 &&
	       ciphers.n >= 2 && ciphers.n % 2 == 0 && compression.n > 0 &&
	       read_extensions(extensions, h);
}

/* Of the bytes that are there, does any show that this is not the start of TLS? */
static bool begins_well(struct str in)
{
	static const unsigned char start[] = {RECORD_HANDSHAKE, 3};

	return memcmp(in.p, start, in.n < sizeof(start) ? in.n : sizeof(start)) == 0 &&
	       (in.n < 6 || in.p[5] == CLIENT_HELLO);
}

enum egress_hello_result egress_hello_read(struct str in, struct egress_hello *ret, struct err *err)
{
	struct cursor record = cursor_of(in), message;
	struct egress_hello h = {.size = 0};
	unsigned type, version, n, length;

	if (in.n == 0) {
		return EGRESS_HELLO_PARTIAL;
	}
	if (!begins_well(in)) {
		err_ignore(ERR(err, ERR_SYNTAX, "not the start of a TLS connection"));
		return EGRESS_HELLO_BAD;
	}
	if (in.n < RECORD_HEADER) {
		return EGRESS_HELLO_PARTIAL;
	}
	type = take_number(&record, 1);
	version = take_number(&record, 2);
	n = take_number(&record, 2);
	if (type != RECORD_HANDSHAKE || version < 0x0301 || version > 0x0303 ||
	    n < HANDSHAKE_HEADER || n > EGRESS_HELLO_MAX - RECORD_HEADER) {
		err_ignore(ERR(err, ERR_SYNTAX, "not the start of a TLS connection"));
		return EGRESS_HELLO_BAD;
	}
	if (record.left < n) {
		return EGRESS_HELLO_PARTIAL;
	}
	message = cursor_of(take_bytes(&record, n));
	type = take_number(&message, 1);
	length = take_number(&message, 3);
	h.size = RECORD_HEADER + n;
	if (type != CLIENT_HELLO || length != message.left ||
	    !read_message(str_make((const char *)message.p, message.left), &h)) {
		err_ignore(ERR(err, ERR_SYNTAX, "not one whole ClientHello in one record"));
		return EGRESS_HELLO_BAD;
	}
	*ret = h;
	return EGRESS_HELLO_DONE;
}
