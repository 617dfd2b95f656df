/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of people who sign for sites: Ed25519 in PEM (RFC 8410), as `openssl genpkey` writes them. */
#ifndef CLI_SITE_KEY_H
#define CLI_SITE_KEY_H

#include "crypto/sign.h"

/* ERR_DENIED: others may read the file; ERR_INVALID: no such key, said without showing it. */
enum err_code site_key_read(const char *path, struct sign_key *ret, struct err *err) MUST_USE;

#define SITE_OPT_KEY(p)                                                                            \
	{                                                                                          \
		.name = "key", .letter = 'k', .value = "FILE", .text = (p),                        \
		.help = "your private key: openssl genpkey -algorithm ed25519 -out FILE"           \
	}

#endif
