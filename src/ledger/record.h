/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledger says about an action, and how it is written. Pure.
 *
 * An entry is what a role reports: canonical JSON (ledger/canon.h) of one of
 * the structs below. A record is an entry with what the writer of the log
 * knows: who sent it (the channel it came by, not a claim), its index, its time.
 *
 *   {"entry":{"action":"...",...},"from":"gate.0","index":7,"time":1795425356123456}
 *
 * Times are microseconds since 1970-01-01 UTC, which every JSON number can hold
 * exactly until the year 2255. The record's time never goes back; the entry's
 * own time is its sender's clock. docs/formats/ledger.md is the full format.
 *
 * A member that is empty, zero or all zeros is left out, unless its comment says
 * that it is required (texts must then not be empty) or always written.
 */
#ifndef LEDGER_RECORD_H
#define LEDGER_RECORD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/sha256.h"

enum {
	LEDGER_ENTRY_MAX = 16 * 1024, /* bytes of an encoded entry */
	LEDGER_TEXT_MAX = 2 * 1024,   /* bytes of one text before encoding */
	LEDGER_TEXTS_MAX = 64,        /* texts in one list */
	LEDGER_FROM_MAX = 32,         /* bytes of a sender's name */
	LEDGER_SESSION_MAX = 128,     /* bytes of a session id that has a salt */
	LEDGER_RECORD_MAX = LEDGER_ENTRY_MAX + 160
};

enum ledger_kind {
	LEDGER_NO_KIND = 0,
	LEDGER_DECISION,
	LEDGER_OUTCOME,
	LEDGER_EVENT,
	LEDGER_SALTED,
	LEDGER_SALT, /* kept beside the log, never in it: the scribe turns it into SALTED */
	LEDGER_KIND_MAX
};

enum ledger_verdict { LEDGER_DENY = 0, LEDGER_ASK, LEDGER_ALLOW, LEDGER_VERDICT_MAX };

/* How an allowed action ended. */
enum ledger_status {
	LEDGER_LOST = 0,       /* the role died before it knew */
	LEDGER_OK,             /* answered */
	LEDGER_TOOL_ERROR,     /* answered, and the answer says that it failed */
	LEDGER_PROTOCOL_ERROR, /* answered in a way the protocol does not allow */
	LEDGER_UNREACHABLE,    /* nothing could be sent */
	LEDGER_DIED,           /* the server ended or closed while the action was under way */
	LEDGER_TIMEOUT,
	LEDGER_CANCELLED, /* by the caller */
	LEDGER_CALLER_GONE,
	LEDGER_WITHHELD, /* answered, but the answer was not given to the caller */
	LEDGER_STATUS_MAX
};

enum ledger_event_name {
	LEDGER_NO_EVENT = 0,
	LEDGER_OPENED,    /* the log was opened for writing; number: bytes of a torn tail dropped */
	LEDGER_CLOSED,    /* the last record of an orderly stop */
	LEDGER_CLOCK,     /* the clock went back; number: by how many microseconds */
	LEDGER_DISK_FULL, /* after it: records were refused; number: how many */
	LEDGER_ROLE_STARTED,    /* subject: the role, "gate.0" */
	LEDGER_ROLE_DIED,       /* number: its wait status */
	LEDGER_RELOAD_ACCEPTED, /* policy_set: the new one */
	LEDGER_RELOAD_REFUSED,  /* detail: why */
	LEDGER_LISTENING,       /* subject: the address */
	LEDGER_SERVER_STARTED,  /* subject: the tool server's id */
	LEDGER_SERVER_ENDED,
	LEDGER_SESSION_OPENED, /* subject: the session, detail: the principal */
	LEDGER_SESSION_CLOSED,
	LEDGER_FINDING, /* subject: what it is about, detail: the finding */
	LEDGER_ERASED,  /* subject: the session whose salt was erased */
	/* Of the run whose session is the subject: detail says how it is held, or who did it. */
	LEDGER_APPROVAL_GIVEN,   /* subject: the action asked about, detail: who said yes */
	LEDGER_APPROVAL_REFUSED, /* the same for no */
	LEDGER_RUN_STARTED,
	LEDGER_RUN_FROZEN,
	LEDGER_RUN_THAWED,
	LEDGER_RUN_KILLED,
	LEDGER_SEVERED, /* subject: the group that is kept, detail: who did it */
	LEDGER_RESTORED,
	LEDGER_LOGGED_IN, /* subject: the server, detail: who did it */
	LEDGER_LOGGED_OUT,
	LEDGER_SENT, /* a request for a relay. subject: the upstream, detail: the action's id, number:
			its bytes, request: the commitment of ledger/permit.h */
	LEDGER_EVENT_MAX
};

struct ledger_texts {
	const struct str *items;
	size_t n;
};

struct ledger_decision {
	struct str action_id;         /* required; unique in this log */
	struct str action;            /* required; Cedar text: Writ::Action::"fs.read_file" */
	struct str principal;         /* required */
	struct str resource;          /* required */
	struct str session;           /* required */
	struct str node;              /* required: the machine's configured name */
	enum ledger_verdict decision; /* always written */
	struct ledger_texts also;     /* other resources of the request, decided alike */
	struct ledger_texts policies; /* the ids that determined it */
	struct ledger_texts errors;   /* the ids whose evaluation failed */
	struct ledger_texts duties;   /* obligations taken on: "redact=pii" */
	struct ledger_texts labels;   /* of what flows in */
	struct ledger_texts logged;   /* ids that would have counted, were they not only logged */
	struct str reason;            /* why Writ itself refused, in a word */
	struct str program;           /* of a connection: who made it, where that was found out */
	uint8_t program_digest[SHA256_LEN]; /* of that file, or of the program that is started */
	uint8_t policy_set[SHA256_LEN];
	uint8_t matrix
		[SHA256_LEN]; /* names the residency matrix that a model call was decided by */
	uint8_t arguments[SHA256_LEN]; /* commitment: ledger/salt.h */
	uint64_t arguments_bytes;
	/* Of a request to a model, whose arguments are only told of: its whole body, without what was taken out. */
	uint8_t prompt[SHA256_LEN];
	uint64_t prompt_bytes;
	uint64_t time_us; /* always written */
};

struct ledger_outcome {
	struct str action_id;      /* required: of the decision */
	struct str session;        /* required */
	enum ledger_status status; /* always written */
	uint64_t code;             /* the protocol's own number: HTTP status */
	struct ledger_texts findings;
	struct ledger_texts labels; /* of the answer */
	uint8_t result[SHA256_LEN]; /* commitment */
	uint64_t result_bytes;
	struct str peer;     /* of a connection: the address that was reached */
	uint64_t sent_bytes; /* of a connection: from the caller; result_bytes is the other way */
	uint64_t decide_ns, upstream_ns, total_ns;
	uint64_t time_us; /* always written */
	/* Of a request to a model. */
	uint64_t attempt; /* of one request of the caller, from 1 */
	struct str
		deployment; /* "site/name": where it was sent, and what the model is called there */
	uint64_t reserved_tokens,
		reserved_cost; /* taken from budgets before, the most it could be */
	uint64_t tokens_in, tokens_out,
		tokens_cached; /* as the back end says; cached ones are in tokens_in */
	uint64_t cost;         /* in the end, in millionths of the currency */
};

struct ledger_event {
	enum ledger_event_name event; /* required */
	struct str subject, detail, node;
	uint64_t number;
	uint8_t policy_set[SHA256_LEN];
	uint8_t request[SHA256_LEN];
	uint8_t matrix[SHA256_LEN]; /* SENT, of a request to a model: as of its decision */
	uint64_t time_us;           /* always written */
};

/*
 * A session's commitments are salted with the key of this hash: so a key that is shown can be
 * checked, and an erased one can be told from one that never was.
 */
struct ledger_salted {
	struct str session;           /* required; one word of at most LEDGER_SESSION_MAX bytes */
	uint8_t key_hash[SHA256_LEN]; /* required: SHA-256 of the key */
	uint64_t time_us;             /* always written */
};

/* The key itself, on its way from the role that made it to the salts/ folder. */
struct ledger_salt {
	struct str session;      /* required; as above, no byte below '!' */
	uint8_t key[SHA256_LEN]; /* required */
};

struct ledger_entry {
	enum ledger_kind kind;
	union {
		struct ledger_decision decision;
		struct ledger_outcome outcome;
		struct ledger_event event;
		struct ledger_salted salted;
		struct ledger_salt salt;
	} u;
};

/*
 * Appends the canonical entry. ERR_INVALID: a required member is missing, a text
 * is not UTF-8; ERR_LIMIT: something is too long; then `to` is as it was.
 */
enum err_code ledger_decision_encode(const struct ledger_decision *d, struct buf *to,
				     struct err *err) MUST_USE;
enum err_code ledger_outcome_encode(const struct ledger_outcome *o, struct buf *to,
				    struct err *err) MUST_USE;
enum err_code ledger_event_encode(const struct ledger_event *e, struct buf *to,
				  struct err *err) MUST_USE;
enum err_code ledger_salted_encode(const struct ledger_salted *s, struct buf *to,
				   struct err *err) MUST_USE;
enum err_code ledger_salt_encode(const struct ledger_salt *s, struct buf *to,
				 struct err *err) MUST_USE;

/*
 * Accepts exactly what the encoders write: encoding the result gives the same
 * bytes. Texts borrow from `bytes` or live in the arena, lists in the arena.
 */
enum err_code ledger_entry_decode(struct str bytes, struct arena *a, struct ledger_entry *ret,
				  struct err *err) MUST_USE;
enum err_code ledger_entry_encode(const struct ledger_entry *e, struct buf *to,
				  struct err *err) MUST_USE;

struct ledger_record {
	struct str entry; /* an encoded entry */
	struct str from;  /* "gate.0": lower-case letters, digits and dots */
	uint64_t index;   /* position in the log, from 0 */
	uint64_t time_us;
};

/* Appends the record. The entry is taken as it is: the caller has decoded it once. */
void ledger_record_encode(const struct ledger_record *r, struct buf *to);

/* Splits a record; the parts borrow from `bytes`. The entry itself is not looked into. */
enum err_code ledger_record_decode(struct str bytes, struct ledger_record *ret,
				   struct err *err) MUST_USE;

/* The words used in the log; static storage; "?" for a value outside the enum. */
const char *ledger_kind_name(enum ledger_kind k);
const char *ledger_verdict_name(enum ledger_verdict v);
const char *ledger_status_name(enum ledger_status s);
const char *ledger_event_text(enum ledger_event_name e);

#endif
