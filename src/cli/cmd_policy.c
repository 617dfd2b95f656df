/* SPDX-License-Identifier: Apache-2.0 */
/* `writ policy VERB`: picks the verb; what the verbs share. */
#include "cli/cmd_policy.h"

#include "cli/verb.h"
#include "sys/fd.h"

#include <stdio.h>

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
