/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/answer.h"

static void put_ids(struct json_writer *w, struct str key, const struct policy_rules *rules)
{
	json_w_key(w, key);
	json_w_array(w);
	for (size_t i = 0; i < rules->n; i++) {
		json_w_str(w, rules->items[i]->id);
	}
	json_w_end(w);
}

static void put_notes(struct json_writer *w, struct str key, const struct policy_note **notes,
		      size_t n)
{
	json_w_key(w, key);
	json_w_array(w);
	for (size_t i = 0; i < n; i++) {
		json_w_object(w);
		json_w_key(w, notes[i]->key);
		json_w_str(w, notes[i]->value);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_messages(struct json_writer *w, const struct policy_decision *d)
{
	json_w_key(w, STR("messages"));
	json_w_array(w);
	for (size_t i = 0; i < d->errors.n; i++) {
		json_w_object(w);
		json_w_key(w, STR("policy"));
		json_w_str(w, d->errors.items[i]->id);
		json_w_key(w, STR("message"));
		json_w_str(w, str_from_c(policy_fault_name(d->faults[i])));
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_reasons(struct json_writer *w, const struct policy_decision *d)
{
	json_w_key(w, STR("because"));
	json_w_array(w);
	for (size_t i = 0; i < d->deciding.n; i++) {
		struct str text = policy_rule_note(d->deciding.items[i], STR("reason"));

		json_w_object(w);
		json_w_key(w, STR("policy"));
		json_w_str(w, d->deciding.items[i]->id);
		if (text.p) {
			json_w_key(w, STR("reason"));
			json_w_str(w, text);
		}
		json_w_end(w);
	}
	json_w_end(w);
}

void policy_answer_write(struct buf *out, const struct policy_decision *d)
{
	struct json_writer w = json_writer(out);

	json_w_object(&w);
	json_w_key(&w, STR("decision"));
	json_w_str(&w, d->allow ? STR("allow") : STR("deny"));
	put_ids(&w, STR("reason"), &d->reasons);
	put_ids(&w, STR("errors"), &d->errors);
	json_w_key(&w, STR("outcome"));
	json_w_str(&w, str_from_c(policy_outcome_name(d->outcome)));
	put_reasons(&w, d);
	if (d->n_duties > 0) {
		put_notes(&w, STR("duties"), d->duties, d->n_duties);
	}
	if (d->n_remedies > 0) {
		put_notes(&w, STR("remedies"), d->remedies, d->n_remedies);
	}
	if (d->logged.n > 0) {
		put_ids(&w, STR("logged"), &d->logged);
	}
	if (d->errors.n > 0) {
		put_messages(&w, d);
	}
	if (d->failure) {
		json_w_key(&w, STR("failure"));
		json_w_str(&w, str_from_c(d->failure));
	}
	json_w_end(&w);
}

void policy_answer_write_error(struct buf *out, const struct err *err)
{
	struct json_writer w = json_writer(out);

	json_w_object(&w);
	json_w_key(&w, STR("error"));
	json_w_str(&w, str_from_c(err->msg));
	json_w_key(&w, STR("code"));
	json_w_str(&w, str_from_c(err_code_name(err->code)));
	json_w_end(&w);
}
