/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "cli/opt.h"

struct values {
	bool json, quiet;
	const char *config, *dir;
	uint64_t limit;
	struct opt_list sets, rest;
};

static enum err_code parse(struct values *v, char **argv, bool *help, struct err *err)
{
	const struct opt opts[] = {
		{.name = "config", .letter = 'c', .value = "FILE", .text = &v->config, .help = "c"},
		{.name = "limit", .value = "N", .number = &v->limit, .help = "l"},
		{.name = "set", .letter = 's', .value = "K=V", .list = &v->sets, .help = "s"},
		{.name = "quiet", .letter = 'q', .flag = &v->quiet, .help = "q"},
		OPT_JSON(&v->json),
	};
	const struct opt_word words[] = {
		{.name = "DIR", .help = "d", .required = true, .text = &v->dir},
		{.name = "FILE", .help = "f", .list = &v->rest},
	};
	const struct opt_spec spec = {
		.command = "writ test",
		.summary = "Tests.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
	};
	int argc = 0;

	*v = (struct values){0};
	while (argv[argc]) {
		argc++;
	}
	return opt_parse(&spec, argc, argv, help, err);
}

#define ARGS(...)                                                                                  \
	(char *[])                                                                                 \
	{                                                                                          \
		(char[]){"test"}, __VA_ARGS__, NULL                                                \
	}
#define A(s)                                                                                       \
	(char[])                                                                                   \
	{                                                                                          \
		s                                                                                  \
	}

static void every_spelling_of_an_option_works(void **state)
{
	struct values v;
	struct err err = {0};
	bool help;

	(void)state;
	assert_int_equal(
		parse(&v,
		      ARGS(A("--config=a"), A("d"), A("--limit"), A("7"), A("-sx=1"), A("-s"),
			   A("y=2"), A("-q"), A("f1"), A("--json"), A("--"), A("-f2")),
		      &help, &err),
		ERR_OK);
	assert_false(help);
	assert_string_equal(v.config, "a");
	assert_string_equal(v.dir, "d");
	assert_int_equal(v.limit, 7);
	assert_int_equal(v.sets.n, 2);
	assert_string_equal(v.sets.items[0], "x=1");
	assert_string_equal(v.sets.items[1], "y=2");
	assert_true(v.quiet && v.json);
	assert_int_equal(v.rest.n, 2);
	assert_string_equal(v.rest.items[1], "-f2");
}

static void mistakes_are_named_exactly(void **state)
{
	static const struct {
		const char *args[3];
		const char *message;
	} cases[] = {
		{{"--confg", "x"}, "unknown option --confg (did you mean --config?)"},
		{{"--wholly-new"}, "unknown option --wholly-new; see writ test --help"},
		{{"-z"}, "unknown option -z; see writ test --help"},
		{{"--limit", "7x"}, "--limit: '7x' is not a number"},
		{{"--limit"}, "--limit needs a value: --limit N"},
		{{"--quiet=1"}, "--quiet takes no value"},
		{{"-q", "-q"}, "--quiet is given twice"},
		{{"-q"}, "DIR is missing; see writ test --help"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct values v;
		struct err err = {0};
		bool help;
		char a[2][32] = {"", ""};
		char *argv[4] = {(char[]){"test"}, NULL, NULL, NULL};

		for (size_t k = 0; k < 2 && cases[i].args[k]; k++) {
			(void)snprintf(a[k], sizeof(a[k]), "%s", cases[i].args[k]);
			argv[k + 1] = a[k];
		}
		assert_int_equal(parse(&v, argv, &help, &err), ERR_INVALID);
		assert_string_equal(err.msg, cases[i].message);
	}
}

static void a_list_is_bounded(void **state)
{
	struct values v;
	struct err err = {0};
	char set[] = "-sa", *argv[80];
	bool help;

	(void)state;
	for (size_t i = 0; i < 79; i++) {
		argv[i] = set;
	}
	argv[79] = NULL;
	assert_int_equal(parse(&v, argv, &help, &err), ERR_LIMIT);
	assert_string_equal(err.msg, "set: more than 64 values");
}

static void help_wins_and_shows_every_option(void **state)
{
	const char *file;
	const struct opt opts[] = {
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &file,
		 .help = "the file"},
	};
	const struct opt_word words[] = {{.name = "DIR", .help = "where", .text = &file}};
	const struct opt_spec spec = {.command = "writ x",
				      .summary = "Does x.",
				      .opts = opts,
				      .n_opts = 1,
				      .words = words,
				      .n_words = 1,
				      .example = "writ x a\nwrit x b"};
	struct values v;
	struct buf b;
	bool help;

	(void)state;
	assert_int_equal(parse(&v, ARGS(A("-h"), A("--nonsense")), &help, NULL), ERR_OK);
	assert_true(help);
	buf_init(&b, 4096);
	opt_help(&spec, &b);
	assert_str_equal(buf_str(&b), STR("usage: writ x [OPTIONS] [DIR]\n\nDoes x.\n\n"
					  "  DIR                        where\n"
					  "  -c, --config FILE          the file\n"
					  "  -h, --help                 print this text\n"
					  "\nexample:\n  writ x a\n  writ x b\n"));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_of_an_option_works),
		cmocka_unit_test(mistakes_are_named_exactly),
		cmocka_unit_test(a_list_is_bounded),
		cmocka_unit_test(help_wins_and_shows_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
