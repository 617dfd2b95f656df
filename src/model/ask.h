/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client asks of a model, in no dialect in particular. It is read from the dialect of the
 * client and written in the one that the back end speaks:
 *
 *   chat, messages, responses  ->  struct model_ask  ->  chat, messages, responses
 *
 * Nothing is lost silently. Each dialect has tables of the members that are known; one that is not
 * in them, or that has no equal in the other dialect, refuses the request and is named. Left
 * out are hints that change no answer (cache_control, prompt_cache_key and the like): the tables say which.
 */
#ifndef MODEL_ASK_H
#define MODEL_ASK_H

#include "model/request.h"

enum model_role { MODEL_ROLE_NONE = 0, MODEL_ROLE_SYSTEM, MODEL_ROLE_USER, MODEL_ROLE_ASSISTANT };

enum model_part_kind {
	MODEL_PART_NONE = 0,
	MODEL_PART_TEXT,
	MODEL_PART_IMAGE,     /* text: base64; media: its type */
	MODEL_PART_REASONING, /* what the model thought, as text */
	MODEL_PART_CALL,      /* id, name; text: the arguments as JSON text */
	MODEL_PART_RESULT,    /* id; text; of a call, in a turn of the user */
};

struct model_part {
	struct model_part *next;
	enum model_part_kind kind;
	struct str text, media, id, name;
	bool is_error; /* RESULT: the tool failed */
};

struct model_turn {
	struct model_turn *next;
	enum model_role role;
	struct model_part *first, *last;
};

struct model_tool {
	struct model_tool *next;
	struct str name, description;
	const struct json *schema; /* NULL: takes nothing */
	bool strict;
};

/* Zero: the model decides. */
enum model_choice {
	MODEL_CHOICE_AUTO = 0,
	MODEL_CHOICE_NONE,
	MODEL_CHOICE_ANY, /* some tool */
	MODEL_CHOICE_ONE, /* choice_name */
};

/* Everything borrows the tree it was read from, and its arena. */
struct model_ask {
	struct model_turn *first, *last; /* neighbours differ in role */
	struct model_tool *first_tool, *last_tool;
	bool choice_said;
	enum model_choice choice;
	struct str choice_name;
	bool one_call; /* no parallel calls */
	const struct json *temperature, *top_p, *top_k;
	const struct json *stop;   /* a string or an array of strings */
	const struct json *format; /* {"name","schema","strict"} that the answer has to have */
	bool format_any;           /* some JSON object */
	struct str effort, user;
	struct str salt;     /* of the engine's cache; empty: none */
	uint64_t max_tokens; /* 0: not said */
	bool stream, include_usage;
};

/* What back ends differ in; zero is the plain OpenAI-compatible server. */
struct model_quirks {
	bool no_stream_options;     /* refuses the member; gives usage without being asked */
	bool short_ids;             /* ids of calls are nine letters and digits */
	bool max_completion_tokens; /* the limit has its newer name */
	bool cache_salt;            /* keeps the caches of those apart who say different ones */
};

/*
 * `whole` is a request to `api` (chat, responses, messages) that model_request_parse has taken. False:
 * *ret_what names what has no equal, in the arena, or is empty when memory is short.
 */
bool model_ask_read(struct arena *a, enum model_api api, const struct json *whole,
		    struct model_ask *ret, struct str *ret_what) MUST_USE;

/* Appends the request to `api` (chat, messages or responses), to the model by that name. As above. */
bool model_ask_write(struct buf *out, struct arena *a, enum model_api api,
		     const struct model_ask *ask, struct str model, const struct model_quirks *q,
		     struct str *ret_what) MUST_USE;

#endif
