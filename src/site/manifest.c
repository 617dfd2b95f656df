/* SPDX-License-Identifier: Apache-2.0 */
#include "site/manifest.h"

#include "policy/ext.h"
#include "json/parse.h"

/* What is read, and where the first thing wrong is. */
struct reader {
	struct arena *a;
	struct str name, text;
	struct err *err;
	enum err_code code;
};

static void wrong(struct reader *r, const struct json *j, const char *what)
{
	size_t line, column;

	if (r->code) {
		return;
	}
	json_position(r->text, j->at, &line, &column);
	r->code = ERR(r->err, ERR_INVALID, STR_FMT ":%zu:%zu: " STR_FMT "%s%s", STR_ARG(r->name),
		      line, column, STR_ARG(j->key), j->key.n ? ": " : "", what);
}

static bool is_code(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(i && ((c >= '0' && c <= '9') || c == '-'))) {
			return false;
		}
	}
	return s.n >= 2 && s.n <= SITE_CODE_MAX;
}

static bool is_hash(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) {
			return false;
		}
	}
	return s.n == 64;
}

static bool is_scheme(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (i && c == '-'))) {
			return false;
		}
	}
	return s.n >= 2 && s.n <= SITE_NAME_MAX;
}

static struct str read_code(struct reader *r, const struct json *j)
{
	if (!json_is_string(j) || !is_code(j->text)) {
		wrong(r, j, "a jurisdiction is written in capitals, as in DE");
		return str_make(NULL, 0);
	}
	return j->text;
}

static struct str read_text(struct reader *r, const struct json *j)
{
	if (!json_is_string(j) || j->text.n == 0 || j->text.n > 256) {
		wrong(r, j, "expected a text of 1 to 256 bytes");
		return str_make(NULL, 0);
	}
	return j->text;
}

static struct site_codes read_list(struct reader *r, const struct json *j, bool ok(struct str),
				   const char *what)
{
	struct site_codes list = {.stated = true};
	struct str *items;

	if (!json_is_array(j) || j->n > SITE_LIST_MAX) {
		wrong(r, j, "expected a list of at most 64");
		return (struct site_codes){0};
	}
	items = ARENA_ARRAY(r->a, j->n + 1, struct str);
	if (!items) {
		r->code = ERR(r->err, ERR_NOMEM, "no memory for a manifest");
		return (struct site_codes){0};
	}
	JSON_EACH (item, j) {
		if (!json_is_string(item) || !ok(item->text)) {
			wrong(r, item, what);
		}
		items[list.n++] = json_str(item);
	}
	list.items = items;
	return list;
}

static struct site_codes read_codes(struct reader *r, const struct json *j)
{
	return read_list(r, j, is_code, "a jurisdiction is written in capitals, as in DE");
}

static void read_operator(struct reader *r, const struct json *j, struct site_manifest *m)
{
	if (!json_is_object(j)) {
		wrong(r, j, "expected an object");
		return;
	}
	JSON_EACH (item, j) {
		if (str_eq(item->key, STR("name"))) {
			m->operator_name = read_text(r, item);
		} else if (str_eq(item->key, STR("country"))) {
			m->operator_country = read_code(r, item);
		} else if (str_eq(item->key, STR("controlled_by"))) {
			m->controlled_by = read_codes(r, item);
		} else {
			wrong(r, item, "an operator has name, country and controlled_by");
		}
	}
}

static void read_sub(struct reader *r, const struct json *j, struct site_sub *sub)
{
	if (!json_is_object(j)) {
		wrong(r, j, "a sub-processor is an object");
		return;
	}
	JSON_EACH (item, j) {
		if (str_eq(item->key, STR("name"))) {
			sub->name = read_text(r, item);
		} else if (str_eq(item->key, STR("country"))) {
			sub->country = read_code(r, item);
		} else if (str_eq(item->key, STR("controlled_by"))) {
			sub->controlled_by = read_codes(r, item);
		} else {
			wrong(r, item, "a sub-processor has name, country and controlled_by");
		}
	}
}

static void read_subs(struct reader *r, const struct json *j, struct site_manifest *m)
{
	struct site_sub *subs;

	if (!json_is_array(j) || j->n > SITE_LIST_MAX) {
		wrong(r, j, "expected a list of at most 64");
		return;
	}
	subs = ARENA_ARRAY(r->a, j->n + 1, struct site_sub);
	if (!subs) {
		r->code = ERR(r->err, ERR_NOMEM, "no memory for a manifest");
		return;
	}
	JSON_EACH (item, j) {
		read_sub(r, item, &subs[m->n_subs++]);
	}
	m->subs = subs;
	m->subs_stated = true;
}

static void read_retention(struct reader *r, const struct json *j, struct site_manifest *m)
{
	if (json_str_is(j, STR("none"))) {
		m->retention = SITE_KEEPS_NOTHING;
	} else if (json_is_string(j) && policy_duration_parse(j->text, &m->retention_ms) &&
		   m->retention_ms > 0) {
		m->retention = SITE_KEEPS_FOR;
	} else if (!json_str_is(j, STR("unlimited"))) {
		wrong(r, j, "expected \"none\", \"unlimited\" or a duration, as in \"30d\"");
	}
}

static void read_custody(struct reader *r, const struct json *j, struct site_manifest *m)
{
	struct str s = json_str(j);

	if (str_eq(s, STR("customer"))) {
		m->custody = SITE_KEYS_CUSTOMER;
	} else if (str_starts_with(s, STR("hsm:")) && is_code(str_from(s, 4))) {
		m->custody = SITE_KEYS_HSM;
		m->hsm_country = str_from(s, 4);
	} else if (!str_eq(s, STR("provider"))) {
		wrong(r, j, "expected \"customer\", \"provider\" or \"hsm:COUNTRY\"");
	}
}

static void read_date(struct reader *r, const struct json *j, int64_t *to)
{
	if (!json_is_string(j) || !site_date_parse(j->text, to) || *to <= 0) {
		wrong(r, j, "expected a date, as in \"2027-01-31\"");
	}
}

/* True when the member is one of the facts about the operator and who else comes near. */
static bool read_who(struct reader *r, const struct json *j, struct site_manifest *m)
{
	if (str_eq(j->key, STR("country"))) {
		m->country = read_code(r, j);
	} else if (str_eq(j->key, STR("operator"))) {
		read_operator(r, j, m);
	} else if (str_eq(j->key, STR("admin_access"))) {
		m->admin_access = read_codes(r, j);
	} else if (str_eq(j->key, STR("support_from"))) {
		m->support_from = read_codes(r, j);
	} else if (str_eq(j->key, STR("subprocessors"))) {
		read_subs(r, j, m);
	} else if (str_eq(j->key, STR("logs"))) {
		m->logs = read_code(r, j);
	} else {
		return false;
	}
	return true;
}

static bool read_what(struct reader *r, const struct json *j, struct site_manifest *m)
{
	if (str_eq(j->key, STR("retention"))) {
		read_retention(r, j, m);
	} else if (str_eq(j->key, STR("training"))) {
		if (!json_is_bool(j)) {
			wrong(r, j, "expected true or false");
		}
		m->no_training = json_is_bool(j) && !j->boolean;
	} else if (str_eq(j->key, STR("key_custody"))) {
		read_custody(r, j, m);
	} else if (str_eq(j->key, STR("certificates"))) {
		m->certificates =
			read_list(r, j, is_hash, "a SHA-256 is 64 hexadecimal digits, lower case");
	} else if (str_eq(j->key, STR("attestation"))) {
		m->attestation = json_str_is(j, STR("none")) ? str_make(NULL, 0) : read_text(r, j);
	} else if (str_eq(j->key, STR("schemes"))) {
		m->schemes = read_list(r, j, is_scheme, "a scheme is one word, as in dpf");
	} else if (str_eq(j->key, STR("issued"))) {
		read_date(r, j, &m->issued);
	} else if (str_eq(j->key, STR("expires"))) {
		read_date(r, j, &m->expires);
	} else {
		return false;
	}
	return true;
}

enum err_code site_manifest_parse(struct arena *a, struct str name, struct str text,
				  struct site_manifest *ret, struct err *err)
{
	const struct json_opts opts = {
		.name = name, .max_depth = 8, .max_nodes = 16384, .max_bytes = SITE_MANIFEST_MAX};
	struct reader r = {.a = a, .name = name, .text = text, .err = err};
	struct site_manifest m = {0};
	bool version = false;
	const struct json *root;

	TRY(json_parse(a, text, &opts, &root, err));
	if (!json_is_object(root)) {
		return ERR(err, ERR_INVALID, STR_FMT ": a manifest is an object", STR_ARG(name));
	}
	JSON_EACH (item, root) {
		if (str_eq(item->key, STR("version"))) {
			uint64_t v;

			version = json_u64(item, &v) && v == 1;
		} else if (str_eq(item->key, STR("site"))) {
			m.site = read_text(&r, item);
		} else if (!read_who(&r, item, &m) && !read_what(&r, item, &m)) {
			wrong(&r, item, "a manifest has no such member");
		}
	}
	if (!r.code && (!version || !m.site.n)) {
		return ERR(err, ERR_INVALID,
			   STR_FMT ": a manifest begins with \"version\": 1 and names its site",
			   STR_ARG(name));
	}
	TRY(r.code);
	*ret = m;
	return ERR_OK;
}

/* ---- exposure ---- */

static void expose(struct site_exposure *e, struct str code)
{
	size_t at = 0;

	if (code.n == 0) {
		e->anyone = true;
		return;
	}
	while (at < e->n && str_cmp(e->codes[at], code) < 0) {
		at++;
	}
	if (at < e->n && str_eq(e->codes[at], code)) {
		return;
	}
	if (e->n == SITE_EXPOSURE_MAX) {
		e->anyone = true;
		return;
	}
	memmove(&e->codes[at + 1], &e->codes[at], (e->n - at) * sizeof(e->codes[0]));
	e->codes[at] = code;
	e->n++;
}

static void expose_all(struct site_exposure *e, const struct site_codes *codes)
{
	e->anyone = e->anyone || !codes->stated;
	for (size_t i = 0; i < codes->n; i++) {
		expose(e, codes->items[i]);
	}
}

void site_exposure(const struct site_manifest *m, struct site_exposure *ret)
{
	*ret = (struct site_exposure){.anyone = !m};
	if (!m) {
		return;
	}
	expose(ret, m->country);
	expose(ret, m->operator_country);
	expose(ret, m->logs);
	expose_all(ret, &m->controlled_by);
	expose_all(ret, &m->admin_access);
	expose_all(ret, &m->support_from);
	ret->anyone = ret->anyone || !m->subs_stated;
	for (size_t i = 0; i < m->n_subs; i++) {
		expose(ret, m->subs[i].country);
		expose_all(ret, &m->subs[i].controlled_by);
	}
	if (m->custody == SITE_KEYS_HSM) {
		expose(ret, m->hsm_country);
	}
}

bool site_manifest_holds(const struct site_manifest *m, int64_t now, struct site_window *w)
{
	if (!m) {
		return false;
	}
	site_window_cut(w, m->expires, now);
	site_window_cut(w, m->issued, now);
	return m->issued <= now && now < m->expires;
}

bool site_within(const struct site_exposure *e, const struct site_groups *groups, struct str group,
		 const struct site_manifest *m, int64_t now, struct site_window *w)
{
	for (size_t i = 0; i < e->n && !e->anyone; i++) {
		if (!str_eq(e->codes[i], group) &&
		    !site_groups_have(groups, group, e->codes[i], m ? m->schemes.items : NULL,
				      m ? m->schemes.n : 0, now, w)) {
			return false;
		}
	}
	return e->n > 0 && !e->anyone;
}
