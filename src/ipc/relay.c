/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/relay.h"

#include "base/num.h"

void relay_frame(struct buf *out, enum relay_kind kind, uint32_t n)
{
	char header[RELAY_HEADER];

	header[0] = (char)kind;
	num_put_u32(header + 1, n);
	buf_append(out, str_make(header, sizeof(header)));
}

bool relay_next(struct relay_reader *r, struct str *in, enum relay_kind *ret_kind, struct str *ret,
		bool *ret_end)
{
	size_t n;

	*ret_kind = RELAY_NONE;
	while (r->n_header < RELAY_HEADER) {
		if (in->n == 0) {
			return true;
		}
		r->header[r->n_header++] = (unsigned char)in->p[0];
		*in = str_from(*in, 1);
		if (r->n_header == RELAY_HEADER) {
			r->left = num_get_u32(r->header + 1);
			if (r->header[0] < RELAY_HEAD || r->header[0] > RELAY_PERMIT ||
			    r->left == 0 ||
			    (r->header[0] != RELAY_BODY && r->left > RELAY_HEAD_MAX)) {
				return false;
			}
		}
	}
	if (in->n == 0) {
		return true;
	}
	n = in->n < r->left ? in->n : r->left;
	*ret_kind = (enum relay_kind)r->header[0];
	*ret = str_make(in->p, n);
	*in = str_from(*in, n);
	r->left -= (uint32_t)n;
	*ret_end = r->left == 0;
	if (r->left == 0) {
		r->n_header = 0;
	}
	return true;
}
