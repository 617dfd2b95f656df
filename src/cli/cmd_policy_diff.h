/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `writ policy diff`. */
#ifndef CLI_CMD_POLICY_DIFF_H
#define CLI_CMD_POLICY_DIFF_H

#include "cli/cmd_policy.h"
#include "policy/case.h"
#include "policy/dw.h"

#define DIFF_MEMORY_MAX ((size_t)2 << 30)
#define DIFF_FILES_MAX  1024

struct diff_args {
	const char *before, *after, *requests, *entities, *schema;
	const char *ledger, *config;
	const char *trace, *events, *providers, *macros;
	bool closed, json;
};

struct diff_side {
	struct policy_source sources[DIFF_FILES_MAX];
	size_t n;
	struct policy_case c;
};

struct diff {
	const struct diff_args *args;
	struct arena a;
	struct policy_diags diags;
	struct diff_side before, after;
	const struct policy_source *schema, *entities;
	struct out *out;
	bool temporal;                          /* some file is a .dw */
	uint64_t policies, seen, changed, open; /* of `seen` requests or events */
};

/* "deny by p, q" */
struct str diff_verdict(struct arena *a, const struct policy_decision *d);
struct str diff_uid(struct arena *a, const struct policy_uid *uid);
bool diff_same_ids(const struct policy_rules *a, const struct policy_rules *b);

/* cmd_policy_diff_load.c: reads both sides; for a trace their texts only. */
enum err_code diff_load(struct diff *d, struct err *err) MUST_USE;
/* Events, providers and macros as the command says; `first` is the first file of policies. */
enum err_code diff_temporal_texts(struct diff *d, struct dw_texts *texts,
				  const struct policy_source *first, struct err *err) MUST_USE;

/* cmd_policy_diff_ledger.c: the decisions of a ledger; the sides are loaded. */
enum err_code diff_ledger(struct diff *d, struct err *err) MUST_USE;

/* cmd_policy_diff_trace.c: the events of a trace; of the sides only the texts are read. */
enum err_code diff_trace(struct diff *d, struct err *err) MUST_USE;

#endif
