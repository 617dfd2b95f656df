/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/accepted.h"

#include "base/hex.h"
#include "gate/rules_residency.h"
#include "sys/fd.h"
#include "json/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { ACCEPTED_MAX = 128 << 20, ROW_TEXT_MAX = 4096 };

static const char FILE_NAME[] = "accepted.json", NEW_NAME[] = "accepted.json.new";

static enum err_code read_rules(struct arena *a, struct str text, struct rules **ret,
				struct err *err)
{
	const struct json_opts opts = {
		.name = STR("accepted.json"), .max_depth = 128, .max_bytes = ACCEPTED_MAX};
	const struct json *root, *config, *policies;

	TRY(json_parse(a, text, &opts, &root, err));
	config = json_get(root, STR("config"));
	policies = json_get(root, STR("policies"));
	if (!config || !policies) {
		return ERR(err, ERR_CORRUPT, "accepted.json holds no configuration");
	}
	return rules_new(config->raw, policies->raw, ret, err);
}

enum err_code accepted_read(struct str state, struct rules **ret, struct err *err)
{
	enum err_code code;
	struct arena a;
	struct str path, text = STR("");

	*ret = NULL;
	arena_init(&a, 4 * (size_t)ACCEPTED_MAX);
	path = arena_printf(&a, STR_FMT "/%s", STR_ARG(state), FILE_NAME);
	code = path.p ? fd_read_path(path.p, ACCEPTED_MAX, &a, &text, err)
		      : ERR(err, ERR_NOMEM, "out of memory");
	if (code == ERR_NOT_FOUND) {
		code = ERR_OK;
	} else if (!code) {
		code = read_rules(&a, text, ret, err);
		if (code) {
			err_wrap(err, "what was accepted last cannot be read");
			code = ERR_CORRUPT;
		}
	}
	arena_done(&a);
	return code;
}

enum err_code accepted_ask(struct str state, const struct residency *now, struct approval *ret,
			   struct err *err)
{
	struct rules *before;
	enum err_code code;

	TRY(accepted_read(state, &before, err));
	code = approval_ask(before ? &before->world->residency : NULL, now, ret, err);
	rules_unref(before);
	return code;
}

static enum err_code refuse(const struct residency *now, const struct approval *a, struct err *err)
{
	struct buf row;

	buf_init(&row, ROW_TEXT_MAX);
	if (a->opened) {
		buf_append(&row, STR("; it opens "));
		buf_append_u64(&row, a->opened);
		buf_append(&row, STR(" paths of protected data, the first: "));
		site_row_write(&now->compiled.matrix.words, &a->row, &row);
		buf_append(&row, STR(" -> "));
		buf_append(&row, a->at.model);
		buf_append(&row, STR(" at "));
		buf_append(&row, a->at.site);
	} else {
		buf_append(&row, a->first ? STR("; it is the first with protected data")
					  : STR("; it changes what is protected, or who approves"));
	}
	err_ignore(ERR(err, ERR_DENIED,
		       "%u of %d approvals are there" STR_FMT ": writ site approve --key KEY",
		       a->have, CONFIG_APPROVERS, STR_ARG(buf_str(&row))));
	buf_done(&row);
	return ERR_DENIED;
}

enum err_code accepted_check(struct str state, const struct residency *now, struct err *err)
{
	struct approval a;

	TRY(accepted_ask(state, now, &a, err));
	return approval_holds(&a) ? ERR_OK : refuse(now, &a, err);
}

static enum err_code put(int fd, const char *before, struct str text, struct err *err)
{
	if (dprintf(fd, "%s", before) < 0) {
		return ERR_ERRNO(err, "writing %s", NEW_NAME);
	}
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno != EINTR) {
			return ERR_ERRNO(err, "writing %s", NEW_NAME);
		}
		text = str_from(text, n < 0 ? 0 : (size_t)n);
	}
	return ERR_OK;
}

static enum err_code write_new(int dir_fd, struct str config, int policies_fd, struct arena *a,
			       struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(dir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	struct str policies;

	if (fd < 0) {
		return ERR_ERRNO(err, "making %s", NEW_NAME);
	}
	TRY(fd_read_all(policies_fd, ACCEPTED_MAX, a, &policies, err));
	TRY(put(fd, "{\"config\":", config, err));
	TRY(put(fd, ",\"policies\":", policies, err));
	TRY(put(fd, "}\n", STR(""), err));
	if (fsync(fd) < 0 || renameat(dir_fd, NEW_NAME, dir_fd, FILE_NAME) < 0) {
		return ERR_ERRNO(err, "writing %s", FILE_NAME);
	}
	return ERR_OK;
}

enum err_code accepted_write(int state_fd, const struct config *cfg, int policies_fd,
			     struct err *err)
{
	struct config whole = *cfg;
	enum err_code code;
	struct arena a;
	struct buf text;

	if (cfg->residency.protected.n == 0 && faccessat(state_fd, FILE_NAME, F_OK, 0) < 0 &&
	    errno == ENOENT) {
		return ERR_OK;
	}
	whole.severed = STR("");
	buf_init(&text, ACCEPTED_MAX);
	config_encode_json(&whole, CONFIG_VIEW_GATE, &text);
	arena_init(&a, 4 * (size_t)ACCEPTED_MAX);
	code = text.failed ? ERR(err, ERR_NOMEM, "no memory for the configuration")
			   : write_new(state_fd, buf_str(&text), policies_fd, &a, err);
	arena_done(&a);
	buf_done(&text);
	return code;
}
