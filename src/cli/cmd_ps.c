/* SPDX-License-Identifier: Apache-2.0 */
/* writ ps: the runs of a node. */
#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/run.h"
#include "ipc/frame.h"

enum { LIST_MS = 5000 };

static const char *state_name(uint8_t state)
{
	switch ((enum run_state)state) {
	case RUN_STATE_OPENING:
		return "opening";
	case RUN_STATE_RUNNING:
		return "running";
	case RUN_STATE_FROZEN:
		return "frozen";
	case RUN_STATE_ENDING:
		return "ending";
	}
	return "?";
}

static void put_row(struct out *o, struct frame_reader *r)
{
	uint64_t id = frame_get_u64(r);
	struct str agent = frame_get_str(r), program = frame_get_str(r);
	const char *state = state_name(frame_get_u8(r));
	uint64_t age = frame_get_u64(r);
	uint32_t uid = frame_get_u32(r), pid = frame_get_u32(r);

	out_row_begin(o);
	out_u64(o, "run", id);
	out_text(o, "agent", agent);
	out_text(o, "state", str_from_c(state));
	out_u64(o, "seconds", age / 1000);
	out_u64(o, "user", uid);
	out_u64(o, "pid", pid);
	out_text(o, "program", program);
	out_row_end(o);
}

static enum err_code list_runs(struct out *o, struct chan *c, struct err *err)
{
	static const struct out_col cols[] = {{"run", 8},     {"agent", 16}, {"state", 8},
					      {"seconds", 8}, {"user", 6},   {"pid", 8},
					      {"program", 0}};
	static const struct out_list list = {.name = "runs", .cols = cols, .n_cols = 7};
	struct frame_writer w;
	struct frame_reader r;
	char buf[8192];
	struct str frame;

	frame_begin(&w, buf, sizeof(buf), RUN_LIST);
	TRY(chan_send(c, frame_bytes(&w), NULL, 0, err));
	out_list_begin(o, &list);
	for (;;) {
		uint8_t type;

		TRY(run_talk_next(c, buf, sizeof(buf), LIST_MS, &frame, err));
		type = frame_open(&r, frame);
		if (type != RUN_RUN) {
			break;
		}
		put_row(o, &r);
	}
	out_list_end(o);
	return ERR_OK;
}

int cmd_ps(int argc, char **argv)
{
	struct run_where where = {0};
	bool json = false;
	const struct opt opts[] = {
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &where.config,
		 .help = "the node's configuration (default: writ.yaml here, else a default one)"},
		OPT_JSON(&json),
	};
	const struct opt_spec spec = {
		.command = "writ ps",
		.summary = "Shows what runs in a sandbox of this node.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ ps --json",
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
	status = CMD_FINE;
	if (run_ask_connect(&a, &where, &c, &err) || list_runs(&o, &c, &err)) {
		status = out_error(&o, &err);
	}
	chan_done(&c);
	arena_done(&a);
	return out_end(&o, status);
}
