/* SPDX-License-Identifier: Apache-2.0 */
/* writ import: a client's list of MCP servers becomes a configuration that denies by default. */
#include "cli/cmd.h"
#include "cli/files.h"
#include "cli/find.h"
#include "cli/import_openshell.h"
#include "cli/import_read.h"
#include "cli/init_text.h"
#include "cli/out.h"
#include "config/load.h"
#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IMPORT_MEMORY = 32 << 20, IMPORT_TEXT_MAX = 256 << 10, IMPORT_FILE_MAX = 1 << 20 };

struct import_run {
	struct arena a;
	const char *file, *dir;
	struct str out; /* absolute */
	struct import_list list;
	struct files files;
	struct buf yaml, text;
	size_t n_secrets, n_missing;
	bool openshell; /* the file is a policy, not a list */
	struct openshell shell;
};

static enum err_code read_text(struct arena *a, const char *path, struct str *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *p = arena_alloc(a, IMPORT_FILE_MAX + 1);
	size_t n = 0;
	ssize_t got = 0;

	if (fd < 0) {
		return ERR_ERRNO(err, "%s", path);
	}
	while (p && n <= IMPORT_FILE_MAX) {
		got = read(fd, p + n, IMPORT_FILE_MAX + 1 - n);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			break;
		}
		n += (size_t)got;
	}
	if (got < 0) {
		err_ignore(ERR_ERRNO(err, "%s", path)); /* before close changes errno */
	}
	(void)close(fd);
	if (!p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (got < 0) {
		return ERR_SYS;
	}
	if (n > IMPORT_FILE_MAX) {
		return ERR(err, ERR_LIMIT, "%s: larger than %d KiB", path, IMPORT_FILE_MAX >> 10);
	}
	*ret = str_make(p, n);
	return ERR_OK;
}

/* secrets/<server>.<name>: what a file's name should not have becomes '_'. */
static struct str secret_name(struct import_run *r, const struct import_server *s, struct str name)
{
	struct str made =
		arena_printf(&r->a, "secrets/" STR_FMT "." STR_FMT, STR_ARG(s->id), STR_ARG(name));
	char *p = (char *)(uintptr_t)made.p;

	for (size_t i = sizeof("secrets/") - 1; i < made.n; i++) {
		char c = p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '-' && c != '_') {
			p[i] = '_';
		}
	}
	return made;
}

static void put_entries(struct import_run *r, const struct import_server *s, const char *key,
			const struct import_entry *items, size_t n)
{
	if (n == 0) {
		return;
	}
	buf_printf(&r->yaml, "    %s:\n", key);
	for (size_t i = 0; i < n; i++) {
		buf_append(&r->yaml, STR("      "));
		yaml_put_text(&r->yaml, items[i].name);
		buf_append(&r->yaml, STR(": "));
		if (items[i].is_secret) {
			struct str file = secret_name(r, s, items[i].name);

			buf_append(&r->yaml, STR("{secret_file: "));
			yaml_put_text(&r->yaml, file);
			buf_append(&r->yaml, STR("}\n"));
			files_add(&r->files, file, items[i].is_reference ? STR("") : items[i].value,
				  0600);
			r->n_secrets++;
			if (items[i].is_reference) {
				r->n_missing++;
				import_notice(&r->list,
					      "write the value of " STR_FMT " into " STR_FMT,
					      STR_ARG(items[i].value), STR_ARG(file));
			}
		} else {
			yaml_put_text(&r->yaml, items[i].value);
			buf_append_c(&r->yaml, '\n');
		}
	}
}

static const char *profile_of(struct str program)
{
	static const char *const node[] = {"node", "npx", "bun", "bunx", "deno", "tsx", NULL};

	while (str_find(program, '/') < program.n) {
		program = str_from(program, str_find(program, '/') + 1);
	}
	for (size_t i = 0; node[i]; i++) {
		if (str_eq(program, str_from_c(node[i]))) {
			return "node";
		}
	}
	if (str_starts_with(program, STR("python")) || str_eq(program, STR("uv")) ||
	    str_eq(program, STR("uvx"))) {
		return "python";
	}
	return "native";
}

/*
 * What the server may read because of one of its arguments: a folder that is named, the package
 * that a script belongs to, or else the script alone. Never the folder a script happens to lie in:
 * that may be somebody's home.
 */
static struct str readable(struct arena *a, struct str word)
{
	static const char *const marks[] = {"package.json", "pyproject.toml"};
	struct str path = arena_dup(a, word);
	struct str folder = path;

	if (!path.p || path.n < 2 || path.p[0] != '/' || find_is_dir(path.p)) {
		return path.n >= 2 && path.p[0] == '/' ? path : STR("");
	}
	if (!find_is_file(path.p)) {
		return STR("");
	}
	for (int up = 0; up < 3; up++) {
		while (folder.n > 1 && folder.p[folder.n - 1] != '/') {
			folder.n--;
		}
		folder.n -= folder.n > 1;
		for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
			struct str mark = arena_printf(a, STR_FMT "/%s", STR_ARG(folder), marks[i]);

			if (mark.p && find_is_file(mark.p)) {
				return folder;
			}
		}
	}
	return path;
}

static void put_files(struct import_run *r, const struct import_server *s)
{
	bool first = true;

	for (size_t i = 1; i < s->n_command; i++) {
		struct str path = readable(&r->a, s->command[i]);

		if (path.n == 0) {
			continue;
		}
		buf_append(&r->yaml, first ? STR("    files:\n      read: [") : STR(", "));
		yaml_put_text(&r->yaml, path);
		first = false;
	}
	if (!first) {
		buf_append(&r->yaml, STR("] # found among the arguments; add write: [...] where "
					 "it is meant to write\n"));
	}
}

static void put_server(struct import_run *r, const struct import_server *s)
{
	buf_printf(&r->yaml, "  " STR_FMT ":\n", STR_ARG(s->id));
	if (s->url.n) {
		buf_append(&r->yaml, STR("    url: "));
		yaml_put_text(&r->yaml, s->url);
		buf_append(&r->yaml, s->sse ? STR("\n    protocol: sse\n") : STR("\n"));
		put_entries(r, s, "headers", s->headers, s->n_headers);
		return;
	}
	buf_append(&r->yaml, STR("    command: ["));
	for (size_t i = 0; i < s->n_command; i++) {
		if (i) {
			buf_append(&r->yaml, STR(", "));
		}
		yaml_put_text(&r->yaml, s->command[i]);
	}
	buf_printf(&r->yaml, "]\n    profile: %s\n", profile_of(s->command[0]));
	if (s->cwd.n) {
		buf_append(&r->yaml, STR("    cwd: "));
		yaml_put_text(&r->yaml, s->cwd);
		buf_append_c(&r->yaml, '\n');
	}
	put_files(r, s);
	put_entries(r, s, "env", s->env, s->n_env);
}

/* A file for each server, in which nothing is permitted until somebody removes the slashes. */
static void put_policy(struct import_run *r, const struct import_server *s)
{
	struct buf *b = &r->text;

	buf_printf(b,
		   "// The server \"" STR_FMT
		   "\": each of its tools is denied until a permit names "
		   "it.\n// The ledger (writ ledger show) says which calls were refused.\n//\n"
		   "// @id(\"" STR_FMT ".use\")\n// permit (\n//   principal is Writ::Agent,\n"
		   "//   action in [\n",
		   STR_ARG(s->id), STR_ARG(s->id));
	for (size_t i = 0; i < s->n_allowed; i++) {
		buf_printf(b, "//     Writ::Action::\"" STR_FMT ".", STR_ARG(s->id));
		cedar_put_text(b, s->allowed[i], false);
		buf_printf(b, "\"%s // the client did not ask about it\n",
			   i + 1 < s->n_allowed ? "," : "");
	}
	if (s->n_allowed == 0) {
		buf_printf(b, "//     Writ::Action::\"" STR_FMT ".NAME-OF-A-TOOL\"\n",
			   STR_ARG(s->id));
	}
	buf_append(b, STR("//   ],\n//   resource\n// );\n"));
	r->files.failed |= b->failed;
	files_add(&r->files,
		  arena_printf(&r->a, "policies/server-" STR_FMT ".cedar", STR_ARG(s->id)),
		  buf_str(b), 0644);
	buf_clear(b);
}

static void add_policies(struct import_run *r)
{
	files_add_dir(&r->files, STR("policies"), 0755);
	init_put_list_policy(&r->text);
	files_add(&r->files, STR("policies/00-list.cedar"), buf_str(&r->text), 0644);
	buf_clear(&r->text);
	for (size_t i = 0; i < r->list.n_servers; i++) {
		put_policy(r, &r->list.servers[i]);
	}
}

static void add_files(struct import_run *r)
{
	files_init(&r->files, &r->a, r->out.p);
	files_add_dir(&r->files, STR("state"), 0700);
	files_add_dir(&r->files, STR("secrets"), 0700);
	buf_append(&r->yaml,
		   STR("# Imported from a client's list of MCP servers. Every key is in "
		       "docs/configuration.md.\n"
		       "version: 1\n"
		       "state: state\n"
		       "policies: policies\n"
		       "listen:\n  - address: 127.0.0.1:8700\n"
		       "identity:\n  anonymous: anonymous\n\n"
		       "# Each program runs in a jail of its own: no network, and only the "
		       "files named here.\n"
		       "servers:\n"));
	for (size_t i = 0; i < r->list.n_servers; i++) {
		put_server(r, &r->list.servers[i]);
	}
	r->files.failed |= r->yaml.failed;
	files_add(&r->files, STR("writ.yaml"), buf_str(&r->yaml), 0600);
	add_policies(r);
}

/* What is wrong now is better known now; it does not undo the import. */
static void check(struct import_run *r)
{
	struct str path = arena_printf(&r->a, "%s/writ.yaml", r->out.p);
	struct config_loaded loaded;
	struct err err = {0};

	if (path.p && config_load(&r->a, path.p, &loaded, NULL, &err)) {
		import_notice(&r->list, "before it can start: %s", err.msg);
	}
}

static void put_list(struct buf *to, const char *key, const struct openshell_texts *t)
{
	if (t->n == 0) {
		return;
	}
	buf_printf(to, "  %s: [", key);
	for (size_t i = 0; i < t->n; i++) {
		buf_append(to, i ? STR(", ") : STR(""));
		yaml_put_text(to, t->items[i]);
	}
	buf_append(to, STR("]\n"));
}

static void add_shell_files(struct import_run *r)
{
	const struct openshell *s = &r->shell;
	struct buf *y = &r->yaml;

	files_init(&r->files, &r->a, r->out.p);
	files_add_dir(&r->files, STR("state"), 0700);
	files_add_dir(&r->files, STR("policies"), 0755);
	buf_append(y, STR("# Imported from a policy of OpenShell. Every key is in "
			  "docs/configuration.md.\n"
			  "version: 1\n"
			  "state: state\n"
			  "policies: policies\n"
			  "listen:\n  - address: 127.0.0.1:8700\n"
			  "identity:\n  anonymous: anonymous\n"));
	if (s->inspect.n || s->ranges.n) {
		buf_append(y, STR("egress:\n"));
		put_list(y, "inspect", &s->inspect);
		put_list(y, "allow_addresses", &s->ranges);
	}
	r->files.failed |= y->failed;
	files_add(&r->files, STR("writ.yaml"), buf_str(y), 0600);
	files_add(&r->files, STR("policies/10-openshell.cedar"), buf_str(&r->text), 0644);
	files_add(&r->files, STR("policies/20-workspace.cedar"),
		  STR("// The folder that an agent works in, by its path:\n//\n"
		      "// @id(\"workspace\")\n"
		      "// permit (principal, action in Writ::Action::\"fs\", resource in "
		      "Writ::Path::\"/home/ann/project\");\n"),
		  0644);
}

/* Of a list or of a policy: `list` and, of a policy, `shell` and `text`. */
static enum err_code read_file(struct import_run *r, struct err *err)
{
	const struct json_opts opts = {.name = str_from_c(r->file), .max_depth = 32};
	const struct json *root;
	struct str text;

	TRY(read_text(&r->a, r->file, &text, err));
	r->list.a = &r->a;
	if (r->openshell) {
		TRY(yaml_parse(&r->a, str_from_c(r->file), text, &root, err));
		r->shell = (struct openshell){.list = &r->list, .policies = &r->text};
		return import_openshell(&r->shell, root, err);
	}
	TRY(json_parse(&r->a, text, &opts, &root, err));
	return import_read(&r->list, root, err);
}

static enum err_code run(struct import_run *r, struct err *err)
{
	TRY(read_file(r, err));
	if (mkdir(r->dir, 0755) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "%s", r->dir);
	}
	TRY(find_real_path(&r->a, r->dir, &r->out, err));
	if (r->openshell) {
		add_shell_files(r);
	} else {
		add_files(r);
	}
	TRY(files_write(&r->files, err));
	check(r);
	return ERR_OK;
}

static void say_notices(struct out *o, const struct import_run *r)
{
	static const struct out_col notice_cols[] = {{"notice", 0}};
	static const struct out_list notices = {
		.name = "notices", .cols = notice_cols, .n_cols = 1, .between = " "};

	out_list_begin(o, &notices);
	for (size_t i = 0; i < r->list.n_notices; i++) {
		out_row_begin(o);
		out_text(o, "notice", r->list.notices[i]);
		out_row_end(o);
	}
	out_list_end(o);
}

static void say_shell(struct out *o, const struct import_run *r)
{
	const struct openshell *s = &r->shell;
	struct buf places;

	out_text(o, "folder", r->out);
	out_u64(o, "permits", s->n_permits);
	out_u64(o, "forbids", s->n_forbids);
	say_notices(o, r);
	buf_init(&places, 4 << 20);
	for (size_t i = 0; i < s->read.n + s->write.n; i++) {
		bool write = i >= s->read.n;
		struct str at = write ? s->write.items[i - s->read.n] : s->read.items[i];

		buf_printf(&places, " --%s " STR_FMT, write ? "write" : "read", STR_ARG(at));
	}
	out_note(o,
		 "Then, with the folder it works in permitted in %s/policies/20-workspace.cedar:\n"
		 "  writ run --config %s/writ.yaml" STR_FMT " -- PROGRAM",
		 r->out.p, r->out.p, STR_ARG(places.failed ? STR(" ...") : buf_str(&places)));
	buf_done(&places);
}

static void say(struct out *o, const struct import_run *r)
{
	static const struct out_col server_cols[] = {{"id", 20}, {"kind", 5}, {"name", 0}};
	static const struct out_list servers = {
		.name = "servers", .cols = server_cols, .n_cols = 3};

	out_text(o, "folder", r->out);
	out_list_begin(o, &servers);
	for (size_t i = 0; i < r->list.n_servers; i++) {
		const struct import_server *s = &r->list.servers[i];

		out_row_begin(o);
		out_text(o, "id", s->id);
		out_text(o, "kind", s->url.n ? STR("http") : STR("stdio"));
		out_text(o, "name", s->name);
		out_row_end(o);
	}
	out_list_end(o);
	out_u64(o, "secrets_moved_to_files", r->n_secrets - r->n_missing);
	say_notices(o, r);
	out_note(o,
		 "Everything is denied until policies permit it: see %s/policies\nThen:\n"
		 "  writ serve --config %s/writ.yaml",
		 r->out.p, r->out.p);
}

int cmd_import(int argc, char **argv)
{
	struct import_run r = {.dir = "writ"};
	bool json = false;
	const struct opt opts[] = {
		{.name = "out",
		 .letter = 'o',
		 .value = "DIR",
		 .text = &r.dir,
		 .help = "where to write (default: writ)"},
		{.name = "openshell",
		 .flag = &r.openshell,
		 .help = "FILE is a sandbox policy of NVIDIA OpenShell: make policies for writ "
			 "run"},
		OPT_JSON(&json),
	};
	const struct opt_word words[] = {
		{.name = "FILE",
		 .required = true,
		 .text = &r.file,
		 .help = "the client's list: mcp.json, claude_desktop_config.json, ..."},
	};
	const struct opt_spec spec = {
		.command = "writ import",
		.summary = "Turns a client's list of MCP servers into a configuration. Credentials "
			   "go to files of their own;\nevery tool is denied until a policy permits "
			   "it. The client's file is not changed.\nWith --openshell a sandbox's "
			   "policy "
			   "becomes Cedar policies and a configuration;\nwhat has no like here is "
			   "listed.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ import ~/.cursor/mcp.json --out ~/writ\n"
			   "writ import --openshell policy.yaml --out ~/writ",
	};
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	arena_init(&r.a, IMPORT_MEMORY);
	buf_init(&r.yaml, IMPORT_TEXT_MAX);
	buf_init(&r.text, IMPORT_TEXT_MAX);
	status = run(&r, &err) ? out_error(&o, &err) : CMD_FINE;
	if (status == CMD_FINE && r.openshell) {
		say_shell(&o, &r);
	} else if (status == CMD_FINE) {
		say(&o, &r);
	}
	buf_done(&r.yaml);
	buf_done(&r.text);
	status = out_end(&o, status);
	arena_done(&r.a);
	return status;
}
