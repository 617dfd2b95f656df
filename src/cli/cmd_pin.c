/* SPDX-License-Identifier: Apache-2.0 */
/* writ pin VERB: what is pinned of servers, what waits for a person, and a person's word. */
#include "base/hex.h"
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/pin_diff.h"
#include "cli/verb.h"
#include "config/load.h"
#include "crypto/sha256.h"
#include "detect/lint.h"
#include "proc/loader.h"
#include "proc/pins_file.h"

#include <time.h>

#define MEMORY_MAX ((size_t)1 << 30)

enum {
	DIGEST_SHOWN = 32, /* hexadecimal digits of a digest that a person hands on */
	REPORT_MAX = 64 << 10,
};

struct pin_args {
	const char *config, *state, *server, *name, *kind, *digest;
	bool json, all, anyway, held;
};

/* What a verb works on. */
struct pin_view {
	struct arena arena;
	struct str state;
	const struct json *pins;
};

/* ---- reading the store ---- */

static enum err_code view_open(struct pin_view *v, const struct pin_args *args, struct err *err)
{
	struct config_errors errors = {0};
	struct config cfg;

	if (args->state) {
		v->state = str_from_c(args->state);
	} else {
		TRY(config_read_file(&v->arena, args->config, &cfg, &errors, err));
		v->state = cfg.state;
	}
	return pins_file_read(&v->arena, v->state, &v->pins, err);
}

static struct str member(const struct json *pin, struct str key)
{
	return pins_file_member(pin, key);
}

static bool is_pending(const struct json *pin)
{
	return json_get(pin, STR("pending")) != NULL;
}

static bool is_rejected(const struct json *pin)
{
	const struct json *r = json_get(pin, STR("rejected"));

	return is_pending(pin) && json_is_bool(r) && r->boolean;
}

static bool is_meant(const struct json *pin, const struct pin_args *args)
{
	return (!args->server || str_eq(member(pin, STR("server")), str_from_c(args->server))) &&
	       (!args->name || str_eq(member(pin, STR("name")), str_from_c(args->name))) &&
	       (!args->kind || str_eq(member(pin, STR("kind")), str_from_c(args->kind))) &&
	       !str_eq(member(pin, STR("kind")), STR("server"));
}

/* The server's own ids are what others may speak of. */
static struct lint lint_of(struct pin_view *v, const struct json *pin, struct str text)
{
	struct str *others = ARENA_ARRAY(&v->arena, v->pins->n, struct str);
	const struct json *doc;
	struct lint l = {0};
	size_t n = 0;

	JSON_EACH (other, others ? v->pins : NULL) {
		struct str id = member(other, STR("server"));

		if (str_eq(member(other, STR("kind")), STR("server")) &&
		    !str_eq(id, member(pin, STR("server")))) {
			others[n++] = id;
		}
	}
	if (json_parse(&v->arena, text, NULL, &doc, NULL) == ERR_OK) {
		lint_item(&v->arena, doc, others, n, &l);
	}
	return l;
}

/* Whether a person is asked about it: what was rejected is asked for by name. */
static bool is_asked(const struct json *pin, const struct pin_args *args)
{
	return is_meant(pin, args) && is_pending(pin) && (!is_rejected(pin) || args->name);
}

/* Stands for all that is asked: what of each waits. */
static struct str digest_of_asked(struct pin_view *v, const struct pin_args *args)
{
	uint8_t digest[SHA256_LEN];
	char text[DIGEST_SHOWN];
	struct sha256 h;

	sha256_init(&h);
	JSON_EACH (pin, v->pins) {
		if (is_asked(pin, args)) {
			struct str id = member(pin, STR("id")), waits = member(pin, STR("pending"));

			sha256_update(&h, id.p, id.n);
			sha256_update(&h, waits.p, waits.n);
		}
	}
	sha256_final(&h, digest);
	hex_write(text, digest, sizeof(text) / 2);
	return arena_dup(&v->arena, str_make(text, sizeof(text)));
}

/* ---- list ---- */

static struct str time_text(struct pin_view *v, const struct json *pin)
{
	uint64_t since = 0;
	time_t seconds;
	char text[32];
	struct tm tm;

	if (!json_u64(json_get(pin, STR("since")), &since) || since > UINT32_MAX) {
		return STR("");
	}
	seconds = (time_t)since;
	if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		return STR("");
	}
	return arena_dup(&v->arena, str_from_c(text));
}

static struct str state_text(const struct json *pin)
{
	if (is_rejected(pin)) {
		return STR("rejected");
	}
	if (is_pending(pin)) {
		return json_get(pin, STR("pinned")) ? STR("changed") : STR("new");
	}
	return STR("pinned");
}

static int list(struct out *o, struct pin_view *v, const struct pin_args *args, struct err *err)
{
	static const struct out_col cols[] = {{"state", 8}, {"server", 12}, {"kind", 12},
					      {"name", 24}, {"how", 10},    {"since", 20},
					      {"score", 5}};
	static const struct out_list rows = {
		.name = "pins", .cols = cols, .n_cols = ARRAY_LEN(cols)};
	size_t held = 0;

	(void)err;
	out_list_begin(o, &rows);
	JSON_EACH (pin, v->pins) {
		uint64_t score = 0;

		if (!is_meant(pin, args) || (args->held && !is_pending(pin))) {
			continue;
		}
		held += is_pending(pin) && !is_rejected(pin);
		(void)json_u64(json_get(pin, STR("score")), &score);
		out_row_begin(o);
		out_text(o, "state", state_text(pin));
		out_text(o, "server", member(pin, STR("server")));
		out_text(o, "kind", member(pin, STR("kind")));
		out_text(o, "name", member(pin, STR("name")));
		out_text(o, "how", member(pin, STR("how")));
		out_text(o, "since", time_text(v, pin));
		out_u64(o, "score", score);
		out_row_end(o);
	}
	out_list_end(o);
	if (held) {
		out_note(o, "%zu wait for a person: writ pin diff shows them", held);
	}
	return held ? CMD_FOUND : CMD_FINE;
}

/* ---- diff ---- */

static void put_row(struct out *o, const char *op, struct str text)
{
	out_row_begin(o);
	out_text(o, "op", str_from_c(op));
	out_text(o, "text", text);
	out_row_end(o);
}

static enum err_code diff_one(struct out *o, struct pin_view *v, const struct json *pin,
			      struct err *err)
{
	static const char *const ops[] = {
		[PIN_SAME] = " ", [PIN_GONE] = "-", [PIN_NEW] = "+", [PIN_LEFT_OUT] = " "};
	const struct pin_line *lines = NULL;
	struct str before, after;
	bool lost = false;
	struct lint l;
	size_t n = 0;

	TRY(pins_file_text(&v->arena, v->state, pin, "pending", &after, err));
	/* The machine may have lost power before it was on the disk: its digest still holds. */
	if (pins_file_text(&v->arena, v->state, pin, "pinned", &before, err)) {
		before = STR("");
		lost = true;
	}
	l = lint_of(v, pin, after);
	put_row(o, "@",
		arena_printf(&v->arena, STR_FMT " " STR_FMT " " STR_FMT ": " STR_FMT,
			     STR_ARG(member(pin, STR("server"))), STR_ARG(member(pin, STR("kind"))),
			     STR_ARG(member(pin, STR("name"))), STR_ARG(state_text(pin))));
	if (lost) {
		put_row(o, "!",
			STR("the text that was pinned is lost: all of this is shown as new"));
	}
	for (size_t i = 0; i < l.n; i++) {
		put_row(o, "!",
			arena_printf(&v->arena, STR_FMT ": " STR_FMT ": %s",
				     STR_ARG(lint_name(l.findings[i].code)),
				     STR_ARG(lint_text(l.findings[i].code)),
				     l.findings[i].excerpt));
	}
	TRY(pin_diff(&v->arena, before, after, &lines, &n, err));
	for (size_t i = 0; i < n; i++) {
		put_row(o, ops[lines[i].op], lines[i].text);
	}
	return ERR_OK;
}

static int diff(struct out *o, struct pin_view *v, const struct pin_args *args, struct err *err)
{
	static const struct out_col cols[] = {{"op", 1}, {"text", 0}};
	static const struct out_list rows = {
		.name = "diff", .cols = cols, .n_cols = ARRAY_LEN(cols), .between = " "};
	size_t shown = 0;

	out_list_begin(o, &rows);
	JSON_EACH (pin, v->pins) {
		if (!is_asked(pin, args)) {
			continue;
		}
		shown++;
		if (diff_one(o, v, pin, err)) {
			out_list_end(o);
			return out_error(o, err);
		}
	}
	out_list_end(o);
	if (!shown) {
		out_note(o, "nothing waits for a person");
	} else if (args->server) {
		struct str digest = digest_of_asked(v, args);

		out_text(o, "digest", digest);
		out_note(o,
			 "to let clients see this, and nothing else: writ pin approve %s %s%s%s "
			 "--digest " STR_FMT,
			 args->server, args->name ? args->name : "--all",
			 args->kind ? " --kind " : "", args->kind ? args->kind : "",
			 STR_ARG(digest));
	} else {
		out_note(o, "to let clients see it, look at one server: writ pin diff SERVER");
	}
	return shown ? CMD_FOUND : CMD_FINE;
}

/* ---- approve, reject ---- */

static enum err_code decide_one(struct pin_view *v, const struct json *pin, bool yes,
				struct err *err)
{
	struct str request = arena_printf(
		&v->arena, "{\"op\":\"%s\",\"pin\":\"" STR_FMT "\",\"digest\":\"" STR_FMT "\"}",
		yes ? "pin_approve" : "pin_reject", STR_ARG(member(pin, STR("id"))),
		STR_ARG(member(pin, STR("pending"))));
	const struct json *answer, *ok;

	TRY(control_ask(&v->arena, v->state, request, &answer, err));
	ok = json_get(answer, STR("ok"));
	if (json_is_bool(ok) && ok->boolean) {
		return ERR_OK;
	}
	return ERR(err, ERR_INVALID, STR_FMT, STR_ARG(member(answer, STR("error"))));
}

/* The first thing that policies say and that would not hold for what waits; p NULL: they hold, or did not before. */
static struct str policies_object(struct pin_view *v, const struct pin_args *args,
				  const struct json *pin)
{
	struct str why = {0}, rest;
	struct buf report;

	if (args->state || !str_eq(member(pin, STR("kind")), STR("tool"))) {
		return why;
	}
	buf_init(&report, REPORT_MAX);
	if (loader_check_pin(args->config, member(pin, STR("id")), &report)) {
		rest = arena_dup(&v->arena, buf_str(&report));
		buf_clear(&report);
		why = loader_check(args->config, &report) ? why : str_cut(&rest, '\n');
	}
	buf_done(&report);
	return why;
}

/* Why this one is not to be approved without a word more; p NULL when it may be. */
static enum err_code objection(struct pin_view *v, const struct pin_args *args,
			       const struct json *pin, struct str *ret, struct err *err)
{
	struct str text;
	struct lint l;

	TRY(pins_file_text(&v->arena, v->state, pin, "pending", &text, err));
	l = lint_of(v, pin, text);
	*ret = l.score >= LINT_HOLD ? lint_text(l.findings[0].code) : policies_object(v, args, pin);
	return ERR_OK;
}

/* That it is said what is meant, and, of a yes, that it is what writ pin diff showed. */
static enum err_code check_words(struct pin_view *v, const struct pin_args *args, bool yes,
				 struct err *err)
{
	if (!args->name && !args->all && !args->kind) {
		return ERR(err, ERR_INVALID,
			   "name the item, or say --all for everything of this server that "
			   "waits: writ pin diff %s shows it",
			   args->server);
	}
	if (!yes) {
		return ERR_OK;
	}
	if (!args->digest) {
		return ERR(err, ERR_INVALID,
			   "say what was read: writ pin diff %s%s%s ends with a --digest for it",
			   args->server, args->name ? " " : "", args->name ? args->name : "");
	}
	if (!str_eq(str_from_c(args->digest), digest_of_asked(v, args))) {
		return ERR(err, ERR_INVALID,
			   "what waits now is not what --digest stands for: read writ pin diff "
			   "again, with the same words");
	}
	return ERR_OK;
}

static enum err_code decide_asked(struct out *o, struct pin_view *v, const struct pin_args *args,
				  bool yes, size_t *done, size_t *left, struct err *err)
{
	JSON_EACH (pin, v->pins) {
		struct str why = {0};

		if (!is_asked(pin, args) || (!yes && is_rejected(pin))) {
			continue;
		}
		if (yes && !args->anyway) {
			TRY(objection(v, args, pin, &why, err));
		}
		if (why.p) {
			++*left;
			out_note(o,
				 STR_FMT " is not approved: " STR_FMT
					 ". Read writ pin diff; --anyway approves it all the same",
				 STR_ARG(member(pin, STR("name"))), STR_ARG(why));
			continue;
		}
		TRY(decide_one(v, pin, yes, err));
		++*done;
	}
	return ERR_OK;
}

static int decide(struct out *o, struct pin_view *v, const struct pin_args *args, bool yes,
		  struct err *err)
{
	size_t done = 0, left = 0;

	JSON_EACH (pin, v->pins) {
		left += is_asked(pin, args);
	}
	if (!left) {
		out_u64(o, yes ? "approved" : "rejected", 0);
		out_note(o, "nothing of this name waits for a person");
		return CMD_FOUND;
	}
	left = 0;
	if (check_words(v, args, yes, err) || decide_asked(o, v, args, yes, &done, &left, err)) {
		return out_error(o, err);
	}
	out_u64(o, yes ? "approved" : "rejected", done);
	return done && !left ? CMD_FINE : CMD_FOUND;
}

static int approve(struct out *o, struct pin_view *v, const struct pin_args *args, struct err *err)
{
	return decide(o, v, args, true, err);
}

static int reject(struct out *o, struct pin_view *v, const struct pin_args *args, struct err *err)
{
	return decide(o, v, args, false, err);
}

/* ---- the verbs ---- */

struct pin_verb {
	const char *command, *summary, *example;
	int (*run)(struct out *o, struct pin_view *v, const struct pin_args *args, struct err *err);
	bool decides;
};

static int pin_main(const struct pin_verb *verb, int argc, char **argv)
{
	struct pin_args args = {.config = "writ.yaml"};
	const struct opt opts[] = {
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &args.config,
		 .help = "the node's configuration (default: writ.yaml)"},
		{.name = "state",
		 .value = "DIR",
		 .text = &args.state,
		 .help = "the node's state folder instead"},
		{.name = "kind",
		 .value = "KIND",
		 .text = &args.kind,
		 .help = "tool, prompt, resource, template or instructions only"},
		OPT_JSON(&args.json),
		{.name = verb->decides ? "all" : "held",
		 .flag = verb->decides ? &args.all : &args.held,
		 .help = verb->decides ? "everything of this server that waits"
				       : "only what waits for a person, or was rejected"},
		{.name = "anyway",
		 .flag = &args.anyway,
		 .help = "also what the linter or a policy objects to"},
		{.name = "digest",
		 .value = "DIGEST",
		 .text = &args.digest,
		 .help = "approve: what writ pin diff showed, by the digest at its end"},
	};
	const struct opt_word words[] = {
		{.name = "SERVER",
		 .help = "its id in the configuration",
		 .required = verb->decides,
		 .text = &args.server},
		{.name = "NAME",
		 .help = "of a tool, prompt, resource or template",
		 .text = &args.name},
	};
	const struct opt_spec spec = {
		.command = verb->command,
		.summary = verb->summary,
		.opts = opts,
		.n_opts = ARRAY_LEN(opts) - (verb->decides ? 0 : 2),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = verb->example,
	};
	struct pin_view v = {.pins = NULL};
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	arena_init(&v.arena, MEMORY_MAX);
	status = view_open(&v, &args, &err) ? out_error(&o, &err) : verb->run(&o, &v, &args, &err);
	status = out_end(&o, status);
	arena_done(&v.arena);
	return status;
}

static int pin_list(int argc, char **argv)
{
	static const struct pin_verb verb = {"writ pin list",
					     "Shows what is pinned of servers, and what waits for "
					     "a person. Exits 1 when something "
					     "waits.",
					     "writ pin list\nwrit pin list fs --held", list, false};

	return pin_main(&verb, argc, argv);
}

static int pin_diff_verb(int argc, char **argv)
{
	static const struct pin_verb verb = {"writ pin diff",
					     "Shows what is new or changed and held back, line by "
					     "line, and what the linter says of "
					     "it. Exits 1 when something waits.",
					     "writ pin diff\nwrit pin diff fs read_file", diff,
					     false};

	return pin_main(&verb, argc, argv);
}

static int pin_approve(int argc, char **argv)
{
	static const struct pin_verb verb = {
		"writ pin approve",
		"Lets clients see what is held back of a server, as writ pin diff showed it.",
		"writ pin diff fs read_file\n"
		"writ pin approve fs read_file --digest 5feceb66ffc86f38d952786c6d696c79",
		approve, true};

	return pin_main(&verb, argc, argv);
}

static int pin_reject(int argc, char **argv)
{
	static const struct pin_verb verb = {
		"writ pin reject",
		"Keeps what is held back of a server from clients until it changes again.",
		"writ pin reject fs read_file", reject, true};

	return pin_main(&verb, argc, argv);
}

int cmd_pin(int argc, char **argv)
{
	static const struct cmd verbs[] = {
		{"list", "what is pinned, and what waits for a person", pin_list},
		{"diff", "what is new or changed, line by line", pin_diff_verb},
		{"approve", "let clients see it", pin_approve},
		{"reject", "keep it from them", pin_reject},
		{NULL, NULL, NULL},
	};

	return verb_run("writ pin", "[OPTIONS] [SERVER [NAME]]", verbs, argc, argv);
}
