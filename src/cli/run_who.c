/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which program made a connection, for the node that decides about it. Only `writ run` can look: it
 * made the sandbox, and is the user whose processes run in it.
 */
#include "base/hex.h"
#include "cli/run.h"
#include "crypto/sha256.h"
#include "sandbox/owner.h"
#include "sys/fd.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HASH_STEP = 64 << 10, ADDRESS_4 = 4, ADDRESS_6 = 16 };

static bool same_file(const struct run_digest *k, const struct stat *st)
{
	return k->used && k->dev == st->st_dev && k->ino == st->st_ino && k->size == st->st_size &&
	       k->changed.tv_sec == st->st_ctim.tv_sec && k->changed.tv_nsec == st->st_ctim.tv_nsec;
}

static bool hash_file(int fd, uint8_t digest[SHA256_LEN])
{
	char bytes[HASH_STEP];
	struct sha256 h;
	ssize_t n;

	sha256_init(&h);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		sha256_update(&h, bytes, (size_t)n);
	}
	sha256_final(&h, digest);
	return n == 0;
}

/* Its digest, which is kept as long as the file is as it was. NULL: it cannot be read. */
static const struct run_digest *digest_of(struct run_digests *kept, int fd)
{
	struct run_digest *k;
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(kept->items); i++) {
		if (same_file(&kept->items[i], &st)) {
			return &kept->items[i];
		}
	}
	k = &kept->items[kept->next];
	*k = (struct run_digest){
		.dev = st.st_dev, .ino = st.st_ino, .size = st.st_size, .changed = st.st_ctim};
	k->used = hash_file(fd, k->digest);
	if (!k->used) {
		return NULL;
	}
	kept->next = (kept->next + 1) % ARRAY_LEN(kept->items);
	return k;
}

static bool read_conn(struct frame_reader *r, struct sandbox_conn *c)
{
	struct str own = frame_get_str(r);
	uint32_t own_port = frame_get_u32(r);
	struct str peer = frame_get_str(r);
	uint32_t peer_port = frame_get_u32(r);

	if (!frame_ok(r) || own.n != peer.n || (own.n != ADDRESS_4 && own.n != ADDRESS_6)) {
		return false;
	}
	*c = (struct sandbox_conn){.v6 = own.n == ADDRESS_6,
				   .own_port = htons((uint16_t)own_port),
				   .peer_port = htons((uint16_t)peer_port)};
	memcpy(c->own, own.p, own.n);
	memcpy(c->peer, peer.p, peer.n);
	return true;
}

enum err_code run_who(struct chan *node, struct frame_reader *r, const struct sandbox_given *given,
		      struct run_digests *kept, struct err *err)
{
	uint64_t n = frame_get_u64(r);
	struct sandbox_owner owner = {.exe = -1};
	const struct run_digest *digest = NULL;
	struct sandbox_conn conn;
	struct err unknown;
	char hex[2 * SHA256_LEN];

	if (!read_conn(r, &conn)) {
		return ERR(err, ERR_CORRUPT, "the node's question is malformed");
	}
	if (given->proc >= 0 && given->diag >= 0 &&
	    sandbox_owner_find(given->proc, given->diag, &conn, &owner, &unknown) == ERR_OK) {
		digest = digest_of(kept, owner.exe);
		fd_close(&owner.exe);
	}
	if (digest) {
		hex_write(hex, digest->digest, SHA256_LEN);
	}
	return run_talk_program(node, n, digest ? str_from_c(owner.path) : STR(""),
				str_make(hex, digest ? sizeof(hex) : 0), digest && owner.certain,
				err);
}
