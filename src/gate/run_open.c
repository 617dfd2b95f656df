/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a run may start, and which places it gets. First `exec` is decided and
 * recorded; when it is permitted, every place is decided for reading and for writing, as an action of its
 * own, and every other program that a policy names (run_program.c). A sandbox holds places as a whole, so
 * besides those that were asked for, every path that a policy names beneath one of them is decided too:
 * what is refused there is taken out.
 */
#include "gate/run.h"

#include "gate/gate.h"
#include "gate/rules_vary.h"
#include "ipc/frame.h"
#include "json/write.h"

static void on_exec_forward(struct action *a);
static void on_exec_reply(struct action *a);
static void on_read_forward(struct action *a);
static void on_read_reply(struct action *a);
static void on_write_forward(struct action *a);
static void on_write_reply(struct action *a);

static const struct action_events exec_events = {.forward = on_exec_forward,
						 .reply = on_exec_reply};
static const struct action_events read_events = {.forward = on_read_forward,
						 .reply = on_read_reply};
static const struct action_events write_events = {.forward = on_write_forward,
						  .reply = on_write_reply};

static bool under(struct str path, struct str dir)
{
	if (str_eq(dir, STR("/"))) {
		return true;
	}
	return str_starts_with(path, dir) && path.n > dir.n && path.p[dir.n] == '/';
}

static bool add_place(struct gate_run *run, struct str path, uint8_t wanted, enum run_place from)
{
	struct gate_run_place *p;

	for (size_t i = 0; i < run->n_places; i++) {
		if (str_eq(run->places[i].path, path)) {
			run->places[i].wanted |= from == RUN_PLACE_ASKED ? wanted : 0;
			return true;
		}
	}
	if (run->n_places == RUN_MAX_PLACES + RUN_MAX_NAMED) {
		return false;
	}
	p = &run->places[run->n_places++];
	*p = (struct gate_run_place){.run = run, .wanted = wanted, .from = from};
	p->path = arena_dup(&run->arena, path);
	return p->path.p != NULL;
}

static bool add_asked(struct gate_run *run, const struct run_open *o)
{
	run->places =
		ARENA_ARRAY(&run->arena, RUN_MAX_PLACES + RUN_MAX_NAMED, struct gate_run_place);
	for (uint32_t i = 0; run->places && i < o->n_places; i++) {
		if (!add_place(run, o->places[i], o->wanted[i], RUN_PLACE_ASKED)) {
			return false;
		}
	}
	return run->places != NULL;
}

/* The paths that policies name inside of a place that was asked for. */
static bool add_named(struct gate_run *run)
{
	const struct rules *rules = run->gate->rules;
	size_t asked = run->n_places;

	for (size_t i = 0; i < rules->n_paths; i++) {
		uint8_t wanted = 0;

		for (size_t k = 0; k < asked; k++) {
			wanted |= under(rules->paths[i], run->places[k].path)
					  ? run->places[k].wanted
					  : 0;
		}
		if (wanted && run_path_is_plain(rules->paths[i]) &&
		    !add_place(run, rules->paths[i], wanted, RUN_PLACE_NAMED)) {
			return false;
		}
	}
	return true;
}

static struct str joined(struct gate_run *run, const struct str *items, uint32_t n)
{
	struct str all = STR("");

	for (uint32_t i = 0; i < n; i++) {
		all = arena_printf(&run->arena, STR_FMT "%s" STR_FMT, STR_ARG(all), i ? ", " : "",
				   STR_ARG(items[i]));
	}
	return all;
}

/* What outlives the frame. */
static bool keep(struct gate_run *run, const struct run_open *o)
{
	run->agent = arena_dup(&run->arena, o->agent);
	run->profile = arena_dup(&run->arena, o->profile);
	run->program = arena_dup(&run->arena, o->program);
	run->weaker = joined(run, o->weaker, o->n_weaker);
	return run->agent.p && run->profile.p && run->program.p && run->weaker.p;
}

static void put_texts(struct buf *b, const char *name, const struct str *items, uint32_t n)
{
	buf_printf(b, "\"%s\":[", name);
	for (uint32_t i = 0; i < n; i++) {
		buf_append(b, i ? STR(",") : STR(""));
		json_put_str(b, items[i]);
	}
	buf_append_c(b, ']');
}

/* What the policies see as context.input; in the run's arena. */
static struct str describe(struct gate_run *run, const struct run_open *o)
{
	struct str text;
	struct buf b;

	buf_init(&b, 8 * RUN_MAX_TEXT);
	buf_append_c(&b, '{');
	put_texts(&b, "argv", o->args, o->n_args);
	buf_append(&b, STR(",\"cwd\":"));
	json_put_str(&b, o->cwd);
	buf_append(&b, STR(",\"profile\":"));
	json_put_str(&b, run->profile);
	buf_append_c(&b, ',');
	buf_append(&b, STR("\"program\":"));
	json_put_str(&b, run->program);
	buf_append_c(&b, ',');
	put_texts(&b, "weaker", o->weaker, o->n_weaker);
	buf_append_c(&b, '}');
	text = b.failed ? str_make(NULL, 0) : arena_dup(&run->arena, buf_str(&b));
	buf_done(&b);
	return text;
}

/* ---- answers ---- */

static void refuse(struct gate_run *run, enum run_refusal why, const struct rules_answer *a,
		   uint64_t index)
{
	char buf[8192];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), RUN_REFUSED);
	frame_put_u8(&w, (uint8_t)why);
	frame_put_str(&w, str_make(a->policy.p, a->policy.n < 512 ? a->policy.n : 512));
	frame_put_str(&w, str_make(a->reason.p, a->reason.n < 2048 ? a->reason.n : 2048));
	frame_put_u64(&w, index);
	gate_run_say(run, &w);
	gate_run_leave(run);
}

static void say_opened(struct gate_run *run, struct str policy)
{
	const struct config_egress *e = &run->gate->rules->config->egress;
	struct buf room = gate_buf_take(run->gate, IPC_FRAME_MAX);
	char *bytes = buf_reserve(&room, IPC_FRAME_MAX);
	struct frame_writer w;

	if (!bytes) {
		gate_run_leave(run);
		return;
	}
	frame_begin(&w, bytes, IPC_FRAME_MAX, RUN_OPENED);
	frame_put_u64(&w, run->id);
	frame_put_u32(
		&w, 1U << RUN_LISTEN_GATEWAY | 1U << RUN_LISTEN_PROXY |
			    (e->n_capture ? 1U << RUN_LISTEN_CAPTURE | 1U << RUN_LISTEN_DNS : 0U));
	frame_put_u32(&w, (uint32_t)e->n_capture);
	for (size_t i = 0; i < e->n_capture; i++) {
		frame_put_u32(&w, e->capture[i]);
	}
	frame_put_str(&w, run->authority);
	frame_put_str(&w, policy);
	frame_put_u32(&w, (uint32_t)run->n_places);
	for (size_t i = 0; i < run->n_places; i++) {
		const struct gate_run_place *p = &run->places[i];

		frame_put_str(&w, p->path);
		frame_put_u8(&w, p->allowed);
		frame_put_u8(&w, (uint8_t)p->from);
		frame_put_str(&w, p->read_policy);
		frame_put_str(&w, p->write_policy);
	}
	gate_run_programs_put(run, &w);
	if (w.overflow) {
		refuse(run, RUN_IMPOSSIBLE,
		       &(struct rules_answer){
			       .reason = STR("the policies name too many paths or programs")},
		       0);
	} else {
		gate_run_say(run, &w);
	}
	gate_buf_give(run->gate, &room);
}

static void put_end(struct frame_writer *w, const struct net_addr *at)
{
	static const char mapped[12] = {[10] = '\xff', [11] = '\xff'};
	struct str ip = str_make((const char *)at->ip, at->kind == NET_ADDR_IP6 ? 16 : 4);

	if (str_starts_with(ip, str_make(mapped, sizeof(mapped)))) {
		ip = str_from(ip, sizeof(mapped));
	}
	frame_put_str(w, ip);
	frame_put_u32(w, at->port);
}

/* Whose a connection is, only its `writ run` can see. */
static void ask_whose(void *user, uint64_t n, const struct net_addr *own,
		      const struct net_addr *peer)
{
	char buf[128];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), RUN_WHO);
	frame_put_u64(&w, n);
	put_end(&w, own);
	put_end(&w, peer);
	gate_run_say(user, &w);
}

/* Of a run that is only explained, the exit does not stay open. */
static bool open_exit(struct gate_run *run)
{
	struct buf cert;
	struct err err;
	bool ok;

	buf_init(&cert, 16 << 10);
	ok = gate_exit_open(run->gate, run->session, &cert, &err) == ERR_OK;
	if (ok && run->session) {
		gate_exit_asks(run->session, ask_whose, run);
	}
	run->authority = arena_dup(&run->arena, buf_str(&cert));
	buf_done(&cert);
	return ok && run->authority.p;
}

/* ---- places ---- */

static void all_decided(struct gate_run *run)
{
	if (run->unrecorded) {
		gate_run_conclude(run, LEDGER_UNREACHABLE, 0);
		refuse(run, RUN_UNRECORDED, &(struct rules_answer){0}, 0);
		return;
	}
	if (!open_exit(run)) {
		gate_run_conclude(run, LEDGER_UNREACHABLE, 0);
		refuse(run, RUN_IMPOSSIBLE, &(struct rules_answer){.reason = STR("no memory")}, 0);
		return;
	}
	run->step = GATE_RUN_OPEN;
	say_opened(run, run->exec.answer.policy);
}

void gate_run_decided(struct gate_run *run)
{
	if (--run->places_pending == 0 && !run->leaving) {
		all_decided(run);
	}
}

/* The place was decided as a whole: what of it is decided for each file, is given as that, refused or not. */
static uint8_t each_of(const struct gate_run *run, const struct rules_query *q,
		       const struct rules_answer *answer)
{
	bool write = q->kind == RULES_WRITE_FILE;

	bool learns = run->session && run->session->learns;

	if (!(learns && answer->outcome == POLICY_ALLOW) &&
	    !rules_vary(run->gate->rules, q, answer)) {
		return 0;
	}
	return write ? RUN_WRITE | RUN_EACH_WRITE : RUN_READ | RUN_EACH_READ;
}

static struct rules_query query_of(const struct gate_run_place *p, uint8_t right)
{
	return (struct rules_query){.kind = right == RUN_WRITE ? RULES_WRITE_FILE : RULES_READ_FILE,
				    .agent = p->run->agent,
				    .object = p->path,
				    .now_ms = p->run->gate->loop.real / CLOCK_MS};
}

/* Permitted and recorded. It is given with the sandbox that is made now: nothing more comes of it. */
static void give(struct gate_run_place *p, struct action *a, uint8_t right)
{
	struct rules_query q = query_of(p, right);

	p->allowed |= (uint8_t)(right | each_of(p->run, &q, &a->answer));
	*(right == RUN_WRITE ? &p->write_policy : &p->read_policy) = a->answer.policy;
	action_answered(a, LEDGER_OK, 0, str_make(NULL, 0));
	gate_run_decided(p->run);
}

static void keep_back(struct gate_run_place *p, const struct action *a, uint8_t right)
{
	struct rules_query q = query_of(p, right);

	if (a->refused) {
		p->allowed |= a->unrecorded ? 0 : each_of(p->run, &q, &a->answer);
		*(right == RUN_WRITE ? &p->write_policy : &p->read_policy) = a->answer.policy;
		p->run->unrecorded |= a->unrecorded;
		gate_run_decided(p->run);
	}
}

static void on_read_forward(struct action *a)
{
	give(CONTAINER_OF(a, struct gate_run_place, read), a, RUN_READ);
}

static void on_read_reply(struct action *a)
{
	keep_back(CONTAINER_OF(a, struct gate_run_place, read), a, RUN_READ);
}

static void on_write_forward(struct action *a)
{
	give(CONTAINER_OF(a, struct gate_run_place, write), a, RUN_WRITE);
}

static void on_write_reply(struct action *a)
{
	keep_back(CONTAINER_OF(a, struct gate_run_place, write), a, RUN_WRITE);
}

static void decide_place(struct gate_run_place *p, struct action *a, enum rules_kind kind)
{
	struct gate_run *run = p->run;
	struct rules_query q = {.kind = kind, .object = p->path};

	*a = (struct action){.gate = run->gate,
			     .on = kind == RULES_READ_FILE ? &read_events : &write_events,
			     .session = run->session,
			     .arena = &run->arena};
	run->places_pending++;
	action_start(a, &q, run->gate->loop.now);
}

static void decide_places(struct gate_run *run)
{
	run->places_pending++; /* until all have been asked */
	for (size_t i = 0; i < run->n_places; i++) {
		struct gate_run_place *p = &run->places[i];

		if (p->wanted & RUN_READ) {
			decide_place(p, &p->read, RULES_READ_FILE);
		}
		if (p->wanted & RUN_WRITE) {
			decide_place(p, &p->write, RULES_WRITE_FILE);
		}
	}
	gate_run_programs_decide(run);
	gate_run_decided(run);
}

/* ---- exec ---- */

static void on_exec_forward(struct action *a)
{
	struct gate_run *run = CONTAINER_OF(a, struct gate_run, exec);

	run->id = a->index;
	decide_places(run);
}

static void on_exec_reply(struct action *a)
{
	struct gate_run *run = CONTAINER_OF(a, struct gate_run, exec);
	char buf[8];
	struct frame_writer w;

	if (a->refused) {
		refuse(run,
		       a->unrecorded                     ? RUN_UNRECORDED
		       : a->answer.outcome == POLICY_ASK ? RUN_ASK
							 : RUN_DENIED,
		       &a->answer, a->index);
		return;
	}
	frame_begin(&w, buf, sizeof(buf), RUN_CLOSED);
	gate_run_say(run, &w);
	gate_run_leave(run);
}

static void explain_places(struct gate_run *run, const struct rules_query *q)
{
	struct rules_answer answer;

	for (size_t i = 0; i < run->n_places; i++) {
		struct gate_run_place *p = &run->places[i];

		for (unsigned bit = RUN_READ; bit <= RUN_WRITE; bit <<= 1) {
			struct rules_query of = *q;

			of.kind = bit == RUN_READ ? RULES_READ_FILE : RULES_WRITE_FILE;
			of.object = p->path;
			of.input = STR("");
			rules_decide(run->gate->rules, &of, &run->arena, &answer);
			if (p->wanted & bit) {
				p->allowed |= (uint8_t)((answer.outcome == POLICY_ALLOW ? bit : 0) |
							each_of(run, &of, &answer));
			}
			*(bit == RUN_READ ? &p->read_policy : &p->write_policy) = answer.policy;
		}
	}
}

/* Decides without a record, since nothing will happen. */
static void explain(struct gate_run *run, struct rules_query *q)
{
	struct rules_answer answer;
	struct dw_engine *engine;
	struct err err;

	q->agent = run->agent;
	q->session = q->request = STR("explain");
	q->labels = (struct rules_labels){.integrity = 2};
	q->now_ms = clock_real() / CLOCK_MS;
	if (history_suppose(run->gate, &engine, q, &err)) {
		refuse(run, RUN_IMPOSSIBLE, &(struct rules_answer){.reason = STR("no memory")}, 0);
		return;
	}
	rules_decide(run->gate->rules, q, &run->arena, &answer);
	if (answer.outcome == POLICY_ALLOW && open_exit(run)) {
		run->exec.answer.policy = answer.policy;
		explain_places(run, q);
		gate_run_programs_explain(run, q);
		say_opened(run, run->exec.answer.policy);
		gate_run_leave(run);
	} else {
		refuse(run, answer.outcome == POLICY_ASK ? RUN_ASK : RUN_DENIED, &answer, 0);
	}
	dw_engine_free(engine);
}

/* Whether another run may write to the program: what was hashed need not be what is executed. */
static bool may_be_replaced(const struct gate_run *run)
{
	LIST_FOREACH (node, &run->runs->all) {
		const struct gate_run *other = CONTAINER_OF(node, struct gate_run, node);

		for (size_t i = 0; other != run && other->session && i < other->n_places; i++) {
			const struct gate_run_place *place = &other->places[i];
			struct str below = str_from(run->program, place->path.n);

			if ((place->allowed & RUN_WRITE) &&
			    str_starts_with(run->program, place->path) &&
			    (below.n == 0 || below.p[0] == '/' || str_eq(place->path, STR("/")))) {
				return true;
			}
		}
	}
	return false;
}

enum err_code gate_run_open(struct gate_run *run, struct frame_reader *r, struct err *err)
{
	struct gate *g = run->gate;
	struct rules_query q = {.kind = RULES_EXEC};
	struct run_open o = {0};
	struct str varies;

	if (!run_open_decode(&run->arena, r, &o) || !keep(run, &o) || !add_asked(run, &o)) {
		return ERR(err, ERR_INVALID, "a malformed OPEN");
	}
	run->step = GATE_RUN_DECIDING;
	q.object = run->program;
	q.digest = may_be_replaced(run) ? STR("") : arena_dup(&run->arena, o.digest);
	q.input = run->input = describe(run, &o);
	if (!add_named(run) || !gate_run_programs_add(run) || !q.input.p || !q.digest.p) {
		refuse(run, RUN_IMPOSSIBLE,
		       &(struct rules_answer){
			       .reason = STR("the policies name too many paths or programs")},
		       0);
		return ERR_OK;
	}
	varies = gate_run_programs_vary(run);
	if (varies.n || !varies.p) {
		refuse(run, RUN_IMPOSSIBLE, &(struct rules_answer){.reason = varies}, 0);
		return ERR_OK;
	}
	if (o.explain) {
		explain(run, &q);
		return ERR_OK;
	}
	if (run->runs->n_running >= RUN_MAX_AT_ONCE || !recorder_has_room(&g->recorder)) {
		refuse(run, RUN_IMPOSSIBLE,
		       &(struct rules_answer){.reason = STR("too much is under way")}, 0);
		return ERR_OK;
	}
	run->session = session_run(&g->sessions, run->agent, g->loop.now);
	if (!run->session) {
		refuse(run, RUN_IMPOSSIBLE,
		       &(struct rules_answer){.reason = STR("too many sessions")}, 0);
		return ERR_OK;
	}
	run->session->learns = o.learn;
	gate_run_counted(run);
	run->started_at = g->loop.now;
	gate_event(g, &(struct ledger_event){.event = LEDGER_SESSION_OPENED,
					     .subject = str_from_c(run->session->id),
					     .detail = run->agent});
	run->exec = (struct action){
		.gate = g, .on = &exec_events, .session = run->session, .arena = &run->arena};
	action_start(&run->exec, &q, g->loop.now);
	return ERR_OK;
}
