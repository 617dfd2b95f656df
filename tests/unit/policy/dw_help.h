/* SPDX-License-Identifier: Apache-2.0 */
/* Loading temporal policies from texts and replaying traces, for tests. */
#ifndef TESTS_POLICY_DW_HELP_H
#define TESTS_POLICY_DW_HELP_H

#include "tests/test.h"

#include "policy/dw_engine.h"
#include "policy/dw_history.h"
#include "policy/dw_trace.h"

struct dw_world {
	struct arena a, scratch;
	struct policy_diags diags;
	struct err err;
	const struct dw_program *prog, *deciding; /* with trees and without */
	struct policy_source sources[5];
};

static inline void dw_world_init(struct dw_world *w)
{
	memset(w, 0, sizeof(*w));
	arena_init(&w->a, (size_t)1 << 30);
	arena_init(&w->scratch, (size_t)1 << 30);
	policy_diags_init(&w->diags, &w->a);
}

static inline void dw_world_done(struct dw_world *w)
{
	arena_done(&w->scratch);
	arena_done(&w->a);
}

/* Texts that are empty are absent. */
static inline enum err_code dw_world_load(struct dw_world *w, struct str policies,
					  struct str schema, struct str events,
					  struct str providers, struct str macros)
{
	struct dw_texts t = {.policies = &w->sources[0], .n_policies = 1, .schema = &w->sources[1]};

	w->sources[0] = (struct policy_source){STR("policy.dw"), policies};
	w->sources[1] = (struct policy_source){STR("schema"), schema};
	w->sources[2] = (struct policy_source){STR("events"), events};
	w->sources[3] = (struct policy_source){STR("providers"), providers};
	w->sources[4] = (struct policy_source){STR("macros"), macros};
	t.events = events.n ? &w->sources[2] : NULL;
	t.providers = providers.n ? &w->sources[3] : NULL;
	t.macros = macros.n ? &w->sources[4] : NULL;
	TRY(dw_load(&w->a, &t, &w->diags, &w->prog, &w->err));
	t.decide_only = true;
	return dw_load(&w->a, &t, &w->diags, &w->deciding, &w->err);
}

static inline void dw_world_must_load(struct dw_world *w, struct str policies, struct str schema,
				      struct str events, struct str providers, struct str macros)
{
	if (dw_world_load(w, policies, schema, events, providers, macros) != ERR_OK) {
		struct buf b;

		buf_init(&b, 1 << 20);
		policy_diags_render(&w->diags, &b);
		print_error("%s\n" STR_FMT, w->err.msg, STR_ARG(buf_str(&b)));
		fail();
	}
}

/* What `writ policy replay` prints. The incremental state must say the same. */
static inline void dw_world_replay(struct dw_world *w, struct str trace, bool whole,
				   struct buf *out)
{
	const struct dw_engine_opts opts = {0};
	size_t decisions = 0, line_number = 0;
	struct dw_engine *engine;
	struct dw_history h;

	dw_history_init(&h, w->prog, &w->a);
	assert_int_equal(dw_engine_new(w->deciding, &opts, &engine, &w->err), ERR_OK);
	for (struct str rest = trace; rest.p;) {
		struct str line = str_cut(&rest, '\n');
		struct dw_event *ev = ARENA_NEW(&w->a, struct dw_event);
		struct policy_decision d, inc;
		int64_t ts;

		line_number++;
		if (str_trim(line).n == 0) {
			continue;
		}
		if (dw_trace_line(&w->a, line, line_number, &ts, ev, &w->err) != ERR_OK ||
		    dw_history_add(&h, &ev->event, &w->err) != ERR_OK) {
			print_error("%s\n", w->err.msg);
			fail();
		}
		if (!dw_is_decision(w->prog, ev)) {
			assert_int_equal(
				dw_engine_observe(engine, &ev->event, &w->scratch, &w->err),
				ERR_OK);
			continue;
		}
		dw_history_decide(&h, ev, NULL, &w->scratch, &d, &w->err);
		dw_engine_decide(engine, ev, NULL, &w->scratch, &inc, &w->err);
		assert_int_equal(inc.allow, d.allow);
		assert_int_equal(inc.reasons.n, d.reasons.n);
		for (size_t i = 0; i < d.reasons.n; i++) {
			assert_int_equal(inc.reasons.items[i]->index, d.reasons.items[i]->index);
		}
		buf_printf(out, "@%lld (time point %zu): %s", (long long)ts,
			   whole ? h.n - 1 : decisions,
			   whole ? (d.allow ? "true" : "false") : (d.allow ? "ALLOW" : "DENY"));
		for (size_t i = 0; !whole && i < d.reasons.n; i++) {
			buf_printf(out, "%s%u", i ? ", " : "  [rules: ", d.reasons.items[i]->index);
		}
		buf_append(out, !whole && d.reasons.n ? STR("]\n") : STR("\n"));
		decisions++;
		arena_reset(&w->scratch);
	}
	dw_engine_free(engine);
}

#endif
