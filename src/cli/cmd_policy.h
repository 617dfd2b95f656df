/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `writ policy`: cmd_policy_eval.c holds cmd_policy_eval. */
#ifndef CLI_CMD_POLICY_H
#define CLI_CMD_POLICY_H

#include "base/arena.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "policy/case.h"
#include "policy/diag.h"
#include "policy/dw.h"

int cmd_policy_check(int argc, char **argv);
int cmd_policy_eval(int argc, char **argv);
int cmd_policy_corpus(int argc, char **argv);
int cmd_policy_diff(int argc, char **argv);
int cmd_policy_explain(int argc, char **argv);
int cmd_policy_fmt(int argc, char **argv);
int cmd_policy_replay(int argc, char **argv);
int cmd_policy_prove(int argc, char **argv);
int cmd_policy_schema(int argc, char **argv);
int cmd_policy_test(int argc, char **argv);
int cmd_policy_translate(int argc, char **argv);

#define CMD_POLICY_FILE_MAX (64u << 20)

/* The whole file as a source named by its path, in the arena. */
enum err_code cmd_policy_read(struct arena *a, const char *path, struct policy_source *ret,
			      struct err *err) MUST_USE;

/* The same when there is a path; else *ret is NULL. */
enum err_code cmd_policy_read_optional(struct arena *a, const char *path,
				       const struct policy_source **ret, struct err *err) MUST_USE;

/* Providers, when there is a path, and the scripts that they name, into the texts. */
enum err_code cmd_policy_read_providers(struct arena *a, const char *path, struct dw_texts *texts,
					struct err *err) MUST_USE;

/* The files of one question, as `eval` and `explain` take them. */
struct cmd_policy_files {
	const struct opt_list *policies, *more; /* --policies, and words */
	const char *schema, *entities;          /* may be NULL */
	const char *request;
};

/* Everything in the arena. Problems of policies and schema are in `diags` too. */
enum err_code cmd_policy_question(struct arena *a, const struct cmd_policy_files *files,
				  const struct policy_set_opts *opts, struct policy_diags *diags,
				  struct policy_case *ret, struct policy_request *ret_request,
				  struct err *err) MUST_USE;

/*
 * Why the command could not run: what is wrong with policies, schema or entities with its place,
 * on standard error; anything else, and all of it in JSON, by out_error. Returns CMD_FAILED.
 */
int cmd_policy_fail(const struct policy_diags *diags, struct out *o, const struct err *err);

/* macros.dw in the folder of a policy file, in the arena; NULL when there is none. */
const char *cmd_policy_macros_beside(struct arena *a, const char *policies);

/* Does an array of texts hold the ids of these rules, in any order, and no other? */
bool cmd_policy_same_ids(const struct json *want, const struct policy_rules *got);

#endif
