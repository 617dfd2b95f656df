/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth/challenge.h"

#include "json/write.h"

static void member_list(struct json_writer *w, struct str key, const struct str *items, size_t n)
{
	json_w_key(w, key);
	json_w_array(w);
	for (size_t i = 0; i < n; i++) {
		json_w_str(w, items[i]);
	}
	json_w_end(w);
}

void oauth_metadata_write(struct buf *out, const struct oauth_resource *r)
{
	static const struct str header[] = {STR_INIT("header")};
	struct json_writer w = json_writer(out);

	json_w_object(&w);
	json_w_member_str(&w, STR("resource"), r->resource);
	member_list(&w, STR("authorization_servers"), r->issuers, r->n_issuers);
	if (r->n_scopes) {
		member_list(&w, STR("scopes_supported"), r->scopes, r->n_scopes);
	}
	member_list(&w, STR("bearer_methods_supported"), header, 1);
	json_w_member_str(&w, STR("resource_name"), STR("Writ"));
	json_w_end(&w);
}

size_t oauth_path_at(struct str url)
{
	size_t scheme = str_find_str(url, STR("://"));
	struct str rest = str_from(url, scheme + 3);

	return scheme == url.n ? url.n : url.n - rest.n + str_find(rest, '/');
}

void oauth_challenge_write(struct buf *out, enum oauth_error error, struct str resource,
			   const struct str *scopes, size_t n_scopes)
{
	size_t path = oauth_path_at(resource);

	buf_append(out, STR("Bearer "));
	switch (error) {
	case OAUTH_NO_TOKEN:
		break;
	case OAUTH_INVALID_TOKEN:
		buf_append(out, STR("error=\"invalid_token\", "));
		break;
	case OAUTH_INSUFFICIENT_SCOPE:
		buf_append(out, STR("error=\"insufficient_scope\", "));
		break;
	}
	buf_append(out, STR("resource_metadata=\""));
	buf_append(out, str_make(resource.p, path));
	buf_append(out, OAUTH_WELL_KNOWN);
	buf_append(out, str_from(resource, path));
	buf_append_c(out, '"');
	for (size_t i = 0; i < n_scopes; i++) {
		buf_append(out, i ? STR(" ") : STR(", scope=\""));
		buf_append(out, scopes[i]);
	}
	buf_append(out, n_scopes ? STR("\"") : STR(""));
}
