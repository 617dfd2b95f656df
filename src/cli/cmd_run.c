/* SPDX-License-Identifier: Apache-2.0 */
/* writ run: a program in a sandbox whose only exit is Writ. */
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/review.h"
#include "cli/run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NODE_END_MS = 1500, SHOWN_CHANGES = 50, CPUS_MAX = 4096, CPUS_LEAST = 10 };

struct run_args {
	struct run_options run;
	const char *config, *policy, *memory, *total_memory, *cpus;
	bool explain, json;
	void *room; /* that the arena lies in */
};

static const char help_of_run[] =
	"Runs an unmodified program in a sandbox. It sees the system read only, its workspace as "
	"far "
	"as\npolicies give it, and nothing else; its only way out is Writ: tools at "
	"http://127.0.0.1:8700/mcp and\nmodels at /v1, as the agent it is. Whether it may start is "
	"decided and recorded first. Exits with\nthe program's own status; 125: could not be run, "
	"126: refused by a policy, 127: no such program.";

/* "4GiB", "512MiB", "100" */
static enum err_code parse_size(const char *text, uint64_t *ret, struct err *err)
{
	static const struct {
		struct str unit;
		unsigned shift;
	} units[] = {{STR_INIT("KiB"), 10}, {STR_INIT("MiB"), 20}, {STR_INIT("GiB"), 30}};
	struct str s = str_from_c(text);
	unsigned shift = 0;
	uint64_t n;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (str_ends_with(s, units[i].unit)) {
			s.n -= units[i].unit.n;
			shift = units[i].shift;
		}
	}
	if (!str_to_u64(s, &n) || n == 0 || n > UINT64_C(1) << 33) {
		return ERR(err, ERR_INVALID, "%s: not a size, as 512MiB", text);
	}
	*ret = n << shift;
	return ERR_OK;
}

/* "2", "0.5": in thousandths. */
static enum err_code parse_cpus(const char *text, uint64_t *ret, struct err *err)
{
	struct str rest = str_from_c(text), whole = str_cut(&rest, '.');
	uint64_t n = 0, part = 0;

	if (!str_to_u64(whole, &n) || n > CPUS_MAX ||
	    (rest.p && (rest.n == 0 || rest.n > 3 || !str_to_u64(rest, &part)))) {
		return ERR(err, ERR_INVALID, "%s: not a number of processors, as 1.5", text);
	}
	for (size_t i = rest.p ? rest.n : 3; i < 3; i++) {
		part *= 10;
	}
	*ret = n * 1000 + part;
	return *ret >= CPUS_LEAST ? ERR_OK
				  : ERR(err, ERR_INVALID, "%s: at least 0.01 of a processor", text);
}

static const char *why_refused(enum run_refusal why)
{
	switch (why) {
	case RUN_DENIED:
		return "refused";
	case RUN_ASK:
		return "held back: it needs an approval";
	case RUN_UNRECORDED:
		return "not started: the decision could not be recorded";
	case RUN_IMPOSSIBLE:
		return "not started";
	}
	return "refused";
}

/* Why it was not started, and what can be done about it. */
static void tell_refused(const struct run_plan *p, const struct run_granted *g)
{
	(void)fprintf(stderr, "writ run: " STR_FMT " is %s", STR_ARG(p->machine.program.real),
		      why_refused(g->why));
	if (g->policy.n) {
		(void)fprintf(stderr, " by policy \"" STR_FMT "\"", STR_ARG(g->policy));
	} else if (g->why == RUN_DENIED) {
		(void)fprintf(stderr, ": no policy permits it");
	}
	if (g->reason.n) {
		(void)fprintf(stderr, ": " STR_FMT, STR_ARG(g->reason));
	}
	(void)fprintf(stderr, "\n");
	if (g->why == RUN_DENIED) {
		(void)fprintf(stderr,
			      "  the action is Writ::Action::\"exec\" of Writ::Agent::\"" STR_FMT
			      "\" on Writ::Program::\"" STR_FMT "\"\n",
			      STR_ARG(p->agent), STR_ARG(p->machine.program.real));
	}
	if (g->id) {
		(void)fprintf(stderr, "  it is record %llu of the ledger\n",
			      (unsigned long long)g->id);
	}
}

/* What is weaker or missing is said before the program says anything. */
static void tell_weaker(struct run_plan *p)
{
	struct buf text;

	if (p->spec.write_exec) {
		(void)fprintf(stderr, "writ run: weaker: files that the program writes may be "
				      "executed (--exec-workspace)\n");
	}
	if (p->options->learn) {
		(void)fprintf(
			stderr,
			"writ run: weaker: files of its places and hosts are allowed where no "
			"policy is about them (--learn)\n");
	}
	buf_init(&text, 1024);
	plan_print_missing(p->plan.missing, &text);
	if (buf_len(&text)) {
		(void)fprintf(stderr, "writ run: weaker: " STR_FMT "\n", STR_ARG(buf_str(&text)));
	}
	buf_done(&text);
	for (struct str rest = buf_str(&p->left_out); rest.n;) {
		struct str line = str_cut(&rest, '\n');

		(void)fprintf(stderr, "writ run: " STR_FMT "\n", STR_ARG(line));
	}
}

/* ---- explain ---- */

static struct str default_reason(const struct plan_op *op)
{
	static const struct {
		enum plan_kind kind;
		struct str why;
	} table[] = {
		{PLAN_LISTEN, STR_INIT("default: tools, models and hosts, by way of Writ")},
		{PLAN_LIMIT, STR_INIT("default: limits of an agent")},
		{PLAN_PIDS, STR_INIT("default: limits of an agent")},
		{PLAN_SECCOMP, STR_INIT("the profile")},
		{PLAN_ALLOW, STR_INIT("the same as the places above")},
		{PLAN_EXEC, STR_INIT("the command line")},
		{PLAN_CWD, STR_INIT("the command line")},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].kind == op->kind) {
			return table[i].why;
		}
	}
	return op->why.n ? op->why : STR("default: every sandbox");
}

static void explain_plan(struct out *o, const struct run_plan *p)
{
	static const struct out_col cols[] = {{"rule", 12}, {"what", 60}, {"from", 0}};
	static const struct out_list list = {.name = "plan", .cols = cols, .n_cols = 3};
	struct buf line;

	out_list_begin(o, &list);
	buf_init(&line, 64 << 10);
	for (size_t i = 0; i < p->plan.n_ops; i++) {
		const struct plan_op *op = &p->plan.ops[i];

		buf_clear(&line);
		plan_op_print(&p->plan, op, &line);
		out_row_begin(o);
		out_text(o, "rule", str_from_c(plan_op_name(op)));
		out_text(o, "what", str_trim(buf_str(&line)));
		out_text(o, "from", default_reason(op));
		out_row_end(o);
	}
	buf_done(&line);
	out_list_end(o);
}

/* Whether all of it together can be limited is found out by trying. */
static void explain_whole(struct out *o, const struct run_plan *p)
{
	struct cgroup g;
	struct buf text;
	struct err err;

	buf_init(&text, RUN_MAX_LIMITS);
	if (cgroup_make(&p->options->whole, &g, &err) == ERR_OK) {
		cgroup_print(&g, &text);
		cgroup_done(&g);
		out_text(o, "whole", buf_str(&text));
	} else {
		out_note(o, "%s", err.msg);
	}
	buf_done(&text);
}

static void explain_lines(struct out *o, struct str lines)
{
	while (lines.n) {
		struct str line = str_cut(&lines, '\n');

		out_note(o, STR_FMT, STR_ARG(line));
	}
}

static int explain(struct out *o, struct run_plan *p, const struct run_granted *g)
{
	out_text(o, "agent", p->agent);
	out_text(o, "program", p->machine.program.real);
	out_text(o, "profile", str_from_c(run_profile_name(p->spec.profile)));
	out_bool(o, "permitted", !g->refused);
	out_text(o, "policy", g->policy.n ? g->policy : STR("(none)"));
	if (g->reason.n) {
		out_text(o, "reason", g->reason);
	}
	if (g->refused) {
		return CMD_FOUND;
	}
	if (cgroup_wanted(&p->options->whole)) {
		explain_whole(o, p);
	}
	explain_plan(o, p);
	explain_lines(o, buf_str(&p->left_out));
	explain_lines(o, buf_str(&p->unheld));
	return CMD_FINE;
}

/* ---- running ---- */

static void report(struct out *o, const struct run_plan *p, const struct run_granted *g,
		   const struct run_ended *end)
{
	out_text(o, "agent", p->agent);
	out_text(o, "program", p->machine.program.real);
	out_u64(o, "run", g->id);
	out_bool(o, "started", !g->refused);
	if (g->refused) {
		out_text(o, "policy", g->policy);
		out_text(o, "reason", g->reason);
		return;
	}
	out_u64(o, "status", end->status);
	out_bool(o, "node_gone", end->node_gone);
	if (p->changes.n) {
		out_text(o, "changes", p->changes);
	}
}

/* A better word for why no sandbox could be made: what this machine lacks. */
static enum err_code diagnose(struct run_plan *p, struct err *err)
{
	struct sandbox_kernel k = sandbox_probe();
	struct sandbox_plan unused;
	struct plan_machine machine = p->machine;
	struct err better;

	machine.kernel = k;
	if (plan_build(p->arena, &p->spec, &machine, &unused, &better) == ERR_UNSUPPORTED) {
		return err_set(err, better.code, 0, ERR_HERE, "%s", better.msg);
	}
	return err->code;
}

/* Nothing that the program chose steers the terminal. */
static void put_shown(struct buf *b, struct str s)
{
	while (s.n) {
		size_t n = str_printable(s);

		if (n) {
			buf_append(b, str_make(s.p, n));
		} else {
			buf_append_c(b, '?');
			n = 1;
		}
		s = str_from(s, n);
	}
}

/* At a terminal the person is asked; elsewhere the changes wait. */
static void review(struct run_plan *p, struct err *err)
{
	struct review_change *changes = NULL;
	char line[16] = {0};
	size_t n = 0;

	if (!p->changes.p || review_list(p->arena, p->changes.p, &changes, &n, err)) {
		return;
	}
	if (n == 0) {
		err_ignore(review_discard(p->changes.p, err));
		(void)fprintf(stderr, "writ run: nothing was changed in the workspace\n");
		return;
	}
	(void)fprintf(stderr, "writ run: %zu changes wait in " STR_FMT "\n", n,
		      STR_ARG(p->changes));
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		(void)fprintf(stderr, "  writ review show|keep|discard " STR_FMT "\n",
			      STR_ARG(p->changes));
		return;
	}
	for (size_t i = 0; i < n && i < SHOWN_CHANGES; i++) {
		struct buf shown;
		struct str path;

		buf_init(&shown, 8192);
		put_shown(&shown, changes[i].path);
		if (changes[i].target.n) {
			buf_append(&shown, STR(" -> "));
			put_shown(&shown, changes[i].target);
		}
		path = shown.p ? buf_str(&shown) : STR("");
		(void)fprintf(stderr, "  %-9s " STR_FMT "\n", review_kind_name(changes[i].kind),
			      STR_ARG(path));
		buf_done(&shown);
	}
	(void)fprintf(stderr, "keep them? [y/N] (anything else: they stay where they are) ");
	if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y')) {
		err_ignore(review_keep(p->arena, p->changes.p, err));
	} else if (line[0] == 'n' || line[0] == 'N') {
		err_ignore(review_discard(p->changes.p, err));
	}
}

/* What the node decides, and what follows from it. */
static enum err_code have_decided(struct run_plan *p, const struct run_node *node, struct chan *c,
				  bool explain, struct run_granted *ret, struct err *err)
{
	struct run_guard guard = {0};
	struct run_open asked;

	TRY(run_plan_ask(p, &asked, err));
	asked.explain = explain;
	TRY(run_talk_open(p->arena, c, &asked, err));
	/* Meanwhile: what must be hidden. */
	TRY(run_guard_fill(p->arena, node->config, node->cfg, &guard, err));
	TRY(run_talk_opened(p->arena, c, ret, err));
	if (!ret->refused && run_plan_settle(p, ret, &guard, err)) {
		err_ignore(run_talk_ended(c, RUN_END_NOT_STARTED, 0, NULL));
		return err->code;
	}
	return ERR_OK;
}

/* The program has ended as it did: what became of the file is only said. */
static void learn(const struct run_plan *p, const struct run_granted *g,
		  const struct run_node *node, struct err *err)
{
	size_t n = 0;

	if (!run_learn(p, g, node->state, &n, err)) {
		(void)fprintf(stderr,
			      "writ run: %zu things that no policy is about; what it did is in %s: "
			      "read it "
			      "before it becomes a policy\n",
			      n, p->options->learn);
	}
}

static int run(struct out *o, struct run_plan *p, const struct run_node *node, struct chan *c,
	       const struct run_args *args, struct run_early *early, struct err *err)
{
	struct run_granted granted;
	struct run_ended end = {0};

	if (have_decided(p, node, c, args->explain, &granted, err)) {
		return RUN_EXIT_FAILED;
	}
	if (args->explain) {
		return explain(o, p, &granted);
	}
	if (granted.refused) {
		if (args->json) {
			report(o, p, &granted, &end);
		} else {
			tell_refused(p, &granted);
		}
		return RUN_EXIT_REFUSED;
	}
	tell_weaker(p);
	if (run_hold(p, c, early, &end, err)) {
		err_ignore(run_talk_ended(c, RUN_END_NOT_STARTED, 0, NULL));
		(void)diagnose(p, err);
		return RUN_EXIT_FAILED;
	}
	if (end.node_gone || run_talk_ended(c, end.how, end.status, err)) {
		(void)fprintf(
			stderr,
			"writ run: the program was ended: by `writ kill`, or the node is gone\n");
		*err = (struct err){0}; /* it was told */
	}
	if (args->json) {
		report(o, p, &granted, &end);
	}
	run_hold_give_up(early);
	if (p->options->learn) {
		learn(p, &granted, node, err);
	}
	if (p->changes.n) {
		review(p, err);
	}
	return (int)end.status;
}

/* Our own node drains by itself; for a moment we wait, so that nothing is left behind. */
static void leave_node(struct run_node *n)
{
	struct pollfd p = {.fd = n->pidfd, .events = POLLIN};

	if (n->life >= 0) {
		(void)close(n->life);
		n->life = -1;
	}
	if (n->own) {
		(void)poll(&p, 1, NODE_END_MS);
	}
	run_node_done(n);
}

static int prepare_and_run(struct out *o, const struct run_args *args, struct arena *a,
			   struct err *err)
{
	struct run_where where = {
		.config = args->config, .policy = args->policy, .may_start = true};
	struct run_node node = {.life = -1, .pidfd = -1};
	struct run_early early = {.child = {.pidfd = -1, .status = -1}, .reins = -1};
	struct run_plan plan;
	struct buf said;
	struct chan c;
	int status, fd;
	enum err_code code = run_plan_prepare(a, &args->run, &plan, err);

	if (code) {
		return code == ERR_NOT_FOUND ? RUN_EXIT_NOT_FOUND : RUN_EXIT_FAILED;
	}
	plan.room = args->room;
	where.workspace = plan.workspace;
	if (!args->explain) {
		run_hold_begin(
			&plan,
			&early); /* while we look for what is asked for, and the node decides */
	}
	code = run_plan_look(&plan, err);
	if (code) {
		run_hold_give_up(&early);
		return code == ERR_NOT_FOUND ? RUN_EXIT_NOT_FOUND : RUN_EXIT_FAILED;
	}
	buf_init(&said, 4096);
	if (run_node_connect(a, &where, &node, &fd, &said, err)) {
		run_hold_give_up(&early);
		buf_done(&said);
		return RUN_EXIT_FAILED;
	}
	if (buf_len(&said) && !args->json) {
		(void)fprintf(stderr, "writ run: " STR_FMT "\n", STR_ARG(buf_str(&said)));
	}
	buf_done(&said);
	chan_init(&c, fd, 1 << 20);
	status = run(o, &plan, &node, &c, args, &early, err);
	run_hold_give_up(&early);
	chan_done(&c);
	leave_node(&node);
	buf_done(&plan.left_out);
	return status;
}

/* The program's words begin behind "--", so that its options are never taken for ours. */
static char **cut_program(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (argv[i][0] == '-' && argv[i][1] == '-' && argv[i][2] == '\0') {
			*argc = i;
			return &argv[i + 1];
		}
	}
	return NULL;
}

static enum err_code check_args(struct run_args *args, struct arena *a, struct err *err)
{
	if (!args->run.argv || !args->run.argv[0]) {
		return ERR(err, ERR_INVALID,
			   "no program: writ run [OPTIONS] -- PROGRAM ARGS (see --help)");
	}
	if (args->config && args->policy) {
		return ERR(err, ERR_INVALID,
			   "--config and --policy exclude each other: a configuration names its "
			   "own policies");
	}
	if (args->run.learn) {
		TRY(run_learn_begin(a, &args->run, err));
	}
	if (args->total_memory) {
		TRY(parse_size(args->total_memory, &args->run.whole.value[CGROUP_MEMORY], err));
	}
	if (args->cpus) {
		TRY(parse_cpus(args->cpus, &args->run.whole.value[CGROUP_CPU], err));
	}
	return args->memory ? parse_size(args->memory, &args->run.memory, err) : ERR_OK;
}

int cmd_run(int argc, char **argv)
{
	struct run_args args = {.run.argv = cut_program(&argc, argv)};
	const struct opt opts[] = {
		{.name = "agent",
		 .value = "NAME",
		 .text = &args.run.agent,
		 .help = "who it is to policies (default: the program's name)"},
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &args.config,
		 .help = "the node's configuration (default: writ.yaml here, else a default one)"},
		{.name = "policy",
		 .value = "DIR",
		 .text = &args.policy,
		 .help = "a folder of policies, without any configuration"},
		{.name = "profile",
		 .value = "P",
		 .text = &args.run.profile,
		 .help = "node, python, shell, native, cuda or auto (by the program)"},
		{.name = "workspace",
		 .letter = 'w',
		 .value = "DIR",
		 .text = &args.run.workspace,
		 .help = "the folder it works in (default: the current one)"},
		{.name = "read",
		 .value = "PATH",
		 .list = &args.run.read,
		 .help = "give this too, read only, where policies permit it"},
		{.name = "write",
		 .value = "PATH",
		 .list = &args.run.write,
		 .help = "give this too, where policies permit it"},
		{.name = "guard",
		 .value = "PATH",
		 .list = &args.run.guard,
		 .help = "read only whatever policies say: files that say who it is and what it "
			 "remembers"},
		{.name = "review",
		 .flag = &args.run.review,
		 .help = "keep its changes of the workspace apart, to keep or discard them"},
		{.name = "learn",
		 .value = "FILE",
		 .text = &args.run.learn,
		 .help = "weaker: allow what no policy is about, and write what it did as policies "
			 "to "
			 "review"},
		{.name = "env",
		 .letter = 'e',
		 .value = "NAME[=V]",
		 .list = &args.run.env,
		 .help = "set a variable, or pass on our own; few are passed on by themselves"},
		{.name = "memory",
		 .value = "SIZE",
		 .text = &args.memory,
		 .help = "writable memory of each process, as 2GiB (default: 4GiB)"},
		{.name = "total-memory",
		 .value = "SIZE",
		 .text = &args.total_memory,
		 .help = "memory of all processes together, by control groups (default: no limit)"},
		{.name = "cpus",
		 .value = "N",
		 .text = &args.cpus,
		 .help = "processors of all processes together, as 1.5, by control groups"},
		{.name = "processes",
		 .value = "N",
		 .number = &args.run.processes,
		 .help = "processes and threads together (default: 512)"},
		{.name = "exec-workspace",
		 .flag = &args.run.write_exec,
		 .help = "weaker: files that it writes may be executed"},
		{.name = "weaker",
		 .flag = &args.run.weaker,
		 .help = "weaker: go on when this machine lacks a layer of the sandbox"},
		{.name = "explain",
		 .flag = &args.explain,
		 .help = "start nothing: print every rule of the sandbox and what made it"},
		OPT_JSON(&args.json),
	};
	const struct opt_spec spec = {
		.command = "writ run",
		.summary = help_of_run,
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.tail = " -- PROGRAM [ARGS]",
		.example =
			"writ run -- node agent.js\nwrit run --policy policies --explain -- bash",
	};
	struct err err = {0};
	struct arena a;
	struct out o;
	void *room;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status == CMD_FINE ? CMD_FINE : RUN_EXIT_FAILED;
	}
	if (!args.explain) {
		o.fd = STDERR_FILENO; /* standard output is the program's */
	}
	/* Shared with the sandbox until that executes its program: it is begun before its plan is known. */
	room = mmap(NULL, RUN_MEMORY, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED) {
		(void)ERR_ERRNO(&err, "memory");
		(void)out_error(&o, &err);
		return out_end(&o, RUN_EXIT_FAILED);
	}
	arena_init_in(&a, room, RUN_MEMORY);
	args.room = room;
	status = check_args(&args, &a, &err) ? RUN_EXIT_FAILED
					     : prepare_and_run(&o, &args, &a, &err);
	if (err.code) {
		(void)out_error(&o, &err);
	}
	return out_end(&o, status);
}
