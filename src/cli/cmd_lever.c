/* SPDX-License-Identifier: Apache-2.0 */
/* writ freeze, thaw, kill: what a person can do about a run. */
#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/run.h"
#include "ipc/frame.h"

enum { LEVER_MS = 5000 };

static enum err_code pull(struct chan *c, enum run_lever op, uint64_t id, bool *ret_done,
			  struct str *ret_why, char *buf, size_t cap, struct err *err)
{
	struct frame_writer w;
	struct frame_reader r;
	struct str frame;

	frame_begin(&w, buf, cap, RUN_LEVER);
	frame_put_u8(&w, (uint8_t)op);
	frame_put_u64(&w, id);
	TRY(chan_send(c, frame_bytes(&w), NULL, 0, err));
	TRY(run_talk_next(c, buf, cap, LEVER_MS, &frame, err));
	if (frame_open(&r, frame) != RUN_LEVERED) {
		return ERR(err, ERR_CORRUPT, "the node's answer is no answer");
	}
	*ret_done = frame_get_u8(&r) == 1;
	*ret_why = frame_get_str(&r);
	return ERR_OK;
}

struct lever {
	enum run_lever op;
	const char *command, *summary, *example;
};

static int lever_run(struct out *o, const struct lever *l, struct chan *c, const char *run,
		     struct err *err)
{
	char buf[512];
	uint64_t id, before = clock_mono();
	struct str why = STR("");
	bool done = false;

	if (!str_to_u64(str_from_c(run), &id)) {
		err_ignore(ERR(err, ERR_INVALID, "%s is not a run: writ ps shows them", run));
		return out_error(o, err);
	}
	if (pull(c, l->op, id, &done, &why, buf, sizeof(buf), err)) {
		return out_error(o, err);
	}
	out_u64(o, "run", id);
	out_bool(o, "done", done);
	if (!done) {
		out_text(o, "reason", why);
		return CMD_FOUND;
	}
	out_u64(o, "microseconds", (clock_mono() - before) / 1000);
	return CMD_FINE;
}

static int lever_main(const struct lever *l, int argc, char **argv)
{
	struct run_where where = {0};
	const char *run = NULL;
	bool json = false;
	const struct opt opts[] = {
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &where.config,
		 .help = "the node's configuration (default: writ.yaml here, else a default one)"},
		OPT_JSON(&json),
	};
	const struct opt_word words[] = {
		{.name = "RUN", .help = "its number: writ ps", .required = true, .text = &run}};
	const struct opt_spec spec = {
		.command = l->command,
		.summary = l->summary,
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = l->example,
	};
	struct err err = {0};
	struct arena a;
	struct out o;
	struct chan c = {.fd = -1};
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	arena_init(&a, RUN_MEMORY);
	status = run_ask_connect(&a, &where, &c, &err) ? out_error(&o, &err)
						       : lever_run(&o, l, &c, run, &err);
	chan_done(&c);
	arena_done(&a);
	return out_end(&o, status);
}

int cmd_freeze(int argc, char **argv)
{
	static const struct lever l = {
		RUN_FREEZE, "writ freeze",
		"Stops every process of a run where it stands, until it is thawed.",
		"writ freeze 41"};

	return lever_main(&l, argc, argv);
}

int cmd_thaw(int argc, char **argv)
{
	static const struct lever l = {RUN_THAW, "writ thaw", "Lets a frozen run go on.",
				       "writ thaw 41"};

	return lever_main(&l, argc, argv);
}

int cmd_kill(int argc, char **argv)
{
	static const struct lever l = {RUN_KILL, "writ kill",
				       "Ends a run with all of its processes, at once.",
				       "writ kill 41"};

	return lever_main(&l, argc, argv);
}
