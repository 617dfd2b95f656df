/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies in force, compiled, with the entities that the configuration
 * names: what DECIDE asks. A reload makes a new one; actions that were decided
 * keep theirs until they end.
 */
#ifndef GATE_RULES_H
#define GATE_RULES_H

#include "config/config.h"
#include "crypto/sha256.h"
#include "egress/host.h"
#include "gate/rules_compile.h"
#include "policy/dw_engine.h"
#include "site/matrix.h"

struct residency_facts;
struct rules_world;

struct rules {
	unsigned refs;
	struct arena arena;
	struct config *config;
	struct rules_compiled policies;
	struct policy_store *store;    /* of `world` */
	struct residency_facts *facts; /* what the residency matrix is made of */
	struct rules_world *world,
		*before; /* the matrix of now, and the last one: rules_residency.h */
	struct str node;
	uint8_t digest[SHA256_LEN];     /* of the set's canonical bytes */
	uint8_t (*servers)[SHA256_LEN]; /* of each server's whole configuration, in its order */
	const struct str *paths;        /* that the policies name: Writ::Path::"..." */
	size_t n_paths;
	const struct str *programs; /* likewise: Writ::Program::"..." */
	size_t n_programs;
	uint16_t raises[DETECT_CLASSES]; /* rules_raise.h */
	unsigned seeks;
	bool ask_program; /* some policy may look at context.program */
};

/*
 * From the two documents the supervisor hands a gate. ERR_INVALID with file:line:column of
 * the first thing wrong: the loader has checked them, so this is not expected.
 */
enum err_code rules_new(struct str config_json, struct str bundle_json, struct rules **ret,
			struct err *err) MUST_USE;
struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r);

/*
 * Arguments past this are refused undecided: a decision holds up all other callers of its gate, and its
 * time grows with what the policies have to look at.
 */
enum { RULES_INPUT_MAX = 1 << 20 };

/* What an action is to the policies. */
enum rules_kind {
	RULES_CALL_TOOL = 0,
	RULES_READ_RESOURCE,
	RULES_GET_PROMPT,
	RULES_COMPLETE,
	RULES_LIST,
	RULES_INFER,
	RULES_CONNECT,
	RULES_SUBSCRIBE,  /* to changes of a resource */
	RULES_SAMPLE,     /* a server asks the agent's client: for words of its model */
	RULES_ELICIT,     /* ... of its person */
	RULES_LIST_ROOTS, /* ... where it works */
	RULES_TASK,       /* about a call that a server goes on with */
	RULES_EXEC,
	RULES_READ_FILE,
	RULES_WRITE_FILE,
};

/* Labels of what flows in; zero is the strictest reading of integrity, the mildest of the rest. */
struct rules_labels {
	int64_t integrity, confidentiality;
	const struct str *categories;
	size_t n_categories;
};

/* The program that made a connection, as far as that is known. */
struct rules_program {
	struct str path, digest; /* SHA-256, in hexadecimal */
	bool certain;            /* it made the connection itself: sandbox/owner.h */
};

struct rules_query {
	enum rules_kind kind;
	struct str agent;
	const struct policy_value *claims; /* of the caller's token: principal.oauth; NULL: none */
	struct str server;                 /* MCP: its configured id */
	struct str object; /* tool, URI, prompt, model, or the path of a program or file */
	struct str digest; /* EXEC: SHA-256 of the program, in hexadecimal */
	const struct egress_host *host;      /* RULES_CONNECT: where to */
	const struct rules_program *program; /* RULES_CONNECT: whose; NULL: not known */
	struct str input;  /* raw JSON object: what the policies see as context.input */
	struct str prompt; /* RULES_INFER: the whole request, without what @redact took out */
	struct str session;
	struct str unfit; /* why Writ refuses it before any policy is asked; empty: it does not */
	struct str approved_by; /* a person who was asked said yes; empty: nobody */
	struct rules_labels labels;
	unsigned found;                         /* that raises them: DETECT_BITs */
	struct str categories[SITE_CATEGORIES]; /* what labels.categories points to */
	struct str purpose, origin; /* of what the agent does; empty: none with a name */
	struct str over;            /* INFER: no budget is left for it, and why; else empty */
	struct site_row row;        /* INFER: the same as a row of the residency matrix */
	uint64_t now_ms;            /* since 1970 */
	/* Temporal policies: what happened so far, the time of this event, and the action's id. */
	struct dw_engine *engine;
	int64_t event_ms;
	struct str request;
	bool again; /* the event of this request has been observed: only decide */
};

struct rules_answer {
	enum policy_outcome outcome;
	struct str action, principal, resource; /* as Cedar text */
	const struct str *policies;             /* ids that determined it */
	size_t n_policies;
	const struct str *errors;
	size_t n_errors;
	struct str policy; /* the first of them, for the caller; empty: nothing permits it */
	struct str reason; /* its @reason; may be empty */
	struct str
		retry_after;  /* ASK that waiting alone lifts: the longest @retry_after; or empty */
	unsigned ask_seconds; /* ASK: the shortest @ask_ttl; 0: none says */
	struct str step_up;   /* ASK that scopes alone lift: those of each @step_up; or empty */
	const struct str *duties; /* ALLOW: "audit=durable" */
	size_t n_duties;
	const struct str *logged; /* ids of @mode("log") policies that would have counted */
	size_t n_logged;
	struct str cause; /* when Writ itself refused: a word for the record, "schema.request" */
	bool durable;     /* @audit("durable") */
	unsigned redact;  /* ALLOW: what has to be taken out, DETECT_BITs; see gate/redact.h */
	struct str route; /* INFER, DENY: the request may go there instead, @route; else empty */
	const uint8_t *matrix; /* INFER: SHA256_LEN bytes that name the residency matrix, or NULL */
	struct dw_event *event; /* temporal policies: the request as it was observed; else NULL */
};

/* Decides. Texts live in the arena and in r. Never fails open: whatever goes wrong is DENY. */
void rules_decide(const struct rules *r, const struct rules_query *q, struct arena *a,
		  struct rules_answer *ret);

/*
 * Could some policy permit what q asks, whatever the context is? Never false where one could. By q's kind, agent,
 * claims, server and object.
 */
bool rules_may(const struct rules *r, const struct rules_query *q, struct arena *a);

/*
 * Could some policy permit this agent to connect there, at one of these ports? Never false where one
 * could; host->port is not looked at.
 */
bool rules_may_connect(const struct rules *r, struct str agent, const struct egress_host *host,
		       const uint16_t *ports, size_t n);

#endif
