/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The annotations a host acts on. The list of keys is closed, so that a typing
 * error cannot silently weaken a policy; keys that begin with x_ are free.
 */
#ifndef POLICY_ANNOTATION_H
#define POLICY_ANNOTATION_H

#include "policy/engine.h"

/* Bits of policy_rule.always. */
enum policy_duty {
	POLICY_DUTY_AUDIT = 1 << 0,
	POLICY_DUTY_TIMEOUT = 1 << 1,
	POLICY_DUTY_WATERMARK = 1 << 2,
	POLICY_DUTY_ROUTE = 1 << 3,
	POLICY_DUTY_SANDBOX = 1 << 4,
	POLICY_DUTY_REDACT = 1 << 5,
	POLICY_DUTY_MASK_OUTPUT = 1 << 6,
};

/* The duty's bit, or 0 when the key names no duty. */
unsigned policy_duty_of(struct str key);

bool policy_is_remedy(struct str key);

/*
 * Fills the decoded fields of a rule from its notes. With `strict`, unknown keys,
 * values that cannot be read, remedies on permits and duties on forbids (but
 * @audit) are errors; without, they have no effect. False after an error.
 */
bool policy_annotations_decode(const struct policy *p, struct policy_rule *rule, bool strict,
			       struct policy_diags *diags);

#endif
