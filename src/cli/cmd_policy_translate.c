/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy translate FILE`: Cedar text to the JSON format of policies, or
 * that JSON to formatted text; which of them is seen from the file.
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/case.h"
#include "policy/est.h"
#include "policy/fmt.h"
#include "policy/print.h"

#include <stdio.h>

#define MEMORY_MAX ((size_t)2 << 30)
#define TEXT_MAX   ((size_t)512 << 20)

static bool is_json(struct str text)
{
	size_t at = 0;

	while (at < text.n && (text.p[at] == ' ' || text.p[at] == '\n' || text.p[at] == '\t' ||
			       text.p[at] == '\r')) {
		at++;
	}
	return at < text.n && (text.p[at] == '{' || text.p[at] == '[');
}

/* The ids of a JSON set become @id annotations where there is none: text has no other place. */
static void print_id(struct buf *out, const struct policy *p)
{
	if (!policy_annotation_find(p, STR("id"))) {
		buf_append(out, STR("@id(\""));
		policy_escape(out, p->id);
		buf_append(out, STR("\")\n"));
	}
}

static enum err_code to_text(struct arena *a, const struct policy_list *list, bool ids,
			     struct buf *out, struct policy_diags *diags, struct err *err)
{
	struct policy_source src = {STR("<translated>"), {0}};
	enum err_code code;
	struct buf plain;

	buf_init(&plain, TEXT_MAX);
	for (size_t i = 0; i < list->n; i++) {
		if (ids) {
			print_id(&plain, list->items[i]);
		}
		policy_print(&plain, list->items[i]);
	}
	src.text = arena_dup(a, buf_str(&plain));
	code = plain.failed || !src.text.p ? ERR(err, ERR_LIMIT, "the text is too long")
					   : policy_fmt(a, &src, out, diags, err);
	buf_done(&plain);
	return code;
}

static enum err_code translate(struct arena *a, const char *path, bool one, struct buf *out,
			       struct policy_diags *diags, struct err *err)
{
	struct policy_list list = {0};
	struct policy_source src;

	TRY(cmd_policy_read(a, path, &src, err));
	TRY(policy_case_policies(a, &src, POLICY_ID_ORDER, &list, diags, err));
	if (is_json(src.text)) {
		return to_text(a, &list, !one, out, diags, err);
	}
	if (!one) {
		policy_est_write_set(out, &list);
	} else if (list.n == 1) {
		policy_est_write(out, list.items[0]);
	} else {
		return ERR(err, ERR_INVALID, "--one needs a file with one policy, not %zu", list.n);
	}
	buf_append_c(out, '\n');
	return out->failed ? ERR(err, ERR_LIMIT, "the JSON is too long") : ERR_OK;
}

int cmd_policy_translate(int argc, char **argv)
{
	const char *path = NULL;
	bool json = false, one = false;
	const struct opt opts[] = {
		{.name = "one", .flag = &one, .help = "a single policy instead of a policy set"},
		OPT_JSON(&json),
	};
	const struct opt_word words[] = {
		{.name = "FILE",
		 .help = "policies, as text or as JSON",
		 .required = true,
		 .text = &path},
	};
	const struct opt_spec spec = {
		.command = "writ policy translate",
		.summary = "Turns policies into JSON, or JSON into policies.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ policy translate policies.cedar > policies.json",
	};
	struct policy_diags diags;
	struct err err = {0};
	struct arena a;
	struct buf text;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	arena_init(&a, MEMORY_MAX);
	buf_init(&text, TEXT_MAX);
	policy_diags_init(&diags, &a);
	status = CMD_FINE;
	if (translate(&a, path, one, &text, &diags, &err)) {
		status = out_error(&o, &err);
	} else if (json) {
		out_text(&o, "text", buf_str(&text));
	} else if (fwrite(buf_str(&text).p, 1, buf_len(&text), stdout) != buf_len(&text) ||
		   fflush(stdout) != 0) {
		status = CMD_FAILED;
	}
	buf_done(&text);
	arena_done(&a);
	return out_end(&o, status);
}
