/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/seal.h"

#include "base/hex.h"

#include <stdio.h>

enum { ALGORITHM_ED25519 = 0x01, KEY_BYTES = 1 + 32, MAX_NOTE_SIGNATURES = 64 };

static const char SIGNER_PREFIX[] = "PRIVATE+KEY+";
#define DASH "\xe2\x80\x94 " /* em dash and a space begin a signature line */

/* signed-note: "key name ... MUST be non-empty, and MUST NOT contain any Unicode spaces or plus" */
static bool name_is_valid(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c <= ' ' || c >= 0x7f || c == '+') {
			return false; /* ASCII only: no Unicode space can hide in it */
		}
	}
	return name.n > 0 && name.n <= LEDGER_NAME_MAX;
}

static void key_id(struct str name, const uint8_t public[SIGN_PUBLIC_LEN],
		   uint8_t ret[LEDGER_KEY_ID_LEN])
{
	static const uint8_t middle[] = {'\n', ALGORITHM_ED25519};
	uint8_t hash[SHA256_LEN];
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, name.p, name.n);
	sha256_update(&h, middle, sizeof(middle));
	sha256_update(&h, public, SIGN_PUBLIC_LEN);
	sha256_final(&h, hash);
	memcpy(ret, hash, LEDGER_KEY_ID_LEN);
}

static void verifier_set(struct ledger_verifier *v, struct str name,
			 const uint8_t public[SIGN_PUBLIC_LEN])
{
	*v = (struct ledger_verifier){0};
	memcpy(v->name, name.p, name.n);
	memcpy(v->public, public, SIGN_PUBLIC_LEN);
	key_id(name, public, v->id);
}

/* Base64 of at most 128 bytes, without an arena of the caller's. */
static bool read_base64(struct str s, uint8_t *to, size_t n)
{
	struct arena a;
	struct str bytes;
	bool ok;

	arena_init(&a, 4096);
	ok = s.n <= 256 && base64_decode(&a, s, &bytes) && bytes.n == n;
	if (ok) {
		memcpy(to, bytes.p, n);
		secret_wipe((void *)(uintptr_t)bytes.p, n);
	}
	arena_done(&a);
	return ok;
}

/* name+hash+base64(algorithm || 32 bytes): the name and the bytes. */
static bool split_key(struct str text, struct str *ret_name, uint8_t id[LEDGER_KEY_ID_LEN],
		      uint8_t bytes[SIGN_PUBLIC_LEN])
{
	struct str rest = text, name, hash;
	uint8_t key[KEY_BYTES];
	bool ok;

	if (str_ends_with(rest, STR("\n"))) {
		rest.n--;
	}
	name = str_cut(&rest, '+');
	hash = str_cut(&rest, '+');
	ok = rest.p && name_is_valid(name) && hex_read(hash, id, LEDGER_KEY_ID_LEN) &&
	     read_base64(rest, key, sizeof(key)) && key[0] == ALGORITHM_ED25519;
	if (ok) {
		memcpy(bytes, key + 1, SIGN_PUBLIC_LEN);
		*ret_name = name;
	}
	secret_wipe(key, sizeof(key));
	return ok;
}

enum err_code ledger_signer_init(struct ledger_signer *s, struct str name, struct err *err)
{
	struct ledger_signer made;

	if (!name_is_valid(name)) {
		return ERR(err, ERR_INVALID,
			   "a log's name is 1 to %d printable ASCII characters without space or +",
			   LEDGER_NAME_MAX);
	}
	TRY(sign_key_init(&made.key, NULL, err));
	verifier_set(&made.verifier, name, made.key.public);
	*s = made;
	return ERR_OK;
}

enum err_code ledger_signer_parse(struct str text, struct ledger_signer *ret, struct err *err)
{
	uint8_t id[LEDGER_KEY_ID_LEN], seed[SIGN_SEED_LEN];
	struct ledger_signer made;
	enum err_code code;
	struct str name;

	if (!str_starts_with(text, str_from_c(SIGNER_PREFIX)) ||
	    !split_key(str_from(text, sizeof(SIGNER_PREFIX) - 1), &name, id, seed)) {
		return ERR(err, ERR_SYNTAX,
			   "not a signing key of the form PRIVATE+KEY+name+hash+base64");
	}
	code = sign_key_init(&made.key, seed, err);
	secret_wipe(seed, sizeof(seed));
	TRY(code);
	verifier_set(&made.verifier, name, made.key.public);
	if (memcmp(id, made.verifier.id, sizeof(id)) != 0) {
		sign_key_done(&made.key);
		return ERR(err, ERR_CORRUPT, "the signing key does not match its own hash");
	}
	*ret = made;
	return ERR_OK;
}

static void append_key(const char *prefix, const struct ledger_verifier *v,
		       const uint8_t bytes[SIGN_PUBLIC_LEN], struct buf *to)
{
	uint8_t key[KEY_BYTES] = {ALGORITHM_ED25519};

	memcpy(key + 1, bytes, SIGN_PUBLIC_LEN);
	buf_append(to, str_from_c(prefix));
	buf_append(to, str_from_c(v->name));
	buf_append_c(to, '+');
	hex_append(to, v->id, sizeof(v->id));
	buf_append_c(to, '+');
	base64_append(to, key, sizeof(key));
	secret_wipe(key, sizeof(key));
}

void ledger_signer_append(const struct ledger_signer *s, struct buf *to)
{
	append_key(SIGNER_PREFIX, &s->verifier, sign_key_seed(&s->key), to);
}

void ledger_signer_done(struct ledger_signer *s)
{
	sign_key_done(&s->key);
}

enum err_code ledger_verifier_parse(struct str text, struct ledger_verifier *ret, struct err *err)
{
	uint8_t id[LEDGER_KEY_ID_LEN], public[SIGN_PUBLIC_LEN];
	struct ledger_verifier v;
	struct str name;

	if (str_starts_with(text, str_from_c(SIGNER_PREFIX))) {
		return ERR(err, ERR_INVALID, "this is a signing key; the verifier key is wanted");
	}
	if (!split_key(text, &name, id, public)) {
		return ERR(err, ERR_SYNTAX, "not a verifier key of the form name+hash+base64");
	}
	verifier_set(&v, name, public);
	if (memcmp(id, v.id, sizeof(id)) != 0) {
		return ERR(err, ERR_CORRUPT, "the verifier key does not match its own hash");
	}
	*ret = v;
	return ERR_OK;
}

void ledger_verifier_append(const struct ledger_verifier *v, struct buf *to)
{
	append_key("", v, v->public, to);
}

void ledger_checkpoint_sign(const struct ledger_signer *s, const struct ledger_checkpoint *c,
			    struct buf *to)
{
	size_t begin = buf_len(to);
	uint8_t blob[LEDGER_KEY_ID_LEN + SIGN_LEN];

	buf_append(to, str_from_c(s->verifier.name));
	buf_append_c(to, '\n');
	buf_append_u64(to, c->size);
	buf_append_c(to, '\n');
	base64_append(to, c->root, sizeof(c->root));
	buf_append_c(to, '\n');
	if (to->failed) {
		return;
	}
	memcpy(blob, s->verifier.id, LEDGER_KEY_ID_LEN);
	sign_bytes(&s->key, str_from(buf_str(to), begin), blob + LEDGER_KEY_ID_LEN);
	buf_append(to, STR("\n" DASH));
	buf_append(to, str_from_c(s->verifier.name));
	buf_append_c(to, ' ');
	base64_append(to, blob, sizeof(blob));
	buf_append_c(to, '\n');
}

/* One line without its newline; false when there is no whole line. */
static bool cut_line(struct str *rest, struct str *ret)
{
	size_t n = str_find(*rest, '\n');

	if (n == rest->n) {
		return false;
	}
	*ret = str_make(rest->p, n);
	*rest = str_from(*rest, n + 1);
	return true;
}

enum signature { SIGNATURE_BAD = 0, SIGNATURE_OTHER, SIGNATURE_MALFORMED, SIGNATURE_GOOD };

/* Looks at one signature line. With no verifier only its form counts. */
static enum signature check_line(struct str line, struct str text, const struct ledger_verifier *v)
{
	struct str rest = line, name;
	uint8_t blob[LEDGER_KEY_ID_LEN + SIGN_LEN];

	if (!str_starts_with(rest, STR(DASH))) {
		return SIGNATURE_MALFORMED;
	}
	rest = str_from(rest, sizeof(DASH) - 1);
	name = str_cut(&rest, ' ');
	if (!name_is_valid(name) || rest.n == 0) {
		return SIGNATURE_MALFORMED;
	}
	if (!v || !str_eq(name, str_from_c(v->name))) {
		return SIGNATURE_OTHER; /* of a witness: its algorithm may be any */
	}
	if (!read_base64(rest, blob, sizeof(blob)) || memcmp(blob, v->id, LEDGER_KEY_ID_LEN) != 0) {
		return SIGNATURE_OTHER; /* another key of the same name */
	}
	return sign_verify(v->public, text, blob + LEDGER_KEY_ID_LEN) ? SIGNATURE_GOOD
								      : SIGNATURE_BAD;
}

static enum err_code check_signatures(struct str lines, struct str text,
				      const struct ledger_verifier *v, struct err *err)
{
	struct str line;
	bool good = false;
	int n = 0;

	while (cut_line(&lines, &line)) {
		enum signature s = check_line(line, text, v);

		if (s == SIGNATURE_MALFORMED || ++n > MAX_NOTE_SIGNATURES) {
			return ERR(err, ERR_SYNTAX, "a malformed signature line");
		}
		if (s == SIGNATURE_BAD) {
			return ERR(err, ERR_DENIED, "the signature does not fit the checkpoint");
		}
		good = good || s == SIGNATURE_GOOD;
	}
	if (lines.n > 0 || n == 0) {
		return ERR(err, ERR_SYNTAX, "a checkpoint without whole signature lines");
	}
	if (v && !good) {
		return ERR(err, ERR_DENIED, "not signed by %s with this key", v->name);
	}
	return ERR_OK;
}

enum err_code ledger_checkpoint_open(struct str note, const struct ledger_verifier *v,
				     struct ledger_checkpoint *ret, struct err *err)
{
	struct str rest = note, origin, size, root, line, text;
	struct ledger_checkpoint c;

	if (note.n > LEDGER_NOTE_MAX || !str_is_utf8(note) || !cut_line(&rest, &origin) ||
	    origin.n == 0 || !cut_line(&rest, &size) || !str_to_u64(size, &c.size) ||
	    (size.n > 1 && size.p[0] == '0') || !cut_line(&rest, &root) ||
	    !read_base64(root, c.root, sizeof(c.root))) {
		return ERR(err, ERR_SYNTAX, "not a checkpoint");
	}
	do { /* lines we do not know may follow; they are covered by the signature */
		if (!cut_line(&rest, &line)) {
			return ERR(err, ERR_SYNTAX, "a checkpoint without signatures");
		}
	} while (line.n > 0);
	text = str_make(note.p, (size_t)(rest.p - note.p) - 1);
	if (v && !str_eq(origin, str_from_c(v->name))) {
		return ERR(err, ERR_DENIED, "a checkpoint of another log than %s", v->name);
	}
	TRY(check_signatures(rest, text, v, err));
	*ret = c;
	return ERR_OK;
}

bool ledger_note_cut(struct str *rest, struct str *ret)
{
	struct str text_end = STR("\n\n"), s = *rest;
	size_t at = str_find_str(s, text_end), end;

	if (at < s.n) {
		end = at + text_end.n + str_find_str(str_from(s, at + text_end.n), text_end);
		if (end < s.n) {
			*ret = str_make(s.p, end + 1);
			*rest = str_from(s, end + text_end.n);
			return true;
		}
	}
	*ret = s;
	return false;
}
