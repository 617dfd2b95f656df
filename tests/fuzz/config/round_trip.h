/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle of both targets: what was decoded survives encoding and decoding, byte for byte. */
#ifndef TESTS_FUZZ_CONFIG_ROUND_TRIP_H
#define TESTS_FUZZ_CONFIG_ROUND_TRIP_H

#include "config/config.h"

enum { ENCODED_MAX = 8 << 20 };

static inline void check_view(struct arena *a, const struct config *cfg, enum config_view view)
{
	struct buf one, two;
	struct config again;
	struct err err = {0};

	buf_init(&one, ENCODED_MAX);
	buf_init(&two, ENCODED_MAX);
	config_encode_json(cfg, view, &one);
	ASSERT(!one.failed);
	ASSERT(config_decode_json(a, buf_str(&one), &again, &err) == ERR_OK);
	ASSERT(again.n_servers == cfg->n_servers && again.n_models == cfg->n_models &&
	       again.n_sites == cfg->n_sites && again.n_agents == cfg->n_agents &&
	       again.n_listen == cfg->n_listen);
	ASSERT(memcmp(&again.limits, &cfg->limits, sizeof(cfg->limits)) == 0);
	config_encode_json(&again, view, &two);
	ASSERT(str_eq(buf_str(&one), buf_str(&two)));
	for (size_t i = 0; view == CONFIG_VIEW_GATE && i < again.n_servers; i++) {
		ASSERT(again.servers[i].env.n == 0 && again.servers[i].headers.n == 0);
		ASSERT(again.servers[i].command.n <= 1);
	}
	for (size_t i = 0; view == CONFIG_VIEW_GATE && i < again.n_models; i++) {
		ASSERT(again.models[i].api_key_file.n == 0);
	}
	buf_done(&one);
	buf_done(&two);
}

static inline void check_round_trip(struct arena *a, const struct config *cfg)
{
	check_view(a, cfg, CONFIG_VIEW_FULL);
	check_view(a, cfg, CONFIG_VIEW_GATE);
}

/* An error names its text and says something. */
static inline void check_error(const struct err *err, struct str name)
{
	ASSERT(err->code != ERR_OK);
	if (err->code != ERR_NOMEM) {
		ASSERT(str_starts_with(str_from_c(err->msg), name));
		ASSERT(strlen(err->msg) > name.n + 2);
	}
}

#endif
