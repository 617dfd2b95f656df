/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gate does of what annotations ask for. The rest is refused when policies are loaded: a
 * duty that nobody performs must not look like one.
 *
 *   @ask("owner"), @ask_ttl   gate/hold.h; nobody else can be asked
 *   @retry_after, @step_up    the caller is told
 *   @audit("durable")         how the decision is recorded; "full" would put contents there: refused
 *   @route("NAME")            gate/model_route.h; of `infer` alone: a model of the configuration, or one of a
 *                             route. The attempt at any other is refused, and what is named is asked
 *   @redact("email, iban")    gate/redact.h; of tools, resources, prompts and completions, so the
 *                             scope of such a permit names nothing else
 */
#ifndef GATE_RULES_DUTIES_H
#define GATE_RULES_DUTIES_H

#include "gate/rules.h"
#include "policy/ast.h"

/* For policy_set_opts: false after a diagnostic with the annotation's place. `config`: struct config. */
bool rules_check_duties(const struct policy *p, const void *config, struct policy_diags *diags);

/* Can all duties of this decision be performed for such an action? Also when nobody checked. */
bool rules_can_do_duties(enum rules_kind kind, const struct policy_decision *d);

/* INFER: the first @route that names neither this model nor a route it is of; empty: none. */
struct str rules_route_away(const struct config *config, const struct policy_decision *d,
			    struct str model);

/* What has to be taken out: DETECT_BITs. */
unsigned rules_redaction(const struct policy_decision *d);

#endif
