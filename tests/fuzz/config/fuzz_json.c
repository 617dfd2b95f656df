/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration in JSON, as roles get it: refused with a reason, or stable under re-encoding. */
#include "tests/fuzz/config/round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct config cfg;
	struct err err = {0};
	struct arena a;

	arena_init(&a, 64 << 20);
	if (config_decode_json(&a, str_make((const char *)data, n), &cfg, &err) == ERR_OK) {
		check_round_trip(&a, &cfg);
	} else {
		check_error(&err, STR("configuration"));
	}
	arena_done(&a);
	return 0;
}
