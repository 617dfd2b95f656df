/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas in the human syntax. Oracle: schema_oracle.h. */
#include <stdint.h>

#include "tests/fuzz/policy/schema_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct policy_source src = {STR("input"), str_make((const char *)data, n)};
	struct policy_diags diags;
	struct schema_doc *doc;
	struct arena a;
	struct err err;

	if (n > SCHEMA_FUZZ_MAX) {
		return 0;
	}
	arena_init(&a, 256u << 20);
	policy_diags_init(&diags, &a);
	if (schema_parse(&a, &src, &doc, &diags, &err) == ERR_OK) {
		schema_oracle_check(&a, doc);
	} else {
		ASSERT(diags.n_errors > 0);
	}
	arena_done(&a);
	return 0;
}
