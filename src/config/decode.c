/* SPDX-License-Identifier: Apache-2.0 */
#include "config/decode_priv.h"

#include "base/hex.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_TEXT = 1024, MAX_LONG = 8192, MAX_PATH = 1024, MAX_STRS = 256 };

void config_nomem(struct config_ctx *c)
{
	c->nomem = true;
}

void config_report(struct config_ctx *c, size_t at, const char *fmt, ...)
{
	struct config_errors *e = c->errors;
	size_t line, column;
	char text[512];
	struct str kept;
	va_list ap;

	if (e->n == CONFIG_MAX_ERRORS) {
		e->more++;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_position(c->src->text, at, &line, &column);
	kept = arena_printf(c->a, STR_FMT ":%zu:%zu: %s", STR_ARG(c->src->name), line, column,
			    text);
	if (!kept.p) {
		config_nomem(c);
		return;
	}
	e->lines[e->n++] = kept;
}

bool config_expect(struct config_ctx *c, const struct json *node, enum json_type type)
{
	if (node->type == type) {
		return true;
	}
	if (type == JSON_STRING && (node->type == JSON_NUMBER || node->type == JSON_BOOL)) {
		config_report(c, node->at, "expected a string, found %s: put it in quotes",
			      json_type_name(node->type));
	} else if (node->type == JSON_NULL) {
		config_report(c, node->at, "a value is missing: expected %s", json_type_name(type));
	} else {
		config_report(c, node->at, "expected %s, found %s", json_type_name(type),
			      json_type_name(node->type));
	}
	return false;
}

static void report_unknown_key(struct config_ctx *c, const struct json *item,
			       const struct config_field *fields, size_t n)
{
	const struct config_field *near = NULL;
	unsigned best = item->key.n > 4 ? 3 : 2; /* one edit more than is called near */

	for (size_t i = 0; i < n && item->key.n <= 64; i++) {
		unsigned d = str_distance(item->key, fields[i].key, 2);

		if (d < best) {
			best = d;
			near = &fields[i];
		}
	}
	if (near) {
		config_report(c, item->key_at,
			      "unknown key '" STR_FMT "' (did you mean '" STR_FMT "'?)",
			      STR_ARG(item->key), STR_ARG(near->key));
	} else {
		config_report(c, item->key_at, "unknown key '%.*s'",
			      (int)(item->key.n < 64 ? item->key.n : 64), item->key.p);
	}
}

void config_read_fields(struct config_ctx *c, const struct json *node,
			const struct config_field *fields, size_t n, const char *what, void *to)
{
	if (!config_expect(c, node, JSON_OBJECT)) {
		return;
	}
	JSON_EACH (item, node) {
		size_t i = 0;

		while (i < n && !str_eq(item->key, fields[i].key)) {
			i++;
		}
		if (i == n) {
			report_unknown_key(c, item, fields, n);
		} else {
			fields[i].read(c, &fields[i], item, (char *)to + fields[i].offset);
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (fields[i].required && !json_get(node, fields[i].key)) {
			config_report(c, node->at, "%s needs the key '" STR_FMT "'", what,
				      STR_ARG(fields[i].key));
		}
	}
}

void *config_items(struct config_ctx *c, const struct json *node, enum json_type type, size_t max,
		   size_t size, size_t *ret_n)
{
	void *items;

	*ret_n = 0;
	if (node->type == JSON_NULL || !config_expect(c, node, type)) {
		return NULL;
	}
	if (node->n > max) {
		config_report(c, node->at, "%u entries are more than %zu", node->n, max);
		return NULL;
	}
	items = arena_array(c->a, node->n, size);
	if (!items) {
		config_nomem(c);
		return NULL;
	}
	*ret_n = node->n;
	return items;
}

static bool has_control(struct str s, bool allow_breaks)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if ((ch < 0x20 && !(allow_breaks && (ch == '\n' || ch == '\t'))) || ch == 0x7f) {
			return true;
		}
	}
	return false;
}

static bool text_ok(struct config_ctx *c, const struct json *node, size_t max, bool breaks)
{
	if (!config_expect(c, node, JSON_STRING)) {
		return false;
	}
	if (node->text.n > max) {
		config_report(c, node->at, "longer than %zu bytes", max);
		return false;
	}
	if (has_control(node->text, breaks)) {
		config_report(c, node->at, "control characters are not accepted here");
		return false;
	}
	return true;
}

void config_read_text(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	(void)f;
	if (!text_ok(c, node, MAX_TEXT, false)) {
		return;
	}
	if (node->text.n == 0) {
		config_report(c, node->at, "the text is empty");
		return;
	}
	*(struct str *)to = node->text;
}

void config_read_long(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	(void)f;
	if (text_ok(c, node, MAX_LONG, true)) {
		*(struct str *)to = node->text;
	}
}

void config_read_id(struct config_ctx *c, const struct config_field *f, const struct json *node,
		    void *to)
{
	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	if (!config_is_id(node->text)) {
		config_report(c, node->at,
			      "an id has 1 to 32 characters of a-z, 0-9, '_' and '-', and begins "
			      "with a letter or a digit");
		return;
	}
	*(struct str *)to = node->text;
}

void config_read_agent(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	if (!config_is_agent_name(node->text)) {
		config_report(
			c, node->at,
			"an agent's name has 1 to 128 letters, digits and any of ._@:/+-|%%~ and "
			"begins with a letter or a digit");
		return;
	}
	*(struct str *)to = node->text;
}

/* Joins, and drops "./", "//" and a slash at the end; ".." stays: only the kernel can follow it. */
static struct str make_path(struct config_ctx *c, struct str text)
{
	struct str dir = text.p[0] == '/' ? STR("") : c->src->dir;
	struct str path = arena_printf(c->a, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(text));
	char *to = (char *)(uintptr_t)path.p;
	struct str rest = path;
	size_t n = 0;

	if (!path.p) {
		config_nomem(c);
		return path;
	}
	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (part.n && !str_eq(part, STR("."))) {
			to[n++] = '/';
			memmove(to + n, part.p, part.n);
			n += part.n;
		}
	}
	if (n == 0) {
		to[n++] = '/';
	}
	to[n] = '\0';
	return str_make(to, n);
}

void config_read_path(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	struct str path;

	(void)f;
	if (!text_ok(c, node, MAX_PATH, false)) {
		return;
	}
	if (node->text.n == 0) {
		config_report(c, node->at, "the path is empty");
		return;
	}
	if (node->text.p[0] == '~') {
		config_report(c, node->at, "'~' is not expanded: write the whole path");
		return;
	}
	if (node->text.p[0] != '/' && c->src->dir.n == 0) {
		config_report(c, node->at, "the path must be absolute");
		return;
	}
	path = make_path(c, node->text);
	if (path.n > MAX_PATH) {
		config_report(c, node->at, "the whole path is longer than %d bytes", MAX_PATH);
	} else if (path.n) {
		*(struct str *)to = path;
	}
}

void config_read_bool(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	(void)f;
	if (node->type == JSON_STRING) {
		config_report(c, node->at, "expected true or false");
	} else if (config_expect(c, node, JSON_BOOL)) {
		*(bool *)to = node->boolean;
	}
}

static bool in_range(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     uint64_t v)
{
	if (v >= f->min && v <= f->max) {
		return true;
	}
	config_report(c, node->at, "must be between %llu and %llu", (unsigned long long)f->min,
		      (unsigned long long)f->max);
	return false;
}

static bool read_number(struct config_ctx *c, const struct config_field *f, const struct json *node,
			uint64_t *ret)
{
	if (!config_expect(c, node, JSON_NUMBER)) {
		return false;
	}
	if (!json_u64(node, ret)) {
		config_report(c, node->at, "expected a whole number that is not negative");
		return false;
	}
	return in_range(c, f, node, *ret);
}

void config_read_u64(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	uint64_t v;

	if (read_number(c, f, node, &v)) {
		*(uint64_t *)to = v;
	}
}

void config_read_u32(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	uint64_t v;

	ASSERT(f->max <= UINT32_MAX);
	if (read_number(c, f, node, &v)) {
		*(uint32_t *)to = (uint32_t)v;
	}
}

void config_read_size(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	uint64_t v;

	if (node->type == JSON_STRING) {
		if (!config_parse_size(node->text, &v)) {
			config_report(c, node->at,
				      "expected a size, as in 4096, 64KiB, 16MiB or 1GiB");
			return;
		}
	} else if (node->type != JSON_NUMBER || !json_u64(node, &v)) {
		config_report(c, node->at, "expected a size, as in 4096, 64KiB, 16MiB or 1GiB");
		return;
	}
	if (v < f->min || v > f->max) {
		config_report(c, node->at, "must be between %llu and %llu bytes",
			      (unsigned long long)f->min, (unsigned long long)f->max);
		return;
	}
	*(uint64_t *)to = v;
}

/* 5000000 -> "5ms": the largest unit that leaves no rest. */
static struct str duration_text(char buf[static 32], uint64_t ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"d", UINT64_C(86400000000000)},
		     {"h", UINT64_C(3600000000000)},
		     {"m", UINT64_C(60000000000)},
		     {"s", 1000000000},
		     {"ms", 1000000},
		     {"us", 1000},
		     {"ns", 1}};
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(units) && (ns % units[i].ns || ns == 0)) {
		i++;
	}
	(void)snprintf(buf, 32, "%llu%s", (unsigned long long)(ns / units[i].ns), units[i].name);
	return str_from_c(buf);
}

void config_read_duration(struct config_ctx *c, const struct config_field *f,
			  const struct json *node, void *to)
{
	char low[32], high[32];
	uint64_t v = 0;
	bool zero = node->type == JSON_NUMBER && json_u64(node, &v) && v == 0;

	if (!zero && (node->type != JSON_STRING || !config_parse_duration(node->text, &v))) {
		config_report(c, node->at, "expected a duration, as in 5ms, 30s, 10m or 1h");
		return;
	}
	if (v < f->min || v > f->max) {
		config_report(c, node->at, "must be between " STR_FMT " and " STR_FMT,
			      STR_ARG(duration_text(low, f->min)),
			      STR_ARG(duration_text(high, f->max)));
		return;
	}
	*(uint64_t *)to = v;
}

/* "a, b or c" */
static struct str name_list(struct config_ctx *c, const char *const *names)
{
	struct str all = STR("");

	for (size_t i = 0; names[i]; i++) {
		all = arena_printf(c->a, STR_FMT "%s%s", STR_ARG(all),
				   i == 0         ? ""
				   : names[i + 1] ? ", "
						  : " or ",
				   names[i]);
	}
	return all;
}

void config_read_enum(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	if (node->type == JSON_STRING) {
		for (unsigned i = 0; f->names[i]; i++) {
			if (str_eq(node->text, str_from_c(f->names[i]))) {
				*(unsigned *)to = i;
				return;
			}
		}
	}
	config_report(c, node->at, "expected " STR_FMT, STR_ARG(name_list(c, f->names)));
}

static void read_strs(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      config_read *element, void *to)
{
	struct config_strs *strs = to;
	size_t n, i = 0;
	struct str *items;

	if (!config_expect(c, node, JSON_ARRAY)) {
		return;
	}
	items = config_items(c, node, JSON_ARRAY, MAX_STRS, sizeof(struct str), &n);
	JSON_EACH (item, node) {
		if (i < n) {
			element(c, f, item, &items[i++]);
		}
	}
	*strs = (struct config_strs){.items = items, .n = n};
}

void config_read_texts(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	read_strs(c, f, node, config_read_text, to);
}

void config_read_paths(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	read_strs(c, f, node, config_read_path, to);
}

/* Digits with colons between pairs, as openssl prints them, are the same digits. */
void config_read_sha256(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	char digits[64];
	size_t n = 0;

	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	for (size_t i = 0; i < node->text.n && n <= sizeof(digits); i++) {
		if (node->text.p[i] == ':' && n && n % 2 == 0) {
			continue;
		}
		if (n < sizeof(digits)) {
			digits[n] = node->text.p[i];
		}
		n++;
	}
	if (n != sizeof(digits) || !hex_read(str_make(digits, n), to, 32)) {
		config_report(c, node->at, "expected a SHA-256 as 64 hexadecimal digits");
	}
}

void config_read_site_ref(struct config_ctx *c, const struct config_field *f,
			  const struct json *node, void *to)
{
	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	if (!ARENA_GROW(c->a, &c->site_refs, c->n_site_refs, &c->cap_site_refs)) {
		config_nomem(c);
		return;
	}
	c->site_refs[c->n_site_refs++] = (struct config_site_ref){.node = node, .to = to};
}
