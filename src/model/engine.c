/* SPDX-License-Identifier: Apache-2.0 */
#include "model/engine.h"

#define SPEAKS(api) (UINT32_C(1) << MODEL_API_##api)

enum {
	OPENAI_OLD = SPEAKS(CHAT) | SPEAKS(COMPLETIONS) | SPEAKS(EMBEDDINGS),
	OPENAI = OPENAI_OLD | SPEAKS(RESPONSES),
	ANTHROPIC = SPEAKS(MESSAGES) | SPEAKS(COUNT_TOKENS),
};

const struct model_engine model_engine_plain = {.speaks = OPENAI | ANTHROPIC};

static const struct model_engine engines[] = {
	{.name = STR_INIT("vllm"),
	 .speaks = OPENAI | SPEAKS(MESSAGES),
	 .health = STR_INIT("/health"),
	 .quirks = {.cache_salt = true}},
	{.name = STR_INIT("sglang"), .speaks = OPENAI_OLD, .health = STR_INIT("/health")},
	{.name = STR_INIT("llama-server"),
	 .speaks = OPENAI | ANTHROPIC,
	 .health = STR_INIT("/health")},
	{.name = STR_INIT("ollama"),
	 .speaks = OPENAI | SPEAKS(MESSAGES),
	 .health = STR_INIT("/api/version")},
	{.name = STR_INIT("mistral"),
	 .speaks = SPEAKS(CHAT) | SPEAKS(EMBEDDINGS),
	 .quirks = {.no_stream_options = true, .short_ids = true}},
	{.name = STR_INIT("openai"), .speaks = OPENAI, .quirks = {.max_completion_tokens = true}},
	{.name = STR_INIT("anthropic"), .speaks = ANTHROPIC},
};

const struct model_engine *model_engine_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
		if (str_eq(engines[i].name, name)) {
			return &engines[i];
		}
	}
	return NULL;
}

uint32_t model_api_bit(struct str name)
{
	for (enum model_api api = MODEL_API_CHAT; api < MODEL_API_MAX; api++) {
		if (str_eq(model_api_info(api)->name, name)) {
			return UINT32_C(1) << api;
		}
	}
	return 0;
}

enum model_api model_api_for(enum model_api api, uint32_t speaks)
{
	if (speaks & (UINT32_C(1) << api)) {
		return api;
	}
	if (api != MODEL_API_CHAT && api != MODEL_API_MESSAGES && api != MODEL_API_RESPONSES) {
		return MODEL_API_NONE;
	}
	return speaks & SPEAKS(CHAT)        ? MODEL_API_CHAT
	       : speaks & SPEAKS(MESSAGES)  ? MODEL_API_MESSAGES
	       : speaks & SPEAKS(RESPONSES) ? MODEL_API_RESPONSES
					    : MODEL_API_NONE;
}
