/* SPDX-License-Identifier: Apache-2.0 */
/* writ mcp stdio: the gateway for a client that only starts programs. */
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/verb.h"
#include "proc/mcp_stdio.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MCP_MEMORY = 1 << 20, KEY_MAX = 4000 };

struct stdio_args {
	const char *address, *server, *key;
	bool json;
};

/* One line of a file that is closed to others. */
static enum err_code read_key(struct arena *a, const char *path, struct str *ret, struct err *err)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		return ERR(err, ERR_NOT_FOUND, "%s is no file that can be read", path);
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		return ERR(err, ERR_INVALID, "%s is open to others: chmod 600 it", path);
	}
	TRY(fd_read_all(fd, KEY_MAX, a, ret, err));
	while (ret->n && (ret->p[ret->n - 1] == '\n' || ret->p[ret->n - 1] == '\r')) {
		ret->n--;
	}
	return ret->n ? ERR_OK : ERR(err, ERR_INVALID, "%s is empty", path);
}

static enum err_code serve(const struct stdio_args *args, struct arena *a, struct err *err)
{
	struct mcp_stdio config = {.address = str_from_c(args->address), .path = STR("/mcp")};

	if (args->key) {
		TRY(read_key(a, args->key, &config.key, err));
	}
	if (args->server) {
		config.path = arena_printf(a, "/mcp/%s", args->server);
		if (!config.path.p) {
			return ERR(err, ERR_NOMEM, "no memory for a name");
		}
	}
	return mcp_stdio_run(&config, err);
}

static int cmd_mcp_stdio(int argc, char **argv)
{
	struct stdio_args args = {.address = "127.0.0.1:8700"};
	const struct opt opts[] = {
		{.name = "address",
		 .letter = 'a',
		 .value = "ADDRESS",
		 .text = &args.address,
		 .help = "where the gateway listens: 127.0.0.1:8700 (default), "
			 "unix:/run/writ.sock"},
		{.name = "server",
		 .letter = 's',
		 .value = "ID",
		 .text = &args.server,
		 .help = "this server alone, under its own names (default: all)"},
		{.name = "key",
		 .value = "FILE",
		 .text = &args.key,
		 .help = "file with the API key that says who asks"},
		OPT_JSON(&args.json),
	};
	const struct opt_spec spec = {
		.command = "writ mcp stdio",
		.summary = "Speaks MCP over standard input and output, for clients that only start "
			   "programs, and carries it\nto the running gateway. Who asks is who runs "
			   "this "
			   "(a unix listener) or whose key it is.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example =
			"writ mcp stdio --address unix:/run/writ/writ.sock\n"
			"{\"mcpServers\": {\"writ\": {\"command\": \"writ\", \"args\": [\"mcp\", "
			"\"stdio\"]}}}",
	};
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	arena_init(&a, MCP_MEMORY);
	/* Standard output is the client's: what we have to say goes beside it. */
	out_init(&o, spec.command, args.json, STDERR_FILENO);
	status = serve(&args, &a, &err) ? out_error(&o, &err) : CMD_FINE;
	status = out_end(&o, status);
	arena_wipe(&a);
	arena_done(&a);
	return status;
}

int cmd_mcp(int argc, char **argv)
{
	static const struct cmd verbs[] = {
		{"stdio", "carry MCP from standard input and output to the gateway", cmd_mcp_stdio},
		{NULL, NULL, NULL},
	};

	return verb_run("writ mcp", "[OPTIONS]", verbs, argc, argv);
}
