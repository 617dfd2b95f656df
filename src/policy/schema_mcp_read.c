/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that a tool takes or gives, as values of the declared types. */
#include "policy/schema_mcp_priv.h"

#include "policy/ext.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

struct reader {
	struct arena *a;
	size_t n_visits;
	struct err *err;
};

static enum err_code read_one(struct reader *r, const struct schema_mcp_shape *shape,
			      const struct json *j, struct policy_value *ret);

static enum err_code no_memory(struct reader *r)
{
	return ERR(r->err, ERR_NOMEM, "no memory for the arguments");
}

static enum err_code unfit(struct reader *r, const char *what, const struct json *j)
{
	return ERR(r->err, ERR_INVALID, "expected %s, found %s", what, json_type_name(j->type));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 3339 to the one spelling of the language: T, exactly three fraction digits, +hhmm. */
static bool read_datetime(struct str s, int64_t *ret)
{
	char text[32];
	size_t at = 19, n = 0;

	if (s.n < 20 || (s.p[10] != 'T' && s.p[10] != 't')) {
		return false;
	}
	memcpy(text, s.p, 19);
	text[10] = 'T';
	memcpy(text + 19, ".000", 4);
	if (s.p[at] == '.') {
		for (at++; at < s.n && is_digit(s.p[at]); at++, n++) {
			if (n < 3) {
				text[20 + n] = s.p[at];
			}
		}
		if (n == 0) {
			return false;
		}
	}
	s = str_from(s, at);
	if (s.n == 1 && (s.p[0] == 'Z' || s.p[0] == 'z')) {
		text[23] = 'Z';
		return policy_datetime_parse(str_make(text, 24), ret);
	}
	if (s.n != 6 || s.p[3] != ':') {
		return false;
	}
	memcpy(text + 23, s.p, 3);
	memcpy(text + 26, s.p + 4, 2);
	return policy_datetime_parse(str_make(text, 28), ret);
}

static bool add_scaled(int64_t *sum, int64_t n, int64_t unit)
{
	int64_t v;

	return !__builtin_mul_overflow(n, unit, &v) && !__builtin_add_overflow(*sum, v, sum);
}

/* Digits, then for seconds perhaps a fraction in *ret_ms. */
static bool read_count(struct str s, size_t *at, int64_t *ret, int64_t *ret_ms)
{
	size_t from = *at;
	int64_t unit = 100;

	*ret = 0;
	*ret_ms = 0;
	for (; *at < s.n && is_digit(s.p[*at]); (*at)++) {
		if (__builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, s.p[*at] - '0', ret)) {
			return false;
		}
	}
	if (*at == from) {
		return false;
	}
	if (*at < s.n && s.p[*at] == '.') {
		for ((*at)++; *at < s.n && is_digit(s.p[*at]); (*at)++, unit /= 10) {
			*ret_ms += (s.p[*at] - '0') * unit;
		}
		return s.p[*at - 1] != '.' && *at < s.n && s.p[*at] == 'S';
	}
	return true;
}

/* ISO 8601, as P1DT2H30M: units in their order, each at most once. */
static bool read_duration(struct str s, int64_t *ret)
{
	static const struct {
		char letter;
		bool time;
		int64_t ms;
	} units[] = {
		{'Y', false, 365 * DAY}, {'M', false, 30 * DAY}, {'W', false, 7 * DAY},
		{'D', false, DAY},       {'H', true, HOUR},      {'M', true, MINUTE},
		{'S', true, SECOND},
	};
	bool time = false, any = false;
	int64_t sum = 0, n, ms;
	size_t at = 1, unit = 0;

	if (s.n < 3 || s.p[0] != 'P') {
		return false;
	}
	while (at < s.n) {
		if (s.p[at] == 'T' && !time) {
			time = true;
			any = false;
			at++;
			continue;
		}
		if (!read_count(s, &at, &n, &ms) || at == s.n) {
			return false;
		}
		while (unit < ARRAY_LEN(units) &&
		       (units[unit].letter != s.p[at] || units[unit].time != time)) {
			unit++;
		}
		if (unit == ARRAY_LEN(units) || !add_scaled(&sum, n, units[unit].ms) ||
		    !add_scaled(&sum, ms, 1)) {
			return false;
		}
		unit++;
		at++;
		any = true;
	}
	*ret = sum;
	return any;
}

static enum err_code read_text(struct reader *r, enum mcp_kind kind, const struct json *j,
			       struct policy_value *ret)
{
	int64_t i;

	if (j->type != JSON_STRING) {
		return unfit(r, "a string", j);
	}
	if (kind == MCP_STRING) {
		*ret = policy_string(j->text);
		return ERR_OK;
	}
	if (kind == MCP_DATE && policy_datetime_parse(j->text, &i) && j->text.n == 10) {
		*ret = policy_scalar(POLICY_DATETIME, i);
		return ERR_OK;
	}
	if (kind == MCP_DATETIME && read_datetime(j->text, &i)) {
		*ret = policy_scalar(POLICY_DATETIME, i);
		return ERR_OK;
	}
	if (kind == MCP_DURATION && read_duration(j->text, &i)) {
		*ret = policy_scalar(POLICY_DURATION, i);
		return ERR_OK;
	}
	if (kind == MCP_DECIMAL_TEXT && policy_decimal_parse(j->text, &i)) {
		*ret = policy_scalar(POLICY_DECIMAL, i);
		return ERR_OK;
	}
	if (kind == MCP_IP && policy_ext_parse(POLICY_FN_IP, j->text, r->a, ret)) {
		return ERR_OK;
	}
	return ERR(r->err, r->a->exhausted ? ERR_NOMEM : ERR_INVALID,
		   "the text is not of the format the tool declares");
}

static enum err_code read_decimal(struct reader *r, const struct json *j, struct policy_value *ret)
{
	char text[40];
	struct str s = j->text;
	int64_t i;

	if (j->type != JSON_NUMBER) {
		return unfit(r, "a number", j);
	}
	if (str_find(s, '.') == s.n && s.n < sizeof(text) - 2) {
		memcpy(text, s.p, s.n);
		memcpy(text + s.n, ".0", 2);
		s = str_make(text, s.n + 2);
	}
	if (!policy_decimal_parse(s, &i)) {
		return ERR(r->err, ERR_INVALID, "the number is no decimal of four digits");
	}
	*ret = policy_scalar(POLICY_DECIMAL, i);
	return ERR_OK;
}

/* The value is never nothing: an entity that is only its name. */
static enum err_code read_opaque(struct reader *r, struct str type, struct str text,
				 struct policy_value *ret)
{
	struct policy_uid *uid;

	if (text.n > SCHEMA_MCP_MAX_ID) {
		return ERR(r->err, ERR_LIMIT, "a value without a type is longer than %d bytes",
			   SCHEMA_MCP_MAX_ID);
	}
	uid = ARENA_NEW(r->a, struct policy_uid);
	if (!uid) {
		return no_memory(r);
	}
	*uid = policy_uid_make(type, text);
	*ret = policy_entity(uid);
	return ERR_OK;
}

static enum err_code read_enum(struct reader *r, const struct schema_mcp_shape *shape,
			       const struct json *j, struct policy_value *ret)
{
	if (j->type != JSON_STRING) {
		return unfit(r, "a string", j);
	}
	for (size_t i = 0; i < shape->n_ids; i++) {
		if (str_eq(shape->ids[i], j->text)) {
			return read_opaque(r, shape->type, shape->ids[i], ret);
		}
	}
	return ERR(r->err, ERR_INVALID, "not one of the values the tool declares");
}

/* A digit of the number at a place left (>= 0) or right (< 0) of the point. */
struct digits {
	struct str text; /* with a point in it perhaps */
	size_t n;        /* digits */
	int64_t point;   /* how many of them stand left of the point */
};

static bool scan_digits(struct str s, struct digits *ret)
{
	size_t e = 0, dot;
	int64_t exp = 0;

	if (s.n > 0 && s.p[0] == '-') {
		s = str_from(s, 1);
	}
	while (e < s.n && s.p[e] != 'e' && s.p[e] != 'E') {
		e++;
	}
	if (e < s.n) {
		size_t sign = e + 1 < s.n && s.p[e + 1] == '+';

		if (!str_to_i64(str_from(s, e + 1 + sign), &exp) || exp > 1000 || exp < -1000) {
			return false;
		}
	}
	s.n = e;
	dot = str_find(s, '.');
	ret->text = s;
	ret->n = dot < s.n ? s.n - 1 : s.n;
	ret->point = (int64_t)dot + exp;
	return true;
}

/* Thousandths of a JSON number, rounded away from zero; false when they do not fit. */
static bool to_milli(struct str text, int64_t *ret)
{
	struct digits d;
	int64_t v = 0, at = 0;
	bool more = false;

	if (!scan_digits(text, &d)) {
		return false;
	}
	for (size_t i = 0; i < d.text.n; i++) {
		if (d.text.p[i] == '.') {
			continue;
		}
		if (at++ >= d.point + 3) {
			more = more || d.text.p[i] != '0';
		} else if (__builtin_mul_overflow(v, 10, &v) ||
			   __builtin_add_overflow(v, d.text.p[i] - '0', &v)) {
			return false;
		}
	}
	for (; at < d.point + 3; at++) {
		if (__builtin_mul_overflow(v, 10, &v)) {
			return false;
		}
	}
	if (more && __builtin_add_overflow(v, 1, &v)) {
		return false;
	}
	*ret = text.p[0] == '-' ? -v : v;
	return true;
}

static enum err_code read_set(struct reader *r, const struct schema_mcp_shape *shape,
			      const struct json *j, struct policy_value *ret)
{
	struct policy_value *elems;
	size_t n = 0;

	if (j->type != JSON_ARRAY) {
		return unfit(r, "an array", j);
	}
	if (j->n > POLICY_SET_MAX) {
		return ERR(r->err, ERR_LIMIT, "an array has more than %d elements", POLICY_SET_MAX);
	}
	elems = ARENA_ARRAY(r->a, j->n, struct policy_value);
	if (!elems) {
		return no_memory(r);
	}
	JSON_EACH (item, j) {
		TRY(read_one(r, shape->element, item, &elems[n]));
		n++;
	}
	*ret = policy_value_set(elems, n);
	return ERR_OK;
}

static enum err_code read_tuple(struct reader *r, const struct schema_mcp_shape *shape,
				const struct json *j, struct policy_value *ret)
{
	struct policy_field *fields = ARENA_ARRAY(r->a, shape->n_fields, struct policy_field);
	size_t n = 0;

	if (!fields) {
		return no_memory(r);
	}
	if (j->type != JSON_ARRAY || j->n != shape->n_fields) {
		return ERR(r->err, ERR_INVALID, "expected an array of %zu elements",
			   shape->n_fields);
	}
	JSON_EACH (item, j) {
		fields[n].key = shape->fields[n].name;
		TRY(read_one(r, shape->fields[n].shape, item, &fields[n].value));
		n++;
	}
	return policy_value_record(fields, n, ret) ? ERR_OK : no_memory(r);
}

/* The first alternative that fits. */
static enum err_code read_choice(struct reader *r, const struct schema_mcp_shape *shape,
				 const struct json *j, struct policy_value *ret)
{
	struct policy_field *field = ARENA_NEW(r->a, struct policy_field);

	if (!field) {
		return no_memory(r);
	}
	for (size_t i = 0; i < shape->n_fields; i++) {
		enum err_code code = read_one(r, shape->fields[i].shape, j, &field->value);

		field->key = shape->fields[i].name;
		if (code == ERR_OK) {
			return policy_value_record(field, 1, ret) ? ERR_OK : no_memory(r);
		}
		if (code != ERR_INVALID) {
			return code;
		}
	}
	return ERR(r->err, ERR_INVALID, "the value fits none of the alternatives");
}

static size_t field_find(const struct schema_mcp_shape *shape, struct str name)
{
	size_t lo = 0, hi = shape->n_fields;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(name, shape->fields[mid].name);

		if (c == 0) {
			return mid;
		}
		if (c < 0) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return shape->n_fields;
}

/* What is known of a record while its members are read. */
struct record {
	struct policy_field *fields; /* those that were there, in any order */
	size_t n;
	bool *seen; /* by position in the shape */
	struct policy_value *others;
	size_t n_others;
};

static enum err_code read_member(struct reader *r, const struct schema_mcp_shape *shape,
				 const struct json *j, struct record *rec)
{
	size_t at = field_find(shape, j->key);
	const struct mcp_field *f = &shape->fields[at];
	struct policy_value v;
	enum err_code code;
	int64_t milli;

	if (at == shape->n_fields) {
		if (!shape->open) {
			return ERR(r->err, ERR_INVALID, "`" STR_FMT "` is not declared",
				   STR_ARG(j->key));
		}
		rec->others[rec->n_others++] = policy_string(j->key);
		return ERR_OK;
	}
	if (j->type == JSON_NULL && f->optional && f->shape->kind != MCP_UNKNOWN) {
		return ERR_OK;
	}
	code = read_one(r, f->shape, j, &v);
	if (code) {
		err_wrap(r->err, "`" STR_FMT "`", STR_ARG(f->name));
		return code;
	}
	rec->seen[at] = true;
	rec->fields[rec->n++] = (struct policy_field){f->name, v};
	if (f->milli.n > 0) {
		if (!to_milli(j->text, &milli)) {
			return ERR(r->err, ERR_INVALID, "`" STR_FMT "` is too large",
				   STR_ARG(f->name));
		}
		rec->fields[rec->n++] = (struct policy_field){f->milli, policy_long(milli)};
	}
	return ERR_OK;
}

static enum err_code read_record(struct reader *r, const struct schema_mcp_shape *shape,
				 const struct json *j, struct policy_value *ret)
{
	struct record rec = {
		.fields = ARENA_ARRAY(r->a, 2 * shape->n_fields + 1, struct policy_field),
		.seen = ARENA_ARRAY(r->a, shape->n_fields, bool),
		.others = ARENA_ARRAY(r->a, j && shape->open ? j->n : 0, struct policy_value),
	};

	if (!rec.fields || !rec.seen || !rec.others) {
		return no_memory(r);
	}
	if (j && j->type != JSON_OBJECT) {
		return unfit(r, "an object", j);
	}
	JSON_EACH (member, j) {
		TRY(read_member(r, shape, member, &rec));
	}
	for (size_t i = 0; i < shape->n_fields; i++) {
		if (!rec.seen[i] && !shape->fields[i].optional) {
			return ERR(r->err, ERR_INVALID, "`" STR_FMT "` is missing",
				   STR_ARG(shape->fields[i].name));
		}
	}
	if (rec.n_others > POLICY_SET_MAX) {
		return ERR(r->err, ERR_LIMIT, "an object has more than %d undeclared members",
			   POLICY_SET_MAX);
	}
	if (shape->open) {
		rec.fields[rec.n++] =
			(struct policy_field){STR("*"), policy_value_set(rec.others, rec.n_others)};
	}
	return policy_value_record(rec.fields, rec.n, ret)
		       ? ERR_OK
		       : ERR(r->err, ERR_INVALID, "a member occurs twice");
}

static enum err_code read_number(struct reader *r, const struct schema_mcp_shape *shape,
				 const struct json *j, struct policy_value *ret)
{
	if (j->type != JSON_NUMBER) {
		return unfit(r, "a number", j);
	}
	return read_opaque(r, shape->type, j->text, ret);
}

/* Recursion is bounded by the depth of the shape. */
static enum err_code read_one(struct reader *r, const struct schema_mcp_shape *shape,
			      const struct json *j, struct policy_value *ret)
{
	int64_t i;

	if (r->n_visits++ == SCHEMA_MCP_MAX_VISITS) {
		return ERR(r->err, ERR_LIMIT, "the arguments have more than %d parts",
			   SCHEMA_MCP_MAX_VISITS);
	}
	switch (shape->kind) {
	case MCP_UNKNOWN:
		return read_opaque(r, shape->type, j->raw, ret);
	case MCP_BOOL:
		*ret = policy_bool(j->boolean);
		return j->type == JSON_BOOL ? ERR_OK : unfit(r, "a boolean", j);
	case MCP_LONG:
		if (!json_i64(j, &i)) {
			return unfit(r, "an integer of 64 bits", j);
		}
		*ret = policy_long(i);
		return ERR_OK;
	case MCP_STRING:
	case MCP_DECIMAL_TEXT:
	case MCP_DATE:
	case MCP_DATETIME:
	case MCP_DURATION:
	case MCP_IP:
		return read_text(r, shape->kind, j, ret);
	case MCP_ENUM:
		return read_enum(r, shape, j, ret);
	case MCP_NUMBER:
		return read_number(r, shape, j, ret);
	case MCP_DECIMAL:
		return read_decimal(r, j, ret);
	case MCP_SET:
		return read_set(r, shape, j, ret);
	case MCP_TUPLE:
		return read_tuple(r, shape, j, ret);
	case MCP_RECORD:
		return read_record(r, shape, j, ret);
	case MCP_CHOICE:
		return read_choice(r, shape, j, ret);
	}
	return ERR(r->err, ERR_INVALID, "no such shape");
}

enum err_code schema_mcp_read(struct arena *a, const struct schema_mcp_shape *shape,
			      const struct json *j, struct policy_value *ret, struct err *err)
{
	struct reader r = {.a = a, .err = err};
	struct policy_value v;

	TRY(read_record(&r, shape, j, &v));
	*ret = v;
	return ERR_OK;
}
