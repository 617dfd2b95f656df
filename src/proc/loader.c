/* SPDX-License-Identifier: Apache-2.0 */
/* proc/loader.c - the only process that reads configuration and policy text.
 *
 *   reads   writ.yaml, *.cedar, *.dw, schema, events, providers and their scripts: the owner's own
 *           files; and what is pinned of the tools that policies name
 *   holds   two descriptors: where the bundle goes, where complaints go
 *   cannot  write any file, make sockets, start programs, read a secret into the bundle
 */
#include "proc/loader.h"

#include "base/clock.h"
#include "base/log.h"
#include "config/load.h"
#include "gate/residency.h"
#include "gate/rules_compile.h"
#include "oauth/jwt.h"
#include "proc/accepted.h"
#include "proc/bundle.h"
#include "proc/loader_types.h"
#include "proc/role.h"
#include "sandbox/jail.h"
#include "json/write.h"

#include <errno.h>
#include <unistd.h>

enum { LOADER_BUNDLE_FD = 3, LOADER_ERR_FD = 4, LOADER_MEMORY = 128 << 20, MAX_REPORT = 60 << 10 };

static const struct landlock_rule loader_paths[] = {{.path = "/", .access = FILES_READ}};

static const struct jail_spec loader_jail = {
	.name = "loader",
	.calls = CALLS_BASE | CALLS_READ,
	.paths = loader_paths,
	.n_paths = ARRAY_LEN(loader_paths),
};

struct loading {
	const char *path;
	int bundle_fd;  /* -1: none is wanted */
	struct str pin; /* taken as approved; empty: none */
};

static bool write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		s = str_from(s, (size_t)n);
	}
	return true;
}

static const struct policy_source *source_of(struct policy_source *to, const struct config_text *t)
{
	*to = (struct policy_source){.name = t->name, .text = t->text};
	return t->name.n ? to : NULL;
}

/* Everything that is wrong with the policies and what they are read by goes to `report`. */
static enum err_code check_policies(struct arena *a, const struct config_loaded *l,
				    struct buf *report, struct err *err)
{
	struct policy_source *sources =
		ARENA_ARRAY(a, l->n_policies + l->n_scripts + 3, struct policy_source);
	struct rules_texts texts = {
		.policies = sources, .n_policies = l->n_policies, .config = &l->config};
	struct residency_facts facts;
	struct residency residency;
	struct rules_compiled compiled;
	struct policy_diags diags;
	enum err_code code;

	if (!sources) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	policy_diags_init(&diags, a);
	for (size_t i = 0; i < l->n_policies; i++) {
		(void)source_of(&sources[i], &l->policies[i]);
	}
	texts.schema = source_of(&sources[l->n_policies], &l->schema);
	texts.events = source_of(&sources[l->n_policies + 1], &l->events);
	texts.providers = source_of(&sources[l->n_policies + 2], &l->providers);
	for (size_t i = 0; i < l->n_scripts; i++) {
		(void)source_of(&sources[l->n_policies + 3 + i], &l->scripts[i]);
	}
	texts.scripts = &sources[l->n_policies + 3];
	texts.n_scripts = l->n_scripts;
	code = rules_compile(a, &texts, &diags, &compiled, err);
	if (code) {
		policy_diags_render(&diags, report);
		return code;
	}
	/* What the configuration says of the world has to be what the schema declares. */
	TRY(residency_read(a, &l->config, sources, l->n_policies, true, &facts, err));
	TRY(residency_at(a, &facts, compiled.set,
			 compiled.temporal ? compiled.temporal->schema : NULL,
			 (int64_t)(clock_real() / CLOCK_MS), &residency, err));
	return accepted_check(l->config.state, &residency, err);
}

static void put_text(struct json_writer *w, const struct config_text *t)
{
	json_w_object(w);
	json_w_member_str(w, STR("name"), t->name);
	json_w_member_str(w, STR("text"), t->text);
	json_w_end(w);
}

static void put_texts(struct json_writer *w, struct str key, const struct config_text *t, size_t n)
{
	json_w_key(w, key);
	json_w_array(w);
	for (size_t i = 0; i < n; i++) {
		put_text(w, &t[i]);
	}
	json_w_end(w);
}

static void put_beside(struct json_writer *w, struct str key, const struct config_text *t)
{
	json_w_key(w, key);
	if (t->name.n) {
		put_text(w, t);
	} else {
		json_w_null(w);
	}
}

static void put_secrets(struct json_writer *w, const struct config_loaded *l)
{
	static const struct str readers[] = {
		[CONFIG_SECRET_CONNECTOR] = STR_INIT("connector"),
		[CONFIG_SECRET_GATE] = STR_INIT("gate"),
		[CONFIG_SECRET_RUNNER] = STR_INIT("runner"),
		[CONFIG_SECRET_EXIT] = STR_INIT("exit"),
	};

	json_w_key(w, STR("secrets"));
	json_w_array(w);
	for (size_t i = 0; i < l->n_secrets; i++) {
		json_w_object(w);
		json_w_member_str(w, STR("file"), l->secrets[i].file);
		json_w_member_str(w, STR("reader"), readers[l->secrets[i].reader]);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_bundle(const struct config_loaded *l, struct buf *to)
{
	struct json_writer w = json_writer(to);
	struct buf config;

	json_w_object(&w);
	buf_init(&config, BUNDLE_MAX);
	config_encode_json(&l->config, CONFIG_VIEW_FULL, &config);
	json_w_member_raw(&w, STR("config"), buf_str(&config));
	to->failed |= config.failed;
	buf_done(&config);
	put_texts(&w, STR("policies"), l->policies, l->n_policies);
	put_texts(&w, STR("scripts"), l->scripts, l->n_scripts);
	put_beside(&w, STR("schema"), &l->schema);
	put_beside(&w, STR("events"), &l->events);
	put_beside(&w, STR("providers"), &l->providers);
	put_secrets(&w, l);
	json_w_end(&w);
}

/* A key set in a file has to hold a key, or no token of its issuer could be good. */
static enum err_code check_key_sets(const struct config *c, struct err *err)
{
	const struct config_oauth *o = &c->identity.oauth;

	for (size_t i = 0; i < o->n_issuers; i++) {
		struct oauth_keys keys;

		if (o->issuers[i].keys_file.n == 0) {
			continue;
		}
		if (oauth_keys_read(o->issuers[i].keys, &keys, err)) {
			err_wrap(err, STR_FMT, STR_ARG(o->issuers[i].keys_file));
			return err->code;
		}
		oauth_keys_done(&keys);
	}
	return ERR_OK;
}

static enum err_code load(struct arena *a, const struct loading *in, struct buf *report,
			  struct err *err)
{
	struct config_errors errors = {0};
	struct config_loaded l;
	enum err_code code = config_load(a, in->path, &l, &errors, err);
	struct policy_diags open;
	struct buf bundle;

	for (size_t i = 0; i < errors.n; i++) {
		buf_append(report, errors.lines[i]);
		buf_append_c(report, '\n');
	}
	if (errors.more) {
		buf_printf(report, "and %zu more\n", errors.more);
	}
	TRY(code);
	TRY(check_key_sets(&l.config, err));
	policy_diags_init(&open, a);
	TRY(loader_add_types(a, &l, in->pin, &open, err));
	TRY(check_policies(a, &l, report, err));
	policy_diags_render(&open, report);
	if (in->bundle_fd < 0) {
		return ERR_OK;
	}
	buf_init(&bundle, BUNDLE_MAX);
	put_bundle(&l, &bundle);
	if (bundle.failed) {
		code = ERR(err, ERR_LIMIT, "the configuration is too large for its bundle");
	} else if (!write_all(in->bundle_fd, buf_str(&bundle))) {
		code = ERR_ERRNO(err, "writing the bundle");
	}
	buf_done(&bundle);
	return code;
}

static enum err_code load_into(const struct loading *in, struct buf *report)
{
	struct err err = {0};
	struct arena a;
	enum err_code code;

	arena_init(&a, LOADER_MEMORY);
	code = load(&a, in, report, &err);
	if (code && buf_len(report) == 0) {
		buf_clear(report);
		buf_printf(report, "%s\n", err.msg);
	}
	arena_done(&a);
	return code;
}

enum err_code loader_check(const char *path, struct buf *report)
{
	return load_into(&(struct loading){.path = path, .bundle_fd = -1}, report);
}

enum err_code loader_check_pin(const char *path, struct str pin, struct buf *report)
{
	return load_into(&(struct loading){.path = path, .bundle_fd = -1, .pin = pin}, report);
}

int loader_run(const char *path, int bundle_fd, int err_fd)
{
	struct buf report;
	enum err_code code;

	buf_init(&report, MAX_REPORT);
	code = load_into(&(struct loading){.path = path, .bundle_fd = bundle_fd}, &report);
	(void)write_all(err_fd, buf_str(&report)); /* the status tells even if nobody reads */
	buf_done(&report);
	return code ? 1 : 0;
}

int loader_main(const char *config_path)
{
	struct err err = {0};

	if (jail_enter(&loader_jail, NULL, &err)) {
		log_line(LOG_ERROR, "jail: %s", err.msg);
		return 1;
	}
	return loader_run(config_path, LOADER_BUNDLE_FD, LOADER_ERR_FD);
}
