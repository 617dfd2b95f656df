/* SPDX-License-Identifier: Apache-2.0 */
/* Placeholders of credentials in requests of agents: each stands where its secret belongs, or nowhere. */
#include "gate/exit_priv.h"

#include "base/hex.h"

static const struct str placeholder = STR_INIT("writ-credential-");

bool exit_has_placeholder(struct str text)
{
	return str_find_str(text, placeholder) < text.n;
}

bool exit_has_secret(const struct exit_place *p)
{
	for (size_t i = 0; i < p->config->n_credentials; i++) {
		if (config_credential_is_for(&p->config->credentials[i], p->host, p->tls)) {
			return true;
		}
	}
	return false;
}

static bool belong(const struct exit_place *p, struct str header, struct str text)
{
	for (;;) {
		const struct config_credential *k;
		size_t n = 0;

		text = str_from(text, str_find_str(text, placeholder));
		if (text.n == 0) {
			return true;
		}
		text = str_from(text, placeholder.n);
		while (n < text.n && text.p[n] != ' ' && text.p[n] != ':' && text.p[n] != ',' &&
		       text.p[n] != ';' && text.p[n] != '"') {
			n++;
		}
		k = config_credential_find(p->config, str_make(text.p, n));
		if (!k || !config_credential_is_for(k, p->host, p->tls) ||
		    !str_ieq(k->header, header) || !str_starts_with(p->path, k->url.target)) {
			return false;
		}
	}
}

bool exit_value_belongs(const struct exit_place *p, const struct http_field *f, struct arena *a)
{
	struct str plain;

	if (!belong(p, f->name, f->value)) {
		return false;
	}
	return f->value.n <= 6 || !str_ieq(str_make(f->value.p, 6), STR("Basic ")) ||
	       !base64_decode(a, str_trim(str_from(f->value, 6)), &plain) ||
	       belong(p, f->name, plain);
}
