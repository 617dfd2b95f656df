/* SPDX-License-Identifier: Apache-2.0 */
#include "model/error.h"

#include "json/write.h"

enum { REASON_MAX = 512, POLICY_MAX = 128, RETRY_MAX = 64, ABOUT_MAX = 64, TEXT_MAX = 4096 };

static const struct model_error_info errors[MODEL_ERROR_MAX] = {
#define X(id, status, type_, code_, param_, text_)                                                 \
	[MODEL_ERROR_##id] = {.http_status = (status),                                             \
			      .type = STR_INIT(type_),                                             \
			      .code = STR_INIT(code_),                                             \
			      .param = STR_INIT(param_),                                           \
			      .text = STR_INIT(text_)},
	MODEL_ERRORS(X)
#undef X
};

const struct model_error_info *model_error_info(enum model_error e)
{
	ASSERT(e > MODEL_ERROR_NONE && e < MODEL_ERROR_MAX);
	return &errors[e];
}

static struct str cut(struct str s, size_t max)
{
	return str_make(s.p, s.n < max ? s.n : max);
}

static struct str type_of(enum model_dialect d, const struct model_error_info *i)
{
	if (d == MODEL_DIALECT_OPENAI) {
		return i->type;
	}
	switch (i->http_status) {
	case 404:
		return STR("not_found_error");
	case 413:
		return STR("request_too_large");
	default:
		return i->http_status >= 500 ? STR("api_error") : i->type;
	}
}

/* Leaves the error object open for more members. */
static void begin_error(struct json_writer *w, enum model_dialect d,
			const struct model_error_info *i, struct str text)
{
	json_w_object(w);
	if (d == MODEL_DIALECT_ANTHROPIC) {
		json_w_member_str(w, STR("type"), STR("error"));
	}
	json_w_key(w, STR("error"));
	json_w_object(w);
	json_w_member_str(w, STR("message"), text);
	json_w_member_str(w, STR("type"), type_of(d, i));
	json_w_key(w, STR("param"));
	if (i->param.n) {
		json_w_str(w, i->param);
	} else {
		json_w_null(w);
	}
	json_w_member_str(w, STR("code"), i->code);
}

void model_error_append(struct buf *out, enum model_dialect d, enum model_error e)
{
	const struct model_error_info *i = model_error_info(e);
	struct json_writer w = json_writer(out);

	begin_error(&w, d, i, i->text);
	json_w_end(&w);
	json_w_end(&w);
}

void model_error_append_about(struct buf *out, enum model_dialect d, enum model_error e,
			      struct str about)
{
	struct model_error_info i = *model_error_info(e);
	struct json_writer w = json_writer(out);
	struct buf text;

	about = cut(about, ABOUT_MAX);
	buf_init(&text, 1024);
	buf_append(&text, str_make(i.text.p, i.text.n - 1));
	buf_append(&text, STR(": "));
	buf_append(&text, about);
	i.param = about;
	begin_error(&w, d, &i, buf_str(&text));
	json_w_end(&w);
	json_w_end(&w);
	out->failed |= text.failed;
	buf_done(&text);
}

void model_error_append_text(struct buf *out, enum model_dialect d, unsigned http_status,
			     struct str text)
{
	struct model_error_info i = {.http_status = http_status, .code = STR("upstream_error")};
	struct json_writer w = json_writer(out);

	i.type = http_status == 429   ? STR("rate_limit_error")
		 : http_status == 404 ? STR("not_found_error")
		 : http_status < 500  ? STR("invalid_request_error")
				      : STR("server_error");
	begin_error(&w, d, &i, cut(text, TEXT_MAX));
	json_w_end(&w);
	json_w_end(&w);
}

static void say(struct buf *b, const struct model_refusal *r)
{
	struct str reason = cut(r->reason, REASON_MAX);

	buf_append(b, !r->ask ? STR("Writ refused this request")
		      : r->retry_after.n
			      ? STR("Writ holds this request back for now")
			      : STR("Writ refused this request, which only a person can approve"));
	if (r->budget.n) {
		buf_append(b, STR(": "));
		buf_append(b, reason);
		return;
	}
	if (r->policy.n) {
		buf_append(b, STR(": policy \""));
		buf_append(b, cut(r->policy, POLICY_MAX));
		buf_append_c(b, '"');
	} else {
		buf_append(b, STR(": no policy permits it"));
	}
	if (reason.n) {
		buf_append(b, STR(": "));
		buf_append(b, reason);
	}
	buf_append(b, str_ends_with(reason, STR(".")) ? STR(" It reached no model.")
						      : STR(". It reached no model."));
	if (r->has_record) {
		buf_append(b, STR(" Ledger record "));
		buf_append_u64(b, r->record);
		buf_append_c(b, '.');
	}
	if (r->ask && r->retry_after.n) {
		buf_append(b, STR(" Repeat it after "));
		buf_append(b, cut(r->retry_after, RETRY_MAX));
		buf_append_c(b, '.');
		return;
	}
	buf_append(b, r->ask ? STR(" Nobody can be asked about requests to models.")
			     : STR(" Repeating it will not help; ask whoever owns the policy."));
}

void model_denied_append(struct buf *out, enum model_dialect d, const struct model_refusal *r)
{
	struct json_writer w = json_writer(out);
	struct buf text;

	buf_init(&text, 4096);
	say(&text, r);
	begin_error(&w, d,
		    model_error_info(r->budget.n ? MODEL_ERROR_BUDGET
				     : r->ask    ? MODEL_ERROR_ASK
						 : MODEL_ERROR_DENIED),
		    buf_str(&text));
	json_w_key(&w, STR("writ"));
	json_w_object(&w);
	json_w_member_str(&w, STR("decision"), r->ask ? STR("ask") : STR("deny"));
	if (r->budget.n) {
		json_w_member_str(&w, STR("budget"), cut(r->budget, POLICY_MAX));
	}
	if (r->policy.n) {
		json_w_member_str(&w, STR("policy"), cut(r->policy, POLICY_MAX));
	}
	if (r->reason.n) {
		json_w_member_str(&w, STR("reason"), cut(r->reason, REASON_MAX));
	}
	if (r->retry_after.n) {
		json_w_member_str(&w, STR("retry_after"), cut(r->retry_after, RETRY_MAX));
	}
	if (r->has_record) {
		json_w_member_u64(&w, STR("record"), r->record);
	}
	json_w_end(&w);
	json_w_end(&w);
	json_w_end(&w);
	out->failed |= text.failed;
	buf_done(&text);
}
