/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/lint.h"

enum { LONG_TEXT = 4000, BLOB_RUN = 200, WORST = 1000 };

static const struct {
	unsigned score;
	struct str name, text;
} codes[LINT_MAX] = {
#define X(id, score, name, text) [LINT_##id] = {score, STR_INIT(name), STR_INIT(text)},
	LINT_CODES(X)
#undef X
};

struct str lint_name(enum lint_code code)
{
	ASSERT(code < LINT_MAX);
	return codes[code].name;
}

struct str lint_text(enum lint_code code)
{
	ASSERT(code < LINT_MAX);
	return codes[code].text;
}

/* Phrases in lower case with single spaces. */
static const struct {
	enum lint_code code;
	struct str phrase;
} phrases[] = {
	{LINT_SECRECY, STR_INIT("do not tell the user")},
	{LINT_SECRECY, STR_INIT("don't tell the user")},
	{LINT_SECRECY, STR_INIT("do not inform the user")},
	{LINT_SECRECY, STR_INIT("do not mention")},
	{LINT_SECRECY, STR_INIT("don't mention")},
	{LINT_SECRECY, STR_INIT("without telling the user")},
	{LINT_SECRECY, STR_INIT("without informing the user")},
	{LINT_SECRECY, STR_INIT("hide this from")},
	{LINT_SECRECY, STR_INIT("never reveal")},
	{LINT_SECRECY, STR_INIT("do not reveal")},
	{LINT_SECRECY, STR_INIT("user must not know")},
	{LINT_SECRECY, STR_INIT("keep this secret")},
	{LINT_OVERRIDE, STR_INIT("ignore previous")},
	{LINT_OVERRIDE, STR_INIT("ignore all previous")},
	{LINT_OVERRIDE, STR_INIT("ignore the above")},
	{LINT_OVERRIDE, STR_INIT("disregard previous")},
	{LINT_OVERRIDE, STR_INIT("disregard all")},
	{LINT_OVERRIDE, STR_INIT("previous instructions")},
	{LINT_OVERRIDE, STR_INIT("system prompt")},
	{LINT_OVERRIDE, STR_INIT("you are now")},
	{LINT_OVERRIDE, STR_INIT("new instructions:")},
	{LINT_SECRET_PATH, STR_INIT("~/.ssh")},
	{LINT_SECRET_PATH, STR_INIT(".ssh/id_")},
	{LINT_SECRET_PATH, STR_INIT("id_rsa")},
	{LINT_SECRET_PATH, STR_INIT("id_ed25519")},
	{LINT_SECRET_PATH, STR_INIT("~/.aws")},
	{LINT_SECRET_PATH, STR_INIT(".aws/credentials")},
	{LINT_SECRET_PATH, STR_INIT("~/.config")},
	{LINT_SECRET_PATH, STR_INIT("~/.netrc")},
	{LINT_SECRET_PATH, STR_INIT("/etc/passwd")},
	{LINT_SECRET_PATH, STR_INIT("/etc/shadow")},
	{LINT_SECRET_PATH, STR_INIT("mcp.json")},
	{LINT_SECRET_PATH, STR_INIT(".git-credentials")},
	{LINT_SECRET_PATH, STR_INIT("private key")},
	{LINT_IMPERATIVE, STR_INIT("before using this tool")},
	{LINT_IMPERATIVE, STR_INIT("before using any")},
	{LINT_IMPERATIVE, STR_INIT("before calling any")},
	{LINT_IMPERATIVE, STR_INIT("after using this tool")},
	{LINT_IMPERATIVE, STR_INIT("you must first")},
	{LINT_IMPERATIVE, STR_INIT("you must always")},
	{LINT_IMPERATIVE, STR_INIT("always call this")},
	{LINT_IMPERATIVE, STR_INIT("always use this tool")},
	{LINT_IMPERATIVE, STR_INIT("instead of any other tool")},
	{LINT_IMPERATIVE, STR_INIT("otherwise this tool will not work")},
	{LINT_IMPERATIVE, STR_INIT("or the tool will not work")},
	{LINT_IMPERATIVE, STR_INIT("read the file")},
	{LINT_IMPERATIVE, STR_INIT("pass its content")},
	{LINT_COMMENT, STR_INIT("<!--")},
	{LINT_COMMENT, STR_INIT("<important>")},
	{LINT_COMMENT, STR_INIT("<system>")},
	{LINT_COMMENT, STR_INIT("</system>")},
	{LINT_COMMENT, STR_INIT("[system]")},
	{LINT_COMMENT, STR_INIT("<|im_start|>")},
	{LINT_COMMENT, STR_INIT("[inst]")},
};

static const struct str side_notes[] = {
	STR_INIT("sidenote"),
	STR_INIT("side_note"),
	STR_INIT("context"),
	STR_INIT("feedback"),
	STR_INIT("summary_of_conversation"),
	STR_INIT("reasoning"),
};

struct run {
	struct arena *scratch;
	const struct str *others;
	size_t n_others;
	struct lint *out;
};

static uint32_t decode(struct str s, size_t *at)
{
	unsigned char b = (unsigned char)s.p[(*at)++];
	unsigned n = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
	uint32_t c = n ? b & (0x3fU >> n) : b;

	for (; n && *at < s.n; n--) {
		c = c << 6 | ((unsigned char)s.p[(*at)++] & 0x3fU);
	}
	return c;
}

/* Printable ASCII as it is, the rest by number, so that a terminal shows what is there. */
static void put_excerpt(char *to, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 12 < LINT_EXCERPT;) {
		uint32_t c = decode(s, &i);
		bool begun = false;

		if (c >= 0x20 && c < 0x7f && c != '\\') {
			to[n++] = (char)c;
			continue;
		}
		memcpy(to + n, "\\u{", 3);
		n += 3;
		for (int shift = 20; shift >= 0; shift -= 4) {
			unsigned digit = c >> shift & 15;

			begun = begun || digit || shift == 0;
			if (begun) {
				to[n++] = hex[digit];
			}
		}
		to[n++] = '}';
	}
	to[n] = '\0';
}

static void found(struct run *r, enum lint_code code, struct str text, size_t at)
{
	struct lint *l = r->out;
	size_t from = at > 20 ? at - 20 : 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->findings[i].code == code) {
			return;
		}
	}
	l->score = l->score + codes[code].score > WORST ? WORST : l->score + codes[code].score;
	if (l->n == LINT_FINDINGS) {
		return;
	}
	while (from > 0 && ((unsigned char)text.p[from] & 0xc0) == 0x80) {
		from--;
	}
	l->findings[l->n].code = code;
	put_excerpt(l->findings[l->n++].excerpt, str_from(text, from));
}

/* U+200D joins emoji as well: only between letters it hides something. */
static bool is_invisible(uint32_t c)
{
	return c == 0x200b || c == 0x200c || c == 0x2060 || c == 0xfeff || c == 0xad ||
	       c == 0x180e || (c >= 0x2061 && c <= 0x2064) || c == 0x115f || c == 0x3164;
}

static bool is_tag(uint32_t c)
{
	return c >= 0xe0000 && c <= 0xe0fff;
}

static bool is_bidi(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
	       c == 0x200f || c == 0x61c;
}

bool lint_is_hidden(uint32_t c)
{
	return is_tag(c) || is_bidi(c) || is_invisible(c) || c == 0x200d;
}

static void look_at_characters(struct run *r, struct str s)
{
	size_t encoded = 0;
	bool after_letter = false;

	for (size_t i = 0; i < s.n;) {
		size_t at = i;
		uint32_t c = decode(s, &i);
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (is_tag(c)) {
			found(r, LINT_TAG, s, at);
		} else if (is_bidi(c)) {
			found(r, LINT_BIDI, s, at);
		} else if (is_invisible(c) || (c == 0x200d && after_letter)) {
			found(r, LINT_INVISIBLE, s, at);
		} else if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') ||
			   (c >= 0x7f && c < 0xa0)) {
			found(r, LINT_CONTROL, s, at);
		}
		encoded = letter || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '='
				  ? encoded + 1
				  : 0;
		if (encoded == BLOB_RUN) {
			found(r, LINT_BLOB, s, at + 1 - BLOB_RUN);
		}
		after_letter = letter;
	}
}

/* Lower case, one space for many, nothing that is invisible: what a phrase is looked for in. */
static struct str normal(struct run *r, struct str s)
{
	char *to = arena_alloc(r->scratch, s.n);
	bool space = true;
	size_t n = 0;

	if (!to) {
		r->out->score = WORST;
		return STR("");
	}
	for (size_t i = 0; i < s.n;) {
		size_t at = i;
		uint32_t c = decode(s, &i);

		if (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == 0xa0) {
			if (!space) {
				to[n++] = ' ';
			}
			space = true;
			continue;
		}
		space = false;
		if (c >= 0xe0020 && c < 0xe007f) {
			to[n++] = (char)(c - 0xe0000 >= 'A' && c - 0xe0000 <= 'Z' ? c - 0xe0000 + 32
										  : c - 0xe0000);
		} else if (!is_invisible(c) && c < 0x80) {
			to[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		} else if (!is_invisible(c)) {
			memcpy(to + n, s.p + at, i - at);
			n += i - at;
		}
	}
	return str_make(to, n);
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* A server's id followed by what its tools have between: "fs__", "fs.", or "the fs server". */
static void look_for_servers(struct run *r, struct str text)
{
	for (size_t i = 0; i < r->n_others; i++) {
		struct str id = r->others[i];

		for (size_t at = 0; at + id.n < text.n; at++) {
			struct str behind = str_from(text, at + id.n);

			if ((at > 0 && is_word_char(text.p[at - 1])) ||
			    !str_starts_with(str_from(text, at), id)) {
				continue;
			}
			if (str_starts_with(behind, STR("__")) ||
			    str_starts_with(behind, STR(" server")) ||
			    str_starts_with(behind, STR("'s tool")) ||
			    str_starts_with(behind, STR(" tool"))) {
				found(r, LINT_OTHER_SERVER, text, at);
				break;
			}
		}
	}
}

static void look_at_text(struct run *r, struct str s)
{
	struct str text;

	look_at_characters(r, s);
	text = normal(r, s);
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
		size_t at = str_find_str(text, phrases[i].phrase);

		if (at < text.n) {
			found(r, phrases[i].code, text, at);
		}
	}
	look_for_servers(r, text);
	if (s.n > LONG_TEXT) {
		found(r, LINT_LONG, s, 0);
	}
}

/* `required` beside `properties`: a text that has to be sent and has no stated use. */
static void look_at_schema(struct run *r, const struct json *j)
{
	const struct json *properties = json_get(j, STR("properties"));

	JSON_EACH (name, json_get(j, STR("required"))) {
		const struct json *p = json_get(properties, json_str(name));

		for (size_t i = 0; i < ARRAY_LEN(side_notes); i++) {
			if (json_str_is(name, side_notes[i]) && p &&
			    json_str_is(json_get(p, STR("type")), STR("string"))) {
				found(r, LINT_SIDE_NOTE, json_str(name), 0);
			}
		}
	}
}

static void look_at_value(struct run *r, const struct json *j)
{
	if (j->key.n) {
		look_at_characters(r, j->key);
	}
	if (json_is_string(j)) {
		look_at_text(r, j->text);
		if (str_eq(j->key, STR("default")) && (str_starts_with(j->text, STR("http://")) ||
						       str_starts_with(j->text, STR("https://")))) {
			found(r, LINT_URL, j->text, 0);
		}
	} else if (json_is_object(j)) {
		look_at_schema(r, j);
	}
}

void lint_item(struct arena *scratch, const struct json *item, const struct str *others, size_t n,
	       struct lint *ret)
{
	struct run r = {.scratch = scratch, .others = others, .n_others = n, .out = ret};
	const struct json **stack = NULL;
	size_t depth = 0, cap = 0;

	*ret = (struct lint){.score = 0};
	for (const struct json *j = item; j;) {
		look_at_value(&r, j);
		if (json_first(j)) {
			if (!ARENA_GROW(scratch, &stack, depth, &cap)) {
				ret->score = WORST;
				return;
			}
			stack[depth++] = j;
			j = json_first(j);
			continue;
		}
		j = j == item ? NULL : j->next;
		while (!j && depth) {
			j = stack[--depth];
			j = j == item ? NULL : j->next;
		}
	}
}
