/* SPDX-License-Identifier: Apache-2.0 */
/* Models, names for several of them, and how much of them may be used. */
#include "config/decode_priv.h"

enum { MAX_MODELS = 256, MAX_ROUTES = 256, MAX_ALIASES = 64, MAX_BUDGETS = 64, MAX_SPEAKS = 8 };

#define MILLIONTHS UINT64_C(1000000)
/* What one word of the counters holds (gate/treasury.h). */
#define MAX_AMOUNT ((UINT64_C(1) << 48) - 1)

static const char *const engine_names[] = {
	"", "vllm", "sglang", "llama-server", "ollama", "mistral", "openai", "anthropic", NULL};
static const char *const engine_choices[] = {"vllm",    "sglang", "llama-server", "ollama",
					     "mistral", "openai", "anthropic",    NULL};

const char *config_engine_name(enum config_engine e)
{
	return engine_names[e];
}

static void read_engine(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	unsigned i = ARRAY_LEN(engine_choices);

	config_read_enum(c, f, node, &i);
	*(enum config_engine *)to = i < ARRAY_LEN(engine_choices) - 1 ? (enum config_engine)(i + 1)
								      : CONFIG_ENGINE_PLAIN;
}

static void read_speaks(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	static const char *const known[] = {"chat",      "completions", "embeddings",
					    "responses", "messages",    "count_tokens"};

	config_read_texts(c, f, node, to);
	JSON_EACH (item, node) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_LEN(known); i++) {
			found = found || json_str_is(item, str_from_c(known[i]));
		}
		if (!found) {
			config_report(c, item->at,
				      "a model's server speaks 'chat', 'completions', "
				      "'embeddings', 'responses', 'messages' or 'count_tokens'");
		}
	}
}

/* "12", "0.15": at most six places. */
static bool parse_millionths(struct str s, uint64_t *ret)
{
	struct str whole = str_cut(&s, '.');
	uint64_t v, part = 0, unit = MILLIONTHS;

	if (!str_to_u64(whole, &v) || v > MAX_AMOUNT / MILLIONTHS) {
		return false;
	}
	if (s.p && (s.n == 0 || s.n > 6 || !str_to_u64(s, &part))) {
		return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		unit /= 10;
	}
	*ret = v * MILLIONTHS + part * unit;
	return true;
}

static void read_money(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	if (node->type != JSON_NUMBER || !parse_millionths(node->text, to) ||
	    *(uint64_t *)to < f->min) {
		config_report(c, node->at,
			      "an amount is a number with at most six places, as in 0.15");
	}
}

static const struct config_field price_fields[] = {
	CONFIG_KEY("input", read_money, struct config_model, price_input),
	CONFIG_KEY("output", read_money, struct config_model, price_output),
};

static void read_price(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	(void)f;
	((struct config_model *)to)->priced = true;
	config_read_fields(c, node, price_fields, ARRAY_LEN(price_fields), "a price", to);
}

static const struct config_field model_fields[] = {
	CONFIG_KEY("url", config_read_url, struct config_model, url, .required = true),
	CONFIG_KEY("model", config_read_text, struct config_model, model),
	CONFIG_KEY("api_key_file", config_read_path, struct config_model, api_key_file),
	CONFIG_KEY("ca_file", config_read_path, struct config_model, ca_file),
	CONFIG_KEY("http2", config_read_http2, struct config_model, http2),
	CONFIG_KEY("site", config_read_site_ref, struct config_model, site, .required = true),
	CONFIG_KEY("context", config_read_u64, struct config_model, context, .min = 1,
		   .max = UINT64_C(1) << 32),
	CONFIG_KEY("engine", read_engine, struct config_model, engine, .names = engine_choices),
	CONFIG_KEY("speaks", read_speaks, struct config_model, speaks, .max = MAX_SPEAKS),
	CONFIG_KEY("max_tokens", config_read_u64, struct config_model, max_tokens, .min = 1,
		   .max = UINT64_C(1) << 32),
	CONFIG_KEY("in_flight", config_read_u64, struct config_model, in_flight, .min = 1,
		   .max = 100000),
	{.key = STR_INIT("price"), .read = read_price},
};

static void check_name(struct config_ctx *c, const struct json *item)
{
	if (!config_is_agent_name(item->key)) {
		config_report(c, item->key_at,
			      "a model's name has 1 to 128 letters, digits and any of "
			      "._@:/+-|%%~ and begins with a letter or a digit");
	}
}

void config_read_models(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config *cfg = to;
	struct config_model *models;
	size_t n, i = 0;

	(void)f;
	models = config_items(c, node, JSON_OBJECT, MAX_MODELS, sizeof(*models), &n);
	JSON_EACH (item, n ? node : NULL) {
		struct config_model *m = &models[i++];

		check_name(c, item);
		m->name = item->key;
		m->model = item->key;
		config_read_fields(c, item, model_fields, ARRAY_LEN(model_fields), "a model", m);
		config_check_transport(c, item, &m->url, m->api_key_file.n > 0);
		config_check_http2(c, item, &m->url);
	}
	cfg->models = models;
	cfg->n_models = n;
}

/* ---- budgets ---- */

static const char *const per_names[] = {"node", "agent", "team", NULL};
static const char *const period_names[] = {"day", "hour", "month", "ever", NULL};

static const struct config_field budget_fields[] = {
	CONFIG_KEY("per", config_read_enum, struct config_budget, per, .names = per_names),
	CONFIG_KEY("period", config_read_enum, struct config_budget, period, .names = period_names),
	CONFIG_KEY("tokens", config_read_u64, struct config_budget, tokens, .min = 1,
		   .max = MAX_AMOUNT),
	CONFIG_KEY("money", read_money, struct config_budget, money, .min = 1),
	CONFIG_KEY("agents", config_read_texts, struct config_budget, agents),
	CONFIG_KEY("models", config_read_texts, struct config_budget, models),
};

void config_read_budgets(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	struct config *cfg = to;
	struct config_budget *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_BUDGETS, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		struct config_budget *b = &items[i++];

		check_name(c, item);
		b->name = item->key;
		config_read_fields(c, item, budget_fields, ARRAY_LEN(budget_fields), "a budget", b);
		if (!b->tokens && !b->money) {
			config_report(c, item->at, "a budget is of 'tokens', 'money' or both");
		}
	}
	cfg->budgets = items;
	cfg->n_budgets = n;
}

/* ---- routes and aliases ---- */

/* "p95", or a duration. */
static void read_hedge(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	if (json_is_string(node) && str_eq(node->text, STR("p95"))) {
		*(uint64_t *)to = CONFIG_HEDGE_P95;
	} else {
		config_read_duration(c, f, node, to);
	}
}

/* Looked up when all has been read. */
static void read_later(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	(void)f;
	(void)to;
	(void)config_expect(c, node, JSON_ARRAY);
}

static const struct config_field route_fields[] = {
	CONFIG_KEY("models", read_later, struct config_route, models, .required = true),
	CONFIG_KEY("hedge", read_hedge, struct config_route, hedge_ns, .min = 1000000,
		   .max = UINT64_C(600) * 1000000000),
};

static const struct json *models_of(const struct json *route)
{
	return json_is_array(route) ? route : json_get(route, STR("models"));
}

/* Models may be written after this: they are looked up when all has been read. */
void config_read_routes(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config *cfg = to;
	struct config_route *routes;
	const struct json *models;
	size_t n, i = 0;

	(void)f;
	routes = config_items(c, node, JSON_OBJECT, MAX_ROUTES, sizeof(*routes), &n);
	JSON_EACH (item, n ? node : NULL) {
		check_name(c, item);
		routes[i].name = item->key;
		if (!json_is_array(item)) {
			config_read_fields(c, item, route_fields, ARRAY_LEN(route_fields),
					   "a route", &routes[i]);
		}
		models = models_of(item);
		if (models && (models->n == 0 || models->n > MAX_MODELS)) {
			config_report(c, models->at, "a route is a list of models");
		}
		i++;
	}
	cfg->routes = routes;
	cfg->n_routes = n;
}

void config_read_aliases(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	struct config_agent *agent = to;
	struct config_alias *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_ALIASES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		check_name(c, item);
		if (config_expect(c, item, JSON_STRING)) {
			items[i].to = item->text;
		}
		items[i++].name = item->key;
	}
	agent->aliases = items;
	agent->n_aliases = n;
}

static bool find_model(const struct config *cfg, struct str name, uint32_t *ret)
{
	const struct config_model *m = config_model_find(cfg, name);

	*ret = m ? (uint32_t)(m - cfg->models) : 0;
	return m != NULL;
}

static void check_route(struct config_ctx *c, const struct config *cfg, const struct json *node,
			struct config_route *route)
{
	uint32_t *models;
	size_t n;

	if (config_model_find(cfg, route->name)) {
		config_report(c, node->key_at, "there is a model of this name");
	}
	node = models_of(node);
	models = config_items(c, node, JSON_ARRAY, MAX_MODELS, sizeof(*models), &n);
	JSON_EACH (item, n ? node : NULL) {
		uint32_t at;

		if (!json_is_string(item) || !find_model(cfg, item->text, &at)) {
			config_report(c, item->at, "there is no such model");
			continue;
		}
		for (size_t i = 0; i < route->n; i++) {
			if (models[i] == at) {
				config_report(c, item->at, "this model comes twice");
			}
		}
		models[route->n++] = at;
	}
	route->models = models;
}

static void check_aliases(struct config_ctx *c, const struct config *cfg)
{
	const struct json *agent = json_first(json_get(c->src->root, STR("agents")));

	for (size_t i = 0; i < cfg->n_agents && agent; i++, agent = agent->next) {
		JSON_EACH (item, json_get(agent, STR("models"))) {
			if (json_is_string(item) && !config_model_find(cfg, item->text) &&
			    !config_route_find(cfg, item->text)) {
				config_report(c, item->at, "there is no such model or route");
			}
		}
	}
}

static bool is_about(const struct config_budget *b, struct str model)
{
	for (size_t i = 0; i < b->models.n; i++) {
		if (str_eq(b->models.items[i], model)) {
			return true;
		}
	}
	return b->models.n == 0;
}

/* A budget that names what is not there would hold for nothing. */
static void check_budgets(struct config_ctx *c, const struct config *cfg)
{
	const struct json *node = json_first(json_get(c->src->root, STR("budgets")));

	for (size_t i = 0; i < cfg->n_budgets && node; i++, node = node->next) {
		const struct config_budget *b = &cfg->budgets[i];

		for (size_t k = 0; k < b->models.n; k++) {
			if (!config_model_find(cfg, b->models.items[k])) {
				config_report(c, node->at, "there is no model '" STR_FMT "'",
					      STR_ARG(b->models.items[k]));
			}
		}
		for (size_t k = 0; k < cfg->n_models && b->money; k++) {
			if (is_about(b, cfg->models[k].name) && !cfg->models[k].priced) {
				config_report(c, node->at,
					      "a budget of money needs the price of every model it "
					      "is about, and '" STR_FMT "' has none",
					      STR_ARG(cfg->models[k].name));
			}
		}
	}
}

void config_check_models(struct config_ctx *c, struct config *cfg)
{
	const struct json *node = json_get(c->src->root, STR("routes"));
	struct config_route *routes = ARENA_ARRAY(c->a, cfg->n_routes + 1, struct config_route);
	size_t i = 0;

	if (!routes) {
		config_nomem(c);
		return;
	}
	JSON_EACH (item, cfg->n_routes ? node : NULL) {
		routes[i] = cfg->routes[i];
		if (json_is_array(models_of(item))) {
			check_route(c, cfg, item, &routes[i]);
		}
		i++;
	}
	cfg->routes = routes;
	check_aliases(c, cfg);
	check_budgets(c, cfg);
}
