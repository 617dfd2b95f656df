/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tls_lib_priv.h"

#include <dlfcn.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

/* Written once, by tls_load(), like the linker's own table of functions: then its page is closed. */
static union {
	struct tls_lib functions;
	char page[PAGE];
} loaded __attribute__((aligned(PAGE)));

static const struct {
	const char *name;
	size_t at;
} names[] = {
#define X(function) {#function, offsetof(struct tls_lib, function)},
	TLS_LIB_FUNCTIONS(X)
#undef X
};

_Static_assert(sizeof(struct tls_lib) == ARRAY_LEN(names) * sizeof(void *), "one for each name");
_Static_assert(sizeof(loaded) == PAGE, "the table fits a page");

const struct tls_lib *tls_lib(void)
{
	return &loaded.functions;
}

enum err_code tls_load(struct err *err)
{
	struct tls_lib found = {0};
	void *lib;

	if (loaded.functions.SSL_new) {
		return ERR_OK;
	}
	lib = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!lib) {
		return ERR(err, ERR_UNSUPPORTED, "TLS needs OpenSSL 3: %s", dlerror());
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		void *function = dlsym(lib, names[i].name); /* libcrypto's too: libssl needs it */

		if (!function) {
			return ERR(err, ERR_UNSUPPORTED, "TLS needs OpenSSL 3: %s", dlerror());
		}
		memcpy((char *)&found + names[i].at, &function, sizeof(function));
	}
	loaded.functions = found;
	if (mprotect(&loaded, sizeof(loaded), PROT_READ) < 0) {
		return ERR_ERRNO(err, "close the table of OpenSSL");
	}
	return ERR_OK;
}
