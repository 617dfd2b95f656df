/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that we read has one form: it is read back from what it is written as. What
 * libc takes for an address in any of its forms is an address to us or refused, never a name.
 */
#include "egress/host.h"

#include <arpa/inet.h>
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
	struct egress_host h, again;
	struct in_addr taken;
	struct buf out;
	struct err err;

	if (egress_host_parse(in, 80, &h, &err)) {
		return 0;
	}
	check(h.port != 0 && h.n > 0 && h.n <= EGRESS_NAME_MAX);
	check(memchr(h.name, 0, h.n) == NULL && h.name[h.n] == 0);
	check(h.is_ip || inet_aton(h.name, &taken) == 0);
	for (unsigned i = 0; i < h.n; i++) {
		check(!(h.name[i] >= 'A' && h.name[i] <= 'Z') && h.name[i] > 0x20 &&
		      h.name[i] < 0x7f);
	}
	buf_init(&out, 512);
	egress_host_write(&out, &h, 0);
	check(egress_host_parse(buf_str(&out), 0, &again, &err) == ERR_OK);
	check(str_eq(egress_host_name(&h), egress_host_name(&again)) && h.port == again.port &&
	      h.is_ip == again.is_ip);
	buf_done(&out);
	return 0;
}
