/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/import_openshell.h"

#include "cli/init_text.h"

/* One destination of one policy, and what its permit and forbids have in common. */
struct place {
	struct openshell *o;
	struct str key;         /* of the policy */
	const struct json *end; /* the endpoint */
	const struct json *binaries;
	struct str host;
	uint64_t port;
	unsigned index;
};

/* ---- reading ---- */

/* Members that are neither carried over nor told of by name. */
static void tell_unknown(struct openshell *o, const struct json *obj, const char *const *known,
			 struct str where)
{
	JSON_EACH (item, obj) {
		size_t i = 0;

		while (known[i] && !str_eq(item->key, str_from_c(known[i]))) {
			i++;
		}
		if (!known[i]) {
			import_notice(o->list, STR_FMT ": `" STR_FMT "` was not carried over",
				      STR_ARG(where), STR_ARG(item->key));
		}
	}
}

static void keep(struct openshell *o, struct openshell_texts *list, struct str text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (str_eq(list->items[i], text)) {
			return;
		}
	}
	if (list->n == OPENSHELL_MAX) {
		import_notice(o->list, STR_FMT ": more than %d of its kind, it was left out",
			      STR_ARG(text), OPENSHELL_MAX);
	} else if (ARENA_GROW(o->list->a, &list->items, list->n, &list->cap)) {
		list->items[list->n++] = text;
	}
}

/* ---- writing ---- */

static void put(struct openshell *o, const char *text)
{
	buf_append(o->policies, str_from_c(text));
}

static void put_quoted(struct openshell *o, struct str text)
{
	buf_append_c(o->policies, '"');
	cedar_put_text(o->policies, text, false);
	buf_append_c(o->policies, '"');
}

/* `==`, or `like` where the text has stars; those of OpenShell, however many, are one of Cedar. */
static void put_match(struct openshell *o, const char *what, struct str glob)
{
	bool star = str_find(glob, '*') < glob.n;

	put(o, what);
	put(o, star ? " like \"" : " == \"");
	for (size_t i = 0; i < glob.n; i++) {
		if (glob.p[i] != '*') {
			cedar_put_text(o->policies, str_make(glob.p + i, 1), true);
		} else if (i == 0 || glob.p[i - 1] != '*') {
			buf_append_c(o->policies, '*');
		}
	}
	buf_append_c(o->policies, '"');
	if (star && !o->any_glob) {
		o->any_glob = true;
		import_notice(o->list, "a `*` of a host, path or program also matches dots and "
				       "slashes here, as it did before OpenShell 0.1");
	}
}

/* ---- files ---- */

/* What every sandbox of Writ has by itself. */
static bool is_there_anyway(struct str path)
{
	static const char *const there[] = {"/usr",      "/bin",         "/sbin",     "/lib",
					    "/lib64",    "/etc",         "/tmp",      "/proc",
					    "/dev/null", "/dev/urandom", "/dev/zero", NULL};

	for (size_t i = 0; there[i]; i++) {
		struct str at = str_from_c(there[i]);

		if (str_eq(path, at) ||
		    (str_starts_with(path, at) && path.n > at.n && path.p[at.n] == '/' &&
		     !str_starts_with(path, STR("/tmp/")))) {
			return true;
		}
	}
	return false;
}

static void put_files(struct openshell *o, const struct json *paths, bool write)
{
	JSON_EACH (item, paths) {
		struct str path = json_str(item);

		if (path.n == 0 || path.p[0] != '/' || is_there_anyway(path)) {
			if (path.n == 0 || path.p[0] != '/') {
				import_notice(o->list, "filesystem_policy: a path that is not "
						       "absolute was left out");
			} else if (write && !str_eq(path, STR("/tmp")) &&
				   !str_starts_with(path, STR("/dev/"))) {
				import_notice(o->list,
					      STR_FMT " can be read in every sandbox, and never "
						      "be written to",
					      STR_ARG(path));
			}
			continue;
		}
		keep(o, write ? &o->write : &o->read, path);
		buf_printf(o->policies, "@id(\"openshell.%s.%zu\")\npermit (principal, action ",
			   write ? "write" : "read", write ? o->write.n : o->read.n);
		put(o, write ? "in Writ::Action::\"fs\"" : "== Writ::Action::\"read_file\"");
		put(o, ", resource in Writ::Path::");
		put_quoted(o, path);
		put(o, ");\n\n");
		o->n_permits++;
	}
}

static void read_files(struct openshell *o, const struct json *fs)
{
	static const char *const known[] = {"include_workdir", "read_only", "read_write", NULL};
	const struct json *work = json_get(fs, STR("include_workdir"));

	tell_unknown(o, fs, known, STR("filesystem_policy"));
	put_files(o, json_get(fs, STR("read_only")), false);
	put_files(o, json_get(fs, STR("read_write")), true);
	if (!fs || (work && work->type == JSON_BOOL && work->boolean)) {
		import_notice(o->list, "include_workdir: permit the workspace by its path, as in "
				       "policies/20-workspace.cedar");
	}
}

/* ---- the network ---- */

static void put_programs(const struct place *p)
{
	bool first = true;

	put(p->o, "when { context has program && (");
	JSON_EACH (item, p->binaries) {
		put(p->o, first ? "" : " || ");
		put_match(p->o, "context.program.path", json_str(json_get(item, STR("path"))));
		first = false;
	}
	put(p->o, ") }");
	if (!p->o->any_program) {
		p->o->any_program = true;
		import_notice(p->o->list,
			      "binaries: the program that holds the connection counts, not those "
			      "that started it; name it by its digest instead of its path where "
			      "it may be replaced");
	}
}

/* The last label with a star, and everything before it, is matched by text; the rest is the domain. */
static struct str domain_of(struct str host)
{
	size_t star = host.n, dot;

	while (star > 0 && host.p[star - 1] != '*') {
		star--;
	}
	dot = star + str_find(str_from(host, star), '.');
	return star == 0 ? host : dot < host.n ? str_from(host, dot + 1) : str_make(NULL, 0);
}

static void put_scope(const struct place *p, const char *effect, const char *what, unsigned n)
{
	struct openshell *o = p->o;
	struct str domain = domain_of(p->host);

	put(o, "@id(\"openshell.");
	cedar_put_text(o->policies, p->key, false);
	buf_printf(o->policies, ".%u.%llu%s", p->index, (unsigned long long)p->port, what);
	buf_printf(o->policies, n ? ".%u\")\n" : "\")\n", n);
	put(o, effect);
	put(o, " (principal, action == Writ::Action::\"connect\", resource ");
	if (domain.n == p->host.n) {
		put(o, "== Writ::Host::\"");
		cedar_put_text(o->policies, p->host, false);
		buf_printf(o->policies, ":%llu\")\n", (unsigned long long)p->port);
	} else {
		put(o, "in Writ::Host::");
		put_quoted(o, domain);
		buf_printf(o->policies, ")\nwhen { resource.port == %llu && ",
			   (unsigned long long)p->port);
		put_match(o, "resource.name", p->host);
		put(o, " }\n");
	}
	put_programs(p);
}

/* GET stands for HEAD too, also where it is denied. */
static void put_method(struct openshell *o, struct str method)
{
	if (str_eq(method, STR("GET"))) {
		put(o, "[\"GET\", \"HEAD\"].contains(context.input.method)");
	} else {
		put(o, "context.input.method == ");
		put_quoted(o, method);
	}
}

static void put_request(const struct place *p, const struct json *rule)
{
	static const char *const known[] = {"method", "path", "query", NULL};
	struct openshell *o = p->o;
	struct str method = json_str(json_get(rule, STR("method")));
	struct str path = json_str(json_get(rule, STR("path")));

	tell_unknown(o, rule, known, p->key);
	put(o, "(context.input.kind == \"request\"");
	if (method.n && !str_eq(method, STR("*"))) {
		put(o, " && ");
		put_method(o, method);
	}
	if (path.n && !str_eq(path, STR("**")) && !str_eq(path, STR("/**"))) {
		put(o, " && ");
		put_match(o, "context.input.path", path);
	}
	put(o, ")");
}

/* Of a query nothing is said here: what would permit more is left out, what denies more is not. */
static bool asks_for_query(const struct place *p, const struct json *rule, bool deny)
{
	if (!json_get(rule, STR("query"))) {
		return false;
	}
	import_notice(p->o->list, STR_FMT ": a rule about a query %s", STR_ARG(p->key),
		      deny ? "denies here whatever the query is" : "was left out");
	return true;
}

static const struct access {
	struct str name;
	const char *methods; /* NULL: all */
} accesses[] = {
	{STR_INIT("read-only"), "[\"GET\", \"HEAD\", \"OPTIONS\"]"},
	{STR_INIT("read-write"), "[\"GET\", \"HEAD\", \"OPTIONS\", \"POST\", \"PUT\", \"PATCH\"]"},
	{STR_INIT("full"), NULL},
};

static void put_access(const struct place *p, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(accesses); i++) {
		if (str_eq(accesses[i].name, name)) {
			put(p->o, " || (context.input.kind == \"request\"");
			if (accesses[i].methods) {
				put(p->o, " && ");
				put(p->o, accesses[i].methods);
				put(p->o, ".contains(context.input.method)");
			}
			put(p->o, ")");
			return;
		}
	}
	import_notice(p->o->list, STR_FMT ": access `" STR_FMT "` is not known", STR_ARG(p->key),
		      STR_ARG(name));
}

/* A tunnel leads nowhere by itself: each request in it is decided again. */
static void put_requests(const struct place *p, bool websocket)
{
	const struct json *rules = json_get(p->end, STR("rules"));
	struct str access = json_str(json_get(p->end, STR("access")));
	struct str path = json_str(json_get(p->end, STR("path")));

	put(p->o, "\nwhen { context.input.kind == \"tunnel\"");
	if (access.n) {
		put_access(p, access);
	}
	JSON_EACH (item, rules) {
		const struct json *allow = json_get(item, STR("allow"));

		if (!asks_for_query(p, allow, false)) {
			put(p->o, " || ");
			put_request(p, allow);
		}
	}
	put(p->o, " }");
	if (path.n) {
		put(p->o, "\nwhen { context.input.kind == \"tunnel\" || ");
		put_match(p->o, "context.input.path", path);
		put(p->o, " }");
	}
	if (websocket) {
		put(p->o,
		    "\nwhen { context.input.kind == \"tunnel\" || context.input has upgrade }");
	}
}

static void put_place(const struct place *p, bool looked_into, bool websocket)
{
	struct openshell *o = p->o;
	unsigned n = 0;

	put_scope(p, "permit", "", 0);
	if (looked_into) {
		put_requests(p, websocket);
	}
	put(o, ";\n\n");
	o->n_permits++;
	JSON_EACH (item, looked_into ? json_get(p->end, STR("deny_rules")) : NULL) {
		put_scope(p, "forbid", ".deny", ++n);
		put(o, "\nwhen { ");
		(void)asks_for_query(p, item, true);
		put_request(p, item);
		put(o, " };\n\n");
		o->n_forbids++;
	}
}

/* How much of an endpoint's protocol there is here. */
enum carried { CARRIED_NOT = 0, CARRIED_BYTES, CARRIED_REQUESTS, CARRIED_WEBSOCKET };

static enum carried how_carried(const struct place *p)
{
	struct str protocol = json_str(json_get(p->end, STR("protocol")));
	bool skip = json_str_is(json_get(p->end, STR("tls")), STR("skip"));

	if (protocol.n == 0 || str_eq(protocol, STR("tcp")) || skip) {
		return CARRIED_BYTES;
	}
	if (str_eq(protocol, STR("rest")) || str_eq(protocol, STR("websocket"))) {
		return protocol.n == 4 ? CARRIED_REQUESTS : CARRIED_WEBSOCKET;
	}
	import_notice(p->o->list,
		      str_eq(protocol, STR("mcp")) ? STR_FMT
			      ": " STR_FMT " is a tool server: write it under `servers` of "
			      "writ.yaml, and permits for its tools"
						   : STR_FMT
			      ": " STR_FMT " was left out: its protocol is not looked into here",
		      STR_ARG(p->key), STR_ARG(p->host));
	return CARRIED_NOT;
}

static bool is_host(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' &&
		    c != ':' && c != '_' && c != '*') {
			return false;
		}
	}
	return host.n > 0 && host.n <= 253 && domain_of(host).n > 0;
}

static void tell_about(const struct place *p)
{
	static const char *const known[] = {"host",        "port",     "ports",      "path",
					    "allowed_ips", "protocol", "tls",        "enforcement",
					    "access",      "rules",    "deny_rules", NULL};
	struct openshell *o = p->o;

	tell_unknown(o, p->end, known, p->key);
	JSON_EACH (item, json_get(p->end, STR("allowed_ips"))) {
		keep(o, &o->ranges, json_str(item));
	}
}

static void tell_of_audit(const struct place *p)
{
	struct openshell *o = p->o;

	if (!o->any_audit && !json_str_is(json_get(p->end, STR("enforcement")), STR("enforce"))) {
		o->any_audit = true;
		import_notice(o->list,
			      "enforcement: audit, the default there, is not carried over: "
			      "everything is enforced; @mode(\"log\") on a policy only logs");
	}
}

static void read_endpoint(struct place *p)
{
	const struct json *ports = json_get(p->end, STR("ports"));
	const struct json *port = ports ? json_first(ports) : json_get(p->end, STR("port"));
	enum carried how;

	p->host = json_str(json_get(p->end, STR("host")));
	if (!is_host(p->host)) {
		import_notice(p->o->list,
			      STR_FMT ": a destination without a host that can be named here was "
				      "left out",
			      STR_ARG(p->key));
		return;
	}
	tell_about(p);
	how = how_carried(p);
	if (how >= CARRIED_REQUESTS && domain_of(p->host).n != p->host.n) {
		/* Who is not named is not looked into, and a tunnel would lead past its rules. */
		import_notice(p->o->list,
			      STR_FMT ": " STR_FMT " was left out: hosts whose requests are ruled "
				      "on have to be named one by one",
			      STR_ARG(p->key), STR_ARG(p->host));
		return;
	}
	if (how >= CARRIED_REQUESTS) {
		keep(p->o, &p->o->inspect, p->host);
		tell_of_audit(p);
	}
	for (; port && how != CARRIED_NOT; port = ports ? port->next : NULL) {
		if (!json_u64(port, &p->port) || p->port == 0 || p->port > UINT16_MAX) {
			import_notice(p->o->list, STR_FMT ": a port that is none was left out",
				      STR_ARG(p->key));
			continue;
		}
		put_place(p, how >= CARRIED_REQUESTS, how == CARRIED_WEBSOCKET);
	}
}

static void read_network(struct openshell *o, const struct json *policies)
{
	static const char *const known[] = {"name", "endpoints", "binaries", NULL};

	JSON_EACH (item, policies) {
		struct place p = {
			.o = o, .key = item->key, .binaries = json_get(item, STR("binaries"))};

		tell_unknown(o, item, known, item->key);
		if (!json_first(p.binaries)) {
			import_notice(o->list,
				      STR_FMT
				      ": without binaries it permitted nothing, and was left "
				      "out",
				      STR_ARG(item->key));
			continue;
		}
		JSON_EACH (end, json_get(item, STR("endpoints"))) {
			p.end = end;
			p.index++;
			read_endpoint(&p);
		}
	}
}

enum err_code import_openshell(struct openshell *o, const struct json *root, struct err *err)
{
	static const char *const known[] = {"version", "filesystem_policy", "landlock",
					    "process", "network_policies",  "network_middlewares",
					    NULL};
	uint64_t version;

	if (!json_u64(json_get(root, STR("version")), &version) || version != 1) {
		return ERR(err, ERR_INVALID, "no policy of OpenShell: it begins with version: 1");
	}
	tell_unknown(o, root, known, STR("the policy"));
	put(o, "// Imported from a policy of OpenShell. What was not carried over was printed "
	       "then.\n\n"
	       "@id(\"openshell.start\")\n"
	       "permit (principal, action == Writ::Action::\"exec\", resource);\n\n");
	o->n_permits++;
	import_notice(o->list, "programs: any may be started, as there (policy openshell.start)");
	read_files(o, json_get(root, STR("filesystem_policy")));
	read_network(o, json_get(root, STR("network_policies")));
	if (json_str_is(json_get(json_get(root, STR("landlock")), STR("compatibility")),
			STR("best_effort"))) {
		import_notice(o->list, "landlock: a run that cannot be held does not start here "
				       "(`writ run --weaker` lets it)");
	}
	if (json_get(root, STR("process"))) {
		import_notice(o->list,
			      "process: a run is its caller's user, who is nobody else inside");
	}
	JSON_EACH (item, json_get(root, STR("network_middlewares"))) {
		import_notice(o->list, "network_middlewares: " STR_FMT " was left out",
			      STR_ARG(item->key));
	}
	return o->policies->failed || o->list->a->exhausted
		       ? ERR(err, ERR_LIMIT, "the policies made of it are too long")
		       : ERR_OK;
}
