/* SPDX-License-Identifier: Apache-2.0 */
/* writ approve, deny: a person's answer to what an agent waits for. */
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/out.h"

enum { APPROVE_MEMORY = 64 << 20 };

struct approve {
	bool yes;
	const char *config, *state, *id;
	bool json;
};

static void show_one(struct out *o, const struct json *item, struct arena *a)
{
	const struct json *request, *cut;
	struct str what, id = json_str(json_get(item, STR("id")));
	uint64_t record = 0;

	if (json_parse(a, json_str(json_get(item, STR("request"))), NULL, &request, NULL)) {
		return;
	}
	(void)(json_get(request, STR("record")) &&
	       json_u64(json_get(request, STR("record")), &record));
	cut = json_get(request, STR("cut"));
	what = json_str(json_get(request, STR("what")));
	out_row_begin(o);
	out_text(o, "id", id);
	out_text(o, "agent", json_str(json_get(request, STR("agent"))));
	out_text(o, "to", json_str(json_get(request, STR("to"))));
	out_text(o, "what",
		 json_is_bool(cut) && cut->boolean ? arena_printf(a, STR_FMT "...", STR_ARG(what))
						   : what);
	out_text(o, "policy", json_str(json_get(request, STR("policy"))));
	out_text(o, "reason", json_str(json_get(request, STR("reason"))));
	out_u64(o, "record", record);
	out_row_end(o);
}

static int show(struct out *o, struct arena *a, struct str text, struct err *err)
{
	static const struct out_col cols[] = {{"id", 0},    {"agent", 0},  {"to", 0},
					      {"what", 0},  {"policy", 0}, {"reason", 0},
					      {"record", 0}};
	static const struct out_list list = {
		.name = "held", .cols = cols, .n_cols = ARRAY_LEN(cols), .between = "  "};
	const struct json *held;

	if (json_parse(a, text, NULL, &held, err)) {
		return out_error(o, err);
	}
	out_list_begin(o, &list);
	JSON_EACH (item, held) {
		show_one(o, item, a);
	}
	out_list_end(o);
	return CMD_FINE;
}

static int ask(struct out *o, struct arena *a, const struct approve *args, struct err *err)
{
	struct config_errors errors = {0};
	const struct json *answer, *ok;
	struct str state, request = STR("{\"op\":\"held\"}");
	struct str id = str_from_c(args->id);

	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] != '.' && (id.p[i] < '0' || id.p[i] > '9')) {
			err_ignore(ERR(err, ERR_INVALID,
				       "%s is not what is held: writ approve shows it", args->id));
			return out_error(o, err);
		}
	}
	if (args->id) {
		request = arena_printf(a, "{\"op\":\"%s\",\"id\":\"%s\"}",
				       args->yes ? "approve" : "deny", args->id);
	}
	if (control_state(a, args->config, args->state, &state, &errors, err) ||
	    control_ask(a, state, request, &answer, err)) {
		return out_error(o, err);
	}
	ok = json_get(answer, STR("ok"));
	if (json_is_bool(ok) && ok->boolean && !args->id) {
		return show(o, a, json_str(json_get(answer, STR("text"))), err);
	}
	out_bool(o, "done", json_is_bool(ok) && ok->boolean);
	if (json_is_bool(ok) && ok->boolean) {
		return CMD_FINE;
	}
	out_text(o, "reason", json_str(json_get(answer, STR("error"))));
	return CMD_FOUND;
}

static int approve_main(struct approve *args, struct opt_spec spec, int argc, char **argv)
{
	const struct opt opts[] = {
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &args->config,
		 .help = "the node's configuration (default: writ.yaml)"},
		{.name = "state",
		 .value = "DIR",
		 .text = &args->state,
		 .help = "the node's state folder instead"},
		OPT_JSON(&args->json),
	};
	const struct opt_word words[] = {{.name = "ID",
					  .help = "what is held; without it all of that is shown",
					  .required = !args->yes,
					  .text = &args->id}};
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	args->config = "writ.yaml";
	spec.opts = opts;
	spec.n_opts = ARRAY_LEN(opts);
	spec.words = words;
	spec.n_words = ARRAY_LEN(words);
	if (!out_begin(&o, &spec, argc, argv, &args->json, &status)) {
		return status;
	}
	arena_init(&a, APPROVE_MEMORY);
	status = out_end(&o, ask(&o, &a, args, &err));
	arena_done(&a);
	return status;
}

int cmd_approve(int argc, char **argv)
{
	struct approve args = {.yes = true};

	return approve_main(&args,
			    (struct opt_spec){.command = "writ approve",
					      .summary = "Says yes to what an agent waits for, "
							 "because a policy asks. It is decided "
							 "again with your approval.",
					      .example = "writ approve 0.7"},
			    argc, argv);
}

int cmd_deny(int argc, char **argv)
{
	struct approve args = {.yes = false};

	return approve_main(&args,
			    (struct opt_spec){.command = "writ deny",
					      .summary = "Says no to what an agent waits for, "
							 "because a policy asks.",
					      .example = "writ deny 0.7"},
			    argc, argv);
}
