/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/template.h"

static enum err_code fill(struct arena *a, struct policy_scope *s, const struct policy_uid *uid,
			  const char *slot, struct err *err)
{
	struct policy_uid *kept;

	if (!s->slot) {
		return uid ? ERR(err, ERR_INVALID, "the template has no slot %s", slot) : ERR_OK;
	}
	if (!uid) {
		return ERR(err, ERR_INVALID, "the link gives no entity for %s", slot);
	}
	kept = ARENA_NEW(a, struct policy_uid);
	s->uid_spans = ARENA_NEW(a, struct policy_span);
	if (!kept || !s->uid_spans) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	*kept = *uid;
	s->uid_spans[0] = s->span;
	s->uids = kept;
	s->n_uids = 1;
	s->slot = false;
	return ERR_OK;
}

enum err_code policy_template_link(struct arena *a, const struct policy *template, struct str id,
				   const struct policy_uid *principal,
				   const struct policy_uid *resource, struct policy **ret,
				   struct err *err)
{
	struct policy *p = ARENA_NEW(a, struct policy);

	if (!p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (!template->template) {
		return ERR(err, ERR_INVALID, "`" STR_FMT "` is not a template",
			   STR_ARG(template->id));
	}
	*p = *template;
	p->id = id;
	p->template = false;
	TRY(fill(a, &p->principal, principal, "?principal", err));
	TRY(fill(a, &p->resource, resource, "?resource", err));
	*ret = p;
	return ERR_OK;
}
