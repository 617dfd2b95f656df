/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy test DIR`: the cases beside the policies. DIR holds
 *
 *   *.cedar, *.dw    all of them make the set, with @id as ids, annotations checked; macros.dw is
 *                    the library of macros
 *   *.cedarschema    at most one: policies, entities and requests must fit it
 *   *.dwschema, providers.json   of temporal policies; optional
 *   entities.json    optional
 *   tests/NAME.json  {"entities": [...], "cases": [CASE, ...]}; entities replace the file's
 *
 * CASE is a request and what is expected of it:
 *   {"name": "...", "principal": ..., "action": ..., "resource": ..., "context": {...},
 *    "now": "2026-01-01T00:00:00Z",
 *    "outcome": "allow" | "ask" | "deny", "reason": [ids], "errors": [ids]}
 * where reason and errors may be left out. With conditions over what happened before a case has, in
 * the place of the request, the lines of a trace (writ policy replay): the last is decided.
 *   {"name": "...", "trace": ["@0 ...", "@5 ..."], "outcome": "deny"}
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/case.h"
#include "policy/dw_history.h"
#include "policy/dw_trace.h"
#include "policy/validate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_MAX ((size_t)2 << 30)
#define FILES_MAX  1024

struct names {
	struct str items[FILES_MAX]; /* NUL behind each */
	size_t n;
};

struct suite {
	struct arena a;    /* policies and schema */
	struct arena work; /* one file of cases */
	struct out *out;
	struct policy_diags diags;
	struct policy_source *policies, schema, entities;
	size_t n_policies;
	bool has_schema, has_entities;
	bool temporal;
	struct dw_texts texts; /* temporal: what goes with the policies */
	uint64_t passed, failed;
};

static int name_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Files of a folder whose name has this ending, sorted; none when there is no folder. */
static enum err_code list_files(struct arena *a, const char *dir, struct str suffix,
				struct names *ret, struct err *err)
{
	DIR *d = opendir(dir);

	ret->n = 0;
	if (!d) {
		return errno == ENOENT ? ERR_OK : ERR_ERRNO(err, "open %s", dir);
	}
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		struct str name = str_from_c(e->d_name);

		if (name.p[0] == '.' || !str_ends_with(name, suffix)) {
			continue;
		}
		if (ret->n == FILES_MAX) {
			(void)closedir(d);
			return ERR(err, ERR_LIMIT, "%s: more than %d files", dir, FILES_MAX);
		}
		name = arena_printf(a, "%s/%s", dir, e->d_name);
		if (!name.p) {
			(void)closedir(d);
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		ret->items[ret->n++] = name;
	}
	(void)closedir(d);
	if (ret->n > 0) {
		qsort(ret->items, ret->n, sizeof(ret->items[0]), name_order);
	}
	return ERR_OK;
}

static enum err_code append_policies(struct suite *s, const struct names *names, struct err *err)
{
	struct policy_source *all =
		ARENA_ARRAY(&s->a, s->n_policies + names->n, struct policy_source);

	if (!all) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < s->n_policies; i++) {
		all[i] = s->policies[i];
	}
	s->policies = all;
	for (size_t i = 0; i < names->n; i++) {
		if (!str_ends_with(names->items[i], STR("/macros.dw"))) {
			TRY(cmd_policy_read(&s->a, names->items[i].p, &all[s->n_policies++], err));
		}
	}
	return ERR_OK;
}

static enum err_code load_policies(struct suite *s, const char *dir, struct names *names,
				   struct err *err)
{
	TRY(list_files(&s->a, dir, STR(".cedar"), names, err));
	TRY(append_policies(s, names, err));
	TRY(list_files(&s->a, dir, STR(".dw"), names, err));
	s->temporal = names->n > 0;
	TRY(append_policies(s, names, err));
	return s->n_policies > 0 ? ERR_OK
				 : ERR(err, ERR_NOT_FOUND, "%s: no .cedar and no .dw file", dir);
}

/* What stands beside temporal policies. */
static enum err_code load_temporal(struct suite *s, const char *dir, struct names *names,
				   struct err *err)
{
	struct str macros = arena_printf(&s->a, "%s/macros.dw", dir);
	struct str providers = arena_printf(&s->a, "%s/providers.json", dir);

	if (!macros.p || !providers.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(list_files(&s->a, dir, STR(".dwschema"), names, err));
	if (names->n > 1) {
		return ERR(err, ERR_INVALID, "%s: more than one .dwschema file", dir);
	}
	TRY(cmd_policy_read_optional(&s->a, names->n ? names->items[0].p : NULL, &s->texts.events,
				     err));
	if (access(macros.p, F_OK) == 0) {
		TRY(cmd_policy_read_optional(&s->a, macros.p, &s->texts.macros, err));
	}
	return access(providers.p, F_OK) == 0
		       ? cmd_policy_read_providers(&s->a, providers.p, &s->texts, err)
		       : ERR_OK;
}

static enum err_code load_suite(struct suite *s, const char *dir, struct names *names,
				struct err *err)
{
	enum err_code code;
	struct str path;

	TRY(load_policies(s, dir, names, err));
	if (s->temporal) {
		TRY(load_temporal(s, dir, names, err));
	}
	TRY(list_files(&s->a, dir, STR(".cedarschema"), names, err));
	if (names->n > 1) {
		return ERR(err, ERR_INVALID, "%s: more than one .cedarschema file", dir);
	}
	if (names->n == 1) {
		TRY(cmd_policy_read(&s->a, names->items[0].p, &s->schema, err));
		s->has_schema = true;
	}
	path = arena_printf(&s->a, "%s/entities.json", dir);
	if (!path.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	code = cmd_policy_read(&s->a, path.p, &s->entities, err);
	s->has_entities = code == ERR_OK;
	return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static struct str ids_text(struct arena *a, const struct policy_rules *rules)
{
	struct str s = STR("none");

	for (size_t i = 0; i < rules->n; i++) {
		s = i == 0 ? rules->items[i]->id
			   : arena_printf(a, STR_FMT ", " STR_FMT, STR_ARG(s),
					  STR_ARG(rules->items[i]->id));
	}
	return s;
}

/* Empty when the decision is what the case expects, else what is different. */
static struct str difference(struct arena *a, const struct json *expect,
			     const struct policy_decision *d)
{
	const struct json *outcome = json_get(expect, STR("outcome"));
	const struct json *reason = json_get(expect, STR("reason"));
	const struct json *errors = json_get(expect, STR("errors"));
	const char *got = policy_outcome_name(d->outcome);

	if (!json_is_string(outcome)) {
		return STR("the case has no \"outcome\"");
	}
	if (!json_str_is(outcome, str_from_c(got))) {
		return arena_printf(a, "want " STR_FMT ", got %s because of " STR_FMT,
				    STR_ARG(outcome->text), got,
				    STR_ARG(ids_text(a, &d->deciding)));
	}
	if (reason && !cmd_policy_same_ids(reason, &d->deciding)) {
		return arena_printf(a, "decided by " STR_FMT, STR_ARG(ids_text(a, &d->deciding)));
	}
	if (errors && !cmd_policy_same_ids(errors, &d->errors)) {
		return arena_printf(a, "errors in " STR_FMT, STR_ARG(ids_text(a, &d->errors)));
	}
	return STR("");
}

/* The last event of the trace is decided, after all others have happened. */
static enum err_code decide_trace(struct suite *s, const struct dw_program *prog,
				  const struct policy_store *store, const struct json *trace,
				  struct policy_decision *ret, struct err *err)
{
	struct dw_event *ev = NULL;
	struct dw_history h;
	size_t number = 0;

	dw_history_init(&h, prog, &s->work);
	JSON_EACH (line, trace) {
		int64_t ts;

		ev = ARENA_NEW(&s->work, struct dw_event);
		if (!ev) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		TRY(dw_trace_line(&s->work, json_str(line), ++number, &ts, ev, err));
		if (!dw_events_kind(prog->events, ev->event.kind)) {
			return ERR(err, ERR_INVALID, "line %zu: unknown event kind `" STR_FMT "`",
				   number, STR_ARG(ev->event.kind));
		}
		TRY(dw_history_add(&h, &ev->event, err));
	}
	if (!ev || !dw_is_decision(prog, ev)) {
		return ERR(err, ERR_INVALID, "the last event of a trace has to ask for a decision");
	}
	dw_history_decide(&h, ev, store, &s->work, ret, err);
	return ERR_OK;
}

static enum err_code decide_request(struct suite *s, const struct policy_case *c,
				    const struct json *j, struct policy_decision *ret,
				    struct err *err)
{
	const struct json *now = json_get(j, STR("now"));
	struct policy_request req;

	TRY(policy_case_request(&s->work, c, j, true, &req, err));
	if (now && !policy_datetime_parse(json_str(now), &req.now)) {
		return ERR(err, ERR_INVALID, "`now` is not a date and time");
	}
	policy_decide(c->set, &req, &s->work, ret);
	return ERR_OK;
}

static enum err_code run_case(struct suite *s, const struct policy_case *c,
			      const struct dw_program *prog, const struct json *j, struct str *ret,
			      struct err *err)
{
	const struct json *trace = json_get(j, STR("trace"));
	struct policy_decision d;

	if (trace && (!prog || !prog->events)) {
		return ERR(err, ERR_INVALID, "a trace is for .dw files and a schema");
	}
	if (!trace && prog && prog->n_leaves + prog->n_calls > 0) {
		return ERR(
			err, ERR_INVALID,
			"these policies ask what happened before: give the case a \"trace\", whose "
			"last line is decided");
	}
	TRY(trace ? decide_trace(s, prog, c->store, trace, &d, err)
		  : decide_request(s, c, j, &d, err));
	*ret = d.failure ? str_from_c(d.failure) : difference(&s->work, j, &d);
	return ERR_OK;
}

static void report(struct suite *s, const char *path, const struct json *j, size_t number,
		   struct str what)
{
	struct str name = json_str(json_get(j, STR("name")));

	if (what.n == 0) {
		s->passed++;
		return;
	}
	s->failed++;
	out_note(s->out, "FAILED %s: case %zu" STR_FMT STR_FMT ": " STR_FMT, path, number,
		 STR_ARG(name.n > 0 ? STR(", ") : STR("")), STR_ARG(name), STR_ARG(what));
}

static enum err_code compile_temporal(struct suite *s, const struct dw_program **ret,
				      struct err *err)
{
	bool *cedar = ARENA_ARRAY(&s->work, s->n_policies, bool);
	struct dw_texts texts = s->texts;

	if (!cedar) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < s->n_policies; i++) {
		cedar[i] = !policy_case_is_temporal(&s->policies[i]);
	}
	texts.policies = s->policies;
	texts.n_policies = s->n_policies;
	texts.cedar = cedar;
	texts.schema = s->has_schema ? &s->schema : NULL;
	texts.ids = POLICY_ID_ANNOTATION;
	texts.strict_annotations = true;
	return dw_load(&s->work, &texts, &s->diags, ret, err);
}

static enum err_code run_file(struct suite *s, const char *path, struct err *err)
{
	const struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION,
					     .strict_annotations = true};
	struct policy_case_texts texts = {s->policies, s->n_policies,
					  s->has_schema ? &s->schema : NULL,
					  s->has_entities ? &s->entities : NULL};
	struct policy_source src, inline_entities = {str_from_c(path), {0}};
	const struct dw_program *prog = NULL;
	const struct json *doc;
	struct policy_case c;
	size_t number = 0;

	TRY(cmd_policy_read(&s->work, path, &src, err));
	TRY(policy_case_json(&s->work, &src, &doc, err));
	if (!json_is_array(json_get(doc, STR("cases")))) {
		return ERR(err, ERR_INVALID, "%s: no list of \"cases\"", path);
	}
	if (json_get(doc, STR("entities"))) {
		inline_entities.text = json_get(doc, STR("entities"))->raw;
		texts.entities = &inline_entities;
	}
	if (s->temporal) {
		texts.n_policies = 0;
		TRY(compile_temporal(s, &prog, err));
	}
	TRY(policy_case_load(&s->work, &texts, &opts, &s->diags, &c, err));
	if (prog) {
		c.set = prog->set;
	} else if (c.schema) {
		TRY(validate_policies(c.schema, &c.policies, &s->diags, err));
		if (s->diags.n_errors > 0) {
			return policy_diags_err(&s->diags, ERR_INVALID, err);
		}
	}
	JSON_EACH (j, json_get(doc, STR("cases"))) {
		struct err why = {0};
		struct str what = STR("");

		if (run_case(s, &c, prog, j, &what, &why)) {
			what = str_from_c(why.msg);
		}
		report(s, path, j, ++number, what);
	}
	return ERR_OK;
}

static enum err_code run_suite(struct suite *s, const char *dir, struct names *names,
			       struct err *err)
{
	struct str tests;

	TRY(load_suite(s, dir, names, err));
	tests = arena_printf(&s->a, "%s/tests", dir);
	if (!tests.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(list_files(&s->a, tests.p, STR(".json"), names, err));
	if (names->n == 0) {
		return ERR(err, ERR_NOT_FOUND, "%s: no .json file with cases", tests.p);
	}
	for (size_t i = 0; i < names->n; i++) {
		arena_reset(&s->work);
		policy_diags_init(&s->diags, &s->work);
		TRY(run_file(s, names->items[i].p, err));
	}
	return ERR_OK;
}

int cmd_policy_test(int argc, char **argv)
{
	const char *dir = NULL;
	bool json = false;
	const struct opt opts[] = {OPT_JSON(&json)};
	const struct opt_word words[] = {
		{.name = "DIR",
		 .help = "policies, with cases in DIR/tests",
		 .required = true,
		 .text = &dir},
	};
	const struct opt_spec spec = {
		.command = "writ policy test",
		.summary = "Runs the cases that stand beside policies.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ policy test policies",
	};
	struct names *names = calloc(1, sizeof(*names));
	struct suite s = {0};
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		free(names);
		return status;
	}
	s.out = &o;
	arena_init(&s.a, MEMORY_MAX);
	arena_init(&s.work, MEMORY_MAX);
	if (!names || run_suite(&s, dir, names, &err)) {
		status = out_error(&o, &err);
	} else {
		out_u64(&o, "passed", s.passed);
		out_u64(&o, "failed", s.failed);
		out_note(&o, "%llu passed, %llu failed", (unsigned long long)s.passed,
			 (unsigned long long)s.failed);
		status = s.failed > 0 ? CMD_FOUND : CMD_FINE;
	}
	arena_done(&s.work);
	arena_done(&s.a);
	free(names);
	return out_end(&o, status);
}
