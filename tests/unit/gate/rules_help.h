/* SPDX-License-Identifier: Apache-2.0 */
/* Rules from a configuration and one policy text, by the documents a gate is handed. */
#ifndef TESTS_UNIT_GATE_RULES_HELP_H
#define TESTS_UNIT_GATE_RULES_HELP_H

#include "detect/detect.h"
#include "gate/rules.h"
#include "json/write.h"

#define RULES_CONFIG                                                                               \
	"{\"version\":1,\"node\":\"n1\","                                                          \
	"\"agents\":{\"ci\":{\"owner\":\"Ann\",\"team\":\"build\","                                \
	"\"attributes\":{\"level\":3,\"tags\":[\"a\",\"b\"]}},\"guest\":{}},"                      \
	"\"servers\":{\"fs\":{\"url\":\"http://127.0.0.1:1/mcp\"},"                                \
	"\"far\":{\"url\":\"https://mcp.example/mcp\",\"site\":\"fra\"}},"                         \
	"\"models\":{\"small\":{\"url\":\"http://127.0.0.1:2/v1\",\"site\":\"here\","              \
	"\"context\":8192},\"big\":{\"url\":\"https://llm.example/v1\",\"model\":\"big-70b\","     \
	"\"site\":\"fra\"}},\"routes\":{\"eu\":[\"big\"]},"                                        \
	"\"sites\":{\"here\":{\"operator\":\"us\",\"country\":\"NO\",\"jurisdictions\":[\"NO\"],"  \
	"\"sovereign\":true},\"fra\":{\"operator\":\"Host GmbH\",\"country\":\"DE\","              \
	"\"jurisdictions\":[\"DE\",\"EU\"]}}}"

#define RULES_DIGEST "abababababababababababababababababababababababababababababababab"

static inline void rules_bundle(struct buf *b, const char *policies)
{
	buf_init(b, 1 << 20);
	buf_append(b, STR("{\"policies\":[{\"name\":\"policies/a.cedar\",\"text\":"));
	json_put_str(b, str_from_c(policies));
	buf_append(b, STR("}],\"schema\":null,\"servers\":{\"fs\":\"" RULES_DIGEST
			  "\",\"far\":\"" RULES_DIGEST "\"}}"));
}

static inline struct rules *rules_of(const char *policies)
{
	struct rules *r;
	struct err err;
	struct buf b;

	rules_bundle(&b, policies);
	if (rules_new(STR(RULES_CONFIG), buf_str(&b), &r, &err)) {
		fail_msg("%s", err.msg);
	}
	buf_done(&b);
	return r;
}

/* The same with temporal policies; a text that is NULL is absent. */
struct rules_help {
	const char *cedar, *temporal, *schema, *events, *providers, *config;
};

static inline void rules_help_text(struct buf *b, const char *key, const char *name,
				   const char *text)
{
	buf_printf(b, ",\"%s\":", key);
	if (!text) {
		buf_append(b, STR("null"));
		return;
	}
	buf_printf(b, "{\"name\":\"%s\",\"text\":", name);
	json_put_str(b, str_from_c(text));
	buf_append_c(b, '}');
}

static inline void rules_help_bundle(struct buf *b, const struct rules_help *t)
{
	buf_init(b, 1 << 20);
	buf_append(b, STR("{\"policies\":[{\"name\":\"policies/a.cedar\",\"text\":"));
	json_put_str(b, str_from_c(t->cedar ? t->cedar : ""));
	if (t->temporal) {
		buf_append(b, STR("},{\"name\":\"policies/b.dw\",\"text\":"));
		json_put_str(b, str_from_c(t->temporal));
	}
	buf_append(b, STR("}]"));
	rules_help_text(b, "schema", "s.cedarschema", t->schema);
	rules_help_text(b, "events", "e.dwschema", t->events);
	rules_help_text(b, "providers", "p.json", t->providers);
	buf_append(b,
		   STR(",\"servers\":{\"fs\":\"" RULES_DIGEST "\",\"far\":\"" RULES_DIGEST "\"}}"));
}

static inline enum err_code rules_help_try(const struct rules_help *t, struct rules **ret,
					   struct err *err)
{
	enum err_code code;
	struct buf b;

	rules_help_bundle(&b, t);
	code = rules_new(str_from_c(t->config ? t->config : RULES_CONFIG), buf_str(&b), ret, err);
	buf_done(&b);
	return code;
}

static inline struct rules *rules_help_new(const struct rules_help *t)
{
	struct rules *r = NULL;
	struct err err;

	if (rules_help_try(t, &r, &err)) {
		fail_msg("%s", err.msg);
	}
	return r;
}

#endif
