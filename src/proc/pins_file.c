/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/pins_file.h"

#include "base/hex.h"
#include "proc/pin_store.h"
#include "sys/fd.h"

#include <stdio.h>

enum { PATH_MAX_HERE = 700 };

enum err_code pins_file_read(struct arena *a, struct str state, const struct json **ret,
			     struct err *err)
{
	const struct json_opts opts = {.name = STR("pins.json"), .max_bytes = PINS_FILE_MAX};
	const struct json *doc;
	char path[PATH_MAX_HERE];
	enum err_code code;
	struct str text;

	(void)snprintf(path, sizeof(path), "%.*s/pins/pins.json", STR_ARG(state));
	code = fd_read_path(path, PINS_FILE_MAX, a, &text, err);
	if (code == ERR_NOT_FOUND) {
		return ERR(err, ERR_NOT_FOUND,
			   "nothing is pinned yet: %s does not exist. What a server offers is "
			   "pinned when it is first used",
			   path);
	}
	TRY(code);
	TRY(json_parse(a, text, &opts, &doc, err));
	*ret = json_get(doc, STR("pins"));
	return json_is_array(*ret) ? ERR_OK : ERR(err, ERR_CORRUPT, "%s holds no pins", path);
}

struct str pins_file_member(const struct json *pin, struct str key)
{
	struct str s = json_str(json_get(pin, key));

	return s.p ? s : STR("");
}

enum err_code pins_file_text(struct arena *a, struct str state, const struct json *pin,
			     const char *which, struct str *ret, struct err *err)
{
	struct str wanted = pins_file_member(pin, str_from_c(which));
	uint8_t digest[SHA256_LEN], is[SHA256_LEN];
	char path[PATH_MAX_HERE];

	*ret = STR("");
	if (!wanted.n) {
		return ERR_OK;
	}
	(void)snprintf(path, sizeof(path), "%.*s/pins/%.*s.%s", STR_ARG(state),
		       STR_ARG(pins_file_member(pin, STR("id"))), which);
	TRY(fd_read_path(path, PIN_TEXT_MAX, a, ret, err));
	sha256_of(*ret, is);
	if (!hex_read(wanted, digest, SHA256_LEN) || memcmp(digest, is, SHA256_LEN) != 0) {
		return ERR(err, ERR_CORRUPT,
			   "%s is not the text that pins.json speaks of. Say it again: the node "
			   "may have been writing it",
			   path);
	}
	return ERR_OK;
}
