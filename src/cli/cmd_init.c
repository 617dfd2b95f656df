/* SPDX-License-Identifier: Apache-2.0 */
/* writ init: a commented configuration that works as it is, and policies beside it. */
#include "cli/cmd.h"
#include "cli/files.h"
#include "cli/find.h"
#include "cli/init_text.h"
#include "cli/out.h"
#include "cli/run.h"
#include "proc/loader.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { INIT_MEMORY = 32 << 20, INIT_TEXT_MAX = 256 << 10 };

struct init_args {
	const char *dir, *peers, *workspace;
	bool json;
};

struct init_run {
	struct arena a;
	struct init_args args;
	struct init_values values;
	struct files files;
	struct buf text;
};

/* The folders must exist before their names can be made absolute. */
static enum err_code make_dir(const char *path, struct err *err)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "%s", path);
	}
	return ERR_OK;
}

static enum err_code fill_values(struct init_run *r, struct err *err)
{
	struct init_values *v = &r->values;
	struct arena *a = &r->a;

	TRY(make_dir(r->args.dir, err));
	TRY(find_real_path(a, r->args.dir, &v->dir, err));
	v->demo = r->args.peers != NULL;
	if (!v->demo) {
		v->program = find_program(a, "mcp-server-filesystem");
		v->workspace = r->args.workspace ? str_from_c(r->args.workspace)
						 : arena_printf(a, "%s/workspace", v->dir.p);
		if (!v->workspace.p) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		TRY(make_dir(v->workspace.p, err));
		return find_real_path(a, v->workspace.p, &v->workspace, err);
	}
	if (!r->args.workspace) {
		return ERR(err, ERR_INVALID,
			   "--demo needs the workspace too: writ init DIR --demo PEERS WORKSPACE");
	}
	v->node = find_program(a, "node");
	if (!v->node.p) {
		return ERR(err, ERR_NOT_FOUND,
			   "node is not in PATH: install it (apt-get install nodejs)");
	}
	TRY(find_real_path(a, r->args.peers, &v->peers, err));
	return find_real_path(a, r->args.workspace, &v->workspace, err);
}

static void add_text(struct init_run *r, const char *name)
{
	r->files.failed |= r->text.failed;
	files_add(&r->files, str_from_c(name), buf_str(&r->text), 0644);
	buf_clear(&r->text);
}

static void add_files(struct init_run *r)
{
	const struct init_values *v = &r->values;

	files_init(&r->files, &r->a, v->dir.p);
	init_put_config(&r->text, v);
	add_text(r, "writ.yaml");
	files_add_dir(&r->files, STR("state"), 0700);
	files_add_dir(&r->files, STR("policies"), 0755);
	init_put_schema(&r->text, v);
	add_text(r, "policies/writ.cedarschema");
	init_put_list_policy(&r->text);
	add_text(r, "policies/00-list.cedar");
	init_put_files_policy(&r->text, v);
	add_text(r, "policies/10-files.cedar");
	if (v->demo) {
		files_add_dir(&r->files, STR("memory"), 0700);
		init_put_memory_policy(&r->text);
		add_text(r, "policies/20-memory.cedar");
		init_put_everything_policy(&r->text);
		add_text(r, "policies/30-everything.cedar");
	}
	init_put_runs_policy(&r->text, v);
	add_text(r, "policies/40-runs.cedar");
	init_put_secrets_policy(&r->text);
	add_text(r, "policies/90-secrets.cedar");
}

/* What was written must load; otherwise the reader is told now and not at the start. */
static enum err_code check(struct init_run *r, struct err *err)
{
	struct str path = arena_printf(&r->a, "%s/writ.yaml", r->values.dir.p);
	enum err_code code;
	struct buf report;

	if (!path.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	buf_init(&report, INIT_TEXT_MAX);
	code = loader_check(path.p, &report);
	if (code) {
		code = ERR(err, code, STR_FMT, STR_ARG(str_trim(buf_str(&report))));
	}
	buf_done(&report);
	return code;
}

static void say(struct out *o, const struct init_run *r)
{
	static const struct out_col cols[] = {{"file", 0}};
	static const struct out_list list = {
		.name = "written", .cols = cols, .n_cols = 1, .between = " "};
	const struct init_values *v = &r->values;

	out_text(o, "folder", v->dir);
	out_list_begin(o, &list);
	for (size_t i = 0; i < r->files.n; i++) {
		if (!r->files.items[i].is_dir) {
			out_row_begin(o);
			out_text(o, "file", r->files.items[i].path);
			out_row_end(o);
		}
	}
	out_list_end(o);
	if (!v->demo && !v->program.n) {
		out_note(o, "The example server is commented out: it needs\n"
			    "  npm install -g @modelcontextprotocol/server-filesystem");
	}
	out_note(o,
		 "Next:\n  writ serve --config %s/writ.yaml\n"
		 "Then point an MCP client at http://127.0.0.1:8700/mcp",
		 v->dir.p);
}

/* `writ run` in that folder takes it without being told. */
static void vouch(struct init_run *r)
{
	struct str path = arena_printf(&r->a, "%s/writ.yaml", r->values.dir.p), real;

	if (path.p && find_real_path(&r->a, path.p, &real, NULL) == ERR_OK) {
		err_ignore(run_known_add(&r->a, real, NULL)); /* then it has to be named once */
	}
}

static enum err_code run(struct init_run *r, struct err *err)
{
	TRY(fill_values(r, err));
	add_files(r);
	TRY(files_write(&r->files, err));
	TRY(check(r, err));
	vouch(r);
	return ERR_OK;
}

int cmd_init(int argc, char **argv)
{
	struct init_run r = {.args = {.dir = "."}};
	const struct opt opts[] = {
		{.name = "demo",
		 .value = "PEERS",
		 .text = &r.args.peers,
		 .help = "three servers from PEERS/node_modules: filesystem, memory, everything"},
		OPT_JSON(&r.args.json),
	};
	const struct opt_word words[] = {
		{.name = "DIR", .text = &r.args.dir, .help = "where to write (default: here)"},
		{.name = "WORKSPACE",
		 .text = &r.args.workspace,
		 .help = "what the file server may read (default: DIR/workspace)"},
	};
	const struct opt_spec spec = {
		.command = "writ init",
		.summary = "Writes a commented configuration and policies to start from. Existing "
			   "files stay as they are.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ init ~/writ\nwrit init ~/writ --demo ~/peers ~/project",
	};
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &r.args.json, &status)) {
		return status;
	}
	arena_init(&r.a, INIT_MEMORY);
	buf_init(&r.text, INIT_TEXT_MAX);
	status = run(&r, &err) ? out_error(&o, &err) : CMD_FINE;
	if (status == CMD_FINE) {
		say(&o, &r);
	}
	buf_done(&r.text);
	status = out_end(&o, status);
	arena_done(&r.a);
	return status;
}
