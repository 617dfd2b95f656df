/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a pattern written out as steps. */
#include "json/regex_priv.h"

enum { VISITS_MAX = 1 << 16 };

struct emitter {
	struct arena *scratch;
	struct regex_inst *inst;
	size_t n, cap, visits;
	bool backward;
	struct err *err;
};

static enum err_code put(struct emitter *e, struct regex_inst i)
{
	if (e->n == JSON_REGEX_PROGRAM) {
		return ERR(e->err, ERR_LIMIT, "a pattern of more than %d steps",
			   JSON_REGEX_PROGRAM);
	}
	if (!ARENA_GROW(e->scratch, &e->inst, e->n, &e->cap)) {
		return ERR(e->err, ERR_NOMEM, "no memory for a pattern");
	}
	e->inst[e->n++] = i;
	return ERR_OK;
}

static enum err_code emit(struct emitter *e, const struct regex_node *n);

/* One more time or on to `past`, whichever is preferred. */
static struct regex_inst split(bool lazy, size_t again, size_t past)
{
	return (struct regex_inst){.op = REGEX_SPLIT,
				   .x = (uint32_t)(lazy ? past : again),
				   .y = (uint32_t)(lazy ? again : past)};
}

static enum err_code emit_repeat(struct emitter *e, const struct regex_node *n)
{
	size_t first = e->n, last = e->n;

	for (uint32_t i = 0; i < n->least; i++) {
		last = e->n;
		TRY(emit(e, n->a));
	}
	if (n->most == REGEX_NO_END && n->least > 0) {
		return put(e, split(n->lazy, last, e->n + 1));
	}
	if (n->most == REGEX_NO_END) {
		TRY(put(e, (struct regex_inst){0}));
		TRY(emit(e, n->a));
		TRY(put(e, (struct regex_inst){.op = REGEX_JUMP, .x = (uint32_t)first}));
		e->inst[first] = split(n->lazy, first + 1, e->n);
		return ERR_OK;
	}
	first = e->n;
	for (uint32_t i = n->least; i < n->most; i++) {
		size_t at = e->n;

		TRY(put(e, split(n->lazy, at + 1, REGEX_NO_END)));
		TRY(emit(e, n->a));
	}
	/* whoever stops early goes behind all of them */
	for (size_t i = first; i < e->n; i++) {
		if (e->inst[i].op == REGEX_SPLIT && e->inst[i].x == REGEX_NO_END) {
			e->inst[i].x = (uint32_t)e->n;
		} else if (e->inst[i].op == REGEX_SPLIT && e->inst[i].y == REGEX_NO_END) {
			e->inst[i].y = (uint32_t)e->n;
		}
	}
	return ERR_OK;
}

static enum err_code emit_or(struct emitter *e, const struct regex_node *n)
{
	size_t from = e->n, jump;

	TRY(put(e, (struct regex_inst){0}));
	TRY(emit(e, n->a));
	jump = e->n;
	TRY(put(e, (struct regex_inst){.op = REGEX_JUMP}));
	e->inst[from] = split(false, from + 1, e->n);
	TRY(emit(e, n->b));
	e->inst[jump].x = (uint32_t)e->n;
	return ERR_OK;
}

/* A sequence is a list that leans to the left: as long as the pattern, so no recursion along it. */
static enum err_code emit_cat(struct emitter *e, const struct regex_node *n)
{
	const struct regex_node **parts = NULL;
	size_t count = 0, cap = 0;

	for (; n->type == REGEX_CAT; n = n->a) {
		if (!ARENA_GROW(e->scratch, &parts, count, &cap)) {
			return ERR(e->err, ERR_NOMEM, "no memory for a pattern");
		}
		parts[count++] = n->b;
	}
	if (!e->backward) {
		TRY(emit(e, n));
	}
	for (size_t i = 0; i < count; i++) {
		TRY(emit(e, parts[e->backward ? i : count - 1 - i]));
	}
	return e->backward ? emit(e, n) : ERR_OK;
}

/* As deep as groups, times the alternatives of one: both bounded by the pattern's length. */
static enum err_code emit(struct emitter *e, const struct regex_node *n)
{
	if (++e->visits > VISITS_MAX) { /* what is empty, many times over, emits nothing */
		return ERR(e->err, ERR_LIMIT, "a pattern of too many repetitions");
	}
	switch (n->type) {
	case REGEX_EMPTY:
		return ERR_OK;
	case REGEX_ONE:
		return put(e, n->inst);
	case REGEX_CAT:
		return emit_cat(e, n);
	case REGEX_OR:
		return emit_or(e, n);
	case REGEX_REPEAT:
		return emit_repeat(e, n);
	}
	return ERR_INVALID;
}

static bool begins_anchored(const struct regex_node *n)
{
	while (n->type == REGEX_CAT) {
		n = n->a;
	}
	return n->type == REGEX_ONE && n->inst.op == REGEX_BEGIN;
}

enum err_code regex_emit(struct arena *keep, struct arena *scratch, const struct regex_node *n,
			 bool backward, struct regex_program *ret, struct err *err)
{
	struct emitter e = {.scratch = scratch, .backward = backward, .err = err};
	struct regex_inst *kept;

	TRY(emit(&e, n));
	TRY(put(&e, (struct regex_inst){.op = REGEX_MATCH}));
	kept = ARENA_ARRAY(keep, e.n, struct regex_inst);
	if (!kept) {
		return ERR(err, ERR_NOMEM, "no memory for a pattern");
	}
	memcpy(kept, e.inst, e.n * sizeof(*kept));
	*ret = (struct regex_program){.inst = kept,
				      .n = e.n,
				      .backward = backward,
				      .anchored = !backward && begins_anchored(n)};
	return ERR_OK;
}
