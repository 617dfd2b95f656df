/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy texts of a configuration to what a gate decides by: the Cedar files and
 * the temporal ones (.dw) as one set. The loader compiles them to find what is
 * wrong, each gate to decide.
 *
 * A temporal condition, and a call of a provider, needs a schema. With one of
 * them in force an action must be described by it and a request be what it declares, since
 * a value of another type would slip under a limit.
 *
 * What a gate says has happened, of each action that comes to it:
 *
 *   request   before its decision; the only kind that asks for one
 *   response  it was performed and its answer is good
 *   error     it was allowed, but failed or was not performed after all
 *   denied    it was refused; an `error` when the event schema has no such kind
 *
 * with the fields `input`, `output` (response), callerPrincipal, callerResource, requestId and
 * sessionId. Histories are split by session, or by principal: an event schema whose pins say
 * neither is refused, as are kinds and fields that never come.
 */
#ifndef GATE_RULES_COMPILE_H
#define GATE_RULES_COMPILE_H

#include "config/config.h"
#include "policy/dw.h"

struct rules_texts {
	const struct policy_source *policies; /* in the order of their names */
	size_t n_policies;                    /* macros.dw is the library of macros, no policy */
	const struct policy_source *schema, *events, *providers; /* NULL: none */
	const struct policy_source *scripts; /* of providers, named as `scriptFile` says */
	size_t n_scripts;
	const struct config *config; /* whose models and routes @route names */
};

struct rules_compiled {
	const struct policy_set *set;
	const struct dw_program *temporal; /* NULL: no policy needs what happened or a provider */
	bool by_principal; /* temporal: histories are split by principal, not by session */
	bool has_denied;   /* temporal: the event schema knows the kind `denied` */
};

/* Texts and diags outlive the result; everything is in the arena. */
enum err_code rules_compile(struct arena *a, const struct rules_texts *texts,
			    struct policy_diags *diags, struct rules_compiled *ret,
			    struct err *err) MUST_USE;

#endif
