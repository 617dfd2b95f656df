/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canonical path is its own canonical form, and decoding every escape of it gives no dot
 * segment, no empty segment, no backslash and no control character.
 */
#include "egress/path.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static int digit(char c)
{
	return c >= 'A' ? c - 'A' + 10 : c - '0';
}

static void check_decoded(struct str path)
{
	struct buf out;
	struct str rest;

	buf_init(&out, path.n + 1);
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '%') {
			buf_append_c(&out,
				     (char)(digit(path.p[i + 1]) << 4 | digit(path.p[i + 2])));
			i += 2;
		} else {
			buf_append_c(&out, path.p[i]);
		}
	}
	rest = str_from(buf_str(&out), 1);
	while (rest.p) {
		struct str segment = str_cut(&rest, '/');

		check(!str_eq(segment, STR(".")) && !str_eq(segment, STR("..")));
		for (size_t i = 0; i < segment.n; i++) {
			unsigned char c = (unsigned char)segment.p[i];

			check(c >= 0x20 && c != 0x7f && c != '\\');
		}
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_make((const char *)data, n);
	struct buf once, twice;
	struct err err;

	for (int slashes = 0; slashes < 2; slashes++) {
		buf_init(&once, 1 << 16);
		buf_init(&twice, 1 << 16);
		if (egress_path_append(&once, in, slashes, &err) == ERR_OK) {
			check(egress_path_append(&twice, buf_str(&once), slashes, &err) == ERR_OK);
			check(str_eq(buf_str(&once), buf_str(&twice)));
			check_decoded(buf_str(&once));
		} else {
			check(buf_len(&once) == 0);
		}
		buf_done(&once);
		buf_done(&twice);
	}
	return 0;
}
