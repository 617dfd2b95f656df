/* SPDX-License-Identifier: Apache-2.0 */
/* However a stream is cut, the same is read from it. */
#include "model/stream.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct summary {
	struct model_usage usage;
	enum model_finish finish;
	bool is_error, done, blind;
	uint64_t events, bad_events;
};

static struct summary run(struct str all, size_t cut)
{
	struct model_stream s;
	struct arena scratch;
	struct summary r;

	arena_init(&scratch, 1 << 20);
	model_stream_init(&s);
	for (size_t at = 0; at < all.n; at += cut) {
		model_stream_feed(&s, &scratch,
				  str_make(all.p + at, all.n - at < cut ? all.n - at : cut));
	}
	memset(&r, 0, sizeof(r));
	r.usage.given = s.outcome.usage.given;
	r.usage.input = s.outcome.usage.input;
	r.usage.output = s.outcome.usage.output;
	r.usage.cached = s.outcome.usage.cached;
	r.usage.reasoning = s.outcome.usage.reasoning;
	r.finish = s.outcome.finish;
	r.is_error = s.outcome.is_error;
	r.done = s.done;
	r.blind = s.blind;
	r.events = s.events;
	r.bad_events = s.bad_events;
	model_stream_done(&s);
	arena_done(&scratch);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str all = str_make((const char *)data, n);
	struct summary whole;

	if (n == 0 || n > 100000) {
		return 0;
	}
	whole = run(all, n);
	for (size_t cut = 1; cut <= 5; cut += 2) {
		struct summary parts = run(all, cut);

		if (memcmp(&whole, &parts, sizeof(whole)) != 0) {
			abort();
		}
	}
	return 0;
}
