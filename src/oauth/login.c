/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth/login.h"

#include "crypto/secret.h"
#include "oauth/jwt.h"
#include "json/write.h"

#include <stddef.h>

enum { MEMBERS_MAX = 32 };

static const struct text_member {
	struct str name;
	size_t at, max;
	bool required;
} texts[] = {
#define TEXT(name_, field, max_, required_)                                                        \
	{                                                                                          \
		.name = STR_INIT(name_), .at = offsetof(struct oauth_login, field), .max = (max_), \
		.required = (required_)                                                            \
	}
	TEXT("issuer", issuer, OAUTH_URI_MAX, true),
	TEXT("token_endpoint", token_endpoint, OAUTH_URI_MAX, true),
	TEXT("revocation_endpoint", revocation, OAUTH_URI_MAX, false),
	TEXT("client_id", client, OAUTH_CLIENT_MAX, true),
	TEXT("client_secret", secret, OAUTH_CLIENT_MAX, false),
	TEXT("resource", resource, OAUTH_URI_MAX, false),
	TEXT("scope", scope, OAUTH_SCOPES_TEXT_MAX, false),
	TEXT("redirect_uri", redirect, OAUTH_URI_MAX, false),
	TEXT("state", state, 64, false),
	TEXT("code_verifier", verifier, 128, false),
	TEXT("device_code", device, OAUTH_CODE_MAX, false),
	TEXT("refresh_token", refresh, OAUTH_REFRESH_MAX, false),
	TEXT("access_token", access, OAUTH_ACCESS_MAX, false),
#undef TEXT
};

static struct str *text_of(const struct oauth_login *l, const struct text_member *m)
{
	return (struct str *)(void *)((char *)(uintptr_t)l + m->at);
}

static void write_all(const struct oauth_login *l, struct buf *to, bool access)
{
	struct json_writer w = json_writer(to);

	json_w_object(&w);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct str text = *text_of(l, &texts[i]);

		if (text.n && (access || texts[i].at != offsetof(struct oauth_login, access))) {
			json_w_member_str(&w, texts[i].name, text);
		}
	}
	json_w_member_str(&w, STR("method"), oauth_method_name(l->method));
	json_w_member_bool(&w, STR("says_issuer"), l->says_issuer);
	json_w_member_u64(&w, STR("until"), l->until);
	json_w_end(&w);
}

enum err_code oauth_login_write(const struct oauth_login *l, struct buf *to, struct err *err)
{
	struct buf text;

	buf_init(&text, OAUTH_LOGIN_BYTES);
	write_all(l, &text, l->access.n <= OAUTH_ACCESS_MAX);
	if (text.failed) {
		buf_clear(&text);
		write_all(l, &text, false);
	}
	buf_append(to, buf_str(&text));
	to->failed |= text.failed;
	if (text.p) {
		secret_wipe(text.p, text.cap);
	}
	buf_done(&text);
	return to->failed ? ERR(err, ERR_LIMIT, "what is to be kept of the login is too long")
			  : ERR_OK;
}

static enum err_code take_text(const struct json *item, struct oauth_login *l, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!str_eq(item->key, texts[i].name)) {
			continue;
		}
		if (!json_is_string(item) || item->text.n > texts[i].max ||
		    !oauth_is_visible(item->text)) {
			break;
		}
		*text_of(l, &texts[i]) = item->text;
		return ERR_OK;
	}
	return ERR(err, ERR_INVALID, "what is kept of a login has a member that is none");
}

enum err_code oauth_login_read(struct arena *a, struct str text, struct oauth_login *ret,
			       struct err *err)
{
	const struct json_opts limits = {.name = STR("the login"),
					 .max_depth = 2,
					 .max_nodes = MEMBERS_MAX,
					 .max_bytes = OAUTH_LOGIN_BYTES};
	struct oauth_login l = {0};
	const struct json *root;

	TRY(json_parse(a, text, &limits, &root, err));
	if (!json_is_object(root)) {
		return ERR(err, ERR_INVALID, "what is kept of a login is no object");
	}
	JSON_EACH (item, root) {
		if (str_eq(item->key, STR("method"))) {
			l.method = oauth_method_by_name(json_str(item));
		} else if (str_eq(item->key, STR("says_issuer")) && json_is_bool(item)) {
			l.says_issuer = item->boolean;
		} else if (!str_eq(item->key, STR("until")) || !json_u64(item, &l.until)) {
			TRY(take_text(item, &l, err));
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].required && !text_of(&l, &texts[i])->n) {
			return ERR(err, ERR_INVALID, "what is kept of a login lacks a member");
		}
	}
	if (!l.method) {
		return ERR(err, ERR_INVALID, "what is kept of a login lacks a method");
	}
	*ret = l;
	return ERR_OK;
}

/* ---- scopes ---- */

static bool has_word(struct str text, struct str word)
{
	while (text.n) {
		if (str_eq(str_cut(&text, ' '), word)) {
			return true;
		}
	}
	return false;
}

struct str oauth_scopes_join(struct arena *a, struct str first, struct str second)
{
	struct str in[] = {first, second}, ret;
	struct buf to;

	buf_init(&to, OAUTH_SCOPES_TEXT_MAX);
	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		while (in[i].n) {
			struct str word = str_cut(&in[i], ' ');

			if (!oauth_is_scope(word) || has_word(buf_str(&to), word) ||
			    buf_len(&to) + 1 + word.n > OAUTH_SCOPES_TEXT_MAX) {
				continue;
			}
			buf_append(&to, buf_len(&to) ? STR(" ") : STR(""));
			buf_append(&to, word);
		}
	}
	ret = arena_dup(a, buf_str(&to));
	buf_done(&to);
	return ret;
}
