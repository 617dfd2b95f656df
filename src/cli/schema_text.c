/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/schema_text.h"

static void put(struct buf *to, const char *text)
{
	buf_append(to, str_from_c(text));
}

static void put_entities(struct buf *to)
{
	put(to,
	    "  // Who asks. Attributes of your own (agents: NAME: attributes) are declared here "
	    "too.\n"
	    "  entity Team;\n"
	    "  entity User;\n"
	    "  entity Agent in [Team] = {\n"
	    "    owner?: User,\n"
	    "    // Of a caller with a token: what its issuer says.\n"
	    "    oauth?: { client?: String, issuer: String, scopes: Set<String>, subject: String "
	    "}\n"
	    "  };\n\n"
	    "  // Where data may be processed, and the models served there.\n"
	    "  entity Jurisdiction;\n"
	    "  entity Site in [Jurisdiction] = {\n"
	    "    attested: Bool, country: String, exposure: Set<String>, keys: String, manifest: "
	    "Bool,\n"
	    "    operator: String, retention: String, schemes: Set<String>, sovereign: Bool, "
	    "training: Bool,\n"
	    "    within: Set<String>\n"
	    "  };\n"
	    "  entity Model = { context: Long, site: Site, weights: String };\n\n"
	    "  // \"git.example.org:443\" in \"git.example.org\" in \"example.org\" in \"org\".\n"
	    "  entity Host in [Host] = { name: String, port: Long };\n\n"
	    "  // Tool servers and what they offer.\n"
	    "  entity McpServer = { site?: Site };\n"
	    "  entity Tool in [McpServer] = { name: String, server: McpServer };\n"
	    "  entity Prompt in [McpServer] = { name: String, server: McpServer };\n"
	    "  entity Resource in [McpServer] = { server: McpServer, uri: String };\n\n"
	    "  // Programs under `writ run`, and the places they get.\n"
	    "  entity Program = { digest: String, path: String };\n"
	    "  entity Path in [Path] = { labels: Labels, path: String };\n\n");
}

static void put_actions(struct buf *to)
{
	put(to,
	    "  action all;\n"
	    "  action observe in [all];\n"
	    "  action mutate in [all];\n"
	    "  action egress in [all];\n"
	    "  action model in [all];\n"
	    "  action mcp in [all];\n"
	    "  action fs in [all];\n"
	    "  action call_tool in [mcp]; // every tool is an action \"SERVER.TOOL\" in it\n"
	    "  action list in [mcp, observe] appliesTo {\n"
	    "    principal: [Agent], resource: [McpServer],\n"
	    "    context: { input: {}, sessionId: String, w: Common }\n"
	    "  };\n"
	    "  action complete in [mcp, observe] appliesTo {\n"
	    "    principal: [Agent], resource: [McpServer],\n"
	    "    context: { input: {}, output?: Answer, sessionId: String, w: Common }\n"
	    "  };\n"
	    "  action read_resource, subscribe in [mcp, observe] appliesTo {\n"
	    "    principal: [Agent], resource: [Resource],\n"
	    "    context: { input: {}, output?: Answer, sessionId: String, w: Common }\n"
	    "  };\n"
	    "  action get_prompt in [mcp, observe] appliesTo {\n"
	    "    principal: [Agent], resource: [Prompt],\n"
	    "    context: { input: {}, output?: Answer, sessionId: String, w: Common }\n"
	    "  };\n"
	    "  action connect in [egress] appliesTo {\n"
	    "    principal: [Agent], resource: [Host],\n"
	    "    context: { input: Connection, output?: Connected, program?: Connector, sessionId: "
	    "String, w: Common }\n"
	    "  };\n"
	    "  // What a server may ask of the agent's client: its model, its person, its "
	    "folders.\n"
	    "  action sample in [mcp] appliesTo {\n"
	    "    principal: [Agent], resource: [McpServer],\n"
	    "    context: { input: { includeContext?: String, maxTokens: Long, systemPrompt?: "
	    "String }, sessionId: String, w: Common }\n"
	    "  };\n"
	    "  action elicit in [mcp] appliesTo {\n"
	    "    principal: [Agent], resource: [McpServer],\n"
	    "    context: { input: { message: String, mode?: String, url?: String }, sessionId: "
	    "String, w: Common }\n"
	    "  };\n"
	    "  action list_roots in [mcp] appliesTo {\n"
	    "    principal: [Agent], resource: [McpServer], context: { input: {}, sessionId: "
	    "String, w: Common }\n"
	    "  };\n"
	    "  // How a call stands that was made as a task, its result, its end.\n"
	    "  action task in [mcp] appliesTo {\n"
	    "    principal: [Agent], resource: [McpServer],\n"
	    "    context: { input: { method: String, tool: String }, output?: Answer, sessionId: "
	    "String, w: Common }\n"
	    "  };\n"
	    "  action infer in [model, egress] appliesTo {\n"
	    "    principal: [Agent], resource: [Model],\n"
	    "    context: { input: Inference, output?: Inferred, sessionId: String, w: Common "
	    "}\n"
	    "  };\n"
	    "  action exec in [mutate] appliesTo {\n"
	    "    principal: [Agent], resource: [Program], context: { input: Start, sessionId: "
	    "String, w: Common }\n"
	    "  };\n"
	    "  action read_file in [fs, observe] appliesTo {\n"
	    "    principal: [Agent], resource: [Path], context: { input: {}, sessionId: "
	    "String, w: Common }\n"
	    "  };\n"
	    "  action write_file in [fs, mutate] appliesTo {\n"
	    "    principal: [Agent], resource: [Path], context: { input: {}, sessionId: "
	    "String, w: Common }\n"
	    "  };\n");
}

void schema_put_base(struct buf *to)
{
	put(to, "namespace Writ {\n");
	put_entities(to);
	put(to, "  // Levels: integrity 0 untrusted, 1 external, 2 user, 3 system; "
		"confidentiality 0 public to 3 secret.\n"
		"  type Labels = { categories: Set<String>, confidentiality: Long, integrity: "
		"Long, origins: Set<Site> };\n"
		"  type Session = { depth: Long, id: String, taint: Labels };\n"
		"  type Approval = { at: datetime, by: User };\n"
		"  type Common = { approval?: Approval, labels: Labels, now: datetime, origin: "
		"String, purpose: "
		"String, session: Session };\n"
		"  type Inference = { api: String, max_tokens: Long, stream: Bool, tokens: Long, "
		"tools: "
		"Set<String> };\n"
		"  // program: the run's own; an exec of another in it has the same input.\n"
		"  type Start = { argv: Set<String>, cwd: String, profile: String, program: "
		"String, weaker: Set<String> };\n"
		"  type Connection = { bytes?: Long, kind: String, method?: String, path?: "
		"String, query?: String, upgrade?: String, url?: String };\n"
		"  // The program of a run that made the connection; certain: it was not handed it "
		"by execve.\n"
		"  type Connector = { certain: Bool, digest: String, path: String };\n"
		"  // What temporal policies (.dw) see of an answer, once it came: `output` of "
		"a response.\n"
		"  type Answer = { bytes: Long };\n"
		"  type Connected = { received: Long, sent: Long, status: Long };\n"
		"  type Inferred = { finish?: String, tokens: Long };\n\n");
	put_actions(to);
}

/* One tool with the fields of its arguments. */
static void put_tool(struct buf *to, const char *names, const char *input)
{
	buf_printf(to,
		   "  action %s in [call_tool] appliesTo {\n"
		   "    principal: [Agent], resource: [Tool],\n"
		   "    context: { input: {%s}, sessionId: String, w: Common }\n"
		   "  };\n",
		   names, input);
}

void schema_put_files(struct buf *to)
{
	put(to, "\n  // The server \"fs\".\n");
	put_tool(to,
		 "\"fs.read_file\", \"fs.read_text_file\", \"fs.read_media_file\", "
		 "\"fs.get_file_info\",\n"
		 "    \"fs.list_directory\", \"fs.create_directory\"",
		 " path: String ");
	put_tool(to, "\"fs.list_directory_with_sizes\"", " path: String, sortBy?: String ");
	put_tool(to, "\"fs.directory_tree\"", " path: String, excludePatterns?: Set<String> ");
	put_tool(to, "\"fs.search_files\"",
		 " path: String, pattern: String, excludePatterns?: Set<String> ");
	put_tool(to, "\"fs.read_multiple_files\"", " paths: Set<String> ");
	put_tool(to, "\"fs.list_allowed_directories\"", "");
	put_tool(to, "\"fs.write_file\"", " path: String, content: String ");
	put_tool(to, "\"fs.edit_file\"",
		 " path: String, edits: Set<{ newText: String, oldText: String }>, dryRun?: Bool ");
	put_tool(to, "\"fs.move_file\"", " source: String, destination: String ");
}

void schema_put_demo(struct buf *to)
{
	put(to, "\n  // The server \"memory\".\n");
	put_tool(
		to, "\"memory.create_entities\"",
		" entities: Set<{ name: String, entityType: String, observations: Set<String> }> ");
	put_tool(to, "\"memory.create_relations\", \"memory.delete_relations\"",
		 " relations: Set<{ from: String, to: String, relationType: String }> ");
	put_tool(to, "\"memory.add_observations\"",
		 " observations: Set<{ entityName: String, contents: Set<String> }> ");
	put_tool(to, "\"memory.delete_observations\"",
		 " deletions: Set<{ entityName: String, observations: Set<String> }> ");
	put_tool(to, "\"memory.delete_entities\"", " entityNames: Set<String> ");
	put_tool(to, "\"memory.open_nodes\"", " names: Set<String> ");
	put_tool(to, "\"memory.search_nodes\"", " query: String ");
	put_tool(to, "\"memory.read_graph\"", "");
	put(to,
	    "\n  // The server \"everything\". Numbers that may have a fraction have no type of "
	    "their own and are left out.\n");
	put_tool(to, "\"everything.echo\"", " message: String ");
	put_tool(to, "\"everything.get-annotated-message\"",
		 " messageType: String, includeImage?: Bool ");
	put_tool(to, "\"everything.get-structured-content\"", " location: String ");
	put_tool(to, "\"everything.get-resource-reference\"", " resourceType?: String ");
	put_tool(to, "\"everything.gzip-file-as-resource\"",
		 " data?: String, name?: String, outputType?: String ");
	put_tool(to, "\"everything.simulate-research-query\"", " topic: String, ambiguous?: Bool ");
	put_tool(to,
		 "\"everything.get-sum\", \"everything.get-tiny-image\", "
		 "\"everything.get-resource-links\",\n"
		 "    \"everything.get-env\", \"everything.toggle-simulated-logging\",\n"
		 "    \"everything.toggle-subscriber-updates\", "
		 "\"everything.trigger-long-running-operation\"",
		 "");
}

void schema_put_end(struct buf *to)
{
	put(to, "}\n");
}
