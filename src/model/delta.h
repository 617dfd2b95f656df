/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model answers, piece by piece and in no dialect in particular. Readers make pieces of an
 * answer of a back end, whole or streamed; writers make of them an answer for a client, whole or
 * streamed. The pieces of a whole answer and of the same answer streamed say the same:
 *
 *   chat, messages, responses  ->  struct model_delta ...  ->  chat, messages, responses
 *
 *   START (TEXT | REASONING | CALL ARGUMENTS* | PING)* FINISH USAGE END     or ERROR at any place
 */
#ifndef MODEL_DELTA_H
#define MODEL_DELTA_H

#include "model/request.h"
#include "model/stream.h"

enum { MODEL_CALLS_MAX = 128, MODEL_ANSWER_MAX = 32 << 20, MODEL_ID_MAX = 64 };

enum model_delta_kind {
	MODEL_DELTA_NONE = 0,
	MODEL_DELTA_START,     /* id: of the answer */
	MODEL_DELTA_TEXT,      /* text */
	MODEL_DELTA_REASONING, /* text */
	MODEL_DELTA_CALL,      /* index, id, name: a call begins; indices count from 0 */
	MODEL_DELTA_ARGUMENTS, /* index, text */
	MODEL_DELTA_FINISH,    /* finish; text: the stop sequence, if one was met */
	MODEL_DELTA_USAGE,
	MODEL_DELTA_PING,
	MODEL_DELTA_ERROR, /* text */
	MODEL_DELTA_END,
};

struct model_delta {
	enum model_delta_kind kind;
	unsigned index;
	struct str id, name, text;
	enum model_finish finish;
	struct model_usage usage;
};

typedef void model_delta_fn(void *ctx, const struct model_delta *d);

/* ---- reading ---- */

struct model_answer_reader {
	enum model_api api; /* chat, messages or responses */
	model_delta_fn *on;
	void *ctx;
	bool started, ended;
	bool said; /* responses: pieces of the open item were told */
	/* The back end's own numbers of calls. */
	unsigned n_calls;
	struct {
		uint64_t theirs, id;
	} calls[MODEL_CALLS_MAX];
	struct model_usage usage; /* messages tell it in parts */
};

void model_answer_reader_init(struct model_answer_reader *r, enum model_api api, model_delta_fn *on,
			      void *ctx);

/*
 * The data of one event; texts of pieces live until it returns. ERR_SYNTAX, ERR_INVALID, ERR_LIMIT
 * when it is no such event: the stream cannot go on.
 */
enum err_code model_answer_read_event(struct model_answer_reader *r, struct arena *scratch,
				      struct str data, struct err *err) MUST_USE;

/* A whole answer. Likewise. */
enum err_code model_answer_read_whole(struct model_answer_reader *r, struct arena *scratch,
				      struct str body, const struct json_opts *opts,
				      struct err *err) MUST_USE;

/* ---- writing ---- */

enum model_block {
	MODEL_BLOCK_NONE = 0,
	MODEL_BLOCK_TEXT,
	MODEL_BLOCK_REASONING,
	MODEL_BLOCK_CALL
};

struct model_answer_writer {
	enum model_api api; /* chat, messages or responses */
	bool stream, include_usage;
	struct str model; /* as the client called it; borrowed */
	uint64_t created; /* seconds since 1970 */
	struct buf *out;  /* what the client gets is appended here */

	/* private */
	char id[MODEL_ID_MAX];
	size_t id_n;
	bool begun, ended, failed, called; /* called: some tool was */
	enum model_block block;            /* the one that is open, told by its index ... */
	unsigned call;                     /* ... and that of the open call */
	unsigned n_blocks;                 /* opened so far */
	uint64_t sequence;
	enum model_finish finish;
	struct model_usage usage;
	struct buf text;          /* of the open block, where it is told again */
	struct buf items;         /* JSON of the closed blocks, a comma between */
	struct buf said, thought; /* whole chat answers: text and reasoning are no blocks */
	struct buf call_id, call_name, stop;
};

/* The rest of *w is the caller's before. */
void model_answer_writer_init(struct model_answer_writer *w);
void model_answer_writer_done(struct model_answer_writer *w);

/*
 * False once the answer cannot be told (too long, or calls in an order that the dialect has not):
 * then the stream must not look complete. A whole answer is in `out` after END.
 */
bool model_answer_write(struct model_answer_writer *w, const struct model_delta *d);

#endif
