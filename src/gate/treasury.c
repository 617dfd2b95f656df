/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/treasury.h"

#include "crypto/secret.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, PROBES = 64 };

static const char magic[8] = {'w', 'r', 'i', 't', '-', 'b', 'd', 'g'};

struct treasury_head {
	char magic[8];
	uint32_t version, n;
	struct hash_key key;
	char zero[32];
};

struct treasury_file {
	struct treasury_head head;
	struct slot {
		_Atomic uint64_t name, word;
	} slots[TREASURY_SLOTS];
};

_Static_assert(sizeof(struct treasury_file) == 64 + 16 * TREASURY_SLOTS, "the format");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "processes share the words");

static bool is_ours(const struct treasury_head *head)
{
	return memcmp(head->magic, magic, sizeof(magic)) == 0 && head->version == VERSION &&
	       head->n == TREASURY_SLOTS;
}

static enum err_code not_ours(struct err *err)
{
	return ERR(err, ERR_INVALID,
		   "the file 'budgets' in the state directory is not one of this version; "
		   "move it away to begin anew with nothing used");
}

enum err_code treasury_prepare(int fd, struct err *err)
{
	struct treasury_head head = {.version = VERSION, .n = TREASURY_SLOTS};
	const size_t n = sizeof(head);
	struct stat st;

	memcpy(head.magic, magic, sizeof(magic));
	if (fstat(fd, &st) < 0) {
		return ERR_ERRNO(err, "the counters of budgets");
	}
	if (st.st_size == 0) {
		rand_bytes(&head.key, sizeof(head.key));
		if (ftruncate(fd, sizeof(struct treasury_file)) < 0 ||
		    pwrite(fd, &head, n, 0) != (ssize_t)n || fsync(fd) < 0) {
			return ERR_ERRNO(err, "writing the counters of budgets");
		}
		return ERR_OK;
	}
	if (st.st_size != sizeof(struct treasury_file) || pread(fd, &head, n, 0) != (ssize_t)n ||
	    !is_ours(&head)) {
		return not_ours(err);
	}
	return ERR_OK;
}

static enum err_code map(struct treasury *t, int fd, int prot, struct err *err)
{
	void *p = mmap(NULL, sizeof(struct treasury_file), prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		return ERR_ERRNO(err, "mapping the counters of budgets");
	}
	t->file = p;
	return ERR_OK;
}

enum err_code treasury_map(struct treasury *t, int fd, struct err *err)
{
	return map(t, fd, PROT_READ | PROT_WRITE, err);
}

enum err_code treasury_map_read(struct treasury *t, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size != sizeof(struct treasury_file)) {
		return not_ours(err);
	}
	TRY(map(t, fd, PROT_READ, err));
	if (!is_ours(&t->file->head)) {
		treasury_unmap(t);
		return not_ours(err);
	}
	return ERR_OK;
}

void treasury_unmap(struct treasury *t)
{
	if (t->file) {
		(void)munmap(t->file, sizeof(*t->file));
		t->file = NULL;
	}
}

/* The name's slot, claimed if it has none; false when all that may be its are others'. */
static bool find(struct treasury_file *f, struct str name, bool claim, uint32_t *ret)
{
	uint64_t h = hash_str(f->head.key, name);

	h = h ? h : 1;
	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t at = (uint32_t)((h + i) % TREASURY_SLOTS);
		uint64_t seen = atomic_load_explicit(&f->slots[at].name, memory_order_relaxed);

		if (seen == 0 && claim &&
		    atomic_compare_exchange_strong(&f->slots[at].name, &seen, h)) {
			seen = h;
		}
		if (seen == h) {
			*ret = at;
			return true;
		}
		if (seen == 0) {
			return false;
		}
	}
	return false;
}

static uint16_t period_of(uint64_t word)
{
	return (uint16_t)(word >> 48);
}

static uint64_t make_word(uint16_t period, uint64_t used)
{
	return (uint64_t)period << 48 | (used < TREASURY_MAX ? used : TREASURY_MAX);
}

/* Not before: periods count modulo 2^16. */
static uint16_t later(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) < 0 ? b : a;
}

bool treasury_take(struct treasury *t, struct str name, uint16_t period, uint64_t amount,
		   uint64_t limit, struct treasury_taken *ret)
{
	uint64_t word, used;
	uint16_t now;
	uint32_t at;

	if (!t->file || amount > TREASURY_MAX || limit > TREASURY_MAX ||
	    !find(t->file, name, true, &at)) {
		return false;
	}
	word = atomic_load(&t->file->slots[at].word);
	do {
		now = word ? later(period, period_of(word)) : period;
		used = now == period_of(word) ? word & TREASURY_MAX : 0;
		if (amount > limit || used > limit - amount) {
			return false;
		}
	} while (!atomic_compare_exchange_weak(&t->file->slots[at].word, &word,
					       make_word(now, used + amount)));
	*ret = (struct treasury_taken){.slot = at, .period = now, .amount = amount};
	return true;
}

void treasury_settle(struct treasury *t, struct treasury_taken *taken, uint64_t used)
{
	_Atomic uint64_t *to;
	uint64_t word, now;

	if (!t->file || (taken->amount == 0 && used == 0)) {
		return;
	}
	to = &t->file->slots[taken->slot].word;
	word = atomic_load(to);
	do {
		if (period_of(word) != taken->period) {
			break; /* that period is over, and forgotten */
		}
		now = word & TREASURY_MAX;
		now = now > taken->amount ? now - taken->amount : 0;
	} while (!atomic_compare_exchange_weak(to, &word, make_word(taken->period, now + used)));
	*taken = (struct treasury_taken){.amount = 0};
}

uint64_t treasury_used(const struct treasury *t, struct str name, uint16_t period)
{
	uint64_t word;
	uint32_t at;

	if (!t->file || !find(t->file, name, false, &at)) {
		return 0;
	}
	word = atomic_load(&t->file->slots[at].word);
	return period_of(word) == period ? word & TREASURY_MAX : 0;
}
