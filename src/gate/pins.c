/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/pins.h"

#include "detect/lint.h"
#include "gate/gate.h"
#include "gate/pin.h"
#include "sys/fd.h"
#include "json/canon.h"
#include "json/write.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ITEM_MEMORY = 16 << 20, TABLE_MAX = PIN_TABLE_MAX * PIN_ENTRY };

static const enum pin_kind kinds[MCP_LIST_KINDS] = {
	[MCP_LIST_TOOLS] = PIN_TOOL,
	[MCP_LIST_RESOURCES] = PIN_RESOURCE,
	[MCP_LIST_TEMPLATES] = PIN_TEMPLATE,
	[MCP_LIST_PROMPTS] = PIN_PROMPT,
};

void pins_init(struct gate *g)
{
	g->pins = (struct gate_pins){.room_fd = -1};
}

void pins_done(struct gate *g)
{
	free(g->pins.table);
	fd_close(&g->pins.room_fd);
}

/* ---- texts ---- */

/* A copy of an object that lacks one member; the object itself when it has none of this name. */
static const struct json *without(struct arena *a, const struct json *object, struct str name)
{
	struct json *copy = json_get(object, name) ? ARENA_NEW(a, struct json) : NULL;
	struct json *last = NULL;

	if (!copy) {
		return object;
	}
	*copy = *object;
	copy->first = NULL;
	copy->n = 0;
	JSON_EACH (member, object) {
		struct json *m;

		if (str_eq(member->key, name)) {
			continue;
		}
		m = ARENA_NEW(a, struct json);
		if (!m) {
			return object; /* all of it counts, then */
		}
		*m = *member;
		m->next = NULL;
		if (last) {
			last->next = m;
		} else {
			copy->first = m;
		}
		last = m;
		copy->n++;
	}
	return copy;
}

/* Of the characters of a time (RFC 3339), so that it can say nothing else. */
static bool is_time(const struct json *j)
{
	struct str s = json_str(j);

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c && memchr("-:.+TZtz ", c, 9))) {
			return false;
		}
	}
	return s.n > 0 && s.n <= 40;
}

/* A resource's size and when it was changed say nothing to a model, and change as people work. */
static const struct json *lasting(struct arena *a, const struct json *resource)
{
	const struct json *annotations = json_get(resource, STR("annotations"));
	const struct json *size = json_get(resource, STR("size")), *rest = resource, *others;
	struct json *copy;

	if (size && size->type == JSON_NUMBER) {
		rest = without(a, resource, STR("size"));
	}
	if (!is_time(json_get(annotations, STR("lastModified")))) {
		return rest;
	}
	others = without(a, annotations, STR("lastModified"));
	rest = without(a, rest, STR("annotations"));
	copy = ARENA_NEW(a, struct json);
	if (others == annotations || !copy || !rest->first) {
		return rest;
	}
	*copy = *others;
	copy->next = rest->first;
	((struct json *)(uintptr_t)rest)->first = copy; /* our own copy: it lacks a member */
	((struct json *)(uintptr_t)rest)->n++;
	return rest;
}

/* What is pinned of an item: its canonical form, or its bytes where it has none. */
static void put_text(struct arena *a, enum pin_kind kind, struct str raw,
		     const struct json **ret_doc, struct buf *out)
{
	const struct json *doc = NULL;

	if (json_parse(a, raw, NULL, &doc, NULL) == ERR_OK && kind == PIN_RESOURCE) {
		doc = lasting(a, doc);
	}
	if (!doc || json_canon(a, doc, out, NULL) != ERR_OK) {
		buf_clear(out);
		buf_append(out, raw);
	}
	*ret_doc = doc;
}

static void digest_of(enum pin_kind kind, struct mcp_item *item)
{
	const struct json *doc;
	struct arena a;
	struct buf text;

	arena_init(&a, ITEM_MEMORY);
	buf_init(&text, PIN_TEXT_MAX);
	put_text(&a, kind, item->raw, &doc, &text);
	sha256_of(buf_str(&text), item->digest);
	item->has_digest = true;
	buf_done(&text);
	arena_done(&a);
}

/* The instructions as a string of JSON. */
static void put_instructions(const struct link *l, struct buf *out)
{
	json_put_str(out, l->instructions);
}

static struct str table_of(const struct link *l)
{
	return str_make(l->gate->pins.table, l->gate->pins.n);
}

static enum pin_state look_up(const struct link *l, enum pin_kind kind, struct str name,
			      const uint8_t digest[SHA256_LEN])
{
	struct pin_id id = pin_id(l->id, kind, name);

	return pin_table_find(table_of(l), &id, digest);
}

static bool is_seen_before(const struct link *l)
{
	uint8_t nothing[SHA256_LEN];

	sha256_of(STR(""), nothing);
	return look_up(l, PIN_SERVER, STR(""), nothing) == PIN_PINNED;
}

/* ---- judging ---- */

/* How many items of the list are unknown; *ret_changed: others may be seen than before. */
static size_t judge_list(struct link *l, enum mcp_list_kind kind, bool *ret_changed)
{
	const struct mcp_list *list = &l->lists[kind];
	size_t unknown = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct mcp_item *item = list->items[i];
		enum pin_state state;
		bool held;

		if (!item->has_digest) {
			digest_of(kinds[kind], item);
		}
		state = look_up(l, kinds[kind], item->key, item->digest);
		held = l->pins == CONFIG_CHECK_ENFORCE && state != PIN_PINNED;
		*ret_changed = *ret_changed || held != item->held;
		item->held = held;
		item->unknown = state == PIN_UNKNOWN;
		unknown += item->unknown;
	}
	return unknown;
}

static size_t judge_instructions(struct link *l)
{
	uint8_t digest[SHA256_LEN];
	enum pin_state state;
	struct buf text;

	l->instructions_held = l->instructions_unknown = false;
	if (l->instructions.n == 0 || l->configured.n) {
		return 0;
	}
	buf_init(&text, PIN_TEXT_MAX);
	put_instructions(l, &text);
	sha256_of(buf_str(&text), digest);
	buf_done(&text);
	state = look_up(l, PIN_INSTRUCTIONS, STR(""), digest);
	l->instructions_held = l->pins == CONFIG_CHECK_ENFORCE && state != PIN_PINNED;
	l->instructions_unknown = state == PIN_UNKNOWN;
	return l->instructions_unknown;
}

static size_t judge_all(struct link *l, bool changed[MCP_LIST_KINDS])
{
	size_t unknown = judge_instructions(l) + !is_seen_before(l);

	for (unsigned k = 0; k < MCP_LIST_KINDS; k++) {
		unknown += judge_list(l, (enum mcp_list_kind)k, &changed[k]);
	}
	return unknown;
}

/* ---- reports ---- */

struct reporter {
	struct link *link;
	struct buf report, text;
	struct arena arena;
	const struct str *others;
	size_t n_others;
};

static bool report_item(struct reporter *r, enum pin_kind kind, struct str name,
			const struct json *doc, const uint8_t digest[SHA256_LEN])
{
	struct pin_seen seen = {.kind = kind, .name = name, .text = buf_str(&r->text)};
	struct lint lint = {0};

	if (doc) {
		lint_item(&r->arena, doc, r->others, r->n_others, &lint);
		seen.score = lint.score;
	}
	memcpy(seen.digest, digest, SHA256_LEN);
	return pin_report_put(&r->report, &seen);
}

static bool report_list(struct reporter *r, enum mcp_list_kind kind)
{
	const struct mcp_list *list = &r->link->lists[kind];

	for (size_t i = 0; i < list->n; i++) {
		const struct mcp_item *item = list->items[i];
		const struct json *doc;

		if (!item->unknown) {
			continue;
		}
		arena_reset(&r->arena);
		buf_clear(&r->text);
		put_text(&r->arena, kinds[kind], item->raw, &doc, &r->text);
		if (!report_item(r, kinds[kind], item->key, doc, item->digest)) {
			return false;
		}
	}
	return true;
}

static void report_instructions(struct reporter *r)
{
	const struct json said = {.type = JSON_STRING, .text = r->link->instructions};
	uint8_t digest[SHA256_LEN];

	if (r->link->instructions_unknown) {
		buf_clear(&r->text);
		put_instructions(r->link, &r->text);
		sha256_of(buf_str(&r->text), digest);
		(void)report_item(r, PIN_INSTRUCTIONS, STR(""), &said, digest);
	}
}

static void report_server(struct reporter *r)
{
	uint8_t nothing[SHA256_LEN];

	buf_clear(&r->text);
	sha256_of(STR(""), nothing);
	if (!is_seen_before(r->link)) {
		(void)report_item(r, PIN_SERVER, STR(""), NULL, nothing);
	}
}

static bool write_room(int fd, struct str text)
{
	if (lseek(fd, 0, SEEK_SET) < 0) {
		return false;
	}
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		text = str_from(text, (size_t)n);
	}
	return true;
}

/* What does not fit is told after the answer. */
static void send_report(struct link *l)
{
	const struct config *config = l->gate->rules->config;
	struct str *others = calloc(config->n_servers + 1, sizeof(*others));
	struct reporter r = {.link = l, .others = others};
	struct gate_pins *pins = &l->gate->pins;

	arena_init(&r.arena, ITEM_MEMORY);
	buf_init(&r.report, PIN_REPORT_MAX);
	buf_init(&r.text, PIN_TEXT_MAX);
	for (size_t i = 0; others && i < config->n_servers; i++) {
		if (!str_eq(config->servers[i].id, l->id)) {
			others[r.n_others++] = config->servers[i].id;
		}
	}
	pin_report_begin(&r.report, l->id);
	report_instructions(&r);
	for (unsigned k = 0; k < MCP_LIST_KINDS && report_list(&r, (enum mcp_list_kind)k); k++) {
	}
	report_server(&r);
	if (!r.report.failed && write_room(pins->room_fd, buf_str(&r.report))) {
		pins->busy = true;
		l->pins_asked = true;
		pins->on_seen(l->gate, (uint32_t)buf_len(&r.report));
	} else {
		log_line(LOG_WARN, "server " STR_FMT ": what it offers cannot be pinned now",
			 STR_ARG(l->id));
	}
	free(others);
	buf_done(&r.report);
	buf_done(&r.text);
	arena_done(&r.arena);
}

/* The next link that has something to tell. */
static void pump(struct gate *g)
{
	if (g->pins.room_fd < 0 || !g->pins.on_seen) {
		return;
	}
	LIST_FOREACH (node, &g->links) {
		struct link *l = CONTAINER_OF(node, struct link, node);

		if (g->pins.busy) {
			return;
		}
		if (l->pins_wanted) {
			l->pins_wanted = false;
			send_report(l);
		}
	}
}

/* A report helps as long as each leaves less unknown than the one before. */
static bool want_report(struct link *l, size_t unknown)
{
	if (unknown == 0 || (l->pins_told && unknown >= l->pins_told) ||
	    l->gate->pins.room_fd < 0) {
		return false;
	}
	l->pins_told = unknown;
	l->pins_wanted = true;
	pump(l->gate);
	return l->pins_wanted || l->pins_asked;
}

/* ---- what links say ---- */

void pins_judge(struct link *l, enum mcp_list_kind kind)
{
	bool changed = false;
	size_t unknown;

	if (l->pins == CONFIG_CHECK_OFF) {
		return;
	}
	unknown = judge_list(l, kind, &changed);
	if (l->state == LINK_READY) {
		l->pins_told = 0;
		(void)want_report(l, unknown);
	}
}

bool pins_settle(struct link *l)
{
	bool changed[MCP_LIST_KINDS] = {false};

	l->pins_waiting = l->pins != CONFIG_CHECK_OFF && want_report(l, judge_all(l, changed));
	return !l->pins_waiting;
}

void pins_link_lost(struct link *l)
{
	l->pins_asked = l->pins_wanted = l->pins_waiting = false;
	l->pins_told = 0;
}

/* ---- what the supervisor says ---- */

static bool read_table(struct gate_pins *pins, int fd)
{
	struct arena a;
	struct str text;
	char *table;
	bool ok;

	arena_init(&a, 2 * (size_t)TABLE_MAX);
	ok = fd_read_all(fd, TABLE_MAX, &a, &text, NULL) == ERR_OK;
	table = ok ? malloc(text.n + 1) : NULL;
	if (table) {
		memcpy(table, text.p, text.n);
		free(pins->table);
		pins->table = table;
		pins->n = text.n;
	}
	arena_done(&a);
	return table != NULL;
}

/* Clients see more or less than before; a link that waited goes on. */
static void judge_again(struct link *l)
{
	bool changed[MCP_LIST_KINDS] = {false};
	size_t unknown = judge_all(l, changed);

	for (unsigned k = 0; k < MCP_LIST_KINDS; k++) {
		if (changed[k]) {
			gate_link_shown(l->gate, l, (enum mcp_list_kind)k);
		}
	}
	if (l->pins_waiting || l->state == LINK_READY) {
		bool asked = l->pins_asked;

		l->pins_asked = false;
		if (!want_report(l, unknown) && asked && l->pins_waiting) {
			link_settled(l);
		}
	}
}

void pins_take_table(struct gate *g, int fd, bool answer)
{
	if (answer) {
		g->pins.busy = false;
	}
	if (!read_table(&g->pins, fd)) {
		log_line(LOG_ERROR, "what is pinned cannot be read: what is new stays hidden");
	}
	LIST_FOREACH (node, &g->links) {
		struct link *l = CONTAINER_OF(node, struct link, node);

		/* a table that is no answer leaves the report that is under way */
		if (l->pins != CONFIG_CHECK_OFF && !l->retired && (answer || !l->pins_asked)) {
			judge_again(l);
		}
	}
	pump(g);
}
