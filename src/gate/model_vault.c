/* SPDX-License-Identifier: Apache-2.0 */
/*
 * @redact on a request to a model: what is found in it is replaced by placeholders before it is sent, and the answer gets
 * the originals back. They stay here, for this request alone: what another request's placeholders stand for
 * cannot be had, whatever a model says.
 */
#include "gate/model_priv.h"

static bool hide(struct exchange *x, unsigned classes)
{
	struct model_reply *r = x->reply;
	struct err err;

	r->vault = ARENA_NEW(&x->req->arena, struct detect_vault);
	if (!r->vault) {
		return false;
	}
	detect_vault_init(r->vault, x->gate->json_limits.seed);
	r->clean = gate_buf_take(x->gate, MODEL_BODY_MAX);
	return detect_vault_hide(r->vault, r->asked->whole, classes, &r->clean, &err) == ERR_OK;
}

/* What is sent is what is decided: all that was made of the request is made anew. */
static enum model_error ask_without(struct exchange *x)
{
	struct model_reply *r = x->reply;
	struct str model = r->asked->model;
	struct err err;
	enum model_error e = model_request_parse(&x->req->arena, r->asked->api, buf_str(&r->clean),
						 &x->gate->json_limits, &r->request, &err);

	r->request.model = model;
	return e ? e : model_prepare(x);
}

struct str model_redact(struct action *a, struct rules_query *q, bool *ret_failed)
{
	struct exchange *x = CONTAINER_OF(a, struct exchange, action);
	struct model_reply *r = x->reply;
	unsigned classes = r->hidden | a->answer.redact;
	struct str input;

	*ret_failed = false;
	if (classes == r->hidden) {
		return str_make(NULL, 0);
	}
	model_vault_forget(x);
	r->asked = ARENA_NEW(&x->req->arena, struct model_request);
	r->hidden = classes;
	if (!r->asked) {
		*ret_failed = true;
		return str_make(NULL, 0);
	}
	*r->asked = r->request;
	if (!hide(x, classes) || (!detect_vault_is_empty(r->vault) && ask_without(x))) {
		*ret_failed = true;
		return str_make(NULL, 0);
	}
	if (detect_vault_is_empty(r->vault)) {
		model_vault_forget(x);
		r->hidden = classes;
		return str_make(NULL, 0);
	}
	a->redacted = r->vault->counts;
	q->over = r->over.name.n ? r->over.text : STR("");
	input = model_describe(x, &r->request);
	*ret_failed = !input.p;
	return input;
}

void model_vault_forget(struct exchange *x)
{
	struct model_reply *r = x->reply;

	if (r->vault) {
		r->request = *r->asked;
		detect_vault_done(r->vault);
		r->vault = NULL;
	}
	gate_buf_give(x->gate, &r->clean);
	r->clean = (struct buf){0};
	r->hidden = 0;
}

void model_vault_begin(struct exchange *x)
{
	struct model_reply *r = x->reply;

	if (r->vault) {
		r->restore = ARENA_NEW(&x->req->arena, struct model_restore);
	}
	if (r->restore) { /* without memory the placeholders stay */
		model_restore_init(r->restore, r->vault, r->request.api);
		buf_init(&r->plain, MODEL_ANSWER_MAX);
	}
}

void model_vault_tell(struct exchange *x)
{
	struct model_reply *r = x->reply;

	if (r->restore) {
		model_restore_feed(r->restore, buf_str(&r->plain), &r->told);
		r->told.failed |= r->plain.failed;
		buf_clear(&r->plain);
	}
}

void model_vault_end(struct exchange *x)
{
	struct model_reply *r = x->reply;

	if (r->restore) {
		model_vault_tell(x);
		model_restore_end(r->restore, &r->told);
		model_restore_done(r->restore);
		buf_done(&r->plain);
		r->restore = NULL;
	}
}

bool model_vault_whole(struct exchange *x)
{
	struct buf out = gate_buf_take(x->gate, MODEL_BODY_MAX);
	bool ok;

	model_restore_whole(x->reply->vault, x->reply->request.api, buf_str(&x->answer), &out);
	ok = !out.failed;
	gate_buf_give(x->gate, &x->answer);
	x->answer = out;
	if (!ok) {
		buf_clear(&x->answer);
		model_error_append(&x->answer, model_dialect_of(x), MODEL_ERROR_UPSTREAM);
		x->reply->status = 502;
	}
	return ok;
}
