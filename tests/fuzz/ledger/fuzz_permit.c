/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: what is read as a permit is written again as the same bytes, and one changed bit changes what its MAC is of. */
#include <stdint.h>

#include "base/attr.h"
#include "ledger/permit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void mac_of(const struct permit *p, uint8_t ret[SHA256_LEN])
{
	uint8_t commitment[SHA256_LEN];

	permit_commit(p, commitment);
	permit_mac(STR("0123456789abcdef0123456789abcdef"), p, STR("model:a"), commitment, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	uint8_t mac[SHA256_LEN], other[SHA256_LEN];
	struct permit p = {0};
	struct buf again;

	if (!permit_read(&p, text)) {
		return 0;
	}
	buf_init(&again, PERMIT_MAX);
	permit_write(&p, &again);
	ASSERT(!again.failed && str_eq(buf_str(&again), text));
	buf_done(&again);
	mac_of(&p, mac);
	p.digests[n % p.n][n % SHA256_LEN] ^= (uint8_t)(1U << n % 8);
	mac_of(&p, other);
	ASSERT(memcmp(mac, other, sizeof(mac)) != 0);
	return 0;
}
