/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/loader_types.h"

#include "gate/rules_types.h"
#include "proc/pins_file.h"

enum { PINS_MEMORY = 256 << 20, TOOL_MEMORY = 64 << 20 };

struct typing {
	struct arena *a;   /* of what stays */
	struct arena tmp;  /* of the pins */
	struct arena tool; /* of one tool's text */
	struct str state, pin;
	const struct json *pins; /* NULL: there are none */
	struct rules_types types;
	struct policy_diags *open;
};

static void leave_open(struct typing *t, const struct rules_named *tool, const char *why)
{
	policy_diag_warn(t->open, tool->source, tool->span, "%s: what is said of it is not checked",
			 why);
}

/* What is pinned of it. Without: *ret is NULL, and *why why, or NULL when the server simply has no such tool. */
static enum err_code find_pinned(struct typing *t, const struct rules_named *tool,
				 const struct json **ret, const char **why, struct err *err)
{
	bool met = false;

	*ret = NULL;
	*why = NULL;
	JSON_EACH (pin, t->pins) {
		bool approved = t->pin.n && str_eq(pins_file_member(pin, STR("id")), t->pin);
		struct str text;

		if (!str_eq(pins_file_member(pin, STR("server")), tool->server)) {
			continue;
		}
		met = true;
		if (!str_eq(pins_file_member(pin, STR("kind")), STR("tool")) ||
		    !str_eq(pins_file_member(pin, STR("name")), tool->tool)) {
			continue;
		}
		if (pins_file_text(&t->tool, t->state, pin, approved ? "pending" : "pinned", &text,
				   NULL)) {
			*why = "the text that is pinned of this tool is lost";
		} else if (text.n == 0) {
			*why = "this tool waits for a person (writ pin diff)";
		} else {
			return json_parse(&t->tool, text, NULL, ret, err);
		}
		return ERR_OK;
	}
	if (!met) {
		*why = "nothing is pinned of this server yet";
	}
	return ERR_OK;
}

/* Cedar alone can leave something unchecked: conditions over what happened count by types. */
static bool has_temporal(const struct config_loaded *l)
{
	for (size_t i = 0; i < l->n_policies; i++) {
		if (str_ends_with(l->policies[i].name, STR(".dw"))) {
			return true;
		}
	}
	return false;
}

static enum err_code add_one(struct typing *t, const struct rules_named *tool, bool strict,
			     struct err *err)
{
	const struct json *pinned;
	const char *why;

	if (rules_types_has(&t->types, tool)) {
		return ERR_OK;
	}
	arena_reset(&t->tool);
	if (find_pinned(t, tool, &pinned, &why, err)) {
		pinned = NULL;
		why = "what is pinned of this tool cannot be read";
	}
	if (pinned && rules_types_add(&t->types, tool, pinned, err)) {
		why = "the input schema of this tool has no types for policies";
	}
	if (!why || strict) {
		return ERR_OK;
	}
	leave_open(t, tool, why);
	return rules_types_leave_open(&t->types, tool, err);
}

static enum err_code add_all(struct typing *t, struct config_loaded *l,
			     const struct rules_named *named, size_t n, struct err *err)
{
	const struct policy_source schema = {.name = l->schema.name, .text = l->schema.text};
	enum err_code code;
	struct err why;

	if (rules_types_begin(&t->types, t->a, &schema, &why)) {
		return ERR_OK; /* it is as it was, and who checks it says what is wrong */
	}
	if (pins_file_read(&t->tmp, t->state, &t->pins, &why)) {
		if (why.code != ERR_NOT_FOUND) {
			*err = why;
			return why.code;
		}
		t->pins = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		TRY(add_one(t, &named[i], has_temporal(l), err));
	}
	if (t->types.tools.n_tools + t->types.n_unchecked == 0) {
		return ERR_OK;
	}
	code = rules_types_text(&t->types, &l->schema.text, err);
	return code == ERR_UNSUPPORTED ? ERR_OK : code; /* said in JSON, and not otherwise */
}

enum err_code loader_add_types(struct arena *a, struct config_loaded *l, struct str pin,
			       struct policy_diags *open, struct err *err)
{
	struct typing t = {.a = a, .state = l->config.state, .pin = pin, .open = open};
	struct policy_source *sources = ARENA_ARRAY(a, l->n_policies + 1, struct policy_source);
	struct rules_named *named;
	enum err_code code;
	size_t n;

	if (!sources) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < l->n_policies; i++) {
		sources[i] = (struct policy_source){.name = l->policies[i].name,
						    .text = l->policies[i].text};
	}
	if (l->schema.name.n == 0) {
		return ERR_OK;
	}
	TRY(rules_types_named(a, sources, l->n_policies, &l->config, &named, &n, err));
	if (n == 0) {
		return ERR_OK;
	}
	arena_init(&t.tmp, PINS_MEMORY);
	arena_init(&t.tool, TOOL_MEMORY);
	code = add_all(&t, l, named, n, err);
	arena_done(&t.tool);
	arena_done(&t.tmp);
	return code;
}
