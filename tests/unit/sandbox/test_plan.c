/* SPDX-License-Identifier: Apache-2.0 */
/* Plans are pure: a made-up machine goes in, text comes out. */
#include "tests/test.h"
#include "tests/unit/sandbox/golden.h"

#include "sandbox/plan.h"

static const struct plan_place debian[] = {
	{STR_INIT("/usr"), STR_INIT("/usr"), true},
	{STR_INIT("/bin"), STR_INIT("/usr/bin"), true},
	{STR_INIT("/lib"), STR_INIT("/usr/lib"), true},
	{STR_INIT("/lib64"), STR_INIT("/usr/lib64"), true},
	{STR_INIT("/etc/ld.so.cache"), STR_INIT("/etc/ld.so.cache"), false},
	{STR_INIT("/etc/localtime"), STR_INIT("/usr/share/zoneinfo/Etc/UTC"), false},
	{STR_INIT("/etc/ssl/certs"), STR_INIT("/etc/ssl/certs"), true},
};

static const struct plan_place usr_bin[] = {{STR_INIT("/usr/bin"), STR_INIT("/usr/bin"), true}};

static const struct str true_argv[] = {STR_INIT("/usr/bin/true")};

static struct sandbox_spec simple_spec(void)
{
	return (struct sandbox_spec){.name = STR("fs"), .argv = true_argv, .n_argv = 1};
}

static struct plan_machine simple_machine(void)
{
	return (struct plan_machine){
		.uid = 1001,
		.gid = 1002,
		.kernel = {.landlock_abi = 7,
			   .user_namespaces = true,
			   .own_proc = true,
			   .pid_limit = true},
		.program = {STR("/usr/bin/true"), STR("/usr/bin/true"), false},
		.profile = PROFILE_NATIVE,
		.prefixes = usr_bin,
		.n_prefixes = 1,
		.system = debian,
		.n_system = ARRAY_LEN(debian),
	};
}

static void print(struct arena *a, const struct sandbox_spec *spec, const struct plan_machine *m,
		  struct buf *out)
{
	struct sandbox_plan plan;
	struct err err = {0};

	if (plan_build(a, spec, m, &plan, &err) != ERR_OK) {
		fail_msg("%s", err.msg);
	}
	plan_print(&plan, out);
	for (char *const *v = plan.env; *v; v++) {
		buf_printf(out, "env %s\n", *v);
	}
	assert_false(out->failed);
}

static void compare(const char *name, const struct sandbox_spec *spec, const struct plan_machine *m)
{
	struct arena a;
	struct buf out;

	arena_init(&a, 4 << 20);
	buf_init(&out, 256 * 1024);
	print(&a, spec, m, &out);
	golden(name, buf_str(&out));
	buf_done(&out);
	arena_done(&a);
}

static void a_plan_is_as_reviewed(void **state)
{
	struct sandbox_spec spec = simple_spec();
	struct plan_machine m = simple_machine();

	(void)state;
	compare("plan_simple.txt", &spec, &m);
}

static void a_node_server_gets_its_packages_and_its_workspace(void **state)
{
	static const struct str argv[] = {STR_INIT("/opt/node/bin/node"),
					  STR_INIT("/srv/mcp/node_modules/fs/index.js"),
					  STR_INIT("/home/ann/ws")};
	static const struct str read[] = {STR_INIT("/home/ann/ws/.git/"), STR_INIT("/var/data")};
	static const struct str write[] = {STR_INIT("/home/ann/ws")};
	static const struct str env[] = {STR_INIT("TOKEN=s3cret"), STR_INIT("HOME=/home/ann/ws")};
	static const struct plan_place prefixes[] = {
		{STR_INIT("/opt/node"), STR_INIT("/opt/node-v22"), true},
		{STR_INIT("/opt/node-v22"), STR_INIT("/opt/node-v22"), true},
		{STR_INIT("/srv/mcp/node_modules"), STR_INIT("/srv/mcp/node_modules"), true}};
	static const struct plan_place places[] = {
		{STR_INIT("/home/ann/ws/.git"), STR_INIT("/home/ann/ws/.git"), true},
		{STR_INIT("/var/data"), STR_INIT("/mnt/big/data"), true},
		{STR_INIT("/home/ann/ws"), STR_INIT("/home/ann/ws"), true}};
	struct sandbox_spec spec = {.name = STR("fs"),
				    .argv = argv,
				    .n_argv = 3,
				    .read = read,
				    .n_read = 2,
				    .write = write,
				    .n_write = 1,
				    .env = env,
				    .n_env = 2,
				    .limits = {.processes = 64, .tmp = 1 << 20, .memory = 1 << 30}};
	struct plan_machine m = simple_machine();

	(void)state;
	m.program = (struct plan_place){STR("/opt/node/bin/node"), STR("/opt/node-v22/bin/node"),
					false};
	m.profile = PROFILE_NODE;
	m.prefixes = prefixes;
	m.n_prefixes = 3;
	m.places = places;
	m.n_places = 3;
	compare("plan_node.txt", &spec, &m);
}

static void a_program_that_computes_has_the_drivers_devices(void **state)
{
	static const struct str devices[] = {STR_INIT("/dev/nvidia-caps"),
					     STR_INIT("/dev/nvidia-uvm"), STR_INIT("/dev/nvidia0"),
					     STR_INIT("/dev/nvidiactl")};
	struct sandbox_spec spec = simple_spec();
	struct plan_machine m = simple_machine();
	struct sandbox_plan plan;
	struct err err = {0};
	struct arena a;

	(void)state;
	spec.profile = PROFILE_CUDA;
	arena_init(&a, 4 << 20);
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "there is no /dev/nvidiactl"));
	m.devices = devices;
	m.n_devices = ARRAY_LEN(devices);
	compare("plan_cuda.txt", &spec, &m);
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_OK);
	assert_int_equal(plan.seccomp.exec, EXEC_MEMFD);
	/* Others have none of them, wherever they are. */
	spec.profile = PROFILE_SHELL;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_OK);
	for (size_t i = 0; i < plan.n_ops; i++) {
		assert_false(str_starts_with(plan.ops[i].source, STR("/dev/nvidia")));
	}
	arena_done(&a);
}

static void where_only_named_programs_start_the_rest_is_no_code(void **state)
{
	static const struct plan_place libraries[] = {
		{STR_INIT("/usr/lib"), STR_INIT("/usr/lib"), true}};
	static const struct plan_place inert[] = {
		{STR_INIT("/usr/lib/git-core"), STR_INIT("/usr/lib/git-core"), true},
		{STR_INIT("/usr/lib/x/helper"), STR_INIT("/usr/lib/x/helper"), false},
		{STR_INIT("/usr/lib/y/tool"), STR_INIT("/usr/lib/y/tool"), false}};
	static const struct plan_place loaders[] = {
		{STR_INIT("/usr/lib64/ld.so"), STR_INIT("/usr/lib64/ld.so"), false}};
	static const struct sandbox_program programs[] = {
		{STR_INIT("/usr/bin/true"), STR_INIT("policy true"), false},
		{STR_INIT("/usr/lib/y/tool"), STR_INIT("policy tool"), false},
		{STR_INIT("/usr/lib/git-core"), STR_INIT("policy git"), true}};
	struct sandbox_spec spec = simple_spec();
	struct plan_machine m = simple_machine();
	struct sandbox_plan plan;
	struct err err = {0};
	struct arena a;

	(void)state;
	spec.named_only = true;
	spec.programs = programs;
	spec.n_programs = ARRAY_LEN(programs);
	m.libraries = libraries;
	m.n_libraries = ARRAY_LEN(libraries);
	m.inert = inert;
	m.n_inert = ARRAY_LEN(inert);
	m.loaders = loaders;
	m.n_loaders = ARRAY_LEN(loaders);
	compare("plan_named.txt", &spec, &m);
	arena_init(&a, 4 << 20);
	spec.write_exec = true;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_INVALID);
	spec.write_exec = false;
	spec.profile = PROFILE_CUDA;
	m.devices = (const struct str[]){STR("/dev/nvidiactl")};
	m.n_devices = 1;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_INVALID);
	spec.profile = PROFILE_AUTO;
	spec.weaker = true;
	m.kernel.landlock_abi = 0;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	arena_done(&a);
}

static void root_is_nobody_special_inside(void **state)
{
	struct sandbox_spec spec = simple_spec();
	struct plan_machine m = simple_machine();

	(void)state;
	spec.loopback = true;
	m.uid = m.gid = 0;
	compare("plan_root_loopback.txt", &spec, &m);
}

/* A workspace with a kept and a hidden place deep in it, listeners and a terminal. */
static struct sandbox_spec agent_spec(struct plan_machine *m)
{
	static const struct str read[] = {STR_INIT("/home/ann/ws/deep/kept")};
	static const struct str write[] = {STR_INIT("/home/ann/ws")};
	static const struct str hidden[] = {STR_INIT("/home/ann/ws/state"),
					    STR_INIT("/nowhere/given")};
	static const struct str why[] = {STR_INIT("policy kept"), STR_INIT("policy work"),
					 STR_INIT("the node's own"), STR_INIT("nothing")};
	static const struct plan_place places[] = {
		{STR_INIT("/home/ann/ws/deep/kept"), STR_INIT("/home/ann/ws/deep/kept"), true},
		{STR_INIT("/home/ann/ws"), STR_INIT("/home/ann/ws"), true},
		{STR_INIT("/home/ann/ws/state"), STR_INIT("/home/ann/ws/state"), true},
		{STR_INIT("/nowhere/given"), STR_INIT("/nowhere/given"), false}};
	static const struct sandbox_listener listeners[] = {
		{.kind = 2, .port = 8700},
		{.kind = 3, .port = 53, .any = true, .datagram = true},
		{.kind = 4, .port = 443, .any = true}};
	static const struct sandbox_file files[] = {
		{STR_INIT("exit-ca.pem"), STR_INIT("a certificate\n"), STR_INIT("looked into")}};
	struct sandbox_spec spec = simple_spec();

	*m = simple_machine();
	m->places = places;
	m->n_places = ARRAY_LEN(places);
	m->profile = PROFILE_SHELL;
	spec.read = read;
	spec.n_read = 1;
	spec.write = write;
	spec.n_write = 1;
	spec.hidden = hidden;
	spec.n_hidden = 2;
	spec.why = why;
	spec.listeners = listeners;
	spec.n_listeners = ARRAY_LEN(listeners);
	spec.files = files;
	spec.n_files = ARRAY_LEN(files);
	spec.loopback = spec.capture = spec.terminal = true;
	return spec;
}

static void an_agent_gets_places_listeners_and_a_terminal(void **state)
{
	struct plan_machine m;
	struct sandbox_spec spec = agent_spec(&m);

	(void)state;
	compare("plan_agent.txt", &spec, &m);
	spec.write_exec = true;
	compare("plan_agent_write_exec.txt", &spec, &m);
	spec.write_exec = false;
	spec.overlay = STR("/home/ann/ws");
	spec.scratch = STR("/var/tmp/changes");
	compare("plan_agent_review.txt", &spec, &m);
}

static void no_monitor(struct monitor *m, const void *arg)
{
	(void)m;
	(void)arg;
}

/* Of the agent's places in their order: what is watched is no longer the program's own. */
static void what_is_decided_file_by_file_is_opened_by_a_monitor(void **state)
{
	uint8_t each[16] = {0};
	struct plan_machine m;
	struct sandbox_spec spec = agent_spec(&m);
	struct sandbox_plan plan;
	struct arena a;
	struct err err;

	(void)state;
	each[spec.n_read] = EACH_WRITE; /* the first that may be written to */
	spec.each = each;
	arena_init(&a, 4 << 20);
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	spec.monitor = no_monitor;
	compare("plan_agent_watched_changes.txt", &spec, &m);
	each[spec.n_read] = EACH_READ | EACH_WRITE;
	compare("plan_agent_watched.txt", &spec, &m);
	m.kernel.landlock_abi = 0;
	spec.weaker = true;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	arena_done(&a);
}

/* Landlock cannot take a part out of what it gives. */
static void what_the_system_gives_cannot_be_decided(void **state)
{
	static const uint8_t each[] = {EACH_READ};
	static const struct plan_place places[] = {
		{STR_INIT("/usr/share/doc"), STR_INIT("/usr/share/doc"), true},
		{STR_INIT("/etc/agents"), STR_INIT("/etc/agents"), true}};
	struct plan_machine m = simple_machine();
	struct sandbox_spec spec = simple_spec();
	struct sandbox_plan plan;
	struct arena a;
	struct err err;

	(void)state;
	arena_init(&a, 4 << 20);
	spec.monitor = no_monitor;
	spec.each = each;
	spec.n_read = m.n_places = 1;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		spec.read = &places[i].path;
		m.places = &places[i];
		assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_INVALID);
	}
	arena_done(&a);
}

static void a_listener_needs_a_network_of_its_own(void **state)
{
	struct plan_machine m;
	struct sandbox_spec spec = agent_spec(&m);
	struct err err;

	(void)state;
	spec.capture = false; /* listeners at every address need it */
	assert_int_equal(plan_check(&spec, &err), ERR_INVALID);
	spec.capture = true;
	spec.loopback = false;
	assert_int_equal(plan_check(&spec, &err), ERR_INVALID);
	spec.n_listeners = 0;
	assert_int_equal(plan_check(&spec, &err), ERR_INVALID);
}

static void made_files_have_plain_names_and_are_made_once(void **state)
{
	static const struct str names[] = {STR_INIT(""), STR_INIT(".."), STR_INIT("a/b"),
					   STR_INIT("x")};
	struct sandbox_file files[2] = {{.name = STR("x")}};
	struct plan_machine m;
	struct sandbox_spec spec = agent_spec(&m);
	struct err err;

	(void)state;
	spec.files = files;
	spec.n_files = 2;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		files[1].name = names[i];
		assert_int_equal(plan_check(&spec, &err), ERR_INVALID);
	}
	files[1].name = STR("y");
	assert_int_equal(plan_check(&spec, &err), ERR_OK);
	files[1].text = str_make("", PLAN_MAX_FILE + 1);
	assert_int_equal(plan_check(&spec, &err), ERR_LIMIT);
}

static void a_place_in_a_hidden_one_is_refused(void **state)
{
	static const struct str read[] = {STR_INIT("/home/ann/ws/state/pub")};
	static const struct plan_place places[] = {
		{STR_INIT("/home/ann/ws/state/pub"), STR_INIT("/home/ann/ws/state/pub"), true},
		{STR_INIT("/home/ann/ws"), STR_INIT("/home/ann/ws"), true},
		{STR_INIT("/home/ann/ws/state"), STR_INIT("/home/ann/ws/state"), true}};
	struct plan_machine m;
	struct sandbox_spec spec = agent_spec(&m);
	struct sandbox_plan plan;
	struct arena a;
	struct err err;

	(void)state;
	spec.read = read;
	spec.n_hidden = 1;
	m.places = places;
	m.n_places = ARRAY_LEN(places);
	arena_init(&a, 4 << 20);
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "hidden"));
	arena_done(&a);
}

static void a_weaker_plan_says_what_it_lacks(void **state)
{
	static const struct str nested[] = {STR_INIT("/srv/w"), STR_INIT("/srv/w/r")};
	static const struct plan_place nested_places[] = {
		{STR_INIT("/srv/w/r"), STR_INIT("/srv/w/r"), true},
		{STR_INIT("/srv/w"), STR_INIT("/srv/w"), true}};
	struct sandbox_spec spec = simple_spec();
	struct plan_machine m = simple_machine();
	struct arena a;
	struct sandbox_plan plan;
	struct err err;

	(void)state;
	arena_init(&a, 4 << 20);
	m.kernel.user_namespaces = false;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "user namespaces"));
	spec.weaker = true;
	compare("plan_weaker.txt", &spec, &m);
	/* Landlock adds rights up; what is read only within a writable place needs mounts. */
	spec.write = nested;
	spec.n_write = 1;
	spec.read = nested + 1;
	spec.n_read = 1;
	m.places = nested_places;
	m.n_places = 2;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "/srv/w/r"));
	spec.n_read = spec.n_write = m.n_places = 0;
	m.kernel.landlock_abi = 0;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	m.kernel.user_namespaces = true;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_OK);
	assert_int_equal(plan.missing, PLAN_NO_LANDLOCK);
	spec.weaker = false;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	m = simple_machine();
	m.uid = 0;
	m.kernel.pid_limit = false;
	m.kernel.landlock_abi = 5;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_OK);
	assert_int_equal(plan.missing, PLAN_NO_PID_LIMIT);
	m = simple_machine();
	m.kernel.own_proc = false;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "/proc"));
	spec.weaker = true;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_OK);
	assert_int_equal(plan.missing, PLAN_NO_PROC);
	arena_done(&a);
}

enum { READ, WRITE, EXEC, BOTH, ENV, NAME, CWD, COMMAND };

static void nonsense_is_refused_with_a_reason(void **state)
{
	static const struct {
		int where;
		struct str text;
		const char *says;
	} cases[] = {
		{READ, STR_INIT("etc"), "must begin with /"},
		{READ, STR_INIT(""), "must begin with /"},
		{READ, STR_INIT("/a/../b"), "no empty part, . or .."},
		{READ, STR_INIT("/a//b"), "no empty part, . or .."},
		{READ, STR_INIT("/a/./b"), "no empty part, . or .."},
		{READ, STR_INIT("/.."), "no empty part, . or .."},
		{READ, STR_INIT("/"), "the whole machine"},
		{READ, STR_INIT("//"), "the whole machine"},
		{READ, STR_INIT("/a\nb"), "control character"},
		{READ, STR_INIT("/a\0b"), "control character"},
		{READ, STR_INIT("/proc/1"), "a sandbox has its own /proc"},
		{READ, STR_INIT("/sys"), "a sandbox has its own /sys"},
		{READ, STR_INIT("/dev/sda"), "a sandbox has its own /dev"},
		{READ, STR_INIT("/run/docker.sock"), "sockets of the machine's services"},
		{READ, STR_INIT("/var/run"), "sockets of the machine's services"},
		{WRITE, STR_INIT("/run/app"), "sockets of the machine's services"},
		{READ, STR_INIT("/tmp"), "a sandbox has its own /tmp"},
		{EXEC, STR_INIT("/proc"), "a sandbox has its own /proc"},
		{WRITE, STR_INIT("/"), "the whole machine"},
		{WRITE, STR_INIT("/tmp/"), "a sandbox has its own /tmp"},
		{WRITE, STR_INIT("/etc"), "is a system directory"},
		{WRITE, STR_INIT("/etc/cron.d"), "is a system directory"},
		{WRITE, STR_INIT("/usr/local/lib"), "is a system directory"},
		{WRITE, STR_INIT("/lib64"), "is a system directory"},
		{WRITE, STR_INIT("/boot/efi"), "is a system directory"},
		{BOTH, STR_INIT("/srv/app"), "must not be executed"},
		{ENV, STR_INIT("NOVALUE"), "not NAME=value"},
		{ENV, STR_INIT("=x"), "not NAME=value"},
		{ENV, STR_INIT("A=x\0y"), "not NAME=value"},
		{ENV, STR_INIT("LD_PRELOAD=/x.so"), "LD_PRELOAD"},
		{ENV, STR_INIT("LD_ANYTHING="), "LD_ANYTHING"},
		{ENV, STR_INIT("NODE_OPTIONS=--require /x"), "NODE_OPTIONS"},
		{ENV, STR_INIT("PYTHONPATH=/x"), "PYTHONPATH"},
		{ENV, STR_INIT("BASH_ENV=/x"), "BASH_ENV"},
		{ENV, STR_INIT("GLIBC_TUNABLES=x"), "GLIBC_TUNABLES"},
		{NAME, STR_INIT(""), "a name has"},
		{NAME, STR_INIT("a b"), "a name has"},
		{NAME, STR_INIT("a/b"), "a name has"},
		{CWD, STR_INIT("work"), "must begin with /"},
		{COMMAND, STR_INIT(""), "no command"},
		{COMMAND, STR_INIT("bin/x"), "must begin with /"},
		{COMMAND, STR_INIT("a\0b"), "NUL"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sandbox_spec spec = simple_spec();
		struct err err = {0};
		enum err_code code;

		switch (cases[i].where) {
		case READ:
			spec.read = &cases[i].text;
			spec.n_read = 1;
			break;
		case BOTH:
			spec.exec = &cases[i].text;
			spec.n_exec = 1;
			spec.write = &cases[i].text;
			spec.n_write = 1;
			break;
		case WRITE:
			spec.write = &cases[i].text;
			spec.n_write = 1;
			break;
		case EXEC:
			spec.exec = &cases[i].text;
			spec.n_exec = 1;
			break;
		case ENV:
			spec.env = &cases[i].text;
			spec.n_env = 1;
			break;
		case NAME:
			spec.name = cases[i].text;
			break;
		case CWD:
			spec.cwd = cases[i].text;
			break;
		default:
			spec.argv = &cases[i].text;
			break;
		}
		code = plan_check(&spec, &err);
		if (code == ERR_OK || !strstr(err.msg, cases[i].says)) {
			fail_msg("case %zu: %s, expected \"%s\"", i, code ? err.msg : "accepted",
				 cases[i].says);
		}
	}
}

static void twice_the_same_variable_is_refused(void **state)
{
	static const struct str env[] = {STR_INIT("A=1"), STR_INIT("B=2"), STR_INIT("A=3")};
	struct sandbox_spec spec = simple_spec();
	struct err err = {0};

	(void)state;
	spec.env = env;
	spec.n_env = 2;
	assert_int_equal(plan_check(&spec, &err), ERR_OK);
	spec.n_env = 3;
	assert_int_equal(plan_check(&spec, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "A is given twice"));
}

/* What a link on the disk leads to is judged like what was written. */
static void a_place_is_judged_by_where_it_really_is(void **state)
{
	static const struct str paths[] = {STR_INIT("/srv/link")};
	static const struct plan_place to_etc[] = {
		{STR_INIT("/srv/link"), STR_INIT("/etc/cron.d"), true}};
	static const struct plan_place to_proc[] = {
		{STR_INIT("/srv/link"), STR_INIT("/proc"), true}};
	static const struct plan_place to_program[] = {
		{STR_INIT("/srv/link"), STR_INIT("/opt/app"), true}};
	struct sandbox_spec spec = simple_spec();
	struct plan_machine m = simple_machine();
	struct sandbox_plan plan;
	struct arena a;
	struct err err = {0};

	(void)state;
	arena_init(&a, 4 << 20);
	spec.write = paths;
	spec.n_write = 1;
	m.places = to_etc;
	m.n_places = 1;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "system directory"));
	m.places = to_program;
	m.program.real = STR("/opt/app/bin/server");
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "must not be executed"));
	spec.n_write = 0;
	spec.read = paths;
	spec.n_read = 1;
	m.places = to_proc;
	assert_int_equal(plan_build(&a, &spec, &m, &plan, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "its own /proc"));
	arena_done(&a);
}

#define HOME_OF_ROOT "/root"

static void a_program_brings_its_prefix_but_no_shared_place(void **state)
{
	static const struct {
		struct str path, prefix;
	} cases[] = {
		{STR_INIT("/opt/node-22/bin/node"), STR_INIT("/opt/node-22")},
		{STR_INIT("/home/ann/.nvm/versions/node/v22/bin/node"),
		 STR_INIT("/home/ann/.nvm/versions/node/v22")},
		{STR_INIT("/home/ann/bin/tool"), STR_INIT("/home/ann/bin/tool")},
		{STR_INIT("/home/ann/tool"), STR_INIT("/home/ann/tool")},
		{STR_INIT("/home/tool"), STR_INIT("/home/tool")},
		{STR_INIT(HOME_OF_ROOT "/bin/tool"), STR_INIT(HOME_OF_ROOT "/bin/tool")},
		{STR_INIT(HOME_OF_ROOT "/tool"), STR_INIT(HOME_OF_ROOT "/tool")},
		{STR_INIT("/home/ann/.local/bin/tool"), STR_INIT("/home/ann/.local/bin/tool")},
		{STR_INIT("/home/ann/.local/share/tool/v1/tool"),
		 STR_INIT("/home/ann/.local/share/tool/v1")},
		{STR_INIT("/home/ann/.cargo/bin/tool"), STR_INIT("/home/ann/.cargo/bin")},
		{STR_INIT("/data/users/eve/bin/tool"), STR_INIT("/data/users/eve/bin/tool")},
		{STR_INIT("/data/users/eve/.local/bin/tool"),
		 STR_INIT("/data/users/eve/.local/bin/tool")},
		{STR_INIT("/data/users/tool"), STR_INIT("/data/users/tool")},
		{STR_INIT("/data/bin/tool"), STR_INIT("/data/bin")},
		{STR_INIT("/tmp/tool"), STR_INIT("/tmp/tool")},
		{STR_INIT("/opt/tool"), STR_INIT("/opt/tool")},
		{STR_INIT("/opt/bin/tool"), STR_INIT("/opt/bin")},
		{STR_INIT("/tool"), STR_INIT("/tool")},
		{STR_INIT("/srv/venv/bin/python"), STR_INIT("/srv/venv")},
		{STR_INIT("/srv/a/node_modules/b/node_modules/c/x.js"),
		 STR_INIT("/srv/a/node_modules")},
		{STR_INIT("/home/ann/node_modules/b/bin/x"), STR_INIT("/home/ann/node_modules")},
		{STR_INIT("/srv/app/server"), STR_INIT("/srv/app")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_str_equal(plan_program_prefix(cases[i].path, STR("/data/users/eve")),
				 cases[i].prefix);
	}
}

static void what_lies_in_somebody_s_folder_is_personal(void **state)
{
	static const struct {
		struct str path;
		bool personal;
	} cases[] = {
		{STR_INIT("/home/ann/project"), true},
		{STR_INIT("/home/ann/project/bin/tool"), true},
		{STR_INIT("/data/users/eve/project"), true},
		{STR_INIT(HOME_OF_ROOT "/project"), true},
		{STR_INIT("/home/ann/.nvm/versions/node/v22"), false},
		{STR_INIT("/home/ann/project/.venv"), false},
		{STR_INIT("/opt/node-22"), false},
		{STR_INIT("/data/users/evelyn/project"), false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(plan_is_personal(cases[i].path, STR("/data/users/eve")),
				 cases[i].personal);
	}
}

static void profiles_follow_the_program_s_name(void **state)
{
	(void)state;
	assert_int_equal(plan_guess_profile(STR("/usr/bin/node")), PROFILE_NODE);
	assert_int_equal(plan_guess_profile(STR("/x/y/index.js")), PROFILE_NODE);
	assert_int_equal(plan_guess_profile(STR("/usr/bin/python3.11")), PROFILE_PYTHON);
	assert_int_equal(plan_guess_profile(STR("/usr/bin/cat")), PROFILE_NATIVE);
	assert_int_equal(plan_guess_profile(STR("/opt/node/thing")), PROFILE_NATIVE);
}

static void running_out_of_memory_is_an_error_at_every_size(void **state)
{
	struct sandbox_spec spec = simple_spec();
	struct plan_machine m = simple_machine();
	size_t refused = 0;

	(void)state;
	for (size_t limit = 0; limit < (1 << 20); limit += 1024) {
		struct sandbox_plan plan;
		struct arena a;
		struct err err = {0};
		enum err_code code;

		arena_init(&a, limit);
		code = plan_build(&a, &spec, &m, &plan, &err);
		assert_true(code == ERR_OK || code == ERR_NOMEM);
		refused += code != ERR_OK;
		arena_done(&a);
		if (code == ERR_OK) {
			break;
		}
	}
	assert_true(refused > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_is_as_reviewed),
		cmocka_unit_test(a_node_server_gets_its_packages_and_its_workspace),
		cmocka_unit_test(a_program_that_computes_has_the_drivers_devices),
		cmocka_unit_test(where_only_named_programs_start_the_rest_is_no_code),
		cmocka_unit_test(root_is_nobody_special_inside),
		cmocka_unit_test(an_agent_gets_places_listeners_and_a_terminal),
		cmocka_unit_test(what_is_decided_file_by_file_is_opened_by_a_monitor),
		cmocka_unit_test(what_the_system_gives_cannot_be_decided),
		cmocka_unit_test(a_listener_needs_a_network_of_its_own),
		cmocka_unit_test(made_files_have_plain_names_and_are_made_once),
		cmocka_unit_test(a_place_in_a_hidden_one_is_refused),
		cmocka_unit_test(a_weaker_plan_says_what_it_lacks),
		cmocka_unit_test(nonsense_is_refused_with_a_reason),
		cmocka_unit_test(twice_the_same_variable_is_refused),
		cmocka_unit_test(a_place_is_judged_by_where_it_really_is),
		cmocka_unit_test(a_program_brings_its_prefix_but_no_shared_place),
		cmocka_unit_test(what_lies_in_somebody_s_folder_is_personal),
		cmocka_unit_test(profiles_follow_the_program_s_name),
		cmocka_unit_test(running_out_of_memory_is_an_error_at_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
