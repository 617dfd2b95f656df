/* SPDX-License-Identifier: Apache-2.0 */
/* Rules from a configuration and one policy text, by the documents a gate is handed. */
#ifndef TESTS_UNIT_GATE_RULES_HELP_H
#define TESTS_UNIT_GATE_RULES_HELP_H

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
	"\"site\":\"fra\"}},"                                                                      \
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

#endif
