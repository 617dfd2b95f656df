/* SPDX-License-Identifier: Apache-2.0 */
/* writ login, logout: a person lets the running node use a server in their name. */
#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/redirect.h"
#include "json/write.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOGIN_MEMORY = 64 << 20 };

struct login {
	const char *config, *state, *server, *scope;
	bool json, device, no_browser, list;
	struct str dir; /* the node's state folder */
};

/* ---- asking the node ---- */

/* *ret is the text of the answer; ERR_DENIED with the node's reason. */
static enum err_code ask(struct arena *a, const struct login *l, const char *op, const char *key,
			 struct str value, struct str *ret, struct err *err)
{
	const struct json *answer, *ok;
	struct json_writer w;
	enum err_code code;
	struct buf request;

	buf_init(&request, 8 << 10);
	w = json_writer(&request);
	json_w_object(&w);
	json_w_member_str(&w, STR("op"), str_from_c(op));
	if (l->server) {
		json_w_member_str(&w, STR("server"), str_from_c(l->server));
	}
	if (key) {
		json_w_member_str(&w, str_from_c(key), value);
	}
	if (l->scope) {
		json_w_member_str(&w, STR("scope"), str_from_c(l->scope));
	}
	json_w_end(&w);
	code = control_ask(a, l->dir, buf_str(&request), &answer, err);
	buf_done(&request);
	TRY(code);
	ok = json_get(answer, STR("ok"));
	if (!json_is_bool(ok) || !ok->boolean) {
		struct str why = json_str(json_get(answer, STR("error")));

		return ERR(err, ERR_DENIED, STR_FMT, STR_ARG(why));
	}
	*ret = json_str(json_get(answer, STR("text")));
	return ERR_OK;
}

/* ---- the person ---- */

/* Without a shell, and only where there is a screen; the address is printed in any case. Some browsers stay in
 * the foreground: nobody waits for it. */
static void open_browser(const char *url)
{
	pid_t pid;

	if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")) {
		return;
	}
	pid = fork();
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stdout);
		(void)!freopen("/dev/null", "w", stderr);
		execlp("xdg-open", "xdg-open", url, (char *)NULL);
		_exit(127);
	}
}

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < ' ' || s.p[i] > '~') {
			return false;
		}
	}
	return true;
}

/* To standard error: standard output is for what came of it. Nothing of a stranger steers the terminal. */
static bool show(const struct json *begun, bool device)
{
	struct str url = json_str(json_get(begun, STR("url")));
	struct str issuer = json_str(json_get(begun, STR("issuer")));
	struct str scope = json_str(json_get(begun, STR("scope")));
	struct str code = json_str(json_get(begun, STR("code")));

	if (!is_plain(url) || !is_plain(issuer) || !is_plain(scope) || !is_plain(code) ||
	    (!str_starts_with(url, STR("https://")) && !str_starts_with(url, STR("http://")))) {
		return false;
	}
	(void)fprintf(stderr, "Log in at " STR_FMT ", where Writ asks for: " STR_FMT "\n",
		      STR_ARG(issuer), STR_ARG(scope.n ? scope : STR("what it gives")));
	(void)fprintf(stderr, "Open this address:\n\n  " STR_FMT "\n\n", STR_ARG(url));
	if (device) {
		(void)fprintf(stderr, "and check, or type, this code: " STR_FMT "\n",
			      STR_ARG(code));
	}
	return true;
}

static enum err_code begun(struct arena *a, struct str text, bool device, const struct json **ret,
			   struct err *err)
{
	TRY(json_parse(a, text, NULL, ret, err));
	return show(*ret, device)
		       ? ERR_OK
		       : ERR(err, ERR_INVALID, "the address to log in at cannot be shown");
}

static uint64_t number(const struct json *o, struct str key, uint64_t other)
{
	uint64_t n;

	return json_get(o, key) && json_u64(json_get(o, key), &n) ? n : other;
}

static enum err_code by_browser(struct arena *a, const struct login *l, const struct json **ret,
				struct err *err)
{
	struct redirect r;
	struct str text, query = {0};
	enum err_code code;

	TRY(redirect_open(&r, err));
	code = ask(a, l, "login_begin", "redirect", str_from_c(r.url), &text, err);
	code = code ? code : begun(a, text, false, ret, err);
	if (!code && l->no_browser) {
		(void)fprintf(stderr,
			      "A browser on another machine ends at an address that it cannot "
			      "reach: paste that here.\n");
	} else if (!code) {
		struct str url = json_str(json_get(*ret, STR("url")));

		open_browser(arena_dup(a, url).p);
	}
	code = code ? code
		    : redirect_wait(&r, a, number(*ret, STR("seconds"), 600), l->no_browser, &query,
				    err);
	if (!code) {
		code = ask(a, l, "login_finish", "query", query, &text, err);
		redirect_say(&r, !code);
	}
	redirect_done(&r);
	return code;
}

/* The node is asked as often as the authorization server lets it (RFC 8628 section 3.5). */
static enum err_code by_device(struct arena *a, const struct login *l, const struct json **ret,
			       struct err *err)
{
	uint64_t until, interval;
	struct str text;

	TRY(ask(a, l, "login_begin", NULL, STR(""), &text, err));
	TRY(begun(a, text, true, ret, err));
	interval = number(*ret, STR("interval"), 5);
	until = clock_mono() + number(*ret, STR("seconds"), 600) * CLOCK_SEC;
	while (clock_mono() < until) {
		(void)poll(NULL, 0, (int)(interval ? interval * 1000 : 200));
		TRY(ask(a, l, "login_finish", NULL, STR(""), &text, err));
		if (str_eq(text, STR("{}"))) {
			return ERR_OK;
		}
		interval += str_eq(text, STR("slower")) ? 5 : 0;
	}
	return ERR(err, ERR_TIMEOUT, "nobody answered in time: begin anew");
}

/* ---- the commands ---- */

static int refused(struct out *o, const char *what, enum err_code code, const struct err *err)
{
	if (code != ERR_DENIED && code != ERR_TIMEOUT) {
		return out_error(o, err);
	}
	out_bool(o, what, false);
	out_text(o, "reason", str_from_c(err->msg));
	return CMD_FOUND;
}

static int log_in(struct out *o, struct arena *a, const struct login *l)
{
	const struct json *about = NULL;
	struct err err = {0};
	enum err_code code = (l->device ? by_device : by_browser)(a, l, &about, &err);

	out_text(o, "server", str_from_c(l->server));
	if (code) {
		return refused(o, "logged_in", code, &err);
	}
	out_bool(o, "logged_in", true);
	out_text(o, "issuer", json_str(json_get(about, STR("issuer"))));
	return CMD_FINE;
}

static int log_out(struct out *o, struct arena *a, const struct login *l)
{
	struct err err = {0};
	struct str what;
	enum err_code code = ask(a, l, "logout", NULL, STR(""), &what, &err);

	out_text(o, "server", str_from_c(l->server));
	if (code) {
		return refused(o, "logged_out", code, &err);
	}
	out_bool(o, "logged_out", true);
	out_text(o, "tokens", what);
	return CMD_FINE;
}

static void put_since(struct out *o, uint64_t since)
{
	time_t t = (time_t)since;
	char text[40];
	struct tm tm;

	if (since == 0 || !gmtime_r(&t, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
		text[0] = '\0';
	}
	out_text(o, "since", str_from_c(text));
}

static int list(struct out *o, struct arena *a, const struct login *l)
{
	static const struct out_col cols[] = {
		{"server", 0}, {"url", 0}, {"logged_in", 0}, {"since", 0}};
	static const struct out_list rows = {
		.name = "logins", .cols = cols, .n_cols = ARRAY_LEN(cols), .between = "  "};
	const struct json *logins;
	struct err err = {0};
	struct str text;

	if (ask(a, l, "logins", NULL, STR(""), &text, &err) ||
	    json_parse(a, text, NULL, &logins, &err)) {
		return out_error(o, &err);
	}
	out_list_begin(o, &rows);
	JSON_EACH (item, logins) {
		uint64_t since = number(item, STR("since"), 0);

		out_row_begin(o);
		out_text(o, "server", json_str(json_get(item, STR("server"))));
		out_text(o, "url", json_str(json_get(item, STR("url"))));
		out_bool(o, "logged_in", since > 0);
		put_since(o, since);
		out_row_end(o);
	}
	out_list_end(o);
	return CMD_FINE;
}

static int login_run(struct login *l, const struct opt_spec *spec, int argc, char **argv,
		     int (*run)(struct out *o, struct arena *a, const struct login *l))
{
	struct config_errors errors = {0};
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, spec, argc, argv, &l->json, &status)) {
		return status;
	}
	arena_init(&a, LOGIN_MEMORY);
	if (l->list) {
		l->server = NULL;
	} else if (!l->server) {
		err_ignore(ERR(&err, ERR_INVALID,
			       "say which SERVER, or --list to see where a login is needed"));
	}
	if (err.msg[0] || control_state(&a, l->config, l->state, &l->dir, &errors, &err)) {
		status = out_error(&o, &err);
	} else {
		status = (l->list ? list : run)(&o, &a, l);
	}
	status = out_end(&o, status);
	arena_done(&a);
	return status;
}

#define LOGIN_WHERE(l)                                                                             \
	{.name = "config",                                                                         \
	 .letter = 'c',                                                                            \
	 .value = "FILE",                                                                          \
	 .text = &(l).config,                                                                      \
	 .help = "the node's configuration (default: writ.yaml)"},                                 \
		{.name = "state",                                                                  \
		 .value = "DIR",                                                                   \
		 .text = &(l).state,                                                               \
		 .help = "the node's state folder instead"},                                       \
		OPT_JSON(&(l).json)

int cmd_login(int argc, char **argv)
{
	struct login l = {.config = "writ.yaml"};
	const struct opt opts[] = {
		{.name = "device",
		 .flag = &l.device,
		 .help = "by a code that you type on any other machine"},
		{.name = "no-browser",
		 .flag = &l.no_browser,
		 .help = "open none here: the address is printed, and its answer can be pasted"},
		{.name = "scope",
		 .value = "SCOPES",
		 .text = &l.scope,
		 .help = "ask for these too, with spaces between them"},
		{.name = "list", .flag = &l.list, .help = "show where a login is needed"},
		LOGIN_WHERE(l),
	};
	const struct opt_word words[] = {
		{.name = "SERVER", .help = "its id in the configuration", .text = &l.server}};
	const struct opt_spec spec = {
		.command = "writ login",
		.summary =
			"Lets the running node call a server in your name: you say yes in a "
			"browser, the node keeps\nwhat it gets, sealed, and no agent sees it. For "
			"servers with 'oauth: {login: true}'.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ login tracker\nwrit login tracker --device\nwrit login tracker "
			   "--scope "
			   "'issues:write'",
	};

	return login_run(&l, &spec, argc, argv, log_in);
}

int cmd_logout(int argc, char **argv)
{
	struct login l = {.config = "writ.yaml"};
	const struct opt opts[] = {LOGIN_WHERE(l)};
	const struct opt_word words[] = {{.name = "SERVER",
					  .help = "its id in the configuration",
					  .required = true,
					  .text = &l.server}};
	const struct opt_spec spec = {
		.command = "writ logout",
		.summary =
			"Forgets the login at a server, and has its authorization server take the "
			"tokens back where it can.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ logout tracker",
	};

	return login_run(&l, &spec, argc, argv, log_out);
}
