/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/pin_store.h"

#include "base/hex.h"
#include "detect/lint.h"
#include "sys/fd.h"
#include "json/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX     "pins.json"
#define INDEX_NEW "pins.json.new"

enum { NAME_LEN = 2 * PIN_ID_LEN + 16 };

struct pin_share {
	struct pin_use use;
	struct str server; /* behind this struct */
};

void pin_store_init(struct pin_store *p)
{
	*p = (struct pin_store){.dir_fd = -1};
	map_init(&p->by_id, (struct hash_key){0});  /* the keys are hashes */
	map_init(&p->shares, (struct hash_key){0}); /* and ids of the configuration */
}

void pin_store_done(struct pin_store *p)
{
	for (size_t i = 0; i < p->use.n; i++) {
		free(p->all[i]);
	}
	free(p->all);
	for (size_t i = 0; i < p->shares.cap; i++) {
		free(p->shares.slots[i].value);
	}
	map_done(&p->by_id);
	map_done(&p->shares);
	fd_close(&p->dir_fd);
	pin_store_init(p);
}

static struct str id_str(const struct pin_id *id)
{
	return str_make((const char *)id->bytes, PIN_ID_LEN);
}

const struct pin *pin_store_find(const struct pin_store *p, const struct pin_id *id)
{
	return map_find(&p->by_id, id_str(id));
}

static struct pin_share *share_of(struct pin_store *p, struct str server)
{
	struct pin_share *share = map_find(&p->shares, server);
	char *text;

	if (share) {
		return share;
	}
	share = calloc(1, sizeof(*share) + server.n);
	if (!share) {
		return NULL;
	}
	text = (char *)(share + 1);
	memcpy(text, server.p, server.n);
	share->server = str_make(text, server.n);
	if (!map_put(&p->shares, share->server, share)) {
		free(share);
		return NULL;
	}
	return share;
}

/* Whether `more` fits into what the others leave of `max`, and into half of what is free. */
static bool has_room(size_t mine, size_t all, size_t more, size_t max)
{
	return all + more <= max && mine + more <= max - all;
}

static void count_held(struct pin_store *p, struct pin *pin, bool held)
{
	if (held) {
		p->use.n_held++;
		pin->share->use.n_held++;
	} else {
		p->use.n_held--;
		pin->share->use.n_held--;
	}
}

static bool all_grow(struct pin_store *p)
{
	size_t cap = p->cap ? 2 * p->cap : 64;
	struct pin **all = realloc(p->all, cap * sizeof(*all));

	if (all) {
		p->all = all;
		p->cap = cap;
	}
	return all != NULL;
}

/* A new pin that nothing is known of yet; NULL when there is no memory. */
static struct pin *pin_new(struct pin_store *p, struct str server, enum pin_kind kind,
			   struct str name)
{
	struct pin_share *share = share_of(p, server);
	struct pin *pin = share ? calloc(1, sizeof(*pin) + name.n) : NULL;
	char *text;

	if (!pin || (p->use.n == p->cap && !all_grow(p))) {
		free(pin);
		return NULL;
	}
	text = (char *)(pin + 1);
	memcpy(text, name.p, name.n);
	pin->server = share->server;
	pin->name = str_make(text, name.n);
	pin->kind = kind;
	pin->id = pin_id(server, kind, name);
	pin->share = share;
	if (!map_put(&p->by_id, id_str(&pin->id), pin)) {
		free(pin);
		return NULL;
	}
	p->all[p->use.n++] = pin;
	share->use.n++;
	return pin;
}

/* ---- files ---- */

static void file_name(char to[NAME_LEN], const struct pin_id *id, const char *ending)
{
	hex_write(to, id->bytes, PIN_ID_LEN);
	(void)snprintf(to + 2 * (size_t)PIN_ID_LEN, NAME_LEN - 2 * (size_t)PIN_ID_LEN, ".%s",
		       ending);
}

static enum err_code write_file(int dir_fd, const char *name, struct str text, bool sync,
				struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t done = 0;

	if (fd < 0) {
		return ERR_ERRNO(err, "writing pins/%s", name);
	}
	while (done < text.n) {
		ssize_t n = write(fd, text.p + done, text.n - done);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return ERR_ERRNO(err, "writing pins/%s", name);
		}
		done += (size_t)n;
	}
	if (sync && fsync(fd) < 0) {
		return ERR_ERRNO(err, "writing pins/%s", name);
	}
	return ERR_OK;
}

static void put_digest(struct json_writer *w, struct str key, const uint8_t digest[SHA256_LEN])
{
	char text[2 * SHA256_LEN];

	hex_write(text, digest, SHA256_LEN);
	json_w_member_str(w, key, str_make(text, sizeof(text)));
}

static void put_pin(struct json_writer *w, const struct pin *pin)
{
	char id[2 * PIN_ID_LEN];

	hex_write(id, pin->id.bytes, PIN_ID_LEN);
	json_w_object(w);
	json_w_member_str(w, STR("id"), str_make(id, sizeof(id)));
	json_w_member_str(w, STR("server"), pin->server);
	json_w_member_str(w, STR("kind"), pin_kind_name(pin->kind));
	json_w_member_str(w, STR("name"), pin->name);
	if (pin->has_pinned) {
		put_digest(w, STR("pinned"), pin->pinned);
		json_w_member_str(w, STR("how"), str_from_c(pin->how));
	}
	if (pin->has_pending) {
		put_digest(w, STR("pending"), pin->pending);
		json_w_member_bool(w, STR("rejected"), pin->rejected);
	}
	json_w_member_u64(w, STR("score"), pin->score);
	json_w_member_u64(w, STR("since"), pin->since);
	json_w_end(w);
}

/* On the disk when it returns; the texts, whose digests it holds, may come later. */
static enum err_code save(const struct pin_store *p, struct err *err)
{
	struct json_writer w;
	enum err_code code;
	struct buf b;

	buf_init(&b, PINS_FILE_MAX);
	w = json_writer(&b);
	json_w_object(&w);
	json_w_member_u64(&w, STR("version"), PIN_VERSION);
	json_w_key(&w, STR("pins"));
	json_w_array(&w);
	for (size_t i = 0; i < p->use.n; i++) {
		put_pin(&w, p->all[i]);
	}
	json_w_end(&w);
	json_w_end(&w);
	buf_append_c(&b, '\n');
	code = b.failed ? ERR(err, ERR_NOMEM, "no memory for the pins")
			: write_file(p->dir_fd, INDEX_NEW, buf_str(&b), true, err);
	buf_done(&b);
	if (!code &&
	    (renameat(p->dir_fd, INDEX_NEW, p->dir_fd, INDEX) < 0 || fsync(p->dir_fd) < 0)) {
		code = ERR_ERRNO(err, "renaming pins/" INDEX_NEW);
	}
	return code;
}

/* ---- reading what is there ---- */

static bool get_digest(const struct json *j, struct str key, uint8_t to[SHA256_LEN], bool *ret_has)
{
	const struct json *text = json_get(j, key);

	*ret_has = text != NULL;
	return !text || hex_read(json_str(text), to, SHA256_LEN);
}

static bool get_pin(struct pin_store *p, const struct json *j)
{
	struct str server = json_str(json_get(j, STR("server")));
	struct str name = json_str(json_get(j, STR("name")));
	struct str how = json_str(json_get(j, STR("how")));
	const struct json *rejected = json_get(j, STR("rejected"));
	enum pin_kind kind;
	uint64_t score = 0;
	struct pin *pin;

	if (!server.n || name.n > PIN_NAME_MAX || how.n >= PINS_HOW_MAX ||
	    !pin_kind_find(json_str(json_get(j, STR("kind"))), &kind)) {
		return false;
	}
	pin = pin_new(p, server, kind, name);
	if (!pin || !get_digest(j, STR("pinned"), pin->pinned, &pin->has_pinned) ||
	    !get_digest(j, STR("pending"), pin->pending, &pin->has_pending)) {
		return false;
	}
	memcpy(pin->how, how.p ? how.p : "", how.n);
	pin->rejected = json_is_bool(rejected) && rejected->boolean;
	if (pin->has_pending && !pin->rejected) {
		count_held(p, pin, true);
	}
	(void)json_u64(json_get(j, STR("since")), &pin->since);
	if (json_u64(json_get(j, STR("score")), &score)) {
		pin->score = score < 1000 ? (unsigned)score : 1000;
	}
	return true;
}

static enum err_code read_index(struct pin_store *p, struct arena *a, int fd, struct err *err)
{
	const struct json_opts opts = {.name = STR("pins/" INDEX), .max_bytes = PINS_FILE_MAX};
	const struct json *doc;
	struct str text;

	TRY(fd_read_all(fd, PINS_FILE_MAX, a, &text, err));
	TRY(json_parse(a, text, &opts, &doc, err));
	JSON_EACH (j, json_get(doc, STR("pins"))) {
		if (!get_pin(p, j)) {
			return ERR(err, ERR_CORRUPT,
				   "pins/" INDEX ", byte %u: this is no pin. Restore the file, or "
				   "remove the folder to pin everything anew",
				   j->at);
		}
	}
	return ERR_OK;
}

enum err_code pin_store_open(struct pin_store *p, int state_fd, struct err *err)
{
	CLEANUP(fd_close) int fd = -1;
	enum err_code code;
	struct arena a;

	if (mkdirat(state_fd, "pins", 0700) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "making the folder pins of the state directory");
	}
	p->dir_fd = openat(state_fd, "pins", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->dir_fd < 0) {
		return ERR_ERRNO(err, "opening the folder pins of the state directory");
	}
	fd = openat(p->dir_fd, INDEX, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOENT ? ERR_OK : ERR_ERRNO(err, "opening pins/" INDEX);
	}
	arena_init(&a, 4 * (size_t)PINS_FILE_MAX);
	code = read_index(p, &a, fd, err);
	arena_done(&a);
	return code;
}

/* ---- reports ---- */

struct str pin_store_report_server(struct str report)
{
	struct str server = {0}, rest;

	return pin_report_open(report, &server, &rest) ? server : STR("");
}

static void note_held(struct pin_news *news, const struct pin *pin)
{
	if (news->held_n < ARRAY_LEN(news->held)) {
		news->held[news->held_n] = pin;
	}
	news->held_n++;
}

static bool is_same(bool has, const uint8_t a[SHA256_LEN], const uint8_t b[SHA256_LEN])
{
	return has && memcmp(a, b, SHA256_LEN) == 0;
}

static enum err_code pin_it(struct pin_store *p, struct pin *pin, const struct pin_seen *seen,
			    uint64_t now, struct err *err)
{
	char name[NAME_LEN];

	file_name(name, &pin->id, "pinned");
	TRY(write_file(p->dir_fd, name, seen->text, false, err));
	memcpy(pin->pinned, seen->digest, SHA256_LEN);
	pin->has_pinned = true;
	pin->score = seen->score;
	pin->since = now;
	(void)snprintf(pin->how, sizeof(pin->how), "first use");
	return ERR_OK;
}

static enum err_code hold_it(struct pin_store *p, struct pin *pin, const struct pin_seen *seen,
			     uint64_t now, struct err *err)
{
	char name[NAME_LEN];

	file_name(name, &pin->id, "pending");
	TRY(write_file(p->dir_fd, name, seen->text, false, err));
	if (!pin->has_pending || pin->rejected) {
		count_held(p, pin, true);
	}
	memcpy(pin->pending, seen->digest, SHA256_LEN);
	pin->has_pending = true;
	pin->rejected = false;
	pin->score = seen->score;
	pin->since = now;
	return ERR_OK;
}

static enum err_code take_one(struct pin_store *p, struct str server, const struct pin_seen *seen,
			      bool first, uint64_t now, struct pin_news *news, struct err *err)
{
	struct pin_id id = pin_id(server, seen->kind, seen->name);
	struct pin *pin = map_find(&p->by_id, id_str(&id));
	struct pin_share *share = share_of(p, server);
	uint8_t digest[SHA256_LEN];

	sha256_of(seen->text, digest);
	if (!str_is_utf8(seen->name)) {
		return ERR(err, ERR_INVALID, "a name is not UTF-8");
	}
	if (memcmp(digest, seen->digest, SHA256_LEN) != 0) {
		return ERR(err, ERR_INVALID, "a text is not what its digest says");
	}
	if (pin && (is_same(pin->has_pinned, pin->pinned, seen->digest) ||
		    is_same(pin->has_pending, pin->pending, seen->digest))) {
		return ERR_OK; /* another gate was first */
	}
	if (!share ||
	    !has_room(share->use.written, p->use.written, seen->text.n, PINS_WRITTEN_MAX) ||
	    (!pin && !has_room(share->use.n, p->use.n, 1, PINS_MAX))) {
		news->full = true;
		return ERR_OK;
	}
	if (!pin) {
		pin = pin_new(p, server, seen->kind, seen->name);
	}
	if (!pin) {
		return ERR(err, ERR_NOMEM, "no memory for a pin");
	}
	p->use.written += seen->text.n;
	share->use.written += seen->text.n;
	news->changed = true;
	if (!pin->has_pinned && !pin->has_pending && seen->score < LINT_HOLD &&
	    (first || seen->kind == PIN_RESOURCE || seen->kind == PIN_SERVER)) {
		news->first_use += seen->kind != PIN_SERVER;
		return pin_it(p, pin, seen, now, err);
	}
	if (!has_room(share->use.n_held, p->use.n_held, 1, PINS_HELD_MAX) && !pin->has_pending) {
		news->full = true;
		return ERR_OK;
	}
	note_held(news, pin);
	return hold_it(p, pin, seen, now, err);
}

static enum err_code take_all(struct pin_store *p, struct str server, struct str rest, uint64_t now,
			      struct pin_news *news, struct err *err)
{
	struct pin_id self = pin_id(server, PIN_SERVER, STR(""));
	const struct pin *known = pin_store_find(p, &self);
	bool first = !known || !known->has_pinned, valid;
	struct pin_seen seen;

	while (pin_report_next(&rest, &seen, &valid)) {
		TRY(take_one(p, server, &seen, first, now, news, err));
	}
	return valid ? ERR_OK : ERR(err, ERR_INVALID, "a report is cut off");
}

enum err_code pin_store_take(struct pin_store *p, struct str report, uint64_t now,
			     struct pin_news *ret, struct err *err)
{
	struct str server, rest;
	enum err_code code;

	*ret = (struct pin_news){.changed = false};
	if (!pin_report_open(report, &server, &rest)) {
		return ERR(err, ERR_INVALID, "this is no report of pins");
	}
	code = take_all(p, server, rest, now, ret, err);
	return ret->changed && !code ? save(p, err) : code;
}

/* ---- a person's word ---- */

enum err_code pin_store_decide(struct pin_store *p, const struct pin_id *id,
			       const uint8_t digest[SHA256_LEN], bool yes, uint32_t uid,
			       uint64_t now, struct err *err)
{
	struct pin *pin = map_find(&p->by_id, id_str(id));
	char from[NAME_LEN], to[NAME_LEN];

	if (!pin || !is_same(pin->has_pending, pin->pending, digest)) {
		return ERR(err, ERR_NOT_FOUND,
			   "nothing of this digest waits there now: look again");
	}
	file_name(from, id, "pending");
	file_name(to, id, "pinned");
	if (yes && renameat(p->dir_fd, from, p->dir_fd, to) < 0) {
		return ERR_ERRNO(err, "renaming pins/%s", from);
	}
	if (!pin->rejected) {
		count_held(p, pin, false);
	}
	if (!yes) {
		pin->rejected = true;
		return save(p, err);
	}
	memcpy(pin->pinned, pin->pending, SHA256_LEN);
	pin->has_pinned = true;
	pin->has_pending = pin->rejected = false;
	pin->since = now;
	(void)snprintf(pin->how, sizeof(pin->how), "uid %u", uid);
	return save(p, err);
}

enum err_code pin_store_table(const struct pin_store *p, int *ret_fd, struct err *err)
{
	enum err_code code;
	struct buf b;

	buf_init(&b, (size_t)PIN_TABLE_MAX * PIN_ENTRY);
	for (size_t i = 0; i < p->use.n; i++) {
		const struct pin *pin = p->all[i];

		if (pin->has_pinned) {
			pin_table_put(&b, &pin->id, pin->pinned, PIN_PINNED);
		}
		if (pin->has_pending && !is_same(pin->has_pinned, pin->pinned, pin->pending)) {
			pin_table_put(&b, &pin->id, pin->pending, PIN_HELD);
		}
	}
	pin_table_sort(&b);
	code = b.failed ? ERR(err, ERR_NOMEM, "no memory for the table of pins")
			: fd_memfd("pins", buf_str(&b), ret_fd, err);
	buf_done(&b);
	return code;
}
