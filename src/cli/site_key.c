/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/site_key.h"

#include "base/arena.h"
#include "base/hex.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 4096 };

/* RFC 8410 section 7: a PKCS #8 key of this algorithm is these bytes and the seed. */
static const uint8_t pkcs8_head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
				     0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

static bool find_seed(struct arena *a, struct str pem, const uint8_t **ret)
{
	static const struct str begin = STR_INIT("-----BEGIN PRIVATE KEY-----\n");
	size_t at = str_find_str(pem, begin);
	struct str rest = at < pem.n ? str_from(pem, at + begin.n) : STR(""), der;
	size_t end = str_find_str(rest, STR("\n-----END PRIVATE KEY-----"));

	if (end >= rest.n || !base64_decode(a, str_make(rest.p, end), &der) ||
	    der.n != sizeof(pkcs8_head) + SIGN_SEED_LEN ||
	    memcmp(der.p, pkcs8_head, sizeof(pkcs8_head)) != 0) {
		return false;
	}
	*ret = (const uint8_t *)der.p + sizeof(pkcs8_head);
	return true;
}

static enum err_code read_key(struct arena *a, const char *path, struct sign_key *ret,
			      struct err *err)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const uint8_t *seed;
	struct stat st;
	struct str pem;

	if (fd < 0 || fstat(fd, &st) < 0) {
		return ERR_ERRNO(err, "%s", path);
	}
	if (st.st_mode & 077) {
		return ERR(err, ERR_DENIED, "%s is open to others: chmod 600 it", path);
	}
	TRY(fd_read_all(fd, KEY_FILE_MAX, a, &pem, err));
	if (!find_seed(a, pem, &seed)) {
		return ERR(err, ERR_INVALID,
			   "%s is no private key as `openssl genpkey -algorithm ed25519` writes it",
			   path);
	}
	return sign_key_init(ret, seed, err);
}

enum err_code site_key_read(const char *path, struct sign_key *ret, struct err *err)
{
	struct arena a;
	enum err_code code;

	arena_init(&a, 64 << 10);
	code = path ? read_key(&a, path, ret, err)
		    : ERR(err, ERR_INVALID, "--key is needed: the private key that signs");
	arena_wipe(&a);
	arena_done(&a);
	return code;
}
