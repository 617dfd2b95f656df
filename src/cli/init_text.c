/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/init_text.h"

#include "cli/schema_text.h"
#include "json/write.h"

void yaml_put_text(struct buf *to, struct str s)
{
	json_put_str(to, s); /* a JSON string is a double-quoted YAML scalar */
}

void cedar_put_text(struct buf *to, struct str s, bool pattern)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\' || (pattern && c == '*')) {
			buf_append_c(to, '\\');
			buf_append_c(to, (char)c);
		} else if (c < 0x20 || c == 0x7f) {
			buf_printf(to, "\\u{%x}", (unsigned)c);
		} else {
			buf_append_c(to, (char)c);
		}
	}
}

static void put(struct buf *to, const char *text)
{
	buf_append(to, str_from_c(text));
}

static void put_head(struct buf *to)
{
	put(to,
	    "# What this node of Writ listens on, talks to and trusts.\n"
	    "# Every key is described in docs/configuration.md. Relative paths start from this "
	    "file's\n"
	    "# folder. Check with `writ serve --check`, apply with `writ reload`.\n"
	    "version: 1\n\n"
	    "# In the ledger, each record says which node made it.\n"
	    "node: writ\n\n"
	    "# Ledger, keys and control socket; nobody else should be able to read it.\n"
	    "state: state\n\n"
	    "# Every *.cedar and *.dw file in this folder decides. What no policy permits is "
	    "denied.\n"
	    "policies: policies\n\n"
	    "# What policies can ask about. They are checked against it when they are loaded, so "
	    "a\n"
	    "# typing error is refused and not silently never true. The tools of another server:\n"
	    "# `writ policy schema --help`.\n"
	    "schema: policies/writ.cedarschema\n\n"
	    "listen:\n"
	    "  - address: 127.0.0.1:8700\n"
	    "# Reachable from other machines only with TLS and known callers:\n"
	    "#  - address: 0.0.0.0:8743\n"
	    "#    tls: {cert: tls/cert.pem, key: tls/key.pem}\n\n"
	    "# How callers are recognised.\n"
	    "identity:\n"
	    "  # Callers on this machine that show no key are this agent.\n"
	    "  anonymous: anonymous\n"
	    "  # The key itself is not stored: printf %s \"$KEY\" | sha256sum\n"
	    "  # api_keys:\n"
	    "  #   - {agent: ci-bot, key_sha256: <64 hexadecimal digits>, owner: Ann}\n\n"
	    "agents:\n"
	    "  anonymous: {team: local}\n\n");
}

static void put_below(struct buf *to, struct str dir, struct str name)
{
	struct buf path;

	buf_init(&path, 8192);
	buf_append(&path, dir);
	buf_append(&path, name);
	yaml_put_text(to, buf_str(&path));
	to->failed |= path.failed;
	buf_done(&path);
}

static void put_node_server(struct buf *to, const struct init_values *v, const char *id,
			    struct str package_entry)
{
	buf_printf(to, "  %s:\n    command:\n      - ", id);
	yaml_put_text(to, v->node);
	put(to, "\n      - ");
	put_below(to, v->peers, package_entry);
	put(to, "\n");
}

static void put_demo_servers(struct buf *to, const struct init_values *v)
{
	put(to, "# Each server runs in a jail of its own: no network, and no files but these.\n"
		"servers:\n");
	put_node_server(to, v, "fs",
			STR("/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"));
	put(to, "      - ");
	yaml_put_text(to, v->workspace);
	put(to, "\n    profile: node\n    files:\n      read: [");
	yaml_put_text(to, v->peers);
	put(to, ", ");
	yaml_put_text(to, v->workspace);
	put(to, "]\n    instructions: Files of the workspace, to read.\n\n");
	put_node_server(to, v, "memory",
			STR("/node_modules/@modelcontextprotocol/server-memory/dist/index.js"));
	put(to, "    profile: node\n    files:\n      read: [");
	yaml_put_text(to, v->peers);
	put(to, "]\n      write: [memory]\n    env:\n      MEMORY_FILE_PATH: ");
	put_below(to, v->dir, STR("/memory/memory.jsonl"));
	put(to, "\n    instructions: A graph of what should be remembered.\n\n");
	put_node_server(to, v, "everything",
			STR("/node_modules/@modelcontextprotocol/server-everything/dist/index.js"));
	put(to, "      - stdio\n    profile: node\n    files:\n      read: [");
	yaml_put_text(to, v->peers);
	put(to, "]\n");
}

static void put_example_server(struct buf *to, const struct init_values *v)
{
	const char *comment = v->program.n ? "" : "# ";

	put(to, "# Each server runs in a jail of its own: no network, and no files but these.\n");
	if (!v->program.n) {
		put(to, "# The example needs: npm install -g "
			"@modelcontextprotocol/server-filesystem\n");
	}
	buf_printf(to, "%sservers:\n%s  fs:\n%s    command: [", comment, comment, comment);
	yaml_put_text(to, v->program.n ? v->program : STR("mcp-server-filesystem"));
	put(to, ", ");
	yaml_put_text(to, v->workspace);
	buf_printf(to, "]\n%s    profile: node\n%s    files:\n%s      read: [", comment, comment,
		   comment);
	yaml_put_text(to, v->workspace);
	buf_printf(to, "]\n%s    instructions: Files of the workspace, to read.\n", comment);
	put(to, "#  remote:                      # a server that is reached over HTTP\n"
		"#    url: https://mcp.example.org/mcp\n"
		"#    headers: {Authorization: {secret_file: secrets/remote}}\n");
}

static void put_tail(struct buf *to)
{
	put(to, "\n# Where data may be processed, and models served there.\n"
		"# sites:\n"
		"#   here: {operator: Example GmbH, country: DE, jurisdictions: [DE, EU], "
		"sovereign: true}\n"
		"# models:\n"
		"#   llama: {url: 'http://127.0.0.1:8080/v1', site: here, context: 8192}\n\n"
		"# limits: {body: 16MiB, sessions: 20000, session_idle: 30m}\n"
		"# gates: 0        # one for each core\n"
		"# log: {level: info}\n"
		"# ledger: {sync: 5ms, checkpoint: 1s}\n");
}

void init_put_config(struct buf *to, const struct init_values *v)
{
	put_head(to);
	if (v->demo) {
		put_demo_servers(to, v);
	} else {
		put_example_server(to, v);
	}
	put_tail(to);
}

void init_put_schema(struct buf *to, const struct init_values *v)
{
	put(to,
	    "// What policies can ask about. `writ policy check --schema` and the gateway check "
	    "them against it.\n"
	    "// Declare the tools of a server before a policy names them; `writ policy schema` "
	    "writes such\n"
	    "// declarations from what the server itself says.\n");
	schema_put_base(to);
	schema_put_files(to);
	if (v->demo) {
		schema_put_demo(to);
	}
	schema_put_end(to);
}

void init_put_list_policy(struct buf *to)
{
	put(to, "// Every agent may see which tools, resources and prompts there are.\n"
		"@id(\"list\")\n"
		"permit (principal is Writ::Agent, action == Writ::Action::\"list\", resource);\n");
}

/* The condition "context.input.path is in the workspace". */
static void put_in_workspace(struct buf *to, const struct init_values *v)
{
	put(to, "  (context.input.path == \"");
	cedar_put_text(to, v->workspace, false);
	put(to, "\" || context.input.path like \"");
	cedar_put_text(to, v->workspace, true);
	put(to, "/*\") &&\n  !(context.input.path like \"*..*\")\n");
}

void init_put_files_policy(struct buf *to, const struct init_values *v)
{
	put(to, "// The server \"fs\": agents read below the workspace and write nowhere.\n\n"
		"@id(\"fs.read\")\n"
		"permit (\n"
		"  principal is Writ::Agent,\n"
		"  action in [\n"
		"    Writ::Action::\"fs.read_file\",\n"
		"    Writ::Action::\"fs.read_text_file\",\n"
		"    Writ::Action::\"fs.read_media_file\",\n"
		"    Writ::Action::\"fs.list_directory\",\n"
		"    Writ::Action::\"fs.list_directory_with_sizes\",\n"
		"    Writ::Action::\"fs.directory_tree\",\n"
		"    Writ::Action::\"fs.search_files\",\n"
		"    Writ::Action::\"fs.get_file_info\"\n"
		"  ],\n"
		"  resource\n"
		") when {\n"
		"  context.input has path &&\n");
	put_in_workspace(to, v);
	put(to, "};\n\n"
		"@id(\"fs.roots\")\n"
		"permit (\n"
		"  principal is Writ::Agent,\n"
		"  action == Writ::Action::\"fs.list_allowed_directories\",\n"
		"  resource\n"
		");\n\n"
		"// A forbid wins over every permit, also over one that is added later.\n"
		"@id(\"fs.no-write\")\n"
		"@reason(\"agents do not change files here\")\n"
		"forbid (\n"
		"  principal,\n"
		"  action in [\n"
		"    Writ::Action::\"fs.write_file\",\n"
		"    Writ::Action::\"fs.edit_file\",\n"
		"    Writ::Action::\"fs.create_directory\",\n"
		"    Writ::Action::\"fs.move_file\"\n"
		"  ],\n"
		"  resource\n"
		");\n\n"
		"@id(\"fs.workspace-only\")\n"
		"@reason(\"the path lies outside the workspace\")\n"
		"forbid (\n"
		"  principal,\n"
		"  action in Writ::Action::\"call_tool\",\n"
		"  resource in Writ::McpServer::\"fs\"\n"
		") when {\n"
		"  context.input has path\n"
		"} unless {\n");
	put_in_workspace(to, v);
	put(to, "};\n");
}

void init_put_memory_policy(struct buf *to)
{
	put(to, "// The server \"memory\": agents may look things up and add, but not delete.\n"
		"@id(\"memory.use\")\n"
		"permit (\n"
		"  principal is Writ::Agent,\n"
		"  action in [\n"
		"    Writ::Action::\"memory.create_entities\",\n"
		"    Writ::Action::\"memory.create_relations\",\n"
		"    Writ::Action::\"memory.add_observations\",\n"
		"    Writ::Action::\"memory.read_graph\",\n"
		"    Writ::Action::\"memory.search_nodes\",\n"
		"    Writ::Action::\"memory.open_nodes\"\n"
		"  ],\n"
		"  resource\n"
		");\n");
}

void init_put_everything_policy(struct buf *to)
{
	put(to, "// The server \"everything\": the tools that only compute. Its others (get-env, "
		"which shows\n"
		"// environment variables, or gzip-file-as-resource, which fetches) stay denied.\n"
		"@id(\"everything.use\")\n"
		"permit (\n"
		"  principal is Writ::Agent,\n"
		"  action in [\n"
		"    Writ::Action::\"everything.echo\",\n"
		"    Writ::Action::\"everything.get-sum\",\n"
		"    Writ::Action::\"everything.get-annotated-message\",\n"
		"    Writ::Action::\"everything.get-structured-content\",\n"
		"    Writ::Action::\"everything.get-tiny-image\",\n"
		"    Writ::Action::\"everything.get-resource-links\",\n"
		"    Writ::Action::\"everything.get-resource-reference\",\n"
		"    Writ::Action::\"everything.trigger-long-running-operation\"\n"
		"  ],\n"
		"  resource\n"
		");\n\n"
		"@id(\"everything.resources\")\n"
		"permit (\n"
		"  principal is Writ::Agent,\n"
		"  action in [Writ::Action::\"read_resource\", Writ::Action::\"get_prompt\",\n"
		"    Writ::Action::\"complete\"],\n"
		"  resource in Writ::McpServer::\"everything\"\n"
		");\n");
}

void init_put_runs_policy(struct buf *to, const struct init_values *v)
{
	put(to, "// Programs that are started by `writ run`, and the places that they get.\n"
		"@id(\"runs.start\")\n"
		"permit (principal is Writ::Agent, action == Writ::Action::\"exec\", resource);\n\n"
		"@id(\"runs.workspace\")\n"
		"permit (\n"
		"  principal is Writ::Agent,\n"
		"  action in [Writ::Action::\"read_file\", Writ::Action::\"write_file\"],\n"
		"  resource in Writ::Path::\"");
	cedar_put_text(to, v->workspace, false);
	put(to, "\"\n);\n");
}

static void put_secret_test(struct buf *to, const char *argument, const char *end)
{
	static const char *const marks[] = {"*BEGIN*PRIVATE KEY*", "*sk-*", "*AKIA*", "*ghp_*"};

	buf_printf(to, "  (context.input has %s && (", argument);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		buf_printf(to, "%s\n    context.input.%s like \"%s\"", i ? " ||" : "", argument,
			   marks[i]);
	}
	buf_printf(to, "))%s", end);
}

void init_put_secrets_policy(struct buf *to)
{
	put(to, "// Whoever an agent was talked into helping: text that looks like a key does not "
		"leave.\n"
		"@id(\"no-secrets-out\")\n"
		"@reason(\"the text looks like a secret key\")\n"
		"forbid (principal, action in Writ::Action::\"call_tool\", resource)\n"
		"when {\n");
	put_secret_test(to, "message", " ||\n");
	put_secret_test(to, "content", " ||\n");
	put_secret_test(to, "query", "\n");
	put(to, "};\n");
}
