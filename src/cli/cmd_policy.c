/* SPDX-License-Identifier: Apache-2.0 */
/* `writ policy VERB`: picks the verb; what the verbs share. */
#include "cli/cmd_policy.h"

#include "cli/verb.h"
#include "sys/fd.h"

#include <stdio.h>
#include <string.h>

static const struct cmd verbs[] = {
	{"check", "check policies against a schema", cmd_policy_check},
	{"eval", "decide one request, or one a line", cmd_policy_eval},
	{"corpus", "run a folder of Cedar integration tests", cmd_policy_corpus},
	{"diff", "what changes between two sets of policies", cmd_policy_diff},
	{"explain", "why a request is allowed or denied", cmd_policy_explain},
	{"fmt", "lay out policies; comments stay", cmd_policy_fmt},
	{"replay", "decide the events of a trace by temporal policies", cmd_policy_replay},
	{"prove", "what holds for all requests, or one that breaks it", cmd_policy_prove},
	{"schema", "write a schema for the tools of servers", cmd_policy_schema},
	{"test", "run the cases beside policies", cmd_policy_test},
	{"translate", "policies to JSON and back", cmd_policy_translate},
	{NULL, NULL, NULL},
};

int cmd_policy(int argc, char **argv)
{
	return verb_run("writ policy", "[OPTIONS]", verbs, argc, argv);
}

enum err_code cmd_policy_read(struct arena *a, const char *path, struct policy_source *ret,
			      struct err *err)
{
	TRY(fd_read_path(path, CMD_POLICY_FILE_MAX, a, &ret->text, err));
	ret->name = str_from_c(path);
	return ERR_OK;
}

enum err_code cmd_policy_read_optional(struct arena *a, const char *path,
				       const struct policy_source **ret, struct err *err)
{
	struct policy_source *src;

	*ret = NULL;
	if (!path) {
		return ERR_OK;
	}
	src = ARENA_NEW(a, struct policy_source);
	if (!src) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(cmd_policy_read(a, path, src, err));
	*ret = src;
	return ERR_OK;
}

/* The file that the document's `scriptFile` names, from the document's folder. */
static enum err_code read_script(struct arena *a, const char *document, struct str name,
				 struct policy_source *ret, struct err *err)
{
	const char *slash = strrchr(document, '/');
	struct str folder = slash ? str_make(document, (size_t)(slash + 1 - document)) : STR("");
	struct str path = arena_printf(a, STR_FMT STR_FMT, STR_ARG(folder), STR_ARG(name));

	if (!path.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(cmd_policy_read(a, path.p, ret, err));
	ret->name = name;
	return ERR_OK;
}

enum err_code cmd_policy_read_providers(struct arena *a, const char *path, struct dw_texts *texts,
					struct err *err)
{
	struct policy_source *scripts;
	struct str *names;
	size_t n;

	TRY(cmd_policy_read_optional(a, path, &texts->providers, err));
	if (!path) {
		return ERR_OK;
	}
	TRY(dw_provider_scripts(a, texts->providers, &names, &n, err));
	scripts = ARENA_ARRAY(a, n, struct policy_source);
	if (!scripts) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		TRY(read_script(a, path, names[i], &scripts[i], err));
	}
	texts->scripts = scripts;
	texts->n_scripts = n;
	return ERR_OK;
}

enum err_code cmd_policy_question(struct arena *a, const struct cmd_policy_files *files,
				  const struct policy_set_opts *opts, struct policy_diags *diags,
				  struct policy_case *ret, struct policy_request *ret_request,
				  struct err *err)
{
	size_t n = files->policies->n + files->more->n;
	struct policy_source *policies = ARENA_ARRAY(a, n, struct policy_source);
	struct policy_case_texts texts = {.policies = policies};
	const struct policy_source *request;
	const char *macros = NULL;
	const struct json *doc;

	if (!policies) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		const char *path = i < files->policies->n
					   ? files->policies->items[i]
					   : files->more->items[i - files->policies->n];

		TRY(cmd_policy_read(a, path, &policies[texts.n_policies], err));
		if (!macros && policy_case_is_temporal(&policies[texts.n_policies])) {
			macros = cmd_policy_macros_beside(a, path);
		}
		texts.n_policies++;
	}
	TRY(cmd_policy_read_optional(a, macros, &texts.macros, err));
	TRY(cmd_policy_read_optional(a, files->schema, &texts.schema, err));
	TRY(cmd_policy_read_optional(a, files->entities, &texts.entities, err));
	TRY(cmd_policy_read_optional(a, files->request, &request, err));
	TRY(policy_case_load(a, &texts, opts, diags, ret, err));
	TRY(policy_case_json(a, request, &doc, err));
	return policy_case_request(a, ret, doc, true, ret_request, err);
}

int cmd_policy_fail(const struct policy_diags *diags, struct out *o, const struct err *err)
{
	struct buf text;

	if (o->ops == &out_json_ops || diags->n_errors == 0) {
		return out_error(o, err);
	}
	buf_init(&text, 1 << 20);
	policy_diags_render(diags, &text);
	(void)fwrite(buf_str(&text).p, 1, buf_len(&text), stderr);
	buf_done(&text);
	return CMD_FAILED;
}

bool cmd_policy_same_ids(const struct json *want, const struct policy_rules *got)
{
	size_t n = 0;

	JSON_EACH (id, want) {
		bool found = false;

		for (size_t i = 0; i < got->n && !found; i++) {
			found = json_str_is(id, got->items[i]->id);
		}
		if (!found) {
			return false;
		}
		n++;
	}
	return n == got->n;
}
