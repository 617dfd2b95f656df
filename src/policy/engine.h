/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision engine: policy texts in, decisions out. Pure: no I/O, no clock,
 * no globals; the same set and the same request give the same decision on every
 * machine, so an auditor can replay it.
 *
 * Two answers come out of one evaluation:
 *
 * - the Cedar answer (`allow`, `reasons`, `errors`): exactly the language's
 *   authorisation algorithm; no annotation changes it;
 * - the outcome for the host: ALLOW with duties, ASK with remedies, or DENY.
 *   It is stricter where the Cedar answer is lenient: a forbid that fails to
 *   evaluate counts as satisfied, and without a remedy.
 *
 * Annotations (a closed list, see policy/annotation.h):
 *   on a forbid, remedies: @ask @ask_ttl @retry_after @step_up. A denial
 *     becomes ASK when a permit is satisfied and every satisfied forbid has a
 *     remedy. When it is discharged the host asks for a new decision.
 *   on a permit, duties: @redact @route @audit @mask_output @watermark @sandbox
 *     @timeout. Permits are alternatives, so ALLOW takes the cheapest; its
 *     duties must be done before any byte leaves, or the host denies.
 *     @always("audit") makes a duty hold whenever this permit is satisfied.
 *   on both: @id @reason @audit @limit @owner @severity @advice, @since and @until
 *     (counted only in that time), @mode("log") (evaluated, reported, not counted).
 *
 * Nothing fails open: an internal failure (memory) is DENY with `failure` set.
 */
#ifndef POLICY_ENGINE_H
#define POLICY_ENGINE_H

#include "policy/eval.h"
#include "policy/parse.h"

#define POLICY_FILE_MAX (4u << 20) /* bytes of one source */

struct schema;

/* An annotation of a policy. */
struct policy_note {
	struct str key, value;
};

/* One policy of a set, as the host sees it. Lives as long as the set's arena. */
struct policy_rule {
	struct str id;
	enum policy_effect effect;
	const struct policy_note *notes; /* all annotations, in the order of the text */
	uint32_t n_notes;
	uint32_t index; /* position in the set */
	uint32_t line;  /* in `source`; from 1, as the column */
	uint32_t column;
	struct str source;    /* the source's name */
	bool log_only;        /* @mode("log") */
	bool remedy;          /* a forbid with @ask, @retry_after or @step_up */
	uint16_t weight;      /* of its duties; the cheapest permit has the least */
	uint16_t always;      /* duties named by @always: bits of enum policy_duty */
	int64_t since, until; /* milliseconds since 1970; INT64_MIN, INT64_MAX when absent */
};

/* The annotation's value, or p NULL when it is absent. */
struct str policy_rule_note(const struct policy_rule *rule, struct str key);

struct policy_set;

/* A host's own look at a policy before it is compiled, with its `check_arg`; false after a diagnostic. */
typedef bool policy_check_fn(const struct policy *p, const void *arg, struct policy_diags *diags);

struct policy_set_opts {
	enum policy_id_scheme ids;
	bool strict_annotations; /* unknown keys and bad values are errors: gateways */
	bool drop_trees;         /* policy_set_build: they may go once the set is made */
	policy_check_fn *check;  /* NULL: none */
	const void *check_arg;
	const struct schema *schema; /* when given, policies must pass strict validation */
};

/*
 * Compiles all sources into one immutable set in the arena: all or nothing. On
 * failure `diags` (not NULL; its arena outlives it) says why. Ids must be distinct.
 * Templates are refused: they are linked by policy/template.h first. The sources
 * may be freed after the call, once `diags` has been rendered. `opts` may be NULL:
 * order ids, Cedar annotations.
 */
enum err_code policy_set_load(struct arena *a, const struct policy_source *sources, size_t n,
			      const struct policy_set_opts *opts, struct policy_diags *diags,
			      const struct policy_set **ret, struct err *err) MUST_USE;

/* The same from parsed policies, whose trees stay borrowed from the parser's arena. */
enum err_code policy_set_build(struct arena *a, const struct policy_list *list,
			       const struct policy_set_opts *opts, struct policy_diags *diags,
			       const struct policy_set **ret, struct err *err) MUST_USE;

size_t policy_set_size(const struct policy_set *set);
const struct policy_rule *policy_set_rule(const struct policy_set *set, size_t i);
const struct policy_rule *policy_set_find(const struct policy_set *set, struct str id);

/*
 * The bytes that name a set of sources: ids are left to the text, white space,
 * comments and file names are dropped. Two texts with the same canonical bytes
 * hold the same policies in the same order. For the host to hash.
 */
enum err_code policy_canonical(const struct policy_source *sources, size_t n, struct buf *out,
			       struct err *err) MUST_USE;

struct policy_request {
	const struct policy_uid *principal, *action, *resource; /* made by policy_uid_make */
	struct policy_value context;                            /* RECORD */
	const struct policy_store *store;                       /* may be NULL */
	/*
	 * Entities known only for this request; each hides one of the same name in
	 * the store. uid, attrs, tags, parents; `ancestors` is left zero. Entities
	 * of the store do not gain parents through these.
	 */
	const struct policy_entity *entities;
	size_t n_entities;
	int64_t now; /* milliseconds since 1970, for @since and @until */
};

enum policy_outcome { POLICY_DENY = 0, POLICY_ASK, POLICY_ALLOW };

/* Lists of rules, in the order of the set. */
struct policy_rules {
	const struct policy_rule **items;
	size_t n, cap;
};

struct policy_decision {
	enum policy_outcome outcome;
	bool allow;                        /* Cedar */
	struct policy_rules reasons;       /* Cedar: what determined the answer */
	struct policy_rules errors;        /* Cedar: what failed to evaluate */
	enum policy_fault_code *faults;    /* one for each of `errors` */
	struct policy_rules deciding;      /* ALLOW: the satisfied permits counted, ASK and
					      DENY: the forbids; empty: nothing permits it */
	const struct policy_rule *permit;  /* ALLOW: the one whose duties hold */
	const struct policy_note **duties; /* ALLOW */
	size_t n_duties;
	const struct policy_note **remedies; /* ASK: of every deciding forbid */
	size_t n_remedies;
	struct policy_rules logged; /* satisfied or failed, but only @mode("log") */
	const char *failure;        /* not NULL: nothing was decided, the answer is DENY */
};

/*
 * Decides. Everything in *ret lives in `scratch` and in the set. Never fails
 * open; takes memory from `scratch` only.
 */
void policy_decide(const struct policy_set *set, const struct policy_request *req,
		   struct arena *scratch, struct policy_decision *ret);

/*
 * Could this request be permitted, whatever its context is? By scopes, so it may say so of one that never is; it
 * never says no of one that could. No: no permit is about it, or a forbid without a condition and without a remedy
 * is. True when memory is short.
 */
bool policy_may_permit(const struct policy_set *set, const struct policy_request *req,
		       struct arena *scratch);

/* policy_decide by the reference evaluator over all policies; only for sets that kept their trees. */
void policy_decide_reference(const struct policy_set *set, const struct policy_request *req,
			     struct arena *scratch, struct policy_decision *ret);

/* "allow", "ask", "deny" */
const char *policy_outcome_name(enum policy_outcome outcome);

#endif
