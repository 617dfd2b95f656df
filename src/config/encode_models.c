/* SPDX-License-Identifier: Apache-2.0 */
#include "config/encode_priv.h"

static void put_amount(struct json_writer *w, struct str key, uint64_t millionths)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%llu.%06llu",
			 (unsigned long long)(millionths / 1000000),
			 (unsigned long long)(millionths % 1000000));

	json_w_member_raw(w, key, str_make(text, (size_t)n));
}

static void put_number(struct json_writer *w, struct str key, uint64_t v)
{
	if (v) {
		json_w_member_u64(w, key, v);
	}
}

static void put_model(struct json_writer *w, const struct config_model *m, enum config_view view)
{
	json_w_object(w);
	json_w_member_str(w, STR("url"), m->url.text);
	config_put_http2(w, m->http2);
	json_w_member_str(w, STR("model"), m->model);
	if (view == CONFIG_VIEW_FULL) {
		config_put_text(w, STR("api_key_file"), m->api_key_file);
		config_put_text(w, STR("ca_file"), m->ca_file);
	}
	json_w_member_str(w, STR("site"), m->site->id);
	put_number(w, STR("context"), m->context);
	config_put_text(w, STR("engine"), str_from_c(config_engine_name(m->engine)));
	config_put_strs(w, STR("speaks"), m->speaks);
	put_number(w, STR("max_tokens"), m->max_tokens);
	put_number(w, STR("in_flight"), m->in_flight);
	if (m->priced) {
		json_w_key(w, STR("price"));
		json_w_object(w);
		put_amount(w, STR("input"), m->price_input);
		put_amount(w, STR("output"), m->price_output);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_budgets(struct json_writer *w, const struct config *cfg)
{
	static const struct str per[] = {STR_INIT("node"), STR_INIT("agent"), STR_INIT("team")};
	static const struct str periods[] = {STR_INIT("day"), STR_INIT("hour"), STR_INIT("month"),
					     STR_INIT("ever")};

	if (cfg->n_budgets == 0) {
		return;
	}
	json_w_key(w, STR("budgets"));
	json_w_object(w);
	for (size_t i = 0; i < cfg->n_budgets; i++) {
		const struct config_budget *b = &cfg->budgets[i];

		json_w_key(w, b->name);
		json_w_object(w);
		json_w_member_str(w, STR("per"), per[b->per]);
		json_w_member_str(w, STR("period"), periods[b->period]);
		put_number(w, STR("tokens"), b->tokens);
		if (b->money) {
			put_amount(w, STR("money"), b->money);
		}
		config_put_strs(w, STR("agents"), b->agents);
		config_put_strs(w, STR("models"), b->models);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_hedge(struct json_writer *w, uint64_t ns)
{
	if (ns == CONFIG_HEDGE_P95) {
		json_w_member_str(w, STR("hedge"), STR("p95"));
	} else {
		config_put_duration(w, STR("hedge"), ns);
	}
}

void config_put_models(struct json_writer *w, const struct config *cfg, enum config_view view)
{
	json_w_key(w, STR("models"));
	json_w_object(w);
	for (size_t i = 0; i < cfg->n_models; i++) {
		json_w_key(w, cfg->models[i].name);
		put_model(w, &cfg->models[i], view);
	}
	json_w_end(w);
	put_budgets(w, cfg);
	if (cfg->n_routes == 0) {
		return;
	}
	json_w_key(w, STR("routes"));
	json_w_object(w);
	for (size_t i = 0; i < cfg->n_routes; i++) {
		const struct config_route *route = &cfg->routes[i];

		json_w_key(w, route->name);
		if (route->hedge_ns) {
			json_w_object(w);
			put_hedge(w, route->hedge_ns);
			json_w_key(w, STR("models"));
		}
		json_w_array(w);
		for (size_t k = 0; k < route->n; k++) {
			json_w_str(w, cfg->models[route->models[k]].name);
		}
		json_w_end(w);
		if (route->hedge_ns) {
			json_w_end(w);
		}
	}
	json_w_end(w);
}

void config_put_aliases(struct json_writer *w, const struct config_agent *a)
{
	if (a->n_aliases == 0) {
		return;
	}
	json_w_key(w, STR("models"));
	json_w_object(w);
	for (size_t i = 0; i < a->n_aliases; i++) {
		json_w_member_str(w, a->aliases[i].name, a->aliases[i].to);
	}
	json_w_end(w);
}
