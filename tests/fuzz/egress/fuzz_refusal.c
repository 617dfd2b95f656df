/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A refusal is read within its packet only: what follows changes nothing, what is cut off is none or the same.
 */
#include "egress/refusal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static bool same(const struct egress_refusal *a, const struct egress_refusal *b)
{
	return egress_ip_eq(&a->ip, &b->ip) && a->port == b->port && a->datagram == b->datagram;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t size = n < EGRESS_REFUSAL_MAX ? n : EGRESS_REFUSAL_MAX;
	struct egress_refusal r, part;

	if (!egress_refusal_read(str_make((const char *)data, size), &r)) {
		return 0;
	}
	check(egress_classify(&r.ip) != EGRESS_LOOPBACK);
	check(size >= 34 && r.ip.v6 == (data[0] >> 4 == 6));
	for (size_t cut = 0; cut < size; cut++) {
		char *exact = malloc(cut + 1); /* so that a sanitizer sees a byte too much */

		check(exact != NULL);
		memcpy(exact, data, cut);
		check(!egress_refusal_read(str_make(exact, cut), &part) || same(&r, &part));
		free(exact);
	}
	return 0;
}
