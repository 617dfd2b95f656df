/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz targets of several readers: the first byte picks which one gets the rest. */
#ifndef TESTS_FUZZ_OAUTH_READERS_H
#define TESTS_FUZZ_OAUTH_READERS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdlib.h>

typedef void fuzz_reader(struct arena *a, struct str in);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static int fuzz_readers(fuzz_reader *const *readers, size_t n_readers, const uint8_t *data,
			size_t n)
{
	struct arena a;

	if (n > 0) {
		arena_init(&a, 4 << 20);
		readers[data[0] % n_readers](&a, str_make((const char *)data + 1, n - 1));
		arena_done(&a);
	}
	return 0;
}

#endif
