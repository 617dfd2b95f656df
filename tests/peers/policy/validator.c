/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads questions as policy_questions --validate prints them, one a line, and answers each
 * with {"valid":true} or {"valid":false,"error":TEXT}. For compare.mjs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/case.h"
#include "policy/schema_ast.h"
#include "policy/validate.h"
#include "json/write.h"

static enum err_code check(struct arena *a, struct str line, struct policy_diags *diags,
			   struct err *err)
{
	const struct policy_source src = {STR("line"), line};
	struct policy_source schema = {STR("schema"), {0}}, policies = {STR("policies"), {0}};
	const struct schema *s;
	struct policy_list list = {0};
	const struct json *q;

	TRY(policy_case_json(a, &src, &q, err));
	schema.text = json_get(q, STR("schema"))->text;
	policies.text = json_get(q, STR("policies"))->text;
	TRY(schema_load(a, &schema, &s, diags, err));
	TRY(policy_parse(a, &policies, POLICY_ID_ORDER, &list, diags, err));
	TRY(validate_policies(s, &list, diags, err));
	return diags->n_errors > 0 ? policy_diags_err(diags, ERR_INVALID, err) : ERR_OK;
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	struct arena a;
	ssize_t n;

	arena_init(&a, 256 << 20);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct policy_diags diags;
		struct err err = {0};
		struct json_writer w;
		struct buf out;
		bool valid;

		policy_diags_init(&diags, &a);
		valid = check(&a, str_make(line, (size_t)n), &diags, &err) == ERR_OK;
		buf_init(&out, 1 << 20);
		w = json_writer(&out);
		json_w_object(&w);
		json_w_key(&w, STR("valid"));
		json_w_bool(&w, valid);
		json_w_key(&w, STR("error"));
		json_w_str(&w, str_from_c(valid ? "" : err.msg));
		json_w_end(&w);
		(void)printf(STR_FMT "\n", STR_ARG(buf_str(&out)));
		buf_done(&out);
		arena_reset(&a);
	}
	arena_done(&a);
	free(line);
	return fflush(stdout) == 0 ? 0 : 2;
}
