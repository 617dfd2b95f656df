/* SPDX-License-Identifier: Apache-2.0 */
/* The incremental state against the reference evaluator, its bounds and its snapshots. */
#include "tests/unit/policy/dw_help.h"

#include "policy/dw_engine.h"

#include "tests/unit/policy/fail_alloc.h"
#include "tests/unit/policy/random.h"

#ifndef FAIL_ALLOC_OFF
void *__libc_calloc(size_t n, size_t size);

void *calloc(size_t n, size_t size)
{
	return fail_alloc_now() ? NULL : __libc_calloc(n, size);
}
#endif

static const char schema_text[] =
	"entity U; entity G;"
	"action a, b, c appliesTo { principal: [U], resource: [G],"
	" context: { input: { u: String, n: Long }, sessionId: String } };";
static const char pinned_text[] =
	"max_window = 1h decision event <A>::request { ...inputs(A), callerPrincipal: "
	"principalType(A), pin sessionId: String = context.sessionId } "
	"event <A>::response { ...inputs(A), callerPrincipal: principalType(A), "
	"pin sessionId: String = context.sessionId }";
static const char unpinned_text[] =
	"max_window = 1h decision event <A>::request { ...inputs(A), callerPrincipal: "
	"principalType(A), sessionId: String } "
	"event <A>::response { ...inputs(A), callerPrincipal: principalType(A), "
	"pin sessionId: String = context.sessionId }";

static const char *const windows[] = {"1s", "3s", "5s", "9s", "20s"};
static const char *const ops[] = {"==", "!=", "<", "<=", ">", ">="};

/* An event's pattern; `var` is bound to its u or n when not NULL. */
static void event(struct random_source *r, struct buf *b, const char *u, const char *n)
{
	static const char *const us[] = {"context.input.u", "\"x\"", "_"};
	static const char *const ns[] = {"context.input.n", "1", "*"};
	const char *between = "";

	buf_printf(b, "Action::\"%c\"::%s{", "abc"[random_next(r, 3)],
		   random_next(r, 3) == 0 ? "response" : "request");
	if (u || random_next(r, 2)) {
		buf_printf(b, "input.u: %s", u ? u : RANDOM_PICK(r, us));
		between = ", ";
	}
	if (n || random_next(r, 4) == 0) {
		buf_printf(b, "%sinput.n: %s", between, n ? n : RANDOM_PICK(r, ns));
		between = ", ";
	}
	if (random_next(r, 4) == 0) {
		buf_printf(b, "%scallerPrincipal: principal", between);
	}
	buf_append_c(b, '}');
}

static void nested(struct random_source *r, struct buf *b, int depth)
{
	const char *w = RANDOM_PICK(r, windows);

	switch (random_next(r, depth > 0 ? 7 : 1)) {
	case 0:
		event(r, b, NULL, NULL);
		break;
	case 1:
		buf_printf(b, "(formerly within %s (", w);
		nested(r, b, depth - 1);
		buf_append(b, STR("))"));
		break;
	case 2:
		buf_printf(b, "(previous within %s (", w);
		nested(r, b, depth - 1);
		buf_append(b, STR("))"));
		break;
	case 3:
		buf_append_c(b, '(');
		nested(r, b, depth - 1);
		buf_printf(b, " since within %s (", w);
		nested(r, b, depth - 1);
		buf_append(b, STR("))"));
		break;
	case 4:
		buf_append_c(b, '!');
		nested(r, b, depth - 1);
		break;
	case 5:
		buf_append_c(b, '(');
		nested(r, b, depth - 1);
		buf_append(b, STR(" && "));
		nested(r, b, depth - 1);
		buf_append_c(b, ')');
		break;
	default:
		buf_append(b, STR("((count for (t: Timepoint). where (formerly within "));
		buf_printf(b, "%s (", w);
		event(r, b, NULL, NULL);
		buf_printf(b, " && tp(t)))) %s %u)", RANDOM_PICK(r, ops), random_next(r, 3));
		break;
	}
}

/* formerly W P{q}, where q is bound to u, or u and k to u and n. */
static void past(struct random_source *r, struct buf *b, bool two)
{
	buf_printf(b, "formerly within %s ", RANDOM_PICK(r, windows));
	event(r, b, "q", two ? "k" : NULL);
}

/* exists q. P{q} && formerly W Q{q} && !formerly V R{q} && what does not name q */
static void joined(struct random_source *r, struct buf *b)
{
	static const char *const filters[] = {" && q != \"x\"", " && \"y\" == q",
					      " && context.input.u != q", ""};
	bool two = random_next(r, 4) == 0, now = random_next(r, 2) == 0;

	buf_append(b, STR("(exists (q: String). "));
	buf_append(b, two ? STR("exists (k: Long). (") : STR("("));
	if (now) {
		event(r, b, "q", two ? "k" : NULL);
	} else {
		past(r, b, two);
	}
	for (uint32_t n = random_next(r, 4); n > 0; n--) {
		buf_append(b, STR(" && "));
		buf_append(b, now && random_next(r, 3) == 0 ? STR("!(") : STR("("));
		past(r, b, two);
		buf_append_c(b, ')');
	}
	buf_append(b, str_from_c(RANDOM_PICK(r, filters)));
	buf_append(b, two && random_next(r, 2) ? STR(" && k > 0") : STR(""));
	if (random_next(r, 4) == 0) {
		buf_printf(b, " && !(previous within %s ", RANDOM_PICK(r, windows));
		event(r, b, NULL, NULL);
		buf_append_c(b, ')');
	}
	buf_append(b, STR("))"));
}

/* How many, or the sum of how many, different values. */
static void distinct(struct random_source *r, struct buf *b)
{
	static const char *const limits[] = {"0", "1", "2", "3", "context.input.n"};
	bool two = random_next(r, 2), sum = two && random_next(r, 2);

	buf_append(b, sum ? STR("((sum k for (q: String), (k: Long)")
			  : STR("((count for (q: "
				"String)"));
	buf_append(b, two && !sum ? STR(", (k: Long)") : STR(""));
	buf_printf(b, ". where (formerly within %s (", RANDOM_PICK(r, windows));
	event(r, b, "q", two ? "k" : NULL);
	buf_append(b, random_next(r, 3) == 0 ? STR(" && q != \"z\"") : STR(""));
	buf_printf(b, "))) %s %s)", RANDOM_PICK(r, ops), RANDOM_PICK(r, limits));
}

static void condition(struct random_source *r, struct buf *b, int depth)
{
	const char *w = RANDOM_PICK(r, windows), *op = RANDOM_PICK(r, ops);

	switch (random_next(r, depth > 0 ? 15 : 13)) {
	case 0:
		buf_printf(b, "(formerly within %s ", w);
		event(r, b, NULL, NULL);
		buf_append_c(b, ')');
		break;
	case 1:
		buf_printf(b, "(previous within %s ", w);
		event(r, b, NULL, NULL);
		buf_append_c(b, ')');
		break;
	case 2:
	case 3:
		buf_append(b, random_next(r, 2) ? STR("(!") : STR("("));
		event(r, b, NULL, NULL);
		buf_printf(b, " since within %s ", w);
		event(r, b, NULL, NULL);
		buf_append_c(b, ')');
		break;
	case 4:
		buf_printf(b, "bind(n, count_within(%s, ", w);
		event(r, b, NULL, NULL);
		buf_printf(b, "), n %s %u)", op, random_next(r, 4));
		break;
	case 5:
		buf_printf(b, "bind(n, sum_within(x, %s, ", w);
		event(r, b, NULL, "x");
		buf_printf(b, "), n %s %s)", op, random_next(r, 2) ? "context.input.n" : "3");
		break;
	case 6:
		buf_printf(b, "((sum x for (x: Long), (t: Timepoint). where (formerly within %s (",
			   w);
		event(r, b, NULL, "x");
		buf_printf(b, " && x > 0 && tp(t)))) %s %u)", op, random_next(r, 5));
		break;
	case 7:
		buf_printf(b, "bind(n, count_distinct_within(k, %s, ", w);
		event(r, b, "k", NULL);
		buf_printf(b, "), n %s %u)", op, random_next(r, 3));
		break;
	case 8:
		buf_printf(b, "((count for (t: Timepoint). where (formerly within %s (", w);
		event(r, b, NULL, NULL);
		buf_printf(b,
			   " && tp(t)))) %s (count for (t: Timepoint). where (formerly within "
			   "%s (",
			   op, w);
		event(r, b, NULL, NULL);
		buf_append(b, STR(" && tp(t)))))"));
		break;
	case 9:
		nested(r, b, 3);
		break;
	case 10:
	case 11:
		joined(r, b);
		break;
	case 12:
		distinct(r, b);
		break;
	case 13:
		buf_append_c(b, '!');
		condition(r, b, depth - 1);
		break;
	default:
		buf_append_c(b, '(');
		condition(r, b, depth - 1);
		buf_append(b, STR(" && "));
		condition(r, b, depth - 1);
		buf_append_c(b, ')');
		break;
	}
}

static void policies(struct random_source *r, struct buf *b, int n)
{
	for (int i = 0; i < n; i++) {
		buf_append(b, STR("permit (principal, action, resource) when temporal { "));
		condition(r, b, 2);
		buf_append(b, STR(" };\n"));
	}
}

static struct policy_value record(struct arena *a, const struct policy_field *fields, size_t n)
{
	struct policy_field *copy = ARENA_ARRAY(a, n, struct policy_field);
	struct policy_value v;

	assert_non_null(copy);
	memcpy(copy, fields, n * sizeof(*copy));
	assert_true(policy_value_record(copy, n, &v));
	return v;
}

static struct dw_event *happen(struct random_source *r, struct arena *a, int64_t ts)
{
	static const struct str us[] = {STR_INIT("x"), STR_INIT("y"), STR_INIT("z")};
	static const struct str sessions[] = {STR_INIT("s1"), STR_INIT("s2")};
	static const struct str actions[] = {STR_INIT("a"), STR_INIT("b"), STR_INIT("c")};
	struct dw_event *ev = ARENA_NEW(a, struct dw_event);
	struct policy_uid *uids = ARENA_ARRAY(a, 3, struct policy_uid);
	struct policy_value input, session = policy_string(RANDOM_PICK(r, sessions));
	struct policy_value user = policy_string(RANDOM_PICK(r, us));

	assert_non_null(ev);
	assert_non_null(uids);
	uids[0] = policy_uid_make(STR("U"), RANDOM_PICK(r, us));
	uids[1] = policy_uid_make(STR("Action"), RANDOM_PICK(r, actions));
	uids[2] = policy_uid_make(STR("G"), STR("g"));
	input = record(
		a,
		(struct policy_field[]){{STR("u"), user},
					{STR("n"), policy_long((int64_t)random_next(r, 4) - 1)}},
		2);
	ev->event.ts_ms = ts;
	ev->event.action = &uids[1];
	ev->event.kind = random_next(r, 3) == 0 ? STR("response") : STR("request");
	ev->event.fields =
		record(a,
		       (struct policy_field[]){{STR("input"), input},
					       {STR("callerPrincipal"), policy_entity(&uids[0])},
					       {STR("sessionId"), session}},
		       3);
	ev->principal = &uids[0];
	ev->resource = &uids[2];
	ev->context = record(
		a, (struct policy_field[]){{STR("input"), input}, {STR("sessionId"), session}}, 2);
	return ev;
}

static void same(const struct policy_decision *a, const struct policy_decision *b,
		 const struct dw_world *w)
{
	bool equal = a->allow == b->allow && a->reasons.n == b->reasons.n &&
		     (a->failure == NULL) == (b->failure == NULL);

	for (size_t i = 0; equal && i < a->reasons.n; i++) {
		equal = a->reasons.items[i]->index == b->reasons.items[i]->index;
	}
	if (equal) {
		return;
	}
	for (struct str rest = w->sources[0].text; rest.p;) {
		struct str line = str_cut(&rest, '\n');

		print_error(STR_FMT "\n", STR_ARG(line));
	}
	for (size_t i = 0; i < a->reasons.n; i++) {
		print_error("reference: %u\n", a->reasons.items[i]->index);
	}
	for (size_t i = 0; i < b->reasons.n; i++) {
		print_error("state:     %u\n", b->reasons.items[i]->index);
	}
	fail();
}

static struct dw_engine *engine_new(const struct dw_world *w, bool general, size_t max_bytes)
{
	const struct dw_engine_opts opts = {
		.plan = {.seed = {{1, 2}, {3, 4}}, .max_bytes = max_bytes, .all_general = general}};
	struct dw_engine *e;

	assert_int_equal(dw_engine_new(general ? w->prog : w->deciding, &opts, &e, NULL), ERR_OK);
	return e;
}

/* Save, load, save: equal bytes, and the copy goes on in place of the original. */
static void through_snapshot(struct dw_world *w, struct dw_engine **e, bool general)
{
	struct dw_engine *copy = engine_new(w, general, 64 << 20);
	struct buf one, two;

	buf_init(&one, 64 << 20);
	buf_init(&two, 64 << 20);
	dw_engine_save(*e, &one);
	assert_false(one.failed);
	if (dw_engine_load(copy, buf_str(&one), &w->scratch, &w->err) != ERR_OK) {
		print_error("%s\n", w->err.msg);
		fail();
	}
	dw_engine_save(copy, &two);
	assert_true(str_eq(buf_str(&one), buf_str(&two)));
	buf_done(&one);
	buf_done(&two);
	dw_engine_free(*e);
	*e = copy;
}

static void one_history(struct random_source *r, size_t *n_decisions, size_t *n_true)
{
	struct dw_engine *fast, *general;
	struct dw_history history;
	struct dw_world w;
	struct buf text;
	int64_t ts = 0;

	dw_world_init(&w);
	buf_init(&text, 1 << 20);
	policies(r, &text, 8);
	dw_world_must_load(&w, buf_str(&text), str_from_c(schema_text),
			   str_from_c(random_next(r, 2) ? pinned_text : unpinned_text), STR(""),
			   STR(""));
	fast = engine_new(&w, false, 64 << 20);
	general = engine_new(&w, true, 64 << 20);
	dw_history_init(&history, w.prog, &w.a);
	for (int i = 0; i < 60; i++) {
		struct dw_event *ev = happen(r, &w.a, ts);
		struct policy_decision a, b, c;
		struct err err = {0};

		ts += (int64_t)random_next(r, 5) * 1000;
		assert_int_equal(dw_history_add(&history, &ev->event, NULL), ERR_OK);
		if (dw_is_decision(w.prog, ev)) {
			dw_history_decide(&history, ev, NULL, &w.scratch, &a, &err);
			assert_null(a.failure);
			dw_engine_decide(general, ev, NULL, &w.scratch, &b, &err);
			same(&a, &b, &w);
			dw_engine_decide(fast, ev, NULL, &w.scratch, &c, &err);
			same(&a, &c, &w);
			*n_true += a.reasons.n;
			*n_decisions += 8;
		} else {
			assert_int_equal(dw_engine_observe(general, &ev->event, &w.scratch, NULL),
					 ERR_OK);
			assert_int_equal(dw_engine_observe(fast, &ev->event, &w.scratch, NULL),
					 ERR_OK);
		}
		if (random_next(r, 10) == 0) {
			through_snapshot(&w, &fast, false);
			through_snapshot(&w, &general, true);
		}
		arena_reset(&w.scratch);
	}
	dw_engine_free(fast);
	dw_engine_free(general);
	buf_done(&text);
	dw_world_done(&w);
}

static void the_state_agrees_with_the_reference_on_random_histories(void **state)
{
	struct random_source r = {0x1234567};
	size_t n = 0, n_true = 0;
	const char *times = getenv("WRIT_ROUNDS");

	(void)state;
	for (int i = times ? (int)strtol(times, NULL, 10) : 600; i > 0; i--) {
		one_history(&r, &n, &n_true);
	}
	/* Otherwise the test says little. */
	assert_true(n_true * 10 > n && n_true * 10 < 9 * n);
}

/* ---- bounds ---- */

static const char bounded_policies[] =
	"forbid (principal, action == Action::\"a\", resource) when temporal {"
	" formerly within 1h Action::\"b\"::request{ input.u: context.input.u } };"
	"permit (principal, action == Action::\"a\", resource) when temporal {"
	" bind(n, count_within(1h, Action::\"c\"::request{ input.u: context.input.u }), n < 3) };"
	"permit (principal, action == Action::\"b\", resource);"
	"permit (principal, action == Action::\"c\", resource) when {"
	" temporal { formerly within 1h Action::\"b\"::request{ input.u: \"x\" } } =="
	" temporal { formerly within 1h Action::\"b\"::request{ input.u: \"y\" } } };";

static struct dw_event *of_user(struct arena *a, struct str action, unsigned user, int64_t ts)
{
	struct random_source r = {77};
	struct dw_event *ev = happen(&r, a, ts);
	struct policy_uid *uid = ARENA_NEW(a, struct policy_uid);
	struct policy_value input;
	struct str name = arena_printf(a, "user%u", user);

	assert_non_null(uid);
	*uid = policy_uid_make(STR("Action"), action);
	input = record(a,
		       (struct policy_field[]){{STR("u"), policy_string(name)},
					       {STR("n"), policy_long(1)}},
		       2);
	ev->event.action = uid;
	ev->event.kind = STR("request");
	ev->event.fields =
		record(a,
		       (struct policy_field[]){{STR("input"), input},
					       {STR("sessionId"), policy_string(STR("s"))}},
		       2);
	ev->context = record(a,
			     (struct policy_field[]){{STR("input"), input},
						     {STR("sessionId"), policy_string(STR("s"))}},
			     2);
	return ev;
}

static void decide(struct dw_world *w, struct dw_engine *e, struct str action, unsigned user,
		   int64_t ts, struct policy_decision *ret)
{
	dw_engine_decide(e, of_user(&w->a, action, user, ts), NULL, &w->scratch, ret, &w->err);
}

static void a_history_past_its_bytes_fails_closed_by_polarity(void **state)
{
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;
	unsigned user = 0;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 4096);
	decide(&w, e, STR("a"), 0, 0, &d);
	assert_true(d.allow);
	decide(&w, e, STR("c"), 0, 0, &d);
	assert_true(d.allow && !d.failure);
	while (dw_engine_stats(e).saturated == 0) {
		decide(&w, e, STR("b"), user++, 1000, &d);
		assert_true(d.allow); /* it asks nothing of the history */
		assert_true(user < 10000);
	}
	assert_true(user > 20);
	assert_true(dw_engine_stats(e).bytes <= 4096 + 1024);
	decide(&w, e, STR("a"), 999999, 2000, &d);
	assert_false(d.allow);
	assert_int_equal(d.reasons.n, 1); /* the forbid fires although nothing happened */
	assert_int_equal(d.reasons.items[0]->index, 0);
	decide(&w, e, STR("c"), 1, 3000, &d);
	assert_false(d.allow);
	assert_non_null(d.failure); /* neither value is safe */
	assert_int_equal(dw_engine_losses(e), 1);
	dw_engine_free(e);
	dw_world_done(&w);
}

/* Events go on all the time, so the history never becomes empty; what was lost ages all the same. */
static void a_loss_is_over_when_it_is_out_of_every_window(void **state)
{
	static const int64_t hour = 3600000;
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;
	int64_t lost = 0;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 4096);
	while (dw_engine_stats(e).saturated == 0) {
		lost++;
		decide(&w, e, STR("b"), (unsigned)lost, lost, &d);
	}
	for (int64_t t = lost; t <= lost + hour; t += hour / 10) {
		decide(&w, e, STR("b"), 7, t, &d);
		decide(&w, e, STR("a"), 1, t, &d);
		assert_false(d.allow); /* it may have been b by 1 that was lost */
		through_snapshot(&w, &e, false);
	}
	decide(&w, e, STR("a"), 1, lost + hour + 1, &d);
	assert_true(d.allow);
	decide(&w, e, STR("a"), 7, lost + hour + 1, &d);
	assert_false(d.allow); /* seen since */
	assert_int_equal(dw_engine_stats(e).saturated, 0);
	dw_engine_free(e);
	dw_world_done(&w);
}

static struct temporal_event *in_session(struct dw_world *w, struct str action, unsigned session,
					 int64_t ts)
{
	struct dw_event *ev = of_user(&w->a, action, 1, ts);
	struct str name = arena_printf(&w->a, "session%u", session);

	ev->event.fields =
		record(&w->a,
		       (struct policy_field[]){{STR("input"), ev->context.fields[0].value},
					       {STR("sessionId"), policy_string(name)}},
		       2);
	ev->context = ev->event.fields;
	return &ev->event;
}

static bool allows(struct dw_world *w, struct dw_engine *e, struct temporal_event *event)
{
	const struct dw_event *ev = CONTAINER_OF(event, struct dw_event, event);
	struct policy_decision d;

	dw_engine_decide(e, ev, NULL, &w->scratch, &d, &w->err);
	return d.allow;
}

static void histories_are_forgotten_one_by_one(void **state)
{
	enum { SESSIONS = 300 };
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 0);
	dw_engine_forget(e, in_session(&w, STR("b"), 1, 0), &w.scratch); /* there is none */
	for (unsigned i = 0; i < SESSIONS; i++) {
		assert_true(allows(&w, e, in_session(&w, STR("b"), i, 0)));
	}
	for (unsigned i = 0; i < SESSIONS; i += 3) {
		dw_engine_forget(e, in_session(&w, STR("b"), i, 0), &w.scratch);
	}
	assert_int_equal(dw_engine_stats(e).histories, SESSIONS - SESSIONS / 3);
	for (unsigned i = 0; i < SESSIONS; i++) {
		/* The forbid fires for the others: each is still found. */
		assert_int_equal(allows(&w, e, in_session(&w, STR("a"), i, 1000)), i % 3 == 0);
	}
	assert_int_equal(dw_engine_stats(e).histories, SESSIONS);
	dw_engine_free(e);
	dw_world_done(&w);
}

static void a_history_can_be_said_to_lack_something(void **state)
{
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 0);
	assert_int_equal(dw_engine_memory(e), 3600000);
	assert_int_equal(dw_engine_saturate(e, in_session(&w, STR("b"), 1, 0), &w.scratch, NULL),
			 ERR_OK);
	assert_int_equal(dw_engine_losses(e), 1);
	assert_false(allows(&w, e, in_session(&w, STR("a"), 1, 1000)));
	assert_true(allows(&w, e, in_session(&w, STR("a"), 2, 1000)));
	assert_false(allows(&w, e, in_session(&w, STR("a"), 1, 3601000)));
	assert_true(allows(&w, e, in_session(&w, STR("a"), 1, 3601001)));
	dw_engine_free(e);
	dw_world_done(&w);
}

static void all_histories_can_be_said_to_lack_something(void **state)
{
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 0);
	assert_false(dw_engine_knows(e, in_session(&w, STR("a"), 1, 0), &w.scratch));
	assert_true(allows(&w, e, in_session(&w, STR("a"), 1, 0)));
	assert_true(dw_engine_knows(e, in_session(&w, STR("a"), 1, 0), &w.scratch));
	assert_false(dw_engine_knows(e, in_session(&w, STR("a"), 2, 0), &w.scratch));
	dw_engine_saturate_all(e, 5000);
	assert_false(allows(&w, e, in_session(&w, STR("a"), 1, 6000)));
	assert_false(allows(&w, e, in_session(&w, STR("a"), 2, 6000))); /* new since */
	assert_true(allows(&w, e, in_session(&w, STR("a"), 3, 5000 + 3600001)));
	assert_true(allows(&w, e, in_session(&w, STR("a"), 2, 6000 + 3600001)));
	dw_engine_free(e);
	dw_world_done(&w);
}

static void it_says_which_fields_conditions_look_at(void **state)
{
	struct policy_uid b = policy_uid_make(STR("Action"), STR("b"));
	struct policy_uid c = policy_uid_make(STR("Action"), STR("c"));
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	for (int general = 0; general < 2; general++) {
		dw_world_init(&w);
		dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
				   str_from_c(pinned_text), STR(""), STR(""));
		e = engine_new(&w, general, 0);
		assert_true(dw_engine_looks_at(e, &b, STR("request"), STR("input")));
		assert_true(dw_engine_looks_at(e, &c, STR("request"), STR("input")));
		assert_false(dw_engine_looks_at(e, &c, STR("request"), STR("callerPrincipal")));
		assert_false(dw_engine_looks_at(e, &c, STR("response"), STR("input")));
		dw_engine_free(e);
		dw_world_done(&w);
	}
}

static void a_history_holds_only_what_can_matter(void **state)
{
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;
	size_t most = 0;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 64 << 10);
	for (unsigned i = 0; i < 20000; i++) {
		decide(&w, e, i % 2 ? STR("b") : STR("c"), i % 5000, (int64_t)i * 60000, &d);
		assert_null(d.failure);
		most = dw_engine_stats(e).bytes > most ? dw_engine_stats(e).bytes : most;
		arena_reset(&w.scratch);
	}
	assert_int_equal(dw_engine_stats(e).saturated, 0);
	assert_true(most < 32 << 10);
	dw_engine_free(e);
	dw_world_done(&w);
}

static size_t n_general(const char *condition)
{
	const struct temporal_plan_opts opts = {0};
	const struct temporal_plan *plan;
	struct dw_world w;
	struct buf b;
	size_t n;

	dw_world_init(&w);
	buf_init(&b, 1 << 16);
	buf_printf(&b, "permit (principal, action, resource) when temporal { %s };", condition);
	dw_world_must_load(&w, buf_str(&b), str_from_c(schema_text), str_from_c(pinned_text),
			   STR(""), STR(""));
	assert_int_equal(temporal_plan_build(&w.a, w.prog, &opts, &plan, &w.err), ERR_OK);
	n = plan->n_general;
	buf_done(&b);
	dw_world_done(&w);
	return n;
}

#define REQ_A "Action::\"a\"::request"
#define REQ_B "Action::\"b\"::request"

static void the_common_forms_keep_no_events(void **state)
{
	static const char *const forms[] = {
		"formerly within 1h " REQ_A "{ input.u: context.input.u }",
		"!" REQ_A "{} since within 1h " REQ_B "{ input.u: \"x\" }",
		"previous within 1h " REQ_A "{}",
		"bind(n, count_within(1h, " REQ_A "{}), n < 3)",
		"bind(n, sum_within(x, 1h, " REQ_A "{ input.n: x }), n < context.input.n)",
		"bind(n, count_distinct_within(k, 1h, " REQ_A "{ input.u: k }), n > 3)",
		"(count for (k: String), (m: Long). where (formerly within 1h (" REQ_A
		"{ input.u: k, input.n: m } && m > 0))) > 2",
		"exists (q: String). formerly within 1h " REQ_A "{ input.u: q }",
		"exists (q: String). (formerly within 1h " REQ_A "{ input.u: q } && "
		"formerly within 5m " REQ_B "{ input.u: q } && q != \"x\" && context.input.n > 3)",
		"exists (q: String). (" REQ_A "{ input.u: q } && formerly within 5m " REQ_B
		"{ input.u: q } && !(formerly within 1h " REQ_B "{ input.u: q, input.n: 3 }))",
		"exists (q: String). exists (m: Long). (formerly within 1h " REQ_A
		"{ input.u: q, input.n: m } && formerly within 5m " REQ_B
		"{ input.n: m, input.u: q })",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (n_general(forms[i]) != 0) {
			print_error("keeps events: %s\n", forms[i]);
			fail();
		}
	}
	assert_int_equal(
		n_general("formerly within 1h (" REQ_A "{} && formerly within 1h " REQ_B "{})"), 1);
}

static const char general_policies[] =
	"permit (principal, action, resource);"
	"forbid (principal, action == Action::\"a\", resource) when temporal {"
	" formerly within 1h (Action::\"b\"::request{} && formerly within 1h"
	" (Action::\"b\"::request{} && formerly within 1h Action::\"c\"::request{})) };";

/* The cost of a decision must not be the client's to choose. */
static void a_condition_that_takes_too_many_steps_denies(void **state)
{
	const struct dw_engine_opts opts = {.plan.max_steps = 10000, .plan.max_bytes = 1 << 20};
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(general_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	assert_int_equal(dw_engine_new(w.prog, &opts, &e, NULL), ERR_OK);
	decide(&w, e, STR("a"), 0, 0, &d);
	assert_true(d.allow);
	for (int i = 0; i < 200; i++) {
		decide(&w, e, STR("b"), 0, 0, &d);
		assert_true(d.allow);
	}
	decide(&w, e, STR("a"), 0, 0, &d);
	assert_false(d.allow);
	assert_non_null(d.failure);
	assert_non_null(strstr(w.err.msg, "10000 steps"));
	dw_engine_free(e);
	dw_world_done(&w);
}

/* However many values come, those that decide are few. */
static void distinct_values_are_remembered_as_far_as_they_decide(void **state)
{
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(
		&w,
		STR("permit (principal, action, resource);"
		    "forbid (principal, action == Action::\"a\", resource) when temporal "
		    "{ bind(n, count_distinct_within(k, 1h, "
		    "Action::\"b\"::request{ input.u: k }), n > 5) };"),
		str_from_c(schema_text), str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 4096);
	for (unsigned i = 0; i < 2000; i++) {
		decide(&w, e, STR("b"), i, 1000, &d);
		assert_true(d.allow);
		decide(&w, e, STR("a"), i, 1000, &d);
		assert_int_equal(d.allow, i < 5);
		assert_null(d.failure);
		arena_reset(&w.scratch);
	}
	assert_int_equal(dw_engine_stats(e).saturated, 0);
	assert_true(dw_engine_stats(e).bytes < 2048);
	/* An hour later they are gone. */
	decide(&w, e, STR("a"), 0, 3601001, &d);
	assert_true(d.allow);
	dw_engine_free(e);
	dw_world_done(&w);
}

/* A window longer than what 32 bits of milliseconds hold, and times at both ends of 64 bits. */
static void windows_and_times_may_be_long(void **state)
{
	static const char text[] = "max_window = 100d decision event <A>::request { ...inputs(A), "
				   "pin sessionId: String = context.sessionId }";
	const int64_t day = INT64_C(86400000);
	const int64_t starts[] = {0, INT64_MIN, INT64_MAX - 400 * day};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		struct policy_decision d;
		struct dw_engine *e;
		struct dw_world w;
		int64_t t = starts[i];

		dw_world_init(&w);
		dw_world_must_load(
			&w,
			STR("permit (principal, action, resource) when temporal {"
			    " bind(n, count_within(60d, Action::\"b\"::request{}), n == 2)"
			    " };"
			    "permit (principal, action, resource) when temporal {"
			    " bind(n, count_within(1s, Action::\"c\"::request{}), n == 2)"
			    " };"),
			str_from_c(schema_text), str_from_c(text), STR(""), STR(""));
		e = engine_new(&w, false, 0);
		decide(&w, e, STR("b"), 0, t, &d);
		decide(&w, e, STR("b"), 0, t + 60 * day, &d);
		assert_true(d.allow);
		decide(&w, e, STR("c"), 0, t + 60 * day + 1, &d);
		assert_false(d.allow);
		decide(&w, e, STR("c"), 0, t + 160 * day, &d);
		assert_false(d.allow);
		decide(&w, e, STR("c"), 0, t + 160 * day + 1000, &d);
		assert_true(d.allow);
		decide(&w, e, STR("c"), 0, t + 160 * day + 2000, &d);
		assert_true(d.allow);
		dw_engine_free(e);
		dw_world_done(&w);
	}
}

static void time_that_runs_backwards_is_refused(void **state)
{
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 0);
	decide(&w, e, STR("b"), 1, 5000, &d);
	assert_true(d.allow);
	decide(&w, e, STR("b"), 1, 4999, &d);
	assert_false(d.allow);
	assert_non_null(d.failure);
	dw_engine_free(e);
	dw_world_done(&w);
}

static void requests_in_flight_count(void **state)
{
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(
		&w,
		STR("permit (principal, action, resource);"
		    "forbid (principal, action == Action::\"a\", resource) when temporal {"
		    " bind(t, sum_within(x, 1h, Action::\"a\"::request{ input.n: x }), t > 2) };"),
		str_from_c(schema_text), str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 0);
	for (int i = 0; i < 3; i++) { /* no response in between */
		decide(&w, e, STR("a"), 1, i, &d);
		assert_int_equal(d.allow, i < 2);
	}
	dw_engine_free(e);
	dw_world_done(&w);
}

static void when_histories_run_out_new_ones_are_denied_and_never_look_complete(void **state)
{
	const struct dw_engine_opts opts = {.max_histories = 1};
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_event *ev;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(bounded_policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	assert_int_equal(dw_engine_new(w.prog, &opts, &e, NULL), ERR_OK);
	decide(&w, e, STR("b"), 1, 0, &d);
	assert_true(d.allow);
	ev = of_user(&w.a, STR("b"), 1, 2000000);
	ev->event.fields =
		record(&w.a,
		       (struct policy_field[]){{STR("input"), ev->context.fields[0].value},
					       {STR("sessionId"), policy_string(STR("other"))}},
		       2);
	ev->context = ev->event.fields;
	dw_engine_decide(e, ev, NULL, &w.scratch, &d, &w.err);
	assert_non_null(d.failure);
	/* The first one is out of every window by now, so there is room. The event above is
	 * lost, so the forbid that looks for it fires. */
	ev->event.ts_ms = 4000000;
	dw_engine_decide(e, ev, NULL, &w.scratch, &d, &w.err);
	assert_null(d.failure);
	assert_int_equal(dw_engine_stats(e).saturated, 1);
	dw_engine_free(e);
	dw_world_done(&w);
}

#define FORBID_A                                                                                   \
	"permit (principal, action, resource);"                                                    \
	"forbid (principal, action == Action::\"a\", resource) when temporal { "

/* Each forbids `a` after `b`. */
static const char *const fragile[] = {
	bounded_policies,
	FORBID_A "bind(n, count_within(1h, Action::\"b\"::request{}), n > 0) };",
	FORBID_A "bind(n, sum_within(x, 1h, Action::\"b\"::request{ input.n: x }), n > 0) };",
	FORBID_A "bind(n, count_distinct_within(k, 1h, Action::\"b\"::request{ input.u: k }), "
		 "n > 0) };",
	FORBID_A "exists (q: String). (formerly within 1h Action::\"b\"::request{ input.u: q } && "
		 "formerly within 30m Action::\"b\"::request{ input.u: q, input.n: 1 }) };",
};

/* Whatever fails while the event is taken in, a later forbid that looks for it fires. */
static void memory_that_runs_out_at_any_point_never_opens(void **state)
{
	(void)state;
	if (!fail_alloc_works) {
		print_message("skipped: a sanitizer owns the allocator\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(fragile); i++) {
		struct dw_world w;
		long n = 0;

		dw_world_init(&w);
		dw_world_must_load(&w, str_from_c(fragile[i]), str_from_c(schema_text),
				   str_from_c(pinned_text), STR(""), STR(""));
		for (bool failed = true; failed; n++) {
			struct dw_engine *e = engine_new(&w, n % 2, 0);
			struct dw_event *seen = of_user(&w.a, STR("b"), 1, 0);
			struct policy_decision d;

			arena_done(&w.scratch); /* so that its first use allocates too */
			fail_alloc_left = n / 2;
			dw_engine_decide(e, seen, NULL, &w.scratch, &d, NULL);
			failed = fail_alloc_left == 0;
			fail_alloc_left = -1;
			decide(&w, e, STR("a"), 1, 1000, &d);
			assert_false(d.allow);
			dw_engine_free(e);
			assert_true(n < 1000);
		}
		assert_true(n > 4);
		dw_world_done(&w);
	}
}

static void loading_a_snapshot_survives_every_failed_allocation(void **state)
{
	(void)state;
	if (!fail_alloc_works) {
		print_message("skipped: a sanitizer owns the allocator\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(fragile); i++) {
		enum err_code code = ERR_NOMEM;
		struct policy_decision d;
		struct dw_engine *e;
		struct dw_world w;
		struct buf b;

		dw_world_init(&w);
		dw_world_must_load(&w, str_from_c(fragile[i]), str_from_c(schema_text),
				   str_from_c(pinned_text), STR(""), STR(""));
		e = engine_new(&w, false, 0);
		decide(&w, e, STR("b"), 1, 0, &d);
		buf_init(&b, 1 << 20);
		dw_engine_save(e, &b);
		dw_engine_free(e);
		for (long n = 0; code; n++) {
			e = engine_new(&w, false, 0);
			arena_done(&w.scratch);
			fail_alloc_left = n;
			code = dw_engine_load(e, buf_str(&b), &w.scratch, NULL);
			fail_alloc_left = -1;
			assert_true(!code || code == ERR_NOMEM || code == ERR_LIMIT);
			dw_engine_free(e);
			assert_true(n < 1000);
		}
		buf_done(&b);
		dw_world_done(&w);
	}
}

static void damage_at_every_byte(const char *policies)
{
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;
	struct buf b;

	dw_world_init(&w);
	dw_world_must_load(&w, str_from_c(policies), str_from_c(schema_text),
			   str_from_c(pinned_text), STR(""), STR(""));
	e = engine_new(&w, false, 0);
	for (unsigned i = 0; i < 6; i++) {
		decide(&w, e, i % 2 ? STR("b") : STR("c"), i, (int64_t)i * 1000, &d);
	}
	buf_init(&b, 1 << 20);
	dw_engine_save(e, &b);
	dw_engine_free(e);
	for (size_t n = 0; n < buf_len(&b); n++) {
		e = engine_new(&w, false, 0);
		assert_int_not_equal(dw_engine_load(e, str_make(b.p, n), &w.scratch, NULL), ERR_OK);
		dw_engine_free(e);
	}
	for (size_t i = 0; i < buf_len(&b); i++) { /* any byte: refused or harmless, no crash */
		e = engine_new(&w, false, 0);
		b.p[i] = (char)(b.p[i] ^ 0x81);
		err_ignore(dw_engine_load(e, buf_str(&b), &w.scratch, NULL)); /* either is fine */
		b.p[i] = (char)(b.p[i] ^ 0x81);
		dw_engine_free(e);
		arena_reset(&w.scratch);
	}
	buf_done(&b);
	dw_world_done(&w);
}

static void a_damaged_snapshot_is_refused_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fragile); i++) {
		damage_at_every_byte(fragile[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_agrees_with_the_reference_on_random_histories),
		cmocka_unit_test(a_history_past_its_bytes_fails_closed_by_polarity),
		cmocka_unit_test(a_loss_is_over_when_it_is_out_of_every_window),
		cmocka_unit_test(histories_are_forgotten_one_by_one),
		cmocka_unit_test(a_history_can_be_said_to_lack_something),
		cmocka_unit_test(all_histories_can_be_said_to_lack_something),
		cmocka_unit_test(it_says_which_fields_conditions_look_at),
		cmocka_unit_test(a_history_holds_only_what_can_matter),
		cmocka_unit_test(the_common_forms_keep_no_events),
		cmocka_unit_test(a_condition_that_takes_too_many_steps_denies),
		cmocka_unit_test(distinct_values_are_remembered_as_far_as_they_decide),
		cmocka_unit_test(windows_and_times_may_be_long),
		cmocka_unit_test(time_that_runs_backwards_is_refused),
		cmocka_unit_test(requests_in_flight_count),
		cmocka_unit_test(memory_that_runs_out_at_any_point_never_opens),
		cmocka_unit_test(loading_a_snapshot_survives_every_failed_allocation),
		cmocka_unit_test(a_damaged_snapshot_is_refused_at_every_byte),
		cmocka_unit_test(
			when_histories_run_out_new_ones_are_denied_and_never_look_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
