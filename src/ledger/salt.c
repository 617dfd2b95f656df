/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/salt.h"

enum { LEDGER_ACTION_ID_MAX = 256 };

void ledger_salt_of(const struct ledger_salt_key *key, struct str action_id, enum ledger_part part,
		    uint8_t ret[SHA256_LEN])
{
	struct str name = part == LEDGER_RESULT    ? STR("result")
			  : part == LEDGER_REQUEST ? STR("request")
			  : part == LEDGER_PROMPT  ? STR("prompt")
						   : STR("arguments");
	UNSET char text[16 + LEDGER_ACTION_ID_MAX];

	ASSERT(action_id.n <= LEDGER_ACTION_ID_MAX);
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	memcpy(text + name.n + 1, action_id.p, action_id.n);
	hmac_sha256(str_make((const char *)key->bytes, sizeof(key->bytes)),
		    str_make(text, name.n + 1 + action_id.n), ret);
}

void ledger_commit_init(struct sha256 *h, const struct ledger_salt_key *key, struct str action_id,
			enum ledger_part part)
{
	uint8_t salt[SHA256_LEN];

	ledger_salt_of(key, action_id, part, salt);
	sha256_init(h);
	sha256_update(h, salt, sizeof(salt));
}

void ledger_commit(const struct ledger_salt_key *key, struct str action_id, enum ledger_part part,
		   struct str content, uint8_t ret[SHA256_LEN])
{
	UNSET struct sha256 h;

	ledger_commit_init(&h, key, action_id, part);
	sha256_update(&h, content.p, content.n);
	sha256_final(&h, ret);
}
