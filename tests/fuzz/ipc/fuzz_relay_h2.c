/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a gate sends over HTTP/2, a credential is only ever a field of its own: a head that is
 * let through decodes, by a whole implementation of HPACK, to what it was and the credential behind
 * it; its method is GET, POST or DELETE; and no other bytes are a frame of fields.
 *
 * Input: records of a kind (0: other bytes, else: a head), two bytes of length, and bytes.
 */
#include "ipc/relay_h2.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

/* All fields of a block as "name: value" lines; false when it does not decode. */
static bool decode(struct str block, struct buf *to)
{
	const uint8_t *at = (const uint8_t *)block.p;
	nghttp2_hd_inflater *table;
	size_t left = block.n;
	bool ok = true;
	int flags = 0;

	check(nghttp2_hd_inflate_new(&table) == 0);
	while (ok && !(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		nghttp2_nv nv;
		ssize_t used = nghttp2_hd_inflate_hd2(table, &nv, &flags, at, left, 1);

		ok = used >= 0;
		if (!ok) {
			break;
		}
		at += used;
		left -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT) {
			buf_append(to, str_make((const char *)nv.name, nv.namelen));
			buf_append(to, STR(": "));
			buf_append(to, str_make((const char *)nv.value, nv.valuelen));
			buf_append(to, STR("\n"));
			if (nv.namelen == 7 && memcmp(nv.name, ":method", 7) == 0) {
				struct str m = str_make((const char *)nv.value, nv.valuelen);

				check(str_eq(m, STR("GET")) || str_eq(m, STR("POST")) ||
				      str_eq(m, STR("DELETE")));
			}
		}
	}
	nghttp2_hd_inflate_del(table);
	return ok;
}

static void check_head(struct str frame, struct str sent)
{
	struct buf was, is;

	buf_init(&was, 4 << 20);
	buf_init(&is, 4 << 20);
	check(sent.n > RELAY_H2_HEADER && sent.p[3] == 1);
	/* What does not decode does not for the upstream either, which then ends the connection. */
	if (decode(str_from(frame, RELAY_H2_HEADER), &was)) {
		check(decode(str_from(sent, RELAY_H2_HEADER), &is));
		buf_append(&was, STR("authorization: Bearer secret\n"));
		check(str_eq(buf_str(&was), buf_str(&is)));
	}
	buf_done(&was);
	buf_done(&is);
}

/* Of what has passed, that which was not marked holds no frame of fields. */
static void check_passed(struct str all, size_t heads)
{
	size_t found = 0;

	all = str_from(all, all.n < 24 ? all.n : 24);
	while (all.n >= RELAY_H2_HEADER) {
		const unsigned char *h = (const unsigned char *)all.p;
		size_t length = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];

		found += h[3] == 1;
		check(h[3] != 5 && h[3] != 9);
		if (all.n < RELAY_H2_HEADER + length) {
			break;
		}
		all = str_from(all, RELAY_H2_HEADER + length);
	}
	check(found == heads);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_make((const char *)data, n);
	struct relay_h2 r = {0};
	struct buf block, passed;
	size_t heads = 0;
	bool ok = true;

	buf_init(&block, 1000);
	buf_init(&passed, 8 << 20);
	check(relay_h2_fields(STR("Authorization: Bearer secret\r\n"), &block));
	if (n && data[0] & 0x80) { /* most inputs begin with the preface */
		buf_append(&passed, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
		check(relay_h2_body(&r, buf_str(&passed)));
	}
	while (ok && in.n >= 3) {
		size_t length = (size_t)(unsigned char)in.p[1] << 8 | (unsigned char)in.p[2];
		bool head = in.p[0] & 1;
		struct str piece;

		in = str_from(in, 3);
		piece = str_make(in.p, length < in.n ? length : in.n);
		in = str_from(in, piece.n);
		if (head) {
			size_t before = buf_len(&passed);

			ok = relay_h2_head(&r, piece, buf_str(&block), &passed);
			if (ok) {
				heads++;
				check_head(piece, str_from(buf_str(&passed), before));
			}
		} else {
			ok = relay_h2_body(&r, piece);
			if (ok) {
				buf_append(&passed, piece);
			}
		}
	}
	if (ok && n && data[0] & 0x80) {
		check_passed(buf_str(&passed), heads);
	}
	buf_done(&block);
	buf_done(&passed);
	return 0;
}
