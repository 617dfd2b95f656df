/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/outward.h"

static const struct hash_key seed = {7, 8};

struct fixture {
	struct arena arena;
	struct buf out;
	struct mcp_list lists[2], templates;
	struct mcp_view resources, template_view;
	struct mcp_outward o;
	struct mcp_msg m;
};

static void fill(struct mcp_list *l, enum mcp_list_kind kind, const char *result)
{
	mcp_list_init(l, kind, seed);
	assert_int_equal(mcp_list_page(l, str_from_c(result), NULL), ERR_OK);
}

/* Servers "one" and "two" both have t:same; each has one of its own; "two" has a template. */
static int setup(void **state)
{
	static struct fixture f;
	struct mcp_source s[] = {{STR_INIT("one"), &f.lists[0]}, {STR_INIT("two"), &f.lists[1]}},
			  t[] = {{STR_INIT("one"), NULL}, {STR_INIT("two"), &f.templates}};

	arena_init(&f.arena, 1 << 20);
	buf_init(&f.out, 1 << 20);
	fill(&f.lists[0], MCP_LIST_RESOURCES,
	     "{\"resources\":[{\"uri\":\"t:same\"},{\"uri\":\"t:one\"}]}");
	fill(&f.lists[1], MCP_LIST_RESOURCES,
	     "{\"resources\":[{\"uri\":\"t:same\"},{\"uri\":\"t:two\"}]}");
	fill(&f.templates, MCP_LIST_TEMPLATES,
	     "{\"resourceTemplates\":[{\"uriTemplate\":\"made:{x}\"}]}");
	assert_int_equal(mcp_view_build(&f.resources, MCP_LIST_RESOURCES, MCP_NAMING_PREFIXED, s, 2,
					seed, NULL),
			 ERR_OK);
	assert_int_equal(mcp_view_build(&f.template_view, MCP_LIST_TEMPLATES, MCP_NAMING_PREFIXED,
					t, 2, seed, NULL),
			 ERR_OK);
	f.o = (struct mcp_outward){&f.resources, &f.template_view, 1};
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mcp_view_done(&f->resources);
	mcp_view_done(&f->template_view);
	mcp_list_done(&f->lists[0]);
	mcp_list_done(&f->lists[1]);
	mcp_list_done(&f->templates);
	arena_done(&f->arena);
	buf_done(&f->out);
	return 0;
}

#define ANSWER(result) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" result "}"

/* The answer of a server as clients get it; NULL when it may stay. */
static struct str seen(struct fixture *f, size_t server, const char *answer)
{
	bool changed = true;

	f->o.server = server;
	buf_clear(&f->out);
	assert_int_not_equal(mcp_msg_parse(&f->arena, str_from_c(answer), NULL, &f->m, NULL),
			     MCP_INVALID);
	assert_int_equal(mcp_outward_uris(&f->out, &f->arena, &f->m, &f->o, &changed, NULL),
			 ERR_OK);
	assert_int_equal(changed, buf_len(&f->out) > 0);
	return buf_str(&f->out);
}

static void a_uri_of_two_servers_leads_back_to_who_mentions_it(void **state)
{
	struct fixture *f = *state;
	const char *read = ANSWER("{\"contents\":[{\"uri\":\"t:same\",\"text\":\"x\",\"n\":1.0}]}");

	assert_int_equal(seen(f, 0, read).n, 0);
	assert_str_equal(seen(f, 1, read),
			 STR(ANSWER("{\"contents\":[{\"uri\":\"writ://two/t:same\",\"text\":\"x\","
				    "\"n\":1.0}]}")));
}

static void what_leads_back_already_stays(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(seen(f, 1, ANSWER("{\"contents\":[{\"uri\":\"t:two\"}]}")).n, 0);
	assert_int_equal(seen(f, 1,
			      ANSWER("{\"content\":[{\"type\":\"resource_link\",\"uri\":"
				     "\"made:7\"}]}"))
				 .n,
			 0);
	assert_int_equal(
		seen(f, 1, ANSWER("{\"content\":[{\"type\":\"text\",\"text\":\"uri\"}]}")).n, 0);
	assert_int_equal(seen(f, 1, ANSWER("{\"structuredContent\":{\"uri\":\"t:same\"}}")).n, 0);
	assert_int_equal(seen(f, 1,
			      ANSWER("{\"content\":[{\"type\":\"resource_link\",\"uri\":"
				     "\"https://example.org/\"}]}"))
				 .n,
			 0);
	assert_int_equal(seen(f, 1, ANSWER("{\"contents\":[{\"uri\":7},{\"uri\":\"\"},3,null]}")).n,
			 0);
}

static void links_and_embedded_resources_are_found_where_they_stand(void **state)
{
	struct fixture *f = *state;

	assert_str_equal(
		seen(f, 1,
		     ANSWER("{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"t:one\"}}"
			    ","
			    "{\"uri\":\"t:un\\u006disted\",\"type\":\"resource_link\"},"
			    "{\"type\":\"resource\",\"resource\":{\"uri\":\"t:unlisted\"}}]}")),
		STR(ANSWER(
			"{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":"
			"\"writ://two/t:one\"}},{\"uri\":\"writ://two/t:un\\u006disted\",\"type\":"
			"\"resource_link\"},{\"type\":\"resource\",\"resource\":{\"uri\":"
			"\"t:unlisted\"}}]}")));
	assert_str_equal(
		seen(f, 1,
		     ANSWER("{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":"
			    "\"resource\",\"resource\":{\"uri\":\"t:same\"}}}]}")),
		STR(ANSWER("{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":"
			   "\"resource\",\"resource\":{\"uri\":\"writ://two/t:same\"}}}]}")));
}

static void a_server_cannot_pass_for_another_by_the_wrapped_form(void **state)
{
	struct fixture *f = *state;

	assert_str_equal(seen(f, 0,
			      ANSWER("{\"content\":[{\"type\":\"resource_link\",\"uri\":"
				     "\"writ://two/t:two\"}]}")),
			 STR(ANSWER("{\"content\":[{\"type\":\"resource_link\",\"uri\":"
				    "\"writ://one/writ://two/t:two\"}]}")));
	assert_str_equal(
		seen(f, 0, ANSWER("{\"contents\":[{\"uri\":\"writ://nobody/t:two\"}]}")),
		STR(ANSWER("{\"contents\":[{\"uri\":\"writ://one/writ://nobody/t:two\"}]}")));
}

static void many_links_are_all_replaced(void **state)
{
	struct fixture *f = *state;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_append(&b, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"contents\":[{}"));
	for (int i = 0; i < 1000; i++) {
		buf_append(&b, STR(",{\"uri\":\"t:same\"}"));
	}
	buf_append(&b, STR("]}}\0"));
	assert_int_equal(seen(f, 1, buf_str(&b).p).n, buf_len(&b) - 1 + 1000 * 11);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_uri_of_two_servers_leads_back_to_who_mentions_it),
		T(what_leads_back_already_stays),
		T(links_and_embedded_resources_are_found_where_they_stand),
		T(a_server_cannot_pass_for_another_by_the_wrapped_form),
		T(many_links_are_all_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
