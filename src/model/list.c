/* SPDX-License-Identifier: Apache-2.0 */
#include "model/list.h"

#include "json/write.h"

static void write_model(struct json_writer *w, const struct model_listing *m)
{
	json_w_object(w);
	json_w_member_str(w, STR("id"), m->id);
	json_w_member_str(w, STR("object"), STR("model"));
	json_w_member_u64(w, STR("created"), m->created);
	json_w_member_str(w, STR("owned_by"), m->owned_by);
	json_w_end(w);
}

void model_list_append(struct buf *out, const struct model_listing *models, size_t n,
		       model_list_filter *filter, void *ctx)
{
	struct json_writer w = json_writer(out);

	json_w_object(&w);
	json_w_member_str(&w, STR("object"), STR("list"));
	json_w_key(&w, STR("data"));
	json_w_array(&w);
	for (size_t i = 0; i < n; i++) {
		if (!filter || filter(ctx, &models[i])) {
			write_model(&w, &models[i]);
		}
	}
	json_w_end(&w);
	json_w_end(&w);
}

void model_list_append_one(struct buf *out, const struct model_listing *m)
{
	struct json_writer w = json_writer(out);

	write_model(&w, m);
}
