/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_raise.h"

#include "gate/session.h"

void rules_raise_init(struct rules *r)
{
	const struct config_residency *c = &r->config->residency;
	const struct site_words words = {.categories = c->categories.items,
					 .n_categories = c->categories.n};

	for (size_t i = 0; i < c->n_raises; i++) {
		const struct config_raise *raise = &c->raises[i];

		for (size_t k = 0; k < raise->to.n; k++) {
			uint16_t to = site_category_find(&words, raise->to.items[k]);

			for (unsigned d = 0; d < DETECT_CLASSES; d++) {
				r->raises[d] |= raise->classes & DETECT_BIT(d) ? to : 0;
			}
		}
		r->seeks |= raise->classes;
	}
}

unsigned rules_raise_look(const struct rules *r, struct session *s, struct str json)
{
	unsigned found = s->met_data;

	if (json.p && (r->seeks & ~found)) {
		found |= detect_in_json(json, r->seeks);
	}
	if (!s->outlives) {
		s->met_data = found;
	}
	return found;
}

uint16_t rules_raise_to(const struct rules *r, unsigned found)
{
	uint16_t to = 0;

	for (unsigned d = 0; found && d < DETECT_CLASSES; d++) {
		to |= found & DETECT_BIT(d) ? r->raises[d] : 0;
	}
	return to;
}
