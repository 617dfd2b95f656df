/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_uses.h"

#include "crypto/secret.h"

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "too many requests for one report: name --from and --until");
}

/* "purpose=care.triage" -> care.triage; of several, with commas between. */
static struct str label(struct arena *a, const struct ledger_texts *labels, const char *what)
{
	struct str all = STR("");

	for (size_t i = 0; i < labels->n; i++) {
		struct str value = labels->items[i], name = str_cut(&value, '=');

		if (str_eq(name, str_from_c(what))) {
			all = all.n ? arena_printf(a, STR_FMT ", " STR_FMT, STR_ARG(all),
						   STR_ARG(value))
				    : arena_dup(a, value);
		}
	}
	return all;
}

static struct str key_of(struct report_uses *u, const struct ledger_decision *d)
{
	buf_clear(&u->key);
	buf_append(&u->key, d->resource);
	for (size_t i = 0; i < d->labels.n; i++) {
		buf_append_c(&u->key, '\n');
		buf_append(&u->key, d->labels.items[i]);
	}
	return buf_str(&u->key);
}

static struct report_use *use_new(struct report_uses *u, struct str key,
				  const struct ledger_decision *d, const struct ledger_found *f)
{
	struct arena *a = &u->r->a;
	struct report_use *use = ARENA_NEW(a, struct report_use);
	const struct config_model *m;

	if (!use || !ARENA_GROW(a, &u->items, u->n, &u->cap)) {
		return NULL;
	}
	use->model = arena_dup(a, report_name(d->resource));
	use->level = label(a, &d->labels, "confidentiality");
	use->categories = label(a, &d->labels, "category");
	use->purpose = label(a, &d->labels, "purpose");
	use->origin = label(a, &d->labels, "origin");
	use->first = f->record.index;
	use->first_us = f->record.time_us;
	m = config_model_find(&u->r->view.loaded.config, use->model);
	use->site = m ? m->site : NULL;
	if (!map_put(&u->by_key, arena_dup(a, key), use)) {
		return NULL;
	}
	u->items[u->n++] = use;
	return use;
}

static bool add_agent(struct report_uses *u, struct report_use *use, struct str principal)
{
	struct str name = report_name(principal);

	for (size_t i = 0; i < use->n_agents; i++) {
		if (str_eq(use->agents[i], name)) {
			return true;
		}
	}
	if (!ARENA_GROW(&u->r->a, &use->agents, use->n_agents, &use->cap_agents)) {
		return false;
	}
	use->agents[use->n_agents++] = arena_dup(&u->r->a, name);
	return true;
}

static enum err_code take_decision(struct report_uses *u, const struct ledger_found *f,
				   const struct ledger_decision *d, struct err *err)
{
	struct arena *a = &u->r->a;
	struct str key = key_of(u, d);
	struct report_use *use = map_find(&u->by_key, key);

	use = use ? use : use_new(u, key, d, f);
	if (!use || u->key.failed || !add_agent(u, use, d->principal)) {
		return no_memory(err);
	}
	use->last = f->record.index;
	use->last_us = f->record.time_us;
	use->otherwise += memcmp(d->matrix, u->r->view.residency.digest, SHA256_LEN) != 0;
	TRY(report_count(u->r, f->record.index, err));
	if (d->decision != LEDGER_ALLOW) {
		use->refused++;
		return ERR_OK;
	}
	use->allowed++;
	use->failed++; /* until its outcome says otherwise */
	use->sent_bytes += d->prompt_bytes ? d->prompt_bytes : d->arguments_bytes;
	return map_put(&u->by_action, arena_dup(a, d->action_id), use) ? ERR_OK : no_memory(err);
}

static enum err_code take(void *ctx, const struct ledger_found *f, const struct ledger_entry *e,
			  struct err *err)
{
	struct report_uses *u = ctx;
	struct report_use *use;

	if (e->kind == LEDGER_DECISION && str_eq(report_name(e->u.decision.action), STR("infer"))) {
		return take_decision(u, f, &e->u.decision, err);
	}
	use = e->kind == LEDGER_OUTCOME ? map_take(&u->by_action, e->u.outcome.action_id) : NULL;
	if (!use) {
		return ERR_OK;
	}
	use->failed -= e->u.outcome.status == LEDGER_OK;
	use->received_bytes += e->u.outcome.result_bytes;
	use->tokens += e->u.outcome.tokens_in + e->u.outcome.tokens_out;
	use->cost += e->u.outcome.cost;
	return report_count(u->r, f->record.index, err);
}

enum err_code report_uses_read(struct report *r, struct report_uses *ret, struct err *err)
{
	struct hash_key seed;

	rand_bytes(&seed, sizeof(seed)); /* names in a ledger were chosen by others */
	*ret = (struct report_uses){.r = r};
	buf_init(&ret->key, LEDGER_RECORD_MAX);
	map_init(&ret->by_key, seed);
	map_init(&ret->by_action, seed);
	return report_each(r, take, ret, err);
}

void report_uses_done(struct report_uses *u)
{
	buf_done(&u->key);
	map_done(&u->by_key);
	map_done(&u->by_action);
}
