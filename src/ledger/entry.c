/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/record.h"

#include "base/hex.h"
#include "ledger/canon.h"

/*
 * One table for each kind of entry says its members in canonical order (RFC
 * 8785: sorted keys). Encoder and decoder both walk it, so they cannot differ.
 */
enum field_type { FIELD_TEXT, FIELD_TEXTS, FIELD_INT, FIELD_HASH, FIELD_WORD, FIELD_KIND };

/* REQUIRED: may not be empty. ALWAYS: written also when zero. */
enum field_flags { FIELD_OPTIONAL = 0, FIELD_REQUIRED = 1, FIELD_ALWAYS = 2 };

struct words {
	const struct str *names; /* by value; empty where a value has no word */
	unsigned n;
};

struct field {
	struct str key; /* with quotes, colon, and the comma in front */
	enum field_type type;
	enum field_flags flags;
	size_t offset;
	const struct words *words; /* FIELD_WORD and FIELD_KIND */
};

struct form {
	enum ledger_kind kind;
	size_t size; /* of the struct */
	const struct field *fields;
	size_t n;
};

static const struct str kind_names[LEDGER_KIND_MAX] = {
	[LEDGER_DECISION] = STR_INIT("decision"), [LEDGER_OUTCOME] = STR_INIT("outcome"),
	[LEDGER_EVENT] = STR_INIT("event"),       [LEDGER_SALTED] = STR_INIT("salted"),
	[LEDGER_SALT] = STR_INIT("salt"),
};
static const struct str verdict_names[LEDGER_VERDICT_MAX] = {
	[LEDGER_DENY] = STR_INIT("deny"),
	[LEDGER_ASK] = STR_INIT("ask"),
	[LEDGER_ALLOW] = STR_INIT("allow"),
};
static const struct str status_names[LEDGER_STATUS_MAX] = {
	[LEDGER_LOST] = STR_INIT("lost"),
	[LEDGER_OK] = STR_INIT("ok"),
	[LEDGER_TOOL_ERROR] = STR_INIT("tool_error"),
	[LEDGER_PROTOCOL_ERROR] = STR_INIT("protocol_error"),
	[LEDGER_UNREACHABLE] = STR_INIT("unreachable"),
	[LEDGER_DIED] = STR_INIT("died"),
	[LEDGER_TIMEOUT] = STR_INIT("timeout"),
	[LEDGER_CANCELLED] = STR_INIT("cancelled"),
	[LEDGER_CALLER_GONE] = STR_INIT("caller_gone"),
	[LEDGER_WITHHELD] = STR_INIT("withheld"),
};
static const struct str event_names[LEDGER_EVENT_MAX] = {
	[LEDGER_OPENED] = STR_INIT("opened"),
	[LEDGER_CLOSED] = STR_INIT("closed"),
	[LEDGER_CLOCK] = STR_INIT("clock"),
	[LEDGER_DISK_FULL] = STR_INIT("disk_full"),
	[LEDGER_ROLE_STARTED] = STR_INIT("role_started"),
	[LEDGER_ROLE_DIED] = STR_INIT("role_died"),
	[LEDGER_RELOAD_ACCEPTED] = STR_INIT("reload_accepted"),
	[LEDGER_RELOAD_REFUSED] = STR_INIT("reload_refused"),
	[LEDGER_LISTENING] = STR_INIT("listening"),
	[LEDGER_SERVER_STARTED] = STR_INIT("server_started"),
	[LEDGER_SERVER_ENDED] = STR_INIT("server_ended"),
	[LEDGER_SESSION_OPENED] = STR_INIT("session_opened"),
	[LEDGER_SESSION_CLOSED] = STR_INIT("session_closed"),
	[LEDGER_FINDING] = STR_INIT("finding"),
	[LEDGER_ERASED] = STR_INIT("erased"),
	[LEDGER_APPROVAL_GIVEN] = STR_INIT("approval_given"),
	[LEDGER_APPROVAL_REFUSED] = STR_INIT("approval_refused"),
	[LEDGER_RUN_STARTED] = STR_INIT("run_started"),
	[LEDGER_RUN_FROZEN] = STR_INIT("run_frozen"),
	[LEDGER_RUN_THAWED] = STR_INIT("run_thawed"),
	[LEDGER_RUN_KILLED] = STR_INIT("run_killed"),
	[LEDGER_SEVERED] = STR_INIT("severed"),
	[LEDGER_RESTORED] = STR_INIT("restored"),
	[LEDGER_LOGGED_IN] = STR_INIT("logged_in"),
	[LEDGER_LOGGED_OUT] = STR_INIT("logged_out"),
	[LEDGER_SENT] = STR_INIT("sent"),
};

static const struct words kinds = {kind_names, LEDGER_KIND_MAX};
static const struct words verdicts = {verdict_names, LEDGER_VERDICT_MAX};
static const struct words statuses = {status_names, LEDGER_STATUS_MAX};
static const struct words events = {event_names, LEDGER_EVENT_MAX};

#define KEY(name) STR_INIT(",\"" name "\":")
#define FIELD(owner, name, member, type_, flags_)                                                  \
	{                                                                                          \
		.key = KEY(name), .type = (type_), .flags = (flags_),                              \
		.offset = offsetof(struct owner, member)                                           \
	}
#define WORD(owner, name, member, flags_, words_)                                                  \
	{                                                                                          \
		.key = KEY(name), .type = FIELD_WORD, .flags = (flags_),                           \
		.offset = offsetof(struct owner, member), .words = (words_)                        \
	}
#define KIND                                                                                       \
	{                                                                                          \
		.key = KEY("kind"), .type = FIELD_KIND, .flags = FIELD_ALWAYS, .words = &kinds     \
	}

static const struct field decision_fields[] = {
	FIELD(ledger_decision, "action", action, FIELD_TEXT, FIELD_REQUIRED),
	FIELD(ledger_decision, "action_id", action_id, FIELD_TEXT, FIELD_REQUIRED),
	FIELD(ledger_decision, "also", also, FIELD_TEXTS, FIELD_OPTIONAL),
	FIELD(ledger_decision, "arguments", arguments, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_decision, "arguments_bytes", arguments_bytes, FIELD_INT, FIELD_OPTIONAL),
	WORD(ledger_decision, "decision", decision, FIELD_ALWAYS, &verdicts),
	FIELD(ledger_decision, "duties", duties, FIELD_TEXTS, FIELD_OPTIONAL),
	FIELD(ledger_decision, "errors", errors, FIELD_TEXTS, FIELD_OPTIONAL),
	KIND,
	FIELD(ledger_decision, "labels", labels, FIELD_TEXTS, FIELD_OPTIONAL),
	FIELD(ledger_decision, "logged", logged, FIELD_TEXTS, FIELD_OPTIONAL),
	FIELD(ledger_decision, "matrix", matrix, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_decision, "node", node, FIELD_TEXT, FIELD_REQUIRED),
	FIELD(ledger_decision, "policies", policies, FIELD_TEXTS, FIELD_OPTIONAL),
	FIELD(ledger_decision, "policy_set", policy_set, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_decision, "principal", principal, FIELD_TEXT, FIELD_REQUIRED),
	FIELD(ledger_decision, "program", program, FIELD_TEXT, FIELD_OPTIONAL),
	FIELD(ledger_decision, "program_digest", program_digest, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_decision, "prompt", prompt, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_decision, "prompt_bytes", prompt_bytes, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_decision, "reason", reason, FIELD_TEXT, FIELD_OPTIONAL),
	FIELD(ledger_decision, "resource", resource, FIELD_TEXT, FIELD_REQUIRED),
	FIELD(ledger_decision, "session", session, FIELD_TEXT, FIELD_REQUIRED),
	FIELD(ledger_decision, "time", time_us, FIELD_INT, FIELD_ALWAYS),
};
static const struct field outcome_fields[] = {
	FIELD(ledger_outcome, "action_id", action_id, FIELD_TEXT, FIELD_REQUIRED),
	FIELD(ledger_outcome, "attempt", attempt, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "code", code, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "cost", cost, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "decide_ns", decide_ns, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "deployment", deployment, FIELD_TEXT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "findings", findings, FIELD_TEXTS, FIELD_OPTIONAL),
	KIND,
	FIELD(ledger_outcome, "labels", labels, FIELD_TEXTS, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "peer", peer, FIELD_TEXT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "reserved_cost", reserved_cost, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "reserved_tokens", reserved_tokens, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "result", result, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "result_bytes", result_bytes, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "sent_bytes", sent_bytes, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "session", session, FIELD_TEXT, FIELD_REQUIRED),
	WORD(ledger_outcome, "status", status, FIELD_ALWAYS, &statuses),
	FIELD(ledger_outcome, "time", time_us, FIELD_INT, FIELD_ALWAYS),
	FIELD(ledger_outcome, "tokens_cached", tokens_cached, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "tokens_in", tokens_in, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "tokens_out", tokens_out, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "total_ns", total_ns, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_outcome, "upstream_ns", upstream_ns, FIELD_INT, FIELD_OPTIONAL),
};
static const struct field event_fields[] = {
	FIELD(ledger_event, "detail", detail, FIELD_TEXT, FIELD_OPTIONAL),
	WORD(ledger_event, "event", event, FIELD_REQUIRED, &events),
	KIND,
	FIELD(ledger_event, "matrix", matrix, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_event, "node", node, FIELD_TEXT, FIELD_OPTIONAL),
	FIELD(ledger_event, "number", number, FIELD_INT, FIELD_OPTIONAL),
	FIELD(ledger_event, "policy_set", policy_set, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_event, "request", request, FIELD_HASH, FIELD_OPTIONAL),
	FIELD(ledger_event, "subject", subject, FIELD_TEXT, FIELD_OPTIONAL),
	FIELD(ledger_event, "time", time_us, FIELD_INT, FIELD_ALWAYS),
};
static const struct field salted_fields[] = {
	FIELD(ledger_salted, "key_hash", key_hash, FIELD_HASH, FIELD_REQUIRED),
	KIND,
	FIELD(ledger_salted, "session", session, FIELD_TEXT, FIELD_REQUIRED),
	FIELD(ledger_salted, "time", time_us, FIELD_INT, FIELD_ALWAYS),
};
static const struct field salt_fields[] = {
	FIELD(ledger_salt, "key", key, FIELD_HASH, FIELD_REQUIRED),
	KIND,
	FIELD(ledger_salt, "session", session, FIELD_TEXT, FIELD_REQUIRED),
};

#define FORM(kind_, owner, fields_)                                                                \
	{                                                                                          \
		.kind = (kind_), .size = sizeof(struct owner), .fields = (fields_),                \
		.n = ARRAY_LEN(fields_)                                                            \
	}

static const struct form forms[] = {
	FORM(LEDGER_DECISION, ledger_decision, decision_fields),
	FORM(LEDGER_OUTCOME, ledger_outcome, outcome_fields),
	FORM(LEDGER_EVENT, ledger_event, event_fields),
	FORM(LEDGER_SALTED, ledger_salted, salted_fields),
	FORM(LEDGER_SALT, ledger_salt, salt_fields),
};

static const struct form *form_of(enum ledger_kind kind)
{
	return &forms[kind - LEDGER_DECISION];
}

/* Empty for a value without a word. */
static struct str word(const struct words *w, unsigned value)
{
	return value < w->n ? w->names[value] : str_make(NULL, 0);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++) {
		any |= p[i];
	}
	return any == 0;
}

/* Enum members are read as unsigned: every enum here has only small values from 0 up. */
static unsigned get_word(const void *p)
{
	unsigned v;

	memcpy(&v, p, sizeof(v));
	return v;
}

_Static_assert(sizeof(enum ledger_verdict) == sizeof(unsigned), "enums are stored as unsigned");

static bool is_empty(const struct field *f, const char *p)
{
	switch (f->type) {
	case FIELD_TEXT:
		return ((const struct str *)(const void *)p)->n == 0;
	case FIELD_TEXTS:
		return ((const struct ledger_texts *)(const void *)p)->n == 0;
	case FIELD_INT:
		return *(const uint64_t *)(const void *)p == 0;
	case FIELD_HASH:
		return is_zero((const uint8_t *)p, SHA256_LEN);
	case FIELD_WORD:
		return get_word(p) == 0;
	case FIELD_KIND:
		return false;
	}
	return false;
}

/* The name of a field for a message: its key without comma, quotes and colon. */
static struct str field_name(const struct field *f)
{
	return str_make(f->key.p + 2, f->key.n - 4);
}

static enum err_code put_text(const struct field *f, struct str s, struct buf *to, struct err *err)
{
	char *p, *end;

	if (s.n > LEDGER_TEXT_MAX) {
		return ERR(err, ERR_LIMIT, STR_FMT ": %zu bytes are more than %d",
			   STR_ARG(field_name(f)), s.n, LEDGER_TEXT_MAX);
	}
	p = buf_reserve(to, CANON_STRING_MAX(s.n));
	if (!p) {
		return ERR(err, ERR_LIMIT, "an entry is too long for its buffer");
	}
	end = canon_put_string(p, s);
	if (!end) {
		return ERR(err, ERR_INVALID, STR_FMT " is not UTF-8", STR_ARG(field_name(f)));
	}
	buf_commit(to, (size_t)(end - p));
	return ERR_OK;
}

static enum err_code put_texts(const struct field *f, const struct ledger_texts *t, struct buf *to,
			       struct err *err)
{
	if (t->n > LEDGER_TEXTS_MAX) {
		return ERR(err, ERR_LIMIT, STR_FMT ": %zu texts are more than %d",
			   STR_ARG(field_name(f)), t->n, LEDGER_TEXTS_MAX);
	}
	for (size_t i = 0; i < t->n; i++) {
		buf_append_c(to, i ? ',' : '[');
		TRY(put_text(f, t->items[i], to, err));
	}
	buf_append_c(to, ']');
	return ERR_OK;
}

static enum err_code put_int(const struct field *f, uint64_t v, struct buf *to, struct err *err)
{
	char *p;

	if (v > CANON_INT_MAX) {
		return ERR(err, ERR_LIMIT, STR_FMT " is above 2^53 - 1", STR_ARG(field_name(f)));
	}
	p = buf_reserve(to, CANON_INT_LEN);
	if (p) {
		buf_commit(to, (size_t)(canon_put_u64(p, v) - p));
	}
	return ERR_OK;
}

static void put_hash(const char *bytes, struct buf *to)
{
	char *p = buf_reserve(to, 2 * SHA256_LEN + 2);

	if (p) {
		p[0] = '"';
		hex_write(p + 1, bytes, SHA256_LEN);
		p[2 * SHA256_LEN + 1] = '"';
		buf_commit(to, 2 * SHA256_LEN + 2);
	}
}

static enum err_code put_word(const struct field *f, unsigned value, struct buf *to,
			      struct err *err)
{
	struct str text = word(f->words, value);

	if (text.n == 0) {
		return ERR(err, ERR_INVALID, STR_FMT " has no value %u", STR_ARG(field_name(f)),
			   value);
	}
	buf_append_c(to, '"');
	buf_append(to, text);
	buf_append_c(to, '"');
	return ERR_OK;
}

static enum err_code put_field(const struct form *form, const struct field *f, const char *p,
			       struct buf *to, struct err *err)
{
	switch (f->type) {
	case FIELD_TEXT:
		return put_text(f, *(const struct str *)(const void *)p, to, err);
	case FIELD_TEXTS:
		return put_texts(f, (const struct ledger_texts *)(const void *)p, to, err);
	case FIELD_INT:
		return put_int(f, *(const uint64_t *)(const void *)p, to, err);
	case FIELD_HASH:
		put_hash(p, to);
		return ERR_OK;
	case FIELD_WORD:
		return put_word(f, get_word(p), to, err);
	case FIELD_KIND:
		return put_word(f, (unsigned)form->kind, to, err);
	}
	return ERR(err, ERR_INVALID, "a field without a type");
}

static enum err_code encode_fields(const struct form *form, const char *base, struct buf *to,
				   struct err *err)
{
	bool first = true;

	for (size_t i = 0; i < form->n; i++) {
		const struct field *f = &form->fields[i];
		const char *p = base + f->offset;

		if (f->flags != FIELD_ALWAYS && is_empty(f, p)) {
			if (f->flags == FIELD_REQUIRED) {
				return ERR(err, ERR_INVALID, "%s without " STR_FMT,
					   ledger_kind_name(form->kind), STR_ARG(field_name(f)));
			}
			continue;
		}
		if (first) {
			buf_append_c(to, '{');
		}
		buf_append(to, str_from(f->key, first ? 1 : 0));
		TRY(put_field(form, f, p, to, err));
		first = false;
	}
	buf_append_c(to, '}');
	return ERR_OK;
}

static enum err_code encode(enum ledger_kind kind, const void *base, struct buf *to,
			    struct err *err)
{
	size_t before = buf_len(to);
	bool failed_before = to->failed;
	enum err_code code = encode_fields(form_of(kind), base, to, err);

	if (!code && to->failed) {
		code = ERR(err, ERR_LIMIT, "an entry is too long for its buffer");
	}
	if (!code && buf_len(to) - before > LEDGER_ENTRY_MAX) {
		code = ERR(err, ERR_LIMIT, "%s: %zu bytes are more than %d", ledger_kind_name(kind),
			   buf_len(to) - before, LEDGER_ENTRY_MAX);
	}
	if (code) {
		to->end = to->start + before;
		to->failed = failed_before;
	}
	return code;
}

enum err_code ledger_decision_encode(const struct ledger_decision *d, struct buf *to,
				     struct err *err)
{
	return encode(LEDGER_DECISION, d, to, err);
}

enum err_code ledger_outcome_encode(const struct ledger_outcome *o, struct buf *to, struct err *err)
{
	return encode(LEDGER_OUTCOME, o, to, err);
}

enum err_code ledger_event_encode(const struct ledger_event *e, struct buf *to, struct err *err)
{
	return encode(LEDGER_EVENT, e, to, err);
}

/* A session id is one word of a line in the salt file. */
static bool session_is_word(struct str session)
{
	for (size_t i = 0; i < session.n; i++) {
		if ((unsigned char)session.p[i] <= ' ') {
			return false;
		}
	}
	return session.n <= LEDGER_SESSION_MAX;
}

static enum err_code check_session(struct str session, struct err *err)
{
	if (!session_is_word(session)) {
		return ERR(err, ERR_INVALID, "session is not one word of at most %d bytes",
			   LEDGER_SESSION_MAX);
	}
	return ERR_OK;
}

enum err_code ledger_salted_encode(const struct ledger_salted *s, struct buf *to, struct err *err)
{
	TRY(check_session(s->session, err));
	return encode(LEDGER_SALTED, s, to, err);
}

enum err_code ledger_salt_encode(const struct ledger_salt *s, struct buf *to, struct err *err)
{
	TRY(check_session(s->session, err));
	return encode(LEDGER_SALT, s, to, err);
}

enum err_code ledger_entry_encode(const struct ledger_entry *e, struct buf *to, struct err *err)
{
	switch (e->kind) {
	case LEDGER_DECISION:
	case LEDGER_OUTCOME:
	case LEDGER_EVENT:
		return encode(e->kind, &e->u, to, err);
	case LEDGER_SALTED:
		return ledger_salted_encode(&e->u.salted, to, err);
	case LEDGER_SALT:
		return ledger_salt_encode(&e->u.salt, to, err);
	case LEDGER_NO_KIND:
	case LEDGER_KIND_MAX:
		break;
	}
	return ERR(err, ERR_INVALID, "an entry without a kind");
}

/* A word of the table into an unsigned; an unknown one is an error. */
static unsigned get_one_of(struct canon_in *in, const struct words *w, struct arena *a)
{
	struct str text = canon_get_string(in, a);

	for (unsigned i = 0; !in->bad && i < w->n; i++) {
		if (text.n && str_eq(text, w->names[i])) {
			return i;
		}
	}
	in->bad = true;
	return 0;
}

static struct str get_text(struct canon_in *in, struct arena *a)
{
	struct str s = canon_get_string(in, a);

	in->bad = in->bad || s.n > LEDGER_TEXT_MAX;
	return s;
}

static struct ledger_texts get_texts(struct canon_in *in, struct arena *a)
{
	struct str *items = NULL;
	size_t n = 0, cap = 0;

	canon_expect(in, STR("["));
	do {
		if (n == LEDGER_TEXTS_MAX || !ARENA_GROW(a, &items, n, &cap)) {
			in->bad = true;
			break;
		}
		items[n++] = get_text(in, a);
	} while (canon_take(in, STR(",")));
	canon_expect(in, STR("]"));
	return (struct ledger_texts){.items = items, .n = n};
}

/* The value of a lower-case hexadecimal digit, the only form the encoder writes; 16 for others. */
static unsigned hex_digit(char c)
{
	unsigned digit = (unsigned)(unsigned char)c - '0';
	unsigned letter = (unsigned)(unsigned char)c - 'a';

	return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

static void get_hash(struct canon_in *in, uint8_t *to)
{
	const char *p = in->p + in->at + 1;
	unsigned wrong = 0;

	if (in->bad || in->n - in->at < 2 * SHA256_LEN + 2 || p[-1] != '"' ||
	    p[2 * SHA256_LEN] != '"') {
		in->bad = true;
		return;
	}
	for (size_t i = 0; i < SHA256_LEN; i++) {
		unsigned high = hex_digit(p[2 * i]), low = hex_digit(p[2 * i + 1]);

		wrong |= high | low;
		to[i] = (uint8_t)((high << 4 | low) & 0xff);
	}
	in->bad = wrong > 15;
	in->at += 2 * SHA256_LEN + 2;
}

static void get_field(const struct form *form, const struct field *f, char *p, struct canon_in *in,
		      struct arena *a)
{
	unsigned value;

	switch (f->type) {
	case FIELD_TEXT:
		*(struct str *)(void *)p = get_text(in, a);
		break;
	case FIELD_TEXTS:
		*(struct ledger_texts *)(void *)p = get_texts(in, a);
		break;
	case FIELD_INT:
		*(uint64_t *)(void *)p = canon_get_u64(in);
		break;
	case FIELD_HASH:
		get_hash(in, (uint8_t *)p);
		break;
	case FIELD_WORD:
		value = get_one_of(in, f->words, a);
		memcpy(p, &value, sizeof(value));
		break;
	case FIELD_KIND:
		in->bad = get_one_of(in, f->words, a) != (unsigned)form->kind || in->bad;
		return;
	}
	if (f->flags != FIELD_ALWAYS && !in->bad && is_empty(f, p)) {
		in->bad = true; /* the encoder leaves it out or refuses it */
	}
}

/* Steps over the field's key, which begins with the comma unless it is the entry's first. */
static bool take_key(struct canon_in *in, const struct field *f, bool first)
{
	const char *p = in->p + in->at;
	size_t n = f->key.n - first;

	/* Most keys that are not there differ in their second letter at the latest. */
	if (in->n - in->at < n || p[2 - first] != f->key.p[2] || p[3 - first] != f->key.p[3] ||
	    memcmp(p, f->key.p + first, n) != 0) {
		return false;
	}
	in->at += n;
	return true;
}

static enum err_code decode_fields(const struct form *form, char *base, struct canon_in *in,
				   struct arena *a, struct err *err)
{
	bool first = true;

	canon_expect(in, STR("{"));
	for (size_t i = 0; i < form->n && !in->bad; i++) {
		const struct field *f = &form->fields[i];

		if (!take_key(in, f, first)) {
			if (f->flags != FIELD_OPTIONAL) {
				return ERR(err, ERR_SYNTAX,
					   "offset %zu: %s without " STR_FMT " in its place",
					   in->at, ledger_kind_name(form->kind),
					   STR_ARG(field_name(f)));
			}
			continue;
		}
		get_field(form, f, base + f->offset, in, a);
		if (in->bad && a->exhausted) {
			return ERR(err, ERR_NOMEM, "no memory to read an entry");
		}
		if (in->bad) {
			return ERR(err, ERR_SYNTAX, "offset %zu: " STR_FMT " is not canonical",
				   in->at, STR_ARG(field_name(f)));
		}
		first = false;
	}
	canon_expect(in, STR("}"));
	if (in->bad || in->at != in->n) {
		return ERR(err, ERR_SYNTAX, "offset %zu: %s with something unknown", in->at,
			   ledger_kind_name(form->kind));
	}
	return ERR_OK;
}

/*
 * Inside a string a quote is written \", so these bytes can only be a key; and
 * an entry has no nested objects, so it is the entry's own.
 */
static enum ledger_kind find_kind(struct str bytes)
{
	struct str key = STR("\"kind\":\"");
	size_t at = str_find_str(bytes, key);
	struct str rest;

	if (at == bytes.n) {
		return LEDGER_NO_KIND;
	}
	rest = str_from(bytes, at + key.n);
	for (unsigned i = 0; i < LEDGER_KIND_MAX; i++) {
		struct str name = kind_names[i];

		if (name.n && str_starts_with(rest, name) && rest.n > name.n &&
		    rest.p[name.n] == '"') {
			return (enum ledger_kind)i;
		}
	}
	return LEDGER_NO_KIND;
}

static enum err_code decode(struct str bytes, struct arena *a, struct ledger_entry *e,
			    struct err *err)
{
	struct canon_in in = {.p = bytes.p, .n = bytes.n};

	if (bytes.n > LEDGER_ENTRY_MAX) {
		return ERR(err, ERR_LIMIT, "an entry of %zu bytes: at most %d", bytes.n,
			   LEDGER_ENTRY_MAX);
	}
	e->kind = find_kind(bytes);
	if (e->kind == LEDGER_NO_KIND) {
		return ERR(err, ERR_SYNTAX, "not an entry of a known kind");
	}
	memset(&e->u, 0, form_of(e->kind)->size);
	TRY(decode_fields(form_of(e->kind), (char *)&e->u, &in, a, err));
	if (e->kind == LEDGER_SALT) {
		return check_session(e->u.salt.session, err);
	}
	return e->kind == LEDGER_SALTED ? check_session(e->u.salted.session, err) : ERR_OK;
}

enum err_code ledger_entry_decode(struct str bytes, struct arena *a, struct ledger_entry *ret,
				  struct err *err)
{
	enum err_code code = decode(bytes, a, ret, err);

	if (code) {
		*ret = (struct ledger_entry){0};
	}
	return code;
}

static const char *name_of(const struct words *w, unsigned value)
{
	struct str text = word(w, value);

	return text.n ? text.p : "?"; /* the tables are made of literals, which end in NUL */
}

const char *ledger_kind_name(enum ledger_kind k)
{
	return name_of(&kinds, (unsigned)k);
}

const char *ledger_verdict_name(enum ledger_verdict v)
{
	return name_of(&verdicts, (unsigned)v);
}

const char *ledger_status_name(enum ledger_status s)
{
	return name_of(&statuses, (unsigned)s);
}

const char *ledger_event_text(enum ledger_event_name e)
{
	return name_of(&events, (unsigned)e);
}
