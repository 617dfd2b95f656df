/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a line of a trace, as an event schema, as declarations of providers, as a
 * provider script and as a value of a snapshot. Oracle: values that were read survive being
 * written as bytes.
 */
#include "policy/dw_provider.h"
#include "policy/dw_script.h"
#include "policy/dw_trace.h"
#include "policy/schema_ast.h"
#include "policy/temporal_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_line(struct arena *a, struct str text)
{
	struct temporal_bytes b = {.a = a}, again = {.a = a};
	struct dw_event ev;
	struct policy_value back;
	struct str in;
	int64_t ts;

	if (dw_trace_line(a, text, 1, &ts, &ev, NULL) != ERR_OK) {
		return;
	}
	ASSERT(ev.event.ts_ms == ts * 1000);
	temporal_put_value(&b, ev.event.fields);
	ASSERT(!b.failed);
	in = str_make(b.p, b.n);
	ASSERT(temporal_get_value(&in, a, &back) && in.n == 0);
	ASSERT(policy_value_eq(back, ev.event.fields));
	temporal_put_value(&again, back);
	ASSERT(str_eq(str_make(b.p, b.n), str_make(again.p, again.n)));
}

static void check_declarations(struct arena *a, struct str text)
{
	const struct policy_source schema = {
		STR("s"), STR("entity U; action a appliesTo { principal: [U], "
			      "resource: [U], context: { input: { u: String } } };")};
	const struct policy_source src = {STR("e"), text};
	const struct dw_providers *ps;
	const struct dw_events *ev;
	const struct schema *s;
	struct str *names;
	size_t n;
	struct policy_diags diags;

	policy_diags_init(&diags, a);
	ASSERT(schema_load(a, &schema, &s, &diags, NULL) == ERR_OK);
	if (dw_events_load(a, &src, s, &ev, &diags, NULL) == ERR_OK) {
		ASSERT(ev->n_kinds > 0 && ev->max_window_ms > 0);
	} else {
		ASSERT(diags.n_errors > 0 || a->exhausted);
	}
	if (dw_providers_load(a, &src, s, NULL, &ps, NULL) == ERR_OK) {
		ASSERT(ps->n <= DW_PROVIDERS_MAX);
		ASSERT(dw_provider_scripts(a, &src, &names, &n, NULL) == ERR_OK && n == 0);
	}
}

static void check_script(struct arena *a, struct str text)
{
	const struct policy_value arg = policy_string(STR("some text 42"));
	const struct dw_script *script;
	struct policy_value v;

	if (dw_script_parse(a, text, STR("evaluate"), 1, &script, NULL) == ERR_OK) {
		err_ignore(dw_script_run(script, &arg, 1, a, &v, NULL)); /* may fail, must end */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	struct policy_value v;
	struct arena a;

	arena_init(&a, 256 << 20);
	check_line(&a, text);
	check_declarations(&a, text);
	check_script(&a, text);
	(void)!temporal_get_value(&text, &a, &v);
	arena_done(&a);
	return 0;
}
