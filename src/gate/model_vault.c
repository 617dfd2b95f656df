/* SPDX-License-Identifier: Apache-2.0 */
/*
 * @redact on a request to a model: what is found in it is replaced by placeholders before it is sent, and the answer gets
 * the originals back. They stay here, for this request alone: what another request's placeholders stand for
 * cannot be had, whatever a model says.
 */
#include "gate/model_priv.h"

static bool hide(struct model_attempt *t, unsigned classes)
{
	struct exchange *x = t->exchange;
	struct err err;

	t->vault = ARENA_NEW(&x->req->arena, struct detect_vault);
	if (!t->vault) {
		return false;
	}
	detect_vault_init(t->vault, x->gate->json_limits.seed);
	t->clean = gate_buf_take(x->gate, MODEL_BODY_MAX);
	return detect_vault_hide(t->vault, x->reply->asked->whole, classes, &t->clean, &err) ==
	       ERR_OK;
}

/* What is sent is what is decided: all that was made of the request is made anew. */
static enum model_error ask_without(struct model_attempt *t)
{
	struct exchange *x = t->exchange;
	const struct model_request *asked = x->reply->asked;
	struct err err;
	enum model_error e = model_request_parse(&x->req->arena, asked->api, buf_str(&t->clean),
						 &x->gate->json_limits, &t->request, &err);

	t->request.model = asked->model;
	return e ? e : model_prepare(t);
}

static void give_back(struct model_attempt *t)
{
	if (t->vault) {
		detect_vault_done(t->vault);
		t->vault = NULL;
	}
	gate_buf_give(t->exchange->gate, &t->clean);
	t->clean = (struct buf){0};
}

struct str model_redact(struct action *a, struct rules_query *q, bool *ret_failed)
{
	struct model_attempt *t = CONTAINER_OF(a, struct model_attempt, action);
	unsigned classes = t->hidden | a->answer.redact;
	struct str input;

	*ret_failed = false;
	if (classes == t->hidden) {
		return str_make(NULL, 0);
	}
	model_vault_forget(t);
	t->hidden = classes;
	if (!hide(t, classes) || (!detect_vault_is_empty(t->vault) && ask_without(t))) {
		*ret_failed = true;
		return str_make(NULL, 0);
	}
	if (detect_vault_is_empty(t->vault)) {
		give_back(t); /* the request goes as it was prepared */
		return str_make(NULL, 0);
	}
	a->redacted = t->vault->counts;
	q->prompt = t->request.whole;
	q->over = t->over.name.n ? t->over.text : STR("");
	input = model_describe(t->exchange, &t->request);
	*ret_failed = !input.p;
	return input;
}

void model_vault_forget(struct model_attempt *t)
{
	if (t->vault) {
		t->request = *t->exchange->reply->asked;
	}
	give_back(t);
	t->hidden = 0;
}

void model_vault_begin(struct model_attempt *t)
{
	if (t->vault) {
		t->restoring = ARENA_NEW(t->action.arena, struct model_restoring);
	}
	if (t->restoring) { /* without memory the placeholders stay */
		model_restore_init(&t->restoring->restore, t->vault, t->request.api);
		buf_init(&t->restoring->plain, MODEL_ANSWER_MAX);
	}
}

struct buf *model_vault_door(struct model_attempt *t)
{
	return t->restoring ? &t->restoring->plain : &t->told;
}

void model_vault_tell(struct model_attempt *t)
{
	struct model_restoring *g = t->restoring;

	if (g) {
		model_restore_feed(&g->restore, buf_str(&g->plain), &t->told);
		t->told.failed |= g->plain.failed;
		buf_clear(&g->plain);
	}
}

void model_vault_end(struct model_attempt *t)
{
	struct model_restoring *g = t->restoring;

	if (g) {
		model_vault_tell(t);
		model_restore_end(&g->restore, &t->told);
		model_restore_done(&g->restore);
		buf_done(&g->plain);
		t->restoring = NULL;
	}
}

bool model_vault_whole(struct model_attempt *t)
{
	struct exchange *x = t->exchange;
	struct buf out = gate_buf_take(x->gate, MODEL_BODY_MAX);
	bool ok;

	model_restore_whole(t->vault, t->request.api, buf_str(&t->answer), &out);
	ok = !out.failed;
	gate_buf_give(x->gate, &t->answer);
	t->answer = out;
	if (!ok) {
		buf_clear(&t->answer);
		model_error_append(&t->answer, model_dialect_of(x), MODEL_ERROR_UPSTREAM);
		t->status = 502;
	}
	return ok;
}
