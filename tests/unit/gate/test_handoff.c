/* SPDX-License-Identifier: Apache-2.0 */
/* Two gates of one node: which of them serves a principal whose past policies ask about. */
#include "tests/test.h"

#include "gate/gate.h"

#include "net/listen.h"
#include "tests/unit/gate/fake_scribe.h"
#include "tests/unit/gate/rules_help.h"

#include <errno.h>
#include <sys/socket.h>

#define SCHEMA                                                                                     \
	"namespace Writ { entity Agent, Model; action infer appliesTo { principal: [Agent],"       \
	" resource: [Model], context: { sessionId: String } }; }"
#define ONCE                                                                                       \
	"@id(\"once\") forbid (action == Writ::Action::\"infer\") when temporal { bind(n, "        \
	"count_within(1h, Writ::Action::\"infer\"::request{ }), n > 1) };"

static struct gate gates[2];
static struct fake_scribe scribes[2];
static int listeners[2], client;
static unsigned home; /* of "anonymous" */

static void open_gate(unsigned i, const char *temporal)
{
	const struct rules_help t = {
		.cedar = "permit (principal, action, resource);",
		.temporal = temporal,
		.schema = SCHEMA,
		.config = "{\"version\":1,\"models\":{\"small\":{\"url\":\"http://127.0.0.1:2/v1\","
			  "\"site\":\"here\"}},\"sites\":{\"here\":{\"operator\":\"us\","
			  "\"country\":\"NO\",\"jurisdictions\":[\"NO\"]}}}"};
	struct rules *rules = rules_help_new(&t);
	struct net_addr at;
	struct err err;

	assert_int_equal(gate_init(&gates[i], i, &err), ERR_OK);
	gates[i].n_gates = 2;
	assert_int_equal(recorder_connect(&gates[i].recorder, fake_scribe_open(&scribes[i]), &err),
			 ERR_OK);
	if (gate_apply(&gates[i], rules, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(net_addr_parse(STR("127.0.0.1:0"), &at, &err), ERR_OK);
	assert_int_equal(net_listen(&at, NULL, &listeners[i], &err), ERR_OK);
	assert_int_equal(gate_listen(&gates[i], 0, listeners[i], NULL, &err), ERR_OK);
}

static void open_gates(const char *temporal, bool peers)
{
	struct err err;
	int ends[2];

	for (unsigned i = 0; i < 2; i++) {
		open_gate(i, temporal);
	}
	home = gate_home(&gates[0], STR("anonymous"));
	assert_true(!temporal || home == gate_home(&gates[1], STR("anonymous")));
	if (peers) {
		assert_int_equal(chan_pair(ends, &err), ERR_OK);
		assert_int_equal(gate_add_peer(&gates[0], 1, ends[0], &err), ERR_OK);
		assert_int_equal(gate_add_peer(&gates[1], 0, ends[1], &err), ERR_OK);
	}
	client = -1;
}

static void close_gates(void)
{
	for (unsigned i = 0; i < 2; i++) {
		gate_done(&gates[i]);
		chan_done(&scribes[i].chan);
	}
	close(client);
}

/* Sends it to a gate and lets both do what there is to do. */
static void turns(int n)
{
	for (int i = 0; i < n; i++) {
		settle(&gates[0].loop);
		settle(&gates[1].loop);
	}
}

static void ask(unsigned gate, const char *path, const char *headers, const char *body)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	size_t sent = 0, all = strlen(body);
	char text[1024];

	if (client >= 0) {
		close(client);
	}
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(getsockname(listeners[gate], (struct sockaddr *)&ss, &n), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&ss, n), 0);
	(void)snprintf(text, sizeof(text),
		       "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
		       "application/json\r\n%sContent-Length: %zu\r\n\r\n",
		       path, headers, all);
	assert_int_equal(send(client, text, strlen(text), MSG_MORE), strlen(text));
	while (sent < all) {
		size_t some = all - sent < 8192 ? all - sent : 8192;

		assert_int_equal(write(client, body + sent, some), some);
		sent += some;
		turns(1);
	}
	turns(8);
}

static void ask_model(unsigned gate)
{
	ask(gate, "/v1/chat/completions", "",
	    "{\"model\":\"small\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
}

static void assert_heard(const char *part)
{
	char in[4096] = "";
	ssize_t n = recv(client, in, sizeof(in) - 1, MSG_DONTWAIT);

	if (n <= 0 || !strstr(in, part)) {
		fail_msg("'%s' lacks '%s'", in, part);
	}
}

static bool decided(unsigned gate)
{
	return fake_scribe_next(&scribes[gate]);
}

static void a_principal_is_served_where_its_past_is_known(void **state)
{
	(void)state;
	open_gates(ONCE, true);
	ask_model(1 - home);
	assert_true(decided(home));
	assert_false(decided(1 - home));
	assert_int_equal(gates[1 - home].sessions.by_id.n, 0);
	ask_model(home);
	assert_int_equal(gates[home].sessions.by_id.n, 1);
	close_gates();
}

static void a_long_request_moves_as_well(void **state)
{
	static const char begin[] = "{\"model\":\"small\",\"messages\":[{\"role\":\"user\","
				    "\"content\":\"";
	static char body[400000];
	size_t n = sizeof(begin) - 1;

	(void)state;
	memcpy(body, begin, n);
	memset(body + n, 'x', 300000);
	memcpy(body + n + 300000, "\"}]}", 5);
	open_gates(ONCE, true);
	ask(1 - home, "/v1/chat/completions", "", body);
	assert_true(decided(home));
	assert_int_equal(gates[1 - home].sessions.by_id.n, 0);
	close_gates();
}

static void without_that_gate_nothing_is_decided(void **state)
{
	(void)state;
	open_gates(ONCE, false);
	ask_model(1 - home);
	assert_heard("HTTP/1.1 429 ");
	ask(1 - home, "/mcp", "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n",
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{}}");
	assert_heard("HTTP/1.1 503 ");
	assert_int_equal(gates[1 - home].sessions.by_id.n, 0);
	assert_false(decided(0) || decided(1));
	close_gates();
}

static void without_temporal_policies_each_gate_serves_what_comes(void **state)
{
	(void)state;
	open_gates(NULL, true);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(gate_home(&gates[i], STR("anonymous")), i);
		ask_model(i);
		assert_true(decided(i));
		assert_int_equal(gates[i].sessions.by_id.n, 1);
	}
	close_gates();
}

static void principals_are_spread_over_the_gates(void **state)
{
	unsigned n[2] = {0};

	(void)state;
	open_gates(ONCE, false);
	for (int i = 0; i < 200; i++) {
		char name[32];
		struct str agent = str_make(name, (size_t)snprintf(name, sizeof(name), "a%d", i));

		n[gate_home(&gates[0], agent)]++;
		assert_int_equal(gate_home(&gates[0], agent), gate_home(&gates[1], agent));
	}
	assert_true(n[0] > 50 && n[1] > 50);
	/* What only the first gate can serve, it serves all of. */
	gates[1].history.first_only = true;
	assert_int_equal(gate_home(&gates[1], STR("anonymous")), 0);
	assert_int_equal(gate_home(&gates[1], STR("b")), 0);
	close_gates();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_principal_is_served_where_its_past_is_known),
		cmocka_unit_test(a_long_request_moves_as_well),
		cmocka_unit_test(without_that_gate_nothing_is_decided),
		cmocka_unit_test(without_temporal_policies_each_gate_serves_what_comes),
		cmocka_unit_test(principals_are_spread_over_the_gates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
