/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writ budget: what is left. The counters are a file that all gates have mapped (gate/treasury.h), so what is read there is
 * what they go by; it is only looked at. They count by hashes of names: who is asked about is who the configuration
 * names, and whom --agent names.
 */
#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "config/load.h"
#include "gate/budget.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>

enum { BUDGET_MEMORY = 64 << 20 };

struct budget_args {
	const char *config;
	struct opt_list agents;
	bool json;
};

struct names {
	struct arena *a;
	struct str *items;
	size_t n, cap;
};

static enum err_code add(struct names *to, struct str name, struct err *err)
{
	for (size_t i = 0; i < to->n; i++) {
		if (str_eq(to->items[i], name)) {
			return ERR_OK;
		}
	}
	if (!ARENA_GROW(to->a, &to->items, to->n, &to->cap)) {
		return ERR(err, ERR_NOMEM, "too many agents");
	}
	to->items[to->n++] = name;
	return ERR_OK;
}

static enum err_code add_agents(const struct config *cfg, const struct opt_list *asked,
				struct names *to, struct err *err)
{
	const struct config_identity *id = &cfg->identity;

	for (size_t i = 0; i < asked->n; i++) {
		TRY(add(to, str_from_c(asked->items[i]), err));
	}
	if (asked->n) {
		return ERR_OK;
	}
	for (size_t i = 0; i < cfg->n_agents; i++) {
		TRY(add(to, cfg->agents[i].name, err));
	}
	for (size_t i = 0; i < id->n_api_keys; i++) {
		TRY(add(to, id->api_keys[i].agent, err));
	}
	for (size_t i = 0; i < id->n_mtls; i++) {
		TRY(add(to, id->mtls[i].agent, err));
	}
	for (size_t i = 0; i < id->n_unix_peers; i++) {
		TRY(add(to, id->unix_peers[i].agent, err));
	}
	return id->anonymous.n ? add(to, id->anonymous, err) : ERR_OK;
}

/* For whom the budget has an amount, each for itself. */
static enum err_code subjects_of(const struct config *cfg, const struct config_budget *b,
				 const struct names *agents, struct names *ret, struct err *err)
{
	if (b->per == CONFIG_PER_NODE) {
		return add(ret, STR(""), err);
	}
	for (size_t i = 0; i < agents->n; i++) {
		const struct config_agent *agent = config_agent_find(cfg, agents->items[i]);
		bool about = b->agents.n == 0;

		for (size_t k = 0; k < b->agents.n; k++) {
			about = about || str_eq(b->agents.items[k], agents->items[i]);
		}
		if (about) {
			TRY(add(ret,
				b->per == CONFIG_PER_AGENT ? agents->items[i]
				: agent                    ? agent->team
							   : STR(""),
				err));
		}
	}
	return ERR_OK;
}

static void put(struct arena *a, struct out *o, const struct config_budget *b, struct str subject,
		bool money, const struct budget_use *use)
{
	out_row_begin(o);
	out_text(o, "budget", b->name);
	out_text(o, "of", subject);
	out_text(o, "unit", money ? STR("millionths") : STR("tokens"));
	out_u64(o, "limit", use->limit);
	out_u64(o, "used", use->used);
	out_u64(o, "left", use->used < use->limit ? use->limit - use->used : 0);
	out_text(o, "begins_anew", use->next ? budget_time(a, use->next) : STR("never"));
	out_row_end(o);
}

static enum err_code list(struct arena *a, struct out *o, const struct config *cfg,
			  const struct opt_list *asked, const struct treasury *t, struct err *err)
{
	static const struct out_col cols[] = {{"budget", 16},    {"of", 16},   {"unit", 10},
					      {"limit", 12},     {"used", 12}, {"left", 12},
					      {"begins_anew", 0}};
	static const struct out_list table = {"budgets", cols, ARRAY_LEN(cols), NULL};
	uint64_t now = clock_real() / CLOCK_SEC;
	struct names agents = {.a = a};

	TRY(add_agents(cfg, asked, &agents, err));
	out_list_begin(o, &table);
	for (size_t i = 0; i < cfg->n_budgets; i++) {
		const struct config_budget *b = &cfg->budgets[i];
		struct names subjects = {.a = a};

		TRY(subjects_of(cfg, b, &agents, &subjects, err));
		for (size_t k = 0; k < 2 * subjects.n; k++) {
			struct budget_use use;

			budget_look(t, b, subjects.items[k / 2], k % 2, now, &use);
			if (use.limit) {
				put(a, o, b, subjects.items[k / 2], k % 2, &use);
			}
		}
	}
	out_list_end(o);
	return ERR_OK;
}

/* Where no gate has had budgets yet, nothing is used. */
static enum err_code open_counters(struct arena *a, const struct config *cfg, struct treasury *ret,
				   struct err *err)
{
	struct str path = arena_printf(a, STR_FMT "/budgets", STR_ARG(cfg->state));
	CLEANUP(fd_close) int fd = -1;

	if (!path.p) {
		return ERR(err, ERR_NOMEM, "no memory");
	}
	fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return errno == ENOENT ? ERR_OK : ERR_ERRNO(err, STR_FMT, STR_ARG(path));
	}
	return treasury_map_read(ret, fd, err);
}

static enum err_code run(struct arena *a, struct out *o, const struct budget_args *args,
			 struct err *err)
{
	struct config_errors errors = {.n = 0};
	struct treasury t = {NULL};
	struct config cfg;
	enum err_code code = config_read_file(a, args->config, &cfg, &errors, err);

	if (code) {
		return errors.n ? ERR(err, code, STR_FMT, STR_ARG(errors.lines[0])) : code;
	}
	TRY(open_counters(a, &cfg, &t, err));
	code = list(a, o, &cfg, &args->agents, &t, err);
	treasury_unmap(&t);
	return code;
}

int cmd_budget(int argc, char **argv)
{
	struct budget_args args = {.config = "writ.yaml"};
	const struct opt opts[] = {
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &args.config,
		 .help = "the node's configuration (default: writ.yaml)"},
		{.name = "agent",
		 .value = "NAME",
		 .list = &args.agents,
		 .help = "of this agent; may be repeated (default: all that the configuration "
			 "names)"},
		OPT_JSON(&args.json),
	};
	const struct opt_spec spec = {
		.command = "writ budget",
		.summary = "Shows what is used and left of each budget, as the gates count it now.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ budget --config writ.yaml --agent ci-bot",
	};
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	arena_init(&a, BUDGET_MEMORY);
	status = run(&a, &o, &args, &err) ? out_error(&o, &err) : CMD_FINE;
	arena_done(&a);
	return out_end(&o, status);
}
