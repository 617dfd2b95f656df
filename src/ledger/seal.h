/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: a signed statement of how long the log is and what its root is.
 * C2SP tlog-checkpoint inside a C2SP signed-note with an Ed25519 signature, so
 * that any transparency-log tool can check them:
 *
 *   example.org/writ/node-1
 *   1024
 *   <base64 of the root>
 *
 *   — example.org/writ/node-1 <base64 of key id (4 bytes) and signature (64 bytes)>
 *
 * The key id is the start of SHA-256(name || "\n" || 0x01 || public key). The
 * origin (first line) is the key's name. Keys as text, as the signed-note tools
 * write them:
 *
 *   verifier  name+<8 hex digits of the key id>+<base64 of 0x01 || public key>
 *   signer    PRIVATE+KEY+name+<8 hex digits>+<base64 of 0x01 || seed>
 *
 * Pure.
 */
#ifndef LEDGER_SEAL_H
#define LEDGER_SEAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/sha256.h"
#include "crypto/sign.h"

enum { LEDGER_NAME_MAX = 128, LEDGER_KEY_ID_LEN = 4, LEDGER_NOTE_MAX = 16 * 1024 };

struct ledger_verifier {
	char name[LEDGER_NAME_MAX + 1]; /* UTF-8, no spaces, no plus sign; never empty */
	uint8_t id[LEDGER_KEY_ID_LEN];
	uint8_t public[SIGN_PUBLIC_LEN];
};

struct ledger_signer {
	struct ledger_verifier verifier;
	struct sign_key key;
};

struct ledger_checkpoint {
	uint64_t size;
	uint8_t root[SHA256_LEN];
};

/* A new key of this name. */
enum err_code ledger_signer_init(struct ledger_signer *s, struct str name,
				 struct err *err) MUST_USE;

/* From and to the text of a key file (a newline at the end is allowed). What is wrong with the text
 * is said without showing it. */
enum err_code ledger_signer_parse(struct str text, struct ledger_signer *ret,
				  struct err *err) MUST_USE;
void ledger_signer_append(const struct ledger_signer *s, struct buf *to);
void ledger_signer_done(struct ledger_signer *s);

enum err_code ledger_verifier_parse(struct str text, struct ledger_verifier *ret,
				    struct err *err) MUST_USE;
void ledger_verifier_append(const struct ledger_verifier *v, struct buf *to);

/* Appends the signed note. */
void ledger_checkpoint_sign(const struct ledger_signer *s, const struct ledger_checkpoint *c,
			    struct buf *to);

/*
 * Reads a note. With a verifier, exactly its name and key must have signed it and its origin must
 * be that name: ERR_DENIED otherwise. Without one only the form is checked. Signatures of others
 * (witnesses) may stand beside it. ERR_SYNTAX for what is not a checkpoint.
 */
enum err_code ledger_checkpoint_open(struct str note, const struct ledger_verifier *v,
				     struct ledger_checkpoint *ret, struct err *err) MUST_USE;

/*
 * Cuts the next note off *rest, a sequence of notes each followed by an empty line. False at the
 * end; *ret is then what is left over (empty, or a torn note).
 */
bool ledger_note_cut(struct str *rest, struct str *ret) MUST_USE;

#endif
