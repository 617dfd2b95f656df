/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes back to a login, and what is kept of one: the first byte picks the reader. A code is taken only when
 * the state that was sent and the right issuer stand in the query; what is kept reads back as it was written; what
 * a registration or a device code brings is text within its limits.
 */
#include "oauth/login.h"
#include "tests/fuzz/oauth/readers.h"

static void consent(struct arena *a, struct str in)
{
	const struct oauth_login l = {
		.state = STR("Zx9"), .issuer = STR("https://as"), .says_issuer = true};
	struct str code;

	if (oauth_consent_read(a, in, &l, &code, NULL) == ERR_OK) {
		check(code.n > 0 && code.n <= OAUTH_CODE_MAX && oauth_is_visible(code));
		check(str_find_str(in, STR("state=")) < in.n &&
		      str_find_str(in, STR("iss=")) < in.n);
		check(str_find_str(in, STR("error=")) == in.n);
	}
}

static void kept(struct arena *a, struct str in)
{
	struct oauth_login l, back;
	struct buf once, twice;

	if (oauth_login_read(a, in, &l, NULL)) {
		return;
	}
	check(l.issuer.n && l.client.n && l.method);
	buf_init(&once, OAUTH_LOGIN_BYTES);
	buf_init(&twice, OAUTH_LOGIN_BYTES);
	if (oauth_login_write(&l, &once, NULL) == ERR_OK) {
		check(oauth_login_read(a, buf_str(&once), &back, NULL) == ERR_OK);
		check(oauth_login_write(&back, &twice, NULL) == ERR_OK);
		check(str_eq(buf_str(&once), buf_str(&twice)));
	}
	buf_done(&once);
	buf_done(&twice);
}

static void registered(struct arena *a, struct str in)
{
	const struct oauth_server s = {.none = true};
	struct oauth_login l = {0};

	if (oauth_registration_read(a, 201, in, &s, &l, NULL) == ERR_OK) {
		check(l.client.n > 0 && l.client.n <= OAUTH_CLIENT_MAX &&
		      oauth_is_visible(l.client));
		check(l.method == OAUTH_METHOD_NONE ? l.secret.n == 0 : l.secret.n > 0);
	}
	check(oauth_registration_read(a, 400, in, &s, &l, NULL) == ERR_DENIED);
}

static void device(struct arena *a, struct str in)
{
	struct str joined = oauth_scopes_join(a, in, in);
	struct oauth_device d;

	check(str_eq(joined, oauth_scopes_join(a, joined, in)));
	if (oauth_device_read(a, in, &d, NULL) == ERR_OK) {
		check(d.user.n > 0 && oauth_is_visible(d.user) && oauth_is_visible(d.url));
		check(d.seconds <= 3600 && d.interval <= 60);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static fuzz_reader *const readers[] = {consent, kept, registered, device};

	return fuzz_readers(readers, ARRAY_LEN(readers), data, n);
}
