/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy corpus DIR`: every Cedar integration test below DIR. A test is a
 * .json file with "policies", "entities", "schema" (paths), "shouldValidate" and
 * "requests". One check is one request, or one validation. Paths in a test are
 * looked for below the folder of the test and each folder above it, up to six.
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/case.h"
#include "policy/validate.h"
#include "sys/fd.h"

#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_MAX ((size_t)2 << 30)
#define UP_MAX     6
#define SHOWN_MAX  20
#define PROGRESS   500 /* files between two lines of progress */

struct corpus {
	struct arena arena; /* one test at a time */
	struct out *out;
	bool progress;
	uint64_t files, requests, validations, passed, failed;
};

static void failed(struct corpus *c, const char *path, const char *fmt, ...) PRINTF(3, 4);

static void failed(struct corpus *c, const char *path, const char *fmt, ...)
{
	char text[400];
	va_list va;

	va_start(va, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, va);
	va_end(va);
	c->failed++;
	if (c->failed <= SHOWN_MAX) {
		out_note(c->out, "FAILED %s: %s", path, text);
	}
}

/* Reads the file a test names, relative to the test's folder or one above. */
static enum err_code read_named(struct arena *a, const char *test, const struct json *name,
				struct policy_source *ret, struct err *err)
{
	struct str dir = str_from_c(test);

	if (!json_is_string(name)) {
		return ERR(err, ERR_INVALID, "the test names no file");
	}
	for (int up = 0; up < UP_MAX; up++) {
		struct str path;

		while (dir.n > 0 && dir.p[dir.n - 1] != '/') {
			dir.n--;
		}
		path = arena_printf(a, STR_FMT STR_FMT, STR_ARG(dir), STR_ARG(name->text));
		if (!path.p) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		if (access(path.p, R_OK) == 0) {
			return cmd_policy_read(a, path.p, ret, err);
		}
		if (dir.n == 0) {
			break;
		}
		dir.n--;
	}
	return ERR(err, ERR_NOT_FOUND, "no such file: " STR_FMT, STR_ARG(name->text));
}

static void check_request(struct corpus *c, const char *path, const struct policy_case *pc,
			  const struct json *r)
{
	const struct json *validate = json_get(r, STR("validateRequest"));
	bool want = json_str_is(json_get(r, STR("decision")), STR("allow"));
	struct policy_request req;
	struct policy_decision d;
	struct err err = {0};

	c->requests++;
	if (policy_case_request(&c->arena, pc, r, !json_is_bool(validate) || validate->boolean,
				&req, &err)) {
		failed(c, path, "%s", err.msg);
		return;
	}
	policy_decide(pc->set, &req, &c->arena, &d);
	if (d.failure || d.allow != want) {
		failed(c, path, "request %llu: want %s, got %s%s", (unsigned long long)c->requests,
		       want ? "allow" : "deny", d.allow ? "allow" : "deny",
		       d.failure ? " (failure)" : "");
	} else if (!cmd_policy_same_ids(json_get(r, STR("reason")), &d.reasons)) {
		failed(c, path, "other reasons");
	} else if (!cmd_policy_same_ids(json_get(r, STR("errors")), &d.errors)) {
		failed(c, path, "other errors");
	} else {
		c->passed++;
	}
}

static void check_validation(struct corpus *c, const char *path, const struct policy_case *pc,
			     bool want)
{
	struct policy_diags diags;
	struct err err = {0};

	c->validations++;
	policy_diags_init(&diags, &c->arena);
	if (validate_policies(pc->schema, &pc->policies, &diags, &err)) {
		failed(c, path, "validation: %s", err.msg);
	} else if ((diags.n_errors == 0) != want) {
		if (diags.n_errors > 0) {
			err_ignore(policy_diags_err(&diags, ERR_INVALID, &err)); /* shown */
		}
		failed(c, path, "validation: want %s: %s", want ? "pass" : "fail", err.msg);
	} else {
		c->passed++;
	}
}

static enum err_code run_test(struct corpus *c, const char *path, const struct json *test,
			      struct err *err)
{
	const struct json *should = json_get(test, STR("shouldValidate"));
	struct policy_source policies, entities, schema;
	const struct policy_case_texts texts = {&policies, 1, &schema, &entities};
	struct policy_diags diags;
	struct policy_case pc;

	policy_diags_init(&diags, &c->arena);
	TRY(read_named(&c->arena, path, json_get(test, STR("policies")), &policies, err));
	TRY(read_named(&c->arena, path, json_get(test, STR("entities")), &entities, err));
	TRY(read_named(&c->arena, path, json_get(test, STR("schema")), &schema, err));
	TRY(policy_case_load(&c->arena, &texts, NULL, &diags, &pc, err));
	if (json_is_bool(should)) {
		check_validation(c, path, &pc, should->boolean);
	}
	JSON_EACH (r, json_get(test, STR("requests"))) {
		check_request(c, path, &pc, r);
	}
	return ERR_OK;
}

static void run_file(struct corpus *c, const char *path)
{
	const struct json *test;
	struct policy_source src;
	struct err err = {0};

	arena_reset(&c->arena);
	if (cmd_policy_read(&c->arena, path, &src, &err) ||
	    policy_case_json(&c->arena, &src, &test, &err)) {
		failed(c, path, "%s", err.msg);
		return;
	}
	if (!json_get(test, STR("policies")) || !json_is_array(json_get(test, STR("requests")))) {
		return; /* entities, or a schema */
	}
	c->files++;
	if (run_test(c, path, test, &err)) {
		failed(c, path, "%s", err.msg);
	}
	if (c->progress && c->files % PROGRESS == 0) {
		(void)fprintf(stderr, "%llu files, %llu passed, %llu failed\n",
			      (unsigned long long)c->files, (unsigned long long)c->passed,
			      (unsigned long long)c->failed);
	}
}

struct paths {
	struct arena arena;
	char **items;
	size_t n, cap;
	bool failed;
};

static int path_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_with(const char *path, const char *suffix)
{
	return str_ends_with(str_from_c(path), str_from_c(suffix));
}

/* Tests below dir, sorted. Walks with a stack of its own: no recursion, no global. */
static void find_tests(struct paths *p, const char *dir)
{
	char *const roots[] = {(char *)(uintptr_t)dir, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

	p->failed = !fts;
	for (FTSENT *e = fts ? fts_read(fts) : NULL; e && !p->failed; e = fts_read(fts)) {
		struct str kept;

		if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS) {
			p->failed = true;
		}
		if (e->fts_info != FTS_F || !ends_with(e->fts_path, ".json") ||
		    ends_with(e->fts_path, ".entities.json")) {
			continue;
		}
		kept = arena_dup(&p->arena, str_from_c(e->fts_path));
		if (!kept.p || !ARENA_GROW(&p->arena, &p->items, p->n, &p->cap)) {
			p->failed = true;
			break;
		}
		p->items[p->n++] = (char *)(uintptr_t)kept.p;
	}
	if (fts) {
		(void)fts_close(fts);
	}
	if (p->n > 0) {
		qsort(p->items, p->n, sizeof(*p->items), path_order);
	}
}

static int report(struct out *o, const struct corpus *c)
{
	out_u64(o, "files", c->files);
	out_u64(o, "requests", c->requests);
	out_u64(o, "validations", c->validations);
	out_u64(o, "passed", c->passed);
	out_u64(o, "failed", c->failed);
	out_note(o, "%llu passed, %llu failed", (unsigned long long)c->passed,
		 (unsigned long long)c->failed);
	return c->failed > 0 || c->files == 0 ? CMD_FOUND : CMD_FINE;
}

int cmd_policy_corpus(int argc, char **argv)
{
	const char *dir = NULL;
	bool json = false;
	const struct opt opts[] = {OPT_JSON(&json)};
	const struct opt_word words[] = {
		{.name = "DIR", .help = "a folder of tests", .required = true, .text = &dir},
	};
	const struct opt_spec spec = {
		.command = "writ policy corpus",
		.summary = "Runs a folder of Cedar integration tests.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ policy corpus cedar-integration-tests",
	};
	struct paths paths = {0};
	struct corpus c = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	c.out = &o;
	c.progress = !json;
	arena_init(&c.arena, MEMORY_MAX);
	arena_init(&paths.arena, MEMORY_MAX);
	find_tests(&paths, dir);
	if (paths.failed) {
		struct err err = {0};

		err_ignore(ERR_ERRNO(&err, "reading %s", dir)); /* shown */
		status = out_error(&o, &err);
	} else {
		for (size_t i = 0; i < paths.n; i++) {
			run_file(&c, paths.items[i]);
		}
		status = report(&o, &c);
	}
	arena_done(&paths.arena);
	arena_done(&c.arena);
	return out_end(&o, status);
}
