/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ClientHello cut at any place is partial or bad and never another one; the name lies within
 * the record; what follows the record changes nothing.
 */
#include "egress/hello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_make((const char *)data, n);
	struct egress_hello h, part;
	struct err err;

	if (egress_hello_read(in, &h, &err) != EGRESS_HELLO_DONE) {
		return 0;
	}
	check(h.size <= n && h.size <= EGRESS_HELLO_MAX);
	check(!h.name.p ||
	      (h.name.n > 0 && h.name.p >= in.p && h.name.p + h.name.n <= in.p + h.size));
	for (size_t cut = 0; cut < h.size; cut++) {
		check(egress_hello_read(str_make(in.p, cut), &part, &err) == EGRESS_HELLO_PARTIAL);
	}
	check(egress_hello_read(str_make(in.p, h.size), &part, &err) == EGRESS_HELLO_DONE);
	check(str_eq(part.name, h.name) && part.ech == h.ech);
	return 0;
}
