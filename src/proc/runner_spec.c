/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/runner_spec.h"

#include "sys/fd.h"

enum { SECRET_MAX = 64 * 1024, VALUES_BYTES = 4 << 20 };

/* Only files that the supervisor handed over can be had; a newline at the end is not meant. */
static enum err_code secret_value(struct arena *a, struct str file,
				  const struct role_secret *secrets, unsigned n, struct str *ret,
				  struct err *err)
{
	for (unsigned i = 0; i < n; i++) {
		struct str value;

		if (!str_eq(str_from_c(secrets[i].file), file)) {
			continue;
		}
		TRY(fd_read_all(secrets[i].fd, SECRET_MAX, a, &value, err));
		while (value.n && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r')) {
			value.n--;
		}
		*ret = value;
		return ERR_OK;
	}
	return ERR(err, ERR_NOT_FOUND, "the supervisor did not hand over " STR_FMT, STR_ARG(file));
}

static enum err_code environment(struct arena *a, const struct config_server *server,
				 const struct role_secret *secrets, unsigned n_secrets,
				 const struct str **ret, struct err *err)
{
	struct str *env = ARENA_ARRAY(a, server->env.n, struct str);

	if (!env) {
		return ERR(err, ERR_NOMEM, "out of memory for an environment");
	}
	for (size_t i = 0; i < server->env.n; i++) {
		const struct config_entry *e = &server->env.items[i];
		struct str value = e->text;

		if (e->secret_file.n) {
			TRY(secret_value(a, e->secret_file, secrets, n_secrets, &value, err));
		}
		env[i] = arena_printf(a, STR_FMT "=" STR_FMT, STR_ARG(e->name), STR_ARG(value));
		if (!env[i].p) {
			return ERR(err, ERR_NOMEM, "out of memory for an environment");
		}
	}
	*ret = env;
	return ERR_OK;
}

static enum sandbox_profile profile_of(enum config_profile profile)
{
	switch (profile) {
	case CONFIG_PROFILE_NATIVE: /* also what stands there when nothing was written */
		return PROFILE_AUTO;
	case CONFIG_PROFILE_NODE:
		return PROFILE_NODE;
	case CONFIG_PROFILE_PYTHON:
		return PROFILE_PYTHON;
	}
	return PROFILE_AUTO;
}

/* All that the configuration says; values of the environment live in `a`. */
static enum err_code make_spec(struct arena *a, const struct config_server *server,
			       const struct role_secret *secrets, unsigned n_secrets,
			       struct sandbox_spec *ret, struct err *err)
{
	*ret = (struct sandbox_spec){
		.name = server->id,
		.argv = server->command.items,
		.n_argv = server->command.n,
		.cwd = server->cwd,
		.n_env = server->env.n,
		.read = server->files_read.items,
		.n_read = server->files_read.n,
		.write = server->files_write.items,
		.n_write = server->files_write.n,
		.profile = profile_of(server->profile),
		.weaker = server->sandbox == CONFIG_SANDBOX_WEAKER,
	};
	return environment(a, server, secrets, n_secrets, &ret->env, err);
}

enum err_code runner_look(struct arena *keep, const struct config_server *server,
			  const struct sandbox_kernel *kernel, const struct role_secret *secrets,
			  unsigned n_secrets, struct plan_machine *ret, struct err *err)
{
	struct sandbox_spec spec;
	struct arena values;
	enum err_code code;

	arena_init(&values, VALUES_BYTES);
	code = make_spec(&values, server, secrets, n_secrets, &spec, err);
	code = code ? code : sandbox_look(keep, &spec, kernel, ret, err);
	arena_wipe(&values);
	arena_done(&values);
	if (!code && ret->profile == PROFILE_SHELL) {
		ret->profile = PROFILE_NATIVE; /* a server's script needs no run-time code */
	}
	return code;
}

enum err_code runner_plan(struct arena *a, const struct config_server *server,
			  const struct plan_machine *machine, const struct role_secret *secrets,
			  unsigned n_secrets, struct sandbox_plan *ret, struct err *err)
{
	struct sandbox_spec spec;

	TRY(make_spec(a, server, secrets, n_secrets, &spec, err));
	return plan_build(a, &spec, machine, ret, err);
}
