/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/secret.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

enum err_code secret_init(struct secret *s, size_t n, struct err *err)
{
	void *p;

	ASSERT(n > 0);
	/* Locked by a flag and not by mlock(2), which a role's jail does not allow. */
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (p == MAP_FAILED) { /* above the limit of locked memory: it works without, too */
		p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (p == MAP_FAILED) {
		return ERR_ERRNO(err, "memory for a secret");
	}
	(void)madvise(p, n, MADV_DONTDUMP);
	(void)madvise(p, n, MADV_WIPEONFORK);
	*s = (struct secret){.p = p, .n = n};
	return ERR_OK;
}

enum err_code secret_copy(struct secret *s, struct str from, struct err *err)
{
	TRY(secret_init(s, from.n ? from.n : 1, err));
	if (from.n) {
		memcpy(s->p, from.p, from.n);
	}
	s->n = from.n;
	return ERR_OK;
}

void secret_done(struct secret *s)
{
	size_t n = s->n ? s->n : 1;

	if (s->p) {
		secret_wipe(s->p, n);
		(void)munmap(s->p, n);
	}
	*s = (struct secret){0};
}

void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	unsigned different = 0;

	for (size_t i = 0; i < n; i++) {
		different |= (unsigned)(x[i] ^ y[i]);
	}
	return different == 0;
}

void rand_bytes(void *to, size_t n)
{
	char *p = to;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		ASSERT(got > 0);
		p += got;
		n -= (size_t)got;
	}
}
