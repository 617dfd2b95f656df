/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2_lib.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The name of the interface's version, as Debian 12 and 13 ship it. */
static const char LIBRARY[] = "libnghttp2.so.14";

/* ISO C knows no conversion of an object's address to a function's; POSIX promises this one. */
static bool find(void *handle, const char *name, void *function)
{
	void *at = dlsym(handle, name);

	memcpy(function, &at, sizeof(at));
	return at != NULL;
}

enum err_code h2_lib_load(struct h2_lib **ret, struct err *err)
{
	struct h2_lib *lib = calloc(1, sizeof(*lib));
	bool all = true;

	if (!lib) {
		return ERR(err, ERR_NOMEM, "no memory for HTTP/2");
	}
	lib->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!lib->handle) {
		free(lib);
		return ERR(err, ERR_NOT_FOUND,
			   "HTTP/2 needs %s, which cannot be loaded (apt install libnghttp2-14)",
			   LIBRARY);
	}
#define X(name) all = find(lib->handle, "nghttp2_" #name, (void *)&lib->name) && all;
	H2_FUNCTIONS(X)
#undef X
	if (!all) {
		h2_lib_free(lib);
		return ERR(err, ERR_UNSUPPORTED, "%s is too old for HTTP/2 as Writ speaks it",
			   LIBRARY);
	}
	*ret = lib;
	return ERR_OK;
}

void h2_lib_free(struct h2_lib *lib)
{
	if (lib) {
		(void)dlclose(lib->handle);
		free(lib);
	}
}
